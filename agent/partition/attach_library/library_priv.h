/* library_priv - what the parts of libtarn-attach.so share (library.h). */
#ifndef AGENT_PARTITION_ATTACH_LIBRARY_LIBRARY_PRIV_H
#define AGENT_PARTITION_ATTACH_LIBRARY_LIBRARY_PRIV_H

#include "agent/partition/attach_library/library.h"
#include "agent/partition/attach_library/region.h"

/* The kernel's own. */
void *library_map(const struct library_mmap *wanted);
/* Says it, once a reason in a row, and sets errno. -1. */
int library_refuse(const struct attach_verdict *verdict);

#endif
