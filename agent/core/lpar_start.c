/*
 * lpar_start - from "wanted" to a process, in this order, and the answers of the
 * hypervisor on the way:
 *
 *   hypervisor up, pool set, paging devices ready, a paging VIOS there (A4)
 *   define there: memory charged, a token given (A4)
 *   `started` saved, over a power cut (A5)
 *   process
 */
#include "agent/core/core_priv.h"
#include "hvcore/wire/lpar_adapters.h"

static bool wait_for(struct core_lpar *lpar, const char *what)
{
	core_text_set(lpar->wait, "waits for %s", what);
	return false;
}

static bool give_up(struct agent_core *core, struct core_lpar *lpar, enum hv_code code,
		    const char *text)
{
	core_lpar_end(core, lpar, core_lpar_wanted(lpar), code, text);
	return false;
}

static bool device_is_ready(struct agent_core *core, struct core_lpar *lpar,
			    const char *name)
{
	struct core_device *device = core_device_get(core, name, false);
	char text[AGENT_TEXT_BYTES];

	if (device == NULL || device->desired == NULL || device->desired->removed)
		return give_up(core, lpar, HV_E_NOTFOUND,
			       "its paging device is not one of this host's");
	if (device->state == CORE_DEVICE_FAILED) {
		core_text_set(text, "paging device '%.31s': %.200s", name,
			      device->error.text);
		return give_up(core, lpar, device->error.code, text);
	}
	if (device->state != CORE_DEVICE_READY)
		return wait_for(lpar, "its paging device");
	return true;
}

static const Tarn__DesiredDevice *desired_device(struct agent_core *core,
						 const char *name)
{
	return name != NULL ? core_device_get(core, name, false)->desired : NULL;
}

/* A mirror is another one, behind the other VIOS. */
static bool is_mirror(const Tarn__DesiredDevice *device,
		      const Tarn__DesiredDevice *mirror)
{
	return device->vios != NULL && mirror->vios != NULL &&
	       strcmp(device->vios, mirror->vios) != 0;
}

static bool devices_are_ready(struct agent_core *core, struct core_lpar *lpar)
{
	const char *name = lpar->desired->device, *mirror = lpar->desired->mirror;

	if (name == NULL || name[0] == '\0')
		return give_up(core, lpar, HV_E_INVAL, "it was given no paging device");
	if (!device_is_ready(core, lpar, name))
		return false;
	if (mirror == NULL)
		return true;
	if (!device_is_ready(core, lpar, mirror))
		return false;
	return is_mirror(desired_device(core, name), desired_device(core, mirror)) ||
	       give_up(core, lpar, HV_E_INVAL,
		       "its two paging devices do not lie one behind each VIOS");
}

/* One of those that reach its device. */
static bool has_vios(struct agent_core *core, const struct core_lpar *lpar)
{
	const char *only = desired_device(core, lpar->desired->device)->vios;
	const struct core_vios *vios;
	Tarn__ViosStat stat;

	if (only == NULL || lpar->desired->mirror != NULL)
		return core_vios_healthy(core) > 0;
	vios = core_vios_get(core, only, false);
	if (vios == NULL)
		return false;
	core_vios_report(core, vios, core_vios_stat(core, only), &stat);
	return core_vios_is_healthy(&stat);
}

static bool pool_is_ready(struct agent_core *core, struct core_lpar *lpar)
{
	const Tarn__DesiredPool *pool = core->desired->pool;
	char text[AGENT_TEXT_BYTES];

	if (pool != NULL && core->pool.applied == 0 &&
	    core->pool.failed == pool->generation) {
		core_text_set(text, "shared memory pool: %.200s", core->pool.error.text);
		return give_up(core, lpar, core->pool.error.code, text);
	}
	if (core->hypervisor.stat->pool == NULL)
		return wait_for(lpar, "the shared memory pool");
	return true;
}

static bool is_ready(struct agent_core *core, struct core_lpar *lpar)
{
	if (!core_hypervisor_is_up(core))
		return wait_for(lpar, "the hypervisor");
	if (lpar->desired->spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED)
		return true;
	if (!pool_is_ready(core, lpar) || !devices_are_ready(core, lpar))
		return false;
	if (!has_vios(core, lpar))
		return wait_for(lpar, "a paging VIOS");
	return true;
}

