/*
 * Each allocation of the coordinator fails once: in the store, and on the way of
 * each kind of request from its bytes to its answer. What is answered with NOMEM has
 * changed nothing, and the same key again is carried out then.
 */
#include "coordinator/store/store.h"
#include "tests/support/oom.h"
#include "tests/support/tmpdir.h"
#include "tests/unit/coordinator/oom_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MIB (UINT64_C(1) << 20)

static void make_host(void)
{
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;
	Tarn__PoolSet pool = TARN__POOL_SET__INIT;
	Tarn__PgdevAdd device = TARN__PGDEV_ADD__INIT;

	model_host_init(&host, "h1", 1024 * MIB);
	add.name = host.name;
	SWEEP(HOST_ADD, host_add, add);
	model_host_event(&host, "it came up");
	sweep_report(); /* joins */
	settle();
	pool.host = host.name;
	pool.mem_bytes = pool.max_bytes = 256 * MIB;
	pool.create = true;
	SWEEP(POOL_SET, pool_set, pool);
	converge();
	device.host = host.name;
	device.name = (char *)"d1";
	device.path = (char *)"/dev/d1";
	device.has_bytes = 1;
	device.bytes = 64 * MIB;
	SWEEP(PGDEV_ADD, pgdev_add, device);
	converge();
}

static void run_lpar(void)
{
	Tarn__LparCreate create = TARN__LPAR_CREATE__INIT;
	Tarn__LparActivate activate = TARN__LPAR_ACTIVATE__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	Tarn__VirtualDisk disk = TARN__VIRTUAL_DISK__INIT, *disks[] = { &disk };

	disk.slot = 2;
	disk.bytes = MIB;
	disk.path = (char *)"/dev/sdc"; /* it is renamed below */
	spec.n_disks = 1;
	spec.disks = disks;
	spec.has_virtual_adapters = true;
	spec.virtual_adapters = 3;
	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.name = (char *)"db1";
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec.min_bytes = spec.mem_bytes = spec.max_bytes = 64 * MIB;
	spec.workload = &workload;
	create.spec = &spec;
	SWEEP(LPAR_CREATE, lpar_create, create);
	activate.name = spec.name;
	SWEEP(LPAR_ACTIVATE, lpar_activate, activate);
	converge();
	model_host_work(&host);
	settle();
}

/* Two devices, one behind each VIOS, and who wants no other. */
static void run_mirrored(void)
{
	Tarn__LparShutdown shutdown = TARN__LPAR_SHUTDOWN__INIT;
	Tarn__LparActivate activate = TARN__LPAR_ACTIVATE__INIT;
	Tarn__LparCreate create = TARN__LPAR_CREATE__INIT;
	Tarn__LparRemove remove = TARN__LPAR_REMOVE__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;

	for (unsigned i = 0; i < 2; i++) {
		Tarn__PgdevAdd device = TARN__PGDEV_ADD__INIT;

		device.host = host.name;
		device.name = (char *)(i == 0 ? "m1" : "m2");
		device.path = (char *)(i == 0 ? "/dev/m1" : "/dev/m2");
		device.vios = (char *)(i == 0 ? "vios1" : "vios2");
		device.has_bytes = 1;
		device.bytes = 64 * MIB;
		SWEEP(PGDEV_ADD, pgdev_add, device);
		converge();
	}
	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.name = (char *)"mir";
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec.min_bytes = spec.mem_bytes = spec.max_bytes = 64 * MIB;
	spec.has_redundancy = 1;
	spec.redundancy = TARN__REDUNDANCY__REDUNDANCY_MIRRORED;
	spec.workload = &workload;
	create.spec = &spec;
	SWEEP(LPAR_CREATE, lpar_create, create);
	activate.name = shutdown.name = remove.name = spec.name;
	SWEEP(LPAR_ACTIVATE, lpar_activate, activate);
	converge();
	model_host_lpar(&host, "mir")->cross_bad = 1;
	model_host_work(&host);
	sweep_report();
	settle();
	SWEEP(LPAR_SHUTDOWN, lpar_shutdown, shutdown);
	converge();
	SWEEP(LPAR_REMOVE, lpar_remove, remove);
	settle();
}

