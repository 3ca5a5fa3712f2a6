/*
 * Unit tests of hvcore/hypervisor/hcall_pages: H_PAGE_INIT and H_GET_MPP, and the hints
 * as reclaim sees them, over a space on the model kernel.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/hypervisor/hcalls.h"
#include "hvcore/hypervisor/memory.h"
#include "tests/support/model_kernel.h"

#define PAGES 64u
#define HPT_BYTES (UINT64_C(256) << 10)

static struct hcalls *hcalls;
static struct memory memory;
static struct fault_thread thread;
static struct hv_frames frames;
static struct model_kernel kernel;
static struct model_pool pool;

static int set_up_dedicated(void **state)
{
	struct hv_calls_config config = { .hpt_bytes = HPT_BYTES,
					  .pages_max = PAGES,
					  .tce_windows = 1 };

	(void)state;
	memset(&memory, 0, sizeof(memory));
	memory.pages = PAGES;
	assert_int_equal(hcalls_open(&config, &memory, &hcalls, NULL), HV_OK);
	memory.hcalls = hcalls;
	return 0;
}

static int tear_down_dedicated(void **state)
{
	(void)state;
	hcalls_close(hcalls);
	return 0;
}

static int set_up(void **state)
{
	struct hv_pager_config pager = { .fills = 2, .frames = &frames };
	struct hv_space_config space = { .pages = PAGES,
					 .slots = PAGES,
					 .entitled_pages = 10,
					 .target_pages = 40,
					 .ops = &model_kernel_ops,
					 .ctx = &kernel };

	(void)set_up_dedicated(state);
	pool.limit = UINT32_MAX;
	hv_frames_init(&frames, PAGES);
	model_kernel_init(&kernel, &pool, PAGES, 1);
	assert_int_equal(hv_pager_open(&pager, &thread.pager, NULL), HV_OK);
	assert_int_equal(hv_space_new(&space, &memory.space, NULL), HV_OK);
	assert_int_equal(hv_pager_add(thread.pager, memory.space, NULL), HV_OK);
	memory.thread = &thread;
	memory.entitled_pages = 10;
	return 0;
}

static int tear_down(void **state)
{
	hv_pager_end(thread.pager, memory.space);
	hv_pager_remove(thread.pager, memory.space);
	hv_space_free(memory.space);
	hv_pager_close(thread.pager);
	return tear_down_dedicated(state);
}

static int64_t init_page(uint64_t flags, uint64_t address)
{
	struct hv_hcall_ask ask = { .number = H_PAGE_INIT, .args = { flags, address } };
	uint64_t values[HV_HCALL_VALUES] = { 0 };

	return hcalls_serve_pages(hcalls, &ask, values);
}

static uint8_t hint_of(uint32_t page)
{
	return atomic_load(hv_hcall_hints(hcalls->area) + page);
}

static void each_state_has_its_flags(void **state)
{
	static const struct {
		uint64_t flags;
		enum hv_hint hint;
	} rows[] = {
		{ H_PAGE_UNUSED, HV_HINT_UNUSED },
		{ H_PAGE_UNUSED | H_PAGE_MORE, HV_HINT_LOANED },
		{ 0, HV_HINT_ACTIVE },
		{ H_PAGE_MORE, HV_HINT_CRITICAL },
		{ H_PAGE_EXPENDABLE, HV_HINT_EXPENDABLE },
		{ H_PAGE_LATENT, HV_HINT_LATENT },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		assert_int_equal(
			init_page(H_PAGE_STATE_CHANGE | rows[i].flags, i * HV_PAGE_BYTES),
			H_SUCCESS);
		assert_int_equal(hint_of(i), rows[i].hint);
	}
	/* without the flag that says so nothing is changed */
	assert_int_equal(init_page(H_PAGE_UNUSED, 3 * HV_PAGE_BYTES), H_SUCCESS);
	assert_int_equal(hint_of(3), HV_HINT_CRITICAL);
}

static void what_is_asked_wrongly_is_refused(void **state)
{
	static const struct {
		uint64_t flags, address;
	} rows[] = {
		{ H_PAGE_STATE_CHANGE, PAGES * (uint64_t)HV_PAGE_BYTES },
		{ H_PAGE_STATE_CHANGE, UINT64_MAX },
		{ H_PAGE_STATE_CHANGE, 17 },
		{ H_PAGE_STATE_CHANGE | H_FLAG(49), 0 },
		{ UINT64_MAX, 0 },
	};
	struct hv_hcall_ask copy = { .number = H_PAGE_INIT, .args = { 0, 0, 4096 } };
	struct hv_hcall_ask other = { .number = H_ENTER };
	uint64_t values[HV_HCALL_VALUES];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		assert_int_equal(init_page(rows[i].flags, rows[i].address), H_PARAMETER);
	assert_int_equal(hcalls_serve_pages(hcalls, &copy, values), H_PARAMETER);
	assert_int_equal(hcalls_serve_pages(hcalls, &other, values), H_FUNCTION);
	for (uint32_t page = 0; page < PAGES; page++)
		assert_int_equal(hint_of(page), 0);
}

static void a_page_is_made_zero(void **state)
{
	(void)state;
	hv_pager_on_missing(thread.pager, memory.space, 5, true, 0, 1000);
	kernel.pages[5].value = 77;
	assert_int_equal(init_page(H_ZERO_PAGE, 5 * HV_PAGE_BYTES), H_SUCCESS);
	assert_false(kernel.pages[5].is_cached);
	kernel.fail_in = 1;
	kernel.fail_code = HV_E_AGAIN;
	assert_int_equal(init_page(H_ZERO_PAGE | H_PAGE_STATE_CHANGE, 5 * HV_PAGE_BYTES),
			 H_BUSY);
}

