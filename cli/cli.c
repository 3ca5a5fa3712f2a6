/*
 * cli - from words to an exit status (cli.h).
 *
 * find the command -> parse -> run -> say what went wrong, once.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"

void cli_usage_set(struct cli *cli, struct hv_err *err, const char *format, ...)
{
	char text[HV_ERR_TEXT_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	cli->is_wrong_usage = true;
	hv_fail_set(err, HV_E_INVAL, "%s", text);
}

enum hv_code cli_show_table(struct cli *cli, struct cli_table *table, unsigned indent,
			    struct hv_err *err)
{
	enum hv_code code;

	code = cli_table_print(table, cli->out, indent, cli->is_colour, err);
	cli_table_free(table);
	return code;
}

enum hv_code cli_show_json(struct cli *cli, struct cli_json *json, struct hv_err *err)
{
	enum hv_code code = cli_json_print(json, cli->out, err);

	cli_json_free(json);
	cli->has_document = cli->has_document || code == HV_OK;
	return code;
}

const char *cli_clock_text(const struct cli *cli, uint64_t wall_ms, char *buffer,
			   size_t size)
{
	time_t at = (time_t)(wall_ms / 1000) + (time_t)cli->utc_offset_s;
	struct tm tm;

	if (gmtime_r(&at, &tm) == NULL || strftime(buffer, size, "%F %T", &tm) == 0)
		(void)snprintf(buffer, size, "-");
	return buffer;
}

static void print_error_json(struct cli *cli, const struct hv_err *error)
{
	struct cli_json *json = cli_json_new();

	cli_json_open_object(json, "error");
	cli_json_text(json, "code", hv_code_name(error->code));
	cli_json_text(json, "text", hv_err_text(error));
	cli_json_close(json);
	if (cli_show_json(cli, json, NULL) != HV_OK)
		return; /* stderr has the sentence anyway */
}

static int fail(struct cli *cli, const struct hv_err *error)
{
	cli_progress_end(cli);
	(void)fflush(cli->out);
	(void)fprintf(cli->err, "tarn: %s\n", hv_err_text(error));
	if (cli->is_json && !cli->has_document)
		print_error_json(cli, error);
	return cli->is_wrong_usage ? CLI_WRONG_USAGE : CLI_FAILED;
}

static bool has_word(unsigned count, char *const *words, const char *word)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(words[i], word) == 0)
			return true;
	return false;
}

/* "tarn", "tarn --help", "tarn pool --help": true when that was all. */
static bool explain(struct cli *cli, unsigned count, char *const *words)
{
	if (count == 0 || words[0][0] == '-') {
		if (count > 0 && strcmp(words[0], "--help") != 0 &&
		    strcmp(words[0], "-h") != 0)
			return false;
		cli_help_all(cli->out, cli->is_colour);
		return true;
	}
	if (count == 2 && has_word(1, words + 1, "--help") && cli_noun_exists(words[0])) {
		const struct cli_command *command;
		unsigned used;

		if (cli_command_find(1, words, &command, &used, NULL) == HV_OK)
			return false; /* the noun is the whole command */
		cli_help_noun(cli->out, words[0], cli->is_colour);
		return true;
	}
	return false;
}

static enum hv_code parse(struct cli *cli, unsigned count, char *const *words,
			  struct hv_err *err)
{
	const struct cli_command *command;
	unsigned used;
	enum hv_code code;

	cli->is_json = has_word(count, words, "--json");
	code = cli_command_find(count, words, &command, &used, err);
	if (code != HV_OK)
		return cli_usage(cli, err, "%s", err->text);
	cli_args_init(&cli->args, command);
	code = cli_args_parse(&cli->args, count - used, words + used, err);
	if (code == HV_OK) {
		if (cli_flag(&cli->args, "coordinator"))
			cli->url = cli_text(&cli->args, "coordinator");
		return HV_OK;
	}
	(void)cli_usage(cli, err, "%s", err->text);
	return hv_wrap(err, "%s%s%s", command->noun, command->verb != NULL ? " " : "",
		       command->verb != NULL ? command->verb : "");
}

static void show_usage(struct cli *cli)
{
	if (cli->args.command == NULL)
		return;
	(void)fputs("usage: ", cli->err);
	cli_help_usage(cli->err, cli->args.command);
	(void)fputc('\n', cli->err);
}

int cli_main(struct cli *cli, unsigned count, char *const *words)
{
	struct hv_err err = { 0 };
	enum hv_code code;
	int status;

	cli->args.command = NULL;
	if (explain(cli, count, words))
		return count > 0 ? CLI_DONE : CLI_WRONG_USAGE;
	code = parse(cli, count, words, &err);
	if (code == HV_OK && cli_flag(&cli->args, "help")) {
		cli_help_command(cli->out, cli->args.command, cli->is_colour);
		return CLI_DONE;
	}
	if (code == HV_OK)
		code = cli->args.command->run(cli, &err);
	cli_progress_end(cli);
	if (code == HV_OK && (fflush(cli->out) != 0 || ferror(cli->out)))
		code = hv_fail(&err, HV_E_IO, "write the output");
	if (code == HV_OK)
		return CLI_DONE;
	status = fail(cli, &err);
	if (status == CLI_WRONG_USAGE && !cli->is_json)
		show_usage(cli);
	return status;
}
