/*
 * show - what the ls* commands print of each kind of object: tables of attributes in
 * the order of an HMC (domain.md 1.4 to 1.8).
 *
 * Threads: one. Memory: tables are constant; a row is lent to hmc_list_add().
 */
#ifndef CLI_HMC_SHOW_H
#define CLI_HMC_SHOW_H

#include "cli/hmc/system.h"

/* An object of a list; what its kind does not need is NULL. */
struct hmc_row {
	const struct hmc_system *system;
	const Tarn__HostView *host;
	const Tarn__LparView *lpar;
	const Tarn__LparProfile *profile;
	const Tarn__DeviceView *device;
	const char *asked; /* --maxmem, and the ratio */
	uint32_t hpt_ratio;
};

extern const struct hmc_attribute hmc_show_sys[];       /* lssyscfg -r sys */
extern const struct hmc_attribute hmc_show_lpar[];      /* lssyscfg -r lpar */
extern const struct hmc_attribute hmc_show_prof[];      /* lssyscfg -r prof */
extern const struct hmc_attribute hmc_show_sys_mem[];   /* lshwres -r mem --level sys */
extern const struct hmc_attribute hmc_show_lpar_mem[];  /* lshwres -r mem --level lpar */
extern const struct hmc_attribute hmc_show_lpar_stat[]; /* the same, --stat */
extern const struct hmc_attribute hmc_show_sys_proc[];  /* lshwres -r proc --level sys */
extern const struct hmc_attribute hmc_show_lpar_proc[]; /* the same, --level lpar */
extern const struct hmc_attribute
	hmc_show_lpar_proc_stat[];                      /* --stat; its names are ours */
extern const struct hmc_attribute hmc_show_pool_proc[]; /* the same, --level pool */
extern const struct hmc_attribute hmc_show_procpool[];  /* lshwres -r procpool */
extern const struct hmc_attribute hmc_show_pool[];      /* lshwres -r mempool */
extern const struct hmc_attribute hmc_show_pgdev[];     /* the same, --rsubtype pgdev */
extern const struct hmc_attribute hmc_show_device[];    /* lsmemdev -r avail */

extern const struct hmc_filter_name hmc_filter_lpar[]; /* lpar_names, lpar_ids */

/* The states as an HMC words them. */
const char *hmc_system_state(const Tarn__HostView *host);
const char *hmc_partition_state(const Tarn__LparView *lpar);
/* Was it ever activated? Before that it has no memory of its own to show. */
bool hmc_partition_is_configured(const Tarn__LparView *lpar);

#define HMC_TIME_BYTES 32
/* "01/31/2026 12:00:05", as an HMC writes a time. */
const char *hmc_time_text(uint64_t wall_ms, int64_t utc_offset_s,
			  char buffer[HMC_TIME_BYTES]);

/* Kind of a list. */
struct hmc_rows {
	const struct hmc_attribute *attributes;
	const struct hmc_filter_name *filter_names;
};
/* Reads -F, --header and --filter of the command; hmc_output_end() in any case. */
struct hmc_output {
	struct hmc_fields fields;
	struct hmc_filter filter;
	struct hmc_list list;
};
HV_MUST_USE
enum hv_code hmc_output_start(struct hmc *hmc, const struct hmc_rows *rows,
			      struct hmc_output *ret_output, struct hv_err *err);
void hmc_output_end(struct hmc_output *output, enum hv_code code);
/* A list of one row; of the system's partitions. */
HV_MUST_USE
enum hv_code hmc_list_one(struct hmc *hmc, const struct hmc_rows *rows,
			  const struct hmc_row *row, struct hv_err *err);
HV_MUST_USE
enum hv_code hmc_list_partitions(struct hmc *hmc, const struct hmc_rows *rows,
				 const struct hmc_system *system, struct hv_err *err);

/* Of the partition itself, or what it is where nothing was said. */
const char *hmc_lpar_attribute(const Tarn__LparRecord *record, const char *name);

#endif
