/* order: what is typed is an order, or none; what a command line says is bounded. */
#include "deploy/guest/order.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/base/rng.h"

static void every_order_is_understood(void **state)
{
	static const struct {
		const char *text;
		enum guest_order_kind kind;
		unsigned percent;
	} rows[] = {
		{ "status", GUEST_ORDER_STATUS, 0 },
		{ "verify", GUEST_ORDER_VERIFY, 0 },
		{ "pause", GUEST_ORDER_PAUSE, 0 },
		{ "go", GUEST_ORDER_GO, 0 },
		{ "free 0", GUEST_ORDER_FREE, 0 },
		{ "  free   100  ", GUEST_ORDER_FREE, 100 },
		{ "fill", GUEST_ORDER_FILL, 0 },
		{ "panic", GUEST_ORDER_PANIC, 0 },
		{ "poweroff", GUEST_ORDER_POWEROFF, 0 },
	};
	struct guest_order order;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		assert_int_equal(guest_order_parse(rows[i].text, &order, NULL), HV_OK);
		assert_int_equal(order.kind, rows[i].kind);
		assert_int_equal(order.percent, rows[i].percent);
	}
}

static void anything_else_is_none(void **state)
{
	static const char *const rows[] = {
		"",
		"   ",
		"statu",
		"statuss",
		"STATUS",
		"status 3",
		"free",
		"free -1",
		"free 101",
		"free 5 5",
		"free 5x",
		"free 99999999999999999999999",
		"go away now",
		"verify\tx",
		"poweroff                                                              ",
	};
	struct guest_order order = { .kind = GUEST_ORDER_KIND_COUNT };
	struct hv_err err;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		assert_int_equal(guest_order_parse(rows[i], &order, &err), HV_E_INVAL);
		assert_int_equal(order.kind, GUEST_ORDER_KIND_COUNT);
	}
}

static void a_command_line_says_what_to_do(void **state)
{
	struct guest_settings settings;

	(void)state;
	assert_int_equal(
		guest_settings_parse("BOOT_IMAGE=x tarn.mem=128 quiet tarn.pace=0 "
				     "tarn.run=1\n",
				     &settings, NULL),
		HV_OK);
	assert_int_equal(settings.memory_mib, 128);
	assert_int_equal(settings.pace, 0);
	assert_false(settings.may_panic);
	assert_true(settings.may_run);
	assert_int_equal(guest_settings_parse("", &settings, NULL), HV_OK);
	assert_int_equal(settings.memory_mib, 0);
	assert_int_equal(settings.pace, GUEST_PACE);
	assert_false(settings.may_run);
}

static void a_wrong_setting_is_named_and_the_others_count(void **state)
{
	static const char *const rows[] = { "tarn.mem=",
					    "tarn.mem=x",
					    "tarn.mem=-1",
					    "tarn.mem=65537",
					    "tarn.mem=000000000000000000000000000000001",
					    "tarn.mem=1M" };
	char text[128];
	struct guest_settings settings;
	struct hv_err err;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		(void)snprintf(text, sizeof(text), "tarn.pace=7 %s tarn.run=1", rows[i]);
		assert_int_equal(guest_settings_parse(text, &settings, &err), HV_E_INVAL);
		assert_non_null(strstr(err.text, "tarn.mem"));
		assert_int_equal(settings.memory_mib, 0);
		assert_int_equal(settings.pace, 7);
		assert_true(settings.may_run);
	}
}

static void words_that_only_look_like_ours_are_others(void **state)
{
	struct guest_settings settings;

	(void)state;
	assert_int_equal(guest_settings_parse("xtarn.mem=5 tarn.memory=5 tarn.mem tarn.",
					      &settings, NULL),
			 HV_OK);
	assert_int_equal(settings.memory_mib, 0);
}

static void no_text_is_too_much_for_it(void **state)
{
	struct hv_rng rng = { .state = 1 };
	struct guest_settings settings;
	struct guest_order order;
	char text[300];

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		size_t count = hv_rng_below(&rng, sizeof(text));

		for (size_t i = 0; i < count; i++)
			text[i] = (char)hv_rng_next(&rng);
		text[count] = '\0';
		(void)!guest_order_parse(text, &order, NULL);
		(void)!guest_settings_parse(text, &settings, NULL);
		assert_true(settings.memory_mib <= GUEST_MEMORY_MIB_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_order_is_understood),
		cmocka_unit_test(anything_else_is_none),
		cmocka_unit_test(a_command_line_says_what_to_do),
		cmocka_unit_test(a_wrong_setting_is_named_and_the_others_count),
		cmocka_unit_test(words_that_only_look_like_ours_are_others),
		cmocka_unit_test(no_text_is_too_much_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
