/*
 * lslparmigr, migrlpar - what there is for moving a partition to another system. None
 * moves yet: it is told what another system would say to it, and why it stays.
 */
#include "cli/hmc/commands.h"
#include "cli/hmc/show.h"

#include <string.h>

#include "hvcore/base/units.h"

#define REASON_BYTES 1024
#define TRIAL_NAME "migrlpar." /* of nobody: a number follows */

static const struct hmc_row *row_of(const void *object)
{
	return object;
}

static void show_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%s", row_of(object)->lpar->record->spec->name);
}

static void show_id(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%u", row_of(object)->lpar->record->lpar_id);
}

/* clang-format off */
#define FIXED(name_, text_) { .name = (name_), .show = hmc_show_text, .text = (text_) }
static const struct hmc_attribute show_system[] = {
	FIXED("inactive_lpar_mobility_capable", "0"),
	FIXED("num_inactive_migrations_supported", "0"),
	FIXED("num_inactive_migrations_in_progress", "0"),
	FIXED("active_lpar_mobility_capable", "0"),
	FIXED("num_active_migrations_supported", "0"),
	FIXED("num_active_migrations_in_progress", "0"),
	{ 0 },
};
static const struct hmc_attribute show_manager[] = {
	FIXED("remote_lpar_mobility_capable", "0"),
	{ 0 },
};
static const struct hmc_attribute show_partition[] = {
	{ .name = "name", .show = show_name },
	{ .name = "lpar_id", .show = show_id },
	FIXED("migration_state", "Not Migrating"),
	{ 0 },
};
static const struct hmc_filter_name partition_filters[] = { { "lpar_names", "name" },
							    { "lpar_ids", "lpar_id" },
							    { 0 } };
static const struct hmc_rows manager_rows = { show_manager, NULL };
static const struct hmc_rows system_rows = { show_system, NULL };
static const struct hmc_rows partition_rows = { show_partition, partition_filters };
/* clang-format on */

/* Of the other system: free devices, or its pool. */
static enum hv_code list_target(struct hmc *hmc, bool is_devices, struct hv_err *err)
{
	const struct hmc_rows rows = { is_devices ? hmc_show_pgdev : hmc_show_pool,
				       NULL };
	struct hmc_system target;
	struct hmc_output output;
	enum hv_code code;

	if (hmc_text(hmc, "t") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-t");
	code = hmc_system_open(hmc, hmc_text(hmc, "t"), &target, err);
	if (code == HV_OK) {
		struct hmc_row row = { .system = &target, .host = target.host };

		code = hmc_output_start(hmc, &rows, &output, err);
		for (size_t i = 0;
		     code == HV_OK && is_devices && i < target.status->n_devices; i++) {
			row.device = target.status->devices[i];
			if (strcmp(row.device->state, "Inactive") == 0)
				hmc_list_add(&output.list, &row);
		}
		if (code == HV_OK && !is_devices && row.host->record->pool != NULL)
			hmc_list_add(&output.list, &row);
		hmc_output_end(&output, code);
	}
	hmc_system_fini(&target);
	return code;
}

enum kind { SYS, LPAR, MANAGER, MEMPOOL, PGDEV, MSP, PROCPOOL, VIRTUALIO };

static enum hv_code list(struct hmc *hmc, enum kind kind, struct hv_err *err)
{
	const struct hmc_row none = { 0 };
	struct hmc_system system;
	enum hv_code code;

	if (kind == MANAGER)
		return hmc_list_one(hmc, &manager_rows, &none, err);
	if (hmc_text(hmc, "m") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-m");
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK && kind == SYS)
		code = hmc_list_one(hmc, &system_rows, &none, err);
	else if (code == HV_OK && kind == LPAR)
		code = hmc_list_partitions(hmc, &partition_rows, &system, err);
	else if (code == HV_OK && (kind == MEMPOOL || kind == PGDEV))
		code = list_target(hmc, kind == PGDEV, err);
	else if (code == HV_OK) /* nobody could move it */
		(void)fputs("No results were found.\n", hmc->cli->out);
	hmc_system_fini(&system);
	return code;
}

enum hv_code hmc_lslparmigr(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "sys",      "lpar",      "manager",
					     "mempool",  "pgdev",     "msp",
					     "procpool", "virtualio", NULL };
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	return code == HV_OK ? list(hmc, (enum kind)kind, err) : code;
}

/* A name that no partition of the cluster has: the trial is of one that is not there. */
static enum hv_code choose_name(struct hmc *hmc, char name[HV_NAME_BYTES],
				struct hv_err *err)
{
	struct hmc_system all;
	size_t count = 0;
	enum hv_code code = hmc_system_open_all(hmc, &all, err);

