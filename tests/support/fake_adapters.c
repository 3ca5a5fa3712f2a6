/* fake_adapters - see fake_adapters.h. */
#include "tests/support/fake_adapters.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/partition/calls.h"
#include "hvcore/base/invariant.h"

static struct fake_adapter *unit_of(struct fake_adapters *fake, uint64_t unit)
{
	uint64_t nth = unit - hv_io_disk_unit(0);

	return nth < FAKE_UNITS ? &fake->units[nth] : NULL;
}

/* [address, +bytes) in one page; NULL: not mapped for that. */
static uint8_t *reach(struct fake_adapters *fake, const struct fake_adapter *unit,
		      uint64_t address, uint64_t bytes, uint64_t permission)
{
	uint64_t entry = address / HV_PAGE_BYTES, offset = address % HV_PAGE_BYTES, tce;

	if (entry >= FAKE_ENTRIES || offset + bytes > HV_PAGE_BYTES)
		return NULL;
	tce = unit->tces[entry];
	if ((tce & permission) != permission || unit->is_late[entry])
		return NULL;
	return fake->memory + tce / HV_PAGE_BYTES * HV_PAGE_BYTES + offset;
}

static bool is_mapped(const struct fake_adapters *fake, uint64_t page)
{
	for (unsigned i = 0; i < FAKE_UNITS; i++)
		for (unsigned j = 0; j < FAKE_ENTRIES; j++)
			if ((fake->units[i].tces[j] & 3) != 0 &&
			    fake->units[i].tces[j] / HV_PAGE_BYTES == page)
				return true;
	return false;
}

static int64_t put_tce(struct fake_adapters *fake, struct fake_adapter *unit,
		       uint64_t ioba, uint64_t tce)
{
	uint64_t entry = ioba / HV_PAGE_BYTES, old;

	HV_INVARIANT(entry < FAKE_ENTRIES && tce / HV_PAGE_BYTES < fake->pages);
	if (unit->is_late[entry] && unit->tces[entry] == tce) {
		unit->is_late[entry] = false;
		return H_SUCCESS;
	}
	old = unit->tces[entry];
	unit->tces[entry] = 0;
	if ((tce & 3) != 0 && fake->entitled != 0 &&
	    !is_mapped(fake, tce / HV_PAGE_BYTES) && fake->mapped >= fake->entitled) {
		unit->tces[entry] = old;
		return H_NOT_ENOUGH_RESOURCES;
	}
	fake->mapped += (tce & 3) != 0;
	fake->mapped -= (old & 3) != 0;
	unit->tces[entry] = tce;
	unit->is_late[entry] = fake->has_late_pages && (tce & 3) != 0;
	return unit->is_late[entry] ? H_LONG_BUSY_1_MSEC : H_SUCCESS;
}

static void raise_event(struct fake_adapters *fake)
{
	(void)atomic_fetch_add(&fake->server.area->io_events, 1);
	(void)syscall(SYS_futex, &fake->server.area->io_events, FUTEX_WAKE, INT_MAX, NULL,
		      NULL, 0);
}

/* What comes first in an entry is written last. */
static void put_entry(struct fake_adapters *fake, struct fake_adapter *unit,
		      const uint8_t entry[HV_IO_ENTRY_BYTES])
{
	uint8_t *at = reach(fake, unit, unit->queue + unit->next * HV_IO_ENTRY_BYTES,
			    HV_IO_ENTRY_BYTES, HV_TCE_READ | HV_TCE_WRITE);

	HV_INVARIANT(at != NULL);
	memcpy(at + 1, entry + 1, HV_IO_ENTRY_BYTES - 1);
	__atomic_store_n(at, entry[0], __ATOMIC_RELEASE);
	unit->next = (unit->next + 1) % HV_IO_QUEUE_ENTRIES;
	if (unit->next == 0)
		unit->toggle = !unit->toggle;
	raise_event(fake);
}

static void move(struct fake_adapters *fake, uint8_t *disk, uint8_t *data,
		 const struct hv_srp_command *command)
{
	(void)atomic_fetch_add(&fake->transfers, 1);
	if (atomic_load(&fake->moves_nothing))
		return;
	if (command->direction == HV_SRP_OUT)
		memcpy(disk, data, command->bytes);
	else
		memcpy(data, disk, command->bytes);
	if (command->direction == HV_SRP_IN && atomic_load(&fake->flips))
		data[command->bytes - 1] ^= 1;
}

/* Data of a command that is mapped, or NULL. */
static uint8_t *data_of(struct fake_adapters *fake, struct fake_adapter *unit,
			const struct hv_srp_command *command)
{
	return reach(fake, unit, command->address, command->bytes,
		     command->direction == HV_SRP_OUT ? HV_TCE_READ : HV_TCE_WRITE);
}