static void change_lpar(void)
{
	Tarn__LparProfile profile = TARN__LPAR_PROFILE__INIT;
	Tarn__LparProfile was = TARN__LPAR_PROFILE__INIT;
	Tarn__ProfileSet set = TARN__PROFILE_SET__INIT;
	Tarn__ProfileRemove remove = TARN__PROFILE_REMOVE__INIT;
	Tarn__LparChange change = TARN__LPAR_CHANGE__INIT;
	Tarn__LparAttribute attribute = TARN__LPAR_ATTRIBUTE__INIT, *list = &attribute;

	profile.name = remove.name = (char *)"other";
	profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	profile.min_bytes = profile.mem_bytes = profile.max_bytes = 64 * MIB;
	set.lpar = remove.lpar = change.name = (char *)"db1";
	set.profile = &profile;
	SWEEP(PROFILE_SET, profile_set, set);
	was = profile;
	profile.max_bytes *= 2;
	set.was = &was;
	SWEEP(PROFILE_SET, profile_set, set);
	attribute.name = (char *)"auto_start";
	attribute.value = (char *)"1";
	change.attributes = &list;
	change.n_attributes = 1;
	change.new_name = (char *)"db2";
	SWEEP(LPAR_CHANGE, lpar_change, change);
	change.name = change.new_name;
	change.new_name = (char *)"db1";
	SWEEP(LPAR_CHANGE, lpar_change, change);
	SWEEP(PROFILE_REMOVE, profile_remove, remove);
	settle();
}

static void change_users(void)
{
	Tarn__UserRecord user = TARN__USER_RECORD__INIT, was = user;
	Tarn__UserSet set = TARN__USER_SET__INIT;
	Tarn__UserRemove remove = TARN__USER_REMOVE__INIT;

	user.name = remove.name = (char *)"ann";
	set.user = &user;
	SWEEP(USER_SET, user_set, set);
	was = user;
	set.was = &was;
	user.role = TARN__TASK_ROLE__TASK_ROLE_VIEWER;
	SWEEP(USER_SET, user_set, set);
	SWEEP(USER_REMOVE, user_remove, remove);
}

static void sample(void)
{
	Tarn__UtilizationSet set = TARN__UTILIZATION_SET__INIT;
	bool was_hit = true;

	set.host = host.name;
	set.sample_rate_s = 60;
	SWEEP(UTILIZATION_SET, utilization_set, set);
	for (unsigned nth = 1; was_hit; nth++) {
		c.now_ms += 2000;
		c.wall_ms += 60000;
		settle();
		oom_arm(nth);
		engine_tick(c.engine);
		was_hit = oom_disarm();
		test_audit(&c);
	}
}

static struct model_host far_host;

/* A VIOS whose devices lie on another host, and one of them. */
static void use_another_host(void)
{
	Tarn__ViosChange change = TARN__VIOS_CHANGE__INIT;
	Tarn__ViosAdd add = TARN__VIOS_ADD__INIT;
	Tarn__ViosRemove gone = TARN__VIOS_REMOVE__INIT;
	Tarn__PgdevAdd device = TARN__PGDEV_ADD__INIT;
	Tarn__PgdevRemove removed = TARN__PGDEV_REMOVE__INIT;

	test_host_up(&c, &far_host, "far");
	add.host = gone.host = change.host = device.host = removed.host = host.name;
	add.name = gone.name = change.with = device.vios = (char *)"rv";
	add.remote = far_host.name;
	SWEEP(VIOS_ADD, vios_add, add);
	test_settle(&c, &far_host); /* it exports */
	change.name = (char *)"vios2";
	change.verb = TARN__VIOS_VERB__VIOS_VERB_REPLACE;
	SWEEP(VIOS_CHANGE, vios_change, change);
	converge();
	device.name = removed.name = (char *)"d9";
	device.path = (char *)"/dev/d9";
	device.has_bytes = 1;
	device.bytes = 64 * MIB;
	SWEEP(PGDEV_ADD, pgdev_add, device);
	test_settle(&c, &far_host);
	SWEEP(PGDEV_REMOVE, pgdev_remove, removed);
	test_settle(&c, &far_host);
	change.name = (char *)"rv";
	change.with = (char *)"vios2";
	SWEEP(VIOS_CHANGE, vios_change, change);
	settle();
	SWEEP(VIOS_REMOVE, vios_remove, gone);
	assert_int_equal(test_pool_remove(&c, far_host.name, NULL, NULL), HV_OK);
	test_settle(&c, &far_host);
	assert_int_equal(test_host_remove(&c, far_host.name, NULL), HV_OK);
	model_host_fini(&far_host);
}

