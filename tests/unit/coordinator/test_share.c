/* Weight and entitled memory of a shared LPAR, of one that runs and of one that is off. */
#include "tests/unit/coordinator/one_host.h"

#include "coordinator/cluster/desired.h"
#include "hvcore/wire/lpar_adapters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(t) ((char *)(uintptr_t)(t))

static struct hv_err err;

static const Tarn__LparSpec *spec_of(const char *name)
{
	return cluster_lpar(test_cluster(&c), name)->spec;
}

static enum hv_code set(const char *name, const Tarn__LparSetMemory *wanted)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparSetMemory message = *wanted;

	message.name = TEXT(name);
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SET_MEMORY;
	request.lpar_set_memory = &message;
	return test_change(&c, &request, &err, NULL);
}

static enum hv_code set_weight(const char *name, uint32_t weight)
{
	Tarn__LparSetMemory wanted = TARN__LPAR_SET_MEMORY__INIT;

	wanted.has_weight = 1;
	wanted.weight = weight;
	return set(name, &wanted);
}

static enum hv_code set_entitled(const char *name, uint64_t bytes)
{
	Tarn__LparSetMemory wanted = TARN__LPAR_SET_MEMORY__INIT;

	wanted.has_entitled_bytes = 1;
	wanted.entitled_bytes = bytes;
	return set(name, &wanted);
}

static void create(const char *name, uint64_t mem, bool is_dedicated)
{
	struct test_lpar lpar = {
		.name = name, .host = "h1", .mem = mem, .is_dedicated = is_dedicated
	};

	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
}

static void start(const char *name)
{
	char device[16];

	(void)snprintf(device, sizeof(device), "of-%s", name);
	assert_int_equal(test_pgdev(&c, "h1", device, 512 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, name, &err, NULL), HV_OK);
	test_settle(&c, &host);
}

static void says(const char *text)
{
	if (strstr(err.text, text) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, text);
}

/* What its host is told of the LPAR. */
static void is_desired(const char *name, uint32_t weight, uint64_t entitled)
{
	Tarn__HostDesired *desired;
	bool is_there = false;

	assert_int_equal(desired_make(test_cluster(&c),
				      cluster_host(test_cluster(&c), "h1"), 1, &desired,
				      NULL),
			 HV_OK);
	for (size_t i = 0; i < desired->n_lpars; i++) {
		const Tarn__LparSpec *spec = desired->lpars[i]->spec;

		if (strcmp(spec->name, name) != 0)
			continue;
		is_there = true;
		assert_int_equal(spec->weight, weight);
		assert_int_equal(spec->entitled_bytes, entitled);
	}
	assert_true(is_there);
	desired_free(desired);
}

static void what_runs_is_changed_at_once(void **state)
{
	Tarn__LparSetMemory both = TARN__LPAR_SET_MEMORY__INIT;

	(void)state;
	create("a", 64 * MIB, false);
	start("a");
	is_desired("a", 128, HV_LPAR_ENTITLED_LEAST);
	assert_int_equal(set_weight("a", 0), HV_OK);
	is_desired("a", 0, HV_LPAR_ENTITLED_LEAST);
	assert_int_equal(set_entitled("a", 8 * MIB), HV_OK);
	is_desired("a", 0, 8 * MIB);
	assert_true(cluster_lpar(test_cluster(&c), "a")->running);
	both.has_weight = both.has_entitled_bytes = 1;
	both.weight = 255;
	both.entitled_bytes = 0; /* auto */
	assert_int_equal(set("a", &both), HV_OK);
	is_desired("a", 255, HV_LPAR_ENTITLED_LEAST);
	assert_int_equal(set_entitled("a", 2 * MIB + 1), HV_OK); /* whole pages */
	is_desired("a", 255, 2 * MIB + HV_PAGE_BYTES);
}

/* And stays for the next run, as no profile is named. */
static void what_is_off_is_defined_anew(void **state)
{
	(void)state;
	create("a", 64 * MIB, false);
	assert_int_equal(set_weight("a", 7), HV_OK);
	assert_int_equal(set_entitled("a", 64 * MIB), HV_OK);
	assert_int_equal(spec_of("a")->weight, 7);
	assert_int_equal(spec_of("a")->entitled_bytes, 64 * MIB);
}

