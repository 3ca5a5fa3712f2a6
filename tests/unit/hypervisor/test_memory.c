/*
 * Unit tests of hvcore/hypervisor/memory: a shared partition's memory and calls go to
 * their fault thread together, or not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "hvcore/hypervisor/hcalls.h"
#include "hvcore/hypervisor/memory.h"
#include "tests/support/pager_world.h"

#define PAGES 64u

static struct world world;
static struct fault_thread thread;
static struct memory memory;

static int set_up(void **state)
{
	const struct hv_calls_config calls = { .hpt_bytes = UINT64_C(256) << 10,
					       .pages_max = PAGES,
					       .tce_windows = 2 };
	const struct hv_space_config space = {
		.pages = PAGES, .slots = PAGES + 16, .ops = &memory_ops, .ctx = &memory
	};

	(void)state;
	world_init(&world, &(struct world_config){ .members = 1,
						   .pages = PAGES,
						   .slots = PAGES + 16,
						   .threads = 1,
						   .frames = PAGES,
						   .fills = 4,
						   .reads = 4,
						   .writes = 8 });
	thread = (struct fault_thread){ .pager = world.pager,
					.epoll = epoll_create1(EPOLL_CLOEXEC) };
	assert_true(thread.epoll >= 0);
	memory = (struct memory){ .pages = PAGES, .max_pages = PAGES };
	memory.uffd = eventfd(0, EFD_CLOEXEC); /* no fault comes */
	assert_true(memory.uffd >= 0);
	assert_int_equal(hv_space_new(&space, &memory.space, NULL), HV_OK);
	assert_int_equal(hcalls_open(&calls, &memory, &memory.hcalls, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hcalls_close(memory.hcalls);
	hv_space_free(memory.space);
	(void)close(memory.uffd);
	(void)close(thread.epoll);
	world_fini(&world);
	return 0;
}

static void expect_nothing_is_served(void)
{
	assert_null(memory.thread);
	assert_null(memory.hcalls->thread);
	assert_null(thread.hcalls);
	assert_int_equal(thread.memory_count, 0);
}

static void memory_and_calls_are_served_together(void **state)
{
	(void)state;
	assert_int_equal(memory_add(&thread, &memory, NULL), HV_OK);
	assert_ptr_equal(memory.thread, &thread);
	assert_ptr_equal(thread.memories[0], &memory);
	assert_ptr_equal(thread.hcalls, memory.hcalls);
	hcalls_remove(memory.hcalls);
	hv_pager_end(thread.pager, memory.space);
	memory_remove(&memory);
	expect_nothing_is_served();
}

/* They would be served as if it were dedicated: mappings of pages that are not there. */
static void calls_of_memory_that_was_not_added_are_not_served(void **state)
{
	(void)state;
	(void)close(memory.uffd);
	memory.uffd = -1;
	assert_int_equal(memory_add(&thread, &memory, NULL), HV_E_OS);
	expect_nothing_is_served();
}

static void memory_whose_calls_were_not_added_is_not_served(void **state)
{
	(void)state;
	(void)close(memory.hcalls->doorbell);
	memory.hcalls->doorbell = -1;
	assert_int_equal(memory_add(&thread, &memory, NULL), HV_E_OS);
	expect_nothing_is_served();
}

static void memory_without_calls_is_served(void **state)
{
	struct hcalls *hcalls = memory.hcalls;

	(void)state;
	memory.hcalls = NULL;
	assert_int_equal(memory_add(&thread, &memory, NULL), HV_OK);
	assert_int_equal(thread.memory_count, 1);
	assert_null(thread.hcalls);
	hv_pager_end(thread.pager, memory.space);
	memory_remove(&memory);
	memory.hcalls = hcalls;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(memory_and_calls_are_served_together),
		TEST(calls_of_memory_that_was_not_added_are_not_served),
		TEST(memory_whose_calls_were_not_added_is_not_served),
		TEST(memory_without_calls_is_served),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
