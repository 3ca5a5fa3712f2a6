/* Weight and entitled memory of a running partition: as wanted, whoever asks. */
#include "tests/unit/agent/bench.h"

#include <string.h>

#define MIB (UINT64_C(1) << 20)

struct wanted {
	const char *name;
	uint32_t weight;
	uint64_t entitled_bytes;
};

static void want(struct bench *bench, const struct wanted *wanted)
{
	struct boss_lpar *lpar = boss_lpar(&bench->boss, wanted->name);

	lpar->weight = wanted->weight;
	lpar->entitled_bytes = wanted->entitled_bytes;
	boss_publish(&bench->boss);
}

static bool is_so(struct agent_world *world, void *arg)
{
	const struct wanted *wanted = arg;
	const struct world_partition *it = world_partition(world, wanted->name);

	return it != NULL && it->weight == wanted->weight &&
	       it->entitled_bytes == wanted->entitled_bytes;
}

static void a_change_reaches_the_hypervisor_once(void **state)
{
	static struct wanted rows[] = { { "db1", 200, 2 * MIB },
					{ "db1", 0, 2 * MIB },
					{ "db1", 0, 9 * MIB } };
	struct bench *bench = *state;

	bench_go(bench);
	world_run(&bench->world, 5000);
	assert_int_equal(bench->world.shares, 0); /* it was defined with what it has */
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		want(bench, &rows[i]);
		assert_true(world_wait(&bench->world, PATIENCE_MS, is_so, &rows[i]));
		world_run(&bench->world, 10000);
		assert_int_equal(bench->world.shares, i + 1);
	}
	assert_int_equal(bench->world.spawns[AGENT_PARTITION], 2); /* nothing restarted */
}

/* The hypervisor counts whole pages. */
static void a_part_of_a_page_is_a_page(void **state)
{
	struct wanted wanted = { "db1", 128, 2 * MIB };
	struct bench *bench = *state;

	bench_go(bench);
	want(bench, &wanted);
	assert_true(world_wait(&bench->world, PATIENCE_MS, is_so, &wanted));
	wanted.entitled_bytes -= 100;
	want(bench, &wanted);
	world_run(&bench->world, 10000);
	assert_int_equal(bench->world.shares, 1);
}

static void dedicated_memory_has_no_share(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	want(bench, &(struct wanted){ "ded", 7, 9 * MIB });
	world_run(&bench->world, 5000); /* the world fails where one is asked for */
	assert_int_equal(bench->world.shares, 0);
}

static void a_refusal_is_told_once_and_tried_again(void **state)
{
	struct wanted wanted = { "db1", 128, 20 * MIB };
	const struct boss_event *event;
	struct bench *bench = *state;
	unsigned tried;

	bench_go(bench);
	bench->world.share_code = HV_E_REFUSED;
	want(bench, &wanted);
	event = bench_event(bench, "lpar.share_refused", 1);
	assert_non_null(strstr(event->text, "'db1' keeps its weight and entitled memory: "
					    "no room, as told"));
	world_run(&bench->world, 20000);
	assert_int_equal(boss_heard(&bench->boss, "lpar.share_refused"), 1);
	tried = bench->world.shares;
	assert_in_range(tried, 3, 6);
	bench->world.share_code = HV_OK;
	assert_true(world_wait(&bench->world, PATIENCE_MS, is_so, &wanted));
	bench->world.share_code = HV_E_REFUSED; /* another one is told again */
	wanted.weight = 1;
	want(bench, &wanted);
	(void)bench_event(bench, "lpar.share_refused", 2);
}

/* Told once a wish: one that follows another, and one that was taken back meanwhile. */
static void each_wish_that_is_refused_is_told(void **state)
{
	struct wanted first = { "db1", 128, 20 * MIB }, second = { "db1", 128, 30 * MIB };
	struct wanted has = { "db1", 128, 2 * MIB };
	struct bench *bench = *state;
	uint64_t ms;

	bench_go(bench);
	want(bench, &has);
	assert_true(world_wait(&bench->world, PATIENCE_MS, is_so, &has));
	bench->world.share_code = HV_E_REFUSED;
	want(bench, &first);
	(void)bench_event(bench, "lpar.share_refused", 1);
	ms = bench->world.now_ms;
	want(bench, &second);
	(void)bench_event(bench, "lpar.share_refused", 2);
	assert_in_range(bench->world.now_ms - ms, 0, 2000); /* nor has it to wait */
	want(bench, &has);
	world_run(&bench->world, 2000);
	want(bench, &second);
	(void)bench_event(bench, "lpar.share_refused", 3);
	world_run(&bench->world, 20000);
	assert_int_equal(boss_heard(&bench->boss, "lpar.share_refused"), 3);
}

static void a_lasting_refusal_hurries_nobody(void **state)
{
	struct wanted wanted = { "db1", 128, 20 * MIB };
	struct bench *bench = *state;
	unsigned before, idle;

	bench_go(bench);
	world_run(&bench->world, 5000);
	before = bench->world.stats;
	world_run(&bench->world, 20000);
	idle = bench->world.stats - before;
	bench->world.share_code = HV_E_REFUSED;
	want(bench, &wanted);
	(void)bench_event(bench, "lpar.share_refused", 1);
	before = bench->world.stats;
	world_run(&bench->world, 20000); /* a few for each of its tries */
	assert_in_range(bench->world.stats - before, 1, idle + 20);
}

static void the_next_agent_does_what_the_last_one_did_not(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	for (unsigned at = 1; at <= 25; at++) {
		struct wanted wanted = { "db1", at, (2 + at) * MIB };

		bench->world.crash_in = at;
		bench->world.crash_after = at % 2 == 0;
		want(bench, &wanted);
		(void)world_wait(&bench->world, 2000, bench_agent_is_dead, NULL);
		bench->world.crash_in = 0;
		if (bench->world.core == NULL)
			world_agent_start(&bench->world);
		assert_true(world_wait(&bench->world, PATIENCE_MS, is_so, &wanted));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_change_reaches_the_hypervisor_once),
		CLAIM(a_part_of_a_page_is_a_page),
		CLAIM(dedicated_memory_has_no_share),
		CLAIM(a_refusal_is_told_once_and_tried_again),
		CLAIM(each_wish_that_is_refused_is_told),
		CLAIM(a_lasting_refusal_hurries_nobody),
		CLAIM(the_next_agent_does_what_the_last_one_did_not),
	};

	return cmocka_run_group_tests_name("entitle", tests, NULL, NULL);
}
