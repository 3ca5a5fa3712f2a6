/*
 * vterm - standard input and output as the console of an open session, until it ends.
 *
 *   stdin --tilde--> input, until it is taken ----exchange----> coordinator
 *   stdout <--------- output, each byte once <----(held)-------
 *
 * One exchange is with the coordinator all the time, held until there is output; input
 * goes in a second one at once. A terminal is made raw, and restored at the end. Where
 * input ends the session is left once nothing was said for VTERM_QUIET_MS.
 *
 * Contract
 *   Threads  one; it has a loop of its own.
 *   Errors   OK the user has left, or his partition's `exit`; GONE it ended otherwise,
 *            the text says why; IO standard output is broken.
 */
#ifndef CLI_VTERM_H
#define CLI_VTERM_H

#include "cli/cli.h"

#define VTERM_QUIET_MS 1500 /* more than the time to say "waiting for the page" */
#define VTERM_LOST_MS 15000 /* no answer for so long */

HV_MUST_USE
enum hv_code cli_vterm_converse(struct cli_world *world, const char *url,
				const uint8_t *session, struct hv_err *err);

#endif
