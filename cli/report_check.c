/* report_check - see report_check.h. */
#include "cli/report_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/mirror.h"
#include "hvcore/base/units.h"

#define FRAMES_MOVING 640 /* the buffers of two lanes: what can be under way at once */

struct check {
	struct cli_findings *findings;
	const char *kind, *name; /* of what is looked at */
};

static void found(struct check *check, const char *format, ...) HV_PRINTF(2, 3);
static void found(struct check *check, const char *format, ...)
{
	struct cli_findings *findings = check->findings;
	struct cli_finding *row;
	va_list args;

	if (findings->count++ >= CLI_FINDINGS_MAX)
		return;
	row = &findings->rows[findings->count - 1];
	(void)snprintf(row->where, sizeof(row->where), "%s %s", check->kind, check->name);
	va_start(args, format);
	(void)vsnprintf(row->text, sizeof(row->text), format, args);
	va_end(args);
}

static void must_equal(struct check *check, const char *left, uint64_t a,
		       const char *right, uint64_t b)
{
	if (a != b)
		found(check, "%s is %" PRIu64 ", but %s is %" PRIu64, left, a, right, b);
}

static void must_be_zero(struct check *check, const char *what, uint64_t count)
{
	if (count != 0)
		found(check, "%" PRIu64 " %s", count, what);
}

static void check_pages(struct check *check, const Tarn__PartitionStat *stat)
{
	must_equal(check, "logical pages", stat->logical_pages,
		   "resident + paged out + zero + leaving + coming in + poisoned",
		   stat->resident_pages + stat->stolen_pages + stat->zero_pages +
			   stat->stealing_pages + stat->inflight_pages +
			   stat->poisoned_pages);
	must_equal(check, "faults", stat->faults,
		   "zero fills + page-ins + minor + write + already served + failed + "
		   "waiting",
		   stat->zero_fills + stat->page_ins + stat->minor_faults +
			   stat->write_faults + stat->stale_faults + stat->failed_faults +
			   stat->pending_faults);
}

static void check_content(struct check *check, const Tarn__PartitionStat *stat)
{
	must_be_zero(check, "mismatches found by the workload", stat->mismatches);
	must_be_zero(check, "checksum errors", stat->checksum_errors);
	must_be_zero(check, "integrity errors", stat->integrity_errors);
	must_be_zero(check, "poisoned pages", stat->poisoned_pages);
	must_be_zero(check, "bad pages in the last verification", stat->verify_bad);
	if (stat->verify_passes > 0 && stat->resize == NULL) /* the pass may be older */
		must_equal(check, "pages verified", stat->pages_verified, "logical pages",
			   stat->logical_pages);
}

static void check_device(struct check *check, const Tarn__StatusReply *status,
			 const Tarn__LparRecord *lpar, const char *name, uint64_t slots)
{
	const Tarn__DeviceView *device =
		name != NULL ? cli_find_device(status, lpar->host, name) : NULL;

	if (name == NULL)
		return;
	if (device == NULL)
		found(check, "its paging device '%s' is unknown", name);
	else if (slots > device->record->usable_bytes / HV_PAGE_BYTES)
		found(check,
		      "%" PRIu64 " slots are in use, but its paging device has %" PRIu64,
		      slots, (uint64_t)(device->record->usable_bytes / HV_PAGE_BYTES));
}

static void check_slots(struct check *check, const Tarn__StatusReply *status,
			const Tarn__LparView *lpar)
{
	const Tarn__PartitionStat *stat = lpar->stat;
	uint64_t slots = stat->slots_free + stat->slots_live + stat->slots_writing +
			 stat->slots_condemned + stat->slots_quarantined;

	if (stat->slots_live < stat->stolen_pages)
		found(check,
		      "%" PRIu64 " pages are paged out, but only %" PRIu64
		      " slots are live",
		      stat->stolen_pages, stat->slots_live);
	check_device(check, status, lpar->record, lpar->record->device, slots);
	check_device(check, status, lpar->record, lpar->record->mirror, slots);
}

static bool is_alive(const Tarn__PartitionStat *stat)
{
	return stat != NULL && stat->state != TARN__PARTITION_STATE__PARTITION_ENDED &&
	       stat->state != TARN__PARTITION_STATE__PARTITION_DEFINED;
}

