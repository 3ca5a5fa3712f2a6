/*
 * output - what each command prints, against golden files (tests/unit/cli/golden).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/mirror.h"
#include "tests/unit/cli/fake.h"
#include "tests/unit/cli/golden.h"

static void questions_print_their_tables(void **state)
{
	static const struct {
		const char *line, *golden;
	} rows[] = {
		{ "status", "status.txt" },
		{ "host list", "host_list.txt" },
		{ "host show h1", "host_show.txt" },
		{ "host show host-two", "host_show_not_joined.txt" },
		{ "host explain-memory h1", "host_explain.txt" },
		{ "host explain-memory h1 --json", "host_explain.json" },
		{ "host advise", "host_advise.txt" },
		{ "host advise h1 --json", "host_advise.json" },
		{ "lpar what-if --max 8G", "lpar_what_if.txt" },
		{ "lpar what-if --max 256M --hpt-ratio 1:512 --host h1 --json",
		  "lpar_what_if.json" },
		{ "pool show", "pool_show.txt" },
		{ "pool why", "pool_why.txt" },
		{ "pool why --host host-two", "pool_why_none.txt" },
		{ "pool why --json", "pool_why.json" },
		{ "vios list", "vios_list.txt" },
		{ "vios list --host h1", "vios_list.txt" },
		{ "pgdev list", "pgdev_list.txt" },
		{ "lpar list", "lpar_list.txt" },
		{ "lpar list --host h1", "lpar_list.txt" },
		{ "lpar list --host host-two", "lpar_list_none.txt" },
		{ "lpar show db1", "lpar_show.txt" },
		{ "lpar show web", "lpar_show_waiting.txt" },
		{ "lpar show ded", "lpar_show_dedicated.txt" },
		{ "lpar show off", "lpar_show_off.txt" },
		{ "host list --json", "host_list.json" },
		{ "pool show --json", "pool_show.json" },
		{ "vios list --json", "vios_list.json" },
		{ "pgdev list --json", "pgdev_list.json" },
		{ "lpar show db1 --json", "lpar_show.json" },
		{ "status --json", "status.json" },
		{ "__names lpar", "names_lpar.txt" },
		{ "__names host", "names_host.txt" },
		{ "__names pgdev", "names_pgdev.txt" },
		{ "__names vios", "names_vios.txt" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();

		fake_answer_status(fake);
		assert_int_equal(fake_run(fake, rows[i].line), CLI_DONE);
		assert_string_equal(fake->err, "");
		check_golden(rows[i].golden, fake->out);
		fake_free(fake);
	}
}

static void what_is_behind_one_vios_alone_is_said(void **state)
{
	Tarn__StatusReply *status = fake_status_mirrored();
	Tarn__PartitionStat *stat = status->lpars[0]->stat;

	(void)state;
	check_golden_of(status, "status", "status_mirror.txt");
	check_golden_of(status, "lpar show db1", "lpar_show_mirror.txt");
	check_golden_of(status, "lpar list", "lpar_list_mirror.txt");
	check_golden_of(status, "lpar stat", "lpar_stat_mirror.txt");
	check_golden_of(status, "lpar stat --json", "lpar_stat_mirror.json");
	check_golden_of(status, "pgdev list", "pgdev_list_mirror.txt");
	stat->missed = 0;
	stat->mirror_missed = 1;
	stat->cross_bad = stat->has_cross_bad_page = 1;
	stat->cross_bad_page = 77;
	stat->cross_bad_vios = status->hosts[0]->stat->vios[1]->name;
	status->lpars[0]->has_resynced_per_s = 0;
	stat->poisoned_pages = stat->has_poisoned_pages = 1;
	status->hosts[0]->stat->vios[1]->state = TARN__VIOS_STATE__VIOS_DOWN;
	check_golden_of(status, "status", "status_mirror_waits.txt");
	stat->poisoned_pages = 0;
	check_golden_of(status, "lpar show db1", "lpar_show_mirror_bad.txt");
	stat->mirror_missed = stat->cross_bad = stat->has_cross_bad_page = 0;
	stat->redundant = true;
	status->hosts[0]->stat->vios[1]->state = TARN__VIOS_STATE__VIOS_ACTIVE;
	check_golden_of(status, "status", "status_mirror_whole.txt");
}

/* It has two devices for a while, neither of which lies behind one VIOS alone. */
static void what_is_to_be_copied_is_said(void **state)
{
	Tarn__StatusReply *status = fake_status_mirrored();
	Tarn__LparView *lpar = status->lpars[0];
	char new_name[] = "d2", old_name[] = "d1", text[CLI_MIRROR_BYTES];
	Tarn__Error error = TARN__ERROR__INIT;

	(void)state;
	for (size_t i = 0; i < status->n_devices; i++)
		status->devices[i]->record->device->vios = NULL;
	lpar->record->mirror = NULL;
	lpar->record->new_device = new_name;
	lpar->record->old_device = old_name;
	assert_true(cli_mirror_text(status, lpar, text));
	assert_string_equal(text, "1,234 pages are to be copied to paging device d2 "
				  "before both VIOS reach all of them");
	lpar->record->device_error = &error;
	lpar->stat->missed = 1;
	assert_true(cli_mirror_text(status, lpar, text));
	assert_string_equal(text, "1 page is to be copied to paging device d1 before "
				  "both VIOS reach all of them");
}

