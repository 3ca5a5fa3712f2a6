/*
 * option - the options of a program: one table, from which parsing, --help and the
 * messages about wrong usage come.
 *
 *   struct config { const char *state; uint64_t memory; bool allow_drills; };
 *   static const struct hv_option options[] = {
 *           { "state", HV_OPTION_STRING, "DIR", NULL, 1, 0,
 *             offsetof(struct config, state), NULL, "state directory" },
 *           ...
 *   };
 *   code = hv_option_main(&table, argc, argv, &config, &result);
 *   if (code >= 0)
 *           return code;
 *
 * `--name value` and `--name=value` are the same; a flag takes no value and may be
 * refused as `--no-name`; `--` ends the options. Every table has --help and
 * --check besides: --check validates as usual, and the program, told by
 * result.is_check, validates what only it knows and exits.
 *
 * Contract
 *   Threads  any.
 *   Memory   strings in the config are those of argv, or of the table.
 *   Errors   INVAL and LIMIT, with one sentence that names the option and the
 *            bound; the config is then half-filled: do not use it.
 */
#ifndef HVCORE_BASE_OPTION_H
#define HVCORE_BASE_OPTION_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum hv_option_type {
	HV_OPTION_STRING, /* const char *; at least min, at most max characters */
	HV_OPTION_NAME,   /* const char *; hv_name_is_valid */
	HV_OPTION_PATH,   /* const char *; absolute, at most max characters */
	HV_OPTION_SIZE,   /* uint64_t bytes: 512M, 2G */
	HV_OPTION_U64,    /* uint64_t */
	HV_OPTION_HEX,    /* const char *; exactly min hex digits */
	HV_OPTION_BOOL,   /* bool: yes or no */
	HV_OPTION_FLAG,   /* bool, without a value */
	HV_OPTION_CHOICE, /* unsigned: index into choices */
	HV_OPTION_LIST,   /* struct hv_option_list: as STRING, and may be repeated */
	HV_OPTION_TYPE_COUNT
};

#define HV_OPTION_LIST_MAX 8 /* arbitrary */

struct hv_option_list {
	const char *at[HV_OPTION_LIST_MAX];
	unsigned count;
};

struct hv_option {
	const char *name; /* without the dashes */
	enum hv_option_type type;
	const char *value;   /* what help calls the value: DIR, SIZE; NULL for flags */
	const char *initial; /* parsed like a given one; NULL: required, or a flag */
	uint64_t min, max;   /* bounds as the type says; max 0: none */
	size_t offset;       /* of the field in the config */
	const char *const *choices; /* of HV_OPTION_CHOICE, NULL at the end */
	const char *help;           /* one line, lower case, no full stop */
};

/* `initial` of an option that may be left out: its field is NULL or 0 then. */
extern const char hv_option_absent[];

struct hv_option_table {
	const char *program;
	const char *summary;  /* one line for --help */
	const char *operands; /* "[FILE...]" where arguments may follow; NULL: none may */
	const struct hv_option *options;
	size_t count;
};

struct hv_option_result {
	bool wants_help; /* nothing else was checked */
	bool is_check;
	int operand; /* index in argv of the first argument behind the options */
};

HV_MUST_USE
enum hv_code hv_option_parse(const struct hv_option_table *table, int argc, char **argv,
			     void *config, struct hv_option_result *ret_result,
			     struct hv_err *err);

void hv_option_help(const struct hv_option_table *table, FILE *to);

/*
 * Parse, and what every program does with the result: -1 go on; else the exit
 * code: 0 after --help on stdout, 2 after "program: sentence" on stderr.
 */
HV_MUST_USE
int hv_option_main(const struct hv_option_table *table, int argc, char **argv,
		   void *config, struct hv_option_result *ret_result);

#endif
