/*
 * Translation through a page table that H_ENTER fills, on real tables: what the TLB may
 * keep, what must be made again, and a guest whose every access goes that way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/partition/guest.h"
#include "hvcore/base/invariant.h"
#include "tests/support/call_server.h"
#include "tests/support/oom.h"

#define PAGES 4096u /* four for each place in the TLB */

static struct call_server server;
static struct partition_calls *calls;
static struct partition_mmu *mmu;

static struct partition_calls *open_calls(void)
{
	struct partition_calls *opened = NULL;

	assert_int_equal(partition_calls_open(dup(server.memory), dup(server.doorbell),
					      server.hpt_bytes, &opened, NULL),
			 HV_OK);
	return opened;
}

static int set_up(void **state)
{
	(void)state;
	call_server_start(&server, PAGES);
	calls = open_calls();
	assert_int_equal(partition_mmu_open(calls, PAGES, &mmu, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	partition_mmu_close(mmu);
	partition_calls_close(calls);
	call_server_end(&server);
	return 0;
}

static void translate(uint64_t page, bool is_store)
{
	uint64_t logical = UINT64_MAX;

	assert_true(partition_mmu_translate(mmu, page, is_store, &logical));
	assert_int_equal(logical, page);
}

static struct hv_hpt_counts counts(void)
{
	return call_server_stat(&server).hpt;
}

static void a_first_access_makes_the_entry_and_the_next_needs_no_call(void **state)
{
	(void)state;
	assert_false(partition_mmu_is_cached(mmu, 5, false));
	translate(5, false);
	assert_int_equal(counts().enters, 1);
	assert_int_equal(counts().misses, 1);
	assert_int_equal(counts().hits, 1);
	translate(5, false);
	assert_int_equal(counts().hits, 1);
	assert_true(partition_mmu_is_cached(mmu, 5, false));
}

/* C must be set by a walk before the first store. */
static void a_store_is_not_served_by_what_a_load_left(void **state)
{
	(void)state;
	translate(5, false);
	assert_false(partition_mmu_is_cached(mmu, 5, true));
	translate(5, true);
	assert_int_equal(counts().hits, 2);
	translate(5, false);
	assert_int_equal(counts().hits, 2);
	assert_int_equal(counts().enters, 1);
}

static void pages_that_share_a_place_walk_again_and_enter_once(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		translate(7, true);
		translate(7 + PARTITION_TLB_ENTRIES, true);
	}
	assert_int_equal(counts().enters, 2);
	assert_int_equal(counts().misses, 2);
	assert_int_equal(counts().hits, 6);
}

static void an_entry_whose_page_left_is_made_again(void **state)
{
	(void)state;
	translate(5, true);
	translate(6, true);
	call_server_leave(&server, 5);
	assert_false(partition_mmu_is_cached(mmu, 5, true));
	assert_true(partition_mmu_is_cached(mmu, 6, true));
	translate(5, true);
	assert_int_equal(counts().enters, 3);
	assert_int_equal(counts().invalidations, 1);
}

/* More have left than the ring tells of: nothing that was cached may be used. */
static void who_is_too_far_behind_forgets_all(void **state)
{
	(void)state;
	for (uint64_t page = 0; page < PAGES; page++)
		translate(page, true);
	for (uint32_t page = 0; page < HV_LEFT_RING + 1; page++)
		call_server_leave(&server, PAGES - 1 - page);
	for (uint64_t page = 0; page < PAGES; page++)
		assert_false(partition_mmu_is_cached(mmu, page, true));
	translate(PAGES - 1, true);
	translate(0, true);
	assert_int_equal(counts().enters, PAGES + 1);
}

/* 16 pages of one group by their hash: both groups are full, so somebody must go. */
static void a_full_group_makes_room(void **state)
{
	uint64_t groups = partition_calls_groups(calls);
	uint64_t args[HV_HCALL_ARGS] = { 0 };

	(void)state;
	/* all groups full of entries that nothing needs, for one page each in turn */
	for (uint64_t ptex = 0; ptex < groups * HV_PTEG_ENTRIES; ptex++) {
		args[0] = H_EXACT;
		args[1] = ptex;
		args[2] = UINT64_C(0x7f) << 50 | HV_HPTE_V_VALID;
		args[3] = (ptex % PAGES) << 12 | HV_HPTE_R_M;
		assert_int_equal(partition_call(calls, H_ENTER, args).code, H_SUCCESS);
	}
	for (uint64_t page = 0; page < 64; page++)
		translate(page, true);
	assert_int_equal(counts().entries, groups * HV_PTEG_ENTRIES);
}

static void what_is_refused_is_an_answer(void **state)
{
	struct partition_mmu *larger = NULL;
	uint64_t logical;

	(void)state;
	assert_int_equal(partition_mmu_open(calls, PAGES + 1, &larger, NULL), HV_OK);
	assert_false(partition_mmu_translate(larger, PAGES, false, &logical));
	partition_mmu_close(larger);
	assert_int_equal(call_server_stat(&server).refused, 1);
}

static struct partition_guest *open_guest(uint8_t *base, size_t bytes)
{
	struct partition_guest_config config = {
		.base = base, .bytes = bytes, .max_bytes = bytes, .key = 7
	};
	struct partition_guest *guest = NULL;

	assert_int_equal(partition_guest_open(&config, &guest, NULL), HV_OK);
	return guest;
}

static void a_guest_reaches_its_pages_through_entries(void **state)
{
	size_t bytes = PAGES * HV_PAGE_BYTES;
	uint8_t *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct partition_guest *guest;

	(void)state;
	assert_true(base != MAP_FAILED);
	guest = open_guest(base, bytes);
	assert_false(partition_guest_reach(guest, 0, true));
	assert_int_equal(partition_guest_via(guest, calls, NULL), HV_OK);
	for (uint64_t page = 0; page < PAGES; page++)
		assert_true(partition_guest_write(guest, page));
	assert_true(partition_guest_reach(guest, 0, false));
	assert_false(partition_guest_reach(guest, 0, false));
	for (uint64_t page = 0; page < PAGES; page++) {
		if (page % 3 == 0)
			call_server_leave(&server, (uint32_t)page);
		assert_true(partition_guest_check(guest, page));
		assert_true(partition_guest_peek(guest, page));
	}
	assert_int_equal(partition_guest_mismatches(guest), 0);
	assert_int_equal(counts().enters, PAGES + (PAGES + 2) / 3);
	partition_guest_close(guest);
	(void)munmap(base, bytes);
}

static void a_page_that_is_not_translated_is_a_mismatch(void **state)
{
	size_t bytes = (PAGES + 1) * HV_PAGE_BYTES;
	uint8_t *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct partition_guest *guest;

	(void)state;
	assert_true(base != MAP_FAILED);
	guest = open_guest(base, bytes);
	assert_int_equal(partition_guest_via(guest, calls, NULL), HV_OK);
	assert_false(partition_guest_check(guest, PAGES));
	assert_false(partition_guest_write(guest, PAGES));
	assert_false(partition_guest_peek(guest, PAGES));
	assert_int_equal(partition_guest_mismatches(guest), 1);
	partition_guest_close(guest);
	(void)munmap(base, bytes);
}

struct pupil {
	pthread_t thread;
	uint64_t seed;
};

static void *touch_all(void *arg)
{
	struct pupil *pupil = arg;

	for (unsigned i = 0; i < 3000; i++) {
		uint64_t page = (i * 37 + pupil->seed) % 200;
		uint64_t logical = UINT64_MAX;

		if (i % 5 == 0)
			call_server_leave(&server, (uint32_t)page);
		HV_INVARIANT(partition_mmu_translate(mmu, page, i % 2 == 0, &logical));
		HV_INVARIANT(logical == page);
	}
	return NULL;
}

static void threads_share_it(void **state)
{
	struct pupil pupils[4];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(pupils); i++) {
		pupils[i].seed = i * 11;
		assert_int_equal(
			pthread_create(&pupils[i].thread, NULL, touch_all, &pupils[i]),
			0);
	}
	for (unsigned i = 0; i < HV_COUNT(pupils); i++)
		assert_int_equal(pthread_join(pupils[i].thread, NULL), 0);
	assert_true(counts().invalidations > 0);
}

