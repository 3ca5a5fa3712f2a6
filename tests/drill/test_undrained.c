/*
 * Claim   what a dead VIOS incarnation may still write changes nothing, however late it
 *         comes: its slots are held back until it is proven done, however many failovers
 *         there are meanwhile (P9, P10).
 * Inject  writes that the devices of two partitions keep for vios1 alone, as a disk does
 *         that hangs: then vios1 is killed. Its I/O is under way in the kernel,
 *         which holds its lock on the device for it. vios2 rewrites the same pages; both
 *         are killed and stopped again and again, until the I/O goes on, at last.
 * Expect  0 bad pages; nothing in quarantine comes back early; the devices are not opened
 *         again over vios1 before that, and are afterwards; hangs are judged 5 s apart;
 *         the hypervisor's memory does not grow. Of a mirror nothing is held back: that
 *         side is not read before it has all again. Without the quarantine (a hypervisor that is
 *         built so) pages do get lost: the drill would see it.
 *
 * test_undrained FAILOVERS [PATTERN]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/pgdev.h"
#include "hvcore/wire/session.h"
#include "tests/drill/trouble.h"
#include "tests/support/seed.h"
#include "tests/support/slow_fs.h"
#include "tests/support/wait.h"

#define MIB (UINT64_C(1) << 20)
#define POOL_MIB 32
#define LPAR_MIB 24
#define FREE_MIB 16
#define DEVICE_BYTES ((LPAR_MIB + 4) * MIB)
#define W (HV_LANE_BUFFERS - HV_LANE_READ_BUFFERS)
#define MUCH 32            /* slots */
#define HANG_PAUSE_MS 5000 /* of the hypervisor's director */
#define CALM_MS 50
#define VERIFY_EACH 250
#define WARM_FAILOVERS 100 /* until memory is what it is */
#define GROWTH_KIB 512
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HANG_MS 1000
#define IS_SANITIZED true /* memory that was freed is kept */
#else
#define HANG_MS 300
#define IS_SANITIZED false
#endif

static const char *const stuck[] = { "left", "right" };

static struct test_device devices[2]; /* theirs */
static const struct test_partition load[] = {
	{ .name = "left",
	  .mem_mib = LPAR_MIB,
	  .device = &devices[0],
	  .threads = 4,
	  .write_percent = 60,
	  .primary = "vios1" },
	{ .name = "right",
	  .mem_mib = LPAR_MIB,
	  .device = &devices[1],
	  .workload = "scan",
	  .threads = 4,
	  .write_percent = 60,
	  .primary = "vios1" },
	{ .name = "free", .mem_mib = FREE_MIB, .write_percent = 50, .primary = "vios2" },
};

static struct test_host host;
static struct slow_fs fs;
static struct hv_rng rng;
static unsigned failovers_wanted;
static uint64_t held_back[2]; /* slots, of each, as the first incarnation left them */

/* ---- the devices ---- */

static void format_device(struct test_device *device, unsigned index)
{
	static struct test_process format;
	char id[33] = "";

	memset(device->id, (int)(0xa0 + index), sizeof(device->id));
	for (unsigned i = 0; i < 16; i++)
		(void)snprintf(id + 2 * i, 3, "%02x", device->id[i]);
	assert_true((size_t)snprintf(device->path, sizeof(device->path), "%s%s", fs.file,
				     index == 0 ? "" : "1") < sizeof(device->path));
	if (test_process_run(
		    &format, "tarn-vios",
		    (const char *[]){ "--format", device->path, "--id", id, "--host-id",
				      "00112233445566778899aabbccddeeff", "--host-name",
				      "test", "--owner-epoch", "1", NULL }) != 0)
		fail_msg("format: %s", format.err);
}

/* Not more than W of one partition; it is on its way to that. */
static bool are_enough_out(const Tarn__HvReply *reply, void *arg)
{
	uint64_t sum = 0;

	(void)arg;
	for (unsigned i = 0; i < HV_COUNT(stuck); i++) {
		const Tarn__PartitionStat *p = test_stat_partition(reply, stuck[i]);

		if (p->slots_writing < MUCH)
			return false;
		sum += p->slots_writing;
	}
	return sum >= W + MUCH;
}

static uint64_t quarantined(const char *name)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	uint64_t slots = test_stat_partition(reply, name)->slots_quarantined;

	tarn__hv_reply__free_unpacked(reply, NULL);
	return slots;
}

static void bring_back(unsigned vios)
{
	(void)test_process_wait(&host.vios[vios], TEST_HOST_WAIT_MS);
	test_host_keep_vios(&host);
}

