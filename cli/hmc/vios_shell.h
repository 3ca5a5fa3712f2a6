/*
 * vios_shell - the commands of a VIOS that viosrvcmd can run: what it knows of its
 * paging devices, in the forms of a VIOS (lsdev, lspv, lsmap -ams, prepdev).
 *
 * Contract
 *   Threads  one.
 *   Memory   all is lent.
 *   Errors   messages of errors.h, after nothing was printed.
 */
#ifndef CLI_HMC_VIOS_SHELL_H
#define CLI_HMC_VIOS_SHELL_H

#include "cli/hmc/vios_list.h"

HV_MUST_USE
enum hv_code hmc_vios_run(const struct hmc_vios *vios, const char *line,
			  struct hv_err *err);

#endif
