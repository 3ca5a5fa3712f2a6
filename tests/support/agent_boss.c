/* agent_boss - see agent_boss.h. */
#include "tests/support/agent_boss.h"

#include "hvcore/base/invariant.h"
#include "hvcore/wire/injection_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOSS_HELD_MS 30000

static bool is_lost(struct agent_boss *boss)
{
	return boss->loss_percent > 0 &&
	       hv_rng_below(&boss->world->rng, 100) < boss->loss_percent;
}

/* ---- the desired state as a message ---- */

struct desired_parts {
	Tarn__HostReply reply;
	Tarn__HostPollReply poll;
	Tarn__HostDesired desired;
	Tarn__DesiredPool pool;
	Tarn__DesiredVios vios[HV_HOST_VIOS_MAX];
	Tarn__DesiredVios *vios_list[HV_HOST_VIOS_MAX];
	Tarn__DesiredDevice devices[BOSS_DEVICES];
	Tarn__DesiredDevice *device_list[BOSS_DEVICES];
	Tarn__DesiredLpar lpars[BOSS_LPARS];
	Tarn__DesiredResize resizes[BOSS_LPARS];
	Tarn__DesiredLpar *lpar_list[BOSS_LPARS];
	Tarn__LparSpec specs[BOSS_LPARS];
	Tarn__Workload workload;
	Tarn__GuestSpec guest;
	Tarn__VirtualDisk disk_room, *disk;
	Tarn__HostOp ops[BOSS_OPS];
	Tarn__Injection injections[BOSS_OPS];
	Tarn__HostOp *op_list[BOSS_OPS];
};

static void put_vios(struct agent_boss *boss, struct desired_parts *parts)
{
	static const char *const names[HV_HOST_VIOS_MAX] = { "vios1", "vios2" };

	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++) {
		const char *name = boss->vios[i].name;

		if (boss->vios[i].is_not_assigned)
			continue;
		tarn__desired_vios__init(&parts->vios[i]);
		parts->vios[i].has_failback_ms = true;
		parts->vios[i].failback_ms = boss->failback_ms;
		parts->vios[i].name = (char *)(uintptr_t)(name != NULL ? name : names[i]);
		parts->vios[i].enabled = boss->vios[i].is_enabled;
		parts->vios[i].maintenance = boss->vios[i].is_maintained;
		parts->vios[i].remote_host = (char *)(uintptr_t)boss->vios[i].remote_host;
		parts->vios[i].remote_url = (char *)(uintptr_t)boss->vios[i].remote_url;
		parts->vios_list[parts->desired.n_vios++] = &parts->vios[i];
	}
	parts->desired.vios = parts->vios_list;
}

static void put_devices(struct agent_boss *boss, struct desired_parts *parts)
{
	static uint8_t owner_id[AGENT_ID_BYTES] = { [0 ... AGENT_ID_BYTES - 1] = 0x29 };

	for (size_t i = 0; i < BOSS_DEVICES; i++) {
		struct boss_device *from = &boss->devices[i];
		Tarn__DesiredDevice *to = &parts->devices[parts->desired.n_devices];

		if (from->name[0] == '\0')
			continue;
		tarn__desired_device__init(to);
		to->name = from->name;
		to->generation = from->generation;
		to->path = from->path;
		to->bytes = UINT64_C(64) << 20;
		to->id.data = from->id;
		to->id.len = AGENT_ID_BYTES;
		to->owner_epoch = 1;
		to->vios = (char *)(uintptr_t)from->vios;
		to->has_remote = from->is_remote;
		to->remote = from->is_remote;
		to->has_owner_host_id = from->owner != NULL;
		to->owner_host_id.data = owner_id;
		to->owner_host_id.len = AGENT_ID_BYTES;
		to->owner_host_name = (char *)(uintptr_t)from->owner;
		to->has_create = true;
		to->create = from->may_create;
		to->has_removed = true;
		to->removed = from->is_removed;
		parts->device_list[parts->desired.n_devices++] = to;
	}
	parts->desired.devices = parts->device_list;
}

