/* option - see option.h. */
#include "hvcore/base/option.h"

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

#include <string.h>

#define EXIT_USAGE 2
#define HELP_COLUMN 28 /* where the text begins */
#define OPTIONS_MAX 64 /* of one table; one bit each below */
#define TEXT_BYTES 64

const char hv_option_absent[] = "";

struct parser {
	const struct hv_option_table *table;
	void *config;
	uint64_t given; /* one bit an option */
};

static void *field(const struct parser *parser, const struct hv_option *option)
{
	return (char *)parser->config + option->offset;
}

static enum hv_code check_length(const struct hv_option *option, const char *text,
				 struct hv_err *err)
{
	size_t n = strlen(text);

	if (n < option->min)
		return hv_fail(err, HV_E_INVAL, "--%s is shorter than %llu characters",
			       option->name, (unsigned long long)option->min);
	if (option->max != 0 && n > option->max)
		return hv_fail(err, HV_E_LIMIT, "--%s is longer than %llu characters",
			       option->name, (unsigned long long)option->max);
	return HV_OK;
}

static enum hv_code check_text(const struct hv_option *option, const char *text,
			       struct hv_err *err)
{
	switch (option->type) {
	case HV_OPTION_NAME:
		if (!hv_name_is_valid(text))
			return hv_fail(err, HV_E_INVAL,
				       "--%s: '%.64s' is not a name: 1 to %d letters, "
				       "digits, -, _ and ., a letter or digit first",
				       option->name, text, HV_NAME_BYTES - 1);
		return HV_OK;
	case HV_OPTION_HEX:
		if (strlen(text) != option->min ||
		    strspn(text, "0123456789abcdefABCDEF") != option->min)
			return hv_fail(
				err, HV_E_INVAL, "--%s: '%.64s' is not %llu hex digits",
				option->name, text, (unsigned long long)option->min);
		return HV_OK;
	case HV_OPTION_PATH:
		if (text[0] != '/')
			return hv_fail(err, HV_E_INVAL,
				       "--%s: '%.64s' is not an absolute path",
				       option->name, text);
		HV_FALLTHROUGH;
	default:
		return check_length(option, text, err);
	}
}

static const char *format_number(const struct hv_option *option, uint64_t value,
				 char *buffer, size_t size)
{
	if (option->type == HV_OPTION_SIZE)
		return hv_size_format(value, buffer, size);
	(void)snprintf(buffer, size, "%llu", (unsigned long long)value);
	return buffer;
}

static enum hv_code parse_number(const struct hv_option *option, const char *text,
				 uint64_t *ret_value, struct hv_err *err)
{
	char low[TEXT_BYTES], high[TEXT_BYTES];
	uint64_t value;
	enum hv_code code;

	code = option->type == HV_OPTION_SIZE
		       ? hv_size_parse(text, &value, err)
		       : hv_u64_parse(text, UINT64_MAX, &value, err);
	if (code != HV_OK) {
		(void)hv_wrap(err, "--%s", option->name);
		return code;
	}
	(void)format_number(option, option->min, low, sizeof(low));
	(void)format_number(option, option->max, high, sizeof(high));
	if (value < option->min)
		return hv_fail(err, HV_E_LIMIT, "--%s: %.64s is less than the least, %s",
			       option->name, text, low);
	if (option->max != 0 && value > option->max)
		return hv_fail(err, HV_E_LIMIT, "--%s: %.64s is more than the most, %s",
			       option->name, text, high);
	*ret_value = value;
	return HV_OK;
}

static enum hv_code parse_bool(const struct hv_option *option, const char *text,
			       bool *ret_value, struct hv_err *err)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return hv_fail(err, HV_E_INVAL, "--%s: '%.64s' is neither yes nor no",
			       option->name, text);
	*ret_value = strcmp(text, "yes") == 0;
	return HV_OK;
}

static enum hv_code parse_choice(const struct hv_option *option, const char *text,
				 unsigned *ret_index, struct hv_err *err)
{
	char all[HV_ERR_TEXT_BYTES / 2] = "";

	for (unsigned i = 0; option->choices[i] != NULL; i++) {
		size_t at = strlen(all);

		if (strcmp(option->choices[i], text) == 0) {
			*ret_index = i;
			return HV_OK;
		}
		(void)snprintf(all + at, sizeof(all) - at, "%s%s", i > 0 ? ", " : "",
			       option->choices[i]);
	}
	return hv_fail(err, HV_E_INVAL, "--%s: '%.64s' is none of: %s", option->name,
		       text, all);
}

static enum hv_code append(const struct hv_option *option, const char *text,
			   struct hv_option_list *list, struct hv_err *err)
{
	enum hv_code code = check_length(option, text, err);

