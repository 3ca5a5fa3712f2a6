/* The store of compressed pages: what is put is got, and the frames are right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/rng.h"
#include "hvcore/pager/tier_priv.h"
#include "tests/support/oom.h"

#define CHUNKS 8u
#define CHUNK_PAGES 4u
#define FRAMES 64u
#define HALF 2048u /* bytes of a page that are noise: two dozen do not fit a chunk */
#define PER_CHUNK 7u
#define OWNER 3u

static struct hv_frames frames;
static struct hv_tier *tier;
static _Alignas(HV_PAGE_BYTES) uint8_t memory[CHUNKS * CHUNK_PAGES * HV_PAGE_BYTES];
static uint32_t places[1024]; /* by page; 0xffffffff none */
static uint64_t there;        /* bytes that were filled */
static bool has_memory;
static int64_t others; /* frames that somebody else has */

static bool fill(void *ctx, uint64_t at, uint64_t bytes)
{
	(void)ctx;
	assert_true(at + bytes <= sizeof(memory));
	there += has_memory ? bytes : 0;
	return has_memory;
}

static void punch(void *ctx, uint64_t at, uint64_t bytes)
{
	(void)ctx;
	memset(memory + at, 0xee, bytes);
	there -= bytes;
}

static void moved(void *ctx, const struct hv_tier_object *object, uint32_t old)
{
	(void)ctx;
	assert_int_equal(object->owner, OWNER);
	assert_int_equal(places[object->page], old);
	places[object->page] = object->place;
}

static const struct hv_tier_mover mover = { moved, NULL };
static const struct hv_tier_memory own = { .base = memory,
					   .bytes = sizeof(memory),
					   .chunk_pages = CHUNK_PAGES,
					   .fill = fill,
					   .punch = punch };

static bool is_there(void *ctx, const struct hv_tier_object *object)
{
	(void)ctx;
	return object->owner == OWNER && places[object->page] == object->place;
}

static void check(void)
{
	struct hv_err err;

	if (hv_tier_audit(tier, is_there, NULL, &err) != HV_OK)
		fail_msg("%s", err.text);
	assert_int_equal(there, hv_tier_frames(tier) * HV_PAGE_BYTES);
	assert_int_equal(hv_frames_packed(&frames), hv_tier_frames(tier));
	assert_int_equal(hv_frames_free(&frames) + (int64_t)hv_tier_frames(tier) + others,
			 hv_frames_total(&frames));
}

static int set_up(void **state)
{
	(void)state;
	there = 0;
	has_memory = true;
	memset(places, 0xff, sizeof(places));
	hv_frames_init(&frames, FRAMES);
	hv_frames_pack_most(&frames, CHUNKS * CHUNK_PAGES);
	assert_int_equal(hv_tier_new(&own, &frames, &tier, NULL), HV_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	check();
	if (others > 0)
		(void)hv_frames_give(&frames, (uint64_t)others);
	others = 0;
	hv_tier_drop_all(tier);
	assert_int_equal(hv_tier_frames(tier), 0);
	assert_int_equal(there, 0);
	assert_int_equal(hv_frames_free(&frames), hv_frames_total(&frames));
	hv_tier_free(tier);
	return 0;
}

/* So many bytes of noise, which the number decides; the rest is zeros. */
static void make(uint8_t *page, uint32_t number, unsigned noise)
{
	struct hv_rng rng = { number + 1 };

	memset(page, 0, HV_PAGE_BYTES);
	for (unsigned i = 0; i < noise; i++)
		page[i] = (uint8_t)hv_rng_next(&rng);
}

static enum hv_tier_put put(uint32_t number, unsigned noise)
{
	struct hv_tier_object object = { .page = number, .owner = OWNER };
	uint8_t page[HV_PAGE_BYTES];
	uint32_t place = UINT32_MAX;
	enum hv_tier_put how;

	make(page, number, noise);
	how = hv_tier_put(tier, &object, page, &mover, &place);
	assert_true((how == HV_TIER_PUT) == (place != UINT32_MAX));
	if (how == HV_TIER_PUT)
		places[number] = place;
	check();
	return how;
}

static void drop(uint32_t number)
{
	hv_tier_drop(tier, places[number]);
	places[number] = UINT32_MAX;
	check();
}

static void check_page(uint32_t number, unsigned noise)
{
	uint8_t expected[HV_PAGE_BYTES], page[HV_PAGE_BYTES];

	make(expected, number, noise);
	assert_true(hv_tier_get(tier, places[number], page));
	assert_memory_equal(page, expected, sizeof(page));
}

/* Until there is no room; returns how many. */
static uint32_t fill_up(void)
{
	uint32_t count = 0;

	while (put(count, HALF) == HV_TIER_PUT)
		count++;
	return count;
}

static void what_is_put_is_got(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 3 * PER_CHUNK; i++)
		assert_int_equal(put(i, 100 * i % HALF), HV_TIER_PUT);
	for (uint32_t i = 0; i < 3 * PER_CHUNK; i++)
		check_page(i, 100 * i % HALF);
	assert_int_equal(hv_tier_objects(tier), 3 * PER_CHUNK);
}

