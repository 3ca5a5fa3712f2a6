/*
 * bench_hmc - what HMC commands cost, with the real programs: a coordinator, and each
 * command as a process. Prints one JSON object; how to read it is in README.md here.
 *
 *   bench_hmc [partitions of the large system [runs of each command]]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/units.h"
#include "hvcore/loop/rpc.h"
#include "hvcore/wire/messages.h"
#include "tests/support/process.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

#define MIB (UINT64_C(1) << 20)
#define PARTITIONS 10000
#define RUNS 21
#define RUNS_MAX 1000
#define SMALL_HOSTS 3
#define SMALL_PARTITIONS 100
#define ASK_MS 20000
#define WORDS_MAX 16
#define URL_BYTES (TEST_PATH_BYTES + 16)

static struct bench {
	struct test_tmpdir dir;
	char url[URL_BYTES];
	struct test_process coordinator;
	uint64_t keys;
	unsigned partitions, runs;
	bool has_line; /* of the JSON object that is open */
} bench;

/* ---- the cluster ---- */

static void start_coordinator(void)
{
	const char *source = getenv("TARN_SOURCE");
	char state[TEST_PATH_BYTES + 16], profiles[TEST_PATH_BYTES * 4];
	char path[TEST_PATH_BYTES + 16];
	const char *arguments[] = { "--state",    state,    "--listen", bench.url,
				    "--profiles", profiles, NULL };

	test_tmpdir_make(&bench.dir);
	test_tmpdir_file(&bench.dir, "state", state, sizeof(state));
	(void)snprintf(bench.url, sizeof(bench.url), "ipc://%s",
		       test_tmpdir_file(&bench.dir, "c.ipc", path, sizeof(path)));
	(void)snprintf(profiles, sizeof(profiles), "%s/deploy/profiles",
		       source != NULL ? source : ".");
	bench.coordinator = (struct test_process){ .out_fd = -1, .err_fd = -1 };
	test_process_start(&bench.coordinator, "tarn-coordinator", arguments);
	if (!test_process_says(&bench.coordinator, "coordinator.serving", TEST_WAIT_MS))
		fail_msg("%s", bench.coordinator.err);
	assert_int_equal(setenv("TARN_COORDINATOR", bench.url, 1), 0);
}

static void stop_coordinator(void)
{
	(void)test_process_end(&bench.coordinator, SIGTERM);
	test_tmpdir_remove(&bench.dir);
}

static void change(Tarn__ClusterRequest *request)
{
	uint8_t key[HV_KEY_BYTES] = { 0 };
	Tarn__ClusterReply *reply = NULL;
	uint8_t *bytes, *answer;
	size_t count, answer_count;

	bench.keys++;
	memcpy(key, &bench.keys, sizeof(bench.keys));
	request->has_key = 1;
	request->key = (ProtobufCBinaryData){ sizeof(key), key };
	assert_int_equal(hv_message_encode(&request->base, &bytes, &count, NULL), HV_OK);
	assert_int_equal(
		hv_rpc_ask(bench.url, bytes, count, ASK_MS, &answer, &answer_count, NULL),
		HV_OK);
	free(bytes);
	assert_int_equal(hv_cluster_reply_decode(answer, answer_count, &reply, NULL),
			 HV_OK);
	free(answer);
	if (reply->error != NULL)
		fail_msg("%s", reply->error->text);
	tarn__cluster_reply__free_unpacked(reply, NULL);
}

static void add_host(const char *name)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;

	add.name = (char *)name;
	add.profile = (char *)"power770";
	add.has_declared = 1;
	add.declared = 1;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	change(&request);
}

static Tarn__LparAttribute attribute(const char *name, const char *value)
{
	Tarn__LparAttribute made = TARN__LPAR_ATTRIBUTE__INIT;

	made.name = (char *)name;
	made.value = (char *)value;
	return made;
}

/* As mksyscfg makes it: with a profile, and what an HMC always sets. */
static void add_partition(const char *host, unsigned number)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparCreate create = TARN__LPAR_CREATE__INIT;
	Tarn__LparProfile profile = TARN__LPAR_PROFILE__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	Tarn__LparAttribute own[] = { attribute("lpar_env", "aixlinux") };
	Tarn__LparAttribute settings[] = { attribute("proc_mode", "ded"),
					   attribute("min_procs", "1"),
					   attribute("desired_procs", "2"),
					   attribute("max_procs", "4"),
					   attribute("max_virtual_slots", "20") };
	Tarn__LparAttribute *own_list[] = { &own[0] };
	Tarn__LparAttribute *list[HV_COUNT(settings)];
	char name[HV_NAME_BYTES];

	(void)snprintf(name, sizeof(name), "partition%05u", number);
	for (unsigned i = 0; i < HV_COUNT(settings); i++)
		list[i] = &settings[i];
	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.name = name;
	spec.mode = profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	spec.min_bytes = profile.min_bytes = 256 * MIB;
	spec.mem_bytes = profile.mem_bytes = 512 * MIB;
	spec.max_bytes = profile.max_bytes = 1024 * MIB;
	spec.workload = &workload;
	profile.name = (char *)"normal";
	profile.attributes = list;
	profile.n_attributes = HV_COUNT(list);
	create.spec = &spec;
	create.profile = &profile;
	create.host = (char *)host;
	create.attributes = own_list;
	create.n_attributes = HV_COUNT(own_list);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &create;
	change(&request);
}

