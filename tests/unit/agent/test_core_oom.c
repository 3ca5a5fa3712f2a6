/* The core with each of its allocations failing once: it comes up all the same. */
#include "tests/support/oom.h"
#include "tests/unit/agent/bench.h"

#include <stdlib.h>
#include <string.h>

static void inside(bool is_inside)
{
	oom_pause(!is_inside);
}

static void a_core_that_finds_no_memory_is_not_made(void **state)
{
	struct bench *bench = *state;
	struct agent_core *core = NULL;

	bench->world.config.incarnation = 1;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = agent_core_new(&bench->world.config, &world_ops, &bench->world,
				      NULL, &core, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(core);
	}
	agent_core_free(core);
}

/* From a bare host to a run that is ended, with an operation and a lost VIOS. */
static void live(struct bench *bench)
{
	uint64_t id;

	bench_go(bench);
	id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY, "");
	boss_publish(&bench->boss);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
	boss_lpar(&bench->boss, "db1")->weight = 200;
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios1"), -9);
	(void)bench_event(bench, "vios.restarted", 1);
	boss_lpar(&bench->boss, "db1")->is_running = false;
	boss_publish(&bench->boss);
	assert_false(bench_lpar(bench, "db1")->running);
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 1);
}

static void each_allocation_may_fail_once(void **state)
{
	bool was_hit = true;
	unsigned nth;

	(void)state;
	for (nth = 1; was_hit; nth++) {
		void *fresh = NULL;
		struct bench *bench;

		assert_int_equal(bench_set_up(&fresh), 0);
		bench = fresh;
		bench->world.inside = inside;
		oom_pause(true);
		oom_arm(nth);
		live(bench);
		was_hit = oom_disarm();
		oom_pause(false);
		bench_tear_down(&fresh);
	}
	assert_true(nth > 20); /* there was something to fail */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_core_that_finds_no_memory_is_not_made),
		cmocka_unit_test(each_allocation_may_fail_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
