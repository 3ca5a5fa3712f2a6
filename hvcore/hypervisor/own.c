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

	if (partition->has_own && partition->own_pages < pages)
		pages = partition->own_pages;
	pages = share_bound(partition, pages);
	return pages < partition->mem_bytes / HV_PAGE_BYTES
		       ? pages
		       : partition->mem_bytes / HV_PAGE_BYTES;
}

uint32_t partition_weight(const struct partition *partition)
{
	return partition->has_own && partition->own_weight < partition->weight
		       ? partition->own_weight
		       : partition->weight;
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

static void entitle(struct partition *partition, uint64_t pages)
{
	uint64_t before = partition->has_own ? partition->own_pages
					     : partition->entitled_asked;
	uint64_t room = partition_pool_room(partition);

	partition->own_pages = pages > before && pages > room ? room : pages;
	if (partition->own_pages < before && pages > before)
		partition->own_pages = before;
	partition->has_own = true;
	if (partition_entitle(partition, partition->mem_bytes, NULL) != HV_OK)
		partition->own_pages = before;
}

void own_decide(struct mpp_order *order)
{
	struct partition *partition = order->partition;

	if (partition->phase == PHASE_RUNNING) {
		entitle(partition, wanted(partition, order));
		partition->own_weight = (uint32_t)order->weight;
		log_info("hypervisor.own_share",
			 "partition=%s weight=%u entitled_pages=%llu", partition->name,
			 partition_weight(partition),
			 (unsigned long long)partition_io_pages(partition));
	}
	order->got_pages = partition_io_pages(partition);
	order->got_weight = partition_weight(partition);
	partition->own_number = order->number;
	manage_targets(partition->hv);
}
