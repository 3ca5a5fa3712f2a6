/* Paging devices behind one VIOS alone, and partitions that have two of them. */
#include "tests/unit/agent/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct boss_lpar *add(struct bench *bench, const char *first, const char *second)
{
	bench_add(bench, "db2", "pg2");
	boss_device(&bench->boss, "pg2")->vios = first;
	if (second != NULL) {
		boss_device(&bench->boss, "pg3")->vios = second;
		boss_lpar(&bench->boss, "db2")->mirror = "pg3";
	}
	boss_publish(&bench->boss);
	return boss_lpar(&bench->boss, "db2");
}

static const Tarn__ObjectStatus *device_status(struct bench *bench, const char *name)
{
	return bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, name,
			  boss_device(&bench->boss, name)->generation);
}

static void the_hypervisor_is_told_of_both_devices(void **state)
{
	struct bench *bench = *state;
	const struct world_partition *partition;

	bench_go(bench);
	(void)add(bench, "vios2", "vios1");
	assert_null(bench_lpar(bench, "db2")->error);
	partition = world_partition(&bench->world, "db2");
	assert_string_equal(partition->path, "/dev/pg2");
	assert_string_equal(partition->vios, "vios2");
	assert_string_equal(partition->mirror, "/dev/pg3");
	assert_string_equal(world_partition(&bench->world, "db1")->vios, "");
	assert_string_equal(world_partition(&bench->world, "db1")->mirror, "");
}

static void what_lies_behind_one_vios_is_not_redundant(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	(void)add(bench, "vios1", "vios2");
	assert_null(bench_lpar(bench, "db2")->error);
	assert_false(device_status(bench, "pg2")->redundant);
	assert_false(device_status(bench, "pg3")->redundant);
	assert_true(device_status(bench, "pg1")->redundant);
}

static void two_behind_one_vios_are_no_mirror(void **state)
{
	static const char *const pairs[][2] = { { "vios1", "vios1" }, { NULL, "vios2" } };
	struct bench *bench = *state;

	bench_go(bench);
	for (size_t i = 0; i < HV_COUNT(pairs); i++) {
		struct boss_lpar *lpar = add(bench, pairs[i][0], pairs[i][1]);
		const Tarn__ObjectStatus *status = bench_lpar(bench, "db2");

		assert_int_equal(status->error->code, HV_E_INVAL);
		assert_non_null(strstr(status->error->text, "one behind each VIOS"));
		lpar->is_running = false;
		boss_publish(&bench->boss);
	}
}

/* world_fail() is called where a device in use is wiped. */
static void neither_is_wiped_while_it_is_used(void **state)
{
	struct bench *bench = *state;
	struct boss_device *mirror;
	struct boss_lpar *lpar;

	bench_go(bench);
	lpar = add(bench, "vios1", "vios2");
	mirror = boss_device(&bench->boss, "pg3");
	assert_null(bench_lpar(bench, "db2")->error);
	mirror->is_removed = true;
	mirror->generation += 1000;
	boss_publish(&bench->boss);
	world_run(&bench->world, 5000);
	assert_true(world_device(&bench->world, "/dev/pg3")->has_header);
	lpar->is_running = false;
	boss_publish(&bench->boss);
	assert_null(device_status(bench, "pg3")->error);
	assert_false(world_device(&bench->world, "/dev/pg3")->has_header);
}

static void a_mirror_that_is_missing_is_said(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;

	bench_go(bench);
	bench_add(bench, "db2", "pg2");
	boss_device(&bench->boss, "pg2")->vios = "vios1";
	boss_lpar(&bench->boss, "db2")->mirror = "pg9"; /* nobody's */
	boss_publish(&bench->boss);
	status = bench_lpar(bench, "db2");
	assert_int_equal(status->error->code, HV_E_NOTFOUND);
}

static bool is_waiting(struct agent_world *world, void *arg)
{
	struct boss_lpar *lpar = arg;
	struct agent_boss *boss = world->arg;
	const Tarn__ObjectStatus *status =
		boss_status(boss, TARN__OBJECT_KIND__OBJECT_LPAR, "db2", lpar->run_id);

	return status != NULL && status->text != NULL &&
	       strstr(status->text, "waits for a paging VIOS") != NULL;
}

/* The other one does not help. */
static void one_device_waits_for_its_own_vios(void **state)
{
	struct bench *bench = *state;
	struct boss_lpar *lpar;

	bench_go(bench);
	bench_pair(bench);
	bench->boss.vios[1].is_maintained = true;
	boss_publish(&bench->boss);
	bench_vios(bench, "vios2", TARN__VIOS_STATE__VIOS_MAINTENANCE);
	lpar = add(bench, "vios2", NULL);
	assert_true(world_wait(&bench->world, PATIENCE_MS, is_waiting, lpar));
	bench->boss.vios[1].is_maintained = false;
	boss_publish(&bench->boss);
	assert_null(bench_lpar(bench, "db2")->error);
}

static struct world_partition *mirrored(struct bench *bench)
{
	bench_go(bench);
	(void)add(bench, "vios1", "vios2");
	assert_null(bench_lpar(bench, "db2")->error);
	return world_partition(&bench->world, "db2");
}

