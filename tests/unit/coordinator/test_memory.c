/*
 * Where the memory of a host is: declared hosts and their staircase (SPEC R7), what
 * creation and activation cost (R6), memory that is kept (D1), and figures that
 * always add up.
 */
#include "tests/unit/coordinator/one_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/base/file.h"
#include "tests/support/seed.h"

static enum hv_code create(const char *name, uint64_t mem, uint64_t max,
			   struct hv_err *err)
{
	return test_lpar_create(&c,
				&(struct test_lpar){ .name = name,
						     .host = "p770",
						     .is_dedicated = true,
						     .mem = mem,
						     .max = max },
				err);
}

static void create_many(unsigned from, unsigned to, uint64_t mem, uint64_t max)
{
	char name[HV_NAME_BYTES];

	for (unsigned i = from; i <= to; i++) {
		(void)snprintf(name, sizeof(name), "test%u", i);
		assert_int_equal(create(name, mem, max, NULL), HV_OK);
	}
}

static void r7_a_declared_power770_shows_the_documents_steps(void **state)
{
	static const struct {
		unsigned to;
		uint64_t mib;
	} rows[] = { { 2, 2816 },  { 3, 3072 },  { 34, 3072 },
		     { 35, 3328 }, { 63, 3328 }, { 64, 3584 } };
	unsigned made = 0;

	(void)state;
	assert_int_equal(declare("p770", "power770", NULL), HV_OK);
	assert_int_equal(memory_of("p770").firmware_bytes, 2816 * MIB);
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		create_many(made + 1, rows[i].to, GIB, 2 * GIB);
		made = rows[i].to;
		assert_int_equal(memory_of("p770").firmware_bytes, rows[i].mib * MIB);
	}
	assert_int_equal(test_lpar_remove(&c, "test64", NULL), HV_OK);
	assert_int_equal(memory_of("p770").firmware_bytes, 3328 * MIB);
	create_many(64, 64, 2 * GIB, 4 * GIB);
	assert_int_equal(memory_of("p770").firmware_bytes, 3584 * MIB);
	create_many(65, 67, 2 * GIB, 4 * GIB);
	assert_int_equal(memory_of("p770").firmware_bytes, 3584 * MIB);
	create_many(68, 68, 2 * GIB, 4 * GIB);
	assert_int_equal(memory_of("p770").firmware_bytes, 3840 * MIB);
}

static void a_declared_host_is_no_machine(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(declare("h1", "none", &err), HV_E_NOTFOUND);
	assert_int_equal(declare("h1", "../lab", &err), HV_E_INVAL);
	assert_int_equal(declare("h1", "power770", &err), HV_OK);
	assert_int_equal(test_lpar_create(&c,
					  &(struct test_lpar){ .name = "a",
							       .host = "h1",
							       .is_dedicated = true,
							       .mem = GIB },
					  &err),
			 HV_OK);
	assert_int_equal(test_lpar_activate(&c, "a", &err, NULL), HV_E_STATE);
	assert_non_null(strstr(err.text, "no machine stands behind it"));
	/* nothing is placed on paper unasked */
	assert_int_equal(test_lpar_create(&c,
					  &(struct test_lpar){ .name = "b",
							       .is_dedicated = true,
							       .mem = GIB },
					  &err),
			 HV_E_NOFIT);
}

static void a_pool_on_paper_counts_at_once(void **state)
{
	struct hv_err err = { 0 };
	uint64_t job = 0;

	(void)state;
	assert_int_equal(declare("p770", "power770", NULL), HV_OK);
	assert_int_equal(test_pool(&c, "p770", 64 * GIB, 128 * GIB, true, &err, &job),
			 HV_OK);
	assert_int_equal(job, 0);
	assert_int_equal(memory_of("p770").pool_bytes, 64 * GIB);
	assert_int_equal(memory_of("p770").pool_firmware_bytes, 128 * GIB / 4096 * 16);
	assert_int_equal(test_pool(&c, "p770", 500 * GIB, 500 * GIB, false, &err, NULL),
			 HV_E_LIMIT);
	assert_int_equal(test_pool_remove(&c, "p770", &err, NULL), HV_OK);
	assert_int_equal(memory_of("p770").pool_bytes, 0);
	assert_int_equal(memory_of("p770").firmware_bytes, 2816 * MIB);
}

