/*
 * pin - keeps a worker on one processor: that on which its faults are served.
 *
 * Contract
 *   Threads  any.
 *   Errors   none: one that cannot be pinned still works; the log says so.
 */
#ifndef AGENT_PARTITION_PIN_H
#define AGENT_PARTITION_PIN_H

#include <pthread.h>

void partition_pin(pthread_t thread, unsigned worker, int cpu);

#endif
