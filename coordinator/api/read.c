/* read - requests that change nothing, answered from the committed state. */
#include "coordinator/api/engine_priv.h"

#include "coordinator/cluster/user.h"
#include "coordinator/cluster/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_DEFAULT 200
#define EVENTS_LIMIT 1000
#define TRACED_MS 10000 /* longer than a report takes; asked again meanwhile */

static Tarn__ClusterReply new_reply(const struct engine *engine)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;

	reply.has_revision = 1;
	reply.revision = engine->cluster.now.revision;
	return reply;
}

static bool is_wanted(const char *filter, const char *name)
{
	return filter == NULL || filter[0] == '\0' || strcmp(filter, name) == 0;
}

/* Its host is told in the answers to its next reports, and sends the trace with those. */
static void want_trace(struct engine *engine, const char *name)
{
	const Tarn__LparRecord *lpar = cluster_lpar(&engine->cluster, name);
	struct live_host *live = lpar != NULL
					 ? live_find(&engine->cluster.live, lpar->host)
					 : NULL;

	if (live == NULL)
		return;
	(void)snprintf(live->traced, sizeof(live->traced), "%s", name);
	live->traced_ms = engine->cluster.now_ms + TRACED_MS;
}

static void answer_status(struct engine *engine, struct request *request)
{
	Tarn__ClusterReply reply = new_reply(engine);
	struct hv_err err = { 0 };

	if (request->cluster->status->trace != NULL)
		want_trace(engine, request->cluster->status->trace);
	if (view_make(&engine->cluster, request->cluster->status, &reply.status, &err) !=
	    HV_OK) {
		request_reply_error(request, &err);
		return;
	}
	request_reply(request, &reply.base);
	view_free(reply.status);
}

