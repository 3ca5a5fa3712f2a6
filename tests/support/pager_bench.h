/*
 * pager_bench - a pager_world in which the test does all that happens, a step at a time:
 * for unit tests of the engine.
 *
 * Whatever does not hold fails the test, and every step is followed by world_check().
 *
 * Contract: single-threaded, within a cmocka test.
 */
#ifndef TESTS_SUPPORT_PAGER_BENCH_H
#define TESTS_SUPPORT_PAGER_BENCH_H

#include "tests/support/pager_world.h"

#define BENCH_PAGES 16u
#define BENCH_FRAMES 64u /* more than pages: nothing is stolen but by the test */
#define BENCH_TURN_NS 1000000u

extern struct world world; /* the one of this program */

/* Each member has so many threads, and all may fault at once. */
struct world_config bench_config(unsigned members, unsigned fills);
/* For cmocka: checks it and gives it back. */
int bench_tear_down(void **state);

void bench_check(void);

/* A thread begins to touch; what it waits for is not read yet. */
void bench_start(unsigned member, unsigned thread, enum model_op op, uint32_t page);
/* ... the first one of the first member, and then a turn. */
void bench_touch(enum model_op op, uint32_t page);
bool bench_is_idle(unsigned member, unsigned thread);

/* One turn of the fault thread, so long after the last; the VIOS do nothing. */
struct hv_pager_run bench_turn_after(uint64_t ns);
void bench_turn(void); /* BENCH_TURN_NS */

/* One request of that path is carried out, in that way, and answered. */
void bench_answer(unsigned path, enum model_fault fault);
/* All that are out there are, well. */
void bench_serve(unsigned path);
unsigned bench_out(unsigned path);

/* The page is picked as a victim: off its queue, and its page-out begins. */
void bench_steal(unsigned member, uint32_t page);
/* The first member has written it, and its page-out is out on every path that is asked. */
void bench_send_away(uint32_t page);
/* ... and is answered, well. */
void bench_put_away(uint32_t page);

#endif
