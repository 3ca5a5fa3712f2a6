/*
 * change - requests that change something, each once.
 *
 * A key that was seen answers with the reply that was kept, and nothing else
 * happens; refusals are kept too. Only a failed commit, or no memory, is not kept:
 * then the repeat is tried.
 */
#include "coordinator/api/engine_priv.h"

#include "coordinator/jobs/jobs.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_PROFILE "lab"

/* Absent: the lab's, where profiles are known at all. */
static enum hv_code find_profile(struct engine *engine, const Tarn__HostAdd *request,
				 struct plan *plan, struct hv_profile *profile,
				 struct hv_err *err)
{
	bool is_named = request->profile != NULL && request->profile[0] != '\0';
	enum hv_code code;

	if (engine->env->profile == NULL && !is_named)
		return HV_OK;
	if (engine->env->profile == NULL)
		return hv_fail(err, HV_E_NOTFOUND,
			       "profile '%s' is not known: this coordinator was started "
			       "without --profiles",
			       request->profile);
	code = engine->env->profile(
		engine->env, is_named ? request->profile : DEFAULT_PROFILE, profile, err);
	if (code == HV_OK)
		plan->profile = profile;
	return code;
}

static enum hv_code plan_host(struct engine *engine, struct plan *plan,
			      const Tarn__HostAdd *request, struct hv_err *err)
{
	struct hv_profile profile, machine;
	enum hv_code code = find_profile(engine, request, plan, &profile, err);

	if (code == HV_OK && request->declared && engine->env->profile != NULL) {
		code = engine->env->profile(engine->env, DEFAULT_PROFILE, &machine, err);
		plan->machine_profile = &machine;
	}
	if (code == HV_OK)
		code = plan_host_add(plan, request, err);
	plan->profile = NULL;
	plan->machine_profile = NULL;
	return code;
}

