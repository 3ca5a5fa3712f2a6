/* rows_alone - see rows.h: what has no peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "hvcore/base/clock.h"
#include "tests/bench/bench_support.h"
#include "tests/bench/compare/json.h"
#include "tests/bench/compare/rows.h"

#define FACTOR_MOST 8 /* growth: of the smallest memory */
#define SHRUNK_MS 120000
#define IDLE_SLICES 4 /* longer than a measurement: there is little to see */

static uint64_t vios_cpu_ns(const struct test_host *host)
{
	uint64_t ns = 0;

	for (unsigned i = 0; i < HV_COUNT(host->vios); i++)
		ns += bench_cpu_of(host->vios[i].pid);
	return ns;
}

/* ---- steal: a pool that gets smaller while nobody touches anything ---- */

struct stealing {
	uint64_t ns, hypervisor_ns, vios_ns, pages;
};

static uint64_t resident_pages(struct test_host *host, const char *name)
{
	Tarn__HvReply *reply = test_host_stat(host, false);
	uint64_t pages = test_stat_partition(reply, name)->resident_pages;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return pages;
}

static bool is_shrunk(const Tarn__HvReply *reply, void *arg)
{
	const uint64_t *bytes = arg;

	return reply->stat->pool->pool_bytes <= *bytes;
}

static struct stealing steal_half(struct compare *compare, const char *name)
{
	struct test_host *host = &compare->host;
	uint64_t bytes = (uint64_t)compare->pool_mib / 2 << 20;
	struct stealing before = { hv_clock_ns(), bench_cpu_of(host->hypervisor.pid),
				   vios_cpu_ns(host), resident_pages(host, name) };
	struct stealing after;

	assert_int_equal(test_host_pool(host, compare->pool_mib / 2, NULL), HV_OK);
	test_host_wait(host, is_shrunk, &bytes, SHRUNK_MS, "the pool is not smaller");
	after = (struct stealing){
		hv_clock_ns() - before.ns,
		bench_cpu_of(host->hypervisor.pid) - before.hypervisor_ns,
		vios_cpu_ns(host) - before.vios_ns,
		before.pages - resident_pages(host, name),
	};
	assert_int_equal(test_host_pool(host, compare->pool_mib, NULL), HV_OK);
	return after;
}

static void print_stealing(const char *name, const struct stealing *stealing)
{
	double pages = (double)(stealing->pages | 1);

	json_open(name);
	json_number("pages", (double)stealing->pages);
	json_number("us_per_page", (double)stealing->ns / 1e3 / pages);
	json_number("hypervisor_cpu_us", (double)stealing->hypervisor_ns / 1e3 / pages);
	json_number("vios_cpu_us", (double)stealing->vios_ns / 1e3 / pages);
	json_close();
}

/* Every page once, in order: what stays is clean after reads. */
static void pass(struct side *side, bool is_write)
{
	struct load_order order = { .pattern = PATTERN_SCAN,
				    .is_write = is_write,
				    .threads = 1,
				    .touches = side->pages,
				    .cpu = side->home_cpu };
	struct side_cost cost;

	side_run(side, &order, &cost);
	assert_int_equal(cost.load.bad, 0);
}

void row_steal(struct compare *compare)
{
	struct stealing stealing;
	struct side side;

	side_open_partition(&side, &compare->host, "steal", 2 * compare->pool_mib);
	json_open("steal");
	pass(&side, true);
	stealing = steal_half(compare, side.name);
	print_stealing("dirty", &stealing);
	pass(&side, false);
	stealing = steal_half(compare, side.name);
	print_stealing("clean", &stealing);
	json_close();
	side_close(&side);
}

/* ---- what it takes to be there ---- */

