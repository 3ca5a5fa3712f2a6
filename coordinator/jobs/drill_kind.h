/*
 * drill_kind - what differs between the kinds of drills: one row each.
 *
 * The phases are the same for all (drill.h). A row says what is claimed, when it can
 * be shown, how it is brought about, what is waited for, how it is undone, and what
 * proves it. `claim`, `injection` and `expectation` may have {vios} and {bound}.
 *
 * This header is for the files of jobs/ alone.
 */
#ifndef COORDINATOR_JOBS_DRILL_KIND_H
#define COORDINATOR_JOBS_DRILL_KIND_H

#include "coordinator/jobs/drill.h"

#define DRILL_UNMET_BYTES 400 /* fits a sentence of struct hv_err */

/* Is a host ready? Every condition that is not met is named. */
struct drill_ready {
	const struct cluster *cluster;
	const Tarn__HostRecord *host;
	const char *asked;            /* VIOS, NULL or "": whichever is active */
	const Tarn__ViosStat *target; /* NULL: there is none */
	char unmet[DRILL_UNMET_BYTES];
	size_t length;
};

void drill_unmet(struct drill_ready *ready, const char *format, ...) HV_PRINTF(2, 3);

struct drill_kind {
	Tarn__DrillKind kind;
	const char *order;   /* of its job: "kill" a VIOS */
	const char *ordered; /* "kill -9": is ordered */
	const char *done;    /* "could not be killed" */
	const char *claim, *injection, *expectation;
	const char *failover; /* Failover.kind that this drill brings about */
	bool is_for_drills;   /* only where the agent allows them */
	bool is_reborn;       /* its VIOS comes back as another incarnation */

	uint64_t (*bound_us)(const struct drill_ready *ready);
	/* Conditions beyond those of every drill; may be NULL, as may the last two. */
	void (*check)(struct drill_ready *ready);
	void (*inject)(struct drill *drill);
	void (*await)(struct drill *drill); /* phase inject: until it has taken effect */
	void (*serve)(struct drill *drill); /* phase switch: until pages are served */
	void (*undo)(struct drill *drill);  /* whatever happened */
	void (*prove)(struct drill *drill); /* what is still missing is a doubt */
};

/* NULL: this coordinator knows no such kind. */
const struct drill_kind *drill_kind_of(Tarn__DrillKind kind);

#endif
