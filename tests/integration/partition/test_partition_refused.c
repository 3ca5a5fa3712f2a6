/* Who may attach to a real hypervisor: one process, once, with the right token. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/host.h"

#define RUN_ID 7

static struct test_host host;

static const struct test_partition spec = {
	.name = "db1",
	.mem_mib = 16,
	.is_dedicated = true, /* no VIOS is needed for this */
};

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .has_no_vios = true });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

static void start(struct test_process *process, const char *name, const char *run_id,
		  const char *token)
{
	char socket[TEST_PATH_BYTES];

	(void)test_tmpdir_file(&host.dir, "run/attach.sock", socket, sizeof(socket));
	test_process_start(process, "tarn-partition",
			   (const char *[]){ "--socket", socket, "--name", name,
					     "--run-id", run_id, "--token", token,
					     "--workload", "idle", NULL });
}

/* It ends by itself, with the hypervisor's sentence in its log. */
static void must_be_refused(const char *name, const char *run_id, const char *token)
{
	static struct test_process process;
	int status;

	start(&process, name, run_id, token);
	status = test_process_wait(&process, TEST_HOST_WAIT_MS);
	(void)test_process_end(&process, 0);
	if (status != 1 ||
	    strstr(process.err, "partition.not_started reason='refused: ") == NULL)
		fail_msg("status %d: %s", status, process.err);
}

static void only_the_right_run_attaches_and_only_once(void **state)
{
	static struct test_process partition;
	char token[33], other[33], line[HV_ERR_TEXT_BYTES];

	(void)state;
	assert_int_equal(test_host_define(&host, &spec, RUN_ID, token, NULL), HV_OK);
	memcpy(other, token, sizeof(other));
	other[31] = other[31] == '0' ? '1' : '0';
	must_be_refused("db1", "7", other);
	must_be_refused("db1", "8", token);
	must_be_refused("db2", "7", token);

	start(&partition, "db1", "7", token);
	if (!test_process_says(&partition, "partition.started", TEST_HOST_WAIT_MS))
		fail_msg("%s", partition.err);
	must_be_refused("db1", "7", token);
	assert_true(test_process_is_running(&partition));

	(void)snprintf(line, sizeof(line), "pages=%u mode=dedicated", spec.mem_mib * 256);
	assert_true(test_process_says(&partition, line, TEST_HOST_WAIT_MS));
	assert_int_equal(test_process_end(&partition, SIGTERM), 0);
	test_host_remove(&host, "db1", RUN_ID);
}

/* P1: also where the hypervisor goes without a word. */
static void a_killed_hypervisor_takes_its_partition_along(void **state)
{
	static struct test_process partition;
	char token[33];

	(void)state;
	assert_int_equal(test_host_define(&host, &spec, RUN_ID, token, NULL), HV_OK);
	start(&partition, "db1", "7", token);
	assert_true(
		test_process_says(&partition, "partition.started", TEST_HOST_WAIT_MS));
	test_process_signal(&host.hypervisor, SIGKILL);
	assert_int_equal(test_process_wait(&partition, TEST_HOST_WAIT_MS), 128 + SIGKILL);
	(void)test_process_end(&partition, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(only_the_right_run_attaches_and_only_once,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_killed_hypervisor_takes_its_partition_along, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
