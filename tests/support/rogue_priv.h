/*
 * rogue_priv - the child that is a rogue: how it attached, and what it does. Only the
 * child calls it.
 */
#ifndef TESTS_SUPPORT_ROGUE_PRIV_H
#define TESTS_SUPPORT_ROGUE_PRIV_H

#include "agent/partition/calls.h"
#include "hvcore/base/rng.h"
#include "tests/support/poison.h"
#include "tests/support/region.h"
#include "tests/support/rogue.h"

struct rogue_task {
	enum rogue_deed deed;
	uint64_t page, count;
	uint64_t (*run)(struct rogue_self *self, uint64_t a, uint64_t b);
};

struct rogue_child {
	int orders; /* socket to the test */
	int attach;
	int file;
	int ring; /* of pinned buffers; -1 none */
	struct test_region region;
	void *again;
	struct partition_calls *calls;
	struct hv_rng rng;
	struct rogue_self self;
	uint64_t run_id;
	struct poison poison;
};

uint64_t rogue_deed_do(struct rogue_child *child, const struct rogue_task *order);
/* How it keeps its file locked. */
uint64_t rogue_hold_do(struct rogue_child *child, const struct rogue_task *order);
/* Its hypervisor calls. */
uint64_t rogue_call_do(struct rogue_child *child, const struct rogue_task *order);

#endif
