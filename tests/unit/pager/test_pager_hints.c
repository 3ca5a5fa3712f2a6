/*
 * Unit tests of hvcore/pager: what a partition says of its pages (P19), on the model
 * kernel, which checks every read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_world.h"

#define PAGES 64
#define FRAMES 40

static struct world world;

static struct model_kernel *kernel(void)
{
	return &world.members[0].kernel;
}

static struct hv_space_stat get(void)
{
	struct hv_space_stat stat;

	hv_space_stat(world.members[0].space, world.now_ns, &stat);
	return stat;
}

static enum hv_page_state state_of(uint32_t page)
{
	return hv_page_state(&world.members[0].space->table, page);
}

static int set_up(void **state)
{
	(void)state;
	world_init(&world, &(struct world_config){ .members = 1,
						   .pages = PAGES,
						   .slots = PAGES + 16,
						   .threads = 4,
						   .frames = FRAMES,
						   .fills = 4,
						   .reads = 4,
						   .writes = 8 });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_null(world_check(&world));
	world_fini(&world);
	return 0;
}

static void touch(enum model_op op, uint32_t page)
{
	model_start(kernel(), 0, op, page, 1, ++world.version);
	assert_true(world_settle(&world));
}

static void touch_all(enum model_op op, uint32_t first, uint32_t end)
{
	for (uint32_t page = first; page < end; page++)
		touch(op, page);
}

static void hint_all(enum hv_hint hint, uint32_t first, uint32_t end)
{
	for (uint32_t page = first; page < end; page++)
		model_hint(kernel(), page, hint);
}

static void p19_unused_pages_leave_first_and_without_io(void **state)
{
	struct hv_space_stat before, after;

	(void)state;
	touch_all(MODEL_WRITE, 0, 30);
	hint_all(HV_HINT_UNUSED, 0, 20);
	before = get();
	touch_all(MODEL_WRITE, 30, 38);
	after = get();
	assert_int_equal(after.counts.page_outs, before.counts.page_outs);
	assert_in_range(after.counts.unused_steals, 8, 20);
	assert_int_equal(after.loaned, 0);
	touch_all(MODEL_READ, 0, 38);
}

static void p19_a_page_that_is_used_again_has_its_content(void **state)
{
	(void)state;
	touch_all(MODEL_WRITE, 0, 20);
	hint_all(HV_HINT_UNUSED, 0, 20);
	hint_all(HV_HINT_ACTIVE, 0, 20);
	touch_all(MODEL_WRITE, 20, 60);
	assert_int_equal(get().counts.unused_steals, 0);
	touch_all(MODEL_READ, 0, 20); /* the model checks them */
}

static void p19_loaned_pages_are_counted_until_they_are_touched(void **state)
{
	uint64_t loaned;

	(void)state;
	touch_all(MODEL_WRITE, 0, 30);
	hint_all(HV_HINT_LOANED, 0, 10);
	touch_all(MODEL_WRITE, 30, 50);
	loaned = get().loaned;
	assert_in_range(loaned, 8, 10);
	assert_int_equal(get().counts.loaned_steals, loaned);
	touch(MODEL_READ, 3);
	assert_int_equal(get().loaned, loaned - 1);
	assert_int_equal(state_of(3), HV_PAGE_RESIDENT);
}

/* It was loaned while it was on its paging device: the slot is free, and no page-in. */
static void p19_a_stolen_page_that_is_loaned_gives_its_slot(void **state)
{
	struct hv_space_stat before, after;
	uint32_t page = 0;

	(void)state;
	touch_all(MODEL_WRITE, 0, 60);
	while (state_of(page) != HV_PAGE_STOLEN)
		page++;
	before = get();
	model_hint(kernel(), page, HV_HINT_LOANED);
	touch_all(MODEL_READ, 0, 60); /* reclaim comes by; touching unloans */
	after = get();
	assert_true(after.counts.loaned_steals >= before.counts.loaned_steals);
	assert_int_equal(after.loaned, 0);
}

