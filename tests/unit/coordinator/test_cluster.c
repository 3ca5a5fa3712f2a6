/* The state: applying, taking back, bounds, audit. */
#include "tests/support/coordinator.h"

#include "coordinator/cluster/draft.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct cluster cluster;

static int open_one(void **state)
{
	(void)state;
	cluster_init(&cluster);
	return 0;
}

static int close_one(void **state)
{
	(void)state;
	cluster_fini(&cluster);
	return 0;
}

static void apply(struct draft *draft)
{
	struct hv_err err = { 0 };

	assert_int_equal(draft_finish(draft, &err), HV_OK);
	assert_int_equal(cluster_apply(&cluster, draft->log, &err), HV_OK);
	draft_fini(draft);
}

static void put_host(struct draft *draft, const char *name)
{
	Tarn__HostRecord host = TARN__HOST_RECORD__INIT;

	host.name = (char *)name;
	draft_put(draft, RECORD_HOST, record_copy(&host.base));
}

static void put_lpar(struct draft *draft, const char *name, const char *host,
		     bool running, const char *device)
{
	Tarn__LparRecord lpar = TARN__LPAR_RECORD__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;

	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.name = (char *)name;
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	spec.mem_bytes = 1 << 20;
	spec.workload = &workload;
	lpar.host = (char *)host;
	lpar.spec = &spec;
	lpar.running = running;
	lpar.device = (char *)device;
	draft_put(draft, RECORD_LPAR, record_copy(&lpar.base));
}

static void put_device(struct draft *draft, const char *host, const char *name,
		       const char *lpar)
{
	Tarn__DeviceRecord record = TARN__DEVICE_RECORD__INIT;
	Tarn__DesiredDevice device = TARN__DESIRED_DEVICE__INIT;
	uint8_t id[16] = { 0 };

	device.name = (char *)name;
	device.path = (char *)"/x";
	device.id.data = id;
	device.id.len = sizeof(id);
	record.host = (char *)host;
	record.device = &device;
	record.lpar = (char *)lpar;
	draft_put(draft, RECORD_DEVICE, record_copy(&record.base));
}

static void what_is_applied_is_there_and_can_be_taken_back(void **state)
{
	struct draft draft;

	(void)state;
	draft_init(&draft, &cluster);
	put_host(&draft, "h1");
	apply(&draft);
	cluster_commit(&cluster);
	assert_int_equal(cluster.now.revision, 1);
	/* Two records of one batch, over the same objects. */
	draft_init(&draft, &cluster);
	draft_edit_host(&draft, "h1")->lmb_bytes = 42;
	draft_edit_host(&draft, "h1")->has_lmb_bytes = 1;
	put_host(&draft, "h2");
	(void)draft_next_id(&draft);
	apply(&draft);
	draft_init(&draft, &cluster);
	draft_remove(&draft, RECORD_HOST, record_key_name("h1"));
	draft_edit_host(&draft, "h2")->lmb_bytes = 43;
	apply(&draft);
	assert_null(cluster_host(&cluster, "h1"));
	assert_int_equal(cluster.now.revision, 3);
	assert_int_equal(cluster.now.next_id, 1);
	cluster_rollback(&cluster);
	assert_int_equal(cluster.now.revision, 1);
	assert_int_equal(cluster.now.next_id, 0);
	assert_non_null(cluster_host(&cluster, "h1"));
	assert_false(cluster_host(&cluster, "h1")->has_lmb_bytes);
	assert_null(cluster_host(&cluster, "h2"));
}

static void a_record_out_of_turn_is_stale_and_changes_nothing(void **state)
{
	struct draft draft;

	(void)state;
	draft_init(&draft, &cluster);
	put_host(&draft, "h1");
	assert_int_equal(draft_finish(&draft, NULL), HV_OK);
	draft.log->revision = 7;
	assert_int_equal(cluster_apply(&cluster, draft.log, NULL), HV_E_STALE);
	assert_int_equal(draft.log->n_hosts, 1); /* still the draft's */
	draft.log->revision = 1;
	draft_remove(&draft, RECORD_HOST, record_key_name("h1"));
	free(draft.log->removed[0]);
	draft.log->removed[0] = strdup("nonsense");
	assert_int_equal(cluster_apply(&cluster, draft.log, NULL), HV_E_CORRUPT);
	assert_int_equal(cluster_count(&cluster, RECORD_HOST), 0);
	draft_fini(&draft);
}

