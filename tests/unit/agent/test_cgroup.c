/*
 * Unit tests of agent/cgroup.h on trees that look like the kernel's, v1 and v2, whose
 * files are made beforehand: what is written where, and what is left alone.
 * What a kernel makes of it: tests/integration/agent/test_processors.
 */
#include "agent/cgroup.h"
#include "tests/support/oom.h"
#include "tests/unit/agent/shell.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUP "tarn-0102030405060708"

static const uint8_t id[AGENT_ID_BYTES] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
static const struct agent_limits third = { .quota = 30, .share = 50 };

struct tree {
	struct shell *shell;
	char mounts[HV_FILE_PATH_BYTES], membership[HV_FILE_PATH_BYTES];
	struct agent_cgroups *cgroups;
};

static void directory(struct shell *shell, const char *name)
{
	char path[HV_FILE_PATH_BYTES];

	assert_int_equal(mkdir(shell_path(shell, name, path), 0755), 0);
}

/* Files of a group, as the kernel makes them; "" in each. */
static void group(struct shell *shell, const char *name, const char *const *files)
{
	char file[HV_FILE_PATH_BYTES];

	directory(shell, name);
	for (; *files != NULL; files++) {
		(void)snprintf(file, sizeof(file), "%s/%s", name, *files);
		shell_write(shell, file, "", 0);
	}
}

static const char *const v1_cpu[] = { "cgroup.procs",      "cpu.shares",       "cpu.stat",
				      "cpu.cfs_period_us", "cpu.cfs_quota_us", NULL };
static const char *const v1_account[] = { "cgroup.procs", "cpuacct.usage", NULL };
static const char *const v2_files[] = { "cgroup.procs", "cgroup.subtree_control",
					"cpu.max",      "cpu.weight",
					"cpu.stat",     NULL };

static void put_text(struct shell *shell, const char *file, const char *text)
{
	shell_write(shell, file, text, strlen(text));
}

static void must_be(struct shell *shell, const char *file, const char *text)
{
	assert_string_equal(shell_read(shell, file), text);
}

static void open_tree(struct tree *tree, struct shell *shell, const char *mounts,
		      const char *membership)
{
	struct agent_cgroups_config config = { .state = shell->state, .id = id };
	struct hv_err err = { 0 };

	put_text(shell, "mounts", mounts);
	put_text(shell, "membership", membership);
	tree->shell = shell;
	config.mounts = shell_path(shell, "mounts", tree->mounts);
	config.membership = shell_path(shell, "membership", tree->membership);
	assert_int_equal(agent_cgroups_open(&config, &tree->cgroups, &err), HV_OK);
}

static void open_v1_again(struct tree *tree, struct shell *shell)
{
	char mounts[2048];

	(void)snprintf(mounts, sizeof(mounts),
		       "tmpfs / tmpfs rw 0 0\n"
		       "cgroup %s/set cgroup rw,cpuset 0 0\n"
		       "cgroup %s/cpu cgroup rw,relatime,cpu 0 0\n"
		       "cgroup %s/acct cgroup rw,cpuacct 0 0\n"
		       "cgroup2 %s/unified cgroup2 rw 0 0\n",
		       shell->state, shell->state, shell->state, shell->state);
	open_tree(tree, shell, mounts, "2:cpuacct:/\n1:cpu:/not/seen/here\n0::/\n");
}

static void open_v1(struct tree *tree, struct shell *shell)
{
	directory(shell, "cpu");
	directory(shell, "acct");
	group(shell, "cpu/" GROUP, v1_cpu);
	group(shell, "acct/" GROUP, v1_account);
	group(shell, "cpu/" GROUP "/db1", v1_cpu);
	group(shell, "acct/" GROUP "/db1", v1_account);
	open_v1_again(tree, shell);
}

