/*
 * session - the socket of a VIOS incarnation: HELLO, WELCOME with its window, then
 * devices opened and closed. What its death means is director.c's.
 *
 *   NONE --HELLO--> OPEN --planned--> LEAVING --last answer--> ENDED --exit--> NONE
 *                    `--exit, hang, nonsense-----------------> ENDED
 */
#include "hvcore/hypervisor/director.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

void session_close(struct vios *vios)
{
	hv_watch_stop(&vios->watch);
	if (vios->fd >= 0)
		(void)close(vios->fd);
	vios->fd = -1;
}

enum hv_code session_send(struct vios *vios, const void *packet, size_t bytes,
			  struct hv_err *err)
{
	/* AGAIN would mean that it has not read a socket buffer full of packets */
	return hv_local_send(vios->fd, packet, bytes, NULL, 0, err);
}

static void on_answer(struct vios *vios, const struct hv_local_packet *packet)
{
	const struct hv_local_head *head = (const void *)packet->bytes;

	switch (head->type) {
	case HV_SESSION_DEVICE_OPENED:
		device_opened(vios->hv, vios, (const void *)packet->bytes);
		return;
	case HV_SESSION_DEVICE_CLOSED: {
		const struct hv_session_device_close *closed =
			(const void *)packet->bytes;

		device_closed(vios->hv, vios, closed->handle);
		return;
	}
	default:
		director_fail(vios, "error", "sent a packet that is the hypervisor's");
		return;
	}
}

static void on_packet(struct hv_watch *watch, unsigned events)
{
	struct vios *vios = HV_CONTAINER(watch, struct vios, watch);
	struct hv_local_packet packet;
	struct hv_err err = { 0 };
	enum hv_code code;

	(void)events;
	code = hv_local_receive_packet(vios->fd, &packet, &err);
	if (code == HV_E_AGAIN)
		return;
	if (code == HV_E_GONE) {
		director_fail(vios, "exit", "hung up");
		return;
	}
	if (code == HV_OK && packet.fd_count != 0) {
		hv_local_close_fds(packet.fds, packet.fd_count);
		code = hv_fail(&err, HV_E_CORRUPT, "descriptors nobody asked for");
	}
	if (code == HV_OK)
		code = hv_session_check(packet.bytes, packet.count, &err);
	if (code != HV_OK) {
		director_fail(vios, "error", err.text);
		return;
	}
	on_answer(vios, &packet);
}

static void on_exit_seen(struct hv_watch *watch, unsigned events)
{
	struct vios *vios = HV_CONTAINER(watch, struct vios, pidfd_watch);

	(void)events;
	hv_watch_stop(&vios->pidfd_watch);
	director_exited(vios);
}

static void refuse(int fd, uint32_t tag, enum hv_code code, const char *text)
{
	struct hv_session_refused packet = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_REFUSED,
				      sizeof(packet), tag),
		.code = code,
	};

	(void)snprintf(packet.text, sizeof(packet.text), "%s", text);
	if (hv_local_send(fd, &packet, sizeof(packet), NULL, 0, NULL) != HV_OK)
		log_debug("hypervisor.refuse", "error=gone");
	(void)close(fd);
}

static void visit_open(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct vios *vios = HV_CONTAINER(round, struct vios, open);

	fault_lane_open(thread, vios->path, &vios->window, vios->epoch);
}

static void on_lanes_open(struct fault_round *round)
{
	(void)round; /* what follows was posted behind it */
}

static enum hv_code send_welcome(struct vios *vios, uint32_t tag, struct hv_err *err)
{
	struct hypervisor *hv = vios->hv;
	struct hv_session_welcome welcome = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_WELCOME,
				      sizeof(welcome), tag),
		.epoch = vios->epoch,
		.window_bytes = vios->window.bytes,
		.lanes = vios->window.lanes,
		.heartbeat_ms = hv->tick_ms,
	};
	int fds[HV_LOCAL_FDS];
	unsigned count = hv_window_fds(&vios->window, fds);

	for (unsigned i = 0; i < hv->team->count; i++)
		welcome.lane_cpu[i] = (uint16_t)(hv->team->threads[i]->cpu + 1);
	return hv_local_send(vios->fd, &welcome, sizeof(welcome), fds, count, err);
}

/* Everything that can fail, before anything is told to anybody. */
static enum hv_code prepare(struct vios *vios, uint32_t tag, struct hv_err *err)
{
	struct hypervisor *hv = vios->hv;
	enum hv_code code;

