/*
 * The operating system's memory over a model of frames and disks.
 *
 * Claim: every frame is in exactly one place at any time, and every page of the process
 * and of the file is what it must be, whatever leaves, is lent, dropped or paged; the
 * cache goes before working storage; what each policy may lend is lent, and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/partition/os_memory.h"
#include "hvcore/base/rng.h"
#include "tests/support/oom.h"
#include "tests/support/seed.h"

#define FRAMES 256
#define FRAMES_MAX 320
#define PAGES 512
#define KEY 0x1234

/* A page is its content: page number and version, or lost. */
struct cell {
	uint64_t page;
	uint32_t version;
	bool is_there;
};

struct world {
	struct cell frames[FRAMES_MAX], disk[OS_STORE_COUNT][PAGES];
	uint8_t hints[FRAMES_MAX];
	struct hv_rng rng;
	unsigned taken_percent; /* of frames that are said to be spare */
	bool is_full;           /* the disk */
	uint64_t mismatches, hint_errors;
	struct os_memory *memory;
};

static bool world_write(void *ctx, uint32_t frame,
			const struct partition_content *content)
{
	struct world *world = ctx;

	assert_true(frame < FRAMES_MAX);
	assert_int_equal(content->key, KEY);
	world->hint_errors += world->hints[frame] != HV_HINT_ACTIVE;
	world->frames[frame] = (struct cell){ content->page, content->version, true };
	return true;
}

static bool world_check(void *ctx, uint32_t frame,
			const struct partition_content *content)
{
	struct world *world = ctx;
	const struct cell *at = &world->frames[frame];
	bool is_right = at->is_there && at->page == content->page &&
			at->version == content->version;

	world->hint_errors += world->hints[frame] != HV_HINT_ACTIVE;
	world->mismatches += !is_right;
	return is_right;
}

static bool world_load(void *ctx, uint32_t frame, uint8_t *into)
{
	struct world *world = ctx;

	world->hint_errors += world->hints[frame] != HV_HINT_ACTIVE;
	memcpy(into, &world->frames[frame], sizeof(struct cell));
	return true;
}

static bool world_fill(void *ctx, uint32_t frame, const uint8_t *from)
{
	struct world *world = ctx;

	world->hint_errors += world->hints[frame] != HV_HINT_ACTIVE;
	memcpy(&world->frames[frame], from, sizeof(struct cell));
	return true;
}

/* The hypervisor takes what is spare at times: it is gone, and said to be. */
static bool world_hint(void *ctx, uint32_t frame, enum hv_hint hint)
{
	struct world *world = ctx;
	bool is_kept = true;

	if (hv_hint_is_spare(world->hints[frame]) &&
	    hv_rng_below(&world->rng, 100) < world->taken_percent) {
		world->frames[frame].is_there = false;
		is_kept = false;
	}
	world->hints[frame] = (uint8_t)hint;
	return is_kept;
}

static bool world_read(void *ctx, enum os_store store, uint64_t page, uint8_t *into)
{
	struct world *world = ctx;

	assert_true(page < PAGES);
	memcpy(into, &world->disk[store][page], sizeof(struct cell));
	return true;
}

static bool world_save(void *ctx, enum os_store store, uint64_t page, const uint8_t *from)
{
	struct world *world = ctx;

	assert_true(page < PAGES);
	if (world->is_full)
		return false;
	memcpy(&world->disk[store][page], from, sizeof(struct cell));
	return true;
}

static struct os_memory_env env_of(struct world *world)
{
	return (struct os_memory_env){ .ctx = world,
				       .write = world_write,
				       .check = world_check,
				       .load = world_load,
				       .fill = world_fill,
				       .hint = world_hint,
				       .read = world_read,
				       .save = world_save };
}

static enum hv_code try_open(struct world *world, enum os_loan_policy policy,
			     uint32_t process_pages, struct hv_err *err)
{
	struct os_memory_config config = { .frames = FRAMES,
					   .frames_max = FRAMES_MAX,
					   .process_pages = process_pages,
					   .file_pages = PAGES,
					   .key = KEY,
					   .policy = policy };
	struct os_memory_env env = env_of(world);

	return os_memory_open(&config, &env, &world->memory, err);
}

