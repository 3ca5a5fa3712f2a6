/* crew_priv - what the files of crew.h share. */
#ifndef AGENT_PARTITION_CREW_PRIV_H
#define AGENT_PARTITION_CREW_PRIV_H

#include "agent/partition/crew.h"

#include <pthread.h>
#include <stdatomic.h>

#include "agent/partition/stall.h"

enum discard_state { DISCARD_NONE, DISCARD_WANTED, DISCARD_TAKEN };

struct worker {
	struct partition_crew *crew;
	unsigned number;
	pthread_t thread;
	uint64_t first, count; /* pages owned */
	struct partition_workload workload;
	struct partition_stall stall;
	struct hv_rng rng;          /* peeks */
	uint64_t interval_ns;       /* between operations; 0 = unlimited */
	uint64_t due_ns;            /* of the next operation */
	unsigned pass;              /* the last one done */
	unsigned pause;             /* the last one seen */
	enum discard_state discard; /* with page and pages: crew->lock */
	uint64_t discard_page, discard_pages;
	_Atomic uint64_t operations;
	_Atomic uint64_t verified, verified_bad; /* of the last pass begun */
};

/* lock guards discard states and the waits; never held while memory is touched. */
struct partition_crew {
	struct partition_guest *guest;
	struct os_guest *os;     /* or NULL */
	struct partition_io *io; /* or NULL */
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a command came, or a discard was answered */
	int notice;
	unsigned count; /* workers started */
	_Atomic bool is_stopping;
	_Atomic unsigned pass;   /* the last one asked for */
	_Atomic unsigned passed; /* workers that have done it */
	_Atomic unsigned pause;  /* the last one asked for */
	_Atomic unsigned paused; /* workers that are */
	unsigned resumed;        /* the pause that is over; with lock */
	_Atomic unsigned ended;  /* workers */
	struct partition_access_box access;
	struct worker workers[PARTITION_WORKERS_MAX];
};

/* A pass over all pages is under way. */
bool crew_is_verifying(struct partition_crew *crew);

#endif
