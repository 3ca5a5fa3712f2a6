/* hpt - see hpt.h. */
#include "hvcore/mem/hpt.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"

#define NONE 0u /* in the reverse map an entry is its ptex + 1: fresh memory is empty */
#define PROTECT_FLAGS \
	(HV_HPTE_R_PP | HV_HPTE_R_N | HV_HPTE_R_KEY_LOW | H_AVPN | FLAG_PP0 | \
	 FLAG_KEY_HIGH)
/* H_PROTECT has the high bits of r shifted down to where no other flag is. */
#define FLAG_PP0 (HV_HPTE_R_PP0 >> 55)
#define FLAG_KEY_HIGH (HV_HPTE_R_KEY_HIGH >> 48)

struct link { /* on the list of the page that the entry names */
	uint32_t next, previous;
};

struct list {
	uint32_t first, length;
};

struct hv_hpt {
	struct hv_hpte *entries; /* the mapping: entries, links, lists */
	struct link *links;      /* by ptex */
	struct list *lists;      /* by logical page */
	size_t bytes;            /* mapped */
	uint64_t count;          /* entries */
	uint32_t pages_max;
	uint32_t pages; /* logical memory now */
	struct hv_hpt_counts counts;
};

static_assert(sizeof(struct hv_hpte) == 16, "16 bytes an entry");
static_assert(HV_HPT_TABLE_BYTES_MAX / sizeof(struct hv_hpte) < UINT32_MAX, "ptex + 1");

enum hv_code hv_hpt_open(uint64_t table_bytes, uint32_t pages_max,
			 struct hv_hpt **ret_hpt, struct hv_err *err)
{
	struct hv_hpt *hpt;
	void *at;

	if (table_bytes < HV_HPT_TABLE_BYTES_MIN ||
	    table_bytes > HV_HPT_TABLE_BYTES_MAX ||
	    (table_bytes & (table_bytes - 1)) != 0 || pages_max == 0)
		return hv_fail(err, HV_E_INVAL,
			       "a hashed page table of %llu bytes for %u pages",
			       (unsigned long long)table_bytes, pages_max);
	hpt = calloc(1, sizeof(*hpt));
	if (hpt == NULL)
		return hv_fail(err, HV_E_NOMEM, "a hashed page table");
	hpt->count = table_bytes / sizeof(struct hv_hpte);
	hpt->pages_max = pages_max;
	hpt->pages = pages_max;
	hpt->bytes = table_bytes + hpt->count * sizeof(struct link) +
		     pages_max * sizeof(struct list);
	at = mmap(NULL, hpt->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		  -1, 0);
	if (at == MAP_FAILED) {
		enum hv_code code = hv_fail_os(err, HV_E_NOMEM, errno,
					       "map a hashed page table of %zu bytes",
					       hpt->bytes);

		free(hpt);
		return code;
	}
	hpt->entries = at;
	hpt->links = (struct link *)(void *)(hpt->entries + hpt->count);
	hpt->lists = (struct list *)(void *)(hpt->links + hpt->count);
	*ret_hpt = hpt;
	return HV_OK;
}

void hv_hpt_close(struct hv_hpt *hpt)
{
	if (hpt == NULL)
		return;
	(void)munmap(hpt->entries, hpt->bytes);
	free(hpt);
}

size_t hv_hpt_table_bytes(const struct hv_hpt *hpt)
{
	return hpt->count * sizeof(struct hv_hpte);
}

size_t hv_hpt_memory_bytes(const struct hv_hpt *hpt)
{
	return hpt->bytes + sizeof(*hpt);
}

void hv_hpt_count(const struct hv_hpt *hpt, struct hv_hpt_counts *ret_counts)
{
	*ret_counts = hpt->counts;
}

/* ---- one entry ---- */

static uint64_t page_of(const struct hv_hpte *entry)
{
	return (entry->r & HV_HPTE_R_RPN) >> HV_PAGE_SHIFT;
}

static bool is_valid(const struct hv_hpt *hpt, uint64_t ptex)
{
	return (hpt->entries[ptex].v & HV_HPTE_V_VALID) != 0;
}

static struct list *list_of(const struct hv_hpt *hpt, uint64_t ptex)
{
	return &hpt->lists[page_of(&hpt->entries[ptex])];
}

static void put(struct hv_hpt *hpt, uint64_t ptex, const struct hv_hpte *entry)
{
	struct list *list;

	hpt->entries[ptex] = *entry;
	list = list_of(hpt, ptex);
	hpt->links[ptex] = (struct link){ .next = list->first, .previous = NONE };
	if (list->first != NONE)
		hpt->links[list->first - 1].previous = (uint32_t)ptex + 1;
	list->first = (uint32_t)ptex + 1;
	list->length++;
	hpt->counts.entries++;
}