static void without_profiles_nothing_can_be_declared(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	c.env.profile = NULL;
	assert_int_equal(declare("p770", "power770", &err), HV_E_NOTFOUND);
	assert_non_null(strstr(err.text, "--profiles"));
	assert_int_equal(declare("p770", "", &err), HV_E_INVAL);
	assert_int_equal(test_host_add(&c, "h1"), HV_OK);
	assert_null(cluster_host(test_cluster(&c), "h1")->profile);
}

static void a_definition_that_does_not_fit_is_refused(void **state)
{
	struct hv_err err = { 0 };

	(void)state;
	assert_int_equal(declare("p770", "power770", NULL), HV_OK);
	assert_int_equal(test_pool(&c, "p770", 383 * GIB, 383 * GIB, true, &err, NULL),
			 HV_E_LIMIT);
	assert_int_equal(test_pool(&c, "p770", 380 * GIB, 380 * GIB, true, &err, NULL),
			 HV_OK);
	assert_int_equal(create("big", 16 * MIB, 512 * GIB, &err), HV_E_LIMIT);
	assert_non_null(strstr(err.text, "the hypervisor of host 'p770' needs"));
	assert_null(cluster_lpar(test_cluster(&c), "big"));
}

static void make_dedicated(const char *name, uint64_t mem)
{
	assert_int_equal(test_lpar_create(&c,
					  &(struct test_lpar){ .name = name,
							       .host = "h1",
							       .is_dedicated = true,
							       .mem = mem },
					  NULL),
			 HV_OK);
}

