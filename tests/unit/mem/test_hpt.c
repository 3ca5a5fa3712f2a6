/* The hashed page table of a partition: codes of its calls, one by one (LoPAR). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/resource.h>

#include "hvcore/mem/hpt.h"
#include "tests/support/oom.h"

#define BYTES HV_HPT_TABLE_BYTES_MIN
#define ENTRIES (BYTES / 16)
#define PAGES 1024u

static struct hv_hpt *hpt;

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(hv_hpt_open(BYTES, PAGES, &hpt, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hv_hpt_close(hpt);
	hpt = NULL;
	return 0;
}

static struct hv_hpte entry_of(uint64_t va, uint64_t page)
{
	return (struct hv_hpte){
		.v = hv_va_avpn(va) | HV_HPTE_V_VALID,
		.r = page << 12 | HV_HPTE_R_M | HV_HPTE_R_PP_RW,
	};
}

static uint64_t group_of(uint64_t va)
{
	return (hv_va_hash(va) & (ENTRIES / HV_PTEG_ENTRIES - 1)) * HV_PTEG_ENTRIES;
}

static int64_t enter(uint64_t flags, uint64_t ptex, struct hv_hpte entry)
{
	uint64_t at = UINT64_MAX;
	int64_t code = hv_hpt_enter(hpt, flags, ptex, &entry, &at);
	struct hv_err err;

	assert_int_equal(hv_hpt_audit(hpt, &err), HV_OK);
	return code == H_SUCCESS ? (int64_t)at : code;
}

static struct hv_hpte read_one(uint64_t ptex)
{
	struct hv_hpte entry;
	unsigned count;

	assert_int_equal(hv_hpt_read(hpt, 0, ptex, &entry, &count), H_SUCCESS);
	assert_int_equal(count, 1);
	return entry;
}

static struct hv_hpt_counts counts(void)
{
	struct hv_hpt_counts now;

	hv_hpt_count(hpt, &now);
	return now;
}

static void a_group_has_eight_entries(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_PTEG_ENTRIES; i++)
		assert_int_equal(enter(0, 83, entry_of(i << 12, i)), 80 + i);
	assert_int_equal(enter(0, 83, entry_of(0, 0)), H_PTEG_FULL);
	assert_int_equal(enter(0, 88, entry_of(0, 0)), 88);
	assert_int_equal(counts().entries, 9);
	assert_int_equal(counts().enters, 9);
}

static void exact_is_this_entry_or_none(void **state)
{
	(void)state;
	assert_int_equal(enter(H_EXACT, 83, entry_of(0, 1)), 83);
	assert_int_equal(enter(H_EXACT, 83, entry_of(0, 2)), H_PTEG_FULL);
	assert_int_equal(read_one(83).r >> 12, 1);
	assert_int_equal(read_one(82).v, 0);
}

static void what_is_no_entry_of_ours_is_refused(void **state)
{
	static const struct {
		uint64_t flags, ptex, v, r;
	} rows[] = {
		{ H_FLAG(48), 0, 0, 0 },            /* a flag that is not known */
		{ 0, ENTRIES, 0, 0 },               /* no such entry */
		{ 0, UINT64_MAX, 0, 0 },            /* its group would wrap */
		{ 0, 0, HV_HPTE_V_VALID, 0 },       /* not valid (toggled off) */
		{ 0, 0, HV_HPTE_V_LARGE, 0 },       /* large page */
		{ 0, 0, UINT64_C(1) << 62, 0 },     /* 1 TiB segment */
		{ 0, 0, 0, HV_HPTE_R_M },           /* WIMG 0000 */
		{ 0, 0, 0, UINT64_C(0x20) },        /* WIMG 0110: I/O */
		{ 0, 0, 0, (uint64_t)PAGES << 12 }, /* beyond logical memory */
		{ 0, 0, 0, UINT64_C(1) << 59 },     /* far beyond */
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hv_hpte entry = entry_of(0, 0);

		entry.v ^= rows[i].v;
		entry.r ^= rows[i].r;
		assert_int_equal(enter(rows[i].flags, rows[i].ptex, entry), H_PARAMETER);
	}
	assert_int_equal(counts().entries, 0);
}

static void a_page_has_so_many_aliases_and_no_more(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_HPT_ALIASES_MAX; i++)
		assert_int_equal(enter(0, i, entry_of(i << 12, 7)), i);
	assert_int_equal(enter(0, HV_HPT_ALIASES_MAX, entry_of(0, 7)), H_RESOURCE);
	assert_int_equal(hv_hpt_invalidate(hpt, 7), HV_HPT_ALIASES_MAX);
	assert_int_equal(enter(0, 0, entry_of(0, 7)), 0);
}

