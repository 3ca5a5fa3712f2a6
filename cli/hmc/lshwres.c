/* lshwres, lsmemdev - memory, processors, the memory pool, devices to page to. */
#include "cli/hmc/commands.h"
#include "cli/hmc/show.h"

#include <string.h>

#include "hvcore/base/units.h"
#include "hvcore/reserve/reserve.h"

#define MIB_MAX (HV_LPAR_BYTES_MAX / HMC_MIB)

/* --maxmem's list and --hptratio, into the row. */
static enum hv_code take_question(struct hmc *hmc, struct hmc_row *row,
				  struct hv_err *err)
{
	const char *ratio = hmc_text(hmc, "hptratio");
	char element[HMC_ELEMENT_BYTES];
	uint64_t number = 0;
	bool is_bad = false;
	const char *at = hmc_text(hmc, "maxmem");

	row->asked = at;
	while (at != NULL && hmc_list_next(&at, element, &is_bad))
		if (hv_u64_parse(element, MIB_MAX, &number, NULL) != HV_OK ||
		    number == 0 || number * HMC_MIB % hmc_block_bytes(row->system) != 0)
			return hmc_fail(err, HMC_INVALID_VALUE, element, "--maxmem",
					"a multiple of the memory region size in MB");
	if (ratio == NULL)
		return HV_OK;
	if (strncmp(ratio, "1:", 2) != 0 ||
	    hv_u64_parse(ratio + 2, HV_HPT_RATIO_MAX, &number, NULL) != HV_OK ||
	    !hv_hpt_ratio_is_valid((uint32_t)number))
		return hmc_fail(err, HMC_INVALID_VALUE, ratio, "--hptratio",
				"1:32, 1:64, 1:128, 1:256 or 1:512");
	row->hpt_ratio = (uint32_t)number;
	return HV_OK;
}

enum level { LEVEL_SYS, LEVEL_LPAR, LEVEL_POOL };

static enum hv_code list_memory(struct hmc *hmc, const struct hmc_system *system,
				struct hv_err *err)
{
	static const char *const levels[] = { "sys", "lpar", NULL };
	struct hmc_row row = { .system = system, .host = system->host };
	unsigned level;
	enum hv_code code = hmc_choice(hmc, "level", levels, &level, err);

	if (code == HV_OK && hmc_has(hmc, "stat") && level != LEVEL_LPAR)
		return hmc_usage(hmc, err, "This option needs --level lpar:", "--stat");
	if (code == HV_OK && level == LEVEL_LPAR)
		return hmc_list_partitions(
			hmc,
			&(struct hmc_rows){ hmc_has(hmc, "stat") ? hmc_show_lpar_stat
								 : hmc_show_lpar_mem,
					    hmc_filter_lpar },
			system, err);
	if (code == HV_OK)
		code = take_question(hmc, &row, err);
	return code == HV_OK
		       ? hmc_list_one(hmc, &(struct hmc_rows){ hmc_show_sys_mem, NULL },
				      &row, err)
		       : code;
}

static enum hv_code list_processors(struct hmc *hmc, const struct hmc_system *system,
				    struct hv_err *err)
{
	static const char *const levels[] = { "sys", "lpar", "pool", NULL };
	struct hmc_row row = { .system = system, .host = system->host };
	unsigned level;
	enum hv_code code = hmc_choice(hmc, "level", levels, &level, err);

	if (code != HV_OK)
		return code;
	if (hmc_has(hmc, "stat") && level != LEVEL_LPAR)
		return hmc_usage(hmc, err, "This option needs --level lpar:", "--stat");
	if (level == LEVEL_LPAR)
		return hmc_list_partitions(
			hmc,
			&(struct hmc_rows){ hmc_has(hmc, "stat") ? hmc_show_lpar_proc_stat
								 : hmc_show_lpar_proc,
					    hmc_filter_lpar },
			system, err);
	return hmc_list_one(hmc,
			    &(struct hmc_rows){ level == LEVEL_SYS ? hmc_show_sys_proc
								   : hmc_show_pool_proc,
						NULL },
			    &row, err);
}

static enum hv_code list_pool(struct hmc *hmc, const struct hmc_system *system,
			      struct hv_err *err)
{
	static const struct hmc_rows rows = { hmc_show_pool, NULL };
	struct hmc_output output;
	enum hv_code code = hmc_output_start(hmc, &rows, &output, err);

	if (code == HV_OK && hmc_system_has_pool(system))
		hmc_list_add(&output.list,
			     &(struct hmc_row){ .system = system, .host = system->host });
	hmc_output_end(&output, code);
	return code;
}

struct bounds {
	uint64_t min_mib, max_mib;
	bool is_free;     /* only those that no partition has */
	const char *vios; /* that reaches them; NULL: any */
};

static bool is_within(const Tarn__DeviceView *device, const struct bounds *bounds)
{
	uint64_t mib = device->record->usable_bytes / HMC_MIB;

	const char *only = device->record->device->vios;

	if (bounds->is_free && strcmp(device->state, "Inactive") != 0)
		return false;
	if (bounds->vios != NULL && only != NULL && strcmp(bounds->vios, only) != 0)
		return false;
	return mib >= bounds->min_mib && mib <= bounds->max_mib;
}

