/*
 * qmp - what QEMU's monitor says, as what it means for a partition, and the few things
 * that we say to it.
 *
 * Contract
 *   Threads  the control thread.
 *   Memory   embedded; nothing allocates. The descriptor is lent.
 *   Errors   a line that is too long, or is none of ours, is left out. GONE: QEMU has
 *            closed its end.
 *   Time     never blocks. What finds no room is not said; who asks each second asks
 *            again.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_QMP_H
#define AGENT_PARTITION_ATTACH_LIBRARY_QMP_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define QMP_LINE_BYTES 32768 /* arbitrary: query-blockstats of 8 disks is 10 KiB */
#define QMP_TEXT_BYTES 128   /* of what somebody said */

enum qmp_event_kind {
	QMP_NOTHING,  /* not for us */
	QMP_GREETING, /* QEMU is there: QMP_SAY_READY is next */
	QMP_DONE,     /* something we said */
	QMP_FAILED,   /* the same; `text` */
	QMP_RESET,    /* the guest begins anew, in the same process */
	QMP_SHUTDOWN, /* QEMU is about to end: `text` is why */
	QMP_PANICKED, /* the guest's kernel gave up */
	QMP_STOPPED,  /* the machine stands still */
	QMP_RESUMED,
	QMP_POWERDOWN, /* its power button was pressed */
	QMP_IO_ERROR,  /* of a disk; `text` is which */
	QMP_BALLOON,   /* `bytes`: memory that its balloon leaves it */
	QMP_STATS,     /* what the guest says of its memory */
	QMP_BLOCKS,    /* what its disks did */
	QMP_STATUS,    /* `text`: "running", "internal-error" ... */
	QMP_EVENT_COUNT
};

struct qmp_guest_stats { /* bytes and counts; UINT64_MAX: it does not say */
	uint64_t total, free, available, caches;
	uint64_t swapped_in, swapped_out, major_faults;
	uint64_t updated_s; /* since 1970; 0: never */
};

struct qmp_blocks { /* of all its disks together */
	uint64_t reads, writes, read_bytes, written_bytes, failed;
};

struct qmp_event {
	enum qmp_event_kind kind;
	char text[QMP_TEXT_BYTES]; /* printable */
	uint64_t bytes;
	struct qmp_guest_stats stats;
	struct qmp_blocks blocks;
};

/* Pure. */
struct qmp_event qmp_event_of(const char *line, size_t bytes);

enum qmp_say {
	QMP_SAY_READY,
	QMP_SAY_POWERDOWN,
	QMP_SAY_POLL_STATS, /* the guest's balloon is asked once a second from here on */
	QMP_SAY_STATS,
	QMP_SAY_ACTUAL,
	QMP_SAY_BLOCKS,
	QMP_SAY_STATUS,
	QMP_SAY_COUNT
};

struct qmp {
	int fd; /* -1: none */
	size_t used;
	bool is_too_long; /* the line that is being read */
	char in[QMP_LINE_BYTES];
};

void qmp_init(struct qmp *qmp, int fd); /* non-blocking from here on */
/* False: there was no room. */
bool qmp_say(struct qmp *qmp, enum qmp_say what);
bool qmp_say_balloon(struct qmp *qmp, uint64_t bytes);
/* Reads what is there; on_event for each line. GONE: nothing more will come. */
HV_MUST_USE
enum hv_code qmp_read(struct qmp *qmp,
		      void (*on_event)(const struct qmp_event *event, void *arg),
		      void *arg);

#endif
