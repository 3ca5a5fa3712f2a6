/*
 * change - a running partition gets other paging devices: one path after the other
 * (drawing at struct change).
 *
 * A path is taken from its device only while the other one has its own open and has
 * every page; what it reaches then is filled from there (P17) before the other path's
 * turn comes. Where both are to reach one device, the second joins the first when that
 * has all, and nothing is copied twice. So at any moment one device has every page.
 *
 * What the agent asks for again changes nothing; another wish counts from the next look
 * on, also the wish to go back: a path that is between two devices comes to its end
 * first.
 */
#include "hvcore/hypervisor/director.h"

#include <stdio.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"

static struct partition *of_round(struct fault_round *round)
{
	return HV_CONTAINER(round, struct partition, device.change.round);
}

static struct device_path *path_of(struct partition *partition)
{
	return &partition->device.paths[partition->device.change.path];
}

/* ---- what is asked for ---- */

static enum hv_code check_sizes(const struct partition *partition,
				const struct device_files *files, struct hv_err *err)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		uint64_t slots = device_file_slots(&files->at[i]);

		if (files->at[i].is_used && slots < partition->slots)
			return hv_fail(err, HV_E_NOSPC,
				       "paging device '%s' has room for %llu pages, "
				       "partition '%s' uses %llu",
				       files->at[i].name, (unsigned long long)slots,
				       partition->name,
				       (unsigned long long)partition->slots);
	}
	return HV_OK;
}

/* Behind one VIOS alone, and to be so: there is nowhere to copy from meanwhile. */
static enum hv_code check_way(const struct partition *partition,
			      const struct device_files *files, struct hv_err *err)
{
	const struct device_files *now = &partition->device.files;

	if (device_files_are(now, files))
		return HV_OK; /* to go back */
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (!now->at[i].is_used && !files->at[i].is_used)
			return hv_fail(err, HV_E_REFUSED,
				       "partition '%s' has its pages behind one VIOS "
				       "alone: give it a mirror first",
				       partition->name);
	return HV_OK;
}

/* Those that it has open itself are locked by its own VIOS. */
static enum hv_code check_files(const struct partition *partition,
				const struct device_files *files, struct hv_err *err)
{
	enum hv_code code = device_check_unused(partition, files, err);

	for (unsigned i = 0; i < HV_PATHS && code == HV_OK; i++)
		if (!device_files_have(&partition->device.files, &files->at[i]))
			code = device_file_check_unlocked(&files->at[i], err);
	if (code == HV_OK)
		code = check_way(partition, files, err);
	return code == HV_OK ? check_sizes(partition, files, err) : code;
}

static void begin(struct partition *partition, const struct device_files *files)
{
	struct change *change = &partition->device.change;

	if (change->is_running) {
		device_files_close(&change->next);
		change->next = *files;
		change->has_next = true;
		return;
	}
	device_files_close(&change->files);
	change->files = *files;
	change->is_running = true;
	change->step = CHANGE_LOOK;
	change->began_ms = hv_clock_ms();
	log_info("hypervisor.change", "partition=%s device=%s", partition->name,
		 files->at[files->first].name);
	hypervisor_poll_soon(partition->hv);
}

static bool is_asked_for(const struct partition *partition,
			 const struct device_files *files)
{
	const struct device *device = &partition->device;
	const struct change *change = &device->change;

	if (!change->is_running)
		return device_files_are(&device->files, files);
	return device_files_are(change->has_next ? &change->next : &change->files, files);
}

enum hv_code change_ask(struct hypervisor *hv, const Tarn__HvPartitionDevice *ask,
			struct hv_err *err)
{
	struct partition *partition = partition_find(hv, ask->name);
	struct device_files files;
	enum hv_code code;
	bool is_new;

	if (partition == NULL || partition->run_id != ask->run_id)
		return hv_fail(err, HV_E_NOTFOUND, "no partition '%s' with run %llu",
			       ask->name, (unsigned long long)ask->run_id);
	if (partition->phase != PHASE_RUNNING || !partition->device.is_used)
		return hv_fail(err, HV_E_STATE,
			       "partition '%s' does not run on a paging device",
			       ask->name);
	code = device_files_open(&hv->director, ask->device, &partition->device.files,
				 &files, err);
	if (code != HV_OK)
		return code;
	is_new = !is_asked_for(partition, &files);
	if (is_new)
		code = check_files(partition, &files, err);
	if (code == HV_OK && is_new)
		begin(partition, &files);
	else
		device_files_close(&files);
	return code;
}

