/*
 * drill_host - a host that is ready for drills: two running LPARs that page, and a
 * dedicated one. What the tests of drills share; at most one drill runs.
 */
#ifndef TESTS_UNIT_COORDINATOR_DRILL_HOST_H
#define TESTS_UNIT_COORDINATOR_DRILL_HOST_H

#include "tests/unit/coordinator/one_host.h"

#define PLANNED TARN__DRILL_KIND__DRILL_PLANNED
#define KILL TARN__DRILL_KIND__DRILL_KILL
#define HANG TARN__DRILL_KIND__DRILL_HANG
#define DEVICE_ERROR TARN__DRILL_KIND__DRILL_DEVICE_ERROR
#define DEVICE_LOST TARN__DRILL_KIND__DRILL_DEVICE_LOST
#define CORRUPT TARN__DRILL_KIND__DRILL_CORRUPT
#define BOTH TARN__DRILL_KIND__DRILL_BOTH_LOST
#define AGENT TARN__DRILL_KIND__DRILL_AGENT
#define COORDINATOR TARN__DRILL_KIND__DRILL_COORDINATOR

int open_drill(void **state);

const Tarn__DrillRecord *drill(void); /* the last one; NULL: none yet */
bool is_done(void);
/* Time passes, the host works and reports, until the drill is done or in a phase. */
void run_until(const char *phase, unsigned seconds);
uint64_t start(Tarn__DrillKind kind); /* its job */
/* Done with that verdict, a reason that says so, and nothing left behind. */
void must_be(const char *verdict, const char *says);
bool has_step(const char *says);
void must_refuse(enum hv_code expected, Tarn__DrillKind kind, const char *vios,
		 const char *says);
/* A whole drill; the coordinator is killed and comes back once in each phase. */
void restart_in_each_phase(Tarn__DrillKind kind);

#endif
