/* hist - see hist.h. */
#include "hvcore/base/hist.h"

#define SUB (1u << HV_HIST_SUB_BITS)

static uint64_t load(const _Atomic uint64_t *at)
{
	return atomic_load_explicit(at, memory_order_relaxed);
}

/* One writer: a plain add without a locked instruction. */
static void bump(_Atomic uint64_t *at, uint64_t by)
{
	atomic_store_explicit(at, load(at) + by, memory_order_relaxed);
}

/* Values below SUB have a bucket each; then SUB buckets an octave. */
unsigned hv_hist_bucket_of(uint64_t ns)
{
	unsigned octave, bucket;

	if (ns < SUB)
		return (unsigned)ns;
	octave = 63u - (unsigned)__builtin_clzll(ns);
	bucket = ((octave - HV_HIST_SUB_BITS + 1) << HV_HIST_SUB_BITS) +
		 (unsigned)((ns >> (octave - HV_HIST_SUB_BITS)) & (SUB - 1));
	return bucket < HV_HIST_BUCKETS ? bucket : HV_HIST_BUCKETS - 1;
}

uint64_t hv_hist_bucket_top_ns(unsigned bucket)
{
	unsigned shift = bucket >> HV_HIST_SUB_BITS;
	uint64_t sub = bucket & (SUB - 1);

	if (shift == 0)
		return sub;
	return ((SUB + sub + 1) << (shift - 1)) - 1;
}

void hv_hist_add(struct hv_hist *hist, uint64_t ns)
{
	bump(&hist->bucket[hv_hist_bucket_of(ns)], 1);
	bump(&hist->count, 1);
	bump(&hist->sum_ns, ns);
	if (ns > load(&hist->max_ns))
		atomic_store_explicit(&hist->max_ns, ns, memory_order_relaxed);
}

void hv_hist_merge(struct hv_hist *into, const struct hv_hist *from)
{
	for (unsigned i = 0; i < HV_HIST_BUCKETS; i++)
		bump(&into->bucket[i], load(&from->bucket[i]));
	bump(&into->count, load(&from->count));
	bump(&into->sum_ns, load(&from->sum_ns));
	if (load(&from->max_ns) > load(&into->max_ns))
		atomic_store_explicit(&into->max_ns, load(&from->max_ns),
				      memory_order_relaxed);
}

void hv_hist_clear(struct hv_hist *hist)
{
	for (unsigned i = 0; i < HV_HIST_BUCKETS; i++)
		atomic_store_explicit(&hist->bucket[i], 0, memory_order_relaxed);
	atomic_store_explicit(&hist->count, 0, memory_order_relaxed);
	atomic_store_explicit(&hist->sum_ns, 0, memory_order_relaxed);
	atomic_store_explicit(&hist->max_ns, 0, memory_order_relaxed);
}

uint64_t hv_hist_count(const struct hv_hist *hist)
{
	return load(&hist->count);
}

uint64_t hv_hist_max_ns(const struct hv_hist *hist)
{
	return load(&hist->max_ns);
}

uint64_t hv_hist_quantile_ns(const struct hv_hist *hist, double fraction)
{
	uint64_t total = 0, seen = 0;
	double want;

	for (unsigned i = 0; i < HV_HIST_BUCKETS; i++)
		total += load(&hist->bucket[i]);
	if (total == 0)
		return 0;
	want = fraction * (double)total;
	for (unsigned i = 0; i < HV_HIST_BUCKETS; i++) {
		seen += load(&hist->bucket[i]);
		if (seen > 0 && (double)seen >= want)
			return hv_hist_bucket_top_ns(i);
	}
	return load(&hist->max_ns);
}