static void what_does_not_compress_is_refused(void **state)
{
	(void)state;
	assert_int_equal(put(0, HV_PAGE_BYTES), HV_TIER_REFUSED);
	assert_int_equal(put(1, HV_TIER_PACKED_MAX + 100), HV_TIER_REFUSED);
	assert_int_equal(hv_tier_frames(tier), 0);
	assert_int_equal(put(2, HV_TIER_PACKED_MAX - 100), HV_TIER_PUT);
	check_page(2, HV_TIER_PACKED_MAX - 100);
}

static void it_holds_no_more_than_it_may(void **state)
{
	uint32_t count;

	(void)state;
	hv_frames_pack_most(&frames, 3 * CHUNK_PAGES + 1);
	count = fill_up();
	/* one more is what pages are moved to */
	assert_int_equal(count, 2 * PER_CHUNK);
	assert_int_equal(hv_tier_frames(tier), 3 * CHUNK_PAGES);
	for (uint32_t i = 0; i < count; i++)
		check_page(i, HALF);
}

static void without_a_free_frame_there_is_no_room(void **state)
{
	bool is_low;

	(void)state;
	for (; hv_frames_free(&frames) >= CHUNK_PAGES; others++)
		assert_true(hv_frames_take(&frames, 0, &is_low));
	assert_int_equal(put(0, HALF), HV_TIER_NO_ROOM);
}

static void p12_memory_that_is_not_there_is_not_touched(void **state)
{
	(void)state;
	has_memory = false;
	assert_int_equal(put(0, HALF), HV_TIER_NO_ROOM);
	has_memory = true;
	assert_int_equal(put(0, HALF), HV_TIER_PUT);
}

static void the_reserve_lets_packing_begin_without_a_free_frame(void **state)
{
	(void)state;
	hv_tier_tend(tier, true, &mover);
	assert_int_equal(hv_tier_frames(tier), CHUNK_PAGES);
	has_memory = false; /* nor any other */
	for (uint32_t i = 0; i < PER_CHUNK; i++)
		assert_int_equal(put(i, HALF), HV_TIER_PUT);
	assert_int_equal(put(PER_CHUNK, HALF), HV_TIER_NO_ROOM);
}

