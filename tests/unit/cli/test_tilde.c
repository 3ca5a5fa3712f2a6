/* tilde: what is for the client, and what is for the console. */
#include "cli/tilde.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/base/err.h"

/* Fed whole, and byte by byte: the same. */
static void check(const char *typed, const char *wanted, bool leaves)
{
	for (size_t step = 1; step <= strlen(typed); step += strlen(typed) - 1) {
		struct cli_tilde tilde = { 0 };
		size_t at = 0, got = 0;
		bool is_left = false;
		uint8_t all[64];

		while (at < strlen(typed) && !is_left) {
			size_t count;

			is_left = cli_tilde_take(&tilde, (const uint8_t *)typed + at,
						 step, all + got, &count);
			got += count;
			at += step;
		}
		assert_int_equal(is_left, leaves);
		assert_int_equal(got, strlen(wanted));
		assert_memory_equal(all, wanted, got);
		if (strlen(typed) < 2)
			return;
	}
}

static void a_tilde_and_a_dot_at_the_beginning_of_a_line_leave(void **state)
{
	(void)state;
	check("~.", "", true);
	check("help\r~.", "help\r", true);
	check("a\n~.more", "a\n", true);
	check("~~\r~.", "~\r", true);
}

static void a_tilde_elsewhere_is_a_tilde(void **state)
{
	(void)state;
	check("a~.", "a~.", false);
	check("~~.", "~.", false);
	check("~x", "~x", false);
	check("~\r", "~\r", false);
	check("~x~.", "~x~.", false);
	check("x\r~", "x\r", false); /* not known yet */
	check("~~~", "~~", false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tilde_and_a_dot_at_the_beginning_of_a_line_leave),
		cmocka_unit_test(a_tilde_elsewhere_is_a_tilde),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
