/*
 * core_priv - the core's tables, shared by its files. Every table is part of the
 * one block that agent_core_new() allocates: nothing here can run out of memory
 * later but messages.
 */
#ifndef AGENT_CORE_CORE_PRIV_H
#define AGENT_CORE_CORE_PRIV_H

#include "agent/core/core.h"
#include "agent/core/core_limits.h"

#include "hvcore/base/invariant.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct core_backoff {
	uint64_t delay_ms; /* last one, 0 = none */
	uint64_t at_ms;    /* not before */
};

struct core_process {
	struct agent_instance instance;
	bool is_alive;
	bool is_killed;      /* SIGKILL was sent */
	uint64_t since_ms;   /* spawned or found */
	uint64_t kill_at_ms; /* SIGKILL then; 0 = no */
};

struct core_error {
	enum hv_code code; /* OK = none */
	char text[AGENT_TEXT_BYTES];
};

struct core_hypervisor {
	struct core_process process;
	struct core_backoff backoff;
	uint32_t generation; /* of the instance: answers to an older one count not */
	bool has_answered;
	bool was_started; /* by this agent, so that `started` is told once */
	bool is_silent;
	bool is_asked;              /* a stat is under way */
	bool is_busy;               /* something waits for the next stat */
	bool is_unclear;            /* alive by its pid file, pid not yet there */
	bool is_going;              /* known to be dead, its exit not yet told */
	unsigned ended_runs;        /* by its loss, for the event */
	uint64_t answered_ms;       /* last answer */
	uint64_t asked_ms;          /* last stat request */
	uint64_t lost_ms;           /* when the last one ended, 0 = cleaned up after it */
	uint64_t stats;             /* answers so far */
	char why[AGENT_TEXT_BYTES]; /* last failure to start, so that it is told once */
	Tarn__HvReply *reply;       /* owns stat */
	const Tarn__HostStat *stat;
	char expect[CORE_EXPECT_BYTES]; /* answered by this instance */
	bool expect_is_known;
	bool expect_is_asked;
	uint64_t expect_retry_ms;
	char expect_why[AGENT_TEXT_BYTES]; /* the last refusal, "" = none */
	uint64_t expect_stat; /* number of the first stat that surely knows it */
	char expect_asked[CORE_EXPECT_BYTES];
};

struct core_pool {
	uint64_t applied; /* generation, by this instance of the hypervisor */
	uint64_t tried;   /* generation */
	uint64_t failed;  /* generation */
	struct core_error error;
	uint64_t retry_ms;
	bool is_asked;
};

struct core_reserve {
	uint64_t retry_ms;
	bool is_asked;
	char why[AGENT_TEXT_BYTES]; /* the last refusal, "" = none */
};

struct core_link {                      /* of a VIOS to another host; kept */
	char url[AGENT_URL_BYTES];      /* "" = not known, or none */
	struct agent_instance instance; /* that was started with it, and no other */
	uint32_t cut_direction;         /* by a drill, until then, whoever runs */
	uint64_t cut_until_ms;
};

struct core_kept { /* by an agent before us, of a VIOS that has no slot yet */
	char name[HV_NAME_BYTES]; /* "" = free */
	struct core_link link;
};

struct core_vios {
	char name[HV_NAME_BYTES]; /* "" = free */
	const Tarn__DesiredVios *desired;
	struct core_process process;
	struct core_backoff backoff;
	uint32_t restarts;
	uint64_t away_until_ms;      /* a drill wants it to stay away; 0: none does */
	uint64_t alone_ms;           /* since when it has no session, 0 = it has one */
	uint64_t spawned_stat;       /* older answers are about the one before it */
	bool is_ended;               /* unexpectedly: the next start is a restart */
	char why[AGENT_TEXT_BYTES];  /* its last unexpected end */
	char wait[AGENT_TEXT_BYTES]; /* for another host's exporter; "" = it does not */
	struct core_link link;
};

