/* export_client - see export_client.h. */
#include "vios/export_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/vasi/client.h"
#include "vios/devices.h"
#include "vios/export_batch.h"
#include "vios/fence.h"
#include "vios/header.h"
#include "vios/lane.h"

#define EPOCH 1           /* of the one window of a client */
#define HEARTBEAT_MS 1000 /* nobody looks at it */

enum handle_state { SHUT, OPENING, OPEN, CLOSING };

struct handle {
	enum handle_state state;
	struct hv_exchange *exchange; /* to be answered when it gets there; NULL: none */
};

struct export_client {
	struct export_client_config config;
	uint8_t host[HV_PGDEV_ID_BYTES];
	char name[HV_NAME_BYTES];
	struct vios_fence fence;
	struct vios_opener opener;
	struct vios_devices *devices;
	struct hv_window window;
	struct vios_lane *lane;
	struct hv_watch bell;
	struct export_batches batches;
	uint64_t heard_ms;
	bool is_stopped;
	struct handle handles[HV_DEVICES_MAX];
};

static struct export_client *client_of(void *arg)
{
	return arg;
}

static void answer_opened(struct hv_exchange *exchange,
			  const struct hv_session_device_opened *opened)
{
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;
	Tarn__RemoteOpened body = TARN__REMOTE_OPENED__INIT;

	body.slots = opened->slots;
	body.dev = opened->dev;
	body.inode = opened->inode;
	body.is_direct = opened->is_direct != 0;
	reply.opened = &body;
	export_answer(exchange, &reply);
}

/* ---- devices ---- */

static void shut(struct export_client *client, struct handle *handle)
{
	handle->state = SHUT;
	handle->exchange = NULL;
	vios_fence_release(&client->fence);
}

static void on_opened(struct export_client *client,
		      const struct hv_session_device_opened *opened)
{
	struct handle *handle = &client->handles[opened->handle];
	struct hv_exchange *exchange = handle->exchange;

	if (handle->state != OPENING)
		return; /* it is to be closed, and that is on its way */
	handle->exchange = NULL;
	if (opened->code != HV_OK) {
		export_refuse(exchange, (enum hv_code)opened->code, opened->text);
		shut(client, handle);
		return;
	}
	handle->state = OPEN;
	answer_opened(exchange, opened);
}

static void on_closed(struct export_client *client,
		      const struct hv_session_device_close *closed)
{
	struct handle *handle = &client->handles[closed->handle];

	if (handle->state != CLOSING)
		return;
	if (handle->exchange != NULL)
		export_refuse(handle->exchange, HV_OK, "");
	shut(client, handle);
}

/* What vios_devices has to say to a hypervisor. */
static enum hv_code on_packet(void *arg, const void *packet, size_t bytes)
{
	struct export_client *client = client_of(arg);
	struct hv_local_head head;

	if (client->is_stopped)
		return HV_E_GONE;
	HV_INVARIANT(bytes >= sizeof(head));
	memcpy(&head, packet, sizeof(head));
	if (head.type == HV_SESSION_DEVICE_OPENED)
		on_opened(client, packet);
	else
		on_closed(client, packet);
	return HV_OK;
}

static void start_closing(struct export_client *client, uint32_t index,
			  struct hv_exchange *exchange)
{
	const struct hv_session_device_close close = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_CLOSE,
				      sizeof(close), 0),
		.handle = index,
	};

	client->handles[index].state = CLOSING;
	client->handles[index].exchange = exchange;
	vios_devices_on_close(client->devices, &close);
}

static void on_open(struct export_client *client, const Tarn__RemoteOpen *ask,
		    struct hv_exchange *exchange)
{
	struct handle *handle = &client->handles[ask->handle];
	struct hv_session_device_open open = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_OPEN,
				      sizeof(open), 0),
		.handle = ask->handle,
		.lock_byte = ask->lock_byte,
		.owner_epoch = ask->owner_epoch,
	};

	if (handle->state != SHUT) {
		export_refuse(exchange, HV_E_EXISTS, "the handle is in use");
		return;
	}
	memcpy(open.id, ask->id.data, sizeof(open.id)); /* RULE_BYTES, RULE_PATH */
	(void)snprintf(open.path, sizeof(open.path), "%s", ask->path);
	vios_fence_hold(&client->fence);
	handle->state = OPENING;
	handle->exchange = exchange;
	vios_devices_on_open(client->devices, &open);
}

