/*
 * device - the paging devices of a partition on both paths (device_file.h): opened
 * under the same handle by both VIOS, and proven free of old I/O before used again.
 *
 *            OPENING --yes--> OPEN --partition ended--> CLOSING --> CLOSED
 *   CLOSED --^     `---no---> FAILED
 *   any of them --session over--> CLOSED, in doubt if requests may be unanswered
 *   in doubt --incarnation exited and its lock on the device gone (P9)--> not
 *
 * P16: two VIOS share a device only if both use O_DIRECT, or both open the same
 * inode in the same way; the later one fails otherwise. P17: the two of a mirror are
 * not one.
 */
#include "hvcore/hypervisor/director.h"

#include <stdio.h>
#include <string.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

static void set_reason(struct device_path *path, const char *reason)
{
	(void)snprintf(path->reason, sizeof(path->reason), "%s", reason);
}

static struct device_file *file_of(const struct device_path *path)
{
	return &path->partition->device.files.at[path->index];
}

bool device_is_mirrored(const struct partition *partition)
{
	return device_files_mirror(&partition->device.files);
}

const char *device_name(const struct device *device)
{
	return device->files.at[device->files.first].name;
}

static bool has_any(const struct device_files *of, const struct device_files *files,
		    const char **ret_name)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		*ret_name = files->at[i].name;
		if (files->at[i].is_used && device_files_have(of, &files->at[i]))
			return true;
	}
	return false;
}

enum hv_code device_check_unused(const struct partition *partition,
				 const struct device_files *files, struct hv_err *err)
{
	const char *name;

	for (struct partition *p = partition->hv->partitions; p != NULL; p = p->next) {
		if (p == partition || !p->device.is_used)
			continue;
		if (has_any(&p->device.files, files, &name) ||
		    (p->device.change.is_running &&
		     (has_any(&p->device.change.files, files, &name) ||
		      has_any(&p->device.change.next, files, &name))))
			return hv_fail(err, HV_E_BUSY,
				       "paging device '%s' is partition '%s''s", name,
				       p->name);
	}
	return HV_OK;
}

static enum hv_code check_files(const struct partition *partition,
				const struct device_files *files, struct hv_err *err)
{
	enum hv_code code = device_check_unused(partition, files, err);

	for (unsigned i = 0; i < HV_PATHS && code == HV_OK; i++)
		code = device_file_check_unlocked(&files->at[i], err);
	return code;
}

enum hv_code device_open(struct partition *partition, const Tarn__HvDevice *ask,
			 struct hv_err *err)
{
	struct hypervisor *hv = partition->hv;
	struct device *device = &partition->device;
	struct device_files files;
	enum hv_code code;
	uint32_t handle = 0;

	while (handle < HV_DEVICES_MAX && hv->by_handle[handle] != NULL)
		handle++;
	if (handle == HV_DEVICES_MAX)
		return hv_fail(err, HV_E_LIMIT, "%u partitions have their devices open",
			       HV_DEVICES_MAX);
	code = device_files_open(&hv->director, ask, NULL, &files, err);
	if (code != HV_OK)
		return code;
	code = check_files(partition, &files, err);
	if (code != HV_OK) {
		device_files_close(&files);
		return code;
	}
	*device = (struct device){
		.is_used = true,
		.handle = handle,
		.files = files,
		.current = -1,
	};
	if (ask->primary != NULL)
		(void)snprintf(device->primary, sizeof(device->primary), "%s",
			       ask->primary);
	for (unsigned i = 0; i < HV_PATHS; i++) {
		device->paths[i].partition = partition;
		device->paths[i].index = i;
	}
	hv->by_handle[handle] = partition;
	return HV_OK;
}

void device_free(struct partition *partition)
{
	struct device *device = &partition->device;

	if (!device->is_used)
		return;
	change_end(partition);
	device_files_close(&device->files);
	partition->hv->by_handle[device->handle] = NULL;
	device->is_used = false;
}

