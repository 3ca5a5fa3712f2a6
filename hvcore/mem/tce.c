/*
 * tce - see tce.h.
 *
 *   an entry as it is kept: holds 16 | 0 | ready 1 | what the partition put 40
 */
#include "hvcore/mem/tce.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"
#include "hvcore/mem/page_table.h"

#define PERMISSIONS (HV_TCE_READ | HV_TCE_WRITE)
#define HOLDS_SHIFT 48
#define HOLD_ONE (UINT64_C(1) << HOLDS_SHIFT)
#define READY (UINT64_C(1) << 40)
#define PUT_MASK ((UINT64_C(1) << 40) - 1) /* a page in 28 bits, its flags in 12 */

static_assert(HV_PAGES_MAX < PUT_MASK >> HV_PAGE_SHIFT, "every page can be named");
static_assert(HV_TCE_HOLDS_MAX == UINT64_MAX >> HOLDS_SHIFT, "holds");

struct hv_tces {
	uint64_t *entries;  /* the mapping: window after window */
	uint16_t *mappings; /* behind them: of each page, entries that map it */
	size_t bytes;
	unsigned windows;
	uint32_t pages;        /* logical memory */
	uint32_t pages_max;    /* at its largest */
	uint64_t mapped;       /* entries with a permission */
	uint32_t mapped_pages; /* that have a mapping */
	uint32_t entitled;     /* bound of those */
	uint32_t high;         /* the most there were */
	uint64_t failures;     /* to map more */
	uint64_t held;
};

static uint64_t count_all(const struct hv_tces *tces)
{
	return (uint64_t)tces->windows * HV_TCE_WINDOW_PAGES;
}

enum hv_code hv_tces_open(unsigned windows, uint32_t pages, struct hv_tces **ret_tces,
			  struct hv_err *err)
{
	struct hv_tces *tces;
	void *at;

