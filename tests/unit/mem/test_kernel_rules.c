/*
 * What the pager's rules rest on, settled on the kernel that runs the test. One
 * claim a test; the rule it carries (hvcore/pager, PAGER) is in its comment.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "hvcore/mem/pool.h"
#include "hvcore/mem/uffd.h"
#include "tests/support/region.h"
#include "tests/support/toucher.h"

#define PAGES 64
#define BYTES ((size_t)PAGES * HV_PAGE_BYTES)

static unsigned char from[HV_PAGE_BYTES] __attribute__((aligned(HV_PAGE_BYTES)));

struct fixture {
	int file;
	struct test_region region;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	if (hv_memory_file_make("test", BYTES, &fixture.file, NULL) != HV_OK)
		return -1;
	fixture.region = test_region_make(fixture.file, BYTES);
	memset(from, 'F', sizeof(from));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	test_region_free(&f->region);
	return close(f->file);
}

static uint64_t address(const struct fixture *f, unsigned page)
{
	return (uintptr_t)f->region.at + (uint64_t)page * HV_PAGE_BYTES;
}

static struct test_touch touch(const struct fixture *f, enum test_touch_kind kind,
			       unsigned page)
{
	return (struct test_touch){
		.kind = kind,
		.at = f->region.at + (size_t)page * HV_PAGE_BYTES,
		.bytes = HV_PAGE_BYTES,
		.value = 'W',
	};
}

static enum hv_uffd_kind next_kind(const struct fixture *f)
{
	struct hv_uffd_event event = { 0 };
	unsigned count = 0;

	test_wait_readable(f->region.uffd);
	assert_int_equal(hv_uffd_read(f->region.uffd, &event, 1, &count), HV_OK);
	return event.kind;
}

static void fill(const struct fixture *f, unsigned page, unsigned mode)
{
	unsigned done = 0;

	assert_int_equal(
		hv_uffd_copy(f->region.uffd, address(f, page), from, 1, mode, &done),
		HV_OK);
}

static void punch(const struct fixture *f, unsigned page)
{
	assert_int_equal(fallocate(f->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)page * HV_PAGE_BYTES, HV_PAGE_BYTES),
			 0);
}

static unsigned char in_file(const struct fixture *f, unsigned page)
{
	unsigned char byte = 0;

	assert_int_equal(pread(f->file, &byte, 1, (off_t)page * HV_PAGE_BYTES), 1);
	return byte;
}

static bool is_hole(const struct fixture *f, unsigned page)
{
	off_t at = (off_t)page * HV_PAGE_BYTES;

	return lseek(f->file, at, SEEK_DATA) != at;
}

/* P13 +: after a bare REMOVE event SEEK_DATA tells a discard from an unmapping. */
static void seek_data_tells_a_discard_from_an_unmapping(void **state)
{
	struct fixture *f = *state;
	struct test_touch discard = touch(f, TEST_TOUCH_REMOVE, 1);
	struct test_touch unmapping = touch(f, TEST_TOUCH_DONTNEED, 2);

	fill(f, 1, HV_UFFD_PLAIN);
	fill(f, 2, HV_UFFD_PLAIN);
	fill(f, 3, HV_UFFD_PLAIN);
	assert_false(is_hole(f, 1));
	assert_true(is_hole(f, 0));

	test_touch_start(&discard);
	assert_int_equal(next_kind(f), HV_UFFD_REMOVE);
	(void)test_touch_end(&discard);
	assert_true(is_hole(f, 1));

	test_touch_start(&unmapping);
	assert_int_equal(next_kind(f), HV_UFFD_REMOVE);
	(void)test_touch_end(&unmapping);
	assert_false(is_hole(f, 2));
	assert_int_equal(in_file(f, 2), 'F');
}

/*
 * P13: the event comes before the deed: while it is unread, and even a moment
 * after it was read, the page is still in the file. So "ask SEEK_DATA" must be
 * asked again until the partition's own next event or the answer "hole".
 */
static void a_remove_event_is_told_before_the_page_goes(void **state)
{
	struct fixture *f = *state;
	struct test_touch discard = touch(f, TEST_TOUCH_REMOVE, 1);

	fill(f, 1, HV_UFFD_PLAIN);
	test_touch_start(&discard);
	test_wait_readable(f->region.uffd);
	assert_false(is_hole(f, 1));
	assert_false(atomic_load(&discard.is_done));
	assert_int_equal(next_kind(f), HV_UFFD_REMOVE);
	(void)test_touch_end(&discard);
	assert_true(is_hole(f, 1));
}

