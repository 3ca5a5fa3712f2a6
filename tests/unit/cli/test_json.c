/* json - documents built by hand and from messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/json.h"
#include "tests/support/oom.h"
#include "tests/unit/cli/fake.h"

static char *print_line(const struct cli_json *json)
{
	char *text;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	assert_non_null(out);
	assert_int_equal(cli_json_print_line(json, out, NULL), HV_OK);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void build(struct cli_json *json)
{
	cli_json_text(json, "text", "a \"quoted\" word");
	cli_json_text(json, "broken", "\xff\xfe");
	cli_json_number(json, "number", 1234567890123);
	cli_json_real(json, "real", 0.5);
	cli_json_bool(json, "yes", true);
	cli_json_open_list(json, "list");
	cli_json_open_object(json, NULL);
	cli_json_close(json);
	cli_json_number(json, NULL, 1);
	cli_json_close(json);
}

static void objects_lists_and_values_nest(void **state)
{
	struct cli_json *json = cli_json_new();
	char *text;

	(void)state;
	build(json);
	text = print_line(json);
	assert_string_equal(text, "{\"text\":\"a \\\"quoted\\\" word\",\"broken\":\"?\","
				  "\"number\":1234567890123,\"real\":0.5,\"yes\":true,"
				  "\"list\":[{},1]}\n");
	free(text);
	cli_json_free(json);
}

static void messages_are_written_whole(void **state)
{
	struct cli_json *json = cli_json_new();
	Tarn__DeviceView *device = fake_status()->devices[0];
	char *text;

	(void)state;
	cli_json_fields(json, &device->base);
	text = print_line(json);
	assert_string_equal(
		text, "{\"host\":\"h1\",\"name\":\"d1\",\"generation\":5,\"path\":"
		      "\"/srv/pgdev\",\"bytes\":67108864,"
		      "\"id\":\"12ab0000000000000000000000000000\",\"owner_epoch\":1,"
		      "\"usable_bytes\":67100672,\"lpar\":\"db1\",\"ready\":true,"
		      "\"state\":\"Active\",\"redundant\":true}\n");
	free(text);
	cli_json_free(json);
}

static void a_histogram_becomes_its_percentiles(void **state)
{
	struct cli_json *json = cli_json_new();
	Tarn__LparView *lpar = fake_status()->lpars[0];
	char *text;

	(void)state;
	cli_json_fields(json, &lpar->base);
	text = print_line(json);
	assert_non_null(strstr(text, "\"fault_latency\":{\"count\":100,\"mean_us\":96.4,"
				     "\"p50_us\":81.919,\"p99_us\":912.345,"
				     "\"max_us\":912.345}"));
	assert_non_null(strstr(text, "\"mode\":\"shared\""));
	assert_non_null(strstr(text, "\"kind\":\"zipf\""));
	free(text);
	cli_json_free(json);
}

static void text_that_is_not_utf8_is_a_question_mark(void **state)
{
	static const struct {
		const char *text, *shown;
	} rows[] = {
		{ "", "{\"t\":\"\"}\n" },
		{ "\xc3\xa9", "{\"t\":\"\xc3\xa9\"}\n" },
		{ "\xe2\x82\xac", "{\"t\":\"\xe2\x82\xac\"}\n" },
		{ "\xf0\x9f\x92\xbe", "{\"t\":\"\xf0\x9f\x92\xbe\"}\n" },
		{ "\xc3", "{\"t\":\"?\"}\n" },
		{ "\x80", "{\"t\":\"?\"}\n" },
		{ "\xc0\x80", "{\"t\":\"?\"}\n" },
		{ "\xe0\x80\x80", "{\"t\":\"?\"}\n" },
		{ "\xed\xa0\x80", "{\"t\":\"?\"}\n" },
		{ "\xf0\x80\x80\x80", "{\"t\":\"?\"}\n" },
		{ "\xf4\x90\x80\x80", "{\"t\":\"?\"}\n" },
		{ "\xf5\x80\x80\x80", "{\"t\":\"?\"}\n" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct cli_json *json = cli_json_new();
		char *text;

		cli_json_text(json, "t", rows[i].text);
		text = print_line(json);
		assert_string_equal(text, rows[i].shown);
		free(text);
		cli_json_free(json);
	}
}

static void enumerators_lose_what_they_share(void **state)
{
	char text[32];

	(void)state;
	assert_string_equal(cli_enum_name(&tarn__vios_state__descriptor,
					  TARN__VIOS_STATE__VIOS_STANDBY, text,
					  sizeof(text)),
			    "standby");
	assert_string_equal(cli_enum_name(&tarn__memory_mode__descriptor,
					  TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED, text,
					  sizeof(text)),
			    "dedicated");
	assert_string_equal(
		cli_enum_name(&tarn__vios_state__descriptor, 99, text, sizeof(text)),
		"99");
	assert_string_equal(cli_enum_name(&tarn__vios_state__descriptor,
					  TARN__VIOS_STATE__VIOS_MAINTENANCE, text, 6),
			    "maint");
}

static void a_full_disk_is_an_error(void **state)
{
	struct cli_json *json = cli_json_new();
	FILE *out = fopen("/dev/full", "w");
	struct hv_err err;

	(void)state;
	assert_non_null(out);
	assert_int_equal(cli_json_print(json, out, &err), HV_E_IO);
	(void)fclose(out);
	cli_json_free(json);
}

static void out_of_memory_is_said_once_and_prints_nothing(void **state)
{
	Tarn__StatusReply *status = fake_status();
	unsigned nth;

	(void)state;
	for (nth = 1;; nth++) {
		char *text = NULL;
		size_t bytes;
		FILE *out = open_memstream(&text, &bytes);
		struct cli_json *json;
		enum hv_code code;
		bool was_hit;

		oom_arm(nth);
		json = cli_json_new();
		build(json);
		cli_json_fields(json, &status->lpars[0]->base);
		was_hit = oom_disarm();
		code = cli_json_print(json, out, NULL);
		assert_int_equal(fclose(out), 0);
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
		assert_true(was_hit == (text[0] == '\0'));
		free(text);
		cli_json_free(json);
		if (!was_hit)
			break;
	}
	assert_true(nth > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_lists_and_values_nest),
		cmocka_unit_test(messages_are_written_whole),
		cmocka_unit_test(a_histogram_becomes_its_percentiles),
		cmocka_unit_test(text_that_is_not_utf8_is_a_question_mark),
		cmocka_unit_test(enumerators_lose_what_they_share),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(out_of_memory_is_said_once_and_prints_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
