/* model_kernel - see model_kernel.h. */
#include "tests/support/model_kernel.h"

#include <string.h>

#include "hvcore/base/invariant.h"

/* ---- contents ---- */

void model_page_fill(uint8_t *bytes, uint64_t value)
{
	uint64_t tail = value == 0 ? 0 : ~value;

	memset(bytes, 0, HV_PAGE_BYTES);
	memcpy(bytes, &value, sizeof value);
	memcpy(bytes + HV_PAGE_BYTES - sizeof tail, &tail, sizeof tail);
}

uint64_t model_page_value(const uint8_t *bytes)
{
	uint64_t value;

	memcpy(&value, bytes, sizeof value);
	return value;
}

bool model_page_is(const uint8_t *bytes, uint64_t value)
{
	uint64_t tail;

	memcpy(&tail, bytes + HV_PAGE_BYTES - sizeof tail, sizeof tail);
	return model_page_value(bytes) == value && tail == (value == 0 ? 0 : ~value);
}

static void violated(struct model_kernel *kernel, uint32_t page, const char *text)
{
	if (kernel->violation != NULL)
		return;
	kernel->violation = text;
	kernel->violation_page = page;
}

/* ---- the file ---- */

static bool allocate(struct model_kernel *kernel, uint32_t page, uint64_t value)
{
	struct model_page *at = &kernel->pages[page];

	if (!at->is_cached && kernel->pool->blocks >= kernel->pool->limit)
		return false;
	kernel->pool->blocks += !at->is_cached;
	kernel->blocks += !at->is_cached;
	at->is_cached = true;
	at->value = value;
	return true;
}

static void make_hole(struct model_kernel *kernel, uint32_t page)
{
	struct model_page *at = &kernel->pages[page];

	if (at->is_under_io && at->is_cached && !at->is_tainted && !kernel->is_dead)
		violated(kernel, page, "a page under I/O left");
	kernel->pool->blocks -= at->is_cached;
	kernel->blocks -= at->is_cached;
	at->is_cached = false;
	at->is_mapped =
		false; /* a marker of write protection stays (hvcore/mem/uffd.c) */
	at->value = 0;
}

void model_kernel_init(struct model_kernel *kernel, struct model_pool *pool,
		       uint32_t pages, uint32_t threads)
{
	HV_INVARIANT(pages <= MODEL_PAGES_MAX && threads <= MODEL_THREADS_MAX);
	*kernel = (struct model_kernel){
		.pool = pool,
		.page_count = pages,
		.thread_count = threads,
	};
}

void model_kernel_kill(struct model_kernel *kernel)
{
	kernel->is_dead = true;
	for (uint32_t page = 0; page < kernel->page_count; page++)
		make_hole(kernel, page);
	for (uint32_t i = 0; i < kernel->thread_count; i++)
		kernel->threads[i].state = MODEL_IDLE;
	kernel->changing = 0;
}

/* ---- threads ---- */

void model_start(struct model_kernel *kernel, uint32_t thread, enum model_op op,
		 uint32_t page, uint32_t count, uint64_t value)
{
	HV_INVARIANT(kernel->threads[thread].state == MODEL_IDLE);
	for (uint32_t i = 0; i < count; i++)
		model_use(kernel, page + i);
	kernel->threads[thread] = (struct model_thread){
		.state = MODEL_READY,
		.op = op,
		.page = page,
		.count = count,
		.value = value,
	};
}

static void check_read(struct model_kernel *kernel, uint32_t page)
{
	struct model_page *at = &kernel->pages[page];

	kernel->reads++;
	if (at->is_tainted || at->value == at->expected) {
		at->may_be_zero = at->may_be_zero && at->value != at->expected;
		return;
	}
	if (at->may_be_zero && at->value == 0) {
		at->may_be_zero = false;
		at->expected = 0;
		return;
	}
	violated(kernel, page, "a read does not see the last write");
}

static void touch(struct model_kernel *kernel, struct model_thread *thread)
{
	struct model_page *at = &kernel->pages[thread->page];
	bool is_write = thread->op == MODEL_WRITE;

	if (at->is_poisoned) {
		kernel->sigbus++;
		if (!at->is_tainted && !at->may_poison)
			violated(kernel, thread->page, "poisoned without a reason");
		thread->state = MODEL_IDLE;
		return;
	}
	if (!at->is_mapped || (is_write && at->is_protected)) {
		thread->state = MODEL_WAITS;
		thread->is_minor = !at->is_mapped && at->is_cached;
		thread->is_wp = at->is_mapped;
		return;
	}
	thread->state = MODEL_IDLE;
	if (!is_write) {
		check_read(kernel, thread->page);
		return;
	}
	kernel->writes++;
	at->value = thread->value;
	at->expected = thread->value;
	at->may_be_zero = false;
	at->may_poison = false;
}

