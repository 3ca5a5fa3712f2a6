/*
 * qemu_launch - a partition that is a virtual machine: this process becomes QEMU, with
 * libtarn-attach.so in it (attach_library/README row), and is the same process for
 * everybody who watches it: pid, pid file, cgroup, exit status.
 *
 *   HELLO, WELCOME                     what memory it has, and its file
 *   QEMU, library, kernel, disks, tap  opened while that is still permitted
 *   --accel auto                       KVM is tried (qemu_kvm.h), else TCG, and said
 *   a user of its own, no privileges
 *   execve
 *
 * Contract
 *   Threads  one thread, and no others.
 *   Memory   nothing is undone where it fails: the process ends.
 *   Errors   NOTFOUND names the Debian package of a QEMU that is not there.
 */
#ifndef AGENT_PARTITION_QEMU_LAUNCH_H
#define AGENT_PARTITION_QEMU_LAUNCH_H

#include "agent/partition/options.h"

/* `socket`: connected to attach.sock. Comes back only where it failed. */
HV_MUST_USE
enum hv_code qemu_launch(const struct partition_options *options, int socket,
			 struct hv_err *err);

#endif
