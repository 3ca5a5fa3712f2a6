/*
 * bench_map - what it costs to map a page for a device, while most pages are on the
 * paging device, and to ask a hypervisor something. Prints one JSON object; how to read
 * it is in README.md here. What a fault costs: tests/bench/run.
 *
 *   bench_map [pool MiB [seconds]]
 *
 * This process is the partition, on the processor where its faults are served.
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
static void write_page(uint64_t page)
{
	volatile uint64_t *at = bench_page(&bench.memory, page);

	for (unsigned i = 0; i < HV_PAGE_BYTES / sizeof(*at); i += 8)
		at[i] = page + 1 + i;
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

static void print_counters(void)
{
	Tarn__HvReply *reply = test_host_stat(&bench.host, true);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "bench");

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
		(void)fprintf(stderr, "usage: bench_map [pool MiB: 16, 32 ... 4096 "
				      "[seconds: 1 ... 60]]\n");
		return 2;
	}
	test_host_start(&bench.host, &(struct test_host_config){
					     .memory_mib = 2 * bench.pool_mib + 256 });
	assert_int_equal(test_host_pool(&bench.host, bench.pool_mib, NULL), HV_OK);
	attach();
	printf("{\n  \"pool_mib\": %u, \"logical_mib\": %u, \"home_cpu\": %d,\n",
	       bench.pool_mib, 4 * bench.pool_mib, bench.memory.home_cpu);
	for (uint64_t page = 0; page < bench.pages; page++)
		write_page(page);
	measure_map();
	print_counters();
	measure_commands();
	printf("}\n");
	(void)fflush(stdout);
	/* P1: memory first touched by nobody any more, then the socket */
	partition_attach_close(&bench.memory);
	test_host_abandon(&bench.host);
	return 0;
}
