/*
 * drill_kind - what differs between the kinds of drills: one row each.
 *
 * The phases are the same for all (drill.h). A row says what is claimed, when it can
 * be shown, how it is brought about, what is waited for, how it is undone, and what
 * proves it. Texts may have {vios} and {bound}.
 *
 * This header is for the files of jobs/ alone.
 */
#ifndef COORDINATOR_JOBS_DRILL_KIND_H
#define COORDINATOR_JOBS_DRILL_KIND_H

#include "coordinator/cluster/plan.h"
#include "coordinator/jobs/drill.h"

#define DRILL_UNMET_BYTES 400 /* fits a sentence of struct hv_err */

/* Is a host ready? Every condition that is not met is named. */
struct drill_ready {
	const struct cluster *cluster;
	const Tarn__HostRecord *host; /* NULL: of no host (drill_begin() alone) */
	const char *asked;            /* VIOS, NULL or "": whichever is active */
	const Tarn__ViosStat *target; /* NULL: there is none */
	char unmet[DRILL_UNMET_BYTES];
	size_t length;
};

void drill_unmet(struct drill_ready *ready, const char *format, ...) HV_PRINTF(2, 3);

struct drill_kind {
	Tarn__DrillKind kind;
	const char *order;   /* its job: "kill VIOS '{vios}'" */
	const char *ordered; /* "kill -9 of VIOS '{vios}'": is ordered */
	const char *refused; /* "VIOS '{vios}' could not be killed" */
	const char *claim, *injection, *expectation;
	const char *failover; /* Failover.kind that it brings about; NULL: none, or any */
	bool is_for_drills;   /* only where the agent allows them */
	bool has_no_target;   /* it is not about one VIOS */
	bool makes_checksums; /* errors of checksums are what it brings about */
	bool makes_faults; /* faults of device I/O are: the background check meets them */
	bool is_reborn;    /* its VIOS, or all, come back as another incarnation */

	/* A drill of drills, on no host of its own; NULL: one of its own, by what follows. */
	enum hv_code (*plan)(struct plan *plan, const struct drill_kind *kind,
			     const Tarn__DrillRun *request, struct hv_err *err);
	uint64_t (*bound_us)(const struct drill_ready *ready);
	/* Conditions beyond those of every drill; may be NULL, as may the last two. */
	void (*check)(struct drill_ready *ready);
	void (*find)(struct drill_ready *ready); /* its target; NULL: an active VIOS */
	void (*inject)(struct drill *drill);
	void (*await)(struct drill *drill); /* phase inject: until it has taken effect */
	void (*serve)(struct drill *drill); /* phase switch: until pages are served */
	void (*undo)(struct drill *drill);  /* whatever happened */
	void (*prove)(struct drill *drill); /* what is still missing is a doubt */
	/* Redundancy is restored: true, it has begun to inject again. */
	bool (*again)(struct drill *drill);
};

#define DRILL_TEXT_BYTES 320
/* Puts in what {vios} and {bound} stand for; returns `to`. */
char *drill_describe(const Tarn__DrillRecord *drill, const char *text,
		     char to[DRILL_TEXT_BYTES]);

/* drill_unnoticed.c: who pages notices nothing. */
void drill_inject_agent(struct drill *drill);
void drill_await_agent(struct drill *drill);
void drill_inject_coordinator(struct drill *drill);
void drill_await_coordinator(struct drill *drill);
void drill_serve_unnoticed(struct drill *drill);
void drill_prove_agent(struct drill *drill);
void drill_prove_coordinator(struct drill *drill);

/* drill_device.c: faults injected into the device I/O of one VIOS. */
void drill_inject_error(struct drill *drill);
void drill_inject_loss(struct drill *drill);
void drill_inject_corruption(struct drill *drill);
void drill_await_faults(struct drill *drill);
void drill_serve_faults(struct drill *drill);
void drill_undo_faults(struct drill *drill);
void drill_prove_faults(struct drill *drill);

/* drill_cut.c */
void drill_find_remote(struct drill_ready *ready);
void drill_check_cut(struct drill_ready *ready);
void drill_inject_cut(struct drill *drill);
void drill_await_cut(struct drill *drill);
void drill_serve_cut(struct drill *drill);
void drill_undo_cut(struct drill *drill);
void drill_prove_cut(struct drill *drill);
bool drill_again_cut(struct drill *drill);

/* drill_both.c */
uint64_t drill_bound_of_both(const struct drill_ready *ready);
void drill_inject_both(struct drill *drill);
void drill_await_both(struct drill *drill);
void drill_serve_both(struct drill *drill);
void drill_prove_both(struct drill *drill);

/* drill_plan.c */
uint64_t drill_next_number(const struct cluster *cluster);
/* What every record begins with, and its job and event. Texts of the record are there. */
struct drill_texts {
	char claim[DRILL_TEXT_BYTES], injection[DRILL_TEXT_BYTES],
		expectation[DRILL_TEXT_BYTES];
};
void drill_begin(struct plan *plan, const Tarn__DrillRun *request,
		 const struct drill_kind *kind, const struct drill_ready *ready,
		 struct drill_texts *texts, Tarn__DrillRecord *ret_drill);
/* Whether a drill could begin on ready->host now; else all that is missing. */
HV_MUST_USE
enum hv_code drill_check_host(const struct plan *plan, const struct drill_kind *kind,
			      struct drill_ready *ready, struct hv_err *err);
/* What was done is undone by its next steps. */
void drill_abort(struct draft *draft, const Tarn__DrillRecord *drill);

/* drill_rolling.c: a drill of drills. */
HV_MUST_USE
enum hv_code drill_plan_rolling(struct plan *plan, const struct drill_kind *kind,
				const Tarn__DrillRun *request, struct hv_err *err);

/* NULL: this coordinator knows no such kind. */
const struct drill_kind *drill_kind_of(Tarn__DrillKind kind);

#endif
