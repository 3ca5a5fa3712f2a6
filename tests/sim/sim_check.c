/* sim_check - the rules of sim.h. */
#include "tests/sim/sim.h"

#include "coordinator/cluster/limits.h"
#include "hvcore/base/invariant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the log, record by record ---- */

static struct sim_order *find_order(struct sim *sim, const Tarn__LogRecord *log)
{
	for (size_t i = sim->order_count; log->has_key && i-- > 0;) {
		if (memcmp(sim->orders[i].key, log->key.data, JOURNAL_KEY_BYTES) == 0)
			return &sim->orders[i];
	}
	return NULL;
}

static struct sim_run *find_run(struct sim *sim, const char *name, uint64_t run_id)
{
	for (size_t i = sim->run_count; i-- > 0;) {
		if (sim->runs[i].run_id == run_id && strcmp(sim->runs[i].name, name) == 0)
			return &sim->runs[i];
	}
	return NULL;
}

static void check_key(const struct sim *sim, const Tarn__LogRecord *log,
		      struct sim_order *order)
{
	if (log->has_key && order == NULL)
		sim_fail(sim, "S6: an order that nobody gave is carried out", log->what);
	if (order == NULL)
		return;
	if (order->done_revision != 0)
		sim_fail(sim, "S2: an order is carried out twice", log->what);
	order->done_revision = log->revision;
	if (order->is_acknowledged)
		sim_fail(sim, "S2: an order is carried out after its answer", log->what);
}

static void check_runs(struct sim *sim, const Tarn__LogRecord *log,
		       const struct sim_order *order)
{
	for (size_t i = 0; i < log->n_lpars; i++) {
		const Tarn__LparRecord *lpar = log->lpars[i];
		const char *name = lpar->spec->name;
		const Tarn__LparRecord *old = cluster_lpar(&sim->shadow, name);
		struct sim_run *run;

		if (old != NULL && strcmp(old->host, lpar->host) != 0)
			sim_fail(sim, "S3: a partition changes its host", name);
		if (lpar->run_id == (old != NULL ? old->run_id : 0))
			continue;
		if (order == NULL ||
		    order->kind != TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE)
			sim_fail(sim, "S6: a run is given without an order", name);
		if (find_run(sim, name, lpar->run_id) != NULL)
			sim_fail(sim, "S3: a run is given twice", name);
		HV_INVARIANT(sim->run_count < SIM_RUNS_MAX);
		run = &sim->runs[sim->run_count++];
		*run = (struct sim_run){ .run_id = lpar->run_id };
		(void)snprintf(run->name, sizeof(run->name), "%s", name);
		(void)snprintf(run->host, sizeof(run->host), "%s", lpar->host);
		sim->counts.runs++;
	}
}

static void check_events(struct sim *sim, const Tarn__LogRecord *log)
{
	for (size_t i = 0; i < log->n_events; i++) {
		const Tarn__Event *event = log->events[i];
		uint64_t *last;

		if (event->number != ++sim->last_event)
			sim_fail(sim, "S8: events have a gap", event->text);
		if (!event->has_source_number)
			continue;
		last = &sim->last_source[event->host[1] - '1']; /* an agent's: h1 to h4 */
		if (event->source_number <= *last)
			sim_fail(sim, "S8: an event is kept twice", event->text);
		*last = event->source_number;
	}
	for (size_t i = 0; i < log->n_removed; i++) {
		for (unsigned host = 0; host < SIM_HOSTS; host++) {
			/* Added again it is a new host, which may tell all once more. */
			if (strncmp(log->removed[i], "host/", 5) == 0 &&
			    strcmp(log->removed[i] + 5, sim_host_name(host)) == 0)
				sim->last_source[host] = 0;
		}
	}
}

static bool is_being_killed(const struct cluster *cluster, const char *host,
			    const char *vios)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_OP); i++) {
		const Tarn__HostOpRecord *op = cluster_op_at(cluster, i);

		if (op->op->kind == TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL &&
		    strcmp(op->host, host) == 0 && strcmp(op->op->target, vios) == 0)
			return true;
	}
	return false;
}

