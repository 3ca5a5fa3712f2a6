/*
 * share - what a shared partition was given is changed while it is there: its weight,
 * and the pages that are guaranteed to it for I/O.
 *
 *   more, or only the weight: the pool's room is looked at, and new targets are told
 *   less: an errand to its fault thread --bound there, not less than is mapped--> the same
 *           `--more is mapped already--> refused, nothing changed
 *
 * What the pool cannot give changes nothing. While the errand is out nobody is told of
 * more (partition_io_pages()).
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include "hvcore/base/log.h"

#define ENTITLED_BYTES_MIN 1562624u /* LparSpec: what 0 stands for, in whole pages */

uint64_t share_pages(uint64_t entitled_bytes)
{
	uint64_t bytes = entitled_bytes != 0 ? entitled_bytes : ENTITLED_BYTES_MIN;

	return bytes / HV_PAGE_BYTES + (bytes % HV_PAGE_BYTES != 0);
}

static enum hv_code check_ask(const struct partition *partition,
			      const Tarn__HvPartitionShare *ask, struct hv_err *err)
{
	if (partition->mode != HV_MODE_SHARED)
		return hv_fail(err, HV_E_INVAL, "partition '%s' has dedicated memory",
			       partition->name);
	if (partition->phase > PHASE_RUNNING)
		return hv_fail(err, HV_E_STATE, "partition '%s' has ended: %s",
			       partition->name, partition->reason);
	if (ask->weight > HV_WEIGHT_MAX)
		return hv_fail(err, HV_E_INVAL, "weight %u is not 0 to %u", ask->weight,
			       HV_WEIGHT_MAX);
	if (ask->entitled_bytes > partition->max_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "entitled memory of %llu bytes, and its maximum is %llu",
			       (unsigned long long)ask->entitled_bytes,
			       (unsigned long long)partition->max_bytes);
	return HV_OK;
}

static struct partition *of_round(struct fault_round *round)
{
	return HV_CONTAINER(round, struct partition, share.round);
}

static enum hv_code commit(struct partition *partition, struct hv_err *err)
{
	uint64_t before = partition->entitled_asked;
	enum hv_code code;

	if (partition->phase > PHASE_RUNNING)
		return hv_fail(err, HV_E_STATE, "partition '%s' has ended: %s",
			       partition->name, partition->reason);
	partition->entitled_asked = partition->share.pages;
	code = partition_entitle(partition, partition->mem_bytes, err);
	if (code != HV_OK) {
		partition->entitled_asked = before;
		return code;
	}
	partition->weight = partition->share.weight;
	partition_own_trim(partition);
	log_info("hypervisor.share", "partition=%s weight=%u entitled_pages=%llu",
		 partition->name, partition->weight,
		 (unsigned long long)partition->entitled_pages);
	return HV_OK;
}

static void visit_bound(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct partition *partition = of_round(round);
	struct share *share = &partition->share;
	struct memory *memory = &partition->memory;
	struct hv_calls_stat stat;

	share->mapped_pages = 0;
	if (memory->thread != thread || memory->hcalls == NULL)
		return;
	hv_calls_stat(memory->hcalls->calls, &stat);
	share->mapped_pages = stat.tces.pages;
	if (share->mapped_pages <= share->pages && memory->mpp.io_pages > share->pages)
		memory->mpp.io_pages = (uint32_t)share->pages;
}

static void on_bound(struct fault_round *round)
{
	struct partition *partition = of_round(round);
	struct share *share = &partition->share;
	struct hv_exchange *exchange = share->exchange;
	struct hv_err err = { 0 };
	enum hv_code code;

	share->exchange = NULL;
	if (share->mapped_pages > share->pages)
		code = hv_fail(&err, HV_E_REFUSED,
			       "%llu pages are mapped for I/O now, and %llu would be "
			       "guaranteed",
			       (unsigned long long)share->mapped_pages,
			       (unsigned long long)share->pages);
	else
		code = commit(partition, &err);
	if (partition->phase <= PHASE_RUNNING)
		manage_targets(partition->hv);
	control_answer(exchange, code, &err);
	hypervisor_poll_soon(partition->hv); /* its end may wait for this */
}

uint64_t share_bound(const struct partition *partition, uint64_t pages)
{
	bool is_out = fault_round_is_out(&partition->share.round);

	return is_out && partition->share.pages < pages ? partition->share.pages : pages;
}

static enum hv_code find(struct hypervisor *hv, const Tarn__HvPartitionShare *ask,
			 struct partition **ret_partition, struct hv_err *err)
{
	struct partition *partition = partition_find(hv, ask->name);
	enum hv_code code;

	if (partition == NULL || partition->run_id != ask->run_id)
		return hv_fail(err, HV_E_NOTFOUND, "no partition '%s' with run %llu",
			       ask->name, (unsigned long long)ask->run_id);
	code = check_ask(partition, ask, err);
	if (code == HV_OK && fault_round_is_out(&partition->share.round))
		code = hv_fail(err, HV_E_AGAIN, "it is being changed");
	*ret_partition = partition;
	return code;
}

void share_ask(struct hypervisor *hv, const Tarn__HvPartitionShare *ask,
	       struct hv_exchange *exchange)
{
	struct partition *partition;
	struct hv_err err = { 0 };
	enum hv_code code = find(hv, ask, &partition, &err);

	if (code != HV_OK) {
		control_answer(exchange, code, &err);
		return;
	}
	partition->share.pages = share_pages(ask->entitled_bytes);
	partition->share.weight = ask->weight;
	if (partition->hcalls != NULL && partition->home != NULL &&
	    partition->share.pages < partition_io_pages(partition)) {
		partition->share.exchange = exchange;
		partition->share.round.visit = visit_bound;
		partition->share.round.done = on_bound;
		fault_errand_start(partition->home, &partition->share.round);
		return;
	}
	code = commit(partition, &err);
	if (code == HV_OK)
		manage_targets(hv);
	control_answer(exchange, code, &err);
}
