/*
 * guest - what an LPAR that is a QEMU guest cannot do, refused where it is ordered.
 *
 * A guest has the processors and the memory it was started with, and the devices of its
 * QEMU. Whatever counts an LPAR counts it as any other one.
 *
 * Contract
 *   Threads  any: pure.
 *   Errors   REFUSED, with the reason and what to do instead. An LPAR that is no guest
 *            is never refused.
 */
#ifndef COORDINATOR_CLUSTER_GUEST_H
#define COORDINATOR_CLUSTER_GUEST_H

#include "hvcore/wire/guest_spec.h"

/* Of one that runs. */
HV_MUST_USE
enum hv_code guest_check_memory(const Tarn__LparRecord *lpar, struct hv_err *err);
HV_MUST_USE
enum hv_code guest_check_processors(const Tarn__LparRecord *lpar,
				    const Tarn__LparSetProcessors *request,
				    struct hv_err *err);
HV_MUST_USE
enum hv_code guest_check_debugger(const Tarn__LparRecord *lpar, struct hv_err *err);

/* May it be activated with that profile? INVAL. */
HV_MUST_USE
enum hv_code guest_check_profile(const Tarn__LparRecord *lpar,
				 const Tarn__LparProfile *profile, struct hv_err *err);

/* As much of it as such a guest can have: whole blocks of its machine. */
uint64_t guest_round_down(const Tarn__LparSpec *spec, uint64_t bytes);

#endif
