/* link - see link.h. */
#include "vios/link.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define HELLO_MS 1000 /* one attempt; a hello that waits for a fence is asked again */
#define RETRY_FIRST_MS 20
#define RETRY_MAX_MS 1000
#define PINGS 5 /* in the time of our patience; arbitrary */
#define PING_MAX_MS (HV_REMOTE_SILENCE_MS / 10) /* theirs */
#define OPEN_MS 10000 /* a device there that opens for longer ends the link */
#define NS_PER_MS UINT64_C(1000000)

void vios_link_heard(struct vios_link_state *state)
{
	atomic_store_explicit(&state->heard_ns, hv_clock_ns(), memory_order_relaxed);
}

bool vios_link_is_silent(const struct vios_link_state *state, unsigned ms)
{
	uint64_t heard = atomic_load_explicit(&state->heard_ns, memory_order_relaxed);
	uint64_t now = hv_clock_ns();

	return now > heard && now - heard > ms * NS_PER_MS;
}

void vios_link_cut(struct vios_link_state *state, uint32_t direction, uint32_t ms)
{
	uint64_t until = ms != 0 ? hv_clock_ns() + ms * NS_PER_MS : 0;

	if (ms == 0 || (direction & HV_INJECTION_THERE) != 0)
		atomic_store(&state->cut_there_ns, until);
	if (ms == 0 || (direction & HV_INJECTION_BACK) != 0)
		atomic_store(&state->cut_back_ns, until);
}

bool vios_link_passes(struct vios_link_state *state, uint32_t direction)
{
	uint64_t until = atomic_load_explicit(direction == HV_INJECTION_THERE
						      ? &state->cut_there_ns
						      : &state->cut_back_ns,
					      memory_order_relaxed);

	if (until == 0 || hv_clock_ns() >= until) /* 0: no clock is read */
		return true;
	atomic_fetch_add_explicit(&state->cut_hits, 1, memory_order_relaxed);
	return false;
}

bool vios_link_end(struct vios_link_state *state, const struct hv_err *why)
{
	if (atomic_exchange(&state->is_over, true))
		return false;
	log_warn("vios.link_lost", "why=\"%s\"", why->text);
	return true;
}

/* Where a lane was first, its end is the session's. */
static void lose(struct vios_link *link, const struct hv_err *why)
{
	hv_timer_pause(&link->timer);
	if (vios_link_end(&link->state, why))
		link->config.on_lost(link->config.arg, why);
}

static void on_lost_job(struct hv_job *job)
{
	struct vios_link *link = HV_CONTAINER(job, struct vios_link, lost);

	lose(link, &link->why);
}

/* A worker's: the first one that fails says why. */
static void fail(struct vios_link *link, const struct hv_err *why)
{
	if (atomic_exchange(&link->is_failed, true))
		return;
	link->why = *why;
	hv_loop_post(link->loop, &link->lost);
}

/* What was said, or why nothing was: code is the call's. */
static enum hv_code take_reply(enum hv_code code, const uint8_t *bytes, size_t count,
			       Tarn__RemoteReply **ret, struct hv_err *err)
{
	if (code == HV_E_TIMEOUT)
		return hv_fail(err, code, "no answer");
	if (code != HV_OK)
		return hv_fail(err, code, "the connection has ended");
	return hv_remote_reply_decode(bytes, count, ret, err);
}

static enum hv_code code_of(const Tarn__RemoteReply *reply, struct hv_err *err)
{
	if (reply->code == HV_OK)
		return HV_OK;
	return hv_fail(err, (enum hv_code)reply->code, "%s",
		       reply->text != NULL ? reply->text
					   : hv_code_name((enum hv_code)reply->code));
}

static enum hv_code start_call(struct vios_link *link, struct hv_call *call,
			       Tarn__RemoteRequest *request, uint64_t deadline_ms,
			       struct hv_err *err)
{
	uint8_t *bytes;
	size_t count;
	enum hv_code code;

	request->version = HV_REMOTE_VERSION;
	code = hv_message_encode(&request->base, &bytes, &count, err);
	if (code != HV_OK)
		return code;
	code = hv_call_start(link->client, call, bytes, count, deadline_ms, err);
	free(bytes);
	return code;
}

/* ---- pings ---- */

static void on_pinged(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		      size_t count)
{
	struct vios_link *link = HV_CONTAINER(call, struct vios_link, ping);
	Tarn__RemoteReply *reply;
	struct hv_err err;

	if (atomic_load(&link->state.is_over))
		return;
	if (!vios_link_passes(&link->state, HV_INJECTION_BACK))
		code = HV_E_TIMEOUT;
	code = take_reply(code, bytes, count, &reply, &err);
	if (code == HV_OK) {
		code = code_of(reply, &err);
		tarn__remote_reply__free_unpacked(reply, NULL);
	}
	if (code == HV_OK)
		vios_link_heard(&link->state);
	else if (code != HV_E_TIMEOUT ||
		 vios_link_is_silent(&link->state, link->config.patience_ms))
		lose(link, &err);
}

