/* lpar - runs begin and end as their agent reports it; see jobs.h. */
#include "coordinator/cluster/limits.h"
#include "coordinator/cluster/replace.h"
#include "coordinator/jobs/jobs.h"

#include <stdlib.h>
#include <string.h>

static void clear_text(char **field)
{
	free(*field);
	*field = NULL;
}

static void release_device(struct draft *draft, const Tarn__LparRecord *lpar,
			   const char *name)
{
	Tarn__DeviceRecord *device;

	if (name == NULL)
		return;
	device = draft_edit_device(draft, lpar->host, name);
	if (device != NULL)
		clear_text(&device->lpar);
}

static const char *how(const Tarn__ObjectStatus *status)
{
	if (status->error != NULL)
		return jobs_error_text(status->error);
	return status->text != NULL && status->text[0] != '\0' ? status->text : "ended";
}

static void end_job(struct draft *draft, const Tarn__LparRecord *lpar,
		    const Tarn__ObjectStatus *status)
{
	const char *name = lpar->spec->name;

	if (!lpar->has_job)
		return;
	if (!lpar->running)
		draft_end_job(draft, lpar->job, HV_OK, "%s", how(status));
	else if (status->error != NULL)
		draft_end_job(draft, lpar->job, jobs_error_code(status->error),
			      "LPAR '%s' on host '%s': %s", name, lpar->host,
			      how(status));
	else
		draft_end_job(draft, lpar->job, HV_E_GONE,
			      "LPAR '%s' on host '%s' ended before it ran: %s", name,
			      lpar->host, how(status));
}

static void tell_end(struct draft *draft, const Tarn__LparRecord *lpar,
		     const Tarn__ObjectStatus *status)
{
	Tarn__EventLevel level = TARN__EVENT_LEVEL__EVENT_INFO;
	const char *kind = "lpar.off"; /* how its process ended is the agent's to tell */
	const char *what = "was shut down";

	if (lpar->running) {
		level = status->error != NULL ? TARN__EVENT_LEVEL__EVENT_ERROR
					      : TARN__EVENT_LEVEL__EVENT_WARN;
		kind = lpar->has_job ? "lpar.failed" : "lpar.off";
		what = lpar->has_job ? "could not be started" : "ended by itself";
	}
	draft_name(draft, "lpar '%s' %s", lpar->spec->name, what);
	draft_add_event(draft, level, lpar->host, kind, "LPAR '%s' on host '%s' %s: %s",
			lpar->spec->name, lpar->host, what, how(status));
}

/* Dedicated memory stays assigned to it, in whole LMBs, until somebody needs it. */
static uint64_t kept_bytes(const struct draft *draft, const Tarn__LparRecord *lpar)
{
	const Tarn__HostRecord *host = cluster_host(draft->cluster, lpar->host);

	return limits_round_up(lpar->granted_bytes, host->lmb_bytes);
}

/* The run is over, for whatever reason: off, its devices free. */
static void end_run(struct draft *draft, const Tarn__LparRecord *lpar,
		    const Tarn__ObjectStatus *status)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);

	if (edit == NULL)
		return;
	end_job(draft, lpar, status);
	tell_end(draft, lpar, status);
	replace_end(draft, edit);
	release_device(draft, lpar, edit->device);
	release_device(draft, lpar, edit->mirror);
	jobs_end_resize(draft, edit);
	/* Until it is activated again: tarn status and tarn report must not miss it. */
	edit->has_ended_unasked = lpar->running && !lpar->has_job;
	edit->ended_unasked = edit->has_ended_unasked;
	edit->has_retained_bytes = !(lpar->running && lpar->has_job);
	edit->retained_bytes = edit->has_retained_bytes ? kept_bytes(draft, edit) : 0;
	edit->running = false;
	edit->has_job = 0;
	edit->job = 0;
	edit->has_granted_bytes = 0;
	edit->granted_bytes = 0;
	edit->has_started_ms = 0;
	edit->started_ms = 0;
	clear_text(&edit->device);
	clear_text(&edit->mirror);
	draft_set_text(draft, &edit->last_end, "%s", how(status));
}

static void settle_start(struct draft *draft, const Tarn__LparRecord *lpar)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);

	if (edit == NULL)
		return;
	edit->has_job = 0;
	edit->job = 0;
	edit->has_started_ms = 1;
	edit->started_ms = draft->cluster->wall_ms;
	draft_name(draft, "lpar '%s' runs", lpar->spec->name);
	draft_end_job(draft, lpar->job, HV_OK, "runs on host '%s'", lpar->host);
}

/*
 * A guest's operating system may not listen, and who ordered it would wait for ever. The
 * order stands: another job, which nobody waits for, ends with the run.
 */
static bool is_deaf(const struct draft *draft, const Tarn__LparRecord *lpar)
{
	const Tarn__JobRecord *job;

	if (lpar->spec->guest == NULL || lpar->running || lpar->immediate ||
	    !lpar->has_job || !cluster_is_connected(draft->cluster, lpar->host))
		return false;
	job = cluster_job(draft->cluster, lpar->job);
	return job != NULL && job->text == NULL && /* not told yet */
	       draft->cluster->wall_ms > job->started_ms + JOBS_SHUTDOWN_MS;
}

static void give_up_shutdown(struct draft *draft, const Tarn__LparRecord *lpar)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);
	struct job_plan plan = { TARN__JOB_KIND__JOB_LPAR, lpar->host, lpar->spec->name };
	Tarn__JobRecord *job;

	if (edit == NULL)
		return;
	edit->job = draft_add_job(draft, &plan, "shut down lpar '%s'", lpar->spec->name);
	job = draft_edit_job(draft, edit->job);
	if (job == NULL)
		return; /* draft_finish() says no memory */
	draft_set_text(draft, &job->text, "its operating system does not obey");
	draft_name(draft, "lpar '%s' does not shut down", lpar->spec->name);
	draft_end_job(draft, lpar->job, HV_E_TIMEOUT,
		      "LPAR '%s' on host '%s' runs on after %u s: its operating system "
		      "does not obey; the order stands, or use --immediate",
		      lpar->spec->name, lpar->host, JOBS_SHUTDOWN_MS / 1000);
}

static void step_lpar(struct draft *draft, const Tarn__LparRecord *lpar)
{
	const Tarn__ObjectStatus *status = live_object(
		cluster_live(draft->cluster, lpar->host), TARN__OBJECT_KIND__OBJECT_LPAR,
		lpar->spec->name, lpar->run_id);

	if (is_deaf(draft, lpar) &&
	    (status == NULL || !status->done || status->running)) {
		give_up_shutdown(draft, lpar);
		return;
	}
	if (status == NULL || !status->done)
		return;
	if (!status->running)
		end_run(draft, lpar, status);
	else if (lpar->running && lpar->has_job && status->error == NULL)
		settle_start(draft, lpar);
}

void jobs_step_lpars(struct draft *draft, const Tarn__HostRecord *host)
{
	for (size_t i = 0; i < cluster_count(draft->cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(draft->cluster, i);

		if (limits_is_active(lpar) && strcmp(lpar->host, host->name) == 0)
			step_lpar(draft, lpar);
	}
}
