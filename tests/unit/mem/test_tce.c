/*
 * TCE tables: bounds, permissions, whose page it is, transfers that hold entries; a
 * random run against an array.
 */
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

static int64_t stuff(uint64_t liobn, uint64_t ioba, uint64_t tce, uint64_t count)
{
	struct hv_tce_range range = { liobn, ioba, tce, count };
	int64_t change = 0;

	return hv_tces_stuff(tces, &range, &change);
}

static int64_t put(uint64_t liobn, uint64_t ioba, uint64_t tce)
{
	return stuff(liobn, ioba, tce, 1);
}

static struct hv_tces_stat get_stat(void)
{
	struct hv_tces_stat stat;

	hv_tces_stat(tces, &stat);
	return stat;
}

static void what_is_put_is_what_is_got(void **state)
{
	(void)state;
	assert_int_equal(get(L, 0), 0);
	assert_int_equal(put(L, 0x3abc, 0x5003), H_SUCCESS);
	assert_int_equal(get(L, 0x3000), 0x5003);
	assert_int_equal(get(L + 1, 0x3000), 0);
	assert_int_equal(get_stat().entries, 1);
	assert_int_equal(put(L, 0x3000, 0x6001), H_SUCCESS);
	assert_int_equal(get_stat().entries, 1);
	assert_int_equal(put(L, 0x3000, 0), H_SUCCESS);
	assert_int_equal(get_stat().entries, 0);
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
		assert_int_equal(
			stuff(rows[i].liobn, rows[i].ioba, rows[i].tce, rows[i].count),
			H_PARAMETER);
		assert_int_equal(get_stat().entries, 0);
	}
	assert_int_equal(put(L + WINDOWS, 0, 1), H_PARAMETER);
	assert_int_equal(hv_tce_get(tces, L, WINDOW_BYTES, &tce), H_PARAMETER);
	assert_int_equal(hv_tce_get(tces, L - 1, 0, &tce), H_PARAMETER);
}

