/* crew - see crew.h. */
#include "agent/partition/crew_priv.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "agent/partition/pin.h"
#include "agent/partition/stall.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define NS_PER_S UINT64_C(1000000000)
#define DEBT_NS (NS_PER_S / 10) /* what a worker makes up for after a stall; arbitrary */
#define PEEK_ONE_IN 16          /* reads that look at a neighbour's page too */

static_assert(PARTITION_WORKERS_MAX <= PARTITION_IO_WORKERS_MAX, "each may do I/O");

static void lock(struct partition_crew *crew)
{
	HV_INVARIANT(pthread_mutex_lock(&crew->lock) == 0);
}

static void unlock(struct partition_crew *crew)
{
	HV_INVARIANT(pthread_mutex_unlock(&crew->lock) == 0);
}

static void notify(struct partition_crew *crew)
{
	const uint64_t one = 1;

	/* Full after 2^64 - 2 notices that nobody has read: it is readable anyway. */
	(void)!write(crew->notice, &one, sizeof one);
}

static bool is_stopping(const struct worker *worker)
{
	return atomic_load(&worker->crew->is_stopping);
}

/* The first worker owns the reserved pages. */
static bool has_access(const struct worker *worker)
{
	return worker->number == 0 && partition_access_is_wanted(&worker->crew->access);
}

static bool has_command(const struct worker *worker)
{
	return is_stopping(worker) || has_access(worker) ||
	       atomic_load(&worker->crew->pass) != worker->pass ||
	       atomic_load(&worker->crew->pause) != worker->pause;
}

/* Sleeps until the time comes, or a command does. */
static void sleep_until(struct worker *worker, uint64_t at_ns)
{
	struct partition_crew *crew = worker->crew;
	struct timespec at = { .tv_sec = (time_t)(at_ns / NS_PER_S),
			       .tv_nsec = (long)(at_ns % NS_PER_S) };

	lock(crew);
	while (!has_command(worker) && hv_clock_ns() < at_ns)
		(void)pthread_cond_timedwait(&crew->changed, &crew->lock, &at);
	unlock(crew);
	partition_stall_rest(&worker->stall);
}

/* True when the next operation is due; false when a command came first. */
static bool keep_pace(struct worker *worker)
{
	uint64_t now;

	if (worker->interval_ns == 0 || !partition_workload_is_filled(&worker->workload))
		return true;
	now = hv_clock_ns();
	if (worker->due_ns + DEBT_NS < now)
		worker->due_ns = now - DEBT_NS;
	if (worker->due_ns > now) {
		sleep_until(worker, worker->due_ns);
		if (has_command(worker))
			return false;
	}
	worker->due_ns += worker->interval_ns;
	return true;
}

/* Says that they are unused; or has the control thread give them back, and waits. */
static void discard(struct worker *worker, uint64_t page, uint64_t pages)
{
	struct partition_crew *crew = worker->crew;
	uint64_t kept = partition_guest_kept(crew->guest), skipped = 0;

	if (page < kept) /* what is mapped for I/O is not given back */
		skipped = kept - page < pages ? kept - page : pages;
	page += skipped;
	pages -= skipped;
	if (pages == 0)
		return;
	if (partition_guest_has_hints(crew->guest)) {
		partition_guest_free(crew->guest, page, pages, HV_HINT_UNUSED);
		partition_stall_rest(&worker->stall);
		return;
	}
	lock(crew);
	HV_INVARIANT(worker->discard == DISCARD_NONE);
	worker->discard_page = page;
	worker->discard_pages = pages;
	worker->discard = DISCARD_WANTED;
	notify(crew);
	while (worker->discard != DISCARD_NONE && !is_stopping(worker))
		(void)pthread_cond_wait(&crew->changed, &crew->lock);
	unlock(crew);
	partition_stall_rest(&worker->stall);
	/* When stopping, what the pages hold is nobody's business any more. */
	partition_guest_forget(crew->guest, page, pages);
}

/* Before an operation on a page. A call to translate it is no stall. */
static void begin(struct worker *worker, uint64_t page, bool is_store)
{
	if (partition_guest_reach(worker->crew->guest, page, is_store))
		partition_stall_rest(&worker->stall);
	(void)partition_stall_begin(&worker->stall);
}

static void serve_access(struct worker *worker)
{
	partition_access_serve(&worker->crew->access, worker->crew->guest,
			       &worker->stall);
}

