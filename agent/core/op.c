/*
 * op - single operations of the coordinator, each done at most once (A9).
 *
 * That it was begun is saved before the act. One that a dead agent had begun is
 * repeated where a repeat does no harm (the hypervisor and the partition know its
 * id), and is answered as failed where it might (a kill).
 */
#include "agent/core/core_priv.h"

struct core_op *core_op_get(struct agent_core *core, uint64_t id, bool may_add)
{
	struct core_op *found = NULL;

	if (id == 0)
		return NULL;
	for (size_t i = 0; i < CORE_OPS_MAX; i++) {
		if (core->ops_[i].id == id)
			return &core->ops_[i];
		if (found == NULL && core->ops_[i].id == 0)
			found = &core->ops_[i];
	}
	if (!may_add || found == NULL)
		return NULL;
	*found = (struct core_op){ .id = id };
	return found;
}

void core_op_finish(struct agent_core *core, struct core_op *op, enum hv_code code,
		    const char *text)
{
	op->is_begun = true;
	op->is_done = true;
	core_text_set(op->text, "%s", text);
	if (code != HV_OK)
		core_error_set(&op->error, code, text);
	core_state_touch(core, true);
}

const char *core_op_target(const struct core_op *op)
{
	return op->desired->target != NULL ? op->desired->target : "";
}

/* A9: saved, or not begun. */
bool core_op_begin(struct agent_core *core, struct core_op *op)
{
	if (op->is_begun)
		return true;
	op->is_begun = true;
	core_state_touch(core, true);
	if (core_state_flush(core, NULL) == HV_OK)
		return true;
	op->is_begun = false;
	core_wake(core, core->save_retry_ms);
	return false;
}

/* Of an operation that is one question to the hypervisor. */
static bool may_ask(struct agent_core *core, const struct core_op *op)
{
	return !op->is_asked && core_hypervisor_is_up(core) &&
	       core_is_due(core, op->retry_ms);
}

/* The one that is answered; NULL: nobody waits for it, or it is asked again. */
static struct core_op *take_answered(struct agent_core *core, uint64_t id,
				     enum hv_code code)
{
	struct core_op *op = core_op_get(core, id, false);

	if (op == NULL)
		return NULL;
	op->is_asked = false;
	if (!core_call_may_repeat(code))
		return op;
	op->retry_ms = core->now_ms + CORE_REPEAT_MS;
	return NULL;
}

static void audit(struct agent_core *core, struct core_op *op)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvStatGet get = TARN__HV_STAT_GET__INIT;
	struct core_call what = { .kind = CORE_CALL_AUDIT, .number = op->id };

	if (!may_ask(core, op))
		return;
	get.has_audit = true;
	get.audit = true;
	request.kind_case = TARN__HV_REQUEST__KIND_STAT;
	request.stat = &get;
	op->is_asked = core_call(core, &what, &request, CORE_POOL_ASK_MS) == HV_OK;
}

void core_op_audited(struct agent_core *core, uint64_t id, enum hv_code code,
		     const Tarn__HostStat *stat, const char *text)
{
	struct core_op *op = take_answered(core, id, code);

	if (op == NULL)
		return;
	if (code == HV_OK && (stat == NULL || !stat->has_audit_ok)) {
		code = HV_E_CORRUPT;
		text = "the hypervisor answered without an audit";
	} else if (code == HV_OK) {
		code = stat->audit_ok ? HV_OK : HV_E_CORRUPT;
		text = stat->audit_text != NULL ? stat->audit_text : "";
	}
	core_op_finish(core, op, code, text);
}