struct core_exporter {
	struct core_process process;
	struct core_backoff backoff;
	uint32_t restarts;
	bool is_ended;              /* unexpectedly: the next start is a restart */
	char why[AGENT_TEXT_BYTES]; /* its last unexpected end */
	uint32_t question;          /* tag of the one that is out; 0 = none */
	uint64_t question_ms;       /* the next one */
};

enum core_device_state {
	CORE_DEVICE_UNKNOWN, /* to be inspected */
	CORE_DEVICE_INSPECTING,
	CORE_DEVICE_BLANK, /* inspected: no header of ours, to be formatted */
	CORE_DEVICE_FORMATTING,
	CORE_DEVICE_READY,
	CORE_DEVICE_WIPING,
	CORE_DEVICE_WIPED,
	CORE_DEVICE_FAILED,
	CORE_DEVICE_STATE_COUNT
};

struct core_device {
	char name[HV_NAME_BYTES]; /* "" = free */
	const Tarn__DesiredDevice *desired;
	uint64_t generation; /* that `state` is about */
	enum core_device_state state;
	uint64_t formatted; /* generation, kept: never formatted again */
	uint64_t usable_bytes;
	uint64_t check_ms; /* next inspection */
	struct core_error error;
	bool is_final; /* the format was refused: another generation must come */
};

enum core_command_kind { CORE_COMMAND_VERIFY, CORE_COMMAND_RESET, CORE_COMMAND_COUNT };

struct core_command { /* of a HostOp, to one partition */
	uint64_t op;  /* 0 = none */
	bool is_acked;
	uint64_t base; /* verify_passes before it was sent */
	uint64_t acked_ms;
};

struct core_run {
	uint64_t started, ended;
	struct core_error error;
	char text[AGENT_TEXT_BYTES];
	bool is_announced, is_waiting, is_blocked;
	bool is_degraded; /* its mirror, and that was told */
	uint64_t page_errors;
	uint64_t resize_refused; /* generation */
	struct core_error resize_error;
};

struct core_processors { /* of one partition */
	bool is_grouped;
	bool is_refused; /* its last limit, and that was told */
	struct agent_limits limits;
	struct agent_usage usage;
	uint64_t uncapped_us; /* of those used, beyond its entitlement; kept */
	uint64_t read_ms;     /* 0 = not yet */
	uint32_t rate;        /* used between the last two reads, hundredths */
};

struct core_entitle {    /* of one partition */
	uint32_t weight; /* this, and the next, were asked for last */
	uint64_t entitled_bytes;
	uint64_t retry_ms; /* after a refusal of it; 0: there was none */
	bool is_told;      /* that it was refused */
};

struct core_backing {                                            /* of one partition */
	char device[AGENT_TEXT_BYTES], mirror[AGENT_TEXT_BYTES]; /* asked for last */
	char taken_device[HV_NAME_BYTES], taken_mirror[HV_NAME_BYTES]; /* last OK */
	bool is_taken;     /* it is on its way there, until it says that it is there */
	enum hv_code code; /* and how that was answered */
	char text[AGENT_TEXT_BYTES];
	uint64_t retry_ms;
};

struct core_lpar {
	char name[HV_NAME_BYTES]; /* "" = free */
	const Tarn__DesiredLpar *desired;
	const Tarn__PartitionStat *stat;
	struct core_process process;
	struct core_run run;
	bool is_unsure; /* started by an agent before us, and no process is there */
	bool is_busy;   /* a request to the hypervisor is under way */
	bool is_asked_to_stop;
	bool is_stopping;
	uint64_t stop_ms;
	uint64_t retry_ms;
	uint64_t degraded_ms; /* since when its mirror is, 0 = it is not */
	char lost_vios
		[HV_NAME_BYTES]; /* that ended, and its mirror was not whole since; "" */
	uint64_t defined;        /* run whose token this is, for this hypervisor */
	uint64_t defined_stat;   /* number of the first stat that must list it */
	uint8_t token[HV_TOKEN_BYTES];
	char kill_why[AGENT_TEXT_BYTES]; /* we killed it, for that reason */
	char wait[AGENT_TEXT_BYTES];     /* why it is not there yet */
	struct core_command commands[CORE_COMMAND_COUNT];
	struct core_processors processors;
	struct core_entitle entitle;
	struct core_backing backing;
};

