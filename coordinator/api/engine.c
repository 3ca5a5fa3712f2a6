/* engine - see engine.h. Queues, batches, waits. */
#include "coordinator/api/engine_priv.h"

#include "coordinator/jobs/jobs.h"
#include "hvcore/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MS 1000 /* jobs of hosts that do not report: deadlines */

static void finish(struct engine *engine, struct request *request)
{
	if (request->reply != NULL)
		engine->env->answer(engine->env, request->ticket, request->reply,
				    request->reply_count);
	else
		request_answer_no_memory(engine, request->ticket, request->shape);
	request_free(request);
}

enum hv_code engine_apply(struct engine *engine, struct draft *draft, struct hv_err *err)
{
	struct journal_log *logs;
	struct journal_log log = { 0 };
	enum hv_code code;

	if (draft_is_empty(draft))
		return HV_OK;
	code = draft_finish(draft, err);
	if (code != HV_OK)
		return code;
	logs = realloc(engine->logs, (engine->log_count + 1) * sizeof(*logs));
	if (logs == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to write the change down");
	engine->logs = logs;
	log.revision = draft->log->revision;
	code = hv_message_encode(&draft->log->base, &log.bytes, &log.count, err);
	if (code != HV_OK)
		return code;
	code = cluster_apply(&engine->cluster, draft->log, err);
	if (code != HV_OK) {
		free(log.bytes);
		return code;
	}
	engine->logs[engine->log_count++] = log;
	return HV_OK;
}

static void set_time(struct engine *engine)
{
	engine->cluster.now_ms = engine->env->now_ms(engine->env);
	engine->cluster.wall_ms = engine->env->wall_ms(engine->env);
}

static void end_batch(struct engine *engine)
{
	for (size_t i = 0; i < engine->log_count; i++)
		free(engine->logs[i].bytes);
	for (size_t i = 0; i < engine->reply_count; i++)
		free(engine->replies[i].bytes);
	for (size_t i = 0; i < engine->sample_count; i++)
		free(engine->samples[i].bytes);
	free(engine->samples);
	engine->samples = NULL;
	engine->sample_count = 0;
	free(engine->logs);
	free(engine->replies);
	engine->logs = NULL;
	engine->log_count = 0;
	engine->replies = NULL;
	engine->reply_count = 0;
}

static enum hv_code commit(struct engine *engine, struct hv_err *err)
{
	struct journal_batch batch;
	enum hv_code code = HV_OK;

