/*
 * completion - tarn completion bash, and the names it asks for while it completes.
 *
 * The script is made from the table of commands; names of objects come from the
 * coordinator by the hidden command `tarn __names NOUN`, which gives up after a
 * second and is silent when it fails.
 */
#include "cli/commands.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"

static const char script_head[] =
	"# bash completion of tarn: source <(tarn completion bash)\n"
	"_tarn()\n"
	"{\n"
	"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}\n"
	"\tlocal noun=${COMP_WORDS[1]} verb=${COMP_WORDS[2]} key words ask\n"
	"\tCOMPREPLY=()\n";

static const char script_tail[] =
	"\tif ((COMP_CWORD == 1)); then\n"
	"\t\twords=$nouns\n"
	"\telif [[ -n ${verbs[$noun]} ]] && ((COMP_CWORD == 2)); then\n"
	"\t\twords=\"${verbs[$noun]} --help\"\n"
	"\telse\n"
	"\t\tkey=$noun\n"
	"\t\t[[ -n ${verbs[$noun]} ]] && key=\"$noun $verb\"\n"
	"\t\tif [[ -n ${values[\"$key $prev\"]} ]]; then\n"
	"\t\t\twords=${values[\"$key $prev\"]}\n"
	"\t\telif [[ -n ${asks[\"$key $prev\"]} ]]; then\n"
	"\t\t\task=${asks[\"$key $prev\"]}\n"
	"\t\telif [[ -n ${takes[\"$key $prev\"]} ]]; then\n"
	"\t\t\t[[ $prev == --path ]] && mapfile -t COMPREPLY < <(compgen -f -- "
	"\"$cur\")\n"
	"\t\t\treturn\n"
	"\t\telif [[ $cur == -* ]]; then\n"
	"\t\t\twords=${options[\"$key\"]}\n"
	"\t\telse\n"
	"\t\t\twords=${values[\"$key\"]}\n"
	"\t\t\task=${asks[\"$key\"]}\n"
	"\t\t\t[[ -z $words$ask ]] && words=${options[\"$key\"]}\n"
	"\t\tfi\n"
	"\tfi\n"
	"\tif [[ -n $ask ]]; then\n"
	"\t\twords=$(tarn __names \"$ask\" --timeout 1 2>/dev/null)\n"
	"\tfi\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
	"}\n"
	"complete -F _tarn tarn\n";

static void print_key(FILE *out, const struct cli_command *command)
{
	(void)fprintf(out, "%s%s%s", command->noun, command->verb != NULL ? " " : "",
		      command->verb != NULL ? command->verb : "");
}

static bool is_option(const struct cli_option *row)
{
	return row->place == CLI_OPTION || row->place == CLI_NEEDED;
}

/* The key of a row: "lpar create --mode", or "drill run" for an operand. */
static void open_entry(FILE *out, const char *array, const struct cli_command *command,
		       const struct cli_option *row)
{
	(void)fprintf(out, "\t%s[\"", array);
	print_key(out, command);
	if (is_option(row))
		(void)fprintf(out, " --%s", row->name);
	(void)fputs("\"]=\"", out);
}

static void print_row(FILE *out, const struct cli_command *command,
		      const struct cli_option *row)
{
	if (row->choices != NULL) {
		open_entry(out, "values", command, row);
		for (unsigned i = 0; row->choices[i] != NULL; i++)
			(void)fprintf(out, "%s%s", i > 0 ? " " : "", row->choices[i]);
		(void)fputs("\"\n", out);
	} else if (row->complete != NULL) {
		open_entry(out, "asks", command, row);
		(void)fprintf(out, "%s\"\n", row->complete);
	} else if (is_option(row) && row->type != CLI_FLAG) {
		open_entry(out, "takes", command, row);
		(void)fputs("yes\"\n", out);
	}
}

