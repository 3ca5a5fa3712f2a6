/* TCE tables: bounds, permissions, whose page it is; a random run against an array. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"
#include "hvcore/mem/tce.h"
#include "tests/support/oom.h"
#include "tests/support/seed.h"

#define PAGES 100u
#define WINDOWS 2u
#define WINDOW_BYTES ((uint64_t)HV_TCE_WINDOW_PAGES * HV_PAGE_BYTES)
#define L HV_LIOBN_FIRST

static struct hv_tces *tces;

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(hv_tces_open(WINDOWS, PAGES, &tces, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hv_tces_close(tces);
	return 0;
}

static uint64_t get(uint64_t liobn, uint64_t ioba)
{
	uint64_t tce = UINT64_MAX;

	assert_int_equal(hv_tce_get(tces, liobn, ioba, &tce), H_SUCCESS);
	return tce;
}

static void what_is_put_is_what_is_got(void **state)
{
	(void)state;
	assert_int_equal(get(L, 0), 0);
	assert_int_equal(hv_tce_put(tces, L, 0x3abc, 0x5003), H_SUCCESS);
	assert_int_equal(get(L, 0x3000), 0x5003);
	assert_int_equal(get(L + 1, 0x3000), 0);
	assert_int_equal(hv_tces_mapped(tces), 1);
	assert_int_equal(hv_tce_put(tces, L, 0x3000, 0x6001), H_SUCCESS);
	assert_int_equal(hv_tces_mapped(tces), 1);
	assert_int_equal(hv_tce_put(tces, L, 0x3000, 0), H_SUCCESS);
	assert_int_equal(hv_tces_mapped(tces), 0);
}

static void out_of_bounds_is_refused_and_changes_nothing(void **state)
{
	static const struct {
		uint64_t liobn, ioba, tce, count;
	} rows[] = {
		{ L - 1, 0, 1, 1 },
		{ L + WINDOWS, 0, 1, 1 },
		{ UINT64_MAX, 0, 1, 1 },
		{ 0, 0, 1, 1 },
		{ L, WINDOW_BYTES, 1, 1 },
		{ L, UINT64_MAX, 1, 1 },
		{ L, WINDOW_BYTES - HV_PAGE_BYTES, 1, 2 },
		{ L, 0, 1, HV_TCE_WINDOW_PAGES + 1 },
		{ L, 0, 1, UINT64_MAX },
		{ L, 0, (uint64_t)PAGES << 12 | 1, 1 }, /* beyond logical memory */
		{ L, 0, (uint64_t)PAGES << 12, 1 },     /* without a permission too */
		{ L, 0, UINT64_MAX & ~UINT64_C(0xffc), 1 },
		{ L, 0, 0x5, 1 }, /* reserved bits */
		{ L, 0, 0x803, 1 },
	};
	uint64_t tce;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		assert_int_equal(hv_tce_stuff(tces, rows[i].liobn, rows[i].ioba,
					      rows[i].tce, rows[i].count),
				 H_PARAMETER);
		assert_int_equal(hv_tces_mapped(tces), 0);
	}
	assert_int_equal(hv_tce_put(tces, L + WINDOWS, 0, 1), H_PARAMETER);
	assert_int_equal(hv_tce_get(tces, L, WINDOW_BYTES, &tce), H_PARAMETER);
	assert_int_equal(hv_tce_get(tces, L - 1, 0, &tce), H_PARAMETER);
}