/* A disk of another definition under that name is not to be read by this one. */
static bool claim_disks(struct agent_core *core, struct core_lpar *lpar)
{
	const Tarn__LparSpec *spec = lpar->desired->spec;
	struct hv_err err = { 0 };
	bool has_own = false;

	for (size_t i = 0; i < spec->n_disks; i++)
		has_own = has_own || spec->disks[i]->path == NULL;
	if (!has_own || core->ops->claim_disks(core->env, lpar->name, lpar->desired->made,
					       &err) == HV_OK)
		return true;
	lpar->retry_ms = core->now_ms + CORE_RETRY_MS;
	core_wake(core, lpar->retry_ms);
	core_text_set(lpar->wait, "waits for its disks: %.200s", hv_err_text(&err));
	return false;
}

void core_lpar_put_device(struct agent_core *core, const struct core_lpar *lpar,
			  Tarn__HvDevice *device, Tarn__HvMirror *mirror)
{
	const Tarn__DesiredDevice *from = desired_device(core, lpar->desired->device);
	const Tarn__DesiredDevice *other = desired_device(core, lpar->desired->mirror);

	device->name = from->name;
	device->path = from->path;
	device->id = from->id;
	device->owner_epoch = from->owner_epoch;
	device->primary = lpar->desired->primary;
	device->vios = from->vios;
	device->has_remote = from->remote;
	device->remote = from->remote;
	if (other == NULL)
		return;
	mirror->name = other->name;
	mirror->path = other->path;
	mirror->id = other->id;
	mirror->owner_epoch = other->owner_epoch;
	mirror->has_remote = other->remote;
	mirror->remote = other->remote;
	device->mirror = mirror;
}

static void ask_define(struct agent_core *core, struct core_lpar *lpar)
{
	const Tarn__LparSpec *spec = lpar->desired->spec;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPartitionDefine define = TARN__HV_PARTITION_DEFINE__INIT;
	Tarn__HvDevice device = TARN__HV_DEVICE__INIT;
	Tarn__HvMirror mirror = TARN__HV_MIRROR__INIT;
	struct core_call what = { .kind = CORE_CALL_DEFINE,
				  .number = lpar->desired->run_id };

	define.name = lpar->name;
	define.run_id = lpar->desired->run_id;
	define.mode = spec->mode;
	define.mem_bytes = spec->mem_bytes;
	/* a guest keeps what it begins with: nothing is charged for more */
	define.max_bytes = spec->guest != NULL ? spec->mem_bytes : spec->max_bytes;
	define.has_hpt_ratio = true;
	define.hpt_ratio = spec->hpt_ratio;
	define.has_virtual_adapters = true;
	define.virtual_adapters = spec->virtual_adapters;
	define.n_disks = spec->n_disks; /* lent: only encoded */
	define.disks = spec->disks;
	define.n_ethernets = spec->n_ethernets;
	define.ethernets = spec->ethernets;
	if (spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED) {
		define.has_weight = true;
		define.weight = spec->weight;
		define.has_sees_pool = true;
		define.sees_pool = spec->sees_pool;
		define.has_entitled_bytes = true;
		define.entitled_bytes = hv_lpar_entitled(spec);
		core_lpar_put_device(core, lpar, &device, &mirror);
		define.device = &device;
	}
	request.kind_case = TARN__HV_REQUEST__KIND_DEFINE;
	request.define = &define;
	(void)snprintf(what.name, sizeof(what.name), "%s", lpar->name);
	lpar->is_busy = core_call(core, &what, &request, CORE_ASK_MS) == HV_OK;
}

/* Of its device; NULL: none, or it lies on another host. */
static const char *path_here(struct agent_core *core, const char *name)
{
	const Tarn__DesiredDevice *device = desired_device(core, name);

	return device != NULL && !device->remote ? device->path : NULL;
}

