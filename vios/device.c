/* device - see device.h. */
#include "vios/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "vios/header.h"
#include "vios/processor.h"

static enum hv_code check_header(struct vios_device *device,
				 const struct hv_session_device_open *open,
				 struct hv_err *err)
{
	struct vios_header header;
	enum hv_code code = vios_header_read(&device->target, &header, err);
	uint64_t slots;

	if (code == HV_OK)
		code = vios_header_check(&header.fields, open->id, open->owner_epoch,
					 device->target.bytes, err);
	if (code != HV_OK)
		return code;
	memcpy(device->host, header.fields.host, sizeof(device->host));
	/* What was added since belongs to nobody yet; slots are 32 bits on the ring. */
	slots = hv_pgdev_slots(header.fields.bytes);
	device->slots = slots < UINT32_MAX ? slots : UINT32_MAX;
	return HV_OK;
}

static enum hv_code open_sync(struct vios_device *device, unsigned lanes,
			      struct hv_err *err)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", device->target.fd);
	for (unsigned i = 0; i < lanes; i++) {
		device->sync_fd[i] = open(path, O_RDWR | O_CLOEXEC | O_NOCTTY);
		if (device->sync_fd[i] < 0)
			return hv_fail_os(err, HV_E_OS, errno, "open it to sync");
	}
	return HV_OK;
}

uint64_t vios_device_key(const uint8_t id[HV_PGDEV_ID_BYTES])
{
	uint64_t key;

	memcpy(&key, id, sizeof(key));
	return key != 0 ? key : UINT64_MAX; /* 0 is no device's */
}

enum hv_code vios_device_open(const struct hv_session_device_open *open, unsigned lanes,
			      const struct vios_disk *disk,
			      struct vios_device *ret_device, struct hv_err *err)
{
	struct vios_device device = { .target.fd = -1, .key = vios_device_key(open->id) };
	enum hv_code code;

	HV_INVARIANT(lanes <= HV_LANES_MAX);
	for (unsigned i = 0; i < HV_LANES_MAX; i++)
		device.sync_fd[i] = -1;
	code = vios_target_open(open->path, disk, &device.target, err);
	if (code != HV_OK)
		return code; /* the path is in the sentence */
	/* Before the header is believed: nobody rewrites it under the lock. */
	code = vios_target_lock(&device.target, open->lock_byte, 1, err);
	if (code == HV_OK)
		code = check_header(&device, open, err);
	if (code == HV_OK && !device.target.is_direct)
		code = open_sync(&device, lanes, err);
	if (code != HV_OK) {
		vios_device_close(&device);
		(void)hv_wrap(err, "'%s'", open->path);
		return code;
	}
	*ret_device = device;
	return HV_OK;
}

void vios_device_close(struct vios_device *device)
{
	for (unsigned i = 0; i < HV_LANES_MAX; i++) {
		if (device->sync_fd[i] >= 0)
			(void)close(device->sync_fd[i]);
		device->sync_fd[i] = -1;
	}
	vios_target_close(&device->target);
}

static enum hv_code open_local(void *arg, const struct hv_session_device_open *open,
			       unsigned lanes, struct vios_device *ret_device,
			       struct hv_err *err)
{
	enum hv_code code = vios_device_open(open, lanes, NULL, ret_device, err);

	(void)arg;
	if (code == HV_OK)
		ret_device->processor = vios_processor_of("", ret_device->target.dev);
	return code;
}

static void close_local(void *arg, uint32_t handle, struct vios_device *device)
{
	(void)arg;
	(void)handle;
	vios_device_close(device);
}

const struct vios_opener vios_opener_local = { open_local, close_local, NULL };
