/* args - see args.h. */
#include "cli/args.h"

#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

#define NEAR_BYTES 32 /* longer words are nobody's typing error */

/* clang-format off */
const struct cli_option cli_common_options[] = {
	{ "json", CLI_OPTION, CLI_FLAG, .help = "print JSON instead of a table" },
	{ "coordinator", CLI_OPTION, CLI_STRING, .metavar = "URL",
	  .help = "where the coordinator listens (default: $TARN_COORDINATOR)" },
	{ "timeout", CLI_OPTION, CLI_NUMBER, .max = 86400, .metavar = "SECONDS",
	  .help = "patience with a coordinator that is silent (60; questions 10)" },
	{ "help", CLI_OPTION, CLI_FLAG, .help = "explain this command" },
	{ 0 },
};
/* clang-format on */

static bool is_operand(const struct cli_option *option)
{
	return option->place == CLI_OPERAND || option->place == CLI_EXTRA;
}

static void add_rows(struct cli_args *args, const struct cli_option *row)
{
	for (; row != NULL && row->name != NULL; row++) {
		HV_INVARIANT(args->count < CLI_OPTIONS_MAX);
		args->values[args->count++] = (struct cli_value){ .option = row };
	}
}

void cli_args_init(struct cli_args *args, const struct cli_command *command)
{
	args->command = command;
	args->count = args->repeat_count = 0;
	add_rows(args, command->options);
	add_rows(args, cli_common_options);
}

/* Distance of two words: letters put in, left out, changed or swapped. */
static unsigned distance(const char *a, const char *b)
{
	unsigned rows[3][NEAR_BYTES + 1];
	size_t n = strlen(a), m = strlen(b);

	if (n > NEAR_BYTES || m > NEAR_BYTES)
		return NEAR_BYTES;
	for (unsigned j = 0; j <= m; j++)
		rows[0][j] = j;
	for (unsigned i = 1; i <= n; i++) {
		unsigned *now = rows[i % 3], *above = rows[(i + 2) % 3];

		now[0] = i;
		for (unsigned j = 1; j <= m; j++) {
			unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && rows[(i + 1) % 3][j - 2] + 1 < best)
				best = rows[(i + 1) % 3][j - 2] + 1;
			now[j] = best;
		}
	}
	return rows[n % 3][m];
}

const char *cli_nearest(const char *word, const char *const *names, unsigned count)
{
	const char *best = NULL;
	unsigned best_distance = NEAR_BYTES;

	for (unsigned i = 0; i < count; i++) {
		unsigned d = distance(word, names[i]);

		if (strlen(word) >= 2 && strncmp(names[i], word, strlen(word)) == 0)
			d = 0; /* the beginning of a name */
		if (d < best_distance) {
			best_distance = d;
			best = names[i];
		}
	}
	/* more than every second letter wrong is another word */
	return best != NULL && best_distance * 2 <= strlen(best) ? best : NULL;
}

static enum hv_code unknown_option(const struct cli_args *args, const char *word,
				   struct hv_err *err)
{
	const char *names[CLI_OPTIONS_MAX];
	const char *near;
	unsigned n = 0;

	for (unsigned i = 0; i < args->count; i++)
		if (!is_operand(args->values[i].option))
			names[n++] = args->values[i].option->name;
	near = cli_nearest(word + 2, names, n);
	if (near == NULL)
		return hv_fail(err, HV_E_INVAL, "unknown option '%s'", word);
	return hv_fail(err, HV_E_INVAL, "unknown option '%s': do you mean --%s?", word,
		       near);
}

/* The value of "-n"; NULL when it is no option's letter. */
static struct cli_value *find_letter(struct cli_args *args, const char *word)
{
	if (word[0] != '-' || word[1] == '\0' || word[2] != '\0')
		return NULL;
	for (unsigned i = 0; i < args->count; i++)
		if (args->values[i].option->letter == word[1])
			return &args->values[i];
	return NULL;
}

/* The value of "--name" or "--name=..."; NULL when there is none of that name. */
static struct cli_value *find_option(struct cli_args *args, const char *word)
{
	size_t n = strcspn(word + 2, "=");

	for (unsigned i = 0; i < args->count; i++) {
		const struct cli_option *option = args->values[i].option;

		if (!is_operand(option) && strlen(option->name) == n &&
		    strncmp(option->name, word + 2, n) == 0)
			return &args->values[i];
	}
	return NULL;
}

static enum hv_code take_choice(struct cli_value *value, const char *text,
				struct hv_err *err)
{
	const char *const *choices = value->option->choices;
	const char *near;
	unsigned n = 0;

	for (; choices[n] != NULL; n++) {
		if (strcmp(choices[n], text) == 0) {
			value->number = n;
			return HV_OK;
		}
	}
	near = cli_nearest(text, choices, n);
	if (near != NULL)
		return hv_fail(err, HV_E_INVAL, "'%s' is unknown: do you mean '%s'?",
			       text, near);
	return hv_fail(err, HV_E_INVAL, "'%s' is none of its %u values, see --help", text,
		       n);
}

static enum hv_code take_value(struct cli_value *value, const char *text,
			       struct hv_err *err)
{
	enum hv_code code = HV_OK;

