/*
 * Pages that devices use (M7), with real programs: a partition that maps all that it is
 * entitled to while everything else is fought for, one that gives up what it has
 * mapped, memory that cannot be taken, and what a partition does with its own share.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>

#include "hvcore/base/units.h"
#include "tests/support/host.h"
#include "tests/support/rogue.h"

#define MIB_PAGES 256u
#define MEM_MIB 24u
#define LESS_MIB 16u /* whole blocks */
#define PAGES (MEM_MIB * MIB_PAGES)
#define ENTITLED 382u /* 1562624 bytes, in whole pages */

static struct test_host host;
static struct rogue rogue, beside;

static int set_up(void **state)
{
	(void)state;
	/* deeds are waited for without an eye on the VIOS */
	test_host_start(&host, &(struct test_host_config){ .hang_ms = 20000 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (rogue.pid != 0)
		(void)kill(rogue.pid, SIGKILL);
	if (beside.pid != 0)
		(void)kill(beside.pid, SIGKILL);
	test_host_abandon(&host);
	return 0;
}

static void start_rogue(bool is_dedicated)
{
	rogue_start(&rogue, &host,
		    &(struct test_partition){ .name = "rogue",
					      .mem_mib = MEM_MIB,
					      .weight = 192,
					      .is_dedicated = is_dedicated });
	assert_int_equal(rogue_do(&rogue, ROGUE_FILL, 0, PAGES), 0);
}

static Tarn__PartitionStat get(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	Tarn__PartitionStat stat;

	assert_non_null(test_stat_partition(reply, "rogue"));
	stat = *test_stat_partition(reply, "rogue");
	tarn__hv_reply__free_unpacked(reply, NULL); /* numbers only from here on */
	return stat;
}

static bool has_stolen(const Tarn__HvReply *reply, void *arg)
{
	return test_stat_partition(reply, "rogue")->stolen_pages >= *(uint64_t *)arg;
}

static bool has_served(const Tarn__HvReply *reply, void *arg)
{
	return test_stat_partition(reply, "honest")->page_ins >= *(uint64_t *)arg;
}

/* The audit of each stat says that what is mapped is there. */
static void m7_what_it_is_entitled_to_stays_while_all_else_is_fought_for(void **state)
{
	uint64_t stolen = 3000, more;
	Tarn__PartitionStat stat;
	Tarn__HvReply *reply;

	(void)state;
	start_rogue(false);
	(void)test_host_run(&host, &(struct test_partition){ .name = "honest",
							     .mem_mib = 40,
							     .working_set = 100,
							     .write_percent = 50 });
	test_host_wait(&host, has_stolen, &stolen, 60000, "pages of the rogue stolen");
	assert_int_equal(rogue_do(&rogue, ROGUE_MAP, 0, ENTITLED), 0);
	stat = get();
	assert_int_equal(stat.io_entitled_bytes, ENTITLED * HV_PAGE_BYTES);
	assert_int_equal(stat.io_min_bytes, ENTITLED * HV_PAGE_BYTES);
	assert_int_equal(stat.io_mapped_bytes, ENTITLED * HV_PAGE_BYTES);
	assert_int_equal(stat.io_high_bytes, ENTITLED * HV_PAGE_BYTES);
	assert_int_equal(stat.io_map_failures, 0);
	assert_true(stat.io_map_page_ins > 0);
	assert_true(stat.io_map_waits >= stat.io_map_page_ins);
	assert_int_equal(rogue_do(&rogue, ROGUE_MAP, ENTITLED, 10), 10);
	reply = test_host_stat(&host, false);
	more = test_stat_partition(reply, "honest")->page_ins + 3000;
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_wait(&host, has_served, &more, 60000, "page-ins of the honest one");
	stat = get();
	assert_true(stat.resident_pages >= ENTITLED);
	assert_int_equal(stat.io_map_failures, 10);
	assert_int_equal(stat.io_mapped_bytes, ENTITLED * HV_PAGE_BYTES);
	assert_int_equal(stat.io_lost_pages, 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_UNMAP_TCES, 0, 0), 0);
	assert_int_equal(get().io_mapped_bytes, 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	rogue_end(&rogue, &host);
	test_host_verify(&host);
	test_host_end(&host);
}

/* Gives up all that it likes, and nothing that is mapped. */
static void start_beside(const enum rogue_deed *deeds, unsigned count)
{
	rogue_start(&beside, &host,
		    &(struct test_partition){ .name = "beside", .mem_mib = LESS_MIB });
	assert_int_equal(rogue_do(&beside, ROGUE_FILL, 0, 300), 0);
	assert_int_equal(rogue_do(&beside, ROGUE_MAP, 100, 10), 0);
	for (unsigned i = 0; i < count; i++)
		assert_int_equal(rogue_do(&beside, deeds[i], 200 + 20 * i, 10), 0);
}

/* Partitions are looked at each second, all of them at once: whoever is still there when
 * the look that ends another one is over was found right by it. */
static void is_still_there(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "beside");

	assert_non_null(stat);
	assert_int_equal(stat->state, TARN__PARTITION_STATE__PARTITION_RUNNING);
	assert_int_equal(stat->io_mapped_bytes, 10 * HV_PAGE_BYTES);
	assert_int_equal(stat->io_lost_pages, 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(rogue_do(&beside, ROGUE_CHECK, 0, 200), 0);
}

static void m7_who_gives_up_what_a_device_uses_is_ended(void **state)
{
	static const enum rogue_deed deeds[] = { ROGUE_DISCARD, ROGUE_REMOVE,
						 ROGUE_UNMAP };

	(void)state;
	start_beside(deeds, HV_COUNT(deeds));
	for (unsigned i = 0; i < HV_COUNT(deeds); i++) {
		start_rogue(false);
		assert_int_equal(rogue_do(&rogue, ROGUE_MAP, 100, 10), 0);
		rogue_order(&rogue, deeds[i], 109, 10);
		assert_int_equal(rogue_wait(&rogue, 20000), 128 + SIGKILL);
		is_still_there();
		rogue_end(&rogue, &host);
	}
	rogue_end(&beside, &host);
	test_host_end(&host);
}

/* It says that it gives its memory, and has the last page mapped. */
static void m7_a_block_that_a_device_uses_stays(void **state)
{
	const bool modes[] = { true, false };
	uint64_t got = 0;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(modes); i++) {
		start_rogue(modes[i]);
		assert_int_equal(rogue_do(&rogue, ROGUE_MAP, PAGES - 1, 1), 0);
		assert_int_equal(test_host_resize(&host, "rogue", rogue.run_id, LESS_MIB,
						  60, NULL),
				 HV_OK);
		assert_int_equal(rogue_do(&rogue, ROGUE_GIVE, LESS_MIB * MIB_PAGES, 0),
				 LESS_MIB * MIB_PAGES);
		assert_int_equal(test_host_wait_resized(&host, "rogue", &got), HV_E_BUSY);
		assert_int_equal(got, MEM_MIB);
		assert_int_equal(rogue_do(&rogue, ROGUE_GIVE, PAGES, 0), PAGES);
		assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
		assert_int_equal(rogue_do(&rogue, ROGUE_UNMAP_TCES, 0, 0), 0);
		assert_int_equal(test_host_resize(&host, "rogue", rogue.run_id, LESS_MIB,
						  60, NULL),
				 HV_OK);
		assert_int_equal(rogue_do(&rogue, ROGUE_GIVE, LESS_MIB * MIB_PAGES, 0),
				 LESS_MIB * MIB_PAGES);
		assert_int_equal(test_host_wait_resized(&host, "rogue", &got), HV_OK);
		assert_int_equal(got, LESS_MIB);
		/* and beyond it nothing is mapped */
		assert_int_equal(rogue_do(&rogue, ROGUE_MAP, LESS_MIB * MIB_PAGES - 1, 2),
				 1);
		test_host_audit(&host);
		rogue_end(&rogue, &host);
	}
	test_host_end(&host);
}

static uint64_t share(uint64_t pages, uint64_t weight, bool is_constrained)
{
	return pages | weight << 32 | (uint64_t)is_constrained << 48;
}

static void ask_share(uint64_t pages, uint32_t weight, uint64_t answer)
{
	assert_int_equal(rogue_do(&rogue, ROGUE_SHARE, pages, weight), answer);
}

static void a_partition_gives_up_of_its_share_and_takes_no_more(void **state)
{
	Tarn__HvReply *reply;
	char token[33];
	uint64_t room;

	(void)state;
	start_rogue(false);
	assert_int_equal(rogue_do(&rogue, ROGUE_MAP, 0, 50), 0);
	ask_share(100, 64, share(100, 64, false));
	reply = test_host_stat(&host, true);
	assert_int_equal(test_stat_partition(reply, "rogue")->io_entitled_bytes,
			 100 * HV_PAGE_BYTES);
	assert_int_equal(test_stat_partition(reply, "rogue")->manager->weight, 64);
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_int_equal(rogue_do(&rogue, ROGUE_MAP, 50, 51), 1);
	/* not less than is mapped, not more than it was given */
	ask_share(3, 64, share(100, 64, true));
	ask_share(100000, 255, share(ENTITLED, 192, true));
	ask_share(100, 300, ROGUE_FAILED);
	/* what it gave up is another's now: it has again what is left */
	ask_share(100, 192, share(100, 192, false));
	assert_int_equal(test_host_define(&host,
					  &(struct test_partition){ .name = "other",
								    .mem_mib = 32,
								    .entitled_mib = 30 },
					  7000, token, NULL),
			 HV_OK);
	reply = test_host_stat(&host, true);
	room = reply->stat->pool->frames - reply->stat->pool->high_water - 30 * MIB_PAGES;
	tarn__hv_reply__free_unpacked(reply, NULL);
	assert_in_range(room, 101, ENTITLED - 1);
	ask_share(ENTITLED, 192, share(room, 192, true));
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, PAGES), 0);
	test_host_remove(&host, "other", 7000);
	ask_share(ENTITLED, 192, share(ENTITLED, 192, false));
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