static void answer_drills(struct engine *engine, struct request *request)
{
	const Tarn__Query *query = request->cluster->drills;
	Tarn__ClusterReply reply = new_reply(engine);
	size_t count = cluster_count(&engine->cluster, RECORD_DRILL);
	struct hv_err err = { 0 };
	char number[24];

	reply.drills = calloc(count + 1, sizeof(*reply.drills));
	if (reply.drills == NULL) {
		hv_fail(&err, HV_E_NOMEM, "no memory to list drills");
		request_reply_error(request, &err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const Tarn__DrillRecord *drill = cluster_drill_at(&engine->cluster, i);

		(void)snprintf(number, sizeof(number), "%llu",
			       (unsigned long long)drill->number);
		if (is_wanted(query->host, drill->host) && is_wanted(query->name, number))
			reply.drills[reply.n_drills++] = (Tarn__DrillRecord *)drill;
	}
	if (query->name != NULL && query->name[0] != '\0' && reply.n_drills == 0) {
		hv_fail(&err, HV_E_NOTFOUND, "drill '%s' is not known", query->name);
		request_reply_error(request, &err);
	} else {
		request_reply(request, &reply.base);
	}
	free(reply.drills);
}

/* A name that nobody has is an answer without users. */
static void answer_users(struct engine *engine, struct request *request)
{
	const Tarn__Query *query = request->cluster->users;
	Tarn__ClusterReply reply = new_reply(engine);
	size_t count = user_count(&engine->cluster);
	struct hv_err err = { 0 };

	reply.users = calloc(count, sizeof(*reply.users));
	if (reply.users == NULL) {
		hv_fail(&err, HV_E_NOMEM, "no memory to list users");
		request_reply_error(request, &err);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		const Tarn__UserRecord *user = user_at(&engine->cluster, i);

		if (is_wanted(query->name, user->name))
			reply.users[reply.n_users++] = (Tarn__UserRecord *)user;
	}
	request_reply(request, &reply.base);
	free(reply.users);
}

/* In `found`, which has room for `limit`, oldest first; returns how many. */
static size_t find_events(const struct cluster *cluster, const Tarn__EventQuery *query,
			  size_t limit, const Tarn__Event **found)
{
	size_t from = cluster_event_after(cluster, query->after);
	size_t left = cluster_count(cluster, RECORD_EVENT) - from;
	size_t count = 0;

	for (size_t i = 0; i < left && count < limit; i++) {
		size_t at = query->newest ? from + left - 1 - i : from + i;
		const Tarn__Event *event = cluster_event_at(cluster, at);

		if (query->host == NULL || strcmp(event->host, query->host) == 0)
			found[count++] = event;
	}
	for (size_t i = 0; query->newest && i < count / 2; i++) {
		const Tarn__Event *swapped = found[i];

		found[i] = found[count - 1 - i];
		found[count - 1 - i] = swapped;
	}
	return count;
}

/* False: none yet. */
static bool answer_events(struct engine *engine, struct request *request, bool is_last)
{
	const Tarn__EventQuery *query = request->cluster->events;
	size_t limit = query->limit != 0 ? query->limit : EVENTS_DEFAULT;
	const Tarn__Event *found[EVENTS_LIMIT];
	Tarn__ClusterReply reply = new_reply(engine);

	reply.n_events = find_events(&engine->cluster, query,
				     limit < EVENTS_LIMIT ? limit : EVENTS_LIMIT, found);
	if (reply.n_events == 0 && !is_last)
		return false;
	reply.events = (Tarn__Event **)found; /* which are only read */
	request_reply(request, &reply.base);
	return true;
}

/* A device that is being replaced: what is not on the new one yet. */
static Tarn__JobRecord *with_pages(const struct engine *engine,
				   const Tarn__JobRecord *job, Tarn__JobRecord *copy,
				   char *text, size_t size)
{
	const Tarn__LparRecord *lpar = cluster_lpar(&engine->cluster, job->target);
	const Tarn__PartitionStat *stat =
		lpar == NULL ? NULL
			     : live_partition(cluster_live(&engine->cluster, job->host),
					      job->target, lpar->run_id);
	unsigned long long left;

	if (stat == NULL)
		return (Tarn__JobRecord *)job;
	left = stat->missed + stat->mirror_missed;
	*copy = *job;
	if (lpar->device_error != NULL)
		(void)snprintf(text, size, "given up: it gets '%s' back",
			       lpar->old_device);
	else
		(void)snprintf(text, size, "%llu pages to copy%s", left,
			       lpar->mirror != NULL ? "" : "; not redundant until then");
	copy->text = text;
	return copy;
}

/* A pool that shrinks owes frames; how many is known from the last report alone. */
static Tarn__JobRecord *with_progress(const struct engine *engine,
				      const Tarn__JobRecord *job, Tarn__JobRecord *copy,
				      char *text, size_t size)
{
	const Tarn__HostStat *stat = live_stat(cluster_live(&engine->cluster, job->host));
	char owed[32];

	if (!job->done && job->kind == TARN__JOB_KIND__JOB_REPLACE)
		return with_pages(engine, job, copy, text, size);
	if (job->done || job->kind != TARN__JOB_KIND__JOB_POOL || stat == NULL ||
	    stat->pool == NULL || !stat->pool->has_owed_frames)
		return (Tarn__JobRecord *)job;
	*copy = *job;
	(void)snprintf(text, size, "%s to page out",
		       hv_size_format(stat->pool->owed_frames * HV_PAGE_BYTES, owed,
				      sizeof(owed)));
	copy->text = text;
	return copy;
}

static bool answer_job(struct engine *engine, struct request *request, bool is_last)
{
	uint64_t id = request->cluster->job_wait->id;
	const Tarn__JobRecord *job = cluster_job(&engine->cluster, id);
	Tarn__ClusterReply reply = new_reply(engine);
	struct hv_err err = { 0 };
	Tarn__JobRecord copy;
	char text[96];

	if (job == NULL) {
		hv_fail(&err, HV_E_NOTFOUND, "job %llu is not known",
			(unsigned long long)id);
		request_reply_error(request, &err);
		return true;
	}
	if (!job->done && !is_last)
		return false;
	reply.job_record = with_progress(engine, job, &copy, text, sizeof(text));
	request_reply(request, &reply.base);
	return true;
}

/* What a dry run asks for. */
static enum hv_code plan_dry(struct plan *plan, const Tarn__ClusterRequest *request,
			     struct hv_err *err)
{
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE)
		return plan_lpar_activate(plan, request->lpar_activate, err);
	return plan_lpar_create(plan, request->lpar_create, err);
}

