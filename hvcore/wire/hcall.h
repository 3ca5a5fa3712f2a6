/*
 * hcall - hypervisor calls of a partition: numbers, flags and codes as in LoPAR, and
 * the shared memory in which a partition makes them.
 *
 * A call is synchronous on the virtual processor that makes it, as on Power, so each
 * has one slot here and no ring is needed: nothing to wrap, no index to believe.
 *
 *   partition, processor n                      hypervisor, on the fault thread
 *   writes slot n's ask, a new serial     ->
 *   sets bit n of pending, rings          ->    takes the bits, copies each ask,
 *                                               checks and carries it out
 *   wakes when answered is its serial     <-    writes the answer, then answered
 *
 * `left` is how the machine's translation caches learn that an entry is gone (tlbie):
 * the hypervisor writes the logical page of each entry that a steal ended. It waits
 * for nobody: who is HV_LEFT_RING behind must forget all it has cached.
 *
 * Contract
 *   Threads  a slot: one of the partition's, and the fault thread. `left`: written by
 *            the fault thread alone.
 *   Errors   a partition may write anything anywhere in it: the hypervisor reads asks
 *            and `pending` once each, and of what it writes itself nothing.
 *   Units    host byte order; logical addresses are bytes from 0.
 */
#ifndef HVCORE_WIRE_HCALL_H
#define HVCORE_WIRE_HCALL_H

#include "hvcore/base/err.h"
#include "hvcore/wire/hint.h"

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* LoPAR hcall() numbers. */
enum hv_hcall_number {
	H_REMOVE = 0x04,  /* flags, ptex, avpn -> the entry it was */
	H_ENTER = 0x08,   /* flags, ptex, v, r -> ptex */
	H_READ = 0x0c,    /* flags, ptex -> v, r; four of them with H_READ_4 */
	H_PROTECT = 0x18, /* flags (pp, N, key), ptex, avpn */
	H_GET_TCE = 0x1c, /* liobn, ioba -> tce */
	/*
	 * liobn, ioba, tce -> change of the bytes mapped. H_LONG_BUSY_1_MSEC: it is,
	 * and its page is being brought; transfers may use it once the same call says
	 * H_SUCCESS.
	 */
	H_PUT_TCE = 0x20,
	H_PAGE_INIT = 0x2c, /* flags, logical address, source (0) */
	/*
	 * An address of the caller's with HV_DABR_ flags, 0 for none: of all of its
	 * processors. H_LONG_BUSY_1_MSEC: ask the same again.
	 */
	H_SET_DABR = 0x28,
	/* Virtual adapters: hvcore/wire/io.h. */
	H_REG_CRQ = 0xfc,   /* unit, address of the queue, its bytes */
	H_FREE_CRQ = 0x100, /* unit */
	H_SEND_CRQ = 0x108, /* unit, two doublewords */
	/* unit, 0, descriptor of the queue, 0, MAC or 0 -> MAC */
	H_REGISTER_LOGICAL_LAN = 0x114,
	H_FREE_LOGICAL_LAN = 0x118,       /* unit */
	H_ADD_LOGICAL_LAN_BUFFER = 0x11c, /* unit, descriptor */
	H_SEND_LOGICAL_LAN = 0x120,       /* unit, six descriptors */
	H_STUFF_TCE = 0x138,              /* liobn, ioba, tce, count; as H_PUT_TCE */
	H_SET_MPP = 0x2d0, /* bytes for I/O, weight -> both, as they are now */
	H_GET_MPP = 0x2d4, /* -> enum hv_mpp values */
	/*
	 * Not LoPAR's, from the range it leaves to platforms: the walk that a Power
	 * processor does by itself. Ours cannot, as no partition may map its table.
	 */
	H_WALK = 0xf000, /* virtual address, is it a store -> ptex, v, r */
	/*
	 * Nor this: how often the breakpoint was hit, for partitions that have no
	 * interrupt to be told by. Of the nth thread: hits, its id, logical address,
	 * HV_DABR_ flags, its name (16 bytes). H_NOT_FOUND: there is no nth.
	 */
	H_DABR_HITS = 0xf004, /* n */
};

