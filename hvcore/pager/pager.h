/*
 * pager - the engine that moves pages between frames, nowhere and a paging device.
 *
 * Pure: no threads, no system calls, no clock, and no allocation after open. One
 * hv_pager belongs to one fault thread; it owns some spaces (a space is the logical
 * memory of one shared partition) and knows up to two paths (the VIOS pair). What it
 * wants done it does through the tables of functions below; what happens it is told:
 *
 *   a batch of userfaultfd messages   hv_pager_on_removed, _write, _minor, _missing,
 *                                     in that order over the whole batch
 *   an answer of a VIOS               hv_pager_on_answer
 *   a path comes, leaves, goes        hv_pager_path_open, _leave, _end, _drained
 *   a device on a path                hv_pager_device; another one: _renew, _join
 *   memory for compressed pages       hv_pager_tier
 *   which path a space asks           hv_pager_current
 *   the partition asks or dies        hv_pager_discard, hv_pager_map, hv_pager_end
 *   after each batch of any of these  hv_pager_run
 *
 * hv_pager_run() retries what was parked (a fault without a frame, a buffer or a
 * path; an ioctl that said AGAIN), steals ahead of need, and says whether the thread
 * may sleep. A page-in is sent before anything is stolen for it (M6).
 *
 * Rules (M0-M7, P3-P13) and the failure table are in README.md.
 *
 * Contract
 *   Threads  everything with a pager or an added space: its fault thread. new and
 *            free: any, while it belongs to no pager. Ask that thread for a stat.
 *   Memory   a space is the creator's; the pager lends it between add and remove.
 *            Ops tables and their `ctx` outlive the space or the path.
 *   Errors   what the outside does wrong is counted, bounded and reported, never an
 *            invariant. No function fails because a VIOS or a partition lies.
 *   Time     now_ns is monotonic, the caller's; 0 is not a time.
 *   Units    pages; nanoseconds.
 */
#ifndef HVCORE_PAGER_PAGER_H
#define HVCORE_PAGER_PAGER_H

#include "hvcore/base/err.h"
#include "hvcore/base/hist.h"
#include "hvcore/mem/page_table.h"
#include "hvcore/pager/frames.h"
#include "hvcore/pager/tier.h"
#include "hvcore/vasi/client.h"
#include "hvcore/wire/hint.h"

#define HV_PATHS 2
#define HV_PAGER_SPACES_MAX 128 /* shared partitions of a pool (SPEC) */
#define HV_PAGER_WRITES \
	(HV_LANE_BUFFERS - HV_LANE_READ_BUFFERS) /* W: in-flight limit \
								  */
#define HV_AHEAD_MAX 15   /* with the page itself a transfer of 64 KiB (paging.md 4.6) */
#define HV_PARKED_MAX 128 /* faults parked a space; more are raised again by a wake */

struct hv_pager;
struct hv_space;

enum hv_importance {
	HV_PAGE_ORDINARY,
	HV_PAGE_CRITICAL, /* leaves when nothing else is left */
	HV_PAGE_UNDER_IO, /* never leaves (M7); its partition may discard it: io_lost */
};

/*
 * What a space does to its partition's memory. `ctx` is the space's. Codes:
 *   OK        done (also: done before, nothing to do)
 *   AGAIN     the address space is changing: events must be read first; retried
 *   NOMEM     install, zero: no memory in the pool; data and state are kept, retried
 *   EXISTS    install, zero, resume, poison: a page is there already
 *   STATE     resume: the file has a hole there
 *   GONE      the partition is dead; the pager does no more until hv_pager_end
 * Any other: counted as an integrity error of that partition, and the fault is given
 * up (its page stays as it was; a thread that still waits is woken and faults again).
 * Unless it says so, success wakes whoever waits for the page.
 */
