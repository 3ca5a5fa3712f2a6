/* Which virtual adapters a definition may ask for: what a partition's record may
 * have, and what addresses its ethernets get. */
#include "hvcore/hypervisor/io.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

struct ask {
	Tarn__HvPartitionDefine define;
	Tarn__VirtualDisk disks[HV_DISKS_MAX + 1], *disk_at[HV_DISKS_MAX + 1];
	Tarn__VirtualEthernet lans[HV_ETHERNETS_MAX + 1], *lan_at[HV_ETHERNETS_MAX + 1];
};

static void make_ask(struct ask *ask, unsigned disks, unsigned lans)
{
	tarn__hv_partition_define__init(&ask->define);
	for (unsigned i = 0; i <= HV_DISKS_MAX; i++) {
		tarn__virtual_disk__init(&ask->disks[i]);
		ask->disks[i].slot = 10 + i;
		ask->disks[i].bytes = MIB;
		ask->disk_at[i] = &ask->disks[i];
		tarn__virtual_ethernet__init(&ask->lans[i]);
		ask->lans[i].slot = 30 + i;
		ask->lans[i].vlan = 1;
		ask->lan_at[i] = &ask->lans[i];
	}
	ask->define.n_disks = disks;
	ask->define.disks = ask->disk_at;
	ask->define.n_ethernets = lans;
	ask->define.ethernets = ask->lan_at;
	ask->define.virtual_adapters = HV_SERIAL_ADAPTERS + disks + lans;
}

static void none_needs_no_window(void **state)
{
	struct ask ask;

	(void)state;
	make_ask(&ask, 0, 0);
	ask.define.virtual_adapters = 0;
	assert_int_equal(io_check(&ask.define, NULL), HV_OK);
	assert_int_equal(io_memory_bytes(0, 0), 0);
}

static void as_many_as_may_be_are_right(void **state)
{
	struct ask ask;

	(void)state;
	make_ask(&ask, HV_DISKS_MAX, HV_ETHERNETS_MAX);
	ask.lans[3].vlan = HV_VLAN_MAX;
	assert_int_equal(io_check(&ask.define, NULL), HV_OK);
	assert_true(io_memory_bytes(1, 1) > hv_disk_memory_bytes());
}

static void one_more_is_a_limit(void **state)
{
	struct ask ask;

	(void)state;
	make_ask(&ask, HV_DISKS_MAX + 1, 0);
	assert_int_equal(io_check(&ask.define, NULL), HV_E_LIMIT);
	make_ask(&ask, 0, HV_ETHERNETS_MAX + 1);
	assert_int_equal(io_check(&ask.define, NULL), HV_E_LIMIT);
	make_ask(&ask, 0, 0);
	ask.define.virtual_adapters = HV_LPAR_ADAPTERS_MAX + 1;
	assert_int_equal(io_check(&ask.define, NULL), HV_E_LIMIT);
}

static void each_has_its_window(void **state)
{
	struct hv_err err = { 0 };
	struct ask ask;

	(void)state;
	make_ask(&ask, 1, 1);
	ask.define.virtual_adapters = 3;
	assert_int_equal(io_check(&ask.define, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "3 virtual adapters"));
}

static void what_is_no_adapter_is_refused(void **state)
{
	static const struct {
		uint64_t bytes;
		uint32_t slot, vlan, lan_slot;
		enum hv_code code;
		const char *text;
	} rows[] = {
		{ 0, 11, 1, 31, HV_E_INVAL, "whole pages" },
		{ MIB + 512, 11, 1, 31, HV_E_INVAL, "whole pages" },
		{ (UINT64_C(1) << 40) + 4096, 11, 1, 31, HV_E_LIMIT, "1 TiB" },
		{ MIB, 10, 1, 31, HV_E_INVAL, "slot 10 is of 2" },
		{ MIB, 1, 1, 31, HV_E_INVAL, "slot 1 of an adapter is not 2" },
		{ MIB, 65536, 1, 31, HV_E_INVAL, "slot 65536" },
		{ MIB, 11, 0, 31, HV_E_INVAL, "VLAN 0" },
		{ MIB, 11, 4095, 31, HV_E_INVAL, "VLAN 4095" },
		{ MIB, 11, 1, 30, HV_E_INVAL, "slot 30 is of 2" },
		{ MIB, 11, 1, 11, HV_E_INVAL, "slot 11 is of 2" },
	};
	struct hv_err err = { 0 };
	struct ask ask;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		make_ask(&ask, 2, 2);
		ask.disks[1].bytes = rows[i].bytes;
		ask.disks[1].slot = rows[i].slot;
		ask.lans[1].vlan = rows[i].vlan;
		ask.lans[1].slot = rows[i].lan_slot;
		assert_int_equal(io_check(&ask.define, &err), rows[i].code);
		assert_non_null(strstr(err.text, rows[i].text));
	}
}

/* Every address from one of its ethernets' to just before the next one's. */
static bool is_between(const void *arg, uint64_t mac)
{
	const uint64_t *macs = arg;

	return mac >= macs[0] && mac < macs[1];
}

/* These two lie nearer to each other than most: 3838065 apart. */
static void no_two_ethernets_have_the_same_address(void **state)
{
	static struct hv_lan_port ports[2];
	static struct io io;
	const uint64_t macs[] = { hv_lan_mac_of("twin0", 57776),
				  hv_lan_mac_of("twin0", 64363) };
	struct ask ask;

	(void)state;
	make_ask(&ask, 0, 2);
	ask.lans[0].slot = 57776;
	ask.lans[1].slot = 64363;
	(void)snprintf(io.name, sizeof(io.name), "twin0");
	io.lan_count = 2;
	for (unsigned i = 0; i < 2; i++)
		io.lans[i].port = &ports[i];
	io_give_macs(&io, &ask.define, is_between, macs);
	assert_int_equal(ports[0].mac, macs[1]); /* the first free one */
	assert_int_equal(ports[1].mac, macs[1] + 1);
	assert_true(io_has_mac(&io, macs[1]));
	assert_false(io_has_mac(&io, macs[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(none_needs_no_window),
		cmocka_unit_test(as_many_as_may_be_are_right),
		cmocka_unit_test(one_more_is_a_limit),
		cmocka_unit_test(each_has_its_window),
		cmocka_unit_test(what_is_no_adapter_is_refused),
		cmocka_unit_test(no_two_ethernets_have_the_same_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