static void print_command(FILE *out, const struct cli_command *command)
{
	const struct cli_option *const tables[] = { command->options,
						    cli_common_options };

	(void)fputs("\toptions[\"", out);
	print_key(out, command);
	(void)fputs("\"]=\"", out);
	for (unsigned i = 0; i < HV_COUNT(tables); i++)
		for (const struct cli_option *row = tables[i];
		     row != NULL && row->name != NULL; row++)
			if (is_option(row))
				(void)fprintf(out, "--%s ", row->name);
	(void)fputs("\"\n", out);
	for (unsigned i = 0; i < HV_COUNT(tables); i++)
		for (const struct cli_option *row = tables[i];
		     row != NULL && row->name != NULL; row++)
			print_row(out, command, row);
}

static void print_verbs(FILE *out)
{
	const char *before = "";

	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++) {
		if (row->summary == NULL || strcmp(row->noun, before) == 0)
			continue;
		before = row->noun;
		if (row->verb == NULL)
			continue;
		(void)fprintf(out, "\tverbs[%s]=\"", row->noun);
		for (const struct cli_command *at = row;
		     at->noun != NULL && strcmp(at->noun, row->noun) == 0; at++)
			(void)fprintf(out, "%s%s", at == row ? "" : " ", at->verb);
		(void)fputs("\"\n", out);
	}
}

static void print_nouns(FILE *out)
{
	const char *before = "";

	(void)fputs("\tlocal nouns=\"", out);
	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++) {
		if (row->summary == NULL || strcmp(row->noun, before) == 0)
			continue;
		(void)fprintf(out, "%s%s", before[0] != '\0' ? " " : "", row->noun);
		before = row->noun;
	}
	(void)fputs("\"\n", out);
}

enum hv_code cli_completion(struct cli *cli, struct hv_err *err)
{
	(void)err; /* the choice was checked: bash is the only shell */
	(void)fputs(script_head, cli->out);
	print_nouns(cli->out);
	(void)fputs("\tlocal -A verbs options values asks takes\n", cli->out);
	print_verbs(cli->out);
	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++)
		if (row->summary != NULL)
			print_command(cli->out, row);
	(void)fputs(script_tail, cli->out);
	return HV_OK;
}

static enum hv_code print_drills(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	Tarn__ClusterReply *reply;
	enum hv_code code;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILLS;
	request.drills = &query;
	code = cli_ask(cli, &request, &reply, err);
	if (code != HV_OK)
		return code;
	for (size_t i = 0; i < reply->n_drills; i++)
		(void)fprintf(cli->out, "%" PRIu64 "\n", reply->drills[i]->number);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return HV_OK;
}

static void vios_names(const Tarn__HostRecord *host, FILE *out)
{
	for (size_t i = 0; i < host->n_vios; i++)
		(void)fprintf(out, "%s\n", host->vios[i]->name);
	for (size_t i = 0; i < host->n_other_vios; i++)
		(void)fprintf(out, "%s\n", host->other_vios[i]->name);
}

static void print_names(FILE *out, const Tarn__StatusReply *status, const char *noun)
{
	if (strcmp(noun, "host") == 0)
		for (size_t i = 0; i < status->n_hosts; i++)
			(void)fprintf(out, "%s\n", status->hosts[i]->record->name);
	if (strcmp(noun, "lpar") == 0)
		for (size_t i = 0; i < status->n_lpars; i++)
			(void)fprintf(out, "%s\n", status->lpars[i]->record->spec->name);
	if (strcmp(noun, "pgdev") == 0)
		for (size_t i = 0; i < status->n_devices; i++)
			(void)fprintf(out, "%s\n",
				      status->devices[i]->record->device->name);
	if (strcmp(noun, "vios") == 0)
		for (size_t i = 0; i < status->n_hosts; i++)
			vios_names(status->hosts[i]->record, out);
}

enum hv_code cli_names(struct cli *cli, struct hv_err *err)
{
	const char *noun = cli_text(&cli->args, "NOUN");
	Tarn__ClusterReply *reply;
	enum hv_code code;

	if (strcmp(noun, "drill") == 0)
		return print_drills(cli, err);
	code = cli_ask_status(cli, false, &reply, err);
	if (code != HV_OK)
		return code;
	print_names(cli->out, reply->status, noun);
	tarn__cluster_reply__free_unpacked(reply, NULL);
	return HV_OK;
}
