/*
 * device - paging devices: recognised, formatted once, looked at again and again.
 *
 *   UNKNOWN --inspect--> ours: READY --every CORE_INSPECT_MS--> inspect
 *      |                 not ours: BLANK --format--> UNKNOWN
 *      |                           or FAILED where it was formatted before (A8)
 *      +--removed--> wipe --> WIPED; refused and still ours: FAILED
 *
 * All device I/O is done by one-shot children: a device that hangs, hangs them.
 */
#include "agent/core/core_priv.h"

#include "hvcore/wire/pgdev.h"

static_assert(AGENT_ID_BYTES == HV_PGDEV_ID_BYTES, "an owner is an agent id");

struct core_device *core_device_get(struct agent_core *core, const char *name,
				    bool may_add)
{
	struct core_device *found = NULL;

	if (!hv_name_is_valid(name))
		return NULL;
	for (size_t i = 0; i < CORE_DEVICES_MAX; i++) {
		if (strcmp(core->devices[i].name, name) == 0)
			return &core->devices[i];
		if (found == NULL && core->devices[i].name[0] == '\0')
			found = &core->devices[i];
	}
	if (!may_add || found == NULL)
		return NULL;
	*found = (struct core_device){ 0 };
	(void)snprintf(found->name, sizeof(found->name), "%s", name);
	return found;
}

static bool names(const char *device, const char *name)
{
	return device != NULL && strcmp(device, name) == 0;
}

/* The hypervisor says so, whatever is wanted of that partition, if it still is. */
static bool has(const struct core_lpar *lpar, const char *name)
{
	return lpar->stat != NULL &&
	       (names(lpar->stat->pgdev, name) || names(lpar->stat->mirror, name));
}

static bool is_to_have(const struct core_lpar *lpar, const char *name)
{
	return (lpar->process.is_alive || lpar->stat != NULL) && lpar->desired != NULL &&
	       lpar->desired->spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
	       (names(lpar->desired->device, name) || names(lpar->desired->mirror, name));
}

/* A hypervisor that was not asked yet may have partitions that nobody wants any more. */
static bool is_used(const struct agent_core *core, const char *name)
{
	const struct core_hypervisor *hypervisor = &core->hypervisor;

	if ((hypervisor->process.is_alive || hypervisor->is_unclear) &&
	    hypervisor->stat == NULL)
		return true;
	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		if (has(&core->lpars[i], name) || is_to_have(&core->lpars[i], name))
			return true;
	return false;
}

/* By whom it is to be owned: this host, or one whose VIOS has it from here. */
static const uint8_t *owner_id(const struct agent_core *core,
			       const Tarn__DesiredDevice *desired)
{
	return desired->has_owner_host_id && desired->owner_host_id.len == AGENT_ID_BYTES
		       ? desired->owner_host_id.data
		       : core->config.id;
}

static bool is_anothers(const Tarn__DesiredDevice *desired)
{
	return desired->has_owner_host_id;
}

static bool start_tool(struct agent_core *core, struct core_device *device,
		       enum agent_tool_kind kind)
{
	const Tarn__DesiredDevice *desired = device->desired;
	struct agent_tool what = { .kind = kind,
				   .path = desired->path,
				   .id = desired->id.data,
				   .owner_id = owner_id(core, desired),
				   .owner_name = is_anothers(desired)
							 ? desired->owner_host_name
							 : core->config.name,
				   .bytes = desired->bytes,
				   .owner_epoch = desired->owner_epoch,
				   .may_create = desired->create };
	struct core_tool *tool = NULL;
	struct hv_err err = { 0 };

	for (size_t i = 0; i < CORE_TOOLS_MAX; i++) {
		if (!core->tools[i].is_used)
			tool = &core->tools[i];
		else if (strcmp(core->tools[i].name, device->name) == 0)
			return false; /* of an older generation: one at a time */
	}
	if (tool == NULL)
		return false; /* a step follows the end of each */
	/* A format writes the whole device: no bound but its own progress. */
	what.deadline_ms = kind == AGENT_TOOL_FORMAT ? 0 : CORE_INSPECT_ASK_MS;
	*tool = (struct core_tool){ .is_used = true,
				    .tag = ++core->next_tag,
				    .kind = kind,
				    .generation = device->generation };
	(void)snprintf(tool->name, sizeof(tool->name), "%s", device->name);
	if (core->ops->tool(core->env, tool->tag, &what, &err) == HV_OK)
		return true;
	*tool = (struct core_tool){ 0 };
	core_error_set(&device->error, HV_E_OS, hv_err_text(&err));
	device->check_ms = core->now_ms + CORE_RETRY_MS;
	core_wake(core, device->check_ms);
	return false;
}

