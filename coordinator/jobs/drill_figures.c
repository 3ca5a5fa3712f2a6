/*
 * drill_figures - what a drill counts: over time, of each partition, and when what
 * happened; see drill.h.
 *
 * Reports are hostile: counters may go back or be anything, so differences are
 * clamped and never added to what a verdict needs.
 */
#include "coordinator/jobs/drill_kind.h"

#include "hvcore/base/hist.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINT_MS 400 /* a host reports each half second at most */

uint64_t drill_more(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

/* ---- totals ---- */

struct sums {
	Tarn__DrillTotals totals;
	Tarn__Histogram stall;
	uint64_t buckets[HV_HIST_BUCKETS];
	uint64_t operations_per_s; /* as partitions say it, once a second */
	uint32_t waiting;
};

static void add_mirror(Tarn__DrillTotals *totals, const Tarn__PartitionStat *of)
{
	totals->has_cross_bad = 1;
	totals->cross_bad += of->cross_bad;
	if (of->mirror == NULL)
		return;
	totals->has_healed = totals->has_resynced = 1;
	totals->healed += of->healed;
	totals->resynced += of->resynced;
}

static void add_waits(struct sums *sums, const Tarn__Histogram *waits)
{
	for (size_t k = 0; waits != NULL && k < waits->n_buckets; k++)
		sums->buckets[k] += waits->buckets[k];
}

/* False: its host says nothing that could be divided by time. */
static bool add_up(const struct drill *drill, struct sums *sums)
{
	const Tarn__HostStat *stat = live_stat(drill->live);

	*sums = (struct sums){ .totals = TARN__DRILL_TOTALS__INIT,
			       .stall = TARN__HISTOGRAM__INIT };
	if (stat == NULL || stat->pool == NULL || !stat->pool->has_clock_ms)
		return false;
	sums->totals.clock_ms = stat->pool->clock_ms;
	sums->totals.has_io_errors = sums->totals.has_checksum_errors = 1;
	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__PartitionStat *of = drill_stat(drill,
							   drill->record->partitions[i]);

		if (of == NULL)
			continue;
		sums->totals.reads += of->page_ins;
		sums->totals.writes += of->page_outs;
		sums->totals.io_errors += of->io_errors;
		sums->totals.checksum_errors += of->checksum_errors;
		add_mirror(&sums->totals, of);
		sums->operations_per_s += of->operations_per_s;
		sums->waiting += of->state == TARN__PARTITION_STATE__PARTITION_WAITING;
		add_waits(sums, drill_waits_of(drill->record->partitions[i], of));
	}
	sums->stall.buckets = sums->buckets;
	sums->stall.n_buckets = HV_HIST_BUCKETS;
	while (sums->stall.n_buckets > 0 && sums->buckets[sums->stall.n_buckets - 1] == 0)
		sums->stall.n_buckets--;
	sums->totals.stall = &sums->stall;
	return true;
}

static void keep_totals(struct drill *drill, Tarn__DrillTotals **at,
			const struct sums *sums)
{
	ProtobufCMessage *copy = record_copy(&sums->totals.base);

	if (copy == NULL) {
		drill->draft->is_out = true;
		return;
	}
	if (*at != NULL)
		tarn__drill_totals__free_unpacked(*at, NULL);
	*at = (Tarn__DrillTotals *)copy;
}

/* ---- over time ---- */

static uint64_t rate(uint64_t now, uint64_t before, uint64_t ms)
{
	uint64_t count = drill_more(now, before);

	return count > UINT64_MAX / 1000 ? count / ms : count * 1000 / ms;
}

static uint64_t longest_us(const struct sums *now, const Tarn__Histogram *before)
{
	for (size_t i = now->stall.n_buckets; i-- > 0;) {
		uint64_t had = before != NULL && i < before->n_buckets
				       ? before->buckets[i]
				       : 0;

		if (now->buckets[i] > had)
			return hv_hist_bucket_top_ns((unsigned)i) / 1000;
	}
	return 0;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Two and two become one, so that a long drill has a whole course, too. */
static void halve(Tarn__DrillRecord *edit)
{
	for (size_t i = 0; i + 1 < edit->n_points; i += 2) {
		Tarn__DrillPoint *a = edit->points[i], *b = edit->points[i + 1];

		b->reads_per_s = a->reads_per_s / 2 + b->reads_per_s / 2;
		b->writes_per_s = a->writes_per_s / 2 + b->writes_per_s / 2;
		b->operations_per_s = a->operations_per_s / 2 + b->operations_per_s / 2;
		b->longest_us = larger(a->longest_us, b->longest_us);
		b->waiting = (uint32_t)larger(a->waiting, b->waiting);
		tarn__drill_point__free_unpacked(a, NULL);
		edit->points[i / 2] = b;
	}
	edit->n_points /= 2;
}

static void add_point(struct drill *drill, const Tarn__DrillPoint *point)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	Tarn__DrillPoint **grown;
	ProtobufCMessage *copy;

	if (edit->n_points >= HV_DRILL_POINTS_MAX)
		halve(edit);
	grown = realloc(edit->points, (edit->n_points + 1) * sizeof(*grown));
	copy = record_copy(&point->base);
	if (grown != NULL)
		edit->points = grown;
	if (grown == NULL || copy == NULL) {
		drill->draft->is_out = true;
		if (copy != NULL)
			protobuf_c_message_free_unpacked(copy, NULL);
		return;
	}
	edit->points[edit->n_points++] = (Tarn__DrillPoint *)copy;
}

