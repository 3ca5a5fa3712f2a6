/*
 * any_program - a program that knows nothing of partitions, and does with its memory what
 * programs do: for tests of tarn-partition --program. Its argument is how many MiB it
 * uses; with none, it does nothing but say so and end with 3.
 *
 * It says one line a claim, "program: NAME ok", then waits for SIGTERM; a claim that does
 * not hold ends it with 1 and a line that says where.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096u
#define MIB ((size_t)1 << 20)
#define RW (PROT_READ | PROT_WRITE)
#define PLAIN (MAP_PRIVATE | MAP_ANONYMOUS)

#define CHECK(claim) check((claim), #claim, __LINE__)

static volatile sig_atomic_t is_over;

static void check(bool is_true, const char *claim, int line)
{
	if (is_true)
		return;
	fprintf(stderr, "program: line %d: %s: errno %d\n", line, claim, errno);
	_exit(1);
}

static void tell(const char *name)
{
	fprintf(stderr, "program: %s ok\n", name);
}

static void fill(uint8_t *at, size_t bytes, uint64_t seed)
{
	uint64_t *words = (uint64_t *)(void *)at;

	for (size_t i = 0; i < bytes / 8; i++)
		words[i] = (i + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ seed;
}

static bool is_right(const uint8_t *at, size_t bytes, uint64_t seed)
{
	const uint64_t *words = (const uint64_t *)(const void *)at;

	for (size_t i = 0; i < bytes / 8; i++)
		if (words[i] != ((i + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ seed))
			return false;
	return true;
}

static bool is_zero(const uint8_t *at, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		if (at[i] != 0)
			return false;
	return true;
}

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

/* Where the hypervisor sees it: a shared mapping that no child inherits. */
static bool is_of_partition(const void *at)
{
	char line[512];
	FILE *maps = fopen("/proc/self/maps", "re");
	bool is = false;

	CHECK(maps != NULL);
	while (fgets(line, sizeof(line), maps) != NULL) {
		unsigned long from, to;
		char perms[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, perms) == 3 &&
		    (uintptr_t)at >= from && (uintptr_t)at < to)
			is = strcmp(perms, "rw-s") == 0;
	}
	CHECK(fclose(maps) == 0);
	return is;
}

/* ---- what it does ---- */

static void use_mappings(size_t bytes)
{
	uint8_t *at = mmap(NULL, bytes, RW, PLAIN, -1, 0), *small;

	CHECK(at != MAP_FAILED && is_of_partition(at));
	small = mmap(NULL, PAGE, RW, PLAIN, -1, 0);
	CHECK(small != MAP_FAILED && !is_of_partition(small));
	fill(at, bytes, 1);
	CHECK(is_right(at, bytes, 1));
	CHECK(mprotect(at, PAGE, RW) == 0);
	CHECK(mprotect(at, PAGE, PROT_READ) != 0 && errno == EACCES);
	CHECK(mlock(at, PAGE) != 0 && errno == EPERM);
	CHECK(madvise(at, bytes / 4, MADV_DONTNEED) == 0);
	CHECK(is_zero(at, bytes / 4));
	CHECK(madvise(at, bytes / 4, MADV_REMOVE) != 0 && errno == EINVAL);
	CHECK(munmap(at + bytes / 4, bytes / 4) == 0);
	fill(at, bytes / 4, 2);
	at = mremap(at, bytes / 4, bytes / 2, MREMAP_MAYMOVE);
	CHECK(at != MAP_FAILED && is_of_partition(at));
	CHECK(is_right(at, bytes / 4, 2) && is_zero(at + bytes / 4, bytes / 4));
	CHECK(munmap(at, bytes) == 0);
	CHECK(munmap(small, PAGE) == 0);
	CHECK(open("/dev/tarn-memory", O_RDWR) < 0 && errno == ENOENT);
	tell("mappings");
}

static void use_malloc(size_t bytes)
{
	const size_t piece = 1000, count = bytes / piece;
	uint8_t **list = calloc(count, sizeof(list[0])), *last;

	CHECK(list != NULL && count > 0);
	for (size_t i = 0; i < count; i++) {
		list[i] = malloc(piece);
		CHECK(list[i] != NULL);
		fill(list[i], piece, i);
	}
	for (size_t i = 0; i < count; i++)
		CHECK(is_right(list[i], piece, i));
	last = list[count - 1];
	fprintf(stderr, "program: malloc gives %s memory\n",
		is_of_partition(last) ? "partition" : "ordinary");
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
	tell("malloc");
}

/* What a child finds, and what it changes, is its own. */
static int be_child(uint8_t *at, size_t bytes)
{
	pid_t pid;

	CHECK(is_right(at, bytes, 3));
	fill(at, bytes / 2, 4);
	pid = fork(); /* what a daemon does */
	CHECK(pid >= 0);
	if (pid == 0) {
		CHECK(is_right(at, bytes / 2, 4));
		_exit(5);
	}
	CHECK(WEXITSTATUS(status_of(pid)) == 5);
	return 6;
}

static void have_children(size_t bytes)
{
	static const char command[] = "test -z \"$LD_PRELOAD$TARN_ATTACH\" && exit 7";
	uint8_t *at = mmap(NULL, bytes, RW, PLAIN, -1, 0);
	char *words = (char *)at; /* arguments in memory of the partition */
	char **list = (char **)(void *)(words + 256);
	pid_t pid;

	CHECK(at != MAP_FAILED);
	fill(at, bytes, 3);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		_exit(be_child(at, bytes));
	CHECK(WEXITSTATUS(status_of(pid)) == 6);
	CHECK(is_right(at, bytes, 3));
	memcpy(words, "/bin/sh", sizeof("/bin/sh"));
	memcpy(words + 16, "-c", sizeof("-c"));
	memcpy(words + 32, command, sizeof(command));
	list[0] = words;
	list[1] = words + 16;
	list[2] = words + 32;
	list[3] = NULL;
	for (unsigned i = 0; i < 4; i++) {
		pid = fork();
		if (pid == 0) {
			if (i % 2 == 1) /* as who leaves nothing open does */
				(void)close_range(3, ~0u, 0);
			(void)execv(list[0], list);
			_exit(1);
		}
		CHECK(WEXITSTATUS(status_of(pid)) == 7);
	}
	CHECK(posix_spawn(&pid, list[0], NULL, NULL, list, environ) == 0);
	CHECK(WEXITSTATUS(status_of(pid)) == 7);
	CHECK(munmap(at, bytes) == 0);
	tell("children");
}

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

int main(int argc, char **argv)
{
	size_t bytes = argc == 2 ? (size_t)strtoul(argv[1], NULL, 10) * MIB : 0;
	sigset_t term, before;

	tell("begin");
	if (bytes == 0)
		return 3;
	CHECK(signal(SIGTERM, on_term) != SIG_ERR);
	CHECK(sigemptyset(&term) == 0 && sigaddset(&term, SIGTERM) == 0);
	CHECK(sigprocmask(SIG_BLOCK, &term, &before) == 0);
	CHECK(getenv("LD_PRELOAD") == NULL && getenv("TARN_ATTACH") == NULL);
	use_mappings(bytes);
	use_malloc(bytes / 2);
	have_children(bytes / 2);
	tell("all");
	while (!is_over)
		(void)sigsuspend(&before);
	return 0;
}
