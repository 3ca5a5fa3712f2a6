/* lssyscfg - systems, partitions and profiles. */
#include "cli/hmc/commands.h"
#include "cli/hmc/show.h"

#include <stdlib.h>

static const struct hmc_filter_name lpar_filters[] = { { "lpar_names", "name" },
						       { "lpar_ids", "lpar_id" },
						       { 0 } };
static const struct hmc_filter_name prof_filters[] = { { "lpar_names", "lpar_name" },
						       { "lpar_ids", "lpar_id" },
						       { "profile_names", "name" },
						       { 0 } };

static enum hv_code list_systems(struct hmc *hmc, struct hv_err *err)
{
	static const struct hmc_rows rows = { hmc_show_sys, NULL };
	const char *name = hmc_text(hmc, "m");
	struct hmc_system system;
	struct hmc_output output;
	enum hv_code code = name != NULL ? hmc_system_open(hmc, name, &system, err)
					 : hmc_system_open_all(hmc, &system, err);

	if (code == HV_OK) {
		code = hmc_output_start(hmc, &rows, &output, err);
		for (size_t i = 0; code == HV_OK && i < system.status->n_hosts; i++)
			hmc_list_add(
				&output.list,
				&(struct hmc_row){ .system = &system,
						   .host = system.status->hosts[i] });
		hmc_output_end(&output, code);
	}
	hmc_system_fini(&system);
	return code;
}

static void add_profiles(struct hmc_list *list, struct hmc_row *row)
{
	const Tarn__LparRecord *record = row->lpar->record;

	for (size_t i = 0; i < record->n_profiles; i++) {
		row->profile = record->profiles[i];
		hmc_list_add(list, row);
	}
}

static enum hv_code list_partitions(struct hmc *hmc, bool is_profiles, struct hv_err *err)
{
	const struct hmc_rows rows = { is_profiles ? hmc_show_prof : hmc_show_lpar,
				       is_profiles ? prof_filters : lpar_filters };
	struct hmc_partitions partitions = { 0 };
	struct hmc_system system;
	struct hmc_output output;
	enum hv_code code;

	if (hmc_text(hmc, "m") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-m");
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = hmc_partitions_take(&system, &partitions, err);
	if (code == HV_OK) {
		code = hmc_output_start(hmc, &rows, &output, err);
		for (size_t i = 0; code == HV_OK && i < partitions.count; i++) {
			struct hmc_row row = { .system = &system,
					       .host = system.host,
					       .lpar = partitions.lpars[i] };

			if (is_profiles)
				add_profiles(&output.list, &row);
			else
				hmc_list_add(&output.list, &row);
		}
		hmc_output_end(&output, code);
	}
	free(partitions.lpars);
	hmc_system_fini(&system);
	return code;
}

/* Where there is none of a kind, an HMC says so after it found the system. */
static enum hv_code list_nothing(struct hmc *hmc, struct hv_err *err)
{
	const char *name = hmc_text(hmc, "m");
	struct hmc_system system = { 0 };
	enum hv_code code = HV_OK;

	if (name != NULL)
		code = hmc_system_open(hmc, name, &system, err);
	if (code == HV_OK)
		(void)fputs("No results were found.\n", hmc->cli->out);
	hmc_system_fini(&system);
	return code;
}

enum hv_code hmc_lssyscfg(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "sys",   "lpar", "prof", "sysprof",
					     "frame", "cage", NULL };
	static const Tarn__LparDetail details[] = {
		TARN__LPAR_DETAIL__LPAR_DETAIL_NONE,
		TARN__LPAR_DETAIL__LPAR_DETAIL_ATTRIBUTES,
		TARN__LPAR_DETAIL__LPAR_DETAIL_PROFILES,
		TARN__LPAR_DETAIL__LPAR_DETAIL_NONE,
		TARN__LPAR_DETAIL__LPAR_DETAIL_NONE,
		TARN__LPAR_DETAIL__LPAR_DETAIL_NONE,
	};
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	hmc->detail = details[kind];
	if (kind == 0)
		return list_systems(hmc, err);
	return kind <= 2 ? list_partitions(hmc, kind == 2, err) : list_nothing(hmc, err);
}
