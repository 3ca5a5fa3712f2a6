/*
 * draft - a LogRecord being written: the only way to change the cluster.
 *
 *   draft_init -> draft_edit_*, draft_add_*, draft_remove -> draft_finish
 *
 * An edit hands out a private copy of a record, the same one each time; nothing
 * is visible in the cluster before cluster_apply().
 *
 * Contract
 *   Threads  L.
 *   Memory   the draft owns all that it hands out. draft_fini() at the end in any
 *            case.
 *   Errors   running out of memory sticks: later calls return NULL or do nothing,
 *            and draft_finish() says NOMEM. So a caller checks pointers only before
 *            it writes through them.
 */
#ifndef COORDINATOR_CLUSTER_DRAFT_H
#define COORDINATOR_CLUSTER_DRAFT_H

#include "coordinator/cluster/cluster.h"

#include <stdarg.h>

struct draft {
	struct cluster *cluster;
	Tarn__LogRecord *log;
	uint64_t next_id;
	bool is_out; /* of memory */
};

void draft_init(struct draft *draft, struct cluster *cluster);
void draft_fini(struct draft *draft);

/* An edit of a record that exists; NULL when memory is gone. */
Tarn__HostRecord *draft_edit_host(struct draft *draft, const char *name);
Tarn__DeviceRecord *draft_edit_device(struct draft *draft, const char *host,
				      const char *name);
Tarn__LparRecord *draft_edit_lpar(struct draft *draft, const char *name);
Tarn__DrillRecord *draft_edit_drill(struct draft *draft, uint64_t number);
Tarn__JobRecord *draft_edit_job(struct draft *draft, uint64_t id);

/* Takes a whole new message over, also when it fails; NULL sticks as no memory. */
void draft_put(struct draft *draft, enum record_kind kind, ProtobufCMessage *message);
void draft_remove(struct draft *draft, enum record_kind kind, struct record_key key);

/* Never given twice. */
uint64_t draft_next_id(struct draft *draft);

struct job_plan {
	Tarn__JobKind kind;
	const char *host;
	const char *target;
};
/* Its id, 0 when memory is gone; `what` is for people: "activate lpar 'db1'". */
uint64_t draft_add_job(struct draft *draft, const struct job_plan *plan, const char *what,
		       ...) HV_PRINTF(3, 4);
/* Ends a job; code OK is success. The text is the result, or why it failed. */
void draft_end_job(struct draft *draft, uint64_t id, enum hv_code code, const char *text,
		   ...) HV_PRINTF(4, 5);
/* Its id. */
uint64_t draft_add_op(struct draft *draft, const char *host, Tarn__HostOpKind kind,
		      const char *target);
/* The same of one with more to say; its id is filled in. */
uint64_t draft_put_op(struct draft *draft, const char *host, Tarn__HostOp *op);
void draft_add_event(struct draft *draft, Tarn__EventLevel level, const char *host,
		     const char *kind, const char *text, ...) HV_PRINTF(5, 6);

/* Replaces a string field of a record in this draft. */
void draft_set_text(struct draft *draft, char **field, const char *text, ...)
	HV_PRINTF(3, 4);
/* What the change is, for people. The last one stays. */
void draft_name(struct draft *draft, const char *what, ...) HV_PRINTF(2, 3);

bool draft_is_empty(const struct draft *draft);

/*
 * Numbers the record and its events, and adds what is to be forgotten. NOMEM is
 * the only failure. The draft keeps the LogRecord.
 */
HV_MUST_USE
enum hv_code draft_finish(struct draft *draft, struct hv_err *err);

/* vsnprintf into memory from malloc, cut at HV_TEXT_MAX; NULL when memory is gone. */
char *draft_text(const char *text, va_list args) HV_PRINTF(1, 0);

#endif
