/*
 * dabr - the data address breakpoint of a partition: H_SET_DABR, by hardware breakpoints
 * (perf_event_open) on the threads of its process.
 *
 * Setting one takes system calls and may wait for another processor, so the fault thread
 * that is asked hands it to the loop, and answers H_LONG_BUSY_1_MSEC until it is done:
 * who asks the same again gets the outcome.
 *
 *   IDLE --H_SET_DABR--> ASKED --loop: set, or why not--> DONE --the same again--> IDLE
 *    ^ hits are read and told            another value: ASKED anew
 *
 * A breakpoint is in a processor's debug register by the address in the process: no page
 * is touched, brought or held for it, and a page that is paged out and in is still
 * watched. It ends with the partition.
 *
 * Contract
 *   Threads  set and hits: its fault thread. on_loop functions: L. While ASKED the
 *            loop has the table of threads, else the fault thread may read it.
 *   Memory   embedded, zero-initialised; nothing allocates on F. A descriptor a thread
 *            of the process, at most DABR_THREADS_MAX.
 *   Errors   LoPAR codes; H_HARDWARE with errno in values[0]: the kernel denies it.
 *   Units    logical addresses; DABR_BYTES are watched.
 */
#ifndef HVCORE_HYPERVISOR_DABR_H
#define HVCORE_HYPERVISOR_DABR_H

#include <stdatomic.h>
#include <stdbool.h>

#include "hvcore/loop/loop.h"
#include "hvcore/mem/calls.h"
#include "hvcore/wire/messages.h"

#define DABR_BYTES 8
#define DABR_THREADS_MAX HV_WATCH_THREADS_MAX
#define DABR_LOOK_MS 100   /* between two looks at the counters */
#define DABR_PAUSE_MS 20   /* between two that are set: the loop has others to serve */
#define DABR_NAME_BYTES 16 /* of a thread, as the kernel keeps it */

enum dabr_at { DABR_IDLE, DABR_ASKED, DABR_DONE };

/* Where its memory lies in a process, which ends when *pidfd says so. */
struct dabr_target {
	int pid;
	const int *pidfd;
	uint64_t base, bytes;
};

struct dabr_thread {
	int fd, tid;
	char name[DABR_NAME_BYTES];
	_Atomic uint64_t hits;
};

struct dabr {
	_Atomic enum dabr_at at;
	uint64_t address; /* logical; what was asked last */
	unsigned flags;   /* HV_DABR_READ, HV_DABR_WRITE; 0: none */
	uint64_t next_ms; /* F: not before is another one asked for */
	int64_t code;     /* the outcome */
	int os;
	/* L */
	struct hv_loop *loop; /* NULL: not attached */
	struct dabr_target target;
	struct hv_job job;
	struct hv_timer timer;
	bool is_set;
	unsigned count;
	struct dabr_thread threads[DABR_THREADS_MAX];
};

/* Before F has it. */
void dabr_attach(struct dabr *dabr, struct hv_loop *loop,
		 const struct dabr_target *target);
/* L, when no fault thread has it any more. */
void dabr_close(struct dabr *dabr);

/* F: what hv_calls asks of it. */
extern const struct hv_calls_watch dabr_watch;

/* L: hits of all threads. */
uint64_t dabr_hits(const struct dabr *dabr);

#endif
