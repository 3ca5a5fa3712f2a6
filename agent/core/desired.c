/*
 * desired - what the coordinator wants: taken, kept on disk, and tied to the
 * tables. A10: an older epoch or revision is refused.
 */
#include "agent/core/core_priv.h"

#include <stdlib.h>

static void unlink_all(struct agent_core *core)
{
	for (size_t i = 0; i < CORE_VIOS_MAX; i++)
		core->vios[i].desired = NULL;
	for (size_t i = 0; i < CORE_DEVICES_MAX; i++)
		core->devices[i].desired = NULL;
	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		core->lpars[i].desired = NULL;
	for (size_t i = 0; i < CORE_OPS_MAX; i++)
		core->ops_[i].desired = NULL;
}

static void unlink_op(struct core_lpar *lpar, uint64_t id)
{
	for (size_t i = 0; i < CORE_COMMAND_COUNT; i++)
		if (lpar->commands[i].op == id)
			lpar->commands[i].op = 0;
}

static void forget_ops(struct agent_core *core)
{
	for (size_t i = 0; i < CORE_OPS_MAX; i++) {
		struct core_op *op = &core->ops_[i];

		if (op->id == 0 || op->desired != NULL)
			continue;
		core_op_undo(core, op);
		for (size_t k = 0; k < CORE_LPARS_MAX; k++)
			unlink_op(&core->lpars[k], op->id);
		*op = (struct core_op){ 0 };
		core_state_touch(core, false);
	}
}

static void forget_devices(struct agent_core *core)
{
	for (size_t i = 0; i < CORE_DEVICES_MAX; i++) {
		struct core_device *device = &core->devices[i];

		if (device->name[0] == '\0' || device->desired != NULL)
			continue;
		if (device->formatted != 0)
			core_state_touch(core, false);
		*device = (struct core_device){ 0 };
	}
}

static void link_device(struct agent_core *core, const Tarn__DesiredDevice *desired)
{
	struct core_device *device = core_device_get(core, desired->name, true);
	uint64_t formatted;

	if (device == NULL)
		return; /* the decoder bounds them: only by names that repeat */
	device->desired = desired;
	if (device->generation == desired->generation)
		return;
	formatted = device->formatted == desired->generation ? device->formatted : 0;
	*device = (struct core_device){ .desired = desired,
					.generation = desired->generation,
					.formatted = formatted };
	(void)snprintf(device->name, sizeof(device->name), "%s", desired->name);
}

static void link_ops(struct agent_core *core, bool may_add)
{
	const Tarn__HostDesired *desired = core->desired;

	for (size_t i = 0; i < desired->n_ops; i++) {
		struct core_op *op = core_op_get(core, desired->ops[i]->id, may_add);

		if (op != NULL)
			op->desired = desired->ops[i];
	}
}

/*
 * What nobody wants any more is forgotten on the word of the coordinator alone: the file
 * is not synced, and may be older than what was begun (A8, A9).
 */
void core_desired_link(struct agent_core *core)
{
	const Tarn__HostDesired *desired = core->desired;

	core->must_link = false;
	unlink_all(core);
	for (size_t i = 0; i < desired->n_vios; i++) {
		struct core_vios *vios = core_vios_get(core, desired->vios[i]->name,
						       true);

		if (vios != NULL)
			vios->desired = desired->vios[i];
	}
	for (size_t i = 0; i < desired->n_lpars; i++) {
		struct core_lpar *lpar =
			core_lpar_get(core, desired->lpars[i]->spec->name, true);

		if (lpar != NULL)
			lpar->desired = desired->lpars[i];
	}
	for (size_t i = 0; i < desired->n_devices; i++)
		link_device(core, desired->devices[i]);
	link_ops(core, false);
	if (core->desired_is_told) {
		forget_ops(core); /* and makes room for new ones */
		forget_devices(core);
		memset(core->kept, 0, sizeof(core->kept));
	}
	link_ops(core, true);
}

static void refuse_epoch(struct agent_core *core, uint64_t epoch)
{
	char text[AGENT_TEXT_BYTES];

	core_text_set(text, "refused epoch %llu of a coordinator that was at %llu before",
		      (unsigned long long)epoch, (unsigned long long)core->epoch);
	if (strcmp(text, core->dialog.refusal) == 0)
		return;
	core_text_set(core->dialog.refusal, "%s", text);
	core_event(core, TARN__EVENT_LEVEL__EVENT_ERROR, "coordinator.stale", "%s", text);
}

void core_desired_accept(struct agent_core *core, Tarn__HostDesired *take_desired)
{
	Tarn__HostDesired *old = core->desired;

	if (take_desired->epoch < core->epoch) {
		refuse_epoch(core, take_desired->epoch);
		tarn__host_desired__free_unpacked(take_desired, NULL);
		return;
	}
	if (take_desired->epoch == core->epoch && old != NULL &&
	    take_desired->revision <= old->revision) {
		tarn__host_desired__free_unpacked(take_desired, NULL);
		return; /* a late answer */
	}
	if (take_desired->epoch > core->epoch) {
		core->epoch = take_desired->epoch;
		core_state_touch(core, true);
	}
	core->desired = take_desired;
	core->desired_is_unsaved = true;
	core->desired_is_told = true;
	core_desired_link(core);
	if (old != NULL)
		tarn__host_desired__free_unpacked(old, NULL);
}

void core_desired_flush(struct agent_core *core)
{
	uint8_t *bytes = NULL;
	size_t count = 0;
	enum hv_code code;

	if (!core->desired_is_unsaved || !core_is_due(core, core->desired_retry_ms))
		return;
	code = hv_message_encode(&core->desired->base, &bytes, &count, NULL);
	if (code == HV_OK)
		code = core->ops->save(core->env, AGENT_FILE_DESIRED, bytes, count, false,
				       NULL);
	free(bytes);
	if (code == HV_OK)
		core->desired_is_unsaved = false;
	else
		core->desired_retry_ms = core->now_ms + CORE_RETRY_MS;
}
