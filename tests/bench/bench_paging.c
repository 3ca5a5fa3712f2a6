/*
 * bench_paging - what paging costs, with the real programs: a hypervisor and a pair
 * of tarn-vios, and this process as the partition. Prints one JSON object; how to
 * read it is in README.md here.
 *
 *   bench_paging [pool MiB [seconds for each measurement]]
 *
 * Runs on the processor where its faults are served (home CPU of WELCOME).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/hist.h"
#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"
#include "hvcore/loop/rpc.h"
#include "tests/bench/bench_attach.h"

#define POOL_MIB 128
#define SECONDS 3
#define NO_FAULT_NS 2500 /* a touch below this met its page; a fault takes 5000 */
#define COMMANDS 2000
#define MAP_ENTRIES 256 /* pages mapped at once: below what it is entitled to */
#define MAP_AGAIN_NS 50000

struct bench {
	struct test_host host;
	struct partition_attachment memory;
	uint64_t pages;
	unsigned pool_mib;
	uint64_t seconds;
	struct hv_rng rng;
};

static struct bench bench;

/* ---- the partition ---- */

/* Content that no page shares, so that nothing is stolen as a page of zeros. */
static void write_page(uint64_t page, uint64_t version)
{
	volatile uint64_t *at = bench_page(&bench.memory, page);

	for (unsigned i = 0; i < HV_PAGE_BYTES / sizeof(*at); i += 8)
		at[i] = page + 1 + version * 7919 + i;
}

