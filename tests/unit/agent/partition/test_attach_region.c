/* Unit tests of agent/partition/attach_library/region.h: every decision, as rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/falloc.h>
#include <sys/mman.h>

#include "agent/partition/attach_library/region.h"

#define BASE UINT64_C(0x100000000)
#define BYTES UINT64_C(0x1000000)
#define PAGE UINT64_C(4096)
#define RW (PROT_READ | PROT_WRITE)
#define SHARED MAP_SHARED
#define FIXED MAP_FIXED

static const struct attach_region none = { .bytes = BYTES };
static const struct attach_region attached = { ATTACH_ATTACHED, BASE, BYTES, 0 };
static const struct attach_region gone = { .state = ATTACH_GONE, .bytes = BYTES };

static void expect(struct attach_verdict verdict, enum attach_act act, int os,
		   unsigned row)
{
	if (verdict.act != act || verdict.os != os)
		fail_msg("row %u: act %d errno %d, not %d %d", row, (int)verdict.act,
			 verdict.os, (int)act, os);
	assert_int_equal(verdict.why != NULL, act == ATTACH_REFUSE);
}

struct map_row {
	const struct attach_region *region;
	struct attach_mapping mapping;
	enum attach_act act;
	int os;
};

/* clang-format off */
static const struct map_row map_rows[] = {
	/* what a program does first, plainly or into what it has reserved */
	{ &none, { 0, BYTES, RW, SHARED, 0, true }, ATTACH_DO, 0 },
	{ &none, { BASE, BYTES, RW, SHARED | FIXED, 0, true }, ATTACH_DO, 0 },
	{ &none, { 0, BYTES, RW, MAP_SHARED_VALIDATE | MAP_NORESERVE, 0, true }, ATTACH_DO, 0 },
	{ &none, { 0, 2 * BYTES, PROT_NONE, SHARED, 0, true }, ATTACH_RESERVE, 0 },
	{ &none, { 0, BYTES, RW, MAP_PRIVATE | MAP_ANONYMOUS, 0, false }, ATTACH_PASS, 0 },
	/* not all of it, or more */
	{ &none, { 0, BYTES - PAGE, RW, SHARED, 0, true }, ATTACH_REFUSE, EINVAL },
	{ &none, { 0, BYTES + PAGE, RW, SHARED, 0, true }, ATTACH_REFUSE, EINVAL },
	{ &none, { 0, BYTES, RW, SHARED, PAGE, true }, ATTACH_REFUSE, EINVAL },
	/* what pins, or cannot be paged */
	{ &none, { 0, BYTES, RW, MAP_PRIVATE, 0, true }, ATTACH_REFUSE, EPERM },
	{ &none, { 0, BYTES, RW, SHARED | MAP_POPULATE, 0, true }, ATTACH_REFUSE, EPERM },
	{ &none, { 0, BYTES, RW, SHARED | MAP_LOCKED, 0, true }, ATTACH_REFUSE, EPERM },
	/* a second time */
	{ &attached, { 0, BYTES, RW, SHARED, 0, true }, ATTACH_REFUSE, EPERM },
	{ &attached, { 0, PAGE, PROT_READ, SHARED, 0, true }, ATTACH_REFUSE, EPERM },
	{ &attached, { BASE, BYTES, RW, SHARED | FIXED, 0, true }, ATTACH_NOTHING, 0 },
	{ &attached, { BASE + PAGE, PAGE, RW, SHARED | FIXED, PAGE, true }, ATTACH_NOTHING, 0 },
	{ &attached, { BASE + PAGE, PAGE, RW, SHARED | FIXED, 0, true }, ATTACH_REFUSE, EPERM },
	{ &attached, { BASE + PAGE, PAGE, PROT_READ, SHARED | FIXED, PAGE, true }, ATTACH_REFUSE, EPERM },
	{ &gone, { 0, BYTES, RW, SHARED, 0, true }, ATTACH_REFUSE, EPERM },
	/* something else over it */
	{ &attached, { BASE + PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | FIXED, 0, false }, ATTACH_REFUSE, EPERM },
	{ &attached, { BASE - PAGE, 2 * PAGE, PROT_NONE, MAP_PRIVATE | FIXED, 0, false }, ATTACH_REFUSE, EPERM },
	{ &attached, { BASE - PAGE, PAGE, RW, MAP_PRIVATE | FIXED, 0, false }, ATTACH_PASS, 0 },
	{ &attached, { BASE + BYTES, PAGE, RW, MAP_PRIVATE | FIXED, 0, false }, ATTACH_PASS, 0 },
	{ &attached, { BASE - PAGE, UINT64_MAX, RW, MAP_PRIVATE | FIXED, 0, false }, ATTACH_REFUSE, EPERM },
	/* a hint is none */
	{ &attached, { BASE + PAGE, PAGE, RW, MAP_PRIVATE, 0, false }, ATTACH_PASS, 0 },
};
/* clang-format on */

static void a_mapping_is_attached_once_and_whole(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof(map_rows) / sizeof(map_rows[0]); i++)
		expect(attach_region_map(map_rows[i].region, &map_rows[i].mapping),
		       map_rows[i].act, map_rows[i].os, i);
}

