/*
 * Claim   each partition asks its own VIOS of the pair; the end of one moves those alone
 *         that asked it; they go back by order, or when it has been healthy for a while.
 * Inject  SIGKILL of either VIOS, SIGSTOP, maintenance, the order to fail back.
 * Expect  the others' path is what it was; the log says how many moved; every page of
 *         every partition verifies, no counter is off.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "tests/support/host.h"
#include "tests/support/wait.h"

#define HANG_US 2000000u /* before it is seen */

static struct test_host host;

static const struct test_partition load[] = {
	{ .name = "db1", .mem_mib = 24, .write_percent = 50, .primary = "vios1" },
	{ .name = "db2", .mem_mib = 24, .write_percent = 50, .primary = "vios2" },
	{ .name = "db3", .mem_mib = 24, .workload = "scan", .primary = "vios2" },
};

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .hang_ms = HANG_US / 1000 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	test_host_run_all(&host, load, HV_COUNT(load), 200);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

struct where { /* the VIOS that each asks; by their order in `load` */
	const char *current[HV_COUNT(load)];
};

static bool are_there(const Tarn__HvReply *reply, void *arg)
{
	const struct where *where = arg;

	for (size_t i = 0; i < HV_COUNT(load); i++) {
		const Tarn__PartitionStat *stat = test_stat_partition(reply,
								      load[i].name);

		if (stat == NULL || stat->current == NULL ||
		    strcmp(stat->current, where->current[i]) != 0)
			return false;
	}
	return true;
}

static void wait_where(const char *db1, const char *db2, const char *db3)
{
	struct where where = { { db1, db2, db3 } };

	test_host_wait(&host, are_there, &where, TEST_WAIT_MS, "each asks its VIOS");
}

static void check_where(const char *db1, const char *db2, const char *db3)
{
	struct where where = { { db1, db2, db3 } };
	Tarn__HvReply *reply = test_host_stat(&host, false);

	assert_true(are_there(reply, &where));
	tarn__hv_reply__free_unpacked(reply, NULL);
}

