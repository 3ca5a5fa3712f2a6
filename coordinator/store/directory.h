/*
 * directory - the state directory: its version file, and that one process has it.
 *
 * Contract
 *   Threads  any.
 *   Errors   VERSION another version, REFUSED not a state directory (it holds other
 *            files), BUSY another coordinator has it, IO.
 */
#ifndef COORDINATOR_STORE_DIRECTORY_H
#define COORDINATOR_STORE_DIRECTORY_H

#include "hvcore/base/err.h"

/* Makes the directory where it is missing. The lock lasts until ret_fd is closed. */
HV_MUST_USE
enum hv_code directory_open(const char *path, int *ret_fd, struct hv_err *err);
HV_MUST_USE
enum hv_code directory_check(const char *path, struct hv_err *err);

#endif
