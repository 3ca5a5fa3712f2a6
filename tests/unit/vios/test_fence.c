/* Who is served, and when: the fence between a client's incarnations. */
#include "vios/fence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BASE 1000
#define HELLOS 8

/* A hello is a number; what became of it is kept there. */
struct world {
	struct vios_fence fence;
	unsigned stops;
	unsigned releases_in_stop; /* what on_stop lets go at once */
	char hellos[HELLOS];
	uint64_t session[HELLOS]; /* greeted with */
	enum hv_code refused[HELLOS];
};

static void on_stop(void *arg)
{
	struct world *world = arg;

	world->stops++;
	for (; world->releases_in_stop > 0; world->releases_in_stop--)
		vios_fence_release(&world->fence);
}

static size_t number_of(const struct world *world, const void *hello)
{
	return (size_t)((const char *)hello - world->hellos);
}

static void on_greet(void *arg, void *hello, uint64_t session)
{
	struct world *world = arg;
	size_t number = number_of(world, hello);

	assert_int_equal(world->session[number], 0); /* once */
	assert_int_equal(world->refused[number], HV_OK);
	world->session[number] = session;
}

static void on_refuse(void *arg, void *hello, enum hv_code code, const char *why)
{
	struct world *world = arg;
	size_t number = number_of(world, hello);

	assert_int_equal(world->session[number], 0);
	assert_int_equal(world->refused[number], HV_OK);
	assert_non_null(why);
	world->refused[number] = code;
}

static const struct vios_fence_ops ops = { on_stop, on_greet, on_refuse };

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	vios_fence_init(&world->fence, &ops, world, BASE);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void hello(struct world *world, unsigned number, char incarnation)
{
	uint8_t bytes[VIOS_INCARNATION_BYTES];

	memset(bytes, incarnation, sizeof(bytes));
	vios_fence_hello(&world->fence, bytes, &world->hellos[number]);
}

static void the_first_one_is_served_at_once(void **state)
{
	struct world *world = *state;

	assert_false(vios_fence_serves(&world->fence, 0)); /* nobody is nobody */
	assert_false(vios_fence_serves(&world->fence, BASE));
	assert_true(vios_fence_is_idle(&world->fence));
	hello(world, 0, 'a');
	assert_int_equal(world->session[0], BASE + 1);
	assert_true(vios_fence_serves(&world->fence, BASE + 1));
	assert_int_equal(world->stops, 0);
	hello(world, 1, 'a'); /* its answer was lost: the same again */
	assert_int_equal(world->session[1], BASE + 1);
	assert_false(vios_fence_is_idle(&world->fence));
}

static void the_next_one_waits_for_what_is_held(void **state)
{
	struct world *world = *state;

	hello(world, 0, 'a');
	vios_fence_hold(&world->fence);
	vios_fence_hold(&world->fence);
	hello(world, 1, 'b');
	assert_int_equal(world->stops, 1);
	assert_int_equal(world->session[1], 0);
	/* Nobody is served meanwhile, neither the old one nor the new one. */
	for (uint64_t session = 0; session <= BASE + 3; session++)
		assert_false(vios_fence_serves(&world->fence, session));
	vios_fence_release(&world->fence);
	assert_int_equal(world->session[1], 0);
	vios_fence_release(&world->fence);
	assert_int_equal(world->session[1], BASE + 2);
	assert_false(vios_fence_serves(&world->fence, BASE + 1));
	assert_int_equal(world->stops, 1);
}

static void of_those_that_wait_the_last_one_is_served(void **state)
{
	struct world *world = *state;

	hello(world, 0, 'a');
	vios_fence_hold(&world->fence);
	hello(world, 1, 'b');
	hello(world, 2, 'b');
	assert_int_equal(world->refused[1], HV_E_AGAIN);
	hello(world, 3, 'c');
	assert_int_equal(world->refused[2], HV_E_STALE);
	assert_int_equal(world->stops, 1); /* there is nothing more to stop */
	vios_fence_release(&world->fence);
	assert_int_equal(world->session[3], BASE + 2);
}

