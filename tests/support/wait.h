/*
 * wait - for an event in another process or thread: polls a condition until it is
 * true or the deadline is over. The only place in the tests that may sleep.
 */
#ifndef TESTS_SUPPORT_WAIT_H
#define TESTS_SUPPORT_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#define TEST_WAIT_MS 10000 /* generous: the machine may be busy */

/* Whether is_true(arg) became true in time; it is asked every few milliseconds. */
bool test_wait(bool (*is_true)(void *arg), void *arg, uint64_t deadline_ms);

#endif
