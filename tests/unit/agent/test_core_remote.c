/* VIOS whose devices lie on another host, and the exporter for those of others. */
#include "tests/unit/agent/bench.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define URL "ipc:///run/h2/export.ipc"

static bool exporter_is(struct agent_world *world, void *arg)
{
	struct agent_boss *boss = world->arg;
	const Tarn__ExporterStat *stat = boss->report != NULL ? boss->report->exporter
							      : NULL;

	return stat != NULL && stat->up == *(bool *)arg;
}

static void await_exporter(struct bench *bench, bool is_up)
{
	assert_true(world_wait(&bench->world, PATIENCE_MS, exporter_is, &is_up));
}

static bool no_exporter(struct agent_world *world, void *arg)
{
	struct agent_boss *boss = world->arg;

	(void)arg;
	return world_alive(world, AGENT_EXPORTER) == 0 && boss->report != NULL &&
	       boss->report->exporter == NULL;
}

static void an_exporter_runs_while_it_is_wanted(void **state)
{
	struct bench *bench = *state;

	bench_go(bench);
	assert_true(no_exporter(&bench->world, NULL));
	bench->boss.exports = true;
	boss_publish(&bench->boss);
	await_exporter(bench, true);
	assert_string_equal(bench->boss.report->exporter->url,
			    "ipc:///run/here/export.ipc");
	assert_int_equal(bench->world.spawns[AGENT_EXPORTER], 1);
	bench->boss.exports = false;
	boss_publish(&bench->boss);
	assert_true(world_wait(&bench->world, PATIENCE_MS, no_exporter, NULL));
	assert_int_equal(boss_last(&bench->boss, "exporter.exit")->level,
			 TARN__EVENT_LEVEL__EVENT_INFO);
	assert_int_equal(bench->world.spawns[AGENT_EXPORTER], 1);
}

static void one_that_dies_is_started_again(void **state)
{
	struct bench *bench = *state;

	bench->boss.exports = true;
	bench_go(bench);
	await_exporter(bench, true);
	world_die(&bench->world, world_find(&bench->world, AGENT_EXPORTER, ""), -SIGKILL);
	(void)bench_event(bench, "exporter.restarted", 1);
	await_exporter(bench, true);
	assert_int_equal(bench->boss.report->exporter->restarts, 1);
	assert_int_equal(boss_last(&bench->boss, "exporter.exit")->level,
			 TARN__EVENT_LEVEL__EVENT_WARN);
}

/* It is asked by whichever agent is there; one that answers is left alone. */
static void one_that_hangs_is_killed_and_started_again(void **state)
{
	struct bench *bench = *state;
	int64_t pid;

	bench->boss.exports = true;
	bench_go(bench);
	await_exporter(bench, true);
	world_run(&bench->world, 20000);
	assert_in_range(bench->world.questions, 10, 25);
	assert_int_equal(boss_heard(&bench->boss, "exporter.hung"), 0);
	for (unsigned i = 0; i < 2; i++) {
		pid = world_find(&bench->world, AGENT_EXPORTER, "")->instance.pid;
		if (i == 1) {
			world_agent_kill(&bench->world);
			world_agent_start(&bench->world);
		}
		world_find(&bench->world, AGENT_EXPORTER, "")->is_stopped = true;
		(void)bench_event(bench, "exporter.hung", i + 1);
		(void)bench_event(bench, "exporter.restarted", i + 1);
		await_exporter(bench, true);
		assert_int_not_equal(
			world_find(&bench->world, AGENT_EXPORTER, "")->instance.pid, pid);
	}
	world_run(&bench->world, 20000);
	assert_int_equal(bench->world.spawns[AGENT_EXPORTER], 3);
}

