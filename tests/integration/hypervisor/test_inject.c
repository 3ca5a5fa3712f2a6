/*
 * Real faults in the real device I/O of the active VIOS, put there by order: what the
 * pager's rules promise of each, by verifying workloads that page all the time.
 *
 * M4: what is read back is compared with its checksum, tried on the other path, then
 * poisoned. Both VIOS share each device, so what was torn on it is torn for both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/host.h"
#include "tests/support/inject.h"
#include "tests/support/wait.h"

#define HANG_MS 200  /* requests of ten times that age are a hang */
#define HITS 20      /* faults that a test is to have seen, at least */
#define SHORT_MS 300 /* of an injection that ends by itself */
#define PAGE_INS 100 /* after it, without one more */

static struct test_host host;
static const char *active, *standby; /* VIOS */

static const struct test_partition load[] = {
	{ .name = "db1", .mem_mib = 16, .write_percent = 50, .threads = 2 },
	{ .name = "db2", .mem_mib = 16, .write_percent = 50, .workload = "scan" },
};

static void find_active(void)
{
	Tarn__HvReply *reply;
	bool is_first;

	test_host_wait_pair(&host);
	reply = test_host_stat(&host, false);
	is_first = test_stat_vios(reply, "vios1")->state == TARN__VIOS_STATE__VIOS_ACTIVE;
	active = is_first ? "vios1" : "vios2";
	standby = is_first ? "vios2" : "vios1";
	tarn__hv_reply__free_unpacked(reply, NULL);
}

static int set_up(void **state)
{
	(void)state;
	test_host_start(&host, &(struct test_host_config){ .hang_ms = HANG_MS,
							   .keeps_vios = true });
	assert_int_equal(test_host_pool(&host, 16, NULL), HV_OK);
	test_host_run_all(&host, load, HV_COUNT(load), PAGE_INS);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	test_host_abandon(&host);
	return 0;
}

static const Tarn__InjectionStat *injected(const Tarn__HvReply *reply, const char *vios,
					   enum hv_injection_kind kind)
{
	const Tarn__ViosStat *stat = test_stat_vios(reply, vios);

	for (size_t i = 0; stat != NULL && i < stat->n_injected; i++)
		if ((int)stat->injected[i]->kind == (int)kind)
			return stat->injected[i];
	return NULL;
}

struct hope {
	enum hv_injection_kind kind;
	uint64_t hits;
};

static bool is_hit(const Tarn__HvReply *reply, void *arg)
{
	const struct hope *hope = arg;
	const Tarn__InjectionStat *stat = injected(reply, active, hope->kind);

	return stat != NULL && stat->hits >= hope->hits;
}

static bool is_over(const Tarn__HvReply *reply, void *arg)
{
	const struct hope *hope = arg;
	const Tarn__InjectionStat *stat = injected(reply, active, hope->kind);

	return stat != NULL && stat->active == 0;
}

static bool has_taken_over(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__ViosStat *stat = test_stat_vios(reply, standby);

	(void)arg;
	return stat != NULL && stat->state == TARN__VIOS_STATE__VIOS_ACTIVE;
}

static uint64_t hits_of(enum hv_injection_kind kind)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	const Tarn__InjectionStat *stat = injected(reply, active, kind);
	uint64_t hits = stat != NULL ? stat->hits : 0;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return hits;
}

/* Into the active one, until it has been felt. */
static void inject(const struct hv_injection *injection, const uint8_t *id)
{
	struct hope hope = { injection->kind, hits_of(injection->kind) + HITS };

	assert_int_equal(test_inject(host.dir.path, active, injection, id, NULL), HV_OK);
	test_host_wait(&host, is_hit, &hope, TEST_HOST_WAIT_MS, "faults");
}

struct figures {
	uint64_t checksum_errors, io_errors, poisoned, bad, mismatches, passes;
};

static struct figures figures_of(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, name);
	struct figures figures;

	assert_non_null(stat);
	figures = (struct figures){
		.checksum_errors = stat->checksum_errors,
		.io_errors = stat->io_errors,
		.poisoned = stat->poisoned_pages,
		.bad = stat->verify_bad,
		.mismatches = stat->mismatches,
		.passes = stat->verify_passes,
	};
	tarn__hv_reply__free_unpacked(reply, NULL);
	return figures;
}

static struct figures verify(struct test_guest *guest)
{
	test_host_pass(&host, guest);
	return figures_of(guest->name);
}