/* ---- one command ---- */

struct cost {
	double wall_ms, own_ms; /* own: user and system time of the command */
};

static void run_child(const char *line)
{
	char text[512], path[1024], *words[WORDS_MAX + 1] = { 0 }, *at = text;
	const char *bin = getenv("TARN_BIN");
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)snprintf(text, sizeof(text), "%s", line);
	for (unsigned i = 0; i < WORDS_MAX && at != NULL; i++)
		words[i] = strsep(&at, " ");
	(void)snprintf(path, sizeof(path), "%s/%s%s", bin != NULL ? bin : ".",
		       strcmp(words[0], "tarn") == 0 ? "" : "hmc/", words[0]);
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		_exit(126);
	(void)execv(path, words);
	_exit(127);
}

static struct cost run_once(const char *line)
{
	uint64_t start = hv_clock_ns();
	struct rusage used;
	struct cost cost;
	pid_t pid = fork();
	int status;

	if (pid == 0)
		run_child(line);
	assert_true(pid > 0);
	assert_int_equal(wait4(pid, &status, 0, &used), pid);
	if (status != 0)
		fail_msg("%s: status %d", line, status);
	cost.wall_ms = (double)(hv_clock_ns() - start) / 1e6;
	cost.own_ms = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
		      (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
	return cost;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

static void measure(const char *line)
{
	double wall[RUNS_MAX], own[RUNS_MAX];
	double wall_ms, own_ms;

	(void)run_once(line); /* the first one reads the program from disk */
	for (unsigned i = 0; i < bench.runs; i++) {
		struct cost cost = run_once(line);

		wall[i] = cost.wall_ms;
		own[i] = cost.own_ms;
	}
	wall_ms = median(wall, bench.runs);
	own_ms = median(own, bench.runs);
	(void)printf("%s\n    \"%s\": { \"own_ms\": %.1f, \"wall_ms\": %.1f, "
		     "\"wall_max_ms\": %.1f }",
		     bench.has_line ? "," : "", line, own_ms, wall_ms,
		     wall[bench.runs - 1]);
	(void)fflush(stdout);
	bench.has_line = true;
}

static void measure_all(const char *name, const char *const *lines)
{
	(void)printf("  \"%s\": {", name);
	bench.has_line = false;
	for (; *lines != NULL; lines++)
		measure(*lines);
	(void)printf("\n  }");
}

static void bench_small(void)
{
	static const char *const lines[] = {
		"lssyscfg -r sys",
		"lssyscfg -r lpar -m host1",
		"lssyscfg -r prof -m host1",
		"lshwres -r mem -m host1 --level sys",
		"lshwres -r mem -m host1 --level lpar",
		"lshwres -r proc -m host1 --level lpar",
		"lshwres -r mempool -m host1",
		"lssysconn -r all",
		"lshmc -V",
		"lshmcusr",
		"lsrefcode -r lpar -m host1",
		"lsled -r sa -m host1 -t phys",
		"lssvcevents -t console -d 1",
		"lslparutil -r sys -m host1 -n 1",
		"lslparutil -r lpar -m host1 -d 1",
		"chsyscfg -r lpar -m host1 -i name=partition00001,auto_start=1",
		"tarn lpar list",
		NULL,
	};
	char name[HV_NAME_BYTES];

	start_coordinator();
	for (unsigned i = 0; i < SMALL_HOSTS; i++) {
		(void)snprintf(name, sizeof(name), "host%u", i + 1);
		add_host(name);
	}
	for (unsigned i = 0; i < SMALL_PARTITIONS; i++) {
		(void)snprintf(name, sizeof(name), "host%u", i % SMALL_HOSTS + 1);
		add_partition(name, i + 1);
	}
	measure_all("hosts_3_partitions_100", lines);
	stop_coordinator();
}

static void bench_large(void)
{
	static const char *const lines[] = {
		"lssyscfg -r lpar -m large",
		"lssyscfg -r lpar -m large -F name,state",
		"lssyscfg -r lpar -m large --filter lpar_names=partition00077",
		"lssyscfg -r prof -m large",
		"lshwres -r mem -m large --level lpar",
		"lssyscfg -r sys",
		"tarn lpar list",
		NULL,
	};
	char name[64];
	uint64_t start = hv_clock_ns();

	start_coordinator();
	add_host("large");
	for (unsigned i = 0; i < bench.partitions; i++)
		add_partition("large", i + 1);
	(void)printf(",\n  \"creation_ms\": %.2f,\n",
		     (double)(hv_clock_ns() - start) / 1e6 / bench.partitions);
	(void)snprintf(name, sizeof(name), "partitions_%u", bench.partitions);
	measure_all(name, lines);
	stop_coordinator();
}

int main(int argc, char **argv)
{
	uint64_t partitions = PARTITIONS, runs = RUNS;

	if ((argc > 1 &&
	     hv_u64_parse(argv[1], HV_LPARS_MAX, &partitions, NULL) != HV_OK) ||
	    (argc > 2 && hv_u64_parse(argv[2], RUNS_MAX, &runs, NULL) != HV_OK) ||
	    partitions == 0 || runs == 0) {
		(void)fprintf(stderr, "usage: bench_hmc [partitions [runs]]\n");
		return 2;
	}
	bench.partitions = (unsigned)partitions;
	bench.runs = (unsigned)runs;
	(void)printf("{\n");
	bench_small();
	bench_large();
	(void)printf("\n}\n");
	return 0;
}
