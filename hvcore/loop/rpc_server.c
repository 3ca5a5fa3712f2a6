/*
 * rpc_server - see rpc.h.
 *
 * One exchange per nng context, for ever:
 *
 *   RECEIVING --request--> OPEN --answer--> SENDING --sent--> RECEIVING
 *       |                                      any --close--> CLOSED
 *       +--no memory--> RESTING --100 ms--> RECEIVING
 *
 * nng's threads run on_nng() alone; it posts the exchange's job, and step()
 * decides on L.
 */
#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc_priv.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdlib.h>
#include <string.h>

#define SEND_TIMEOUT_MS 5000 /* a peer that does not read gives its context back */
#define REST_MS 100          /* arbitrary: before receiving again without memory */

enum exchange_state { RECEIVING, OPEN, SENDING, RESTING, CLOSED };

struct hv_exchange {
	struct hv_server *server;
	enum exchange_state state;
	nng_ctx ctx;
	nng_aio *aio;
	nng_msg *request; /* OPEN: ours */
	void *user;
	struct hv_job job;
};

struct hv_server {
	struct hv_loop *loop;
	struct hv_server_config config;
	nng_socket socket;
	struct hv_exchange *exchanges;
	unsigned count; /* of exchanges that have an aio */
	struct hv_job free_job;
};

static enum hv_code fail_nng(struct hv_err *err, int rv, const char *url)
{
	enum hv_code code = rv == NNG_ENOMEM       ? HV_E_NOMEM
			    : rv == NNG_EADDRINUSE ? HV_E_BUSY
			    : rv == NNG_EPERM      ? HV_E_DENIED
						   : HV_E_OS;

	return hv_fail(err, code, "serve '%s': %s", url, nng_strerror(rv));
}

static void on_nng(void *arg) /* N */
{
	struct hv_exchange *exchange = arg;

	hv_loop_post(exchange->server->loop, &exchange->job);
}

static void receive(struct hv_exchange *exchange)
{
	exchange->state = RECEIVING;
	exchange->user = NULL;
	nng_aio_set_timeout(exchange->aio, NNG_DURATION_INFINITE);
	nng_ctx_recv(exchange->ctx, exchange->aio);
}

static void rest(struct hv_exchange *exchange)
{
	exchange->state = RESTING;
	nng_sleep_aio(REST_MS, exchange->aio);
}

static void take_request(struct hv_exchange *exchange)
{
	struct hv_server *server = exchange->server;

	exchange->request = nng_aio_get_msg(exchange->aio);
	nng_aio_set_msg(exchange->aio, NULL);
	exchange->state = OPEN;
	server->config.on_request(server->config.arg, exchange);
}

static void step(struct hv_job *job)
{
	struct hv_exchange *exchange = HV_CONTAINER(job, struct hv_exchange, job);
	int rv = nng_aio_result(exchange->aio);

	switch (exchange->state) {
	case RECEIVING:
		if (rv == 0)
			take_request(exchange);
		else if (rv == NNG_ECLOSED)
			exchange->state = CLOSED;
		else
			rest(exchange);
		return;
	case SENDING:
		if (rv != 0) { /* the answer is still ours; its asker is gone */
			nng_msg_free(nng_aio_get_msg(exchange->aio));
			nng_aio_set_msg(exchange->aio, NULL);
		}
		receive(exchange);
		return;
	case RESTING:
		receive(exchange);
		return;
	case CLOSED:
		return;
	default:
		HV_UNREACHABLE("nothing is in flight while an exchange is open");
	}
}

static int open_exchange(struct hv_server *server, struct hv_exchange *exchange)
{
	int rv = nng_ctx_open(&exchange->ctx, server->socket);

	if (rv != 0)
		return rv;
	exchange->server = server;
	exchange->job.run = step;
	exchange->state = CLOSED;
	return nng_aio_alloc(&exchange->aio, on_nng, exchange);
}

