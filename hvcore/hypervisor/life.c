/*
 * life - a partition from attached to ended (drawing in partition.c). What it owned
 * goes back in this order: its calls and transfers (IO3: no device uses a page any
 * more), its file's pages (M2: nobody can touch them any more), the frames, the pool
 * file, the LMBs, its device and the files of its disks.
 */
#include "hvcore/hypervisor/director.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define PUNCH_BYTES (UINT64_C(32) << 20) /* a turn: 8192 pages, 5 ms (paging.md 3.2) */
#define DISCARD_PAGES 4096               /* a visit: its fault thread serves others too */

static struct partition *of_add(struct fault_round *round)
{
	return HV_CONTAINER(round, struct partition, add);
}

static struct partition *of_end(struct fault_round *round)
{
	return HV_CONTAINER(round, struct partition, end);
}

static struct partition *of_discard(struct fault_round *round)
{
	return HV_CONTAINER(round, struct partition, discard);
}

static struct partition *of_block(struct fault_round *round)
{
	return HV_CONTAINER(round, struct partition, block);
}

bool life_is_attached(const struct partition *partition)
{
	return partition->phase >= PHASE_MAPPING && partition->phase <= PHASE_RUNNING;
}

/* ---- attach ---- */

static void visit_add(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_add(round);
	struct hv_err *err = &partition->add_err;

	if (partition->mode == HV_MODE_DEDICATED) {
		partition->add_code = hcalls_add(thread, partition->hcalls, err);
		return;
	}
	partition->add_code = memory_add(thread, &partition->memory, err);
	if (partition->add_code != HV_OK)
		return;
	for (unsigned path = 0; path < HV_PATHS; path++)
		if (partition->add_open[path])
			device_tell(thread, partition, path);
	pair_ask(thread, &partition->memory);
}

static void start_run(struct partition *partition)
{
	partition->phase = PHASE_RUNNING;
	partition->attached_ms = hv_clock_ms();
	attach_go(partition);
}

static void on_added(struct fault_round *round)
{
	struct partition *partition = of_add(round);

	if (partition->phase != PHASE_ADDING) {
		hypervisor_poll_soon(partition->hv); /* it died meanwhile */
		return;
	}
	if (partition->add_code != HV_OK) {
		attach_refuse(partition->fd, 0, partition->add_err.code,
			      partition->add_err.text);
		partition->fd = -1;
		life_kill(partition, partition->add_err.text);
		return;
	}
	start_run(partition);
	manage_attached(partition);
}

static void attach_calls(struct partition *partition)
{
	const struct dabr_target target = { partition->pid, &partition->pidfd,
					    partition->memory.base,
					    partition->max_bytes };

	if (partition->mode == HV_MODE_SHARED)
		manage_prepare(partition);
	if (partition->hcalls == NULL)
		return;
	dabr_attach(&partition->hcalls->dabr, partition->hv->loop, &target);
	mpp_attach(&partition->hcalls->mpp, partition->hv->loop, own_decide, partition);
}

void life_attach(struct partition *partition)
{
	if (partition->mode == HV_MODE_DEDICATED && partition->hcalls == NULL) {
		start_run(partition);
		return;
	}
	attach_calls(partition);
	partition->phase = PHASE_ADDING;
	for (unsigned path = 0; path < HV_PATHS; path++)
		partition->add_open[path] = partition->device.paths[path].state ==
					    DEVICE_OPEN;
	partition->add.visit = visit_add;
	partition->add.done = on_added;
	fault_errand_start(partition->home, &partition->add);
}

/* ---- end ---- */

void life_kill(struct partition *partition, const char *reason)
{
	if (partition->reason[0] == '\0')
		(void)snprintf(partition->reason, sizeof(partition->reason), "%s",
			       reason);
	if (partition->pidfd < 0)
		return;
	log_warn("hypervisor.partition_killed", "partition=%s pid=%d reason=\"%s\"",
		 partition->name, partition->pid, reason);
	/* ESRCH: gone already; its pidfd tells */
	(void)syscall(SYS_pidfd_send_signal, partition->pidfd, SIGKILL, NULL, 0);
}

