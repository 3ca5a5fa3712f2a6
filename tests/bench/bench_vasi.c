/*
 * bench_vasi - what a hop to a VIOS costs: the ring alone between two threads, and
 * pages through a real tarn-vios. Prints JSON; see README.md.
 */
#include "hvcore/base/clock.h"
#include "hvcore/base/hist.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/rng.h"
#include "hvcore/vasi/server.h"
#include "tests/support/vasi_host.h"
#include "tests/support/wait.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEVICE_BYTES (256ull << 20)
#define DEVICE_SLOTS (DEVICE_BYTES / HV_PAGE_BYTES - 2)
#define RUN_NS 1500000000ull /* of each measurement */
#define HANDLE 0
#define ID 1

static void pin(unsigned cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		(void)fprintf(stderr, "bench: not pinned to CPU %u\n", cpu);
}

/* --- the ring alone ----------------------------------------------------------- */

struct echo {
	struct hv_window window;
	unsigned cpu;
	bool spins;
	_Atomic bool is_over;
};

static void wait_bell(int doorbell)
{
	struct pollfd poll_fd = { .fd = doorbell, .events = POLLIN };
	uint64_t count;

	(void)poll(&poll_fd, 1, 100);
	if (read(doorbell, &count, sizeof(count)) < 0)
		return; /* nobody rang: the run may be over */
}

static void *echo_main(void *arg)
{
	struct echo *echo = arg;
	struct hv_vasi_server server;
	struct hv_request request;

	pin(echo->cpu);
	hv_vasi_server_init(&server, &echo->window, 0, 1);
	while (!atomic_load_explicit(&echo->is_over, memory_order_relaxed)) {
		while (hv_vasi_server_take(&server, &request, NULL) == HV_OK)
			hv_vasi_server_answer(&server, request.tag, request.pages);
		hv_vasi_server_flush(&server);
		if (echo->spins || !hv_vasi_server_may_sleep(&server))
			continue;
		wait_bell(echo->window.request_doorbell[0]);
		hv_vasi_server_awake(&server);
	}
	return NULL;
}

static void ask_once(struct hv_vasi_client *client, int doorbell, bool spins)
{
	struct hv_vasi_ask ask = { .op = HV_OP_READ, .pages = 1 };
	struct hv_vasi_answer answer;

	HV_INVARIANT(hv_vasi_take(client, HV_OP_READ, 1, &ask.buffer));
	hv_vasi_send(client, &ask);
	hv_vasi_flush(client);
	while (hv_vasi_receive(client, &answer, NULL) != HV_OK) {
		if (spins || !hv_vasi_may_sleep(client))
			continue;
		wait_bell(doorbell);
		hv_vasi_awake(client);
	}
	hv_vasi_give(client, ask.buffer, 1);
}

static void print_hist(const struct hv_hist *hist)
{
	(void)printf("\"count\": %llu, \"p50_us\": %.2f, \"p99_us\": %.2f",
		     (unsigned long long)hv_hist_count(hist),
		     (double)hv_hist_quantile_ns(hist, 0.5) / 1000,
		     (double)hv_hist_quantile_ns(hist, 0.99) / 1000);
}

static void bench_ring(unsigned server_cpu, bool spins, const char *name)
{
	static struct hv_vasi_client client;
	static struct hv_hist hist;
	struct echo echo = { .cpu = server_cpu, .spins = spins };
	uint64_t end = hv_clock_ns() + RUN_NS;
	pthread_t thread;

	hv_hist_clear(&hist);
	HV_INVARIANT(hv_window_create(1, &echo.window, NULL) == HV_OK);
	hv_vasi_client_init(&client, &echo.window, 0, 1);
	HV_INVARIANT(pthread_create(&thread, NULL, echo_main, &echo) == 0);
	for (uint64_t now = hv_clock_ns(); now < end;) {
		uint64_t start = now;

		ask_once(&client, echo.window.completion_doorbell[0], spins);
		now = hv_clock_ns();
		hv_hist_add(&hist, now - start);
	}
	atomic_store(&echo.is_over, true);
	(void)pthread_join(thread, NULL);
	hv_window_close(&echo.window);
	(void)printf("    \"%s\": { ", name);
	print_hist(&hist);
	(void)printf(" }");
}

/* --- pages through tarn-vios ---------------------------------------------------- */

struct load {
	const char *name;
	enum hv_request_op op;
	unsigned pages;
	unsigned depth;
	bool is_random;
};

