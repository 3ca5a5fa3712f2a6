/* again: a program that is killed, and there again a moment later. */
#include "hvcore/base/again.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/pidfile.h"
#include "tests/support/tmpdir.h"

#define AWAY_MS 200
#define PATIENCE_MS 20000
#define FOREVER_MS 600000

static const char *self;

/* What the program is when it is there again: "--again FILE". Says so, and goes. */
static int come_back(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	/* nothing of who was killed was inherited, and its lock is free */
	if (fd != STDERR_FILENO + 1 || flock(fd, LOCK_EX | LOCK_NB) != 0)
		return 1;
	return write(fd, "back\n", 5) == 5 ? 0 : 1;
}

static void read_file(const char *path, char text[64])
{
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, 63);

	text[n > 0 ? n : 0] = '\0';
	(void)close(fd);
}

static void it_is_killed_and_there_again(void **state)
{
	struct test_tmpdir dir;
	char path[TEST_PATH_BYTES + 8], text[64] = "";
	char *arguments[] = { (char *)self, (char *)"--again", path, NULL };
	int fd, status = 0;
	unsigned waited;
	pid_t pid;

	(void)state;
	test_tmpdir_make(&dir);
	(void)test_tmpdir_file(&dir, "said", path, sizeof(path));
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid = fork();
	if (pid == 0) {
		(void)!hv_again(arguments, AWAY_MS, -1, NULL);
		_exit(1);
	}
	(void)close(fd); /* the lock is the child's alone */
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	read_file(path, text);
	assert_string_equal(text, ""); /* it stays away for a moment */
	for (waited = 0; waited < PATIENCE_MS && text[0] == '\0'; waited += 10) {
		(void)poll(NULL, 0, 10);
		read_file(path, text);
	}
	assert_string_equal(text, "back\n");
	test_tmpdir_remove(&dir);
}

static void on_terminate(int signal)
{
	(void)signal; /* as that of a loop, which would end it in its own time */
}

/* Its pid file says whom to end, as it does of the program. */
static void who_ends_it_meanwhile_ends_it_for_good(void **state)
{
	struct test_tmpdir dir;
	char path[TEST_PATH_BYTES + 8];
	char *arguments[] = { (char *)self, (char *)"--again", path, NULL };
	struct hv_pidfile_holder holder;
	struct pollfd ended = { .events = POLLIN };
	enum hv_code code = HV_E_AGAIN; /* until the helper has named itself */
	int lock, status = 0;
	pid_t pid;

	(void)state;
	test_tmpdir_make(&dir);
	(void)test_tmpdir_file(&dir, "pid", path, sizeof(path));
	pid = fork();
	if (pid == 0) {
		(void)signal(SIGTERM, on_terminate);
		if (hv_pidfile_take(path, &lock, NULL) == HV_OK)
			(void)!hv_again(arguments, FOREVER_MS, lock, NULL);
		_exit(1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	for (unsigned waited = 0; waited < PATIENCE_MS && code == HV_E_AGAIN;
	     waited += 10) {
		(void)poll(NULL, 0, 10);
		code = hv_pidfile_adopt(path, &holder, NULL);
	}
	assert_int_equal(code, HV_OK);
	assert_int_not_equal(holder.pid, pid);
	ended.fd = holder.pidfd;
	assert_int_equal(kill(holder.pid, SIGTERM), 0);
	assert_int_equal(poll(&ended, 1, PATIENCE_MS), 1);
	(void)close(holder.pidfd);
	test_tmpdir_remove(&dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_killed_and_there_again),
		cmocka_unit_test(who_ends_it_meanwhile_ends_it_for_good),
	};

	if (argc == 3 && strcmp(argv[1], "--again") == 0)
		return come_back(argv[2]);
	self = argv[0];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
