/* Partitions: started once, ended in order, never lost from sight. */
#include "tests/unit/agent/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_partition_that_ended_unseen_is_not_started_again(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;

	bench_go(bench);
	world_agent_kill(&bench->world);
	world_die(&bench->world, world_find(&bench->world, AGENT_PARTITION, "db1"), 0);
	world_run(&bench->world, 1000);
	world_agent_start(&bench->world);
	(void)bench_event(bench, "lpar.ended", 1);
	status = bench_lpar(bench, "db1");
	assert_false(status->running);
	assert_non_null(status->error);
	assert_string_equal(status->error->text, "process ended");
	assert_int_equal(bench->world.spawns[AGENT_PARTITION], 2);
	assert_null(world_partition(&bench->world, "db1")); /* its memory is back */
}

struct ending {
	int status;
	const char *text;
	bool is_error;
};

static void a_partition_that_ends_by_itself_stays_off(void **state)
{
	static const struct ending endings[] = {
		{ 0, "ended by itself", false },
		{ 3, "exit status 3: it said why", true },
		{ -SIGKILL, "killed by signal 9", true },
	};
	struct bench *bench = *state;
	struct boss_lpar *lpar = boss_lpar(&bench->boss, "db1");

	bench_go(bench);
	for (size_t i = 0; i < HV_COUNT(endings); i++) {
		const Tarn__ObjectStatus *status;

		world_die(&bench->world,
			  world_find(&bench->world, AGENT_PARTITION, "db1"),
			  endings[i].status);
		(void)bench_event(bench, "lpar.ended", (unsigned)i + 1);
		status = bench_lpar(bench, "db1");
		assert_false(status->running);
		assert_int_equal(status->error != NULL, endings[i].is_error);
		assert_string_equal(status->error != NULL ? status->error->text
							  : status->text,
				    endings[i].text);
		world_run(&bench->world, 15000);
		assert_null(world_find(&bench->world, AGENT_PARTITION, "db1"));
		boss_activate(&bench->boss, lpar); /* a person's wish: a new run */
		boss_publish(&bench->boss);
		assert_true(bench_lpar(bench, "db1")->running);
	}
}

/* Before the hypervisor opens them, and not before that is done. */
static void its_disks_are_claimed_first_and_go_with_it(void **state)
{
	struct bench *bench = *state;
	struct boss_lpar *lpar;

	bench_go(bench);
	bench_add(bench, "dk", "pg2");
	lpar = boss_lpar(&bench->boss, "dk");
	lpar->has_disk = true;
	lpar->made = 7;
	bench->world.disks_code = HV_E_NOSPC;
	boss_publish(&bench->boss);
	world_run(&bench->world, 5000);
	assert_null(world_partition(&bench->world, "dk"));
	bench->world.disks_code = HV_OK;
	assert_true(bench_lpar(bench, "dk")->running);
	assert_string_equal(bench->world.disks_of, "dk");
	assert_int_equal(bench->world.disks_made, 7);
	lpar->is_running = false;
	boss_publish(&bench->boss);
	world_run(&bench->world, 15000);
	assert_string_equal(bench->world.disks_of, "dk"); /* kept while it is defined */
	bench->world.disks_code = HV_E_IO;
	lpar->name[0] = '\0';
	boss_publish(&bench->boss);
	world_run(&bench->world, 5000);
	assert_string_equal(bench->world.disks_of, "dk");
	bench->world.disks_code = HV_OK;
	world_run(&bench->world, 5000);
	assert_string_equal(bench->world.disks_of, "");
}

static void who_runs_is_shown_each_second(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	world_run(&bench->world, 1100);
	assert_int_equal(bench->world.shown, 2);
	world_die(&bench->world, world_find(&bench->world, AGENT_PARTITION, "db1"), 0);
	(void)bench_event(bench, "lpar.ended", 1);
	world_run(&bench->world, 1100);
	assert_int_equal(bench->world.shown, 1);
}

static void shutdown_asks_and_immediate_kills(void **state)
{
	struct bench *bench = *state;
	struct boss_lpar *lpar = boss_lpar(&bench->boss, "db1");

	bench_go(bench);
	world_find(&bench->world, AGENT_PARTITION, "ded")->is_stubborn = true;
	lpar->is_running = false;
	boss_lpar(&bench->boss, "ded")->is_running = false;
	boss_publish(&bench->boss);
	assert_string_equal(bench_lpar(bench, "db1")->text, "shut down");
	world_run(&bench->world, 60000); /* an OS that does not shut down is waited for */
	assert_non_null(world_find(&bench->world, AGENT_PARTITION, "ded"));
	boss_lpar(&bench->boss, "ded")->is_immediate = true;
	boss_publish(&bench->boss);
	assert_false(bench_lpar(bench, "ded")->running);
	assert_null(world_partition(&bench->world, "ded"));
	assert_int_equal(boss_last(&bench->boss, "lpar.ended")->level,
			 TARN__EVENT_LEVEL__EVENT_INFO);
}

