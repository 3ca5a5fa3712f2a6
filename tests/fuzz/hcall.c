/*
 * hcall - fuzz target for hypervisor calls (hvcore/wire/hcall.h): the bytes are asks,
 * one after the other, of a partition of 64 pages with one TCE window. A serial that
 * is a multiple of 8 has a page leave its frame as well; one more, a transfer begins
 * where the ask says, and the one before ends.
 *
 * Claim: whatever is asked in whatever order, each ask has an answer and the equations
 * of page table and TCE windows hold; what a transfer holds stays mapped.
 */
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"
#include "hvcore/mem/calls.h"
#include "tests/fuzz/fuzz.h"

#define PAGES 64u

static int64_t on_set(void *arg, uint64_t address, unsigned flags, uint64_t *values)
{
	(void)arg;
	(void)values;
	HV_INVARIANT(address / HV_PAGE_BYTES < PAGES && address % 8 == 0);
	HV_INVARIANT(flags <= (HV_DABR_READ | HV_DABR_WRITE));
	return H_SUCCESS;
}

static int64_t on_hits(void *arg, uint64_t index, uint64_t *values)
{
	(void)arg;
	values[0] = index;
	return index == 0 ? H_SUCCESS : H_NOT_FOUND;
}

struct transfer {
	struct hv_tce_span spans[HV_TCE_SPANS_MAX];
	unsigned count;
};

static void check_held(const struct hv_calls *calls, const struct transfer *transfer)
{
	for (unsigned i = 0; i < transfer->count; i++)
		HV_INVARIANT(
			hv_tces_is_mapped(hv_calls_tces(calls), transfer->spans[i].page));
}

static void begin_another(struct hv_calls *calls, const struct hv_hcall_ask *ask,
			  struct transfer *transfer)
{
	struct hv_tces *tces = hv_calls_tces(calls);

	hv_tces_release(tces, transfer->spans, transfer->count);
	transfer->count = 0;
	(void)!hv_tces_hold(tces, ask->args[0], ask->args[1], (uint32_t)ask->args[3],
			    ask->args[2] & 7, transfer->spans, &transfer->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hv_calls_watch watch = { on_set, on_hits };
	struct hv_calls_config config = { .hpt_bytes = HV_HPT_TABLE_BYTES_MIN,
					  .pages_max = PAGES,
					  .tce_windows = 1,
					  .watch = &watch };
	struct hv_calls *calls = NULL;
	struct hv_hcall_answer answer;
	struct hv_hcall_ask ask;
	struct hv_calls_stat stat;
	struct transfer transfer = { .count = 0 };
	uint64_t count = 0;

	HV_INVARIANT(hv_calls_open(&config, &calls, NULL) == HV_OK);
	for (; size >= sizeof(ask); size -= sizeof(ask), data += sizeof(ask)) {
		memcpy(&ask, data, sizeof(ask));
		hv_calls_serve(calls, &ask, &answer);
		if (ask.serial % 8 == 0)
			(void)hv_calls_left(calls, ask.serial / 8 % PAGES);
		if (ask.serial % 8 == 1)
			begin_another(calls, &ask, &transfer);
		check_held(calls, &transfer);
		count++;
	}
	HV_INVARIANT(hv_calls_audit(calls, NULL) == HV_OK);
	hv_calls_stat(calls, &stat);
	HV_INVARIANT(stat.calls == count && stat.refused <= count);
	hv_calls_close(calls);
	return 0;
}
