/* dabr - see dabr.h. */
#include "hvcore/hypervisor/dabr.h"

#include <dirent.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/base/units.h"

/* ---- the loop ---- */

static int open_breakpoint(const struct dabr *dabr, int tid)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT,
		.size = sizeof(attr),
		.bp_type = (dabr->flags & HV_DABR_READ) != 0 ? HW_BREAKPOINT_RW
							     : HW_BREAKPOINT_W,
		.bp_addr = dabr->target.base + dabr->address,
		.bp_len = DABR_BYTES,
		.exclude_kernel = 1,
		.exclude_hv = 1,
	};

	return (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1,
			    PERF_FLAG_FD_CLOEXEC);
}

/* A thread may call itself anything. */
static void read_name(const struct dabr *dabr, int tid, char name[DABR_NAME_BYTES])
{
	char path[64];
	FILE *comm;

	(void)snprintf(name, DABR_NAME_BYTES, "thread");
	(void)snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", dabr->target.pid,
		       tid);
	comm = fopen(path, "re");
	if (comm == NULL)
		return;
	if (fgets(name, DABR_NAME_BYTES, comm) != NULL)
		name[strcspn(name, "\n")] = '\0';
	(void)fclose(comm);
	for (char *at = name; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

static int add_thread(struct dabr *dabr, int tid)
{
	struct dabr_thread *thread = &dabr->threads[dabr->count];

	if (dabr->count == DABR_THREADS_MAX)
		return E2BIG;
	thread->fd = open_breakpoint(dabr, tid);
	if (thread->fd < 0)
		return errno == ESRCH ? 0 : errno; /* it has ended */
	thread->tid = tid;
	atomic_store(&thread->hits, 0);
	read_name(dabr, tid, thread->name);
	dabr->count++;
	return 0;
}

static void clear(struct dabr *dabr)
{
	for (unsigned i = 0; i < dabr->count; i++)
		(void)close(dabr->threads[i].fd);
	dabr->count = 0;
	dabr->is_set = false;
	hv_timer_pause(&dabr->timer);
}

static int add_all(struct dabr *dabr)
{
	char path[64];
	const struct dirent *entry;
	uint64_t tid;
	DIR *tasks;
	int os = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", dabr->target.pid);
	tasks = opendir(path);
	if (tasks == NULL)
		return errno;
	while (os == 0 && (entry = readdir(tasks)) != NULL)
		if (hv_u64_parse(entry->d_name, INT32_MAX, &tid, NULL) == HV_OK)
			os = add_thread(dabr, (int)tid);
	(void)closedir(tasks);
	return os;
}

static void look(struct dabr *dabr)
{
	uint64_t hits;

	for (unsigned i = 0; i < dabr->count; i++)
		if (read(dabr->threads[i].fd, &hits, sizeof(hits)) == sizeof(hits))
			atomic_store(&dabr->threads[i].hits, hits);
}

static void on_timer(struct hv_timer *timer)
{
	look(HV_CONTAINER(timer, struct dabr, timer));
}

/* A pid may be used again, but not before the pidfd says that it has ended. */
static bool has_ended(const struct dabr *dabr)
{
	struct pollfd at = { .fd = *dabr->target.pidfd, .events = POLLIN };

	return at.fd < 0 || poll(&at, 1, 0) != 0;
}

static int set(struct dabr *dabr)
{
	int os;

	if ((dabr->flags & HV_DABR_WRITE) == 0)
		return EOPNOTSUPP; /* the hardware here has none for reads alone */
	os = add_all(dabr);
	if (os == 0 && has_ended(dabr))
		os = ESRCH;
	if (os == 0 && hv_timer_start(dabr->loop, &dabr->timer, DABR_LOOK_MS,
				      DABR_LOOK_MS, NULL) != HV_OK)
		os = ENOMEM;
	return os;
}

static void on_asked(struct hv_job *job)
{
	struct dabr *dabr = HV_CONTAINER(job, struct dabr, job);

	HV_INVARIANT(atomic_load(&dabr->at) == DABR_ASKED);
	clear(dabr);
	dabr->os = dabr->flags != 0 ? set(dabr) : 0;
	dabr->code = dabr->os == 0 ? H_SUCCESS : H_HARDWARE;
	if (dabr->os != 0) {
		clear(dabr);
		log_warn("hypervisor.no_breakpoint", "pid=%d errno=%d", dabr->target.pid,
			 dabr->os);
	}
	dabr->is_set = dabr->os == 0 && dabr->flags != 0;
	atomic_store(&dabr->at, DABR_DONE);
}

void dabr_attach(struct dabr *dabr, struct hv_loop *loop,
		 const struct dabr_target *target)
{
	dabr->loop = loop;
	dabr->target = *target;
	dabr->job.run = on_asked;
	dabr->timer.run = on_timer;
}

void dabr_close(struct dabr *dabr)
{
	HV_INVARIANT(atomic_load(&dabr->at) != DABR_ASKED);
	clear(dabr);
	hv_timer_stop(&dabr->timer);
}

uint64_t dabr_hits(const struct dabr *dabr)
{
	uint64_t hits = 0;

	for (unsigned i = 0; i < dabr->count; i++)
		hits += atomic_load(&dabr->threads[i].hits);
	return hits;
}

/* ---- the fault thread ---- */

static int64_t on_set(void *arg, uint64_t address, unsigned flags, uint64_t *values)
{
	struct dabr *dabr = arg;
	enum dabr_at at = atomic_load(&dabr->at);

	if (at == DABR_ASKED)
		return H_LONG_BUSY_1_MSEC;
	if (dabr->loop == NULL ||
	    (flags != 0 && address > dabr->target.bytes - DABR_BYTES))
		return H_PARAMETER;
	if (at == DABR_DONE && dabr->address == address && dabr->flags == flags) {
		values[0] = (uint64_t)dabr->os;
		atomic_store(&dabr->at, DABR_IDLE);
		return dabr->code;
	}
	if (hv_clock_ms() < dabr->next_ms)
		return H_LONG_BUSY_1_MSEC;
	dabr->next_ms = hv_clock_ms() + DABR_PAUSE_MS;
	dabr->address = address;
	dabr->flags = flags;
	atomic_store(&dabr->at, DABR_ASKED);
	hv_loop_post(dabr->loop, &dabr->job);
	return H_LONG_BUSY_1_MSEC;
}

static int64_t on_hits(void *arg, uint64_t index, uint64_t *values)
{
	struct dabr *dabr = arg;
	const struct dabr_thread *thread;

	static_assert(sizeof(thread->name) == 2 * sizeof(uint64_t), "two values");
	if (atomic_load(&dabr->at) == DABR_ASKED)
		return H_LONG_BUSY_1_MSEC;
	if (index >= dabr->count)
		return H_NOT_FOUND;
	thread = &dabr->threads[index];
	values[0] = atomic_load(&thread->hits);
	values[1] = (uint64_t)thread->tid;
	values[2] = dabr->address;
	values[3] = dabr->flags;
	memcpy(&values[4], thread->name, sizeof(thread->name));
	return H_SUCCESS;
}

const struct hv_calls_watch dabr_watch = { on_set, on_hits };
