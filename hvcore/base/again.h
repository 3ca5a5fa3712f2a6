/*
 * again - this program is killed, and starts once more: for rehearsals.
 *
 * A helper of it, that has nothing of it but its standard descriptors and its pid file,
 * waits until it is gone, then as long as is asked for, and becomes the same program with
 * the same arguments. Until then the pid file names the helper: who ends the program by
 * it (SIGTERM will do) ends the helper, and nothing comes back.
 *
 * Contract
 *   Threads  any. The helper takes no lock and allocates nothing.
 *   Errors   OS: there is no helper, and nothing was ended.
 *   Time     does not return where it succeeds: SIGKILL.
 */
#ifndef HVCORE_BASE_AGAIN_H
#define HVCORE_BASE_AGAIN_H

#include "hvcore/base/err.h"

/* `arguments` as main() had them; `pid_file` of hv_pidfile_take(), or -1. */
HV_MUST_USE
enum hv_code hv_again(char *const arguments[], unsigned away_ms, int pid_file,
		      struct hv_err *err);

#endif
