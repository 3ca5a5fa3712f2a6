/* Unit tests of hvcore/base/pidfile.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "hvcore/base/pidfile.h"
#include "tests/support/tmpdir.h"

#define LOOKS 5000 /* a gap shows within some tens */

static struct test_tmpdir dir;
static char path[HV_FILE_PATH_BYTES];

static int set_up(void **state)
{
	(void)state;
	test_tmpdir_make(&dir);
	(void)test_tmpdir_file(&dir, "x.pid", path, sizeof(path));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_tmpdir_remove(&dir);
	return 0;
}

/* A child that takes the file, says so, and stays until it is killed. */
static int start_holder(void)
{
	int pipe_fds[2], pid, fd;
	char said = 0;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		said = hv_pidfile_take(path, &fd, NULL) == HV_OK ? 'y' : 'n';
		(void)!write(pipe_fds[1], &said, 1);
		for (;;)
			(void)pause();
	}
	(void)close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &said, 1), 1);
	assert_int_equal(said, 'y');
	(void)close(pipe_fds[0]);
	return pid;
}

static void end_holder(int pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void the_holder_is_known_to_others(void **state)
{
	struct hv_pidfile_holder holder = { 0 };
	uint64_t start;
	int pid;

	(void)state;
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_E_NOTFOUND);
	pid = start_holder();
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_OK);
	assert_int_equal(holder.pid, pid);
	assert_int_equal(holder.pidfd, -1);
	assert_int_equal(hv_process_start_time(pid, &start, NULL), HV_OK);
	assert_int_equal(holder.start_time, start);
	end_holder(pid);
	/* The file is still there and means nothing. */
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_E_NOTFOUND);
}

static void two_instances_are_impossible(void **state)
{
	struct hv_err err;
	char wanted[32];
	int pid = start_holder(), fd = -1;

	(void)state;
	assert_int_equal(hv_pidfile_take(path, &fd, &err), HV_E_BUSY);
	assert_int_equal(fd, -1);
	(void)snprintf(wanted, sizeof(wanted), "process %d is running", pid);
	assert_non_null(strstr(err.text, wanted));
	end_holder(pid);
	assert_int_equal(hv_pidfile_take(path, &fd, &err), HV_OK);
	hv_pidfile_give(fd);
	assert_int_equal(hv_pidfile_take(path, &fd, &err), HV_OK);
	hv_pidfile_give(fd);
	hv_pidfile_give(-1);
}

static void an_adopted_process_has_a_pidfd_that_tells_its_end(void **state)
{
	struct hv_pidfile_holder holder;
	struct pollfd end;
	int pid = start_holder();

	(void)state;
	assert_int_equal(hv_pidfile_adopt(path, &holder, NULL), HV_OK);
	assert_int_equal(holder.pid, pid);
	end = (struct pollfd){ .fd = holder.pidfd, .events = POLLIN };
	assert_int_equal(poll(&end, 1, 0), 0);
	end_holder(pid);
	assert_int_equal(poll(&end, 1, 0), 1);
	(void)close(holder.pidfd);
	assert_int_equal(hv_pidfile_adopt(path, &holder, NULL), HV_E_NOTFOUND);
}

/* Taken, not written yet: the line is empty, or the last holder's. */
static void a_line_that_is_not_the_holders_is_asked_again(void **state)
{
	static const char *const lines[] = { "", "12", "1 1", "1 1\n", "999999999 1\n" };
	struct hv_pidfile_holder holder;
	int pid = start_holder();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(lines); i++) {
		FILE *file = fopen(path, "w");

		(void)fputs(lines[i], file);
		(void)fclose(file);
		assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_E_AGAIN);
		assert_int_equal(hv_pidfile_adopt(path, &holder, NULL), HV_E_AGAIN);
	}
	end_holder(pid);
}

static void a_line_that_is_not_ours_is_corrupt(void **state)
{
	static const char *const lines[] = { "x y\n", "0 1\n", "-1 1\n", "1 x\n",
					     "99999999999 1\n" };
	struct hv_pidfile_holder holder;
	int pid = start_holder();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(lines); i++) {
		FILE *file = fopen(path, "w");

		(void)fputs(lines[i], file);
		(void)fclose(file);
		assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_E_CORRUPT);
	}
	end_holder(pid);
}

static void a_process_that_exits_is_known_before_it_is_gone(void **state)
{
	siginfo_t info;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(0);
	assert_true(pid > 0);
	/* seen, and left: it has exited, and is not gone */
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_true(hv_process_is_exiting(pid));
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(hv_process_is_exiting(pid));
	assert_false(hv_process_is_exiting(getpid()));
}

static void a_process_that_is_gone_has_no_start_time(void **state)
{
	uint64_t start = 77;
	int pid = start_holder();

	(void)state;
	end_holder(pid);
	assert_int_equal(hv_process_start_time(pid, &start, NULL), HV_E_GONE);
	assert_int_equal(start, 77);
}

