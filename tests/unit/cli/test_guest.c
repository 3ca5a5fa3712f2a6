/*
 * guest - partitions that are QEMU guests: their options, and what is printed of them
 * (golden files).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/wire/guest_spec.h"
#include "tests/unit/cli/fake.h"
#include "tests/unit/cli/golden.h"

#define CREATE "lpar create g --mem 256M "
#define X86 CREATE "--guest qemu-x86_64 --kernel /k "

static void every_option_is_taken(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;
	const Tarn__GuestSpec *guest;
	const Tarn__LparSpec *spec;

	(void)state;
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, CREATE
				  "--guest qemu-ppc64 --kernel /boot/vmlinux "
				  "--initrd /boot/initrd --append console=hvc0,115200 "
				  "--disk /a.img --disk=/b.img,ro --net tap:tap0 "
				  "--vcpus 2 --accel tcg --units 0.5 "
				  "--loan-policy 2"),
			 CLI_DONE);
	request = fake_request(fake, 0);
	spec = request->lpar_create->spec;
	guest = spec->guest;
	assert_non_null(guest);
	assert_int_equal(guest->kind, TARN__GUEST_KIND__GUEST_QEMU_PPC64);
	assert_string_equal(guest->kernel, "/boot/vmlinux");
	assert_string_equal(guest->initrd, "/boot/initrd");
	assert_string_equal(guest->append, "console=hvc0,115200");
	assert_int_equal(guest->n_disks, 2);
	assert_string_equal(guest->disks[0]->path, "/a.img");
	assert_false(guest->disks[0]->read_only);
	assert_string_equal(guest->disks[1]->path, "/b.img");
	assert_true(guest->disks[1]->read_only);
	assert_string_equal(guest->net, "tap:tap0");
	assert_int_equal(guest->vcpus, 2);
	assert_int_equal(guest->accel, TARN__GUEST_ACCEL__GUEST_ACCEL_TCG);
	assert_int_equal(spec->n_disks, 0);
	assert_int_equal(spec->workload->kind, TARN__WORKLOAD_KIND__WORKLOAD_IDLE);
	assert_int_equal(spec->workload->loan_policy, 2);
	/* as many virtual processors as it sees */
	assert_string_equal(request->lpar_create->profile->attributes[5]->name,
			    "desired_procs");
	assert_string_equal(request->lpar_create->profile->attributes[5]->value, "2");
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

static void little_is_enough(void **state)
{
	struct fake *fake = fake_new();
	Tarn__ClusterRequest *request;
	const Tarn__GuestSpec *guest;

	(void)state;
	fake_answer_job(fake, 0);
	assert_int_equal(fake_run(fake, CREATE "--guest qemu-x86_64 --disk /d,ro"),
			 CLI_DONE);
	request = fake_request(fake, 0);
	guest = request->lpar_create->spec->guest;
	assert_int_equal(guest->kind, TARN__GUEST_KIND__GUEST_QEMU_X86_64);
	assert_null(guest->kernel);
	assert_null(guest->net);
	assert_int_equal(guest->vcpus, 1);
	assert_int_equal(guest->accel, TARN__GUEST_ACCEL__GUEST_ACCEL_AUTO);
	tarn__cluster_request__free_unpacked(request, NULL);
	fake_free(fake);
}

