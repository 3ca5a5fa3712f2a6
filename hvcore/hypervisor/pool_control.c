/*
 * pool_control - the shared memory pool: made, grown, shrunk, removed; and the
 * hypervisor's own memory blocks.
 *
 * P12: frames = pages of the mount less the slack of the kernel's counter.
 * P14: growing is machine check, LMBs, remount, frames; shrinking is frames, wait
 * until reclaim has paid the debt, remount, LMBs. A shrink that does not end in
 * time is given up and everything is as before.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <stdio.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"

#define SHRINK_MS 60000 /* arbitrary: 1 GiB at 70 us a page is 20 s */

static uint64_t frames_of(uint64_t bytes)
{
	uint64_t pages = bytes / HV_PAGE_BYTES;
	uint64_t slack = hv_pool_slack_pages();

	return pages > slack ? pages - slack : 0;
}

enum hv_code pool_machine_check(const struct hypervisor *hv, uint64_t more,
				struct hv_err *err)
{
	struct hv_machine machine;
	uint64_t promised = more;
	uint64_t used = 0;
	uint64_t pages = 0;
	enum hv_code code = hv_machine_read(&machine, err);

	if (code != HV_OK)
		return code;
	if (hv->pool.pool != NULL) {
		promised += hv_pool_bytes(hv->pool.pool);
		if (hv_pool_used(hv->pool.pool, &pages, NULL) == HV_OK)
			used += pages * HV_PAGE_BYTES;
	}
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next) {
		if (p->mode != HV_MODE_DEDICATED || p->file < 0)
			continue;
		promised += p->mem_bytes;
		if (hv_file_pages(p->file, &pages, NULL) == HV_OK)
			used += pages * HV_PAGE_BYTES;
	}
	return hv_machine_check(&machine, promised, used, err);
}

/* SPEC R1, R6: LMB 0, and as many more as the platform's model says. */
enum hv_code reserve_set(struct hypervisor *hv, uint64_t lmbs, struct hv_err *err)
{
	uint64_t now = hv_lmb_count(hv->lmbs, HV_LMB_HYPERVISOR);

	if (lmbs < 1)
		return hv_fail(err, HV_E_INVAL,
			       "the hypervisor keeps at least memory block 0");
	if (lmbs > now)
		return hv_lmb_take(hv->lmbs, HV_LMB_HYPERVISOR, 0, lmbs - now, err);
	hv_lmb_give(hv->lmbs, HV_LMB_HYPERVISOR, 0, now - lmbs);
	return HV_OK;
}

static void finish(struct hypervisor *hv, enum hv_code code, const struct hv_err *err)
{
	struct hv_exchange *exchange = hv->pool.exchange;

	hv->pool.exchange = NULL;
	hv->pool.target_bytes = 0;
	control_answer(exchange, code, err);
	manage_targets(hv);
}

static enum hv_code check_size(const struct hypervisor *hv, uint64_t mem, uint64_t max,
			       struct hv_err *err)
{
	uint64_t lmb = hv_lmb_bytes(hv->lmbs);

	if (mem == 0 || mem % lmb != 0 || max % lmb != 0 || max < mem)
		return hv_fail(
			err, HV_E_INVAL,
			"a pool of %llu bytes, at most %llu: whole memory blocks of "
			"%llu MiB, and no more than the maximum",
			(unsigned long long)mem, (unsigned long long)max,
			(unsigned long long)(lmb >> 20));
	if (frames_of(mem) == 0)
		return hv_fail(err, HV_E_INVAL, "a pool needs more than %llu pages",
			       (unsigned long long)hv_pool_slack_pages());
	return HV_OK;
}

static enum hv_code create(struct hypervisor *hv, uint64_t bytes, struct hv_err *err)
{
	char dir[HV_LOCAL_PATH_BYTES + 16];
	uint64_t blocks = hv_lmb_for_bytes(hv->lmbs, bytes);
	enum hv_code code = pool_machine_check(hv, bytes, err);

	if (code != HV_OK)
		return code;
	code = hv_lmb_take(hv->lmbs, HV_LMB_POOL, 0, blocks, err);
	if (code != HV_OK)
		return code;
	(void)snprintf(dir, sizeof(dir), "%s/run/pool", hv->state_dir);
	code = hv_pool_mount(dir, bytes, &hv->pool.pool, err);
	if (code != HV_OK) {
		hv_lmb_give(hv->lmbs, HV_LMB_POOL, 0, blocks);
		return code;
	}
	code = tiers_open(hv, err);
	if (code != HV_OK) {
		hv_pool_unmount(hv->pool.pool);
		hv->pool.pool = NULL;
		hv_lmb_give(hv->lmbs, HV_LMB_POOL, 0, blocks);
		return code;
	}
	hv_frames_grow(&hv->team->frames, frames_of(bytes));
	return HV_OK;
}

static enum hv_code grow(struct hypervisor *hv, uint64_t bytes, struct hv_err *err)
{
	uint64_t now = hv_pool_bytes(hv->pool.pool);
	uint64_t blocks = hv_lmb_for_bytes(hv->lmbs, bytes - now);
	enum hv_code code = pool_machine_check(hv, bytes - now, err);

	if (code != HV_OK)
		return code;
	code = hv_lmb_take(hv->lmbs, HV_LMB_POOL, 0, blocks, err);
	if (code != HV_OK)
		return code;
	code = hv_pool_resize(hv->pool.pool, bytes, err);
	if (code != HV_OK) {
		hv_lmb_give(hv->lmbs, HV_LMB_POOL, 0, blocks);
		return code;
	}
	hv_frames_grow(&hv->team->frames, frames_of(bytes) - frames_of(now));
	return HV_OK;
}

