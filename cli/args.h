/*
 * args - what a command accepts, and the words of one command line against it.
 *
 * A command is one row: noun, verb, operands and options in one table, function.
 * Help, completion and parsing come from that row and from nothing else.
 *
 * Contract
 *   Threads  one.
 *   Memory   nothing is allocated; values point into argv.
 *   Errors   every failure of parsing is wrong usage (exit status 2); the sentence
 *            names the nearest thing that exists.
 *   Units    sizes are bytes.
 */
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLI_OPTIONS_MAX 48 /* rows of one command, the common ones included */
#define CLI_REPEATS_MAX 32 /* values of options that may be there again */

struct cli;

enum cli_type {
	CLI_FLAG,   /* an option without a value */
	CLI_STRING, /* anything that is not empty */
	CLI_NAME,   /* hvcore/base/units.h: hv_name_is_valid */
	CLI_SIZE,   /* 512M */
	CLI_NUMBER, /* 0..max */
	CLI_CHOICE, /* one of `choices`; its number is the index */
	CLI_TYPE_COUNT
};

enum cli_place {
	CLI_OPTION,  /* --name VALUE or --name=VALUE, may be absent */
	CLI_NEEDED,  /* the same, must be there */
	CLI_OPERAND, /* a word, in the order of the table, must be there */
	CLI_EXTRA,   /* a last word, may be absent */
};

struct cli_option {
	const char *name; /* "mem"; of an operand what help calls it: "NAME" */
	enum cli_place place;
	enum cli_type type;
	uint64_t max;               /* of a number */
	const char *const *choices; /* ends with NULL */
	const char *metavar;        /* "SIZE"; NULL for a flag */
	const char *complete;       /* noun whose names fit: "host"; or NULL */
	bool is_list;               /* may be there again; a flag may not */
	char letter;                /* -n for --name; 0: none */
	const char *help;
};

struct cli_command {
	const char *noun;
	const char *verb; /* NULL: the noun is the whole command */
	enum hv_code (*run)(struct cli *cli, struct hv_err *err);
	const struct cli_option *options; /* ends with name NULL; NULL: none */
	const char *summary;
};

struct cli_value {
	const struct cli_option *option;
	bool is_set;
	const char *text;
	uint64_t number;
};

struct cli_args {
	const struct cli_command *command;
	unsigned count, repeat_count;
	struct cli_value values[CLI_OPTIONS_MAX];  /* of a list the last one */
	struct cli_value repeats[CLI_REPEATS_MAX]; /* of lists, in the order of words */
};

/* Options of every command: --json, --coordinator, --timeout, --help. */
extern const struct cli_option cli_common_options[];

/* Starts with no value set. */
void cli_args_init(struct cli_args *args, const struct cli_command *command);

/*
 * Takes `words`, all that follows noun and verb. With --help among them the rest
 * is not checked: cli_flag(args, "help") is set.
 */
HV_MUST_USE
enum hv_code cli_args_parse(struct cli_args *args, unsigned count, char *const *words,
			    struct hv_err *err);

/* The option must be in the command's table. */
const struct cli_value *cli_value(const struct cli_args *args, const char *name);
bool cli_flag(const struct cli_args *args, const char *name);
const char *cli_text(const struct cli_args *args, const char *name); /* NULL: absent */
uint64_t cli_number(const struct cli_args *args, const char *name, uint64_t absent);
/* The nth value of a list, from 0; NULL: there are not so many. */
const struct cli_value *cli_repeat(const struct cli_args *args, const char *name,
				   unsigned nth);

/* The one of `count` names nearest to `word`, or NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *names, unsigned count);

#endif
