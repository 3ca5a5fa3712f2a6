/* ranges - see ranges.h. */
#include "agent/partition/attach_library/ranges.h"

#include "hvcore/base/invariant.h"

#define WORD_PAGES 64u

size_t attach_ranges_bytes(uint64_t pages)
{
	return (size_t)((pages + WORD_PAGES - 1) / WORD_PAGES) * sizeof(uint64_t);
}

void attach_ranges_init(struct attach_ranges *ranges, uint64_t *words, uint64_t pages)
{
	*ranges = (struct attach_ranges){ .words = words, .pages = pages };
}

static bool is_within(const struct attach_ranges *ranges, uint64_t first, uint64_t count)
{
	return first <= ranges->pages && count <= ranges->pages - first;
}

/* The first page from `at` on that is taken, or is not; `end` without one. */
static uint64_t find(const struct attach_ranges *ranges, uint64_t at, uint64_t end,
		     bool is_taken)
{
	while (at < end) {
		uint64_t word = ranges->words[at / WORD_PAGES];
		uint64_t rest = (is_taken ? word : ~word) >> at % WORD_PAGES;

		if (rest != 0) {
			at += (unsigned)__builtin_ctzll(rest);
			return at < end ? at : end;
		}
		at += WORD_PAGES - at % WORD_PAGES;
	}
	return end;
}

/* Gives how many of them were otherwise. */
static uint64_t mark(struct attach_ranges *ranges, uint64_t first, uint64_t count,
		     bool is_taken)
{
	uint64_t changed = 0;

	for (uint64_t at = first, end = first + count; at < end;) {
		uint64_t *word = &ranges->words[at / WORD_PAGES];
		unsigned from = at % WORD_PAGES;
		uint64_t here = end - at < WORD_PAGES - from ? end - at
							     : WORD_PAGES - from;
		uint64_t mask =
			(here == WORD_PAGES ? UINT64_MAX : (UINT64_C(1) << here) - 1)
			<< from;

		changed += (unsigned)__builtin_popcountll((is_taken ? ~*word : *word) &
							  mask);
		*word = is_taken ? *word | mask : *word & ~mask;
		at += here;
	}
	return changed;
}

void attach_ranges_take_all(struct attach_ranges *ranges, uint64_t first, uint64_t count)
{
	HV_INVARIANT(is_within(ranges, first, count));
	ranges->used += mark(ranges, first, count, true);
	HV_INVARIANT(ranges->used <= ranges->pages);
	if (ranges->used > ranges->most)
		ranges->most = ranges->used;
	if (first <= ranges->lowest && first + count > ranges->lowest)
		ranges->lowest = first + count;
}

bool attach_ranges_take_at(struct attach_ranges *ranges, uint64_t first, uint64_t count)
{
	if (!is_within(ranges, first, count) ||
	    find(ranges, first, first + count, true) != first + count)
		return false;
	attach_ranges_take_all(ranges, first, count);
	return true;
}

bool attach_ranges_take(struct attach_ranges *ranges, uint64_t count, uint64_t *ret_first)
{
	uint64_t at = find(ranges, ranges->lowest, ranges->pages, false);

	ranges->lowest = at;
	while (is_within(ranges, at, count)) {
		uint64_t taken = find(ranges, at, at + count, true);

		if (taken == at + count) {
			attach_ranges_take_all(ranges, at, count);
			*ret_first = at;
			return true;
		}
		at = find(ranges, taken, ranges->pages, false);
	}
	return false;
}

uint64_t attach_ranges_give(struct attach_ranges *ranges, uint64_t first, uint64_t count)
{
	uint64_t given;

	HV_INVARIANT(is_within(ranges, first, count));
	given = mark(ranges, first, count, false);
	HV_INVARIANT(given <= ranges->used);
	ranges->used -= given;
	if (first < ranges->lowest)
		ranges->lowest = first;
	return given;
}

bool attach_ranges_holds(const struct attach_ranges *ranges, uint64_t first,
			 uint64_t count)
{
	return is_within(ranges, first, count) &&
	       find(ranges, first, first + count, false) == first + count;
}

uint64_t attach_ranges_next(const struct attach_ranges *ranges, uint64_t first,
			    uint64_t end, uint64_t *ret_first)
{
	HV_INVARIANT(end <= ranges->pages);
	*ret_first = find(ranges, first, end, true);
	return find(ranges, *ret_first, end, false) - *ret_first;
}