static void one_that_is_over_is_not_served_again(void **state)
{
	struct world *world = *state;

	hello(world, 0, 'a');
	vios_fence_hold(&world->fence);
	hello(world, 1, 'b');
	hello(world, 2, 'a'); /* while it drains */
	assert_int_equal(world->refused[2], HV_E_STALE);
	vios_fence_release(&world->fence);
	assert_int_equal(world->session[1], BASE + 2);
	hello(world, 3, 'a'); /* and after */
	assert_int_equal(world->refused[3], HV_E_STALE);
	assert_true(vios_fence_serves(&world->fence, BASE + 2));
}

/* Of one boot; by another connection, from long ago, or while one waits or drains. */
static void hello_of(struct world *world, unsigned number, uint64_t began)
{
	uint8_t bytes[VIOS_INCARNATION_BYTES] = { 'b', 'o', 'o', 't' };

	bytes[14] = (uint8_t)(began >> 8);
	bytes[15] = (uint8_t)began;
	vios_fence_hello(&world->fence, bytes, &world->hellos[number]);
}

static void an_older_one_is_refused_however_it_comes(void **state)
{
	struct world *world = *state;

	hello_of(world, 0, 0x0102);
	hello_of(world, 1, 0x0103);
	hello_of(world, 2, 0x0201);
	assert_int_equal(world->session[2], BASE + 3);
	hello_of(world, 3, 0x0102); /* not the last one that is over */
	assert_int_equal(world->refused[3], HV_E_STALE);
	hello_of(world, 4, 0x0200); /* nobody has heard of it */
	assert_int_equal(world->refused[4], HV_E_STALE);
	assert_true(vios_fence_serves(&world->fence, BASE + 3));
	assert_int_equal(world->stops, 2);
	vios_fence_hold(&world->fence);
	hello_of(world, 5, 0x0301); /* waits */
	hello_of(world, 6, 0x0300);
	assert_int_equal(world->refused[6], HV_E_STALE);
	assert_int_equal(world->refused[5], HV_OK);
	vios_fence_release(&world->fence);
	assert_int_equal(world->session[5], BASE + 4);
	vios_fence_end(&world->fence);
	world->refused[6] = HV_OK;
	hello_of(world, 6, 0x0300); /* nobody is served, and it is older all the same */
	assert_int_equal(world->refused[6], HV_E_STALE);
	hello(world, 7, 'c'); /* another boot */
	assert_int_equal(world->session[7], BASE + 5);
}

static void what_ends_within_the_stop_counts_after_it(void **state)
{
	struct world *world = *state;

	hello(world, 0, 'a');
	vios_fence_hold(&world->fence);
	vios_fence_hold(&world->fence);
	world->releases_in_stop = 2;
	hello(world, 1, 'b');
	assert_int_equal(world->session[1], BASE + 2);
	assert_int_equal(world->stops, 1);
}

static void a_session_may_end_without_a_next_one(void **state)
{
	struct world *world = *state;

	vios_fence_end(&world->fence); /* nobody: nothing */
	assert_int_equal(world->stops, 0);
	hello(world, 0, 'a');
	vios_fence_hold(&world->fence);
	vios_fence_end(&world->fence);
	vios_fence_end(&world->fence);
	assert_int_equal(world->stops, 1);
	assert_false(vios_fence_serves(&world->fence, BASE + 1));
	hello(world, 1, 'b');
	assert_int_equal(world->session[1], 0);
	vios_fence_release(&world->fence);
	assert_int_equal(world->session[1], BASE + 2);
	vios_fence_end(&world->fence);
	assert_true(vios_fence_is_idle(&world->fence));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(the_first_one_is_served_at_once),
		TEST(the_next_one_waits_for_what_is_held),
		TEST(of_those_that_wait_the_last_one_is_served),
		TEST(one_that_is_over_is_not_served_again),
		TEST(an_older_one_is_refused_however_it_comes),
		TEST(what_ends_within_the_stop_counts_after_it),
		TEST(a_session_may_end_without_a_next_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
