/*
 * core - what the agent decides: how its host gets from what it is to what the
 * coordinator wants it to be.
 *
 * Facts come in (a process ended, the hypervisor answered, the coordinator sent a
 * desired state, time passed); every one of them ends in one step that looks at
 * all facts and does what is missing. Nothing depends on how a state was reached,
 * so a new agent goes on where the last one was killed.
 *
 * The outside is struct agent_ops and nothing else: a whole host runs in a test in
 * virtual time. Rules A1..A12 are in agent/README.md.
 *
 * Contract
 *   Threads  L.
 *   Memory   the core copies what it is lent; ownership of decoded messages moves
 *            where a name says `take`. Ops must not call back into the core.
 *   Errors   nothing fails for good: what could not be done now is done by a later
 *            step (out of memory, full disk, no process), and said in a report.
 *   Time     agent_ops.now_ms, monotonic, milliseconds.
 */
#ifndef AGENT_CORE_CORE_H
#define AGENT_CORE_CORE_H

#include "hvcore/base/err.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/attach.h"
#include "hvcore/wire/injection.h"
#include "hvcore/wire/messages.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AGENT_ID_BYTES 16
#define AGENT_TEXT_BYTES 256 /* arbitrary: one sentence */
#define AGENT_URL_BYTES 200  /* of an exporter, as tarn-vios takes it */

struct agent_core;

enum agent_kind {
	AGENT_HYPERVISOR,
	AGENT_VIOS,
	AGENT_PARTITION,
	AGENT_EXPORTER, /* tarn-vios --serve */
	AGENT_KIND_COUNT
};

/* A process and no other: its pid may be used again, the two together are not. */
struct agent_instance {
	int64_t pid;
	uint64_t starttime;
	bool shares_disk; /* spawned: its own paging is on the disk of its paging device */
};

struct agent_spawn {
	enum agent_kind kind;
	const char *name;     /* of the VIOS or partition; "" of the others */
	uint64_t run_id;      /* partition only, as are the next two */
	const uint8_t *token; /* HV_TOKEN_BYTES */
	const Tarn__LparSpec *spec;
	uint32_t processors; /* virtual ones; 0: nobody says */
	const char *pgdev;   /* path of its paging device; NULL: none */
	const char *mirror;  /* that of its second one; NULL: none */
	/* VIOS only, with AGENT_ID_BYTES of this host; NULL: its devices lie here. */
	const char *remote_url;
	const uint8_t *host_id;
	uint32_t cut_direction, cut_ms; /* a drill's: the rest of a cut of its link */
};

struct agent_exit {
	int64_t pid;
	bool is_known;    /* false: it was not our child, nobody knows its status */
	int status;       /* exit status, or the signal's number negated */
	const char *text; /* last line it wrote, may be "" */
};

enum agent_tool_kind {
	AGENT_TOOL_INSPECT,
	AGENT_TOOL_FORMAT,
	AGENT_TOOL_WIPE,
	AGENT_TOOL_KIND_COUNT
};

/* A one-shot tarn-vios on a paging device. */
struct agent_tool {
	enum agent_tool_kind kind;
	const char *path;
	const uint8_t *id; /* HV_PGDEV_ID_BYTES; FORMAT and WIPE */
	/* FORMAT, as is the rest: who is to own it; NULL: this host. */
	const uint8_t *owner_id; /* AGENT_ID_BYTES */
	const char *owner_name;
	uint64_t bytes; /* 0: as it is */
	uint64_t owner_epoch;
	bool may_create;
	uint64_t deadline_ms; /* from now; 0: none */
};

struct agent_header { /* what INSPECT found */
	uint8_t id[AGENT_ID_BYTES];
	uint8_t host_id[AGENT_ID_BYTES];
	char host_name[HV_NAME_BYTES];
	uint64_t owner_epoch;
	uint64_t usable_bytes;
};

