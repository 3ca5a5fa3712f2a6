/*
 * user - who may use the HMC commands, and as what.
 *
 * One user is there without a record: hscroot, a superadmin. Changing it makes its
 * record; it stays a superadmin that is not disabled, so that somebody can always
 * administer users.
 *
 * Threads: L.
 */
#ifndef COORDINATOR_CLUSTER_USER_H
#define COORDINATOR_CLUSTER_USER_H

#include "coordinator/cluster/cluster.h"
#include "hvcore/wire/user.h"

/* The built-in one too; NULL where there is none. */
const Tarn__UserRecord *user_find(const struct cluster *cluster, const char *name);

/* All of them, the built-in one first where it has no record. */
size_t user_count(const struct cluster *cluster);
const Tarn__UserRecord *user_at(const struct cluster *cluster, size_t at);

/* CORRUPT: the built-in one has lost its role. */
HV_MUST_USE
enum hv_code user_audit(const struct cluster *cluster, struct hv_err *err);

#endif