/* A page that another worker owns, so that two threads may fault on one page. */
static void peek_sometimes(struct worker *worker)
{
	struct partition_crew *crew = worker->crew;
	uint64_t draw = hv_rng_next(&worker->rng);
	uint64_t page;

	if (crew->count <= 1 || draw % PEEK_ONE_IN != 0)
		return;
	page = hv_rng_below(&worker->rng, partition_guest_pages(crew->guest));
	begin(worker, page, false);
	(void)partition_guest_peek(crew->guest, page);
	(void)partition_stall_end(&worker->stall);
}

static void perform(struct worker *worker, const struct partition_operation *operation)
{
	struct partition_guest *guest = worker->crew->guest;

	switch (operation->action) {
	case PARTITION_READ:
		(void)partition_guest_check(guest, operation->page);
		return;
	case PARTITION_UPDATE:
		(void)partition_guest_check(guest, operation->page);
		(void)partition_guest_write(guest, operation->page);
		return;
	case PARTITION_WRITE:
		(void)partition_guest_write(guest, operation->page);
		return;
	default:
		HV_UNREACHABLE("an action that does not touch a page");
	}
}

/* Not before its pages hold something. */
static bool does_io(struct worker *worker, const struct partition_operation *operation)
{
	struct partition_io *io = worker->crew->io;

	return io != NULL && partition_workload_is_filled(&worker->workload) &&
	       partition_io_operate(io, worker->number, operation, &worker->stall);
}

static void work(struct worker *worker, uint64_t *now_ns)
{
	struct partition_operation operation = partition_workload_next(&worker->workload,
								       *now_ns / 1000000);
	struct os_guest *os = worker->crew->os;

	if (os != NULL && os_guest_tick(os, &worker->stall, *now_ns / 1000000))
		notify(worker->crew);
	if (does_io(worker, &operation)) {
		*now_ns = hv_clock_ns();
	} else if (os != NULL) {
		os_guest_operate(os, &operation, &worker->stall);
		*now_ns = hv_clock_ns();
	} else if (operation.action == PARTITION_DISCARD) {
		discard(worker, operation.page, operation.pages);
	} else {
		begin(worker, operation.page, operation.action != PARTITION_READ);
		perform(worker, &operation);
		*now_ns = partition_stall_end(&worker->stall);
		if (operation.action == PARTITION_READ)
			peek_sometimes(worker);
	}
	atomic_fetch_add_explicit(&worker->operations, 1, memory_order_relaxed);
}

/* What a free page holds is nobody's business. */
static bool verify_page(struct worker *worker, uint64_t page)
{
	struct partition_guest *guest = worker->crew->guest;
	bool is_right;

	if (worker->crew->os != NULL)
		return os_guest_verify(worker->crew->os, page, &worker->stall);
	if (partition_guest_is_free(guest, page))
		return true;
	begin(worker, page, false);
	is_right = partition_guest_check(guest, page);
	(void)partition_stall_end(&worker->stall);
	return is_right;
}

/* One pass over the worker's own pages; a stop ends it early. */
static void verify(struct worker *worker)
{
	struct partition_crew *crew = worker->crew;

	for (uint64_t i = 0; i < worker->count && !is_stopping(worker); i++) {
		if (has_access(worker))
			serve_access(worker);
		if (!verify_page(worker, worker->first + i))
			atomic_fetch_add(&worker->verified_bad, 1);
		atomic_fetch_add(&worker->verified, 1);
	}
	if (is_stopping(worker))
		return; /* not a pass */
	worker->pass = atomic_load(&crew->pass);
	if (atomic_fetch_add(&crew->passed, 1) + 1 == crew->count)
		notify(crew);
}

/* Touches nothing until the crew is resumed. */
static void stand_by(struct worker *worker)
{
	struct partition_crew *crew = worker->crew;

	lock(crew);
	worker->pause = atomic_load(&crew->pause);
	if (atomic_fetch_add(&crew->paused, 1) + 1 == crew->count)
		notify(crew);
	/* a serial: a worker that is slow to wake may find the next pause begun */
	while (crew->resumed != worker->pause && !is_stopping(worker))
		(void)pthread_cond_wait(&crew->changed, &crew->lock);
	unlock(crew);
	partition_stall_rest(&worker->stall);
}

