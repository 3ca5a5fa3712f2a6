/*
 * access - single looks at a partition's memory, and stores into the pages that are kept
 * for them, by a thread that may not wait for a page: it asks, a worker serves.
 *
 *   NONE --ask--> WANTED --serve--> DONE --take--> NONE
 *
 * Contract
 *   Threads  ask and take: one thread that asks. is_wanted and serve: the worker that
 *            owns the reserved pages (guest.h).
 *   Memory   the box is embedded. Serving may fault, and wait as long as the fault does.
 *   Errors   open: OS. ask: STATE while one is under way.
 */
#ifndef AGENT_PARTITION_ACCESS_H
#define AGENT_PARTITION_ACCESS_H

#include "agent/partition/guest.h"
#include "agent/partition/stall.h"

#define PARTITION_ACCESS_BYTES 256 /* of one look; arbitrary */

enum partition_access_result {
	PARTITION_ACCESS_DONE,
	PARTITION_ACCESS_OUTSIDE,   /* of the memory in use */
	PARTITION_ACCESS_PROTECTED, /* a store into pages of the workload */
	PARTITION_ACCESS_FAILED,    /* poisoned, or its translation is refused */
	PARTITION_ACCESS_COUNT
};

struct partition_access {
	bool is_store;
	uint64_t address; /* of a store: a multiple of 8 */
	uint64_t value;   /* to store */
	unsigned bytes;   /* to look at, up to PARTITION_ACCESS_BYTES */
	enum partition_access_result result;
	uint8_t data[PARTITION_ACCESS_BYTES];
};

enum partition_access_at { ACCESS_NONE, ACCESS_WANTED, ACCESS_DONE };

struct partition_access_box { /* private */
	_Atomic enum partition_access_at at;
	struct partition_access access; /* whose it is, `at` says */
	int notice;
};

HV_MUST_USE
enum hv_code partition_access_open(struct partition_access_box *box, struct hv_err *err);
void partition_access_close(struct partition_access_box *box);

HV_MUST_USE
enum hv_code partition_access_ask(struct partition_access_box *box,
				  const struct partition_access *access,
				  struct hv_err *err);
/* Readable once it is done. */
int partition_access_notice(const struct partition_access_box *box);
/* True once, with its result, when it is done. */
HV_MUST_USE
bool partition_access_take(struct partition_access_box *box,
			   struct partition_access *ret_access);

bool partition_access_is_wanted(const struct partition_access_box *box);
void partition_access_serve(struct partition_access_box *box,
			    struct partition_guest *guest, struct partition_stall *stall);

#endif
