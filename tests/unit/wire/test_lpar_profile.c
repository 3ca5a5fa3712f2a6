/* Unit tests of hvcore/wire/lpar_profile.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/wire/lpar_profile.h"

#define MIB (UINT64_C(1) << 20)
#define TEXT(t) ((char *)(uintptr_t)(t))

struct value_case {
	enum hv_lpar_scope scope;
	const char *name, *value;
	bool is_right;
};

static void attributes_take_what_they_may_be(void **state)
{
	static const struct value_case cases[] = {
		{ HV_SCOPE_LPAR, "lpar_env", "aixlinux", true },
		{ HV_SCOPE_LPAR, "lpar_env", "aix", false },
		{ HV_SCOPE_LPAR, "lpar_env", "aixlinux|os400", false },
		{ HV_SCOPE_LPAR, "boot_mode", "sms", true },
		{ HV_SCOPE_LPAR, "boot_mode", "", false },
		{ HV_SCOPE_LPAR, "lpar_avail_priority", "255", true },
		{ HV_SCOPE_LPAR, "lpar_avail_priority", "256", false },
		{ HV_SCOPE_PROFILE, "min_procs", "1", true },
		{ HV_SCOPE_PROFILE, "min_procs", "0", false },
		{ HV_SCOPE_PROFILE, "min_proc_units", "0.05", true },
		{ HV_SCOPE_PROFILE, "min_proc_units", "0.04", false },
		{ HV_SCOPE_PROFILE, "min_proc_units", "256", true },
		{ HV_SCOPE_PROFILE, "min_proc_units", "256.01", false },
		{ HV_SCOPE_PROFILE, "primary_paging_vios_name", "vios1", true },
		{ HV_SCOPE_PROFILE, "primary_paging_vios_name", "vios1,vios2", false },
		{ HV_SCOPE_PROFILE, "virtual_eth_adapters", "\"2/1/1/3,4/0/1\",3", true },
		{ HV_SCOPE_PROFILE, "virtual_eth_adapters", "\"2/1", false },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		const struct hv_lpar_attribute *row =
			hv_lpar_attribute_find(cases[i].scope, cases[i].name);

		assert_non_null(row);
		if (hv_lpar_attribute_takes(row, cases[i].value) != cases[i].is_right)
			fail_msg("%s=%s", cases[i].name, cases[i].value);
	}
	assert_null(hv_lpar_attribute_find(HV_SCOPE_LPAR, "min_procs"));
}

static void what_is_absent_is_right(void **state)
{
	const struct hv_lpar_attribute *row = hv_lpar_attributes;

	(void)state;
	for (; row->name != NULL; row++) {
		assert_ptr_equal(hv_lpar_attribute_find(row->scope, row->name), row);
		if (row->absent != NULL)
			assert_true(hv_lpar_attribute_takes(row, row->absent));
	}
}

static void units_are_hundredths(void **state)
{
	static const struct {
		const char *text;
		enum hv_code code;
		uint64_t value;
	} cases[] = {
		{ "0.5", HV_OK, 50 },     { "1", HV_OK, 100 },
		{ "12.34", HV_OK, 1234 }, { "1.", HV_E_INVAL, 0 },
		{ ".5", HV_E_INVAL, 0 },  { "0.123", HV_E_INVAL, 0 },
		{ "", HV_E_INVAL, 0 },    { "1234567", HV_E_INVAL, 0 },
		{ "-1", HV_E_INVAL, 0 },  { "1.5x", HV_E_INVAL, 0 },
		{ "1x", HV_E_INVAL, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		uint64_t value = 0;

		assert_int_equal(hv_units_parse(cases[i].text, &value, NULL),
				 cases[i].code);
		assert_int_equal(value, cases[i].value);
	}
}

static void set(Tarn__LparAttribute *attribute, const char *name, const char *value)
{
	tarn__lpar_attribute__init(attribute);
	attribute->name = TEXT(name);
	attribute->value = TEXT(value);
}

static Tarn__LparProfile profile_of(void)
{
	Tarn__LparProfile profile = TARN__LPAR_PROFILE__INIT;

	profile.name = TEXT("normal");
	profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	profile.min_bytes = profile.mem_bytes = profile.max_bytes = 64 * MIB;
	return profile;
}

static void what_is_wrong_with_a_profile_is_named(void **state)
{
	static const struct {
		const char *names[3], *values[3], *says;
	} cases[] = {
		{ { "min_procs", "desired_procs", "max_procs" },
		  { "1", "2", "2" },
		  NULL },
		{ { "min_procs" }, { "1" }, "min_procs, desired_procs and max_procs go" },
		{ { "min_procs", "desired_procs", "max_procs" },
		  { "2", "1", "2" },
		  "must not fall" },
		{ { "min_proc_units", "desired_proc_units", "max_proc_units" },
		  { "0.1", "0.5", "0.4" },
		  "must not fall" },
		{ { "auto_start", "auto_start" }, { "1", "1" }, "is there twice" },
		{ { "auto_start" }, { "2" }, "'auto_start' is '2', and may be 0|1" },
		{ { "sync_curr_profile" }, { "0" }, "'sync_curr_profile' is not known" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		Tarn__LparProfile profile = profile_of();
		Tarn__LparAttribute values[3],
			*list[3] = { values, values + 1, values + 2 };
		struct hv_err err = { 0 };
		enum hv_code code;

		profile.attributes = list;
		for (unsigned j = 0; j < 3 && cases[i].names[j] != NULL; j++)
			set(&values[profile.n_attributes++], cases[i].names[j],
			    cases[i].values[j]);
		code = hv_lpar_profile_check(&profile, &err);
		assert_int_equal(code, cases[i].says == NULL ? HV_OK : HV_E_INVAL);
		if (cases[i].says != NULL && strstr(err.text, cases[i].says) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].says);
	}
}

static void shared_memory_has_no_processors_of_its_own(void **state)
{
	Tarn__LparProfile profile = profile_of();
	Tarn__LparAttribute mode, *list[] = { &mode };
	struct hv_err err = { 0 };

	(void)state;
	profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	assert_int_equal(hv_lpar_profile_check(&profile, &err), HV_OK); /* says nothing */
	profile.attributes = list;
	profile.n_attributes = 1;
	set(&mode, "proc_mode", "shared");
	assert_int_equal(hv_lpar_profile_check(&profile, &err), HV_OK);
	set(&mode, "proc_mode", "ded");
	assert_int_equal(hv_lpar_profile_check(&profile, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "shared memory needs shared processors"));
}

