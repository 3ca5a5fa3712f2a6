/* memory: every byte is looked at, what is given back is gone, and comes back new. */
#include "deploy/guest/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define MIB 8
#define PAGES (MIB * 256u)

struct bench {
	struct guest_memory memory;
	struct guest_bad last;
	unsigned told;
};

static void on_bad(void *owner, const struct guest_bad *bad)
{
	struct bench *bench = owner;

	bench->last = *bad;
	bench->told++;
}

static int set_up(void **state)
{
	static struct bench bench;

	bench = (struct bench){ .told = 0 };
	assert_int_equal(guest_memory_open(MIB, 7, &bench.memory, NULL), HV_OK);
	bench.memory.on_bad = on_bad;
	bench.memory.owner = &bench;
	*state = &bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	guest_memory_close(&bench->memory);
	return 0;
}

static void fill(struct guest_memory *memory)
{
	while (guest_memory_fill(memory, 100))
		assert_true(memory->present <= memory->wanted);
}

static uint64_t count_bad(struct guest_memory *memory)
{
	uint64_t bad = 0;

	for (uint64_t page = 0; page < memory->present; page++)
		bad += !guest_memory_check(memory, page);
	return bad;
}

static void too_little_is_refused(void **state)
{
	struct guest_memory memory = { .pages = 99 };

	(void)state;
	assert_int_equal(guest_memory_open(0, 1, &memory, NULL), HV_E_INVAL);
	assert_int_equal(guest_memory_open(1, 1, &memory, NULL), HV_E_INVAL);
	assert_int_equal(memory.pages, 99);
	guest_memory_close(NULL);
}

static void what_cannot_be_mapped_is_an_error(void **state)
{
	struct guest_memory memory;

	(void)state;
	assert_int_equal(guest_memory_open(UINT64_MAX >> 21, 1, &memory, NULL),
			 HV_E_NOMEM);
}

static void it_is_filled_in_pieces(void **state)
{
	struct bench *bench = *state;
	struct guest_memory *memory = &bench->memory;

	assert_int_equal(memory->present, 0);
	guest_memory_step(memory); /* nothing there: nothing done */
	assert_int_equal(memory->ops, 0);
	assert_true(guest_memory_fill(memory, 10));
	assert_int_equal(memory->present, 10);
	fill(memory);
	assert_int_equal(memory->present, PAGES);
	assert_int_equal(count_bad(memory), 0);
}

static void operations_pass_over_every_page(void **state)
{
	struct bench *bench = *state;
	struct guest_memory *memory = &bench->memory;
	uint64_t written = 0;

	fill(memory);
	while (memory->passes < 2)
		guest_memory_step(memory);
	assert_in_range(memory->ops, PAGES * 7, PAGES * 9); /* every fourth is in order */
	assert_int_equal(memory->bad, 0);
	for (uint64_t page = 0; page < PAGES; page++)
		written += memory->versions[page] - 1;
	assert_in_range(written, memory->ops / 4, memory->ops / 2);
}

static void any_wrong_byte_is_told_once(void **state)
{
	struct bench *bench = *state;
	struct guest_memory *memory = &bench->memory;

	fill(memory);
	for (unsigned at = 0; at < HV_PAGE_BYTES; at += 251) {
		uint64_t page = at % PAGES;

		memory->base[page * HV_PAGE_BYTES + at] ^= 0x40;
		bench->told = 0;
		assert_int_equal(count_bad(memory), 1);
		assert_int_equal(bench->told, 1);
		assert_int_equal(bench->last.page, page);
		assert_int_equal(bench->last.found.first_bad_byte, at - at % 8);
		assert_int_equal(count_bad(memory), 0);
	}
}

static void an_older_page_and_anothers_are_wrong(void **state)
{
	struct bench *bench = *state;
	struct guest_memory *memory = &bench->memory;
	static uint8_t old[HV_PAGE_BYTES];

	fill(memory);
	memcpy(old, memory->base, sizeof(old));
	while (memory->versions[0] == 1)
		guest_memory_step(memory);
	memcpy(memory->base, old, sizeof(old));
	assert_false(guest_memory_check(memory, 0));
	assert_int_equal(bench->last.found.version, 1);
	memcpy(memory->base + 3 * HV_PAGE_BYTES, old, sizeof(old));
	assert_false(guest_memory_check(memory, 3));
	assert_int_equal(bench->last.found.page, 0);
	memset(memory->base + 4 * HV_PAGE_BYTES, 0, HV_PAGE_BYTES);
	assert_false(guest_memory_check(memory, 4));
	assert_int_equal(memory->bad, 3);
}

static void what_is_given_back_comes_back_new(void **state)
{
	struct bench *bench = *state;
	struct guest_memory *memory = &bench->memory;

	fill(memory);
	assert_int_equal(guest_memory_free(memory, 50), PAGES / 2);
	assert_int_equal(memory->base[PAGES / 2 * HV_PAGE_BYTES], 0);
	assert_int_equal(memory->versions[PAGES / 2], 1);
	assert_int_equal(guest_memory_free(memory, 50), 0);
	assert_false(guest_memory_fill(memory, 1)); /* until it is wanted again */
	while (memory->passes < 2)
		guest_memory_step(memory);
	assert_int_equal(memory->present, PAGES / 2);
	guest_memory_want_all(memory);
	fill(memory);
	assert_int_equal(memory->present, PAGES);
	assert_int_equal(memory->versions[PAGES / 2], 2);
	assert_int_equal(count_bad(memory), 0);
}

static void all_of_it_can_be_given_back(void **state)
{
	struct bench *bench = *state;
	struct guest_memory *memory = &bench->memory;

	assert_true(guest_memory_fill(memory, GUEST_PIECE_PAGES * 2));
	assert_int_equal(guest_memory_free(memory, 1), 0); /* of what is not there yet */
	assert_int_equal(memory->wanted, PAGES - GUEST_PIECE_PAGES);
	assert_int_equal(guest_memory_free(memory, 100), GUEST_PIECE_PAGES * 2);
	guest_memory_step(memory);
	assert_int_equal(memory->ops, 0);
	guest_memory_want_all(memory);
	fill(memory);
	assert_int_equal(count_bad(memory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_little_is_refused),
		cmocka_unit_test(what_cannot_be_mapped_is_an_error),
		cmocka_unit_test_setup_teardown(it_is_filled_in_pieces, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(operations_pass_over_every_page, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(any_wrong_byte_is_told_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_older_page_and_anothers_are_wrong,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_given_back_comes_back_new, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(all_of_it_can_be_given_back, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
