/*
 * rpc_ask - see rpc.h: one call on a loop of its own.
 *
 * nng does not say that nobody listens, it tries again; so while the request is
 * not sent, the address is probed now and then: a person gets an answer at once.
 */
#include "hvcore/loop/rpc_priv.h"

#include <stdlib.h>
#include <string.h>

#define PROBE_FIRST_MS 50 /* a connection on one machine takes 1 ms */
#define PROBE_AGAIN_MS 200

struct ask {
	struct hv_loop *loop;
	const char *url;
	struct hv_call call;
	struct hv_timer probe;
	enum hv_code code;
	bool is_refused;
	uint8_t *answer;
	size_t count;
};

static void on_done(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		    size_t count)
{
	struct ask *ask = HV_CONTAINER(call, struct ask, call);

	ask->code = code;
	if (code == HV_OK) {
		ask->answer = malloc(count > 0 ? count : 1);
		ask->count = count;
		if (ask->answer == NULL)
			ask->code = HV_E_NOMEM;
		else if (count > 0)
			memcpy(ask->answer, bytes, count);
	}
	hv_loop_stop(ask->loop);
}

static void on_probe(struct hv_timer *timer)
{
	struct ask *ask = HV_CONTAINER(timer, struct ask, probe);

	if (hv_call_is_sent(&ask->call) || hv_rpc_url_answers(ask->url))
		return;
	ask->is_refused = true;
	hv_call_cancel(&ask->call);
}

static enum hv_code explain(const struct ask *ask, struct hv_err *err)
{
	if (ask->is_refused && ask->code == HV_E_CANCELED)
		return hv_fail(err, HV_E_GONE, "nobody listens at '%s'", ask->url);
	switch (ask->code) {
	case HV_OK:
		return HV_OK;
	case HV_E_TIMEOUT:
		return hv_fail(err, HV_E_TIMEOUT, "no answer from '%s' in time",
			       ask->url);
	case HV_E_GONE:
		return hv_fail(err, HV_E_GONE,
			       "'%s' went away before it answered; the request may have "
			       "been done",
			       ask->url);
	default:
		return hv_fail(err, ask->code, "ask '%s': %s", ask->url,
			       hv_code_name(ask->code));
	}
}

enum hv_code hv_rpc_ask(const char *url, const void *bytes, size_t count,
			uint64_t deadline_ms, uint8_t **ret_bytes, size_t *ret_count,
			struct hv_err *err)
{
	struct ask ask = { .url = url, .call.on_done = on_done, .probe.run = on_probe };
	struct hv_client *client = NULL;
	enum hv_code code = hv_loop_open(&ask.loop, err);

	if (code != HV_OK)
		return code;
	code = hv_client_open(ask.loop, url, HV_RPC_BYTES_MAX, &client, err);
	if (code == HV_OK)
		code = hv_timer_start(ask.loop, &ask.probe, PROBE_FIRST_MS,
				      PROBE_AGAIN_MS, err);
	if (code == HV_OK)
		code = hv_call_start(client, &ask.call, bytes, count, deadline_ms, err);
	if (code == HV_OK) {
		hv_loop_run(ask.loop);
		code = explain(&ask, err);
	}
	hv_timer_stop(&ask.probe);
	hv_client_close(client);
	hv_loop_close(ask.loop);
	if (code == HV_OK) {
		*ret_bytes = ask.answer;
		*ret_count = ask.count;
	}
	return code;
}
