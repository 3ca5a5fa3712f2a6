/*
 * process - programs of ours as children of a test, with their stderr kept.
 *
 *   struct test_process p;
 *   test_process_start(&p, "tarn-vios", (const char *[]){ "--state", dir, NULL });
 *   assert_true(test_process_says(&p, "vios.ready", TEST_WAIT_MS));
 *   assert_int_equal(test_process_end(&p, SIGTERM), 0);
 *
 * Contract
 *   Threads  one thread a process.
 *   Errors   what a test cannot do without (fork, open) fails it at once. A child
 *            dies with its test (PR_SET_PDEATHSIG).
 */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEST_PROCESS_TEXT_BYTES 65536 /* of stdout, and of stderr; the rest is dropped */

struct test_process {
	int pid;            /* 0: ended and waited for */
	int status;         /* of waitpid, once ended */
	int out_fd, err_fd; /* unlinked files that it writes to */
	char out[TEST_PROCESS_TEXT_BYTES];
	char err[TEST_PROCESS_TEXT_BYTES];
};

/*
 * `program` without a slash is one of TARN_BIN. `arguments` ends with NULL and leaves
 * the name out. Everything else is inherited.
 */
void test_process_start(struct test_process *process, const char *program,
			const char *const *arguments);

bool test_process_is_running(struct test_process *process);

/* Reads what it wrote until now into out and err (each NUL-terminated). */
void test_process_read(struct test_process *process);

/* Whether stderr had `text` in time; also where it has ended. */
bool test_process_says(struct test_process *process, const char *text,
		       uint64_t deadline_ms);

void test_process_signal(struct test_process *process, int signal);

/*
 * Waits for its end and gives the exit code, or 128 + signal; SIGKILL and -1 where it
 * takes longer than deadline_ms.
 */
int test_process_wait(struct test_process *process, uint64_t deadline_ms);

/* Signal (0: none), wait, read. Fine where it has ended. Closes the descriptors. */
int test_process_end(struct test_process *process, int signal);

/* start, wait, read, close: for programs that do one thing. */
int test_process_run(struct test_process *process, const char *program,
		     const char *const *arguments);

#endif