void change_end(struct partition *partition)
{
	struct change *change = &partition->device.change;

	device_files_close(&change->files);
	device_files_close(&change->next);
	change->is_running = change->has_next = false;
}

/* ---- one path ---- */

static void step_to(struct partition *partition, enum change_step step)
{
	partition->device.change.step = step;
	hypervisor_poll_soon(partition->hv);
}

static void ask_thread(struct partition *partition,
		       void (*visit)(struct fault_thread *, struct fault_round *),
		       void (*done)(struct fault_round *))
{
	struct change *change = &partition->device.change;

	change->round.visit = visit;
	change->round.done = done;
	fault_errand_start(partition->home, &change->round);
}

/* The other path reaches what this one is to reach, or this one is to reach none. */
static bool is_join(const struct partition *partition)
{
	const struct device *device = &partition->device;
	const struct device_file *to = &device->change.files.at[device->change.path];

	return !to->is_used ||
	       device_file_is(to, &device->files.at[HV_PATHS - 1 - device->change.path]);
}

static void finish(struct partition *partition)
{
	struct device *device = &partition->device;

	device->files.first = device->change.files.first;
	log_info("hypervisor.changed", "partition=%s device=%s ms=%llu", partition->name,
		 device_name(device),
		 (unsigned long long)(hv_clock_ms() - device->change.began_ms));
	change_end(partition);
}

static void count_missed(struct change *change, const struct hv_space *space) /* F */
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		change->missed[i] = hv_space_missed(space, i);
}

static void visit_missed(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_round(round);
	struct change *change = &partition->device.change;
	const struct memory *memory = &partition->memory;

	change->code = memory->thread == thread ? HV_OK : HV_E_GONE;
	if (change->code == HV_OK)
		count_missed(change, memory->space);
}

/* The errand is back: for stat, whose own figures may be of before it. */
static void take_missed(struct change *change)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		change->known[i] = change->missed[i];
}

static bool is_right(const struct device *device, unsigned path)
{
	return device_file_is(&device->files.at[path], &device->change.files.at[path]);
}

/* The first path that is another one and that the other can stand in for; or none. */
static void on_looked(struct fault_round *round)
{
	struct partition *partition = of_round(round);
	struct device *device = &partition->device;
	struct change *change = &device->change;
	unsigned first = device->current == 0 ? 1 : 0;

	if (!change->is_running || change->code != HV_OK || change->has_next)
		return;
	if (device_files_are(&device->files, &change->files)) {
		finish(partition);
		return;
	}
	for (unsigned n = 0; n < HV_PATHS; n++) {
		unsigned path = n == 0 ? first : HV_PATHS - 1 - first;
		unsigned other = HV_PATHS - 1 - path;

		if (is_right(device, path) || device->paths[other].state != DEVICE_OPEN ||
		    change->missed[other] > 0 ||
		    /* that which is filled comes before that which goes */
		    (!change->files.at[path].is_used && !is_right(device, other)))
			continue;
		change->path = path;
		device->paths[path].is_leaving = true;
		pair_choose(partition->hv);
		step_to(partition, CHANGE_MOVE);
		return;
	}
}

static void visit_close(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_round(round);
	struct change *change = &partition->device.change;
	struct hv_space *space = partition->memory.space;

	change->is_out = false;
	if (partition->memory.thread != thread)
		return;
	change->code = hv_pager_device(thread->pager, space, change->path, false, 0,
				       NULL);
	change->is_out = hv_space_is_out(space, change->path);
}

static void on_closed(struct fault_round *round)
{
	struct partition *partition = of_round(round);
	struct device_path *path = path_of(partition);

	if (!partition->device.change.is_running)
		return;
	if (partition->device.change.is_out) {
		hypervisor_poll_soon(partition->hv);
		return;
	}
	device_close_path(path);
	step_to(partition, CHANGE_CLOSE);
}