static void h1_is_alive(void)
{
	struct live_host *live;
	struct draft draft;

	draft_init(&draft, &cluster);
	put_host(&draft, "h1");
	apply(&draft);
	cluster_commit(&cluster);
	assert_int_equal(live_make(&cluster.live, "h1", 1, &live, NULL), HV_OK);
}

/* A revision that never was may not stay behind: the real one would not wake a poll. */
static void a_rollback_does_not_hide_the_next_change_from_a_host(void **state)
{
	struct draft draft;

	(void)state;
	h1_is_alive();
	draft_init(&draft, &cluster);
	put_lpar(&draft, "l1", "h1", false, NULL);
	apply(&draft);
	assert_int_equal(cluster_live(&cluster, "h1")->desired_revision, 2);
	cluster_rollback(&cluster);
	assert_int_equal(cluster_live(&cluster, "h1")->desired_revision, 1);
}

static void what_a_host_does_not_see_does_not_wake_it(void **state)
{
	struct draft draft;

	(void)state;
	h1_is_alive();
	draft_init(&draft, &cluster);
	put_host(&draft, "h2");
	draft_edit_host(&draft, "h1")->has_events_seen = 1;
	draft_edit_host(&draft, "h1")->events_seen = 9;
	apply(&draft);
	assert_int_equal(cluster_live(&cluster, "h1")->desired_revision, 1);
	cluster_commit(&cluster);
	draft_init(&draft, &cluster);
	draft_remove(&draft, RECORD_HOST, record_key_name("h1"));
	apply(&draft);
	cluster_commit(&cluster);
	assert_null(cluster_live(&cluster, "h1")); /* dropped with its host */
}

static void events_jobs_and_drills_are_bounded_and_numbers_go_on(void **state)
{
	struct draft draft;
	uint64_t job = 0;

	(void)state;
	for (unsigned i = 0; i < CLUSTER_EVENTS_MAX + 50; i += 50) {
		draft_init(&draft, &cluster);
		for (unsigned j = 0; j < 50; j++)
			draft_add_event(&draft, TARN__EVENT_LEVEL__EVENT_INFO, "", "x.y",
					"%u", i + j);
		apply(&draft);
		cluster_commit(&cluster);
	}
	assert_int_equal(cluster_count(&cluster, RECORD_EVENT), CLUSTER_EVENTS_MAX);
	assert_int_equal(cluster_event_at(&cluster, 0)->number, 51);
	assert_int_equal(cluster_event_after(&cluster, 60), 10);
	assert_int_equal(cluster_event_after(&cluster, 3), 0);
	assert_int_equal(cluster_event_after(&cluster, CLUSTER_EVENTS_MAX + 50),
			 CLUSTER_EVENTS_MAX);
	for (unsigned i = 0; i < CLUSTER_JOBS_MAX + 10; i++) {
		struct job_plan plan = { TARN__JOB_KIND__JOB_POOL, "", "" };

		draft_init(&draft, &cluster);
		job = draft_add_job(&draft, &plan, "job %u", i);
		if (i != 0)
			draft_end_job(&draft, job, HV_OK, "done");
		apply(&draft);
		cluster_commit(&cluster);
	}
	assert_int_equal(cluster_count(&cluster, RECORD_JOB), CLUSTER_JOBS_MAX);
	assert_false(cluster_job_at(&cluster, 0)->done); /* a pending one is kept */
	assert_int_equal(cluster_job_at(&cluster, 1)->id, 12);
}

