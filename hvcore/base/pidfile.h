/*
 * pidfile - which process is the one instance of a program, proven by a lock.
 *
 * The program takes its pid file right after start and holds an open file
 * description lock on it for its whole life; the kernel drops the lock when the
 * process is gone, however it went. The file stays: only the lock counts. It has
 * one line, "pid starttime\n", with field 22 of /proc/PID/stat.
 *
 * Lock held = alive, two instances are impossible, and a new service processor
 * adopts what it did not start: hv_pidfile_adopt() gives a pidfd that is surely
 * the holder, since pid, start time, lock, and that this process has the file open
 * are checked after it was opened. A holder cannot pass for somebody else.
 *
 * Contract
 *   Threads  any. The lock belongs to the open file: a child that was forked and
 *            did not exec shares it (the descriptor is close-on-exec).
 *   Errors   BUSY another instance holds it (the text says which), NOTFOUND nobody
 *            holds it, AGAIN somebody has just taken it and not written it yet,
 *            CORRUPT the line is not one of ours, or not the holder's.
 */
#ifndef HVCORE_BASE_PIDFILE_H
#define HVCORE_BASE_PIDFILE_H

#include "hvcore/base/err.h"

#include <stdbool.h>

#include <stdint.h>

/* Takes it for this process. The file is made 0600. */
HV_MUST_USE
enum hv_code hv_pidfile_take(const char *path, int *ret_fd, struct hv_err *err);
/*
 * Takes it for a child that is about to be started: from here on it is held, by nobody
 * yet. After fork the parent names the child and closes the descriptor, which is
 * close-on-exec: the child alone has the lock. It writes the same line once more.
 */
HV_MUST_USE
enum hv_code hv_pidfile_hold(const char *path, int *ret_fd, struct hv_err *err);
HV_MUST_USE
enum hv_code hv_pidfile_name(int fd, int pid, struct hv_err *err);
/*
 * The same as take for a descriptor of the parent's hv_pidfile_hold(), or of a file it
 * has opened for reading and writing. `fd` stays open, and is close-on-exec from here
 * on.
 */
HV_MUST_USE
enum hv_code hv_pidfile_take_open(int fd, struct hv_err *err);
/* take_open where the parent gave a descriptor, take where `fd` is 0. */
HV_MUST_USE
enum hv_code hv_pidfile_take_either(int fd, const char *path, int *ret_fd,
				    struct hv_err *err);
void hv_pidfile_give(int fd); /* the end of the process does the same; -1 is fine */

struct hv_pidfile_holder {
	int pid;
	uint64_t start_time; /* clock ticks since boot */
	int pidfd;           /* the caller's; -1 from hv_pidfile_look() */
};

/* Who holds it. Cheap, but the process may be gone by the time you use its pid. */
HV_MUST_USE
enum hv_code hv_pidfile_look(const char *path, struct hv_pidfile_holder *ret_holder,
			     struct hv_err *err);

HV_MUST_USE
enum hv_code hv_pidfile_adopt(const char *path, struct hv_pidfile_holder *ret_holder,
			      struct hv_err *err);

/* Field 22 of /proc/PID/stat; GONE where there is no such process. */
HV_MUST_USE
enum hv_code hv_process_start_time(int pid, uint64_t *ret_ticks, struct hv_err *err);

/*
 * It has begun to exit, or is gone. Its sockets may hang up some milliseconds before its
 * pidfd tells; until then this is how to know why they did.
 */
bool hv_process_is_exiting(int pid);

#endif
