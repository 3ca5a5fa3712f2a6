/*
 * bench_switch - how long a page is waited for while its VIOS is taken away: with the
 * real programs, and this process as the partition. Prints one JSON object; how to read
 * it is in README.md here.
 *
 *   bench_switch [rounds of each kind [ms after which a VIOS counts as hanging]]
 *
 * A round: two seconds of random reads and writes, the switch, and two seconds from when
 * all go over the partner; then the VIOS comes back. Ends what it started when told to
 * end itself, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/hist.h"
#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"
#include "tests/bench/bench_attach.h"
#include "tests/bench/bench_support.h"
#include "tests/support/wait.h"

#define POOL_MIB 64
#define MEM_MIB 128
#define ROUNDS 9
#define ROUNDS_MAX 100
#define HANG_MS 500
#define THREADS 2
#define WRITE_PERCENT 30
#define NO_FAULT_NS 2500 /* a touch below this met its page */
#define WINDOW_MS 2000
#define SETTLE_MS 300 /* longer than the switch itself, shorter than anything else */
#define NS_PER_MS 1e6

enum kind { PLANNED, KILL, HANG, KINDS };

static const char *const kind_names[KINDS] = { "planned", "kill", "hang" };
static const char *const kept_goals[KINDS] = {
	"planned: operations a second after, to before",
	"kill: operations a second after, to before",
	"hang: operations a second after, to before",
};
static const char *const vios_names[2] = { "vios1", "vios2" };

/* What was seen from one moment to another; written by the touching threads. */
struct window {
	struct hv_hist faults[THREADS];
	_Atomic uint64_t touches[THREADS];
	uint64_t start_ns, end_ns;
};

struct round {
	double normal_ms;  /* 99.9 % of all faults before are shorter */
	double before_ms;  /* the longest before */
	double longest_ms; /* of those that the switch may have met */
	double before_per_s, after_per_s;
};

struct bench {
	struct test_host host;
	struct partition_attachment memory;
	uint64_t pages;
	unsigned rounds, hang_ms;
	pthread_t threads[THREADS];
	_Atomic(struct window *) window;
	atomic_bool is_over;
	struct round results[KINDS][ROUNDS_MAX];
};

static struct bench bench;
static volatile sig_atomic_t was_told_to_end;

/* ---- the partition ---- */

static void *touch(void *arg)
{
	unsigned index = (unsigned)(uintptr_t)arg;
	struct hv_rng rng = { .state = index + 1 };

	while (!atomic_load(&bench.is_over)) {
		bool is_write = hv_rng_below(&rng, 100) < WRITE_PERCENT;
		uint64_t ns = bench_touch_ns(&bench.memory,
					     hv_rng_below(&rng, bench.pages), is_write);
		/* what waited in two windows counts in the later one */
		struct window *window = atomic_load(&bench.window);

		if (window == NULL)
			continue;
		atomic_fetch_add(&window->touches[index], 1);
		if (ns >= NO_FAULT_NS)
			hv_hist_add(&window->faults[index], ns);
	}
	return NULL;
}

static void attach(void)
{
	struct test_partition spec = { .name = "bench", .mem_mib = MEM_MIB };

	bench_attach(&bench.host, &spec, false, &bench.memory);
	bench.pages = bench.memory.bytes / HV_PAGE_BYTES;
}

/* No page is zeros alone, and all have been out. */
static void fill(void)
{
	for (uint64_t page = 0; page < bench.pages; page++)
		for (unsigned i = 0; i < HV_PAGE_BYTES / sizeof(uint64_t); i += 8)
			bench_page(&bench.memory, page)[i] = page + 1 + i;
}

static void start_threads(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET((unsigned)bench.memory.home_cpu, &cpus);
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_create(&bench.threads[i], NULL, touch,
						(void *)(uintptr_t)i),
				 0);
		(void)pthread_setaffinity_np(bench.threads[i], sizeof(cpus), &cpus);
	}
}

/* ---- windows ---- */

static void begin(struct window *window)
{
	memset(window, 0, sizeof(*window));
	window->start_ns = hv_clock_ns();
	atomic_store(&bench.window, window);
}

static void merge(struct window *window, struct hv_hist *into)
{
	window->end_ns = hv_clock_ns();
	memset(into, 0, sizeof(*into));
	for (unsigned i = 0; i < THREADS; i++)
		hv_hist_merge(into, &window->faults[i]);
}

static double per_second(const struct window *window)
{
	uint64_t touches = 0;

	for (unsigned i = 0; i < THREADS; i++)
		touches += atomic_load(&window->touches[i]);
	return (double)touches * 1e9 / (double)(window->end_ns - window->start_ns);
}

static double ms_of(uint64_t ns)
{
	return (double)ns / NS_PER_MS;
}

static bool is_late(void *arg)
{
	return was_told_to_end || hv_clock_ns() >= *(const uint64_t *)arg;
}

static void pass(unsigned ms)
{
	uint64_t end_ns = hv_clock_ns() + ms * UINT64_C(1000000);

	(void)test_wait(is_late, &end_ns, ms + TEST_WAIT_MS);
}

/* ---- the switch ---- */

static unsigned current(void)
{
	Tarn__HvReply *reply = test_host_stat(&bench.host, false);
	const Tarn__PartitionStat *p = test_stat_partition(reply, "bench");
	unsigned vios = p->current != NULL && strcmp(p->current, vios_names[1]) == 0;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return vios;
}

static bool is_over_partner(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *p = test_stat_partition(reply, "bench");

	return p->current != NULL && strcmp(p->current, arg) == 0;
}

