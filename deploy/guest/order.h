/*
 * order - what the console and the kernel's command line ask of the guest's workload.
 *
 * A line is one order: a word, for `free` a percentage behind it.
 *
 * Contract
 *   Threads  any.
 *   Memory   nothing allocates, and nothing of a text is kept.
 */
#ifndef DEPLOY_GUEST_ORDER_H
#define DEPLOY_GUEST_ORDER_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define GUEST_ORDER_BYTES 64       /* with the NUL; the longest order has 9 */
#define GUEST_MEMORY_MIB_MAX 65536 /* arbitrary */
#define GUEST_PACE_MAX 10000000    /* operations a second; arbitrary */
#define GUEST_PACE 2000            /* usual: a few percent of an emulated processor */

enum guest_order_kind {
	GUEST_ORDER_STATUS,
	GUEST_ORDER_VERIFY,
	GUEST_ORDER_PAUSE,
	GUEST_ORDER_GO,
	GUEST_ORDER_FREE,
	GUEST_ORDER_FILL,
	GUEST_ORDER_PANIC, /* its kernel gives up */
	GUEST_ORDER_POWEROFF,
	GUEST_ORDER_KIND_COUNT
};

struct guest_order {
	enum guest_order_kind kind;
	unsigned percent; /* free: 0..100 */
};

struct guest_settings {
	uint64_t memory_mib; /* tarn.mem; 0: half of what is free */
	uint64_t pace;       /* tarn.pace, operations a second; 0: as fast as it goes */
	bool may_run;        /* tarn.run=1: without waiting for `go` */
	bool may_panic;      /* tarn.panic=1: so no other machine's kernel is ended */
};

/* INVAL: no order. */
HV_MUST_USE
enum hv_code guest_order_parse(const char *text, struct guest_order *ret_order,
			       struct hv_err *err);

/* The orders there are, for who typed another. */
const char *guest_order_usage(void);

/*
 * Words that are not ours belong to others. INVAL: the first of ours with a wrong value
 * is named; *ret_settings is what the others say.
 */
HV_MUST_USE
enum hv_code guest_settings_parse(const char *command_line,
				  struct guest_settings *ret_settings,
				  struct hv_err *err);

#endif
