/*
 * Random wishes, random deaths: whatever the coordinator wants and whatever dies,
 * the agent too, in the middle of anything, the host comes to what is wanted in the
 * end, no run is started twice and no process has a second instance.
 *
 * The rules that hold at every moment are checked by agent_world; what must hold in
 * the end is checked here.
 */
#include "tests/support/agent_boss.h"
#include "tests/support/seed.h"

#include "hvcore/base/invariant.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS 40
#define STEPS 120
#define NAMES 8
#define CALM_MS 180000 /* longest back-offs, deadlines and a shutdown, one by one */

struct game {
	struct agent_world world;
	struct agent_boss boss;
};

static uint64_t below(struct game *game, uint64_t n)
{
	return hv_rng_below(&game->world.rng, n);
}

static struct boss_lpar *some_lpar(struct game *game)
{
	char name[HV_NAME_BYTES];
	struct boss_lpar *lpar;

	(void)snprintf(name, sizeof(name), "l%u", (unsigned)below(game, NAMES));
	lpar = boss_lpar(&game->boss, name);
	if (lpar->device[0] == '\0')
		(void)snprintf(lpar->device, sizeof(lpar->device), "pg-%.20s", name);
	return lpar;
}

static bool is_done(struct game *game, Tarn__ObjectKind kind, const char *name,
		    uint64_t generation)
{
	return game->boss.report != NULL &&
	       game->boss.report->revision == game->boss.revision &&
	       boss_is_done(&game->boss, kind, name, generation);
}

static void want_lpar(struct game *game)
{
	struct boss_lpar *lpar = some_lpar(game);

	switch (below(game, 4)) {
	case 0:
	case 1:
		if (!lpar->is_running &&
		    !boss_device(&game->boss, lpar->device)->is_removed) {
			lpar->is_dedicated = below(game, 4) == 0;
			boss_activate(&game->boss, lpar);
		}
		break;
	case 2:
		lpar->is_running = false;
		lpar->is_immediate = below(game, 2) == 0;
		break;
	default: /* only what is off may be removed, and only then its device */
		if (!lpar->is_running && is_done(game, TARN__OBJECT_KIND__OBJECT_LPAR,
						 lpar->name, lpar->run_id))
			memset(lpar, 0, sizeof(*lpar));
		break;
	}
}

static void want_device(struct game *game)
{
	struct boss_device *device = &game->boss.devices[below(game, BOSS_DEVICES)];

	if (device->name[0] == '\0')
		return;
	for (size_t i = 0; i < BOSS_LPARS; i++) {
		if (strcmp(game->boss.lpars[i].device, device->name) == 0)
			return;
	}
	if (!device->is_removed) {
		device->is_removed = true;
		device->generation = game->boss.next_id++;
	} else if (is_done(game, TARN__OBJECT_KIND__OBJECT_DEVICE, device->name,
			   device->generation)) {
		memset(device, 0, sizeof(*device));
	}
}

static void want_order(struct game *game)
{
	static const Tarn__HostOpKind kinds[] = {
		TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL,
		TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY,
		TARN__HOST_OP_KIND__HOST_OP_STALL_RESET,
		TARN__HOST_OP_KIND__HOST_OP_AUDIT,
		TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR,
	};
	Tarn__HostOpKind kind = kinds[below(game, HV_COUNT(kinds))];
	unsigned used = 0;

	for (size_t i = 0; i < BOSS_OPS; i++) {
		struct boss_op *op = &game->boss.ops[i];

		if (op->id != 0 &&
		    is_done(game, TARN__OBJECT_KIND__OBJECT_OP, "", op->id))
			*op = (struct boss_op){ 0 };
		used += op->id != 0;
	}
	if (used == BOSS_OPS)
		return;
	(void)boss_order(
		&game->boss, kind,
		kind == TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL ||
				kind == TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR
			? "vios1"
			: "");
}

/* One at a time: the next when the last is over. */
static void want_resize(struct game *game)
{
	struct boss_lpar *lpar = &game->boss.lpars[below(game, BOSS_LPARS)];

	if (!lpar->is_running || (lpar->resize_generation != 0 &&
				  !is_done(game, TARN__OBJECT_KIND__OBJECT_RESIZE,
					   lpar->name, lpar->resize_generation)))
		return;
	if (lpar->resize_generation != 0 && below(game, 2) == 0)
		lpar->resize_generation = 0;
	else
		(void)boss_resize(&game->boss, lpar,
				  (1 + below(game, 9)) * WORLD_LMB_BYTES);
}

static void want_share(struct game *game)
{
	struct boss_lpar *lpar = &game->boss.lpars[below(game, BOSS_LPARS)];

	if (lpar->name[0] == '\0')
		return;
	lpar->weight = (uint32_t)below(game, 256);
	lpar->entitled_bytes = (512 + below(game, 4)) * HV_PAGE_BYTES;
}

