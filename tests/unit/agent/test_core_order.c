/* Paging devices, the pool, and single operations of the coordinator. */
#include "tests/unit/agent/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_device_is_formatted_once(void **state)
{
	struct bench *bench = *state;
	struct world_device *device;
	uint64_t generation;

	bench_go(bench);
	device = world_device(&bench->world, "/dev/pg1");
	generation = boss_device(&bench->boss, "pg1")->generation;
	assert_int_equal(device->formats, 1);
	device->is_missing = true;
	device->has_header = false;
	assert_non_null(
		strstr(bench_event(bench, "pgdev.failed", 1)->text, "no such file"));
	assert_non_null(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg1", generation)
			->error);
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	world_run(&bench->world, 30000);
	assert_int_equal(device->formats, 1);
	assert_true(device->is_missing);
	device->is_missing = false;
	device->has_header = true;
	(void)bench_event(bench, "pgdev.back", 1);
	world_run(&bench->world, 1000);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg1", generation)
			    ->error);
	assert_int_equal(device->formats, 1);
}

static void a_device_that_is_not_ours_is_refused_for_good(void **state)
{
	struct bench *bench = *state;
	struct world_device *device = world_device(&bench->world, "/dev/pg1");
	const Tarn__ObjectStatus *status;

	device->is_missing = false;
	device->is_foreign = true;
	bench_add(bench, "db1", "pg1");
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg1",
			    boss_device(&bench->boss, "pg1")->generation);
	assert_string_equal(status->error->text, "it belongs to another host");
	status = bench_lpar(bench, "db1");
	assert_false(status->running);
	assert_string_equal(status->error->text,
			    "paging device 'pg1': it belongs to another host");
	device->is_foreign = false;
	world_run(&bench->world, 60000);
	assert_int_equal(device->formats, 0); /* nobody asked a second time */
}

static void a_removed_device_is_wiped_or_was_gone(void **state)
{
	struct bench *bench = *state;
	struct boss_device *device;

	(void)boss_device(&bench->boss, "pg1");
	(void)boss_device(&bench->boss, "pg2");
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	for (unsigned i = 1; i <= 2; i++) {
		const char *name = i == 1 ? "pg1" : "pg2";

		device = boss_device(&bench->boss, name);
		(void)bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, name,
				 device->generation);
		device->generation = bench->boss.next_id++;
		device->is_removed = true;
	}
	world_device(&bench->world, "/dev/pg2")->is_missing = true;
	boss_publish(&bench->boss);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg1",
			       boss_device(&bench->boss, "pg1")->generation)
			    ->error);
	assert_false(world_device(&bench->world, "/dev/pg1")->has_header);
	assert_string_equal(bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg2",
				       boss_device(&bench->boss, "pg2")->generation)
				    ->text,
			    "no such file");
}

static void a_refused_pool_is_told_and_asked_for_again(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;

	bench->world.pool_code = HV_E_NOMEM;
	bench_add(bench, "db1", "pg1");
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_POOL, "",
			    bench->boss.pool_generation);
	assert_int_equal(status->error->code, HV_E_NOMEM);
	assert_string_equal(bench_lpar(bench, "db1")->error->text,
			    "shared memory pool: no pool, as told");
	bench->world.pool_code = HV_OK;
	world_run(&bench->world, 15000);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_POOL, "",
			       bench->boss.pool_generation)
			    ->error);
	boss_pool(&bench->boss, 0);
	boss_publish(&bench->boss);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_POOL, "",
			       bench->boss.pool_generation)
			    ->error);
	assert_false(bench->world.pool_is_set);
}

static bool has_reserved(struct bench *bench, uint64_t lmbs)
{
	world_run(&bench->world, 1000);
	return bench->world.reserved == lmbs;
}

/* SPEC R6: more with each partition, less when one is removed, again after a loss. */
static void the_hypervisor_keeps_as_many_blocks_as_it_is_told(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	assert_int_equal(bench->world.reserved, 0); /* nobody said anything */
	bench->boss.firmware_lmbs = 3;
	boss_publish(&bench->boss);
	assert_true(has_reserved(bench, 3));
	bench->boss.firmware_lmbs = 2;
	boss_publish(&bench->boss);
	assert_true(has_reserved(bench, 2));
	world_die(&bench->world, world_find(&bench->world, AGENT_HYPERVISOR, ""),
		  -SIGKILL);
	(void)bench_event(bench, "hypervisor.started", 2);
	assert_true(has_reserved(bench, 2));
	bench->world.reserve_code = HV_E_NOMEM;
	bench->boss.firmware_lmbs = 4;
	boss_publish(&bench->boss);
	assert_non_null(strstr(bench_event(bench, "hypervisor.reserve_refused", 1)->text,
			       "no block, as told"));
	world_run(&bench->world, 30000);
	assert_int_equal(boss_heard(&bench->boss, "hypervisor.reserve_refused"), 1);
	bench->world.reserve_code = HV_OK;
	world_run(&bench->world, 15000);
	assert_int_equal(bench->world.reserved, 4);
}

