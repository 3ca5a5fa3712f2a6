/*
 * sim - a whole cluster in one thread and virtual time: the real coordinator over a
 * journal in memory, the real core of four agents on model hosts, and clients that
 * order things and repeat what is not answered, over a network that loses, delays,
 * doubles, reorders and cuts.
 *
 *   clients ──┐          ┌── agent core ── agent_world (processes, hypervisor, disk)
 *             ├─ network ┤   agent core ── ...
 *   engine ───┘          └── ...
 *     └ memory_journal ── sim_check: a second state, made of the log alone
 *
 * Everything random comes from one seed, so a failure happens again.
 *
 * What must hold (sim_check.c), after every batch of the coordinator and every
 * happening of a host:
 *   S1  what was acknowledged is in the log, also after any crash
 *   S2  an order is carried out at most once, and never if it was refused
 *   S3  a partition runs on one host, and each run begins once, as it was ordered
 *   S4  a paging device is used by one partition, and owned by one LPAR
 *   S5  no order takes the second VIOS of a pair from those who need it, unless it
 *       was forced
 *   S6  a run is only given by an order of a client: nothing is restarted silently
 *   S7  who was told of a revision never reads an older state
 *   S8  an event is kept once, in its agent's order, and numbers have no gap
 * and when all trouble is over, within a bounded time:
 *   S9  every host is what the coordinator wants, and every job has ended
 *
 * Threads: one.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "tests/support/agent_world.h"
#include "tests/support/coordinator.h"

#define SIM_HOSTS 4   /* on the last one orders may be forced */
#define SIM_CLIENTS 3 /* each with LPARs of its own, and one that shares names */
#define SIM_PEERS (SIM_HOSTS + SIM_CLIENTS)
#define SIM_NAMES 4 /* LPARs of a client; devices of a host */
#define SIM_FLIGHT_MAX 1024
#define SIM_ORDERS_MAX 8192
#define SIM_RUNS_MAX 4096

/* Faults of the program under test that the rules must notice. */
enum sim_mutant {
	SIM_SOUND,
	SIM_ACKS_WITHOUT_COMMIT, /* a failed commit is answered as a good one */
	SIM_IGNORES_KEYS,        /* a repeated order is a new one */
	SIM_FORGETS_RUNS,        /* agents do not keep which runs are over */
	SIM_MIXES_HOSTS_UP,      /* a host gets what another one should be */
	SIM_MUTANT_COUNT
};

enum sim_parcel_kind { SIM_REQUEST, SIM_ANSWER, SIM_FAILURE };

struct sim_parcel {     /* on its way */
	uint64_t at_ms; /* 0 = free */
	uint64_t order;
	enum sim_parcel_kind kind;
	uint64_t call;
	enum hv_code code; /* SIM_FAILURE */
	uint8_t *bytes;
	size_t count;
};

struct sim_call {    /* a peer waits for an answer */
	uint64_t id; /* 0 = free */
	unsigned peer;
	uint64_t incarnation;
	uint32_t tag;
};

struct sim_ticket {                /* a request in the coordinator */
	struct test_answer answer; /* first */
	struct sim_ticket *next;
	uint64_t call;
};

enum sim_model { SIM_UNKNOWN, SIM_THERE, SIM_ABSENT };

struct sim_order { /* a change, from its first sending on */
	uint8_t key[JOURNAL_KEY_BYTES];
	Tarn__ClusterRequest__KindCase kind;
	Tarn__ViosVerb verb;
	bool is_forced;
	bool is_acknowledged;
	enum hv_code code;
	uint64_t revision, job;
	uint64_t done_revision; /* of the log record with its key; 0 = none */
};

struct sim_client {
	unsigned number;
	uint64_t next_ms; /* acts then, unless it waits */
	uint64_t call;    /* 0 = waits for nothing */
	uint8_t *bytes;   /* of the request, for repeats; NULL: idle */
	size_t count;
	unsigned script;          /* steps of it that are done */
	unsigned tries;           /* at those that may be given up */
	size_t order;             /* index; SIZE_MAX: a read */
	uint64_t revision;        /* highest that it was told of */
	char name[HV_NAME_BYTES]; /* that the order is about, where it is its own */
	enum sim_model model[SIM_NAMES]; /* of its LPARs */
};