static void take_apart(void)
{
	Tarn__LparShutdown shutdown = TARN__LPAR_SHUTDOWN__INIT;
	Tarn__LparRemove remove = TARN__LPAR_REMOVE__INIT;
	Tarn__PgdevRemove device = TARN__PGDEV_REMOVE__INIT;
	Tarn__PoolRemove pool = TARN__POOL_REMOVE__INIT;
	Tarn__HostRemove gone = TARN__HOST_REMOVE__INIT;

	shutdown.name = remove.name = (char *)"db1";
	SWEEP(LPAR_SHUTDOWN, lpar_shutdown, shutdown);
	converge();
	change_lpar();
	SWEEP(LPAR_REMOVE, lpar_remove, remove);
	settle();
	device.host = pool.host = gone.name = host.name;
	for (unsigned i = 0; i < 3; i++) {
		static const char *const names[] = { "d1", "m1", "m2" };

		device.name = (char *)(uintptr_t)names[i];
		SWEEP(PGDEV_REMOVE, pgdev_remove, device);
		converge();
	}
	use_another_host();
	SWEEP(POOL_REMOVE, pool_remove, pool);
	converge();
	SWEEP(HOST_REMOVE, host_remove, gone);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_HOST), 0);
}

static void step_drills(unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		settle();
		model_host_work(&host);
		sweep_report();
		test_coordinator_run(&c, 1000);
	}
}

/* Two legs, and one that is aborted. */
static void run_rolling(void)
{
	Tarn__DrillRun run = TARN__DRILL_RUN__INIT;
	Tarn__DrillAbort abort = TARN__DRILL_ABORT__INIT;

	run.kind = TARN__DRILL_KIND__DRILL_ROLLING;
	run.host = (char *)"";
	SWEEP(DRILL_RUN, drill_run, run);
	step_drills(80);
	assert_string_equal(cluster_drill(test_cluster(&c), 2)->verdict, "passed");
	run.kind = TARN__DRILL_KIND__DRILL_CORRUPT;
	run.host = host.name;
	SWEEP(DRILL_RUN, drill_run, run);
	abort.number = 5;
	SWEEP(DRILL_ABORT, drill_abort, abort);
	step_drills(20);
	assert_string_equal(cluster_drill(test_cluster(&c), 5)->verdict, "inconclusive");
}

static void run_drill(void)
{
	Tarn__DrillRun run = TARN__DRILL_RUN__INIT;
	const Tarn__DrillRecord *drill;

	run.kind = TARN__DRILL_KIND__DRILL_PLANNED;
	run.host = host.name;
	SWEEP(DRILL_RUN, drill_run, run);
	step_drills(60);
	drill = cluster_drill_at(test_cluster(&c), 0);
	assert_string_equal(drill->phase, "done");
	assert_string_equal(drill->verdict, "passed");
	run_rolling();
}

