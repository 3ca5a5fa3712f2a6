/*
 * guest - real guests in tests: QEMU where it is installed (else the test ends with 77
 * and says which package is missing), the tiny guest of tests/guest, its console.
 *
 * Contract
 *   Errors  what a test cannot do without fails it at once.
 */
#ifndef TESTS_SUPPORT_GUEST_H
#define TESTS_SUPPORT_GUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/host.h"

#define TEST_GUEST_TEXT_BYTES 65536
#ifdef __SANITIZE_THREAD__
#define TEST_GUEST_WAIT_MS 120000
#else
#define TEST_GUEST_WAIT_MS 60000 /* TCG on a busy machine */
#endif

struct test_console {
	int listener; /* for --console-fd */
	char fd_text[16];
	char path[TEST_PATH_BYTES];
	int fd; /* connected; -1: not yet */
	size_t used;
	char text[TEST_GUEST_TEXT_BYTES]; /* all that it said, NUL-terminated */
};

void test_need_qemu(const char *program, const char *package);
/* Where the tiny guest is; skips where it was not built. */
const char *test_tiny_guest(char *room, size_t bytes);

void test_console_open(struct test_console *console, struct test_host *host,
		       const char *name);
/* For the next process on the same listener: connects anew, and forgets. */
void test_console_again(struct test_console *console);
void test_console_forget(struct test_console *console);
void test_console_close(struct test_console *console);
void test_console_say(struct test_console *console, const char *text);
/* Whether it said that, from now on or before, in time. */
bool test_console_says(struct test_console *console, const char *text);
/* The number behind the last `text` that it said; -1: none. */
long test_console_number(const struct test_console *console, const char *text);

#endif