static void a_kill_is_carried_out_at_most_once(void **state)
{
	struct bench *bench = *state;
	uint64_t id;

	bench_go(bench);
	id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, "vios1");
	boss_publish(&bench->boss);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
	/* Who is told that it was killed is not told that it serves. */
	assert_string_equal(bench->boss.report->stat->vios[0]->name, "vios1");
	assert_int_equal(bench->boss.report->stat->vios[0]->state,
			 TARN__VIOS_STATE__VIOS_DOWN);
	(void)bench_event(bench, "vios.restarted", 1);
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	world_run(&bench->world, 10000);
	assert_int_equal(boss_heard(&bench->boss, "vios.exit"), 1);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
}

static void a_kill_that_a_dead_agent_began_is_not_repeated(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status = NULL;
	uint64_t id;

	bench_go(bench);
	/* Die at each operation in turn: before, at, and after the save and the kill. */
	for (unsigned nth = 1; nth < 12; nth++) {
		unsigned before = boss_heard(&bench->boss, "vios.exit");

		id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL,
				"vios1");
		boss_publish(&bench->boss);
		bench->world.crash_in = nth;
		bench->world.crash_after = nth % 2 == 0;
		if (world_wait(&bench->world, 5000, bench_agent_is_dead, NULL))
			world_agent_start(&bench->world);
		bench->world.crash_in = 0;
		status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
		assert_true(status->error == NULL || status->error->code == HV_E_GONE ||
			    status->error->code == HV_E_NOTFOUND);
		bench_vios(bench, "vios1", TARN__VIOS_STATE__VIOS_STANDBY);
		assert_in_range(boss_heard(&bench->boss, "vios.exit"), before,
				before + 1);
		memset(bench->boss.ops, 0, sizeof(bench->boss.ops));
		boss_publish(&bench->boss);
		world_run(&bench->world, 40000); /* the back-off starts anew */
	}
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 2);
}

static uint64_t order_stop(struct bench *bench, const char *vios, uint32_t ms)
{
	uint64_t id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_STOP,
				 vios);

	for (size_t i = 0; i < BOSS_OPS; i++)
		if (bench->boss.ops[i].id == id)
			bench->boss.ops[i].ms = ms;
	boss_publish(&bench->boss);
	return id;
}

static bool is_stopped(struct bench *bench, const char *vios)
{
	return world_find(&bench->world, AGENT_VIOS, vios)->is_stopped;
}

static void a_vios_is_stopped_for_a_while(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;
	uint64_t id;

	bench_go(bench);
	id = order_stop(bench, "vios1", 3000);
	world_run(&bench->world, 2500);
	assert_true(is_stopped(bench, "vios1"));
	assert_false(is_stopped(bench, "vios2"));
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
	assert_null(status->error);
	assert_non_null(strstr(status->text, "was continued 300"));
	assert_false(is_stopped(bench, "vios1"));
	world_agent_kill(&bench->world); /* done once */
	world_agent_start(&bench->world);
	world_run(&bench->world, 2000);
	assert_false(is_stopped(bench, "vios1"));
}

/* The hypervisor does that to one that hangs. */
static void a_stopped_vios_that_is_ended_is_told_so(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;
	uint64_t id;

	bench_go(bench);
	id = order_stop(bench, "vios1", 30000);
	world_run(&bench->world, 1000);
	assert_true(is_stopped(bench, "vios1"));
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios1"),
		  -SIGKILL);
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
	assert_null(status->error);
	assert_non_null(strstr(status->text, "was ended "));
	(void)bench_event(bench, "vios.restarted", 1);
	assert_false(is_stopped(bench, "vios1"));
}

static void who_is_stopped_for_an_order_that_is_taken_back_goes_on(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	(void)order_stop(bench, "vios1", 60000);
	world_run(&bench->world, 1000);
	assert_true(is_stopped(bench, "vios1"));
	memset(bench->boss.ops, 0, sizeof(bench->boss.ops));
	boss_publish(&bench->boss);
	world_run(&bench->world, 1000);
	assert_false(is_stopped(bench, "vios1"));
}

