/* session - see session.h. */
#include "vios/session.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/vasi/window.h"
#include "vios/control.h"
#include "vios/devices.h"
#include "vios/inject.h"
#include "vios/lane.h"
#include "vios/link.h"
#include "vios/orders.h"

/* Fast at first: a hypervisor that starts with us listens within milliseconds. */
#define RETRY_FIRST_MS 20
#define RETRY_MAX_MS 1000

enum state { LINKING, CONNECTING, GREETING, SERVING, ENDED };

struct vios_session {
	struct vios_session_config config;
	struct hv_loop *loop;
	enum state state;
	int fd;
	unsigned retry_ms;
	char busy[256]; /* why it was refused last: said once */
	struct hv_timer retry;
	struct hv_timer beat;
	struct hv_watch socket;
	struct hv_window window;
	struct vios_devices *devices;
	struct vios_control control;
	struct vios_inject inject;
	struct vios_link link;
	struct vios_lane *lanes[HV_LANES_MAX];
	unsigned lane_count;
	struct hv_job broken; /* a lane's news */
	_Atomic bool is_broken;
	struct hv_err why_broken;
	enum hv_code outcome;
	struct hv_err why;
};

static void end(struct vios_session *session, enum hv_code code, const struct hv_err *why)
{
	if (session->state == ENDED)
		return;
	session->state = ENDED;
	session->outcome = code;
	if (why != NULL)
		session->why = *why;
	hv_loop_stop(session->loop);
}

static void hang_up(struct vios_session *session)
{
	hv_watch_stop(&session->socket);
	if (session->fd >= 0)
		(void)close(session->fd);
	session->fd = -1;
}

static void try_later(struct vios_session *session)
{
	struct hv_err err;

	hang_up(session);
	session->state = CONNECTING;
	if (hv_timer_start(session->loop, &session->retry, session->retry_ms, 0, &err) !=
	    HV_OK)
		end(session, HV_E_NOMEM, &err);
	session->retry_ms = session->retry_ms * 2 < RETRY_MAX_MS ? session->retry_ms * 2
								 : RETRY_MAX_MS;
}

static enum hv_code greet(struct vios_session *session, struct hv_err *err)
{
	struct hv_session_hello hello = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_HELLO, sizeof(hello),
				      0),
	};

	(void)snprintf(hello.name, sizeof(hello.name), "%s", session->config.name);
	return hv_local_send(session->fd, &hello, sizeof(hello), NULL, 0, err);
}

static void on_socket(struct hv_watch *watch, unsigned events);

static void connect_now(struct vios_session *session)
{
	struct hv_err err;
	enum hv_code code;

	code = hv_local_connect(session->config.socket_path, &session->fd, &err);
	if (code != HV_OK) {
		session->fd = -1;
		log_debug("vios.nobody_listens", "why=\"%s\" retry_ms=%u", err.text,
			  session->retry_ms);
		try_later(session);
		return;
	}
	session->state = GREETING;
	code = hv_local_set_nonblocking(session->fd, &err);
	if (code == HV_OK)
		code = greet(session, &err);
	if (code == HV_OK)
		code = hv_watch_start(session->loop, &session->socket, session->fd,
				      HV_WATCH_READ, &err);
	if (code != HV_OK) {
		log_warn("vios.greeting_failed", "why=\"%s\"", err.text);
		try_later(session);
	}
}

static bool is_remote(const struct vios_session *session)
{
	return session->config.remote_url != NULL;
}

static void on_link_up(void *arg)
{
	connect_now(arg);
}

static void on_link_lost(void *arg, const struct hv_err *err)
{
	struct vios_session *session = arg;

	end(session, err->code, err);
}

static enum hv_code open_link(struct vios_session *session, struct hv_err *err)
{
	struct vios_link_config config = {
		.url = session->config.remote_url,
		.name = session->config.name,
		.patience_ms = session->config.patience_ms,
		.on_up = on_link_up,
		.on_lost = on_link_lost,
		.arg = session,
	};

	memcpy(config.host, session->config.host, sizeof(config.host));
	return vios_link_open(&session->link, session->loop, &config, err);
}

