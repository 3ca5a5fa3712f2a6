/* os_memory_priv - what the files of os_memory.h share. */
#ifndef AGENT_PARTITION_OS_MEMORY_PRIV_H
#define AGENT_PARTITION_OS_MEMORY_PRIV_H

#include "agent/partition/os_memory.h"

#define NONE UINT32_MAX
#define LOW_SHARE \
	128 /* free pages: reclaim begins, and goes on to twice that; arbitrary */

/* ASIDE: free, and never to be used again, as it is to be given back. */
enum state { FREE, WORKING, CACHE, LOANED, ASIDE, STATE_COUNT };

struct frame {
	uint32_t what; /* page of the process or file; FREE, LOANED: the next */
	uint8_t state;
	bool is_used;  /* since the hand went by */
	bool is_dirty; /* its copy on the device, if any, is old */
};

struct process_page {
	uint32_t frame;   /* NONE */
	uint32_t version; /* 0: never written */
	uint64_t left;    /* page-outs when it left */
};

struct file_page {
	uint32_t frame;
	bool is_made;
};

struct os_memory {
	struct os_memory_config config;
	struct os_memory_env env;
	struct frame *frames;
	struct process_page *process;
	struct file_page *file;
	uint32_t first[STATE_COUNT]; /* of FREE and LOANED */
	uint32_t hand[STATE_COUNT];  /* of WORKING and CACHE */
	uint32_t count[STATE_COUNT];
	uint32_t keep;    /* frames from there on are to be given back: set aside */
	uint32_t giving;  /* the hand that empties them */
	uint64_t left;    /* working storage that left, ever */
	uint64_t eased;   /* not lent, since it was missed */
	uint64_t curable; /* when loans were last looked at */
	struct os_memory_figures figures;
	uint8_t buffer[HV_PAGE_BYTES];
};

/* So much of the frames that it keeps. */
uint32_t os_memory_share(const struct os_memory *memory, uint32_t parts);
/* True: the content is what it was. */
bool os_memory_say(struct os_memory *memory, uint32_t frame, enum hv_hint hint);
/* Onto a list, FREE or LOANED; one that is to be given back is set aside. */
void os_memory_put(struct os_memory *memory, enum state state, uint32_t frame);
/* And the hypervisor is told. */
void os_memory_push(struct os_memory *memory, enum state state, uint32_t frame);
uint32_t os_memory_pop(struct os_memory *memory, enum state state);
void os_memory_hold(struct os_memory *memory, uint32_t frame, enum state state,
		    uint32_t what);
/* Of the process or of the cache: it is free. */
void os_memory_let_go(struct os_memory *memory, uint32_t frame);
/* The same of the process, written before where it must be. False: it failed. */
bool os_memory_page_out(struct os_memory *memory, uint32_t frame);
/* The least used page of the cache, unless that has its floor. */
bool os_memory_drop_cache(struct os_memory *memory);
/* A free frame, ACTIVE. NONE: there is none to be had. */
uint32_t os_memory_get(struct os_memory *memory);

#endif
