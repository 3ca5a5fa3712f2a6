/* pager_counts - sums of what the engine counted, over the spaces of a long run. */
#ifndef TESTS_SUPPORT_PAGER_COUNTS_H
#define TESTS_SUPPORT_PAGER_COUNTS_H

#include "hvcore/pager/pager.h"

void pager_counts_add(struct hv_space_counts *sum, const struct hv_space_counts *more);
void pager_counts_print(const struct hv_space_counts *sum);
/* Whether all happened that a random run is to make happen. */
bool pager_counts_are_full(const struct hv_space_counts *sum);

#endif
