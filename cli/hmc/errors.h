/*
 * errors - the messages of an HMC: one line on stderr, a code that stays the same.
 *
 * Clients match the code, people read the rest: the object, and the remedy. A code
 * that an HMC is known to use for the same thing is used here too (domain.md 1.12);
 * the others are Tarn's own and have a T after HSCL, so that they are nobody else's.
 *
 * Contract
 *   Threads  any.
 *   Memory   the texts are copied into err.
 */
#ifndef CLI_HMC_ERRORS_H
#define CLI_HMC_ERRORS_H

#include "hvcore/base/err.h"

enum hmc_error {
	HMC_NO_SYSTEM,          /* name */
	HMC_NO_SYSTEM_TYPE,     /* type, model and serial number */
	HMC_NO_PARTITION,       /* name, system */
	HMC_NO_PARTITION_ID,    /* id, system */
	HMC_NO_PROFILE,         /* profile, partition */
	HMC_NO_ADAPTER,         /* partition */
	HMC_INVALID_ATTRIBUTE,  /* name */
	HMC_INVALID_VALUE,      /* value, attribute, what is right */
	HMC_MISSING_ATTRIBUTE,  /* name */
	HMC_REPEATED_ATTRIBUTE, /* name */
	HMC_READ_ONLY,          /* name */
	HMC_BAD_RECORD,         /* what is wrong */
	HMC_INVALID_FILTER,     /* name */
	HMC_PARTITION_EXISTS,   /* name, system */
	HMC_ID_EXISTS,          /* id, system */
	HMC_PROFILE_EXISTS,     /* profile, partition */
	HMC_MEMORY_UNIT,        /* attribute, value, block size in MB */
	HMC_MEMORY_ORDER,       /* minimum, desired, maximum in MB */
	HMC_UNSUPPORTED,        /* what, remedy */
	HMC_NO_POOL,            /* system */
	HMC_VTERM_OPEN,         /* partition */
	HMC_VTERM_FAILED,       /* why */
	HMC_VTERM_LOST,         /* partition, why */
	HMC_MEMORY_ADD,         /* why not, or why less */
	HMC_MEMORY_REMOVE,      /* the same, also of a move */
	HMC_MEMORY_SHARE,       /* why weight or entitlement were not changed */
	HMC_NOT_SHARED,         /* partition */
	HMC_PROCESSORS,         /* why they were not changed */
	HMC_REFUSED,            /* what the coordinator said */
	HMC_STATE,              /* the same, of an object in the wrong state */
	HMC_BUSY,               /* the same */
	HMC_CAPACITY,           /* the same, of a limit or lack of memory */
	HMC_NOT_FOUND,          /* the same */
	HMC_EXISTS,             /* the same */
	HMC_CONNECTION,         /* the same, of no answer */
	HMC_INTERNAL,           /* the same, of anything else */
	HMC_NO_AUTHORITY,       /* user, command */
	HMC_NO_USER,            /* user */
	HMC_USER_EXISTS,        /* user */
	HMC_PASSWORD,           /* */
	HMC_NO_MIGRATION,       /* partition, target, what there is to say of it */
	HMC_VIOS_COMMAND,       /* why it failed */
	HMC_USAGE,              /* what is wrong with the command line */
	HMC_ERROR_COUNT
};

/*
 * Fails with the message; a, b and c fill its places in order, NULL where it has
 * fewer. Control characters become blanks: it stays one line.
 */
enum hv_code hmc_fail(struct hv_err *err, enum hmc_error error, const char *a,
		      const char *b, const char *c);

/* Turns a failure from below (the coordinator, the file system) into a message. */
enum hv_code hmc_translate(struct hv_err *err);

#endif
