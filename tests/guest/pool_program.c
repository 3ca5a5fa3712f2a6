/*
 * pool_program - a program that knows nothing of paging and does to its memory what QEMU
 * does: for tests of libtarn-attach.so, started by tarn-partition --program.
 *
 * It says one line a claim, "program: NAME ok", then waits for SIGTERM; a claim that does
 * not hold ends it with 1 and a line that says where.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <pthread.h>
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

#define MEMORY "/dev/tarn-memory"
#define PAGE 4096u
#define MADV_POPULATE 23 /* WRITE: not in every C library */

#define CHECK(claim) check((claim), #claim, __LINE__)

static volatile sig_atomic_t is_over;
static uint8_t *base;
static size_t bytes;
static int file;

static void check(bool is_true, const char *claim, int line)
{
	if (is_true)
		return;
	fprintf(stderr, "program: line %d: %s: errno %d\n", line, claim, errno);
	exit(1);
}

static void tell(const char *name)
{
	fprintf(stderr, "program: %s ok\n", name);
}

static uint64_t word_of(size_t page, size_t word)
{
	return (page + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ word;
}

static void fill(size_t page)
{
	uint64_t *at = (uint64_t *)(void *)(base + page * PAGE);

	for (size_t i = 0; i < PAGE / 8; i++)
		at[i] = word_of(page, i);
}

static bool is_right(size_t page)
{
	const uint64_t *at = (const uint64_t *)(void *)(base + page * PAGE);

	for (size_t i = 0; i < PAGE / 8; i++)
		if (at[i] != word_of(page, i))
			return false;
	return true;
}

static bool is_zero(size_t page)
{
	for (size_t i = 0; i < PAGE; i++)
		if (base[page * PAGE + i] != 0)
			return false;
	return true;
}

/* As QEMU maps: a reservation, the file into it, what is left over given back. */
static void map_as_qemu_does(void)
{
	uint8_t *range = mmap(NULL, bytes + 2 * PAGE, PROT_NONE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(range != MAP_FAILED);
	base = mmap(range, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
		    0);
	CHECK(base == range);
	CHECK(munmap(range + bytes + PAGE, PAGE) == 0);
	CHECK(madvise(base, bytes, MADV_HUGEPAGE) == 0);
	CHECK(madvise(base, bytes, MADV_MERGEABLE) == 0);
	CHECK(madvise(base, bytes, MADV_DONTDUMP) == 0);
	CHECK(madvise(base, bytes, MADV_DONTFORK) == 0);
	tell("map");
}

static void expect_refused(void)
{
	int other = open("/proc/self/exe", O_RDONLY | O_DIRECT);

	CHECK(other < 0 && errno == EINVAL);
	CHECK(mmap(NULL, bytes, PROT_READ, MAP_SHARED, file, 0) == MAP_FAILED &&
	      errno == EPERM);
	CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, file, 0) == MAP_FAILED);
	CHECK(mmap(base + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		   -1, 0) == MAP_FAILED);
	CHECK(mremap(base, bytes, 2 * bytes, MREMAP_MAYMOVE) == MAP_FAILED);
	CHECK(munmap(base, PAGE) != 0);
	CHECK(mlock(base, PAGE) != 0 && errno == EPERM);
	CHECK(mlockall(MCL_CURRENT) != 0 && errno == EPERM);
	CHECK(madvise(base, bytes, MADV_POPULATE) != 0 && errno == EPERM);
	CHECK(madvise(base, bytes, MADV_DOFORK) != 0);
	CHECK(posix_fallocate(file, 0, (off_t)bytes) == EPERM);
	CHECK(ftruncate(file, (off_t)bytes * 2) != 0 && errno == EPERM);
	CHECK(mmap(base, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file,
		   0) == base);
	tell("refused");
}

static void fill_all(void)
{
	for (size_t page = 0; page < bytes / PAGE; page++)
		fill(page);
	for (size_t page = 0; page < bytes / PAGE; page++)
		CHECK(is_right(page));
	CHECK(madvise(base, bytes, MADV_DONTNEED) ==
	      0); /* the file keeps what is there */
	for (size_t page = 0; page < bytes / PAGE; page++)
		CHECK(is_right(page));
	tell("fill");
}

