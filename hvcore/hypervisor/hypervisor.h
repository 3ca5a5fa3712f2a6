/*
 * hypervisor - tarn-hypervisor as a library: the LMB map, the shared memory pool,
 * the partitions, the VIOS pair, and the fault threads that page between them.
 *
 * Contract
 *   Threads  the loop thread.
 *   Memory   `config` is copied. close ends everything: partitions still attached
 *            are killed first (P1: none goes on with zeros for its pages).
 *   Errors   open says which resource could not be had.
 */
#ifndef HVCORE_HYPERVISOR_HYPERVISOR_H
#define HVCORE_HYPERVISOR_HYPERVISOR_H

#include "hvcore/loop/loop.h"

#include <stdbool.h>
#include <stdint.h>

struct hypervisor; /* opaque */

struct hypervisor_config {
	const char *state_dir;
	uint64_t memory_bytes;
	uint64_t lmb_bytes;
	unsigned hang_ms;       /* silence of a VIOS that counts as a hang */
	unsigned fault_threads; /* 0 = one a processor */
	unsigned donation_ms;   /* between decisions of the manager; 0: by weight alone */
	unsigned window_ms;     /* in which pages count as used */
	bool is_home_near;      /* partitions go where their devices interrupt */
	bool is_steering;       /* threads that wait for pages go where these come from */
	unsigned read_ahead;    /* neighbours brought with a page; 0: none */
	bool expects_writes;    /* pages that are written each time come writable */
	unsigned hedge_us;      /* a page-in is late after that; 0: never */
	unsigned tier_share;    /* percent of the pool for compressed pages; 0: none */
};

/* The mount namespace (hv_pool_namespace_enter) is the caller's to make first. */
HV_MUST_USE
enum hv_code hypervisor_open(struct hv_loop *loop, const struct hypervisor_config *config,
			     struct hypervisor **ret_hypervisor, struct hv_err *err);
/*
 * false: a device or a file system has not answered in time, so that the kernel or a
 * worker may still use what belongs to it, and the loop: end the process at once, by
 * _exit(), and free nothing.
 */
HV_MUST_USE
bool hypervisor_close(struct hypervisor *hypervisor); /* NULL is fine */

#endif