static void on_close(struct export_client *client, uint32_t index,
		     struct hv_exchange *exchange)
{
	switch (client->handles[index].state) {
	case OPEN:
		start_closing(client, index, exchange);
		return;
	case SHUT:
		export_refuse(exchange, HV_OK, "");
		return;
	default:
		export_refuse(exchange, HV_E_STATE,
			      "the handle is being opened or closed");
	}
}

/* Its header says whose it is: a client gets no device of another host's. */
static enum hv_code open_of_host(void *arg, const struct hv_session_device_open *open,
				 unsigned lanes, struct vios_device *ret_device,
				 struct hv_err *err) /* W */
{
	const struct export_client *client = arg;
	struct vios_device device;
	enum hv_code code = vios_device_open(open, lanes, NULL, &device, err);

	if (code != HV_OK)
		return code;
	if (memcmp(device.host, client->host, sizeof(client->host)) != 0) {
		vios_device_close(&device);
		return hv_fail(err, HV_E_BUSY, "'%s' belongs to another host",
			       open->path);
	}
	*ret_device = device;
	return HV_OK;
}

/* ---- sessions ---- */

static void on_stop(void *arg)
{
	struct export_client *client = client_of(arg);

	log_info("vios.client_over", "client=%s", client->name);
	export_batches_drop(&client->batches);
	for (uint32_t i = 0; i < HV_DEVICES_MAX; i++) {
		struct handle *handle = &client->handles[i];

		if (handle->exchange != NULL)
			export_refuse(handle->exchange, HV_E_STALE,
				      "the session is over");
		handle->exchange = NULL;
		if (handle->state == OPENING || handle->state == OPEN)
			start_closing(client, i, NULL);
	}
}

static void on_greet(void *arg, void *hello, uint64_t session)
{
	struct export_client *client = client_of(arg);
	Tarn__RemoteReply reply = TARN__REMOTE_REPLY__INIT;

	log_info("vios.client_greeted", "client=%s session=%llx", client->name,
		 (unsigned long long)session);
	reply.has_session = 1;
	reply.session = session;
	client->heard_ms = hv_loop_now_ms(client->config.loop);
	export_answer(hello, &reply);
}

static void on_refuse(void *arg, void *hello, enum hv_code code, const char *why)
{
	(void)arg;
	export_refuse(hello, code, why);
}

static const struct vios_fence_ops fence_ops = { on_stop, on_greet, on_refuse };

bool export_client_is(const struct export_client *client, const Tarn__RemoteHello *hello)
{
	return memcmp(client->host, hello->host_id.data, sizeof(client->host)) == 0 &&
	       strcmp(client->name, hello->vios) == 0;
}

bool export_client_serves(const struct export_client *client, uint64_t session)
{
	return vios_fence_serves(&client->fence, session);
}

bool export_client_has(struct export_client *client, const uint8_t id[HV_PGDEV_ID_BYTES])
{
	return vios_devices_has(client->devices, id);
}

void export_client_hello(struct export_client *client, const Tarn__RemoteHello *hello,
			 struct hv_exchange *exchange)
{
	static_assert(VIOS_INCARNATION_BYTES == HV_KEY_BYTES, "RULE_BYTES of it");
	vios_fence_hello(&client->fence, hello->incarnation.data, exchange);
}

void export_client_take(struct export_client *client, Tarn__RemoteRequest *request,
			struct hv_exchange *exchange)
{
	client->heard_ms = hv_loop_now_ms(client->config.loop);
	switch (request->kind_case) {
	case TARN__REMOTE_REQUEST__KIND_BATCH:
		export_batches_take(&client->batches, request, exchange);
		return; /* both are the batch's */
	case TARN__REMOTE_REQUEST__KIND_OPEN:
		on_open(client, request->open, exchange);
		break;
	case TARN__REMOTE_REQUEST__KIND_CLOSE:
		on_close(client, request->close->handle, exchange);
		break;
	default: /* a ping */
		export_refuse(exchange, HV_OK, "");
	}
	tarn__remote_request__free_unpacked(request, NULL);
}