/* VIOS of a host that nobody has ordered down. */
static unsigned left_up(const struct cluster *cluster, const char *name)
{
	const Tarn__HostRecord *host = cluster_host(cluster, name);
	unsigned count = 0;

	for (size_t i = 0; host != NULL && i < host->n_vios; i++)
		count += host->vios[i]->enabled && !host->vios[i]->maintenance &&
			 !is_being_killed(cluster, name, host->vios[i]->name);
	return count;
}

static bool has_user(const struct cluster *cluster, const char *host)
{
	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (strcmp(lpar->host, host) == 0 && limits_is_shared(lpar->spec) &&
		    limits_is_active(lpar))
			return true;
	}
	return false;
}

static void check_pairs(const struct sim *sim, const unsigned before[SIM_HOSTS],
			const struct sim_order *order)
{
	bool is_disable = order != NULL &&
			  order->kind == TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE &&
			  order->verb == TARN__VIOS_VERB__VIOS_VERB_UNASSIGN;

	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		const char *host = sim_host_name(i);

		if (cluster_host(&sim->shadow, host) == NULL || before[i] == 0 ||
		    left_up(&sim->shadow, host) != 0 ||
		    (order != NULL && order->is_forced) ||
		    (is_disable && !has_user(&sim->shadow, host)))
			continue;
		sim_fail(sim, "S5: both VIOS of a pair are ordered down", host);
	}
}

static void check_record(struct sim *sim, Tarn__LogRecord *log)
{
	struct sim_order *order = find_order(sim, log);
	unsigned up[SIM_HOSTS];
	struct hv_err err = { 0 };

	if (log->revision != sim->shadow.now.revision + 1)
		sim_fail(sim, "S1: the log has a hole", log->what);
	check_key(sim, log, order);
	check_runs(sim, log, order);
	check_events(sim, log);
	for (unsigned i = 0; i < SIM_HOSTS; i++)
		up[i] = left_up(&sim->shadow, sim_host_name(i));
	if (cluster_apply(&sim->shadow, log, &err) != HV_OK)
		sim_fail(sim, "the log does not apply", err.text);
	cluster_commit(&sim->shadow);
	check_pairs(sim, up, order);
	if (cluster_audit(&sim->shadow, &err) != HV_OK)
		sim_fail(sim, "S4: records do not hold together", err.text);
}

void sim_check_log(struct sim *sim)
{
	const struct memory_journal *journal = &sim->coordinator.journal;

	for (; sim->log_seen < journal->log_count; sim->log_seen++) {
		Tarn__LogRecord *log =
			tarn__log_record__unpack(NULL, journal->logs[sim->log_seen].count,
						 journal->logs[sim->log_seen].bytes);

		HV_INVARIANT(log != NULL);
		check_record(sim, log);
		tarn__log_record__free_unpacked(log, NULL);
	}
}

void sim_check_answers(struct sim *sim)
{
	for (size_t i = 0; i < sim->order_count; i++) {
		const struct sim_order *order = &sim->orders[i];

		if (!order->is_acknowledged)
			continue;
		if (order->code == HV_OK && order->done_revision == 0)
			sim_fail(sim, "S1: an acknowledged order is lost", "");
		if (order->code == HV_OK && order->done_revision != order->revision)
			sim_fail(sim, "S1: an order has another revision than told", "");
		if (order->code != HV_OK && order->done_revision != 0)
			sim_fail(sim, "S2: an order is refused and yet carried out", "");
	}
}

/* ---- the hosts ---- */

static bool is_one_of(const char *path, const struct world_partition *of)
{
	return path[0] != '\0' &&
	       (strcmp(path, of->path) == 0 || strcmp(path, of->mirror) == 0);
}

static bool shares_device(const struct world_partition *a,
			  const struct world_partition *b)
{
	return is_one_of(a->path, b) || is_one_of(a->mirror, b);
}

static bool is_remote(const struct sim *sim, const char *name)
{
	const struct cluster *cluster = &sim->shadow; /* it has no lifetime but ours */
	const Tarn__LparRecord *lpar = cluster_lpar(cluster, name);
	const Tarn__DeviceRecord *device = lpar != NULL && lpar->mirror != NULL
						   ? cluster_device(cluster, lpar->host,
								    lpar->mirror)
						   : NULL;

	return device != NULL && device->remote_host != NULL;
}

