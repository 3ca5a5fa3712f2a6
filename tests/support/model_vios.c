/* model_vios - see model_vios.h. */
#include "tests/support/model_vios.h"

#include <stdio.h>
#include <string.h>

#define NOBODY 2

unsigned model_host_active(const struct model_host *host)
{
	for (unsigned i = 0; i < 2; i++) {
		if (host->vios[i].state == TARN__VIOS_STATE__VIOS_ACTIVE)
			return i;
	}
	return NOBODY;
}

static void begin_failover(struct model_host *host, unsigned from, const char *kind)
{
	unsigned to = 1 - from;
	size_t at = host->failover_count;

	if (host->vios[to].state != TARN__VIOS_STATE__VIOS_STANDBY)
		to = NOBODY;
	else
		host->vios[to].state = TARN__VIOS_STATE__VIOS_ACTIVE;
	if (at == HV_COUNT(host->failovers)) {
		memmove(host->failovers, host->failovers + 1,
			(at - 1) * sizeof(host->failovers[0]));
		at--;
	}
	host->failovers[at].number = ++host->failover_number;
	host->failovers[at].from = from;
	host->failovers[at].to = to;
	host->failovers[at].kind = kind;
	host->failovers[at].has_page = false;
	host->failover_count = at + 1;
}

void model_vios_lose(struct model_host *host, unsigned which, const char *kind)
{
	bool was_active = host->vios[which].state == TARN__VIOS_STATE__VIOS_ACTIVE;

	host->vios[which].state = TARN__VIOS_STATE__VIOS_DOWN;
	if (was_active)
		begin_failover(host, which, kind);
}

void model_host_kill_vios(struct model_host *host, unsigned which)
{
	model_vios_lose(host, which, "exit");
}

/* The place of that name, or one for it. */
unsigned model_vios_place(const struct model_host *host, const char *name)
{
	return strcmp(host->vios[1].name, name) == 0 ||
	       (strcmp(host->vios[0].name, name) != 0 && host->vios[0].name[0] != '\0');
}

static bool is_paging(const Tarn__HostDesired *desired, const char *name)
{
	for (size_t i = 0; i < desired->n_vios; i++)
		if (strcmp(desired->vios[i]->name, name) == 0)
			return true;
	return false;
}

/* One that does not page any more is gone; its place is free. */
static bool step_gone(struct model_host *host, unsigned which)
{
	struct model_vios *vios = &host->vios[which];
	bool was_active = vios->state == TARN__VIOS_STATE__VIOS_ACTIVE;

	if (vios->name[0] == '\0' || is_paging(host->desired, vios->name))
		return false;
	vios->state = TARN__VIOS_STATE__VIOS_ABSENT;
	if (was_active)
		begin_failover(host, which, "planned");
	vios->name[0] = '\0';
	return true;
}

static bool step_one(struct model_host *host, const Tarn__DesiredVios *desired)
{
	unsigned which = model_vios_place(host, desired->name);
	struct model_vios *vios = &host->vios[which];
	Tarn__ViosState wanted = TARN__VIOS_STATE__VIOS_STANDBY;
	bool was_active = vios->state == TARN__VIOS_STATE__VIOS_ACTIVE;

	(void)snprintf(vios->name, sizeof(vios->name), "%s", desired->name);
	if (!desired->enabled)
		wanted = TARN__VIOS_STATE__VIOS_ABSENT;
	else if (desired->maintenance)
		wanted = TARN__VIOS_STATE__VIOS_MAINTENANCE;
	if (wanted != TARN__VIOS_STATE__VIOS_STANDBY) {
		if (vios->state == wanted)
			return false;
		vios->state = wanted;
		if (was_active)
			begin_failover(host, which, "planned");
		return true;
	}
	if (was_active || host->vios_stay_down || host->away > 0)
		return false;
	if (desired->remote_host != NULL && (desired->remote_url == NULL || host->is_cut))
		return false; /* it finds nobody there */
	if (vios->state != TARN__VIOS_STATE__VIOS_STANDBY) {
		vios->state = TARN__VIOS_STATE__VIOS_STANDBY;
		vios->epoch = ++host->vios_epoch;
		return true;
	}
	if (model_host_active(host) != NOBODY)
		return false;
	vios->state = TARN__VIOS_STATE__VIOS_ACTIVE;
	return true;
}

bool model_vios_step(struct model_host *host)
{
	if (step_gone(host, 0) || step_gone(host, 1))
		return true;
	for (unsigned i = 0; i < host->desired->n_vios && i < 2; i++) {
		if (step_one(host, host->desired->vios[i]))
			return true;
	}
	return false;
}
