/* pager_priv - what the files of the engine share: README.md says what each is for. */
#ifndef HVCORE_PAGER_PAGER_PRIV_H
#define HVCORE_PAGER_PAGER_PRIV_H

#include "hvcore/base/invariant.h"
#include "hvcore/pager/ahead_priv.h"
#include "hvcore/pager/pack_priv.h"
#include "hvcore/pager/pager.h"
#include "hvcore/pager/walk_priv.h"
#include "hvcore/pager/written_priv.h"

#define HV_FILL_NONE UINT8_MAX
#define HV_FILL_LATE (UINT8_MAX - 1) /* hedge.c: the page came over the other path */
#define HV_USER_BUFFER_BITS 9        /* a request's `user`: serial << 9 | first buffer */

#define HV_CHECKS 2  /* at once: a path that is silent holds up one of them; arbitrary */
#define HV_RESYNCS 8 /* arbitrary */
#define HV_WALKERS (HV_CHECKS + HV_RESYNCS) /* the checks first */
#define HV_CHECKSUM_TRIES 3 /* PAGER.md P8/M4: the path, the other one, once more */
#define HV_ERROR_TRIES 8    /* arbitrary: paths in turn, 6 s of back-off in all */
#define HV_ERROR_WAIT_NS 50000000u  /* doubles each time; arbitrary */
#define HV_WRITE_WAIT_NS 100000000u /* pause after a failed write, doubles; arbitrary */
#define HV_WRITE_WAIT_DOUBLINGS 5   /* 3.2 s at most */
#define HV_RETRY_NS 100000u         /* after AGAIN: the partition must run first */
#define HV_QUIET_NS 50000000u /* no answer for so long: its writes end who knows when */
#define HV_BARREN_NS 1000000u /* a space without victims is left alone so long */

/* A page-in. FREE -> QUEUED -> SENT -> LOADED -> FREE; SENT -> QUEUED to try again. */
enum hv_fill_state {
	HV_FILL_FREE,
	HV_FILL_QUEUED, /* has a frame, waits for a path, a buffer or its back-off */
	HV_FILL_SENT,
	HV_FILL_LOADED, /* its private copy is verified, install said AGAIN or NOMEM */
	HV_FILL_STATE_COUNT
};

struct hv_fill {
	uint8_t state;     /* enum hv_fill_state */
	uint8_t last_path; /* asked last; HV_PATHS = never */
	uint8_t checksum_tries;
	uint8_t error_tries;
	bool wants_other;  /* try the path that was not asked last */
	uint8_t bad;       /* mirrored: bit a side that gave an error, or what is wrong */
	bool is_map;       /* no fault: a device is to use it */
	bool is_ahead;     /* SENT: nobody asked for it */
	bool was_written;  /* when it left: written_priv.h */
	bool is_of_stream; /* others were to come with it, and will leave with it */
	uint32_t page;
	uint32_t buffer; /* SENT: in the window of last_path */
	struct hv_space *space;
	uint8_t first_path;    /* hedged: asked first */
	bool is_hedged;        /* SENT: asked for over the other path, too, */
	uint32_t hedge_buffer; /* ... in its window */
	uint64_t sent_ns;      /* first */
	uint64_t since_ns;     /* the event was read */
	uint64_t not_before_ns;
};

/* A page-out of a mirrored space is two flights: the other one. */
enum hv_twin {
	HV_TWIN_NONE,   /* one side alone was there to write to */
	HV_TWIN_OUT,    /* not answered yet; it decides */
	HV_TWIN_DONE,   /* its side has the pages */
	HV_TWIN_FAILED, /* its side has not */
};

/* A request that is out, kept by its first buffer. */
struct hv_flight {
	uint64_t user; /* 0 = nothing is out */
	uint64_t sent_ns;
	struct hv_space *space;
	uint32_t slot;
	uint16_t pages;
	uint8_t is_write;
	uint8_t is_walk;  /* a walker's; `fill` is which */
	uint8_t twin;     /* enum hv_twin, of a page-out */
	uint16_t twin_at; /* OUT: its buffer, on the other path */
	uint8_t fill;     /* a walker's number; of page-ins see hv_pager_path.fills */
};