static int listen_at(struct hv_server *server, const char *url)
{
	nng_listener listener;
	int rv = nng_listener_create(&listener, server->socket, url);

	if (rv == 0)
		rv = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ,
					   server->config.bytes_max);
	if (rv == 0 && strncmp(url, "ipc:", 4) == 0)
		rv = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
	return rv == 0 ? nng_listener_start(listener, 0) : rv;
}

static void free_server(struct hv_job *job)
{
	struct hv_server *server = HV_CONTAINER(job, struct hv_server, free_job);

	for (unsigned i = 0; i < server->count; i++) {
		nng_aio_free(server->exchanges[i].aio);
		nng_msg_free(server->exchanges[i].request);
	}
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
	server->free_job.run = free_server;
	server->exchanges = calloc(config->contexts, sizeof(*server->exchanges));
	if (server->exchanges == NULL) {
		free(server);
		return hv_fail(err, HV_E_NOMEM, "no memory for %u exchanges",
			       config->contexts);
	}
	rv = nng_rep0_open(&server->socket);
	if (rv != 0) {
		free_server(&server->free_job);
		return fail_nng(err, rv, config->url);
	}
	for (; server->count < config->contexts && rv == 0; server->count++)
		rv = open_exchange(server, &server->exchanges[server->count]);
	if (rv == 0)
		rv = listen_at(server, config->url);
	if (rv != 0) {
		(void)nng_close(server->socket);
		free_server(&server->free_job);
		return fail_nng(err, rv, config->url);
	}
	for (unsigned i = 0; i < server->count; i++)
		receive(&server->exchanges[i]);
	*ret_server = server;
	return HV_OK;
}

/*
 * After the aios are stopped nng posts nothing any more; what it posted before is
 * in the bridge ahead of free_job, finds CLOSED and does nothing.
 */
void hv_server_close(struct hv_server *server)
{
	if (server == NULL)
		return;
	for (unsigned i = 0; i < server->count; i++)
		server->exchanges[i].state = CLOSED;
	(void)nng_close(server->socket);
	for (unsigned i = 0; i < server->count; i++) {
		struct hv_exchange *exchange = &server->exchanges[i];

		nng_aio_stop(exchange->aio);
		nng_msg_free(nng_aio_get_msg(exchange->aio));
		nng_aio_set_msg(exchange->aio, NULL);
	}
	hv_loop_post(server->loop, &server->free_job);
}

const uint8_t *hv_exchange_bytes(const struct hv_exchange *exchange, size_t *ret_count)
{
	HV_INVARIANT(exchange->state == OPEN);
	*ret_count = nng_msg_len(exchange->request);
	return nng_msg_body(exchange->request);
}

/* NULL where it is too long, or there is no memory. */
static nng_msg *make_answer(const struct hv_exchange *exchange, const void *bytes,
			    size_t count)
{
	nng_msg *answer = NULL;

	if (count <= exchange->server->config.bytes_max &&
	    nng_msg_alloc(&answer, 0) == 0 && nng_msg_append(answer, bytes, count) == 0)
		return answer;
	nng_msg_free(answer);
	return NULL;
}

void hv_exchange_answer(struct hv_exchange *exchange, const void *bytes, size_t count)
{
	nng_msg *answer = make_answer(exchange, bytes, count);

	HV_INVARIANT(exchange->state == OPEN);
	nng_msg_free(exchange->request); /* after the answer is made: it may quote it */
	exchange->request = NULL;
	if (answer == NULL) {
		receive(exchange); /* forgets who asked: the call ends by its deadline */
		return;
	}
	exchange->state = SENDING;
	nng_aio_set_msg(exchange->aio, answer);
	nng_aio_set_timeout(exchange->aio, SEND_TIMEOUT_MS);
	nng_ctx_send(exchange->ctx, exchange->aio);
}

void hv_exchange_set_user(struct hv_exchange *exchange, void *user)
{
	exchange->user = user;
}

void *hv_exchange_user(const struct hv_exchange *exchange)
{
	return exchange->user;
}
