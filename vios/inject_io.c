/* inject_io - see inject_io.h. */
#include "vios/inject_io.h"

#include <errno.h>
#include <stdlib.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/rng.h"

#define NS_OF_MS UINT64_C(1000000)
#define SECTOR_BYTES 512u /* a device with larger blocks refuses it: torn at nothing */
#define NO_SLOT HV_INJECTIONS_MAX
#define NO_TEAR UINT32_MAX

enum taken_state { IDLE, KEPT, RUNNING };

/* A request that was hit, by its cookie: an index of the lane's table of requests. */
struct taken {
	enum taken_state state;
	struct hv_aio_op op;
	uint64_t due_ns;       /* KEPT until then */
	int error;             /* answered with it; 0: goes to the device */
	uint32_t tear;         /* bytes that reach the device; NO_TEAR: all */
	unsigned corrupt_slot; /* which injection corrupts it; NO_SLOT */
	uint32_t corrupt_number;
	uint64_t corrupt_seed;
	uint32_t corrupt_ppm;
};

struct inject_io {
	struct hv_aio io;
	struct hv_aio *inner;
	struct vios_inject *inject;
	unsigned lane;
	bool is_active; /* the view has one in force */
	unsigned kept, running;
	struct vios_inject_view view;
	struct hv_rng rng[HV_INJECTIONS_MAX];
	struct taken taken[HV_RING_SIZE];
	struct hv_aio_done ready[HV_RING_SIZE]; /* a ring: each request is there once */
	unsigned ready_head, ready_count;
};

static struct inject_io *inject_io_of(struct hv_aio *io)
{
	return (struct inject_io *)io; /* first member */
}

static uint64_t seed_of(const struct inject_io *self, const struct vios_injection *slot)
{
	struct hv_rng rng = { slot->seed + self->lane };

	return hv_rng_next(&rng); /* lanes of one seed have nothing in common */
}

static void release_all(struct inject_io *self)
{
	for (unsigned i = 0; i < HV_RING_SIZE; i++)
		if (self->taken[i].state == KEPT)
			self->taken[i].due_ns = 0;
}

static void refresh(struct inject_io *self)
{
	struct vios_inject_view view;

	if (vios_inject_version(self->inject) == self->view.version)
		return;
	if (!vios_inject_read(self->inject, &view))
		return; /* next turn */
	self->is_active = false;
	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++) {
		if (view.slots[i].number != self->view.slots[i].number)
			self->rng[i].state = seed_of(self, &view.slots[i]);
		self->is_active = self->is_active || view.slots[i].end_ns != 0;
	}
	if (view.clears != self->view.clears)
		release_all(self);
	self->view = view;
}

static void put_ready(struct inject_io *self, uint32_t cookie, int result)
{
	unsigned at = (self->ready_head + self->ready_count) % HV_RING_SIZE;

	HV_INVARIANT(self->ready_count < HV_RING_SIZE);
	self->ready[at] = (struct hv_aio_done){ cookie, result };
	self->ready_count++;
}

/*
 * Pages of the first `bytes`, each by the rate, one byte of each. The same seed is the
 * same bytes, and the second time makes the first undone. Returns how many.
 */
static unsigned flip(const struct taken *taken, uint32_t bytes)
{
	struct hv_rng rng = { taken->corrupt_seed };
	uint8_t *at = taken->op.at;
	unsigned count = 0;

	for (uint32_t page = 0; page + HV_PAGE_BYTES <= bytes; page += HV_PAGE_BYTES) {
		uint64_t where = hv_rng_below(&rng, HV_PAGE_BYTES);
		uint8_t how = (uint8_t)(1 + hv_rng_below(&rng, UINT8_MAX));

		if (hv_rng_below(&rng, HV_INJECTION_ALL) >= taken->corrupt_ppm)
			continue;
		at[page + where] ^= how;
		count++;
	}
	return count;
}