static void put_lpars(struct agent_boss *boss, struct desired_parts *parts)
{
	tarn__workload__init(&parts->workload);
	tarn__virtual_disk__init(&parts->disk_room);
	parts->disk_room.slot = 2;
	parts->disk_room.bytes = 1 << 20;
	parts->disk = &parts->disk_room;
	parts->workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	tarn__guest_spec__init(&parts->guest);
	parts->guest.kind = TARN__GUEST_KIND__GUEST_QEMU_X86_64;
	parts->guest.kernel = (char *)(uintptr_t) "/boot/vmlinuz";
	for (size_t i = 0; i < BOSS_LPARS; i++) {
		struct boss_lpar *from = &boss->lpars[i];
		size_t at = parts->desired.n_lpars;
		Tarn__DesiredLpar *to = &parts->lpars[at];
		Tarn__LparSpec *spec = &parts->specs[at];

		if (from->name[0] == '\0')
			continue;
		tarn__lpar_spec__init(spec);
		spec->name = from->name;
		spec->mode = from->is_dedicated ? TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED
						: TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
		spec->min_bytes = UINT64_C(16) << 20;
		spec->mem_bytes = UINT64_C(32) << 20;
		spec->max_bytes = UINT64_C(128) << 20;
		spec->workload = &parts->workload;
		spec->guest = from->is_guest ? &parts->guest : NULL;
		spec->has_weight = spec->has_entitled_bytes = !from->is_dedicated;
		spec->weight = from->weight;
		spec->entitled_bytes = from->entitled_bytes;
		tarn__desired_lpar__init(to);
		to->spec = spec;
		to->run_id = from->run_id;
		to->running = from->is_running;
		to->has_immediate = true;
		to->immediate = from->is_immediate;
		to->device = from->device;
		to->primary = (char *)(uintptr_t)from->primary;
		to->mirror = (char *)(uintptr_t)from->mirror;
		to->has_devices_generation = from->devices_generation != 0;
		to->devices_generation = from->devices_generation;
		to->has_made = true;
		to->made = from->made;
		spec->n_disks = from->has_disk;
		spec->disks = &parts->disk;
		to->processors = from->has_processors ? &from->processors : NULL;
		if (from->resize_generation != 0) {
			Tarn__DesiredResize *resize =
				&parts->resizes[parts->desired.n_lpars];

			tarn__desired_resize__init(resize);
			resize->generation = from->resize_generation;
			resize->mem_bytes = from->resize_bytes;
			to->resize = resize;
		}
		parts->lpar_list[parts->desired.n_lpars++] = to;
	}
	parts->desired.lpars = parts->lpar_list;
}

static void put_ops(struct agent_boss *boss, struct desired_parts *parts)
{
	for (size_t i = 0; i < BOSS_OPS; i++) {
		struct boss_op *from = &boss->ops[i];
		Tarn__HostOp *to = &parts->ops[parts->desired.n_ops];

		if (from->id == 0)
			continue;
		tarn__host_op__init(to);
		to->id = from->id;
		to->kind = from->kind;
		to->target = from->target;
		if (from->injection.kind != 0) {
			to->injection = &parts->injections[parts->desired.n_ops];
			hv_injection_write(&from->injection, to->injection);
		}
		to->has_ms = from->ms != 0;
		to->ms = from->ms;
		parts->op_list[parts->desired.n_ops++] = to;
	}
	parts->desired.ops = parts->op_list;
}

static void answer_poll(struct agent_boss *boss, uint32_t tag, bool with_desired)
{
	struct desired_parts *parts = calloc(1, sizeof(*parts));

	HV_INVARIANT(parts != NULL);
	tarn__host_reply__init(&parts->reply);
	tarn__host_poll_reply__init(&parts->poll);
	tarn__host_desired__init(&parts->desired);
	parts->desired.epoch = boss->epoch;
	parts->desired.revision = boss->revision;
	if (boss->pool_generation != 0) {
		tarn__desired_pool__init(&parts->pool);
		parts->pool.generation = boss->pool_generation;
		parts->pool.mem_bytes = boss->pool_bytes;
		parts->pool.max_bytes = boss->pool_bytes;
		parts->desired.pool = &parts->pool;
	}
	parts->desired.has_firmware_lmbs = boss->firmware_lmbs != 0;
	parts->desired.firmware_lmbs = boss->firmware_lmbs;
	parts->desired.has_exports = boss->exports;
	parts->desired.exports = boss->exports;
	put_vios(boss, parts);
	put_devices(boss, parts);
	put_lpars(boss, parts);
	put_ops(boss, parts);
	if (with_desired)
		parts->poll.desired = &parts->desired;
	parts->reply.kind_case = TARN__HOST_REPLY__KIND_POLL;
	parts->reply.poll = &parts->poll;
	if (is_lost(boss))
		world_coordinator_answer(boss->world, tag, HV_E_GONE, NULL, 20);
	else
		world_coordinator_answer(boss->world, tag, HV_OK, &parts->reply,
					 world_between(boss->world, 0, 5));
	free(parts);
}

/* ---- polls and reports ---- */

struct held {
	struct agent_boss *boss;
	uint32_t tag;
	uint64_t agent;
};

static void on_held(struct agent_world *world, void *arg)
{
	struct held *held = arg;

	if (held->boss->held_tag == held->tag && held->boss->held_agent == held->agent &&
	    held->agent == world->config.incarnation) {
		held->boss->held_tag = 0;
		answer_poll(held->boss, held->tag, false);
	}
	free(held);
}

