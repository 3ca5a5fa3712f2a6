/*
 * What partitions do to themselves, one rule a test: a rogue partition beside an
 * honest one, on real VIOS. The honest one must never notice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "tests/support/host.h"
#include "tests/support/rogue.h"
#include "tests/support/wait.h"

#define MIB_PAGES 256u
#define MEM_MIB 24u
#define PAGES (MEM_MIB * MIB_PAGES)

static struct test_host host;
static struct rogue rogue;

/* A pool of 32 MiB, the honest one with 24 in use, the rogue with 24. */
static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "honest",
							     .mem_mib = 24,
							     .write_percent = 50,
							     .rate = 2000 });
	rogue_start(&rogue, &host,
		    &(struct test_partition){ .name = "rogue", .mem_mib = MEM_MIB });
	assert_int_equal(rogue_do(&rogue, ROGUE_FILL, 0, PAGES), 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (rogue.pid != 0)
		(void)kill(rogue.pid, SIGKILL);
	test_host_abandon(&host);
	return 0;
}

static void end_well(void)
{
	rogue_end(&rogue, &host);
	test_host_verify(&host);
	test_host_end(&host);
}

static Tarn__PartitionStat get(Tarn__HvReply **ret_reply)
{
	*ret_reply = test_host_stat(&host, true);
	assert_non_null(test_stat_partition(*ret_reply, "rogue"));
	return *test_stat_partition(*ret_reply, "rogue");
}

static uint64_t stolen(void)
{
	Tarn__HvReply *reply;
	uint64_t pages = get(&reply).stolen_pages;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return pages;
}

/* The honest one takes its frames away until this many of its pages are stolen. */
static bool has_stolen(const Tarn__HvReply *reply, void *arg)
{
	return test_stat_partition(reply, "rogue")->stolen_pages >= *(uint64_t *)arg;
}

static void wait_stolen(uint64_t pages)
{
	test_host_wait(&host, has_stolen, &pages, 30000, "pages of the rogue stolen");
}

static bool says(const Tarn__HvReply *reply, void *arg)
{
	return strstr(test_stat_partition(reply, "rogue")->reason, arg) != NULL;
}

static void wait_reason(const char *text)
{
	test_host_wait(&host, says, (void *)(uintptr_t)text, 10000, text);
}

static bool is_quiet(const Tarn__HvReply *reply, void *arg)
{
	(void)arg;
	return test_stat_partition(reply, "rogue")->reason[0] == '\0';
}

static void pages_come_back_as_they_were(void **state)
{
	(void)state;
	wait_stolen(500);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	end_well();
}

/* P13: by message, stolen or not; the frames and slots are free, zeros come back. */
static void p13_a_discard_by_message_gives_everything_back(void **state)
{
	Tarn__HvReply *reply;
	Tarn__PartitionStat stat;

	(void)state;
	wait_stolen(500);
	assert_int_equal(rogue_do(&rogue, ROGUE_DISCARD, 0, PAGES / 2), 0);
	stat = get(&reply);
	assert_int_equal(stat.zero_pages, PAGES / 2);
	assert_int_equal(stat.discards, PAGES / 2);
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(rogue_do(&rogue, ROGUE_ZERO, 0, PAGES / 2), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, PAGES / 2, PAGES / 2), 0);
	end_well();
}

static bool has_zeros(const Tarn__HvReply *reply, void *arg)
{
	return test_stat_partition(reply, "rogue")->zero_pages >= *(uint64_t *)arg;
}

/* P13: without a message: what was resident is a hole, what was stolen stays. */
static void p13_a_bare_discard_frees_what_was_resident(void **state)
{
	Tarn__HvReply *reply;
	uint64_t resident;

	(void)state;
	resident = get(&reply).resident_pages;
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(rogue_do(&rogue, ROGUE_REMOVE, 0, PAGES), 0);
	resident /= 2; /* some were stolen between the look and the deed */
	test_host_wait(&host, has_zeros, &resident, 20000, "holes found");
	(void)get(&reply);
	tarn__hv_reply__free_unpacked(reply, NULL);
	end_well();
}