	for (size_t i = 0; code == HV_OK && i < all.status->n_lpars; i++)
		count += strncmp(all.status->lpars[i]->record->spec->name, TRIAL_NAME,
				 sizeof(TRIAL_NAME) - 1) == 0;
	for (size_t number = 0; code == HV_OK && number <= count; number++) {
		bool is_taken = false;

		(void)snprintf(name, HV_NAME_BYTES, TRIAL_NAME "%zu", number);
		for (size_t i = 0; i < all.status->n_lpars; i++)
			is_taken |= strcmp(all.status->lpars[i]->record->spec->name,
					   name) == 0;
		if (!is_taken)
			break;
	}
	hmc_system_fini(&all);
	return code;
}

/* What the other system says to the partition as it is defined. */
static enum hv_code try_target(struct hmc *hmc, const Tarn__LparView *lpar,
			       const struct hmc_system *target, char reason[REASON_BYTES],
			       struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparCreate create = TARN__LPAR_CREATE__INIT;
	Tarn__LparSpec spec = *lpar->record->spec;
	Tarn__ClusterReply *reply;
	char name[HV_NAME_BYTES] = "";
	enum hv_code code = choose_name(hmc, name, err);

	if (code != HV_OK)
		return code;
	spec.name = name;
	create.spec = &spec;
	create.host = (char *)target->name; /* only encoded */
	create.has_dry_run = create.dry_run = true;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &create;
	code = cli_ask(hmc->cli, &request, &reply, err);
	if (code == HV_OK && reply->placement != NULL && reply->placement->host != NULL) {
		(void)snprintf(reason, REASON_BYTES, "It would fit there");
	} else if (code == HV_OK && reply->placement != NULL) {
		(void)snprintf(reason, REASON_BYTES, "It would not fit there: %.900s",
			       reply->placement->text);
	} else if (code == HV_E_LIMIT || code == HV_E_STATE) {
		(void)snprintf(reason, REASON_BYTES, "It would not fit there: %.900s",
			       hv_err_text(err));
		return HV_OK;
	}
	if (code == HV_OK)
		tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static enum hv_code refuse(struct hmc *hmc, const struct hmc_system *system, bool is_try,
			   struct hv_err *err)
{
	char reason[REASON_BYTES] = "Create it there and remove it here instead";
	const Tarn__LparView *lpar;
	struct hmc_system target;
	enum hv_code code = hmc_partition_find(system, hmc_text(hmc, "p"),
					       hmc_text(hmc, "id"), &lpar, err);

	if (code != HV_OK)
		return code;
	code = hmc_system_open(hmc, hmc_text(hmc, "t"), &target, err);
	if (code == HV_OK && strcmp(target.name, system->name) == 0)
		code = hmc_fail(err, HMC_INVALID_VALUE, target.name, "-t",
				"another system than that of -m");
	if (code == HV_OK && is_try)
		code = try_target(hmc, lpar, &target, reason, err);
	if (code == HV_OK)
		code = hmc_fail(err, HMC_NO_MIGRATION, lpar->record->spec->name,
				target.name, reason);
	hmc_system_fini(&target);
	return code;
}

enum hv_code hmc_migrlpar(struct hmc *hmc, struct hv_err *err)
{
	enum { VALIDATE, MIGRATE, STOP, RECOVER };
	static const char *const operations[] = { "v", "m", "s", "r", NULL };
	struct hmc_system system;
	unsigned operation;
	enum hv_code code = hmc_choice(hmc, "o", operations, &operation, err);

	if (code != HV_OK)
		return code;
	if (hmc_has(hmc, "p") == hmc_has(hmc, "id"))
		return hmc_usage(hmc, err, "Enter one of these options:", "-p or --id");
	if (operation <= MIGRATE && !hmc_has(hmc, "t"))
		return hmc_usage(hmc, err, "A required option is missing:", "-t");
	if (hmc_has(hmc, "ip"))
		return hmc_fail(err, HMC_UNSUPPORTED, "Another management console",
				"Leave the --ip and -u options out.", NULL);
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK && operation >= STOP) {
		const Tarn__LparView *lpar;

		code = hmc_partition_find(&system, hmc_text(hmc, "p"),
					  hmc_text(hmc, "id"), &lpar, err);
		if (code == HV_OK)
			code = hmc_fail(err, HMC_STATE,
					"the partition is not being migrated", NULL,
					NULL);
	} else if (code == HV_OK) {
		code = refuse(hmc, &system, operation == VALIDATE, err);
	}
	hmc_system_fini(&system);
	return code;
}