static Tarn__Dispatch *dispatch(Tarn__Dispatch *at, uint32_t reason, uint64_t start_ns)
{
	tarn__dispatch__init(at);
	at->reason = reason;
	at->start_ns = start_ns;
	at->end_ns = start_ns + 93000;
	at->has_page = reason == 0x08;
	at->page = 4711;
	at->has_thread = reason != 0x08;
	at->thread = 5001;
	return at;
}

/* A host sends it with its next report: asked, and asked again. */
static void a_trace_is_asked_for_until_it_is_there(void **state)
{
	static const char *const rows[][2] = {
		{ "lpar dispatch-trace db1", "lpar_dispatch_trace.txt" },
		{ "lpar dispatch-trace db1 --csv", "lpar_dispatch_trace.csv" },
		{ "lpar dispatch-trace db1 --json", "lpar_dispatch_trace.json" },
	};
	Tarn__Dispatch at[3], *list[] = { dispatch(&at[0], 0x08, 1000000000),
					  dispatch(&at[1], 0x02, 1000500000),
					  dispatch(&at[2], 0x07, 2000000000) };
	Tarn__DispatchTrace trace = TARN__DISPATCH_TRACE__INIT;
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;

	(void)state;
	trace.faults = 5000;
	trace.dispatches = list;
	trace.n_dispatches = HV_COUNT(list);
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();
		Tarn__ClusterRequest *request;

		fake_answer_status(fake);
		reply.status = fake_status();
		((Tarn__PartitionStat *)reply.status->lpars[0]->stat)->dispatch_trace =
			&trace;
		fake_answer(fake, &reply);
		assert_int_equal(fake_run(fake, rows[i][0]), CLI_DONE);
		check_golden(rows[i][1], fake->out);
		request = fake_request(fake, 1);
		assert_string_equal(request->status->trace, "db1");
		tarn__cluster_request__free_unpacked(request, NULL);
		fake_free(fake);
	}
}

static void what_does_not_run_has_no_trace(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake_answer_status(fake);
	fake_answer_status(fake);
	assert_int_equal(fake_run(fake, "lpar dispatch-trace off"), CLI_FAILED);
	assert_non_null(strstr(fake->err, "does not run"));
	assert_int_equal(fake_run(fake, "lpar dispatch-trace nix"), CLI_FAILED);
	assert_non_null(strstr(fake->err, "is not known"));
	fake_free(fake);
}

static void colour_only_adds_escapes(void **state)
{
	struct fake *fake = fake_new();
	char *plain, *to;

	(void)state;
	fake_answer_status(fake);
	fake_answer_status(fake);
	assert_int_equal(fake_run(fake, "status"), CLI_DONE);
	plain = strdup(fake->out);
	assert_non_null(plain);
	fake->cli.is_colour = true;
	assert_int_equal(fake_run(fake, "status"), CLI_DONE);
	assert_non_null(strstr(fake->out, "\033[31m"));
	to = fake->out;
	for (const char *from = fake->out; *from != '\0'; from++) {
		if (*from == '\033')
			from = strchr(from, 'm');
		else
			*to++ = *from;
	}
	*to = '\0';
	assert_string_equal(fake->out, plain);
	free(plain);
	fake_free(fake);
}

