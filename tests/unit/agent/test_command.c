/* Unit tests of agent/command.h: command lines and descriptors of the programs. */
#include "tests/unit/agent/shell.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/tty.h"
#include "hvcore/base/pidfile.h"
#include "hvcore/wire/local.h"

static const uint8_t token[HV_TOKEN_BYTES] = { 0xab, 0x01 };

struct partition {
	Tarn__LparSpec spec;
	Tarn__Workload load;
	struct agent_spawn what;
};

static void make_partition(struct partition *partition, Tarn__MemoryMode mode)
{
	tarn__lpar_spec__init(&partition->spec);
	tarn__workload__init(&partition->load);
	partition->load.kind = TARN__WORKLOAD_KIND__WORKLOAD_PHASES;
	partition->load.working_set_percent = 60;
	partition->load.write_percent = 30;
	partition->load.rate = 1000;
	partition->load.seed = 9;
	partition->load.via_hpt = true;
	partition->spec.mode = mode;
	partition->spec.workload = &partition->load;
	partition->what = (struct agent_spawn){ .kind = AGENT_PARTITION,
						.name = "db1",
						.run_id = 7,
						.token = token,
						.spec = &partition->spec };
}

/* All arguments, each with a blank before it. */
static const char *line_of(const struct command *command)
{
	static char line[4096];

	line[0] = '\0';
	for (unsigned i = 0; i < command->count; i++)
		(void)snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s",
			       command->arguments[i]);
	assert_null(command->arguments[command->count]);
	return line;
}

static void assert_says(const struct command *command, const char *text)
{
	if (strstr(line_of(command), text) == NULL)
		fail_msg("no '%s' in '%s'", text, line_of(command));
}

static void services_get_their_options(void **state)
{
	const struct agent_spawn hypervisor = { .kind = AGENT_HYPERVISOR, .name = "" };
	const struct agent_spawn vios = { .kind = AGENT_VIOS, .name = "vios1" };
	struct shell *shell = *state;
	struct command command;
	char text[HV_FILE_PATH_BYTES];

	assert_int_equal(
		command_make(&shell->options, "/bin-dir", &hypervisor, &command, NULL),
		HV_OK);
	assert_string_equal(command.program, "/bin-dir/tarn-hypervisor");
	(void)snprintf(text, sizeof(text), " --state=%s --memory=2147483648 ",
		       shell->state);
	assert_says(&command, text);
	assert_says(&command, " --lmb=16777216 --hang-ms=500 --home-near=yes "
			      "--steer=yes --read-ahead=15 --expect-writes=yes "
			      "--hedge-us=1000 --tier-share=10");
	assert_int_equal(command.fd_count, 1);
	command_close(&command);
	shell->options.home_near = false;
	shell->options.steer = false;
	shell->options.read_ahead = 0;
	shell->options.hedge_us = 0;
	shell->options.tier_share = 0;
	assert_int_equal(
		command_make(&shell->options, "/bin-dir", &hypervisor, &command, NULL),
		HV_OK);
	assert_says(&command, " --home-near=no --steer=no --read-ahead=0 "
			      "--expect-writes=yes --hedge-us=0 "
			      "--tier-share=0");
	command_close(&command);
	assert_int_equal(command_make(&shell->options, "/bin-dir", &vios, &command, NULL),
			 HV_OK);
	assert_says(&command, " --name=vios1");
	assert_null(strstr(line_of(&command), "drills"));
	command_close(&command);
	shell->options.allow_drills = true;
	assert_int_equal(command_make(&shell->options, "/bin-dir", &vios, &command, NULL),
			 HV_OK);
	assert_says(&command, " --allow-drills");
	command_close(&command);
}

static void a_vios_is_told_where_its_devices_are(void **state)
{
	static const uint8_t id[AGENT_ID_BYTES] = { 0xab, 0x01 };
	struct agent_spawn vios = { .kind = AGENT_VIOS,
				    .name = "rv",
				    .remote_url = "ipc:///h2/run/export.ipc",
				    .host_id = id,
				    .cut_direction = 3,
				    .cut_ms = 500 };
	struct shell *shell = *state;
	struct command command;

	assert_int_equal(command_make(&shell->options, "/b", &vios, &command, NULL),
			 HV_OK);
	assert_says(&command, " --name=rv --remote=ipc:///h2/run/export.ipc --host-id "
			      "ab010000000000000000000000000000");
	assert_null(strstr(line_of(&command), "--cut")); /* no drills here */
	command_close(&command);
	shell->options.allow_drills = true;
	assert_int_equal(command_make(&shell->options, "/b", &vios, &command, NULL),
			 HV_OK);
	assert_says(&command, " --cut=3 --cut-ms=500");
	command_close(&command);
}

