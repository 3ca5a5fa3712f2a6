/* options - see options.h. */
#include "agent/partition/options.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "agent/partition/qemu_command.h"

#define OPTION(field) offsetof(struct partition_options, field)

/* Descriptors below 3 are not inherited on purpose. */
#define FD_MIN 3
#define WORKING_SET_MAX 400                     /* arbitrary */
#define PARTITION_LARGE_MAX (UINT64_C(1) << 30) /* arbitrary */

static const char *const when_full_names[] = { "ordinary", "fail", NULL };

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
	{ "working-set", HV_OPTION_U64, "PERCENT", "100", 1, WORKING_SET_MAX,
	  OPTION(working_set), NULL, "of its memory; more than 100 for os alone" },
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
	{ "file-percent", HV_OPTION_U64, "PERCENT", "25", 0, 100,
	  OPTION(file_percent), NULL, "os: of operations that read the file" },
	{ "loan-policy", HV_OPTION_CHOICE, "POLICY", "1", 0, 0,
	  OPTION(loan_policy), os_loan_policy_names, "os: 1 lends file cache, 2 working storage as well" },
	{ "os-file-fd", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX,
	  OPTION(os_file_fd), NULL, "os: inherited, an empty file for the file that it reads" },
	{ "os-paging-fd", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX,
	  OPTION(os_paging_fd), NULL, "os: inherited, an empty file for its own paging" },
	{ "disks", HV_OPTION_U64, "N", "0", 0, HV_DISKS_MAX,
	  OPTION(disks), NULL, "virtual ones: the adapters after the two serial ones" },
	{ "ethernets", HV_OPTION_U64, "N", "0", 0, HV_ETHERNETS_MAX,
	  OPTION(ethernets), NULL, "virtual ones: the adapters after the disks" },
	{ "io-percent", HV_OPTION_U64, "PERCENT", "0", 0, 100,
	  OPTION(io_percent), NULL, "of operations that are I/O through those" },
	{ "guest", HV_OPTION_CHOICE, "KIND", "none", 0, 0,
	  OPTION(guest), qemu_kind_names, "a virtual machine of QEMU instead of the workload" },
	{ "kernel", HV_OPTION_PATH, "FILE", hv_option_absent, 0, PATH_MAX - 1,
	  OPTION(kernel), NULL, "guest: its kernel" },
	{ "initrd", HV_OPTION_PATH, "FILE", hv_option_absent, 0, PATH_MAX - 1,
	  OPTION(initrd), NULL, "guest: its first file system" },
	{ "append", HV_OPTION_STRING, "TEXT", hv_option_absent, 0, QEMU_APPEND_BYTES - 1,
	  OPTION(append), NULL, "guest: its kernel's command line" },
	{ "disk", HV_OPTION_LIST, "FILE[,ro]", hv_option_absent, 1, PATH_MAX,
	  OPTION(guest_disks), NULL, "guest: a disk, up to 8 times" },
	{ "net", HV_OPTION_STRING, "NET", "none", 1, 64,
	  OPTION(net), NULL, "guest: none, user or tap:INTERFACE" },
	{ "vcpus", HV_OPTION_U64, "N", "1", 1, QEMU_VCPUS_MAX,
	  OPTION(vcpus), NULL, "guest: its processors" },
	{ "accel", HV_OPTION_CHOICE, "HOW", "auto", 0, 0,
	  OPTION(accel), qemu_accel_names, "guest: kvm, tcg, or kvm where it works" },
	{ "qemu", HV_OPTION_PATH, "FILE", hv_option_absent, 0, PATH_MAX - 1,
	  OPTION(qemu), NULL, "guest: QEMU; without, it is searched for in PATH" },
	{ "program", HV_OPTION_STRING, "FILE", hv_option_absent, 1, PATH_MAX - 1,
	  OPTION(program), NULL, "any program on this memory, instead of the workload; its arguments behind --" },
	{ "large", HV_OPTION_SIZE, "SIZE", "1M", 0, PARTITION_LARGE_MAX,
	  OPTION(large), NULL, "program: mappings from here on are given of the memory; 0: it maps it itself" },
	{ "when-full", HV_OPTION_CHOICE, "WHAT", "ordinary", 0, 0,
	  OPTION(when_full), when_full_names, "program: what it is given when the memory is used up: ordinary memory, or fail" },
	{ "allocator", HV_OPTION_STRING, "FILE", "auto", 1, PATH_MAX - 1,
	  OPTION(allocator), NULL, "program: malloc's library; auto: jemalloc where it is installed; none" },
	{ "library-fd", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX,
	  OPTION(library_fd), NULL, "guest: inherited, libtarn-attach.so; without, beside this program" },
	{ "verbose", HV_OPTION_FLAG, NULL, NULL, 0, 0,
	  OPTION(verbose), NULL, "log what only developers want to know" },
	/* clang-format on */
};

const struct hv_option_table partition_options_table = {
	.program = "tarn-partition",
	.summary =
		"A partition with a built-in workload that checks every page it reads.",
	.operands = "[-- ARGUMENT...]",
	.options = options,
	.count = HV_COUNT(options),
};

static bool has_adapters(const struct partition_options *given)
{
	return given->disks + given->ethernets > 0;
}

