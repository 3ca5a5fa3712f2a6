/* walk_priv - what walk.c and check.c are to the other files of the engine. */
#ifndef HVCORE_PAGER_WALK_PRIV_H
#define HVCORE_PAGER_WALK_PRIV_H

#include "hvcore/pager/pager.h"

struct hv_walker;

/* ---- walk.c ---- */
bool hv_walker_has_page(const struct hv_space *space, uint32_t page);
/* The first free one of [from, end); NULL: none. */
struct hv_walker *hv_walker_find(struct hv_pager *pager, unsigned from, unsigned end);
void hv_walker_begin(struct hv_walker *walker, struct hv_space *space, uint32_t page,
		     unsigned path);
void hv_walker_free(struct hv_walker *walker);
/* What it is about is still what its slot has to hold. */
bool hv_walker_is_wanted(const struct hv_walker *walker);
void hv_walker_send(struct hv_pager *pager, struct hv_walker *walker, unsigned path,
		    bool is_write, uint32_t buffer, uint64_t now_ns);
/* Its request is off the table; the window buffer is still ours. */
void hv_walker_answered(struct hv_pager *pager, unsigned path, struct hv_walker *walker,
			uint32_t buffer, int result, uint64_t now_ns);
void hv_walker_lost(struct hv_walker *walker); /* ... its epoch ended */
/* The space has ended: of its walkers only those that are out are left. */
void hv_walkers_drop(struct hv_pager *pager, const struct hv_space *space);

/* ---- check.c ---- */

/* Begins one, if there is a page to check; false: there is none, nowhere. */
bool hv_check_start(struct hv_pager *pager, uint64_t now_ns);
/* Goes on with those that wait, begins one that is due. Says when to call it again. */
uint64_t hv_checks_run(struct hv_pager *pager, uint64_t now_ns);
/* It was read, well or not, and is still wanted. */
void hv_check_read(struct hv_pager *pager, struct hv_walker *check, bool is_good,
		   uint64_t now_ns);

#endif