static void answer_placement(struct engine *engine, struct request *request)
{
	struct plan plan = { .cluster = &engine->cluster };
	Tarn__ClusterReply reply = new_reply(engine);
	struct hv_err err = { 0 };

	draft_init(&plan.draft, &engine->cluster);
	if (plan_dry(&plan, request->cluster, &err) == HV_OK) {
		reply.placement = plan.placement;
		request_reply(request, &reply.base);
	} else {
		request_reply_error(request, &err);
	}
	if (plan.placement != NULL)
		tarn__placement_reply__free_unpacked(plan.placement, NULL);
	draft_fini(&plan.draft);
}

/* A client at a console. False: nothing to say yet. */
static bool answer_console(struct engine *engine, struct request *request, bool is_last)
{
	struct console_table *table = &engine->consoles;
	const Tarn__ClusterRequest *asked = request->cluster;
	Tarn__ClusterReply reply = new_reply(engine);
	Tarn__ConsoleReply console = TARN__CONSOLE_REPLY__INIT;
	struct hv_err err = { 0 };
	enum hv_code code;

	if (asked->kind_case == TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN)
		code = console_open(table, &engine->cluster, asked->console_open,
				    &console, &err);
	else if (asked->kind_case == TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE)
		code = console_exchange(table, &engine->cluster, asked->console_exchange,
					&console, &err);
	else
		code = console_close(table, &engine->cluster, asked->console_close, &err);
	if (code == HV_E_AGAIN && !is_last)
		return false;
	if (code == HV_E_AGAIN &&
	    asked->kind_case == TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN)
		code = hv_fail(&err, HV_E_TIMEOUT, "the host does not answer");
	reply.console = &console;
	if (code == HV_OK || code == HV_E_AGAIN)
		request_reply(request, &reply.base);
	else
		request_reply_error(request, &err);
	return true;
}

bool read_answer(struct engine *engine, struct request *request, bool is_last)
{
	struct hv_err err = { 0 };

	switch (request->cluster->kind_case) {
	case TARN__CLUSTER_REQUEST__KIND_STATUS:
		answer_status(engine, request);
		return true;
	case TARN__CLUSTER_REQUEST__KIND_DRILLS:
		answer_drills(engine, request);
		return true;
	case TARN__CLUSTER_REQUEST__KIND_USERS:
		answer_users(engine, request);
		return true;
	case TARN__CLUSTER_REQUEST__KIND_EVENTS:
		return answer_events(engine, request, is_last);
	case TARN__CLUSTER_REQUEST__KIND_JOB_WAIT:
		return answer_job(engine, request, is_last);
	case TARN__CLUSTER_REQUEST__KIND_UTILIZATION:
		utilization_answer(engine, request);
		return true;
	case TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE:
	case TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE:
		answer_placement(engine, request);
		return true;
	case TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN:
	case TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE:
	case TARN__CLUSTER_REQUEST__KIND_CONSOLE_CLOSE:
		return answer_console(engine, request, is_last);
	default:
		hv_fail(&err, HV_E_INVAL, "request of an unknown kind");
		request_reply_error(request, &err);
		return true;
	}
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

uint64_t read_wait_ms(const Tarn__ClusterRequest *request)
{
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_EVENTS)
		return at_most(request->events->wait_ms, ENGINE_WAIT_MS);
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_JOB_WAIT)
		return at_most(request->job_wait->wait_ms, ENGINE_WAIT_MS);
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN)
		return 2 * CONSOLE_OPEN_MS; /* the session's own time is over before */
	if (request->kind_case == TARN__CLUSTER_REQUEST__KIND_CONSOLE_EXCHANGE)
		return at_most(request->console_exchange->wait_ms, CONSOLE_HOLD_MS);
	return 0;
}