/* A drill's: as if the ping were on its way. */
static void miss_ping(struct vios_link *link)
{
	struct hv_err err;

	(void)hv_fail(&err, HV_E_TIMEOUT, "no answer");
	if (vios_link_is_silent(&link->state, link->config.patience_ms))
		lose(link, &err);
}

static void ping(struct vios_link *link)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemotePing body = TARN__REMOTE_PING__INIT;
	struct hv_err err;

	if (link->ping.impl != NULL)
		return; /* the last one is out */
	if (!vios_link_passes(&link->state, HV_INJECTION_THERE)) {
		miss_ping(link);
		return;
	}
	request.has_session = 1;
	request.session = atomic_load(&link->state.session);
	request.kind_case = TARN__REMOTE_REQUEST__KIND_PING;
	request.ping = &body;
	if (start_call(link, &link->ping, &request, link->config.patience_ms, &err) !=
	    HV_OK)
		lose(link, &err);
}

/* ---- hello ---- */

static void hello(struct vios_link *link);

static void on_timer(struct hv_timer *timer)
{
	struct vios_link *link = HV_CONTAINER(timer, struct vios_link, timer);

	if (atomic_load(&link->state.session) != 0)
		ping(link);
	else
		hello(link);
}

static void try_later(struct vios_link *link, const struct hv_err *why)
{
	if (!link->is_waiting_told)
		log_info("vios.link_waits", "url=%s why=\"%s\"", link->config.url,
			 why->text);
	link->is_waiting_told = true;
	/* Made at open, so starting it cannot fail. */
	(void)!hv_timer_start(link->loop, &link->timer, link->retry_ms, 0, NULL);
	link->retry_ms = link->retry_ms * 2 < RETRY_MAX_MS ? link->retry_ms * 2
							   : RETRY_MAX_MS;
}

static void greeted(struct vios_link *link, uint64_t session)
{
	unsigned every = link->config.patience_ms / PINGS;

	if (every > PING_MAX_MS)
		every = PING_MAX_MS;
	every = every > 0 ? every : 1;
	vios_link_heard(&link->state);
	atomic_store(&link->state.session, session);
	(void)!hv_timer_start(link->loop, &link->timer, every, every, NULL);
	log_info("vios.link_up", "url=%s session=%llx", link->config.url,
		 (unsigned long long)session);
	link->config.on_up(link->config.arg);
}

static bool is_for_now(enum hv_code code)
{
	return code == HV_E_TIMEOUT || code == HV_E_GONE || code == HV_E_AGAIN ||
	       code == HV_E_NOMEM;
}

static void on_hello(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		     size_t count)
{
	struct vios_link *link = HV_CONTAINER(call, struct vios_link, hello);
	Tarn__RemoteReply *reply;
	uint64_t session = 0;
	struct hv_err err;

	if (atomic_load(&link->state.is_over))
		return;
	if (!vios_link_passes(&link->state, HV_INJECTION_BACK))
		code = HV_E_TIMEOUT;
	code = take_reply(code, bytes, count, &reply, &err);
	if (code == HV_OK) {
		code = code_of(reply, &err);
		session = reply->session;
		tarn__remote_reply__free_unpacked(reply, NULL);
	}
	if (code == HV_OK && session == 0)
		code = hv_fail(&err, HV_E_CORRUPT, "a greeting of no session");
	if (code == HV_OK)
		greeted(link, session);
	else if (is_for_now(code))
		try_later(link, &err);
	else
		lose(link, &err);
}

static void hello(struct vios_link *link)
{
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteHello body = TARN__REMOTE_HELLO__INIT;
	struct hv_err err;

	body.host_id = (ProtobufCBinaryData){ sizeof(link->config.host),
					      link->config.host };
	body.vios = (char *)(uintptr_t)link->config.name;
	body.incarnation = (ProtobufCBinaryData){ sizeof(link->incarnation),
						  link->incarnation };
	request.kind_case = TARN__REMOTE_REQUEST__KIND_HELLO;
	request.hello = &body;
	if (!vios_link_passes(&link->state, HV_INJECTION_THERE))
		(void)hv_fail(&err, HV_E_TIMEOUT, "no answer");
	else if (start_call(link, &link->hello, &request, HELLO_MS, &err) == HV_OK)
		return;
	try_later(link, &err);
}

/* ---- devices: in workers ---- */

static enum hv_code ask(struct vios_link *link, Tarn__RemoteRequest *request,
			Tarn__RemoteReply **ret, struct hv_err *err) /* W */
{
	uint8_t *bytes, *answer;
	size_t count, answer_count;
	enum hv_code code;

	request->version = HV_REMOTE_VERSION;
	request->has_session = 1;
	request->session = atomic_load(&link->state.session);
	code = hv_message_encode(&request->base, &bytes, &count, err);
	if (code != HV_OK)
		return code;
	if (!vios_link_passes(&link->state, HV_INJECTION_THERE))
		code = hv_fail(err, HV_E_TIMEOUT, "no answer");
	else
		code = hv_rpc_ask(link->config.url, bytes, count, OPEN_MS, &answer,
				  &answer_count, err);
	free(bytes);
	if (code != HV_OK)
		return code;
	if (!vios_link_passes(&link->state, HV_INJECTION_BACK)) {
		free(answer);
		return hv_fail(err, HV_E_TIMEOUT, "no answer");
	}
	vios_link_heard(&link->state);
	code = hv_remote_reply_decode(answer, answer_count, ret, err);
	free(answer);
	return code;
}

