/* library - see library.h. */
#include "agent/partition/attach_library/library.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/partition/attach_library/children.h"
#include "agent/partition/attach_library/control.h"
#include "agent/partition/attach_library/library_priv.h"
#include "agent/partition/attach_library/program.h"
#include "agent/partition/handover.h"
#include "hvcore/base/log.h"

#define EXIT_FAILED 1
#define ATTACH_TIMEOUT_MS 10000 /* arbitrary: a hypervisor answers in 1 ms */

struct library {
	atomic_bool is_active; /* false: everything passes */
	struct attach_passport passport;
	struct attach_discards discards;
	struct stat memory;   /* of the file */
	pthread_mutex_t lock; /* guards what follows; our own calls come here as well */
	struct attach_region region;
	int userfaultfd;      /* P1: open for life, never read */
	const char *last_why; /* of a refusal: said once in a row */
};

static struct library library = { .lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
				  .userfaultfd = -1 };

static bool is_active(void)
{
	return atomic_load_explicit(&library.is_active, memory_order_acquire);
}

/* ---- life ---- */

static void close_if_open(uint64_t fd)
{
	if (fd != 0)
		(void)close((int)fd);
}

/* Of a program: its children have its memory as it was. */
static struct attach_children children(void)
{
	return (struct attach_children){
		.large = program_is_on() ? program_large() : NULL,
		.device = library.passport.uffd != 0 ? (int)library.passport.uffd : -1,
		.file = (int)library.passport.file,
		.offset = library.passport.offset,
	};
}

static void on_fork(void)
{
	const struct attach_children now = children();

	attach_children_prepare(&now);
}

static void on_parent(void)
{
	const struct attach_children now = children();

	attach_children_parent(&now);
}

/* The child has no mapping (MADV_DONTFORK) and must keep nothing alive. */
static void on_forked(void)
{
	const struct attach_children now = children();

	if (!is_active())
		return;
	attach_children_child(&now);
	program_leave();
	atomic_store(&library.is_active, false);
	(void)close((int)library.passport.socket);
	(void)close((int)library.passport.file);
	close_if_open(library.passport.uffd);
	close_if_open(library.passport.qmp);
	close_if_open(library.passport.console);
	close_if_open(library.passport.serial);
	close_if_open(library.passport.kvm);
	if (library.userfaultfd >= 0)
		(void)close(library.userfaultfd);
}