static void unknown_names_are_told(void **state)
{
	static const struct {
		const char *line, *sentence;
	} rows[] = {
		{ "host show h9",
		  "tarn: host 'h9' is not known; see 'tarn host list'\n" },
		{ "host explain-memory h9",
		  "tarn: host 'h9' is not known; see 'tarn host list'\n" },
		{ "host explain-memory host-two",
		  "tarn: host 'host-two' has no platform profile; start the coordinator "
		  "with --profiles, remove the host and add it again\n" },
		{ "host advise h9",
		  "tarn: host 'h9' is not known; see 'tarn host list'\n" },
		{ "lpar what-if --max 1G --host h9",
		  "tarn: host 'h9' is not known; see 'tarn host list'\n" },
		{ "pool show --host h9",
		  "tarn: host 'h9' is not known; see 'tarn host list'\n" },
		{ "vios list --host h9",
		  "tarn: host 'h9' is not known; see 'tarn host list'\n" },
		{ "pgdev list --host h9",
		  "tarn: host 'h9' is not known; see 'tarn host list'\n" },
		{ "lpar list --host h9",
		  "tarn: host 'h9' is not known; see 'tarn host list'\n" },
		{ "lpar show nix",
		  "tarn: partition 'nix' is not known; see 'tarn lpar list'\n" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();

		fake_answer_status(fake);
		assert_int_equal(fake_run(fake, rows[i].line), CLI_FAILED);
		assert_string_equal(fake->err, rows[i].sentence);
		assert_string_equal(fake->out, "");
		fake_free(fake);
	}
}

static void an_empty_cluster_says_what_to_do(void **state)
{
	static const struct {
		const char *line, *sentence;
	} rows[] = {
		{ "host list", "no hosts: add one with 'tarn host add NAME'\n" },
		{ "pool show", "no pool: make one with 'tarn pool create'\n" },
		{ "pgdev list", "no paging devices: add one with 'tarn pgdev add'\n" },
		{ "lpar list", "no partitions: define one with 'tarn lpar create'\n" },
		{ "status", "0 of 0 hosts up, 0 of 0 partitions running  (revision 1, "
			    "epoch 1)\n" },
	};
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__StatusReply status = TARN__STATUS_REPLY__INIT;

	(void)state;
	status.revision = status.epoch = status.wall_ms = 1;
	reply.status = &status;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();

		fake_answer(fake, &reply);
		assert_int_equal(fake_run(fake, rows[i].line), CLI_DONE);
		assert_string_equal(fake->out, rows[i].sentence);
		fake_free(fake);
	}
}

static void answer_placement(struct fake *fake, const char *host)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__PlacementReply placement = TARN__PLACEMENT_REPLY__INIT;
	Tarn__PlacementReason reasons[2] = { TARN__PLACEMENT_REASON__INIT,
					     TARN__PLACEMENT_REASON__INIT };
	Tarn__PlacementReason *rows[2] = { &reasons[0], &reasons[1] };

	placement.host = (char *)host;
	placement.text = (char *)"2 hosts: 1 fits";
	reasons[0].host = (char *)"h1";
	reasons[0].fits = host != NULL;
	reasons[0].text = (char *)"best";
	reasons[0].has_score = true;
	reasons[0].score = 0.25;
	reasons[1].host = (char *)"h2";
	reasons[1].text = (char *)"no pool";
	placement.reasons = rows;
	placement.n_reasons = 2;
	reply.placement = &placement;
	fake_answer(fake, &reply);
}

