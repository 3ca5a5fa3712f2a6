/*
 * pager_world - one engine, a few partitions on model kernels, their devices, and
 * the VIOS pair with all incarnations that may still do something.
 *
 * Every helper is one step of the outside world. world_check() audits the engine and
 * compares it with the models; a test calls it after each step.
 *
 * Contract: single-threaded. world_init() allocates the windows, world_fini() gives
 * them back; all else lies in the struct and in the engine.
 */
#ifndef TESTS_SUPPORT_PAGER_WORLD_H
#define TESTS_SUPPORT_PAGER_WORLD_H

#include "tests/support/model_device.h"
#include "tests/support/model_kernel.h"

#define WORLD_MEMBERS_MAX MODEL_DEVICES_MAX
#define WORLD_OLD_MAX 3       /* ended incarnations of one VIOS, not drained */
#define WORLD_CHUNK_BYTES 256 /* for three or four pages: they compress well */
#define WORLD_WINDOWS (HV_PATHS * (1 + WORLD_OLD_MAX))

struct world_member {           /* a partition; its device outlives it */
	struct hv_space *space; /* NULL: none now */
	struct model_kernel kernel;
	struct model_device devices[2];
	unsigned at[HV_PATHS]; /* which of them a path reaches; mirrored: each its own */
};

struct world_config {
	unsigned members;
	uint32_t pages, slots, threads; /* of each member */
	uint32_t frames;
	uint32_t entitled; /* of each member */
	bool is_mirrored;  /* each member has two devices, one a path */
	unsigned fills, reads, writes;
	unsigned checks_per_s;
	unsigned ahead;       /* neighbours read with a page */
	unsigned tier_chunks; /* of the compressed tier, a frame each; 0: none */
	uint64_t hedge_ns;
	unsigned olds; /* ended incarnations of one VIOS at once; 0 = WORLD_OLD_MAX */
};

struct world {
	struct world_config config;
	struct hv_frames frames;
	struct model_pool pool;
	struct hv_pager *pager;
	uint64_t now_ns;
	uint64_t epoch;   /* last given out */
	uint64_t version; /* last value written */
	struct world_member members[WORLD_MEMBERS_MAX];
	bool has_session[HV_PATHS];
	struct model_vios vios[HV_PATHS];               /* with a session */
	struct model_vios old[HV_PATHS][WORLD_OLD_MAX]; /* ended */
	bool has_old[HV_PATHS][WORLD_OLD_MAX];
	uint8_t *windows;
	bool window_used[WORLD_WINDOWS];
	struct hv_tier *tier; /* NULL: none */
	uint8_t *tier_memory;
	bool is_tier_damaged;     /* by the test */
	struct hv_path_toll toll; /* of all ends */
	bool is_damaged;          /* a device, or what came of it */
	bool is_lost[HV_PATHS];   /* mirrored: no VIOS of it ever starts again */
	bool is_one_side; /* mirrored: one alone is ever damaged, so nothing may be lost */
};

void world_init(struct world *world, const struct world_config *config);
void world_fini(struct world *world);

/* NULL, or the first thing that is wrong. The text lives until the next call. */
const char *world_check(struct world *world);

/* A page gave up its slot while a walker has a request out on it. */
bool world_is_walker_alone(const struct world *world);

/* Every member has two devices, one a path, now. */
bool world_are_mirrored(const struct world *world);

/* What waits for what, on stderr, for whoever looks at a failure. */
void world_dump(const struct world *world);

/* ---- partitions ---- */
/* False: the device is still in doubt because of the one before. */
bool world_member_start(struct world *world, unsigned member);
void world_member_kill(struct world *world, unsigned member);
/* After its end: takes it out of the engine if its requests are over. */
bool world_member_reap(struct world *world, unsigned member);
void world_member_events(struct world *world, unsigned member, uint32_t from,
			 unsigned room);
/* All its threads went on, up to where the first one from that on waits now. */
void world_member_stream(struct world *world, unsigned member, uint32_t thread,
			 bool is_up);
bool world_member_discard(struct world *world, unsigned member, uint32_t first,
			  uint32_t count);

/* No device uses a page: else all frames might be, and faults wait for ever. */
void world_end_io(struct world *world);

/* ---- the compressed tier ---- */
void world_tier_open(struct world *world); /* by world_init; nothing without chunks */
void world_tier_close(struct world *world);
/* Its oldest pages are to be written to their devices. False: none is. */
bool world_unload(struct world *world);
/* It has so many chunks at most from now on; what they have beyond that goes. */
void world_tier_most(struct world *world, unsigned chunks);

/* ---- VIOS ---- */
/* False: it has a session, or all windows are taken. */
bool world_vios_start(struct world *world, unsigned path);
/* Opens the member's device on it, if nothing of a predecessor is left there. */
bool world_vios_open(struct world *world, unsigned path, unsigned member);
/* Every member asks it from now on; this one does. HV_PATHS: none. */
void world_vios_activate(struct world *world, unsigned path);
void world_member_move(struct world *world, unsigned member, unsigned path);
/* Planned: it is not asked any more. False: no session, or it is leaving. */
bool world_vios_leave(struct world *world, unsigned path);
/* Its epoch ends; what it has not carried out may happen later. */
bool world_vios_end(struct world *world, unsigned path);
/* Carries out one open request, or one page of an ended one's. False: none. */
bool world_vios_work(struct world *world, unsigned path, unsigned nth,
		     enum model_fault fault);
bool world_vios_late(struct world *world, unsigned path, unsigned old, unsigned nth);
bool world_vios_answer(struct world *world, unsigned path, unsigned nth);
/* Whatever ended incarnations of that VIOS had left for that device is dropped. */
void world_drain(struct world *world, unsigned path, unsigned member);

/*
 * The member's device on that path is to be another one: closed there, then a new one
 * without anything, or that of the other path. False: not now.
 */
bool world_device_close(struct world *world, unsigned path, unsigned member);
bool world_device_renew(struct world *world, unsigned path, unsigned member);
bool world_device_join(struct world *world, unsigned path, unsigned member);

/* Mirrored: nothing of what its devices held is left; it and its VIOS are gone. */
void world_ruin(struct world *world, unsigned path);
void world_lose(struct world *world, unsigned path);

/* ---- all together ---- */
struct hv_pager_run world_run(struct world *world);
/* Nothing fails any more: serves everything that waits. False: something hangs. */
bool world_settle(struct world *world);
/* Reads every page of every member. False: a page is not served. */
bool world_read_all(struct world *world);

#endif