struct hv_space_ops {
	/* UFFDIO_WRITEPROTECT on; wakes nobody. */
	enum hv_code (*protect)(void *ctx, uint32_t first, uint32_t count);
	/* ... off, for this page alone (P5). */
	enum hv_code (*unprotect)(void *ctx, uint32_t page);
	/* pread of one page from the file; a hole reads as zeros. */
	enum hv_code (*copy_out)(void *ctx, uint32_t page, void *to);
	/* SEEK_DATA: is there a page in the file? On failure say true. */
	bool (*has_data)(void *ctx, uint32_t page);
	/* fallocate PUNCH_HOLE; a hole stays a hole; wakes nobody. */
	enum hv_code (*punch)(void *ctx, uint32_t first, uint32_t count);
	/* UFFDIO_ZEROPAGE. */
	enum hv_code (*zero)(void *ctx, uint32_t page);
	/* UFFDIO_COPY, with MODE_WP where it is protected, with MODE_DONTWAKE where it is
	 * quiet: whoever waits for it all the same has an event that is not read yet. */
	enum hv_code (*install)(void *ctx, uint32_t page, const void *from,
				bool is_protected, bool is_quiet);
	/* UFFDIO_CONTINUE, with MODE_WP where it is protected. */
	enum hv_code (*resume)(void *ctx, uint32_t page, bool is_protected);
	/* UFFDIO_WAKE: the waiting threads fault again. */
	enum hv_code (*wake)(void *ctx, uint32_t first, uint32_t count);
	/* UFFDIO_POISON; the pager has punched the page before. */
	enum hv_code (*poison)(void *ctx, uint32_t page);
	/*
	 * Cannot fail: the page has just lost its frame (or its content, for ever).
	 * What translates to it must be forgotten: hvcore/mem/hpt.h.
	 */
	void (*left)(void *ctx, uint32_t page);

	/*
	 * What the partition says of its pages (hvcore/wire/hint.h), and what is known
	 * of its I/O. NULL, all of them: nothing.
	 */
	enum hv_importance (*importance)(void *ctx, uint32_t page);
	/* First page in [from, end) of LOANED or UNUSED, or up to `last`; `end`: none. */
	uint32_t (*find_spare)(void *ctx, uint32_t from, uint32_t end, enum hv_hint last);
	/* It is about to be taken. HV_HINT_ACTIVE: no, it is used again. */
	enum hv_hint (*claim)(void *ctx, uint32_t page);
	void (*claimed)(void *ctx, uint32_t page, enum hv_hint hint, bool is_taken);
};

/* What a path does; `ctx` is the path's. This is hvcore/vasi/client.h, as a table. */
struct hv_path_ops {
	bool (*take)(void *ctx, enum hv_request_op op, unsigned pages,
		     uint32_t *ret_buffer);
	void (*give)(void *ctx, uint32_t buffer, unsigned pages);
	uint8_t *(*buffer)(void *ctx, uint32_t buffer); /* in the window: may change */
	void (*send)(void *ctx, const struct hv_vasi_ask *ask); /* cannot fail */
	void (*flush)(void *ctx); /* publish and ring, once a batch */
};

/* Other fault threads; may be NULL where there is one pager. */
struct hv_pager_ops {
	/* Frames are short (all = true: everybody steals) or came back for those whose
	 * bit is set: have these pagers call hv_pager_run soon. */
	void (*nudge)(void *ctx, uint32_t pagers, bool is_all);
};

struct hv_pager_config {
	unsigned id;    /* 0..31, bit in nudge */
	unsigned fills; /* page-ins at once, 1..HV_FILLS_MAX; each has a private buffer
			   (P8) */
	unsigned checks_per_s; /* pages read back over the path that their space does
				  not ask; 0: none. Besides, one for 100 page-ins */
	bool expects_writes;   /* of pages that are written each time: written_priv.h */
	uint64_t hedge_ns; /* a page-in is asked for over the other path, too, when 99 of
			      100 took less and it is later than that; 0: never */
	unsigned ahead;    /* neighbours read with a page by one request, at most
			   HV_AHEAD_MAX; 0: none */
	struct hv_frames *frames;
	const struct hv_pager_ops *ops; /* NULL: alone */
	void *ctx;
};

struct hv_space_config {
	uint32_t pages;     /* logical memory */
	uint32_t max_pages; /* what it may grow to; less than pages: never */
	uint32_t slots;     /* of its device; more than max + 2 W are not used (P11) */
	bool is_mirrored; /* P17: path i reaches a device of its own, side i of a mirror */
	uint32_t entitled_pages; /* not stolen below that while others are above theirs */
	uint32_t target_pages;   /* hv_shares_split */
	const struct hv_space_ops *ops;
	void *ctx;
};

