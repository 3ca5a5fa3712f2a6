/* model_report - what a model host says; see model_host.h. */
#include "tests/support/model_host.h"

#include "hvcore/base/invariant.h"
#include "hvcore/wire/pgdev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OBJECTS (1 + MODEL_DEVICES + 3 * MODEL_LPARS + MODEL_OPS)

struct parts {
	Tarn__HostIdentity identity;
	Tarn__HostReport report;
	Tarn__HostStat stat;
	Tarn__PoolStat pool;
	Tarn__ViosStat vios[2];
	Tarn__ViosStat *vios_list[2];
	Tarn__InjectionStat injected;
	Tarn__InjectionStat *injected_list[1];
	Tarn__PartitionStat partitions[MODEL_LPARS];
	Tarn__PartitionStat *partition_list[MODEL_LPARS];
	Tarn__ManagerStat managers[MODEL_LPARS];
	Tarn__Histogram stalls[MODEL_LPARS];
	Tarn__GuestStat guests[MODEL_LPARS];
	Tarn__Failover failovers[8];
	Tarn__Failover *failover_list[8];
	Tarn__ObjectStatus objects[OBJECTS];
	Tarn__ObjectStatus *object_list[OBJECTS];
	Tarn__Event events[MODEL_EVENTS];
	Tarn__Event *event_list[MODEL_EVENTS];
	Tarn__Error error;
	Tarn__ExporterStat exporter;
	char url[64];
};

static void put_identity(const struct model_host *host, Tarn__HostIdentity *identity)
{
	tarn__host_identity__init(identity);
	identity->name = (char *)host->name;
	identity->agent_id.data = (uint8_t *)host->id;
	identity->agent_id.len = sizeof(host->id);
	identity->incarnation = host->incarnation;
	identity->version = HOST_PROTOCOL_VERSION;
	identity->has_memory_bytes = 1;
	identity->memory_bytes = host->memory_bytes;
	identity->has_lmb_bytes = 1;
	identity->lmb_bytes = host->lmb_bytes;
	identity->has_drills_allowed = 1;
	identity->drills_allowed = host->drills_allowed;
}

static uint8_t *pack(const Tarn__HostRequest *request, size_t *ret_count)
{
	uint8_t *bytes;

	*ret_count = tarn__host_request__get_packed_size(request);
	bytes = malloc(*ret_count + 1);
	HV_INVARIANT(bytes != NULL);
	(void)tarn__host_request__pack(request, bytes);
	return bytes;
}

uint8_t *model_host_poll(const struct model_host *host, size_t *ret_count)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	Tarn__HostPoll poll = TARN__HOST_POLL__INIT;
	Tarn__HostIdentity identity;

	put_identity(host, &identity);
	poll.identity = &identity;
	poll.revision = host->desired != NULL ? host->desired->revision : 0;
	request.kind_case = TARN__HOST_REQUEST__KIND_POLL;
	request.poll = &poll;
	return pack(&request, ret_count);
}

static bool are_both_healthy(const struct model_host *host)
{
	for (unsigned i = 0; i < 2; i++) {
		if (host->vios[i].state != TARN__VIOS_STATE__VIOS_ACTIVE &&
		    host->vios[i].state != TARN__VIOS_STATE__VIOS_STANDBY)
			return false;
	}
	return true;
}

static Tarn__ObjectStatus *add_object(struct parts *parts, Tarn__ObjectKind kind,
				      const char *name, uint64_t generation,
				      bool has_error)
{
	Tarn__ObjectStatus *object = &parts->objects[parts->report.n_objects];

	HV_INVARIANT(parts->report.n_objects < OBJECTS);
	tarn__object_status__init(object);
	object->kind = kind;
	object->name = (char *)name;
	object->generation = generation;
	object->done = true;
	object->error = has_error ? &parts->error : NULL;
	parts->object_list[parts->report.n_objects++] = object;
	return object;
}

