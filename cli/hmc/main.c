/* tarn-hmc - the HMC commands: which one is decided by the name it is called by. */
#include "cli/hmc/hmc.h"
#include "cli/world.h"

int main(int argc, char **argv)
{
	struct cli_world world;
	struct cli cli;

	cli_world_open(&world, &cli);
	return hmc_main(&cli, argc > 0 ? (unsigned)argc : 0, argv);
}