struct hv_pager_run {
	bool is_reading;  /* page-ins are under way */
	bool is_busy;     /* there is more to do now: call again soon, do not sleep */
	uint64_t wake_ns; /* call again then; UINT64_MAX = no need */
};

HV_MUST_USE
enum hv_code hv_pager_open(const struct hv_pager_config *config,
			   struct hv_pager **ret_pager, struct hv_err *err);
void hv_pager_close(struct hv_pager *pager); /* no space may be left */
size_t hv_pager_bytes(const struct hv_pager *pager);
/* Frames that its spaces were given, ever. Any thread. */
uint64_t hv_pager_taken(const struct hv_pager *pager);

HV_MUST_USE
enum hv_code hv_space_new(const struct hv_space_config *config,
			  struct hv_space **ret_space, struct hv_err *err);
void hv_space_free(struct hv_space *space);
size_t hv_space_table_bytes(const struct hv_space *space);

/*
 * Pages are kept compressed there from now on, before they go to a device, within what
 * hv_frames_pack_most says; NULL: no more. The one before must have no page: it is the
 * caller's again, without chunks.
 */
void hv_pager_tier(struct hv_pager *pager, struct hv_tier *tier);

/* LIMIT: HV_PAGER_SPACES_MAX. */
HV_MUST_USE
enum hv_code hv_pager_add(struct hv_pager *pager, struct hv_space *space,
			  struct hv_err *err);
/* Only when ended and nothing is out (hv_space_life() is not ENDING). */
void hv_pager_remove(struct hv_pager *pager, struct hv_space *space);

/* ---- what the kernel says; `page` was checked to be in the space ---- */
void hv_pager_on_removed(struct hv_pager *pager, struct hv_space *space, uint32_t first,
			 uint32_t count);
void hv_pager_on_write(struct hv_pager *pager, struct hv_space *space, uint32_t page);
void hv_pager_on_minor(struct hv_pager *pager, struct hv_space *space, uint32_t page,
		       bool is_write);
/* `thread` faulted: any number, it only tells streams of faults apart; 0: not known. */
void hv_pager_on_missing(struct hv_pager *pager, struct hv_space *space, uint32_t page,
			 bool is_write, uint32_t thread, uint64_t now_ns);

/*
 * P13, a discard by message: at most a few thousand pages a call. Answer the
 * partition when it says OK; AGAIN: read events, then the same again (idempotent).
 */
HV_MUST_USE
enum hv_code hv_pager_discard(struct hv_pager *pager, struct hv_space *space,
			      uint32_t first, uint32_t count);

/*
 * P18: the logical memory is `pages` from now on, at most what it was made for. A
 * page beyond it is ZERO and has nothing: to shrink, discard first, from the top; BUSY
 * where a page beyond is not ZERO. Faults that wait beyond it are forgotten.
 */
HV_MUST_USE
enum hv_code hv_pager_resize(struct hv_pager *pager, struct hv_space *space,
			     uint32_t pages);
/* Whether a page of the range is POISONED, and so can never be given up. */
bool hv_space_has_poison(const struct hv_space *space, uint32_t first, uint32_t count);
uint32_t hv_space_pages(const struct hv_space *space); /* of logical memory */

/*
 * M7: a device is to use the page, and `importance` says so from now on. READY: it is
 * in its frame, and where it is to be written to (P5: a device's store raises no
 * event) without a slot. WAITS: it is being brought; ask again. LOST: it never will be.
 */
enum hv_map { HV_MAP_READY, HV_MAP_WAITS, HV_MAP_LOST };
HV_MUST_USE
enum hv_map hv_pager_map(struct hv_pager *pager, struct hv_space *space, uint32_t page,
			 bool is_write, uint64_t now_ns);
/* Before that: a page that its partition made a hole of, unnoticed, is ZERO now. */
void hv_pager_look(struct hv_pager *pager, struct hv_space *space, uint32_t page);

/*
 * Looks for holes that the partition made without a message, at most `pages` pages
 * of the space from where the last call stopped (P12: when the blocks of the file
 * are fewer than the resident pages). Returns how many frames came back.
 */
uint32_t hv_pager_sweep(struct hv_pager *pager, struct hv_space *space, uint32_t pages);

/* P5: the partition registered its mapping anew, so nothing is protected any more. */
void hv_pager_reregistered(struct hv_pager *pager, struct hv_space *space);

