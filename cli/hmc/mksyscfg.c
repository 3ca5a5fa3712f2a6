/* mksyscfg - partitions with their first profile, and further profiles. */
#include "cli/hmc/commands.h"
#include "cli/hmc/edit.h"

#include <string.h>

#include "hvcore/base/units.h"

static enum hv_code check_new_name(const struct hmc_pair *pair, struct hv_err *err)
{
	if (hv_name_is_valid(pair->value))
		return HV_OK;
	return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
			"1 to 31 letters, digits, -, _ or ., a letter or digit first");
}

/* The attributes of the partition itself, in the request. */
struct partition {
	Tarn__LparCreate create;
	Tarn__LparSpec spec;
	Tarn__Workload workload;
	Tarn__LparAttribute attributes[HV_LPAR_ATTRIBUTES_MAX];
	Tarn__LparAttribute *list[HV_LPAR_ATTRIBUTES_MAX];
	struct hmc_edit edit;
};

static enum hv_code take_id(struct partition *made, const struct hmc_pair *pair,
			    struct hv_err *err)
{
	uint64_t id = 0;

	if (hv_u64_parse(pair->value, HV_LPAR_ID_MAX, &id, NULL) != HV_OK || id == 0)
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				"1 to 65535");
	made->create.has_lpar_id = true;
	made->create.lpar_id = (uint32_t)id;
	return HV_OK;
}

static enum hv_code take_own(struct partition *made, const struct hmc_pair *pair,
			     const struct hv_lpar_attribute *row, struct hv_err *err)
{
	Tarn__LparAttribute *place = &made->attributes[made->create.n_attributes];

	if (!hv_lpar_attribute_takes(row, pair->value))
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				row->valid);
	tarn__lpar_attribute__init(place);
	place->name = (char *)row->name;
	place->value = (char *)pair->value;
	made->list[made->create.n_attributes++] = place;
	return HV_OK;
}

/* Some attributes are the partition's and the profile's at once: both get them. */
static enum hv_code take_pair(struct partition *made, const struct hmc_pair *pair,
			      struct hv_err *err)
{
	const struct hv_lpar_attribute *row = hv_lpar_attribute_find(HV_SCOPE_LPAR,
								     pair->name);
	bool is_profiles = hmc_edit_knows(pair->name);
	enum hv_code code = HV_OK;

	if (pair->op != HMC_SET)
		return hmc_fail(err, HMC_READ_ONLY, pair->name, NULL, NULL);
	if (strcmp(pair->name, "name") == 0 || strcmp(pair->name, "profile_name") == 0)
		return check_new_name(pair, err);
	if (strcmp(pair->name, "lpar_id") == 0)
		return take_id(made, pair, err);
	if (strcmp(pair->name, "lpar_env") == 0 && strcmp(pair->value, "vioserver") == 0)
		return hmc_fail(err, HMC_UNSUPPORTED,
				"Creating a Virtual I/O Server partition",
				"Every managed system has two, vios1 and vios2.", NULL);
	if (row != NULL)
		code = take_own(made, pair, row, err);
	if (code == HV_OK && (is_profiles || row == NULL))
		code = hmc_edit_apply(&made->edit, pair, err);
	return code;
}

static enum hv_code take_record(struct partition *made, const struct hmc_record *record,
				struct hv_err *err)
{
	const char *name, *profile, *env;
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < record->count && code == HV_OK; i++)
		code = take_pair(made, &record->pairs[i], err);
	if (code == HV_OK)
		code = hmc_need_value(record, "name", &name, err);
	if (code == HV_OK)
		code = hmc_need_value(record, "profile_name", &profile, err);
	if (code == HV_OK)
		code = hmc_need_value(record, "lpar_env", &env, err);
	if (code != HV_OK)
		return code;
	made->spec.name = (char *)name; /* only encoded */
	made->edit.profile.name = (char *)profile;
	return hmc_edit_finish(&made->edit, err);
}

