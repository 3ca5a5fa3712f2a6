/*
 * guest_spec - the rules of a partition that is a QEMU virtual machine, or any program.
 *
 * Contract
 *   Threads  any.
 *   Memory   what is returned is constant.
 *   Errors   INVAL and LIMIT say what is wrong and what it may be.
 */
#ifndef HVCORE_WIRE_GUEST_SPEC_H
#define HVCORE_WIRE_GUEST_SPEC_H

#include "hvcore/wire/messages.h"

#define HV_GUEST_DISKS_MAX 8  /* arbitrary */
#define HV_GUEST_VCPUS_MAX 64 /* arbitrary */
#define HV_GUEST_APPEND_MAX \
	2048                  /* bytes: COMMAND_LINE_SIZE of Linux on x86-64 and POWER */
#define HV_GUEST_FILE_MAX 255 /* bytes of a path; arbitrary, a command line has ten */

#define HV_GUEST_WORDS_MAX 64     /* of a program's command line; arbitrary */
#define HV_GUEST_WORD_MAX 1023    /* bytes of one */
#define HV_GUEST_WORDS_BYTES 4096 /* of all of them, each with its end */

/* "qemu-x86_64", "auto": as they are typed, also on tarn-partition's command line. */
const char *hv_guest_kind_text(Tarn__GuestKind kind);
const char *hv_guest_accel_text(Tarn__GuestAccel accel);

/* The program that it becomes, and the Debian package that has it; NULL: its command
 * says. */
const char *hv_guest_program(Tarn__GuestKind kind);
const char *hv_guest_package(Tarn__GuestKind kind);

/* Its memory is whole blocks of this size: 256 MiB of a pseries machine. */
uint64_t hv_guest_block_bytes(Tarn__GuestKind kind);

/* "none", "user" or "tap:" and the name of an interface. */
HV_MUST_USE
enum hv_code hv_guest_net_check(const char *net, struct hv_err *err);

/*
 * The guest of a spec, which has one, and what the rest of the spec may be with it: no
 * workload, no adapters of ours, memory in its blocks. Part of hv_lpar_spec_check().
 */
HV_MUST_USE
enum hv_code hv_guest_spec_check(const Tarn__LparSpec *spec, struct hv_err *err);

#endif
