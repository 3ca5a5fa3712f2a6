/*
 * written - pages that are read first and written then, each time they come back.
 *
 * Brought for a read, a page comes clean and protected (P5), and the store that follows
 * is one more event: a tenth of what a page-in takes, a fourth of its processor time. A
 * page that had been written when it left is likely to be written again; of such pages
 * some come protected, to see, and while nearly all of these are written, the others come
 * writable, their slots dropped, as for a store.
 *
 *   leaves after a store: HV_PAGE_WROTE --comes back--> writable, or protected and marked
 *   marked: a store --> a hit;  leaves without one --> a miss, and the mark is gone
 *
 * A wrong guess costs a write when the page leaves. Never a wrong content: a page without
 * a slot is dirty, whether or not it was written.
 */
#ifndef HVCORE_PAGER_WRITTEN_PRIV_H
#define HVCORE_PAGER_WRITTEN_PRIV_H

#include <stdbool.h>
#include <stdint.h>

#include "hvcore/mem/page_table.h"

#define HV_WROTE_MOST 255   /* hits that count */
#define HV_WROTE_ENOUGH 192 /* of which so many are enough; arbitrary */
#define HV_WROTE_MISS 24    /* ... and a miss takes so many: 96 of 100 must be hits */
#define HV_WROTE_PROBE 16   /* one of so many comes protected all the same; arbitrary */

struct hv_wrote { /* of a space */
	uint8_t score;
	uint8_t turn;
};

/* Whether that page, which was written when it left, is to come writable. */
static inline bool hv_wrote_expects(struct hv_wrote *wrote)
{
	return wrote->score >= HV_WROTE_ENOUGH && ++wrote->turn % HV_WROTE_PROBE != 0;
}

/* A page in its frame is written, or leaves it without: told, if that was to be seen. */
static inline void hv_wrote_tell(struct hv_wrote *wrote, struct hv_page_table *table,
				 uint32_t page, bool is_hit)
{
	if (!hv_page_has(table, page, HV_PAGE_WROTE))
		return;
	hv_page_mark(table, page, HV_PAGE_WROTE, false);
	if (is_hit)
		wrote->score += wrote->score < HV_WROTE_MOST;
	else
		wrote->score -= wrote->score < HV_WROTE_MISS ? wrote->score
							     : HV_WROTE_MISS;
}

#endif
