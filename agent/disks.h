/*
 * disks - files of virtual disks that this host has made for its partitions.
 *
 *   disks/NAME-SLOT   the disk; the hypervisor makes it, and grows it
 *   disks/NAME.made   whose it is: the number of the definition, which no other one has
 *
 * A partition that is defined anew under a name that was another one's must not find
 * what that one wrote: before it starts, files of another definition are removed. They
 * are kept over runs, and go when the definition does.
 *
 * A definition whose record is older than such numbers has 0. Where nothing says whose
 * disks are, those of an older agent are its own; they are marked so, and no one else's.
 *
 * Contract
 *   Threads  L; blocks of what is removed are given back in a thread that ends by itself.
 *   Errors   what the kernel said. Then nothing may be started that would read them, and
 *            where it is not known whose they are, none was removed.
 *   Time     names and numbers are waited for like the agent's state, blocks are not.
 */
#ifndef AGENT_DISKS_H
#define AGENT_DISKS_H

#include "hvcore/base/err.h"

#include <stdint.h>

/* From now on the files of that name are of the definition `made`, and no other's. */
HV_MUST_USE
enum hv_code agent_disks_claim(const char *state, const char *name, uint64_t made,
			       struct hv_err *err);
/* The definition is gone. Nothing to remove is fine. */
HV_MUST_USE
enum hv_code agent_disks_remove(const char *state, const char *name, struct hv_err *err);

#endif