/* Steal, step 2: reads pass, writes report, and a punch leaves no mark behind. */
static void a_punch_leaves_no_write_protection_behind(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_WRITE, 1);

	fill(f, 1, HV_UFFD_PLAIN);
	assert_int_equal(hv_uffd_protect(f->region.uffd, address(f, 1), 1), HV_OK);
	assert_int_equal(f->region.at[HV_PAGE_BYTES], 'F');
	punch(f, 1);
	test_touch_start(&t);
	assert_int_equal(next_kind(f), HV_UFFD_MISSING);
	fill(f, 1, HV_UFFD_PLAIN);
	(void)test_touch_end(&t);
}

/* A writer that waits for protection to be lifted when the page goes: wake it. */
static void a_parked_writer_is_woken_and_then_misses_the_page(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_WRITE, 1);

	fill(f, 1, HV_UFFD_PROTECT);
	test_touch_start(&t);
	assert_int_equal(next_kind(f), HV_UFFD_WRITE);
	punch(f, 1);
	assert_false(atomic_load(&t.is_done));
	assert_int_equal(hv_uffd_wake(f->region.uffd, address(f, 1), 1), HV_OK);
	assert_int_equal(next_kind(f), HV_UFFD_MISSING);
	fill(f, 1, HV_UFFD_PLAIN);
	(void)test_touch_end(&t);
	assert_int_equal(in_file(f, 1), 'W');
}

/* Only the partition's own discards raise events; our punches are silent. */
static void our_own_punch_raises_no_event(void **state)
{
	struct fixture *f = *state;
	struct pollfd poller = { .fd = f->region.uffd, .events = POLLIN };

	fill(f, 1, HV_UFFD_PLAIN);
	punch(f, 1);
	assert_int_equal(poll(&poller, 1, 0), 0);
	assert_true(is_hole(f, 1));
}

/*
 * P5, P6: a plain continue on a protected page maps it writable: whoever answers a
 * minor event so loses the next update of a page that is being stolen.
 */
static void a_plain_continue_lifts_the_protection_unseen(void **state)
{
	static const struct {
		unsigned mode;
		bool is_reported;
	} rows[] = { { HV_UFFD_PLAIN, false }, { HV_UFFD_PROTECT, true } };
	struct fixture *f = *state;

	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct test_touch unmapping = touch(f, TEST_TOUCH_DONTNEED, i);
		struct test_touch t = touch(f, TEST_TOUCH_WRITE, i);
		unsigned done = 0;

		fill(f, i, HV_UFFD_PLAIN);
		assert_int_equal(hv_uffd_protect(f->region.uffd, address(f, i), 1),
				 HV_OK);
		test_touch_start(&unmapping);
		assert_int_equal(next_kind(f), HV_UFFD_REMOVE);
		(void)test_touch_end(&unmapping);
		assert_int_equal(hv_uffd_continue(f->region.uffd, address(f, i), 1,
						  rows[i].mode, &done),
				 HV_OK);
		test_touch_start(&t);
		if (rows[i].is_reported) {
			assert_int_equal(next_kind(f), HV_UFFD_WRITE);
			assert_int_equal(
				hv_uffd_unprotect(f->region.uffd, address(f, i), 1),
				HV_OK);
		}
		(void)test_touch_end(&t);
		assert_int_equal(in_file(f, i), 'W');
	}
}

/* P1: the last close of a userfaultfd turns absent pages into zeros. */
static void the_last_close_shows_zeros_for_absent_pages(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_READ, 1);
	int copy = dup(f->region.uffd);

	fill(f, 1, HV_UFFD_PLAIN);
	punch(f, 1);
	(void)close(copy); /* not the last: the event still comes */
	test_touch_start(&t);
	assert_int_equal(next_kind(f), HV_UFFD_MISSING);
	(void)close(f->region.uffd);
	assert_int_equal(test_touch_end(&t), 0);
	f->region.uffd = dup(f->file); /* something for tear_down to close */
}

/* P1: what a dead reader had read is raised again by a wake over the region. */
static void a_wake_raises_an_unfinished_fault_again(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_READ, 1);

	test_touch_start(&t);
	assert_int_equal(next_kind(f), HV_UFFD_MISSING);
	assert_int_equal(hv_uffd_wake(f->region.uffd, address(f, 0), PAGES), HV_OK);
	assert_int_equal(next_kind(f), HV_UFFD_MISSING);
	fill(f, 1, HV_UFFD_PLAIN);
	assert_int_equal(test_touch_end(&t), 'F');
}

