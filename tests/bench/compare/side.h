/*
 * side - a process with memory that somebody pages: a partition of a real hypervisor
 * with its pair of VIOS, or a plain process in a memory control group with kernel swap.
 * It carries out load orders (load.h), one at a time.
 *
 * Contract
 *   Threads  one.
 *   Errors   what cannot be done, and a process that is gone, fail the test. It dies
 *            with the program that opened it.
 *   Order    a partition's side is closed before its host ends.
 */
#ifndef TESTS_BENCH_COMPARE_SIDE_H
#define TESTS_BENCH_COMPARE_SIDE_H

#include "tests/bench/compare/load.h"
#include "tests/support/host.h"

struct side {
	const char *name; /* of the partition; NULL: the plain process */
	uint64_t run_id, pages;
	struct test_host *host; /* NULL: the plain process */
	struct load_shared *shared;
	int pid;      /* 0: closed */
	bool is_half; /* side_fill: as load_order says */
	int orders, results;
	int home_cpu; /* where its faults are served; -1 anywhere */
};

/* What an order took of everybody. */
struct side_cost {
	struct load_result load;
	uint64_t faults;                 /* pages brought from a device */
	uint64_t page_outs;              /* partition only */
	uint64_t hypervisor_ns, vios_ns; /* that these have run; partition only */
};

/* name is shared, and unique while the host runs. */
void side_open_partition(struct side *side, struct test_host *host, const char *name,
			 unsigned mib);
/* group: file that a process writes itself into. */
void side_open_plain(struct side *side, const char *group, unsigned mib);
void side_close(struct side *side);

void side_run(struct side *side, const struct load_order *order,
	      struct side_cost *ret_cost);
/* The same in two: others may carry out orders meanwhile. */
void side_begin(struct side *side, const struct load_order *order,
		struct side_cost *ret_before);
void side_finish(struct side *side, const struct side_cost *before,
		 struct side_cost *ret_cost);
/* An order without a look at what it takes of others, and its result. */
void side_send(struct side *side, const struct load_order *order);
void side_hear(struct side *side, struct load_result *ret_load);
/* Writes every page once, in order. */
void side_fill(struct side *side);

#endif
