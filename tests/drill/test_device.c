/*
 * Claim   whatever somebody does to a paging device's file under load, nothing is lost
 *         that it still holds, what is lost is said to its partition and to nobody else,
 *         and no VIOS serves it that should not.
 * Inject  the file taken away; its header wiped, torn, or that of another device, owner,
 *         epoch or page size; slots scribbled on; the file cut to one byte; and apart
 *         from that, SIGSTOP and SIGCONT of every process in random order.
 * Expect  a VIOS that comes then refuses the device with the reason, its partner goes on
 *         and 0 pages are bad; scribbled and cut: found by checksum or error, poisoned,
 *         of that partition alone; every figure adds up. Where another device has the
 *         same pages all of it is healed, and none is lost.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/pgdev.h"
#include "tests/drill/trouble.h"
#include "tests/support/seed.h"

#define POOL_MIB 16
#define LPAR_MIB 12 /* two of them */
#define PAGE_INS 200
#define STORM_MS 3000
#define STORM_STEP_MS 20 /* at most */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HANG_MS 1000
#else
#define HANG_MS 300
#endif

/* vios1 serves both; what vios2 says is looked at. */
static const struct test_partition load[] = {
	{ .name = "victim",
	  .mem_mib = LPAR_MIB,
	  .write_percent = 50,
	  .threads = 2,
	  .primary = "vios1" },
	{ .name = "other", .mem_mib = LPAR_MIB, .write_percent = 50, .primary = "vios1" },
};

static const struct test_partition mirrored = { .name = "victim",
						.mem_mib = LPAR_MIB,
						.write_percent = 50,
						.threads = 2,
						.is_mirrored = true,
						.primary = "vios1" };

static struct test_host host;
static struct hv_rng rng;
static int device = -1;                        /* the victim's */
static uint8_t headers[HV_PGDEV_HEADER_BYTES]; /* as they were */

static struct test_guest *victim(void)
{
	return &host.guests[0];
}

static struct test_guest *other(void)
{
	return &host.guests[1];
}

static void set_up_with(const struct test_partition *first)
{
	test_host_start(&host, &(struct test_host_config){ .hang_ms = HANG_MS,
							   .keeps_vios = true,
							   .changes_reads = true });
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	test_host_wait_pair(&host);
	(void)test_host_run(&host, first);
	(void)test_host_run(&host, &load[1]);
	test_host_wait_all_page_ins(&host, load, HV_COUNT(load), PAGE_INS);
	device = open(victim()->reach.device.path, O_RDWR | O_CLOEXEC);
	assert_true(device >= 0);
	assert_int_equal(pread(device, headers, sizeof(headers), 0), sizeof(headers));
}

static int set_up(void **state)
{
	(void)state;
	set_up_with(&load[0]);
	return 0;
}

static int set_up_mirrored(void **state)
{
	(void)state;
	set_up_with(&mirrored);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)close(device);
	test_host_abandon(&host);
	return 0;
}

static void put(const void *from, size_t bytes, uint64_t at)
{
	assert_int_equal(pwrite(device, from, bytes, (off_t)at), (ssize_t)bytes);
	assert_int_equal(fdatasync(device), 0);
}

/* ---- what a VIOS must not open ---- */

static struct hv_pgdev_header header_of_it(void)
{
	struct hv_pgdev_header header;
	unsigned copy;

	assert_int_equal(hv_pgdev_choose(headers, &header, &copy, NULL), HV_OK);
	return header;
}

static void put_header(const struct hv_pgdev_header *header)
{
	uint8_t pages[HV_PGDEV_HEADER_BYTES];

	hv_pgdev_encode(header, pages);
	hv_pgdev_encode(header, pages + HV_PAGE_BYTES);
	put(pages, sizeof(pages), 0);
}

static const char *elsewhere(char path[TEST_PATH_BYTES])
{
	return test_tmpdir_file(&host.dir, "elsewhere", path, TEST_PATH_BYTES);
}

static void take_it_away(void)
{
	char path[TEST_PATH_BYTES];

	assert_int_equal(rename(victim()->reach.device.path, elsewhere(path)), 0);
}

static void give_it_another_id(void)
{
	struct hv_pgdev_header header = header_of_it();

	header.id[0] ^= 0xff;
	(void)snprintf(header.host_name, sizeof(header.host_name), "elsewhere");
	put_header(&header);
}

