/* os_guest - see os_guest.h. */
#include "agent/partition/os_guest.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

#define LOAN_MS 1000       /* as cmm's delay */
#define FILE_TIMES 2       /* its size, in memories */
#define GIVE_PAGES 256     /* emptied between two operations; arbitrary */
#define GIVE_AGAIN_MS 1000 /* what could not be emptied; arbitrary */
#define OS_FRAMES_MIN 256  /* of its own; arbitrary */
#define POOL_NONE 0xffff   /* H_GET_MPP of dedicated memory */

struct os_guest {
	struct os_guest_config config;
	struct os_memory *memory;
	struct partition_workload file; /* which page of it is read next */
	struct hv_rng rng;
	struct partition_stall *stall; /* while an operation runs */
	bool may_have_slept;           /* other than in a touch */
	uint64_t next_loan_ms;
	uint32_t process_pages;
	_Atomic uint64_t offered; /* pages it shall make do with; 0: nothing is offered */
	_Atomic uint64_t least;   /* pages it can make do with now */
	uint64_t offering;        /* what of that it has seen */
	_Atomic uint64_t next_give_ms; /* after a pass that left some */
	uint64_t filled; /* pages that the process has come by at its beginning */
	pthread_mutex_t lock;
	struct os_memory_figures figures; /* with lock */
};

static uint64_t page_of(const struct os_guest *os, uint32_t frame)
{
	return partition_guest_kept(os->config.guest) + frame;
}

static uint32_t frames_of(uint64_t pages, const struct partition_guest *guest)
{
	return (uint32_t)(pages - partition_guest_kept(guest));
}

/* ---- what os_memory is built on ---- */

/* A call, or a read from a disk, is no stall. */
static void begin(struct os_guest *os, uint64_t page, bool is_store)
{
	if (partition_guest_reach(os->config.guest, page, is_store) || os->may_have_slept)
		partition_stall_rest(os->stall);
	os->may_have_slept = false;
	(void)partition_stall_begin(os->stall);
}

static bool env_write(void *ctx, uint32_t frame, const struct partition_content *content)
{
	struct os_guest *os = ctx;
	bool is_done;

	begin(os, page_of(os, frame), true);
	is_done = partition_guest_write_as(os->config.guest, page_of(os, frame), content);
	(void)partition_stall_end(os->stall);
	return is_done;
}

static bool env_check(void *ctx, uint32_t frame, const struct partition_content *content)
{
	struct os_guest *os = ctx;
	bool is_right;

	begin(os, page_of(os, frame), false);
	is_right = partition_guest_check_as(os->config.guest, page_of(os, frame), content,
					    0);
	(void)partition_stall_end(os->stall);
	return is_right;
}

static bool env_load(void *ctx, uint32_t frame, uint8_t *into)
{
	struct os_guest *os = ctx;
	uint64_t page = page_of(os, frame);
	bool is_done;

	begin(os, page, false);
	is_done = partition_guest_load(os->config.guest, page * HV_PAGE_BYTES, into,
				       HV_PAGE_BYTES);
	(void)partition_stall_end(os->stall);
	return is_done;
}

static bool env_fill(void *ctx, uint32_t frame, const uint8_t *from)
{
	struct os_guest *os = ctx;
	bool is_done;

	begin(os, page_of(os, frame), true);
	is_done = partition_guest_fill(os->config.guest, page_of(os, frame), from);
	(void)partition_stall_end(os->stall);
	return is_done;
}

static bool env_hint(void *ctx, uint32_t frame, enum hv_hint hint)
{
	struct os_guest *os = ctx;

	os->may_have_slept = true;
	return partition_hint(os->config.calls, page_of(os, frame), hint);
}

static bool env_read(void *ctx, enum os_store store, uint64_t page, uint8_t *into)
{
	struct os_guest *os = ctx;
	ssize_t n;

	os->may_have_slept = true;
	do
		n = pread(os->config.files[store], into, HV_PAGE_BYTES,
			  (off_t)(page * HV_PAGE_BYTES));
	while (n < 0 && errno == EINTR);
	return n == HV_PAGE_BYTES;
}