static void the_next_agent_adopts_it(void **state)
{
	struct bench *bench = *state;
	int64_t pid;

	bench->boss.exports = true;
	bench_go(bench);
	await_exporter(bench, true);
	pid = world_find(&bench->world, AGENT_EXPORTER, "")->instance.pid;
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	world_run(&bench->world, 5000);
	await_exporter(bench, true);
	assert_int_equal(world_find(&bench->world, AGENT_EXPORTER, "")->instance.pid,
			 pid);
	assert_int_equal(bench->world.spawns[AGENT_EXPORTER], 1);
}

/* Its devices are others', who go on. */
static void it_outlives_the_hypervisor(void **state)
{
	struct bench *bench = *state;

	bench->boss.exports = true;
	bench_go(bench);
	await_exporter(bench, true);
	world_die(&bench->world, world_find(&bench->world, AGENT_HYPERVISOR, ""),
		  -SIGKILL);
	(void)bench_event(bench, "hypervisor.lost", 1);
	world_run(&bench->world, 15000);
	assert_int_equal(bench->world.spawns[AGENT_EXPORTER], 1);
	assert_int_equal(world_alive(&bench->world, AGENT_EXPORTER), 1);
}

static bool has_reason(struct agent_world *world, void *arg)
{
	struct agent_boss *boss = world->arg;
	const Tarn__HostStat *stat = boss->report != NULL ? boss->report->stat : NULL;

	for (size_t i = 0; stat != NULL && i < stat->n_vios; i++)
		if (strcmp(stat->vios[i]->name, "vios2") == 0)
			return stat->vios[i]->reason != NULL &&
			       strstr(stat->vios[i]->reason, arg) != NULL;
	return false;
}

static void a_vios_waits_until_it_is_known_where_its_devices_are(void **state)
{
	struct bench *bench = *state;
	char long_url[AGENT_URL_BYTES + 1];

	memset(long_url, 'x', sizeof(long_url));
	long_url[AGENT_URL_BYTES] = '\0';
	bench->boss.vios[1].remote_host = "h2";
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	assert_true(world_wait(
		&bench->world, PATIENCE_MS, has_reason,
		(char *)(uintptr_t) "host 'h2' has not said where its exporter "
				    "listens"));
	bench->boss.vios[1].remote_url = long_url; /* of a coordinator that errs */
	boss_publish(&bench->boss);
	world_run(&bench->world, 5000);
	assert_null(world_find(&bench->world, AGENT_VIOS, "vios2"));
	bench->boss.vios[1].remote_url = URL;
	boss_publish(&bench->boss);
	bench_pair(bench);
	assert_string_equal(world_find(&bench->world, AGENT_VIOS, "vios2")->remote_url,
			    URL);
	assert_string_equal(world_find(&bench->world, AGENT_VIOS, "vios1")->remote_url,
			    "");
}

static void it_follows_its_exporter(void **state)
{
	struct bench *bench = *state;

	bench->boss.vios[1].remote_host = "h2";
	bench->boss.vios[1].remote_url = URL;
	bench_go(bench);
	bench->boss.vios[1].remote_url = URL ".new";
	boss_publish(&bench->boss);
	(void)bench_event(bench, "vios.restarted", 1);
	bench_pair(bench);
	assert_string_equal(world_find(&bench->world, AGENT_VIOS, "vios2")->remote_url,
			    URL ".new");
	world_run(&bench->world, 20000);
	assert_int_equal(boss_heard(&bench->boss, "vios.restarted"), 1);
}

/* ... which has moved while no agent was there; and nobody else is disturbed. */
static void one_that_was_adopted_follows_its_exporter(void **state)
{
	struct bench *bench = *state;

	bench->boss.vios[1].remote_host = "h2";
	bench->boss.vios[1].remote_url = URL;
	bench_go(bench);
	world_agent_kill(&bench->world);
	world_agent_start(&bench->world);
	world_run(&bench->world, 5000);
	assert_int_equal(bench->world.spawns[AGENT_VIOS], 2);
	world_agent_kill(&bench->world);
	bench->boss.vios[1].remote_url = URL ".new";
	boss_publish(&bench->boss);
	world_agent_start(&bench->world);
	(void)bench_event(bench, "vios.restarted", 1);
	bench_pair(bench);
	assert_string_equal(world_find(&bench->world, AGENT_VIOS, "vios2")->remote_url,
			    URL ".new");
	world_run(&bench->world, 20000);
	assert_int_equal(bench->world.spawns[AGENT_VIOS], 3);
}