/* Another coordinator gave it to a host of its own. */
static void let_another_claim_it(void)
{
	struct hv_pgdev_header header = header_of_it();

	header.owner_epoch++;
	header.sequence++;
	(void)snprintf(header.host_name, sizeof(header.host_name), "elsewhere");
	put_header(&header);
}

static void wipe_its_owner(void)
{
	struct hv_pgdev_header header = header_of_it();

	memset(header.host, 0, sizeof(header.host));
	put_header(&header);
}

static void make_its_pages_larger(void)
{
	struct hv_pgdev_header header = header_of_it();

	header.page_bytes *= 2;
	put_header(&header);
}

static void tear_both_headers(void)
{
	static const uint8_t nothing[HV_PAGE_BYTES / 2];

	put(nothing, sizeof(nothing), 0);
	put(nothing, sizeof(nothing), HV_PAGE_BYTES);
}

static const struct {
	const char *name;
	void (*damage)(void);
	const char *says;
} refusals[] = {
	{ "not there", take_it_away, "No such file" },
	{ "of another id", give_it_another_id, "of host 'elsewhere'" },
	{ "claimed by another coordinator", let_another_claim_it,
	  "owner epoch 1 is over: host 'elsewhere' owns it since 2" },
	{ "without an owner", wipe_its_owner, "belongs to no host" },
	{ "of another page size", make_its_pages_larger, "pages of 8192 bytes" },
	{ "torn in both headers", tear_both_headers, "no Tarn paging device header" },
};

static void mend(void)
{
	char path[TEST_PATH_BYTES];

	if (access(victim()->reach.device.path, F_OK) != 0)
		assert_int_equal(rename(elsewhere(path), victim()->reach.device.path), 0);
	put(headers, sizeof(headers), 0);
}

static bool does_vios2_say(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__ViosStat *vios = test_stat_vios(reply, "vios2");

	return vios->state == TARN__VIOS_STATE__VIOS_STARTING &&
	       strstr(vios->reason, arg) != NULL;
}

/* The next incarnation of vios2 opens it, or does not. */
static void restart_vios2(void)
{
	test_process_signal(&host.vios[1], SIGKILL);
	(void)test_process_wait(&host.vios[1], TEST_HOST_WAIT_MS);
	test_host_keep_vios(&host);
}

static void what_is_not_its_device_any_more_is_refused_and_costs_nothing(void **state)
{
	(void)state;
	for (unsigned i = 0; i < HV_COUNT(refusals); i++) {
		refusals[i].damage();
		restart_vios2();
		test_host_wait(&host, does_vios2_say, (void *)(uintptr_t)refusals[i].says,
			       TEST_HOST_WAIT_MS, refusals[i].name);
		test_host_wait_page_ins(&host, "victim", 20); /* over vios1 */
		mend();
	}
	test_host_wait_pair(&host); /* it is tried again */
	test_host_verify(&host);
	test_host_check(&host);
	test_host_end(&host);
}

static void a_header_that_is_half_written_costs_nothing(void **state)
{
	static const uint8_t nothing[HV_PAGE_BYTES / 2];

	(void)state;
	put(nothing, sizeof(nothing), HV_PAGE_BYTES);
	restart_vios2();
	test_host_wait_vios(&host, "vios2", TARN__VIOS_STATE__VIOS_STANDBY);
	test_host_verify(&host);
	test_host_end(&host);
}

/* ---- what is on it ---- */

struct figures {
	uint64_t poisoned, bad, mismatches, checksum_errors, io_errors;
};

static struct figures figures_of(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, true);
	const Tarn__PartitionStat *stat = test_stat_partition(reply, name);
	struct figures figures = {
		.poisoned = stat->poisoned_pages,
		.bad = stat->verify_bad,
		.mismatches = stat->mismatches,
		.checksum_errors = stat->checksum_errors,
		.io_errors = stat->io_errors,
	};

	tarn__hv_reply__free_unpacked(reply, NULL);
	return figures;
}

/* It was told which pages are lost, and met no other content; the other one nothing. */
static void only_the_victim_lost_pages(void)
{
	struct figures figures;

	test_host_pass(&host, victim());
	figures = figures_of("victim");
	(void)printf("%5llu  pages lost, %llu checksum errors, %llu device errors\n",
		     (unsigned long long)figures.poisoned,
		     (unsigned long long)figures.checksum_errors,
		     (unsigned long long)figures.io_errors);
	assert_true(figures.poisoned > 0);
	assert_true(figures.bad <= figures.poisoned);
	assert_true(test_guest_saw_only_poison(victim()));
	test_host_verify_guest(&host, other());
	test_host_check(&host);
}