static struct world *open_world(enum os_loan_policy policy, uint32_t process_pages)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(try_open(world, policy, process_pages, NULL), HV_OK);
	return world;
}

static void close_world(struct world *world)
{
	os_memory_close(world->memory);
	free(world);
}

static void use_all(struct world *world, uint32_t pages, bool is_file)
{
	for (uint32_t page = 0; page < pages; page++)
		assert_true(is_file ? os_memory_read_file(world->memory, page)
				    : os_memory_touch(world->memory, page, true));
}

static void must_hold(struct world *world)
{
	struct os_memory_figures now = os_memory_figures(world->memory);
	struct hv_err err = { 0 };

	if (os_memory_audit(world->memory, &err) != HV_OK)
		fail_msg("%s", hv_err_text(&err));
	assert_int_equal(now.free + now.working + now.cache + now.loaned, now.frames);
	assert_int_equal(world->mismatches, 0);
	assert_int_equal(world->hint_errors, 0);
}

static void all_is_right(struct world *world, uint32_t process_pages)
{
	struct os_memory_figures now = os_memory_figures(world->memory);

	for (uint32_t frame = 0; frame < now.frames; frame++)
		assert_true(os_memory_verify(world->memory, frame));
	for (uint32_t page = 0; page < process_pages; page++)
		assert_true(os_memory_touch(world->memory, page, false));
	must_hold(world);
}

static void the_cache_goes_before_working_storage(void **state)
{
	struct world *world = open_world(OS_LOAN_OFF, FRAMES / 2);

	(void)state;
	use_all(world, FRAMES / 2, false);
	use_all(world, PAGES, true);
	assert_int_equal(os_memory_figures(world->memory).page_outs, 0);
	assert_int_equal(os_memory_figures(world->memory).working, FRAMES / 2);
	must_hold(world);
	close_world(world);
}

static void working_storage_that_does_not_fit_is_paged_and_comes_back(void **state)
{
	struct world *world = open_world(OS_LOAN_OFF, PAGES);

	(void)state;
	use_all(world, PAGES, true);
	use_all(world, PAGES, false);
	assert_true(os_memory_figures(world->memory).page_outs >= PAGES - FRAMES);
	assert_true(os_memory_figures(world->memory).cache > 0); /* its floor */
	all_is_right(world, PAGES);
	assert_true(os_memory_figures(world->memory).page_ins > 0);
	close_world(world);
}

static void a_clean_page_leaves_without_being_written_again(void **state)
{
	struct world *world = open_world(OS_LOAN_OFF, PAGES);
	uint64_t before;

	(void)state;
	use_all(world, PAGES, false);
	all_is_right(world, PAGES); /* all that were written have left by now */
	before = os_memory_figures(world->memory).page_outs;
	all_is_right(world, PAGES);
	assert_int_equal(os_memory_figures(world->memory).page_outs, before);
	close_world(world);
}

static void what_is_lent_is_free_pages_then_cache(void **state)
{
	struct world *world = open_world(OS_LOAN_CACHE, FRAMES / 2);

	(void)state;
	use_all(world, FRAMES / 2, false);
	use_all(world, FRAMES / 4, true);
	os_memory_loan(world->memory, FRAMES / 8);
	assert_int_equal(os_memory_figures(world->memory).loaned, FRAMES / 8);
	assert_int_equal(os_memory_figures(world->memory).cache, FRAMES / 4);
	os_memory_loan(world->memory, FRAMES);
	assert_in_range(os_memory_figures(world->memory).loaned, FRAMES * 3 / 8,
			FRAMES / 2);
	assert_int_equal(os_memory_figures(world->memory).working, FRAMES / 2);
	assert_int_equal(os_memory_figures(world->memory).page_outs, 0);
	os_memory_loan(world->memory, 0);
	assert_int_equal(os_memory_figures(world->memory).loaned, 0);
	all_is_right(world, FRAMES / 2);
	close_world(world);
}

