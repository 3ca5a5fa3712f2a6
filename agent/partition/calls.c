/* calls - see calls.h. */
#include "agent/partition/calls.h"

#include <errno.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

#define BUSY_NS 50000   /* a transfer is under way: as long as a small one takes */
#define LONG_NS 1000000 /* H_LONG_BUSY_1_MSEC */

struct partition_calls {
	struct hv_hcall_area *area;
	size_t bytes; /* with the hints */
	int doorbell;
	uint64_t groups;
	_Atomic uint32_t busy;            /* bit n: slot n is taken */
	uint32_t serials[HV_HCALL_SLOTS]; /* of its last call: who has the slot */
};

static enum hv_code map_area(struct partition_calls *calls, int memory,
			     struct hv_err *err)
{
	struct stat status;
	void *at;

	if (fstat(memory, &status) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "look at the memory for calls");
	if (status.st_size < (off_t)sizeof(*calls->area))
		return hv_fail(err, HV_E_CORRUPT, "memory for calls of %lld bytes",
			       (long long)status.st_size);
	calls->bytes = (size_t)status.st_size;
	at = mmap(NULL, calls->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	if (at == MAP_FAILED)
		return hv_fail_os(err, HV_E_NOMEM, errno, "map the memory for calls");
	calls->area = at;
	return HV_OK;
}

enum hv_code partition_calls_open(int memory, int doorbell, uint64_t hpt_bytes,
				  struct partition_calls **ret_calls, struct hv_err *err)
{
	struct partition_calls *calls = calloc(1, sizeof(*calls));
	enum hv_code code;

	if (calls == NULL) {
		(void)close(memory);
		(void)close(doorbell);
		return hv_fail(err, HV_E_NOMEM, "no memory for calls");
	}
	calls->doorbell = doorbell;
	calls->groups = hpt_bytes / sizeof(struct hv_hpte) / HV_PTEG_ENTRIES;
	code = map_area(calls, memory, err);
	(void)close(memory);
	if (code != HV_OK) {
		partition_calls_close(calls);
		return code;
	}
	*ret_calls = calls;
	return HV_OK;
}

void partition_calls_close(struct partition_calls *calls)
{
	if (calls == NULL)
		return;
	if (calls->area != NULL)
		(void)munmap(calls->area, calls->bytes);
	(void)close(calls->doorbell);
	free(calls);
}

_Atomic uint8_t *partition_calls_hints(struct partition_calls *calls)
{
	return hv_hcall_hints(calls->area);
}

uint64_t partition_calls_hint_count(const struct partition_calls *calls)
{
	return calls->bytes - sizeof(*calls->area);
}

uint64_t partition_calls_groups(const struct partition_calls *calls)
{
	return calls->groups;
}

static unsigned take_slot(struct partition_calls *calls)
{
	uint32_t busy = atomic_load(&calls->busy);
	unsigned slot;

	do {
		HV_INVARIANT(busy != UINT32_MAX);
		slot = (unsigned)__builtin_ctz(~busy);
	} while (!atomic_compare_exchange_weak(&calls->busy, &busy, busy | 1u << slot));
	return slot;
}

static void ring(struct partition_calls *calls)
{
	const uint64_t one = 1;

	/* EAGAIN: the counter is full, so it rings already. */
	(void)!write(calls->doorbell, &one, sizeof(one));
}

/* Sleeps until the answer is that of `serial`. */
static void await(struct hv_hcall_slot *slot, uint32_t serial)
{
	uint32_t now;

	while ((now = atomic_load_explicit(&slot->answered, memory_order_acquire)) !=
	       serial)
		(void)syscall(SYS_futex, &slot->answered, FUTEX_WAIT, now, NULL, NULL, 0);
}

struct hv_hcall_answer partition_call(struct partition_calls *calls, uint32_t number,
				      const uint64_t *args)
{
	unsigned index = take_slot(calls);
	struct hv_hcall_slot *slot = &calls->area->slots[index];
	struct hv_hcall_ask ask = { .number = number, .serial = ++calls->serials[index] };
	struct hv_hcall_answer answer;

	if (args != NULL)
		memcpy(ask.args, args, sizeof(ask.args));
	slot->ask = ask;
	(void)atomic_fetch_or(&calls->area->pending, 1u << index);
	ring(calls);
	await(slot, ask.serial);
	answer = slot->answer;
	(void)atomic_fetch_and(&calls->busy, ~(1u << index));
	return answer;
}

static bool is_busy(int64_t code)
{
	const struct timespec pause = { .tv_nsec = code == H_BUSY ? BUSY_NS : LONG_NS };

	if (code != H_BUSY && code != H_LONG_BUSY_1_MSEC)
		return false;
	(void)nanosleep(&pause, NULL);
	return true;
}

struct hv_hcall_answer partition_call_again(struct partition_calls *calls,
					    uint32_t number, const uint64_t *args)
{
	struct hv_hcall_answer answer;

	do
		answer = partition_call(calls, number, args);
	while (is_busy(answer.code));
	return answer;
}

uint32_t partition_calls_left(const struct partition_calls *calls)
{
	return atomic_load_explicit(&calls->area->left_serial, memory_order_acquire);
}

uint32_t partition_calls_left_page(const struct partition_calls *calls, uint32_t serial)
{
	/* acquire: the caller's next partition_calls_left() is not read before this */
	return atomic_load_explicit(&calls->area->left[serial % HV_LEFT_RING],
				    memory_order_acquire);
}

struct hv_hcall_area *partition_calls_area(struct partition_calls *calls)
{
	return calls->area;
}

_Atomic uint32_t *partition_calls_io_events(const struct partition_calls *calls)
{
	return &calls->area->io_events;
}
