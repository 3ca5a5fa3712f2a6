/* table - see table.h. */
#include "vios/table.h"

#include <errno.h>

#include "hvcore/base/invariant.h"

void vios_table_init(struct vios_table *table,
		     void (*on_unused)(void *arg, uint32_t handle), void *arg)
{
	for (unsigned i = 0; i < HV_DEVICES_MAX; i++) {
		atomic_init(&table->entries[i].state, VIOS_STATE_FREE);
		atomic_init(&table->entries[i].users, 0);
		atomic_init(&table->entries[i].errors, 0);
	}
	table->on_unused = on_unused;
	table->arg = arg;
}

static struct vios_entry *entry_of(struct vios_table *table, uint32_t handle)
{
	HV_INVARIANT(handle < HV_DEVICES_MAX);
	return &table->entries[handle];
}

bool vios_table_begin(struct vios_table *table, uint32_t handle)
{
	struct vios_entry *entry = entry_of(table, handle);

	if (atomic_load(&entry->state) != VIOS_STATE_FREE)
		return false;
	atomic_store(&entry->state, VIOS_STATE_OPENING);
	return true;
}

void vios_table_settle(struct vios_table *table, uint32_t handle,
		       const struct vios_device *device)
{
	struct vios_entry *entry = entry_of(table, handle);

	HV_INVARIANT(atomic_load(&entry->state) == VIOS_STATE_OPENING);
	if (device == NULL) {
		atomic_store(&entry->state, VIOS_STATE_FREE);
		return;
	}
	entry->device = *device;
	atomic_store(&entry->errors, 0);
	atomic_store(&entry->state,
		     VIOS_STATE_OPEN); /* lanes may see the rest from here on */
}

void vios_table_end(struct vios_table *table, uint32_t handle)
{
	struct vios_entry *entry = entry_of(table, handle);
	int old = atomic_exchange(&entry->state, VIOS_STATE_CLOSING);

	HV_INVARIANT(old == VIOS_STATE_OPEN || old == VIOS_STATE_LOST);
}

bool vios_table_is_unused(struct vios_table *table, uint32_t handle)
{
	struct vios_entry *entry = entry_of(table, handle);

	return atomic_load(&entry->state) == VIOS_STATE_CLOSING &&
	       atomic_load(&entry->users) == 0;
}

void vios_table_clear(struct vios_table *table, uint32_t handle)
{
	struct vios_entry *entry = entry_of(table, handle);

	HV_INVARIANT(atomic_load(&entry->state) == VIOS_STATE_CLOSING);
	atomic_store(&entry->state, VIOS_STATE_FREE);
}

int vios_table_get(struct vios_table *table, uint32_t handle,
		   struct vios_device **ret_device)
{
	struct vios_entry *entry;
	int state;

	if (handle >= HV_DEVICES_MAX)
		return EINVAL;
	entry = &table->entries[handle];
	/* Counted before the state is read: who closes sees us, or we see CLOSING. */
	atomic_fetch_add(&entry->users, 1);
	state = atomic_load(&entry->state);
	if (state == VIOS_STATE_OPEN) {
		*ret_device = &entry->device;
		return 0;
	}
	vios_table_put(table, handle);
	return state == VIOS_STATE_LOST ? EIO : EINVAL;
}

void vios_table_put(struct vios_table *table, uint32_t handle)
{
	struct vios_entry *entry = entry_of(table, handle);

	if (atomic_fetch_sub(&entry->users, 1) == 1 &&
	    atomic_load(&entry->state) == VIOS_STATE_CLOSING)
		table->on_unused(table->arg, handle);
}

bool vios_table_lose(struct vios_table *table, uint32_t handle)
{
	int open = VIOS_STATE_OPEN;

	return atomic_compare_exchange_strong(&entry_of(table, handle)->state, &open,
					      VIOS_STATE_LOST);
}
