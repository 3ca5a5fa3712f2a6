/* Which process of a VIOS it is, and which one came before. */
#include "vios/incarnation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void a_later_one_is_not_before_an_earlier_one(void **state)
{
	uint8_t a[VIOS_INCARNATION_BYTES], b[VIOS_INCARNATION_BYTES];

	(void)state;
	assert_int_equal(vios_incarnation_new(a, NULL), HV_OK);
	do /* the clock may be coarse */
		assert_int_equal(vios_incarnation_new(b, NULL), HV_OK);
	while (vios_incarnation_is(a, b));
	assert_true(vios_incarnation_is_before(a, b));
	assert_false(vios_incarnation_is_before(b, a));
	assert_false(vios_incarnation_is_before(a, a));
}

static void those_of_two_boots_are_not_compared(void **state)
{
	uint8_t a[VIOS_INCARNATION_BYTES], b[VIOS_INCARNATION_BYTES];

	(void)state;
	memset(a, 1, sizeof(a));
	memset(b, 2, sizeof(b));
	assert_false(vios_incarnation_is_before(a, b));
	assert_false(vios_incarnation_is_before(b, a));
	memcpy(b, a, 8);
	assert_true(vios_incarnation_is_before(a, b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_later_one_is_not_before_an_earlier_one),
		cmocka_unit_test(those_of_two_boots_are_not_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
