/*
 * bench_many - as many partitions as a pool may have, against a few: what a page-in
 * takes, what it costs to be told, memory and processors. Prints one JSON object; how
 * to read it is in README.md here.
 *
 *   bench_many [POOL_MIB (2048)] [SECONDS (10)]
 *
 * Both have half again as much memory as the pool, and touch as many pages a second.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/units.h"
#include "tests/bench/bench_support.h"
#include "tests/support/host.h"
#include "tests/support/wait.h"

#define FEW 8u
#define MANY 128u    /* SPEC S5 */
#define TOUCHES 6400 /* a second, of all together: no device is the limit */
#define REST_RATE 1  /* operations a second of one that rests */
#define SETTLE_MS 12000
#define STATS 21

static struct test_host host;
static unsigned pool_mib = 2048;
static uint64_t seconds = 10;
static char names[MANY][16];

static bool never(void *arg)
{
	(void)arg;
	return false;
}

static void pause_ms(uint64_t ms)
{
	(void)test_wait(never, NULL, ms);
}

/* ---- what is measured ---- */

struct figures {
	uint64_t ns, page_ins, page_in_us, hypervisor, vios, partitions;
};

static struct figures look(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	struct figures now = { .ns = hv_clock_ns(),
			       .hypervisor = bench_cpu_of(host.hypervisor.pid) };

	for (size_t i = 0; i < reply->stat->n_partitions; i++) {
		now.page_ins += reply->stat->partitions[i]->page_ins;
		now.page_in_us += reply->stat->partitions[i]->page_in_us;
	}
	tarn__hv_reply__free_unpacked(reply, NULL);
	for (unsigned i = 0; i < HV_COUNT(host.vios); i++)
		now.vios += bench_cpu_of(host.vios[i].pid);
	for (unsigned i = 0; i < host.guest_count; i++)
		now.partitions += bench_cpu_of(host.guests[i].process.pid);
	return now;
}

static double processors(uint64_t from, uint64_t to, uint64_t ns)
{
	return (double)(to - from) / (double)ns;
}

static void print_cpu(const char *name, const struct figures *a, const struct figures *b)
{
	uint64_t ns = b->ns - a->ns;

	printf("\"%s\": { \"hypervisor\": %.4f, \"vios\": %.4f, \"partitions\": %.4f }, ",
	       name, processors(a->hypervisor, b->hypervisor, ns),
	       processors(a->vios, b->vios, ns),
	       processors(a->partitions, b->partitions, ns));
}

/* Its own, without what is in the pool. */
static double own_mib(int pid)
{
	unsigned long long kib, sum = 0;
	char line[256];
	FILE *file;

	(void)snprintf(line, sizeof(line), "/proc/%d/smaps_rollup", pid);
	file = fopen(line, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Pss_Anon: %llu kB", &kib) == 1 ||
		    sscanf(line, "Pss_File: %llu kB", &kib) == 1)
			sum += kib;
	if (file != NULL)
		(void)fclose(file);
	return (double)sum / 1024;
}

static double stat_ms(void)
{
	double took[STATS];

	for (unsigned i = 0; i < STATS; i++) {
		uint64_t from = hv_clock_ns();

		tarn__hv_reply__free_unpacked(test_host_stat(&host, false), NULL);
		took[i] = (double)(hv_clock_ns() - from) / 1e6;
	}
	return bench_median(took, STATS);
}

/* ---- runs ---- */

static void start(unsigned count, unsigned rate)
{
	uint64_t from;

	test_host_start(&host,
			&(struct test_host_config){ .memory_mib = pool_mib + 512 });
	assert_int_equal(test_host_pool(&host, pool_mib, NULL), HV_OK);
	from = hv_clock_ms();
	for (unsigned i = 0; i < count; i++) {
		(void)snprintf(names[i], sizeof(names[i]), "p%u", i + 1);
		(void)test_host_run(&host, &(struct test_partition){
						   .name = names[i],
						   .mem_mib = pool_mib * 3 / 2 / count,
						   .workload = "idle",
						   .rate = rate,
						   .threads = 1 });
	}
	printf("\"started_ms\": %llu, ", (unsigned long long)(hv_clock_ms() - from));
	pause_ms(SETTLE_MS);
	printf("\"filling_cpu_s\": %.2f, ",
	       (double)bench_cpu_of(host.hypervisor.pid) / 1e9);
}

/* All of them at work: as many touches a second, however many they are. */
static double work(const char *name, unsigned count)
{
	struct figures from, to;
	double mean;

	printf("%s\"%s\": { ", count == FEW ? "{\n  " : ",\n  ", name);
	start(count, TOUCHES / count);
	from = look();
	pause_ms(seconds * 1000);
	to = look();
	mean = (double)(to.page_in_us - from.page_in_us) /
	       (double)(to.page_ins - from.page_ins);
	print_cpu("processors", &from, &to);
	printf("\"page_ins_per_s\": %.0f, \"page_in_mean_us\": %.1f }",
	       (double)(to.page_ins - from.page_ins) / ((double)(to.ns - from.ns) / 1e9),
	       mean);
	test_host_end(&host);
	return mean;
}

static void refuse_another(void)
{
	struct test_partition spec = { .name = "another", .mem_mib = 16 };
	struct hv_err err = { 0 };
	char token[33];

	assert_int_equal(test_host_define(&host, &spec, 100000, token, &err), HV_E_LIMIT);
	printf("\"one_more\": \"%s\", ", err.text);
}

static void rest(void)
{
	struct figures from, to;

	printf(",\n  \"at_rest\": { ");
	start(MANY, REST_RATE);
	refuse_another();
	from = look();
	pause_ms(seconds * 1000);
	to = look();
	print_cpu("processors", &from, &to);
	printf("\"stat_ms\": %.2f, \"hypervisor_mib\": %.1f, \"vios_mib\": %.1f, "
	       "\"partition_mib\": %.2f }",
	       stat_ms(), own_mib(host.hypervisor.pid), own_mib(host.vios[0].pid),
	       own_mib(host.guests[0].process.pid));
	test_host_end(&host);
}

int main(int argc, char **argv)
{
	double few, many;

	if (argc > 1)
		pool_mib = (unsigned)strtoul(argv[1], NULL, 10);
	if (argc > 2)
		seconds = strtoull(argv[2], NULL, 10);
	few = work("eight", FEW);
	many = work("most", MANY);
	printf(",\n  \"page_in_most_to_eight\": %.2f", many / few);
	rest();
	printf("\n}\n");
	return 0;
}
