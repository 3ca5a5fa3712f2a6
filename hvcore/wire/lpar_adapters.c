/* lpar_adapters - see lpar_adapters.h. */
#include "hvcore/wire/lpar_adapters.h"

#include "hvcore/base/units.h"

#define SPARE_BYTES (512u << 10) /* Linux' vio.h: VIO_CMO_MIN_ENT has them, too */
#define RESERVE_BYTES (1u << 20) /* the same */
#define DISK_BYTES (8u << 10)    /* queue and one request; as the contract of I/O says */
#define ETHERNET_BYTES (256u << 10) /* receive buffers */

static bool is_shared(const Tarn__LparSpec *spec)
{
	return spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
}

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + HV_PAGE_BYTES - 1) / HV_PAGE_BYTES * HV_PAGE_BYTES;
}

/* Nothing of its memory can be mapped twice over. */
static uint64_t at_most_memory(const Tarn__LparSpec *spec, uint64_t bytes)
{
	bytes = whole_pages(bytes);
	return bytes < spec->mem_bytes ? bytes : spec->mem_bytes;
}

uint64_t hv_lpar_entitled_auto(const Tarn__LparSpec *spec)
{
	uint64_t named = HV_SERIAL_ADAPTERS + spec->n_disks + spec->n_ethernets;
	uint64_t small = spec->n_disks;
	uint64_t bytes = HV_LPAR_ENTITLED_LEAST;

	if (!is_shared(spec))
		return 0;
	if (spec->virtual_adapters > named)
		small += spec->virtual_adapters - named;
	if (small + spec->n_ethernets > 0)
		bytes = SPARE_BYTES + RESERVE_BYTES + small * DISK_BYTES +
			spec->n_ethernets * ETHERNET_BYTES;
	return at_most_memory(spec, bytes);
}

bool hv_lpar_entitled_is_auto(const Tarn__LparSpec *spec)
{
	if (spec->has_entitled_auto)
		return spec->entitled_auto;
	return spec->entitled_bytes <= HV_LPAR_ENTITLED_LEAST;
}

uint64_t hv_lpar_entitled(const Tarn__LparSpec *spec)
{
	uint64_t bytes = spec->entitled_bytes;

	if (!is_shared(spec) || hv_lpar_entitled_is_auto(spec))
		return hv_lpar_entitled_auto(spec);
	return at_most_memory(
		spec, bytes > HV_LPAR_ENTITLED_LEAST ? bytes : HV_LPAR_ENTITLED_LEAST);
}

void hv_lpar_entitle(Tarn__LparSpec *spec)
{
	bool is_auto = hv_lpar_entitled_is_auto(spec);
	uint64_t bytes = hv_lpar_entitled(spec);

	spec->has_entitled_bytes = spec->has_entitled_auto = is_shared(spec);
	spec->entitled_bytes = bytes;
	spec->entitled_auto = is_auto && is_shared(spec);
}

/* ---- which adapters there may be ---- */

static enum hv_code check_slot(const struct hv_adapters *adapters, uint32_t slot,
			       struct hv_err *err)
{
	unsigned users = 0;

	if (slot < HV_LPAR_SLOT_MIN || slot > HV_LPAR_SLOT_MAX)
		return hv_fail(err, HV_E_INVAL, "slot %u of an adapter is not %d to %d",
			       slot, HV_LPAR_SLOT_MIN, HV_LPAR_SLOT_MAX);
	for (size_t i = 0; i < adapters->disk_count; i++)
		users += adapters->disks[i]->slot == slot;
	for (size_t i = 0; i < adapters->ethernet_count; i++)
		users += adapters->ethernets[i]->slot == slot;
	if (users > 1)
		return hv_fail(err, HV_E_INVAL, "slot %u is of %u virtual adapters", slot,
			       users);
	return HV_OK;
}

static enum hv_code check_disk(const struct hv_adapters *adapters,
			       const Tarn__VirtualDisk *disk, struct hv_err *err)
{
	if (disk->bytes == 0 || disk->bytes % HV_PAGE_BYTES != 0)
		return hv_fail(err, HV_E_INVAL,
			       "disk of %llu bytes is not whole pages of %u bytes",
			       (unsigned long long)disk->bytes, HV_PAGE_BYTES);
	if (disk->bytes > HV_LPAR_BYTES_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "disk of %llu bytes is over the limit of 1 TiB",
			       (unsigned long long)disk->bytes);
	return check_slot(adapters, disk->slot, err);
}

static enum hv_code check_ethernet(const struct hv_adapters *adapters,
				   const Tarn__VirtualEthernet *ethernet,
				   struct hv_err *err)
{
	if (ethernet->vlan < 1 || ethernet->vlan > HV_VLAN_MAX)
		return hv_fail(err, HV_E_INVAL, "VLAN %u is not 1 to %u", ethernet->vlan,
			       HV_VLAN_MAX);
	return check_slot(adapters, ethernet->slot, err);
}

static enum hv_code check_counts(const struct hv_adapters *adapters, struct hv_err *err)
{
	size_t least = HV_SERIAL_ADAPTERS + adapters->disk_count +
		       adapters->ethernet_count;

	if (adapters->disk_count > HV_DISKS_MAX ||
	    adapters->ethernet_count > HV_ETHERNETS_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "%zu disks and %zu ethernets, the limit is %u of each",
			       adapters->disk_count, adapters->ethernet_count,
			       HV_DISKS_MAX);
	if (adapters->windows > HV_LPAR_ADAPTERS_MAX)
		return hv_fail(err, HV_E_LIMIT, "%u virtual adapters, the limit is %d",
			       adapters->windows, HV_LPAR_ADAPTERS_MAX);
	if (least > HV_SERIAL_ADAPTERS && adapters->windows < least)
		return hv_fail(err, HV_E_INVAL,
			       "%u virtual adapters are less than its serial ones, disks "
			       "and ethernets, %zu",
			       adapters->windows, least);
	return HV_OK;
}

enum hv_code hv_adapters_check(const struct hv_adapters *adapters, struct hv_err *err)
{
	enum hv_code code = check_counts(adapters, err);

	for (size_t i = 0; i < adapters->disk_count && code == HV_OK; i++)
		code = check_disk(adapters, adapters->disks[i], err);
	for (size_t i = 0; i < adapters->ethernet_count && code == HV_OK; i++)
		code = check_ethernet(adapters, adapters->ethernets[i], err);
	return code;
}

enum hv_code hv_lpar_adapters_check(const Tarn__LparSpec *spec, struct hv_err *err)
{
	const struct hv_adapters adapters = {
		.windows = spec->virtual_adapters,
		.disk_count = spec->n_disks,
		.ethernet_count = spec->n_ethernets,
		.disks = spec->disks,
		.ethernets = spec->ethernets,
	};
	enum hv_code code = hv_adapters_check(&adapters, err);

	return code == HV_OK || err == NULL ? code
					    : hv_wrap(err, "partition '%s'", spec->name);
}
