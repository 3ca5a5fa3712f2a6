/*
 * A cluster in trouble: orders are given while everything is lost, late, doubled,
 * cut, killed and restarted; rules S1..S9 of sim.h hold all the same. That they can
 * fail is shown by test_mutants.c.
 *
 *   test_cluster_sim [ROUNDS]      HV_SEED=N: the rounds from that seed on
 */
#include "tests/sim/sim.h"
#include "tests/support/seed.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 4 /* at least; more where something rare has not happened yet */

static struct sim_counts total;

struct rare {
	const char *name;
	const uint64_t *count;
};

// clang-format off
static const struct rare rare[] = {
	{ "orders", &total.orders },
	{ "orders sent again", &total.repeats },
	{ "messages that came late", &total.ghosts },
	{ "refusals", &total.refusals },
	{ "orders refused for a pair", &total.pair_refusals },
	{ "forced orders", &total.forced },
	{ "deaths of the coordinator", &total.crashes },
	{ "... after a commit", &total.lost_answers },
	{ "failed commits", &total.failed_commits },
	{ "deaths of agents", &total.agent_deaths },
	{ "deaths of other processes", &total.deaths },
	{ "runs", &total.runs },
	{ "... of mirrored partitions", &total.mirrored },
	{ "... with a device on another host", &total.remote },
	{ "drills", &total.drills },
	{ "drills passed", &total.verdicts },
};
// clang-format on

static bool all_happened(void)
{
	for (size_t i = 0; i < HV_COUNT(rare); i++) {
		if (*rare[i].count == 0)
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	unsigned rounds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : ROUNDS;
	unsigned most = rounds < ROUNDS ? rounds : rounds + 3 * ROUNDS;
	uint64_t seed = test_seed();

	for (unsigned round = 0; round < most; round++) {
		if (round >= rounds && all_happened())
			break;
		printf("round %u, HV_SEED=%llu\n", round,
		       (unsigned long long)(seed + round));
		(void)fflush(stdout);
		sim_play(seed + round, SIM_SOUND, &total);
	}
	for (size_t i = 0; i < HV_COUNT(rare); i++)
		printf("%8llu %s\n", (unsigned long long)*rare[i].count, rare[i].name);
	if (rounds >= ROUNDS && !all_happened()) {
		printf("something rare never happened: the test shows too little\n");
		return 1;
	}
	return 0;
}
