/* Records: keys, texts, copies, tables. */
#include "coordinator/cluster/record.h"

#include "hvcore/base/rng.h"
#include "tests/support/seed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void keys_order_as_names_and_numbers_do(void **state)
{
	struct record_key a = record_key_name("a");
	struct record_key b = record_key_name("ab");
	struct record_key one = record_key_number(1);
	struct record_key many = record_key_number(UINT64_C(1) << 40);

	(void)state;
	assert_true(record_key_compare(&a, &b) < 0);
	assert_true(record_key_compare(&one, &many) < 0);
	assert_int_equal(record_key_compare(&a, &a), 0);
	a = record_key_names("h1", "d2");
	b = record_key_names("h10", "d1"); /* hosts keep together */
	assert_true(record_key_compare(&a, &b) < 0);
}

static void a_key_and_its_text_are_one(void **state)
{
	static const struct {
		enum record_kind kind;
		const char *text;
	} rows[] = {
		{ RECORD_HOST, "host/h1" },
		{ RECORD_DEVICE, "device/h1/pd1" },
		{ RECORD_LPAR, "lpar/db.1" },
		{ RECORD_DRILL, "drill/1" },
		{ RECORD_JOB, "job/4294967296" },
		{ RECORD_EVENT, "event/17" },
		{ RECORD_OP, "op/18446744073709551615" },
		{ RECORD_USER, "user/hscroot" },
	};
	char text[RECORD_TEXT_BYTES];

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		enum record_kind kind;
		struct record_key key;

		assert_int_equal(record_key_parse(rows[i].text, &kind, &key, NULL),
				 HV_OK);
		assert_int_equal(kind, rows[i].kind);
		assert_int_equal(key.size, record_key_size(kind));
		record_key_format(kind, &key, text);
		assert_string_equal(text, rows[i].text);
	}
}

static void a_text_that_is_no_key_is_corrupt(void **state)
{
	static const char *const rows[] = {
		"",
		"host",
		"host/",
		"hosts/h1",
		"host/a b",
		"job/-1",
		"job/",
		"job/1x",
		"device/h1",
		"device/h1/",
		"device//d",
		"device/h1/d/e",
		"lpar/../x",
		"device/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/d",
		"lpar/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(rows); i++) {
		enum record_kind kind;
		struct record_key key;

		assert_int_equal(record_key_parse(rows[i], &kind, &key, NULL),
				 HV_E_CORRUPT);
	}
}

static void bytes_that_are_no_record_are_corrupt(void **state)
{
	static const uint8_t garbage[] = { 0xff, 0xff, 0xff, 0x07 };
	static const uint8_t bad_name[] = { 0x0a, 3, '.', '.', '/' };
	static const uint8_t good_name[] = { 0x0a, 2, 'h', '1' };
	ProtobufCMessage *message = NULL;

	(void)state;
	for (unsigned kind = 0; kind < RECORD_KIND_COUNT; kind++) {
		assert_int_equal(record_decode((enum record_kind)kind, garbage,
					       sizeof(garbage), &message, NULL),
				 HV_E_CORRUPT);
		assert_null(message);
	}
	assert_int_equal(
		record_decode(RECORD_HOST, bad_name, sizeof(bad_name), &message, NULL),
		HV_E_CORRUPT);
	assert_int_equal(
		record_decode(RECORD_HOST, good_name, sizeof(good_name), &message, NULL),
		HV_OK);
	record_free(message);
	record_free(NULL);
}

static ProtobufCMessage *new_job(uint64_t id)
{
	Tarn__JobRecord job = TARN__JOB_RECORD__INIT;

	job.id = id;
	job.what = (char *)"x";
	job.host = (char *)"";
	return record_copy(&job.base);
}

/* Against a plain array of what should be there. */
static void a_table_is_what_was_swapped_into_it(void **state)
{
	struct hv_rng rng = { test_seed() };
	struct record_table table = { 0 };
	bool is_there[64] = { false };

	(void)state;
	for (unsigned i = 0; i < 5000; i++) {
		uint64_t id = hv_rng_below(&rng, 64);
		struct record_key key = record_key_number(id);
		bool is_put = hv_rng_below(&rng, 2) == 0;
		ProtobufCMessage *old;

		assert_int_equal(record_table_reserve(&table, 1, NULL), HV_OK);
		old = record_table_swap(&table, &key, is_put ? new_job(id) : NULL);
		assert_true((old != NULL) == is_there[id]);
		record_free(old);
		is_there[id] = is_put;
		assert_true((record_table_find(&table, &key) != NULL) == is_put);
	}
	for (size_t i = 1; i < table.count; i++)
		assert_true(record_key_compare(&table.slots[i - 1].key,
					       &table.slots[i].key) < 0);
	record_table_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_order_as_names_and_numbers_do),
		cmocka_unit_test(a_key_and_its_text_are_one),
		cmocka_unit_test(a_text_that_is_no_key_is_corrupt),
		cmocka_unit_test(bytes_that_are_no_record_are_corrupt),
		cmocka_unit_test(a_table_is_what_was_swapped_into_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
