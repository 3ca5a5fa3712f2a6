/* io - see io.h. Offsets are those of SRP, SBC and ibmveth's queue. */
#include "hvcore/wire/io.h"

#include <string.h>

static bool is_zero(const uint8_t *at, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		if (at[i] != 0)
			return false;
	return true;
}

/* ---- command/response queue ---- */

void hv_crq_put(uint8_t entry[HV_IO_ENTRY_BYTES], const struct hv_crq *crq)
{
	hv_be_put(entry, 8, hv_crq_high());
	hv_be_put(entry + 8, 8, crq->tag);
}

bool hv_crq_take(const uint8_t entry[HV_IO_ENTRY_BYTES], struct hv_crq *ret_crq)
{
	if (hv_be_take(entry, 8) != hv_crq_high())
		return false;
	ret_crq->tag = hv_be_take(entry + 8, 8);
	return true;
}

/* ---- information units ---- */

enum {
	SRP_CMD = 0x02,
	SRP_RSP = 0xc1,
	/* SRP_CMD */
	CMD_FORMATS = 5, /* out format 4 | in format 4: 0 none, 1 direct */
	CMD_TAG = 8,
	CMD_LUN = 20,
	CMD_ATTRIBUTES = 29, /* task attribute, reserved, length of more CDB */
	CMD_CDB = 32,
	CMD_ADDRESS = 48, /* a direct descriptor: address, key, bytes */
	CMD_KEY = 56,
	CMD_BYTES = 60,
	/* SRP_RSP */
	RSP_TAG = 8,
	RSP_FLAGS = 18, /* sense is valid 2 | data-in over and under, out, ... */
	RSP_STATUS = 19,
	RSP_IN_RESIDUAL = 24,
	RSP_SENSE_BYTES = 28,
	RSP_SENSE = 36, /* fixed format */
	SENSE_BYTES = 18,
};
#define RSP_HAS_SENSE 0x02u
#define RSP_IS_UNDER 0x20u
#define SENSE_CURRENT 0x70u

void hv_srp_command_put(uint8_t iu[HV_SRP_IU_BYTES], const struct hv_srp_command *command)
{
	memset(iu, 0, HV_SRP_IU_BYTES);
	iu[0] = SRP_CMD;
	if (command->direction == HV_SRP_OUT)
		iu[CMD_FORMATS] = 0x10;
	else if (command->direction == HV_SRP_IN)
		iu[CMD_FORMATS] = 0x01;
	hv_be_put(iu + CMD_TAG, 8, command->tag);
	memcpy(iu + CMD_CDB, command->cdb, HV_CDB_BYTES);
	hv_be_put(iu + CMD_ADDRESS, 8, command->address);
	hv_be_put(iu + CMD_BYTES, 4, command->bytes);
}

/* What is none of the fields of struct hv_srp_command. */
static bool is_plain_command(const uint8_t iu[HV_SRP_IU_BYTES])
{
	return iu[0] == SRP_CMD && is_zero(iu + 1, CMD_FORMATS - 1) &&
	       is_zero(iu + CMD_FORMATS + 1, CMD_TAG - CMD_FORMATS - 1) &&
	       is_zero(iu + CMD_TAG + 8, CMD_CDB - CMD_TAG - 8) &&
	       is_zero(iu + CMD_KEY, CMD_BYTES - CMD_KEY);
}

bool hv_srp_command_take(const uint8_t iu[HV_SRP_IU_BYTES],
			 struct hv_srp_command *ret_command)
{
	struct hv_srp_command command = {
		.tag = hv_be_take(iu + CMD_TAG, 8),
		.address = hv_be_take(iu + CMD_ADDRESS, 8),
		.bytes = (uint32_t)hv_be_take(iu + CMD_BYTES, 4),
	};

	if (!is_plain_command(iu))
		return false;
	switch (iu[CMD_FORMATS]) {
	case 0x00:
		if (command.address != 0 || command.bytes != 0)
			return false;
		command.direction = HV_SRP_NONE;
		break;
	case 0x01:
		command.direction = HV_SRP_IN;
		break;
	case 0x10:
		command.direction = HV_SRP_OUT;
		break;
	default:
		return false;
	}
	if (command.direction != HV_SRP_NONE &&
	    (command.bytes == 0 || command.bytes > HV_DISK_TRANSFER_BYTES))
		return false;
	memcpy(command.cdb, iu + CMD_CDB, HV_CDB_BYTES);
	*ret_command = command;
	return true;
}

