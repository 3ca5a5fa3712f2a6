/* pin - see pin.h. */
#include "agent/partition/pin.h"

#include <sched.h>

#include "hvcore/base/log.h"

void partition_pin(pthread_t thread, unsigned worker, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)cpu, &set);
	if (pthread_setaffinity_np(thread, sizeof set, &set) != 0)
		log_warn("partition.not_pinned", "worker=%u cpu=%d", worker, cpu);
}
