/*
 * hist - latency histogram of fixed size: log-linear, 8 sub-buckets an octave.
 *
 * Error at most 1/8 of the value; 1 ns to 2^39 ns (550 s), larger values in the
 * last bucket; the exact maximum beside it. Adding two histograms is adding
 * their buckets, so hosts and partitions merge.
 *
 * Contract
 *   Threads  one writer; a reader in another thread may see a value early or
 *            late, never torn (64-bit loads and stores, relaxed).
 *   Units    nanoseconds.
 */
#ifndef HVCORE_BASE_HIST_H
#define HVCORE_BASE_HIST_H

#include <stdatomic.h>
#include <stdint.h>

#define HV_HIST_SUB_BITS 3
#define HV_HIST_OCTAVES 40
#define HV_HIST_BUCKETS (HV_HIST_OCTAVES << HV_HIST_SUB_BITS)

struct hv_hist {
	_Atomic uint64_t bucket[HV_HIST_BUCKETS];
	_Atomic uint64_t count;
	_Atomic uint64_t sum_ns;
	_Atomic uint64_t max_ns;
};

void hv_hist_add(struct hv_hist *hist, uint64_t ns);
void hv_hist_merge(struct hv_hist *into, const struct hv_hist *from);
void hv_hist_clear(struct hv_hist *hist);

/* Upper bound of the bucket that holds the given fraction; 0 when empty. */
uint64_t hv_hist_quantile_ns(const struct hv_hist *hist, double fraction);
uint64_t hv_hist_count(const struct hv_hist *hist);
uint64_t hv_hist_max_ns(const struct hv_hist *hist);

/* The bucket a value falls into, and the largest value a bucket holds. */
unsigned hv_hist_bucket_of(uint64_t ns);
uint64_t hv_hist_bucket_top_ns(unsigned bucket);

#endif
