/* lpar_processor - tarn lpar set-processors: of one that runs */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/words.h"
#include "hvcore/wire/lpar_profile.h"

enum hv_code cli_lpar_set_processors(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparSetProcessors set = TARN__LPAR_SET_PROCESSORS__INIT;
	const struct cli_args *args = &cli->args;
	bool is_capped = cli_flag(args, "capped"),
	     is_uncapped = cli_flag(args, "uncapped");
	char done[CLI_DONE_BYTES];
	uint64_t units = 0;

	set.name = (char *)cli_text(args, "NAME"); /* only encoded */
	set.has_units = cli_value(args, "units")->is_set;
	if (set.has_units &&
	    hv_units_parse(cli_text(args, "units"), &units, err) != HV_OK)
		return cli_usage(cli, err, "--units is a number such as 0.5");
	set.units = (uint32_t)units;
	set.has_procs = cli_value(args, "procs")->is_set;
	set.procs = (uint32_t)cli_number(args, "procs", 0);
	set.has_uncapped = is_capped || is_uncapped;
	set.uncapped = is_uncapped;
	set.has_weight = cli_value(args, "weight")->is_set;
	set.weight = (uint32_t)cli_number(args, "weight", 0);
	if (is_capped && is_uncapped)
		return cli_usage(cli, err, "--capped and --uncapped exclude each other");
	if (!set.has_units && !set.has_procs && !set.has_uncapped && !set.has_weight)
		return cli_usage(cli, err,
				 "one of --units, --procs, --capped, --uncapped and "
				 "--weight is needed");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SET_PROCESSORS;
	request.lpar_set_processors = &set;
	(void)snprintf(done, sizeof(done), "processors of partition '%s' changed",
		       set.name);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}