static void placement_is_explained(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		answer_placement(fake, "h1");
	answer_placement(fake, NULL);
	assert_int_equal(fake_run(fake, "place p --mem 1G --dry-run"), CLI_DONE);
	assert_string_equal(fake->out, "would go to host 'h1': 2 hosts: 1 fits\n"
				       "HOST  FITS  SCORE  WHY\n"
				       "h1    yes   0.250  best\n"
				       "h2    no        -  no pool\n");
	request = fake_request(fake, 0);
	assert_true(request->lpar_create->dry_run);
	tarn__cluster_request__free_unpacked(request, NULL);
	assert_int_equal(fake_run(fake, "lpar create p --mem 1G --json"), CLI_DONE);
	check_golden("lpar_create.json", fake->out);
	assert_int_equal(fake_run(fake, "lpar create p --mem 1G --dry-run --json"),
			 CLI_DONE);
	check_golden("place.json", fake->out);
	assert_int_equal(fake_run(fake, "lpar create p --mem 1G --dry-run"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: 2 hosts: 1 fits\n");
	assert_non_null(strstr(fake->out, "h1    no    0.250  best\n"));
	fake_free(fake);
}

static void drills_are_listed_and_shown(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		fake_answer_drills(fake);
	assert_int_equal(fake_run(fake, "drill list"), CLI_DONE);
	check_golden("drill_list.txt", fake->out);
	assert_int_equal(fake_run(fake, "drill show 2"), CLI_DONE);
	check_golden("drill_show.txt", fake->out);
	assert_int_equal(fake_run(fake, "drill show 2 --json"), CLI_DONE);
	check_golden("drill_show.json", fake->out);
	assert_int_equal(fake_run(fake, "drill show 9"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: drill 9 is unknown\n");
	assert_int_equal(fake_run(fake, "__names drill"), CLI_DONE);
	assert_string_equal(fake->out, "1\n2\n");
	fake_free(fake);
}

static void answer_drill(struct fake *fake, const char *verdict, const char *phase)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	size_t count;

	reply.drills = fake_drills(&count);
	reply.n_drills = 1;
	reply.drills[0]->verdict = (char *)verdict;
	reply.drills[0]->phase = (char *)phase;
	reply.drills[0]->n_steps = verdict == NULL ? 1 : 2;
	reply.drills[0]->reason = verdict != NULL && strcmp(verdict, "passed") != 0
					  ? (char *)"web died"
					  : NULL;
	reply.has_job = true;
	reply.job = 12;
	fake_answer(fake, &reply);
}

static void queue_drill(struct fake *fake, const char *verdict)
{
	answer_drill(fake, NULL, "ready"); /* started */
	fake_answer_job_record(fake, false, NULL);
	answer_drill(fake, NULL, "inject");
	fake_answer_job_record(fake, true, NULL);
	answer_drill(fake, verdict, "done");
	answer_drill(fake, verdict, "done"); /* the report */
}

static void a_drill_is_followed_to_its_verdict(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	queue_drill(fake, "passed");
	assert_int_equal(fake_run(fake, "drill run planned --host h1"), CLI_DONE);
	check_golden("drill_run.txt", fake->out);
	assert_string_equal(fake->err, "");
	queue_drill(fake, "failed");
	assert_int_equal(fake_run(fake, "drill run planned --host h1"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: drill 1 failed: web died\n");
	queue_drill(fake, "inconclusive");
	assert_int_equal(fake_run(fake, "drill run planned --host h1 --json"),
			 CLI_FAILED);
	assert_string_equal(fake->err, "tarn: drill 1 inconclusive: web died\n");
	assert_non_null(strstr(fake->out, "\"verdict\": \"inconclusive\""));
	assert_null(strstr(fake->out, "\"error\"")); /* one document is enough */
	answer_drill(fake, NULL, "ready");
	assert_int_equal(fake_run(fake, "drill run kill --host h1 --no-wait"), CLI_DONE);
	assert_string_equal(fake->out, "drill 1 started\n");
	fake_free(fake);
}

static void a_drill_that_is_refused_is_not_waited_for(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	fake_answer_error(fake, HV_E_REFUSED, "not ready: vios2 is down");
	assert_int_equal(fake_run(fake, "drill run kill --host h1 --vios vios1"),
			 CLI_FAILED);
	assert_string_equal(fake->err, "tarn: not ready: vios2 is down\n");
	fake_free(fake);
}

static void a_drill_whose_job_dies_is_a_failure(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	answer_drill(fake, NULL, "ready");
	fake_answer_error(fake, HV_E_NOTFOUND, "job 12 is unknown");
	answer_drill(fake, NULL, "inject");
	assert_int_equal(fake_run(fake, "drill run kill --host h1"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: job 12 is unknown\n");
	fake_free(fake);
}

static void answer_events(struct fake *fake, uint64_t first, unsigned count)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	Tarn__Event events[2] = { TARN__EVENT__INIT, TARN__EVENT__INIT };
	Tarn__Event *rows[2] = { &events[0], &events[1] };

	for (unsigned i = 0; i < count; i++) {
		events[i].has_number = true;
		events[i].number = first + i;
		events[i].wall_ms = 1769860805000 + 1000 * i;
		events[i].level = i == 0 ? TARN__EVENT_LEVEL__EVENT_WARN
					 : TARN__EVENT_LEVEL__EVENT_INFO;
		events[i].host = (char *)(i == 0 ? "h1" : "");
		events[i].kind = (char *)(i == 0 ? "vios.failover" : "lpar.created");
		events[i].text = (char *)"something happened";
	}
	reply.events = rows;
	reply.n_events = count;
	fake_answer(fake, &reply);
}

static void the_last_events_are_printed_oldest_first(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		answer_events(fake, 8, 2);
	fake->cli.utc_offset_s = 3600;
	assert_int_equal(fake_run(fake, "events"), CLI_DONE);
	check_golden("events.txt", fake->out);
	request = fake_request(fake, 0);
	assert_true(request->events->newest && request->events->host == NULL);
	tarn__cluster_request__free_unpacked(request, NULL);
	assert_int_equal(fake_run(fake, "events --host h1 --json"), CLI_DONE);
	check_golden("events.json", fake->out);
	assert_int_equal(fake_run(fake, "events --host h7"), CLI_DONE);
	assert_string_equal(fake->out, "");
	request = fake_request(fake, 2);
	assert_string_equal(request->events->host, "h7");
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

/* Without a number: the last ones, and whatever comes then. */
static void following_begins_with_the_last_events(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	answer_events(fake, 8, 2);
	fake_answer_error(fake, HV_E_CANCELED, "going down");
	assert_int_equal(fake_run(fake, "events --follow"), CLI_FAILED);
	request = fake_request(fake, 0);
	assert_true(request->events->newest && request->events->wait_ms > 0);
	tarn__cluster_request__free_unpacked(request, NULL);
	request = fake_request(fake, 1);
	assert_int_equal(request->events->after, 9);
	assert_false(request->events->newest);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void following_asks_for_what_comes_after(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;

	(void)state;
	answer_events(fake, 8, 2);
	answer_events(fake, 10, 0);
	fake_lose(fake, HV_E_GONE);
	answer_events(fake, 10, 1);
	fake_answer_error(fake, HV_E_CANCELED, "going down");
	assert_int_equal(fake_run(fake, "events --follow --json --after 7"), CLI_FAILED);
	assert_string_equal(fake->err, "tarn: going down\n");
	check_golden("events_follow.json", fake->out);
	request = fake_request(fake, 0);
	assert_int_equal(request->events->after, 7);
	assert_true(request->events->wait_ms > 0 && !request->events->newest);
	tarn__cluster_request__free_unpacked(request, NULL);
	request = fake_request(fake, 4);
	assert_int_equal(request->events->after, 10);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void the_report_is_printed(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;

		fake_answer_drills(fake);
		reply.status = fake_status();
		reply.status->n_hosts = 1; /* the other one never joined */
		fake_answer(fake, &reply);
	}
	assert_int_equal(fake_run(fake, "report"), CLI_DONE);
	check_golden("report.txt", fake->out);
	assert_int_equal(fake_run(fake, "report --json"), CLI_DONE);
	check_golden("report.json", fake->out);
	fake_free(fake);
}

static void the_completion_is_printed(void **state)
{
	struct fake *fake = fake_new();

	(void)state;
	assert_int_equal(fake_run(fake, "completion bash"), CLI_DONE);
	check_golden("completion.bash", fake->out);
	assert_int_equal(fake_run(fake, "help"), CLI_DONE);
	check_golden("help.txt", fake->out);
	assert_int_equal(fake_run(fake, "lpar create --help"), CLI_DONE);
	check_golden("help_lpar_create.txt", fake->out);
	fake_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_print_their_tables),
		cmocka_unit_test(a_trace_is_asked_for_until_it_is_there),
		cmocka_unit_test(what_does_not_run_has_no_trace),
		cmocka_unit_test(colour_only_adds_escapes),
		cmocka_unit_test(unknown_names_are_told),
		cmocka_unit_test(an_empty_cluster_says_what_to_do),
		cmocka_unit_test(what_is_behind_one_vios_alone_is_said),
		cmocka_unit_test(what_is_to_be_copied_is_said),
		cmocka_unit_test(placement_is_explained),
		cmocka_unit_test(drills_are_listed_and_shown),
		cmocka_unit_test(a_drill_is_followed_to_its_verdict),
		cmocka_unit_test(a_drill_that_is_refused_is_not_waited_for),
		cmocka_unit_test(a_drill_whose_job_dies_is_a_failure),
		cmocka_unit_test(the_last_events_are_printed_oldest_first),
		cmocka_unit_test(following_asks_for_what_comes_after),
		cmocka_unit_test(following_begins_with_the_last_events),
		cmocka_unit_test(the_report_is_printed),
		cmocka_unit_test(the_completion_is_printed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