/* The rest of a cut that was ordered of an incarnation before this one. */
static enum hv_code go_on_cut(struct vios_session *session, struct hv_err *err)
{
	const struct hv_injection cut = {
		.kind = HV_INJECTION_CUT,
		.op = HV_INJECTION_BOTH,
		.rate_ppm = HV_INJECTION_ALL,
		.time_ms = session->config.cut_ms,
		.direction = session->config.cut_direction,
	};
	struct vios_injection started;

	if (cut.time_ms == 0)
		return HV_OK;
	vios_link_cut(&session->link.state, cut.direction, cut.time_ms);
	return vios_inject_add(&session->inject, &cut, 0, &started, err);
}

static void on_retry(struct hv_timer *timer)
{
	connect_now(HV_CONTAINER(timer, struct vios_session, retry));
}

static void count_cut(struct vios_session *session)
{
	uint64_t hits = atomic_exchange(&session->link.state.cut_hits, 0);

	if (hits > 0)
		vios_inject_count(&session->inject, HV_INJECTION_CUT, hits);
}

static void on_beat(struct hv_timer *timer)
{
	struct vios_session *session = HV_CONTAINER(timer, struct vios_session, beat);

	atomic_fetch_add_explicit(&hv_window_top(&session->window)->heartbeat, 1,
				  memory_order_relaxed);
	vios_devices_flush(session->devices);
	count_cut(session);
	vios_inject_look(&session->inject);
}

static void on_broken_job(struct hv_job *job)
{
	struct vios_session *session = HV_CONTAINER(job, struct vios_session, broken);

	end(session, session->why_broken.code, &session->why_broken);
}

static void on_lane_broken(void *arg, const struct hv_err *err) /* a lane */
{
	struct vios_session *session = arg;

	if (atomic_exchange(&session->is_broken, true))
		return; /* one is enough */
	session->why_broken = *err;
	hv_loop_post(session->loop, &session->broken);
}

static enum hv_code send_packet(void *arg, const void *packet, size_t bytes)
{
	struct vios_session *session = arg;
	struct hv_err err;
	enum hv_code code;

	if (session->state == ENDED)
		return HV_E_GONE;
	code = hv_local_send(session->fd, packet, bytes, NULL, 0, &err);
	if (code != HV_OK && code != HV_E_AGAIN)
		end(session, HV_OK, &err); /* hung up */
	return code;
}

static enum hv_code start_lanes(struct vios_session *session,
				const struct hv_session_welcome *welcome,
				struct hv_err *err)
{
	for (unsigned i = 0; i < welcome->lanes; i++) {
		struct vios_lane_config config = {
			.window = &session->window,
			.lane = i,
			.epoch = welcome->epoch,
			.heartbeat_ms = welcome->heartbeat_ms,
			.cpu = welcome->lane_cpu[i],
			.spin_us = session->config.spin_us,
			.table = vios_devices_table(session->devices),
			.inject = session->config.allow_drills ? &session->inject : NULL,
			.remote_url = session->config.remote_url,
			.patience_ms = session->config.patience_ms,
			.link = &session->link.state,
			.on_broken = on_lane_broken,
			.arg = session,
		};
		enum hv_code code = vios_lane_open(&config, &session->lanes[i], err);

		if (code != HV_OK)
			return code;
		session->lane_count = i + 1;
		code = vios_lane_start(session->lanes[i], err);
		if (code != HV_OK) {
			(void)hv_wrap(err, "lane %u", i);
			return code;
		}
	}
	return HV_OK;
}

static enum hv_code begin_serving(struct vios_session *session,
				  const struct hv_session_welcome *welcome,
				  struct hv_err *err)
{
	uint64_t half = welcome->heartbeat_ms / 2;
	enum hv_code code;

