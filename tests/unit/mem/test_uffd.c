/* The userfaultfd wrappers, on the real kernel: one test for each code. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "hvcore/mem/pool.h"
#include "hvcore/mem/uffd.h"
#include "hvcore/wire/attach.h"
#include "tests/support/region.h"
#include "tests/support/toucher.h"

#define PAGES 64
#define BYTES ((size_t)PAGES * HV_PAGE_BYTES)

static unsigned char from[4 * HV_PAGE_BYTES] __attribute__((aligned(HV_PAGE_BYTES)));

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

static struct hv_uffd_event next_event(const struct fixture *f)
{
	struct hv_uffd_event events[1];
	unsigned count = 0;

	test_wait_readable(f->region.uffd);
	assert_int_equal(hv_uffd_read(f->region.uffd, events, 1, &count), HV_OK);
	assert_int_equal(count, 1);
	return events[0];
}

static void fill(const struct fixture *f, unsigned page, unsigned mode)
{
	unsigned done = 0;

	assert_int_equal(
		hv_uffd_copy(f->region.uffd, address(f, page), from, 1, mode, &done),
		HV_OK);
	assert_int_equal(done, 1);
}

static void put_in_file(const struct fixture *f, unsigned page, int byte)
{
	unsigned char bytes[HV_PAGE_BYTES];

	memset(bytes, byte, sizeof(bytes));
	assert_int_equal(
		pwrite(f->file, bytes, sizeof(bytes), (off_t)page * HV_PAGE_BYTES),
		sizeof(bytes));
}

static void a_first_touch_is_missing_and_copy_ends_it(void **state)
{
	static const enum test_touch_kind kinds[] = { TEST_TOUCH_READ, TEST_TOUCH_WRITE };
	struct fixture *f = *state;

	for (unsigned i = 0; i < HV_COUNT(kinds); i++) {
		struct test_touch t = touch(f, kinds[i], i);
		struct hv_uffd_event event;

		test_touch_start(&t);
		event = next_event(f);
		assert_int_equal(event.kind, HV_UFFD_MISSING);
		assert_int_equal(event.address, address(f, i));
		assert_int_equal(event.is_write, kinds[i] == TEST_TOUCH_WRITE);
		assert_false(atomic_load(&t.is_done));
		fill(f, i, HV_UFFD_PLAIN);
		assert_int_equal(test_touch_end(&t), i == 0 ? 'F' : 'W');
		assert_int_equal(f->region.at[(size_t)(i + 1) * HV_PAGE_BYTES - 1], 'F');
	}
}

static void nothing_to_read_is_again(void **state)
{
	struct fixture *f = *state;
	struct hv_uffd_event events[HV_UFFD_READ_MAX];
	unsigned count = 7;

	assert_int_equal(hv_uffd_read(f->region.uffd, events, HV_UFFD_READ_MAX, &count),
			 HV_E_AGAIN);
	assert_int_equal(count, 7);
}

static void a_protected_page_reports_the_write_not_the_read(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_WRITE, 3);

	fill(f, 3, HV_UFFD_PROTECT);
	assert_int_equal(f->region.at[3 * HV_PAGE_BYTES], 'F');
	test_touch_start(&t);
	assert_int_equal(next_event(f).kind, HV_UFFD_WRITE);
	assert_int_equal(hv_uffd_unprotect(f->region.uffd, address(f, 3), 1), HV_OK);
	(void)test_touch_end(&t);
	assert_int_equal(f->region.at[3 * HV_PAGE_BYTES], 'W');

	t = touch(f, TEST_TOUCH_WRITE, 3);
	assert_int_equal(hv_uffd_protect(f->region.uffd, address(f, 3), 1), HV_OK);
	test_touch_start(&t);
	assert_int_equal(next_event(f).kind, HV_UFFD_WRITE);
	assert_int_equal(hv_uffd_unprotect(f->region.uffd, address(f, 3), 1), HV_OK);
	(void)test_touch_end(&t);
}

static void a_page_of_the_file_is_minor_and_continue_maps_it(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_READ, 4);
	unsigned done = 0;

	put_in_file(f, 4, 'M');
	test_touch_start(&t);
	assert_int_equal(next_event(f).kind, HV_UFFD_MINOR);
	assert_int_equal(hv_uffd_continue(f->region.uffd, address(f, 4), 1,
					  HV_UFFD_PROTECT, &done),
			 HV_OK);
	assert_int_equal(test_touch_end(&t), 'M');
	t = touch(f, TEST_TOUCH_WRITE, 4); /* P5: still protected */
	test_touch_start(&t);
	assert_int_equal(next_event(f).kind, HV_UFFD_WRITE);
	assert_int_equal(hv_uffd_unprotect(f->region.uffd, address(f, 4), 1), HV_OK);
	(void)test_touch_end(&t);
}

