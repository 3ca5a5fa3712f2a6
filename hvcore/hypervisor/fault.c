/* fault - see fault.h. */
#include "hvcore/hypervisor/fault.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/hypervisor/hcalls.h"
#include "hvcore/hypervisor/memory.h"

#define EVENTS_AT_ONCE 64
#define NS_PER_S UINT64_C(1000000000)
#define NS_PER_US UINT64_C(1000)
/*
 * Pages read back over the path that nobody asks, of each fault thread: 64 KiB/s of a
 * device that does a hundred MiB/s, and 16 wake-ups of a thread that has nothing else to
 * do; what 256 MiB have out there is gone through in an hour. Arbitrary.
 */
#define CHECKS_PER_S 16

/* ---- paths: the lane's client, as the pager's table ---- */

static bool path_take(void *ctx, enum hv_request_op op, unsigned pages,
		      uint32_t *ret_buffer)
{
	struct fault_lane *lane = ctx;

	return hv_vasi_take(&lane->client, op, pages, ret_buffer);
}

static void path_give(void *ctx, uint32_t buffer, unsigned pages)
{
	struct fault_lane *lane = ctx;

	hv_vasi_give(&lane->client, buffer, pages);
}

static uint8_t *path_buffer(void *ctx, uint32_t buffer)
{
	struct fault_lane *lane = ctx;

	return hv_vasi_buffer(&lane->client, buffer);
}

static void path_send(void *ctx, const struct hv_vasi_ask *ask)
{
	struct fault_lane *lane = ctx;

	hv_vasi_send(&lane->client, ask);
}

static void path_flush(void *ctx)
{
	struct fault_lane *lane = ctx;

	hv_vasi_flush(&lane->client);
}

static const struct hv_path_ops path_ops = {
	.take = path_take,
	.give = path_give,
	.buffer = path_buffer,
	.send = path_send,
	.flush = path_flush,
};

void fault_lane_open(struct fault_thread *thread, unsigned path,
		     const struct hv_window *window, uint64_t epoch)
{
	struct fault_lane *lane = &thread->lanes[path];
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
				     .data.ptr = &lane->source };

	HV_INVARIANT(!lane->is_open);
	lane->source.kind = FAULT_SOURCE_LANE;
	lane->is_open = true;
	lane->epoch = epoch;
	lane->doorbell = window->completion_doorbell[thread->index];
	hv_vasi_client_init(&lane->client, window, thread->index, epoch);
	/* the window's own descriptor, open until after fault_lane_close */
	HV_INVARIANT(epoll_ctl(thread->epoll, EPOLL_CTL_ADD, lane->doorbell, &event) ==
		     0);
	hv_pager_path_open(thread->pager, path, epoch, &path_ops, lane);
}

void fault_lane_close(struct fault_thread *thread, unsigned path)
{
	struct fault_lane *lane = &thread->lanes[path];

	if (!lane->is_open)
		return;
	lane->is_open = false;
	atomic_store(&lane->out, 0);
	atomic_store(&lane->oldest_ns, 0);
	(void)epoll_ctl(thread->epoll, EPOLL_CTL_DEL, lane->doorbell, NULL);
}

/* ---- one wake-up ---- */

static bool take_mail(struct fault_thread *thread)
{
	struct fault_mail *newest = atomic_exchange_explicit(&thread->mail, NULL,
							     memory_order_acquire);
	struct fault_mail *oldest = NULL;

	if (newest == NULL)
		return false;
	while (newest != NULL) {
		struct fault_mail *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct fault_mail *next = oldest->next;

		oldest->run(thread, oldest); /* may end the mail */
		oldest = next;
	}
	return true;
}

static bool take_answers(struct fault_thread *thread, unsigned path, uint64_t now_ns)
{
	struct fault_lane *lane = &thread->lanes[path];
	struct hv_vasi_answer answer;
	enum hv_code code = HV_E_AGAIN;
	bool did = false;

	if (!lane->is_open)
		return false;
	while (lane->is_open) {
		code = hv_vasi_receive(&lane->client, &answer, NULL);
		if (code != HV_OK)
			break;
		hv_pager_on_answer(thread->pager, path, answer.ask.user, answer.result,
				   now_ns);
		did = true;
	}
	if (code == HV_E_CORRUPT) /* the loop thread looks at every tick, and ends it */
		atomic_store(&lane->broken_epoch, lane->epoch);
	return did;
}