	sampling_changes(engine);
	batch = (struct journal_batch){
		.cluster = &engine->cluster,
		.logs = engine->logs,
		.log_count = engine->log_count,
		.replies = engine->replies,
		.reply_count = engine->reply_count,
		.samples = engine->samples,
		.sample_count = engine->sample_count,
	};
	if (engine->log_count != 0 || engine->reply_count != 0 ||
	    engine->sample_count != 0)
		code = engine->journal->commit(engine->journal, &batch, err);
	if (code == HV_OK) {
		cluster_commit(&engine->cluster);
	} else {
		log_error("coordinator.commit_failed", "requests=%zu reason=\"%s\"",
			  engine->reply_count, hv_err_text(err));
		cluster_rollback(&engine->cluster);
	}
	end_batch(engine);
	return code;
}

/* What a host's report, or time, settles. Out of memory: the next step does it. */
static void step_host(struct engine *engine, const char *name)
{
	const Tarn__HostRecord *host = cluster_host(&engine->cluster, name);
	struct hv_err err = { 0 };
	struct draft draft;

	if (host == NULL)
		return;
	draft_init(&draft, &engine->cluster);
	jobs_step(&draft, host);
	if (engine_apply(engine, &draft, &err) != HV_OK)
		log_warn("coordinator.step_failed", "host=%s reason=\"%s\"", name,
			 hv_err_text(&err));
	draft_fini(&draft);
}

static void copy_name(char copy[HV_NAME_BYTES], const char *name)
{
	(void)snprintf(copy, HV_NAME_BYTES, "%s", name);
}

static void step_all(struct engine *engine)
{
	char name[HV_NAME_BYTES];

	/* A step never adds or removes a host, so positions hold. */
	for (size_t i = 0; i < cluster_count(&engine->cluster, RECORD_HOST); i++) {
		copy_name(name, cluster_host_at(&engine->cluster, i)->name);
		step_host(engine, name);
	}
	engine->stepped_ms = engine->cluster.now_ms;
}

/* Changes and reports; reads wait until the commit is over. */
static void handle(struct engine *engine, struct request *request)
{
	if (request->shape == SHAPE_CLUSTER) {
		if (hv_cluster_request_is_change(request->cluster))
			change_handle(engine, request);
		return;
	}
	agent_handle(engine, request);
	if (request->name[0] != '\0')
		step_host(engine, request->name);
}

static bool answer_later(struct engine *engine, struct request *request, bool is_last)
{
	if (request->shape == SHAPE_POLL)
		return agent_answer_poll(engine, request) || is_last;
	if (request->shape == SHAPE_CONSOLE)
		return agent_answer_console(engine, request, is_last);
	return read_answer(engine, request, is_last);
}

/* "Nothing new", in the shape that a poll has. */
static void reply_nothing(struct request *request)
{
	Tarn__HostPollReply poll = TARN__HOST_POLL_REPLY__INIT;
	Tarn__HostReply host = TARN__HOST_REPLY__INIT;

	if (request->is_handled || request->shape != SHAPE_POLL)
		return;
	host.kind_case = TARN__HOST_REPLY__KIND_POLL;
	host.poll = &poll;
	request_reply(request, &host.base);
}

/* Who asks again has given the request before up. */
static void drop_older(struct engine *engine, const struct request *newer)
{
	struct queue kept;
	struct request *request;

	if (newer->shape == SHAPE_REPORT || engine->waiting_count == 0)
		return;
	queue_init(&kept);
	while ((request = queue_take(&engine->waiting)) != NULL) {
		if (!request_is_superseded(request, newer)) {
			queue_put(&kept, request);
			continue;
		}
		engine->waiting_count--;
		(void)answer_later(engine, request, true);
		reply_nothing(request);
		finish(engine, request);
	}
	while ((request = queue_take(&kept)) != NULL)
		queue_put(&engine->waiting, request);
}

static uint64_t wait_ms_of(const struct request *request)
{
	if (request->shape == SHAPE_CLUSTER)
		return read_wait_ms(request->cluster);
	return request->shape == SHAPE_POLL ? ENGINE_POLL_MS : CONSOLE_HOLD_MS;
}

/* Answers a request that the commit did not answer, or keeps it. */
static void answer_or_wait(struct engine *engine, struct request *request)
{
	uint64_t wait_ms = wait_ms_of(request);
	bool is_last = wait_ms == 0 || engine->waiting_count >= ENGINE_WAITS_MAX;

	drop_older(engine, request);
	if (answer_later(engine, request, is_last)) {
		reply_nothing(request);
		finish(engine, request);
		return;
	}
	request->deadline_ms = engine->cluster.now_ms + wait_ms;
	queue_put(&engine->waiting, request);
	engine->waiting_count++;
}

static void check_waits(struct engine *engine)
{
	struct queue kept;
	struct request *request;

	queue_init(&kept);
	while ((request = queue_take(&engine->waiting)) != NULL) {
		bool is_last = engine->cluster.now_ms >= request->deadline_ms;

		if (!answer_later(engine, request, is_last)) {
			queue_put(&kept, request);
			continue;
		}
		engine->waiting_count--;
		reply_nothing(request);
		finish(engine, request);
	}
	while ((request = queue_take(&kept)) != NULL)
		queue_put(&engine->waiting, request);
}

static void answer_batch(struct engine *engine, struct queue *batch, enum hv_code code,
			 const struct hv_err *err)
{
	struct request *request;

	while ((request = queue_take(batch)) != NULL) {
		if (request->is_handled && !request->is_final && code != HV_OK)
			request_reply_error(request, err);
		if (request->is_handled)
			finish(engine, request);
		else
			answer_or_wait(engine, request);
	}
	check_waits(engine);
}

/*
 * A drill of the coordinator itself: what it needs to go on is on disk, those who
 * asked are answered. Once a drill, which sees that the epoch is another one.
 */
static void end_itself(struct engine *engine)
{
	const Tarn__DrillRecord *drill = jobs_drill_that_ends_us(&engine->cluster);
	struct hv_err err = { 0 };
	struct live_host *live;

	if (drill == NULL || engine->ended_for == drill->number)
		return;
	engine->ended_for = drill->number;
	live = cluster_live(&engine->cluster, drill->host);
	if (engine->env->again == NULL)
		(void)hv_fail(&err, HV_E_STATE, "nobody would start it again");
	else if (engine->env->again(engine->env, JOBS_AWAY_MS, &err) == HV_OK)
		return;
	log_warn("coordinator.not_ended", "drill=%llu reason=\"%s\"",
		 (unsigned long long)drill->number, hv_err_text(&err));
	if (live != NULL)
		live->cannot_end = drill->number;
}

void engine_flush(struct engine *engine)
{
	struct queue batch;
	struct request *request;
	struct hv_err err = { 0 };
	enum hv_code code;

	set_time(engine);
	queue_init(&batch);
	while ((request = queue_take(&engine->pending)) != NULL) {
		handle(engine, request);
		queue_put(&batch, request);
	}
	code = commit(engine, &err);
	answer_batch(engine, &batch, code, &err);
	end_itself(engine);
}

void engine_tick(struct engine *engine)
{
	struct hv_err err = { 0 };
	bool is_step;

	set_time(engine);
	is_step = engine->cluster.now_ms - engine->stepped_ms >= STEP_MS;
	if (is_step)
		step_all(engine);
	sampling_tick(engine);
	if ((is_step || engine->sample_count != 0) && commit(engine, &err) != HV_OK &&
	    is_step)
		engine->stepped_ms = 0; /* the next tick steps again */
	console_tick(&engine->consoles, &engine->cluster);
	check_waits(engine);
	end_itself(engine);
}

void engine_submit(struct engine *engine, const uint8_t *bytes, size_t count,
		   void *ticket)
{
	struct request *request = calloc(1, sizeof(*request));
	struct hv_err err = { 0 };

	if (request == NULL) {
		request_answer_no_memory(engine, ticket, SHAPE_CLUSTER);
		return;
	}
	request->ticket = ticket;
	if (request_decode(request, bytes, count, &err) != HV_OK) {
		request_reply_error(request, &err);
		finish(engine, request);
		return;
	}
	queue_put(&engine->pending, request);
	engine->env->want_flush(engine->env);
}

static enum hv_code begin_epoch(struct engine *engine, struct hv_err *err)
{
	struct draft draft;
	enum hv_code code;

