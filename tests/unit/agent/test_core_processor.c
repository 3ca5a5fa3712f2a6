/* Processors of partitions: the right limits, at once, and nothing left behind. */
#include "agent/core/share.h"
#include "tests/unit/agent/bench.h"

#include <string.h>

static void want(struct bench *bench, const char *name, const Tarn__Processors *settings)
{
	struct boss_lpar *lpar = boss_lpar(&bench->boss, name);

	lpar->has_processors = true;
	lpar->processors = *settings;
}

static Tarn__Processors capped(uint32_t units, uint32_t procs)
{
	Tarn__Processors settings = TARN__PROCESSORS__INIT;

	settings.shared = true;
	settings.units = units;
	settings.procs = procs;
	return settings;
}

static Tarn__Processors uncapped(uint32_t units, uint32_t procs, uint32_t weight)
{
	Tarn__Processors settings = capped(units, procs);

	settings.has_uncapped = true;
	settings.uncapped = true;
	settings.has_weight = true;
	settings.weight = weight;
	return settings;
}

struct wish {
	const char *name;
	uint32_t quota;
};

static bool has_quota(struct agent_world *world, void *arg)
{
	const struct wish *wish = arg;
	const struct world_group *group = world_group(world, wish->name);

	return group != NULL && group->limits.quota == wish->quota;
}

static void wait_quota(struct bench *bench, const char *name, uint32_t quota)
{
	struct wish wish = { name, quota };

	assert_true(world_wait(&bench->world, 1000, has_quota, &wish));
}

static bool no_groups(struct agent_world *world, void *arg)
{
	(void)arg;
	return world_groups(world) == 0;
}

static void each_partition_gets_a_group_of_its_own_before_it_attaches(void **state)
{
	struct bench *bench = *state;
	Tarn__Processors settings = capped(30, 1);

	want(bench, "db1", &settings);
	bench_go(bench);
	assert_int_equal(world_groups(&bench->world), 2);
	assert_int_equal(world_group(&bench->world, "db1")->limits.quota, 30);
	assert_int_equal(world_group(&bench->world, "ded")->limits.quota, 0);
	assert_int_equal(world_group(&bench->world, "db1")->pid,
			 world_find(&bench->world, AGENT_PARTITION, "db1")->instance.pid);
}

static void a_change_counts_while_it_runs(void **state)
{
	struct bench *bench = *state;
	Tarn__Processors settings = capped(30, 2);

	want(bench, "db1", &settings);
	bench_go(bench);
	settings = capped(150, 2);
	want(bench, "db1", &settings);
	boss_publish(&bench->boss);
	wait_quota(bench, "db1", 150);
	settings = uncapped(50, 3, 128);
	want(bench, "db1", &settings);
	boss_publish(&bench->boss);
	wait_quota(bench, "db1", 300); /* never more than its virtual processors */
}

static void a_group_ends_with_its_partition(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	bench->world.groups_stay = true;
	boss_lpar(&bench->boss, "db1")->is_running = false;
	world_die(&bench->world, world_find(&bench->world, AGENT_PARTITION, "ded"), -9);
	boss_publish(&bench->boss);
	assert_true(world_wait(&bench->world, PATIENCE_MS, bench_nothing_runs, NULL));
	world_run(&bench->world, 3000);
	assert_int_equal(world_groups(&bench->world), 2); /* tried again, until it can */
	bench->world.groups_stay = false;
	assert_true(world_wait(&bench->world, 2000, no_groups, NULL));
}

static void the_next_agent_adopts_groups_and_sets_them_right(void **state)
{
	struct bench *bench = *state;
	Tarn__Processors settings = capped(30, 1);

	want(bench, "db1", &settings);
	bench_go(bench);
	world_agent_kill(&bench->world);
	world_die(&bench->world, world_find(&bench->world, AGENT_PARTITION, "ded"), -9);
	world_run(&bench->world, 100);
	world_group(&bench->world, "db1")->limits.quota = 7;
	world_agent_start(&bench->world);
	wait_quota(bench, "db1", 30);
	assert_null(world_group(&bench->world, "ded"));
}

static void a_refused_limit_is_told_once_and_the_partition_runs(void **state)
{
	struct bench *bench = *state;

	bench->world.limit_code = HV_E_OS;
	bench_go(bench);
	world_run(&bench->world, 5000);
	assert_int_equal(boss_heard(&bench->boss, "lpar.unlimited"), 2); /* of two */
	bench->world.limit_code = HV_OK;
	wait_quota(bench, "db1", 0);
	assert_true(bench_lpar(bench, "db1")->running);
}

