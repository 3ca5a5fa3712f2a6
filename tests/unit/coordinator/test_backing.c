/* Which devices an LPAR is given, of any that there may be. */
#include "coordinator/cluster/backing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "hvcore/base/rng.h"

#define REQUIRED TARN__REDUNDANCY__REDUNDANCY_REQUIRED
#define MIRRORED TARN__REDUNDANCY__REDUNDANCY_MIRRORED
#define IF_POSSIBLE TARN__REDUNDANCY__REDUNDANCY_IF_POSSIBLE
#define NONE TARN__REDUNDANCY__REDUNDANCY_NONE

/* The plainest search: of all that would do, the one that is wanted most. */
struct best {
	bool is_found;
	unsigned rank;
	uint64_t bytes;
};

static void look_at(struct best *best, unsigned rank, uint64_t bytes)
{
	if (rank == 0 ||
	    (best->is_found &&
	     (rank > best->rank || (rank == best->rank && bytes >= best->bytes))))
		return;
	*best = (struct best){ true, rank, bytes };
}

/* 1 is wanted most; 0: it will not do. */
static unsigned rank_of(const struct backing_offer *offer, Tarn__Redundancy redundancy)
{
	bool is_shared = offer->reach == BACKING_SHARED;

	if (redundancy == MIRRORED || (!is_shared && !offer->is_served))
		return 0;
	if (redundancy == NONE)
		return is_shared ? 2 : 1;
	if (is_shared && offer->is_served)
		return 1;
	if (redundancy != IF_POSSIBLE)
		return 0;
	return is_shared ? 3 : 4;
}

static struct best search(const struct backing_offer *offers, size_t count,
			  const struct backing_need *need)
{
	struct best best = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (offers[i].is_taken || offers[i].bytes < need->bytes)
			continue;
		look_at(&best, rank_of(&offers[i], need->redundancy), offers[i].bytes);
		for (size_t k = 0; need->redundancy != NONE && k < count; k++)
			if (offers[i].reach == BACKING_FIRST && offers[i].is_served &&
			    offers[k].reach == BACKING_SECOND && offers[k].is_served &&
			    !offers[k].is_taken && offers[k].bytes >= need->bytes)
				look_at(&best, 2, offers[i].bytes + offers[k].bytes);
	}
	return best;
}

static void the_choice_is_that_of_the_plainest_search(void **state)
{
	static const Tarn__Redundancy all[] = { REQUIRED, MIRRORED, IF_POSSIBLE, NONE };
	struct backing_offer offers[6];
	struct backing backing;
	struct hv_rng rng = { 7 };

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		struct backing_need need = { .bytes = 1 + hv_rng_below(&rng, 4),
					     .redundancy = all[round % 4] };
		size_t count = hv_rng_below(&rng, HV_COUNT(offers) + 1);
		struct best best;

		for (size_t i = 0; i < count; i++)
			offers[i] = (struct backing_offer){
				.bytes = hv_rng_below(&rng, 6),
				.reach = (enum backing_reach)hv_rng_below(&rng, 3),
				.is_served = hv_rng_below(&rng, 4) != 0,
				.is_taken = hv_rng_below(&rng, 8) == 0,
			};
		best = search(offers, count, &need);
		assert_int_equal(backing_choose(offers, count, &need, &backing),
				 best.is_found);
		if (!best.is_found)
			continue;
		assert_int_equal(best.bytes,
				 offers[backing.first].bytes +
					 (backing.second != BACKING_NONE
						  ? offers[backing.second].bytes
						  : 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_choice_is_that_of_the_plainest_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
