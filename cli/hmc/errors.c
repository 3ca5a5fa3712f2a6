/* errors - see errors.h. */
#include "cli/hmc/errors.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "hvcore/base/invariant.h"

struct message {
	const char *id; /* NULL: an HMC gives none for it */
	enum hv_code code;
	const char *text; /* %1, %2 and %3 are its places */
};

#define RETRY " Please check your entry and retry the command."

/* clang-format off */
static const struct message messages[HMC_ERROR_COUNT] = {
	[HMC_NO_SYSTEM]          = { "HSCL3205", HV_E_NOTFOUND,
		"The managed system %1 was not found." RETRY },
	[HMC_NO_SYSTEM_TYPE]     = { "HSCL3653", HV_E_NOTFOUND,
		"The managed system with machine type, model, and serial number %1 was not found." RETRY },
	[HMC_NO_PARTITION]       = { "HSCL8012", HV_E_NOTFOUND,
		"The partition named %1 was not found on managed system %2." RETRY },
	[HMC_NO_PARTITION_ID]    = { "HSCL8016", HV_E_NOTFOUND,
		"The partition with ID %1 was not found on managed system %2." RETRY },
	[HMC_NO_PROFILE]         = { "HSCLT001", HV_E_NOTFOUND,
		"The profile named %1 was not found for partition %2." RETRY },
	[HMC_NO_ADAPTER]         = { "HSCLA457", HV_E_STATE,
		"The shared memory partition %1 needs at least one virtual I/O adapter other than a "
		"virtual serial adapter. Add one to its profile and retry the command." },
	[HMC_INVALID_ATTRIBUTE]  = { NULL, HV_E_INVAL,
		"An invalid attribute was entered. The invalid attribute is %1. "
		"Please correct your input and retry the command." },
	[HMC_INVALID_VALUE]      = { "HSCLT002", HV_E_INVAL,
		"The value %1 of the %2 attribute is not valid. Valid is %3." RETRY },
	[HMC_MISSING_ATTRIBUTE]  = { "HSCLT003", HV_E_INVAL,
		"The attribute %1 is required and was not entered." RETRY },
	[HMC_REPEATED_ATTRIBUTE] = { "HSCLT004", HV_E_INVAL,
		"The attribute %1 was entered more than once." RETRY },
	[HMC_READ_ONLY]          = { "HSCLT005", HV_E_INVAL,
		"The attribute %1 cannot be changed by this command." RETRY },
	[HMC_BAD_RECORD]         = { "HSCLT006", HV_E_INVAL,
		"The data entered is not valid: %1." RETRY },
	[HMC_INVALID_FILTER]     = { "HSCLT007", HV_E_INVAL,
		"An invalid filter was entered. The invalid filter is %1. "
		"Please correct your input and retry the command." },
	[HMC_PARTITION_EXISTS]   = { "HSCLT010", HV_E_EXISTS,
		"The partition name %1 is already in use on managed system %2. "
		"Choose a different name and retry the command." },
	[HMC_ID_EXISTS]          = { "HSCLT011", HV_E_EXISTS,
		"The partition ID %1 is already in use on managed system %2. "
		"Choose a different ID and retry the command." },
	[HMC_PROFILE_EXISTS]     = { "HSCLT012", HV_E_EXISTS,
		"The profile name %1 is already in use for partition %2. "
		"Choose a different name and retry the command." },
	[HMC_MEMORY_UNIT]        = { "HSCLT020", HV_E_INVAL,
		"The %1 value %2 is not a multiple of the memory region size, which is %3 MB." RETRY },
	[HMC_MEMORY_ORDER]       = { "HSCLT021", HV_E_INVAL,
		"The memory values are not in order: minimum %1 MB, desired %2 MB, maximum %3 MB. "
		"Minimum must not be more than desired, desired not more than maximum; "
		"correct them and retry the command." },
	[HMC_UNSUPPORTED]        = { "HSCLT022", HV_E_REFUSED,
		"%1 is not supported by this managed system. %2" },
	[HMC_NO_POOL]            = { "HSCLT023", HV_E_STATE,
		"The managed system %1 does not have a shared memory pool. "
		"Create one with chhwres -r mempool -o a and retry the command." },
	[HMC_VTERM_OPEN]         = { "HSCLT024", HV_E_BUSY,
		"A terminal session is already open for partition %1. Only one open session is allowed "
		"for a partition. Close it with rmvterm and retry the command." },
	[HMC_VTERM_FAILED]       = { "HSCLT025", HV_E_STATE, "The open failed: %1." },
	[HMC_VTERM_LOST]         = { "HSCLT025", HV_E_GONE,
		"The terminal session of partition %1 has ended: %2." },
	[HMC_MEMORY_ADD]         = { "HSCL294C", HV_E_STATE,
		"The dynamic addition of memory resources failed: %1." },
	[HMC_MEMORY_REMOVE]      = { "HSCL2932", HV_E_STATE,
		"The dynamic removal of memory resources failed: %1." },
	[HMC_MEMORY_SHARE]       = { "HSCLT029", HV_E_STATE,
		"The dynamic change of shared memory settings failed: %1." },
	[HMC_NOT_SHARED]         = { "HSCLT026", HV_E_STATE,
		"The partition %1 does not use shared memory. "
		"Memory weight and I/O entitled memory are those of shared memory partitions." },
	[HMC_PROCESSORS]         = { "HSCLT028", HV_E_STATE,
		"The dynamic change of processing resources failed: %1." },
	[HMC_REFUSED]            = { "HSCLT030", HV_E_REFUSED,  "The operation was refused: %1." },
	[HMC_STATE]              = { "HSCLT031", HV_E_STATE,
		"The operation is not allowed in the current state: %1." },
	[HMC_BUSY]               = { "HSCLT032", HV_E_BUSY,
		"Another operation is in progress: %1." },
	[HMC_CAPACITY]           = { "HSCLT033", HV_E_LIMIT,
		"There are not enough resources: %1." },
	[HMC_NOT_FOUND]          = { "HSCLT034", HV_E_NOTFOUND, "The resource was not found: %1." },
	[HMC_EXISTS]             = { "HSCLT035", HV_E_EXISTS,   "The resource already exists: %1." },
	[HMC_CONNECTION]         = { "HSCLT036", HV_E_GONE,
		"The management console does not answer: %1. Retry the command later." },
	[HMC_INTERNAL]           = { "HSCLT037", HV_E_IO,       "The operation failed: %1." },
	[HMC_NO_AUTHORITY]       = { "HSCL350B", HV_E_DENIED,
		"The user does not have the appropriate authority. "
		"The task role of user %1 does not include the %2 command as it was entered." },
	[HMC_NO_USER]            = { "HSCLT041", HV_E_NOTFOUND,
		"The user %1 was not found." RETRY },
	[HMC_USER_EXISTS]        = { "HSCLT042", HV_E_EXISTS,
		"The user %1 exists already. Choose a different name and retry the command." },
	[HMC_PASSWORD]           = { "HSCLT043", HV_E_REFUSED,
		"A password was entered. No password is kept here: a user logs in with an ssh key. "
		"Leave the password out and retry the command." },
	[HMC_NO_MIGRATION]       = { "HSCLT044", HV_E_REFUSED,
		"The partition %1 cannot be migrated to managed system %2: "
		"no managed system here is capable of partition mobility. %3." },
	[HMC_VIOS_COMMAND]       = { "HSCL2970", HV_E_STATE,
		"The IOServer command has failed because of the following reason: %1." },
	[HMC_USAGE]              = { "HSCLT040", HV_E_INVAL,
		"%1. Use --help for the syntax of the command." },
};
/* clang-format on */

