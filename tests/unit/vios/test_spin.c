/* Whether a lane waits awake: vios/spin, on a clock and a processor of the test's. */
#include "vios/spin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define US UINT64_C(1000)
#define MS UINT64_C(1000000)
#define S UINT64_C(1000000000)
#define LIMIT (100 * US)
#define READ (50 * US)  /* what the device takes */
#define OTHER (30 * US) /* what the processor does between two reads */

struct world {
	struct vios_spin spin;
	uint64_t now_ns;
	uint64_t idle_ns;  /* exact; told in steps of 10 ms */
	uint64_t awake_ns; /* that waits took, awake */
	unsigned awake;    /* waits */
	bool is_wanted;    /* somebody computes on that processor */
	bool is_idle_known;
};

static bool find_idle(void *ctx, uint64_t *ret_idle_ns)
{
	const struct world *world = ctx;

	*ret_idle_ns = world->idle_ns / (10 * MS) * (10 * MS);
	return world->is_idle_known;
}

static struct world make_world(uint64_t limit_ns)
{
	return (struct world){ .now_ns = 5 * S,
			       .is_idle_known = true,
			       .spin = { .limit_ns = limit_ns } };
}

static void open_world(struct world *world)
{
	static const struct vios_spin_ops ops = { .idle = find_idle };

	vios_spin_init(&world->spin, world->spin.limit_ns, &ops, world);
}

/* One wait with so many out, for a device that takes so long. */
static bool wait_once(struct world *world, unsigned out, uint64_t device_ns)
{
	uint64_t began_ns = world->now_ns;
	uint64_t until_ns = vios_spin_begin(&world->spin, out, began_ns);
	uint64_t done_ns = began_ns + device_ns;
	bool is_vain = until_ns != 0 && until_ns < done_ns;

	assert_true(until_ns == 0 || until_ns > began_ns);
	assert_true(until_ns <= began_ns + LIMIT);
	world->now_ns = is_vain ? until_ns : done_ns;
	if (until_ns != 0) {
		world->awake++;
		world->awake_ns += world->now_ns - began_ns;
	} else if (!world->is_wanted) {
		world->idle_ns += device_ns;
	}
	vios_spin_end(&world->spin, began_ns, world->now_ns, is_vain);
	if (is_vain)
		world->now_ns = done_ns;
	world->now_ns += OTHER;
	return until_ns != 0;
}

/* Reads one page after the other. Returns how many waits of a thousand were awake. */
static unsigned read_for(struct world *world, uint64_t ns, unsigned out,
			 uint64_t device_ns)
{
	uint64_t end_ns = world->now_ns + ns;
	unsigned waits = 0;

	world->awake = 0;
	world->awake_ns = 0;
	for (; world->now_ns < end_ns; waits++)
		(void)wait_once(world, out, device_ns);
	return world->awake * 1000 / waits;
}

static void a_thread_that_waits_for_each_page_is_waited_for_awake(void **state)
{
	struct world world = make_world(LIMIT);

	(void)state;
	open_world(&world);
	(void)read_for(&world, S, 1, READ);
	assert_in_range(read_for(&world, 10 * S, 1, READ), 850, 950); /* but for probes */
}

static void no_limit_is_never(void **state)
{
	struct world world = make_world(0);

	(void)state;
	open_world(&world);
	assert_int_equal(read_for(&world, 3 * S, 1, READ), 0);
}

static void several_threads_are_not(void **state)
{
	struct world world = make_world(LIMIT);

	(void)state;
	open_world(&world);
	(void)read_for(&world, 2 * S, 1, READ);
	assert_int_equal(read_for(&world, 2 * S, 3, READ), 0);
	for (unsigned i = 0; i < 7; i++) /* one wait alone shows nothing yet */
		assert_false(wait_once(&world, 1, READ));
	assert_int_equal(vios_spin_begin(&world.spin, 0, world.now_ns), 0);
}

static void who_wants_the_processor_has_it_within_a_second(void **state)
{
	struct world world = make_world(LIMIT);

	(void)state;
	open_world(&world);
	(void)read_for(&world, 2 * S, 1, READ);
	world.is_wanted = true;
	(void)read_for(&world, S + 110 * MS, 1, READ);
	assert_int_equal(read_for(&world, 5 * S, 1, READ), 0);
	world.is_wanted = false; /* and it is found out that he went */
	(void)read_for(&world, S + 210 * MS, 1, READ);
	assert_true(read_for(&world, 5 * S, 1, READ) > 850);
}

static void who_computes_from_the_start_is_never_disturbed(void **state)
{
	struct world world = make_world(LIMIT);

	(void)state;
	open_world(&world);
	world.is_wanted = true;
	assert_int_equal(read_for(&world, 5 * S, 1, READ), 0);
}

static void a_processor_of_which_nothing_is_known_is_left_alone(void **state)
{
	struct world world = make_world(LIMIT);

	(void)state;
	open_world(&world);
	world.is_idle_known = false;
	assert_int_equal(read_for(&world, 5 * S, 1, READ), 0);
}

static void a_device_that_became_slow_is_not_waited_for_awake(void **state)
{
	struct world world = make_world(LIMIT);

	(void)state;
	open_world(&world);
	(void)read_for(&world, 2 * S, 1, READ);
	/* a crawl: one answer in 4 ms */
	(void)read_for(&world, S, 1, 4 * MS);
	assert_true(read_for(&world, 4 * S, 1, 4 * MS) <= 20);
	assert_true(world.awake_ns < 4 * S / 1000);
}

/* Twice what half of them take is longer than a late one here and there. */
static void a_late_answer_costs_a_few_waits(void **state)
{
	struct world world = make_world(LIMIT);
	unsigned slept = 0;

	(void)state;
	open_world(&world);
	(void)read_for(&world, 2 * S + 150 * MS, 1, READ);
	while (!wait_once(&world, 1, READ)) /* a probe may be on */
		;
	assert_true(wait_once(&world, 1, 300 * US));
	while (!wait_once(&world, 1, READ))
		slept++;
	assert_in_range(slept, 1, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thread_that_waits_for_each_page_is_waited_for_awake),
		cmocka_unit_test(no_limit_is_never),
		cmocka_unit_test(several_threads_are_not),
		cmocka_unit_test(who_wants_the_processor_has_it_within_a_second),
		cmocka_unit_test(who_computes_from_the_start_is_never_disturbed),
		cmocka_unit_test(a_processor_of_which_nothing_is_known_is_left_alone),
		cmocka_unit_test(a_device_that_became_slow_is_not_waited_for_awake),
		cmocka_unit_test(a_late_answer_costs_a_few_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
