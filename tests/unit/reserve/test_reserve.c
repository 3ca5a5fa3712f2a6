/*
 * The reserved-memory model: the published page-table points (domain.md 4.6), the
 * staircase of SPEC R7, and what must hold for every profile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "hvcore/base/file.h"
#include "hvcore/base/rng.h"
#include "hvcore/reserve/reserve.h"
#include "tests/support/seed.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static const char *const shipped[] = { "lab", "power770", "power8-s824" };

static struct hv_profile load(const char *name)
{
	const char *source = getenv("TARN_SOURCE");
	char directory[HV_FILE_PATH_BYTES];
	struct hv_profile profile;
	struct hv_err err = { 0 };

	assert_non_null(source);
	assert_int_equal(hv_path_join(directory, sizeof(directory), source,
				      "deploy/profiles", NULL),
			 HV_OK);
	if (hv_profile_load(directory, name, &profile, &err) != HV_OK)
		fail_msg("%s", hv_err_text(&err));
	return profile;
}

static uint64_t shown(const struct hv_profile *profile, unsigned small, unsigned large)
{
	struct hv_reserve sum;

	hv_reserve_start(&sum, profile);
	for (unsigned i = 0; i < small; i++)
		hv_reserve_add(&sum, profile,
			       &(struct hv_reserve_partition){ .max_bytes = 2 * GIB });
	for (unsigned i = 0; i < large; i++)
		hv_reserve_add(&sum, profile,
			       &(struct hv_reserve_partition){ .max_bytes = 4 * GIB });
	return hv_reserve_firmware_bytes(&sum, profile->lmb_bytes) / MIB;
}

static void r7_the_steps_come_where_the_document_has_them(void **state)
{
	static const struct {
		unsigned small, large;
		uint64_t mib;
	} rows[] = {
		{ 0, 0, 2816 },  { 2, 0, 2816 },  { 3, 0, 3072 },  { 34, 0, 3072 },
		{ 35, 0, 3328 }, { 63, 0, 3328 }, { 64, 0, 3584 }, { 63, 1, 3584 },
		{ 63, 4, 3584 }, { 63, 5, 3840 },
	};
	struct hv_profile profile = load("power770");

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		assert_int_equal(shown(&profile, rows[i].small, rows[i].large),
				 rows[i].mib);
}

static void page_tables_have_their_published_sizes(void **state)
{
	static const struct {
		uint64_t max_mib;
		uint32_t ratio;
		uint64_t table_mib;
	} rows[] = {
		{ 2048, 64, 32 },     { 2048, 128, 16 },     { 4096, 64, 64 },
		{ 8192, 64, 128 },    { 10240, 64, 128 },    { 10752, 64, 256 },
		{ 16384, 64, 256 },   { 16384, 128, 128 },   { 65536, 64, 1024 },
		{ 131072, 64, 2048 }, { 131072, 128, 1024 },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		assert_int_equal(hv_hpt_bytes(rows[i].max_mib * MIB, rows[i].ratio),
				 rows[i].table_mib * MIB);
	assert_int_equal(hv_hpt_bytes(16 * MIB, 512), HV_HPT_BYTES_MIN);
	assert_int_equal(hv_hpt_bytes(4096, 64), HV_HPT_BYTES_MIN);
}

static void each_ratio_halves_the_table(void **state)
{
	(void)state;
	for (uint32_t ratio = HV_HPT_RATIO_MIN; ratio < HV_HPT_RATIO_MAX; ratio *= 2) {
		assert_true(hv_hpt_ratio_is_valid(ratio));
		assert_int_equal(hv_hpt_bytes(8 * GIB, ratio),
				 2 * hv_hpt_bytes(8 * GIB, 2 * ratio));
	}
	assert_false(hv_hpt_ratio_is_valid(16));
	assert_false(hv_hpt_ratio_is_valid(1024));
	assert_false(hv_hpt_ratio_is_valid(96));
	assert_false(hv_hpt_ratio_is_valid(0));
}

/* domain.md 4.6 (i): three running partitions, all of 10240 MB at 1:64, show 640 MB. */
static void a_published_machine_shows_what_it_showed(void **state)
{
	struct hv_profile profile = {
		.name = "9131-52A",
		.lmb_bytes = 128 * MIB,
		.installed_bytes = 32 * GIB,
		.processors = 4,
		.base_bytes = 256 * MIB,
		.hpt_ratio = 64,
		.creation = { { 0, 0 }, { HV_PROFILE_END, 0 } },
		.creation_count = 2,
	};
	struct hv_reserve sum;

	(void)state;
	assert_int_equal(hv_profile_check(&profile, NULL), HV_OK);
	hv_reserve_start(&sum, &profile);
	for (unsigned i = 0; i < 3; i++)
		hv_reserve_add(&sum, &profile,
			       &(struct hv_reserve_partition){ .max_bytes = 10240 * MIB,
							       .is_active = true });
	assert_int_equal(hv_reserve_firmware_bytes(&sum, profile.lmb_bytes), 640 * MIB);
}