static void an_exporter_listens_below_its_state_directory(void **state)
{
	const struct agent_spawn what = { .kind = AGENT_EXPORTER, .name = "" };
	struct shell *shell = *state;
	char text[HV_FILE_PATH_BYTES];
	struct command command;

	assert_int_equal(command_make(&shell->options, "/b", &what, &command, NULL),
			 HV_OK);
	assert_string_equal(command.program, "/b/tarn-vios");
	(void)snprintf(text, sizeof(text),
		       " --name=export --serve=ipc://%s/run/export.ipc", shell->state);
	assert_says(&command, text);
	assert_int_equal(access(shell_path(shell, "run/export.pid", text), F_OK), 0);
	command_close(&command);
}

static void a_partition_gets_descriptors_and_no_paths(void **state)
{
	struct shell *shell = *state;
	char path[HV_FILE_PATH_BYTES];
	struct partition partition;
	struct command command;
	int attach = -1;
	unsigned fds;

	make_partition(&partition, TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED);
	(void)shell_path(shell, "run/attach.sock", path);
	assert_int_equal(hv_local_listen(path, &attach, NULL), HV_OK);
	fds = shell_descriptors();
	assert_int_equal(
		command_make(&shell->options, "/b", &partition.what, &command, NULL),
		HV_OK);
	assert_says(&command, " --name=db1 --run-id=7 --token ab01000000000000");
	assert_says(&command, " --workload=phases --working-set=60 --write-percent=30 "
			      "--rate=1000 --seed=9 --via-hpt");
	assert_says(&command, " --socket-fd=");
	assert_says(&command, " --pid-file-fd=");
	assert_null(strstr(line_of(&command), shell->state));
	assert_null(strstr(line_of(&command), "uffd")); /* its memory is not shared */
	assert_says(&command, " --console-fd=");
	assert_says(&command, " --debug-fd=");
	assert_int_equal(command.fd_count, 4);
	command_close(&command);
	command_close(&command); /* twice is fine */
	assert_int_equal(shell_descriptors(), fds);
	(void)close(attach);
}

/* Beside the paging device, in the same directory. */
static void an_operating_system_gets_disks_without_a_name(void **state)
{
	struct shell *shell = *state;
	char path[HV_FILE_PATH_BYTES];
	struct partition partition;
	struct command command;
	int attach = -1;

	make_partition(&partition, TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED);
	partition.load.kind = TARN__WORKLOAD_KIND__WORKLOAD_OS;
	partition.load.loan_policy = 2;
	(void)shell_path(shell, "run/attach.sock", path);
	assert_int_equal(hv_local_listen(path, &attach, NULL), HV_OK);
	partition.what.pgdev = path;
	assert_int_equal(
		command_make(&shell->options, "/b", &partition.what, &command, NULL),
		HV_OK);
	assert_says(&command, " --workload=os");
	assert_says(&command, " --loan-policy=2 --os-file-fd=");
	assert_says(&command, " --os-paging-fd=");
	assert_true(command.shares_disk);
	command_close(&command);
	partition.what.pgdev = "/proc/self/status";
	assert_int_equal(
		command_make(&shell->options, "/b", &partition.what, &command, NULL),
		HV_OK);
	assert_false(command.shares_disk);
	command_close(&command);
	(void)shell_path(shell, "run/disk-db1", path);
	assert_int_equal(access(path, F_OK), -1);
	(void)close(attach);
}

static void adapters_are_counted(void **state)
{
	struct shell *shell = *state;
	char path[HV_FILE_PATH_BYTES];
	struct partition partition;
	struct command command;
	int attach = -1;

	make_partition(&partition, TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED);
	partition.spec.n_disks = 2;
	partition.spec.n_ethernets = 1;
	partition.load.io_percent = 20;
	(void)shell_path(shell, "run/attach.sock", path);
	assert_int_equal(hv_local_listen(path, &attach, NULL), HV_OK);
	assert_int_equal(
		command_make(&shell->options, "/b", &partition.what, &command, NULL),
		HV_OK);
	assert_says(&command, " --disks=2 --ethernets=1 --io-percent=20");
	command_close(&command);
	(void)close(attach);
}

