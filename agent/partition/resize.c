/* resize - see resize.h. */
#include "agent/partition/resize.h"

#include "hvcore/base/log.h"

void partition_resize_begin(struct partition_resize *resize,
			    const struct hv_attach_resize *order)
{
	resize->order = *order;
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
	/* an operating system gives no memory back: it lends */
	if (partition_crew_os(crew) != NULL && pages < partition_guest_pages(guest))
		pages = partition_guest_pages(guest);
	if (pages < least)
		pages = least;
	return pages;
}

static void apply(struct partition_resize *resize, struct partition_guest *guest,
		  struct partition_crew *crew)
{
	uint64_t before = partition_guest_pages(guest);
	uint64_t pages = pages_to_use(resize, guest, crew);

	partition_guest_resize(guest, pages, resize->order.has_bytes / HV_PAGE_BYTES);
	partition_crew_resume(crew);
	resize->said_bytes = before * HV_PAGE_BYTES;
	resize->uses_bytes = pages * HV_PAGE_BYTES;
	resize->at = PARTITION_RESIZE_SAYING;
	log_info("partition.resized", "pages=%llu before=%llu", (unsigned long long)pages,
		 (unsigned long long)before);
}

void partition_resize_step(struct partition_resize *resize, struct partition_guest *guest,
			   struct partition_crew *crew, bool is_paused)
{
	if (resize->at == PARTITION_RESIZE_WANTED) {
		partition_crew_pause(crew);
		resize->at = PARTITION_RESIZE_PAUSING;
	} else if (resize->at == PARTITION_RESIZE_PAUSING && is_paused) {
		apply(resize, guest, crew);
	}
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
		resize->at = PARTITION_RESIZE_IDLE;
}
