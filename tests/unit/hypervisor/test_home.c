/* Unit tests of hvcore/hypervisor/home: which fault thread serves a partition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/hypervisor/home.h"

static void who_has_fewest_unless_the_device_says(void **state)
{
	const unsigned none[] = { 0, 0, 0 }, some[] = { 2, 1, 1 };

	(void)state;
	assert_int_equal(home_choose(none, 3, HOME_NONE), 0);
	assert_int_equal(home_choose(some, 3, HOME_NONE), 1);
	assert_int_equal(home_choose(none, 3, 2), 2);
	assert_int_equal(home_choose(some, 3, 2), 2);
	assert_int_equal(home_choose(some, 1, 0), 0);
	assert_int_equal(home_choose(some, 3, 3), 1); /* none of them */
}

/* However many come: the one that the device interrupts never has all of them. */
static void the_one_that_the_device_interrupts_is_not_heaped_upon(void **state)
{
	unsigned loads[4] = { 0 };

	(void)state;
	for (unsigned i = 0; i < 64; i++)
		loads[home_choose(loads, 4, 3)]++;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(loads[i], 16);
	loads[home_choose(loads, 4, 3)]++;
	assert_int_equal(loads[3], 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_has_fewest_unless_the_device_says),
		cmocka_unit_test(the_one_that_the_device_interrupts_is_not_heaped_upon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