static enum hv_code check_free(const struct hmc_order *order,
			       const struct partition *made, struct hv_err *err)
{
	const struct hmc_system *system = order->system;
	char id[16];

	if (made->edit.profile.mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
	    !hmc_system_has_pool(system))
		return hmc_fail(err, HMC_NO_POOL, system->name, NULL, NULL);
	(void)snprintf(id, sizeof(id), "%u", made->create.lpar_id);
	for (size_t i = 0; i < system->status->n_lpars; i++) {
		const Tarn__LparRecord *record = system->status->lpars[i]->record;

		if (strcmp(record->spec->name, made->spec.name) == 0)
			return hmc_fail(err, HMC_PARTITION_EXISTS, made->spec.name,
					system->name, NULL);
		if (made->create.has_lpar_id && record->lpar_id == made->create.lpar_id)
			return hmc_fail(err, HMC_ID_EXISTS, id, system->name, NULL);
	}
	return HV_OK;
}

static enum hv_code make_partition(const struct hmc_order *order,
				   const struct hmc_record *record, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	struct partition made;
	enum hv_code code;

	tarn__lpar_create__init(&made.create);
	tarn__lpar_spec__init(&made.spec);
	tarn__workload__init(&made.workload);
	made.workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	made.spec.workload = &made.workload;
	hmc_edit_start(&made.edit, NULL, order->system, NULL);
	code = take_record(&made, record, err);
	if (code == HV_OK)
		code = check_free(order, &made, err);
	if (code == HV_OK && !order->is_trial) {
		hv_lpar_profile_apply(&made.edit.profile, &made.spec);
		made.create.spec = &made.spec;
		made.create.host = (char *)order->system->name;
		made.create.profile = &made.edit.profile;
		made.create.attributes = made.list;
		request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
		request.lpar_create = &made.create;
		code = hmc_change(order->hmc, &request, err);
	}
	hmc_edit_fini(&made.edit);
	return code;
}

static enum hv_code take_profile(struct hmc_edit *edit, const struct hmc_record *record,
				 struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < record->count && code == HV_OK; i++) {
		const struct hmc_pair *pair = &record->pairs[i];
		bool is_whose = false;

		if (pair->op != HMC_SET)
			return hmc_fail(err, HMC_READ_ONLY, pair->name, NULL, NULL);
		if (strcmp(pair->name, "name") == 0) {
			code = check_new_name(pair, err);
			continue;
		}
		code = hmc_take_whose(pair, edit->lpar, &is_whose, err);
		if (code == HV_OK && !is_whose)
			code = hmc_edit_apply(edit, pair, err);
	}
	return code == HV_OK ? hmc_edit_finish(edit, err) : code;
}

static enum hv_code make_profile(const struct hmc_order *order,
				 const struct hmc_record *record, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ProfileSet set = TARN__PROFILE_SET__INIT;
	const Tarn__LparProfile *old;
	const Tarn__LparView *lpar;
	struct hmc_edit edit;
	const char *name;
	enum hv_code code = hmc_record_partition(order->system, record, &lpar, err);

	if (code == HV_OK)
		code = hmc_need_value(record, "name", &name, err);
	if (code != HV_OK)
		return code;
	if (hmc_profile_find(lpar, name, &old, NULL) == HV_OK)
		return hmc_fail(err, HMC_PROFILE_EXISTS, name, lpar->record->spec->name,
				NULL);
	hmc_edit_start(&edit, NULL, order->system, lpar);
	edit.profile.name = (char *)name; /* only encoded */
	code = take_profile(&edit, record, err);
	if (code == HV_OK && !order->is_trial) {
		set.lpar = lpar->record->spec->name;
		set.profile = &edit.profile;
		request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
		request.profile_set = &set;
		code = hmc_change(order->hmc, &request, err);
	}
	hmc_edit_fini(&edit);
	return code;
}

enum hv_code hmc_mksyscfg(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "lpar", "prof", NULL };
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	if (kind == 0)
		hmc->detail = TARN__LPAR_DETAIL__LPAR_DETAIL_PLAIN;
	return hmc_records(hmc, kind == 0 ? make_partition : make_profile, err);
}
