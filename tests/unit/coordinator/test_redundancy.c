/* Who wants a pair of paging VIOS where there is one, and goes on where there is none. */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A pair where there is one, at any size; else what there is. */
static void who_wants_a_pair_if_possible_takes_what_there_is(void **state)
{
	struct test_lpar lpar = { .name = "if",
				  .host = "h1",
				  .mem = 64 * MIB,
				  .redundancy =
					  TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE };
	struct test_lpar needy = { .name = "db1", .host = "h1", .mem = 64 * MIB };

	(void)state;
	add_device("alone", 64 * MIB);
	add_device("small", 32 * MIB);
	add_device("pair", 128 * MIB);
	host.devices[0].is_alone = true;
	assert_string_equal(host.devices[0].name, "alone");
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_create(&c, &needy, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "if", NULL, NULL), HV_OK);
	assert_string_equal(lpar_of("if")->device, "pair");
	/* who needs one does not get the other */
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_E_NOSPC);
	lpar.name = "if2";
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "if2", NULL, NULL), HV_OK);
	assert_string_equal(lpar_of("if2")->device, "alone");
	test_settle(&c, &host);
	assert_int_equal(test_lpar_shutdown(&c, "if", false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "if", NULL, NULL), HV_OK);
}

static void who_wants_a_pair_if_possible_is_placed_with_one(void **state)
{
	struct test_lpar lpar = { .name = "p1",
				  .mem = 64 * MIB,
				  .redundancy =
					  TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE };

	(void)state;
	add_device("d1", 64 * MIB);
	host.devices[0].is_alone = true;
	bring_second();
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_string_equal(lpar_of("p1")->host, "h2");
	lpar.name = "p2";
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_string_equal(lpar_of("p2")->host, "h1");
	lpar.name = "p3";
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_E_NOFIT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)
	const struct CMUnitTest tests[] = {
		TEST(who_wants_a_pair_if_possible_takes_what_there_is),
		TEST(who_wants_a_pair_if_possible_is_placed_with_one),
	};
#undef TEST

	return cmocka_run_group_tests(tests, NULL, NULL);
}
