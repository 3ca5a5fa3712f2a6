/*
 * hypervisor_priv - what the modules of this directory share. All of it belongs to
 * the loop thread; fault threads see only struct memory and rounds.
 *
 *   control    requests of the agent             -> pool_control, partition, director
 *   attach     sockets of partitions             -> partition
 *   session    sockets of VIOS incarnations      -> director, device
 *   director   VIOS that end: failover, hangs, planned; the log of it
 *   pair       which VIOS each partition asks
 *   device     the paging devices of a partition on both paths; drain proof (P9)
 *   change     others in a run, one path after the other
 *   own        what a partition gives up of its share, and takes back
 *   partition  life of a partition, from define to removed
 *   resize     memory of a running partition grows and shrinks
 *   manage     the AMS manager: targets of partitions, by what they use
 *   watch      what partitions do to themselves (P7, P12)
 *   held       who keeps us in the file of its memory (H10)
 *   tiers      memory of the pool for compressed pages
 *   stat       answers of stat and audit
 */
#ifndef HVCORE_HYPERVISOR_HYPERVISOR_PRIV_H
#define HVCORE_HYPERVISOR_HYPERVISOR_PRIV_H

#include "hvcore/hypervisor/device.h"
#include "hvcore/hypervisor/fault.h"
#include "hvcore/hypervisor/hcalls.h"
#include "hvcore/hypervisor/hypervisor.h"
#include "hvcore/hypervisor/io.h"
#include "hvcore/hypervisor/memory.h"
#include "hvcore/hypervisor/sampler.h"
#include "hvcore/loop/rpc.h"
#include "hvcore/mem/lmb.h"
#include "hvcore/mem/pool.h"
#include "hvcore/pager/manager.h"
#include "hvcore/vasi/window.h"
#include "hvcore/wire/attach.h"
#include "hvcore/wire/messages.h"
#include "hvcore/wire/session.h"

#define SHARED_MAX 128 /* SPEC S5, a platform limit */
#define FAST_MS 5      /* poll for what raises no event: locks, requests out */

/* ---- partitions ---- */

enum partition_phase {
	PHASE_OPENING, /* waits for its device */
	PHASE_DEFINED, /* nobody attached */
	PHASE_MAPPING, /* HELLO came, REGION is awaited */
	PHASE_ADDING,  /* REGION came, its fault thread takes it over */
	PHASE_RUNNING,
	PHASE_DYING,   /* process gone or killed; its pages are being given back */
	PHASE_CLOSING, /* its device and its disks are being closed */
	PHASE_ENDED,
	PHASE_COUNT
};

/*
 * The last order to change a running partition's memory.
 *
 *   asked --grow--> F: the pages are there --> RESIZE sent, over
 *   asked --shrink--> RESIZE sent --RESIZED--> F: the top block is emptied --> ...
 */
struct resize {
	uint64_t generation; /* 0 = none yet */
	uint64_t target_bytes;
	uint64_t given_bytes;  /* shrink: what it keeps, by its last word */
	uint64_t step_bytes;   /* what the step under way leads to */
	uint64_t intact_bytes; /* of what it has: the rest is zeros */
	uint64_t deadline_ms;  /* 0 = none */
	uint32_t tag;          /* of the last RESIZE sent */
	bool is_running;
	struct hv_err err; /* how it ended; code OK: all of it was done */
	struct fault_round round;
	enum hv_code code; /* of the visit */
	bool is_step_done;
	bool is_used; /* by a device: it was refused for that */
	/* dedicated: a worker sizes its file, which its partition may hold (H10) */
	struct hv_work work;
	struct hv_job job;
	struct hv_err size_err;
	bool is_sizing;
};

/* What the manager knows of a partition, and its look at its memory. */
struct managed {
	struct hv_manager_member member;
	struct sampler_look look;
	int process; /* /proc/PID; -1 = none, or not to be looked at */
	bool is_looked_at, has_begun;
	uint64_t began_ms, due_ms;
	uint64_t arrivals; /* when the look under way began */
	uint64_t told;     /* target in the last decision that was kept */
};

