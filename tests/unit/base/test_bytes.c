/* Unit tests of hvcore/base/bytes.h. */
#include "hvcore/base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define VALUE UINT64_C(0xf1e2d3c4b5a69788)

static void bytes_stand_in_their_order(void **state)
{
	static const uint8_t be[8] = { 0xf1, 0xe2, 0xd3, 0xc4, 0xb5, 0xa6, 0x97, 0x88 };
	static const uint8_t le[8] = { 0x88, 0x97, 0xa6, 0xb5, 0xc4, 0xd3, 0xe2, 0xf1 };
	uint8_t at[9];

	(void)state;
	hv_be_put(at + 1, 8, VALUE); /* any alignment */
	assert_memory_equal(at + 1, be, 8);
	hv_le_put(at + 1, 8, VALUE);
	assert_memory_equal(at + 1, le, 8);
}

static void what_was_put_is_taken_and_nothing_else_is_touched(void **state)
{
	(void)state;
	for (unsigned bytes = 1; bytes <= 8; bytes++) {
		uint64_t kept = VALUE & UINT64_MAX >> 8 * (8 - bytes);
		uint8_t at[10];

		memset(at, 0x5a, sizeof(at));
		hv_be_put(at + 1, bytes, VALUE);
		assert_true(hv_be_take(at + 1, bytes) == kept);
		hv_le_put(at + 1, bytes, VALUE);
		assert_true(hv_le_take(at + 1, bytes) == kept);
		assert_int_equal(at[0], 0x5a);
		assert_int_equal(at[bytes + 1], 0x5a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_stand_in_their_order),
		cmocka_unit_test(what_was_put_is_taken_and_nothing_else_is_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