/* Late, its slot may be another one's by now. */
static void count_corrupt(struct inject_io *self, const struct taken *taken,
			  unsigned pages)
{
	unsigned slot = taken->corrupt_slot;

	if (self->view.slots[slot].number != taken->corrupt_number)
		slot = NO_SLOT;
	for (unsigned i = 0; i < pages; i++)
		vios_inject_hit(self->inject, slot, HV_INJECTION_CORRUPT);
}

/* Due, or never kept: to the device, or answered without it. */
static void run(struct inject_io *self, struct taken *taken)
{
	struct hv_aio_op op = taken->op;

	taken->state = IDLE;
	if (taken->error != 0) {
		put_ready(self, op.cookie, -taken->error);
		return;
	}
	if (taken->tear == 0) {
		put_ready(self, op.cookie, (int)op.bytes);
		return;
	}
	if (taken->corrupt_slot != NO_SLOT && op.kind == HV_AIO_WRITE)
		count_corrupt(self, taken, flip(taken, op.bytes));
	if (taken->tear != NO_TEAR)
		op.bytes = taken->tear;
	taken->state = RUNNING;
	self->running++;
	self->inner->ops->queue(self->inner, &op);
}

static void be_late(struct taken *taken, uint64_t due_ns, uint64_t end_ns)
{
	if (due_ns > end_ns)
		due_ns = end_ns; /* after it everything is as before */
	if (due_ns > taken->due_ns)
		taken->due_ns = due_ns;
}

/* False: a page was meant to be hit, and it is known later whether one was. */
static bool apply(struct inject_io *self, struct taken *taken, unsigned slot,
		  uint64_t now)
{
	const struct vios_injection *what = &self->view.slots[slot];

	switch (what->kind) {
	case HV_INJECTION_DELAY:
		be_late(taken, now + what->delay_ms * NS_OF_MS, what->end_ns);
		return true;
	case HV_INJECTION_HANG:
		be_late(taken, what->end_ns, what->end_ns);
		return true;
	case HV_INJECTION_ERROR:
		if (taken->error == 0)
			taken->error = what->error;
		return true;
	case HV_INJECTION_TORN:
		taken->tear = (uint32_t)hv_rng_below(&self->rng[slot],
						     taken->op.bytes / SECTOR_BYTES) *
			      SECTOR_BYTES;
		return true;
	default:
		if (taken->corrupt_slot != NO_SLOT)
			return false;
		taken->corrupt_slot = slot;
		taken->corrupt_number = what->number;
		taken->corrupt_seed = hv_rng_next(&self->rng[slot]);
		taken->corrupt_ppm = what->rate_ppm;
		return false;
	}
}

static bool is_meant(const struct vios_injection *what, const struct hv_aio_op *op,
		     uint64_t now)
{
	uint32_t bit = op->kind == HV_AIO_READ ? HV_INJECTION_READ : HV_INJECTION_WRITE;

	return what->end_ns > now && (what->op & bit) != 0 &&
	       (what->key == 0 || what->key == op->owner);
}

static bool rolls(struct inject_io *self, unsigned slot)
{
	const struct vios_injection *what = &self->view.slots[slot];

	return what->kind == HV_INJECTION_CORRUPT || /* a roll for each page, later */
	       hv_rng_below(&self->rng[slot], HV_INJECTION_ALL) < what->rate_ppm;
}

/* What is in force meets the request, in the order of the slots. */
static bool meet(struct inject_io *self, struct taken *taken, uint64_t now)
{
	bool is_taken = false;

	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++) {
		if (!is_meant(&self->view.slots[i], &taken->op, now) || !rolls(self, i))
			continue;
		is_taken = true;
		if (apply(self, taken, i, now))
			vios_inject_hit(self->inject, i, self->view.slots[i].kind);
	}
	return is_taken;
}

static void queue_met(struct inject_io *self, const struct hv_aio_op *op)
{
	uint64_t now = vios_inject_now(self->inject);
	struct taken *taken;

	HV_INVARIANT(op->cookie < HV_RING_SIZE);
	taken = &self->taken[op->cookie];
	HV_INVARIANT(taken->state == IDLE);
	*taken = (struct taken){
		.op = *op,
		.tear = NO_TEAR,
		.corrupt_slot = NO_SLOT,
	};
	if (!meet(self, taken, now)) {
		self->inner->ops->queue(self->inner, op);
		return;
	}
	if (taken->due_ns <= now) {
		run(self, taken);
		return;
	}
	taken->state = KEPT;
	self->kept++;
}

