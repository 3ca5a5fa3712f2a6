/*
 * replace - a paging device of a running LPAR becomes another one.
 *
 *   new_device is its own, too, and is wanted instead of old_device; the host copies
 *        --all is there--> the new one is its device, the old one free
 *        --refused, or--> device_error: the old one is wanted again --it has it--> the
 *          taken back       new one is free
 *
 * Contract
 *   Threads  L.
 *   Errors   out of memory sticks in the draft.
 */
#ifndef COORDINATOR_CLUSTER_REPLACE_H
#define COORDINATOR_CLUSTER_REPLACE_H

#include "coordinator/cluster/draft.h"

/* Why this device of the LPAR cannot become that one; OK: it can. */
HV_MUST_USE
enum hv_code replace_check(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			   const Tarn__DeviceRecord *old, const Tarn__DeviceRecord *now,
			   struct hv_err *err);
/* The id of its job; 0: no memory. */
uint64_t replace_begin(struct draft *draft, const Tarn__LparRecord *lpar, const char *old,
		       const char *now);
/* The best of those that may take its place, and were not refused there lately; NULL:
 * none. */
const Tarn__DeviceRecord *replace_find(const struct cluster *cluster,
				       const Tarn__LparRecord *lpar,
				       const Tarn__DeviceRecord *old);
/* What is under way is this one's way there, and the order is to go back. */
bool replace_is_way_back(const Tarn__LparRecord *lpar, const char *old, const char *now);
/* As replace_begin(): the old one is wanted again, by a job of its own. */
uint64_t replace_take_back(struct draft *draft, const Tarn__LparRecord *lpar);
/* What its host is to make of it: the names, as they are wanted now. */
const char *replace_wanted(const Tarn__LparRecord *lpar, const char *device);

/* The host has the new one, and every page on it. */
void replace_settle(struct draft *draft, const Tarn__LparRecord *lpar);
/* It cannot be: the old one is wanted again. */
void replace_give_up(struct draft *draft, const Tarn__LparRecord *lpar, enum hv_code code,
		     const char *why);
/* The host has the old one again. */
void replace_undo(struct draft *draft, const Tarn__LparRecord *lpar);
/* Its run is over: both are free. `edit` is of this draft. */
void replace_end(struct draft *draft, Tarn__LparRecord *edit);

#endif
