/*
 * bench_fair - who keeps its memory when there is not enough: real partitions with
 * built-in workloads on one pool. Prints one JSON object, the goals at its end; how to
 * read it is in README.md here.
 *
 *   bench_fair [equal|weights|scan|idle|hints|loan|looks]... [--seconds N] [--rounds N]
 *
 * Each measurement has a hypervisor of its own, and compares within one run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/units.h"
#include "tests/bench/bench_support.h"
#include "tests/support/host.h"
#include "tests/support/wait.h"

#define WARM_MS 15000 /* working sets are filled, estimates have settled */
#define SECONDS 20
#define LOAN_SET 30 /* percent */
#define LOAN_RATE 8000
#define IDLE_MS 30000 /* down to what it needs within that */
#define ROUNDS 3      /* of comparisons that a busy machine disturbs */
#define ROUNDS_MAX 31
#define REPORT_MS 3000 /* partitions report once a second */
#define LOOKS_POOL_MIB 1024
#define LOOKS_MIB 1280

struct figures {
	uint64_t ns, operations, page_ins, resident;
	uint64_t entitled;  /* where all are entitled to the same */
	uint64_t cpu_ns;    /* of its process */
	uint64_t paging_ns; /* of hypervisor and VIOS, where that has its home */
};

static struct test_host host;
static uint64_t seconds = SECONDS;
static uint64_t rounds = ROUNDS;
static bool is_first = true;

static bool never(void *arg)
{
	(void)arg;
	return false;
}

/* A measurement lasts as long as it is said to. */
static void pause_ms(uint64_t ms)
{
	(void)test_wait(never, NULL, ms);
}

static int pid_of(const char *name)
{
	for (unsigned i = 0; i < host.guest_count; i++)
		if (strcmp(host.guests[i].name, name) == 0)
			return host.guests[i].process.pid;
	return 0;
}

static uint64_t paging_beside(int pid)
{
	int home = bench_home_of(pid);
	uint64_t ns = bench_cpu_beside(host.hypervisor.pid, home);

	for (unsigned i = 0; i < HV_COUNT(host.vios); i++)
		ns += bench_cpu_beside(host.vios[i].pid, home);
	return ns;
}

static struct figures look(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, name);
	struct figures figures = { .ns = hv_clock_ns(),
				   .operations = stat->operations,
				   .page_ins = stat->page_ins,
				   .resident = stat->resident_pages,
				   .entitled = reply->stat->pool->entitled_bytes /
					       HV_PAGE_BYTES / reply->stat->n_partitions,
				   .cpu_ns = bench_cpu_of(pid_of(name)),
				   .paging_ns = paging_beside(pid_of(name)) };

	tarn__hv_reply__free_unpacked(reply, NULL);
	return figures;
}

/* As of a report that has just come: operations are as old as the last one. */
static struct figures look_fresh(const char *name)
{
	uint64_t deadline = hv_clock_ms() + REPORT_MS;
	struct figures first = look(name), now = first;

	while (now.operations == first.operations && hv_clock_ms() < deadline) {
		pause_ms(5);
		now = look(name);
	}
	return now;
}

struct rate {
	double operations, page_ins;
	double ran, paging; /* processors */
	uint64_t resident;
};

static struct rate rate_between(const struct figures *a, const struct figures *b)
{
	double s = (double)(b->ns - a->ns) / 1e9;

	return (struct rate){ (double)(b->operations - a->operations) / s,
			      (double)(b->page_ins - a->page_ins) / s,
			      (double)(b->cpu_ns - a->cpu_ns) / 1e9 / s,
			      (double)(b->paging_ns - a->paging_ns) / 1e9 / s,
			      b->resident };
}

static void print_rate(const char *name, const struct rate *rate)
{
	printf("\"%s\": { \"operations_per_s\": %.0f, \"page_ins_per_s\": %.0f, "
	       "\"ran\": %.2f, \"paging_beside\": %.3f, \"resident_mib\": %.1f }, ",
	       name, rate->operations, rate->page_ins, rate->ran, rate->paging,
	       (double)rate->resident * HV_PAGE_BYTES / (1 << 20));
}

