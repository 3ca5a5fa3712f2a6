/*
 * bench_vasi - what a hop to a VIOS costs: the ring alone between two threads, and
 * pages through a real tarn-vios. Prints JSON; see README.md.
 */
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/vasi/server.h"
#include "tests/bench/vasi_load.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static void bench_ring(unsigned server_cpu, bool spins, const char *name)
{
	static struct hv_vasi_client client;
	static struct hv_hist hist;
	struct echo echo = { .cpu = server_cpu, .spins = spins };
	uint64_t end = hv_clock_ns() + VASI_LOAD_NS;
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
	vasi_load_print_hist(&hist);
	(void)printf(" }");
}

/* --- pages through tarn-vios ---------------------------------------------------- */

static void bench_vios(unsigned cpu)
{
	static const struct vasi_load loads[] = {
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
	vasi_host_format(&host, "device", VASI_LOAD_BYTES, VASI_LOAD_ID, path);
	vasi_host_listen(&host);
	vasi_vios_start(&host, &vios, "vios1", false);
	HV_INVARIANT(vasi_vios_hello(&host, &vios, "vios1"));
	vasi_vios_welcome(&vios, 1, 1, 1 + cpu);
	open = vasi_open_of(VASI_LOAD_HANDLE, path, VASI_LOAD_ID);
	HV_INVARIANT(vasi_vios_open(&vios, &open).code == HV_OK);
	for (unsigned i = 0; i < HV_COUNT(loads); i++) {
		vasi_load_run(&vios, &loads[i]);
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