static void drop(struct hv_hpt *hpt, uint64_t ptex)
{
	struct list *list = list_of(hpt, ptex);
	struct link *link = &hpt->links[ptex];

	HV_INVARIANT(list->length > 0);
	if (link->next != NONE)
		hpt->links[link->next - 1].previous = link->previous;
	if (link->previous != NONE)
		hpt->links[link->previous - 1].next = link->next;
	else
		list->first = link->next;
	list->length--;
	hpt->counts.entries--;
	*link = (struct link){ 0 };
	hpt->entries[ptex] = (struct hv_hpte){ 0 };
}

/* ---- calls ---- */

static bool may_enter(const struct hv_hpt *hpt, const struct hv_hpte *entry)
{
	const uint64_t known = HV_HPTE_V_AVPN | HV_HPTE_V_SOFTWARE | HV_HPTE_V_SECONDARY |
			       HV_HPTE_V_VALID;

	/* large pages and 1 TiB segments are none of ours */
	return (entry->v & ~known) == 0 && (entry->v & HV_HPTE_V_VALID) != 0 &&
	       (entry->r & HV_HPTE_R_WIMG) == HV_HPTE_R_M && page_of(entry) < hpt->pages;
}

int64_t hv_hpt_enter(struct hv_hpt *hpt, uint64_t flags, uint64_t ptex,
		     const struct hv_hpte *entry, uint64_t *ret_ptex)
{
	uint64_t end = ptex + 1;

	if ((flags & ~H_EXACT) != 0 || ptex >= hpt->count || !may_enter(hpt, entry))
		return H_PARAMETER;
	if (hpt->lists[page_of(entry)].length >= HV_HPT_ALIASES_MAX)
		return H_RESOURCE;
	if ((flags & H_EXACT) == 0) {
		ptex -= ptex % HV_PTEG_ENTRIES;
		end = ptex + HV_PTEG_ENTRIES;
	}
	while (ptex < end && is_valid(hpt, ptex))
		ptex++;
	if (ptex == end)
		return H_PTEG_FULL;
	put(hpt, ptex, entry);
	hpt->counts.enters++;
	*ret_ptex = ptex;
	return H_SUCCESS;
}

static bool is_meant(const struct hv_hpt *hpt, uint64_t flags, uint64_t ptex,
		     uint64_t avpn)
{
	uint64_t v = hpt->entries[ptex].v;

	return is_valid(hpt, ptex) &&
	       ((flags & H_AVPN) == 0 || (v & HV_HPTE_V_AVPN) == avpn) &&
	       ((flags & H_ANDCOND) == 0 || (v & avpn) == 0);
}

int64_t hv_hpt_remove(struct hv_hpt *hpt, uint64_t flags, uint64_t ptex, uint64_t avpn,
		      struct hv_hpte *ret_old)
{
	if ((flags & ~(H_AVPN | H_ANDCOND)) != 0 || ptex >= hpt->count)
		return H_PARAMETER;
	if (!is_meant(hpt, flags, ptex, avpn))
		return H_NOT_FOUND;
	*ret_old = hpt->entries[ptex];
	drop(hpt, ptex);
	return H_SUCCESS;
}

int64_t hv_hpt_read(const struct hv_hpt *hpt, uint64_t flags, uint64_t ptex,
		    struct hv_hpte *ret_entries, unsigned *ret_count)
{
	unsigned count = (flags & H_READ_4) != 0 ? 4 : 1;

	if ((flags & ~(H_READ_4 | H_R_XLATE)) != 0 || ptex >= hpt->count)
		return H_PARAMETER;
	ptex -= ptex % count;
	for (unsigned i = 0; i < count; i++)
		ret_entries[i] = hpt->entries[ptex + i];
	*ret_count = count;
	return H_SUCCESS;
}

int64_t hv_hpt_protect(struct hv_hpt *hpt, uint64_t flags, uint64_t ptex, uint64_t avpn)
{
	struct hv_hpte *entry;

	if ((flags & ~PROTECT_FLAGS) != 0 || ptex >= hpt->count)
		return H_PARAMETER;
	if (!is_meant(hpt, flags, ptex, avpn))
		return H_NOT_FOUND;
	entry = &hpt->entries[ptex];
	entry->r &= ~(HV_HPTE_R_PP0 | HV_HPTE_R_KEY_HIGH | HV_HPTE_R_KEY_LOW |
		      HV_HPTE_R_N | HV_HPTE_R_PP);
	entry->r |= (flags & FLAG_PP0) << 55 | (flags & FLAG_KEY_HIGH) << 48;
	entry->r |= flags & (HV_HPTE_R_KEY_LOW | HV_HPTE_R_N | HV_HPTE_R_PP);
	return H_SUCCESS;
}