static void start(const char *name, unsigned pool_mib, unsigned memory_mib)
{
	printf("%s\n  \"%s\": { ", is_first ? "{" : ",", name);
	is_first = false;
	test_host_start(&host, &(struct test_host_config){ .memory_mib = memory_mib });
	assert_int_equal(test_host_pool(&host, pool_mib, NULL), HV_OK);
}

/* Rates of two partitions while both work. */
static void measure(const char *a, const char *b, struct rate *ret_a, struct rate *ret_b)
{
	struct figures from_a, from_b, to_a, to_b;

	pause_ms(WARM_MS);
	from_a = look_fresh(a);
	from_b = look_fresh(b);
	pause_ms(seconds * 1000);
	to_a = look_fresh(a);
	to_b = look_fresh(b);
	*ret_a = rate_between(&from_a, &to_a);
	*ret_b = rate_between(&from_b, &to_b);
}

static void run_one(const char *name, unsigned weight)
{
	(void)test_host_run(&host, &(struct test_partition){ .name = name,
							     .mem_mib = 64,
							     .weight = weight,
							     .threads = 1 });
}

/* Two of the same load, 64 MiB each on 64 MiB; the first has processor 0 or the last. */
static double one_pair(const unsigned weights[2], bool is_a_first)
{
	struct rate a, b;

	test_host_start(&host, &(struct test_host_config){ .memory_mib = 512 });
	assert_int_equal(test_host_pool(&host, 64, NULL), HV_OK);
	run_one(is_a_first ? "a" : "b", weights[!is_a_first]);
	run_one(is_a_first ? "b" : "a", weights[is_a_first]);
	measure("a", "b", &a, &b);
	print_rate("a", &a);
	print_rate("b", &b);
	test_host_end(&host);
	return b.operations / a.operations;
}

/*
 * Pairs that change places: one processor may be nearer to the disk than the other. The
 * medians of either place, and their geometric mean.
 */
static double two(const char *name, unsigned weight_a, unsigned weight_b)
{
	double ratios[2][ROUNDS_MAX], ratio = 1;
	unsigned counts[2] = { 0 };

	printf("%s\n  \"%s\": { ", is_first ? "{" : ",", name);
	is_first = false;
	for (unsigned i = 0; i < rounds; i++) {
		double *at = &ratios[i % 2][counts[i % 2]++];

		*at = one_pair((unsigned[]){ weight_a, weight_b }, i % 2 == 0);
		printf("\"ratio_%u\": %.2f,\n    ", i + 1, *at);
	}
	for (unsigned place = 0; place < 2 && counts[place] > 0; place++)
		ratio *= bench_median(ratios[place], counts[place]);
	if (counts[1] > 0)
		ratio = sqrt(ratio);
	printf("\"ratio\": %.2f }", ratio);
	return ratio;
}

static struct rate beside_a_scan(bool is_dedicated)
{
	struct rate work, scan;

	test_host_start(&host, &(struct test_host_config){ .memory_mib = 640 });
	assert_int_equal(test_host_pool(&host, 64, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){
					   .name = "work", .mem_mib = 40, .threads = 1 });
	(void)test_host_run(&host, &(struct test_partition){ .name = "scan",
							     .mem_mib = 256,
							     .workload = "scan",
							     .is_dedicated = is_dedicated,
							     .threads = 1 });
	measure("work", "scan", &work, &scan);
	print_rate(is_dedicated ? "work_alone" : "work", &work);
	print_rate(is_dedicated ? "scan_dedicated" : "scan", &scan);
	test_host_end(&host);
	return work;
}

static void equal(void)
{
	bench_goal("equal weights: within 10 %", two("equal", 128, 128), 0.9, 1.1);
}

static void weights(void)
{
	bench_goal("weights 64 and 192: ratio", two("weights", 64, 192), 1.5, 0);
}

