/* sim_trouble - what goes wrong, and how it ends; see sim.h. */
#include "tests/sim/sim.h"

#include "hvcore/base/invariant.h"

#include <signal.h>
#include <stdlib.h>

#define STEPS 100      /* of trouble, some seconds apart */
#define CALM_MS 400000 /* a drill's bounds, back-offs and a shutdown, one by one */

static void kill_something(struct sim *sim, struct agent_world *world)
{
	struct world_process *process = NULL;

	for (unsigned i = 0; i < 20 && process == NULL; i++) {
		process = &world->processes[sim_below(sim, 20)];
		if (process->instance.pid == 0 || process->is_loser ||
		    (process->kind == AGENT_HYPERVISOR && !sim_chance(sim, 10)))
			process = NULL;
	}
	if (process == NULL)
		return;
	sim->counts.deaths++;
	world_die(world, process,
		  sim_chance(sim, 30) ? (int)sim_below(sim, 3) : -SIGKILL);
}

static void make_host_fail(struct sim *sim, struct agent_world *world)
{
	switch (sim_below(sim, 7)) {
	case 0:
		world->disk_is_full = sim_chance(sim, 30);
		break;
	case 1:
		world->hypervisor_is_stopped = sim_chance(sim, 25);
		break;
	case 2:
		world->pool_code = sim_chance(sim, 40) ? HV_E_NOSPC : HV_OK;
		break;
	case 3:
		world->define_code = sim_chance(sim, 40) ? HV_E_NOMEM : HV_OK;
		break;
	case 4:
		world->formats_fail = sim_chance(sim, 30);
		break;
	case 5:
		world->vios_fail = sim_chance(sim, 15);
		world->vios_are_stubborn = sim_chance(sim, 30);
		break;
	default:
		world->partitions_outlive = sim_chance(sim, 50);
		break;
	}
}

static void cut_link(struct sim *sim)
{
	unsigned peer = (unsigned)sim_below(sim, SIM_PEERS);
	uint64_t until_ms = sim->now_ms + sim_below(sim, 15000);

	if (!sim_chance(sim, 30))
		sim->cut_up_ms[peer] = until_ms;
	if (!sim_chance(sim, 30))
		sim->cut_down_ms[peer] = until_ms;
}

static void make_trouble(struct sim *sim)
{
	struct agent_world *world = sim->worlds[sim_below(sim, SIM_HOSTS)];

	switch (sim_below(sim, 12)) {
	case 0:
		sim_crash(sim, sim_below(sim, 8000));
		break;
	case 1:
	case 2:
		if (sim->coordinator.journal.fail_in == 0)
			sim->coordinator.journal.fail_in = 1 +
							   (unsigned)sim_below(sim, 20);
		break;
	case 3:
		cut_link(sim);
		break;
	case 4:
		sim->loss_percent = sim_chance(sim, 50) ? (unsigned)sim_below(sim, 30)
							: 0;
		break;
	case 5:
		if (world->core != NULL)
			world_agent_kill(world);
		break;
	case 6:
		world->crash_in = 1 + (unsigned)sim_below(sim, 200);
		world->crash_after = sim_chance(sim, 50);
		break;
	case 7:
	case 8:
		make_host_fail(sim, world);
		break;
	default:
		kill_something(sim, world);
		break;
	}
}

static void heal(struct sim *sim)
{
	sim->is_calm = true;
	sim->loss_percent = 0;
	sim->coordinator.journal.fail_in = 0;
	for (unsigned i = 0; i < SIM_PEERS; i++)
		sim->cut_up_ms[i] = sim->cut_down_ms[i] = 0;
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		struct agent_world *world = sim->worlds[i];

		world->crash_in = 0;
		world->disk_is_full = false;
		world->hypervisor_is_stopped = false;
		world->pool_code = world->define_code = HV_OK;
		world->formats_fail = world->vios_fail = false;
		world->vios_are_stubborn = world->partitions_outlive = false;
	}
}

void sim_play(uint64_t seed, enum sim_mutant mutant, struct sim_counts *total)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	uint64_t calm_ms = 0;

	HV_INVARIANT(sim != NULL);
	sim_open(sim, seed, mutant);
	sim_run(sim, 10000);
	for (unsigned step = 0; step < STEPS; step++) {
		make_trouble(sim);
		sim_run(sim, sim_below(sim, sim_chance(sim, 10) ? 20000 : 2000));
	}
	heal(sim);
	for (; !sim_is_settled(sim, false) && calm_ms < CALM_MS; calm_ms += 500)
		sim_run(sim, 500);
	if (!sim_is_settled(sim, true))
		sim_fail(sim, "S9: the cluster does not come to what is wanted", "");
	sim_check_answers(sim);
	if (!cluster_is_same(&sim->shadow, test_cluster(&sim->coordinator)))
		sim_fail(sim, "S1: state and log differ in the end", "");
	sim_count(sim, total);
	sim_close(sim);
	free(sim);
}
