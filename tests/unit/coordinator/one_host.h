/*
 * one_host - what most tests here begin with: a coordinator and one host, h1.
 */
#ifndef TESTS_UNIT_COORDINATOR_ONE_HOST_H
#define TESTS_UNIT_COORDINATOR_ONE_HOST_H

#include "tests/support/coordinator.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (1024 * MIB)

extern struct test_coordinator c;
extern struct model_host host;

/* Setups of a test: h1 is nobody's yet; or it is up, with a pool and its pair. */
int open_unknown(void **state);
int open_up(void **state);
/* The same, and the coordinator knows the platform profiles that are shipped. */
int open_with_profiles(void **state);
int open_up_with_profiles(void **state);
/* Its teardown: the state holds together, and nobody asked h1 for what cannot be. */
int close_one(void **state);

/* The newest event of that kind; there is one. */
const Tarn__Event *last_event(const char *kind);
/* A host that is only declared. */
enum hv_code declare(const char *name, const char *profile, struct hv_err *err);
/* Figures of a host, which must add up. */
Tarn__HostMemory memory_of(const char *name);

#endif
