/*
 * bench_program - any command on partition memory and under kernel swap, in turn: what
 * tests/bench/run_program starts. Prints one JSON object.
 *
 *   bench_program --pool MIB --memory MIB [--group FILE | --no-group WHY] [--rounds N]
 *                 -- PROGRAM [ARGUMENT...]
 *
 * FILE is the cgroup.procs of a group: it may have as much memory as the pool, and as the
 * partition's process has besides. Exit 1: a run ended otherwise than the first, or said
 * something else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/bench/bench_support.h"
#include "tests/bench/compare/json.h"
#include "tests/bench/compare/program_side.h"

#define ROUNDS_MOST 64
#define HANG_MS 20000 /* nobody starts a VIOS again here, and a busy machine is no hang */
#define COMPARE_BYTES 65536

struct bench {
	unsigned pool_mib, memory_mib, rounds;
	const char *group, *why; /* group NULL: there is no peer, and why */
	const char *const *command;
	struct test_host host;
	int first_out; /* what the first run said */
	int first_status;
	unsigned otherwise; /* runs that were not as the first */
};

struct figures {
	double seconds[ROUNDS_MOST], cpu_s[ROUNDS_MOST], faults[ROUNDS_MOST];
	unsigned count;
	uint64_t ordinary_kib;
};

static int usage(void)
{
	(void)fprintf(stderr,
		      "usage: bench_program --pool MIB --memory MIB [--group FILE "
		      "| --no-group WHY] [--rounds 1..64] -- PROGRAM "
		      "[ARGUMENT...]\n");
	return 2;
}