/*
 * By H_SET_MPP. Each of the two only where it is less than what was given: else it has
 * given up nothing, and has what the administrator gives it from now on.
 */
struct own {
	bool has_weight, has_pages;
	uint32_t weight;
	uint64_t pages;
	uint32_t number; /* of the order that said so */
};

/* An order of weight and entitlement; `exchange` waits while the errand is out. */
struct share {
	struct fault_round round;
	struct hv_exchange *exchange;
	uint64_t pages;
	uint32_t weight;
	uint64_t mapped_pages; /* F's finding */
};

struct held { /* by whoever is in the file of its memory */
	struct hv_visits_seen memory, io;
	unsigned score;
};

struct partition {
	struct partition *next;
	struct hypervisor *hv;
	char name[HV_NAME_BYTES];
	uint64_t run_id;
	enum hv_attach_mode mode;
	enum partition_phase phase;
	uint64_t mem_bytes, max_bytes;
	uint32_t weight;
	bool sees_pool; /* it is told how large its pool is */
	uint64_t entitled_asked;
	struct own own; /* of these, what it has left itself */
	uint64_t
		entitled_pages; /* guaranteed; includes what its device is too small for */
	uint8_t token[HV_TOKEN_BYTES];
	char reason[REASON_BYTES];
	int file;
	/* dedicated: its blocks, and the tmpfs that holds it to them */
	uint64_t lmbs;
	struct hv_pool *store;
	uint32_t number;
	struct device device;
	uint64_t slots;            /* its device's; 0 = not known yet */
	struct fault_thread *home; /* serves its faults, from define on */
	struct memory memory;
	uint32_t hpt_ratio;              /* 64 is 1:64 */
	uint32_t virtual_adapters;       /* each has a window of TCEs */
	struct hcalls *hcalls;           /* NULL: it has not asked for calls */
	struct hv_calls_stat calls_stat; /* as of the last stat round */
	uint64_t map_waits;
	struct io *io;          /* NULL: no virtual disk or ethernet */
	struct io_stat io_stat; /* as of the last stat round */
	/* as of the last stat round, L's own copy */
	struct hv_space_stat stat;
	uint64_t file_pages;
	bool has_stat, has_file_pages;
	uint64_t cross_bad_told; /* of the pages that do not verify: logged */
	/* the attached process */
	int fd, pid, pidfd;
	struct hv_watch watch, pidfd_watch;
	uint64_t attached_ms; /* when it began to run; 0: not yet */
	bool has_report;
	struct hv_attach_report report;
	bool has_os;
	struct hv_attach_os os;
	bool has_io_report;
	struct hv_attach_io io_report;
	bool has_guest; /* it is a virtual machine that says so */
	struct hv_attach_guest guest;
	uint64_t loan_told_pages;
	uint64_t os_missed; /* page-ins of its own that more memory would have saved */
	uint64_t last_command_id;
	struct hv_attach_discard discard_asked; /* the one under way */
	uint64_t discard_first, discard_pages;  /* what is left; pages 0: none */
	enum hv_code discard_code;
	/* rounds on its fault thread, one at a time each */
	struct fault_round add, end, discard, block, io_round;
	bool add_open[HV_PATHS]; /* devices open when it was added */
	enum hv_code add_code;
	struct hv_err add_err;
	bool is_blocked, is_told_blocked; /* P7: as it should be, as it is */
	char block_reason[REASON_BYTES];
	bool is_drained; /* its calls are over, and no device uses a page of it */
	bool was_ended;  /* F: hv_pager_end was called */
	uint64_t punched_bytes;
	struct resize resize;
	struct share share;
	struct held held;
	struct managed managed;
	struct hv_exchange *define_exchange;
	uint64_t define_deadline_ms;
	bool is_refused; /* define failed: vanish when the device is clean */
};

/* ---- the VIOS pair ---- */