void life_end(struct partition *partition, const char *reason)
{
	if (partition->phase >= PHASE_DYING)
		return;
	if (partition->reason[0] == '\0')
		(void)snprintf(partition->reason, sizeof(partition->reason), "%s",
			       reason);
	attach_hang_up(partition);
	hv_watch_stop(&partition->pidfd_watch);
	if (partition->pidfd >= 0)
		(void)close(partition->pidfd);
	partition->pidfd = -1;
	manage_ended(partition);
	if (partition->io != NULL)
		io_leave(partition->io);
	partition->phase = PHASE_DYING;
	resize_end(partition);
	log_info("hypervisor.partition_ended", "partition=%s run=%llu reason=\"%s\"",
		 partition->name, (unsigned long long)partition->run_id,
		 partition->reason);
	hypervisor_poll_soon(partition->hv);
}

/* Nothing more is asked for; what devices are at ends before its frames are free. */
static void visit_drain(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_end(round);
	struct hv_tces *tces = hv_calls_tces(partition->hcalls->calls);

	(void)thread;
	hcalls_remove(partition->hcalls);
	/* IO3: transfers are cut, so that no device is waited for */
	partition->is_drained = (partition->io == NULL || io_cut(partition->io)) &&
				(tces == NULL || hv_tces_held(tces) == 0);
}

static void visit_end(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_end(round);
	struct memory *memory = &partition->memory;

	if (memory->thread == NULL)
		return;
	if (!partition->was_ended) {
		hv_pager_end(thread->pager, memory->space);
		partition->was_ended = true;
	}
	if (hv_space_life(memory->space) != HV_LIFE_ENDING)
		memory_remove(memory);
}

static void on_end(struct fault_round *round)
{
	hypervisor_poll_soon(of_end(round)->hv);
}

/* A part of the file a turn, so that the loop goes on; true when all is punched. */
static bool punch(struct partition *partition)
{
	uint64_t left = partition->max_bytes - partition->punched_bytes;
	uint64_t bytes = left < PUNCH_BYTES ? left : PUNCH_BYTES;

	if (partition->file < 0 || partition->mode == HV_MODE_DEDICATED || left == 0)
		return true;
	if (fallocate(partition->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
		      (off_t)partition->punched_bytes, (off_t)bytes) != 0 &&
	    errno == EINTR)
		return false;
	partition->punched_bytes += bytes;
	return partition->punched_bytes == partition->max_bytes;
}

static bool is_on_a_thread(const struct partition *partition)
{
	return partition->memory.thread != NULL ||
	       (partition->hcalls != NULL && partition->hcalls->thread != NULL);
}

/* What it did is still told; none of its pages holds anything, and no slot is its. */
static void forget_pages(struct partition *partition)
{
	struct hv_space_stat *stat = &partition->memory.stat;

	memset(stat->pages_in, 0, sizeof(stat->pages_in));
	memset(stat->slots_in, 0, sizeof(stat->slots_in));
	memset(stat->missed, 0, sizeof(stat->missed));
	stat->pages_in[HV_PAGE_ZERO] = stat->pages;
	stat->frames = stat->loaned = stat->table_bytes = stat->packed_bytes = 0;
	partition->stat = *stat;
	atomic_store(&partition->memory.quarantined, 0);
}