static void inject(void)
{
	Tarn__ViosInject inject = TARN__VIOS_INJECT__INIT;
	Tarn__Injection injection = TARN__INJECTION__INIT;

	injection.kind = TARN__INJECTION_KIND__INJECTION_HANG;
	injection.op = TARN__INJECTION_OP__INJECTION_BOTH;
	injection.rate_ppm = 1;
	injection.time_ms = 1;
	injection.device = (char *)"d1";
	inject.host = host.name;
	inject.name = (char *)"vios1";
	inject.injection = &injection;
	SWEEP(VIOS_INJECT, vios_inject, inject);
}

/* To another device and back; one that the host refuses, too. */
static void change_device(void)
{
	Tarn__PgdevReplace replace = TARN__PGDEV_REPLACE__INIT;
	Tarn__PgdevRemove gone = TARN__PGDEV_REMOVE__INIT;
	Tarn__PgdevAdd add = TARN__PGDEV_ADD__INIT;
	Tarn__HostSet set = TARN__HOST_SET__INIT;

	add.host = replace.host = gone.host = set.host = host.name;
	add.name = gone.name = replace.with = (char *)"d2";
	add.path = (char *)"/dev/d2";
	add.has_bytes = 1;
	add.bytes = 64 * MIB;
	SWEEP(PGDEV_ADD, pgdev_add, add);
	settle(); /* what a report costs was tried with the first one */
	replace.name = (char *)"d1";
	host.copy_error = HV_E_BUSY;
	SWEEP(PGDEV_REPLACE, pgdev_replace, replace);
	converge();
	SWEEP(PGDEV_REPLACE, pgdev_replace, replace);
	converge();
	replace.name = (char *)"d2";
	replace.with = (char *)"d1";
	SWEEP(PGDEV_REPLACE, pgdev_replace, replace);
	settle();
	SWEEP(PGDEV_REMOVE, pgdev_remove, gone);
	settle();
	set.has_spare = set.spare = true;
	SWEEP(HOST_SET, host_set, set);
}

static void change_pair(void)
{
	Tarn__ViosChange change = TARN__VIOS_CHANGE__INIT;
	Tarn__ViosAdd add = TARN__VIOS_ADD__INIT;
	Tarn__ViosRemove gone = TARN__VIOS_REMOVE__INIT;

	add.host = gone.host = change.host = host.name;
	add.name = gone.name = (char *)"vios3";
	SWEEP(VIOS_ADD, vios_add, add);
	change.name = (char *)"vios1";
	change.with = (char *)"vios3";
	change.verb = TARN__VIOS_VERB__VIOS_VERB_REPLACE;
	SWEEP(VIOS_CHANGE, vios_change, change);
	converge();
	change.name = (char *)"vios3";
	change.with = (char *)"vios1";
	SWEEP(VIOS_CHANGE, vios_change, change);
	settle();
	change.name = (char *)"";
	change.with = NULL;
	change.verb = TARN__VIOS_VERB__VIOS_VERB_SWAP;
	SWEEP(VIOS_CHANGE, vios_change, change);
	converge();
	SWEEP(VIOS_REMOVE, vios_remove, gone);
}

static void orders_without_memory_change_nothing(void **state)
{
	Tarn__ViosChange vios = TARN__VIOS_CHANGE__INIT;

	(void)state;
	make_host();
	run_lpar();
	sample();
	vios.host = host.name;
	vios.name = (char *)"vios2";
	vios.verb = TARN__VIOS_VERB__VIOS_VERB_KILL;
	SWEEP(VIOS_CHANGE, vios_change, vios);
	converge();
	change_pair();
	change_device();
	inject();
	run_drill();
	change_users();
	run_mirrored();
	take_apart();
	model_host_fini(&host);
}