static bool take_all_answers(struct fault_thread *thread, uint64_t now_ns)
{
	bool did = false;

	for (unsigned path = 0; path < HV_PATHS; path++)
		did |= take_answers(thread, path, now_ns);
	return did;
}

static void handle(struct fault_thread *thread, struct fault_source *source,
		   uint64_t now_ns)
{
	uint64_t count;

	switch (source->kind) {
	case FAULT_SOURCE_WAKE:
		(void)!read(thread->wake, &count, sizeof(count)); /* EAGAIN is fine */
		atomic_store(&thread->is_nudged, false);
		return;
	case FAULT_SOURCE_LANE: /* edge-triggered: answers are taken in every turn */
		return;
	case FAULT_SOURCE_MEMORY:
		/* the source is its first member; mail, which may remove it, is never
		 * taken between the wait and here */
		memory_serve((struct memory *)(void *)source, now_ns);
		return;
	case FAULT_SOURCE_HCALLS: /* the same */
		hcalls_serve((struct hcalls *)(void *)source);
		return;
	}
}

static int wait_events(struct fault_thread *thread, const struct timespec *timeout)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	uint64_t now_ns;
	int n = epoll_pwait2(thread->epoll, events, EVENTS_AT_ONCE, timeout, NULL);

	if (n <= 0)
		return n;
	now_ns = hv_clock_ns();
	for (int i = 0; i < n; i++)
		handle(thread, events[i].data.ptr, now_ns);
	return n;
}

/* What L wants to know without asking: written here, before sleeping. */
static void publish(struct fault_thread *thread)
{
	for (unsigned path = 0; path < HV_PATHS; path++) {
		struct fault_lane *lane = &thread->lanes[path];

		if (!lane->is_open)
			continue;
		atomic_store_explicit(&lane->out, hv_vasi_out(&lane->client),
				      memory_order_relaxed);
		atomic_store_explicit(&lane->oldest_ns, hv_vasi_oldest_ns(&lane->client),
				      memory_order_relaxed);
		atomic_store_explicit(&lane->moved_ns,
				      hv_pager_moved_ns(thread->pager, path),
				      memory_order_relaxed);
	}
}

static void sleep_until(struct fault_thread *thread, uint64_t now_ns, uint64_t wake_ns)
{
	struct timespec timeout = { 0 };
	bool may_sleep = true;

	for (unsigned path = 0; path < HV_PATHS; path++)
		if (thread->lanes[path].is_open &&
		    !hv_vasi_may_sleep(&thread->lanes[path].client) &&
		    atomic_load(&thread->lanes[path].broken_epoch) !=
			    thread->lanes[path].epoch)
			may_sleep = false;
	if (may_sleep && wake_ns > now_ns)
		timeout = (struct timespec){ (time_t)((wake_ns - now_ns) / NS_PER_S),
					     (long)((wake_ns - now_ns) % NS_PER_S) };
	(void)wait_events(thread, may_sleep && wake_ns == UINT64_MAX ? NULL : &timeout);
	for (unsigned path = 0; path < HV_PATHS; path++)
		if (thread->lanes[path].is_open)
			hv_vasi_awake(&thread->lanes[path].client);
}

static void *run(void *arg) /* F */
{
	static const struct timespec at_once;
	struct fault_thread *thread = arg;

	while (!thread->must_stop) {
		uint64_t now_ns = hv_clock_ns();
		struct hv_pager_run todo;
		bool had_mail = take_mail(thread);
		bool had_answers = take_all_answers(thread, now_ns);

		todo = hv_pager_run(thread->pager, now_ns);
		publish(thread);
		atomic_fetch_add_explicit(&thread->batches, 1, memory_order_relaxed);
		/* with more under way, what else came meanwhile is taken along */
		if (todo.is_busy || had_mail || (had_answers && todo.is_reading))
			(void)wait_events(thread, &at_once);
		else
			sleep_until(thread, now_ns, todo.wake_ns);
	}
	return NULL;
}

/* ---- from the loop thread ---- */

static void ring(struct fault_thread *thread)
{
	const uint64_t one = 1;

	(void)!write(thread->wake, &one, sizeof(one)); /* EAGAIN: it rings already */
}

void fault_mail_post(struct fault_thread *thread, struct fault_mail *mail)
{
	struct fault_mail *head = atomic_load_explicit(&thread->mail,
						       memory_order_relaxed);

	do
		mail->next = head;
	while (!atomic_compare_exchange_weak_explicit(
		&thread->mail, &head, mail, memory_order_release, memory_order_relaxed));
	ring(thread);
}

