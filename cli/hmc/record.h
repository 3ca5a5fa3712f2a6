/*
 * record - the configuration records of -i, -f and -a, as an HMC reads and writes them.
 *
 *   record := pair { "," pair }       blanks in front of a pair do not count
 *   pair   := name op value           bare: up to the next comma
 *           | '"' name op value '"'   quoted as a whole: a quote inside is doubled
 *   op     := "=" | "+=" | "-="
 *   list   := element { "," element } an element with a comma is in quotes itself:
 *             "virtual_eth_adapters=""2/1/1/3,4,5/0/1"",3/0/2//0/0"
 *
 * What is printed is of the same grammar, so that it can be read again.
 *
 * Contract
 *   Threads  one.
 *   Memory   a record owns its text; hmc_record_fini() also after a failure.
 *   Errors   messages of errors.h; NOMEM.
 */
#ifndef CLI_HMC_RECORD_H
#define CLI_HMC_RECORD_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdio.h>

#define HMC_RECORD_BYTES_MAX 65536 /* arbitrary */
#define HMC_PAIRS_MAX 128          /* a full profile has about 60 */
#define HMC_ELEMENT_BYTES 256      /* of a list; the longest adapter takes half */

enum hmc_op { HMC_SET, HMC_ADD, HMC_REMOVE };

struct hmc_pair {
	const char *name;
	enum hmc_op op;
	const char *value;
};

struct hmc_record {
	char *text;
	unsigned count;
	struct hmc_pair pairs[HMC_PAIRS_MAX];
};

/* A text without pairs is a record without pairs. */
HV_MUST_USE
enum hv_code hmc_record_parse(const char *text, struct hmc_record *ret_record,
			      struct hv_err *err);
void hmc_record_fini(struct hmc_record *record);

/* NULL where there is none; names are unique after hmc_record_parse(). */
const struct hmc_pair *hmc_record_find(const struct hmc_record *record, const char *name);

/* One pair as it is read: quoted where its value has a comma, a quote, or a newline. */
void hmc_pair_print(FILE *out, const char *name, enum hmc_op op, const char *value);

/* A letter first, then letters, digits and _. */
bool hmc_name_is_valid(const char *name);

/*
 * The next element of a list into `element`. False: there is none. *at moves on. An
 * element that does not fit or whose quotes do not match sets *is_bad.
 */
bool hmc_list_next(const char **at, char element[HMC_ELEMENT_BYTES], bool *is_bad);

#endif