/*
 * Goes over the pages of spaces, a page at a time. A check reads one back over the path
 * that its space does not ask; a resync reads one on one side of a mirror and writes it
 * on the other. A page has one walker at most.
 */
enum hv_walker_state {
	HV_WALKER_FREE,
	HV_WALKER_QUEUED, /* waits for a buffer, for another try */
	HV_WALKER_SENT,
};

struct hv_walker {
	uint8_t state; /* enum hv_walker_state */
	bool is_resync;
	bool is_writing; /* resync, SENT: the second half of it */
	uint8_t path;    /* that is checked; that is to have the page */
	uint8_t tries;   /* check: that failed */
	uint32_t page;
	uint32_t slot;     /* what it had when the walker began, */
	uint32_t checksum; /* ... and what is to be found there */
	struct hv_space *space;
};

struct hv_pager_path {
	enum hv_role role;
	uint64_t epoch;
	const struct hv_path_ops *ops;
	void *ctx;
	unsigned out;
	unsigned late;     /* pages read there for nobody: the other one was faster */
	bool is_dirty;     /* sent, not flushed */
	bool is_full;      /* no buffers for page-outs until one is answered */
	unsigned writing;  /* pages that are out to be written */
	unsigned spaces;   /* whose current path it is */
	uint64_t moved_ns; /* hv_pager_moved_ns */
	uint64_t quiet_ns; /* its last answer, or since when something is out */
	struct hv_flight flights[HV_LANE_BUFFERS];
	uint32_t pages[HV_LANE_BUFFERS]; /* by write buffer: the page in it */
	/* by read buffer: which page-in it is for; HV_FILL_NONE, _LATE: nobody wants it */
	uint8_t fills[HV_LANE_READ_BUFFERS];
};

/* A fault that waits, or an ioctl that is owed. */
struct hv_parked {
	uint32_t page;
	bool is_write;
	bool is_pending; /* counted as pending, not yet as anything else */
	bool is_map;     /* no fault, and nobody to wake: a device is to use the page */
	int8_t ahead;    /* neighbours to read with it, below it if negative; parked: 0 */
	bool is_written; /* ... to be written, too: they come without protection */
	uint8_t stream;  /* whose they are */
	uint64_t since_ns;
};

struct hv_device {
	bool is_open;
	uint32_t handle;
};

