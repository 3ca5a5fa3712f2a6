/*
 * cgroup - a group for each partition, so that it gets the processor time it is to get
 * and no more, and what it used is known.
 *
 *   v1   <mount of cpu>/<own group>/tarn-ID/NAME     and the same of cpuacct
 *   v2   <the nearest group that hands out cpu>/tarn-ID/NAME
 *
 * ID is of the host, so hosts on one machine do not meet. Nothing outside tarn-ID is
 * written: where the machine hands out no cpu controller, partitions run unlimited and
 * agent_cgroups_why() says why. Groups outlive the agent, as partitions do; the last one that
 * goes takes tarn-ID along, and `tarn-agent --stop` removes what is left.
 *
 * Contract
 *   Threads  L.
 *   Memory   paths are kept; nothing is allocated after agent_cgroups_open().
 *   Errors   STATE this machine has none, the sentence says why; OS a file cannot be
 *            written; GONE there is no such process; NOTFOUND there is no such group.
 *   Units    hundredths of a processor; microseconds.
 */
#ifndef AGENT_CGROUP_H
#define AGENT_CGROUP_H

#include "agent/core/core.h"
#include "hvcore/base/file.h"

struct agent_cgroups;

struct agent_cgroups_config {
	const char *state;      /* directory; run/cgroup there says where they are */
	const uint8_t *id;      /* AGENT_ID_BYTES */
	const char *mounts;     /* as /proc/self/mounts */
	const char *membership; /* as /proc/self/cgroup */
};

#define AGENT_CGROUPS_MOUNTS "/proc/self/mounts"
#define AGENT_CGROUPS_MEMBERSHIP "/proc/self/cgroup"

/* Groups without a process, left by an agent before, are removed. NOMEM only. */
HV_MUST_USE
enum hv_code agent_cgroups_open(const struct agent_cgroups_config *config,
				struct agent_cgroups **ret_cgroups, struct hv_err *err);
void agent_cgroups_close(struct agent_cgroups *cgroups); /* they stay; NULL is fine */

/* "" where there are none, and then why; live as long as cgroups. */
const char *agent_cgroups_where(const struct agent_cgroups *cgroups);
const char *agent_cgroups_why(const struct agent_cgroups *cgroups);

/* Makes the group where it is missing, sets its limits, puts the process there. */
HV_MUST_USE
enum hv_code agent_cgroup_limit(struct agent_cgroups *cgroups, const char *name,
				int64_t pid, const struct agent_limits *limits,
				struct hv_err *err);
HV_MUST_USE
enum hv_code agent_cgroup_usage(const struct agent_cgroups *cgroups, const char *name,
				struct agent_usage *ret_usage, struct hv_err *err);
/* OK also where there is none; OS: a process is still there. */
HV_MUST_USE
enum hv_code agent_cgroup_remove(struct agent_cgroups *cgroups, const char *name,
				 struct hv_err *err);

#define AGENT_IDLE_STAT "/proc/stat"

/* Of all processors, ever since; 0: that is not said there. */
uint64_t agent_idle_us(const char *stat);

/*
 * Removes every group without a process that an agent of that state directory made.
 * BUSY: one is left that has a process, or had until a moment ago: the kernel does not
 * tell them apart. EXISTS: only such as are no groups of the kernel's, and stay.
 */
HV_MUST_USE
enum hv_code agent_cgroups_clear(const char *state);

#endif
