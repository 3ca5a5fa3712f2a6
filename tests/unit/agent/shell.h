/*
 * shell - a state directory, a directory of programs that are all the stub (stub.c),
 * and a loop, for the tests of the agent's outside.
 *
 * Contract
 *   Threads  one.
 *   Errors   what a test cannot do without fails it.
 */
#ifndef TESTS_UNIT_AGENT_SHELL_H
#define TESTS_UNIT_AGENT_SHELL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/config.h"
#include "hvcore/base/file.h"
#include "hvcore/loop/loop.h"
#include "tests/support/tmpdir.h"
#include "tests/support/wait.h"

struct shell {
	struct test_tmpdir dir;
	char state[TEST_PATH_BYTES], bin[TEST_PATH_BYTES];
	struct agent_options options;
	struct hv_loop *loop;
	struct hv_timer timer;
	bool (*is_true)(void *arg); /* what shell_wait() waits for */
	void *arg;
	uint64_t until_ms;
};

int shell_set_up(void **state); /* *state: struct shell, with run/ and log/ */
int shell_tear_down(void **state);

/* What the programs started from now on do; see stub.c. */
void shell_script(const char *words);
/* Runs the loop until is_true(arg); false: it was not so within TEST_WAIT_MS. */
bool shell_wait(struct shell *shell, bool (*is_true)(void *arg), void *arg);
/* "<state>/name" */
const char *shell_path(struct shell *shell, const char *name,
		       char path[HV_FILE_PATH_BYTES]);
/* The whole file; lives until the next call. */
const char *shell_read(struct shell *shell, const char *name);
/* Until that file has that text. */
void shell_wait_text(struct shell *shell, const char *name, const char *text);
void shell_write(struct shell *shell, const char *name, const void *bytes, size_t count);
/* Descriptors of this process that are open. */
unsigned shell_descriptors(void);
/* Children of this process, zombies too. */
unsigned shell_children(void);

#define SHELL_TEST(f) cmocka_unit_test_setup_teardown(f, shell_set_up, shell_tear_down)

#endif