static void set_mode(const char *name, Tarn__MemoryMode mode)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ProfileSet profile_set = TARN__PROFILE_SET__INIT;
	Tarn__LparProfile *was = cluster_lpar(test_cluster(&c), name)->profiles[0];
	Tarn__LparProfile profile = *was;

	profile.mode = mode;
	profile_set.lpar = TEXT(name);
	profile_set.profile = &profile;
	profile_set.was = was;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
	request.profile_set = &profile_set;
	assert_int_equal(test_change(&c, &request, &err, NULL), HV_OK);
}

/* What it would begin with, not what it was made with. */
static void one_that_never_ran_is_what_its_profile_says(void **state)
{
	(void)state;
	create("a", 64 * MIB, true);
	create("b", 64 * MIB, false);
	set_mode("a", TARN__MEMORY_MODE__MEMORY_MODE_SHARED);
	set_mode("b", TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED);
	assert_int_equal(set_weight("a", 7), HV_OK);
	assert_int_equal(spec_of("a")->mode, TARN__MEMORY_MODE__MEMORY_MODE_SHARED);
	assert_int_equal(spec_of("a")->weight, 7);
	assert_int_equal(set_weight("b", 7), HV_E_INVAL);
	says("dedicated memory");
}

static void another_run_has_what_was_set(void **state)
{
	(void)state;
	create("a", 64 * MIB, false);
	start("a");
	assert_int_equal(set_weight("a", 7), HV_OK);
	assert_int_equal(test_lpar_shutdown(&c, "a", true, &err, NULL), HV_OK);
	assert_int_equal(set_weight("a", 8), HV_E_BUSY);
	says("is being shut down");
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "a", &err, NULL), HV_OK);
	test_settle(&c, &host);
	is_desired("a", 7, HV_LPAR_ENTITLED_LEAST);
}

/* The pool has 256 MiB. */
static void no_more_is_guaranteed_than_the_pool_has(void **state)
{
	(void)state;
	create("a", 200 * MIB, false);
	create("b", 200 * MIB, false);
	start("a");
	start("b");
	assert_int_equal(set_entitled("a", 150 * MIB), HV_OK);
	assert_int_equal(set_entitled("b", 120 * MIB), HV_E_LIMIT);
	says("LPAR 'b': entitled memory of 120 MiB does not fit the pool of host 'h1', "
	     "which has 97 MiB for it");
	is_desired("b", 128, HV_LPAR_ENTITLED_LEAST);
	assert_int_equal(set_entitled("b", 90 * MIB), HV_OK);
	assert_int_equal(set_entitled("a", 180 * MIB),
			 HV_E_LIMIT); /* its own counts once */
	assert_int_equal(set_entitled("b", 0), HV_OK);
	assert_int_equal(set_entitled("a", 180 * MIB), HV_OK);
	create("c", 200 * MIB, false); /* off: activation looks */
	assert_int_equal(set_entitled("c", 200 * MIB), HV_OK);
	assert_int_equal(test_pgdev(&c, "h1", "dc", 512 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "c", &err, NULL), HV_E_LIMIT);
	says("does not fit the pool");
}

