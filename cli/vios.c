/* vios - tarn vios ... */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/list.h"
#include "cli/words.h"

static enum hv_code change(struct cli *cli, Tarn__ViosVerb verb, bool may_force,
			   const char *what, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ViosChange vios = TARN__VIOS_CHANGE__INIT;
	char done[CLI_DONE_BYTES];

	vios.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	vios.name = (char *)cli_text(&cli->args, "NAME");
	vios.verb = verb;
	vios.has_force = may_force;
	vios.force = may_force && cli_flag(&cli->args, "force");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE;
	request.vios_change = &vios;
	(void)snprintf(done, sizeof(done), "VIOS '%s' of host '%s' %s", vios.name,
		       vios.host, what);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

enum hv_code cli_vios_add(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ViosAdd add = TARN__VIOS_ADD__INIT;
	char done[CLI_DONE_BYTES];

	add.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	add.name = (char *)cli_text(&cli->args, "NAME");
	add.remote = (char *)cli_text(&cli->args, "remote");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_ADD;
	request.vios_add = &add;
	(void)snprintf(done, sizeof(done), "VIOS '%s' added to host '%s'", add.name,
		       add.host);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}

enum hv_code cli_vios_remove(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ViosRemove gone = TARN__VIOS_REMOVE__INIT;
	char done[CLI_DONE_BYTES];

	gone.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	gone.name = (char *)cli_text(&cli->args, "NAME");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_REMOVE;
	request.vios_remove = &gone;
	(void)snprintf(done, sizeof(done), "VIOS '%s' of host '%s' removed", gone.name,
		       gone.host);
	return cli_change(cli, &request, &(struct cli_change){ .done = done }, err);
}

enum hv_code cli_vios_enable(struct cli *cli, struct hv_err *err)
{
	return change(cli, TARN__VIOS_VERB__VIOS_VERB_ENABLE, false, "enabled", err);
}

enum hv_code cli_vios_disable(struct cli *cli, struct hv_err *err)
{
	return change(cli, TARN__VIOS_VERB__VIOS_VERB_DISABLE, false, "disabled", err);
}

enum hv_code cli_vios_maintain(struct cli *cli, struct hv_err *err)
{
	return change(cli, TARN__VIOS_VERB__VIOS_VERB_MAINTAIN, true, "in maintenance",
		      err);
}

enum hv_code cli_vios_resume(struct cli *cli, struct hv_err *err)
{
	return change(cli, TARN__VIOS_VERB__VIOS_VERB_RESUME, false, "resumed", err);
}

enum hv_code cli_vios_kill(struct cli *cli, struct hv_err *err)
{
	return change(cli, TARN__VIOS_VERB__VIOS_VERB_KILL, false, "killed", err);
}

enum hv_code cli_vios_failback(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ViosChange vios = TARN__VIOS_CHANGE__INIT;
	char done[CLI_DONE_BYTES];

	vios.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	vios.name = (char *)(uintptr_t) "";
	vios.lpar = (char *)cli_text(&cli->args, "lpar");
	vios.verb = TARN__VIOS_VERB__VIOS_VERB_FAILBACK;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE;
	request.vios_change = &vios;
	if (vios.lpar != NULL)
		(void)snprintf(done, sizeof(done), "partition '%s' asks its primary VIOS",
			       vios.lpar);
	else
		(void)snprintf(done, sizeof(done),
			       "partitions of host '%s' ask their primary VIOS",
			       vios.host);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

/* ---- the pair of a pool ---- */

static enum hv_code change_pair(struct cli *cli, Tarn__ViosVerb verb, const char *done,
				struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ViosChange vios = TARN__VIOS_CHANGE__INIT;
	bool is_swap = verb == TARN__VIOS_VERB__VIOS_VERB_SWAP;

	vios.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	vios.name = (char *)(is_swap ? "" : cli_text(&cli->args, "NAME"));
	if (verb == TARN__VIOS_VERB__VIOS_VERB_REPLACE)
		vios.with = (char *)cli_text(&cli->args, "with");
	vios.verb = verb;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_CHANGE;
	request.vios_change = &vios;
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}

enum hv_code cli_pool_assign(struct cli *cli, struct hv_err *err)
{
	char done[CLI_DONE_BYTES];

	(void)snprintf(done, sizeof(done), "VIOS '%s' pages for the pool of host '%s'",
		       cli_text(&cli->args, "NAME"), cli_text(&cli->args, "host"));
	return change_pair(cli, TARN__VIOS_VERB__VIOS_VERB_ASSIGN, done, err);
}

enum hv_code cli_pool_unassign(struct cli *cli, struct hv_err *err)
{
	char done[CLI_DONE_BYTES];

	(void)snprintf(done, sizeof(done),
		       "VIOS '%s' does not page for the pool of host '%s' any more",
		       cli_text(&cli->args, "NAME"), cli_text(&cli->args, "host"));
	return change_pair(cli, TARN__VIOS_VERB__VIOS_VERB_UNASSIGN, done, err);
}

enum hv_code cli_pool_replace(struct cli *cli, struct hv_err *err)
{
	char done[CLI_DONE_BYTES];

	(void)snprintf(done, sizeof(done),
		       "VIOS '%s' pages in the place of '%s' for the pool of host '%s'",
		       cli_text(&cli->args, "with"), cli_text(&cli->args, "NAME"),
		       cli_text(&cli->args, "host"));
	return change_pair(cli, TARN__VIOS_VERB__VIOS_VERB_REPLACE, done, err);
}

enum hv_code cli_pool_swap(struct cli *cli, struct hv_err *err)
{
	char done[CLI_DONE_BYTES];

	(void)snprintf(done, sizeof(done),
		       "partitions of host '%s' ask what was their secondary VIOS",
		       cli_text(&cli->args, "host"));
	return change_pair(cli, TARN__VIOS_VERB__VIOS_VERB_SWAP, done, err);
}

static void name_cell(struct cli_table *table, const Tarn__DesiredVios *vios)
{
	if (vios->remote_host != NULL)
		cli_cell(table, CLI_PLAIN, "%s (on %s)", vios->name, vios->remote_host);
	else
		cli_cell(table, CLI_PLAIN, "%s", vios->name);
}

static void other_row(struct cli_table *table, const char *host,
		      const Tarn__DesiredVios *vios)
{
	cli_cell(table, CLI_STRONG, "%s", host);
	name_cell(table, vios);
	cli_cell(table, CLI_DIM, "not assigned");
	cli_cell(table, CLI_PLAIN, "%s", vios->enabled ? "enabled" : "disabled");
	for (unsigned i = 0; i < 9; i++)
		cli_cell(table, CLI_DIM, "-");
}

static void list_row(struct cli_table *table, const Tarn__StatusReply *status,
		     const Tarn__HostView *host, const Tarn__DesiredVios *wanted)
{
	const Tarn__ViosStat *vios = cli_find_vios(host, wanted->name);
	struct cli_pair_use use = cli_vios_use(status, host->record->name, wanted->name);
	struct cli_word word = cli_vios_word(host, wanted->name);

	cli_cell(table, CLI_STRONG, "%s", host->record->name);
	name_cell(table, wanted);
	cli_cell(table, word.tone, "%s", word.text);
	cli_cell(table, CLI_PLAIN, "%s",
		 !wanted->enabled      ? "disabled"
		 : wanted->maintenance ? "maintenance"
				       : "enabled");
	cli_cell(table, CLI_PLAIN, "%u", use.primary_of);
	cli_cell(table, CLI_PLAIN, "%u", use.serves);
	if (vios == NULL) {
		for (unsigned i = 0; i < 7; i++)
			cli_cell(table, CLI_DIM, "-");
		return;
	}
	if (vios->has_pid && vios->pid > 0)
		cli_cell(table, CLI_PLAIN, "%" PRId64, vios->pid);
	else
		cli_cell(table, CLI_DIM, "-");
	cli_cell(table, CLI_PLAIN, "%" PRIu64, vios->epoch);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, vios->reads);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, vios->writes);
	cli_cell(table, CLI_PLAIN, "%" PRIu64, vios->inflight);
	cli_cell(table, vios->errors > 0 ? CLI_BAD : CLI_PLAIN, "%" PRIu64, vios->errors);
	cli_cell(table, CLI_PLAIN, "%" PRIu32, vios->restarts);
}

