/* steer - see steer.h. What is decided; steer_linux.c does it. */
#include "hvcore/hypervisor/steer.h"

#define OFTEN_PER_S 1000 /* faults: away, they cost 5 % of the time; arbitrary */
#define SELDOM_PER_S 250 /* arbitrary; and so for */
#define RESTS 4          /* looks in a row, before a thread is let go */
#define FEW_NS 60000u    /* of computing for a fault: it waits for as long at least */
#define MUCH_NS 120000u  /* arbitrary: twice that, so that it does not go to and fro */
#define ALONE_NS 1000000000u /* one that was let go for that is left alone; arbitrary */
#define KEPT_LOOKS 4 /* between two looks for threads that were started; arbitrary */
#define NS_PER_S UINT64_C(1000000000)

static struct steer_thread *find(struct steer *steer, uint32_t thread)
{
	for (unsigned i = 0; i < steer->count; i++)
		if (steer->threads[i].thread == thread)
			return &steer->threads[i];
	return NULL;
}

static struct steer_thread *add(struct steer *steer, uint32_t thread)
{
	struct steer_thread *known;

	if (steer->count == STEER_THREADS)
		return NULL;
	known = &steer->threads[steer->count++];
	*known = (struct steer_thread){ .thread = thread };
	return known;
}

static void forget(struct steer *steer, struct steer_thread *known)
{
	if (known->is_put)
		steer->put_count--;
	*known = steer->threads[--steer->count];
}

/* ---- what F has seen ---- */

static void take_seen(struct steer *steer)
{
	for (unsigned i = 0; i < steer->count; i++)
		steer->threads[i].faults = 0;
	for (unsigned i = 0; i < STEER_SEEN; i++) {
		struct steer_seen *seen = &steer->seen[i];
		uint32_t thread = atomic_exchange_explicit(&seen->thread, 0,
							   memory_order_relaxed);
		uint32_t faults = atomic_exchange_explicit(&seen->faults, 0,
							   memory_order_relaxed);
		struct steer_thread *known;

		if (thread == 0)
			continue;
		known = find(steer, thread);
		if (known == NULL)
			known = add(steer, thread);
		if (known != NULL)
			known->faults += faults;
	}
}

/* ---- one thread ---- */

struct look {
	struct steer *steer;
	const struct steer_target *target;
	const struct steer_os *os;
	void *ctx;
	uint64_t now_ns, elapsed_ns;
	unsigned busy; /* threads that fault often */
};

static bool is_often(const struct look *look, const struct steer_thread *known)
{
	return known->faults * NS_PER_S >= OFTEN_PER_S * look->elapsed_ns;
}

static bool is_seldom(const struct look *look, const struct steer_thread *known)
{
	return known->faults * NS_PER_S < SELDOM_PER_S * look->elapsed_ns;
}

static void put(struct look *look, struct steer_thread *known)
{
	if (look->os->place(look->ctx, known->thread, look->target->home) !=
		    STEER_ANYWHERE ||
	    !look->os->put(look->ctx, known->thread, look->target->home))
		return;
	known->is_put = true;
	known->rests = 0;
	look->steer->put_count++;
	look->steer->puts++;
}

static void let_go(struct look *look, struct steer_thread *known)
{
	known->is_put = false;
	look->steer->put_count--;
	/* who was placed elsewhere meanwhile stays there */
	if (look->os->place(look->ctx, known->thread, look->target->home) == STEER_HOME)
		(void)look->os->put(look->ctx, known->thread, -1);
}

/* Steered or not, from what it did since the look before. */
static void decide(struct look *look, struct steer_thread *known, uint64_t ran_ns)
{
	bool is_alone = look->busy <= 1;

	if (!known->is_put) {
		if (is_often(look, known) && known->not_before_ns <= look->now_ns &&
		    (is_alone || ran_ns <= (uint64_t)known->faults * FEW_NS))
			put(look, known);
		return;
	}
	known->rests = is_seldom(look, known) ? known->rests + 1 : 0;
	if (known->rests >= RESTS) {
		let_go(look, known);
	} else if (!is_alone && known->rests == 0 &&
		   ran_ns > (uint64_t)known->faults * MUCH_NS) {
		let_go(look, known);
		known->not_before_ns = look->now_ns + ALONE_NS;
	}
}

/* False: it is to be forgotten. */
static bool look_at(struct look *look, struct steer_thread *known)
{
	uint64_t before_ns = known->run_ns;

	if (known->is_own)
		return true;
	if (!known->is_put && known->faults == 0 && known->not_before_ns <= look->now_ns)
		return false;
	if (!look->os->run_ns(look->ctx, look->target->pid, known->thread,
			      &known->run_ns))
		return false;
	if (known->has_run_ns)
		decide(look, known, known->run_ns - before_ns);
	known->has_run_ns = true;
	return true;
}

static void look_at_all(struct look *look)
{
	struct steer *steer = look->steer;

	for (unsigned i = 0; i < steer->count; i++)
		look->busy += is_often(look, &steer->threads[i]);
	for (unsigned i = steer->count; i-- > 0;)
		if (!look_at(look, &steer->threads[i]))
			forget(steer, &steer->threads[i]);
}

/* ---- all threads ---- */

static void forget_own(struct steer *steer)
{
	for (unsigned i = steer->count; i-- > 0;)
		if (steer->threads[i].is_own)
			forget(steer, &steer->threads[i]);
}

/* Who is kept to that processor and was not put there: by the partition itself, as
 * long as we have put nobody; later it has inherited it. */
static void find_kept(struct look *look)
{
	uint32_t threads[STEER_THREADS];
	struct steer *steer = look->steer;
	bool is_own = steer->put_count == 0;
	unsigned count = look->os->threads(look->ctx, look->target->pid, threads,
					   STEER_THREADS);

	for (unsigned i = 0; i < count; i++) {
		struct steer_thread *known = find(steer, threads[i]);

		if ((known != NULL && (known->is_put || known->is_own)) ||
		    look->os->place(look->ctx, threads[i], look->target->home) !=
			    STEER_HOME)
			continue;
		if (known == NULL)
			known = add(steer, threads[i]);
		if (known == NULL)
			return;
		known->is_own = is_own;
		known->is_put = !is_own;
		steer->put_count += !is_own;
	}
}

void steer_look(struct steer *steer, const struct steer_target *target,
		const struct steer_os *os, void *ctx, uint64_t now_ns)
{
	uint32_t events = atomic_load_explicit(&steer->events, memory_order_relaxed);
	struct look look = {
		steer, target, os, ctx, now_ns, now_ns - steer->looked_ns, 0
	};

	steer->looked_ns = now_ns;
	if (steer->count == 0 && events == steer->events_seen)
		return;
	steer->events_seen = events;
	take_seen(steer);
	if (steer->put_count == 0) {
		forget_own(steer);
		steer->looks = 0;
	}
	if (steer->looks++ % KEPT_LOOKS == 0 && steer->count > 0)
		find_kept(&look);
	look_at_all(&look);
}
