/* lane - see lane.h. */
#include "vios/lane.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/base/thread.h"
#include "vios/inject_io.h"
#include "vios/link_io.h"
#include "vios/processor.h"
#include "vios/spin.h"

#define NS_PER_US UINT64_C(1000)

struct vios_lane {
	struct vios_lane_config config;
	struct hv_vasi_server server;
	struct vios_requests requests;
	struct vios_spin spin;
	struct hv_aio *io;
	_Atomic bool is_stopping;
	bool is_started;
	pthread_t thread;
	sem_t ready; /* start() waits for `started` and `why` */
	enum hv_code started;
	struct hv_err why;
};

static bool find_idle(void *ctx, uint64_t *ret_idle_ns)
{
	const struct vios_lane *lane = ctx;

	return vios_processor_idle("", lane->config.cpu - 1, ret_idle_ns);
}

static bool may_spin(const struct vios_lane_config *config)
{
	return config->cpu != 0 && config->remote_url == NULL && config->spin_us != 0;
}

enum hv_code vios_lane_open(const struct vios_lane_config *config,
			    struct vios_lane **ret_lane, struct hv_err *err)
{
	static const struct vios_spin_ops ops = { .idle = find_idle };
	struct vios_lane *lane = calloc(1, sizeof(*lane));

	if (lane == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for lane %u", config->lane);
	lane->config = *config;
	atomic_init(&lane->is_stopping, false);
	hv_vasi_server_init(&lane->server, config->window, config->lane, config->epoch);
	vios_spin_init(&lane->spin, may_spin(config) ? config->spin_us * NS_PER_US : 0,
		       &ops, lane);
	HV_INVARIANT(sem_init(&lane->ready, 0, 0) == 0);
	*ret_lane = lane;
	return HV_OK;
}

void vios_lane_close(struct vios_lane *lane)
{
	if (lane == NULL)
		return;
	HV_INVARIANT(!lane->is_started);
	if (lane->io != NULL)
		lane->io->ops->close(lane->io);
	(void)sem_destroy(&lane->ready);
	free(lane);
}

void vios_lane_set_io(struct vios_lane *lane, struct hv_aio *io)
{
	lane->io = io;
	vios_requests_init(&lane->requests, lane->config.lane, &lane->server,
			   lane->config.table, io, hv_window_top(lane->config.window));
}

bool vios_lane_is_done(const struct vios_lane *lane)
{
	return atomic_load(&lane->is_stopping) &&
	       vios_requests_in_flight(&lane->requests) == 0;
}

static enum hv_code take_requests(struct vios_lane *lane, struct hv_err *err)
{
	struct hv_request asked;
	enum hv_code code = HV_E_AGAIN;

	/* At most one ring full a turn: a fast producer must not keep us from beating. */
	for (unsigned i = 0; i < HV_RING_SIZE && !atomic_load(&lane->is_stopping); i++) {
		code = hv_vasi_server_take(&lane->server, &asked, err);
		if (code != HV_OK)
			break;
		vios_requests_start(&lane->requests, &asked);
	}
	return code == HV_E_AGAIN ? HV_OK : code;
}

static void take_results(struct vios_lane *lane)
{
	struct hv_aio_done done;

	while (lane->io->ops->next(lane->io, &done))
		if (done.cookie != HV_AIO_DOORBELL)
			vios_requests_finish(&lane->requests, &done);
}

/* Asleep only as far as requests go: a result of the disk wakes us in any case. */
static enum hv_code sleep_for_work(struct vios_lane *lane, struct hv_err *err)
{
	bool may_sleep = atomic_load(&lane->is_stopping) ||
			 hv_vasi_server_may_sleep(&lane->server);
	unsigned half = lane->config.heartbeat_ms / 2;
	enum hv_code code;

	code = lane->io->ops->wait(lane->io, may_sleep ? (half > 0 ? half : 1) : 0, err);
	hv_vasi_server_awake(&lane->server);
	take_results(lane);
	return code;
}

/* Until then, or until there is something to do. */
static enum hv_code look_for_work(struct vios_lane *lane, uint64_t until_ns,
				  uint64_t *ret_now_ns, struct hv_err *err)
{
	enum hv_code code = lane->io->ops->wait(lane->io, 0, err);
	unsigned reads = vios_requests_reads(&lane->requests);

	do {
		take_results(lane);
		*ret_now_ns = hv_clock_ns();
	} while (code == HV_OK && *ret_now_ns < until_ns &&
		 vios_requests_reads(&lane->requests) == reads &&
		 hv_vasi_server_is_quiet(&lane->server));
	return code;
}

static enum hv_code wait_for_work(struct vios_lane *lane, struct hv_err *err)
{
	unsigned reads = vios_requests_reads(&lane->requests);
	uint64_t began_ns = hv_clock_ns(), now_ns;
	uint64_t until_ns = vios_spin_begin(&lane->spin, reads, began_ns);
	enum hv_code code;