static void attach(void)
{
	struct test_partition spec = { .name = "bench",
				       .mem_mib = 4 * bench.pool_mib,
				       .device_mib = 4 * bench.pool_mib + 4 };
	cpu_set_t cpus;

	bench_attach(&bench.host, &spec, true, &bench.memory);
	bench.pages = bench.memory.bytes / HV_PAGE_BYTES;
	CPU_ZERO(&cpus);
	CPU_SET((unsigned)bench.memory.home_cpu, &cpus);
	(void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* ---- measurements ---- */

static void print_times(const char *name, const struct hv_hist *hist, const char *end)
{
	uint64_t count = hv_hist_count(hist);

	printf("  \"%s\": { \"count\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, "
	       "\"max_us\": %.1f }%s\n",
	       name, (unsigned long long)count,
	       (double)hv_hist_quantile_ns(hist, 0.5) / 1000,
	       (double)hv_hist_quantile_ns(hist, 0.99) / 1000,
	       (double)hv_hist_max_ns(hist) / 1000, end);
}

/* First touches, while frames are free: half of the pool. */
static void measure_zero_fill(void)
{
	static struct hv_hist hist;
	uint64_t pages = (uint64_t)bench.pool_mib * 256 / 2;

	for (uint64_t page = 0; page < pages; page++)
		hv_hist_add(&hist, bench_touch_ns(&bench.memory, page, true));
	print_times("zero_fill_fault", &hist, ",");
}

/* Random reads over four times the pool: three of four are page-ins. */
static void measure_page_in(bool is_write, const char *name)
{
	struct hv_hist *hist = calloc(1, sizeof(*hist));
	uint64_t end_ns = hv_clock_ns() + bench.seconds * 1000000000;
	uint64_t start_ns = hv_clock_ns();
	uint64_t now_ns;

	assert_non_null(hist);
	while ((now_ns = hv_clock_ns()) < end_ns) {
		uint64_t ns = bench_touch_ns(
			&bench.memory, hv_rng_below(&bench.rng, bench.pages), is_write);

		if (ns >= NO_FAULT_NS)
			hv_hist_add(hist, ns);
	}
	print_times(name, hist, ",");
	printf("  \"%ss_per_s\": %.0f,\n", name,
	       (double)hv_hist_count(hist) * 1e9 / (double)(now_ns - start_ns));
	free(hist);
}

static uint64_t page_outs(void)
{
	Tarn__HvReply *reply = test_host_stat(&bench.host, false);
	uint64_t count = test_stat_partition(reply, "bench")->page_outs;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return count;
}

static void print_eviction(const char *name, uint64_t before, uint64_t start_ns)
{
	uint64_t now_ns = hv_clock_ns();
	uint64_t pages = page_outs() - before;

	printf("  \"%s\": { \"pages\": %llu, \"pages_per_s\": %.0f },\n", name,
	       (unsigned long long)pages,
	       (double)pages * 1e9 / (double)(now_ns - start_ns));
}

/* First touches of the rest: each needs a frame, most frames a page-out, no page-in. */
static void measure_eviction(void)
{
	uint64_t before = page_outs();
	uint64_t start_ns = hv_clock_ns();

	for (uint64_t page = 0; page < bench.pages; page++)
		write_page(page, 0);
	print_eviction("eviction", before, start_ns);
}

/* Writes every page in order again: a page-in and a page-out for each. */
static void measure_exchange(void)
{
	uint64_t before = page_outs();
	uint64_t start_ns = hv_clock_ns();
	uint64_t end_ns = start_ns + bench.seconds * 1000000000;
	uint64_t version = 1;
	uint64_t page = 0;

	while (hv_clock_ns() < end_ns) {
		write_page(page, version);
		if (++page == bench.pages) {
			page = 0;
			version++;
		}
	}
	print_eviction("exchange", before, start_ns);
}

/* True: the page was there already. */
static bool map_page(uint64_t page, uint64_t entry)
{
	const struct timespec again = { .tv_nsec = MAP_AGAIN_NS };
	uint64_t args[HV_HCALL_ARGS] = { HV_LIOBN_FIRST, entry * HV_PAGE_BYTES,
					 page * HV_PAGE_BYTES | HV_TCE_READ |
						 HV_TCE_WRITE };
	bool is_first = true;
	int64_t code;

	while ((code = partition_call(bench.memory.calls, H_PUT_TCE, args).code) ==
	       H_LONG_BUSY_1_MSEC) {
		is_first = false;
		(void)ppoll(NULL, 0, &again, NULL);
	}
	assert_int_equal(code, H_SUCCESS);
	return is_first;
}

/* Random pages are mapped for a device, each in place of another one. */
static void measure_map(void)
{
	static struct hv_hist there, brought;
	uint64_t end_ns = hv_clock_ns() + bench.seconds * 1000000000;
	uint64_t start_ns = hv_clock_ns();

	for (uint64_t entry = 0; start_ns < end_ns; entry++) {
		uint64_t page = hv_rng_below(&bench.rng, bench.pages);
		bool is_there = map_page(page, entry % MAP_ENTRIES);
		uint64_t now_ns = hv_clock_ns();

		hv_hist_add(is_there ? &there : &brought, now_ns - start_ns);
		start_ns = hv_clock_ns();
	}
	print_times("map_there", &there, ",");
	print_times("map_brought", &brought, ",");
}

/* What the hypervisor itself saw: from the event read to the page installed. */
static void print_inside(void)
{
	Tarn__HvReply *reply = test_host_stat(&bench.host, true);
	Tarn__PartitionStat *stat = test_stat_partition(reply, "bench");
	static struct hv_hist hist;

	for (size_t i = 0; i < stat->fault_latency->n_buckets; i++) {
		uint64_t count = stat->fault_latency->buckets[i];

		atomic_store(&hist.bucket[i], count);
		atomic_store(&hist.count, atomic_load(&hist.count) + count);
	}
	atomic_store(&hist.max_ns, stat->fault_latency->max_ns);
	print_times("page_in_inside_hypervisor", &hist, ",");
	printf("  \"checksum_errors\": %llu, \"frame_waits\": %llu,\n",
	       (unsigned long long)stat->checksum_errors,
	       (unsigned long long)reply->stat->pool->frame_waits);
	printf("  \"map_page_ins\": %llu, \"map_failures\": %llu, \"io_waits\": %llu,\n",
	       (unsigned long long)stat->io_map_page_ins,
	       (unsigned long long)stat->io_map_failures,
	       (unsigned long long)stat->io_waits);
	tarn__hv_reply__free_unpacked(reply, NULL);
}

/* ---- commands ---- */

struct commands {
	struct hv_loop *loop;
	struct hv_client *client;
	struct hv_call call;
	uint8_t *bytes;
	size_t count;
	unsigned left;
	uint64_t sent_ns;
	struct hv_hist hist;
};

static void on_answer(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		      size_t count);

static void ask_next(struct commands *commands)
{
	commands->sent_ns = hv_clock_ns();
	commands->call.on_done = on_answer;
	if (hv_call_start(commands->client, &commands->call, commands->bytes,
			  commands->count, 5000, NULL) != HV_OK)
		fail_msg("a call could not start");
}

static void on_answer(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		      size_t count)
{
	struct commands *commands =
		(struct commands *)(void *)((char *)call -
					    offsetof(struct commands, call));

	(void)bytes;
	(void)count;
	if (code != HV_OK)
		fail_msg("a call ended with %s", hv_code_name(code));
	hv_hist_add(&commands->hist, hv_clock_ns() - commands->sent_ns);
	if (--commands->left > 0)
		ask_next(commands);
	else
		hv_loop_stop(commands->loop);
}

static void measure_commands(void)
{
	static struct commands commands = { .left = COMMANDS };
	Tarn__HvStatGet get = TARN__HV_STAT_GET__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	struct hv_err err = { 0 };

	request.kind_case = TARN__HV_REQUEST__KIND_STAT;
	request.stat = &get;
	assert_int_equal(
		hv_message_encode(&request.base, &commands.bytes, &commands.count, &err),
		HV_OK);
	assert_int_equal(hv_loop_open(&commands.loop, &err), HV_OK);
	assert_int_equal(hv_client_open(commands.loop, bench.host.url, HV_RPC_BYTES_MAX,
					&commands.client, &err),
			 HV_OK);
	ask_next(&commands);
	hv_loop_run(commands.loop);
	hv_client_close(commands.client);
	hv_loop_close(commands.loop);
	free(commands.bytes);
	print_times("command_round_trip", &commands.hist, "");
}

int main(int argc, char **argv)
{
	bench.pool_mib = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : POOL_MIB;
	bench.seconds = argc > 2 ? strtoull(argv[2], NULL, 10) : SECONDS;
	bench.rng.state = 1;
	if (bench.pool_mib < 16 || bench.pool_mib % 16 != 0 || bench.pool_mib > 4096 ||
	    bench.seconds < 1 || bench.seconds > 60) {
		(void)fprintf(stderr, "usage: bench_paging [pool MiB: 16, 32 ... 4096 "
				      "[seconds: 1 ... 60]]\n");
		return 2;
	}
	test_host_start(&bench.host, &(struct test_host_config){
					     .memory_mib = 2 * bench.pool_mib + 256 });
	assert_int_equal(test_host_pool(&bench.host, bench.pool_mib, NULL), HV_OK);
	attach();
	printf("{\n  \"pool_mib\": %u, \"logical_mib\": %u, \"home_cpu\": %d,\n",
	       bench.pool_mib, 4 * bench.pool_mib, bench.memory.home_cpu);
	measure_zero_fill();
	measure_eviction();
	measure_page_in(false, "page_in_read");
	measure_page_in(true, "page_in_write");
	measure_exchange();
	measure_map();
	print_inside();
	measure_commands();
	printf("}\n");
	(void)fflush(stdout);
	/* P1: memory first touched by nobody any more, then the socket */
	partition_attach_close(&bench.memory);
	test_host_abandon(&bench.host);
	return 0;
}
