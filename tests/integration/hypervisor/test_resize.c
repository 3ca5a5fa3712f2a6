/*
 * Memory of running partitions is added, taken and moved, in whole blocks, while they
 * page: real hypervisor, VIOS pair and partitions; and partitions that cheat.
 *
 * Claim: whatever is given and taken, every page verifies, the books balance after
 * each step (test_host_wait_resized audits), nobody has more than its memory, and what
 * is not given in time stays where it is.
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
#include "tests/support/wait.h"

#define MIB_PAGES 256u
#define POOL_MIB 32u

static struct test_host host;
static struct rogue rogue;

static int set_up(void **state)
{
	(void)state;
	rogue.pid = 0;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
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

static uint64_t lmbs_free(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	uint64_t count = reply->stat->lmbs_free;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return count;
}

static void resize(const char *name, uint64_t run_id, unsigned mib)
{
	uint64_t got = 0;

	assert_int_equal(test_host_resize(&host, name, run_id, mib, 60, NULL), HV_OK);
	assert_int_equal(test_host_wait_resized(&host, name, &got), HV_OK);
	assert_int_equal(got, mib);
}

static void grow_and_shrink_shared(bool via_hpt)
{
	static const unsigned sizes[] = { 96, 32, 80, 16, 64, 48, 96, 16, 48 };
	struct test_guest *guest;

	guest = test_host_run(&host, &(struct test_partition){ .name = "db1",
							       .mem_mib = 48,
							       .max_mib = 96,
							       .write_percent = 50,
							       .via_hpt = via_hpt,
							       .threads = 3 });
	test_host_wait_page_ins(&host, "db1", 100);
	for (unsigned i = 0; i < HV_COUNT(sizes); i++) {
		resize("db1", guest->run_id, sizes[i]);
		if (sizes[i] > POOL_MIB)
			test_host_wait_page_ins(&host, "db1", 50);
		if (i % 3 == 2)
			test_host_verify(&host);
	}
	test_host_verify(&host);
	test_host_check(&host);
	test_host_end(&host);
}

static void a_shared_partition_grows_and_shrinks_while_it_pages(void **state)
{
	(void)state;
	grow_and_shrink_shared(false);
}

static void a_page_table_follows_its_shared_partition(void **state)
{
	(void)state;
	grow_and_shrink_shared(true);
}

static void grow_and_shrink_dedicated(bool via_hpt)
{
	static const unsigned sizes[] = { 64, 16, 48, 32, 64, 16 };
	struct test_guest *guest;
	uint64_t before;

	before = lmbs_free();
	guest = test_host_run(&host, &(struct test_partition){ .name = "web",
							       .mem_mib = 32,
							       .max_mib = 64,
							       .write_percent = 50,
							       .threads = 2,
							       .via_hpt = via_hpt,
							       .is_dedicated = true });
	for (unsigned i = 0; i < HV_COUNT(sizes); i++) {
		resize("web", guest->run_id, sizes[i]);
		assert_int_equal(lmbs_free(), before - sizes[i] / 16);
		test_host_verify(&host);
	}
	test_host_end(&host);
}

static void a_dedicated_partition_takes_and_gives_blocks(void **state)
{
	(void)state;
	grow_and_shrink_dedicated(false);
}

static void a_page_table_follows_its_dedicated_partition(void **state)
{
	(void)state;
	grow_and_shrink_dedicated(true);
}

/* What one gives another takes, and each keeps what it wrote. */
static void memory_moves_from_one_to_another(void **state)
{
	struct test_guest *from, *to;
	uint64_t before;

	(void)state;
	before = lmbs_free();
	from = test_host_run(&host, &(struct test_partition){ .name = "from",
							      .mem_mib = 64,
							      .write_percent = 50,
							      .is_dedicated = true });
	to = test_host_run(&host, &(struct test_partition){ .name = "to",
							    .mem_mib = 16,
							    .max_mib = 64,
							    .write_percent = 50,
							    .is_dedicated = true });
	resize("from", from->run_id, 32);
	resize("to", to->run_id, 48);
	assert_int_equal(lmbs_free(), before - 5);
	test_host_verify(&host);
	test_host_end(&host);
}

