/* commands - see commands.h. */
#include "cli/commands.h"

#include <string.h>

#include "cli/inject.h"
#include "cli/model.h"

#include "hvcore/base/invariant.h"
#include "hvcore/wire/guest_spec.h"
#include "hvcore/wire/lpar_adapters.h"

#define NAMES_MAX 64

const char *const cli_mode_names[] = { "dedicated", "shared", NULL };
const char *const cli_workload_names[] = { "idle", "zipf", "scan", "phases", "os", NULL };
static const char *const guest_names[] = { "qemu-x86_64", "qemu-ppc64", NULL };
static const char *const accel_names[] = { "auto", "kvm", "tcg", NULL };
static const char *const loan_policy_names[] = { "0", "1", "2", "balloon", NULL };
static const char *const redundancy_names[] = { "none", "required", "if-possible",
						"mirrored", NULL };
static const char *const drill_names[] = { "planned",      "kill",        "hang",
					   "device-error", "device-lost", "corrupt",
					   "cut",          "both-lost",   "agent",
					   "coordinator",  "rolling",     NULL };
static const char *const on_off_names[] = { "off", "on", NULL };
static const char *const shell_names[] = { "bash", NULL };

/* clang-format off */
#define HOST_OF(place_, help_) \
	{ "host", (place_), CLI_NAME, .metavar = "HOST", .complete = "host", .help = (help_) }
#define NAME_OF(complete_, help_) \
	{ "NAME", CLI_OPERAND, CLI_NAME, .complete = (complete_), .help = (help_) }
#define NO_WAIT \
	{ "no-wait", CLI_OPTION, CLI_FLAG, .help = "do not wait until it is carried out" }
#define WAIT_MINUTES \
	{ "wait-minutes", CLI_OPTION, CLI_NUMBER, .max = 1440, .metavar = "N", \
	  .help = "how long it may take to give its memory (5; 0: for ever)" }

