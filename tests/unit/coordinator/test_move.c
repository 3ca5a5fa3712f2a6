/* Memory that moves from one LPAR to another, and what one that is off keeps. */
#include "tests/unit/coordinator/one_host.h"

#include "coordinator/cluster/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LONG_NAME "a-name-that-is-longer-than-any-name-may-be"

static const Tarn__JobRecord *job_of(uint64_t id)
{
	return cluster_job(test_cluster(&c), id);
}

static uint64_t mib_of(const char *name)
{
	return lpar_of(name)->spec->mem_bytes / MIB;
}

static uint64_t free_bytes(void)
{
	struct host_use use = limits_use(
		test_cluster(&c), cluster_host(test_cluster(&c), "h1"), LIMITS_RUNNING);

	return limits_free_bytes(&use);
}

static void create(const char *name, bool is_dedicated)
{
	struct test_lpar lpar = { .name = name,
				  .host = "h1",
				  .is_dedicated = is_dedicated,
				  .mem = 128 * MIB,
				  .min = 32 * MIB,
				  .max = 256 * MIB };

	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
}

/* Dedicated "a", "b" and a shared "s" run with 128 of 32 to 256 MiB; "off" does not. */
static int open_running(void **state)
{
	static const char *const names[] = { "a", "b", "s" };

	(void)open_up(state);
	create("a", true);
	create("b", true);
	create("s", false);
	create("off", true);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 256 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	for (size_t i = 0; i < HV_COUNT(names); i++)
		assert_int_equal(test_lpar_activate(&c, names[i], NULL, NULL), HV_OK);
	test_settle(&c, &host);
	return 0;
}

static uint64_t move(uint64_t mib)
{
	uint64_t job = 0;

	assert_int_equal(test_lpar_move_memory(&c, "a", "b", mib * MIB, NULL, &job),
			 HV_OK);
	return job;
}

static void expect_idle(const char *name)
{
	assert_null(lpar_of(name)->resize);
	assert_null(lpar_of(name)->resize_to);
	assert_null(lpar_of(name)->awaits);
	assert_null(lpar_of(name)->move_error);
	assert_false(lpar_of(name)->has_move_bytes);
}

static void memory_moves(void **state)
{
	uint64_t before = free_bytes(), job = move(64);

	(void)state;
	assert_int_equal(mib_of("b"), 128); /* nothing is promised before it is given */
	test_settle(&c, &host);
	assert_true(job_of(job)->done);
	assert_null(job_of(job)->error);
	assert_int_equal(mib_of("a"), 64);
	assert_int_equal(mib_of("b"), 192);
	assert_int_equal(model_host_lpar(&host, "a")->mem_bytes, 64 * MIB);
	assert_int_equal(model_host_lpar(&host, "b")->mem_bytes, 192 * MIB);
	assert_int_equal(free_bytes(), before);
	expect_idle("a");
	expect_idle("b");
}

static void a_part_moves_and_is_told(void **state)
{
	uint64_t job;

	(void)state;
	host.gives_at_most = 40 * MIB;
	job = move(64);
	test_settle(&c, &host);
	assert_string_equal(job_of(job)->error->text,
			    "LPAR 'b': requested 64 MiB, moved 32 MiB: the model was "
			    "told to fail");
	assert_int_equal(mib_of("b"), 160); /* whole LMBs of what was given */
	assert_int_equal(lpar_of("a")->granted_bytes, 88 * MIB);
	expect_idle("a");
	expect_idle("b");
}

static void nothing_that_was_given_moves_nothing(void **state)
{
	uint64_t job;

	(void)state;
	host.gives_at_most = 4096;
	job = move(64);
	test_settle(&c, &host);
	assert_non_null(
		strstr(job_of(job)->error->text, "requested 64 MiB, removed 4 K"));
	assert_int_equal(mib_of("b"), 128);
	expect_idle("b");
}

static void a_receiver_that_ends_leaves_the_memory_free(void **state)
{
	uint64_t job;

	(void)state;
	host.is_slow_to_resize = true;
	job = move(64);
	test_settle(&c, &host);
	assert_string_equal(lpar_of("b")->awaits, "a");
	model_host_end_lpar(&host, "b");
	test_settle(&c, &host);
	assert_null(lpar_of("b")->awaits);
	assert_false(job_of(job)->done);
	host.is_slow_to_resize = false;
	test_settle(&c, &host);
	assert_int_equal(job_of(job)->error->code, HV_E_GONE);
	assert_non_null(strstr(job_of(job)->error->text, "the memory is free"));
	assert_int_equal(mib_of("a"), 64);
	assert_int_equal(mib_of("b"), 128);
	expect_idle("a");
}

