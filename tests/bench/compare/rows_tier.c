/*
 * rows_tier - see rows.h and README.md: what the compressed tier is worth, and how it
 * compares with kernel swap on zram, of as much memory in all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/bench/compare/json.h"
#include "tests/bench/compare/rows.h"

/* Of a logical memory of 8: 1 resident, 4 compressed. */
#define LOGICAL_MIB(compare) (4 * (compare)->pool_mib)
#define MEMORY_MIB(compare) (5 * (compare)->pool_mib / 2)
#define TIER_SHARE 80

static const struct {
	const char *name;
	bool is_write;
} loads[] = { { "random", false }, { "random_write", true } };

static void start_host(struct compare *compare, struct test_host *host, bool has_tier)
{
	struct test_host_config config = compare->host.config;

	config.memory_mib = MEMORY_MIB(compare) + 512;
	config.tier_share = TIER_SHARE;
	config.is_tier_off = !has_tier;
	test_host_start(host, &config);
	assert_int_equal(test_host_pool(host, MEMORY_MIB(compare), NULL), HV_OK);
}

static void fill(struct side *side)
{
	side->is_half = true;
	side_fill(side);
}

static void compare_sides(struct compare *compare, struct side *ours, struct side *peer)
{
	for (unsigned i = 0; i < HV_COUNT(loads); i++) {
		struct load_order order = { .pattern = PATTERN_UNIFORM,
					    .is_write = loads[i].is_write,
					    .is_half = true,
					    .threads = 1,
					    .ns = compare->slice_ns,
					    .waited_ns = LOAD_WAITED_NS };

		pairs_run(loads[i].name, ours, peer, &order, compare->rounds);
	}
}

/* The same memory, all of it for pages as they are. */
static void compare_without(struct compare *compare, struct side *ours)
{
	static struct test_host without;
	struct side peer;

	start_host(compare, &without, false);
	side_open_partition(&peer, &without, "without", LOGICAL_MIB(compare));
	fill(&peer);
	compare_sides(compare, ours, &peer);
	side_close(&peer);
	test_host_end(&without);
}

static void compare_zram(struct compare *compare, struct side *ours)
{
	struct side peer;

	json_open("zram");
	if (compare->group != NULL) {
		side_open_plain(&peer, compare->group, LOGICAL_MIB(compare));
		peer.home_cpu = ours->home_cpu; /* it may have it as well */
		fill(&peer);
	}
	compare_sides(compare, ours, compare->group != NULL ? &peer : NULL);
	if (compare->group != NULL)
		side_close(&peer);
	json_close();
}

static void print_tier(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, true);
	const Tarn__PoolStat *pool = reply->stat->pool;
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "tier");

	json_number("tier_mib", (double)pool->tier_frames / 256);
	json_number("tier_pages_mib", (double)pool->tier_pages / 256);
	json_number("page_ins", (double)stat->page_ins);
	json_number("tier_page_ins", (double)stat->tier_page_ins);
	json_number("tier_page_outs", (double)stat->tier_page_outs);
	json_number("tier_refused", (double)stat->tier_refused);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

void row_tier(struct compare *compare)
{
	static struct test_host host;
	struct side ours;

	json_open("tier");
	start_host(compare, &host, true);
	side_open_partition(&ours, &host, "tier", LOGICAL_MIB(compare));
	fill(&ours);
	compare_without(compare, &ours);
	compare_zram(compare, &ours);
	print_tier(&host);
	json_close();
	side_close(&ours);
	test_host_end(&host);
}
