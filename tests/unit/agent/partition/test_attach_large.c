/*
 * Unit tests of agent/partition/attach_library/large.h and ranges.h: who has which pages,
 * and every decision about them, as rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "agent/partition/attach_library/large.h"
#include "hvcore/base/units.h"

#define BASE UINT64_C(0x100000000)
#define PAGES UINT64_C(1000)
#define BYTES (PAGES * PAGE)
#define PAGE UINT64_C(4096)
#define LEAST (16 * PAGE)
#define RW (PROT_READ | PROT_WRITE)
#define PLAIN (MAP_PRIVATE | MAP_ANONYMOUS)

/* ---- ranges ---- */

static uint64_t words[PAGES / 64 + 1];

static struct attach_ranges some_ranges(void)
{
	struct attach_ranges ranges;

	for (unsigned i = 0; i < HV_COUNT(words); i++)
		words[i] = 0;
	assert_true(attach_ranges_bytes(PAGES) <= sizeof(words));
	attach_ranges_init(&ranges, words, PAGES);
	return ranges;
}

static void the_first_run_that_fits_is_taken(void **state)
{
	struct attach_ranges ranges = some_ranges();
	uint64_t first;

	(void)state;
	assert_true(attach_ranges_take(&ranges, 100, &first) && first == 0);
	assert_true(attach_ranges_take(&ranges, 200, &first) && first == 100);
	assert_true(attach_ranges_take(&ranges, 64, &first) && first == 300);
	assert_int_equal(attach_ranges_give(&ranges, 120, 70), 70);
	assert_true(attach_ranges_take(&ranges, 71, &first) && first == 364);
	assert_true(attach_ranges_take(&ranges, 70, &first) && first == 120);
	assert_int_equal(ranges.used, 435);
	assert_int_equal(attach_ranges_give(&ranges, 0, PAGES), 435);
	assert_int_equal(ranges.used, 0);
	assert_int_equal(ranges.most, 435);
	assert_true(attach_ranges_take(&ranges, PAGES, &first) && first == 0);
	assert_false(attach_ranges_take(&ranges, 1, &first));
	assert_int_equal(attach_ranges_give(&ranges, PAGES - 1, 1), 1);
	assert_false(attach_ranges_take(&ranges, 2, &first));
	assert_true(attach_ranges_take(&ranges, 1, &first) && first == PAGES - 1);
}

static void what_is_taken_is_not_taken_again(void **state)
{
	struct attach_ranges ranges = some_ranges();
	uint64_t first;

	(void)state;
	assert_true(attach_ranges_take_at(&ranges, 63, 66));
	assert_false(attach_ranges_take_at(&ranges, 128, 1));
	assert_false(attach_ranges_take_at(&ranges, 60, 4));
	assert_false(attach_ranges_take_at(&ranges, PAGES, 1));
	assert_false(attach_ranges_take_at(&ranges, PAGES - 1, 2));
	assert_false(attach_ranges_take_at(&ranges, 1, UINT64_MAX));
	assert_true(attach_ranges_holds(&ranges, 63, 66));
	assert_false(attach_ranges_holds(&ranges, 62, 2));
	assert_false(attach_ranges_holds(&ranges, 128, 2));
	assert_false(attach_ranges_holds(&ranges, PAGES + 1, 1));
	attach_ranges_take_all(&ranges, 60, 10);
	assert_int_equal(ranges.used, 69);
	assert_int_equal(attach_ranges_next(&ranges, 0, PAGES, &first), 69);
	assert_int_equal(first, 60);
	assert_int_equal(attach_ranges_next(&ranges, 100, 110, &first), 10);
	assert_int_equal(first, 100);
	assert_int_equal(attach_ranges_next(&ranges, 129, PAGES, &first), 0);
}

