/* export - see export.h. */
#include "vios/export.h"

#include <stdlib.h>

#include "hvcore/base/log.h"
#include "hvcore/loop/rpc.h"
#include "vios/control.h"
#include "vios/export_client.h"
#include "vios/orders.h"

/* Exchanges: all that clients may have at once, and some for those that are refused. */
#define CONTEXTS (EXPORT_CLIENTS_MAX * EXPORT_BATCHES_MAX + 64)
#define LOOK_MS 500 /* injections that ended, clients that say nothing */

struct vios_export {
	struct vios_export_config config;
	struct hv_loop *loop;
	struct hv_server *server;
	struct vios_control control;
	struct vios_inject inject;
	struct hv_window_head counts; /* of injections; nobody else sees them */
	struct hv_timer look;
	uint64_t base; /* random: sessions of another process are none here */
	struct export_client *clients[EXPORT_CLIENTS_MAX];
	unsigned client_count;
	struct hv_job broken;
	_Atomic bool is_broken;
	struct hv_err why_broken;
	enum hv_code outcome;
};

static void on_broken_job(struct hv_job *job)
{
	struct vios_export *export = HV_CONTAINER(job, struct vios_export, broken);

	export->outcome = export->why_broken.code;
	hv_loop_stop(export->loop);
}

static void on_lane_broken(void *arg, const struct hv_err *err) /* a lane */
{
	struct vios_export *export = arg;

	if (atomic_exchange(&export->is_broken, true))
		return; /* one is enough */
	export->why_broken = *err;
	hv_loop_post(export->loop, &export->broken);
}

static struct export_client *find_session(struct vios_export *export, uint64_t session)
{
	for (unsigned i = 0; i < export->client_count; i++)
		if (export_client_serves(export->clients[i], session))
			return export->clients[i];
	return NULL;
}

/* Numbers of two clients never meet: 2^48 sessions lie between them. */
static uint64_t base_of(const struct vios_export *export, unsigned client)
{
	return export->base + ((uint64_t)client << 48);
}

static enum hv_code find_client(struct vios_export *export,
				const Tarn__RemoteHello *hello,
				struct export_client **ret_client, struct hv_err *err)
{
	const struct export_client_config config = {
		.loop = export->loop,
		.inject = export->config.allow_drills ? &export->inject : NULL,
		.hello = hello,
		.base = base_of(export, export->client_count),
		.on_broken = on_lane_broken,
		.arg = export,
	};
	enum hv_code code;

	for (unsigned i = 0; i < export->client_count; i++) {
		if (export_client_is(export->clients[i], hello)) {
			*ret_client = export->clients[i];
			return HV_OK;
		}
	}
	if (export->client_count == EXPORT_CLIENTS_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "VIOS '%s' has had %d clients, and takes no more until it "
			       "is started again",
			       export->config.name, EXPORT_CLIENTS_MAX);
	code = export_client_new(&config, ret_client, err);
	if (code == HV_OK)
		export->clients[export->client_count++] = *ret_client;
	return code;
}

static void on_hello(struct vios_export *export, const Tarn__RemoteHello *hello,
		     struct hv_exchange *exchange)
{
	struct export_client *client;
	struct hv_err err;
	enum hv_code code = find_client(export, hello, &client, &err);

	if (code == HV_OK) {
		export_client_hello(client, hello, exchange);
		return;
	}
	log_warn("vios.client_refused", "client=%s why=\"%s\"", hello->vios, err.text);
	export_refuse(exchange, code, err.text);
}

static void on_request(void *arg, struct hv_exchange *exchange)
{
	struct vios_export *export = arg;
	struct export_client *client;
	Tarn__RemoteRequest *request;
	const uint8_t *bytes;
	struct hv_err err;
	enum hv_code code;
	size_t count;

	bytes = hv_exchange_bytes(exchange, &count);
	code = hv_remote_request_decode(bytes, count, &request, &err);
	if (code != HV_OK) {
		export_refuse(exchange, code, err.text);
		return;
	}
	client = find_session(export, request->session); /* 0, of a hello: none */
	if (client != NULL) {
		export_client_take(client, request, exchange);
		return;
	}
	if (request->kind_case == TARN__REMOTE_REQUEST__KIND_HELLO)
		on_hello(export, request->hello, exchange);
	else
		export_refuse(exchange, HV_E_STALE, "the session is over");
	tarn__remote_request__free_unpacked(request, NULL);
}

