/* lsled, lsrefcode - what wants attention, and reference codes. */
#include "cli/hmc/commands.h"
#include "cli/hmc/show.h"

#include <string.h>

static const struct hmc_row *row_of(const void *object)
{
	return object;
}

/* A partition's light is on from an end that nobody asked for until it is activated. */
static bool wants_attention(const Tarn__LparView *lpar)
{
	return lpar->record->ended_unasked;
}

/* A machine's: its agent is there, and its hypervisor is not, or finds itself wrong. */
static bool is_in_trouble(const Tarn__HostView *host)
{
	if (host->record->declared || !host->connected)
		return false;
	return !host->hypervisor_up ||
	       (host->stat != NULL && host->stat->has_audit_ok && !host->stat->audit_ok);
}

static void set_state(struct hmc_value *value, bool is_on)
{
	hmc_value_set(value, "%s", is_on ? "on" : "off");
}

static void show_machine(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	set_state(value, is_in_trouble(row_of(object)->host));
}

static void show_all(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__StatusReply *status = row_of(object)->system->status;
	bool is_on = false;

	(void)text;
	for (size_t i = 0; i < status->n_lpars; i++)
		is_on |= wants_attention(status->lpars[i]);
	set_state(value, is_on);
}

static void show_one(const void *object, const char *text, struct hmc_value *value)
{
	(void)text;
	set_state(value, wants_attention(row_of(object)->lpar));
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

/* A code is read when it is asked for: nobody here posts one and keeps its time. */
static void show_stamp(const void *object, const char *text, struct hmc_value *value)
{
	char stamp[HMC_TIME_BYTES];

	(void)text;
	hmc_value_set(value, "%s",
		      hmc_time_text(row_of(object)->system->status->wall_ms, 0, stamp));
}

/* As of a partition that is off, or whose system posts none. */
static void show_code(const void *object, const char *text, struct hmc_value *value)
{
	bool is_off = strcmp(hmc_partition_state(row_of(object)->lpar),
			     "Not Activated") == 0;

	(void)text;
	hmc_value_set(value, "%s", is_off ? "00000000" : "");
}

/* clang-format off */
#define FIXED(name_, text_) { .name = (name_), .show = hmc_show_text, .text = (text_) }
#define LPAR_ID   { .name = "lpar_id", .show = show_id }
#define LPAR_NAME { .name = "lpar_name", .show = show_name }
static const struct hmc_attribute show_physical[] = {
	{ .name = "state", .show = show_machine }, { 0 },
};
static const struct hmc_attribute show_system[] = {
	{ .name = "state", .show = show_all }, { 0 },
};
static const struct hmc_attribute show_partition[] = {
	LPAR_ID, LPAR_NAME, { .name = "state", .show = show_one }, { 0 },
};
static const struct hmc_attribute show_system_code[] = {
	FIXED("refcode_num", "0"),
	{ .name = "time_stamp", .show = show_stamp },
	FIXED("refcode", ""),
	{ 0 },
};
static const struct hmc_attribute show_partition_code[] = {
	LPAR_NAME, LPAR_ID,
	{ .name = "time_stamp", .show = show_stamp },
	{ .name = "refcode", .show = show_code },
	FIXED("word2", "00000000"),
	FIXED("fru_call_out_loc_codes", ""),
	{ 0 },
};
/* clang-format on */

static enum hv_code list_system(struct hmc *hmc, const struct hmc_system *system,
				const struct hmc_attribute *attributes,
				struct hv_err *err)
{
	const struct hmc_row row = { .system = system, .host = system->host };

	return hmc_list_one(hmc, &(struct hmc_rows){ attributes, NULL }, &row, err);
}

enum hv_code hmc_lsled(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "sa", "ident", NULL };
	static const char *const types[] = { "phys", "virtualsys", "virtuallpar", NULL };
	static const struct hmc_attribute *const shown[] = { show_physical, show_system,
							     show_partition };
	struct hmc_system system;
	unsigned kind, type = 0;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code == HV_OK && kind == 0)
		code = hmc_choice(hmc, "t", types, &type, err);
	if (code != HV_OK)
		return code;
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK && kind == 1) /* there is no slot to be found by its light */
		(void)fputs("No results were found.\n", hmc->cli->out);
	else if (code == HV_OK && type == 2)
		code = hmc_list_partitions(
			hmc, &(struct hmc_rows){ shown[type], hmc_filter_lpar }, &system,
			err);
	else if (code == HV_OK)
		code = list_system(hmc, &system, shown[type], err);
	hmc_system_fini(&system);
	return code;
}

enum hv_code hmc_lsrefcode(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "sys", "lpar", NULL };
	static const char *const processors[] = { "p", "s", NULL };
	struct hmc_system system;
	unsigned kind, processor;
	uint64_t count;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code == HV_OK && hmc_has(hmc, "s"))
		code = hmc_choice(hmc, "s", processors, &processor, err);
	if (code == HV_OK)
		code = hmc_number(hmc, "n", UINT32_MAX, 1, &count, err);
	if (code != HV_OK)
		return code;
	code = hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err);
	if (code == HV_OK)
		code = kind == 0 ? list_system(hmc, &system, show_system_code, err)
				 : hmc_list_partitions(
					   hmc,
					   &(struct hmc_rows){ show_partition_code,
							       hmc_filter_lpar },
					   &system, err);
	hmc_system_fini(&system);
	return code;
}
