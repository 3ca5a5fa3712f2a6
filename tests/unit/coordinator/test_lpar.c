/* LPARs: made, placed, started, ended, removed, and every way in which not. */
#include "tests/unit/coordinator/one_host.h"

#include "coordinator/cluster/limits.h"
#include "hvcore/wire/lpar_adapters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum hv_code create(const char *name, uint64_t mem, struct hv_err *err)
{
	struct test_lpar lpar = { .name = name, .host = "h1", .mem = mem };

	return test_lpar_create(&c, &lpar, err);
}

static void must_say(const struct hv_err *err, const char *says)
{
	if (strstr(err->text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err->text, says);
}

static void a_run_begins_and_ends(void **state)
{
	uint64_t job, run;

	(void)state;
	add_device("d1", 64 * MIB);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	assert_int_equal(lpar_of("db1")->spec->entitled_bytes, HV_LPAR_ENTITLED_LEAST);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, &job), HV_OK);
	assert_true(lpar_of("db1")->running);
	assert_string_equal(lpar_of("db1")->device, "d1");
	run = lpar_of("db1")->run_id;
	test_settle(&c, &host);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_false(lpar_of("db1")->has_job);
	assert_true(model_host_lpar(&host, "db1")->is_running);
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, &job), HV_OK);
	assert_string_equal(lpar_of("db1")->device, "d1"); /* until it has ended */
	test_settle(&c, &host);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_null(cluster_job(test_cluster(&c), job)->error);
	assert_null(lpar_of("db1")->device);
	assert_false(lpar_of("db1")->running);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	assert_true(lpar_of("db1")->run_id > run);
	test_settle(&c, &host);
	assert_null(host.broken);
}

/* A name that is used again has runs that its agent has never seen. */
static void run_ids_are_never_used_twice(void **state)
{
	uint64_t run;

	(void)state;
	add_device("d1", 64 * MIB);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	run = lpar_of("db1")->run_id;
	test_settle(&c, &host);
	assert_int_equal(test_lpar_shutdown(&c, "db1", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_remove(&c, "db1", NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	assert_true(lpar_of("db1")->run_id > run);
	test_settle(&c, &host);
	assert_true(model_host_lpar(&host, "db1")->is_running);
}

static void a_start_that_fails_gives_everything_back(void **state)
{
	uint64_t job;

	(void)state;
	add_device("d1", 64 * MIB);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	host.lpar_error = HV_E_NOMEM;
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(cluster_job(test_cluster(&c), job)->error->code, HV_E_IO);
	assert_false(lpar_of("db1")->running);
	assert_null(lpar_of("db1")->device);
	assert_null(cluster_device(test_cluster(&c), "h1", "d1")->lpar);
	assert_string_equal(lpar_of("db1")->last_end, "the model was told to fail");
	assert_false(lpar_of("db1")->ended_unasked); /* the job says that it failed */
}

static void a_run_that_ends_by_itself_is_off(void **state)
{
	const Tarn__Event *event;
	uint64_t run;

	(void)state;
	add_device("d1", 64 * MIB);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	run = lpar_of("db1")->run_id;
	model_host_end_lpar(&host, "db1");
	test_settle(&c, &host);
	assert_false(lpar_of("db1")->running);
	assert_int_equal(lpar_of("db1")->run_id, run);
	assert_null(cluster_device(test_cluster(&c), "h1", "d1")->lpar);
	event = cluster_event_at(test_cluster(&c),
				 cluster_count(test_cluster(&c), RECORD_EVENT) - 1);
	assert_string_equal(event->kind, "lpar.off");
	assert_int_equal(event->level, TARN__EVENT_LEVEL__EVENT_ERROR);
	/* It is not started again by anybody but a person, and shown until then. */
	test_settle(&c, &host);
	assert_false(model_host_lpar(&host, "db1")->is_running);
	assert_true(lpar_of("db1")->ended_unasked);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	assert_false(lpar_of("db1")->ended_unasked);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_false(limits_is_active(lpar_of("db1")));
	assert_false(lpar_of("db1")->ended_unasked);
}

static void a_shutdown_cancels_a_start(void **state)
{
	uint64_t start, stop;

	(void)state;
	add_device("d1", 64 * MIB);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, &start), HV_OK);
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, &stop), HV_OK);
	assert_int_equal(cluster_job(test_cluster(&c), start)->error->code,
			 HV_E_CANCELED);
	test_settle(&c, &host);
	assert_null(cluster_job(test_cluster(&c), stop)->error);
	assert_false(limits_is_active(lpar_of("db1")));
	assert_int_equal(host.runs_begun_count, 0);
}

