/*
 * rogue - a partition that does what no partition should: a child of the test that
 * attaches like any other, keeps the pool file, and does one thing at a time on
 * order.
 *
 * Contract
 *   Threads  one. Orders are carried out one after the other; an order that waits
 *            for a page (a touch) may be left pending and awaited later.
 *   Errors   attaching must succeed, or the test fails.
 */
#ifndef TESTS_SUPPORT_ROGUE_H
#define TESTS_SUPPORT_ROGUE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/support/host.h"

enum rogue_deed {
	ROGUE_FILL,     /* writes `count` pages from `page` on, each its own content */
	ROGUE_CHECK,    /* reads them; answers how many are wrong */
	ROGUE_ZERO,     /* answers how many of them are not all zeros */
	ROGUE_READ,     /* answers the first 8 bytes of `page`; ROGUE_BUS for SIGBUS */
	ROGUE_HOLE,     /* answers the first page that is not in the file */
	ROGUE_REMOVE,   /* madvise MADV_REMOVE */
	ROGUE_DONTNEED, /* madvise MADV_DONTNEED */
	ROGUE_DISCARD,  /* a DISCARD packet, and waits for DISCARDED */
	ROGUE_UNMAP,
	ROGUE_MOVE,        /* mremap elsewhere, then touches the first page there */
	ROGUE_MAP_TWICE,   /* maps the file again, unregistered */
	ROGUE_UNMAP_AGAIN, /* and takes that mapping away */
	/* Writes into `page` of its file from memory whose pages nobody brings: the kernel
	   keeps the file locked. Answers when it does. */
	ROGUE_HOLD,
	/* The same by its own memory: one thread writes each page of its own into the file
	   while another has it made zero by a call, until its end. */
	ROGUE_HOLD_BY_CALLS,
	ROGUE_PWRITE, /* writes `count` pages into the file past the mapping */
	ROGUE_PIN,    /* registers `count` pages as io_uring buffers */
	ROGUE_UNPIN,
	ROGUE_SAY, /* sends `count` random bytes to the hypervisor */
	/* Hypervisor calls: it has a page table like any other. */
	ROGUE_ENTER,    /* H_ENTER for `count` pages; answers how many failed */
	ROGUE_WALK,     /* answers how many of them are translated */
	ROGUE_CALL,     /* `count` calls of random numbers and arguments; all answered */
	ROGUE_SCRIBBLE, /* random bytes all over the shared memory, `count` times */
	ROGUE_LIE, /* says anything of its pages while it reads and writes them, `count`
		      times; then that all are active */
	ROGUE_MAP, /* H_PUT_TCE for `count` pages, to be read and written, until each
		      is there; answers how many are refused */
	ROGUE_UNMAP_TCES, /* none of its first window any more */
	/* H_SET_MPP: `page` pages, weight `count`; answers pages | weight 16 bits << 32 |
	   constrained << 48 */
	ROGUE_SHARE,
	ROGUE_CALLS_AGAIN, /* a CALLS packet out of turn */
	ROGUE_TRUNCATE,    /* makes its file `count` pages long */
	ROGUE_GIVE, /* awaits a RESIZE, and says that it uses `page` pages; `count` is
			   added to the tag. Answers the pages it is asked to keep. */
	/* poison.h: by its run id, with `page` as the seed; answers what it found */
	ROGUE_POISON, /* `count` random things */
	ROGUE_SEARCH, /* looks at all of its memory */
	ROGUE_RUN,    /* a function of the test's: rogue_run */
	ROGUE_DEED_COUNT
};

#define ROGUE_FAILED UINT64_MAX
#define ROGUE_BUS (UINT64_MAX - 1)

struct rogue {
	char name[32];
	uint64_t run_id;
	int pid, socket;
};

/* With `spec` as for test_host_run. */
void rogue_start(struct rogue *rogue, struct test_host *host,
		 const struct test_partition *spec);
/* Does it and gives the answer. A deed that failed answers ROGUE_FAILED. */
uint64_t rogue_do(struct rogue *rogue, enum rogue_deed deed, uint64_t page,
		  uint64_t count);
/* What a function of the test has, in the rogue's process. */
struct rogue_self {
	unsigned char *at; /* its memory */
	struct partition_calls *calls;
};
void rogue_run_order(struct rogue *rogue,
		     uint64_t (*run)(struct rogue_self *self, uint64_t a, uint64_t b),
		     uint64_t a, uint64_t b);
uint64_t rogue_run(struct rogue *rogue,
		   uint64_t (*run)(struct rogue_self *self, uint64_t a, uint64_t b),
		   uint64_t a, uint64_t b);
/* The two halves of rogue_do. */
void rogue_order(struct rogue *rogue, enum rogue_deed deed, uint64_t page,
		 uint64_t count);
uint64_t rogue_answer(struct rogue *rogue);
/* Waits for its end: 128 + signal; -1 if it lives on. */
int rogue_wait(struct rogue *rogue, uint64_t deadline_ms);
/* SIGKILL, wait, remove. */
void rogue_end(struct rogue *rogue, struct test_host *host);

#endif