/* P7: stop (or allow) stealing from this space. What is being stolen is cancelled. */
void hv_pager_block(struct hv_pager *pager, struct hv_space *space, bool is_blocked);

void hv_pager_target(struct hv_pager *pager, struct hv_space *space,
		     uint32_t entitled_pages, uint32_t target_pages);

/*
 * The partition is dead and its file truncated: cancels everything and gives its
 * frames back. Then wait until hv_space_life() says what may be done.
 */
void hv_pager_end(struct hv_pager *pager, struct hv_space *space);

enum hv_life {
	HV_LIFE_RUNNING,
	HV_LIFE_ENDING,   /* a request of a current epoch is out: neither close nor remove
			   */
	HV_LIFE_IN_DOUBT, /* remove it, but nobody else may use the device yet (P9) */
	HV_LIFE_ENDED,    /* and the device is clean */
};
enum hv_life hv_space_life(const struct hv_space *space);

/* ---- paths ---- */
enum hv_role {
	HV_ROLE_NONE,    /* no session */
	HV_ROLE_OPEN,    /* may be asked: each space says which it asks */
	HV_ROLE_LEAVING, /* not asked any more, but its answers are taken */
};

/* The path must be at NONE; it is OPEN then. Devices follow by hv_pager_device. */
void hv_pager_path_open(struct hv_pager *pager, unsigned path, uint64_t epoch,
			const struct hv_path_ops *ops, void *ctx);

/* Planned: no request is sent there from now on; nothing that is out is lost. */
void hv_pager_path_leave(struct hv_pager *pager, unsigned path);

/*
 * The space asks this path from now on; HV_PATHS: none. What is out on another still
 * counts when it is answered: a page leaves its frame only then (M3), so whatever is
 * read over the new path was written before. Spaces of one pager may ask different
 * ones. The end of a path leaves its spaces without one.
 */
void hv_pager_current(struct hv_pager *pager, struct hv_space *space, unsigned path);
unsigned hv_space_current(const struct hv_space *space);     /* HV_PATHS: none */
uint32_t hv_space_quarantined(const struct hv_space *space); /* slots (P10) */

/* When a space got its first page over that path after it had moved there; 0: none
 * has yet since the last one moved. */
uint64_t hv_pager_moved_ns(const struct hv_pager *pager, unsigned path);

struct hv_path_toll { /* what the end of an epoch cost */
	uint64_t resent_reads;
	uint64_t canceled_steals;
	uint64_t quarantined_slots;
};

/*
 * M5: the epoch ends now, without a word from the VIOS. Unanswered writes are
 * cancelled and their slots quarantined; unanswered reads wait until their space has a
 * path. The window is not touched again. Other than the epoch of that path: does nothing.
 * Mirrored: what the other side has of a page-out counts, no slot is quarantined, and
 * reads are sent to the other side.
 */
void hv_pager_path_end(struct hv_pager *pager, unsigned path, uint64_t epoch,
		       struct hv_path_toll *ret_toll);

/*
 * The device of this space is open on this path under that handle (or no more). A
 * new incarnation cannot open it before the doubt of its predecessor is drained, as
 * both lock the same byte of the device (P9): STATE if so.
 */
HV_MUST_USE
enum hv_code hv_pager_device(struct hv_pager *pager, struct hv_space *space,
			     unsigned path, bool is_open, uint32_t handle,
			     struct hv_err *err);

/* A request of the space is out on that path. */
bool hv_space_is_out(const struct hv_space *space, unsigned path);
/* Mirrored: slots that the other side alone has. */
uint64_t hv_space_missed(const struct hv_space *space, unsigned path);

/*
 * What that path reaches, where it is closed, is another device from now on, which has
 * nothing: the space is mirrored, and all that is out has to be brought there. O(slots),
 * 3 ms a million. AGAIN: requests are out, an earlier incarnation is in doubt, or the
 * other path has its device not open; BUSY: pages are only on the device that would go;
 * STATE: it is open. Nothing changed then.
 */
HV_MUST_USE
enum hv_code hv_pager_renew(struct hv_pager *pager, struct hv_space *space, unsigned path,
			    struct hv_err *err);

/* ... is the device of the other path, or none: not mirrored from now on. Errors the
 * same. */
HV_MUST_USE
enum hv_code hv_pager_join(struct hv_pager *pager, struct hv_space *space, unsigned path,
			   struct hv_err *err);

