/*
 * jobs - what was ordered is carried to its end, step by step.
 *
 * A job has no state of its own beside the records: what is wanted is in them, what
 * is there comes with reports, and a step compares the two. So a step may be done
 * twice, may be lost with the commit that failed, and goes on after a restart.
 *
 *   pool     wanted --report: this generation done--> settled
 *                   --report: error--> the pool before, new generation; job failed
 *   device   added --done--> ready      --error--> forgotten; job failed
 *            removed --done--> forgotten --error--> kept; job failed
 *   lpar     starting --running--> runs --ended--> off, device free
 *                     --error--> off, device free; job failed
 *            shutting down --ended--> off, device free
 *                     --a guest, JOBS_SHUTDOWN_MS--> job failed, the order stands
 *   resize   running --done--> memory as ordered  --error--> as reached; job failed
 *   move     giver resizes --done--> receiver resizes by what was given --> as resize
 *   device   replaced --the host has it, and all pages--> settled
 *                     --error--> the old one wanted --has it--> as before; job failed
 *   vios     until the report shows the state that was ordered, or JOBS_VIOS_MS
 *   replace  place taken --serves, and all devices are reached--> done
 *                        --JOBS_VIOS_MS--> the one that left has it again; job failed
 *   swap     primaries told --all reported so--> an order to move --> as that says
 *                           --JOBS_VIOS_MS, or twice that after all--> job failed
 *   drill    drill.c
 *
 * Contract
 *   Threads  L.
 *   Errors   out of memory sticks in the draft.
 *   Order    call after each report of the host, and about once a second.
 */
#ifndef COORDINATOR_JOBS_JOBS_H
#define COORDINATOR_JOBS_JOBS_H

#include "coordinator/cluster/plan.h"

#define JOBS_LOST_MS 10000     /* then a spare device is taken; arbitrary */
#define JOBS_VIOS_MS 60000     /* arbitrary: back-off of a VIOS is 10 s at most */
#define JOBS_SHUTDOWN_MS 90000 /* of a guest's system, which may not obey; arbitrary */

/* All that the last report of this host, or time, settles. May leave the draft empty. */
void jobs_step(struct draft *draft, const Tarn__HostRecord *host);

/* As those of plan.h: a drill begins, or why not, all of it at once. */
HV_MUST_USE
enum hv_code jobs_plan_drill(struct plan *plan, const Tarn__DrillRun *request,
			     struct hv_err *err);

HV_MUST_USE
enum hv_code jobs_plan_drill_abort(struct plan *plan, const Tarn__DrillAbort *request,
				   struct hv_err *err);

/* A drill for which this coordinator is to be killed now; NULL: none. */
const Tarn__DrillRecord *jobs_drill_that_ends_us(const struct cluster *cluster);
#define JOBS_AWAY_MS 1000 /* it stays away for so long; arbitrary */

/* The parts. */
void jobs_step_pool(struct draft *draft, const Tarn__HostRecord *host);
void jobs_step_devices(struct draft *draft, const Tarn__HostRecord *host);
void jobs_step_lpars(struct draft *draft, const Tarn__HostRecord *host);
void jobs_step_resizes(struct draft *draft, const Tarn__HostRecord *host);
/* Its run is over: the change of its memory is, too. `edit` is of this draft. */
void jobs_end_resize(struct draft *draft, Tarn__LparRecord *edit);
/* Devices of running LPARs that become others; and spare ones for those that are lost. */
void jobs_step_replaced(struct draft *draft, const Tarn__HostRecord *host);
void jobs_step_vios(struct draft *draft, const Tarn__HostRecord *host);
/* Bad pages that its background check found are events. */
void jobs_step_checks(struct draft *draft, const Tarn__HostRecord *host);
void jobs_step_drill(struct draft *draft, const Tarn__HostRecord *host);
void jobs_step_rolling(struct draft *draft, const Tarn__HostRecord *host);

/* Code and sentence of a status that failed, bounded and never empty. */
enum hv_code jobs_error_code(const Tarn__Error *error);
const char *jobs_error_text(const Tarn__Error *error);

#endif
