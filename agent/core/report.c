/*
 * report - everything the coordinator wants to know, as one message: the status of
 * each object it desires, the hypervisor's stat with what only the agent knows of
 * the VIOS and of processors, events.
 */
#include "agent/core/core_priv.h"

#include <stdlib.h>

#define REPORT_EVENTS_MAX 128 /* a report; the rest follows the acknowledgement */

struct parts {
	Tarn__HostRequest request;
	Tarn__HostReport report;
	Tarn__HostIdentity identity;
	Tarn__HostStat stat;
	Tarn__ExporterStat exporter;
	Tarn__PartitionStat partitions[HV_HOST_LPARS_MAX];
	Tarn__PartitionStat *partition_list[HV_HOST_LPARS_MAX];
	struct core_trace_room trace;
	Tarn__ViosStat vios[CORE_VIOS_MAX];
	Tarn__ViosStat *vios_list[CORE_VIOS_MAX];
	Tarn__Event events[REPORT_EVENTS_MAX];
	Tarn__Event *event_list[REPORT_EVENTS_MAX];
	Tarn__Error errors[HV_HOST_OBJECTS_MAX];
	Tarn__ObjectStatus objects[HV_HOST_OBJECTS_MAX];
	Tarn__ObjectStatus *object_list[HV_HOST_OBJECTS_MAX];
};

void core_identity_put(const struct agent_core *core, Tarn__HostIdentity *ret)
{
	const struct agent_config *config = &core->config;

	tarn__host_identity__init(ret);
	ret->name = (char *)config->name;
	ret->agent_id.data = (uint8_t *)config->id;
	ret->agent_id.len = AGENT_ID_BYTES;
	ret->incarnation = config->incarnation;
	ret->version = HOST_PROTOCOL_VERSION;
	ret->has_memory_bytes = true;
	ret->memory_bytes = config->memory_bytes;
	ret->has_lmb_bytes = true;
	ret->lmb_bytes = config->lmb_bytes;
	ret->has_drills_allowed = true;
	ret->drills_allowed = config->drills_allowed;
}

void agent_core_identity(const struct agent_core *core, Tarn__HostIdentity *ret)
{
	core_identity_put(core, ret);
}

/* Who gets each object: one that builds a report, or one that hashes. */
struct sink {
	void (*put)(struct sink *sink, Tarn__ObjectKind kind, const char *name,
		    uint64_t generation, const struct core_status *status);
	struct parts *parts;
	uint64_t hash;
};

static void walk_lpars(const struct agent_core *core, struct sink *sink)
{
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		const struct core_lpar *lpar = &core->lpars[i];
		struct core_status status;

		if (lpar->desired == NULL)
			continue;
		core_lpar_status(lpar, &status);
		sink->put(sink, TARN__OBJECT_KIND__OBJECT_LPAR, lpar->name,
			  lpar->desired->run_id, &status);
		if (lpar->desired->has_devices_generation) {
			core_backing_status(lpar, &status);
			sink->put(sink, TARN__OBJECT_KIND__OBJECT_DEVICES, lpar->name,
				  lpar->desired->devices_generation, &status);
		}
		if (lpar->desired->resize == NULL)
			continue;
		core_resize_status(core, lpar, &status);
		sink->put(sink, TARN__OBJECT_KIND__OBJECT_RESIZE, lpar->name,
			  lpar->desired->resize->generation, &status);
	}
}

static void walk_devices(const struct agent_core *core, struct sink *sink)
{
	for (size_t i = 0; i < CORE_DEVICES_MAX; i++) {
		const struct core_device *device = &core->devices[i];
		struct core_status status;

		if (device->desired == NULL)
			continue;
		core_device_status(core, device, &status);
		sink->put(sink, TARN__OBJECT_KIND__OBJECT_DEVICE, device->name,
			  device->generation, &status);
	}
}

