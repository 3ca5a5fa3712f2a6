/* chsyscfg, rmsyscfg - partitions and profiles changed, applied, and removed. */
#include "cli/hmc/commands.h"
#include "cli/hmc/edit.h"
#include "cli/hmc/show.h"

#include <string.h>

#include "hvcore/base/units.h"

struct change {
	Tarn__LparChange message;
	Tarn__LparAttribute attributes[HV_LPAR_ATTRIBUTES_MAX];
	Tarn__LparAttribute *list[HV_LPAR_ATTRIBUTES_MAX];
};

static enum hv_code take_name(const struct hmc_pair *pair,
			      const struct hmc_system *system, const Tarn__LparView *self,
			      struct hv_err *err)
{
	const Tarn__LparView *other;

	if (!hv_name_is_valid(pair->value))
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				"1 to 31 letters, digits, -, _ or ., a letter or digit "
				"first");
	if (hmc_partition_find(system, pair->value, NULL, &other, NULL) == HV_OK &&
	    other != self)
		return hmc_fail(err, HMC_PARTITION_EXISTS, pair->value, system->name,
				NULL);
	return HV_OK;
}

static enum hv_code take_attribute(struct change *change, const struct hmc_pair *pair,
				   struct hv_err *err)
{
	const struct hv_lpar_attribute *row = hv_lpar_attribute_find(HV_SCOPE_LPAR,
								     pair->name);
	Tarn__LparAttribute *place = &change->attributes[change->message.n_attributes];

	if (row == NULL)
		return hmc_fail(err, HMC_INVALID_ATTRIBUTE, pair->name, NULL, NULL);
	if (!hv_lpar_attribute_takes(row, pair->value))
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				row->valid);
	tarn__lpar_attribute__init(place);
	place->name = (char *)row->name;
	place->value = (char *)pair->value;
	change->list[change->message.n_attributes++] = place;
	return HV_OK;
}

static enum hv_code take_pair(const struct hmc_order *order, struct change *change,
			      const Tarn__LparView *lpar, const struct hmc_pair *pair,
			      struct hv_err *err)
{
	const Tarn__LparProfile *profile;
	enum hv_code code;

	if (pair->op != HMC_SET || strcmp(pair->name, "lpar_env") == 0)
		return hmc_fail(err, HMC_READ_ONLY, pair->name, NULL, NULL);
	if (strcmp(pair->name, "name") == 0 || strcmp(pair->name, "lpar_id") == 0)
		return HV_OK;
	if (strcmp(pair->name, "new_name") == 0) {
		code = take_name(pair, order->system, lpar, err);
		change->message.new_name = (char *)pair->value;
		return code;
	}
	if (strcmp(pair->name, "default_profile") == 0) {
		code = hmc_profile_find(lpar, pair->value, &profile, err);
		change->message.default_profile = (char *)pair->value;
		return code;
	}
	return take_attribute(change, pair, err);
}

static enum hv_code send_change(struct hmc *hmc, Tarn__LparChange *message,
				struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CHANGE;
	request.lpar_change = message;
	return hmc_change(hmc, &request, err);
}

static enum hv_code change_partition(const struct hmc_order *order,
				     const struct hmc_record *record, struct hv_err *err)
{
	const struct hmc_pair *name = hmc_record_find(record, "name");
	const struct hmc_pair *id = hmc_record_find(record, "lpar_id");
	const Tarn__LparView *lpar;
	struct change change;
	enum hv_code code;

	if (name == NULL && id == NULL)
		return hmc_fail(err, HMC_MISSING_ATTRIBUTE, "name", NULL, NULL);
	code = hmc_partition_find(order->system, name != NULL ? name->value : NULL,
				  id != NULL ? id->value : NULL, &lpar, err);
	if (code != HV_OK)
		return code;
	tarn__lpar_change__init(&change.message);
	change.message.name = lpar->record->spec->name;
	change.message.attributes = change.list;
	for (unsigned i = 0; i < record->count && code == HV_OK; i++)
		code = take_pair(order, &change, lpar, &record->pairs[i], err);
	if (code != HV_OK || order->is_trial)
		return code;
	return send_change(order->hmc, &change.message, err);
}

static enum hv_code edit_profile(struct hmc_edit *edit, const struct hmc_record *record,
				 struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < record->count && code == HV_OK; i++) {
		const struct hmc_pair *pair = &record->pairs[i];
		bool is_whose = false;

		if (strcmp(pair->name, "name") != 0)
			code = hmc_take_whose(pair, edit->lpar, &is_whose, err);
		if (code == HV_OK && !is_whose && strcmp(pair->name, "name") != 0)
			code = hmc_edit_apply(edit, pair, err);
	}
	return code == HV_OK ? hmc_edit_finish(edit, err) : code;
}

