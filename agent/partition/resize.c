/* resize - see resize.h. */
#include "agent/partition/resize.h"

#include "hvcore/base/log.h"

void partition_resize_begin(struct partition_resize *resize,
			    const struct hv_attach_resize *order)
{
	resize->order = *order;
	resize->is_begun = false;
	if (resize->at != PARTITION_RESIZE_PAUSING)
		resize->at = PARTITION_RESIZE_WANTED;
}

/* What it may use: as ordered, within what is mapped, and a page for each worker. */
static uint64_t pages_to_use(const struct partition_resize *resize,
			     const struct partition_guest *guest,
			     struct partition_crew *crew)
{
	uint64_t pages = resize->order.bytes / HV_PAGE_BYTES;
	uint64_t least = partition_guest_kept(guest) + partition_crew_workers(crew);

	if (pages > partition_guest_max_pages(guest))
		pages = partition_guest_max_pages(guest);
	if (pages < least)
		pages = least;
	return pages;
}

/* Of an operating system: no less than it has emptied. */
static uint64_t pages_now(const struct partition_guest *guest,
			  struct partition_crew *crew, uint64_t wanted)
{
	uint64_t has = partition_guest_pages(guest), least;

	if (partition_crew_os(crew) == NULL || wanted >= has)
		return wanted;
	least = os_guest_least(partition_crew_os(crew));
	if (least < wanted)
		return wanted;
	return least < has ? least : has;
}

static void apply(struct partition_resize *resize, struct partition_guest *guest,
		  struct partition_crew *crew)
{
	uint64_t before = partition_guest_pages(guest);
	uint64_t wanted = pages_to_use(resize, guest, crew);
	uint64_t pages = pages_now(guest, crew, wanted);

	partition_guest_resize(guest, pages, resize->order.has_bytes / HV_PAGE_BYTES);
	partition_crew_resume(crew);
	resize->said_bytes = before * HV_PAGE_BYTES;
	resize->uses_bytes = pages * HV_PAGE_BYTES;
	resize->gives_more = pages > wanted && (pages < before || !resize->is_begun);
	resize->at = PARTITION_RESIZE_SAYING;
	log_info("partition.resized", "pages=%llu before=%llu", (unsigned long long)pages,
		 (unsigned long long)before);
}

static void pause_all(struct partition_resize *resize, struct partition_crew *crew)
{
	partition_crew_pause(crew);
	resize->at = PARTITION_RESIZE_PAUSING;
}

/* The next block from the top, where it is an operating system that gives. */
static void begin_one(struct partition_resize *resize, struct partition_guest *guest,
		      struct partition_crew *crew)
{
	uint64_t has = partition_guest_pages(guest);
	uint64_t wanted = pages_to_use(resize, guest, crew);
	uint64_t step = resize->order.step_bytes / HV_PAGE_BYTES;
	uint64_t next = step != 0 ? (has - 1) / step * step : wanted;

	resize->is_begun = true;
	if (partition_crew_os(crew) == NULL || wanted >= has) {
		pause_all(resize, crew);
		return;
	}
	resize->offered = os_guest_offer(partition_crew_os(crew),
					 next > wanted ? next : wanted);
	if (resize->offered >= has) { /* it needs all of it */
		pause_all(resize, crew);
		return;
	}
	resize->at = PARTITION_RESIZE_EMPTYING;
}

void partition_resize_step(struct partition_resize *resize, struct partition_guest *guest,
			   struct partition_crew *crew, bool is_paused)
{
	if (resize->at == PARTITION_RESIZE_WANTED)
		begin_one(resize, guest, crew);
	else if (resize->at == PARTITION_RESIZE_EMPTYING &&
		 os_guest_least(partition_crew_os(crew)) <= resize->offered)
		pause_all(resize, crew);
	else if (resize->at == PARTITION_RESIZE_PAUSING && is_paused)
		apply(resize, guest, crew);
}

/* The end of the next block below what was said, but no less than is used. */
static uint64_t next_bytes(const struct partition_resize *resize)
{
	uint64_t step = resize->order.step_bytes;
	uint64_t next = (resize->said_bytes - 1) / step * step;

	return resize->uses_bytes < resize->said_bytes && next > resize->uses_bytes
		       ? next
		       : resize->uses_bytes;
}

bool partition_resize_say(const struct partition_resize *resize,
			  struct hv_attach_resized *ret_packet)
{
	if (resize->at != PARTITION_RESIZE_SAYING)
		return false;
	*ret_packet = (struct hv_attach_resized){
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_RESIZED,
				      sizeof *ret_packet, resize->order.head.tag),
		.bytes = next_bytes(resize),
	};
	return true;
}

void partition_resize_said(struct partition_resize *resize)
{
	resize->said_bytes = next_bytes(resize);
	if (resize->said_bytes == resize->uses_bytes)
		resize->at = resize->gives_more ? PARTITION_RESIZE_WANTED
						: PARTITION_RESIZE_IDLE;
}
