/* shell - see shell.h. */
#include "tests/unit/agent/shell.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/stop.h"
#include "hvcore/base/clock.h"

#define LOOK_MS 2

static const char *const programs[] = { "tarn-hypervisor", "tarn-vios",
					"tarn-partition" };

static void link_stub(const struct shell *shell, const char *program)
{
	char from[HV_FILE_PATH_BYTES], to[HV_FILE_PATH_BYTES];

	assert_non_null(getenv("TARN_BIN"));
	(void)snprintf(from, sizeof(from), "%s/agent_stub", getenv("TARN_BIN"));
	(void)snprintf(to, sizeof(to), "%s/%s", shell->bin, program);
	assert_int_equal(symlink(from, to), 0);
}

int shell_set_up(void **state)
{
	struct shell *shell = calloc(1, sizeof(*shell));
	char path[HV_FILE_PATH_BYTES];

	assert_non_null(shell);
	test_tmpdir_make(&shell->dir);
	(void)test_tmpdir_file(&shell->dir, "h1", shell->state, sizeof(shell->state));
	(void)test_tmpdir_file(&shell->dir, "bin", shell->bin, sizeof(shell->bin));
	assert_int_equal(mkdir(shell->state, 0700), 0);
	assert_int_equal(mkdir(shell->bin, 0700), 0);
	assert_int_equal(mkdir(shell_path(shell, "run", path), 0700), 0);
	assert_int_equal(mkdir(shell_path(shell, "log", path), 0700), 0);
	for (unsigned i = 0; i < HV_COUNT(programs); i++)
		link_stub(shell, programs[i]);
	shell->options = (struct agent_options){ .state = shell->state,
						 .name = "h1",
						 .coordinator = "ipc:///nowhere",
						 .bin = shell->bin,
						 .memory = UINT64_C(2) << 30,
						 .lmb = UINT64_C(16) << 20,
						 .hang_ms = 500,
						 .read_ahead = 15,
						 .hedge_us = 1000,
						 .spin_us = 100,
						 .tier_share = 10,
						 .home_near = true,
						 .steer = true,
						 .expect_writes = true };
	assert_int_equal(hv_loop_open(&shell->loop, NULL), HV_OK);
	*state = shell;
	return 0;
}

int shell_tear_down(void **state)
{
	struct shell *shell = *state;

	(void)!agent_stop(shell->state, NULL); /* what a failed test has left */
	hv_timer_stop(&shell->timer);
	hv_loop_close(shell->loop);
	test_tmpdir_remove(&shell->dir);
	(void)unsetenv("TARN_STUB");
	free(shell);
	return 0;
}

void shell_script(const char *words)
{
	assert_int_equal(setenv("TARN_STUB", words, 1), 0);
}

static void on_timer(struct hv_timer *timer)
{
	struct shell *shell = HV_CONTAINER(timer, struct shell, timer);

	if (shell->is_true(shell->arg) || hv_clock_ms() > shell->until_ms)
		hv_loop_stop(shell->loop);
}

bool shell_wait(struct shell *shell, bool (*is_true)(void *arg), void *arg)
{
	shell->is_true = is_true;
	shell->arg = arg;
	shell->until_ms = hv_clock_ms() + TEST_WAIT_MS;
	shell->timer.run = on_timer;
	assert_int_equal(hv_timer_start(shell->loop, &shell->timer, 0, LOOK_MS, NULL),
			 HV_OK);
	hv_loop_run(shell->loop);
	hv_timer_pause(&shell->timer);
	return is_true(arg);
}

const char *shell_path(struct shell *shell, const char *name,
		       char path[HV_FILE_PATH_BYTES])
{
	(void)snprintf(path, HV_FILE_PATH_BYTES, "%s/%s", shell->state, name);
	return path;
}

const char *shell_read(struct shell *shell, const char *name)
{
	static char text[65536];
	char path[HV_FILE_PATH_BYTES];
	int fd = open(shell_path(shell, name, path), O_RDONLY);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;

	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

struct text_in {
	struct shell *shell;
	const char *name, *text;
};

static bool has_text(void *arg)
{
	struct text_in *in = arg;

	return strstr(shell_read(in->shell, in->name), in->text) != NULL;
}

void shell_wait_text(struct shell *shell, const char *name, const char *text)
{
	struct text_in in = { shell, name, text };

	assert_true(test_wait(has_text, &in, TEST_WAIT_MS));
}

void shell_write(struct shell *shell, const char *name, const void *bytes, size_t count)
{
	char path[HV_FILE_PATH_BYTES];
	int fd = open(shell_path(shell, name, path), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, count), count);
	(void)close(fd);
}

unsigned shell_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	return count;
}

unsigned shell_children(void)
{
	char path[64], text[4096] = "";
	unsigned count = 0;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	(void)!read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	for (const char *at = text; *at != '\0'; at++)
		count += *at == ' ';
	return count;
}
