/* Other paging devices for a partition that runs. */
#include "tests/unit/agent/bench.h"

#include <stdio.h>
#include <string.h>

#define DEVICES TARN__OBJECT_KIND__OBJECT_DEVICES

static uint64_t want(struct bench *bench, const char *device)
{
	struct boss_lpar *lpar = boss_lpar(&bench->boss, "db1");

	(void)snprintf(lpar->device, sizeof(lpar->device), "%s", device);
	lpar->devices_generation = ++bench->boss.next_id;
	boss_publish(&bench->boss);
	return lpar->devices_generation;
}

static const char *device_of(struct bench *bench)
{
	return world_partition(&bench->world, "db1")->device_name;
}

static void it_is_done_when_every_page_is_there(void **state)
{
	struct bench *bench = *state;
	uint64_t generation;

	bench_go(bench);
	(void)boss_device(&bench->boss, "pg2");
	bench->world.change_missed = 100;
	generation = want(bench, "pg2");
	world_run(&bench->world, 5000);
	assert_string_equal(device_of(bench), "pg2");
	assert_false(boss_is_done(&bench->boss, DEVICES, "db1", generation));
	world_partition(&bench->world, "db1")->missed = 0;
	assert_null(bench_done(bench, DEVICES, "db1", generation)->error);
	assert_int_equal(bench->world.changes, 1);
	world_run(&bench->world, 20000);
	assert_int_equal(bench->world.changes, 1);
}

/* Told again by the next agent, and not of what is so already. */
static void the_next_agent_goes_on(void **state)
{
	struct bench *bench = *state;
	uint64_t generation;

	bench_go(bench);
	(void)boss_device(&bench->boss, "pg2");
	bench->world.change_code = HV_E_AGAIN;
	generation = want(bench, "pg2");
	world_run(&bench->world, 3000);
	assert_true(bench->world.changes > 0);
	assert_false(boss_is_done(&bench->boss, DEVICES, "db1", generation));
	world_agent_kill(&bench->world);
	bench->world.change_code = HV_OK;
	world_agent_start(&bench->world);
	assert_null(bench_done(bench, DEVICES, "db1", generation)->error);
	assert_string_equal(device_of(bench), "pg2");
}

static void a_refusal_is_told_and_the_old_one_is_wanted_again(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;
	uint64_t generation;

	bench_go(bench);
	(void)boss_device(&bench->boss, "pg2");
	bench->world.change_code = HV_E_LIMIT;
	generation = want(bench, "pg2");
	status = bench_done(bench, DEVICES, "db1", generation);
	assert_int_equal(status->error->code, HV_E_LIMIT);
	assert_string_equal(status->error->text, "as told");
	(void)bench_event(bench, "lpar.device_refused", 1);
	world_run(&bench->world, 20000);
	assert_int_equal(boss_heard(&bench->boss, "lpar.device_refused"), 1);
	generation = want(bench, "pg1"); /* which it has */
	assert_null(bench_done(bench, DEVICES, "db1", generation)->error);
	assert_string_equal(device_of(bench), "pg1");
}

static void a_lasting_refusal_is_asked_about_in_no_hurry(void **state)
{
	struct bench *bench = *state;
	unsigned before, idle;

	bench_go(bench);
	(void)boss_device(&bench->boss, "pg2");
	world_run(&bench->world, 5000);
	before = bench->world.stats;
	world_run(&bench->world, 20000);
	idle = bench->world.stats - before;
	bench->world.change_code = HV_E_LIMIT;
	(void)bench_done(bench, DEVICES, "db1", want(bench, "pg2"));
	before = bench->world.stats;
	bench->world.changes = 0;
	world_run(&bench->world, 20000);
	assert_in_range(bench->world.changes, 3, 5); /* it is tried again */
	assert_in_range(bench->world.stats - before, 1, idle + 20);
}