static void give_back(struct partition *partition)
{
	struct hypervisor *hv = partition->hv;
	struct memory *memory = &partition->memory;

	if (memory->uffd >= 0)
		(void)close(memory->uffd);
	memory->uffd = -1;
	if (partition->file >= 0) {
		if (partition->mode == HV_MODE_SHARED)
			hv_pool_file_remove(hv->pool.pool, partition->name,
					    partition->file);
		(void)close(partition->file);
	}
	partition->file = memory->file = -1;
	if (partition->lmbs > 0)
		hv_lmb_give(hv->lmbs, HV_LMB_DEDICATED, partition->number,
			    partition->lmbs);
	partition->lmbs = 0;
	partition_store_close(partition);
	hv_space_free(memory->space);
	memory->space = NULL;
	forget_pages(partition);
	hcalls_close(partition->hcalls);
	partition->hcalls = memory->hcalls = NULL;
	partition->calls_stat = (struct hv_calls_stat){ 0 };
	if (partition->device.is_used)
		device_ask_close(partition);
	partition->phase = PHASE_CLOSING;
	manage_targets(hv);
}

static bool is_idle(const struct partition *partition)
{
	return !fault_round_is_out(&partition->add) &&
	       !fault_round_is_out(&partition->end) &&
	       !fault_round_is_out(&partition->discard) &&
	       !fault_round_is_out(&partition->block) &&
	       !fault_round_is_out(&partition->io_round) &&
	       !fault_round_is_out(&partition->resize.round) &&
	       !partition->resize.is_sizing &&
	       !fault_round_is_out(&partition->share.round) &&
	       device_is_idle(&partition->device);
}

static void on_io_round(struct fault_round *round)
{
	hypervisor_poll_soon(HV_CONTAINER(round, struct partition, io_round)->hv);
}

static void visit_settled(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct io *io = HV_CONTAINER(round, struct partition, io_round)->io;

	(void)thread;
	io->is_settled = io_is_settled(io);
}

static void ask_settled(struct partition *partition)
{
	partition->io_round.visit = visit_settled;
	partition->io_round.done = on_io_round;
	fault_errand_start(partition->io->thread, &partition->io_round);
}

/* Its files are let go of by the devices, and closed. */
static bool is_io_closed(struct partition *partition)
{
	struct io *io = partition->io;

	if (io == NULL)
		return true;
	if (fault_round_is_out(&partition->io_round))
		return false;
	if (io->state == IO_CLOSED) {
		io_free(io);
		partition->io = NULL;
		return true;
	}
	if (io->thread != NULL && !io->is_settled)
		ask_settled(partition);
	else
		io_close(io);
	return false;
}

static void poll_dying(struct partition *partition)
{
	if (!is_idle(partition) || manage_is_out(partition) ||
	    fault_round_is_out(&partition->hv->stat_round) ||
	    fault_round_is_out(&partition->hv->sweep_round)) {
		hypervisor_poll_soon(partition->hv);
		return;
	}
	if (partition->hcalls != NULL && !partition->is_drained) {
		partition->end.visit = visit_drain;
		partition->end.done = on_end;
		fault_errand_start(partition->home, &partition->end);
		return;
	}
	if (!punch(partition))
		return;
	if (is_on_a_thread(partition)) {
		partition->end.visit = visit_end;
		partition->end.done = on_end;
		fault_errand_start(partition->home, &partition->end);
		return;
	}
	give_back(partition);
}

static void poll_closing(struct partition *partition)
{
	struct device *device = &partition->device;

	if (device->is_used) {
		/* opened after all, for a define that was given up */
		device_ask_close(partition);
		if (!device_is_clean(device))
			return;
		device_free(partition);
	}
	if (!is_io_closed(partition))
		return;
	partition->phase = PHASE_ENDED;
	log_info("hypervisor.partition_clean", "partition=%s run=%llu", partition->name,
		 (unsigned long long)partition->run_id);
	if (partition->is_refused)
		partition_free(partition);
}

void life_poll(struct hypervisor *hv)
{
	struct partition *next;

	for (struct partition *p = hv->partitions; p != NULL; p = next) {
		next = p->next;
		if (p->phase == PHASE_OPENING)
			partition_device_changed(p);
		if (p->phase == PHASE_DYING)
			poll_dying(p);
		if (p->phase == PHASE_CLOSING)
			poll_closing(p);
		else if (p->discard_pages > 0)
			life_discard(p, p->discard_first, p->discard_pages);
	}
}