void drill_step_figures(struct drill *drill)
{
	const Tarn__DrillTotals *last = drill->record->last;
	Tarn__DrillPoint point = TARN__DRILL_POINT__INIT;
	struct sums now;
	uint64_t ms;

	if (!add_up(drill, &now))
		return;
	ms = last != NULL ? drill_more(now.totals.clock_ms, last->clock_ms) : 0;
	if (last != NULL && now.totals.clock_ms >= last->clock_ms && ms < POINT_MS)
		return;
	if (ms > 0) {
		point.at_ms = drill_more(drill->draft->cluster->wall_ms,
					 drill->record->started_ms);
		point.reads_per_s = rate(now.totals.reads, last->reads, ms);
		point.writes_per_s = rate(now.totals.writes, last->writes, ms);
		point.operations_per_s = now.operations_per_s;
		point.longest_us = longest_us(&now, last->stall);
		point.waiting = now.waiting;
		add_point(drill, &point);
	}
	if (!drill->draft->is_out)
		keep_totals(drill, &drill_edit(drill)->last, &now);
}

/* ---- of each partition ---- */

void drill_start_figures(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	struct sums now;

	edit->has_injected_ms = 1;
	edit->injected_ms = drill->draft->cluster->wall_ms;
	drill_moment(drill, "injected", 0, false);
	if (add_up(drill, &now) && !drill->draft->is_out)
		keep_totals(drill, &edit->start, &now);
	for (size_t i = 0; i < edit->n_partitions; i++) {
		Tarn__DrillPartition *row = edit->partitions[i];
		const Tarn__PartitionStat *stat = drill_stat(drill, row);
		const Tarn__Histogram *waits;

		if (stat == NULL)
			continue;
		drill_guest_start(row, stat);
		waits = drill_waits_of(row, stat);
		row->has_reads_before = row->has_writes_before = 1;
		row->reads_before = stat->page_ins;
		row->writes_before = stat->page_outs;
		if (waits == NULL || row->stall_before != NULL)
			continue;
		row->stall_before = (Tarn__Histogram *)record_copy(&waits->base);
		drill->draft->is_out |= row->stall_before == NULL;
	}
}

static uint64_t p99_us(const Tarn__Histogram *now, const Tarn__Histogram *before)
{
	uint64_t counts[HV_HIST_BUCKETS], all = 0, seen = 0;

	for (size_t i = 0; i < now->n_buckets; i++) {
		counts[i] = drill_more(now->buckets[i],
				       i < before->n_buckets ? before->buckets[i] : 0);
		all += counts[i];
	}
	for (size_t i = 0; i < now->n_buckets; i++) {
		seen += counts[i];
		if (seen >= all - all / 100 && all > 0)
			return hv_hist_bucket_top_ns((unsigned)i) / 1000;
	}
	return 0;
}

void drill_note_figures(struct drill *drill, Tarn__DrillPartition *row,
			const Tarn__PartitionStat *stat)
{
	const Tarn__Histogram *waits = drill_waits_of(row, stat);

	if (!row->has_reads_before)
		return;
	row->has_pages_read = row->has_pages_written = row->has_errors = 1;
	row->pages_read = drill_more(stat->page_ins, row->reads_before);
	row->pages_written = drill_more(stat->page_outs, row->writes_before);
	row->errors = drill_more(drill_errors_of(drill, stat), row->errors_before);
	if (waits == NULL || row->stall_before == NULL)
		return;
	row->has_p99_stall_us = 1;
	row->p99_stall_us = p99_us(waits, row->stall_before);
}

/* ---- moments, and what was left out ---- */

void drill_moment(struct drill *drill, const char *what, uint64_t at_us, bool reported)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	Tarn__DrillMoment moment = TARN__DRILL_MOMENT__INIT;
	Tarn__DrillMoment **grown;
	ProtobufCMessage *copy;
	size_t at;

	if (!edit->has_injected_ms || edit->n_timeline >= HV_DRILL_MOMENTS_MAX)
		return;
	moment.what = (char *)what;
	moment.at_us = at_us;
	moment.reported = reported;
	grown = realloc(edit->timeline, (edit->n_timeline + 1) * sizeof(*grown));
	copy = record_copy(&moment.base);
	if (grown != NULL)
		edit->timeline = grown;
	if (grown == NULL || copy == NULL) {
		drill->draft->is_out = true;
		if (copy != NULL)
			protobuf_c_message_free_unpacked(copy, NULL);
		return;
	}
	for (at = edit->n_timeline++; at > 0 && edit->timeline[at - 1]->at_us > at_us;
	     at--)
		edit->timeline[at] = edit->timeline[at - 1];
	edit->timeline[at] = (Tarn__DrillMoment *)copy;
}

