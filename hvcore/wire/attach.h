/*
 * attach - how a partition puts its memory into the hypervisor's hands.
 *
 * Host-local, unix SEQPACKET at <host state>/run/attach.sock, one connection per
 * partition for life, fixed structs in host byte order, one struct a packet,
 * descriptors by SCM_RIGHTS.
 *
 *   partition                                    hypervisor
 *   HELLO   name, run id, token             ->
 *                                           <-   WELCOME  mode, sizes, home CPU
 *                                                         + pool file
 *   maps the file, MADV_DONTFORK, makes a userfaultfd with USERFAULTFD_IOC_NEW on
 *   the /dev/userfaultfd it was given, registers missing + write-protect + minor
 *   CALLS   if it makes hypervisor calls    ->
 *                                           <-   CALLS_OPEN  size of its page table
 *                                                + shared memory (hcall.h), doorbell
 *   REGION  address, bytes, file offset     ->
 *           + duplicate of the userfaultfd
 *                                           <-   GO, or REFUSED with a sentence
 *   REPORT  once a second                   ->
 *   OS      with it, of a system that manages its memory ->
 *   IO      with it, of one that uses its virtual adapters ->
 *   GUEST   with it, of a virtual machine   ->
 *                                           <-   LOAN     to those alone
 *   DISCARD offset, bytes                   ->      one at a time
 *                                           <-   DISCARDED, the same
 *                                           <-   CONTROL  shutdown, verify, reset stall
 *                                           <-   RESIZE   memory it shall have
 *   RESIZED memory it uses, tag of RESIZE   ->
 *
 * The region is the partition's maximum, its memory the first part of it. RESIZE that
 * grows: the memory is there. RESIZE that shrinks: the partition gives memory from the
 * top up, in steps, and says each step by RESIZED; what it said it may not touch any
 * more. `has_bytes` is what it has at that moment: whatever lies beyond is zeros when
 * it comes back, whatever lies below is as it was, though it was offered before.
 *
 * The agent may have connected for the partition, so the partition is the sender
 * of HELLO and REGION (hv_local_receive_packet), not who SO_PEERCRED names.
 *
 * A dedicated partition stops after WELCOME: it maps its file and sends REGION
 * without a userfaultfd. P1: the partition keeps its own userfaultfd open and
 * never reads it; when this socket hangs up it kills itself with SIGKILL and
 * touches no memory of the region on the way.
 *
 * Contract
 *   Units    bytes, multiples of HV_PAGE_BYTES.
 *   Errors   both sides refuse another magic, version, size or descriptor count.
 */
#ifndef HVCORE_WIRE_ATTACH_H
#define HVCORE_WIRE_ATTACH_H

#include "hvcore/base/units.h"
#include "hvcore/wire/local.h"

#define HV_ATTACH_VERSION 3
#define HV_TOKEN_BYTES 16
#define HV_ATTACH_TEXT_BYTES 256
#define HV_LOAN_POLICY_MAX 3
#define HV_GUEST_WHY_BYTES 160
#define HV_STALL_BUCKETS 320 /* HV_HIST_BUCKETS */

/*
 * UFFD_FEATURE_ bits: write-protect flag, remap, remove and unmap events, missing
 * and minor faults and write protection on shared memory, who faulted. Numbers, since
 * <linux/userfaultfd.h> has its homes elsewhere; agent/partition asserts that they
 * are the same. No fork event: an unprivileged userfaultfd may not have it.
 */
#define HV_ATTACH_UFFD_FEATURES \
	(UINT64_C(1) << 0 | UINT64_C(1) << 2 | UINT64_C(1) << 3 | UINT64_C(1) << 5 | \
	 UINT64_C(1) << 6 | UINT64_C(1) << 8 | UINT64_C(1) << 10 | UINT64_C(1) << 12)

enum hv_attach_type {
	HV_ATTACH_HELLO = 1,
	HV_ATTACH_WELCOME,
	HV_ATTACH_REGION,
	HV_ATTACH_GO,
	HV_ATTACH_REFUSED,
	HV_ATTACH_REPORT,
	HV_ATTACH_DISCARD,
	HV_ATTACH_DISCARDED,
	HV_ATTACH_CONTROL,
	HV_ATTACH_CALLS,
	HV_ATTACH_CALLS_OPEN,
	HV_ATTACH_RESIZE,
	HV_ATTACH_RESIZED,
	HV_ATTACH_OS,
	HV_ATTACH_IO,
	HV_ATTACH_GUEST,
	HV_ATTACH_LOAN,
	HV_ATTACH_TYPE_COUNT
};

enum hv_attach_mode { HV_MODE_DEDICATED = 1, HV_MODE_SHARED = 2 };

/* Who runs a guest's instructions. */
enum hv_guest_accel { HV_GUEST_ACCEL_KVM = 1, HV_GUEST_ACCEL_TCG, HV_GUEST_ACCEL_COUNT };

enum hv_control {
	HV_CONTROL_SHUTDOWN = 1,    /* OS shutdown: finish and exit 0 */
	HV_CONTROL_VERIFY = 2,      /* check every page once, then go on */
	HV_CONTROL_RESET_STALL = 3, /* longest_stall_us back to 0 */
	HV_CONTROL_COUNT
};

struct hv_attach_hello {
	struct hv_local_head head;
	char name[HV_NAME_BYTES];
	uint64_t run_id;
	uint8_t token[HV_TOKEN_BYTES];
};

struct hv_attach_welcome { /* + the pool file */
	struct hv_local_head head;
	uint32_t mode;         /* enum hv_attach_mode */
	int32_t home_cpu;      /* where its faults are served; -1 = anywhere */
	uint64_t bytes;        /* the maximum: map exactly this much */
	uint64_t offset;       /* in the file */
	uint64_t usable_bytes; /* logical memory: touch no more of it than this */
};