static const struct cli_option host_name[] = {
	NAME_OF("host", "the host's name"), { 0 },
};
static const struct cli_option host_add[] = {
	NAME_OF(NULL, "the name its agent was started with"),
	{ "profile", CLI_OPTION, CLI_NAME, .metavar = "PROFILE",
	  .help = "what its firmware costs: lab (default), power770, power8-s824, or yours" },
	{ "declared", CLI_OPTION, CLI_FLAG,
	  .help = "as large as the profile says, for planning: no machine behind it" },
	{ 0 },
};
static const struct cli_option host_set[] = {
	NAME_OF("host", "the host's name"),
	{ "spare", CLI_OPTION, CLI_CHOICE, .choices = on_off_names, .metavar = "on|off",
	  .help = "a free paging device takes the place of one that is lost (default: off)" },
	{ "failback", CLI_OPTION, CLI_STRING, .metavar = "WHEN",
	  .help = "manual, or when the primary VIOS has been ready so long: 60s (default: 30s)" },
	{ 0 },
};
static const struct cli_option any_host[] = {
	{ "NAME", CLI_EXTRA, CLI_NAME, .complete = "host", .help = "only of this host" },
	{ 0 },
};
static const struct cli_option what_if[] = {
	{ "max", CLI_NEEDED, CLI_SIZE, .metavar = "SIZE", .help = "maximum memory of a new partition" },
	{ "hpt-ratio", CLI_OPTION, CLI_CHOICE, .choices = cli_ratio_names, .metavar = "1:N",
	  .help = "page table to maximum memory (default: the platform's)" },
	{ "adapters", CLI_OPTION, CLI_NUMBER, .max = HV_LPAR_ADAPTERS_MAX, .metavar = "N",
	  .help = "virtual adapters (2, the serial ones)" },
	HOST_OF(CLI_OPTION, "only on this host"), { 0 },
};
static const struct cli_option of_host[] = {
	HOST_OF(CLI_OPTION, "only of this host"), { 0 },
};
static const struct cli_option pool_create[] = {
	HOST_OF(CLI_NEEDED, "where"),
	{ "mem", CLI_NEEDED, CLI_SIZE, .metavar = "SIZE", .help = "memory of the pool" },
	{ "max-mem", CLI_OPTION, CLI_SIZE, .metavar = "SIZE",
	  .help = "how far it may grow later (default: --mem)" },
	NO_WAIT, { 0 },
};
static const struct cli_option pool_set[] = {
	HOST_OF(CLI_NEEDED, "where"),
	{ "mem", CLI_OPTION, CLI_SIZE, .metavar = "SIZE", .help = "new size, also while in use" },
	{ "max-mem", CLI_OPTION, CLI_SIZE, .metavar = "SIZE", .help = "new limit" },
	NO_WAIT, { 0 },
};
static const struct cli_option pool_table[] = {
	HOST_OF(CLI_OPTION, "only of this host"),
	{ "csv", CLI_OPTION, CLI_FLAG, .help = "for other programs: comma-separated values" },
	{ "interval", CLI_OPTION, CLI_NUMBER, .max = 86400, .metavar = "S", .letter = 'd',
	  .help = "what was in each S seconds (default: once, since activation)" },
	{ "count", CLI_OPTION, CLI_NUMBER, .max = INT64_MAX, .metavar = "N", .letter = 'n',
	  .help = "so many intervals (default: until it is interrupted)" },
	{ 0 },
};
static const struct cli_option pool_cancel[] = {
	HOST_OF(CLI_NEEDED, "where"), { 0 },
};
static const struct cli_option pool_remove[] = {
	HOST_OF(CLI_NEEDED, "where"), NO_WAIT, { 0 },
};
static const struct cli_option vios_name[] = {
	NAME_OF("vios", "such as vios1"), HOST_OF(CLI_NEEDED, "where"), NO_WAIT, { 0 },
};
static const struct cli_option vios_add[] = {
	NAME_OF(NULL, "the new VIOS's name"), HOST_OF(CLI_NEEDED, "where"),
	{ "remote", CLI_OPTION, CLI_NAME, .metavar = "HOST", .complete = "host",
	  .help = "the host that its devices lie on (default: the same one)" },
	{ 0 },
};
static const struct cli_option vios_remove[] = {
	NAME_OF("vios", "one that is not assigned"), HOST_OF(CLI_NEEDED, "where"), { 0 },
};
static const struct cli_option pool_vios[] = {
	NAME_OF("vios", "the VIOS"), HOST_OF(CLI_NEEDED, "where"), NO_WAIT, { 0 },
};
static const struct cli_option pool_replace[] = {
	NAME_OF("vios", "the VIOS that leaves"), HOST_OF(CLI_NEEDED, "where"),
	{ "with", CLI_NEEDED, CLI_NAME, .metavar = "VIOS", .complete = "vios",
	  .help = "the one that takes its place" },
	NO_WAIT, { 0 },
};
static const struct cli_option pool_swap[] = {
	HOST_OF(CLI_NEEDED, "where"), NO_WAIT, { 0 },
};
static const struct cli_option vios_failback[] = {
	HOST_OF(CLI_NEEDED, "where"),
	{ "lpar", CLI_OPTION, CLI_NAME, .metavar = "LPAR", .complete = "lpar",
	  .help = "only this partition" },
	NO_WAIT, { 0 },
};
static const struct cli_option vios_take_down[] = {
	NAME_OF("vios", "such as vios1"), HOST_OF(CLI_NEEDED, "where"),
	{ "force", CLI_OPTION, CLI_FLAG,
	  .help = "without a healthy partner; refused where a page would be lost" },
	NO_WAIT, { 0 },
};
static const struct cli_option vios_inject[] = {
	NAME_OF("vios", "such as vios1"), HOST_OF(CLI_NEEDED, "where"),
	{ "kind", CLI_OPTION, CLI_CHOICE, .choices = cli_injection_kinds, .metavar = "KIND",
	  .help = "delay, error, corrupt, torn (writes in part that succeed), hang (answered late) or cut" },
	{ "op", CLI_OPTION, CLI_CHOICE, .choices = cli_injection_ops, .metavar = "OP",
	  .help = "read, write or both (default; torn: write)" },
	{ "rate", CLI_OPTION, CLI_STRING, .metavar = "RATE",
	  .help = "of requests, corrupt: of pages; 1%, all (default), or how many in a million" },
	{ "for", CLI_OPTION, CLI_STRING, .metavar = "TIME",
	  .help = "how long, at most 10m; then it is over: 500ms, 10s" },
	{ "delay", CLI_OPTION, CLI_STRING, .metavar = "TIME", .help = "delay: by how much, at most 60s" },
	{ "error", CLI_OPTION, CLI_CHOICE, .choices = cli_injection_errors, .metavar = "ERRNO",
	  .help = "error: EIO (default) or ENOSPC" },
	{ "direction", CLI_OPTION, CLI_CHOICE, .choices = cli_injection_directions, .metavar = "WAY",
	  .help = "cut, of the link to another host: there, back or both (default)" },
	{ "device", CLI_OPTION, CLI_NAME, .metavar = "DEVICE", .complete = "pgdev",
	  .help = "only of this paging device" },
	{ "seed", CLI_OPTION, CLI_NUMBER, .max = INT64_MAX, .metavar = "N",
	  .help = "the same faults again (default: another one each time)" },
	{ "clear", CLI_OPTION, CLI_FLAG, .help = "end all that it injects" },
	NO_WAIT, { 0 },
};
static const struct cli_option pgdev_add[] = {
	NAME_OF(NULL, "the new device's name"), HOST_OF(CLI_NEEDED, "where"),
	{ "path", CLI_NEEDED, CLI_STRING, .metavar = "PATH",
	  .help = "file or block device on that host, or where --vios has its devices; absolute" },
	{ "size", CLI_OPTION, CLI_SIZE, .metavar = "SIZE",
	  .help = "make a file of this size (default: take what is there)" },
	{ "vios", CLI_OPTION, CLI_NAME, .metavar = "VIOS", .complete = "vios",
	  .help = "behind this one alone: half of a mirrored pair (default: both reach it)" },
	NO_WAIT, { 0 },
};
static const struct cli_option pgdev_remove[] = {
	NAME_OF("pgdev", "the device"), HOST_OF(CLI_NEEDED, "where"), NO_WAIT, { 0 },
};
static const struct cli_option pgdev_replace[] = {
	NAME_OF("pgdev", "the device that a running partition uses"),
	HOST_OF(CLI_NEEDED, "where"),
	{ "with", CLI_NEEDED, CLI_NAME, .metavar = "DEVICE", .complete = "pgdev",
	  .help = "a free one, as large, reached in the same way" },
	NO_WAIT, { 0 },
};
#define LPAR_SPEC(host_help_) \
	NAME_OF(NULL, "the new partition's name"), \
	{ "mem", CLI_NEEDED, CLI_SIZE, .metavar = "SIZE", .help = "memory it is to have" }, \
	{ "min", CLI_OPTION, CLI_SIZE, .metavar = "SIZE", \
	  .help = "less than this and it does not start (default: --mem)" }, \
	{ "max", CLI_OPTION, CLI_SIZE, .metavar = "SIZE", \
	  .help = "most it can ever have (default: --mem)" }, \
	{ "mode", CLI_OPTION, CLI_CHOICE, .choices = cli_mode_names, .metavar = "MODE", \
	  .help = "shared (from the pool, default) or dedicated" }, \
	{ "weight", CLI_OPTION, CLI_NUMBER, .max = 255, .metavar = "0-255", \
	  .help = "its claim to the pool (128)" }, \
	{ "entitled", CLI_OPTION, CLI_STRING, .metavar = "SIZE|auto", \
	  .help = "memory for I/O that is always there (auto: what its adapters need)" }, \
	{ "disk", CLI_OPTION, CLI_STRING, .metavar = "SIZE[,FILE]", .is_list = true, \
	  .help = "a virtual disk, of FILE on its host or a file made for it; again for more " \
		  "(with --guest: FILE[,ro], a raw image on its host)" }, \
	{ "ethernet", CLI_OPTION, CLI_NUMBER, .max = HV_VLAN_MAX, .metavar = "VLAN", \
	  .is_list = true, .help = "a virtual ethernet adapter in that VLAN; again for more" }, \
	{ "io-percent", CLI_OPTION, CLI_NUMBER, .max = 100, .metavar = "PERCENT", \
	  .help = "of its operations that are I/O through its adapters (0)" }, \
	{ "redundancy", CLI_OPTION, CLI_CHOICE, .choices = redundancy_names, .metavar = "WHAT", \
	  .help = "a pair of paging VIOS: required (default), mirrored (a device behind each), if-possible, none" }, \
	{ "workload", CLI_OPTION, CLI_CHOICE, .choices = cli_workload_names, .metavar = "KIND", \
	  .help = "what it runs: idle (default), zipf, scan, phases or os" }, \
	{ "working-set", CLI_OPTION, CLI_NUMBER, .max = HV_LPAR_OS_SET_MAX, .metavar = "PERCENT", \
	  .help = "of its memory that the workload uses (100; os: up to 400)" }, \
	{ "loan-policy", CLI_OPTION, CLI_CHOICE, .choices = loan_policy_names, .metavar = "POLICY", \
	  .help = "os, guest: lends nothing (0), file cache (1, default), working storage too (2)" }, \
	{ "write-percent", CLI_OPTION, CLI_NUMBER, .max = 100, .metavar = "PERCENT", \
	  .help = "of its operations that write (50)" }, \
	{ "rate", CLI_OPTION, CLI_NUMBER, .max = 1000000000, .metavar = "N", \
	  .help = "operations a second (0: as fast as it can)" }, \
	{ "seed", CLI_OPTION, CLI_NUMBER, .max = INT64_MAX, .metavar = "N", \
	  .help = "of the workload's random numbers (1)" }, \
	{ "guest", CLI_OPTION, CLI_CHOICE, .choices = guest_names, .metavar = "KIND", \
	  .help = "instead of a workload: a virtual machine of QEMU (qemu-x86_64, qemu-ppc64)" }, \
	{ "kernel", CLI_OPTION, CLI_STRING, .metavar = "FILE", \
	  .help = "guest: what it boots, a file on its host (default: its first disk)" }, \
	{ "initrd", CLI_OPTION, CLI_STRING, .metavar = "FILE", .help = "guest: of that kernel" }, \
	{ "append", CLI_OPTION, CLI_STRING, .metavar = "TEXT", \
	  .help = "guest: that kernel's command line" }, \
	{ "net", CLI_OPTION, CLI_STRING, .metavar = "NET", \
	  .help = "guest: none (default), user (QEMU's own) or tap:INTERFACE of its host" }, \
	{ "vcpus", CLI_OPTION, CLI_NUMBER, .max = HV_GUEST_VCPUS_MAX, .metavar = "N", \
	  .help = "guest: processors that it sees (1)" }, \
	{ "accel", CLI_OPTION, CLI_CHOICE, .choices = accel_names, .metavar = "HOW", \
	  .help = "guest: kvm, tcg, or auto (default: KVM where it really runs a guest)" }, \
	{ "program", CLI_OPTION, CLI_STRING, .metavar = "COMMAND", \
	  .help = "instead of a workload: any program of its host on this memory, and its arguments" }, \
	{ "units", CLI_OPTION, CLI_STRING, .metavar = "UNITS", \
	  .help = "shared processors it is entitled to, such as 0.5 (default: nobody counts)" }, \
	{ "procs", CLI_OPTION, CLI_NUMBER, .max = 256, .metavar = "N", \
	  .help = "virtual processors (default: --units, rounded up)" }, \
	{ "capped", CLI_OPTION, CLI_FLAG, .help = "never more processor time than --units" }, \
	{ "uncap-weight", CLI_OPTION, CLI_NUMBER, .max = 255, .metavar = "0-255", \
	  .help = "its claim to processors that others leave (128)" }, \
	{ "hpt-ratio", CLI_OPTION, CLI_CHOICE, .choices = cli_ratio_names, .metavar = "1:N", \
	  .help = "page table to maximum memory (default: the platform's)" }, \
	{ "adapters", CLI_OPTION, CLI_NUMBER, .max = HV_LPAR_ADAPTERS_MAX, .metavar = "N", \
	  .help = "virtual adapters (two serial ones, its disks and ethernets)" }, \
	{ "hints", CLI_OPTION, CLI_FLAG, \
	  .help = "phases: says which pages it has left; they go without I/O" }, \
	{ "via-hpt", CLI_OPTION, CLI_FLAG, \
	  .help = "the workload translates every access through a hashed page table" }, \
	HOST_OF(CLI_OPTION, host_help_), \
	{ "dry-run", CLI_OPTION, CLI_FLAG, .help = "only tell where it would go, and why" }

