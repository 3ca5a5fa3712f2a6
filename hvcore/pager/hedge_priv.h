/* hedge_priv - page-ins that are asked for over both paths: see hedge.c. */
#ifndef HVCORE_PAGER_HEDGE_PRIV_H
#define HVCORE_PAGER_HEDGE_PRIV_H

#include "hvcore/pager/pager_priv.h"

#define HV_HEDGE_CREDIT 512 /* page-ins that 16 hedges stand for; arbitrary */
/* What is late. */
void hv_hedge_run(struct hv_pager *pager, uint64_t now_ns);
/* Asks for one more that is out over the other path, too, late or not; false: none. */
HV_MUST_USE
bool hv_hedge_start(struct hv_pager *pager, uint64_t now_ns);
/* How long an answer took. */
void hv_hedge_learn(struct hv_pager *pager, const struct hv_fill *fill, uint64_t now_ns);
/* The path to ask for a page: that one, or the other while it is that late. */
unsigned hv_hedge_detour(const struct hv_space *space, uint32_t page, unsigned path);
/* It came over that path: last_path, buffer. */
void hv_hedge_answered(struct hv_fill *fill, unsigned path);
/* ... and is whole: what is out over the other one is for nobody. */
void hv_hedge_won(struct hv_pager *pager, struct hv_fill *fill);
/* Nothing comes over that path. True: the other one is waited for. */
bool hv_hedge_lost(struct hv_fill *fill, unsigned path);
/* Nobody wants what is out. */
void hv_hedge_drop(struct hv_pager *pager, const struct hv_fill *fill);

#endif
