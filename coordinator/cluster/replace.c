/* replace - see replace.h. */
#include "coordinator/cluster/replace.h"

#include "coordinator/cluster/limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE_TEXT 32
#define EVENT_KIND "pgdev.not_replaced"
#define EVENT_TEXT "paging device '%s' of LPAR '%s' was not replaced by '%s'"
#define EVENT_BYTES 192
#define LATELY_MS 600000 /* a spare that was refused is not tried sooner; arbitrary */
#define BY_ORDER "taken back by order"

static const char *behind(const Tarn__DeviceRecord *device)
{
	return device->device->vios != NULL ? device->device->vios : "";
}

static enum hv_code check_lpar(const Tarn__LparRecord *lpar,
			       const Tarn__DeviceRecord *old, struct hv_err *err)
{
	if (!lpar->running || lpar->has_job)
		return hv_fail(
			err, HV_E_STATE,
			"paging device '%s' is of LPAR '%s', which %s; wait for it",
			old->device->name, lpar->spec->name,
			lpar->running ? "starts" : "shuts down");
	if (lpar->has_device_job)
		return hv_fail(err, HV_E_BUSY,
			       "a paging device of LPAR '%s' is being replaced; wait for "
			       "job %llu",
			       lpar->spec->name, (unsigned long long)lpar->device_job);
	return HV_OK;
}

static enum hv_code check_new(const struct cluster *cluster,
			      const Tarn__DeviceRecord *now, struct hv_err *err)
{
	const char *name = now->device->name;

	if (now->lpar != NULL)
		return hv_fail(err, HV_E_BUSY,
			       "paging device '%s' of host '%s' is in use by LPAR '%s'; "
			       "take another one",
			       name, now->host, now->lpar);
	if (now->has_job || !now->ready)
		return hv_fail(err, HV_E_BUSY,
			       "paging device '%s' of host '%s' is being added or "
			       "removed; wait for job %llu",
			       name, now->host, (unsigned long long)now->job);
	if (!limits_device_is_free(cluster, now))
		return hv_fail(err, HV_E_STATE,
			       "paging device '%s' of host '%s' cannot be used: its "
			       "host reports that it is missing; see 'tarn pgdev list'",
			       name, now->host);
	return HV_OK;
}

enum hv_code replace_check(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			   const Tarn__DeviceRecord *old, const Tarn__DeviceRecord *now,
			   struct hv_err *err)
{
	char a[SIZE_TEXT], b[SIZE_TEXT];
	enum hv_code code = check_lpar(lpar, old, err);

	if (code == HV_OK)
		code = check_new(cluster, now, err);
	if (code != HV_OK)
		return code;
	if (old->device->vios != NULL && lpar->mirror == NULL)
		return hv_fail(err, HV_E_REFUSED,
			       "LPAR '%s' has its pages behind VIOS '%s' alone, so there "
			       "is no way to copy them while it runs; shut it down first",
			       lpar->spec->name, old->device->vios);
	if (strcmp(behind(old), behind(now)) != 0)
		return hv_fail(
			err, HV_E_REFUSED,
			"paging device '%s' of host '%s' is %s%s, and '%s' is %s%s: the "
			"other one must be reached in the same way",
			now->device->name, now->host,
			now->device->vios != NULL ? "behind VIOS "
						  : "reached by both VIOS",
			behind(now), old->device->name,
			old->device->vios != NULL ? "behind VIOS "
						  : "reached by both VIOS",
			behind(old));
	if (limits_device_bytes(now) >= lpar->spec->max_bytes)
		return HV_OK;
	return hv_fail(err, HV_E_NOSPC,
		       "paging device '%s' of host '%s' holds %s, and LPAR '%s' may grow "
		       "to %s; take a larger one",
		       now->device->name, now->host,
		       hv_size_format(limits_device_bytes(now), a, sizeof(a)),
		       lpar->spec->name,
		       hv_size_format(lpar->spec->max_bytes, b, sizeof(b)));
}