/* MADV_DONTNEED: unmapped, markers of write protection stay; MADV_REMOVE: holes. */
static void zap(struct model_kernel *kernel, struct model_thread *thread)
{
	for (uint32_t i = 0; i < thread->count; i++) {
		struct model_page *at = &kernel->pages[thread->page + i];

		at->is_mapped = false;
		if (thread->op == MODEL_DONTNEED) {
			at->is_poisoned = false;
			continue;
		}
		model_io_end(kernel, thread->page + i); /* its own doing */
		make_hole(kernel, thread->page + i);
		at->may_be_zero = true;
	}
	thread->state = MODEL_IDLE;
}

void model_step(struct model_kernel *kernel, uint32_t index)
{
	struct model_thread *thread = &kernel->threads[index];

	HV_INVARIANT(thread->state == MODEL_READY);
	if (thread->op == MODEL_READ || thread->op == MODEL_WRITE) {
		touch(kernel, thread);
		return;
	}
	if (!thread->is_seen) {
		kernel->changing++;
		thread->state = MODEL_WAITS;
		return;
	}
	kernel->changing--;
	zap(kernel, thread);
}

static void wake(struct model_kernel *kernel, uint32_t first, uint32_t count)
{
	for (uint32_t i = 0; i < kernel->thread_count; i++) {
		struct model_thread *thread = &kernel->threads[i];

		if ((thread->op == MODEL_READ || thread->op == MODEL_WRITE) &&
		    (thread->state == MODEL_WAITS || thread->state == MODEL_WAITED) &&
		    thread->page - first < count)
			thread->state = MODEL_READY;
	}
}

/* ---- events ---- */

bool model_has_events(const struct model_kernel *kernel)
{
	for (uint32_t i = 0; i < kernel->thread_count; i++)
		if (kernel->threads[i].state == MODEL_WAITS)
			return true;
	return false;
}

static struct model_event read_event(const struct model_kernel *kernel,
				     struct model_thread *thread)
{
	struct model_event event = { .page = thread->page,
				     .count = 1,
				     .thread = 1 + (uint32_t)(thread - kernel->threads) };

	if (thread->op == MODEL_DONTNEED || thread->op == MODEL_REMOVE) {
		thread->state = MODEL_READY;
		thread->is_seen = true;
		event.kind = MODEL_EVENT_REMOVE;
		event.count = thread->count;
		return event;
	}
	thread->state = MODEL_WAITED;
	event.is_write = thread->op == MODEL_WRITE;
	event.kind = thread->is_wp      ? MODEL_EVENT_WRITE
		     : thread->is_minor ? MODEL_EVENT_MINOR
					: MODEL_EVENT_MISSING;
	return event;
}

unsigned model_read_events(struct model_kernel *kernel, uint32_t from,
			   struct model_event *events, unsigned room)
{
	unsigned count = 0;

	for (uint32_t i = 0; i < kernel->thread_count && count < room; i++) {
		struct model_thread *thread =
			&kernel->threads[(from + i) % kernel->thread_count];

		if (thread->state == MODEL_WAITS)
			events[count++] = read_event(kernel, thread);
	}
	return count;
}

void model_deliver(struct hv_pager *pager, struct hv_space *space,
		   const struct model_event *events, unsigned count, uint64_t now_ns)
{
	for (unsigned kind = MODEL_EVENT_REMOVE; kind <= MODEL_EVENT_MISSING; kind++)
		for (unsigned i = 0; i < count; i++) {
			const struct model_event *event = &events[i];

			if (event->kind != kind)
				continue;
			if (kind == MODEL_EVENT_REMOVE)
				hv_pager_on_removed(pager, space, event->page,
						    event->count);
			else if (kind == MODEL_EVENT_WRITE)
				hv_pager_on_write(pager, space, event->page);
			else if (kind == MODEL_EVENT_MINOR)
				hv_pager_on_minor(pager, space, event->page,
						  event->is_write);
			else
				hv_pager_on_missing(pager, space, event->page,
						    event->is_write, event->thread,
						    now_ns);
		}
}

/* ---- behind our back ---- */

void model_discarded(struct model_kernel *kernel, uint32_t first, uint32_t count)
{
	for (uint32_t page = first; page < first + count; page++) {
		kernel->pages[page].expected = 0;
		kernel->pages[page].may_be_zero = false;
	}
}

void model_pwrite(struct model_kernel *kernel, uint32_t page, uint64_t value)
{
	if (!allocate(kernel, page, value))
		return;
	kernel->is_hostile = true;
	kernel->pages[page].is_tainted = true;
}