static void stuff_fills_and_clears_a_range(void **state)
{
	(void)state;
	assert_int_equal(hv_tce_stuff(tces, L + 1, 0, 0x7002, HV_TCE_WINDOW_PAGES),
			 H_SUCCESS);
	assert_int_equal(hv_tces_mapped(tces), HV_TCE_WINDOW_PAGES);
	assert_int_equal(hv_tce_stuff(tces, L + 1, 0x1000, 0, 10), H_SUCCESS);
	assert_int_equal(hv_tces_mapped(tces), HV_TCE_WINDOW_PAGES - 10);
	assert_int_equal(hv_tce_stuff(tces, L + 1, 0x1000, 0, 0), H_SUCCESS);
	assert_int_equal(get(L + 1, 0), 0x7002);
	assert_int_equal(get(L + 1, 0x1000), 0);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void beyond_logical_memory_there_are_no_entries(void **state)
{
	(void)state;
	assert_int_equal(hv_tce_put(tces, L, 0x1000, 0x9001), H_SUCCESS);
	assert_int_equal(hv_tce_put(tces, L, 0x2000, 0xa001), H_SUCCESS);
	hv_tces_resize(tces, 10);
	assert_int_equal(hv_tces_mapped(tces), 1);
	assert_int_equal(get(L, 0x2000), 0);
	assert_int_equal(hv_tce_put(tces, L, 0x2000, 0xa001), H_PARAMETER);
	hv_tces_resize(tces, 11);
	assert_int_equal(hv_tce_put(tces, L, 0x2000, 0xa001), H_SUCCESS);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void it_answers_as_an_array_does(void **state)
{
	static uint64_t model[WINDOWS][HV_TCE_WINDOW_PAGES];
	struct hv_rng rng = { test_seed() };

	(void)state;
	memset(model, 0, sizeof(model));
	for (unsigned step = 0; step < 20000; step++) {
		uint64_t window = hv_rng_below(&rng, WINDOWS + 1);
		uint64_t first = hv_rng_below(&rng, HV_TCE_WINDOW_PAGES + 8);
		uint64_t count = hv_rng_below(&rng, 40);
		uint64_t page = hv_rng_below(&rng, PAGES + 4);
		uint64_t tce = page << 12 | hv_rng_below(&rng, 5);
		bool is_right = window < WINDOWS && first < HV_TCE_WINDOW_PAGES &&
				first + count <= HV_TCE_WINDOW_PAGES && (tce & 4) == 0 &&
				page < PAGES;

		assert_int_equal(hv_tce_stuff(tces, L + window, first << 12, tce, count),
				 is_right ? H_SUCCESS : H_PARAMETER);
		for (uint64_t i = 0; is_right && i < count; i++)
			model[window][first + i] = tce;
	}
	for (unsigned window = 0; window < WINDOWS; window++)
		for (uint64_t i = 0; i < HV_TCE_WINDOW_PAGES; i++)
			assert_int_equal(get(L + window, i << 12), model[window][i]);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void its_bytes_are_counted(void **state)
{
	(void)state;
	assert_true(hv_tces_memory_bytes(tces) >= WINDOWS * HV_TCE_WINDOW_PAGES * 8);
}

static void impossible_tables_are_refused(void **state)
{
	struct rlimit before;
	struct rlimit none;
	struct hv_tces *table = NULL;

	(void)state;
	assert_int_equal(hv_tces_open(0, PAGES, &table, NULL), HV_E_INVAL);
	assert_int_equal(hv_tces_open(HV_TCE_WINDOWS_MAX + 1, PAGES, &table, NULL),
			 HV_E_INVAL);
	assert_int_equal(hv_tces_open(1, 0, &table, NULL), HV_E_INVAL);
	oom_arm(1);
	assert_int_equal(hv_tces_open(1, PAGES, &table, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	none = (struct rlimit){ .rlim_cur = 4096, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	assert_int_equal(hv_tces_open(1, PAGES, &table, NULL), HV_E_NOMEM);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_null(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_put_is_what_is_got),
		TEST(out_of_bounds_is_refused_and_changes_nothing),
		TEST(stuff_fills_and_clears_a_range),
		TEST(beyond_logical_memory_there_are_no_entries),
		TEST(it_answers_as_an_array_does),
		TEST(its_bytes_are_counted),
		TEST(impossible_tables_are_refused),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
