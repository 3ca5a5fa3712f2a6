/*
 * edit - records of mksyscfg and chsyscfg, checked and made into profiles.
 *
 * A record is applied to a profile in whole or not at all. Numbers take +=, -= and =;
 * lists of adapters, too: += adds elements, -= takes them away.
 *
 * Contract
 *   Threads  one.
 *   Memory   what an edit points to is the record's, the old profile's, or its own:
 *            both must live as long; hmc_edit_fini().
 *   Errors   messages of errors.h, NOMEM.
 *   Units    memory is in MB in records, in bytes in profiles.
 */
#ifndef CLI_HMC_EDIT_H
#define CLI_HMC_EDIT_H

#include "cli/hmc/adapters.h"
#include "cli/hmc/system.h"
#include "hvcore/wire/lpar_profile.h"

struct hmc_edit {
	Tarn__LparProfile profile;
	Tarn__LparAttribute attributes[HV_LPAR_ATTRIBUTES_MAX];
	Tarn__LparAttribute *list[HV_LPAR_ATTRIBUTES_MAX];
	char *made[HV_LPAR_ATTRIBUTES_MAX]; /* values that were computed */
	unsigned made_count;
	const struct hmc_system *system;
	const Tarn__LparView *lpar; /* whose profile it is; NULL: of a new one */
	struct hmc_adapters adapters;
	uint64_t block_bytes;
	bool may_be_silent;  /* of processors: as it was before */
	const char *derived; /* the first entered of what all_resources=1 has itself */
};

/* `old` NULL: a new profile, whose name the caller sets. */
void hmc_edit_start(struct hmc_edit *edit, const Tarn__LparProfile *old,
		    const struct hmc_system *system, const Tarn__LparView *lpar);
void hmc_edit_fini(struct hmc_edit *edit);

/* Does a profile have such an attribute? */
bool hmc_edit_knows(const char *name);
HV_MUST_USE
enum hv_code hmc_edit_apply(struct hmc_edit *edit, const struct hmc_pair *pair,
			    struct hv_err *err);
/* An attribute's value as it is, copied. */
HV_MUST_USE
enum hv_code hmc_edit_set(struct hmc_edit *edit, const char *name, const char *value,
			  struct hv_err *err);
/* Memory in blocks and in order, all there is needed, redundancy by the VIOS named. */
HV_MUST_USE
enum hv_code hmc_edit_finish(struct hmc_edit *edit, struct hv_err *err);

/* The value of a record's attribute that must be there, with =. */
HV_MUST_USE
enum hv_code hmc_need_value(const struct hmc_record *record, const char *name,
			    const char **ret_value, struct hv_err *err);

/* The partition that a profile's record names by lpar_name or lpar_id. */
HV_MUST_USE
enum hv_code hmc_record_partition(const struct hmc_system *system,
				  const struct hmc_record *record,
				  const Tarn__LparView **ret_lpar, struct hv_err *err);

/*
 * Whether the pair of a profile's record says whose profile it is: lpar_name, lpar_id,
 * and lpar_env, which must be the partition's.
 */
HV_MUST_USE
enum hv_code hmc_take_whose(const struct hmc_pair *pair, const Tarn__LparView *lpar,
			    bool *ret_is_it, struct hv_err *err);

/* What to do with a record; a trial only checks it. */
struct hmc_order {
	struct hmc *hmc;
	const struct hmc_system *system; /* NULL: of none */
	bool is_trial;
};
typedef enum hv_code hmc_record_do(const struct hmc_order *order,
				   const struct hmc_record *record, struct hv_err *err);

/*
 * The record of -i, or those of the lines of -f: first a trial of all, so that a
 * wrong line changes nothing, then each.
 */
HV_MUST_USE
enum hv_code hmc_records(struct hmc *hmc, hmc_record_do *one, struct hv_err *err);
/* The same, of a system that is open already, or of none. */
HV_MUST_USE
enum hv_code hmc_records_of(struct hmc *hmc, const struct hmc_system *system,
			    hmc_record_do *one, struct hv_err *err);

#endif
