/*
 * Unit tests of hvcore/hypervisor/hcall_tce: mappings of shared memory as a partition
 * asks for them, over an engine with model devices.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/base/units.h"
#include "hvcore/hypervisor/hcalls.h"
#include "hvcore/hypervisor/memory.h"
#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_world.h"

#define PAGES 64u
#define FRAMES 40u
#define ENTITLED 8u
#define L HV_LIOBN_FIRST
#define RW (HV_TCE_READ | HV_TCE_WRITE)

static struct world world;
static struct hcalls *hcalls;
static struct memory memory;
static struct fault_thread thread;

static int set_up(void **state)
{
	struct hv_calls_config config = { .hpt_bytes = UINT64_C(256) << 10,
					  .pages_max = PAGES,
					  .tce_windows = 2 };

	(void)state;
	world_init(&world, &(struct world_config){ .members = 1,
						   .pages = PAGES,
						   .slots = PAGES + 16,
						   .threads = 4,
						   .frames = FRAMES,
						   .entitled = ENTITLED,
						   .fills = 4,
						   .reads = 4,
						   .writes = 8 });
	memory = (struct memory){ .pages = PAGES,
				  .max_pages = PAGES,
				  .space = world.members[0].space,
				  .thread = &thread,
				  .mpp = { .io_pages = ENTITLED } };
	thread.pager = world.pager;
	assert_int_equal(hcalls_open(&config, &memory, &hcalls, NULL), HV_OK);
	memory.hcalls = hcalls;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(hcalls_audit(hcalls, NULL), HV_OK);
	assert_null(world_check(&world));
	hcalls_close(hcalls);
	world_fini(&world);
	return 0;
}

static struct model_page *page_at(uint32_t page)
{
	return &world.members[0].kernel.pages[page];
}

static void touch(enum model_op op, uint32_t page)
{
	model_start(&world.members[0].kernel, 0, op, page, 1, ++world.version);
	assert_true(world_settle(&world));
}

static uint32_t stolen_page(void)
{
	uint32_t page = 0;

	for (uint32_t i = 0; i < PAGES; i++)
		touch(MODEL_WRITE, i);
	while (hv_page_state(&memory.space->table, page) != HV_PAGE_STOLEN)
		page++;
	return page;
}

/* The model is told of what is mapped, so that it objects where a page leaves. */
static int64_t call(uint32_t number, uint64_t ioba, uint64_t tce, uint64_t count,
		    int64_t *ret_change)
{
	struct hv_hcall_ask ask = { .number = number,
				    .args = { L, ioba, tce,
					      number == H_PUT_TCE ? 0 : count } };
	uint64_t values[HV_HCALL_VALUES] = { 0 };
	int64_t code = hcalls_serve_tce(hcalls, &ask, values);

	for (uint32_t page = 0; page < PAGES; page++)
		page_at(page)->is_under_io = hcalls_importance(hcalls, page) ==
					     HV_PAGE_UNDER_IO;
	*ret_change = (int64_t)values[0];
	return code;
}

static int64_t put(uint64_t ioba, uint32_t page, uint64_t permission, int64_t *ret_change)
{
	return call(H_PUT_TCE, ioba, (uint64_t)page << HV_PAGE_SHIFT | permission, 1,
		    ret_change);
}

static int64_t hold(uint64_t ioba)
{
	struct hv_tces *tces = hv_calls_tces(hcalls->calls);
	struct hv_tce_span span;
	unsigned count;
	int64_t code = hv_tces_hold(tces, L, ioba, 1, HV_TCE_READ, &span, &count);

	if (code == H_SUCCESS)
		hv_tces_release(tces, &span, count);
	return code;
}

