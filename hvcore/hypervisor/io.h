/*
 * io - virtual adapters of one partition: its calls (hvcore/wire/io.h) on its fault
 * thread, transfers on the I/O thread (hvcore/io), its backing files on the loop.
 *
 *   OPENING --all files open--> OPEN --files let go of--> CLOSING --> CLOSED
 *      `--one is not: io_error()--'
 *
 * Its fault thread has it from io_add() on. io_cut() ends that: when it says true, no
 * transfer touches the partition's memory any more and nothing of it is held; when
 * io_is_settled() does, no device either.
 *
 * Contract
 *   Threads  F: its fault thread. W: a worker. The rest: the loop thread.
 *   Memory   owns disks, ports and descriptors; all is made while OPENING. Lent: the
 *            partition's memory file until the cut, its tables and its shared memory
 *            from add to cut, the engine.
 *   Errors   what a partition asks wrongly is a LoPAR code.
 */
#ifndef HVCORE_HYPERVISOR_IO_H
#define HVCORE_HYPERVISOR_IO_H

#include "hvcore/aio/workers.h"
#include "hvcore/hypervisor/fault.h"
#include "hvcore/io/disk.h"
#include "hvcore/io/lan.h"
#include "hvcore/mem/tce.h"
#include "hvcore/wire/messages.h"

enum io_state { IO_OPENING, IO_OPEN, IO_CLOSING, IO_CLOSED };

struct io_stat {
	uint64_t transfers, bytes;
	uint64_t refused; /* unmapped, foreign, not for that direction */
	uint64_t waits;   /* pages without a frame, which there are none of */
	uint64_t errors;  /* of devices */
	uint64_t dropped; /* frames */
};

struct io_queue { /* that the partition has registered */
	bool is_registered;
	bool toggle; /* of a LAN's: this round's */
	uint32_t next;
	struct hv_tce_span span; /* its page, held */
};

struct io_disk {
	uint64_t bytes;
	uint32_t slot;
	char path[HV_PATH_BYTES]; /* "": a file of our own */
	int fd;                   /* while OPENING; then the disk's */
	struct hv_disk *disk;
	struct io_queue queue;
};

struct io_lan {
	struct hv_lan_port *port;
	struct io_queue queue;
};

struct io {
	struct hv_io_owner owner; /* of disks and ports */
	struct fault_mail mail;   /* the I/O thread has finished something */
	atomic_bool is_told;
	struct hv_io_engine *engine;
	struct hv_io_memory memory;
	struct fault_thread *thread; /* NULL: it was never added */
	struct hv_tces *tces;        /* NULL: not added, or cut */
	bool is_over;                /* F: it is being cut: no more calls */
	_Atomic uint32_t *events;
	unsigned disk_count, lan_count;
	struct io_disk disks[HV_DISKS_MAX];
	struct io_lan lans[HV_ETHERNETS_MAX];
	struct io_stat counts; /* F's */
	struct io_stat stat;   /* filled in a stat round, read by L when it is done */
	bool is_settled;       /* a round of L's asks, F answers */
	/* the loop's, lent to a worker while a work is out */
	enum io_state state;
	struct hv_workers *workers, *openers;
	struct hv_loop *loop;
	struct hv_work work;
	struct hv_job job;
	bool is_out;
	void (*changed)(struct io *io, void *arg); /* state or error; L */
	void *arg;
	const char *state_dir; /* lent */
	char name[HV_NAME_BYTES];
	struct hv_err err;
};

struct io_config {
	const char *name;      /* the partition's */
	const char *state_dir; /* lent until it is closed */
	struct hv_io_engine *engine;
	struct hv_workers *workers; /* for files of our own, and to close any */
	struct hv_workers *openers; /* for files that were named: these may hang */
	struct hv_loop *loop;
	void (*changed)(struct io *io, void *arg);
	void *arg;
};

/* INVAL, LIMIT: hv_adapters_check of it. */
HV_MUST_USE
enum hv_code io_check(const Tarn__HvPartitionDefine *ask, struct hv_err *err);
/* What one with these adapters takes of the machine's memory. */
uint64_t io_memory_bytes(unsigned disks, unsigned ethernets);

/* Of an ask that was checked; begins to open its files. */
HV_MUST_USE
enum hv_code io_new(const struct io_config *config, const Tarn__HvPartitionDefine *ask,
		    struct io **ret_io, struct hv_err *err);
/* Addresses for its ethernets, before it is added, each its own: not one that another
 * has, nor one that is taken elsewhere. Of the same ask; one there is free. */
void io_give_macs(struct io *io, const Tarn__HvPartitionDefine *ask,
		  bool (*is_taken)(const void *arg, uint64_t mac), const void *arg);
bool io_has_mac(const struct io *io, uint64_t mac);
/* NULL: nothing is wrong so far. */
const struct hv_err *io_error(const struct io *io);
/* No frame comes to it any more. Before the cut. */
void io_leave(struct io *io);
/* It has left, and is settled or was never added: its files are closed, by a worker. */
void io_close(struct io *io);
/* CLOSED, or the program ends, and the I/O thread and the workers have stopped. */
void io_free(struct io *io); /* NULL is fine */

/* F: from now on it serves calls. */
void io_add(struct io *io, struct fault_thread *thread, struct hv_tces *tces,
	    _Atomic uint32_t *events);
/* F: true from the moment on when nothing touches or holds its pages. */
HV_MUST_USE
bool io_cut(struct io *io);
/* F: no request of it is anywhere. */
bool io_is_settled(const struct io *io);
/* F: fills in io->stat. */
void io_look(struct io *io);

/* F: one of its calls? */
bool io_is_call(uint32_t number);
/* F: io NULL: a partition without adapters. */
HV_MUST_USE
int64_t io_serve(struct io *io, const struct hv_hcall_ask *ask, uint64_t *values);

/* ---- between the files of it; F ---- */

struct io_disk *io_find_disk(struct io *io, uint64_t unit);
struct io_lan *io_find_lan(struct io *io, uint64_t unit);
/* hv_tces_hold, and what it refuses is counted. */
HV_MUST_USE
int64_t io_hold(struct io *io, uint64_t unit, uint64_t address, uint32_t bytes,
		uint64_t permission, struct hv_tce_span *spans, unsigned *ret_count);
HV_MUST_USE
int64_t io_queue_open(struct io *io, struct io_queue *queue, uint64_t unit,
		      uint64_t address, uint64_t bytes);
void io_queue_close(struct io *io, struct io_queue *queue);
/* IO4: the first `valid` bytes of the entry are written last. */
void io_queue_put(struct io *io, struct io_queue *queue,
		  const uint8_t entry[HV_IO_ENTRY_BYTES], uint16_t valid);

/* io_disk.c */
HV_MUST_USE
int64_t io_serve_disk(struct io *io, const struct hv_hcall_ask *ask);
/* true: an answer is in its queue. */
bool io_disk_take_finished(struct io *io, struct io_disk *disk);
HV_MUST_USE
bool io_disk_cut(struct io *io, struct io_disk *disk);
/* io_lan.c */
HV_MUST_USE
int64_t io_serve_lan(struct io *io, const struct hv_hcall_ask *ask, uint64_t *values);
bool io_lan_take_arrived(struct io *io, struct io_lan *lan);
HV_MUST_USE
bool io_lan_cut(struct io *io, struct io_lan *lan);

#endif