static void policy_2_pages_working_storage_out_to_lend_it(void **state)
{
	struct world *world = open_world(OS_LOAN_WORKING, FRAMES - 8);

	(void)state;
	use_all(world, FRAMES - 8, false);
	for (unsigned s = 0; s < 20; s++)
		os_memory_loan(world->memory, FRAMES);
	/* but for an eighth, which stays its own */
	assert_int_equal(os_memory_figures(world->memory).loaned,
			 FRAMES - FRAMES / 8 - 1);
	assert_true(os_memory_figures(world->memory).page_outs > FRAMES / 2);
	all_is_right(world, FRAMES - 8);
	close_world(world);
}

static void what_is_missed_is_taken_back(void **state)
{
	struct world *world = open_world(OS_LOAN_WORKING, FRAMES - 8);
	uint64_t before;

	(void)state;
	use_all(world, FRAMES - 8, false);
	for (unsigned s = 0; s < 8; s++)
		os_memory_loan(world->memory, FRAMES / 2);
	before = os_memory_figures(world->memory).loaned;
	assert_int_equal(before, FRAMES / 2);
	all_is_right(world, FRAMES - 8);
	assert_true(os_memory_figures(world->memory).curable > 0);
	os_memory_loan(world->memory, FRAMES / 2);
	assert_true(os_memory_figures(world->memory).loaned < before);
	close_world(world);
}

static void a_process_that_grows_takes_back_what_is_lent(void **state)
{
	struct world *world = open_world(OS_LOAN_CACHE, FRAMES - 16);

	(void)state;
	os_memory_loan(world->memory, FRAMES);
	assert_true(os_memory_figures(world->memory).loaned > FRAMES / 2);
	use_all(world, FRAMES - 16, false);
	assert_int_equal(os_memory_figures(world->memory).page_outs, 0);
	must_hold(world);
	close_world(world);
}

static void a_balloon_is_slow_and_takes_nothing_back_unasked(void **state)
{
	struct world *world = open_world(OS_LOAN_BALLOON, FRAMES - 8);

	(void)state;
	os_memory_loan(world->memory, FRAMES / 2);
	assert_in_range(os_memory_figures(world->memory).loaned, 1, FRAMES / 32);
	for (unsigned s = 0; s < 40; s++)
		os_memory_loan(world->memory, FRAMES / 2);
	use_all(world, FRAMES - 8, false);
	assert_int_equal(os_memory_figures(world->memory).loaned, FRAMES / 2);
	assert_true(os_memory_figures(world->memory).page_outs > 0);
	os_memory_loan(world->memory, 0);
	assert_in_range(os_memory_figures(world->memory).loaned, FRAMES * 3 / 8,
			FRAMES / 2 - 1);
	must_hold(world);
	close_world(world);
}

static void a_full_disk_loses_nothing(void **state)
{
	struct world *world = open_world(OS_LOAN_WORKING, PAGES);

	(void)state;
	world->is_full = true;
	for (uint32_t page = 0; page < PAGES; page++)
		(void)os_memory_touch(world->memory, page, true);
	assert_true(os_memory_figures(world->memory).io_errors > 0);
	assert_int_equal(os_memory_figures(world->memory).working, FRAMES);
	must_hold(world);
	world->is_full = false;
	all_is_right(world, PAGES);
	close_world(world);
}

static void a_dropped_page_of_the_cache_is_read_again(void **state)
{
	struct world *world = open_world(OS_LOAN_CACHE, 8);
	uint64_t reads;

	(void)state;
	use_all(world, FRAMES / 2, true);
	reads = os_memory_figures(world->memory).file_reads;
	world->taken_percent = 100;
	use_all(world, FRAMES / 2, true);
	assert_int_equal(os_memory_figures(world->memory).dropped, FRAMES / 2);
	assert_int_equal(os_memory_figures(world->memory).file_reads, reads + FRAMES / 2);
	must_hold(world);
	close_world(world);
}

static void a_lost_page_is_one_mismatch(void **state)
{
	struct world *world = open_world(OS_LOAN_OFF, 8);

	(void)state;
	use_all(world, 8, false);
	for (unsigned i = 0; i < FRAMES_MAX; i++)
		world->frames[i].is_there = false;
	assert_false(os_memory_touch(world->memory, 3, false));
	assert_true(os_memory_touch(world->memory, 3, false));
	assert_int_equal(world->mismatches, 1);
	close_world(world);
}