static void a_mirror_that_stays_behind_is_told_once_and_its_end(void **state)
{
	struct bench *bench = *state;
	struct world_partition *partition = mirrored(bench);

	partition->is_degraded = true;
	partition->missed = 1234567;
	assert_string_equal(bench_event(bench, "lpar.mirror_degraded", 1)->text,
			    "partition 'db2': 1,234,567 pages are behind vios2 alone");
	world_run(&bench->world, 10000);
	partition->missed = 0;
	partition->mirror_missed = 1;
	world_agent_kill(&bench->world); /* the next one knows that it was told */
	world_agent_start(&bench->world);
	world_run(&bench->world, 10000);
	assert_int_equal(boss_heard(&bench->boss, "lpar.mirror_degraded"), 1);
	assert_int_equal(boss_heard(&bench->boss, "lpar.mirror_synced"), 0);
	partition->is_degraded = false;
	partition->mirror_missed = 0;
	(void)bench_event(bench, "lpar.mirror_synced", 1);
	partition->is_degraded = true;
	assert_string_equal(bench_event(bench, "lpar.mirror_degraded", 2)->text,
			    "partition 'db2': what leaves its memory gets behind one "
			    "VIOS alone");
}

static bool is_seen(struct agent_world *world, void *arg)
{
	return world->stats > *(uint64_t *)arg;
}

/* One page that was healed, a device that is opened: nothing that lasts. */
static void what_is_over_at_once_is_not_told(void **state)
{
	struct bench *bench = *state;
	struct world_partition *partition = mirrored(bench);

	world_run(&bench->world, 5000);
	for (unsigned i = 0; i < 5; i++) {
		uint64_t stats = bench->world.stats;

		partition->is_degraded = true;
		partition->missed = 1;
		assert_true(world_wait(&bench->world, PATIENCE_MS, is_seen, &stats));
		partition->is_degraded = false;
		partition->missed = 0;
		world_run(&bench->world, 2000);
	}
	assert_int_equal(boss_heard(&bench->boss, "lpar.mirror_degraded"), 0);
	assert_int_equal(boss_heard(&bench->boss, "lpar.mirror_synced"), 0);
}

/* ... but the loss of a VIOS is, however soon it is back. */
static void each_loss_of_a_side_is_told(void **state)
{
	struct bench *bench = *state;
	struct world_partition *partition = mirrored(bench);

	bench->boss.vios[1].is_maintained = true;
	boss_publish(&bench->boss);
	bench_vios(bench, "vios2", TARN__VIOS_STATE__VIOS_MAINTENANCE);
	partition->is_degraded = true;
	partition->mirror_missed = 3;
	partition->missed = 2;
	assert_string_equal(
		bench_event(bench, "lpar.mirror_degraded", 1)->text,
		"partition 'db2': 2 pages are behind vios2 alone and 3 behind "
		"vios1 alone");
	bench->boss.vios[1].is_maintained = false;
	boss_publish(&bench->boss);
	partition->is_degraded = false;
	(void)bench_event(bench, "lpar.mirror_synced", 1);
}

/* Even where no figure ever said that anything was behind one VIOS alone. */
static void a_loss_that_no_figure_shows_is_told(void **state)
{
	struct bench *bench = *state;

	(void)mirrored(bench);
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios2"), -9);
	assert_string_equal(bench_event(bench, "lpar.mirror_degraded", 1)->text,
			    "partition 'db2': vios2 was away for a moment");
	(void)bench_event(bench, "lpar.mirror_synced", 1);
	world_run(&bench->world, 10000);
	assert_int_equal(boss_heard(&bench->boss, "lpar.mirror_degraded"), 1);
	assert_int_equal(boss_heard(&bench->boss, "lpar.mirror_synced"), 1);
}

/* It has a second device for as long as that takes; nothing of it is wrong. */
static void what_is_being_copied_is_said_to_be(void **state)
{
	struct bench *bench = *state;
	struct world_partition *partition;

	bench_go(bench);
	(void)boss_device(&bench->boss, "pg2");
	boss_publish(&bench->boss);
	assert_null(device_status(bench, "pg2")->error);
	partition = world_partition(&bench->world, "db1");
	(void)snprintf(partition->mirror, sizeof(partition->mirror), "/dev/pg2");
	(void)snprintf(partition->mirror_name, sizeof(partition->mirror_name), "pg2");
	partition->is_degraded = true;
	partition->mirror_missed = 1234;
	(void)snprintf(boss_lpar(&bench->boss, "db1")->device, HV_NAME_BYTES, "pg2");
	bench->world.change_waits = true;
	boss_publish(&bench->boss);
	assert_string_equal(bench_event(bench, "lpar.mirror_degraded", 1)->text,
			    "partition 'db1': 1,234 pages are to be copied to paging "
			    "device pg2 before both VIOS reach all of them");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(the_hypervisor_is_told_of_both_devices),
		CLAIM(what_lies_behind_one_vios_is_not_redundant),
		CLAIM(two_behind_one_vios_are_no_mirror),
		CLAIM(neither_is_wiped_while_it_is_used),
		CLAIM(a_mirror_that_is_missing_is_said),
		CLAIM(one_device_waits_for_its_own_vios),
		CLAIM(a_mirror_that_stays_behind_is_told_once_and_its_end),
		CLAIM(what_is_over_at_once_is_not_told),
		CLAIM(each_loss_of_a_side_is_told),
		CLAIM(a_loss_that_no_figure_shows_is_told),
		CLAIM(what_is_being_copied_is_said_to_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
