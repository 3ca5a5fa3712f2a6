/* reserve - see reserve.h. */
#include "hvcore/reserve/reserve.h"

static uint64_t round_up(uint64_t bytes, uint64_t unit)
{
	return (bytes + unit - 1) / unit * unit;
}

uint64_t hv_hpt_bytes(uint64_t max_bytes, uint32_t ratio)
{
	uint64_t power = HV_PAGE_BYTES;
	uint64_t bytes;

	while (power * 2 <= max_bytes && power < HV_PROFILE_END)
		power *= 2;
	if (max_bytes > power + power / 4)
		power *= 2;
	bytes = power / ratio;
	return bytes > HV_HPT_BYTES_MIN ? bytes : HV_HPT_BYTES_MIN;
}

/* The line through the two points around max_bytes; the points reach to the end. */
static uint64_t creation_bytes(const struct hv_profile *profile, uint64_t max_bytes)
{
	const struct hv_profile_point *b = &profile->creation[0];
	const struct hv_profile_point *a = b;
	double part;

	for (unsigned i = 1; i < profile->creation_count && b->max_bytes < max_bytes;
	     i++) {
		a = b;
		b = &profile->creation[i];
	}
	if (a == b || max_bytes >= b->max_bytes)
		return round_up(b->cost_bytes, HV_PAGE_BYTES);
	part = (double)(max_bytes - a->max_bytes) / (double)(b->max_bytes - a->max_bytes);
	return round_up(a->cost_bytes + (uint64_t)(part * (double)(b->cost_bytes -
								   a->cost_bytes)),
			HV_PAGE_BYTES);
}

struct hv_reserve_cost hv_reserve_cost(const struct hv_profile *profile,
				       const struct hv_reserve_partition *partition)
{
	uint32_t ratio = partition->hpt_ratio != 0 ? partition->hpt_ratio
						   : profile->hpt_ratio;

	return (struct hv_reserve_cost){
		.creation_bytes = creation_bytes(profile, partition->max_bytes),
		.hpt_bytes = hv_hpt_bytes(partition->max_bytes, ratio),
		.tce_bytes = round_up(profile->adapter_tce_bytes, HV_PAGE_BYTES) *
			     partition->virtual_adapters,
	};
}

void hv_reserve_start(struct hv_reserve *sum, const struct hv_profile *profile)
{
	*sum = (struct hv_reserve){
		.base_bytes = round_up(profile->base_bytes, HV_PAGE_BYTES),
		.slot_tce_bytes = round_up(profile->slot_tce_bytes, HV_PAGE_BYTES) *
				  profile->slots,
	};
}

void hv_reserve_add(struct hv_reserve *sum, const struct hv_profile *profile,
		    const struct hv_reserve_partition *partition)
{
	struct hv_reserve_cost cost = hv_reserve_cost(profile, partition);

	sum->partitions++;
	for (unsigned i = 0; i < profile->directory_count; i++) {
		if (profile->directory[i].partitions == sum->partitions)
			sum->directory_bytes += round_up(profile->directory[i].cost_bytes,
							 HV_PAGE_BYTES);
	}
	sum->creation_bytes += cost.creation_bytes;
	if (!partition->is_active)
		return;
	sum->hpt_bytes += cost.hpt_bytes;
	sum->adapter_tce_bytes += cost.tce_bytes;
}

void hv_reserve_pool(struct hv_reserve *sum, const struct hv_profile *profile,
		     uint64_t max_pool_bytes)
{
	sum->pool_bytes =
		round_up(max_pool_bytes / HV_PAGE_BYTES * profile->pool_frame_bytes,
			 HV_PAGE_BYTES);
}

uint64_t hv_reserve_management_bytes(const struct hv_reserve *sum)
{
	return sum->base_bytes + sum->creation_bytes + sum->directory_bytes +
	       sum->pool_bytes;
}

uint64_t hv_reserve_tce_bytes(const struct hv_reserve *sum)
{
	return sum->slot_tce_bytes + sum->adapter_tce_bytes;
}

uint64_t hv_reserve_exact_bytes(const struct hv_reserve *sum)
{
	return hv_reserve_management_bytes(sum) + hv_reserve_tce_bytes(sum) +
	       sum->hpt_bytes;
}

uint64_t hv_reserve_firmware_bytes(const struct hv_reserve *sum, uint64_t lmb_bytes)
{
	uint64_t exact = hv_reserve_exact_bytes(sum);

	return round_up(exact == 0 ? 1 : exact, lmb_bytes);
}
