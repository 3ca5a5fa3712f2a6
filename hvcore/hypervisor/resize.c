/*
 * resize - memory of a running partition is added and taken, in whole blocks (SPEC
 * D2). One order at a time; its result stays until the next one, so that an agent that
 * asks again, or another agent, finds it.
 *
 * Growing: blocks from the free ones (dedicated) or frames' worth of logical memory
 * only (shared), then the partition is told. Shrinking: the partition is asked, and
 * each block that it gives is emptied from the top before its memory is less; so what
 * it does not give in time simply stays, and nothing is half given. P18: what lies
 * beyond the memory can be faulted in by nobody: pages of a shared partition by the
 * fault thread's limit, of a dedicated one by the end of its file.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <errno.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"

#define EMPTY_PAGES 4096 /* a visit: its fault thread serves others too */
#define USED_TEXT "a device uses a page of it"

static struct partition *of_round(struct fault_round *round)
{
	return HV_CONTAINER(round, struct partition, resize.round);
}

static void go_on(struct partition *partition);

/* Its fault thread or a worker is. */
static bool is_at_work(const struct resize *resize)
{
	return resize->is_sizing || fault_round_is_out(&resize->round);
}

static uint64_t pages_of(uint64_t bytes)
{
	return bytes / HV_PAGE_BYTES;
}

/* ---- the end of an order ---- */

static void finish(struct partition *partition)
{
	struct resize *resize = &partition->resize;

	resize->is_running = false;
	log_info("hypervisor.resized",
		 "partition=%s generation=%llu bytes=%llu error=\"%s\"", partition->name,
		 (unsigned long long)resize->generation,
		 (unsigned long long)partition->mem_bytes,
		 resize->err.code == HV_OK ? "" : resize->err.text);
}

static void tell(struct partition *partition, uint64_t bytes, uint64_t has_bytes)
{
	struct hv_err err = { 0 };

	if (attach_resize(partition, ++partition->resize.tag, bytes, has_bytes, &err) !=
	    HV_OK)
		log_warn("hypervisor.resize_send", "partition=%s error=\"%s\"",
			 partition->name, err.text);
}

/* What was given stays given; what was not taken the partition may use again. */
static void give_up(struct partition *partition, enum hv_code code, const char *why)
{
	struct resize *resize = &partition->resize;

	(void)hv_fail(&resize->err, code, "%s: %llu MiB of memory, not %llu MiB", why,
		      (unsigned long long)(partition->mem_bytes >> 20),
		      (unsigned long long)(resize->target_bytes >> 20));
	if (partition->phase == PHASE_RUNNING)
		tell(partition, partition->mem_bytes, resize->intact_bytes);
	finish(partition);
}

void resize_end(struct partition *partition)
{
	if (partition->resize.is_running)
		give_up(partition, HV_E_GONE, "the partition has ended");
}

/* ---- on the fault thread ---- */

/*
 * Empties the pages from the top down to `pages`, a part of them a visit. BUSY: one of
 * them is POISONED. What is lost stays lost, loudly, and is no memory for others.
 */
static enum hv_code shrink_some(struct fault_thread *thread, struct partition *partition,
				uint32_t pages)
{
	struct memory *memory = &partition->memory;
	struct hv_space *space = memory->space;
	uint32_t top = hv_space_pages(space);
	uint32_t count = top - pages < EMPTY_PAGES ? top - pages : EMPTY_PAGES;
	enum hv_code code;

	if (memory->pages > pages && hv_space_has_poison(space, pages, top - pages))
		return HV_E_BUSY;
	memory->pages = pages;
	if (count == 0)
		return HV_OK;
	code = hv_pager_discard(thread->pager, space, top - count, count);
	if (code == HV_OK)
		code = hv_pager_resize(thread->pager, space, top - count);
	if (code != HV_E_BUSY)
		return code;
	/* poisoned since the first visit: all of the block is the partition's again */
	partition->resize.intact_bytes = (uint64_t)(top - count) * HV_PAGE_BYTES;
	memory->pages = (uint32_t)pages_of(partition->mem_bytes);
	code = hv_pager_resize(thread->pager, space, memory->pages);
	return code == HV_OK ? HV_E_BUSY : code;
}

static bool makes_calls(const struct partition *partition)
{
	return partition->hcalls != NULL && partition->hcalls->thread != NULL;
}