/* Against a byte for each page. */
static void ranges_are_as_a_model_has_them(void **state)
{
	struct attach_ranges ranges = some_ranges();
	static uint8_t model[PAGES];
	uint64_t seed = 7;

	(void)state;
	for (unsigned step = 0; step < 3000; step++) {
		uint64_t count, first, used = 0, at = 0, run = 0;
		bool is_taken;

		seed = seed * 6364136223846793005u + 1442695040888963407u;
		count = 1 + (seed >> 40) % 130;
		first = (seed >> 20) % (PAGES - count);
		if ((seed >> 60) % 2 == 0) {
			(void)attach_ranges_give(&ranges, first, count);
			for (uint64_t i = first; i < first + count; i++)
				model[i] = 0;
		} else {
			while (at < PAGES && run < count) {
				run = model[at] != 0 ? 0 : run + 1;
				at++;
			}
			is_taken = attach_ranges_take(&ranges, count, &first);
			assert_int_equal(is_taken, run == count);
			assert_true(!is_taken || first == at - count);
			for (uint64_t i = 0; is_taken && i < count; i++)
				model[first + i] = 1;
		}
		for (uint64_t i = 0; i < PAGES; i++)
			used += model[i];
		assert_int_equal(ranges.used, used);
	}
}

/* ---- decisions ---- */

static struct attach_large some_large(void)
{
	return (struct attach_large){ BASE, BYTES, LEAST, some_ranges() };
}

static void expect(struct attach_verdict verdict, enum attach_act act, int os,
		   unsigned row)
{
	if (verdict.act != act || verdict.os != os)
		fail_msg("row %u: act %d errno %d, not %d %d", row, (int)verdict.act,
			 verdict.os, (int)act, os);
	assert_int_equal(verdict.why != NULL, act == ATTACH_REFUSE);
}

struct map_row {
	struct attach_mapping mapping;
	enum attach_act act;
	int os;
};

/* clang-format off */
static const struct map_row map_rows[] = {
	/* large, private, anonymous, to read and write */
	{ { 0, LEAST, RW, PLAIN, 0, false }, ATTACH_DO, 0 },
	{ { BASE, UINT64_MAX, RW, PLAIN | MAP_NORESERVE | MAP_POPULATE, 0, false }, ATTACH_DO, 0 },
	/* everything else is the kernel's */
	{ { 0, LEAST - 1, RW, PLAIN, 0, false }, ATTACH_PASS, 0 },
	{ { 0, 0, RW, PLAIN, 0, false }, ATTACH_PASS, 0 },
	{ { 0, LEAST, PROT_READ, PLAIN, 0, false }, ATTACH_PASS, 0 },
	{ { 0, LEAST, PROT_NONE, PLAIN, 0, false }, ATTACH_PASS, 0 },
	{ { 0, LEAST, RW | PROT_EXEC, PLAIN, 0, false }, ATTACH_PASS, 0 },
	{ { 0, LEAST, RW, MAP_PRIVATE, 0, true }, ATTACH_PASS, 0 },
	{ { 0, LEAST, RW, MAP_SHARED | MAP_ANONYMOUS, 0, false }, ATTACH_PASS, 0 },
	{ { 0, LEAST, RW, PLAIN | MAP_STACK, 0, false }, ATTACH_PASS, 0 },
	{ { 0, LEAST, RW, PLAIN | MAP_GROWSDOWN, 0, false }, ATTACH_PASS, 0 },
	{ { 0, LEAST, RW, PLAIN | MAP_HUGETLB, 0, false }, ATTACH_PASS, 0 },
	{ { 0, LEAST, RW, PLAIN | MAP_LOCKED, 0, false }, ATTACH_PASS, 0 },
	{ { BASE - LEAST, LEAST, RW, PLAIN | MAP_FIXED, 0, false }, ATTACH_PASS, 0 },
	{ { BASE + BYTES, LEAST, RW, PLAIN | MAP_FIXED, 0, false }, ATTACH_PASS, 0 },
	{ { BASE, LEAST, RW, PLAIN | MAP_FIXED_NOREPLACE, 0, false }, ATTACH_PASS, 0 },
	/* over what it has: zeros */
	{ { BASE, BYTES, RW, PLAIN | MAP_FIXED, 0, false }, ATTACH_DISCARD, 0 },
	{ { BASE + PAGE, 1, RW, PLAIN | MAP_FIXED, 0, false }, ATTACH_DISCARD, 0 },
	{ { BASE + 1, PAGE, RW, PLAIN | MAP_FIXED, 0, false }, ATTACH_REFUSE, EINVAL },
	{ { BASE, PAGE, PROT_NONE, PLAIN | MAP_FIXED, 0, false }, ATTACH_REFUSE, EPERM },
	{ { BASE, PAGE, RW, MAP_PRIVATE | MAP_FIXED, 0, true }, ATTACH_REFUSE, EPERM },
	{ { BASE, PAGE, RW, PLAIN | MAP_FIXED | MAP_LOCKED, 0, false }, ATTACH_REFUSE, EPERM },
	{ { BASE - PAGE, 2 * PAGE, RW, PLAIN | MAP_FIXED, 0, false }, ATTACH_REFUSE, EPERM },
	{ { BASE + BYTES - PAGE, 2 * PAGE, RW, PLAIN | MAP_FIXED, 0, false }, ATTACH_REFUSE, EPERM },
	{ { BASE + PAGE, UINT64_MAX, RW, PLAIN | MAP_FIXED, 0, false }, ATTACH_REFUSE, EPERM },
};
/* clang-format on */