/* ---- devices ---- */

static const Tarn__ObjectStatus *device_status(struct bench *bench, const char *name)
{
	return bench_done(bench, TARN__OBJECT_KIND__OBJECT_DEVICE, name,
			  boss_device(&bench->boss, name)->generation);
}

static void a_device_on_another_host_is_left_to_its_agent(void **state)
{
	struct bench *bench = *state;
	struct boss_device *device;
	struct boss_lpar *lpar;

	bench->boss.vios[1].remote_host = "h2";
	bench->boss.vios[1].remote_url = URL;
	bench_go(bench);
	bench_add(bench, "db2", "pg2");
	boss_device(&bench->boss, "pg2")->vios = "vios1";
	device = boss_device(&bench->boss, "pg3");
	device->vios = "vios2";
	device->is_remote = true;
	lpar = boss_lpar(&bench->boss, "db2");
	lpar->mirror = "pg3";
	boss_publish(&bench->boss);
	assert_null(bench_lpar(bench, "db2")->error);
	assert_null(device_status(bench, "pg3")->error);
	assert_int_equal(world_device(&bench->world, "/dev/pg3")->formats, 0);
	assert_string_equal(world_partition(&bench->world, "db2")->mirror, "/dev/pg3");
	device->is_removed = true;
	device->generation += 1000;
	boss_publish(&bench->boss);
	world_run(&bench->world, 5000);
	assert_false(boss_is_done(&bench->boss, TARN__OBJECT_KIND__OBJECT_DEVICE, "pg3",
				  device->generation)); /* it is used */
	lpar->is_running = false;
	boss_publish(&bench->boss);
	assert_null(device_status(bench, "pg3")->error);
}

static void a_device_for_another_host_is_its(void **state)
{
	struct bench *bench = *state;
	struct boss_device *device;
	const struct world_device *made;
	uint8_t owner[AGENT_ID_BYTES];

	memset(owner, 0x29, sizeof(owner));
	bench_go(bench);
	device = boss_device(&bench->boss, "far");
	device->owner = "h1";
	boss_publish(&bench->boss);
	assert_null(device_status(bench, "far")->error);
	assert_false(device_status(bench, "far")->redundant);
	made = world_device(&bench->world, "/dev/far");
	assert_int_equal(made->formats, 1);
	assert_memory_equal(made->header.host_id, owner, AGENT_ID_BYTES);
	assert_string_equal(made->header.host_name, "h1");
	device->is_removed = true;
	device->generation += 1000;
	boss_publish(&bench->boss);
	assert_null(device_status(bench, "far")->error);
	assert_false(made->has_header);
}

/* ---- cuts ---- */

static uint64_t order_cut(struct bench *bench, uint32_t direction, uint32_t ms)
{
	uint64_t id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT,
				 "vios2");

	for (size_t i = 0; i < BOSS_OPS; i++)
		if (bench->boss.ops[i].id == id)
			bench->boss.ops[i].injection = (struct hv_injection){
				.kind = HV_INJECTION_CUT,
				.op = HV_INJECTION_BOTH,
				.rate_ppm = HV_INJECTION_ALL,
				.time_ms = ms,
				.direction = direction,
			};
	boss_publish(&bench->boss);
	return id;
}

