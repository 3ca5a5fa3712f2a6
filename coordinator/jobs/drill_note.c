/* drill_note - what a drill writes down; see drill.h. */
#include "coordinator/jobs/drill_kind.h"

#include "coordinator/cluster/limits.h"
#include "coordinator/jobs/jobs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_MAX (HV_DRILL_STEPS_MAX - 8) /* the rest is for the last ones */

Tarn__DrillRecord *drill_edit(struct drill *drill)
{
	Tarn__DrillRecord *edit = draft_edit_drill(drill->draft, drill->record->number);

	if (edit != NULL)
		return edit;
	tarn__drill_record__init(&drill->scratch);
	return &drill->scratch;
}

static void add_step(struct drill *drill, const char *text)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	Tarn__DrillStep **grown;
	Tarn__DrillStep *step;

	if (drill->draft->is_out || edit->n_steps >= HV_DRILL_STEPS_MAX)
		return;
	grown = realloc(edit->steps, (edit->n_steps + 1) * sizeof(*grown));
	step = malloc(sizeof(*step));
	if (grown != NULL)
		edit->steps = grown;
	if (grown == NULL || step == NULL) {
		drill->draft->is_out = true;
		free(step);
		return;
	}
	tarn__drill_step__init(step);
	step->wall_ms = drill->draft->cluster->wall_ms;
	step->text = NULL;
	draft_set_text(drill->draft, &step->text, "%s", text);
	if (step->text == NULL) {
		free(step);
		return;
	}
	edit->steps[edit->n_steps++] = step;
}

void drill_note(struct drill *drill, const char *text, ...)
{
	char line[HV_TEXT_MAX];
	va_list args;

	va_start(args, text);
	(void)vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	if (drill_edit(drill)->n_steps < STEPS_MAX)
		add_step(drill, line);
}

void drill_fail(struct drill *drill, const char *text, ...)
{
	char line[HV_TEXT_MAX];
	va_list args;

	va_start(args, text);
	(void)vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	add_step(drill, line);
	if (drill_edit(drill)->failure == NULL)
		draft_set_text(drill->draft, &drill_edit(drill)->failure, "%s", line);
}

void drill_doubt(struct drill *drill, const char *text, ...)
{
	char line[HV_TEXT_MAX];
	va_list args;

	va_start(args, text);
	(void)vsnprintf(line, sizeof(line), text, args);
	va_end(args);
	add_step(drill, line);
	if (drill_edit(drill)->doubt == NULL)
		draft_set_text(drill->draft, &drill_edit(drill)->doubt, "%s", line);
}

void drill_go(struct drill *drill, const char *phase)
{
	Tarn__JobRecord *job = draft_edit_job(drill->draft, drill->record->job);

	draft_set_text(drill->draft, &drill_edit(drill)->phase, "%s", phase);
	draft_name(drill->draft, "drill %llu: %s",
		   (unsigned long long)drill->record->number, phase);
	if (job != NULL)
		draft_set_text(drill->draft, &job->text, "%s", phase);
}

bool drill_is_in(const struct drill *drill, const char *phase)
{
	return strcmp(drill->record->phase, phase) == 0;
}

void drill_order(struct drill *drill, Tarn__HostOpKind kind, const char *target)
{
	drill_order_for(drill, kind, target, 0);
}

void drill_put_op(struct drill *drill, Tarn__HostOp *op)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	edit->has_op = 1;
	edit->op = draft_put_op(drill->draft, drill->host->name, op);
}

void drill_order_for(struct drill *drill, Tarn__HostOpKind kind, const char *target,
		     uint32_t ms)
{
	Tarn__HostOp op = TARN__HOST_OP__INIT;

	op.kind = kind;
	op.target = (char *)target;
	op.has_ms = ms != 0;
	op.ms = ms;
	drill_put_op(drill, &op);
}

void drill_drop_op(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	if (!edit->has_op)
		return;
	draft_remove(drill->draft, RECORD_OP, record_key_number(edit->op));
	edit->has_op = 0;
	edit->op = 0;
}

const Tarn__ObjectStatus *drill_op(struct drill *drill)
{
	const Tarn__ObjectStatus *status;

	if (!drill->record->has_op)
		return NULL;
	status = live_object(drill->live, TARN__OBJECT_KIND__OBJECT_OP, "",
			     drill->record->op);
	if (status == NULL || !status->done)
		return NULL;
	drill_drop_op(drill);
	return status;
}

