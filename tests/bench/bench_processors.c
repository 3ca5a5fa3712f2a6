/*
 * bench_processors - who gets the processors when they are fought for: processes that
 * never sleep, in groups made and set by the agent's own code, twice a second, as the
 * agent does it. Prints one JSON object; how to read it is in README.md here.
 *
 *   bench_processors [SECONDS of each measurement, 6]
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/cgroup.h"
#include "agent/core/share.h"
#include "hvcore/base/clock.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

#define STEP_MS 500
#define WARM_STEPS 4
#define MEMBERS_MAX 3
#define THREADS_MAX 64

struct member {
	const char *name;
	struct core_share share;
	bool is_busy;
	pid_t pid;
	uint64_t first_us, last_us; /* of its group */
	struct agent_usage usage;
};

static struct agent_cgroups *cgroups;
static unsigned machine; /* processors */
static unsigned seconds = 6;
static uint64_t idle_us; /* at the last look; 0 = none yet */

static bool never(void *arg)
{
	(void)arg;
	return false;
}

_Noreturn static void *spin(void *arg)
{
	volatile unsigned long count = 0;

	(void)arg;
	for (;;)
		count++;
}

_Noreturn static void be_busy(bool is_busy)
{
	pthread_t thread;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (unsigned i = 0; is_busy && i < machine && i < THREADS_MAX; i++)
		(void)pthread_create(&thread, NULL, spin, NULL);
	for (;;)
		(void)pause();
}

static void fail(const char *what, const struct hv_err *err)
{
	(void)fprintf(stderr, "bench_processors: %s: %s\n", what, hv_err_text(err));
	exit(EXIT_FAILURE);
}

/* One look of the agent's: use is read, the rest divided anew. */
static void step(struct member *members, unsigned count, uint64_t ms)
{
	struct core_share shares[MEMBERS_MAX];
	uint64_t idle = agent_idle_us(AGENT_IDLE_STAT);
	uint64_t capacity = idle_us != 0 ? (idle - idle_us) / (ms * 10) : machine * 100;
	struct hv_err err = { 0 };

	for (unsigned i = 0; i < count; i++) {
		struct agent_usage now;

		if (agent_cgroup_usage(cgroups, members[i].name, &now, &err) == HV_OK) {
			members[i].share.rate =
				(uint32_t)((now.used_us - members[i].usage.used_us) /
					   (ms * 10));
			members[i].usage = now;
		}
		shares[i] = members[i].share;
		capacity += shares[i].rate;
	}
	idle_us = idle;
	core_share_divide(
		shares, count,
		(uint32_t)(capacity < machine * 100 ? capacity : machine * 100));
	for (unsigned i = 0; i < count; i++)
		if (agent_cgroup_limit(cgroups, members[i].name, members[i].pid,
				       &shares[i].limits, &err) != HV_OK)
			fail(members[i].name, &err);
}

static void run(struct member *members, unsigned count, unsigned steps)
{
	for (unsigned i = 0; i < steps; i++) {
		uint64_t from = hv_clock_ms();

		(void)test_wait(never, NULL, STEP_MS);
		step(members, count, hv_clock_ms() - from);
	}
}

static void start(struct member *members, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		members[i].share.procs = machine;
		members[i].share.rate = members[i].is_busy ? 100 : 0;
		members[i].pid = fork();
		if (members[i].pid == 0)
			be_busy(members[i].is_busy);
	}
	step(members, count, STEP_MS);
}

static void end(struct member *members, unsigned count)
{
	struct hv_err err = { 0 };

	for (unsigned i = 0; i < count; i++) {
		(void)kill(members[i].pid, SIGKILL);
		(void)waitpid(members[i].pid, NULL, 0);
		if (agent_cgroup_remove(cgroups, members[i].name, &err) != HV_OK)
			fail("remove a group", &err);
	}
}

