/*
 * oom_bench - a coordinator whose allocations fail one after the other, on the way of a
 * request from its bytes to its answer. What the journal and the answer need does not
 * count.
 */
#ifndef TESTS_UNIT_COORDINATOR_OOM_BENCH_H
#define TESTS_UNIT_COORDINATOR_OOM_BENCH_H

#include "tests/support/coordinator.h"

extern struct test_coordinator c;
extern struct model_host host;

/* Setup and teardown of a test. */
int oom_set_up(void **state);
int oom_tear_down(void **state);

/* Submits and flushes with the nth allocation failing; whether it was reached. */
bool submit(unsigned nth, const uint8_t *bytes, size_t count, struct test_answer *to);
/* A change, until nothing is left to fail; it ends carried out. */
void sweep_change(Tarn__ClusterRequest *request);
/* A read is answered, whole or with an error. */
void sweep_read(Tarn__ClusterRequest *request);
/* A report of the host as it is, and all that follows from it. */
void sweep_report(void);
void sweep_poll(void);
void settle(void);
/* What was planned becomes so on the host; its report is swept as well. */
void converge(void);

#define SWEEP(upper, field, message) \
	do { \
		Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT; \
		request.kind_case = TARN__CLUSTER_REQUEST__KIND_##upper; \
		request.field = &(message); \
		sweep_change(&request); \
	} while (0)

#endif
