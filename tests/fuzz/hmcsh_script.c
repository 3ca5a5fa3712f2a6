/*
 * hmcsh_script - fuzz target for the lines of the HMC shell.
 *
 * Claim: no line makes the parser read outside it, go deep or take more memory than it
 * may; what is accepted is printed so that it is read as the same script.
 */
#include <stdlib.h>
#include <string.h>

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	struct hmcsh_script script;

	HV_INVARIANT(line != NULL);
	memcpy(line, data, size);
	line[size] = '\0';
	hmcsh_script_init(&script);
	if (hmcsh_parse(line, &script, NULL) == HV_OK)
		check_round_trip(&script);
	hmcsh_script_fini(&script);
	free(line);
	return 0;
}
