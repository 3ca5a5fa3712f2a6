/* Unit tests of agent/disks.h: whose files a virtual disk's are, and when they go. */
#include "tests/unit/agent/shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/disks.h"

static bool is_there(struct shell *shell, const char *file)
{
	char path[HV_FILE_PATH_BYTES];

	return access(shell_path(shell, file, path), F_OK) == 0;
}

static void put(struct shell *shell, const char *file)
{
	shell_write(shell, file, "secret", 6);
}

static void the_disks_of_a_definition_stay_over_runs(void **state)
{
	struct shell *shell = *state;

	for (unsigned run = 0; run < 3; run++) {
		assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
		if (run == 0)
			put(shell, "disks/db1-2");
		assert_true(is_there(shell, "disks/db1-2"));
	}
}

/* The name is used again: nothing of before may be read. */
static void another_definition_finds_nothing(void **state)
{
	struct shell *shell = *state;

	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	put(shell, "disks/db1-2");
	put(shell, "disks/db1-17");
	assert_int_equal(agent_disks_claim(shell->state, "db1", 42, NULL), HV_OK);
	assert_false(is_there(shell, "disks/db1-2"));
	assert_false(is_there(shell, "disks/db1-17"));
	/* nor where nobody knows whose it was, or says it wrongly */
	put(shell, "disks/db1-2");
	put(shell, "disks/db1.made");
	assert_int_equal(agent_disks_claim(shell->state, "db1", 42, NULL), HV_OK);
	assert_false(is_there(shell, "disks/db1-2"));
}

static void what_is_removed_is_its_own_alone(void **state)
{
	struct shell *shell = *state;
	static const char *const others[] = { "disks/db1-2-3", "disks/db10-2",
					      "disks/db1-", "disks/db1-2x",
					      "disks/db2-2" };

	assert_int_equal(agent_disks_remove(shell->state, "db1", NULL), HV_OK);
	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	put(shell, "disks/db1-2");
	for (unsigned i = 0; i < HV_COUNT(others); i++)
		put(shell, others[i]);
	assert_int_equal(agent_disks_remove(shell->state, "db1", NULL), HV_OK);
	assert_false(is_there(shell, "disks/db1-2"));
	assert_false(is_there(shell, "disks/db1.made"));
	for (unsigned i = 0; i < HV_COUNT(others); i++)
		assert_true(is_there(shell, others[i]));
}

static void what_cannot_be_removed_is_not_given_to_another(void **state)
{
	struct shell *shell = *state;
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err = { 0 };

	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	/* a directory is in the way, where a file was */
	assert_int_equal(mkdir(shell_path(shell, "disks/db1-2", path), 0700), 0);
	assert_int_equal(agent_disks_claim(shell->state, "db1", 42, &err), HV_E_OS);
	assert_non_null(strstr(err.text, "remove disk 'db1-2'"));
	assert_int_equal(agent_disks_remove(shell->state, "db1", NULL), HV_E_OS);
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(agent_disks_claim(shell->state, "db1", 42, NULL), HV_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(the_disks_of_a_definition_stay_over_runs),
		SHELL_TEST(another_definition_finds_nothing),
		SHELL_TEST(what_is_removed_is_its_own_alone),
		SHELL_TEST(what_cannot_be_removed_is_not_given_to_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
