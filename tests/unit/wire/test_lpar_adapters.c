/* Unit tests of lpar_adapters.h: what I/O is entitled to, and which adapters may be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "hvcore/base/units.h"
#include "hvcore/wire/lpar_adapters.h"
#include "hvcore/wire/lpar_profile.h"

#define MIB (UINT64_C(1) << 20)
#define KIB (UINT64_C(1) << 10)
#define MANY (HV_DISKS_MAX + 1)

static struct made {
	Tarn__LparSpec spec;
	Tarn__Workload workload;
	Tarn__VirtualDisk disks[MANY], *disk_list[MANY];
	Tarn__VirtualEthernet ethernets[MANY], *ethernet_list[MANY];
} made;

/* Adapters in slots from 2 on; as many windows as they need. */
static Tarn__LparSpec *spec_of(size_t disks, size_t ethernets)
{
	Tarn__LparSpec *spec = &made.spec;

	made = (struct made){ 0 };
	tarn__workload__init(&made.workload);
	made.workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	tarn__lpar_spec__init(spec);
	spec->name = (char *)(uintptr_t) "db1";
	spec->workload = &made.workload;
	spec->mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec->min_bytes = spec->mem_bytes = spec->max_bytes = 64 * MIB;
	for (size_t i = 0; i < MANY; i++) {
		tarn__virtual_disk__init(&made.disks[i]);
		tarn__virtual_ethernet__init(&made.ethernets[i]);
		made.disks[i].slot = (uint32_t)(HV_LPAR_SLOT_MIN + i);
		made.disks[i].bytes = MIB;
		made.ethernets[i].slot = (uint32_t)(HV_LPAR_SLOT_MIN + disks + i);
		made.ethernets[i].vlan = 1;
		made.disk_list[i] = &made.disks[i];
		made.ethernet_list[i] = &made.ethernets[i];
	}
	spec->n_disks = disks;
	spec->disks = made.disk_list;
	spec->n_ethernets = ethernets;
	spec->ethernets = made.ethernet_list;
	spec->virtual_adapters = (uint32_t)(HV_SERIAL_ADAPTERS + disks + ethernets);
	return spec;
}

static void auto_is_what_the_adapters_need(void **state)
{
	static const struct {
		size_t disks, ethernets;
		uint32_t more; /* adapters that only count */
		uint64_t bytes;
	} rows[] = {
		{ 0, 0, 0, 1564672 }, /* 1562624 in whole pages */
		{ 1, 0, 0, 1536 * KIB + 8 * KIB },
		{ 0, 1, 0, 1536 * KIB + 256 * KIB },
		{ 2, 3, 0, 1536 * KIB + 2 * 8 * KIB + 3 * 256 * KIB },
		{ 0, 0, 5, 1536 * KIB + 5 * 8 * KIB },
		{ 1, 1, 1, 1536 * KIB + 2 * 8 * KIB + 256 * KIB },
		{ 16, 16, 0, 1536 * KIB + 16 * 8 * KIB + 16 * 256 * KIB },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		Tarn__LparSpec *spec = spec_of(rows[i].disks, rows[i].ethernets);

		spec->virtual_adapters += rows[i].more;
		assert_int_equal(hv_lpar_entitled_auto(spec), rows[i].bytes);
		assert_int_equal(hv_lpar_entitled(spec), rows[i].bytes);
		assert_true(hv_lpar_entitled_is_auto(spec));
		assert_int_equal(rows[i].bytes % HV_PAGE_BYTES, 0);
		assert_int_equal(hv_lpar_spec_check(spec, NULL), HV_OK);
	}
	spec_of(1, 1)->virtual_adapters = 0; /* one nobody checked yet */
	assert_int_equal(hv_lpar_entitled(&made.spec), 1800 * KIB);
}

static void what_is_said_counts_and_is_no_less_than_the_minimum(void **state)
{
	static const struct {
		uint64_t said, bytes;
		bool is_auto;
	} rows[] = {
		{ 0, 1544 * KIB, true },       { 1, 1544 * KIB, true },
		{ 1564672, 1544 * KIB, true }, /* as kept by a Tarn without adapters */
		{ 1564673, 1568768, false },   { 40 * MIB, 40 * MIB, false },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		Tarn__LparSpec *spec = spec_of(1, 0);

		spec->entitled_bytes = rows[i].said;
		assert_int_equal(hv_lpar_entitled(spec), rows[i].bytes);
		assert_int_equal(hv_lpar_entitled_is_auto(spec), rows[i].is_auto);
	}
}

static void it_is_never_more_than_its_memory(void **state)
{
	Tarn__LparSpec *spec = spec_of(0, 16);

	(void)state;
	spec->min_bytes = spec->mem_bytes = 1 * MIB;
	assert_int_equal(hv_lpar_entitled(spec), MIB);
	hv_lpar_entitle(spec);
	assert_int_equal(hv_lpar_spec_check(spec, NULL), HV_OK);
	spec->entitled_auto = false;
	assert_int_equal(hv_lpar_entitled(spec), MIB);
}