static void what_a_dead_agent_stopped_is_continued_and_not_stopped_again(void **state)
{
	struct bench *bench = *state;
	uint64_t id;

	bench_go(bench);
	id = order_stop(bench, "vios1", 60000);
	world_run(&bench->world, 1000);
	assert_true(is_stopped(bench, "vios1"));
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error->code,
		HV_E_GONE);
	assert_false(is_stopped(bench, "vios1"));
	/* The same where the order is taken back while no agent is there. */
	memset(bench->boss.ops, 0, sizeof(bench->boss.ops));
	(void)order_stop(bench, "vios2", 60000);
	world_run(&bench->world, 1000);
	assert_true(is_stopped(bench, "vios2"));
	world_agent_kill(&bench->world);
	memset(bench->boss.ops, 0, sizeof(bench->boss.ops));
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	world_run(&bench->world, 3000);
	assert_false(is_stopped(bench, "vios2"));
}

/* The file of what is desired is not synced: it may not know what was begun. */
static void what_was_begun_counts_whatever_is_left_of_the_desired_state(void **state)
{
	struct bench *bench = *state;
	uint64_t kill, stop;

	bench_go(bench);
	bench->world.desired_is_lost = true;
	kill = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, "vios1");
	boss_publish(&bench->boss);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", kill)->error);
	(void)bench_event(bench, "vios.restarted", 1);
	stop = order_stop(bench, "vios2", 60000);
	world_run(&bench->world, 1000);
	assert_true(is_stopped(bench, "vios2"));
	world_agent_kill(&bench->world);
	bench->boss.is_away = true;
	world_agent_start(&bench->world);
	world_run(&bench->world, 1000);
	assert_false(is_stopped(bench, "vios2")); /* nobody has to say so */
	bench->boss.is_away = false;
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", stop)->error->code,
		HV_E_GONE);
	world_run(&bench->world, 10000);
	assert_int_equal(boss_heard(&bench->boss, "vios.exit"), 1); /* one kill */
	assert_false(is_stopped(bench, "vios2"));
}

/* What a drill of both is: nobody is there for as long as it says. */
static void all_of_them_are_killed_and_stay_away(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;
	uint64_t id;

	bench_go(bench);
	id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, "");
	boss_publish(&bench->boss); /* without a time: of nobody */
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error->code,
		HV_E_NOTFOUND);
	id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, "");
	for (size_t i = 0; i < BOSS_OPS; i++)
		if (bench->boss.ops[i].id == id)
			bench->boss.ops[i].ms = 4000;
	boss_publish(&bench->boss);
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
	assert_null(status->error);
	assert_string_equal(status->text, "2 VIOS killed");
	world_run(&bench->world, 3500);
	assert_int_equal(world_alive(&bench->world, AGENT_VIOS), 0);
	world_run(&bench->world, 2000);
	assert_int_equal(world_alive(&bench->world, AGENT_VIOS), 2);
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 2);
	world_agent_kill(&bench->world); /* done once */
	world_agent_start(&bench->world);
	world_run(&bench->world, 5000);
	assert_int_equal(world_alive(&bench->world, AGENT_VIOS), 2);
}

static void an_agent_that_a_drill_kills_is_answered_by_the_next(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;
	uint64_t id;

	bench_go(bench);
	bench->world.again_code = HV_E_OS;
	id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_AGENT_KILL, "");
	boss_publish(&bench->boss);
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
	assert_int_equal(status->error->code, HV_E_OS);
	assert_string_equal(status->error->text, "no helper, as told");
	bench->world.again_code = HV_OK;
	id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_AGENT_KILL, "");
	boss_publish(&bench->boss);
	assert_true(world_wait(&bench->world, 5000, bench_agent_is_dead, NULL));
	world_run(&bench->world, 1000);
	world_agent_start(&bench->world);
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id);
	assert_null(status->error);
	assert_string_equal(status->text, "the agent was killed and started again");
	world_run(&bench->world, 5000);
	assert_non_null(bench->world.core); /* once */
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 2);
	assert_int_equal(boss_heard(&bench->boss, "vios.exit"), 0);
}

