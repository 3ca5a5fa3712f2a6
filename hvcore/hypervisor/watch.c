/*
 * watch - what partitions do to themselves, looked at once a second: mappings of
 * the pool file that are not registered and pinned memory (P7), pages that they put
 * into or took out of their file without a word (P12), ranges unmapped or moved.
 *
 * What would let a page be lost stops stealing from that partition, visibly; what
 * takes frames from others, or cannot be served any more, ends it.
 *
 * And what was done to them: pages that do not read back over the other VIOS.
 */
#include "hvcore/hypervisor/director.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "hvcore/base/log.h"

#define OVERRUN_PAGES 64 /* what may be under way while two numbers are read */
#define SWEEP_PAGES 4096 /* a second, for holes that nobody told us about */

/* ---- /proc ---- */

struct mappings {
	uint64_t inside;  /* bytes of the file mapped within the region */
	uint64_t outside; /* elsewhere: not registered */
};

static FILE *open_proc(const struct partition *partition, const char *name)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", partition->pid, name);
	return fopen(path, "re");
}

/* "start-end perms offset major:minor inode path" */
static void add_mapping(const struct partition *partition, const struct stat *st,
			const char *line, struct mappings *sum)
{
	uint64_t base = partition->memory.base;
	uint64_t start, end, offset, inode;
	unsigned major_of, minor_of;
	char perms[8];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s %" SCNx64 " %x:%x %" SCNu64, &start,
		   &end, perms, &offset, &major_of, &minor_of, &inode) != 7)
		return;
	if (inode != st->st_ino || makedev(major_of, minor_of) != st->st_dev)
		return;
	if (start >= base && end <= base + partition->max_bytes && start - base == offset)
		sum->inside += end - start;
	else
		sum->outside += end - start;
}

/* Of 128 partitions each second: a few reads each, and most lines name no such inode. */
static enum hv_code read_mappings(const struct partition *partition,
				  struct mappings *ret_sum, struct hv_err *err)
{
	static char buffer[16384]; /* L's */
	struct mappings sum = { 0 };
	char line[512], inode[32];
	struct stat st;
	FILE *maps;

	if (fstat(partition->file, &st) != 0)
		return hv_fail(err, HV_E_OS, "look at the pool file");
	maps = open_proc(partition, "maps");
	if (maps == NULL)
		return hv_fail(err, HV_E_GONE, "process %d has no maps", partition->pid);
	(void)setvbuf(maps, buffer, _IOFBF, sizeof(buffer));
	(void)snprintf(inode, sizeof(inode), " %llu ", (unsigned long long)st.st_ino);
	while (fgets(line, sizeof(line), maps) != NULL)
		if (strstr(line, inode) != NULL)
			add_mapping(partition, &st, line, &sum);
	(void)fclose(maps);
	*ret_sum = sum;
	return HV_OK;
}

enum hv_code watch_check_region(const struct partition *partition, struct hv_err *err)
{
	struct mappings sum;
	enum hv_code code = read_mappings(partition, &sum, err);

	if (code != HV_OK)
		return code;
	if (sum.inside != partition->max_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "%llu of the region's %llu bytes are mapped from the pool "
			       "file",
			       (unsigned long long)sum.inside,
			       (unsigned long long)partition->max_bytes);
	if (sum.outside != 0)
		return hv_fail(
			err, HV_E_INVAL,
			"%llu bytes of the pool file are mapped outside the region",
			(unsigned long long)sum.outside);
	return HV_OK;
}

static uint64_t read_pinned_kib(const struct partition *partition)
{
	unsigned long long kib = 0;
	char line[256];
	FILE *status = open_proc(partition, "status");

	if (status == NULL)
		return 0;
	while (fgets(line, sizeof(line), status) != NULL)
		if (sscanf(line, "VmPin: %llu kB", &kib) == 1)
			break;
	(void)fclose(status);
	return kib;
}

/* ---- judgement ---- */

static bool find_reason(struct partition *partition, char *reason)
{
	struct mappings sum = { .inside = partition->max_bytes };
	unsigned trouble = atomic_load(&partition->memory.trouble);
	uint64_t pinned = read_pinned_kib(partition);

	if (read_mappings(partition, &sum, NULL) != HV_OK)
		return false; /* it is ending: its pidfd tells */
	if (sum.outside != 0)
		(void)snprintf(
			reason, REASON_BYTES,
			"not paged out: %llu KiB of its memory are mapped a second "
			"time, unregistered",
			(unsigned long long)(sum.outside >> 10));
	else if (pinned != 0)
		(void)snprintf(reason, REASON_BYTES,
			       "not paged out: %llu KiB of its memory are pinned",
			       (unsigned long long)pinned);
	else if (trouble != 0 || sum.inside != partition->max_bytes)
		(void)snprintf(
			reason, REASON_BYTES,
			"not paged out: it unmapped or moved a part of its memory");
	else
		return false;
	return true;
}

