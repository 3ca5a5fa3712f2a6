/*
 * process - what a VIOS is to the kernel: locked in memory, an I/O flusher, without
 * the rights it does not need.
 *
 * A VIOS writes the pages that memory is being freed of: if it waited for memory
 * itself, nobody would get any. P15: it locks its memory and tells the kernel that it
 * is an I/O flusher, so that reclaim on its behalf does not wait for I/O.
 *
 * Contract
 *   Threads  harden before any thread is started: rights belong to threads.
 *   Errors   harden never fails: what is not permitted (a test run by a user) is
 *            logged and done without.
 */
#ifndef VIOS_PROCESS_H
#define VIOS_PROCESS_H

void vios_process_harden(void);

#endif
