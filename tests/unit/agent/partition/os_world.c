/* os_world - see os_world.h. */
#include "tests/unit/agent/partition/os_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static bool model_write(void *ctx, uint32_t frame,
			const struct partition_content *content)
{
	struct os_world *world = ctx;

	assert_true(frame < OS_WORLD_FRAMES_MAX);
	assert_int_equal(content->key, OS_WORLD_KEY);
	world->hint_errors += world->hints[frame] != HV_HINT_ACTIVE;
	world->frames[frame] = (struct os_world_cell){ content->page, content->version,
						       true };
	return true;
}

static bool model_check(void *ctx, uint32_t frame,
			const struct partition_content *content)
{
	struct os_world *world = ctx;
	const struct os_world_cell *at = &world->frames[frame];
	bool is_right = at->is_there && at->page == content->page &&
			at->version == content->version;

	world->hint_errors += world->hints[frame] != HV_HINT_ACTIVE;
	world->mismatches += !is_right;
	return is_right;
}

static bool model_load(void *ctx, uint32_t frame, uint8_t *into)
{
	struct os_world *world = ctx;

	world->hint_errors += world->hints[frame] != HV_HINT_ACTIVE;
	memcpy(into, &world->frames[frame], sizeof(struct os_world_cell));
	return true;
}

static bool model_fill(void *ctx, uint32_t frame, const uint8_t *from)
{
	struct os_world *world = ctx;

	world->hint_errors += world->hints[frame] != HV_HINT_ACTIVE;
	memcpy(&world->frames[frame], from, sizeof(struct os_world_cell));
	return true;
}

/* The hypervisor takes what is spare at times: it is gone, and said to be. */
static bool model_hint(void *ctx, uint32_t frame, enum hv_hint hint)
{
	struct os_world *world = ctx;
	bool is_kept = true;

	world->hinted++;
	if (hv_hint_is_spare(world->hints[frame]) &&
	    hv_rng_below(&world->rng, 100) < world->taken_percent) {
		world->frames[frame].is_there = false;
		is_kept = false;
	}
	world->hints[frame] = (uint8_t)hint;
	return is_kept;
}

static bool model_read(void *ctx, enum os_store store, uint64_t page, uint8_t *into)
{
	struct os_world *world = ctx;

	assert_true(page < OS_WORLD_PAGES);
	memcpy(into, &world->disk[store][page], sizeof(struct os_world_cell));
	return true;
}

static bool model_save(void *ctx, enum os_store store, uint64_t page, const uint8_t *from)
{
	struct os_world *world = ctx;

	assert_true(page < OS_WORLD_PAGES);
	if (world->is_full)
		return false;
	memcpy(&world->disk[store][page], from, sizeof(struct os_world_cell));
	return true;
}

struct os_memory_env os_world_env(struct os_world *world)
{
	return (struct os_memory_env){ .ctx = world,
				       .write = model_write,
				       .check = model_check,
				       .load = model_load,
				       .fill = model_fill,
				       .hint = model_hint,
				       .read = model_read,
				       .save = model_save };
}

enum hv_code os_world_try_open(struct os_world *world, enum os_loan_policy policy,
			       uint32_t process_pages, struct hv_err *err)
{
	struct os_memory_config config = { .frames = OS_WORLD_FRAMES,
					   .frames_max = OS_WORLD_FRAMES_MAX,
					   .process_pages = process_pages,
					   .file_pages = OS_WORLD_PAGES,
					   .key = OS_WORLD_KEY,
					   .policy = policy };
	struct os_memory_env env = os_world_env(world);

	return os_memory_open(&config, &env, &world->memory, err);
}

struct os_world *os_world_open(enum os_loan_policy policy, uint32_t process_pages)
{
	struct os_world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(os_world_try_open(world, policy, process_pages, NULL), HV_OK);
	world->kept = OS_WORLD_FRAMES;
	return world;
}

void os_world_close(struct os_world *world)
{
	os_memory_close(world->memory);
	free(world);
}

void os_world_use_all(struct os_world *world, uint32_t pages, bool is_file)
{
	for (uint32_t page = 0; page < pages; page++)
		assert_true(is_file ? os_memory_read_file(world->memory, page)
				    : os_memory_touch(world->memory, page, true));
}

void os_world_must_hold(struct os_world *world)
{
	struct os_memory_figures now = os_memory_figures(world->memory);
	struct hv_err err = { 0 };

	if (os_memory_audit(world->memory, &err) != HV_OK)
		fail_msg("%s", hv_err_text(&err));
	assert_int_equal(now.free + now.working + now.cache + now.loaned, now.frames);
	assert_int_equal(world->mismatches, 0);
	assert_int_equal(world->hint_errors, 0);
}

void os_world_all_is_right(struct os_world *world, uint32_t process_pages)
{
	struct os_memory_figures now = os_memory_figures(world->memory);

	for (uint32_t frame = 0; frame < now.frames; frame++)
		assert_true(os_memory_verify(world->memory, frame));
	for (uint32_t page = 0; page < process_pages; page++)
		assert_true(os_memory_touch(world->memory, page, false));
	os_world_must_hold(world);
}
