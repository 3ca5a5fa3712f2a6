/*
 * Property: whatever calls a partition makes and pages leave, in whatever order, the
 * hashed page table answers as a plain array does that is searched from end to end,
 * and its equations hold. HV_SEED repeats a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hvcore/base/rng.h"
#include "hvcore/mem/hpt.h"
#include "tests/support/seed.h"

#define STEPS 60000u
#define PAGES 24u
#define ENTRIES (HV_HPT_TABLE_BYTES_MIN / 16)
#define GROUPS (ENTRIES / HV_PTEG_ENTRIES)
#define VAS 64u /* virtual pages in use: few, so that groups fill and collide */

struct run {
	struct hv_rng rng;
	struct hv_hpt *hpt;
	struct hv_hpte *model;
	uint64_t entries, invalidations;
};

static uint64_t below(struct run *run, uint64_t n)
{
	return hv_rng_below(&run->rng, n);
}

/* Four of each group: the segment moves the group, so that they share one. */
static uint64_t some_va(struct run *run)
{
	uint64_t n = below(run, VAS);

	return (n % 4) << HV_SEGMENT_SHIFT | (n / 4 * 5 ^ n % 4) << 12;
}

static uint64_t some_ptex(struct run *run, uint64_t va)
{
	uint64_t hash = hv_va_hash(va);

	if (below(run, 4) == 0)
		hash = ~hash;
	if (below(run, 50) == 0)
		return hv_rng_next(&run->rng);
	return hash % GROUPS * HV_PTEG_ENTRIES + below(run, HV_PTEG_ENTRIES);
}

static bool is_valid(const struct hv_hpte *entry)
{
	return (entry->v & HV_HPTE_V_VALID) != 0;
}

static void step_enter(struct run *run)
{
	uint64_t va = some_va(run);
	uint64_t ptex = some_ptex(run, va);
	uint64_t flags = below(run, 3) == 0 ? H_EXACT : 0;
	uint64_t page = below(run, PAGES + 1); /* one is not its own */
	struct hv_hpte entry = {
		.v = hv_va_avpn(va) | HV_HPTE_V_VALID | below(run, 2) << 1 |
		     below(run, 2) << 4,
		.r = page << 12 | HV_HPTE_R_M | below(run, 4),
	};
	uint64_t first = flags != 0 ? ptex : ptex - ptex % HV_PTEG_ENTRIES;
	uint64_t end = flags != 0 ? ptex + 1 : first + HV_PTEG_ENTRIES;
	uint64_t at = UINT64_MAX;
	unsigned aliases = 0;
	int64_t code = hv_hpt_enter(run->hpt, flags, ptex, &entry, &at);

	if (ptex >= ENTRIES || page >= PAGES) {
		assert_int_equal(code, H_PARAMETER);
		return;
	}
	for (uint64_t i = 0; i < ENTRIES; i++)
		aliases += is_valid(&run->model[i]) && run->model[i].r >> 12 == page;
	if (aliases == HV_HPT_ALIASES_MAX) {
		assert_int_equal(code, H_RESOURCE);
		return;
	}
	while (first < end && is_valid(&run->model[first]))
		first++;
	assert_int_equal(code, first < end ? H_SUCCESS : H_PTEG_FULL);
	if (code != H_SUCCESS)
		return;
	assert_int_equal(at, first);
	run->model[first] = entry;
	run->entries++;
}

static bool is_meant(const struct run *run, uint64_t flags, uint64_t ptex, uint64_t avpn)
{
	const struct hv_hpte *entry = &run->model[ptex];

	return is_valid(entry) &&
	       ((flags & H_AVPN) == 0 || (entry->v & HV_HPTE_V_AVPN) == avpn) &&
	       ((flags & H_ANDCOND) == 0 || (entry->v & avpn) == 0);
}

static void step_remove(struct run *run)
{
	uint64_t va = some_va(run);
	uint64_t ptex = some_ptex(run, va);
	uint64_t flags = below(run, 2) == 0 ? H_AVPN : below(run, 2) ? H_ANDCOND : 0;
	uint64_t avpn = flags == H_ANDCOND ? HV_HPTE_V_BOLTED : hv_va_avpn(va);
	struct hv_hpte old = { 0 };
	int64_t code = hv_hpt_remove(run->hpt, flags, ptex, avpn, &old);

	if (ptex >= ENTRIES) {
		assert_int_equal(code, H_PARAMETER);
		return;
	}
	assert_int_equal(code,
			 is_meant(run, flags, ptex, avpn) ? H_SUCCESS : H_NOT_FOUND);
	if (code != H_SUCCESS)
		return;
	assert_int_equal(old.v, run->model[ptex].v);
	assert_int_equal(old.r, run->model[ptex].r);
	run->model[ptex] = (struct hv_hpte){ 0 };
	run->entries--;
}

