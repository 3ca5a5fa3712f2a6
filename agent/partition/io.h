/*
 * io - a partition's virtual adapters at work: their drivers, and the I/O of its
 * workload.
 *
 *   disk      a page is saved, and loaded again later: every byte of it must be what
 *             was saved, wherever the page has been meanwhile
 *   ethernet  packets to another partition of the VLAN, which checks them
 *
 * A thread of its own opens the adapters, which may wait for pages, and receives what
 * comes in; it touches no page but the drivers'. Until it is ready there is no I/O.
 * With an operating system's memory (os_guest.h) nothing is known of the pages here, so
 * what goes to a disk is a buffer of the drivers'.
 *
 * Contract
 *   Threads  operate: any worker. forget: while none works. figures: any.
 *   Memory   guest and calls are lent until partition_io_close(). A partition never
 *            gets there: it ends by _exit() (main.c), and its adapters with it.
 *   Errors   open: NOMEM, OS where a thread cannot be started. An adapter that does not
 *            work is logged and left out; an operation that is refused is counted.
 */
#ifndef AGENT_PARTITION_IO_H
#define AGENT_PARTITION_IO_H

#include "agent/partition/guest.h"
#include "agent/partition/stall.h"
#include "agent/partition/workload.h"

#define PARTITION_IO_WORKERS_MAX 16

struct partition_io_config {
	struct partition_guest *guest;
	struct partition_calls *calls;
	unsigned disks, ethernets;
	unsigned percent; /* of operations */
	unsigned workers;
	bool has_os; /* pages of the guest are another's reckoning */
	uint64_t key, seed;
};

struct partition_io_figures {
	uint64_t disk_reads, disk_writes; /* pages */
	uint64_t sent, received, bad;     /* packets */
	uint64_t not_entitled, failed;    /* operations that were left out */
	unsigned disks, ethernets;        /* that work */
};

struct partition_io;

/* Pages of the guest that the drivers need, of a memory of so many. */
uint64_t partition_io_driver_pages(unsigned disks, unsigned ethernets, uint64_t pages);

HV_MUST_USE
enum hv_code partition_io_open(const struct partition_io_config *config,
			       struct partition_io **ret_io, struct hv_err *err);
void partition_io_close(struct partition_io *io); /* no worker; NULL is fine */

/*
 * True: this operation was I/O instead. False also where the adapter that was drawn does
 * not work, or has nobody to send to. Only touches count in `stall`.
 */
HV_MUST_USE
bool partition_io_operate(struct partition_io *io, unsigned worker,
			  const struct partition_operation *operation,
			  struct partition_stall *stall);
/* Its pages were shared out anew: what is on disks is another's, or nobody's. */
void partition_io_forget(struct partition_io *io);

bool partition_io_is_ready(const struct partition_io *io);
struct partition_io_figures partition_io_figures(const struct partition_io *io);

#endif