static void remove_gives_what_it_was(void **state)
{
	uint64_t va = UINT64_C(0x123456789000);
	struct hv_hpte entry = entry_of(va, 5);
	struct hv_hpte old = { 0 };

	(void)state;
	entry.v |= HV_HPTE_V_BOLTED;
	assert_int_equal(enter(0, 0, entry), 0);
	assert_int_equal(hv_hpt_remove(hpt, 0, ENTRIES, 0, &old), H_PARAMETER);
	assert_int_equal(hv_hpt_remove(hpt, H_EXACT, 0, 0, &old), H_PARAMETER);
	assert_int_equal(hv_hpt_remove(hpt, 0, 1, 0, &old), H_NOT_FOUND);
	assert_int_equal(hv_hpt_remove(hpt, H_AVPN, 0, 0, &old), H_NOT_FOUND);
	assert_int_equal(hv_hpt_remove(hpt, H_ANDCOND, 0, HV_HPTE_V_BOLTED, &old),
			 H_NOT_FOUND);
	assert_int_equal(old.v, 0);
	assert_int_equal(hv_hpt_remove(hpt, H_AVPN, 0, hv_va_avpn(va), &old), H_SUCCESS);
	assert_int_equal(old.v, entry.v);
	assert_int_equal(old.r, entry.r);
	assert_int_equal(hv_hpt_remove(hpt, 0, 0, 0, &old), H_NOT_FOUND);
	assert_int_equal(hv_hpt_audit(hpt, NULL), HV_OK);
}