/* P9: proven that no request of ended epochs of that path can reach this device. */
void hv_pager_drained(struct hv_pager *pager, struct hv_space *space, unsigned path);

/* result: 0 = all pages, or -errno. Unknown or absurd ones are counted and ignored. */
void hv_pager_on_answer(struct hv_pager *pager, unsigned path, uint64_t user, int result,
			uint64_t now_ns);

/* Requests out on a path, and when the oldest of them was sent (0 = none). */
unsigned hv_pager_path_out(const struct hv_pager *pager, unsigned path);
uint64_t hv_pager_path_oldest_ns(const struct hv_pager *pager, unsigned path);

/* ---- work ---- */
struct hv_pager_run hv_pager_run(struct hv_pager *pager, uint64_t now_ns);

/* ---- questions ---- */

/* Why the oldest fault of a space waits. */
enum hv_wait {
	HV_WAIT_NONE,
	HV_WAIT_FRAME,  /* no free frame */
	HV_WAIT_BUFFER, /* as many page-ins as allowed are out */
	HV_WAIT_PATH,   /* no paging VIOS */
	HV_WAIT_DEVICE, /* its VIOS has not opened its device */
	HV_WAIT_EVENT,  /* its address space is changing */
	HV_WAIT_ERROR,  /* the read failed and is tried again soon */
	HV_WAIT_ANSWER, /* sent, unanswered: no reason to worry for a while */
	HV_WAIT_COUNT
};
/* Why nothing is written out. */
enum hv_pause {
	HV_PAUSE_NONE,
	HV_PAUSE_BLOCKED,    /* hv_pager_block */
	HV_PAUSE_QUARANTINE, /* more slots in quarantine than may be in flight (P10) */
	HV_PAUSE_SLOTS,      /* no free slot on the device */
	HV_PAUSE_ERROR,      /* writes failed; tried again after a back-off */
	HV_PAUSE_PATH,       /* no path */
	HV_PAUSE_COUNT
};
const char *hv_wait_text(enum hv_wait wait);    /* "no paging VIOS" */
const char *hv_pause_text(enum hv_pause pause); /* "too many slots in quarantine" */

/*
 * faults = zero_fills + page_ins + minor + write + stale + failed + pending
 * map_fills = map_zero_fills + map_page_ins + map_ends + pending
 * ahead_fills = ahead_page_ins + ahead_taken + ahead_drops + pending
 * ahead_page_ins = ahead_used + ahead_wasted + unproven
 */
struct hv_space_counts {
	uint64_t faults;
	uint64_t zero_fills;
	uint64_t page_ins;
	uint64_t minor_faults;
	uint64_t write_faults;
	uint64_t stale_faults;  /* served already or with another one, or raised again */
	uint64_t failed_faults; /* ended in a poisoned page */
	uint64_t page_outs;
	uint64_t clean_steals;
	uint64_t zero_steals;
	uint64_t canceled_steals;
	uint64_t discards;      /* pages */
	uint64_t unused_steals; /* content worthless: no I/O */
	uint64_t loaned_steals;
	uint64_t dropped_steals; /* expendable or latent */
	uint64_t checksum_errors;
	uint64_t integrity_errors;
	uint64_t io_errors;
	uint64_t frame_waits;
	/* of mapping, which raises no fault */
	uint64_t map_fills; /* begun */
	uint64_t map_zero_fills;
	uint64_t map_page_ins;
	uint64_t
		map_ends; /* in nothing: lost, discarded, a fault's now, to be begun again */
	/* read ahead, which nobody asked for */
	uint64_t ahead_fills; /* begun */
	uint64_t ahead_page_ins;
	uint64_t
		ahead_taken; /* a thread faulted before it came: that fault's since then */
	uint64_t ahead_drops;  /* given up, or nothing came of it */
	uint64_t ahead_used;   /* of those in their frames: known to be used */
	uint64_t ahead_wasted; /* ... left without that */
	uint64_t hedges;       /* page-ins that were asked for over both paths, */
	uint64_t hedges_won;   /* ... and came over the second one first */
	uint64_t io_lost;      /* pages under I/O that their partition made zeros of */
	/* pages read back over the path that it does not ask */
	uint64_t cross_checked;
	uint64_t cross_bad; /* of them: did not come back as they were written */
	/* mirrored */
	uint64_t
		healed; /* bad on one side, good on the other: to be written there again */
	uint64_t resynced; /* slots brought to a side that had missed them */
	/* compressed tier */
	uint64_t tier_packs;   /* pages that left their frames for it */
	uint64_t tier_refused; /* did not compress */
	uint64_t tier_hits;    /* of page_ins and map_page_ins: from there */
	uint64_t tier_outs;    /* of page_outs: from there */
};

