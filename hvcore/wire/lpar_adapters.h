/*
 * lpar_adapters - the virtual adapters of a partition, and the memory that its I/O is
 * entitled to because of them: one rule for coordinator, agent, HMC and hypervisor.
 *
 *   spare and reserve        1.5 MiB, which is what the bus of an operating system keeps
 *   a disk, or another one    8 KiB  of its kind (virtual_scsi_adapters of a profile)
 *   an ethernet             256 KiB  its buffers for what comes in
 *
 * Without adapters beside the serial ones it is what it always was: 1,562,624 bytes in
 * whole pages (domain.md 3.3). Never more than the partition has memory.
 *
 * Contract
 *   Threads  any.
 *   Errors   INVAL and LIMIT name the adapter and what it may be.
 *   Units    bytes.
 */
#ifndef HVCORE_WIRE_LPAR_ADAPTERS_H
#define HVCORE_WIRE_LPAR_ADAPTERS_H

#include "hvcore/wire/io.h"
#include "hvcore/wire/messages.h"

#include <stdbool.h>

#define HV_LPAR_ENTITLED_LEAST 1564672 /* 1,562,624 in whole pages */
#define HV_LPAR_SLOT_MIN 2             /* 0 and 1 are the serial adapters' */
#define HV_LPAR_SLOT_MAX 65535

/* What `auto` gives; 0 to a dedicated one, which needs none. */
uint64_t hv_lpar_entitled_auto(const Tarn__LparSpec *spec);

/* Is it as its adapters need it, and not as somebody said? The minimum, or less, is. */
bool hv_lpar_entitled_is_auto(const Tarn__LparSpec *spec);

/* What it is entitled to: auto, or what was said, which is at least the minimum. */
uint64_t hv_lpar_entitled(const Tarn__LparSpec *spec);

/* Writes that into the spec, for people to see; `auto` stays so. */
void hv_lpar_entitle(Tarn__LparSpec *spec);

/* What of it is said in a partition's record, and in its definition to a hypervisor. */
struct hv_adapters {
	uint32_t windows; /* virtual adapters, these and all others */
	size_t disk_count, ethernet_count;
	Tarn__VirtualDisk *const *disks;
	Tarn__VirtualEthernet *const *ethernets;
};

/* Slots and VLANs are in range, sizes whole pages, no slot is of two adapters, and
 * `windows` counts them all. */
HV_MUST_USE
enum hv_code hv_adapters_check(const struct hv_adapters *adapters, struct hv_err *err);
/* Of a spec; its name is before what is wrong. */
HV_MUST_USE
enum hv_code hv_lpar_adapters_check(const Tarn__LparSpec *spec, struct hv_err *err);

#endif