static void take_poll(struct agent_boss *boss, uint32_t tag, const Tarn__HostPoll *poll)
{
	struct world_happening *it;
	struct held *held;

	boss->polls++;
	if (boss->revision > poll->revision) {
		answer_poll(boss, tag, true);
		return;
	}
	held = calloc(1, sizeof(*held));
	HV_INVARIANT(held != NULL);
	*held = (struct held){ boss, tag, boss->world->config.incarnation };
	boss->held_tag = tag;
	boss->held_agent = held->agent;
	it = world_at(boss->world, BOSS_HELD_MS, WORLD_CALL);
	it->fn = on_held;
	it->arg = held;
}

static uint64_t take_events(struct agent_boss *boss, const Tarn__HostReport *report)
{
	uint64_t last = boss->event_count > 0 ? boss->events[boss->event_count - 1].number
					      : 0;

	for (size_t i = 0; i < report->n_events; i++) {
		const Tarn__Event *from = report->events[i];
		struct boss_event *to = &boss->events[boss->event_count];

		if (from->source_number <= last)
			continue; /* a resend */
		HV_INVARIANT(boss->event_count < BOSS_EVENTS);
		last = to->number = from->source_number;
		to->level = from->level;
		(void)snprintf(to->kind, sizeof(to->kind), "%s", from->kind);
		(void)snprintf(to->text, sizeof(to->text), "%s", from->text);
		boss->event_count++;
	}
	return last;
}

static void take_report(struct agent_boss *boss, uint32_t tag,
			const Tarn__HostReport *report)
{
	Tarn__HostReply reply = TARN__HOST_REPLY__INIT;
	Tarn__HostReportReply answer = TARN__HOST_REPORT_REPLY__INIT;
	uint8_t *bytes = NULL;
	size_t count = 0;

	if (hv_message_encode(&report->base, &bytes, &count, NULL) != HV_OK)
		world_fail(boss->world, "a report does not encode", "");
	if (boss->report != NULL)
		tarn__host_report__free_unpacked(boss->report, NULL);
	boss->report = tarn__host_report__unpack(NULL, count, bytes);
	free(bytes);
	HV_INVARIANT(boss->report != NULL);
	boss->reports++;
	answer.has_events_acknowledged = true;
	answer.events_acknowledged = take_events(boss, report);
	answer.traced = (char *)(uintptr_t)boss->traced;
	reply.kind_case = TARN__HOST_REPLY__KIND_REPORT;
	reply.report = &answer;
	if (is_lost(boss))
		world_coordinator_answer(boss->world, tag, HV_E_GONE, NULL, 20);
	else
		world_coordinator_answer(boss->world, tag, HV_OK, &reply,
					 world_between(boss->world, 0, 5));
}

static void refuse(struct agent_boss *boss, uint32_t tag,
		   const Tarn__HostRequest *request)
{
	Tarn__HostReply reply = TARN__HOST_REPLY__INIT;
	Tarn__HostPollReply poll = TARN__HOST_POLL_REPLY__INIT;
	Tarn__HostReportReply report = TARN__HOST_REPORT_REPLY__INIT;
	Tarn__Error error = TARN__ERROR__INIT;
	char text[] = "host 'h1' is refused";

	error.code = boss->refusal;
	error.text = text;
	poll.error = &error;
	report.error = &error;
	if (request->kind_case == TARN__HOST_REQUEST__KIND_POLL) {
		reply.kind_case = TARN__HOST_REPLY__KIND_POLL;
		reply.poll = &poll;
	} else {
		reply.kind_case = TARN__HOST_REPLY__KIND_REPORT;
		reply.report = &report;
	}
	world_coordinator_answer(boss->world, tag, HV_OK, &reply, 1);
}

static void on_send(struct agent_world *world, uint32_t tag,
		    const Tarn__HostRequest *request, void *arg)
{
	struct agent_boss *boss = arg;

	if (boss->is_away) {
		world_coordinator_answer(world, tag, HV_E_TIMEOUT, NULL, 5000);
	} else if (is_lost(boss)) {
		world_coordinator_answer(world, tag, HV_E_GONE, NULL, 20);
	} else if (boss->refusal != HV_OK) {
		refuse(boss, tag, request);
	} else if (request->kind_case == TARN__HOST_REQUEST__KIND_POLL) {
		take_poll(boss, tag, request->poll);
	} else {
		take_report(boss, tag, request->report);
	}
}

/* ---- the test's side ---- */

void boss_open(struct agent_boss *boss, struct agent_world *world)
{
	*boss = (struct agent_boss){ .world = world, .epoch = 1, .next_id = 1 };
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++)
		boss->vios[i].is_enabled = true;
	boss_pool(boss, UINT64_C(512) << 20);
	world->on_send = on_send;
	world->arg = boss;
}