static void on_leg(struct fault_thread *thread, struct fault_mail *mail) /* F */
{
	struct fault_round *round = ((struct fault_leg *)(void *)mail)->round;

	round->visit(thread, round);
	if (atomic_fetch_sub(&round->left, 1) == 1)
		hv_loop_post(round->loop, &round->job);
}

static void on_round_done(struct hv_job *job)
{
	struct fault_round *round = HV_CONTAINER(job, struct fault_round, job);

	round->is_out = false;
	round->done(round); /* may free the round */
}

static void start(struct fault_round *round, struct fault_thread *const *threads,
		  unsigned count)
{
	HV_INVARIANT(!round->is_out);
	if (threads[0]->team->is_stopped)
		return; /* all of it is about to be freed */
	round->is_out = true;
	round->loop = threads[0]->team->loop;
	round->job = (struct hv_job){ .run = on_round_done };
	atomic_store(&round->left, count);
	for (unsigned i = 0; i < count; i++) {
		round->legs[i] = (struct fault_leg){ { .run = on_leg }, round };
		fault_mail_post(threads[i], &round->legs[i].mail);
	}
}

void fault_round_start(struct fault_team *team, struct fault_round *round)
{
	start(round, team->threads, team->count);
}

void fault_errand_start(struct fault_thread *thread, struct fault_round *round)
{
	start(round, &thread, 1);
}

void fault_stand_still(struct fault_thread *thread) /* F */
{
	struct fault_team *team = thread->team;
	/* counts up for ever: everybody is here at the next multiple of count */
	uint64_t mine = atomic_fetch_add(&team->standing, 1);
	uint64_t all = (mine / team->count + 1) * team->count;

	while (atomic_load(&team->standing) < all)
		(void)sched_yield();
}

/* Another pager has given frames, or needs some. */
static void on_nudge(void *ctx, uint32_t pagers, bool is_all) /* F */
{
	struct fault_thread *self = ctx;

	for (unsigned i = 0; i < self->team->count; i++) {
		struct fault_thread *thread = self->team->threads[i];

		if (thread == self || (!is_all && (pagers & HV_BIT(i)) == 0))
			continue;
		if (!atomic_exchange(&thread->is_nudged, true))
			ring(thread);
	}
}

static const struct hv_pager_ops pager_ops = { .nudge = on_nudge };

/* ---- open and close ---- */

static enum hv_code open_thread(struct fault_team *team, unsigned index, int cpu,
				struct hv_err *err)
{
	struct hv_pager_config config = {
		.id = index,
		.fills = HV_FILLS_MAX,
		.checks_per_s = CHECKS_PER_S,
		.ahead = team->ahead,
		.expects_writes = team->expects_writes,
		.hedge_ns = team->hedge_us * NS_PER_US,
		.frames = &team->frames,
		.ops = &pager_ops,
	};
	struct fault_thread *thread = calloc(1, sizeof(*thread));
	struct epoll_event event = { .events = EPOLLIN };

	if (thread == NULL)
		return hv_fail(err, HV_E_NOMEM, "a fault thread");
	team->threads[index] = thread;
	config.ctx = thread;
	thread->team = team;
	thread->index = index;
	thread->cpu = cpu;
	thread->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	thread->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (thread->wake < 0 || thread->epoll < 0)
		return hv_fail_os(err, HV_E_OS, errno, "descriptors of a fault thread");
	thread->wake_source.kind = FAULT_SOURCE_WAKE;
	event.data.ptr = &thread->wake_source;
	if (epoll_ctl(thread->epoll, EPOLL_CTL_ADD, thread->wake, &event) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "watch a wake-up descriptor");
	return hv_pager_open(&config, &thread->pager, err);
}

/* Signals are the loop's; a thread is pinned before it starts. */
static enum hv_code start_thread(struct fault_thread *thread, struct hv_err *err)
{
	pthread_attr_t attr;
	sigset_t all;
	sigset_t before;
	cpu_set_t cpus;
	int rc;

