/*
 * filter - --filter of the ls* commands: "n=v,n2=v2", "\"n=a,b\",n2=c".
 *
 * All names must match, each by any one of its values. The grammar is that of a
 * record (record.h).
 *
 * Contract
 *   Threads  one.
 *   Memory   a filter owns its text; hmc_filter_fini() also after a failure. One
 *            that is all zero matches everything.
 *   Errors   messages of errors.h; NOMEM.
 */
#ifndef CLI_HMC_FILTER_H
#define CLI_HMC_FILTER_H

#include "cli/hmc/record.h"

struct hmc_filter {
	struct hmc_record record;
};

/* What a kind of object can be filtered by, and which attribute that looks at. */
struct hmc_filter_name {
	const char *name;
	const char *attribute;
};

HV_MUST_USE
enum hv_code hmc_filter_parse(const char *text, struct hmc_filter *ret_filter,
			      struct hv_err *err);
void hmc_filter_fini(struct hmc_filter *filter);

/* Are all its names among these? */
HV_MUST_USE
enum hv_code hmc_filter_check(const struct hmc_filter *filter,
			      const struct hmc_filter_name *names, struct hv_err *err);

/* True too where the filter does not name it. */
bool hmc_filter_matches(const struct hmc_filter *filter, const char *name,
			const char *value, bool ignores_case);

#endif
