/*
 * bench_redis - redis-server on partition memory and under kernel swap, its data twice as
 * large as the pool: GETs a second by redis-benchmark, in turn. tests/bench/run starts it.
 * Prints one JSON object.
 *
 *   bench_redis --pool MIB --directory DIR [--group FILE | --no-group WHY] [--rounds N]
 *               [--clients N] [--requests N]
 *
 * DIR is where both may make their sockets. FILE is as of bench_program. Exit 1: a value
 * was not what was written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "tests/bench/bench_support.h"
#include "tests/bench/compare/json.h"
#include "tests/bench/compare/program_side.h"
#include "tests/bench/compare/redis.h"

#define ROUNDS_MOST 64 /* more than there are places */
#define HANG_MS 20000 /* nobody starts a VIOS again here, and a busy machine is no hang */
#define FILL_KEYS 8192    /* between two looks at how much there is */
#define CHECKED_KEYS 4000 /* of each side, before and after */

struct bench {
	unsigned pool_mib, rounds, clients;
	uint64_t requests, keys;
	const char *directory, *group, *why;
	struct test_host host;
	uint64_t bad;
};

struct server {
	struct program_side side;
	struct redis redis;
	const char *name;
	double per_s[ROUNDS_MOST], p50_us[ROUNDS_MOST], p99_us[ROUNDS_MOST];
	unsigned count;
	int processor; /* where it runs; -1 anywhere */
};

static int usage(void)
{
	(void)fprintf(stderr,
		      "usage: bench_redis --pool MIB --directory DIR [--group FILE "
		      "| --no-group WHY] [--rounds 1..64] [--clients N] "
		      "[--requests N]\n");
	return 2;
}

