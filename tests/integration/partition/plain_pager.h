/*
 * plain_pager - the other half of the attach protocol, as small as it can be and
 * still right: serves one partition's faults from private memory and steals its
 * pages at random, with the cancel rules of reference/paging.md 4.2.
 *
 *   RESIDENT --protect, copy--> STEALING --punch--> STOLEN --missing--> RESIDENT
 *                 any write or minor event on STEALING: RESIDENT again
 *
 * Contract
 *   Threads  the test's own; faults, thefts and packets each have a thread of the
 *            pager's. What a test may look at is atomic.
 *   Errors   what must not happen ends the test program (HV_INVARIANT).
 */
#ifndef TESTS_INTEGRATION_PARTITION_PLAIN_PAGER_H
#define TESTS_INTEGRATION_PARTITION_PLAIN_PAGER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hvcore/wire/attach.h"

struct plain_pager_config {
	const char *path; /* of the socket */
	uint64_t bytes;
	enum hv_attach_mode mode;
	int home_cpu;
	bool may_steal;
	uint64_t seed;
};

struct plain_pager {
	struct plain_pager_config config;
	int listener, socket, userfaultfd, file, wake;
	uint64_t address;
	uint8_t *states; /* with store, is_frozen and report: lock */
	uint8_t *store;
	pthread_mutex_t lock;
	pthread_cond_t thawed;
	bool is_frozen;
	struct hv_attach_report report; /* the last one */
	pthread_t faults, thief, packets;
	atomic_bool is_stopping;
	atomic_bool is_hung_up; /* by the partition */
	atomic_uint reports;
	atomic_ulong steals, cancels, page_ins, zero_fills, write_faults, discards;
};

void plain_pager_open(struct plain_pager *pager, const struct plain_pager_config *config);
/* Waits for the partition and lets it go. */
void plain_pager_attach(struct plain_pager *pager);
/* Hangs up first; the partition is dead or dies of it. */
void plain_pager_close(struct plain_pager *pager);

/* Hang-up alone: shuts the socket down. */
void plain_pager_hang_up(struct plain_pager *pager);
void plain_pager_command(struct plain_pager *pager, enum hv_control command, uint64_t id);
struct hv_attach_report plain_pager_report(struct plain_pager *pager);

/* While frozen nobody gets a stolen page back. */
void plain_pager_freeze(struct plain_pager *pager);
void plain_pager_thaw(struct plain_pager *pager);

/* Changes one byte of one stolen page; waits until there is one. Its number. */
uint64_t plain_pager_corrupt(struct plain_pager *pager, unsigned byte);
/* Poisons one stolen page; its number. */
uint64_t plain_pager_poison(struct plain_pager *pager);

#endif
