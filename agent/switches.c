/* switches - see switches.h. */
#include "agent/switches.h"

#include <dirent.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/units.h"

#define HEAD_BYTES 4096 /* of a ring: one page before its data */
#define TID_MAX ((uint64_t)INT32_MAX)

struct thread {
	int64_t id;
	int fd;
	struct perf_event_mmap_page *ring;
	uint64_t out_ns; /* since when it has no processor; 0 = it has, or not known */
	bool is_preempted;
};

struct agent_switches {
	struct thread threads[AGENT_SWITCHES_THREADS];
	unsigned thread_count;
	struct agent_switch last[AGENT_SWITCHES_MAX]; /* ring */
	uint64_t count;
};

/* What the kernel puts behind the header of a switch, as asked for in `sample_type`. */
struct record {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t time_ns;
};

static enum hv_code watch(struct agent_switches *switches, int64_t id, struct hv_err *err)
{
	struct thread *thread = &switches->threads[switches->thread_count];
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.context_switch = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
	};
	void *ring;

	thread->fd = (int)syscall(SYS_perf_event_open, &attr, (pid_t)id, -1, -1,
				  PERF_FLAG_FD_CLOEXEC);
	if (thread->fd < 0)
		return hv_fail_os(err,
				  errno == EACCES || errno == EPERM ? HV_E_DENIED
				  : errno == ESRCH                  ? HV_E_NOTFOUND
								    : HV_E_OS,
				  errno, "record context switches");
	ring = mmap(NULL, HEAD_BYTES + AGENT_SWITCHES_BYTES, PROT_READ | PROT_WRITE,
		    MAP_SHARED, thread->fd, 0);
	if (ring == MAP_FAILED) {
		(void)close(thread->fd);
		return hv_fail_os(err, HV_E_NOMEM, errno, "map context switches");
	}
	thread->id = id;
	thread->ring = ring;
	switches->thread_count++;
	return HV_OK;
}

static enum hv_code watch_all(struct agent_switches *switches, int64_t pid,
			      struct hv_err *err)
{
	enum hv_code code = HV_OK;
	struct dirent *entry;
	char path[64];
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%lld/task", (long long)pid);
	dir = opendir(path);
	if (dir == NULL)
		return hv_fail_os(err, HV_E_NOTFOUND, errno, "read %s", path);
	while (code == HV_OK && (entry = readdir(dir)) != NULL) {
		uint64_t id;

		if (switches->thread_count == AGENT_SWITCHES_THREADS)
			break;
		if (hv_u64_parse(entry->d_name, TID_MAX, &id, NULL) != HV_OK)
			continue;
		code = watch(switches, (int64_t)id, err);
		if (code == HV_E_NOTFOUND) /* it has ended meanwhile */
			code = HV_OK;
	}
	(void)closedir(dir);
	return code;
}

enum hv_code agent_switches_open(int64_t pid, struct agent_switches **ret_switches,
				 struct hv_err *err)
{
	struct agent_switches *switches = calloc(1, sizeof(*switches));
	enum hv_code code;

	if (switches == NULL)
		return hv_fail(err, HV_E_NOMEM, "records of context switches");
	code = watch_all(switches, pid, err);
	if (code != HV_OK) {
		agent_switches_close(switches);
		return code;
	}
	*ret_switches = switches;
	return HV_OK;
}

void agent_switches_close(struct agent_switches *switches)
{
	if (switches == NULL)
		return;
	for (unsigned i = 0; i < switches->thread_count; i++) {
		(void)munmap(switches->threads[i].ring,
			     HEAD_BYTES + AGENT_SWITCHES_BYTES);
		(void)close(switches->threads[i].fd);
	}
	free(switches);
}

static void take(struct agent_switches *switches, struct thread *thread,
		 const struct record *record)
{
	struct agent_switch *to;

	if (record->header.type != PERF_RECORD_SWITCH ||
	    record->header.size < sizeof(*record))
		return;
	if ((record->header.misc & PERF_RECORD_MISC_SWITCH_OUT) != 0) {
		thread->out_ns = record->time_ns;
		thread->is_preempted = (record->header.misc &
					PERF_RECORD_MISC_SWITCH_OUT_PREEMPT) != 0;
		return;
	}
	if (thread->out_ns == 0 || record->time_ns < thread->out_ns)
		return;
	to = &switches->last[switches->count++ % AGENT_SWITCHES_MAX];
	*to = (struct agent_switch){ .start_ns = thread->out_ns,
				     .end_ns = record->time_ns,
				     .thread = thread->id,
				     .is_preempted = thread->is_preempted };
	thread->out_ns = 0;
}

/* A record may go around the end of the ring. */
static void copy(const struct thread *thread, uint64_t at, void *to, size_t bytes)
{
	const uint8_t *data = (const uint8_t *)thread->ring + HEAD_BYTES;

	for (size_t i = 0; i < bytes; i++)
		((uint8_t *)to)[i] = data[(at + i) % AGENT_SWITCHES_BYTES];
}

static void drain(struct agent_switches *switches, struct thread *thread)
{
	uint64_t head = __atomic_load_n(&thread->ring->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = thread->ring->data_tail;

	while (tail < head) {
		struct record record = { 0 };

		copy(thread, tail, &record.header, sizeof(record.header));
		if (record.header.size < sizeof(record.header))
			break; /* the kernel never writes such */
		copy(thread, tail, &record,
		     record.header.size < sizeof(record) ? record.header.size
							 : sizeof(record));
		take(switches, thread, &record);
		tail += record.header.size;
	}
	__atomic_store_n(&thread->ring->data_tail, head, __ATOMIC_RELEASE);
}

size_t agent_switches_read(struct agent_switches *switches,
			   struct agent_switch list[AGENT_SWITCHES_MAX])
{
	uint64_t first;

	for (unsigned i = 0; i < switches->thread_count; i++)
		drain(switches, &switches->threads[i]);
	first = switches->count > AGENT_SWITCHES_MAX
			? switches->count - AGENT_SWITCHES_MAX
			: 0;
	for (uint64_t i = first; i < switches->count; i++)
		list[i - first] = switches->last[i % AGENT_SWITCHES_MAX];
	return (size_t)(switches->count - first);
}