struct hv_space {
	struct hv_page_table table;
	struct hv_pager *pager; /* NULL: not added */
	const struct hv_space_ops *ops;
	void *ctx;
	uint32_t pages; /* of logical memory; the table has as many as the maximum */
	uint32_t entitled;
	uint32_t target;
	uint32_t frames;  /* charged: resident + stealing + inflight */
	uint32_t pending; /* faults not yet counted as something */
	uint32_t pending_maps;
	uint32_t aheads;   /* page-ins under way that nobody asked for */
	uint32_t unproven; /* pages marked so */
	uint32_t out;      /* requests on all paths */
	uint32_t fills;    /* in use: = inflight pages */
	uint32_t walks;    /* requests of walkers that are out */
	uint32_t late;     /* pages that are read for nobody, from slots in use */
	uint32_t index;    /* in the pager's list */
	uint8_t number;    /* in by_number, while it is added */
	struct hv_gain gain;
	struct hv_wrote wrote;
	uint64_t packed_bytes; /* that its pages take in the tier */
	uint32_t unload_cursor, shed_cursor;
	bool is_ended;
	bool is_gone; /* an op said so: do nothing more */
	bool is_blocked;
	bool has_overflow; /* faults were dropped for want of room: wake all (P1) */
	struct hv_device devices[HV_PATHS];
	unsigned current; /* path that it asks; HV_PATHS: none */
	bool has_asked;   /* one, ever */
	bool has_moved;   /* to this one, and has had no page over it yet */
	/* parking ring */
	uint32_t parked_head;
	uint32_t parked_count;
	struct hv_parked parked[HV_PARKED_MAX];
	enum hv_wait parked_why; /* of the oldest */
	/* sweep after REMOVE events: pages still to look at */
	uint32_t sweep_at;
	uint32_t sweep_end;
	uint32_t sweep_cursor; /* of hv_pager_sweep */
	uint32_t check_cursor;
	struct hv_cross_bad bad;
	/* mirrored */
	bool in_doubt[HV_PATHS]; /* an ended epoch may still write to this side (P9) */
	uint32_t resync_cursor, resync_looked; /* pages without any to bring since then */
	uint64_t no_resync_until_ns;           /* one failed; a lap found none */
	/* replacement */
	uint32_t steals;                       /* since the clock moved */
	uint16_t clock;                        /* ghost age */
	uint64_t refaults[HV_REFAULT_BUCKETS]; /* by distance: hv_space_use */
	uint32_t void_cursor;
	uint32_t spare_cursor;
	uint64_t no_spare_until_ns
		[2]; /* a lap found none; [1]: nor what can be had again */
	uint64_t barren_until_ns[2]; /* no victims; [1]: nor critical ones */
	/* by path: it is not written by before that; errors in a row */
	uint64_t write_error_until_ns[HV_PATHS];
	unsigned write_errors[HV_PATHS];
	struct hv_space_counts counts;
	struct hv_hist latency;
	struct hv_trace trace;
	struct hv_stream streams[HV_STREAMS];
};

struct hv_pager {
	unsigned id;
	unsigned fill_count;
	unsigned ahead;
	struct hv_frames *frames;
	const struct hv_pager_ops *ops;
	void *ctx;
	struct hv_pager_path paths[HV_PATHS];
	struct hv_space *spaces[HV_PAGER_SPACES_MAX];
	struct hv_space *by_number[HV_PAGER_SPACES_MAX]; /* these do not change */
	unsigned space_count;
	unsigned next_space; /* retries start there: round robin */
	struct hv_fill fills[HV_FILLS_MAX];
	uint64_t free_fills;     /* bit set = free */
	uint8_t *private_memory; /* what was allocated */
	uint8_t *private_pages;  /* aligned; P8: fill i's copy, the last is page-outs' */
	uint64_t serial;         /* of requests: a late answer finds another */
	bool is_retry_due;       /* something changed: look at what is parked */
	bool is_reclaiming;      /* between low and high water */
	bool is_trim_due;        /* targets were told: who is above gives */
	bool is_nomem;     /* the kernel had no memory though we counted some (P12) */
	uint64_t retry_ns; /* look again then even if nothing happens; 0 = no need */
	bool is_squeezed;  /* no page is left that may leave its frame */
	uint32_t stuck;    /* pages being written over a quiet path: not soon free */
	uint64_t nomems;
	uint64_t ignored_answers;
	uint64_t page_ins, page_in_ns; /* of all its spaces, those that ended too */
	_Atomic uint64_t taken;        /* hv_pager_taken */
	/* bit a space by its index: it may have something to do (hv_space_rouse) */
	uint64_t awake[HV_PAGER_SPACES_MAX / 64];
	unsigned mirrored; /* spaces that are */
	bool expects_writes;
	uint64_t hedge_ns; /* a page-in is not late before that; 0: never */
	uint64_t late_ns;  /* 99 of 100 answers took less */
	unsigned hedge_credit;
	struct hv_walker walkers[HV_WALKERS];
	unsigned past_count;  /* spaces whose pages go past the tier */
	struct hv_tier *tier; /* NULL: none */
	int64_t packed_told;  /* frames that all tiers had as targets were told */
	unsigned unload_count;
	struct hv_unload unloads[HV_UNLOADS_MAX];
	unsigned checks_per_s;   /* 0 = none */
	unsigned check_space;    /* looked at next: round robin */
	uint64_t check_ns;       /* the next begins then, */
	uint64_t check_page_ins; /* ... or some page-ins after this */
	uint64_t check_taken;    /* frames, when one was seen to be, */
	uint64_t check_busy_ns;  /* ... which was then */
};

