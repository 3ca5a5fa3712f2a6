/* Unit tests of agent/state.h and agent/config.h: the files of an agent. */
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/state.h"

static void an_identity_is_made_once_and_starts_are_counted(void **state)
{
	struct shell *shell = *state;
	uint8_t first[AGENT_ID_BYTES] = { 0 }, second[AGENT_ID_BYTES] = { 0 };
	const uint8_t none[AGENT_ID_BYTES] = { 0 };
	uint64_t incarnation = 0;

	for (uint64_t start = 1; start <= 3; start++) {
		assert_int_equal(
			agent_state_open(shell->state, second, &incarnation, NULL),
			HV_OK);
		assert_int_equal(incarnation, start);
		if (start == 1)
			memcpy(first, second, sizeof(first));
		assert_memory_equal(first, second, sizeof(first));
	}
	assert_memory_not_equal(first, none, sizeof(first));
	assert_string_equal(shell_read(shell, "version"), "tarn host 1\n");
}

static void a_directory_that_is_not_there_is_made(void **state)
{
	struct shell *shell = *state;
	char path[TEST_PATH_BYTES], run[HV_FILE_PATH_BYTES];
	uint8_t id[AGENT_ID_BYTES];
	uint64_t incarnation;
	struct stat st;

	(void)test_tmpdir_file(&shell->dir, "new", path, sizeof(path));
	assert_int_equal(agent_state_open(path, id, &incarnation, NULL), HV_OK);
	(void)snprintf(run, sizeof(run), "%s/run", path);
	assert_int_equal(stat(run, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
}

/* A file that is damaged is not taken for one that is not there. */
static const struct {
	const char *file, *bytes;
	enum hv_code code;
} damages[] = {
	{ "version", "tarn host 2\n", HV_E_VERSION },
	{ "version", "tarn coordinator 1\n", HV_E_VERSION },
	{ "version", "", HV_E_VERSION },
	{ "identity", "", HV_E_CORRUPT },
	{ "identity", "too short", HV_E_CORRUPT },
	{ "identity", "seventeen bytes..", HV_E_CORRUPT },
	{ "incarnation", "", HV_E_CORRUPT },
	{ "incarnation", "x", HV_E_CORRUPT },
	{ "incarnation", "4294967295", HV_E_CORRUPT },
	{ "incarnation", "-1", HV_E_CORRUPT },
};

static void a_damaged_file_is_refused_and_left_as_it_is(void **state)
{
	struct shell *shell = *state;
	uint8_t id[AGENT_ID_BYTES];
	uint64_t incarnation;
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err;

	for (unsigned i = 0; i < HV_COUNT(damages); i++) {
		const char *file = damages[i].file;

		assert_int_equal(agent_state_open(shell->state, id, &incarnation, NULL),
				 HV_OK);
		shell_write(shell, file, damages[i].bytes, strlen(damages[i].bytes));
		assert_int_equal(agent_state_open(shell->state, id, &incarnation, &err),
				 damages[i].code);
		assert_non_null(strstr(err.text, shell_path(shell, file, path)));
		assert_string_equal(shell_read(shell, file), damages[i].bytes);
		assert_int_equal(unlink(path), 0);
	}
}

static void save(struct shell *shell, uint64_t sequence, uint64_t revision)
{
	Tarn__AgentState kept = TARN__AGENT_STATE__INIT;
	Tarn__HostDesired desired = TARN__HOST_DESIRED__INIT;
	uint8_t *bytes;
	size_t count;

	kept.has_sequence = true;
	kept.sequence = sequence;
	assert_int_equal(hv_message_encode(&kept.base, &bytes, &count, NULL), HV_OK);
	assert_int_equal(
		agent_state_save(shell->state, AGENT_FILE_STATE, bytes, count, NULL),
		HV_OK);
	free(bytes);
	desired.revision = revision;
	assert_int_equal(hv_message_encode(&desired.base, &bytes, &count, NULL), HV_OK);
	assert_int_equal(
		agent_state_save(shell->state, AGENT_FILE_DESIRED, bytes, count, NULL),
		HV_OK);
	free(bytes);
}

static enum hv_code load(struct shell *shell, uint64_t *ret_sequence,
			 uint64_t *ret_revision)
{
	Tarn__AgentState *kept = NULL;
	Tarn__HostDesired *desired = NULL;
	enum hv_code code = agent_state_load(shell->state, &kept, &desired, NULL);

	if (code != HV_OK) {
		assert_null(kept);
		assert_null(desired);
		return code;
	}
	*ret_sequence = kept != NULL ? kept->sequence : 0;
	*ret_revision = desired != NULL ? desired->revision : 0;
	if (kept != NULL)
		tarn__agent_state__free_unpacked(kept, NULL);
	if (desired != NULL)
		tarn__host_desired__free_unpacked(desired, NULL);
	return HV_OK;
}

static void what_was_saved_is_loaded(void **state)
{
	struct shell *shell = *state;
	uint64_t sequence = 7, revision = 7;

	assert_int_equal(load(shell, &sequence, &revision), HV_OK);
	assert_int_equal(sequence | revision, 0); /* there are no files */
	save(shell, 5, 6);
	save(shell, 8, 9);
	assert_int_equal(load(shell, &sequence, &revision), HV_OK);
	assert_int_equal(sequence, 8);
	assert_int_equal(revision, 9);
}

/* A crash in the middle of a save leaves the old one, and the half of the new. */
static void a_torn_save_is_not_seen(void **state)
{
	struct shell *shell = *state;
	uint64_t sequence, revision;

	save(shell, 5, 6);
	shell_write(shell, "state.new", "\xff\xff", 2);
	shell_write(shell, "desired.new", "\xff\xff", 2);
	assert_int_equal(load(shell, &sequence, &revision), HV_OK);
	assert_int_equal(sequence, 5);
	assert_int_equal(revision, 6);
	save(shell, 7, 8);
	assert_int_equal(load(shell, &sequence, &revision), HV_OK);
	assert_int_equal(sequence, 7);
}

static void bytes_that_are_no_state_are_refused(void **state)
{
	static const char *const files[] = { "state", "desired" };
	struct shell *shell = *state;
	uint64_t sequence, revision;

	for (unsigned i = 0; i < HV_COUNT(files); i++) {
		save(shell, 5, 6);
		shell_write(shell, files[i], "\xff\xff\xff", 3);
		assert_int_equal(load(shell, &sequence, &revision), HV_E_CORRUPT);
	}
}

/* A directory in the way stands for a full or broken disk. */
static void a_save_that_fails_leaves_the_old_file(void **state)
{
	struct shell *shell = *state;
	uint64_t sequence, revision;
	char path[HV_FILE_PATH_BYTES];

	save(shell, 5, 6);
	assert_int_equal(mkdir(shell_path(shell, "state.new", path), 0700), 0);
	assert_int_not_equal(agent_state_save(shell->state, AGENT_FILE_STATE,
					      (const uint8_t *)"", 0, NULL),
			     HV_OK);
	assert_int_equal(load(shell, &sequence, &revision), HV_OK);
	assert_int_equal(sequence, 5);
}

static void each_allocation_of_a_load_may_fail(void **state)
{
	struct shell *shell = *state;
	uint64_t sequence, revision;
	enum hv_code code;

	save(shell, 5, 6);
	for (unsigned nth = 1;; nth++) {
		oom_arm(nth);
		code = load(shell, &sequence, &revision);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
	}
	assert_int_equal(code, HV_OK);
}

struct named {
	unsigned count;
	char text[256];
};

static void on_pid_file(void *arg, enum agent_kind kind, const char *name)
{
	struct named *named = arg;

	named->count++;
	(void)snprintf(named->text + strlen(named->text),
		       sizeof(named->text) - strlen(named->text), " %s:%s",
		       kind == AGENT_PARTITION ? "lpar" : "vios", name);
}

static void pid_files_of_vios_and_partitions_are_listed(void **state)
{
	static const char *const files[] = {
		"agent.pid",        "hypervisor.pid",
		"vios1.pid",        "lpar-db1.pid",
		"lpar-.pid",        ".pid",
		"lpar-db1.pid.new", "hv.ipc",
		"-x.pid",           "lpar-12345678901234567890123456789012.pid",
		"export.pid"
	};
	struct shell *shell = *state;
	struct named named = { 0 };
	char name[64], path[HV_FILE_PATH_BYTES];

	for (unsigned i = 0; i < HV_COUNT(files); i++) {
		(void)snprintf(name, sizeof(name), "run/%s", files[i]);
		shell_write(shell, name, "", 0);
	}
	assert_int_equal(
		agent_state_each_pid_file(shell->state, on_pid_file, &named, NULL),
		HV_OK);
	assert_int_equal(named.count, 2);
	assert_non_null(strstr(named.text, " vios:vios1"));
	assert_non_null(strstr(named.text, " lpar:db1"));
	(void)snprintf(path, sizeof(path), "%s/none", shell->state);
	assert_int_equal(agent_state_each_pid_file(path, on_pid_file, &named, NULL),
			 HV_E_NOTFOUND);
}

/* ---- the command line ---- */

#define GO_ON (-1)
#define USAGE 2

static const struct {
	int result;
	const char *arguments[8];
} lines[] = {
	{ GO_ON, { "--state=/s", "--name=h1", "--coordinator=ipc:///c", "--memory=2G" } },
	{ GO_ON, { "--state=/s", "--stop" } },
	{ GO_ON,
	  { "--state=/s", "--name=h1", "--coordinator=ipc:///c", "--memory=2G",
	    "--lmb=256M", "--hang-ms=60000", "--allow-drills", "--bin=/b" } },
	{ GO_ON,
	  { "--state=/s", "--name=h1", "--coordinator=ipc:///c", "--memory=2G",
	    "--home-near=no", "--read-ahead=0" } },
	{ USAGE,
	  { "--state=/s", "--name=h1", "--coordinator=ipc:///c", "--memory=2G",
	    "--read-ahead=16" } },
	{ USAGE, { "--stop" } },
	{ USAGE, { "--state=/s" } },
	{ USAGE, { "--state=s", "--stop" } },
	{ USAGE, { "--state=/s", "--name=h1", "--coordinator=ipc:///c" } },
	{ USAGE,
	  { "--state=/s", "--name=h/1", "--coordinator=ipc:///c", "--memory=2G" } },
	{ USAGE, { "--state=/s", "--name=h1", "--coordinator=", "--memory=2G" } },
	{ USAGE,
	  { "--state=/s", "--name=h1", "--coordinator=ipc:///c", "--memory=31M" } },
	{ USAGE,
	  { "--state=/s", "--name=h1", "--coordinator=ipc:///c", "--memory=2G",
	    "--lmb=8M" } },
	{ USAGE,
	  { "--state=/s", "--name=h1", "--coordinator=ipc:///c", "--memory=2G",
	    "--hang-ms=0" } },
	{ USAGE,
	  { "--state=/a/path/that/is/longer/than/sixty/four/bytes/for/sockets/below/it",
	    "--stop" } },
	{ 0, { "--help" } },
};

static void usage_is_checked(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_COUNT(lines); i++) {
		char *argv[10] = { (char *)(uintptr_t) "tarn-agent" };
		struct agent_options options = { 0 };
		int argc = 1;

		for (; argc < 9 && lines[i].arguments[argc - 1] != NULL; argc++)
			argv[argc] = (char *)(uintptr_t)lines[i].arguments[argc - 1];
		if (agent_options_parse(argc, argv, &options) != lines[i].result)
			fail_msg("line %u", i);
	}
}

static void programs_are_where_the_agent_is_unless_told(void **state)
{
	struct agent_options options = { .bin = "/elsewhere" };
	char bin[HV_FILE_PATH_BYTES], wanted[HV_FILE_PATH_BYTES] = "";

	(void)state;
	assert_int_equal(agent_options_bin(&options, bin, NULL), HV_OK);
	assert_string_equal(bin, "/elsewhere");
	options.bin = NULL;
	assert_int_equal(agent_options_bin(&options, bin, NULL), HV_OK);
	assert_true(readlink("/proc/self/exe", wanted, sizeof(wanted) - 1) > 0);
	assert_int_equal(strncmp(wanted, bin, strlen(bin)), 0);
	assert_int_equal(strrchr(wanted, '/') - wanted, strlen(bin));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(an_identity_is_made_once_and_starts_are_counted),
		SHELL_TEST(a_directory_that_is_not_there_is_made),
		SHELL_TEST(a_damaged_file_is_refused_and_left_as_it_is),
		SHELL_TEST(what_was_saved_is_loaded),
		SHELL_TEST(a_torn_save_is_not_seen),
		SHELL_TEST(bytes_that_are_no_state_are_refused),
		SHELL_TEST(a_save_that_fails_leaves_the_old_file),
		SHELL_TEST(each_allocation_of_a_load_may_fail),
		SHELL_TEST(pid_files_of_vios_and_partitions_are_listed),
		cmocka_unit_test(usage_is_checked),
		cmocka_unit_test(programs_are_where_the_agent_is_unless_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
