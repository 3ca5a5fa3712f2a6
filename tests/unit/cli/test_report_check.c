/* report_check - a wrong counter, a lost page, a dead partition: each is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/report_check.h"
#include "tests/unit/cli/fake.h"

static struct cli_findings findings;

struct sample {
	Tarn__StatusReply *status;
	Tarn__DrillRecord **drills;
	size_t drill_count;
};

static struct sample sample(void)
{
	struct sample made = { .status = fake_status() };

	made.status->n_hosts = 1; /* the other one never joined */
	made.drills = fake_drills(&made.drill_count);
	return made;
}

static void check(const struct sample *s)
{
	cli_report_check(&findings, s->status, s->drills, s->drill_count);
}

static void figures_that_add_up_find_nothing(void **state)
{
	struct sample s = sample();

	(void)state;
	check(&s);
	if (findings.count != 0)
		fail_msg("%s: %s", findings.rows[0].where, findings.rows[0].text);
}

static Tarn__PartitionStat *stat_of(struct sample *s, unsigned i)
{
	return s->status->lpars[i]->stat;
}

static Tarn__HostStat *host_of(struct sample *s)
{
	return s->status->hosts[0]->stat;
}

static void lose_resident(struct sample *s)
{
	stat_of(s, 0)->resident_pages--;
	host_of(s)->pool->frames_free++;
}

static void lose_stolen(struct sample *s)
{
	stat_of(s, 0)->stolen_pages--;
}

static void lose_zero(struct sample *s)
{
	stat_of(s, 1)->zero_pages++;
}

static void add_fault(struct sample *s)
{
	stat_of(s, 0)->faults++;
}

static void lose_page_in(struct sample *s)
{
	stat_of(s, 0)->page_ins--;
}

static void add_minor(struct sample *s)
{
	stat_of(s, 0)->minor_faults++;
}

static void add_failed(struct sample *s)
{
	stat_of(s, 0)->failed_faults++;
}

static void add_poisoned(struct sample *s)
{
	stat_of(s, 0)->poisoned_pages++;
	stat_of(s, 0)->stolen_pages--;
}

static void add_mismatch(struct sample *s)
{
	stat_of(s, 2)->mismatches++;
}

static void add_checksum(struct sample *s)
{
	stat_of(s, 0)->checksum_errors++;
}

static void add_integrity(struct sample *s)
{
	stat_of(s, 0)->integrity_errors++;
}

static void add_bad(struct sample *s)
{
	stat_of(s, 2)->verify_bad++;
}

static void skip_a_page(struct sample *s)
{
	stat_of(s, 2)->pages_verified--;
}

static void lose_slots(struct sample *s)
{
	stat_of(s, 0)->slots_live = stat_of(s, 0)->stolen_pages - 1;
}

static void invent_slots(struct sample *s)
{
	stat_of(s, 0)->slots_free += 1000;
}

static void lose_device(struct sample *s)
{
	s->status->lpars[0]->record->device = (char *)"d9";
}

static void die(struct sample *s)
{
	s->status->lpars[2]->stat = NULL;
}

static void end(struct sample *s)
{
	stat_of(s, 1)->state = TARN__PARTITION_STATE__PARTITION_ENDED;
}

static void restart_silently(struct sample *s)
{
	stat_of(s, 2)->run_id++;
}

static void haunt(struct sample *s)
{
	s->status->lpars[2]->record->running = false;
}

static void end_unasked(struct sample *s)
{
	s->status->lpars[2]->stat = NULL;
	s->status->lpars[2]->record->running = false;
	s->status->lpars[2]->record->has_ended_unasked = true;
	s->status->lpars[2]->record->ended_unasked = true;
	s->status->lpars[2]->record->last_end = (char *)"killed by signal 11";
}

static void lose_block(struct sample *s)
{
	host_of(s)->lmbs_free--;
}

static void shrink_pool(struct sample *s)
{
	host_of(s)->pool->pool_bytes -= 4096;
}

static void want_more_pool(struct sample *s)
{
	s->status->hosts[0]->record->pool->mem_bytes *= 2;
}

static void lose_frame(struct sample *s)
{
	host_of(s)->pool->frames_free -= 641;
}

static void invent_frames(struct sample *s)
{
	host_of(s)->pool->frames_free = host_of(s)->pool->frames + 1;
}

static void fail_audit(struct sample *s)
{
	host_of(s)->audit_ok = false;
}

static void disconnect(struct sample *s)
{
	s->status->hosts[0]->connected = false;
}

static void lose_hypervisor(struct sample *s)
{
	s->status->hosts[0]->hypervisor_up = false;
}

static void never_report(struct sample *s)
{
	s->status->hosts[0]->stat = NULL;
}

