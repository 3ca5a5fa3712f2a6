/*
 * library - libtarn-attach.so as a whole: a process that was started with it and a
 * passport (passport.h) has its partition's memory in a file; where it maps that file,
 * the mapping comes into the hypervisor's hands before the program learns its address
 * (P7). Without a passport it does nothing at all.
 *
 * The happy path: the constructor takes the passport out of the environment; the program
 * maps the file; the mapping is registered, handed over and told to go; the control
 * thread (control.h) begins; what the program then does to that mapping is decided in
 * region.h and done here.
 *
 * A program whose large allocations are to be there (passport: large) knows nothing of a
 * file: all of it is mapped before the program begins, and program.h gives parts of it.
 *
 * A child that is forked has neither the mapping nor any part in this: it closes its
 * copies, and every call passes to the kernel; children.h gives it the contents as
 * memory of its own. A child that executes another program has not even the library.
 *
 * Each function does what the system call of its name does, and sets errno.
 *
 * Contract
 *   Threads  any.
 *   Errors   what is refused is said on stderr once a reason, EPERM or EINVAL.
 *   Time     a mapping waits for the hypervisor (PARTITION_ATTACH_TIMEOUT_MS), a discard
 *            until it is done.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_LIBRARY_H
#define AGENT_PARTITION_ATTACH_LIBRARY_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct library_mmap {
	void *at;
	size_t bytes;
	int protection, flags, fd;
	off_t offset;
};

void *library_mmap(const struct library_mmap *wanted);
int library_munmap(void *at, size_t bytes);
void *library_mremap(void *at, size_t bytes, size_t to_bytes, int flags, void *to);
int library_madvise(void *at, size_t bytes, int advice);
int library_mprotect(void *at, size_t bytes, int protection);
int library_pkey_mprotect(void *at, size_t bytes, int protection, int key);
int library_fallocate(int fd, int mode, off_t offset, off_t bytes);
int library_mlock(const void *at, size_t bytes, unsigned flags);
int library_mlockall(int flags);
int library_ftruncate(int fd, off_t bytes);
/* path as of openat(2). */
int library_openat(int directory, const char *path, int flags, mode_t mode);
int library_fcntl(int fd, int command, unsigned long arg);

/*
 * Before any other library watches them: its own watchers look at memory that a child
 * has by then. Again is nothing; false: no memory.
 */
bool library_watch_forks(void);
/* pthread_atfork, past our own name for it. */
int library_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void));

#endif