static void *run(void *arg) /* worker thread */
{
	struct worker *worker = arg;
	struct partition_crew *crew = worker->crew;
	uint64_t now_ns = hv_clock_ns();

	/* Not before all have started: crew->count and the others are ready then. */
	lock(crew);
	unlock(crew);
	partition_stall_adopt(&worker->stall);
	while (!is_stopping(worker)) {
		if (has_access(worker))
			serve_access(worker);
		else if (atomic_load(&crew->pass) != worker->pass)
			verify(worker);
		else if (atomic_load(&crew->pause) != worker->pause)
			stand_by(worker);
		else if (keep_pace(worker))
			work(worker, &now_ns);
	}
	atomic_fetch_add(&crew->ended, 1);
	notify(crew);
	return NULL;
}

static void wake_all(struct partition_crew *crew)
{
	lock(crew);
	HV_INVARIANT(pthread_cond_broadcast(&crew->changed) == 0);
	unlock(crew);
}

void partition_crew_stop(struct partition_crew *crew)
{
	atomic_store(&crew->is_stopping, true);
	wake_all(crew);
}

static void share_out(struct worker *worker, uint64_t pages, unsigned workers)
{
	worker->first = pages * worker->number / workers;
	worker->count = pages * (worker->number + 1) / workers - worker->first;
}

static void init_worker(struct partition_crew *crew, unsigned number,
			const struct partition_crew_config *config)
{
	struct worker *worker = &crew->workers[number];
	uint64_t pages = partition_guest_pages(crew->guest);
	uint64_t rate = config->rate;

	if (rate == 0 && config->workload.kind == PARTITION_IDLE)
		rate = PARTITION_IDLE_RATE;
	worker->crew = crew;
	worker->number = number;
	share_out(worker, pages, config->workers);
	worker->rng.state = config->workload.seed ^ number;
	worker->interval_ns = rate == 0 ? 0 : NS_PER_S * config->workers / rate;
	if (crew->os != NULL)
		os_guest_init_load(crew->os, &config->workload, &worker->workload);
	else
		partition_workload_init(&worker->workload, &config->workload,
					worker->first, worker->count, number);
	partition_stall_init(&worker->stall);
}

/* For whoever looks at its threads: top, or who is told what hit a breakpoint. */
static void name_thread(const struct worker *worker)
{
	char name[16];

	(void)snprintf(name, sizeof(name), "worker %u", worker->number);
	(void)pthread_setname_np(worker->thread, name);
}

/* With the lock held, so that no worker runs before all are there. */
static enum hv_code start_workers(struct partition_crew *crew,
				  const struct partition_crew_config *config,
				  struct hv_err *err)
{
	for (unsigned i = 0; i < config->workers; i++) {
		struct worker *worker = &crew->workers[i];
		int os = pthread_create(&worker->thread, NULL, run, worker);

		if (os != 0)
			return hv_fail_os(err, HV_E_OS, os, "start worker %u", i);
		crew->count++;
		name_thread(worker);
		/* The others are there to have more than one processor. */
		if (i == 0 && config->home_cpu >= 0 && config->home_cpu < CPU_SETSIZE)
			partition_pin(worker->thread, worker->number, config->home_cpu);
	}
	return HV_OK;
}

