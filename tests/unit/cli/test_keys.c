/* Bytes of a terminal as keys, and a line of it as a pen writes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/keys.h"
#include "cli/pen.h"

static void bytes_are_keys(void **state)
{
	static const struct {
		const char *bytes;
		int key; /* the last one that came */
		int end; /* what is left */
	} rows[] = {
		{ "q", 'q', 0 },
		{ "\033", 0, CLI_KEY_ESCAPE },
		{ "\033[A", CLI_KEY_UP, 0 },
		{ "\033OB", CLI_KEY_DOWN, 0 },
		{ "\033[C", CLI_KEY_RIGHT, 0 },
		{ "\033[D", CLI_KEY_LEFT, 0 },
		{ "\033[5~", CLI_KEY_PAGE_UP, 0 },
		{ "\033[6~", CLI_KEY_PAGE_DOWN, 0 },
		{ "\033[H", CLI_KEY_HOME, 0 },
		{ "\033[1~", CLI_KEY_HOME, 0 },
		{ "\033[F", CLI_KEY_END, 0 },
		{ "\033[8~", CLI_KEY_END, 0 },
		{ "\033[1;5A", CLI_KEY_UP, 0 },
		{ "\033[99999999999999999999~", 0, 0 },
		{ "\033[", 0, 0 },
		{ "\033x", 0, 0 },
		{ "\033[Z", 0, 0 },
		{ "\033\033[A", CLI_KEY_UP, 0 },
		{ "\n", CLI_KEY_ENTER, 0 },
		{ "\b", CLI_KEY_BACKSPACE, 0 },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct cli_keys keys = { 0 };
		int key = CLI_KEY_NONE;

		for (const char *at = rows[i].bytes; *at != '\0'; at++)
			key = cli_keys_take(&keys, (uint8_t)*at);
		if (key != rows[i].key || cli_keys_end(&keys) != rows[i].end)
			fail_msg("row %u: key %d", i, key);
	}
}

static void a_pen_writes_what_there_is_room_for(void **state)
{
	char *text = NULL;
	size_t count;
	FILE *out = open_memstream(&text, &count);
	struct pen pen = pen_begin(out, 10, false);

	(void)state;
	pen_field(&pen, CLI_PLAIN, -4, "é");
	pen_field(&pen, CLI_PLAIN, 3, "12345");
	pen_skip(&pen, 1);
	pen_text(&pen, CLI_PLAIN, "ab%d", 7);
	pen_text(&pen, CLI_PLAIN, "no room");
	pen_end(&pen);
	pen = pen_begin(out, 0, true);
	pen_field(&pen, CLI_BAD, 5, "bad");
	pen_skip(&pen, 7); /* no blanks at the end of a line */
	pen_end(&pen);
	assert_int_equal(fclose(out), 0);
	assert_string_equal(text, "é   123 ab\n  \033[31mbad\033[0m\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_keys),
		cmocka_unit_test(a_pen_writes_what_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