static void continue_on_a_hole_is_state(void **state)
{
	struct fixture *f = *state;
	unsigned done = 7;

	assert_int_equal(
		hv_uffd_continue(f->region.uffd, address(f, 5), 1, HV_UFFD_PLAIN, &done),
		HV_E_STATE);
	assert_int_equal(done, 0);
}

static void zero_fills_runs(void **state)
{
	struct fixture *f = *state;
	unsigned done = 0;

	assert_int_equal(
		hv_uffd_zero(f->region.uffd, address(f, 8), 4, HV_UFFD_PLAIN, &done),
		HV_OK);
	assert_int_equal(done, 4);
	for (size_t i = 8 * HV_PAGE_BYTES; i < 12 * HV_PAGE_BYTES; i += 512)
		assert_int_equal(f->region.at[i], 0);
}

/* P12: partial results advance, and the reason is told for the page that stopped it. */
static void a_run_stops_at_the_page_that_is_there(void **state)
{
	struct fixture *f = *state;
	unsigned done = 0;

	fill(f, 18, HV_UFFD_PLAIN);
	assert_int_equal(hv_uffd_copy(f->region.uffd, address(f, 16), from, 4,
				      HV_UFFD_PLAIN, &done),
			 HV_E_EXISTS);
	assert_int_equal(done, 2);
	assert_int_equal(f->region.at[17 * HV_PAGE_BYTES], 'F');
}

static void exists_wakes_nobody_and_wake_does(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_READ, 20);
	unsigned done = 0;

	test_touch_start(&t);
	assert_int_equal(next_event(f).kind, HV_UFFD_MISSING);
	fill(f, 20, HV_UFFD_DONT_WAKE);
	assert_int_equal(hv_uffd_copy(f->region.uffd, address(f, 20), from, 1,
				      HV_UFFD_PLAIN, &done),
			 HV_E_EXISTS);
	assert_false(atomic_load(&t.is_done));
	assert_int_equal(hv_uffd_wake(f->region.uffd, address(f, 20), 1), HV_OK);
	assert_int_equal(test_touch_end(&t), 'F');
}

/* P12: EAGAIN until the event is read, and the state is kept. */
static void an_unread_discard_is_again_then_a_remove_event(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_REMOVE, 24);
	struct hv_uffd_event event;
	unsigned done = 7;

	fill(f, 24, HV_UFFD_PLAIN);
	test_touch_start(&t);
	test_wait_readable(f->region.uffd);
	assert_int_equal(hv_uffd_copy(f->region.uffd, address(f, 30), from, 1,
				      HV_UFFD_PLAIN, &done),
			 HV_E_AGAIN);
	assert_int_equal(done, 0);
	event = next_event(f);
	assert_int_equal(event.kind, HV_UFFD_REMOVE);
	assert_int_equal(event.address, address(f, 24));
	assert_int_equal(event.bytes, HV_PAGE_BYTES);
	(void)test_touch_end(&t);
	fill(f, 30, HV_UFFD_PLAIN);
}