static void init_waits(struct partition_crew *crew)
{
	pthread_condattr_t attributes;

	HV_INVARIANT(pthread_mutex_init(&crew->lock, NULL) == 0);
	HV_INVARIANT(pthread_condattr_init(&attributes) == 0);
	HV_INVARIANT(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
	HV_INVARIANT(pthread_cond_init(&crew->changed, &attributes) == 0);
	HV_INVARIANT(pthread_condattr_destroy(&attributes) == 0);
}

enum hv_code partition_crew_open(const struct partition_crew_config *config,
				 struct partition_guest *guest,
				 struct partition_crew **ret_crew, struct hv_err *err)
{
	struct partition_crew *crew;
	enum hv_code code;

	if (config->workers < 1 || config->workers > PARTITION_WORKERS_MAX ||
	    config->workers > partition_guest_pages(guest))
		return hv_fail(err, HV_E_INVAL, "%u workers for %llu pages",
			       config->workers,
			       (unsigned long long)partition_guest_pages(guest));
	crew = calloc(1, sizeof *crew);
	if (crew == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the workers");
	crew->guest = guest;
	crew->os = config->os;
	crew->io = config->io;
	crew->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (crew->notice < 0) {
		code = hv_fail_os(err, HV_E_OS, errno, "make an eventfd");
		free(crew);
		return code;
	}
	code = partition_access_open(&crew->access, err);
	if (code != HV_OK) {
		(void)close(crew->notice);
		free(crew);
		return code;
	}
	init_waits(crew);
	for (unsigned i = 0; i < config->workers; i++)
		init_worker(crew, i, config);
	lock(crew);
	code = start_workers(crew, config, err);
	if (code != HV_OK)
		atomic_store(&crew->is_stopping, true);
	unlock(crew);
	if (code == HV_OK)
		*ret_crew = crew;
	else
		partition_crew_close(crew);
	return code;
}

void partition_crew_close(struct partition_crew *crew)
{
	if (crew == NULL)
		return;
	partition_crew_stop(crew);
	for (unsigned i = 0; i < crew->count; i++)
		HV_INVARIANT(pthread_join(crew->workers[i].thread, NULL) == 0);
	HV_INVARIANT(pthread_cond_destroy(&crew->changed) == 0);
	HV_INVARIANT(pthread_mutex_destroy(&crew->lock) == 0);
	partition_access_close(&crew->access);
	(void)close(crew->notice);
	free(crew);
}

int partition_crew_notice(const struct partition_crew *crew)
{
	return crew->notice;
}

enum hv_code partition_crew_verify(struct partition_crew *crew, struct hv_err *err)
{
	if (crew_is_verifying(crew))
		return hv_fail(err, HV_E_STATE, "a pass over all pages is running");
	for (unsigned i = 0; i < crew->count; i++) {
		atomic_store(&crew->workers[i].verified, 0);
		atomic_store(&crew->workers[i].verified_bad, 0);
	}
	atomic_store(&crew->passed, 0);
	atomic_fetch_add(&crew->pass, 1); /* last: from here on the workers begin */
	wake_all(crew);
	return HV_OK;
}

void partition_crew_pause(struct partition_crew *crew)
{
	lock(crew);
	atomic_store(&crew->paused, 0);
	atomic_fetch_add(&crew->pause, 1);
	HV_INVARIANT(pthread_cond_broadcast(&crew->changed) == 0);
	unlock(crew);
}

void partition_crew_resume(struct partition_crew *crew)
{
	uint64_t pages = partition_guest_pages(crew->guest);

	lock(crew);
	HV_INVARIANT(atomic_load(&crew->paused) == crew->count && pages >= crew->count);
	for (unsigned i = 0; i < crew->count; i++) {
		struct worker *worker = &crew->workers[i];

		share_out(worker, pages, crew->count);
		if (crew->os != NULL)
			os_guest_resize(crew->os);
		else
			partition_workload_resize(&worker->workload, worker->first,
						  worker->count, i);
	}
	if (crew->io != NULL)
		partition_io_forget(crew->io);
	crew->resumed = atomic_load(&crew->pause);
	HV_INVARIANT(pthread_cond_broadcast(&crew->changed) == 0);
	unlock(crew);
}

void partition_crew_wake(struct partition_crew *crew)
{
	wake_all(crew);
}

bool partition_crew_take_discard(struct partition_crew *crew,
				 struct partition_wanted_discard *ret_discard)
{
	bool is_taken = false;

	lock(crew);
	for (unsigned i = 0; i < crew->count && !is_taken; i++) {
		struct worker *worker = &crew->workers[i];

		if (worker->discard != DISCARD_WANTED)
			continue;
		worker->discard = DISCARD_TAKEN;
		*ret_discard = (struct partition_wanted_discard){
			.worker = i,
			.page = worker->discard_page,
			.pages = worker->discard_pages,
		};
		is_taken = true;
	}
	unlock(crew);
	return is_taken;
}

enum hv_code partition_crew_discarded(struct partition_crew *crew, unsigned worker,
				      struct hv_err *err)
{
	enum hv_code code = HV_OK;

	lock(crew);
	if (worker >= crew->count || crew->workers[worker].discard != DISCARD_TAKEN) {
		code = hv_fail(err, HV_E_STATE, "worker %u waits for no discard", worker);
	} else {
		crew->workers[worker].discard = DISCARD_NONE;
		HV_INVARIANT(pthread_cond_broadcast(&crew->changed) == 0);
	}
	unlock(crew);
	return code;
}