enum session_state {
	SESSION_NONE,
	SESSION_OPEN,
	SESSION_LEAVING, /* planned: its last requests are being answered */
	SESSION_ENDED,   /* epoch over; its exit is not seen yet */
	SESSION_STATE_COUNT
};

struct vios {
	struct hypervisor *hv;
	unsigned path;
	char name[HV_NAME_BYTES]; /* "" = none */
	bool is_expected, is_maintained;
	unsigned preference; /* lower first */
	enum session_state state;
	int fd, pid, pidfd;
	struct hv_watch watch, pidfd_watch;
	bool has_exited, is_window_in_use;
	struct hv_window window;
	uint64_t epoch;
	uint64_t opened_ns;
	/* hang detection: beats seen, and silence that we were awake to hear */
	uint64_t beats[1 + HV_LANES_MAX];
	uint64_t silence_ms[1 + HV_LANES_MAX];
	bool has_beaten[1 + HV_LANES_MAX];
	uint64_t beat_ns[1 + HV_LANES_MAX]; /* when it was last seen to beat */
	uint64_t last_life_ns;              /* of what its end is judged by */
	uint64_t leave_deadline_ms;
	_Atomic uint64_t leave_out; /* requests out while leaving, summed by F */
	uint64_t failover;      /* number of the one its end is counted in; 0 = none */
	bool is_leave_due;      /* planned, once the other one has all pages, too */
	_Atomic uint64_t alone; /* pages that it alone has, summed by F */
	struct fault_round open, end, leave, look;
	char reason[REASON_BYTES];
	/* toll of the epoch's end, summed by fault threads */
	_Atomic uint64_t resent_reads, canceled_steals, quarantined_slots;
	/* Partitions went back to it then; 0: they did not. And by which power of two
	 * the next time is put off, as it ended soon after (pair.c). */
	uint64_t went_back_ms;
	unsigned put_off;
};

struct failover {
	uint64_t number;
	const char *kind; /* "planned" "exit" "hang" "error"; "failback": no loss */
	char from[HV_NAME_BYTES], to[HV_NAME_BYTES];
	uint64_t to_epoch; /* 0 = nobody yet */
	uint64_t wall_ms, detected_ns;
	uint64_t detected_us, decided_us, switched_us, first_page_us;
	uint64_t resent_reads, canceled_steals, quarantined_slots;
	unsigned moved; /* partitions, from it to the other */
	bool is_being_told;
};

struct director {
	struct vios vios[HV_PATHS];
	int preferred; /* path of those who were given no primary; -1 = none */
	bool fails_back;
	uint64_t failback_ms; /* a primary is healthy when it has been ready so long */
	uint64_t next_epoch;
	/* who asks whom has changed; written by L between rounds: who is leaving */
	bool is_told_due;
	uint64_t leaving_epoch[HV_PATHS];
	struct fault_round told;
	uint64_t last_tick_ms;
	uint64_t last_hang_ms;
	struct failover log[HV_FAILOVERS_MAX];
	uint64_t failovers; /* ever; log[(number - 1) % HV_FAILOVERS_MAX] */
};

/* ---- the pool ---- */

struct pool_control {
	struct hv_pool *pool; /* NULL = none */
	uint64_t max_bytes;
	uint64_t target_bytes; /* of a shrink under way; 0 = none */
	uint64_t deadline_ms;
	struct hv_exchange *exchange;
	struct fault_round nudge;
};

/* ---- the AMS manager ---- */

struct decision { /* a target that moved */
	char name[HV_NAME_BYTES];
	uint64_t wall_ms, from, to;
	enum hv_manager_reason reason;
};

struct manage {
	struct sampler *sampler;
	unsigned beat_ms, window_ms; /* beat 0: by weight alone */
	uint64_t due_ms;             /* the next beat */
	struct fault_round round;    /* tells targets, brings what was used */
	bool is_due;                 /* targets changed while a round was out */
	uint64_t beat_at_ms, pressed_until_ms;
	uint64_t demand; /* at the last beat */
	uint64_t looks, look_cpu_ns;
	struct decision log[HV_DECISIONS_MAX];
	uint64_t decisions; /* ever; log[(number - 1) % HV_DECISIONS_MAX] */
};