/* The kernel reads and writes the memory for us, wherever it is now. */
static void read_and_write(void)
{
	int store = memfd_create("store", MFD_CLOEXEC);
	const size_t pages = bytes / PAGE, count = pages / 4;

	CHECK(store >= 0);
	for (size_t page = 0; page < count; page++)
		CHECK(pwrite(store, base + page * PAGE, PAGE, (off_t)(page * PAGE)) ==
		      PAGE);
	for (size_t page = 0; page < count; page++)
		memset(base + page * PAGE, 0x55, PAGE);
	for (size_t page = count; page < pages; page++)
		CHECK(is_right(page)); /* pushes the others out */
	for (size_t page = 0; page < count; page++)
		CHECK(pread(store, base + page * PAGE, PAGE, (off_t)(page * PAGE)) ==
		      PAGE);
	for (size_t page = 0; page < count; page++)
		CHECK(is_right(page));
	CHECK(close(store) == 0);
	tell("kernel");
}

static int status_of(pid_t pid)
{
	int status = -1;

	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

static void have_children(void)
{
	char *const words[] = { (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
				(char *)(uintptr_t) "test -z \"$LD_PRELOAD$TARN_ATTACH\"",
				NULL };
	int ends[2];
	pid_t pid = fork();

	if (pid == 0) { /* no memory, and no part in what goes on */
		CHECK(pipe(ends) == 0);
		CHECK(write(ends[1], base, 1) < 0 && errno == EFAULT);
		CHECK(mlock(base, 1) != 0 && errno == ENOMEM);
		CHECK(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) !=
		      MAP_FAILED);
		_exit(7);
	}
	CHECK(pid > 0);
	CHECK(WEXITSTATUS(status_of(pid)) == 7);
	CHECK(posix_spawn(&pid, words[0], NULL, NULL, words, environ) == 0);
	CHECK(status_of(pid) == 0);
	tell("children");
}

static void *punch(void *arg)
{
	const size_t first = *(const size_t *)arg, pages = bytes / PAGE / 8;

	for (size_t page = first; page < first + pages; page += 16)
		CHECK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)(page * PAGE), 8 * PAGE) == 0);
	return NULL;
}

/* Two threads at once, one page as well as many, while a third of it is out. */
static void give_back(void)
{
	size_t starts[] = { 0, bytes / PAGE / 2 };
	const size_t eighth = bytes / PAGE / 8;
	pthread_t threads[2];

	for (unsigned i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, punch, &starts[i]) == 0);
	for (unsigned i = 0; i < 2; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	for (unsigned i = 0; i < 2; i++)
		for (size_t page = starts[i]; page < starts[i] + eighth; page++)
			CHECK((page - starts[i]) % 16 < 8 ? is_zero(page)
							  : is_right(page));
	CHECK(madvise(base + eighth * PAGE, eighth * PAGE, MADV_REMOVE) == 0);
	for (size_t page = eighth; page < 2 * eighth; page++)
		CHECK(is_zero(page));
	CHECK(fallocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 1, PAGE) != 0);
	for (size_t page = 0; page < bytes / PAGE; page++)
		fill(page);
	for (size_t page = 0; page < bytes / PAGE; page++)
		CHECK(is_right(page));
	tell("discard");
}

static void on_term(int number)
{
	(void)number;
	is_over = 1;
}

int main(void)
{
	const char *text = getenv("TARN_MEMORY_BYTES");
	sigset_t term, before;

	CHECK(text != NULL && getenv("TARN_ATTACH") == NULL);
	bytes = strtoull(text, NULL, 10);
	CHECK(signal(SIGTERM, on_term) != SIG_ERR);
	CHECK(sigemptyset(&term) == 0 && sigaddset(&term, SIGTERM) == 0);
	CHECK(sigprocmask(SIG_BLOCK, &term, &before) == 0);
	file = open(MEMORY, O_RDWR);
	CHECK(file >= 0);
	map_as_qemu_does();
	expect_refused();
	fill_all();
	read_and_write();
	have_children();
	give_back();
	tell("all");
	while (!is_over)
		(void)sigsuspend(&before);
	return 0;
}
