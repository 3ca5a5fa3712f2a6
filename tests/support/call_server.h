/*
 * call_server - the hypervisor's half of the shared memory for calls, as a thread of
 * the test: its tables are the real ones.
 *
 * Contract
 *   Threads  call_server_leave() and _stat(): any; they wait for the thread.
 *   Errors   what must not happen ends the test program (HV_INVARIANT).
 */
#ifndef TESTS_SUPPORT_CALL_SERVER_H
#define TESTS_SUPPORT_CALL_SERVER_H

#include <pthread.h>

#include "hvcore/mem/calls.h"

/* The breakpoint: what was asked, and what the test makes of it. */
struct call_server_watched {
	_Atomic uint64_t address;
	_Atomic unsigned flags;
	_Atomic bool was_busy; /* the first time it says so */
	_Atomic int os;        /* it is refused with this */
	_Atomic uint64_t hits; /* of the one thread there is */
};

/* Calls that the tables do not serve; true: this one was. On the server's thread. */
typedef bool call_server_other(void *arg, const struct hv_hcall_ask *ask,
			       struct hv_hcall_answer *ret_answer);

struct call_server {
	struct hv_calls *calls;
	struct call_server_watched watched;
	struct hv_hcall_area *area;
	int memory, doorbell; /* lent: duplicate them */
	uint64_t hpt_bytes;
	uint32_t left_serial;
	call_server_other *other; /* NULL: none; set before the first call */
	void *other_arg;
	pthread_mutex_t lock; /* guards calls and left_serial */
	pthread_t thread;
	_Atomic bool is_over;
};

void call_server_start(struct call_server *server, uint32_t pages);
void call_server_end(struct call_server *server); /* audits the tables */

/* The page leaves its frame. */
void call_server_leave(struct call_server *server, uint32_t page);
struct hv_calls_stat call_server_stat(struct call_server *server);

#endif
