/*
 * control - what the agent asks over nng (proto/hypervisor.proto). Every request
 * may be repeated; those that take time hold their exchange.
 */
#include "hvcore/hypervisor/director.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/log.h"

#define CONTEXTS 16 /* requests open at once; one agent has a few */

static void send_reply(struct hv_exchange *exchange, const Tarn__HvReply *reply)
{
	uint8_t *bytes = NULL;
	size_t count = 0;
	struct hv_err err;

	if (hv_message_encode(&reply->base, &bytes, &count, &err) != HV_OK) {
		log_warn("hypervisor.reply", "error=\"%s\"", err.text);
		hv_exchange_answer(exchange, "", 0); /* the agent asks again */
		return;
	}
	hv_exchange_answer(exchange, bytes, count);
	free(bytes);
}

void control_answer(struct hv_exchange *exchange, enum hv_code code,
		    const struct hv_err *err)
{
	Tarn__HvReply reply = TARN__HV_REPLY__INIT;
	Tarn__Error error = TARN__ERROR__INIT;
	char text[HV_ERR_TEXT_BYTES];

	if (exchange == NULL)
		return;
	if (code != HV_OK) {
		(void)snprintf(text, sizeof(text), "%s", hv_err_text(err));
		error.code = code;
		error.text = text;
		reply.error = &error;
	}
	send_reply(exchange, &reply);
}

void control_answer_token(struct hv_exchange *exchange, const uint8_t *token)
{
	Tarn__HvReply reply = TARN__HV_REPLY__INIT;
	Tarn__HvPartitionDefined defined = TARN__HV_PARTITION_DEFINED__INIT;
	uint8_t copy[HV_TOKEN_BYTES];

	if (exchange == NULL)
		return;
	memcpy(copy, token, sizeof(copy));
	defined.token = (ProtobufCBinaryData){ sizeof(copy), copy };
	reply.defined = &defined;
	send_reply(exchange, &reply);
}

void control_answer_stat(struct hv_exchange *exchange, Tarn__HostStat *stat)
{
	Tarn__HvReply reply = TARN__HV_REPLY__INIT;

	if (exchange == NULL)
		return;
	reply.stat = stat;
	send_reply(exchange, &reply);
}

/* ---- requests ---- */

static void on_stat(struct hypervisor *hv, const Tarn__HvRequest *request,
		    struct hv_exchange *exchange)
{
	stat_ask(hv, exchange, request->stat);
}

static void on_pool_set(struct hypervisor *hv, const Tarn__HvRequest *request,
			struct hv_exchange *exchange)
{
	pool_set(hv, request->pool_set->mem_bytes, request->pool_set->max_bytes,
		 exchange);
}

static void on_reserve_set(struct hypervisor *hv, const Tarn__HvRequest *request,
			   struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	control_answer(exchange, reserve_set(hv, request->reserve_set->lmbs, &err), &err);
}

static void on_pool_remove(struct hypervisor *hv, const Tarn__HvRequest *request,
			   struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	(void)request;
	control_answer(exchange, pool_remove(hv, &err), &err);
}

static void on_define(struct hypervisor *hv, const Tarn__HvRequest *request,
		      struct hv_exchange *exchange)
{
	partition_define(hv, request->define, exchange);
}

static void on_remove(struct hypervisor *hv, const Tarn__HvRequest *request,
		      struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	control_answer(exchange,
		       partition_remove(hv, request->remove->name,
					request->remove->run_id, &err),
		       &err);
}

static void on_control(struct hypervisor *hv, const Tarn__HvRequest *request,
		       struct hv_exchange *exchange)
{
	static const uint32_t commands[] = {
		[TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN] =
			HV_CONTROL_SHUTDOWN,
		[TARN__PARTITION_COMMAND__PARTITION_COMMAND_VERIFY] = HV_CONTROL_VERIFY,
		[TARN__PARTITION_COMMAND__PARTITION_COMMAND_RESET_STALL] =
			HV_CONTROL_RESET_STALL,
	};
	const Tarn__HvPartitionControl *ask = request->control;
	struct partition *partition = partition_find(hv, ask->name);
	struct hv_err err = { 0 };
	enum hv_code code;

	if (partition == NULL || partition->run_id != ask->run_id)
		code = hv_fail(&err, HV_E_NOTFOUND, "no partition '%s' with run %llu",
			       ask->name, (unsigned long long)ask->run_id);
	else
		code = attach_control(partition, commands[ask->command],
				      ask->has_command_id ? ask->command_id : 0, &err);
	control_answer(exchange, code, &err);
}

