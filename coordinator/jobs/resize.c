/*
 * resize - memory of running LPARs, as their agents report it; see jobs.h.
 *
 * A move is two changes and one job: what the giver gave is the receiver's in the same
 * draft, so nobody else can take it in between.
 */
#include "coordinator/cluster/profile.h"
#include "coordinator/jobs/jobs.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_TEXT 32

/* What it has now: a report is believed between where it began and where it goes. */
static uint64_t reached(const Tarn__LparRecord *lpar, const Tarn__ObjectStatus *status)
{
	uint64_t before = lpar->resize_before, after = lpar->resize->mem_bytes;
	uint64_t low = before < after ? before : after;
	uint64_t high = before < after ? after : before;

	if (status->error == NULL)
		return after;
	if (!status->has_bytes || status->bytes < low || status->bytes > high ||
	    status->bytes % HV_PAGE_BYTES != 0)
		return before;
	return status->bytes;
}

static void clear_text(char **field)
{
	free(*field);
	*field = NULL;
}

static void clear(Tarn__LparRecord *edit)
{
	if (edit->resize != NULL)
		tarn__desired_resize__free_unpacked(edit->resize, NULL);
	edit->resize = NULL;
	if (edit->move_error != NULL)
		tarn__error__free_unpacked(edit->move_error, NULL);
	edit->move_error = NULL;
	edit->has_resize_job = 0;
	edit->resize_job = 0;
	edit->has_resize_before = 0;
	edit->resize_before = 0;
	edit->has_move_bytes = 0;
	edit->move_bytes = 0;
	clear_text(&edit->resize_to);
	clear_text(&edit->awaits);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a < b ? b - a : a - b;
}

static void tell(struct draft *draft, const Tarn__LparRecord *lpar, uint64_t bytes,
		 const Tarn__Error *error)
{
	bool is_less = lpar->resize->mem_bytes < lpar->resize_before;
	char has[SIZE_TEXT], want[SIZE_TEXT], got[SIZE_TEXT];

	hv_size_format(bytes, has, sizeof(has));
	hv_size_format(distance(lpar->resize_before, lpar->resize->mem_bytes), want,
		       sizeof(want));
	hv_size_format(distance(lpar->resize_before, bytes), got, sizeof(got));
	draft_name(draft, "lpar '%s' has %s of memory", lpar->spec->name, has);
	draft_add_event(draft,
			error == NULL ? TARN__EVENT_LEVEL__EVENT_INFO
				      : TARN__EVENT_LEVEL__EVENT_WARN,
			lpar->host, "lpar.resized",
			"LPAR '%s' on host '%s' has %s of memory: requested %s, %s %s",
			lpar->spec->name, lpar->host, has, want,
			is_less ? "removed" : "added", got);
}

/* Of a move: what was asked for, and why the giver gave less, came with the receiver. */
static void end_job(struct draft *draft, const Tarn__LparRecord *lpar, uint64_t bytes,
		    const Tarn__Error *error)
{
	uint64_t asked = distance(lpar->resize_before, lpar->resize->mem_bytes);
	const char *verb = lpar->resize->mem_bytes < lpar->resize_before ? "removed"
									 : "added";
	char has[SIZE_TEXT], want[SIZE_TEXT], got[SIZE_TEXT];

	if (lpar->has_move_bytes) {
		asked = lpar->move_bytes;
		verb = "moved";
		if (error == NULL)
			error = lpar->move_error;
	}
	hv_size_format(bytes, has, sizeof(has));
	hv_size_format(asked, want, sizeof(want));
	hv_size_format(distance(lpar->resize_before, bytes), got, sizeof(got));
	if (error == NULL)
		draft_end_job(draft, lpar->resize_job, HV_OK, "it has %s", has);
	else
		draft_end_job(draft, lpar->resize_job, jobs_error_code(error),
			      "LPAR '%s': requested %s, %s %s: %s", lpar->spec->name,
			      want, verb, got, jobs_error_text(error));
}

static bool copy_error(struct draft *draft, const Tarn__Error *from, Tarn__Error **ret_to)
{
	Tarn__Error *error = malloc(sizeof(*error));

	if (error == NULL) {
		draft->is_out = true;
		return false;
	}
	tarn__error__init(error);
	error->code = from->code;
	draft_set_text(draft, &error->text, "%s", jobs_error_text(from));
	*ret_to = error;
	return !draft->is_out;
}