static void v1_quota_shares_and_process_are_written(void **state)
{
	struct tree tree;
	struct agent_limits more = { .quota = 0, .share = 150 };

	open_v1(&tree, *state);
	assert_int_equal(agent_cgroup_limit(tree.cgroups, "db1", 4711, &third, NULL),
			 HV_OK);
	must_be(tree.shell, "cpu/" GROUP "/db1/cgroup.procs", "4711");
	must_be(tree.shell, "acct/" GROUP "/db1/cgroup.procs", "4711");
	must_be(tree.shell, "cpu/" GROUP "/db1/cpu.shares", "512");
	must_be(tree.shell, "cpu/" GROUP "/db1/cpu.cfs_period_us", "20000");
	assert_int_equal(
		strtol(shell_read(tree.shell, "cpu/" GROUP "/db1/cpu.cfs_quota_us"), NULL,
		       10),
		6000);
	assert_int_equal(agent_cgroup_limit(tree.cgroups, "db1", 4711, &more, NULL),
			 HV_OK);
	assert_int_equal(
		strncmp(shell_read(tree.shell, "cpu/" GROUP "/db1/cpu.cfs_quota_us"),
			"-1", 2),
		0);
	agent_cgroups_close(tree.cgroups);
}

/* Not less than 2 ms at a time: the turn becomes longer instead. */
static void the_smallest_entitlement_is_exact(void **state)
{
	struct tree tree;
	const struct agent_limits least = { .quota = 5, .share = 5 };

	open_v1(&tree, *state);
	assert_int_equal(agent_cgroup_limit(tree.cgroups, "db1", 1, &least, NULL), HV_OK);
	must_be(tree.shell, "cpu/" GROUP "/db1/cpu.cfs_period_us", "40000");
	assert_int_equal(
		strtol(shell_read(tree.shell, "cpu/" GROUP "/db1/cpu.cfs_quota_us"), NULL,
		       10),
		2000);
	agent_cgroups_close(tree.cgroups);
}

static void v1_usage_is_read(void **state)
{
	struct tree tree;
	struct agent_usage usage;

	open_v1(&tree, *state);
	put_text(tree.shell, "cpu/" GROUP "/db1/cpu.stat",
		 "nr_periods 9\nnr_throttled 3\nthrottled_time 4000\n");
	put_text(tree.shell, "acct/" GROUP "/db1/cpuacct.usage", "7000000\n");
	assert_int_equal(agent_cgroup_usage(tree.cgroups, "db1", &usage, NULL), HV_OK);
	assert_int_equal(usage.used_us, 7000);
	assert_int_equal(usage.throttled_us, 4);
	assert_int_equal(usage.throttled, 3);
	assert_int_equal(agent_cgroup_usage(tree.cgroups, "none", &usage, NULL),
			 HV_E_NOTFOUND);
	agent_cgroups_close(tree.cgroups);
}

static void open_v2(struct tree *tree, struct shell *shell, const char *control)
{
	char mounts[1024];

	directory(shell, "sys");
	directory(shell, "sys/a.slice");
	directory(shell, "sys/a.slice/tarn.service");
	put_text(shell, "sys/a.slice/cgroup.subtree_control", control);
	put_text(shell, "sys/a.slice/tarn.service/cgroup.subtree_control", "");
	put_text(shell, "sys/cgroup.subtree_control", "memory pids");
	group(shell, "sys/a.slice/" GROUP, v2_files);
	group(shell, "sys/a.slice/" GROUP "/db1", v2_files);
	(void)snprintf(mounts, sizeof(mounts), "cgroup2 %s/sys cgroup2 rw 0 0\n",
		       shell->state);
	open_tree(tree, shell, mounts, "0::/a.slice/tarn.service\n");
}