/* Whatever checksums and devices said: no page is lost, and all that is seen is right. */
static void nothing_is_lost(void)
{
	for (unsigned i = 0; i < host.guest_count; i++) {
		struct figures figures = verify(&host.guests[i]);

		assert_int_equal(figures.poisoned, 0);
		assert_int_equal(figures.bad, 0);
		assert_int_equal(figures.mismatches, 0);
	}
}

static void end_and_go_on(void)
{
	assert_int_equal(test_inject_clear(host.dir.path, active), HV_OK);
	test_host_wait_page_ins(&host, "db1", PAGE_INS);
	nothing_is_lost();
	test_host_audit(&host);
}

static void what_one_path_cannot_read_the_other_reads(void **state)
{
	struct hv_injection error = test_injection(HV_INJECTION_ERROR, HV_INJECTION_READ);

	(void)state;
	find_active();
	inject(&error, NULL);
	nothing_is_lost(); /* while no read of it succeeds */
	assert_true(figures_of("db1").io_errors > 0);
	end_and_go_on();
}

static void a_page_that_is_corrupted_on_its_way_back_is_never_seen(void **state)
{
	struct hv_injection corrupt = test_injection(HV_INJECTION_CORRUPT,
						     HV_INJECTION_READ);

	(void)state;
	find_active();
	inject(&corrupt, NULL);
	nothing_is_lost(); /* while every page that it reads is another one */
	assert_true(figures_of("db1").checksum_errors > 0);
	assert_true(figures_of("db2").checksum_errors > 0);
	end_and_go_on();
}

static void requests_that_hang_are_taken_over(void **state)
{
	struct hv_injection hang = test_injection(HV_INJECTION_HANG, HV_INJECTION_BOTH);

	(void)state;
	find_active();
	assert_int_equal(test_inject(host.dir.path, active, &hang, NULL, NULL), HV_OK);
	test_host_wait(&host, has_taken_over, NULL, TEST_HOST_WAIT_MS, "its partner");
	test_host_wait_vios(&host, active, TARN__VIOS_STATE__VIOS_STANDBY);
	assert_int_equal(hits_of(HV_INJECTION_HANG), 0); /* of its next incarnation */
	end_and_go_on();
}

static void after_its_time_everything_is_as_before(void **state)
{
	struct hv_injection error = test_injection(HV_INJECTION_ERROR, HV_INJECTION_BOTH);
	struct hope hope = { HV_INJECTION_ERROR, 0 };
	uint64_t before, hits;

	(void)state;
	find_active();
	before = hits_of(HV_INJECTION_ERROR);
	error.time_ms = SHORT_MS;
	error.rate_ppm = HV_INJECTION_ALL / 2;
	assert_int_equal(test_inject(host.dir.path, active, &error, NULL, NULL), HV_OK);
	test_host_wait(&host, is_over, &hope, TEST_HOST_WAIT_MS, "its end");
	hits = hits_of(HV_INJECTION_ERROR);
	assert_true(hits > before);
	test_host_wait_page_ins(&host, "db1", PAGE_INS);
	test_host_wait_page_ins(&host, "db2", PAGE_INS);
	assert_int_equal(hits_of(HV_INJECTION_ERROR), hits);
	end_and_go_on();
}

/* One device for both: there is nothing that it could be healed from. */
static void what_was_torn_is_poisoned_and_of_its_partition_alone(void **state)
{
	struct hv_injection torn = test_injection(HV_INJECTION_TORN, HV_INJECTION_WRITE);
	struct test_guest *victim = &host.guests[0];
	struct figures figures;

	(void)state;
	find_active();
	(void)snprintf(torn.device, sizeof(torn.device), "d1");
	inject(&torn, victim->reach.device.id);
	assert_int_equal(test_inject_clear(host.dir.path, active), HV_OK);
	figures = verify(victim);
	assert_true(figures.poisoned > 0);
	assert_true(figures.checksum_errors > 0);
	assert_true(figures.bad > 0 && figures.bad <= figures.poisoned);
	/* it is told (SIGBUS), and sees nothing else */
	assert_true(test_guest_saw_only_poison(victim));
	figures = verify(&host.guests[1]); /* paged through the same VIOS */
	assert_int_equal(figures.poisoned + figures.bad + figures.mismatches, 0);
	test_host_audit(&host);
}

/* In this order: the last one leaves lost pages behind. */
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_one_path_cannot_read_the_other_reads),
		cmocka_unit_test(after_its_time_everything_is_as_before),
		cmocka_unit_test(a_page_that_is_corrupted_on_its_way_back_is_never_seen),
		cmocka_unit_test(requests_that_hang_are_taken_over),
		cmocka_unit_test(what_was_torn_is_poisoned_and_of_its_partition_alone),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