/* Nothing is asked, and the reason is said. */
static void wrong_options_are_refused_with_the_reason(void **state)
{
	static const char *const rows[][2] = {
		{ X86 "--workload zipf",
		  "--workload and --guest exclude each other: a guest runs its own" },
		{ X86 "--rate 5", "--rate and --guest exclude each other" },
		{ X86 "--working-set 5", "--working-set and --guest exclude" },
		{ X86 "--write-percent 5", "--write-percent and --guest exclude" },
		{ X86 "--seed 5", "--seed and --guest exclude" },
		{ X86 "--hints", "free pages are reported by its balloon" },
		{ X86 "--via-hpt", "a guest makes no calls of the hypervisor" },
		{ X86 "--hpt-ratio 1:64", "a guest makes no calls of the hypervisor" },
		{ X86 "--ethernet 1", "the devices of its QEMU; see --net" },
		{ X86 "--io-percent 1", "the devices of its QEMU" },
		{ X86 "--adapters 3", "the devices of its QEMU" },
		{ CREATE "--kernel /k", "--kernel needs --guest" },
		{ CREATE "--initrd /k", "--initrd needs --guest" },
		{ CREATE "--append x", "--append needs --guest" },
		{ CREATE "--net user", "--net needs --guest" },
		{ CREATE "--vcpus 1", "--vcpus needs --guest" },
		{ CREATE "--accel tcg", "--accel needs --guest" },
		{ CREATE "--guest qemu-arm", "--guest: 'qemu-arm' is" },
		{ CREATE "--guest qemu-x86_64", "needs a kernel, or a disk to boot" },
		{ X86 "--vcpus 0", "0 virtual processors are not 1 to 64" },
		{ X86 "--vcpus 65", "more than the limit of 64" },
		{ X86 "--accel hvf", "--accel: 'hvf' is" },
		{ X86 "--disk /d,cache=none",
		  "cache=none is refused: it is O_DIRECT, and pages that the kernel" },
		{ X86 "--disk /d,cache=directsync", "data is lost" },
		{ X86 "--disk /d,aio=native", "data is lost" },
		{ X86 "--disk /d,vhost=on", "'vhost=on' is refused" },
		{ X86 "--disk /d,rw", "'rw' behind the file is not known" },
		{ X86 "--disk /d,", "'' behind the file is not known" },
		{ X86 "--disk /d --disk /d,ro", "'/d' is twice its disk" },
		{ X86 "--disk d", "disk 'd' is not an absolute path" },
		{ X86 "--disk 1G", "disk '1G' is not an absolute path" },
		{ X86 "--net tap:t0,vhost=on", "'tap:t0,vhost=on' is refused: pages" },
		{ X86 "--net vfio:0000:01:00.0", "is refused: pages that the kernel" },
		{ X86 "--net bridge", "net 'bridge' is not none, user or tap:" },
		{ X86 "--kernel k", "--kernel is there twice" },
		{ X86 "--initrd i", "initrd 'i' is not an absolute path" },
		{ "lpar create g --mem 300M --guest qemu-ppc64 --kernel /k",
		  "memory of 300 MiB is not whole blocks of 256 MiB" },
	};
	struct fake *fake = fake_new();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		if (fake_run(fake, rows[i][0]) != CLI_WRONG_USAGE ||
		    strstr(fake->err, rows[i][1]) == NULL)
			fail_msg("'%s' says '%s'", rows[i][0], fake->err);
		assert_int_equal(fake->asked, 0);
	}
	fake_free(fake);
}

static void a_program_is_a_command_in_words(void **state)
{
	static const struct {
		const char *text;
		const char *words[5];
	} rows[] = {
		{ "redis-server", { "redis-server" } },
		{ "\t/bin/a\t\t-b\t'c\td'\t", { "/bin/a", "-b", "c d" } },
		{ "a\t''\t\"x\\\"y\"\tu\\\tv", { "a", "", "x\"y", "u v" } },
		{ "a\tb'c'\"d\"\t'\\'", { "a", "bcd", "\\" } },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		struct fake *fake = fake_new();
		Tarn__ClusterRequest *request;
		const Tarn__GuestSpec *guest;
		char line[256];
		unsigned count = 0;

		fake_answer_job(fake, 0);
		(void)snprintf(line, sizeof(line), CREATE "--program %s", rows[i].text);
		assert_int_equal(fake_run(fake, line), CLI_DONE);
		request = fake_request(fake, 0);
		guest = request->lpar_create->spec->guest;
		assert_int_equal(guest->kind, TARN__GUEST_KIND__GUEST_PROGRAM);
		for (; rows[i].words[count] != NULL; count++)
			assert_string_equal(guest->command[count], rows[i].words[count]);
		assert_int_equal(guest->n_command, count);
		tarn__cluster_request__free_unpacked(request, NULL);
		fake_free(fake);
	}
}

