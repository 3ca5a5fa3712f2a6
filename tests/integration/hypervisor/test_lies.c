/*
 * What a VIOS does to the hypervisor, one rule a test: a pair of fakes on one store,
 * told to be late, wrong, rude or silent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/fake_vios.h"
#include "tests/support/rogue.h"
#include "tests/support/wait.h"

#define MEM_MIB 24u
#define PAGES (MEM_MIB * 256u)
#define SLOTS_EACH 8192u
#define HANG_MS 400
#define HANG_US ((HANG_MS - 2) * UINT64_C(1000)) /* clocks in ms and ns, rounded */

static struct test_host host;
static struct fake_store *store;
static struct fake_vios fakes[2];
static struct rogue guest; /* well-behaved here: it does what it is told */

static const struct test_partition spec = { .name = "db1", .mem_mib = MEM_MIB };

static void start_fake(unsigned index)
{
	fake_vios_start(&fakes[index], &host, store);
}

static int set_up_pair(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .hang_ms = HANG_MS,
							   .has_no_vios = true });
	store = fake_store_make(SLOTS_EACH);
	fake_vios_make(&fakes[0], "vios1");
	fake_vios_make(&fakes[1], "vios2");
	start_fake(0);
	test_host_wait_vios(&host, "vios1", TARN__VIOS_STATE__VIOS_ACTIVE);
	start_fake(1);
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(test_host_pool(&host, 16, NULL), HV_OK);
	return 0;
}

static int set_up(void **state)
{
	(void)set_up_pair(state);
	rogue_start(&guest, &host, &spec);
	assert_int_equal(rogue_do(&guest, ROGUE_FILL, 0, PAGES), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (guest.pid != 0)
		(void)kill(guest.pid, SIGKILL);
	fake_vios_free(&fakes[0]);
	fake_vios_free(&fakes[1]);
	test_host_abandon(&host);
	fake_store_free(store);
	return 0;
}

static void check_all(void)
{
	assert_int_equal(rogue_do(&guest, ROGUE_CHECK, 0, PAGES), 0);
}

static void end_well(void)
{
	check_all();
	rogue_end(&guest, &host);
	test_host_end(&host);
}

static Tarn__PartitionStat get(Tarn__HvReply **ret_reply)
{
	*ret_reply = test_host_stat(&host, true);
	assert_non_null(test_stat_partition(*ret_reply, "db1"));
	return *test_stat_partition(*ret_reply, "db1");
}

struct reason {
	const char *vios; /* NULL: the partition's */
	const char *text;
};

static bool says(const Tarn__HvReply *reply, void *arg)
{
	const struct reason *reason = arg;
	const char *text = reason->vios != NULL
				   ? test_stat_vios(reply, reason->vios)->reason
				   : test_stat_partition(reply, "db1")->reason;

	return strstr(text, reason->text) != NULL;
}

static void wait_reason(const char *vios, const char *text)
{
	struct reason reason = { vios, text };

	test_host_wait(&host, says, &reason, 20000, text);
}

static bool has_count(void *arg)
{
	return atomic_load((atomic_uint *)arg) > 0;
}

static void wait_some(atomic_uint *count)
{
	assert_true(test_wait(has_count, count, TEST_WAIT_MS));
}

/* The time from the last life in what failed until it was found. */
static uint64_t check_last_failover(const char *kind)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	size_t count = reply->stat->n_failovers;
	uint64_t us;

	assert_true(count > 0);
	assert_string_equal(reply->stat->failovers[count - 1]->kind, kind);
	us = reply->stat->failovers[count - 1]->detected_us;
	tarn__hv_reply__free_unpacked(reply, NULL);
	return us;
}

static void replace(unsigned index)
{
	fake_vios_end(&fakes[index]);
	start_fake(index);
	test_host_wait_vios(&host, fakes[index].name, TARN__VIOS_STATE__VIOS_STANDBY);
}

static void a_late_answer_is_as_good_as_any(void **state)
{
	uint64_t page;

	(void)state;
	page = rogue_do(&guest, ROGUE_HOLE, 0, 0);
	atomic_store(&fakes[0].orders->holds_reads, true);
	rogue_order(&guest, ROGUE_CHECK, page, 1);
	wait_some(&fakes[0].orders->held_reads);
	test_host_audit(&host);
	atomic_store(&fakes[0].orders->holds_reads, false);
	assert_int_equal(rogue_answer(&guest), 0);
	end_well();
}

