/*
 * report_check - do the figures that the hosts report add up?
 *
 * Every equation that a counter is part of (proto/common.proto states them) is
 * checked; so is that no partition died, that every page was verified, and that
 * the drills passed. What does not hold is a finding: where, and a sentence with
 * both sides.
 *
 * Contract
 *   Threads  one.
 *   Memory   findings lie in the struct; more than CLI_FINDINGS_MAX are counted.
 */
#ifndef CLI_REPORT_CHECK_H
#define CLI_REPORT_CHECK_H

#include "hvcore/wire/messages.h"

#define CLI_FINDINGS_MAX 64 /* a screen and a half: more tell nothing new */

struct cli_finding {
	char where[64];
	char text[256];
};

struct cli_findings {
	unsigned count; /* all of them */
	struct cli_finding rows[CLI_FINDINGS_MAX];
};

/* `drills` of a reply may be none: then nothing is said about them. */
void cli_report_check(struct cli_findings *findings, const Tarn__StatusReply *status,
		      Tarn__DrillRecord *const *drills, size_t drill_count);

#endif