void boss_close(struct agent_boss *boss)
{
	for (size_t i = 0; i < WORLD_HAPPENINGS; i++) {
		struct world_happening *it = &boss->world->happenings[i];

		if (it->at_ms != 0 && it->what == WORLD_CALL && it->fn == on_held)
			free(it->arg);
	}
	if (boss->report != NULL)
		tarn__host_report__free_unpacked(boss->report, NULL);
}

void boss_publish(struct agent_boss *boss)
{
	uint32_t tag = boss->held_tag;

	boss->revision++;
	boss->held_tag = 0;
	if (tag != 0 && boss->held_agent == boss->world->config.incarnation)
		answer_poll(boss, tag, true);
}

struct boss_lpar *boss_lpar(struct agent_boss *boss, const char *name)
{
	struct boss_lpar *room = NULL;

	for (size_t i = 0; i < BOSS_LPARS; i++) {
		if (strcmp(boss->lpars[i].name, name) == 0)
			return &boss->lpars[i];
		if (room == NULL && boss->lpars[i].name[0] == '\0')
			room = &boss->lpars[i];
	}
	HV_INVARIANT(room != NULL);
	*room = (struct boss_lpar){ .run_id = boss->next_id++, .weight = 128 };
	(void)snprintf(room->name, sizeof(room->name), "%s", name);
	return room;
}

void boss_activate(struct agent_boss *boss, struct boss_lpar *lpar)
{
	lpar->run_id = boss->next_id++;
	lpar->is_running = true;
	lpar->is_immediate = false;
	lpar->resize_generation = 0;
}

uint64_t boss_resize(struct agent_boss *boss, struct boss_lpar *lpar, uint64_t bytes)
{
	lpar->resize_generation = boss->next_id++;
	lpar->resize_bytes = bytes;
	return lpar->resize_generation;
}

struct boss_device *boss_device(struct agent_boss *boss, const char *name)
{
	struct boss_device *room = NULL;

	for (size_t i = 0; i < BOSS_DEVICES; i++) {
		if (strcmp(boss->devices[i].name, name) == 0)
			return &boss->devices[i];
		if (room == NULL && boss->devices[i].name[0] == '\0')
			room = &boss->devices[i];
	}
	HV_INVARIANT(room != NULL);
	*room = (struct boss_device){ .generation = boss->next_id++, .may_create = true };
	(void)snprintf(room->name, sizeof(room->name), "%s", name);
	(void)snprintf(room->path, sizeof(room->path), "/dev/%s", name);
	for (size_t i = 0; i < AGENT_ID_BYTES; i++)
		room->id[i] = (uint8_t)(room->generation >> (i % 8 * 8));
	return room;
}

uint64_t boss_order(struct agent_boss *boss, Tarn__HostOpKind kind, const char *target)
{
	for (size_t i = 0; i < BOSS_OPS; i++) {
		struct boss_op *op = &boss->ops[i];

		if (op->id != 0)
			continue;
		*op = (struct boss_op){ .id = boss->next_id++, .kind = kind };
		(void)snprintf(op->target, sizeof(op->target), "%s", target);
		return op->id;
	}
	HV_UNREACHABLE("too many orders");
}

void boss_pool(struct agent_boss *boss, uint64_t bytes)
{
	boss->pool_generation = boss->next_id++;
	boss->pool_bytes = bytes;
}

const Tarn__ObjectStatus *boss_status(const struct agent_boss *boss,
				      Tarn__ObjectKind kind, const char *name,
				      uint64_t generation)
{
	for (size_t i = 0; boss->report != NULL && i < boss->report->n_objects; i++) {
		const Tarn__ObjectStatus *status = boss->report->objects[i];

		if (status->kind == kind && status->generation == generation &&
		    (kind == TARN__OBJECT_KIND__OBJECT_OP ||
		     strcmp(status->name, name) == 0))
			return status;
	}
	return NULL;
}

bool boss_is_done(const struct agent_boss *boss, Tarn__ObjectKind kind, const char *name,
		  uint64_t generation)
{
	const Tarn__ObjectStatus *status = boss_status(boss, kind, name, generation);

	return status != NULL && status->done;
}

unsigned boss_heard(const struct agent_boss *boss, const char *kind)
{
	unsigned heard = 0;

	for (size_t i = 0; i < boss->event_count; i++)
		heard += strcmp(boss->events[i].kind, kind) == 0;
	return heard;
}

const struct boss_event *boss_last(const struct agent_boss *boss, const char *kind)
{
	for (size_t i = boss->event_count; i > 0; i--) {
		if (strcmp(boss->events[i - 1].kind, kind) == 0)
			return &boss->events[i - 1];
	}
	return NULL;
}
