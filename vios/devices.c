/* devices - see devices.h. */
#include "vios/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

struct handle {
	struct vios_devices *devices;
	struct hv_session_device_open open; /* as asked */
	struct hv_work job;                 /* opens or closes, in a worker */
	struct hv_job done;                 /* and back on L */
	struct vios_device device;          /* the worker's while a job is out */
	enum hv_code code;                  /* of the opening */
	struct hv_err err;
	bool has_device; /* `device` is open and not in the table yet */
	bool is_job_out;
	bool wants_close; /* DEVICE_CLOSE came while opening */
	bool owes_opened, owes_closed;
	uint32_t close_tag;
	struct hv_session_device_opened opened;
};

struct vios_devices {
	struct vios_devices_config config;
	unsigned lanes;
	bool is_stopped;
	struct hv_workers workers;
	struct vios_table table;
	struct hv_job poke; /* lanes: a CLOSING device may be unused */
	_Atomic bool is_poked;
	struct handle handles[HV_DEVICES_MAX];
};

static uint32_t index_of(const struct handle *handle)
{
	return (uint32_t)(handle - handle->devices->handles);
}

static struct hv_session_device_opened opened_of(
	const struct hv_session_device_open *open, enum hv_code code, const char *text)
{
	struct hv_session_device_opened opened = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_OPENED,
				      sizeof(opened), open->head.tag),
		.handle = open->handle,
		.code = code,
	};

	(void)snprintf(opened.text, sizeof(opened.text), "%s", text);
	return opened;
}

static void owe_opened(struct handle *handle)
{
	const struct vios_device *device = &handle->device;

	handle->opened = opened_of(&handle->open, handle->code, handle->err.text);
	if (handle->code == HV_OK) {
		handle->opened.text[0] = '\0';
		handle->opened.slots = device->slots;
		handle->opened.dev = device->target.dev;
		handle->opened.inode = device->target.inode;
		handle->opened.is_direct = device->target.is_direct;
		handle->opened.processor = device->processor;
	}
	handle->owes_opened = true;
}

static bool send_closed(struct handle *handle)
{
	struct hv_session_device_close closed = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_CLOSED,
				      sizeof(closed), handle->close_tag),
		.handle = index_of(handle),
	};
	struct vios_devices *devices = handle->devices;

	return devices->config.send(devices->config.arg, &closed, sizeof(closed)) ==
	       HV_OK;
}

void vios_devices_flush(struct vios_devices *devices)
{
	for (unsigned i = 0; i < HV_DEVICES_MAX; i++) {
		struct handle *handle = &devices->handles[i];

		if (handle->owes_opened) {
			if (devices->config.send(devices->config.arg, &handle->opened,
						 sizeof(handle->opened)) != HV_OK)
				return;
			handle->owes_opened = false;
		}
		if (handle->owes_closed) {
			if (!send_closed(handle))
				return;
			handle->owes_closed = false;
		}
	}
}

static void run_job(struct handle *handle, void (*run)(struct hv_work *job),
		    void (*done)(struct hv_job *job))
{
	HV_INVARIANT(!handle->is_job_out);
	if (handle->devices->is_stopped)
		return; /* vios_devices_free() closes what is left */
	handle->is_job_out = true;
	handle->job.run = run;
	handle->done.run = done;
	hv_workers_post(&handle->devices->workers, &handle->job);
}

static struct handle *handle_of_job(struct hv_work *job)
{
	return HV_CONTAINER(job, struct handle, job);
}

static struct handle *handle_of_done(struct hv_job *job)
{
	return HV_CONTAINER(job, struct handle, done);
}

static void on_close_done(struct hv_job *job)
{
	struct handle *handle = handle_of_done(job);
	struct vios_devices *devices = handle->devices;

	handle->is_job_out = false;
	vios_table_clear(&devices->table, index_of(handle));
	log_info("vios.device_closed", "handle=%u path=%s", index_of(handle),
		 handle->open.path);
	handle->owes_closed = true;
	vios_devices_flush(devices);
}

static void close_device(struct handle *handle, struct vios_device *device)
{
	const struct vios_opener *opener = handle->devices->config.opener;

	opener->close(opener->arg, index_of(handle), device);
}

static void close_in_worker(struct hv_work *job) /* W */
{
	struct handle *handle = handle_of_job(job);
	struct vios_devices *devices = handle->devices;

	close_device(handle, &devices->table.entries[index_of(handle)].device);
	hv_loop_post(devices->config.loop, &handle->done);
}

static void close_if_unused(struct handle *handle)
{
	if (!handle->is_job_out &&
	    vios_table_is_unused(&handle->devices->table, index_of(handle)))
		run_job(handle, close_in_worker, on_close_done);
}

static void begin_close(struct handle *handle)
{
	vios_table_end(&handle->devices->table, index_of(handle));
	close_if_unused(handle);
}

static void on_poke(struct hv_job *job)
{
	struct vios_devices *devices = HV_CONTAINER(job, struct vios_devices, poke);

	atomic_store(&devices->is_poked, false); /* first: what comes now comes again */
	for (unsigned i = 0; i < HV_DEVICES_MAX; i++)
		close_if_unused(&devices->handles[i]);
}

static void on_unused(void *arg, uint32_t handle) /* a lane */
{
	struct vios_devices *devices = arg;

	(void)handle;
	if (!atomic_exchange(&devices->is_poked, true))
		hv_loop_post(devices->config.loop, &devices->poke);
}

