/* home - see home.h. */
#include "hvcore/hypervisor/home.h"

#include "hvcore/base/log.h"
#include "hvcore/hypervisor/director.h"

unsigned home_choose(const unsigned *loads, unsigned count, unsigned near)
{
	unsigned least = 0;

	for (unsigned i = 1; i < count; i++)
		if (loads[i] < loads[least])
			least = i;
	if (near < count && loads[near] <= loads[least])
		return near;
	return least;
}

static struct fault_thread *choose(const struct hypervisor *hv,
				   const struct partition *partition, unsigned near)
{
	unsigned loads[HV_LANES_MAX] = { 0 };

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p != partition && p->home != NULL && p->phase < PHASE_CLOSING)
			loads[p->home->index]++;
	return hv->team->threads[home_choose(loads, hv->team->count, near)];
}

struct fault_thread *home_find(const struct hypervisor *hv)
{
	return choose(hv, NULL, HOME_NONE);
}

/* Of the device that it is to ask; else of the other one. */
static unsigned find_near(const struct partition *partition)
{
	const struct fault_team *team = partition->hv->team;
	const struct device_path *paths = partition->device.paths;
	unsigned primary = pair_primary(partition);
	unsigned processor = 0;

	for (unsigned i = 0; i < HV_PATHS && processor == 0; i++) {
		unsigned path = primary > 0 ? HV_PATHS - 1 - i : i;

		if (paths[path].state == DEVICE_OPEN)
			processor = paths[path].processor;
	}
	for (unsigned i = 0; i < team->count && processor != 0; i++)
		if (team->threads[i]->cpu == (int)processor - 1)
			return i;
	return HOME_NONE;
}

void home_settle(struct partition *partition)
{
	unsigned near = find_near(partition);

	if (!partition->hv->is_home_near || near == HOME_NONE)
		return;
	partition->home = choose(partition->hv, partition, near);
	log_info("hypervisor.home", "partition=%s processor=%d near=%d", partition->name,
		 partition->home->cpu, partition->hv->team->threads[near]->cpu);
}
