/* page_table - see page_table.h: entries, states, counts, queues. Slots: slots.c. */
#include "hvcore/mem/page_table.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/mem/page_table_priv.h"

#define STATE_MASK 7u
#define FREQUENCY_SHIFT 4
#define QUEUE_SHIFT 6
#define FILL_SHIFT 10
#define AGE_SHIFT 16

/* clang-format off */
/* Where a page may go from where it is. POISONED is for ever: the loss stays loud. */
static const uint8_t moves[HV_PAGE_STATE_COUNT] = {
	[HV_PAGE_ZERO]     = HV_BIT(HV_PAGE_RESIDENT) | HV_BIT(HV_PAGE_POISONED),
	[HV_PAGE_RESIDENT] = HV_BIT(HV_PAGE_STEALING) | HV_BIT(HV_PAGE_STOLEN) |
			     HV_BIT(HV_PAGE_ZERO) | HV_BIT(HV_PAGE_POISONED) |
			     HV_BIT(HV_PAGE_PACKED),
	[HV_PAGE_STEALING] = HV_BIT(HV_PAGE_RESIDENT) | HV_BIT(HV_PAGE_STOLEN) |
			     HV_BIT(HV_PAGE_ZERO) | HV_BIT(HV_PAGE_POISONED),
	[HV_PAGE_INFLIGHT] = HV_BIT(HV_PAGE_RESIDENT) | HV_BIT(HV_PAGE_STOLEN) |
			     HV_BIT(HV_PAGE_ZERO) | HV_BIT(HV_PAGE_POISONED),
	[HV_PAGE_STOLEN]   = HV_BIT(HV_PAGE_INFLIGHT) | HV_BIT(HV_PAGE_ZERO) |
			     HV_BIT(HV_PAGE_POISONED),
	[HV_PAGE_POISONED] = 0,
	[HV_PAGE_PACKED]   = HV_BIT(HV_PAGE_RESIDENT) | HV_BIT(HV_PAGE_UNLOADING) |
			     HV_BIT(HV_PAGE_ZERO) | HV_BIT(HV_PAGE_POISONED),
	[HV_PAGE_UNLOADING] = HV_BIT(HV_PAGE_PACKED) | HV_BIT(HV_PAGE_STOLEN) |
			     HV_BIT(HV_PAGE_ZERO) | HV_BIT(HV_PAGE_POISONED),
};
/* clang-format on */

static void field_set(struct hv_page *page, unsigned shift, uint32_t mask, uint32_t value)
{
	HV_INVARIANT(value <= mask);
	page->word = (page->word & ~(mask << shift)) | (value << shift);
}

static struct hv_page *page_at(const struct hv_page_table *table, uint32_t page)
{
	HV_INVARIANT(page < table->page_count);
	return &table->pages[page];
}

static void reset(struct hv_page_table *table)
{
	for (uint32_t i = 0; i < table->page_count; i++)
		table->pages[i] = (struct hv_page){ .slot = HV_SLOT_NONE,
						    .link = HV_PAGE_NONE };
	for (uint32_t slot = 0; slot < table->slot_count; slot++)
		table->free_slots[slot / 64] |= UINT64_C(1) << (slot % 64);
	for (unsigned i = 0; i < HV_QUEUE_COUNT; i++)
		table->queues[i] = (struct hv_fifo){ .head = HV_PAGE_NONE,
						     .tail = HV_PAGE_NONE };
	table->pages_in[HV_PAGE_ZERO] = table->page_count;
	table->slots_in[HV_SLOT_FREE] = table->slot_count;
}

enum hv_code hv_page_table_open(uint32_t pages, uint32_t slots,
				struct hv_page_table *ret_table, struct hv_err *err)
{
	struct hv_page_table table = { .page_count = pages, .slot_count = slots };

	if (pages == 0 || pages > HV_PAGES_MAX || slots > HV_SLOTS_MAX)
		return hv_fail(err, HV_E_LIMIT, "page table: %u pages, %u slots", pages,
			       slots);
	table.pages = malloc((size_t)pages * sizeof *table.pages);
	table.free_slots = calloc(hv_slot_words(&table), sizeof *table.free_slots);
	table.extra_slots = calloc(hv_slots_extra(&table) + 1, 1);
	for (unsigned side = 0; side < 2; side++)
		table.missed_slots[side] = calloc(hv_slot_words(&table),
						  sizeof(uint64_t));
	if (table.pages == NULL || table.free_slots == NULL ||
	    table.extra_slots == NULL || table.missed_slots[0] == NULL ||
	    table.missed_slots[1] == NULL) {
		hv_page_table_close(&table);
		return hv_fail(err, HV_E_NOMEM, "page table: %u pages, %u slots", pages,
			       slots);
	}
	reset(&table);
	*ret_table = table;
	return HV_OK;
}