static void large_plain_mappings_are_given_memory(void **state)
{
	const struct attach_large large = some_large();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(map_rows); i++)
		expect(attach_large_map(&large, &map_rows[i].mapping), map_rows[i].act,
		       map_rows[i].os, i);
}

struct range_row {
	uint64_t at, bytes;
	int how;
	enum attach_act act;
	int os;
};

/* clang-format off */
static const struct range_row advice_rows[] = {
	{ BASE, BYTES, MADV_DONTNEED, ATTACH_DISCARD, 0 },
	{ BASE + PAGE, 1, MADV_FREE, ATTACH_DISCARD, 0 },
	{ BASE, PAGE, MADV_HUGEPAGE, ATTACH_NOTHING, 0 },
	{ BASE, PAGE, MADV_WILLNEED, ATTACH_NOTHING, 0 },
	{ BASE, PAGE, MADV_DONTDUMP, ATTACH_NOTHING, 0 },
	{ BASE, PAGE, MADV_DONTFORK, ATTACH_NOTHING, 0 },
	{ BASE, PAGE, MADV_DOFORK, ATTACH_NOTHING, 0 },
	{ BASE, PAGE, MADV_REMOVE, ATTACH_REFUSE, EINVAL },
	{ BASE, PAGE, MADV_WIPEONFORK, ATTACH_REFUSE, EINVAL },
	{ BASE, PAGE, 22, ATTACH_REFUSE, EINVAL }, /* POPULATE_READ */
	{ BASE, PAGE, 12345, ATTACH_REFUSE, EINVAL },
	{ BASE + 1, PAGE, MADV_DONTNEED, ATTACH_REFUSE, EINVAL },
	{ BASE + BYTES - PAGE, 2 * PAGE, MADV_DONTNEED, ATTACH_REFUSE, ENOMEM },
	{ BASE - PAGE, 2 * PAGE, MADV_DONTNEED, ATTACH_REFUSE, ENOMEM },
	{ BASE - PAGE, PAGE, MADV_DONTNEED, ATTACH_PASS, 0 },
	{ BASE + BYTES, PAGE, MADV_DONTNEED, ATTACH_PASS, 0 },
	{ BASE, 0, MADV_DONTNEED, ATTACH_PASS, 0 },
};

static const struct range_row protection_rows[] = {
	{ BASE, PAGE, RW, ATTACH_NOTHING, 0 },
	{ BASE, PAGE, PROT_NONE, ATTACH_REFUSE, EACCES },
	{ BASE, PAGE, PROT_READ, ATTACH_REFUSE, EACCES },
	{ BASE, PAGE, PROT_READ | PROT_EXEC, ATTACH_REFUSE, EACCES },
	{ BASE + 1, PAGE, RW, ATTACH_REFUSE, EINVAL },
	{ BASE, BYTES + 1, RW, ATTACH_REFUSE, ENOMEM },
	{ BASE - PAGE, PAGE, PROT_NONE, ATTACH_PASS, 0 },
};

static const struct range_row lock_rows[] = {
	{ BASE, PAGE, 0, ATTACH_REFUSE, EPERM },
	{ BASE - PAGE, PAGE + 1, 0, ATTACH_REFUSE, EPERM },
	{ BASE - PAGE, PAGE, 0, ATTACH_PASS, 0 },
};
/* clang-format on */

static void advice_is_as_for_private_memory(void **state)
{
	const struct attach_large large = some_large();
	struct attach_verdict verdict;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(advice_rows); i++)
		expect(attach_large_advise(&large, advice_rows[i].at,
					   advice_rows[i].bytes, advice_rows[i].how),
		       advice_rows[i].act, advice_rows[i].os, i);
	verdict = attach_large_advise(&large, BASE + 3 * PAGE, PAGE + 1, MADV_DONTNEED);
	assert_int_equal(verdict.offset, 3 * PAGE);
	assert_int_equal(verdict.bytes, 2 * PAGE);
}

