/* The command line of tarn-vios. */
#include "vios/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "hvcore/base/err.h"

#define ID "00112233445566778899aabbccddeeff"
#define GO_ON (-1)
#define USAGE 2
#define ARGUMENTS_MAX 16

struct row {
	int result;
	const char *arguments[ARGUMENTS_MAX];
};

static const struct row rows[] = {
	{ GO_ON, { "--state", "/s", "--name", "vios1" } },
	{ GO_ON, { "--state=/s", "--name=vios1", "--allow-drills", "--check" } },
	{ GO_ON, { "--wipe", "/d", "--id", ID } },
	{ GO_ON, { "--inspect", "/d" } },
	{ GO_ON,
	  { "--format", "/d", "--id", ID, "--host-id", ID, "--host-name", "h1",
	    "--owner-epoch", "1", "--bytes", "64M", "--create" } },
	{ USAGE, { "--state", "/s" } },
	{ USAGE, { "--name", "vios1" } },
	{ USAGE, { NULL } },
	{ USAGE, { "--state", "/s", "--name", "no/name" } },
	{ USAGE, { "--format", "/d", "--id", ID } },
	{ USAGE, { "--format", "/d", "--id", ID, "--host-id", ID, "--host-name", "h1" } },
	{ USAGE,
	  { "--format", "/d", "--id", "12", "--host-id", ID, "--host-name", "h1",
	    "--owner-epoch", "1" } },
	{ USAGE,
	  { "--format", "/d", "--id", ID, "--host-id", ID, "--host-name", "h1",
	    "--owner-epoch", "1", "--bytes", "-4" } },
	{ USAGE, { "--wipe", "/d" } },
	{ USAGE, { "--wipe", "/d", "--inspect", "/d", "--id", ID } },
	{ USAGE, { "--inspect", "/d", "--state", "/s" } },
	{ USAGE, { "--unknown" } },
	{ GO_ON, { "--state=/s", "--name=vios1", "--pid-file-fd=7" } },
	{ USAGE, { "--state=/s", "--name=vios1", "--pid-file-fd=2" } },
	{ GO_ON, { "--state=/s", "--name=vios1", "--spin-us=0" } },
	{ USAGE, { "--state=/s", "--name=vios1", "--spin-us=1001" } },
	{ GO_ON, { "--state=/s", "--name=v", "--serve", "tcp://127.0.0.1:7000" } },
	{ GO_ON, { "--state=/s", "--name=v", "--serve", "ipc:///run/v.sock" } },
	{ USAGE, { "--state=/s", "--name=v", "--serve", "tcp://0.0.0.0:7000" } },
	{ USAGE, { "--state=/s", "--name=v", "--serve", "tcp://10.0.0.1:7000" } },
	{ USAGE, { "--serve", "tcp://127.0.0.1:7000" } },
	{ GO_ON,
	  { "--state=/s", "--name=v", "--remote", "tcp://127.0.0.1:7000", "--host-id", ID,
	    "--patience-ms=50" } },
	{ USAGE, { "--state=/s", "--name=v", "--remote", "tcp://127.0.0.1:7000" } },
	{ USAGE,
	  { "--state=/s", "--name=v", "--remote", "tcp://example.org:7", "--host-id",
	    ID } },
	{ USAGE,
	  { "--state=/s", "--name=v", "--remote", "tcp://127.0.0.1:1", "--host-id", ID,
	    "--serve", "tcp://127.0.0.1:2" } },
	{ GO_ON,
	  { "--state=/s", "--name=v", "--remote=ipc:///x", "--host-id=" ID,
	    "--allow-drills", "--cut=3", "--cut-ms=500" } },
	{ USAGE,
	  { "--state=/s", "--name=v", "--remote=ipc:///x", "--host-id=" ID, "--cut=3",
	    "--cut-ms=500" } },
	{ USAGE,
	  { "--state=/s", "--name=v", "--remote=ipc:///x", "--host-id=" ID,
	    "--allow-drills", "--cut=3" } },
	{ USAGE,
	  { "--state=/s", "--name=v", "--allow-drills", "--cut=1", "--cut-ms=500" } },
	{ 0, { "--help" } },
};

static int parse(const char *const *arguments, struct vios_config *config)
{
	char *argv[ARGUMENTS_MAX + 2] = { (char *)(uintptr_t) "tarn-vios" };
	int argc = 1;

	for (; argc <= ARGUMENTS_MAX && arguments[argc - 1] != NULL; argc++)
		argv[argc] = (char *)(uintptr_t)arguments[argc - 1];
	return vios_config_parse(argc, argv, config);
}

static void usage_is_checked(void **state)
{
	struct vios_config config;

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(rows); i++)
		if (parse(rows[i].arguments, &config) != rows[i].result)
			fail_msg("row %u", i);
}

static void a_server_knows_its_paths(void **state)
{
	const char *const arguments[] = { "--state", "/s", "--name", "vios2", NULL };
	struct vios_config config;

	(void)state;
	assert_int_equal(parse(arguments, &config), GO_ON);
	assert_int_equal(config.mode, VIOS_MODE_SERVE);
	assert_string_equal(config.socket_path, "/s/run/vasi.sock");
	assert_string_equal(config.pid_path, "/s/run/vios2.pid");
	assert_false(config.allow_drills);
}

static void a_path_too_long_for_a_socket_is_told(void **state)
{
	char longest[HV_LOCAL_PATH_BYTES];
	const char *arguments[] = { "--state", longest, "--name", "vios1", NULL };
	struct vios_config config;
	size_t most = sizeof(config.socket_path) - sizeof("/run/vasi.sock");

	(void)state;
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[most] = '\0';
	assert_int_equal(parse(arguments, &config), GO_ON);
	assert_int_equal(strlen(config.socket_path), sizeof(config.socket_path) - 1);
	longest[most] = 'x';
	longest[most + 1] = '\0';
	assert_int_equal(parse(arguments, &config), USAGE);
}

static void a_format_is_taken_over(void **state)
{
	struct vios_config config;

	(void)state;
	assert_int_equal(parse(rows[4].arguments, &config), GO_ON);
	assert_int_equal(config.mode, VIOS_MODE_FORMAT);
	assert_string_equal(config.path, "/d");
	assert_int_equal(config.bytes, 64u << 20);
	assert_int_equal(config.id[1], 0x11);
	assert_int_equal(config.host[15], 0xff);
	assert_int_equal(config.owner_epoch, 1);
	assert_true(config.may_create);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usage_is_checked),
		cmocka_unit_test(a_server_knows_its_paths),
		cmocka_unit_test(a_path_too_long_for_a_socket_is_told),
		cmocka_unit_test(a_format_is_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
