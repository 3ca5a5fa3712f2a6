/*
 * rpc_client - see rpc.h.
 *
 * The connection:  DIALING --connected--> OPENING --handshake--> UP
 *                     |                      |                    |
 *                     +------- failed -------+------ ended -------+--> RESTING
 *                  RESTING --RECONNECT_MIN_MS, doubling to _MAX_--> DIALING
 *
 * A call:          QUEUED --UP--> SENT --answer--> on_done(OK)
 *                  QUEUED, SENT --deadline, cancel--> on_done(TIMEOUT, CANCELED)
 *                  SENT --connection ended--> on_done(GONE)
 *
 * Answers find their call by id; a late one finds none and is dropped.
 */
#include "hvcore/base/bytes.h"
#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc_priv.h"

#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_REP 0x31 /* nng: rep0, req0 */
#define PROTOCOL_REQ 0x30
#define CALLS_MAX 64          /* in flight at once; arbitrary */
#define RECONNECT_MIN_MS 20   /* first try after a lost connection */
#define RECONNECT_MAX_MS 1000 /* arbitrary: tries while nobody listens */
#define ID_TOP_BIT 0x80000000u

enum line_state { DIALING, OPENING, UP, RESTING, CLOSED };

struct hv_call_impl {
	struct hv_client *client;
	struct hv_call *call; /* NULL: idle */
	uint32_t id;
	bool is_sent;
	bool is_posted;         /* job is in the bridge: not idle yet */
	enum hv_code end_as;    /* what the job ends the call with */
	struct hv_frame *frame; /* QUEUED; then it is the connection's */
	struct hv_job cancel_job;
	struct hv_timer deadline;
};

struct hv_client {
	struct hv_loop *loop;
	size_t bytes_max;
	bool is_ipc, is_impatient;
	enum line_state state;
	nng_stream_dialer *dialer;
	nng_aio *dial;
	struct hv_job dial_job, free_job;
	struct hv_timer rest;
	uint64_t rest_ms;
	struct hv_conn *conn; /* OPENING, UP */
	struct hv_call_impl *slots[CALLS_MAX];
	unsigned slot_count;
	uint32_t next_id;
};

static void on_dial(void *arg) /* N */
{
	struct hv_client *client = arg;

	hv_loop_post(client->loop, &client->dial_job);
}

/* The slot is free before on_done runs: it may start the next call, or close. */
static void finish(struct hv_call_impl *slot, enum hv_code code, const uint8_t *bytes,
		   size_t count)
{
	struct hv_call *call = slot->call;
	struct hv_client *client = slot->client;

	hv_timer_pause(&slot->deadline);
	if (slot->is_sent && client->conn != NULL)
		hv_conn_unsend(client->conn, slot->id);
	free(slot->frame);
	slot->frame = NULL;
	slot->is_sent = false;
	slot->call = NULL;
	call->impl = NULL;
	call->on_done(call, code, bytes, count);
}

static void send_call(struct hv_call_impl *slot)
{
	struct hv_frame *frame = slot->frame;

	slot->is_sent = true;
	slot->frame = NULL;
	hv_conn_send(slot->client->conn, frame);
}

static void on_open(void *owner, struct hv_conn *conn)
{
	struct hv_client *client = owner;

	(void)conn;
	client->state = UP;
	client->rest_ms = RECONNECT_MIN_MS;
	for (unsigned i = 0; i < client->slot_count; i++)
		if (client->slots[i]->call != NULL && !client->slots[i]->is_sent)
			send_call(client->slots[i]);
}

static bool on_payload(void *owner, struct hv_conn *conn, const uint8_t *bytes,
		       size_t count)
{
	struct hv_client *client = owner;
	uint32_t id;

	(void)conn;
	if (count < HV_RPC_ID_BYTES)
		return true; /* nobody's */
	id = (uint32_t)hv_be_take(bytes, HV_RPC_ID_BYTES);
	for (unsigned i = 0; i < client->slot_count; i++) {
		struct hv_call_impl *slot = client->slots[i];

		if (slot->call != NULL && slot->is_sent && slot->id == id) {
			finish(slot, HV_OK, bytes + HV_RPC_ID_BYTES,
			       count - HV_RPC_ID_BYTES);
			break;
		}
	}
	return true;
}

static void rest(struct hv_client *client)
{
	client->state = RESTING;
	/* The timer was made at open, so starting it cannot fail. */
	(void)!hv_timer_start(client->loop, &client->rest, client->rest_ms, 0, NULL);
	client->rest_ms *= 2;
	if (client->rest_ms > RECONNECT_MAX_MS)
		client->rest_ms = RECONNECT_MAX_MS;
}

