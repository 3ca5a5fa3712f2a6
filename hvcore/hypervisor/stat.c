/*
 * stat - what everything stands at, in one round over the fault threads: each fills
 * in its spaces, so that the counts of a partition belong together. Requests that
 * come while a round is out are answered by the next one.
 *
 * An audit (M1) is the same round with all threads standing still, so that the
 * frames of all of them add up too.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/clock.h"

struct stat_request {
	struct stat_request *next;
	struct hv_exchange *exchange; /* NULL: `then` */
	struct stat_wish wish;
	void (*then)(struct hypervisor *hv, void *arg);
	void *arg;
};

static bool any_audit(const struct stat_request *requests)
{
	for (; requests != NULL; requests = requests->next)
		if (requests->wish.is_audit)
			return true;
	return false;
}

static void visit_stat(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct hypervisor *hv = HV_CONTAINER(round, struct hypervisor, stat_round);
	bool is_audit = hv->stat_is_audit;
	struct fault_check *check = &hv->stat_checks[thread->index];

	if (is_audit)
		fault_stand_still(thread);
	if (is_audit && thread->index == 0)
		hv->stat_frames_free = hv_frames_free(&thread->team->frames);
	*check = (struct fault_check){ .code = HV_OK };
	hv_pager_stat(thread->pager, &check->pager);
	for (unsigned i = 0; i < thread->memory_count; i++) {
		struct memory *memory = thread->memories[i];

		hv_space_stat(memory->space, hv_clock_ns(), &memory->stat);
		memory->has_stat = true;
		memory->stat_renewals = memory->renewals;
		if (memory->wants_trace)
			memory->trace = *hv_space_trace(memory->space);
		memory->has_trace = memory->wants_trace;
		memory->file_pages_known =
			hv_file_pages(memory->file, &memory->file_pages, NULL) == HV_OK;
		check->frames += memory->stat.frames;
		if (is_audit && check->code == HV_OK)
			check->code = hv_space_audit(memory->space, &check->err);
	}
	for (struct hcalls *hcalls = thread->hcalls; hcalls != NULL;
	     hcalls = hcalls->next) {
		hv_calls_stat(hcalls->calls, &hcalls->stat);
		hcalls->stat_map_waits = hcalls->map_waits;
		if (hcalls->io != NULL)
			io_look(hcalls->io);
		if (is_audit && check->code == HV_OK)
			check->code = hcalls_audit(hcalls, &check->err);
	}
	if (is_audit && check->code == HV_OK)
		check->code = hv_pager_audit(thread->pager, &check->err);
	if (is_audit)
		fault_stand_still(thread);
}

/* ---- the equations that span fault threads ---- */

static enum hv_code audit_partition(const struct partition *partition, struct hv_err *err)
{
	const struct hv_space_stat *stat = &partition->stat;
	const struct hv_space_counts *n = &stat->counts;
	uint64_t pages = 0;
	uint64_t served = n->zero_fills + n->page_ins + n->minor_faults +
			  n->write_faults + n->stale_faults + n->failed_faults +
			  stat->pending_faults;

	for (unsigned i = 0; i < HV_PAGE_STATE_COUNT; i++)
		pages += stat->pages_in[i];
	if (pages != stat->pages)
		return hv_fail(err, HV_E_CORRUPT,
			       "partition '%s': %llu pages in all states",
			       partition->name, (unsigned long long)pages);
	if (served != n->faults)
		return hv_fail(err, HV_E_CORRUPT,
			       "partition '%s': %llu faults, %llu of them accounted for",
			       partition->name, (unsigned long long)n->faults,
			       (unsigned long long)served);
	return device_audit(partition, err);
}

static enum hv_code audit(struct hypervisor *hv, struct hv_err *err)
{
	enum hv_code code = hv_lmb_audit(hv->lmbs, err);
	int64_t total = hv_frames_total(&hv->team->frames);
	int64_t frames = hv->stat_frames_free;

	for (unsigned i = 0; i < hv->team->count && code == HV_OK; i++) {
		struct fault_check *check = &hv->stat_checks[i];

		frames += (int64_t)(check->frames + check->pager.tier_frames);
		if (check->code != HV_OK)
			code = hv_fail(err, check->code, "fault thread %u: %.300s", i,
				       check->err.text);
	}
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (code == HV_OK && p->mode == HV_MODE_SHARED && p->has_stat)
			code = audit_partition(p, err);
	if (code == HV_OK && frames != total)
		code = hv_fail(err, HV_E_CORRUPT, "%lld frames are free or used, of %lld",
			       (long long)frames, (long long)total);
	return code;
}

