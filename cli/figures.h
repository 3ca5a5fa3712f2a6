/*
 * figures - sums, histograms and units of what the coordinator reports.
 *
 * Contract
 *   Threads  any; nothing is kept.
 *   Units    pages of HV_PAGE_BYTES; bytes; microseconds.
 */
#ifndef CLI_FIGURES_H
#define CLI_FIGURES_H

#include "hvcore/base/hist.h"
#include "hvcore/wire/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_SIZE_BYTES 24
#define CLI_TIME_BYTES 24

/* Buckets over HV_HIST_BUCKETS are left out; NULL is an empty histogram. */
void cli_hist_load(struct hv_hist *hist, const Tarn__Histogram *from);
double cli_hist_us(const struct hv_hist *hist, double fraction);

/* "12.5 MiB" of so many pages. */
const char *cli_pages(uint64_t pages, char *buffer, size_t size);
/* "850 ns", "12.3 us", "4.56 ms", "1.2 s" */
const char *cli_time(double us, char *buffer, size_t size);

/* One host's partitions, added up. */
struct cli_sum {
	unsigned running; /* wanted, and not ended */
	unsigned shared, dedicated;
	uint64_t logical_pages, resident_pages, stolen_pages, zero_pages; /* shared */
	uint64_t shared_logical_bytes; /* of what is configured, running or not */
	uint64_t page_ins, page_outs, faults, operations_per_s;
	struct hv_hist latency; /* page-ins */
};
void cli_sum_host(struct cli_sum *sum, const Tarn__StatusReply *status, const char *host);

const Tarn__HostView *cli_find_host(const Tarn__StatusReply *status, const char *name);
const Tarn__LparView *cli_find_lpar(const Tarn__StatusReply *status, const char *name);
const Tarn__DeviceView *cli_find_device(const Tarn__StatusReply *status, const char *host,
					const char *name);
/* NULL where the host has not reported, or does not know that VIOS. */
const Tarn__ViosStat *cli_find_vios(const Tarn__HostView *host, const char *name);

/* Running partitions that have this VIOS as their primary, and that ask it now. */
struct cli_pair_use {
	unsigned primary_of, serves;
};
struct cli_pair_use cli_vios_use(const Tarn__StatusReply *status, const char *host,
				 const char *vios);
/* Both serve or stand by, one at least serves, and both reach every ready device. */
bool cli_is_redundant(const Tarn__StatusReply *status, const Tarn__HostView *host);

#endif