static void want_something(struct game *game)
{
	static const char *const names[][2] = { { "vios1", "vios3" },
						{ "vios2", "vios4" } };
	uint64_t which = below(game, 2);

	switch (below(game, 14)) {
	case 13:
		game->boss.exports ^= true;
		break;
	case 12:
		game->boss.vios[which].is_not_assigned ^= true;
		break;
	case 11:
		game->boss.vios[which].name = names[which][below(game, 2)];
		break;
	case 10:
		want_share(game);
		break;
	case 8:
	case 9:
		want_resize(game);
		break;
	case 0:
		game->boss.vios[which].is_maintained ^= true;
		break;
	case 1:
		game->boss.vios[which].is_enabled ^= true;
		break;
	case 2:
		boss_pool(&game->boss, (1 + below(game, 8)) << 26);
		break;
	case 3:
		want_order(game);
		break;
	case 4:
		want_device(game);
		break;
	default:
		want_lpar(game);
		break;
	}
	if (below(game, 20) == 0)
		game->boss.epoch++;
	boss_publish(&game->boss);
}

static void kill_something(struct game *game)
{
	struct world_process *process =
		&game->world.processes[below(game, WORLD_PROCESSES / 8)];

	if (process->instance.pid != 0 && !process->is_loser &&
	    (process->kind != AGENT_HYPERVISOR || below(game, 4) == 0))
		world_die(&game->world, process,
			  below(game, 3) == 0 ? (int)below(game, 3) : -SIGKILL);
}

static void make_trouble(struct game *game)
{
	struct agent_world *world = &game->world;

	switch (below(game, 13)) {
	case 12:
		world->resize_code = below(game, 2) == 0 ? HV_E_NOMEM : HV_OK;
		world->gives_at_most = below(game, 3) * WORLD_LMB_BYTES;
		world->share_code = below(game, 2) == 0 ? HV_E_REFUSED : HV_OK;
		break;
	case 0:
		world->disk_is_full = !world->disk_is_full && below(game, 3) == 0;
		break;
	case 1:
		world->hypervisor_is_stopped = below(game, 3) == 0;
		break;
	case 2:
		game->boss.is_away = below(game, 3) == 0;
		break;
	case 3:
		game->boss.loss_percent = (unsigned)below(game, 40);
		break;
	case 4:
		world->partitions_outlive = below(game, 2) == 0;
		world->vios_are_stubborn = below(game, 2) == 0;
		break;
	case 5:
		world->hypervisor_fails = below(game, 6) == 0;
		world->vios_fail = below(game, 6) == 0;
		break;
	case 6:
	case 7:
		world->crash_in = 1 + (unsigned)below(game, 60);
		world->crash_after = below(game, 2) == 0;
		break;
	case 8:
		if (world->core != NULL)
			world_agent_kill(world);
		break;
	default:
		kill_something(game);
		break;
	}
}

static void be_calm(struct game *game)
{
	struct agent_world *world = &game->world;

	world->disk_is_full = false;
	world->hypervisor_is_stopped = false;
	world->hypervisor_fails = false;
	world->vios_fail = false;
	world->partitions_outlive = false;
	world->share_code = HV_OK;
	world->crash_in = 0;
	game->boss.is_away = false;
	game->boss.loss_percent = 0;
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++) {
		game->boss.vios[i].is_enabled = true;
		game->boss.vios[i].is_maintained = false;
		game->boss.vios[i].is_not_assigned = false;
	}
	boss_publish(&game->boss);
	if (world->core == NULL)
		world_agent_start(world);
}

/* ---- what must be so in the end ---- */

/* What is reported of its memory is what it has; all of it where there is no error. */
static bool resize_is_settled(struct game *game, const struct boss_lpar *lpar)
{
	const struct world_partition *it = world_partition(&game->world, lpar->name);
	const Tarn__ObjectStatus *status;

	if (lpar->resize_generation == 0)
		return true;
	status = boss_status(&game->boss, TARN__OBJECT_KIND__OBJECT_RESIZE, lpar->name,
			     lpar->resize_generation);
	if (status == NULL || !status->done)
		return false;
	if (it == NULL)
		return status->error != NULL;
	return status->bytes == it->mem_bytes &&
	       (status->error != NULL || status->bytes == lpar->resize_bytes);
}

static bool share_is_settled(struct game *game, const struct boss_lpar *lpar)
{
	const struct world_partition *it = world_partition(&game->world, lpar->name);

	return it == NULL || it->mode == TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED ||
	       (it->weight == lpar->weight &&
		(lpar->entitled_bytes == 0 ||
		 it->entitled_bytes == lpar->entitled_bytes));
}