/* No socket: whatever was opened before is closed again, the pid file free. */
static void what_fails_leaves_nothing_open(void **state)
{
	struct shell *shell = *state;
	unsigned fds = shell_descriptors();
	struct hv_pidfile_holder holder;
	char path[HV_FILE_PATH_BYTES];
	struct partition partition;
	struct command command;
	struct hv_err err;
	int held = -1;

	make_partition(&partition, TARN__MEMORY_MODE__MEMORY_MODE_SHARED);
	assert_int_not_equal(
		command_make(&shell->options, "/b", &partition.what, &command, &err),
		HV_OK);
	assert_non_null(strstr(err.text, "attach.sock"));
	assert_int_equal(shell_descriptors(), fds);
	(void)shell_path(shell, "run/lpar-db1.pid", path);
	assert_int_equal(hv_pidfile_look(path, &holder, NULL), HV_E_NOTFOUND);
	assert_int_equal(hv_pidfile_hold(path, &held, NULL), HV_OK);
	assert_int_equal(
		command_make(&shell->options, "/b", &partition.what, &command, NULL),
		HV_E_EXISTS);
	hv_pidfile_give(held);
	assert_int_equal(shell_descriptors(), fds);
}

static void a_console_is_listened_on_and_reached(void **state)
{
	struct shell *shell = *state;
	int listener = -1, peer = -1, other = -1;
	struct hv_err err;
	struct stat status;
	char path[HV_FILE_PATH_BYTES];

	assert_int_equal(
		agent_tty_connect(shell->state, AGENT_TTY_CONSOLE, "db1", &peer, &err),
		HV_E_GONE);
	assert_string_equal(err.text, "partition 'db1' has no console: it does not run");
	assert_int_equal(
		agent_tty_listen(shell->state, AGENT_TTY_CONSOLE, "db1", &listener, NULL),
		HV_OK);
	assert_int_equal(stat(shell_path(shell, "run/tty-db1", path), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(
		agent_tty_connect(shell->state, AGENT_TTY_CONSOLE, "db1", &peer, NULL),
		HV_OK);
	assert_int_equal(
		agent_tty_connect(shell->state, AGENT_TTY_CONSOLE, "db1", &other, &err),
		HV_E_BUSY);
	assert_non_null(strstr(err.text, "already open"));
	(void)close(peer);
	(void)close(listener);
	assert_int_equal(
		agent_tty_connect(shell->state, AGENT_TTY_CONSOLE, "db1", &peer, NULL),
		HV_E_GONE);
	/* what a partition before left is replaced */
	assert_int_equal(
		agent_tty_listen(shell->state, AGENT_TTY_CONSOLE, "db1", &listener, NULL),
		HV_OK);
	(void)close(listener);
	assert_int_equal(
		agent_tty_listen("/nowhere", AGENT_TTY_CONSOLE, "db1", &listener, NULL),
		HV_E_OS);
}

/* The longest of everything that a decoder lets through fits. */
static void the_longest_line_fits(void **state)
{
	static const uint8_t id[AGENT_ID_BYTES];
	char path[512], name[HV_NAME_BYTES], bin[HV_FILE_PATH_BYTES / 2 + 1];
	struct command command;

	(void)state;
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memset(bin, 'b', sizeof(bin) - 1);
	bin[sizeof(bin) - 1] = '\0';
	assert_int_equal(command_begin(&command, bin, "tarn-vios", NULL), HV_OK);
	command_add(&command, "--format=%s", path);
	command_add(&command, "--id");
	command_add_hex(&command, id, sizeof(id));
	command_add(&command, "--host-id");
	command_add_hex(&command, id, sizeof(id));
	command_add(&command, "--host-name=%s", name);
	command_add(&command, "--owner-epoch=%llu", ~0ULL);
	command_add(&command, "--bytes=%llu", ~0ULL);
	command_add(&command, "--create");
	assert_int_equal(command.count, 10);
	assert_string_equal(command.arguments[0], "tarn-vios");
	assert_string_equal(command.arguments[3], "00000000000000000000000000000000");
	assert_string_equal(command.arguments[7], "--owner-epoch=18446744073709551615");
}

static void a_directory_that_is_too_long_is_told(void **state)
{
	char bin[HV_FILE_PATH_BYTES];
	struct command command;

	(void)state;
	memset(bin, 'b', sizeof(bin) - 1);
	bin[sizeof(bin) - 1] = '\0';
	assert_int_equal(command_begin(&command, bin, "tarn-vios", NULL), HV_E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SHELL_TEST(services_get_their_options),
		SHELL_TEST(a_vios_is_told_where_its_devices_are),
		SHELL_TEST(an_exporter_listens_below_its_state_directory),
		SHELL_TEST(a_partition_gets_descriptors_and_no_paths),
		SHELL_TEST(an_operating_system_gets_disks_without_a_name),
		SHELL_TEST(adapters_are_counted),
		SHELL_TEST(what_fails_leaves_nothing_open),
		SHELL_TEST(a_console_is_listened_on_and_reached),
		cmocka_unit_test(the_longest_line_fits),
		cmocka_unit_test(a_directory_that_is_too_long_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
