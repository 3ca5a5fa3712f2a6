/* io_window - see io_window.h. */
#include "agent/partition/io_window.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/units.h"

static int64_t put(const struct io_window *window, uint32_t entry, uint64_t tce)
{
	const uint64_t args[HV_HCALL_ARGS] = { window->unit, io_window_address(entry),
					       tce };

	return partition_call_again(window->calls, H_PUT_TCE, args).code;
}

int64_t io_window_map(const struct io_window *window, uint32_t entry, uint64_t logical,
		      uint64_t permission)
{
	return put(window, entry, logical * HV_PAGE_BYTES | permission);
}

int64_t io_window_unmap(const struct io_window *window, uint32_t entry)
{
	return put(window, entry, 0);
}

static _Atomic uint32_t *word(const struct partition_calls *calls)
{
	return partition_calls_io_events(calls);
}

uint32_t io_events(const struct partition_calls *calls)
{
	return atomic_load_explicit(word(calls), memory_order_acquire);
}

void io_events_wait(const struct partition_calls *calls, uint32_t seen,
		    unsigned timeout_ms)
{
	const struct timespec timeout = { .tv_sec = timeout_ms / 1000,
					  .tv_nsec = timeout_ms % 1000 * 1000000L };

	/* not private: the hypervisor wakes */
	(void)syscall(SYS_futex, word(calls), FUTEX_WAIT, seen, &timeout, NULL, 0);
}

void io_events_wake(const struct partition_calls *calls)
{
	(void)syscall(SYS_futex, word(calls), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}
