/*
 * rpc_server - see rpc.h.
 *
 *   accept --> connection --payload--> exchange OPEN --answer--> FREE
 *
 * Exchanges are a fixed pool. While none is free, or a connection's answers pile up,
 * requests stay in the socket: back-pressure instead of a queue. A connection that
 * ends leaves its open exchanges behind without one; their answers go nowhere.
 */
#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc_priv.h"

#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>

#define PROTOCOL_REP 0x31 /* nng: rep0, req0 */
#define PROTOCOL_REQ 0x30
#define CONNECTIONS_MAX 512 /* arbitrary: hosts and people */
#define REST_MS 100         /* before accepting again without memory or descriptors */

struct hv_exchange {
	struct hv_server *server;
	struct hv_conn *conn; /* NULL: gone, or free */
	bool is_open;
	void *user;
	uint8_t *request; /* OPEN: malloc */
	size_t count;
	uint8_t route[HV_RPC_ROUTE_BYTES];
	size_t route_count;
};

struct hv_server {
	struct hv_loop *loop;
	struct hv_server_config config;
	bool is_ipc;
	bool is_resting;
	bool is_closed;
	nng_stream_listener *listener;
	nng_aio *accept;
	struct hv_job accept_job, free_job;
	struct hv_idle resume; /* queued while connections wait for an exchange */
	struct hv_conn *conns[CONNECTIONS_MAX];
	unsigned conn_count;
	struct hv_exchange *exchanges;
	unsigned open_count;
};

static enum hv_code fail_nng(struct hv_err *err, int rv, const char *url)
{
	enum hv_code code = rv == NNG_ENOMEM       ? HV_E_NOMEM
			    : rv == NNG_EADDRINUSE ? HV_E_BUSY
			    : rv == NNG_EPERM      ? HV_E_DENIED
						   : HV_E_OS;

	return hv_fail(err, code, "serve '%s': %s", url, nng_strerror(rv));
}

static void on_accept(void *arg) /* N */
{
	struct hv_server *server = arg;

	hv_loop_post(server->loop, &server->accept_job);
}

static void on_open(void *owner, struct hv_conn *conn)
{
	(void)owner; /* the asker speaks first */
	(void)conn;
}

static struct hv_exchange *find_free(struct hv_server *server)
{
	for (unsigned i = 0; i < server->config.contexts; i++)
		if (!server->exchanges[i].is_open)
			return &server->exchanges[i];
	return NULL;
}

static void on_end(void *owner, struct hv_conn *conn)
{
	struct hv_server *server = owner;

	for (unsigned i = 0; i < server->config.contexts; i++)
		if (server->exchanges[i].conn == conn)
			server->exchanges[i].conn = NULL;
	for (unsigned i = 0; i < server->conn_count; i++) {
		if (server->conns[i] == conn) {
			server->conns[i] = server->conns[--server->conn_count];
			return;
		}
	}
}

static void drop(struct hv_server *server, struct hv_conn *conn)
{
	hv_conn_close(conn);
	on_end(server, conn);
}

static bool on_payload(void *owner, struct hv_conn *conn, const uint8_t *bytes,
		       size_t count)
{
	struct hv_server *server = owner;
	struct hv_exchange *exchange = find_free(server);

	if (exchange == NULL)
		return false;
	exchange->route_count = hv_route_parse(bytes, count);
	if (exchange->route_count == 0) {
		drop(server, conn); /* not a request */
		return true;
	}
	memcpy(exchange->route, bytes, exchange->route_count);
	exchange->count = count - exchange->route_count;
	exchange->request = malloc(exchange->count > 0 ? exchange->count : 1);
	if (exchange->request == NULL || exchange->count > server->config.bytes_max) {
		free(exchange->request);
		exchange->request = NULL;
		drop(server, conn); /* its caller learns at once: GONE */
		return true;
	}
	memcpy(exchange->request, bytes + exchange->route_count, exchange->count);
	exchange->conn = conn;
	exchange->is_open = true;
	exchange->user = NULL;
	server->open_count++;
	server->config.on_request(server->config.arg, exchange);
	return true;
}

static void run_resume(struct hv_idle *idle)
{
	struct hv_server *server = HV_CONTAINER(idle, struct hv_server, resume);

	/* Resuming one may end it, which moves the last one into its place. */
	for (unsigned i = server->conn_count; i-- > 0;)
		if (i < server->conn_count &&
		    server->open_count < server->config.contexts)
			hv_conn_resume(server->conns[i]);
}

static void take_connection(struct hv_server *server, nng_stream *stream)
{
	const struct hv_conn_config config = { .loop = server->loop,
					       .is_ipc = server->is_ipc,
					       .protocol = PROTOCOL_REP,
					       .peer_protocol = PROTOCOL_REQ,
					       .bytes_max = server->config.bytes_max,
					       .on_open = on_open,
					       .on_payload = on_payload,
					       .on_end = on_end,
					       .owner = server };
	struct hv_conn *conn;

	if (server->conn_count == CONNECTIONS_MAX) {
		nng_stream_close(stream);
		nng_stream_free(stream);
		return;
	}
	if (hv_conn_open(&config, stream, &conn, NULL) == HV_OK)
		server->conns[server->conn_count++] = conn;
}