static int64_t carry_out(struct fake_adapters *fake, struct fake_adapter *unit,
			 const struct hv_srp_command *command,
			 struct hv_srp_response *response)
{
	struct hv_scsi_sense sense;
	struct hv_scsi scsi;
	uint8_t *data = NULL;

	HV_INVARIANT(hv_scsi_take(command->cdb, &scsi, &sense));
	if (command->direction != HV_SRP_NONE) {
		data = data_of(fake, unit, command);
		if (data == NULL)
			return H_PERMISSION;
	}
	if (atomic_load(&fake->fails) && scsi.kind != HV_SCSI_CAPACITY) {
		response->status = HV_SCSI_CHECK_CONDITION;
		response->residual = command->bytes;
	} else if (scsi.kind == HV_SCSI_CAPACITY) {
		hv_scsi_capacity_put(data, FAKE_DISK_BYTES / HV_DISK_BLOCK_BYTES);
	} else if (scsi.kind == HV_SCSI_SYNC) {
		(void)atomic_fetch_add(&fake->syncs, 1);
	} else {
		HV_INVARIANT((scsi.block + scsi.blocks) * HV_DISK_BLOCK_BYTES <=
			     FAKE_DISK_BYTES);
		move(fake, unit->bytes + scsi.block * HV_DISK_BLOCK_BYTES, data, command);
	}
	return H_SUCCESS;
}

static int64_t send_crq(struct fake_adapters *fake, struct fake_adapter *unit,
			const uint64_t *args)
{
	uint8_t *iu = reach(fake, unit, args[2], HV_SRP_IU_BYTES,
			    HV_TCE_READ | HV_TCE_WRITE);
	struct hv_srp_response response = { .status = HV_SCSI_GOOD };
	struct hv_srp_command command;
	uint8_t entry[HV_IO_ENTRY_BYTES];
	int64_t code;

	HV_INVARIANT(args[1] == hv_crq_high() && iu != NULL && unit->is_registered);
	HV_INVARIANT(hv_srp_command_take(iu, &command));
	response.tag = command.tag;
	code = carry_out(fake, unit, &command, &response);
	if (code != H_SUCCESS)
		return code;
	hv_srp_response_put(iu, &response);
	hv_crq_put(entry, &(struct hv_crq){ command.tag });
	put_entry(fake, unit, entry);
	return H_SUCCESS;
}

/* ---- ethernets ---- */

static void deliver(struct fake_adapters *fake, struct fake_adapter *to,
		    const uint8_t *frame, uint32_t bytes)
{
	struct hv_lan_arrival arrival = { .toggle = to->toggle, .bytes = bytes };
	uint8_t entry[HV_IO_ENTRY_BYTES], *at;
	uint32_t address, room, flipped = atomic_load(&fake->flipped);

	if (!to->is_registered || to->buffer_count == 0) {
		(void)atomic_fetch_add(&fake->lost, 1);
		return;
	}
	HV_INVARIANT(
		hv_lan_descriptor_take(to->buffers[--to->buffer_count], &address, &room));
	at = reach(fake, to, address, bytes, HV_TCE_WRITE);
	HV_INVARIANT(bytes <= room && at != NULL);
	if (!atomic_load(&fake->moves_nothing))
		memcpy(at, frame, bytes);
	if (atomic_load(&fake->flips))
		at[flipped != 0 ? flipped : bytes - 1] ^= 1;
	arrival.address = address;
	hv_lan_arrival_put(entry, &arrival);
	put_entry(fake, to, entry);
}

static int64_t send_lan(struct fake_adapters *fake, struct fake_adapter *from,
			const uint64_t *args)
{
	uint8_t frame[HV_LAN_FRAME_BYTES_MAX];
	uint32_t address, count, bytes = 0;
	uint64_t to;

	for (unsigned i = 1; i <= HV_LAN_DESCRIPTORS && args[i] != 0; i++) {
		const uint8_t *at;

		HV_INVARIANT(hv_lan_descriptor_take(args[i], &address, &count));
		at = reach(fake, from, address, count, HV_TCE_READ);
		if (at == NULL)
			return H_PERMISSION;
		memcpy(frame + bytes, at, count);
		bytes += count;
	}
	(void)atomic_fetch_add(&fake->frames, 1);
	to = hv_lan_mac_take(frame);
	for (unsigned i = FAKE_DISKS; i < FAKE_UNITS; i++) {
		struct fake_adapter *unit = &fake->units[i];

		if (unit != from && (hv_lan_is_group(to) || unit->mac == to))
			deliver(fake, unit, frame, bytes);
	}
	return H_SUCCESS;
}