static void break_pair(struct sample *s)
{
	host_of(s)->vios[0]->state = TARN__VIOS_STATE__VIOS_DOWN;
}

static void lose_path(struct sample *s)
{
	s->status->devices[1]->redundant = false;
}

static void miss_pages(struct sample *s)
{
	Tarn__PartitionStat *stat = stat_of(s, 0);

	stat->mirror = (char *)"d2";
	stat->missed = 3;
	stat->has_redundant = true;
	stat->redundant = false;
}

static void read_bad(struct sample *s)
{
	stat_of(s, 0)->cross_bad = 1;
}

static void fail_drill(struct sample *s)
{
	s->drills[1]->verdict = (char *)"failed";
}

static void leave_drill(struct sample *s)
{
	s->drills[1]->verdict = NULL;
}

static void bad_in_drill(struct sample *s)
{
	s->drills[0]->bad_pages = 1;
}

static void skip_in_drill(struct sample *s)
{
	s->drills[0]->partitions[0]->pages_verified--;
}

static void unverified_in_drill(struct sample *s)
{
	s->drills[0]->partitions[0]->verified = false;
}

static void died_in_drill(struct sample *s)
{
	s->drills[0]->partitions[1]->end = (char *)"killed by signal 7";
}

static void one_wrong_figure_is_found_and_named(void **state)
{
	static const struct {
		void (*spoil)(struct sample *s);
		const char *where, *text;
	} rows[] = {
		{ lose_resident, "partition db1", "logical pages is 14336, but" },
		{ lose_stolen, "partition db1", "logical pages is 14336, but" },
		{ lose_zero, "partition web", "logical pages is 12288, but" },
		{ add_fault, "partition db1", "faults is 14236, but" },
		{ lose_page_in, "partition db1", "faults is 14235, but" },
		{ add_minor, "partition db1", "faults is 14235, but" },
		{ add_failed, "partition db1", "faults is 14235, but" },
		{ add_poisoned, "partition db1", "1 poisoned pages" },
		{ add_mismatch, "partition ded", "1 mismatches found by the workload" },
		{ add_checksum, "partition db1", "1 checksum errors" },
		{ add_integrity, "partition db1", "1 integrity errors" },
		{ add_bad, "partition ded", "1 bad pages in the last verification" },
		{ skip_a_page, "partition ded", "pages verified is 8191, but logical" },
		{ lose_slots, "partition db1", "4231 pages are paged out, but only" },
		{ invent_slots, "partition db1", "17382 slots are in use, but its" },
		{ lose_device, "partition db1", "its paging device 'd9' is unknown" },
		{ die, "partition ded", "is not alive: Running" },
		{ end, "partition web", "is not alive: Waiting for paging: no paging" },
		{ restart_silently, "partition ded", "run is 2, but run wanted is 1" },
		{ haunt, "partition ded", "is off, but runs" },
		{ end_unasked, "partition ded",
		  "ended, and nobody asked it to: killed by signal 11" },
		{ lose_block, "host h1", "memory blocks is 32, but" },
		{ shrink_pool, "host h1", "pool is 100659200, but its blocks is" },
		{ want_more_pool, "host h1", "pool is 100663296, but the pool wanted" },
		{ lose_frame, "host h1", "frames in use is 18651, but" },
		{ invent_frames, "host h1", "24001 frames are free of 24000" },
		{ fail_audit, "host h1", "audit failed: no text" },
		{ disconnect, "host h1", "is not connected" },
		{ lose_hypervisor, "host h1", "has no hypervisor" },
		{ never_report, "host h1", "has not reported" },
		{ break_pair, "host h1", "its paging VIOS are not a redundant pair" },
		{ lose_path, "host h1", "its paging VIOS are not a redundant pair" },
		{ miss_pages, "partition db1", "3 pages are behind" },
		{ read_bad, "partition db1", "not verified: 1 page was not as" },
		{ fail_drill, "drill 2", "failed" },
		{ leave_drill, "drill 2", "is not over" },
		{ bad_in_drill, "drill 1", "1 bad pages" },
		{ skip_in_drill, "drill 1", "pages verified of a partition is 14335" },
		{ unverified_in_drill, "drill 1", "partition 'db1' was not verified" },
		{ died_in_drill, "drill 1", "partition 'web' ended: killed by" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct sample s = sample();
		bool is_named = false;

		rows[i].spoil(&s);
		check(&s);
		for (unsigned n = 0; n < findings.count; n++)
			is_named = is_named ||
				   (strcmp(findings.rows[n].where, rows[i].where) == 0 &&
				    strncmp(findings.rows[n].text, rows[i].text,
					    strlen(rows[i].text)) == 0);
		if (!is_named)
			fail_msg("row %u: %u findings, the first '%s: %s'", i,
				 findings.count,
				 findings.count > 0 ? findings.rows[0].where : "",
				 findings.count > 0 ? findings.rows[0].text : "");
	}
}

/* Nobody outside can verify it: what it read is what counts. */
static void a_guest_in_a_drill_is_not_missed(void **state)
{
	struct sample s = sample();
	Tarn__DrillPartition *row = s.drills[0]->partitions[1];

	(void)state;
	s.drills[0]->pages_verified -= row->pages_verified;
	s.drills[1]->pages_verified -= row->pages_verified; /* they have it in common */
	row->has_guest = row->guest = true;
	row->verified = false;
	row->pages_verified = 0;
	check(&s);
	assert_int_equal(findings.count, 2);
	assert_string_equal(findings.rows[0].text, "partition 'web' was not verified");
	row->has_pages_compared = true;
	row->pages_compared = 812;
	check(&s);
	assert_int_equal(findings.count, 0);
	row->errors = 1;
	check(&s);
	assert_int_equal(findings.count, 2);
	assert_string_equal(findings.rows[0].text, "1 page errors of a guest");
}

/* Off, but not because anybody wanted it: neither screen passes over it. */
static void a_partition_that_ended_by_itself_is_seen(void **state)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	struct fake *fake = fake_new();
	struct sample s = sample();

	(void)state;
	end_unasked(&s);
	s.status->lpars[2]->state = (char *)"Not Activated";
	reply.status = s.status;
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, "status"), CLI_DONE);
	assert_non_null(strstr(fake->out, ", 1 ended by itself"));
	assert_non_null(strstr(fake->out, "Ended: killed by signal 11"));
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, "status --json"), CLI_DONE);
	assert_non_null(strstr(fake->out, "\"ended_unasked\": true"));
	fake_answer_drills(fake);
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, "report"), CLI_FAILED);
	assert_non_null(strstr(fake->err, "partition ded: ended, and nobody asked it to: "
					  "killed by signal 11"));
	fake_free(fake);
}