static uint32_t next_slot(const struct load *load, struct hv_rng *rng, uint32_t *at)
{
	if (load->is_random)
		return (uint32_t)hv_rng_below(rng, DEVICE_SLOTS - load->pages);
	if (*at + load->pages > DEVICE_SLOTS)
		*at = 0;
	*at += load->pages;
	return *at - load->pages;
}

static void run_load(struct vasi_vios *vios, const struct load *load,
		     struct hv_hist *hist)
{
	struct hv_vasi_client *client = &vios->clients[0];
	uint64_t end = hv_clock_ns() + RUN_NS;
	struct hv_rng rng = { 1 };
	uint32_t at = 0;

	while (hv_vasi_out(client) > 0 || hv_clock_ns() < end) {
		struct hv_vasi_answer answer;

		while (hv_vasi_out(client) < load->depth && hv_clock_ns() < end) {
			struct hv_vasi_ask ask = {
				.device = HANDLE,
				.slot = next_slot(load, &rng, &at),
				.op = (uint16_t)load->op,
				.pages = (uint16_t)load->pages,
				.now_ns = hv_clock_ns(),
			};

			HV_INVARIANT(
				hv_vasi_take(client, load->op, load->pages, &ask.buffer));
			hv_vasi_send(client, &ask);
		}
		hv_vasi_flush(client);
		if (hv_vasi_out(client) == 0)
			break;
		HV_INVARIANT(vasi_vios_answer(vios, 0, &answer, TEST_WAIT_MS));
		HV_INVARIANT(answer.result == 0);
		hv_hist_add(hist, hv_clock_ns() - answer.ask.now_ns);
		hv_vasi_give(client, answer.ask.buffer, answer.ask.pages);
	}
}

static void bench_load(struct vasi_vios *vios, const struct load *load)
{
	static struct hv_hist hist;
	uint64_t start = hv_clock_ns();
	double seconds;

	hv_hist_clear(&hist);
	run_load(vios, load, &hist);
	seconds = (double)(hv_clock_ns() - start) / 1e9;
	(void)printf("    \"%s\": { ", load->name);
	print_hist(&hist);
	(void)printf(", \"per_s\": %.0f, \"mib_per_s\": %.1f }",
		     (double)hv_hist_count(&hist) / seconds,
		     (double)hv_hist_count(&hist) * load->pages / 256 / seconds);
}

static void bench_vios(unsigned cpu)
{
	static const struct load loads[] = {
		{ "write_256k", HV_OP_WRITE, 64, 1, false }, /* first: fills the device */
		{ "write_256k_depth_3", HV_OP_WRITE, 64, 3, false },
		{ "read_4k", HV_OP_READ, 1, 1, true },
		{ "read_4k_depth_32", HV_OP_READ, 1, 32, true },
	};
	static struct vasi_host host;
	static struct vasi_vios vios;
	struct hv_session_device_open open;
	char path[HV_PATH_BYTES];

	vasi_host_open(&host);
	vasi_host_format(&host, "device", DEVICE_BYTES, ID, path);
	vasi_host_listen(&host);
	vasi_vios_start(&host, &vios, "vios1", false);
	HV_INVARIANT(vasi_vios_hello(&host, &vios, "vios1"));
	vasi_vios_welcome(&vios, 1, 1, 1 + cpu);
	open = vasi_open_of(HANDLE, path, ID);
	HV_INVARIANT(vasi_vios_open(&vios, &open).code == HV_OK);
	for (unsigned i = 0; i < HV_COUNT(loads); i++) {
		bench_load(&vios, &loads[i]);
		(void)printf("%s\n", i + 1 < HV_COUNT(loads) ? "," : "");
	}
	(void)vasi_vios_end(&vios, SIGTERM);
	vasi_host_close(&host);
}

int main(void)
{
	unsigned last = (unsigned)sysconf(_SC_NPROCESSORS_ONLN) - 1;

	pin(last);
	(void)printf("{\n  \"ring\": {\n");
	bench_ring(last, false, "same_cpu_sleep");
	if (last > 0) {
		(void)printf(",\n");
		bench_ring(0, false, "other_cpu_sleep");
		(void)printf(",\n");
		bench_ring(0, true, "other_cpu_spin");
	}
	(void)printf("\n  },\n  \"vios_same_cpu\": {\n");
	bench_vios(last);
	if (last > 0) {
		(void)printf("  },\n  \"vios_other_cpu\": {\n");
		bench_vios(0);
	}
	(void)printf("  }\n}\n");
	return 0;
}
