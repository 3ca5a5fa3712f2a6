/* Partitions' primary VIOS, and back to it. */
#include "tests/unit/agent/bench.h"

#include <stdlib.h>
#include <string.h>

static uint64_t order(struct bench *bench, const char *lpar)
{
	uint64_t id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_FAILBACK,
				 lpar);

	boss_publish(&bench->boss);
	return id;
}

static void the_hypervisor_is_told_of_the_primary(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	assert_string_equal(world_partition(&bench->world, "db1")->primary, "");
	bench_add(bench, "db2", "pg2");
	boss_lpar(&bench->boss, "db2")->primary = "vios2";
	boss_publish(&bench->boss);
	assert_null(bench_lpar(bench, "db2")->error);
	assert_string_equal(world_partition(&bench->world, "db2")->primary, "vios2");
}

static bool is_told(struct agent_world *world, void *arg)
{
	return world->failback_ms == *(uint64_t *)arg;
}

static void when_they_go_back_is_told_and_told_again(void **state)
{
	static const uint64_t wanted[] = { 30000, 0, 1000, 86400000 };
	struct bench *bench = *state;

	bench_go(bench);
	assert_int_equal(bench->world.failback_ms, 0);
	for (size_t i = 0; i < HV_COUNT(wanted); i++) {
		uint64_t ms = wanted[i];

		bench->boss.failback_ms = ms;
		boss_publish(&bench->boss);
		assert_true(world_wait(&bench->world, PATIENCE_MS, is_told, &ms));
	}
	bench_pair(bench); /* nothing else of them changed */
	assert_int_equal(boss_heard(&bench->boss, "vios.exit"), 0);
}

static void an_order_to_fail_back_is_carried_out(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;
	uint64_t id;

	bench_go(bench);
	id = order(bench, "db1");
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
	assert_null(status->error);
	assert_string_equal(bench->world.failed_back, "db1");
	id = order(bench, "");
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
	assert_string_equal(bench->world.failed_back, "");
	assert_int_equal(bench->world.failbacks, 2);
}

static void a_refused_order_says_why(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;
	uint64_t id;

	bench_go(bench);
	bench->world.failback_code = HV_E_STATE;
	id = order(bench, "db1");
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
	assert_int_equal(status->error->code, HV_E_STATE);
	assert_non_null(strstr(status->error->text, "its primary is not ready"));
}

/* A silent hypervisor, or an agent that dies: it is asked again. */
static void an_order_that_was_not_answered_is_repeated(void **state)
{
	struct bench *bench = *state;
	uint64_t id;

	bench_go(bench);
	bench->world.failback_code = HV_E_AGAIN;
	id = order(bench, "");
	world_run(&bench->world, 5000);
	assert_false(boss_is_done(&bench->boss, TARN__OBJECT_KIND__OBJECT_OP, "", id));
	assert_true(bench->world.failbacks > 1);
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	bench->world.failback_code = HV_OK;
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(the_hypervisor_is_told_of_the_primary),
		CLAIM(when_they_go_back_is_told_and_told_again),
		CLAIM(an_order_to_fail_back_is_carried_out),
		CLAIM(a_refused_order_says_why),
		CLAIM(an_order_that_was_not_answered_is_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