static enum hv_code change_profile(const struct hmc_order *order,
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
	if (code == HV_OK)
		code = hmc_profile_find(lpar, name, &old, err);
	if (code != HV_OK)
		return code;
	hmc_edit_start(&edit, old, order->system, lpar);
	code = edit_profile(&edit, record, err);
	if (code == HV_OK && !order->is_trial) {
		set.lpar = lpar->record->spec->name;
		set.profile = &edit.profile;
		set.was = (Tarn__LparProfile *)old; /* only encoded */
		request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
		request.profile_set = &set;
		code = hmc_change(order->hmc, &request, err);
	}
	hmc_edit_fini(&edit);
	return code;
}

/* -o apply: a profile becomes what the partition has, while it is off. */
static enum hv_code apply_profile(struct hmc *hmc, struct hv_err *err)
{
	static const char *const operations[] = { "apply", NULL };
	Tarn__LparChange message = TARN__LPAR_CHANGE__INIT;
	const char *profile = hmc_text(hmc, "n");
	const Tarn__LparProfile *found;
	const Tarn__LparView *lpar;
	struct hmc_system system;
	unsigned operation;
	enum hv_code code = hmc_choice(hmc, "o", operations, &operation, err);

	if (code != HV_OK)
		return code;
	if (hmc_text(hmc, "p") == NULL && hmc_text(hmc, "id") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-p or --id");
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = hmc_partition_find(&system, hmc_text(hmc, "p"),
					  hmc_text(hmc, "id"), &lpar, err);
	if (code == HV_OK && profile == NULL)
		profile = lpar->record->default_profile;
	if (code == HV_OK)
		code = hmc_profile_find(lpar, profile != NULL ? profile : "", &found,
					err);
	if (code == HV_OK) {
		message.name = lpar->record->spec->name;
		message.apply_profile = found->name;
		code = send_change(hmc, &message, err);
	}
	hmc_system_fini(&system);
	return code;
}

/* A system is what its host is: its name is the agent's, the rest the machine's. */
static enum hv_code change_system(const struct hmc_order *order,
				  const struct hmc_record *record, struct hv_err *err)
{
	(void)order;
	for (unsigned i = 0; i < record->count; i++) {
		const char *name = record->pairs[i].name;
		const struct hmc_attribute *row = hmc_show_sys;

		if (strcmp(name, "new_name") == 0)
			return hmc_fail(err, HMC_UNSUPPORTED,
					"Changing the name of a system",
					"Its host's agent joins under that name: add the "
					"host again under the other one.",
					NULL);
		while (row->name != NULL && strcmp(row->name, name) != 0)
			row++;
		if (row->name == NULL)
			return hmc_fail(err, HMC_INVALID_ATTRIBUTE, name, NULL, NULL);
		if (strcmp(name, "name") != 0)
			return hmc_fail(err, HMC_READ_ONLY, name, NULL, NULL);
	}
	return hmc_fail(err, HMC_MISSING_ATTRIBUTE, "new_name", NULL, NULL);
}

enum hv_code hmc_chsyscfg(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "lpar", "prof", "sys", NULL };
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	if (kind == 0 && hmc_has(hmc, "o"))
		return apply_profile(hmc, err);
	return hmc_records(hmc,
			   kind == 0   ? change_partition
			   : kind == 1 ? change_profile
				       : change_system,
			   err);
}

static enum hv_code remove_profile(struct hmc *hmc, const Tarn__LparView *lpar,
				   struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ProfileRemove gone = TARN__PROFILE_REMOVE__INIT;
	const Tarn__LparProfile *profile;
	enum hv_code code = hmc_profile_find(lpar, hmc_text(hmc, "n"), &profile, err);

	if (code != HV_OK)
		return code;
	gone.lpar = lpar->record->spec->name;
	gone.name = profile->name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_REMOVE;
	request.profile_remove = &gone;
	return hmc_change(hmc, &request, err);
}

static enum hv_code remove_partition(struct hmc *hmc, const Tarn__LparView *lpar,
				     struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparRemove gone = TARN__LPAR_REMOVE__INIT;

	gone.name = lpar->record->spec->name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_REMOVE;
	request.lpar_remove = &gone;
	return hmc_change(hmc, &request, err);
}

enum hv_code hmc_rmsyscfg(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "lpar", "prof", NULL };
	const char *name, *id = hmc_text(hmc, "id");
	const Tarn__LparView *lpar;
	struct hmc_system system;
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	name = hmc_text(hmc, kind == 0 ? "n" : "p");
	if ((name == NULL) == (id == NULL))
		return hmc_usage(hmc, err, "Enter one of these options:",
				 kind == 0 ? "-n or --id" : "-p or --id");
	if (kind == 1 && hmc_text(hmc, "n") == NULL)
		return hmc_usage(hmc, err, "A required option is missing:", "-n");
	if (kind == 0)
		hmc->detail = TARN__LPAR_DETAIL__LPAR_DETAIL_PLAIN;
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = hmc_partition_find(&system, name, id, &lpar, err);
	if (code == HV_OK)
		code = kind == 0 ? remove_partition(hmc, lpar, err)
				 : remove_profile(hmc, lpar, err);
	hmc_system_fini(&system);
	return code;
}