static bool lpars_are_settled(struct game *game)
{
	unsigned running = 0;

	for (size_t i = 0; i < BOSS_LPARS; i++) {
		const struct boss_lpar *lpar = &game->boss.lpars[i];
		const Tarn__ObjectStatus *status;
		bool is_alive;

		if (lpar->name[0] == '\0')
			continue;
		if (!is_done(game, TARN__OBJECT_KIND__OBJECT_LPAR, lpar->name,
			     lpar->run_id))
			return false;
		status = boss_status(&game->boss, TARN__OBJECT_KIND__OBJECT_LPAR,
				     lpar->name, lpar->run_id);
		is_alive = world_find(&game->world, AGENT_PARTITION, lpar->name) != NULL;
		if (is_alive != status->running || (is_alive && !lpar->is_running) ||
		    (!is_alive && world_partition(&game->world, lpar->name) != NULL) ||
		    !resize_is_settled(game, lpar) || !share_is_settled(game, lpar))
			return false;
		running += is_alive;
	}
	return world_alive(&game->world, AGENT_PARTITION) == running;
}

static bool others_are_settled(struct game *game)
{
	const struct agent_boss *boss = &game->boss;
	unsigned healthy = 0;

	for (size_t i = 0; i < BOSS_DEVICES; i++) {
		if (boss->devices[i].name[0] != '\0' &&
		    !is_done(game, TARN__OBJECT_KIND__OBJECT_DEVICE,
			     boss->devices[i].name, boss->devices[i].generation))
			return false;
	}
	for (size_t i = 0; i < BOSS_OPS; i++) {
		if (boss->ops[i].id != 0 &&
		    !is_done(game, TARN__OBJECT_KIND__OBJECT_OP, "", boss->ops[i].id))
			return false;
	}
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++)
		healthy += game->world.vios[i].state == TARN__VIOS_STATE__VIOS_ACTIVE ||
			   game->world.vios[i].state == TARN__VIOS_STATE__VIOS_STANDBY;
	return healthy == 2 && world_alive(&game->world, AGENT_VIOS) == 2 &&
	       world_alive(&game->world, AGENT_EXPORTER) == boss->exports &&
	       world_alive(&game->world, AGENT_HYPERVISOR) == 1 &&
	       game->world.pool_is_set && game->world.pool_bytes == boss->pool_bytes &&
	       is_done(game, TARN__OBJECT_KIND__OBJECT_POOL, "", boss->pool_generation);
}

static bool is_settled(struct agent_world *world, void *arg)
{
	(void)world;
	return lpars_are_settled(arg) && others_are_settled(arg);
}

static void complain(const struct game *game)
{
	const Tarn__HostReport *report = game->boss.report;

	for (size_t i = 0; report != NULL && i < report->n_objects; i++) {
		const Tarn__ObjectStatus *it = report->objects[i];

		fprintf(stderr, "kind %d '%s' %llu done %d running %d: %s%s\n", it->kind,
			it->name, (unsigned long long)it->generation, it->done,
			it->running, it->text != NULL ? it->text : "",
			it->error != NULL ? it->error->text : "");
	}
	for (size_t i = 0; i < WORLD_PROCESSES; i++) {
		const struct world_process *it = &game->world.processes[i];

		if (it->instance.pid != 0)
			fprintf(stderr, "process %d '%s' run %llu\n", it->kind, it->name,
				(unsigned long long)it->run_id);
	}
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++)
		fprintf(stderr, "vios '%s' state %d expected %d maintained %d\n",
			game->world.vios[i].name, game->world.vios[i].state,
			game->world.vios[i].is_expected,
			game->world.vios[i].is_maintained);
	for (size_t i = 0; i < WORLD_LPARS; i++) {
		const struct world_partition *it = &game->world.partitions[i];

		if (it->name[0] != '\0')
			fprintf(stderr, "partition '%s' run %llu state %d\n", it->name,
				(unsigned long long)it->run_id, it->state);
	}
	fprintf(stderr, "pool %d %llu, wanted %llu; revision %llu, reported %llu\n",
		game->world.pool_is_set, (unsigned long long)game->world.pool_bytes,
		(unsigned long long)game->boss.pool_bytes,
		(unsigned long long)game->boss.revision,
		(unsigned long long)(report != NULL ? report->revision : 0));
	world_fail(&game->world, "the host does not come to what is wanted", "");
}

static void play(uint64_t seed)
{
	struct game *game = calloc(1, sizeof(*game));

	HV_INVARIANT(game != NULL);
	world_open(&game->world, seed);
	boss_open(&game->boss, &game->world);
	boss_publish(&game->boss);
	world_agent_start(&game->world);
	for (unsigned step = 0; step < STEPS; step++) {
		if (below(game, 2) == 0)
			want_something(game);
		if (below(game, 3) == 0)
			make_trouble(game);
		world_run(&game->world,
			  below(game, 8) == 0 ? below(game, 20000) : below(game, 500));
		if (game->world.core == NULL && below(game, 2) == 0)
			world_agent_start(&game->world);
	}
	be_calm(game);
	if (!world_wait(&game->world, CALM_MS, is_settled, game))
		complain(game);
	boss_close(&game->boss);
	world_close(&game->world);
	free(game);
}

int main(void)
{
	uint64_t seed = test_seed();

	for (unsigned round = 0; round < ROUNDS; round++) {
		printf("round %u, HV_SEED=%llu\n", round,
		       (unsigned long long)(seed + round));
		(void)fflush(stdout);
		play(seed + round);
	}
	return 0;
}