static void an_inherited_descriptor_does_as_well(void **state)
{
	struct hv_pidfile_holder holder;
	struct hv_err err;
	int pid = start_holder();
	int fd = open(path, O_RDWR);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(hv_pidfile_take_open(fd, &err), HV_E_BUSY);
	end_holder(pid);
	assert_int_equal(hv_pidfile_take_open(fd, &err), HV_OK);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_OK);
	assert_int_equal(holder.pid, getpid());
	hv_pidfile_give(fd);
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_E_NOTFOUND);
	assert_int_equal(hv_pidfile_take_open(fd, &err), HV_E_OS);
	fd = open(path, O_RDONLY); /* a write lock needs more */
	assert_int_equal(hv_pidfile_take_open(fd, &err), HV_E_OS);
	hv_pidfile_give(fd);
}

/* What a parent holds passes to its child, without a moment in which nobody has it. */
static void a_held_file_waits_for_its_childs_line(void **state)
{
	struct hv_pidfile_holder holder;
	int zombie = start_holder(), fd = -1, other = -1, pid;

	(void)state;
	assert_int_equal(kill(zombie, SIGKILL), 0);
	assert_int_equal(
		waitid(P_PID, (id_t)zombie, &(siginfo_t){ 0 }, WEXITED | WNOWAIT), 0);
	assert_int_equal(hv_pidfile_hold(path, &fd, NULL), HV_OK);
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_E_AGAIN);
	assert_int_equal(hv_pidfile_hold(path, &other, NULL), HV_E_BUSY);
	assert_int_equal(waitpid(zombie, NULL, 0), zombie);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(hv_pidfile_take_open(fd, NULL) == HV_OK && pause() == 0);
	hv_pidfile_give(fd);
	while (hv_pidfile_adopt(path, &holder, NULL) == HV_E_AGAIN)
		(void)sched_yield();
	assert_int_equal(hv_pidfile_adopt(path, &holder, NULL), HV_OK);
	assert_int_equal(holder.pid, pid);
	(void)close(holder.pidfd);
	end_holder(pid);
	assert_int_equal(hv_pidfile_adopt(path, &holder, NULL), HV_E_NOTFOUND);
}

/* The parent has named it, and it names itself: nobody in between finds no line. */
static void a_line_that_is_written_once_more_is_never_away(void **state)
{
	struct hv_pidfile_holder holder;
	int fd, pid, parent = getpid();

	(void)state;
	assert_int_equal(hv_pidfile_hold(path, &fd, NULL), HV_OK);
	pid = fork();
	assert_true(pid >= 0);
	while (pid == 0)
		if (hv_pidfile_take_open(fd, NULL) != HV_OK || getppid() != parent)
			_exit(1); /* also where the test has failed */
	assert_int_equal(hv_pidfile_name(fd, pid, NULL), HV_OK);
	hv_pidfile_give(fd);
	for (unsigned i = 0; i < LOOKS; i++) {
		assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_OK);
		assert_int_equal(holder.pid, pid);
	}
	end_holder(pid);
}

/* A partition writes its pid file itself; whom we adopt we may kill. */
static void a_holder_cannot_pass_for_another_process(void **state)
{
	struct hv_pidfile_holder holder;
	struct hv_err err;
	char line[64];
	uint64_t start;
	FILE *file;
	int pid = start_holder();

	(void)state;
	assert_int_equal(hv_process_start_time(getpid(), &start, NULL), HV_OK);
	(void)snprintf(line, sizeof(line), "%d %llu\n", getpid(),
		       (unsigned long long)start);
	file = fopen(path, "w");
	(void)fputs(line, file);
	(void)fclose(file);
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_OK);
	assert_int_equal(hv_pidfile_adopt(path, &holder, &err), HV_E_CORRUPT);
	assert_non_null(strstr(err.text, "does not hold it"));
	end_holder(pid);
}

static void a_path_that_cannot_be_opened_is_an_error(void **state)
{
	struct hv_err err;
	int fd = -1;

	(void)state;
	(void)test_tmpdir_file(&dir, "no/x.pid", path, sizeof(path));
	assert_int_equal(hv_pidfile_take(path, &fd, &err), HV_E_OS);
	assert_int_equal(fd, -1);
}

#define PIDFILE_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PIDFILE_TEST(the_holder_is_known_to_others),
		PIDFILE_TEST(two_instances_are_impossible),
		PIDFILE_TEST(an_adopted_process_has_a_pidfd_that_tells_its_end),
		PIDFILE_TEST(a_line_that_is_not_the_holders_is_asked_again),
		PIDFILE_TEST(a_line_that_is_not_ours_is_corrupt),
		PIDFILE_TEST(a_process_that_exits_is_known_before_it_is_gone),
		PIDFILE_TEST(a_process_that_is_gone_has_no_start_time),
		PIDFILE_TEST(an_inherited_descriptor_does_as_well),
		PIDFILE_TEST(a_held_file_waits_for_its_childs_line),
		PIDFILE_TEST(a_line_that_is_written_once_more_is_never_away),
		PIDFILE_TEST(a_holder_cannot_pass_for_another_process),
		PIDFILE_TEST(a_path_that_cannot_be_opened_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