	vios_devices_set_lanes(session->devices, welcome->lanes);
	vios_inject_show(&session->inject, hv_window_top(&session->window));
	code = hv_timer_start(session->loop, &session->beat, 0, half > 0 ? half : 1, err);
	if (code == HV_OK)
		code = start_lanes(session, welcome, err);
	if (code != HV_OK)
		return code;
	session->state = SERVING;
	log_info("vios.session_opened", "epoch=%llu lanes=%u heartbeat_ms=%u",
		 (unsigned long long)welcome->epoch, welcome->lanes,
		 welcome->heartbeat_ms);
	return HV_OK;
}

static enum hv_code on_welcome(struct vios_session *session,
			       struct hv_local_packet *packet, struct hv_err *err)
{
	const struct hv_session_welcome *welcome = (const void *)packet->bytes;
	enum hv_code code = hv_window_adopt(welcome, packet->fds, packet->fd_count,
					    &session->window, err);

	packet->fd_count = 0; /* the window's, or closed */
	if (code == HV_OK)
		code = begin_serving(session, welcome, err);
	return code;
}

static enum hv_code on_refused(struct vios_session *session,
			       const struct hv_session_refused *refused,
			       struct hv_err *err)
{
	enum hv_code code = (enum hv_code)refused->code;

	if (code == HV_E_BUSY || code == HV_E_AGAIN) { /* an older one is not gone yet */
		if (strcmp(session->busy, refused->text) != 0)
			log_info("vios.session_busy", "why=\"%s\"", refused->text);
		(void)snprintf(session->busy, sizeof(session->busy), "%s", refused->text);
		try_later(session);
		return HV_OK;
	}
	return hv_fail(err, code, "the hypervisor refuses: %s", refused->text);
}

static enum hv_code on_packet(struct vios_session *session,
			      struct hv_local_packet *packet, struct hv_err *err)
{
	const struct hv_local_head *head = (const void *)packet->bytes;
	bool is_greeting = session->state == GREETING;
	enum hv_code code = hv_session_check(packet->bytes, packet->count, err);

	if (code != HV_OK)
		return code;
	if (is_greeting && head->type == HV_SESSION_WELCOME)
		return on_welcome(session, packet, err);
	if (packet->fd_count > 0)
		return hv_fail(err, HV_E_CORRUPT, "packet of type %u with descriptors",
			       head->type);
	if (is_greeting && head->type == HV_SESSION_REFUSED)
		return on_refused(session, (const void *)packet->bytes, err);
	if (!is_greeting && head->type == HV_SESSION_DEVICE_OPEN)
		vios_devices_on_open(session->devices, (const void *)packet->bytes);
	else if (!is_greeting && head->type == HV_SESSION_DEVICE_CLOSE)
		vios_devices_on_close(session->devices, (const void *)packet->bytes);
	else
		return hv_fail(err, HV_E_CORRUPT, "packet of type %u is not for now",
			       head->type);
	return HV_OK;
}

/* GONE while greeting: a hypervisor that ends, or is not ready; while serving: over. */
static void on_receive_failed(struct vios_session *session, enum hv_code code,
			      const struct hv_err *err)
{
	if (code == HV_E_GONE && session->state == GREETING)
		try_later(session);
	else
		end(session, code == HV_E_GONE ? HV_OK : code, err);
}

static void on_socket(struct hv_watch *watch, unsigned events)
{
	struct vios_session *session = HV_CONTAINER(watch, struct vios_session, socket);
	struct hv_local_packet packet;
	struct hv_err err;
	enum hv_code code;

	(void)events; /* reading tells what happened */
	code = hv_local_receive_packet(session->fd, &packet, &err);
	if (code == HV_E_AGAIN)
		return;
	if (code != HV_OK) {
		on_receive_failed(session, code, &err);
		return;
	}
	code = on_packet(session, &packet, &err);
	hv_local_close_fds(packet.fds, packet.fd_count);
	if (code != HV_OK)
		end(session, code, &err);
}

static bool has_device(void *arg, const uint8_t id[HV_PGDEV_ID_BYTES])
{
	return vios_devices_has(((struct vios_session *)arg)->devices, id);
}

