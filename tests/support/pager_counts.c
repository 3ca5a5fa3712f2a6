/* pager_counts - see pager_counts.h. */
#include "tests/support/pager_counts.h"

#include <stdio.h>

#define AHEAD_MANY 200 /* one in twenty is dropped: of fewer it may be none */

/* All of them are uint64_t. */
void pager_counts_add(struct hv_space_counts *sum, const struct hv_space_counts *more)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)more;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

#define N(count) ((unsigned long long)(count))

void pager_counts_print(const struct hv_space_counts *sum)
{
	printf("faults=%llu page_ins=%llu page_outs=%llu clean=%llu zero=%llu "
	       "canceled=%llu discards=%llu checksum=%llu integrity=%llu\n",
	       N(sum->faults), N(sum->page_ins), N(sum->page_outs), N(sum->clean_steals),
	       N(sum->zero_steals), N(sum->canceled_steals), N(sum->discards),
	       N(sum->checksum_errors), N(sum->integrity_errors));
	printf("io=%llu waits=%llu failed=%llu map_zero=%llu map_page_ins=%llu "
	       "map_ends=%llu checked=%llu bad=%llu healed=%llu resynced=%llu\n"
	       "ahead=%llu came=%llu taken=%llu dropped=%llu used=%llu wasted=%llu "
	       "twice=%llu second=%llu\n"
	       "packed=%llu refused=%llu hits=%llu unloaded=%llu\n",
	       N(sum->io_errors), N(sum->frame_waits), N(sum->failed_faults),
	       N(sum->map_zero_fills), N(sum->map_page_ins), N(sum->map_ends),
	       N(sum->cross_checked), N(sum->cross_bad), N(sum->healed), N(sum->resynced),
	       N(sum->ahead_fills), N(sum->ahead_page_ins), N(sum->ahead_taken),
	       N(sum->ahead_drops), N(sum->ahead_used), N(sum->ahead_wasted),
	       N(sum->hedges), N(sum->hedges_won), N(sum->tier_packs),
	       N(sum->tier_refused), N(sum->tier_hits), N(sum->tier_outs));
}

bool pager_counts_are_full(const struct hv_space_counts *sum)
{
	return sum->page_ins > 0 && sum->page_outs > 0 && sum->clean_steals > 0 &&
	       sum->zero_steals > 0 && sum->canceled_steals > 0 && sum->discards > 0 &&
	       sum->map_zero_fills > 0 && sum->map_page_ins > 0 && sum->map_ends > 0 &&
	       sum->cross_checked > 0 && sum->healed > 0 && sum->resynced > 0 &&
	       sum->unused_steals > 0 && sum->loaned_steals > 0 &&
	       sum->dropped_steals > 0 && sum->ahead_page_ins > 0 &&
	       (sum->ahead_drops > 0 || sum->ahead_fills < AHEAD_MANY) &&
	       sum->ahead_used > 0 && sum->ahead_wasted > 0 &&
	       sum->hedges > sum->hedges_won && sum->hedges_won > 0 &&
	       sum->tier_packs > 0 && sum->tier_hits > 0 && sum->tier_outs > 0;
}