static const struct cli_option lpar_create[] = {
	LPAR_SPEC("where (default: the coordinator finds the best host)"), { 0 },
};
static const struct cli_option place[] = {
	LPAR_SPEC("ask about this host alone"),
	{ "explain", CLI_OPTION, CLI_FLAG, .help = "the same: it always tells of every host" },
	{ 0 },
};
static const struct cli_option lpar_name[] = {
	NAME_OF("lpar", "the partition"), { 0 },
};
static const struct cli_option lpar_stat[] = {
	{ "NAME", CLI_EXTRA, CLI_NAME, .complete = "lpar", .is_list = true,
	  .help = "these partitions (default: all that run)" },
	{ "interval", CLI_OPTION, CLI_NUMBER, .max = 86400, .metavar = "S", .letter = 'd',
	  .help = "what was in each S seconds (default: once, since activation)" },
	{ "count", CLI_OPTION, CLI_NUMBER, .max = INT64_MAX, .metavar = "N", .letter = 'n',
	  .help = "so many intervals (default: until it is interrupted)" },
	{ 0 },
};
static const struct cli_option lpar_activate[] = {
	NAME_OF("lpar", "the partition"),
	{ "dry-run", CLI_OPTION, CLI_FLAG, .help = "only tell every condition that is not met" },
	NO_WAIT, { 0 },
};
static const struct cli_option lpar_resize[] = {
	NAME_OF("lpar", "the partition"),
	{ "mem", CLI_OPTION, CLI_SIZE, .metavar = "SIZE", .help = "memory it shall have" },
	{ "add", CLI_OPTION, CLI_SIZE, .metavar = "SIZE", .help = "memory that is added" },
	{ "remove", CLI_OPTION, CLI_SIZE, .metavar = "SIZE", .help = "memory that is taken" },
	WAIT_MINUTES, NO_WAIT, { 0 },
};
static const struct cli_option lpar_move_memory[] = {
	NAME_OF("lpar", "who gives"),
	{ "to", CLI_NEEDED, CLI_NAME, .metavar = "NAME", .complete = "lpar", .help = "who is given it" },
	{ "mem", CLI_NEEDED, CLI_SIZE, .metavar = "SIZE", .help = "how much, in whole memory blocks" },
	WAIT_MINUTES, NO_WAIT, { 0 },
};
static const struct cli_option lpar_set_memory[] = {
	NAME_OF("lpar", "the partition"),
	{ "weight", CLI_OPTION, CLI_NUMBER, .max = HV_WEIGHT_MAX, .metavar = "0-255", .help = "its claim to the pool" },
	{ "entitled", CLI_OPTION, CLI_STRING, .metavar = "SIZE|auto", .help = "memory for I/O that is always there; auto: as its adapters need it" },
	{ 0 },
};
static const struct cli_option lpar_set_processors[] = {
	NAME_OF("lpar", "the partition"),
	{ "units", CLI_OPTION, CLI_STRING, .metavar = "UNITS", .help = "processors it is entitled to, such as 0.5" },
	{ "procs", CLI_OPTION, CLI_NUMBER, .max = 256, .metavar = "N", .help = "virtual processors" },
	{ "capped", CLI_OPTION, CLI_FLAG, .help = "never more than it is entitled to" },
	{ "uncapped", CLI_OPTION, CLI_FLAG, .help = "also what others leave, by weight" },
	{ "weight", CLI_OPTION, CLI_NUMBER, .max = 255, .metavar = "W", .help = "its part of that; 0: none" },
	{ 0 },
};
static const struct cli_option lpar_shutdown[] = {
	NAME_OF("lpar", "the partition"),
	{ "immediate", CLI_OPTION, CLI_FLAG, .help = "do not ask its operating system" },
	{ "restart", CLI_OPTION, CLI_FLAG, .help = "start it again when it is off" },
	NO_WAIT, { 0 },
};
static const struct cli_option lpar_dispatch_trace[] = {
	NAME_OF("lpar", "the partition"),
	{ "csv", CLI_OPTION, CLI_FLAG, .help = "for other programs: reason,start_ns,end_ns,page,thread" },
	{ 0 },
};
static const struct cli_option lpar_console[] = {
	NAME_OF("lpar", "the partition"),
	{ "close", CLI_OPTION, CLI_FLAG, .help = "only end whoever has it open" },
	{ 0 },
};
static const struct cli_option lpar_debug[] = {
	NAME_OF("lpar", "the partition"),
	{ "watch", CLI_NEEDED, CLI_STRING, .metavar = "ADDR", .help = "logical address, 0x1000 or 4096" },
	{ "length", CLI_OPTION, CLI_NUMBER, .max = 8, .metavar = "N",
	  .help = "bytes (1); all eight of their doubleword are watched" },
	{ "write", CLI_OPTION, CLI_FLAG, .help = "who writes there (default)" },
	{ "read-write", CLI_OPTION, CLI_FLAG, .help = "who reads or writes there" },
	{ "seconds", CLI_OPTION, CLI_NUMBER, .max = 86400, .metavar = "N",
	  .help = "for how long (default: until it is interrupted)" },
	{ 0 },
};
static const struct cli_option drill_run[] = {
	{ "KIND", CLI_OPERAND, CLI_CHOICE, .choices = drill_names,
	  .help = "planned: maintain the active VIOS and resume it; kill: SIGKILL it; "
		  "hang: SIGSTOP it, and continue it late; device-error, device-lost, corrupt: "
		  "its I/O fails now and then, always, or reads wrong pages; "
		  "cut: it does not reach the host of its devices; both-lost: SIGKILL both VIOS; "
		  "agent, coordinator: SIGKILL it, nobody notices; rolling: planned, "
		  "of every VIOS one after the other" },
	HOST_OF(CLI_OPTION, "where; rolling: only there (default: every host)"),
	{ "vios", CLI_OPTION, CLI_NAME, .metavar = "VIOS", .complete = "vios",
	  .help = "which one (default: the one that serves most)" },
	{ "bound", CLI_OPTION, CLI_NUMBER, .max = 600000, .metavar = "MS",
	  .help = "longest stall that passes (default: as of its kind)" },
	NO_WAIT, { 0 },
};
static const struct cli_option drill_abort[] = {
	{ "NUMBER", CLI_OPERAND, CLI_NUMBER, .max = INT64_MAX, .complete = "drill",
	  .help = "as in 'tarn drill list'" },
	NO_WAIT, { 0 },
};
static const struct cli_option drill_number[] = {
	{ "NUMBER", CLI_OPERAND, CLI_NUMBER, .max = INT64_MAX, .complete = "drill",
	  .help = "as in 'tarn drill list'" },
	{ "html", CLI_OPTION, CLI_STRING, .metavar = "FILE",
	  .help = "write the report there, as a page with plots" },
	{ 0 },
};
static const struct cli_option events[] = {
	{ "follow", CLI_OPTION, CLI_FLAG, .help = "go on with new ones as they come" },
	{ "after", CLI_OPTION, CLI_NUMBER, .max = INT64_MAX, .metavar = "N",
	  .help = "events with a higher number, the first of them" },
	{ "limit", CLI_OPTION, CLI_NUMBER, .max = 1000, .metavar = "N",
	  .help = "at most so many, the last ones unless --after is given (200)" },
	HOST_OF(CLI_OPTION, "only of this host"),
	{ 0 },
};
static const struct cli_option top[] = {
	{ "batch", CLI_OPTION, CLI_FLAG, .letter = 'b',
	  .help = "print all of it, line by line; the first time since activation" },
	{ "count", CLI_OPTION, CLI_NUMBER, .max = INT64_MAX, .metavar = "N", .letter = 'n',
	  .help = "batch: so often (default: until it is interrupted)" },
	{ "interval", CLI_OPTION, CLI_NUMBER, .max = 86400, .metavar = "S", .letter = 'd',
	  .help = "seconds from one time to the next (2)" },
	{ 0 },
};
static const struct cli_option report[] = {
	{ "save", CLI_OPTION, CLI_STRING, .metavar = "FILE",
	  .help = "write the report there as JSON, too" },
	{ 0 },
};
static const struct cli_option completion[] = {
	{ "SHELL", CLI_OPERAND, CLI_CHOICE, .choices = shell_names, .help = "bash" }, { 0 },
};
static const struct cli_option names[] = {
	{ "NOUN", CLI_OPERAND, CLI_STRING, .help = "host, lpar, pgdev, vios or drill" }, { 0 },
};
static const struct cli_option help[] = {
	{ "NOUN", CLI_EXTRA, CLI_STRING, .help = "explain this noun" },
	{ "VERB", CLI_EXTRA, CLI_STRING, .help = "explain this command" },
	{ 0 },
};