static enum hv_code plan_one(struct engine *engine, struct plan *plan,
			     const Tarn__ClusterRequest *request, struct hv_err *err)
{
	switch (request->kind_case) {
	case TARN__CLUSTER_REQUEST__KIND_HOST_ADD:
		return plan_host(engine, plan, request->host_add, err);
	case TARN__CLUSTER_REQUEST__KIND_HOST_REMOVE:
		return plan_host_remove(plan, request->host_remove, err);
	case TARN__CLUSTER_REQUEST__KIND_POOL_SET:
		return plan_pool_set(plan, request->pool_set, err);
	case TARN__CLUSTER_REQUEST__KIND_POOL_CANCEL:
		return plan_pool_cancel(plan, request->pool_cancel, err);
	case TARN__CLUSTER_REQUEST__KIND_POOL_REMOVE:
		return plan_pool_remove(plan, request->pool_remove, err);
	case TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE:
		return plan_vios_change(plan, request->vios_change, err);
	case TARN__CLUSTER_REQUEST__KIND_VIOS_INJECT:
		return plan_vios_inject(plan, request->vios_inject, err);
	case TARN__CLUSTER_REQUEST__KIND_VIOS_ADD:
		return plan_vios_add(plan, request->vios_add, err);
	case TARN__CLUSTER_REQUEST__KIND_VIOS_REMOVE:
		return plan_vios_remove(plan, request->vios_remove, err);
	case TARN__CLUSTER_REQUEST__KIND_PGDEV_ADD:
		return plan_pgdev_add(plan, request->pgdev_add, err);
	case TARN__CLUSTER_REQUEST__KIND_PGDEV_REMOVE:
		return plan_pgdev_remove(plan, request->pgdev_remove, err);
	case TARN__CLUSTER_REQUEST__KIND_PGDEV_REPLACE:
		return plan_pgdev_replace(plan, request->pgdev_replace, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE:
		return plan_lpar_create(plan, request->lpar_create, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE:
		return plan_lpar_activate(plan, request->lpar_activate, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_SHUTDOWN:
		return plan_lpar_shutdown(plan, request->lpar_shutdown, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_REMOVE:
		return plan_lpar_remove(plan, request->lpar_remove, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_RESIZE:
		return plan_lpar_resize(plan, request->lpar_resize, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_MOVE_MEMORY:
		return plan_lpar_move_memory(plan, request->lpar_move_memory, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_SET_MEMORY:
		return plan_lpar_set_memory(plan, request->lpar_set_memory, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_SET_PROCESSORS:
		return plan_lpar_set_processors(plan, request->lpar_set_processors, err);
	case TARN__CLUSTER_REQUEST__KIND_DRILL_RUN:
		return jobs_plan_drill(plan, request->drill_run, err);
	case TARN__CLUSTER_REQUEST__KIND_DRILL_ABORT:
		return jobs_plan_drill_abort(plan, request->drill_abort, err);
	case TARN__CLUSTER_REQUEST__KIND_LPAR_CHANGE:
		return plan_lpar_change(plan, request->lpar_change, err);
	case TARN__CLUSTER_REQUEST__KIND_PROFILE_SET:
		return plan_profile_set(plan, request->profile_set, err);
	case TARN__CLUSTER_REQUEST__KIND_PROFILE_REMOVE:
		return plan_profile_remove(plan, request->profile_remove, err);
	case TARN__CLUSTER_REQUEST__KIND_USER_SET:
		return plan_user_set(plan, request->user_set, err);
	case TARN__CLUSTER_REQUEST__KIND_USER_REMOVE:
		return plan_user_remove(plan, request->user_remove, err);
	case TARN__CLUSTER_REQUEST__KIND_HOST_SET:
		return plan_host_set(plan, request->host_set, err);
	case TARN__CLUSTER_REQUEST__KIND_UTILIZATION_SET:
		return plan_utilization_set(plan, request->utilization_set, err);
	default:
		return hv_fail(err, HV_E_INVAL, "not a change");
	}
}

/* Names the log record by the request's key. */
static enum hv_code put_key(struct plan *plan, const Tarn__ClusterRequest *request,
			    struct hv_err *err)
{
	Tarn__LogRecord *log = plan->draft.log;

	if (!plan->draft.is_out)
		log->key.data = malloc(JOURNAL_KEY_BYTES);
	if (plan->draft.is_out || log->key.data == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to write the change down");
	memcpy(log->key.data, request->key.data, JOURNAL_KEY_BYTES);
	log->key.len = JOURNAL_KEY_BYTES;
	log->has_key = 1;
	return HV_OK;
}

/* What is kept for repeats: the reply, less the list of reasons. */
static enum hv_code keep_reply(struct engine *engine, const struct request *request,
			       Tarn__ClusterReply *message, struct hv_err *err)
{
	struct journal_reply *kept = &engine->replies[engine->reply_count];
	size_t reasons = message->placement != NULL ? message->placement->n_reasons : 0;
	enum hv_code code;

	if (message->placement != NULL)
		message->placement->n_reasons = 0;
	code = hv_message_encode(&message->base, &kept->bytes, &kept->count, err);
	if (message->placement != NULL)
		message->placement->n_reasons = reasons;
	if (code != HV_OK)
		return code;
	memcpy(kept->key, request->cluster->key.data, JOURNAL_KEY_BYTES);
	engine->reply_count++;
	return HV_OK;
}

static void drop_reply(struct engine *engine)
{
	free(engine->replies[--engine->reply_count].bytes);
}

static void reply_refused(struct engine *engine, struct request *request,
			  const struct plan *plan, const struct hv_err *refusal)
{
	Tarn__ClusterReply message = TARN__CLUSTER_REPLY__INIT;
	Tarn__Error error = TARN__ERROR__INIT;

	error.code = refusal->code;
	error.text = (char *)hv_err_text(refusal);
	message.error = &error;
	message.placement = plan->placement;
	request_reply(request, &message.base);
	if (refusal->code != HV_E_NOMEM)
		(void)keep_reply(engine, request, &message, NULL); /* nothing changed */
}

/*
 * The order matters: the reply and what is kept of it are made before the change is
 * applied, so that no failure lies between the change and its acknowledgement.
 */
static void reply_done(struct engine *engine, struct request *request, struct plan *plan)
{
	Tarn__ClusterReply message = TARN__CLUSTER_REPLY__INIT;
	struct hv_err err = { 0 };
	enum hv_code code;

	message.has_revision = 1;
	message.revision = engine->cluster.now.revision + !draft_is_empty(&plan->draft);
	message.has_job = plan->job != 0;
	message.job = plan->job;
	message.placement = plan->placement;
	code = put_key(plan, request->cluster, &err);
	if (code == HV_OK)
		code = hv_message_encode(&message.base, &request->reply,
					 &request->reply_count, &err);
	request->is_handled = true;
	if (code == HV_OK)
		code = keep_reply(engine, request, &message, &err);
	if (code != HV_OK) {
		request_reply_error(request, &err);
		return;
	}
	if (engine_apply(engine, &plan->draft, &err) != HV_OK) {
		drop_reply(engine);
		request_reply_error(request, &err);
	}
}

/* Was it seen in this batch, or in one before? True: the request has its reply. */
static bool repeat(struct engine *engine, struct request *request, struct hv_err *err)
{
	const uint8_t *key = request->cluster->key.data;
	enum hv_code code;

	for (size_t i = 0; i < engine->reply_count; i++) {
		const struct journal_reply *reply = &engine->replies[i];

		if (memcmp(reply->key, key, JOURNAL_KEY_BYTES) != 0)
			continue;
		request->is_handled = true;
		request->reply = malloc(reply->count + 1);
		if (request->reply != NULL)
			memcpy(request->reply, reply->bytes, reply->count);
		request->reply_count = reply->count;
		return true;
	}
	code = engine->journal->find_reply(engine->journal, key, &request->reply,
					   &request->reply_count, err);
	if (code == HV_E_NOTFOUND)
		return false;
	request->is_handled = true;
	request->is_final = true;
	if (code != HV_OK)
		request_reply_error(request, err);
	return true;
}

static enum hv_code reserve_reply(struct engine *engine, struct hv_err *err)
{
	struct journal_reply *grown = realloc(engine->replies,
					      (engine->reply_count + 1) * sizeof(*grown));

	if (grown == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for an answer");
	engine->replies = grown;
	return HV_OK;
}

void change_handle(struct engine *engine, struct request *request)
{
	struct plan plan = { .cluster = &engine->cluster };
	struct hv_err err = { 0 };

	if (repeat(engine, request, &err))
		return;
	err = (struct hv_err){ 0 };
	if (reserve_reply(engine, &err) != HV_OK) {
		request_reply_error(request, &err);
		return;
	}
	engine->env->random(engine->env, plan.random_id, sizeof(plan.random_id));
	draft_init(&plan.draft, &engine->cluster);
	if (plan_one(engine, &plan, request->cluster, &err) == HV_OK)
		reply_done(engine, request, &plan);
	else
		reply_refused(engine, request, &plan, &err);
	if (plan.placement != NULL)
		tarn__placement_reply__free_unpacked(plan.placement, NULL);
	draft_fini(&plan.draft);
}
