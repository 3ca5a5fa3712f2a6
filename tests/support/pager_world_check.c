/* pager_world_check - see pager_world.h: what must hold at any time, and what to print. */
#include "tests/support/pager_world.h"

#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "hvcore/pager/pager_priv.h"

static const char *check_vios(const struct world *world)
{
	for (unsigned path = 0; path < HV_PATHS; path++) {
		if (world->has_session[path] && world->vios[path].violation != NULL)
			return world->vios[path].violation;
		for (unsigned i = 0; i < WORLD_OLD_MAX; i++)
			if (world->has_old[path][i] &&
			    world->old[path][i].violation != NULL)
				return world->old[path][i].violation;
	}
	return NULL;
}

/*
 * A page of a request of an ended epoch. P17: nobody reads what a closed side has missed;
 * it is opened again when nothing of the kind is left (P9).
 */
static bool may_hit(const struct hv_space *space, unsigned path, uint32_t slot)
{
	enum hv_slot_class class = hv_slot_class(&space->table, slot);

	if (!hv_space_is_mirrored(space))
		return class != HV_SLOT_QUARANTINED;
	return space->devices[path].is_open ||
	       (class == HV_SLOT_LIVE && !hv_slot_is_missed(&space->table, slot, path));
}

/* Whether a page of this request that was not carried out may hit a slot in use. */
static bool may_harm(const struct world *world, unsigned path,
		     const struct model_request *request)
{
	const struct hv_space *space = world->members[request->ask.device].space;

	if (!request->is_used || request->ask.op != HV_OP_WRITE || space == NULL ||
	    space->is_ended)
		return false;
	for (uint32_t i = 0; i < request->ask.pages; i++)
		if ((request->left >> i & 1) != 0 &&
		    may_hit(space, path, request->ask.slot + i))
			return true;
	return false;
}

static bool any_may_harm(const struct world *world, unsigned path,
			 const struct model_vios *vios)
{
	for (unsigned n = 0; n < MODEL_REQUESTS_MAX; n++)
		if (may_harm(world, path, &vios->requests[n]))
			return true;
	return false;
}

/* P4, M5: what may still be written is neither owned by a page nor free. */
static const char *check_late_writes(const struct world *world)
{
	for (unsigned path = 0; path < HV_PATHS; path++)
		for (unsigned i = 0; i < WORLD_OLD_MAX; i++)
			if (world->has_old[path][i] &&
			    any_may_harm(world, path, &world->old[path][i]))
				return "a late write may hit a slot in use";
	return NULL;
}

static uint32_t checksum_of(struct model_copy copy)
{
	static struct {
		struct model_copy copy;
		uint32_t checksum;
		bool is_known;
	} cache[1024];
	uint8_t page[HV_PAGE_BYTES] = { 0 };
	size_t at = (size_t)((copy.head * 31 + copy.tail) % HV_COUNT(cache));

	if (cache[at].is_known && cache[at].copy.head == copy.head &&
	    cache[at].copy.tail == copy.tail)
		return cache[at].checksum;
	memcpy(page, &copy.head, sizeof(copy.head));
	memcpy(page + sizeof(page) - sizeof(copy.tail), &copy.tail, sizeof(copy.tail));
	cache[at].copy = copy;
	cache[at].is_known = true;
	cache[at].checksum = (uint32_t)XXH3_64bits(page, sizeof(page));
	return cache[at].checksum;
}

/* P17: a side that has not missed a page has it. */
static bool has_what_it_should(const struct world_member *member)
{
	const struct hv_page_table *table = &member->space->table;
	const struct model_device *sides[HV_PATHS] = { &member->devices[member->at[0]],
						       &member->devices[member->at[1]] };

	for (uint32_t page = 0; page < table->page_count; page++) {
		const struct hv_page *entry = &table->pages[page];

		if (entry->slot == HV_SLOT_NONE || (entry->slot & HV_SLOT_PLACE) != 0 ||
		    hv_slot_class(table, entry->slot) != HV_SLOT_LIVE)
			continue;
		for (unsigned i = 0; i < HV_PATHS; i++)
			if (!hv_slot_is_missed(table, entry->slot, i) &&
			    checksum_of(sides[i]->slots[entry->slot]) != entry->checksum)
				return false;
	}
	return true;
}

/* A translation outlives the page's stay in its frame. */
static bool any_stale_entry(const struct world_member *member)
{
	const struct hv_space *space = member->space;

	for (uint32_t page = 0; page < space->table.page_count; page++) {
		enum hv_page_state state = hv_page_state(&space->table, page);

		if (member->kernel.pages[page].is_entered && state != HV_PAGE_RESIDENT &&
		    state != HV_PAGE_STEALING)
			return true;
	}
	return false;
}

/* M7, P5 of what devices may use. */
static bool audit_io(const struct world_member *member, struct hv_err *err)
{
	const struct hv_space *space = member->space;

	for (uint32_t page = 0; page < space->table.page_count; page++) {
		const struct model_page *at = &member->kernel.pages[page];

		if (at->is_io_ready && !at->is_tainted &&
		    hv_space_audit_io(space, page, at->is_io_write, err) != HV_OK)
			return false;
	}
	return true;
}

/* M4: what is in the compressed tier reads back. */
static bool any_packed_lost(const struct world_member *member)
{
	const struct hv_space *space = member->space;
	uint8_t page[HV_PAGE_BYTES];

	for (uint32_t i = 0; i < space->table.page_count; i++)
		if (hv_slot_is_place(space->table.pages[i].slot) &&
		    !hv_pack_read(space, i, page))
			return true;
	return false;
}

