/* Hypervisor, VIOS pair, coordinator, events. */
#include "tests/unit/agent/bench.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void a_new_host_comes_up_whole(void **state)
{
	struct bench *bench = *state;
	const Tarn__ObjectStatus *device;

	bench_go(bench);
	assert_true(bench->world.pool_is_set);
	assert_int_equal(world_alive(&bench->world, AGENT_HYPERVISOR), 1);
	assert_int_equal(world_alive(&bench->world, AGENT_VIOS), 2);
	device = bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg1",
			    boss_device(&bench->boss, "pg1")->generation);
	assert_null(device->error);
	assert_int_equal(device->bytes, (64u << 20) - 8192);
	assert_true(device->redundant);
	assert_non_null(bench_event(bench, "hypervisor.started", 1));
	assert_non_null(bench_event(bench, "lpar.started", 2));
	assert_true(bench->boss.report->hypervisor_up);
}

static void a_hypervisor_that_does_not_start_is_told_once(void **state)
{
	struct bench *bench = *state;

	bench->world.hypervisor_fails = true;
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	assert_non_null(strstr(bench_event(bench, "hypervisor.failed", 1)->text,
			       "exit status 1: it said why"));
	world_run(&bench->world, 120000);
	assert_int_equal(boss_heard(&bench->boss, "hypervisor.failed"), 1);
	assert_in_range(bench->world.spawns[AGENT_HYPERVISOR], 15, 25); /* back-off */
	assert_false(bench->boss.report->hypervisor_up);
	bench->world.hypervisor_fails = false;
	(void)bench_event(bench, "hypervisor.started", 1);
}

static void a_silent_hypervisor_is_told_and_left_alone(void **state)
{
	struct bench *bench = *state;
	int64_t pid;

	bench_go(bench);
	pid = world_find(&bench->world, AGENT_HYPERVISOR, "")->instance.pid;
	bench->world.hypervisor_is_stopped = true;
	assert_int_equal(bench_event(bench, "hypervisor.silent", 1)->level,
			 TARN__EVENT_LEVEL__EVENT_WARN);
	world_run(&bench->world, 60000);
	assert_int_equal(boss_heard(&bench->boss, "hypervisor.silent"), 1);
	assert_null(bench->boss.report->stat); /* old numbers are not passed on */
	bench->world.hypervisor_is_stopped = false;
	(void)bench_event(bench, "hypervisor.answering", 1);
	assert_int_equal(world_find(&bench->world, AGENT_HYPERVISOR, "")->instance.pid,
			 pid);
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 2);
}

static void a_vios_that_dies_is_started_again_with_back_off(void **state)
{
	struct bench *bench = *state;
	unsigned before;

	bench_go(bench);
	before = bench->world.spawns[AGENT_VIOS];
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios1"),
		  -SIGKILL);
	(void)bench_event(bench, "vios.restarted", 1);
	assert_non_null(
		strstr(boss_last(&bench->boss, "vios.exit")->text, "killed by signal 9"));
	bench_vios(bench, "vios1", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(bench->world.spawns[AGENT_VIOS], before + 1);
	bench->world.vios_fail = true;
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios1"),
		  -SIGKILL);
	world_run(&bench->world, 60000);
	/* 0.1 0.2 0.4 .. 10 s: about 12 in a minute, not 600. */
	assert_in_range(bench->world.spawns[AGENT_VIOS] - before, 8, 16);
	bench_vios(bench, "vios1", TARN__VIOS_STATE__VIOS_DOWN);
	bench->world.vios_fail = false;
	bench_vios(bench, "vios1", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 2);
}

static void maintenance_takes_a_vios_down_and_resume_brings_it_back(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	bench_pair(bench);
	bench->boss.vios[0].is_maintained = true;
	boss_publish(&bench->boss);
	bench_vios(bench, "vios1", TARN__VIOS_STATE__VIOS_MAINTENANCE);
	bench_vios(bench, "vios2", TARN__VIOS_STATE__VIOS_ACTIVE);
	world_run(&bench->world, 20000);
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios1"));
	assert_int_equal(boss_heard(&bench->boss, "vios.restarted"), 0);
	bench->boss.vios[0].is_maintained = false;
	boss_publish(&bench->boss);
	bench_vios(bench, "vios1", TARN__VIOS_STATE__VIOS_STANDBY);
}

