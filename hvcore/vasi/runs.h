/*
 * runs - which buffers of a lane are in use: runs of adjacent ones, given out by
 * first fit.
 *
 * One word of 64 buffers for page-ins, four for page-outs; a run never leaves its
 * word, so a search is a few shifts a word, and the longest run is HV_RUN_PAGES.
 *
 * Contract
 *   Threads  one.
 *   Errors   giving back what was not taken is an invariant.
 */
#ifndef HVCORE_VASI_RUNS_H
#define HVCORE_VASI_RUNS_H

#include "hvcore/wire/session.h"

#include <stdbool.h>

#define HV_RUNS_WORDS (HV_LANE_BUFFERS / 64)

static_assert(HV_LANE_BUFFERS % 64 == 0, "whole words");
static_assert(HV_LANE_READ_BUFFERS == 64, "word 0 carries page-ins");
static_assert(HV_RUN_PAGES <= 64, "a run fits a word");

struct hv_runs {
	uint64_t used[HV_RUNS_WORDS];
};

void hv_runs_init(struct hv_runs *runs);

/* False: no run of that length is free now. */
bool hv_runs_take(struct hv_runs *runs, enum hv_request_op op, unsigned pages,
		  uint32_t *ret_buffer);
void hv_runs_give(struct hv_runs *runs, uint32_t buffer, unsigned pages);

/* Buffers free for this kind of request, in runs of any length. */
unsigned hv_runs_free(const struct hv_runs *runs, enum hv_request_op op);

/* Whether a request of this kind may name these buffers. */
static inline bool hv_runs_fit(enum hv_request_op op, uint32_t buffer, unsigned pages)
{
	uint32_t first = op == HV_OP_READ ? 0 : HV_LANE_READ_BUFFERS;
	uint32_t end = op == HV_OP_READ ? HV_LANE_READ_BUFFERS : HV_LANE_BUFFERS;

	return pages >= 1 && pages <= HV_RUN_PAGES && buffer >= first && buffer < end &&
	       pages <= end - buffer;
}

#endif