void drill_moment_now(struct drill *drill, const char *what)
{
	uint64_t ms = drill_more(drill->draft->cluster->wall_ms,
				 drill_edit(drill)->injected_ms);

	drill_moment(drill, what, ms * 1000, false);
}

void drill_skip(struct drill *drill, const char *text, ...)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	char line[HV_TEXT_MAX];
	char **grown;
	va_list args;

	if (drill->draft->is_out || edit->n_skipped >= HV_DRILL_SKIPPED_MAX)
		return;
	va_start(args, text);
	(void)vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	grown = realloc(edit->skipped, (edit->n_skipped + 1) * sizeof(*grown));
	if (grown == NULL) {
		drill->draft->is_out = true;
		return;
	}
	edit->skipped = grown;
	edit->skipped[edit->n_skipped] = NULL;
	draft_set_text(drill->draft, &edit->skipped[edit->n_skipped], "%s", line);
	edit->n_skipped += edit->skipped[edit->n_skipped] != NULL;
}

/* ---- the end ---- */

static const Tarn__DrillRecord *find_before(const struct drill *drill)
{
	const struct cluster *cluster = drill->draft->cluster;

	for (size_t i = cluster_count(cluster, RECORD_DRILL); i-- > 0;) {
		const Tarn__DrillRecord *other = cluster_drill_at(cluster, i);

		if (other->number < drill->record->number &&
		    other->kind == drill->record->kind && other->verdict != NULL &&
		    strcmp(other->host, drill->record->host) == 0)
			return other;
	}
	return NULL;
}

static void keep_before(struct drill *drill, Tarn__DrillRecord *edit)
{
	const Tarn__DrillRecord *other = find_before(drill);
	Tarn__DrillBefore before = TARN__DRILL_BEFORE__INIT;

	if (other == NULL || edit->before != NULL)
		return;
	before.number = other->number;
	before.verdict = other->verdict;
	before.has_longest_stall_us = other->has_longest_stall_us;
	before.longest_stall_us = other->longest_stall_us;
	for (size_t i = 0; i < other->n_timeline; i++) {
		if (strcmp(other->timeline[i]->what, DRILL_RESTORED) != 0)
			continue;
		before.has_restored_us = 1;
		before.restored_us = other->timeline[i]->at_us;
	}
	edit->before = (Tarn__DrillBefore *)record_copy(&before.base);
	drill->draft->is_out |= edit->before == NULL;
}

static void add_failovers(const struct drill *drill, Tarn__DrillRecord *edit)
{
	const Tarn__HostStat *stat = live_stat(drill->live);

	for (size_t i = 0; stat != NULL && i < stat->n_failovers; i++) {
		const Tarn__Failover *failover = stat->failovers[i];

		if (!edit->has_failover_before ||
		    failover->number <= edit->failover_before)
			continue;
		edit->has_resent_reads = edit->has_canceled_steals =
			edit->has_quarantined_slots = 1;
		edit->resent_reads += failover->resent_reads;
		edit->canceled_steals += failover->canceled_steals;
		edit->quarantined_slots += failover->quarantined_slots;
	}
}

static void keep_mirror(Tarn__DrillRecord *edit)
{
	const Tarn__DrillTotals *start = edit->start, *last = edit->last;

	if (start == NULL || last == NULL || !last->has_resynced)
		return;
	edit->has_pages_healed = edit->has_pages_resynced = 1;
	edit->pages_healed = drill_more(last->healed, start->healed);
	edit->pages_resynced = drill_more(last->resynced, start->resynced);
}

/* What only the steps needed is not kept. */
static void drop_before(Tarn__DrillPartition *row)
{
	if (row->stall_before != NULL)
		tarn__histogram__free_unpacked(row->stall_before, NULL);
	row->stall_before = NULL;
	row->has_reads_before = row->has_writes_before = row->has_compared_before = 0;
	row->reads_before = row->writes_before = row->compared_before = 0;
}

void drill_end_figures(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	for (size_t i = 0; i < edit->n_partitions; i++) {
		Tarn__DrillPartition *row = edit->partitions[i];
		const Tarn__PartitionStat *stat = drill_stat(drill, row);

		if (!row->verified && !row->has_pages_compared && stat != NULL)
			drill_note_figures(drill, row, stat);
		edit->pages_read += row->pages_read;
		edit->pages_written += row->pages_written;
		drop_before(row);
	}
	edit->has_pages_read = edit->has_pages_written = edit->has_injected_ms;
	add_failovers(drill, edit);
	keep_before(drill, edit);
	keep_mirror(edit);
	if (edit->last != NULL)
		tarn__drill_totals__free_unpacked(edit->last, NULL);
	edit->last = NULL;
}
