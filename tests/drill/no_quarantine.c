/*
 * no_quarantine - a rule that is broken on purpose: with it a hypervisor (linked with
 * --wrap=hv_slot_doubt) gives the slots of an ended incarnation back at once. The drill
 * of late writes must find that.
 */
#include "hvcore/mem/page_table.h"

void __wrap_hv_slot_doubt(struct hv_page_table *table, uint32_t slot, unsigned path);

void __wrap_hv_slot_doubt(struct hv_page_table *table, uint32_t slot, unsigned path)
{
	(void)table;
	(void)slot;
	(void)path;
}
