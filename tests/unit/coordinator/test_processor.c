/* Processors of a running LPAR: changed at once, within what its profile and host allow. */
#include "coordinator/cluster/profile.h"
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(t) ((char *)(uintptr_t)(t))
#define ATTRIBUTES 9

static const char *const shared[ATTRIBUTES][2] = {
	{ "proc_mode", "shared" },
	{ "min_proc_units", "0.20" },
	{ "desired_proc_units", "0.5" },
	{ "max_proc_units", "1.50" },
	{ "min_procs", "1" },
	{ "desired_procs", "2" },
	{ "max_procs", "4" },
	{ "sharing_mode", "uncap" },
	{ "uncap_weight", "64" },
};
static const char *const dedicated[ATTRIBUTES][2] = {
	{ "proc_mode", "ded" },
	{ "min_procs", "1" },
	{ "desired_procs", "1" },
	{ "max_procs", "3" },
};

static struct hv_err err;
static Tarn__PlatformProfile platform;

static void know_processors(bool is_known)
{
	Tarn__HostRecord *record = (Tarn__HostRecord *)cluster_host(test_cluster(&c),
								    "h1");

	if (record->profile != NULL)
		tarn__platform_profile__free_unpacked(record->profile, NULL);
	record->profile = NULL;
	tarn__platform_profile__init(&platform);
	platform.name = TEXT("two");
	platform.title = TEXT("two processors");
	platform.processors = 2;
	if (is_known)
		record->profile = (Tarn__PlatformProfile *)record_copy(&platform.base);
}

static Tarn__MemoryMode made_mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;

static void create(const char *name, const char *const attributes[ATTRIBUTES][2])
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparCreate message = TARN__LPAR_CREATE__INIT;
	Tarn__LparSpec spec = TARN__LPAR_SPEC__INIT;
	Tarn__Workload workload = TARN__WORKLOAD__INIT;
	Tarn__LparProfile profile = TARN__LPAR_PROFILE__INIT;
	Tarn__LparAttribute rows[ATTRIBUTES], *list[ATTRIBUTES];

	workload.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	spec.name = TEXT(name);
	spec.mode = profile.mode = made_mode;
	spec.workload = &workload;
	spec.min_bytes = spec.mem_bytes = spec.max_bytes = 16 * MIB;
	profile.name = TEXT("normal");
	profile.min_bytes = profile.mem_bytes = profile.max_bytes = 16 * MIB;
	profile.attributes = list;
	for (size_t i = 0;
	     attributes != NULL && i < ATTRIBUTES && attributes[i][0] != NULL; i++) {
		tarn__lpar_attribute__init(&rows[i]);
		rows[i].name = TEXT(attributes[i][0]);
		rows[i].value = TEXT(attributes[i][1]);
		list[profile.n_attributes++] = &rows[i];
	}
	message.spec = &spec;
	message.host = TEXT("h1");
	message.profile = attributes != NULL ? &profile : NULL;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_CREATE;
	request.lpar_create = &message;
	assert_int_equal(test_change(&c, &request, &err, NULL), HV_OK);
}

static void start(const char *name)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparActivate message = TARN__LPAR_ACTIVATE__INIT;

	message.name = TEXT(name);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE;
	request.lpar_activate = &message;
	assert_int_equal(test_change(&c, &request, &err, NULL), HV_OK);
	test_settle(&c, &host);
}

static enum hv_code set(const char *name, const Tarn__LparSetProcessors *wanted)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparSetProcessors message = *wanted;

	message.name = TEXT(name);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SET_PROCESSORS;
	request.lpar_set_processors = &message;
	return test_change(&c, &request, &err, NULL);
}

static void what_runs_is_changed_at_once(void **state)
{
	Tarn__LparSetProcessors wanted = TARN__LPAR_SET_PROCESSORS__INIT;
	const Tarn__Processors *now;

	(void)state;
	know_processors(true);
	create("a", shared);
	start("a");
	wanted.has_units = true;
	wanted.units = 120;
	assert_int_equal(set("a", &wanted), HV_OK);
	now = lpar_of("a")->processors;
	assert_int_equal(now->units, 120);
	assert_int_equal(now->procs, 2);
	assert_true(now->uncapped);
	assert_int_equal(lpar_of("a")->granted_processors, 120);
	wanted.has_units = false;
	wanted.has_more_units = wanted.has_more_procs = true;
	wanted.more_units = -90;
	wanted.more_procs = 1;
	wanted.has_uncapped = wanted.has_weight = true;
	wanted.weight = 200;
	assert_int_equal(set("a", &wanted), HV_OK);
	now = lpar_of("a")->processors;
	assert_int_equal(now->units, 30);
	assert_int_equal(now->procs, 3);
	assert_false(now->uncapped);
	assert_int_equal(now->weight, 200);
	know_processors(false);
}