static bool are_over_vios2(const Tarn__HvReply *reply, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < HV_COUNT(stuck); i++) {
		const Tarn__PartitionStat *p = test_stat_partition(reply, stuck[i]);

		if (p->current == NULL || strcmp(p->current, "vios2") != 0)
			return false;
	}
	return true;
}

/* From now on the first incarnation of vios1 is dead, and its I/O never ends. */
static void lose_vios1_for_good(void)
{
	atomic_store(&fs.control->writer, host.vios[0].pid);
	test_host_wait(&host, are_enough_out, NULL, TEST_HOST_WAIT_MS,
		       "page-outs of both under way");
	test_process_signal(&host.vios[0], SIGKILL);
	bring_back(0);
	test_host_wait(&host, are_over_vios2, NULL, TEST_HOST_WAIT_MS, "over vios2");
	for (unsigned i = 0; i < HV_COUNT(stuck); i++) {
		held_back[i] = quarantined(stuck[i]);
		(void)printf("%5llu  slots of '%s' held back\n",
			     (unsigned long long)held_back[i], stuck[i]);
		assert_true(held_back[i] >= MUCH);
	}
}

static bool is_whole(const Tarn__HvReply *reply, void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < HV_COUNT(stuck); i++)
		if (test_stat_partition(reply, stuck[i])->slots_quarantined > 0)
			return false;
	for (size_t i = 0; i < reply->stat->n_vios; i++)
		if (strstr(reply->stat->vios[i]->reason, "device") != NULL)
			return false; /* not open there, or not drained */
	return true;
}

static void let_it_end(void)
{
	assert_true(atomic_load(&fs.control->held) > 0);
	atomic_store(&fs.control->writer, 0);
	test_host_wait_pair(&host);
	test_host_wait(&host, is_whole, NULL, TEST_HOST_WAIT_MS,
		       "the quarantine is over, and all devices open");
}

/* ---- what must hold in between ---- */

/* True when all that can serve does; what is never true is an error at any moment. */
static bool is_as_claimed(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__ViosStat *vios = test_stat_vios(reply, "vios1");
	const Tarn__PartitionStat *other = test_stat_partition(reply, "free");

	(void)arg;
	for (unsigned i = 0; i < HV_COUNT(stuck); i++) /* P10: nothing is freed early */
		assert_true(test_stat_partition(reply, stuck[i])->slots_quarantined >=
			    held_back[i]);
	/* P9: not opened again; and it says why */
	return are_over_vios2(reply, NULL) && other->current != NULL &&
	       strstr(vios->reason, "old I/O is not drained") != NULL &&
	       test_stat_vios(reply, "vios2")->state == TARN__VIOS_STATE__VIOS_ACTIVE;
}

static void wait_until_both_serve(void)
{
	test_host_wait(&host, is_as_claimed, NULL, TEST_HOST_WAIT_MS,
		       "vios2 serves all, vios1 what it may");
}

/* Its own: windows come and go with their VIOS. */
static uint64_t hypervisor_kib(void)
{
	char path[64], line[128];
	unsigned long kib = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", host.hypervisor.pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "RssAnon:", 8) == 0)
			kib = strtoul(line + 8, NULL, 10);
	(void)fclose(file);
	return kib;
}

/* ---- the run ---- */

static void set_up_host(const char *hypervisor)
{
	if (!slow_fs_open(&fs, DEVICE_BYTES, true))
		exit(77);
	for (unsigned i = 0; i < HV_COUNT(devices); i++)
		format_device(&devices[i], i);
	test_host_start(&host, &(struct test_host_config){ .hypervisor = hypervisor,
							   .hang_ms = HANG_MS,
							   .fault_threads = 2,
							   .keeps_vios = true });
	assert_int_equal(test_host_pool(&host, POOL_MIB, NULL), HV_OK);
	test_host_wait_pair(&host);
}

static void set_up_with(const char *hypervisor)
{
	set_up_host(hypervisor);
	test_host_run_all(&host, load, HV_COUNT(load), 200);
}

static int set_up(void **state)
{
	(void)state;
	set_up_with(NULL);
	return 0;
}

static int set_up_broken(void **state)
{
	(void)state;
	set_up_with("tarn-hypervisor-no-quarantine");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (fs.control != NULL)
		atomic_store(&fs.control->writer, 0);
	test_host_abandon(&host);
	slow_fs_close(&fs);
	return 0;
}

static void kill_and_return(unsigned vios)
{
	test_process_signal(&host.vios[vios], SIGKILL);
	bring_back(vios);
}