static void run(const char *name)
{
	assert_int_equal(test_lpar_activate(&c, name, NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

static void stop(const char *name)
{
	assert_int_equal(test_lpar_shutdown(&c, name, true, NULL, NULL), HV_OK);
	test_settle(&c, &host);
}

/* D1, resource_config: what it had is its own until somebody needs it. */
static void memory_is_kept_until_it_is_needed(void **state)
{
	Tarn__HostMemory before, memory;

	(void)state;
	make_dedicated("a", 256 * MIB);
	make_dedicated("b", 64 * MIB);
	run("a");
	/* the platform's page table ratio is told, where none was chosen */
	assert_int_equal(host.desired->lpars[0]->spec->hpt_ratio, 64);
	before = memory_of("h1");
	assert_int_equal(before.retained_bytes, 0);
	stop("a");
	memory = memory_of("h1");
	assert_int_equal(memory.retained_bytes, 256 * MIB);
	assert_int_equal(memory.assigned_bytes, 256 * MIB);
	run("b"); /* there is enough beside it */
	assert_int_equal(memory_of("h1").retained_bytes, 256 * MIB);
	make_dedicated("c", 448 * MIB);
	run("c"); /* there is not */
	memory = memory_of("h1");
	assert_int_equal(memory.retained_bytes, 0);
	assert_int_equal(memory.assigned_bytes, 512 * MIB);
	stop("c");
	run("a"); /* its own, or another's that is off */
	assert_int_equal(test_lpar_remove(&c, "c", NULL), HV_OK);
	assert_int_equal(memory_of("h1").retained_bytes, 0);
}

static unsigned unmet(const char *name, char *text, size_t room)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__LparActivate activate = TARN__LPAR_ACTIVATE__INIT;
	Tarn__ClusterReply *reply;
	unsigned count;

	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_ACTIVATE;
	request.lpar_activate = &activate;
	activate.name = (char *)name;
	activate.has_dry_run = 1;
	activate.dry_run = true;
	reply = test_ask(&c, &request);
	assert_null(reply->error);
	assert_non_null(reply->placement);
	text[0] = '\0';
	for (size_t i = 0; i < reply->placement->n_reasons; i++) {
		size_t at = strlen(text);

		(void)snprintf(text + at, room - at, "%s\n",
			       reply->placement->reasons[i]->text);
	}
	count = (unsigned)reply->placement->n_reasons;
	test_reply_free(reply);
	return count;
}

static void a_dry_activation_lists_all_that_is_not_met(void **state)
{
	uint64_t revision;
	char text[2048];

	(void)state;
	assert_int_equal(
		test_lpar_create(
			&c,
			&(struct test_lpar){ .name = "s", .host = "h1", .mem = 64 * MIB },
			NULL),
		HV_OK);
	assert_int_equal(test_vios(&c, "h1", "vios1", TARN__VIOS_VERB__VIOS_VERB_MAINTAIN,
				   false, NULL, NULL),
			 HV_OK);
	test_settle(&c, &host);
	revision = test_cluster(&c)->now.revision;
	assert_int_equal(unmet("s", text, sizeof(text)), 2);
	assert_non_null(strstr(text, "needs a redundant pair of paging VIOS"));
	assert_non_null(strstr(text, "needs a free redundant paging device"));
	assert_int_equal(test_cluster(&c)->now.revision, revision);
	make_dedicated("d", 64 * MIB);
	assert_int_equal(unmet("d", text, sizeof(text)), 0);
	run("d");
	assert_int_equal(unmet("d", text, sizeof(text)), 1);
	assert_non_null(strstr(text, "runs on host 'h1' already"));
}

static void act(struct hv_rng *rng, unsigned round)
{
	uint64_t mem = (1 + hv_rng_below(rng, 16)) * 64 * MIB;
	char name[HV_NAME_BYTES];

	(void)snprintf(name, sizeof(name), "p%u", (unsigned)hv_rng_below(rng, 12));
	switch (hv_rng_below(rng, 6)) {
	case 0:
	case 1:
		(void)test_lpar_create(
			&c,
			&(struct test_lpar){ .name = name,
					     .host = "h1",
					     .is_dedicated = round % 3 != 0,
					     .mem = mem,
					     .min = 16 * MIB,
					     .max = mem * 2 },
			NULL);
		break;
	case 2:
		(void)test_lpar_activate(&c, name, NULL, NULL);
		break;
	case 3:
		(void)test_lpar_shutdown(&c, name, true, NULL, NULL);
		break;
	case 4:
		(void)test_lpar_remove(&c, name, NULL);
		break;
	default:
		(void)test_pool(&c, "h1", mem, mem + 64 * MIB, false, NULL, NULL);
		break;
	}
	if (hv_rng_below(rng, 3) != 0)
		test_settle(&c, &host);
}

static void walk(uint64_t seed)
{
	struct hv_rng rng = { seed };

	for (unsigned i = 0; i < 400; i++) {
		act(&rng, i);
		(void)memory_of("h1");
	}
}

static void the_figures_add_up_after_every_step(void **state)
{
	(void)state;
	walk(test_seed());
}

/* An activation that needed the last LMB left another LPAR what that one kept. */
static void the_figures_add_up_when_nothing_is_left(void **state)
{
	(void)state;
	walk(50341696879622);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			r7_a_declared_power770_shows_the_documents_steps,
			open_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(a_declared_host_is_no_machine,
						open_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(a_pool_on_paper_counts_at_once,
						open_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(without_profiles_nothing_can_be_declared,
						open_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(a_definition_that_does_not_fit_is_refused,
						open_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(memory_is_kept_until_it_is_needed,
						open_up_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(
			a_dry_activation_lists_all_that_is_not_met, open_up_with_profiles,
			close_one),
		cmocka_unit_test_setup_teardown(the_figures_add_up_after_every_step,
						open_up_with_profiles, close_one),
		cmocka_unit_test_setup_teardown(the_figures_add_up_when_nothing_is_left,
						open_up_with_profiles, close_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