/* ---- the processor ---- */

static bool may_access(const struct hv_hpte *entry, bool is_store)
{
	uint64_t pp = entry->r & HV_HPTE_R_PP;

	if ((entry->r & HV_HPTE_R_PP0) != 0 || pp == 0)
		return false;
	return !is_store || pp == HV_HPTE_R_PP_RW;
}

int64_t hv_hpt_walk(struct hv_hpt *hpt, uint64_t va, bool is_store, uint64_t *ret_ptex,
		    struct hv_hpte *ret_entry)
{
	uint64_t want = hv_va_avpn(va) | HV_HPTE_V_VALID;
	uint64_t groups = hpt->count / HV_PTEG_ENTRIES;
	uint64_t hash = hv_va_hash(va);

	for (unsigned i = 0; i < 2 * HV_PTEG_ENTRIES; i++) {
		bool is_second = i >= HV_PTEG_ENTRIES;
		uint64_t group = (is_second ? ~hash : hash) & (groups - 1);
		uint64_t ptex = group * HV_PTEG_ENTRIES + i % HV_PTEG_ENTRIES;
		struct hv_hpte *entry = &hpt->entries[ptex];

		if ((entry->v & ~HV_HPTE_V_SOFTWARE) !=
		    (want | (is_second ? HV_HPTE_V_SECONDARY : 0)))
			continue;
		hpt->counts.hits++;
		if (!may_access(entry, is_store))
			return H_PERMISSION;
		entry->r |= HV_HPTE_R_R | (is_store ? HV_HPTE_R_C : 0);
		*ret_ptex = ptex;
		*ret_entry = *entry;
		return H_SUCCESS;
	}
	hpt->counts.misses++;
	return H_NOT_FOUND;
}

unsigned hv_hpt_invalidate(struct hv_hpt *hpt, uint32_t page)
{
	unsigned count = 0;

	HV_INVARIANT(page < hpt->pages_max);
	while (hpt->lists[page].first != NONE) {
		drop(hpt, hpt->lists[page].first - 1);
		count++;
	}
	hpt->counts.invalidations += count;
	return count;
}

void hv_hpt_resize(struct hv_hpt *hpt, uint32_t pages)
{
	HV_INVARIANT(pages <= hpt->pages_max);
	for (uint32_t page = pages; page < hpt->pages; page++)
		(void)hv_hpt_invalidate(hpt, page);
	hpt->pages = pages;
}

/* ---- audit ---- */

static enum hv_code audit_list(const struct hv_hpt *hpt, uint32_t page, uint64_t *sum,
			       struct hv_err *err)
{
	const struct list *list = &hpt->lists[page];
	uint32_t previous = NONE;
	uint32_t length = 0;

	for (uint32_t at = list->first; at != NONE; at = hpt->links[at - 1].next) {
		if (at > hpt->count || !is_valid(hpt, at - 1) ||
		    page_of(&hpt->entries[at - 1]) != page)
			return hv_fail(err, HV_E_CORRUPT,
				       "page %u lists entry %u, which does not name it",
				       page, at - 1);
		if (hpt->links[at - 1].previous != previous ||
		    ++length > HV_HPT_ALIASES_MAX)
			return hv_fail(err, HV_E_CORRUPT, "page %u: its list is broken",
				       page);
		previous = at;
	}
	if (length > 0 && page >= hpt->pages)
		return hv_fail(err, HV_E_CORRUPT,
			       "page %u is beyond logical memory and has entries", page);
	if (length != list->length)
		return hv_fail(err, HV_E_CORRUPT, "page %u lists %u entries, not %u",
			       page, length, list->length);
	*sum += length;
	return HV_OK;
}

enum hv_code hv_hpt_audit(const struct hv_hpt *hpt, struct hv_err *err)
{
	enum hv_code code = HV_OK;
	uint64_t listed = 0;
	uint64_t valid = 0;

	for (uint64_t ptex = 0; ptex < hpt->count; ptex++)
		valid += is_valid(hpt, ptex);
	for (uint32_t page = 0; page < hpt->pages_max && code == HV_OK; page++)
		code = audit_list(hpt, page, &listed, err);
	if (code != HV_OK)
		return code;
	if (valid != listed || valid != hpt->counts.entries)
		return hv_fail(err, HV_E_CORRUPT,
			       "%llu valid entries, %llu on lists, %llu counted",
			       (unsigned long long)valid, (unsigned long long)listed,
			       (unsigned long long)hpt->counts.entries);
	return HV_OK;
}
