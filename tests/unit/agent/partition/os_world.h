/*
 * os_world - a model of frames, hints and disks that an operating system's memory is
 * built on, and what is true of it after every step.
 */
#ifndef TESTS_UNIT_AGENT_PARTITION_OS_WORLD_H
#define TESTS_UNIT_AGENT_PARTITION_OS_WORLD_H

#include "agent/partition/os_memory.h"
#include "hvcore/base/rng.h"

#define OS_WORLD_FRAMES 256
#define OS_WORLD_FRAMES_MAX 320
#define OS_WORLD_PAGES 512
#define OS_WORLD_KEY 0x1234

/* A page is its content: page number and version, or lost. */
struct os_world_cell {
	uint64_t page;
	uint32_t version;
	bool is_there;
};

struct os_world {
	struct os_world_cell frames[OS_WORLD_FRAMES_MAX];
	struct os_world_cell disk[OS_STORE_COUNT][OS_WORLD_PAGES];
	uint8_t hints[OS_WORLD_FRAMES_MAX];
	struct hv_rng rng;
	unsigned taken_percent; /* of frames that are said to be spare */
	bool is_full;           /* the disk */
	uint64_t mismatches, hint_errors, hinted;
	uint32_t kept; /* frames it makes do with: what a test knows of it */
	struct os_memory *memory;
};

struct os_memory_env os_world_env(struct os_world *world);
HV_MUST_USE
enum hv_code os_world_try_open(struct os_world *world, enum os_loan_policy policy,
			       uint32_t process_pages, struct hv_err *err);
struct os_world *os_world_open(enum os_loan_policy policy, uint32_t process_pages);
void os_world_close(struct os_world *world);

/* Each of the first pages of the process, or of the file. */
void os_world_use_all(struct os_world *world, uint32_t pages, bool is_file);
void os_world_must_hold(struct os_world *world);
/* And every page is what it must be. */
void os_world_all_is_right(struct os_world *world, uint32_t process_pages);

#endif