static void a_wrong_figure_makes_the_command_fail(void **state)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	struct fake *fake = fake_new();
	struct sample s;

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		fake_answer_drills(fake);
		s = sample();
		add_fault(&s);
		reply.status = s.status;
		fake_answer(fake, &reply);
	}
	assert_int_equal(fake_run(fake, "report"), CLI_FAILED);
	assert_non_null(strstr(fake->out, "partition db1: faults is 14236, but zero"));
	assert_non_null(strstr(fake->err, "tarn: 1 of the report's checks failed: "
					  "partition db1: faults is 14236, but"));
	assert_int_equal(fake_run(fake, "report --json"), CLI_FAILED);
	assert_non_null(strstr(fake->out, "\"verdict\": \"failed\""));
	fake_free(fake);
}

static void the_report_is_saved_as_it_was_printed(void **state)
{
	static char printed[16384], saved[16384];
	char path[] = "/tmp/tarn-report-XXXXXX", line[128];
	struct fake *fake = fake_new();
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (unsigned i = 0; i < 2; i++) {
		fake_answer_drills(fake);
		fake_answer_status(fake);
	}
	(void)snprintf(line, sizeof(line), "report --json --save %s", path);
	assert_int_equal(fake_run(fake, line), CLI_FAILED); /* host-two never joined */
	(void)snprintf(printed, sizeof(printed), "%s", fake->out);
	assert_true(read(fd, saved, sizeof(saved) - 1) > 0);
	assert_string_equal(saved, printed);
	(void)close(fd);
	(void)unlink(path);
	assert_int_equal(fake_run(fake, "report --save /nowhere/report"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: open '/nowhere/report': No such file or "
				       "directory\n");
	fake_free(fake);
}

static void more_findings_than_fit_are_counted(void **state)
{
	Tarn__DrillRecord *many[CLI_FINDINGS_MAX + 6];
	struct sample s = sample();

	(void)state;
	fail_drill(&s);
	for (unsigned i = 0; i < HV_COUNT(many); i++)
		many[i] = s.drills[1];
	s.drills = many;
	s.drill_count = HV_COUNT(many);
	check(&s);
	assert_int_equal(findings.count, HV_COUNT(many));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures_that_add_up_find_nothing),
		cmocka_unit_test(one_wrong_figure_is_found_and_named),
		cmocka_unit_test(a_guest_in_a_drill_is_not_missed),
		cmocka_unit_test(a_partition_that_ended_by_itself_is_seen),
		cmocka_unit_test(a_wrong_figure_makes_the_command_fail),
		cmocka_unit_test(the_report_is_saved_as_it_was_printed),
		cmocka_unit_test(more_findings_than_fit_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