static void wrong_commands_are_refused(void **state)
{
	struct hv_err err = { 0 };
	uint64_t first, second;

	(void)state;
	add_device("d1", 64 * MIB);
	assert_int_equal(test_lpar_activate(&c, "nix", &err, NULL), HV_E_NOTFOUND);
	assert_int_equal(test_lpar_shutdown(&c, "nix", false, &err, NULL), HV_E_NOTFOUND);
	assert_int_equal(test_lpar_remove(&c, "nix", &err), HV_E_NOTFOUND);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	assert_int_equal(create("db1", 64 * MIB, &err), HV_E_EXISTS);
	must_say(&err, "exists already on host 'h1'");
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, &err, NULL), HV_E_STATE);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_STATE);
	must_say(&err, "runs on host 'h1' already");
	test_settle(&c, &host);
	assert_int_equal(test_lpar_remove(&c, "db1", &err), HV_E_BUSY);
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, NULL, &first), HV_OK);
	assert_int_equal(test_lpar_shutdown(&c, "db1", false, &err, NULL), HV_E_BUSY);
	must_say(&err, "or use --immediate");
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_BUSY);
	assert_int_equal(test_lpar_shutdown(&c, "db1", true, NULL, &second), HV_OK);
	assert_int_equal(cluster_job(test_cluster(&c), first)->error->code,
			 HV_E_CANCELED);
	assert_int_equal(test_lpar_shutdown(&c, "db1", true, &err, NULL), HV_E_BUSY);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_remove(&c, "db1", NULL), HV_OK);
}

static void a_spec_that_is_wrong_in_itself_is_refused(void **state)
{
	struct test_lpar lpar = {
		.name = "db1", .host = "h1", .mem = 64 * MIB, .max = 32 * MIB
	};
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_INVAL);
	must_say(&err, "maximum 32 MiB is less than memory 64 MiB");
	lpar.max = 0;
	lpar.host = "h9";
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_NOTFOUND);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_LPAR), 0);
}

static void what_could_never_run_on_a_host_is_refused_there(void **state)
{
	struct test_lpar big = {
		.name = "big", .host = "h1", .is_dedicated = true, .mem = 1024 * MIB
	};
	struct test_lpar shared = { .name = "s", .host = "h2", .mem = 64 * MIB };
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(create("db1", 1025 * MIB, &err), HV_E_LIMIT);
	must_say(&err, "more than 4 times the pool of host 'h1' (1 GiB)");
	assert_int_equal(test_lpar_create(&c, &big, &err), HV_E_LIMIT);
	must_say(&err, "beside its hypervisor");
	assert_int_equal(test_host_add(&c, "h2"), HV_OK);
	assert_int_equal(test_lpar_create(&c, &shared, &err), HV_E_STATE);
	must_say(&err, "'tarn pool create'");
}

/* Named by a person, an LPAR may be made where only what may pass is short. */
static void a_named_host_takes_what_is_short_only_now(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK); /* no device yet */
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_NOSPC);
	must_say(&err, "host 'h1' has none free; add one with 'tarn pgdev add'");
	add_device("d1", 32 * MIB);
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_NOSPC);
	must_say(&err, "the largest of host 'h1' holds 32 MiB");
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_JOB),
			 2); /* pool, pgdev */
}

static void the_smallest_sufficient_device_is_taken(void **state)
{
	(void)state;
	add_device("d1", 128 * MIB);
	add_device("d2", 64 * MIB);
	add_device("d3", 80 * MIB);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	assert_int_equal(create("db2", 65 * MIB, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db2", NULL, NULL), HV_OK);
	assert_string_equal(lpar_of("db1")->device, "d2"); /* exactly the maximum: P11 */
	assert_string_equal(lpar_of("db2")->device, "d3");
}

static void activation_needs_a_pair_unless_it_does_not(void **state)
{
	struct test_lpar lpar = { .name = "solo",
				  .host = "h1",
				  .mem = 64 * MIB,
				  .redundancy = TARN__REDUNDANCY__REDUNDANCY_NONE };
	struct hv_err err = { 0 };

	(void)state;
	add_device("d1", 64 * MIB);
	add_device("d2", 64 * MIB);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	host.vios_stay_down = true;
	model_host_kill_vios(&host, 1);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_STATE);
	must_say(
		&err,
		"needs a redundant pair of paging VIOS, and host 'h1' has 1 that serves");
	assert_int_equal(test_lpar_activate(&c, "solo", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	model_host_kill_vios(&host, 0);
	assert_int_equal(test_lpar_shutdown(&c, "solo", false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "solo", &err, NULL), HV_E_STATE);
	must_say(&err, "no paging VIOS of host 'h1' serves");
}

static void entitlement_and_overcommit_are_checked_at_activation(void **state)
{
	struct test_lpar lpar = {
		.name = "e1", .host = "h1", .mem = 200 * MIB, .entitled = 150 * MIB
	};
	struct hv_err err = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 4; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "d%u", i);
		add_device(name, 512 * MIB);
	}
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	lpar.name = "e2";
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "e1", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "e2", &err, NULL), HV_E_LIMIT);
	must_say(&err, "entitled memory of 150 MiB does not fit the pool of host 'h1', "
		       "which has 97 MiB left");
	assert_int_equal(create("o1", 500 * MIB, NULL), HV_OK);
	assert_int_equal(create("o2", 500 * MIB, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "o1", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "o2", &err, NULL), HV_E_LIMIT);
	must_say(&err, "more than 4 times its pool");
}