bool life_has_work(const struct hypervisor *hv)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->phase == PHASE_OPENING || p->phase == PHASE_DYING ||
		    p->phase == PHASE_CLOSING || p->discard_pages > 0)
			return true;
	return false;
}

/* ---- orders to the fault thread ---- */

static void visit_block(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_block(round);

	if (partition->memory.thread == thread)
		hv_pager_block(thread->pager, partition->memory.space,
			       partition->is_told_blocked);
}

static void on_blocked(struct fault_round *round)
{
	struct partition *partition = of_block(round);

	if (partition->is_told_blocked != partition->is_blocked)
		life_block(partition, partition->is_blocked);
}

void life_block(struct partition *partition, bool is_blocked)
{
	partition->is_blocked = is_blocked;
	if (partition->is_told_blocked == is_blocked ||
	    partition->phase != PHASE_RUNNING || fault_round_is_out(&partition->block))
		return;
	partition->is_told_blocked = is_blocked;
	partition->block.visit = visit_block;
	partition->block.done = on_blocked;
	fault_errand_start(partition->home, &partition->block);
}

static void visit_discard(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_discard(round);
	uint64_t pages = partition->discard_pages;

	if (pages > DISCARD_PAGES)
		pages = DISCARD_PAGES;
	partition->discard_code = HV_E_GONE;
	if (partition->memory.thread == thread)
		partition->discard_code = hv_pager_discard(
			thread->pager, partition->memory.space,
			(uint32_t)partition->discard_first, (uint32_t)pages);
}

static void on_discard(struct fault_round *round)
{
	struct partition *partition = of_discard(round);
	uint64_t pages = partition->discard_pages;

	if (pages > DISCARD_PAGES)
		pages = DISCARD_PAGES;
	if (partition->discard_code == HV_OK) {
		partition->discard_first += pages;
		partition->discard_pages -= pages;
	} else if (partition->discard_code != HV_E_AGAIN) {
		partition->discard_pages = 0; /* it is dying: nobody waits */
	}
	if (partition->discard_pages == 0) {
		attach_discarded(partition);
		return;
	}
	if (partition->discard_code == HV_E_AGAIN) /* its events must be read first */
		hypervisor_poll_soon(partition->hv);
	else
		life_discard(partition, partition->discard_first,
			     partition->discard_pages);
}

void life_discard(struct partition *partition, uint64_t first, uint64_t pages)
{
	if (fault_round_is_out(&partition->discard))
		return; /* the fault thread reads what it is at */
	partition->discard_first = first;
	partition->discard_pages = partition->phase == PHASE_RUNNING ? pages : 0;
	if (partition->discard_pages == 0)
		return;
	partition->discard.visit = visit_discard;
	partition->discard.done = on_discard;
	fault_errand_start(partition->home, &partition->discard);
}

/* ---- the end of the hypervisor itself ---- */

void life_kill_all(struct hypervisor *hv)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->pidfd >= 0)
			life_kill(p, "the hypervisor is ending");
	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		struct pollfd poller = { .fd = p->pidfd, .events = POLLIN };

		/* P1: its userfaultfd may not close before it is dead */
		while (p->pidfd >= 0 && poll(&poller, 1, -1) != 1)
			continue;
	}
}

void life_free_all(struct hypervisor *hv)
{
	if (hv->team != NULL)
		fault_team_abandon(hv->team);
	while (hv->partitions != NULL) {
		struct partition *partition = hv->partitions;

		attach_hang_up(partition);
		hv_watch_stop(&partition->pidfd_watch);
		if (partition->pidfd >= 0)
			(void)close(partition->pidfd);
		if (partition->memory.uffd >= 0)
			(void)close(partition->memory.uffd);
		partition->define_exchange = NULL; /* dropped with its server */
		partition_free(partition);
	}
}
