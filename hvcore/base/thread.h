/*
 * thread - a thread of a service: no signal finds it, and its stack is small enough to
 * be locked in full. And whether one of ours waits, or would go on if it had a processor.
 *
 * Contract
 *   Threads  any.
 */
#ifndef HVCORE_BASE_THREAD_H
#define HVCORE_BASE_THREAD_H

#include "hvcore/base/err.h"

#include <pthread.h>
#include <stdbool.h>

/* NOMEM, with errno. */
HV_MUST_USE
enum hv_code hv_thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg,
			     struct hv_err *err);

int hv_thread_id(void); /* of the caller, as the kernel names it */

/* Whether that thread of this process runs or waits for nothing but a processor; false
 * where there is none. Reads a file of /proc. */
bool hv_thread_is_runnable(int id);

/* The same stack for threads that libraries start from now on; no more than a wish. */
void hv_thread_small_stacks(void);

#endif
