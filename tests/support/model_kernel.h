/*
 * model_kernel - what the kernel and one partition do, as far as a pager can tell.
 *
 * One file on a tmpfs, one shared mapping of it, registered with a userfaultfd for
 * missing, minor and write-protect faults, and some threads that touch it. From
 * paging.md 4.2/4.3, and no kinder than the kernel:
 *
 *   page cache   a page is in the file or not; the pool limits the sum (ENOMEM)
 *   page table   mapped or not; write-protected (also as a marker under no page);
 *                poisoned
 *   faults       a thread that faults waits; its event is read once; a wake makes it
 *                try again, and takes back an event that was not read
 *   REMOVE       MADV_DONTNEED and MADV_REMOVE wait until their event is read, and
 *                act some time after that; until then the ioctls say EAGAIN
 *   hostile      writes and punches through the descriptor raise no event
 *
 * It also is the oracle: a read must see the last write, or zeros after a discard by
 * message; after a bare hole either, but then that for good. What is wrong is said
 * once in `violation`.
 *
 * Page contents are one number: a page of value v has v in its first eight bytes, ~v
 * in its last, zeros between; value 0 is a page of zeros.
 *
 * Contract: single-threaded; a plain struct in caller memory, so that an explorer can
 * save and restore it.
 */
#ifndef TESTS_SUPPORT_MODEL_KERNEL_H
#define TESTS_SUPPORT_MODEL_KERNEL_H

#include "hvcore/pager/pager.h"

#define MODEL_PAGES_MAX 96
#define MODEL_THREADS_MAX 12

void model_page_fill(uint8_t *bytes, uint64_t value);
bool model_page_is(const uint8_t *bytes, uint64_t value);
uint64_t model_page_value(const uint8_t *bytes); /* of its first eight bytes */

struct model_pool {
	uint32_t blocks;
	uint32_t limit;
};

struct model_page {
	uint64_t value;    /* in the file; 0 without a page */
	uint64_t expected; /* what a read must see */
	bool is_cached;
	bool is_mapped;
	bool is_protected;
	bool is_poisoned;
	bool may_be_zero;     /* a bare hole was made: zeros are right as well */
	bool is_tainted;      /* written behind our back: no promise any more */
	bool may_poison;      /* its device failed: SIGBUS is right */
	bool is_entered;      /* a translation to it was made since it last left */
	bool is_under_io;     /* mapped for I/O: it must not leave (M7) */
	bool is_io_write;     /* a device may write to it */
	bool is_io_ready;     /* its mapping succeeded: transfers may use it */
	bool is_held;         /* one does: it is not unmapped */
	_Atomic uint8_t hint; /* hvcore/wire/hint.h */
};

enum model_op { MODEL_READ, MODEL_WRITE, MODEL_DONTNEED, MODEL_REMOVE, MODEL_OP_COUNT };

enum model_thread_state {
	MODEL_IDLE,
	MODEL_READY,  /* has something to do, or to do again */
	MODEL_WAITS,  /* its event is not read */
	MODEL_WAITED, /* ... is read */
};

struct model_thread {
	enum model_thread_state state;
	enum model_op op;
	bool is_seen;         /* READY after its REMOVE event was read */
	bool is_minor, is_wp; /* of its fault */
	uint32_t page;
	uint32_t count;
	uint64_t value; /* to write */
};

enum model_event_kind {
	MODEL_EVENT_REMOVE,
	MODEL_EVENT_WRITE,
	MODEL_EVENT_MINOR,
	MODEL_EVENT_MISSING,
};

struct model_event {
	enum model_event_kind kind;
	uint32_t page;
	uint32_t count;
	uint32_t thread; /* 1 is the first */
	bool is_write;
};

struct model_kernel {
	struct model_pool *pool;
	uint32_t page_count;
	uint32_t thread_count;
	uint32_t blocks;   /* of the file */
	uint32_t changing; /* REMOVEs not through */
	bool is_dead;
	bool is_hostile;  /* wrote behind our back: its blocks may exceed its frames */
	unsigned fail_in; /* 0 = never; else the ioctl that makes it 0 fails */
	enum hv_code fail_code;
	const char *violation;
	uint32_t violation_page;
	uint64_t reads, writes, sigbus; /* done */
	struct model_thread threads[MODEL_THREADS_MAX];
	struct model_page pages[MODEL_PAGES_MAX];
};

extern const struct hv_space_ops model_kernel_ops; /* ctx: struct model_kernel */

void model_kernel_init(struct model_kernel *kernel, struct model_pool *pool,
		       uint32_t pages, uint32_t threads);
/* The process is gone, its file truncated. */
void model_kernel_kill(struct model_kernel *kernel);

/* The thread must be IDLE. */
void model_start(struct model_kernel *kernel, uint32_t thread, enum model_op op,
		 uint32_t page, uint32_t count, uint64_t value);
/* One attempt of a READY thread: done (IDLE), or it waits for an event. */
void model_step(struct model_kernel *kernel, uint32_t thread);

/* Reads up to `room` events, lowest thread first from `from`. */
unsigned model_read_events(struct model_kernel *kernel, uint32_t from,
			   struct model_event *events, unsigned room);
bool model_has_events(const struct model_kernel *kernel);
/* Gives events to the engine in the order of paging.md 4.5. */
void model_deliver(struct hv_pager *pager, struct hv_space *space,
		   const struct model_event *events, unsigned count, uint64_t now_ns);

/* After hv_pager_discard() said OK. */
void model_discarded(struct model_kernel *kernel, uint32_t first, uint32_t count);
/* Through the descriptor, no event. */
void model_pwrite(struct model_kernel *kernel, uint32_t page, uint64_t value);
void model_punch_bare(struct model_kernel *kernel, uint32_t page);
/* What the operating system says of a page that none of its threads uses. */
void model_hint(struct model_kernel *kernel, uint32_t page, enum hv_hint hint);
/* It is used again: what a careful operating system does before it touches it. */
void model_use(struct model_kernel *kernel, uint32_t page);
bool model_is_touched(const struct model_kernel *kernel, uint32_t page);
/*
 * A device: the page is mapped for it, or what was mapped is asked for again; one
 * transfer; the mapping ends, whether the partition wants it or not.
 */
void model_io_map(struct model_kernel *kernel, uint32_t page, bool is_write);
void model_io_write(struct model_kernel *kernel, uint32_t page, uint64_t value);
void model_io_read(struct model_kernel *kernel, uint32_t page);
void model_io_end(struct model_kernel *kernel, uint32_t page);
/* munmap, mmap, register again. */
void model_remap(struct model_kernel *kernel);

#endif