static void set_close_on_exec(uint64_t fd)
{
	if (fd != 0)
		(void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
}

bool library_watch_forks(void)
{
	static bool is_watching;

	if (!is_watching)
		is_watching = library_atfork(on_fork, on_parent, on_forked) == 0;
	return is_watching;
}

static enum hv_code enter(const char *text, struct hv_err *err)
{
	struct attach_passport *passport = &library.passport;
	enum hv_code code = attach_passport_read(text, passport, err);

	if (code != HV_OK)
		return code;
	if (fstat((int)passport->file, &library.memory) != 0)
		return hv_fail_os(err, HV_E_INVAL, errno, "look at the memory file");
	set_close_on_exec(passport->socket);
	set_close_on_exec(passport->file);
	set_close_on_exec(passport->uffd);
	set_close_on_exec(passport->qmp);
	set_close_on_exec(passport->console);
	set_close_on_exec(passport->serial);
	set_close_on_exec(passport->kvm);
	close_if_open(passport->library);
	library.region.offset = passport->offset;
	library.region.bytes = passport->bytes;
	attach_discards_init(&library.discards, (int)passport->socket);
	if (!library_watch_forks())
		return hv_fail(err, HV_E_NOMEM, "no memory for what a fork needs");
	/* other processes of its user cannot trace it or read its memory */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	atomic_store_explicit(&library.is_active, true, memory_order_release);
	return HV_OK;
}

/* ---- the memory ---- */

static bool is_memory_file(int fd)
{
	struct stat status;

	return is_active() && fd >= 0 && fstat(fd, &status) == 0 &&
	       status.st_dev == library.memory.st_dev &&
	       status.st_ino == library.memory.st_ino;
}

int library_refuse(const struct attach_verdict *verdict)
{
	if (library.last_why != verdict->why)
		log_warn("guest.refused", "reason='%s'", verdict->why);
	library.last_why = verdict->why;
	errno = verdict->os;
	return -1;
}

void *library_map(const struct library_mmap *wanted)
{
	return (void *)syscall(SYS_mmap, wanted->at, wanted->bytes, wanted->protection,
			       wanted->flags, wanted->fd, wanted->offset);
}

static void *reserve(const struct library_mmap *wanted)
{
	struct library_mmap range = *wanted;

	range.flags = (wanted->flags & ~MAP_TYPE) | MAP_PRIVATE | MAP_ANONYMOUS;
	range.fd = -1;
	range.offset = 0;
	return library_map(&range);
}

static enum hv_code hand_over(void *base, struct hv_err *err)
{
	const struct attach_passport *passport = &library.passport;
	const struct partition_peer peer = { (int)passport->socket, ATTACH_TIMEOUT_MS };
	const struct attach_control_config control = { passport, &library.discards };
	enum hv_code code = partition_handover_protect(base, passport->bytes, err);

	if (code == HV_OK && passport->uffd != 0)
		code = partition_handover_register((int)passport->uffd, base,
						   passport->bytes, &library.userfaultfd,
						   err);
	if (code == HV_OK)
		code = partition_handover_region(&peer, base, passport->bytes,
						 passport->offset, library.userfaultfd,
						 err);
	if (code == HV_OK)
		code = attach_control_start(&control, err);
	return code;
}

/* Where it fails the process does not get its memory, and ends by itself. */
static void *attach(const struct library_mmap *wanted)
{
	struct hv_err err = { 0 };
	void *base = library_map(wanted);

	if (base == MAP_FAILED)
		return base;
	if (hand_over(base, &err) != HV_OK) {
		log_error("guest.not_attached", "reason='%s'", hv_err_text(&err));
		(void)syscall(SYS_munmap, base, wanted->bytes);
		library.region.state = ATTACH_GONE;
		errno = EPERM;
		return MAP_FAILED;
	}
	library.region.base = (uintptr_t)base;
	library.region.state = ATTACH_ATTACHED;
	log_info("guest.attached", "bytes=%llu",
		 (unsigned long long)library.region.bytes);
	return base;
}

static void *map_locked(const struct library_mmap *wanted)
{
	const struct attach_mapping mapping = {
		.at = (uintptr_t)wanted->at,
		.bytes = wanted->bytes,
		.protection = wanted->protection,
		.flags = wanted->flags,
		.offset = (uint64_t)wanted->offset,
		.is_file = (wanted->flags & MAP_ANONYMOUS) == 0 &&
			   is_memory_file(wanted->fd),
	};
	const struct attach_verdict verdict = attach_region_map(&library.region,
								&mapping);

	switch (verdict.act) {
	case ATTACH_DO:
		return attach(wanted);
	case ATTACH_RESERVE:
		return reserve(wanted);
	case ATTACH_NOTHING:
		return wanted->at;
	case ATTACH_REFUSE:
		(void)library_refuse(&verdict);
		return MAP_FAILED;
	default:
		return library_map(wanted);
	}
}

void *library_mmap(const struct library_mmap *wanted)
{
	void *at;

	if (!is_active())
		return library_map(wanted);
	if (program_is_on())
		return program_mmap(wanted);
	(void)pthread_mutex_lock(&library.lock);
	at = map_locked(wanted);
	(void)pthread_mutex_unlock(&library.lock);
	return at;
}

int library_munmap(void *at, size_t bytes)
{
	struct attach_verdict verdict;
	int rc;

	if (!is_active())
		return (int)syscall(SYS_munmap, at, bytes);
	if (program_is_on())
		return program_munmap(at, bytes);
	(void)pthread_mutex_lock(&library.lock);
	verdict = attach_region_unmap(&library.region, (uintptr_t)at, bytes);
	if (verdict.act == ATTACH_LEAVE) {
		log_info("guest.unmapped", "bytes=%llu",
			 (unsigned long long)library.region.bytes);
		library.region.state = ATTACH_GONE;
	}
	rc = verdict.act == ATTACH_REFUSE ? library_refuse(&verdict)
					  : (int)syscall(SYS_munmap, at, bytes);
	(void)pthread_mutex_unlock(&library.lock);
	return rc;
}

void *library_mremap(void *at, size_t bytes, size_t to_bytes, int flags, void *to)
{
	struct attach_verdict verdict = { .act = ATTACH_PASS };
	uintptr_t fixed = (flags & MREMAP_FIXED) != 0 ? (uintptr_t)to : 0;
	void *now = MAP_FAILED;

	if (!is_active())
		return (void *)syscall(SYS_mremap, at, bytes, to_bytes, flags, to);
	if (program_is_on())
		return program_mremap(at, bytes, to_bytes, flags, to);
	(void)pthread_mutex_lock(&library.lock);
	verdict = attach_region_remap(&library.region, (uintptr_t)at, bytes, fixed,
				      to_bytes);
	if (verdict.act == ATTACH_REFUSE)
		(void)library_refuse(&verdict);
	else
		now = (void *)syscall(SYS_mremap, at, bytes, to_bytes, flags, to);
	(void)pthread_mutex_unlock(&library.lock);
	return now;
}

/* Not under the lock: it takes a while, and others may map meanwhile. */
static int carry_out(const struct attach_verdict *verdict)
{
	struct hv_err err = { 0 };

	if (verdict->act == ATTACH_REFUSE)
		return library_refuse(verdict);
	if (verdict->act == ATTACH_DISCARD &&
	    attach_discard(&library.discards, verdict->offset, verdict->bytes, &err) !=
		    HV_OK) {
		log_error("guest.no_discard", "reason='%s'", hv_err_text(&err));
		errno = EIO;
		return -1;
	}
	return 0;
}

int library_madvise(void *at, size_t bytes, int advice)
{
	struct attach_verdict verdict;

	if (!is_active())
		return (int)syscall(SYS_madvise, at, bytes, advice);
	if (program_is_on())
		return program_madvise(at, bytes, advice);
	(void)pthread_mutex_lock(&library.lock);
	verdict = attach_region_advise(&library.region, (uintptr_t)at, bytes, advice);
	(void)pthread_mutex_unlock(&library.lock);
	return verdict.act == ATTACH_PASS ? (int)syscall(SYS_madvise, at, bytes, advice)
					  : carry_out(&verdict);
}

int library_mprotect(void *at, size_t bytes, int protection)
{
	return program_is_on() ? program_mprotect(at, bytes, protection)
			       : (int)syscall(SYS_mprotect, at, bytes, protection);
}

int library_pkey_mprotect(void *at, size_t bytes, int protection, int key)
{
	/* a key would keep the hypervisor from nothing: it is as good as none */
	if (program_is_on() &&
	    attach_large_touches(program_large(), (uintptr_t)at, bytes))
		return program_mprotect(at, bytes, protection);
	return (int)syscall(SYS_pkey_mprotect, at, bytes, protection, key);
}

int library_fallocate(int fd, int mode, off_t offset, off_t bytes)
{
	struct attach_verdict verdict;

	if (!is_memory_file(fd))
		return (int)syscall(SYS_fallocate, fd, mode, offset, bytes);
	(void)pthread_mutex_lock(&library.lock);
	verdict = attach_region_allocate(&library.region, mode, offset, bytes);
	(void)pthread_mutex_unlock(&library.lock);
	return carry_out(&verdict);
}

int library_mlock(const void *at, size_t bytes, unsigned flags)
{
	struct attach_verdict verdict = { .act = ATTACH_PASS };

	if (program_is_on() && !program_may_lock(at, bytes))
		return -1;
	if (is_active() && !program_is_on()) {
		(void)pthread_mutex_lock(&library.lock);
		verdict = attach_region_lock(&library.region, (uintptr_t)at, bytes);
		(void)pthread_mutex_unlock(&library.lock);
	}
	if (verdict.act == ATTACH_REFUSE)
		return library_refuse(&verdict);
	return flags == 0 ? (int)syscall(SYS_mlock, at, bytes)
			  : (int)syscall(SYS_mlock2, at, bytes, flags);
}

static int refuse_for(int os, const char *why)
{
	const struct attach_verdict verdict = { .act = ATTACH_REFUSE,
						.os = os,
						.why = why };

	return library_refuse(&verdict);
}

int library_mlockall(int flags)
{
	if (is_active())
		return refuse_for(EPERM, "the memory is paged: not all can be locked");
	return (int)syscall(SYS_mlockall, flags);
}

int library_ftruncate(int fd, off_t bytes)
{
	if (!is_memory_file(fd))
		return (int)syscall(SYS_ftruncate, fd, bytes);
	if (bytes == library.memory.st_size)
		return 0;
	return refuse_for(EPERM, "the size of the memory stays");
}

/* ---- files ---- */

#define DIRECT_TEXT "O_DIRECT: the kernel would pin pages that can be paged out meanwhile"

/* What its user cannot open any more, and what the launcher has opened for it. */
static int lent(const char *path)
{
	uint64_t fd = 0;

	if (path == NULL)
		return -1;
	if (strcmp(path, ATTACH_MEMORY_PATH) == 0 && !program_is_on())
		fd = library.passport.file;
	if (strcmp(path, "/dev/kvm") == 0)
		fd = library.passport.kvm;
	return fd != 0 ? (int)fd : -1;
}

int library_openat(int directory, const char *path, int flags, mode_t mode)
{
	int fd = is_active() ? lent(path) : -1;

	if (fd >= 0)
		return fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (is_active() && (flags & O_DIRECT) != 0)
		return refuse_for(EINVAL, DIRECT_TEXT);
	return (int)syscall(SYS_openat, directory, path, flags, mode);
}

int library_fcntl(int fd, int command, unsigned long arg)
{
	if (command == F_SETFL && (arg & O_DIRECT) != 0 && is_active())
		return refuse_for(EINVAL, DIRECT_TEXT);
	return (int)syscall(SYS_fcntl, fd, command, arg);
}

/* ---- the beginning and the end ---- */

#define BESIDE_BYTES (UINT64_C(2) << 20) /* so that nothing lies next to it; arbitrary */

/* All of it, once, with room beside it: no allocator takes what follows for its own. */
static enum hv_code begin_program(struct hv_err *err)
{
	const struct attach_passport *passport = &library.passport;
	const struct library_mmap room = {
		.bytes = passport->bytes + 2 * BESIDE_BYTES,
		.protection = PROT_NONE,
		.flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		.fd = -1,
	};
	struct library_mmap all = {
		.bytes = passport->bytes,
		.protection = PROT_READ | PROT_WRITE,
		.flags = MAP_SHARED | MAP_FIXED,
		.fd = (int)passport->file,
		.offset = (off_t)passport->offset,
	};
	char *at = library_map(&room);

	if (at == MAP_FAILED)
		return hv_fail_os(err, HV_E_NOMEM, errno, "addresses for %llu bytes",
				  (unsigned long long)passport->bytes);
	all.at = at + BESIDE_BYTES;
	if (library_mmap(&all) == MAP_FAILED)
		return hv_fail(err, HV_E_REFUSED, "its memory cannot be attached");
	return program_begin(all.at, passport, &library.discards, err);
}

__attribute__((destructor)) static void on_ending(void)
{
	program_tell();
}

/* A program that would run on without its memory being paged must not run. */
__attribute__((constructor)) static void on_loaded(void)
{
	static char who[HV_NAME_BYTES + sizeof("guest@")];
	const char *text = getenv(ATTACH_PASSPORT_VARIABLE);
	struct hv_err err = { 0 };
	enum hv_code code;

	if (text == NULL)
		return;
	code = enter(text, &err);
	(void)unsetenv(ATTACH_PASSPORT_VARIABLE);
	(void)unsetenv("LD_PRELOAD");
	(void)snprintf(who, sizeof(who), "%s@%s",
		       library.passport.large != 0 ? "prog" : "guest",
		       library.passport.name);
	hv_log_open(who, HV_LOG_INFO);
	if (code == HV_OK && library.passport.large != 0)
		code = begin_program(&err);
	if (code == HV_OK)
		return;
	log_error("guest.not_started", "reason='%s'", hv_err_text(&err));
	_exit(EXIT_FAILED);
}
