/* os_memory - see os_memory.h. */
#include "agent/partition/os_memory_priv.h"

#include <stdlib.h>

#include "hvcore/base/invariant.h"

/* All arbitrary; shares of its frames. */
#define CACHE_SHARE 32                /* that the cache keeps (AIX minperm: 3 %) */
#define OWN_SHARE 8                   /* never lent */
#define OUT_SHARE 16                  /* working storage written for loans in a second */
#define BALLOON_SHARE 64              /* its speed, in a second */
#define FILE_BASE (UINT64_C(1) << 40) /* page numbers of the file, in contents */

const char *const os_loan_policy_names[OS_LOAN_POLICY_COUNT + 1] = {
	[OS_LOAN_OFF] = "0",
	[OS_LOAN_CACHE] = "1",
	[OS_LOAN_WORKING] = "2",
	[OS_LOAN_BALLOON] = "balloon",
};

uint32_t os_memory_share(const struct os_memory *memory, uint32_t parts)
{
	return memory->keep / parts + 1;
}

/* ---- frames ---- */

bool os_memory_say(struct os_memory *memory, uint32_t frame, enum hv_hint hint)
{
	/* of a balloon nothing is known but what is in it */
	if (memory->config.policy == OS_LOAN_BALLOON && hint != HV_HINT_LOANED)
		hint = HV_HINT_ACTIVE;
	return memory->env.hint == NULL || memory->env.hint(memory->env.ctx, frame, hint);
}

void os_memory_put(struct os_memory *memory, enum state state, uint32_t frame)
{
	if (frame >= memory->keep)
		state = ASIDE;
	memory->frames[frame] = (struct frame){ .what = memory->first[state],
						.state = (uint8_t)state };
	if (state != ASIDE)
		memory->first[state] = frame;
	memory->count[state]++;
}

void os_memory_push(struct os_memory *memory, enum state state, uint32_t frame)
{
	os_memory_put(memory, state, frame);
	(void)os_memory_say(memory, frame,
			    memory->frames[frame].state == LOANED ? HV_HINT_LOANED
								  : HV_HINT_UNUSED);
}

uint32_t os_memory_pop(struct os_memory *memory, enum state state)
{
	uint32_t frame = memory->first[state];

	HV_INVARIANT(memory->count[state] > 0);
	memory->first[state] = memory->frames[frame].what;
	memory->count[state]--;
	return frame;
}

void os_memory_hold(struct os_memory *memory, uint32_t frame, enum state state,
		    uint32_t what)
{
	memory->frames[frame] =
		(struct frame){ .what = what, .state = (uint8_t)state, .is_used = true };
	memory->count[state]++;
}

void os_memory_let_go(struct os_memory *memory, uint32_t frame)
{
	struct frame *at = &memory->frames[frame];

	if (at->state == WORKING)
		memory->process[at->what].frame = NONE;
	else
		memory->file[at->what].frame = NONE;
	memory->count[at->state]--;
	os_memory_push(memory, FREE, frame);
}

static bool move(struct os_memory *memory, enum os_store store, uint32_t page,
		 uint32_t frame, bool is_in)
{
	const struct os_memory_env *env = &memory->env;
	bool is_done = is_in ? env->read(env->ctx, store, page, memory->buffer) &&
				       env->fill(env->ctx, frame, memory->buffer)
			     : env->load(env->ctx, frame, memory->buffer) &&
				       env->save(env->ctx, store, page, memory->buffer);

	if (!is_done)
		memory->figures.io_errors++;
	return is_done;
}

/* ---- who leaves ---- */

bool os_memory_page_out(struct os_memory *memory, uint32_t frame)
{
	struct frame *at = &memory->frames[frame];

	if (at->is_dirty) {
		if (!move(memory, OS_STORE_PAGING, at->what, frame, false))
			return false;
		memory->figures.page_outs++;
	}
	memory->process[at->what].left = memory->left++;
	os_memory_let_go(memory, frame);
	return true;
}

