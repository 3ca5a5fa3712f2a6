/*
 * fake_adapters - virtual adapters for a partition's drivers, behind a call_server: all
 * disks and ethernets are of one partition, and the ethernets of one VLAN. What they move
 * they move at once, through entries that are mapped, or they refuse.
 *
 * Contract
 *   Threads  what a test sets: before the first call, or while none is made.
 *   Memory   the server and the guest's memory are lent.
 *   Errors   what must not happen ends the test program (HV_INVARIANT).
 */
#ifndef TESTS_SUPPORT_FAKE_ADAPTERS_H
#define TESTS_SUPPORT_FAKE_ADAPTERS_H

#include "hvcore/wire/io.h"
#include "tests/support/call_server.h"

#define FAKE_DISKS 2u
#define FAKE_ETHERNETS 2u
#define FAKE_UNITS (FAKE_DISKS + FAKE_ETHERNETS)
#define FAKE_ENTRIES 64u
#define FAKE_DISK_BYTES (64u * HV_PAGE_BYTES)
#define FAKE_BUFFERS 64u

struct fake_adapter {
	uint64_t tces[FAKE_ENTRIES];
	bool is_late[FAKE_ENTRIES]; /* said to be busy once */
	bool is_registered;
	uint64_t queue; /* address */
	uint32_t next;
	bool toggle;
	uint64_t mac, buffers[FAKE_BUFFERS]; /* of an ethernet: descriptors */
	unsigned buffer_count;
	uint8_t *bytes; /* of a disk */
};

struct fake_adapters {
	struct call_server server;
	struct partition_calls *calls; /* the partition's half */
	uint8_t *memory, *lent;        /* as devices and as the partition see it */
	uint64_t pages;
	struct fake_adapter units[FAKE_UNITS];
	_Atomic unsigned mapped;
	/* what a test wants */
	_Atomic unsigned entitled;   /* pages that may be mapped; 0: any */
	_Atomic bool has_late_pages; /* each entry is H_LONG_BUSY first */
	_Atomic bool fails;          /* disks: CHECK CONDITION */
	_Atomic bool flips; /* what is read from a disk, or received, has a wrong byte */
	_Atomic unsigned flipped;   /* of what is received; 0: the last one */
	_Atomic bool moves_nothing; /* and says that it did */
	_Atomic unsigned refuses;   /* call number that is H_RESOURCE; 0: none */
	/* what was seen */
	_Atomic uint64_t transfers, frames, lost, syncs;
};

/* Gives the partition's view of its memory; the devices have one of their own. */
uint8_t *fake_adapters_start(struct fake_adapters *fake, uint64_t pages);
void fake_adapters_end(struct fake_adapters *fake); /* nothing is mapped any more */
/*
 * What its thread wrote is seen after this, and it sees what was written before: calls
 * go through memory that is mapped twice, which no checker of races can follow.
 */
void fake_adapters_sync(struct fake_adapters *fake);

#endif
