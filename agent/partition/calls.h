/*
 * calls - makes hypervisor calls (hvcore/wire/hcall.h): the partition's half of the
 * shared memory.
 *
 * A call takes a slot that is free, asks, rings, and sleeps until its answer is there:
 * some microseconds, as long as the hypervisor lives. When it does not, the control
 * thread ends the process (P1), so a call that waits needs no way out.
 *
 * Contract
 *   Threads  any, at most HV_HCALL_SLOTS at once.
 *   Memory   open takes both descriptors, also where it fails.
 *   Errors   open: OS, NOMEM, CORRUPT (the memory is shorter than it must be). A call
 *            has no failure but its LoPAR code.
 */
#ifndef AGENT_PARTITION_CALLS_H
#define AGENT_PARTITION_CALLS_H

#include "hvcore/wire/hcall.h"

#include <stdbool.h>

struct partition_calls;

HV_MUST_USE
enum hv_code partition_calls_open(int memory, int doorbell, uint64_t hpt_bytes,
				  struct partition_calls **ret_calls, struct hv_err *err);
/* No call may wait. NULL is fine. */
void partition_calls_close(struct partition_calls *calls);

/* Groups of the partition's page table: a power of two. */
uint64_t partition_calls_groups(const struct partition_calls *calls);

/* args: HV_HCALL_ARGS of them, or NULL for zeros. */
struct hv_hcall_answer partition_call(struct partition_calls *calls, uint32_t number,
				      const uint64_t *args);

/*
 * The same again for as long as it is H_BUSY or H_LONG_BUSY_1_MSEC: as long as a fault
 * takes, or a transfer that is under way.
 */
struct hv_hcall_answer partition_call_again(struct partition_calls *calls,
					    uint32_t number, const uint64_t *args);

/* How many pages have left their frames while entries translated to them, ever. */
uint32_t partition_calls_left(const struct partition_calls *calls);
/*
 * The page of that serial number. Only as good as partition_calls_left() says after it
 * was read: a number HV_LEFT_RING behind is another one's by then.
 */
uint32_t partition_calls_left_page(const struct partition_calls *calls, uint32_t serial);

/* A byte for each page of the maximum (hvcore/wire/hint.h), and how many there are. */
_Atomic uint8_t *partition_calls_hints(struct partition_calls *calls);
uint64_t partition_calls_hint_count(const struct partition_calls *calls);

/* Answers of virtual adapters, ever: a futex (hvcore/wire/io.h). */
_Atomic uint32_t *partition_calls_io_events(const struct partition_calls *calls);

/* The memory itself, for tests that write into it what nobody should. */
struct hv_hcall_area *partition_calls_area(struct partition_calls *calls);

#endif