/* No call may name a page beyond the memory. */
static void bound_calls(struct partition *partition, uint32_t pages)
{
	if (makes_calls(partition))
		hv_calls_resize(partition->hcalls->calls, pages);
}

/* M7: a device may use a page beyond so many. */
static bool is_used_beyond(const struct partition *partition, uint32_t pages)
{
	return makes_calls(partition) &&
	       hcalls_maps_any(partition->hcalls, pages,
			       partition->hcalls->pages_max - pages);
}

static void visit_step(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_round(round);
	struct resize *resize = &partition->resize;
	struct memory *memory = &partition->memory;
	uint32_t pages = (uint32_t)pages_of(resize->step_bytes);

	resize->code = HV_E_GONE;
	resize->is_step_done = false;
	if (memory->thread != thread)
		return;
	resize->is_used = is_used_beyond(partition, pages);
	if (resize->is_used) {
		resize->code = HV_E_BUSY;
	} else if (pages <= hv_space_pages(memory->space)) {
		bound_calls(partition, pages);
		resize->code = shrink_some(thread, partition, pages);
	} else {
		resize->code = hv_pager_resize(thread->pager, memory->space, pages);
		memory->pages = pages;
	}
	bound_calls(partition, memory->pages);
	resize->is_step_done = resize->code == HV_OK &&
			       hv_space_pages(memory->space) == pages;
}

/* Dedicated memory: entries end before the memory does. */
static void visit_calls(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_round(round);
	uint32_t pages = (uint32_t)pages_of(partition->resize.step_bytes);

	(void)thread; /* the one that serves its calls, where it still has them */
	partition->resize.is_used = is_used_beyond(partition, pages);
	if (!partition->resize.is_used)
		bound_calls(partition, pages);
}

/* ---- one step ---- */

/* The memory is that of the step now. */
static void take_step(struct partition *partition)
{
	struct resize *resize = &partition->resize;
	uint64_t before = partition->mem_bytes;

	partition->mem_bytes = resize->step_bytes;
	resize->intact_bytes = before < resize->step_bytes ? before : resize->step_bytes;
	if (partition->mode == HV_MODE_SHARED) {
		partition->entitled_pages = partition_entitlement(partition,
								  partition->mem_bytes);
		manage_targets(partition->hv);
	}
	if (partition->mem_bytes > before)
		tell(partition, partition->mem_bytes, before);
	if (partition->mem_bytes == resize->target_bytes)
		finish(partition);
	else if (partition->mode == HV_MODE_SHARED)
		go_on(partition);
	else
		hypervisor_poll_soon(partition->hv); /* a block a turn of the loop */
}

static void on_step(struct fault_round *round)
{
	struct partition *partition = of_round(round);
	struct resize *resize = &partition->resize;

	if (!resize->is_running || partition->phase != PHASE_RUNNING)
		return; /* it died meanwhile */
	if (resize->is_step_done)
		take_step(partition);
	else if (resize->code == HV_OK)
		fault_errand_start(partition->home, round);
	else if (resize->code == HV_E_BUSY)
		give_up(partition, HV_E_BUSY,
			resize->is_used ? USED_TEXT
					: "a page of it is lost and cannot be given");
	else
		hypervisor_poll_soon(partition->hv); /* AGAIN, or it is dying */
}

/* ---- a dedicated partition's file ---- */

/*
 * Its file ends where its memory does, and its tmpfs keeps it to its blocks even where it
 * makes the file larger itself: the tmpfs is larger before, smaller afterwards.
 */
static enum hv_code limit_store(struct partition *partition, uint64_t bytes,
				struct hv_err *err)
{
	return hv_pool_resize(partition->store,
			      bytes + hv_pool_slack_pages() * HV_PAGE_BYTES, err);
}

/* H10: the partition may hold its file; the loop must not wait for it. */
static void size_in_worker(struct hv_work *work) /* W */
{
	struct partition *partition = HV_CONTAINER(work, struct partition, resize.work);
	struct resize *resize = &partition->resize;
	int rc;

	hv_visits_enter(&partition->memory.visits);
	rc = ftruncate(partition->file, (off_t)resize->step_bytes);
	hv_visits_leave(&partition->memory.visits);
	resize->size_err = (struct hv_err){ 0 };
	if (rc != 0)
		(void)hv_fail_os(&resize->size_err, HV_E_OS, errno,
				 "size the memory of '%s'", partition->name);
	hv_loop_post(partition->hv->loop, &resize->job);
}

