/* What may be injected, as a sentence, and in a packet. */
#include "hvcore/wire/injection_message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct row {
	struct hv_injection injection;
	const char *text; /* of it, or why not */
};

/* kind, op, ppm, for ms, delay ms, error, seed, device */
static const struct row good[] = {
	{ { 1, 3, 1000000, 10000, 5, 0, 0, "", 0, 0 },
	  "delay of 5 ms, all reads and writes, for 10.000 s" },
	{ { 2, 1, 10000, 600000, 0, 1, 7, "d1", 0, 0 },
	  "error EIO, 1% of reads of device 'd1', for 600.000 s" },
	{ { 2, 2, 2500, 1, 0, 2, 7, "", 0, 0 },
	  "error ENOSPC, 0.25% of writes, for 0.001 s" },
	{ { 3, 3, 1, 1500, 0, 0, 0, "", 0, 0 },
	  "corrupt, 0.0001% of reads and writes, for 1.500 s" },
	{ { 4, 2, 1000000, 1000, 0, 0, 0, "", 0, 0 }, "torn, all writes, for 1.000 s" },
	{ { 5, 2, 999999, 1000, 0, 0, 0, "", 0, 0 },
	  "hang, 99.9999% of writes, for 1.000 s" },
	{ { 6, 3, 1000000, 1000, 0, 0, 0, "", 1, 0 },
	  "cut of its link, there, for 1.000 s" },
	{ { 6, 3, 1000000, 2500, 0, 0, 0, "", 3, 0 },
	  "cut of its link, both ways, for 2.500 s" },
};

static const struct row bad[] = {
	{ { 0, 3, 1, 1, 0, 0, 0, "", 0, 0 }, "no injection of kind 0" },
	{ { 7, 3, 1, 1, 0, 0, 0, "", 0, 0 }, "delay, error, corrupt, torn, hang or cut" },
	{ { 5, 3, 1, 1, 0, 0, 0, "", 1, 0 }, "a direction is of kind cut, not of hang" },
	{ { 6, 3, 1000000, 1, 0, 0, 0, "", 0, 0 }, "no direction 0 to cut" },
	{ { 6, 3, 1000000, 1, 0, 0, 0, "", 4, 0 }, "say there, back or both" },
	{ { 6, 1, 1000000, 1, 0, 0, 0, "", 3, 0 },
	  "leave operation, rate and device out" },
	{ { 6, 3, 999999, 1, 0, 0, 0, "", 3, 0 },
	  "leave operation, rate and device out" },
	{ { 6, 3, 1000000, 1, 0, 0, 0, "d1", 3, 0 }, "leave operation, rate and device" },
	{ { 6, 3, 1000000, 1, 1, 0, 0, "", 3, 0 }, "kind delay, not of cut" },
	{ { 5, 0, 1, 1, 0, 0, 0, "", 0, 0 }, "read, write or both" },
	{ { 5, 4, 1, 1, 0, 0, 0, "", 0, 0 }, "no operation 4" },
	{ { 5, 3, 0, 1, 0, 0, 0, "", 0, 0 }, "1 to 1000000" },
	{ { 5, 3, 1000001, 1, 0, 0, 0, "", 0, 0 }, "a percentage, or all" },
	{ { 5, 3, 1, 0, 0, 0, 0, "", 0, 0 }, "1 ms to 600 s" },
	{ { 5, 3, 1, 600001, 0, 0, 0, "", 0, 0 }, "for 600001 ms" },
	{ { 1, 3, 1, 1, 0, 0, 0, "", 0, 0 }, "a delay of 0 ms" },
	{ { 1, 3, 1, 1, 60001, 0, 0, "", 0, 0 }, "1 ms to 60 s" },
	{ { 5, 3, 1, 1, 1, 0, 0, "", 0, 0 }, "kind delay, not of hang" },
	{ { 2, 3, 1, 1, 0, 0, 0, "", 0, 0 }, "EIO or ENOSPC" },
	{ { 2, 3, 1, 1, 0, 3, 0, "", 0, 0 }, "no error 3" },
	{ { 3, 3, 1, 1, 0, 1, 0, "", 0, 0 }, "EIO is of kind error" },
	{ { 3, 3, 1, 1, 0, 9, 0, "", 0, 0 }, "an error is of kind error" },
	{ { 4, 1, 1, 1, 0, 0, 0, "", 0, 0 }, "only writes can be torn" },
	{ { 4, 3, 1, 1, 0, 0, 0, "", 0, 0 }, "say op write" },
	{ { 5, 3, 1, 1, 0, 0, 0, "a/b", 0, 0 }, "'a/b' is not the name" },
	{ { 5, 3, 1, 1, 0, 0, 0, "0123456789012345678901234567890x", 0, 0 },
	  "not the name" },
};

static void what_may_be_is_said_as_people_say_it(void **state)
{
	char text[HV_INJECTION_TEXT_BYTES];
	struct hv_err err;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(good); i++) {
		assert_int_equal(hv_injection_check(&good[i].injection, &err), HV_OK);
		assert_string_equal(hv_injection_text(&good[i].injection, text),
				    good[i].text);
	}
}