/* M4 */
static void m4_a_corrupt_page_is_healed_by_the_other_path(void **state)
{
	Tarn__HvReply *reply;
	Tarn__PartitionStat stat;

	(void)state;
	atomic_store(&fakes[0].orders->corrupt_reads, 100);
	check_all();
	stat = get(&reply);
	assert_int_equal(atomic_load(&fakes[0].orders->corrupt_reads), 0);
	/* what came ahead, and was not what was wanted, is read again: no error yet */
	assert_in_range(stat.checksum_errors, 1, 100);
	assert_int_equal(stat.poisoned_pages, 0);
	assert_true(atomic_load(&fakes[1].orders->reads) >= stat.checksum_errors);
	tarn__hv_reply__free_unpacked(reply, NULL);
	end_well();
}

/* M4, P8: an acknowledged write that never was is found at page-in, and is loud. */
static void m4_a_page_lost_on_both_paths_is_poisoned(void **state)
{
	Tarn__HvReply *reply;
	Tarn__PartitionStat stat;
	uint64_t page;

	(void)state;
	page = rogue_do(&guest, ROGUE_HOLE, 0, 0);
	memset(store->bytes, 0x77, (size_t)SLOTS_EACH * HV_PAGE_BYTES);
	assert_true(rogue_do(&guest, ROGUE_READ, page, 1) == ROGUE_BUS);
	stat = get(&reply);
	assert_int_equal(stat.poisoned_pages, 1);
	assert_int_equal(stat.failed_faults, 1);
	assert_true(stat.checksum_errors >= 3);
	tarn__hv_reply__free_unpacked(reply, NULL);
	rogue_end(&guest, &host);
	test_host_end(&host);
}

/* P8 */
static void p8_bytes_that_change_in_the_window_reach_nobody(void **state)
{
	(void)state;
	atomic_store(&fakes[0].orders->scribbles, true);
	for (unsigned i = 0; i < 3; i++)
		check_all();
	end_well();
}

/*
 * M5, P9: writes of a dead incarnation that the kernel still carries out fall into
 * slots in quarantine. It ends when the lock is gone; no timer ends it, and no new
 * incarnation opens the device before.
 */
