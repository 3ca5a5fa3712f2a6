/* link - see link.h. */
#include "agent/link.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

struct ask {
	struct hv_call call;
	struct agent_link *link;
	uint32_t tag;
};

struct agent_link {
	struct agent_link_config config;
	struct hv_client *hypervisor;
	struct hv_client *coordinator;
};

enum hv_code agent_link_open(struct hv_loop *loop, const struct agent_link_config *config,
			     struct agent_link **ret_link, struct hv_err *err)
{
	struct agent_link *link = calloc(1, sizeof(*link));
	char url[AGENT_STATE_PATH_MAX + 32];
	enum hv_code code;

	if (link == NULL)
		return hv_fail(err, HV_E_NOMEM, "connections of the agent");
	link->config = *config;
	(void)snprintf(url, sizeof(url), "ipc://%s/run/hv.ipc", config->options->state);
	code = hv_client_open(loop, url, HV_MESSAGE_BYTES_MAX, &link->hypervisor, err);
	if (code == HV_OK)
		code = hv_client_open(loop, config->options->coordinator,
				      HV_MESSAGE_BYTES_MAX, &link->coordinator, err);
	if (code != HV_OK) {
		agent_link_close(link);
		return code;
	}
	*ret_link = link;
	return HV_OK;
}

void agent_link_close(struct agent_link *link)
{
	if (link == NULL)
		return;
	hv_client_close(link->coordinator);
	hv_client_close(link->hypervisor);
	free(link);
}

static struct ask *ask_of(struct hv_call *call)
{
	return HV_CONTAINER(call, struct ask, call);
}

static void on_hypervisor(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
			  size_t count)
{
	struct ask *ask = ask_of(call);
	struct agent_link *link = ask->link;
	Tarn__HvReply *reply = NULL;
	uint32_t tag = ask->tag;

	if (code == HV_OK)
		code = hv_hv_reply_decode(bytes, count, &reply, NULL);
	free(ask);
	link->config.on_hypervisor(link->config.arg, tag, code, reply);
}

static void on_coordinator(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
			   size_t count)
{
	struct ask *ask = ask_of(call);
	struct agent_link *link = ask->link;
	Tarn__HostReply *reply = NULL;
	uint32_t tag = ask->tag;

	if (code == HV_OK)
		code = hv_host_reply_decode(bytes, count, &reply, NULL);
	free(ask);
	link->config.on_coordinator(link->config.arg, tag, code, reply);
}

static void on_console(struct hv_call *call, enum hv_code code, const uint8_t *bytes,
		       size_t count)
{
	struct ask *ask = ask_of(call);
	struct agent_link *link = ask->link;
	Tarn__HostReply *reply = NULL;

	if (code == HV_OK)
		code = hv_host_reply_decode(bytes, count, &reply, NULL);
	free(ask);
	link->config.on_console(link->config.arg, code, reply);
	if (reply != NULL)
		tarn__host_reply__free_unpacked(reply, NULL);
}

static enum hv_code send(struct hv_client *client, const struct ask *what,
			 const ProtobufCMessage *message, uint64_t deadline_ms,
			 struct hv_err *err)
{
	struct ask *ask = malloc(sizeof(*ask));
	uint8_t *bytes;
	size_t count;
	enum hv_code code;

	if (ask == NULL)
		return hv_fail(err, HV_E_NOMEM, "send a request");
	*ask = *what;
	code = hv_message_encode(message, &bytes, &count, err);
	if (code != HV_OK)
		goto free_ask;
	code = hv_call_start(client, &ask->call, bytes, count, deadline_ms, err);
	free(bytes);
	if (code != HV_OK)
		goto free_ask;
	return HV_OK;

free_ask:
	free(ask);
	return code;
}

enum hv_code agent_link_ask_hypervisor(struct agent_link *link, uint32_t tag,
				       const Tarn__HvRequest *request,
				       uint64_t deadline_ms, struct hv_err *err)
{
	struct ask ask = { { .on_done = on_hypervisor }, link, tag };

	return send(link->hypervisor, &ask, &request->base, deadline_ms, err);
}

enum hv_code agent_link_ask_coordinator(struct agent_link *link, uint32_t tag,
					const Tarn__HostRequest *request,
					uint64_t deadline_ms, struct hv_err *err)
{
	struct ask ask = { { .on_done = on_coordinator }, link, tag };

	return send(link->coordinator, &ask, &request->base, deadline_ms, err);
}

enum hv_code agent_link_ask_console(struct agent_link *link,
				    const Tarn__HostRequest *request,
				    uint64_t deadline_ms, struct hv_err *err)
{
	struct ask ask = { { .on_done = on_console }, link, 0 };

	return send(link->coordinator, &ask, &request->base, deadline_ms, err);
}
