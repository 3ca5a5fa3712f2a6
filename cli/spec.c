/* spec - see spec.h. */
#include "cli/spec.h"

#include "cli/model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/guest.h"
#include "cli/words.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/lpar_adapters.h"
#include "hvcore/wire/lpar_profile.h"

#define PROCESSORS_MAX 256 /* as of a profile */

/* The options mean nothing to a dedicated partition. */
static enum hv_code check_dedicated(struct cli *cli, struct hv_err *err)
{
	static const char *const only_shared[] = { "weight", "entitled", "redundancy" };

	for (unsigned i = 0; i < HV_COUNT(only_shared); i++)
		if (cli_flag(&cli->args, only_shared[i]))
			return cli_usage(cli, err,
					 "--%s is for shared partitions: a dedicated one "
					 "is never paged",
					 only_shared[i]);
	return HV_OK;
}

static void take_workload(const struct cli *cli, Tarn__Workload *workload)
{
	const struct cli_args *args = &cli->args;

	tarn__workload__init(workload);
	/* the choices are in the enumerators' order, which begin at 1 */
	workload->kind = (Tarn__WorkloadKind)(cli_number(args, "workload", 0) + 1);
	workload->has_working_set_percent = true;
	workload->working_set_percent = (uint32_t)cli_number(args, "working-set", 100);
	workload->has_write_percent = true;
	workload->write_percent = (uint32_t)cli_number(args, "write-percent", 50);
	workload->has_rate = true;
	workload->rate = cli_number(args, "rate", 0);
	workload->has_seed = true;
	workload->seed = cli_number(args, "seed", 1);
	workload->has_via_hpt = true;
	workload->via_hpt = cli_flag(args, "via-hpt");
	workload->has_hints = true;
	workload->hints = cli_flag(args, "hints");
	workload->has_loan_policy = true;
	workload->loan_policy = (uint32_t)cli_number(args, "loan-policy", 1);
	workload->has_io_percent = cli_flag(args, "io-percent");
	workload->io_percent = (uint32_t)cli_number(args, "io-percent", 0);
}

/* "64M" or "64M,/path" */
static enum hv_code take_disk(struct cli *cli, const char *text, Tarn__VirtualDisk *disk,
			      struct hv_err *err)
{
	size_t length = strcspn(text, ",");
	char size[32];
	struct hv_err why = { 0 };

	if (length >= sizeof(size))
		return cli_usage(cli, err, "--disk: '%.*s...' is not a size",
				 (int)sizeof(size) - 1, text);
	(void)snprintf(size, sizeof(size), "%.*s", (int)length, text);
	if (hv_size_parse(size, &disk->bytes, &why) != HV_OK)
		return cli_usage(cli, err, "--disk: %s", hv_err_text(&why));
	if (disk->bytes == 0 || disk->bytes % HV_PAGE_BYTES != 0)
		return cli_usage(cli, err, "--disk: %s is not whole pages of 4 KiB",
				 size);
	if (text[length] == ',' && text[length + 1] != '/')
		return cli_usage(cli, err, "--disk: '%s' is not an absolute path",
				 text + length + 1);
	disk->path = text[length] == ',' ? (char *)text + length + 1 : NULL;
	return HV_OK;
}

/* In slots from the first that is free on, in the order of their kinds. */
static enum hv_code take_adapters(struct cli *cli, struct cli_spec *made,
				  struct hv_err *err)
{
	const struct cli_args *args = &cli->args;
	Tarn__LparSpec *spec = &made->spec;
	const struct cli_value *value;
	uint32_t slot = HV_LPAR_SLOT_MIN;
	enum hv_code code = HV_OK;

	for (unsigned i = 0; (value = cli_repeat(args, "disk", i)) != NULL; i++) {
		if (i >= HV_DISKS_MAX)
			return cli_usage(cli, err, "--disk: at most %u", HV_DISKS_MAX);
		tarn__virtual_disk__init(&made->disks[i]);
		made->disks[i].slot = slot++;
		code = take_disk(cli, value->text, &made->disks[i], err);
		if (code != HV_OK)
			return code;
		made->disk_list[spec->n_disks++] = &made->disks[i];
	}
	for (unsigned i = 0; (value = cli_repeat(args, "ethernet", i)) != NULL; i++) {
		if (i >= HV_ETHERNETS_MAX)
			return cli_usage(cli, err, "--ethernet: at most %u",
					 HV_ETHERNETS_MAX);
		if (value->number == 0)
			return cli_usage(cli, err, "--ethernet: a VLAN is 1 to %u",
					 HV_VLAN_MAX);
		tarn__virtual_ethernet__init(&made->ethernets[i]);
		made->ethernets[i].slot = slot++;
		made->ethernets[i].vlan = (uint32_t)value->number;
		made->ethernet_list[spec->n_ethernets++] = &made->ethernets[i];
	}
	spec->disks = made->disk_list;
	spec->ethernets = made->ethernet_list;
	return HV_OK;
}

