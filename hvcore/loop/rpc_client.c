/*
 * rpc_client - see rpc.h.
 *
 * A call borrows a slot: an nng context and the aio of both its legs.
 *
 *   IDLE --start--> SENDING --sent--> WAITING --answer--> IDLE, on_done(OK)
 *                      any failure, cancel, deadline --> IDLE, on_done(code)
 *
 * A deadline or a cancel is a code kept in `end_as` and nng_aio_cancel() for the
 * leg in flight; the leg's completion ends the call, so on_done runs once, on L,
 * whoever wins. nng never waits for both legs at once (its issue 1702).
 */
#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc_priv.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <stdlib.h>

#define CALLS_MAX 64          /* in flight at once; arbitrary */
#define RECONNECT_MIN_MS 20   /* first try after a lost connection */
#define RECONNECT_MAX_MS 1000 /* arbitrary: tries while nobody listens */

enum slot_state { IDLE, SENDING, WAITING, CLOSED };

struct hv_call_impl {
	struct hv_client *client;
	enum slot_state state;
	enum hv_code end_as; /* HV_OK: not cut short */
	struct hv_call *call;
	nng_ctx ctx;
	nng_aio *aio;
	struct hv_job job;
	struct hv_timer deadline;
};

struct hv_client {
	struct hv_loop *loop;
	nng_socket socket;
	size_t bytes_max;
	struct hv_call_impl *slots[CALLS_MAX];
	unsigned slot_count;
	bool is_closing;
	struct hv_job free_job;
};

static enum hv_code code_of(int rv)
{
	switch (rv) {
	case 0:
		return HV_OK;
	case NNG_ENOMEM:
		return HV_E_NOMEM;
	case NNG_ETIMEDOUT:
		return HV_E_TIMEOUT;
	case NNG_ECANCELED:
		return HV_E_CANCELED;
	default: /* ECONNRESET, ECLOSED, ECONNSHUT: the connection is gone */
		return HV_E_GONE;
	}
}

static void on_nng(void *arg) /* N */
{
	struct hv_call_impl *slot = arg;

	hv_loop_post(slot->client->loop, &slot->job);
}

/* The slot is free before on_done runs: it may start the next call, or close. */
static void finish(struct hv_call_impl *slot, enum hv_code code)
{
	struct hv_call *call = slot->call;
	nng_msg *message = nng_aio_get_msg(slot->aio);

	nng_aio_set_msg(slot->aio, NULL);
	hv_timer_stop(&slot->deadline);
	slot->state = IDLE;
	slot->call = NULL;
	call->impl = NULL;
	if (code == HV_OK) {
		call->on_done(call, HV_OK, nng_msg_body(message), nng_msg_len(message));
	} else {
		if (slot->end_as != HV_OK && code != HV_E_GONE)
			code = slot->end_as;
		call->on_done(call, code, NULL, 0);
	}
	nng_msg_free(message);
}

static void step(struct hv_job *job)
{
	struct hv_call_impl *slot = HV_CONTAINER(job, struct hv_call_impl, job);
	int rv = nng_aio_result(slot->aio);

	switch (slot->state) {
	case SENDING:
		if (rv != 0) {
			finish(slot, code_of(rv));
		} else if (slot->end_as != HV_OK) { /* between the legs */
			finish(slot, slot->end_as);
		} else {
			nng_aio_set_msg(slot->aio, NULL); /* nng's since it was sent */
			slot->state = WAITING;
			nng_ctx_recv(slot->ctx, slot->aio);
		}
		return;
	case WAITING:
		finish(slot, code_of(rv));
		return;
	case CLOSED:
		return;
	default:
		HV_UNREACHABLE("completion of an idle slot");
	}
}

static void cut_short(struct hv_call_impl *slot, enum hv_code code)
{
	if (slot->end_as != HV_OK)
		return;
	slot->end_as = code;
	nng_aio_cancel(slot->aio); /* does nothing between the legs; step() sees end_as */
}

static void on_deadline(struct hv_timer *timer)
{
	struct hv_call_impl *slot = HV_CONTAINER(timer, struct hv_call_impl, deadline);

	cut_short(slot, HV_E_TIMEOUT);
}

static enum hv_code open_slot(struct hv_client *client, struct hv_call_impl **ret_slot,
			      struct hv_err *err)
{
	struct hv_call_impl *slot;
	int rv;