static void put_devices(const struct model_host *host, struct parts *parts)
{
	for (size_t i = 0; i < MODEL_DEVICES; i++) {
		const struct model_device *device = &host->devices[i];
		Tarn__ObjectStatus *object;

		if (device->name[0] == '\0')
			continue;
		object = add_object(parts, TARN__OBJECT_KIND__OBJECT_DEVICE, device->name,
				    device->generation, device->has_error);
		object->has_bytes = 1;
		object->bytes = device->bytes - HV_PGDEV_HEADER_BYTES;
		object->has_redundant = 1;
		object->redundant = are_both_healthy(host) && !device->is_alone;
	}
}

/* Done, or it is at it. */
static void put_backing(const struct model_host *host, struct parts *parts,
			const struct model_lpar *lpar)
{
	uint64_t wanted = 0;

	for (size_t i = 0; host->desired != NULL && i < host->desired->n_lpars; i++)
		if (strcmp(host->desired->lpars[i]->spec->name, lpar->name) == 0)
			wanted = host->desired->lpars[i]->devices_generation;
	if (wanted == 0)
		return;
	if (wanted == lpar->devices_generation)
		(void)add_object(parts, TARN__OBJECT_KIND__OBJECT_DEVICES, lpar->name,
				 wanted, lpar->devices_have_error);
	else
		add_object(parts, TARN__OBJECT_KIND__OBJECT_DEVICES, lpar->name, wanted,
			   false)
			->done = false;
}

static void put_lpars(const struct model_host *host, struct parts *parts)
{
	for (size_t i = 0; i < MODEL_LPARS; i++) {
		const struct model_lpar *lpar = &host->lpars[i];
		Tarn__ObjectStatus *object;

		if (lpar->name[0] == '\0' || lpar->run_id == 0)
			continue;
		object = add_object(parts, TARN__OBJECT_KIND__OBJECT_LPAR, lpar->name,
				    lpar->run_id, lpar->has_error);
		object->done = lpar->is_running || lpar->is_over;
		object->has_running = 1;
		object->running = lpar->is_running;
		put_backing(host, parts, lpar);
		if (lpar->resize_generation == 0)
			continue;
		object = add_object(parts, TARN__OBJECT_KIND__OBJECT_RESIZE, lpar->name,
				    lpar->resize_generation, lpar->resize_has_error);
		object->has_bytes = 1;
		object->bytes = lpar->mem_bytes;
	}
}

static void put_objects(const struct model_host *host, struct parts *parts)
{
	if (host->pool_generation != 0)
		(void)add_object(parts, TARN__OBJECT_KIND__OBJECT_POOL, "",
				 host->pool_generation, host->pool_has_error);
	put_devices(host, parts);
	put_lpars(host, parts);
	for (size_t i = 0; i < MODEL_OPS; i++) {
		if (host->ops[i].id != 0)
			(void)add_object(parts, TARN__OBJECT_KIND__OBJECT_OP, "",
					 host->ops[i].id, host->ops[i].has_error);
	}
	parts->report.objects = parts->object_list;
}

static void put_mirror(Tarn__PartitionStat *stat, const struct model_lpar *lpar)
{
	stat->has_cross_bad = lpar->cross_bad != 0;
	stat->cross_bad = lpar->cross_bad;
	stat->has_cross_bad_page = lpar->cross_bad != 0;
	stat->cross_bad_page = 4711;
	stat->cross_bad_vios = lpar->cross_bad != 0 ? (char *)"vios2" : NULL;
	if (lpar->mirror[0] == '\0')
		return;
	stat->mirror = (char *)lpar->mirror;
	stat->has_missed = stat->has_mirror_missed = stat->has_redundant = 1;
	stat->missed = lpar->missed;
	stat->mirror_missed = lpar->mirror_missed;
	stat->has_healed = stat->has_resynced = 1;
	stat->healed = lpar->healed;
	stat->resynced = lpar->resynced;
	stat->redundant = lpar->missed + lpar->mirror_missed == 0;
}