/* One page of that kind becomes free: the hand's next that was not used since. */
static bool evict(struct os_memory *memory, enum state state)
{
	uint32_t frames = memory->config.frames;

	for (uint64_t i = 0; i < 2 * (uint64_t)frames && memory->count[state] > 0; i++) {
		uint32_t frame = memory->hand[state]++ % frames;
		struct frame *at = &memory->frames[frame];

		memory->hand[state] %= frames;
		if (at->state != (uint8_t)state)
			continue;
		if (at->is_used) {
			at->is_used = false;
			continue;
		}
		if (state == WORKING)
			return os_memory_page_out(memory, frame);
		os_memory_let_go(memory, frame);
		return true;
	}
	return false;
}

bool os_memory_drop_cache(struct os_memory *memory)
{
	return memory->count[CACHE] > os_memory_share(memory, CACHE_SHARE) &&
	       evict(memory, CACHE);
}

static bool take_back(struct os_memory *memory)
{
	if (memory->count[LOANED] == 0)
		return false;
	os_memory_push(memory, FREE, os_memory_pop(memory, LOANED));
	return true;
}

static bool reclaim_one(struct os_memory *memory)
{
	if (os_memory_drop_cache(memory))
		return true;
	if (memory->config.policy == OS_LOAN_CACHE && take_back(memory))
		return true;
	return evict(memory, WORKING) || evict(memory, CACHE);
}

/* NONE: there is none to be had. */
uint32_t os_memory_get(struct os_memory *memory)
{
	uint32_t low = os_memory_share(memory, LOW_SHARE), frame;

	if (memory->count[FREE] < low) {
		while (memory->count[FREE] < 2 * low && reclaim_one(memory))
			;
	}
	if (memory->count[FREE] == 0 && !take_back(memory))
		return NONE;
	frame = os_memory_pop(memory, FREE);
	(void)os_memory_say(memory, frame, HV_HINT_ACTIVE); /* it is written all over */
	return frame;
}

/* ---- the process ---- */

static struct partition_content content_of(const struct os_memory *memory, uint64_t page,
					   uint32_t version)
{
	return (struct partition_content){ .key = memory->config.key,
					   .page = page,
					   .version = version };
}

static bool write(struct os_memory *memory, uint32_t page)
{
	struct process_page *at = &memory->process[page];
	struct partition_content content =
		content_of(memory, page, at->version == NONE ? 1 : at->version + 1);

	memory->frames[at->frame].is_dirty = true;
	if (!memory->env.write(memory->env.ctx, at->frame, &content))
		return false;
	at->version = content.version;
	return true;
}

static void count_page_in(struct os_memory *memory, const struct process_page *at)
{
	memory->figures.page_ins++;
	if (memory->left - at->left <= memory->count[LOANED])
		memory->figures.curable++;
}

/* False: it has no frame. */
static bool bring_in(struct os_memory *memory, uint32_t page)
{
	struct process_page *at = &memory->process[page];
	uint32_t frame = os_memory_get(memory);

	if (frame == NONE) {
		memory->figures.io_errors++;
		return false;
	}
	if (at->version != 0) {
		if (!move(memory, OS_STORE_PAGING, page, frame, true)) {
			os_memory_push(memory, FREE, frame);
			return false;
		}
		count_page_in(memory, at);
	}
	os_memory_hold(memory, frame, WORKING, page);
	at->frame = frame;
	return true;
}

bool os_memory_touch(struct os_memory *memory, uint32_t page, bool is_store)
{
	struct process_page *at = &memory->process[page];
	struct partition_content content;
	bool is_right = true;

	HV_INVARIANT(page < memory->config.process_pages);
	if (at->frame == NONE && !bring_in(memory, page))
		return true; /* counted: nothing was seen of it */
	memory->frames[at->frame].is_used = true;
	if (at->version == 0)
		return write(memory, page);
	content = content_of(memory, page, at->version);
	is_right = memory->env.check(memory->env.ctx, at->frame, &content);
	if (is_store || !is_right) /* so each mismatch is one */
		(void)write(memory, page);
	return is_right;
}

/* ---- the file ---- */

/* The page into the frame: from the file, or made and put there. */
static bool read_in(struct os_memory *memory, uint32_t page, uint32_t frame)
{
	struct partition_content content = content_of(memory, FILE_BASE + page, 1);
	struct file_page *at = &memory->file[page];

	memory->figures.file_reads++;
	if (at->is_made)
		return move(memory, OS_STORE_FILE, page, frame, true);
	if (!memory->env.write(memory->env.ctx, frame, &content)) {
		memory->figures.io_errors++;
		return false;
	}
	at->is_made = move(memory, OS_STORE_FILE, page, frame, false);
	return at->is_made;
}