static void read_shows_one_or_four(void **state)
{
	struct hv_hpte entries[4];
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(enter(0, 8, entry_of(i << 12, i)), 8 + i);
	assert_int_equal(hv_hpt_read(hpt, H_READ_4 | H_R_XLATE, 10, entries, &count),
			 H_SUCCESS);
	assert_int_equal(count, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(entries[i].r >> 12, i);
	assert_int_equal(read_one(10).r >> 12, 2);
	assert_int_equal(hv_hpt_read(hpt, 0, ENTRIES, entries, &count), H_PARAMETER);
	assert_int_equal(hv_hpt_read(hpt, H_AVPN, 0, entries, &count), H_PARAMETER);
}

static void protect_changes_protection_alone(void **state)
{
	uint64_t va = UINT64_C(0x5000);
	struct hv_hpte found;
	uint64_t at;

	(void)state;
	assert_int_equal(enter(0, group_of(va), entry_of(va, 9)), group_of(va));
	assert_int_equal(hv_hpt_protect(hpt, H_EXACT, group_of(va), 0), H_PARAMETER);
	assert_int_equal(hv_hpt_protect(hpt, 0, ENTRIES, 0), H_PARAMETER);
	assert_int_equal(hv_hpt_protect(hpt, 0, group_of(va) + 1, 0), H_NOT_FOUND);
	assert_int_equal(hv_hpt_protect(hpt, H_AVPN, group_of(va), 0x80), H_NOT_FOUND);
	assert_int_equal(hv_hpt_walk(hpt, va, true, &at, &found), H_SUCCESS);
	assert_int_equal(hv_hpt_protect(hpt, HV_HPTE_R_PP_RO | HV_HPTE_R_N | 0x3000,
					group_of(va), 0),
			 H_SUCCESS);
	found = read_one(group_of(va));
	assert_int_equal(found.r, 9 << 12 | HV_HPTE_R_M | HV_HPTE_R_R | HV_HPTE_R_C |
					  HV_HPTE_R_PP_RO | HV_HPTE_R_N |
					  HV_HPTE_R_KEY_HIGH);
	assert_int_equal(hv_hpt_walk(hpt, va, true, &at, &found), H_PERMISSION);
	assert_int_equal(hv_hpt_walk(hpt, va, false, &at, &found), H_SUCCESS);
	assert_int_equal(hv_hpt_protect(hpt, 0x100 | 2, group_of(va), 0), H_SUCCESS);
	assert_int_equal(hv_hpt_walk(hpt, va, false, &at, &found), H_PERMISSION);
}

static void a_walk_finds_both_groups_and_sets_r_and_c(void **state)
{
	uint64_t va = UINT64_C(0xabcdef1000);
	uint64_t second = ENTRIES - HV_PTEG_ENTRIES - group_of(va);
	struct hv_hpte entry = entry_of(va, 3);
	struct hv_hpte found;
	uint64_t at;

	(void)state;
	assert_int_equal(hv_hpt_walk(hpt, va, false, &at, &found), H_NOT_FOUND);
	/* in the secondary group only an entry that says so is found */
	assert_int_equal(enter(0, second, entry), second);
	assert_int_equal(hv_hpt_walk(hpt, va, false, &at, &found), H_NOT_FOUND);
	entry.v |= HV_HPTE_V_SECONDARY | HV_HPTE_V_BOLTED;
	assert_int_equal(enter(0, second, entry), second + 1);
	assert_int_equal(hv_hpt_walk(hpt, va, false, &at, &found), H_SUCCESS);
	assert_int_equal(at, second + 1);
	assert_int_equal(found.r & (HV_HPTE_R_R | HV_HPTE_R_C), HV_HPTE_R_R);
	assert_int_equal(hv_hpt_walk(hpt, va + 8, true, &at, &found), H_SUCCESS);
	assert_int_equal(found.r & (HV_HPTE_R_R | HV_HPTE_R_C),
			 HV_HPTE_R_R | HV_HPTE_R_C);
	assert_int_equal(hv_hpt_walk(hpt, va + 4096, false, &at, &found), H_NOT_FOUND);
	assert_int_equal(counts().hits, 2);
	assert_int_equal(counts().misses, 3);
}

static void protection_is_as_a_program_sees_it(void **state)
{
	static const struct {
		uint64_t pp;
		int64_t load, store;
	} rows[] = {
		{ 0, H_PERMISSION, H_PERMISSION },
		{ 1, H_SUCCESS, H_PERMISSION },
		{ 2, H_SUCCESS, H_SUCCESS },
		{ 3, H_SUCCESS, H_PERMISSION },
		{ HV_HPTE_R_PP0 | 2, H_PERMISSION, H_PERMISSION },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		uint64_t va = i << 12;
		struct hv_hpte entry = entry_of(va, i);
		struct hv_hpte found;
		uint64_t at;

		entry.r = (entry.r & ~HV_HPTE_R_PP) | rows[i].pp;
		assert_true(enter(0, group_of(va), entry) >= 0);
		assert_int_equal(hv_hpt_walk(hpt, va, false, &at, &found), rows[i].load);
		assert_int_equal(hv_hpt_walk(hpt, va, true, &at, &found), rows[i].store);
	}
}

static void a_page_that_leaves_takes_its_entries_alone(void **state)
{
	struct hv_hpte found;
	uint64_t at;

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(enter(0, group_of(i << 12), entry_of(i << 12, i / 2)),
				 group_of(i << 12));
	assert_int_equal(hv_hpt_invalidate(hpt, 1), 2);
	assert_int_equal(hv_hpt_invalidate(hpt, 1), 0);
	assert_int_equal(hv_hpt_invalidate(hpt, PAGES - 1), 0);
	assert_int_equal(counts().entries, 4);
	assert_int_equal(counts().invalidations, 2);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(hv_hpt_walk(hpt, i << 12, false, &at, &found),
				 i / 2 == 1 ? H_NOT_FOUND : H_SUCCESS);
	assert_int_equal(hv_hpt_audit(hpt, NULL), HV_OK);
}

static void beyond_logical_memory_there_are_no_entries(void **state)
{
	(void)state;
	assert_int_equal(enter(0, 0, entry_of(0, 9)), 0);
	assert_int_equal(enter(0, 8, entry_of(0, 10)), 8);
	hv_hpt_resize(hpt, 10);
	assert_int_equal(counts().entries, 1);
	assert_int_equal(enter(0, 8, entry_of(0, 10)), H_PARAMETER);
	assert_int_equal(enter(0, 8, entry_of(0, 9)), 8);
	hv_hpt_resize(hpt, PAGES);
	assert_int_equal(enter(0, 16, entry_of(0, 10)), 16);
}

static void its_bytes_are_counted(void **state)
{
	(void)state;
	assert_int_equal(hv_hpt_table_bytes(hpt), BYTES);
	assert_true(hv_hpt_memory_bytes(hpt) >= BYTES + ENTRIES * 8 + PAGES * 8);
}

static void impossible_tables_are_refused(void **state)
{
	struct hv_hpt *none = NULL;

	(void)state;
	assert_int_equal(hv_hpt_open(BYTES / 2, PAGES, &none, NULL), HV_E_INVAL);
	assert_int_equal(hv_hpt_open(BYTES + 16, PAGES, &none, NULL), HV_E_INVAL);
	assert_int_equal(hv_hpt_open(BYTES, 0, &none, NULL), HV_E_INVAL);
	assert_int_equal(hv_hpt_open(2 * HV_HPT_TABLE_BYTES_MAX, PAGES, &none, NULL),
			 HV_E_INVAL);
	oom_arm(1);
	assert_int_equal(hv_hpt_open(BYTES, PAGES, &none, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(none);
}

static void no_room_to_map_it_is_an_error(void **state)
{
	struct rlimit before;
	struct rlimit none = { 0 };
	struct hv_hpt *table = NULL;
	struct hv_err err;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
	none = (struct rlimit){ .rlim_cur = 4096, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
	assert_int_equal(hv_hpt_open(BYTES, PAGES, &table, &err), HV_E_NOMEM);
	assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
	assert_null(table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_group_has_eight_entries),
		TEST(exact_is_this_entry_or_none),
		TEST(what_is_no_entry_of_ours_is_refused),
		TEST(a_page_has_so_many_aliases_and_no_more),
		TEST(remove_gives_what_it_was),
		TEST(read_shows_one_or_four),
		TEST(protect_changes_protection_alone),
		TEST(a_walk_finds_both_groups_and_sets_r_and_c),
		TEST(protection_is_as_a_program_sees_it),
		TEST(a_page_that_leaves_takes_its_entries_alone),
		TEST(beyond_logical_memory_there_are_no_entries),
		TEST(its_bytes_are_counted),
		TEST(impossible_tables_are_refused),
		TEST(no_room_to_map_it_is_an_error),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
