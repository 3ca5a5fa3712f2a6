/*
 * rows_partitions - see rows.h and README.md: what a fault costs where partitions are
 * many. One works and the others are there; or each in turn touches a little.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/bench_support.h"
#include "tests/bench/compare/json.h"
#include "tests/bench/compare/rows.h"

#define MOST 128   /* SPEC S5 */
#define RESTING 32 /* a pool is so many times as large as one that rests */
#define SHARE 4    /* a round touches so many of all pages: a fourth */

struct many {
	struct side sides[MOST];
	char names[MOST][48];
	unsigned count;
};

static void open_some(struct many *many, struct compare *compare, const char *name,
		      unsigned count, unsigned mib)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = many->count++;

		(void)snprintf(many->names[at], sizeof(many->names[at]), "%s_%u", name,
			       at);
		side_open_partition(&many->sides[at], &compare->host, many->names[at],
				    mib);
		side_fill(&many->sides[at]);
	}
}

static void close_all(struct many *many)
{
	while (many->count > 0)
		side_close(&many->sides[--many->count]);
}

/* ---- one works ---- */

static void one_works(struct compare *compare, unsigned count)
{
	static struct many many;
	static struct pairs_figures figures;
	struct load_order order = { .pattern = PATTERN_UNIFORM,
				    .threads = 1,
				    .ns = compare->slice_ns,
				    .waited_ns = LOAD_WAITED_NS };
	struct side_cost cost;
	char key[32];

	(void)snprintf(key, sizeof(key), "one_of_%u", count);
	open_some(&many, compare, key, count - 1, compare->pool_mib / RESTING);
	open_some(&many, compare, key, 1, 2 * compare->pool_mib);
	memset(&figures, 0, sizeof(figures));
	order.cpu = figures.processor = many.sides[count - 1].home_cpu;
	side_run(&many.sides[count - 1], &order, &cost); /* to settle */
	for (unsigned i = 0; i < compare->rounds; i++) {
		side_run(&many.sides[count - 1], &order, &cost);
		pairs_add(&figures, &cost);
	}
	pairs_print(key, &figures, NULL);
	close_all(&many);
}

/* ---- all touch a little ---- */

static void look(struct test_host *host, struct side_cost *ret_cost)
{
	Tarn__HvReply *reply = test_host_stat(host, false);

	*ret_cost = (struct side_cost){ 0 };
	for (size_t i = 0; i < reply->stat->n_partitions; i++)
		ret_cost->faults += reply->stat->partitions[i]->page_ins;
	tarn__hv_reply__free_unpacked(reply, NULL);
	ret_cost->hypervisor_ns = bench_cpu_of(host->hypervisor.pid);
	for (unsigned i = 0; i < HV_COUNT(host->vios); i++)
		ret_cost->vios_ns += bench_cpu_of(host->vios[i].pid);
}

/* One after the other; of what each waited the median of all. */
static void touch_all(struct many *many, struct test_host *host,
		      struct side_cost *ret_cost)
{
	double p50[MOST], p99[MOST];
	struct side_cost before;
	struct load_result sum = { 0 };

	look(host, &before);
	for (unsigned i = 0; i < many->count; i++) {
		struct side *side = &many->sides[i];
		struct load_order order = { .pattern = PATTERN_UNIFORM,
					    .threads = 1,
					    .touches = side->pages / SHARE,
					    .waited_ns = LOAD_WAITED_NS,
					    .cpu = side->home_cpu };
		struct load_result load;

		side_send(side, &order);
		side_hear(side, &load);
		sum.touches += load.touches;
		sum.bad += load.bad;
		sum.ns += load.ns;
		sum.cpu_ns += load.cpu_ns;
		if (sum.longest_ns < load.longest_ns)
			sum.longest_ns = load.longest_ns;
		p50[i] = (double)load.p50_ns;
		p99[i] = (double)load.p99_ns;
	}
	look(host, ret_cost);
	ret_cost->faults -= before.faults;
	ret_cost->hypervisor_ns -= before.hypervisor_ns;
	ret_cost->vios_ns -= before.vios_ns;
	sum.p50_ns = (uint64_t)bench_median(p50, many->count);
	sum.p99_ns = (uint64_t)bench_median(p99, many->count);
	ret_cost->load = sum;
}

static void all_touch(struct compare *compare, unsigned count)
{
	static struct many many;
	static struct pairs_figures figures;
	struct side_cost cost;
	char key[32];

	(void)snprintf(key, sizeof(key), "all_of_%u", count);
	open_some(&many, compare, key, count, 2 * compare->pool_mib / count);
	memset(&figures, 0, sizeof(figures));
	figures.processor = -1;
	touch_all(&many, &compare->host, &cost); /* to settle */
	for (unsigned i = 0; i < compare->rounds; i++) {
		touch_all(&many, &compare->host, &cost);
		pairs_add(&figures, &cost);
	}
	pairs_print(key, &figures, NULL);
	close_all(&many);
}

void row_partitions(struct compare *compare)
{
	static const unsigned all[] = { 1, 16, MOST, 0 }, few[] = { 1, 4, 0 };
	const unsigned *counts = compare->is_quick ? few : all;

	json_open("partitions");
	for (unsigned i = 0; counts[i] != 0; i++)
		one_works(compare, counts[i]);
	for (unsigned i = 0; counts[i] != 0; i++)
		all_touch(compare, counts[i]);
	json_close();
}