	if (client->slot_count == CALLS_MAX)
		return hv_fail(err, HV_E_LIMIT, "%d calls are in flight", CALLS_MAX);
	slot = calloc(1, sizeof(*slot));
	if (slot == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a call");
	slot->client = client;
	slot->job.run = step;
	slot->deadline.run = on_deadline;
	rv = nng_aio_alloc(&slot->aio, on_nng, slot);
	if (rv != 0)
		goto undo_slot;
	rv = nng_ctx_open(&slot->ctx, client->socket);
	if (rv != 0)
		goto undo_aio;
	client->slots[client->slot_count++] = slot;
	*ret_slot = slot;
	return HV_OK;

undo_aio:
	nng_aio_free(slot->aio);
undo_slot:
	free(slot);
	return hv_fail(err, code_of(rv), "open a call: %s", nng_strerror(rv));
}

static enum hv_code take_slot(struct hv_client *client, struct hv_call_impl **ret_slot,
			      struct hv_err *err)
{
	for (unsigned i = 0; i < client->slot_count; i++) {
		if (client->slots[i]->state == IDLE) {
			*ret_slot = client->slots[i];
			return HV_OK;
		}
	}
	return open_slot(client, ret_slot, err);
}

enum hv_code hv_call_start(struct hv_client *client, struct hv_call *call,
			   const void *bytes, size_t count, uint64_t deadline_ms,
			   struct hv_err *err)
{
	struct hv_call_impl *slot = NULL;
	nng_msg *message = NULL;
	enum hv_code code;

	HV_INVARIANT(call->impl == NULL);
	if (client->is_closing)
		return hv_fail(err, HV_E_CANCELED, "the client is being closed");
	if (count > client->bytes_max)
		return hv_fail(err, HV_E_LIMIT, "request of %zu bytes, the limit is %zu",
			       count, client->bytes_max);
	code = take_slot(client, &slot, err);
	if (code != HV_OK)
		return code;
	if (nng_msg_alloc(&message, 0) != 0 ||
	    nng_msg_append(message, bytes, count) != 0) {
		nng_msg_free(message);
		return hv_fail(err, HV_E_NOMEM, "no memory for a request of %zu bytes",
			       count);
	}
	code = hv_timer_start(client->loop, &slot->deadline, deadline_ms, 0, err);
	if (code != HV_OK) {
		nng_msg_free(message);
		return code;
	}
	slot->state = SENDING;
	slot->end_as = HV_OK;
	slot->call = call;
	call->impl = slot;
	nng_aio_set_msg(slot->aio, message);
	nng_ctx_send(slot->ctx, slot->aio);
	return HV_OK;
}

void hv_call_cancel(struct hv_call *call)
{
	if (call->impl != NULL)
		cut_short(call->impl, HV_E_CANCELED);
}

bool hv_call_is_sent(const struct hv_call *call)
{
	return call->impl == NULL || call->impl->state != SENDING;
}

static void free_client(struct hv_job *job)
{
	struct hv_client *client = HV_CONTAINER(job, struct hv_client, free_job);

	for (unsigned i = 0; i < client->slot_count; i++) {
		nng_aio_free(client->slots[i]->aio);
		free(client->slots[i]);
	}
	free(client);
}

static int dial(struct hv_client *client, const char *url)
{
	nng_dialer dialer;
	int rv = nng_socket_set_ms(client->socket, NNG_OPT_REQ_RESENDTIME,
				   NNG_DURATION_INFINITE);

	if (rv == 0)
		rv = nng_dialer_create(&dialer, client->socket, url);
	if (rv == 0)
		rv = nng_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ, client->bytes_max);
	if (rv == 0)
		rv = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_MIN_MS);
	if (rv == 0)
		rv = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_MAX_MS);
	return rv == 0 ? nng_dialer_start(dialer, NNG_FLAG_NONBLOCK) : rv;
}

enum hv_code hv_client_open(struct hv_loop *loop, const char *url, size_t bytes_max,
			    struct hv_client **ret_client, struct hv_err *err)
{
	struct hv_client *client;
	enum hv_code code = hv_rpc_url_check(url, err);
	int rv;

	if (code != HV_OK)
		return code;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a client");
	client->loop = loop;
	client->bytes_max = bytes_max;
	client->free_job.run = free_client;
	rv = nng_req0_open(&client->socket);
	if (rv != 0)
		goto undo_client;
	rv = dial(client, url);
	if (rv != 0)
		goto undo_open;
	*ret_client = client;
	return HV_OK;

undo_open:
	(void)nng_close(client->socket);
undo_client:
	free(client);
	return hv_fail(err, code_of(rv), "connect to '%s': %s", url, nng_strerror(rv));
}

static void drop_call(struct hv_call_impl *slot)
{
	struct hv_call *call = slot->call;

	slot->state = CLOSED;
	slot->call = NULL;
	hv_timer_stop(&slot->deadline);
	if (call == NULL)
		return;
	call->impl = NULL;
	call->on_done(call, HV_E_CANCELED, NULL, 0);
}

/* As in hv_server_close: what nng posted runs before free_job and finds CLOSED. */
void hv_client_close(struct hv_client *client)
{
	if (client == NULL)
		return;
	client->is_closing = true;
	for (unsigned i = 0; i < client->slot_count; i++)
		drop_call(client->slots[i]);
	(void)nng_close(client->socket);
	for (unsigned i = 0; i < client->slot_count; i++) {
		nng_aio_stop(client->slots[i]->aio);
		nng_msg_free(nng_aio_get_msg(client->slots[i]->aio));
		nng_aio_set_msg(client->slots[i]->aio, NULL);
	}
	hv_loop_post(client->loop, &client->free_job);
}
