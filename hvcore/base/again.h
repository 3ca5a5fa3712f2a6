/*
 * again - this program is killed, and starts once more: for rehearsals.
 *
 * A helper of it, that has nothing of it but its standard descriptors, waits until it
 * is gone, then as long as is asked for, and becomes the same program with the same
 * arguments.
 *
 * Contract
 *   Threads  any. The helper makes only calls that are safe after fork.
 *   Errors   OS: there is no helper, and nothing was ended.
 *   Time     does not return where it succeeds: SIGKILL.
 */
#ifndef HVCORE_BASE_AGAIN_H
#define HVCORE_BASE_AGAIN_H

#include "hvcore/base/err.h"

/* `arguments` as main() had them. */
HV_MUST_USE
enum hv_code hv_again(char *const arguments[], unsigned away_ms, struct hv_err *err);

#endif