static void check_attached(struct sim *sim, unsigned host,
			   const struct world_run *attached)
{
	struct sim_run *run = find_run(sim, attached->name, attached->run_id);
	const struct world_partition *own = world_partition(sim->worlds[host],
							    attached->name);

	if (run == NULL || strcmp(run->host, sim_host_name(host)) != 0)
		sim_fail(sim, "S3: a run begins where it was not ordered",
			 attached->name);
	if (run->is_begun)
		sim_fail(sim, "S3: a run begins twice", attached->name);
	run->is_begun = true;
	sim->counts.mirrored += own != NULL && own->mirror[0] != '\0';
	sim->counts.remote += is_remote(sim, attached->name);
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		if (i != host &&
		    world_find(sim->worlds[i], AGENT_PARTITION, attached->name) != NULL)
			sim_fail(sim, "S3: a partition runs on two hosts",
				 attached->name);
	}
	for (size_t i = 0; own != NULL && own->path[0] != '\0' && i < WORLD_LPARS; i++) {
		const struct world_partition *other = &sim->worlds[host]->partitions[i];

		if (other != own && shares_device(other, own) &&
		    world_find(sim->worlds[host], AGENT_PARTITION, other->name) != NULL)
			sim_fail(sim, "S4: a device is used by two", own->path);
	}
}

void sim_check_hosts(struct sim *sim)
{
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		const struct agent_world *world = sim->worlds[i];

		while (sim->attached_seen[i] < world->attached_count)
			check_attached(sim, i, &world->attached[sim->attached_seen[i]++]);
	}
}

/* ---- the end ---- */

static bool differs(bool is_loud, const char *what, const char *name)
{
	if (is_loud)
		fprintf(stderr, "not as wanted: %s '%s'\n", what, name);
	return false;
}

static uint64_t memory_of(const Tarn__LparRecord *lpar)
{
	return lpar->has_granted_bytes ? lpar->granted_bytes : lpar->spec->mem_bytes;
}

/* Dedicated memory is nobody's share. */
static bool share_is_settled(const Tarn__LparSpec *spec, const struct world_partition *it)
{
	return spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED ||
	       (it->weight == spec->weight && it->entitled_bytes == spec->entitled_bytes);
}

static bool lpars_are_settled(const struct sim *sim, unsigned host, bool is_loud)
{
	const struct cluster *cluster = test_cluster(&sim->coordinator);
	struct agent_world *world = sim->worlds[host];
	unsigned running = 0;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);
		const struct world_process *process;
		const struct world_partition *memory;

		if (strcmp(lpar->host, sim_host_name(host)) != 0)
			continue;
		process = world_find(world, AGENT_PARTITION, lpar->spec->name);
		if (lpar->has_job || lpar->running != (process != NULL) ||
		    (process != NULL && process->run_id != lpar->run_id))
			return differs(is_loud, "LPAR", lpar->spec->name);
		memory = world_partition(world, lpar->spec->name);
		if (lpar->running && (memory == NULL || lpar->resize != NULL ||
				      memory->mem_bytes != memory_of(lpar)))
			return differs(is_loud, "memory of LPAR", lpar->spec->name);
		if (lpar->running && !share_is_settled(lpar->spec, memory))
			return differs(is_loud, "share of LPAR", lpar->spec->name);
		running += lpar->running;
	}
	if (running != world_alive(world, AGENT_PARTITION))
		return differs(is_loud, "partitions of host", sim_host_name(host));
	return true;
}

static bool vios_is_settled(struct agent_world *world, const Tarn__DesiredVios *vios)
{
	const struct world_vios *is = world_vios(world, vios->name);
	bool is_alive = world_find(world, AGENT_VIOS, vios->name) != NULL;

	if (!vios->enabled)
		return !is_alive;
	if (vios->maintenance)
		return !is_alive && is != NULL &&
		       is->state == TARN__VIOS_STATE__VIOS_MAINTENANCE;
	return is_alive && is != NULL &&
	       (is->state == TARN__VIOS_STATE__VIOS_ACTIVE ||
		is->state == TARN__VIOS_STATE__VIOS_STANDBY);
}

