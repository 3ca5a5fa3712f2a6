/*
 * The compressed tier with real programs: pages of a partition that compress.
 *
 * Claim: what does not fit its frames is kept in memory of the pool and comes back as it
 * was, also while no VIOS is there; it gives way when the pool shrinks; nothing is left of
 * it when the partition has ended, nor without a share.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>

#include "hvcore/base/units.h"
#include "tests/support/rogue.h"

#define MEM_MIB 40u
#define PAGES (MEM_MIB * 256u)
#define POOL_MIB 32u
#define SHRUNK_MIB 16u
#define SHARE 40u

static struct test_host host;
static struct rogue rogue;

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .memory_mib = 192,
							   .hang_ms = 30000,
							   .tier_share = SHARE });
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

/* A page's own words, each of them eight times: about a sixth is left of it. */
static uint64_t word_of(uint64_t page, uint64_t version, unsigned i)
{
	return (page * 1000003 + version * 7919 + i / 8 + 1) *
	       UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t write_pages(struct rogue_self *self, uint64_t count, uint64_t version)
{
	for (uint64_t page = 0; page < count; page++) {
		volatile uint64_t *at = (void *)(self->at + page * HV_PAGE_BYTES);

		for (unsigned i = 0; i < HV_PAGE_BYTES / 8; i++)
			at[i] = word_of(page, version, i);
	}
	return 0;
}

static uint64_t count_wrong(struct rogue_self *self, uint64_t count, uint64_t version)
{
	uint64_t wrong = 0;

	for (uint64_t page = 0; page < count; page++) {
		volatile uint64_t *at = (void *)(self->at + page * HV_PAGE_BYTES);
		bool is_right = true;

		for (unsigned i = 0; i < HV_PAGE_BYTES / 8; i++)
			is_right &= at[i] == word_of(page, version, i);
		wrong += !is_right;
	}
	return wrong;
}

struct figures {
	uint64_t packed, hits, outs, tier_frames, free, frames;
};

static struct figures look(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "soft");
	const Tarn__PoolStat *pool = reply->stat->pool;
	struct figures figures = { .tier_frames = pool->tier_frames,
				   .free = pool->frames_free,
				   .frames = pool->frames };

	if (stat != NULL) {
		figures.packed = stat->packed_pages;
		figures.hits = stat->tier_page_ins;
		figures.outs = stat->tier_page_outs;
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	return figures;
}

static bool is_all_free(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PoolStat *pool = reply->stat->pool;

	(void)arg;
	return pool->tier_frames == 0 && pool->frames_free == pool->frames &&
	       pool->used_blocks == 0;
}

static bool have_come_back(const Tarn__HvReply *reply, void *arg)
{
	return test_stat_partition(reply, "soft")->tier_page_ins >= *(uint64_t *)arg;
}

static void start(void)
{
	struct test_partition spec = { .name = "soft", .mem_mib = MEM_MIB };

	rogue_start(&rogue, &host, &spec);
}

static void end(void)
{
	rogue_end(&rogue, &host);
	test_host_wait(&host, is_all_free, NULL, TEST_HOST_WAIT_MS,
		       "all frames are free");
}

static void what_compresses_comes_back_without_a_vios(void **state)
{
	struct figures figures;
	uint64_t hits;

	(void)state;
	start();
	assert_int_equal(rogue_run(&rogue, write_pages, PAGES, 1), 0);
	figures = look();
	hits = figures.hits + figures.packed / 4;
	assert_true(figures.packed > PAGES / 8);
	assert_in_range(figures.tier_frames, 1, figures.frames * SHARE / 100);
	test_host_kill_vios(&host, 0);
	test_host_kill_vios(&host, 1);
	rogue_run_order(&rogue, count_wrong, PAGES, 1);
	test_host_wait(&host, have_come_back, &hits, TEST_HOST_WAIT_MS,
		       "pages come back without a VIOS");
	test_host_keep_vios(&host); /* what has not compressed needs one */
	assert_int_equal(rogue_answer(&rogue), 0);
	end();
}

static void it_gives_way_when_the_pool_shrinks(void **state)
{
	struct figures before, after;

	(void)state;
	start();
	for (unsigned version = 1; version <= 3; version++) {
		assert_int_equal(rogue_run(&rogue, write_pages, PAGES, version), 0);
		assert_int_equal(rogue_run(&rogue, count_wrong, PAGES, version), 0);
	}
	before = look();
	assert_int_equal(test_host_pool(&host, SHRUNK_MIB, NULL), HV_OK);
	after = look();
	assert_true(after.frames < before.frames);
	assert_in_range(after.tier_frames, 0, after.frames * SHARE / 100);
	assert_int_equal(rogue_run(&rogue, count_wrong, PAGES, 3), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_compresses_comes_back_without_a_vios,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_gives_way_when_the_pool_shrinks,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