/* P7: protection is of one mapping; what goes around it is not reported. */
static void another_mapping_writes_past_the_protection(void **state)
{
	struct fixture *f = *state;
	struct pollfd poller = { .fd = f->region.uffd, .events = POLLIN };
	unsigned char *alias = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
				    f->file, 0);

	assert_ptr_not_equal(alias, MAP_FAILED);
	fill(f, 1, HV_UFFD_PROTECT);
	alias[HV_PAGE_BYTES] = 'A';
	assert_int_equal(poll(&poller, 1, 0), 0);
	assert_int_equal(f->region.at[HV_PAGE_BYTES], 'A');
	(void)munmap(alias, BYTES);
}

/* P12: an overrun behind our back is seen in the blocks of the file. */
static void a_page_filled_behind_our_back_counts_as_a_block(void **state)
{
	struct fixture *f = *state;
	uint64_t before = 0;
	uint64_t after = 0;

	assert_int_equal(hv_file_pages(f->file, &before, NULL), HV_OK);
	assert_int_equal(pwrite(f->file, from, sizeof(from), 5 * HV_PAGE_BYTES),
			 sizeof(from));
	assert_int_equal(hv_file_pages(f->file, &after, NULL), HV_OK);
	assert_int_equal(after, before + 1);
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : write(fd, text, strlen(text));

	if (fd >= 0)
		(void)close(fd);
	return n == (ssize_t)strlen(text);
}

/*
 * P15 +: a page copied into a partition is charged to the partition's memory
 * cgroup, so a limit below its maximum makes the copy fail although the pool has
 * room. Hence no such limit. Skipped where there is no writable memory cgroup.
 */
static void a_cgroup_limit_on_the_partition_fails_our_copy(void **state)
{
	static const char group[] = "/sys/fs/cgroup/memory/tarn-test-p15";
	struct fixture *f = *state;
	enum { LIMIT = 4 << 20, FILE_BYTES = 16 << 20 };
	struct test_region region;
	enum hv_code code = HV_OK;
	unsigned done = 0;
	char path[96];
	char text[32];
	int file = -1;
	int tell[2];
	int status;
	int uffd;
	pid_t pid;

	if (mkdir(group, 0700) != 0)
		skip();
	assert_int_equal(hv_memory_file_make("limit", FILE_BYTES, &file, NULL), HV_OK);
	assert_int_equal(pipe(tell), 0);
	(void)snprintf(path, sizeof(path), "%s/memory.limit_in_bytes", group);
	(void)snprintf(text, sizeof(text), "%d", LIMIT);
	assert_true(write_text(path, text));
	/* a host with swap on would page the file out instead */
	(void)snprintf(path, sizeof(path), "%s/memory.swappiness", group);
	assert_true(write_text(path, "0"));
	pid = fork();
	if (pid == 0) {
		region = test_region_make(file, FILE_BYTES);
		(void)!write(tell[1], &region, sizeof(region));
		for (;;)
			(void)pause();
	}
	assert_int_equal(read(tell[0], &region, sizeof(region)), sizeof(region));
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	uffd = (int)syscall(SYS_pidfd_getfd, pidfd, region.uffd, 0);
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	(void)snprintf(text, sizeof(text), "%d", (int)pid);
	assert_true(write_text(path, text));
	for (uint64_t at = 0; code == HV_OK && at < FILE_BYTES; at += HV_PAGE_BYTES)
		code = hv_uffd_copy(uffd, (uintptr_t)region.at + at, from, 1,
				    HV_UFFD_PLAIN, &done);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	(void)close(pidfd);
	(void)close(uffd);
	(void)close(file);
	(void)close(tell[0]);
	(void)close(tell[1]);
	assert_int_equal(rmdir(group), 0);
	assert_int_equal(code, HV_E_NOMEM);
	(void)f;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(seek_data_tells_a_discard_from_an_unmapping),
		TEST(a_remove_event_is_told_before_the_page_goes),
		TEST(a_punch_leaves_no_write_protection_behind),
		TEST(a_parked_writer_is_woken_and_then_misses_the_page),
		TEST(our_own_punch_raises_no_event),
		TEST(a_plain_continue_lifts_the_protection_unseen),
		TEST(the_last_close_shows_zeros_for_absent_pages),
		TEST(a_wake_raises_an_unfinished_fault_again),
		TEST(another_mapping_writes_past_the_protection),
		TEST(a_page_filled_behind_our_back_counts_as_a_block),
		TEST(a_cgroup_limit_on_the_partition_fails_our_copy),
#undef TEST
	};

	test_need_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