/* Ends calls whose is_sent is as given. on_done may start others, or close. */
static void end_calls(struct hv_client *client, bool is_sent, enum hv_code code)
{
	for (unsigned i = 0; i < client->slot_count && client->state != CLOSED; i++)
		if (client->slots[i]->call != NULL &&
		    client->slots[i]->is_sent == is_sent)
			finish(client->slots[i], code, NULL, 0);
}

static void on_end(void *owner, struct hv_conn *conn)
{
	struct hv_client *client = owner;

	(void)conn;
	client->conn = NULL;
	rest(client);
	end_calls(client, true, HV_E_GONE);
}

static void start_dial(struct hv_client *client)
{
	client->state = DIALING;
	nng_stream_dialer_dial(client->dialer, client->dial);
}

static void on_rested(struct hv_timer *timer)
{
	start_dial(HV_CONTAINER(timer, struct hv_client, rest));
}

static enum hv_code take_connection(struct hv_client *client)
{
	const struct hv_conn_config config = { .loop = client->loop,
					       .is_ipc = client->is_ipc,
					       .protocol = PROTOCOL_REQ,
					       .peer_protocol = PROTOCOL_REP,
					       .bytes_max = client->bytes_max,
					       .on_open = on_open,
					       .on_payload = on_payload,
					       .on_end = on_end,
					       .owner = client };

	if (nng_aio_result(client->dial) != 0)
		return HV_E_GONE;
	return hv_conn_open(&config, nng_aio_get_output(client->dial, 0), &client->conn,
			    NULL);
}

static void run_dial(struct hv_job *job)
{
	struct hv_client *client = HV_CONTAINER(job, struct hv_client, dial_job);
	enum hv_code code;

	if (client->state == CLOSED)
		return;
	HV_INVARIANT(client->state == DIALING);
	code = take_connection(client);
	if (code == HV_OK) {
		client->state = OPENING;
		return;
	}
	rest(client);
	if (client->is_impatient)
		end_calls(client, false, code);
}

static void run_cancel(struct hv_job *job)
{
	struct hv_call_impl *slot = HV_CONTAINER(job, struct hv_call_impl, cancel_job);

	slot->is_posted = false;
	if (slot->call != NULL)
		finish(slot, slot->end_as, NULL, 0);
}

static void on_deadline(struct hv_timer *timer)
{
	finish(HV_CONTAINER(timer, struct hv_call_impl, deadline), HV_E_TIMEOUT, NULL, 0);
}

static enum hv_code take_slot(struct hv_client *client, struct hv_call_impl **ret_slot,
			      struct hv_err *err)
{
	struct hv_call_impl *slot;

	for (unsigned i = 0; i < client->slot_count; i++) {
		slot = client->slots[i];
		if (slot->call == NULL && !slot->is_posted) {
			*ret_slot = slot;
			return HV_OK;
		}
	}
	if (client->slot_count == CALLS_MAX)
		return hv_fail(err, HV_E_LIMIT, "%d calls are in flight", CALLS_MAX);
	slot = calloc(1, sizeof(*slot));
	if (slot == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a call");
	slot->client = client;
	slot->cancel_job.run = run_cancel;
	slot->deadline.run = on_deadline;
	client->slots[client->slot_count++] = slot;
	*ret_slot = slot;
	return HV_OK;
}

static enum hv_code make_frame(struct hv_call_impl *slot, const void *bytes, size_t count,
			       struct hv_err *err)
{
	uint32_t id = ID_TOP_BIT | slot->client->next_id++;
	uint8_t route[HV_RPC_ID_BYTES];
	enum hv_code code;

	hv_be_put(route, sizeof(route), id);
	code = hv_frame_make(slot->client->is_ipc, route, sizeof(route), bytes, count,
			     &slot->frame, err);
	if (code != HV_OK)
		return code;
	slot->id = id;
	slot->frame->id = id;
	return HV_OK;
}

enum hv_code hv_call_start(struct hv_client *client, struct hv_call *call,
			   const void *bytes, size_t count, uint64_t deadline_ms,
			   struct hv_err *err)
{
	struct hv_call_impl *slot = NULL;
	enum hv_code code;

