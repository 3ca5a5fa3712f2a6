/* place - tarn place: only tells, whatever is said. */
#include "cli/commands.h"
#include "cli/spec.h"

enum hv_code cli_place(struct cli *cli, struct hv_err *err)
{
	struct cli_spec spec;
	enum hv_code code = cli_spec_take(cli, &spec, err);

	if (code != HV_OK)
		return code;
	spec.create.dry_run = true;
	return cli_spec_try(cli, &spec, err);
}