void hv_page_table_mirror(struct hv_page_table *table, bool is_mirrored)
{
	table->is_mirrored = is_mirrored;
	for (unsigned side = 0; side < 2; side++) {
		memset(table->missed_slots[side], 0,
		       hv_slot_words(table) * sizeof(uint64_t));
		table->missed[side] = 0;
	}
}

void hv_page_table_close(struct hv_page_table *table)
{
	free(table->missed_slots[0]);
	free(table->missed_slots[1]);
	free(table->pages);
	free(table->free_slots);
	free(table->extra_slots);
	*table = (struct hv_page_table){ 0 };
}

size_t hv_page_table_bytes(const struct hv_page_table *table)
{
	return (size_t)table->page_count * sizeof *table->pages +
	       3 * hv_slot_words(table) * sizeof *table->free_slots +
	       hv_slots_extra(table) + 1;
}

void hv_page_move(struct hv_page_table *table, uint32_t page, enum hv_page_state to)
{
	struct hv_page *entry = page_at(table, page);
	enum hv_page_state from = hv_page_state(table, page);

	HV_INVARIANT(from < HV_PAGE_STATE_COUNT && (moves[from] & HV_BIT(to)) != 0);
	HV_INVARIANT(table->pages_in[from] > 0);
	if (from == HV_PAGE_ZERO)
		hv_page_loan(table, page, false);
	if (to == HV_PAGE_ZERO) /* an age from before would be a loan */
		hv_page_age_set(table, page, 0);
	table->pages_in[from]--;
	table->pages_in[to]++;
	entry->word = (entry->word & ~STATE_MASK) | (uint32_t)to;
}

void hv_page_loan(struct hv_page_table *table, uint32_t page, bool is_loaned)
{
	HV_INVARIANT(hv_page_state(table, page) == HV_PAGE_ZERO);
	if (hv_page_is_loaned(table, page) == is_loaned)
		return;
	hv_page_age_set(table, page, is_loaned);
	if (is_loaned)
		table->loaned++;
	else
		table->loaned--;
}

void hv_page_frequency_set(struct hv_page_table *table, uint32_t page, unsigned frequency)
{
	field_set(page_at(table, page), FREQUENCY_SHIFT, HV_FREQUENCY_MAX, frequency);
}

void hv_page_fill_set(struct hv_page_table *table, uint32_t page, unsigned fill)
{
	field_set(page_at(table, page), FILL_SHIFT, HV_FILLS_MAX - 1, fill);
}

void hv_page_age_set(struct hv_page_table *table, uint32_t page, unsigned age)
{
	field_set(page_at(table, page), AGE_SHIFT, 0xffffu, age & 0xffffu);
}

/* The upper four bits of a link are a slot's, see slots.c. */
static void link_set(struct hv_page *page, uint32_t next)
{
	page->link = (page->link & ~HV_PAGE_NONE) | next;
}

void hv_queue_push(struct hv_page_table *table, enum hv_page_queue queue, uint32_t page)
{
	struct hv_fifo *fifo = &table->queues[queue];
	struct hv_page *entry = page_at(table, page);

	HV_INVARIANT(queue != HV_QUEUE_NONE && queue < HV_QUEUE_COUNT);
	HV_INVARIANT(hv_page_queue(table, page) == HV_QUEUE_NONE);
	field_set(entry, QUEUE_SHIFT, 3u, queue);
	link_set(entry, HV_PAGE_NONE);
	if (fifo->head == HV_PAGE_NONE)
		fifo->head = page;
	else
		link_set(&table->pages[fifo->tail], page);
	fifo->tail = page;
	fifo->length++;
}

uint32_t hv_queue_pop(struct hv_page_table *table, enum hv_page_queue queue)
{
	struct hv_fifo *fifo = &table->queues[queue];
	uint32_t page = fifo->head;
	struct hv_page *entry;

	if (page == HV_PAGE_NONE)
		return HV_PAGE_NONE;
	entry = page_at(table, page);
	HV_INVARIANT(fifo->length > 0 && hv_page_queue(table, page) == queue);
	fifo->head = entry->link & HV_PAGE_NONE;
	if (fifo->head == HV_PAGE_NONE)
		fifo->tail = HV_PAGE_NONE;
	fifo->length--;
	field_set(entry, QUEUE_SHIFT, 3u, HV_QUEUE_NONE);
	link_set(entry, HV_PAGE_NONE);
	return page;
}

/* ---- audit ---- */