	set_time(engine);
	draft_init(&draft, &engine->cluster);
	if (!draft.is_out) {
		draft.log->has_epoch = 1;
		draft.log->epoch = engine->cluster.now.epoch + 1;
	}
	draft_name(&draft, "the coordinator starts");
	draft_add_event(&draft, TARN__EVENT_LEVEL__EVENT_INFO, "", "coordinator.started",
			"the coordinator started, epoch %llu",
			(unsigned long long)engine->cluster.now.epoch + 1);
	code = engine_apply(engine, &draft, err);
	draft_fini(&draft);
	if (code == HV_OK)
		return commit(engine, err);
	end_batch(engine);
	return code;
}

enum hv_code engine_open(struct engine_env *env, struct journal *journal,
			 struct engine **ret_engine, struct hv_err *err)
{
	struct engine *engine = calloc(1, sizeof(*engine));
	enum hv_code code;

	if (engine == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the coordinator");
	engine->env = env;
	engine->journal = journal;
	queue_init(&engine->pending);
	queue_init(&engine->waiting);
	cluster_init(&engine->cluster);
	code = journal->load(journal, &engine->cluster, err);
	if (code == HV_OK)
		code = begin_epoch(engine, err);
	engine->sampled_ms = engine->cluster.wall_ms;
	if (code != HV_OK) {
		engine_close(engine);
		return code;
	}
	*ret_engine = engine;
	return HV_OK;
}

void engine_close(struct engine *engine)
{
	struct request *request;

	if (engine == NULL)
		return;
	while ((request = queue_take(&engine->pending)) != NULL)
		request_free(request);
	while ((request = queue_take(&engine->waiting)) != NULL)
		request_free(request);
	end_batch(engine);
	console_fini(&engine->consoles);
	cluster_fini(&engine->cluster);
	free(engine);
}

const struct cluster *engine_cluster(const struct engine *engine)
{
	return &engine->cluster;
}
