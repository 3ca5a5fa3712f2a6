/* Unit tests of agent/machine.h: what a QEMU guest names, and its command line. */
#include "tests/unit/agent/shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/machine.h"
#include "hvcore/wire/local.h"

#define TEXT(text) ((char *)(uintptr_t)(text))

/* A guest whose files are all there, and a QEMU to be found in PATH. */
struct machine {
	struct shell *shell;
	Tarn__LparSpec spec;
	Tarn__Workload load;
	Tarn__GuestSpec guest;
	Tarn__GuestDisk disks[2], *list[2];
	char kernel[HV_FILE_PATH_BYTES], initrd[HV_FILE_PATH_BYTES],
		disk[HV_FILE_PATH_BYTES];
	struct command command;
	struct hv_err err;
	char path[2 * HV_FILE_PATH_BYTES];
};

static void make_program(struct shell *shell, const char *name)
{
	char path[HV_FILE_PATH_BYTES];
	int fd = open(shell_path(shell, name, path), O_WRONLY | O_CREAT, 0755);

	assert_true(fd >= 0);
	(void)close(fd);
}

static void make(struct machine *machine, struct shell *shell)
{
	*machine = (struct machine){ .shell = shell };
	tarn__lpar_spec__init(&machine->spec);
	tarn__workload__init(&machine->load);
	tarn__guest_spec__init(&machine->guest);
	machine->load.kind = TARN__WORKLOAD_KIND__WORKLOAD_IDLE;
	machine->spec.mode = TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED;
	machine->spec.workload = &machine->load;
	machine->spec.guest = &machine->guest;
	machine->guest.kind = TARN__GUEST_KIND__GUEST_QEMU_X86_64;
	shell_write(shell, "kernel", "k", 1);
	shell_write(shell, "initrd", "initrd", 6);
	shell_write(shell, "disk", "0123456789", 10);
	machine->guest.kernel = machine->kernel;
	machine->guest.initrd = machine->initrd;
	(void)shell_path(shell, "kernel", machine->kernel);
	(void)shell_path(shell, "initrd", machine->initrd);
	(void)shell_path(shell, "disk", machine->disk);
	for (unsigned i = 0; i < HV_COUNT(machine->disks); i++) {
		tarn__guest_disk__init(&machine->disks[i]);
		machine->disks[i].path = machine->disk;
		machine->list[i] = &machine->disks[i];
	}
	machine->disks[1].has_read_only = machine->disks[1].read_only = true;
	machine->guest.disks = machine->list;
	machine->guest.n_disks = 1;
	make_program(shell, "qemu-system-x86_64");
	(void)snprintf(machine->path, sizeof(machine->path), ":/nowhere:%s",
		       shell->state);
	assert_int_equal(setenv("PATH", machine->path, 1), 0);
}

static enum hv_code add(struct machine *machine)
{
	assert_int_equal(command_begin(&machine->command, "/b", "tarn-partition", NULL),
			 HV_OK);
	return agent_machine_add(&machine->spec, &machine->command, &machine->err);
}

static void must_fail(struct machine *machine, enum hv_code code, const char *says)
{
	enum hv_code got = add(machine);

	if (got != code || strstr(machine->err.text, says) == NULL)
		fail_msg("%d '%s' is not %d '%s'", got, hv_err_text(&machine->err), code,
			 says);
	assert_int_equal(machine->command.count, 1); /* nothing is added */
}

static void its_command_line_has_all_of_it(void **state)
{
	struct machine m;
	char text[HV_FILE_PATH_BYTES + 16];

	make(&m, *state);
	m.guest.append = TEXT("console=ttyS0 quiet");
	m.guest.net = TEXT("user");
	m.guest.vcpus = 3;
	m.load.loan_policy = 2;
	m.guest.has_accel = true;
	m.guest.accel = TARN__GUEST_ACCEL__GUEST_ACCEL_TCG;
	m.guest.n_disks = 2;
	assert_int_equal(add(&m), HV_OK);
	assert_int_equal(m.command.count, 12);
	assert_string_equal(m.command.arguments[1], "--guest=qemu-x86_64");
	(void)snprintf(text, sizeof(text), "--qemu=%s/qemu-system-x86_64",
		       m.shell->state);
	assert_string_equal(m.command.arguments[2], text);
	(void)snprintf(text, sizeof(text), "--kernel=%s", m.kernel);
	assert_string_equal(m.command.arguments[3], text);
	(void)snprintf(text, sizeof(text), "--initrd=%s", m.initrd);
	assert_string_equal(m.command.arguments[4], text);
	assert_string_equal(m.command.arguments[5], "--append=console=ttyS0 quiet");
	(void)snprintf(text, sizeof(text), "--disk=%s", m.disk);
	assert_string_equal(m.command.arguments[6], text);
	(void)snprintf(text, sizeof(text), "--disk=%s,ro", m.disk);
	assert_string_equal(m.command.arguments[7], text);
	assert_string_equal(m.command.arguments[8], "--net=user");
	assert_string_equal(m.command.arguments[9], "--vcpus=3");
	assert_string_equal(m.command.arguments[10], "--accel=tcg");
	assert_string_equal(m.command.arguments[11], "--loan-policy=2");
	assert_int_equal(agent_machine_file_bytes(&m.guest), 10);
}

