/*
 * io - how a partition uses its virtual adapters: calls, queues, and what lies in them.
 *
 * An adapter is named by its unit, which is its LIOBN (hcall.h). Every address here is
 * an I/O bus address of that adapter's window: the partition maps pages by H_PUT_TCE
 * first, and the hypervisor copies through such entries only. A page is held from a
 * call that names it until its answer, or for as long as it is a queue or a posted
 * buffer: its entry cannot be changed meanwhile (H_BUSY).
 *
 *   disk                                          ethernet
 *   H_REG_CRQ unit, queue, 4096                   H_REGISTER_LOGICAL_LAN unit, 0,
 *                                                    hv_lan_descriptor(queue, 4096), 0, 0
 *                                                    -> MAC
 *   writes an IU by hv_srp_command_put            H_ADD_LOGICAL_LAN_BUFFER unit,
 *   H_SEND_CRQ unit, hv_crq_high(), IU               hv_lan_descriptor(buffer, bytes)
 *   ... waits for io_events ...                   H_SEND_LOGICAL_LAN unit, up to six
 *   finds an entry in the queue, and the             descriptors that make a frame
 *   response where the command was                ... waits for io_events ...
 *   hv_crq_take, hv_srp_response_take             hv_lan_arrival_take
 *   H_FREE_CRQ unit                               H_FREE_LOGICAL_LAN unit
 *
 * Queues are rings of 16-byte entries that the hypervisor writes in order, from the
 * first one. A queue is mapped to be read and written and is zeros when it is registered.
 * An entry of a CRQ is new while its valid byte is not 0: the partition clears it. One of
 * a LAN's queue is new while its toggle bit is 1 in the first round, 0 in the second, and
 * so on. An honest partition never has more answers to come than its queue has entries.
 *
 * Waiting: hv_hcall_area.io_events is a futex (not private). It is raised after an entry
 * was written, so: read it, look through the queues, and if there was nothing sleep for
 * as long as it has that value. Holds of a request are over when its entry is seen.
 *
 * What is asked wrongly is said by the call, and nothing has happened then:
 *   H_PARAMETER   not its unit, a reserved bit, an address outside of its window, another
 *                 partition's page, an IU or a frame that is none
 *   H_PERMISSION  an address that is not mapped, or not for that direction
 *   H_RESOURCE    registered already; more pages than a transfer has; buffers enough
 *   H_CLOSED      not registered
 *   H_BUSY        HV_DISK_REQUESTS, or HV_LAN_FRAMES, are under way: later
 *   H_LONG_BUSY_1_MSEC  H_FREE_: what is under way ends first; ask the same again
 * What the device refuses is a response with CHECK CONDITION.
 *
 * Simpler than LoPAR: no login, no management datagrams, no initialization messages
 * (a registered queue is ready), one direct descriptor a command, LUN 0, the correlator
 * of a buffer is its address, no buffer or filter list page (the hypervisor has its own),
 * no multicast filter (every group is received), no signal calls.
 *
 * Contract: pure. What is decoded may be anything: false, and the output untouched.
 * Multi-byte fields of entries and IUs are big-endian, as on Power.
 */
#ifndef HVCORE_WIRE_IO_H
#define HVCORE_WIRE_IO_H

#include "hvcore/base/bytes.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/hcall.h"

#include <stdbool.h>

/* ---- which adapters a partition has ---- */

#define HV_DISKS_MAX 16u /* of a partition; arbitrary */
#define HV_ETHERNETS_MAX 16u
#define HV_SERIAL_ADAPTERS 2u /* of every one: windows of these, disks, ethernets */

static inline uint64_t hv_io_disk_unit(unsigned disk)
{
	return (uint64_t)HV_LIOBN_FIRST + HV_SERIAL_ADAPTERS + disk;
}
static inline uint64_t hv_io_ethernet_unit(unsigned disks, unsigned ethernet)
{
	return hv_io_disk_unit(disks + ethernet);
}

#define HV_IO_QUEUE_BYTES HV_PAGE_BYTES /* every queue is one page */
#define HV_IO_ENTRY_BYTES 16u
#define HV_IO_QUEUE_ENTRIES (HV_IO_QUEUE_BYTES / HV_IO_ENTRY_BYTES)

