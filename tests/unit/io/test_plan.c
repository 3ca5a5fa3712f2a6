/* What a disk makes of a command (IO1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "hvcore/base/rng.h"
#include "hvcore/io/plan.h"

#define DISK_BYTES (UINT64_C(1) << 20)
#define DISK_BLOCKS (DISK_BYTES / HV_DISK_BLOCK_BYTES)

static struct hv_disk_plan plan_of(const struct hv_scsi *scsi,
				   enum hv_srp_direction direction, uint32_t bytes)
{
	struct hv_srp_command command = { .tag = 77,
					  .direction = direction,
					  .bytes = bytes };
	struct hv_disk_plan plan;

	hv_scsi_put(command.cdb, scsi);
	hv_disk_plan(&command, DISK_BYTES, &plan);
	assert_int_equal(plan.response.tag, 77);
	return plan;
}

static void blocks_become_bytes_of_the_device(void **state)
{
	static const struct hv_scsi read = { HV_SCSI_READ, .block = 16, .blocks = 8 };
	static const struct hv_scsi write = { HV_SCSI_WRITE, .is_long = true,
					      .block = DISK_BLOCKS - 1, .blocks = 1 };
	struct hv_disk_plan plan = plan_of(&read, HV_SRP_IN, 8192);

	(void)state;
	assert_int_equal(plan.work, HV_DISK_READ);
	assert_int_equal(plan.offset, 8192);
	assert_int_equal(plan.bytes, 4096);
	assert_int_equal(plan.response.residual, 4096); /* it brought more room */
	plan = plan_of(&write, HV_SRP_OUT, 512);
	assert_int_equal(plan.work, HV_DISK_WRITE);
	assert_int_equal(plan.offset, DISK_BYTES - 512);
	assert_int_equal(plan.response.residual, 0);
}

static void what_a_disk_cannot_do_is_said_in_sense(void **state)
{
	static const struct {
		struct hv_scsi scsi;
		enum hv_srp_direction direction;
		uint32_t bytes;
		struct hv_scsi_sense sense;
	} rows[] = {
		{ { HV_SCSI_READ, .block = DISK_BLOCKS, .blocks = 1 },
		  HV_SRP_IN,
		  512,
		  HV_SENSE_BEYOND },
		{ { HV_SCSI_WRITE, .block = DISK_BLOCKS - 1, .blocks = 2 },
		  HV_SRP_OUT,
		  1024,
		  HV_SENSE_BEYOND },
		{ { HV_SCSI_READ, true, .block = UINT64_MAX, .blocks = UINT32_MAX },
		  HV_SRP_IN,
		  512,
		  HV_SENSE_BEYOND },
		{ { HV_SCSI_READ, .block = 0, .blocks = 2 },
		  HV_SRP_IN,
		  512,
		  HV_SENSE_BAD_FIELD }, /* more blocks than room */
		{ { HV_SCSI_READ, .block = 0, .blocks = 1 },
		  HV_SRP_OUT,
		  512,
		  HV_SENSE_BAD_FIELD },
		{ { HV_SCSI_WRITE, .block = 0, .blocks = 1 },
		  HV_SRP_NONE,
		  0,
		  HV_SENSE_BAD_FIELD },
		{ { HV_SCSI_INQUIRY, .room = 36 }, HV_SRP_OUT, 36, HV_SENSE_BAD_FIELD },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_disk_plan plan = plan_of(&rows[i].scsi, rows[i].direction,
						   rows[i].bytes);

		assert_int_equal(plan.work, HV_DISK_ANSWER);
		assert_int_equal(plan.bytes, 0);
		assert_int_equal(plan.response.status, HV_SCSI_CHECK_CONDITION);
		assert_int_equal(plan.response.residual, rows[i].bytes);
		assert_memory_equal(&plan.response.sense, &rows[i].sense,
				    sizeof(rows[i].sense));
	}
}

static void no_blocks_are_no_error(void **state)
{
	static const struct hv_scsi none = { HV_SCSI_READ, .block = DISK_BLOCKS };
	struct hv_disk_plan plan = plan_of(&none, HV_SRP_NONE, 0);

	(void)state;
	assert_int_equal(plan.work, HV_DISK_ANSWER);
	assert_int_equal(plan.response.status, HV_SCSI_GOOD);
}

