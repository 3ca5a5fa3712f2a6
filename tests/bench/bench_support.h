/*
 * bench_support - what benchmarks share: goals as data, and who had the processors.
 *
 * Contract
 *   Threads  one.
 *   Units    nanoseconds.
 */
#ifndef TESTS_BENCH_BENCH_SUPPORT_H
#define TESTS_BENCH_BENCH_SUPPORT_H

#include <stdint.h>

/* `text` is kept. most 0: as much as there may be. Missed or met, it is data. */
void bench_goal(const char *text, double value, double least, double most);
/* "goals": [ ... ], a member of the object that is being printed. */
void bench_goals_print(void);

double bench_median(double *values, unsigned count); /* sorts them */

/* What all threads of a process have run. 0: it is gone. */
uint64_t bench_cpu_of(int pid);
/* The processor that a thread of it is bound to; -1 none. */
int bench_home_of(int pid);
/* What those of its threads have run that may run on that processor: an upper bound. */
uint64_t bench_cpu_beside(int pid, int cpu);

#endif