static void ask_open(struct partition *partition, struct vios *vios)
{
	struct device *device = &partition->device;
	struct device_path *path = &device->paths[vios->path];
	const struct device_file *file = file_of(path);
	struct hv_session_device_open packet = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_OPEN,
				      sizeof(packet), device->handle),
		.handle = device->handle,
		.lock_byte = vios->path,
		.owner_epoch = file->owner_epoch,
	};
	struct hv_err err;

	/* a new incarnation waits until its predecessor's I/O is proven done (P9) */
	if (vios->state != SESSION_OPEN || path->in_doubt || path->is_leaving ||
	    !file->is_used ||
	    (path->state != DEVICE_CLOSED && path->state != DEVICE_FAILED))
		return;
	memcpy(packet.id, file->id, sizeof(packet.id));
	memcpy(packet.path, file->path, sizeof(packet.path));
	path->state = DEVICE_OPENING;
	set_reason(path, "being opened");
	if (session_send(vios, &packet, sizeof(packet), &err) != HV_OK)
		director_fail(vios, "error", err.text);
}

void device_ask_open(struct partition *partition, unsigned path)
{
	ask_open(partition, &partition->hv->director.vios[path]);
}

static void ask_close(struct vios *vios, struct device_path *path)
{
	struct hv_session_device_close packet = {
		.head = hv_local_head(HV_SESSION_VERSION, HV_SESSION_DEVICE_CLOSE,
				      sizeof(packet), 0),
		.handle = path->partition->device.handle,
	};
	struct hv_err err;

	path->state = DEVICE_CLOSING;
	if (session_send(vios, &packet, sizeof(packet), &err) != HV_OK)
		director_fail(vios, "error", err.text);
}

void device_close_path(struct device_path *path)
{
	if (path->state == DEVICE_FAILED)
		path->state = DEVICE_CLOSED;
	if (path->state == DEVICE_OPEN)
		ask_close(&path->partition->hv->director.vios[path->index], path);
}

void device_ask_close(struct partition *partition)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		device_close_path(&partition->device.paths[i]);
}

bool device_is_settled(const struct device *device)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (device->paths[i].state == DEVICE_OPENING ||
		    device->paths[i].state == DEVICE_CLOSING)
			return false;
	return true;
}

bool device_is_idle(const struct device *device)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (fault_round_is_out(&device->paths[i].told) ||
		    fault_round_is_out(&device->paths[i].drained))
			return false;
	return !fault_round_is_out(&device->change.round);
}

bool device_is_clean(const struct device *device)
{
	/* a remote one is next opened by a VIOS whose greeting ends what is in doubt */
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (device->paths[i].state != DEVICE_CLOSED ||
		    (device->paths[i].in_doubt && !device->files.at[i].is_remote))
			return false;
	return device_is_idle(device);
}

/* ---- telling the fault thread ---- */

void device_tell(struct fault_thread *thread, struct partition *partition, unsigned path)
{
	if (hv_pager_device(thread->pager, partition->memory.space, path, true,
			    partition->device.handle, NULL) != HV_OK)
		atomic_store(&partition->device.paths[path].was_refused, true);
}

static void visit_told(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct device_path *path = HV_CONTAINER(round, struct device_path, told);

	if (path->partition->memory.thread == thread)
		device_tell(thread, path->partition, path->index);
}

static void tell(struct device_path *path);

static void on_told(struct fault_round *round)
{
	struct device_path *path = HV_CONTAINER(round, struct device_path, told);

	/* cannot be: a device in doubt is not opened (P9). Then it is not used. */
	if (atomic_load(&path->was_refused))
		log_error("hypervisor.device_refused", "partition=%s path=%u",
			  path->partition->name, path->index);
	if (path->is_told_due && path->state == DEVICE_OPEN && !path->is_leaving)
		tell(path);
}

