/*
 * rpc_conn - see rpc_priv.h: one connection, both ways.
 *
 * Receiving: bytes gather in one buffer, frames are taken from its front. It grows
 * with what has arrived, never with what a peer announces. Sending: a queue, one
 * frame in nng's hands at a time.
 *
 * A peer that does not finish its handshake, or does not read what it asked for, is
 * dropped after PATIENCE_MS. One that asks faster than it reads is not read from
 * while FRAMES_MAX answers wait for it.
 */
#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc_priv.h"

#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES 4096        /* at first */
#define BUFFER_KEPT_BYTES 262144 /* a larger one is given back when it is empty */
#define PATIENCE_MS 5000
#define FRAMES_MAX 64

#ifdef __SANITIZE_THREAD__
/*
 * libnng is not instrumented: its own reference counts and mutexes look like races.
 * What could hide behind this is what runs on its threads: on_rx and its like, which
 * only post. Here, because whoever links nng links this file.
 */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
	return "race:libnng.so\n";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "ignore_noninstrumented_modules=1";
}
#endif

struct hv_conn {
	struct hv_conn_config config;
	nng_stream *stream;
	nng_aio *rx, *tx;
	struct hv_job rx_job, tx_job, free_job;
	bool is_open;   /* handshake received */
	bool is_closed; /* nothing may be started any more */
	bool is_paused; /* on_payload said not now */
	bool is_receiving;
	uint8_t *buffer;
	size_t room, count;
	struct hv_frame *first, **last;
	size_t frame_count;
};

static void on_rx(void *arg) /* N */
{
	struct hv_conn *conn = arg;

	hv_loop_post(conn->config.loop, &conn->rx_job);
}

static void on_tx(void *arg) /* N */
{
	struct hv_conn *conn = arg;

	hv_loop_post(conn->config.loop, &conn->tx_job);
}

static void fail(struct hv_conn *conn)
{
	if (conn->is_closed)
		return;
	hv_conn_close(conn);
	conn->config.on_end(conn->config.owner, conn);
}

/* The first one's turn. */
static void start_sending(struct hv_conn *conn, struct hv_frame *frame)
{
	nng_iov part = { .iov_buf = frame->bytes + frame->sent,
			 .iov_len = frame->count - frame->sent };

	(void)nng_aio_set_iov(conn->tx, 1, &part); /* one part always fits */
	nng_aio_set_timeout(conn->tx, PATIENCE_MS);
	nng_stream_send(conn->stream, conn->tx);
}

void hv_conn_send(struct hv_conn *conn, struct hv_frame *frame)
{
	bool was_idle = conn->first == NULL;

	HV_INVARIANT(!conn->is_closed);
	frame->next = NULL;
	*conn->last = frame;
	conn->last = &frame->next;
	conn->frame_count++;
	if (was_idle)
		start_sending(conn, frame);
}

void hv_conn_unsend(struct hv_conn *conn, uint32_t id)
{
	struct hv_frame **at = &conn->first, *frame;

	if (*at == NULL)
		return;
	at = &(*at)->next; /* the first one is in nng's hands */
	while (*at != NULL && (*at)->id != id)
		at = &(*at)->next;
	frame = *at;
	if (frame == NULL)
		return;
	*at = frame->next;
	if (conn->last == &frame->next)
		conn->last = at;
	conn->frame_count--;
	free(frame);
}

static void receive(struct hv_conn *conn)
{
	nng_iov part;

	if (conn->is_closed || conn->is_paused || conn->is_receiving ||
	    conn->frame_count >= FRAMES_MAX)
		return;
	part = (nng_iov){ .iov_buf = conn->buffer + conn->count,
			  .iov_len = conn->room - conn->count };
	HV_INVARIANT(part.iov_len > 0);
	conn->is_receiving = true;
	(void)nng_aio_set_iov(conn->rx, 1, &part);
	nng_aio_set_timeout(conn->rx,
			    conn->is_open ? NNG_DURATION_INFINITE : PATIENCE_MS);
	nng_stream_recv(conn->stream, conn->rx);
}

static void run_tx(struct hv_job *job)
{
	struct hv_conn *conn = HV_CONTAINER(job, struct hv_conn, tx_job);
	struct hv_frame *frame = conn->first;

	if (conn->is_closed)
		return;
	if (nng_aio_result(conn->tx) != 0) {
		fail(conn);
		return;
	}
	frame->sent += nng_aio_count(conn->tx);
	if (frame->sent == frame->count) {
		conn->first = frame->next;
		if (conn->first == NULL)
			conn->last = &conn->first;
		conn->frame_count--;
		free(frame);
		receive(conn); /* if it was held back by FRAMES_MAX */
	}
	if (conn->first != NULL)
		start_sending(conn, conn->first);
}