const struct cli_command cli_commands[] = {
	{ "status",     NULL,       cli_status,        NULL,          "the whole cluster on one screen" },
	{ "top",        NULL,       cli_top,           top,           "the cluster as it works: pools, VIOS, partitions" },
	{ "host",       "list",     cli_host_list,     NULL,          "hosts and their memory" },
	{ "host",       "show",     cli_host_show,     host_name,     "one host: memory map, pool, VIOS, failovers" },
	{ "host",       "add",      cli_host_add,      host_add,      "let a host's agent join, or declare one" },
	{ "host",       "set",      cli_host_set,      host_set,      "when partitions fail back; whether spare devices are used" },
	{ "host",       "remove",   cli_host_remove,   host_name,     "forget a host that has nothing on it" },
	{ "host",       "explain-memory", cli_host_explain, host_name, "where the hypervisor's own memory went" },
	{ "host",       "advise",   cli_host_advise,   any_host,      "maxima that waste memory, and how much" },
	{ "pool",       "create",   cli_pool_create,   pool_create,   "make a host's shared memory pool" },
	{ "pool",       "set",      cli_pool_set,      pool_set,      "change its size, also while it is in use" },
	{ "pool",       "cancel",   cli_pool_cancel,   pool_cancel,   "give up a change that is under way" },
	{ "pool",       "show",     cli_pool_show,     of_host,       "size, frames, use and overcommitment" },
	{ "pool",       "why",      cli_pool_why,      of_host,       "who may count on how much, who gives, and why" },
	{ "pool",       "table",    cli_pool_table,    pool_table,    "as QAPMSHRMP: each partition's use of it" },
	{ "pool",       "remove",   cli_pool_remove,   pool_remove,   "give the pool's memory back" },
	{ "pool",       "assign",   cli_pool_assign,   pool_vios,     "a VIOS pages for the pool, in a free place of two" },
	{ "pool",       "unassign", cli_pool_unassign, pool_vios,     "a VIOS pages for it no more" },
	{ "pool",       "replace",  cli_pool_replace,  pool_replace,  "a VIOS takes another one's place, online" },
	{ "pool",       "swap",     cli_pool_swap,     pool_swap,     "each partition's secondary VIOS becomes its primary" },
	{ "vios",       "list",     cli_vios_list,     of_host,       "paging VIOS, their state and traffic" },
	{ "vios",       "add",      cli_vios_add,      vios_add,      "one more, beside those that page" },
	{ "vios",       "remove",   cli_vios_remove,   vios_remove,   "forget one that is not assigned" },
	{ "vios",       "enable",   cli_vios_enable,   vios_name,     "it may be assigned to the pool" },
	{ "vios",       "disable",  cli_vios_disable,  vios_name,     "it may not; of one that is not assigned" },
	{ "vios",       "maintain", cli_vios_maintain, vios_take_down,"take it down, its partner takes over" },
	{ "vios",       "resume",   cli_vios_resume,   vios_name,     "end its maintenance" },
	{ "vios",       "inject",   cli_vios_inject,   vios_inject,   "faults in its device I/O (hosts that allow drills)" },
	{ "vios",       "failback", cli_vios_failback, vios_failback, "partitions ask their primary VIOS again" },
	{ "vios",       "kill",     cli_vios_kill,     vios_name,     "SIGKILL it (hosts that allow drills)" },
	{ "pgdev",      "list",     cli_pgdev_list,    of_host,       "paging devices, their state and owner" },
	{ "pgdev",      "add",      cli_pgdev_add,     pgdev_add,     "give a host a paging device" },
	{ "pgdev",      "replace",  cli_pgdev_replace, pgdev_replace, "copy to another one, then use that, online" },
	{ "pgdev",      "remove",   cli_pgdev_remove,  pgdev_remove,  "take back a device that is not in use" },
	{ "lpar",       "list",     cli_lpar_list,     of_host,       "partitions" },
	{ "lpar",       "show",     cli_lpar_show,     lpar_name,     "one partition: memory, faults, paging, stalls" },
	{ "lpar",       "stat",     cli_lpar_stat,     lpar_stat,     "as lparstat -m: processors, hypervisor paging, I/O memory" },
	{ "lpar",       "create",   cli_lpar_create,   lpar_create,   "define a partition; the coordinator places it" },
	{ "lpar",       "activate", cli_lpar_activate, lpar_activate, "start it" },
	{ "lpar",       "resize",   cli_lpar_resize,   lpar_resize,   "give it memory or take some, also while it runs" },
	{ "lpar",       "move-memory", cli_lpar_move_memory, lpar_move_memory, "take memory from one, give it to another" },
	{ "lpar",       "set-memory", cli_lpar_set_memory, lpar_set_memory, "change the weight and entitled memory of a shared one, also while it runs" },
	{ "lpar",       "set-processors", cli_lpar_set_processors, lpar_set_processors, "change the processors of one that runs" },
	{ "lpar",       "release",  cli_lpar_release,  lpar_name,     "give back the memory that it keeps though it is off" },
	{ "lpar",       "shutdown", cli_lpar_shutdown, lpar_shutdown, "stop it" },
	{ "lpar",       "remove",   cli_lpar_remove,   lpar_name,     "delete its definition" },
	{ "lpar",       "what-if",  cli_lpar_what_if,  what_if,       "what a maximum would cost, before it is set" },
	{ "lpar",       "console",  cli_lpar_console,  lpar_console,  "attach to its console; ~. leaves" },
	{ "lpar",       "debug",    cli_lpar_debug,    lpar_debug,    "watch an address of its memory: who hits it, how often" },
	{ "lpar",       "dispatch-trace", cli_lpar_dispatch_trace, lpar_dispatch_trace, "when it last waited for a processor or a page" },
	{ "place",      NULL,       cli_place,         place,         "where would a partition go, and why" },
	{ "drill",      "run",      cli_drill_run,     drill_run,     "rehearse the loss of a paging VIOS, page by page" },
	{ "drill",      "abort",    cli_drill_abort,   drill_abort,   "end a drill, the state before comes back" },
	{ "drill",      "list",     cli_drill_list,    NULL,          "drills and their verdicts" },
	{ "drill",      "show",     cli_drill_show,    drill_number,  "the report of one drill" },
	{ "events",     NULL,       cli_events,        events,        "what happened" },
	{ "report",     NULL,       cli_report,        report,        "figures of every host, and whether they add up" },
	{ "completion", NULL,       cli_completion,    completion,    "print the completion for a shell" },
	{ "help",       NULL,       cli_help,          help,          "explain tarn, a noun or a command" },
	{ "__names",    NULL,       cli_names,         names,         NULL },
	{ 0 },
};
/* clang-format on */