static void step_removed(struct agent_core *core, struct core_device *device)
{
	if (device->state == CORE_DEVICE_WIPED || device->state == CORE_DEVICE_WIPING ||
	    device->state == CORE_DEVICE_INSPECTING ||
	    device->state == CORE_DEVICE_FORMATTING || is_used(core, device->name))
		return;
	if (device->state == CORE_DEVICE_FAILED && !core_is_due(core, device->check_ms))
		return;
	if (start_tool(core, device, AGENT_TOOL_WIPE))
		device->state = CORE_DEVICE_WIPING;
}

static void step_one(struct agent_core *core, struct core_device *device)
{
	switch (device->state) {
	case CORE_DEVICE_UNKNOWN:
	case CORE_DEVICE_READY:
	case CORE_DEVICE_FAILED:
		if (device->is_final || !core_is_due(core, device->check_ms))
			return;
		if (!start_tool(core, device, AGENT_TOOL_INSPECT))
			return;
		if (device->state == CORE_DEVICE_UNKNOWN)
			device->state = CORE_DEVICE_INSPECTING;
		else
			device->check_ms = UINT64_MAX; /* until this one is done */
		return;
	case CORE_DEVICE_BLANK:
		if (core_is_due(core, device->check_ms) &&
		    start_tool(core, device, AGENT_TOOL_FORMAT))
			device->state = CORE_DEVICE_FORMATTING;
		return;
	default:
		return; /* a tool is at it */
	}
}

/* It lies on another host, whose agent cares for it: here it is only used. */
static void step_remote(const struct agent_core *core, struct core_device *device)
{
	if (!device->desired->removed)
		device->state = CORE_DEVICE_READY;
	else if (!is_used(core, device->name))
		device->state = CORE_DEVICE_WIPED;
}

void core_device_step(struct agent_core *core)
{
	for (size_t i = 0; i < CORE_DEVICES_MAX; i++) {
		struct core_device *device = &core->devices[i];

		if (device->desired == NULL)
			continue;
		if (device->desired->remote)
			step_remote(core, device);
		else if (device->desired->removed)
			step_removed(core, device);
		else
			step_one(core, device);
	}
}

static bool is_ours(const struct agent_core *core, const struct core_device *device,
		    const struct agent_header *header)
{
	const Tarn__DesiredDevice *desired = device->desired;

	return desired->id.len == AGENT_ID_BYTES &&
	       memcmp(header->id, desired->id.data, AGENT_ID_BYTES) == 0 &&
	       memcmp(header->host_id, owner_id(core, desired), AGENT_ID_BYTES) == 0 &&
	       header->owner_epoch == desired->owner_epoch;
}

/* Many devices are looked at less often: each look is a process. */
static uint64_t next_look_ms(const struct agent_core *core)
{
	uint64_t pause = core->desired->n_devices * CORE_INSPECT_EACH_MS;

	return core->now_ms + (pause > CORE_INSPECT_MS ? pause : CORE_INSPECT_MS);
}

static void fail(struct agent_core *core, struct core_device *device, enum hv_code code,
		 const char *text)
{
	bool is_news = device->state != CORE_DEVICE_FAILED ||
		       strcmp(device->error.text, text) != 0;

	device->state = CORE_DEVICE_FAILED;
	device->check_ms = next_look_ms(core);
	core_error_set(&device->error, code, text);
	if (is_news)
		core_event(core, TARN__EVENT_LEVEL__EVENT_ERROR, "pgdev.failed",
			   "paging device '%s': %s", device->name, text);
}

static void ready(struct agent_core *core, struct core_device *device,
		  const struct agent_header *header)
{
	if (device->state == CORE_DEVICE_FAILED)
		core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "pgdev.back",
			   "paging device '%s' is there again", device->name);
	if (device->formatted != device->generation)
		core_state_touch(core, true);
	device->formatted = device->generation;
	device->state = CORE_DEVICE_READY;
	device->usable_bytes = header->usable_bytes;
	device->error.code = HV_OK;
	device->check_ms = next_look_ms(core);
}