static void visit_sweep(struct fault_thread *thread, struct fault_round *round) /* F */
{
	(void)round;
	for (unsigned i = 0; i < thread->memory_count; i++) {
		struct memory *memory = thread->memories[i];

		if (memory->must_sweep)
			(void)hv_pager_sweep(thread->pager, memory->space, SWEEP_PAGES);
	}
}

static void on_swept(struct fault_round *round)
{
	(void)round;
}

static uint64_t in_file(const struct partition *partition)
{
	return partition->stat.pages_in[HV_PAGE_RESIDENT] +
	       partition->stat.pages_in[HV_PAGE_STEALING];
}

static void judge(struct partition *partition)
{
	char reason[REASON_BYTES];
	uint64_t has = partition->file_pages;

	if (atomic_load(&partition->memory.trouble) & MEMORY_BEYOND) {
		life_kill(partition, "touched memory beyond what it has"); /* P18 */
		return;
	}
	if (atomic_load(&partition->memory.trouble) & MEMORY_STRAY) {
		life_kill(partition, "touched its memory where it had moved it: such a "
				     "fault cannot be served");
		return;
	}
	if (atomic_load(&partition->memory.trouble) & MEMORY_IO_UNMAPPED) {
		life_kill(partition, "unmapped memory that a device uses"); /* M7 */
		return;
	}
	if (partition->stat.counts.io_lost > 0) {
		(void)snprintf(reason, sizeof(reason),
			       "gave up %llu pages that a device uses",
			       (unsigned long long)partition->stat.counts.io_lost);
		life_kill(partition, reason);
		return;
	}
	if (partition->has_file_pages && has > in_file(partition) + OVERRUN_PAGES) {
		/* P12: it takes frames that are counted for others */
		(void)snprintf(
			reason, sizeof(reason),
			"put %llu pages into its file behind the hypervisor's back",
			(unsigned long long)(has - in_file(partition)));
		life_kill(partition, reason);
		return;
	}
	if (find_reason(partition, reason)) {
		if (!partition->is_blocked)
			log_warn("hypervisor.not_paged", "partition=%s reason=\"%s\"",
				 partition->name, reason);
		(void)snprintf(partition->block_reason, sizeof(partition->block_reason),
			       "%s", reason);
		life_block(partition, true);
		return;
	}
	partition->block_reason[0] = '\0';
	life_block(partition, false);
}

/* Once a second, however many there are. */
static void tell_cross_bad(struct partition *partition)
{
	const struct hv_space_stat *stat = &partition->stat;
	char vios[REASON_BYTES];

	if (stat->counts.cross_bad == partition->cross_bad_told)
		return;
	log_error(
		"hypervisor.cross_bad", "partition=%s pages=%llu page=%u vios=\"%s\"",
		partition->name,
		(unsigned long long)(stat->counts.cross_bad - partition->cross_bad_told),
		stat->bad.page,
		pair_names(partition->hv, stat->bad.paths, vios, sizeof(vios)));
	partition->cross_bad_told = stat->counts.cross_bad;
}

/* P18: its size is ours to change; the tmpfs held it to its blocks meanwhile. */
static void judge_dedicated(struct partition *partition)
{
	struct stat st;

	if (partition->resize.is_sizing) /* by us, just now */
		return;
	if (fstat(partition->file, &st) == 0 &&
	    (uint64_t)st.st_size > partition->mem_bytes)
		life_kill(partition, "made the file of its memory larger");
}

static void on_fresh(struct hypervisor *hv, void *arg)
{
	bool must_sweep = false;

	(void)arg;
	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		struct memory *memory = &p->memory;

		if (p->phase != PHASE_RUNNING)
			continue;
		if (p->mode == HV_MODE_DEDICATED)
			judge_dedicated(p);
		if (p->mode == HV_MODE_DEDICATED || !p->has_stat)
			continue;
		tell_cross_bad(p);
		judge(p);
		if (fault_round_is_out(&hv->sweep_round))
			continue;
		memory->must_sweep = p->has_file_pages && p->file_pages < in_file(p);
		must_sweep |= memory->must_sweep;
	}
	if (!must_sweep || fault_round_is_out(&hv->sweep_round))
		return;
	hv->sweep_round.visit = visit_sweep;
	hv->sweep_round.done = on_swept;
	fault_round_start(hv->team, &hv->sweep_round);
}

void watch_second(struct hypervisor *hv)
{
	/* what a VIOS could not open before, it may open now */
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		for (unsigned i = 0; i < HV_PATHS && p->device.is_used; i++)
			if (p->phase < PHASE_DYING && p->phase > PHASE_OPENING &&
			    p->device.paths[i].state == DEVICE_FAILED)
				device_ask_open(p, i);
	stat_then(hv, on_fresh, NULL);
}
