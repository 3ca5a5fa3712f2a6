/* content: what is written is found right, and anything else is found wrong. */
#include "agent/partition/content.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static _Alignas(HV_PAGE_BYTES) uint8_t page[HV_PAGE_BYTES];

static const struct partition_content sample = { .key = 7, .page = 5, .version = 3 };

static void what_is_written_is_right(void **state)
{
	static const struct partition_content rows[] = {
		{ .key = 1, .page = 0, .version = 1 },
		{ .key = UINT64_MAX, .page = UINT64_MAX >> 12, .version = UINT32_MAX },
		{ .key = 7, .page = 5, .version = 3 },
	};
	struct partition_finding finding;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		partition_content_write(page, &rows[i]);
		assert_true(partition_content_check(page, &rows[i], &finding));
		assert_true(partition_content_peek(page, rows[i].key, rows[i].page));
	}
}

static void every_flipped_bit_is_found(void **state)
{
	struct partition_finding finding;

	(void)state;
	partition_content_write(page, &sample);
	for (unsigned bit = 0; bit < HV_PAGE_BYTES * 8; bit++) {
		page[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(partition_content_check(page, &sample, &finding));
		assert_int_equal(finding.first_bad_byte, bit / 64 * 8);
		page[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(partition_content_check(page, &sample, &finding));
}

static void every_set_bit_of_an_unwritten_page_is_found(void **state)
{
	const struct partition_content unwritten = { .key = 7, .page = 5, .version = 0 };
	struct partition_finding finding;

	(void)state;
	memset(page, 0, sizeof page);
	assert_true(partition_content_check(page, &unwritten, &finding));
	for (unsigned bit = 0; bit < HV_PAGE_BYTES * 8; bit++) {
		page[bit / 8] = (uint8_t)(1u << bit % 8);
		assert_false(partition_content_check(page, &unwritten, &finding));
		page[bit / 8] = 0;
	}
}

static void the_finding_says_whose_page_it_is(void **state)
{
	static const struct partition_content rows[] = {
		{ .key = 8, .page = 5, .version = 3 }, /* of another partition */
		{ .key = 7, .page = 6, .version = 3 }, /* of another place */
		{ .key = 7, .page = 5, .version = 2 }, /* of another time */
	};
	struct partition_finding finding;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		partition_content_write(page, &rows[i]);
		assert_false(partition_content_check(page, &sample, &finding));
		assert_int_equal(finding.key, rows[i].key);
		assert_int_equal(finding.page, rows[i].page);
		assert_int_equal(finding.version, rows[i].version);
		assert_int_equal(finding.first_bad_byte, i * 8);
	}
}

static void a_page_that_became_zero_is_found(void **state)
{
	struct partition_finding finding;

	(void)state;
	memset(page, 0, sizeof page);
	assert_false(partition_content_check(page, &sample, &finding));
	assert_int_equal(finding.version, 0);
	assert_int_equal(finding.first_bad_byte, 0);
}

static void peek_finds_another_owner_and_place(void **state)
{
	(void)state;
	memset(page, 0, sizeof page);
	assert_true(partition_content_peek(page, sample.key, sample.page));
	partition_content_write(page, &sample);
	assert_true(partition_content_peek(page, sample.key, sample.page));
	assert_false(partition_content_peek(page, sample.key + 1, sample.page));
	assert_false(partition_content_peek(page, sample.key, sample.page + 1));
}

static void runs_and_names_have_keys_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(partition_content_key("db1", 1),
			 partition_content_key("db1", 1));
	assert_int_not_equal(partition_content_key("db1", 1),
			     partition_content_key("db1", 2));
	assert_int_not_equal(partition_content_key("db1", 1),
			     partition_content_key("db2", 1));
	assert_int_not_equal(partition_content_key("", 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_right),
		cmocka_unit_test(every_flipped_bit_is_found),
		cmocka_unit_test(every_set_bit_of_an_unwritten_page_is_found),
		cmocka_unit_test(the_finding_says_whose_page_it_is),
		cmocka_unit_test(a_page_that_became_zero_is_found),
		cmocka_unit_test(peek_finds_another_owner_and_place),
		cmocka_unit_test(runs_and_names_have_keys_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