static void stuff_fills_and_clears_a_range(void **state)
{
	(void)state;
	assert_int_equal(stuff(L + 1, 0, 0x7002, HV_TCE_WINDOW_PAGES), H_SUCCESS);
	assert_int_equal(get_stat().entries, HV_TCE_WINDOW_PAGES);
	assert_int_equal(stuff(L + 1, 0x1000, 0, 10), H_SUCCESS);
	assert_int_equal(get_stat().entries, HV_TCE_WINDOW_PAGES - 10);
	assert_int_equal(stuff(L + 1, 0x1000, 0, 0), H_SUCCESS);
	assert_int_equal(get(L + 1, 0), 0x7002);
	assert_int_equal(get(L + 1, 0x1000), 0);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void what_is_stuffed_is_ready_and_says_how_many_pages_more(void **state)
{
	struct hv_tce_range range = { L, 0x1000, 0x5003, 3 };
	struct hv_tce_span span;
	unsigned count;
	int64_t change = 77;

	(void)state;
	assert_int_equal(hv_tces_stuff(tces, &range, &change), H_SUCCESS);
	assert_int_equal(change, 1); /* a page, whatever its entries */
	assert_int_equal(hv_tces_hold(tces, L, 0x3000, 1, HV_TCE_WRITE, &span, &count),
			 H_SUCCESS);
	hv_tces_release(tces, &span, count);
	range.tce = PAGES << 12 | 3;
	change = 77;
	assert_int_equal(hv_tces_stuff(tces, &range, &change), H_PARAMETER);
	assert_int_equal(change, 77);
	range.tce = 0;
	assert_int_equal(hv_tces_stuff(tces, &range, &change), H_SUCCESS);
	assert_int_equal(change, -1);
}

static void beyond_logical_memory_there_are_no_entries(void **state)
{
	(void)state;
	assert_int_equal(put(L, 0x1000, 0x9001), H_SUCCESS);
	assert_int_equal(put(L, 0x2000, 0xa001), H_SUCCESS);
	hv_tces_resize(tces, 10);
	assert_int_equal(get_stat().entries, 1);
	assert_int_equal(get(L, 0x2000), 0);
	assert_int_equal(put(L, 0x2000, 0xa001), H_PARAMETER);
	hv_tces_resize(tces, 11);
	assert_int_equal(put(L, 0x2000, 0xa001), H_SUCCESS);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void a_page_mapped_often_counts_once(void **state)
{
	(void)state;
	assert_int_equal(put(L, 0, 0x5003), H_SUCCESS);
	assert_int_equal(put(L + 1, 0x7000, 0x5001), H_SUCCESS);
	assert_int_equal(put(L, 0x1000, 0x6002), H_SUCCESS);
	assert_int_equal(get_stat().entries, 3);
	assert_int_equal(get_stat().pages, 2);
	assert_int_equal(put(L, 0, 0x5000), H_SUCCESS); /* no permission */
	assert_true(hv_tces_is_mapped(tces, 5));
	assert_int_equal(put(L + 1, 0x7000, 0), H_SUCCESS);
	assert_false(hv_tces_is_mapped(tces, 5));
	assert_true(hv_tces_is_mapped(tces, 6));
	assert_int_equal(get_stat().pages, 1);
	assert_false(hv_tces_is_mapped(tces, PAGES));
	assert_false(hv_tces_is_mapped(tces, UINT32_MAX));
}

static void more_entries_of_a_page_than_are_counted_are_refused(void **state)
{
	struct hv_tces *before = tces;

	(void)state;
	assert_int_equal(hv_tces_open(33, 2, &tces, NULL), HV_OK);
	for (unsigned i = 0; i < 31; i++)
		assert_int_equal(stuff(L + i, 0, 0x1003, 2048), H_SUCCESS);
	assert_int_equal(stuff(L + 31, 0, 0x1003, 2048), H_RESOURCE);
	assert_int_equal(stuff(L + 31, 0, 0x1003, 2047), H_SUCCESS);
	assert_int_equal(put(L + 32, 0, 0x1001), H_RESOURCE);
	assert_int_equal(put(L, 0, 0x1001), H_SUCCESS); /* instead */
	assert_int_equal(put(L + 32, 0, 0x1001 - 0x1000), H_SUCCESS);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
	hv_tces_close(tces);
	tces = before;
}

/* ---- what may be mapped ---- */

static int64_t map(uint64_t ioba, uint64_t tce, uint64_t count, int64_t *ret_change)
{
	struct hv_tce_range range = { L, ioba, tce, count };

	return hv_tces_map(tces, &range, ret_change);
}

static void no_more_is_mapped_than_it_is_entitled_to(void **state)
{
	int64_t change = 77;

	(void)state;
	assert_int_equal(get_stat().entitled, UINT32_MAX);
	hv_tces_entitle(tces, 2);
	assert_int_equal(map(0x0000, 0x1003, 5, &change), H_SUCCESS);
	assert_int_equal(change, 1);
	assert_int_equal(map(0x0000, 0x1003, 5, &change), H_SUCCESS); /* again */
	assert_int_equal(change, 0);
	assert_int_equal(map(0x5000, 0x2001, 1, &change), H_SUCCESS);
	assert_int_equal(change, 1);
	change = 77;
	assert_int_equal(map(0x6000, 0x3001, 1, &change), H_NOT_ENOUGH_RESOURCES);
	assert_int_equal(change, 77);
	assert_int_equal(get(L, 0x6000), 0);
	/* in exchange for one that it is the last entry of */
	assert_int_equal(map(0x5000, 0x3001, 1, &change), H_SUCCESS);
	assert_int_equal(change, 0);
	/* not for one of five */
	assert_int_equal(map(0x0000, 0x4001, 4, &change), H_NOT_ENOUGH_RESOURCES);
	assert_int_equal(get(L, 0x3000), 0x1003);
	assert_int_equal(map(0x0000, 0x4001, 5, &change), H_SUCCESS);
	assert_int_equal(get_stat().failures, 2);
	assert_int_equal(get_stat().pages, 2);
	assert_int_equal(get_stat().pages_max, 2);
	assert_int_equal(map(0x0000, 0, 6, &change), H_SUCCESS);
	assert_int_equal(change, -2);
	assert_int_equal(get_stat().pages, 0);
	assert_int_equal(get_stat().pages_max, 2);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

/* An entitlement that is less by now takes nothing away, and allows nothing more. */
static void what_is_mapped_beyond_a_smaller_entitlement_stays(void **state)
{
	int64_t change;

	(void)state;
	for (uint64_t i = 0; i < 4; i++)
		assert_int_equal(map(i << 12, i << 12 | 3, 1, &change), H_SUCCESS);
	hv_tces_entitle(tces, 2);
	assert_int_equal(get_stat().pages, 4);
	assert_int_equal(map(0x4000, 0x9001, 1, &change), H_NOT_ENOUGH_RESOURCES);
	assert_int_equal(map(0x3000, 0x9001, 1, &change),
			 H_SUCCESS); /* no more of them */
	assert_int_equal(map(0x4000, 0x9001, 1, &change), H_SUCCESS);
	assert_int_equal(map(0x3000, 0, 2, &change), H_SUCCESS);
	assert_int_equal(change, -1);
	assert_int_equal(map(0x3000, 0x9001, 1, &change), H_NOT_ENOUGH_RESOURCES);
}

static void a_mapping_is_used_when_it_is_ready(void **state)
{
	struct hv_tce_range range = { L, 0x1000, 0x5003, 2 };
	struct hv_tce_span spans[2];
	uint64_t at = 0;
	uint32_t page;
	bool is_write;
	unsigned count;
	int64_t change;

	(void)state;
	assert_int_equal(hv_tces_map(tces, &range, &change), H_SUCCESS);
	assert_true(hv_tces_is_mapped(tces, 5));
	assert_int_equal(get(L, 0x1000), 0x5003);
	assert_false(hv_tces_next(tces, &at, &page, &is_write));
	assert_int_equal(hv_tces_hold(tces, L, 0x1000, 1, HV_TCE_READ, spans, &count),
			 H_PERMISSION);
	hv_tces_ready(tces, &range);
	assert_int_equal(hv_tces_map(tces, &range, &change),
			 H_SUCCESS); /* and stays so */
	at = 0;
	for (unsigned i = 0; i < 2; i++) {
		assert_true(hv_tces_next(tces, &at, &page, &is_write));
		assert_int_equal(page, 5);
		assert_true(is_write);
	}
	assert_false(hv_tces_next(tces, &at, &page, &is_write));
	assert_int_equal(hv_tces_hold(tces, L, 0x1000, 1, HV_TCE_READ, spans, &count),
			 H_SUCCESS);
	/* lost: what is held stays until it is released */
	hv_tces_lost(tces, &range, &change);
	assert_int_equal(change, 0);
	assert_int_equal(get(L, 0x1000), 0x5003);
	assert_int_equal(get(L, 0x2000), 0);
	hv_tces_release(tces, spans, count);
	hv_tces_lost(tces, &range, &change);
	assert_int_equal(change, -1);
	/* an entry without a permission is never ready */
	range.tce = 0x5000;
	assert_int_equal(hv_tces_map(tces, &range, &change), H_SUCCESS);
	hv_tces_ready(tces, &range);
	at = 0;
	assert_false(hv_tces_next(tces, &at, &page, &is_write));
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void any_of_a_range_is_found(void **state)
{
	(void)state;
	assert_false(hv_tces_any_mapped(tces, 0, PAGES));
	assert_int_equal(put(L, 0, 0x9001), H_SUCCESS);
	assert_true(hv_tces_any_mapped(tces, 0, PAGES));
	assert_true(hv_tces_any_mapped(tces, 9, 1));
	assert_false(hv_tces_any_mapped(tces, 0, 9));
	assert_false(hv_tces_any_mapped(tces, 10, PAGES));
	assert_false(hv_tces_any_mapped(tces, 9, 0));
}

/* ---- transfers ---- */

static struct hv_tce_span spans[HV_TCE_SPANS_MAX];
static unsigned span_count;

static int64_t hold(uint64_t ioba, uint32_t bytes, uint64_t permission)
{
	return hv_tces_hold(tces, L, ioba, bytes, permission, spans, &span_count);
}

static void a_transfer_is_told_where_it_lies(void **state)
{
	static const struct hv_tce_span expected[] = { { 9, 0xff0, 0x10, 1 },
						       { 3, 0, 4096, 2 },
						       { 9, 0, 1, 3 } };

	(void)state;
	assert_int_equal(put(L, 0x1000, 0x9003), H_SUCCESS);
	assert_int_equal(put(L, 0x2000, 0x3002), H_SUCCESS);
	assert_int_equal(put(L, 0x3000, 0x9002), H_SUCCESS);
	assert_int_equal(hold(0x1ff0, 0x10 + 4096 + 1, HV_TCE_WRITE), H_SUCCESS);
	assert_int_equal(span_count, 3);
	for (unsigned i = 0; i < span_count; i++) {
		assert_int_equal(spans[i].page, expected[i].page);
		assert_int_equal(spans[i].offset, expected[i].offset);
		assert_int_equal(spans[i].bytes, expected[i].bytes);
	}
	assert_int_equal(hv_tces_held(tces), 3);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
	assert_int_equal(get(L, 0x2000), 0x3002); /* as it was put */
	hv_tces_release(tces, spans, span_count);
	assert_int_equal(hv_tces_held(tces), 0);
	assert_int_equal(hold(0x1abc, 4, HV_TCE_READ | HV_TCE_WRITE), H_SUCCESS);
	assert_int_equal(span_count, 1);
	assert_int_equal(spans[0].offset, 0xabc);
	hv_tces_release(tces, spans, span_count);
}

static void what_is_held_stays_mapped_until_it_is_released(void **state)
{
	(void)state;
	assert_int_equal(stuff(L, 0, 0x5003, 3), H_SUCCESS);
	assert_int_equal(hold(0x1000, 4096, HV_TCE_READ), H_SUCCESS);
	assert_int_equal(put(L, 0x1000, 0), H_BUSY);
	assert_int_equal(put(L, 0x1000, 0x5001), H_BUSY);
	assert_int_equal(put(L, 0x1000, 0x6003), H_BUSY);
	assert_int_equal(stuff(L, 0, 0, 3), H_BUSY);
	assert_int_equal(get_stat().entries, 3);
	assert_int_equal(put(L, 0x1000, 0x5003), H_SUCCESS); /* the same */
	assert_int_equal(hv_tces_held(tces), 1);
	assert_int_equal(put(L, 0x2000, 0), H_SUCCESS);            /* another's */
	assert_int_equal(hold(0x1000, 1, HV_TCE_READ), H_SUCCESS); /* and once more */
	hv_tces_release(tces, spans, 1);
	assert_int_equal(put(L, 0x1000, 0), H_BUSY);
	hv_tces_release(tces, spans, 1);
	assert_int_equal(put(L, 0x1000, 0), H_SUCCESS);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void a_transfer_that_may_not_be_holds_nothing(void **state)
{
	static const struct {
		uint64_t liobn, ioba;
		uint32_t bytes;
		uint64_t permission;
		int64_t code;
	} rows[] = {
		{ L - 1, 0, 1, HV_TCE_READ, H_PARAMETER },
		{ L + WINDOWS, 0, 1, HV_TCE_READ, H_PARAMETER },
		{ L, 0, 0, HV_TCE_READ, H_PARAMETER },
		{ L, 0, 1, 0, H_PARAMETER },
		{ L, 0, 1, 4, H_PARAMETER },
		{ L, 0, 1, HV_TCE_READ | 8, H_PARAMETER },
		{ L, UINT64_MAX, 1, HV_TCE_READ, H_PARAMETER },
		{ L, WINDOW_BYTES, 1, HV_TCE_READ, H_PARAMETER },
		{ L, WINDOW_BYTES - 1, 2, HV_TCE_READ, H_PARAMETER },
		{ L, 4095, UINT32_MAX, HV_TCE_READ, H_PARAMETER },
		{ L, 0x3000, 1, HV_TCE_READ, H_PERMISSION }, /* unmapped */
		{ L, 0, 0x3001, HV_TCE_READ, H_PERMISSION }, /* its last page is */
		{ L + 1, 0, 1, HV_TCE_READ, H_PERMISSION },
		{ L, 0x2000, 1, HV_TCE_WRITE, H_PERMISSION },
		{ L, 0, 0x3000, HV_TCE_READ | HV_TCE_WRITE, H_PERMISSION },
		{ L, 0x10000, HV_TCE_SPANS_MAX * 4096 + 1, HV_TCE_READ, H_RESOURCE },
		{ L, 0x10fff, HV_TCE_SPANS_MAX * 4096, HV_TCE_READ, H_RESOURCE },
	};

	(void)state;
	assert_int_equal(stuff(L, 0, 0x5003, 2), H_SUCCESS);
	assert_int_equal(put(L, 0x2000, 0x5001), H_SUCCESS);
	assert_int_equal(stuff(L, 0x10000, 0x6001, 100), H_SUCCESS);
	span_count = 99;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		assert_int_equal(hv_tces_hold(tces, rows[i].liobn, rows[i].ioba,
					      rows[i].bytes, rows[i].permission, spans,
					      &span_count),
				 rows[i].code);
		assert_int_equal(hv_tces_held(tces), 0);
		assert_int_equal(span_count, 99);
	}
	assert_int_equal(hold(0x10000, HV_TCE_SPANS_MAX * 4096, HV_TCE_READ), H_SUCCESS);
	assert_int_equal(span_count, HV_TCE_SPANS_MAX);
	hv_tces_release(tces, spans, span_count);
	for (unsigned i = 0; i < HV_TCE_HOLDS_MAX; i++)
		assert_int_equal(hold(0x1000, 1, HV_TCE_READ), H_SUCCESS);
	assert_int_equal(hold(0x1000, 1, HV_TCE_READ), H_RESOURCE);
	assert_int_equal(hold(0, 0x1001, HV_TCE_READ), H_RESOURCE);
	assert_int_equal(hv_tces_held(tces), HV_TCE_HOLDS_MAX);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void it_answers_as_an_array_does(void **state)
{
	static uint64_t model[WINDOWS][HV_TCE_WINDOW_PAGES];
	bool is_mapped[PAGES] = { 0 };
	uint32_t pages = 0;
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

		assert_int_equal(stuff(L + window, first << 12, tce, count),
				 is_right ? H_SUCCESS : H_PARAMETER);
		for (uint64_t i = 0; is_right && i < count; i++)
			model[window][first + i] = tce;
	}
	for (unsigned window = 0; window < WINDOWS; window++)
		for (uint64_t i = 0; i < HV_TCE_WINDOW_PAGES; i++) {
			assert_int_equal(get(L + window, i << 12), model[window][i]);
			if ((model[window][i] & 3) != 0)
				is_mapped[model[window][i] >> 12] = true;
		}
	for (uint32_t page = 0; page < PAGES; page++) {
		assert_int_equal(hv_tces_is_mapped(tces, page), is_mapped[page]);
		pages += is_mapped[page];
	}
	assert_int_equal(get_stat().pages, pages);
	assert_int_equal(hv_tces_audit(tces, NULL), HV_OK);
}

static void its_bytes_are_counted(void **state)
{
	(void)state;
	assert_true(hv_tces_memory_bytes(tces) >=
		    WINDOWS * HV_TCE_WINDOW_PAGES * 8 + PAGES * 2);
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
	assert_int_equal(hv_tces_open(1, UINT32_MAX, &table, NULL), HV_E_INVAL);
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
		TEST(what_is_stuffed_is_ready_and_says_how_many_pages_more),
		TEST(beyond_logical_memory_there_are_no_entries),
		TEST(a_page_mapped_often_counts_once),
		TEST(more_entries_of_a_page_than_are_counted_are_refused),
		TEST(no_more_is_mapped_than_it_is_entitled_to),
		TEST(what_is_mapped_beyond_a_smaller_entitlement_stays),
		TEST(a_mapping_is_used_when_it_is_ready),
		TEST(any_of_a_range_is_found),
		TEST(a_transfer_is_told_where_it_lies),
		TEST(what_is_held_stays_mapped_until_it_is_released),
		TEST(a_transfer_that_may_not_be_holds_nothing),
		TEST(it_answers_as_an_array_does),
		TEST(its_bytes_are_counted),
		TEST(impossible_tables_are_refused),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