/* It looks as if nothing were to be done, and the hypervisor is on its way elsewhere. */
static void the_way_back_is_told_to_one_that_is_on_its_way(void **state)
{
	struct bench *bench = *state;
	uint64_t generation;

	bench_go(bench);
	(void)boss_device(&bench->boss, "pg2");
	bench->world.change_waits = true;
	generation = want(bench, "pg2");
	world_run(&bench->world, 2000);
	assert_string_equal(bench->world.change_to, "pg2");
	bench->world.change_code = HV_E_LIMIT; /* asked again: it is gone, say */
	assert_int_equal(bench_done(bench, DEVICES, "db1", generation)->error->code,
			 HV_E_LIMIT);
	bench->world.change_code = HV_OK;
	generation = want(bench, "pg1");
	assert_null(bench_done(bench, DEVICES, "db1", generation)->error);
	assert_string_equal(bench->world.change_to, "pg1");
}

/* Where both are wanted, the primary comes by its own order, and by that alone. */
static void another_device_brings_no_primary(void **state)
{
	struct bench *bench = *state;
	struct boss_lpar *lpar;

	bench_go(bench);
	bench_add(bench, "db2", "pg2");
	lpar = boss_lpar(&bench->boss, "db2");
	lpar->primary = "vios1";
	(void)boss_device(&bench->boss, "pg3");
	boss_publish(&bench->boss);
	assert_null(bench_lpar(bench, "db2")->error);
	world_run(&bench->world, 2000);
	(void)snprintf(lpar->device, sizeof(lpar->device), "pg3");
	lpar->devices_generation = ++bench->boss.next_id;
	lpar->primary = "vios2";
	boss_publish(&bench->boss);
	assert_null(bench_done(bench, DEVICES, "db2", lpar->devices_generation)->error);
	world_run(&bench->world, 5000);
	assert_string_equal(world_partition(&bench->world, "db2")->primary, "vios2");
	assert_int_equal(bench->world.primaries, 1);
}

/* What the hypervisor has not let go of is not wiped, whatever is wanted now. */
static void a_device_that_it_still_has_is_not_wiped(void **state)
{
	struct bench *bench = *state;
	struct boss_device *device;

	bench_go(bench);
	(void)boss_device(&bench->boss, "pg2");
	bench->world.change_code = HV_E_LIMIT;
	(void)bench_done(bench, DEVICES, "db1", want(bench, "pg2"));
	device = boss_device(&bench->boss, "pg1");
	device->is_removed = true;
	device->generation += 1000;
	boss_publish(&bench->boss);
	world_run(&bench->world, 5000);
	assert_false(boss_is_done(&bench->boss, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg1",
				  device->generation));
	bench->world.change_code = HV_OK;
	(void)bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg1",
			 device->generation);
	assert_string_equal(device_of(bench), "pg2");
}

/* ... nor by an agent that has not heard yet what the hypervisor has. */
static void a_new_agent_asks_the_hypervisor_before_it_wipes(void **state)
{
	struct bench *bench = *state;
	struct boss_device *device;

	bench_go(bench);
	world_agent_kill(&bench->world);
	device = boss_device(&bench->boss, "pg1");
	device->is_removed = true;
	device->generation += 1000;
	boss_lpar(&bench->boss, "db1")->name[0] = '\0'; /* nobody wants it any more */
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	(void)bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg1",
			 device->generation);
	assert_null(world_partition(&bench->world, "db1"));
}

static void the_end_of_a_run_is_the_end_of_it(void **state)
{
	struct bench *bench = *state;
	uint64_t generation;

	bench_go(bench);
	(void)boss_device(&bench->boss, "pg2");
	bench->world.change_missed = 100;
	generation = want(bench, "pg2");
	world_run(&bench->world, 2000);
	boss_lpar(&bench->boss, "db1")->is_running = false;
	boss_publish(&bench->boss);
	assert_int_equal(bench_done(bench, DEVICES, "db1", generation)->error->code,
			 HV_E_GONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(it_is_done_when_every_page_is_there),
		CLAIM(the_next_agent_goes_on),
		CLAIM(a_refusal_is_told_and_the_old_one_is_wanted_again),
		CLAIM(a_lasting_refusal_is_asked_about_in_no_hurry),
		CLAIM(the_way_back_is_told_to_one_that_is_on_its_way),
		CLAIM(another_device_brings_no_primary),
		CLAIM(a_device_that_it_still_has_is_not_wiped),
		CLAIM(a_new_agent_asks_the_hypervisor_before_it_wipes),
		CLAIM(the_end_of_a_run_is_the_end_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