static void run_accept(struct hv_job *job)
{
	struct hv_server *server = HV_CONTAINER(job, struct hv_server, accept_job);
	int rv = nng_aio_result(server->accept);

	if (server->is_closed)
		return;
	if (rv != 0 && !server->is_resting) { /* no descriptors, or no memory */
		server->is_resting = true;
		nng_sleep_aio(REST_MS, server->accept);
		return;
	}
	if (!server->is_resting)
		take_connection(server, nng_aio_get_output(server->accept, 0));
	server->is_resting = false;
	nng_stream_listener_accept(server->listener, server->accept);
}

static int listen_at(struct hv_server *server, const char *url)
{
	int rv = nng_stream_listener_alloc(&server->listener, url);

	if (rv == 0 && server->is_ipc)
		rv = nng_stream_listener_set_int(server->listener,
						 NNG_OPT_IPC_PERMISSIONS, 0600);
	else if (rv == 0) /* as the client does */
		rv = nng_stream_listener_set_bool(server->listener, NNG_OPT_TCP_NODELAY,
						  true);
	if (rv == 0)
		rv = nng_aio_alloc(&server->accept, on_accept, server);
	return rv == 0 ? nng_stream_listener_listen(server->listener) : rv;
}

static void run_free(struct hv_job *job)
{
	struct hv_server *server = HV_CONTAINER(job, struct hv_server, free_job);

	nng_aio_free(server->accept);
	if (server->listener != NULL)
		nng_stream_listener_free(server->listener);
	for (unsigned i = 0; server->exchanges != NULL && i < server->config.contexts;
	     i++)
		free(server->exchanges[i].request);
	free(server->exchanges);
	free(server);
}

enum hv_code hv_server_open(struct hv_loop *loop, const struct hv_server_config *config,
			    struct hv_server **ret_server, struct hv_err *err)
{
	struct hv_server *server;
	enum hv_code code = hv_rpc_url_check(config->url, err);
	int rv;

	if (code != HV_OK)
		return code;
	server = calloc(1, sizeof(*server));
	if (server == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a server");
	server->loop = loop;
	server->config = *config;
	server->config.url = NULL; /* the caller's, not kept */
	server->is_ipc = hv_rpc_url_is_ipc(config->url);
	server->accept_job.run = run_accept;
	server->free_job.run = run_free;
	server->resume.run = run_resume;
	server->exchanges = calloc(config->contexts, sizeof(*server->exchanges));
	rv = server->exchanges == NULL ? NNG_ENOMEM : listen_at(server, config->url);
	if (rv != 0) {
		run_free(&server->free_job);
		return fail_nng(err, rv, config->url);
	}
	for (unsigned i = 0; i < config->contexts; i++)
		server->exchanges[i].server = server;
	nng_stream_listener_accept(server->listener, server->accept);
	*ret_server = server;
	return HV_OK;
}

/* As in hv_conn_close: after the stop, nothing of nng's comes behind free_job. */
void hv_server_close(struct hv_server *server)
{
	nng_stream *stream;

	if (server == NULL)
		return;
	server->is_closed = true;
	nng_stream_listener_close(server->listener);
	nng_aio_stop(server->accept);
	stream = nng_aio_result(server->accept) == 0 && !server->is_resting
			 ? nng_aio_get_output(server->accept, 0)
			 : NULL;
	if (stream != NULL) { /* accepted, and not yet looked at */
		nng_stream_close(stream);
		nng_stream_free(stream);
	}
	while (server->conn_count > 0)
		hv_conn_close(server->conns[--server->conn_count]);
	hv_loop_after_cancel(server->loop, &server->resume);
	hv_loop_post(server->loop, &server->free_job);
}

const uint8_t *hv_exchange_bytes(const struct hv_exchange *exchange, size_t *ret_count)
{
	HV_INVARIANT(exchange->is_open);
	*ret_count = exchange->count;
	return exchange->request;
}

void hv_exchange_answer(struct hv_exchange *exchange, const void *bytes, size_t count)
{
	struct hv_server *server = exchange->server;
	struct hv_frame *frame;

	HV_INVARIANT(exchange->is_open);
	if (exchange->conn != NULL && count <= server->config.bytes_max &&
	    hv_frame_make(server->is_ipc, exchange->route, exchange->route_count, bytes,
			  count, &frame, NULL) == HV_OK)
		hv_conn_send(exchange->conn, frame);
	free(exchange->request); /* after the answer is made: it may quote it */
	exchange->request = NULL;
	exchange->conn = NULL;
	exchange->is_open = false;
	server->open_count--;
	/* Not from here: on_request may be what answers, and deep inside a connection. */
	hv_loop_after(server->loop, &server->resume);
}

void hv_exchange_set_user(struct hv_exchange *exchange, void *user)
{
	exchange->user = user;
}

void *hv_exchange_user(const struct hv_exchange *exchange)
{
	return exchange->user;
}