/* A pool that is full of a partition that touches nothing. */
void row_idle(struct compare *compare)
{
	struct test_host *host = &compare->host;
	uint64_t ns = IDLE_SLICES * compare->slice_ns;
	const struct timespec wait = { (time_t)(ns / 1000000000),
				       (long)(ns % 1000000000) };
	struct side side;
	uint64_t start_ns, hypervisor_ns, vios_ns;

	side_open_partition(&side, host, "idle", 2 * compare->pool_mib);
	side_fill(&side);
	(void)ppoll(NULL, 0, &wait, NULL); /* what runs ahead comes to its end */
	start_ns = hv_clock_ns();
	hypervisor_ns = bench_cpu_of(host->hypervisor.pid);
	vios_ns = vios_cpu_ns(host);
	(void)ppoll(NULL, 0, &wait, NULL); /* the time is what is measured */
	start_ns = hv_clock_ns() - start_ns;
	json_open("idle");
	json_number("hypervisor_percent",
		    100.0 * (double)(bench_cpu_of(host->hypervisor.pid) - hypervisor_ns) /
			    (double)start_ns);
	json_number("vios_percent",
		    100.0 * (double)(vios_cpu_ns(host) - vios_ns) / (double)start_ns);
	json_close();
	side_close(&side);
}

/* What it says that it has for itself, and what it has that is nobody else's. */
struct own_bytes {
	double said, anonymous;
};

static struct own_bytes own_bytes(struct test_host *host)
{
	Tarn__HvReply *reply = test_host_stat(host, false);
	struct own_bytes own = { .said = (double)reply->stat->pool->overhead_bytes };
	unsigned long long kib;
	char line[256];
	FILE *file;

	tarn__hv_reply__free_unpacked(reply, NULL);
	(void)snprintf(line, sizeof(line), "/proc/%d/smaps_rollup", host->hypervisor.pid);
	file = fopen(line, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "Anonymous: %llu kB", &kib) == 1)
			own.anonymous = (double)kib * 1024;
	if (file != NULL)
		(void)fclose(file);
	return own;
}

/* Windows and buffers of a host are there before any partition is, and do not grow. */
void row_metadata(struct compare *compare)
{
	struct own_bytes before = own_bytes(&compare->host), after;
	struct side side;
	Tarn__HvReply *reply;
	const Tarn__PartitionStat *stat;
	double pages;

	side_open_partition(&side, &compare->host, "metadata", 4 * compare->pool_mib);
	side_fill(&side);
	after = own_bytes(&compare->host);
	reply = test_host_stat(&compare->host, false);
	stat = test_stat_partition(reply, side.name);
	pages = (double)stat->logical_pages;
	json_open("metadata");
	json_number("table_bytes_per_page", (double)stat->table_bytes / pages);
	json_number("grown_bytes_per_page", (after.said - before.said) / pages);
	json_number("grown_anonymous_per_page",
		    (after.anonymous - before.anonymous) / pages);
	json_number("goal_bytes_per_page",
		    16 + 8 * (double)reply->stat->pool->frames / pages);
	json_number("fixed_bytes", before.said);
	json_number("frames", (double)reply->stat->pool->frames);
	json_number("kernel_bytes_per_frame", 64); /* struct page, for orientation */
	json_close();
	tarn__hv_reply__free_unpacked(reply, NULL);
	side_close(&side);
}

/* ---- growth: more memory behind the same pool ---- */

static void grow(struct compare *compare, unsigned factor)
{
	static struct pairs_figures figures;
	struct load_order order = { .pattern = PATTERN_UNIFORM,
				    .threads = 1,
				    .ns = compare->slice_ns,
				    .waited_ns = LOAD_WAITED_NS };
	struct side_cost cost;
	struct side side;
	char name[32], key[32];

	(void)snprintf(name, sizeof(name), "grow%u", factor);
	(void)snprintf(key, sizeof(key), "mib_%u", 4 * factor * compare->pool_mib);
	side_open_partition(&side, &compare->host, name, 4 * factor * compare->pool_mib);
	side_fill(&side);
	memset(&figures, 0, sizeof(figures));
	figures.processor = pairs_place(&side, &order);
	order.cpu = figures.processor;
	for (unsigned i = 0; i < compare->rounds; i++) {
		side_run(&side, &order, &cost);
		pairs_add(&figures, &cost);
	}
	pairs_print(key, &figures, NULL);
	side_close(&side);
}

void row_growth(struct compare *compare)
{
	unsigned most = compare->is_quick ? 2 : FACTOR_MOST;

	json_open("growth");
	for (unsigned factor = 1; factor <= most; factor *= 2)
		grow(compare, factor);
	json_close();
}
