/*
 * hmcsh_script - fuzz target for the lines of the HMC shell.
 *
 * Claim: no line makes the parser read outside it, go deep or take more memory than it
 * may; what is accepted is printed so that it is read as the same script. Its words,
 * whatever they become, are checked for the filters without harm.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/hmcsh/expand.h"
#include "cli/hmcsh/filters.h"
#include "cli/hmcsh/parser.h"
#include "hvcore/base/invariant.h"
#include "tests/fuzz/fuzz.h"

static char *print(const struct hmcsh_script *script, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);

	HV_INVARIANT(out != NULL);
	hmcsh_script_print(script, out);
	HV_INVARIANT(fclose(out) == 0);
	return text;
}

static void check_round_trip(const struct hmcsh_script *script)
{
	struct hmcsh_script again;
	size_t size, size_again;
	char *text = print(script, &size), *text_again;

	/* quotes and blanks are added: a line near the limit may pass it */
	if (size < HMCSH_LINE_BYTES_MAX) {
		hmcsh_script_init(&again);
		HV_INVARIANT(hmcsh_parse(text, &again, NULL) == HV_OK);
		text_again = print(&again, &size_again);
		HV_INVARIANT(strcmp(text, text_again) == 0);
		free(text_again);
		hmcsh_script_fini(&again);
	}
	free(text);
}

/* Instead of a command that runs. */
static enum hv_code give_output(struct hmcsh_expander *expander,
				const struct hmcsh_node *list, char **ret_text,
				struct hv_err *err)
{
	(void)list;
	(void)err;
	*ret_text = strdup(expander->owner);
	HV_INVARIANT(*ret_text != NULL);
	return HV_OK;
}

static void expand_words(struct hmcsh_expander *expander, const struct hmcsh_node *node)
{
	struct hmcsh_fields fields;
	enum hv_code code = HV_OK;

	hmcsh_fields_init(&fields);
	for (const struct hmcsh_word *word = node->words; word != NULL && code == HV_OK;
	     word = word->next)
		code = hmcsh_expand(expander, word, &fields, NULL);
	if (code == HV_OK && fields.count > 0 &&
	    hmcsh_filter_find(fields.words[0]) != NULL)
		(void)!hmcsh_filter_check(hmcsh_filter_find(fields.words[0]),
					  (const char *const *)fields.words, NULL);
	hmcsh_fields_fini(&fields);
}

/* Recursion is bounded by the parser. */
static void walk(struct hmcsh_expander *expander, const struct hmcsh_node *node)
{
	for (; node != NULL; node = node->next) {
		expand_words(expander, node);
		walk(expander, node->condition);
		walk(expander, node->body);
	}
}

static void check_expansion(const struct hmcsh_script *script)
{
	static char output[] = "-f  x:y,\nz";
	static struct hmcsh_variables variables;
	struct hmcsh_expander expander = { .variables = &variables,
					   .output = give_output,
					   .owner = output };

	hmcsh_variables_init(&variables);
	HV_INVARIANT(hmcsh_variables_set(&variables, "a", " -e p ", NULL) == HV_OK);
	HV_INVARIANT(hmcsh_variables_set(&variables, "b", "", NULL) == HV_OK);
	HV_INVARIANT(hmcsh_variables_set(&variables, "IFS", " ,", NULL) == HV_OK);
	walk(&expander, script->list);
	hmcsh_variables_fini(&variables);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct hmcsh_script script;

	HV_INVARIANT(line != NULL);
	memcpy(line, data, size);
	line[size] = '\0';
	hmcsh_script_init(&script);
	if (hmcsh_parse(line, &script, NULL) == HV_OK) {
		check_round_trip(&script);
		check_expansion(&script);
	}
	hmcsh_script_fini(&script);
	free(line);
	return 0;
}