static void put_partition(Tarn__PartitionStat *stat, Tarn__ManagerStat *manager,
			  const struct model_lpar *lpar)
{
	tarn__partition_stat__init(stat);
	tarn__manager_stat__init(manager);
	manager->want_pages = lpar->want_pages;
	stat->manager = lpar->want_pages != 0 ? manager : NULL;
	stat->has_ordered_weight = stat->has_ordered_entitled_bytes = lpar->is_shared;
	stat->ordered_weight = lpar->weight;
	stat->ordered_entitled_bytes = lpar->entitled_bytes;
	stat->has_io_mapped_bytes = true;
	stat->io_mapped_bytes = lpar->io_mapped_bytes;
	stat->name = (char *)lpar->name;
	stat->primary = lpar->primary[0] != '\0' ? (char *)lpar->primary : NULL;
	stat->given_primary = stat->primary;
	stat->current = lpar->current[0] != '\0' ? (char *)lpar->current : NULL;
	stat->pgdev = lpar->device[0] != '\0' ? (char *)lpar->device : NULL;
	put_mirror(stat, lpar);
	stat->run_id = lpar->run_id;
	stat->state = lpar->is_waiting ? TARN__PARTITION_STATE__PARTITION_WAITING
				       : TARN__PARTITION_STATE__PARTITION_RUNNING;
	stat->mode = lpar->is_shared ? TARN__MEMORY_MODE__MEMORY_MODE_SHARED
				     : TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	stat->has_logical_pages = stat->has_stolen_pages = stat->has_page_ins = 1;
	stat->has_verify_passes = stat->has_pages_verified = stat->has_verify_bad = 1;
	stat->has_longest_stall_us = 1;
	stat->reason = lpar->is_waiting ? (char *)"no paging VIOS" : NULL;
	stat->logical_pages = lpar->mem_bytes / HV_PAGE_BYTES;
	stat->stolen_pages = lpar->stolen_pages;
	stat->page_ins = lpar->page_ins;
	stat->has_page_outs = stat->has_operations_per_s = 1;
	stat->page_outs = lpar->page_outs;
	stat->has_io_errors = stat->has_checksum_errors = 1;
	stat->io_errors = lpar->io_errors;
	stat->checksum_errors = lpar->checksum_errors;
	stat->operations_per_s = lpar->is_waiting ? 0 : 200;
	stat->has_cpu_us = 1;
	stat->cpu_us = 1000 + lpar->page_ins;
	stat->has_processor_uncapped_us = 1;
	stat->processor_uncapped_us = 300;
	stat->verify_passes = lpar->verify_passes;
	stat->pages_verified = lpar->verify_passes != 0 ? stat->logical_pages : 0;
	stat->verify_bad = lpar->bad_pages;
	stat->longest_stall_us = lpar->longest_stall_us;
}

static void put_failovers(const struct model_host *host, struct parts *parts)
{
	char *const names[] = { (char *)host->vios[0].name, (char *)host->vios[1].name,
				(char *)"" };

	for (size_t i = 0; i < host->failover_count; i++) {
		Tarn__Failover *failover = &parts->failovers[i];

		tarn__failover__init(failover);
		failover->number = host->failovers[i].number;
		failover->kind = (char *)host->failovers[i].kind;
		failover->from = names[host->failovers[i].from];
		failover->to = names[host->failovers[i].to];
		failover->has_first_page_us = host->failovers[i].has_page;
		failover->first_page_us = 4000;
		failover->has_detected_us = failover->has_decided_us =
			failover->has_switched_us = 1;
		failover->detected_us = 1000;
		failover->decided_us = 20;
		failover->switched_us = 300;
		failover->has_quarantined_slots = 1;
		failover->quarantined_slots = 3;
		parts->failover_list[i] = failover;
	}
	parts->stat.failovers = parts->failover_list;
	parts->stat.n_failovers = host->failover_count;
}

