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
/* The second half of it, for a process that another one has defined a partition for. */
void bench_join(struct test_host *host, const char *name, uint64_t run_id,
		const char *token, bool wants_calls,
		struct partition_attachment *ret_memory);

static inline volatile uint64_t *bench_page(const struct partition_attachment *memory,
					    uint64_t page)
{
	return (volatile uint64_t *)(void *)(memory->base +
					     page * (uint64_t)HV_PAGE_BYTES);
}

/* How long it takes to read or write a word of it. */
uint64_t bench_touch_ns(const struct partition_attachment *memory, uint64_t page,
			bool is_write);

#endif
