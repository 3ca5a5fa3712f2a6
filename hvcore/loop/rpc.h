/*
 * rpc - requests and answers as bytes over nng: a server (REP) and calls (REQ).
 *
 * Server: up to `contexts` requests are open at once; each arrives on L as an
 * exchange that must be answered exactly once, now or later (long poll).
 * Client: one connection, any number of calls in flight up to `calls_max`, each
 * with one deadline; nng's own resending is off. A call that loses its connection
 * ends in GONE, and the caller decides about a repeat (idempotency keys).
 *
 * Contract
 *   Threads  L. nng's own threads only post to the loop.
 *   Memory   request bytes are lent until the answer; answer bytes are lent for
 *            the duration of on_done. hv_exchange_answer copies. Exchanges end
 *            with their server. What close leaves behind is freed by the loop,
 *            at the latest in hv_loop_close(): it must come after.
 *   Errors   on_done runs exactly once a call, never from inside hv_call_start,
 *            with OK, TIMEOUT, GONE, CANCELED, NOMEM; after hv_call_start failed
 *            (LIMIT: over `bytes_max` or 64 calls in flight; NOMEM) not at all.
 *            hv_client_open succeeds while nobody listens: calls wait for the
 *            connection until their deadline, and nng connects again by itself.
 *   Order    none between calls.
 *   Units    bytes_max is set as NNG_OPT_RECVMAXSZ on every endpoint and checked
 *            before sending.
 *   Time     deadline_ms counts from the start of the call.
 *   URLs     ipc:///path (socket file 0600), tcp://127.0.0.1:port. Everything that
 *            is not ipc or loopback is REFUSED: connections are not encrypted yet.
 */
#ifndef HVCORE_LOOP_RPC_H
#define HVCORE_LOOP_RPC_H

#include "hvcore/loop/loop.h"

#include <stddef.h>

#define HV_RPC_BYTES_MAX (4u << 20) /* arbitrary: a host's full report is under 1 MiB */

/* REFUSED for what leaves the machine, INVAL for what is no URL of ours. */
HV_MUST_USE
enum hv_code hv_rpc_url_check(const char *url, struct hv_err *err);

struct hv_server;
struct hv_exchange;

struct hv_server_config {
	const char *url;
	unsigned contexts;
	size_t bytes_max;
	void (*on_request)(void *arg, struct hv_exchange *exchange);
	void *arg;
};
HV_MUST_USE
enum hv_code hv_server_open(struct hv_loop *loop, const struct hv_server_config *config,
			    struct hv_server **ret_server, struct hv_err *err);
void hv_server_close(struct hv_server *server); /* drops unanswered exchanges */

/* The request's bytes, lent until the answer. */
const uint8_t *hv_exchange_bytes(const struct hv_exchange *exchange, size_t *ret_count);
/* Ends the exchange. Too long an answer, or no memory, ends it without one. */
void hv_exchange_answer(struct hv_exchange *exchange, const void *bytes, size_t count);
/* For the user of a held exchange. */
void hv_exchange_set_user(struct hv_exchange *exchange, void *user);
void *hv_exchange_user(const struct hv_exchange *exchange);

struct hv_client;
HV_MUST_USE
enum hv_code hv_client_open(struct hv_loop *loop, const char *url, size_t bytes_max,
			    struct hv_client **ret_client, struct hv_err *err);
void hv_client_close(
	struct hv_client *client); /* calls in flight end in CANCELED first */

struct hv_call {
	void (*on_done)(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
			size_t count);
	struct hv_call_impl *impl; /* private; NULL when idle, also in on_done */
};
HV_MUST_USE
enum hv_code hv_call_start(struct hv_client *client, struct hv_call *call,
			   const void *bytes, size_t count, uint64_t deadline_ms,
			   struct hv_err *err);
void hv_call_cancel(struct hv_call *call); /* may lose; on_done still runs once */

/*
 * The same for a program without a loop (CLI, tests): sends, waits, copies the
 * answer into memory the caller frees. Blocks up to deadline_ms; GONE within about
 * 50 ms where nobody listens.
 */
HV_MUST_USE
enum hv_code hv_rpc_ask(const char *url, const void *bytes, size_t count,
			uint64_t deadline_ms, uint8_t **ret_bytes, size_t *ret_count,
			struct hv_err *err);

#endif
