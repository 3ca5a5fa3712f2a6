/*
 * qemu_command - the command line of QEMU for a guest: pure, from what is open already
 * to what is executed.
 *
 * Whatever a guest is given goes through the memory's mapping and ordinary reads and
 * writes of the kernel (PAGER.md P7): no vhost, no vfio, no O_DIRECT, nothing locked or
 * filled beforehand. Files are open descriptors, since its user could not open them.
 *
 *   memory      memory-backend-file, shared, on a path that libtarn-attach.so knows
 *   domains     one, with all memory and all processors
 *   console     serial port; pseries: spapr-vty (hvc0); the library has its other end
 *   disks       virtio-blk, cache of the kernel (writeback)
 *   network     none, QEMU's own (user), or a tap device; virtio-net
 *   balloon     virtio-balloon: free page reporting, deflates when memory is short
 *   monitor     a descriptor that the library has the other end of
 *   sandbox     seccomp: no new process, no privileges, no scheduling
 *
 * Contract
 *   Threads  any; nothing is kept, nothing allocates.
 *   Memory   arguments lie in the command.
 *   Errors   INVAL, LIMIT, REFUSED with one sentence.
 */
#ifndef AGENT_PARTITION_QEMU_COMMAND_H
#define AGENT_PARTITION_QEMU_COMMAND_H

#include <stdbool.h>

#include "hvcore/base/err.h"
#include "hvcore/wire/attach.h"

#define QEMU_DISKS_MAX 8
#define QEMU_VCPUS_MAX 64
#define QEMU_APPEND_BYTES 2048 /* Linux on x86 takes 2047 */
#define QEMU_ARGUMENTS_MAX 128
#define QEMU_TEXT_BYTES 16384
#define QEMU_PPC64_STEP_BYTES (UINT64_C(256) << 20) /* its memory is in such blocks */

enum qemu_kind { QEMU_NONE, QEMU_X86_64, QEMU_PPC64, QEMU_KIND_COUNT };
enum qemu_accel { QEMU_ACCEL_AUTO, QEMU_ACCEL_KVM, QEMU_ACCEL_TCG };
enum qemu_net_kind { QEMU_NET_NONE, QEMU_NET_USER, QEMU_NET_TAP };

extern const char *const qemu_kind_names[]; /* NULL at the end, as for the next */
extern const char *const qemu_accel_names[];
extern const char *const qemu_programs[QEMU_KIND_COUNT];
extern const char *const qemu_packages[QEMU_KIND_COUNT]; /* Debian's */

struct qemu_disk {
	int fd;
	bool is_read_only;
	bool is_device; /* a block device, not a file */
};

struct qemu_net {
	enum qemu_net_kind kind;
	char interface[16]; /* TAP */
	int fd;             /* TAP */
};

struct qemu_command_config {
	enum qemu_kind kind;
	const char *program, *name;
	uint64_t bytes; /* of memory */
	unsigned vcpus;
	enum hv_guest_accel accel;
	bool is_shared;           /* memory: then it may be given back */
	int kernel_fd, initrd_fd; /* -1: none */
	const char *append;       /* NULL: none */
	struct qemu_disk disks[QEMU_DISKS_MAX];
	unsigned disk_count;
	struct qemu_net net;
	int serial_fd; /* of a pair that the library has the other end of; -1: none */
	int qmp_fd;
};

struct qemu_command {
	char *arguments[QEMU_ARGUMENTS_MAX + 1];
	unsigned count;
	size_t used;
	char text[QEMU_TEXT_BYTES];
};

HV_MUST_USE
enum hv_code qemu_command_make(const struct qemu_command_config *config,
			       struct qemu_command *ret_command, struct hv_err *err);

/* "FILE" or "FILE,ro"; *ret_bytes: length of FILE. REFUSED: what cannot be paged. */
HV_MUST_USE
enum hv_code qemu_disk_parse(const char *text, size_t *ret_bytes, bool *ret_read_only,
			     struct hv_err *err);
/* "none", "user", "tap:INTERFACE". */
HV_MUST_USE
enum hv_code qemu_net_parse(const char *text, struct qemu_net *ret_net,
			    struct hv_err *err);

#endif