static enum hv_code list_table(struct cli *cli, const Tarn__StatusReply *status,
			       const char *only, struct hv_err *err)
{
	static const struct cli_column columns[] = {
		{ "HOST", false },    { "VIOS", false },      { "STATE", false },
		{ "WANTED", false },  { "PRIMARY OF", true }, { "SERVES", true },
		{ "PID", true },      { "EPOCH", true },      { "READS", true },
		{ "WRITES", true },   { "IN FLIGHT", true },  { "ERRORS", true },
		{ "RESTARTS", true },
	};
	struct cli_table *table = cli_table_new(columns, HV_COUNT(columns));

	for (size_t i = 0; i < status->n_hosts; i++) {
		const Tarn__HostRecord *host = status->hosts[i]->record;

		if (!cli_list_is_wanted(host->name, only))
			continue;
		for (size_t j = 0; j < host->n_vios; j++)
			list_row(table, status, status->hosts[i], host->vios[j]);
		for (size_t j = 0; j < host->n_other_vios; j++)
			other_row(table, host->name, host->other_vios[j]);
	}
	return cli_show_table(cli, table, 0, err);
}

static void put_vios(struct cli_json *json, const Tarn__StatusReply *status,
		     const Tarn__HostView *host, const Tarn__DesiredVios *wanted,
		     bool is_assigned)
{
	struct cli_pair_use use = cli_vios_use(status, host->record->name, wanted->name);
	const Tarn__ViosStat *vios = cli_find_vios(host, wanted->name);

	cli_json_open_object(json, NULL);
	cli_json_text(json, "host", host->record->name);
	cli_json_fields(json, &wanted->base);
	cli_json_bool(json, "assigned", is_assigned);
	cli_json_number(json, "primary_of", use.primary_of);
	cli_json_number(json, "serves", use.serves);
	if (vios != NULL) {
		cli_json_open_object(json, "stat");
		cli_json_fields(json, &vios->base);
		cli_json_close(json);
	}
	cli_json_close(json);
}

static enum hv_code list_json(struct cli *cli, const Tarn__StatusReply *status,
			      const char *only, struct hv_err *err)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_list(json, "vios");
	for (size_t i = 0; i < status->n_hosts; i++) {
		const Tarn__HostRecord *host = status->hosts[i]->record;

		if (!cli_list_is_wanted(host->name, only))
			continue;
		for (size_t j = 0; j < host->n_vios; j++)
			put_vios(json, status, status->hosts[i], host->vios[j], true);
		for (size_t j = 0; j < host->n_other_vios; j++)
			put_vios(json, status, status->hosts[i], host->other_vios[j],
				 false);
	}
	cli_json_close(json);
	return cli_show_json(cli, json, err);
}

enum hv_code cli_vios_list(struct cli *cli, struct hv_err *err)
{
	static const struct cli_list list = { list_table, list_json, false };

	return cli_list(cli, &list, err);
}
