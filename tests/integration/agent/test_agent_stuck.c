/*
 * Claim   a device that keeps a tarn-vios in the kernel, where SIGKILL does not reach
 *         it, is reported in time and keeps one process, not one every few seconds.
 * Inject  reads that are held by the file system, of a real `tarn-vios --inspect`.
 * Expect  TIMEOUT within a second of the deadline; BUSY while it is still there; an
 *         answer again when the device has let go.
 */
#include "tests/unit/agent/shell.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/tool.h"
#include "hvcore/base/clock.h"
#include "tests/support/slow_fs.h"

#define DEVICE_BYTES (1u << 20)
#define DEADLINE_MS 200

static const uint8_t host_id[AGENT_ID_BYTES] = { 1 };

struct told {
	unsigned count, wanted;
	enum hv_code code;
};

static void on_done(void *arg, uint32_t tag, const struct agent_tool_result *result)
{
	struct told *told = arg;

	(void)tag;
	told->count++;
	told->code = result->code;
}

static bool is_told(void *arg)
{
	struct told *told = arg;

	return told->count >= told->wanted;
}

static bool is_held(void *arg)
{
	struct slow_fs *fs = arg;

	return atomic_load(&fs->control->held) > 0;
}

static bool is_alone(void *arg)
{
	return shell_children() == *(unsigned *)arg;
}

static void a_device_that_hangs_keeps_one_process(void **state)
{
	struct shell *shell = *state;
	struct told told = { .wanted = 1 };
	struct agent_tools_config config = { &shell->options, getenv("TARN_BIN"), host_id,
					     on_done, &told };
	struct agent_tool inspect = { .kind = AGENT_TOOL_INSPECT,
				      .deadline_ms = DEADLINE_MS };
	struct agent_tools *tools = NULL;
	unsigned others;
	struct slow_fs fs;
	uint64_t before;
	struct hv_err err;

	if (!slow_fs_open(&fs, DEVICE_BYTES, false))
		skip();
	others = shell_children();
	inspect.path = fs.file;
	atomic_store(&fs.control->hold_reads, true);
	assert_int_equal(agent_tools_open(shell->loop, &config, &tools, NULL), HV_OK);
	before = hv_clock_ms();
	assert_int_equal(agent_tool_start(tools, 1, &inspect, NULL), HV_OK);
	assert_true(test_wait(is_held, &fs, TEST_WAIT_MS));
	assert_true(shell_wait(shell, is_told, &told));
	assert_int_equal(told.code, HV_E_TIMEOUT);
	assert_true(hv_clock_ms() - before >= DEADLINE_MS);
	assert_int_equal(shell_children(), others + 1); /* SIGKILL did not end it */
	assert_int_equal(agent_tool_start(tools, 2, &inspect, &err), HV_E_BUSY);
	assert_non_null(strstr(err.text, "does not answer"));
	atomic_store(&fs.control->hold_reads, false);
	assert_true(shell_wait(shell, is_alone, &others));
	assert_int_equal(told.count, 1); /* and not told twice */
	told.wanted = 2;
	inspect.deadline_ms = TEST_WAIT_MS;
	assert_int_equal(agent_tool_start(tools, 3, &inspect, NULL), HV_OK);
	assert_true(shell_wait(shell, is_told, &told));
	assert_int_equal(told.code, HV_E_REFUSED); /* there is no header on it */
	agent_tools_close(tools);
	slow_fs_close(&fs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(a_device_that_hangs_keeps_one_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
