/*
 * uffd - a partition's userfaultfd, with the kernel's codes translated.
 *
 * Thin: one function is one ioctl, repeated only where the kernel did a part of
 * the range. What a code means for a page is decided by the caller.
 *
 * Contract
 *   Threads  one thread per userfaultfd, the one that owns the partition.
 *   Memory   allocates nothing; works on the fault path.
 *   Errors   no struct hv_err: on the fault path there is nobody to read one.
 *            AGAIN     an event is unread (or the range changes): read, retry
 *            NOMEM     the pool's tmpfs is full: keep the data, reclaim, retry
 *            EXISTS    a page is there already; who waits for it was not woken
 *            GONE      the process has exited
 *            NOTFOUND  the range is not mapped or not registered any more
 *            STATE     continue: there is no page in the file
 *            INVAL     this kernel cannot do it
 *            After any of them *ret_done pages at the front of the range are done.
 *   Units    pages of HV_PAGE_BYTES; addresses are the partition's.
 */
#ifndef HVCORE_MEM_UFFD_H
#define HVCORE_MEM_UFFD_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum hv_uffd_kind {
	HV_UFFD_MISSING, /* no page in the file */
	HV_UFFD_MINOR,   /* a page in the file, not in the page table */
	HV_UFFD_WRITE,   /* write to a protected page */
	HV_UFFD_REMOVE,  /* the partition discarded a range, or only unmapped its pages */
	HV_UFFD_UNMAP,   /* the partition unmapped a registered range */
	HV_UFFD_REMAP,   /* ... or moved it */
	HV_UFFD_OTHER,   /* an event we did not ask for */
	HV_UFFD_KIND_COUNT
};

struct hv_uffd_event {
	enum hv_uffd_kind kind;
	bool is_write;    /* of MISSING and MINOR */
	uint32_t thread;  /* who faulted; 0 where the kernel does not say */
	uint64_t address; /* of the page, or the start of the range */
	uint64_t bytes;   /* of the range; a page for faults */
};

/*
 * Whether the descriptor really is a userfaultfd with these features (the bits are
 * HV_ATTACH_UFFD_FEATURES). Sets O_NONBLOCK, without which poll() reports only
 * errors. INVAL: something else, or not initialised.
 */
HV_MUST_USE
enum hv_code hv_uffd_check(int fd, uint64_t features, struct hv_err *err);

/* AGAIN: no event is waiting. At most HV_UFFD_READ_MAX at a time. */
#define HV_UFFD_READ_MAX 64 /* arbitrary: 2 KiB of messages */
HV_MUST_USE
enum hv_code hv_uffd_read(int fd, struct hv_uffd_event *events, unsigned room,
			  unsigned *ret_count);

enum hv_uffd_mode {
	HV_UFFD_PLAIN = 0,
	HV_UFFD_PROTECT = 1,   /* leave the pages write-protected */
	HV_UFFD_DONT_WAKE = 2, /* a wake over the range follows */
};

HV_MUST_USE
enum hv_code hv_uffd_copy(int fd, uint64_t address, const void *from, unsigned pages,
			  unsigned mode, unsigned *ret_done);
HV_MUST_USE
enum hv_code hv_uffd_zero(int fd, uint64_t address, unsigned pages, unsigned mode,
			  unsigned *ret_done);
HV_MUST_USE
enum hv_code hv_uffd_continue(int fd, uint64_t address, unsigned pages, unsigned mode,
			      unsigned *ret_done);
/* Marks absent pages: whoever touches one gets SIGBUS. */
HV_MUST_USE
enum hv_code hv_uffd_poison(int fd, uint64_t address, unsigned pages, unsigned *ret_done);
/* All or nothing. Lifting wakes whoever waits. */
HV_MUST_USE
enum hv_code hv_uffd_protect(int fd, uint64_t address, uint64_t pages);
HV_MUST_USE
enum hv_code hv_uffd_unprotect(int fd, uint64_t address, uint64_t pages);
/* Whoever waits in the range touches its page again. */
HV_MUST_USE
enum hv_code hv_uffd_wake(int fd, uint64_t address, uint64_t pages);

#endif