static void tell(struct device_path *path)
{
	struct fault_thread *thread = path->partition->home;

	path->is_told_due = fault_round_is_out(&path->told);
	if (path->is_told_due || thread == NULL)
		return;
	path->told.visit = visit_told;
	path->told.done = on_told;
	fault_errand_start(thread, &path->told);
}

/* ---- what the VIOS says ---- */

/* It is tried again every second: said once. */
static void note(const struct vios *vios, struct device_path *path, const char *why)
{
	if (strcmp(path->last_reason, why) != 0)
		log_warn("hypervisor.device_not_open", "vios=%s device=%s reason=\"%s\"",
			 vios->name, file_of(path)->name, why);
	(void)snprintf(path->last_reason, sizeof(path->last_reason), "%s", why);
	set_reason(path, why);
}

/* P16: page caches of two nodes, or of O_DIRECT and buffered I/O, differ. */
static bool may_share(const struct device_path *a, const struct device_path *b)
{
	if (file_of(a)->is_remote || file_of(b)->is_remote)
		return true; /* numbers of two hosts say nothing of each other */
	if (device_is_mirrored(a->partition))
		return a->dev != b->dev || a->inode != b->inode;
	if (a->is_direct && b->is_direct)
		return true;
	return a->is_direct == b->is_direct && a->dev == b->dev && a->inode == b->inode;
}

/* The VIOS has it open and is not to be asked. */
static void give_up(struct vios *vios, struct device_path *path, const char *why)
{
	note(vios, path, why);
	ask_close(vios, path);
}

static const char different_caches[] =
	"the VIOS pair would reach it through different caches: it needs O_DIRECT on "
	"both, or the same file opened the same way";

static const char one_device[] = "both VIOS reach the same device: it is no mirror";

static void take_opened(struct vios *vios, struct device_path *path,
			const struct hv_session_device_opened *packet)
{
	struct device_path *other = &path->partition->device.paths[!path->index];
	struct hypervisor *hv = vios->hv;
	const char *why = device_is_mirrored(path->partition) ? one_device
							      : different_caches;

	path->slots = packet->slots;
	path->dev = packet->dev;
	path->inode = packet->inode;
	path->is_direct = packet->is_direct != 0;
	path->processor = packet->processor;
	if (other->state == DEVICE_OPEN && !may_share(path, other)) {
		bool is_primary = pair_primary(path->partition) == path->index;

		/* before anybody uses it its primary keeps it, whoever was first */
		if (!is_primary || path->partition->phase >= PHASE_ADDING) {
			give_up(vios, path, why);
			return;
		}
		give_up(&hv->director.vios[other->index], other, why);
	}
	if (path->partition->slots != 0 && path->slots < path->partition->slots) {
		give_up(vios, path, "it has fewer pages than the partition uses");
		return;
	}
	path->state = DEVICE_OPEN;
	path->opened_ms = hv_clock_ms();
	path->reason[0] = path->last_reason[0] = '\0';
	if (!path->is_leaving) /* else it is about to be closed (change.c) */
		tell(path);
}

void device_opened(struct hypervisor *hv, struct vios *vios,
		   const struct hv_session_device_opened *packet)
{
	struct partition *partition = packet->handle < HV_DEVICES_MAX
					      ? hv->by_handle[packet->handle]
					      : NULL;
	struct device_path *path;

	if (partition == NULL ||
	    partition->device.paths[vios->path].state != DEVICE_OPENING) {
		director_fail(vios, "error", "opened a device that it was not asked for");
		return;
	}
	path = &partition->device.paths[vios->path];
	if (packet->code == HV_OK) {
		take_opened(vios, path, packet);
	} else {
		path->state = DEVICE_FAILED;
		note(vios, path, packet->text);
	}
	partition_device_changed(partition);
	pair_choose(hv);
}