struct sim_run {
	char name[HV_NAME_BYTES];
	char host[HV_NAME_BYTES];
	uint64_t run_id;
	bool is_begun;
};

struct sim_counts { /* rare things that must have happened, or the test shows little */
	uint64_t orders, repeats, refusals, crashes, lost_answers, failed_commits;
	uint64_t agent_deaths, deaths, runs, forced, drills, verdicts, ghosts,
		pair_refusals;
	uint64_t mirrored; /* runs with two devices */
	uint64_t remote;   /* ... of which one lies on another host */
};

struct sim {
	struct hv_rng rng;
	uint64_t now_ms;
	enum sim_mutant mutant;
	struct test_coordinator coordinator;
	bool is_up;        /* the coordinator is */
	uint64_t start_ms; /* when it comes back, if not */
	uint64_t tick_ms;
	enum hv_code (*commit)(struct journal *, const struct journal_batch *,
			       struct hv_err *);
	struct agent_world *worlds[SIM_HOSTS];
	uint64_t agent_start_ms[SIM_HOSTS]; /* when a dead agent comes back */
	struct sim_client clients[SIM_CLIENTS];
	bool is_calm;

	/* the network */
	unsigned loss_percent;
	uint64_t cut_up_ms[SIM_PEERS];   /* until then nothing gets to the coordinator */
	uint64_t cut_down_ms[SIM_PEERS]; /* ... from it */
	struct sim_call calls[SIM_FLIGHT_MAX];
	struct sim_parcel parcels[SIM_FLIGHT_MAX];
	struct sim_ticket *tickets;
	uint64_t next_call, next_order;

	/* the rules */
	struct sim_order orders[SIM_ORDERS_MAX];
	size_t order_count;
	struct cluster shadow; /* what follows from the log alone */
	size_t log_seen;
	uint64_t last_event, last_source[SIM_HOSTS];
	struct sim_run runs[SIM_RUNS_MAX];
	size_t run_count;
	size_t attached_seen[SIM_HOSTS];
	struct sim_counts counts;
};

_Noreturn void sim_fail(const struct sim *sim, const char *rule, const char *about);
uint64_t sim_below(struct sim *sim, uint64_t n);
bool sim_chance(struct sim *sim, unsigned percent);
const char *sim_host_name(unsigned host);

/* sim.c */
void sim_open(struct sim *sim, uint64_t seed, enum sim_mutant mutant);
void sim_close(struct sim *sim);
void sim_run(struct sim *sim, uint64_t ms);
/* The coordinator, killed and started `away_ms` later. */
void sim_crash(struct sim *sim, uint64_t away_ms);
void sim_submit(struct sim *sim, uint64_t call, const uint8_t *bytes, size_t count);

/* sim_net.c */
void sim_net_open(struct sim *sim);
void sim_net_close(struct sim *sim);
uint64_t sim_net_send(struct sim *sim, const struct sim_call *call, const uint8_t *bytes,
		      size_t count, uint64_t deadline_ms);
void sim_net_answer(struct sim *sim, uint64_t call, const uint8_t *bytes, size_t count);
void sim_net_reset(struct sim *sim, uint64_t call); /* the connection is gone */
uint64_t sim_net_next_ms(const struct sim *sim);
void sim_net_step(struct sim *sim); /* delivers what is due */

/* sim_client.c */
void sim_clients_open(struct sim *sim);
void sim_clients_close(struct sim *sim);
void sim_client_act(struct sim *sim, struct sim_client *client);
void sim_client_answered(struct sim *sim, struct sim_client *client, enum hv_code code,
			 const uint8_t *bytes, size_t count);
bool sim_clients_are_idle(const struct sim *sim);

/* sim_check.c */
void sim_check_log(struct sim *sim);                /* S1-S6, S8, after each batch */
void sim_check_hosts(struct sim *sim);              /* S3, S4, after each happening */
void sim_check_answers(struct sim *sim);            /* S1, S2, of all orders */
bool sim_is_settled(struct sim *sim, bool is_loud); /* S9 */

/* Adds what happened. */
void sim_count(const struct sim *sim, struct sim_counts *total);

/* sim_trouble.c */
/* One life of a cluster: trouble, then peace; ends by sim_fail() where a rule broke. */
void sim_play(uint64_t seed, enum sim_mutant mutant, struct sim_counts *total);

#endif