void export_client_look(struct export_client *client, uint64_t now_ms)
{
	if (client->fence.session == 0 ||
	    now_ms - client->heard_ms < HV_REMOTE_SILENCE_MS)
		return;
	log_warn("vios.client_silent", "client=%s ms=%llu", client->name,
		 (unsigned long long)(now_ms - client->heard_ms));
	vios_fence_end(&client->fence);
}

/* ---- life ---- */

static void on_bell(struct hv_watch *watch, unsigned events)
{
	struct export_client *client = HV_CONTAINER(watch, struct export_client, bell);
	uint64_t count;

	(void)events;
	if (read(client->window.completion_doorbell[0], &count, sizeof(count)) < 0)
		HV_INVARIANT(errno == EAGAIN || errno == EINTR);
	export_batches_run(&client->batches);
}

static enum hv_code start_lane(struct export_client *client, struct hv_err *err)
{
	const struct vios_lane_config config = {
		.window = &client->window,
		.lane = 0,
		.epoch = EPOCH,
		.heartbeat_ms = HEARTBEAT_MS,
		.table = vios_devices_table(client->devices),
		.inject = client->config.inject,
		.on_broken = client->config.on_broken,
		.arg = client->config.arg,
	};
	enum hv_code code = vios_lane_open(&config, &client->lane, err);

	return code == HV_OK ? vios_lane_start(client->lane, err) : code;
}

static enum hv_code set_up(struct export_client *client, struct hv_err *err)
{
	const struct vios_devices_config devices = {
		.loop = client->config.loop,
		.opener = &client->opener,
		.send = on_packet,
		.arg = client,
	};
	enum hv_code code = hv_window_create(1, &client->window, err);

	if (code == HV_OK)
		code = export_batches_open(&client->batches, &client->window, EPOCH,
					   &client->fence, err);
	if (code == HV_OK)
		code = vios_devices_new(&devices, &client->devices, err);
	if (code != HV_OK)
		return code;
	vios_devices_set_lanes(client->devices, 1);
	code = start_lane(client, err);
	if (code == HV_OK)
		code = hv_watch_start(client->config.loop, &client->bell,
				      client->window.completion_doorbell[0],
				      HV_WATCH_READ, err);
	if (code == HV_OK)
		export_batches_run(&client->batches); /* from here on it is rung for */
	return code;
}

enum hv_code export_client_new(const struct export_client_config *config,
			       struct export_client **ret_client, struct hv_err *err)
{
	struct export_client *client = calloc(1, sizeof(*client));
	enum hv_code code;

	if (client == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a client");
	client->config = *config;
	client->config.hello = NULL;
	memcpy(client->host, config->hello->host_id.data, sizeof(client->host));
	(void)snprintf(client->name, sizeof(client->name), "%s", config->hello->vios);
	client->opener = vios_opener_local;
	client->opener.open = open_of_host;
	client->opener.arg = client;
	client->bell.run = on_bell;
	hv_window_init(&client->window);
	vios_fence_init(&client->fence, &fence_ops, client, config->base);
	code = set_up(client, err);
	if (code != HV_OK) {
		export_client_stop(client);
		export_client_free(client);
		return code;
	}
	*ret_client = client;
	return HV_OK;
}

void export_client_stop(struct export_client *client)
{
	client->is_stopped = true;
	hv_watch_stop(&client->bell);
	if (client->lane != NULL) {
		vios_lane_stop(client->lane);
		vios_lane_join(client->lane);
	}
	vios_lane_close(client->lane);
	client->lane = NULL;
	vios_devices_stop(client->devices);
}

void export_client_free(struct export_client *client)
{
	if (client == NULL)
		return;
	HV_INVARIANT(client->is_stopped);
	vios_devices_free(client->devices);
	export_batches_close(&client->batches);
	hv_window_close(&client->window);
	free(client);
}
