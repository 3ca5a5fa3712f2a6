/*
 * show_utilization - what lslparutil prints: one row a resource of a sample.
 *
 *   sample ──► sys, pool, procpool, mempool, one of each LPAR: those that -r names
 *
 * Columns and their order are those of domain.md 1.9. What nothing measures is null
 * with -F, and left out without it.
 *
 * Contract
 *   Threads  one.
 *   Memory   a row is lent to hmc_list_add().
 */
#ifndef CLI_HMC_SHOW_UTILIZATION_H
#define CLI_HMC_SHOW_UTILIZATION_H

#include "cli/hmc/show.h"

/* Bits: a list may have several. */
enum hmc_resource {
	HMC_RESOURCE_SYS = 1,
	HMC_RESOURCE_POOL = 2,
	HMC_RESOURCE_PROCPOOL = 4,
	HMC_RESOURCE_MEMPOOL = 8,
	HMC_RESOURCE_LPAR = 16,
	HMC_RESOURCE_ALL = 31
};

struct hmc_utilization_row {
	int64_t utc_offset_s;
	enum hmc_resource resource;
	const Tarn__UtilizationSample *sample;
	const Tarn__UtilizationLpar *lpar; /* of RESOURCE_LPAR */
};

extern const struct hmc_filter_name hmc_filter_utilization[];      /* event_types */
extern const struct hmc_filter_name hmc_filter_utilization_lpar[]; /* and LPARs */

/* "sample", "state_change", "config_change"; -1: none is called so. */
int hmc_utilization_event(const char *name);

/* The columns of these resources; `ret_table` ends with name NULL. */
void hmc_utilization_columns(unsigned resources,
			     struct hmc_attribute ret_table[HMC_FIELDS_MAX]);

unsigned hmc_utilization_kind(const void *object); /* of a row, for the list */

/* What of a sample is wanted, and how many rows there may be in all. */
struct hmc_utilization {
	unsigned resources;
	int64_t utc_offset_s;
	uint64_t most;
};
void hmc_utilization_add(struct hmc_list *list, const struct hmc_utilization *wanted,
			 const Tarn__UtilizationSample *sample);

#endif
