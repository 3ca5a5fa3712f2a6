/*
 * fields - a growing list of words, which are what a command is given, and how a text
 * is split into them.
 *
 * Contract
 *   Threads  one.
 *   Memory   owns its words; hmcsh_fields_fini() also after a failure.
 *   Errors   LIMIT: too long for a command line. NOMEM.
 */
#ifndef CLI_HMCSH_FIELDS_H
#define CLI_HMCSH_FIELDS_H

#include "hvcore/base/err.h"

#include <stdbool.h>

#define HMCSH_FIELDS_MAX 65536            /* arbitrary */
#define HMCSH_FIELDS_BYTES_MAX (8u << 20) /* of all words of a command; arbitrary */

struct hmcsh_fields {
	char **words; /* NULL at the end, once there is one */
	unsigned count;
	/* private: the word that is being made */
	unsigned room;
	char *word;
	size_t word_count, word_room, bytes;
	bool is_open, is_after_blank;
};

void hmcsh_fields_init(struct hmcsh_fields *fields);
void hmcsh_fields_fini(struct hmcsh_fields *fields);

/* More of the word that is being made; it is a word even with nothing in it. */
HV_MUST_USE
enum hv_code hmcsh_fields_add(struct hmcsh_fields *fields, const char *text, size_t count,
			      struct hv_err *err);
/* Ends it, if there is one. */
HV_MUST_USE
enum hv_code hmcsh_fields_end(struct hmcsh_fields *fields, struct hv_err *err);

/*
 * Adds a text that is split at characters of `separators`: blanks among them count as
 * one together, each other one ends a word, also an empty one.
 */
HV_MUST_USE
enum hv_code hmcsh_fields_split(struct hmcsh_fields *fields, const char *text,
				const char *separators, struct hv_err *err);

#endif