static void inject_queue(struct hv_aio *io, const struct hv_aio_op *op)
{
	struct inject_io *self = inject_io_of(io);

	if (__builtin_expect(self->is_active, 0) && op->kind != HV_AIO_SYNC)
		queue_met(self, op);
	else
		self->inner->ops->queue(self->inner, op);
}

/* Runs what is due; returns when the next one is. */
static uint64_t run_due(struct inject_io *self)
{
	uint64_t now = vios_inject_now(self->inject), next = UINT64_MAX;

	for (unsigned i = 0, left = self->kept; i < HV_RING_SIZE && left > 0; i++) {
		struct taken *taken = &self->taken[i];

		if (taken->state != KEPT)
			continue;
		left--;
		if (taken->due_ns <= now) {
			self->kept--;
			run(self, taken);
		} else if (taken->due_ns < next) {
			next = taken->due_ns;
		}
	}
	return next == UINT64_MAX ? next : next - now;
}

static enum hv_code inject_wait(struct hv_aio *io, unsigned timeout_ms,
				struct hv_err *err)
{
	struct inject_io *self = inject_io_of(io);
	enum hv_code code;
	uint64_t left_ns;

	refresh(self); /* cleared: what is kept is due */
	if (self->kept > 0) {
		left_ns = run_due(self);
		if (left_ns / NS_OF_MS < timeout_ms)
			timeout_ms = (unsigned)(left_ns / NS_OF_MS) + 1;
	}
	if (self->ready_count > 0)
		timeout_ms = 0;
	code = self->inner->ops->wait(self->inner, timeout_ms, err);
	refresh(self); /* for the requests that woke us */
	return code;
}

/* What it did to the request, undone or done to its result. */
static int finish(struct inject_io *self, struct taken *taken, int result)
{
	taken->state = IDLE;
	self->running--;
	if (taken->corrupt_slot != NO_SLOT && taken->op.kind == HV_AIO_WRITE)
		(void)flip(taken, taken->op.bytes);
	else if (taken->corrupt_slot != NO_SLOT && result > 0)
		count_corrupt(self, taken, flip(taken, (uint32_t)result));
	if (taken->tear == NO_TEAR)
		return result;
	/* EINVAL: the device's blocks are larger than the part. None of it is there. */
	if (result == (int)taken->tear || result == -EINVAL)
		return (int)taken->op.bytes;
	return result;
}

static bool inject_next(struct hv_aio *io, struct hv_aio_done *ret_done)
{
	struct inject_io *self = inject_io_of(io);
	struct hv_aio_done done;

	if (self->ready_count > 0) {
		*ret_done = self->ready[self->ready_head];
		self->ready_head = (self->ready_head + 1) % HV_RING_SIZE;
		self->ready_count--;
		return true;
	}
	if (!self->inner->ops->next(self->inner, &done))
		return false;
	if (self->running > 0 && done.cookie < HV_RING_SIZE &&
	    self->taken[done.cookie].state == RUNNING)
		done.result = finish(self, &self->taken[done.cookie], done.result);
	*ret_done = done;
	return true;
}

static void inject_close(struct hv_aio *io)
{
	struct inject_io *self = inject_io_of(io);

	self->inner->ops->close(self->inner);
	free(self);
}

enum hv_code vios_inject_io_open(struct vios_inject *inject, unsigned lane,
				 struct hv_aio *inner, struct hv_aio **ret_io,
				 struct hv_err *err)
{
	static const struct hv_aio_ops ops = {
		.queue = inject_queue,
		.wait = inject_wait,
		.next = inject_next,
		.close = inject_close,
	};
	struct inject_io *self = calloc(1, sizeof(*self));

	if (self == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to inject faults");
	self->io.ops = &ops;
	self->inner = inner;
	self->inject = inject;
	self->lane = lane;
	*ret_io = &self->io;
	return HV_OK;
}
