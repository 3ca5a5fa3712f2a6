/*
 * world - the real outside world of a command: nng, clock, random numbers, terminal,
 * environment.
 *
 * Threads: one. Memory: `world` must live as long as the cli.
 */
#ifndef CLI_WORLD_H
#define CLI_WORLD_H

#include "cli/cli.h"

void cli_world_open(struct cli_world *world, struct cli *ret_cli);

#endif