/* What was written down last, after `count` records. */
static void check_log(size_t count, const char *kind, const char *from, const char *to,
		      unsigned moved)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	const Tarn__Failover *last;

	assert_int_equal(reply->stat->n_failovers, count);
	last = reply->stat->failovers[count - 1];
	assert_string_equal(last->kind, kind);
	assert_string_equal(last->from, from);
	assert_string_equal(last->to, to);
	assert_int_equal(last->partitions, moved);
	assert_true(last->has_switched_us);
	assert_true(last->has_first_page_us && last->first_page_us > 0);
	if (strcmp(kind, "failback") == 0)
		assert_int_equal(last->resent_reads + last->canceled_steals +
					 last->quarantined_slots,
				 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

static void all_go_on(void)
{
	test_host_wait_all_page_ins(&host, load, HV_COUNT(load), 100);
}

static void the_load_is_on_both(void **state)
{
	Tarn__HvReply *reply;

	(void)state;
	check_where("vios1", "vios2", "vios2");
	reply = test_host_stat(&host, false);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(reply->stat->vios[i]->state,
				 TARN__VIOS_STATE__VIOS_ACTIVE);
		assert_true(reply->stat->vios[i]->reads > 0);
		assert_true(reply->stat->vios[i]->writes > 0);
	}
	assert_string_equal(test_stat_partition(reply, "db2")->primary, "vios2");
	assert_string_equal(test_stat_partition(reply, "db2")->secondary, "vios1");
	assert_int_equal(reply->stat->n_failovers, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_end_well(&host);
}

/* Manual: they stay where they are until the order. */
static void a_vios_that_ends_moves_only_those_that_asked_it(void **state)
{
	struct hv_err err;

	(void)state;
	test_host_kill_vios(&host, 1);
	wait_where("vios1", "vios1", "vios1");
	all_go_on();
	check_log(1, "exit", "vios2", "vios1", 2);
	assert_int_equal(test_host_fail_back(&host, NULL, &err), HV_E_STATE);
	assert_non_null(strstr(err.text, "vios2"));
	assert_int_equal(test_host_fail_back(&host, "nobody", &err), HV_E_NOTFOUND);
	test_host_vios(&host, 1);
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
	check_where("vios1", "vios1", "vios1");
	assert_int_equal(test_host_fail_back(&host, "db3", NULL), HV_OK);
	check_where("vios1", "vios1", "vios2");
	all_go_on();
	check_log(2, "failback", "vios1", "vios2", 1);
	for (unsigned i = 0; i < 2; i++) /* H3: the same again is the same answer */
		assert_int_equal(test_host_fail_back(&host, NULL, NULL), HV_OK);
	check_where("vios1", "vios2", "vios2");
	all_go_on();
	check_log(3, "failback", "vios1", "vios2", 1);
	test_host_kill_vios(&host, 0);
	wait_where("vios2", "vios2", "vios2");
	all_go_on();
	check_log(4, "exit", "vios1", "vios2", 1);
	test_host_end_well(&host);
}

static uint64_t page_ins(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	uint64_t count = test_stat_partition(reply, name)->page_ins;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return count;
}

/* Who asks the other one is not held up until the hang is seen. */
static void a_vios_that_hangs_stalls_only_those_that_asked_it(void **state)
{
	Tarn__HvReply *reply;
	uint64_t before;

	(void)state;
	for (unsigned i = 0; i < host.guest_count; i++)
		assert_int_equal(
			test_host_control(
				&host, &host.guests[i],
				TARN__PARTITION_COMMAND__PARTITION_COMMAND_RESET_STALL),
			HV_OK);
	before = page_ins("db1");
	test_process_signal(&host.vios[1], SIGSTOP);
	wait_where("vios1", "vios1", "vios1");
	print_message("db1: %llu page-ins meanwhile\n",
		      (unsigned long long)(page_ins("db1") - before));
	all_go_on();
	check_log(1, "hang", "vios2", "vios1", 2);
	reply = test_host_stat(&host, false);
	for (size_t i = 0; i < HV_COUNT(load); i++) {
		const Tarn__PartitionStat *stat = test_stat_partition(reply,
								      load[i].name);

		print_message("%s: longest stall %llu us\n", stat->name,
			      (unsigned long long)stat->longest_stall_us);
		if (i == 0)
			assert_true(stat->longest_stall_us < HANG_US / 2);
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(test_process_wait(&host.vios[1], TEST_WAIT_MS), 128 + SIGKILL);
	(void)test_process_end(&host.vios[1], 0);
	test_host_vios(&host, 1);
	test_host_end_well(&host);
}

static void they_go_back_after_a_healthy_while(void **state)
{
	(void)state;
	host.config.failback_ms = 300;
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	test_host_kill_vios(&host, 1);
	wait_where("vios1", "vios1", "vios1");
	test_host_vios(&host, 1);
	wait_where("vios1", "vios2", "vios2");
	all_go_on();
	check_log(2, "failback", "vios1", "vios2", 2);
	test_host_end_well(&host);
}

/* 0: not put off. */
static uint64_t wait_of_vios2(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	uint64_t ms = test_stat_vios(reply, "vios2")->failback_wait_ms;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return ms;
}

static bool is_as_at_first(void *arg)
{
	(void)arg;
	return wait_of_vios2() == 0;
}

/* Twice as long each time; by order at once; as at first when it has served that long. */
static void one_that_dies_after_each_fail_back_is_trusted_later(void **state)
{
	(void)state;
	host.config.failback_ms = 200;
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	test_host_kill_vios(&host, 1);
	wait_where("vios1", "vios1", "vios1");
	assert_int_equal(wait_of_vios2(), 0); /* nobody had gone back to it */
	test_host_vios(&host, 1);
	wait_where("vios1", "vios2", "vios2");
	test_host_kill_vios(&host, 1);
	wait_where("vios1", "vios1", "vios1");
	assert_int_equal(wait_of_vios2(), 400);
	test_host_vios(&host, 1);
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(test_host_fail_back(&host, NULL, NULL), HV_OK);
	check_where("vios1", "vios2", "vios2");
	test_host_kill_vios(&host, 1);
	wait_where("vios1", "vios1", "vios1");
	assert_int_equal(wait_of_vios2(), 800);
	test_host_vios(&host, 1);
	wait_where("vios1", "vios2", "vios2");
	assert_true(test_wait(is_as_at_first, NULL, TEST_WAIT_MS));
	all_go_on();
	test_host_end_well(&host);
}

/* Nothing is cancelled and nothing in doubt; what is paged out must stay readable. */
static void maintenance_moves_those_alone_and_they_come_back(void **state)
{
	(void)state;
	host.config.failback_ms = 300;
	assert_int_equal(test_host_expect(&host, "vios1"), HV_OK);
	check_where("vios2", "vios2", "vios2");
	test_host_wait_vios(&host, "vios1", TARN__VIOS_STATE__VIOS_MAINTENANCE);
	assert_int_equal(test_process_wait(&host.vios[0], TEST_WAIT_MS), 0);
	(void)test_process_end(&host.vios[0], 0);
	all_go_on();
	check_log(1, "planned", "vios1", "vios2", 1);
	assert_int_equal(test_host_expect(&host, "vios2"), HV_E_REFUSED);
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	test_host_vios(&host, 0);
	wait_where("vios1", "vios2", "vios2");
	all_go_on();
	check_log(2, "failback", "vios2", "vios1", 1);
	test_host_end_well(&host);
}

static bool has_place(void *arg)
{
	enum hv_code code = test_host_expect(&host, NULL);

	(void)arg;
	if (code != HV_OK && code != HV_E_AGAIN)
		fail_msg("a place: code %d", code);
	return code == HV_OK;
}

/* The place of vios2 is vios3's from now on, and so is who asked vios2. */
static void go_on_with_vios3(void)
{
	Tarn__HvReply *reply;

	host.vios_names[1] = "vios3";
	assert_true(test_wait(has_place, NULL, TEST_WAIT_MS));
	for (size_t i = 1; i < HV_COUNT(load); i++)
		assert_int_equal(test_host_give(&host, load[i].name, "vios3", NULL),
				 HV_OK);
	check_where("vios1", "vios1", "vios1");
	test_host_vios(&host, 1);
	test_host_wait_vios(&host, "vios3", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(test_host_fail_back(&host, NULL, NULL), HV_OK);
	check_where("vios1", "vios3", "vios3");
	all_go_on();
	check_log(2, "failback", "vios1", "vios3", 2);
	reply = test_host_stat(&host, false);
	assert_null(test_stat_vios(reply, "vios2"));
	assert_string_equal(test_stat_partition(reply, "db2")->given_primary, "vios3");
	assert_string_equal(test_stat_partition(reply, "db2")->secondary, "vios1");
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_kill_vios(&host, 0); /* it is a whole partner */
	wait_where("vios3", "vios3", "vios3");
	all_go_on();
	test_host_end_well(&host);
}

static void a_third_vios_takes_the_place_of_one_that_left(void **state)
{
	(void)state;
	assert_int_equal(test_host_expect(&host, "vios2"), HV_OK);
	assert_int_equal(test_process_wait(&host.vios[1], TEST_WAIT_MS), 0);
	(void)test_process_end(&host.vios[1], 0);
	wait_where("vios1", "vios1", "vios1");
	all_go_on();
	go_on_with_vios3();
}

/* Killed with requests out: the path's devices are proven drained for whoever comes. */
static void a_third_vios_takes_the_place_of_one_that_was_killed(void **state)
{
	(void)state;
	test_host_kill_vios(&host, 1);
	wait_where("vios1", "vios1", "vios1");
	go_on_with_vios3();
}

static void a_place_is_not_taken_from_one_that_serves(void **state)
{
	struct hv_err err;

	(void)state;
	host.vios_names[1] = "vios3";
	assert_int_equal(test_host_expect(&host, NULL), HV_E_AGAIN);
	host.vios_names[1] = NULL;
	assert_int_equal(test_host_expect(&host, NULL), HV_OK);
	assert_int_equal(test_host_give(&host, "nobody", "vios1", &err), HV_E_NOTFOUND);
	assert_int_equal(test_host_give(&host, "db1", "vios2", NULL), HV_OK);
	check_where("vios1", "vios2", "vios2"); /* only where it goes back to */
	assert_int_equal(test_host_fail_back(&host, "db1", NULL), HV_OK);
	check_where("vios2", "vios2", "vios2");
	all_go_on();
	test_host_end_well(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(the_load_is_on_both),
		TEST(a_vios_that_ends_moves_only_those_that_asked_it),
		TEST(a_vios_that_hangs_stalls_only_those_that_asked_it),
		TEST(they_go_back_after_a_healthy_while),
		TEST(one_that_dies_after_each_fail_back_is_trusted_later),
		TEST(maintenance_moves_those_alone_and_they_come_back),
		TEST(a_third_vios_takes_the_place_of_one_that_left),
		TEST(a_third_vios_takes_the_place_of_one_that_was_killed),
		TEST(a_place_is_not_taken_from_one_that_serves),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