/* ---- all of it ---- */

struct greeting { /* a connection that has not said HELLO */
	struct hypervisor *hv;
	int fd;
	struct hv_watch watch;
	uint64_t deadline_ms;
	bool is_vios;
};
#define GREETINGS_MAX 64 /* arbitrary; more are hung up on at once */

struct tiers;
struct stat_request;
struct fault_check { /* one fault thread's part of a stat round */
	uint64_t frames;
	struct hv_pager_stat pager;
	enum hv_code code;
	struct hv_err err;
};

struct hypervisor {
	struct hv_loop *loop;
	char state_dir[HV_LOCAL_PATH_BYTES];
	unsigned hang_ms, tick_ms;
	bool is_home_near;   /* hypervisor_config */
	bool is_steering;    /* the same */
	cpu_set_t cpus;      /* that we may run on */
	unsigned tier_share; /* the same */
	struct tiers *tiers; /* NULL: no pool, or no share */
	struct tiers *closing_tiers;
	uint64_t incarnation;
	struct hv_lmb_map *lmbs;
	struct fault_team *team;
	struct hv_server *server;
	int attach_listener, vasi_listener;
	struct hv_watch attach_watch, vasi_watch;
	struct greeting greetings[GREETINGS_MAX];
	struct partition *partitions;
	struct partition *by_handle[HV_DEVICES_MAX];
	uint32_t next_number;
	struct pool_control pool;
	struct director director;
	struct hv_timer tick; /* heartbeats */
	struct hv_timer fast; /* only while something must be polled */
	struct hv_timer second;
	unsigned ticks;
	bool is_fast, is_ending;
	struct fault_round stat_round;
	struct stat_request *stat_now, *stat_next; /* answered by this round, the next */
	bool stat_is_audit;
	int64_t stat_frames_free; /* read while all threads stood still */
	struct fault_check stat_checks[HV_LANES_MAX];
	struct fault_round sweep_round;
	struct manage manage;
	struct hv_workers workers; /* for what may block: files of our own, closing */
	struct hv_workers openers; /* for files that were named, which may hang */
	bool has_workers, has_openers;
	struct hv_io_engine *engine; /* NULL: there is none, and why */
	struct hv_err engine_err;
};

/* hypervisor.c */
void hypervisor_poll_soon(struct hypervisor *hv); /* run the fast timer */
uint64_t hypervisor_overhead_bytes(const struct hypervisor *hv);

/* control.c */
HV_MUST_USE
enum hv_code control_open(struct hypervisor *hv, struct hv_err *err);
void control_close(struct hypervisor *hv);
/* Ends the exchange; `err` may be NULL when the code is OK. NULL exchange is fine. */
void control_answer(struct hv_exchange *exchange, enum hv_code code,
		    const struct hv_err *err);
void control_answer_token(struct hv_exchange *exchange, const uint8_t *token);
void control_answer_stat(struct hv_exchange *exchange, Tarn__HostStat *stat);

/* greet.c */
HV_MUST_USE
enum hv_code greet_open(struct hypervisor *hv, struct hv_err *err);
void greet_close(struct hypervisor *hv);
void greet_poll(struct hypervisor *hv); /* hangs up on who says nothing */

/* attach.c */
/* Takes over the connection, or refuses and closes it. */
void attach_hello(struct hypervisor *hv, int fd, const struct hv_local_packet *packet);
void attach_hang_up(struct partition *partition);
void attach_refuse(int fd, uint32_t tag, enum hv_code code, const char *text);
void attach_go(struct partition *partition);
void attach_discarded(struct partition *partition);
/* To a guest, where it is another one by more than LOAN_SHARE of its memory. */
void attach_loan(struct partition *partition, uint64_t pages);
HV_MUST_USE
enum hv_code attach_control(struct partition *partition, uint32_t command,
			    uint64_t command_id, struct hv_err *err);
