/* hmc - see hmc.h. */
#include "cli/hmc/hmc.h"

#include <stdio_ext.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

#define WHAT_BYTES 256

static const char *dashes(const struct hmc_option *option)
{
	return option->name[1] == '\0' ? "-" : "--";
}

static const struct hmc_argument *find(const struct hmc *hmc, const char *name)
{
	for (unsigned i = 0; i < hmc->count; i++)
		if (strcmp(hmc->arguments[i].option->name, name) == 0)
			return &hmc->arguments[i];
	HV_UNREACHABLE("option of a command");
}

const char *hmc_text(const struct hmc *hmc, const char *name)
{
	return find(hmc, name)->text;
}

bool hmc_has(const struct hmc *hmc, const char *name)
{
	return find(hmc, name)->is_set;
}

enum hv_code hmc_number(const struct hmc *hmc, const char *name, uint64_t max,
			uint64_t absent, uint64_t *ret_value, struct hv_err *err)
{
	const struct hmc_argument *argument = find(hmc, name);
	char option[32], range[64];

	*ret_value = absent;
	if (argument->text == NULL ||
	    hv_u64_parse(argument->text, max, ret_value, NULL) == HV_OK)
		return HV_OK;
	(void)snprintf(option, sizeof(option), "%s%s", dashes(argument->option), name);
	(void)snprintf(range, sizeof(range), "0 to %llu", (unsigned long long)max);
	return hmc_fail(err, HMC_INVALID_VALUE, argument->text, option, range);
}

void hmc_usage_set(struct hmc *hmc, struct hv_err *err, const char *what,
		   const char *name)
{
	char text[WHAT_BYTES];

	(void)snprintf(text, sizeof(text), "%.130s %.100s", what, name);
	hmc->is_wrong_usage = true;
	(void)hmc_fail(err, HMC_USAGE, text, NULL, NULL);
}

enum hv_code hmc_choice(struct hmc *hmc, const char *name, const char *const *choices,
			unsigned *ret_index, struct hv_err *err)
{
	const struct hmc_argument *argument = find(hmc, name);
	char what[WHAT_BYTES];

	for (unsigned i = 0; choices[i] != NULL; i++) {
		if (argument->text == NULL || strcmp(argument->text, choices[i]) != 0)
			continue;
		*ret_index = i;
		return HV_OK;
	}
	(void)snprintf(what, sizeof(what), "The value of the %s%s option is not valid:",
		       dashes(argument->option), name);
	return hmc_usage(hmc, err, what, argument->text != NULL ? argument->text : "");
}

static void print_usage(const struct hmc_command *command, FILE *out)
{
	(void)fprintf(out, "Usage: %s", command->name);
	for (const struct hmc_option *row = command->options; row->name != NULL; row++) {
		(void)fprintf(out, " %s%s%s", row->is_needed ? "" : "[", dashes(row),
			      row->name);
		if (row->takes == HMC_TEXT)
			(void)fprintf(out, " %s", row->metavar);
		if (row->takes == HMC_MAYBE)
			(void)fprintf(out, " [%s]", row->metavar);
		(void)fputs(row->is_needed ? "" : "]", out);
	}
	(void)fputs(" [--help]\n", out);
}

static void start(struct hmc *hmc)
{
	for (const struct hmc_option *row = hmc->command->options; row->name != NULL;
	     row++) {
		HV_INVARIANT(hmc->count < HMC_OPTIONS_MAX);
		hmc->arguments[hmc->count++] = (struct hmc_argument){ .option = row };
	}
}

/* The argument that "-r", "--filter" or "--filter=..." is; NULL: none. */
static struct hmc_argument *find_word(struct hmc *hmc, const char *word)
{
	for (unsigned i = 0; i < hmc->count; i++) {
		const struct hmc_option *option = hmc->arguments[i].option;
		const char *prefix = dashes(option);
		size_t n = strlen(prefix), m = strlen(option->name);

		if (strncmp(word, prefix, n) == 0 &&
		    strncmp(word + n, option->name, m) == 0 &&
		    (word[n + m] == '\0' || (n == 2 && word[n + m] == '=')))
			return &hmc->arguments[i];
	}
	return NULL;
}

/* "-sh" is -s with its value, as getopt has it; NULL: it is none. */
static struct hmc_argument *find_joined(struct hmc *hmc, const char *word)
{
	if (word[0] != '-' || word[1] == '-' || word[1] == '\0')
		return NULL;
	for (unsigned i = 0; i < hmc->count; i++) {
		const struct hmc_option *option = hmc->arguments[i].option;

		if (option->name[0] == word[1] && option->name[1] == '\0' &&
		    option->takes != HMC_FLAG)
			return &hmc->arguments[i];
	}
	return NULL;
}

