/*
 * Unit tests of hvcore/hypervisor/mpp: H_SET_MPP from its fault thread to the loop and
 * back, with a loop that decides as it is told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/base/units.h"
#include "hvcore/hypervisor/mpp.h"
#include "hvcore/wire/hcall.h"

static struct hv_loop *loop;
static struct mpp_order order;
static unsigned decided;
static uint64_t give_pages, give_weight;

static void on_decide(struct mpp_order *at)
{
	assert_ptr_equal(at, &order);
	assert_ptr_equal(at->partition, &decided);
	at->got_pages = give_pages;
	at->got_weight = give_weight;
	decided++;
	hv_loop_stop(loop);
}

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(hv_loop_open(&loop, NULL), HV_OK);
	order = (struct mpp_order){ 0 };
	decided = 0;
	mpp_attach(&order, loop, on_decide, &decided);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hv_loop_close(loop);
	return 0;
}

static int64_t set(uint64_t bytes, uint64_t weight, uint32_t told,
		   uint64_t values[HV_HCALL_VALUES])
{
	const uint64_t args[HV_HCALL_ARGS] = { bytes, weight };

	values[0] = values[1] = 77;
	return mpp_set(&order, args, 3, told, values);
}

static void decide(uint64_t pages, uint64_t weight)
{
	give_pages = pages;
	give_weight = weight;
	(void)hv_loop_run(loop);
	assert_true(order.next_ms > 0);
	order.next_ms = 0; /* time goes by */
}

static void who_asks_again_gets_the_outcome_once_it_is_told(void **state)
{
	uint64_t bytes = UINT64_C(20) * HV_PAGE_BYTES, values[HV_HCALL_VALUES];

	(void)state;
	assert_int_equal(mpp_asked_pages(&order), UINT64_MAX);
	assert_int_equal(set(bytes, 7, 0, values), H_LONG_BUSY_1_MSEC);
	assert_int_equal(mpp_asked_pages(&order), 20);
	assert_int_equal(set(bytes, 7, 0, values), H_LONG_BUSY_1_MSEC);
	assert_int_equal(set(1, 2, 0, values), H_LONG_BUSY_1_MSEC); /* one at a time */
	decide(20, 7);
	assert_int_equal(decided, 1);
	assert_int_equal(set(bytes, 7, 0, values), H_LONG_BUSY_1_MSEC); /* not told */
	assert_int_equal(mpp_asked_pages(&order), 20);
	assert_int_equal(set(bytes, 7, 1, values), H_SUCCESS);
	assert_int_equal(values[0], bytes);
	assert_int_equal(values[1], 7);
	assert_int_equal(mpp_asked_pages(&order), UINT64_MAX);
}

static void what_could_not_be_had_is_told(void **state)
{
	static const struct {
		uint64_t bytes, weight, pages, got_weight;
	} rows[] = {
		{ 20 * (uint64_t)HV_PAGE_BYTES, 7, 19, 7 },
		{ 20 * (uint64_t)HV_PAGE_BYTES, 200, 20, 128 },
		{ 20 * (uint64_t)HV_PAGE_BYTES + 1, 7, 20, 7 },
		{ UINT64_MAX, 255, 20, 255 },
		{ 0, 0, 3, 0 },
	};
	uint64_t values[HV_HCALL_VALUES];

	(void)state;
	for (uint32_t i = 0; i < HV_COUNT(rows); i++) {
		assert_int_equal(set(rows[i].bytes, rows[i].weight, i, values),
				 H_LONG_BUSY_1_MSEC);
		decide(rows[i].pages, rows[i].got_weight);
		assert_int_equal(set(rows[i].bytes, rows[i].weight, i + 1, values),
				 H_CONSTRAINED);
		assert_int_equal(values[0], rows[i].pages * HV_PAGE_BYTES);
		assert_int_equal(values[1], rows[i].got_weight);
	}
}

static void another_order_takes_the_place_of_one_that_nobody_asked_for(void **state)
{
	uint64_t values[HV_HCALL_VALUES];

	(void)state;
	assert_int_equal(set(HV_PAGE_BYTES, 1, 0, values), H_LONG_BUSY_1_MSEC);
	decide(1, 1);
	assert_int_equal(set(5 * HV_PAGE_BYTES, 1, 1, values), H_LONG_BUSY_1_MSEC);
	decide(5, 1);
	assert_int_equal(decided, 2);
	assert_int_equal(set(5 * HV_PAGE_BYTES, 1, 2, values), H_SUCCESS);
	assert_int_equal(mpp_asked_pages(&order), UINT64_MAX);
}

/* As many as were mapped when it was asked: they stay mapped. */
static void less_than_what_is_mapped_bounds_nothing_that_is(void **state)
{
	uint64_t values[HV_HCALL_VALUES];

	(void)state;
	assert_int_equal(set(0, 1, 0, values), H_LONG_BUSY_1_MSEC);
	assert_int_equal(mpp_asked_pages(&order), 3);
	decide(3, 1);
}

/* What each takes of others is a round of all fault threads. */
static void orders_are_handed_on_one_after_a_pause(void **state)
{
	uint64_t values[HV_HCALL_VALUES];
	uint64_t next_ms;

	(void)state;
	assert_int_equal(set(HV_PAGE_BYTES, 1, 0, values), H_LONG_BUSY_1_MSEC);
	next_ms = order.next_ms;
	decide(1, 1);
	order.next_ms = UINT64_MAX; /* not yet */
	assert_int_equal(set(2 * HV_PAGE_BYTES, 1, 1, values), H_LONG_BUSY_1_MSEC);
	assert_int_equal(atomic_load(&order.at), MPP_DONE);
	/* the outcome of the one before is had at any time */
	assert_int_equal(set(HV_PAGE_BYTES, 1, 1, values), H_SUCCESS);
	assert_int_equal(set(2 * HV_PAGE_BYTES, 1, 1, values), H_LONG_BUSY_1_MSEC);
	assert_int_equal(atomic_load(&order.at), MPP_IDLE);
	order.next_ms = next_ms - MPP_PAUSE_MS;
	assert_int_equal(set(2 * HV_PAGE_BYTES, 1, 1, values), H_LONG_BUSY_1_MSEC);
	assert_int_equal(atomic_load(&order.at), MPP_ASKED);
	assert_true(order.next_ms >= next_ms);
	decide(2, 1);
	assert_int_equal(decided, 2);
}

static void what_cannot_be_is_refused_at_once(void **state)
{
	uint64_t values[HV_HCALL_VALUES];

	(void)state;
	assert_int_equal(set(0, 256, 0, values), H_PARAMETER);
	assert_int_equal(set(0, UINT64_MAX, 0, values), H_PARAMETER);
	order.loop = NULL; /* not attached */
	assert_int_equal(set(0, 1, 0, values), H_PARAMETER);
	assert_int_equal(atomic_load(&order.at), MPP_IDLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(who_asks_again_gets_the_outcome_once_it_is_told),
		TEST(what_could_not_be_had_is_told),
		TEST(another_order_takes_the_place_of_one_that_nobody_asked_for),
		TEST(less_than_what_is_mapped_bounds_nothing_that_is),
		TEST(orders_are_handed_on_one_after_a_pause),
		TEST(what_cannot_be_is_refused_at_once),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