static void visit_renew(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_round(round);
	struct change *change = &partition->device.change;
	struct hv_space *space = partition->memory.space;

	change->code = HV_E_GONE;
	if (partition->memory.thread != thread)
		return;
	if (is_join(partition))
		change->code = hv_pager_join(thread->pager, space, change->path,
					     &change->err);
	else
		change->code = hv_pager_renew(thread->pager, space, change->path,
					      &change->err);
	partition->memory.renewals += change->code == HV_OK;
	count_missed(change, space);
}

/* The path is given back to what it reached: it is brought what it missed, then again. */
static void step_back(struct partition *partition)
{
	struct device_path *path = path_of(partition);

	log_warn("hypervisor.change_waits", "partition=%s error=\"%s\"", partition->name,
		 partition->device.change.err.text);
	path->is_leaving = false;
	device_ask_open(partition, path->index);
	step_to(partition, CHANGE_FILL);
}

static void on_renewed(struct fault_round *round)
{
	struct partition *partition = of_round(round);
	struct device *device = &partition->device;
	struct change *change = &device->change;
	struct device_path *path = path_of(partition);
	struct device_file *to = &change->files.at[path->index];

	if (!change->is_running || change->code == HV_E_GONE)
		return;
	/* the other VIOS may have gone meanwhile: then this one is needed as it was */
	if (change->code == HV_E_AGAIN &&
	    device->paths[HV_PATHS - 1 - path->index].state == DEVICE_OPEN) {
		hypervisor_poll_soon(partition->hv);
		return;
	}
	if (change->code != HV_OK) {
		step_back(partition);
		return;
	}
	take_missed(change);
	change->renewals++;
	device_file_move(to, &device->files.at[path->index]);
	path->is_leaving = false;
	path->reason[0] = path->last_reason[0] = '\0';
	device_ask_open(partition, path->index);
	step_to(partition, CHANGE_FILL);
}

/* Open, and it has what the other has: the next path's turn. So where another wish came. */
static void on_filled(struct fault_round *round)
{
	struct partition *partition = of_round(round);
	struct device *device = &partition->device;
	struct change *change = &device->change;
	unsigned path = change->path;

	if (!change->is_running || change->code != HV_OK)
		return;
	take_missed(change);
	if (!is_right(device, path) || !device->files.at[path].is_used ||
	    (device->paths[path].state == DEVICE_OPEN && change->missed[path] == 0))
		step_to(partition, CHANGE_LOOK);
}

/* ---- all ---- */

static void poll_closing(struct partition *partition)
{
	const struct device_path *path = path_of(partition);

	if (path->state == DEVICE_CLOSED && !path->in_doubt)
		ask_thread(partition, visit_renew, on_renewed);
	else if (path->state == DEVICE_FAILED || path->state == DEVICE_OPEN)
		device_close_path(path_of(partition));
}

/* No errand is out, and F and L agree on what each path reaches. */
static void take_next(struct change *change)
{
	if (!change->has_next ||
	    (change->step != CHANGE_LOOK && change->step != CHANGE_FILL))
		return;
	device_files_close(&change->files);
	change->files = change->next;
	change->next = (struct device_files){ 0 }; /* none is used */
	change->has_next = false;
}

static void poll_one(struct partition *partition, bool is_slow)
{
	struct change *change = &partition->device.change;

	if (!change->is_running || partition->phase != PHASE_RUNNING ||
	    fault_round_is_out(&change->round))
		return;
	take_next(change);
	switch (change->step) {
	case CHANGE_LOOK:
		if (is_slow)
			ask_thread(partition, visit_missed, on_looked);
		return;
	case CHANGE_MOVE:
		if (pair_is_told(partition->hv))
			ask_thread(partition, visit_close, on_closed);
		return;
	case CHANGE_CLOSE:
		poll_closing(partition);
		return;
	case CHANGE_FILL:
		if (is_slow)
			ask_thread(partition, visit_missed, on_filled);
		return;
	}
}

void change_poll(struct hypervisor *hv)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		poll_one(p, false);
}

void change_look(struct hypervisor *hv)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		poll_one(p, true);
}

bool change_has_work(const struct hypervisor *hv)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->device.change.is_running && p->phase == PHASE_RUNNING &&
		    p->device.change.step != CHANGE_LOOK &&
		    p->device.change.step != CHANGE_FILL)
			return true;
	return false;
}