static void memory_stays_readable_writable_and_unlocked(void **state)
{
	const struct attach_large large = some_large();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(protection_rows); i++)
		expect(attach_large_protect(&large, protection_rows[i].at,
					    protection_rows[i].bytes,
					    protection_rows[i].how),
		       protection_rows[i].act, protection_rows[i].os, i);
	for (unsigned i = 0; i < HV_COUNT(lock_rows); i++)
		expect(attach_large_lock(&large, lock_rows[i].at, lock_rows[i].bytes),
		       lock_rows[i].act, lock_rows[i].os, i);
}

struct remap_row {
	uint64_t at, bytes, to_bytes;
	int flags;
	uint64_t to;
	enum attach_act act;
	int os;
};

/* clang-format off */
static const struct remap_row remap_rows[] = { /* 100 pages from the 10th on are taken */
	{ BASE + 10 * PAGE, 100 * PAGE, 200 * PAGE, MREMAP_MAYMOVE, 0, ATTACH_DO, 0 },
	{ BASE + 20 * PAGE, PAGE, 1, 0, 0, ATTACH_DO, 0 },
	{ BASE + 20 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, PAGE, ATTACH_DO, 0 },
	{ BASE + 20 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, 1, ATTACH_REFUSE, EINVAL },
	{ BASE + 20 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE, ATTACH_REFUSE, EPERM },
	{ PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, BASE, ATTACH_REFUSE, EPERM },
	{ BASE + 20 * PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0, ATTACH_REFUSE, EINVAL },
	{ BASE + 20 * PAGE, 0, PAGE, MREMAP_MAYMOVE, 0, ATTACH_REFUSE, EINVAL },
	{ BASE + 20 * PAGE, PAGE, 0, MREMAP_MAYMOVE, 0, ATTACH_REFUSE, EINVAL },
	{ BASE + 20 * PAGE + 1, PAGE, PAGE, MREMAP_MAYMOVE, 0, ATTACH_REFUSE, EINVAL },
	{ BASE + 9 * PAGE, 2 * PAGE, PAGE, MREMAP_MAYMOVE, 0, ATTACH_REFUSE, EFAULT },
	{ BASE + 100 * PAGE, 11 * PAGE, PAGE, MREMAP_MAYMOVE, 0, ATTACH_REFUSE, EFAULT },
	{ BASE + BYTES - PAGE, 2 * PAGE, PAGE, MREMAP_MAYMOVE, 0, ATTACH_REFUSE, EFAULT },
	{ BASE + BYTES, 2 * PAGE, PAGE, MREMAP_MAYMOVE, 0, ATTACH_PASS, 0 },
};
/* clang-format on */

static void what_is_moved_must_be_there(void **state)
{
	struct attach_large large = some_large();

	(void)state;
	attach_ranges_take_all(&large.ranges, 10, 100);
	for (unsigned i = 0; i < HV_COUNT(remap_rows); i++) {
		const struct remap_row *row = &remap_rows[i];

		expect(attach_large_remap(&large, row->at, row->bytes, row->to_bytes,
					  row->flags, row->to),
		       row->act, row->os, i);
	}
}

static void a_span_is_what_lies_within(void **state)
{
	const struct attach_large large = some_large();
	struct attach_span span = attach_large_span(&large, 0, UINT64_MAX);

	(void)state;
	assert_true(span.first == 0 && span.end == PAGES);
	span = attach_large_span(&large, BASE - PAGE, PAGE + 1);
	assert_true(span.first == 0 && span.end == 1);
	span = attach_large_span(&large, BASE + BYTES - 1, 2);
	assert_true(span.first == PAGES - 1 && span.end == PAGES);
	span = attach_large_span(&large, BASE + BYTES, PAGE);
	assert_true(span.first == span.end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_run_that_fits_is_taken),
		cmocka_unit_test(what_is_taken_is_not_taken_again),
		cmocka_unit_test(ranges_are_as_a_model_has_them),
		cmocka_unit_test(large_plain_mappings_are_given_memory),
		cmocka_unit_test(advice_is_as_for_private_memory),
		cmocka_unit_test(memory_stays_readable_writable_and_unlocked),
		cmocka_unit_test(what_is_moved_must_be_there),
		cmocka_unit_test(a_span_is_what_lies_within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
