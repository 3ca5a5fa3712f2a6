/*
 * toucher - a thread that reads or writes one byte, or asks the kernel to discard
 * a range, so that the test's own thread can serve what this raises.
 *
 * Contract: test_touch_end() waits until the thread is through and frees nothing
 * that the test gave.
 */
#ifndef TESTS_SUPPORT_TOUCHER_H
#define TESTS_SUPPORT_TOUCHER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum test_touch_kind {
	TEST_TOUCH_READ,
	TEST_TOUCH_WRITE,  /* writes `value` */
	TEST_TOUCH_REMOVE, /* madvise MADV_REMOVE */
	TEST_TOUCH_DONTNEED,
	TEST_TOUCH_UNMAP,
};

struct test_touch {
	enum test_touch_kind kind;
	unsigned char *at;
	size_t bytes; /* of the discarding kinds */
	unsigned char value;
	atomic_bool is_done;
	pthread_t thread;
};

void test_touch_start(struct test_touch *touch);
unsigned char test_touch_end(struct test_touch *touch); /* what was read */

/* Waits until poll() says there is something to read; fails the test after 10 s. */
void test_wait_readable(int fd);

#endif
