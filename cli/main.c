/* tarn - the command line of the cluster. */
#include "cli/world.h"

int main(int argc, char **argv)
{
	struct cli_world world;
	struct cli cli;

	cli_world_open(&world, &cli);
	return cli_main(&cli, argc > 0 ? (unsigned)argc - 1 : 0, argv + 1);
}