static void fail_over(unsigned count)
{
	uint64_t kib = 0;

	for (unsigned done = 1; done <= count; done++) {
		wait_until_both_serve();
		kill_and_return((unsigned)hv_rng_below(&rng, 2));
		trouble_pass_time(&host, hv_rng_below(&rng, CALM_MS));
		if (done == WARM_FAILOVERS)
			kib = hypervisor_kib();
		if (done % VERIFY_EACH == 0)
			test_host_verify(&host);
	}
	wait_until_both_serve();
	if (IS_SANITIZED || kib == 0)
		return;
	(void)printf("%5llu  KiB of the hypervisor after %u, %llu after %u\n",
		     (unsigned long long)kib, WARM_FAILOVERS,
		     (unsigned long long)hypervisor_kib(), count);
	assert_true(hypervisor_kib() < kib + GROWTH_KIB);
}

static const Tarn__Failover *last_hang(const Tarn__HvReply *reply)
{
	for (size_t i = reply->stat->n_failovers; i > 0; i--)
		if (strcmp(reply->stat->failovers[i - 1]->kind, "hang") == 0)
			return reply->stat->failovers[i - 1];
	return NULL;
}

static uint64_t hang(unsigned vios)
{
	Tarn__HvReply *reply;
	uint64_t wall_ms;

	wait_until_both_serve();
	test_process_signal(&host.vios[vios], SIGSTOP);
	bring_back(vios);
	wait_until_both_serve();
	reply = test_host_stat(&host, false);
	assert_non_null(last_hang(reply));
	wall_ms = last_hang(reply)->wall_ms;
	tarn__hv_reply__free_unpacked(reply, NULL);
	return wall_ms;
}

/* P10: while more than W slots in all are held back; vios1's later ends do not hide them. */
static void hangs_are_judged_rarely(void)
{
	uint64_t first_ms, second_ms;

	assert_true(held_back[0] + held_back[1] > W);
	kill_and_return(0);
	first_ms = hang(1);
	second_ms = hang(1);
	(void)printf("%5llu  ms between two hangs\n",
		     (unsigned long long)(second_ms - first_ms));
	assert_true(second_ms - first_ms >= HANG_PAUSE_MS);
}

static void a_vios_that_is_never_drained_costs_no_page(void **state)
{
	(void)state;
	lose_vios1_for_good();
	fail_over(failovers_wanted);
	hangs_are_judged_rarely();
	test_host_verify(&host);
	test_host_check(&host);
	let_it_end(); /* after all that, the writes of the first one */
	test_host_wait_all_page_ins(&host, load, HV_COUNT(load), 50);
	test_host_verify(&host);
	test_host_check(&host);
	trouble_print_partitions(&host);
	test_host_end(&host);
}

/* ---- one side of a mirror ---- */

static const struct test_partition mirrored = { .name = "left",
						.mem_mib = LPAR_MIB,
						.device = &devices[0],
						.is_mirrored = true,
						.threads = 4,
						.write_percent = 60,
						.primary = "vios1" };

static int set_up_mirrored(void **state)
{
	(void)state;
	set_up_host(NULL);
	(void)test_host_run(&host, &mirrored);
	(void)test_host_run(&host, &load[2]);
	test_host_wait_page_ins(&host, "left", 200);
	test_host_wait_redundant(&host);
	return 0;
}

static bool are_some_out(const Tarn__HvReply *reply, void *arg)
{
	return test_stat_partition(reply, arg)->slots_writing >= MUCH;
}

static bool has_missed_much(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *p = test_stat_partition(reply, arg);

	/* P17: a side is in doubt, no slot is */
	assert_int_equal(p->slots_quarantined, 0);
	return !p->redundant && p->missed > LPAR_MIB * MIB / HV_PAGE_BYTES / 4;
}

/* What comes late lands where nobody reads, and is made good before anybody does. */
static void late_writes_to_one_side_of_a_mirror_change_nothing(void **state)
{
	(void)state;
	atomic_store(&fs.control->writer, host.vios[0].pid);
	test_host_wait(&host, are_some_out, host.guests[0].name, TEST_HOST_WAIT_MS,
		       "page-outs under way");
	kill_and_return(0);
	test_host_wait(&host, has_missed_much, host.guests[0].name, TEST_HOST_WAIT_MS,
		       "much that the side of vios1 has missed");
	assert_true(atomic_load(&fs.control->held) > 0);
	atomic_store(&fs.control->writer, 0);
	test_host_wait_redundant(&host);
	host.config.keeps_vios = false;
	test_process_signal(&host.vios[1], SIGKILL); /* that side alone has to do */
	test_host_verify(&host);
	host.config.keeps_vios = true;
	test_host_wait_redundant(&host);
	test_host_verify(&host);
	test_host_check(&host);
	test_host_end(&host);
}

/* ---- one that ends meanwhile ---- */