static void step_protect(struct run *run)
{
	uint64_t va = some_va(run);
	uint64_t ptex = some_ptex(run, va);
	uint64_t pp = below(run, 4);
	int64_t code = hv_hpt_protect(run->hpt, H_AVPN | pp, ptex, hv_va_avpn(va));

	if (ptex >= ENTRIES) {
		assert_int_equal(code, H_PARAMETER);
		return;
	}
	assert_int_equal(code, is_meant(run, H_AVPN, ptex, hv_va_avpn(va)) ? H_SUCCESS
									   : H_NOT_FOUND);
	if (code == H_SUCCESS)
		run->model[ptex].r = (run->model[ptex].r & ~HV_HPTE_R_PP) | pp;
}

/* Where a processor finds it; ENTRIES: nowhere. */
static uint64_t model_walk(const struct run *run, uint64_t va)
{
	for (unsigned second = 0; second < 2; second++) {
		uint64_t hash = second ? ~hv_va_hash(va) : hv_va_hash(va);
		uint64_t first = hash % GROUPS * HV_PTEG_ENTRIES;

		for (uint64_t i = first; i < first + HV_PTEG_ENTRIES; i++)
			if (is_valid(&run->model[i]) &&
			    (run->model[i].v & HV_HPTE_V_AVPN) == hv_va_avpn(va) &&
			    (run->model[i].v & HV_HPTE_V_SECONDARY) / 2 == second)
				return i;
	}
	return ENTRIES;
}

static void step_walk(struct run *run)
{
	uint64_t va = some_va(run);
	bool is_store = below(run, 2) == 0;
	uint64_t want = model_walk(run, va);
	struct hv_hpte found = { 0 };
	uint64_t at = UINT64_MAX;
	int64_t code = hv_hpt_walk(run->hpt, va, is_store, &at, &found);
	uint64_t pp;

	if (want == ENTRIES) {
		assert_int_equal(code, H_NOT_FOUND);
		return;
	}
	pp = run->model[want].r & HV_HPTE_R_PP;
	if (pp == 0 || (is_store && pp != 2)) {
		assert_int_equal(code, H_PERMISSION);
		return;
	}
	assert_int_equal(code, H_SUCCESS);
	run->model[want].r |= HV_HPTE_R_R | (is_store ? HV_HPTE_R_C : 0);
	assert_int_equal(at, want);
	assert_int_equal(found.r, run->model[want].r);
}

static void step_leave(struct run *run)
{
	uint32_t page = (uint32_t)below(run, PAGES);
	unsigned count = 0;

	for (uint64_t i = 0; i < ENTRIES; i++) {
		if (!is_valid(&run->model[i]) ||
		    (run->model[i].r & HV_HPTE_R_RPN) >> 12 != page)
			continue;
		run->model[i] = (struct hv_hpte){ 0 };
		count++;
	}
	assert_int_equal(hv_hpt_invalidate(run->hpt, page), count);
	run->entries -= count;
	run->invalidations += count;
}

static void compare(struct run *run)
{
	struct hv_hpt_counts counts;
	struct hv_err err = { 0 };

	hv_hpt_count(run->hpt, &counts);
	assert_int_equal(counts.entries, run->entries);
	assert_int_equal(counts.invalidations, run->invalidations);
	for (uint64_t i = 0; i < ENTRIES; i += 4) {
		struct hv_hpte entries[4];
		unsigned count;

		assert_int_equal(hv_hpt_read(run->hpt, H_READ_4, i, entries, &count),
				 H_SUCCESS);
		assert_memory_equal(entries, &run->model[i], sizeof(entries));
	}
	if (hv_hpt_audit(run->hpt, &err) != HV_OK)
		fail_msg("%s", err.text);
}

static void it_answers_as_a_plain_array_does(void **state)
{
	static void (*const steps[])(struct run * run) = {
		step_enter,  step_enter, step_enter, step_enter, step_enter,   step_enter,
		step_remove, step_walk,  step_walk,  step_walk,  step_protect,
	};
	struct run run = { .rng = { test_seed() } };

	(void)state;
	run.model = calloc(ENTRIES, sizeof(*run.model));
	assert_non_null(run.model);
	assert_int_equal(hv_hpt_open(HV_HPT_TABLE_BYTES_MIN, PAGES, &run.hpt, NULL),
			 HV_OK);
	for (unsigned i = 0; i < STEPS; i++) {
		steps[below(&run, HV_COUNT(steps))](&run);
		if (below(&run, 40) == 0)
			step_leave(&run);
		if (i % 500 == 0)
			compare(&run);
	}
	compare(&run);
	hv_hpt_close(run.hpt);
	free(run.model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_answers_as_a_plain_array_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