/* ---- rounds ---- */

static void start(struct hypervisor *hv);

static void answer(struct hypervisor *hv, struct stat_request *request)
{
	Tarn__HostStat *stat = NULL;
	struct hv_err err = { 0 };
	enum hv_code code;

	if (request->exchange == NULL) {
		request->then(hv, request->arg);
		return;
	}
	code = stat_build(hv, &request->wish, &stat, &err);
	if (code != HV_OK) {
		control_answer(request->exchange, code, &err);
		return;
	}
	if (request->wish.is_audit) {
		err.text[0] = '\0';
		stat->has_audit_ok = true;
		stat->audit_ok = audit(hv, &err) == HV_OK;
		stat->audit_text = err.text;
	}
	control_answer_stat(request->exchange, stat);
	stat->audit_text = NULL;
	stat_free(stat);
}

static void on_round(struct fault_round *round)
{
	struct hypervisor *hv = HV_CONTAINER(round, struct hypervisor, stat_round);
	struct stat_request *request = hv->stat_now;

	hv->stat_now = NULL;
	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		p->has_stat = p->memory.has_stat;
		p->stat = p->memory.stat;
		p->file_pages = p->memory.file_pages;
		p->has_file_pages = p->memory.file_pages_known;
		if (p->hcalls == NULL)
			continue;
		p->calls_stat = p->hcalls->stat;
		p->map_waits = p->hcalls->stat_map_waits;
		if (p->io != NULL)
			p->io_stat = p->io->stat;
	}
	while (request != NULL) {
		struct stat_request *next = request->next;

		answer(hv, request);
		free(request);
		request = next;
	}
	start(hv);
}

static void want_traces(struct hypervisor *hv)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		p->memory.wants_trace = false;
		for (struct stat_request *at = hv->stat_now; at != NULL; at = at->next)
			if (strcmp(at->wish.trace, p->name) == 0)
				p->memory.wants_trace = true;
	}
}

static void start(struct hypervisor *hv)
{
	if (hv->stat_next == NULL || fault_round_is_out(&hv->stat_round))
		return;
	hv->stat_now = hv->stat_next;
	hv->stat_next = NULL;
	hv->stat_is_audit = any_audit(hv->stat_now);
	want_traces(hv);
	hv->stat_round.visit = visit_stat;
	hv->stat_round.done = on_round;
	fault_round_start(hv->team, &hv->stat_round);
}

static void add(struct hypervisor *hv, const struct stat_request *wish)
{
	struct stat_request *request = malloc(sizeof(*request));
	struct stat_request **last = &hv->stat_next;
	struct hv_err err = { 0 };

	if (request == NULL) {
		(void)hv_fail(&err, HV_E_NOMEM, "a stat request");
		control_answer(wish->exchange, HV_E_NOMEM, &err);
		return;
	}
	*request = *wish;
	while (*last != NULL)
		last = &(*last)->next;
	*last = request;
	start(hv);
}

void stat_ask(struct hypervisor *hv, struct hv_exchange *exchange,
	      const Tarn__HvStatGet *get)
{
	struct stat_request request = { .exchange = exchange };

	request.wish.has_histograms = get->has_histograms && get->histograms;
	request.wish.is_audit = get->has_audit && get->audit;
	if (get->trace != NULL)
		(void)snprintf(request.wish.trace, sizeof(request.wish.trace), "%s",
			       get->trace);
	add(hv, &request);
}

void stat_then(struct hypervisor *hv, void (*then)(struct hypervisor *hv, void *arg),
	       void *arg)
{
	add(hv, &(struct stat_request){ .then = then, .arg = arg });
}

static void free_all(struct stat_request *request)
{
	while (request != NULL) {
		struct stat_request *next = request->next;

		free(request);
		request = next;
	}
}

void stat_close(struct hypervisor *hv)
{
	free_all(hv->stat_now);
	free_all(hv->stat_next);
	hv->stat_now = hv->stat_next = NULL;
}