struct core_op {
	uint64_t id; /* 0 = free */
	const Tarn__HostOp *desired;
	bool is_begun;   /* kept */
	bool is_resumed; /* begun by an agent before us */
	bool is_assigned;
	bool is_done;
	bool is_asked;
	uint32_t tag; /* of the order to a VIOS */
	uint64_t retry_ms;
	struct agent_instance stopped; /* pid 0: nobody */
	uint64_t stopped_ms;
	unsigned left; /* partitions that have not answered */
	uint64_t pages, bad;
	unsigned lpars; /* that answered */
	struct core_error error;
	char text[AGENT_TEXT_BYTES];
};

struct core_event {
	uint64_t number;
	uint64_t wall_ms;
	Tarn__EventLevel level;
	char kind[32];
	char text[AGENT_TEXT_BYTES];
};

struct core_events { /* not acknowledged, oldest first */
	struct core_event at[CORE_EVENTS_MAX];
	size_t count;
	uint64_t next; /* number */
};

enum core_call_kind {
	CORE_CALL_STAT = 1,
	CORE_CALL_POOL,
	CORE_CALL_EXPECT,
	CORE_CALL_DEFINE,
	CORE_CALL_REMOVE,
	CORE_CALL_SHUTDOWN,
	CORE_CALL_COMMAND,
	CORE_CALL_AUDIT,
	CORE_CALL_FAILBACK,
	CORE_CALL_RESERVE,
	CORE_CALL_RESIZE,
	CORE_CALL_SHARE,
	CORE_CALL_PRIMARY,
	CORE_CALL_BACKING,
	CORE_CALL_KIND_COUNT
};

struct core_call {
	enum core_call_kind kind; /* 0 = free */
	uint32_t tag;
	uint32_t hypervisor;      /* generation asked */
	char name[HV_NAME_BYTES]; /* partition */
	uint64_t number;          /* generation, run or op id */
	enum core_command_kind command;
};

struct core_tool {
	bool is_used;
	uint32_t tag;
	enum agent_tool_kind kind;
	char name[HV_NAME_BYTES]; /* device */
	uint64_t generation;
};

struct core_trace {
	char name[HV_NAME_BYTES];   /* partition whose dispatch trace is wanted, or "" */
	int64_t pid;                /* whose switches are recorded; 0 = nobody's */
	char why[AGENT_TEXT_BYTES]; /* why they are not */
};

#define CORE_DISPATCHES_MAX 512

/* What a trace in a report needs. */
struct core_trace_room {
	Tarn__DispatchTrace trace;
	Tarn__Dispatch switches[AGENT_SWITCHES_MAX];
	Tarn__Dispatch *list[CORE_DISPATCHES_MAX];
};

struct core_dialog {
	uint32_t poll_tag, report_tag;     /* 0 = none under way */
	uint64_t poll_at_ms, report_at_ms; /* not before */
	uint64_t backoff_ms;
	uint64_t answered_ms; /* last answer of any kind */
	bool is_lost;
	uint64_t reported_ms;
	uint64_t reported_stat;         /* hypervisor.stats */
	uint64_t reported_event;        /* highest number */
	uint64_t reported_hash;         /* of the objects' status */
	uint64_t number;                /* of the last report */
	char refusal[AGENT_TEXT_BYTES]; /* last one, so that it is told once */
};

struct agent_core {
	struct agent_config config;
	const struct agent_ops *ops;
	void *env;

	uint64_t now_ms;  /* of this step */
	uint64_t wake_ms; /* earliest wish of this step */
	uint32_t next_tag;

	uint64_t epoch; /* highest of the coordinator */
	Tarn__HostDesired *desired;
	bool must_link; /* a slot has become free that an object may be waiting for */
	bool desired_is_told; /* by the coordinator, else it is that of the file */
	bool desired_is_unsaved;
	uint64_t desired_retry_ms;

