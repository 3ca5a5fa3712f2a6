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

#define PARTITION_USER_ID 65534 /* nobody; owns no file */

HV_MUST_USE
enum hv_code partition_privilege_drop(struct hv_err *err);

#endif