static void orders_that_cannot_be_are_refused(void **state)
{
	struct test_guest *guest;
	struct hv_err err;

	(void)state;
	guest = test_host_run(&host, &(struct test_partition){ .name = "web",
							       .mem_mib = 32,
							       .max_mib = 1024,
							       .is_dedicated = true });
	assert_int_equal(test_host_resize(&host, "nobody", 1, 16, 0, &err),
			 HV_E_NOTFOUND);
	assert_int_equal(test_host_resize(&host, "web", 99, 16, 0, &err), HV_E_NOTFOUND);
	assert_int_equal(test_host_resize(&host, "web", guest->run_id, 17, 0, &err),
			 HV_E_INVAL);
	assert_int_equal(test_host_resize(&host, "web", guest->run_id, 0, 0, &err),
			 HV_E_INVAL);
	assert_int_equal(test_host_resize(&host, "web", guest->run_id, 1040, 0, &err),
			 HV_E_INVAL);
	/* more blocks than there are: 512 MiB, of which 32 are the pool's */
	assert_int_equal(test_host_resize(&host, "web", guest->run_id, 512, 0, &err),
			 HV_E_NOMEM);
	resize("web", guest->run_id, 48);
	host.generation -= 2;
	assert_int_equal(test_host_resize(&host, "web", guest->run_id, 16, 0, &err),
			 HV_E_STALE);
	/* the last one again: the same answer, and nothing happens */
	assert_int_equal(test_host_resize(&host, "web", guest->run_id, 16, 0, &err),
			 HV_OK);
	resize("web", guest->run_id, 48);
	test_host_end(&host);
}

static void start_rogue(bool is_dedicated)
{
	rogue_start(&rogue, &host,
		    &(struct test_partition){ .name = "rogue",
					      .mem_mib = 64,
					      .max_mib = 96,
					      .is_dedicated = is_dedicated });
	if (is_dedicated)
		assert_int_equal(rogue_do(&rogue, ROGUE_FILL, 0, 64 * MIB_PAGES), 0);
	else
		assert_int_equal(rogue_do(&rogue, ROGUE_FILL, 0, 16 * MIB_PAGES), 0);
}

/* Asked for 48 MiB it gives 16 and no more: those are taken, the rest stays its own. */
static void what_is_not_given_in_time_stays(void **state)
{
	const bool modes[] = { true, false };
	uint64_t got = 0;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(modes); i++) {
		start_rogue(modes[i]);
		assert_int_equal(
			test_host_resize(&host, "rogue", rogue.run_id, 16, 2, NULL),
			HV_OK);
		assert_int_equal(
			test_host_resize(&host, "rogue", rogue.run_id, 16, 2, NULL),
			HV_E_BUSY);
		assert_int_equal(rogue_do(&rogue, ROGUE_GIVE, 48 * MIB_PAGES, 0),
				 16 * MIB_PAGES);
		assert_int_equal(test_host_wait_resized(&host, "rogue", &got),
				 HV_E_TIMEOUT);
		assert_int_equal(got, 48);
		/* told so; what it says of an older order means nothing */
		assert_int_equal(rogue_do(&rogue, ROGUE_GIVE, 16 * MIB_PAGES, 0),
				 48 * MIB_PAGES);
		assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, 16 * MIB_PAGES), 0);
		assert_int_equal(test_host_wait_resized(&host, "rogue", &got),
				 HV_E_TIMEOUT);
		assert_int_equal(got, 48);
		rogue_end(&rogue, &host);
	}
	test_host_end(&host);
}

