/*
 * program_side - a program that nobody wrote for this, once as a partition of a real
 * hypervisor, by tarn-partition --program, once as a plain process in a memory control
 * group with kernel swap. Both are of a user of their own, without privileges, and have
 * the same allocator and environment.
 *
 * Contract
 *   Threads  one.
 *   Errors   what cannot be started fails the test. It dies with who started it.
 *   Order    finished before its host ends.
 */
#ifndef TESTS_BENCH_COMPARE_PROGRAM_SIDE_H
#define TESTS_BENCH_COMPARE_PROGRAM_SIDE_H

#include "tests/support/host.h"

struct program_spec {
	const char *const *command; /* its name or path, arguments, NULL */
	unsigned memory_mib;        /* of the partition */
	int in, out, err;           /* its stdin, stdout and stderr */
	const char *group;          /* cgroup.procs of the plain one's */
};

struct program_side {
	struct test_host *host; /* NULL: the plain process */
	char name[24];          /* of the partition */
	uint64_t run_id;
	int pid; /* 0: it has ended */
	uint64_t began_ns;
	/* when it has ended */
	int status; /* exit code, or 128 + signal */
	double seconds, cpu_s;
	uint64_t faults;       /* pages brought by the hypervisor; major faults */
	uint64_t page_outs;    /* partition only */
	uint64_t ordinary_kib; /* most that it had of memory that is not the pool's */
};

/* host NULL: plain. */
void program_side_start(struct program_side *side, struct test_host *host,
			const struct program_spec *spec);
/* Waits until it ends. */
void program_side_finish(struct program_side *side);
/* What it has of memory that is not the pool's. */
uint64_t program_side_ordinary_kib(const struct program_side *side);

/* All threads that it has now run there; -1: anywhere. */
void program_side_place(const struct program_side *side, int cpu);

/* How much memory a group may have; cgroup.procs names it. */
void program_group_limit(const char *group, uint64_t bytes);

#endif