static void m5_p9_late_writes_fall_into_quarantine(void **state)
{
	Tarn__HvReply *reply;
	int device = fake_vios_keep_device(&fakes[0], 0);

	(void)state;
	atomic_store(&fakes[0].orders->holds_writes, true);
	rogue_order(&guest, ROGUE_FILL, 0, PAGES);
	wait_some(&fakes[0].orders->held_writes);
	fake_vios_end(&fakes[0]);
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_ACTIVE);
	assert_int_equal(rogue_answer(&guest), 0);
	assert_true(get(&reply).slots_quarantined > 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	fake_store_write_late(store, fakes[0].orders);
	check_all();

	atomic_store(&fakes[0].orders->holds_writes, false);
	start_fake(0);
	wait_reason("vios1", "old I/O is not drained");
	check_all(); /* pages in and out all the while, with the slots kept back */
	assert_true(get(&reply).slots_quarantined > 0);
	assert_int_equal(test_stat_vios(reply, "vios1")->state,
			 TARN__VIOS_STATE__VIOS_STARTING);
	tarn__hv_reply__free_unpacked(reply, NULL);

	(void)close(device); /* the last I/O is done */
	test_host_wait_vios(&host, "vios1", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(get(&reply).slots_quarantined, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	end_well();
}

/* P9, V4: a device that an earlier hypervisor's VIOS has not let go of is not used. */
static void p9_a_device_still_locked_is_not_defined(void **state)
{
	struct hv_err err = { 0 };
	char token[33];
	int device = fake_vios_keep_device(&fakes[0], 0);

	(void)state;
	rogue_end(&guest, &host);
	host.devices = 0; /* the same file again */
	assert_int_equal(test_host_define(&host, &spec, 50, token, &err), HV_E_AGAIN);
	assert_non_null(strstr(err.text, "has not let go"));
	(void)close(device);
	host.devices = 0;
	assert_int_equal(test_host_define(&host, &spec, 51, token, &err), HV_OK);
	test_host_remove(&host, "db1", 51);
	test_host_end(&host);
}

static void nonsense_ends_the_incarnation(void **state)
{
	(void)state;
	for (unsigned how = 1; how <= 4; how++) {
		unsigned from = (how + 1) % 2;

		atomic_store(&fakes[from].orders->nonsense, how);
		check_all();
		assert_true(fake_vios_has_ended(&fakes[from], TEST_WAIT_MS));
		(void)check_last_failover("error");
		atomic_store(&fakes[from].orders->nonsense, 0);
		replace(from);
	}
	end_well();
}

static void silence_is_a_hang(void **state)
{
	(void)state;
	atomic_store(&fakes[0].orders->is_silent, true);
	check_all();
	assert_true(fake_vios_has_ended(&fakes[0], TEST_WAIT_MS));
	assert_true(check_last_failover("hang") >= HANG_US);
	wait_reason("vios1", "no heartbeat");
	atomic_store(&fakes[0].orders->is_silent, false);
	replace(0);
	end_well();
}

/* Found, and timed, by its own heartbeat: all the others go on. */
static void a_lane_alone_that_hangs_is_a_hang(void **state)
{
	(void)state;
	atomic_store(&fakes[0].orders->lane_hangs, true);
	assert_true(fake_vios_has_ended(&fakes[0], TEST_WAIT_MS));
	check_all();
	assert_true(check_last_failover("hang") >= HANG_US);
	wait_reason("vios1", "no heartbeat of lane 0");
	atomic_store(&fakes[0].orders->lane_hangs, false);
	replace(0);
	end_well();
}

/* It beats, but a request is older than ten times hang_ms. */
static void an_answer_that_never_comes_is_a_hang(void **state)
{
	(void)state;
	atomic_store(&fakes[0].orders->holds_reads, true);
	check_all();
	assert_true(fake_vios_has_ended(&fakes[0], TEST_WAIT_MS));
	assert_true(check_last_failover("hang") >= 10 * HANG_US);
	atomic_store(&fakes[0].orders->holds_reads, false);
	replace(0);
	end_well();
}

static void read_errors_of_one_path_are_healed_by_the_other(void **state)
{
	Tarn__HvReply *reply;

	(void)state;
	atomic_store(&fakes[0].orders->read_error, EIO);
	check_all();
	assert_true(get(&reply).io_errors > 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	atomic_store(&fakes[0].orders->read_error, 0);
	end_well();
}

/* M2: what cannot be written stays; who needs its frame waits, and is shown so. */
static void write_errors_keep_pages_until_they_can_leave(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_COUNT(fakes); i++)
		atomic_store(&fakes[i].orders->write_error, ENOSPC);
	rogue_order(&guest, ROGUE_FILL, 0, PAGES);
	wait_reason(NULL, "no free frame");
	test_host_audit(&host);
	for (unsigned i = 0; i < HV_COUNT(fakes); i++)
		atomic_store(&fakes[i].orders->write_error, 0);
	assert_int_equal(rogue_answer(&guest), 0);
	end_well();
}

/* What cannot be written over the one path is over the other: nobody waits. */
static void writes_that_fail_on_one_path_go_over_the_other(void **state)
{
	Tarn__HvReply *reply;

	(void)state;
	atomic_store(&fakes[0].orders->write_error, EIO);
	rogue_order(&guest, ROGUE_FILL, 0, PAGES);
	assert_int_equal(rogue_answer(&guest), 0);
	assert_true(get(&reply).io_errors > 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	check_all();
	atomic_store(&fakes[0].orders->write_error, 0);
	end_well();
}

/* ---- opening ---- */

static void p16_two_caches_are_not_shared(void **state)
{
	static const struct {
		bool is_buffered[2];
		unsigned inode;
		bool may_share;
	} rows[] = {
		{ { false, false }, 0, true }, /* O_DIRECT on both */
		{ { false, true }, 0, false }, { { true, false }, 0, false },
		{ { true, true }, 7, false }, /* another file */
		{ { true, true }, 0, true },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		atomic_store(&fakes[0].orders->is_buffered, rows[i].is_buffered[0]);
		atomic_store(&fakes[1].orders->is_buffered, rows[i].is_buffered[1]);
		atomic_store(&fakes[1].orders->inode, rows[i].inode);
		rogue_start(&guest, &host, &spec);
		if (rows[i].may_share)
			test_host_wait_vios(&host, "vios2",
					    TARN__VIOS_STATE__VIOS_STANDBY);
		else
			test_host_wait_vios(&host, "vios2",
					    TARN__VIOS_STATE__VIOS_STARTING);
		if (!rows[i].may_share)
			wait_reason("vios2", "different caches");
		assert_int_equal(rogue_do(&guest, ROGUE_FILL, 0, PAGES), 0);
		check_all();
		rogue_end(&guest, &host);
	}
	test_host_end(&host);
}

static void a_device_that_one_cannot_open_is_tried_again(void **state)
{
	(void)state;
	atomic_store(&fakes[1].orders->open_code, HV_E_NOTFOUND);
	rogue_start(&guest, &host, &spec);
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_STARTING);
	wait_reason("vios2", "told to refuse");
	assert_int_equal(rogue_do(&guest, ROGUE_FILL, 0, PAGES), 0);
	atomic_store(&fakes[1].orders->open_code, 0);
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
	end_well();
}

static void *define_another(void *arg) /* a thread: it is answered late */
{
	static const struct test_partition other = { .name = "db2", .mem_mib = 8 };
	enum hv_code *code = arg;
	char token[33];

	*code = test_host_define(&host, &other, 90, token, NULL);
	return NULL;
}

/* Or activating two LPARs at once would find no redundant pair, now and then. */
static void a_pair_stays_one_while_the_device_of_another_is_opened(void **state)
{
	Tarn__HvReply *reply;
	pthread_t thread;
	enum hv_code code;

	(void)state;
	rogue_start(&guest, &host, &spec);
	assert_int_equal(rogue_do(&guest, ROGUE_FILL, 0, PAGES), 0);
	atomic_store(&fakes[1].orders->holds_opens, true);
	assert_int_equal(pthread_create(&thread, NULL, define_another, &code), 0);
	wait_some(&fakes[1].orders->held_opens);
	reply = test_host_stat(&host, true);
	assert_int_equal(test_stat_vios(reply, "vios2")->state,
			 TARN__VIOS_STATE__VIOS_STANDBY);
	tarn__hv_reply__free_unpacked(reply, NULL);
	atomic_store(&fakes[1].orders->holds_opens, false);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(code, HV_OK);
	test_host_wait_pair(&host);
	test_host_remove(&host, "db2", 90);
	end_well();
}

static void a_device_that_nobody_can_open_is_refused_and_forgotten(void **state)
{
	struct hv_err err = { 0 };
	char token[33];

	(void)state;
	atomic_store(&fakes[0].orders->open_code, HV_E_NOTFOUND);
	atomic_store(&fakes[1].orders->open_code, HV_E_NOTFOUND);
	assert_int_equal(test_host_define(&host, &spec, 9, token, &err), HV_E_IO);
	assert_non_null(strstr(err.text, "told to refuse"));
	atomic_store(&fakes[0].orders->open_code, 0);
	atomic_store(&fakes[1].orders->open_code, 0);
	host.run_id = 9;
	rogue_start(&guest, &host, &spec);
	assert_int_equal(rogue_do(&guest, ROGUE_FILL, 0, PAGES), 0);
	end_well();
}

/* P11: what the device lacks stays resident and is charged as entitled. */
static void p11_a_small_device_is_made_up_for_by_the_pool(void **state)
{
	Tarn__HvReply *reply;

	(void)state;
	store->pages_each = PAGES;
	rogue_start(&guest, &host, &spec);
	reply = test_host_stat(&host, true);
	assert_int_equal(reply->stat->pool->entitled_bytes, 512 * HV_PAGE_BYTES);
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(rogue_do(&guest, ROGUE_FILL, 0, PAGES), 0);
	end_well();
}

static void p11_a_device_far_too_small_is_refused(void **state)
{
	struct hv_err err = { 0 };
	char token[33];

	(void)state;
	store->pages_each = 1000;
	assert_int_equal(test_host_define(&host, &spec, 9, token, &err), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "has 1000 pages, 6656 are needed"));
	test_host_end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_PAIR(name) cmocka_unit_test_setup_teardown(name, set_up_pair, tear_down)
		TEST(a_late_answer_is_as_good_as_any),
		TEST(m4_a_corrupt_page_is_healed_by_the_other_path),
		TEST(m4_a_page_lost_on_both_paths_is_poisoned),
		TEST(p8_bytes_that_change_in_the_window_reach_nobody),
		TEST(m5_p9_late_writes_fall_into_quarantine),
		TEST(p9_a_device_still_locked_is_not_defined),
		TEST(nonsense_ends_the_incarnation),
		TEST(silence_is_a_hang),
		TEST(a_lane_alone_that_hangs_is_a_hang),
		TEST(an_answer_that_never_comes_is_a_hang),
		TEST(read_errors_of_one_path_are_healed_by_the_other),
		TEST(write_errors_keep_pages_until_they_can_leave),
		TEST(writes_that_fail_on_one_path_go_over_the_other),
		TEST_PAIR(p16_two_caches_are_not_shared),
		TEST_PAIR(a_device_that_one_cannot_open_is_tried_again),
		TEST_PAIR(a_pair_stays_one_while_the_device_of_another_is_opened),
		TEST_PAIR(a_device_that_nobody_can_open_is_refused_and_forgotten),
		TEST_PAIR(p11_a_small_device_is_made_up_for_by_the_pool),
		TEST_PAIR(p11_a_device_far_too_small_is_refused),
#undef TEST
#undef TEST_PAIR
	};

	if (argc > 1) /* one of them, by a pattern */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
