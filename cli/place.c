/* place - tarn place --dry-run ... */
#include "cli/commands.h"
#include "cli/spec.h"

enum hv_code cli_place(struct cli *cli, struct hv_err *err)
{
	struct cli_spec spec;
	enum hv_code code = cli_spec_take(cli, &spec, err);

	if (code != HV_OK)
		return code;
	if (!spec.create.dry_run)
		return cli_usage(cli, err,
				 "it only tells: add --dry-run, or define the "
				 "partition with 'tarn lpar create'");
	return cli_spec_try(cli, &spec, err);
}