/* Still there, and not on its way out? */
static bool can_receive(const Tarn__LparRecord *receiver, const Tarn__LparRecord *giver)
{
	return receiver->awaits != NULL && receiver->running && !receiver->has_job &&
	       strcmp(receiver->awaits, giver->spec->name) == 0;
}

static void start_receiver(struct draft *draft, Tarn__LparRecord *edit,
			   const Tarn__LparRecord *giver, uint64_t bytes,
			   const Tarn__Error *error)
{
	Tarn__DesiredResize *resize = malloc(sizeof(*resize));
	uint64_t before = edit->has_granted_bytes ? edit->granted_bytes
						  : edit->spec->mem_bytes;

	if (resize == NULL) {
		draft->is_out = true;
		return;
	}
	tarn__desired_resize__init(resize);
	resize->generation = draft_next_id(draft);
	resize->mem_bytes = before + bytes;
	edit->resize = resize;
	edit->has_resize_job = 1;
	edit->resize_job = giver->resize_job;
	edit->has_resize_before = 1;
	edit->resize_before = before;
	clear_text(&edit->awaits);
	profile_set_memory(edit, before + bytes);
	if (error != NULL)
		(void)copy_error(draft, error, &edit->move_error);
}

/* True: the job goes on with the receiver. */
static bool hand_over(struct draft *draft, const Tarn__LparRecord *giver, uint64_t bytes,
		      const Tarn__Error *error)
{
	const Tarn__HostRecord *host = cluster_host(draft->cluster, giver->host);
	uint64_t given = (giver->resize_before - bytes) / host->lmb_bytes *
			 host->lmb_bytes;
	Tarn__LparRecord *edit = draft_edit_lpar(draft, giver->resize_to);

	if (edit == NULL)
		return false;
	if (can_receive(edit, giver) && given != 0) {
		start_receiver(draft, edit, giver, given, error);
		return true;
	}
	if (given != 0)
		draft_end_job(draft, giver->resize_job, HV_E_GONE,
			      "LPAR '%s' gave its memory, and LPAR '%s' had ended; the "
			      "memory is free",
			      giver->spec->name, giver->resize_to);
	else
		end_job(draft, giver, bytes, error);
	clear(edit);
	return true;
}

static void settle(struct draft *draft, const Tarn__LparRecord *lpar,
		   const Tarn__ObjectStatus *status)
{
	uint64_t bytes = reached(lpar, status);
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);

	if (edit == NULL)
		return;
	tell(draft, lpar, bytes, status->error);
	if (lpar->resize_to == NULL || !hand_over(draft, lpar, bytes, status->error))
		end_job(draft, lpar, bytes, status->error);
	profile_set_memory(edit, bytes);
	clear(edit);
}

void jobs_step_resizes(struct draft *draft, const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < cluster_count(draft->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(draft->cluster, i);
		const Tarn__ObjectStatus *status;

		if (lpar->resize == NULL || strcmp(lpar->host, host->name) != 0)
			continue;
		status = live_object(cluster_live(draft->cluster, lpar->host),
				     TARN__OBJECT_KIND__OBJECT_RESIZE, lpar->spec->name,
				     lpar->resize->generation);
		if (status != NULL && status->done)
			settle(draft, lpar, status);
	}
}

/* Nobody gives it anything any more. */
static void release_receiver(struct draft *draft, const char *name)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, name);

	if (edit != NULL && edit->awaits != NULL)
		clear(edit);
}

void jobs_end_resize(struct draft *draft, Tarn__LparRecord *edit)
{
	if (edit->resize == NULL) {
		clear(edit); /* what it waits for stays where it is, or becomes free */
		return;
	}
	draft_end_job(draft, edit->resize_job, HV_E_GONE,
		      "LPAR '%s' ended before its memory was changed", edit->spec->name);
	if (edit->resize_to != NULL)
		release_receiver(draft, edit->resize_to);
	profile_set_memory(edit, edit->resize_before);
	clear(edit);
}