bool cli_noun_exists(const char *noun)
{
	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++)
		if (strcmp(row->noun, noun) == 0)
			return true;
	return false;
}

/* Nouns, each once, without those that are for scripts. */
static unsigned list_nouns(const char **names_out)
{
	unsigned n = 0;

	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++) {
		if (row->summary == NULL ||
		    (n > 0 && strcmp(names_out[n - 1], row->noun) == 0))
			continue;
		HV_INVARIANT(n < NAMES_MAX);
		names_out[n++] = row->noun;
	}
	return n;
}

static unsigned list_verbs(const char *noun, const char **names_out)
{
	unsigned n = 0;

	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++)
		if (row->verb != NULL && strcmp(row->noun, noun) == 0)
			names_out[n++] = row->verb;
	return n;
}

static enum hv_code unknown_noun(const char *word, struct hv_err *err)
{
	const char *nouns[NAMES_MAX], *near;

	near = cli_nearest(word, nouns, list_nouns(nouns));
	if (near == NULL)
		return hv_fail(err, HV_E_INVAL, "unknown command '%s', see 'tarn help'",
			       word);
	return hv_fail(err, HV_E_INVAL, "unknown command '%s': do you mean 'tarn %s'?",
		       word, near);
}

static enum hv_code unknown_verb(const char *noun, const char *word, struct hv_err *err)
{
	const char *verbs[NAMES_MAX], *near;
	unsigned n = list_verbs(noun, verbs);
	char all[256] = "";
	size_t at = 0;