static void what_may_not_be_is_refused_with_the_limit(void **state)
{
	char text[HV_INJECTION_TEXT_BYTES];
	struct hv_err err;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(bad); i++) {
		assert_int_equal(hv_injection_check(&bad[i].injection, &err), HV_E_INVAL);
		if (strstr(err.text, bad[i].text) == NULL)
			fail_msg("row %zu: %s", i, err.text);
		(void)hv_injection_text(&bad[i].injection, text); /* whatever it is */
	}
}

static void names_and_numbers(void **state)
{
	(void)state;
	assert_string_equal(hv_injection_kind_name(HV_INJECTION_TORN), "torn");
	assert_null(hv_injection_kind_name(HV_INJECTION_KIND_COUNT));
	assert_null(hv_injection_kind_name(0));
	assert_string_equal(hv_injection_op_name(HV_INJECTION_BOTH), "both");
	assert_null(hv_injection_op_name(4));
	assert_string_equal(hv_injection_error_name(HV_INJECTION_ENOSPC), "ENOSPC");
	assert_null(hv_injection_error_name(UINT32_MAX));
	assert_int_equal(hv_injection_errno(HV_INJECTION_ENOSPC), ENOSPC);
	assert_int_equal(hv_injection_errno(HV_INJECTION_EIO), EIO);
}

static void a_path_that_is_too_long_is_none(void **state)
{
	char path[HV_LOCAL_PATH_BYTES], state_path[HV_LOCAL_PATH_BYTES] = "/";

	(void)state;
	assert_true(hv_inject_path(path, "/s", "vios1"));
	assert_string_equal(path, "/s/run/vios1.ctl");
	memset(state_path + 1, 'x', sizeof(state_path) - 2);
	assert_false(hv_inject_path(path, state_path, "vios1"));
}

static void a_packet_whose_text_is_none_is_refused(void **state)
{
	struct hv_inject_order order = {
		.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_START, sizeof(order),
				      0),
		.injection = good[0].injection,
	};
	struct hv_inject_answer answer = {
		.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_ANSWER, sizeof(answer),
				      0),
	};

	(void)state;
	assert_int_equal(hv_inject_check(&answer, sizeof(answer), NULL), HV_OK);
	memset(answer.text, 'x', sizeof(answer.text));
	assert_int_equal(hv_inject_check(&answer, sizeof(answer), NULL), HV_E_CORRUPT);
	memset(answer.text, 0, sizeof(answer.text));
	memcpy(answer.text, "\033[2J", 4); /* whoever is told it could not pass it on */
	assert_int_equal(hv_inject_check(&answer, sizeof(answer), NULL), HV_E_CORRUPT);
	assert_int_equal(hv_inject_check(&order, sizeof(order), NULL), HV_OK);
	memcpy(order.injection.device, "d\033", 3);
	assert_int_equal(hv_inject_check(&order, sizeof(order), NULL), HV_E_CORRUPT);
}

static void a_message_says_the_same(void **state)
{
	struct hv_injection again;
	Tarn__Injection message;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(good); i++) {
		memset(&again, 0, sizeof(again));
		hv_injection_write(&good[i].injection, &message);
		assert_int_equal(hv_injection_read(&message, &again, NULL), HV_OK);
		assert_memory_equal(&again, &good[i].injection, sizeof(again));
	}
	for (size_t i = 0; i < HV_COUNT(bad); i++) {
		if (memchr(bad[i].injection.device, '\0', HV_NAME_BYTES) == NULL)
			continue;
		hv_injection_write(&bad[i].injection, &message);
		assert_int_equal(hv_injection_read(&message, &again, NULL), HV_E_INVAL);
	}
	message.device = (char *)(uintptr_t) "a-name-that-is-longer-than-names-can-be";
	assert_int_equal(hv_injection_read(&message, &again, NULL), HV_E_INVAL);
}

static void only_kinds_that_were_in_force_are_shown(void **state)
{
	struct hv_window_head head = { 0 };
	struct hv_injection_stats stats;
	Tarn__ViosStat stat = TARN__VIOS_STAT__INIT;

	(void)state;
	hv_injection_stats_put(&head, &stats, &stat);
	assert_int_equal(stat.n_injected, 0);
	assert_int_equal(hv_injections_active(&stat), 0);
	head.injecting[HV_INJECTION_DELAY] = 2;
	head.injected[HV_INJECTION_TORN] = 7;
	hv_injection_stats_put(&head, &stats, &stat);
	assert_int_equal(stat.n_injected, 2);
	assert_int_equal(stat.injected[0]->kind, HV_INJECTION_DELAY);
	assert_int_equal(stat.injected[0]->active, 2);
	assert_int_equal(stat.injected[1]->hits, 7);
	assert_int_equal(hv_injections_active(&stat), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_be_is_said_as_people_say_it),
		cmocka_unit_test(what_may_not_be_is_refused_with_the_limit),
		cmocka_unit_test(names_and_numbers),
		cmocka_unit_test(a_path_that_is_too_long_is_none),
		cmocka_unit_test(a_message_says_the_same),
		cmocka_unit_test(only_kinds_that_were_in_force_are_shown),
		cmocka_unit_test(a_packet_whose_text_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
