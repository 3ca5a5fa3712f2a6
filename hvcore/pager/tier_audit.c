/* tier_audit - all equations of a tier, see tier.h. */
#include "hvcore/pager/tier_priv.h"

struct sums {
	uint64_t units, objects, tails;
	uint32_t held, there, linked;
};

static enum hv_code audit_chunk(const struct hv_tier *tier, uint32_t index,
				bool (*is_there)(void *ctx,
						 const struct hv_tier_object *object),
				void *ctx, struct sums *sums, struct hv_err *err)
{
	const struct hv_tier_chunk *chunk = &tier->chunks[index];
	uint32_t place = index * tier->chunk_units, end = place + chunk->used;
	uint32_t live = 0, held = 0;

	for (place = hv_tier_find(tier, chunk, place); place < end;
	     place = hv_tier_find(tier, chunk, hv_tier_after(tier, place))) {
		struct hv_tier_object name = hv_tier_name(tier, place);

		if (!is_there(ctx, &name))
			return hv_fail(
				err, HV_E_CORRUPT,
				"page %u of owner %u is packed at %u, unknown to it",
				name.page, name.owner, place);
		live += hv_tier_units(hv_tier_head_at(tier, place)->bytes);
		held += hv_tier_head_at(tier, place)->state == HV_TIER_HELD;
		sums->objects++;
	}
	sums->units += live;
	sums->tails += chunk->is_closed ? tier->room_units - chunk->used : 0;
	if (live != chunk->live || held != chunk->held || chunk->used > tier->room_units)
		return hv_fail(err, HV_E_CORRUPT,
			       "chunk %u: %u units of pages, %u held; counted %u, %u",
			       index, live, held, chunk->live, chunk->held);
	return HV_OK;
}

enum hv_code hv_tier_audit(const struct hv_tier *tier,
			   bool (*is_there)(void *ctx,
					    const struct hv_tier_object *object),
			   void *ctx, struct hv_err *err)
{
	struct sums sums = { 0 };
	enum hv_code code = HV_OK;

	for (uint32_t index = 0; index < tier->fresh && code == HV_OK; index++) {
		if (!tier->chunks[index].is_there)
			continue;
		sums.there++;
		if (tier->chunks[index].used > 0)
			code = audit_chunk(tier, index, is_there, ctx, &sums, err);
	}
	for (uint32_t index = tier->oldest;
	     index != HV_TIER_NONE && sums.linked <= tier->count;
	     index = tier->chunks[index].newer)
		sums.linked++;
	if (code != HV_OK)
		return code;
	if (sums.units != tier->live_units || sums.tails != tier->tail_units ||
	    sums.objects != tier->objects || sums.there != tier->there ||
	    sums.linked + (tier->reserve != HV_TIER_NONE) != tier->there)
		return hv_fail(err, HV_E_CORRUPT,
			       "tier: %u chunks, %u by age; %llu pages, counted %llu",
			       sums.there, sums.linked, (unsigned long long)sums.objects,
			       (unsigned long long)tier->objects);
	return HV_OK;
}
