/* show - who runs, told once a second for views of partitions. */
#include "agent/core/core_priv.h"

void core_show(struct agent_core *core)
{
	struct agent_shown list[CORE_LPARS_MAX];
	const Tarn__HostStat *stat = core->hypervisor.stat;
	size_t count = 0;

	if (!core_is_due(core, core->shown_ms + CORE_SHOW_MS))
		return;
	core->shown_ms = core->now_ms;
	for (size_t i = 0; i < CORE_LPARS_MAX && core_hypervisor_is_up(core); i++) {
		const struct core_lpar *lpar = &core->lpars[i];

		if (lpar->name[0] == '\0' || !core_lpar_is_attached(lpar))
			continue;
		list[count++] = (struct agent_shown){
			.name = lpar->name,
			.stat = lpar->stat,
			.spec = lpar->desired != NULL ? lpar->desired->spec : NULL,
			.pool = stat->pool,
		};
	}
	core->ops->show(core->env, list, count);
	core_wake(core, core->shown_ms + CORE_SHOW_MS);
}
