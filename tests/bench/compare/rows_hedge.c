/*
 * rows_hedge - see rows.h and README.md: what it is worth that a page-in that is late is
 * asked for over both VIOS. The peer is a second host that never does it.
 *
 * `stopped`: in each measurement the VIOS that is asked stands still for a fourth of the
 * time, much shorter than what is judged a hang. It goes on whatever happens: between
 * stop and go nothing here can fail, and where this program is ended, its children are
 * killed with it (process.h), those that stand still as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "tests/bench/compare/json.h"
#include "tests/bench/compare/rows.h"

#define STOPPED_PART 4 /* arbitrary: 500 ms, where a hang is 20 s */

/* Filled, all is dirty: so writes come first, and reads once all is clean. */
static const struct hedge_load {
	const char *name;
	bool settles, is_stopped, is_write;
} loads[] = {
	{ "stopped_write", false, true, true },
	{ "calm", true, false, false },
	{ "stopped", false, true, false },
};

struct hedge_side {
	struct side side;
	struct pairs_figures figures;
};

/* Of the host that hedges. */
struct hedge_counts {
	uint64_t page_ins, asked, won;
};

static struct hedge_counts look(const struct side *side)
{
	Tarn__HvReply *reply = test_host_stat(side->host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, side->name);
	struct hedge_counts counts = { stat->page_ins, stat->hedges, stat->hedges_won };

	tarn__hv_reply__free_unpacked(reply, NULL);
	return counts;
}

static struct test_process *asked_vios(const struct side *side)
{
	struct test_host *host = side->host;
	Tarn__HvReply *reply = test_host_stat(host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, side->name);
	unsigned index = stat->current != NULL &&
			 strcmp(stat->current, test_host_vios_name(host, 1)) == 0;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return &host->vios[index];
}

static void pass(uint64_t ns)
{
	const struct timespec time = { (time_t)(ns / 1000000000),
				       (long)(ns % 1000000000) };

	(void)ppoll(NULL, 0, &time, NULL); /* the time is what is measured */
}

static void run_one(struct hedge_side *of, const struct compare *compare,
		    const struct hedge_load *load, struct side_cost *ret_cost)
{
	struct load_order order = { .pattern = PATTERN_UNIFORM,
				    .is_write = load->is_write,
				    .threads = 1,
				    .ns = compare->slice_ns,
				    .waited_ns = LOAD_WAITED_NS,
				    .cpu = of->side.home_cpu };
	struct test_process *vios = load->is_stopped ? asked_vios(&of->side) : NULL;
	struct side_cost before;

	side_begin(&of->side, &order, &before);
	if (vios != NULL) {
		pass(compare->slice_ns / STOPPED_PART);
		test_process_signal(vios, SIGSTOP);
		pass(compare->slice_ns / STOPPED_PART);
		test_process_signal(vios, SIGCONT);
	}
	side_finish(&of->side, &before, ret_cost);
}

/* Until most frames have another page than before: what was written has left. */
static void settle(struct side *side)
{
	const struct load_order order = { .pattern = PATTERN_UNIFORM,
					  .threads = 1,
					  .touches = side->pages * 3 / 8,
					  .waited_ns = LOAD_WAITED_NS,
					  .cpu = side->home_cpu };

	pairs_settle(side, &order);
}

static void start_load(struct hedge_side *of, const struct hedge_load *load)
{
	memset(&of->figures, 0, sizeof(of->figures));
	of->figures.processor = of->side.home_cpu;
	if (load->settles)
		settle(&of->side);
}

static void compare_load(struct hedge_side sides[2], const struct compare *compare,
			 const struct hedge_load *load, struct hedge_counts *ret_counts)
{
	struct hedge_counts before, after;
	struct side_cost cost;

	for (unsigned i = 0; i < 2; i++)
		start_load(&sides[i], load);
	before = look(&sides[0].side);
	for (unsigned i = 0; i < 2 * compare->rounds; i++) {
		struct hedge_side *of = &sides[(i + i / 2) % 2];

		run_one(of, compare, load, &cost);
		pairs_add(&of->figures, &cost);
	}
	after = look(&sides[0].side);
	pairs_print(load->name, &sides[0].figures, &sides[1].figures);
	*ret_counts = (struct hedge_counts){ after.page_ins - before.page_ins,
					     after.asked - before.asked,
					     after.won - before.won };
}

static void print_counts(const char *name, const struct hedge_counts *counts)
{
	json_open(name);
	json_number("of", (double)counts->page_ins);
	json_number("asked", (double)counts->asked);
	json_number("won", (double)counts->won);
	json_close();
}

static void compare_sides(struct hedge_side sides[2], const struct compare *compare)
{
	struct hedge_counts counts[HV_COUNT(loads)];

	json_open("hedge");
	json_number("stopped_ms", (double)compare->slice_ns / STOPPED_PART / 1e6);
	for (unsigned i = 0; i < HV_COUNT(loads); i++)
		compare_load(sides, compare, &loads[i], &counts[i]);
	json_open("twice");
	for (unsigned i = 0; i < HV_COUNT(loads); i++)
		print_counts(loads[i].name, &counts[i]);
	json_close();
	json_close();
}

void row_hedge(struct compare *compare)
{
	static struct hedge_side sides[2];
	static struct test_host without;
	struct test_host_config config = compare->host.config;

	config.is_hedge_off = true;
	test_host_start(&without, &config);
	assert_int_equal(test_host_pool(&without, compare->pool_mib, NULL), HV_OK);
	side_open_partition(&sides[0].side, &compare->host, "hedge",
			    4 * compare->pool_mib);
	side_open_partition(&sides[1].side, &without, "hedge", 4 * compare->pool_mib);
	for (unsigned i = 0; i < 2; i++)
		side_fill(&sides[i].side);
	compare_sides(sides, compare);
	for (unsigned i = 0; i < 2; i++)
		side_close(&sides[i].side);
	test_host_end(&without);
}
