/*
 * os_guest - the operating system of a partition at work: os_memory over its guest's
 * pages and two files, and the load on it: a process that uses its pages as zipf, and
 * reads a file that is twice the memory.
 *
 * Files are read and written through private memory (buffered, never O_DIRECT, which
 * would pin pages of the guest), so the kernel's page cache stands for what a disk and
 * its controller would keep.
 *
 * Contract
 *   Threads  tick, operate, verify, resize: one at a time. figures, offer, least: any.
 *   Memory   guest, calls and descriptors are lent.
 *   Errors   open: NOMEM, INVAL.
 */
#ifndef AGENT_PARTITION_OS_GUEST_H
#define AGENT_PARTITION_OS_GUEST_H

#include "agent/partition/guest.h"
#include "agent/partition/os_memory.h"
#include "agent/partition/stall.h"
#include "agent/partition/workload.h"

#define OS_FILE_PERCENT 25 /* of its operations read the file; arbitrary */

struct os_guest_config {
	struct partition_guest *guest;
	struct partition_calls *calls; /* NULL: nothing is said, nothing lent */
	enum os_loan_policy policy;
	unsigned working_set_percent; /* of memory: what the process uses; may be > 100 */
	unsigned file_percent;        /* of operations */
	uint64_t seed;
	int files[OS_STORE_COUNT];
};

struct os_guest;

HV_MUST_USE
enum hv_code os_guest_open(const struct os_guest_config *config, struct os_guest **ret_os,
			   struct hv_err *err);
void os_guest_close(struct os_guest *os); /* NULL is fine */

/* Which of its pages the process uses next: those it has, whatever frames there are. */
void os_guest_init_load(const struct os_guest *os,
			const struct partition_workload_config *config,
			struct partition_workload *ret_load);
enum os_loan_policy os_guest_policy(const struct os_guest *os);

/*
 * Before each operation, also one that is I/O: once a second what is lent; some of what
 * is to be given back is emptied. True: the last of it. Only touches count in `stall`.
 */
HV_MUST_USE
bool os_guest_tick(struct os_guest *os, struct partition_stall *stall, uint64_t now_ms);
/* The operation on a page of the process, or a read of the file instead. */
void os_guest_operate(struct os_guest *os, const struct partition_operation *operation,
		      struct partition_stall *stall);
/* Whether a page of the guest holds what it must. */
bool os_guest_verify(struct os_guest *os, uint64_t page, struct partition_stall *stall);
/*
 * It shall make do with so many pages of the guest, or what it needs at least; gives
 * that. Operations empty those beyond; `least` says when they are, until resize.
 */
uint64_t os_guest_offer(struct os_guest *os, uint64_t pages);
/* UINT64_MAX: no fewer than it has. */
uint64_t os_guest_least(struct os_guest *os);
/* The guest has other pages, while no worker works; nothing is offered any more. */
void os_guest_resize(struct os_guest *os);

struct os_memory_figures os_guest_figures(struct os_guest *os);

#endif
