/* list - see list.h. */
#include "cli/list.h"

#include <string.h>

#include "cli/figures.h"

bool cli_list_is_wanted(const char *host, const char *only)
{
	return only == NULL || strcmp(host, only) == 0;
}

enum hv_code cli_list(struct cli *cli, const struct cli_list *list, struct hv_err *err)
{
	const char *only = cli_text(&cli->args, "host");
	Tarn__ClusterReply *reply;
	enum hv_code code = cli_ask_status(cli, list->needs_histograms && cli->is_json,
					   &reply, err);

	if (code != HV_OK)
		return code;
	if (only != NULL && cli_find_host(reply->status, only) == NULL)
		code = hv_fail(err, HV_E_NOTFOUND,
			       "host '%s' is not known; see 'tarn host list'", only);
	else
		code = (cli->is_json ? list->json : list->table)(cli, reply->status, only,
								 err);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return code;
}
