/*
 * console - a partition's console, from the command line: opened, used, closed.
 *
 * Contract
 *   Threads  one.
 *   Errors   open: BUSY somebody has it ("already open"), STATE the partition does not
 *            run, NOTFOUND, GONE, TIMEOUT the host does not answer. use: GONE it ended,
 *            and its user did not end it.
 *   Time     use blocks until the session is over.
 */
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include "cli/cli.h"

enum cli_console_kind { CLI_CONSOLE_PERSON, CLI_CONSOLE_DEBUGGER };

struct cli_console {
	uint8_t session[HV_KEY_BYTES];
};

HV_MUST_USE
enum hv_code cli_console_open(struct cli *cli, const char *lpar,
			      enum cli_console_kind kind, struct cli_console *ret_console,
			      struct hv_err *err);
/* Where that is not possible it closes itself soon. */
void cli_console_close(struct cli *cli, const struct cli_console *console);
/* Standard input and output are the console until it is left, and it is closed then. */
HV_MUST_USE
enum hv_code cli_console_use(struct cli *cli, const struct cli_console *console,
			     struct hv_err *err);
/* Whoever has it: closed; fine also where nobody has. */
HV_MUST_USE
enum hv_code cli_console_force(struct cli *cli, const char *lpar, struct hv_err *err);

#endif
