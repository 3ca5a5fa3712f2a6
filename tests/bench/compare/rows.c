/* rows - see rows.h: the comparisons with kernel swap. */
#include "tests/bench/compare/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/compare/json.h"

void row_open(struct compare *compare, const char *name, unsigned mib,
	      struct row_sides *sides)
{
	sides->peer = NULL;
	side_open_partition(&sides->ours, &compare->host, name, mib);
	if (compare->group == NULL)
		return;
	side_open_plain(&sides->plain, compare->group, mib);
	sides->peer = &sides->plain;
	sides->plain.home_cpu = sides->ours.home_cpu; /* it may have it as well */
}

void row_close(struct row_sides *sides)
{
	side_close(&sides->ours);
	if (sides->peer != NULL)
		side_close(sides->peer);
}

static void open_filled(struct compare *compare, const char *name, unsigned mib,
			struct row_sides *sides)
{
	row_open(compare, name, mib, sides);
	side_fill(&sides->ours);
	if (sides->peer != NULL)
		side_fill(sides->peer);
}

static struct load_order order_of(const struct compare *compare,
				  enum pattern_kind pattern)
{
	return (struct load_order){ .pattern = pattern,
				    .threads = 1,
				    .ns = compare->slice_ns,
				    .waited_ns = LOAD_WAITED_NS };
}

static void compare_threads(struct compare *compare, struct row_sides *sides,
			    bool is_write)
{
	static const unsigned threads[] = { 1, 4, 16 };
	struct load_order order = order_of(compare, PATTERN_UNIFORM);
	char name[32];

	order.is_write = is_write;
	json_open(is_write ? "random_write" : "random");
	for (unsigned i = 0; i < HV_COUNT(threads); i++) {
		order.threads = threads[i];
		(void)snprintf(name, sizeof(name), "threads_%u", threads[i]);
		pairs_run(name, &sides->ours, sides->peer, &order, compare->rounds);
	}
	json_close();
}

/* Four times the pool: three of four touches wait for a page. */
void row_random(struct compare *compare)
{
	struct row_sides sides;

	open_filled(compare, "random", 4 * compare->pool_mib, &sides);
	compare_threads(compare, &sides, false);
	compare_threads(compare, &sides, true);
	row_close(&sides);
}

/* Twice the pool, so that it matters which half stays. */
void row_patterns(struct compare *compare)
{
	struct row_sides sides;

	open_filled(compare, "patterns", 2 * compare->pool_mib, &sides);
	json_open("patterns");
	for (int kind = PATTERN_ZIPF; kind <= PATTERN_DRIFT; kind++) {
		struct load_order order = order_of(compare, (enum pattern_kind)kind);

		pairs_run(pattern_names[kind], &sides.ours, sides.peer, &order,
			  compare->rounds);
	}
	json_close();
	row_close(&sides);
}

void row_scan(struct compare *compare)
{
	struct row_sides sides;
	struct load_order order = order_of(compare, PATTERN_SCAN);

	open_filled(compare, "scan", 4 * compare->pool_mib, &sides);
	json_open("scan");
	pairs_run("read", &sides.ours, sides.peer, &order, compare->rounds);
	order.is_write = true;
	pairs_run("write", &sides.ours, sides.peer, &order, compare->rounds);
	json_close();
	row_close(&sides);
}

static const struct first {
	const char *name;
	unsigned half_pools; /* of memory */
	bool is_write;
} firsts[] = {
	{ "read", 1, false },
	{ "write", 1, true },
	{ "beyond", 4,
	  true }, /* most need a frame of somebody else: the pace of reclaim */
};

/* New sides for each pair: memory that was touched is not new any more. */
static void touch_first(struct compare *compare, const struct first *first,
			unsigned round, struct pairs_figures figures[2])
{
	struct row_sides sides;
	struct side_cost cost;
	struct load_order order = order_of(compare, PATTERN_SCAN);
	char name[32];

	(void)snprintf(name, sizeof(name), "%s%u", first->name, round);
	row_open(compare, name, first->half_pools * compare->pool_mib / 2, &sides);
	order.is_write = first->is_write;
	order.ns = 0;
	order.touches = sides.ours.pages;
	order.waited_ns = 0;
	order.cpu = sides.ours.home_cpu;
	for (unsigned i = 0; i < 2; i++) {
		struct side *side = (i + round) % 2 == 0 ? &sides.ours : sides.peer;

		if (side == NULL)
			continue;
		side_run(side, &order, &cost);
		pairs_add(&figures[side != &sides.ours], &cost);
		figures[side != &sides.ours].processor = order.cpu;
	}
	row_close(&sides);
}

void row_first_touch(struct compare *compare)
{
	static struct pairs_figures figures[2];

	json_open("first_touch");
	for (unsigned i = 0; i < HV_COUNT(firsts); i++) {
		memset(figures, 0, sizeof(figures));
		for (unsigned round = 0; round < compare->rounds; round++)
			touch_first(compare, &firsts[i], round, figures);
		pairs_print(firsts[i].name, &figures[0],
			    compare->group != NULL ? &figures[1] : NULL);
	}
	json_close();
}
