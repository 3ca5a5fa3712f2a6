/* draft - see draft.h. */
#include "coordinator/cluster/draft.h"

#include "hvcore/base/invariant.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most records forgotten with one change: a slice, so that no commit is long. */
#define TRIM_MAX 256

void draft_init(struct draft *draft, struct cluster *cluster)
{
	*draft = (struct draft){ .cluster = cluster, .next_id = cluster->now.next_id };
	draft->log = malloc(sizeof(*draft->log));
	if (draft->log == NULL) {
		draft->is_out = true;
		return;
	}
	tarn__log_record__init(draft->log);
}

void draft_fini(struct draft *draft)
{
	if (draft->log != NULL)
		tarn__log_record__free_unpacked(draft->log, NULL);
	draft->log = NULL;
}

struct list {
	ProtobufCMessage ***messages;
	size_t *count;
};

static struct list list_of(Tarn__LogRecord *log, enum record_kind kind)
{
	switch (kind) {
	case RECORD_HOST:
		return (struct list){ (void *)&log->hosts, &log->n_hosts };
	case RECORD_DEVICE:
		return (struct list){ (void *)&log->devices, &log->n_devices };
	case RECORD_LPAR:
		return (struct list){ (void *)&log->lpars, &log->n_lpars };
	case RECORD_DRILL:
		return (struct list){ (void *)&log->drills, &log->n_drills };
	case RECORD_JOB:
		return (struct list){ (void *)&log->jobs, &log->n_jobs };
	case RECORD_EVENT:
		return (struct list){ (void *)&log->events, &log->n_events };
	case RECORD_OP:
		return (struct list){ (void *)&log->ops, &log->n_ops };
	case RECORD_USER:
		return (struct list){ (void *)&log->users, &log->n_users };
	default:
		HV_UNREACHABLE("record kind");
	}
}

/* Room grows with each push: drafts are short. */
static bool push(void ***array, size_t *count, void *item)
{
	void **grown = realloc(*array, (*count + 1) * sizeof(*grown));

	if (grown == NULL)
		return false;
	grown[(*count)++] = item;
	*array = grown;
	return true;
}

void draft_put(struct draft *draft, enum record_kind kind, ProtobufCMessage *message)
{
	struct list list;

	if (message == NULL || draft->is_out) {
		draft->is_out = true;
		record_free(message);
		return;
	}
	list = list_of(draft->log, kind);
	if (!push((void ***)list.messages, list.count, message)) {
		draft->is_out = true;
		record_free(message);
	}
}

static void *edit(struct draft *draft, enum record_kind kind, struct record_key key)
{
	const ProtobufCMessage *current;
	struct list list;

	if (draft->is_out)
		return NULL;
	list = list_of(draft->log, kind);
	for (size_t i = 0; i < *list.count; i++) {
		struct record_key other = record_key_of(kind, (*list.messages)[i]);

		if (record_key_compare(&other, &key) == 0)
			return (*list.messages)[i];
	}
	current = record_table_find(&draft->cluster->tables[kind], &key);
	HV_INVARIANT(current != NULL);
	draft_put(draft, kind, record_copy(current));
	return draft->is_out ? NULL : (*list.messages)[*list.count - 1];
}

Tarn__HostRecord *draft_edit_host(struct draft *draft, const char *name)
{
	return edit(draft, RECORD_HOST, record_key_name(name));
}

Tarn__DeviceRecord *draft_edit_device(struct draft *draft, const char *host,
				      const char *name)
{
	return edit(draft, RECORD_DEVICE, record_key_names(host, name));
}

Tarn__LparRecord *draft_edit_lpar(struct draft *draft, const char *name)
{
	return edit(draft, RECORD_LPAR, record_key_name(name));
}

Tarn__DrillRecord *draft_edit_drill(struct draft *draft, uint64_t number)
{
	return edit(draft, RECORD_DRILL, record_key_number(number));
}

Tarn__JobRecord *draft_edit_job(struct draft *draft, uint64_t id)
{
	return edit(draft, RECORD_JOB, record_key_number(id));
}

void draft_remove(struct draft *draft, enum record_kind kind, struct record_key key)
{
	char text[RECORD_TEXT_BYTES];
	char *copy;

	record_key_format(kind, &key, text);
	copy = draft->is_out ? NULL : strdup(text);
	if (copy == NULL ||
	    !push((void ***)&draft->log->removed, &draft->log->n_removed, copy)) {
		draft->is_out = true;
		free(copy);
	}
}

uint64_t draft_next_id(struct draft *draft)
{
	return ++draft->next_id;
}

char *draft_text(const char *text, va_list args)
{
	char line[HV_TEXT_MAX];

	(void)vsnprintf(line, sizeof(line), text, args);
	return strdup(line);
}

HV_PRINTF(3, 0)
static void set_text(struct draft *draft, char **field, const char *text, va_list args)
{
	char *copy = draft->is_out ? NULL : draft_text(text, args);

	if (copy == NULL) {
		draft->is_out = true;
		return;
	}
	if (*field != protobuf_c_empty_string)
		free(*field);
	*field = copy;
}

void draft_set_text(struct draft *draft, char **field, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	set_text(draft, field, text, args);
	va_end(args);
}

void draft_name(struct draft *draft, const char *what, ...)
{
	va_list args;

	if (draft->is_out)
		return;
	va_start(args, what);
	set_text(draft, &draft->log->what, what, args);
	va_end(args);
}