static void a_mapping_succeeds_when_its_page_is_there(void **state)
{
	uint32_t page = stolen_page();
	int64_t change;

	(void)state;
	assert_int_equal(put(0x1000, page, RW, &change), H_LONG_BUSY_1_MSEC);
	assert_int_equal(change, HV_PAGE_BYTES);
	assert_int_equal(hcalls_importance(hcalls, page), HV_PAGE_UNDER_IO);
	assert_int_equal(hold(0x1000), H_PERMISSION);
	assert_int_equal(put(0x1000, page, RW, &change), H_LONG_BUSY_1_MSEC);
	assert_int_equal(change, 0);
	assert_int_equal(hcalls->map_waits, 2);
	assert_true(world_settle(&world));
	assert_int_equal(put(0x1000, page, RW, &change), H_SUCCESS);
	assert_int_equal(change, 0);
	assert_int_equal(hold(0x1000), H_SUCCESS);
	assert_int_equal(put(0x1000, page, RW, &change), H_SUCCESS); /* as often as */
	assert_int_equal(change, 0);
	assert_int_equal(put(0x1000, 0, 0, &change), H_SUCCESS);
	assert_int_equal(change, -(int64_t)HV_PAGE_BYTES);
	assert_int_equal(hcalls_importance(hcalls, page), HV_PAGE_ORDINARY);
}

static void a_page_mapped_by_many_entries_is_brought_and_counted_once(void **state)
{
	uint32_t page = stolen_page();
	uint64_t tce = (uint64_t)page << HV_PAGE_SHIFT | HV_TCE_READ;
	int64_t change;

	(void)state;
	assert_int_equal(call(H_STUFF_TCE, 0, tce, 100, &change), H_LONG_BUSY_1_MSEC);
	assert_int_equal(change, HV_PAGE_BYTES);
	assert_int_equal(put(0x7f0000, page, RW, &change), H_LONG_BUSY_1_MSEC);
	assert_int_equal(change, 0);
	assert_int_equal(memory.space->counts.map_fills, 1);
	assert_true(world_settle(&world));
	assert_int_equal(call(H_STUFF_TCE, 0, tce, 100, &change), H_SUCCESS);
	assert_int_equal(hold(0x63000), H_SUCCESS);
	assert_int_equal(hold(0x7f0000), H_PERMISSION); /* asked for, not yet ready */
	assert_int_equal(put(0x7f0000, page, RW, &change), H_SUCCESS);
	assert_int_equal(call(H_STUFF_TCE, 0, 0, 100, &change), H_SUCCESS);
	assert_int_equal(change, 0);
	assert_int_equal(call(H_STUFF_TCE, 0, tce, 0, &change), H_SUCCESS); /* of none */
}

static void what_is_asked_wrongly_brings_nothing(void **state)
{
	static const struct {
		uint64_t ioba, tce;
	} rows[] = {
		{ 0, (uint64_t)PAGES << HV_PAGE_SHIFT | RW },
		{ 0, UINT64_MAX },
		{ 0, 0x1007 },
		{ UINT64_MAX, 0x1003 },
		{ (uint64_t)HV_TCE_WINDOW_PAGES << HV_PAGE_SHIFT, 0x1003 },
	};
	int64_t change;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++)
		assert_int_equal(call(H_PUT_TCE, rows[i].ioba, rows[i].tce, 1, &change),
				 H_PARAMETER);
	assert_int_equal(memory.space->counts.map_fills, 0);
	assert_int_equal(memory.space->frames, 0);
}

static void beyond_its_entitlement_nothing_is_mapped(void **state)
{
	struct hv_calls_stat stat;
	int64_t change;

	(void)state;
	for (uint32_t page = 0; page < ENTITLED; page++)
		assert_int_equal(put(page << 12, page, RW, &change), H_SUCCESS);
	assert_int_equal(put(0x100000, ENTITLED, RW, &change), H_NOT_ENOUGH_RESOURCES);
	assert_int_equal(change, 0);
	assert_int_equal(hcalls_importance(hcalls, ENTITLED), HV_PAGE_ORDINARY);
	assert_int_equal(memory.space->counts.map_fills, ENTITLED);
	hv_calls_stat(hcalls->calls, &stat);
	assert_int_equal(stat.tces.failures, 1);
	assert_int_equal(stat.tces.pages, ENTITLED);
	memory.mpp.io_pages++; /* the administrator gave it more */
	assert_int_equal(put(0x100000, ENTITLED, RW, &change), H_SUCCESS);
}