static bool read_options(int argc, char **argv, struct bench *bench)
{
	static const struct option options[] = {
		{ "pool", required_argument, NULL, 'p' },
		{ "directory", required_argument, NULL, 'd' },
		{ "group", required_argument, NULL, 'g' },
		{ "no-group", required_argument, NULL, 'n' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "clients", required_argument, NULL, 'c' },
		{ "requests", required_argument, NULL, 'q' },
		{ 0 },
	};
	int at;

	while ((at = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (at == 'p')
			bench->pool_mib = (unsigned)strtoul(optarg, NULL, 10);
		else if (at == 'd')
			bench->directory = optarg;
		else if (at == 'g')
			bench->group = optarg;
		else if (at == 'n')
			bench->why = optarg;
		else if (at == 'r')
			bench->rounds = (unsigned)strtoul(optarg, NULL, 10);
		else if (at == 'c')
			bench->clients = (unsigned)strtoul(optarg, NULL, 10);
		else if (at == 'q')
			bench->requests = strtoull(optarg, NULL, 10);
		else
			return false;
	}
	return optind == argc && bench->pool_mib >= 16 && bench->directory != NULL &&
	       bench->rounds >= 1 && bench->rounds <= ROUNDS_MOST &&
	       bench->clients >= 1 && bench->clients <= 1000 && bench->requests >= 1;
}

/* Four pools of memory: what an allocator takes beforehand costs none of the pool. */
static void start(struct bench *bench, struct server *server, struct test_host *host)
{
	char path[108];
	const char *const command[] = { "redis-server",
					"--port",
					"0",
					"--unixsocket",
					path,
					"--unixsocketperm",
					"777",
					"--save",
					"",
					"--appendonly",
					"no",
					"--dir",
					bench->directory,
					"--loglevel",
					"warning",
					"--set-proc-title",
					"no",
					NULL };
	const struct program_spec spec = {
		.command = command,
		.memory_mib = 4 * bench->pool_mib,
		.in = open("/dev/null", O_RDONLY | O_CLOEXEC),
		.out = STDERR_FILENO, /* stdout is the document's */
		.err = STDERR_FILENO,
		.group = bench->group,
	};

	(void)snprintf(path, sizeof(path), "%s/%s.sock", bench->directory, server->name);
	program_side_start(&server->side, host, &spec);
	(void)close(spec.in);
	redis_open(&server->redis, path);
}

static void end(struct server *server)
{
	redis_close(&server->redis);
	assert_int_equal(kill(server->side.pid, SIGTERM), 0);
	program_side_finish(&server->side);
	if (server->side.status != 0)
		(void)fprintf(stderr, "bench: redis-server (%s) ended with %d\n",
			      server->name, server->side.status);
}

/* Until its data is two pools. */
static void fill_first(struct bench *bench, struct server *server)
{
	const uint64_t wanted = (uint64_t)bench->pool_mib << 21;

	while (redis_memory(&server->redis, "used_memory") < wanted) {
		redis_fill(&server->redis, bench->keys, FILL_KEYS);
		bench->keys += FILL_KEYS;
	}
	bench->bad += redis_check(&server->redis, bench->keys, CHECKED_KEYS);
}

static void measure_one(struct bench *bench, struct server *server)
{
	struct redis_speed speed = redis_measure(&server->redis, bench->keys,
						 bench->requests, bench->clients);
	unsigned i = server->count++;

	server->per_s[i] = speed.per_s;
	server->p50_us[i] = speed.p50_us;
	server->p99_us[i] = speed.p99_us;
}

/* Where it does best, as in all comparisons (pairs.h). */
static void place(struct bench *bench, struct server *server)
{
	const int last = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	const int cpus[] = { -1, 0, last };
	double most = 0;

	for (unsigned i = 0; i < HV_COUNT(cpus); i++) {
		program_side_place(&server->side, cpus[i]);
		measure_one(bench, server);
		if (server->per_s[i] <= most)
			continue;
		most = server->per_s[i];
		server->processor = cpus[i];
	}
	program_side_place(&server->side, server->processor);
	server->count = 0;
}

static double median(const double *values, unsigned count)
{
	double sorted[ROUNDS_MOST];

	memcpy(sorted, values, count * sizeof(values[0]));
	return bench_median(sorted, count);
}

static void print_peer(const struct server *ours, const struct server *peer)
{
	double ratios[ROUNDS_MOST];

	for (unsigned i = 0; i < ours->count; i++)
		ratios[i] = ours->per_s[i] / peer->per_s[i];
	json_number("peer", median(peer->per_s, peer->count));
	json_number("ratio", median(ratios, ours->count));
	json_number("peer_p50_us", median(peer->p50_us, peer->count));
	json_number("peer_p99_us", median(peer->p99_us, peer->count));
	json_number("peer_major_faults", (double)peer->side.faults);
}

static void print(const struct bench *bench, const struct server *ours,
		  const struct server *peer)
{
	json_open("redis");
	json_number("ours", median(ours->per_s, ours->count));
	if (peer->count > 0) {
		print_peer(ours, peer);
	} else {
		json_null("peer");
		json_null("ratio");
		json_null("peer_p50_us");
		json_null("peer_p99_us");
		json_text("peer_why", bench->why != NULL ? bench->why : "");
	}
	json_number("p50_us", median(ours->p50_us, ours->count));
	json_number("p99_us", median(ours->p99_us, ours->count));
	json_number("ours_page_ins", (double)ours->side.faults);
	json_number("ours_ordinary_mib", (double)ours->side.ordinary_kib / 1024);
	json_number("ours_processor", ours->processor);
	if (peer->count > 0)
		json_number("peer_processor", peer->processor);
	json_number("keys", (double)bench->keys);
	json_number("clients", bench->clients);
	json_number("bad", (double)bench->bad);
	json_open_array("pairs");
	for (unsigned i = 0; i < ours->count; i++) {
		json_open_array(NULL);
		json_number(NULL, ours->per_s[i]);
		if (peer->count > 0)
			json_number(NULL, peer->per_s[i]);
		json_close_array();
	}
	json_close_array();
	json_close();
}

/* The group gets what ours has besides the pool, so that both have as much for data. */
static void open_both(struct bench *bench, struct server *ours, struct server *peer)
{
	start(bench, ours, &bench->host);
	fill_first(bench, ours);
	if (bench->group == NULL)
		return;
	program_group_limit(bench->group,
			    ((uint64_t)bench->pool_mib << 20) +
				    (program_side_ordinary_kib(&ours->side) << 10));
	start(bench, peer, NULL);
	redis_fill(&peer->redis, 0, bench->keys);
	bench->bad += redis_check(&peer->redis, bench->keys, CHECKED_KEYS);
}

static void measure(struct bench *bench)
{
	static struct server ours = { .name = "ours" }, peer = { .name = "peer" };

	open_both(bench, &ours, &peer);
	place(bench, &ours); /* which warms them up */
	if (bench->group != NULL)
		place(bench, &peer);
	for (unsigned i = 0; i < 2 * bench->rounds; i++) {
		bool is_ours = (i + i / 2) % 2 == 0;

		if (is_ours)
			measure_one(bench, &ours);
		else if (bench->group != NULL)
			measure_one(bench, &peer);
	}
	bench->bad += redis_check(&ours.redis, bench->keys, CHECKED_KEYS);
	if (bench->group != NULL) {
		bench->bad += redis_check(&peer.redis, bench->keys, CHECKED_KEYS);
		end(&peer);
	}
	end(&ours);
	print(bench, &ours, &peer);
}

int main(int argc, char **argv)
{
	static struct bench bench = { .rounds = 5, .clients = 8, .requests = 40000 };

	if (!read_options(argc, argv, &bench))
		return usage();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	test_host_start(&bench.host, &(struct test_host_config){
					     .memory_mib = 2 * bench.pool_mib + 512,
					     .hang_ms = HANG_MS });
	assert_int_equal(test_host_pool(&bench.host, bench.pool_mib, NULL), HV_OK);
	json_open(NULL);
	measure(&bench);
	json_close();
	test_host_end(&bench.host);
	return bench.bad == 0 ? 0 : 1;
}
