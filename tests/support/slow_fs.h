/*
 * slow_fs - a file system with a file, "device", and another one, "device1", that are as
 * slow and as broken as a test says: FUSE, spoken directly (no library), served by a
 * process of its own.
 *
 *   test ---- control (shared memory): hold writes, fail syncs, ... ----.
 *    |                                                                   v
 *   tarn-vios --- open, O_DIRECT, io_uring ---> kernel --- /dev/fuse --- server
 *
 * Mounted in a mount namespace of the test's own (slow_fs_open() moves the whole test
 * there), which its children see as well.
 *
 * Contract
 *   Threads  one; call open before other threads exist.
 *   Errors   open: false where FUSE or mounting is not permitted: end with 77.
 *   Memory   the files' bytes are the server's; close ends the server, and what the
 *            kernel still waits for fails with ENOTCONN.
 */
#ifndef TESTS_SUPPORT_SLOW_FS_H
#define TESTS_SUPPORT_SLOW_FS_H

#include "tests/support/tmpdir.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLOW_FS_FILES 2

struct slow_fs_control {          /* shared with the server */
	bool is_async;            /* fixed */
	_Atomic bool hold_writes; /* keep them until this is false again */
	_Atomic bool hold_reads;
	_Atomic bool hold_opens; /* until then, or until who opens is killed */
	_Atomic int writer;      /* pid: keep the writes of that process; 0: nobody's */
	_Atomic int write_error, read_error, sync_error; /* errno; 0: none */
	_Atomic uint32_t write_most;                     /* bytes of one write; 0: all */
	_Atomic uint32_t held;                           /* requests that are kept now */
	_Atomic uint64_t writes, reads, syncs;
};

struct slow_fs {
	struct test_tmpdir dir;
	char file[TEST_PATH_BYTES + 16]; /* the other one: with a 1 appended */
	struct slow_fs_control *control;
	int server; /* pid */
};

/*
 * async: a direct write waits in the kernel for the server's answer, nobody waits with
 * it (as on a real disk); a short one is an error. Otherwise a thread of whoever wrote
 * sleeps in it, and a short write is one.
 */
bool slow_fs_open(struct slow_fs *fs, size_t bytes, bool async);
void slow_fs_close(struct slow_fs *fs);

#endif