/* P8: a private page for whoever needs one for a moment. */
static inline uint8_t *hv_scratch(const struct hv_pager *pager)
{
	return pager->private_pages + (size_t)pager->fill_count * HV_PAGE_BYTES;
}

/* ---- space.c ---- */

/* Whether anything may still be done for the partition. */
static inline bool hv_space_acts(const struct hv_space *space)
{
	return !space->is_ended && !space->is_gone;
}

static inline bool hv_space_is_mine(const struct hv_pager *pager,
				    const struct hv_space *space, uint32_t page)
{
	HV_INVARIANT(space->pager == pager && page < space->table.page_count);
	return hv_space_acts(space);
}

/*
 * What to make of a code that is none the caller expects. GONE is remembered,
 * anything else counted.
 */
void hv_space_odd(struct hv_space *space, enum hv_code code);

bool hv_frame_take(struct hv_space *space); /* charges the space; false: none, thirsty */
void hv_frame_give(struct hv_space *space, uint32_t count);

/* Frames came back for these pagers; everybody is to steal. */
void hv_pager_nudge(struct hv_pager *pager, uint32_t pagers, bool is_all);

/* Has hv_pager_run look at what waits, at once or after a while. */
void hv_pager_retry_soon(struct hv_pager *pager);
void hv_pager_retry_at(struct hv_pager *pager, uint64_t at_ns);

/* What hv_pager_run looks for in it at every turn. */
static inline bool hv_space_has_work(const struct hv_space *space)
{
	return space->pending != 0 || space->pending_maps != 0 || space->aheads != 0 ||
	       space->parked_count != 0 || space->has_overflow ||
	       (hv_space_acts(space) && space->sweep_at < space->sweep_end);
}

/* It may have: else no turn looks at it, however many spaces there are. */
static inline void hv_space_rouse(struct hv_space *space)
{
	static_assert(HV_PAGER_SPACES_MAX % 64 == 0, "whole words");
	space->pager->awake[space->index / 64] |= UINT64_C(1) << (space->index % 64);
}

static inline void hv_space_rest(struct hv_space *space)
{
	space->pager->awake[space->index / 64] &= ~(UINT64_C(1) << (space->index % 64));
}

static inline bool hv_space_is_awake(const struct hv_space *space)
{
	return (space->pager->awake[space->index / 64] >> (space->index % 64) & 1) != 0;
}

/* The next of those, from index *at on, which moves past it; NULL: none. */
static inline struct hv_space *hv_awake_next(const struct hv_pager *pager, unsigned *at)
{
	while (*at < pager->space_count) {
		uint64_t bits = pager->awake[*at / 64] >> (*at % 64);

		if (bits != 0) {
			*at += (unsigned)__builtin_ctzll(bits) + 1;
			return pager->spaces[*at - 1];
		}
		*at = (*at / 64 + 1) * 64;
	}
	return NULL;
}

/* It is not asked for victims before that, not even critical ones; or at once again. */
static inline void hv_space_barren(struct hv_space *space, uint64_t until_ns)
{
	space->barren_until_ns[false] = space->barren_until_ns[true] = until_ns;
}

static inline void hv_space_fertile(struct hv_space *space)
{
	hv_space_barren(space, 0);
}

bool hv_walker_is_on(const struct hv_space *space, uint32_t slot); /* walk.c */

/*
 * The page's slot is worthless: FREE, or CONDEMNED while a request on it is out; of
 * those that it knows of `is_out` says it.
 */
