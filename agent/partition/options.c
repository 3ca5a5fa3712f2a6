/* options - see options.h. */
#include "agent/partition/options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#define OPTION(field) offsetof(struct partition_options, field)

/* Descriptors below 3 are not inherited on purpose. */
#define FD_MIN 3

static const struct hv_option options[] = {
	/* clang-format off */
	{ "socket", HV_OPTION_PATH, "PATH", hv_option_absent, 0, HV_LOCAL_PATH_BYTES - 1,
	  OPTION(socket), NULL, "the hypervisor's attach socket" },
	{ "socket-fd", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX,
	  OPTION(socket_fd), NULL, "inherited, connected to the attach socket; instead of --socket" },
	{ "name", HV_OPTION_NAME, "NAME", NULL, 0, 0,
	  OPTION(name), NULL, "of the partition" },
	{ "run-id", HV_OPTION_U64, "N", NULL, 1, 0,
	  OPTION(run_id), NULL, "which activation this is" },
	{ "token", HV_OPTION_HEX, "HEX", NULL, 2 * HV_TOKEN_BYTES, 0,
	  OPTION(token), NULL, "what the hypervisor gave for this run" },
	{ "uffd-device", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX,
	  OPTION(uffd_device), NULL, "inherited, an open /dev/userfaultfd; for shared memory" },
	{ "pid-file-fd", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX,
	  OPTION(pid_file_fd), NULL, "inherited, open for writing: locked as long as this runs" },
	{ "console-fd", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX,
	  OPTION(console_fd), NULL, "inherited, a listening stream socket: its console" },
	{ "debug-fd", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX,
	  OPTION(debug_fd), NULL, "inherited, the same: for debuggers" },
	{ "workload", HV_OPTION_CHOICE, "KIND", "zipf", 0, 0,
	  OPTION(workload), partition_workload_names, "what it does" },
	{ "working-set", HV_OPTION_U64, "PERCENT", "100", 1, 100,
	  OPTION(working_set), NULL, "of its memory" },
	{ "write-percent", HV_OPTION_U64, "PERCENT", "50", 0, 100,
	  OPTION(write_percent), NULL, "of operations" },
	{ "rate", HV_OPTION_U64, "N", "0", 0, 1000000000,
	  OPTION(rate), NULL, "operations a second, 0 = as fast as it can" },
	{ "seed", HV_OPTION_U64, "N", "1", 0, 0,
	  OPTION(seed), NULL, "of its random numbers" },
	{ "phase-ms", HV_OPTION_U64, "MS", "4000", 1, 3600000,
	  OPTION(phase_ms), NULL, "phases: how long a window stays" },
	{ "threads", HV_OPTION_U64, "N", "1", 1, PARTITION_WORKERS_MAX,
	  OPTION(threads), NULL, "workers" },
	{ "discard", HV_OPTION_FLAG, NULL, NULL, 0, 0,
	  OPTION(discard), NULL, "phases: give back part of what a window leaves" },
	{ "hints", HV_OPTION_FLAG, NULL, NULL, 0, 0,
	  OPTION(hints), NULL, "say which pages are unused, instead of giving them back" },
	{ "via-hpt", HV_OPTION_FLAG, NULL, NULL, 0, 0,
	  OPTION(via_hpt), NULL, "translate every access through a hashed page table" },
	{ "verbose", HV_OPTION_FLAG, NULL, NULL, 0, 0,
	  OPTION(verbose), NULL, "log what only developers want to know" },
	/* clang-format on */
};

const struct hv_option_table partition_options_table = {
	.program = "tarn-partition",
	.summary =
		"A partition with a built-in workload that checks every page it reads.",
	.options = options,
	.count = HV_COUNT(options),
};

static enum hv_code check_descriptor(const char *option, uint64_t fd, struct hv_err *err)
{
	if (fd != 0 && fcntl((int)fd, F_GETFD) < 0)
		return hv_fail_os(err, HV_E_INVAL, errno, "--%s: descriptor %llu", option,
				  (unsigned long long)fd);
	return HV_OK;
}

enum hv_code partition_options_check(const struct partition_options *given,
				     struct hv_err *err)
{
	enum hv_code code;

	if ((given->socket != NULL) == (given->socket_fd != 0))
		return hv_fail(err, HV_E_INVAL,
			       "exactly one of --socket and --socket-fd is needed");
	if (given->discard && given->workload != PARTITION_PHASES)
		return hv_fail(err, HV_E_INVAL, "--discard needs --workload phases");
	if (given->hints && !given->discard)
		return hv_fail(err, HV_E_INVAL, "--hints needs --discard");
	code = check_descriptor("socket-fd", given->socket_fd, err);
	if (code == HV_OK)
		code = check_descriptor("uffd-device", given->uffd_device, err);
	if (code == HV_OK)
		code = check_descriptor("pid-file-fd", given->pid_file_fd, err);
	if (code == HV_OK)
		code = check_descriptor("console-fd", given->console_fd, err);
	if (code == HV_OK)
		code = check_descriptor("debug-fd", given->debug_fd, err);
	return code;
}

static uint8_t hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, digit | 0x20);

	return (uint8_t)(at - digits); /* HV_OPTION_HEX let nothing else through */
}

struct partition_attach_config partition_options_attach(
	const struct partition_options *given)
{
	struct partition_attach_config config = {
		.socket = -1,
		.name = given->name,
		.run_id = given->run_id,
		.uffd_device = given->uffd_device != 0 ? (int)given->uffd_device : -1,
		.timeout_ms = PARTITION_ATTACH_TIMEOUT_MS,
		.wants_calls = given->via_hpt || given->hints,
	};

	for (unsigned i = 0; i < HV_TOKEN_BYTES; i++)
		config.token[i] = (uint8_t)(hex_digit(given->token[2 * i]) << 4 |
					    hex_digit(given->token[2 * i + 1]));
	return config;
}

enum hv_code partition_options_guest(const struct partition_options *given,
				     const struct partition_attachment *attachment,
				     struct partition_guest **ret_guest,
				     struct hv_err *err)
{
	struct partition_guest_config config = {
		.base = attachment->base,
		.bytes = attachment->usable_bytes,
		.max_bytes = attachment->bytes,
		.key = partition_content_key(given->name, given->run_id),
		.reserved = given->console_fd != 0 ? PARTITION_RESERVED_MAX : 0,
	};

	return partition_guest_open(&config, ret_guest, err);
}

struct partition_crew_config partition_options_crew(
	const struct partition_options *given,
	const struct partition_attachment *attachment)
{
	return (struct partition_crew_config){
		.workload = {
			.kind = (enum partition_workload_kind)given->workload,
			.working_set_percent = (unsigned)given->working_set,
			.write_percent = (unsigned)given->write_percent,
			.phase_ms = (unsigned)given->phase_ms,
			/* P13 is about pool frames: dedicated memory has none. */
			.may_discard = given->discard &&
				       attachment->mode == HV_MODE_SHARED,
			.seed = given->seed,
		},
		.workers = (unsigned)given->threads,
		.rate = given->rate,
		.home_cpu = attachment->home_cpu,
	};
}

struct partition_console_config partition_options_console(
	const struct partition_options *given,
	const struct partition_attachment *attachment, struct partition_guest *guest,
	struct partition_crew *crew)
{
	return (struct partition_console_config){
		.name = given->name,
		.run_id = given->run_id,
		.is_shared = attachment->mode == HV_MODE_SHARED,
		.is_via_hpt = given->via_hpt,
		.load = partition_options_crew(given, attachment),
		.guest = guest,
		.crew = crew,
	};
}