static void a_wrong_command_is_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "--program \t", "--program: a command, with no quote left open" },
		{ "--program a\t'b", "--program: a command, with no quote left open" },
		{ "--program ./a", "'./a' is neither the name of a program nor its" },
		{ "--program -a", "neither the name of a program" },
		{ "--program a\x01", "a byte of 1, which is not printed" },
		{ "--program a --guest qemu-x86_64", "--guest and --program exclude" },
		{ "--program a --workload zipf", "--workload and --program exclude" },
		{ "--program a --disk /d", "--disk and --program exclude" },
		{ "--program a --vcpus 2", "--vcpus and --program exclude" },
	};
	struct fake *fake = fake_new();

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++) {
		char line[256];

		(void)snprintf(line, sizeof(line), CREATE "%s", rows[i][0]);
		if (fake_run(fake, line) != CLI_WRONG_USAGE ||
		    strstr(fake->err, rows[i][1]) == NULL)
			fail_msg("'%s' says '%s'", rows[i][0], fake->err);
		assert_int_equal(fake->asked, 0);
	}
	fake_free(fake);
}

static void disks_and_paths_are_bounded(void **state)
{
	struct fake *fake = fake_new();
	char line[1024];

	(void)state;
	(void)snprintf(line, sizeof(line), X86);
	for (unsigned i = 0; i <= HV_GUEST_DISKS_MAX; i++)
		(void)snprintf(line + strlen(line), sizeof(line) - strlen(line),
			       " --disk /d%u", i);
	assert_int_equal(fake_run(fake, line), CLI_WRONG_USAGE);
	assert_non_null(strstr(fake->err, "--disk: a guest has at most 8"));
	(void)snprintf(line, sizeof(line), X86 "--disk /%0300d", 1);
	assert_int_equal(fake_run(fake, line), CLI_WRONG_USAGE);
	assert_non_null(strstr(fake->err, "--disk: a path is at most 255 bytes"));
	fake_free(fake);
}

static void what_it_runs_and_how_is_said(void **state)
{
	Tarn__StatusReply *status = fake_status_guest();

	(void)state;
	check_golden_of(status, "status", "status_guest.txt");
	check_golden_of(status, "lpar list", "lpar_list_guest.txt");
	check_golden_of(status, "lpar show web", "lpar_show_guest.txt");
	check_golden_of(status, "lpar show web --json", "lpar_show_guest.json");
	check_golden_of(status, "top --batch --count 1", "top_guest.txt");
	check_golden_of(status, "top --batch --count 1 --json", "top_guest.json");
	check_golden_of(status, "lpar stat", "lpar_stat_guest.txt");
	status->lpars[1]->stat->guest = NULL; /* it has said nothing yet */
	check_golden_of(status, "lpar show web", "lpar_show_guest_silent.txt");
}

static void its_part_in_a_drill_is_said(void **state)
{
	Tarn__ClusterReply reply = TARN__CLUSTER_REPLY__INIT;
	struct fake *fake = fake_new();
	Tarn__DrillPartition *row;
	size_t count;

	(void)state;
	reply.drills = fake_drills(&count);
	reply.n_drills = count;
	row = reply.drills[1]->partitions[1];
	row->has_guest = row->guest = true;
	row->verified = false;
	row->pages_verified = 0;
	row->has_pages_compared = true;
	row->pages_compared = row->pages_read = 812;
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, "drill show 2"), CLI_DONE);
	assert_non_null(strstr(fake->out, "-    0  a guest: what it read was right\n"));
	row->has_errors = true;
	row->errors = 1;
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, "drill show 2"), CLI_DONE);
	assert_non_null(strstr(fake->out, "page errors\n"));
	row->has_pages_compared = false;
	fake_answer(fake, &reply);
	assert_int_equal(fake_run(fake, "drill show 2"), CLI_DONE);
	assert_non_null(strstr(fake->out, "not verified\n"));
	fake_free(fake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_is_taken),
		cmocka_unit_test(little_is_enough),
		cmocka_unit_test(wrong_options_are_refused_with_the_reason),
		cmocka_unit_test(a_program_is_a_command_in_words),
		cmocka_unit_test(a_wrong_command_is_refused),
		cmocka_unit_test(disks_and_paths_are_bounded),
		cmocka_unit_test(what_it_runs_and_how_is_said),
		cmocka_unit_test(its_part_in_a_drill_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
