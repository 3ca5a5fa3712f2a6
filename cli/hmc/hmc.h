/*
 * hmc - one run of an HMC command: its options, the coordinator, where output goes.
 *
 *   argv[0] --> row of hmc_commands[] --> options --> run --> exit 0, or one line on
 *                                                     stderr and exit 1
 *
 * A command is one row: name, function, options. A change that succeeds prints
 * nothing. A list prints rows, or "No results were found.".
 *
 * Contract
 *   Threads  one.
 *   Memory   option values point into argv.
 *   Errors   messages of errors.h; what comes from the coordinator is made one at
 *            the end, in hmc_main().
 */
#ifndef CLI_HMC_HMC_H
#define CLI_HMC_HMC_H

#include "cli/cli.h"
#include "cli/hmc/access.h"
#include "cli/hmc/errors.h"
#include "cli/hmc/fields.h"

#define HMC_OPTIONS_MAX 24

enum hmc_takes {
	HMC_FLAG,
	HMC_TEXT,
	HMC_MAYBE /* a value, unless an option or nothing follows */
};

struct hmc_option {
	const char *name; /* one letter: -r; more: --filter */
	enum hmc_takes takes;
	bool is_needed;
	const char *metavar;
};

struct hmc;

struct hmc_command {
	const char *name;
	enum hv_code (*run)(struct hmc *hmc, struct hv_err *err);
	const struct hmc_option *options; /* ends with name NULL */
	const char *summary;
	enum hmc_access access; /* what the user's task role must give */
};

struct hmc_argument {
	const struct hmc_option *option;
	bool is_set;
	const char *text; /* NULL: none was given */
};

struct hmc {
	struct cli *cli;
	const struct hmc_command *command;
	unsigned count;
	struct hmc_argument arguments[HMC_OPTIONS_MAX];
	bool is_wrong_usage;
	Tarn__LparDetail detail; /* what of LPARs is asked for; at first all */
	bool has_role;
	Tarn__TaskRole role; /* of the user, once it was asked for */
};

extern const struct hmc_command hmc_commands[]; /* ends with name NULL */

/* `words` is argv; its first word, less the directory, names the command. */
int hmc_main(struct cli *cli, unsigned count, char *const *words);

/* The option must be in the command's table. NULL: absent. */
const char *hmc_text(const struct hmc *hmc, const char *name);
bool hmc_has(const struct hmc *hmc, const char *name);
/* 0 to max, or `absent`; INVALID_VALUE names the option. */
HV_MUST_USE
enum hv_code hmc_number(const struct hmc *hmc, const char *name, uint64_t max,
			uint64_t absent, uint64_t *ret_value, struct hv_err *err);
/* Its text must be one of the names; gives the index. */
HV_MUST_USE
enum hv_code hmc_choice(struct hmc *hmc, const char *name, const char *const *choices,
			unsigned *ret_index, struct hv_err *err);
void hmc_usage_set(struct hmc *hmc, struct hv_err *err, const char *what,
		   const char *name);
/* Marks and returns a failure that is wrong usage. */
static inline enum hv_code hmc_usage(struct hmc *hmc, struct hv_err *err,
				     const char *what, const char *name)
{
	hmc_usage_set(hmc, err, what, name);
	return HV_E_INVAL;
}

#endif