static void adapters_count_for_the_entitlement(void **state)
{
	struct test_lpar lpar = {
		.name = "io1", .host = "h1", .mem = 64 * MIB, .disks = 2, .ethernets = 1
	};
	const uint64_t needs = (1536 + 2 * 8 + 256) << 10;
	struct hv_err err = { 0 };

	(void)state;
	add_device("d1", 64 * MIB);
	add_device("d2", 512 * MIB);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(lpar_of("io1")->spec->entitled_bytes, needs);
	assert_true(lpar_of("io1")->spec->entitled_auto);
	assert_int_equal(test_lpar_activate(&c, "io1", NULL, NULL), HV_OK);
	assert_int_equal(lpar_of("io1")->spec->n_disks, 2); /* as its profile says */
	assert_int_equal(lpar_of("io1")->spec->n_ethernets, 1);
	assert_int_equal(lpar_of("io1")->spec->entitled_bytes, needs);
	assert_true(lpar_of("io1")->spec->entitled_auto);
	/* no other definition ever has that number: what lies on its disks is its own */
	assert_int_not_equal(lpar_of("io1")->made, 0);
	assert_int_equal(create("io3", 64 * MIB, NULL), HV_OK);
	assert_int_not_equal(lpar_of("io1")->made, lpar_of("io3")->made);
	lpar = (struct test_lpar){ .name = "io2",
				   .host = "h1",
				   .mem = 300 * MIB,
				   .entitled = 246 * MIB,
				   .ethernets = 1 };
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "io2", &err, NULL), HV_E_LIMIT);
	must_say(&err, "entitled memory of 246 MiB does not fit the pool of host 'h1', "
		       "which has 245 MiB left");
}

/* What is measured to be used counts, where it is known; what is off, in full. */
static void memory_that_is_not_used_is_promised_again(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 3; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "d%u", i);
		add_device(name, 512 * MIB);
	}
	for (unsigned i = 1; i <= 3; i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "o%u", i);
		assert_int_equal(create(name, 460 * MIB, NULL), HV_OK);
	}
	assert_int_equal(test_lpar_activate(&c, "o1", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "o2", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "o3", &err, NULL), HV_E_LIMIT);
	must_say(&err, "makes the working sets of host 'h1' more than 4 times");
	model_host_lpar(&host, "o1")->want_pages = 40 * MIB / HV_PAGE_BYTES;
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "o3", &err, NULL), HV_OK);
	/* more than it has is no working set */
	model_host_lpar(&host, "o1")->want_pages = UINT64_MAX;
	assert_int_equal(test_report(&c, &host, NULL), HV_OK);
	assert_int_equal(limits_working_bytes(test_cluster(&c),
					      cluster_lpar(test_cluster(&c), "o1")),
			 460 * MIB);
}

/* SPEC D1 */
static void a_dedicated_lpar_takes_what_is_free_but_not_less_than_its_minimum(
	void **state)
{
	struct test_lpar lpar = { .name = "a",
				  .host = "h1",
				  .is_dedicated = true,
				  .mem = 512 * MIB,
				  .min = 128 * MIB };
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	lpar.name = "b";
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	lpar.name = "d";
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "a", NULL, NULL), HV_OK);
	assert_int_equal(lpar_of("a")->granted_bytes, 512 * MIB);
	assert_int_equal(test_lpar_activate(&c, "b", NULL, NULL), HV_OK);
	assert_int_equal(lpar_of("b")->granted_bytes, (1024 - 16 - 256 - 512) * MIB);
	test_settle(&c, &host);
	assert_int_equal(model_host_lpar(&host, "b")->mem_bytes, 240 * MIB);
	assert_int_equal(test_lpar_activate(&c, "d", &err, NULL), HV_E_LIMIT);
	must_say(&err, "needs at least 128 MiB, and host 'h1' has 0 B free (0 LMB)");
	assert_int_equal(test_pool(&c, "h1", 272 * MIB, 512 * MIB, false, &err, NULL),
			 HV_E_LIMIT);
	assert_int_equal(test_lpar_shutdown(&c, "a", false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "d", NULL, NULL), HV_OK);
	assert_int_equal(lpar_of("d")->granted_bytes, 512 * MIB);
}

