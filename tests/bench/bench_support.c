/* bench_support - see bench_support.h. */
#include "tests/bench/bench_support.h"

#include <dirent.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hvcore/base/invariant.h"

#define GOALS_MAX 16

struct goal {
	const char *text;
	double value, least, most;
};

static struct goal goals[GOALS_MAX];
static unsigned goal_count;

void bench_goal(const char *text, double value, double least, double most)
{
	HV_INVARIANT(goal_count < GOALS_MAX);
	goals[goal_count++] = (struct goal){ text, value, least, most };
}

static bool is_met(const struct goal *goal)
{
	return goal->value >= goal->least &&
	       (goal->most == 0 || goal->value <= goal->most);
}

void bench_goals_print(void)
{
	printf("\"goals\": [\n");
	for (unsigned i = 0; i < goal_count; i++) {
		printf("    { \"goal\": \"%s\", \"value\": %.4f, \"least\": %g, ",
		       goals[i].text, goals[i].value, goals[i].least);
		if (goals[i].most != 0)
			printf("\"most\": %g, ", goals[i].most);
		printf("\"met\": %s }%s\n", is_met(&goals[i]) ? "true" : "false",
		       i + 1 < goal_count ? "," : "");
	}
	printf("  ]");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_median(double *values, unsigned count)
{
	qsort(values, count, sizeof(values[0]), by_value);
	return values[count / 2];
}

uint64_t bench_cpu_of(int pid)
{
	struct timespec used = { 0 };
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) == 0)
		(void)clock_gettime(clock, &used);
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static uint64_t read_run(int pid, int thread)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, thread);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%llu", &ns) != 1)
		ns = 0;
	(void)fclose(file);
	return ns;
}

/* For each thread of a process, with where it may run. */
static void each_thread(int pid,
			void (*visit)(int pid, int thread, const cpu_set_t *cpus,
				      void *arg),
			void *arg)
{
	const struct dirent *entry;
	char path[32];
	cpu_set_t cpus;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		int thread = (int)strtol(entry->d_name, NULL, 10);

		CPU_ZERO(&cpus);
		if (thread > 0 && sched_getaffinity(thread, sizeof(cpus), &cpus) == 0)
			visit(pid, thread, &cpus, arg);
	}
	(void)closedir(dir);
}

static void find_home(int pid, int thread, const cpu_set_t *cpus, void *arg)
{
	int *home = arg;

	(void)pid;
	(void)thread;
	for (int cpu = 0; CPU_COUNT(cpus) == 1 && cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((unsigned)cpu, cpus))
			*home = cpu;
}

int bench_home_of(int pid)
{
	int home = -1;

	each_thread(pid, find_home, &home);
	return home;
}

struct beside {
	int cpu;
	uint64_t ns;
};

static void add_beside(int pid, int thread, const cpu_set_t *cpus, void *arg)
{
	struct beside *beside = arg;

	if (beside->cpu >= 0 && CPU_ISSET((unsigned)beside->cpu, cpus))
		beside->ns += read_run(pid, thread);
}

uint64_t bench_cpu_beside(int pid, int cpu)
{
	struct beside beside = { .cpu = cpu };

	each_thread(pid, add_beside, &beside);
	return beside.ns;
}
