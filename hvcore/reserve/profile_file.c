/* profile_file - a profile from its file; see profile.h. */
#include "hvcore/base/file.h"
#include "hvcore/reserve/profile.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, SIZE, NUMBER };

/* `bytes` is the room of a TEXT. */
struct setting {
	const char *name;
	enum kind kind;
	bool is_optional;
	size_t offset;
	size_t bytes;
};

#define AT(field) offsetof(struct hv_profile, field)

// clang-format off
static const struct setting settings[] = {
	{ "title",       TEXT,   false, AT(title),             HV_PROFILE_TITLE_BYTES },
	{ "type_model",  TEXT,   true,  AT(type_model),        HV_PROFILE_TYPE_BYTES },
	{ "serial",      TEXT,   true,  AT(serial),            HV_PROFILE_TYPE_BYTES },
	{ "lmb",         SIZE,   false, AT(lmb_bytes),         0 },
	{ "installed",   SIZE,   false, AT(installed_bytes),   0 },
	{ "processors",  NUMBER, false, AT(processors),        0 },
	{ "base",        SIZE,   false, AT(base_bytes),        0 },
	{ "slots",       NUMBER, false, AT(slots),             0 },
	{ "slot_tce",    SIZE,   false, AT(slot_tce_bytes),    0 },
	{ "adapter_tce", SIZE,   false, AT(adapter_tce_bytes), 0 },
	{ "hpt_ratio",   NUMBER, false, AT(hpt_ratio),         0 },
	{ "pool_frame",  NUMBER, false, AT(pool_frame_bytes),  0 },
};
// clang-format on

static const char *const lists[] = { "creation", "directory" };

static enum hv_code wrong(const config_setting_t *at, const char *what,
			  struct hv_err *err)
{
	const char *name = config_setting_name(at);

	return hv_fail(err, HV_E_INVAL, "line %u: %.32s %s",
		       (unsigned)config_setting_source_line(at),
		       name != NULL ? name : "an element", what);
}

static enum hv_code read_size(const config_setting_t *at, uint64_t *ret,
			      struct hv_err *err)
{
	const char *text = config_setting_get_string(at);

	if (text == NULL || hv_size_parse(text, ret, NULL) != HV_OK)
		return wrong(at, "must be a size in quotes, \"256M\" say", err);
	return HV_OK;
}

static enum hv_code read_number(const config_setting_t *at, uint32_t *ret,
				struct hv_err *err)
{
	int value = config_setting_get_int(at);

	if (config_setting_type(at) != CONFIG_TYPE_INT || value < 0)
		return wrong(at, "must be a whole number, 0 or more", err);
	*ret = (uint32_t)value;
	return HV_OK;
}

static enum hv_code read_setting(const config_setting_t *at,
				 const struct setting *setting,
				 struct hv_profile *profile, struct hv_err *err)
{
	void *to = (char *)profile + setting->offset;
	const char *text;

	if (setting->kind == SIZE)
		return read_size(at, to, err);
	if (setting->kind == NUMBER)
		return read_number(at, to, err);
	text = config_setting_get_string(at);
	if (text == NULL || strlen(text) >= setting->bytes)
		return wrong(at, "must be a text in quotes, and is too long otherwise",
			     err);
	memcpy(to, text, strlen(text) + 1);
	return HV_OK;
}

static enum hv_code read_creation(const config_setting_t *list,
				  struct hv_profile *profile, struct hv_err *err)
{
	int count = config_setting_length(list);

	if (count > HV_PROFILE_POINTS_MAX)
		return wrong(list, "has more than 16 points", err);
	for (int i = 0; i < count; i++) {
		const config_setting_t *pair = config_setting_get_elem(list, (unsigned)i);
		struct hv_profile_point *point = &profile->creation[i];
		enum hv_code code;

		if (!config_setting_is_list(pair) || config_setting_length(pair) != 2)
			return wrong(list, "must be pairs: (\"2G\", \"8M\"), ...", err);
		code = read_size(config_setting_get_elem(pair, 0), &point->max_bytes,
				 err);
		if (code == HV_OK)
			code = read_size(config_setting_get_elem(pair, 1),
					 &point->cost_bytes, err);
		if (code != HV_OK)
			return code;
	}
	profile->creation_count = (unsigned)count;
	return HV_OK;
}

static enum hv_code read_directory(const config_setting_t *list,
				   struct hv_profile *profile, struct hv_err *err)
{
	int count = config_setting_length(list);

