/*
 * adapters - what a hypervisor has of virtual adapters for all of its partitions: so
 * many disks and no more, addresses of ethernets, memory, and who is told.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

static bool is_taken(const void *arg, uint64_t mac)
{
	const struct hypervisor *hv = arg;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->io != NULL && io_has_mac(p->io, mac))
			return true;
	return false;
}

static enum hv_code check_disk_count(const struct hypervisor *hv, size_t more,
				     struct hv_err *err)
{
	size_t disks = more;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		disks += p->io != NULL ? p->io->disk_count : 0;
	if (disks <= HV_IO_DISKS_MAX)
		return HV_OK;
	return hv_fail(err, HV_E_LIMIT, "%zu virtual disks, at most %u", disks,
		       HV_IO_DISKS_MAX);
}

static void on_io_changed(struct io *io, void *arg)
{
	(void)io;
	partition_device_changed(arg);
}

enum hv_code partition_make_io(struct partition *partition,
			       const Tarn__HvPartitionDefine *ask, struct hv_err *err)
{
	struct hypervisor *hv = partition->hv;
	struct io_config config = {
		.name = partition->name,
		.state_dir = hv->state_dir,
		.engine = hv->engine,
		.workers = &hv->workers,
		.openers = &hv->openers,
		.loop = hv->loop,
		.changed = on_io_changed,
		.arg = partition,
	};
	enum hv_code code;

	if (ask->n_disks + ask->n_ethernets == 0)
		return HV_OK;
	if (hv->engine == NULL)
		return hv_fail(err, hv->engine_err.code, "no virtual adapters: %.200s",
			       hv->engine_err.text);
	code = check_disk_count(hv, ask->n_disks, err);
	if (code == HV_OK)
		code = pool_machine_check(hv,
					  io_memory_bytes((unsigned)ask->n_disks,
							  (unsigned)ask->n_ethernets),
					  err);
	if (code != HV_OK)
		return code;
	code = io_new(&config, ask, &partition->io, err);
	if (code == HV_OK)
		io_give_macs(partition->io, ask, is_taken, hv);
	return code;
}

bool partition_has_io(const struct partition *partition, bool is_late,
		      struct hv_err *ret_why)
{
	const struct hv_err *why = partition->io != NULL ? io_error(partition->io) : NULL;

	if (why != NULL)
		*ret_why = *why;
	else if (partition->io == NULL || partition->io->state == IO_OPEN)
		return true;
	else if (is_late)
		(void)hv_fail(ret_why, HV_E_TIMEOUT,
			      "the files of its disks do not open");
	return false;
}
