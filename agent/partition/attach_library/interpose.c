/*
 * interpose - the C library's names that this library takes the place of. Everything is
 * done in library.c; here is only what the names and their arguments are.
 *
 * What the C library calls inside itself (its allocator's and its threads' mappings) does
 * not come here, and need not.
 */
#include <assert.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/partition/attach_library/library.h"

#define EXPORTED __attribute__((visibility("default")))

/* Names that no header declares: the checked ones of a fortified build. */
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int directory, const char *path, int flags);
int __openat64_2(int directory, const char *path, int flags);
int __register_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void),
		      void *object);

EXPORTED void *mmap(void *at, size_t bytes, int protection, int flags, int fd,
		    off_t offset)
{
	return library_mmap(
		&(struct library_mmap){ at, bytes, protection, flags, fd, offset });
}

EXPORTED int munmap(void *at, size_t bytes)
{
	return library_munmap(at, bytes);
}

EXPORTED void *mremap(void *at, size_t bytes, size_t to_bytes, int flags, ...)
{
	void *to = NULL;
	va_list more;

	va_start(more, flags);
	if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0)
		to = va_arg(more, void *);
	va_end(more);
	return library_mremap(at, bytes, to_bytes, flags, to);
}

EXPORTED int mprotect(void *at, size_t bytes, int protection)
{
	return library_mprotect(at, bytes, protection);
}

EXPORTED int pkey_mprotect(void *at, size_t bytes, int protection, int key)
{
	return library_pkey_mprotect(at, bytes, protection, key);
}

EXPORTED int madvise(void *at, size_t bytes, int advice)
{
	return library_madvise(at, bytes, advice);
}

/* Its DONTNEED does nothing, unlike madvise's: so POSIX wants it, and so the C library. */
EXPORTED int posix_madvise(void *at, size_t bytes, int advice)
{
	int before = errno, os = 0;

	if (advice == POSIX_MADV_DONTNEED)
		return 0;
	if (library_madvise(at, bytes, advice) != 0)
		os = errno;
	errno = before;
	return os;
}

EXPORTED int fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	return library_fallocate(fd, mode, offset, bytes);
}

/* Without the C library's fallback, which writes to each block: who has no fallocate
 * is told so. */
EXPORTED int posix_fallocate(int fd, off_t offset, off_t bytes)
{
	int before = errno, os = 0;

	if (library_fallocate(fd, 0, offset, bytes) != 0)
		os = errno;
	errno = before;
	return os;
}

EXPORTED int mlock(const void *at, size_t bytes)
{
	return library_mlock(at, bytes, 0);
}

EXPORTED int mlock2(const void *at, size_t bytes, unsigned flags)
{
	return library_mlock(at, bytes, flags);
}

EXPORTED int mlockall(int flags)
{
	return library_mlockall(flags);
}

EXPORTED int ftruncate(int fd, off_t bytes)
{
	return library_ftruncate(fd, bytes);
}

static mode_t mode_of(int flags, va_list *more)
{
	bool has_mode = (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;

	return has_mode ? va_arg(*more, mode_t) : 0;
}

EXPORTED int open(const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, &more);
	va_end(more);
	return library_openat(AT_FDCWD, path, flags, mode);
}

EXPORTED int openat(int directory, const char *path, int flags, ...)
{
	va_list more;
	mode_t mode;

	va_start(more, flags);
	mode = mode_of(flags, &more);
	va_end(more);
	return library_openat(directory, path, flags, mode);
}

EXPORTED int __open_2(const char *path, int flags)
{
	return library_openat(AT_FDCWD, path, flags, 0);
}

EXPORTED int __openat_2(int directory, const char *path, int flags)
{
	return library_openat(directory, path, flags, 0);
}

/* Every command takes one word, or none: then what is passed on is not looked at. */
EXPORTED int fcntl(int fd, int command, ...)
{
	unsigned long arg;
	va_list more;

	va_start(more, command);
	arg = va_arg(more, unsigned long);
	va_end(more);
	return library_fcntl(fd, command, arg);
}

typedef int (*register_atfork)(void (*)(void), void (*)(void), void (*)(void), void *);

static int register_forks(void (*prepare)(void), void (*parent)(void),
			  void (*child)(void), void *object)
{
	static register_atfork next;

	if (next == NULL)
		next = (register_atfork)dlsym(RTLD_NEXT, "__register_atfork");
	return next != NULL ? next(prepare, parent, child, object) : ENOSYS;
}

int library_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	return register_forks(prepare, parent, child, NULL);
}

/* What pthread_atfork calls, which each program and library has a copy of. */
EXPORTED int __register_atfork(void (*prepare)(void), void (*parent)(void),
			       void (*child)(void), void *object)
{
	if (!library_watch_forks())
		return ENOMEM;
	return register_forks(prepare, parent, child, object);
}

/* Where off_t has 64 bits the other names are the same functions. */
static_assert(sizeof(off_t) == sizeof(off64_t), "one off_t");

#define SAME_AS(target) __attribute__((alias(#target), visibility("default")))

void *mmap64(void *at, size_t bytes, int protection, int flags, int fd, off64_t offset)
	SAME_AS(mmap);
int fallocate64(int fd, int mode, off64_t offset, off64_t bytes) SAME_AS(fallocate);
int posix_fallocate64(int fd, off64_t offset, off64_t bytes) SAME_AS(posix_fallocate);
int ftruncate64(int fd, off64_t bytes) SAME_AS(ftruncate);
int open64(const char *path, int flags, ...) SAME_AS(open);
int openat64(int directory, const char *path, int flags, ...) SAME_AS(openat);
int fcntl64(int fd, int command, ...) SAME_AS(fcntl);
int __open64_2(const char *path, int flags) SAME_AS(__open_2);
int __openat64_2(int directory, const char *path, int flags) SAME_AS(__openat_2);