	if (code != HV_OK)
		return code;
	if (list->count == HV_OPTION_LIST_MAX)
		return hv_fail(err, HV_E_LIMIT, "--%s is given more than %d times",
			       option->name, HV_OPTION_LIST_MAX);
	list->at[list->count++] = text;
	return HV_OK;
}

static enum hv_code set(const struct parser *parser, const struct hv_option *option,
			const char *text, struct hv_err *err)
{
	void *at = field(parser, option);
	enum hv_code code;

	switch (option->type) {
	case HV_OPTION_SIZE:
	case HV_OPTION_U64:
		return parse_number(option, text, at, err);
	case HV_OPTION_BOOL:
		return parse_bool(option, text, at, err);
	case HV_OPTION_CHOICE:
		return parse_choice(option, text, at, err);
	case HV_OPTION_LIST:
		return append(option, text, at, err);
	default:
		code = check_text(option, text, err);
		if (code == HV_OK)
			*(const char **)at = text;
		return code;
	}
}

static void set_absent(const struct parser *parser, const struct hv_option *option)
{
	void *at = field(parser, option);

	switch (option->type) {
	case HV_OPTION_SIZE:
	case HV_OPTION_U64:
		*(uint64_t *)at = 0;
		return;
	case HV_OPTION_BOOL:
	case HV_OPTION_FLAG:
		*(bool *)at = false;
		return;
	case HV_OPTION_CHOICE:
		*(unsigned *)at = 0;
		return;
	case HV_OPTION_LIST:
		((struct hv_option_list *)at)->count = 0;
		return;
	default:
		*(const char **)at = NULL;
	}
}

/* A bad default is a defect of the table, so it is an invariant. */
static void set_defaults(const struct parser *parser)
{
	for (size_t i = 0; i < parser->table->count; i++) {
		const struct hv_option *option = &parser->table->options[i];

		set_absent(parser, option);
		if (option->initial == NULL || option->initial == hv_option_absent)
			continue;
		HV_INVARIANT(set(parser, option, option->initial, NULL) == HV_OK);
	}
}

static const struct hv_option *find(const struct parser *parser, const char *name,
				    size_t length)
{
	for (size_t i = 0; i < parser->table->count; i++) {
		const struct hv_option *option = &parser->table->options[i];

		if (strlen(option->name) == length &&
		    memcmp(option->name, name, length) == 0)
			return option;
	}
	return NULL;
}

static enum hv_code note_given(struct parser *parser, const struct hv_option *option,
			       struct hv_err *err)
{
	uint64_t bit = UINT64_C(1) << (option - parser->table->options);

	if ((parser->given & bit) != 0 && option->type != HV_OPTION_LIST)
		return hv_fail(err, HV_E_INVAL, "--%s is given twice", option->name);
	parser->given |= bit;
	return HV_OK;
}

static enum hv_code take_flag(struct parser *parser, const struct hv_option *option,
			      const char *value, bool is_on, struct hv_err *err)
{
	enum hv_code code;

	if (value != NULL)
		return hv_fail(err, HV_E_INVAL, "--%s takes no value", option->name);
	code = note_given(parser, option, err);
	if (code == HV_OK)
		*(bool *)field(parser, option) = is_on;
	return code;
}

/* `word` has lost its dashes; *at is its index in argv and moves over the value. */
static enum hv_code take(struct parser *parser, const char *word, int argc, char **argv,
			 int *at, struct hv_err *err)
{
	const char *equals = strchr(word, '=');
	const char *value = equals != NULL ? equals + 1 : NULL;
	size_t length = equals != NULL ? (size_t)(equals - word) : strlen(word);
	const struct hv_option *option = find(parser, word, length);
	enum hv_code code;

	if (option == NULL && strncmp(word, "no-", 3) == 0) {
		option = find(parser, word + 3, length > 3 ? length - 3 : 0);
		if (option != NULL && option->type == HV_OPTION_FLAG)
			return take_flag(parser, option, value, false, err);
		option = NULL;
	}
	if (option == NULL)
		return hv_fail(err, HV_E_INVAL, "unknown option '--%.*s'; see --help",
			       (int)(length < TEXT_BYTES ? length : TEXT_BYTES), word);
	if (option->type == HV_OPTION_FLAG)
		return take_flag(parser, option, value, true, err);
	if (value == NULL && *at + 1 >= argc)
		return hv_fail(err, HV_E_INVAL, "--%s needs a value: %s", option->name,
			       option->value);
	if (value == NULL)
		value = argv[++*at];
	code = note_given(parser, option, err);
	return code == HV_OK ? set(parser, option, value, err) : code;
}

