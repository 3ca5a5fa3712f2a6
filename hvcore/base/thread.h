/*
 * thread - a thread of a service: no signal finds it, and its stack is small enough to
 * be locked in full.
 */
#ifndef HVCORE_BASE_THREAD_H
#define HVCORE_BASE_THREAD_H

#include "hvcore/base/err.h"

#include <pthread.h>

/* NOMEM, with errno. */
HV_MUST_USE
enum hv_code hv_thread_start(pthread_t *ret_thread, void *(*run)(void *arg), void *arg,
			     struct hv_err *err);

#endif
