/* lshmcusr, mkhmcusr, chhmcusr, rmhmcusr - who may use these commands, and as what. */
#include "cli/hmc/commands.h"
#include "cli/hmc/edit.h"
#include "cli/hmc/show.h"
#include "hvcore/wire/user.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

#define ROLES "hmcsuperadmin, hmcoperator, hmcviewer, hmcservicerep or hmcpe"
#define ALL_RESOURCES "ALL:"

/* `name` NULL: all users. */
static enum hv_code ask_users(struct hmc *hmc, const char *name,
			      Tarn__ClusterReply **ret_reply, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;

	query.name = (char *)name; /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USERS;
	request.users = &query;
	return cli_ask(hmc->cli, &request, ret_reply, err);
}

static void show_name(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%s", ((const Tarn__UserRecord *)object)->name);
}

static void show_role(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	hmc_value_set(value, "%s",
		      hv_task_role_name(((const Tarn__UserRecord *)object)->role));
}

static void show_description(const void *object, const char *text,
			     struct hmc_value *value)
{
	const char *description = ((const Tarn__UserRecord *)object)->description;

	(void)text;
	hmc_value_set(value, "%s", description != NULL ? description : "");
}

static void show_number(const void *object, const char *text, struct hmc_value *value)
{
	const struct hv_user_attribute *row = hv_user_attribute_find(text);

	HV_INVARIANT(row != NULL);
	hmc_value_set(value, "%u", hv_user_get(object, row));
}

/* clang-format off */
#define FIXED(name_, text_) { .name = (name_), .show = hmc_show_text, .text = (text_) }
#define NUMBER(name_)       { .name = (name_), .show = show_number, .text = (name_) }
static const struct hmc_attribute show_users[] = {
	{ .name = "name", .show = show_name },
	{ .name = "taskrole", .show = show_role },
	{ .name = "description", .show = show_description },
	NUMBER("pwage"),
	FIXED("resourcerole", ALL_RESOURCES),
	FIXED("authentication_type", "local"),
	NUMBER("remote_webui_access"),
	NUMBER("remote_ssh_access"),
	NUMBER("min_pwage"),
	NUMBER("session_timeout"),
	NUMBER("verify_timeout"),
	NUMBER("idle_timeout"),
	NUMBER("inactivity_expiration"),
	FIXED("resources", "<ResourceID = ALL:><UserDefinedName = AllSystemResources>"),
	FIXED("password_encryption", "none"),
	NUMBER("disabled"),
	{ 0 },
};
/* Of a user for whom nothing else is said: -t default. */
static const struct hmc_attribute show_defaults[] = {
	NUMBER("pwage"),
	NUMBER("remote_webui_access"),
	NUMBER("remote_ssh_access"),
	NUMBER("min_pwage"),
	NUMBER("session_timeout"),
	NUMBER("verify_timeout"),
	NUMBER("idle_timeout"),
	NUMBER("inactivity_expiration"),
	{ 0 },
};
/* clang-format on */

static enum hv_code list_defaults(struct hmc *hmc, struct hv_err *err)
{
	static const struct hmc_rows rows = { show_defaults, NULL };
	const Tarn__UserRecord nobody = TARN__USER_RECORD__INIT;
	struct hmc_output output;
	enum hv_code code = hmc_output_start(hmc, &rows, &output, err);

	if (code == HV_OK)
		hmc_list_add(&output.list, &nobody);
	hmc_output_end(&output, code);
	return code;
}

static enum hv_code list_users(struct hmc *hmc, struct hv_err *err)
{
	static const struct hmc_filter_name filters[] = { { "names", "name" },
							  { "taskroles", "taskrole" },
							  { 0 } };
	static const struct hmc_rows rows = { show_users, filters };
	struct hmc_output output;
	Tarn__ClusterReply *reply;
	enum hv_code code = ask_users(hmc, NULL, &reply, err);

	if (code != HV_OK)
		return code;
	code = hmc_output_start(hmc, &rows, &output, err);
	for (size_t i = 0; code == HV_OK && i < reply->n_users; i++)
		hmc_list_add(&output.list, reply->users[i]);
	hmc_output_end(&output, code);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

enum hv_code hmc_lshmcusr(struct hmc *hmc, struct hv_err *err)
{
	static const char *const types[] = { "user", "default", NULL };
	unsigned type = 0;
	enum hv_code code = HV_OK;