static void reads_without_memory_say_so(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__Query query = TARN__QUERY__INIT;
	Tarn__EventQuery events = TARN__EVENT_QUERY__INIT;
	Tarn__UtilizationQuery samples = TARN__UTILIZATION_QUERY__INIT;

	(void)state;
	make_host();
	run_lpar();
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_STATUS;
	request.status = &query;
	sweep_read(&request);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_DRILLS;
	request.drills = &query;
	sweep_read(&request);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_USERS;
	request.users = &query;
	sweep_read(&request);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_EVENTS;
	request.events = &events;
	sweep_read(&request);
	samples.host = host.name;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_UTILIZATION;
	request.utilization = &samples;
	sweep_read(&request);
	samples.has_period = 1;
	samples.period = TARN__UTILIZATION_PERIOD__UTILIZATION_DAILY;
	sweep_read(&request);
	model_host_fini(&host);
}

static void a_coordinator_without_memory_does_not_start(void **state)
{
	unsigned nth = 1;

	(void)state;
	make_host();
	run_lpar();
	for (;; nth++) {
		struct engine *engine = NULL;
		enum hv_code code;

		oom_arm(nth);
		code = engine_open(&c.env, &c.journal.journal, &engine, NULL);
		if (!oom_disarm()) {
			assert_int_equal(code, HV_OK);
			engine_close(c.engine);
			c.engine = engine;
			break;
		}
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(engine);
	}
	assert_true(nth > 10);
	model_host_fini(&host);
}

/* Fills a cluster, and finds a reply, with each allocation failing once. */
static void sweep_store(struct store *store, const uint8_t key[JOURNAL_KEY_BYTES])
{
	struct journal *journal = store_journal(store);
	bool was_hit = true;

	for (unsigned nth = 1; was_hit; nth++) {
		struct cluster cluster;
		enum hv_code code;

		cluster_init(&cluster);
		oom_arm(nth);
		code = journal->load(journal, &cluster, NULL);
		was_hit = oom_disarm();
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
		cluster_fini(&cluster);
	}
	was_hit = true;
	for (unsigned nth = 1; was_hit; nth++) {
		uint8_t *bytes = NULL;
		size_t count;
		enum hv_code code;

		oom_arm(nth);
		code = journal->find_reply(journal, key, &bytes, &count, NULL);
		was_hit = oom_disarm();
		assert_int_equal(code, was_hit ? HV_E_NOMEM : HV_OK);
		free(bytes);
	}
}

/* Through the store's own commit, whose allocations fail as well. */
static void add_host(uint8_t key[JOURNAL_KEY_BYTES])
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__HostAdd add = TARN__HOST_ADD__INIT;
	bool was_hit = true;
	uint8_t *bytes;
	size_t count;

	add.name = (char *)"h1";
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_HOST_ADD;
	request.host_add = &add;
	request.has_key = 1;
	request.key.data = key;
	request.key.len = JOURNAL_KEY_BYTES;
	assert_int_equal(hv_message_encode(&request.base, &bytes, &count, NULL), HV_OK);
	for (unsigned nth = 1; was_hit; nth++) {
		struct test_answer to = { 0 };

		was_hit = submit(nth, bytes, count, &to);
		assert_true(to.is_there);
		free(to.bytes);
	}
	free(bytes);
}

static void a_store_is_read_without_memory(void **state)
{
	struct store_config config = { 0 };
	uint8_t key[JOURNAL_KEY_BYTES] = { 1 };
	struct test_tmpdir dir;
	struct store *store;

	(void)state;
	test_tmpdir_make(&dir);
	config.directory = dir.path;
	assert_int_equal(store_open(&config, &store, NULL), HV_OK);
	engine_close(c.engine);
	assert_int_equal(engine_open(&c.env, store_journal(store), &c.engine, NULL),
			 HV_OK);
	add_host(key);
	assert_non_null(cluster_host(test_cluster(&c), "h1"));
	sweep_store(store, key);
	engine_close(c.engine);
	c.engine = NULL;
	store_close(store);
	test_tmpdir_remove(&dir);
	assert_int_equal(engine_open(&c.env, &c.journal.journal, &c.engine, NULL), HV_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, oom_set_up, oom_tear_down)
		TEST(orders_without_memory_change_nothing),
		TEST(reads_without_memory_say_so),
		TEST(a_coordinator_without_memory_does_not_start),
		TEST(a_store_is_read_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