static bool has_given_all_back(const Tarn__HvReply *reply, void *arg)
{
	const Tarn__PartitionStat *p = test_stat_partition(reply, arg);

	return p->state == TARN__PARTITION_STATE__PARTITION_ENDED &&
	       p->resident_pages + p->stealing_pages + p->inflight_pages == 0;
}

/* Its frames are the pool's at once; its device is nobody's before the proof (P9). */
static void one_that_ends_meanwhile_keeps_nothing_but_its_device(void **state)
{
	struct test_guest *left = &host.guests[0];
	Tarn__HvPartitionRemove remove = TARN__HV_PARTITION_REMOVE__INIT;
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	struct hv_err err = { 0 };

	(void)state;
	lose_vios1_for_good();
	test_process_signal(&left->process, SIGKILL);
	test_host_wait(&host, has_given_all_back, left->name, TEST_HOST_WAIT_MS,
		       "its frames");
	test_host_audit(&host);
	remove.name = left->name;
	remove.run_id = left->run_id;
	request.kind_case = TARN__HV_REQUEST__KIND_REMOVE;
	request.remove = &remove;
	assert_int_not_equal(test_host_order(&host, &request, &err), HV_OK);
	(void)printf("removed meanwhile: %s\n", err.text);
	test_host_wait_page_ins(&host, "right", 50);
	atomic_store(&fs.control->writer, 0);
	test_host_run_again(&host, left, &load[0]); /* on what the late writes hit */
	test_host_wait(&host, is_whole, NULL, TEST_HOST_WAIT_MS, "all devices open");
	test_host_wait_all_page_ins(&host, load, HV_COUNT(load), 50);
	test_host_verify(&host);
	test_host_check(&host);
	test_host_end(&host);
}

/* ---- the stale write ---- */

struct turn {
	uint64_t page_outs[2]; /* wanted */
};

static bool has_turned(const Tarn__HvReply *reply, void *arg)
{
	const struct turn *turn = arg;

	for (unsigned i = 0; i < HV_COUNT(stuck); i++)
		if (test_stat_partition(reply, stuck[i])->page_outs < turn->page_outs[i])
			return false;
	return true;
}

/* Each slot that may be written is written: those held back would be among them. */
static void rewrite_the_devices(void)
{
	Tarn__HvReply *reply = test_host_stat(&host, false);
	struct turn turn;

	for (unsigned i = 0; i < HV_COUNT(stuck); i++)
		turn.page_outs[i] = test_stat_partition(reply, stuck[i])->page_outs +
				    DEVICE_BYTES / HV_PAGE_BYTES;
	tarn__hv_reply__free_unpacked(reply, NULL);
	test_host_wait(&host, has_turned, &turn, TEST_HOST_WAIT_MS,
		       "a device's worth of page-outs over vios2");
}

static void late_writes_of_a_dead_vios_change_nothing(void **state)
{
	(void)state;
	lose_vios1_for_good();
	rewrite_the_devices();
	let_it_end();
	test_host_verify(&host);
	test_host_check(&host);
	test_host_end(&host);
}

static bool has_bad_pages(const Tarn__HvReply *reply, void *arg)
{
	uint64_t bad = 0;

	(void)arg;
	for (unsigned i = 0; i < HV_COUNT(stuck); i++) {
		const Tarn__PartitionStat *p = test_stat_partition(reply, stuck[i]);

		bad += p->poisoned_pages + p->mismatches + p->verify_bad;
	}
	return bad > 0;
}

static void without_quarantine_they_would(void **state)
{
	(void)state;
	atomic_store(&fs.control->writer, host.vios[0].pid);
	test_host_wait(&host, are_enough_out, NULL, TEST_HOST_WAIT_MS,
		       "page-outs of both under way");
	kill_and_return(0);
	test_host_wait(&host, are_over_vios2, NULL, TEST_HOST_WAIT_MS, "over vios2");
	rewrite_the_devices();
	let_it_end();
	for (unsigned i = 0; i < HV_COUNT(stuck); i++) /* may be refused: it has ended */
		(void)test_host_control(
			&host, &host.guests[i],
			TARN__PARTITION_COMMAND__PARTITION_COMMAND_VERIFY);
	test_host_wait(&host, has_bad_pages, NULL, TEST_HOST_WAIT_MS, "a page is lost");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define TEST(name, set_up) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(late_writes_of_a_dead_vios_change_nothing, set_up),
		TEST(without_quarantine_they_would, set_up_broken),
		TEST(late_writes_to_one_side_of_a_mirror_change_nothing, set_up_mirrored),
		TEST(one_that_ends_meanwhile_keeps_nothing_but_its_device, set_up),
		TEST(a_vios_that_is_never_drained_costs_no_page, set_up),
#undef TEST
	};

	failovers_wanted = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 12;
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	rng.state = test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
