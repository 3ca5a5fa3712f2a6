/*
 * agent_world - a host in one thread and virtual time, around a real agent core:
 * processes, pid files, a hypervisor that answers, paging devices, a disk.
 *
 * The test drives: it sets what the coordinator wants, kills what it likes (the agent
 * too, in the middle of any operation), lets time pass, and looks. Rules that must
 * hold at every moment are checked here, at once, by world_fail(): a run attached
 * twice, two instances of one process, a hypervisor started over partitions of a
 * dead one, a device formatted while in use, a kill carried out twice.
 *
 * Threads: one.
 */
#ifndef TESTS_SUPPORT_AGENT_WORLD_H
#define TESTS_SUPPORT_AGENT_WORLD_H

#include "agent/core/core.h"
#include "hvcore/base/rng.h"

#define WORLD_PROCESSES 320
#define WORLD_HAPPENINGS 4096
#define WORLD_LPARS 160
#define WORLD_DEVICES 32
#define WORLD_RUNS 4096
#define WORLD_LMB_BYTES (UINT64_C(16) << 20)

struct world_process {
	enum agent_kind kind;
	char name[HV_NAME_BYTES];
	struct agent_instance instance; /* pid 0 = free */
	uint64_t locked_ms;             /* its pid file is locked from then on */
	uint64_t run_id;
	uint8_t token[HV_TOKEN_BYTES];
	bool is_child;                 /* of the agent that lives */
	bool is_watched;               /* by it */
	bool is_attached, is_stubborn; /* stubborn: only SIGKILL ends it */
	bool is_stopped;
	bool is_dying;
	bool is_loser;                    /* the pid file is another one's */
	char remote_url[AGENT_URL_BYTES]; /* of a VIOS; "" = its devices lie here */
	uint32_t cut_direction, cut_ms;
};

struct world_partition {          /* in the hypervisor */
	char name[HV_NAME_BYTES]; /* "" = free */
	uint64_t run_id;
	uint8_t token[HV_TOKEN_BYTES];
	Tarn__PartitionState state;
	Tarn__MemoryMode mode;
	int64_t pid;
	uint64_t passes;
	uint64_t last_command;
	uint64_t mem_bytes, max_bytes;
	uint32_t weight;
	uint64_t entitled_bytes;
	uint64_t resize_generation, resize_target;
	bool resize_is_done;
	enum hv_code resize_code;
	uint64_t checksum_errors;
	uint64_t page_ins;
	char path[64];            /* of its paging device, "" = none */
	char vios[HV_NAME_BYTES]; /* that this is behind alone; "" = both */
	char mirror[64];          /* of its second one, "" = none */
	char device_name[HV_NAME_BYTES], mirror_name[HV_NAME_BYTES];
	bool is_degraded; /* knobs, of one with a mirror; pages that a side lacks */
	uint64_t missed, mirror_missed;
	char primary[HV_NAME_BYTES]; /* VIOS; "" = none */
	char reason[64];
};

struct world_vios {
	char name[HV_NAME_BYTES];
	Tarn__ViosState state;
	bool is_expected, is_maintained;
	uint64_t epoch; /* incarnation, where partitions page */
};

struct world_device {
	char path[64];
	bool is_missing, has_header, is_foreign;
	struct agent_header header;
	unsigned formats;
};

struct agent_world;

enum world_what {
	WORLD_DIES,     /* process `a` (pid), status b */
	WORLD_ATTACHES, /* partition or VIOS of pid `a` comes to its hypervisor */
	WORLD_ANSWER,   /* of the hypervisor, tag `a` */
	WORLD_TOOL_DONE,
	WORLD_INJECTED, /* order `a` (tag) to the VIOS `name` is answered with `code` */
	WORLD_COORDINATOR, /* reply to tag `a` */
	WORLD_VIOS_MOVED,  /* the hypervisor let go of a maintained VIOS */
	WORLD_VERIFIED,
	WORLD_RESIZED,    /* one block, of the partition `name` with generation `a` */
	WORLD_CHECK_LOST, /* no partition may be left of a hypervisor lost at `a` */
	WORLD_CALL,       /* fn(world, arg) */
};