static void a_refused_maintenance_is_told_and_the_partner_cared_for(void **state)
{
	struct bench *bench = *state;
	unsigned before;

	bench_go(bench);
	bench->world.leaving_is_refused = true;
	bench->boss.vios[0].is_maintained = true;
	boss_publish(&bench->boss);
	assert_string_equal(bench_event(bench, "vios.refused", 1)->text,
			    "it is the only one");
	before = bench->world.spawns[AGENT_VIOS];
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios2"),
		  -SIGKILL);
	(void)bench_event(bench, "vios.restarted", 1);
	bench_vios(bench, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(bench->world.spawns[AGENT_VIOS], before + 1);
	assert_non_null(world_find(&bench->world, AGENT_VIOS, "vios1"));
	assert_int_equal(boss_heard(&bench->boss, "vios.refused"), 1);
	bench->world.leaving_is_refused = false;
	bench_vios(bench, "vios1", TARN__VIOS_STATE__VIOS_MAINTENANCE);
}

static void an_older_epoch_and_a_late_revision_are_refused(void **state)
{
	struct bench *bench = *state;

	bench->boss.epoch = 5;
	bench_go(bench);
	bench->boss.epoch = 4; /* restored from a backup, say */
	boss_lpar(&bench->boss, "db1")->is_running = false;
	boss_publish(&bench->boss);
	assert_int_equal(bench_event(bench, "coordinator.stale", 1)->level,
			 TARN__EVENT_LEVEL__EVENT_ERROR);
	world_run(&bench->world, 10000);
	assert_non_null(world_find(&bench->world, AGENT_PARTITION, "db1"));
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world); /* remembers */
	world_run(&bench->world, 10000);
	assert_non_null(world_find(&bench->world, AGENT_PARTITION, "db1"));
	bench->boss.epoch = 6;
	boss_publish(&bench->boss);
	assert_false(bench_lpar(bench, "db1")->running);
}

static void everything_goes_on_without_a_coordinator(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	bench->boss.is_away = true;
	world_run(&bench->world, 20000);
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world); /* knows what is desired from its file */
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios1"),
		  -SIGKILL);
	world_run(&bench->world, 20000);
	assert_int_equal(world_alive(&bench->world, AGENT_PARTITION), 2);
	assert_int_equal(world_alive(&bench->world, AGENT_VIOS), 2);
	bench->boss.is_away = false;
	(void)bench_event(bench, "coordinator.regained", 1);
	assert_true(boss_heard(&bench->boss, "coordinator.lost") >= 1);
	assert_int_equal(boss_heard(&bench->boss, "vios.exit"), 1);
}

static void a_refusal_is_told_once_and_asked_again(void **state)
{
	struct bench *bench = *state;

	bench->boss.refusal = HV_E_NOTFOUND;
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	world_run(&bench->world, 20000);
	assert_int_equal(world_alive(&bench->world, AGENT_HYPERVISOR), 1);
	bench->boss.refusal = HV_OK;
	assert_string_equal(bench_event(bench, "coordinator.refused", 1)->text,
			    "host 'h1' is refused");
	bench_pair(bench);
	assert_int_equal(boss_heard(&bench->boss, "coordinator.refused"), 1);
}

static void events_are_kept_until_they_are_acknowledged(void **state)
{
	struct bench *bench = *state;
	unsigned before;

	bench_go(bench);
	before = boss_heard(&bench->boss, "lpar.ended");
	bench->boss.is_away = true;
	world_run(&bench->world, 100);
	world_die(&bench->world, world_find(&bench->world, AGENT_PARTITION, "ded"), 0);
	world_run(&bench->world, 1000);
	for (unsigned i = 0; i < 3; i++) {
		world_agent_kill(&bench->world);
		world_agent_start(&bench->world);
		world_run(&bench->world, 1000);
	}
	bench->boss.is_away = false;
	(void)bench_event(bench, "agent.started", 4);
	world_run(&bench->world, 5000);
	assert_int_equal(boss_heard(&bench->boss, "lpar.ended"), before + 1);
}