	if (hmc_has(hmc, "t"))
		code = hmc_choice(hmc, "t", types, &type, err);
	if (code != HV_OK)
		return code;
	return type == 0 ? list_users(hmc, err) : list_defaults(hmc, err);
}

static bool is_password(const char *name)
{
	return strcmp(name, "passwd") == 0 || strcmp(name, "password") == 0 ||
	       strcmp(name, "current_passwd") == 0;
}

/* What there is only one of. */
static enum hv_code take_fixed(const struct hmc_pair *pair, struct hv_err *err)
{
	static const struct {
		const char *name, *value, *other;
	} rows[] = {
		{ "resourcerole", ALL_RESOURCES, "AllSystemResources" },
		{ "authentication_type", "local", "local" },
	};

	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		if (strcmp(pair->name, rows[i].name) != 0)
			continue;
		if (strcmp(pair->value, rows[i].value) == 0 ||
		    strcmp(pair->value, rows[i].other) == 0)
			return HV_OK;
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name,
				rows[i].value);
	}
	for (const struct hmc_attribute *row = show_users; row->name != NULL; row++)
		if (strcmp(row->name, pair->name) == 0)
			/* as it is listed it changes nothing */
			return row->show == hmc_show_text &&
					       strcmp(row->text, pair->value) == 0
				       ? HV_OK
				       : hmc_fail(err, HMC_READ_ONLY, pair->name, NULL,
						  NULL);
	return hmc_fail(err, HMC_INVALID_ATTRIBUTE, pair->name, NULL, NULL);
}

static enum hv_code take_number(Tarn__UserRecord *user, const struct hmc_pair *pair,
				const struct hv_user_attribute *row, struct hv_err *err)
{
	uint64_t value = 0;
	char range[32];

	if (hv_u64_parse(pair->value, row->max, &value, NULL) == HV_OK) {
		hv_user_set(user, row, (uint32_t)value);
		return HV_OK;
	}
	(void)snprintf(range, sizeof(range), "0 to %u", row->max);
	return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name, range);
}

static enum hv_code take_pair(Tarn__UserRecord *user, const struct hmc_pair *pair,
			      struct hv_err *err)
{
	const struct hv_user_attribute *row = hv_user_attribute_find(pair->name);

	if (is_password(pair->name))
		return hmc_fail(err, HMC_PASSWORD, NULL, NULL, NULL);
	if (pair->op != HMC_SET)
		return hmc_fail(err, HMC_READ_ONLY, pair->name, NULL, NULL);
	if (strcmp(pair->name, "name") == 0)
		return HV_OK;
	if (strcmp(pair->name, "taskrole") == 0) {
		if (hv_task_role_find(pair->value, &user->role))
			return HV_OK;
		return hmc_fail(err, HMC_INVALID_VALUE, pair->value, pair->name, ROLES);
	}
	if (strcmp(pair->name, "description") == 0) {
		user->description = (char *)pair->value; /* only encoded */
		if (strlen(pair->value) < HV_USER_DESCRIPTION_BYTES)
			return HV_OK;
		return hmc_fail(err, HMC_INVALID_VALUE, "entered", pair->name,
				"255 bytes at most");
	}
	return row != NULL ? take_number(user, pair, row, err) : take_fixed(pair, err);
}

static enum hv_code take_record(Tarn__UserRecord *user, const struct hmc_record *record,
				struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < record->count && code == HV_OK; i++)
		code = take_pair(user, &record->pairs[i], err);
	return code;
}

static enum hv_code send_user(struct hmc *hmc, Tarn__UserRecord *user,
			      Tarn__UserRecord *was, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__UserSet set = TARN__USER_SET__INIT;

	set.user = user;
	set.was = was;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USER_SET;
	request.user_set = &set;
	return hmc_change(hmc, &request, err);
}

static enum hv_code need_name(const struct hmc_record *record, const char **ret_name,
			      struct hv_err *err)
{
	enum hv_code code = hmc_need_value(record, "name", ret_name, err);

	if (code == HV_OK && !hv_name_is_valid(*ret_name))
		code = hmc_fail(err, HMC_INVALID_VALUE, *ret_name, "name",
				"1 to 31 letters, digits, -, _ or ., a letter or digit "
				"first");
	return code;
}

static enum hv_code make_one(const struct hmc_order *order,
			     const struct hmc_record *record, struct hv_err *err)
{
	Tarn__UserRecord user = TARN__USER_RECORD__INIT;
	Tarn__ClusterReply *reply;
	const char *name, *role;
	enum hv_code code = need_name(record, &name, err);

	if (code == HV_OK)
		code = hmc_need_value(record, "taskrole", &role, err);
	if (code == HV_OK)
		code = take_record(&user, record, err);
	if (code == HV_OK)
		code = ask_users(order->hmc, name, &reply, err);
	if (code != HV_OK)
		return code;
	user.name = (char *)name; /* only encoded */
	if (reply->n_users != 0)
		code = hmc_fail(err, HMC_USER_EXISTS, name, NULL, NULL);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	if (code != HV_OK || order->is_trial)
		return code;
	return send_user(order->hmc, &user, NULL, err);
}