static void a_profile_has_a_name_and_memory_in_order(void **state)
{
	Tarn__LparProfile profile = profile_of();

	(void)state;
	assert_int_equal(hv_lpar_profile_check(&profile, NULL), HV_OK);
	profile.name = TEXT("a b");
	assert_int_equal(hv_lpar_profile_check(&profile, NULL), HV_E_INVAL);
	profile = profile_of();
	profile.min_bytes = 128 * MIB;
	assert_int_equal(hv_lpar_profile_check(&profile, NULL), HV_E_INVAL);
}

static void values_are_those_set_or_absent(void **state)
{
	Tarn__LparProfile profile = profile_of();
	Tarn__LparAttribute value, *list[] = { &value };

	(void)state;
	assert_string_equal(hv_lpar_profile_value(&profile, "boot_mode"), "norm");
	assert_null(hv_lpar_profile_value(&profile, "min_procs"));
	assert_null(hv_lpar_profile_value(&profile, "nothing"));
	set(&value, "boot_mode", "sms");
	profile.attributes = list;
	profile.n_attributes = 1;
	assert_string_equal(hv_lpar_profile_value(&profile, "boot_mode"), "sms");
}

static void a_dedicated_profile_takes_no_entitlement(void **state)
{
	Tarn__LparProfile profile = profile_of();
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;

	(void)state;
	profile.has_entitled_bytes = 1;
	profile.entitled_bytes = 2 * MIB;
	hv_lpar_profile_apply(&profile, &spec);
	assert_int_equal(spec.entitled_bytes, 0);
	profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	hv_lpar_profile_apply(&profile, &spec);
	assert_int_equal(spec.entitled_bytes, 2 * MIB);
	assert_int_equal(spec.max_bytes, 64 * MIB);
}