/* Its events say so: nothing else is kept of it. */
static bool was_refused(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			const char *old, const char *now)
{
	char text[EVENT_BYTES];

	(void)snprintf(text, sizeof(text), EVENT_TEXT, old, lpar->spec->name, now);
	for (size_t i = cluster_count(cluster, RECORD_EVENT); i-- > 0;) {
		const Tarn__Event *event = cluster_event_at(cluster, i);

		if (strcmp(event->kind, EVENT_KIND) == 0 &&
		    strcmp(event->host, lpar->host) == 0 &&
		    strncmp(event->text, text, strlen(text)) == 0)
			return cluster->wall_ms < event->wall_ms + LATELY_MS;
	}
	return false;
}

const Tarn__DeviceRecord *replace_find(const struct cluster *cluster,
				       const Tarn__LparRecord *lpar,
				       const Tarn__DeviceRecord *old)
{
	const Tarn__DeviceRecord *best = NULL;

	for (size_t i = 0; i < cluster_count(cluster, RECORD_DEVICE); i++) {
		const Tarn__DeviceRecord *device = cluster_device_at(cluster, i);

		if (strcmp(device->host, lpar->host) != 0 ||
		    replace_check(cluster, lpar, old, device, NULL) != HV_OK ||
		    was_refused(cluster, lpar, old->device->name, device->device->name))
			continue;
		if (best == NULL ||
		    limits_device_bytes(device) < limits_device_bytes(best))
			best = device;
	}
	return best;
}

static void own(struct draft *draft, const char *host, const char *name, const char *lpar)
{
	Tarn__DeviceRecord *edit = draft_edit_device(draft, host, name);

	if (edit == NULL)
		return;
	if (lpar != NULL) {
		draft_set_text(draft, &edit->lpar, "%s", lpar);
		return;
	}
	free(edit->lpar);
	edit->lpar = NULL;
}

uint64_t replace_begin(struct draft *draft, const Tarn__LparRecord *lpar, const char *old,
		       const char *now)
{
	struct job_plan plan = { TARN__JOB_KIND__JOB_REPLACE, lpar->host,
				 lpar->spec->name };
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);
	uint64_t id = draft_add_job(draft, &plan,
				    "replace paging device '%s' of LPAR '%s' by '%s'",
				    old, lpar->spec->name, now);

	if (edit == NULL || id == 0)
		return 0;
	own(draft, lpar->host, now, lpar->spec->name);
	draft_set_text(draft, &edit->old_device, "%s", old);
	draft_set_text(draft, &edit->new_device, "%s", now);
	edit->has_device_job = 1;
	edit->device_job = id;
	edit->has_device_generation = 1;
	edit->device_generation = draft_next_id(draft);
	return id;
}

const char *replace_wanted(const Tarn__LparRecord *lpar, const char *device)
{
	return lpar->new_device != NULL && lpar->device_error == NULL && device != NULL &&
			       strcmp(device, lpar->old_device) == 0
		       ? lpar->new_device
		       : device;
}

static void clear(Tarn__LparRecord *edit)
{
	free(edit->new_device);
	free(edit->old_device);
	edit->new_device = edit->old_device = NULL;
	if (edit->device_error != NULL)
		tarn__error__free_unpacked(edit->device_error, NULL);
	edit->device_error = NULL;
	edit->has_device_job = edit->has_device_generation = 0;
	edit->device_job = edit->device_generation = 0;
}

void replace_settle(struct draft *draft, const Tarn__LparRecord *lpar)
{
	bool is_mirror = lpar->mirror != NULL &&
			 strcmp(lpar->mirror, lpar->old_device) == 0;
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);

	if (edit == NULL)
		return;
	own(draft, lpar->host, lpar->old_device, NULL);
	draft_set_text(draft, is_mirror ? &edit->mirror : &edit->device, "%s",
		       lpar->new_device);
	draft_name(draft, "LPAR '%s' pages to '%s'", lpar->spec->name, lpar->new_device);
	draft_end_job(draft, lpar->device_job, HV_OK, "every page is on '%s'",
		      lpar->new_device);
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_INFO, lpar->host,
			"pgdev.replaced",
			"paging device '%s' of LPAR '%s' was replaced by '%s'",
			lpar->old_device, lpar->spec->name, lpar->new_device);
	clear(edit);
}

