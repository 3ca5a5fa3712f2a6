/* page_table_priv - what page_table.c and slots.c share. */
#ifndef HVCORE_MEM_PAGE_TABLE_PRIV_H
#define HVCORE_MEM_PAGE_TABLE_PRIV_H

#include "hvcore/mem/page_table.h"

static inline size_t hv_slot_words(const struct hv_page_table *table)
{
	return (size_t)table->slot_count / 64 + 1;
}

static inline size_t hv_slots_extra(const struct hv_page_table *table)
{
	return table->slot_count > table->page_count
		       ? table->slot_count - table->page_count
		       : 0;
}

/* Whether the bitmap says free. */
static inline bool hv_slot_bit(const struct hv_page_table *table, uint32_t slot)
{
	return (table->free_slots[slot / 64] >> (slot % 64) & 1) != 0;
}

#endif