	if (windows == 0 || windows > HV_TCE_WINDOWS_MAX || pages == 0 ||
	    pages > HV_PAGES_MAX)
		return hv_fail(err, HV_E_INVAL, "%u windows of TCEs for %u pages",
			       windows, pages);
	tces = calloc(1, sizeof(*tces));
	if (tces == NULL)
		return hv_fail(err, HV_E_NOMEM, "TCE tables");
	tces->windows = windows;
	tces->pages = pages;
	tces->pages_max = pages;
	tces->entitled = UINT32_MAX;
	tces->bytes = count_all(tces) * sizeof(*tces->entries) +
		      (size_t)pages * sizeof(*tces->mappings);
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
	tces->mappings = (uint16_t *)(void *)(tces->entries + count_all(tces));
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

bool hv_tces_is_mapped(const struct hv_tces *tces, uint32_t page)
{
	return page < tces->pages_max && tces->mappings[page] > 0;
}

bool hv_tces_any_mapped(const struct hv_tces *tces, uint32_t first, uint32_t count)
{
	/* no entry maps a page that there is not */
	uint32_t rest = first < tces->pages ? tces->pages - first : 0;

	if (tces->mapped_pages == 0)
		return false;
	for (uint32_t i = 0; i < count && i < rest; i++)
		if (tces->mappings[first + i] > 0)
			return true;
	return false;
}

uint64_t hv_tces_held(const struct hv_tces *tces)
{
	return tces->held;
}

void hv_tces_entitle(struct hv_tces *tces, uint32_t pages)
{
	tces->entitled = pages;
}

void hv_tces_stat(const struct hv_tces *tces, struct hv_tces_stat *ret_stat)
{
	*ret_stat = (struct hv_tces_stat){
		.entries = tces->mapped,
		.entitled = tces->entitled,
		.pages = tces->mapped_pages,
		.pages_max = tces->high,
		.failures = tces->failures,
		.held = tces->held,
	};
}

/* ---- entries ---- */

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

static bool is_mapped(uint64_t entry)
{
	return (entry & PERMISSIONS) != 0;
}

static uint32_t page_of(uint64_t entry)
{
	return (uint32_t)((entry & PUT_MASK) >> HV_PAGE_SHIFT);
}

static uint64_t holds_of(uint64_t entry)
{
	return entry >> HOLDS_SHIFT;
}

/* It maps nothing at all, or a page of this partition. */
static bool is_entry(const struct hv_tces *tces, uint64_t tce)
{
	uint64_t rest = tce & (HV_PAGE_BYTES - 1) & ~PERMISSIONS;

	return tce == 0 || (rest == 0 && tce >> HV_PAGE_SHIFT < tces->pages);
}

static void add(struct hv_tces *tces, uint64_t entry)
{
	if (!is_mapped(entry))
		return;
	HV_INVARIANT(tces->mappings[page_of(entry)] < HV_TCE_PAGE_MAX);
	tces->mapped++;
	tces->mapped_pages += tces->mappings[page_of(entry)]++ == 0;
}

static void take(struct hv_tces *tces, uint64_t entry)
{
	if (!is_mapped(entry))
		return;
	HV_INVARIANT(tces->mappings[page_of(entry)] > 0);
	tces->mapped--;
	tces->mapped_pages -= --tces->mappings[page_of(entry)] == 0;
}

/* May all of them become that one? */
static int64_t check(const struct hv_tces *tces, const uint64_t *at, uint64_t tce,
		     uint64_t count)
{
	uint64_t more = 0;

	for (uint64_t i = 0; i < count; i++) {
		if (holds_of(at[i]) > 0 && (at[i] & PUT_MASK) != tce)
			return H_BUSY;
		more += !is_mapped(at[i]) || page_of(at[i]) != page_of(tce);
	}
	if (is_mapped(tce) && more > HV_TCE_PAGE_MAX - tces->mappings[page_of(tce)])
		return H_RESOURCE;
	return H_SUCCESS;
}

/*
 * The pages that the range maps now are counted out and `tce` is counted in, once for
 * each entry: what is mapped then is known, and whether it may be. False: it may not,
 * and the counts are as before.
 */
static bool recount(struct hv_tces *tces, const uint64_t *at, uint64_t tce,
		    uint64_t count)
{
	uint32_t before = tces->mapped_pages;

	for (uint64_t i = 0; i < count; i++)
		take(tces, at[i]);
	for (uint64_t i = 0; i < count; i++)
		add(tces, tce);
	if (tces->mapped_pages <= before || tces->mapped_pages <= tces->entitled)
		return true;
	for (uint64_t i = 0; i < count; i++)
		take(tces, tce);
	for (uint64_t i = 0; i < count; i++)
		add(tces, at[i]);
	HV_INVARIANT(tces->mapped_pages == before);
	return false;
}

int64_t hv_tces_map(struct hv_tces *tces, const struct hv_tce_range *range,
		    int64_t *ret_change)
{
	uint64_t *at = find(tces, range->liobn, range->ioba, range->count);
	uint32_t before = tces->mapped_pages;
	int64_t code;

	if (at == NULL || !is_entry(tces, range->tce))
		return H_PARAMETER;
	code = check(tces, at, range->tce, range->count);
	if (code != H_SUCCESS)
		return code;
	if (!recount(tces, at, range->tce, range->count)) {
		tces->failures++;
		return H_NOT_ENOUGH_RESOURCES;
	}
	for (uint64_t i = 0; i < range->count; i++)
		if ((at[i] & PUT_MASK) != range->tce)
			at[i] = range->tce;
	if (tces->mapped_pages > tces->high)
		tces->high = tces->mapped_pages;
	*ret_change = (int64_t)tces->mapped_pages - before;
	return H_SUCCESS;
}

void hv_tces_ready(struct hv_tces *tces, const struct hv_tce_range *range)
{
	uint64_t *at = find(tces, range->liobn, range->ioba, range->count);

	HV_INVARIANT(at != NULL);
	for (uint64_t i = 0; i < range->count; i++) {
		HV_INVARIANT((at[i] & PUT_MASK) == range->tce);
		if (is_mapped(at[i]))
			at[i] |= READY;
	}
}

void hv_tces_lost(struct hv_tces *tces, const struct hv_tce_range *range,
		  int64_t *ret_change)
{
	uint64_t *at = find(tces, range->liobn, range->ioba, range->count);
	uint32_t before = tces->mapped_pages;

	HV_INVARIANT(at != NULL);
	for (uint64_t i = 0; i < range->count; i++) {
		if (holds_of(at[i]) > 0)
			continue;
		take(tces, at[i]);
		at[i] = 0;
	}
	*ret_change = (int64_t)tces->mapped_pages - before;
}

int64_t hv_tces_stuff(struct hv_tces *tces, const struct hv_tce_range *range,
		      int64_t *ret_change)
{
	int64_t code = hv_tces_map(tces, range, ret_change);

	if (code == H_SUCCESS)
		hv_tces_ready(tces, range);
	return code;
}

int64_t hv_tce_get(const struct hv_tces *tces, uint64_t liobn, uint64_t ioba,
		   uint64_t *ret_tce)
{
	const uint64_t *at = find(tces, liobn, ioba, 1);

	if (at == NULL)
		return H_PARAMETER;
	*ret_tce = *at & PUT_MASK;
	return H_SUCCESS;
}

void hv_tces_resize(struct hv_tces *tces, uint32_t pages)
{
	bool is_less = pages < tces->pages;

	HV_INVARIANT(pages <= tces->pages_max);
	tces->pages = pages;
	if (!is_less)
		return;
	for (uint64_t i = 0; i < count_all(tces); i++) {
		if (is_entry(tces, tces->entries[i] & PUT_MASK))
			continue;
		HV_INVARIANT(holds_of(tces->entries[i]) == 0);
		take(tces, tces->entries[i]);
		tces->entries[i] = 0;
	}
}

/* ---- transfers ---- */

static int64_t check_hold(const uint64_t *at, uint64_t count, uint64_t permission)
{
	for (uint64_t i = 0; i < count; i++)
		if ((at[i] & permission) != permission || (at[i] & READY) == 0)
			return H_PERMISSION;
	if (count > HV_TCE_SPANS_MAX)
		return H_RESOURCE;
	for (uint64_t i = 0; i < count; i++)
		if (holds_of(at[i]) == HV_TCE_HOLDS_MAX)
			return H_RESOURCE;
	return H_SUCCESS;
}

int64_t hv_tces_hold(struct hv_tces *tces, uint64_t liobn, uint64_t ioba, uint32_t bytes,
		     uint64_t permission, struct hv_tce_span *spans, unsigned *ret_count)
{
	uint64_t offset = ioba & (HV_PAGE_BYTES - 1);
	uint64_t count = (offset + bytes + HV_PAGE_BYTES - 1) >> HV_PAGE_SHIFT;
	uint64_t *at = find(tces, liobn, ioba, count);
	int64_t code;

	if (at == NULL || bytes == 0 || permission == 0 ||
	    (permission & ~PERMISSIONS) != 0)
		return H_PARAMETER;
	code = check_hold(at, count, permission);
	if (code != H_SUCCESS)
		return code;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t room = HV_PAGE_BYTES - offset;
		uint32_t here = bytes < room ? bytes : (uint32_t)room;

		at[i] += HOLD_ONE;
		tces->held++;
		spans[i] = (struct hv_tce_span){
			.page = page_of(at[i]),
			.offset = (uint16_t)offset,
			.bytes = (uint16_t)here,
			.entry = (uint32_t)(&at[i] - tces->entries),
		};
		bytes -= here;
		offset = 0;
	}
	*ret_count = (unsigned)count;
	return H_SUCCESS;
}

