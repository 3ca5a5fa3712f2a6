/* viosrvcmd - a command for a VIOS that serves. */
#include "cli/figures.h"
#include "cli/hmc/commands.h"
#include "cli/hmc/vios_shell.h"

#include <string.h>

static enum hv_code fail_not_running(struct hv_err *err)
{
	return hmc_fail(err, HMC_VIOS_COMMAND,
			"the Virtual I/O Server partition is not running", NULL, NULL);
}

static enum hv_code find_vios(const struct hmc_system *system, const char *name,
			      size_t *ret_index, struct hv_err *err)
{
	const Tarn__HostRecord *host = system->host->record;

	for (size_t i = 0; i < host->n_vios; i++) {
		if (strcmp(host->vios[i]->name, name) != 0)
			continue;
		*ret_index = i;
		return HV_OK;
	}
	for (size_t i = 0; i < host->n_other_vios; i++)
		if (strcmp(host->other_vios[i]->name, name) == 0)
			return fail_not_running(err); /* whatever it did before */
	return hmc_fail(err, HMC_NO_PARTITION, name, system->name, NULL);
}

/* As an HMC: only a partition that runs can be asked. */
static enum hv_code check_serves(const struct hmc_system *system, const char *name,
				 struct hv_err *err)
{
	const Tarn__ViosStat *stat = cli_find_vios(system->host, name);

	if (system->host->connected && stat != NULL &&
	    (stat->state == TARN__VIOS_STATE__VIOS_STANDBY ||
	     stat->state == TARN__VIOS_STATE__VIOS_ACTIVE))
		return HV_OK;
	return fail_not_running(err);
}

enum hv_code hmc_viosrvcmd(struct hmc *hmc, struct hv_err *err)
{
	const char *name = hmc_text(hmc, "p"), *id = hmc_text(hmc, "id");
	struct hmc_system system;
	struct hmc_vios vios = { .system = &system, .out = hmc->cli->out };
	enum hv_code code;

	if ((name == NULL) == (id == NULL))
		return hmc_usage(hmc, err, "Enter one of these options:", "-p or --id");
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK && name == NULL) /* a paging VIOS has none */
		code = hmc_fail(err, HMC_NO_PARTITION_ID, id, system.name, NULL);
	if (code == HV_OK)
		code = find_vios(&system, name, &vios.index, err);
	if (code == HV_OK)
		code = check_serves(&system, name, err);
	if (code == HV_OK)
		code = hmc_vios_run(&vios, hmc_text(hmc, "c"), err);
	hmc_system_fini(&system);
	return code;
}