	uint64_t sequence; /* of the last save */
	bool state_is_unsaved;
	bool state_must_last; /* the next save must survive a power cut */
	uint64_t save_retry_ms;
	bool save_has_failed;

	struct agent_instance known_hypervisor; /* whose runs are in the table */
	uint64_t failover;
	struct core_hypervisor hypervisor;
	struct core_pool pool;
	struct core_reserve reserve;
	struct core_trace trace;
	uint64_t processors_ms; /* next look */
	uint64_t kept_ms;       /* what they used was last saved */
	uint64_t looked_ms;     /* last look */
	uint64_t idle_us;       /* of the machine, then; 0 = not known */
	uint32_t idle_rate;     /* between the last two looks, hundredths */
	bool unlimited_is_told;
	struct core_dialog dialog;
	struct core_vios vios[CORE_VIOS_MAX];
	struct core_kept kept[CORE_VIOS_MAX];
	struct core_exporter exporter;
	struct core_lpar lpars[CORE_LPARS_MAX];
	uint64_t shown_ms;
	struct core_device devices[CORE_DEVICES_MAX];
	struct core_op ops_[CORE_OPS_MAX];
	struct core_call calls[CORE_CALLS_MAX];
	struct core_tool tools[CORE_TOOLS_MAX];
	struct core_events events;
};

/* What a report says of an object. */
struct core_status {
	bool is_done, is_running, is_redundant;
	enum hv_code code; /* OK: no error; text may still say something */
	const char *text;
	uint64_t usable_bytes;
};

/* core.c */
void core_wake(struct agent_core *core, uint64_t at_ms);
/* Whether that time has come; if not, a step is asked for then. */
bool core_is_due(struct agent_core *core, uint64_t at_ms);
void core_backoff_next(struct core_backoff *backoff, uint64_t alive_ms, uint64_t now_ms);
void core_error_set(struct core_error *error, enum hv_code code, const char *text);
void core_text_set(char text[AGENT_TEXT_BYTES], const char *format, ...) HV_PRINTF(2, 3);
void core_process_kill(struct agent_core *core, struct core_process *process,
		       enum agent_kind kind, const char *name);
void core_process_set(struct agent_core *core, struct core_process *process,
		      const struct agent_instance *instance);
const char *core_exit_text(const struct agent_exit *end, char text[AGENT_TEXT_BYTES]);

/* event.c */
void core_event(struct agent_core *core, Tarn__EventLevel level, const char *kind,
		const char *format, ...) HV_PRINTF(4, 5);
void core_event_put(const struct agent_core *core, struct core_event *event,
		    Tarn__Event *ret);
void core_events_acknowledge(struct agent_core *core, uint64_t number);

/* state.c: what the next agent must know */
HV_MUST_USE
enum hv_code core_state_load(struct agent_core *core, const Tarn__AgentState *state,
			     struct hv_err *err);
void core_state_touch(struct agent_core *core, bool must_last);
/* OK: all that was touched is on disk. Otherwise a later step tries again. */
HV_MUST_USE
enum hv_code core_state_flush(struct agent_core *core, struct hv_err *err);

/* desired.c */
void core_desired_link(struct agent_core *core);
void core_desired_accept(struct agent_core *core, Tarn__HostDesired *take_desired);
void core_desired_flush(struct agent_core *core);

/* call.c: requests to the hypervisor */
HV_MUST_USE
enum hv_code core_call(struct agent_core *core, const struct core_call *what,
		       const Tarn__HvRequest *request, uint64_t deadline_ms);
/* Failures that say nothing about the request: ask again. */
bool core_call_may_repeat(enum hv_code code);

/* hypervisor.c */
void core_hypervisor_find(struct agent_core *core);
void core_hypervisor_step(struct agent_core *core);
void core_hypervisor_exited(struct agent_core *core, const struct agent_exit *end);
void core_hypervisor_check(struct agent_core *core); /* ends all runs if it is no more */
bool core_hypervisor_is_up(const struct agent_core *core);
/* Number of the first stat that is surely asked from now on. */
uint64_t core_hypervisor_next_stat(const struct agent_core *core);
/* A stat. */
void core_hypervisor_answered(struct agent_core *core, const struct core_call *call,
			      enum hv_code code, Tarn__HvReply *take_reply);
