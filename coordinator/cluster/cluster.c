/* cluster - see cluster.h. The audit is in cluster_audit.c. */
#include "coordinator/cluster/cluster.h"

#include "hvcore/base/invariant.h"

#include <stdlib.h>
#include <string.h>

/* The records of one kind in a LogRecord. */
struct batch {
	ProtobufCMessage **messages;
	size_t *count;
};

static struct batch log_batch(Tarn__LogRecord *log, enum record_kind kind)
{
	switch (kind) {
	case RECORD_HOST:
		return (struct batch){ (void *)log->hosts, &log->n_hosts };
	case RECORD_DEVICE:
		return (struct batch){ (void *)log->devices, &log->n_devices };
	case RECORD_LPAR:
		return (struct batch){ (void *)log->lpars, &log->n_lpars };
	case RECORD_DRILL:
		return (struct batch){ (void *)log->drills, &log->n_drills };
	case RECORD_JOB:
		return (struct batch){ (void *)log->jobs, &log->n_jobs };
	case RECORD_EVENT:
		return (struct batch){ (void *)log->events, &log->n_events };
	case RECORD_OP:
		return (struct batch){ (void *)log->ops, &log->n_ops };
	case RECORD_USER:
		return (struct batch){ (void *)log->users, &log->n_users };
	default:
		HV_UNREACHABLE("record kind");
	}
}

void cluster_init(struct cluster *cluster)
{
	*cluster = (struct cluster){ 0 };
}

void cluster_fini(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->change_count; i++)
		record_free(cluster->changes[i].old);
	free(cluster->changes);
	for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++)
		record_table_fini(&cluster->tables[kind]);
	live_fini(&cluster->live);
	*cluster = (struct cluster){ 0 };
}

enum hv_code cluster_load(struct cluster *cluster, enum record_kind kind,
			  ProtobufCMessage *message, struct hv_err *err)
{
	struct record_key key = record_key_of(kind, message);
	struct record_table *table = &cluster->tables[kind];
	enum hv_code code;

	code = record_table_reserve(table, 1, err);
	if (code != HV_OK)
		return code;
	if (record_table_find(table, &key) != NULL)
		return hv_fail(err, HV_E_CORRUPT, "a %s record is there twice",
			       record_kind_name(kind));
	(void)record_table_swap(table, &key, message);
	return HV_OK;
}

void cluster_load_numbers(struct cluster *cluster, const struct cluster_numbers *numbers)
{
	cluster->now = *numbers;
	cluster->committed = *numbers;
}

static enum hv_code reserve_changes(struct cluster *cluster, size_t more,
				    struct hv_err *err)
{
	size_t room = cluster->change_room != 0 ? cluster->change_room : 32;
	struct cluster_change *changes;

	while (room < cluster->change_count + more)
		room *= 2;
	if (room == cluster->change_room)
		return HV_OK;
	changes = realloc(cluster->changes, room * sizeof(*changes));
	if (changes == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for %zu changes", room);
	cluster->changes = changes;
	cluster->change_room = room;
	return HV_OK;
}

static enum hv_code reserve(struct cluster *cluster, Tarn__LogRecord *log,
			    struct hv_err *err)
{
	size_t total = log->n_removed;
	enum record_kind kind;
	struct record_key key;
	enum hv_code code;

	for (unsigned i = 0; i < RECORD_KIND_COUNT; i++) {
		struct batch batch = log_batch(log, (enum record_kind)i);

		code = record_table_reserve(&cluster->tables[i], *batch.count, err);
		if (code != HV_OK)
			return code;
		total += *batch.count;
	}
	for (size_t i = 0; i < log->n_removed; i++) {
		code = record_key_parse(log->removed[i], &kind, &key, err);
		if (code != HV_OK)
			return code;
	}
	return reserve_changes(cluster, total, err);
}

static bool vios_differs(const Tarn__HostRecord *a, const Tarn__HostRecord *b)
{
	if (a->n_vios != b->n_vios)
		return true;
	for (size_t i = 0; i < a->n_vios; i++) {
		if (strcmp(a->vios[i]->name, b->vios[i]->name) != 0 ||
		    a->vios[i]->enabled != b->vios[i]->enabled ||
		    a->vios[i]->maintenance != b->vios[i]->maintenance)
			return true;
	}
	return false;
}

static bool is_same_text(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* Would the agent see a difference? Its HostDesired is made of these. */
static bool host_differs(const Tarn__HostRecord *a, const Tarn__HostRecord *b)
{
	if (a == NULL || b == NULL)
		return true;
	if ((a->pool == NULL) != (b->pool == NULL))
		return true;
	if (a->pool != NULL && a->pool->generation != b->pool->generation)
		return true;
	return a->failback_ms != b->failback_ms || vios_differs(a, b);
}

/* The host whose desired state a changed record belongs to; NULL: nobody's. */
static const char *touched_host(enum record_kind kind, const ProtobufCMessage *old,
				const ProtobufCMessage *now)
{
	const ProtobufCMessage *any = now != NULL ? now : old;

	switch (kind) {
	case RECORD_HOST:
		return host_differs((const Tarn__HostRecord *)old,
				    (const Tarn__HostRecord *)now)
			       ? ((const Tarn__HostRecord *)any)->name
			       : NULL;
	case RECORD_DEVICE:
		return ((const Tarn__DeviceRecord *)any)->host;
	case RECORD_LPAR:
		return ((const Tarn__LparRecord *)any)->host;
	case RECORD_OP:
		return ((const Tarn__HostOpRecord *)any)->host;
	default:
		return NULL;
	}
}

static void touch(struct cluster *cluster, const char *host)
{
	struct live_host *live = host != NULL ? live_find(&cluster->live, host) : NULL;

	if (live != NULL)
		live->desired_revision = cluster->now.revision;
}

/* The hosts that devices of its VIOS lie on: each runs an exporter while there are any. */
static void touch_remote(struct cluster *cluster, const Tarn__HostRecord *host)
{
	for (size_t i = 0; host != NULL && i < host->n_vios; i++)
		touch(cluster, host->vios[i]->remote_host);
	for (size_t i = 0; host != NULL && i < host->n_other_vios; i++)
		touch(cluster, host->other_vios[i]->remote_host);
}

/* The hosts whose VIOS have devices on that one: they are told where it exports them. */
static void touch_importers(struct cluster *cluster, const char *exporter)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++) {
		const Tarn__HostRecord *host = cluster_host_at(cluster, i);

		for (size_t j = 0; j < host->n_vios; j++)
			if (is_same_text(host->vios[j]->remote_host, exporter))
				touch(cluster, host->name);
	}
}

