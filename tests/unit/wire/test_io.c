/* What lies in the queues of virtual adapters: both halves, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/wire/io.h"

/* ---- disks ---- */

static void a_response_is_announced_by_its_tag(void **state)
{
	uint8_t entry[HV_IO_ENTRY_BYTES] = { 0 };
	struct hv_crq crq = { 0 };

	(void)state;
	assert_false(hv_crq_take(entry, &crq));
	hv_crq_put(entry, &(struct hv_crq){ .tag = 0x1122334455667788 });
	assert_int_equal(entry[0], HV_CRQ_COMMAND);
	assert_int_equal(entry[8], 0x11);
	assert_true(hv_crq_take(entry, &crq));
	assert_int_equal(crq.tag, 0x1122334455667788);
	entry[0] = 0; /* the partition has seen it */
	assert_false(hv_crq_take(entry, &crq));
}

static void a_command_comes_back_as_it_was_put(void **state)
{
	static const struct hv_srp_command rows[] = {
		{ .tag = 1, .direction = HV_SRP_NONE },
		{ .tag = UINT64_MAX,
		  .cdb = { 0x28, [15] = 0xff },
		  .direction = HV_SRP_IN,
		  .address = 0x7ff000,
		  .bytes = HV_DISK_TRANSFER_BYTES },
		{ .tag = 3, .direction = HV_SRP_OUT, .address = 512, .bytes = 1 },
	};
	uint8_t iu[HV_SRP_IU_BYTES];

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_srp_command got = { 0 };

		hv_srp_command_put(iu, &rows[i]);
		assert_true(hv_srp_command_take(iu, &got));
		assert_int_equal(got.tag, rows[i].tag);
		assert_int_equal(got.direction, rows[i].direction);
		assert_int_equal(got.address, rows[i].address);
		assert_int_equal(got.bytes, rows[i].bytes);
		assert_memory_equal(got.cdb, rows[i].cdb, HV_CDB_BYTES);
	}
}

static void what_is_no_command_is_refused(void **state)
{
	static const struct {
		uint8_t at, value;
	} rows[] = {
		{ 0, 0x00 }, { 0, 0xc1 },              /* a login, a response */
		{ 1, 1 },    { 4, 1 },                 /* reserved */
		{ 5, 0x11 }, { 5, 0x02 }, { 5, 0x20 }, /* both ways, indirect */
		{ 5, 0x00 },                           /* no data, but an address */
		{ 6, 1 },    { 7, 1 },                 /* more descriptors */
		{ 20, 1 },   { 27, 1 },                /* another LUN */
		{ 29, 1 },   { 31, 4 },                /* attributes, more CDB */
		{ 56, 1 },   { 59, 1 },                /* a key */
		{ 60, 1 },   { 61, 2 },                /* more bytes than may be */
	};
	struct hv_srp_command good = {
		.tag = 7, .direction = HV_SRP_IN, .address = 4096, .bytes = 4096
	};
	struct hv_srp_command got = { .tag = 42 };
	uint8_t iu[HV_SRP_IU_BYTES];

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		hv_srp_command_put(iu, &good);
		iu[rows[i].at] = rows[i].value;
		assert_false(hv_srp_command_take(iu, &got));
	}
	good.bytes = 0;
	hv_srp_command_put(iu, &good);
	assert_false(hv_srp_command_take(iu, &got));
	assert_int_equal(got.tag, 42);
}

static void a_response_comes_back_with_its_sense(void **state)
{
	static const struct hv_srp_response rows[] = {
		{ .tag = 9, .status = HV_SCSI_GOOD },
		{ .tag = 9, .status = HV_SCSI_GOOD, .residual = 512 },
		{ .tag = 9,
		  .status = HV_SCSI_CHECK_CONDITION,
		  .residual = 4096,
		  .sense = HV_SENSE_NO_SPACE },
	};
	uint8_t iu[HV_SRP_IU_BYTES];

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_srp_response got = { 0 };

		hv_srp_response_put(iu, &rows[i]);
		assert_true(hv_srp_response_take(iu, &got));
		assert_int_equal(got.tag, rows[i].tag);
		assert_int_equal(got.status, rows[i].status);
		assert_int_equal(got.residual, rows[i].residual);
		assert_int_equal(got.sense.key, rows[i].sense.key);
		assert_int_equal(got.sense.code, rows[i].sense.code);
		assert_int_equal(got.sense.qualifier, rows[i].sense.qualifier);
	}
}