static void all_of_it_may_be_unmapped_and_no_part(void **state)
{
	(void)state;
	expect(attach_region_unmap(&attached, BASE, BYTES), ATTACH_LEAVE, 0, 0);
	expect(attach_region_unmap(&attached, BASE, BYTES + PAGE), ATTACH_LEAVE, 0, 1);
	expect(attach_region_unmap(&attached, BASE, BYTES - PAGE), ATTACH_REFUSE, EPERM,
	       2);
	expect(attach_region_unmap(&attached, BASE + PAGE, BYTES), ATTACH_REFUSE, EPERM,
	       3);
	expect(attach_region_unmap(&attached, BASE + BYTES, PAGE), ATTACH_PASS, 0, 4);
	expect(attach_region_unmap(&none, BASE, BYTES), ATTACH_PASS, 0, 5);
}

static void it_stays_where_it_is(void **state)
{
	(void)state;
	expect(attach_region_remap(&attached, BASE, BYTES, 0, 2 * BYTES), ATTACH_REFUSE,
	       EPERM, 0);
	expect(attach_region_remap(&attached, BASE, 0, 0, BYTES), ATTACH_REFUSE, EPERM,
	       1);
	expect(attach_region_remap(&attached, PAGE, PAGE, BASE, PAGE), ATTACH_REFUSE,
	       EPERM, 2);
	expect(attach_region_remap(&attached, PAGE, PAGE, 0, BYTES), ATTACH_PASS, 0, 3);
}

static void advice_that_loses_or_pins_is_not_taken(void **state)
{
	static const struct {
		int advice;
		enum attach_act act;
		int os;
	} rows[] = {
		{ MADV_DONTFORK, ATTACH_NOTHING, 0 },
		{ MADV_DONTDUMP, ATTACH_NOTHING, 0 },
		{ MADV_HUGEPAGE, ATTACH_NOTHING, 0 },
		{ MADV_MERGEABLE, ATTACH_NOTHING, 0 },
		{ MADV_DONTNEED, ATTACH_NOTHING, 0 },
		{ MADV_REMOVE, ATTACH_DISCARD, 0 },
		{ MADV_DOFORK, ATTACH_REFUSE, EPERM },
		{ MADV_FREE, ATTACH_REFUSE, EPERM },
		{ MADV_HWPOISON, ATTACH_REFUSE, EPERM },
		{ 22 /* POPULATE_READ */, ATTACH_REFUSE, EPERM },
		{ 23 /* POPULATE_WRITE */, ATTACH_REFUSE, EPERM },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(attach_region_advise(&attached, BASE + PAGE, PAGE, rows[i].advice),
		       rows[i].act, rows[i].os, i);
		expect(attach_region_advise(&attached, PAGE, PAGE, rows[i].advice),
		       ATTACH_PASS, 0, i);
	}
	expect(attach_region_advise(&attached, BASE - PAGE, 2 * PAGE, MADV_REMOVE),
	       ATTACH_REFUSE, EINVAL, 100);
}

static void a_hole_is_a_discard_of_whole_pages_inside(void **state)
{
	const int punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	struct attach_region shifted = attached;
	struct attach_verdict verdict;

	(void)state;
	shifted.offset = 4 * PAGE;
	verdict = attach_region_allocate(&shifted, punch, 6 * PAGE, PAGE);
	expect(verdict, ATTACH_DISCARD, 0, 0);
	assert_int_equal(verdict.offset, 2 * PAGE);
	assert_int_equal(verdict.bytes, PAGE);
	expect(attach_region_allocate(&attached, 0, 0, PAGE), ATTACH_REFUSE, EPERM, 1);
	expect(attach_region_allocate(&attached, FALLOC_FL_PUNCH_HOLE, 0, PAGE),
	       ATTACH_REFUSE, EOPNOTSUPP, 2);
	expect(attach_region_allocate(&attached, punch, 0, 1), ATTACH_REFUSE, EINVAL, 3);
	expect(attach_region_allocate(&attached, punch, BYTES - PAGE, 2 * PAGE),
	       ATTACH_REFUSE, EINVAL, 4);
	expect(attach_region_allocate(&attached, punch, -4096, PAGE), ATTACH_REFUSE,
	       EINVAL, 5);
	expect(attach_region_allocate(&shifted, punch, 0, PAGE), ATTACH_REFUSE, EINVAL,
	       6);
	expect(attach_region_allocate(&none, punch, 0, PAGE), ATTACH_REFUSE, EPERM, 7);
}

static void it_is_not_locked(void **state)
{
	(void)state;
	expect(attach_region_lock(&attached, BASE - PAGE, 2 * PAGE), ATTACH_REFUSE, EPERM,
	       0);
	expect(attach_region_lock(&attached, PAGE, PAGE), ATTACH_PASS, 0, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_mapping_is_attached_once_and_whole),
		cmocka_unit_test(all_of_it_may_be_unmapped_and_no_part),
		cmocka_unit_test(it_stays_where_it_is),
		cmocka_unit_test(advice_that_loses_or_pins_is_not_taken),
		cmocka_unit_test(a_hole_is_a_discard_of_whole_pages_inside),
		cmocka_unit_test(it_is_not_locked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
