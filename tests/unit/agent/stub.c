/*
 * stub - stands for every program of a host: does what TARN_STUB says, one word after
 * the other, separated by commas.
 *
 *   lock        takes the pid file that it was given (--pid-file-fd)
 *   late        the same, when the file TARN_STUB_GO is there
 *   forge       and writes its parent's pid into it
 *   say:TEXT    a line on stderr
 *   tell:TEXT   a line on stdout
 *   flood       8 MiB on stderr, errors ignored
 *   fds         its descriptors above 2, on stderr
 *   state       its session, oom score, user and ignored signals, on stderr
 *   deaf        ignores SIGTERM
 *   exit:N      ends
 *
 * After the last word it stays.
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/pidfile.h"
#include "hvcore/base/units.h"
#include "tests/support/wait.h"

#define FLOOD_LINES 8192

static int pid_file = -1;

static int number(const char *text)
{
	uint64_t value = 0;

	return hv_u64_parse(text, INT_MAX, &value, NULL) == HV_OK ? (int)value : -1;
}

static bool is_there(void *arg)
{
	return access(arg, F_OK) == 0;
}

static void lock(void)
{
	if (hv_pidfile_take_open(pid_file, NULL) != HV_OK)
		_exit(99);
}

static void forge(void)
{
	char line[64];
	uint64_t start = 0;
	int n;

	if (hv_process_start_time(getppid(), &start, NULL) != HV_OK)
		_exit(98);
	n = snprintf(line, sizeof(line), "%d %llu\n", getppid(),
		     (unsigned long long)start);
	if (ftruncate(pid_file, 0) != 0 || pwrite(pid_file, line, (size_t)n, 0) != n)
		_exit(97);
}

static void flood(void)
{
	char line[1024];

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (unsigned i = 0; i < FLOOD_LINES; i++)
		(void)!write(STDERR_FILENO, line, sizeof(line));
}

static void list_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	char text[512] = "fds";
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		int fd = number(entry->d_name);

		if (fd > STDERR_FILENO && fd != dirfd(dir))
			(void)snprintf(text + strlen(text), sizeof(text) - strlen(text),
				       " %d", fd);
	}
	(void)dprintf(STDERR_FILENO, "%s\n", text);
	(void)closedir(dir);
}

static void tell_state(void)
{
	struct sigaction hup, term;
	char score[16] = "";
	int fd = open("/proc/self/oom_score_adj", O_RDONLY);
	sigset_t blocked;

	(void)!read(fd, score, sizeof(score) - 1);
	score[strcspn(score, "\n")] = '\0';
	(void)close(fd);
	(void)sigaction(SIGHUP, NULL, &hup);
	(void)sigaction(SIGPIPE, NULL, &term);
	(void)sigprocmask(SIG_SETMASK, NULL, &blocked);
	(void)dprintf(STDERR_FILENO,
		      "leader=%d oom=%s uid=%u hup=%d pipe=%d blocked=%d\n",
		      getsid(0) == getpid(), score, getuid(), hup.sa_handler == SIG_IGN,
		      term.sa_handler == SIG_IGN, sigismember(&blocked, SIGTERM));
}

static void act(const char *word)
{
	char go[512];

	if (strcmp(word, "lock") == 0) {
		lock();
	} else if (strcmp(word, "late") == 0) {
		(void)snprintf(go, sizeof(go), "%s", getenv("TARN_STUB_GO"));
		(void)test_wait(is_there, go, TEST_WAIT_MS);
		lock();
	} else if (strcmp(word, "forge") == 0) {
		forge();
	} else if (strncmp(word, "say:", 4) == 0) {
		(void)dprintf(STDERR_FILENO, "%s\n", word + 4);
	} else if (strncmp(word, "tell:", 5) == 0) {
		(void)dprintf(STDOUT_FILENO, "%s\n", word + 5);
	} else if (strcmp(word, "flood") == 0) {
		flood();
	} else if (strcmp(word, "fds") == 0) {
		list_descriptors();
	} else if (strcmp(word, "state") == 0) {
		tell_state();
	} else if (strcmp(word, "deaf") == 0) {
		(void)signal(SIGTERM, SIG_IGN);
	} else if (strncmp(word, "exit:", 5) == 0) {
		_exit(number(word + 5));
	}
}

int main(int argc, char **argv)
{
	static const char option[] = "--pid-file-fd=";
	const char *given = getenv("TARN_STUB");
	char text[8192], *rest = text, *word;

	for (int i = 1; i < argc; i++)
		if (strncmp(argv[i], option, sizeof(option) - 1) == 0)
			pid_file = number(argv[i] + sizeof(option) - 1);
	(void)snprintf(text, sizeof(text), "%s", given != NULL ? given : "");
	while ((word = strsep(&rest, ",")) != NULL)
		act(word);
	for (;;)
		(void)pause();
}