static void on_resize(struct hypervisor *hv, const Tarn__HvRequest *request,
		      struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	control_answer(exchange, resize_ask(hv, request->resize, &err), &err);
}

static void on_share(struct hypervisor *hv, const Tarn__HvRequest *request,
		     struct hv_exchange *exchange)
{
	share_ask(hv, request->share, exchange);
}

static void on_expect(struct hypervisor *hv, const Tarn__HvRequest *request,
		      struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	control_answer(exchange, director_expect(hv, request->vios_expect, &err), &err);
}

static void on_failback(struct hypervisor *hv, const Tarn__HvRequest *request,
			struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	control_answer(exchange, pair_fail_back(hv, request->failback->partition, &err),
		       &err);
}

static void on_device(struct hypervisor *hv, const Tarn__HvRequest *request,
		      struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	control_answer(exchange, change_ask(hv, request->device, &err), &err);
}

static void on_primary(struct hypervisor *hv, const Tarn__HvRequest *request,
		       struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	control_answer(exchange, pair_give(hv, request->primary, &err), &err);
}

static void on_shutdown(struct hypervisor *hv, const Tarn__HvRequest *request,
			struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	(void)request;
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next) {
		if (!life_is_attached(p))
			continue;
		(void)hv_fail(&err, HV_E_BUSY, "partition '%s' is running", p->name);
		control_answer(exchange, HV_E_BUSY, &err);
		return;
	}
	control_answer(exchange, HV_OK, NULL);
	log_info("hypervisor.shutdown", "by=agent");
	/* the answer leaves before the loop is closed: one more turn of it */
	hv->is_ending = true;
	hypervisor_poll_soon(hv);
}

typedef void on_request(struct hypervisor *hv, const Tarn__HvRequest *request,
			struct hv_exchange *exchange);

/* clang-format off */
static on_request *const table[] = {
	[TARN__HV_REQUEST__KIND_STAT]        = on_stat,
	[TARN__HV_REQUEST__KIND_POOL_SET]    = on_pool_set,
	[TARN__HV_REQUEST__KIND_POOL_REMOVE] = on_pool_remove,
	[TARN__HV_REQUEST__KIND_DEFINE]      = on_define,
	[TARN__HV_REQUEST__KIND_REMOVE]      = on_remove,
	[TARN__HV_REQUEST__KIND_CONTROL]     = on_control,
	[TARN__HV_REQUEST__KIND_VIOS_EXPECT] = on_expect,
	[TARN__HV_REQUEST__KIND_SHUTDOWN]    = on_shutdown,
	[TARN__HV_REQUEST__KIND_RESERVE_SET] = on_reserve_set,
	[TARN__HV_REQUEST__KIND_RESIZE]      = on_resize,
	[TARN__HV_REQUEST__KIND_SHARE]       = on_share,
	[TARN__HV_REQUEST__KIND_FAILBACK]    = on_failback,
	[TARN__HV_REQUEST__KIND_DEVICE]      = on_device,
	[TARN__HV_REQUEST__KIND_PRIMARY]     = on_primary,
};
/* clang-format on */

static void on_exchange(void *arg, struct hv_exchange *exchange)
{
	struct hypervisor *hv = arg;
	Tarn__HvRequest *request = NULL;
	struct hv_err err = { 0 };
	size_t count = 0;
	const uint8_t *bytes = hv_exchange_bytes(exchange, &count);
	enum hv_code code = hv_hv_request_decode(bytes, count, &request, &err);

	if (code == HV_OK && ((size_t)request->kind_case >= HV_COUNT(table) ||
			      table[request->kind_case] == NULL))
		code = hv_fail(&err, HV_E_INVAL, "unknown kind of request");
	if (code == HV_OK)
		table[request->kind_case](hv, request, exchange);
	else
		control_answer(exchange, code, &err);
	if (request != NULL)
		tarn__hv_request__free_unpacked(request, NULL);
}

enum hv_code control_open(struct hypervisor *hv, struct hv_err *err)
{
	char url[HV_LOCAL_PATH_BYTES + 32];
	struct hv_server_config config = {
		.url = url,
		.contexts = CONTEXTS,
		.bytes_max = HV_RPC_BYTES_MAX,
		.on_request = on_exchange,
		.arg = hv,
	};

	(void)snprintf(url, sizeof(url), "ipc://%s/run/hv.ipc", hv->state_dir);
	return hv_server_open(hv->loop, &config, &hv->server, err);
}

void control_close(struct hypervisor *hv)
{
	hv_server_close(hv->server);
	hv->server = NULL;
}