/* LoPAR return codes. */
enum hv_hcall_code {
	H_SUCCESS = 0,
	H_BUSY = 1,                /* ask again */
	H_CLOSED = 2,              /* that queue is not registered */
	H_CONSTRAINED = 4,         /* done, but for less than was asked */
	H_LONG_BUSY_1_MSEC = 9900, /* ask again then */
	H_HARDWARE = -1,           /* what is below refuses it (H_SET_DABR: errno in the
				first value), or the page is lost */
	H_FUNCTION = -2,           /* no such call */
	H_PARAMETER = -4,          /* out of range, reserved, or another partition's */
	H_PTEG_FULL = -6,   /* no free entry in the group, or the exact one is not */
	H_NOT_FOUND = -7,   /* no such entry */
	H_PERMISSION = -11, /* walk: the entry forbids it */
	H_RESOURCE = -16, /* more entries for a page than may be; it is mapped for I/O */
	H_NOT_ENOUGH_RESOURCES = -44, /* more pages mapped than it is entitled to */
};

/* Flags; bit 0 is the most significant, as in the book. */
#define H_FLAG(bit) (UINT64_C(1) << (63 - (bit)))
#define H_EXACT H_FLAG(24)   /* this entry, not one of its group */
#define H_R_XLATE H_FLAG(25) /* logical page in r: ours always are */
#define H_READ_4 H_FLAG(26)
#define H_AVPN H_FLAG(32)    /* only if its AVPN is that */
#define H_ANDCOND H_FLAG(33) /* only if none of these bits is set in v */

/* Of H_PAGE_INIT: the state of the page (LoPAR CMO), and zeros for its content. */
#define H_PAGE_STATE_CHANGE H_FLAG(28)
#define H_PAGE_UNUSED (H_FLAG(29) | H_FLAG(30))
#define H_PAGE_EXPENDABLE H_FLAG(29)
#define H_PAGE_LATENT H_FLAG(30)
#define H_PAGE_MORE H_FLAG(31) /* active: critical; unused: loaned */
#define H_ZERO_PAGE H_FLAG(48)

/* What H_GET_MPP answers, by place (LoPAR R4 to R10). */
enum hv_mpp {
	HV_MPP_ENTITLED,     /* bytes for I/O that are guaranteed */
	HV_MPP_MAPPED,       /* bytes mapped for I/O; dedicated memory: all ones */
	HV_MPP_POOL,         /* group 16 | pool 16; dedicated memory: 0xffff */
	HV_MPP_WEIGHT,       /* weight 8 | unallocated weight 8 | unallocated pages 48 */
	HV_MPP_POOL_BYTES,   /* */
	HV_MPP_LOAN_REQUEST, /* signed bytes that it should loan more; less than 0: may
				take back */
	HV_MPP_BACKING,      /* bytes of it in frames */
};

/* First and second doubleword of an entry (Power ISA, 4 KiB pages, 256 MiB segments). */
#define HV_HPTE_V_VALID UINT64_C(0x1)
#define HV_HPTE_V_SECONDARY UINT64_C(0x2)
#define HV_HPTE_V_LARGE UINT64_C(0x4)
#define HV_HPTE_V_BOLTED UINT64_C(0x10) /* software's: H_ANDCOND spares it */
#define HV_HPTE_V_SOFTWARE UINT64_C(0x78)
#define HV_HPTE_V_AVPN UINT64_C(0x3fffffffffffff80)
#define HV_HPTE_R_PP0 UINT64_C(0x8000000000000000)
#define HV_HPTE_R_KEY_HIGH UINT64_C(0x3000000000000000)
#define HV_HPTE_R_RPN UINT64_C(0x0ffffffffffff000)
#define HV_HPTE_R_KEY_LOW UINT64_C(0xe00)
#define HV_HPTE_R_R UINT64_C(0x100) /* referenced */
#define HV_HPTE_R_C UINT64_C(0x80)  /* changed */
#define HV_HPTE_R_WIMG UINT64_C(0x78)
#define HV_HPTE_R_M UINT64_C(0x10) /* WIMG of memory */
#define HV_HPTE_R_N UINT64_C(0x4)  /* no execute */
#define HV_HPTE_R_PP UINT64_C(0x3)
#define HV_HPTE_R_PP_RW UINT64_C(0x2)
#define HV_HPTE_R_PP_RO UINT64_C(0x3)