/* Used, in processors, over the measurement. */
static void measure(struct member *members, unsigned count, double used[MEMBERS_MAX])
{
	uint64_t from, ns;

	start(members, count);
	run(members, count, WARM_STEPS);
	for (unsigned i = 0; i < count; i++)
		members[i].first_us = members[i].usage.used_us;
	from = hv_clock_ns();
	run(members, count, seconds * 1000 / STEP_MS);
	ns = hv_clock_ns() - from;
	for (unsigned i = 0; i < count; i++)
		used[i] = (double)(members[i].usage.used_us - members[i].first_us) /
			  ((double)ns / 1e3);
	end(members, count);
}

static void capped(const char *name, uint32_t units)
{
	struct member one = { .name = "a",
			      .share = { .entitled = units },
			      .is_busy = true };
	double used[MEMBERS_MAX];

	measure(&one, 1, used);
	printf("  \"%s\": { \"entitled\": %.2f, \"used\": %.3f, \"held_back\": %llu },\n",
	       name, units / 100.0, used[0], (unsigned long long)one.usage.throttled);
}

static struct member uncapped(const char *name, uint32_t units, uint32_t weight)
{
	return (struct member){
		.name = name,
		.is_busy = true,
		.share = { .entitled = units, .is_uncapped = true, .weight = weight }
	};
}

/* What each got beyond its entitlement: of b to a. */
static void by_weight(const char *name, struct member *members, unsigned count)
{
	double used[MEMBERS_MAX], beyond[2];

	measure(members, count, used);
	for (unsigned i = 0; i < 2; i++)
		beyond[i] = used[i] - members[i].share.entitled / 100.0;
	printf("  \"%s\": { \"used\": [%.3f, %.3f], \"beyond_entitlement\": [%.3f, "
	       "%.3f], "
	       "\"ratio\": %.2f },\n",
	       name, used[0], used[1], beyond[0], beyond[1], beyond[1] / beyond[0]);
}

static void measure_all(void)
{
	struct member equal[] = { uncapped("a", 20, 128), uncapped("b", 20, 128) };
	struct member weights[] = { uncapped("a", 20, 64), uncapped("b", 20, 192) };
	struct member left[] = { uncapped("a", 20, 64), uncapped("b", 20, 192),
				 uncapped("idle", 100, 128) };
	struct member kept[] = {
		uncapped("greedy", 20, 255),
		{ .name = "a", .share = { .entitled = 50 }, .is_busy = true }
	};
	double used[MEMBERS_MAX];

	printf("{ \"processors\": %u,\n", machine);
	capped("capped_0.05", 5);
	capped("capped_0.30", 30);
	by_weight("equal", equal, 2);
	by_weight("weights_64_192", weights, 2);
	left[2].is_busy = false;
	by_weight("left_by_an_idle_one", left, 3);
	measure(kept, 2, used);
	printf("  \"entitled_beside_a_greedy_one\": { \"entitled\": 0.50, \"used\": "
	       "%.3f, "
	       "\"greedy\": %.3f }\n}\n",
	       used[1], used[0]);
}

int main(int argc, char **argv)
{
	static const uint8_t id[AGENT_ID_BYTES] = { 0xbe, 0x4c };
	struct agent_cgroups_config config = { .id = id,
					       .mounts = AGENT_CGROUPS_MOUNTS,
					       .membership = AGENT_CGROUPS_MEMBERSHIP };
	struct test_tmpdir dir;
	struct hv_err err = { 0 };
	char run_dir[TEST_PATH_BYTES + 8];

	machine = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (argc > 1)
		seconds = (unsigned)strtoul(argv[1], NULL, 10);
	test_tmpdir_make(&dir);
	config.state = dir.path;
	(void)snprintf(run_dir, sizeof(run_dir), "%s/run", dir.path);
	if (hv_directory_make(run_dir, &err) != HV_OK ||
	    agent_cgroups_open(&config, &cgroups, &err) != HV_OK)
		fail("open", &err);
	if (agent_cgroups_where(cgroups)[0] == '\0') {
		(void)fprintf(stderr, "bench_processors: %s\n",
			      agent_cgroups_why(cgroups));
		return 77;
	}
	measure_all();
	(void)!agent_cgroups_clear(config.state);
	agent_cgroups_close(cgroups);
	test_tmpdir_remove(&dir);
	return EXIT_SUCCESS;
}