static void spawn(struct agent_core *core, struct core_lpar *lpar)
{
	struct agent_spawn what = { .kind = AGENT_PARTITION,
				    .name = lpar->name,
				    .run_id = lpar->desired->run_id,
				    .token = lpar->token,
				    .spec = lpar->desired->spec };
	const Tarn__Processors *processors = lpar->desired->processors;
	uint64_t before = lpar->run.started;
	struct agent_instance instance = { 0 };
	struct hv_err err = { 0 };
	enum hv_code code;

	if (what.spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED) {
		what.pgdev = path_here(core, lpar->desired->device);
		what.mirror = path_here(core, lpar->desired->mirror);
	}
	what.processors = processors != NULL ? processors->procs : 0;
	lpar->run.started = what.run_id;
	lpar->run.is_announced = false;
	core_state_touch(core, true);
	if (core_state_flush(core, &err) != HV_OK) { /* A5 */
		lpar->run.started = before;
		lpar->retry_ms = core->now_ms + CORE_RETRY_MS;
		core_wake(core, lpar->retry_ms);
		core_text_set(lpar->wait, "waits for %.200s", hv_err_text(&err));
		return;
	}
	code = core->ops->spawn(core->env, &what, &instance, &err);
	if (code == HV_OK) {
		core_process_set(core, &lpar->process, &instance);
		core_processor_begin(core, lpar);
		if (instance.shares_disk)
			core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "lpar.one_disk",
				   "partition '%s' pages to the disk on which the "
				   "hypervisor pages it",
				   lpar->name);
	} else if (code == HV_E_EXISTS) {
		core_lpar_find(core, lpar); /* else settle() looks again */
	} else {
		core_lpar_end(core, lpar, what.run_id, code, hv_err_text(&err));
	}
	core->hypervisor.is_busy = true;
}

void core_lpar_start(struct agent_core *core, struct core_lpar *lpar)
{
	if (lpar->is_busy || !is_ready(core, lpar) || !core_is_due(core, lpar->retry_ms))
		return;
	core_text_set(lpar->wait, "being started");
	if (lpar->defined == core_lpar_wanted(lpar))
		spawn(core, lpar);
	else if (claim_disks(core, lpar))
		ask_define(core, lpar);
}

static void defined(struct agent_core *core, struct core_lpar *lpar,
		    const struct core_call *call, enum hv_code code,
		    const Tarn__HvReply *reply, const char *text)
{
	const Tarn__HvPartitionDefined *answer = reply != NULL ? reply->defined : NULL;

	if (code == HV_OK && (answer == NULL || answer->token.len != HV_TOKEN_BYTES)) {
		code = HV_E_CORRUPT;
		text = "the hypervisor gave no token";
	}
	if (code != HV_OK) {
		core_lpar_end(core, lpar, call->number, code, text);
		return;
	}
	memcpy(lpar->token, answer->token.data, HV_TOKEN_BYTES);
	lpar->defined = call->number;
	lpar->defined_stat = core_hypervisor_next_stat(core);
}

void core_lpar_answered(struct agent_core *core, const struct core_call *call,
			enum hv_code code, const Tarn__HvReply *reply, const char *text)
{
	struct core_lpar *lpar = core_lpar_get(core, call->name, false);

	if (lpar == NULL || call->hypervisor != core->hypervisor.generation)
		return; /* is_busy was reset with the hypervisor */
	lpar->is_busy = false;
	core->hypervisor.is_busy = true;
	if (core_call_may_repeat(code)) {
		lpar->retry_ms = core->now_ms + CORE_REPEAT_MS;
		return;
	}
	switch (call->kind) {
	case CORE_CALL_DEFINE:
		defined(core, lpar, call, code, reply, text);
		break;
	case CORE_CALL_SHUTDOWN:
		if (lpar->run.started == call->number)
			lpar->is_asked_to_stop = code == HV_OK;
		break;
	case CORE_CALL_COMMAND:
		if (lpar->commands[call->command].op == call->number)
			core_op_command_done(core, lpar, call->command, code, text);
		return;
	case CORE_CALL_RESIZE:
		core_resize_answered(core, lpar, call->number, code, text);
		return;
	case CORE_CALL_SHARE:
		core_entitle_answered(core, lpar, code, text);
		return;
	case CORE_CALL_BACKING:
		core_backing_answered(core, lpar, code, text);
		return;
	case CORE_CALL_PRIMARY: /* and the next stat says what it has */
		lpar->retry_ms = core->now_ms + CORE_REPEAT_MS;
		return;
	default: /* REMOVE */
		if (code == HV_OK || code == HV_E_NOTFOUND)
			lpar->defined = 0; /* and the next stat lists it no more */
		break;
	}
	if (code != HV_OK)
		lpar->retry_ms = core->now_ms + CORE_REPEAT_MS;
}