/*
 * Of what a second of its processor does, less what paging takes of that: the same as
 * `kept` where nobody else has the machine, and no worse where somebody does.
 */
static double kept_by_processor(const struct rate *shared, const struct rate *alone)
{
	return (shared->operations / shared->ran) / (alone->operations / alone->ran) *
	       (1 - shared->paging) / (1 - alone->paging);
}

/* What it kept, of pairs one after the other; medians. */
static void scan(void)
{
	double kept[ROUNDS_MAX], by_processor[ROUNDS_MAX], page_ins = 0, touches = 0;

	printf("%s\n  \"scan\": { ", is_first ? "{" : ",");
	is_first = false;
	for (unsigned i = 0; i < rounds; i++) {
		struct rate alone = beside_a_scan(true);
		struct rate shared = beside_a_scan(false);

		kept[i] = shared.operations / alone.operations;
		by_processor[i] = kept_by_processor(&shared, &alone);
		printf("\"kept_%u\": %.3f, \"kept_%u_by_processor\": %.3f,\n    ", i + 1,
		       kept[i], i + 1, by_processor[i]);
		page_ins += shared.page_ins;
		touches += shared.operations;
	}
	printf("\"kept\": %.3f, \"kept_by_processor\": %.3f, "
	       "\"page_ins_of_touches\": %.6f }",
	       bench_median(kept, (unsigned)rounds),
	       bench_median(by_processor, (unsigned)rounds), page_ins / touches);
	bench_goal("beside a scan of 4 pools: kept, by processor",
		   by_processor[rounds / 2], 0.95, 0);
	bench_goal("beside a scan: page-ins of touches", page_ins / touches, 0, 0.001);
}

/* One fills 48 MiB and does next to nothing; the other could use twice the pool. */
static void idle(void)
{
	uint64_t from;
	struct figures now;
	double best = 0;

	start("idle", 64, 512);
	(void)test_host_run(&host, &(struct test_partition){ .name = "idle",
							     .mem_mib = 48,
							     .workload = "idle",
							     .rate = 1,
							     .threads = 1 });
	pause_ms(5000);
	now = look("idle");
	printf("\"before_mib\": %.1f, ",
	       (double)now.resident * HV_PAGE_BYTES / (1 << 20));
	(void)test_host_run(
		&host,
		&(struct test_partition){ .name = "busy", .mem_mib = 128, .threads = 1 });
	from = hv_clock_ms();
	for (unsigned s = 5; s <= IDLE_MS / 1000; s += 5) {
		pause_ms(from + s * 1000 - hv_clock_ms());
		now = look("idle");
		best = (double)now.resident * HV_PAGE_BYTES / (1 << 20);
		printf("\"after_%u_s_mib\": %.1f, ", s, best);
	}
	printf("\"entitled_mib\": %.1f, \"end_mib\": %.1f }",
	       (double)now.entitled * HV_PAGE_BYTES / (1 << 20), best);
	/* of which some are its own touches, one a second */
	bench_goal("idle for 30 s: pages beyond its entitlement",
		   (double)now.resident - (double)now.entitled, 0, IDLE_MS / 1000.0);
	test_host_end(&host);
}

/* Phases over 160 MiB on 64 MiB; of what a window leaves every other piece is free. */
static struct rate phases(bool has_hints, uint64_t *ret_page_outs)
{
	Tarn__HvReply *reply;
	struct figures from, to;
	uint64_t before;

	test_host_start(&host, &(struct test_host_config){ .memory_mib = 512 });
	assert_int_equal(test_host_pool(&host, 64, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "phases",
							     .mem_mib = 160,
							     .workload = "phases",
							     .working_set = 25,
							     .write_percent = 50,
							     .phase_ms = 500,
							     .rate = 8000,
							     .discards = has_hints,
							     .hints = has_hints,
							     .threads = 1 });
	pause_ms(WARM_MS);
	reply = test_host_stat(&host, false);
	before = test_stat_partition(reply, "phases")->page_outs;
	tarn__hv_reply__free_unpacked(reply, NULL);
	from = look_fresh("phases");
	pause_ms(seconds * 1000);
	to = look_fresh("phases");
	reply = test_host_stat(&host, false);
	*ret_page_outs = test_stat_partition(reply, "phases")->page_outs - before;
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_end(&host);
	return rate_between(&from, &to);
}

