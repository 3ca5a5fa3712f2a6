/*
 * bench_compare - paging by Tarn against the kernel's own, in one run: tests/bench/run
 * starts it, and makes what it needs of swap and control groups. Prints one JSON object.
 *
 *   bench_compare [--only ROW] [--group FILE | --no-group WHY] [--rounds N] [--quick]
 *
 * FILE is the cgroup.procs of a group that may have as much memory as the pool. Exit 1:
 * a page did not hold what was written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tests/bench/compare/json.h"
#include "tests/bench/compare/rows.h"

#define POOL_MIB 256
#define SLICE_NS UINT64_C(2000000000)
#define HANG_MS 20000 /* nobody starts a VIOS again that was busy */
#define QUICK_POOL_MIB 32
#define QUICK_SLICE_NS UINT64_C(30000000)

static const struct row {
	const char *name;
	void (*run)(struct compare *compare);
	bool is_alone; /* only where it is asked for: it wants another group */
} rows[] = {
	{ "random", row_random, false },
	{ "patterns", row_patterns, false },
	{ "scan", row_scan, false },
	{ "first_touch", row_first_touch, false },
	{ "steal", row_steal, false },
	{ "idle", row_idle, false },
	{ "metadata", row_metadata, false },
	{ "growth", row_growth, false },
	{ "partitions", row_partitions, false },
	{ "stages", row_stages, false },
	{ "home", row_home, false },
	{ "steer", row_steer, false },
	{ "read_ahead", row_read_ahead, false },
	{ "expect_writes", row_expect_writes, false },
	{ "spin", row_spin, false },
	{ "hedge", row_hedge, false },
	{ "tier", row_tier, true },
};

static int usage(void)
{
	(void)fprintf(stderr, "usage: bench_compare [--only ROW] [--group FILE | "
			      "--no-group WHY] [--rounds 5..64] [--quick]\nrows:");
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		(void)fprintf(stderr, " %s", rows[i].name);
	(void)fputc('\n', stderr);
	return 2;
}

static bool is_row(const char *name)
{
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		if (strcmp(rows[i].name, name) == 0)
			return true;
	return false;
}

/* Whether they are right; *ret_only NULL: all rows. */
static bool read_options(int argc, char **argv, struct compare *compare,
			 const char **ret_only)
{
	static const struct option options[] = {
		{ "only", required_argument, NULL, 'o' },
		{ "group", required_argument, NULL, 'g' },
		{ "no-group", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "quick", no_argument, NULL, 'q' },
		{ 0 },
	};
	int at;

	while ((at = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (at == 'o')
			*ret_only = optarg;
		else if (at == 'g')
			compare->group = optarg;
		else if (at == 'n')
			pairs_set_why(optarg);
		else if (at == 'r')
			compare->rounds = (unsigned)strtoul(optarg, NULL, 10);
		else if (at == 'q')
			compare->is_quick = true;
		else
			return false;
	}
	return optind == argc && compare->rounds >= PAIRS_LEAST &&
	       compare->rounds <= PAIRS_MOST && (*ret_only == NULL || is_row(*ret_only));
}

static void print_settings(const struct compare *compare)
{
	struct utsname system;

	(void)uname(&system);
	json_open("settings");
	json_text("kernel", system.release);
	json_number("processors", (double)sysconf(_SC_NPROCESSORS_ONLN));
	json_number("pool_mib", compare->pool_mib);
	json_number("slice_ms", (double)compare->slice_ns / 1e6);
	json_number("rounds", compare->rounds);
	json_flag("quick", compare->is_quick);
	json_close();
}

int main(int argc, char **argv)
{
	static struct compare compare = { .rounds = PAIRS_LEAST };
	const char *only = NULL;

	if (!read_options(argc, argv, &compare, &only))
		return usage();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* all it starts die with it, too */
	compare.pool_mib = compare.is_quick ? QUICK_POOL_MIB : POOL_MIB;
	compare.slice_ns = compare.is_quick ? QUICK_SLICE_NS : SLICE_NS;
	test_host_start(&compare.host, &(struct test_host_config){
					       .memory_mib = 2 * compare.pool_mib + 512,
					       .hang_ms = HANG_MS });
	assert_int_equal(test_host_pool(&compare.host, compare.pool_mib, NULL), HV_OK);
	json_open(NULL);
	print_settings(&compare);
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		if (only == NULL ? !rows[i].is_alone : strcmp(only, rows[i].name) == 0)
			rows[i].run(&compare);
	json_number("bad_pages", (double)pairs_bad());
	json_close();
	test_host_end(&compare.host);
	return pairs_bad() == 0 ? 0 : 1;
}