static bool give_all(struct world *world)
{
	for (unsigned i = 0; i < FRAMES_MAX && !os_memory_is_given(world->memory); i++)
		(void)os_memory_give(world->memory, 16);
	return os_memory_is_given(world->memory);
}

/* What the hypervisor has taken is gone. */
static void lose_the_rest(struct world *world)
{
	uint64_t frames = os_memory_figures(world->memory).frames;

	for (uint64_t frame = frames; frame < FRAMES_MAX; frame++)
		world->frames[frame].is_there = false;
}

static void what_is_given_back_is_emptied_first(void **state)
{
	struct world *world = open_world(OS_LOAN_CACHE, FRAMES / 4);
	struct os_memory_figures now;

	(void)state;
	use_all(world, FRAMES / 4, false); /* the top is used first */
	use_all(world, PAGES, true);
	os_memory_loan(world->memory, FRAMES / 4);
	os_memory_offer(world->memory, FRAMES / 2);
	must_hold(world);
	assert_false(os_memory_is_given(world->memory));
	assert_true(give_all(world));
	now = os_memory_figures(world->memory);
	assert_true(now.moved > 0);
	assert_int_equal(now.working, FRAMES / 4);
	assert_int_equal(now.page_outs, 0); /* there was room for all of it */
	must_hold(world);
	for (uint32_t frame = FRAMES / 2; frame < FRAMES; frame++)
		assert_int_equal(world->hints[frame], HV_HINT_UNUSED);
	os_memory_resize(world->memory, FRAMES / 2);
	lose_the_rest(world);
	assert_int_equal(os_memory_figures(world->memory).frames, FRAMES / 2);
	all_is_right(world, FRAMES / 4);
	use_all(world, PAGES, true);
	must_hold(world);
	close_world(world);
}

static void what_has_no_room_below_is_paged_out(void **state)
{
	struct world *world = open_world(OS_LOAN_OFF, FRAMES - 8);

	(void)state;
	use_all(world, FRAMES - 8, false);
	os_memory_offer(world->memory, FRAMES / 4);
	assert_true(give_all(world));
	assert_true(os_memory_figures(world->memory).page_outs >= FRAMES / 2);
	os_memory_resize(world->memory, FRAMES / 4);
	lose_the_rest(world);
	all_is_right(world, FRAMES - 8);
	os_memory_resize(world->memory, FRAMES); /* and back */
	all_is_right(world, FRAMES - 8);
	close_world(world);
}

static void what_was_offered_and_not_taken_is_used_again(void **state)
{
	struct world *world = open_world(OS_LOAN_OFF, FRAMES - 8);

	(void)state;
	use_all(world, FRAMES - 8, false);
	os_memory_offer(world->memory, FRAMES / 4);
	assert_true(give_all(world));
	os_memory_offer(world->memory, FRAMES / 2); /* less is wanted after all */
	must_hold(world);
	assert_true(os_memory_is_given(world->memory));
	os_memory_resize(world->memory, FRAMES);
	use_all(world, FRAMES - 8, false);
	assert_in_range(os_memory_figures(world->memory).working, FRAMES - 16, FRAMES);
	all_is_right(world, FRAMES - 8);
	close_world(world);
}

static void what_cannot_be_written_is_not_given(void **state)
{
	struct world *world = open_world(OS_LOAN_OFF, FRAMES - 8);

	(void)state;
	use_all(world, FRAMES - 8, false);
	world->is_full = true;
	os_memory_offer(world->memory, FRAMES / 4);
	assert_false(give_all(world));
	assert_true(os_memory_figures(world->memory).io_errors > 0);
	must_hold(world);
	world->is_full = false;
	assert_true(give_all(world)); /* tried again */
	all_is_right(world, FRAMES - 8);
	close_world(world);
}

static void step_resize(struct world *world, uint64_t draw)
{
	struct os_memory_figures now = os_memory_figures(world->memory);
	uint32_t frames = 1 + (uint32_t)hv_rng_below(&world->rng, FRAMES_MAX);

	if (draw < 2)
		os_memory_offer(world->memory, frames);
	else if (draw < 6)
		(void)os_memory_give(world->memory, 1 + frames % 64);
	else if (draw < 8 && now.frames < FRAMES_MAX)
		os_memory_resize(world->memory, (uint32_t)now.frames + 1);
	else if (os_memory_is_given(world->memory))
		os_memory_resize(world->memory, os_memory_kept(world->memory));
	lose_the_rest(world);
}

