/* Unit tests of hvcore/base/log.h: what is written to stderr. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hvcore/base/log.h"

#define TEXT_BYTES 4096

/* Runs `log` with stderr in a file; gives what was written. */
static void capture(void (*log)(void), char text[TEXT_BYTES])
{
	int fd = memfd_create("stderr", MFD_CLOEXEC), saved = dup(STDERR_FILENO);
	ssize_t n;

	assert_true(fd >= 0 && saved >= 0);
	assert_true(dup2(fd, STDERR_FILENO) >= 0);
	log();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	n = pread(fd, text, TEXT_BYTES - 1, 0);
	assert_true(n >= 0);
	text[n] = '\0';
	(void)close(fd);
	(void)close(saved);
}

static void log_one_of_each(void)
{
	hv_log_open("tester@h1", HV_LOG_INFO);
	log_error("a.failed", "code=%d", 1);
	log_warn("b.slow", "ms=%d", 2);
	log_info("c.started", "pid=%d", 3);
	log_debug("d.detail", "x=%d", 4);
}

static void one_line_an_event_up_to_the_level(void **state)
{
	char text[TEXT_BYTES];

	(void)state;
	capture(log_one_of_each, text);
	assert_non_null(strstr(text, "Z error tester@h1 a.failed code=1\n"));
	assert_non_null(strstr(text, "Z warn tester@h1 b.slow ms=2\n"));
	assert_non_null(strstr(text, "Z info tester@h1 c.started pid=3\n"));
	assert_null(strstr(text, "d.detail"));
	assert_int_equal(text[10], 'T'); /* 2025-01-31T12:34:56.789Z */
}

static void log_too_much(void)
{
	char much[3000];

	memset(much, 'x', sizeof(much) - 1);
	much[sizeof(much) - 1] = '\0';
	hv_log_open("tester", HV_LOG_DEBUG);
	log_debug("e.long", "text=%s", much);
}

static void a_long_line_is_cut_and_still_a_line(void **state)
{
	char text[TEXT_BYTES];

	(void)state;
	capture(log_too_much, text);
	assert_true(strlen(text) <= 1024);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_line_an_event_up_to_the_level),
		cmocka_unit_test(a_long_line_is_cut_and_still_a_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