bool hv_slot_is_read(const struct hv_space *space, uint32_t slot);
static inline void hv_page_drop_slot(struct hv_space *space, uint32_t page, bool is_out)
{
	struct hv_page *entry = &space->table.pages[page];

	if (entry->slot == HV_SLOT_NONE)
		return;
	if (hv_slot_is_place(entry->slot)) {
		hv_pack_forget(space, page);
		return;
	}
	if (is_out || (space->walks > 0 && hv_walker_is_on(space, entry->slot)) ||
	    (space->late > 0 && hv_slot_is_read(space, entry->slot)))
		hv_slot_condemn(&space->table, entry->slot);
	else
		hv_slot_release(&space->table, entry->slot);
	entry->slot = HV_SLOT_NONE;
}

/* ---- event.c ---- */
/* Its page was not put there: how the fault goes on; NONE: it is over. */
enum hv_wait hv_fault_refused(struct hv_space *space, const struct hv_parked *fault,
			      enum hv_code code);
void hv_fault_park(struct hv_space *space, const struct hv_parked *parked,
		   enum hv_wait why);
/* Drops what waits for pages from `pages` on; its threads fault again. */
void hv_faults_forget(struct hv_space *space, uint32_t pages);
/* Serves everything parked that can be served now. */
void hv_faults_retry(struct hv_space *space, uint64_t now_ns);
/* One that is pending: served, or parked and tried again. NONE: it is over. */
enum hv_wait hv_fault_begin(struct hv_space *space, const struct hv_parked *fault,
			    uint64_t now_ns);

/* How what was pending ends. */
enum hv_served {
	HV_SERVED_ZERO,
	HV_SERVED_PAGE_IN,
	HV_SERVED_STALE,
	HV_SERVED_FAILED,
};
void hv_map_served(struct hv_space *space, enum hv_served how);
/* Every fault ends here: `how` is known where it is compiled. */
static inline void hv_served_count(struct hv_space *space, bool is_map,
				   enum hv_served how)
{
	struct hv_space_counts *counts = &space->counts;

	if (is_map) {
		hv_map_served(space, how);
		return;
	}
	space->pending--;
	counts->zero_fills += how == HV_SERVED_ZERO;
	counts->page_ins += how == HV_SERVED_PAGE_IN;
	counts->stale_faults += how == HV_SERVED_STALE;
	counts->failed_faults += how == HV_SERVED_FAILED;
}
static inline void hv_fault_count(struct hv_space *space, const struct hv_parked *fault,
				  enum hv_served how)
{
	if (fault->is_pending)
		hv_served_count(space, fault->is_map, how);
}

/* ---- discard.c ---- */

/* The page is worth nothing now: slot, frame, read and steal of it end. */
void hv_page_to_zero(struct hv_space *space, uint32_t page);
/* The same, counted as something else than a discard. */
void hv_page_drop(struct hv_space *space, uint32_t page, uint64_t *counter);

/* The content is lost: any fault on it kills, loudly (M4, P6). */
void hv_page_poison(struct hv_space *space, uint32_t page);
/* A POISONED page lost its mark, or never got it: again, until it works. */
void hv_page_mark_poison(struct hv_space *space, uint32_t page);

/* M7 */
static inline bool hv_page_is_under_io(const struct hv_space *space, uint32_t page)
{
	return space->ops->importance != NULL &&
	       space->ops->importance(space->ctx, page) == HV_PAGE_UNDER_IO;
}

/* A sweep over what REMOVE events named; true: more to do. */
bool hv_space_sweep_some(struct hv_space *space);

/* ---- spare.c ---- */

/* Takes up to `want` pages with hints up to `last`; gives how many frames came free. */
uint32_t hv_spare_take(struct hv_space *space, uint32_t want, enum hv_hint last,
		       uint64_t now_ns);

/* ---- fill.c ---- */

/* Starts the page-in of a STOLEN page, or says why not. */
enum hv_wait hv_fill_start(struct hv_space *space, const struct hv_parked *fault,
			   uint64_t now_ns);
