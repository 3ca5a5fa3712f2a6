/*
 * script - what a line of the shell means: a tree, its memory, and how it is printed.
 *
 *   LIST      body: what is run one after the other
 *   CHAIN     body: each with `joint`, how it hangs on what came before
 *   PIPE      body: one process each; is_negated turns the status around
 *   COMMAND   assignments, words
 *   FOR       name, words, body (a LIST)
 *   WHILE     condition, body (LISTs); UNTIL the same
 *   IF        body: CLAUSEs, each with condition and body; the last may lack a condition
 *   SUBSHELL  body (a LIST) in a process of its own; GROUP in this one
 *
 * A word is parts that are joined: text, variables, the output of commands, numbers
 * that are the value of an expression (itself text and the like). What was quoted is
 * never split. There are no patterns and no home directories: the shell has no files.
 *
 * Contract
 *   Threads  one.
 *   Memory   everything hangs on the script and goes with hmcsh_script_fini().
 *   Errors   NOMEM: no memory, or more than a script may have.
 */
#ifndef CLI_HMCSH_SCRIPT_H
#define CLI_HMCSH_SCRIPT_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdio.h>

#define HMCSH_LINE_BYTES_MAX 131072       /* the kernel's limit of one argument */
#define HMCSH_SCRIPT_BYTES_MAX (8u << 20) /* memory of one script; arbitrary */
#define HMCSH_NODES_MAX 4096              /* of a script; arbitrary */
#define HMCSH_DEPTH_MAX 24                /* of nested commands; arbitrary */
#define HMCSH_STAGES_MAX 24               /* of a pipeline: one process each */
#define HMCSH_NAME_BYTES_MAX 64           /* of a variable; arbitrary */

struct hmcsh_node;

enum hmcsh_part_kind { HMCSH_TEXT, HMCSH_VARIABLE, HMCSH_OUTPUT, HMCSH_NUMBER };

struct hmcsh_word;

struct hmcsh_part {
	struct hmcsh_part *next;
	enum hmcsh_part_kind kind;
	bool is_quoted;
	const char *text;              /* TEXT; VARIABLE: its name */
	struct hmcsh_node *list;       /* OUTPUT */
	struct hmcsh_word *expression; /* NUMBER */
};

struct hmcsh_word {
	struct hmcsh_word *next;
	struct hmcsh_part *parts;
};

struct hmcsh_assignment {
	struct hmcsh_assignment *next;
	const char *name;
	struct hmcsh_word value; /* without parts: empty */
};

enum hmcsh_redirect_kind {
	HMCSH_TO_DESCRIPTOR,
	HMCSH_TO_NULL,
	HMCSH_FROM_NULL,
	HMCSH_TO_FILE,  /* refused when it is run */
	HMCSH_FROM_FILE /* the same */
};

struct hmcsh_redirect {
	struct hmcsh_redirect *next;
	enum hmcsh_redirect_kind kind;
	int descriptor; /* 0 to 2 */
	int from;       /* TO_DESCRIPTOR: 0 to 2 */
	struct hmcsh_word *file;
};

enum hmcsh_kind {
	HMCSH_LIST,
	HMCSH_CHAIN,
	HMCSH_PIPE,
	HMCSH_COMMAND,
	HMCSH_FOR,
	HMCSH_WHILE,
	HMCSH_UNTIL,
	HMCSH_IF,
	HMCSH_CLAUSE,
	HMCSH_SUBSHELL,
	HMCSH_GROUP,
	HMCSH_KIND_COUNT
};

enum hmcsh_joint { HMCSH_ALWAYS, HMCSH_AND, HMCSH_OR };

struct hmcsh_node {
	struct hmcsh_node *next; /* of the same body */
	enum hmcsh_kind kind;
	enum hmcsh_joint joint; /* of a part of a CHAIN */
	bool is_negated;        /* PIPE */
	const char *name;       /* FOR */
	struct hmcsh_node *condition, *body;
	struct hmcsh_assignment *assignments;
	struct hmcsh_word *words;
	struct hmcsh_redirect *redirects;
};

struct hmcsh_chunk;

struct hmcsh_script {
	struct hmcsh_node *list; /* a LIST, perhaps empty */
	/* private */
	struct hmcsh_chunk *chunks;
	size_t bytes;
	unsigned nodes;
};

void hmcsh_script_init(struct hmcsh_script *script);
void hmcsh_script_fini(struct hmcsh_script *script);

/* Zeroed memory that lives as long as the script. NULL: NOMEM in err. */
void *hmcsh_script_take(struct hmcsh_script *script, size_t bytes, struct hv_err *err);
/* The same for a text of `count` bytes, with a NUL behind it. */
char *hmcsh_script_text(struct hmcsh_script *script, const char *text, size_t count,
			struct hv_err *err);
struct hmcsh_node *hmcsh_script_node(struct hmcsh_script *script, enum hmcsh_kind kind,
				     struct hv_err *err);

/* On one line where no quoted text has a newline; it is parsed to the same tree. */
void hmcsh_script_print(const struct hmcsh_script *script, FILE *out);
void hmcsh_word_print(const struct hmcsh_word *word, FILE *out);

/* A letter or _, then letters, digits and _; shorter than HMCSH_NAME_BYTES_MAX. */
bool hmcsh_name_is_valid(const char *name, size_t count);

/* The text of a word that is one piece of unquoted text, such as `done`; or NULL. */
const char *hmcsh_word_bare(const struct hmcsh_word *word);

#endif