static void a_lost_hypervisor_ends_every_partition_at_once(void **state)
{
	struct bench *bench = *state;
	struct boss_lpar *db1 = boss_lpar(&bench->boss, "db1");

	bench->world.partitions_outlive = true; /* only the agent can end them */
	for (unsigned i = 0; i < 100; i++) {
		char name[HV_NAME_BYTES];

		(void)snprintf(name, sizeof(name), "many%u", i);
		boss_lpar(&bench->boss, name)->is_dedicated = true;
		boss_activate(&bench->boss, boss_lpar(&bench->boss, name));
	}
	bench_go(bench);
	(void)bench_event(bench, "lpar.started", 102);
	world_die(&bench->world, world_find(&bench->world, AGENT_HYPERVISOR, ""),
		  -SIGSEGV);
	assert_true(world_wait(&bench->world, 100, bench_nothing_runs, NULL));
	assert_int_equal(bench_event(bench, "hypervisor.lost", 1)->level,
			 TARN__EVENT_LEVEL__EVENT_ERROR);
	assert_non_null(strstr(boss_last(&bench->boss, "hypervisor.lost")->text,
			       "killed by signal 11; 102 partitions ended"));
	(void)bench_event(bench, "hypervisor.started", 2);
	assert_string_equal(bench_lpar(bench, "db1")->error->text, "hypervisor lost");
	world_run(&bench->world, 30000);
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 0);
	boss_activate(&bench->boss, db1);
	boss_publish(&bench->boss);
	assert_true(bench_lpar(bench, "db1")->running);
}

static void hypervisor_and_agent_lost_together_end_every_run(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	bench->world.partitions_outlive = true;
	bench->world.vios_are_stubborn = true;
	world_die(&bench->world, world_find(&bench->world, AGENT_HYPERVISOR, ""),
		  -SIGKILL);
	world_agent_kill(&bench->world);
	world_run(&bench->world, 500);
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 2);
	world_agent_start(&bench->world);
	assert_true(world_wait(&bench->world, 100, bench_nothing_runs, NULL));
	assert_string_equal(bench_lpar(bench, "db1")->error->text, "hypervisor lost");
	assert_non_null(bench_event(bench, "hypervisor.lost", 1));
	bench_pair(bench);
}

static void another_hypervisor_than_the_known_one_ends_its_runs(void **state)
{
	struct bench *bench = *state;
	struct world_process *hv;

	bench_go(bench);
	world_agent_kill(&bench->world);
	world_die(&bench->world, world_find(&bench->world, AGENT_HYPERVISOR, ""), -9);
	world_run(&bench->world, 500);
	/* Someone started one by hand. */
	hv = world_by_pid(&bench->world, 0);
	*hv = (struct world_process){ .kind = AGENT_HYPERVISOR,
				      .instance = { 9999, 1 },
				      .is_attached = true };
	world_agent_start(&bench->world);
	assert_string_equal(bench_lpar(bench, "db1")->error->text, "hypervisor lost");
	assert_int_equal(world_find(&bench->world, AGENT_HYPERVISOR, "")->instance.pid,
			 9999);
}

static void a_refused_definition_ends_the_activation(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;

	bench->world.define_code = HV_E_NOMEM;
	bench_add(bench, "db1", "pg1");
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	status = bench_lpar(bench, "db1");
	assert_false(status->running);
	assert_int_equal(status->error->code, HV_E_NOMEM);
	bench->world.define_code = HV_OK;
	world_run(&bench->world, 30000);
	assert_int_equal(bench->world.spawns[AGENT_PARTITION], 0);
}

static void no_partition_starts_while_the_state_cannot_be_saved(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	bench->world.disk_is_full = true;
	bench_add(bench, "db2", "pg2");
	boss_publish(&bench->boss);
	assert_int_equal(bench_event(bench, "agent.state_unsaved", 1)->level,
			 TARN__EVENT_LEVEL__EVENT_ERROR);
	world_run(&bench->world, 30000);
	assert_null(world_find(&bench->world, AGENT_PARTITION, "db2"));
	bench->world.disk_is_full = false;
	assert_true(bench_lpar(bench, "db2")->running);
}

static void without_a_state_file_partitions_are_still_adopted(void **state)
{
	struct bench *bench = *state;
	int64_t pid;

	bench_go(bench);
	pid = world_find(&bench->world, AGENT_PARTITION, "db1")->instance.pid;
	world_agent_kill(&bench->world);
	free(bench->world.files[AGENT_FILE_STATE]);
	bench->world.files[AGENT_FILE_STATE] = NULL;
	world_agent_start(&bench->world);
	world_run(&bench->world, 5000);
	assert_true(bench_lpar(bench, "db1")->running);
	assert_int_equal(world_find(&bench->world, AGENT_PARTITION, "db1")->instance.pid,
			 pid);
}