void model_punch_bare(struct model_kernel *kernel, uint32_t page)
{
	model_io_end(kernel, page);
	make_hole(kernel, page);
	kernel->pages[page].may_be_zero = true;
}

void model_remap(struct model_kernel *kernel)
{
	for (uint32_t page = 0; page < kernel->page_count; page++) {
		kernel->pages[page].is_mapped = false;
		kernel->pages[page].is_protected = false;
	}
}

/* ---- hints ---- */

bool model_is_touched(const struct model_kernel *kernel, uint32_t page)
{
	for (uint32_t i = 0; i < kernel->thread_count; i++) {
		const struct model_thread *thread = &kernel->threads[i];

		if (thread->state != MODEL_IDLE && page - thread->page < thread->count)
			return true;
	}
	return false;
}

/* What was taken meanwhile is zeros: the call that TAKING asks for waits for that. */
static void set_hint(struct model_kernel *kernel, uint32_t page, enum hv_hint hint)
{
	struct model_page *at = &kernel->pages[page];
	uint8_t was = hv_hint_set(&at->hint, hint);

	if ((was & HV_HINT_TAKING) != 0)
		violated(kernel, page, "a page stayed half taken");
	if ((was & HV_HINT_TAKEN) == 0)
		return;
	at->expected = 0;
	at->may_be_zero = false;
}

void model_hint(struct model_kernel *kernel, uint32_t page, enum hv_hint hint)
{
	HV_INVARIANT(!model_is_touched(kernel, page));
	set_hint(kernel, page, hint);
}

void model_use(struct model_kernel *kernel, uint32_t page)
{
	if (kernel->pages[page].hint > HV_HINT_CRITICAL)
		set_hint(kernel, page, HV_HINT_ACTIVE);
}

/* ---- devices ---- */

void model_io_map(struct model_kernel *kernel, uint32_t page, bool is_write)
{
	struct model_page *at = &kernel->pages[page];

	HV_INVARIANT(!at->is_under_io);
	model_use(kernel, page);
	at->is_under_io = true;
	at->is_io_write = is_write;
}

/* Nothing is told of a store: that is what P5 is about. */
void model_io_write(struct model_kernel *kernel, uint32_t page, uint64_t value)
{
	struct model_page *at = &kernel->pages[page];

	HV_INVARIANT(at->is_io_ready && at->is_io_write);
	if (!at->is_cached) {
		violated(kernel, page, "a transfer met a page without a frame");
		return;
	}
	at->value = value;
	at->expected = value;
	at->may_be_zero = false;
}

void model_io_read(struct model_kernel *kernel, uint32_t page)
{
	HV_INVARIANT(kernel->pages[page].is_io_ready);
	if (!kernel->pages[page].is_cached)
		violated(kernel, page, "a transfer met a page without a frame");
	else
		check_read(kernel, page);
}

void model_io_end(struct model_kernel *kernel, uint32_t page)
{
	struct model_page *at = &kernel->pages[page];

	at->is_under_io = at->is_io_write = false;
	at->is_io_ready = at->is_held = false;
}

static enum hv_importance op_importance(void *ctx, uint32_t page)
{
	const struct model_kernel *kernel = ctx;

	if (kernel->pages[page].is_under_io)
		return HV_PAGE_UNDER_IO;
	return kernel->pages[page].hint == HV_HINT_CRITICAL ? HV_PAGE_CRITICAL
							    : HV_PAGE_ORDINARY;
}

static uint32_t op_find_spare(void *ctx, uint32_t from, uint32_t end, enum hv_hint last)
{
	const struct model_kernel *kernel = ctx;

	for (uint32_t page = from; page < end; page++)
		if (hv_hint_is_spare(kernel->pages[page].hint) &&
		    kernel->pages[page].hint <= last)
			return page;
	return end;
}

static enum hv_hint op_claim(void *ctx, uint32_t page)
{
	struct model_kernel *kernel = ctx;
	enum hv_hint hint = hv_hint_of(kernel->pages[page].hint);

	return hv_hint_claim(&kernel->pages[page].hint, hint) ? hint : HV_HINT_ACTIVE;
}

static void op_claimed(void *ctx, uint32_t page, enum hv_hint hint, bool is_taken)
{
	struct model_kernel *kernel = ctx;

	hv_hint_claimed(&kernel->pages[page].hint, hint, is_taken);
}

/* ---- ops ---- */

/* What any ioctl on a changing address space says, and failures made to order. */
static enum hv_code may_act(struct model_kernel *kernel)
{
	if (kernel->is_dead)
		return HV_E_GONE;
	if (kernel->fail_in > 0 && --kernel->fail_in == 0)
		return kernel->fail_code;
	return kernel->changing > 0 ? HV_E_AGAIN : HV_OK;
}