const Tarn__PartitionStat *drill_stat(const struct drill *drill,
				      const Tarn__DrillPartition *row)
{
	return live_partition(drill->live, row->lpar, row->run_id);
}

uint64_t drill_errors_of(const struct drill *drill, const Tarn__PartitionStat *stat)
{
	bool makes = drill->kind != NULL && drill->kind->makes_checksums;
	bool makes_faults = drill->kind != NULL && drill->kind->makes_faults;

	return (makes ? 0 : stat->checksum_errors) +
	       (makes_faults ? 0 : stat->cross_bad) + stat->integrity_errors +
	       stat->mismatches + stat->poisoned_pages;
}

void drill_note_page_ins(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	for (size_t i = 0; i < edit->n_partitions; i++) {
		Tarn__DrillPartition *row = edit->partitions[i];
		const Tarn__PartitionStat *stat = drill_stat(drill, row);

		if (stat == NULL)
			continue;
		row->has_page_ins_before = 1;
		row->page_ins_before = stat->page_ins;
	}
}

void drill_note_baseline(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	drill_note_page_ins(drill);
	for (size_t i = 0; i < edit->n_partitions; i++) {
		Tarn__DrillPartition *row = edit->partitions[i];
		const Tarn__PartitionStat *stat = drill_stat(drill, row);

		if (stat == NULL)
			continue;
		row->has_errors_before = 1;
		row->errors_before = drill_errors_of(drill, stat);
	}
}

void drill_note_instances(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);
	const Tarn__HostStat *stat = live_stat(drill->live);
	uint64_t *epochs = calloc(drill->host->n_vios + 1, sizeof(*epochs));

	if (epochs == NULL || edit == &drill->scratch) {
		drill->draft->is_out = true;
		free(epochs);
		return;
	}
	for (size_t i = 0; i < drill->host->n_vios; i++) {
		const Tarn__ViosStat *vios = live_vios(drill->live,
						       drill->host->vios[i]->name);

		epochs[i] = vios != NULL ? vios->epoch : 0;
	}
	free(edit->vios_epochs);
	edit->vios_epochs = epochs;
	edit->n_vios_epochs = drill->host->n_vios;
	edit->has_agent_incarnation = edit->has_hypervisor_incarnation = 1;
	edit->agent_incarnation = drill->live->incarnation;
	edit->hypervisor_incarnation = stat != NULL ? stat->hypervisor_incarnation : 0;
	edit->has_coordinator_epoch = 1;
	edit->coordinator_epoch = drill->draft->cluster->now.epoch;
}

uint64_t drill_pages_in(const struct drill *drill)
{
	uint64_t pages = 0;

	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__DrillPartition *row = drill->record->partitions[i];
		const Tarn__PartitionStat *stat = drill_stat(drill, row);

		if (stat != NULL && row->has_page_ins_before)
			pages += drill_more(stat->page_ins, row->page_ins_before);
	}
	return pages;
}

/* Ended by itself: that is what the claim excludes. (By a person: plan_activate.c.) */
void drill_note_ended(struct drill *drill)
{
	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__DrillPartition *row = drill->record->partitions[i];
		const Tarn__LparRecord *lpar = cluster_lpar(drill->draft->cluster,
							    row->lpar);
		Tarn__DrillRecord *edit;

		if (row->end != NULL ||
		    (lpar != NULL && lpar->run_id == row->run_id && lpar->running))
			continue;
		edit = drill_edit(drill);
		if (i >= edit->n_partitions)
			return; /* no memory */
		draft_set_text(drill->draft, &edit->partitions[i]->end, "ended: %s",
			       lpar != NULL && lpar->last_end != NULL
				       ? lpar->last_end
				       : "no reason known");
		drill_fail(drill, "LPAR '%s' ended during the drill: %s", row->lpar,
			   lpar != NULL && lpar->last_end != NULL ? lpar->last_end
								  : "no reason known");
	}
}

static void keep_longest(protobuf_c_boolean *has, uint64_t *longest_us, uint64_t to_us)
{
	if (!*has || to_us > *longest_us)
		*longest_us = to_us;
	*has = 1;
}