/* ---- disks: command/response queue (struct viosrp_crq) ---- */

#define HV_DISK_BLOCK_BYTES 512u
#define HV_DISK_TRANSFER_BYTES 65536u /* of one command; arbitrary: 17 pages at most */
#define HV_DISK_REQUESTS 32u          /* under way on one disk */

#define HV_CRQ_COMMAND 0x80u /* valid byte of commands and responses */
#define HV_CRQ_SRP 0x01u     /* format */

struct hv_crq {
	uint64_t tag; /* of the command that this answers */
};
void hv_crq_put(uint8_t entry[HV_IO_ENTRY_BYTES], const struct hv_crq *crq);
/* false: not valid (yet). The rest of the entry may be read after the valid byte. */
HV_MUST_USE
bool hv_crq_take(const uint8_t entry[HV_IO_ENTRY_BYTES], struct hv_crq *ret_crq);

/* ---- disks: information units (SRP_CMD, SRP_RSP) ---- */

#define HV_SRP_IU_BYTES 64u /* command or response, in one buffer; read and written */
#define HV_CDB_BYTES 16u

/* First doubleword of H_SEND_CRQ; the second is the address of the IU. */
static inline uint64_t hv_crq_high(void)
{
	return (uint64_t)HV_CRQ_COMMAND << 56 | (uint64_t)HV_CRQ_SRP << 48 |
	       HV_SRP_IU_BYTES;
}

enum hv_srp_direction {
	HV_SRP_NONE,
	HV_SRP_OUT, /* the device reads: mapped HV_TCE_READ */
	HV_SRP_IN,  /* the device writes: mapped HV_TCE_WRITE */
};

struct hv_srp_command {
	uint64_t tag; /* comes back */
	uint8_t cdb[HV_CDB_BYTES];
	enum hv_srp_direction direction;
	uint64_t address; /* of the data; NONE: 0, as is bytes */
	uint32_t bytes;   /* 1 to HV_DISK_TRANSFER_BYTES */
};
void hv_srp_command_put(uint8_t iu[HV_SRP_IU_BYTES],
			const struct hv_srp_command *command);
HV_MUST_USE
bool hv_srp_command_take(const uint8_t iu[HV_SRP_IU_BYTES],
			 struct hv_srp_command *ret_command);

enum hv_scsi_status { HV_SCSI_GOOD = 0, HV_SCSI_CHECK_CONDITION = 2 };

struct hv_scsi_sense {
	uint8_t key, code, qualifier; /* all 0: there is none */
};

/* clang-format off */
#define HV_SENSE_READ_ERROR   { 0x3, 0x11, 0x00 } /* medium error */
#define HV_SENSE_WRITE_ERROR  { 0x3, 0x0c, 0x00 }
#define HV_SENSE_NO_SPACE     { 0x7, 0x27, 0x07 } /* the host's file system is full */
#define HV_SENSE_NO_PAGE      { 0x4, 0x44, 0x00 } /* memory thrown away meanwhile */
#define HV_SENSE_NO_COMMAND   { 0x5, 0x20, 0x00 } /* illegal request */
#define HV_SENSE_BEYOND       { 0x5, 0x21, 0x00 } /* blocks that the disk does not have */
#define HV_SENSE_BAD_FIELD    { 0x5, 0x24, 0x00 } /* in the CDB, or no room for its data */
/* clang-format on */

struct hv_srp_response {
	uint64_t tag;
	enum hv_scsi_status status;
	uint32_t residual; /* bytes of the command's that were not transferred */
	struct hv_scsi_sense sense;
};
void hv_srp_response_put(uint8_t iu[HV_SRP_IU_BYTES],
			 const struct hv_srp_response *response);
HV_MUST_USE
bool hv_srp_response_take(const uint8_t iu[HV_SRP_IU_BYTES],
			  struct hv_srp_response *ret_response);

/* ---- disks: commands ---- */

enum hv_scsi_kind {
	HV_SCSI_READ,     /* READ(10), READ(16) */
	HV_SCSI_WRITE,    /* WRITE(10), WRITE(16); FUA is not offered */
	HV_SCSI_SYNC,     /* SYNCHRONIZE CACHE(10), (16): all of the disk */
	HV_SCSI_CAPACITY, /* READ CAPACITY(10), (16): IN, 8 or 32 bytes */
	HV_SCSI_INQUIRY,  /* standard data: IN, 36 bytes */
	HV_SCSI_READY,    /* TEST UNIT READY */
};

