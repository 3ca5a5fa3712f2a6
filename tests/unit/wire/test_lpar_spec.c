/* Unit tests of hv_lpar_spec_check (hvcore/wire/messages.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <string.h>

#include "hvcore/wire/messages.h"

#define MIB (UINT64_C(1) << 20)

struct spec_case {
	const char *name;
	uint64_t min, mem, max;
	unsigned weight, set_percent, write_percent;
	uint64_t entitled;
	bool is_shared;
	enum hv_code code;
	const char *text; /* in the sentence */
};

/* clang-format off */
static const struct spec_case cases[] = {
	{ "db1", MIB, 2 * MIB, 4 * MIB, 128, 100, 50, 0, true, HV_OK, "" },
	{ "db1", MIB, MIB, MIB, 255, 1, 100, MIB, true, HV_OK, "" },
	{ "db1", MIB, MIB, MIB, 0, 1, 0, 0, false, HV_OK, "" },
	{ "-", MIB, MIB, MIB, 128, 100, 50, 0, true, HV_E_INVAL, "is not a name" },
	{ "", MIB, MIB, MIB, 128, 100, 50, 0, true, HV_E_INVAL, "is not a name" },
	{ "db1", 0, MIB, MIB, 128, 100, 50, 0, true, HV_E_INVAL, "minimum of 0 bytes" },
	{ "db1", MIB, 2 * MIB + 1, 4 * MIB, 128, 100, 50, 0, true, HV_E_INVAL,
	  "memory of 2097153 bytes" },
	{ "db1", MIB, MIB, MIB << 21, 128, 100, 50, 0, true, HV_E_LIMIT, "limit of 1 TiB" },
	{ "db1", 2 * MIB, MIB, 4 * MIB, 128, 100, 50, 0, true, HV_E_INVAL,
	  "memory 1 MiB is less than minimum 2 MiB" },
	{ "db1", MIB, 4 * MIB, 2 * MIB, 128, 100, 50, 0, true, HV_E_INVAL,
	  "maximum 2 MiB is less than memory 4 MiB" },
	{ "db1", MIB, MIB, MIB, 256, 100, 50, 0, true, HV_E_INVAL, "weight 256" },
	{ "db1", MIB, MIB, MIB, 128, 0, 50, 0, true, HV_E_INVAL, "working set of 0 %" },
	{ "db1", MIB, MIB, MIB, 128, 101, 50, 0, true, HV_E_INVAL, "working set of 101 %" },
	{ "db1", MIB, MIB, MIB, 128, 100, 101, 0, true, HV_E_INVAL, "101 % writes" },
	{ "db1", MIB, MIB, MIB, 128, 100, 50, 2 * MIB, true, HV_E_INVAL, "entitled" },
	{ "db1", MIB, MIB, MIB, 128, 100, 50, MIB, false, HV_E_INVAL, "only shared" },
};
/* clang-format on */

static void a_spec_is_checked_in_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		const struct spec_case *c = &cases[i];
		Tarn__Workload workload = TARN__WORKLOAD__INIT;
		Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
		struct hv_err err = { 0 };

		workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_ZIPF;
		workload.working_set_percent = c->set_percent;
		workload.write_percent = c->write_percent;
		spec.name = (char *)(uintptr_t)c->name;
		spec.mode = c->is_shared ? TARN__MEMORY_MODE__MEMORY_MODE_SHARED
					 : TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
		spec.min_bytes = c->min;
		spec.mem_bytes = c->mem;
		spec.max_bytes = c->max;
		spec.weight = c->weight;
		spec.entitled_bytes = c->entitled;
		spec.workload = &workload;
		if (hv_lpar_spec_check(&spec, &err) != c->code)
			fail_msg("case %u: %s", i, err.text);
		if (strstr(err.text, c->text) == NULL)
			fail_msg("case %u: '%s' does not say '%s'", i, err.text, c->text);
	}
}

static void a_spec_without_workload_or_name_is_wrong(void **state)
{
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;

	(void)state;
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec.min_bytes = MIB;
	spec.mem_bytes = MIB;
	spec.max_bytes = MIB;
	assert_int_equal(hv_lpar_spec_check(&spec, NULL), HV_E_INVAL);
	spec.name = (char *)(uintptr_t) "db1";
	assert_int_equal(hv_lpar_spec_check(&spec, NULL), HV_E_INVAL);
}

static void an_operating_system_may_use_more_than_its_memory(void **state)
{
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;

	(void)state;
	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_OS;
	workload.working_set_percent = HV_LPAR_OS_SET_MAX;
	workload.loan_policy = HV_LPAR_LOAN_POLICY_MAX;
	spec.name = (char *)(uintptr_t) "os1";
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec.min_bytes = MIB;
	spec.mem_bytes = MIB;
	spec.max_bytes = MIB;
	spec.workload = &workload;
	assert_int_equal(hv_lpar_spec_check(&spec, NULL), HV_OK);
	workload.working_set_percent++;
	assert_int_equal(hv_lpar_spec_check(&spec, NULL), HV_E_INVAL);
	workload.working_set_percent = 100;
	workload.loan_policy++;
	assert_int_equal(hv_lpar_spec_check(&spec, NULL), HV_E_INVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_spec_is_checked_in_itself),
		cmocka_unit_test(a_spec_without_workload_or_name_is_wrong),
		cmocka_unit_test(an_operating_system_may_use_more_than_its_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