static void a_draft_hands_out_one_copy_of_a_record(void **state)
{
	struct draft draft;

	(void)state;
	draft_init(&draft, &cluster);
	assert_true(draft_is_empty(&draft));
	put_host(&draft, "h1");
	assert_false(draft_is_empty(&draft));
	apply(&draft);
	draft_init(&draft, &cluster);
	assert_ptr_equal(draft_edit_host(&draft, "h1"), draft_edit_host(&draft, "h1"));
	assert_ptr_not_equal(draft_edit_host(&draft, "h1"), cluster_host(&cluster, "h1"));
	assert_int_equal(draft.log->n_hosts, 1);
	draft_name(&draft, "first");
	draft_name(&draft, "second %d", 2);
	assert_string_equal(draft.log->what, "second 2");
	draft_fini(&draft);
	cluster_rollback(&cluster);
}

static void a_record_is_loaded_once(void **state)
{
	Tarn__HostRecord host = TARN__HOST_RECORD__INIT;
	ProtobufCMessage *twice;

	(void)state;
	host.name = (char *)"h1";
	assert_int_equal(
		cluster_load(&cluster, RECORD_HOST, record_copy(&host.base), NULL),
		HV_OK);
	twice = record_copy(&host.base);
	assert_int_equal(cluster_load(&cluster, RECORD_HOST, twice, NULL), HV_E_CORRUPT);
	record_free(twice);
	assert_null(cluster_host(&cluster, "not a name"));
	assert_null(cluster_device(&cluster, "h1", ""));
	assert_null(cluster_lpar(&cluster, "../.."));
}

static void must_fail_audit(const char *says)
{
	struct hv_err err = { 0 };

	assert_int_equal(cluster_audit(&cluster, &err), HV_E_CORRUPT);
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
	cluster_rollback(&cluster);
	assert_int_equal(cluster_audit(&cluster, &err), HV_OK);
}

static void the_audit_sees_what_does_not_hold_together(void **state)
{
	Tarn__DrillRecord drill = TARN__DRILL_RECORD__INIT;
	struct draft draft;

	(void)state;
	draft_init(&draft, &cluster);
	put_host(&draft, "h1");
	put_device(&draft, "h1", "d1", NULL);
	put_lpar(&draft, "l1", "h1", false, NULL);
	apply(&draft);
	cluster_commit(&cluster);
	draft_init(&draft, &cluster);
	put_device(&draft, "h2", "d1", NULL);
	apply(&draft);
	must_fail_audit("is on no host 'h2'");
	draft_init(&draft, &cluster);
	put_device(&draft, "h1", "d1", "l1"); /* owned by one that does not use it */
	apply(&draft);
	must_fail_audit("which does not use it");
	draft_init(&draft, &cluster);
	put_lpar(&draft, "l1", "h1", true, NULL);
	apply(&draft);
	must_fail_audit("entitlements"); /* there is no pool */
	draft_init(&draft, &cluster);
	put_lpar(&draft, "l1", "h1", false, "d1");
	apply(&draft);
	must_fail_audit("not its own");
	draft_init(&draft, &cluster);
	put_lpar(&draft, "l2", "h9", false, NULL);
	apply(&draft);
	must_fail_audit("is on no host 'h9'");
	draft_init(&draft, &cluster);
	draft_edit_lpar(&draft, "l1")->run_id = 77;
	apply(&draft);
	must_fail_audit("run 77 was never given");
	draft_init(&draft, &cluster);
	draft_edit_host(&draft, "h1")->has_pool_job = 1;
	apply(&draft);
	must_fail_audit("names job");
	draft_init(&draft, &cluster);
	draft_edit_device(&draft, "h1", "d1")->has_job = 1;
	apply(&draft);
	must_fail_audit("names job");
	draft_init(&draft, &cluster);
	drill.host = (char *)"h1";
	drill.vios = (char *)"vios1";
	drill.phase = (char *)"ready";
	drill.kind = TARN__DRILL_KIND__DRILL_KILL;
	for (drill.number = 1; drill.number < 3; drill.number++)
		draft_put(&draft, RECORD_DRILL, record_copy(&drill.base));
	apply(&draft);
	must_fail_audit("2 drills at once");
}

