/* bench - see bench.h. */
#include "tests/unit/agent/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int bench_set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	world_open(&bench->world, 1);
	boss_open(&bench->boss, &bench->world);
	*state = bench;
	return 0;
}

int bench_tear_down(void **state)
{
	struct bench *bench = *state;

	boss_close(&bench->boss);
	world_close(&bench->world);
	free(bench);
	return 0;
}

/* ---- conditions to wait for ---- */

struct object {
	struct agent_boss *boss;
	Tarn__ObjectKind kind;
	const char *name;
	uint64_t generation;
};

static bool object_is_done(struct agent_world *world, void *arg)
{
	struct object *object = arg;

	(void)world;
	return object->boss->report != NULL &&
	       object->boss->report->revision == object->boss->revision &&
	       boss_is_done(object->boss, object->kind, object->name, object->generation);
}

const Tarn__ObjectStatus *bench_done(struct bench *bench, Tarn__ObjectKind kind,
				     const char *name, uint64_t generation)
{
	struct object object = { &bench->boss, kind, name, generation };

	assert_true(world_wait(&bench->world, PATIENCE_MS, object_is_done, &object));
	return boss_status(&bench->boss, kind, name, generation);
}

const Tarn__ObjectStatus *bench_lpar(struct bench *bench, const char *name)
{
	return bench_done(bench, TARN__OBJECT_KIND__OBJECT_LPAR, name,
			  boss_lpar(&bench->boss, name)->run_id);
}

struct heard {
	struct agent_boss *boss;
	const char *kind;
	unsigned count;
};

static bool is_heard(struct agent_world *world, void *arg)
{
	struct heard *heard = arg;

	(void)world;
	return boss_heard(heard->boss, heard->kind) >= heard->count;
}

const struct boss_event *bench_event(struct bench *bench, const char *kind,
				     unsigned count)
{
	struct heard heard = { &bench->boss, kind, count };

	assert_true(world_wait(&bench->world, PATIENCE_MS, is_heard, &heard));
	return boss_last(&bench->boss, kind);
}

struct state {
	const char *name;
	Tarn__ViosState state;
};

static bool vios_is(struct agent_world *world, void *arg)
{
	struct agent_boss *boss = world->arg;
	struct state *state = arg;
	const Tarn__HostStat *stat = boss->report != NULL ? boss->report->stat : NULL;

	for (size_t i = 0; stat != NULL && i < stat->n_vios; i++) {
		if (strcmp(stat->vios[i]->name, state->name) == 0)
			return stat->vios[i]->state == state->state;
	}
	return false;
}

void bench_vios(struct bench *bench, const char *name, Tarn__ViosState state)
{
	struct state wanted = { name, state };

	assert_true(world_wait(&bench->world, PATIENCE_MS, vios_is, &wanted));
}

static bool pair_is_whole(struct agent_world *world, void *arg)
{
	struct state active = { "vios1", TARN__VIOS_STATE__VIOS_ACTIVE };
	struct state standby = { "vios2", TARN__VIOS_STATE__VIOS_STANDBY };

	(void)arg;
	if (vios_is(world, &active) && vios_is(world, &standby))
		return true;
	active.name = "vios2";
	standby.name = "vios1";
	return vios_is(world, &active) && vios_is(world, &standby);
}

void bench_pair(struct bench *bench)
{
	assert_true(world_wait(&bench->world, PATIENCE_MS, pair_is_whole, NULL));
}

bool bench_agent_is_dead(struct agent_world *world, void *arg)
{
	(void)arg;
	return world->core == NULL;
}

bool bench_nothing_runs(struct agent_world *world, void *arg)
{
	(void)arg;
	return world_alive(world, AGENT_PARTITION) == 0;
}

/* ---- a host with one partition of each mode ---- */

void bench_add(struct bench *bench, const char *name, const char *device)
{
	struct boss_lpar *lpar = boss_lpar(&bench->boss, name);

	(void)boss_device(&bench->boss, device);
	(void)snprintf(lpar->device, sizeof(lpar->device), "%s", device);
	boss_activate(&bench->boss, lpar);
}

void bench_go(struct bench *bench)
{
	bench_add(bench, "db1", "pg1");
	boss_lpar(&bench->boss, "ded")->is_dedicated = true;
	boss_activate(&bench->boss, boss_lpar(&bench->boss, "ded"));
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	assert_true(bench_lpar(bench, "db1")->running);
	assert_true(bench_lpar(bench, "ded")->running);
	bench_pair(bench);
}