/* Pages that never had a frame are loaned as well: they hold nobody up. */
static void p19_what_has_no_frame_counts_for_no_batch(void **state)
{
	(void)state;
	touch_all(MODEL_WRITE, 40, 60);
	hint_all(HV_HINT_LOANED, 0, 40);
	hint_all(HV_HINT_UNUSED, 40, 50);
	assert_int_equal(
		hv_spare_take(world.members[0].space, 4, HV_HINT_UNUSED, world.now_ns),
		4);
	assert_int_equal(get().loaned, 40);
	assert_int_equal(get().counts.loaned_steals, 0);
}

static void p19_critical_pages_leave_last(void **state)
{
	(void)state;
	touch_all(MODEL_WRITE, 0, 20);
	hint_all(HV_HINT_CRITICAL, 0, 20);
	touch_all(MODEL_WRITE, 20, 60);
	for (uint32_t page = 0; page < 20; page++)
		assert_int_equal(state_of(page), HV_PAGE_RESIDENT);
	/* nothing else is left: for a fault that waits they go, too */
	hint_all(HV_HINT_CRITICAL, 20, 60);
	touch_all(MODEL_WRITE, 60, 64);
	touch_all(MODEL_READ, 0, 64);
}

static void p19_what_can_be_had_again_goes_before_what_must_be_written(void **state)
{
	struct hv_space_stat after;

	(void)state;
	touch_all(MODEL_WRITE, 0, 30);
	hint_all(HV_HINT_EXPENDABLE, 0, 5);
	hint_all(HV_HINT_LATENT, 5, 10);
	touch_all(MODEL_WRITE, 30, 45);
	after = get();
	assert_in_range(after.counts.dropped_steals, 4, 10);
}

static void m7_pages_under_io_never_leave(void **state)
{
	(void)state;
	touch_all(MODEL_WRITE, 0, 10);
	for (uint32_t page = 0; page < 10; page++)
		kernel()->pages[page].is_under_io = true;
	touch_all(MODEL_WRITE, 10, 64); /* the model objects */
	for (uint32_t page = 0; page < 10; page++) {
		assert_int_equal(state_of(page), HV_PAGE_RESIDENT);
		kernel()->pages[page].is_under_io = false;
	}
}

static void p19_what_cannot_be_punched_is_given_back(void **state)
{
	(void)state;
	touch_all(MODEL_WRITE, 0, 30);
	hint_all(HV_HINT_UNUSED, 0, 20);
	kernel()->fail_in = 1;
	kernel()->fail_code = HV_E_AGAIN;
	assert_int_equal(
		hv_spare_take(world.members[0].space, 4, HV_HINT_UNUSED, world.now_ns),
		0);
	for (uint32_t page = 0; page < 20; page++)
		assert_int_equal(kernel()->pages[page].hint, HV_HINT_UNUSED);
	assert_int_equal(
		hv_spare_take(world.members[0].space, 4, HV_HINT_UNUSED, world.now_ns),
		4);
}

static void p19_nonsense_is_no_hint(void **state)
{
	(void)state;
	touch_all(MODEL_WRITE, 0, 20);
	for (uint32_t page = 0; page < 20; page++)
		kernel()->pages[page].hint = (uint8_t)(6 + page * 13);
	touch_all(MODEL_WRITE, 20, 60);
	for (uint32_t page = 0; page < 20; page++)
		kernel()->pages[page].hint = HV_HINT_ACTIVE;
	touch_all(MODEL_READ, 0, 20);
	assert_int_equal(get().counts.unused_steals, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			p19_unused_pages_leave_first_and_without_io, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			p19_a_page_that_is_used_again_has_its_content, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			p19_loaned_pages_are_counted_until_they_are_touched, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(
			p19_a_stolen_page_that_is_loaned_gives_its_slot, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(p19_what_has_no_frame_counts_for_no_batch,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(p19_critical_pages_leave_last, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			p19_what_can_be_had_again_goes_before_what_must_be_written,
			set_up, tear_down),
		cmocka_unit_test_setup_teardown(m7_pages_under_io_never_leave, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(p19_what_cannot_be_punched_is_given_back,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(p19_nonsense_is_no_hint, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
