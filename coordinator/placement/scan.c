/*
 * scan - the vectorised scan. Compiled with -O3 -ffp-contract=off (CMakeLists.txt),
 * so that every clone gives the same choice as the reference: no fused multiply.
 *
 * A block first turns into scores: the bits of a float that is not negative order
 * as an int does, and a host that does not fit is -1. Then one maximum over the
 * block; only a block that beats the best so far is looked at again.
 */
#include "coordinator/placement/placement_priv.h"

#include <string.h>

/* Sanitizers do not work with the resolvers that clones need. */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && \
	!defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SCAN_CLONES __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define SCAN_CLONES
#endif

SCAN_CLONES
static int32_t score_block(const struct scan *scan, size_t from, int32_t *ret_scores)
{
	const uint32_t *flags = scan->flags + from;
	const uint32_t *first = scan->first + from;
	const uint32_t *second = scan->second + from;
	const uint32_t *third = scan->third + from;
	const uint32_t *device = scan->device + from;
	const struct scan s = *scan;
	int32_t best = -1;

	for (unsigned i = 0; i < SCAN_BLOCK; i++) {
		float score = s.weight_first * (float)first[i] +
			      s.weight_second * (float)second[i] +
			      s.weight_third * (float)third[i];
		int fits = ((flags[i] & s.need_flags) == s.need_flags) &
			   (first[i] >= s.need_first) & (second[i] >= s.need_second) &
			   (third[i] >= s.need_third) & (device[i] >= s.need_device);
		int32_t bits;

		memcpy(&bits, &score, sizeof(bits));
		ret_scores[i] = fits ? bits : -1;
	}
	for (unsigned i = 0; i < SCAN_BLOCK; i++)
		best = ret_scores[i] > best ? ret_scores[i] : best;
	return best;
}

size_t scan_best(const struct scan *scan, size_t count)
{
	int32_t scores[SCAN_BLOCK];
	int32_t best = -1;
	size_t at = PLACEMENT_NONE;

	for (size_t from = 0; from < count; from += SCAN_BLOCK) {
		int32_t here = score_block(scan, from, scores);
		unsigned i = 0;

		if (here <= best)
			continue;
		while (scores[i] != here)
			i++;
		best = here;
		at = from + i;
	}
	return at;
}