static bool is_as_in_file(struct os_memory *memory, uint32_t page)
{
	struct partition_content content = content_of(memory, FILE_BASE + page, 1);
	uint32_t frame = memory->file[page].frame;
	bool is_right = memory->env.check(memory->env.ctx, frame, &content);

	if (is_right)
		(void)os_memory_say(memory, frame, HV_HINT_EXPENDABLE);
	else
		os_memory_let_go(memory, frame); /* read again next time */
	return is_right;
}

/* The page is in the cache and the hypervisor told to leave it alone. */
static bool cache(struct os_memory *memory, uint32_t page)
{
	struct file_page *at = &memory->file[page];
	uint32_t frame = at->frame;

	if (frame != NONE && os_memory_say(memory, frame, HV_HINT_ACTIVE))
		return true;
	if (frame != NONE) {
		memory->figures.dropped++;
		if (read_in(memory, page, frame))
			return true;
		os_memory_let_go(memory, frame);
		return false;
	}
	frame = os_memory_get(memory);
	if (frame == NONE || !read_in(memory, page, frame)) {
		if (frame != NONE)
			os_memory_push(memory, FREE, frame);
		return false;
	}
	os_memory_hold(memory, frame, CACHE, page);
	at->frame = frame;
	return true;
}

bool os_memory_read_file(struct os_memory *memory, uint32_t page)
{
	HV_INVARIANT(page < memory->config.file_pages);
	if (!cache(memory, page))
		return true; /* counted */
	memory->frames[memory->file[page].frame].is_used = true;
	return is_as_in_file(memory, page);
}

/* ---- loans ---- */

/* Pages of working storage that may still be written for loans: *budget. */
static bool loan_one(struct os_memory *memory, uint32_t *budget)
{
	if (memory->count[FREE] <= os_memory_share(memory, LOW_SHARE) &&
	    !os_memory_drop_cache(memory)) {
		if (memory->config.policy < OS_LOAN_WORKING || *budget == 0 ||
		    !evict(memory, WORKING))
			return false;
		(*budget)--;
	}
	if (memory->count[FREE] > os_memory_share(memory, LOW_SHARE))
		os_memory_push(memory, LOANED, os_memory_pop(memory, FREE));
	return true;
}

static uint64_t target_of(struct os_memory *memory, uint64_t wanted)
{
	uint64_t most = memory->keep - os_memory_share(memory, OWN_SHARE);
	uint64_t missed = memory->figures.curable - memory->curable;

	memory->curable = memory->figures.curable;
	memory->eased = memory->eased * 3 / 4 + missed;
	if (memory->config.policy != OS_LOAN_BALLOON)
		wanted -= memory->eased < wanted ? memory->eased : wanted;
	return wanted < most ? wanted : most;
}

void os_memory_loan(struct os_memory *memory, uint64_t wanted)
{
	bool is_balloon = memory->config.policy == OS_LOAN_BALLOON;
	uint32_t moves = is_balloon ? os_memory_share(memory, BALLOON_SHARE)
				    : memory->config.frames;
	uint32_t budget = os_memory_share(memory, OUT_SHARE);
	uint64_t target;

	if (memory->config.policy == OS_LOAN_OFF)
		return;
	target = target_of(memory, wanted);
	while (moves > 0 && memory->count[LOANED] > target) {
		(void)take_back(memory);
		moves--;
	}
	while (moves > 0 && memory->count[LOANED] < target && loan_one(memory, &budget))
		moves--;
}

bool os_memory_is_loaned(const struct os_memory *memory, uint32_t frame)
{
	return memory->frames[frame].state == LOANED;
}

/* ---- the whole ---- */

bool os_memory_verify(struct os_memory *memory, uint32_t frame)
{
	const struct frame *at = &memory->frames[frame];
	struct partition_content content;

	HV_INVARIANT(frame < memory->config.frames);
	if (at->state == WORKING) {
		content = content_of(memory, at->what, memory->process[at->what].version);
		return content.version == 0 ||
		       memory->env.check(memory->env.ctx, frame, &content);
	}
	if (at->state != CACHE)
		return true;
	if (os_memory_say(memory, frame, HV_HINT_ACTIVE))
		return is_as_in_file(memory, at->what);
	memory->figures.dropped++;
	os_memory_let_go(memory, frame);
	return true;
}