static void hints(void)
{
	uint64_t without, with;
	struct rate plain, hinted;

	printf("%s\n  \"hints\": { ", is_first ? "{" : ",");
	is_first = false;
	plain = phases(false, &without);
	hinted = phases(true, &with);
	print_rate("without", &plain);
	print_rate("with", &hinted);
	printf("\"page_outs_without\": %llu, \"page_outs_with\": %llu, "
	       "\"times_fewer\": %.1f }",
	       (unsigned long long)without, (unsigned long long)with,
	       (double)without / (double)(with > 0 ? with : 1));
}

struct loan_figures {
	struct rate rate;
	uint64_t page_outs, os_page_ins, os_page_outs, file_reads, lent;
};

static struct loan_figures look_at_loan(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "os");
	struct loan_figures figures = { .page_outs = stat->page_outs,
					.os_page_ins = stat->os_page_ins,
					.os_page_outs = stat->os_page_outs,
					.file_reads = stat->os_file_reads,
					.lent = stat->os_loaned_pages };

	tarn__hv_reply__free_unpacked(reply, NULL);
	return figures;
}

/*
 * A process of 38 MiB and a file of 256 MiB in 128 MiB, on 64 MiB; when it is measured
 * a neighbour comes that needs 12 MiB of them.
 */
static struct loan_figures lend(const char *policy)
{
	struct loan_figures before, after;
	struct figures from, to;

	test_host_start(&host, &(struct test_host_config){ .memory_mib = 512 });
	assert_int_equal(test_host_pool(&host, 64, NULL), HV_OK);
	(void)test_host_run(&host, &(struct test_partition){ .name = "os",
							     .mem_mib = 128,
							     .workload = "os",
							     .working_set = LOAN_SET,
							     .write_percent = 50,
							     .rate = LOAN_RATE,
							     .loan_policy = policy });
	pause_ms(WARM_MS);
	before = look_at_loan();
	from = look_fresh("os");
	(void)test_host_run(&host, &(struct test_partition){ .name = "other",
							     .mem_mib = 12,
							     .rate = LOAN_RATE,
							     .threads = 1 });
	pause_ms(seconds * 1000);
	to = look_fresh("os");
	after = look_at_loan();
	test_host_verify(&host);
	test_host_end(&host);
	return (struct loan_figures){ rate_between(&from, &to),
				      after.page_outs - before.page_outs,
				      after.os_page_ins - before.os_page_ins,
				      after.os_page_outs - before.os_page_outs,
				      after.file_reads - before.file_reads,
				      after.lent };
}

static void print_loan(const char *name, const struct loan_figures *figures,
		       const struct loan_figures *without)
{
	double outs = (double)(figures->page_outs > 0 ? figures->page_outs : 1);

	print_rate(name, &figures->rate);
	printf("\"%s_more\": { \"page_outs\": %llu, \"times_fewer\": %.1f, "
	       "\"throughput\": %.3f, \"os_page_ins\": %llu, \"os_page_outs\": %llu, "
	       "\"file_reads\": %llu, \"lent_mib\": %.1f }",
	       name, (unsigned long long)figures->page_outs,
	       (double)without->page_outs / outs,
	       figures->rate.operations / without->rate.operations,
	       (unsigned long long)figures->os_page_ins,
	       (unsigned long long)figures->os_page_outs,
	       (unsigned long long)figures->file_reads,
	       (double)figures->lent * HV_PAGE_BYTES / (1 << 20));
}