/* SPEC S5, among what is configured. */
static void shared_partitions_of_a_pool_are_at_most_128(void **state)
{
	struct test_lpar lpar = { .host = "h1", .mem = 4 * MIB };
	struct hv_err err = { 0 };
	char name[HV_NAME_BYTES];

	(void)state;
	for (unsigned i = 0; i < MODEL_DEVICES; i++) {
		(void)snprintf(name, sizeof(name), "d%u", i);
		add_device(name, 4 * MIB);
	}
	for (unsigned i = 0; i <= LIMITS_SHARED_MAX; i++) {
		(void)snprintf(name, sizeof(name), "l%u", i);
		lpar.name = name;
		assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_OK);
	}
	lpar.name = "placed";
	lpar.host = NULL;
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_NOFIT);
	must_say(&err, "1 with 128 shared partitions already");
}

static void a_silent_host_starts_nothing(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	add_device("d1", 64 * MIB);
	assert_int_equal(create("db1", 64 * MIB, NULL), HV_OK);
	test_coordinator_run(&c, LIVE_SILENT_MS);
	assert_int_equal(test_lpar_activate(&c, "db1", &err, NULL), HV_E_STATE);
	must_say(&err, "has not reported for 6 s");
}

static void the_coordinator_places(void **state)
{
	struct test_lpar lpar = { .name = "p1", .mem = 64 * MIB };
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_NOFIT);
	must_say(&err,
		 "no host takes LPAR 'p1': 1 host: 1 without a free redundant paging "
		 "device of 64 MiB; nearest: h1");
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_LPAR), 0);
	add_device("d1", 64 * MIB);
	bring_second();
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_OK);
	assert_string_equal(lpar_of("p1")->host, "h1"); /* equal: the lowest */
	lpar.name = "p2";
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_OK);
	assert_string_equal(lpar_of("p2")->host, "h2"); /* configured ones count */
	lpar.name = "p3";
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_NOFIT);
	must_say(&err, "2 hosts: 2 without a free redundant paging device");
}

static void a_dry_run_changes_nothing_and_explains(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparCreate dry = TARN__LPAR_CREATE__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	uint64_t revision = test_cluster(&c)->now.revision;
	Tarn__ClusterReply *reply;

	(void)state;
	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.name = (char *)"db1";
	spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	spec.min_bytes = spec.mem_bytes = spec.max_bytes = 64 * MIB;
	spec.workload = &workload;
	dry.spec = &spec;
	dry.has_dry_run = 1;
	dry.dry_run = true;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &dry;
	reply = test_ask(&c, &request);
	assert_null(reply->error);
	assert_string_equal(reply->placement->host, "h1");
	assert_string_equal(reply->placement->text, "1 host: 1 fits; chosen: h1");
	assert_int_equal(reply->placement->n_reasons, 1);
	assert_true(reply->placement->reasons[0]->fits);
	test_reply_free(reply);
	spec.max_bytes = spec.mem_bytes = 900 * MIB;
	reply = test_ask(&c, &request);
	assert_null(reply->error);
	assert_null(reply->placement->host);
	assert_string_equal(reply->placement->reasons[0]->text,
			    "free memory short by 10 LMB");
	test_reply_free(reply);
	dry.host = (char *)"h9";
	reply = test_ask(&c, &request);
	assert_int_equal(reply->error->code, HV_E_NOTFOUND);
	test_reply_free(reply);
	assert_int_equal(test_cluster(&c)->now.revision, revision);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)
		TEST(a_run_begins_and_ends),
		TEST(run_ids_are_never_used_twice),
		TEST(a_start_that_fails_gives_everything_back),
		TEST(a_run_that_ends_by_itself_is_off),
		TEST(a_shutdown_cancels_a_start),
		TEST(wrong_commands_are_refused),
		TEST(a_spec_that_is_wrong_in_itself_is_refused),
		TEST(what_could_never_run_on_a_host_is_refused_there),
		TEST(a_named_host_takes_what_is_short_only_now),
		TEST(the_smallest_sufficient_device_is_taken),
		TEST(activation_needs_a_pair_unless_it_does_not),
		TEST(entitlement_and_overcommit_are_checked_at_activation),
		TEST(adapters_count_for_the_entitlement),
		TEST(memory_that_is_not_used_is_promised_again),
		TEST(a_dedicated_lpar_takes_what_is_free_but_not_less_than_its_minimum),
		TEST(shared_partitions_of_a_pool_are_at_most_128),
		TEST(a_silent_host_starts_nothing),
		TEST(the_coordinator_places),
		TEST(a_dry_run_changes_nothing_and_explains),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
