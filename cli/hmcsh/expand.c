/* expand - see expand.h. */
#include "cli/hmcsh/expand.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/hmcsh/arithmetic.h"
#include "hvcore/base/invariant.h"

#define NUMBER_BYTES 24    /* -2^63 */
#define SEPARATORS " \t\n" /* where IFS is not set */

/* $?, $$, $#, $0; there are no other parameters. NULL: it is a variable's name. */
static const char *find_special(const struct hmcsh_expander *expander, const char *name,
				char number[NUMBER_BYTES])
{
	if (hmcsh_name_is_valid(name, strlen(name)))
		return NULL;
	switch (name[0]) {
	case '?':
		(void)snprintf(number, NUMBER_BYTES, "%d", expander->status);
		return number;
	case '$':
		(void)snprintf(number, NUMBER_BYTES, "%d", (int)getpid());
		return number;
	case '#':
		return "0";
	case '0':
		return "hmcsh";
	default:
		return "";
	}
}

static const char *separators(const struct hmcsh_expander *expander)
{
	const char *given = hmcsh_variables_get(expander->variables, "IFS");

	return given != NULL ? given : SEPARATORS;
}

static enum hv_code add(struct hmcsh_fields *fields, const char *text, const char *split,
			struct hv_err *err)
{
	return split != NULL ? hmcsh_fields_split(fields, text, split, err)
			     : hmcsh_fields_add(fields, text, strlen(text), err);
}

static enum hv_code expand_part(struct hmcsh_expander *expander,
				const struct hmcsh_part *part, const char *split,
				struct hmcsh_fields *fields, struct hv_err *err)
{
	char digits[NUMBER_BYTES];
	const char *value;
	char *output = NULL;
	int64_t number = 0;
	enum hv_code code;

	switch (part->kind) {
	case HMCSH_TEXT:
		return add(fields, part->text, NULL, err);
	case HMCSH_VARIABLE:
		value = find_special(expander, part->text, digits);
		if (value == NULL)
			value = hmcsh_variables_get(expander->variables, part->text);
		return add(fields, value != NULL ? value : "", split, err);
	case HMCSH_OUTPUT:
		code = expander->output(expander, part->list, &output, err);
		if (code == HV_OK)
			code = add(fields, output, split, err);
		free(output);
		return code;
	case HMCSH_NUMBER:
		code = hmcsh_expand_whole(expander, part->expression, &output, err);
		if (code == HV_OK)
			code = hmcsh_arithmetic(expander->variables, output, &number,
						err);
		free(output);
		(void)snprintf(digits, sizeof(digits), "%lld", (long long)number);
		return code == HV_OK ? add(fields, digits, split, err) : code;
	}
	HV_UNREACHABLE("kind of a part");
}

/* With is_whole nothing is split. */
static enum hv_code expand_parts(struct hmcsh_expander *expander,
				 const struct hmcsh_word *word, bool is_whole,
				 struct hmcsh_fields *fields, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	for (const struct hmcsh_part *part = word->parts; part != NULL && code == HV_OK;
	     part = part->next) {
		bool is_split = !is_whole && !part->is_quoted;

		code = expand_part(expander, part, is_split ? separators(expander) : NULL,
				   fields, err);
	}
	return code;
}

enum hv_code hmcsh_expand(struct hmcsh_expander *expander, const struct hmcsh_word *word,
			  struct hmcsh_fields *fields, struct hv_err *err)
{
	enum hv_code code = expand_parts(expander, word, false, fields, err);

	return code == HV_OK ? hmcsh_fields_end(fields, err) : code;
}

enum hv_code hmcsh_expand_whole(struct hmcsh_expander *expander,
				const struct hmcsh_word *word, char **ret_text,
				struct hv_err *err)
{
	struct hmcsh_fields fields;
	enum hv_code code;

	hmcsh_fields_init(&fields);
	code = hmcsh_fields_add(&fields, "", 0, err);
	if (code == HV_OK)
		code = expand_parts(expander, word, true, &fields, err);
	if (code == HV_OK)
		code = hmcsh_fields_end(&fields, err);
	if (code == HV_OK) {
		HV_INVARIANT(fields.count == 1);
		*ret_text = fields.words[0];
		fields.count = 0;
	}
	hmcsh_fields_fini(&fields);
	return code;
}
