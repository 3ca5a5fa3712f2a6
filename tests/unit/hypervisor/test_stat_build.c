/* Unit tests of hvcore/hypervisor/stat_build: what L knows, as a stat tells it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/base/units.h"
#include "hvcore/hypervisor/hypervisor_priv.h"
#include "tests/support/oom.h"

#define GIB (UINT64_C(1) << 30)

static struct hypervisor hv;
static struct fault_team team; /* of no thread */
static struct partition partition;

static int set_up(void **state)
{
	(void)state;
	partition = (struct partition){ .hv = &hv,
					.name = "db",
					.mode = HV_MODE_SHARED,
					.phase = PHASE_RUNNING,
					.file = -1,
					.has_stat = true };
	hv.team = &team;
	hv.partitions = &partition;
	return hv_lmb_map_new(GIB, HV_LMB_BYTES_MIN, &hv.lmbs, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	hv_lmb_map_free(hv.lmbs);
	return 0;
}

static void what_it_gave_up_may_be_more_than_4_gib(void **state)
{
	const struct stat_wish wish = { 0 };
	Tarn__HostStat *stat = NULL;

	(void)state;
	partition.memory.mpp_next.spare_pages = 5 * GIB / HV_PAGE_BYTES;
	assert_int_equal(stat_build(&hv, &wish, &stat, NULL), HV_OK);
	assert_int_equal(stat->n_partitions, 1);
	assert_string_equal(stat->partitions[0]->name, "db");
	assert_true(stat->partitions[0]->has_unallocated_io_bytes);
	assert_int_equal(stat->partitions[0]->unallocated_io_bytes, 5 * GIB);
	stat_free(stat);
}

static void without_memory_there_is_no_answer(void **state)
{
	const struct stat_wish wish = { .has_histograms = true };
	Tarn__HostStat *stat = NULL;

	(void)state;
	for (unsigned nth = 1;; nth++) {
		enum hv_code code;

		oom_arm(nth);
		code = stat_build(&hv, &wish, &stat, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(stat);
	}
	stat_free(stat);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_it_gave_up_may_be_more_than_4_gib),
		TEST(without_memory_there_is_no_answer),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