	if (count > HV_PROFILE_STEPS_MAX)
		return wrong(list, "has more than 8 steps", err);
	for (int i = 0; i < count; i++) {
		const config_setting_t *pair = config_setting_get_elem(list, (unsigned)i);
		struct hv_profile_step *step = &profile->directory[i];
		enum hv_code code;

		if (!config_setting_is_list(pair) || config_setting_length(pair) != 2)
			return wrong(list, "must be pairs: (48, \"24M\"), ...", err);
		code = read_number(config_setting_get_elem(pair, 0), &step->partitions,
				   err);
		if (code == HV_OK)
			code = read_size(config_setting_get_elem(pair, 1),
					 &step->cost_bytes, err);
		if (code != HV_OK)
			return code;
	}
	profile->directory_count = (unsigned)count;
	return HV_OK;
}

/* A misspelled setting is not passed over. */
static enum hv_code check_names(const config_setting_t *root, struct hv_err *err)
{
	for (int i = 0; i < config_setting_length(root); i++) {
		const config_setting_t *at = config_setting_get_elem(root, (unsigned)i);
		const char *name = config_setting_name(at);
		bool is_known = false;

		for (unsigned k = 0; k < HV_COUNT(settings); k++)
			is_known |= strcmp(name, settings[k].name) == 0;
		for (unsigned k = 0; k < HV_COUNT(lists); k++)
			is_known |= strcmp(name, lists[k]) == 0 &&
				    config_setting_is_list(at);
		if (!is_known)
			return wrong(at, "is not a setting of a profile", err);
	}
	return HV_OK;
}

static enum hv_code read_all(const config_setting_t *root, struct hv_profile *profile,
			     struct hv_err *err)
{
	const config_setting_t *at;
	enum hv_code code = check_names(root, err);

	for (unsigned i = 0; i < HV_COUNT(settings) && code == HV_OK; i++) {
		at = config_setting_get_member(root, settings[i].name);
		if (at != NULL)
			code = read_setting(at, &settings[i], profile, err);
		else if (!settings[i].is_optional)
			code = hv_fail(err, HV_E_INVAL, "%s is missing",
				       settings[i].name);
	}
	at = config_setting_get_member(root, "creation");
	if (code == HV_OK && at != NULL)
		code = read_creation(at, profile, err);
	at = config_setting_get_member(root, "directory");
	if (code == HV_OK && at != NULL)
		code = read_directory(at, profile, err);
	return code == HV_OK ? hv_profile_check(profile, err) : code;
}

static enum hv_code parse(config_t *config, const char *text, struct hv_profile *profile,
			  struct hv_err *err)
{
	if (strstr(text, "@include") != NULL)
		return hv_fail(err, HV_E_INVAL, "a profile includes no other file");
	if (config_read_string(config, text) != CONFIG_TRUE)
		return hv_fail(err, HV_E_INVAL, "line %d: %s", config_error_line(config),
			       config_error_text(config));
	return read_all(config_root_setting(config), profile, err);
}

enum hv_code hv_profile_parse(const char *text, const char *name,
			      struct hv_profile *ret_profile, struct hv_err *err)
{
	struct hv_profile profile = { 0 };
	enum hv_code code;
	config_t config;

	(void)snprintf(profile.name, sizeof(profile.name), "%s", name);
	config_init(&config);
	code = parse(&config, text, &profile, err);
	config_destroy(&config);
	if (code != HV_OK) {
		(void)hv_wrap(err, "profile '%.31s'", name);
		return code;
	}
	*ret_profile = profile;
	return HV_OK;
}

enum hv_code hv_profile_load(const char *directory, const char *name,
			     struct hv_profile *ret_profile, struct hv_err *err)
{
	char file[HV_NAME_BYTES + sizeof(".profile")];
	char path[HV_FILE_PATH_BYTES];
	uint8_t *text;
	size_t count;
	enum hv_code code;

	if (!hv_name_is_valid(name))
		return hv_fail(err, HV_E_INVAL,
			       "'%.64s' is not a name of a profile: 1 to 31 letters, "
			       "digits, - _ .",
			       name);
	(void)snprintf(file, sizeof(file), "%s.profile", name);
	code = hv_path_join(path, sizeof(path), directory, file, err);
	if (code == HV_OK)
		code = hv_file_read(path, HV_PROFILE_FILE_BYTES_MAX, &text, &count, err);
	if (code != HV_OK)
		return code;
	code = hv_profile_parse((const char *)text, name, ret_profile, err);
	free(text);
	return code;
}
