/* pack_priv - what pack.c is to the other files of the engine: pages in the tier. */
#ifndef HVCORE_PAGER_PACK_PRIV_H
#define HVCORE_PAGER_PACK_PRIV_H

#include "hvcore/pager/pager.h"

struct hv_parked;

#define HV_UNLOADS_MAX 64 /* pages of the tier being written at once; arbitrary */

/* What the tier is worth to a space: pack.c. */
struct hv_gain {
	uint16_t tried, refused; /* pages that were to go there; did not compress */
	uint16_t left, hits;     /* that left it; for a fault */
	uint32_t past;           /* so many go past it before it is tried again */
	uint8_t doublings;       /* of that, the next time */
};

/* A page of the tier that is being written to a device. */
struct hv_unload {
	struct hv_space *space;
	uint32_t page;
	uint32_t place;
};

/* Whether pages of the space go to the tier now. */
bool hv_pack_may(const struct hv_space *space);
/* So many pages of it go past the tier from now on. */
void hv_pack_past(struct hv_space *space, uint32_t pages);
/* The page, of which this is a copy, is PACKED, and in its frame until it is punched;
 * false: it is not. */
bool hv_pack(struct hv_space *space, uint32_t page, const uint8_t *copy);
/* What a page has in the tier is worth nothing any more. */
void hv_pack_forget(struct hv_space *space, uint32_t page);
/* A PACKED page has no place any more; the caller moves it. */
void hv_pack_drop(struct hv_space *space, uint32_t page);
/* What a PACKED page holds. False: it is lost (M4). */
HV_MUST_USE
bool hv_pack_read(const struct hv_space *space, uint32_t page, uint8_t *to);
/* A PACKED or UNLOADING page comes back to a frame, or why not now. */
enum hv_wait hv_pack_bring(struct hv_space *space, const struct hv_parked *fault,
			   uint64_t now_ns);
/* PACKED -> UNLOADING, to that slot, if fewer than HV_UNLOADS_MAX are; and how it ends:
 * UNLOADING -> PACKED, or STOLEN. */
void hv_pack_unload(struct hv_space *space, uint32_t page, uint32_t slot);
void hv_pack_stay(struct hv_space *space, uint32_t page);
void hv_pack_unloaded(struct hv_space *space, uint32_t page);
/* The oldest pages begin to leave the tier; returns how many. */
unsigned hv_pack_relieve(struct hv_pager *pager, uint64_t now_ns);
void hv_pack_run(struct hv_pager *pager, uint64_t now_ns);
void hv_pack_lost(struct hv_space *space, uint32_t page); /* it did not read back */
void hv_pack_end(struct hv_space *space); /* the space has ended: all of it goes */

#endif