	switch (value->option->type) {
	case CLI_FLAG:
	case CLI_STRING:
		if (text[0] == '\0')
			code = hv_fail(err, HV_E_INVAL, "must not be empty");
		break;
	case CLI_NAME:
		if (!hv_name_is_valid(text))
			code = hv_fail(err, HV_E_INVAL,
				       "'%s' is not a name: 1 to 31 letters, digits, "
				       "'-', '_' or '.', a letter or digit first",
				       text);
		break;
	case CLI_SIZE:
		code = hv_size_parse(text, &value->number, err);
		break;
	case CLI_NUMBER:
		code = hv_u64_parse(text, value->option->max, &value->number, err);
		break;
	case CLI_CHOICE:
		code = take_choice(value, text, err);
		break;
	default:
		HV_UNREACHABLE("type of an option");
	}
	if (code != HV_OK)
		return hv_wrap(err, "%s%s", is_operand(value->option) ? "" : "--",
			       value->option->name);
	value->text = text;
	value->is_set = true;
	return HV_OK;
}

/* One of a list is kept beside those before it. */
static enum hv_code take_list(struct cli_args *args, struct cli_value *value,
			      const char *text, struct hv_err *err)
{
	enum hv_code code = take_value(value, text, err);

	if (code != HV_OK || !value->option->is_list)
		return code;
	if (args->repeat_count >= CLI_REPEATS_MAX)
		return hv_fail(err, HV_E_INVAL, "%s%s is there too often",
			       is_operand(value->option) ? "" : "--",
			       value->option->name);
	args->repeats[args->repeat_count++] = *value;
	return HV_OK;
}

/* One option; *ret_used is how many words it took. */
static enum hv_code take_option(struct cli_args *args, unsigned count, char *const *words,
				unsigned *ret_used, struct hv_err *err)
{
	struct cli_value *letter = find_letter(args, words[0]);
	struct cli_value *value = letter != NULL ? letter : find_option(args, words[0]);
	const char *equals = strchr(words[0], '=');

	*ret_used = 1;
	if (value == NULL)
		return unknown_option(args, words[0], err);
	if (value->is_set && !value->option->is_list)
		return hv_fail(err, HV_E_INVAL, "--%s is there twice",
			       value->option->name);
	if (value->option->type == CLI_FLAG) {
		if (equals != NULL)
			return hv_fail(err, HV_E_INVAL, "--%s takes no value",
				       value->option->name);
		value->is_set = true;
		return HV_OK;
	}
	if (equals != NULL)
		return take_list(args, value, equals + 1, err);
	if (count < 2)
		return hv_fail(err, HV_E_INVAL, "--%s needs a value: %s",
			       value->option->name, value->option->metavar);
	*ret_used = 2;
	return take_list(args, value, words[1], err);
}

static enum hv_code take_operand(struct cli_args *args, const char *word,
				 struct hv_err *err)
{
	for (unsigned i = 0; i < args->count; i++) {
		const struct cli_option *option = args->values[i].option;

		if (is_operand(option) && (option->is_list || !args->values[i].is_set))
			return take_list(args, &args->values[i], word, err);
	}
	return hv_fail(err, HV_E_INVAL, "'%s' is one word too many", word);
}

static enum hv_code check_complete(const struct cli_args *args, struct hv_err *err)
{
	for (unsigned i = 0; i < args->count; i++) {
		const struct cli_option *option = args->values[i].option;

		if (args->values[i].is_set)
			continue;
		if (option->place == CLI_OPERAND)
			return hv_fail(err, HV_E_INVAL, "%s is missing", option->name);
		if (option->place == CLI_NEEDED)
			return hv_fail(err, HV_E_INVAL, "--%s%s%s is missing",
				       option->name, option->metavar != NULL ? " " : "",
				       option->metavar != NULL ? option->metavar : "");
	}
	return HV_OK;
}

static bool wants_help(unsigned count, char *const *words)
{
	for (unsigned i = 0; i < count; i++)
		if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
			return true;
	return false;
}

enum hv_code cli_args_parse(struct cli_args *args, unsigned count, char *const *words,
			    struct hv_err *err)
{
	bool only_operands = false;
	enum hv_code code = HV_OK;
	unsigned used;

	if (wants_help(count, words)) {
		find_option(args, "--help")->is_set = true;
		return HV_OK;
	}
	for (unsigned i = 0; i < count && code == HV_OK; i += used) {
		used = 1;
		if (!only_operands && strcmp(words[i], "--") == 0)
			only_operands = true;
		else if (!only_operands && (strncmp(words[i], "--", 2) == 0 ||
					    find_letter(args, words[i]) != NULL))
			code = take_option(args, count - i, words + i, &used, err);
		else
			code = take_operand(args, words[i], err);
	}
	return code != HV_OK ? code : check_complete(args, err);
}

const struct cli_value *cli_value(const struct cli_args *args, const char *name)
{
	for (unsigned i = 0; i < args->count; i++)
		if (strcmp(args->values[i].option->name, name) == 0)
			return &args->values[i];
	HV_UNREACHABLE("a command asks for an option it does not have");
}

bool cli_flag(const struct cli_args *args, const char *name)
{
	return cli_value(args, name)->is_set;
}

const char *cli_text(const struct cli_args *args, const char *name)
{
	return cli_value(args, name)->text;
}

uint64_t cli_number(const struct cli_args *args, const char *name, uint64_t absent)
{
	const struct cli_value *value = cli_value(args, name);

	return value->is_set ? value->number : absent;
}

const struct cli_value *cli_repeat(const struct cli_args *args, const char *name,
				   unsigned nth)
{
	const struct cli_option *option = cli_value(args, name)->option;

	for (unsigned i = 0; i < args->repeat_count; i++)
		if (args->repeats[i].option == option && nth-- == 0)
			return &args->repeats[i];
	return NULL;
}