static void walk_ops(const struct agent_core *core, struct sink *sink)
{
	for (size_t i = 0; i < CORE_OPS_MAX; i++) {
		const struct core_op *op = &core->ops_[i];
		struct core_status status = { .is_done = op->is_done, .text = op->text };

		if (op->id == 0 || op->desired == NULL)
			continue;
		if (op->is_done && op->error.code != HV_OK) {
			status.code = op->error.code;
			status.text = op->error.text;
		}
		sink->put(sink, TARN__OBJECT_KIND__OBJECT_OP,
			  op->desired->target != NULL ? op->desired->target : "", op->id,
			  &status);
	}
}

static void walk(const struct agent_core *core, struct sink *sink)
{
	struct core_status status;

	if (core->desired == NULL)
		return;
	if (core->desired->pool != NULL) {
		core_pool_status(core, &status);
		sink->put(sink, TARN__OBJECT_KIND__OBJECT_POOL, "",
			  core->desired->pool->generation, &status);
	}
	walk_devices(core, sink);
	walk_lpars(core, sink);
	walk_ops(core, sink);
}

static void mix_byte(struct sink *sink, uint8_t byte)
{
	sink->hash = (sink->hash ^ byte) * 0x100000001b3u; /* FNV-1a */
}

static void mix_number(struct sink *sink, uint64_t number)
{
	for (unsigned shift = 0; shift < 64; shift += 8)
		mix_byte(sink, (uint8_t)(number >> shift));
}

/* With its end: "ab" and "c" are not "a" and "bc". */
static void mix_text(struct sink *sink, const char *text)
{
	do
		mix_byte(sink, (uint8_t)*text);
	while (*text++ != '\0');
}

static void put_hash(struct sink *sink, Tarn__ObjectKind kind, const char *name,
		     uint64_t generation, const struct core_status *status)
{
	mix_number(sink, kind);
	mix_number(sink, generation);
	mix_number(sink, status->is_done);
	mix_number(sink, status->is_running);
	mix_number(sink, status->is_redundant);
	mix_number(sink, status->code);
	mix_number(sink, status->usable_bytes);
	mix_text(sink, name);
	mix_text(sink, status->text);
}

uint64_t core_report_hash(const struct agent_core *core)
{
	struct sink sink = { .put = put_hash, .hash = 0xcbf29ce484222325u };
	Tarn__ExporterStat exporter;

	walk(core, &sink);
	mix_number(&sink, core_hypervisor_is_up(core));
	if (core_exporter_report(core, &exporter))
		mix_number(&sink, 1u + exporter.up);
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		Tarn__ViosStat stat;

		if (core->vios[i].name[0] == '\0')
			continue;
		core_vios_report(core, &core->vios[i],
				 core_vios_stat(core, core->vios[i].name), &stat);
		mix_number(&sink, stat.state);
	}
	return sink.hash;
}

static void put_object(struct sink *sink, Tarn__ObjectKind kind, const char *name,
		       uint64_t generation, const struct core_status *status)
{
	Tarn__HostReport *report = &sink->parts->report;
	size_t at = report->n_objects;
	Tarn__ObjectStatus *to = &sink->parts->objects[at];
	Tarn__Error *error = &sink->parts->errors[at];

	if (at == HV_HOST_OBJECTS_MAX)
		return; /* more than the decoder let in: cannot be */
	tarn__object_status__init(to);
	to->kind = kind;
	to->name = (char *)name;
	to->generation = generation;
	to->done = status->is_done;
	if (status->code != HV_OK) {
		tarn__error__init(error);
		error->code = status->code;
		error->text = (char *)status->text;
		to->error = error;
	} else {
		to->text = (char *)status->text;
	}
	to->has_running = kind == TARN__OBJECT_KIND__OBJECT_LPAR;
	to->running = status->is_running;
	to->has_bytes = kind == TARN__OBJECT_KIND__OBJECT_DEVICE ||
			kind == TARN__OBJECT_KIND__OBJECT_RESIZE;
	to->bytes = status->usable_bytes;
	to->has_redundant = kind == TARN__OBJECT_KIND__OBJECT_DEVICE;
	to->redundant = status->is_redundant;
	sink->parts->object_list[report->n_objects++] = to;
}

