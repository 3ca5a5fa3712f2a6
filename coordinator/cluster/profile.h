/*
 * profile - what an LPAR may be activated with, and the processors that takes.
 *
 * An LPAR has profiles, one of them the default. Activation with a profile makes its
 * values the LPAR's own (spec); a profile that is changed later changes nothing before
 * the next activation with it. Processors are counted only then, on hosts whose
 * number is known (SPEC R7).
 *
 * Contract
 *   Threads  L.
 *   Units    processors in hundredths.
 */
#ifndef COORDINATOR_CLUSTER_PROFILE_H
#define COORDINATOR_CLUSTER_PROFILE_H

#include "coordinator/cluster/draft.h"
#include "hvcore/wire/lpar_profile.h"

#define PROFILE_NAME "default" /* of an LPAR that was made without one */

const Tarn__LparProfile *profile_find(const Tarn__LparRecord *lpar, const char *name);

/* all_resources: it runs alone on its host. */
bool profile_takes_all(const Tarn__LparProfile *profile);

/* The lowest partition id that no LPAR of the host has. */
uint32_t profile_free_id(const struct cluster *cluster, const char *host);
/* A request's id, and its attributes. */
HV_MUST_USE
enum hv_code profile_check_new(const struct cluster *cluster,
			       const Tarn__LparCreate *request, struct hv_err *err);

/* An LPAR as it will be activated. */
struct profile_use {
	Tarn__LparSpec spec;              /* strings are the record's */
	const Tarn__LparProfile *profile; /* NULL: as it was last, and that is gone */
	bool is_applied;                  /* the spec is the profile's now */
	uint32_t processors;              /* granted, and counted; 0 where nobody does */
	Tarn__Processors settings; /* what its host makes of them; units 0: nothing */
};
/* `name` NULL or "": as it was last, at first its default profile. NOTFOUND. */
HV_MUST_USE
enum hv_code profile_use_find(const Tarn__LparRecord *lpar, const char *name,
			      struct profile_use *ret_use, struct hv_err *err);
/* Desired processors if free, else what is free, never below the minimum: LIMIT. */
HV_MUST_USE
enum hv_code profile_grant_processors(const struct cluster *cluster,
				      const Tarn__HostRecord *host,
				      struct profile_use *use, struct hv_err *err);
/* Running or about to end, on that host; hundredths. */
uint64_t profile_granted(const struct cluster *cluster, const char *host);
/* Of the run; units 0: nobody says. */
void profile_set_processors(struct draft *draft, Tarn__LparRecord *edit,
			    const Tarn__Processors *settings);
/* So is its memory; what its adapters entitle it to is renewed. */
void profile_set_memory(Tarn__LparRecord *edit, uint64_t bytes);
void profile_use_edit(struct draft *draft, const struct profile_use *use);

/* CORRUPT: an id twice on a host, or a default profile that is not there. */
HV_MUST_USE
enum hv_code profile_audit(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			   struct hv_err *err);

#endif
