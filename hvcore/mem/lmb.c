/* lmb - see lmb.h. */
#include "hvcore/mem/lmb.h"

#include <stdlib.h>

#include "hvcore/base/invariant.h"

struct block {
	uint32_t number;
	uint8_t owner; /* enum hv_lmb_owner */
};

struct hv_lmb_map {
	uint64_t lmb_bytes;
	uint64_t total;
	uint64_t count[HV_LMB_OWNER_COUNT]; /* sum == total */
	struct block blocks[];              /* blocks[0] is HV_LMB_HYPERVISOR */
};

enum hv_code hv_lmb_map_new(uint64_t memory_bytes, uint64_t lmb_bytes,
			    struct hv_lmb_map **ret_map, struct hv_err *err)
{
	struct hv_lmb_map *map;
	uint64_t total;

	if (lmb_bytes < HV_LMB_BYTES_MIN || lmb_bytes > HV_LMB_BYTES_MAX ||
	    (lmb_bytes & (lmb_bytes - 1)) != 0)
		return hv_fail(err, HV_E_INVAL,
			       "a memory block has 16, 32, 64, 128 or 256 MiB");
	total = memory_bytes / lmb_bytes;
	if (total < 2)
		return hv_fail(err, HV_E_INVAL,
			       "memory of less than two blocks of %llu MiB",
			       (unsigned long long)(lmb_bytes >> 20));
	if (total > HV_LMBS_MAX)
		return hv_fail(err, HV_E_LIMIT, "memory of more than %llu blocks",
			       (unsigned long long)HV_LMBS_MAX);
	map = calloc(1, sizeof(*map) + total * sizeof(map->blocks[0]));
	if (map == NULL)
		return hv_fail(err, HV_E_NOMEM, "a map of %llu memory blocks",
			       (unsigned long long)total);
	map->lmb_bytes = lmb_bytes;
	map->total = total;
	map->blocks[0].owner = HV_LMB_HYPERVISOR;
	map->count[HV_LMB_HYPERVISOR] = 1;
	map->count[HV_LMB_FREE] = total - 1;
	*ret_map = map;
	return HV_OK;
}

void hv_lmb_map_free(struct hv_lmb_map *map)
{
	free(map);
}

enum hv_code hv_lmb_take(struct hv_lmb_map *map, enum hv_lmb_owner owner, uint32_t number,
			 uint64_t count, struct hv_err *err)
{
	uint64_t left = count;

	HV_INVARIANT(owner != HV_LMB_FREE && owner < HV_LMB_OWNER_COUNT);
	if (count > map->count[HV_LMB_FREE])
		return hv_fail(err, HV_E_NOMEM,
			       "%llu memory blocks of %llu MiB are needed, %llu are free",
			       (unsigned long long)count,
			       (unsigned long long)(map->lmb_bytes >> 20),
			       (unsigned long long)map->count[HV_LMB_FREE]);
	for (uint64_t i = 1; left > 0; i++) {
		HV_INVARIANT(i < map->total);
		if (map->blocks[i].owner != HV_LMB_FREE)
			continue;
		map->blocks[i] = (struct block){ .number = number, .owner = owner };
		left--;
	}
	map->count[HV_LMB_FREE] -= count;
	map->count[owner] += count;
	return HV_OK;
}

void hv_lmb_give(struct hv_lmb_map *map, enum hv_lmb_owner owner, uint32_t number,
		 uint64_t count)
{
	uint64_t left = count;

	HV_INVARIANT(owner != HV_LMB_FREE && owner < HV_LMB_OWNER_COUNT);
	for (uint64_t i = map->total - 1; left > 0; i--) {
		HV_INVARIANT(i > 0); /* LMB 0 is never given away */
		if (map->blocks[i].owner != owner || map->blocks[i].number != number)
			continue;
		map->blocks[i] = (struct block){ .owner = HV_LMB_FREE };
		left--;
	}
	map->count[owner] -= count;
	map->count[HV_LMB_FREE] += count;
}

uint64_t hv_lmb_bytes(const struct hv_lmb_map *map)
{
	return map->lmb_bytes;
}

uint64_t hv_lmb_total(const struct hv_lmb_map *map)
{
	return map->total;
}

uint64_t hv_lmb_count(const struct hv_lmb_map *map, enum hv_lmb_owner owner)
{
	HV_INVARIANT(owner < HV_LMB_OWNER_COUNT);
	return map->count[owner];
}

uint64_t hv_lmb_for_bytes(const struct hv_lmb_map *map, uint64_t bytes)
{
	return bytes / map->lmb_bytes + (bytes % map->lmb_bytes != 0);
}

enum hv_lmb_owner hv_lmb_owner_of(const struct hv_lmb_map *map, uint64_t block,
				  uint32_t *ret_number)
{
	HV_INVARIANT(block < map->total);
	*ret_number = map->blocks[block].number;
	return map->blocks[block].owner;
}

enum hv_code hv_lmb_audit(const struct hv_lmb_map *map, struct hv_err *err)
{
	uint64_t seen[HV_LMB_OWNER_COUNT] = { 0 };

	if (map->blocks[0].owner != HV_LMB_HYPERVISOR)
		return hv_fail(err, HV_E_INVAL, "block 0 is not the hypervisor's");
	for (uint64_t i = 0; i < map->total; i++) {
		if (map->blocks[i].owner >= HV_LMB_OWNER_COUNT)
			return hv_fail(err, HV_E_INVAL, "block %llu: owner %u",
				       (unsigned long long)i, map->blocks[i].owner);
		seen[map->blocks[i].owner]++;
	}
	for (unsigned owner = 0; owner < HV_LMB_OWNER_COUNT; owner++)
		if (seen[owner] != map->count[owner])
			return hv_fail(err, HV_E_INVAL,
				       "owner %u: %llu blocks in the map, %llu counted",
				       owner, (unsigned long long)seen[owner],
				       (unsigned long long)map->count[owner]);
	return HV_OK;
}