struct agent_tool_result {
	enum hv_code code;                 /* OK: exit 0 */
	const char *text;                  /* why not, one sentence */
	const struct agent_header *header; /* INSPECT that succeeded */
};

/* An order to a VIOS that runs. */
struct agent_inject {
	const char *vios;
	const struct hv_injection *injection; /* NULL: end all */
	const uint8_t *id;                    /* of its device, or NULL: all */
	bool is_question;                     /* not even that: it is to answer */
};

struct agent_injected {
	enum hv_code code;
	const char *text; /* why not, one sentence */
	uint32_t number;  /* of the injection, or how many were ended */
	uint64_t seed;
};

enum agent_file {
	AGENT_FILE_STATE,   /* Tarn__AgentState */
	AGENT_FILE_DESIRED, /* Tarn__HostDesired */
	AGENT_FILE_COUNT
};

/* What the processes of a partition may have of the machine's processors. */
struct agent_limits {
	uint32_t quota; /* hundredths of one, never more; 0: no limit */
	uint32_t share; /* of those that are fought for; hundredths, at least 1 */
};

struct agent_usage { /* since the partition's group was made */
	uint64_t used_us;
	uint64_t throttled_us; /* they could have run, and the quota was used up */
	uint64_t throttled;    /* how often */
};

/* A thread had no processor: for want of work, or because its time was up. */
struct agent_switch {
	uint64_t start_ns, end_ns; /* CLOCK_MONOTONIC */
	int64_t thread;
	bool is_preempted;
};
#define AGENT_SWITCHES_MAX 256 /* the last ones; arbitrary */

/* A partition that runs, for its view of itself. Lent. */
struct agent_shown {
	const char *name;
	const Tarn__PartitionStat *stat;
	const Tarn__LparSpec *spec; /* NULL: nobody has said yet */
	const Tarn__PoolStat *pool; /* NULL: there is none */
};

struct agent_ops {
	uint64_t (*now_ms)(void *env);
	uint64_t (*wall_ms)(void *env);

	/*
	 * Looks whether that process is alive (its pid file is locked), and watches
	 * it from then on. NOTFOUND: no; AGAIN: alive, its pid not yet written.
	 */
	enum hv_code (*find)(void *env, enum agent_kind kind, const char *name,
			     struct agent_instance *ret, struct hv_err *err);
	/* EXISTS: one is alive already. The end is told by agent_core_exited(). */
	enum hv_code (*spawn)(void *env, const struct agent_spawn *what,
			      struct agent_instance *ret, struct hv_err *err);
	/* To exactly the process that find or spawn returned last for that name. */
	void (*kill)(void *env, enum agent_kind kind, const char *name, int signal);

	/* Its process, to these limits. Where nothing can: config.unlimited says so. */
	enum hv_code (*limit)(void *env, const char *name, int64_t pid,
			      const struct agent_limits *limits, struct hv_err *err);
	enum hv_code (*usage)(void *env, const char *name, struct agent_usage *ret,
			      struct hv_err *err);
	/* Of all processors together, ever since; 0: not known. */
	uint64_t (*idle_us)(void *env);
	/* This agent is killed, and starts again after that time. OK: it is about to be. */
	enum hv_code (*again)(void *env, uint32_t away_ms, struct hv_err *err);
	/* After its process has ended; not OK: once more later. */
	enum hv_code (*unlimit)(void *env, const char *name, struct hv_err *err);

	/* Files of its virtual disks: of the definition `made` and of no other one; and
	 * removed, with it. Not OK: once more later. */
	enum hv_code (*claim_disks)(void *env, const char *name, uint64_t made,
				    struct hv_err *err);
	enum hv_code (*remove_disks)(void *env, const char *name, struct hv_err *err);

	/* Context switches of that process from now on, of no other; 0: no more. */
	enum hv_code (*record)(void *env, int64_t pid, struct hv_err *err);
	size_t (*recorded)(void *env, struct agent_switch list[AGENT_SWITCHES_MAX]);

