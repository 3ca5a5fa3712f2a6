/*
 * adapters - virtual_scsi_adapters and virtual_eth_adapters of a profile, and the disks
 * and ethernets behind them.
 *
 *   ethernet  slot/ieee/port-vlan/extra-vlans/is_trunk/is_required: a real one each, in
 *             the VLAN of its port; the rest is kept and has no effect
 *   scsi      slot/client/remote_id/remote_name/remote_slot/is_required: counted, and a
 *             disk only where the profile has one in that slot
 *
 * A profile that has none of these attributes was not made by an HMC; what they would be
 * is made from its disks and ethernets.
 *
 * Contract
 *   Threads  one.
 *   Memory   a profile lent by hmc_adapters_take() points into the struct.
 *   Errors   messages of errors.h.
 */
#ifndef CLI_HMC_ADAPTERS_H
#define CLI_HMC_ADAPTERS_H

#include "hvcore/wire/io.h"
#include "hvcore/wire/lpar_profile.h"

#define HMC_ADAPTERS_BYTES 4096 /* of one list; arbitrary */

struct hmc_adapters {
	Tarn__VirtualEthernet ethernets[HV_ETHERNETS_MAX];
	Tarn__VirtualEthernet *ethernet_list[HV_ETHERNETS_MAX];
	Tarn__VirtualDisk *disk_list[HV_DISKS_MAX];
};

/* The attribute's value, or what its adapters make of it in `text`; may be NULL. */
const char *hmc_adapters_value(const Tarn__LparProfile *profile, const char *name,
			       char text[HMC_ADAPTERS_BYTES]);

/* Disks, ethernets and the count of all adapters, as the attributes say. */
HV_MUST_USE
enum hv_code hmc_adapters_take(struct hmc_adapters *adapters, Tarn__LparProfile *profile,
			       struct hv_err *err);

#endif