static void without_groups_it_is_told_once_and_goes_on(void **state)
{
	struct bench *bench = *state;

	bench->world.config.groups = "";
	bench->world.config.unlimited = "no groups here";
	bench_go(bench);
	world_run(&bench->world, 2000);
	assert_int_equal(boss_heard(&bench->boss, "host.processors_unlimited"), 1);
	assert_int_equal(world_groups(&bench->world), 0);
	assert_string_equal(bench->boss.report->stat->processors_unlimited,
			    "no groups here");
	assert_false(bench->boss.report->stat->partitions[0]->has_processor_used_us);
}

static void what_was_used_is_reported(void **state)
{
	struct bench *bench = *state;
	const Tarn__PartitionStat *stat = NULL;

	bench_go(bench);
	world_run(&bench->world, 600);
	for (unsigned i = 0; i < 20; i++) {
		world_group(&bench->world, "db1")->usage.used_us += 125000;
		world_group(&bench->world, "db1")->usage.throttled_us += 7;
		world_run(&bench->world, 500);
	}
	for (size_t i = 0; i < bench->boss.report->stat->n_partitions; i++)
		if (strcmp(bench->boss.report->stat->partitions[i]->name, "db1") == 0)
			stat = bench->boss.report->stat->partitions[i];
	assert_non_null(stat);
	assert_in_range(stat->processor_used_us, 1000000, 2500000);
	assert_in_range(stat->processor_throttled_us, 7, 140);
	assert_in_range(stat->processor_rate, 20, 30);
	assert_string_equal(bench->boss.report->stat->processor_groups, "/groups");
	assert_int_equal(bench->boss.report->stat->processors, 4);
}

/* Somebody else has most of the machine: what is entitled comes first. */
static void what_others_use_is_nobodys_to_divide(void **state)
{
	struct bench *bench = *state;
	Tarn__Processors greedy = uncapped(20, 2, 255), modest = capped(50, 1);

	want(bench, "db1", &greedy);
	want(bench, "ded", &modest);
	bench_go(bench);
	bench->world.idle_us = 1000;
	for (unsigned i = 0; i < 10; i++) {
		world_group(&bench->world, "db1")->usage.used_us += 150000;
		world_group(&bench->world, "ded")->usage.used_us += 225000;
		bench->world.idle_us += 1;
		world_run(&bench->world, 500);
	}
	assert_in_range(world_group(&bench->world, "db1")->limits.share, 29, 31);
	assert_in_range(world_group(&bench->world, "ded")->limits.share, 48, 52);
}

static uint64_t uncapped_us(const struct bench *bench, const char *name)
{
	const Tarn__HostStat *stat = bench->boss.report->stat;

	for (size_t i = 0; stat != NULL && i < stat->n_partitions; i++)
		if (strcmp(stat->partitions[i]->name, name) == 0)
			return stat->partitions[i]->processor_uncapped_us;
	return 0;
}

static void burn(struct bench *bench, const char *name, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		struct world_group *group = world_group(&bench->world, name);

		group->usage.used_us += 200000; /* 0.40 */
		world_run(&bench->world, 500);
	}
}

/* 0.10 are its own: 0.30 beyond, also while no agent was there to look. */
static void what_is_beyond_an_entitlement_is_counted_over_agents(void **state)
{
	struct bench *bench = *state;
	Tarn__Processors settings = uncapped(10, 2, 128);
	uint64_t before;

	want(bench, "db1", &settings);
	bench_go(bench);
	burn(bench, "db1", 80);
	before = uncapped_us(bench, "db1");
	assert_in_range(before, 70 * 150000, 80 * 150000);
	world_agent_kill(&bench->world);
	burn(bench, "db1", 20);
	world_agent_start(&bench->world);
	burn(bench, "db1", 10);
	assert_in_range(uncapped_us(bench, "db1"), before + 25 * 150000,
			before + 32 * 150000);
	assert_int_equal(uncapped_us(bench, "ded"), 0); /* nobody entitles it */
}

static const Tarn__DispatchTrace *trace_of(const struct bench *bench, const char *name)
{
	const Tarn__HostStat *stat = bench->boss.report->stat;

	for (size_t i = 0; stat != NULL && i < stat->n_partitions; i++)
		if (strcmp(stat->partitions[i]->name, name) == 0)
			return stat->partitions[i]->dispatch_trace;
	return NULL;
}