static void a_giver_that_ends_gives_nothing(void **state)
{
	uint64_t job;

	(void)state;
	host.is_slow_to_resize = true;
	job = move(64);
	test_settle(&c, &host);
	model_host_end_lpar(&host, "a");
	test_settle(&c, &host);
	assert_int_equal(job_of(job)->error->code, HV_E_GONE);
	assert_int_equal(mib_of("a"), 128);
	assert_int_equal(mib_of("b"), 128);
	expect_idle("b");
}

static void a_receiver_being_shut_down_gets_nothing(void **state)
{
	uint64_t job;

	(void)state;
	host.is_slow_to_resize = true;
	job = move(64);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_shutdown(&c, "b", false, NULL, NULL), HV_OK);
	host.is_slow_to_resize = false;
	test_settle(&c, &host);
	assert_int_equal(job_of(job)->error->code, HV_E_GONE);
	expect_idle("b");
	assert_int_equal(mib_of("b"), 128);
}

static void a_move_goes_on_after_a_restart(void **state)
{
	uint64_t job;

	(void)state;
	host.is_slow_to_resize = true;
	job = move(32);
	test_settle(&c, &host);
	test_coordinator_restart(&c);
	model_host_restart(&host);
	host.is_slow_to_resize = false;
	test_settle(&c, &host);
	assert_true(job_of(job)->done);
	assert_int_equal(mib_of("a") + mib_of("b"), 256);
	assert_int_equal(mib_of("b"), 160);
}

static void one_change_at_a_time(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	host.is_slow_to_resize = true;
	(void)move(64);
	assert_int_equal(test_lpar_resize(&c, "b", 64 * MIB, &err, NULL), HV_E_BUSY);
	assert_non_null(strstr(err.text, "is being given memory of LPAR 'a'"));
	assert_int_equal(test_lpar_resize(&c, "a", 96 * MIB, &err, NULL), HV_E_BUSY);
	assert_int_equal(test_lpar_move_memory(&c, "b", "a", 16 * MIB, &err, NULL),
			 HV_E_BUSY);
}

struct refusal {
	const char *from, *to;
	uint64_t mib;
	enum hv_code code;
	const char *text;
};

static void what_cannot_be_is_refused(void **state)
{
	static const struct refusal cases[] = {
		{ "a", LONG_NAME, 16, HV_E_INVAL, "to" },
		{ LONG_NAME, "b", 16, HV_E_INVAL, "name" },
		{ "nobody", "b", 16, HV_E_NOTFOUND, "'nobody' is not known" },
		{ "a", "nobody", 16, HV_E_NOTFOUND, "'nobody' is not known" },
		{ "a", "a", 16, HV_E_INVAL, "its own memory" },
		{ "a", "s", 16, HV_E_INVAL, "are not the same" },
		{ "a", "off", 16, HV_E_STATE, "'off' does not run" },
		{ "off", "a", 16, HV_E_STATE, "'off' does not run" },
		{ "a", "b", 0, HV_E_INVAL, "nothing to move" },
		{ "a", "b", 24, HV_E_INVAL, "is not whole memory blocks" },
		{ "a", "b", 112, HV_E_INVAL, "is not between its minimum" },
		{ "a", "b", 1 << 20, HV_E_INVAL, "is not between its minimum" },
	};
	uint64_t revision = test_cluster(&c)->now.revision;

	(void)state;
	for (size_t i = 0; i < HV_COUNT(cases); i++) {
		struct hv_err err = { 0 };

		assert_int_equal(test_lpar_move_memory(&c, cases[i].from, cases[i].to,
						       cases[i].mib * MIB, &err, NULL),
				 cases[i].code);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].text);
	}
	assert_int_equal(test_cluster(&c)->now.revision, revision);
}

static enum hv_code keep(const char *name, uint64_t add, uint64_t remove,
			 struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparResize resize = TARN__LPAR_RESIZE__INIT;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_RESIZE;
	request.lpar_resize = &resize;
	resize.name = (char *)name;
	resize.has_kept = 1;
	resize.kept = true;
	resize.has_add_bytes = add != 0;
	resize.add_bytes = add * MIB;
	resize.has_remove_bytes = remove != 0;
	resize.remove_bytes = remove * MIB;
	return test_change(&c, &request, err, NULL);
}