/* The same again is the same answer: what a dead agent had begun is repeated. */
static void fail_back(struct agent_core *core, struct core_op *op)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvFailback failback = TARN__HV_FAILBACK__INIT;
	struct core_call what = { .kind = CORE_CALL_FAILBACK, .number = op->id };

	if (!may_ask(core, op))
		return;
	if (core_op_target(op)[0] != '\0')
		failback.partition = op->desired->target; /* lent: only encoded */
	request.kind_case = TARN__HV_REQUEST__KIND_FAILBACK;
	request.failback = &failback;
	op->is_asked = core_call(core, &what, &request, CORE_ASK_MS) == HV_OK;
}

void core_op_failed_back(struct agent_core *core, uint64_t id, enum hv_code code,
			 const char *text)
{
	struct core_op *op = take_answered(core, id, code);

	if (op == NULL)
		return;
	core->hypervisor.is_busy = true;
	core_op_finish(core, op, code, code == HV_OK ? "failed back" : text);
}

/* What its pages must hold is known inside it alone. */
static bool is_guest(const struct core_lpar *lpar)
{
	return (lpar->desired != NULL && lpar->desired->spec->guest != NULL) ||
	       (lpar->stat != NULL && lpar->stat->guest != NULL);
}

static bool is_meant(const struct core_op *op, const struct core_lpar *lpar)
{
	return core_lpar_is_attached(lpar) && lpar->run.ended < lpar->run.started &&
	       (core_op_target(op)[0] == '\0' ||
		strcmp(core_op_target(op), lpar->name) == 0);
}

static bool is_target(const struct core_op *op, const struct core_lpar *lpar,
		      enum core_command_kind kind)
{
	return is_meant(op, lpar) && (kind != CORE_COMMAND_VERIFY || !is_guest(lpar));
}

static unsigned guests_of(const struct agent_core *core, const struct core_op *op)
{
	unsigned guests = 0;

	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		guests += is_meant(op, &core->lpars[i]) && is_guest(&core->lpars[i]);
	return guests;
}

/* It names one, and there is nobody to tell. */
static void answer_nobody(struct agent_core *core, struct core_op *op)
{
	char text[AGENT_TEXT_BYTES];

	if (guests_of(core, op) > 0) {
		core_text_set(text,
			      "partition '%.31s' is a guest: nobody outside knows what "
			      "its pages must hold",
			      core_op_target(op));
		core_op_finish(core, op, HV_E_REFUSED, text);
		return;
	}
	core_text_set(text, "partition '%.31s' does not run here", core_op_target(op));
	core_op_finish(core, op, HV_E_NOTFOUND, text);
}

/* A pass that is running already is not ours: it ends first. */
static uint64_t passes_before(const Tarn__PartitionStat *stat)
{
	bool is_running = stat->state == TARN__PARTITION_STATE__PARTITION_VERIFYING ||
			  stat->verify_percent > 0;

	return stat->verify_passes + is_running;
}

static void assign(struct agent_core *core, struct core_op *op,
		   enum core_command_kind kind)
{
	if (!core_hypervisor_is_up(core))
		return;
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		if (is_target(op, &core->lpars[i], kind) &&
		    core->lpars[i].commands[kind].op != 0)
			return; /* another operation first */
	}
	if (!core_op_begin(core, op))
		return;
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		struct core_lpar *lpar = &core->lpars[i];

		if (!is_target(op, lpar, kind))
			continue;
		lpar->commands[kind] = (struct core_command){
			.op = op->id, .base = passes_before(lpar->stat)
		};
		op->left++;
	}
	core->hypervisor.is_busy = true;
	if (op->left == 0 && core_op_target(op)[0] != '\0') {
		answer_nobody(core, op);
		return;
	}
	op->is_assigned = true;
}

static void command(struct agent_core *core, struct core_op *op,
		    enum core_command_kind kind)
{
	char text[AGENT_TEXT_BYTES], guests[40] = "";
	unsigned left_out;

