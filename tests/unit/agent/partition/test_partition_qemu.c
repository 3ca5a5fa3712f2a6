/*
 * Unit tests of the command line of QEMU (qemu_command.h), of what is opened for it
 * (qemu_files.h), and of the look at KVM (qemu_kvm.h).
 *
 * The command lines are those of golden/KIND; with TARN_GOLDEN=write they are written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/partition/qemu_command.h"
#include "agent/partition/qemu_files.h"
#include "agent/partition/qemu_kvm.h"
#include "tests/support/tmpdir.h"

static struct qemu_command command;

static struct qemu_command_config config_of(enum qemu_kind kind)
{
	return (struct qemu_command_config){
		.kind = kind,
		.program = "/usr/bin/qemu",
		.name = "web1",
		.bytes = UINT64_C(512) << 20,
		.vcpus = 2,
		.accel = HV_GUEST_ACCEL_TCG,
		.is_shared = true,
		.kernel_fd = 10,
		.initrd_fd = 11,
		.append = "console=ttyS0 quiet,x=\"1 2\"",
		.disks = { { 12, false, false }, { 13, true, true } },
		.disk_count = 2,
		.serial_fd = 14,
		.qmp_fd = 15,
	};
}

static void join(char *room, size_t bytes)
{
	size_t at = 0;

	for (unsigned i = 0; command.arguments[i] != NULL; i++)
		at += (size_t)snprintf(room + at, bytes - at, "%s\n",
				       command.arguments[i]);
}

static void compare(const char *name)
{
	static char text[QEMU_TEXT_BYTES * 2], there[QEMU_TEXT_BYTES * 2];
	const char *source = getenv("TARN_SOURCE"), *golden = getenv("TARN_GOLDEN");
	bool is_write = golden != NULL && strcmp(golden, "write") == 0;
	char path[512];
	FILE *file;
	size_t n;

	join(text, sizeof(text));
	(void)snprintf(path, sizeof(path), "%s/tests/unit/agent/partition/golden/%s",
		       source != NULL ? source : ".", name);
	file = fopen(path, is_write ? "w" : "r");
	assert_non_null(file);
	if (is_write) {
		assert_true(fputs(text, file) >= 0);
	} else {
		n = fread(there, 1, sizeof(there) - 1, file);
		there[n] = '\0';
		assert_string_equal(text, there);
	}
	assert_int_equal(fclose(file), 0);
}

static void each_kind_has_the_command_line_that_it_had(void **state)
{
	struct qemu_command_config config = config_of(QEMU_X86_64);

	(void)state;
	assert_int_equal(qemu_command_make(&config, &command, NULL), HV_OK);
	compare("qemu-x86_64");
	config.kind = QEMU_PPC64;
	config.net.kind = QEMU_NET_USER;
	assert_int_equal(qemu_command_make(&config, &command, NULL), HV_OK);
	compare("qemu-ppc64");
	config = (struct qemu_command_config){
		.kind = QEMU_X86_64,
		.program = "/usr/bin/qemu",
		.name = "ded1",
		.bytes = UINT64_C(64) << 20,
		.vcpus = 1,
		.accel = HV_GUEST_ACCEL_KVM,
		.kernel_fd = -1,
		.initrd_fd = -1,
		.net = { QEMU_NET_TAP, "tap0", 16 },
		.serial_fd = -1,
		.qmp_fd = 15,
	};
	assert_int_equal(qemu_command_make(&config, &command, NULL), HV_OK);
	compare("qemu-x86_64-kvm");
}

static enum hv_code code_of(const struct qemu_command_config *config)
{
	return qemu_command_make(config, &command, NULL);
}

static void what_no_guest_can_have_is_refused(void **state)
{
	struct qemu_command_config config = config_of(QEMU_PPC64);
	static char text[QEMU_TEXT_BYTES];

	(void)state;
	config.bytes = UINT64_C(384) << 20;
	assert_int_equal(code_of(&config), HV_E_INVAL);
	config = config_of(QEMU_X86_64);
	config.bytes += 4096;
	assert_int_equal(code_of(&config), HV_E_INVAL);
	config = config_of(QEMU_X86_64);
	config.vcpus = QEMU_VCPUS_MAX + 1;
	assert_int_equal(code_of(&config), HV_E_INVAL);
	config.vcpus = 0;
	assert_int_equal(code_of(&config), HV_E_INVAL);
	config = config_of(QEMU_NONE);
	assert_int_equal(code_of(&config), HV_E_INVAL);
	config = config_of(QEMU_X86_64);
	config.disk_count = QEMU_DISKS_MAX + 1;
	assert_int_equal(code_of(&config), HV_E_LIMIT);
	config = config_of(QEMU_X86_64);
	config.kernel_fd = -1;
	assert_int_equal(code_of(&config), HV_E_INVAL);
	config.append = NULL;
	assert_int_equal(code_of(&config), HV_E_INVAL);
	config = config_of(QEMU_X86_64);
	memset(text, 'a', sizeof(text) - 1);
	config.append = text;
	assert_int_equal(code_of(&config), HV_E_LIMIT);
	config = config_of(QEMU_X86_64);
	config.disk_count = QEMU_DISKS_MAX;
	config.net.kind = QEMU_NET_TAP;
	assert_int_equal(code_of(&config), HV_OK);
}

static void disks_and_networks_are_what_can_be_paged(void **state)
{
	static const struct {
		const char *text;
		enum hv_code code;
	} disks[] = {
		{ "/a", HV_OK },
		{ "/a,ro", HV_OK },
		{ "a", HV_E_INVAL },
		{ "/a,rw", HV_E_INVAL },
		{ "/a,ro,ro", HV_E_INVAL },
		{ "/a,cache=none", HV_E_REFUSED },
		{ "/a,vhost-user", HV_E_REFUSED },
	}, nets[] = {
		{ "none", HV_OK },
		{ "user", HV_OK },
		{ "tap:tap0", HV_OK },
		{ "tap:", HV_E_INVAL },
		{ "tap:a-name-that-is-too-long", HV_E_INVAL },
		{ "tap:a/b", HV_E_INVAL },
		{ "bridge", HV_E_INVAL },
		{ "tap:tap0,vhost=on", HV_E_REFUSED },
		{ "vfio", HV_E_REFUSED },
	};
	struct qemu_net net;
	bool is_read_only;
	size_t bytes;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(disks); i++)
		if (qemu_disk_parse(disks[i].text, &bytes, &is_read_only, NULL) !=
		    disks[i].code)
			fail_msg("disk %s", disks[i].text);
	for (unsigned i = 0; i < HV_COUNT(nets); i++)
		if (qemu_net_parse(nets[i].text, &net, NULL) != nets[i].code)
			fail_msg("net %s", nets[i].text);
	assert_int_equal(qemu_disk_parse("/abc,ro", &bytes, &is_read_only, NULL), HV_OK);
	assert_int_equal(bytes, 4);
	assert_true(is_read_only);
}

static void a_file_is_opened_so_that_another_user_can_read_it(void **state)
{
	static const char text[] = "kernel";
	struct test_tmpdir dir;
	struct qemu_disk disk;
	char path[TEST_PATH_BYTES], read_back[16];
	struct stat status;
	int fd;

	(void)state;
	test_tmpdir_make(&dir);
	(void)test_tmpdir_file(&dir, "kernel", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, text, sizeof(text)), sizeof(text));
	(void)close(fd);
	assert_int_equal(qemu_file_open(path, &fd, NULL), HV_OK);
	assert_int_equal(fstat(fd, &status), 0);
	assert_true((status.st_mode & S_IROTH) != 0);
	assert_int_equal(read(fd, read_back, sizeof(read_back)), sizeof(text));
	assert_string_equal(read_back, text);
	(void)close(fd);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(qemu_file_open(path, &fd, NULL), HV_OK);
	(void)close(fd);
	assert_int_equal(qemu_disk_open(path, &disk, NULL), HV_OK);
	assert_false(disk.is_device);
	(void)close(disk.fd);
	assert_int_equal(qemu_file_open(dir.path, &fd, NULL), HV_E_INVAL);
	assert_int_equal(qemu_disk_open("/dev/null", &disk, NULL), HV_E_INVAL);
	assert_int_equal(qemu_disk_open("/nothing/there", &disk, NULL), HV_E_NOTFOUND);
	assert_int_equal(qemu_file_open("/nothing/there", &fd, NULL), HV_E_NOTFOUND);
	test_tmpdir_remove(&dir);
}

static void a_qemu_that_is_missing_is_named_with_its_package(void **state)
{
	const char *path = NULL, *before = getenv("PATH");
	char kept[1024], room[64];
	struct hv_err err = { 0 };

	(void)state;
	(void)snprintf(kept, sizeof(kept), "%s", before != NULL ? before : "");
	assert_int_equal(setenv("PATH", "/nothing::relative:/there", 1), 0);
	assert_int_equal(qemu_program_find(QEMU_PPC64, &path, room, sizeof(room), &err),
			 HV_E_NOTFOUND);
	assert_non_null(strstr(err.text, "package qemu-system-ppc"));
	assert_int_equal(setenv("PATH", kept, 1), 0);
	path = "/nothing/there";
	assert_int_equal(qemu_program_find(QEMU_X86_64, &path, room, sizeof(room), &err),
			 HV_E_NOTFOUND);
}

/* What this machine can is its own affair; that it says why it cannot is ours. */
static void kvm_runs_a_guest_or_says_why_not(void **state)
{
	struct hv_err err = { 0 };
	enum hv_code code;
	int fd = -1;

	(void)state;
	assert_int_equal(qemu_kvm_probe(false, &fd, &err), HV_E_NOFIT);
	code = qemu_kvm_probe(true, &fd, &err);
	if (code == HV_OK) {
		(void)close(fd);
		return;
	}
	assert_true(code == HV_E_NOTFOUND || code == HV_E_DENIED || code == HV_E_REFUSED);
	assert_true(strlen(err.text) > 0);
	(void)fprintf(stderr, "kvm: %s\n", err.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_has_the_command_line_that_it_had),
		cmocka_unit_test(what_no_guest_can_have_is_refused),
		cmocka_unit_test(disks_and_networks_are_what_can_be_paged),
		cmocka_unit_test(a_file_is_opened_so_that_another_user_can_read_it),
		cmocka_unit_test(a_qemu_that_is_missing_is_named_with_its_package),
		cmocka_unit_test(kvm_runs_a_guest_or_says_why_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
