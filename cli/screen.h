/*
 * screen - a live view (live.h) on the terminal of standard input and output, until it
 * is left or ended.
 *
 *   timer --> ask --> coordinator --answer--> take --> draw
 *   a key, another size --------------------------------^
 *
 * The terminal gets plain ANSI sequences: its other screen while the view is there, and
 * only lines that have changed. It is put back as it was, also by SIGINT, SIGTERM,
 * SIGHUP and SIGQUIT, whatever the coordinator does meanwhile.
 *
 * Contract
 *   Threads  one; it has a loop of its own.
 *   Errors   REFUSED where there is no terminal, or one that only prints; IO it broke.
 */
#ifndef CLI_SCREEN_H
#define CLI_SCREEN_H

#include "cli/cli.h"

HV_MUST_USE
enum hv_code cli_screen_run(struct cli_world *world, const char *url,
			    struct cli_live *live, struct hv_err *err);

#endif
