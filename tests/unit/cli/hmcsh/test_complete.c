/* Which names a word may become. */
#include "cli/hmcsh/complete.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct hmcsh shell = {
	.terminal = -1,
	.commands = { .count = 3, .names = { "lshmc", "lssyscfg", "lssysconn" } },
};

static void names_are_completed_where_a_command_stands(void **state)
{
	static const struct {
		const char *line;
		const char *names; /* with a blank behind each */
		size_t common, word;
	} rows[] = {
		{ "lssys", "lssyscfg lssysconn ", 6, 5 },
		{ "lshm", "lshmc ", 5, 4 },
		{ "a; lshm", "lshmc ", 5, 4 },
		{ "a|lshm", "lshmc ", 5, 4 },
		{ "a && lshm", "lshmc ", 5, 4 },
		{ "$(lshm", "lshmc ", 5, 4 },
		{ "`lshm", "lshmc ", 5, 4 },
		{ "a | so", "sort ", 4, 2 },
		{ "ech", "echo ", 4, 3 },
		{ "he", "head help ", 2, 2 },
		{ "echo ech", "", 0, 0 },
		{ "zz", "", 0, 2 },
		{ "ulimi", "", 0, 5 }, /* refused: not offered */
		{ "", "", 0, 0 },
		{ "a ", "", 0, 0 },
		{ "x=ls", "", 0, 0 },
		{ "/ls", "", 0, 3 },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		struct hmcsh_matches matches;
		char names[256] = "";
		size_t word;

		hmcsh_complete(&shell, rows[i].line, strlen(rows[i].line), &matches,
			       &word);
		for (unsigned k = 0; k < matches.count; k++) {
			size_t at = strlen(names);

			(void)snprintf(names + at, sizeof(names) - at, "%s ",
				       matches.names[k]);
		}
		if (strcmp(names, rows[i].names) != 0 || word != rows[i].word ||
		    matches.common != rows[i].common)
			fail_msg("'%s': '%s', %zu of %zu", rows[i].line, names,
				 matches.common, word);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_completed_where_a_command_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
