/*
 * passport - what a launcher tells libtarn-attach.so in one environment variable:
 * "socket=5 uffd=6 file=7 ... name=web1 why=KVM runs",
 * words of KEY=VALUE, each once; the last one goes on to the end.
 *
 * The library takes it out of the environment, so no child sees it.
 *
 * Contract
 *   Threads  any; nothing is kept.
 *   Errors   CORRUPT a word that is not one of these, twice, missing, out of bounds;
 *            LIMIT it does not fit.
 */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_PASSPORT_H
#define AGENT_PARTITION_ATTACH_LIBRARY_PASSPORT_H

#include "hvcore/base/units.h"
#include "hvcore/wire/attach.h"

#define ATTACH_PASSPORT_VARIABLE "TARN_ATTACH"
#define ATTACH_PASSPORT_BYTES 640

/* Who opens this gets the memory's file: there is no such file. */
#define ATTACH_MEMORY_PATH "/dev/tarn-memory"

struct attach_passport {
	char name[HV_NAME_BYTES]; /* of the partition */
	uint64_t socket;          /* connected; HELLO was said, WELCOME was the answer */
	uint64_t uffd;            /* an open /dev/userfaultfd; 0: dedicated memory */
	uint64_t file;            /* of the memory */
	uint64_t qmp;             /* our end of QEMU's monitor; 0: no QEMU */
	uint64_t console;         /* where its console's peers come; 0: none */
	uint64_t serial;          /* our end of QEMU's serial port; 0: none */
	uint64_t library;         /* this library's file, to be closed; 0: none */
	uint64_t bytes;           /* WELCOME: map exactly this much */
	uint64_t offset;
	uint64_t kvm;   /* an open /dev/kvm, for who opens that path; 0: none */
	uint64_t accel; /* enum hv_guest_accel; 0: no QEMU */
	uint64_t loan_policy;
	uint64_t large; /* program.h: mappings of as many bytes; 0: it maps all itself */
	uint64_t must_fail;           /* 1: ENOMEM where the memory is used up */
	char why[HV_GUEST_WHY_BYTES]; /* that accel; to the end of the text */
};

HV_MUST_USE
enum hv_code attach_passport_write(const struct attach_passport *passport,
				   char text[ATTACH_PASSPORT_BYTES], struct hv_err *err);
HV_MUST_USE
enum hv_code attach_passport_read(const char *text, struct attach_passport *ret_passport,
				  struct hv_err *err);

#endif