static enum hv_code on_order(void *arg, const struct hv_inject_order *order,
			     struct hv_inject_answer *answer, struct hv_err *err)
{
	struct vios_session *session = arg;
	const struct vios_orders orders = {
		.name = session->config.name,
		.allow_drills = session->config.allow_drills,
		.serves = session->state == SERVING,
		.inject = &session->inject,
		.link = is_remote(session) ? &session->link.state : NULL,
		.has = has_device,
		.arg = session,
	};

	return vios_orders_carry_out(&orders, order, answer, err);
}

static void on_terminate(void *arg, int signal)
{
	struct vios_session *session = arg;

	log_info("vios.terminated", "signal=%d", signal);
	end(session, HV_OK, NULL);
}

static enum hv_code set_up(struct vios_session *session, struct hv_err *err)
{
	struct vios_devices_config config = {
		.loop = session->loop,
		.opener = is_remote(session) ? vios_link_opener(&session->link)
					     : &vios_opener_local,
		.send = send_packet,
		.arg = session,
	};
	struct vios_control_config control = {
		.path = session->config.control_path,
		.on_order = on_order,
		.arg = session,
	};
	enum hv_code code = hv_loop_on_terminate(session->loop, on_terminate, session,
						 err);

	if (code == HV_OK && is_remote(session))
		code = open_link(session, err);
	if (code == HV_OK && is_remote(session))
		code = go_on_cut(session, err);
	if (code == HV_OK)
		code = vios_devices_new(&config, &session->devices, err);
	if (code == HV_OK)
		code = vios_control_start(&session->control, session->loop, &control,
					  err);
	return code;
}

static void init(struct vios_session *session, const struct vios_session_config *config)
{
	session->config = *config;
	session->state = is_remote(session) ? LINKING : CONNECTING;
	session->fd = -1;
	session->retry_ms = RETRY_FIRST_MS;
	session->retry.run = on_retry;
	session->beat.run = on_beat;
	session->socket.run = on_socket;
	session->broken.run = on_broken_job;
	atomic_init(&session->is_broken, false);
	hv_window_init(&session->window);
	vios_control_init(&session->control);
	vios_inject_init(&session->inject, &vios_inject_env_real);
}

enum hv_code vios_session_open(const struct vios_session_config *config,
			       struct vios_session **ret_session, struct hv_err *err)
{
	struct vios_session *session = calloc(1, sizeof(*session));
	enum hv_code code;

	if (session == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a session");
	init(session, config);
	code = hv_loop_open(&session->loop, err);
	if (code == HV_OK)
		code = set_up(session, err);
	if (code != HV_OK) {
		vios_session_close(session);
		return code;
	}
	*ret_session = session;
	return HV_OK;
}

enum hv_code vios_session_run(struct vios_session *session, struct hv_err *err)
{
	if (!is_remote(session))
		connect_now(session);
	if (session->state != ENDED)
		hv_loop_run(session->loop);
	HV_INVARIANT(session->state == ENDED);
	if (session->outcome == HV_OK && session->why.text[0] != '\0')
		log_info("vios.session_ended", "why=\"%s\"", session->why.text);
	if (session->outcome != HV_OK && err != NULL)
		*err = session->why;
	return session->outcome;
}

static void stop_lanes(struct vios_session *session)
{
	for (unsigned i = 0; i < session->lane_count; i++)
		vios_lane_stop(session->lanes[i]);
	(void)vios_inject_clear(&session->inject, "the session is over");
	for (unsigned i = 0; i < session->lane_count; i++) {
		vios_lane_join(session->lanes[i]);
		vios_lane_close(session->lanes[i]);
	}
}

void vios_session_close(struct vios_session *session)
{
	if (session == NULL)
		return;
	session->state = ENDED;
	hv_timer_stop(&session->retry);
	hv_timer_stop(&session->beat);
	hang_up(session);
	vios_control_stop(&session->control);
	stop_lanes(session);
	vios_link_close(&session->link); /* after the lanes: they wait for answers */
	vios_devices_stop(session->devices);
	hv_loop_close(session->loop); /* runs what lanes and workers have posted */
	vios_devices_free(session->devices);
	hv_window_close(&session->window);
	free(session);
}
