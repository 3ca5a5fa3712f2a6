/*
 * expect - which VIOS the agent wants, in which order, and which are to be left
 * alone for maintenance; and how each one is shown.
 */
#include "hvcore/hypervisor/director.h"

#include <stdio.h>
#include <string.h>

#include "hvcore/base/log.h"

static bool is_listed(char **names, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static bool any_page_stolen(const struct hypervisor *hv)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->mode == HV_MODE_SHARED && p->phase == PHASE_RUNNING &&
		    (p->stat.pages_in[HV_PAGE_STOLEN] > 0 ||
		     p->stat.pages_in[HV_PAGE_INFLIGHT] > 0))
			return true;
	return false;
}

static bool stays(const struct vios *vios, const Tarn__HvViosExpect *ask)
{
	return vios->state == SESSION_OPEN &&
	       is_listed(ask->names, ask->n_names, vios->name) &&
	       !is_listed(ask->maintained, ask->n_maintained, vios->name);
}

/* P17: and what is behind it alone cannot be brought to the other one. */
static enum hv_code check_mirrors(struct hypervisor *hv, const Tarn__HvViosExpect *ask,
				  struct hv_err *err)
{
	const struct vios *pair = hv->director.vios;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		for (unsigned i = 0; i < HV_PATHS; i++) {
			unsigned other = HV_PATHS - 1 - i;

			if (!p->device.is_used || !device_is_mirrored(p) ||
			    p->phase != PHASE_RUNNING || p->stat.missed[other] == 0 ||
			    pair[i].state != SESSION_OPEN || stays(&pair[i], ask) ||
			    p->device.paths[other].state == DEVICE_OPEN)
				continue;
			return hv_fail(err, HV_E_REFUSED,
				       "VIOS '%s' alone has %llu pages of partition "
				       "'%s': have its partner ready first",
				       pair[i].name,
				       (unsigned long long)p->stat.missed[other],
				       p->name);
		}
	return HV_OK;
}

/* Nobody would be left to read back what is paged out. */
static enum hv_code check_leaving(struct hypervisor *hv, const Tarn__HvViosExpect *ask,
				  struct hv_err *err)
{
	const struct vios *pair = hv->director.vios;
	const struct vios *needed = NULL;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next) {
		int now = p->device.current, other = HV_PATHS - 1 - now;

		if (!p->device.is_used || p->phase == PHASE_OPENING ||
		    p->phase >= PHASE_DYING || now < 0 || stays(&pair[now], ask) ||
		    (stays(&pair[other], ask) &&
		     p->device.paths[other].state == DEVICE_OPEN))
			continue;
		needed = &pair[now];
	}
	if (needed == NULL || !any_page_stolen(hv))
		return HV_OK;
	return hv_fail(err, HV_E_REFUSED,
		       "VIOS '%s' is the only one that can read what is paged out: have "
		       "its partner ready first",
		       needed->name);
}

static void take_place(struct vios *place, const char *name)
{
	log_info("hypervisor.vios_place", "vios=%s path=%u after=%s", name, place->path,
		 place->name);
	(void)snprintf(place->name, sizeof(place->name), "%s", name);
	place->reason[0] = '\0';
	place->failover = 0;
	place->went_back_ms = 0;
	place->put_off = 0;
}

/* Its own, or that of a stranger who is quite gone and that nobody was given. */
static struct vios *find_place(struct hypervisor *hv, const Tarn__HvViosExpect *ask,
			       const char *name, const bool is_given[HV_PATHS])
{
	struct vios *place = director_find(hv, name);

	for (unsigned i = 0; i < HV_PATHS && place == NULL; i++) {
		struct vios *vios = &hv->director.vios[i];

		/* What is in doubt there stays so for whoever comes: the lock's
		 * byte is the path's, not the name's (P9). */
		if (vios->state == SESSION_NONE && !is_given[i] &&
		    (vios->name[0] == '\0' ||
		     !is_listed(ask->names, ask->n_names, vios->name)))
			place = vios;
	}
	return place;
}

/* A place for each name, or none is changed. */
static enum hv_code place_names(struct hypervisor *hv, const Tarn__HvViosExpect *ask,
				struct hv_err *err)
{
	struct vios *places[HV_PATHS];
	bool is_given[HV_PATHS] = { false };

	for (size_t n = 0; n < ask->n_names; n++) {
		places[n] = find_place(hv, ask, ask->names[n], is_given);
		if (places[n] == NULL)
			return hv_fail(err, HV_E_AGAIN,
				       "no place for VIOS '%s': a pool has two, and one "
				       "of them is not gone yet",
				       ask->names[n]);
		is_given[places[n]->path] = true;
	}
	for (size_t n = 0; n < ask->n_names; n++) {
		if (strcmp(places[n]->name, ask->names[n]) != 0)
			take_place(places[n], ask->names[n]);
		places[n]->preference = (unsigned)n;
	}
	return HV_OK;
}

enum hv_code director_expect(struct hypervisor *hv, const Tarn__HvViosExpect *ask,
			     struct hv_err *err)
{
	enum hv_code code = check_leaving(hv, ask, err);

	if (code == HV_OK)
		code = check_mirrors(hv, ask, err);
	if (code == HV_OK)
		code = place_names(hv, ask, err);
	if (code != HV_OK)
		return code;
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct vios *vios = &hv->director.vios[i];

		vios->is_expected = is_listed(ask->names, ask->n_names, vios->name);
		vios->is_maintained = is_listed(ask->maintained, ask->n_maintained,
						vios->name);
	}
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (hv->director.vios[i].state == SESSION_OPEN &&
		    !director_may_serve(&hv->director.vios[i]))
			director_leave(&hv->director.vios[i]);
	hv->director.fails_back = ask->has_failback_ms;
	hv->director.failback_ms = ask->failback_ms;
	pair_choose(hv);
	return HV_OK;
}

Tarn__ViosState director_state(const struct vios *vios, char *reason)
{
	struct hypervisor *hv = vios->hv;

	(void)snprintf(reason, REASON_BYTES, "%s", vios->reason);
	if (vios->state == SESSION_OPEN) {
		reason[0] = '\0';
		if (vios->is_leave_due)
			(void)snprintf(reason, REASON_BYTES,
				       "leaves when the other one has what it alone has");
		else if (pair_is_asked(hv, vios->path))
			(void)device_all_open(hv, vios->path, reason);
		if (pair_is_asked(hv, vios->path) || vios->is_leave_due)
			return TARN__VIOS_STATE__VIOS_ACTIVE;
		return device_all_open(hv, vios->path, reason)
			       ? TARN__VIOS_STATE__VIOS_STANDBY
			       : TARN__VIOS_STATE__VIOS_STARTING;
	}
	if (vios->is_maintained || vios->state == SESSION_LEAVING)
		return TARN__VIOS_STATE__VIOS_MAINTENANCE;
	if (vios->state == SESSION_ENDED || device_any_doubt(hv, vios->path))
		return TARN__VIOS_STATE__VIOS_SUSPECT;
	return vios->is_expected ? TARN__VIOS_STATE__VIOS_DOWN
				 : TARN__VIOS_STATE__VIOS_ABSENT;
}
