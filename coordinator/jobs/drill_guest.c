/*
 * drill_guest - guests in a drill; see drill.h.
 *
 * Nobody outside a guest knows what its pages must hold, so none is verified, and the
 * report says so of each. What is known: each page that came in was compared with the
 * checksum that it went out with, and so was each one that the background check read
 * back; and how long its page-ins took, which is how long it stood still for them.
 */
#include "coordinator/jobs/drill_kind.h"

#include "hvcore/base/hist.h"

static uint64_t compared(const Tarn__PartitionStat *stat)
{
	return stat->page_ins + stat->cross_checked;
}

const Tarn__Histogram *drill_waits_of(const Tarn__DrillPartition *row,
				      const Tarn__PartitionStat *stat)
{
	return row->guest ? stat->fault_latency : stat->stall;
}

/* Since the injection: the upper end of its bucket, so it is never too short. */
bool drill_longest_of(const Tarn__DrillPartition *row, const Tarn__PartitionStat *stat,
		      uint64_t *ret_us)
{
	const Tarn__Histogram *now = stat->fault_latency, *before = row->stall_before;

	*ret_us = stat->longest_stall_us;
	if (!row->guest)
		return true;
	if (now == NULL || before == NULL)
		return false;
	*ret_us = 0;
	for (size_t i = now->n_buckets; i-- > 0;) {
		if (drill_more(now->buckets[i],
			       i < before->n_buckets ? before->buckets[i] : 0) == 0)
			continue;
		*ret_us = hv_hist_bucket_top_ns((unsigned)i) / 1000;
		break;
	}
	return true;
}

void drill_guest_start(Tarn__DrillPartition *row, const Tarn__PartitionStat *stat)
{
	row->has_compared_before = row->guest;
	row->compared_before = row->guest ? compared(stat) : 0;
}

void drill_guest_note(struct drill *drill, Tarn__DrillPartition *row,
		      const Tarn__PartitionStat *stat)
{
	row->has_pages_compared = 1;
	row->pages_compared = row->has_compared_before
				      ? drill_more(compared(stat), row->compared_before)
				      : 0;
	drill_note(drill, "guest '%s': %llu pages were read back and compared", row->lpar,
		   (unsigned long long)row->pages_compared);
	if (row->pages_compared == 0 && stat->stolen_pages > 0)
		drill_doubt(drill,
			    "none of the %llu pages of guest '%s' that are out was read "
			    "back",
			    (unsigned long long)stat->stolen_pages, row->lpar);
}

void drill_guest_skip(struct drill *drill, const Tarn__DrillPartition *row)
{
	drill_skip(drill,
		   "pages of LPAR '%s' were not verified: it is a guest, and nobody "
		   "outside knows what they must hold; %llu were read back and compared "
		   "with their checksums",
		   row->lpar, (unsigned long long)row->pages_compared);
}