static void inspected(struct agent_core *core, struct core_device *device,
		      const struct agent_tool_result *result)
{
	bool is_there = result->code == HV_OK && result->header != NULL;

	if (is_there && is_ours(core, device, result->header)) {
		ready(core, device, result->header);
	} else if (device->formatted == device->generation) {
		/* A8: what was ours once is never formatted again. */
		fail(core, device, is_there ? HV_E_CORRUPT : result->code,
		     is_there ? "another header lies on it now" : result->text);
	} else if (result->code == HV_E_TIMEOUT) {
		fail(core, device, HV_E_TIMEOUT, result->text);
	} else {
		device->state =
			CORE_DEVICE_BLANK; /* the formatter refuses what it must */
		device->check_ms = 0;
	}
}

static void formatted(struct agent_core *core, struct core_device *device,
		      const struct agent_tool_result *result)
{
	if (result->code == HV_OK) {
		device->state = CORE_DEVICE_UNKNOWN; /* how big did it become? */
		device->check_ms = 0;
		return;
	}
	fail(core, device, result->code, result->text);
	device->is_final = !core_call_may_repeat(result->code);
}

/* Of a removed one, after its wipe was refused: is it ours at all? */
static void inspected_removed(struct agent_core *core, struct core_device *device,
			      const struct agent_tool_result *result)
{
	bool is_there = result->code == HV_OK && result->header != NULL;

	if (is_there && is_ours(core, device, result->header)) {
		char refusal[AGENT_TEXT_BYTES];

		core_text_set(refusal, "%s", device->error.text);
		fail(core, device, HV_E_BUSY, refusal);
		return;
	}
	device->state = CORE_DEVICE_WIPED; /* nothing of ours to wipe */
}

static void wiped(struct agent_core *core, struct core_device *device,
		  const struct agent_tool_result *result)
{
	if (result->code == HV_OK) {
		device->state = CORE_DEVICE_WIPED;
		device->error.code = HV_OK;
		return;
	}
	core_error_set(&device->error, result->code, result->text);
	device->state = CORE_DEVICE_FAILED;
	device->check_ms = core->now_ms + CORE_RETRY_MS;
	if (start_tool(core, device, AGENT_TOOL_INSPECT))
		device->state = CORE_DEVICE_INSPECTING;
}

void core_device_tool_done(struct agent_core *core, const struct core_tool *tool,
			   const struct agent_tool_result *result)
{
	struct core_device *device = core_device_get(core, tool->name, false);

	if (device == NULL || device->desired == NULL ||
	    device->generation != tool->generation)
		return; /* not wanted any more */
	if (tool->kind == AGENT_TOOL_WIPE)
		wiped(core, device, result);
	else if (device->desired->removed && tool->kind == AGENT_TOOL_INSPECT)
		inspected_removed(core, device, result);
	else if (tool->kind == AGENT_TOOL_INSPECT)
		inspected(core, device, result);
	else
		formatted(core, device, result);
}

void core_device_status(const struct agent_core *core, const struct core_device *device,
			struct core_status *ret)
{
	bool is_removed = device->desired->removed;

	*ret = (struct core_status){ .text = "" };
	switch (device->state) {
	case CORE_DEVICE_READY:
		ret->is_done = !is_removed;
		ret->usable_bytes = device->usable_bytes;
		ret->is_redundant = device->desired->vios == NULL &&
				    !is_anothers(device->desired) &&
				    core_vios_healthy(core) >= 2;
		break;
	case CORE_DEVICE_WIPED:
		ret->is_done = true;
		ret->code = HV_OK;
		ret->text = device->error.code != HV_OK ? device->error.text : "";
		break;
	case CORE_DEVICE_FAILED:
		ret->is_done = true;
		ret->code = device->error.code;
		ret->text = device->error.text;
		ret->usable_bytes = device->usable_bytes;
		break;
	case CORE_DEVICE_FORMATTING:
		ret->text = "being formatted";
		break;
	case CORE_DEVICE_WIPING:
		ret->text = "being wiped";
		break;
	default:
		ret->text = "being inspected";
		break;
	}
}