static void auto_stays_auto_when_adapters_come_and_go(void **state)
{
	Tarn__LparSpec *spec = spec_of(0, 0);

	(void)state;
	hv_lpar_entitle(spec);
	assert_true(spec->has_entitled_bytes && spec->has_entitled_auto);
	assert_int_equal(spec->entitled_bytes, HV_LPAR_ENTITLED_LEAST);
	spec->n_ethernets = 4;
	spec->virtual_adapters = 6;
	hv_lpar_entitle(spec);
	assert_int_equal(spec->entitled_bytes, 2560 * KIB);
	spec->n_ethernets = 0;
	spec->virtual_adapters = 2;
	hv_lpar_entitle(spec);
	assert_true(hv_lpar_entitled_is_auto(spec));
	assert_int_equal(spec->entitled_bytes, HV_LPAR_ENTITLED_LEAST);
}

static void what_was_said_stays_when_adapters_come(void **state)
{
	Tarn__LparSpec *spec = spec_of(0, 0);

	(void)state;
	spec->entitled_bytes = 2 * MIB;
	hv_lpar_entitle(spec);
	spec->n_ethernets = 4;
	spec->virtual_adapters = 6;
	hv_lpar_entitle(spec);
	assert_false(hv_lpar_entitled_is_auto(spec));
	assert_int_equal(hv_lpar_entitled(spec), 2 * MIB);
}

static void a_dedicated_one_has_adapters_and_needs_no_entitlement(void **state)
{
	Tarn__LparSpec *spec = spec_of(2, 2);

	(void)state;
	spec->mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	hv_lpar_entitle(spec);
	assert_false(spec->has_entitled_bytes || spec->has_entitled_auto);
	assert_int_equal(hv_lpar_entitled(spec), 0);
	assert_int_equal(hv_lpar_spec_check(spec, NULL), HV_OK);
}

static void must_refuse(enum hv_code code, const char *says)
{
	struct hv_err err = { 0 };

	assert_int_equal(hv_lpar_spec_check(&made.spec, &err), code);
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
}

static void adapters_that_cannot_be_are_refused(void **state)
{
	(void)state;
	spec_of(1, 0)->disks[0]->bytes = 0;
	must_refuse(HV_E_INVAL, "disk of 0 bytes");
	spec_of(1, 0)->disks[0]->bytes = 4097;
	must_refuse(HV_E_INVAL, "disk of 4097 bytes");
	spec_of(1, 0)->disks[0]->bytes = HV_LPAR_BYTES_MAX + HV_PAGE_BYTES;
	must_refuse(HV_E_LIMIT, "limit of 1 TiB");
	spec_of(1, 0)->disks[0]->slot = 1;
	must_refuse(HV_E_INVAL, "slot 1 of an adapter is not 2 to 65535");
	spec_of(0, 1)->ethernets[0]->slot = 65536;
	must_refuse(HV_E_INVAL, "slot 65536");
	spec_of(0, 1)->ethernets[0]->vlan = 0;
	must_refuse(HV_E_INVAL, "VLAN 0 is not 1 to 4094");
	spec_of(0, 1)->ethernets[0]->vlan = 4095;
	must_refuse(HV_E_INVAL, "VLAN 4095");
	spec_of(2, 0)->disks[1]->slot = 2;
	must_refuse(HV_E_INVAL, "slot 2 is of 2 virtual adapters");
	spec_of(1, 1)->ethernets[0]->slot = 2;
	must_refuse(HV_E_INVAL, "slot 2 is of 2 virtual adapters");
	spec_of(1, 1)->virtual_adapters = 3;
	must_refuse(HV_E_INVAL, "3 virtual adapters are less than");
	(void)spec_of(MANY, 0);
	must_refuse(HV_E_LIMIT, "17 disks");
	(void)spec_of(0, MANY);
	must_refuse(HV_E_LIMIT, "17 ethernets");
	spec_of(0, 0)->virtual_adapters = HV_LPAR_ADAPTERS_MAX + 1;
	must_refuse(HV_E_LIMIT, "1025 virtual adapters");
	spec_of(0, 0)->workload->io_percent = 101;
	must_refuse(HV_E_INVAL, "101 % I/O");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(auto_is_what_the_adapters_need),
		cmocka_unit_test(what_is_said_counts_and_is_no_less_than_the_minimum),
		cmocka_unit_test(it_is_never_more_than_its_memory),
		cmocka_unit_test(auto_stays_auto_when_adapters_come_and_go),
		cmocka_unit_test(what_was_said_stays_when_adapters_come),
		cmocka_unit_test(a_dedicated_one_has_adapters_and_needs_no_entitlement),
		cmocka_unit_test(adapters_that_cannot_be_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