struct hv_hpte {
	uint64_t v, r;
};

#define HV_PTEG_ENTRIES 8 /* a group of the hash */
#define HV_SEGMENT_SHIFT 28

/* What the hash of a virtual address is; the secondary group is that of ~hash. */
static inline uint64_t hv_va_hash(uint64_t va)
{
	return (va >> HV_SEGMENT_SHIFT) ^ ((va >> 12) & 0xffff);
}

/* The AVPN field of v: the low 23 bits are left out, 11 of them the hash tells. */
static inline uint64_t hv_va_avpn(uint64_t va)
{
	return (va >> 23) << 7;
}

/* Of H_SET_DABR; the address is a multiple of 8. */
#define HV_DABR_READ UINT64_C(0x1)
#define HV_DABR_WRITE UINT64_C(0x2)
#define HV_DABR_TRANSLATED UINT64_C(0x4) /* it is a virtual address: ours always are */
#define HV_DABR_FLAGS UINT64_C(0x7)

/* Translation control entries. */
#define HV_TCE_READ UINT64_C(0x1)  /* the device may read the page */
#define HV_TCE_WRITE UINT64_C(0x2) /* the device may write it */
#define HV_LIOBN_FIRST 0x10000000u /* of a partition's virtual adapters, in order */

/* ---- the shared memory ---- */

#define HV_HCALL_SLOTS \
	32u /* virtual processors; arbitrary: twice the workers there are */
#define HV_HCALL_ARGS 7
#define HV_HCALL_VALUES 8
#define HV_LEFT_RING 1024u /* arbitrary: four batches of a steal */

struct hv_hcall_ask {
	uint32_t number; /* enum hv_hcall_number */
	uint32_t serial; /* comes back in `answered` */
	uint64_t args[HV_HCALL_ARGS];
};

struct hv_hcall_answer {
	int64_t code; /* enum hv_hcall_code */
	uint64_t values[HV_HCALL_VALUES];
};

struct hv_hcall_slot {
	_Alignas(64) struct hv_hcall_ask ask;
	_Alignas(64) struct hv_hcall_answer answer;
	_Atomic uint32_t answered; /* a futex: written last */
};

struct hv_hcall_area {
	_Alignas(64) _Atomic uint32_t pending;   /* bit n: slot n asks */
	_Alignas(64) _Atomic uint32_t io_events; /* a futex: answers of adapters, ever */
	_Alignas(64) _Atomic uint32_t left_serial; /* pages that left, ever */
	_Atomic uint32_t left[HV_LEFT_RING];
	struct hv_hcall_slot slots[HV_HCALL_SLOTS];
};

/* Behind the area: a byte for each page of the maximum, hvcore/wire/hint.h. */
static inline _Atomic uint8_t *hv_hcall_hints(struct hv_hcall_area *area)
{
	return (_Atomic uint8_t *)(area + 1);
}
static inline size_t hv_hcall_area_bytes(uint32_t pages_max)
{
	return sizeof(struct hv_hcall_area) + pages_max;
}

static_assert(sizeof(struct hv_hcall_ask) == 64, "hcall ask");
static_assert(sizeof(struct hv_hcall_answer) == 72, "hcall answer");
static_assert(sizeof(struct hv_hcall_slot) == 192, "hcall slot");

/*
 * What needs no state: the number is known, and arguments that the call has none of
 * are 0. H_SUCCESS, H_FUNCTION or H_PARAMETER.
 */
HV_MUST_USE
int64_t hv_hcall_check(const struct hv_hcall_ask *ask);

#endif