static bool host_is_settled(const struct sim *sim, unsigned host, bool is_loud)
{
	const Tarn__HostRecord *record = cluster_host(test_cluster(&sim->coordinator),
						      sim_host_name(host));
	struct agent_world *world = sim->worlds[host];
	bool has_pool;

	if (record == NULL)
		return true; /* never added: it has nothing */
	for (size_t i = 0; i < record->n_vios; i++) {
		if (!vios_is_settled(world, record->vios[i]))
			return differs(is_loud, record->vios[i]->name, record->name);
	}
	for (size_t i = 0; i < record->n_other_vios; i++) {
		if (world_find(world, AGENT_VIOS, record->other_vios[i]->name) != NULL)
			return differs(is_loud, record->other_vios[i]->name,
				       record->name);
	}
	if ((limits_importer(test_cluster(&sim->coordinator), record->name, NULL) !=
	     NULL) != (world_find(world, AGENT_EXPORTER, "") != NULL))
		return differs(is_loud, "exporter of host", record->name);
	has_pool = record->pool != NULL;
	if (record->has_pool_job || has_pool != world->pool_is_set ||
	    (has_pool && record->pool->mem_bytes != world->pool_bytes))
		return differs(is_loud, "pool of host", record->name);
	return lpars_are_settled(sim, host, is_loud);
}

static bool devices_are_settled(const struct sim *sim, bool is_loud)
{
	const struct cluster *cluster = test_cluster(&sim->coordinator);

	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *record = cluster_device_at(cluster, i);
		const Tarn__DesiredDevice *device = record->device;
		struct agent_world *world =
			sim->worlds[limits_device_host(record)[1] - '1'];
		const struct world_device *is = world_device(world, device->path);

		if (record->has_job || !record->ready || !is->has_header ||
		    memcmp(is->header.id, device->id.data, AGENT_ID_BYTES) != 0)
			return differs(is_loud, "device", device->path);
	}
	return true;
}

static bool jobs_are_settled(const struct sim *sim, bool is_loud)
{
	const struct cluster *cluster = test_cluster(&sim->coordinator);

	for (size_t i = 0; i < cluster_count(cluster, RECORD_JOB); i++) {
		const Tarn__JobRecord *job = cluster_job_at(cluster, i);

		if (!job->done)
			return differs(is_loud, "job", job->what);
	}
	if (cluster_count(cluster, RECORD_OP) != 0)
		return differs(is_loud, "orders to hosts", "");
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DRILL); i++) {
		const Tarn__DrillRecord *drill = cluster_drill_at(cluster, i);

		if (strcmp(drill->phase, "done") != 0 || drill->verdict == NULL)
			return differs(is_loud, "drill on host", drill->host);
	}
	return true;
}

bool sim_is_settled(struct sim *sim, bool is_loud)
{
	if (!sim->is_up || !sim_clients_are_idle(sim))
		return differs(is_loud, "a client", "");
	for (unsigned i = 0; i < SIM_HOSTS; i++) {
		if (sim->worlds[i]->core == NULL || !host_is_settled(sim, i, is_loud))
			return differs(is_loud, "host", sim_host_name(i));
	}
	return devices_are_settled(sim, is_loud) && jobs_are_settled(sim, is_loud);
}

void sim_count(const struct sim *sim, struct sim_counts *total)
{
	const struct cluster *cluster = test_cluster(&sim->coordinator);
	const uint64_t *from = (const uint64_t *)&sim->counts;
	uint64_t *to = (uint64_t *)total;

	static_assert(sizeof(*total) % sizeof(*to) == 0, "only numbers");
	for (size_t i = 0; i < sizeof(*total) / sizeof(*to); i++)
		to[i] += from[i];
	for (size_t i = 0; i < cluster_count(cluster, RECORD_DRILL); i++) {
		const Tarn__DrillRecord *drill = cluster_drill_at(cluster, i);

		total->drills++;
		total->verdicts += strcmp(drill->verdict, "passed") == 0;
	}
}
