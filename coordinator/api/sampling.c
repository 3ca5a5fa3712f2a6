/*
 * sampling - when samples are taken, and of what (C19).
 *
 *   tick    every host whose interval began since the last tick: one batch, one commit
 *   tick    a host that went, came or changed its state
 *   commit  LPARs whose state or configuration the batch changed, with that batch
 *
 * Intervals are whole ones of the wall clock, so that hosts of one rate are due
 * together and a restart takes no sample twice. What could not be sampled or committed
 * is missing, as if nobody had looked: no order fails for the sake of a sample.
 */
#include "coordinator/api/engine_priv.h"

#include "coordinator/cluster/machine.h"
#include "coordinator/cluster/utilization.h"
#include "hvcore/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum told { TOLD_NOTHING, TOLD_GONE, TOLD_DOWN, TOLD_OPERATING };

static void give_up(const char *host, const struct hv_err *err)
{
	log_warn("coordinator.sample_missed", "host=%s reason=\"%s\"", host,
		 hv_err_text(err));
}

static enum hv_code keep(struct engine *engine, const Tarn__UtilizationSample *sample,
			 const char *host, struct hv_err *err)
{
	struct journal_sample *grown =
		realloc(engine->samples, (engine->sample_count + 1) * sizeof(*grown));
	struct journal_sample *kept;
	enum hv_code code;

	if (grown == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a sample");
	engine->samples = grown;
	kept = &grown[engine->sample_count];
	*kept = (struct journal_sample){ .wall_ms = sample->wall_ms,
					 .event = sample->event };
	(void)snprintf(kept->host, sizeof(kept->host), "%s", host);
	code = hv_message_encode(&sample->base, &kept->bytes, &kept->count, err);
	if (code == HV_OK)
		engine->sample_count++;
	return code;
}

static void sample_host(struct engine *engine, const Tarn__HostRecord *host,
			const struct host_use *use)
{
	Tarn__UtilizationSample *sample = NULL;
	struct hv_err err = { 0 };
	enum hv_code code = utilization_sample(&engine->cluster, host, use, &sample,
					       &err);

	if (code == HV_OK)
		code = keep(engine, sample, host->name, &err);
	if (code != HV_OK)
		give_up(host->name, &err);
	utilization_free(sample);
}

struct change {
	Tarn__UtilizationEvent event;
	bool with_host;
	const Tarn__LparRecord **lpars;
	size_t count;
};

static void sample_change(struct engine *engine, const Tarn__HostRecord *host,
			  const struct change *change)
{
	Tarn__UtilizationSample *sample = NULL;
	struct hv_err err = { 0 };
	enum hv_code code = utilization_change(&engine->cluster, host, change->with_host,
					       change->lpars, change->count, &sample,
					       &err);

	if (code == HV_OK) {
		sample->event = change->event;
		code = keep(engine, sample, host->name, &err);
	}
	if (code != HV_OK)
		give_up(host->name, &err);
	utilization_free(sample);
}

/* It reports, or is paper, which always has its figures. */
static bool is_there(const struct cluster *cluster, const Tarn__HostRecord *host)
{
	return !machine_is_there(host) || cluster_is_connected(cluster, host->name);
}

static bool is_due(const struct engine *engine, const Tarn__HostRecord *host)
{
	uint64_t every_ms = (uint64_t)host->sample_rate_s * 1000;

	return every_ms != 0 &&
	       engine->cluster.wall_ms / every_ms != engine->sampled_ms / every_ms;
}

static void note_state(struct engine *engine, const Tarn__HostRecord *host)
{
	const struct change change = {
		.event = TARN__UTILIZATION_EVENT__UTILIZATION_STATE_CHANGE,
		.with_host = true,
	};
	struct live_host *live = cluster_live(&engine->cluster, host->name);
	unsigned now = TOLD_GONE;

	if (live == NULL)
		return;
	if (live_is_connected(live, engine->cluster.now_ms))
		now = live->report->hypervisor_up ? TOLD_OPERATING : TOLD_DOWN;
	if (now == live->told || (now == TOLD_GONE && live->told == TOLD_NOTHING))
		return;
	live->told = now;
	if (host->sample_rate_s != 0)
		sample_change(engine, host, &change);
}

/* One look at all LPARs for all hosts that are due. */
static void sample_due(struct engine *engine)
{
	const struct cluster *cluster = &engine->cluster;
	size_t count = cluster_count(cluster, RECORD_HOST);
	struct host_use *uses = calloc(count + 1, sizeof(*uses));

	if (uses == NULL) {
		log_warn("coordinator.sample_missed", "hosts=%zu reason=\"no memory\"",
			 count);
		return;
	}
	limits_use_all(cluster, LIMITS_RUNNING, uses);
	for (size_t i = 0; i < count; i++) {
		const Tarn__HostRecord *host = cluster_host_at(cluster, i);

		if (is_due(engine, host) && is_there(cluster, host))
			sample_host(engine, host, &uses[i]);
	}
	free(uses);
}

void sampling_tick(struct engine *engine)
{
	const struct cluster *cluster = &engine->cluster;
	bool is_any_due = false;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++) {
		const Tarn__HostRecord *host = cluster_host_at(cluster, i);

		note_state(engine, host);
		is_any_due = is_any_due ||
			     (is_due(engine, host) && is_there(cluster, host));
	}
	if (is_any_due)
		sample_due(engine);
	engine->sampled_ms = cluster->wall_ms;
}

