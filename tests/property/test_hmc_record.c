/*
 * Any record that is printed is read back the same, whatever its values are; and what
 * was read and printed once stays as it is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/hmc/record.h"
#include "hvcore/base/rng.h"
#include "tests/support/seed.h"

#define ROUNDS 20000
#define VALUE_MAX 24

static const char alphabet[] = "ab1/=,\"+- :.\n";

static void fill(struct hv_rng *rng, char *value)
{
	uint64_t n = hv_rng_below(rng, VALUE_MAX);

	for (uint64_t i = 0; i < n; i++)
		value[i] = alphabet[hv_rng_below(rng, sizeof(alphabet) - 1)];
	value[n] = '\0';
}

static char *print(const struct hmc_record *record)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (unsigned i = 0; i < record->count; i++) {
		if (i > 0)
			(void)fputc(',', out);
		hmc_pair_print(out, record->pairs[i].name, record->pairs[i].op,
			       record->pairs[i].value);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

static void check_same(const struct hmc_record *a, const struct hmc_record *b)
{
	assert_int_equal(a->count, b->count);
	for (unsigned i = 0; i < a->count; i++) {
		assert_string_equal(a->pairs[i].name, b->pairs[i].name);
		assert_string_equal(a->pairs[i].value, b->pairs[i].value);
		assert_int_equal(a->pairs[i].op, b->pairs[i].op);
	}
}

static void what_is_printed_is_read_back(void **state)
{
	static const char *const names[] = { "name", "min_mem", "x2", "Y" };
	struct hv_rng rng;

	(void)state;
	rng.state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct hmc_record record = { .count = 1 +
						      (unsigned)hv_rng_below(&rng, 4) };
		struct hmc_record again;
		char values[4][VALUE_MAX];
		char *text;

		for (unsigned i = 0; i < record.count; i++) {
			fill(&rng, values[i]);
			record.pairs[i] = (struct hmc_pair){
				names[i], (enum hmc_op)hv_rng_below(&rng, 3), values[i]
			};
		}
		text = print(&record);
		assert_int_equal(hmc_record_parse(text, &again, NULL), HV_OK);
		check_same(&record, &again);
		hmc_record_fini(&again);
		free(text);
	}
}

static void what_was_read_is_printed_the_same_from_then_on(void **state)
{
	struct hv_rng rng;

	(void)state;
	rng.state = test_seed();
	for (unsigned round = 0; round < ROUNDS; round++) {
		char text[4 * VALUE_MAX] = "a=";
		struct hmc_record record, again;
		char *printed;

		fill(&rng, text + 2);
		fill(&rng, text + strlen(text));
		if (hmc_record_parse(text, &record, NULL) == HV_OK) {
			printed = print(&record);
			assert_int_equal(hmc_record_parse(printed, &again, NULL), HV_OK);
			check_same(&record, &again);
			hmc_record_fini(&again);
			free(printed);
		}
		hmc_record_fini(&record);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_printed_is_read_back),
		cmocka_unit_test(what_was_read_is_printed_the_same_from_then_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