static void what_the_hypervisor_saw_becomes_events(void **state)
{
	struct bench *bench = *state;
	struct world_partition *partition;
	static const Tarn__Failover failover = {
		.base = PROTOBUF_C_MESSAGE_INIT(&tarn__failover__descriptor),
		.number = 1,
		.kind = (char *)"hang",
		.from = (char *)"vios1",
		.to = (char *)"vios2",
	};
	uint8_t bytes[128];
	size_t count = tarn__failover__pack(&failover, bytes);

	bench_go(bench);
	partition = world_partition(&bench->world, "db1");
	bench->world.failover = tarn__failover__unpack(NULL, count, bytes);
	assert_non_null(strstr(bench_event(bench, "vios.failover", 1)->text,
			       "hang: from vios1 to vios2"));
	partition->state = TARN__PARTITION_STATE__PARTITION_WAITING;
	(void)snprintf(partition->reason, sizeof(partition->reason), "no paging VIOS");
	assert_string_equal(bench_event(bench, "lpar.waiting", 1)->text,
			    "partition 'db1' waits: no paging VIOS");
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	world_run(&bench->world, 3000);
	partition->state = TARN__PARTITION_STATE__PARTITION_RUNNING;
	partition->reason[0] = '\0';
	(void)bench_event(bench, "lpar.resumed", 1);
	(void)snprintf(partition->reason, sizeof(partition->reason), "unknown mapping");
	(void)bench_event(bench, "lpar.stealing_blocked", 1);
	partition->checksum_errors = 1;
	assert_int_equal(bench_event(bench, "lpar.page_error", 1)->level,
			 TARN__EVENT_LEVEL__EVENT_ERROR);
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	world_run(&bench->world, 5000);
	assert_int_equal(boss_heard(&bench->boss, "lpar.waiting"), 1);
	assert_int_equal(boss_heard(&bench->boss, "vios.failover"), 1);
	assert_int_equal(boss_heard(&bench->boss, "lpar.page_error"), 1);
	assert_int_equal(boss_heard(&bench->boss, "lpar.stealing_blocked"), 1);
}

/* What is not known is not said to have taken 0 ms. */
static void a_failover_to_nobody_tells_no_time_of_a_switch(void **state)
{
	struct bench *bench = *state;
	static const Tarn__Failover failover = {
		.base = PROTOBUF_C_MESSAGE_INIT(&tarn__failover__descriptor),
		.number = 1,
		.kind = (char *)"exit",
		.from = (char *)"vios1",
		.to = (char *)"",
		.has_detected_us = true,
		.detected_us = 1500,
	};
	uint8_t bytes[128];
	size_t count = tarn__failover__pack(&failover, bytes);
	const struct boss_event *event;

	bench_go(bench);
	bench->world.failover = tarn__failover__unpack(NULL, count, bytes);
	event = bench_event(bench, "vios.failover", 1);
	assert_int_equal(event->level, TARN__EVENT_LEVEL__EVENT_ERROR);
	assert_non_null(strstr(event->text, "to nobody; detected after 1.5 ms"));
	assert_null(strstr(event->text, "switched"));
}

static void a_disabled_vios_that_does_not_go_is_killed(void **state)
{
	struct bench *bench = *state;

	bench->world.vios_are_stubborn = true;
	bench_go(bench);
	bench->boss.vios[1].is_enabled = false;
	boss_publish(&bench->boss);
	bench_vios(bench, "vios2", TARN__VIOS_STATE__VIOS_ABSENT);
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios2"));
	world_run(&bench->world, 500);
	assert_null(world_vios(&bench->world, "vios2")); /* and not expected any more */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(a_new_host_comes_up_whole),
		CLAIM(a_hypervisor_that_does_not_start_is_told_once),
		CLAIM(a_silent_hypervisor_is_told_and_left_alone),
		CLAIM(a_vios_that_dies_is_started_again_with_back_off),
		CLAIM(maintenance_takes_a_vios_down_and_resume_brings_it_back),
		CLAIM(a_refused_maintenance_is_told_and_the_partner_cared_for),
		CLAIM(an_older_epoch_and_a_late_revision_are_refused),
		CLAIM(everything_goes_on_without_a_coordinator),
		CLAIM(a_refusal_is_told_once_and_asked_again),
		CLAIM(events_are_kept_until_they_are_acknowledged),
		CLAIM(what_the_hypervisor_saw_becomes_events),
		CLAIM(a_failover_to_nobody_tells_no_time_of_a_switch),
		CLAIM(a_disabled_vios_that_does_not_go_is_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