HV_MUST_USE
enum hv_code attach_resize(struct partition *partition, uint32_t tag, uint64_t bytes,
			   uint64_t has_bytes, struct hv_err *err);

/* home.c: which fault thread serves a partition */
struct fault_thread *home_find(const struct hypervisor *hv);
/* Its devices are open, and it has not begun: where they interrupt, if that is better. */
void home_settle(struct partition *partition);

/* partition.c: define and remove */
struct partition *partition_find(struct hypervisor *hv, const char *name);
void partition_define(struct hypervisor *hv, const Tarn__HvPartitionDefine *ask,
		      struct hv_exchange *exchange);
HV_MUST_USE
enum hv_code partition_remove(struct hypervisor *hv, const char *name, uint64_t run_id,
			      struct hv_err *err);
/* Something about its device changed: go on with what waits for it. */
void partition_device_changed(struct partition *partition);
uint64_t partition_entitled_pages(const struct hypervisor *hv);
/* Frames that may be guaranteed: those of the pool, less its reserve. */
uint64_t partition_frames(const struct hypervisor *hv);
/* Its tables and the memory for its calls, before it has a region (MAPPING). */
HV_MUST_USE
enum hv_code partition_make_hcalls(struct partition *partition, struct hv_err *err);
/* adapters.c: its disks and ethernets, if it has any; their files are being opened. */
HV_MUST_USE
enum hv_code partition_make_io(struct partition *partition,
			       const Tarn__HvPartitionDefine *ask, struct hv_err *err);
/* All is open, or there is none. false: not yet, or *ret_why says why not. */
bool partition_has_io(const struct partition *partition, bool is_late,
		      struct hv_err *ret_why);
/* What is guaranteed to it with `bytes` of memory, in pages. */
uint64_t partition_entitlement(const struct partition *partition, uint64_t bytes);
/* Entitles it to that, if the pool has it; or nothing changes. */
HV_MUST_USE
enum hv_code partition_entitle(struct partition *partition, uint64_t bytes,
			       struct hv_err *err);
/* Dedicated: unmounts what its memory was in; its file is closed before. */
void partition_store_close(struct partition *partition);
/* Of what it was given, what it has left itself: pages for I/O, and weight. */
uint64_t partition_io_pages(const struct partition *partition);
uint32_t partition_weight(const struct partition *partition);
/* What was given is another: what it left itself may be no less than that now. */
void partition_own_trim(struct partition *partition);
uint64_t partition_io_min_bytes(const struct partition *partition);
/* What the pool could guarantee it in all. */
uint64_t partition_pool_room(const struct partition *partition);
/* own.c, for its calls: decides on an H_SET_MPP. */
void own_decide(struct mpp_order *order);
/* Unlinks and frees; nothing of it may be out. */
void partition_free(struct partition *partition);

/* life.c: from attached to ended */
bool life_is_attached(const struct partition *partition);
/* Its REGION and userfaultfd are checked: give it to its fault thread. */
void life_attach(struct partition *partition);
/* SIGKILL, with the reason kept. */
void life_kill(struct partition *partition, const char *reason);
/* The process is gone (or there was none): everything goes back. */
void life_end(struct partition *partition, const char *reason);
void life_poll(struct hypervisor *hv);
bool life_has_work(const struct hypervisor *hv);
/* P7: stealing from it stops, or goes on. Told again until it is so. */
void life_block(struct partition *partition, bool is_blocked);
void life_discard(struct partition *partition, uint64_t first, uint64_t pages);
/* P1: kills every attached process and waits until its memory is out of use. */
void life_kill_all(struct hypervisor *hv);
void life_free_all(struct hypervisor *hv); /* fault threads are stopped */

/* manage.c */
HV_MUST_USE
enum hv_code manage_open(struct hypervisor *hv, const struct hypervisor_config *config,
			 struct hv_err *err);
