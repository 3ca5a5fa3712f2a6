/* memory - see memory.h. */
#include "coordinator/cluster/memory.h"

#include <string.h>

static uint64_t less(uint64_t from, uint64_t bytes)
{
	return from > bytes ? from - bytes : 0;
}

static void fill_regions(const struct host_use *use, Tarn__HostMemory *memory)
{
	uint64_t exact = hv_reserve_exact_bytes(&use->reserve);

	memory->management_bytes = hv_reserve_management_bytes(&use->reserve);
	memory->tce_bytes = hv_reserve_tce_bytes(&use->reserve);
	memory->page_table_bytes = use->reserve.hpt_bytes;
	memory->slack_bytes = less(memory->firmware_bytes, exact);
	memory->has_pool_firmware_bytes = 1;
	memory->pool_firmware_bytes = use->reserve.pool_bytes;
}

bool memory_view(const struct host_use *use, Tarn__HostMemory *ret_memory)
{
	if (use->lmb_bytes == 0 || use->memory_bytes == 0)
		return false;
	tarn__host_memory__init(ret_memory);
	ret_memory->lmb_bytes = use->lmb_bytes;
	ret_memory->configurable_bytes = use->memory_bytes;
	ret_memory->firmware_bytes = use->hypervisor_bytes;
	ret_memory->pool_bytes = use->pool_lmb_bytes;
	ret_memory->retained_bytes = use->retained_bytes;
	ret_memory->assigned_bytes = use->dedicated_bytes + use->retained_bytes;
	ret_memory->available_bytes = less(limits_free_bytes(use), use->retained_bytes);
	if (use->has_profile)
		fill_regions(use, ret_memory);
	else
		ret_memory->management_bytes = use->hypervisor_bytes;
	return true;
}

static void give_up(struct draft *draft, const Tarn__LparRecord *lpar)
{
	Tarn__LparRecord *edit = draft_edit_lpar(draft, lpar->spec->name);

	if (edit == NULL)
		return;
	edit->has_retained_bytes = 0;
	edit->retained_bytes = 0;
	draft_add_event(
		draft, TARN__EVENT_LEVEL__EVENT_INFO, lpar->host, "lpar.memory_released",
		"LPAR '%s' is off and gave up the memory that it kept", lpar->spec->name);
}

void memory_make_available(struct draft *draft, const char *host, const char *taker,
			   uint64_t bytes)
{
	const struct cluster *cluster = draft->cluster;
	struct host_use use = limits_use(cluster, cluster_host(cluster, host),
					 LIMITS_RUNNING);
	uint64_t own = taker != NULL ? cluster_lpar(cluster, taker)->retained_bytes : 0;
	uint64_t available = less(limits_free_bytes(&use), use.retained_bytes - own);

	for (size_t i = 0; i < cluster_count(cluster, RECORD_LPAR); i++) {
		const Tarn__LparRecord *lpar = cluster_lpar_at(cluster, i);

		if (available >= bytes)
			return;
		if (strcmp(lpar->host, host) != 0 || lpar->retained_bytes == 0 ||
		    limits_is_active(lpar) ||
		    (taker != NULL && strcmp(lpar->spec->name, taker) == 0))
			continue;
		available += lpar->retained_bytes;
		give_up(draft, lpar);
	}
}