struct hv_scsi {
	enum hv_scsi_kind kind;
	bool is_long;    /* 16-byte form, where there are two */
	uint64_t block;  /* READ, WRITE */
	uint32_t blocks; /* READ, WRITE: 1 and more */
	uint32_t room;   /* CAPACITY(16), INQUIRY: bytes asked for */
};
void hv_scsi_put(uint8_t cdb[HV_CDB_BYTES], const struct hv_scsi *scsi);
/* false: not one of these, or with a bit that is not served (page codes, FUA, ...);
 * *ret_sense says which. */
HV_MUST_USE
bool hv_scsi_take(const uint8_t cdb[HV_CDB_BYTES], struct hv_scsi *ret_scsi,
		  struct hv_scsi_sense *ret_sense);
/* Of the data of READ CAPACITY: blocks of the disk. */
#define HV_CAPACITY_BYTES 32u
#define HV_CAPACITY_SHORT_BYTES 8u
#define HV_INQUIRY_BYTES 36u
void hv_scsi_capacity_put(uint8_t data[HV_CAPACITY_BYTES], uint64_t blocks);
uint64_t hv_scsi_capacity_take(const uint8_t data[HV_CAPACITY_BYTES]);

/* ---- ethernets ---- */

#define HV_LAN_FRAME_BYTES_MIN 14u   /* two addresses and a type */
#define HV_LAN_FRAME_BYTES_MAX 9018u /* a jumbo frame without its checksum */
#define HV_LAN_BUFFER_BYTES_MAX (3 * HV_PAGE_BYTES) /* HV_LAN_FRAME_BYTES_MIN and more */
#define HV_LAN_DESCRIPTORS 6u                       /* of a frame that is sent */
#define HV_LAN_BUFFERS 192u /* posted at a time; fewer than the queue's entries */
#define HV_LAN_FRAMES 16u   /* of one sender on their way; arbitrary */
#define HV_LAN_MAC_BYTES 6u
#define HV_VLAN_MAX 4094u

/* Registers: valid 1 | 0 7 | bytes 24 | address 32. 0 is none. */
static inline uint64_t hv_lan_descriptor(uint32_t address, uint32_t bytes)
{
	return UINT64_C(1) << 63 | (uint64_t)(bytes & 0xffffffu) << 32 | address;
}
HV_MUST_USE
bool hv_lan_descriptor_take(uint64_t descriptor, uint32_t *ret_address,
			    uint32_t *ret_bytes);

struct hv_lan_arrival {
	bool toggle;      /* 1 in odd rounds of the queue */
	uint32_t bytes;   /* of the frame, from the first byte of the buffer */
	uint64_t address; /* of the buffer: it is the partition's again */
};
void hv_lan_arrival_put(uint8_t entry[HV_IO_ENTRY_BYTES],
			const struct hv_lan_arrival *arrival);
/* false: not an entry of the round with that toggle (yet). */
HV_MUST_USE
bool hv_lan_arrival_take(const uint8_t entry[HV_IO_ENTRY_BYTES], bool toggle,
			 struct hv_lan_arrival *ret_arrival);

/* MAC addresses as registers hold them: six bytes, right-justified. */
static inline void hv_lan_mac_put(uint8_t bytes[HV_LAN_MAC_BYTES], uint64_t mac)
{
	hv_be_put(bytes, HV_LAN_MAC_BYTES, mac);
}
static inline uint64_t hv_lan_mac_take(const uint8_t bytes[HV_LAN_MAC_BYTES])
{
	return hv_be_take(bytes, HV_LAN_MAC_BYTES);
}
/*
 * Of the ethernet in that slot of a partition: locally administered, and the same in
 * every run. Where two would be the same on one host the later one has the next.
 */
uint64_t hv_lan_mac_of(const char *partition, uint32_t slot);

#define HV_LAN_BROADCAST UINT64_C(0xffffffffffff)
static inline bool hv_lan_is_group(uint64_t mac) /* broadcast and multicast */
{
	return (mac >> 40 & 1) != 0;
}

#endif