static bool read_options(int argc, char **argv, struct bench *bench)
{
	static const struct option options[] = {
		{ "pool", required_argument, NULL, 'p' },
		{ "memory", required_argument, NULL, 'm' },
		{ "group", required_argument, NULL, 'g' },
		{ "no-group", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ 0 },
	};
	int at;

	while ((at = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (at == 'p')
			bench->pool_mib = (unsigned)strtoul(optarg, NULL, 10);
		else if (at == 'm')
			bench->memory_mib = (unsigned)strtoul(optarg, NULL, 10);
		else if (at == 'g')
			bench->group = optarg;
		else if (at == 'n')
			bench->why = optarg;
		else if (at == 'r')
			bench->rounds = (unsigned)strtoul(optarg, NULL, 10);
		else
			return false;
	}
	bench->command = (const char *const *)(uintptr_t)argv + optind;
	return optind < argc && bench->pool_mib >= 16 && bench->memory_mib >= 16 &&
	       bench->rounds >= 1 && bench->rounds <= ROUNDS_MOST;
}

static bool is_same(int a, int b)
{
	static char left[COMPARE_BYTES], right[COMPARE_BYTES];
	off_t at = 0;
	ssize_t n;

	do {
		n = pread(a, left, sizeof(left), at);
		if (pread(b, right, sizeof(right), at) != n ||
		    memcmp(left, right, n > 0 ? (size_t)n : 0) != 0)
			return false;
		at += n;
	} while (n > 0);
	return true;
}

/* Each run reads its input from the start. */
static int open_input(void)
{
	int in = lseek(STDIN_FILENO, 0, SEEK_CUR) >= 0
			 ? open("/proc/self/fd/0", O_RDONLY | O_CLOEXEC)
			 : -1;

	return in >= 0 ? in : open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Whether it ended, and said, as the first. */
static bool is_as_first(struct bench *bench, const struct program_side *side, int out)
{
	bool is;

	if (bench->first_out < 0) {
		bench->first_out = out;
		bench->first_status = side->status;
		return true;
	}
	is = side->status == bench->first_status && is_same(out, bench->first_out);
	(void)close(out);
	if (is)
		return true;
	bench->otherwise++;
	(void)fprintf(stderr, "bench: %s: status %d%s, and the first had %d\n",
		      side->host != NULL ? "the partition" : "the plain one",
		      side->status,
		      side->status == 128 + SIGKILL
			      ? " (killed: was its control group out of memory?)"
			      : " or another output",
		      bench->first_status);
	return false;
}

static void run_one(struct bench *bench, bool is_ours, struct figures *figures)
{
	const struct program_spec spec = {
		.command = bench->command,
		.memory_mib = bench->memory_mib,
		.in = open_input(),
		.out = open(getenv("TMPDIR"), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600),
		.err = STDERR_FILENO,
		.group = bench->group,
	};
	struct program_side side;
	unsigned i = figures->count;

	assert_true(spec.in >= 0 && spec.out >= 0);
	program_side_start(&side, is_ours ? &bench->host : NULL, &spec);
	program_side_finish(&side);
	figures->seconds[i] = side.seconds;
	figures->cpu_s[i] = side.cpu_s;
	figures->faults[i] = (double)side.faults;
	if (side.ordinary_kib > figures->ordinary_kib)
		figures->ordinary_kib = side.ordinary_kib;
	figures->count += is_as_first(bench, &side, spec.out); /* else it is no figure */
	(void)close(spec.in);
}

static double median(const double *values, unsigned count)
{
	double sorted[ROUNDS_MOST];

	memcpy(sorted, values, count * sizeof(values[0]));
	return bench_median(sorted, count);
}

static void print(const struct bench *bench, const struct figures *ours,
		  const struct figures *peer)
{
	const unsigned pairs = peer->count < ours->count ? peer->count : ours->count;
	double ratios[ROUNDS_MOST];

	json_open("program");
	json_number("ours", 1 / median(ours->seconds, ours->count));
	for (unsigned i = 0; i < pairs; i++)
		ratios[i] = peer->seconds[i] / ours->seconds[i];
	if (pairs > 0) {
		json_number("peer", 1 / median(peer->seconds, peer->count));
		json_number("ratio", median(ratios, pairs));
		json_number("peer_s", median(peer->seconds, peer->count));
		json_number("peer_cpu_s", median(peer->cpu_s, peer->count));
		json_number("peer_major_faults", median(peer->faults, peer->count));
	} else {
		json_null("peer");
		json_null("ratio");
		json_text("peer_why", bench->why != NULL
					      ? bench->why
					      : "each of its runs ended otherwise");
	}
	json_number("ours_s", median(ours->seconds, ours->count));
	json_number("ours_cpu_s", median(ours->cpu_s, ours->count));
	json_number("ours_page_ins", median(ours->faults, ours->count));
	json_number("ours_ordinary_mib", (double)ours->ordinary_kib / 1024);
	json_number("status", bench->first_status);
	json_number("otherwise", bench->otherwise);
	json_open_array("pairs");
	for (unsigned i = 0; i < ours->count; i++) {
		json_open_array(NULL);
		json_number(NULL, ours->seconds[i]);
		if (i < peer->count)
			json_number(NULL, peer->seconds[i]);
		json_close_array();
	}
	json_close_array();
	json_close();
}

static void measure(struct bench *bench)
{
	static struct figures warm, ours, peer;

	run_one(bench, true, &warm);
	if (bench->group != NULL) {
		program_group_limit(bench->group, ((uint64_t)bench->pool_mib << 20) +
							  (warm.ordinary_kib << 10));
		run_one(bench, false, &warm);
	}
	for (unsigned i = 0; i < 2 * bench->rounds; i++) {
		bool is_ours = (i + i / 2) % 2 == 0; /* ours peer, peer ours ... */

		if (is_ours)
			run_one(bench, true, &ours);
		else if (bench->group != NULL)
			run_one(bench, false, &peer);
	}
	if (ours.count == 0)
		fail_msg("no run of the partition ended as the first");
	print(bench, &ours, &peer);
}

int main(int argc, char **argv)
{
	static struct bench bench = { .rounds = 5, .first_out = -1 };

	if (!read_options(argc, argv, &bench))
		return usage();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	test_host_start(&bench.host, &(struct test_host_config){
					     .memory_mib = 2 * bench.pool_mib + 512,
					     .hang_ms = HANG_MS });
	assert_int_equal(test_host_pool(&bench.host, bench.pool_mib, NULL), HV_OK);
	json_open(NULL);
	json_open("settings");
	json_number("pool_mib", bench.pool_mib);
	json_number("memory_mib", bench.memory_mib);
	json_number("rounds", bench.rounds);
	json_close();
	measure(&bench);
	json_close();
	test_host_end(&bench.host);
	return bench.otherwise == 0 ? 0 : 1;
}
