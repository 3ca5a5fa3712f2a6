/*
 * P21, on the models: a path gets another device, and both reach one again. The explorer
 * and the random runs try the same in every order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/pager/pager_priv.h"
#include "tests/support/pager_bench.h"

#define FILLS 4u

static struct hv_space *space(void)
{
	return world.members[0].space;
}

static struct hv_page_table *table(void)
{
	return &space()->table;
}

static int set_up(void **state)
{
	struct world_config config = bench_config(1, FILLS);

	(void)state;
	world_init(&world, &config);
	return 0;
}

static enum hv_code renew(unsigned path)
{
	return hv_pager_renew(world.pager, space(), path, NULL);
}

static enum hv_code join(unsigned path)
{
	return hv_pager_join(world.pager, space(), path, NULL);
}

/* Until nothing is missed any more. */
static void fill(void)
{
	assert_true(world_settle(&world));
	assert_int_equal(hv_space_missed(space(), 0) + hv_space_missed(space(), 1), 0);
}

static void a_new_device_has_missed_all_and_is_filled(void **state)
{
	(void)state;
	bench_put_away(1);
	bench_put_away(2);
	assert_true(world_device_close(&world, 1, 0));
	assert_true(world_device_renew(&world, 1, 0));
	assert_true(hv_space_is_mirrored(space()));
	assert_int_equal(hv_space_missed(space(), 1), 2);
	assert_int_equal(hv_space_missed(space(), 0), 0);
	assert_true(world_vios_open(&world, 1, 0));
	fill();
	assert_int_equal(space()->counts.resynced, 2);
	assert_true(world_read_all(&world));
}

/* D to D', as the hypervisor does it: each path in turn, the second without a copy. */
static void both_paths_come_to_another_device(void **state)
{
	(void)state;
	bench_put_away(1);
	bench_put_away(2);
	assert_true(world_device_close(&world, 1, 0));
	assert_true(world_device_renew(&world, 1, 0));
	assert_true(world_vios_open(&world, 1, 0));
	fill();
	assert_true(world_device_close(&world, 0, 0));
	assert_true(world_device_join(&world, 0, 0));
	assert_false(hv_space_is_mirrored(space()));
	assert_true(world_vios_open(&world, 0, 0));
	memset(&world.members[0].devices[0], 0xa5, sizeof(struct model_device));
	assert_int_equal(space()->counts.resynced, 2);
	assert_true(world_read_all(&world));
	assert_int_equal(space()->counts.checksum_errors, 0);
}

static void only_a_closed_path_is_changed(void **state)
{
	(void)state;
	assert_int_equal(renew(1), HV_E_STATE);
	assert_int_equal(join(1), HV_E_STATE);
	assert_false(hv_space_is_mirrored(space()));
}

/* What is out may still be answered, or carried out. */
static void nothing_of_it_may_be_out(void **state)
{
	(void)state;
	bench_send_away(1); /* over path 0 */
	assert_int_equal(hv_pager_device(world.pager, space(), 0, false, 0, NULL), HV_OK);
	assert_true(hv_space_is_out(space(), 0));
	assert_false(hv_space_is_out(space(), 1));
	assert_int_equal(renew(0), HV_E_AGAIN);
	bench_answer(0, MODEL_FINE);
	assert_int_equal(renew(0), HV_OK);
	assert_int_equal(hv_space_missed(space(), 0), 1);
}

static void make_mirror(void)
{
	assert_true(world_device_close(&world, 1, 0));
	assert_true(world_device_renew(&world, 1, 0));
	assert_true(world_vios_open(&world, 1, 0));
	fill();
}

/* One half of a page-out was written on the device that goes: it counts no more. */
static void half_a_page_out_counts_as_out(void **state)
{
	(void)state;
	make_mirror();
	bench_send_away(1);
	bench_answer(1, MODEL_FINE);
	assert_true(world_device_close(&world, 1, 0));
	assert_int_equal(renew(1), HV_E_AGAIN);
	assert_int_equal(join(1), HV_E_AGAIN);
	bench_answer(0, MODEL_ERROR);
	world.is_damaged = true;
	/* the closed device alone has it: it does not leave its frame for that (P17) */
	assert_int_equal(hv_page_state(table(), 1), HV_PAGE_RESIDENT);
	assert_int_equal(renew(1), HV_OK);
}

static void the_other_path_must_have_all(void **state)
{
	(void)state;
	make_mirror();
	bench_put_away(2);
	assert_true(world_vios_end(&world, 1));
	bench_put_away(1); /* path 0 alone has it */
	assert_int_equal(hv_pager_device(world.pager, space(), 0, false, 0, NULL), HV_OK);
	assert_int_equal(renew(0), HV_E_AGAIN); /* nobody is there */
	world_drain(&world, 1, 0);
	assert_true(world_vios_start(&world, 1));
	assert_true(world_vios_open(&world, 1, 0));
	assert_int_equal(renew(0), HV_E_BUSY);
	assert_int_equal(join(0), HV_E_BUSY);
	assert_true(world_vios_open(&world, 0, 0));
	fill();
	assert_true(world_read_all(&world));
}

/* P9: an ended incarnation may still write to what would be another's. */
static void nothing_may_be_in_doubt(void **state)
{
	(void)state;
	bench_send_away(1);
	assert_true(world_vios_end(&world, 0));
	assert_int_equal(renew(0), HV_E_AGAIN);
	world_drain(&world, 0, 0);
	assert_int_equal(renew(0), HV_OK);
}

static void one_that_has_ended_is_left_alone(void **state)
{
	(void)state;
	world_member_kill(&world, 0);
	assert_int_equal(hv_pager_device(world.pager, space(), 1, false, 0, NULL), HV_OK);
	assert_int_equal(renew(1), HV_E_GONE);
	assert_int_equal(join(1), HV_E_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, bench_tear_down)
		TEST(a_new_device_has_missed_all_and_is_filled),
		TEST(both_paths_come_to_another_device),
		TEST(only_a_closed_path_is_changed),
		TEST(nothing_of_it_may_be_out),
		TEST(half_a_page_out_counts_as_out),
		TEST(the_other_path_must_have_all),
		TEST(nothing_may_be_in_doubt),
		TEST(one_that_has_ended_is_left_alone),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
