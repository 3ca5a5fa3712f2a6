/*
 * device - a paging device as a VIOS serves it: opened, checked, locked.
 *
 * P9: each VIOS opens the device itself, passes the descriptor to nobody, and holds
 * a write lock on its own byte from here to the end of the last request. P16: a
 * device with O_DIRECT is written when the request completes; a buffered one after
 * fdatasync. Each lane syncs through a descriptor of its own: the kernel tells a
 * write-back error once per open file, and a lane must not acknowledge what another
 * one was told is lost.
 *
 * Contract
 *   Threads  open, close: any, one at a time for a device; both block for as long as
 *            the device does.
 *   Errors   those of target.h and header.h, with the path in front.
 */
#ifndef VIOS_DEVICE_H
#define VIOS_DEVICE_H

#include "hvcore/wire/session.h"
#include "vios/target.h"

struct vios_device {
	struct vios_target target;
	int sync_fd[HV_LANES_MAX]; /* -1 where is_direct */
	uint64_t slots;
	uint64_t key;                    /* vios_device_key() of its id */
	uint8_t host[HV_PGDEV_ID_BYTES]; /* of its owner, as its header says */
	unsigned processor; /* as of DEVICE_OPENED; set by vios_opener_local */
};

/* Who opens and closes devices for vios_devices (devices.h): workers, blocking. */
struct vios_opener {
	enum hv_code (*open)(void *arg, const struct hv_session_device_open *open,
			     unsigned lanes, struct vios_device *ret_device,
			     struct hv_err *err);
	void (*close)(void *arg, uint32_t handle, struct vios_device *device);
	void *arg;
};
extern const struct vios_opener vios_opener_local;

/* Names a device where a number must do: the first half of its id, which is random. */
uint64_t vios_device_key(const uint8_t id[HV_PGDEV_ID_BYTES]);

/* disk NULL: the real calls. lanes: how many may sync. */
HV_MUST_USE
enum hv_code vios_device_open(const struct hv_session_device_open *open, unsigned lanes,
			      const struct vios_disk *disk,
			      struct vios_device *ret_device, struct hv_err *err);
void vios_device_close(struct vios_device *device);

#endif
