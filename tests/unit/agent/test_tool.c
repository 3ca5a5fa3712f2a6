/* Unit tests of agent/tool.h, with the stub in the place of tarn-vios. */
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/tool.h"
#include "hvcore/base/clock.h"

#define ID "00112233445566778899aabbccddeeff"
#define HOST "ffeeddccbbaa99887766554433221100"
#define HEADER "id=" ID "\nhost=" HOST "\nhost_name=h1\nowner_epoch=3\nslots=4096\n"

static const uint8_t host_id[AGENT_ID_BYTES] = { 0xff, 0xee };
static const uint8_t device_id[AGENT_ID_BYTES] = { 0x11 };

/* ---- what --inspect prints ---- */

static const struct {
	const char *text;
	enum hv_code code;
} headers[] = {
	{ HEADER, HV_OK },
	{ "magic=tarn\n\n" HEADER "state=clean\nno equals sign\n", HV_OK },
	{ "id=" ID "\nhost=" HOST "\nhost_name=\nowner_epoch=0\nslots=0\n", HV_OK },
	{ "", HV_E_CORRUPT },
	{ "id=" ID "\nhost=" HOST "\nhost_name=h1\nowner_epoch=3\n", HV_E_CORRUPT },
	{ "host=" HOST "\nhost_name=h1\nowner_epoch=3\nslots=1\n", HV_E_CORRUPT },
	{ HEADER "id=1\n", HV_E_CORRUPT },
	{ HEADER "id=" ID "0\n", HV_E_CORRUPT },
	{ HEADER "id= 0112233445566778899aabbccddeeff\n", HV_E_CORRUPT },
	{ HEADER "id=+0112233445566778899aabbccddeeff\n", HV_E_CORRUPT },
	{ HEADER "id=xy112233445566778899aabbccddeeff\n", HV_E_CORRUPT },
	{ HEADER "host=\n", HV_E_CORRUPT },
	{ HEADER "host_name=a b\n", HV_E_CORRUPT },
	{ HEADER "host_name=123456789012345678901234567890123\n", HV_E_CORRUPT },
	{ HEADER "owner_epoch=-1\n", HV_E_CORRUPT },
	{ HEADER "owner_epoch=\n", HV_E_CORRUPT },
	{ HEADER "slots=4503599627370496\n", HV_E_CORRUPT }, /* more bytes than 64 bits */
};

static void a_header_is_all_there_or_refused(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_COUNT(headers); i++) {
		struct agent_header header = { .usable_bytes = 77 };
		char *text = strdup(headers[i].text); /* exactly as long: ASan looks */

		assert_non_null(text);
		if (agent_header_parse(text, &header, NULL) != headers[i].code)
			fail_msg("row %u", i);
		if (headers[i].code != HV_OK)
			assert_int_equal(header.usable_bytes, 77);
		free(text);
	}
}

static void a_header_is_taken_over(void **state)
{
	struct agent_header header;
	char text[] = HEADER;

	(void)state;
	assert_int_equal(agent_header_parse(text, &header, NULL), HV_OK);
	assert_int_equal(header.id[1], 0x11);
	assert_int_equal(header.host_id[0], 0xff);
	assert_string_equal(header.host_name, "h1");
	assert_int_equal(header.owner_epoch, 3);
	assert_int_equal(header.usable_bytes, 4096 * 4096);
}

/* ---- children ---- */

struct told {
	unsigned count, wanted;
	uint32_t tag;
	enum hv_code code;
	char text[AGENT_TEXT_BYTES];
	bool has_header;
};

static void on_done(void *arg, uint32_t tag, const struct agent_tool_result *result)
{
	struct told *told = arg;

	told->count++;
	told->tag = tag;
	told->code = result->code;
	told->has_header = result->header != NULL;
	(void)snprintf(told->text, sizeof(told->text), "%s", result->text);
}

static bool is_told(void *arg)
{
	struct told *told = arg;

	return told->count >= told->wanted;
}

static struct agent_tools *open_tools(struct shell *shell, struct told *told)
{
	struct agent_tools_config config = { &shell->options, shell->bin, host_id,
					     on_done, told };
	struct agent_tools *tools = NULL;

	assert_int_equal(agent_tools_open(shell->loop, &config, &tools, NULL), HV_OK);
	return tools;
}

static struct agent_tool inspect = { .kind = AGENT_TOOL_INSPECT, .path = "/dev/null" };

