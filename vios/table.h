/*
 * table - the devices of one session by handle, and who still uses them.
 *
 *   FREE --open--> OPENING --opened--> OPEN ----close----> CLOSING --closed--> FREE
 *                     |                  \--lose--> LOST --close--^
 *                     \--failed--> FREE
 *
 * Lanes take a device for the time of one request (get, put). Closing waits until
 * nobody has it: DEVICE_CLOSED promises that nothing of ours is in flight there.
 *
 * Contract
 *   Threads  get, put, lose: lanes. Everything else: one owner (L). Entries change
 *            hands by `state`: OPENING's device is its opener's.
 *   Memory   of fixed size: a session never runs out of it.
 */
#ifndef VIOS_TABLE_H
#define VIOS_TABLE_H

#include "vios/device.h"

#include <stdatomic.h>

enum vios_state {
	VIOS_STATE_FREE,
	VIOS_STATE_OPENING,
	VIOS_STATE_OPEN,
	VIOS_STATE_LOST, /* P16: a sync failed; every request is an error from now on */
	VIOS_STATE_CLOSING,
	VIOS_STATE_COUNT
};

struct vios_entry {
	_Atomic int state; /* enum vios_state */
	_Atomic uint32_t users;
	_Atomic uint64_t errors; /* requests that ended in one */
	struct vios_device device;
};

struct vios_table {
	struct vios_entry entries[HV_DEVICES_MAX];
	/* A CLOSING device may be unused now: ask; in a lane's thread, perhaps twice. */
	void (*on_unused)(void *arg, uint32_t handle);
	void *arg;
};

void vios_table_init(struct vios_table *table,
		     void (*on_unused)(void *arg, uint32_t handle), void *arg);

/* L: FREE -> OPENING; false where it is not free. */
bool vios_table_begin(struct vios_table *table, uint32_t handle);
/* L: OPENING -> OPEN with the device, or -> FREE with NULL. */
void vios_table_settle(struct vios_table *table, uint32_t handle,
		       const struct vios_device *device);
/* L: OPEN or LOST -> CLOSING: no lane gets it any more. */
void vios_table_end(struct vios_table *table, uint32_t handle);
/* L: CLOSING, and no lane has it. Ask after end, and after each on_unused. */
bool vios_table_is_unused(struct vios_table *table, uint32_t handle);
/* L: CLOSING and unused -> FREE; the caller has closed the device. */
void vios_table_clear(struct vios_table *table, uint32_t handle);

static inline enum vios_state vios_table_state(struct vios_table *table, uint32_t handle)
{
	return (enum vios_state)atomic_load(&table->entries[handle].state);
}

/* Lanes. 0, or the errno to answer: EINVAL no such device is open, EIO it is lost. */
int vios_table_get(struct vios_table *table, uint32_t handle,
		   struct vios_device **ret_device);
void vios_table_put(struct vios_table *table, uint32_t handle);
/* True: this call lost it. */
bool vios_table_lose(struct vios_table *table, uint32_t handle);

#endif
