/*
 * Claim   a running partition gets other paging devices, under load, in any way: another
 *         one for both VIOS, two that mirror each other, one of the two, one again. At
 *         any moment one device has every page.
 * Inject  either VIOS killed at any moment of it; another wish while one is under way.
 * Expect  what is asked for is there in the end; the old device is let go of; every page
 *         verifies; what cannot be is refused, and nothing is half done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/rng.h"
#include "tests/support/host.h"
#include "tests/support/seed.h"
#include "tests/support/wait.h"

#define MIB 32u
#define DEVICE_MIB (MIB + 4)
#define DEVICES 4u
#define ROUNDS 10u /* of random changes and kills; arbitrary */

static struct test_host host;
static struct test_device devices[DEVICES];

static const struct test_partition load[] = {
	{ .name = "db1", .mem_mib = MIB, .write_percent = 50 },
	{ .name = "db2", .mem_mib = MIB, .workload = "scan" },
};

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	for (unsigned i = 0; i < DEVICES; i++)
		devices[i] = test_host_device(&host, DEVICE_MIB);
	test_host_run_all(&host, load, HV_COUNT(load), 200);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

static struct test_reach shared(unsigned device)
{
	return (struct test_reach){ .device = devices[device] };
}

static struct test_reach mirrored(unsigned first, unsigned second)
{
	return (struct test_reach){ .device = devices[first],
				    .vios = "vios1",
				    .mirror = devices[second] };
}

static struct test_reach alone(unsigned device, const char *vios)
{
	return (struct test_reach){ .device = devices[device], .vios = vios };
}

static const char *name_of(const struct test_device *device)
{
	return strrchr(device->path, '/') + 1;
}

static bool is_there(const Tarn__HvReply *reply, void *arg)
{
	const struct test_reach *reach = arg;
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "db1");
	bool is_mirrored = reach->mirror.path[0] != '\0';

	if (strcmp(stat->pgdev, name_of(&reach->device)) != 0 ||
	    is_mirrored != (stat->mirror != NULL))
		return false;
	if (is_mirrored && strcmp(stat->mirror, name_of(&reach->mirror)) != 0)
		return false;
	return stat->redundant || (reach->vios != NULL && !is_mirrored);
}

static void wait_there(struct test_reach reach)
{
	test_host_wait(&host, is_there, &reach, TEST_HOST_WAIT_MS,
		       "the device is changed");
}

static void change(struct test_reach reach)
{
	struct hv_err err;

	if (test_host_change(&host, &host.guests[0], &reach, &err) != HV_OK)
		fail_msg("change: %s", err.text);
}

static void change_to(struct test_reach reach)
{
	change(reach);
	wait_there(reach);
	test_host_wait_page_ins(&host, "db1", 100);
}

static void each_way_there_is(void **state)
{
	(void)state;
	change_to(shared(0));
	assert_int_equal(unlink(host.guests[0].reach.device.path), 0);
	change_to(mirrored(1, 2));
	change_to(mirrored(1, 3)); /* one side */
	change_to(mirrored(0, 3)); /* the other */
	test_host_verify(&host);
	change_to(mirrored(3, 0)); /* each to the other VIOS: one goes out of the way */
	change_to(shared(1));
	change_to(alone(2, "vios2"));
	change_to(mirrored(0, 2));
	change_to(alone(0, "vios1"));
	change_to(shared(3));
	test_host_end_well(&host);
}

static void what_cannot_be_is_refused(void **state)
{
	struct test_device small = test_host_device(&host, MIB / 2);
	struct test_reach theirs = { .device = host.guests[1].reach.device };
	struct test_reach now = host.guests[0].reach, same = mirrored(0, 0);
	struct test_reach stranger = alone(0, "vios9");
	struct test_guest nobody = { .name = "db9" };
	struct hv_err err;

	(void)state;
	assert_int_equal(test_host_change(&host, &host.guests[0], &theirs, &err),
			 HV_E_BUSY);
	assert_non_null(strstr(err.text, "db2"));
	assert_int_equal(test_host_change(&host, &host.guests[0],
					  &(struct test_reach){ .device = small }, &err),
			 HV_E_NOSPC);
	assert_int_equal(test_host_change(&host, &host.guests[0], &same, &err),
			 HV_E_INVAL);
	assert_int_equal(test_host_change(&host, &host.guests[0], &stranger, &err),
			 HV_E_NOTFOUND);
	assert_non_null(strstr(err.text, "vios9"));
	assert_int_equal(test_host_change(&host, &nobody, &now, &err), HV_E_NOTFOUND);
	assert_int_equal(test_host_change(&host, &host.guests[0], &now, &err), HV_OK);
	change_to(alone(0, "vios1"));
	now = alone(1, "vios1");
	assert_int_equal(test_host_change(&host, &host.guests[0], &now, &err),
			 HV_E_REFUSED);
	assert_non_null(strstr(err.text, "mirror"));
	change_to(mirrored(0, 1));
	test_host_end_well(&host);
}

/* What was wished for first is forgotten. */
static void another_wish_counts(void **state)
{
	(void)state;
	change(shared(0));
	change(mirrored(1, 2));
	change(shared(3));
	wait_there(shared(3));
	change(mirrored(1, 2));
	change(shared(3)); /* to go back is one, too */
	wait_there(shared(3));
	test_host_end_well(&host);
}

/* A partner that goes while its path is between two devices is a wait, no loss. */
static void either_vios_may_go_at_any_moment(void **state)
{
	struct hv_rng rng = { test_seed() };

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct test_reach reach;
		unsigned first = (unsigned)hv_rng_below(&rng, DEVICES);
		unsigned path = (unsigned)hv_rng_below(&rng, 2);

		reach = hv_rng_below(&rng, 2) == 0
				? shared(first)
				: mirrored(first, (first + 1) % DEVICES);
		change(reach);
		test_host_wait_page_ins(&host, "db2", hv_rng_below(&rng, 500));
		test_host_kill_vios(&host, path);
		test_host_wait_page_ins(&host, "db2", hv_rng_below(&rng, 200));
		test_host_vios(&host, path);
		wait_there(reach);
	}
	test_host_end_well(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(each_way_there_is),
		TEST(what_cannot_be_is_refused),
		TEST(another_wish_counts),
		TEST(either_vios_may_go_at_any_moment),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