static enum hv_code check_descriptor(const char *option, uint64_t fd, struct hv_err *err)
{
	if (fd != 0 && fcntl((int)fd, F_GETFD) < 0)
		return hv_fail_os(err, HV_E_INVAL, errno, "--%s: descriptor %llu", option,
				  (unsigned long long)fd);
	return HV_OK;
}

static enum hv_code check_os(const struct partition_options *given, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	if (given->workload != PARTITION_OS && given->working_set > 100)
		return hv_fail(err, HV_E_INVAL,
			       "--working-set of more than 100 needs --workload os");
	if (given->workload != PARTITION_OS)
		return HV_OK;
	if (given->os_file_fd == 0 || given->os_paging_fd == 0)
		return hv_fail(err, HV_E_INVAL,
			       "--workload os needs --os-file-fd and --os-paging-fd");
	code = check_descriptor("os-file-fd", given->os_file_fd, err);
	if (code == HV_OK)
		code = check_descriptor("os-paging-fd", given->os_paging_fd, err);
	return code;
}

enum hv_code partition_options_check(const struct partition_options *given,
				     struct hv_err *err)
{
	enum hv_code code;

	if ((given->socket != NULL) == (given->socket_fd != 0))
		return hv_fail(err, HV_E_INVAL,
			       "exactly one of --socket and --socket-fd is needed");
	if (given->guest != QEMU_NONE && given->program != NULL)
		return hv_fail(err, HV_E_INVAL, "either --guest or --program");
	if (given->arguments != NULL && given->arguments[0] != NULL &&
	    given->program == NULL)
		return hv_fail(err, HV_E_INVAL, "'%.64s': arguments are for --program",
			       given->arguments[0]);
	if (given->guest == QEMU_NONE &&
	    (given->kernel != NULL || given->initrd != NULL || given->append != NULL ||
	     given->qemu != NULL || given->guest_disks.count > 0))
		return hv_fail(err, HV_E_INVAL,
			       "--kernel, --initrd, --append, --disk and --qemu need "
			       "--guest");
	if (given->discard && given->workload != PARTITION_PHASES)
		return hv_fail(err, HV_E_INVAL, "--discard needs --workload phases");
	if (given->hints && !given->discard && given->workload != PARTITION_OS)
		return hv_fail(err, HV_E_INVAL, "--hints needs --discard");
	if (given->io_percent != 0 && !has_adapters(given))
		return hv_fail(err, HV_E_INVAL,
			       "--io-percent needs --disks or --ethernets");
	code = check_os(given, err);
	if (code == HV_OK)
		code = check_descriptor("library-fd", given->library_fd, err);
	if (code == HV_OK)
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

static bool says_hints(const struct partition_options *given)
{
	return given->hints ||
	       (given->workload == PARTITION_OS && given->loan_policy != OS_LOAN_OFF);
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
		.wants_calls = given->via_hpt || says_hints(given) || has_adapters(given),
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
	uint64_t pages = config.bytes / HV_PAGE_BYTES;

	config.driver = partition_io_driver_pages((unsigned)given->disks,
						  (unsigned)given->ethernets, pages);
	if (config.driver + config.reserved + given->threads > pages)
		return hv_fail(err, HV_E_LIMIT,
			       "%llu pages of memory are too few for the buffers of "
			       "%llu disks and %llu ethernets",
			       (unsigned long long)pages,
			       (unsigned long long)given->disks,
			       (unsigned long long)given->ethernets);
	return partition_guest_open(&config, ret_guest, err);
}

enum hv_code partition_options_os(const struct partition_options *given,
				  const struct partition_attachment *attachment,
				  struct partition_guest *guest, struct os_guest **ret_os,
				  struct hv_err *err)
{
	struct os_guest_config config = {
		.guest = guest,
		.calls = says_hints(given) ? attachment->calls : NULL,
		.policy = (enum os_loan_policy)given->loan_policy,
		.working_set_percent = (unsigned)given->working_set,
		.file_percent = (unsigned)given->file_percent,
		.seed = given->seed,
		.files = { [OS_STORE_PAGING] = (int)given->os_paging_fd,
			   [OS_STORE_FILE] = (int)given->os_file_fd },
	};

	*ret_os = NULL;
	return given->workload == PARTITION_OS ? os_guest_open(&config, ret_os, err)
					       : HV_OK;
}

enum hv_code partition_options_io(const struct partition_options *given,
				  const struct partition_attachment *attachment,
				  struct partition_guest *guest,
				  struct partition_io **ret_io, struct hv_err *err)
{
	struct partition_io_config config = {
		.guest = guest,
		.calls = attachment->calls,
		.disks = (unsigned)given->disks,
		.ethernets = (unsigned)given->ethernets,
		.percent = (unsigned)given->io_percent,
		.workers = partition_options_crew(given, attachment).workers,
		.has_os = given->workload == PARTITION_OS,
		.key = partition_guest_key(guest),
		.seed = given->seed,
	};

	*ret_io = NULL;
	return has_adapters(given) ? partition_io_open(&config, ret_io, err) : HV_OK;
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
		/* an operating system's tables are one worker's */
		.workers = given->workload == PARTITION_OS ? 1 : (unsigned)given->threads,
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