static void check_lpar(struct cli_findings *findings, const Tarn__StatusReply *status,
		       const Tarn__LparView *lpar)
{
	struct check check = { findings, "partition", lpar->record->spec->name };
	char text[CLI_MIRROR_BYTES];

	if (!lpar->record->running) {
		if (lpar->stat != NULL && is_alive(lpar->stat))
			found(&check, "is off, but runs");
		if (lpar->record->ended_unasked)
			found(&check, "ended, and nobody asked it to: %s",
			      lpar->record->last_end != NULL ? lpar->record->last_end
							     : "no reason");
		return;
	}
	if (!is_alive(lpar->stat)) {
		found(&check, "is not alive: %s%s%s", lpar->state,
		      lpar->reason != NULL ? ": " : "",
		      lpar->reason != NULL ? lpar->reason : "");
		return;
	}
	must_equal(&check, "run", lpar->stat->run_id, "run wanted", lpar->record->run_id);
	check_content(&check, lpar->stat);
	if (lpar->stat->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		return;
	check_pages(&check, lpar->stat);
	check_slots(&check, status, lpar);
	if (cli_mirror_text(status, lpar, text))
		found(&check, "%s", text);
	if (cli_cross_text(lpar, text))
		found(&check, "%s", text);
}

/*
 * Frames that the host's partitions hold. They are counted one fault thread after
 * the other while pages come and go, so the sum may be off by what moves meanwhile;
 * an audit, for which all stand still, must agree to the frame.
 */
static uint64_t frames_held(const Tarn__StatusReply *status, const char *host)
{
	uint64_t held = 0;

	for (size_t i = 0; i < status->n_lpars; i++) {
		const Tarn__PartitionStat *stat = status->lpars[i]->stat;

		if (stat != NULL && stat->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
		    strcmp(status->lpars[i]->record->host, host) == 0)
			held += stat->resident_pages + stat->stealing_pages +
				stat->inflight_pages;
	}
	return held;
}

static void check_pool(struct check *check, const Tarn__StatusReply *status,
		       const Tarn__HostView *host)
{
	const Tarn__HostStat *stat = host->stat;
	const Tarn__PoolStat *pool = stat->pool;
	uint64_t held = frames_held(status, host->record->name);
	uint64_t used = pool->frames - pool->frames_free;

	must_equal(check, "pool", pool->pool_bytes, "its blocks",
		   stat->lmbs_pool * stat->lmb_bytes);
	if (host->record->pool != NULL)
		must_equal(check, "pool", pool->pool_bytes, "the pool wanted",
			   host->record->pool->mem_bytes);
	if (pool->frames_free > pool->frames)
		found(check, "%" PRIu64 " frames are free of %" PRIu64, pool->frames_free,
		      pool->frames);
	else if (used > held + FRAMES_MOVING || held > used + FRAMES_MOVING)
		must_equal(check, "frames in use", used,
			   "resident + leaving + coming in of its partitions", held);
}

static void check_host(struct cli_findings *findings, const Tarn__StatusReply *status,
		       const Tarn__HostView *host)
{
	struct check check = { findings, "host", host->record->name };
	const Tarn__HostStat *stat = host->stat;

	if (!host->connected || !host->hypervisor_up || stat == NULL) {
		found(&check, "%s",
		      !host->connected       ? "is not connected"
		      : !host->hypervisor_up ? "has no hypervisor"
					     : "has not reported");
		return;
	}
	must_equal(&check, "memory blocks", stat->lmbs_total,
		   "hypervisor + pool + dedicated + free",
		   stat->lmbs_hypervisor + stat->lmbs_pool + stat->lmbs_dedicated +
			   stat->lmbs_free);
	if (stat->has_audit_ok && !stat->audit_ok)
		found(&check, "audit failed: %s",
		      stat->audit_text != NULL ? stat->audit_text : "no text");
	if (stat->pool != NULL)
		check_pool(&check, status, host);
	if (stat->pool != NULL && !cli_is_redundant(status, host))
		found(&check, "its paging VIOS are not a redundant pair");
}

static void check_drill_partition(struct check *check, const Tarn__StatusReply *status,
				  const Tarn__DrillPartition *row)
{
	const Tarn__LparView *lpar = cli_find_lpar(status, row->lpar);

	if (row->end != NULL && row->end[0] != '\0')
		found(check, "partition '%s' ended: %s", row->lpar, row->end);
	else if (row->guest && row->has_pages_compared)
		must_be_zero(check, "page errors of a guest", row->errors);
	else if (!row->verified)
		found(check, "partition '%s' was not verified", row->lpar);
	else if (lpar != NULL)
		must_equal(check, "pages verified of a partition", row->pages_verified,
			   "its logical pages",
			   lpar->record->spec->mem_bytes / HV_PAGE_BYTES);
}

static void check_drill(struct cli_findings *findings, const Tarn__StatusReply *status,
			const Tarn__DrillRecord *drill)
{
	char number[24];
	struct check check = { findings, "drill", number };
	uint64_t verified = 0, bad = 0;

	(void)snprintf(number, sizeof(number), "%" PRIu64, drill->number);
	if (drill->verdict == NULL || strcmp(drill->verdict, "passed") != 0)
		found(&check, "%s%s%s",
		      drill->verdict != NULL ? drill->verdict : "is not over",
		      drill->reason != NULL ? ": " : "",
		      drill->reason != NULL ? drill->reason : "");
	must_be_zero(&check, "bad pages", drill->bad_pages);
	for (size_t i = 0; i < drill->n_partitions; i++) {
		if (drill->verdict != NULL)
			check_drill_partition(&check, status, drill->partitions[i]);
		verified += drill->partitions[i]->pages_verified;
		bad += drill->partitions[i]->bad_pages;
	}
	if (drill->verdict == NULL || drill->n_partitions == 0)
		return;
	must_equal(&check, "pages verified", drill->pages_verified, "its partitions'",
		   verified);
	must_equal(&check, "bad pages", drill->bad_pages, "its partitions'", bad);
}

void cli_report_check(struct cli_findings *findings, const Tarn__StatusReply *status,
		      Tarn__DrillRecord *const *drills, size_t drill_count)
{
	findings->count = 0;
	for (size_t i = 0; i < status->n_hosts; i++)
		check_host(findings, status, status->hosts[i]);
	for (size_t i = 0; i < status->n_lpars; i++)
		check_lpar(findings, status, status->lpars[i]);
	for (size_t i = 0; i < drill_count; i++)
		check_drill(findings, status, drills[i]);
}