void hv_srp_response_put(uint8_t iu[HV_SRP_IU_BYTES],
			 const struct hv_srp_response *response)
{
	uint8_t *sense = iu + RSP_SENSE;

	static_assert(RSP_SENSE + SENSE_BYTES <= HV_SRP_IU_BYTES, "it fits");
	memset(iu, 0, HV_SRP_IU_BYTES);
	iu[0] = SRP_RSP;
	hv_be_put(iu + RSP_TAG, 8, response->tag);
	iu[RSP_STATUS] = (uint8_t)response->status;
	if (response->residual != 0)
		iu[RSP_FLAGS] |= RSP_IS_UNDER;
	hv_be_put(iu + RSP_IN_RESIDUAL, 4, response->residual);
	if (response->status == HV_SCSI_GOOD)
		return;
	iu[RSP_FLAGS] |= RSP_HAS_SENSE;
	hv_be_put(iu + RSP_SENSE_BYTES, 4, SENSE_BYTES);
	sense[0] = SENSE_CURRENT;
	sense[2] = response->sense.key;
	sense[7] = SENSE_BYTES - 8;
	sense[12] = response->sense.code;
	sense[13] = response->sense.qualifier;
}

bool hv_srp_response_take(const uint8_t iu[HV_SRP_IU_BYTES],
			  struct hv_srp_response *ret_response)
{
	const uint8_t *sense = iu + RSP_SENSE;
	struct hv_srp_response response = {
		.tag = hv_be_take(iu + RSP_TAG, 8),
		.residual = (uint32_t)hv_be_take(iu + RSP_IN_RESIDUAL, 4),
	};

	if (iu[0] != SRP_RSP)
		return false;
	if (iu[RSP_STATUS] == HV_SCSI_CHECK_CONDITION) {
		response.status = HV_SCSI_CHECK_CONDITION;
		if ((iu[RSP_FLAGS] & RSP_HAS_SENSE) == 0 || sense[0] != SENSE_CURRENT)
			return false;
		response.sense = (struct hv_scsi_sense){ sense[2], sense[12], sense[13] };
	} else if (iu[RSP_STATUS] != HV_SCSI_GOOD) {
		return false;
	}
	*ret_response = response;
	return true;
}

/* ---- commands ---- */

enum {
	TEST_UNIT_READY = 0x00,
	INQUIRY = 0x12,
	READ_CAPACITY_10 = 0x25,
	READ_10 = 0x28,
	WRITE_10 = 0x2a,
	SYNCHRONIZE_CACHE_10 = 0x35,
	READ_16 = 0x88,
	WRITE_16 = 0x8a,
	SYNCHRONIZE_CACHE_16 = 0x91,
	SERVICE_ACTION_IN_16 = 0x9e,
	READ_CAPACITY_16 = 0x10, /* its service action */
};

void hv_scsi_put(uint8_t cdb[HV_CDB_BYTES], const struct hv_scsi *scsi)
{
	memset(cdb, 0, HV_CDB_BYTES);
	switch (scsi->kind) {
	case HV_SCSI_READ:
	case HV_SCSI_WRITE:
		if (scsi->is_long) {
			cdb[0] = scsi->kind == HV_SCSI_READ ? READ_16 : WRITE_16;
			hv_be_put(cdb + 2, 8, scsi->block);
			hv_be_put(cdb + 10, 4, scsi->blocks);
			return;
		}
		cdb[0] = scsi->kind == HV_SCSI_READ ? READ_10 : WRITE_10;
		hv_be_put(cdb + 2, 4, scsi->block);
		hv_be_put(cdb + 7, 2, scsi->blocks);
		return;
	case HV_SCSI_SYNC:
		cdb[0] = scsi->is_long ? SYNCHRONIZE_CACHE_16 : SYNCHRONIZE_CACHE_10;
		return;
	case HV_SCSI_CAPACITY:
		cdb[0] = READ_CAPACITY_10;
		if (!scsi->is_long)
			return;
		cdb[0] = SERVICE_ACTION_IN_16;
		cdb[1] = READ_CAPACITY_16;
		hv_be_put(cdb + 10, 4, scsi->room);
		return;
	case HV_SCSI_INQUIRY:
		cdb[0] = INQUIRY;
		hv_be_put(cdb + 3, 2, scsi->room);
		return;
	case HV_SCSI_READY:
		return;
	}
}

/*
 * Whatever hv_scsi_put would not have written is something that is not served: so the
 * fields are taken, put again, and compared.
 */