static bool env_save(void *ctx, enum os_store store, uint64_t page, const uint8_t *from)
{
	struct os_guest *os = ctx;
	ssize_t n;

	os->may_have_slept = true;
	do
		n = pwrite(os->config.files[store], from, HV_PAGE_BYTES,
			   (off_t)(page * HV_PAGE_BYTES));
	while (n < 0 && errno == EINTR);
	return n == HV_PAGE_BYTES;
}

/* ---- loans ---- */

/* Of what is lent, what the hypervisor has taken: it counts that alone. */
static uint64_t count_taken(const struct os_guest *os)
{
	const _Atomic uint8_t *hints = partition_calls_hints(os->config.calls);
	uint64_t pages = partition_guest_pages(os->config.guest), taken = 0;

	for (uint64_t page = page_of(os, 0); page < pages; page++)
		taken += os_memory_is_loaned(os->memory,
					     (uint32_t)(page - page_of(os, 0))) &&
			 (atomic_load_explicit(&hints[page], memory_order_relaxed) &
			  HV_HINT_TAKEN) != 0;
	return taken;
}

static void loan(struct os_guest *os)
{
	struct hv_hcall_answer answer = partition_call(os->config.calls, H_GET_MPP, NULL);
	int64_t wanted;

	os->may_have_slept = true;
	if (answer.code != H_SUCCESS || answer.values[HV_MPP_POOL] == POOL_NONE)
		return;
	wanted = (int64_t)answer.values[HV_MPP_LOAN_REQUEST] / (int64_t)HV_PAGE_BYTES +
		 (int64_t)count_taken(os);
	os_memory_loan(os->memory, wanted > 0 ? (uint64_t)wanted : 0);
}

static void loan_if_due(struct os_guest *os, uint64_t now_ms)
{
	if (os->config.policy == OS_LOAN_OFF || now_ms < os->next_loan_ms)
		return;
	os->next_loan_ms = now_ms + LOAN_MS;
	loan(os);
}

/* ---- memory that is given back ---- */

/* True: what was asked for is empty now. */
static bool give_some(struct os_guest *os, uint64_t now_ms)
{
	uint64_t offered = atomic_load(&os->offered);
	bool is_pass;

	if (offered == 0 || atomic_load(&os->least) <= offered ||
	    now_ms < atomic_load(&os->next_give_ms))
		return false;
	if (os->offering != offered) {
		os->offering = offered;
		os_memory_offer(os->memory, frames_of(offered, os->config.guest));
	}
	is_pass = os_memory_give(os->memory, GIVE_PAGES);
	if (os_memory_is_given(os->memory)) {
		atomic_store(&os->least, offered);
		return true;
	}
	if (is_pass)
		atomic_store(&os->next_give_ms, now_ms + GIVE_AGAIN_MS);
	return false;
}

/* ---- operations ---- */

static void publish(struct os_guest *os)
{
	struct os_memory_figures figures = os_memory_figures(os->memory);

	HV_INVARIANT(pthread_mutex_lock(&os->lock) == 0);
	os->figures = figures;
	HV_INVARIANT(pthread_mutex_unlock(&os->lock) == 0);
}

struct os_memory_figures os_guest_figures(struct os_guest *os)
{
	struct os_memory_figures figures;

	HV_INVARIANT(pthread_mutex_lock(&os->lock) == 0);
	figures = os->figures;
	HV_INVARIANT(pthread_mutex_unlock(&os->lock) == 0);
	return figures;
}

/* While the process comes by its pages nothing is read. */
static bool reads_file(struct os_guest *os, const struct partition_operation *operation)
{
	if (os->filled < os->process_pages && operation->page == os->filled) {
		os->filled++;
		return false;
	}
	return hv_rng_below(&os->rng, 100) < os->config.file_percent;
}

bool os_guest_tick(struct os_guest *os, struct partition_stall *stall, uint64_t now_ms)
{
	bool is_given;

	os->stall = stall;
	is_given = give_some(os, now_ms);
	loan_if_due(os, now_ms);
	publish(os);
	return is_given;
}

void os_guest_operate(struct os_guest *os, const struct partition_operation *operation,
		      struct partition_stall *stall)
{
	uint64_t page;

