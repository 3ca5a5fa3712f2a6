/* chsysstate - partitions are activated and shut down. */
#include "cli/hmc/commands.h"
#include "cli/hmc/system.h"

#include <string.h>

#include "hvcore/wire/io.h"

enum operation { ON, OFF, SHUTDOWN, OS_SHUTDOWN };

/*
 * A shared partition has its I/O through virtual adapters alone; a QEMU guest through
 * those of its QEMU. A profile without any attribute was not made here and says nothing
 * of adapters.
 */
static enum hv_code check_adapter(const Tarn__LparView *lpar,
				  const Tarn__LparProfile *profile, struct hv_err *err)
{
	if (profile->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED ||
	    lpar->record->spec->guest != NULL || profile->n_attributes == 0 ||
	    profile->virtual_adapters > HV_SERIAL_ADAPTERS)
		return HV_OK;
	return hmc_fail(err, HMC_NO_ADAPTER, lpar->record->spec->name, NULL, NULL);
}

static enum hv_code check_profile(const struct hmc_system *system,
				  const Tarn__LparView *lpar,
				  const Tarn__LparProfile *profile, struct hv_err *err)
{
	if (profile->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
	    !hmc_system_has_pool(system))
		return hmc_fail(err, HMC_NO_POOL, system->name, NULL, NULL);
	return check_adapter(lpar, profile, err);
}

static enum hv_code activate(struct hmc *hmc, const struct hmc_system *system,
			     const Tarn__LparView *lpar, const char *name,
			     struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparActivate message = TARN__LPAR_ACTIVATE__INIT;
	const Tarn__LparRecord *record = lpar->record;
	const Tarn__LparProfile *profile;
	const char *used = name;
	enum hv_code code = HV_OK;

	if (used == NULL)
		used = record->curr_profile != NULL ? record->curr_profile
						    : record->default_profile;
	if (used != NULL && hmc_profile_find(lpar, used, &profile, err) == HV_OK)
		code = check_profile(system, lpar, profile, err);
	else if (name != NULL)
		return hmc_profile_find(lpar, name, &profile, err);
	if (code != HV_OK)
		return code;
	message.name = record->spec->name;
	message.profile = (char *)name; /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE;
	request.lpar_activate = &message;
	return hmc_change(hmc, &request, err);
}

static enum hv_code shut_down(struct hmc *hmc, const Tarn__LparView *lpar,
			      bool is_immediate, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparShutdown message = TARN__LPAR_SHUTDOWN__INIT;

	message.name = lpar->record->spec->name;
	message.has_immediate = true;
	message.immediate = is_immediate;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SHUTDOWN;
	request.lpar_shutdown = &message;
	return hmc_change(hmc, &request, err);
}

static enum hv_code check_modes(const struct hmc *hmc, struct hv_err *err)
{
	const char *boot = hmc_text(hmc, "b"), *key = hmc_text(hmc, "k");

	if (boot != NULL && strcmp(boot, "norm") != 0)
		return hmc_fail(err, HMC_INVALID_VALUE, boot, "-b", "norm");
	if (key != NULL && strcmp(key, "norm") != 0)
		return hmc_fail(err, HMC_INVALID_VALUE, key, "-k", "norm");
	return HV_OK;
}

static enum hv_code change(struct hmc *hmc, const struct hmc_system *system,
			   enum operation operation, const Tarn__LparView *lpar,
			   struct hv_err *err)
{
	bool is_immediate = operation == OFF || hmc_has(hmc, "immed");
	enum hv_code code;

	if (operation == ON)
		return activate(hmc, system, lpar, hmc_text(hmc, "f"), err);
	code = shut_down(hmc, lpar, is_immediate, err);
	if (code == HV_OK && hmc_has(hmc, "restart"))
		code = activate(hmc, system, lpar, NULL, err);
	return code;
}

/* A host is on while its agent runs; that is not the console's to change. */
static enum hv_code change_system(struct hmc *hmc, struct hv_err *err)
{
	struct hmc_system system;
	enum hv_code code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);

	if (code == HV_OK)
		code = hmc_fail(err, HMC_UNSUPPORTED,
				"Changing the power state of a system",
				"Start or end the host's agent instead.", NULL);
	hmc_system_fini(&system);
	return code;
}

enum hv_code hmc_chsysstate(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "lpar", "sys", NULL };
	static const char *const operations[] = { "on", "off", "shutdown", "osshutdown",
						  NULL };
	const char *name = hmc_text(hmc, "n"), *id = hmc_text(hmc, "id");
	const Tarn__LparView *lpar;
	struct hmc_system system;
	unsigned kind, operation = 0;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code == HV_OK && kind == 1)
		return change_system(hmc, err);
	if (code == HV_OK)
		code = hmc_choice(hmc, "o", operations, &operation, err);
	if (code == HV_OK)
		code = check_modes(hmc, err);
	if (code != HV_OK)
		return code;
	if ((name == NULL) == (id == NULL))
		return hmc_usage(hmc, err, "Enter one of these options:", "-n or --id");
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = hmc_partition_find(&system, name, id, &lpar, err);
	if (code == HV_OK)
		code = change(hmc, &system, (enum operation)operation, lpar, err);
	hmc_system_fini(&system);
	return code;
}
