/*
 * greet - connections until their HELLO: from partitions on attach.sock, from VIOS
 * on vasi.sock. Whoever sends anything else, or nothing for a while, is hung up on.
 * How many wait is bounded, so that nobody can fill our table of descriptors.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"

#define HELLO_MS 10000 /* arbitrary: the agent connects before the partition starts */

static void hang_up(struct greeting *greeting)
{
	hv_watch_stop(&greeting->watch);
	if (greeting->fd >= 0)
		(void)close(greeting->fd);
	greeting->fd = -1;
}

static void on_packet(struct hv_watch *watch, unsigned events)
{
	struct greeting *greeting = HV_CONTAINER(watch, struct greeting, watch);
	struct hv_local_packet packet;
	struct hv_err err = { 0 };
	enum hv_code code;
	int fd;

	(void)events;
	code = hv_local_receive_packet(greeting->fd, &packet, &err);
	if (code == HV_E_AGAIN)
		return;
	if (code == HV_OK)
		code = greeting->is_vios
			       ? hv_session_check(packet.bytes, packet.count, &err)
			       : hv_attach_check(packet.bytes, packet.count, &err);
	if (code != HV_OK) {
		if (code != HV_E_GONE)
			log_warn("hypervisor.bad_hello", "who=%s error=\"%s\"",
				 greeting->is_vios ? "vios" : "partition", err.text);
		hv_local_close_fds(packet.fds, packet.fd_count);
		hang_up(greeting);
		return;
	}
	hv_watch_stop(&greeting->watch);
	fd = greeting->fd;
	greeting->fd = -1;
	if (greeting->is_vios)
		session_hello(greeting->hv, fd, &packet);
	else
		attach_hello(greeting->hv, fd, &packet);
}

static void greet(struct hypervisor *hv, int fd, bool is_vios)
{
	struct hv_err err;

	for (unsigned i = 0; i < GREETINGS_MAX; i++) {
		struct greeting *greeting = &hv->greetings[i];

		if (greeting->fd >= 0)
			continue;
		*greeting = (struct greeting){
			.hv = hv,
			.fd = fd,
			.watch = { .run = on_packet },
			.deadline_ms = hv_clock_ms() + HELLO_MS,
			.is_vios = is_vios,
		};
		if (hv_watch_start(hv->loop, &greeting->watch, fd,
				   HV_WATCH_READ | HV_WATCH_HANGUP, &err) != HV_OK) {
			log_warn("hypervisor.no_watch", "error=\"%s\"", err.text);
			hang_up(greeting);
		}
		return;
	}
	log_warn("hypervisor.too_many_greetings", "max=%u", GREETINGS_MAX);
	(void)close(fd);
}

static void accept_all(struct hypervisor *hv, int listener, bool is_vios)
{
	struct hv_err err;
	enum hv_code code;
	int fd = -1;

	while ((code = hv_local_accept(listener, &fd, &err)) == HV_OK)
		greet(hv, fd, is_vios);
	if (code != HV_E_AGAIN)
		log_warn("hypervisor.accept", "error=\"%s\"", err.text);
}

static void on_attach(struct hv_watch *watch, unsigned events)
{
	struct hypervisor *hv = HV_CONTAINER(watch, struct hypervisor, attach_watch);

	(void)events;
	accept_all(hv, hv->attach_listener, false);
}

static void on_vasi(struct hv_watch *watch, unsigned events)
{
	struct hypervisor *hv = HV_CONTAINER(watch, struct hypervisor, vasi_watch);

	(void)events;
	accept_all(hv, hv->vasi_listener, true);
}

static enum hv_code listen_on(struct hypervisor *hv, const char *name, int *ret_fd,
			      struct hv_watch *watch, struct hv_err *err)
{
	char path[HV_LOCAL_PATH_BYTES + 32];
	enum hv_code code;

	(void)snprintf(path, sizeof(path), "%s/run/%s", hv->state_dir, name);
	if (strlen(path) >= HV_LOCAL_PATH_BYTES)
		return hv_fail(err, HV_E_LIMIT, "socket path '%s' is too long", path);
	code = hv_local_listen(path, ret_fd, err);
	if (code != HV_OK)
		return code;
	return hv_watch_start(hv->loop, watch, *ret_fd, HV_WATCH_READ, err);
}

enum hv_code greet_open(struct hypervisor *hv, struct hv_err *err)
{
	enum hv_code code;

	for (unsigned i = 0; i < GREETINGS_MAX; i++)
		hv->greetings[i].fd = -1;
	hv->attach_watch = (struct hv_watch){ .run = on_attach };
	hv->vasi_watch = (struct hv_watch){ .run = on_vasi };
	code = listen_on(hv, "attach.sock", &hv->attach_listener, &hv->attach_watch, err);
	if (code != HV_OK)
		return code;
	return listen_on(hv, "vasi.sock", &hv->vasi_listener, &hv->vasi_watch, err);
}

static void close_listener(struct hypervisor *hv, const char *name, int *fd,
			   struct hv_watch *watch)
{
	char path[HV_LOCAL_PATH_BYTES + 32];

	hv_watch_stop(watch);
	if (*fd < 0)
		return;
	(void)close(*fd);
	*fd = -1;
	(void)snprintf(path, sizeof(path), "%s/run/%s", hv->state_dir, name);
	(void)unlink(path);
}

void greet_close(struct hypervisor *hv)
{
	close_listener(hv, "attach.sock", &hv->attach_listener, &hv->attach_watch);
	close_listener(hv, "vasi.sock", &hv->vasi_listener, &hv->vasi_watch);
	for (unsigned i = 0; i < GREETINGS_MAX; i++)
		if (hv->greetings[i].fd >= 0)
			hang_up(&hv->greetings[i]);
}

void greet_poll(struct hypervisor *hv)
{
	uint64_t now_ms = hv_clock_ms();

	for (unsigned i = 0; i < GREETINGS_MAX; i++)
		if (hv->greetings[i].fd >= 0 && now_ms >= hv->greetings[i].deadline_ms)
			hang_up(&hv->greetings[i]);
}