static void what_is_no_response_is_refused(void **state)
{
	struct hv_srp_response bad = { .tag = 1, .status = HV_SCSI_CHECK_CONDITION };
	struct hv_srp_response got = { .tag = 42 };
	uint8_t iu[HV_SRP_IU_BYTES];

	(void)state;
	hv_srp_response_put(iu, &bad);
	iu[19] = 0x08; /* BUSY is not said */
	assert_false(hv_srp_response_take(iu, &got));
	hv_srp_response_put(iu, &bad);
	iu[18] = 0; /* a check condition without sense */
	assert_false(hv_srp_response_take(iu, &got));
	hv_srp_response_put(iu, &bad);
	iu[36] = 0x72;
	assert_false(hv_srp_response_take(iu, &got));
	iu[0] = 0x02;
	assert_false(hv_srp_response_take(iu, &got));
	assert_int_equal(got.tag, 42);
}

/* ---- commands ---- */

static void each_form_of_a_command_comes_back(void **state)
{
	static const struct hv_scsi rows[] = {
		{ .kind = HV_SCSI_READY },
		{ .kind = HV_SCSI_INQUIRY, .room = 36 },
		{ .kind = HV_SCSI_CAPACITY },
		{ .kind = HV_SCSI_CAPACITY, .is_long = true, .room = 32 },
		{ .kind = HV_SCSI_SYNC },
		{ .kind = HV_SCSI_SYNC, .is_long = true },
		{ .kind = HV_SCSI_READ, .block = UINT32_MAX, .blocks = 65535 },
		{ .kind = HV_SCSI_WRITE, .block = 8, .blocks = 8 },
		{ .kind = HV_SCSI_READ,
		  .is_long = true,
		  .block = UINT64_MAX,
		  .blocks = UINT32_MAX },
		{ .kind = HV_SCSI_WRITE, .is_long = true, .block = 1, .blocks = 0 },
	};
	struct hv_scsi_sense sense;
	uint8_t cdb[HV_CDB_BYTES];

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_scsi got = { 0 };

		hv_scsi_put(cdb, &rows[i]);
		assert_true(hv_scsi_take(cdb, &got, &sense));
		assert_int_equal(got.kind, rows[i].kind);
		assert_int_equal(got.is_long, rows[i].is_long);
		assert_int_equal(got.block, rows[i].block);
		assert_int_equal(got.blocks, rows[i].blocks);
		assert_int_equal(got.room, rows[i].room);
	}
}

static void what_is_not_served_says_what_it_is(void **state)
{
	static const struct {
		uint8_t cdb[HV_CDB_BYTES];
		struct hv_scsi_sense sense;
	} rows[] = {
		{ { 0x04 }, HV_SENSE_NO_COMMAND },                   /* FORMAT UNIT */
		{ { 0xff }, HV_SENSE_NO_COMMAND },                   /* */
		{ { 0x12, 0x01 }, HV_SENSE_BAD_FIELD },              /* a page */
		{ { 0x28, 0x08 }, HV_SENSE_BAD_FIELD },              /* FUA */
		{ { 0x8a, 0x08 }, HV_SENSE_BAD_FIELD },              /* */
		{ { 0x9e, 0x11 }, HV_SENSE_BAD_FIELD },              /* another action */
		{ { 0x35, 0x00, [5] = 1 }, HV_SENSE_BAD_FIELD },     /* a part of it */
		{ { 0x28, [9] = 1, [10] = 1 }, HV_SENSE_BAD_FIELD }, /* behind its end */
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_scsi got = { .room = 42 };
		struct hv_scsi_sense sense = { 0 };

		assert_false(hv_scsi_take(rows[i].cdb, &got, &sense));
		assert_int_equal(got.room, 42);
		assert_memory_equal(&sense, &rows[i].sense, sizeof(sense));
	}
}

