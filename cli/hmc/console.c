/* lshmc, lssysconn - the console itself, and its connections. */
#include "cli/hmc/commands.h"
#include "cli/hmc/show.h"

#include <string.h>
#include <unistd.h>

/*
 * The level whose commands and attributes are spoken here; clients choose by it what
 * they ask for.
 */
#define LEVEL_VERSION "7"
#define LEVEL_RELEASE "7.9.0"

#define NAME_BYTES 256

/* The machine's name: up to its first dot, or what is behind. */
static void show_host_name(const void *object, const char *text, struct hmc_value *value)
{
	char name[NAME_BYTES] = "";
	size_t n;

	(void)object;
	if (gethostname(name, sizeof(name) - 1) != 0)
		return;
	n = strcspn(name, ".");
	if (text[0] == 'd')
		hmc_value_set(value, "%s", name[n] == '.' ? name + n + 1 : "");
	else
		hmc_value_set(value, "%.*s", (int)n, name);
}

/* clang-format off */
#define FIXED(name_, text_) { .name = (name_), .show = hmc_show_text, .text = (text_) }
static const struct hmc_attribute show_version[] = {
	FIXED("version", " Version: " LEVEL_VERSION "\n Release: " LEVEL_RELEASE
	      "\n Service Pack: 0\nHMC Build level Tarn\n"),
	FIXED("base_version", "V" LEVEL_VERSION "R" LEVEL_RELEASE "\n"),
	{ 0 },
};
static const struct hmc_attribute show_vpd[] = {
	FIXED("vpd", "*FC ????????\n*VC 20.0\n*DS Hardware Management Console\n*TM TARN-HMC\n"
	      "*SE 0000000\n*RM V" LEVEL_VERSION "R" LEVEL_RELEASE "\n"),
	{ 0 },
};
static const struct hmc_attribute show_network[] = {
	{ .name = "hostname", .show = show_host_name, .text = "h" },
	{ .name = "domain", .show = show_host_name, .text = "d" },
	FIXED("ipaddr", "unavailable"),
	{ 0 },
};
static const struct hmc_attribute show_remote[] = {
	FIXED("ssh", "enable"),
	FIXED("sshprotocol", ""),
	FIXED("remotewebui", "disable"),
	FIXED("xntp", "disable"),
	{ 0 },
};
/* clang-format on */

enum hv_code hmc_lshmc(struct hmc *hmc, struct hv_err *err)
{
	static const struct {
		const char *option;
		struct hmc_rows rows;
	} kinds[] = {
		{ "V", { show_version, NULL } },
		{ "v", { show_vpd, NULL } },
		{ "n", { show_network, NULL } },
		{ "r", { show_remote, NULL } },
	};
	const struct hmc_rows *rows = NULL;
	struct hmc_output output;
	unsigned given = 0;
	enum hv_code code;

	for (unsigned i = 0; i < HV_COUNT(kinds); i++) {
		if (!hmc_has(hmc, kinds[i].option))
			continue;
		rows = &kinds[i].rows;
		given++;
	}
	if (given != 1)
		return hmc_usage(hmc, err,
				 "Enter one of these options:", "-V, -v, -n or -r");
	code = hmc_output_start(hmc, rows, &output, err);
	if (code == HV_OK)
		hmc_list_add(&output.list, hmc);
	hmc_output_end(&output, code);
	return code;
}

static void show_mtms(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostRecord *host = ((const struct hmc_row *)object)->host->record;

	(void)text;
	hmc_value_set(value, "%s*%s", hmc_type_model(host), hmc_serial(host));
}

static void show_connection(const void *object, const char *text, struct hmc_value *value)
{
	const Tarn__HostView *host = ((const struct hmc_row *)object)->host;

	(void)text;
	hmc_value_set(value, "%s",
		      host->connected || host->record->declared ? "Connected"
								: "No Connection");
}

static const struct hmc_attribute show_connections[] = {
	FIXED("resource_type", "sys"),
	{ .name = "type_model_serial_num", .show = show_mtms },
	FIXED("sp", "primary"),
	FIXED("sp_phys_loc", "unavailable"),
	FIXED("ipaddr", "unavailable"),
	FIXED("alt_ipaddr", "unavailable"),
	{ .name = "state", .show = show_connection },
	{ 0 },
};

enum hv_code hmc_lssysconn(struct hmc *hmc, struct hv_err *err)
{
	static const char *const kinds[] = { "all", NULL };
	static const struct hmc_rows rows = { show_connections, NULL };
	struct hmc_system system;
	struct hmc_output output;
	unsigned kind;
	enum hv_code code = hmc_choice(hmc, "r", kinds, &kind, err);

	if (code != HV_OK)
		return code;
	hmc->detail = TARN__LPAR_DETAIL__LPAR_DETAIL_NONE;
	code = hmc_text(hmc, "m") != NULL
		       ? hmc_system_open(hmc, hmc_text(hmc, "m"), &system, err)
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