/* The class of slot that a page in this state owns; COUNT = none. */
static enum hv_slot_class owned_class(const struct hv_page_table *table, uint32_t page)
{
	switch (hv_page_state(table, page)) {
	case HV_PAGE_STEALING:
	case HV_PAGE_UNLOADING:
		return HV_SLOT_WRITING;
	case HV_PAGE_INFLIGHT:
	case HV_PAGE_STOLEN:
		return HV_SLOT_LIVE;
	case HV_PAGE_RESIDENT:
		return table->pages[page].slot == HV_SLOT_NONE ||
				       hv_slot_is_place(table->pages[page].slot)
			       ? HV_SLOT_CLASS_COUNT
			       : HV_SLOT_LIVE;
	default:
		return HV_SLOT_CLASS_COUNT;
	}
}

/* It is in the tier, or has a copy there. */
static enum hv_code audit_place(const struct hv_page_table *table, uint32_t page,
				struct hv_err *err)
{
	enum hv_page_state state = hv_page_state(table, page);

	if (!hv_slot_is_place(table->pages[page].slot))
		return hv_fail(err, HV_E_CORRUPT, "page %u is packed, and nowhere", page);
	if (state == HV_PAGE_PACKED ||
	    (state == HV_PAGE_RESIDENT && hv_page_has(table, page, HV_PAGE_PROTECTED)))
		return HV_OK;
	return hv_fail(
		err, HV_E_CORRUPT,
		"page %u, state %d, has a copy in the tier; it may be written to (P5)",
		page, (int)state);
}

static enum hv_code audit_page(const struct hv_page_table *table, uint32_t page,
			       struct hv_err *err)
{
	enum hv_slot_class owned = owned_class(table, page);
	uint32_t slot = table->pages[page].slot;
	enum hv_page_state state = hv_page_state(table, page);

	if (state >= HV_PAGE_STATE_COUNT)
		return hv_fail(err, HV_E_CORRUPT, "page %u: no such state %d", page,
			       (int)state);
	if (state == HV_PAGE_PACKED || hv_slot_is_place(slot))
		return audit_place(table, page, err);
	if (owned == HV_SLOT_CLASS_COUNT)
		return slot == HV_SLOT_NONE ? HV_OK
					    : hv_fail(err, HV_E_CORRUPT,
						      "page %u, state %d, has slot %u",
						      page, (int)state, slot);
	if (slot >= table->slot_count || hv_slot_class(table, slot) != owned)
		return hv_fail(err, HV_E_CORRUPT,
			       "page %u, state %d: slot %u is not of class %d", page,
			       (int)state, slot, (int)owned);
	if ((state == HV_PAGE_STEALING || state == HV_PAGE_RESIDENT) &&
	    !hv_page_has(table, page, HV_PAGE_PROTECTED))
		return hv_fail(err, HV_E_CORRUPT,
			       "page %u with slot %u is not write-protected (P5)", page,
			       slot);
	return HV_OK;
}

/*
 * That no two pages name one slot: as many pages as owned slots, and the sums of a
 * hash over both agree. A false pass needs a 64-bit collision.
 */
static uint64_t slot_hash(uint32_t slot)
{
	uint64_t z = (slot + UINT64_C(1)) * 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 29)) * 0xbf58476d1ce4e5b9u;
	return z ^ (z >> 32);
}

static enum hv_code audit_pages(const struct hv_page_table *table, uint64_t *ret_sum,
				uint32_t *ret_owned, struct hv_err *err)
{
	uint32_t pages_in[HV_PAGE_STATE_COUNT] = { 0 };
	uint32_t loaned = 0;
	enum hv_code code;

	*ret_sum = 0;
	*ret_owned = 0;
	for (uint32_t page = 0; page < table->page_count; page++) {
		code = audit_page(table, page, err);
		if (code != HV_OK)
			return code;
		pages_in[hv_page_state(table, page)]++;
		loaned += hv_page_is_loaned(table, page);
		if (owned_class(table, page) == HV_SLOT_CLASS_COUNT)
			continue;
		*ret_sum += slot_hash(table->pages[page].slot);
		(*ret_owned)++;
	}
	for (unsigned state = 0; state < HV_PAGE_STATE_COUNT; state++)
		if (pages_in[state] != table->pages_in[state])
			return hv_fail(err, HV_E_CORRUPT,
				       "%u pages in state %u, counted as %u",
				       pages_in[state], state, table->pages_in[state]);
	if (loaned != table->loaned)
		return hv_fail(err, HV_E_CORRUPT, "%u pages are loaned, counted as %u",
			       loaned, table->loaned);
	return HV_OK;
}

