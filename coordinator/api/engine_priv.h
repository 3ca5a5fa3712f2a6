/* engine_priv - what the files of api/ share. */
#ifndef COORDINATOR_API_ENGINE_PRIV_H
#define COORDINATOR_API_ENGINE_PRIV_H

#include "coordinator/api/console.h"
#include "coordinator/api/engine.h"
#include "coordinator/cluster/plan.h"

enum shape { SHAPE_CLUSTER, SHAPE_POLL, SHAPE_REPORT, SHAPE_CONSOLE }; /* of the answer */

/* One request, from submit to its answer. */
struct request {
	struct request *next;
	void *ticket;
	enum shape shape;
	char name[HV_NAME_BYTES];      /* host whose report it was; "": refused */
	Tarn__ClusterRequest *cluster; /* one of the two */
	Tarn__HostRequest *host;
	uint8_t *reply; /* packed; NULL in a handled one: there was no memory for it */
	size_t reply_count;
	uint64_t deadline_ms; /* while it waits */
	bool is_handled;      /* has its answer, which is sent after the commit */
	bool is_final;        /* ... whatever the commit says */
};

struct queue {
	struct request *first;
	struct request **last;
};

struct engine {
	struct engine_env *env;
	struct journal *journal;
	struct cluster cluster;
	struct console_table consoles;
	struct queue pending;
	struct queue waiting;
	size_t waiting_count;
	/* of the batch that is open */
	struct journal_log *logs;
	size_t log_count;
	struct journal_reply *replies;
	size_t reply_count;
	struct journal_sample *samples;
	size_t sample_count;
	uint64_t sampled_ms; /* wall clock: up to when samples were taken */
	uint64_t stepped_ms; /* when jobs were last stepped for all hosts */
	uint64_t ended_for;  /* a drill, or tried to; 0: none */
};

void queue_init(struct queue *queue);
void queue_put(struct queue *queue, struct request *request);
struct request *queue_take(struct queue *queue); /* NULL when empty */
void request_free(struct request *request);

/* Whether `newer` shows that its sender has given `older`, which waits, up. */
bool request_is_superseded(const struct request *older, const struct request *newer);

/* Tells an agent's request from a client's, and decodes it. */
HV_MUST_USE
enum hv_code request_decode(struct request *request, const uint8_t *bytes, size_t count,
			    struct hv_err *err);
/* An error that needs no memory. */
void request_answer_no_memory(struct engine *engine, void *ticket, enum shape shape);

/* Finishes the draft, writes it down for the commit, applies it. Empty: nothing. */
HV_MUST_USE
enum hv_code engine_apply(struct engine *engine, struct draft *draft, struct hv_err *err);

/* Packs a reply into the request, or an error where that fails. Handles it. */
void request_reply(struct request *request, const ProtobufCMessage *reply);
void request_reply_error(struct request *request, const struct hv_err *err);

/* change.c: a mutation, planned and applied, or refused. */
void change_handle(struct engine *engine, struct request *request);

/* agent.c: polls, reports and consoles. Leaves a poll without a reply: it waits. */
const char *agent_name(const struct request *request);
void agent_handle(struct engine *engine, struct request *request);
/* Desired state newer than the agent's, or why not any more; false: keep waiting. */
bool agent_answer_poll(struct engine *engine, struct request *request);

/* sampling.c: what is due now; and what the batch has changed, before its commit. */
void sampling_tick(struct engine *engine);
void sampling_changes(struct engine *engine);

/* utilization.c: the samples that a query asks for. */
void utilization_answer(struct engine *engine, struct request *request);
/* A HostConsole has been taken; false: nothing that the agent does not know. */
bool agent_answer_console(struct engine *engine, struct request *request, bool is_last);

/* read.c: false: keep waiting. `is_last` answers in any case. */
bool read_answer(struct engine *engine, struct request *request, bool is_last);
uint64_t read_wait_ms(const Tarn__ClusterRequest *request);

#endif