void hv_tces_release(struct hv_tces *tces, const struct hv_tce_span *spans,
		     unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t *at = &tces->entries[spans[i].entry];

		HV_INVARIANT(spans[i].entry < count_all(tces) && holds_of(*at) > 0);
		HV_INVARIANT(page_of(*at) == spans[i].page && tces->held > 0);
		*at -= HOLD_ONE;
		tces->held--;
	}
}

/* ---- audit ---- */

bool hv_tces_next(const struct hv_tces *tces, uint64_t *at, uint32_t *ret_page,
		  bool *ret_is_write)
{
	for (; *at < count_all(tces); (*at)++) {
		uint64_t entry = tces->entries[*at];

		if ((entry & READY) == 0)
			continue;
		*ret_page = page_of(entry);
		*ret_is_write = (entry & HV_TCE_WRITE) != 0;
		(*at)++;
		return true;
	}
	return false;
}

/* Of the pages: their sums are those of the entries. */
static bool has_counts(const struct hv_tces *tces)
{
	uint64_t sum = 0;
	uint32_t pages = 0;

	for (uint32_t page = 0; page < tces->pages_max; page++) {
		sum += tces->mappings[page];
		pages += tces->mappings[page] > 0;
	}
	return sum == tces->mapped && pages == tces->mapped_pages;
}

enum hv_code hv_tces_audit(const struct hv_tces *tces, struct hv_err *err)
{
	uint64_t mapped = 0, held = 0;

	for (uint64_t i = 0; i < count_all(tces); i++) {
		uint64_t entry = tces->entries[i];

		if (!is_entry(tces, entry & PUT_MASK) ||
		    (holds_of(entry) > 0 && (entry & READY) == 0) ||
		    ((entry & READY) != 0 && !is_mapped(entry)) ||
		    (is_mapped(entry) && tces->mappings[page_of(entry)] == 0))
			return hv_fail(err, HV_E_CORRUPT,
				       "TCE %llu is 0x%llx: no page of the partition",
				       (unsigned long long)i, (unsigned long long)entry);
		mapped += is_mapped(entry);
		held += holds_of(entry);
	}
	if (mapped != tces->mapped || held != tces->held || !has_counts(tces))
		return hv_fail(err, HV_E_CORRUPT,
			       "%llu TCEs map pages and %llu are held, counted as %llu "
			       "(of %u pages) and %llu",
			       (unsigned long long)mapped, (unsigned long long)held,
			       (unsigned long long)tces->mapped, tces->mapped_pages,
			       (unsigned long long)tces->held);
	return HV_OK;
}