	os->stall = stall;
	if (reads_file(os, operation)) {
		page = partition_zipf_next(&os->file.zipf, &os->rng) - 1;
		page = (uint64_t)((unsigned __int128)page * os->file.stride %
				  os->file.window);
		(void)os_memory_read_file(os->memory, (uint32_t)page);
	} else {
		(void)os_memory_touch(os->memory, (uint32_t)operation->page,
				      operation->action != PARTITION_READ);
	}
	publish(os);
}

bool os_guest_verify(struct os_guest *os, uint64_t page, struct partition_stall *stall)
{
	bool is_right;

	os->stall = stall;
	if (page >= page_of(os, 0))
		return os_memory_verify(os->memory, (uint32_t)(page - page_of(os, 0)));
	begin(os, page, false);
	is_right = partition_guest_check(os->config.guest, page);
	(void)partition_stall_end(stall);
	return is_right;
}

uint64_t os_guest_offer(struct os_guest *os, uint64_t pages)
{
	uint64_t least = partition_guest_kept(os->config.guest) + OS_FRAMES_MIN;

	if (pages < least)
		pages = least;
	if (pages >= partition_guest_pages(os->config.guest))
		return partition_guest_pages(os->config.guest);
	atomic_store(&os->least, UINT64_MAX);
	atomic_store(&os->next_give_ms, 0);
	atomic_store(&os->offered, pages);
	return pages;
}

uint64_t os_guest_least(struct os_guest *os)
{
	return atomic_load(&os->least);
}

void os_guest_resize(struct os_guest *os)
{
	os_memory_resize(os->memory, frames_of(partition_guest_pages(os->config.guest),
					       os->config.guest));
	os->offering = 0;
	atomic_store(&os->offered, 0);
	atomic_store(&os->least, UINT64_MAX);
	publish(os);
}

void os_guest_init_load(const struct os_guest *os,
			const struct partition_workload_config *config,
			struct partition_workload *ret_load)
{
	struct partition_workload_config process = *config;

	process.working_set_percent = 100;
	partition_workload_init(ret_load, &process, 0, os->process_pages, 0);
}

enum os_loan_policy os_guest_policy(const struct os_guest *os)
{
	return os->config.policy;
}

static void init_load(struct os_guest *os, uint32_t file_pages)
{
	const struct partition_workload_config file = { .kind = PARTITION_ZIPF,
							.working_set_percent = 100,
							.seed = os->config.seed };

	partition_workload_init(&os->file, &file, 0, file_pages, 1);
	os->rng = os->file.rng;
}

enum hv_code os_guest_open(const struct os_guest_config *config, struct os_guest **ret_os,
			   struct hv_err *err)
{
	const struct partition_guest *guest = config->guest;
	struct os_guest *os = calloc(1, sizeof(*os));
	struct os_memory_config memory = {
		.frames = frames_of(partition_guest_pages(guest), guest),
		.frames_max = frames_of(partition_guest_max_pages(guest), guest),
		.key = partition_guest_key(guest),
		.policy = config->policy,
	};
	struct os_memory_env env = { .ctx = os,
				     .write = env_write,
				     .check = env_check,
				     .load = env_load,
				     .fill = env_fill,
				     .hint = config->calls != NULL ? env_hint : NULL,
				     .read = env_read,
				     .save = env_save };
	enum hv_code code;

	if (os == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the system");
	os->config = *config;
	memory.process_pages =
		(uint32_t)((uint64_t)memory.frames * config->working_set_percent / 100) +
		1;
	memory.file_pages = memory.frames * FILE_TIMES;
	os->process_pages = memory.process_pages;
	code = os_memory_open(&memory, &env, &os->memory, err);
	if (code != HV_OK) {
		free(os);
		return code;
	}
	HV_INVARIANT(pthread_mutex_init(&os->lock, NULL) == 0);
	atomic_init(&os->least, UINT64_MAX);
	init_load(os, memory.file_pages);
	publish(os);
	*ret_os = os;
	return HV_OK;
}

void os_guest_close(struct os_guest *os)
{
	if (os == NULL)
		return;
	os_memory_close(os->memory);
	HV_INVARIANT(pthread_mutex_destroy(&os->lock) == 0);
	free(os);
}
