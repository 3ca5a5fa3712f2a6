/*
 * pair - the VIOS of a host in a draft: those that page for its pool, and the others.
 *
 * Contract
 *   Threads  L.
 *   Errors   out of memory sticks in the draft.
 */
#ifndef COORDINATOR_CLUSTER_PAIR_H
#define COORDINATOR_CLUSTER_PAIR_H

#include "coordinator/cluster/draft.h"

/* One more that is enabled and not assigned; `remote` is the host that its devices lie on,
 * NULL: this one. */
void pair_add(struct draft *draft, const char *host, const char *name,
	      const char *remote);
/* One that is not assigned is forgotten. */
void pair_drop(struct draft *draft, const char *host, const char *name);
/*
 * `leaves` is not of the pair any more and `comes` has its place, or the free one; NULL:
 * nobody. Running LPARs whose primary is of the pair no more get `comes` as theirs.
 */
void pair_change(struct draft *draft, const char *host, const char *leaves,
		 const char *comes);
/* One that left for another, which serves now, will not come back as it was. */
void pair_settle(struct draft *draft, const char *host, const char *other);

#endif
