/*
 * primary - the VIOS that a running partition asks while it can: the hypervisor says
 * which it was given, and is told where another one is wanted. Nothing is kept, so
 * whichever agent looks first does it.
 */
#include "agent/core/core_priv.h"

void core_primary_step(struct agent_core *core, struct core_lpar *lpar)
{
	Tarn__HvRequest request = TARN__HV_REQUEST__INIT;
	Tarn__HvPartitionPrimary primary = TARN__HV_PARTITION_PRIMARY__INIT;
	struct core_call what = { .kind = CORE_CALL_PRIMARY,
				  .number = lpar->run.started };
	const char *wanted = lpar->desired->primary;
	const char *given = lpar->stat->given_primary;

	/* one that says nothing of it is older, or the partition asks whom it likes */
	if (wanted == NULL || wanted[0] == '\0' || given == NULL ||
	    strcmp(wanted, given) == 0)
		return;
	core->hypervisor.is_busy = true; /* the next stat says what it has */
	if (lpar->is_busy || !core_is_due(core, lpar->retry_ms))
		return;
	primary.name = lpar->name;
	primary.run_id = lpar->run.started;
	primary.primary = (char *)wanted; /* only encoded */
	request.kind_case = TARN__HV_REQUEST__KIND_PRIMARY;
	request.primary = &primary;
	lpar->is_busy = core_lpar_ask(core, lpar, &what, &request);
}
