/* Partitions' primary VIOS, and back to it. */
#include "tests/unit/agent/bench.h"

#include <signal.h>
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

/* A place is one VIOS's: the next one comes when the one before it is gone. */
static void a_vios_takes_the_place_of_another(void **state)
{
	struct bench *bench = *state;
	const struct boss_event *event;

	bench_go(bench);
	bench->boss.vios[1].name = "vios3";
	boss_publish(&bench->boss);
	bench_vios(bench, "vios3", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios2"));
	assert_non_null(world_find(&bench->world, AGENT_VIOS, "vios3"));
	event = bench_event(bench, "vios.exit", 1);
	assert_non_null(strstr(event->text, "vios2"));
	assert_int_equal(event->level, TARN__EVENT_LEVEL__EVENT_INFO);
	assert_int_equal(boss_heard(&bench->boss, "vios.refused"), 0);
	bench->boss.vios[1].name = "vios2"; /* and back */
	boss_publish(&bench->boss);
	bench_vios(bench, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios3"));
}

static void a_vios_that_does_not_let_go_keeps_its_place(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	bench->world.leaving_is_refused = true;
	bench->boss.vios[1].name = "vios3";
	boss_publish(&bench->boss);
	(void)bench_event(bench, "vios.refused", 1);
	assert_non_null(world_find(&bench->world, AGENT_VIOS, "vios2"));
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios3"));
	world_agent_kill(&bench->world); /* the next agent finds both as they are */
	bench->world.old_vios = 9;
	world_agent_start(&bench->world);
	bench->world.leaving_is_refused = false;
	bench_vios(bench, "vios3", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios2"));
}

/*
 * vios1 ends and its slot is free; vios2 goes, vios4 is to come in its place, and has the
 * lower slot; vios3, who has the other place, crashes meanwhile: it comes back to that.
 */
static void one_that_crashed_keeps_its_place(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	bench->boss.vios[0].name = "vios3";
	boss_publish(&bench->boss);
	bench_vios(bench, "vios3", TARN__VIOS_STATE__VIOS_STANDBY);
	world_run(&bench->world, 1000); /* of vios1 nothing is left */
	bench->world.vios_are_stubborn = true;
	world_find(&bench->world, AGENT_VIOS, "vios2")->is_stubborn = true;
	bench->boss.vios[1].name = "vios4";
	boss_publish(&bench->boss);
	world_run(&bench->world, 200);
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios3"),
		  -SIGSEGV);
	bench->world.vios_are_stubborn = false;
	world_run(&bench->world, 600);
	assert_non_null(world_find(&bench->world, AGENT_VIOS, "vios2"));
	assert_non_null(world_find(&bench->world, AGENT_VIOS, "vios3"));
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios4"));
	bench_vios(bench, "vios4", TARN__VIOS_STATE__VIOS_STANDBY);
	bench_vios(bench, "vios3", TARN__VIOS_STATE__VIOS_ACTIVE);
}

static void one_that_is_not_assigned_is_ended(void **state)
{
	struct bench *bench = *state;
	const struct boss_event *event;

	bench_go(bench);
	bench->boss.vios[1].is_not_assigned = true;
	boss_publish(&bench->boss);
	event = bench_event(bench, "vios.exit", 1);
	assert_non_null(strstr(event->text, "vios2"));
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios2"));
	bench->boss.vios[1].is_not_assigned = false;
	boss_publish(&bench->boss);
	bench_pair(bench);
}

static bool is_given(struct agent_world *world, void *arg)
{
	return strcmp(world_partition(world, "db2")->primary, arg) == 0;
}

/* By whichever agent looks first; once, and not of one that has it already. */
static void another_primary_reaches_the_hypervisor_once(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	bench_add(bench, "db2", "pg2");
	boss_lpar(&bench->boss, "db2")->primary = "vios2";
	boss_publish(&bench->boss);
	assert_null(bench_lpar(bench, "db2")->error);
	assert_int_equal(bench->world.primaries, 0);
	boss_lpar(&bench->boss, "db2")->primary = "vios1";
	boss_publish(&bench->boss);
	assert_true(world_wait(&bench->world, PATIENCE_MS, is_given,
			       (void *)(uintptr_t) "vios1"));
	world_run(&bench->world, 5000);
	assert_int_equal(bench->world.primaries, 1);
	world_agent_kill(&bench->world);
	boss_lpar(&bench->boss, "db2")->primary = "vios2";
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	assert_true(world_wait(&bench->world, PATIENCE_MS, is_given,
			       (void *)(uintptr_t) "vios2"));
	world_run(&bench->world, 5000);
	assert_int_equal(bench->world.primaries, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(the_hypervisor_is_told_of_the_primary),
		CLAIM(when_they_go_back_is_told_and_told_again),
		CLAIM(an_order_to_fail_back_is_carried_out),
		CLAIM(a_refused_order_says_why),
		CLAIM(an_order_that_was_not_answered_is_repeated),
		CLAIM(a_vios_takes_the_place_of_another),
		CLAIM(a_vios_that_does_not_let_go_keeps_its_place),
		CLAIM(one_that_crashed_keeps_its_place),
		CLAIM(one_that_is_not_assigned_is_ended),
		CLAIM(another_primary_reaches_the_hypervisor_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