static void what_is_not_wanted_is_given_back(void **state)
{
	(void)state;
	hv_tier_tend(tier, true, &mover);
	hv_tier_tend(tier, true, &mover);
	assert_int_equal(hv_tier_frames(tier), CHUNK_PAGES);
	hv_tier_tend(tier, false, &mover);
	assert_int_equal(hv_tier_frames(tier), 0);
	assert_int_equal(put(0, HALF), HV_TIER_PUT);
	hv_tier_tend(tier, true, &mover);
	assert_int_equal(hv_tier_frames(tier), 2 * CHUNK_PAGES);
	hv_tier_tend(tier, false, &mover);
	assert_int_equal(hv_tier_frames(tier), CHUNK_PAGES);
	drop(0);
	hv_tier_tend(tier, false, &mover);
	assert_int_equal(hv_tier_frames(tier), 0);
}

static void an_empty_chunk_goes_back_but_for_the_reserve(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 4 * PER_CHUNK; i++)
		assert_int_equal(put(i, HALF), HV_TIER_PUT);
	hv_tier_tend(tier, true, &mover);
	assert_int_equal(hv_tier_frames(tier), 5 * CHUNK_PAGES);
	for (uint32_t i = 0; i < 2 * PER_CHUNK; i++)
		drop(i);
	assert_int_equal(hv_tier_frames(tier), 3 * CHUNK_PAGES);
	for (uint32_t i = 2 * PER_CHUNK; i < 4 * PER_CHUNK; i++)
		check_page(i, HALF);
}

static void gaps_are_closed_when_there_is_no_room(void **state)
{
	uint32_t count = fill_up(), next = count;

	(void)state;
	assert_int_equal(count, (CHUNKS - 1) * PER_CHUNK);
	for (uint32_t i = 0; i < count; i += 2)
		drop(i);
	while (put(next, HALF) == HV_TIER_PUT)
		next++;
	/* not every gap: a chunk is moved when an eighth of it is gaps */
	assert_true(next - count >= count / 2 - 2 * PER_CHUNK);
	for (uint32_t i = 0; i < next; i++)
		if (places[i] != UINT32_MAX)
			check_page(i, HALF);
	assert_int_equal(hv_tier_frames(tier), CHUNKS * CHUNK_PAGES);
}

static void the_oldest_are_found_first_whatever_was_moved(void **state)
{
	struct hv_tier_object oldest[4];
	uint32_t count = fill_up();

	(void)state;
	/* of the second and third chunk little is left: these are moved */
	for (uint32_t i = PER_CHUNK; i < 3 * PER_CHUNK; i++)
		if (i % PER_CHUNK > 1)
			drop(i);
	for (uint32_t i = count; i < count + PER_CHUNK; i++)
		assert_int_equal(put(i, HALF), HV_TIER_PUT);
	for (uint32_t i = 0; i < PER_CHUNK; i++)
		drop(i);
	assert_int_equal(hv_tier_oldest(tier, oldest, 4), 4);
	for (unsigned i = 0; i < 4; i++)
		assert_true(oldest[i].page < 3 * PER_CHUNK);
}

static void what_is_held_is_neither_moved_nor_found(void **state)
{
	struct hv_tier_object oldest[2];
	uint32_t count = fill_up(), place = places[0];

	(void)state;
	hv_tier_hold(tier, place, true);
	for (uint32_t i = 1; i < count; i += 2)
		drop(i);
	for (uint32_t i = count; put(i, HALF) == HV_TIER_PUT;)
		i++;
	assert_int_equal(places[0], place);
	assert_int_equal(hv_tier_oldest(tier, oldest, 2), 2);
	assert_int_not_equal(oldest[0].page, 0);
	hv_tier_hold(tier, place, false);
	assert_int_equal(hv_tier_oldest(tier, oldest, 1), 1);
	assert_int_equal(oldest[0].page, 0);
	check_page(0, HALF);
}

static void what_is_to_leave_is_said(void **state)
{
	uint32_t count;

	(void)state;
	assert_int_equal(hv_tier_excess(tier), 0);
	count = fill_up();
	assert_true(hv_tier_excess(tier) > 0);
	for (uint32_t i = 0; i < count / 4; i++)
		hv_tier_hold(tier, places[i], true);
	assert_int_equal(hv_tier_excess(tier), 0); /* these leave already */
	hv_frames_pack_most(&frames, CHUNK_PAGES);
	assert_true(hv_tier_excess(tier) >= (uint64_t)count / 2 * HALF);
	for (uint32_t i = 0; i < count / 4; i++)
		hv_tier_hold(tier, places[i], false);
}