static void whole_processors_are_counted_whole(void **state)
{
	Tarn__LparSetProcessors wanted = TARN__LPAR_SET_PROCESSORS__INIT;

	(void)state;
	know_processors(true);
	create("d", dedicated);
	start("d");
	wanted.has_more_procs = true;
	wanted.more_procs = 1;
	assert_int_equal(set("d", &wanted), HV_OK);
	assert_int_equal(lpar_of("d")->granted_processors, 200);
	assert_int_equal(lpar_of("d")->processors->procs, 2);
	assert_int_equal(set("d", &wanted), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "1.00 more processors are needed, and host "
					 "'h1' has 0.00 of 2 free"));
	wanted.has_weight = true;
	assert_int_equal(set("d", &wanted), HV_E_INVAL);
	assert_non_null(strstr(err.text, "whole processors of its own"));
	know_processors(false);
}

struct refusal {
	Tarn__LparSetProcessors wanted;
	enum hv_code code;
	const char *text;
};

static void what_cannot_be_is_refused(void **state)
{
	Tarn__LparSetProcessors none = TARN__LPAR_SET_PROCESSORS__INIT;
	struct refusal cases[8];
	size_t n = 0;

	(void)state;
	know_processors(true);
	create("a", shared);
	create("b", shared);
	assert_int_equal(set("nobody", &none), HV_E_NOTFOUND);
	assert_int_equal(set("a", &none), HV_E_STATE);
	assert_non_null(strstr(err.text, "change its profile instead"));
	start("a");
	start("b");
	cases[n] = (struct refusal){ none, HV_E_INVAL,
				     "minimum 0.20 and its maximum 1.50" };
	cases[n].wanted.has_units = true;
	cases[n++].wanted.units = 151;
	cases[n] = (struct refusal){ none, HV_E_INVAL, "not between its minimum 1" };
	cases[n].wanted.has_procs = true;
	cases[n++].wanted.procs = 5;
	cases[n] = (struct refusal){ none, HV_E_INVAL, "for each of its 1 virtual" };
	cases[n].wanted.has_procs = cases[n].wanted.has_units = true;
	cases[n].wanted.units = 110;
	cases[n++].wanted.procs = 1;
	cases[n] = (struct refusal){ none, HV_E_INVAL, "weight 256 is not 0 to 255" };
	cases[n].wanted.has_weight = true;
	cases[n++].wanted.weight = 256;
	cases[n] = (struct refusal){ none, HV_E_INVAL, "no number of processors" };
	cases[n].wanted.has_more_units = true;
	cases[n++].wanted.more_units = -51;
	cases[n] = (struct refusal){ none, HV_E_INVAL, "no number of processors" };
	cases[n].wanted.has_procs = cases[n].wanted.has_more_procs = true;
	cases[n++].wanted.procs = 1;
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(set("a", &cases[i].wanted), cases[i].code);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].text);
		assert_int_equal(lpar_of("a")->granted_processors, 50);
	}
	none.has_more_units = true;
	none.more_units = 100; /* 1.00 is free */
	assert_int_equal(set("a", &none), HV_OK);
	none.more_units = 1;
	assert_int_equal(set("b", &none), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "has 0.00 of 2 free"));
	know_processors(false);
}

static void one_that_nobody_counts_can_be_given_some(void **state)
{
	Tarn__LparSetProcessors wanted = TARN__LPAR_SET_PROCESSORS__INIT;

	(void)state;
	create("plain", NULL);
	start("plain");
	assert_null(lpar_of("plain")->processors);
	wanted.has_units = true;
	wanted.units = 130;
	assert_int_equal(set("plain", &wanted), HV_OK);
	assert_int_equal(lpar_of("plain")->processors->procs, 2);
	assert_true(lpar_of("plain")->processors->uncapped);
	assert_false(lpar_of("plain")->has_granted_processors);
}

static void another_run_begins_with_its_profile(void **state)
{
	Tarn__LparSetProcessors wanted = TARN__LPAR_SET_PROCESSORS__INIT;

	(void)state;
	create("a", shared);
	start("a");
	wanted.has_units = true;
	wanted.units = 100;
	assert_int_equal(set("a", &wanted), HV_OK);
	assert_int_equal(test_lpar_shutdown(&c, "a", true, &err, NULL), HV_OK);
	assert_int_equal(set("a", &wanted), HV_E_BUSY);
	test_settle(&c, &host);
	start("a");
	assert_int_equal(lpar_of("a")->processors->units, 50);
}

/* One that was made before that was looked at when it is made. */
static void shared_memory_with_own_processors_does_not_start(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparActivate message = TARN__LPAR_ACTIVATE__INIT;
	Tarn__LparAttribute *mode;
	char *was;

	(void)state;
	made_mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	create("s", shared);
	made_mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	mode = lpar_of("s")->profiles[0]->attributes[0];
	was = mode->value;
	mode->value = TEXT("ded");
	message.name = TEXT("s");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE;
	request.lpar_activate = &message;
	assert_int_equal(test_change(&c, &request, &err, NULL), HV_E_REFUSED);
	assert_non_null(strstr(err.text, "needs shared processors; set proc_mode"));
	mode->value = was;
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(what_runs_is_changed_at_once),
		CLAIM(whole_processors_are_counted_whole),
		CLAIM(what_cannot_be_is_refused),
		CLAIM(one_that_nobody_counts_can_be_given_some),
		CLAIM(another_run_begins_with_its_profile),
		CLAIM(shared_memory_with_own_processors_does_not_start),
	};

	return cmocka_run_group_tests_name("processors", tests, NULL, NULL);
}
