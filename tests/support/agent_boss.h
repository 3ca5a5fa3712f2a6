/*
 * agent_boss - the coordinator as the agent sees it, for tests in agent_world: holds
 * polls, takes reports, loses messages when told to.
 *
 * The test edits the tables and publishes; what the agent reported last is looked up
 * by object. Event numbers are checked to grow, and no event is taken twice.
 */
#ifndef TESTS_SUPPORT_AGENT_BOSS_H
#define TESTS_SUPPORT_AGENT_BOSS_H

#include "tests/support/agent_world.h"

#define BOSS_LPARS 140
#define BOSS_DEVICES 16
#define BOSS_OPS 16
#define BOSS_EVENTS 8192

struct boss_lpar {
	char name[HV_NAME_BYTES]; /* "" = free */
	uint64_t run_id;
	bool is_running, is_immediate, is_dedicated;
	char device[HV_NAME_BYTES];
	const char *primary;         /* NULL: none */
	uint64_t devices_generation; /* of an order to change them; 0: none */
	const char *mirror;          /* its second device; NULL: none */
	uint64_t resize_generation;  /* 0 = none desired */
	uint64_t resize_bytes;
	uint32_t weight; /* 128 at first */
	uint64_t entitled_bytes;
	uint64_t made;
	bool has_disk; /* a file of its host's */
	bool is_guest; /* of QEMU */
	bool has_processors;
	Tarn__Processors processors;
};

struct boss_device {
	char name[HV_NAME_BYTES]; /* "" = free */
	uint64_t generation;
	char path[64];
	uint8_t id[AGENT_ID_BYTES];
	bool may_create, is_removed;
	const char *vios;  /* behind that one alone; NULL: both reach it */
	const char *owner; /* another host, whose id is 16 bytes 0x29; NULL: this one */
	bool is_remote;    /* it lies on another host */
};

struct boss_op {
	uint64_t id; /* 0 = free */
	Tarn__HostOpKind kind;
	char target[HV_NAME_BYTES];
	uint32_t ms;
	struct hv_injection injection; /* kind 0: none */
};

struct boss_event {
	uint64_t number;
	Tarn__EventLevel level;
	char kind[32];
	char text[256];
};

struct agent_boss {
	struct agent_world *world;
	uint64_t epoch, revision, next_id;

	uint64_t pool_generation; /* 0 = none desired */
	uint64_t pool_bytes;
	uint64_t firmware_lmbs; /* 0 = says nothing of it */
	struct {
		const char *name; /* NULL: as at first, vios1 and vios2 */
		bool is_enabled, is_maintained, is_not_assigned;
		const char *remote_host, *remote_url; /* NULL: none */
	} vios[HV_HOST_VIOS_MAX];
	struct boss_lpar lpars[BOSS_LPARS];
	struct boss_device devices[BOSS_DEVICES];
	struct boss_op ops[BOSS_OPS];

	uint64_t failback_ms; /* 0: by order, as at first */
	bool exports;

	/* Knobs. */
	const char *traced;    /* partition whose dispatch trace is wanted, or NULL */
	bool is_away;          /* answers nothing */
	unsigned loss_percent; /* of requests and of answers */
	enum hv_code refusal;  /* of every request */

	uint32_t held_tag; /* poll, 0 = none */
	uint64_t held_agent;
	Tarn__HostReport *report; /* last one taken */
	uint64_t reports, polls;
	uint64_t report_incarnation, report_number;
	struct boss_event events[BOSS_EVENTS];
	size_t event_count;
};

/* One pool and both VIOS enabled; nothing published yet. */
void boss_open(struct agent_boss *boss, struct agent_world *world);
void boss_close(struct agent_boss *boss);

/* Everything edited so far becomes the next desired state. */
void boss_publish(struct agent_boss *boss);

struct boss_lpar *boss_lpar(struct agent_boss *boss, const char *name); /* adds it */
void boss_activate(struct agent_boss *boss, struct boss_lpar *lpar);    /* a new run */
uint64_t boss_resize(struct agent_boss *boss, struct boss_lpar *lpar, uint64_t bytes);
struct boss_device *boss_device(struct agent_boss *boss, const char *name); /* adds it */
uint64_t boss_order(struct agent_boss *boss, Tarn__HostOpKind kind, const char *target);
void boss_pool(struct agent_boss *boss, uint64_t bytes); /* 0: take it away */

/* NULL while the last report does not name exactly that. */
const Tarn__ObjectStatus *boss_status(const struct agent_boss *boss,
				      Tarn__ObjectKind kind, const char *name,
				      uint64_t generation);
bool boss_is_done(const struct agent_boss *boss, Tarn__ObjectKind kind, const char *name,
		  uint64_t generation);
unsigned boss_heard(const struct agent_boss *boss, const char *kind);
const struct boss_event *boss_last(const struct agent_boss *boss, const char *kind);

#endif