	if (pthread_attr_init(&attr) != 0)
		return hv_fail(err, HV_E_NOMEM, "a fault thread");
	if (thread->cpu >= 0) {
		CPU_ZERO(&cpus);
		CPU_SET((unsigned)thread->cpu, &cpus);
		(void)pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
	}
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&thread->thread, &attr, run, thread);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)pthread_attr_destroy(&attr);
	if (rc != 0)
		return hv_fail_os(err, HV_E_OS, rc, "start a fault thread");
	thread->is_started = true;
	return HV_OK;
}

static void free_thread(struct fault_thread *thread)
{
	if (thread == NULL)
		return;
	hv_pager_close(thread->pager);
	if (thread->epoll >= 0)
		(void)close(thread->epoll);
	if (thread->wake >= 0)
		(void)close(thread->wake);
	free(thread);
}

/* The nth processor that we may run on; -1 when there are fewer. */
static int nth_cpu(const cpu_set_t *cpus, unsigned n)
{
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET((unsigned)cpu, cpus) && n-- == 0)
			return cpu;
	return -1;
}

enum hv_code fault_team_open(struct hv_loop *loop, unsigned count, unsigned ahead,
			     unsigned hedge_us, bool expects_writes,
			     struct fault_team **ret_team, struct hv_err *err)
{
	struct fault_team *team = calloc(1, sizeof(*team));
	enum hv_code code = HV_OK;
	cpu_set_t cpus;

	if (team == NULL)
		return hv_fail(err, HV_E_NOMEM, "the fault threads");
	CPU_ZERO(&cpus);
	(void)sched_getaffinity(0, sizeof(cpus), &cpus);
	if (count == 0)
		count = (unsigned)CPU_COUNT(&cpus);
	if (count > HV_LANES_MAX)
		count = HV_LANES_MAX;
	team->loop = loop;
	team->count = count;
	team->ahead = ahead;
	team->hedge_us = hedge_us;
	team->expects_writes = expects_writes;
	hv_frames_init(&team->frames, 0);
	for (unsigned i = 0; i < count && code == HV_OK; i++)
		code = open_thread(team, i, nth_cpu(&cpus, i), err);
	for (unsigned i = 0; i < count && code == HV_OK; i++)
		code = start_thread(team->threads[i], err);
	if (code == HV_OK)
		*ret_team = team;
	else
		fault_team_close(team);
	return code;
}

static void on_stop(struct fault_thread *thread, struct fault_mail *mail) /* F */
{
	(void)mail;
	thread->must_stop = true;
}

static bool is_running(const struct fault_thread *thread)
{
	return thread != NULL && thread->is_started;
}

/* Of a half-built team some run only, or are there. */
void fault_team_stop(struct fault_team *team)
{
	struct fault_mail stops[HV_LANES_MAX];

	if (team == NULL || team->is_stopped)
		return;
	team->is_stopped = true;
	for (unsigned i = 0; i < team->count; i++) {
		stops[i] = (struct fault_mail){ .run = on_stop };
		if (is_running(team->threads[i]))
			fault_mail_post(team->threads[i], &stops[i]);
	}
	for (unsigned i = 0; i < team->count; i++)
		if (is_running(team->threads[i]))
			(void)pthread_join(team->threads[i]->thread, NULL);
}

/* No thread runs any more: what they alone may touch is touched from here. */
static void abandon(struct fault_thread *thread)
{
	struct hv_path_toll toll;

	for (unsigned path = 0; path < HV_PATHS; path++) {
		if (!thread->lanes[path].is_open)
			continue;
		hv_pager_path_end(thread->pager, path, thread->lanes[path].epoch, &toll);
		fault_lane_close(thread, path);
	}
	while (thread->memory_count > 0) {
		struct memory *memory = thread->memories[0];

		hv_pager_end(thread->pager, memory->space);
		memory_remove(memory);
	}
	while (thread->hcalls != NULL)
		hcalls_remove(thread->hcalls);
}

void fault_team_abandon(struct fault_team *team)
{
	HV_INVARIANT(team->is_stopped);
	for (unsigned i = 0; i < team->count; i++)
		abandon(team->threads[i]);
}

void fault_team_close(struct fault_team *team)
{
	if (team == NULL)
		return;
	fault_team_stop(team);
	for (unsigned i = 0; i < team->count; i++)
		free_thread(team->threads[i]);
	free(team);
}

size_t fault_team_bytes(const struct fault_team *team)
{
	size_t bytes = sizeof(*team);

	for (unsigned i = 0; i < team->count; i++)
		bytes += sizeof(struct fault_thread) +
			 hv_pager_bytes(team->threads[i]->pager);
	return bytes;
}