static void no_memory_is_an_error(void **state)
{
	struct partition_calls *none = NULL;
	struct partition_mmu *no_mmu = NULL;
	int memory = dup(server.memory);
	int doorbell = dup(server.doorbell);

	(void)state;
	oom_arm(1);
	assert_int_equal(partition_calls_open(memory, doorbell, 1 << 18, &none, NULL),
			 HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(none);
	oom_arm(1);
	assert_int_equal(partition_mmu_open(calls, PAGES, &no_mmu, NULL), HV_E_NOMEM);
	assert_true(oom_disarm());
	assert_null(no_mmu);
}

static void memory_that_is_too_short_is_refused(void **state)
{
	struct partition_calls *none = NULL;
	int memory = memfd_create("short", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(memory, 4096), 0);
	assert_int_equal(
		partition_calls_open(memory, dup(server.doorbell), 1 << 18, &none, NULL),
		HV_E_CORRUPT);
	assert_null(none);
	/* both descriptors are gone: this one is not even open */
	assert_int_equal(
		partition_calls_open(-1, dup(server.doorbell), 1 << 18, &none, NULL),
		HV_E_OS);
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_first_access_makes_the_entry_and_the_next_needs_no_call),
		TEST(a_store_is_not_served_by_what_a_load_left),
		TEST(pages_that_share_a_place_walk_again_and_enter_once),
		TEST(an_entry_whose_page_left_is_made_again),
		TEST(who_is_too_far_behind_forgets_all),
		TEST(a_full_group_makes_room),
		TEST(what_is_refused_is_an_answer),
		TEST(a_guest_reaches_its_pages_through_entries),
		TEST(a_page_that_is_not_translated_is_a_mismatch),
		TEST(threads_share_it),
		TEST(no_memory_is_an_error),
		TEST(memory_that_is_too_short_is_refused),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
