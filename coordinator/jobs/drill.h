/*
 * drill - a paging VIOS goes on purpose, and what happened is written down.
 *
 *   ready --stalls reset--> inject --Failover seen--> switch --page served--> restore
 *     |                       |                         |                        |
 *     |                       +------- too long --------+-----> restore         |
 *     +--- too long: nothing was done ----> done                                |
 *                                      done <-- every page checked -- verify <---+
 *
 * Whatever goes wrong is noted and the drill goes on to restore: a VIOS that it took
 * into maintenance is always resumed, and pages are verified all the same. The
 * verdict falls at the end:
 *
 *   failed        something that the claim excludes was seen
 *   inconclusive  nothing bad was seen, but not what would prove the claim either
 *   passed        otherwise
 *
 * The record has everything a step needs, so a drill goes on after a restart; only
 * the time of its phase begins again.
 *
 * This header is for the files of jobs/ alone.
 */
#ifndef COORDINATOR_JOBS_DRILL_H
#define COORDINATOR_JOBS_DRILL_H

#include "coordinator/cluster/draft.h"

struct drill_kind;

struct drill {
	struct draft *draft;
	const struct drill_kind *kind;
	const Tarn__HostRecord *host;
	const Tarn__DrillRecord *record; /* as committed */
	Tarn__DrillRecord scratch;       /* see drill_edit() */
	struct live_host *live;
	uint64_t waited_ms; /* in this phase, without progress */
};

/*
 * The record in the draft, to be written. When memory is gone it is a scratch
 * without partitions, and the draft fails at its end.
 */
Tarn__DrillRecord *drill_edit(struct drill *drill);

/* A line of the report, with its time. */
void drill_note(struct drill *drill, const char *text, ...) HV_PRINTF(2, 3);
/* The first failure, or doubt, stays; each is a line of the report. */
void drill_fail(struct drill *drill, const char *text, ...) HV_PRINTF(2, 3);
void drill_doubt(struct drill *drill, const char *text, ...) HV_PRINTF(2, 3);

/* All arbitrary, and generous: a bound ends a drill that hangs, it proves nothing. */
#define DRILL_INJECT_MS 30000
#define DRILL_SERVE_MS 20000

void drill_go(struct drill *drill, const char *phase);
bool drill_is_in(const struct drill *drill, const char *phase);

/* Orders something of the agent; the phase waits for it by drill_op(). */
void drill_order(struct drill *drill, Tarn__HostOpKind kind, const char *target);
void drill_put_op(struct drill *drill, Tarn__HostOp *op); /* its id is filled in */
void drill_order_for(struct drill *drill, Tarn__HostOpKind kind, const char *target,
		     uint32_t ms);
/* NULL: not done yet. Done: its status, once; the order is taken back. */
const Tarn__ObjectStatus *drill_op(struct drill *drill);
void drill_drop_op(struct drill *drill);
void drill_note_op(struct drill *drill, const Tarn__ObjectStatus *op);

/* drill_await.c: what kinds have in common. */
void drill_hold(struct drill *drill, bool maintenance); /* its VIOS */
const char *drill_partner(const struct drill *drill);
const char *drill_silence(const struct drill *drill); /* "": it reports */
/* The first switch away from the target since the baseline. */
const Tarn__Failover *drill_failover(const struct drill *drill);
uint64_t drill_last_failover(const struct drill *drill);
void drill_note_instances(struct drill *drill); /* who is who, before the injection */
void drill_begin_restore(struct drill *drill);
/* Nothing went, so nothing has to come back under another epoch. */
void drill_give_up(struct drill *drill);
/* Its order failed: what was wanted did not happen. */
void drill_refused(struct drill *drill, const Tarn__ObjectStatus *op);
/* A hang is seen when its time is over, however long that is. */
uint64_t drill_patience_ms(const struct drill *drill);
void drill_await_failover(struct drill *drill);
/* A page that came in after the switch came through the partner. */
void drill_await_page(struct drill *drill);

/* Pages came in; that is a moment of its own, and what was to be seen of serving. */
void drill_note_served(struct drill *drill, const char *moment);
/*
 * True: pages came in, which is noted ("7 pages came in " `when`), or none did for so
 * long that it is doubted.
 */
bool drill_has_served(struct drill *drill, const char *when);

/* Partitions that were there at the beginning. */
const Tarn__PartitionStat *drill_stat(const struct drill *drill,
				      const Tarn__DrillPartition *row);
void drill_note_baseline(struct drill *drill); /* errors, page-ins */
void drill_note_page_ins(struct drill *drill); /* page-ins alone, again */
void drill_note_ended(struct drill *drill);
uint64_t drill_pages_in(const struct drill *drill); /* since the baseline */
void drill_note_stalls(struct drill *drill); /* as told so far; a pass tells the rest */
void drill_begin_verify(struct drill *drill);
/* True: every one is verified, has ended, or is a guest whose figures are noted. */
bool drill_note_verified(struct drill *drill);
/* Grows while pages are being verified. */
uint64_t drill_progress(const struct drill *drill);

/* drill_figures.c */
#define DRILL_RESTORED "redundancy restored"
/* What a counter has counted; 0 where it went back. */
uint64_t drill_more(uint64_t now, uint64_t before);
void drill_step_figures(struct drill *drill);  /* a point, where a report is new */
void drill_start_figures(struct drill *drill); /* at the injection */
void drill_note_figures(struct drill *drill, Tarn__DrillPartition *row,
			const Tarn__PartitionStat *stat);
void drill_end_figures(struct drill *drill);
/* What must not grow while nothing is lost. */
uint64_t drill_errors_of(const struct drill *drill, const Tarn__PartitionStat *stat);
/* After the injection, and whether the host's own clock says so. */
void drill_moment(struct drill *drill, const char *what, uint64_t at_us, bool reported);
void drill_moment_now(struct drill *drill, const char *what);
/* Something was not done, and why. */
void drill_skip(struct drill *drill, const char *text, ...) HV_PRINTF(2, 3);

/* drill_guest.c */
/* How long it stood still: its own stalls, or a guest's page-ins. NULL: it is not said. */
const Tarn__Histogram *drill_waits_of(const Tarn__DrillPartition *row,
				      const Tarn__PartitionStat *stat);
bool drill_longest_of(const Tarn__DrillPartition *row, const Tarn__PartitionStat *stat,
		      uint64_t *ret_us);
void drill_guest_start(Tarn__DrillPartition *row, const Tarn__PartitionStat *stat);
/* Instead of a pass over its pages. */
void drill_guest_note(struct drill *drill, Tarn__DrillPartition *row,
		      const Tarn__PartitionStat *stat);
void drill_guest_skip(struct drill *drill, const Tarn__DrillPartition *row);

/* drill_verdict.c */
/* Sums up, gives the verdict, closes. */
void drill_finish(struct drill *drill);
/* Verdict and reason are in the record: it is done, its job over, and all are told. */
void drill_close(struct drill *drill);

#endif