	if (!op->is_assigned)
		assign(core, op, kind);
	if (op->is_done || !op->is_assigned || op->left > 0)
		return;
	left_out = guests_of(core, op);
	if (left_out > 0)
		(void)snprintf(guests, sizeof(guests), ", %u guests left out", left_out);
	if (kind == CORE_COMMAND_VERIFY)
		core_text_set(text, "%u partitions, %llu pages verified, %llu bad%s",
			      op->lpars, (unsigned long long)op->pages,
			      (unsigned long long)op->bad, guests);
	else
		core_text_set(text, "%u partitions", op->lpars);
	if (op->error.code != HV_OK)
		core_text_set(text, "%s", op->error.text);
	core_op_finish(core, op, op->error.code, text);
}

void core_op_step(struct agent_core *core)
{
	for (size_t i = 0; i < CORE_OPS_MAX; i++) {
		struct core_op *op = &core->ops_[i];

		if (op->id == 0 || op->desired == NULL || op->is_done)
			continue;
		switch (op->desired->kind) {
		case TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL:
			core_op_vios_kill(core, op);
			break;
		case TARN__HOST_OP_KIND__HOST_OP_VIOS_STOP:
			core_op_vios_stop(core, op);
			break;
		case TARN__HOST_OP_KIND__HOST_OP_AGENT_KILL:
			core_op_agent_kill(core, op);
			break;
		case TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY:
			command(core, op, CORE_COMMAND_VERIFY);
			break;
		case TARN__HOST_OP_KIND__HOST_OP_STALL_RESET:
			command(core, op, CORE_COMMAND_RESET);
			break;
		case TARN__HOST_OP_KIND__HOST_OP_AUDIT:
			audit(core, op);
			break;
		case TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT:
		case TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR:
			core_op_inject(core, op);
			break;
		case TARN__HOST_OP_KIND__HOST_OP_VIOS_FAILBACK:
			fail_back(core, op);
			break;
		default:
			core_op_finish(core, op, HV_E_VERSION,
				       "an operation that this agent does not know");
			break;
		}
	}
}

static void answer(struct agent_core *core, struct core_lpar *lpar,
		   struct core_command *command)
{
	struct core_op *op = core_op_get(core, command->op, false);

	command->op = 0;
	if (op == NULL)
		return;
	HV_INVARIANT(op->left > 0);
	op->left--;
	op->lpars++;
	if (lpar->stat == NULL)
		return;
	op->pages += lpar->stat->pages_verified;
	op->bad += lpar->stat->verify_bad;
}

void core_op_command_done(struct agent_core *core, struct core_lpar *lpar,
			  enum core_command_kind kind, enum hv_code code,
			  const char *text)
{
	struct core_command *command = &lpar->commands[kind];
	struct core_op *op = core_op_get(core, command->op, false);

	if (code == HV_OK && kind == CORE_COMMAND_VERIFY) {
		command->is_acked = true;
		command->acked_ms = core->now_ms;
		return;
	}
	if (code == HV_OK) {
		answer(core, lpar, command);
		return;
	}
	command->op = 0;
	if (op == NULL)
		return;
	HV_INVARIANT(op->left > 0);
	op->left--;
	if (op->error.code == HV_OK) {
		op->error.code = code;
		core_text_set(op->error.text, "partition '%s': %s", lpar->name, text);
	}
}

void core_op_observe(struct agent_core *core, struct core_lpar *lpar)
{
	struct core_command *command = &lpar->commands[CORE_COMMAND_VERIFY];
	const struct core_op *op = core_op_get(core, command->op, false);
	bool is_over = lpar->stat->verify_passes > command->base;

	if (command->op == 0 || op == NULL || !command->is_acked)
		return;
	/* Begun by an agent before us: it may have been over before we looked. */
	if (op->is_resumed && core->now_ms - command->acked_ms >= CORE_VERIFY_LOST_MS &&
	    lpar->stat->verify_percent == 0 &&
	    lpar->stat->state == TARN__PARTITION_STATE__PARTITION_RUNNING)
		is_over = true;
	if (is_over)
		answer(core, lpar, command);
}
