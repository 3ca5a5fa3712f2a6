/*
 * options - the command line of tarn-partition.
 *
 * Contract
 *   Memory   strings are those of argv.
 *   Errors   INVAL with one sentence.
 */
#ifndef AGENT_PARTITION_OPTIONS_H
#define AGENT_PARTITION_OPTIONS_H

#include "agent/partition/attach.h"
#include "agent/partition/console.h"
#include "hvcore/base/option.h"
#include "hvcore/wire/io.h"

/* Where a program's memory is used up. */
enum partition_when_full { PARTITION_FULL_ORDINARY, PARTITION_FULL_FAIL };

/* As hvcore/base/option.h fills it. */
struct partition_options {
	const char *socket; /* NULL: socket_fd is given */
	uint64_t socket_fd; /* 0: socket is given; so for the other descriptors */
	const char *name;
	uint64_t run_id;
	const char *token;
	uint64_t uffd_device;
	uint64_t pid_file_fd;
	uint64_t console_fd, debug_fd;
	unsigned workload;
	uint64_t working_set, write_percent, rate, seed, phase_ms, threads;
	bool discard;
	bool via_hpt;
	bool hints;
	uint64_t os_file_fd, os_paging_fd, file_percent; /* workload os */
	unsigned loan_policy;
	uint64_t disks, ethernets, io_percent; /* virtual adapters */
	unsigned guest; /* enum qemu_kind; QEMU_NONE: the built-in workload */
	const char *kernel, *initrd, *append, *net, *qemu; /* NULL: none */
	const char *program;                               /* NULL: none */
	char *const *
		arguments; /* of the program, NULL at the end; those behind the options */
	const char *allocator;
	uint64_t large;     /* bytes; 0: the program maps the memory itself */
	unsigned when_full; /* enum partition_when_full */
	struct hv_option_list guest_disks;
	uint64_t vcpus, library_fd;
	unsigned accel; /* enum qemu_accel */
	bool verbose;
};

extern const struct hv_option_table partition_options_table;

/* What no table can say: which options belong together, and what descriptors are. */
HV_MUST_USE
enum hv_code partition_options_check(const struct partition_options *options,
				     struct hv_err *err);

/* Everything but the socket, which it is not connected to yet. */
struct partition_attach_config partition_options_attach(
	const struct partition_options *options);

HV_MUST_USE
enum hv_code partition_options_guest(const struct partition_options *options,
				     const struct partition_attachment *attachment,
				     struct partition_guest **ret_guest,
				     struct hv_err *err);

/* *ret_os NULL where the workload is another one. */
HV_MUST_USE
enum hv_code partition_options_os(const struct partition_options *options,
				  const struct partition_attachment *attachment,
				  struct partition_guest *guest, struct os_guest **ret_os,
				  struct hv_err *err);

/* *ret_io NULL where it has no adapters. The guest was made with room for them. */
HV_MUST_USE
enum hv_code partition_options_io(const struct partition_options *options,
				  const struct partition_attachment *attachment,
				  struct partition_guest *guest,
				  struct partition_io **ret_io, struct hv_err *err);

struct partition_crew_config partition_options_crew(
	const struct partition_options *options,
	const struct partition_attachment *attachment);

struct partition_console_config partition_options_console(
	const struct partition_options *options,
	const struct partition_attachment *attachment, struct partition_guest *guest,
	struct partition_crew *crew);

#endif
