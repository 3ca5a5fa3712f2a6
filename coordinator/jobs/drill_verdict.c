/* drill_verdict - a drill is summed up and judged; see drill.h. */
#include "coordinator/jobs/drill_kind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PART_BYTES (HV_NAME_BYTES + 16)

/* The list that clients of the first version read: one stall an LPAR. */
static void fill_stalls(struct drill *drill, Tarn__DrillRecord *edit)
{
	if (edit->n_partitions == 0 || edit->stalls != NULL)
		return;
	edit->stalls = calloc(edit->n_partitions, sizeof(*edit->stalls));
	if (edit->stalls == NULL) {
		drill->draft->is_out = true;
		return;
	}
	for (size_t i = 0; i < edit->n_partitions; i++) {
		Tarn__DrillStall *stall = malloc(sizeof(*stall));

		if (stall == NULL) {
			drill->draft->is_out = true;
			return;
		}
		tarn__drill_stall__init(stall);
		edit->stalls[edit->n_stalls++] = stall;
		stall->longest_us = edit->partitions[i]->longest_stall_us;
		draft_set_text(drill->draft, &stall->lpar, "%s",
			       edit->partitions[i]->lpar);
	}
}

/* What was not verified, and why. */
static void note_skipped(struct drill *drill, const Tarn__DrillRecord *edit)
{
	for (size_t i = 0; i < edit->n_partitions; i++) {
		const Tarn__DrillPartition *row = edit->partitions[i];

		if (row->has_pages_compared)
			drill_guest_skip(drill, row);
		else if (!row->verified)
			drill_skip(drill, "pages of LPAR '%s' were not verified: %s",
				   row->lpar,
				   row->end != NULL      ? row->end
				   : edit->aborted       ? "aborted"
				   : edit->doubt != NULL ? edit->doubt
							 : "it did not say");
	}
}

static void note_before(struct drill *drill, Tarn__DrillRecord *edit)
{
	const Tarn__DrillBefore *before = edit->before;
	double more_ms = before != NULL ? ((double)edit->longest_stall_us -
					   (double)before->longest_stall_us) /
						  1e3
					: 0;

	if (before == NULL || !before->has_longest_stall_us ||
	    !edit->has_longest_stall_us)
		return;
	drill_note(drill, "drill %llu of that kind (%s) had %.1f ms: %.1f ms %s",
		   (unsigned long long)before->number, before->verdict,
		   (double)before->longest_stall_us / 1e3,
		   more_ms < 0 ? -more_ms : more_ms,
		   more_ms < 0 ? "less now" : "more now");
}

static void sum_up(struct drill *drill, Tarn__DrillRecord *edit)
{
	size_t verified = 0, guests = 0;

	for (size_t i = 0; i < edit->n_partitions; i++) {
		edit->pages_verified += edit->partitions[i]->pages_verified;
		edit->bad_pages += edit->partitions[i]->bad_pages;
		verified += edit->partitions[i]->verified;
		guests += edit->partitions[i]->has_pages_compared;
	}
	edit->has_pages_verified = 1;
	edit->has_bad_pages = 1;
	fill_stalls(drill, edit);
	if (edit->has_longest_stall_us)
		drill_note(drill, "longest stall %.1f ms",
			   (double)edit->longest_stall_us / 1e3);
	note_before(drill, edit);
	note_skipped(drill, edit);
	if (edit->longest_stall_us > edit->bound_us)
		drill_fail(drill, "a partition stalled for %.1f ms, the bound is %.0f ms",
			   (double)edit->longest_stall_us / 1e3,
			   (double)edit->bound_us / 1e3);
	if (verified + guests < edit->n_partitions)
		drill_doubt(drill, "%zu of %zu partitions were verified", verified,
			    edit->n_partitions - guests);
	if (!edit->page_served)
		drill_doubt(drill, "no page came in %s",
			    drill->kind != NULL && drill->kind->failover != NULL
				    ? "through the partner"
				    : "meanwhile");
}

/* ", and 17 of guests compared": nothing where there is no guest. */
static const char *of_guests(const Tarn__DrillRecord *edit, char to[PART_BYTES])
{
	uint64_t pages = 0;
	bool has_guests = false;

	for (size_t i = 0; i < edit->n_partitions; i++) {
		has_guests |= edit->partitions[i]->has_pages_compared;
		pages += edit->partitions[i]->pages_compared;
	}
	to[0] = '\0';
	if (has_guests)
		(void)snprintf(to, PART_BYTES, ", and %llu of guests compared",
			       (unsigned long long)pages);
	return to;
}

static void set_verdict(struct drill *drill, Tarn__DrillRecord *edit)
{
	char guests[PART_BYTES];
	const char *verdict = "passed";

	if (edit->failure != NULL)
		verdict = "failed";
	else if (edit->doubt != NULL)
		verdict = "inconclusive";
	draft_set_text(drill->draft, &edit->verdict, "%s", verdict);
	if (edit->failure != NULL || edit->doubt != NULL)
		draft_set_text(drill->draft, &edit->reason, "%s",
			       edit->failure != NULL ? edit->failure : edit->doubt);
	else
		draft_set_text(drill->draft, &edit->reason,
			       "longest stall %.1f ms of at most %.0f ms, %llu pages "
			       "verified%s, none bad",
			       (double)edit->longest_stall_us / 1e3,
			       (double)edit->bound_us / 1e3,
			       (unsigned long long)edit->pages_verified,
			       of_guests(edit, guests));
}

/* " of VIOS 'vios1'": nothing for "". */
static const char *part(const char *before, const char *name, char to[PART_BYTES])
{
	to[0] = '\0';
	if (name[0] != '\0')
		(void)snprintf(to, PART_BYTES, "%s '%s'", before, name);
	return to;
}

void drill_close(struct drill *drill)
{
	const Tarn__DrillRecord *record = drill->record;
	Tarn__DrillRecord *edit = drill_edit(drill);
	char vios[PART_BYTES], host[PART_BYTES];

	edit->has_ended_ms = 1;
	edit->ended_ms = drill->draft->cluster->wall_ms;
	drill_go(drill, "done");
	if (drill->draft->is_out)
		return;
	draft_end_job(drill->draft, record->job, HV_OK, "%s: %s", edit->verdict,
		      edit->reason);
	draft_add_event(
		drill->draft,
		strcmp(edit->verdict, "failed") == 0 ? TARN__EVENT_LEVEL__EVENT_ERROR
						     : TARN__EVENT_LEVEL__EVENT_INFO,
		record->host, "drill.done", "drill %llu%s%s %s: %s",
		(unsigned long long)record->number, part(" of VIOS", record->vios, vios),
		part(" on host", record->host, host), edit->verdict, edit->reason);
}

void drill_finish(struct drill *drill)
{
	Tarn__DrillRecord *edit = drill_edit(drill);

	drill_drop_op(drill);
	if (drill->kind != NULL && drill->kind->prove != NULL)
		drill->kind->prove(drill);
	drill_end_figures(drill);
	sum_up(drill, edit);
	set_verdict(drill, edit);
	drill_close(drill);
}
