/*
 * monitor - figures of a machine from the files of its kernel, as monhmc prints them.
 *
 * Contract
 *   Threads  one.
 *   Errors   what a file does not have is shown as 0.
 *   Units    KiB; percent.
 */
#ifndef CLI_HMC_MONITOR_H
#define CLI_HMC_MONITOR_H

#include <stdint.h>
#include <stdio.h>

#define HMC_PROCESSORS_MAX 1024 /* of one machine; arbitrary */

struct hmc_processors {
	uint64_t ticks[HMC_PROCESSORS_MAX][8]; /* as they were last */
};

/* Files as /proc/meminfo and /proc/stat are; read from their beginning. */
void hmc_monitor_mem(FILE *meminfo, FILE *out);
void hmc_monitor_swap(FILE *meminfo, FILE *out);
/* Shares of the time since `last`, which becomes now; since the start where it is 0. */
void hmc_monitor_proc(FILE *stat, struct hmc_processors *last, FILE *out);
/* File systems that have blocks, of a file as /proc/self/mounts is. */
void hmc_monitor_disk(const char *mounts, FILE *out);

#endif
