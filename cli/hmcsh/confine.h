/*
 * confine - what the kernel holds the shell and its children to, whatever goes wrong in
 * them: Landlock for files, seccomp for system calls, limits for the rest.
 *
 *   the shell        reads the system's libraries, the settings of its resolver and
 *                    clock, and /proc; runs the programs that are given here; no other
 *                    file is read, none is written
 *   an HMC command   of /proc only what monhmc shows; only itself to run
 *   a filter         libraries and clock, only itself to run; no network, no process, no
 *                    signal, no more memory and time than a filter needs
 *
 * It is kept for good and by all children. Where the kernel cannot do it the shell does
 * not start: a restricted shell that only asks nicely is none.
 *
 * Contract
 *   Threads  one, before others are started.
 *   Errors   OS: the kernel refuses; the text says what it lacks.
 */
#ifndef CLI_HMCSH_CONFINE_H
#define CLI_HMCSH_CONFINE_H

#include "hvcore/base/err.h"

/* `programs` ends with NULL; those that do not exist are left out. */
HV_MUST_USE
enum hv_code hmcsh_confine_shell(const char *const *programs, struct hv_err *err);

/* In the child that becomes the HMC command. */
HV_MUST_USE
enum hv_code hmcsh_confine_command(const char *program, struct hv_err *err);

/* In the child that becomes the filter. */
HV_MUST_USE
enum hv_code hmcsh_confine_filter(const char *program, struct hv_err *err);

#endif