static void with_no_desired_state_nothing_is_ended(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	world_agent_kill(&bench->world);
	for (unsigned i = 0; i < AGENT_FILE_COUNT; i++) {
		free(bench->world.files[i]);
		bench->world.files[i] = NULL;
	}
	bench->boss.is_away = true;
	world_agent_start(&bench->world);
	world_run(&bench->world, 60000);
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 2);
	assert_int_equal(world_alive(&bench->world, AGENT_VIOS), 2);
}

static void a_partition_nobody_desires_is_ended_in_the_end(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	world_find(&bench->world, AGENT_PARTITION, "db1")->is_stubborn = true;
	memset(boss_lpar(&bench->boss, "db1"), 0, sizeof(struct boss_lpar));
	boss_publish(&bench->boss);
	world_run(&bench->world, 20000);
	assert_non_null(world_find(&bench->world, AGENT_PARTITION, "db1"));
	world_run(&bench->world, 15000);
	assert_null(world_find(&bench->world, AGENT_PARTITION, "db1"));
	assert_null(world_partition(&bench->world, "db1"));
}

static void the_agent_can_die_at_every_operation_of_a_start(void **state)
{
	struct bench *bench = *state;
	unsigned nth;

	(void)state;
	for (nth = 1; nth < 400; nth++) {
		struct boss_lpar *lpar = boss_lpar(&bench->boss, "db1");

		if (bench->world.core != NULL)
			world_agent_kill(&bench->world);
		bench_add(bench, "db1", "pg1");
		boss_publish(&bench->boss);
		bench->world.crash_in = nth;
		bench->world.crash_after = nth % 2 == 0;
		world_agent_start(&bench->world);
		if (!world_wait(&bench->world, 600, bench_agent_is_dead, NULL) &&
		    nth > 60)
			break;
		world_run(&bench->world, nth % 7 * 10);
		if (bench->world.core == NULL)
			world_agent_start(&bench->world);
		bench->world.crash_in = 0;
		assert_true(bench_lpar(bench, "db1")->running);
		assert_true(world_ran(&bench->world, "db1", lpar->run_id));
		lpar->is_running = false;
		lpar->is_immediate = nth % 3 == 0;
		boss_publish(&bench->boss);
		assert_false(bench_lpar(bench, "db1")->running);
	}
	assert_true(nth > 60);
	assert_non_null(world_find(&bench->world, AGENT_HYPERVISOR, ""));
	assert_int_equal(bench->world.spawns[AGENT_HYPERVISOR], 1);
}

static void a_killed_agent_is_followed_by_one_that_adopts(void **state)
{
	struct bench *bench = *state;
	int64_t hv, db1, vios1;

	bench_go(bench);
	hv = world_find(&bench->world, AGENT_HYPERVISOR, "")->instance.pid;
	db1 = world_find(&bench->world, AGENT_PARTITION, "db1")->instance.pid;
	vios1 = world_find(&bench->world, AGENT_VIOS, "vios1")->instance.pid;
	world_agent_kill(&bench->world);
	world_run(&bench->world, 3000);
	world_agent_start(&bench->world);
	assert_string_equal(bench_event(bench, "agent.started", 2)->text,
			    "adopted 2 partitions, 2 VIOS and the hypervisor");
	world_run(&bench->world, 5000);
	assert_int_equal(world_find(&bench->world, AGENT_HYPERVISOR, "")->instance.pid,
			 hv);
	assert_int_equal(world_find(&bench->world, AGENT_PARTITION, "db1")->instance.pid,
			 db1);
	assert_int_equal(world_find(&bench->world, AGENT_VIOS, "vios1")->instance.pid,
			 vios1);
	assert_int_equal(boss_heard(&bench->boss, "lpar.started"), 2);
	assert_true(bench_lpar(bench, "db1")->running);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(its_disks_are_claimed_first_and_go_with_it),
		CLAIM(who_runs_is_shown_each_second),
		CLAIM(a_partition_that_ended_unseen_is_not_started_again),
		CLAIM(a_partition_that_ends_by_itself_stays_off),
		CLAIM(shutdown_asks_and_immediate_kills),
		CLAIM(a_lost_hypervisor_ends_every_partition_at_once),
		CLAIM(hypervisor_and_agent_lost_together_end_every_run),
		CLAIM(another_hypervisor_than_the_known_one_ends_its_runs),
		CLAIM(a_refused_definition_ends_the_activation),
		CLAIM(no_partition_starts_while_the_state_cannot_be_saved),
		CLAIM(without_a_state_file_partitions_are_still_adopted),
		CLAIM(with_no_desired_state_nothing_is_ended),
		CLAIM(a_partition_nobody_desires_is_ended_in_the_end),
		CLAIM(the_agent_can_die_at_every_operation_of_a_start),
		CLAIM(a_killed_agent_is_followed_by_one_that_adopts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