void manage_tick(struct hypervisor *hv); /* every tick_ms */
void manage_stop(struct hypervisor *hv); /* what is out is posted; run the loop */
void manage_close(struct hypervisor *hv);
/* Before its fault thread has it: what its calls are told at first. */
void manage_prepare(struct partition *partition);
/* It runs; it has ended. */
void manage_attached(struct partition *partition);
void manage_ended(struct partition *partition);
/* Something of it is lent: it cannot go yet. */
bool manage_is_out(const struct partition *partition);
/* Shares changed: tells every fault thread the targets of its spaces. */
void manage_targets(struct hypervisor *hv);

/* resize.c */
HV_MUST_USE
enum hv_code resize_ask(struct hypervisor *hv, const Tarn__HvPartitionResize *ask,
			struct hv_err *err);
void resize_given(struct partition *partition, const struct hv_attach_resized *packet);
void resize_poll(struct hypervisor *hv);   /* what said AGAIN */
void resize_second(struct hypervisor *hv); /* deadlines */
/* The partition is ending: what was not given never will be. */
void resize_end(struct partition *partition);

/* share.c: weight and entitlement of one that is there */
void share_ask(struct hypervisor *hv, const Tarn__HvPartitionShare *ask,
	       struct hv_exchange *exchange);
uint64_t share_pages(uint64_t entitled_bytes); /* 0: the minimum */
/* Pages for I/O, while less of them is being arranged. */
uint64_t share_bound(const struct partition *partition, uint64_t pages);

/* session.c */
void session_hello(struct hypervisor *hv, int fd, const struct hv_local_packet *packet);
void session_close(struct vios *vios); /* the socket; the rest is the director's */
HV_MUST_USE
enum hv_code session_send(struct vios *vios, const void *packet, size_t bytes,
			  struct hv_err *err);

/* pool_control.c */
void pool_set(struct hypervisor *hv, uint64_t mem_bytes, uint64_t max_bytes,
	      struct hv_exchange *exchange);
HV_MUST_USE
enum hv_code pool_remove(struct hypervisor *hv, struct hv_err *err);
void pool_poll(struct hypervisor *hv);
void pool_close(struct hypervisor *hv);
/* P15: would `more` bytes, beside everything promised, fit the machine? */
HV_MUST_USE
enum hv_code reserve_set(struct hypervisor *hv, uint64_t lmbs, struct hv_err *err);
HV_MUST_USE
enum hv_code pool_machine_check(const struct hypervisor *hv, uint64_t more,
				struct hv_err *err);

/* tiers.c: the pool has been made; is about to go */
HV_MUST_USE
enum hv_code tiers_open(struct hypervisor *hv, struct hv_err *err);
void tiers_close(struct hypervisor *hv);
void tiers_free_all(struct hypervisor *hv); /* there are no fault threads any more */
void tiers_limit(struct hypervisor *hv);    /* the pool or what it guarantees changed */
uint64_t tiers_bytes(const struct hypervisor *hv); /* their tables */

/* watch.c */
void watch_second(struct hypervisor *hv); /* once a second */
/* P7: the whole region is a mapping of the pool file, and the only one. */
HV_MUST_USE
enum hv_code watch_check_region(const struct partition *partition, struct hv_err *err);

/* held.c */
#define HELD_LOOK_MS 100
void held_look(struct hypervisor *hv); /* every HELD_LOOK_MS */

/* What a stat request asks for. */
struct stat_wish {
	bool has_histograms, is_audit;
	char trace[HV_NAME_BYTES]; /* partition; "" = none */
};
/* stat.c */
void stat_ask(struct hypervisor *hv, struct hv_exchange *exchange,
	      const Tarn__HvStatGet *get);
/* For ourselves: `then` runs on L when every memory's stat is fresh. */
void stat_then(struct hypervisor *hv, void (*then)(struct hypervisor *hv, void *arg),
	       void *arg);
void stat_close(struct hypervisor *hv);
/* hist.c's buckets and the partition's report, as messages: stat_build.c */
HV_MUST_USE
enum hv_code stat_build(struct hypervisor *hv, const struct stat_wish *wish,
			Tarn__HostStat **ret_stat, struct hv_err *err);
void stat_free(Tarn__HostStat *stat);

#endif
