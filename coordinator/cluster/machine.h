/*
 * machine - the real machine behind a host that is only declared (SPEC R7).
 *
 * A declared host is as large as its platform profile: every figure is accounting.
 * Where an agent has joined under its name, its LPARs run as well, as long as what
 * they really take fits that machine. The hypervisor keeps there what a lab host's
 * does, by the lab's profile, in the machine's own LMBs; the declared regions are
 * never filled.
 *
 *   firmware by the lab's profile + pool + dedicated <= machine
 *
 * Contract
 *   Threads  L. Pure.
 *   Units    bytes; taken memory in whole LMBs.
 */
#ifndef COORDINATOR_CLUSTER_MACHINE_H
#define COORDINATOR_CLUSTER_MACHINE_H

#include "coordinator/cluster/limits.h"

/* What is about to be taken. */
struct machine_need {
	const Tarn__LparSpec *starts; /* its tables; NULL: none */
	uint64_t more_bytes;
};

/* A machine stands behind it, now or when its agent joins. */
bool machine_is_there(const Tarn__HostRecord *host);
/* How many LPARs a host may have: on paper as many as there may be at all. */
unsigned machine_lpars_max(const Tarn__HostRecord *host);

/* LIMIT says what is free; OK where the host is not declared, or has no machine. */
HV_MUST_USE
enum hv_code machine_check(const struct host_use *use, const Tarn__HostRecord *host,
			   const struct machine_need *need, struct hv_err *err);

/* Blocks that the hypervisor of any host keeps, in its machine's LMBs. 0: not known. */
uint64_t machine_firmware_lmbs(const struct host_use *use);

/* An agent says that this is the machine. What is declared stays as it is. */
HV_MUST_USE
enum hv_code machine_join(const struct host_use *use, const Tarn__HostRecord *host,
			  const Tarn__HostIdentity *identity, struct hv_err *err);

#endif