struct hv_attach_region { /* + the userfaultfd (shared) */
	struct hv_local_head head;
	uint64_t address;
	uint64_t bytes;
	uint64_t offset;
};

struct hv_attach_go {
	struct hv_local_head head;
};

struct hv_attach_refused {
	struct hv_local_head head;
	uint32_t code; /* enum hv_code */
	uint32_t reserved;
	char text[HV_ATTACH_TEXT_BYTES];
};

struct hv_attach_report {
	struct hv_local_head head;
	uint64_t operations;
	uint64_t operations_per_s;
	uint64_t mismatches;
	uint64_t pages_verified; /* in the last complete pass */
	uint64_t verify_passes;
	uint64_t verify_bad;     /* in the last complete pass */
	uint64_t verify_percent; /* of the running pass; 0 = none */
	uint64_t longest_stall_us;
	uint64_t stall_sum_ns;
	uint64_t stall_max_ns;
	uint32_t stall[HV_STALL_BUCKETS]; /* hvcore/base/hist.h, saturating */
};

struct hv_attach_discard {
	struct hv_local_head head;
	uint64_t offset; /* from the start of the region */
	uint64_t bytes;
};

struct hv_attach_control {
	struct hv_local_head head;
	uint32_t command; /* enum hv_control */
	uint32_t reserved;
	uint64_t command_id;
};

struct hv_attach_calls {
	struct hv_local_head head;
};

struct hv_attach_calls_open { /* + the memory for calls, its doorbell (an eventfd) */
	struct hv_local_head head;
	uint64_t hpt_bytes; /* a power of two: its hash is masked with the groups */
	uint32_t tce_windows;
	uint32_t area_bytes; /* hv_hcall_area_bytes() */
};

struct hv_attach_resize {
	struct hv_local_head head; /* tag: RESIZED carries it */
	uint64_t bytes;            /* memory that it shall have */
	uint64_t has_bytes;        /* memory that it has now */
	uint64_t step_bytes;       /* give no less at a time: a memory block */
};

struct hv_attach_resized {
	struct hv_local_head head;
	uint64_t bytes; /* memory that it uses from now on */
};

/* What its operating system says of its memory: pages, and counts since it began. */
struct hv_attach_os {
	struct hv_local_head head;
	uint32_t loan_policy; /* 0 off, 1 file cache, 2 working storage too, 3 balloon */
	uint32_t reserved;
	uint64_t free_pages, working_pages, cache_pages, loaned_pages;
	uint64_t page_ins, page_outs; /* its own paging */
	uint64_t file_reads;
	uint64_t dropped;   /* pages of its cache that the hypervisor had dropped */
	uint64_t curable;   /* page-ins that what it lent would have saved */
	uint64_t io_errors; /* of its own devices */
};

/* What it made of its virtual adapters: counts since it began. */
struct hv_attach_io {
	struct hv_local_head head;
	uint32_t disks, ethernets;        /* that work */
	uint64_t disk_reads, disk_writes; /* pages, each checked in every byte */
	uint64_t packets_sent, packets_received;
	uint64_t packets_bad;  /* received, and not as they were sent */
	uint64_t not_entitled; /* operations left out: all that it may map is mapped */
	uint64_t failed;       /* operations that a call or a device refused */
};

#define HV_GUEST_UNSAID UINT64_MAX /* its kernel has not said it */

/* What is known of a guest within its process. Bytes, unless they say otherwise. */
struct hv_attach_guest {
	struct hv_local_head head;
	uint32_t accel; /* enum hv_guest_accel */
	uint32_t reserved;
	/* its kernel's words, by its balloon; UNSAID each */
	uint64_t total, free, available, caches, swapped_in, swapped_out;
	uint64_t said_ms; /* since it said so last */
	uint64_t balloon; /* that its balloon holds */
	uint64_t balloon_target;
	uint64_t discarded_pages;     /* counts since it began */
	uint64_t io;                  /* moved by its disks */
	char why[HV_GUEST_WHY_BYTES]; /* that accel */
};

/* As H_GET_MPP says to a partition that makes calls: what it is to lend, in all. */
struct hv_attach_loan {
	struct hv_local_head head;
	uint64_t bytes;
};

static_assert(sizeof(struct hv_attach_guest) == 112 + HV_GUEST_WHY_BYTES, "attach guest");
static_assert(sizeof(struct hv_attach_loan) == 24, "attach loan");
static_assert(sizeof(struct hv_attach_hello) == 72, "attach hello");
static_assert(sizeof(struct hv_attach_welcome) == 48, "attach welcome");
static_assert(sizeof(struct hv_attach_region) == 40, "attach region");
static_assert(sizeof(struct hv_attach_calls_open) == 32, "attach calls open");
static_assert(sizeof(struct hv_attach_resize) == 40, "attach resize");
static_assert(sizeof(struct hv_attach_os) == 104, "attach os");
static_assert(sizeof(struct hv_attach_io) == 80, "attach io");
static_assert(sizeof(struct hv_attach_report) == 96 + 4 * HV_STALL_BUCKETS,
	      "attach report");

/* Size of the struct of a type, 0 for a type that does not exist. */
size_t hv_attach_bytes(unsigned type);

/*
 * Checks head, size and every field of a received packet that needs no state:
 * NUL-terminated names, known enum values, page multiples, no overflow.
 */
HV_MUST_USE
enum hv_code hv_attach_check(const void *packet, size_t bytes, struct hv_err *err);

#endif