static void on_restored(struct fault_round *round)
{
	(void)round;
}

/* The memory stayed as it was. */
static void restore_calls(struct partition *partition)
{
	struct resize *resize = &partition->resize;

	if (partition->hcalls == NULL || partition->phase != PHASE_RUNNING)
		return;
	resize->step_bytes = partition->mem_bytes;
	resize->round.done = on_restored;
	fault_errand_start(partition->home, &resize->round);
}

/* It has as many blocks as its memory takes. */
static void give_blocks(struct partition *partition, uint64_t bytes)
{
	struct hv_lmb_map *lmbs = partition->hv->lmbs;
	uint64_t count = hv_lmb_for_bytes(lmbs, bytes);

	if (count < partition->lmbs)
		hv_lmb_give(lmbs, HV_LMB_DEDICATED, partition->number,
			    partition->lmbs - count);
	partition->lmbs = count;
}

/* What growing took is free again. */
static void fail_size(struct partition *partition, const struct hv_err *err)
{
	give_blocks(partition, partition->mem_bytes);
	give_up(partition, err->code, err->text);
	restore_calls(partition);
}

static void on_sized(struct hv_job *job)
{
	struct partition *partition = HV_CONTAINER(job, struct partition, resize.job);
	struct resize *resize = &partition->resize;
	struct hv_err err = resize->size_err;

	resize->is_sizing = false;
	if (!resize->is_running || partition->phase != PHASE_RUNNING) {
		hypervisor_poll_soon(partition->hv); /* it died meanwhile */
		return;
	}
	if (err.code == HV_OK && resize->step_bytes < partition->mem_bytes)
		(void)limit_store(partition, resize->step_bytes, &err);
	if (err.code != HV_OK) {
		fail_size(partition, &err);
		return;
	}
	give_blocks(partition, resize->step_bytes);
	take_step(partition);
}

static void step_dedicated(struct partition *partition)
{
	struct resize *resize = &partition->resize;
	struct hv_err err = { 0 };

	if (resize->step_bytes > partition->mem_bytes &&
	    limit_store(partition, resize->step_bytes, &err) != HV_OK) {
		fail_size(partition, &err);
		return;
	}
	resize->work.run = size_in_worker;
	resize->job = (struct hv_job){ .run = on_sized };
	resize->is_sizing = true;
	hv_workers_post(&partition->hv->workers, &resize->work);
}

static void on_calls_bound(struct fault_round *round)
{
	struct partition *partition = of_round(round);

	if (!partition->resize.is_running || partition->phase != PHASE_RUNNING)
		return;
	if (partition->resize.is_used)
		give_up(partition, HV_E_BUSY, USED_TEXT);
	else
		step_dedicated(partition);
}

static void start_step(struct partition *partition, uint64_t bytes)
{
	struct resize *resize = &partition->resize;

	resize->step_bytes = bytes;
	if (partition->mode == HV_MODE_DEDICATED && partition->hcalls == NULL) {
		step_dedicated(partition);
		return;
	}
	if (partition->mode == HV_MODE_DEDICATED) {
		resize->round.visit = visit_calls;
		resize->round.done = on_calls_bound;
	} else {
		resize->round.visit = visit_step;
		resize->round.done = on_step;
	}
	fault_errand_start(partition->home, &resize->round);
}

/* The next block that the partition has given, from the top. */
static void go_on(struct partition *partition)
{
	struct resize *resize = &partition->resize;
	uint64_t block = hv_lmb_bytes(partition->hv->lmbs);
	uint64_t next = (partition->mem_bytes - 1) / block * block;

	if (!resize->is_running || is_at_work(resize))
		return;
	if (next < resize->target_bytes)
		next = resize->target_bytes;
	if (next < partition->mem_bytes && resize->given_bytes <= next)
		start_step(partition, next);
}

void resize_given(struct partition *partition, const struct hv_attach_resized *packet)
{
	struct resize *resize = &partition->resize;

	/* An answer to an older RESIZE says nothing about this one. */
	if (!resize->is_running || packet->head.tag != resize->tag)
		return;
	if (packet->bytes < resize->given_bytes)
		resize->given_bytes = packet->bytes;
	go_on(partition);
}

