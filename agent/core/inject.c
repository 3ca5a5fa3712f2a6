/*
 * inject - orders to inject faults into the device I/O of a VIOS, and to end them: two
 * kinds of operations (op.c).
 *
 * That one was begun is saved before it is sent. Whether one that a dead agent had sent
 * is in force nobody knows: it is answered as failed, and ends by itself. Ending them
 * may be repeated, and is.
 */
#include "agent/core/core_priv.h"

#include "hvcore/wire/injection_message.h"

/* False: answered. */
static bool check(struct agent_core *core, struct core_op *op, bool is_clear)
{
	const char *target = core_op_target(op);
	struct core_vios *vios = core_vios_get(core, target, false);
	char text[AGENT_TEXT_BYTES];

	if (!core->config.drills_allowed) {
		core_op_finish(core, op, HV_E_REFUSED,
			       "this host was started without --allow-drills");
		return false;
	}
	if (op->is_resumed && !is_clear) {
		core_op_finish(core, op, HV_E_GONE,
			       "the agent was restarted in the middle of it; it is not "
			       "repeated, and what was begun ends by itself");
		return false;
	}
	if (target[0] != '\0' && vios != NULL && vios->process.is_alive)
		return true;
	core_text_set(text, "no VIOS '%.31s' runs here", target);
	if (is_clear && vios != NULL) {
		vios->link.cut_until_ms = 0;
		core_state_touch(core, false);
	}
	/* Whatever else it did has ended with its process. */
	core_op_finish(core, op, is_clear && vios != NULL ? HV_OK : HV_E_NOTFOUND, text);
	return false;
}

/* The device by its id, as the VIOS knows it. */
static enum hv_code find_device(struct agent_core *core, const char *name,
				const uint8_t **ret_id, struct hv_err *err)
{
	const struct core_device *device;

	*ret_id = NULL;
	if (name[0] == '\0')
		return HV_OK;
	device = core_device_get(core, name, false);
	if (device == NULL || device->desired == NULL ||
	    device->desired->id.len != HV_KEY_BYTES)
		return hv_fail(err, HV_E_NOTFOUND, "this host has no paging device '%s'",
			       name);
	*ret_id = device->desired->id.data;
	return HV_OK;
}

static enum hv_code order(struct agent_core *core, struct core_op *op, bool is_clear,
			  struct hv_err *err)
{
	struct agent_inject what = { .vios = op->desired->target };
	struct hv_injection injection;
	enum hv_code code = HV_OK;

	if (!is_clear && op->desired->injection == NULL)
		return hv_fail(err, HV_E_INVAL, "an injection that says nothing");
	if (!is_clear)
		code = hv_injection_read(op->desired->injection, &injection, err);
	if (code == HV_OK && !is_clear)
		code = find_device(core, injection.device, &what.id, err);
	if (code != HV_OK)
		return code;
	what.injection = is_clear ? NULL : &injection;
	op->tag = ++core->next_tag;
	code = core->ops->inject(core->env, op->tag, &what, err);
	op->is_asked = code == HV_OK;
	return code;
}

void core_op_inject(struct agent_core *core, struct core_op *op)
{
	bool is_clear = op->desired->kind ==
			TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR;
	struct hv_err err = { 0 };
	enum hv_code code;

	if (op->is_asked || !check(core, op, is_clear) || !core_op_begin(core, op))
		return;
	code = order(core, op, is_clear, &err);
	if (code != HV_OK)
		core_op_finish(core, op, code, hv_err_text(&err));
}

static struct core_op *find(struct agent_core *core, uint32_t tag)
{
	for (size_t i = 0; i < CORE_OPS_MAX; i++)
		if (core->ops_[i].id != 0 && core->ops_[i].is_asked &&
		    core->ops_[i].tag == tag)
			return &core->ops_[i];
	return NULL; /* nobody wants to know any more */
}

/* A cut is of its link: the next incarnation finds it cut, too. */
static void keep_cut(struct agent_core *core, const struct core_op *op,
		     const struct hv_injection *injection)
{
	struct core_vios *vios = core_vios_get(core, core_op_target(op), false);

	if (vios == NULL || (injection != NULL && injection->kind != HV_INJECTION_CUT))
		return;
	vios->link.cut_direction = injection != NULL ? injection->direction : 0;
	vios->link.cut_until_ms = injection != NULL ? core->now_ms + injection->time_ms
						    : 0;
	core_state_touch(core, false);
}

static void tell(struct agent_core *core, struct core_op *op,
		 const struct agent_injected *result)
{
	char text[AGENT_TEXT_BYTES], what[HV_INJECTION_TEXT_BYTES];
	struct hv_injection injection;

	if (op->desired->kind == TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR) {
		keep_cut(core, op, NULL);
		core_text_set(text, "%u injections of %.31s ended", result->number,
			      op->desired->target);
	} else if (op->desired->injection == NULL ||
		   hv_injection_read(op->desired->injection, &injection, NULL) != HV_OK) {
		core_text_set(text, "injected");
	} else {
		keep_cut(core, op, &injection);
		core_text_set(text, "%.31s injects %s, seed %llu", op->desired->target,
			      hv_injection_text(&injection, what),
			      (unsigned long long)result->seed);
		core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "vios.injected", "%s",
			   text);
	}
	core_op_finish(core, op, HV_OK, text);
}

void agent_core_injected(struct agent_core *core, uint32_t tag,
			 const struct agent_injected *result)
{
	struct core_op *op;

	core->now_ms = core->ops->now_ms(core->env);
	op = core_exporter_answered(core, tag, result->code) ? NULL : find(core, tag);
	if (op != NULL) {
		op->is_asked = false;
		if (result->code != HV_OK || op->desired == NULL)
			core_op_finish(core, op, result->code, result->text);
		else
			tell(core, op, result);
	}
	agent_core_step(core);
}