void replace_give_up(struct draft *draft, const Tarn__LparRecord *lpar, enum hv_code code,
		     const char *why)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);

	if (edit == NULL)
		return;
	edit->device_error = malloc(sizeof(*edit->device_error));
	if (edit->device_error == NULL) {
		draft->is_out = true;
		return;
	}
	tarn__error__init(edit->device_error);
	edit->device_error->code = code;
	edit->device_error->text = (char *)protobuf_c_empty_string;
	draft_set_text(draft, &edit->device_error->text, "%s", why);
	edit->device_generation = draft_next_id(draft);
	draft_name(draft, "LPAR '%s' goes on with '%s'", lpar->spec->name,
		   lpar->old_device);
}

bool replace_is_way_back(const Tarn__LparRecord *lpar, const char *old, const char *now)
{
	return lpar->has_device_job && lpar->running && lpar->device_error == NULL &&
	       strcmp(lpar->new_device, old) == 0 && strcmp(lpar->old_device, now) == 0;
}

uint64_t replace_take_back(struct draft *draft, const Tarn__LparRecord *lpar)
{
	struct job_plan plan = { TARN__JOB_KIND__JOB_REPLACE, lpar->host,
				 lpar->spec->name };
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);
	uint64_t id = draft_add_job(draft, &plan,
				    "replace paging device '%s' of LPAR '%s' by '%s'",
				    lpar->new_device, lpar->spec->name, lpar->old_device);

	if (edit == NULL || id == 0)
		return 0;
	draft_end_job(draft, lpar->device_job, HV_E_CANCELED, EVENT_TEXT ": " BY_ORDER,
		      lpar->old_device, lpar->spec->name, lpar->new_device);
	replace_give_up(draft, lpar, HV_E_CANCELED, BY_ORDER);
	edit->device_job = id;
	return id;
}

static bool is_by_order(const Tarn__LparRecord *lpar)
{
	return lpar->device_error->code == HV_E_CANCELED &&
	       strcmp(lpar->device_error->text, BY_ORDER) == 0;
}

static void end_by_order(struct draft *draft, const Tarn__LparRecord *lpar)
{
	draft_end_job(draft, lpar->device_job, HV_OK, "it goes on with '%s'",
		      lpar->old_device);
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_INFO, lpar->host, EVENT_KIND,
			EVENT_TEXT ": " BY_ORDER, lpar->old_device, lpar->spec->name,
			lpar->new_device);
}

static void fail(struct draft *draft, const Tarn__LparRecord *lpar, enum hv_code code,
		 const char *why)
{
	draft_end_job(draft, lpar->device_job, code, EVENT_TEXT ": %s", lpar->old_device,
		      lpar->spec->name, lpar->new_device, why);
	draft_add_event(draft, TARN__EVENT_LEVEL__EVENT_WARN, lpar->host, EVENT_KIND,
			EVENT_TEXT ": %s", lpar->old_device, lpar->spec->name,
			lpar->new_device, why);
}

void replace_undo(struct draft *draft, const Tarn__LparRecord *lpar)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);

	if (edit == NULL)
		return;
	own(draft, lpar->host, lpar->new_device, NULL);
	draft_name(draft, "LPAR '%s' has '%s' as before", lpar->spec->name,
		   lpar->old_device);
	if (is_by_order(lpar))
		end_by_order(draft, lpar);
	else
		fail(draft, lpar,
		     lpar->device_error->code < HV_CODE_COUNT
			     ? (enum hv_code)lpar->device_error->code
			     : HV_E_OS,
		     lpar->device_error->text);
	clear(edit);
}

void replace_end(struct draft *draft, Tarn__LparRecord *edit)
{
	if (!edit->has_device_job)
		return;
	own(draft, edit->host, edit->new_device, NULL);
	fail(draft, edit, HV_E_CANCELED, "its run is over");
	clear(edit);
}