/* What it gives up counts at once; more than it has, when it is told of it. */
static void an_order_for_less_bounds_what_is_mapped_meanwhile(void **state)
{
	int64_t change;

	(void)state;
	hcalls->mpp.entitled_bytes = UINT64_C(2) * HV_PAGE_BYTES;
	hcalls->mpp.mapped_pages = 1;
	atomic_store(&hcalls->mpp.at, MPP_ASKED);
	assert_int_equal(put(0, 0, RW, &change), H_SUCCESS);
	assert_int_equal(put(0x1000, 1, RW, &change), H_SUCCESS);
	assert_int_equal(put(0x2000, 2, RW, &change), H_NOT_ENOUGH_RESOURCES);
	hcalls->mpp.mapped_pages = 3; /* as many as were mapped then may be */
	assert_int_equal(put(0x2000, 2, RW, &change), H_SUCCESS);
	hcalls->mpp.entitled_bytes = UINT64_MAX;
	for (uint32_t page = 3; page < ENTITLED; page++)
		assert_int_equal(put(page << 12, page, RW, &change), H_SUCCESS);
	assert_int_equal(put(0x100000, ENTITLED, RW, &change), H_NOT_ENOUGH_RESOURCES);
	atomic_store(&hcalls->mpp.at, MPP_IDLE);
}

static void a_lost_page_ends_its_mapping(void **state)
{
	uint32_t page = stolen_page();
	int64_t change;

	(void)state;
	assert_int_equal(put(0, page, RW, &change), H_LONG_BUSY_1_MSEC);
	for (unsigned i = 0;
	     i < 100 && hv_page_state(&memory.space->table, page) == HV_PAGE_INFLIGHT;
	     i++) {
		(void)world_run(&world);
		(void)world_vios_work(&world, 0, 0, MODEL_CORRUPT);
		(void)world_vios_answer(&world, 0, 0);
		(void)world_vios_work(&world, 1, 0, MODEL_CORRUPT);
		(void)world_vios_answer(&world, 1, 0);
	}
	assert_int_equal(put(0, page, RW, &change), H_HARDWARE);
	assert_int_equal(change, -(int64_t)HV_PAGE_BYTES);
	assert_int_equal(hold(0), H_PERMISSION);
	assert_int_equal(hcalls_importance(hcalls, page), HV_PAGE_ORDINARY);
	assert_int_equal(put(0, page, RW, &change), H_HARDWARE); /* and stays so */
	assert_int_equal(change, 0);
}

static void a_page_that_was_given_up_is_active_again(void **state)
{
	_Atomic uint8_t *hints = hv_hcall_hints(hcalls->area);
	static const struct {
		uint8_t before, after;
	} rows[] = {
		{ HV_HINT_UNUSED, HV_HINT_ACTIVE },
		{ HV_HINT_LOANED | HV_HINT_TAKEN, HV_HINT_ACTIVE },
		{ HV_HINT_LATENT, HV_HINT_ACTIVE },
		{ HV_HINT_CRITICAL, HV_HINT_CRITICAL },
		{ 0x3f, HV_HINT_ACTIVE }, /* nonsense */
	};
	int64_t change;

	(void)state;
	for (uint32_t i = 0; i < HV_COUNT(rows); i++) {
		atomic_store(&hints[i], rows[i].before);
		assert_int_equal(put(i << 12, i, RW, &change), H_SUCCESS);
		assert_int_equal(atomic_load(&hints[i]), rows[i].after);
	}
	/* said while it is mapped, it is not believed (M7) */
	atomic_store(&hints[0], HV_HINT_UNUSED);
	assert_int_equal(hcalls_find_spare(hcalls, 0, PAGES, HV_HINT_LATENT), PAGES);
	assert_int_equal(put(0, 0, 0, &change), H_SUCCESS);
	assert_int_equal(hcalls_find_spare(hcalls, 0, PAGES, HV_HINT_LATENT), 0);
}

