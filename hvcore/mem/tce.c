/* tce - see tce.h. */
#include "hvcore/mem/tce.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hvcore/base/units.h"

#define PERMISSIONS (HV_TCE_READ | HV_TCE_WRITE)

struct hv_tces {
	uint64_t *entries; /* the mapping: window after window */
	size_t bytes;
	unsigned windows;
	uint32_t pages;  /* logical memory */
	uint64_t mapped; /* entries with a permission */
};

enum hv_code hv_tces_open(unsigned windows, uint32_t pages, struct hv_tces **ret_tces,
			  struct hv_err *err)
{
	struct hv_tces *tces;
	void *at;

	if (windows == 0 || windows > HV_TCE_WINDOWS_MAX || pages == 0)
		return hv_fail(err, HV_E_INVAL, "%u windows of TCEs for %u pages",
			       windows, pages);
	tces = calloc(1, sizeof(*tces));
	if (tces == NULL)
		return hv_fail(err, HV_E_NOMEM, "TCE tables");
	tces->windows = windows;
	tces->pages = pages;
	tces->bytes = (size_t)windows * HV_TCE_WINDOW_PAGES * sizeof(uint64_t);
	at = mmap(NULL, tces->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		  -1, 0);
	if (at == MAP_FAILED) {
		enum hv_code code = hv_fail_os(err, HV_E_NOMEM, errno,
					       "map TCE tables of %zu bytes",
					       tces->bytes);

		free(tces);
		return code;
	}
	tces->entries = at;
	*ret_tces = tces;
	return HV_OK;
}

void hv_tces_close(struct hv_tces *tces)
{
	if (tces == NULL)
		return;
	(void)munmap(tces->entries, tces->bytes);
	free(tces);
}

size_t hv_tces_memory_bytes(const struct hv_tces *tces)
{
	return tces->bytes + sizeof(*tces);
}

uint64_t hv_tces_mapped(const struct hv_tces *tces)
{
	return tces->mapped;
}

/* NULL: that LIOBN is not the partition's, or the range leaves its window. */
static uint64_t *find(const struct hv_tces *tces, uint64_t liobn, uint64_t ioba,
		      uint64_t count)
{
	uint64_t window = liobn - HV_LIOBN_FIRST;
	uint64_t first = ioba >> HV_PAGE_SHIFT;

	if (liobn < HV_LIOBN_FIRST || window >= tces->windows ||
	    first >= HV_TCE_WINDOW_PAGES || count > HV_TCE_WINDOW_PAGES - first)
		return NULL;
	return &tces->entries[window * HV_TCE_WINDOW_PAGES + first];
}

static bool is_mapped(uint64_t tce)
{
	return (tce & PERMISSIONS) != 0;
}

/* It maps nothing at all, or a page of this partition. */
static bool is_entry(const struct hv_tces *tces, uint64_t tce)
{
	uint64_t rest = tce & (HV_PAGE_BYTES - 1) & ~PERMISSIONS;

	return tce == 0 || (rest == 0 && tce >> HV_PAGE_SHIFT < tces->pages);
}

int64_t hv_tce_stuff(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint64_t tce,
		     uint64_t count)
{
	uint64_t *at = find(tces, liobn, ioba, count);

	if (at == NULL || !is_entry(tces, tce))
		return H_PARAMETER;
	for (uint64_t i = 0; i < count; i++) {
		tces->mapped -= is_mapped(at[i]);
		tces->mapped += is_mapped(tce);
		at[i] = tce;
	}
	return H_SUCCESS;
}

int64_t hv_tce_put(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint64_t tce)
{
	return hv_tce_stuff(tces, liobn, ioba, tce, 1);
}

int64_t hv_tce_get(const struct hv_tces *tces, uint64_t liobn, uint64_t ioba,
		   uint64_t *ret_tce)
{
	const uint64_t *at = find(tces, liobn, ioba, 1);

	if (at == NULL)
		return H_PARAMETER;
	*ret_tce = *at;
	return H_SUCCESS;
}

static uint64_t count_all(const struct hv_tces *tces)
{
	return (uint64_t)tces->windows * HV_TCE_WINDOW_PAGES;
}

void hv_tces_resize(struct hv_tces *tces, uint32_t pages)
{
	tces->pages = pages;
	for (uint64_t i = 0; i < count_all(tces); i++) {
		if (is_entry(tces, tces->entries[i]))
			continue;
		tces->mapped -= is_mapped(tces->entries[i]);
		tces->entries[i] = 0;
	}
}

enum hv_code hv_tces_audit(const struct hv_tces *tces, struct hv_err *err)
{
	uint64_t mapped = 0;

	for (uint64_t i = 0; i < count_all(tces); i++) {
		if (!is_entry(tces, tces->entries[i]))
			return hv_fail(err, HV_E_CORRUPT,
				       "TCE %llu is 0x%llx: no page of the partition",
				       (unsigned long long)i,
				       (unsigned long long)tces->entries[i]);
		mapped += is_mapped(tces->entries[i]);
	}
	if (mapped != tces->mapped)
		return hv_fail(err, HV_E_CORRUPT, "%llu TCEs map pages, %llu are counted",
			       (unsigned long long)mapped,
			       (unsigned long long)tces->mapped);
	return HV_OK;
}
