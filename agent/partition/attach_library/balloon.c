/* balloon - see balloon.h. */
#include "agent/partition/attach_library/balloon.h"

#include "hvcore/base/units.h"

#define MIB (UINT64_C(1) << 20)
#define KEEPS_SHARE 8      /* an eighth is never lent */
#define RESERVE_SHARE 16   /* of memory that its kernel has available, at least */
#define STEP_SHARE 16      /* more in a second, of what it does not use */
#define STEP_USED_SHARE 64 /* and of what it uses */

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What it may hold and still has so much available. */
static uint64_t leaving(const struct balloon_view *view, uint64_t reserve)
{
	uint64_t lack = reserve > view->available ? reserve - view->available : 0;

	if (lack > 0)
		return view->held > lack ? view->held - lack : 0;
	return view->held + lesser(view->available - reserve, view->memory);
}

static uint64_t most(const struct balloon_view *view)
{
	const uint64_t reserve = view->memory / RESERVE_SHARE;

	switch (view->policy) {
	case BALLOON_CACHE:
		if (view->available == UINT64_MAX)
			return 0;
		/* between the two nothing moves */
		if (view->available < reserve && view->available >= reserve / 2)
			return view->held;
		return leaving(view, reserve);
	case BALLOON_WORKING:
	case BALLOON_TOLD:
		return view->memory;
	default:
		return 0;
	}
}

uint64_t balloon_target(const struct balloon_view *view)
{
	const uint64_t keeps = view->memory / KEEPS_SHARE;
	const uint64_t step = view->policy == BALLOON_CACHE
				      ? view->memory / STEP_SHARE
				      : view->memory / STEP_USED_SHARE;
	uint64_t target = lesser(lesser(view->wanted, most(view)), view->memory - keeps);

	/* short of memory: taken back, up to what it needs */
	if (view->policy == BALLOON_WORKING &&
	    view->available < view->memory / RESERVE_SHARE / 4 && target > view->held)
		target = view->held;
	if (target > view->held + step)
		target = view->held + step;
	return target / MIB * MIB;
}