static void a_cut_is_of_the_link_whoever_runs(void **state)
{
	struct bench *bench = *state;
	const struct world_process *vios;
	uint64_t id;

	bench->boss.vios[1].remote_host = "h2";
	bench->boss.vios[1].remote_url = URL;
	bench_go(bench);
	id = order_cut(bench, HV_INJECTION_BACK, 60000);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios2"), 1);
	(void)bench_event(bench, "vios.restarted", 1);
	vios = world_find(&bench->world, AGENT_VIOS, "vios2");
	assert_int_equal(vios->cut_direction, HV_INJECTION_BACK);
	assert_in_range(vios->cut_ms, 1, 60000);
	id = boss_order(&bench->boss, TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR,
			"vios2");
	boss_publish(&bench->boss);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios2"), 1);
	(void)bench_event(bench, "vios.restarted", 2);
	assert_int_equal(world_find(&bench->world, AGENT_VIOS, "vios2")->cut_ms, 0);
}

/* Also where agent and VIOS end together; and it is over when it is over. */
static void a_cut_goes_on_under_the_next_agent(void **state)
{
	struct bench *bench = *state;
	uint64_t id;

	bench->boss.vios[1].remote_host = "h2";
	bench->boss.vios[1].remote_url = URL;
	bench_go(bench);
	id = order_cut(bench, HV_INJECTION_THERE, 60000);
	assert_null(bench_done(bench, TARN__OBJECT_KIND__OBJECT_OP, "", id)->error);
	for (unsigned i = 0; i < 2; i++) {
		world_agent_kill(&bench->world);
		world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios2"),
			  1);
		world_run(&bench->world, 1000);
		world_agent_start(&bench->world);
		bench_pair(bench);
		assert_int_equal(
			world_find(&bench->world, AGENT_VIOS, "vios2")->cut_direction,
			HV_INJECTION_THERE);
		assert_in_range(world_find(&bench->world, AGENT_VIOS, "vios2")->cut_ms, 1,
				59000);
	}
	world_run(&bench->world, 60000);
	world_die(&bench->world, world_find(&bench->world, AGENT_VIOS, "vios2"), 1);
	(void)bench_event(bench, "vios.restarted", 1);
	assert_int_equal(world_find(&bench->world, AGENT_VIOS, "vios2")->cut_ms, 0);
}

/* What is kept of a link is read as anything else is. */
static void what_is_kept_of_a_link_is_bounded(void **state)
{
	struct bench *bench = *state;
	struct agent_config config = bench->world.config;
	Tarn__AgentState kept = TARN__AGENT_STATE__INIT;
	Tarn__AgentVios vios = TARN__AGENT_VIOS__INIT;
	Tarn__AgentVios *list[HV_AGENT_VIOS_MAX];
	char url[AGENT_URL_BYTES + 1];
	struct agent_core *core = NULL;

	config.incarnation = 1;
	memset(url, 'x', sizeof(url));
	url[AGENT_URL_BYTES] = '\0';
	vios.name = (char *)(uintptr_t) "vios2";
	vios.url = url;
	for (size_t i = 0; i < HV_COUNT(list); i++)
		list[i] = &vios;
	kept.vios = list;
	kept.n_vios = HV_COUNT(list); /* more than it has room for */
	assert_int_equal(
		agent_core_new(&config, &world_ops, &bench->world, &kept, &core, NULL),
		HV_E_LIMIT);
	url[AGENT_URL_BYTES - 1] = '\0';
	assert_int_equal(
		agent_core_new(&config, &world_ops, &bench->world, &kept, &core, NULL),
		HV_OK);
	agent_core_free(core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(an_exporter_runs_while_it_is_wanted),
		CLAIM(one_that_dies_is_started_again),
		CLAIM(one_that_hangs_is_killed_and_started_again),
		CLAIM(the_next_agent_adopts_it),
		CLAIM(it_outlives_the_hypervisor),
		CLAIM(a_vios_waits_until_it_is_known_where_its_devices_are),
		CLAIM(it_follows_its_exporter),
		CLAIM(one_that_was_adopted_follows_its_exporter),
		CLAIM(a_device_on_another_host_is_left_to_its_agent),
		CLAIM(a_device_for_another_host_is_its),
		CLAIM(a_cut_is_of_the_link_whoever_runs),
		CLAIM(a_cut_goes_on_under_the_next_agent),
		CLAIM(what_is_kept_of_a_link_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