static void v2_goes_where_cpu_is_handed_out(void **state)
{
	struct tree tree;
	struct agent_usage usage;
	struct agent_limits none = { .quota = 0, .share = 50 };

	open_v2(&tree, *state, "cpuset cpu memory");
	assert_int_equal(agent_cgroup_limit(tree.cgroups, "db1", 12, &third, NULL),
			 HV_OK);
	must_be(tree.shell, "sys/a.slice/" GROUP "/cgroup.subtree_control", "+cpu");
	must_be(tree.shell, "sys/a.slice/" GROUP "/db1/cpu.max", "6000 20000");
	must_be(tree.shell, "sys/a.slice/" GROUP "/db1/cpu.weight", "50");
	must_be(tree.shell, "sys/a.slice/" GROUP "/db1/cgroup.procs", "12");
	must_be(tree.shell, "sys/a.slice/cgroup.subtree_control", "cpuset cpu memory");
	must_be(tree.shell, "sys/cgroup.subtree_control", "memory pids");
	put_text(tree.shell, "sys/a.slice/" GROUP "/db1/cpu.stat",
		 "usage_usec 77\nuser_usec 1\nnr_throttled 2\nthrottled_usec 5\n");
	assert_int_equal(agent_cgroup_usage(tree.cgroups, "db1", &usage, NULL), HV_OK);
	assert_int_equal(usage.used_us, 77);
	assert_int_equal(usage.throttled_us, 5);
	assert_int_equal(agent_cgroup_limit(tree.cgroups, "db1", 12, &none, NULL), HV_OK);
	assert_int_equal(
		strncmp(shell_read(tree.shell, "sys/a.slice/" GROUP "/db1/cpu.max"),
			"max", 3),
		0);
	agent_cgroups_close(tree.cgroups);
}

static void where_cpu_is_not_handed_out_nothing_is_changed(void **state)
{
	struct tree tree;
	struct hv_err err = { 0 };

	open_v2(&tree, *state, "cpuset memory");
	assert_string_equal(agent_cgroups_where(tree.cgroups), "");
	assert_non_null(strstr(agent_cgroups_why(tree.cgroups), "hands out the cpu"));
	assert_int_equal(agent_cgroup_limit(tree.cgroups, "db1", 1, &third, &err),
			 HV_E_STATE);
	must_be(tree.shell, "sys/a.slice/cgroup.subtree_control", "cpuset memory");
	must_be(tree.shell, "sys/a.slice/" GROUP "/db1/cpu.max", "");
	agent_cgroups_close(tree.cgroups);
}

static void without_any_it_says_so(void **state)
{
	struct tree tree;
	struct agent_usage usage;

	open_tree(&tree, *state, "tmpfs / tmpfs rw 0 0\nbroken\n", "nonsense\n:\n");
	assert_string_equal(agent_cgroups_where(tree.cgroups), "");
	assert_string_equal(agent_cgroups_why(tree.cgroups),
			    "no control groups with a cpu controller are mounted");
	assert_int_equal(agent_cgroup_usage(tree.cgroups, "db1", &usage, NULL),
			 HV_E_STATE);
	assert_int_equal(agent_cgroup_remove(tree.cgroups, "db1", NULL), HV_OK);
	agent_cgroups_close(tree.cgroups);
}

static void idle_time_is_that_of_all_processors(void **state)
{
	char path[HV_FILE_PATH_BYTES];
	uint64_t tick = 1000000 / (uint64_t)sysconf(_SC_CLK_TCK);

	put_text(*state, "stat", "cpu  1 2 3 40 5 6 7\ncpu0 1 2 3 20 5\n");
	assert_int_equal(agent_idle_us(shell_path(*state, "stat", path)), 45 * tick);
	put_text(*state, "stat", "cpu  1 2 3 x\n                      ");
	assert_int_equal(agent_idle_us(path), 0);
	assert_int_equal(agent_idle_us("/nowhere"), 0);
}

static bool is_there(struct shell *shell, const char *name)
{
	char path[HV_FILE_PATH_BYTES];

	return access(shell_path(shell, name, path), F_OK) == 0;
}