/* A device "d1" of that LPAR behind vios1, and "d2" behind that one. */
static void put_mirrored(struct draft *draft, const char *behind)
{
	Tarn__DeviceRecord *device;
	Tarn__LparRecord *lpar;

	put_device(draft, "h1", "d1", "l1");
	put_device(draft, "h1", "d2", "l1");
	put_lpar(draft, "l1", "h1", false, "d1");
	device = draft_edit_device(draft, "h1", "d1");
	draft_set_text(draft, &device->device->vios, "vios1");
	device = draft_edit_device(draft, "h1", "d2");
	draft_set_text(draft, &device->device->vios, "%s", behind);
	draft_set_text(draft, &device->device->path, "/dev/other");
	device->device->id.data[0] ^= 1;
	lpar = draft_edit_lpar(draft, "l1");
	draft_set_text(draft, &lpar->mirror, "d2");
	draft_set_text(draft, &lpar->primary, "vios1");
}

static void the_audit_sees_a_mirror_that_is_none(void **state)
{
	Tarn__DeviceRecord *device;
	Tarn__LparRecord *lpar;
	struct draft draft;

	(void)state;
	draft_init(&draft, &cluster);
	put_host(&draft, "h1");
	apply(&draft);
	cluster_commit(&cluster);
	draft_init(&draft, &cluster);
	put_mirrored(&draft, "vios1");
	apply(&draft);
	must_fail_audit("do not lie one behind each VIOS");
	draft_init(&draft, &cluster);
	put_mirrored(&draft, "vios2");
	apply(&draft);
	assert_int_equal(cluster_audit(&cluster, NULL), HV_OK);
	cluster_commit(&cluster);
	for (unsigned i = 0; i < 2; i++) { /* one path, one identity */
		draft_init(&draft, &cluster);
		device = draft_edit_device(&draft, "h1", "d2");
		if (i == 0)
			draft_set_text(
				&draft, &device->device->path, "%s",
				cluster_device(&cluster, "h1", "d1")->device->path);
		else
			device->device->id.data[0] ^= 1;
		apply(&draft);
		must_fail_audit("do not lie one behind each VIOS");
	}
	draft_init(&draft, &cluster);
	lpar = draft_edit_lpar(&draft, "l1");
	draft_set_text(&draft, &lpar->device, "d2");
	apply(&draft);
	must_fail_audit("which does not use it"); /* d1 has nobody, d2 is both */
	draft_init(&draft, &cluster);
	lpar = draft_edit_lpar(&draft, "l1");
	free(lpar->mirror);
	lpar->mirror = NULL;
	apply(&draft);
	must_fail_audit("which does not use it");
	draft_init(&draft, &cluster);
	device = draft_edit_device(&draft, "h1", "d2");
	free(device->lpar);
	device->lpar = NULL;
	apply(&draft);
	must_fail_audit("uses device 'd2', which is not its own");
	draft_init(&draft, &cluster);
	lpar = draft_edit_lpar(&draft, "l1");
	free(lpar->mirror);
	lpar->mirror = NULL;
	draft_set_text(&draft, &lpar->primary, "vios2");
	device = draft_edit_device(&draft, "h1", "d2");
	free(device->lpar);
	device->lpar = NULL;
	apply(&draft);
	must_fail_audit("which is not its primary VIOS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_one, close_one)
		TEST(what_is_applied_is_there_and_can_be_taken_back),
		TEST(a_record_out_of_turn_is_stale_and_changes_nothing),
		TEST(a_rollback_does_not_hide_the_next_change_from_a_host),
		TEST(what_a_host_does_not_see_does_not_wake_it),
		TEST(events_jobs_and_drills_are_bounded_and_numbers_go_on),
		TEST(a_draft_hands_out_one_copy_of_a_record),
		TEST(a_record_is_loaded_once),
		TEST(the_audit_sees_what_does_not_hold_together),
		TEST(the_audit_sees_a_mirror_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
