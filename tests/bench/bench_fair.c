/*
 * bench_fair - who keeps its memory when there is not enough: real partitions with
 * built-in workloads on one pool. Prints one JSON object; how to read it is in
 * README.md here.
 *
 *   bench_fair [equal|weights|scan|idle|hints|loan]... [--seconds N]
 *
 * Each measurement has a hypervisor of its own, and compares within one run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/units.h"
#include "tests/support/host.h"
#include "tests/support/wait.h"

#define WARM_MS 15000 /* working sets are filled, estimates have settled */
#define SECONDS 20
#define LOAN_SET 30 /* percent */
#define LOAN_RATE 8000
#define IDLE_MS 30000 /* issue: down to what it needs within that */

struct figures {
	uint64_t ns, operations, page_ins, resident;
};

static struct test_host host;
static uint64_t seconds = SECONDS;
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

static struct figures look(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, name);
	struct figures figures = { .ns = hv_clock_ns(),
				   .operations = stat->operations,
				   .page_ins = stat->page_ins,
				   .resident = stat->resident_pages };

	tarn__hv_reply__free_unpacked(reply, NULL);
	return figures;
}

struct rate {
	double operations, page_ins;
	uint64_t resident;
};

static struct rate rate_between(const struct figures *a, const struct figures *b)
{
	double s = (double)(b->ns - a->ns) / 1e9;

	return (struct rate){ (double)(b->operations - a->operations) / s,
			      (double)(b->page_ins - a->page_ins) / s, b->resident };
}

static void print_rate(const char *name, const struct rate *rate)
{
	printf("\"%s\": { \"operations_per_s\": %.0f, \"page_ins_per_s\": %.0f, "
	       "\"resident_mib\": %.1f }, ",
	       name, rate->operations, rate->page_ins,
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
	from_a = look(a);
	from_b = look(b);
	pause_ms(seconds * 1000);
	to_a = look(a);
	to_b = look(b);
	*ret_a = rate_between(&from_a, &to_a);
	*ret_b = rate_between(&from_b, &to_b);
}

/* Two of the same load, 64 MiB each on 64 MiB. */
static void two(const char *name, unsigned weight_a, unsigned weight_b)
{
	struct rate a, b;

	start(name, 64, 512);
	(void)test_host_run(&host, &(struct test_partition){ .name = "a",
							     .mem_mib = 64,
							     .weight = weight_a,
							     .threads = 1 });
	(void)test_host_run(&host, &(struct test_partition){ .name = "b",
							     .mem_mib = 64,
							     .weight = weight_b,
							     .threads = 1 });
	measure("a", "b", &a, &b);
	print_rate("a", &a);
	print_rate("b", &b);
	printf("\"ratio\": %.2f }", b.operations / a.operations);
	test_host_end(&host);
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

static void scan(void)
{
	struct rate shared, alone;

	printf("%s\n  \"scan\": { ", is_first ? "{" : ",");
	is_first = false;
	alone = beside_a_scan(true);
	shared = beside_a_scan(false);
	printf("\"kept\": %.3f, \"page_ins_of_touches\": %.5f }",
	       shared.operations / alone.operations, shared.page_ins / shared.operations);
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
	printf("\"end_mib\": %.1f }", best);
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
	from = look("phases");
	pause_ms(seconds * 1000);
	to = look("phases");
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
	from = look("os");
	(void)test_host_run(&host, &(struct test_partition){ .name = "other",
							     .mem_mib = 12,
							     .rate = LOAN_RATE,
							     .threads = 1 });
	pause_ms(seconds * 1000);
	to = look("os");
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
		printf(i + 1 < HV_COUNT(policies) ? ", " : " }");
	}
}

static void run(const char *name)
{
	if (strcmp(name, "equal") == 0)
		two("equal", 128, 128);
	else if (strcmp(name, "weights") == 0)
		two("weights", 64, 192);
	else if (strcmp(name, "scan") == 0)
		scan();
	else if (strcmp(name, "idle") == 0)
		idle();
	else if (strcmp(name, "hints") == 0)
		hints();
	else if (strcmp(name, "loan") == 0)
		loan();
	else
		fail_msg("'%s' is none of equal, weights, scan, idle, hints, loan", name);
	(void)fflush(stdout);
}

int main(int argc, char **argv)
{
	static const char *const all[] = { "equal", "weights", "scan",
					   "idle",  "hints",   "loan" };
	unsigned done = 0;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
			seconds = strtoull(argv[++i], NULL, 10);
			continue;
		}
		run(argv[i]);
		done++;
	}
	for (unsigned i = 0; done == 0 && i < HV_COUNT(all); i++)
		run(all[i]);
	printf("\n}\n");
	return 0;
}
