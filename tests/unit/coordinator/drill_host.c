/* drill_host - see drill_host.h. */
#include "tests/unit/coordinator/drill_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A host with two running LPARs that page, and a dedicated one. */
int open_drill(void **state)
{
	struct test_lpar lpar = { .name = "db1", .host = "h1", .mem = 64 * MIB };

	(void)open_up(state);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 64 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(test_pgdev(&c, "h1", "d2", 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	lpar.name = "db2";
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	lpar.name = "batch";
	lpar.is_dedicated = true;
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db2", NULL, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "batch", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	model_host_work(&host);
	test_settle(&c, &host);
	return 0;
}

const Tarn__DrillRecord *drill(void)
{
	size_t count = cluster_count(test_cluster(&c), RECORD_DRILL);

	return count == 0 ? NULL : cluster_drill_at(test_cluster(&c), count - 1);
}

bool is_done(void)
{
	return strcmp(drill()->phase, "done") == 0;
}

/* Time passes, the host works and reports, until the drill is done or in a phase. */
void run_until(const char *phase, unsigned seconds)
{
	for (unsigned i = 0; i < 4 * seconds && !is_done(); i++) {
		if (strcmp(drill()->phase, phase) == 0)
			return;
		test_coordinator_run(&c, 250);
		if (c.is_killed)
			test_coordinator_restart(&c);
		model_host_work(&host);
		test_settle(&c, &host);
	}
}

uint64_t start(Tarn__DrillKind kind)
{
	struct hv_err err = { 0 };
	uint64_t job;

	if (test_drill(&c, kind, "h1", NULL, &err, &job) != HV_OK)
		fail_msg("%s", err.text);
	return job;
}

void must_be(const char *verdict, const char *says)
{
	assert_true(is_done());
	if (strcmp(drill()->verdict, verdict) != 0 ||
	    strstr(drill()->reason, says) == NULL)
		fail_msg("verdict %s: %s", drill()->verdict, drill()->reason);
	assert_false(cluster_host(test_cluster(&c), "h1")->vios[0]->maintenance);
	assert_false(cluster_host(test_cluster(&c), "h1")->vios[1]->maintenance);
	assert_int_equal(cluster_count(test_cluster(&c), RECORD_OP), 0);
}

bool has_step(const char *says)
{
	for (size_t i = 0; i < drill()->n_steps; i++) {
		if (strstr(drill()->steps[i]->text, says) != NULL)
			return true;
	}
	return false;
}

void must_refuse(enum hv_code expected, Tarn__DrillKind kind, const char *vios,
		 const char *says)
{
	struct hv_err err = { 0 };

	assert_int_equal(test_drill(&c, kind, "h1", vios, &err, NULL), expected);
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
	assert_null(drill());
}

void restart_in_each_phase(Tarn__DrillKind kind)
{
	static const char *const phases[] = { "ready", "inject", "switch", "restore",
					      "verify" };

	(void)start(kind);
	for (size_t i = 0; i < HV_COUNT(phases); i++) {
		run_until(phases[i], 60);
		test_coordinator_restart(&c);
		test_settle(&c, &host);
	}
	run_until("done", 60);
}