/* Asks for the next stat when it is time. */
void core_hypervisor_poll(struct agent_core *core);

/* mirror.c: a new stat */
void core_mirror_observe(struct agent_core *core, struct core_lpar *lpar);
void core_mirror_lost(struct agent_core *core, const char *vios);

/* observe.c: a new stat */
void core_observe(struct agent_core *core);

/* pool.c */
void core_reserve_step(struct agent_core *core);
void core_reserve_answered(struct agent_core *core, enum hv_code code, const char *text);
void core_pool_step(struct agent_core *core);
void core_pool_answered(struct agent_core *core, uint64_t generation, enum hv_code code,
			const char *text);
void core_pool_status(const struct agent_core *core, struct core_status *ret);

/* vios.c */
struct core_vios *core_vios_get(struct agent_core *core, const char *name, bool may_add);
void core_vios_find(struct agent_core *core, struct core_vios *vios);
void core_vios_step(struct agent_core *core);
void core_vios_exited(struct agent_core *core, const char *name,
		      const struct agent_exit *end);
void core_vios_expect_answered(struct agent_core *core, enum hv_code code,
			       const char *text);
/* Ends the VIOS of a lost hypervisor; true when none is left. */
bool core_vios_clean(struct agent_core *core);
const Tarn__ViosStat *core_vios_stat(const struct agent_core *core, const char *name);
bool core_vios_is_healthy(const Tarn__ViosStat *stat); /* serves, or could */
unsigned core_vios_healthy(const struct agent_core *core);
/* What a report says; `hv` may be NULL. `ret->reason` points into vios. */
void core_vios_report(const struct agent_core *core, const struct core_vios *vios,
		      const Tarn__ViosStat *hv, Tarn__ViosStat *ret);

/* exporter.c */
void core_exporter_find(struct agent_core *core);
void core_exporter_step(struct agent_core *core);
void core_exporter_exited(struct agent_core *core, const struct agent_exit *end);
/* Or that it has none: it hangs. False: that was no question of ours. */
bool core_exporter_answered(struct agent_core *core, uint32_t tag, enum hv_code code);
/* What a report says, lent; false: nothing. */
bool core_exporter_report(const struct agent_core *core, Tarn__ExporterStat *ret);

/* device.c */
struct core_device *core_device_get(struct agent_core *core, const char *name,
				    bool may_add);
void core_device_step(struct agent_core *core);
void core_device_tool_done(struct agent_core *core, const struct core_tool *tool,
			   const struct agent_tool_result *result);
void core_device_status(const struct agent_core *core, const struct core_device *device,
			struct core_status *ret);

/* lpar.c, lpar_start.c */
struct core_lpar *core_lpar_get(struct agent_core *core, const char *name, bool may_add);
void core_lpar_find(struct agent_core *core, struct core_lpar *lpar);
void core_lpar_step(struct agent_core *core);
void core_lpar_start(struct agent_core *core, struct core_lpar *lpar);
void core_lpar_exited(struct agent_core *core, const char *name,
		      const struct agent_exit *end);
void core_lpar_answered(struct agent_core *core, const struct core_call *call,
			enum hv_code code, const Tarn__HvReply *reply, const char *text);
/* The run is over and will never be started again. */
void core_lpar_end(struct agent_core *core, struct core_lpar *lpar, uint64_t run_id,
		   enum hv_code code, const char *text);
/* The hypervisor is gone: kills all, ends all runs; returns how many ran. */
unsigned core_lpar_lose(struct agent_core *core);
bool core_lpar_clean(struct agent_core *core); /* no partition's process is left */
bool core_lpar_is_attached(const struct core_lpar *lpar);
/* The run that should be running now, 0 = none. */
uint64_t core_lpar_wanted(const struct core_lpar *lpar);
void core_lpar_status(const struct core_lpar *lpar, struct core_status *ret);

