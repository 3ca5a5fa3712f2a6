/*
 * core_limits - how much the core keeps, and how long it waits. All arbitrary unless
 * they say more.
 */
#ifndef AGENT_CORE_CORE_LIMITS_H
#define AGENT_CORE_CORE_LIMITS_H

#include "hvcore/base/units.h"
#include "hvcore/wire/messages.h"

#include <assert.h>

#define CORE_VIOS_MAX (2 * HV_HOST_VIOS_MAX) /* those wanted, and those that are going */
static_assert(2 * CORE_VIOS_MAX <= HV_AGENT_VIOS_MAX, "those with a slot, and kept ones");
#define CORE_EXPECT_BYTES (CORE_VIOS_MAX * (HV_NAME_BYTES + 2) + 24)
#define CORE_LPARS_MAX (HV_HOST_LPARS_MAX + 128) /* + those that are going */
#define CORE_DEVICES_MAX HV_DEVICES_PER_HOST_MAX
#define CORE_OPS_MAX HV_HOST_OPS_MAX
#define CORE_CALLS_MAX 32
#define CORE_EVENTS_MAX 1024 /* then the oldest infos go first */

#define CORE_BACKOFF_FIRST_MS 100
#define CORE_BACKOFF_MAX_MS 10000
#define CORE_HEALTHY_MS 30000 /* alive that long: the back-off starts anew */

#define CORE_STAT_BUSY_MS 50 /* something is under way */
#define CORE_STAT_IDLE_MS 500
#define CORE_ASK_MS 5000 /* deadline of a request */
#define CORE_STAT_ASK_MS 2000
#define CORE_POOL_ASK_MS 60000 /* shrinking pages out first */
#define CORE_SILENT_MS 5000    /* then the hypervisor is reported, never killed */
#define CORE_REPEAT_MS 100     /* a request without an answer is repeated */
#define CORE_RETRY_MS 1000
#define CORE_RETRY_SLOW_MS 10000  /* after a refusal that may have been for the moment */
#define CORE_CLEAN_MS 10000       /* longest wait for processes of a lost hypervisor */
#define CORE_VIOS_SESSION_MS 5000 /* without one: it is killed, and started again */
#define CORE_VIOS_LINK_MS 60000   /* the same of one that waits for its exporter */
#define CORE_VIOS_GRACE_MS 500    /* from hang-up or SIGTERM to SIGKILL */
#define CORE_EXPORTER_ASK_MS 1000 /* from its answer to the next question */
#define CORE_ATTACH_MS 30000      /* from start to attached */
#define CORE_FORGOTTEN_MS 30000   /* from OS shutdown to SIGKILL, not in desired */
#define CORE_VIOS_WAIT_MS 2000    /* from its SIGTERM, in maintenance */

#define CORE_PROCESSORS_KEEP_MS 30000 /* from one save of what they used to the next */
#define CORE_SHOW_MS 1000             /* from one view of partitions to the next */
#define CORE_PROCESSORS_MS 500        /* from one look at what they use to the next */

#define CORE_DEGRADED_MS 1000     /* a mirror that is whole again sooner is not told of */
#define CORE_VERIFY_LOST_MS 3000  /* three reports of a partition */
#define CORE_INSPECT_MS 10000     /* between two looks at a device */
#define CORE_INSPECT_EACH_MS 100  /* at most ten looks a second */
#define CORE_INSPECT_ASK_MS 10000 /* a device that does not answer */
#define CORE_TOOLS_MAX 4          /* at once */

#define CORE_POLL_ASK_MS 45000 /* longer than the coordinator holds a poll */
#define CORE_REPORT_ASK_MS 5000
#define CORE_DIALOG_BACKOFF_FIRST_MS 100
#define CORE_DIALOG_BACKOFF_MAX_MS 2000
#define CORE_REFUSED_MS 1000  /* asked again after a refusal */
#define CORE_REPORT_NOW_MS 10 /* between two reports of changes */
#define CORE_REPORT_FAST_MS 500
#define CORE_REPORT_SLOW_MS 2000
#define CORE_LOST_MS 6000 /* no answer for so long: the coordinator is lost */

#endif
