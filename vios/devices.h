/*
 * devices - answers DEVICE_OPEN and DEVICE_CLOSE: keeps the main thread's side of
 * each handle, has workers do what may block, owes one answer to each packet.
 *
 *   DEVICE_OPEN ---> worker: vios_device_open ---> table, DEVICE_OPENED
 *   DEVICE_CLOSE --> table: CLOSING; unused ---> worker: close ---> DEVICE_CLOSED
 *
 * An answer that the socket does not take now stays owed: call flush again.
 *
 * Contract
 *   Threads  L; workers run the jobs, lanes only touch the table.
 *   Memory   of fixed size. Freeing it closes every device.
 *   Errors   travel as answers. A packet out of order (a handle opened twice) is
 *            answered with EXISTS and changes nothing.
 */
#ifndef VIOS_DEVICES_H
#define VIOS_DEVICES_H

#include "hvcore/aio/workers.h"
#include "hvcore/loop/loop.h"
#include "vios/table.h"

struct vios_devices;

struct vios_devices_config {
	struct hv_loop *loop;
	const struct vios_opener *opener; /* outlives the workers */
	/* HV_OK, AGAIN: kept and tried again; anything else: the session is over. */
	enum hv_code (*send)(void *arg, const void *packet, size_t bytes);
	void *arg;
};

HV_MUST_USE
enum hv_code vios_devices_new(const struct vios_devices_config *config,
			      struct vios_devices **ret_devices, struct hv_err *err);
/* After the lanes have ended: no job is posted to the loop any more. NULL is fine. */
void vios_devices_stop(struct vios_devices *devices);
/* After the loop is closed, which runs jobs that were posted. NULL is fine. */
void vios_devices_free(struct vios_devices *devices);

/* A session has begun, with that many lanes. */
void vios_devices_set_lanes(struct vios_devices *devices, unsigned lanes);
struct vios_table *vios_devices_table(struct vios_devices *devices);

/* Is the device of that id open? */
bool vios_devices_has(struct vios_devices *devices, const uint8_t id[HV_PGDEV_ID_BYTES]);

void vios_devices_on_open(struct vios_devices *devices,
			  const struct hv_session_device_open *open);
void vios_devices_on_close(struct vios_devices *devices,
			   const struct hv_session_device_close *close);
void vios_devices_flush(struct vios_devices *devices);

#endif