static void an_answer_to_another_order_is_none(void **state)
{
	uint64_t got = 0;

	(void)state;
	start_rogue(false);
	assert_int_equal(test_host_resize(&host, "rogue", rogue.run_id, 16, 1, NULL),
			 HV_OK);
	assert_int_equal(rogue_do(&rogue, ROGUE_GIVE, 16 * MIB_PAGES, 7), 16 * MIB_PAGES);
	assert_int_equal(test_host_wait_resized(&host, "rogue", &got), HV_E_TIMEOUT);
	assert_int_equal(got, 64);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

/* P18: shared memory beyond what it has is never served: touching it is the end. */
static void p18_a_page_beyond_the_memory_is_never_served(void **state)
{
	uint64_t got = 0;

	(void)state;
	start_rogue(false);
	assert_int_equal(test_host_resize(&host, "rogue", rogue.run_id, 32, 60, NULL),
			 HV_OK);
	assert_int_equal(rogue_do(&rogue, ROGUE_GIVE, 32 * MIB_PAGES, 0), 32 * MIB_PAGES);
	assert_int_equal(test_host_wait_resized(&host, "rogue", &got), HV_OK);
	assert_int_equal(got, 32);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, 16 * MIB_PAGES), 0);
	rogue_order(&rogue, ROGUE_READ, 32 * MIB_PAGES, 0);
	assert_int_equal(rogue_wait(&rogue, 20000), 128 + SIGKILL);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

/* ... and that of a dedicated one is beyond the end of its file, wherever it puts it. */
static void p18_a_file_made_larger_gives_no_memory(void **state)
{
	uint64_t got = 0;

	(void)state;
	start_rogue(true);
	assert_int_equal(rogue_do(&rogue, ROGUE_READ, 64 * MIB_PAGES, 0), ROGUE_BUS);
	assert_int_equal(test_host_resize(&host, "rogue", rogue.run_id, 32, 60, NULL),
			 HV_OK);
	assert_int_equal(rogue_do(&rogue, ROGUE_GIVE, 32 * MIB_PAGES, 0), 32 * MIB_PAGES);
	assert_int_equal(test_host_wait_resized(&host, "rogue", &got), HV_OK);
	assert_int_equal(got, 32);
	assert_int_equal(rogue_do(&rogue, ROGUE_CHECK, 0, 32 * MIB_PAGES), 0);
	assert_int_equal(rogue_do(&rogue, ROGUE_READ, 32 * MIB_PAGES, 0), ROGUE_BUS);
	rogue_order(&rogue, ROGUE_TRUNCATE, 0, 96 * MIB_PAGES);
	assert_int_equal(rogue_wait(&rogue, 20000), 128 + SIGKILL);
	rogue_end(&rogue, &host);
	test_host_end(&host);
}

/* H10: the loop sizes its file by a worker, and finds who holds it. */
static void h10_who_holds_its_file_while_it_is_sized_is_ended(void **state)
{
	(void)state;
	(void)test_host_run(&host, &(struct test_partition){ .name = "honest",
							     .mem_mib = 48,
							     .write_percent = 50 });
	rogue_start(&rogue, &host,
		    &(struct test_partition){ .name = "rogue",
					      .mem_mib = 32,
					      .max_mib = 64,
					      .is_dedicated = true });
	assert_int_equal(rogue_do(&rogue, ROGUE_HOLD, 0, 0), 0);
	assert_int_equal(test_host_resize(&host, "rogue", rogue.run_id, 64, 60, NULL),
			 HV_OK);
	test_host_wait_page_ins(&host, "honest", 50); /* asks the loop */
	assert_int_equal(rogue_wait(&rogue, TEST_WAIT_MS), 128 + SIGKILL);
	rogue_end(&rogue, &host);
	test_host_verify(&host);
	test_host_end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_shared_partition_grows_and_shrinks_while_it_pages),
		TEST(a_page_table_follows_its_shared_partition),
		TEST(a_dedicated_partition_takes_and_gives_blocks),
		TEST(a_page_table_follows_its_dedicated_partition),
		TEST(memory_moves_from_one_to_another),
		TEST(orders_that_cannot_be_are_refused),
		TEST(what_is_not_given_in_time_stays),
		TEST(an_answer_to_another_order_is_none),
		TEST(p18_a_page_beyond_the_memory_is_never_served),
		TEST(p18_a_file_made_larger_gives_no_memory),
		TEST(h10_who_holds_its_file_while_it_is_sized_is_ended),
#undef TEST
	};

	if (argc > 1) /* one of them, by a pattern */
		cmocka_set_test_filter(argv[1]);

	return cmocka_run_group_tests(tests, NULL, NULL);
}