/* A job as a plain struct, copied into a message that owns its strings. */
uint64_t draft_add_job(struct draft *draft, const struct job_plan *plan, const char *what,
		       ...)
{
	Tarn__JobRecord job = TARN__JOB_RECORD__INIT;
	char line[HV_TEXT_MAX];
	va_list args;

	va_start(args, what);
	(void)vsnprintf(line, sizeof(line), what, args);
	va_end(args);
	job.id = draft_next_id(draft);
	job.what = line;
	job.host = (char *)plan->host;
	job.has_kind = 1;
	job.kind = plan->kind;
	job.target = (char *)plan->target;
	job.has_revision = 1;
	job.revision = draft->cluster->now.revision + 1;
	job.has_started_ms = 1;
	job.started_ms = draft->cluster->wall_ms;
	draft_put(draft, RECORD_JOB, draft->is_out ? NULL : record_copy(&job.base));
	draft_name(draft, "%s", line);
	return draft->is_out ? 0 : job.id;
}

static Tarn__Error *new_error(enum hv_code code)
{
	Tarn__Error *error = malloc(sizeof(*error));

	if (error != NULL) {
		tarn__error__init(error);
		error->code = code;
	}
	return error;
}

void draft_end_job(struct draft *draft, uint64_t id, enum hv_code code, const char *text,
		   ...)
{
	Tarn__JobRecord *job = draft_edit_job(draft, id);
	va_list args;

	if (job == NULL)
		return;
	job->done = true;
	job->has_ended_ms = 1;
	job->ended_ms = draft->cluster->wall_ms;
	if (code != HV_OK && job->error == NULL) {
		job->error = new_error(code);
		draft->is_out |= job->error == NULL;
	}
	va_start(args, text);
	set_text(draft,
		 code != HV_OK && job->error != NULL ? &job->error->text : &job->text,
		 text, args);
	va_end(args);
}

uint64_t draft_put_op(struct draft *draft, const char *host, Tarn__HostOp *op)
{
	Tarn__HostOpRecord record = TARN__HOST_OP_RECORD__INIT;

	op->id = draft_next_id(draft);
	record.host = (char *)host;
	record.op = op;
	draft_put(draft, RECORD_OP, draft->is_out ? NULL : record_copy(&record.base));
	return op->id;
}

uint64_t draft_add_op(struct draft *draft, const char *host, Tarn__HostOpKind kind,
		      const char *target)
{
	Tarn__HostOp op = TARN__HOST_OP__INIT;

	op.kind = kind;
	op.target = (char *)target;
	return draft_put_op(draft, host, &op);
}

void draft_add_event(struct draft *draft, Tarn__EventLevel level, const char *host,
		     const char *kind, const char *text, ...)
{
	Tarn__Event event = TARN__EVENT__INIT;
	char line[HV_TEXT_MAX];
	va_list args;

	va_start(args, text);
	(void)vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	event.wall_ms = draft->cluster->wall_ms;
	event.level = level;
	event.host = (char *)host;
	event.kind = (char *)kind;
	event.text = line;
	draft_put(draft, RECORD_EVENT, draft->is_out ? NULL : record_copy(&event.base));
}

bool draft_is_empty(const struct draft *draft)
{
	const Tarn__LogRecord *log = draft->log;

	return !draft->is_out && log->n_hosts == 0 && log->n_devices == 0 &&
	       log->n_lpars == 0 && log->n_drills == 0 && log->n_jobs == 0 &&
	       log->n_events == 0 && log->n_ops == 0 && log->n_users == 0 &&
	       log->n_removed == 0 && !log->has_epoch;
}

static void number_events(struct draft *draft)
{
	size_t count = cluster_count(draft->cluster, RECORD_EVENT);
	uint64_t last = count == 0 ? 0
				   : cluster_event_at(draft->cluster, count - 1)->number;

	for (size_t i = 0; i < draft->log->n_events; i++) {
		draft->log->events[i]->has_number = 1;
		draft->log->events[i]->number = ++last;
	}
}

static bool may_forget(const struct cluster *cluster, enum record_kind kind, size_t at)
{
	switch (kind) {
	case RECORD_JOB:
		return cluster_job_at(cluster, at)->done;
	case RECORD_DRILL:
		return strcmp(cluster_drill_at(cluster, at)->phase, "done") == 0;
	default:
		return true;
	}
}

/* The newest is never forgotten: numbers go on from it. */
static void forget_old(struct draft *draft, enum record_kind kind, size_t added,
		       size_t limit)
{
	const struct record_table *table = &draft->cluster->tables[kind];
	size_t over = table->count + added > limit ? table->count + added - limit : 0;
	size_t gone = 0;

	for (size_t i = 0; i + 1 < table->count && gone < over && gone < TRIM_MAX; i++) {
		if (!may_forget(draft->cluster, kind, i))
			continue;
		draft_remove(draft, kind, table->slots[i].key);
		gone++;
	}
}

enum hv_code draft_finish(struct draft *draft, struct hv_err *err)
{
	Tarn__LogRecord *log = draft->log;

	if (!draft->is_out) {
		number_events(draft);
		forget_old(draft, RECORD_EVENT, log->n_events, CLUSTER_EVENTS_MAX);
		forget_old(draft, RECORD_JOB, log->n_jobs, CLUSTER_JOBS_MAX);
		forget_old(draft, RECORD_DRILL, log->n_drills, CLUSTER_DRILLS_MAX);
	}
	if (!draft->is_out && log->what == NULL)
		draft_name(draft, "change");
	if (draft->is_out)
		return hv_fail(err, HV_E_NOMEM, "no memory to write the change down");
	log->revision = draft->cluster->now.revision + 1;
	log->wall_ms = draft->cluster->wall_ms;
	log->has_next_id = 1;
	log->next_id = draft->next_id;
	return HV_OK;
}
