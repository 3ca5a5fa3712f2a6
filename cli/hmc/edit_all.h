/*
 * edit_all - profiles with all_resources=1: their memory and processors are derived.
 *
 * Threads: one. Memory: as of edit.h. Errors: messages of errors.h, NOMEM.
 */
#ifndef CLI_HMC_EDIT_ALL_H
#define CLI_HMC_EDIT_ALL_H

#include "cli/hmc/edit.h"

/* An attribute that such a profile has itself, and nobody enters. */
bool hmc_is_derived(const char *name);
bool hmc_has_all_resources(const Tarn__LparProfile *profile);

/* Fills what is derived in; BAD_RECORD where some of it was entered. */
HV_MUST_USE
enum hv_code hmc_edit_derive(struct hmc_edit *edit, struct hv_err *err);
/* Takes it out: it must be entered then, or derived again. */
void hmc_edit_forget(struct hmc_edit *edit);

#endif