static void note_stall(Tarn__DrillRecord *edit, Tarn__DrillPartition *row,
		       const Tarn__PartitionStat *stat)
{
	uint64_t longest_us;

	if (!drill_longest_of(row, stat, &longest_us))
		return;
	keep_longest(&row->has_longest_stall_us, &row->longest_stall_us, longest_us);
	keep_longest(&edit->has_longest_stall_us, &edit->longest_stall_us, longest_us);
}

void drill_note_stalls(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	for (size_t i = 0; i < edit->n_partitions; i++) {
		const Tarn__PartitionStat *stat = drill_stat(drill, edit->partitions[i]);

		if (stat != NULL)
			note_stall(edit, edit->partitions[i], stat);
	}
}

void drill_begin_verify(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	for (size_t i = 0; i < edit->n_partitions; i++) {
		const Tarn__PartitionStat *stat = drill_stat(drill, edit->partitions[i]);

		if (stat == NULL)
			continue;
		edit->partitions[i]->has_verify_passes_before = 1;
		edit->partitions[i]->verify_passes_before = stat->verify_passes;
	}
}

static bool is_over(const Tarn__DrillPartition *row)
{
	return row->end != NULL || row->verified || row->has_pages_compared;
}

/* A partition reports once a second: this is the first one surely made after. */
static void note_last(struct drill *drill, Tarn__DrillPartition *row,
		      const Tarn__PartitionStat *stat)
{
	uint64_t errors = drill_errors_of(drill, stat);

	drill_note_figures(drill, row, stat);
	note_stall(drill_edit(drill), row, stat);
	if (row->has_errors_before && errors > row->errors_before)
		drill_fail(drill, "LPAR '%s' met %llu page errors during the drill",
			   row->lpar, (unsigned long long)(errors - row->errors_before));
}

static void note_pass(struct drill *drill, Tarn__DrillPartition *row,
		      const Tarn__PartitionStat *stat)
{
	row->has_verified = 1;
	row->verified = true;
	row->has_pages_verified = 1;
	row->pages_verified = stat->pages_verified;
	row->has_bad_pages = 1;
	row->bad_pages = stat->verify_bad;
	note_last(drill, row, stat);
	drill_note(drill, "LPAR '%s': %llu pages verified, %llu bad", row->lpar,
		   (unsigned long long)stat->pages_verified,
		   (unsigned long long)stat->verify_bad);
	if (stat->verify_bad > 0)
		drill_fail(drill, "LPAR '%s' has %llu bad pages", row->lpar,
			   (unsigned long long)stat->verify_bad);
	if (stat->pages_verified < stat->logical_pages)
		drill_fail(drill, "LPAR '%s' verified %llu of its %llu pages", row->lpar,
			   (unsigned long long)stat->pages_verified,
			   (unsigned long long)stat->logical_pages);
}

/* Guests come last: the order is carried out, so what is reported was seen after it. */
static bool is_due(struct drill *drill, const Tarn__DrillPartition *row,
		   const Tarn__PartitionStat *stat)
{
	if (stat == NULL)
		return false;
	return row->guest ? !drill_edit(drill)->has_op
			  : stat->verify_passes > row->verify_passes_before;
}

bool drill_note_verified(struct drill *drill)
{
	bool are_all = true;

	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__DrillPartition *row = drill->record->partitions[i];
		const Tarn__PartitionStat *stat = drill_stat(drill, row);
		Tarn__DrillRecord *edit = drill_edit(drill);

		if (is_over(row))
			continue;
		if (!is_due(drill, row, stat)) {
			are_all = false;
		} else if (i < edit->n_partitions && row->guest) {
			note_last(drill, edit->partitions[i], stat);
			drill_guest_note(drill, edit->partitions[i], stat);
		} else if (i < edit->n_partitions) { /* else no memory */
			note_pass(drill, edit->partitions[i], stat);
		}
	}
	return are_all;
}

uint64_t drill_progress(const struct drill *drill)
{
	uint64_t progress = 0;

	for (size_t i = 0; i < drill->record->n_partitions; i++) {
		const Tarn__DrillPartition *row = drill->record->partitions[i];
		const Tarn__PartitionStat *stat = drill_stat(drill, row);

		progress = progress * 1009 + row->verified;
		if (stat != NULL)
			progress += stat->verify_percent + stat->verify_passes * 101;
	}
	return progress;
}
