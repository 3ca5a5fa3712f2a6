/* call_server - see call_server.h. */
#include "tests/support/call_server.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

static void serve(struct call_server *server, struct hv_hcall_slot *slot)
{
	struct hv_hcall_ask ask = slot->ask;

	memset(&slot->answer, 0, sizeof(slot->answer));
	if (server->other == NULL ||
	    !server->other(server->other_arg, &ask, &slot->answer))
		hv_calls_serve(server->calls, &ask, &slot->answer);
	atomic_store(&slot->answered, ask.serial);
	(void)syscall(SYS_futex, &slot->answered, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static void *run(void *arg)
{
	struct call_server *server = arg;
	uint64_t rings;

	while (read(server->doorbell, &rings, sizeof(rings)) == sizeof(rings) &&
	       !atomic_load(&server->is_over)) {
		uint32_t pending = atomic_exchange(&server->area->pending, 0);

		HV_INVARIANT(pthread_mutex_lock(&server->lock) == 0);
		for (unsigned i = 0; i < HV_HCALL_SLOTS; i++)
			if ((pending >> i & 1) != 0)
				serve(server, &server->area->slots[i]);
		HV_INVARIANT(pthread_mutex_unlock(&server->lock) == 0);
	}
	return NULL;
}

static int64_t on_set(void *arg, uint64_t address, unsigned flags, uint64_t *values)
{
	struct call_server_watched *watched = arg;

	if (!atomic_exchange(&watched->was_busy, true))
		return H_LONG_BUSY_1_MSEC;
	atomic_store(&watched->was_busy, false);
	values[0] = (uint64_t)atomic_load(&watched->os);
	if (values[0] != 0)
		return H_HARDWARE;
	atomic_store(&watched->address, address);
	atomic_store(&watched->flags, flags);
	return H_SUCCESS;
}

static int64_t on_hits(void *arg, uint64_t index, uint64_t *values)
{
	struct call_server_watched *watched = arg;

	if (index > 0 || atomic_load(&watched->flags) == 0)
		return H_NOT_FOUND;
	values[0] = atomic_load(&watched->hits);
	values[1] = 42;
	values[2] = atomic_load(&watched->address);
	values[3] = atomic_load(&watched->flags);
	memcpy(&values[4], "worker 0", sizeof("worker 0"));
	return H_SUCCESS;
}

static const struct hv_calls_watch watch = { on_set, on_hits };

void call_server_start(struct call_server *server, uint32_t pages)
{
	struct hv_calls_config config = { .hpt_bytes = HV_HPT_TABLE_BYTES_MIN,
					  .pages_max = pages,
					  .tce_windows = 1,
					  .watch = &watch,
					  .watch_arg = &server->watched };
	void *at;

	*server = (struct call_server){ .hpt_bytes = config.hpt_bytes };
	HV_INVARIANT(hv_calls_open(&config, &server->calls, NULL) == HV_OK);
	HV_INVARIANT(pthread_mutex_init(&server->lock, NULL) == 0);
	server->memory = memfd_create("calls", MFD_CLOEXEC);
	server->doorbell = eventfd(0, EFD_CLOEXEC);
	HV_INVARIANT(server->memory >= 0 && server->doorbell >= 0);
	HV_INVARIANT(ftruncate(server->memory, sizeof(*server->area)) == 0);
	at = mmap(NULL, sizeof(*server->area), PROT_READ | PROT_WRITE, MAP_SHARED,
		  server->memory, 0);
	HV_INVARIANT(at != MAP_FAILED);
	server->area = at;
	HV_INVARIANT(pthread_create(&server->thread, NULL, run, server) == 0);
}

void call_server_end(struct call_server *server)
{
	const uint64_t one = 1;

	atomic_store(&server->is_over, true);
	HV_INVARIANT(write(server->doorbell, &one, sizeof(one)) == sizeof(one));
	HV_INVARIANT(pthread_join(server->thread, NULL) == 0);
	HV_INVARIANT(hv_calls_audit(server->calls, NULL) == HV_OK);
	hv_calls_close(server->calls);
	(void)munmap(server->area, sizeof(*server->area));
	(void)close(server->memory);
	(void)close(server->doorbell);
	HV_INVARIANT(pthread_mutex_destroy(&server->lock) == 0);
}

void call_server_leave(struct call_server *server, uint32_t page)
{
	HV_INVARIANT(pthread_mutex_lock(&server->lock) == 0);
	if (hv_calls_left(server->calls, page)) {
		atomic_store(&server->area->left[server->left_serial % HV_LEFT_RING],
			     page);
		atomic_store(&server->area->left_serial, ++server->left_serial);
	}
	HV_INVARIANT(pthread_mutex_unlock(&server->lock) == 0);
}

struct hv_calls_stat call_server_stat(struct call_server *server)
{
	struct hv_calls_stat stat;

	HV_INVARIANT(pthread_mutex_lock(&server->lock) == 0);
	hv_calls_stat(server->calls, &stat);
	HV_INVARIANT(pthread_mutex_unlock(&server->lock) == 0);
	return stat;
}