static void what_is_not_said_is_not_added(void **state)
{
	struct machine m;

	make(&m, *state);
	m.guest.kernel = m.guest.initrd = NULL;
	assert_int_equal(add(&m), HV_OK);
	assert_int_equal(m.command.count, 7);
	assert_string_equal(m.command.arguments[4], "--vcpus=1");
	assert_string_equal(m.command.arguments[5], "--accel=auto");
	assert_string_equal(m.command.arguments[6], "--loan-policy=1");
}

static void each_missing_file_is_named(void **state)
{
	struct machine m;

	make(&m, *state);
	m.guest.kernel = TEXT("/nowhere/vmlinuz");
	must_fail(&m, HV_E_NOTFOUND, "kernel '/nowhere/vmlinuz' is not on this host");
	m.guest.kernel = m.shell->state;
	must_fail(&m, HV_E_INVAL, "is not a file");
	m.guest.kernel = m.kernel;
	m.guest.initrd = TEXT("/dev/null/x");
	must_fail(&m, HV_E_NOTFOUND, "initrd '/dev/null/x' is not on this host");
	m.guest.initrd = m.initrd;
	m.disks[0].path = TEXT("/nowhere/d");
	must_fail(&m, HV_E_NOTFOUND, "disk '/nowhere/d' is not on this host");
	m.disks[0].path = TEXT("/dev/null");
	must_fail(&m, HV_E_INVAL, "disk '/dev/null' is neither a file nor a block");
	m.disks[0].path = m.disk;
	assert_int_equal(unlink(m.kernel), 0);
	must_fail(&m, HV_E_NOTFOUND, "is not on this host");
	assert_int_equal(agent_machine_file_bytes(&m.guest), 10);
}

/* A path that is a circle: whatever else is wrong with it, too. */
static void other_errors_are_told_as_they_are(void **state)
{
	struct machine m;
	char loop[HV_FILE_PATH_BYTES];

	make(&m, *state);
	assert_int_equal(symlink("circle", shell_path(m.shell, "circle", loop)), 0);
	m.guest.kernel = loop;
	must_fail(&m, HV_E_OS, "Too many levels of symbolic links");
}

/* /sys is read only for everybody: root, too. */
static void a_disk_that_cannot_be_written_is_told(void **state)
{
	struct machine m;
	struct stat status;

	make(&m, *state);
	m.disks[0].path = TEXT("/proc/sys/kernel/osrelease");
	if (stat(m.disks[0].path, &status) != 0 || access(m.disks[0].path, W_OK) == 0)
		skip();
	must_fail(&m, HV_E_DENIED, "cannot be written (',ro' behind it makes it");
	m.disks[0].has_read_only = m.disks[0].read_only = true;
	assert_int_equal(add(&m), HV_OK);
}

static void the_package_of_a_qemu_that_is_missing_is_named(void **state)
{
	struct machine m;

	make(&m, *state);
	m.guest.kind = TARN__GUEST_KIND__GUEST_QEMU_PPC64;
	must_fail(&m, HV_E_NOTFOUND,
		  "qemu-system-ppc64 is not installed on this host: the Debian package "
		  "qemu-system-ppc has it");
	make_program(m.shell, "qemu-system-ppc64");
	assert_int_equal(add(&m), HV_OK);
	assert_string_equal(m.command.arguments[1], "--guest=qemu-ppc64");
	m.guest.kind = TARN__GUEST_KIND__GUEST_QEMU_X86_64;
	assert_int_equal(setenv("PATH", "/nowhere", 1), 0);
	must_fail(&m, HV_E_NOTFOUND, "the Debian package qemu-system-x86 has it");
}

static void an_interface_is_a_tap_that_is_there(void **state)
{
	struct machine m;

	make(&m, *state);
	m.guest.net = TEXT("tap:tarn-no-such");
	must_fail(&m, HV_E_NOTFOUND,
		  "network interface 'tarn-no-such' is not on this host, or is no tap");
	m.guest.net = TEXT("tap:lo");
	must_fail(&m, HV_E_NOTFOUND, "'ip tuntap add dev lo mode tap'");
	m.guest.net = TEXT("none");
	assert_int_equal(add(&m), HV_OK);
}

