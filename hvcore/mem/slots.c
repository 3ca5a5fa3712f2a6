/*
 * slots - the column of slot states in a page table.
 *
 * Four bits a slot: a base state (FREE, WRITING, LIVE, CONDEMNED) and one bit of
 * doubt for each path. They lie in the upper bits of the link of page `slot`, or in
 * a byte array beyond the last page. A slot whose base is FREE but that is in doubt
 * is what PAGER.md calls QUARANTINED.
 *
 * Two bits of doubt are enough: a VIOS incarnation locks a byte of its own on the
 * device, and its successor locks the same one (P9), so there is at most one
 * incarnation of each VIOS that may still do something to a device.
 */
#include "hvcore/base/invariant.h"
#include "hvcore/mem/page_table_priv.h"

#define COLUMN_SHIFT 28
#define BASE_MASK 3u
#define DOUBT(path) (4u << (path))
#define DOUBT_MASK 12u

static unsigned column_get(const struct hv_page_table *table, uint32_t slot)
{
	HV_INVARIANT(slot < table->slot_count);
	if (slot < table->page_count)
		return table->pages[slot].link >> COLUMN_SHIFT;
	return table->extra_slots[slot - table->page_count];
}

static enum hv_slot_class class_of(unsigned bits)
{
	if ((bits & BASE_MASK) == HV_SLOT_FREE && (bits & DOUBT_MASK) != 0)
		return HV_SLOT_QUARANTINED;
	return (enum hv_slot_class)(bits & BASE_MASK);
}

/* Writes the four bits; keeps counts and the bitmap in step. */
static void column_set(struct hv_page_table *table, uint32_t slot, unsigned bits)
{
	unsigned old = column_get(table, slot);
	uint64_t bit = UINT64_C(1) << (slot % 64);

	if (slot < table->page_count)
		table->pages[slot].link = (table->pages[slot].link & HV_PAGE_NONE) |
					  bits << COLUMN_SHIFT;
	else
		table->extra_slots[slot - table->page_count] = (uint8_t)bits;
	HV_INVARIANT(table->slots_in[class_of(old)] > 0);
	table->slots_in[class_of(old)]--;
	table->slots_in[class_of(bits)]++;
	for (unsigned path = 0; path < 2; path++) {
		table->doubts[path] += (bits & DOUBT(path)) != 0;
		table->doubts[path] -= (old & DOUBT(path)) != 0;
	}
	if (class_of(bits) == HV_SLOT_FREE)
		table->free_slots[slot / 64] |= bit;
	else
		table->free_slots[slot / 64] &= ~bit;
}

static void missed_set(struct hv_page_table *table, uint32_t slot, unsigned side,
		       bool is_missed)
{
	uint64_t *word = &table->missed_slots[side][slot / 64];

	if (hv_slot_is_missed(table, slot, side) == is_missed)
		return;
	*word ^= UINT64_C(1) << (slot % 64);
	if (is_missed)
		table->missed[side]++;
	else
		table->missed[side]--;
}

static void base_set(struct hv_page_table *table, uint32_t slot, enum hv_slot_class base)
{
	column_set(table, slot, (column_get(table, slot) & DOUBT_MASK) | (unsigned)base);
	if (base == HV_SLOT_LIVE || !hv_page_table_is_mirrored(table))
		return;
	missed_set(table, slot, 0, false); /* there is nothing to miss any more */
	missed_set(table, slot, 1, false);
}

static enum hv_slot_class base_get(const struct hv_page_table *table, uint32_t slot)
{
	return (enum hv_slot_class)(column_get(table, slot) & BASE_MASK);
}

/* First free slot in [from, end), or end. */
static uint32_t find_free(const struct hv_page_table *table, uint32_t from, uint32_t end)
{
	uint32_t word = from / 64;
	uint64_t bits;

	if (from >= end)
		return end;
	bits = table->free_slots[word] & (~UINT64_C(0) << (from % 64));
	while (bits == 0) {
		if (++word > (end - 1) / 64)
			return end;
		bits = table->free_slots[word];
	}
	from = word * 64 + (uint32_t)__builtin_ctzll(bits);
	return from < end ? from : end;
}

enum hv_slot_class hv_slot_class(const struct hv_page_table *table, uint32_t slot)
{
	return class_of(column_get(table, slot));
}

bool hv_slot_in_doubt(const struct hv_page_table *table, uint32_t slot, unsigned path)
{
	return (column_get(table, slot) & DOUBT(path)) != 0;
}

uint32_t hv_slots_take(struct hv_page_table *table, uint32_t want, uint32_t *ret_first)
{
	uint32_t first, count = 0;

	if (table->slots_in[HV_SLOT_FREE] == 0 || want == 0)
		return 0;
	first = find_free(table, table->slot_cursor, table->slot_count);
	if (first == table->slot_count)
		first = find_free(table, 0, table->slot_cursor);
	while (count < want && first + count < table->slot_count &&
	       hv_slot_bit(table, first + count)) {
		column_set(table, first + count, HV_SLOT_WRITING);
		count++;
	}
	HV_INVARIANT(count > 0);
	table->slot_cursor = first + count;
	*ret_first = first;
	return count;
}

void hv_slots_untake(struct hv_page_table *table, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		HV_INVARIANT(base_get(table, first + i) == HV_SLOT_WRITING);
		base_set(table, first + i, HV_SLOT_FREE);
	}
	if (table->slot_cursor == first + count)
		table->slot_cursor = first;
}

void hv_slot_live(struct hv_page_table *table, uint32_t slot)
{
	HV_INVARIANT(base_get(table, slot) == HV_SLOT_WRITING);
	base_set(table, slot, HV_SLOT_LIVE);
}

void hv_slot_condemn(struct hv_page_table *table, uint32_t slot)
{
	enum hv_slot_class base = base_get(table, slot);

	HV_INVARIANT(base == HV_SLOT_WRITING || base == HV_SLOT_LIVE);
	base_set(table, slot, HV_SLOT_CONDEMNED);
}

void hv_slot_release(struct hv_page_table *table, uint32_t slot)
{
	HV_INVARIANT(base_get(table, slot) != HV_SLOT_FREE);
	base_set(table, slot, HV_SLOT_FREE);
}

void hv_slot_doubt(struct hv_page_table *table, uint32_t slot, unsigned path)
{
	HV_INVARIANT(path < 2 && base_get(table, slot) != HV_SLOT_FREE);
	column_set(table, slot, column_get(table, slot) | DOUBT(path));
}

void hv_slot_miss(struct hv_page_table *table, uint32_t slot, unsigned side,
		  bool is_missed)
{
	HV_INVARIANT(side < 2 && hv_page_table_is_mirrored(table));
	HV_INVARIANT(base_get(table, slot) == HV_SLOT_LIVE);
	HV_INVARIANT(!is_missed || !hv_slot_is_missed(table, slot, 1 - side));
	missed_set(table, slot, side, is_missed);
}

uint32_t hv_slots_drain(struct hv_page_table *table, unsigned path)
{
	uint32_t before = table->slots_in[HV_SLOT_FREE];

	HV_INVARIANT(path < 2);
	for (uint32_t slot = 0; table->doubts[path] > 0; slot++)
		if (hv_slot_in_doubt(table, slot, path))
			column_set(table, slot, column_get(table, slot) & ~DOUBT(path));
	return table->slots_in[HV_SLOT_FREE] - before;
}
