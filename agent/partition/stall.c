/* stall - see stall.h. */
#include "agent/partition/stall.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"

#define STATUS_BYTES 4096 /* /proc/self/task/N/status; 1.5 KiB on Linux 6 */

static uint64_t load(const _Atomic uint64_t *at)
{
	return atomic_load_explicit(at, memory_order_acquire);
}

static void store(_Atomic uint64_t *at, uint64_t value)
{
	atomic_store_explicit(at, value, memory_order_release);
}

static void lock(struct partition_stall *stall)
{
	HV_INVARIANT(pthread_mutex_lock(&stall->lock) == 0);
}

static void unlock(struct partition_stall *stall)
{
	HV_INVARIANT(pthread_mutex_unlock(&stall->lock) == 0);
}

/* Of the calling thread. */
static uint64_t own_switches(void)
{
	struct rusage usage;

	HV_INVARIANT(getrusage(RUSAGE_THREAD, &usage) == 0);
	return (uint64_t)usage.ru_nvcsw;
}

/* Of another thread of this process; 0 where it cannot be told. */
static uint64_t switches_of(int thread)
{
	static const char label[] = "\nvoluntary_ctxt_switches:";
	char path[64], text[STATUS_BYTES];
	const char *at;
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof path, "/proc/self/task/%d/status", thread);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = read(fd, text, sizeof text - 1);
	(void)close(fd); /* read only */
	if (got <= 0)
		return 0;
	text[got] = '\0';
	at = strstr(text, label);
	return at == NULL ? 0 : strtoull(at + sizeof label - 1, NULL, 10);
}

void partition_stall_init(struct partition_stall *stall)
{
	*stall = (struct partition_stall){ .reset_ns = hv_clock_ns() };
	HV_INVARIANT(pthread_mutex_init(&stall->lock, NULL) == 0);
}

void partition_stall_fini(struct partition_stall *stall)
{
	HV_INVARIANT(pthread_mutex_destroy(&stall->lock) == 0);
}

void partition_stall_adopt(struct partition_stall *stall)
{
	atomic_store_explicit(&stall->thread, gettid(), memory_order_release);
	partition_stall_rest(stall);
}

void partition_stall_rest(struct partition_stall *stall)
{
	store(&stall->switches, own_switches());
}

uint64_t partition_stall_begin(struct partition_stall *stall)
{
	uint64_t now = hv_clock_ns();

	store(&stall->began_ns, now);
	return now;
}

/* The part of a stall that lies after the last reset. */
static uint64_t after_reset(const struct partition_stall *stall, uint64_t from,
			    uint64_t to)
{
	if (from < stall->reset_ns)
		from = stall->reset_ns;
	return to > from ? to - from : 0;
}

static void record(struct partition_stall *stall, uint64_t from, uint64_t to)
{
	uint64_t longest;

	lock(stall);
	hv_hist_add(&stall->hist, to - from);
	longest = after_reset(stall, from, to);
	if (longest > stall->longest_ns)
		stall->longest_ns = longest;
	unlock(stall);
}

uint64_t partition_stall_end(struct partition_stall *stall)
{
	uint64_t began = load(&stall->began_ns);
	uint64_t now = hv_clock_ns();

	HV_INVARIANT(began != 0);
	if (now - began > PARTITION_TOUCH_NS) {
		uint64_t switches = own_switches();

		if (switches != load(&stall->switches)) {
			record(stall, began, now);
			store(&stall->switches, switches);
		}
	}
	store(&stall->began_ns, 0);
	return now;
}

void partition_stall_reset(struct partition_stall *stall)
{
	lock(stall);
	stall->reset_ns = hv_clock_ns();
	stall->longest_ns = 0;
	unlock(stall);
}

/* When the operation that runs began, if it sleeps in a fault; else 0. */
static uint64_t ongoing(struct partition_stall *stall, uint64_t now)
{
	uint64_t began = load(&stall->began_ns);
	uint64_t known = load(&stall->switches);

	if (began == 0 || now < began + PARTITION_ONGOING_NS)
		return 0;
	if (switches_of(atomic_load_explicit(&stall->thread, memory_order_acquire)) <=
	    known)
		return 0;
	/* Ended meanwhile: end() has counted it, or is about to. */
	return load(&stall->began_ns) == began ? began : 0;
}

uint64_t partition_stall_longest_ns(struct partition_stall *stall, struct hv_hist *into)
{
	uint64_t now = hv_clock_ns();
	uint64_t began = ongoing(stall, now);
	uint64_t longest;

	lock(stall);
	longest = began == 0 ? 0 : after_reset(stall, began, now);
	if (longest < stall->longest_ns)
		longest = stall->longest_ns;
	if (into != NULL)
		hv_hist_merge(into, &stall->hist);
	unlock(stall);
	return longest;
}