static void more_than_it_may_is_given_back_as_pages_leave(void **state)
{
	uint32_t count = fill_up();

	(void)state;
	hv_frames_pack_most(&frames, 0);
	for (uint32_t i = 0; i < count; i++) {
		drop(i);
		hv_tier_tend(tier, true, &mover);
	}
	hv_tier_tend(tier, true, &mover);
	assert_int_equal(hv_tier_frames(tier), 0);
}

static void m4_damage_is_found_and_bounded(void **state)
{
	struct hv_rng rng = { 7 };
	uint8_t page[HV_PAGE_BYTES];
	unsigned bad = 0;

	(void)state;
	assert_int_equal(put(0, HALF), HV_TIER_PUT);
	for (unsigned i = 0; i < 10000; i++) {
		uint8_t *at = memory + (size_t)places[0] * HV_TIER_UNIT +
			      sizeof(struct hv_tier_head) + hv_rng_below(&rng, HALF);
		uint8_t was = *at;

		*at = (uint8_t)hv_rng_next(&rng);
		bad += !hv_tier_get(tier, places[0], page);
		*at = was;
	}
	assert_true(bad > 0); /* what it does not find the checksum does */
	check_page(0, HALF);
}

static void whoever_waits_for_frames_is_named(void **state)
{
	bool is_low;

	(void)state;
	assert_int_equal(put(0, HALF), HV_TIER_PUT);
	while (hv_frames_take(&frames, 5, &is_low))
		others++;
	drop(0);
	hv_tier_tend(tier, false, &mover);
	assert_int_equal(hv_tier_news(tier).thirsty, 1u << 5);
	assert_int_equal(hv_tier_news(tier).thirsty, 0);
}

static void the_pool_that_falls_below_low_water_is_said(void **state)
{
	bool is_low;

	(void)state;
	for (; hv_frames_free(&frames) > hv_frames_low(&frames); others++)
		assert_true(hv_frames_take(&frames, 0, &is_low));
	assert_int_equal(put(0, HALF), HV_TIER_PUT);
	assert_true(hv_tier_news(tier).is_low);
	assert_false(hv_tier_news(tier).is_low);
}

static void each_allocation_may_fail(void **state)
{
	struct hv_tier *other = NULL;
	enum hv_code code;

	(void)state;
	for (unsigned nth = 1;; nth++) {
		oom_arm(nth);
		code = hv_tier_new(&own, &frames, &other, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(other);
	}
	assert_int_equal(code, HV_OK);
	assert_true(hv_tier_bytes(other) > 0);
	hv_tier_free(other);
	hv_tier_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_put_is_got),
		TEST(what_does_not_compress_is_refused),
		TEST(it_holds_no_more_than_it_may),
		TEST(without_a_free_frame_there_is_no_room),
		TEST(p12_memory_that_is_not_there_is_not_touched),
		TEST(the_reserve_lets_packing_begin_without_a_free_frame),
		TEST(what_is_not_wanted_is_given_back),
		TEST(an_empty_chunk_goes_back_but_for_the_reserve),
		TEST(gaps_are_closed_when_there_is_no_room),
		TEST(the_oldest_are_found_first_whatever_was_moved),
		TEST(what_is_held_is_neither_moved_nor_found),
		TEST(what_is_to_leave_is_said),
		TEST(more_than_it_may_is_given_back_as_pages_leave),
		TEST(m4_damage_is_found_and_bounded),
		TEST(whoever_waits_for_frames_is_named),
		TEST(the_pool_that_falls_below_low_water_is_said),
		TEST(each_allocation_may_fail),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