static void a_program_is_the_end_of_the_line(void **state)
{
	char *words[] = { TEXT("server"), TEXT("--port"), TEXT("7%d"), TEXT("") };
	char text[HV_FILE_PATH_BYTES + 16];
	struct machine m;

	make(&m, *state);
	m.guest.kind = TARN__GUEST_KIND__GUEST_PROGRAM;
	m.guest.kernel = m.guest.initrd = NULL;
	m.guest.n_disks = 0;
	m.guest.command = words;
	m.guest.n_command = HV_COUNT(words);
	must_fail(&m, HV_E_NOTFOUND, "program 'server' is not installed on this host");
	make_program(m.shell, "server");
	assert_int_equal(add(&m), HV_OK);
	(void)snprintf(text, sizeof(text), "--program=%s/server", m.shell->state);
	assert_int_equal(m.command.count, 6);
	assert_string_equal(m.command.arguments[1], text);
	assert_string_equal(m.command.arguments[2], "--");
	assert_string_equal(m.command.arguments[3], "--port");
	assert_string_equal(m.command.arguments[4], "7%d");
	assert_string_equal(m.command.arguments[5], "");
	words[0] = m.kernel;
	m.guest.n_command = 1;
	assert_int_equal(add(&m), HV_OK);
	assert_int_equal(m.command.count, 2);
	assert_true(agent_machine_file_bytes(&m.guest) > 0);
	words[0] = TEXT("/nowhere/at/all");
	must_fail(&m, HV_E_NOTFOUND, "program '/nowhere/at/all' is not on this host");
}

/* As a partition: descriptors as any, no debugger, nothing of a workload. */
static void a_guest_is_started_as_any_partition(void **state)
{
	static const uint8_t token[HV_TOKEN_BYTES] = { 0xab, 0x01 };
	struct agent_spawn what = { .kind = AGENT_PARTITION,
				    .name = "g1",
				    .run_id = 7,
				    .token = token,
				    .processors = 2 };
	char path[HV_FILE_PATH_BYTES], line[4096] = "";
	struct machine m;
	int attach = -1;
	unsigned fds;

	make(&m, *state);
	what.spec = &m.spec;
	(void)shell_path(m.shell, "run/attach.sock", path);
	assert_int_equal(hv_local_listen(path, &attach, NULL), HV_OK);
	fds = shell_descriptors();
	assert_int_equal(command_make(&m.shell->options, "/b", &what, &m.command, &m.err),
			 HV_OK);
	for (unsigned i = 0; i < m.command.count; i++)
		(void)snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s",
			       m.command.arguments[i]);
	assert_non_null(strstr(line, " --name=g1 --run-id=7 --token ab01"));
	assert_non_null(strstr(line, " --guest=qemu-x86_64 "));
	assert_non_null(strstr(line, " --console-fd="));
	assert_non_null(strstr(line, " --pid-file-fd="));
	assert_null(strstr(line, "debug"));
	assert_null(strstr(line, "workload"));
	assert_null(strstr(line, "threads"));
	assert_int_equal(m.command.fd_count, 3);
	command_close(&m.command);
	m.guest.kernel = TEXT("/nowhere/vmlinuz");
	assert_int_equal(command_make(&m.shell->options, "/b", &what, &m.command, &m.err),
			 HV_E_NOTFOUND);
	assert_int_equal(shell_descriptors(), fds);
	(void)close(attach);
}

/* The longest of everything that a decoder lets through. */
static void the_longest_guest_fits(void **state)
{
	static char append[HV_GUEST_APPEND_MAX];
	Tarn__GuestDisk disks[HV_GUEST_DISKS_MAX], *list[HV_GUEST_DISKS_MAX];
	char dir[HV_FILE_PATH_BYTES], name[HV_GUEST_FILE_MAX + 1];
	size_t length;
	struct machine m;

	make(&m, *state);
	memset(append, 'a', sizeof(append) - 1);
	/* as long a path as can be: the same directory again and again */
	length = (size_t)snprintf(dir, sizeof(dir), "%s", m.shell->state);
	(void)snprintf(name, sizeof(name), "%.200s", dir);
	while (length + strlen("/./disk") < HV_GUEST_FILE_MAX) {
		(void)snprintf(name + length, sizeof(name) - length, "/.");
		length += 2;
	}
	(void)snprintf(name + length, sizeof(name) - length, "/disk");
	m.guest.kernel = m.guest.initrd = name;
	m.guest.append = append;
	for (unsigned i = 0; i < HV_GUEST_DISKS_MAX; i++) {
		tarn__guest_disk__init(&disks[i]);
		disks[i].path = name;
		disks[i].read_only = true;
		list[i] = &disks[i];
	}
	m.guest.disks = list;
	m.guest.n_disks = HV_GUEST_DISKS_MAX;
	m.guest.net = TEXT("user");
	m.guest.vcpus = HV_GUEST_VCPUS_MAX;
	assert_int_equal(add(&m), HV_OK);
	/* what every partition has, and a QEMU that lies deep */
	assert_true(m.command.used + 1024 + HV_FILE_PATH_BYTES < COMMAND_TEXT_BYTES);
	assert_true(m.command.count + 10 < COMMAND_ARGUMENTS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(its_command_line_has_all_of_it),
		SHELL_TEST(what_is_not_said_is_not_added),
		SHELL_TEST(each_missing_file_is_named),
		SHELL_TEST(other_errors_are_told_as_they_are),
		SHELL_TEST(a_disk_that_cannot_be_written_is_told),
		SHELL_TEST(the_package_of_a_qemu_that_is_missing_is_named),
		SHELL_TEST(an_interface_is_a_tap_that_is_there),
		SHELL_TEST(a_program_is_the_end_of_the_line),
		SHELL_TEST(a_guest_is_started_as_any_partition),
		SHELL_TEST(the_longest_guest_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
