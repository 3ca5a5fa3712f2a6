/*
 * access - what the task role of a user lets him do.
 *
 * The user is the one of TARN_HMC_USER, as tarn-hmcsh sets it; where it is not set the
 * commands are run by somebody who may talk to the coordinator anyway, a superadmin.
 * What role a user has is asked of the coordinator, once a command.
 *
 * Contract
 *   Threads  one.
 *   Errors   NO_AUTHORITY: the role may not, the user is disabled, has no access by
 *            ssh, or is not known.
 */
#ifndef CLI_HMC_ACCESS_H
#define CLI_HMC_ACCESS_H

#include "cli/cli.h"

#define HMC_USER_VARIABLE "TARN_HMC_USER"

/* A command that names none is a superadmin's. */
enum hmc_access {
	HMC_SUPERADMIN, /* users */
	HMC_ADMIN,      /* configuration: superadmin and product engineer */
	HMC_OPERATOR,   /* daily operation: these and the operator */
	HMC_ANYBODY     /* looking: these, the viewer and the service representative */
};

struct hmc;

/* Also from within a command, for what its row cannot tell. */
HV_MUST_USE
enum hv_code hmc_access_check(struct hmc *hmc, enum hmc_access access,
			      struct hv_err *err);

/* Can the role do it? */
bool hmc_access_is_given(Tarn__TaskRole role, enum hmc_access access);

#endif
