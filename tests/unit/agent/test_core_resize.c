/* Memory of a running partition: ordered once, told as it is, whoever asks. */
#include "tests/unit/agent/bench.h"

#include <string.h>

#define BLOCKS(n) ((n)*WORLD_LMB_BYTES) /* the bench's have 2 of 8 */

static const Tarn__ObjectStatus *resize(struct bench *bench, const char *name,
					uint64_t bytes)
{
	uint64_t generation = boss_resize(&bench->boss, boss_lpar(&bench->boss, name),
					  bytes);

	boss_publish(&bench->boss);
	return bench_done(bench, TARN__OBJECT_KIND__OBJECT_RESIZE, name, generation);
}

static uint64_t has_bytes(struct bench *bench, const char *name)
{
	return world_partition(&bench->world, name)->mem_bytes;
}

static void memory_grows_and_shrinks_as_ordered(void **state)
{
	static const uint64_t sizes[] = { BLOCKS(8), BLOCKS(1), BLOCKS(1), BLOCKS(5) };
	static const char *const names[] = { "db1", "ded" };
	struct bench *bench = *state;

	bench_go(bench);
	for (size_t i = 0; i < HV_COUNT(sizes); i++) {
		for (size_t k = 0; k < HV_COUNT(names); k++) {
			const Tarn__ObjectStatus *status = resize(bench, names[k],
								  sizes[i]);

			assert_null(status->error);
			assert_int_equal(status->bytes, sizes[i]);
			assert_int_equal(has_bytes(bench, names[k]), sizes[i]);
		}
	}
}

static void what_was_not_given_is_told(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;

	bench_go(bench);
	(void)resize(bench, "db1", BLOCKS(8));
	bench->world.gives_at_most = BLOCKS(3);
	status = resize(bench, "db1", BLOCKS(2));
	assert_int_equal(status->error->code, HV_E_TIMEOUT);
	assert_string_equal(status->error->text, "not given in time");
	assert_int_equal(status->bytes, BLOCKS(5));
}

static void a_refusal_is_told_and_kept(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;

	bench_go(bench);
	bench->world.resize_code = HV_E_NOMEM;
	status = resize(bench, "db1", BLOCKS(4));
	assert_int_equal(status->error->code, HV_E_NOMEM);
	assert_int_equal(status->bytes, BLOCKS(2));
	/* it could be done now, but it was said that it was not */
	world_agent_kill(&bench->world);
	bench->world.resize_code = HV_OK;
	world_agent_start(&bench->world);
	world_run(&bench->world, 5000);
	assert_int_equal(has_bytes(bench, "db1"), BLOCKS(2));
	boss_publish(&bench->boss);
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_RESIZE, "db1",
			    boss_lpar(&bench->boss, "db1")->resize_generation);
	assert_int_equal(status->error->code, HV_E_NOMEM);
	status = resize(bench, "db1", BLOCKS(4)); /* another order is another thing */
	assert_null(status->error);
}

/* Nothing is told as refused that might still be done. */
static void a_refusal_that_cannot_be_saved_waits(void **state)
{
	struct bench *bench = *state;
	uint64_t generation;

	bench_go(bench);
	bench->world.resize_code = HV_E_NOMEM;
	bench->world.disk_is_full = true;
	generation = boss_resize(&bench->boss, boss_lpar(&bench->boss, "db1"), BLOCKS(4));
	boss_publish(&bench->boss);
	world_run(&bench->world, 5000);
	assert_false(boss_is_done(&bench->boss, TARN__OBJECT_KIND__OBJECT_RESIZE, "db1",
				  generation));
	bench->world.disk_is_full = false;
	assert_non_null(
		bench_done(bench, TARN__OBJECT_KIND__OBJECT_RESIZE, "db1", generation)
			->error);
}

static void the_agent_can_die_at_every_operation_of_a_resize(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	for (unsigned at = 1; at <= 40; at++) {
		uint64_t bytes = BLOCKS(1 + at % 8);
		uint64_t generation;

		bench->world.crash_in = at;
		bench->world.crash_after = at % 2 == 0;
		generation = boss_resize(&bench->boss, boss_lpar(&bench->boss, "db1"),
					 bytes);
		boss_publish(&bench->boss);
		(void)world_wait(&bench->world, 2000, bench_agent_is_dead, NULL);
		bench->world.crash_in = 0;
		if (bench->world.core == NULL)
			world_agent_start(&bench->world);
		assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_RESIZE, "db1",
				       generation)
				    ->error);
		assert_int_equal(has_bytes(bench, "db1"), bytes);
	}
}

static bool has_given_some(struct agent_world *world, void *arg)
{
	(void)arg;
	return world_partition(world, "db1")->mem_bytes < BLOCKS(8);
}

static void a_partition_that_ends_in_the_middle_ends_its_resize(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *status;
	uint64_t generation;

	bench_go(bench);
	(void)resize(bench, "db1", BLOCKS(8));
	generation = boss_resize(&bench->boss, boss_lpar(&bench->boss, "db1"), BLOCKS(1));
	boss_publish(&bench->boss);
	assert_true(world_wait(&bench->world, 10000, has_given_some, NULL));
	world_die(&bench->world, world_find(&bench->world, AGENT_PARTITION, "db1"), 0);
	status = bench_done(bench, TARN__OBJECT_KIND__OBJECT_RESIZE, "db1", generation);
	assert_int_equal(status->error->code, HV_E_GONE);
	assert_string_equal(status->error->text, "the partition has ended");
	assert_int_equal(status->bytes, 0);
}

static void one_that_is_under_way_is_waited_for(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	(void)resize(bench, "db1", BLOCKS(8));
	(void)boss_resize(&bench->boss, boss_lpar(&bench->boss, "db1"), BLOCKS(1));
	boss_publish(&bench->boss);
	assert_true(world_wait(&bench->world, 10000, has_given_some, NULL));
	assert_null(resize(bench, "db1", BLOCKS(7))->error);
	assert_int_equal(has_bytes(bench, "db1"), BLOCKS(7));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_set_up, bench_tear_down)
		TEST(memory_grows_and_shrinks_as_ordered),
		TEST(what_was_not_given_is_told),
		TEST(a_refusal_is_told_and_kept),
		TEST(a_refusal_that_cannot_be_saved_waits),
		TEST(the_agent_can_die_at_every_operation_of_a_resize),
		TEST(a_partition_that_ends_in_the_middle_ends_its_resize),
		TEST(one_that_is_under_way_is_waited_for),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
