/* world - see world.h. */
#include "tests/integration/hmc/world.h"

#include "hvcore/loop/rpc.h"
#include "hvcore/wire/messages.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <signal.h>

#define ASK_MS 20000
#define PATH_BYTES 4096

static struct {
	struct test_tmpdir dir;
	char url[TEST_PATH_BYTES + 16];
	struct test_process coordinator;
	struct test_process command;
	uint8_t keys;
} w;

static void set_environment(void)
{
	const char *bin = getenv("TARN_BIN"), *old = getenv("PATH");
	char path[PATH_BYTES];

	assert_non_null(bin);
	(void)snprintf(path, sizeof(path), "%s/hmc:%s", bin, old != NULL ? old : "");
	if (strstr(path, "/hmc:") != NULL && strncmp(old, path, strlen(bin) + 4) != 0)
		assert_int_equal(setenv("PATH", path, 1), 0);
	assert_int_equal(setenv("TARN_COORDINATOR", w.url, 1), 0);
}

void hmc_world_add(const char *name, const char *profile)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;
	uint8_t key[HV_KEY_BYTES] = { ++w.keys };
	Tarn__ClusterReply *reply = NULL;
	uint8_t *bytes, *answer;
	size_t count, answer_count;

	add.name = (char *)name;
	add.profile = (char *)profile;
	add.has_declared = 1;
	add.declared = 1;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	request.has_key = 1;
	request.key = (ProtobufCBinaryData){ sizeof(key), key };
	assert_int_equal(hv_message_encode(&request.base, &bytes, &count, NULL), HV_OK);
	assert_int_equal(
		hv_rpc_ask(w.url, bytes, count, ASK_MS, &answer, &answer_count, NULL),
		HV_OK);
	free(bytes);
	assert_int_equal(hv_cluster_reply_decode(answer, answer_count, &reply, NULL),
			 HV_OK);
	free(answer);
	if (reply->error != NULL)
		fail_msg("%s", reply->error->text);
	tarn__cluster_reply__free_unpacked(reply, NULL);
}

int hmc_world_open(void **state)
{
	const char *source = getenv("TARN_SOURCE");
	char directory[TEST_PATH_BYTES + 16], path[TEST_PATH_BYTES + 16];
	char profiles[PATH_BYTES];
	const char *arguments[] = { "--state",    directory, "--listen", w.url,
				    "--profiles", profiles,  NULL };

	(void)state;
	assert_non_null(source);
	test_tmpdir_make(&w.dir);
	test_tmpdir_file(&w.dir, "state", directory, sizeof(directory));
	(void)snprintf(w.url, sizeof(w.url), "ipc://%s",
		       test_tmpdir_file(&w.dir, "c.ipc", path, sizeof(path)));
	(void)snprintf(profiles, sizeof(profiles), "%s/deploy/profiles", source);
	w.coordinator = (struct test_process){ .out_fd = -1, .err_fd = -1 };
	test_process_start(&w.coordinator, "tarn-coordinator", arguments);
	if (!test_process_says(&w.coordinator, "coordinator.serving", TEST_WAIT_MS))
		fail_msg("%s", w.coordinator.err);
	set_environment();
	hmc_world_add(HMC_WORLD_SYSTEM, "power770");
	return 0;
}

int hmc_world_close(void **state)
{
	(void)state;
	assert_int_equal(test_process_end(&w.coordinator, SIGTERM), 0);
	test_tmpdir_remove(&w.dir);
	return 0;
}

int hmc_run(const char *line)
{
	return test_process_run(&w.command, "/bin/bash",
				(const char *[]){ "-c", line, NULL });
}

const char *hmc_out(void)
{
	return w.command.out;
}

const char *hmc_err(void)
{
	return w.command.err;
}

void hmc_prints(const char *line, const char *out)
{
	int status = hmc_run(line);

	if (status != 0 || strcmp(w.command.out, out) != 0 || w.command.err[0] != '\0')
		fail_msg("%s\n  status %d\n  out '%s'\n  not '%s'\n  err '%s'", line,
			 status, w.command.out, out, w.command.err);
}

void hmc_does(const char *line)
{
	hmc_prints(line, "");
}

void hmc_refuses(const char *line, const char *says)
{
	int status = hmc_run(line);
	const char *end = strchr(w.command.err, '\n');

	if (status != 1 || w.command.out[0] != '\0' || end == NULL || end[1] != '\0' ||
	    strstr(w.command.err, says) == NULL)
		fail_msg("%s\n  status %d\n  out '%s'\n  err '%s'\n  without '%s'", line,
			 status, w.command.out, w.command.err, says);
}
