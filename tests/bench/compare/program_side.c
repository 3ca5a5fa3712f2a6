/* program_side - see program_side.h. */
#include "tests/bench/compare/program_side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/partition/privilege.h"
#include "agent/partition/program_files.h"
#include "hvcore/base/clock.h"

#define ARGUMENTS_MAX 300
#define LOOK_MS 50 /* at what it has; arbitrary */

static _Noreturn void give_up(const char *what, const char *detail)
{
	(void)fprintf(stderr, "bench: %s: %s\n", what, detail);
	_exit(126);
}

/* ---- the two of them ---- */

static void be_partition(const struct program_side *side, const struct program_spec *spec,
			 const char *token)
{
	char program[PATH_MAX], socket[TEST_PATH_BYTES], run[24], device[16];
	const char *bin = getenv("TARN_BIN");
	int fd = open("/dev/userfaultfd", O_RDWR);
	const char *arguments[ARGUMENTS_MAX + 1] = {
		program,    "--socket",  socket,           "--name", side->name,
		"--run-id", run,         "--token",        token,    "--uffd-device",
		device,     "--program", spec->command[0], "--"
	};
	unsigned count = 14;

	(void)snprintf(program, sizeof(program), "%s/tarn-partition",
		       bin != NULL ? bin : ".");
	(void)test_tmpdir_file(&side->host->dir, "run/attach.sock", socket,
			       sizeof(socket));
	(void)snprintf(run, sizeof(run), "%llu", (unsigned long long)side->run_id);
	(void)snprintf(device, sizeof(device), "%d", fd);
	for (unsigned i = 1; spec->command[i] != NULL && count < ARGUMENTS_MAX; i++)
		arguments[count++] = spec->command[i];
	(void)execv(program, (char *const *)(uintptr_t)arguments);
	give_up(program, strerror(errno));
}

static void be_plain(const struct program_side *side, const struct program_spec *spec)
{
	static char path[PATH_MAX], allocator[PATH_MAX], preload[PATH_MAX + 16];
	char *const environment[] = {
		(char[]){ "PATH=/usr/bin:/bin" }, (char[]){ "HOME=/" },
		(char[]){ "MALLOC_CONF=" PROGRAM_ALLOCATOR_OPTIONS }, preload, NULL
	};
	struct hv_err err = { 0 };
	const char *why;
	int fd = open(spec->group, O_WRONLY | O_CLOEXEC), program;

	if (fd < 0 || write(fd, "0", 1) != 1)
		give_up("enter its control group", spec->group);
	(void)close(fd);
	if (program_file_open(spec->command[0], path, sizeof(path), &program, &err) !=
		    HV_OK ||
	    program_allocator_find("auto", allocator, sizeof(allocator), &why, &err) !=
		    HV_OK ||
	    partition_privilege_drop_for_guest(side->run_id, &err) != HV_OK)
		give_up(spec->command[0], err.text);
	(void)snprintf(preload, sizeof(preload), "%s%s",
		       allocator[0] != '\0' ? "LD_PRELOAD=" : "NOTHING=", allocator);
	(void)prctl(PR_SET_PDEATHSIG,
		    SIGKILL); /* another user is another process to it */
	(void)execve(path, (char *const *)(uintptr_t)spec->command, environment);
	give_up(path, strerror(errno));
}

static void define(struct program_side *side, const struct program_spec *spec,
		   char token[33])
{
	const struct test_partition partition = {
		.name = side->name,
		.mem_mib = spec->memory_mib,
		.device_mib = spec->memory_mib + spec->memory_mib / 16 + 4
	};
	struct hv_err err = { 0 };

	if (test_host_define(side->host, &partition, side->run_id, token, &err) != HV_OK)
		give_up("define", err.text);
}

