/* rows_worth - see rows.h and README.md: what an option of the hypervisor is worth. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/bench/compare/json.h"
#include "tests/bench/compare/rows.h"

#define WORTH_SIDES 2

struct worth_load {
	const char *name;
	unsigned partitions;
	unsigned threads; /* of each */
	enum pattern_kind pattern;
	bool is_write;
	bool is_anywhere; /* its threads; else at home */
};

/* A host, and partitions on it that do the same at once. */
struct worth_case {
	struct test_host *host;
	struct side sides[WORTH_SIDES];
	char names[WORTH_SIDES][24];
	const struct worth_load *load;
	struct pairs_figures figures;
};

static void open_case(struct worth_case *of, struct compare *compare,
		      const struct worth_load *load)
{
	unsigned count = load->partitions;

	memset(&of->figures, 0, sizeof(of->figures));
	of->load = load;
	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(of->names[i], sizeof(of->names[i]), "%s_%u", load->name,
			       i);
		side_open_partition(&of->sides[i], of->host, of->names[i],
				    4 * compare->pool_mib / count);
	}
	for (unsigned i = 0; i < count; i++)
		side_fill(&of->sides[i]);
	of->figures.processor = load->is_anywhere ? -1 : of->sides[0].home_cpu;
}

/* The sum of all; of hypervisor and VIOS the first one sees everything. */
static void run_case(struct worth_case *of, const struct compare *compare,
		     struct side_cost *ret_all)
{
	struct load_order order = { .pattern = of->load->pattern,
				    .threads = of->load->threads,
				    .is_write = of->load->is_write,
				    .ns = compare->slice_ns,
				    .waited_ns = LOAD_WAITED_NS };
	struct side_cost before[WORTH_SIDES], cost;
	struct load_result *load = &ret_all->load;

	for (unsigned i = 0; i < of->load->partitions; i++) {
		order.cpu = of->load->is_anywhere ? -1 : of->sides[i].home_cpu;
		side_begin(&of->sides[i], &order, &before[i]);
	}
	side_finish(&of->sides[0], &before[0], ret_all);
	for (unsigned i = 1; i < of->load->partitions; i++) {
		side_finish(&of->sides[i], &before[i], &cost);
		ret_all->faults += cost.faults;
		load->touches += cost.load.touches;
		load->bad += cost.load.bad;
		load->cpu_ns += cost.load.cpu_ns;
		if (load->p50_ns < cost.load.p50_ns)
			load->p50_ns = cost.load.p50_ns;
		if (load->p99_ns < cost.load.p99_ns)
			load->p99_ns = cost.load.p99_ns;
		if (load->longest_ns < cost.load.longest_ns)
			load->longest_ns = cost.load.longest_ns;
	}
}

static void compare_cases(struct compare *compare, struct test_host *without,
			  const struct worth_load *load)
{
	static struct worth_case cases[2];
	struct side_cost cost;

	cases[0].host = &compare->host;
	cases[1].host = without;
	for (unsigned i = 0; i < 2; i++)
		open_case(&cases[i], compare, load);
	for (unsigned i = 0; i < 2; i++)
		run_case(&cases[i], compare, &cost); /* to settle */
	for (unsigned i = 0; i < 2 * compare->rounds; i++) {
		struct worth_case *of = &cases[(i + i / 2) % 2];

		run_case(of, compare, &cost);
		pairs_add(&of->figures, &cost);
	}
	pairs_print(load->name, &cases[0].figures, &cases[1].figures);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned k = 0; k < load->partitions; k++)
			side_close(&cases[i].sides[k]);
}

static void compare_hosts(struct compare *compare, const struct test_host_config *without,
			  const struct worth_load *loads, unsigned count)
{
	struct test_host host;

	test_host_start(&host, without);
	assert_int_equal(test_host_pool(&host, compare->pool_mib, NULL), HV_OK);
	for (unsigned i = 0; i < count; i++)
		compare_cases(compare, &host, &loads[i]);
	test_host_end(&host);
}

void row_home(struct compare *compare)
{
	static const struct worth_load loads[] = {
		{ "partitions_1", 1, 1, PATTERN_UNIFORM, false, false },
		{ "partitions_2", 2, 1, PATTERN_UNIFORM, false, false },
	};
	struct test_host_config config = compare->host.config;

	config.is_home_far = true;
	json_open("home");
	compare_hosts(compare, &config, loads, HV_COUNT(loads));
	json_close();
}

void row_steer(struct compare *compare)
{
	static const struct worth_load loads[] = {
		{ "read_1", 1, 1, PATTERN_UNIFORM, false, true },
		{ "read_4", 1, 4, PATTERN_UNIFORM, false, true },
		{ "read_16", 1, 16, PATTERN_UNIFORM, false, true },
		{ "zipf_4", 1, 4, PATTERN_ZIPF, false, true },
	};
	struct test_host_config config = compare->host.config;

	config.is_steer_off = true;
	json_open("steer");
	compare_hosts(compare, &config, loads, HV_COUNT(loads));
	json_close();
}

void row_expect_writes(struct compare *compare)
{
	static const struct worth_load loads[] = {
		{ "write_1", 1, 1, PATTERN_UNIFORM, true, false },
		{ "write_16", 1, 16, PATTERN_UNIFORM, true, false },
		{ "read_1", 1, 1, PATTERN_UNIFORM, false, false },
	};
	struct test_host_config config = compare->host.config;

	config.is_expect_off = true;
	json_open("expect_writes");
	compare_hosts(compare, &config, loads, HV_COUNT(loads));
	json_close();
}

void row_spin(struct compare *compare)
{
	static const struct worth_load loads[] = {
		{ "read_1", 1, 1, PATTERN_UNIFORM, false, false },
		{ "write_1", 1, 1, PATTERN_UNIFORM, true, false },
		{ "read_4", 1, 4, PATTERN_UNIFORM, false, false },
		{ "read_16", 1, 16, PATTERN_UNIFORM, false, false },
	};
	struct test_host_config config = compare->host.config;

	config.is_spin_off = true;
	json_open("spin");
	compare_hosts(compare, &config, loads, HV_COUNT(loads));
	json_close();
}

void row_read_ahead(struct compare *compare)
{
	static const struct worth_load loads[] = {
		{ "scan", 1, 1, PATTERN_SCAN, false, false },
		{ "scan_write", 1, 1, PATTERN_SCAN, true, false },
		{ "random", 1, 1, PATTERN_UNIFORM, false, false },
		{ "zipf", 1, 1, PATTERN_ZIPF, false, false },
	};
	struct test_host_config config = compare->host.config;

	config.is_ahead_off = true;
	json_open("read_ahead");
	compare_hosts(compare, &config, loads, HV_COUNT(loads));
	json_close();
}