	HV_INVARIANT(call->impl == NULL);
	if (client->state == CLOSED)
		return hv_fail(err, HV_E_CANCELED, "the client is closed");
	if (count > client->bytes_max)
		return hv_fail(err, HV_E_LIMIT, "request of %zu bytes, the limit is %zu",
			       count, client->bytes_max);
	code = take_slot(client, &slot, err);
	if (code != HV_OK)
		return code;
	code = make_frame(slot, bytes, count, err);
	if (code != HV_OK)
		return code;
	code = hv_timer_start(client->loop, &slot->deadline, deadline_ms, 0, err);
	if (code != HV_OK) {
		free(slot->frame);
		slot->frame = NULL;
		return code;
	}
	slot->call = call;
	slot->end_as = HV_OK;
	call->impl = slot;
	if (client->state == UP)
		send_call(slot);
	return HV_OK;
}

void hv_call_cancel(struct hv_call *call)
{
	struct hv_call_impl *slot = call->impl;

	if (slot == NULL || slot->is_posted)
		return;
	slot->is_posted = true;
	slot->end_as = HV_E_CANCELED;
	hv_loop_post(slot->client->loop, &slot->cancel_job);
}

static void run_free(struct hv_job *job)
{
	struct hv_client *client = HV_CONTAINER(job, struct hv_client, free_job);

	nng_aio_free(client->dial);
	if (client->dialer != NULL)
		nng_stream_dialer_free(client->dialer);
	for (unsigned i = 0; i < client->slot_count; i++)
		free(client->slots[i]);
	free(client);
}

static enum hv_code open_client(struct hv_client *client, const char *url,
				struct hv_err *err)
{
	int rv = nng_stream_dialer_alloc(&client->dialer, url);

	/* A frame waits for no acknowledgement of the one before: up to 40 ms each. */
	if (rv == 0 && !client->is_ipc)
		rv = nng_stream_dialer_set_bool(client->dialer, NNG_OPT_TCP_NODELAY,
						true);
	if (rv == 0)
		rv = nng_aio_alloc(&client->dial, on_dial, client);
	if (rv != 0)
		return hv_fail(err, rv == NNG_ENOMEM ? HV_E_NOMEM : HV_E_OS,
			       "connect to '%s': %s", url, nng_strerror(rv));
	/* Made now, so that rest() needs no memory. */
	return hv_timer_start(client->loop, &client->rest, RECONNECT_MAX_MS, 0, err);
}

enum hv_code hv_client_open(struct hv_loop *loop, const char *url, size_t bytes_max,
			    struct hv_client **ret_client, struct hv_err *err)
{
	struct hv_client *client;
	enum hv_code code = hv_rpc_url_check(url, err);

	if (code != HV_OK)
		return code;
	client = calloc(1, sizeof(*client));
	if (client == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a client");
	client->loop = loop;
	client->bytes_max = bytes_max;
	client->is_ipc = hv_rpc_url_is_ipc(url);
	client->dial_job.run = run_dial;
	client->free_job.run = run_free;
	client->rest.run = on_rested;
	client->rest_ms = RECONNECT_MIN_MS;
	code = open_client(client, url, err);
	if (code != HV_OK) {
		run_free(&client->free_job);
		return code;
	}
	hv_timer_pause(&client->rest);
	start_dial(client);
	*ret_client = client;
	return HV_OK;
}

enum hv_code hv_client_open_impatient(struct hv_loop *loop, const char *url,
				      size_t bytes_max, struct hv_client **ret_client,
				      struct hv_err *err)
{
	enum hv_code code = hv_client_open(loop, url, bytes_max, ret_client, err);

	if (code == HV_OK)
		(*ret_client)->is_impatient = true; /* before its first dial is seen */
	return code;
}

static void drop_calls(struct hv_client *client)
{
	for (unsigned i = 0; i < client->slot_count; i++) {
		hv_timer_stop(&client->slots[i]->deadline);
		if (client->slots[i]->call != NULL)
			finish(client->slots[i], HV_E_CANCELED, NULL, 0);
	}
}

/* As in hv_conn_close: after the stop, nothing of nng's comes behind free_job. */
void hv_client_close(struct hv_client *client)
{
	bool was_dialing;

	if (client == NULL)
		return;
	was_dialing = client->state == DIALING;
	client->state = CLOSED;
	drop_calls(client);
	hv_timer_stop(&client->rest);
	hv_conn_close(client->conn);
	client->conn = NULL;
	nng_stream_dialer_close(client->dialer);
	nng_aio_stop(client->dial);
	if (was_dialing && nng_aio_result(client->dial) == 0) {
		nng_stream *stream = nng_aio_get_output(client->dial, 0);

		nng_stream_close(stream); /* connected, and not yet looked at */
		nng_stream_free(stream);
	}
	hv_loop_post(client->loop, &client->free_job);
}