HV_MUST_USE
bool core_lpar_ask(struct agent_core *core, struct core_lpar *lpar,
		   const struct core_call *what, const Tarn__HvRequest *request);

/* resize.c: of partitions that run */
void core_resize_step(struct agent_core *core, struct core_lpar *lpar);
void core_resize_answered(struct agent_core *core, struct core_lpar *lpar,
			  uint64_t generation, enum hv_code code, const char *text);
/* Of the one that is desired. */
void core_resize_status(const struct agent_core *core, const struct core_lpar *lpar,
			struct core_status *ret);

/* entitle.c: of one that runs */
void core_backing_step(struct agent_core *core, struct core_lpar *lpar);
void core_backing_answered(struct agent_core *core, struct core_lpar *lpar,
			   enum hv_code code, const char *text);
void core_backing_status(const struct core_lpar *lpar, struct core_status *ret);
/* Its devices as they are wanted. All is lent: it is only encoded. */
void core_lpar_put_device(struct agent_core *core, const struct core_lpar *lpar,
			  Tarn__HvDevice *device, Tarn__HvMirror *mirror);
void core_primary_step(struct agent_core *core, struct core_lpar *lpar);
void core_entitle_step(struct agent_core *core, struct core_lpar *lpar);
void core_entitle_answered(struct agent_core *core, struct core_lpar *lpar,
			   enum hv_code code, const char *text);

/* processor.c: of partitions that run */
void core_processor_step(struct agent_core *core);
/* Its process is new, or is found: into its group at once. */
void core_processor_begin(struct agent_core *core, struct core_lpar *lpar);
/* What only the agent knows, into a stat. */
void core_processor_put(const struct core_lpar *lpar, Tarn__PartitionStat *stat);

/* trace.c */
void core_trace_want(struct agent_core *core, const char *name); /* "": nobody's */
/* Into a stat that goes out; `room` lives as long as that. */
void core_trace_put(const struct agent_core *core, Tarn__PartitionStat *stat,
		    struct core_trace_room *room);

/* op.c */
struct core_op *core_op_get(struct agent_core *core, uint64_t id, bool may_add);
void core_op_step(struct agent_core *core);
bool core_op_begin(struct agent_core *core, struct core_op *op);
void core_op_finish(struct agent_core *core, struct core_op *op, enum hv_code code,
		    const char *text);
const char *core_op_target(const struct core_op *op); /* "": none */
/* op_vios.c */
void core_op_vios_kill(struct agent_core *core, struct core_op *op);
void core_op_agent_kill(struct agent_core *core, struct core_op *op);
void core_op_vios_stop(struct agent_core *core, struct core_op *op);
/* It is not wanted any more: who was stopped for it goes on. */
void core_op_undo(struct agent_core *core, const struct core_op *op);
void core_op_undo_old(struct agent_core *core); /* of an agent before us, at the start */
/* inject.c */
void core_op_inject(struct agent_core *core, struct core_op *op);
void core_show(struct agent_core *core); /* show.c */
void core_op_command_done(struct agent_core *core, struct core_lpar *lpar,
			  enum core_command_kind kind, enum hv_code code,
			  const char *text);
/* A new stat of that partition: is its verification over? */
void core_op_observe(struct agent_core *core, struct core_lpar *lpar);
void core_op_failed_back(struct agent_core *core, uint64_t id, enum hv_code code,
			 const char *text);
void core_op_audited(struct agent_core *core, uint64_t id, enum hv_code code,
		     const Tarn__HostStat *stat, const char *text);

/* report.c */
void core_identity_put(const struct agent_core *core, Tarn__HostIdentity *ret);
HV_MUST_USE
enum hv_code core_report_send(struct agent_core *core, uint32_t tag);
/* Changes whenever the status of an object does. */
uint64_t core_report_hash(const struct agent_core *core);

/* dialog.c */
void core_dialog_step(struct agent_core *core);

#endif