/* Two serial ones and those, unless it is to have more. */
static enum hv_code count_adapters(struct cli *cli, Tarn__LparSpec *spec,
				   struct hv_err *err)
{
	size_t least = HV_SERIAL_ADAPTERS + spec->n_disks + spec->n_ethernets;
	bool is_said = cli_flag(&cli->args, "adapters");
	bool has_any = least > HV_SERIAL_ADAPTERS;

	spec->has_virtual_adapters = is_said || has_any;
	if (spec->has_virtual_adapters)
		spec->virtual_adapters = (uint32_t)cli_number(&cli->args, "adapters",
							      least);
	if (has_any && spec->virtual_adapters < least)
		return cli_usage(cli, err,
				 "--adapters: %" PRIu32 " are less than two serial ones, "
				 "the disks and the ethernets",
				 spec->virtual_adapters);
	if (spec->workload->io_percent > 0 && !has_any)
		return cli_usage(cli, err, "--io-percent needs --disk or --ethernet");
	return HV_OK;
}

static enum hv_code take_shared(struct cli *cli, Tarn__LparSpec *spec, struct hv_err *err)
{
	const struct cli_args *args = &cli->args;
	const char *entitled = cli_text(args, "entitled");
	struct hv_err why = { 0 };

	spec->has_weight = true;
	spec->weight = (uint32_t)cli_number(args, "weight", 128);
	spec->has_entitled_bytes = true;
	spec->entitled_bytes = 0; /* auto */
	spec->has_redundancy = true;
	spec->redundancy = (Tarn__Redundancy)(cli_number(args, "redundancy", 1) + 1);
	if (entitled != NULL && strcmp(entitled, "auto") != 0 &&
	    hv_size_parse(entitled, &spec->entitled_bytes, &why) != HV_OK)
		return cli_usage(cli, err, "--entitled: %s", hv_err_text(&why));
	return HV_OK;
}

static enum hv_code check_sizes(struct cli *cli, const Tarn__LparSpec *spec,
				struct hv_err *err)
{
	if (spec->mem_bytes == 0)
		return cli_usage(cli, err, "--mem must be more than 0");
	if (spec->min_bytes > spec->mem_bytes)
		return cli_usage(cli, err, "--min is more than --mem");
	if (spec->max_bytes < spec->mem_bytes)
		return cli_usage(cli, err, "--max is less than --mem");
	if (spec->min_bytes == 0)
		return cli_usage(cli, err, "--min must be more than 0");
	return HV_OK;
}

static void add_attribute(struct cli_spec *made, const char *name, const char *format,
			  ...) HV_PRINTF(3, 4);

static void add_attribute(struct cli_spec *made, const char *name, const char *format,
			  ...)
{
	size_t at = made->profile.n_attributes++;
	va_list args;

	va_start(args, format);
	(void)vsnprintf(made->values[at], CLI_SPEC_VALUE_BYTES, format, args);
	va_end(args);
	tarn__lpar_attribute__init(&made->attributes[at]);
	made->attributes[at].name = (char *)name; /* only encoded */
	made->attributes[at].value = made->values[at];
	made->list[at] = &made->attributes[at];
}

/* As many as a guest sees, or as there are units, where no number is given. */
static void add_processors(struct cli *cli, struct cli_spec *made, uint64_t units)
{
	bool is_machine = made->spec.guest != NULL &&
			  made->guest.kind != TARN__GUEST_KIND__GUEST_PROGRAM;
	uint64_t whole = is_machine
				 ? made->guest.vcpus
				 : (units + HV_PROCESSOR_UNITS - 1) / HV_PROCESSOR_UNITS;
	unsigned procs = (unsigned)cli_number(&cli->args, "procs", whole);

	add_attribute(made, "proc_mode", "shared");
	add_attribute(made, "min_proc_units", "0.05");
	add_attribute(made, "desired_proc_units", "%u.%02u",
		      (unsigned)units / HV_PROCESSOR_UNITS,
		      (unsigned)units % HV_PROCESSOR_UNITS);
	add_attribute(made, "max_proc_units", "%u", PROCESSORS_MAX);
	add_attribute(made, "min_procs", "1");
	add_attribute(made, "desired_procs", "%u", procs);
	add_attribute(made, "max_procs", "%u", PROCESSORS_MAX);
	add_attribute(made, "sharing_mode", "%s",
		      cli_flag(&cli->args, "capped") ? "cap" : "uncap");
	add_attribute(made, "uncap_weight", "%u",
		      (unsigned)cli_number(&cli->args, "uncap-weight", 128));
}

/* Its profile, which has them; without --units nobody counts any. */
static enum hv_code take_processors(struct cli *cli, struct cli_spec *made,
				    struct hv_err *err)
{
	static const char *const only_with[] = { "procs", "capped", "uncap-weight" };
	const struct cli_args *args = &cli->args;
	Tarn__LparProfile *profile = &made->profile;
	uint64_t units = 0;