static void an_unmapped_range_is_told_and_then_not_found(void **state)
{
	struct fixture *f = *state;
	struct test_touch t = touch(f, TEST_TOUCH_UNMAP, 40);
	struct hv_uffd_event event;
	unsigned done = 7;

	test_touch_start(&t);
	event = next_event(f);
	assert_int_equal(event.kind, HV_UFFD_UNMAP);
	assert_int_equal(event.address, address(f, 40));
	(void)test_touch_end(&t);
	assert_int_equal(hv_uffd_copy(f->region.uffd, address(f, 40), from, 1,
				      HV_UFFD_PLAIN, &done),
			 HV_E_NOTFOUND);
	assert_int_equal(hv_uffd_protect(f->region.uffd, address(f, 40), 1),
			 HV_E_NOTFOUND);
}

static void a_full_pool_is_nomem_and_a_part_is_kept(void **state)
{
	char dir[] = "/tmp/tarn-uffd-XXXXXX";
	struct hv_pool *pool = NULL;
	struct fixture full;
	struct hv_err err;
	unsigned total = 0;
	unsigned done = 0;
	enum hv_code code = HV_OK;

	(void)state;
	assert_non_null(mkdtemp(dir));
	if (hv_pool_mount(dir, 1 << 20, &pool, &err) != HV_OK)
		fail_msg("%s", err.text);
	assert_int_equal(hv_pool_file_make(pool, "full", 4 << 20, &full.file, NULL),
			 HV_OK);
	full.region = test_region_make(full.file, 4 << 20);
	while (code == HV_OK) {
		code = hv_uffd_copy(full.region.uffd, address(&full, total), from, 4,
				    HV_UFFD_PLAIN, &done);
		total += done;
	}
	assert_int_equal(code, HV_E_NOMEM);
	assert_true(total <= 256);
	assert_true(total + hv_pool_slack_pages() >= 256);
	code = hv_uffd_zero(full.region.uffd, address(&full, total), 4, HV_UFFD_PLAIN,
			    &done);
	assert_int_equal(code, HV_E_NOMEM);
	test_region_free(&full.region);
	(void)close(full.file);
	hv_pool_unmount(pool);
	(void)rmdir(dir);
}

/* A child with a region of its own; its userfaultfd is taken over like an attach. */
struct child {
	pid_t pid;
	int uffd;
	uint64_t at;
	int go; /* write a byte: it touches page 0 and exits with what it read */
};

static void run_child(int file, int tell, int go)
{
	struct test_region region;
	char byte;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)signal(SIGBUS, SIG_DFL); /* not the sanitizer's report */
	region = test_region_make(file, BYTES);
	if (write(tell, &region, sizeof(region)) != sizeof(region))
		_exit(98);
	if (read(go, &byte, 1) != 1)
		_exit(99);
	_exit(*(volatile unsigned char *)region.at);
}

static struct child start_child(int file)
{
	struct test_region region = { 0 };
	struct child child = { 0 };
	int tell[2];
	int go[2];
	int pidfd;

	assert_int_equal(pipe(tell), 0);
	assert_int_equal(pipe(go), 0);
	child.pid = fork();
	if (child.pid == 0)
		run_child(file, tell[1], go[0]);
	assert_int_equal(read(tell[0], &region, sizeof(region)), sizeof(region));
	pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
	child.uffd = (int)syscall(SYS_pidfd_getfd, pidfd, region.uffd, 0);
	assert_true(child.uffd >= 0);
	child.at = (uintptr_t)region.at;
	child.go = go[1];
	(void)close(pidfd);
	(void)close(tell[0]);
	(void)close(tell[1]);
	(void)close(go[0]);
	return child;
}

static int end_child(struct child *child)
{
	int status = 0;

	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	(void)close(child->uffd);
	(void)close(child->go);
	return status;
}

