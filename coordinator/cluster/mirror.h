/*
 * mirror - what lies behind one VIOS alone, as last reported: it would wait for ever
 * where that VIOS went for good, so nothing of it is taken away by order.
 *
 * Contract
 *   Threads  L. Pure: reads records and the last report.
 *   Units    pages.
 */
#ifndef COORDINATOR_CLUSTER_MIRROR_H
#define COORDINATOR_CLUSTER_MIRROR_H

#include "coordinator/cluster/cluster.h"

#define MIRROR_TEXT_BYTES 256

/* Of a shared LPAR that runs; 0 where nothing is known. */
uint64_t mirror_pages_alone(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			    const char *vios);

/* One device, behind that VIOS, is all that this LPAR has now. */
bool mirror_lies_behind(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			const char *vios);

/* REFUSED: an LPAR of the host has pages behind that VIOS alone; which, and what to do. */
HV_MUST_USE
enum hv_code mirror_need_none_alone(const struct cluster *cluster,
				    const Tarn__HostRecord *host, const char *vios,
				    struct hv_err *err);

/*
 * Of a shared LPAR that runs: whatever it needs is behind both VIOS now. If not, the
 * text says why.
 */
bool mirror_is_redundant(const struct cluster *cluster, const Tarn__LparRecord *lpar,
			 char why[MIRROR_TEXT_BYTES]);

#endif