/* Its hypervisor guarantees it until it was told otherwise. */
static void what_was_lowered_is_free_once_it_was_given(void **state)
{
	(void)state;
	create("a", 200 * MIB, false);
	create("b", 200 * MIB, false);
	create("late", 200 * MIB, false);
	start("a");
	start("b");
	assert_int_equal(test_pgdev(&c, "h1", "dl", 512 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(set_entitled("a", 150 * MIB), HV_OK);
	assert_int_equal(set_entitled("late", 120 * MIB), HV_OK);
	test_settle(&c, &host);
	host.is_slow_to_share = true;
	assert_int_equal(set_entitled("a", 50 * MIB), HV_OK);
	assert_int_equal(set_entitled("b", 120 * MIB), HV_E_LIMIT);
	says("which has 97 MiB for it");
	assert_int_equal(test_lpar_activate(&c, "late", &err, NULL), HV_E_LIMIT);
	assert_int_equal(test_pool(&c, "h1", 144 * MIB, 512 * MIB, false, &err, NULL),
			 HV_E_LIMIT);
	test_settle(&c, &host);
	assert_int_equal(set_entitled("b", 120 * MIB), HV_E_LIMIT);
	assert_int_equal(set_entitled("a", 150 * MIB), HV_OK); /* it is its own still */
	assert_int_equal(set_entitled("a", 50 * MIB), HV_OK);
	host.is_slow_to_share = false;
	test_settle(&c, &host);
	assert_int_equal(set_entitled("b", 120 * MIB), HV_OK);
}

/* A report promises nobody more than his memory, and nothing that the audit counts. */
static void what_a_host_says_of_it_is_bounded(void **state)
{
	(void)state;
	create("a", 64 * MIB, false);
	create("b", 200 * MIB, false);
	start("a");
	start("b");
	host.is_slow_to_share = true;
	model_host_lpar(&host, "a")->entitled_bytes = UINT64_MAX;
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_int_equal(set_entitled("b", 190 * MIB), HV_E_LIMIT);
	says("which has 183 MiB for it");
	assert_int_equal(set_entitled("b", 183 * MIB), HV_OK);
}

static void what_cannot_be_is_refused(void **state)
{
	Tarn__LparSetMemory none = TARN__LPAR_SET_MEMORY__INIT;

	(void)state;
	create("a", 64 * MIB, false);
	create("d", 64 * MIB, true);
	start("a");
	assert_int_equal(set_weight("nobody", 1), HV_E_NOTFOUND);
	assert_int_equal(set_weight("d", 1), HV_E_INVAL);
	says("dedicated memory");
	assert_int_equal(set("a", &none), HV_E_INVAL);
	assert_int_equal(set_weight("a", 256), HV_E_INVAL);
	says("weight 256 is not 0 to 255");
	assert_int_equal(set_entitled("a", MIB), HV_E_INVAL);
	says("entitled memory of 1 MiB is less than what its adapters need");
	assert_int_equal(set_entitled("a", 65 * MIB), HV_E_INVAL);
	says("is more than its memory, 64 MiB");
	assert_int_equal(set_entitled("a", UINT64_MAX), HV_E_LIMIT);
	is_desired("a", 128, HV_LPAR_ENTITLED_LEAST);
}

static void what_is_mapped_stays_guaranteed(void **state)
{
	struct model_lpar *model;

	(void)state;
	create("a", 64 * MIB, false);
	start("a");
	assert_int_equal(set_entitled("a", 32 * MIB), HV_OK);
	model = model_host_lpar(&host, "a");
	model->io_mapped_bytes = 20 * MIB;
	assert_int_equal(test_report(&c, &host, &err), HV_OK);
	assert_int_equal(set_entitled("a", 20 * MIB - 1), HV_OK); /* whole pages */
	assert_int_equal(set_entitled("a", 16 * MIB), HV_E_LIMIT);
	says("is less than what is mapped for its I/O now, 20 MiB");
	assert_int_equal(set_entitled("a", 0), HV_E_LIMIT);
	assert_int_equal(set_weight("a", 3), HV_OK);
	is_desired("a", 3, 20 * MIB);
}

/* Neither what goes nor what comes: either may not happen. */
static void what_is_being_given_or_taken_does_not_count(void **state)
{
	struct test_lpar lpar = { .name = "a",
				  .host = "h1",
				  .mem = 128 * MIB,
				  .min = 16 * MIB,
				  .max = 256 * MIB };

	(void)state;
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	start("a");
	assert_int_equal(test_lpar_resize(&c, "a", 64 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(set_entitled("a", 65 * MIB), HV_E_INVAL);
	assert_int_equal(set_entitled("a", 64 * MIB), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_resize(&c, "a", 96 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(set_entitled("a", 65 * MIB), HV_E_INVAL);
	test_settle(&c, &host);
	assert_int_equal(set_entitled("a", 65 * MIB), HV_OK);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, open_up, close_one)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CLAIM(what_runs_is_changed_at_once),
		CLAIM(what_is_off_is_defined_anew),
		CLAIM(one_that_never_ran_is_what_its_profile_says),
		CLAIM(another_run_has_what_was_set),
		CLAIM(no_more_is_guaranteed_than_the_pool_has),
		CLAIM(what_was_lowered_is_free_once_it_was_given),
		CLAIM(what_a_host_says_of_it_is_bounded),
		CLAIM(what_cannot_be_is_refused),
		CLAIM(what_is_mapped_stays_guaranteed),
		CLAIM(what_is_being_given_or_taken_does_not_count),
	};

	return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