void device_closed(struct hypervisor *hv, struct vios *vios, uint32_t handle)
{
	struct partition *partition = handle < HV_DEVICES_MAX ? hv->by_handle[handle]
							      : NULL;
	struct device_path *path;

	if (partition == NULL ||
	    partition->device.paths[vios->path].state != DEVICE_CLOSING) {
		director_fail(vios, "error", "closed a device that it was not asked to");
		return;
	}
	path = &partition->device.paths[vios->path];
	/* given up: stays failed, with its reason, and is tried again later */
	path->state = path->reason[0] != '\0' ? DEVICE_FAILED : DEVICE_CLOSED;
	partition_device_changed(partition);
	pair_choose(hv);
}

void device_path_lost(struct hypervisor *hv, unsigned path, bool has_doubt)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		struct device_path *lost = &p->device.paths[path];

		if (!p->device.is_used || lost->state == DEVICE_CLOSED)
			continue;
		/* also while OPENING: its lock may be taken, its header being read */
		lost->in_doubt |= has_doubt;
		lost->state = DEVICE_CLOSED;
		set_reason(lost, "the VIOS is gone");
		partition_device_changed(p);
	}
	hypervisor_poll_soon(hv);
}

/* ---- drain proof ---- */

static void on_drained(struct fault_round *round)
{
	struct device_path *path = HV_CONTAINER(round, struct device_path, drained);
	struct partition *partition = path->partition;
	struct vios *vios = &partition->hv->director.vios[path->index];

	path->in_doubt = false;
	if (partition->phase < PHASE_DYING)
		ask_open(partition, vios);
	partition_device_changed(partition);
	if (!device_any_doubt(partition->hv, path->index))
		log_info("hypervisor.drained", "vios=%s", vios->name);
	pair_choose(partition->hv);
}

static void visit_drained(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct device_path *path = HV_CONTAINER(round, struct device_path, drained);
	struct memory *memory = &path->partition->memory;

	if (memory->thread != thread)
		return;
	hv_pager_drained(thread->pager, memory->space, path->index);
	memory_count_quarantine(memory);
}

/* P9: nothing that an ended incarnation had under way can reach the device any more. */
static bool is_drained(const struct device_path *path, const struct vios *vios)
{
	const struct device_file *file = file_of(path);
	struct hv_err err;
	bool is = true;

	if (file->is_remote)
		return vios->state == SESSION_OPEN;
	if (device_file_is_locked(file, path->index, &is, &err) == HV_OK)
		return !is;
	log_warn("hypervisor.drain", "error=\"%s\"", err.text);
	return false;
}

static void poll_path(struct device_path *path)
{
	const struct vios *vios = &path->partition->hv->director.vios[path->index];

	if (!path->in_doubt || fault_round_is_out(&path->drained))
		return;
	/* P9: exit seen *and* the lock gone. No timer ends it. A session that is open
	 * is its successor's, which came when the exit had been seen. */
	if ((vios->state == SESSION_ENDED && !vios->has_exited) ||
	    !is_drained(path, vios))
		return;
	path->drained.visit = visit_drained;
	path->drained.done = on_drained;
	/* any fault thread will do where the partition has none: the answer comes
	 * back in the same way, and nobody holds its space */
	fault_errand_start(path->partition->home != NULL
				   ? path->partition->home
				   : path->partition->hv->team->threads[0],
			   &path->drained);
}

void device_poll(struct hypervisor *hv)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		for (unsigned i = 0; i < HV_PATHS && p->device.is_used; i++)
			poll_path(&p->device.paths[i]);
}

/* ---- questions ---- */

bool device_any_doubt(const struct hypervisor *hv, unsigned path)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->device.is_used && p->device.paths[path].in_doubt)
			return true;
	return false;
}

bool device_any_pending(const struct hypervisor *hv, unsigned path)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->device.is_used && p->phase < PHASE_DYING &&
		    (p->device.paths[path].state == DEVICE_OPENING ||
		     p->device.paths[path].in_doubt))
			return true;
	return false;
}

