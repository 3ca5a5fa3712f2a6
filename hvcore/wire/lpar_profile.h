/*
 * lpar_profile - what a partition and its profiles have beside memory, under the names
 * that an HMC gives it (domain.md 1.4): the one table of them, and checks by it.
 *
 * Contract
 *   Threads  any.
 *   Memory   the table is constant.
 *   Errors   INVAL names the attribute and what it may be.
 */
#ifndef HVCORE_WIRE_LPAR_PROFILE_H
#define HVCORE_WIRE_LPAR_PROFILE_H

#include "hvcore/wire/messages.h"

#include <stdbool.h>

#define HV_LPAR_PROFILES_MAX 16   /* of one partition; arbitrary */
#define HV_LPAR_ATTRIBUTES_MAX 64 /* the table has fewer of either scope */
#define HV_LPAR_ID_MAX 65535      /* arbitrary; a host has HV_HOST_LPARS_MAX */
#define HV_PROCESSOR_UNITS 100    /* processors are counted in hundredths */

enum hv_lpar_scope {
	HV_SCOPE_LPAR,   /* of the partition */
	HV_SCOPE_PROFILE /* of one of its profiles */
};

enum hv_lpar_form {
	HV_FORM_CHOICE, /* one of `valid`, which has them between | */
	HV_FORM_NUMBER, /* min to max */
	HV_FORM_UNITS,  /* the same in hundredths: "0.5" */
	HV_FORM_LIST    /* none, or at most `max` elements with commas between */
};

struct hv_lpar_attribute {
	const char *name;
	enum hv_lpar_scope scope;
	enum hv_lpar_form form;
	uint64_t min, max;
	const char *valid;  /* "norm|dd"; of other forms for people */
	const char *absent; /* where nobody set it; NULL: it has no value then */
};

extern const struct hv_lpar_attribute hv_lpar_attributes[]; /* ends with name NULL */

/* NULL where there is none. */
const struct hv_lpar_attribute *hv_lpar_attribute_find(enum hv_lpar_scope scope,
						       const char *name);
bool hv_lpar_attribute_takes(const struct hv_lpar_attribute *attribute,
			     const char *value);

/* "0.5" to hundredths; digits, at most two of them behind a point. */
HV_MUST_USE
enum hv_code hv_units_parse(const char *text, uint64_t *ret_hundredths,
			    struct hv_err *err);

/* The value of a profile's attribute: as it was set, or absent's; may be NULL. */
const char *hv_lpar_profile_value(const Tarn__LparProfile *profile, const char *name);

/* Every name is in the table, once, and takes its value. */
HV_MUST_USE
enum hv_code hv_lpar_attributes_check(enum hv_lpar_scope scope, size_t count,
				      Tarn__LparAttribute *const *attributes,
				      struct hv_err *err);

/* Right in itself: memory as of an LparSpec, attributes, processors in order. */
HV_MUST_USE
enum hv_code hv_lpar_profile_check(const Tarn__LparProfile *profile, struct hv_err *err);

/*
 * The memory and adapters of a profile into a spec, whose name and workload stay. Its
 * disks and ethernets are lent by the profile: such a spec is not freed, only copied.
 */
void hv_lpar_profile_apply(const Tarn__LparProfile *profile, Tarn__LparSpec *spec);

/* The other way round: all but the name, and no attributes. All of it is lent. */
void hv_lpar_profile_of_spec(const Tarn__LparSpec *spec, Tarn__LparProfile *ret_profile);

#endif