struct os_memory_figures os_memory_figures(const struct os_memory *memory)
{
	struct os_memory_figures figures = memory->figures;

	figures.frames = memory->config.frames;
	figures.free = memory->count[FREE] + memory->count[ASIDE];
	figures.working = memory->count[WORKING];
	figures.cache = memory->count[CACHE];
	figures.loaned = memory->count[LOANED];
	return figures;
}

/* How many are on a list; more than there are frames: it has a ring. */
static uint32_t length(const struct os_memory *memory, enum state state)
{
	uint32_t n = 0;

	for (uint32_t at = memory->first[state]; at != NONE && n <= memory->config.frames;
	     at = memory->frames[at].what) {
		if (at >= memory->config.frames ||
		    memory->frames[at].state != (uint8_t)state)
			return NONE;
		n++;
	}
	return n;
}

static bool is_where_it_says(const struct os_memory *memory, uint32_t frame)
{
	const struct frame *at = &memory->frames[frame];

	if (at->state == WORKING)
		return memory->process[at->what].frame == frame;
	if (at->state == FREE || at->state == LOANED)
		return frame < memory->keep;
	return at->state != CACHE || memory->file[at->what].frame == frame;
}

enum hv_code os_memory_audit(const struct os_memory *memory, struct hv_err *err)
{
	uint32_t count[STATE_COUNT] = { 0 };

	for (uint32_t i = 0; i < memory->config.frames; i++) {
		if (!is_where_it_says(memory, i))
			return hv_fail(err, HV_E_CORRUPT, "frame %u is in two places", i);
		count[memory->frames[i].state]++;
	}
	for (unsigned i = 0; i < STATE_COUNT; i++) {
		if (count[i] != memory->count[i])
			return hv_fail(err, HV_E_CORRUPT, "%u frames of state %u, not %u",
				       count[i], i, memory->count[i]);
	}
	if (length(memory, FREE) != count[FREE] ||
	    length(memory, LOANED) != count[LOANED])
		return hv_fail(err, HV_E_CORRUPT,
			       "a list that is not as long as it says");
	return HV_OK;
}

static enum hv_code make_tables(struct os_memory *memory, struct hv_err *err)
{
	const struct os_memory_config *config = &memory->config;

	memory->frames = calloc(config->frames_max, sizeof(*memory->frames));
	memory->process = calloc(config->process_pages, sizeof(*memory->process));
	memory->file = calloc(config->file_pages, sizeof(*memory->file));
	if (memory->frames == NULL || memory->process == NULL || memory->file == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the tables of pages");
	for (uint32_t i = 0; i < config->process_pages; i++)
		memory->process[i].frame = NONE;
	for (uint32_t i = 0; i < config->file_pages; i++)
		memory->file[i].frame = NONE;
	return HV_OK;
}

enum hv_code os_memory_open(const struct os_memory_config *config,
			    const struct os_memory_env *env,
			    struct os_memory **ret_memory, struct hv_err *err)
{
	struct os_memory *memory;
	enum hv_code code;

	if (config->frames == 0 || config->frames > config->frames_max ||
	    config->process_pages == 0 || config->file_pages == 0 ||
	    (config->policy != OS_LOAN_OFF && env->hint == NULL))
		return hv_fail(err, HV_E_INVAL, "no pages, or loans without hints");
	memory = calloc(1, sizeof(*memory));
	if (memory == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the system's memory");
	memory->config = *config;
	memory->config.frames = 0;
	memory->env = *env;
	memory->first[FREE] = NONE;
	memory->first[LOANED] = NONE;
	code = make_tables(memory, err);
	if (code != HV_OK) {
		os_memory_close(memory);
		return code;
	}
	os_memory_resize(memory, config->frames);
	*ret_memory = memory;
	return HV_OK;
}

void os_memory_close(struct os_memory *memory)
{
	if (memory == NULL)
		return;
	free(memory->frames);
	free(memory->process);
	free(memory->file);
	free(memory);
}
