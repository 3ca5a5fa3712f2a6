/*
 * machine - a partition that is a virtual machine of QEMU, or any program: whether what
 * it names is on this host, and its part of tarn-partition's command line, the last one.
 *
 * Only names are looked at, by stat: what the machine makes of a file it says itself.
 * tarn-partition opens all of them while it still may (agent/partition/qemu_launch.h).
 *
 * Contract
 *   Threads  one.
 *   Errors   NOTFOUND names the file, the interface or the Debian package that is
 *            missing; INVAL what it is not; DENIED that it cannot be written.
 */
#ifndef AGENT_MACHINE_H
#define AGENT_MACHINE_H

#include "agent/command.h"
#include "hvcore/wire/guest_spec.h"

/* The guest of a spec, which has one. Nothing is added where something is missing. */
HV_MUST_USE
enum hv_code agent_machine_add(const Tarn__LparSpec *spec, struct command *command,
			       struct hv_err *err);

/* The largest file that it has: none of what it writes is longer. Of a
 * program nobody knows what it writes: a bound, as its log is a file, too. */
uint64_t agent_machine_file_bytes(const Tarn__GuestSpec *guest);

#endif
