/* share - see share.h. */
#include "agent/core/share.h"

static bool takes_more(const struct core_share *share)
{
	return share->is_uncapped && share->weight > 0;
}

static bool wants_more(const struct core_share *share)
{
	return takes_more(share) && share->rate > 2 &&
	       (uint64_t)share->rate * 10 >= (uint64_t)share->entitled * 9;
}

static uint32_t quota_of(const struct core_share *share)
{
	uint32_t most = share->procs * 100;

	if (takes_more(share))
		return most;
	if (share->entitled == 0)
		return most;
	return most != 0 && most < share->entitled ? most : share->entitled;
}

void core_share_divide(struct core_share *shares, size_t count, uint32_t capacity)
{
	uint64_t used = 0, weights = 0, spare;

	for (size_t i = 0; i < count; i++) {
		bool wants = wants_more(&shares[i]);

		/* one below its entitlement may take it back at any moment, and does not */
		used += wants ? shares[i].entitled : shares[i].rate;
		weights += wants ? shares[i].weight : 0;
	}
	spare = capacity > used ? capacity - used : 0;
	for (size_t i = 0; i < count; i++) {
		struct core_share *share = &shares[i];
		uint64_t all = weights + (wants_more(share) ? 0 : share->weight);
		uint64_t more = takes_more(share) ? spare * share->weight / all : 0;
		uint64_t sum = share->entitled + more;

		share->limits.quota = quota_of(share);
		share->limits.share = sum == 0 ? 1 : (uint32_t)sum;
	}
}
