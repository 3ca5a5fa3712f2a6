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
extern struct model_host second_host; /* h2; see bring_second() */

/* Setups of a test: h1 is nobody's yet; or it is up, with a pool and its pair. */
int open_unknown(void **state);
int open_up(void **state);
/* The same, and the coordinator knows the platform profiles that are shipped. */
int open_with_profiles(void **state);
int open_up_with_profiles(void **state);
/* Its teardown: the state holds together, and nobody asked h1 for what cannot be. */
int close_one(void **state);

const Tarn__LparRecord *lpar_of(const char *name); /* NULL: there is none */
/* A device of h1, when it is ready. */
void add_device(const char *name, uint64_t bytes);
/* The same of one that lies behind that VIOS alone. */
void add_device_behind(const char *name, uint64_t bytes, const char *vios);
/* "db1": a shared LPAR of 64 MiB that runs on h1, with a device "d1" as large. */
void run_db1(Tarn__Redundancy redundancy);
/* Another host, h2: as h1 after open_up(), with a device "d1" of 64 MiB. */
void bring_second(void);
/* The newest event of that kind; there is one. */
const Tarn__Event *last_event(const char *kind);
/* A host that is only declared. */
enum hv_code declare(const char *name, const char *profile, struct hv_err *err);
/* Figures of a host, which must add up. */
Tarn__HostMemory memory_of(const char *name);

#endif