static void the_disk_says_what_it_is(void **state)
{
	static const struct hv_scsi capacity = { HV_SCSI_CAPACITY, .is_long = true,
						 .room = 32 };
	static const struct hv_scsi capacity_short = { .kind = HV_SCSI_CAPACITY };
	static const struct hv_scsi inquiry = { HV_SCSI_INQUIRY, .room = 255 };
	static const struct hv_scsi ready = { .kind = HV_SCSI_READY };
	static const struct hv_scsi sync = { .kind = HV_SCSI_SYNC };
	struct hv_disk_plan plan = plan_of(&capacity, HV_SRP_IN, 4096);

	(void)state;
	assert_int_equal(plan.bytes, HV_CAPACITY_BYTES);
	assert_int_equal(hv_scsi_capacity_take(plan.data), DISK_BLOCKS);
	plan = plan_of(&capacity_short, HV_SRP_IN, 8);
	assert_int_equal(plan.bytes, HV_CAPACITY_SHORT_BYTES);
	assert_int_equal(plan.data[3], (DISK_BLOCKS - 1) & 0xff);
	plan = plan_of(&inquiry, HV_SRP_IN, 16); /* less room than data */
	assert_int_equal(plan.bytes, 16);
	assert_memory_equal(plan.data + 8, "TARN    ", 8);
	plan = plan_of(&ready, HV_SRP_NONE, 0);
	assert_int_equal(plan.response.status, HV_SCSI_GOOD);
	plan = plan_of(&sync, HV_SRP_NONE, 0);
	assert_int_equal(plan.work, HV_DISK_SYNC);
}

static void an_error_of_the_device_is_one_of_the_request(void **state)
{
	static const struct hv_scsi read = { HV_SCSI_READ, .blocks = 1 };
	static const struct hv_scsi write = { HV_SCSI_WRITE, .blocks = 1 };
	static const struct hv_scsi_sense read_error = HV_SENSE_READ_ERROR;
	static const struct hv_scsi_sense write_error = HV_SENSE_WRITE_ERROR;
	static const struct hv_scsi_sense no_space = HV_SENSE_NO_SPACE;
	struct hv_disk_plan plan = plan_of(&read, HV_SRP_IN, 512);

	(void)state;
	hv_disk_fail(&plan, EIO);
	assert_memory_equal(&plan.response.sense, &read_error, sizeof(read_error));
	assert_int_equal(plan.response.residual, 512);
	plan = plan_of(&write, HV_SRP_OUT, 1024);
	hv_disk_fail(&plan, EIO);
	assert_memory_equal(&plan.response.sense, &write_error, sizeof(write_error));
	assert_int_equal(plan.response.residual, 1024);
	plan = plan_of(&write, HV_SRP_OUT, 512);
	hv_disk_fail(&plan, ENOSPC);
	assert_memory_equal(&plan.response.sense, &no_space, sizeof(no_space));
}

/* IO1: any command at all. */
static void no_plan_leaves_the_disk_or_the_data(void **state)
{
	struct hv_rng rng = { .state = 1 };

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		struct hv_srp_command command = {
			.direction = (enum hv_srp_direction)hv_rng_below(&rng, 3),
			.bytes = (uint32_t)hv_rng_below(&rng, HV_DISK_TRANSFER_BYTES + 1),
		};
		struct hv_scsi scsi = {
			.kind = (enum hv_scsi_kind)hv_rng_below(&rng, 6),
			.is_long = hv_rng_below(&rng, 2) == 1,
			.block = hv_rng_next(&rng) >> hv_rng_below(&rng, 64),
			.blocks = (uint32_t)(hv_rng_next(&rng) >> hv_rng_below(&rng, 64)),
			.room = (uint32_t)hv_rng_below(&rng, 300),
		};
		struct hv_disk_plan plan;

		hv_scsi_put(command.cdb, &scsi);
		if (hv_rng_below(&rng, 4) == 0)
			command.cdb[hv_rng_below(&rng, HV_CDB_BYTES)] ^=
				(uint8_t)hv_rng_next(&rng);
		hv_disk_plan(&command, DISK_BYTES, &plan);
		assert_true(plan.bytes <= command.bytes);
		assert_int_equal(plan.bytes + plan.response.residual, command.bytes);
		if (plan.work == HV_DISK_READ || plan.work == HV_DISK_WRITE)
			assert_true(plan.offset + plan.bytes <= DISK_BYTES);
		else
			assert_true(plan.bytes <= sizeof(plan.data));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_become_bytes_of_the_device),
		cmocka_unit_test(what_a_disk_cannot_do_is_said_in_sense),
		cmocka_unit_test(no_blocks_are_no_error),
		cmocka_unit_test(the_disk_says_what_it_is),
		cmocka_unit_test(an_error_of_the_device_is_one_of_the_request),
		cmocka_unit_test(no_plan_leaves_the_disk_or_the_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