void resize_poll(struct hypervisor *hv)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->phase == PHASE_RUNNING)
			go_on(p);
}

void resize_second(struct hypervisor *hv)
{
	uint64_t now_ms = hv_clock_ms();

	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		struct resize *resize = &p->resize;

		if (!resize->is_running)
			continue;
		go_on(p);
		if (resize->is_running && !is_at_work(resize) &&
		    resize->deadline_ms != 0 && now_ms >= resize->deadline_ms)
			give_up(p, HV_E_TIMEOUT,
				"the partition did not give its memory in time");
	}
}

/* ---- orders ---- */

static enum hv_code check_ask(const struct partition *partition,
			      const Tarn__HvPartitionResize *ask, struct hv_err *err)
{
	uint64_t block = hv_lmb_bytes(partition->hv->lmbs);

	if (partition->phase != PHASE_RUNNING)
		return hv_fail(err, HV_E_STATE, "partition '%s' is not running",
			       partition->name);
	if (ask->generation < partition->resize.generation)
		return hv_fail(err, HV_E_STALE, "partition '%s' has had change %llu",
			       partition->name,
			       (unsigned long long)partition->resize.generation);
	if (partition->resize.is_running || is_at_work(&partition->resize))
		return hv_fail(err, HV_E_BUSY,
			       "memory of partition '%s' is being changed",
			       partition->name);
	if (ask->mem_bytes == 0 || ask->mem_bytes % block != 0 ||
	    ask->mem_bytes > partition->max_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "memory of %llu bytes: whole blocks of %llu MiB, and no "
			       "more than its maximum of %llu",
			       (unsigned long long)ask->mem_bytes,
			       (unsigned long long)(block >> 20),
			       (unsigned long long)partition->max_bytes);
	return HV_OK;
}

/* What growing takes, before anything changes. */
static enum hv_code take_more(struct partition *partition, uint64_t bytes,
			      struct hv_err *err)
{
	struct hypervisor *hv = partition->hv;
	uint64_t count = hv_lmb_for_bytes(hv->lmbs, bytes);
	enum hv_code code;

	if (partition->mode == HV_MODE_SHARED)
		return partition_entitle(partition, bytes, err);
	code = pool_machine_check(hv, bytes - partition->mem_bytes, err);
	if (code != HV_OK || count == partition->lmbs)
		return code;
	code = hv_lmb_take(hv->lmbs, HV_LMB_DEDICATED, partition->number,
			   count - partition->lmbs, err);
	if (code == HV_OK)
		partition->lmbs = count;
	return code;
}

static void begin(struct partition *partition)
{
	struct resize *resize = &partition->resize;

	resize->given_bytes = partition->mem_bytes;
	resize->intact_bytes = partition->mem_bytes;
	if (resize->target_bytes < partition->mem_bytes)
		tell(partition, resize->target_bytes, partition->mem_bytes);
	else if (resize->target_bytes == partition->mem_bytes)
		finish(partition);
	else
		start_step(partition, resize->target_bytes);
}

enum hv_code resize_ask(struct hypervisor *hv, const Tarn__HvPartitionResize *ask,
			struct hv_err *err)
{
	struct partition *partition = partition_find(hv, ask->name);
	struct resize *resize;
	enum hv_code code;

	if (partition == NULL || partition->run_id != ask->run_id)
		return hv_fail(err, HV_E_NOTFOUND, "no partition '%s' with run %llu",
			       ask->name, (unsigned long long)ask->run_id);
	resize = &partition->resize;
	if (ask->generation != 0 && ask->generation == resize->generation)
		return HV_OK;
	code = check_ask(partition, ask, err);
	if (code == HV_OK && ask->mem_bytes > partition->mem_bytes)
		code = take_more(partition, ask->mem_bytes, err);
	if (code != HV_OK)
		return code;
	resize->generation = ask->generation;
	resize->target_bytes = ask->mem_bytes;
	resize->deadline_ms = ask->wait_s == 0
				      ? 0
				      : hv_clock_ms() + ask->wait_s * UINT64_C(1000);
	resize->err = (struct hv_err){ 0 };
	resize->is_running = true;
	begin(partition);
	return HV_OK;
}
