/* machine - see machine.h. */
#include "coordinator/cluster/machine.h"

#define SIZE_TEXT 32

bool machine_is_there(const Tarn__HostRecord *host)
{
	return !host->declared || host->has_agent_id;
}

unsigned machine_lpars_max(const Tarn__HostRecord *host)
{
	return machine_is_there(host) ? HV_HOST_LPARS_MAX : HV_LPARS_MAX;
}

static uint64_t taken_bytes(const struct host_use *use, const struct hv_reserve *reserve,
			    uint64_t lmb_bytes)
{
	return hv_reserve_firmware_bytes(reserve, lmb_bytes) + use->pool_lmb_bytes +
	       use->dedicated_bytes;
}

enum hv_code machine_check(const struct host_use *use, const Tarn__HostRecord *host,
			   const struct machine_need *need, struct hv_err *err)
{
	const struct machine_use *machine = &use->machine;
	struct hv_reserve with = machine->reserve;
	char a[SIZE_TEXT], b[SIZE_TEXT], c[SIZE_TEXT];
	uint64_t taken, left;

	if (!host->declared || !host->has_agent_id)
		return HV_OK;
	if (need->starts != NULL) {
		struct hv_reserve_partition partition = limits_partition(need->starts,
									 true);

		hv_reserve_add(&with, &machine->profile, &partition);
	}
	taken = taken_bytes(use, &with, machine->lmb_bytes);
	left = taken < machine->bytes ? machine->bytes - taken : 0;
	if (taken <= machine->bytes && need->more_bytes <= left)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT,
		       "host '%s' is declared, and the machine behind it has %s, %s of "
		       "it free%s: %s of real memory cannot be had; shut down an LPAR, "
		       "or start its tarn-agent with more memory",
		       host->name, hv_size_format(machine->bytes, a, sizeof(a)),
		       hv_size_format(left, b, sizeof(b)),
		       need->starts != NULL ? " beside its tables" : "",
		       hv_size_format(need->more_bytes, c, sizeof(c)));
}

uint64_t machine_firmware_lmbs(const struct host_use *use)
{
	if (use->machine.lmb_bytes != 0)
		return hv_reserve_firmware_bytes(&use->machine.reserve,
						 use->machine.lmb_bytes) /
		       use->machine.lmb_bytes;
	if (!use->has_profile || use->lmb_bytes == 0)
		return 0;
	return hv_reserve_firmware_bytes(&use->reserve, use->lmb_bytes) / use->lmb_bytes;
}

enum hv_code machine_join(const struct host_use *use, const Tarn__HostRecord *host,
			  const Tarn__HostIdentity *identity, struct hv_err *err)
{
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (!identity->has_lmb_bytes || !identity->has_memory_bytes ||
	    host->lmb_bytes % identity->lmb_bytes != 0)
		return hv_fail(err, HV_E_REFUSED,
			       "host '%s' is declared with an LMB of %s, which is not a "
			       "multiple of this machine's %s; start its tarn-agent "
			       "with a smaller one",
			       host->name, hv_size_format(host->lmb_bytes, a, sizeof(a)),
			       hv_size_format(identity->lmb_bytes, b, sizeof(b)));
	if (!use->machine.has_profile)
		return hv_fail(err, HV_E_REFUSED,
			       "host '%s' was declared without the profile of a lab "
			       "host; remove it and add it again",
			       host->name);
	if (host->has_agent_id || /* what it has is there already */
	    taken_bytes(use, &use->machine.reserve, identity->lmb_bytes) <=
		    identity->memory_bytes)
		return HV_OK;
	return hv_fail(err, HV_E_REFUSED,
		       "host '%s' is declared with a pool of %s, and this machine has "
		       "%s; make the pool smaller, or start its tarn-agent with more "
		       "memory",
		       host->name, hv_size_format(use->pool_lmb_bytes, a, sizeof(a)),
		       hv_size_format(identity->memory_bytes, b, sizeof(b)));
}