/* A host's agent may have to be told of what is another host's record. */
static void touch_others(struct cluster *cluster, enum record_kind kind,
			 const ProtobufCMessage *old, const ProtobufCMessage *now)
{
	const ProtobufCMessage *any = now != NULL ? now : old;
	const Tarn__HostRecord *a = (const Tarn__HostRecord *)old;
	const Tarn__HostRecord *b = (const Tarn__HostRecord *)now;

	if (kind == RECORD_DEVICE)
		touch(cluster, ((const Tarn__DeviceRecord *)any)->remote_host);
	if (kind != RECORD_HOST)
		return;
	if (a == NULL || b == NULL ||
	    a->n_vios + a->n_other_vios != b->n_vios + b->n_other_vios) {
		touch_remote(cluster, a);
		touch_remote(cluster, b);
	}
	if (b != NULL && !is_same_text(a != NULL ? a->export_url : NULL, b->export_url))
		touch_importers(cluster, b->name);
}

static void change_one(struct cluster *cluster, enum record_kind kind,
		       const struct record_key *key, ProtobufCMessage *message)
{
	struct record_table *table = &cluster->tables[kind];
	ProtobufCMessage *old = record_table_find(table, key);

	if (old == NULL && message == NULL)
		return;
	touch(cluster, touched_host(kind, old, message));
	touch_others(cluster, kind, old, message);
	(void)record_table_swap(table, key, message);
	HV_INVARIANT(cluster->change_count < cluster->change_room);
	cluster->changes[cluster->change_count++] =
		(struct cluster_change){ .kind = kind, .key = *key, .old = old };
}

enum hv_code cluster_apply(struct cluster *cluster, Tarn__LogRecord *log,
			   struct hv_err *err)
{
	enum record_kind kind;
	struct record_key key;
	enum hv_code code;

	if (log->revision != cluster->now.revision + 1)
		return hv_fail(err, HV_E_STALE,
			       "record %llu does not follow revision %llu",
			       (unsigned long long)log->revision,
			       (unsigned long long)cluster->now.revision);
	code = reserve(cluster, log, err);
	if (code != HV_OK)
		return code;
	cluster->now.revision = log->revision;
	if (log->has_epoch)
		cluster->now.epoch = log->epoch;
	if (log->has_next_id)
		cluster->now.next_id = log->next_id;
	for (unsigned i = 0; i < RECORD_KIND_COUNT; i++) {
		struct batch batch = log_batch(log, (enum record_kind)i);

		for (size_t j = 0; j < *batch.count; j++) {
			key = record_key_of((enum record_kind)i, batch.messages[j]);
			change_one(cluster, (enum record_kind)i, &key, batch.messages[j]);
		}
		*batch.count = 0;
	}
	for (size_t i = 0; i < log->n_removed; i++) {
		code = record_key_parse(log->removed[i], &kind, &key, NULL);
		HV_INVARIANT(code == HV_OK);
		change_one(cluster, kind, &key, NULL);
	}
	return HV_OK;
}

void cluster_commit(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->change_count; i++) {
		struct cluster_change *change = &cluster->changes[i];

		if (change->kind == RECORD_HOST &&
		    record_table_find(&cluster->tables[RECORD_HOST], &change->key) ==
			    NULL)
			live_drop(&cluster->live, (const char *)change->key.bytes);
		record_free(change->old);
	}
	cluster->change_count = 0;
	cluster->committed = cluster->now;
}

