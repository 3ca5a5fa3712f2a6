/*
 * privilege - what a partition gives up before its workload runs.
 *
 * The agent starts partitions unprivileged already; a partition started as root
 * makes itself so. In any case it can gain nothing any more, and other processes
 * of the same user cannot trace it or read its memory.
 *
 * Contract
 *   Threads  the first thread, before there are others: capabilities and
 *            no_new_privs belong to a thread and are inherited.
 */
#ifndef AGENT_PARTITION_PRIVILEGE_H
#define AGENT_PARTITION_PRIVILEGE_H

#include "hvcore/base/err.h"

#include <stdint.h>

#define PARTITION_USER_ID 65534 /* nobody; owns no file */
/* A guest has a user of its own, by its run: far above what systems give away. */
#define PARTITION_GUEST_USER_BASE 0x7a000000u
#define PARTITION_GUEST_USERS 0x00ffffffu

HV_MUST_USE
enum hv_code partition_privilege_drop(struct hv_err *err);

/*
 * The same for a process that becomes QEMU: which, when it is executed, can be traced
 * again, until libtarn-attach.so forbids it. Where this machine (a container) has no
 * such user it is PARTITION_USER_ID.
 */
HV_MUST_USE
enum hv_code partition_privilege_drop_for_guest(uint64_t run_id, struct hv_err *err);

#endif