/* The page-in of an INFLIGHT page becomes that fault's, counted; false: it is another's. */
HV_MUST_USE
bool hv_fill_take_over(struct hv_space *space, const struct hv_parked *fault);
/* QUEUED ones that may be sent, LOADED ones that may be installed. */
void hv_fills_retry(struct hv_pager *pager, uint64_t now_ns);
/* The answer of its read; the window buffer is still ours. */
void hv_fill_answered(struct hv_pager *pager, struct hv_fill *fill, unsigned path,
		      int result, uint64_t now_ns);
/* That epoch ended: to be sent again; false: nobody waits for it, it is over, or is out
 * on the other path as well. */
bool hv_fill_resend(struct hv_pager *pager, struct hv_fill *fill, unsigned path);
/*
 * Ends the read of an INFLIGHT page and drops its slot; the caller moves the page.
 * What it was for ends as `how`.
 */
void hv_fill_cancel(struct hv_space *space, uint32_t page, enum hv_served how);
/* A page-in that a thread waited for is over. */
void hv_page_in_took(struct hv_space *space, uint32_t page, uint64_t since_ns,
		     uint64_t now_ns);
/* Why a fill waits. */
enum hv_wait hv_fill_wait(const struct hv_pager *pager, const struct hv_fill *fill);

uint64_t hv_fills_used(const struct hv_pager *pager); /* bit a fill */

/* ---- steal.c ---- */

/* Steals these pages (sorted, off the queues); returns how many frames came free. */
uint32_t hv_steal(struct hv_space *space, const uint32_t *pages, unsigned count,
		  uint64_t now_ns);
/* The last answer of a page-out; `done`: bit a path over which it was written. */
void hv_steal_answered(struct hv_space *space, unsigned path,
		       const struct hv_flight *flight, unsigned buffer, unsigned done,
		       uint64_t now_ns);
/* Over some it was: the pages are safe. */
void hv_steal_finish(struct hv_space *space, unsigned path,
		     const struct hv_flight *flight, unsigned buffer, unsigned done);
/* STEALING -> RESIDENT, UNLOADING -> PACKED; the slot is condemned: its write is unanswered (P4). */
void hv_steal_cancel(struct hv_space *space, uint32_t page);
/* Whether that write is what the page waits for; its slot may be another by now. */
bool hv_steal_is_of(const struct hv_space *space, uint32_t page, uint32_t slot);
/* Pages of a write that failed are what they were before it; the caller sees to the
 * slots. Returns how many. */
unsigned hv_steal_abort(struct hv_space *space, unsigned path,
			const struct hv_flight *flight, unsigned buffer);
/* Writes these pages of the tier to the device, as far as it can; returns how many. */
unsigned hv_steal_packed(struct hv_space *space, const uint32_t *pages, unsigned count,
			 uint64_t now_ns);
/* Why nothing may be written out now; NONE: *ret_sides has a bit for
 * each path by which it is. */
enum hv_pause hv_steal_pause(const struct hv_space *space, uint64_t now_ns,
			     unsigned *ret_sides);

/* ---- mirror.c ---- */
static inline bool hv_space_is_mirrored(const struct hv_space *space)
{
	return hv_page_table_is_mirrored(&space->table);
}

/* Bit a path that a page-out goes to: the space's own; mirrored, all that are open. */
unsigned hv_path_sides(const struct hv_space *space);
/*
 * The path to read that slot over: mirrored, one whose side has it, none of `bad` if
 * there is another, the space's own if it can be, `last` only if it must (HV_PATHS: it
 * may be any).
 */
enum hv_wait hv_path_to_read(const struct hv_space *space, uint32_t slot, unsigned bad,
			     unsigned last, unsigned *ret_index);
