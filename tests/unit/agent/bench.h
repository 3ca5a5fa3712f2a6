/*
 * bench - an agent core, its world and its boss, and how a test waits for them.
 *
 * Every wait is for a condition, in virtual time, at most PATIENCE_MS.
 */
#ifndef TESTS_UNIT_AGENT_BENCH_H
#define TESTS_UNIT_AGENT_BENCH_H

#include "tests/support/agent_boss.h"

/* cmocka.h wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PATIENCE_MS 20000
#define CLAIM(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)

struct bench {
	struct agent_world world;
	struct agent_boss boss;
};

int bench_set_up(void **state);
int bench_tear_down(void **state);

/* A shared partition and its device, activated; not yet published. */
void bench_add(struct bench *bench, const char *name, const char *device);
/* A host with the shared "db1" on "pg1" and the dedicated "ded", all up. */
void bench_go(struct bench *bench);

/* Until a report on the newest desired state says that it is done. */
const Tarn__ObjectStatus *bench_done(struct bench *bench, Tarn__ObjectKind kind,
				     const char *name, uint64_t generation);
const Tarn__ObjectStatus *bench_lpar(struct bench *bench, const char *name);
/* Until `count` such events were heard; the last one. */
const struct boss_event *bench_event(struct bench *bench, const char *kind,
				     unsigned count);
void bench_vios(struct bench *bench, const char *name, Tarn__ViosState state);
void bench_pair(struct bench *bench); /* one ACTIVE, one STANDBY */

/* For world_wait(). */
bool bench_agent_is_dead(struct agent_world *world, void *arg);
bool bench_nothing_runs(struct agent_world *world, void *arg);

#endif
