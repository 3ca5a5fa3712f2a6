/*
 * drill_report - drills as people read them.
 *
 * Threads: one. Memory: nothing is kept.
 */
#ifndef CLI_DRILL_REPORT_H
#define CLI_DRILL_REPORT_H

#include "cli/cli.h"

/* One line: seconds since the start, and what was done. */
void cli_drill_step(struct cli *cli, const Tarn__DrillRecord *drill, size_t step);

/* Verdict, steps if wanted, longest stall of each partition, pages verified. */
HV_MUST_USE
enum hv_code cli_drill_report(struct cli *cli, const Tarn__DrillRecord *drill,
			      bool with_steps, struct hv_err *err);

/* One row a drill. */
HV_MUST_USE
enum hv_code cli_drill_table(struct cli *cli, const Tarn__ClusterReply *reply,
			     struct hv_err *err);

/* As in 'tarn drill run': "planned", "kill", "hang". */
const char *cli_drill_kind(const Tarn__DrillRecord *drill);
/* "kill of the agent": for headings. */
const char *cli_drill_title(const Tarn__DrillRecord *drill);
/* "every page right", "pages lost" */
const char *cli_drill_outcome(const Tarn__DrillPartition *row);
/* False: there is none of that name. */
bool cli_drill_kind_of(const char *name, Tarn__DrillKind *ret_kind);

#endif