struct hv_cross_bad { /* the last one of them */
	uint32_t page;
	uint32_t paths; /* bit a path over which it was bad; 0: there was none yet */
};

struct hv_space_stat {
	struct hv_space_counts counts;
	uint64_t pending_faults;
	uint64_t pending_maps;
	uint64_t pending_aheads;
	uint64_t unproven; /* came ahead, in their frames, not known to be used */
	uint64_t pages;    /* of logical memory: the sum of pages_in */
	uint64_t pages_in[HV_PAGE_STATE_COUNT];
	uint64_t slots_in[HV_SLOT_CLASS_COUNT];
	uint64_t frames;       /* resident + stealing + inflight */
	uint64_t packed_bytes; /* that packed and unloading ones, and copies, take */
	bool is_past_tier;     /* they gain nothing by it: for a while none goes there */
	uint64_t loaned;       /* of the ZERO ones */
	uint64_t table_bytes;
	uint64_t requests_out;
	struct hv_cross_bad bad;
	bool is_mirrored;
	uint64_t missed[HV_PATHS]; /* slots that this side does not have; 0: redundant */
	enum hv_wait wait;
	uint64_t waiting_since_ns; /* of the oldest parked fault; 0 = none */
	enum hv_pause pause;
};
void hv_space_stat(const struct hv_space *space, uint64_t now_ns,
		   struct hv_space_stat *ret_stat);
/*
 * What the manager looks at, ever since the space began. A refault is a page-in of a
 * page; its distance is how many other pages of the space left since that page did:
 * with so many frames more it would have stayed.
 */
#define HV_REFAULT_BUCKETS 32
struct hv_space_use {
	uint64_t arrivals; /* pages that got a frame */
	uint32_t resident; /* and on their way */
	uint32_t loaned;
	uint32_t probation;    /* in the queue of new pages */
	uint32_t bucket_pages; /* of distance: bucket i is below (i + 1) of these */
	uint64_t refaults[HV_REFAULT_BUCKETS]; /* the last: that far or further */
};
void hv_space_use(const struct hv_space *space, struct hv_space_use *ret_use);
/* Its last page-ins, each from the event read to the page installed: a ring. */
#define HV_TRACE_MAX 256
struct hv_trace {
	uint64_t count; /* ever; the last one is at (count - 1) % HV_TRACE_MAX */
	struct {
		uint64_t start_ns, end_ns;
		uint32_t page;
	} at[HV_TRACE_MAX];
};
const struct hv_trace *hv_space_trace(const struct hv_space *space);
const struct hv_hist *hv_space_latency(const struct hv_space *space); /* page-ins */
void *hv_space_ctx(const struct hv_space *space);

struct hv_pager_stat {
	uint64_t ignored_answers; /* unknown or absurd */
	uint64_t nomems;          /* the kernel had no memory though a frame was free */
	uint64_t fills;           /* page-ins under way */
	uint64_t frames;          /* of all its spaces */
	uint64_t tier_frames;     /* of its compressed tier */
	uint64_t tier_pages;      /* in these */
	unsigned spaces;
	/* since the pager began, of spaces that ended, too */
	uint64_t page_ins;
	uint64_t page_in_ns; /* that partitions waited for them */
};
void hv_pager_stat(const struct hv_pager *pager, struct hv_pager_stat *ret_stat);

/* M1: all equations; O(pages + slots). CORRUPT with the first that does not hold. */
HV_MUST_USE
enum hv_code hv_space_audit(const struct hv_space *space, struct hv_err *err);
/* M7, P5: a page that a device may use now, and maybe write to. */
HV_MUST_USE
enum hv_code hv_space_audit_io(const struct hv_space *space, uint32_t page, bool is_write,
			       struct hv_err *err);
HV_MUST_USE
enum hv_code hv_pager_audit(const struct hv_pager *pager, struct hv_err *err);

#endif