/* There and back: nothing that a profile can say of a spec is lost. */
static void a_spec_is_what_its_profile_makes_of_it(void **state)
{
	Tarn__VirtualDisk disk = TARN__VIRTUAL_DISK__INIT, *disks[] = { &disk };
	Tarn__VirtualEthernet ethernet = TARN__VIRTUAL_ETHERNET__INIT;
	Tarn__VirtualEthernet *ethernets[] = { &ethernet };
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT, again = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	uint8_t bytes[2][256] = { 0 };
	Tarn__LparProfile profile;

	(void)state;
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec.name = again.name = (char *)"p1";
	spec.workload = again.workload = &workload;
	spec.min_bytes = 16 * MIB;
	spec.mem_bytes = 32 * MIB;
	spec.max_bytes = 64 * MIB;
	spec.has_weight = spec.has_entitled_bytes = spec.has_redundancy = true;
	spec.weight = 7;
	spec.entitled_bytes = 2 * MIB;
	spec.redundancy = TARN__REDUNDANCY__REDUNDANCY_NONE;
	spec.has_hpt_ratio = spec.has_virtual_adapters = true;
	spec.hpt_ratio = 128;
	spec.virtual_adapters = 9;
	spec.n_disks = spec.n_ethernets = 1;
	spec.disks = disks;
	spec.ethernets = ethernets;
	hv_lpar_profile_of_spec(&spec, &profile);
	assert_null(profile.name); /* the caller gives it one */
	assert_int_equal(profile.n_attributes, 0);
	hv_lpar_profile_apply(&profile, &again);
	assert_int_equal(tarn__lpar_spec__pack(&again, bytes[0]),
			 tarn__lpar_spec__pack(&spec, bytes[1]));
	assert_memory_equal(bytes[0], bytes[1], sizeof(bytes[0]));
}

static void changes_carry_a_key(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparCreate create = TARN__LPAR_CREATE__INIT;

	(void)state;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &create;
	assert_true(hv_cluster_request_is_change(&request));
	create.dry_run = true;
	assert_false(hv_cluster_request_is_change(&request));
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_JOB_WAIT;
	assert_false(hv_cluster_request_is_change(&request));
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
	assert_true(hv_cluster_request_is_change(&request));
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PGDEV_REPLACE;
	assert_true(hv_cluster_request_is_change(&request));
	request.kind_case = (Tarn__ClusterRequest__KindCase)109;
	assert_true(hv_cluster_request_is_change(&request));
	request.kind_case =
		(Tarn__ClusterRequest__KindCase)110; /* as cluster.proto says */
	assert_false(hv_cluster_request_is_change(&request));
	request.kind_case = TARN__CLUSTER_REQUEST__KIND__NOT_SET;
	assert_false(hv_cluster_request_is_change(&request));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_take_what_they_may_be),
		cmocka_unit_test(what_is_absent_is_right),
		cmocka_unit_test(units_are_hundredths),
		cmocka_unit_test(what_is_wrong_with_a_profile_is_named),
		cmocka_unit_test(shared_memory_has_no_processors_of_its_own),
		cmocka_unit_test(a_profile_has_a_name_and_memory_in_order),
		cmocka_unit_test(values_are_those_set_or_absent),
		cmocka_unit_test(a_dedicated_profile_takes_no_entitlement),
		cmocka_unit_test(a_spec_is_what_its_profile_makes_of_it),
		cmocka_unit_test(changes_carry_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