/* Directories without files, as those of a kernel are when they are removed. */
static void empty_groups_are_removed_and_others_stay(void **state)
{
	struct shell *shell = *state;
	struct tree tree;

	directory(shell, "cpu");
	directory(shell, "cpu/" GROUP);
	directory(shell, "cpu/" GROUP "/gone");
	group(shell, "cpu/" GROUP "/busy", v1_cpu);
	directory(shell, "cpu/other");
	open_v1_again(&tree, shell);
	agent_cgroups_close(tree.cgroups);
	assert_int_equal(agent_cgroups_clear(shell->state), HV_E_EXISTS);
	assert_false(is_there(shell, "cpu/" GROUP "/gone"));
	assert_true(is_there(shell, "cpu/" GROUP "/busy"));
	assert_true(is_there(shell, "cpu/other"));
	assert_true(is_there(shell, "run/cgroup")); /* it is still to be removed */
}

/* The kernel says that of a group whose last process ended a moment ago. */
int unlinkat(int directory, const char *path, int flags)
{
	if (strcmp(path, "held") != 0)
		return (int)syscall(SYS_unlinkat, directory, path, flags);
	errno = EBUSY;
	return -1;
}

static void what_will_go_is_told_whatever_else_stays(void **state)
{
	struct shell *shell = *state;
	char text[2 * HV_FILE_PATH_BYTES + 64];

	directory(shell, "one");
	directory(shell, "one/" GROUP);
	directory(shell, "one/" GROUP "/held");
	directory(shell, "two");
	directory(shell, "two/" GROUP);
	group(shell, "two/" GROUP "/stays", v1_cpu);
	(void)snprintf(text, sizeof(text), "%s/one/" GROUP "\n%s/two/" GROUP "\n",
		       shell->state, shell->state);
	put_text(shell, "run/cgroup", text);
	assert_int_equal(agent_cgroups_clear(shell->state), HV_E_BUSY);
	assert_int_equal(rmdir(shell_path(shell, "one/" GROUP "/held", text)), 0);
	assert_int_equal(agent_cgroups_clear(shell->state), HV_E_EXISTS);
	assert_true(is_there(shell, "two/" GROUP "/stays"));
}

static void a_file_that_lies_removes_nothing(void **state)
{
	struct shell *shell = *state;
	char text[HV_FILE_PATH_BYTES + 8];

	directory(shell, "cpu");
	directory(shell, "cpu/x");
	(void)snprintf(text, sizeof(text), "%s/cpu\n%s\n", shell->state, shell->state);
	put_text(shell, "run/cgroup", text);
	assert_int_equal(agent_cgroups_clear(shell->state), HV_OK);
	assert_true(is_there(shell, "cpu/x"));
}

static void each_allocation_may_fail(void **state)
{
	struct shell *shell = *state;
	char mounts[HV_FILE_PATH_BYTES], membership[HV_FILE_PATH_BYTES];
	struct agent_cgroups_config config = { .state = shell->state, .id = id };
	struct agent_cgroups *cgroups = NULL;

	put_text(shell, "mounts", "");
	put_text(shell, "membership", "");
	config.mounts = shell_path(shell, "mounts", mounts);
	config.membership = shell_path(shell, "membership", membership);
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = agent_cgroups_open(&config, &cgroups, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(cgroups);
	}
	agent_cgroups_close(cgroups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(v1_quota_shares_and_process_are_written),
		SHELL_TEST(the_smallest_entitlement_is_exact),
		SHELL_TEST(v1_usage_is_read),
		SHELL_TEST(v2_goes_where_cpu_is_handed_out),
		SHELL_TEST(where_cpu_is_not_handed_out_nothing_is_changed),
		SHELL_TEST(without_any_it_says_so),
		SHELL_TEST(idle_time_is_that_of_all_processors),
		SHELL_TEST(empty_groups_are_removed_and_others_stay),
		SHELL_TEST(what_will_go_is_told_whatever_else_stays),
		SHELL_TEST(a_file_that_lies_removes_nothing),
		SHELL_TEST(each_allocation_may_fail),
	};

	return cmocka_run_group_tests_name("agent cgroups", tests, NULL, NULL);
}
