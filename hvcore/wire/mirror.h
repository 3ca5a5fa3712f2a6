/*
 * mirror - how far a mirrored partition's pages lie behind both VIOS, in the words that
 * agent, coordinator and tarn share.
 *
 * Contract
 *   Threads  any. Pure.
 *   Memory   texts are the caller's, of HV_MIRROR_TEXT_BYTES.
 *   Units    pages.
 */
#ifndef HVCORE_WIRE_MIRROR_H
#define HVCORE_WIRE_MIRROR_H

#include "hvcore/wire/messages.h"

#define HV_MIRROR_TEXT_BYTES 160

/* It says that it has a mirror, and that not all it needs is behind both VIOS. */
bool hv_mirror_is_degraded(const Tarn__PartitionStat *stat);

/*
 * "1,234 pages are behind vios2 alone": of one that is degraded. `vios` is the VIOS of
 * its `pgdev`, `other` that of its `mirror`. Returns `text`.
 */
const char *hv_mirror_text(const Tarn__PartitionStat *stat, const char *vios,
			   const char *other, char text[HV_MIRROR_TEXT_BYTES]);

/* "1,234 pages are to be copied to ...": of one that has two devices for that alone. */
const char *hv_mirror_copy_text(const Tarn__PartitionStat *stat, const char *device,
				char text[HV_MIRROR_TEXT_BYTES]);

/* "1,234,567": returns `text`. */
#define HV_COUNT_TEXT_BYTES 28
const char *hv_count_text(uint64_t count, char text[HV_COUNT_TEXT_BYTES]);

#endif