static void step(struct world *world, uint32_t process_pages)
{
	uint64_t draw = hv_rng_below(&world->rng, 1000);
	uint32_t page = (uint32_t)hv_rng_below(&world->rng, PAGES);
	struct os_memory_figures now = os_memory_figures(world->memory);

	world->is_full = draw % 16 == 0;
	if (draw < 500)
		assert_true(os_memory_touch(world->memory, page % process_pages,
					    draw % 2 == 0));
	else if (draw < 950)
		assert_true(os_memory_read_file(world->memory, page));
	else if (draw < 990)
		os_memory_loan(world->memory, hv_rng_below(&world->rng, FRAMES_MAX));
	else if (draw < 995)
		assert_true(os_memory_verify(world->memory, page % now.frames));
	else
		step_resize(world, hv_rng_below(&world->rng, 10));
}

static void every_page_is_in_one_place_and_right(void **state)
{
	struct hv_rng rng = { .state = test_seed() };

	(void)state;
	for (unsigned game = 0; game < 12; game++) {
		uint32_t pages = 1 + (uint32_t)hv_rng_below(&rng, PAGES);
		struct world *world = open_world(game % OS_LOAN_POLICY_COUNT, pages);

		world->rng.state = hv_rng_next(&rng);
		world->taken_percent = (unsigned)hv_rng_below(&rng, 101);
		for (unsigned i = 0; i < 3000; i++) {
			step(world, pages);
			if (i % 64 == 0)
				must_hold(world);
		}
		world->is_full = false;
		all_is_right(world, pages);
		close_world(world);
	}
}

static void what_makes_no_sense_is_refused(void **state)
{
	struct world world = { 0 };
	struct os_memory_config config = { .frames = 1,
					   .frames_max = 1,
					   .process_pages = 1,
					   .file_pages = 1,
					   .policy = OS_LOAN_CACHE };
	struct os_memory_env env = env_of(&world);

	(void)state;
	env.hint = NULL;
	assert_int_equal(os_memory_open(&config, &env, &world.memory, NULL), HV_E_INVAL);
	config.policy = OS_LOAN_OFF;
	config.frames = 2;
	assert_int_equal(os_memory_open(&config, &env, &world.memory, NULL), HV_E_INVAL);
}

static void each_allocation_may_fail(void **state)
{
	static struct world world;
	struct hv_err err;

	(void)state;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = try_open(&world, OS_LOAN_CACHE, 8, &err);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			break;
		}
		assert_int_equal(code, HV_E_NOMEM);
	}
	os_memory_close(world.memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_cache_goes_before_working_storage),
		cmocka_unit_test(
			working_storage_that_does_not_fit_is_paged_and_comes_back),
		cmocka_unit_test(a_clean_page_leaves_without_being_written_again),
		cmocka_unit_test(what_is_lent_is_free_pages_then_cache),
		cmocka_unit_test(policy_2_pages_working_storage_out_to_lend_it),
		cmocka_unit_test(what_is_missed_is_taken_back),
		cmocka_unit_test(a_process_that_grows_takes_back_what_is_lent),
		cmocka_unit_test(a_balloon_is_slow_and_takes_nothing_back_unasked),
		cmocka_unit_test(a_full_disk_loses_nothing),
		cmocka_unit_test(what_is_given_back_is_emptied_first),
		cmocka_unit_test(what_has_no_room_below_is_paged_out),
		cmocka_unit_test(what_was_offered_and_not_taken_is_used_again),
		cmocka_unit_test(what_cannot_be_written_is_not_given),
		cmocka_unit_test(a_dropped_page_of_the_cache_is_read_again),
		cmocka_unit_test(a_lost_page_is_one_mismatch),
		cmocka_unit_test(every_page_is_in_one_place_and_right),
		cmocka_unit_test(what_makes_no_sense_is_refused),
		cmocka_unit_test(each_allocation_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