static void put_stat(const struct model_host *host, struct parts *parts)
{
	for (unsigned i = 0; i < 2; i++) {
		if (host->vios[i].name[0] == '\0')
			continue;
		tarn__vios_stat__init(&parts->vios[i]);
		parts->vios[i].name = (char *)host->vios[i].name;
		parts->vios[i].state = host->vios[i].state;
		parts->vios[i].has_epoch = 1;
		parts->vios[i].epoch = host->vios[i].epoch;
		parts->vios_list[parts->stat.n_vios++] = &parts->vios[i];
	}
	tarn__injection_stat__init(&parts->injected);
	parts->injected.kind = TARN__INJECTION_KIND__INJECTION_ERROR;
	parts->injected.active = host->injecting != 0;
	parts->injected.hits = host->hits;
	parts->injected_list[0] = &parts->injected;
	parts->vios[0].injected = parts->injected_list;
	parts->vios[0].n_injected = host->hits != 0;
	parts->stat.vios = parts->vios_list;
	for (size_t i = 0; i < MODEL_LPARS; i++) {
		Tarn__PartitionStat *stat = &parts->partitions[parts->stat.n_partitions];

		if (!host->lpars[i].is_running)
			continue;
		put_partition(stat, &parts->managers[i], &host->lpars[i]);
		tarn__histogram__init(&parts->stalls[i]);
		parts->stalls[i].buckets = (uint64_t *)host->lpars[i].stalls;
		parts->stalls[i].n_buckets = HV_HIST_BUCKETS;
		if (host->lpars[i].is_guest) {
			tarn__guest_stat__init(&parts->guests[i]);
			stat->guest = &parts->guests[i];
			stat->fault_latency = &parts->stalls[i];
		} else {
			stat->stall = &parts->stalls[i];
		}
		stat->has_slots_quarantined = 1;
		stat->slots_quarantined = host->quarantined;
		parts->partition_list[parts->stat.n_partitions++] = stat;
	}
	parts->stat.partitions = parts->partition_list;
	tarn__pool_stat__init(&parts->pool);
	parts->pool.has_clock_ms = 1;
	parts->pool.clock_ms = host->clock_ms;
	parts->stat.pool = host->clock_ms != 0 ? &parts->pool : NULL;
	parts->stat.has_hypervisor_incarnation = 1;
	parts->stat.hypervisor_incarnation = host->hypervisor;
	parts->stat.has_hang_ms = host->hang_ms != 0;
	parts->stat.hang_ms = host->hang_ms;
	parts->stat.has_lmbs_hypervisor = 1;
	parts->stat.lmbs_hypervisor = 1;
	put_failovers(host, parts);
	parts->report.stat = &parts->stat;
}

static void put_events(const struct model_host *host, struct parts *parts)
{
	for (size_t i = 0; i < host->event_count; i++) {
		Tarn__Event *event = &parts->events[i];

		tarn__event__init(event);
		event->wall_ms = host->events[i].number;
		event->level = TARN__EVENT_LEVEL__EVENT_INFO;
		event->host = (char *)host->name;
		event->kind = (char *)"model.event";
		event->text = (char *)host->events[i].text;
		event->has_source_number = 1;
		event->source_number = host->events[i].number;
		parts->event_list[i] = event;
	}
	parts->report.events = parts->event_list;
	parts->report.n_events = host->event_count;
}

static void put_exporter(const struct model_host *host, struct parts *parts)
{
	if (host->desired == NULL || !host->desired->exports)
		return;
	tarn__exporter_stat__init(&parts->exporter);
	parts->exporter.up = !host->exporter_is_down;
	(void)snprintf(parts->url, sizeof(parts->url), "ipc:///run/%s/export.ipc",
		       host->name);
	parts->exporter.url = host->export_url != NULL ? (char *)host->export_url
						       : parts->url;
	parts->report.exporter = &parts->exporter;
}

uint8_t *model_host_report(struct model_host *host, size_t *ret_count)
{
	Tarn__HostRequest request = TARN__HOST_REQUEST__INIT;
	struct parts *parts = calloc(1, sizeof(*parts));
	uint8_t *bytes;

	HV_INVARIANT(parts != NULL);
	tarn__host_report__init(&parts->report);
	tarn__host_stat__init(&parts->stat);
	tarn__error__init(&parts->error);
	parts->error.code = HV_E_IO;
	parts->error.text = (char *)"the model was told to fail";
	put_identity(host, &parts->identity);
	parts->report.identity = &parts->identity;
	parts->report.revision = host->desired != NULL ? host->desired->revision : 0;
	parts->report.has_hypervisor_up = 1;
	parts->report.hypervisor_up = true;
	parts->report.has_number = 1;
	parts->report.number = ++host->report_number;
	put_exporter(host, parts);
	put_objects(host, parts);
	put_stat(host, parts);
	put_events(host, parts);
	request.kind_case = TARN__HOST_REQUEST__KIND_REPORT;
	request.report = &parts->report;
	bytes = pack(&request, ret_count);
	free(parts);
	return bytes;
}