static const ProtobufCMessage *now_of(const struct cluster *cluster,
				      const struct cluster_change *change)
{
	return record_table_find(&cluster->tables[change->kind], &change->key);
}

/* The first change of a record in a batch has what it was before the batch. */
static bool is_first(const struct cluster *cluster, size_t at)
{
	const struct cluster_change *change = &cluster->changes[at];

	for (size_t i = 0; i < at; i++) {
		const struct cluster_change *other = &cluster->changes[i];

		if (other->kind == change->kind &&
		    record_key_compare(&other->key, &change->key) == 0)
			return false;
	}
	return true;
}

static size_t changed_lpars(const struct cluster *cluster, const char *host,
			    bool (*differs)(const Tarn__LparRecord *old,
					    const Tarn__LparRecord *now),
			    const Tarn__LparRecord **ret_lpars)
{
	size_t count = 0;

	for (size_t i = 0; i < cluster->change_count; i++) {
		const struct cluster_change *change = &cluster->changes[i];
		const Tarn__LparRecord *now;

		if (change->kind != RECORD_LPAR)
			continue;
		now = (const Tarn__LparRecord *)now_of(cluster, change);
		if (now != NULL && strcmp(now->host, host) == 0 &&
		    differs((const Tarn__LparRecord *)change->old, now) &&
		    is_first(cluster, i))
			ret_lpars[count++] = now;
	}
	return count;
}

static void note_lpars(struct engine *engine, const Tarn__HostRecord *host,
		       const Tarn__LparRecord **lpars)
{
	struct change change = {
		.event = TARN__UTILIZATION_EVENT__UTILIZATION_CONFIG_CHANGE,
		.with_host = true,
		.lpars = lpars,
	};

	change.count = changed_lpars(&engine->cluster, host->name,
				     utilization_config_differs, lpars);
	if (change.count > 0)
		sample_change(engine, host, &change);
	change.event = TARN__UTILIZATION_EVENT__UTILIZATION_STATE_CHANGE;
	change.with_host = false;
	change.count = changed_lpars(&engine->cluster, host->name,
				     utilization_state_differs, lpars);
	if (change.count > 0)
		sample_change(engine, host, &change);
}

static uint64_t pool_of(const Tarn__HostRecord *host, bool is_max)
{
	if (host == NULL || host->pool == NULL)
		return 0;
	return is_max ? host->pool->max_bytes : host->pool->mem_bytes;
}

static void note_host(struct engine *engine, const Tarn__HostRecord *old,
		      const Tarn__HostRecord *now)
{
	const struct change change = {
		.event = TARN__UTILIZATION_EVENT__UTILIZATION_CONFIG_CHANGE,
		.with_host = true,
	};

	if (old == NULL || old->memory_bytes != now->memory_bytes ||
	    pool_of(old, false) != pool_of(now, false) ||
	    pool_of(old, true) != pool_of(now, true))
		sample_change(engine, now, &change);
	if (old != NULL && old->sample_rate_s != now->sample_rate_s &&
	    is_there(&engine->cluster, now)) {
		struct host_use use = limits_use(&engine->cluster, now, LIMITS_RUNNING);

		sample_host(engine, now, &use); /* the first one at once */
	}
}

static void note_hosts(struct engine *engine)
{
	const struct cluster *cluster = &engine->cluster;

	for (size_t i = 0; i < cluster->change_count; i++) {
		const struct cluster_change *change = &cluster->changes[i];
		const Tarn__HostRecord *now;

		if (change->kind != RECORD_HOST)
			continue;
		now = (const Tarn__HostRecord *)now_of(cluster, change);
		if (now != NULL && now->sample_rate_s != 0 && is_first(cluster, i))
			note_host(engine, (const Tarn__HostRecord *)change->old, now);
	}
}

static size_t count_kind(const struct cluster *cluster, enum record_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < cluster->change_count; i++)
		count += cluster->changes[i].kind == kind;
	return count;
}

void sampling_changes(struct engine *engine)
{
	const struct cluster *cluster = &engine->cluster;
	size_t lpars = count_kind(cluster, RECORD_LPAR);
	const Tarn__LparRecord **list;

	note_hosts(engine);
	if (lpars == 0)
		return;
	list = calloc(lpars, sizeof(*list));
	if (list == NULL) {
		log_warn("coordinator.sample_missed", "lpars=%zu reason=\"no memory\"",
			 lpars);
		return;
	}
	for (size_t i = 0; i < cluster_count(cluster, RECORD_HOST); i++) {
		const Tarn__HostRecord *host = cluster_host_at(cluster, i);

		if (host->sample_rate_s != 0)
			note_lpars(engine, host, list);
	}
	free(list);
}