static void check_share(uint32_t weight, uint64_t pages)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "rogue");

	assert_int_equal(stat->io_entitled_bytes, pages * HV_PAGE_BYTES);
	assert_int_equal(stat->manager->weight, weight);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

static void administer(uint32_t weight, uint64_t pages)
{
	assert_int_equal(test_host_share(&host, "rogue", rogue.run_id, weight,
					 pages * HV_PAGE_BYTES, NULL),
			 HV_OK);
}

/* What it gives up is its own affair, and only as long as it gives up something. */
static void what_it_is_given_later_it_has_unless_it_gave_it_up(void **state)
{
	(void)state;
	start_rogue(false);
	/* all of it, or more: nothing is given up */
	ask_share(ENTITLED, 192, share(ENTITLED, 192, false));
	administer(200, 500);
	check_share(200, 500);
	ask_share(9000, 255, share(500, 200, true));
	administer(210, 600);
	check_share(210, 600);
	/* the one is, the other is not */
	ask_share(300, 210, share(300, 210, false));
	administer(220, 700);
	check_share(220, 300);
	ask_share(700, 100, share(700, 100, false));
	administer(230, 800);
	check_share(100, 800);
	/* less than what it left itself is not what it asked for */
	ask_share(400, 100, share(400, 100, false));
	administer(90, 350);
	check_share(90, 350);
	administer(192, ENTITLED);
	check_share(192, ENTITLED);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(m7_what_it_is_entitled_to_stays_while_all_else_is_fought_for),
		TEST(m7_who_gives_up_what_a_device_uses_is_ended),
		TEST(m7_a_block_that_a_device_uses_stays),
		TEST(a_partition_gives_up_of_its_share_and_takes_no_more),
		TEST(what_it_is_given_later_it_has_unless_it_gave_it_up),
#undef TEST
	};

	if (argc > 1) /* one of them, by a pattern */
		cmocka_set_test_filter(argv[1]);

	return cmocka_run_group_tests(tests, NULL, NULL);
}