/* STALE may be of the device's owner; of the session the next ping will say it, too. */
static enum hv_code take_opened(struct vios_link *link, const Tarn__RemoteReply *reply,
				const struct hv_session_device_open *open,
				struct vios_device *ret_device, struct hv_err *err)
{
	struct vios_device device = { .key = vios_device_key(open->id) };
	enum hv_code code = code_of(reply, err);

	if (code != HV_OK)
		return code;
	if (reply->opened == NULL || reply->opened->slots > UINT32_MAX)
		return hv_fail(err, HV_E_CORRUPT, "'%s': an answer without a device",
			       open->path);
	for (unsigned i = 0; i < HV_LANES_MAX; i++)
		device.sync_fd[i] = -1;
	/* Synced there before each answer: to us it is as one with O_DIRECT. */
	device.target = (struct vios_target){
		.fd = (int)open->handle,
		.is_direct = true,
		.dev = reply->opened->dev,
		.inode = reply->opened->inode,
	};
	device.slots = reply->opened->slots;
	memcpy(device.host, link->config.host, sizeof(device.host));
	*ret_device = device;
	return HV_OK;
}

static enum hv_code open_there(void *arg, const struct hv_session_device_open *open,
			       unsigned lanes, struct vios_device *ret_device,
			       struct hv_err *err) /* W */
{
	struct vios_link *link = arg;
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteOpen body = TARN__REMOTE_OPEN__INIT;
	Tarn__RemoteReply *reply;
	enum hv_code code;

	(void)lanes;
	body.handle = open->handle;
	body.lock_byte = open->lock_byte;
	body.owner_epoch = open->owner_epoch;
	body.id = (ProtobufCBinaryData){ sizeof(open->id),
					 (uint8_t *)(uintptr_t)open->id };
	body.path = (char *)(uintptr_t)open->path;
	request.kind_case = TARN__REMOTE_REQUEST__KIND_OPEN;
	request.open = &body;
	code = ask(link, &request, &reply, err);
	if (code != HV_OK) {
		fail(link, err); /* it may be open there, and nobody knows */
		return code;
	}
	code = take_opened(link, reply, open, ret_device, err);
	tarn__remote_reply__free_unpacked(reply, NULL);
	return code;
}

/*
 * Unheard it may have requests there, and DEVICE_CLOSED must not be said: the link is
 * lost, and with it the session. At the end of all there is nobody to tell.
 */
static void close_there(void *arg, uint32_t handle, struct vios_device *device) /* W */
{
	struct vios_link *link = arg;
	Tarn__RemoteRequest request = TARN__REMOTE_REQUEST__INIT;
	Tarn__RemoteClose body = TARN__REMOTE_CLOSE__INIT;
	Tarn__RemoteReply *reply;
	struct hv_err err;
	enum hv_code code;

	(void)device;
	if (atomic_load(&link->state.is_over))
		return;
	body.handle = handle;
	request.kind_case = TARN__REMOTE_REQUEST__KIND_CLOSE;
	request.close = &body;
	code = ask(link, &request, &reply, &err);
	if (code == HV_OK) {
		code = code_of(reply, &err);
		tarn__remote_reply__free_unpacked(reply, NULL);
	}
	if (code != HV_OK)
		fail(link, &err);
}

const struct vios_opener *vios_link_opener(struct vios_link *link)
{
	return &link->opener;
}

/* ---- life ---- */

enum hv_code vios_link_open(struct vios_link *link, struct hv_loop *loop,
			    const struct vios_link_config *config, struct hv_err *err)
{
	enum hv_code code;

	*link = (struct vios_link){
		.config = *config,
		.loop = loop,
		.hello.on_done = on_hello,
		.ping.on_done = on_pinged,
		.timer.run = on_timer,
		.lost.run = on_lost_job,
		.retry_ms = RETRY_FIRST_MS,
		.opener = { open_there, close_there, link },
	};
	code = vios_incarnation_new(link->incarnation, err);
	if (code == HV_OK)
		code = hv_client_open(loop, config->url, HV_REMOTE_BYTES_MAX,
				      &link->client, err);
	if (code == HV_OK) /* the first hello; and what try_later starts exists */
		code = hv_timer_start(loop, &link->timer, 0, 0, err);
	return code;
}

void vios_link_close(struct vios_link *link)
{
	atomic_store(&link->state.is_over, true);
	hv_timer_stop(&link->timer);
	hv_client_close(link->client);
	link->client = NULL;
}
