/*
 * fake_vios - a VIOS that lies on demand: speaks session and rings like tarn-vios,
 * but its device is memory that both fakes of a pair share, and the test tells it
 * to be late, wrong, rude or silent.
 *
 * It is a process of its own (the hypervisor kills what it suspects), forked from
 * the test, with its orders in shared memory.
 *
 * Contract
 *   Threads  one. Orders are atomic and hold until they are taken back.
 *   Memory   the store outlives both fakes.
 */
#ifndef TESTS_SUPPORT_FAKE_VIOS_H
#define TESTS_SUPPORT_FAKE_VIOS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hvcore/wire/session.h"
#include "tests/support/host.h"

#define FAKE_STORE_PAGES 32768 /* of all devices together */
#define FAKE_DEVICES 4
#define FAKE_HELD_MAX 512

/* What is on the devices; shared by both fakes and the test. */
struct fake_store {
	uint32_t pages_each;
	uint8_t bytes[];
};

struct fake_orders {
	atomic_bool holds_reads; /* takes requests, does not answer */
	atomic_bool holds_writes;
	atomic_uint corrupt_reads; /* so many more reads get one byte changed */
	atomic_bool loses_writes;  /* says done, and did nothing */
	atomic_int read_error;     /* errno for every read; 0 = none */
	atomic_int write_error;
	atomic_bool scribbles;  /* goes on writing into the window after its answer */
	atomic_bool is_silent;  /* no heartbeat, no answers */
	atomic_bool lane_hangs; /* lane 0 alone: all else goes on */
	atomic_uint nonsense;   /* 1: answers an unknown tag, once; 2: another epoch;
				    3: absurd result; 4: absurd ring tail */
	/* DEVICE_OPENED, per fake */
	atomic_uint open_code;   /* refuse with this */
	atomic_bool holds_opens; /* takes one DEVICE_OPEN, does not answer */
	atomic_bool is_buffered;
	atomic_uint inode; /* 0 = 1 */
	/* what it saw */
	atomic_uint reads, writes, held_reads, held_writes, held_opens, devices_open;
	atomic_ullong epoch;
	atomic_int device_fd[FAKE_DEVICES]; /* its descriptors, by handle */
	/* slots of writes taken and not answered, with their device */
	struct hv_request held[FAKE_HELD_MAX];
	atomic_uint held_count;
};

struct fake_vios {
	char name[HV_NAME_BYTES];
	int pid; /* 0: none */
	struct fake_orders *orders;
};

struct fake_store *fake_store_make(uint32_t pages_each);
void fake_store_free(struct fake_store *store);
/* Overwrites what the held writes of that fake were for: they come late. */
void fake_store_write_late(struct fake_store *store, const struct fake_orders *orders);

/* Its orders may be given from now on. */
void fake_vios_make(struct fake_vios *fake, const char *name);
/* Starts it; it connects to the host's vasi.sock. */
void fake_vios_start(struct fake_vios *fake, struct test_host *host,
		     struct fake_store *store);
/*
 * A descriptor of the open file of that device, locks included: as long as the test
 * has it, the kernel behaves as if I/O of the VIOS were still under way (P9).
 */
int fake_vios_keep_device(struct fake_vios *fake, unsigned handle);
/* Whether it has ended, by itself or killed; waits up to deadline_ms. */
bool fake_vios_has_ended(struct fake_vios *fake, uint64_t deadline_ms);
/* SIGKILL if it lives, and waits for it. Orders stay as they are. */
void fake_vios_end(struct fake_vios *fake);
void fake_vios_free(struct fake_vios *fake);

#endif
