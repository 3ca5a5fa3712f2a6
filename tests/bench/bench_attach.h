/*
 * bench_attach - a benchmark that is the partition itself, of a real hypervisor.
 *
 * Contract: one thread; what cannot be done fails the test.
 */
#ifndef TESTS_BENCH_BENCH_ATTACH_H
#define TESTS_BENCH_BENCH_ATTACH_H

#include "agent/partition/attach.h"
#include "tests/support/host.h"

/* Run 1 of the spec, which is shared; for the life of the process. */
void bench_attach(struct test_host *host, const struct test_partition *spec,
		  bool wants_calls, struct partition_attachment *ret_memory);

#endif
