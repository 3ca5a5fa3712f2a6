/*
 * mirror - pages of a mirrored partition that are behind one VIOS alone, as events.
 *
 *   whole --a VIOS is lost, or it lasts CORE_DEGRADED_MS--> degraded, told --> whole, told
 *
 * A side that was away between two figures is told of, too, when it is back.
 */
#include "hvcore/wire/mirror.h"
#include "agent/core/core_priv.h"

static const char *vios_of(struct agent_core *core, const char *device)
{
	const struct core_device *found = device != NULL
						  ? core_device_get(core, device, false)
						  : NULL;

	return found != NULL && found->desired != NULL && found->desired->vios != NULL
		       ? found->desired->vios
		       : "one VIOS";
}

/* A VIOS that was started again counts when the hypervisor has seen it. */
static bool is_pair_whole(const struct agent_core *core)
{
	for (size_t i = 0; i < CORE_VIOS_MAX; i++) {
		const struct core_vios *vios = &core->vios[i];
		Tarn__ViosStat stat;

		if (vios->name[0] == '\0')
			continue;
		core_vios_report(core, vios, core_vios_stat(core, vios->name), &stat);
		if (!core_vios_is_healthy(&stat))
			return false;
	}
	return true;
}

void core_mirror_lost(struct agent_core *core, const char *vios)
{
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		struct core_lpar *lpar = &core->lpars[i];

		if (lpar->stat != NULL && lpar->stat->mirror != NULL)
			(void)snprintf(lpar->lost_vios, sizeof(lpar->lost_vios), "%s",
				       vios);
	}
}

static void tell_degraded(struct agent_core *core, struct core_lpar *lpar,
			  const char *what)
{
	lpar->run.is_degraded = true;
	core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "lpar.mirror_degraded",
		   "partition '%s': %s", lpar->name, what);
}

/* One device is wanted: it has two until all is on that one. */
static bool is_copied(const struct core_lpar *lpar)
{
	return lpar->desired != NULL && lpar->desired->device != NULL &&
	       lpar->desired->mirror == NULL &&
	       lpar->stat->missed + lpar->stat->mirror_missed > 0;
}

static void observe_whole(struct agent_core *core, struct core_lpar *lpar)
{
	char text[HV_MIRROR_TEXT_BYTES];

	lpar->degraded_ms = 0;
	if (lpar->lost_vios[0] != '\0') {
		if (!is_pair_whole(core))
			return; /* not noticed yet, or not back */
		(void)snprintf(text, sizeof(text), "%s was away for a moment",
			       lpar->lost_vios);
		if (!lpar->run.is_degraded)
			tell_degraded(core, lpar, text);
	}
	lpar->lost_vios[0] = '\0';
	if (lpar->run.is_degraded)
		core_event(core, TARN__EVENT_LEVEL__EVENT_INFO, "lpar.mirror_synced",
			   "partition '%s': every page is behind both VIOS again",
			   lpar->name);
	lpar->run.is_degraded = false;
}

void core_mirror_observe(struct agent_core *core, struct core_lpar *lpar)
{
	const Tarn__PartitionStat *stat = lpar->stat;
	char text[HV_MIRROR_TEXT_BYTES];

	if (!hv_mirror_is_degraded(stat)) {
		observe_whole(core, lpar);
		return;
	}
	if (lpar->degraded_ms == 0)
		lpar->degraded_ms = core->now_ms;
	if (lpar->run.is_degraded ||
	    (is_pair_whole(core) && lpar->lost_vios[0] == '\0' &&
	     !core_is_due(core, lpar->degraded_ms + CORE_DEGRADED_MS)))
		return;
	if (is_copied(lpar))
		(void)hv_mirror_copy_text(stat, lpar->desired->device, text);
	else
		(void)hv_mirror_text(stat, vios_of(core, stat->pgdev),
				     vios_of(core, stat->mirror), text);
	tell_degraded(core, lpar, text);
}
