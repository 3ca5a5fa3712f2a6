/* LPARs that are QEMU guests: what they cannot do is refused; drills with them. */
#include "tests/unit/coordinator/drill_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/base/hist.h"
#include "hvcore/wire/lpar_profile.h"

#define X86 TARN__GUEST_KIND__GUEST_QEMU_X86_64
#define PPC64 TARN__GUEST_KIND__GUEST_QEMU_PPC64
#define TEXT(text) ((char *)(uintptr_t)(text))

static struct hv_err err;

static void must_say(const char *says)
{
	if (strstr(err.text, says) == NULL)
		fail_msg("'%s' does not say '%s'", err.text, says);
}

/* "g1": a guest of 64 MiB that runs on h1. */
static int open_guest(void **state)
{
	struct test_lpar lpar = { .name = "g1",
				  .host = "h1",
				  .mem = 64 * MIB,
				  .min = 32 * MIB,
				  .max = 128 * MIB,
				  .guest = X86 };

	(void)open_up(state);
	assert_int_equal(test_pgdev(&c, "h1", "d1", 128 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "g1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_true(model_host_lpar(&host, "g1")->is_guest);
	model_host_work(&host);
	test_settle(&c, &host);
	return 0;
}

static void a_guest_is_kept_and_told_to_its_host(void **state)
{
	const Tarn__GuestSpec *guest = lpar_of("g1")->spec->guest;

	(void)state;
	assert_int_equal(guest->kind, X86);
	assert_string_equal(guest->kernel, "/boot/vmlinuz");
	test_coordinator_restart(&c);
	assert_int_equal(lpar_of("g1")->spec->guest->kind, X86);
	test_settle(&c, &host);
	assert_true(model_host_lpar(&host, "g1")->is_running);
}

static void its_memory_stays_while_it_runs(void **state)
{
	struct test_lpar other = {
		.name = "p1", .host = "h1", .mem = 64 * MIB, .min = 16 * MIB
	};

	(void)state;
	assert_int_equal(test_lpar_resize(&c, "g1", 96 * MIB, &err, NULL), HV_E_REFUSED);
	must_say("is a guest of QEMU, whose memory stays what it is");
	assert_int_equal(test_lpar_create(&c, &other, NULL), HV_OK);
	assert_int_equal(test_pgdev(&c, "h1", "d2", 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_activate(&c, "p1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_move_memory(&c, "g1", "p1", 16 * MIB, &err, NULL),
			 HV_E_REFUSED);
	assert_int_equal(test_lpar_move_memory(&c, "p1", "g1", 16 * MIB, &err, NULL),
			 HV_E_REFUSED);
	/* off: its definition changes, as any other's */
	assert_int_equal(test_lpar_shutdown(&c, "g1", false, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_resize(&c, "g1", 96 * MIB, NULL, NULL), HV_OK);
	assert_int_equal(lpar_of("g1")->spec->mem_bytes, 96 * MIB);
	assert_non_null(lpar_of("g1")->spec->guest);
}

static void memory_of_a_pseries_guest_is_whole_blocks_also_later(void **state)
{
	struct test_lpar lpar = { .name = "g2",
				  .host = "h1",
				  .mem = 300 * MIB,
				  .max = 1024 * MIB,
				  .guest = PPC64 };

	(void)state;
	assert_int_equal(test_lpar_create(&c, &lpar, &err), HV_E_INVAL);
	must_say("memory of 300 MiB is not whole blocks of 256 MiB");
	lpar.mem = 256 * MIB;
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_resize(&c, "g2", 272 * MIB, &err, NULL), HV_E_INVAL);
	must_say("memory of 272 MiB is not whole blocks of 256 MiB");
	assert_int_equal(test_lpar_resize(&c, "g2", 512 * MIB, NULL, NULL), HV_OK);
}

/* What is free becomes its memory as far as its machine can have it. */
static void a_dedicated_pseries_guest_is_given_whole_blocks(void **state)
{
	struct test_lpar lpar = { .name = "big",
				  .host = "h1",
				  .is_dedicated = true,
				  .min = 256 * MIB,
				  .mem = 512 * MIB,
				  .guest = PPC64 };

	(void)state;
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "big", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_true(lpar_of("big")->granted_bytes == 512 * MIB ||
		    lpar_of("big")->granted_bytes == 256 * MIB);
	lpar.name = "big2";
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	if (test_lpar_activate(&c, "big2", &err, NULL) == HV_OK)
		assert_int_equal(lpar_of("big2")->granted_bytes % (256 * MIB), 0);
	else
		must_say("needs at least 256 MiB");
}

static enum hv_code set_processors(Tarn__LparSetProcessors *set)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;

	set->name = TEXT("g1");
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_LPAR_SET_PROCESSORS;
	request.lpar_set_processors = set;
	return test_change(&c, &request, &err, NULL);
}

static void units_change_and_virtual_processors_do_not(void **state)
{
	Tarn__LparSetProcessors set = TARN__LPAR_SET_PROCESSORS__INIT;

	(void)state;
	set.has_procs = true;
	set.procs = 2;
	assert_int_equal(set_processors(&set), HV_E_REFUSED);
	must_say("sees 1 virtual processors until it is defined anew");
	set.has_procs = false;
	set.has_more_procs = true;
	set.more_procs = 1;
	assert_int_equal(set_processors(&set), HV_E_REFUSED);
	set.has_more_procs = false;
	set.has_units = true;
	set.units = 50;
	assert_int_equal(set_processors(&set), HV_OK);
	assert_int_equal(lpar_of("g1")->processors->units, 50);
}

static enum hv_code set_profile(Tarn__LparProfile *profile)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ProfileSet message = TARN__PROFILE_SET__INIT;

	message.lpar = TEXT("g1");
	message.profile = profile;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_PROFILE_SET;
	request.profile_set = &message;
	return test_change(&c, &request, &err, NULL);
}

static void a_profile_gives_it_no_adapters(void **state)
{
	Tarn__VirtualEthernet ethernet = TARN__VIRTUAL_ETHERNET__INIT,
			      *ethernets[] = { &ethernet };
	Tarn__LparProfile profile = TARN__LPAR_PROFILE__INIT;

	(void)state;
	profile.name = TEXT("other");
	profile.mode = TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	profile.min_bytes = profile.mem_bytes = profile.max_bytes = 64 * MIB;
	ethernet.slot = 2;
	ethernet.vlan = 1;
	profile.ethernets = ethernets;
	profile.n_ethernets = 1;
	profile.has_virtual_adapters = true;
	profile.virtual_adapters = 3;
	assert_int_equal(set_profile(&profile), HV_E_INVAL);
	must_say("none of the hypervisor's virtual adapters");
	profile.n_ethernets = 0;
	assert_int_equal(set_profile(&profile), HV_OK);
	assert_int_equal(lpar_of("g1")->n_profiles, 2);
}

static void nothing_in_it_is_watched(void **state)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ConsoleOpen open = TARN__CONSOLE_OPEN__INIT;
	uint8_t key[HV_KEY_BYTES] = { 1 };
	Tarn__ClusterReply *reply;

	(void)state;
	open.lpar = TEXT("g1");
	open.session = (ProtobufCBinaryData){ sizeof(key), key };
	open.has_debugger = open.debugger = true;
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_CONSOLE_OPEN;
	request.console_open = &open;
	reply = test_ask(&c, &request);
	assert_int_equal(reply->error->code, HV_E_REFUSED);
	assert_non_null(strstr(reply->error->text, "is a guest of QEMU"));
	test_reply_free(reply);
}

/* ---- shutdown ---- */

static void one_that_does_not_obey_is_told_and_the_order_stands(void **state)
{
	const Tarn__JobRecord *record;
	uint64_t job, other;

	(void)state;
	host.is_deaf = true;
	assert_int_equal(test_lpar_shutdown(&c, "g1", false, NULL, &job), HV_OK);
	for (unsigned i = 0; i < 89; i++) {
		test_coordinator_run(&c, 1000);
		test_settle(&c, &host);
	}
	assert_false(cluster_job(test_cluster(&c), job)->done);
	for (unsigned i = 0; i < 200; i++) {
		test_coordinator_run(&c, 1000);
		test_settle(&c, &host);
	}
	record = cluster_job(test_cluster(&c), job);
	assert_true(record->done);
	assert_int_equal(record->error->code, HV_E_TIMEOUT);
	assert_non_null(strstr(record->error->text, "runs on after 90 s: its operating "
						    "system does not obey"));
	other = lpar_of("g1")->job;
	assert_true(other > job);
	assert_false(cluster_job(test_cluster(&c), other)->done);
	assert_string_equal(cluster_job(test_cluster(&c), other)->text,
			    "its operating system does not obey");
	assert_int_equal(test_lpar_shutdown(&c, "g1", false, &err, NULL), HV_E_BUSY);
	must_say("or use --immediate");
	assert_int_equal(test_lpar_shutdown(&c, "g1", true, NULL, &job), HV_OK);
	test_settle(&c, &host);
	assert_false(lpar_of("g1")->running);
	assert_true(cluster_job(test_cluster(&c), job)->done);
	assert_null(cluster_job(test_cluster(&c), job)->error);
}

static void one_that_obeys_late_ends_what_waits(void **state)
{
	uint64_t other;

	(void)state;
	host.is_deaf = true;
	assert_int_equal(test_lpar_shutdown(&c, "g1", false, NULL, NULL), HV_OK);
	for (unsigned i = 0; i < 100; i++) {
		test_coordinator_run(&c, 1000);
		test_settle(&c, &host);
	}
	other = lpar_of("g1")->job;
	host.is_deaf = false;
	test_settle(&c, &host);
	assert_false(lpar_of("g1")->has_job);
	assert_true(cluster_job(test_cluster(&c), other)->done);
	assert_null(cluster_job(test_cluster(&c), other)->error);
}

/* ---- drills ---- */

static const Tarn__DrillPartition *row_of(const char *name)
{
	for (size_t i = 0; i < drill()->n_partitions; i++)
		if (strcmp(drill()->partitions[i]->lpar, name) == 0)
			return drill()->partitions[i];
	fail_msg("no row of '%s'", name);
	return NULL;
}

static bool has_skipped(const char *says)
{
	for (size_t i = 0; i < drill()->n_skipped; i++)
		if (strstr(drill()->skipped[i], says) != NULL)
			return true;
	return false;
}

static void a_drill_of_guests_alone_passes_by_what_came_in(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("done", 60);
	must_be("passed", "0 pages verified, and ");
	must_be("passed", " of guests compared, none bad");
	assert_true(row_of("g1")->guest);
	assert_false(row_of("g1")->verified);
	assert_true(row_of("g1")->pages_compared >= 10);
	assert_int_equal(row_of("g1")->pages_compared, row_of("g1")->pages_read);
	assert_true(has_skipped("pages of LPAR 'g1' were not verified: it is a guest"));
	assert_true(has_step("guest 'g1': "));
	/* its page-ins of 1 ms, in a bucket that is a little wider */
	assert_true(row_of("g1")->longest_stall_us >= 1000);
	assert_true(row_of("g1")->longest_stall_us < 1100);
	assert_true(row_of("g1")->has_p99_stall_us);
}

static void a_page_in_over_the_bound_fails_it(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("switch", 60);
	model_host_lpar(&host, "g1")->stalls[hv_hist_bucket_of(1500000000)]++;
	run_until("done", 60);
	must_be("failed", "a partition stalled for 1");
}

static void what_it_waited_before_does_not_count(void **state)
{
	(void)state;
	model_host_lpar(&host, "g1")->stalls[hv_hist_bucket_of(1500000000)]++;
	test_settle(&c, &host);
	(void)start(KILL);
	run_until("done", 60);
	must_be("passed", "");
}

static void a_wrong_checksum_fails_it(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("switch", 60);
	model_host_lpar(&host, "g1")->checksum_errors = 1;
	run_until("done", 60);
	must_be("failed", "LPAR 'g1' met 1 page errors during the drill");
}

/* "db1" beside it, of 64 MiB, that pages. */
static void run_another(void)
{
	struct test_lpar lpar = { .name = "db1", .host = "h1", .mem = 64 * MIB };

	assert_int_equal(test_pgdev(&c, "h1", "d2", 64 * MIB, NULL, NULL), HV_OK);
	test_settle(&c, &host);
	assert_int_equal(test_lpar_create(&c, &lpar, NULL), HV_OK);
	assert_int_equal(test_lpar_activate(&c, "db1", NULL, NULL), HV_OK);
	test_settle(&c, &host);
	model_host_work(&host);
}

static void a_guest_beside_others_is_no_doubt(void **state)
{
	(void)state;
	run_another();
	(void)start(PLANNED);
	run_until("done", 60);
	must_be("passed", "16384 pages verified, and ");
	assert_true(row_of("db1")->verified);
	assert_false(row_of("db1")->has_pages_compared);
	assert_true(row_of("g1")->has_pages_compared);
}

static void a_guest_that_nothing_shows_of_leaves_a_doubt(void **state)
{
	(void)state;
	run_another();
	model_host_lpar(&host, "g1")->is_idle = true;
	(void)start(PLANNED);
	run_until("done", 60);
	must_be("inconclusive",
		"none of the 100 pages of guest 'g1' that are out was read back");
}

/* Nothing of it is out, so nothing of it can be lost. */
static void a_guest_that_is_all_there_leaves_none(void **state)
{
	(void)state;
	run_another();
	model_host_lpar(&host, "g1")->is_idle = true;
	model_host_lpar(&host, "g1")->stolen_pages = 0;
	(void)start(PLANNED);
	run_until("done", 60);
	must_be("passed", ", and 0 of guests compared, none bad");
}

static void a_guest_that_dies_fails_it(void **state)
{
	(void)state;
	(void)start(KILL);
	run_until("switch", 60);
	model_host_end_lpar(&host, "g1");
	run_until("done", 60);
	must_be("failed", "LPAR 'g1' ended during the drill");
}

static void a_drill_of_guests_goes_on_after_a_restart(void **state)
{
	(void)state;
	restart_in_each_phase(KILL);
	must_be("passed", " of guests compared");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_guest, close_one)
		TEST(a_guest_is_kept_and_told_to_its_host),
		TEST(its_memory_stays_while_it_runs),
		TEST(memory_of_a_pseries_guest_is_whole_blocks_also_later),
		TEST(a_dedicated_pseries_guest_is_given_whole_blocks),
		TEST(units_change_and_virtual_processors_do_not),
		TEST(a_profile_gives_it_no_adapters),
		TEST(nothing_in_it_is_watched),
		TEST(one_that_does_not_obey_is_told_and_the_order_stands),
		TEST(one_that_obeys_late_ends_what_waits),
		TEST(a_drill_of_guests_alone_passes_by_what_came_in),
		TEST(a_page_in_over_the_bound_fails_it),
		TEST(what_it_waited_before_does_not_count),
		TEST(a_wrong_checksum_fails_it),
		TEST(a_guest_beside_others_is_no_doubt),
		TEST(a_guest_that_nothing_shows_of_leaves_a_doubt),
		TEST(a_guest_that_is_all_there_leaves_none),
		TEST(a_guest_that_dies_fails_it),
		TEST(a_drill_of_guests_goes_on_after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