static void take_away(enum kind kind, unsigned vios)
{
	if (kind == PLANNED)
		assert_int_equal(test_host_expect(&bench.host, vios_names[vios]), HV_OK);
	else
		test_process_signal(&bench.host.vios[vios],
				    kind == KILL ? SIGKILL : SIGSTOP);
	test_host_wait(&bench.host, is_over_partner,
		       (void *)(uintptr_t)vios_names[1 - vios], TEST_HOST_WAIT_MS,
		       "the partner is asked");
}

static void bring_back(enum kind kind, unsigned vios)
{
	(void)test_process_wait(&bench.host.vios[vios], TEST_HOST_WAIT_MS);
	(void)test_process_end(&bench.host.vios[vios], 0);
	if (kind == PLANNED)
		assert_int_equal(test_host_expect(&bench.host, NULL), HV_OK);
	test_host_vios(&bench.host, vios);
	test_host_wait_pair(&bench.host);
}

static void run_round(enum kind kind, struct round *round)
{
	static struct window before, during, after;
	static struct hv_hist faults;
	unsigned vios = current();

	begin(&before);
	pass(WINDOW_MS);
	merge(&before, &faults);
	round->normal_ms = ms_of(hv_hist_quantile_ns(&faults, 0.999));
	round->before_ms = ms_of(hv_hist_max_ns(&faults));
	round->before_per_s = per_second(&before);
	begin(&during);
	take_away(kind, vios);
	pass(SETTLE_MS);
	merge(&during, &faults);
	round->longest_ms = ms_of(hv_hist_max_ns(&faults));
	begin(&after);
	pass(WINDOW_MS);
	merge(&after, &faults);
	round->after_per_s = per_second(&after);
	atomic_store(&bench.window, NULL);
	bring_back(kind, vios);
}

/* ---- what is printed ---- */

static double median_of(enum kind kind, double (*get)(const struct round *round))
{
	double values[ROUNDS_MAX];

	for (unsigned i = 0; i < bench.rounds; i++)
		values[i] = get(&bench.results[kind][i]);
	return bench_median(values, bench.rounds);
}

static double get_normal(const struct round *round)
{
	return round->normal_ms;
}

static double get_before(const struct round *round)
{
	return round->before_ms;
}

static double get_longest(const struct round *round)
{
	return round->longest_ms;
}

static double get_beyond(const struct round *round)
{
	return round->longest_ms - round->normal_ms;
}

static double get_kept(const struct round *round)
{
	return round->after_per_s / round->before_per_s;
}

static void print_kind(enum kind kind)
{
	printf("  \"%s\": { \"normal_p999_ms\": %.2f, \"normal_longest_ms\": %.2f, "
	       "\"longest_ms\": %.2f, \"beyond_ms\": %.2f, \"kept\": %.3f,\n"
	       "    \"rounds\": [",
	       kind_names[kind], median_of(kind, get_normal), median_of(kind, get_before),
	       median_of(kind, get_longest), median_of(kind, get_beyond),
	       median_of(kind, get_kept));
	for (unsigned i = 0; i < bench.rounds; i++)
		printf("%s%.2f", i == 0 ? "" : ", ", bench.results[kind][i].longest_ms);
	printf("] },\n");
}

static void print(void)
{
	printf("{\n  \"rounds\": %u, \"hang_ms\": %u,\n", bench.rounds, bench.hang_ms);
	for (unsigned kind = 0; kind < KINDS; kind++)
		print_kind((enum kind)kind);
	bench_goal("planned: longest beyond normal, ms", median_of(PLANNED, get_beyond),
		   -1e9, 20);
	bench_goal("kill: longest, ms", median_of(KILL, get_longest), 0, 100);
	bench_goal("hang: longest, ms", median_of(HANG, get_longest), 0,
		   bench.hang_ms + 100);
	for (unsigned kind = 0; kind < KINDS; kind++)
		bench_goal(kept_goals[kind], median_of((enum kind)kind, get_kept), 0.95,
			   0);
	printf("  ");
	bench_goals_print();
	printf("\n}\n");
}

/* ---- all of it ---- */

static void on_signal(int signal)
{
	(void)signal;
	was_told_to_end = 1;
}

static void run(void)
{
	for (unsigned i = 0; i < bench.rounds; i++)
		for (unsigned kind = 0; kind < KINDS && !was_told_to_end; kind++)
			run_round((enum kind)kind, &bench.results[kind][i]);
}

static void end(void)
{
	atomic_store(&bench.is_over, true);
	for (unsigned i = 0; i < THREADS; i++)
		(void)pthread_join(bench.threads[i], NULL);
	partition_attach_close(&bench.memory);
	test_host_abandon(&bench.host);
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };

	bench.rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS;
	bench.hang_ms = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : HANG_MS;
	if (bench.rounds < 1 || bench.rounds > ROUNDS_MAX || bench.hang_ms < 50 ||
	    bench.hang_ms > 60000) {
		(void)fprintf(stderr,
			      "usage: bench_switch [rounds: 1 ... %u "
			      "[hang ms: 50 ... 60000]]\n",
			      ROUNDS_MAX);
		return 2;
	}
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)sigaction(SIGHUP, &action, NULL);
	test_host_start(&bench.host,
			&(struct test_host_config){ .hang_ms = bench.hang_ms });
	assert_int_equal(test_host_pool(&bench.host, POOL_MIB, NULL), HV_OK);
	attach();
	fill();
	start_threads();
	run();
	if (!was_told_to_end)
		print();
	end();
	return was_told_to_end ? 1 : 0;
}