	code = hv_window_create(hv->team->count, &vios->window, err);
	if (code != HV_OK)
		return code;
	code = hv_watch_start(hv->loop, &vios->watch, vios->fd,
			      HV_WATCH_READ | HV_WATCH_HANGUP, err);
	if (code != HV_OK)
		goto close_window;
	code = hv_watch_start(hv->loop, &vios->pidfd_watch, vios->pidfd, HV_WATCH_READ,
			      err);
	if (code != HV_OK)
		goto stop_watch;
	code = send_welcome(vios, tag, err);
	if (code != HV_OK)
		goto stop_pidfd_watch;
	return HV_OK;

stop_pidfd_watch:
	hv_watch_stop(&vios->pidfd_watch);
stop_watch:
	hv_watch_stop(&vios->watch);
close_window:
	hv_window_close(&vios->window);
	return code;
}

/* Why a VIOS of this name may not have a session; BUSY: it comes again by itself. */
static enum hv_code check_hello(const struct vios *vios, struct hv_err *err)
{
	if (vios == NULL || !vios->is_expected)
		return hv_fail(err, HV_E_REFUSED, "the agent does not expect this VIOS");
	if (vios->is_maintained)
		return hv_fail(err, HV_E_REFUSED, "the VIOS is in maintenance");
	if (vios->state != SESSION_NONE)
		return hv_fail(err, HV_E_BUSY,
			       "it has a session, or its last incarnation is not gone "
			       "yet");
	if (fault_round_is_out(&vios->open))
		return hv_fail(err, HV_E_BUSY,
			       "the fault threads are still busy with its last session");
	return HV_OK;
}

static void open_session(struct vios *vios, int fd, const struct hv_peer *peer,
			 uint32_t tag)
{
	struct hypervisor *hv = vios->hv;
	struct hv_err err = { 0 };

	vios->fd = fd;
	vios->pid = peer->pid;
	vios->pidfd = peer->pidfd;
	vios->epoch = ++hv->director.next_epoch;
	vios->watch = (struct hv_watch){ .run = on_packet };
	vios->pidfd_watch = (struct hv_watch){ .run = on_exit_seen };
	vios->has_exited = false;
	vios->opened_ns = vios->last_life_ns = hv_clock_ns();
	memset(vios->beats, 0, sizeof(vios->beats));
	memset(vios->silence_ms, 0, sizeof(vios->silence_ms));
	memset(vios->has_beaten, 0, sizeof(vios->has_beaten));
	for (unsigned i = 0; i < HV_COUNT(vios->beat_ns); i++)
		vios->beat_ns[i] = vios->opened_ns;
	if (prepare(vios, tag, &err) != HV_OK) {
		vios->fd = -1;
		(void)close(vios->pidfd);
		vios->pidfd = -1;
		refuse(fd, tag, err.code, err.text);
		log_warn("hypervisor.session", "vios=%s error=\"%s\"", vios->name,
			 err.text);
		return;
	}
	vios->state = SESSION_OPEN;
	vios->is_window_in_use = true;
	vios->reason[0] = '\0';
	vios->open = (struct fault_round){ .visit = visit_open, .done = on_lanes_open };
	fault_round_start(hv->team, &vios->open);
	log_info("hypervisor.session", "vios=%s pid=%d epoch=%llu", vios->name, vios->pid,
		 (unsigned long long)vios->epoch);
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->device.is_used && vios->state == SESSION_OPEN)
			device_ask_open(p, vios->path);
	pair_choose(hv);
}

void session_hello(struct hypervisor *hv, int fd, const struct hv_local_packet *packet)
{
	const struct hv_session_hello *hello = (const void *)packet->bytes;
	struct vios *vios;
	struct hv_peer peer;
	struct hv_err err;

	hv_local_close_fds(packet->fds, packet->fd_count);
	if (hello->head.type != HV_SESSION_HELLO) {
		refuse(fd, hello->head.tag, HV_E_STATE, "HELLO comes first");
		return;
	}
	vios = director_find(hv, hello->name);
	if (check_hello(vios, &err) != HV_OK) {
		refuse(fd, hello->head.tag, err.code, err.text);
		return;
	}
	if (hv_local_peer(fd, &peer, &err) != HV_OK) {
		refuse(fd, hello->head.tag, err.code, err.text);
		return;
	}
	open_session(vios, fd, &peer, hello->head.tag);
}