static void a_trace_is_sent_while_somebody_wants_it(void **state)
{
	struct bench *bench = *state;
	const Tarn__DispatchTrace *trace;

	bench_go(bench);
	assert_string_equal(bench->world.trace, "");
	bench->boss.traced = "db1";
	world_run(&bench->world, 5000);
	assert_string_equal(bench->world.trace, "db1");
	trace = trace_of(bench, "db1");
	assert_non_null(trace);
	assert_null(trace_of(bench, "ded"));
	assert_int_equal(trace->n_dispatches, 2); /* in order */
	assert_int_equal(trace->dispatches[0]->start_ns, 100);
	assert_int_equal(trace->dispatches[0]->reason, 0x02);
	assert_int_equal(trace->dispatches[1]->reason, 0x07);
	assert_null(trace->no_switches);
	bench->boss.traced = NULL;
	world_run(&bench->world, 5000);
	assert_null(trace_of(bench, "db1"));
	assert_int_equal(bench->world.recorded_pid, 0);
}

static void a_host_that_forbids_records_says_so(void **state)
{
	struct bench *bench = *state;
	const Tarn__DispatchTrace *trace;

	bench->world.record_code = HV_E_DENIED;
	bench_go(bench);
	bench->boss.traced = "db1";
	world_run(&bench->world, 5000);
	trace = trace_of(bench, "db1");
	assert_non_null(trace);
	assert_int_equal(trace->n_dispatches, 0);
	assert_string_equal(trace->no_switches, "nobody may look");
	bench->boss.traced = "nobody";
	world_run(&bench->world, 5000);
	assert_null(trace_of(bench, "db1"));
}

/* ---- the division ---- */

static struct core_share busy(uint32_t entitled, uint32_t weight)
{
	return (struct core_share){ .entitled = entitled,
				    .procs = 4,
				    .is_uncapped = true,
				    .weight = weight,
				    .rate = entitled > 0 ? entitled : 50 };
}

static void what_is_left_is_divided_by_weight(void **state)
{
	struct core_share shares[] = { busy(20, 64),
				       busy(40, 192),
				       { .entitled = 100, .procs = 1, .rate = 60 } };

	(void)state;
	core_share_divide(shares, HV_COUNT(shares), 200);
	/* 200 - 20 - 40 - 60 used = 80 to divide: 20 and 60 */
	assert_int_equal(shares[0].limits.share, 40);
	assert_int_equal(shares[1].limits.share, 100);
	assert_int_equal(shares[2].limits.share, 100);
	assert_int_equal(shares[0].limits.quota, 400);
	assert_int_equal(shares[2].limits.quota, 100);
}

static void who_does_not_want_more_does_not_thin_out_the_rest(void **state)
{
	struct core_share shares[] = { busy(20, 64), busy(20, 64), busy(20, 128) };

	(void)state;
	shares[2].rate = 5;
	core_share_divide(shares, HV_COUNT(shares), 165);
	assert_int_equal(shares[0].limits.share, 80); /* 20 + (165 - 45) / 2 */
	assert_int_equal(shares[1].limits.share, 80);
	assert_int_equal(shares[2].limits.share, 80); /* as if it wanted */
}

static void weight_zero_is_capped(void **state)
{
	struct core_share share = busy(30, 0);

	(void)state;
	core_share_divide(&share, 1, 400);
	assert_int_equal(share.limits.quota, 30);
	assert_int_equal(share.limits.share, 30);
}

static void more_entitled_than_there_is_keeps_the_proportion(void **state)
{
	struct core_share shares[] = { busy(300, 1), busy(100, 255) };

	(void)state;
	core_share_divide(shares, HV_COUNT(shares), 200);
	assert_int_equal(shares[0].limits.share, 300);
	assert_int_equal(shares[1].limits.share, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(each_partition_gets_a_group_of_its_own_before_it_attaches),
		CLAIM(a_change_counts_while_it_runs),
		CLAIM(a_group_ends_with_its_partition),
		CLAIM(the_next_agent_adopts_groups_and_sets_them_right),
		CLAIM(a_refused_limit_is_told_once_and_the_partition_runs),
		CLAIM(without_groups_it_is_told_once_and_goes_on),
		CLAIM(what_was_used_is_reported),
		CLAIM(what_others_use_is_nobodys_to_divide),
		CLAIM(what_is_beyond_an_entitlement_is_counted_over_agents),
		CLAIM(a_trace_is_sent_while_somebody_wants_it),
		CLAIM(a_host_that_forbids_records_says_so),
		cmocka_unit_test(what_is_left_is_divided_by_weight),
		cmocka_unit_test(who_does_not_want_more_does_not_thin_out_the_rest),
		cmocka_unit_test(weight_zero_is_capped),
		cmocka_unit_test(more_entitled_than_there_is_keeps_the_proportion),
	};

	return cmocka_run_group_tests_name("agent processors", tests, NULL, NULL);
}