bool hv_scsi_take(const uint8_t cdb[HV_CDB_BYTES], struct hv_scsi *ret_scsi,
		  struct hv_scsi_sense *ret_sense)
{
	static const struct {
		uint8_t code;
		enum hv_scsi_kind kind;
		bool is_long;
	} known[] = {
		{ TEST_UNIT_READY, HV_SCSI_READY, false },
		{ INQUIRY, HV_SCSI_INQUIRY, false },
		{ READ_CAPACITY_10, HV_SCSI_CAPACITY, false },
		{ SERVICE_ACTION_IN_16, HV_SCSI_CAPACITY, true },
		{ READ_10, HV_SCSI_READ, false },
		{ READ_16, HV_SCSI_READ, true },
		{ WRITE_10, HV_SCSI_WRITE, false },
		{ WRITE_16, HV_SCSI_WRITE, true },
		{ SYNCHRONIZE_CACHE_10, HV_SCSI_SYNC, false },
		{ SYNCHRONIZE_CACHE_16, HV_SCSI_SYNC, true },
	};
	struct hv_scsi scsi = { 0 };
	uint8_t again[HV_CDB_BYTES];
	unsigned i = 0;

	while (i < HV_COUNT(known) && known[i].code != cdb[0])
		i++;
	if (i == HV_COUNT(known)) {
		*ret_sense = (struct hv_scsi_sense)HV_SENSE_NO_COMMAND;
		return false;
	}
	scsi.kind = known[i].kind;
	scsi.is_long = known[i].is_long;
	if (scsi.kind == HV_SCSI_READ || scsi.kind == HV_SCSI_WRITE) {
		scsi.block = scsi.is_long ? hv_be_take(cdb + 2, 8)
					  : hv_be_take(cdb + 2, 4);
		scsi.blocks = (uint32_t)(scsi.is_long ? hv_be_take(cdb + 10, 4)
						      : hv_be_take(cdb + 7, 2));
	} else if (scsi.kind == HV_SCSI_INQUIRY) {
		scsi.room = (uint32_t)hv_be_take(cdb + 3, 2);
	} else if (scsi.kind == HV_SCSI_CAPACITY && scsi.is_long) {
		scsi.room = (uint32_t)hv_be_take(cdb + 10, 4);
	}
	hv_scsi_put(again, &scsi);
	if (memcmp(again, cdb, HV_CDB_BYTES) != 0) {
		*ret_sense = (struct hv_scsi_sense)HV_SENSE_BAD_FIELD;
		return false;
	}
	*ret_scsi = scsi;
	return true;
}

void hv_scsi_capacity_put(uint8_t data[HV_CAPACITY_BYTES], uint64_t blocks)
{
	memset(data, 0, HV_CAPACITY_BYTES);
	hv_be_put(data, 8, blocks - 1);
	hv_be_put(data + 8, 4, HV_DISK_BLOCK_BYTES);
}

uint64_t hv_scsi_capacity_take(const uint8_t data[HV_CAPACITY_BYTES])
{
	return hv_be_take(data, 8) + 1;
}

/* ---- ethernets ---- */

#define ARRIVAL_TOGGLE UINT32_C(0x80000000)
#define ARRIVAL_VALID UINT32_C(0x40000000)

bool hv_lan_descriptor_take(uint64_t descriptor, uint32_t *ret_address,
			    uint32_t *ret_bytes)
{
	if (descriptor >> 56 != 0x80 || (descriptor >> 32 & 0xffffffu) == 0)
		return false;
	*ret_address = (uint32_t)descriptor;
	*ret_bytes = (uint32_t)(descriptor >> 32 & 0xffffffu);
	return true;
}

void hv_lan_arrival_put(uint8_t entry[HV_IO_ENTRY_BYTES],
			const struct hv_lan_arrival *arrival)
{
	hv_be_put(entry, 4, ARRIVAL_VALID | (arrival->toggle ? ARRIVAL_TOGGLE : 0));
	hv_be_put(entry + 4, 4, arrival->bytes);
	hv_be_put(entry + 8, 8, arrival->address);
}

bool hv_lan_arrival_take(const uint8_t entry[HV_IO_ENTRY_BYTES], bool toggle,
			 struct hv_lan_arrival *ret_arrival)
{
	if (hv_be_take(entry, 4) != (ARRIVAL_VALID | (toggle ? ARRIVAL_TOGGLE : 0)))
		return false;
	*ret_arrival = (struct hv_lan_arrival){
		.toggle = toggle,
		.bytes = (uint32_t)hv_be_take(entry + 4, 4),
		.address = hv_be_take(entry + 8, 8),
	};
	return true;
}

/* FNV-1a, of the name and then of the slot. */
uint64_t hv_lan_mac_of(const char *partition, uint32_t slot)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (; *partition != '\0'; partition++)
		hash = (hash ^ (uint8_t)*partition) * UINT64_C(0x100000001b3);
	for (unsigned i = 0; i < sizeof(slot); i++)
		hash = (hash ^ (slot >> 8 * i & 0xff)) * UINT64_C(0x100000001b3);
	return UINT64_C(0x02) << 40 | (hash >> 24 & UINT64_C(0xffffffffff));
}
