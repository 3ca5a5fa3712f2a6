/*
 * own - what a partition does with its own share (H_SET_MPP): it may give up a part of
 * what it was given, of its weight and of what is guaranteed to it, and have it again as
 * far as the pool can still guarantee it. What it was given is the administrator's.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include "hvcore/base/log.h"

uint64_t partition_io_pages(const struct partition *partition)
{
	uint64_t pages = partition->entitled_asked;

	if (partition->own.has_pages && partition->own.pages < pages)
		pages = partition->own.pages;
	pages = share_bound(partition, pages);
	return pages < partition->mem_bytes / HV_PAGE_BYTES
		       ? pages
		       : partition->mem_bytes / HV_PAGE_BYTES;
}

uint32_t partition_weight(const struct partition *partition)
{
	const struct own *own = &partition->own;

	return own->has_weight && own->weight < partition->weight ? own->weight
								  : partition->weight;
}

void partition_own_trim(struct partition *partition)
{
	struct own *own = &partition->own;

	own->has_pages = own->has_pages && own->pages < partition->entitled_asked;
	own->has_weight = own->has_weight && own->weight < partition->weight;
}

uint64_t partition_pool_room(const struct partition *partition)
{
	const struct hypervisor *hv = partition->hv;
	uint64_t frames = partition_frames(hv);
	uint64_t others = partition_entitled_pages(hv) - partition->entitled_pages;

	return frames > others ? frames - others : 0;
}

/* Whole pages, not less than what is mapped and not more than it was given. */
static uint64_t wanted(const struct partition *partition, const struct mpp_order *order)
{
	uint64_t pages = order->entitled_bytes / HV_PAGE_BYTES;

	if (pages < order->mapped_pages)
		pages = order->mapped_pages;
	return pages < partition->entitled_asked ? pages : partition->entitled_asked;
}

/* More than it has only as far as the pool has room. */
static void entitle(struct partition *partition, uint64_t pages)
{
	struct own before = partition->own;
	uint64_t has = before.has_pages ? before.pages : partition->entitled_asked;
	uint64_t room = partition_pool_room(partition);

	if (pages > has && pages > room)
		pages = room > has ? room : has;
	partition->own.has_pages = true;
	partition->own.pages = pages;
	if (partition_entitle(partition, partition->mem_bytes, NULL) != HV_OK)
		partition->own = before;
}

static void take(struct partition *partition, const struct mpp_order *order)
{
	uint64_t pages = partition_io_pages(partition);
	uint32_t weight = partition_weight(partition);

	entitle(partition, wanted(partition, order));
	partition->own.has_weight = true;
	partition->own.weight = (uint32_t)order->weight;
	partition_own_trim(partition);
	/* a partition may ask as often as it likes */
	if (pages == partition_io_pages(partition) &&
	    weight == partition_weight(partition))
		return;
	log_info("hypervisor.own_share", "partition=%s weight=%u entitled_pages=%llu",
		 partition->name, partition_weight(partition),
		 (unsigned long long)partition_io_pages(partition));
}

void own_decide(struct mpp_order *order)
{
	struct partition *partition = order->partition;

	if (partition->phase == PHASE_RUNNING)
		take(partition, order);
	order->got_pages = partition_io_pages(partition);
	order->got_weight = partition_weight(partition);
	partition->own.number = order->number;
	manage_targets(partition->hv);
}