static void the_size_of_a_disk_comes_back(void **state)
{
	uint8_t data[HV_CAPACITY_BYTES];

	(void)state;
	hv_scsi_capacity_put(data, UINT64_C(1) << 40);
	assert_int_equal(hv_scsi_capacity_take(data), UINT64_C(1) << 40);
	assert_int_equal(data[10], HV_DISK_BLOCK_BYTES >> 8);
}

/* ---- ethernets ---- */

static void descriptors_are_checked(void **state)
{
	uint32_t address = 42;
	uint32_t bytes = 42;

	(void)state;
	assert_false(hv_lan_descriptor_take(0, &address, &bytes));
	assert_false(
		hv_lan_descriptor_take(hv_lan_descriptor(4096, 0), &address, &bytes));
	assert_false(hv_lan_descriptor_take(
		hv_lan_descriptor(4096, 1) | UINT64_C(1) << 56, &address, &bytes));
	assert_int_equal(address, 42);
	assert_true(hv_lan_descriptor_take(hv_lan_descriptor(0x7ff001, 9018), &address,
					   &bytes));
	assert_int_equal(address, 0x7ff001);
	assert_int_equal(bytes, 9018);
}

static void an_arrival_is_one_only_in_its_round(void **state)
{
	uint8_t entry[HV_IO_ENTRY_BYTES] = { 0 };
	struct hv_lan_arrival got = { 0 };
	struct hv_lan_arrival put = { .toggle = true, .bytes = 60, .address = 8192 };

	(void)state;
	assert_false(hv_lan_arrival_take(entry, true, &got));
	assert_false(hv_lan_arrival_take(entry, false, &got));
	hv_lan_arrival_put(entry, &put);
	assert_false(hv_lan_arrival_take(entry, false, &got));
	assert_true(hv_lan_arrival_take(entry, true, &got));
	assert_int_equal(got.bytes, 60);
	assert_int_equal(got.address, 8192);
	put.toggle = false;
	hv_lan_arrival_put(entry, &put);
	assert_true(hv_lan_arrival_take(entry, false, &got));
}

static void addresses_of_groups_are_known(void **state)
{
	uint8_t bytes[HV_LAN_MAC_BYTES];

	(void)state;
	hv_lan_mac_put(bytes, 0x020304050607);
	assert_int_equal(bytes[0], 2);
	assert_int_equal(bytes[5], 7);
	assert_int_equal(hv_lan_mac_take(bytes), 0x020304050607);
	assert_true(hv_lan_is_group(HV_LAN_BROADCAST));
	assert_true(hv_lan_is_group(0x01005e000001));
	assert_false(hv_lan_is_group(0x020304050607));
}

static void addresses_are_local_and_stay(void **state)
{
	uint64_t mac = hv_lan_mac_of("db1", 3);

	(void)state;
	assert_int_equal(mac, hv_lan_mac_of("db1", 3));
	assert_int_equal(mac >> 40, 0x02);
	assert_int_not_equal(mac, hv_lan_mac_of("db1", 4));
	assert_int_not_equal(mac, hv_lan_mac_of("db2", 3));
}

static void adapters_have_the_windows_behind_the_serial_ones(void **state)
{
	(void)state;
	assert_int_equal(hv_io_disk_unit(0), HV_LIOBN_FIRST + 2);
	assert_int_equal(hv_io_ethernet_unit(3, 1), HV_LIOBN_FIRST + 2 + 3 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_response_is_announced_by_its_tag),
		cmocka_unit_test(a_command_comes_back_as_it_was_put),
		cmocka_unit_test(what_is_no_command_is_refused),
		cmocka_unit_test(a_response_comes_back_with_its_sense),
		cmocka_unit_test(what_is_no_response_is_refused),
		cmocka_unit_test(each_form_of_a_command_comes_back),
		cmocka_unit_test(what_is_not_served_says_what_it_is),
		cmocka_unit_test(the_size_of_a_disk_comes_back),
		cmocka_unit_test(descriptors_are_checked),
		cmocka_unit_test(an_arrival_is_one_only_in_its_round),
		cmocka_unit_test(addresses_of_groups_are_known),
		cmocka_unit_test(addresses_are_local_and_stay),
		cmocka_unit_test(adapters_have_the_windows_behind_the_serial_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