/* Unmapping alone discards nothing: minor faults, and everything is there. */
static void pages_only_unmapped_are_still_there(void **state)
{
	(void)state;
	assert_int_equal(rogue_do(&rogue, ROGUE_DONTNEED, 0, PAGES), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	end_well();
}

/* P6: a page put under a stolen one is never shown: poisoned, reported, loud. */
static void p6_a_page_put_under_a_stolen_one_is_poisoned(void **state)
{
	Tarn__HvReply *reply;
	Tarn__PartitionStat stat;
	uint64_t page;

	(void)state;
	wait_stolen(PAGES / 8);
	page = rogue_do(&rogue, ROGUE_HOLE, 0, 0);
	assert_true(page < PAGES);
	assert_int_equal(rogue_do(&rogue, ROGUE_PWRITE, page, 1), 1);
	assert_true(rogue_do(&rogue, ROGUE_READ, page, 1) == ROGUE_BUS);
	stat = get(&reply);
	assert_int_equal(stat.poisoned_pages, 1);
	assert_true(stat.integrity_errors >= 1);
	tarn__hv_reply__free_unpacked(reply, NULL);
	/* that page alone: the others are as they were */
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, page), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, page + 1, PAGES - page - 1), 0);
	end_well();
}

/*
 * P7: a second mapping is not registered: nothing is stolen while it is there, so
 * it has all of its pages once it touched them, and loses them afterwards.
 */
static void p7_a_second_mapping_stops_stealing(void **state)
{
	(void)state;
	assert_int_equal(rogue_do(&rogue, ROGUE_MAP_TWICE, 0, 0), 0);
	wait_reason("mapped a second time");
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	test_host_wait_page_ins(&host, "honest", 300);
	assert_int_equal(stolen(), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_UNMAP_AGAIN, 0, 0), 0);
	test_host_wait(&host, is_quiet, NULL, 10000, "stealing again");
	wait_stolen(100);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	end_well();
}

/* P7: VmPin must stay 0: pinned pages would be written past us. */
static void p7_pinned_memory_stops_stealing(void **state)
{
	(void)state;
	if (rogue_do(&rogue, ROGUE_PIN, 0, 16) != 0)
		skip();
	wait_reason("pinned");
	assert_int_equal(rogue_do(&rogue, ROGUE_UNPIN, 0, 0), 0);
	test_host_wait(&host, is_quiet, NULL, 10000, "stealing again");
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	end_well();
}

/* P7: a hole in the mapping is reported; what remains goes on. */
static void p7_unmapping_a_part_stops_stealing(void **state)
{
	(void)state;
	assert_int_equal(rogue_do(&rogue, ROGUE_UNMAP, PAGES - 16, 16), 0);
	wait_reason("unmapped or moved");
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES - 16), 0);
	end_well();
}

/* P7: a fault at an address nobody knows cannot be served: ended, with the reason. */
static void p7_moving_the_memory_ends_the_partition(void **state)
{
	(void)state;
	wait_stolen(PAGES / 4);
	rogue_order(&rogue, ROGUE_MOVE, 0, 0);
	/* page 0 may be resident: then it reads it, and is only reported */
	if (rogue_wait(&rogue, 3000) == -1)
		wait_reason("moved");
	end_well();
}

/* P12: frames taken behind the counter's back are charged to who took them. */
static void p12_a_partition_that_fills_its_file_is_ended(void **state)
{
	(void)state;
	wait_stolen(PAGES / 4);
	rogue_order(&rogue, ROGUE_PWRITE, 0, PAGES);
	assert_int_equal(rogue_wait(&rogue, TEST_WAIT_MS), 128 + SIGKILL);
	test_host_wait_state(&host, "rogue", TARN__PARTITION_STATE__PARTITION_ENDED);
	wait_reason("behind the hypervisor's back");
	end_well();
}

/* A fault thread waits for its file, and goes on; the honest one is served on it, too. */
static void h10_a_partition_that_holds_its_file_is_ended(void **state)
{
	(void)state;
	assert_int_equal(rogue_do(&rogue, ROGUE_HOLD, 0, 0), 0);
	rogue_order(&rogue, ROGUE_DISCARD, 16, 16);
	assert_int_equal(rogue_wait(&rogue, TEST_WAIT_MS), 128 + SIGKILL);
	wait_reason("held the file of its memory");
	test_host_wait_page_ins(&host, "honest", 300);
	end_well();
}

/* Its fault thread is to bring the page that it holds the file for. */
static void h10_so_is_one_that_holds_it_by_its_own_memory(void **state)
{
	(void)state;
	rogue_order(&rogue, ROGUE_HOLD_BY_CALLS, 0, 0);
	assert_int_equal(rogue_wait(&rogue, TEST_WAIT_MS), 128 + SIGKILL);
	wait_reason("held the file of its memory");
	test_host_wait_page_ins(&host, "honest", 300);
	end_well();
}