static void visit_nudge(struct fault_thread *thread, struct fault_round *round) /* F */
{
	(void)thread; /* its next hv_pager_run sees that frames are short */
	(void)round;
}

static void on_nudged(struct fault_round *round)
{
	(void)round;
}

static enum hv_code start_shrink(struct hypervisor *hv, uint64_t bytes,
				 struct hv_err *err)
{
	uint64_t now = hv_pool_bytes(hv->pool.pool);
	uint64_t frames = frames_of(bytes) -
			  (uint64_t)hv_frames_reserve((int64_t)frames_of(bytes));

	if (partition_entitled_pages(hv) > frames)
		return hv_fail(
			err, HV_E_REFUSED,
			"%llu pages are entitled to partitions; a pool of %llu MiB "
			"can promise %llu frames",
			(unsigned long long)partition_entitled_pages(hv),
			(unsigned long long)(bytes >> 20), (unsigned long long)frames);
	hv->pool.target_bytes = bytes;
	hv->pool.deadline_ms = hv_clock_ms() + SHRINK_MS;
	hv_frames_shrink(&hv->team->frames, frames_of(now) - frames_of(bytes));
	manage_targets(hv);
	if (!fault_round_is_out(&hv->pool.nudge)) {
		hv->pool.nudge.visit = visit_nudge;
		hv->pool.nudge.done = on_nudged;
		fault_round_start(hv->team, &hv->pool.nudge);
	}
	hypervisor_poll_soon(hv);
	return HV_OK;
}

/* P14: what reclaim was made to owe is owed no more. */
static void give_up(struct hypervisor *hv, enum hv_code code, const char *why)
{
	uint64_t target = hv->pool.target_bytes;
	struct hv_err err = { 0 };

	hv_frames_grow(&hv->team->frames,
		       frames_of(hv_pool_bytes(hv->pool.pool)) - frames_of(target));
	(void)hv_fail(&err, code,
		      "the pool was not shrunk to %llu MiB: %s; it is as it was",
		      (unsigned long long)(target >> 20), why);
	finish(hv, code, &err);
}

void pool_set(struct hypervisor *hv, uint64_t mem_bytes, uint64_t max_bytes,
	      struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };
	enum hv_code code = check_size(hv, mem_bytes, max_bytes, &err);

	if (code == HV_OK && hv->pool.target_bytes != 0 &&
	    hv->pool.target_bytes != mem_bytes)
		give_up(hv, HV_E_CANCELED, "another size is wanted now");
	if (code != HV_OK) {
		control_answer(exchange, code, &err);
		return;
	}
	if (hv->pool.target_bytes != 0) { /* asked again: the newer one is answered */
		(void)hv_fail(&err, HV_E_AGAIN, "asked again meanwhile");
		control_answer(hv->pool.exchange, HV_E_AGAIN, &err);
		hv->pool.exchange = exchange;
		return;
	}
	hv->pool.exchange = exchange;
	if (hv->pool.pool == NULL)
		code = create(hv, mem_bytes, &err);
	else if (mem_bytes > hv_pool_bytes(hv->pool.pool))
		code = grow(hv, mem_bytes, &err);
	else if (mem_bytes < hv_pool_bytes(hv->pool.pool))
		code = start_shrink(hv, mem_bytes, &err);
	if (code == HV_OK)
		hv->pool.max_bytes = max_bytes;
	if (code != HV_OK || hv->pool.target_bytes == 0)
		finish(hv, code, &err);
}

void pool_poll(struct hypervisor *hv)
{
	uint64_t target = hv->pool.target_bytes;
	uint64_t now;
	struct hv_err err = { 0 };

	if (target == 0)
		return;
	now = hv_pool_bytes(hv->pool.pool);
	if (hv_frames_free(&hv->team->frames) >= 0 &&
	    hv_pool_resize(hv->pool.pool, target, &err) == HV_OK) {
		hv_lmb_give(hv->lmbs, HV_LMB_POOL, 0,
			    hv_lmb_for_bytes(hv->lmbs, now - target));
		log_info("hypervisor.pool", "bytes=%llu", (unsigned long long)target);
		finish(hv, HV_OK, NULL);
		return;
	}
	if (hv_clock_ms() >= hv->pool.deadline_ms)
		give_up(hv, HV_E_TIMEOUT,
			"its pages are in use and could not be paged out in time");
}

enum hv_code pool_remove(struct hypervisor *hv, struct hv_err *err)
{
	uint64_t bytes;

	if (hv->pool.pool == NULL)
		return HV_OK;
	if (hv->pool.target_bytes != 0)
		return hv_fail(err, HV_E_BUSY, "the pool is being shrunk");
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->mode == HV_MODE_SHARED && p->phase <= PHASE_DYING)
			return hv_fail(err, HV_E_BUSY, "partition '%s' is in the pool",
				       p->name);
	bytes = hv_pool_bytes(hv->pool.pool);
	tiers_close(hv);
	hv_frames_shrink(&hv->team->frames, frames_of(bytes)); /* tiers pay later */
	hv_pool_unmount(hv->pool.pool);
	hv_lmb_give(hv->lmbs, HV_LMB_POOL, 0, hv_lmb_for_bytes(hv->lmbs, bytes));
	hv->pool = (struct pool_control){ .nudge = hv->pool.nudge };
	return HV_OK;
}

void pool_close(struct hypervisor *hv)
{
	hv_pool_unmount(hv->pool.pool);
	hv->pool.pool = NULL;
}