void cluster_rollback(struct cluster *cluster)
{
	while (cluster->change_count > 0) {
		struct cluster_change *change =
			&cluster->changes[--cluster->change_count];

		record_free(record_table_swap(&cluster->tables[change->kind],
					      &change->key, change->old));
	}
	cluster->now = cluster->committed;
	/*
	 * A revision that never was may not stay behind as "seen": the real one of
	 * that number would not wake the host's poll.
	 */
	for (size_t i = 0; i < cluster->live.count; i++) {
		struct live_host *live = &cluster->live.hosts[i];

		if (live->desired_revision > cluster->now.revision)
			live->desired_revision = cluster->now.revision;
	}
}

static const void *find(const struct cluster *cluster, enum record_kind kind,
			struct record_key key)
{
	return record_table_find(&cluster->tables[kind], &key);
}

const Tarn__HostRecord *cluster_host(const struct cluster *cluster, const char *name)
{
	if (!hv_name_is_valid(name))
		return NULL;
	return find(cluster, RECORD_HOST, record_key_name(name));
}

const Tarn__DeviceRecord *cluster_device(const struct cluster *cluster, const char *host,
					 const char *name)
{
	if (!hv_name_is_valid(host) || !hv_name_is_valid(name))
		return NULL;
	return find(cluster, RECORD_DEVICE, record_key_names(host, name));
}

const Tarn__LparRecord *cluster_lpar(const struct cluster *cluster, const char *name)
{
	if (!hv_name_is_valid(name))
		return NULL;
	return find(cluster, RECORD_LPAR, record_key_name(name));
}

const Tarn__DrillRecord *cluster_drill(const struct cluster *cluster, uint64_t number)
{
	return find(cluster, RECORD_DRILL, record_key_number(number));
}

const Tarn__JobRecord *cluster_job(const struct cluster *cluster, uint64_t id)
{
	return find(cluster, RECORD_JOB, record_key_number(id));
}

const Tarn__HostOpRecord *cluster_op(const struct cluster *cluster, uint64_t id)
{
	return find(cluster, RECORD_OP, record_key_number(id));
}

const Tarn__UserRecord *cluster_user(const struct cluster *cluster, const char *name)
{
	if (!hv_name_is_valid(name))
		return NULL;
	return find(cluster, RECORD_USER, record_key_name(name));
}

struct live_host *cluster_live(const struct cluster *cluster, const char *host)
{
	return live_find(&cluster->live, host);
}

bool cluster_is_connected(const struct cluster *cluster, const char *host)
{
	return live_is_connected(cluster_live(cluster, host), cluster->now_ms);
}

size_t cluster_count(const struct cluster *cluster, enum record_kind kind)
{
	return cluster->tables[kind].count;
}

static const void *record_at(const struct cluster *cluster, enum record_kind kind,
			     size_t at)
{
	HV_INVARIANT(at < cluster->tables[kind].count);
	return cluster->tables[kind].slots[at].message;
}

const Tarn__HostRecord *cluster_host_at(const struct cluster *cluster, size_t at)
{
	return record_at(cluster, RECORD_HOST, at);
}

const Tarn__DeviceRecord *cluster_device_at(const struct cluster *cluster, size_t at)
{
	return record_at(cluster, RECORD_DEVICE, at);
}

const Tarn__LparRecord *cluster_lpar_at(const struct cluster *cluster, size_t at)
{
	return record_at(cluster, RECORD_LPAR, at);
}

const Tarn__DrillRecord *cluster_drill_at(const struct cluster *cluster, size_t at)
{
	return record_at(cluster, RECORD_DRILL, at);
}

const Tarn__JobRecord *cluster_job_at(const struct cluster *cluster, size_t at)
{
	return record_at(cluster, RECORD_JOB, at);
}

const Tarn__Event *cluster_event_at(const struct cluster *cluster, size_t at)
{
	return record_at(cluster, RECORD_EVENT, at);
}

const Tarn__HostOpRecord *cluster_op_at(const struct cluster *cluster, size_t at)
{
	return record_at(cluster, RECORD_OP, at);
}

const Tarn__UserRecord *cluster_user_at(const struct cluster *cluster, size_t at)
{
	return record_at(cluster, RECORD_USER, at);
}

size_t cluster_lpar_from(const struct cluster *cluster, const char *name)
{
	struct record_key key = record_key_name(name);

	return record_table_lower(&cluster->tables[RECORD_LPAR], &key);
}

size_t cluster_event_after(const struct cluster *cluster, uint64_t number)
{
	struct record_key key = record_key_number(number);
	const struct record_table *table = &cluster->tables[RECORD_EVENT];
	size_t at = record_table_lower(table, &key);

	if (at < table->count && cluster_event_at(cluster, at)->number == number)
		at++;
	return at;
}

const Tarn__DrillRecord *cluster_drill_on(const struct cluster *cluster, const char *host)
{
	for (size_t i = cluster_count(cluster, RECORD_DRILL); i-- > 0;) {
		const Tarn__DrillRecord *drill = cluster_drill_at(cluster, i);

		if (strcmp(drill->host, host) == 0 && strcmp(drill->phase, "done") != 0)
			return drill;
	}
	return NULL;
}
