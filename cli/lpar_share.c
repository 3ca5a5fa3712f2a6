/* lpar_share - tarn lpar set-memory: what a shared partition may count on */
#include "cli/cli.h"
#include "cli/commands.h"
#include "cli/words.h"
#include "hvcore/base/units.h"

#include <string.h>

static enum hv_code take_entitled(struct cli *cli, Tarn__LparSetMemory *set,
				  struct hv_err *err)
{
	const char *text = cli_text(&cli->args, "entitled");
	struct hv_err why = { 0 };

	set->has_entitled_bytes = cli_value(&cli->args, "entitled")->is_set;
	if (!set->has_entitled_bytes || strcmp(text, "auto") == 0)
		return HV_OK;
	if (hv_size_parse(text, &set->entitled_bytes, &why) != HV_OK)
		return cli_usage(cli, err, "--entitled: %s", hv_err_text(&why));
	if (set->entitled_bytes == 0)
		return cli_usage(cli, err, "--entitled is a size, or auto");
	return HV_OK;
}

enum hv_code cli_lpar_set_memory(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparSetMemory set = TARN__LPAR_SET_MEMORY__INIT;
	const struct cli_args *args = &cli->args;
	char done[CLI_DONE_BYTES];
	enum hv_code code = take_entitled(cli, &set, err);

	if (code != HV_OK)
		return code;
	set.name = (char *)cli_text(args, "NAME"); /* only encoded */
	set.has_weight = cli_value(args, "weight")->is_set;
	set.weight = (uint32_t)cli_number(args, "weight", 0);
	if (!set.has_weight && !set.has_entitled_bytes)
		return cli_usage(cli, err, "one of --weight and --entitled is needed");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SET_MEMORY;
	request.lpar_set_memory = &set;
	(void)snprintf(done, sizeof(done), "memory of partition '%s' changed", set.name);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}
