/*
 * os_memory_give - frames come and go; see os_memory.h.
 *
 * What is to be given back is the top: frames from `keep` on. A free one there is set
 * aside at once, a page of the cache is dropped, working storage that was used lately
 * moves to a frame that stays, and the rest goes to the paging device.
 */
#include "agent/partition/os_memory_priv.h"

#include <stdlib.h>

#include "hvcore/base/invariant.h"

#define LOOKS_SHARE 16 /* frames looked at for one that is emptied; arbitrary */

/* Of a list, what is below `keep` stays on it; of what is lent the rest is no more. */
static void split(struct os_memory *memory, enum state state)
{
	uint32_t at = memory->first[state], next;

	memory->first[state] = NONE;
	memory->count[state] = 0;
	for (; at != NONE; at = next) {
		next = memory->frames[at].what;
		os_memory_put(memory, state, at);
		if (state == LOANED && memory->frames[at].state == ASIDE)
			(void)os_memory_say(memory, at, HV_HINT_UNUSED);
	}
}

/* Set aside, and below `keep` now. */
static void use_again(struct os_memory *memory)
{
	for (uint32_t at = 0; at < memory->keep && memory->count[ASIDE] > 0; at++) {
		if (memory->frames[at].state != ASIDE)
			continue;
		memory->count[ASIDE]--;
		os_memory_put(memory, FREE, at);
	}
}

void os_memory_offer(struct os_memory *memory, uint32_t frames)
{
	HV_INVARIANT(frames > 0);
	memory->keep = frames < memory->config.frames ? frames : memory->config.frames;
	memory->giving = memory->keep;
	split(memory, FREE);
	split(memory, LOANED);
	use_again(memory);
}

bool os_memory_is_given(const struct os_memory *memory)
{
	return memory->count[ASIDE] == memory->config.frames - memory->keep;
}

/* Where it may stay: for what is not used lately nobody else has to go. */
static uint32_t new_place(struct os_memory *memory, bool is_used)
{
	uint32_t to;

	if (is_used)
		return os_memory_get(memory);
	if (memory->count[FREE] <= os_memory_share(memory, LOW_SHARE))
		return NONE;
	to = os_memory_pop(memory, FREE);
	(void)os_memory_say(memory, to, HV_HINT_ACTIVE);
	return to;
}

static bool copy(struct os_memory *memory, uint32_t from, uint32_t to)
{
	const struct os_memory_env *env = &memory->env;

	if (env->load(env->ctx, from, memory->buffer) &&
	    env->fill(env->ctx, to, memory->buffer))
		return true;
	memory->figures.io_errors++;
	return false;
}

static bool move_away(struct os_memory *memory, uint32_t frame)
{
	struct frame old = memory->frames[frame];
	uint32_t to = new_place(memory, old.is_used);

	if (memory->frames[frame].state != WORKING) { /* it left to make that room */
		if (to != NONE)
			os_memory_push(memory, FREE, to);
		return true;
	}
	if (to == NONE)
		return os_memory_page_out(memory, frame);
	if (!copy(memory, frame, to)) {
		os_memory_push(memory, FREE, to);
		return false;
	}
	os_memory_let_go(memory, frame);
	os_memory_hold(memory, to, WORKING, old.what);
	memory->frames[to].is_used = old.is_used;
	memory->frames[to].is_dirty = old.is_dirty;
	memory->process[old.what].frame = to;
	memory->figures.moved++;
	return true;
}

bool os_memory_give(struct os_memory *memory, uint32_t most)
{
	uint32_t looks = most * LOOKS_SHARE;

	for (; memory->giving < memory->config.frames && most > 0 && looks > 0; looks--) {
		uint32_t frame = memory->giving++;
		uint8_t state = memory->frames[frame].state;

		if (state != WORKING && state != CACHE)
			continue; /* set aside */
		most--;
		if (state == CACHE)
			os_memory_let_go(memory, frame);
		else
			(void)move_away(memory, frame);
	}
	if (memory->giving < memory->config.frames)
		return false;
	memory->giving = memory->keep; /* what failed is tried again */
	return true;
}

void os_memory_resize(struct os_memory *memory, uint32_t frames)
{
	uint32_t before = memory->config.frames;

	HV_INVARIANT(frames > 0 && frames <= memory->config.frames_max);
	for (uint32_t at = frames; at < before; at++)
		HV_INVARIANT(memory->frames[at].state == ASIDE);
	if (frames < before) {
		memory->count[ASIDE] -= before - frames;
		memory->config.frames = frames;
	}
	if (memory->config.frames > 0)
		os_memory_offer(memory, memory->config.frames);
	memory->keep = frames;
	while (memory->config.frames < frames)
		os_memory_push(memory, FREE, memory->config.frames++);
	memory->giving = memory->keep;
	for (unsigned i = 0; i < STATE_COUNT; i++)
		memory->hand[i] %= frames;
}