	/* Told by agent_core_answered(tag) exactly once if this returned OK. */
	enum hv_code (*ask)(void *env, uint32_t tag, const Tarn__HvRequest *request,
			    uint64_t deadline_ms, struct hv_err *err);
	/* Told by agent_core_tool_done(tag) exactly once if this returned OK. */
	enum hv_code (*tool)(void *env, uint32_t tag, const struct agent_tool *tool,
			     struct hv_err *err);
	/* Told by agent_core_injected(tag), the same. */
	enum hv_code (*inject)(void *env, uint32_t tag, const struct agent_inject *what,
			       struct hv_err *err);
	/* Whether the exporter answers. Told by agent_core_injected(tag), the same: with
	 * TIMEOUT where it does not. */
	enum hv_code (*ask_exporter)(void *env, uint32_t tag, struct hv_err *err);
	/* Told by agent_core_coordinator_answered(tag), the same. */
	enum hv_code (*send)(void *env, uint32_t tag, const Tarn__HostRequest *request,
			     uint64_t deadline_ms, struct hv_err *err);

	/* Replaces the file at once and as a whole; durable: also over a power cut. */
	enum hv_code (*save)(void *env, enum agent_file file, const uint8_t *bytes,
			     size_t count, bool is_durable, struct hv_err *err);
	/* An event, for the log. */
	void (*tell)(void *env, Tarn__EventLevel level, const char *kind,
		     const char *text);
	/* Once a second: all that run. */
	void (*show)(void *env, const struct agent_shown *list, size_t count);
	/* agent_core_step() is wanted then; replaces the last wish. */
	void (*wake_at)(void *env, uint64_t at_ms);
};

struct agent_config {
	const char *name; /* of the host; kept, not copied */
	uint8_t id[AGENT_ID_BYTES];
	uint64_t incarnation; /* of this agent, grows with each start */
	uint64_t memory_bytes, lmb_bytes;
	bool drills_allowed;
	unsigned processors;    /* of the machine, that are online */
	const char *groups;     /* where limits are kept; "" nowhere. Kept, as the next */
	const char *unlimited;  /* why nowhere */
	const char *export_url; /* where an exporter of this host listens; kept */
};

/* `state` and `desired` are the files as last saved; NULL: there is none. */
HV_MUST_USE
enum hv_code agent_core_new(const struct agent_config *config,
			    const struct agent_ops *ops, void *env,
			    const Tarn__AgentState *state, struct agent_core **ret_core,
			    struct hv_err *err);
void agent_core_free(struct agent_core *core); /* disturbs nothing; NULL is fine */

/* Before start: the last desired state. */
void agent_core_take_desired(struct agent_core *core, Tarn__HostDesired *desired);
/* Before start: a pid file lies there for this VIOS or partition. */
void agent_core_mention(struct agent_core *core, enum agent_kind kind, const char *name);
/* Finds what is alive, adopts it, and begins. */
void agent_core_start(struct agent_core *core);

void agent_core_step(struct agent_core *core); /* time has passed */
void agent_core_exited(struct agent_core *core, enum agent_kind kind, const char *name,
		       const struct agent_exit *end);
/* `reply` NULL unless code is OK. */
void agent_core_answered(struct agent_core *core, uint32_t tag, enum hv_code code,
			 Tarn__HvReply *take_reply);
void agent_core_tool_done(struct agent_core *core, uint32_t tag,
			  const struct agent_tool_result *result);
void agent_core_injected(struct agent_core *core, uint32_t tag,
			 const struct agent_injected *result);
void agent_core_coordinator_answered(struct agent_core *core, uint32_t tag,
				     enum hv_code code, Tarn__HostReply *take_reply);

/* Who this is, to the coordinator; lent. */
void agent_core_identity(const struct agent_core *core, Tarn__HostIdentity *ret);

#endif