static enum hv_code audit_slots(const struct hv_page_table *table, uint64_t sum,
				uint32_t owned, struct hv_err *err)
{
	uint32_t slots_in[HV_SLOT_CLASS_COUNT] = { 0 };
	uint32_t doubts[2] = { 0 };

	for (uint32_t slot = 0; slot < table->slot_count; slot++) {
		enum hv_slot_class class = hv_slot_class(table, slot);

		slots_in[class]++;
		doubts[0] += hv_slot_in_doubt(table, slot, 0);
		doubts[1] += hv_slot_in_doubt(table, slot, 1);
		if (hv_slot_bit(table, slot) != (class == HV_SLOT_FREE))
			return hv_fail(err, HV_E_CORRUPT, "slot %u: its bit disagrees",
				       slot);
		if (class == HV_SLOT_WRITING || class == HV_SLOT_LIVE)
			sum -= slot_hash(slot);
	}
	for (unsigned class = 0; class < HV_SLOT_CLASS_COUNT; class ++)
		if (slots_in[class] != table->slots_in[class])
			return hv_fail(err, HV_E_CORRUPT,
				       "%u slots of class %u, counted as %u",
				       slots_in[class], class, table->slots_in[class]);
	if (doubts[0] != table->doubts[0] || doubts[1] != table->doubts[1])
		return hv_fail(err, HV_E_CORRUPT,
			       "slots in doubt: %u/%u, counted as %u/%u", doubts[0],
			       doubts[1], table->doubts[0], table->doubts[1]);
	if (sum != 0 || owned != slots_in[HV_SLOT_WRITING] + slots_in[HV_SLOT_LIVE])
		return hv_fail(err, HV_E_CORRUPT,
			       "%u pages own a slot, %u slots are owned, or one twice",
			       owned, slots_in[HV_SLOT_WRITING] + slots_in[HV_SLOT_LIVE]);
	return HV_OK;
}

static enum hv_code audit_missed(const struct hv_page_table *table, struct hv_err *err)
{
	uint32_t missed[2] = { 0 };

	if (!hv_page_table_is_mirrored(table))
		return HV_OK;
	for (uint32_t slot = 0; slot < table->slot_count; slot++) {
		bool is[2] = { hv_slot_is_missed(table, slot, 0),
			       hv_slot_is_missed(table, slot, 1) };

		missed[0] += is[0];
		missed[1] += is[1];
		if ((is[0] || is[1]) && hv_slot_class(table, slot) != HV_SLOT_LIVE)
			return hv_fail(err, HV_E_CORRUPT, "slot %u is missed, not LIVE",
				       slot);
		if (is[0] && is[1])
			return hv_fail(err, HV_E_CORRUPT,
				       "slot %u is missed by both sides (P17)", slot);
	}
	if (missed[0] != table->missed[0] || missed[1] != table->missed[1])
		return hv_fail(err, HV_E_CORRUPT, "slots missed: %u/%u, counted as %u/%u",
			       missed[0], missed[1], table->missed[0], table->missed[1]);
	return HV_OK;
}

static enum hv_code audit_queue(const struct hv_page_table *table,
				enum hv_page_queue queue, struct hv_err *err)
{
	const struct hv_fifo *fifo = &table->queues[queue];
	uint32_t page = fifo->head, last = HV_PAGE_NONE, length = 0, marked = 0;

	for (; page != HV_PAGE_NONE; page = table->pages[page].link & HV_PAGE_NONE) {
		if (page >= table->page_count || hv_page_queue(table, page) != queue ||
		    length++ > fifo->length)
			return hv_fail(err, HV_E_CORRUPT, "queue %d breaks at page %u",
				       (int)queue, page);
		last = page;
	}
	for (page = 0; page < table->page_count; page++)
		marked += hv_page_queue(table, page) == queue;
	if (length != fifo->length || marked != length || last != fifo->tail)
		return hv_fail(err, HV_E_CORRUPT,
			       "queue %d: %u linked, %u marked, %u counted", (int)queue,
			       length, marked, fifo->length);
	return HV_OK;
}

enum hv_code hv_page_table_audit(const struct hv_page_table *table, struct hv_err *err)
{
	uint64_t sum;
	uint32_t owned;
	enum hv_code code;

	code = audit_pages(table, &sum, &owned, err);
	if (code == HV_OK)
		code = audit_slots(table, sum, owned, err);
	if (code == HV_OK)
		code = audit_missed(table, err);
	if (code == HV_OK)
		code = audit_queue(table, HV_QUEUE_SMALL, err);
	if (code == HV_OK)
		code = audit_queue(table, HV_QUEUE_MAIN, err);
	if (code == HV_OK)
		code = audit_queue(table, HV_QUEUE_AHEAD, err);
	return code;
}