static bool has_device(void *arg, const uint8_t id[HV_PGDEV_ID_BYTES])
{
	struct vios_export *export = arg;

	for (unsigned i = 0; i < export->client_count; i++)
		if (export_client_has(export->clients[i], id))
			return true;
	return false;
}

static enum hv_code on_order(void *arg, const struct hv_inject_order *order,
			     struct hv_inject_answer *answer, struct hv_err *err)
{
	struct vios_export *export = arg;
	const struct vios_orders orders = {
		.name = export->config.name,
		.allow_drills = export->config.allow_drills,
		.serves = true,
		.inject = &export->inject,
		.has = has_device,
		.arg = export,
	};

	return vios_orders_carry_out(&orders, order, answer, err);
}

static void on_look(struct hv_timer *timer)
{
	struct vios_export *export = HV_CONTAINER(timer, struct vios_export, look);
	uint64_t now_ms = hv_loop_now_ms(export->loop);

	vios_inject_look(&export->inject);
	for (unsigned i = 0; i < export->client_count; i++)
		export_client_look(export->clients[i], now_ms);
}

static void on_terminate(void *arg, int signal)
{
	struct vios_export *export = arg;

	log_info("vios.terminated", "signal=%d", signal);
	hv_loop_stop(export->loop);
}

static enum hv_code set_up(struct vios_export *export, struct hv_err *err)
{
	const struct hv_server_config server = {
		.url = export->config.url,
		.contexts = CONTEXTS,
		.bytes_max = HV_REMOTE_BYTES_MAX,
		.on_request = on_request,
		.arg = export,
	};
	const struct vios_control_config control = {
		.path = export->config.control_path,
		.on_order = on_order,
		.arg = export,
	};
	enum hv_code code = hv_loop_on_terminate(export->loop, on_terminate, export, err);

	if (code == HV_OK)
		code = hv_timer_start(export->loop, &export->look, LOOK_MS, LOOK_MS, err);
	if (code == HV_OK)
		code = vios_control_start(&export->control, export->loop, &control, err);
	if (code == HV_OK)
		code = hv_server_open(export->loop, &server, &export->server, err);
	return code;
}

enum hv_code vios_export_open(const struct vios_export_config *config,
			      struct vios_export **ret_export, struct hv_err *err)
{
	struct vios_export *export = calloc(1, sizeof(*export));
	enum hv_code code;

	if (export == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for an export");
	export->config = *config;
	export->look.run = on_look;
	export->broken.run = on_broken_job;
	atomic_init(&export->is_broken, false);
	vios_control_init(&export->control);
	vios_inject_init(&export->inject, &vios_inject_env_real);
	vios_inject_show(&export->inject, &export->counts);
	/* A quarter of the numbers: none of a client comes round to 0. */
	export->base = vios_inject_env_real.random(NULL) >> 2;
	code = hv_loop_open(&export->loop, err);
	if (code == HV_OK)
		code = set_up(export, err);
	if (code != HV_OK) {
		vios_export_close(export);
		return code;
	}
	*ret_export = export;
	return HV_OK;
}

enum hv_code vios_export_run(struct vios_export *export, struct hv_err *err)
{
	hv_loop_run(export->loop);
	if (export->outcome != HV_OK && err != NULL)
		*err = export->why_broken;
	return export->outcome;
}

void vios_export_close(struct vios_export *export)
{
	if (export == NULL)
		return;
	hv_timer_stop(&export->look);
	vios_control_stop(&export->control);
	hv_server_close(export->server);
	(void)vios_inject_clear(&export->inject, "the VIOS ends");
	for (unsigned i = 0; i < export->client_count; i++)
		export_client_stop(export->clients[i]);
	hv_loop_close(export->loop); /* runs what lanes and workers have posted */
	for (unsigned i = 0; i < export->client_count; i++)
		export_client_free(export->clients[i]);
	free(export);
}