static void garbage_on_its_socket_ends_a_partition(void **state)
{
	(void)state;
	(void)rogue_do(&rogue, ROGUE_SAY, 0, 100);
	assert_int_equal(rogue_wait(&rogue, TEST_WAIT_MS), 128 + SIGKILL);
	end_well();
}

static bool has_ended_entries(const Tarn__HvReply *reply, void *arg)
{
	return test_stat_partition(reply, "rogue")->hpt_invalidations >= *(uint64_t *)arg;
}

/* A page table entry lives as long as its page stays in its frame. */
static void a_steal_ends_the_entries_of_its_page(void **state)
{
	Tarn__HvReply *before;
	Tarn__HvReply *after;
	Tarn__PartitionStat stat;
	uint64_t some = 500;
	uint64_t found;

	(void)state;
	wait_stolen(500);
	assert_int_equal(rogue_do(&rogue, ROGUE_ENTER, 0, PAGES), 0);
	/* what is out comes in, so others of its pages leave */
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	test_host_wait(&host, has_ended_entries, &some, 30000, "entries ended");
	(void)get(&before);
	found = rogue_do(&rogue, ROGUE_WALK, 0, PAGES);
	stat = get(&after);
	assert_int_equal(stat.hpt_enters, PAGES);
	assert_true(found <= test_stat_partition(before, "rogue")->hpt_entries);
	assert_true(found >= stat.hpt_entries);
	assert_true(found <= PAGES - some);
	assert_true(stat.hpt_bytes > 512 * 1024);
	assert_true(stat.tce_bytes >= 2 * 16 * 1024);
	tarn__hv_reply__free_unpacked(before, NULL);
	tarn__hv_reply__free_unpacked(after, NULL);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_ENTER, 0, 1), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_WALK, 0, 1), 1);
	end_well();
}

/* Garbage is refused and counted; what is right is served as before. */
static void calls_that_are_garbage_harm_nobody(void **state)
{
	Tarn__HvReply *reply;
	Tarn__PartitionStat stat;

	(void)state;
	assert_int_equal(rogue_do(&rogue, ROGUE_CALL, 0, 20000), 0);
	stat = get(&reply);
	assert_true(stat.hcalls >= 20000);
	assert_true(stat.hcalls_refused >= 10000);
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(rogue_do(&rogue, ROGUE_SCRIBBLE, 0, 300), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_CALLS_AGAIN, 0, 0), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_ENTER, 0, 1), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_WALK, 0, 1), 1);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	end_well();
}

/* It loses what it said was worthless while it used it; nobody else loses anything. */
static void p19_lies_about_its_pages_harm_only_itself(void **state)
{
	Tarn__HvReply *reply;
	Tarn__PartitionStat stat;

	(void)state;
	wait_stolen(500);
	assert_int_equal(rogue_do(&rogue, ROGUE_LIE, 0, 50000), 0);
	stat = get(&reply);
	assert_true(stat.unused_steals + stat.loaned_steals + stat.dropped_steals > 0);
	assert_int_equal(stat.integrity_errors, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(rogue_do(&rogue, ROGUE_FILL, 0, PAGES), 0);
	wait_stolen(500);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	end_well();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(pages_come_back_as_they_were),
		TEST(p13_a_discard_by_message_gives_everything_back),
		TEST(p13_a_bare_discard_frees_what_was_resident),
		TEST(pages_only_unmapped_are_still_there),
		TEST(p6_a_page_put_under_a_stolen_one_is_poisoned),
		TEST(p7_a_second_mapping_stops_stealing),
		TEST(p7_pinned_memory_stops_stealing),
		TEST(p7_unmapping_a_part_stops_stealing),
		TEST(p7_moving_the_memory_ends_the_partition),
		TEST(p12_a_partition_that_fills_its_file_is_ended),
		TEST(h10_a_partition_that_holds_its_file_is_ended),
		TEST(h10_so_is_one_that_holds_it_by_its_own_memory),
		TEST(garbage_on_its_socket_ends_a_partition),
		TEST(a_steal_ends_the_entries_of_its_page),
		TEST(calls_that_are_garbage_harm_nobody),
		TEST(p19_lies_about_its_pages_harm_only_itself),
#undef TEST
	};

	if (argc > 1) /* one of them, by a pattern */
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
