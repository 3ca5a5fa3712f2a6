/*
 * io - fuzz target for what partitions put into the queues of virtual adapters
 * (hvcore/wire/io.h): the bytes are IUs, one after the other, and each IU is read as a
 * response and as a descriptor as well. Disks of three sizes plan what each command asks.
 *
 * Claim: what is taken is within its limits, and put again it is the same. IO1: no plan
 * leaves the disk or what the command brought, and a failed one does nothing.
 */
#include <errno.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/io/plan.h"
#include "hvcore/wire/io.h"
#include "tests/fuzz/fuzz.h"

static void try_scsi(const uint8_t cdb[HV_CDB_BYTES])
{
	struct hv_scsi_sense sense = { 0 };
	struct hv_scsi scsi;
	uint8_t again[HV_CDB_BYTES];

	if (!hv_scsi_take(cdb, &scsi, &sense)) {
		HV_INVARIANT(sense.key != 0);
		return;
	}
	hv_scsi_put(again, &scsi);
	HV_INVARIANT(memcmp(again, cdb, sizeof(again)) == 0);
}

static void check_blocks(const struct hv_srp_command *command,
			 const struct hv_disk_plan *plan, uint64_t disk_bytes)
{
	HV_INVARIANT(plan->bytes > 0 && plan->bytes % HV_DISK_BLOCK_BYTES == 0);
	HV_INVARIANT(plan->offset % HV_DISK_BLOCK_BYTES == 0);
	HV_INVARIANT(plan->offset <= disk_bytes &&
		     plan->bytes <= disk_bytes - plan->offset);
	HV_INVARIANT(command->direction ==
		     (plan->work == HV_DISK_READ ? HV_SRP_IN : HV_SRP_OUT));
}

static void check_plan(const struct hv_srp_command *command,
		       const struct hv_disk_plan *plan, uint64_t disk_bytes)
{
	HV_INVARIANT(plan->response.tag == command->tag);
	HV_INVARIANT(plan->bytes <= command->bytes);
	HV_INVARIANT(plan->response.residual == command->bytes - plan->bytes);
	if (plan->response.status != HV_SCSI_GOOD)
		HV_INVARIANT(plan->bytes == 0);
	switch (plan->work) {
	case HV_DISK_READ:
	case HV_DISK_WRITE:
		check_blocks(command, plan, disk_bytes);
		return;
	case HV_DISK_SYNC:
		HV_INVARIANT(plan->bytes == 0);
		return;
	case HV_DISK_ANSWER:
		HV_INVARIANT(plan->bytes <= sizeof(plan->data));
		HV_INVARIANT(plan->bytes == 0 || command->direction == HV_SRP_IN);
		return;
	}
	HV_UNREACHABLE("work that there is not");
}

static void try_plan(const struct hv_srp_command *command)
{
	static const uint64_t sizes[] = { HV_PAGE_BYTES, UINT64_C(1) << 20,
					  UINT64_C(1) << 40 };
	static const int errors[] = { EIO, ENOSPC };
	struct hv_disk_plan plan, failed;

	for (unsigned i = 0; i < HV_COUNT(sizes); i++) {
		hv_disk_plan(command, sizes[i], &plan);
		check_plan(command, &plan, sizes[i]);
		for (unsigned n = 0; n < HV_COUNT(errors); n++) {
			failed = plan;
			hv_disk_fail(&failed, errors[n]);
			HV_INVARIANT(failed.work == HV_DISK_ANSWER);
			HV_INVARIANT(failed.response.status != HV_SCSI_GOOD);
			check_plan(command, &failed, sizes[i]);
		}
	}
}

static void try_command(const uint8_t iu[HV_SRP_IU_BYTES])
{
	struct hv_srp_command command;
	uint8_t again[HV_SRP_IU_BYTES];

	if (!hv_srp_command_take(iu, &command))
		return;
	HV_INVARIANT(command.bytes <= HV_DISK_TRANSFER_BYTES);
	HV_INVARIANT((command.direction == HV_SRP_NONE) == (command.bytes == 0));
	hv_srp_command_put(again, &command);
	HV_INVARIANT(memcmp(again, iu, sizeof(again)) == 0);
	try_scsi(command.cdb);
	try_plan(&command);
}

static void try_arrival(const uint8_t entry[HV_IO_ENTRY_BYTES])
{
	struct hv_lan_arrival arrival;
	uint8_t again[HV_IO_ENTRY_BYTES];
	uint64_t descriptor;
	uint32_t address, bytes;

	memcpy(&descriptor, entry, sizeof(descriptor));
	if (hv_lan_descriptor_take(descriptor, &address, &bytes))
		HV_INVARIANT(hv_lan_descriptor(address, bytes) == descriptor);
	for (unsigned toggle = 0; toggle < 2; toggle++) {
		if (!hv_lan_arrival_take(entry, toggle == 1, &arrival))
			continue;
		hv_lan_arrival_put(again, &arrival);
		HV_INVARIANT(memcmp(again, entry, sizeof(again)) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hv_srp_response response;
	struct hv_crq crq;

	for (; size >= HV_SRP_IU_BYTES;
	     size -= HV_SRP_IU_BYTES, data += HV_SRP_IU_BYTES) {
		try_command(data);
		if (hv_srp_response_take(data, &response))
			HV_INVARIANT(response.status == HV_SCSI_GOOD ||
				     response.status == HV_SCSI_CHECK_CONDITION);
		if (hv_crq_take(data, &crq))
			HV_INVARIANT(data[0] == HV_CRQ_COMMAND);
		try_arrival(data);
		try_scsi(data);
	}
	return 0;
}
