/*
 * Unit tests of hvcore/hypervisor/sampler: this process looks at itself, and at a child
 * that has ended. Skips (77) where /proc has no clear_refs for us.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hvcore/base/units.h"
#include "hvcore/hypervisor/sampler.h"
#include "tests/support/oom.h"

#define PAGES 256

static struct hv_loop *loop;
static struct sampler *sampler;
static volatile uint8_t *memory;

static int process_of(int pid)
{
	char path[32];

	(void)snprintf(path, sizeof(path), "/proc/%d", pid);
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int open_all(void **state)
{
	int fd = memfd_create("test_sampler", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)PAGES * HV_PAGE_BYTES), 0);
	memory = mmap(NULL, PAGES * (size_t)HV_PAGE_BYTES, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	assert_ptr_not_equal(memory, MAP_FAILED);
	(void)close(fd);
	assert_int_equal(hv_loop_open(&loop, NULL), HV_OK);
	assert_int_equal(sampler_open(loop, &sampler, NULL), HV_OK);
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	sampler_close(sampler);
	hv_loop_close(loop);
	(void)munmap((void *)(uintptr_t)memory, PAGES * (size_t)HV_PAGE_BYTES);
	return 0;
}

static void on_looked(struct sampler_look *look)
{
	(void)look;
	hv_loop_stop(loop);
}

static struct sampler_look look_at(int process, uint64_t bytes)
{
	struct sampler_look look = { .process = process,
				     .base = (uint64_t)(uintptr_t)memory,
				     .bytes = bytes,
				     .done = on_looked };

	assert_false(sampler_is_busy(sampler));
	sampler_start(sampler, &look);
	assert_true(sampler_is_busy(sampler));
	hv_loop_run(loop);
	assert_false(sampler_is_busy(sampler));
	return look;
}

static void touch(unsigned pages)
{
	for (unsigned i = 0; i < pages; i++)
		(void)memory[(size_t)i * HV_PAGE_BYTES];
}

static void what_was_touched_since_is_counted(void **state)
{
	int process = process_of(getpid());
	struct sampler_look look;

	(void)state;
	touch(PAGES);
	look = look_at(process, PAGES * (uint64_t)HV_PAGE_BYTES);
	assert_int_equal(look.code, HV_OK);
	assert_int_equal(look.referenced_pages, PAGES);
	assert_true(look.cpu_ns > 0);
	touch(10);
	look = look_at(process, PAGES * (uint64_t)HV_PAGE_BYTES);
	assert_int_equal(look.code, HV_OK);
	assert_int_equal(look.referenced_pages, 10);
	look = look_at(process, PAGES * (uint64_t)HV_PAGE_BYTES);
	assert_int_equal(look.referenced_pages, 0);
	(void)close(process);
}

static void mappings_that_reach_out_of_the_region_do_not_count(void **state)
{
	int process = process_of(getpid());
	struct sampler_look look;

	(void)state;
	touch(PAGES);
	look = look_at(process, (PAGES - 1) * (uint64_t)HV_PAGE_BYTES);
	assert_int_equal(look.code, HV_OK);
	assert_int_equal(look.referenced_pages, 0);
	(void)close(process);
}

static void a_process_that_has_ended_is_gone(void **state)
{
	int pid = fork();
	struct sampler_look look;
	int process;

	(void)state;
	if (pid == 0) {
		(void)pause();
		_exit(0);
	}
	process = process_of(pid);
	(void)kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	look = look_at(process, PAGES * (uint64_t)HV_PAGE_BYTES);
	assert_int_equal(look.code, HV_E_GONE);
	(void)close(process);
}

static void what_is_no_process_is_an_error(void **state)
{
	struct sampler_look look;

	(void)state;
	look = look_at(-1, PAGES * (uint64_t)HV_PAGE_BYTES);
	assert_int_equal(look.code, HV_E_OS);
}

static void stopping_waits_for_a_look(void **state)
{
	int process = process_of(getpid());
	struct sampler_look look = { .process = process,
				     .base = (uint64_t)(uintptr_t)memory,
				     .bytes = HV_PAGE_BYTES,
				     .done = on_looked };

	(void)state;
	sampler_start(sampler, &look);
	sampler_stop(sampler);
	hv_loop_run(loop); /* it was done, and says so */
	(void)close(process);
}

static void no_memory_is_an_answer(void **state)
{
	struct sampler *other = NULL;

	(void)state;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = sampler_open(loop, &other, NULL);
		if (!oom_disarm())
			break;
		assert_int_not_equal(code, HV_OK);
		assert_null(other);
	}
	sampler_close(other);
	sampler_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_touched_since_is_counted),
		cmocka_unit_test(mappings_that_reach_out_of_the_region_do_not_count),
		cmocka_unit_test(a_process_that_has_ended_is_gone),
		cmocka_unit_test(what_is_no_process_is_an_error),
		cmocka_unit_test(no_memory_is_an_answer),
		cmocka_unit_test(stopping_waits_for_a_look),
	};

	if (access("/proc/self/clear_refs", W_OK) != 0) {
		(void)fprintf(stderr, "skipped: no /proc/self/clear_refs\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, open_all, close_all);
}
