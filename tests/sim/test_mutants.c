/*
 * The rules of sim.h can fail: programs that are broken on purpose are caught, each
 * by its rule.
 */
#include "tests/sim/sim.h"
#include "tests/support/seed.h"

#include "hvcore/base/invariant.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 40 /* at most; one or two are enough */
#define LINE_BYTES 256

static const char *const mutant_rules[SIM_MUTANT_COUNT] = {
	[SIM_ACKS_WITHOUT_COMMIT] = "S1: ",
	[SIM_IGNORES_KEYS] = "S2: ",
	[SIM_FORGETS_RUNS] = "a run ",
	[SIM_MIXES_HOSTS_UP] = "S3: ",
};

static void be_mutant(uint64_t seed, enum sim_mutant mutant, int output)
{
	struct sim_counts counts = { 0 };

	(void)dup2(output, STDERR_FILENO);
	sim_play(seed, mutant, &counts);
	_exit(0);
}

/* Reads to the end; the last line stays. */
static void read_last_line(int from, char line[LINE_BYTES])
{
	size_t length = 0;
	char byte;

	line[0] = '\0';
	while (read(from, &byte, 1) == 1) {
		if (byte == '\n') {
			line[length] = '\0';
			length = 0;
		} else if (length < LINE_BYTES - 1) {
			line[length++] = byte;
		}
	}
}

/* Whether it was caught in that life, by the rule that is for it. */
static bool is_caught(uint64_t seed, enum sim_mutant mutant)
{
	char line[LINE_BYTES];
	int status, ends[2];
	pid_t child;

	HV_INVARIANT(pipe(ends) == 0);
	child = fork();
	HV_INVARIANT(child >= 0);
	if (child == 0)
		be_mutant(seed, mutant, ends[1]);
	(void)close(ends[1]);
	read_last_line(ends[0], line);
	(void)close(ends[0]);
	HV_INVARIANT(waitpid(child, &status, 0) == child);
	printf("mutant %d, HV_SEED=%llu: %s\n", (int)mutant, (unsigned long long)seed,
	       line);
	(void)fflush(stdout);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
	       strstr(line, mutant_rules[mutant]) != NULL;
}

int main(void)
{
	uint64_t seed = test_seed();

	for (unsigned mutant = SIM_SOUND + 1; mutant < SIM_MUTANT_COUNT; mutant++) {
		unsigned round = 0;

		while (!is_caught(seed + round, (enum sim_mutant)mutant)) {
			if (++round == ROUNDS) {
				printf("mutant %u is not caught\n", mutant);
				return 1;
			}
		}
	}
	return 0;
}
