/* The physical map of a host (SPEC R1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/base/rng.h"
#include "hvcore/mem/lmb.h"
#include "tests/support/oom.h"
#include "tests/support/seed.h"

#define MIB (UINT64_C(1) << 20)

static void block_0_is_the_hypervisors_and_stays_so(void **state)
{
	struct hv_lmb_map *map = NULL;
	struct hv_err err;
	uint32_t number;

	(void)state;
	assert_int_equal(hv_lmb_map_new(64 * MIB, 16 * MIB, &map, &err), HV_OK);
	assert_int_equal(hv_lmb_total(map), 4);
	assert_int_equal(hv_lmb_owner_of(map, 0, &number), HV_LMB_HYPERVISOR);
	assert_int_equal(hv_lmb_take(map, HV_LMB_POOL, 0, 3, &err), HV_OK);
	assert_int_equal(hv_lmb_take(map, HV_LMB_DEDICATED, 1, 1, &err), HV_E_NOMEM);
	assert_int_equal(hv_lmb_owner_of(map, 0, &number), HV_LMB_HYPERVISOR);
	assert_int_equal(hv_lmb_count(map, HV_LMB_POOL), 3);
	hv_lmb_map_free(map);
}

static void a_short_take_says_by_how_much_and_takes_nothing(void **state)
{
	struct hv_lmb_map *map = NULL;
	struct hv_err err;

	(void)state;
	assert_int_equal(hv_lmb_map_new(100 * MIB, 16 * MIB, &map, &err), HV_OK);
	assert_int_equal(hv_lmb_take(map, HV_LMB_POOL, 0, 9, &err), HV_E_NOMEM);
	assert_string_equal(err.text, "9 memory blocks of 16 MiB are needed, 5 are free");
	assert_int_equal(hv_lmb_count(map, HV_LMB_FREE), 5);
	assert_int_equal(hv_lmb_audit(map, &err), HV_OK);
	hv_lmb_map_free(map);
}

static void impossible_maps_are_refused(void **state)
{
	static const struct {
		uint64_t memory, lmb;
		enum hv_code code;
	} rows[] = {
		{ 1024 * MIB, 8 * MIB, HV_E_INVAL },
		{ 1024 * MIB, 24 * MIB, HV_E_INVAL },
		{ 1024 * MIB, 512 * MIB, HV_E_INVAL },
		{ 31 * MIB, 16 * MIB, HV_E_INVAL },
		{ UINT64_MAX, 16 * MIB, HV_E_LIMIT },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_lmb_map *map = NULL;

		assert_int_equal(hv_lmb_map_new(rows[i].memory, rows[i].lmb, &map, NULL),
				 rows[i].code);
		assert_null(map);
	}
}

static void bytes_round_up_to_blocks(void **state)
{
	struct hv_lmb_map *map = NULL;

	(void)state;
	assert_int_equal(hv_lmb_map_new(64 * MIB, 16 * MIB, &map, NULL), HV_OK);
	assert_int_equal(hv_lmb_for_bytes(map, 0), 0);
	assert_int_equal(hv_lmb_for_bytes(map, 1), 1);
	assert_int_equal(hv_lmb_for_bytes(map, 16 * MIB), 1);
	assert_int_equal(hv_lmb_for_bytes(map, 16 * MIB + 1), 2);
	hv_lmb_map_free(map);
}

/* Random takes and gives against a plain count for each owner. */
static void the_map_agrees_with_its_counts(void **state)
{
	enum { OWNERS = 6, BLOCKS = 40 };
	struct hv_rng rng = { test_seed() };
	struct hv_lmb_map *map = NULL;
	uint64_t has[OWNERS] = { 0 };
	uint64_t used = 1;
	struct hv_err err;

	(void)state;
	assert_int_equal(hv_lmb_map_new(BLOCKS * 16 * MIB, 16 * MIB, &map, &err), HV_OK);
	for (unsigned step = 0; step < 5000; step++) {
		uint32_t who = (uint32_t)hv_rng_below(&rng, OWNERS);
		enum hv_lmb_owner owner = who == 0 ? HV_LMB_POOL : HV_LMB_DEDICATED;
		uint64_t count = hv_rng_below(&rng, 8);

		if (hv_rng_below(&rng, 2) == 0) {
			enum hv_code want = used + count <= BLOCKS ? HV_OK : HV_E_NOMEM;

			assert_int_equal(hv_lmb_take(map, owner, who, count, &err), want);
			if (want == HV_OK) {
				has[who] += count;
				used += count;
			}
		} else if (count <= has[who]) {
			hv_lmb_give(map, owner, who, count);
			has[who] -= count;
			used -= count;
		}
		assert_int_equal(hv_lmb_audit(map, &err), HV_OK);
		assert_int_equal(hv_lmb_count(map, HV_LMB_FREE), BLOCKS - used);
		assert_int_equal(hv_lmb_count(map, HV_LMB_POOL), has[0]);
	}
	hv_lmb_map_free(map);
}

static void no_memory_for_the_map_is_an_error(void **state)
{
	struct hv_lmb_map *map = NULL;

	(void)state;
	oom_arm(1);
	assert_int_equal(hv_lmb_map_new(64 * MIB, 16 * MIB, &map, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(block_0_is_the_hypervisors_and_stays_so),
		cmocka_unit_test(a_short_take_says_by_how_much_and_takes_nothing),
		cmocka_unit_test(impossible_maps_are_refused),
		cmocka_unit_test(bytes_round_up_to_blocks),
		cmocka_unit_test(the_map_agrees_with_its_counts),
		cmocka_unit_test(no_memory_for_the_map_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