void program_side_start(struct program_side *side, struct test_host *host,
			const struct program_spec *spec)
{
	static uint64_t plain_run;
	char token[33] = "";

	*side = (struct program_side){ .host = host };
	side->run_id = host != NULL ? ++host->run_id : 1000000 + ++plain_run;
	(void)snprintf(side->name, sizeof(side->name), "prog%llu",
		       (unsigned long long)side->run_id);
	if (host != NULL)
		define(side, spec, token);
	(void)fflush(NULL);
	side->began_ns = hv_clock_ns();
	side->pid = (int)fork();
	assert_true(side->pid >= 0);
	if (side->pid != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(spec->in, STDIN_FILENO) < 0 || dup2(spec->out, STDOUT_FILENO) < 0 ||
	    dup2(spec->err, STDERR_FILENO) < 0)
		give_up("its files", strerror(errno));
	if (host != NULL)
		be_partition(side, spec, token);
	be_plain(side, spec);
}

/* ---- its end ---- */

uint64_t program_side_ordinary_kib(const struct program_side *side)
{
	unsigned long long kib = 0;
	char text[256];
	FILE *status;

	(void)snprintf(text, sizeof(text), "/proc/%d/status", side->pid);
	status = fopen(text, "re");
	if (status == NULL)
		return 0;
	while (fgets(text, sizeof(text), status) != NULL)
		if (sscanf(text, "RssAnon: %llu kB", &kib) == 1)
			break;
	(void)fclose(status);
	return kib;
}

static void look(struct program_side *side)
{
	uint64_t kib = program_side_ordinary_kib(side);

	if (kib > side->ordinary_kib)
		side->ordinary_kib = kib;
}

static double seconds_of(const struct timeval *at)
{
	return (double)at->tv_sec + (double)at->tv_usec / 1e6;
}

/* What the hypervisor counted for it, before that is gone. */
static void end_partition(struct program_side *side)
{
	Tarn__HvReply *reply = test_host_stat(side->host, false);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, side->name);

	side->faults = stat != NULL ? stat->page_ins : 0;
	side->page_outs = stat != NULL ? stat->page_outs : 0;
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_remove(side->host, side->name, side->run_id);
	(void)unlink(side->host->reach.device.path); /* as large as its memory */
}

void program_side_finish(struct program_side *side)
{
	struct pollfd at = { .fd = (int)syscall(SYS_pidfd_open, side->pid, 0),
			     .events = POLLIN };
	struct rusage usage;
	int status;

	assert_true(at.fd >= 0);
	do
		look(side);
	while (poll(&at, 1, LOOK_MS) == 0);
	assert_int_equal(wait4(side->pid, &status, 0, &usage), side->pid);
	side->seconds = (double)(hv_clock_ns() - side->began_ns) / 1e9;
	(void)close(at.fd);
	side->pid = 0;
	side->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	side->cpu_s = seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
	side->faults = (uint64_t)usage.ru_majflt;
	if (side->host != NULL)
		end_partition(side);
}

void program_side_place(const struct program_side *side, int cpu)
{
	const int count = (int)sysconf(_SC_NPROCESSORS_ONLN);
	char path[64];
	struct dirent *entry;
	cpu_set_t set;
	DIR *tasks;

	CPU_ZERO(&set);
	for (int i = 0; i < count; i++)
		if (cpu < 0 || i == cpu)
			CPU_SET(i, &set);
	(void)snprintf(path, sizeof(path), "/proc/%d/task", side->pid);
	tasks = opendir(path);
	assert_non_null(tasks);
	while ((entry = readdir(tasks)) != NULL)
		if (entry->d_name[0] != '.') /* one may have ended meanwhile */
			(void)sched_setaffinity((pid_t)strtol(entry->d_name, NULL, 10),
						sizeof(set), &set);
	(void)closedir(tasks);
}

void program_group_limit(const char *group, uint64_t bytes)
{
	static const char *const limits[] = { "memory.limit_in_bytes", "memory.max" };
	char path[PATH_MAX], text[24];
	int directory, fd = -1;

	(void)snprintf(path, sizeof(path), "%s", group);
	*strrchr(path, '/') = '\0';
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (unsigned i = 0; i < HV_COUNT(limits) && fd < 0; i++)
		fd = openat(directory, limits[i], O_WRONLY | O_CLOEXEC);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)bytes);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		give_up("limit a control group", path);
	(void)close(fd);
	(void)close(directory);
}