/* ... on the file: nothing but a failure made to order stops it. */
static enum hv_code may_use_file(struct model_kernel *kernel)
{
	if (kernel->fail_in > 0 && --kernel->fail_in == 0)
		return kernel->fail_code;
	return HV_OK;
}

static enum hv_code op_protect(void *ctx, uint32_t first, uint32_t count)
{
	struct model_kernel *kernel = ctx;
	enum hv_code code = may_act(kernel);

	if (code != HV_OK)
		return code;
	for (uint32_t page = first; page < first + count; page++)
		kernel->pages[page].is_protected = true;
	return HV_OK;
}

static enum hv_code op_unprotect(void *ctx, uint32_t page)
{
	struct model_kernel *kernel = ctx;
	enum hv_code code = may_act(kernel);

	if (code != HV_OK)
		return code;
	kernel->pages[page].is_protected = false;
	wake(kernel, page, 1);
	return HV_OK;
}

static enum hv_code op_copy_out(void *ctx, uint32_t page, void *to)
{
	struct model_kernel *kernel = ctx;
	enum hv_code code = may_use_file(kernel);

	if (code == HV_OK)
		model_page_fill(to, kernel->pages[page].value);
	return code;
}

static bool op_has_data(void *ctx, uint32_t page)
{
	struct model_kernel *kernel = ctx;

	return kernel->pages[page].is_cached;
}

static enum hv_code op_punch(void *ctx, uint32_t first, uint32_t count)
{
	struct model_kernel *kernel = ctx;
	enum hv_code code = may_use_file(kernel);

	for (uint32_t page = first; page < first + count && code == HV_OK; page++)
		make_hole(kernel, page);
	return code;
}

/* COPY and ZEROPAGE. */
static enum hv_code fill(struct model_kernel *kernel, uint32_t page, uint64_t value,
			 bool is_protected, bool is_quiet)
{
	struct model_page *at = &kernel->pages[page];
	enum hv_code code = may_act(kernel);

	if (code != HV_OK)
		return code;
	if (at->is_cached || at->is_mapped)
		return HV_E_EXISTS;
	if (!allocate(kernel, page, value))
		return HV_E_NOMEM;
	at->is_mapped = at->is_entered = true;
	at->is_protected = is_protected;
	at->is_poisoned = false;
	if (!is_quiet)
		wake(kernel, page, 1);
	return HV_OK;
}

static enum hv_code op_zero(void *ctx, uint32_t page)
{
	return fill(ctx, page, 0, false, false);
}

static enum hv_code op_install(void *ctx, uint32_t page, const void *from,
			       bool is_protected, bool is_quiet)
{
	struct model_kernel *kernel = ctx;

	if (!model_page_is(from, model_page_value(from)))
		violated(kernel, page, "a damaged page was installed");
	return fill(kernel, page, model_page_value(from), is_protected, is_quiet);
}

static enum hv_code op_resume(void *ctx, uint32_t page, bool is_protected)
{
	struct model_kernel *kernel = ctx;
	struct model_page *at = &kernel->pages[page];
	enum hv_code code = may_act(kernel);

	if (code != HV_OK)
		return code;
	if (!at->is_cached)
		return HV_E_STATE;
	if (at->is_mapped)
		return HV_E_EXISTS;
	at->is_mapped = true;
	at->is_protected = is_protected;
	at->is_entered = true;
	wake(kernel, page, 1);
	return HV_OK;
}

static enum hv_code op_wake(void *ctx, uint32_t first, uint32_t count)
{
	wake(ctx, first, count);
	return HV_OK;
}

static enum hv_code op_poison(void *ctx, uint32_t page)
{
	struct model_kernel *kernel = ctx;
	enum hv_code code = may_act(kernel);

	if (code != HV_OK)
		return code;
	if (kernel->pages[page].is_mapped)
		return HV_E_EXISTS;
	kernel->pages[page].is_poisoned = true;
	wake(kernel, page, 1);
	return HV_OK;
}

static void op_left(void *ctx, uint32_t page)
{
	struct model_kernel *kernel = ctx;

	kernel->pages[page].is_entered = false;
}

/* clang-format off */
const struct hv_space_ops model_kernel_ops = {
	.protect   = op_protect,
	.unprotect = op_unprotect,
	.copy_out  = op_copy_out,
	.has_data  = op_has_data,
	.punch     = op_punch,
	.zero      = op_zero,
	.install   = op_install,
	.resume    = op_resume,
	.wake      = op_wake,
	.poison    = op_poison,
	.left      = op_left,
	.importance = op_importance,
	.find_spare = op_find_spare,
	.claim     = op_claim,
	.claimed   = op_claimed,
};
/* clang-format on */