	if (until_ns != 0) {
		code = look_for_work(lane, until_ns, &now_ns, err);
	} else {
		code = sleep_for_work(lane, err);
		now_ns = hv_clock_ns();
	}
	if (vios_requests_reads(&lane->requests) < reads)
		vios_spin_end(&lane->spin, began_ns, now_ns, false);
	else if (until_ns != 0 && now_ns >= until_ns)
		vios_spin_end(&lane->spin, began_ns, now_ns, true);
	return code;
}

enum hv_code vios_lane_step(struct vios_lane *lane, struct hv_err *err)
{
	enum hv_code code;

	hv_vasi_server_beat(&lane->server);
	code = take_requests(lane, err);
	if (code != HV_OK)
		return code;
	hv_vasi_server_flush(&lane->server); /* errors that need no device */
	code = wait_for_work(lane, err);
	if (code != HV_OK)
		return code;
	hv_vasi_server_flush(&lane->server);
	return HV_OK;
}

static void pin(const struct vios_lane *lane)
{
	cpu_set_t set;

	if (lane->config.cpu == 0 || lane->config.cpu > CPU_SETSIZE)
		return;
	CPU_ZERO(&set);
	CPU_SET(lane->config.cpu - 1, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set) != 0)
		log_warn("vios.not_pinned", "lane=%u cpu=%u", lane->config.lane,
			 lane->config.cpu - 1);
}

static enum hv_code open_link_io(struct vios_lane *lane, struct hv_aio **ret_io,
				 struct hv_err *err)
{
	const struct vios_link_io_config config = {
		.url = lane->config.remote_url,
		.patience_ms = lane->config.patience_ms,
		.state = lane->config.link,
		.doorbell = lane->config.window->request_doorbell[lane->config.lane],
	};

	return vios_link_io_open(&config, ret_io, err);
}

static enum hv_code open_disk_io(struct vios_lane *lane, struct hv_aio **ret_io,
				 struct hv_err *err)
{
	const struct hv_aio_config config = {
		.doorbell = lane->config.window->request_doorbell[lane->config.lane],
		.buffers = hv_vasi_server_buffer(&lane->server, 0),
		.buffer_bytes = (size_t)HV_LANE_BUFFERS * HV_PAGE_BYTES,
		.operations = VIOS_OPERATIONS_MAX,
		.is_looked_at = may_spin(&lane->config),
	};

	return hv_aio_open(&config, ret_io, err);
}

static enum hv_code open_io(struct vios_lane *lane, struct hv_err *err)
{
	struct hv_aio *io, *outer;
	enum hv_code code = lane->config.remote_url != NULL
				    ? open_link_io(lane, &io, err)
				    : open_disk_io(lane, &io, err);

	if (code != HV_OK)
		return code;
	outer = io;
	if (lane->config.inject != NULL)
		code = vios_inject_io_open(lane->config.inject, lane->config.lane, io,
					   &outer, err);
	if (code == HV_OK)
		vios_lane_set_io(lane, outer);
	else
		io->ops->close(io);
	return code;
}

static void *lane_main(void *arg)
{
	struct vios_lane *lane = arg;
	struct hv_err err = { 0 };
	enum hv_code code = HV_OK;

	pin(lane);
	lane->started = open_io(lane, &lane->why);
	if (lane->started != HV_OK) {
		(void)sem_post(&lane->ready);
		return NULL;
	}
	(void)sem_post(&lane->ready);
	while (code == HV_OK && !vios_lane_is_done(lane))
		code = vios_lane_step(lane, &err);
	if (code != HV_OK)
		lane->config.on_broken(lane->config.arg, &err);
	/* What a broken lane has in flight ends in the kernel, which holds the file and
	 * the window's pages, and so the device's lock, until then (P9). */
	lane->io->ops->close(lane->io);
	lane->io = NULL;
	return NULL;
}

enum hv_code vios_lane_start(struct vios_lane *lane, struct hv_err *err)
{
	enum hv_code code = hv_thread_start(&lane->thread, lane_main, lane, err);

	if (code != HV_OK)
		return code;
	while (sem_wait(&lane->ready) != 0)
		HV_INVARIANT(errno == EINTR);
	lane->is_started = true;
	if (lane->started == HV_OK)
		return HV_OK;
	vios_lane_join(lane);
	if (err != NULL)
		*err = lane->why;
	return lane->started;
}

void vios_lane_stop(struct vios_lane *lane)
{
	const uint64_t one = 1;
	int doorbell = lane->config.window->request_doorbell[lane->config.lane];

	atomic_store(&lane->is_stopping, true);
	/* EAGAIN: it is ringing already. */
	if (write(doorbell, &one, sizeof(one)) < 0)
		return;
}

void vios_lane_join(struct vios_lane *lane)
{
	if (lane->is_started)
		(void)pthread_join(lane->thread, NULL);
	lane->is_started = false;
}
