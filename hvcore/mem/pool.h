/*
 * pool - the private tmpfs whose pages are the frames of the shared memory pool.
 *
 * The kernel itself refuses to hand out more than the size it was mounted with;
 * the hypervisor's frame counter is authoritative and stays below that (P12). It
 * lives in a mount namespace of its own: nobody else sees it, and it vanishes with
 * the last process that has a file of it. Nothing here maps a file (P15).
 *
 * huge=never: huge pages under a 4 KiB pager corrupt KVM guests. noswap where the
 * kernel has it (6.4); elsewhere mounting is refused while swap is on.
 *
 * Contract
 *   Threads  one at a time (the loop thread); descriptors may be used by any.
 *   Memory   descriptors returned are the caller's. Unmounting is lazy: open files
 *            live on.
 *   Errors   OS with what the kernel said; BUSY a shrink below what is in use;
 *            REFUSED swap is on; LIMIT the machine has too little memory (P15).
 *   Units    pages of HV_PAGE_BYTES, unless the name says _bytes.
 */
#ifndef HVCORE_MEM_POOL_H
#define HVCORE_MEM_POOL_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct hv_pool; /* opaque */

/*
 * Gives the calling thread, and those it starts, a mount namespace of their own.
 * Call it before the first thread is started.
 */
HV_MUST_USE
enum hv_code hv_pool_namespace_enter(struct hv_err *err);

/* Mounts over `dir`, which is made if it is missing. */
HV_MUST_USE
enum hv_code hv_pool_mount(const char *dir, uint64_t bytes, struct hv_pool **ret_pool,
			   struct hv_err *err);
void hv_pool_unmount(struct hv_pool *pool); /* NULL is fine */

/* P14: grows at once; a shrink below what is in use is BUSY and changes nothing. */
HV_MUST_USE
enum hv_code hv_pool_resize(struct hv_pool *pool, uint64_t bytes, struct hv_err *err);

/* A sparse file of this size; what another run left under the name is replaced. */
HV_MUST_USE
enum hv_code hv_pool_file_make(struct hv_pool *pool, const char *name, uint64_t bytes,
			       int *ret_fd, struct hv_err *err);
/* ... of our own, without a name: it goes with its descriptor. */
HV_MUST_USE
enum hv_code hv_pool_memory_make(struct hv_pool *pool, uint64_t bytes, int *ret_fd,
				 struct hv_err *err);
/* The name goes, and with truncated content its frames; descriptors stay valid. */
void hv_pool_file_remove(struct hv_pool *pool, const char *name, int fd);

/* Sparse memory outside any pool, for a dedicated partition; sealed in size. */
HV_MUST_USE
enum hv_code hv_memory_file_make(const char *name, uint64_t bytes, int *ret_fd,
				 struct hv_err *err);

uint64_t hv_pool_bytes(const struct hv_pool *pool); /* as mounted */
bool hv_pool_is_noswap(const struct hv_pool *pool);
/* What the kernel says is in use. */
HV_MUST_USE
enum hv_code hv_pool_used(const struct hv_pool *pool, uint64_t *ret_pages,
			  struct hv_err *err);
/* Pages that a file really has (st_blocks). */
HV_MUST_USE
enum hv_code hv_file_pages(int fd, uint64_t *ret_pages, struct hv_err *err);

/*
 * How far the tmpfs limit may be off: since its counter is spread over processors,
 * a page may be refused although the size is not reached. Measured: up to 12 of a
 * 256-page mount with two processors; 64 pages for each is ample.
 */
uint64_t hv_pool_slack_pages(void);

/* P15: kept free for the machine's own kernel and daemons; arbitrary. */
#define HV_MACHINE_RESERVE_BYTES (UINT64_C(128) << 20)

struct hv_machine {
	uint64_t total_bytes;
	uint64_t available_bytes; /* MemAvailable */
};
HV_MUST_USE
enum hv_code hv_machine_read(struct hv_machine *ret_machine, struct hv_err *err);
/*
 * P15: `promised` bytes altogether, of which `used` are taken from the machine
 * already, so the rest must still fit.
 */
HV_MUST_USE
enum hv_code hv_machine_check(const struct hv_machine *machine, uint64_t promised_bytes,
			      uint64_t used_bytes, struct hv_err *err);

#endif