static void a_page_under_io_is_not_made_zero(void **state)
{
	struct hv_hcall_ask ask = { .number = H_PAGE_INIT,
				    .args = { H_ZERO_PAGE, 5 * HV_PAGE_BYTES } };
	uint64_t values[HV_HCALL_VALUES];
	int64_t change;

	(void)state;
	assert_int_equal(put(0, 5, RW, &change), H_SUCCESS);
	assert_int_equal(hcalls_serve_pages(hcalls, &ask, values), H_RESOURCE);
	assert_int_equal(memory.space->counts.io_lost, 0);
	assert_int_equal(put(0, 0, 0, &change), H_SUCCESS);
	assert_int_equal(hcalls_serve_pages(hcalls, &ask, values), H_SUCCESS);
}

/* A hole made before the mapping is a page of zeros, and no reason to end anybody. */
static void a_hole_is_filled_before_it_is_mapped(void **state)
{
	int64_t change;

	(void)state;
	touch(MODEL_WRITE, 3);
	model_punch_bare(&world.members[0].kernel, 3);
	assert_int_equal(put(0, 3, RW, &change), H_SUCCESS);
	assert_true(page_at(3)->is_cached);
	assert_int_equal(memory.space->counts.io_lost, 0);
}

static void what_devices_use_is_known_by_range(void **state)
{
	int64_t change;

	(void)state;
	assert_false(hcalls_maps_any(hcalls, 0, PAGES));
	assert_int_equal(put(0, 5, RW, &change), H_SUCCESS);
	assert_true(hcalls_maps_any(hcalls, 0, PAGES));
	assert_false(hcalls_maps_any(hcalls, 6, PAGES - 6));
}

static void an_audit_finds_a_page_that_is_not_there(void **state)
{
	uint32_t page = stolen_page();
	struct hv_tces *tces = hv_calls_tces(hcalls->calls);
	struct hv_tce_range range = { L, 0, (uint64_t)page << 12 | 1, 1 };
	int64_t change;

	(void)state;
	/* behind the pager's back */
	assert_int_equal(hv_tces_stuff(tces, &range, &change), H_SUCCESS);
	assert_int_equal(hcalls_audit(hcalls, NULL), HV_E_CORRUPT);
	assert_int_equal(put(0, 0, 0, &change), H_SUCCESS);
	assert_int_equal(hcalls_audit(hcalls, NULL), HV_OK);
}

static void without_an_adapter_nothing_is_mapped(void **state)
{
	struct hv_calls_config config = { .hpt_bytes = UINT64_C(256) << 10,
					  .pages_max = PAGES };
	int64_t change;

	(void)state;
	hcalls_close(hcalls);
	assert_int_equal(hcalls_open(&config, &memory, &hcalls, NULL), HV_OK);
	assert_int_equal(put(0, 1, RW, &change), H_PARAMETER);
	assert_false(hcalls_maps_any(hcalls, 0, PAGES));
	assert_int_equal(hcalls_importance(hcalls, 1), HV_PAGE_ORDINARY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_mapping_succeeds_when_its_page_is_there),
		TEST(a_page_mapped_by_many_entries_is_brought_and_counted_once),
		TEST(what_is_asked_wrongly_brings_nothing),
		TEST(beyond_its_entitlement_nothing_is_mapped),
		TEST(an_order_for_less_bounds_what_is_mapped_meanwhile),
		TEST(a_lost_page_ends_its_mapping),
		TEST(a_page_that_was_given_up_is_active_again),
		TEST(a_page_under_io_is_not_made_zero),
		TEST(a_hole_is_filled_before_it_is_mapped),
		TEST(what_devices_use_is_known_by_range),
		TEST(an_audit_finds_a_page_that_is_not_there),
		TEST(without_an_adapter_nothing_is_mapped),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