/* Its output as a script of the stub: one word a line. */
static const struct {
	const char *words;
	enum agent_tool_kind kind;
	enum hv_code code;
	const char *text;
} runs[] = {
	{ "tell:id=" ID ",tell:host=" HOST
	  ",tell:host_name=h1,tell:owner_epoch=3,tell:slots=1,exit:0",
	  AGENT_TOOL_INSPECT, HV_OK, "" },
	{ "tell:id=" ID ",exit:0", AGENT_TOOL_INSPECT, HV_E_CORRUPT,
	  "tarn-vios did not say all of a header" },
	{ "say:tarn-vios: no such device,exit:1", AGENT_TOOL_INSPECT, HV_E_REFUSED,
	  "no such device" },
	{ "say:a\x07z,exit:1", AGENT_TOOL_FORMAT, HV_E_REFUSED, "a?z" },
	{ "exit:2", AGENT_TOOL_WIPE, HV_E_REFUSED, "tarn-vios failed without a word" },
	{ "tell:nonsense,exit:0", AGENT_TOOL_FORMAT, HV_OK, "" },
};

static void what_a_tool_says_is_told_once(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_tools *tools = open_tools(shell, &told);

	for (unsigned i = 0; i < HV_COUNT(runs); i++) {
		struct agent_tool what = { .kind = runs[i].kind,
					   .path = "/dev/null",
					   .id = device_id,
					   .owner_epoch = 1,
					   .deadline_ms = TEST_WAIT_MS };

		shell_script(runs[i].words);
		assert_int_equal(agent_tool_start(tools, 100 + i, &what, NULL), HV_OK);
		told.wanted = i + 1;
		assert_int_equal(told.count, i); /* not from inside start */
		assert_true(shell_wait(shell, is_told, &told));
		assert_int_equal(told.count, i + 1);
		assert_int_equal(told.tag, 100 + i);
		assert_int_equal(told.code, runs[i].code);
		assert_string_equal(told.text, runs[i].text);
		assert_int_equal(told.has_header, i == 0);
	}
	assert_int_equal(shell_children(), 0);
	agent_tools_close(tools);
}

static void a_tool_that_takes_too_long_is_ended(void **state)
{
	struct shell *shell = *state;
	struct told told = { .wanted = 1 };
	struct agent_tools *tools = open_tools(shell, &told);
	struct agent_tool late = inspect;

	late.deadline_ms = 50;
	shell_script("deaf");
	assert_int_equal(agent_tool_start(tools, 1, &late, NULL), HV_OK);
	assert_true(shell_wait(shell, is_told, &told));
	assert_int_equal(told.code, HV_E_TIMEOUT);
	assert_string_equal(told.text, "the device does not answer");
	assert_int_equal(shell_children(), 0);
	agent_tools_close(tools);
}

static void closing_ends_what_runs_and_tells_nothing(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_tools *tools = open_tools(shell, &told);

	shell_script("");
	assert_int_equal(agent_tool_start(tools, 1, &inspect, NULL), HV_OK);
	assert_int_equal(agent_tool_start(tools, 2, &inspect, NULL), HV_OK);
	agent_tools_close(tools);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
	assert_int_equal(errno, ECHILD); /* both have ended */
	assert_int_equal(told.count, 0);
}

static void a_tool_that_cannot_start_leaves_nothing(void **state)
{
	struct shell *shell = *state;
	struct told told = { 0 };
	struct agent_tools *tools = open_tools(shell, &told);
	unsigned fds = shell_descriptors();
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code;

	shell_script("");
	for (unsigned nth = 1;; nth++) {
		oom_arm(nth);
		code = agent_tool_start(tools, nth, &inspect, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_int_equal(shell_descriptors(), fds);
		assert_int_equal(shell_children(), 0);
	}
	assert_int_equal(code, HV_OK);
	(void)snprintf(path, sizeof(path), "%s/tarn-vios", shell->bin);
	assert_int_equal(unlink(path), 0);
	fds = shell_descriptors();
	assert_int_equal(agent_tool_start(tools, 1, &inspect, NULL), HV_E_NOTFOUND);
	assert_int_equal(shell_descriptors(), fds);
	agent_tools_close(tools);
	assert_int_equal(told.count, 0);
	assert_true(waitpid(-1, NULL, 0) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_is_all_there_or_refused),
		cmocka_unit_test(a_header_is_taken_over),
		SHELL_TEST(what_a_tool_says_is_told_once),
		SHELL_TEST(a_tool_that_takes_too_long_is_ended),
		SHELL_TEST(closing_ends_what_runs_and_tells_nothing),
		SHELL_TEST(a_tool_that_cannot_start_leaves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