static void what_one_that_is_off_keeps_is_given_back(void **state)
{
	uint64_t before;

	(void)state;
	assert_int_equal(test_lpar_shutdown(&c, "a", true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(lpar_of("a")->retained_bytes, 128 * MIB);
	before = free_bytes();
	assert_int_equal(keep("a", 0, 64, NULL), HV_OK);
	assert_int_equal(lpar_of("a")->retained_bytes, 64 * MIB);
	assert_int_equal(keep("a", 0, 64, NULL), HV_OK);
	assert_int_equal(lpar_of("a")->retained_bytes, 0);
	assert_int_equal(mib_of("a"), 128); /* its definition stays */
	assert_int_equal(free_bytes(), before);
}

static void one_that_is_off_can_be_given_memory(void **state)
{
	(void)state;
	assert_int_equal(keep("off", 64, 0, NULL), HV_OK);
	assert_int_equal(lpar_of("off")->retained_bytes, 64 * MIB);
	assert_int_equal(test_lpar_activate(&c, "off", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(lpar_of("off")->granted_bytes, 128 * MIB);
	assert_int_equal(lpar_of("off")->retained_bytes, 0);
}

static void what_cannot_be_kept_is_refused(void **state)
{
	static const struct {
		const char *name;
		uint64_t add, remove;
		enum hv_code code;
		const char *text;
	} cases[] = {
		{ "s", 16, 0, HV_E_STATE, "has shared memory" },
		{ "a", 16, 0, HV_E_STATE, "is not off" },
		{ "off", 0, 16, HV_E_INVAL, "keeps only 0 B" },
		{ "off", 24, 0, HV_E_INVAL, "is not whole memory blocks" },
		{ "off", 512, 0, HV_E_INVAL, "is more than its maximum" },
		{ "off", 16, 16, HV_E_INVAL, "one size is needed" },
	};

	(void)state;
	for (size_t i = 0; i < HV_COUNT(cases); i++) {
		struct hv_err err = { 0 };

		assert_int_equal(keep(cases[i].name, cases[i].add, cases[i].remove, &err),
				 cases[i].code);
		if (strstr(err.text, cases[i].text) == NULL)
			fail_msg("'%s' does not say '%s'", err.text, cases[i].text);
	}
}

/* The last one takes it from those that are off, and nothing is kept twice. */
static void no_more_is_kept_than_there_is(void **state)
{
	struct test_lpar big = { .name = "big",
				 .host = "h1",
				 .is_dedicated = true,
				 .mem = 128 * MIB,
				 .max = 2048 * MIB };
	struct hv_err err = { 0 };
	char name[] = "k0";
	uint64_t kept = 0;

	(void)state;
	assert_int_equal(test_lpar_create(&c, &big, NULL), HV_OK);
	assert_int_equal(keep("big", 2048, 0, &err), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "that no running LPAR uses"));
	for (; name[1] <= '9'; name[1]++) {
		create(name, true);
		assert_int_equal(keep(name, 256, 0, NULL), HV_OK);
	}
	for (size_t i = 0; i < cluster_count(test_cluster(&c), RECORD_LPAR); i++)
		kept += cluster_lpar_at(test_cluster(&c), i)->retained_bytes;
	assert_int_equal(lpar_of("k9")->retained_bytes, 256 * MIB);
	assert_int_equal(lpar_of("k0")->retained_bytes, 0);
	assert_in_range(kept, 256 * MIB, free_bytes());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_running, close_one)
		TEST(memory_moves),
		TEST(a_part_moves_and_is_told),
		TEST(nothing_that_was_given_moves_nothing),
		TEST(a_receiver_that_ends_leaves_the_memory_free),
		TEST(a_giver_that_ends_gives_nothing),
		TEST(a_receiver_being_shut_down_gets_nothing),
		TEST(a_move_goes_on_after_a_restart),
		TEST(one_change_at_a_time),
		TEST(what_cannot_be_is_refused),
		TEST(what_one_that_is_off_keeps_is_given_back),
		TEST(one_that_is_off_can_be_given_memory),
		TEST(what_cannot_be_kept_is_refused),
		TEST(no_more_is_kept_than_there_is),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
