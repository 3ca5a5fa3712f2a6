/* rpc_ask - see rpc.h: one call on a loop of its own. */
#include "hvcore/loop/rpc_priv.h"

#include <stdlib.h>
#include <string.h>

struct ask {
	struct hv_loop *loop;
	struct hv_call call;
	enum hv_code code;
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

static enum hv_code explain(enum hv_code code, const char *url, struct hv_err *err)
{
	switch (code) {
	case HV_OK:
		return HV_OK;
	case HV_E_TIMEOUT:
		return hv_fail(err, HV_E_TIMEOUT, "no answer from '%s' in time", url);
	case HV_E_GONE:
		return hv_fail(err, HV_E_GONE,
			       "nobody answers at '%s', or it went away meanwhile", url);
	default:
		return hv_fail(err, code, "ask '%s': %s", url, hv_code_name(code));
	}
}

enum hv_code hv_rpc_ask(const char *url, const void *bytes, size_t count,
			uint64_t deadline_ms, uint8_t **ret_bytes, size_t *ret_count,
			struct hv_err *err)
{
	struct ask ask = { .call.on_done = on_done };
	struct hv_client *client = NULL;
	enum hv_code code = hv_loop_open(&ask.loop, err);

	if (code != HV_OK)
		return code;
	code = hv_client_open_impatient(ask.loop, url, HV_RPC_BYTES_MAX, &client, err);
	if (code == HV_OK)
		code = hv_call_start(client, &ask.call, bytes, count, deadline_ms, err);
	if (code == HV_OK) {
		hv_loop_run(ask.loop);
		code = explain(ask.code, url, err);
	}
	hv_client_close(client);
	hv_loop_close(ask.loop);
	if (code == HV_OK) {
		*ret_bytes = ask.answer;
		*ret_count = ask.count;
	}
	return code;
}