/* Takes what is complete at buffer + *at; false when there is no more to take. */
static bool take_one(struct hv_conn *conn, size_t *at)
{
	const struct hv_conn_config *config = &conn->config;
	const uint8_t *front = conn->buffer + *at;
	size_t left = conn->count - *at, head = HV_RPC_HANDSHAKE_BYTES, length = 0;
	enum hv_parsed parsed;

	parsed = conn->is_open ? hv_frame_parse(front, left, config->is_ipc,
						config->bytes_max, &head, &length)
			       : hv_handshake_parse(front, left, config->peer_protocol);
	if (parsed == HV_PARSED_BAD)
		fail(conn);
	if (parsed != HV_PARSED_ONE)
		return false;
	if (!conn->is_open) {
		conn->is_open = true;
		config->on_open(config->owner, conn);
	} else if (!config->on_payload(config->owner, conn, front + head, length)) {
		conn->is_paused = true;
		return false;
	}
	*at += head + length;
	return true;
}

/* Makes room for at least one byte more. */
static bool make_room(struct hv_conn *conn)
{
	size_t room = conn->room;
	uint8_t *buffer;

	if (conn->count == conn->room)
		room = 2 * conn->room;
	else if (conn->count == 0 && conn->room > BUFFER_KEPT_BYTES &&
		 conn->config.bytes_max > 2 * BUFFER_KEPT_BYTES) /* else it is bounded */
		room = BUFFER_BYTES;
	if (room == conn->room)
		return true;
	buffer = realloc(conn->buffer, room);
	if (buffer == NULL)
		return room < conn->room; /* giving back may fail, and does not matter */
	conn->buffer = buffer;
	conn->room = room;
	return true;
}

static void take_all(struct hv_conn *conn)
{
	size_t at = 0;

	while (!conn->is_closed && take_one(conn, &at))
		;
	if (conn->is_closed)
		return;
	conn->count -= at;
	memmove(conn->buffer, conn->buffer + at, conn->count);
	if (!make_room(conn)) {
		fail(conn);
		return;
	}
	receive(conn);
}

static void run_rx(struct hv_job *job)
{
	struct hv_conn *conn = HV_CONTAINER(job, struct hv_conn, rx_job);

	if (conn->is_closed)
		return;
	conn->is_receiving = false;
	if (nng_aio_result(conn->rx) != 0) {
		fail(conn);
		return;
	}
	conn->count += nng_aio_count(conn->rx);
	take_all(conn);
}

void hv_conn_resume(struct hv_conn *conn)
{
	if (!conn->is_paused || conn->is_closed)
		return;
	conn->is_paused = false;
	take_all(conn);
}

static void free_frames(struct hv_frame *frame)
{
	while (frame != NULL) {
		struct hv_frame *next = frame->next;

		free(frame);
		frame = next;
	}
}

static void run_free(struct hv_job *job)
{
	struct hv_conn *conn = HV_CONTAINER(job, struct hv_conn, free_job);

	nng_aio_free(conn->rx);
	nng_aio_free(conn->tx);
	if (conn->stream != NULL)
		nng_stream_free(conn->stream);
	free_frames(conn->first);
	free(conn->buffer);
	free(conn);
}

/*
 * Closing finishes what the stream has in hand; after the stops nng posts nothing
 * any more, and what it posted is in the bridge ahead of free_job.
 */
void hv_conn_close(struct hv_conn *conn)
{
	if (conn == NULL || conn->is_closed)
		return;
	conn->is_closed = true;
	nng_stream_close(conn->stream);
	nng_aio_stop(conn->rx);
	nng_aio_stop(conn->tx);
	hv_loop_post(conn->config.loop, &conn->free_job);
}

enum hv_code hv_conn_open(const struct hv_conn_config *config, nng_stream *stream,
			  struct hv_conn **ret_conn, struct hv_err *err)
{
	struct hv_conn *conn = calloc(1, sizeof(*conn));
	struct hv_frame *handshake = hv_handshake_make(config->protocol);

	if (conn == NULL || handshake == NULL)
		goto undo_stream;
	conn->config = *config;
	conn->rx_job.run = run_rx;
	conn->tx_job.run = run_tx;
	conn->free_job.run = run_free;
	conn->last = &conn->first;
	conn->room = BUFFER_BYTES;
	conn->buffer = malloc(conn->room);
	if (conn->buffer == NULL || nng_aio_alloc(&conn->rx, on_rx, conn) != 0 ||
	    nng_aio_alloc(&conn->tx, on_tx, conn) != 0)
		goto undo_conn;
	conn->stream = stream;
	hv_conn_send(conn, handshake);
	receive(conn);
	*ret_conn = conn;
	return HV_OK;

undo_conn:
	run_free(&conn->free_job);
	conn = NULL;
undo_stream:
	free(conn);
	free(handshake);
	nng_stream_close(stream);
	nng_stream_free(stream);
	return hv_fail(err, HV_E_NOMEM, "no memory for a connection");
}
