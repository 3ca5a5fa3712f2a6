/*
 * backing - the paging devices of a partition that runs, as they are wanted now: the
 * hypervisor says which it has, and is told where others are wanted. It copies what is
 * out, and has the new ones when all of it is there. Nothing is kept: the same again is
 * the same order, whichever agent gives it.
 */
#include "agent/core/core_priv.h"

#define AGAIN_MS 5000 /* it has the order: in case that it was lost; arbitrary */

static bool is_same(const char *wanted, const char *has)
{
	return strcmp(wanted != NULL ? wanted : "", has != NULL ? has : "") == 0;
}

static bool is_as_wanted(const struct core_lpar *lpar)
{
	return is_same(lpar->desired->device, lpar->stat->pgdev) &&
	       is_same(lpar->desired->mirror, lpar->stat->mirror);
}

/* The hypervisor has what is wanted now, and is on its way to something else. */
static bool is_elsewhere(const struct core_lpar *lpar)
{
	return lpar->backing.is_taken &&
	       (!is_same(lpar->desired->device, lpar->backing.taken_device) ||
		!is_same(lpar->desired->mirror, lpar->backing.taken_mirror));
}

/* How many pages are to be brought to one of its devices yet. */
static uint64_t missed(const Tarn__PartitionStat *stat)
{
	return stat->missed + stat->mirror_missed;
}

static bool is_asked(const struct core_lpar *lpar)
{
	return is_same(lpar->desired->device, lpar->backing.device) &&
	       is_same(lpar->desired->mirror, lpar->backing.mirror);
}

/* Of the wish that was refused. */
static bool is_refused(const struct core_lpar *lpar)
{
	return lpar->backing.code != HV_OK && is_asked(lpar);
}

static bool is_ready(struct agent_core *core, const char *name)
{
	const struct core_device *device;

	if (name == NULL)
		return true;
	device = core_device_get(core, name, false);
	return device != NULL && device->desired != NULL && !device->desired->removed &&
	       (device->state == CORE_DEVICE_READY ||
		device->state == CORE_DEVICE_FAILED); /* that it leaves may be lost */
}

void core_backing_step(struct agent_core *core, struct core_lpar *lpar)
{
	struct core_call what = { .kind = CORE_CALL_BACKING,
				  .number = lpar->run.started };
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPartitionDevice change = TARN__HV_PARTITION_DEVICE__INIT;
	Tarn__HvDevice device = TARN__HV_DEVICE__INIT;
	Tarn__HvMirror mirror = TARN__HV_MIRROR__INIT;
	struct core_backing *backing = &lpar->backing;

	if (lpar->desired->spec->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED ||
	    lpar->stat->pgdev == NULL || lpar->desired->device == NULL)
		return;
	if (is_as_wanted(lpar) && !is_elsewhere(lpar)) {
		*backing = (struct core_backing){ .code = HV_OK };
		return;
	}
	if (!is_refused(lpar))
		backing->code = HV_OK;
	if (!is_asked(lpar)) /* another wish: at once */
		backing->retry_ms = 0;
	if (!is_refused(lpar)) /* the next stat says how far it is */
		core->hypervisor.is_busy = true;
	if (lpar->is_busy || !core_is_due(core, lpar->retry_ms) ||
	    !core_is_due(core, backing->retry_ms) ||
	    !is_ready(core, lpar->desired->device) ||
	    !is_ready(core, lpar->desired->mirror))
		return;
	core_text_set(backing->device, "%s", lpar->desired->device);
	core_text_set(backing->mirror, "%s",
		      lpar->desired->mirror != NULL ? lpar->desired->mirror : "");
	core_lpar_put_device(core, lpar, &device, &mirror);
	device.primary = NULL; /* primary.c */
	change.name = lpar->name;
	change.run_id = lpar->run.started;
	change.device = &device;
	request.kind_case = TARN__HV_REQUEST__KIND_DEVICE;
	request.device = &change;
	lpar->is_busy = core_lpar_ask(core, lpar, &what, &request);
}

void core_backing_answered(struct agent_core *core, struct core_lpar *lpar,
			   enum hv_code code, const char *text)
{
	struct core_backing *backing = &lpar->backing;

	backing->retry_ms = core->now_ms + AGAIN_MS;
	core_wake(core, backing->retry_ms);
	if (code != HV_OK && (backing->code == HV_OK || strcmp(backing->text, text) != 0))
		core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "lpar.device_refused",
			   "partition '%s' keeps its paging devices: %.150s", lpar->name,
			   text);
	backing->code = code;
	core_text_set(backing->text, "%s", text);
	if (code != HV_OK)
		return; /* it goes on with what it took before */
	backing->is_taken = true;
	(void)snprintf(backing->taken_device, sizeof(backing->taken_device), "%.31s",
		       backing->device);
	(void)snprintf(backing->taken_mirror, sizeof(backing->taken_mirror), "%.31s",
		       backing->mirror);
}

void core_backing_status(const struct core_lpar *lpar, struct core_status *ret)
{
	const Tarn__DesiredLpar *desired = lpar->desired;

	*ret = (struct core_status){ .text = "" };
	if (!desired->running || desired->run_id <= lpar->run.ended) {
		ret->is_done = true;
		ret->code = HV_E_GONE;
		ret->text = "the partition has ended";
	} else if (lpar->stat == NULL || lpar->stat->run_id != desired->run_id) {
		ret->text = "nothing is known of the partition yet";
	} else if (is_as_wanted(lpar) && !is_elsewhere(lpar)) {
		ret->is_done = missed(lpar->stat) == 0;
	} else if (is_refused(lpar)) {
		ret->is_done = true;
		ret->code = lpar->backing.code;
		ret->text = lpar->backing.text;
	}
}