struct world_happening {
	uint64_t at_ms; /* 0 = free */
	uint64_t order;
	enum world_what what;
	uint64_t agent; /* incarnation that it is for; 0 = anybody */
	uint64_t a;
	int64_t b;
	char name[HV_NAME_BYTES];
	char path[64];
	enum hv_code code;
	void *message; /* owned */
	void (*fn)(struct agent_world *world, void *arg);
	void *arg;
	struct agent_tool tool;
	uint8_t id[AGENT_ID_BYTES], owner_id[AGENT_ID_BYTES];
	char owner_name[HV_NAME_BYTES];
};

struct world_group {              /* of a partition's processes */
	char name[HV_NAME_BYTES]; /* "" = free */
	int64_t pid;
	struct agent_limits limits;
	struct agent_usage usage;
	unsigned changes;
};

struct world_run {
	char name[HV_NAME_BYTES];
	uint64_t run_id;
};

struct agent_world {
	struct hv_rng rng;
	uint64_t now_ms;
	uint64_t order;
	struct agent_core *core; /* NULL: no agent is alive */
	struct agent_config config;
	size_t shown; /* partitions, when they were shown last */
	uint64_t wake_ms;

	/* Knobs. */
	unsigned crash_in; /* the agent dies in that many operations; 0 = no */
	bool crash_after;  /* ... after the effect, else before */
	bool is_crashed;
	bool disk_is_full;
	bool desired_is_lost; /* what is saved of it: it is not synced */
	bool hypervisor_is_stopped;
	bool partitions_outlive; /* do not end themselves when the hypervisor goes (P1) */
	bool hypervisor_fails;   /* exits at once, status 1 */
	bool vios_fail;          /* the same */
	bool formats_fail;
	unsigned old_vios;             /* whose files lie there, and that run no more */
	unsigned changes;              /* orders of other devices for one that runs */
	enum hv_code change_code;      /* of the next ones */
	uint64_t change_missed;        /* pages that it lacks on them then */
	bool change_waits;             /* they are taken, and it has what it had */
	char change_to[HV_NAME_BYTES]; /* what the last one wants first */
	unsigned primaries;            /* orders of another primary */
	enum hv_code failback_code;    /* of the order to fail back */
	enum hv_code again_code;
	enum hv_code pool_code, define_code, resize_code, share_code;
	uint64_t gives_at_most;    /* bytes of one order; 0 = all */
	enum hv_code reserve_code; /* of every order about its own memory */
	bool leaving_is_refused;   /* of a VIOS, by the hypervisor */
	bool vios_are_stubborn;
	enum hv_code inject_code; /* how a VIOS answers an order */
	enum hv_code order_code;  /* of sending it one */
	bool has_paging; /* shared partitions page, epochs and failovers are counted */

	/* Called whenever the core is entered and left: for failing its allocations. */
	void (*inside)(bool is_inside);

	/* Who gets the agent's words; answers by world_coordinator_answer(). */
	void (*on_send)(struct agent_world *world, uint32_t tag,
			const Tarn__HostRequest *request, void *arg);
	void *arg;
	uint64_t send_deadline_ms; /* of the request in on_send, from now */

	struct world_process processes[WORLD_PROCESSES];
	struct world_happening happenings[WORLD_HAPPENINGS];
	size_t happening_end; /* from here on all are free */
	int64_t next_pid;

	/* The hypervisor's. */
	bool pool_is_set;
	uint64_t pool_bytes, pool_max;
	uint64_t reserved; /* blocks beside LMB 0 and that one; 0: as it started */
	struct world_partition partitions[WORLD_LPARS];
	struct world_vios vios[HV_HOST_VIOS_MAX];
	uint64_t failover_number, vios_epoch;
	uint64_t failback_ms;            /* as expected last; 0 = by order */
	unsigned failbacks;              /* orders */
	char failed_back[HV_NAME_BYTES]; /* the last one's partition; "" = all */
	Tarn__Failover *failover;        /* NULL or the last one */
	uint64_t hypervisor_lost_ms; /* when it ended and partitions were left; 0 = no */

