/* plan - see plan.h. */
#include "hvcore/io/plan.h"

#include <errno.h>
#include <string.h>

static void refuse(struct hv_disk_plan *plan, struct hv_scsi_sense sense, uint32_t bytes)
{
	plan->work = HV_DISK_ANSWER;
	plan->bytes = 0;
	plan->response.status = HV_SCSI_CHECK_CONDITION;
	plan->response.sense = sense;
	plan->response.residual = bytes;
}

static const struct hv_scsi_sense beyond = HV_SENSE_BEYOND;
static const struct hv_scsi_sense bad_field = HV_SENSE_BAD_FIELD;
static const struct hv_scsi_sense no_space = HV_SENSE_NO_SPACE;
static const struct hv_scsi_sense read_error = HV_SENSE_READ_ERROR;
static const struct hv_scsi_sense write_error = HV_SENSE_WRITE_ERROR;

static void plan_blocks(const struct hv_srp_command *command, const struct hv_scsi *scsi,
			uint64_t disk_blocks, struct hv_disk_plan *plan)
{
	bool is_read = scsi->kind == HV_SCSI_READ;

	if (scsi->block > disk_blocks || scsi->blocks > disk_blocks - scsi->block) {
		refuse(plan, beyond, command->bytes);
		return;
	}
	if (scsi->blocks == 0) /* nothing, and that is no error */
		return;
	if (command->direction != (is_read ? HV_SRP_IN : HV_SRP_OUT) ||
	    scsi->blocks > command->bytes / HV_DISK_BLOCK_BYTES) {
		refuse(plan, bad_field, command->bytes);
		return;
	}
	plan->work = is_read ? HV_DISK_READ : HV_DISK_WRITE;
	plan->offset = scsi->block * HV_DISK_BLOCK_BYTES;
	plan->bytes = scsi->blocks * HV_DISK_BLOCK_BYTES;
}

/* `bytes` of data, cut to what was asked for and to what was brought. */
static void plan_data(const struct hv_srp_command *command, uint32_t bytes, uint32_t room,
		      struct hv_disk_plan *plan)
{
	if (room < bytes)
		bytes = room;
	if (bytes > 0 && command->direction != HV_SRP_IN) {
		refuse(plan, bad_field, command->bytes);
		return;
	}
	plan->bytes = bytes < command->bytes ? bytes : command->bytes;
}

static void put_inquiry(uint8_t data[HV_INQUIRY_BYTES])
{
	static const char text[] = "TARN    VIRTUAL DISK    1   ";

	static_assert(sizeof(text) - 1 == HV_INQUIRY_BYTES - 8,
		      "vendor, product, version");
	data[2] = 0x05;                 /* SPC-3 */
	data[3] = 0x02;                 /* format of this answer */
	data[4] = HV_INQUIRY_BYTES - 5; /* bytes that follow */
	memcpy(data + 8, text, sizeof(text) - 1);
}

/* Blocks that the short form cannot say are "more than that", as SBC wants it. */
static void put_capacity(uint8_t data[HV_INQUIRY_BYTES], uint64_t blocks, bool is_long)
{
	uint8_t all[HV_CAPACITY_BYTES];

	hv_scsi_capacity_put(all, blocks);
	if (is_long) {
		memcpy(data, all, sizeof(all));
		return;
	}
	if (blocks - 1 > UINT32_MAX)
		memset(all + 4, 0xff, 4);
	memcpy(data, all + 4, HV_CAPACITY_SHORT_BYTES);
}

void hv_disk_plan(const struct hv_srp_command *command, uint64_t disk_bytes,
		  struct hv_disk_plan *ret_plan)
{
	uint64_t blocks = disk_bytes / HV_DISK_BLOCK_BYTES;
	struct hv_disk_plan plan = { .response.tag = command->tag };
	struct hv_scsi_sense sense = { 0 };
	struct hv_scsi scsi;

	*ret_plan = plan;
	if (!hv_scsi_take(command->cdb, &scsi, &sense)) {
		refuse(ret_plan, sense, command->bytes);
		return;
	}
	switch (scsi.kind) {
	case HV_SCSI_READ:
	case HV_SCSI_WRITE:
		plan_blocks(command, &scsi, blocks, ret_plan);
		break;
	case HV_SCSI_SYNC:
		ret_plan->work = HV_DISK_SYNC;
		break;
	case HV_SCSI_CAPACITY:
		put_capacity(ret_plan->data, blocks, scsi.is_long);
		plan_data(command,
			  scsi.is_long ? HV_CAPACITY_BYTES : HV_CAPACITY_SHORT_BYTES,
			  scsi.is_long ? scsi.room : HV_CAPACITY_SHORT_BYTES, ret_plan);
		break;
	case HV_SCSI_INQUIRY:
		put_inquiry(ret_plan->data);
		plan_data(command, HV_INQUIRY_BYTES, scsi.room, ret_plan);
		break;
	case HV_SCSI_READY:
		break;
	}
	if (ret_plan->response.status == HV_SCSI_GOOD)
		ret_plan->response.residual = command->bytes - ret_plan->bytes;
}

void hv_disk_fail(struct hv_disk_plan *plan, int error)
{
	uint32_t bytes = plan->bytes + plan->response.residual;

	if (error == ENOSPC || error == EDQUOT || error == EFBIG)
		refuse(plan, no_space, bytes);
	else if (plan->work == HV_DISK_READ)
		refuse(plan, read_error, bytes);
	else
		refuse(plan, write_error, bytes);
}
