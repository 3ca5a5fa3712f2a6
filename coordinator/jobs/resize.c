/* resize - memory of running LPARs, as their agents report it; see jobs.h. */
#include "coordinator/cluster/limits.h"
#include "coordinator/jobs/jobs.h"

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

static void clear(Tarn__LparRecord *edit)
{
	tarn__desired_resize__free_unpacked(edit->resize, NULL);
	edit->resize = NULL;
	edit->has_resize_job = 0;
	edit->resize_job = 0;
	edit->has_resize_before = 0;
	edit->resize_before = 0;
}

static void set_memory(Tarn__LparRecord *edit, uint64_t bytes)
{
	edit->spec->mem_bytes = bytes;
	if (edit->has_granted_bytes)
		edit->granted_bytes = bytes;
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
	if (error == NULL)
		draft_end_job(draft, lpar->resize_job, HV_OK, "it has %s", has);
	else
		draft_end_job(draft, lpar->resize_job, jobs_error_code(error),
			      "LPAR '%s': requested %s, %s %s: %s", lpar->spec->name,
			      want, is_less ? "removed" : "added", got,
			      jobs_error_text(error));
}

static void settle(struct draft *draft, const Tarn__LparRecord *lpar,
		   const Tarn__ObjectStatus *status)
{
	uint64_t bytes = reached(lpar, status);
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);

	if (edit == NULL)
		return;
	tell(draft, lpar, bytes, status->error);
	set_memory(edit, bytes);
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

void jobs_end_resize(struct draft *draft, Tarn__LparRecord *edit)
{
	if (edit->resize == NULL)
		return;
	draft_end_job(draft, edit->resize_job, HV_E_GONE,
		      "LPAR '%s' ended before its memory was changed", edit->spec->name);
	set_memory(edit, edit->resize_before);
	clear(edit);
}
