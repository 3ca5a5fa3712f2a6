/*
 * one_host - what most tests here begin with: a coordinator and one host, h1.
 */
#ifndef TESTS_UNIT_COORDINATOR_ONE_HOST_H
#define TESTS_UNIT_COORDINATOR_ONE_HOST_H

#include "tests/support/coordinator.h"

#define MIB (UINT64_C(1) << 20)

extern struct test_coordinator c;
extern struct model_host host;

/* Setups of a test: h1 is nobody's yet; or it is up, with a pool and its pair. */
int open_unknown(void **state);
int open_up(void **state);
/* Its teardown: the state holds together, and nobody asked h1 for what cannot be. */
int close_one(void **state);

#endif