static int64_t add_buffer(struct fake_adapter *unit, uint64_t descriptor)
{
	if (unit->buffer_count == FAKE_BUFFERS)
		return H_RESOURCE;
	unit->buffers[unit->buffer_count++] = descriptor;
	return H_SUCCESS;
}

static int64_t register_queue(struct fake_adapter *unit, uint64_t address)
{
	if (unit->is_registered)
		return H_RESOURCE;
	unit->is_registered = unit->toggle = true;
	unit->queue = address;
	unit->next = 0;
	return H_SUCCESS;
}

static int64_t free_queue(struct fake_adapter *unit)
{
	if (!unit->is_registered)
		return H_CLOSED;
	unit->is_registered = false;
	unit->buffer_count = 0;
	return H_SUCCESS;
}

static int64_t serve(struct fake_adapters *fake, struct fake_adapter *unit,
		     const struct hv_hcall_ask *ask, uint64_t *values)
{
	uint32_t address, bytes;

	switch (ask->number) {
	case H_PUT_TCE:
		return put_tce(fake, unit, ask->args[1], ask->args[2]);
	case H_REG_CRQ:
		return register_queue(unit, ask->args[1]);
	case H_REGISTER_LOGICAL_LAN:
		HV_INVARIANT(hv_lan_descriptor_take(ask->args[2], &address, &bytes));
		values[0] = unit->mac;
		return register_queue(unit, address);
	case H_FREE_CRQ:
	case H_FREE_LOGICAL_LAN:
		return free_queue(unit);
	case H_SEND_CRQ:
		return send_crq(fake, unit, ask->args);
	case H_ADD_LOGICAL_LAN_BUFFER:
		return add_buffer(unit, ask->args[1]);
	case H_SEND_LOGICAL_LAN:
		return send_lan(fake, unit, ask->args);
	default:
		HV_UNREACHABLE("a call of an adapter");
	}
}

static bool on_call(void *arg, const struct hv_hcall_ask *ask,
		    struct hv_hcall_answer *answer)
{
	struct fake_adapters *fake = arg;
	struct fake_adapter *unit = unit_of(fake, ask->args[0]);

	if (ask->number < H_PUT_TCE || ask->number > H_SEND_LOGICAL_LAN || unit == NULL)
		return false;
	answer->code = atomic_load(&fake->refuses) == ask->number
			       ? H_RESOURCE
			       : serve(fake, unit, ask, answer->values);
	return true;
}

static uint8_t *map(int file, size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);

	HV_INVARIANT(at != MAP_FAILED);
	return at;
}

uint8_t *fake_adapters_start(struct fake_adapters *fake, uint64_t pages)
{
	int file = memfd_create("partition", MFD_CLOEXEC);

	HV_INVARIANT(file >= 0 && ftruncate(file, (off_t)(pages * HV_PAGE_BYTES)) == 0);
	*fake = (struct fake_adapters){ .pages = pages };
	fake->memory = map(file, pages * HV_PAGE_BYTES);
	fake->lent = map(file, pages * HV_PAGE_BYTES);
	(void)close(file);
	for (unsigned i = 0; i < FAKE_DISKS; i++) {
		fake->units[i].bytes = calloc(1, FAKE_DISK_BYTES);
		HV_INVARIANT(fake->units[i].bytes != NULL);
	}
	for (unsigned i = FAKE_DISKS; i < FAKE_UNITS; i++)
		fake->units[i].mac = UINT64_C(0x020000000000) + i;
	call_server_start(&fake->server, (uint32_t)pages);
	fake->server.other = on_call;
	fake->server.other_arg = fake;
	HV_INVARIANT(partition_calls_open(
			     dup(fake->server.memory), dup(fake->server.doorbell),
			     fake->server.hpt_bytes, &fake->calls, NULL) == HV_OK);
	return fake->lent;
}

void fake_adapters_end(struct fake_adapters *fake)
{
	partition_calls_close(fake->calls);
	call_server_end(&fake->server); /* its thread counts what is mapped */
	HV_INVARIANT(fake->mapped == 0);
	(void)munmap(fake->memory, fake->pages * HV_PAGE_BYTES);
	(void)munmap(fake->lent, fake->pages * HV_PAGE_BYTES);
	for (unsigned i = 0; i < FAKE_DISKS; i++)
		free(fake->units[i].bytes);
}

void fake_adapters_sync(struct fake_adapters *fake)
{
	HV_INVARIANT(pthread_mutex_lock(&fake->server.lock) == 0);
	HV_INVARIANT(pthread_mutex_unlock(&fake->server.lock) == 0);
}