static enum hv_code check_required(const struct parser *parser, struct hv_err *err)
{
	for (size_t i = 0; i < parser->table->count; i++) {
		const struct hv_option *option = &parser->table->options[i];

		if (option->initial == NULL && option->type != HV_OPTION_FLAG &&
		    (parser->given & (UINT64_C(1) << i)) == 0)
			return hv_fail(err, HV_E_INVAL, "--%s %s is missing; see --help",
				       option->name, option->value);
	}
	return HV_OK;
}

static enum hv_code check_operands(const struct hv_option_table *table, int argc,
				   char **argv, int at, struct hv_err *err)
{
	if (at < argc && table->operands == NULL)
		return hv_fail(err, HV_E_INVAL, "unexpected argument '%.64s'; see --help",
			       argv[at]);
	return HV_OK;
}

enum hv_code hv_option_parse(const struct hv_option_table *table, int argc, char **argv,
			     void *config, struct hv_option_result *ret_result,
			     struct hv_err *err)
{
	struct parser parser = { .table = table, .config = config };
	struct hv_option_result result = { 0 };
	enum hv_code code = HV_OK;
	int at;

	HV_INVARIANT(table->count <= OPTIONS_MAX);
	set_defaults(&parser);
	for (at = 1; at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
		const char *word = argv[at] + 2;

		if (word[0] == '\0') { /* "--" */
			at++;
			break;
		}
		if (strcmp(word, "help") == 0) {
			result.wants_help = true;
			*ret_result = result;
			return HV_OK;
		}
		if (strcmp(word, "check") == 0)
			result.is_check = true;
		else
			code = take(&parser, word, argc, argv, &at, err);
		if (code != HV_OK)
			return code;
	}
	code = check_operands(table, argc, argv, at, err);
	if (code == HV_OK)
		code = check_required(&parser, err);
	if (code != HV_OK)
		return code;
	result.operand = at;
	*ret_result = result;
	return HV_OK;
}

static void print_bounds(const struct hv_option *option, FILE *to)
{
	char low[TEXT_BYTES], high[TEXT_BYTES];

	if (option->type == HV_OPTION_CHOICE) {
		for (unsigned i = 0; option->choices[i] != NULL; i++)
			(void)fprintf(to, "%s%s", i == 0 ? "; one of: " : ", ",
				      option->choices[i]);
		return;
	}
	if ((option->type != HV_OPTION_SIZE && option->type != HV_OPTION_U64) ||
	    (option->min == 0 && option->max == 0))
		return;
	(void)format_number(option, option->min, low, sizeof(low));
	(void)format_number(option, option->max, high, sizeof(high));
	if (option->max == 0)
		(void)fprintf(to, "; at least %s", low);
	else
		(void)fprintf(to, "; %s to %s", low, high);
}

static void print_option(const struct hv_option *option, FILE *to)
{
	int n = fprintf(to, "  --%s%s%s", option->name, option->value != NULL ? " " : "",
			option->value != NULL ? option->value : "");

	(void)fprintf(to, "%*s%s", n < HELP_COLUMN ? HELP_COLUMN - n : 1, "",
		      option->help);
	print_bounds(option, to);
	if (option->initial == NULL && option->type != HV_OPTION_FLAG)
		(void)fprintf(to, " (required)");
	else if (option->initial != NULL && option->initial[0] != '\0')
		(void)fprintf(to, " (default %s)", option->initial);
	(void)fputc('\n', to);
}

void hv_option_help(const struct hv_option_table *table, FILE *to)
{
	(void)fprintf(to, "usage: %s [OPTION...]%s%s\n%s\n\n", table->program,
		      table->operands != NULL ? " " : "",
		      table->operands != NULL ? table->operands : "", table->summary);
	for (size_t i = 0; i < table->count; i++)
		print_option(&table->options[i], to);
	(void)fprintf(to, "  %-*s%s\n  %-*s%s\n", HELP_COLUMN - 2, "--check",
		      "check the options and what they name, then exit", HELP_COLUMN - 2,
		      "--help", "print this and exit");
}

int hv_option_main(const struct hv_option_table *table, int argc, char **argv,
		   void *config, struct hv_option_result *ret_result)
{
	struct hv_option_result result;
	struct hv_err err;

	if (hv_option_parse(table, argc, argv, config, &result, &err) != HV_OK) {
		(void)fprintf(stderr, "%s: %s\n", table->program, hv_err_text(&err));
		return EXIT_USAGE;
	}
	if (result.wants_help) {
		hv_option_help(table, stdout);
		return 0;
	}
	*ret_result = result;
	return -1;
}