static void loan(void)
{
	static const char *const names[] = { "off", "policy_1", "policy_2", "balloon" };
	static const char *const policies[] = { "0", "1", "2", "balloon" };
	struct loan_figures figures[HV_COUNT(policies)];

	printf("%s\n  \"loan\": { ", is_first ? "{" : ",");
	is_first = false;
	for (unsigned i = 0; i < HV_COUNT(policies); i++) {
		figures[i] = lend(policies[i]);
		print_loan(names[i], &figures[i], &figures[0]);
		printf(i + 1 < HV_COUNT(policies) ? ",\n    " : " }");
	}
	bench_goal("hints and loaning: page-outs, times fewer",
		   (double)figures[0].page_outs /
			   (double)(figures[1].page_outs > 0 ? figures[1].page_outs : 1),
		   5, 0);
	bench_goal("hints and loaning: throughput to without",
		   figures[1].rate.operations / figures[0].rate.operations, 0.99, 0);
}

struct looks {
	uint64_t ns, count, cpu_us;
};

static struct looks look_at_looks(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	struct looks looks = { .ns = hv_clock_ns(),
			       .count = reply->stat->pool->looks,
			       .cpu_us = reply->stat->pool->look_cpu_us };

	tarn__hv_reply__free_unpacked(reply, NULL);
	return looks;
}

/* What it costs to know who uses what, of a partition of 320 Ki pages. */
static void looks(void)
{
	double elapsed_us, share, pages = LOOKS_MIB * 256.0;
	struct looks from, to;

	start("looks", LOOKS_POOL_MIB, LOOKS_POOL_MIB + 512);
	(void)test_host_run(&host, &(struct test_partition){ .name = "large",
							     .mem_mib = LOOKS_MIB,
							     .threads = 1 });
	pause_ms(2 * WARM_MS);
	from = look_at_looks();
	pause_ms(seconds * 1000);
	to = look_at_looks();
	elapsed_us = (double)(to.ns - from.ns) / 1e3;
	share = (double)(to.cpu_us - from.cpu_us) / elapsed_us * 1e6 / pages;
	printf("\"pages\": %.0f, \"looks\": %llu, \"cpu_ms\": %.1f, "
	       "\"processor_per_million_pages\": %.4f }",
	       pages, (unsigned long long)(to.count - from.count),
	       (double)(to.cpu_us - from.cpu_us) / 1e3, share);
	bench_goal("looks: processors for a million pages", share, 0, 0.02);
	test_host_end(&host);
}

static const struct part {
	const char *name;
	void (*measure)(void);
} parts[] = {
	{ "equal", equal }, { "weights", weights }, { "scan", scan },   { "idle", idle },
	{ "hints", hints }, { "loan", loan },       { "looks", looks },
};

static void run(const char *name)
{
	for (unsigned i = 0; i < HV_COUNT(parts); i++) {
		if (strcmp(name, parts[i].name) != 0)
			continue;
		parts[i].measure();
		(void)fflush(stdout);
		return;
	}
	fail_msg("'%s' is none of equal, weights, scan, idle, hints, loan, looks", name);
}

static uint64_t *number_of(const char *option)
{
	if (strcmp(option, "--seconds") == 0)
		return &seconds;
	return strcmp(option, "--rounds") == 0 ? &rounds : NULL;
}

int main(int argc, char **argv)
{
	unsigned done = 0;

	for (int i = 1; i < argc; i++) {
		uint64_t *number = number_of(argv[i]);

		if (number != NULL && i + 1 < argc) {
			*number = strtoull(argv[++i], NULL, 10);
			continue;
		}
		run(argv[i]);
		done++;
	}
	if (rounds < 1 || rounds > ROUNDS_MAX)
		fail_msg("--rounds is 1 to %d", ROUNDS_MAX);
	for (unsigned i = 0; done == 0 && i < HV_COUNT(parts); i++)
		run(parts[i].name);
	printf(",\n  ");
	bench_goals_print();
	printf("\n}\n");
	return 0;
}
