/* model_vios - the VIOS of a model host; see model_host.h. */
#ifndef TESTS_SUPPORT_MODEL_VIOS_H
#define TESTS_SUPPORT_MODEL_VIOS_H

#include "tests/support/model_host.h"

/* The place of that name, or one for it. */
unsigned model_vios_place(const struct model_host *host, const char *name);
void model_vios_lose(struct model_host *host, unsigned which, const char *kind);
/* One more thing towards what is wanted; false: all is so. */
bool model_vios_step(struct model_host *host);

#endif