static const struct core_lpar *find_lpar(const struct agent_core *core, const char *name)
{
	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		if (strcmp(core->lpars[i].name, name) == 0)
			return &core->lpars[i];
	return NULL;
}

static void put_processors(struct parts *parts, const struct agent_core *core)
{
	const struct agent_config *config = &core->config;
	bool is_limited = config->groups != NULL && config->groups[0] != '\0';

	parts->stat.has_processors = config->processors != 0;
	parts->stat.processors = config->processors;
	parts->stat.processor_groups = is_limited ? (char *)config->groups : NULL;
	parts->stat.processors_unlimited = is_limited ? NULL : (char *)config->unlimited;
	for (size_t i = 0; i < parts->stat.n_partitions; i++) {
		const Tarn__PartitionStat *from = core->hypervisor.stat->partitions[i];
		const struct core_lpar *lpar = find_lpar(core, from->name);

		parts->partitions[i] = *from;
		parts->partition_list[i] = &parts->partitions[i];
		if (lpar != NULL && lpar->run.started == from->run_id)
			core_processor_put(lpar, &parts->partitions[i]);
		core_trace_put(core, &parts->partitions[i], &parts->trace);
	}
	parts->stat.partitions = parts->partition_list;
}

static void put_stat(struct parts *parts, const struct agent_core *core)
{
	const struct core_hypervisor *hv = &core->hypervisor;

	if (!core_hypervisor_is_up(core) || hv->is_silent)
		return; /* nothing fresh to say */
	parts->stat = *hv->stat;
	put_processors(parts, core);
	parts->stat.n_vios = 0;
	parts->stat.vios = parts->vios_list;
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		const struct core_vios *vios = &core->vios[i];
		Tarn__ViosStat *to = &parts->vios[parts->stat.n_vios];

		if (vios->name[0] == '\0')
			continue;
		core_vios_report(core, vios, core_vios_stat(core, vios->name), to);
		parts->vios_list[parts->stat.n_vios++] = to;
	}
	parts->report.stat = &parts->stat;
}

static void put_events(struct parts *parts, struct agent_core *core)
{
	size_t count = core->events.count;

	if (count > REPORT_EVENTS_MAX)
		count = REPORT_EVENTS_MAX;
	for (size_t i = 0; i < count; i++) {
		core_event_put(core, &core->events.at[i], &parts->events[i]);
		parts->event_list[i] = &parts->events[i];
	}
	parts->report.n_events = count;
	parts->report.events = parts->event_list;
}

enum hv_code core_report_send(struct agent_core *core, uint32_t tag)
{
	struct parts *parts = calloc(1, sizeof(*parts));
	struct sink sink = { .put = put_object, .parts = parts };
	enum hv_code code;

	if (parts == NULL)
		return HV_E_NOMEM;
	tarn__host_request__init(&parts->request);
	tarn__host_report__init(&parts->report);
	core_identity_put(core, &parts->identity);
	parts->report.identity = &parts->identity;
	parts->report.revision = core->desired != NULL ? core->desired->revision : 0;
	parts->report.objects = parts->object_list;
	parts->report.has_hypervisor_up = true;
	parts->report.hypervisor_up = core_hypervisor_is_up(core);
	parts->report.has_number = true;
	parts->report.number = core->dialog.number + 1;
	if (core_exporter_report(core, &parts->exporter))
		parts->report.exporter = &parts->exporter;
	walk(core, &sink);
	put_stat(parts, core);
	put_events(parts, core);
	parts->request.kind_case = TARN__HOST_REQUEST__KIND_REPORT;
	parts->request.report = &parts->report;
	code = core->ops->send(core->env, tag, &parts->request, CORE_REPORT_ASK_MS, NULL);
	if (code == HV_OK)
		core->dialog.number++;
	free(parts);
	return code;
}
