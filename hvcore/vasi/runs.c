/* runs - see runs.h. */
#include "hvcore/vasi/runs.h"

#include "hvcore/base/invariant.h"

struct span {
	unsigned first, end; /* words */
};

static struct span words_of(enum hv_request_op op)
{
	if (op == HV_OP_READ)
		return (struct span){ 0, 1 };
	return (struct span){ 1, HV_RUNS_WORDS };
}

static uint64_t mask_of(unsigned pages)
{
	return pages == 64 ? UINT64_MAX : (UINT64_C(1) << pages) - 1;
}

/* Bits at which a run of `pages` free buffers begins: halving steps, no loop over
 * positions. */
static uint64_t starts(uint64_t free, unsigned pages)
{
	unsigned have = 1;

	while (have < pages) {
		unsigned step = have < pages - have ? have : pages - have;

		free &= free >> step;
		have += step;
	}
	return free;
}

void hv_runs_init(struct hv_runs *runs)
{
	*runs = (struct hv_runs){ 0 };
}

bool hv_runs_take(struct hv_runs *runs, enum hv_request_op op, unsigned pages,
		  uint32_t *ret_buffer)
{
	struct span span = words_of(op);

	HV_INVARIANT(pages >= 1);
	HV_INVARIANT(pages <= HV_RUN_PAGES);
	for (unsigned i = span.first; i < span.end; i++) {
		uint64_t at = starts(~runs->used[i], pages);

		if (at == 0)
			continue;
		unsigned bit = (unsigned)__builtin_ctzll(at);

		runs->used[i] |= mask_of(pages) << bit;
		*ret_buffer = i * 64 + bit;
		return true;
	}
	return false;
}

void hv_runs_give(struct hv_runs *runs, uint32_t buffer, unsigned pages)
{
	uint64_t mask;

	HV_INVARIANT(buffer < HV_LANE_BUFFERS);
	HV_INVARIANT(pages >= 1);
	HV_INVARIANT(pages <= 64 - buffer % 64);
	mask = mask_of(pages) << (buffer % 64);
	HV_INVARIANT((runs->used[buffer / 64] & mask) == mask);
	runs->used[buffer / 64] &= ~mask;
}

unsigned hv_runs_free(const struct hv_runs *runs, enum hv_request_op op)
{
	struct span span = words_of(op);
	unsigned n = 0;

	for (unsigned i = span.first; i < span.end; i++)
		n += (unsigned)__builtin_popcountll(~runs->used[i]);
	return n;
}