static void spare_pages_are_found_in_order(void **state)
{
	(void)state;
	assert_int_equal(hcalls_find_spare(hcalls, 0, PAGES, HV_HINT_LATENT), PAGES);
	(void)init_page(H_PAGE_STATE_CHANGE | H_PAGE_LATENT, 20 * HV_PAGE_BYTES);
	(void)init_page(H_PAGE_STATE_CHANGE | H_PAGE_UNUSED, 37 * HV_PAGE_BYTES);
	(void)init_page(H_PAGE_STATE_CHANGE | H_PAGE_MORE, 3 * HV_PAGE_BYTES);
	assert_int_equal(hcalls_find_spare(hcalls, 0, PAGES, HV_HINT_LATENT), 20);
	assert_int_equal(hcalls_find_spare(hcalls, 0, PAGES, HV_HINT_UNUSED), 37);
	assert_int_equal(hcalls_find_spare(hcalls, 38, PAGES, HV_HINT_LATENT), PAGES);
	assert_int_equal(hcalls_find_spare(hcalls, 0, 20, HV_HINT_LATENT), 20);
	assert_int_equal(hcalls_importance(hcalls, 3), HV_PAGE_CRITICAL);
	assert_int_equal(hcalls_importance(hcalls, 4), HV_PAGE_ORDINARY);
	assert_int_equal(hcalls_claim(hcalls, 37), HV_HINT_UNUSED);
	assert_int_equal(hcalls_claim(hcalls, 37), HV_HINT_ACTIVE); /* it is ours */
	assert_int_equal(hcalls_claim(hcalls, 3), HV_HINT_ACTIVE);
	hcalls_claimed(hcalls, 37, HV_HINT_UNUSED, true);
	assert_int_equal(hint_of(37), HV_HINT_UNUSED | HV_HINT_TAKEN);
	assert_int_equal(hcalls_find_spare(hcalls, 21, PAGES, HV_HINT_LATENT), PAGES);
}

static void a_page_used_again_while_it_is_taken_stays_active(void **state)
{
	(void)state;
	(void)init_page(H_PAGE_STATE_CHANGE | H_PAGE_UNUSED, 0);
	assert_int_equal(hcalls_claim(hcalls, 0), HV_HINT_UNUSED);
	assert_int_equal(hv_hint_set(hv_hcall_hints(hcalls->area), HV_HINT_ACTIVE),
			 HV_HINT_UNUSED | HV_HINT_TAKING);
	hcalls_claimed(hcalls, 0, HV_HINT_UNUSED, true);
	assert_int_equal(hint_of(0), HV_HINT_ACTIVE);
}

static void get_mpp(uint64_t values[HV_HCALL_VALUES])
{
	struct hv_hcall_ask ask = { .number = H_GET_MPP };

	memset(values, 0, HV_HCALL_VALUES * sizeof(*values));
	assert_int_equal(hcalls_serve_pages(hcalls, &ask, values), H_SUCCESS);
}

static void a_partition_learns_what_it_is_asked_to_loan(void **state)
{
	uint64_t values[HV_HCALL_VALUES];

	(void)state;
	memory.mpp = (struct memory_mpp){ .pool_bytes = 1 << 24,
					  .donation_pages = 24,
					  .weight = 192,
					  .spare_weight = 8,
					  .io_pages = 9,
					  .spare_pages = 3 };
	hv_pager_on_missing(thread.pager, memory.space, 5, true, 0, 1000);
	get_mpp(values);
	assert_int_equal(values[HV_MPP_ENTITLED], 9 * HV_PAGE_BYTES);
	assert_int_equal(values[HV_MPP_MAPPED], 0);
	assert_int_equal(values[HV_MPP_POOL], 0);
	assert_int_equal(values[HV_MPP_WEIGHT],
			 UINT64_C(192) << 56 | UINT64_C(8) << 48 | 3);
	assert_int_equal(values[HV_MPP_POOL_BYTES], 1 << 24);
	assert_int_equal((int64_t)values[HV_MPP_LOAN_REQUEST], 24 * HV_PAGE_BYTES);
	assert_int_equal(values[HV_MPP_BACKING], HV_PAGE_BYTES);
	memory.mpp.donation_pages = 0;
	get_mpp(values);
	assert_int_equal((int64_t)values[HV_MPP_LOAN_REQUEST], 0);
}

static void dedicated_memory_is_in_no_pool(void **state)
{
	uint64_t values[HV_HCALL_VALUES];

	(void)state;
	get_mpp(values);
	assert_int_equal(values[HV_MPP_MAPPED], UINT64_MAX);
	assert_int_equal(values[HV_MPP_POOL], 0xffff);
	assert_int_equal(init_page(H_ZERO_PAGE, 0), H_PARAMETER);
	assert_int_equal(init_page(H_PAGE_STATE_CHANGE | H_PAGE_MORE, 0), H_SUCCESS);
}

#define WITH_SPACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SPACE(each_state_has_its_flags),
		WITH_SPACE(what_is_asked_wrongly_is_refused),
		WITH_SPACE(a_page_is_made_zero),
		WITH_SPACE(spare_pages_are_found_in_order),
		WITH_SPACE(a_page_used_again_while_it_is_taken_stays_active),
		WITH_SPACE(a_partition_learns_what_it_is_asked_to_loan),
		cmocka_unit_test_setup_teardown(dedicated_memory_is_in_no_pool,
						set_up_dedicated, tear_down_dedicated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