	for (unsigned i = 0; i < n && at < sizeof(all); i++)
		at += (size_t)snprintf(all + at, sizeof(all) - at, "%s%s",
				       i > 0 ? ", " : "", verbs[i]);
	if (word == NULL)
		return hv_fail(err, HV_E_INVAL, "'tarn %s' needs a verb: %s", noun, all);
	near = cli_nearest(word, verbs, n);
	if (near != NULL)
		return hv_fail(err, HV_E_INVAL,
			       "unknown command '%s %s': do you mean 'tarn %s %s'?", noun,
			       word, noun, near);
	return hv_fail(err, HV_E_INVAL, "unknown command '%s %s': %s has %s", noun, word,
		       noun, all);
}

enum hv_code cli_command_find(unsigned count, char *const *words,
			      const struct cli_command **ret_command, unsigned *ret_used,
			      struct hv_err *err)
{
	if (count == 0)
		return hv_fail(err, HV_E_INVAL, "what shall it do? See 'tarn help'");
	for (const struct cli_command *row = cli_commands; row->noun != NULL; row++) {
		if (strcmp(row->noun, words[0]) != 0)
			continue;
		if (row->verb != NULL && (count < 2 || strcmp(row->verb, words[1]) != 0))
			continue;
		*ret_command = row;
		*ret_used = row->verb != NULL ? 2 : 1;
		return HV_OK;
	}
	if (cli_noun_exists(words[0]))
		return unknown_verb(words[0], count > 1 ? words[1] : NULL, err);
	return unknown_noun(words[0], err);
}