static uint64_t device_bytes(void)
{
	return header_of_it().bytes;
}

/* Each second slot of all. */
static void scribble(void)
{
	uint8_t page[HV_PAGE_BYTES];

	memset(page, 0xa5, sizeof(page));
	for (uint32_t slot = 0; slot < hv_pgdev_slots(device_bytes()); slot += 2)
		put(page, sizeof(page), hv_pgdev_slot_offset(slot));
}

static void what_is_scribbled_on_is_found_and_said(void **state)
{
	(void)state;
	scribble();
	only_the_victim_lost_pages();
	test_host_wait_page_ins(&host, "victim", 20); /* it lives on */
}

/* Beyond its end errors, before it, where a page-out has made it longer again, zeros. */
static bool has_errors(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *stat = test_stat_partition(reply, "victim");

	(void)arg;
	return stat->io_errors > 0 || stat->checksum_errors > 0;
}

static void what_is_cut_to_a_byte_is_found_and_said(void **state)
{
	(void)state;
	assert_int_equal(ftruncate(device, 1), 0);
	test_host_wait(&host, has_errors, NULL, TEST_HOST_WAIT_MS,
		       "errors of the device");
	restart_vios2();
	test_host_wait(&host, does_vios2_say,
		       (void *)(uintptr_t) "no Tarn paging device header",
		       TEST_HOST_WAIT_MS, "what it is");
	test_host_verify_guest(&host, other()); /* meanwhile */
	assert_int_equal(ftruncate(device, (off_t)device_bytes()), 0);
	put(headers, sizeof(headers), 0);
	test_host_wait_pair(&host);
	only_the_victim_lost_pages();
}

/* P17: the other one has all of it. */
static void of_two_devices_one_may_lose_it_all(void **state)
{
	Tarn__HvReply *reply;

	(void)state;
	test_host_wait_redundant(&host);
	scribble();
	test_host_verify(&host);
	assert_int_equal(ftruncate(device, 1), 0);
	test_host_verify(&host);
	put(headers, sizeof(headers), 0);
	assert_int_equal(ftruncate(device, (off_t)device_bytes()), 0);
	test_host_verify(&host);
	reply = test_host_stat(&host, false);
	assert_true(test_stat_partition(reply, "victim")->healed > 0);
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_check(&host);
	test_host_end(&host);
}

/* ---- storms ---- */

static void stop_anybody(bool *is_stopped)
{
	struct test_process *all[] = { &host.vios[0], &host.vios[1], &host.hypervisor,
				       &victim()->process, &other()->process };
	unsigned which = (unsigned)hv_rng_below(&rng, HV_COUNT(all));

	if (!test_process_is_running(all[which]))
		return;
	is_stopped[which] = !is_stopped[which];
	test_process_signal(all[which], is_stopped[which] ? SIGSTOP : SIGCONT);
}

static void storms_of_stop_and_continue_cost_nothing(void **state)
{
	uint64_t end_ms = hv_clock_ms() + STORM_MS;
	bool is_stopped[5] = { false };
	unsigned count = 0;

	(void)state;
	for (; hv_clock_ms() < end_ms; count++) {
		stop_anybody(is_stopped);
		trouble_pass_time(&host, hv_rng_below(&rng, STORM_STEP_MS));
	}
	for (unsigned i = 0; i < 2; i++)
		if (test_process_is_running(&host.vios[i]))
			test_process_signal(&host.vios[i], SIGCONT);
	test_process_signal(&host.hypervisor, SIGCONT);
	test_process_signal(&victim()->process, SIGCONT);
	test_process_signal(&other()->process, SIGCONT);
	(void)printf("%5u  signals\n", count);
	test_host_wait_pair(&host);
	test_host_verify(&host);
	test_host_check(&host);
	test_host_end(&host);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define MIRRORED(name) cmocka_unit_test_setup_teardown(name, set_up_mirrored, tear_down)
		TEST(what_is_not_its_device_any_more_is_refused_and_costs_nothing),
		TEST(a_header_that_is_half_written_costs_nothing),
		TEST(what_is_scribbled_on_is_found_and_said),
		TEST(what_is_cut_to_a_byte_is_found_and_said),
		MIRRORED(of_two_devices_one_may_lose_it_all),
		MIRRORED(storms_of_stop_and_continue_cost_nothing),
#undef MIRRORED
#undef TEST
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	rng.state = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