static void operations_that_cannot_be_are_answered(void **state)
{
	struct bench *bench = *state;
	uint64_t kill, all, self, stop, verify, nobody;

	bench->world.config.drills_allowed = false;
	bench_go(bench);
	kill = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, "vios1");
	stop = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_STOP, "vios1");
	self = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_AGENT_KILL, "");
	all = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL, "");
	bench->boss.ops[3].ms = 1000;
	verify = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY, "no");
	nobody = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_STALL_RESET, "no");
	boss_publish(&bench->boss);
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", kill)->error->code,
		HV_E_REFUSED);
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", stop)->error->code,
		HV_E_REFUSED);
	assert_false(is_stopped(bench, "vios1"));
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", self)->error->code,
		HV_E_REFUSED);
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", all)->error->code,
		HV_E_REFUSED);
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", verify)->error->code,
		HV_E_NOTFOUND);
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", nobody)->error->code,
		HV_E_NOTFOUND);
	assert_int_equal(world_alive(&bench->world, AGENT_VIOS), 2);
}

static void a_verification_that_a_dead_agent_began_is_answered(void **state)
{
	struct bench *bench = *state;
	uint64_t id;

	bench_go(bench);
	id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY, "");
	boss_publish(&bench->boss);
	world_run(&bench->world, 40); /* sent, not over */
	assert_int_equal(world_partition(&bench->world, "db1")->last_command, id);
	world_agent_kill(&bench->world);
	world_run(&bench->world, 2000); /* now it is */
	world_agent_start(&bench->world);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
	assert_int_equal(world_partition(&bench->world, "db1")->passes, 1);
}

static void verify_waits_for_the_pass_of_each_partition(void **state)
{
	struct bench *bench = *state;
	uint64_t verify, reset, audit;

	bench_go(bench);
	verify = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY, "");
	reset = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_STALL_RESET, "");
	audit = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_AUDIT, "");
	boss_publish(&bench->boss);
	assert_string_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", verify)->text,
		"2 partitions, 16384 pages verified, 0 bad");
	assert_int_equal(world_partition(&bench->world, "db1")->passes, 1);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", reset)->error);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", audit)->error);
}

/* ded is one, so only db1 is asked, and what is left out is said. */
static void a_guest_is_not_verified(void **state)
{
	struct bench *bench = *state;
	uint64_t all, one, reset;

	boss_lpar(&bench->boss, "ded")->is_guest = true;
	bench_go(bench);
	all = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY, "");
	one = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY, "ded");
	reset = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_STALL_RESET, "ded");
	boss_publish(&bench->boss);
	assert_string_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", all)->text,
		"1 partitions, 8192 pages verified, 0 bad, 1 guests left out");
	assert_int_equal(world_partition(&bench->world, "db1")->passes, 1);
	assert_int_equal(world_partition(&bench->world, "ded")->passes, 0);
	assert_int_equal(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", one)->error->code,
		HV_E_REFUSED);
	assert_non_null(strstr(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", one)->error->text,
		"partition 'ded' is a guest: nobody outside knows"));
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", reset)->error);
}

static void a_guest_can_have_what_it_begins_with(void **state)
{
	struct bench *bench = *state;

	boss_lpar(&bench->boss, "ded")->is_guest = true;
	bench_go(bench);
	assert_int_equal(world_partition(&bench->world, "db1")->max_bytes, 128 << 20);
	assert_int_equal(world_partition(&bench->world, "ded")->max_bytes, 32 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_device_is_formatted_once),
		CLAIM(a_device_that_is_not_ours_is_refused_for_good),
		CLAIM(a_removed_device_is_wiped_or_was_gone),
		CLAIM(a_refused_pool_is_told_and_asked_for_again),
		CLAIM(the_hypervisor_keeps_as_many_blocks_as_it_is_told),
		CLAIM(a_kill_is_carried_out_at_most_once),
		CLAIM(a_kill_that_a_dead_agent_began_is_not_repeated),
		CLAIM(a_vios_is_stopped_for_a_while),
		CLAIM(a_stopped_vios_that_is_ended_is_told_so),
		CLAIM(who_is_stopped_for_an_order_that_is_taken_back_goes_on),
		CLAIM(what_a_dead_agent_stopped_is_continued_and_not_stopped_again),
		CLAIM(what_was_begun_counts_whatever_is_left_of_the_desired_state),
		CLAIM(all_of_them_are_killed_and_stay_away),
		CLAIM(an_agent_that_a_drill_kills_is_answered_by_the_next),
		CLAIM(operations_that_cannot_be_are_answered),
		CLAIM(a_verification_that_a_dead_agent_began_is_answered),
		CLAIM(verify_waits_for_the_pass_of_each_partition),
		CLAIM(a_guest_is_not_verified),
		CLAIM(a_guest_can_have_what_it_begins_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