/* One option; *ret_used is how many words it took. */
static enum hv_code take(struct hmc *hmc, unsigned count, char *const *words,
			 unsigned *ret_used, struct hv_err *err)
{
	struct hmc_argument *argument = find_word(hmc, words[0]);
	const char *equals = strchr(words[0], '=');
	bool has_next = count > 1 && (words[1][0] != '-' || words[1][1] == '\0');

	bool is_joined = argument == NULL;

	*ret_used = 1;
	if (is_joined)
		argument = find_joined(hmc, words[0]);
	if (argument == NULL)
		return hmc_usage(hmc, err, "An invalid option was entered:", words[0]);
	if (argument->is_set)
		return hmc_usage(hmc, err,
				 "An option was entered more than once:", words[0]);
	argument->is_set = true;
	if (is_joined) {
		argument->text = words[0] + 2;
		return HV_OK;
	}
	if (argument->option->takes == HMC_FLAG)
		return equals == NULL ? HV_OK
				      : hmc_usage(hmc, err,
						  "An option takes no value:", words[0]);
	if (equals != NULL && words[0][1] == '-') {
		argument->text = equals + 1;
		return HV_OK;
	}
	if (!has_next && argument->option->takes == HMC_MAYBE)
		return HV_OK;
	if (count < 2)
		return hmc_usage(hmc, err, "A value is missing for the option", words[0]);
	argument->text = words[1];
	*ret_used = 2;
	return HV_OK;
}

static enum hv_code parse(struct hmc *hmc, unsigned count, char *const *words,
			  struct hv_err *err)
{
	enum hv_code code = HV_OK;
	unsigned used;

	for (unsigned i = 0; i < count && code == HV_OK; i += used)
		code = take(hmc, count - i, words + i, &used, err);
	for (unsigned i = 0; i < hmc->count && code == HV_OK; i++) {
		const struct hmc_option *option = hmc->arguments[i].option;
		char name[32];

		if (!option->is_needed || hmc->arguments[i].is_set)
			continue;
		(void)snprintf(name, sizeof(name), "%s%s", dashes(option), option->name);
		code = hmc_usage(hmc, err, "A required option is missing:", name);
	}
	return code;
}

static const struct hmc_command *find_command(const char *word)
{
	const char *slash = strrchr(word, '/');
	const char *name = slash != NULL ? slash + 1 : word;

	for (const struct hmc_command *row = hmc_commands; row->name != NULL; row++)
		if (strcmp(row->name, name) == 0)
			return row;
	return NULL;
}

static void list_commands(FILE *out)
{
	(void)fputs("Usage: tarn-hmc COMMAND [OPTION...], or by a link of its name\n",
		    out);
	for (const struct hmc_command *row = hmc_commands; row->name != NULL; row++)
		(void)fprintf(out, "  %-12s %s\n", row->name, row->summary);
}

static bool wants_help(unsigned count, char *const *words)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(words[i], "--help") == 0)
			return true;
	return false;
}

/* Is it one of errors.h, or still a sentence from below? */
static bool is_message(const struct hv_err *err)
{
	return err->text[0] >= 'A' && err->text[0] <= 'Z' &&
	       (strncmp(err->text, "HSCL", 4) == 0 ||
		strncmp(err->text, "An invalid", 10) == 0);
}

static int run(struct hmc *hmc, unsigned count, char *const *words)
{
	struct cli *cli = hmc->cli;
	struct hv_err err = { 0 };
	enum hv_code code = parse(hmc, count, words, &err);

	if (code == HV_OK)
		code = hmc_access_check(hmc, hmc->command->access, &err);
	if (code == HV_OK)
		code = hmc->command->run(hmc, &err);
	cli_progress_end(cli);
	if (code == HV_OK && (fflush(cli->out) != 0 || ferror(cli->out)))
		code = hv_fail(&err, HV_E_IO, "write the output");
	if (code == HV_OK)
		return CLI_DONE;
	if (!is_message(&err))
		(void)hmc_translate(&err);
	(void)fflush(cli->out);
	(void)fprintf(cli->err, "%s\n", err.text);
	if (hmc->is_wrong_usage)
		print_usage(hmc->command, cli->err);
	return CLI_FAILED;
}

int hmc_main(struct cli *cli, unsigned count, char *const *words)
{
	static const struct cli_command nothing; /* its options are the common ones */
	struct hmc hmc = { .cli = cli,
			   .detail = TARN__LPAR_DETAIL__LPAR_DETAIL_PROFILES };

	cli_args_init(&cli->args, &nothing);
	/* One thread prints; with nng's beside it stdio would lock for every piece. */
	(void)__fsetlocking(cli->out, FSETLOCKING_BYCALLER);
	cli->is_live = false; /* an HMC shows no progress */
	if (count > 0)
		hmc.command = find_command(words[0]);
	if (hmc.command == NULL && count > 1) {
		count--;
		words++;
		hmc.command = find_command(words[0]);
	}
	if (hmc.command == NULL) {
		bool is_help = count > 0 && wants_help(1, words);

		list_commands(is_help ? cli->out : cli->err);
		return is_help ? CLI_DONE : CLI_FAILED;
	}
	if (wants_help(count - 1, words + 1)) {
		print_usage(hmc.command, cli->out);
		(void)fprintf(cli->out, "%s\n", hmc.command->summary);
		return CLI_DONE;
	}
	start(&hmc);
	return run(&hmc, count - 1, words + 1);
}