static enum hv_code list_devices(struct hmc *hmc, const struct hmc_system *system,
				 const struct hmc_rows *rows, const struct bounds *bounds,
				 struct hv_err *err)
{
	struct hmc_output output;
	enum hv_code code = hmc_output_start(hmc, rows, &output, err);

	for (size_t i = 0; code == HV_OK && i < system->status->n_devices; i++) {
		struct hmc_row row = { .system = system,
				       .host = system->host,
				       .device = system->status->devices[i] };

		if (is_within(row.device, bounds))
			hmc_list_add(&output.list, &row);
	}
	hmc_output_end(&output, code);
	return code;
}

static enum hv_code list_pool_devices(struct hmc *hmc, const struct hmc_system *system,
				      struct hv_err *err)
{
	static const char *const kinds[] = { "pgdev", NULL };
	static const struct hmc_rows rows = { hmc_show_pgdev, hmc_filter_lpar };
	static const struct bounds all = { .max_mib = UINT64_MAX };
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "rsubtype", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	if (!hmc_system_has_pool(system))
		return hmc_fail(err, HMC_NO_POOL, system->name, NULL, NULL);
	return list_devices(hmc, system, &rows, &all, err);
}

/* What a lab has none of, and with -R what must be recovered: nothing. */
static enum hv_code list_nothing(struct hmc *hmc)
{
	(void)fputs("No results were found.\n", hmc->cli->out);
	return HV_OK;
}

enum kind { KIND_MEM, KIND_PROC, KIND_MEMPOOL, KIND_PROCPOOL };

static enum hv_code list(struct hmc *hmc, const struct hmc_system *system, unsigned kind,
			 struct hv_err *err)
{
	if (kind > KIND_PROCPOOL || hmc_has(hmc, "R"))
		return list_nothing(hmc);
	if (kind == KIND_MEMPOOL)
		return hmc_has(hmc, "rsubtype") ? list_pool_devices(hmc, system, err)
						: list_pool(hmc, system, err);
	if (kind == KIND_PROCPOOL)
		return hmc_list_one(
			hmc, &(struct hmc_rows){ hmc_show_procpool, NULL },
			&(struct hmc_row){ .system = system, .host = system->host }, err);
	if (!hmc_has(hmc, "level"))
		return hmc_usage(hmc, err, "A required option is missing:", "--level");
	return kind == KIND_MEM ? list_memory(hmc, system, err)
				: list_processors(hmc, system, err);
}

static Tarn__LparDetail detail_of(const struct hmc *hmc, unsigned kind)
{
	const char *level = hmc_text(hmc, "level");

	if (kind == KIND_PROC || kind == KIND_PROCPOOL)
		return TARN__LPAR_DETAIL__LPAR_DETAIL_PROFILES;
	if (kind == KIND_MEMPOOL || (level != NULL && strcmp(level, "lpar") == 0))
		return TARN__LPAR_DETAIL__LPAR_DETAIL_PLAIN;
	return TARN__LPAR_DETAIL__LPAR_DETAIL_NONE;
}

enum hv_code hmc_lshwres(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "mem",       "proc", "mempool", "procpool",
					     "virtualio", "io",   "rspool",  "hca",
					     "sriov",     "sni",  NULL };
	struct hmc_system system;
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	hmc->detail = detail_of(hmc, kind);
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = list(hmc, &system, kind, err);
	hmc_system_fini(&system);
	return code;
}

static enum hv_code check_vios(const struct hmc_system *system, const char *name,
			       struct hv_err *err)
{
	const Tarn__HostRecord *host = system->host->record;

	if (name == NULL)
		return HV_OK;
	for (size_t i = 0; i < host->n_vios; i++)
		if (strcmp(host->vios[i]->name, name) == 0)
			return HV_OK;
	return hmc_fail(err, HMC_NO_PARTITION, name, system->name, NULL);
}

enum hv_code hmc_lsmemdev(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "avail", NULL };
	static const struct hmc_filter_name filters[] = {
		{ "types", "type" }, { "redundant", "redundant_capable" }, { 0 }
	};
	static const struct hmc_rows rows = { hmc_show_device, filters };
	struct bounds bounds = { .is_free = true, .vios = hmc_text(hmc, "p") };
	struct hmc_system system;
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code == HV_OK)
		code = hmc_number(hmc, "min", MIB_MAX, 0, &bounds.min_mib, err);
	if (code == HV_OK)
		code = hmc_number(hmc, "max", MIB_MAX, MIB_MAX, &bounds.max_mib, err);
	if (code != HV_OK)
		return code;
	hmc->detail = TARN__LPAR_DETAIL__LPAR_DETAIL_NONE;
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = check_vios(&system, bounds.vios, err);
	if (code == HV_OK)
		code = list_devices(hmc, &system, &rows, &bounds, err);
	hmc_system_fini(&system);
	return code;
}