static void a_sum_is_its_regions(void **state)
{
	struct hv_profile profile = load("power770");
	struct hv_reserve_partition partition = { .max_bytes = 4 * GIB,
						  .hpt_ratio = 128,
						  .virtual_adapters = 3,
						  .is_active = true };
	struct hv_reserve sum;

	(void)state;
	hv_reserve_start(&sum, &profile);
	hv_reserve_add(&sum, &profile, &partition);
	hv_reserve_pool(&sum, &profile, GIB);
	assert_int_equal(sum.creation_bytes, 64 * MIB);
	assert_int_equal(sum.hpt_bytes, 32 * MIB);
	assert_int_equal(sum.pool_bytes, GIB / 4096 * 16);
	assert_int_equal(hv_reserve_tce_bytes(&sum), 24 * 4 * MIB + 3 * 16384);
	assert_int_equal(hv_reserve_management_bytes(&sum),
			 profile.base_bytes + 64 * MIB + GIB / 256);
	assert_int_equal(hv_reserve_exact_bytes(&sum),
			 hv_reserve_management_bytes(&sum) + hv_reserve_tce_bytes(&sum) +
				 32 * MIB);
}

static void nothing_at_all_is_one_block(void **state)
{
	struct hv_profile profile = { .hpt_ratio = 64, .creation_count = 2 };
	struct hv_reserve sum;

	(void)state;
	hv_reserve_start(&sum, &profile);
	assert_int_equal(hv_reserve_firmware_bytes(&sum, 16 * MIB), 16 * MIB);
}

/* SPEC R6, R8: more memory is never cheaper, neither to create nor to activate. */
static void costs_never_fall_as_the_maximum_rises(void **state)
{
	struct hv_rng rng = { test_seed() };

	(void)state;
	for (unsigned which = 0; which < HV_COUNT(shipped); which++) {
		struct hv_profile profile = load(shipped[which]);

		for (unsigned i = 0; i < 20000; i++) {
			uint64_t max = (1 + hv_rng_below(&rng, 1u << 28)) * 4096;
			uint64_t more = max + hv_rng_below(&rng, 1u << 20) * 4096;
			struct hv_reserve_cost a, b;

			more = more < HV_PROFILE_END ? more : HV_PROFILE_END;
			max = max < more ? max : more;
			a = hv_reserve_cost(&profile, &(struct hv_reserve_partition){
							      .max_bytes = max });
			b = hv_reserve_cost(&profile, &(struct hv_reserve_partition){
							      .max_bytes = more });
			assert_true(b.creation_bytes >= a.creation_bytes);
			assert_true(b.hpt_bytes >= a.hpt_bytes);
			assert_true(b.tce_bytes >= a.tce_bytes);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(r7_the_steps_come_where_the_document_has_them),
		cmocka_unit_test(page_tables_have_their_published_sizes),
		cmocka_unit_test(each_ratio_halves_the_table),
		cmocka_unit_test(a_published_machine_shows_what_it_showed),
		cmocka_unit_test(a_sum_is_its_regions),
		cmocka_unit_test(nothing_at_all_is_one_block),
		cmocka_unit_test(costs_never_fall_as_the_maximum_rises),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