static enum hv_code change_one(const struct hmc_order *order,
			       const struct hmc_record *record, struct hv_err *err)
{
	Tarn__ClusterReply *reply;
	Tarn__UserRecord user;
	const char *name;
	enum hv_code code = need_name(record, &name, err);

	if (code == HV_OK)
		code = ask_users(order->hmc, name, &reply, err);
	if (code != HV_OK)
		return code;
	if (reply->n_users != 1) {
		code = hmc_fail(err, HMC_NO_USER, name, NULL, NULL);
	} else {
		user = *reply->users[0];
		code = take_record(&user, record, err);
		if (code == HV_OK && !order->is_trial)
			code = send_user(order->hmc, &user, reply->users[0], err);
	}
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}

static void add_pair(struct hmc_record *record, const char *name, const char *value)
{
	record->pairs[record->count++] = (struct hmc_pair){ name, HMC_SET, value };
}

/* The record that single options say; -u is there. */
static enum hv_code do_options(struct hmc *hmc, hmc_record_do *one,
			       const struct hmc_record *record, struct hv_err *err)
{
	const struct hmc_order order = { .hmc = hmc };

	if (hmc_has(hmc, "i") || hmc_has(hmc, "f"))
		return hmc_usage(hmc, err, "Enter one of these options:", "-u, -i or -f");
	return one(&order, record, err);
}

enum hv_code hmc_mkhmcusr(struct hmc *hmc, struct hv_err *err)
{
	static const char *const options[][2] = { { "a", "taskrole" },
						  { "d", "description" },
						  { "M", "pwage" },
						  { "auth", "authentication_type" } };
	struct hmc_record record = { 0 };

	if (hmc_has(hmc, "passwd"))
		return hmc_fail(err, HMC_PASSWORD, NULL, NULL, NULL);
	if (!hmc_has(hmc, "u"))
		return hmc_records_of(hmc, NULL, make_one, err);
	if (!hmc_has(hmc, "a"))
		return hmc_usage(hmc, err, "A required option is missing:", "-a");
	add_pair(&record, "name", hmc_text(hmc, "u"));
	for (unsigned i = 0; i < HV_COUNT(options); i++)
		if (hmc_has(hmc, options[i][0]))
			add_pair(&record, options[i][1], hmc_text(hmc, options[i][0]));
	return do_options(hmc, make_one, &record, err);
}

enum hv_code hmc_chhmcusr(struct hmc *hmc, struct hv_err *err)
{
	static const char *const operations[] = { "e", NULL };
	const char *name = hmc_text(hmc, "t");
	struct hmc_record record = { 0 };
	unsigned operation;
	enum hv_code code = HV_OK;

	if (!hmc_has(hmc, "u"))
		return hmc_records_of(hmc, NULL, change_one, err);
	add_pair(&record, "name", hmc_text(hmc, "u"));
	if (hmc_has(hmc, "o")) {
		code = hmc_choice(hmc, "o", operations, &operation, err);
		add_pair(&record, "disabled", "0");
	} else if (name != NULL && is_password(name)) {
		code = hmc_fail(err, HMC_PASSWORD, NULL, NULL, NULL);
	} else if (name == NULL || !hmc_has(hmc, "v")) {
		code = hmc_usage(hmc, err,
				 "A required option is missing:", "-t and -v, or -o");
	} else {
		add_pair(&record, strcmp(name, "desc") == 0 ? "description" : name,
			 hmc_text(hmc, "v"));
		if (strcmp(name, "name") == 0)
			code = hmc_fail(err, HMC_READ_ONLY, name, NULL, NULL);
	}
	return code == HV_OK ? do_options(hmc, change_one, &record, err) : code;
}

enum hv_code hmc_rmhmcusr(struct hmc *hmc, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__UserRemove gone = TARN__USER_REMOVE__INIT;
	const char *name = hmc_text(hmc, "u");
	enum hv_code code;

	if (!hv_name_is_valid(name))
		return hmc_fail(err, HMC_NO_USER, name, NULL, NULL);
	gone.name = (char *)name; /* only encoded */
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USER_REMOVE;
	request.user_remove = &gone;
	code = hmc_change(hmc, &request, err);
	return code == HV_E_NOTFOUND ? hmc_fail(err, HMC_NO_USER, name, NULL, NULL)
				     : code;
}