	struct world_group groups[WORLD_LPARS];
	enum hv_code limit_code; /* of every limit */
	bool groups_stay;        /* cannot be removed */
	int64_t recorded_pid;    /* whose context switches are; 0 = nobody's */
	enum hv_code record_code;
	char trace[HV_NAME_BYTES];    /* of the last stat request */
	uint64_t idle_us;             /* of all processors */
	enum hv_code disks_code;      /* of what is done to files of virtual disks */
	char disks_of[HV_NAME_BYTES]; /* whose they are; "" = there are none */
	uint64_t disks_made;
	struct world_device devices[WORLD_DEVICES];
	uint8_t *files[AGENT_FILE_COUNT];
	size_t file_counts[AGENT_FILE_COUNT];

	/* What happened, for the rules. */
	struct world_run attached[WORLD_RUNS];
	size_t attached_count;
	unsigned vios_kills;
	unsigned injections, clears;  /* orders that reached a VIOS */
	struct hv_injection injected; /* the last one */
	uint8_t injected_id[AGENT_ID_BYTES];
	unsigned spawns[AGENT_KIND_COUNT];
	unsigned saves, durable_saves;
	unsigned shares;    /* orders of weight and entitlement */
	unsigned stats;     /* requests for figures */
	unsigned questions; /* to the exporter, whether it is there */
};

void world_open(struct agent_world *world, uint64_t seed);
void world_close(struct agent_world *world);

/* A new agent on the files that are there; world_agent_kill() is kill -9. */
void world_agent_start(struct agent_world *world);
void world_agent_kill(struct agent_world *world);

/* Lets time pass, one happening after the other. A crash of the agent ends it early. */
void world_run(struct agent_world *world, uint64_t ms);
/* When the next thing happens; UINT64_MAX: nothing will. */
uint64_t world_next_ms(struct agent_world *world);
/* Until `is_so` says so; false: it did not within `ms`. */
bool world_wait(struct agent_world *world, uint64_t ms,
		bool (*is_so)(struct agent_world *world, void *arg), void *arg);

struct world_process *world_find(struct agent_world *world, enum agent_kind kind,
				 const char *name); /* alive, NULL = none */
void world_die(struct agent_world *world, struct world_process *process, int status);
struct world_partition *world_partition(struct agent_world *world, const char *name);
struct world_vios *world_vios(struct agent_world *world, const char *name);
struct world_device *world_device(struct agent_world *world, const char *path);
struct world_group *world_group(struct agent_world *world,
				const char *name); /* or NULL */
unsigned world_groups(const struct agent_world *world);
unsigned world_alive(const struct agent_world *world, enum agent_kind kind);
bool world_ran(const struct agent_world *world, const char *name, uint64_t run_id);

/* `reply` NULL: the call fails with `code`. Arrives after `delay_ms`. */
void world_coordinator_answer(struct agent_world *world, uint32_t tag, enum hv_code code,
			      const Tarn__HostReply *reply, uint64_t delay_ms);
struct world_happening *world_at(struct agent_world *world, uint64_t after_ms,
				 enum world_what what);
_Noreturn void world_fail(const struct agent_world *world, const char *rule,
			  const char *name);
uint64_t world_between(struct agent_world *world, uint64_t low, uint64_t high);

/* agent_world_ops.c, and what it needs of agent_world.c */
extern const struct agent_ops world_ops;
struct world_process *world_by_pid(struct agent_world *world, int64_t pid);
void world_core_side(struct agent_world *world, bool is_inside);

/* agent_world_hv.c */
void world_hv_ask(struct agent_world *world, uint32_t tag, const Tarn__HvRequest *request,
		  uint64_t deadline_ms);
void world_hv_gone(struct agent_world *world);
void world_hv_attach(struct agent_world *world, struct world_process *process);
void world_hv_ended(struct agent_world *world, const struct world_process *process);
void world_hv_resized(struct agent_world *world, const char *name, uint64_t generation);
void world_hv_vios_moved(struct agent_world *world, const char *name);

#endif
