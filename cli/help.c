/* help - explains the table of commands (cli/commands.h). */
#include "cli/commands.h"

#include <string.h>

static bool is_operand(const struct cli_option *option)
{
	return option->place == CLI_OPERAND || option->place == CLI_EXTRA;
}

static void usage_part(FILE *out, const struct cli_option *option)
{
	bool may_be_absent = option->place == CLI_EXTRA;

	if (is_operand(option))
		(void)fprintf(out, "%s%s%s%s", may_be_absent ? " [" : " ", option->name,
			      option->is_list ? "..." : "", may_be_absent ? "]" : "");
	else if (option->place == CLI_NEEDED)
		(void)fprintf(out, " --%s %s", option->name, option->metavar);
}

void cli_help_usage(FILE *out, const struct cli_command *command)
{
	bool has_more = false;

	(void)fprintf(out, "tarn %s", command->noun);
	if (command->verb != NULL)
		(void)fprintf(out, " %s", command->verb);
	for (const struct cli_option *row = command->options;
	     row != NULL && row->name != NULL; row++) {
		usage_part(out, row);
		has_more = has_more || row->place == CLI_OPTION;
	}
	(void)fprintf(out, "%s", has_more ? " [OPTION...]" : "");
}

static void print_rows(FILE *out, const struct cli_option *row)
{
	char left[64];

	for (; row != NULL && row->name != NULL; row++) {
		char letter[] = { '-', row->letter, ',', ' ', '\0' };

		(void)snprintf(left, sizeof(left), "%s%s%s%s%s",
			       row->letter != '\0' ? letter : "",
			       is_operand(row) ? "" : "--", row->name,
			       row->metavar != NULL ? " " : "",
			       row->metavar != NULL ? row->metavar : "");
		(void)fprintf(out, "  %-24s%s\n", left, row->help);
	}
}

void cli_help_command(FILE *out, const struct cli_command *command, bool is_colour)
{
	cli_tone_print(out, CLI_STRONG, is_colour, "usage: ");
	cli_help_usage(out, command);
	(void)fprintf(out, "\n\n%s%s%s: %s\n\n", command->noun,
		      command->verb != NULL ? " " : "",
		      command->verb != NULL ? command->verb : "",
		      command->summary != NULL ? command->summary : "for scripts");
	print_rows(out, command->options);
	print_rows(out, cli_common_options);
	(void)fputs("\nA SIZE is a number with K, M, G or T behind it: 512M.\n", out);
}

static void print_line(FILE *out, const struct cli_command *command)
{
	char left[64];

	(void)snprintf(left, sizeof(left), "%s%s%s", command->noun,
		       command->verb != NULL ? " " : "",
		       command->verb != NULL ? command->verb : "");
	(void)fprintf(out, "  %-21s%s\n", left, command->summary);
}

void cli_help_noun(FILE *out, const char *noun, bool is_colour)
{
	cli_tone_print(out, CLI_STRONG, is_colour, "usage: ");
	(void)fprintf(out, "tarn %s VERB ...\n\n", noun);
	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++)
		if (strcmp(row->noun, noun) == 0)
			print_line(out, row);
	(void)fprintf(out, "\n'tarn %s VERB --help' explains one.\n", noun);
}

void cli_help_all(FILE *out, bool is_colour)
{
	const char *before = "";

	cli_tone_print(out, CLI_STRONG, is_colour, "usage: ");
	(void)fputs("tarn NOUN VERB [NAME] [--OPTION VALUE...]\n\n"
		    "Shared memory partitions on a cluster of hosts, paged through "
		    "redundant pairs of VIOS.\n",
		    out);
	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++) {
		if (row->summary == NULL)
			continue;
		if (strcmp(before, row->noun) != 0 &&
		    (row->verb != NULL || before[0] == '\0' ||
		     strcmp(row->noun, "place") == 0 || strcmp(row->noun, "events") == 0))
			(void)fputc('\n', out);
		print_line(out, row);
		before = row->noun;
	}
	(void)fputs("\nEvery command takes --json, --coordinator URL (default "
		    "$TARN_COORDINATOR),\n--timeout SECONDS and --help. "
		    "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
		    out);
}

enum hv_code cli_help(struct cli *cli, struct hv_err *err)
{
	const char *noun = cli_text(&cli->args, "NOUN"),
		   *verb = cli_text(&cli->args, "VERB");
	const struct cli_command *command;
	/* only read: parsing never writes to a word */
	char *words[2] = { (char *)noun, (char *)verb };
	unsigned used;
	enum hv_code code;

	if (noun == NULL) {
		cli_help_all(cli->out, cli->is_colour);
		return HV_OK;
	}
	code = cli_command_find(verb != NULL ? 2 : 1, words, &command, &used, err);
	if (code == HV_OK) {
		cli_help_command(cli->out, command, cli->is_colour);
		return HV_OK;
	}
	if (verb == NULL && cli_noun_exists(noun)) {
		cli_help_noun(cli->out, noun, cli->is_colour);
		return HV_OK;
	}
	return cli_usage(cli, err, "%s", err->text);
}
