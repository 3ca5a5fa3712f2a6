/* Unit tests of agent/disks.h: whose files a virtual disk's are, and when they go. */
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <fcntl.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/disks.h"
#include "hvcore/wire/io.h"

/* A file system that takes its time over the blocks of a file that has no name any
 * more, for as long as the test wants. */
static atomic_bool is_slow;
static sem_t is_closing, may_close;

int close(int fd)
{
	char path[64], at[HV_FILE_PATH_BYTES];
	ssize_t n;

	if (atomic_load(&is_slow)) {
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, at, sizeof(at) - 1);
		at[n > 0 ? n : 0] = '\0';
		if (strstr(at, "/disks/db1-") != NULL &&
		    strstr(at, "(deleted)") != NULL) {
			(void)sem_post(&is_closing);
			while (sem_wait(&may_close) != 0)
				continue;
		}
	}
	return (int)syscall(SYS_close, fd);
}

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

static bool are_descriptors(void *arg)
{
	return shell_descriptors() <= *(unsigned *)arg;
}

static void blocks_of_a_disk_are_not_waited_for(void **state)
{
	struct shell *shell = *state;
	unsigned before = shell_descriptors();

	assert_int_equal(sem_init(&is_closing, 0, 0), 0);
	assert_int_equal(sem_init(&may_close, 0, 0), 0);
	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	put(shell, "disks/db1-2");
	put(shell, "disks/db1-17");
	atomic_store(&is_slow, true);
	assert_int_equal(agent_disks_claim(shell->state, "db1", 42, NULL), HV_OK);
	assert_int_equal(sem_wait(&is_closing), 0); /* it has begun, and waits for us */
	assert_false(is_there(shell, "disks/db1-2"));
	assert_false(is_there(shell, "disks/db1-17"));
	assert_string_equal(shell_read(shell, "disks/db1.made"), "42");
	assert_int_equal(sem_post(&may_close), 0);
	assert_int_equal(sem_post(&may_close), 0);
	assert_true(shell_wait(shell, are_descriptors, &before));
	atomic_store(&is_slow, false);
	assert_int_equal(sem_destroy(&is_closing), 0);
	assert_int_equal(sem_destroy(&may_close), 0);
}

/* More files of that name than a partition has disks: then it takes longer. */
static void however_many_they_are_all_go(void **state)
{
	struct shell *shell = *state;
	unsigned before = shell_descriptors();
	char file[64];

	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	for (unsigned i = 0; i < 2 * HV_DISKS_MAX + 1; i++) {
		(void)snprintf(file, sizeof(file), "disks/db1-%u", i);
		put(shell, file);
	}
	assert_int_equal(agent_disks_remove(shell->state, "db1", NULL), HV_OK);
	for (unsigned i = 0; i < 2 * HV_DISKS_MAX + 1; i++) {
		(void)snprintf(file, sizeof(file), "disks/db1-%u", i);
		assert_false(is_there(shell, file));
	}
	assert_true(shell_wait(shell, are_descriptors, &before));
}

/* Only that there is no marker, or that it is no number, says that they are nobody's. */
static void in_doubt_no_disk_is_removed(void **state)
{
	struct shell *shell = *state;
	char path[HV_FILE_PATH_BYTES];
	struct hv_err err = { 0 };

	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	put(shell, "disks/db1-2");
	(void)shell_path(shell, "disks/db1.made", path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* it is there, and cannot be read */
	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "db1.made' is not a file"));
	assert_int_equal(agent_disks_claim(shell->state, "db1", 42, NULL), HV_E_INVAL);
	assert_true(is_there(shell, "disks/db1-2"));
	assert_int_equal(rmdir(path), 0);
	shell_write(shell, "disks/db1.made", "41", 2);
	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	assert_true(is_there(shell, "disks/db1-2"));
	shell_write(shell, "disks/db1.made", "411111111111111111111111111111111111", 36);
	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	assert_false(is_there(shell, "disks/db1-2"));
}

/* Of a record that is older than numbers of definitions. */
static void a_definition_without_a_number_is_one_too(void **state)
{
	struct shell *shell = *state;

	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	put(shell, "disks/db1-2");
	assert_int_equal(agent_disks_claim(shell->state, "db1", 0, NULL), HV_OK);
	assert_false(is_there(shell, "disks/db1-2"));
	assert_string_equal(shell_read(shell, "disks/db1.made"), "0");
	put(shell, "disks/db1-2");
	assert_int_equal(agent_disks_claim(shell->state, "db1", 0, NULL), HV_OK);
	assert_true(is_there(shell, "disks/db1-2"));
	/* the older agent left no marker with it */
	put(shell, "disks/db2-2");
	assert_int_equal(agent_disks_claim(shell->state, "db2", 0, NULL), HV_OK);
	assert_true(is_there(shell, "disks/db2-2"));
	assert_string_equal(shell_read(shell, "disks/db2.made"), "0");
	put(shell, "disks/db2.made"); /* says it wrongly */
	assert_int_equal(agent_disks_claim(shell->state, "db2", 0, NULL), HV_OK);
	assert_false(is_there(shell, "disks/db2-2"));
}

static void without_memory_its_own_disks_stay(void **state)
{
	struct shell *shell = *state;
	unsigned nth;

	assert_int_equal(agent_disks_claim(shell->state, "db1", 41, NULL), HV_OK);
	put(shell, "disks/db1-2");
	for (nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = agent_disks_claim(shell->state, "db1", 41, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_true(is_there(shell, "disks/db1-2"));
	}
	assert_true(nth > 1);
	for (nth = 1;; nth++) {
		unsigned before = shell_descriptors();

		put(shell, "disks/db1-2");
		oom_arm(nth);
		(void)!agent_disks_remove(shell->state, "db1", NULL); /* or slower */
		if (!oom_disarm())
			break;
		assert_int_equal(agent_disks_remove(shell->state, "db1", NULL), HV_OK);
		assert_false(is_there(shell, "disks/db1-2"));
		assert_true(shell_wait(shell, are_descriptors, &before));
	}
	assert_true(nth > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(the_disks_of_a_definition_stay_over_runs),
		SHELL_TEST(another_definition_finds_nothing),
		SHELL_TEST(what_is_removed_is_its_own_alone),
		SHELL_TEST(what_cannot_be_removed_is_not_given_to_another),
		SHELL_TEST(blocks_of_a_disk_are_not_waited_for),
		SHELL_TEST(however_many_they_are_all_go),
		SHELL_TEST(in_doubt_no_disk_is_removed),
		SHELL_TEST(a_definition_without_a_number_is_one_too),
		SHELL_TEST(without_memory_its_own_disks_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
