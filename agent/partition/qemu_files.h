/*
 * qemu_files - what a guest needs, opened while we still may: QEMU runs as a user who can
 * open none of it.
 *
 * Contract
 *   Threads  one thread.
 *   Memory   descriptors are the caller's, close-on-exec.
 *   Errors   NOTFOUND, DENIED, IO with the path in the text; INVAL what it is not.
 */
#ifndef AGENT_PARTITION_QEMU_FILES_H
#define AGENT_PARTITION_QEMU_FILES_H

#include "agent/partition/qemu_command.h"

/*
 * For reading, so that /proc/self/fd/N can be opened by anybody: a file that only its
 * owner may read is copied into memory (a kernel or an initrd: some MiB).
 */
HV_MUST_USE
enum hv_code qemu_file_open(const char *path, int *ret_fd, struct hv_err *err);
/* "FILE" or "FILE,ro": a file or a block device. */
HV_MUST_USE
enum hv_code qemu_disk_open(const char *text, struct qemu_disk *ret_disk,
			    struct hv_err *err);
/* A network interface that is there already. */
HV_MUST_USE
enum hv_code qemu_tap_open(struct qemu_net *net, struct hv_err *err);
/* *path NULL: searched for in PATH, and then `room` holds it. */
HV_MUST_USE
enum hv_code qemu_program_find(enum qemu_kind kind, const char **path, char *room,
			       size_t room_bytes, struct hv_err *err);
#endif
