/* pairs - see pairs.h. */
#include "tests/bench/compare/pairs.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "tests/bench/bench_support.h"
#include "tests/bench/compare/json.h"

static const char *why_no_peer;
static uint64_t bad;

void pairs_set_why(const char *why)
{
	why_no_peer = why;
}

uint64_t pairs_bad(void)
{
	return bad;
}

static double for_each(uint64_t ns, uint64_t count)
{
	return count == 0 ? 0 : (double)ns / 1e3 / (double)count;
}

void pairs_add(struct pairs_figures *figures, const struct side_cost *cost)
{
	const struct load_result *load = &cost->load;
	double seconds = (double)load->ns / 1e9;
	unsigned i = figures->count++;

	HV_INVARIANT(i < PAIRS_MOST);
	bad += load->bad;
	figures->per_s[i] = (double)load->touches / seconds;
	figures->p50_us[i] = (double)load->p50_ns / 1e3;
	figures->p99_us[i] = (double)load->p99_ns / 1e3;
	figures->longest_ms[i] = (double)load->longest_ns / 1e6;
	figures->faults_per_s[i] = (double)cost->faults / seconds;
	figures->hit_percent[i] = 100 - 100 * (double)cost->faults /
						(double)(load->touches | 1);
	figures->own_us[i] = for_each(load->cpu_ns, cost->faults);
	figures->hypervisor_us[i] = for_each(cost->hypervisor_ns, cost->faults);
	figures->vios_us[i] = for_each(cost->vios_ns, cost->faults);
}

/* The figures stay in the order of the pairs. */
static double median(const double *values, unsigned count)
{
	double sorted[PAIRS_MOST];

	memcpy(sorted, values, count * sizeof(values[0]));
	return bench_median(sorted, count);
}

static void print_side(const char *prefix, const struct pairs_figures *figures)
{
	static const struct {
		const char *name;
		size_t at;
	} members[] = {
		{ "faults_per_s", offsetof(struct pairs_figures, faults_per_s) },
		{ "hit_percent", offsetof(struct pairs_figures, hit_percent) },
		{ "cpu_us", offsetof(struct pairs_figures, own_us) },
		{ "hypervisor_cpu_us", offsetof(struct pairs_figures, hypervisor_us) },
		{ "vios_cpu_us", offsetof(struct pairs_figures, vios_us) },
	};
	unsigned count = prefix[0] == 'o' ? 5
					  : 3; /* the kernel's work is the process's */

	for (unsigned i = 0; i < count; i++) {
		const void *values = (const char *)figures + members[i].at;
		char name[64];

		(void)snprintf(name, sizeof(name), "%s_%s", prefix, members[i].name);
		json_number(name, median(values, figures->count));
	}
}

/* peer NULL: there is none. */
static void print_pairs(const char *name, const double *ours, const double *peer,
			unsigned count)
{
	json_open_array(name);
	for (unsigned i = 0; i < count; i++) {
		json_open_array(NULL);
		json_number(NULL, ours[i]);
		if (peer != NULL)
			json_number(NULL, peer[i]);
		json_close_array();
	}
	json_close_array();
}

static void print_peer(const struct pairs_figures *ours, const struct pairs_figures *peer)
{
	double ratios[PAIRS_MOST];

	for (unsigned i = 0; i < ours->count; i++)
		ratios[i] = ours->per_s[i] / peer->per_s[i];
	json_number("peer", median(peer->per_s, peer->count));
	json_number("ratio", median(ratios, ours->count));
}

void pairs_print(const char *name, const struct pairs_figures *ours,
		 const struct pairs_figures *peer)
{
	json_open(name);
	json_number("ours", median(ours->per_s, ours->count));
	if (peer != NULL) {
		print_peer(ours, peer);
	} else {
		json_null("peer");
		json_null("ratio");
	}
	json_number("p50_us", median(ours->p50_us, ours->count));
	json_number("p99_us", median(ours->p99_us, ours->count));
	json_number("longest_ms", median(ours->longest_ms, ours->count));
	if (peer != NULL) {
		json_number("peer_p50_us", median(peer->p50_us, peer->count));
		json_number("peer_p99_us", median(peer->p99_us, peer->count));
		json_number("peer_longest_ms", median(peer->longest_ms, peer->count));
	} else {
		json_null("peer_p50_us");
		json_null("peer_p99_us");
		json_null("peer_longest_ms");
		if (why_no_peer != NULL)
			json_text("peer_why", why_no_peer);
	}
	print_side("ours", ours);
	if (peer != NULL)
		print_side("peer", peer);
	json_number("ours_processor", ours->processor);
	if (peer != NULL)
		json_number("peer_processor", peer->processor);
	print_pairs("pairs", ours->per_s, peer != NULL ? peer->per_s : NULL, ours->count);
	print_pairs("pairs_longest_ms", ours->longest_ms,
		    peer != NULL ? peer->longest_ms : NULL, ours->count);
	json_close();
}

/* ---- running them ---- */

void pairs_settle(struct side *side, const struct load_order *order)
{
	struct side_cost cost;

	side_run(side, order, &cost);
	bad += cost.load.bad;
}

static double speed_of(struct side *side, const struct load_order *order, int cpu)
{
	struct load_order try = *order;
	struct side_cost cost;

	try.cpu = cpu;
	side_run(side, &try, &cost);
	bad += cost.load.bad;
	return (double)cost.load.touches / (double)cost.load.ns;
}

int pairs_place(struct side *side, const struct load_order *order)
{
	const int last = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	const int cpus[] = { -1, side->home_cpu, 0, last };
	double most = 0;
	int best = -1;

	for (unsigned i = 0; i < HV_COUNT(cpus); i++) {
		double speed = 0;
		bool is_tried = false;

		for (unsigned k = 0; k < i; k++)
			is_tried |= cpus[k] == cpus[i];
		if (!is_tried)
			speed = speed_of(side, order, cpus[i]);
		if (speed <= most)
			continue;
		most = speed;
		best = cpus[i];
	}
	return best;
}

static void add_one(struct side *side, const struct load_order *order,
		    struct pairs_figures *figures)
{
	struct load_order placed = *order;
	struct side_cost cost;

	if (side == NULL)
		return;
	placed.cpu = figures->processor;
	side_run(side, &placed, &cost);
	pairs_add(figures, &cost);
}

void pairs_run(const char *name, struct side *ours, struct side *peer,
	       const struct load_order *order, unsigned rounds)
{
	static struct pairs_figures figures[2];
	struct side *sides[2] = { ours, peer };

	memset(figures, 0, sizeof(figures));
	for (unsigned i = 0; i < 2; i++)
		if (sides[i] != NULL)
			figures[i].processor = pairs_place(sides[i], order);
	for (unsigned i = 0; i < 2 * rounds; i++) {
		unsigned who = (i + i / 2) % 2; /* 0 1, 1 0, 0 1 ... */

		add_one(sides[who], order, &figures[who]);
	}
	pairs_print(name, &figures[0], peer != NULL ? &figures[1] : NULL);
}