static void on_open_done(struct hv_job *job)
{
	struct handle *handle = handle_of_done(job);
	struct vios_devices *devices = handle->devices;
	uint32_t index = index_of(handle);

	handle->is_job_out = false;
	owe_opened(handle);
	if (handle->code == HV_OK) {
		log_info("vios.device_opened",
			 "handle=%u path=%s slots=%llu direct=%d processor=%d", index,
			 handle->open.path, (unsigned long long)handle->device.slots,
			 handle->device.target.is_direct,
			 (int)handle->device.processor - 1);
		handle->has_device = false;
		vios_table_settle(&devices->table, index, &handle->device);
	} else {
		log_warn("vios.device_refused", "handle=%u why=\"%s\"", index,
			 handle->err.text);
		vios_table_settle(&devices->table, index, NULL);
	}
	if (handle->wants_close && handle->code == HV_OK)
		begin_close(handle);
	else if (handle->wants_close)
		handle->owes_closed = true;
	handle->wants_close = false;
	vios_devices_flush(devices);
}

static void open_in_worker(struct hv_work *job) /* W */
{
	struct handle *handle = handle_of_job(job);
	const struct vios_opener *opener = handle->devices->config.opener;

	handle->code = opener->open(opener->arg, &handle->open, handle->devices->lanes,
				    &handle->device, &handle->err);
	handle->has_device = handle->code == HV_OK;
	hv_loop_post(handle->devices->config.loop, &handle->done);
}

void vios_devices_on_open(struct vios_devices *devices,
			  const struct hv_session_device_open *open)
{
	struct handle *handle;

	HV_INVARIANT(open->handle < HV_DEVICES_MAX); /* hv_session_check */
	handle = &devices->handles[open->handle];
	if (!vios_table_begin(&devices->table, open->handle)) {
		struct hv_session_device_opened no = opened_of(open, HV_E_EXISTS,
							       "the handle is in use");

		/* Not owed: the peer's mistake must not displace an answer that is. */
		(void)devices->config.send(devices->config.arg, &no, sizeof(no));
		return;
	}
	handle->open = *open;
	handle->wants_close = false;
	run_job(handle, open_in_worker, on_open_done);
}

void vios_devices_on_close(struct vios_devices *devices,
			   const struct hv_session_device_close *close)
{
	struct handle *handle;

	HV_INVARIANT(close->handle < HV_DEVICES_MAX);
	handle = &devices->handles[close->handle];
	handle->close_tag = close->head.tag;
	switch (vios_table_state(&devices->table, close->handle)) {
	case VIOS_STATE_OPENING:
		handle->wants_close = true; /* OPENED first, then CLOSED */
		return;
	case VIOS_STATE_OPEN:
	case VIOS_STATE_LOST:
		begin_close(handle);
		return;
	case VIOS_STATE_CLOSING: /* on its way */
		return;
	default: /* nothing of ours is in flight there */
		handle->owes_closed = true;
		vios_devices_flush(devices);
	}
}

bool vios_devices_has(struct vios_devices *devices, const uint8_t id[HV_PGDEV_ID_BYTES])
{
	for (unsigned i = 0; i < HV_DEVICES_MAX; i++)
		if (vios_table_state(&devices->table, i) == VIOS_STATE_OPEN &&
		    memcmp(devices->handles[i].open.id, id, HV_PGDEV_ID_BYTES) == 0)
			return true;
	return false;
}

enum hv_code vios_devices_new(const struct vios_devices_config *config,
			      struct vios_devices **ret_devices, struct hv_err *err)
{
	struct vios_devices *devices = calloc(1, sizeof(*devices));
	enum hv_code code;

	if (devices == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the table of devices");
	devices->config = *config;
	devices->poke.run = on_poke;
	atomic_init(&devices->is_poked, false);
	for (unsigned i = 0; i < HV_DEVICES_MAX; i++)
		devices->handles[i].devices = devices;
	vios_table_init(&devices->table, on_unused, devices);
	code = hv_workers_start(&devices->workers, err);
	if (code != HV_OK) {
		free(devices);
		return code;
	}
	*ret_devices = devices;
	return HV_OK;
}

void vios_devices_stop(struct vios_devices *devices)
{
	if (devices == NULL || devices->is_stopped)
		return;
	devices->is_stopped = true;
	HV_INVARIANT(hv_workers_stop(&devices->workers, HV_WORKERS_FOREVER));
}

void vios_devices_free(struct vios_devices *devices)
{
	if (devices == NULL)
		return;
	HV_INVARIANT(devices->is_stopped);
	for (unsigned i = 0; i < HV_DEVICES_MAX; i++) {
		struct handle *handle = &devices->handles[i];
		enum vios_state state = vios_table_state(&devices->table, i);

		if (handle->has_device)
			close_device(handle, &handle->device);
		else if (state != VIOS_STATE_FREE && state != VIOS_STATE_OPENING)
			close_device(handle, &devices->table.entries[i].device);
	}
	free(devices);
}

void vios_devices_set_lanes(struct vios_devices *devices, unsigned lanes)
{
	devices->lanes = lanes;
}

struct vios_table *vios_devices_table(struct vios_devices *devices)
{
	return &devices->table;
}