bool device_all_open(const struct hypervisor *hv, unsigned path, char *reason)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next) {
		const struct device_path *at = &p->device.paths[path];

		/* of one whose define waits for its device nothing is paged out */
		if (!p->device.is_used || p->phase >= PHASE_DYING ||
		    p->phase == PHASE_OPENING || at->state == DEVICE_OPEN ||
		    !p->device.files.at[path].is_used)
			continue;
		if (reason != NULL)
			(void)snprintf(reason, REASON_BYTES, "device '%s': %.200s",
				       p->device.files.at[path].name,
				       at->in_doubt ? "old I/O is not drained"
						    : at->reason);
		return false;
	}
	return true;
}

/* The one of a VIOS that is away counts by its size: with less it could not be opened. */
uint64_t device_slots(const struct device *device)
{
	uint64_t slots = UINT64_MAX;
	bool is_any_open = false;

	for (unsigned i = 0; i < HV_PATHS; i++) {
		const struct device_path *path = &device->paths[i];
		const struct device_file *file = &device->files.at[i];
		uint64_t has = path->slots;

		if (path->state == DEVICE_OPEN)
			is_any_open = true;
		else
			has = path->state != DEVICE_FAILED && file->is_used
				      ? device_file_slots(file)
				      : UINT64_MAX;
		if (has < slots && (has > 0 || path->state == DEVICE_OPEN))
			slots = has;
	}
	return is_any_open ? slots : 0;
}

/* Pages that the device of that path has not: a path that was given another one lately
 * says more than the last round of stat, which may be of before. */
static uint64_t missed_on(const struct partition *p, unsigned path)
{
	const struct change *change = &p->device.change;
	uint64_t missed = p->stat.missed[path];

	if (change->is_running && change->step == CHANGE_FILL &&
	    change->known[path] > missed)
		return change->known[path];
	return missed;
}

/* Both serve it, each has what it needs open, and nothing is behind one alone. */
static bool is_redundant(const struct partition *p)
{
	const struct vios *pair = p->hv->director.vios;

	for (unsigned i = 0; i < HV_PATHS; i++)
		if (!director_may_serve(&pair[i]) || p->device.paths[i].is_leaving ||
		    p->device.paths[i].state != DEVICE_OPEN || missed_on(p, i) > 0)
			return false;
	return true;
}

void device_stat(const struct partition *partition, Tarn__PartitionStat *stat)
{
	const struct device_files *files = &partition->device.files;
	const struct hv_space_stat *from = &partition->stat;
	unsigned first = files->first, second = HV_PATHS - 1 - first;

	if (!files->at[first].is_used) { /* it is leaving that one */
		first = second;
		second = HV_PATHS - 1 - first;
	}
	stat->pgdev = (char *)(uintptr_t)files->at[first].name;
	stat->has_redundant = true;
	stat->redundant = is_redundant(partition);
	if (!device_is_mirrored(partition))
		return;
	stat->mirror = (char *)(uintptr_t)files->at[second].name;
	if (!partition->has_stat)
		return;
	stat->has_missed = stat->has_mirror_missed = true;
	stat->missed = missed_on(partition, first);
	stat->mirror_missed = missed_on(partition, second);
	stat->has_healed = stat->has_resynced = true;
	stat->healed = from->counts.healed;
	stat->resynced = from->counts.resynced;
}

enum hv_code device_audit(const struct partition *partition, struct hv_err *err)
{
	bool is_mirrored = device_is_mirrored(partition);

	/* A renewal that one of the two has not heard of: nothing can be said. */
	if (!partition->device.is_used || partition->phase != PHASE_RUNNING ||
	    partition->memory.stat_renewals != partition->device.change.renewals ||
	    partition->stat.is_mirrored == is_mirrored)
		return HV_OK;
	return hv_fail(err, HV_E_CORRUPT,
		       "partition '%s': its devices are %s, and its pages are %smirrored",
		       partition->name, is_mirrored ? "two" : "one",
		       is_mirrored ? "not " : "");
}