static void a_process_that_exited_is_gone(void **state)
{
	struct fixture *f = *state;
	struct child child = start_child(f->file);
	struct hv_uffd_event event;
	unsigned done = 7;
	int status;
	int keep = dup(child.uffd);

	(void)kill(child.pid, SIGKILL);
	status = end_child(&child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(hv_uffd_copy(keep, child.at, from, 1, HV_UFFD_PLAIN, &done),
			 HV_E_GONE);
	assert_int_equal(hv_uffd_zero(keep, child.at, 1, HV_UFFD_PLAIN, &done),
			 HV_E_GONE);
	assert_int_equal(hv_uffd_protect(keep, child.at, 1), HV_E_GONE);
	assert_int_equal(hv_uffd_read(keep, &event, 1, &done), HV_E_AGAIN);
	(void)close(keep);
}

/* M4: a page that cannot be had back is loud, and only there. */
static void a_poisoned_page_is_a_sigbus(void **state)
{
	struct fixture *f = *state;
	struct child child = start_child(f->file);
	unsigned done = 0;
	enum hv_code code = hv_uffd_poison(child.uffd, child.at, 1, &done);
	int status;

	assert_int_equal(write(child.go, "g", 1), 1);
	if (code == HV_E_INVAL) {
		(void)kill(child.pid, SIGKILL);
		(void)end_child(&child);
		skip();
	}
	assert_int_equal(code, HV_OK);
	assert_int_equal(done, 1);
	status = end_child(&child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

/* As every stolen page: protected first, then punched. */
static void a_page_that_was_stolen_can_be_poisoned(void **state)
{
	struct fixture *f = *state;
	struct child child = start_child(f->file);
	enum hv_code code;
	unsigned done = 0;
	int status;

	code = hv_uffd_copy(child.uffd, child.at, from, 1, HV_UFFD_PLAIN, &done);
	assert_int_equal(code, HV_OK);
	code = hv_uffd_poison(child.uffd, child.at, 1, &done);
	if (code == HV_E_INVAL) {
		(void)kill(child.pid, SIGKILL);
		(void)end_child(&child);
		skip();
	}
	/* There is a page. */
	assert_int_equal(code, HV_E_EXISTS);
	assert_int_equal(hv_uffd_protect(child.uffd, child.at, 1), HV_OK);
	assert_int_equal(fallocate(f->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
				   HV_PAGE_BYTES),
			 0);
	assert_int_equal(hv_uffd_poison(child.uffd, child.at, 1, &done), HV_OK);
	assert_int_equal(write(child.go, "g", 1), 1);
	status = end_child(&child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

static void only_an_initialised_userfaultfd_with_the_features_is_accepted(void **state)
{
	struct fixture *f = *state;
	struct hv_err err;
	int plain = test_uffd_make(0);
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(hv_uffd_check(f->region.uffd, HV_ATTACH_UFFD_FEATURES, &err),
			 HV_OK);
	assert_true(fcntl(f->region.uffd, F_GETFL) & O_NONBLOCK);
	assert_int_equal(hv_uffd_check(plain, HV_ATTACH_UFFD_FEATURES, &err), HV_E_INVAL);
	assert_non_null(strstr(err.text, "lacks features"));
	assert_int_equal(hv_uffd_check(fds[0], 0, &err), HV_E_INVAL);
	assert_int_equal(hv_uffd_check(-1, 0, &err), HV_E_INVAL);
	(void)close(plain);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(a_first_touch_is_missing_and_copy_ends_it),
		TEST(nothing_to_read_is_again),
		TEST(a_protected_page_reports_the_write_not_the_read),
		TEST(a_page_of_the_file_is_minor_and_continue_maps_it),
		TEST(continue_on_a_hole_is_state),
		TEST(zero_fills_runs),
		TEST(a_run_stops_at_the_page_that_is_there),
		TEST(exists_wakes_nobody_and_wake_does),
		TEST(an_unread_discard_is_again_then_a_remove_event),
		TEST(an_unmapped_range_is_told_and_then_not_found),
		TEST(a_full_pool_is_nomem_and_a_part_is_kept),
		TEST(a_process_that_exited_is_gone),
		TEST(a_poisoned_page_is_a_sigbus),
		TEST(a_page_that_was_stolen_can_be_poisoned),
		TEST(only_an_initialised_userfaultfd_with_the_features_is_accepted),
#undef TEST
	};
	struct hv_err err;

	test_need_root();
	if (hv_pool_namespace_enter(&err) != HV_OK)
		test_skip(err.text);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
