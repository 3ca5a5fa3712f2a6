/* pager_random_io - see pager_random.h: pages that devices use. */
#include "tests/property/pager_random.h"

/* A page is mapped for a device, or asked for again. */
static void map(struct run *run, struct world_member *member, uint32_t page)
{
	struct model_page *at = &member->kernel.pages[page];
	enum hv_map map;

	if (!at->is_under_io) {
		hv_pager_look(run->world.pager, member->space, page);
		model_io_map(&member->kernel, page, random_below(run, 2));
	}
	map = hv_pager_map(run->world.pager, member->space, page, at->is_io_write,
			   run->world.now_ns);
	at->is_io_ready = map == HV_MAP_READY;
	if (map == HV_MAP_LOST)
		model_io_end(&member->kernel, page);
}

uint64_t random_transfers;

static void transfer(struct run *run, struct world_member *member, uint32_t page)
{
	struct model_page *at = &member->kernel.pages[page];

	random_transfers++;
	at->is_held = true;
	if (at->is_io_write && random_below(run, 2))
		model_io_write(&member->kernel, page, ++run->world.version);
	else
		model_io_read(&member->kernel, page);
}

/* What devices use: mapped, held by transfers, and not any more. */
void random_step_io(struct run *run)
{
	unsigned index;
	struct world_member *member = random_member(run, &index);
	uint32_t page = random_page(run);
	struct model_page *at;

	if (member == NULL)
		return;
	at = &member->kernel.pages[page];
	switch (random_below(run, 6)) {
	case 0:
		if (!at->is_held)
			model_io_end(&member->kernel, page);
		return;
	case 1:
		at->is_held = false;
		return;
	case 2:
		map(run, member, page);
		return;
	default: /* most are mapped for a short while: others must have frames, too */
		if (at->is_io_ready)
			transfer(run, member, page);
		else if (at->is_under_io)
			map(run, member, page);
	}
}