struct line {
	char text[HV_ERR_TEXT_BYTES];
	size_t at;
};

static void add_char(struct line *line, char c)
{
	unsigned char byte = (unsigned char)c;

	if (line->at + 1 < sizeof(line->text))
		line->text[line->at++] = byte < 0x20 || byte == 0x7f ? ' ' : c;
}

static void add_text(struct line *line, const char *text)
{
	for (; *text != '\0'; text++)
		add_char(line, *text);
}

enum hv_code hmc_fail(struct hv_err *err, enum hmc_error error, const char *a,
		      const char *b, const char *c)
{
	const struct message *message = &messages[error];
	const char *places[3] = { a, b, c };
	struct line line = { .at = 0 };

	if (message->id != NULL) {
		add_text(&line, message->id);
		add_char(&line, ' ');
	}
	for (const char *at = message->text; *at != '\0'; at++) {
		if (*at != '%') {
			add_char(&line, *at);
			continue;
		}
		at++;
		HV_INVARIANT(*at >= '1' && *at <= '3' && places[*at - '1'] != NULL);
		add_text(&line, places[*at - '1']);
	}
	line.text[line.at] = '\0';
	return hv_fail(err, message->code, "%s", line.text);
}

static enum hmc_error error_of(enum hv_code code)
{
	switch (code) {
	case HV_E_REFUSED:
	case HV_E_DENIED:
	case HV_E_INVAL:
		return HMC_REFUSED;
	case HV_E_STATE:
		return HMC_STATE;
	case HV_E_BUSY:
	case HV_E_STALE:
		return HMC_BUSY;
	case HV_E_LIMIT:
	case HV_E_NOSPC:
	case HV_E_NOFIT:
	case HV_E_NOMEM:
		return HMC_CAPACITY;
	case HV_E_NOTFOUND:
		return HMC_NOT_FOUND;
	case HV_E_EXISTS:
		return HMC_EXISTS;
	case HV_E_GONE:
	case HV_E_TIMEOUT:
	case HV_E_AGAIN:
		return HMC_CONNECTION;
	default:
		return HMC_INTERNAL;
	}
}

enum hv_code hmc_translate(struct hv_err *err)
{
	struct hv_err below = *err;

	return hmc_fail(err, error_of(below.code), hv_err_text(&below), NULL, NULL);
}