	for (unsigned i = 0; i < HV_COUNT(only_with); i++)
		if (cli_value(args, only_with[i])->is_set && !cli_flag(args, "units"))
			return cli_usage(cli, err, "--%s needs --units", only_with[i]);
	if (!cli_flag(args, "units"))
		return HV_OK;
	if (hv_units_parse(cli_text(args, "units"), &units, NULL) != HV_OK || units < 5 ||
	    units > PROCESSORS_MAX * HV_PROCESSOR_UNITS)
		return cli_usage(cli, err, "--units is a number from 0.05 to 256");
	hv_lpar_profile_of_spec(&made->spec, profile);
	profile->name = (char *)"default";
	profile->attributes = made->list;
	add_processors(cli, made, units);
	made->create.profile = profile;
	return HV_OK;
}

/* By the rules of the wire, so that it is wrong usage here and not a refusal there. */
static enum hv_code check_guest(struct cli *cli, const Tarn__LparSpec *spec,
				struct hv_err *err)
{
	struct hv_err why = { 0 };

	if (hv_lpar_spec_check(spec, &why) == HV_OK)
		return HV_OK;
	return cli_usage(cli, err, "%s", hv_err_text(&why));
}

enum hv_code cli_spec_take(struct cli *cli, struct cli_spec *made, struct hv_err *err)
{
	const struct cli_args *args = &cli->args;
	Tarn__LparSpec *spec = &made->spec;
	enum hv_code code;

	tarn__lpar_create__init(&made->create);
	tarn__lpar_spec__init(spec);
	take_workload(cli, &made->workload);
	made->create.spec = spec;
	made->create.host = (char *)cli_text(args, "host"); /* only encoded */
	made->create.has_dry_run = true;
	made->create.dry_run = cli_flag(args, "dry-run");
	spec->name = (char *)cli_text(args, "NAME");
	spec->workload = &made->workload;
	spec->mode = (Tarn__MemoryMode)(cli_number(args, "mode", 1) + 1);
	spec->mem_bytes = cli_number(args, "mem", 0);
	spec->min_bytes = cli_number(args, "min", spec->mem_bytes);
	spec->max_bytes = cli_number(args, "max", spec->mem_bytes);
	spec->has_hpt_ratio = cli_value(args, "hpt-ratio")->is_set;
	if (spec->has_hpt_ratio)
		spec->hpt_ratio = cli_ratio(cli_number(args, "hpt-ratio", 0));
	code = cli_guest_take(cli, made, err);
	if (code == HV_OK && spec->guest == NULL)
		code = take_adapters(cli, made, err);
	if (code == HV_OK)
		code = count_adapters(cli, spec, err);
	if (code == HV_OK)
		code = spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED
			       ? take_shared(cli, spec, err)
			       : check_dedicated(cli, err);
	if (code == HV_OK)
		code = check_sizes(cli, spec, err);
	if (code == HV_OK)
		code = take_processors(cli, made, err);
	return code == HV_OK && spec->guest != NULL ? check_guest(cli, spec, err) : code;
}

static enum hv_code show_reasons(struct cli *cli, const Tarn__PlacementReply *placement,
				 struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },
		{ "FITS", false },
		{ "SCORE", true },
		{ "WHY", false },
	};
	struct cli_table *table;

	if (placement->n_reasons == 0)
		return HV_OK;
	table = cli_table_new(columns, HV_COUNT(columns));
	for (size_t i = 0; i < placement->n_reasons; i++) {
		const Tarn__PlacementReason *row = placement->reasons[i];

		cli_cell(table, CLI_STRONG, "%s", row->host);
		cli_cell(table, row->fits ? CLI_GOOD : CLI_BAD, "%s",
			 row->fits ? "yes" : "no");
		if (row->has_score)
			cli_cell(table, CLI_PLAIN, "%.3f", row->score);
		else
			cli_cell(table, CLI_DIM, "-");
		cli_cell(table, CLI_PLAIN, "%s", row->text);
	}
	return cli_show_table(cli, table, 0, err);
}

enum hv_code cli_placement_show(struct cli *cli, const Tarn__PlacementReply *placement,
				struct hv_err *err)
{
	struct cli_json *json;

	if (cli->is_json) {
		json = cli_json_new();
		cli_json_fields(json, &placement->base);
		return cli_show_json(cli, json, err);
	}
	if (placement->host != NULL)
		(void)fprintf(cli->out, "would go to host '%s': %s\n", placement->host,
			      placement->text);
	return show_reasons(cli, placement, err);
}

enum hv_code cli_spec_try(struct cli *cli, struct cli_spec *spec, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ClusterReply *reply;
	enum hv_code code;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &spec->create;
	code = cli_ask(cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	if (reply->placement == NULL)
		code = hv_fail(err, HV_E_CORRUPT,
			       "answer of the coordinator: no placement in it");
	else
		code = cli_placement_show(cli, reply->placement, err);
	if (code == HV_OK && reply->placement->host == NULL)
		code = hv_fail(err, HV_E_NOFIT, "%s", reply->placement->text);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