/* NULL = right. Adds the member's frames. */
static const char *check_member(const struct world_member *member, unsigned index,
				bool is_damaged, int64_t *frames)
{
	const struct model_kernel *kernel = &member->kernel;
	static char text[512];
	static struct hv_err err;

	if (member->space == NULL)
		return NULL;
	*frames += member->space->frames;
	if (kernel->violation != NULL) {
		(void)snprintf(text, sizeof(text), "member %u page %u: %s", index,
			       kernel->violation_page, kernel->violation);
		return text;
	}
	if (!member->space->is_ended && !audit_io(member, &err))
		return err.text;
	if (!is_damaged && hv_space_is_mirrored(member->space) &&
	    !member->space->is_ended && !has_what_it_should(member))
		return "a side has not what it should have (P17)";
	if (!is_damaged && member->space->counts.cross_bad > 0)
		return "a page does not verify, and no device was damaged";
	if (!member->space->is_ended && any_stale_entry(member))
		return "a page left its frame and is translated to";
	return !kernel->is_hostile && kernel->blocks > member->space->frames
		       ? "a partition has more blocks than it is charged for"
		       : NULL;
}

const char *world_check(struct world *world)
{
	static struct hv_err err;
	const char *wrong = check_vios(world);
	int64_t frames = hv_frames_free(&world->frames);

	if (hv_pager_audit(world->pager, &err) != HV_OK)
		return err.text;
	if (wrong == NULL)
		wrong = check_late_writes(world);
	for (unsigned i = 0; i < world->config.members && wrong == NULL; i++)
		wrong = check_member(&world->members[i], i, world->is_damaged, &frames);
	for (unsigned i = 0; i < world->config.members && wrong == NULL; i++)
		if (world->members[i].space != NULL && !world->is_tier_damaged &&
		    !world->members[i].space->is_ended &&
		    any_packed_lost(&world->members[i]))
			wrong = "a packed page does not read back";
	if (world->tier != NULL)
		frames += (int64_t)hv_tier_frames(world->tier);
	if (wrong == NULL && world->tier != NULL &&
	    (int64_t)hv_tier_frames(world->tier) != hv_frames_packed(&world->frames))
		wrong = "the tier has not the frames that are counted for it";
	if (wrong == NULL && frames != hv_frames_total(&world->frames))
		wrong = "frames are lost or made up";
	return wrong;
}

static void dump_member(const struct world *world, unsigned index)
{
	const struct world_member *member = &world->members[index];
	struct hv_space_stat stat;

	if (member->space == NULL)
		return;
	hv_space_stat(member->space, world->now_ns, &stat);
	(void)fprintf(stderr,
		      "member %u: frames %llu pending %llu out %llu wait '%s' pause '%s' "
		      "blocks %u changing %u ended %d gone %d\n",
		      index, (unsigned long long)stat.frames,
		      (unsigned long long)stat.pending_faults,
		      (unsigned long long)stat.requests_out, hv_wait_text(stat.wait),
		      hv_pause_text(stat.pause), member->kernel.blocks,
		      member->kernel.changing, member->space->is_ended,
		      member->space->is_gone);
	(void)fprintf(stderr, "  pages:");
	for (unsigned i = 0; i < HV_PAGE_STATE_COUNT; i++)
		(void)fprintf(stderr, " %llu", (unsigned long long)stat.pages_in[i]);
	(void)fprintf(stderr, "  slots:");
	for (unsigned i = 0; i < HV_SLOT_CLASS_COUNT; i++)
		(void)fprintf(stderr, " %llu", (unsigned long long)stat.slots_in[i]);
	(void)fprintf(stderr, "\n");
	for (uint32_t i = 0; i < world->config.threads; i++) {
		const struct model_thread *thread = &member->kernel.threads[i];
		const struct model_page *page = &member->kernel.pages[thread->page];

		if (thread->state == MODEL_IDLE)
			continue;
		(void)fprintf(stderr,
			      "  thread %u: state %d op %d page %u (table %d; cached %d "
			      "mapped %d protected %d poisoned %d tainted %d)\n",
			      i, (int)thread->state, (int)thread->op, thread->page,
			      (int)hv_page_state(&member->space->table, thread->page),
			      page->is_cached, page->is_mapped, page->is_protected,
			      page->is_poisoned, page->is_tainted);
	}
}

void world_dump(const struct world *world)
{
	(void)fprintf(stderr, "frames: free %lld of %lld, low %lld high %lld soon %lld\n",
		      (long long)hv_frames_free(&world->frames),
		      (long long)hv_frames_total(&world->frames),
		      (long long)hv_frames_low(&world->frames),
		      (long long)hv_frames_high(&world->frames),
		      (long long)hv_frames_soon(&world->frames));
	for (unsigned i = 0; i < world->config.members; i++)
		dump_member(world, i);
}

bool world_is_walker_alone(const struct world *world)
{
	for (unsigned i = 0; i < HV_WALKERS; i++) {
		const struct hv_walker *walker = &world->pager->walkers[i];

		if (walker->state == HV_WALKER_SENT && !walker->space->is_ended &&
		    hv_slot_class(&walker->space->table, walker->slot) ==
			    HV_SLOT_CONDEMNED)
			return true;
	}
	return false;
}

bool world_are_mirrored(const struct world *world)
{
	bool are = true;

	for (unsigned i = 0; i < world->config.members; i++)
		are &= world->members[i].at[0] != world->members[i].at[1];
	return are;
}
