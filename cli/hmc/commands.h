/*
 * commands - the functions of the table in commands.c; one file a command or two.
 *
 * Threads: one.
 */
#ifndef CLI_HMC_COMMANDS_H
#define CLI_HMC_COMMANDS_H

#include "cli/hmc/hmc.h"

#define HMC_COMMAND(name) enum hv_code name(struct hmc *hmc, struct hv_err *err)
HMC_COMMAND(hmc_lssyscfg);
HMC_COMMAND(hmc_mksyscfg);
HMC_COMMAND(hmc_chsyscfg);
HMC_COMMAND(hmc_rmsyscfg);
HMC_COMMAND(hmc_chsysstate);
HMC_COMMAND(hmc_lshwres);
HMC_COMMAND(hmc_chhwres);
HMC_COMMAND(hmc_lsmemdev);
HMC_COMMAND(hmc_lshmc);
HMC_COMMAND(hmc_lssysconn);
HMC_COMMAND(hmc_lshmcusr);
HMC_COMMAND(hmc_mkhmcusr);
HMC_COMMAND(hmc_chhmcusr);
HMC_COMMAND(hmc_rmhmcusr);
HMC_COMMAND(hmc_lslparutil);
HMC_COMMAND(hmc_chlparutil);
HMC_COMMAND(hmc_lsled);
HMC_COMMAND(hmc_lsrefcode);
HMC_COMMAND(hmc_lssvcevents);
HMC_COMMAND(hmc_monhmc);
HMC_COMMAND(hmc_lslparmigr);
HMC_COMMAND(hmc_migrlpar);
HMC_COMMAND(hmc_viosrvcmd);
HMC_COMMAND(hmc_mkvterm);
HMC_COMMAND(hmc_rmvterm);
HMC_COMMAND(hmc_vtmenu);

#endif