/* What these sides have would not be lost with a side that is closed. */
bool hv_mirror_is_safe(const struct hv_space *space, unsigned sides);
/* In its frame, and safe on its device. */
bool hv_page_is_clean(const struct hv_space *space, uint32_t page);
/* A side has the slot that is none of `bad`, whether or not it can be asked now. */
bool hv_mirror_has_other(const struct hv_space *space, uint32_t slot, unsigned bad);
/* The slot is good elsewhere: what of `bad` has it is to get it again. */
void hv_mirror_heal(struct hv_space *space, uint32_t slot, unsigned bad);
/* The slot is LIVE now, and on the sides of `done`. */
void hv_mirror_written(struct hv_space *space, uint32_t slot, unsigned done);
/* A page-out of two flights was answered on that path; true: the other one decides. */
bool hv_twin_decides(struct hv_pager *pager, unsigned path,
		     const struct hv_flight *flight, bool is_done);
/* The sides that have it after its last answer. */
unsigned hv_twin_sides(const struct hv_flight *flight, unsigned path, bool is_done);
/* Brings what sides have missed. Says when to call it again; 0: at once. */
uint64_t hv_resync_run(struct hv_pager *pager, uint64_t now_ns);
void hv_resync_answered(struct hv_pager *pager, struct hv_walker *walker, bool is_good,
			uint64_t now_ns);

/* ---- reclaim.c ---- */
/* New in its frame. */
void hv_page_enqueue(struct hv_space *space, uint32_t page, uint64_t now_ns);
/* It is about to be brought for a stream: where it waits for its end is known by now. */
void hv_page_expect(struct hv_space *space, uint32_t page, bool is_of_stream,
		    bool is_ahead);
/* In its frame, and nobody asked for it. */
void hv_page_enqueue_ahead(struct hv_space *space, uint32_t page, uint64_t now_ns);
/* In its frame again; with neighbours, it is to leave with them. */
void hv_page_refault(struct hv_space *space, uint32_t page, bool is_of_stream,
		     uint64_t now_ns);
/* A victim that stays. */
void hv_page_requeue(struct hv_space *space, uint32_t page);
void hv_page_left(struct hv_space *space, uint32_t page); /* became stolen */
static inline void hv_page_touch(struct hv_space *space, uint32_t page)
{
	unsigned frequency = hv_page_frequency(&space->table, page);

	if (frequency < HV_FREQUENCY_MAX)
		hv_page_frequency_set(&space->table, page, frequency + 1);
}

/* ---- path.c ---- */

/* The path to ask for this space: its current one, with its device open there. */
enum hv_wait hv_path_find(const struct hv_pager *pager, const struct hv_space *space,
			  unsigned *ret_index);
/* The one that is not `path`, if it may be asked and has the device open; or NULL. */
struct hv_pager_path *hv_path_other(struct hv_pager *pager, const struct hv_space *space,
				    unsigned path);
/* A page of the space was brought over that path. */
void hv_path_got_page(struct hv_space *space, unsigned index, uint64_t now_ns);
static inline unsigned hv_path_index(const struct hv_pager *pager,
				     const struct hv_pager_path *path)
{
	return (unsigned)(path - pager->paths);
}
void hv_path_send(struct hv_pager *pager, struct hv_pager_path *path,
		  const struct hv_flight *flight, uint32_t buffer, uint64_t now_ns);
void hv_paths_flush(struct hv_pager *pager);
/*
 * Frames whose writes a quiet path has do not count as free before long: else nobody
 * would steal for those who ask the other path.
 */
void hv_paths_look(struct hv_pager *pager, uint64_t now_ns);
/* None of them is held to be quiet, until the next look. */
void hv_paths_trust(struct hv_pager *pager);
/*
 * A request on that slot was answered and nobody wants its content: it is FREE, or
 * what else is out on it has the last word (P4). Only a walker's is ever out beside
 * another.
 */
/* A request on it was answered: FREE, if it has no use and no other one is out. */
void hv_slot_answered(struct hv_space *space, uint32_t slot);

#endif
