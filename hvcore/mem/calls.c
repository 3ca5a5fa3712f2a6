/* calls - see calls.h. */
#include "hvcore/mem/calls.h"

#include <stdlib.h>

#include "hvcore/base/units.h"

struct hv_calls {
	struct hv_hpt *hpt;
	struct hv_tces *tces;               /* NULL: no virtual adapter */
	const struct hv_calls_watch *watch; /* NULL: no breakpoints */
	void *watch_arg;
	uint64_t served, refused;
};

enum hv_code hv_calls_open(const struct hv_calls_config *config,
			   struct hv_calls **ret_calls, struct hv_err *err)
{
	struct hv_calls *calls = calloc(1, sizeof(*calls));
	enum hv_code code;

	if (calls == NULL)
		return hv_fail(err, HV_E_NOMEM, "a partition's calls");
	calls->watch = config->watch;
	calls->watch_arg = config->watch_arg;
	code = hv_hpt_open(config->hpt_bytes, config->pages_max, &calls->hpt, err);
	if (code == HV_OK && config->tce_windows > 0)
		code = hv_tces_open(config->tce_windows, config->pages_max, &calls->tces,
				    err);
	if (code != HV_OK) {
		hv_calls_close(calls);
		return code;
	}
	*ret_calls = calls;
	return HV_OK;
}

void hv_calls_close(struct hv_calls *calls)
{
	if (calls == NULL)
		return;
	hv_hpt_close(calls->hpt);
	hv_tces_close(calls->tces);
	free(calls);
}

void hv_calls_resize(struct hv_calls *calls, uint32_t pages)
{
	hv_hpt_resize(calls->hpt, pages);
	if (calls->tces != NULL)
		hv_tces_resize(calls->tces, pages);
}

static int64_t read_entries(struct hv_calls *calls, const uint64_t *args,
			    uint64_t *values)
{
	struct hv_hpte entries[4];
	unsigned count = 0;
	int64_t code = hv_hpt_read(calls->hpt, args[0], args[1], entries, &count);

	static_assert(HV_HCALL_VALUES >= 2 * HV_COUNT(entries), "H_READ_4 fits");
	for (unsigned i = 0; i < count; i++) {
		values[2 * i] = entries[i].v;
		values[2 * i + 1] = entries[i].r;
	}
	return code;
}

static int64_t remove_entry(struct hv_calls *calls, const uint64_t *args,
			    uint64_t *values)
{
	struct hv_hpte old = { 0 };
	int64_t code = hv_hpt_remove(calls->hpt, args[0], args[1], args[2], &old);

	values[0] = old.v;
	values[1] = old.r;
	return code;
}

static int64_t walk(struct hv_calls *calls, const uint64_t *args, uint64_t *values)
{
	struct hv_hpte entry = { 0 };
	int64_t code;

	if (args[1] > 1)
		return H_PARAMETER;
	code = hv_hpt_walk(calls->hpt, args[0], args[1] == 1, &values[0], &entry);
	values[1] = entry.v;
	values[2] = entry.r;
	return code;
}

static int64_t serve_hpt(struct hv_calls *calls, const struct hv_hcall_ask *ask,
			 uint64_t *values)
{
	const uint64_t *args = ask->args;
	struct hv_hpte entry = { .v = args[2], .r = args[3] };

	switch (ask->number) {
	case H_ENTER:
		return hv_hpt_enter(calls->hpt, args[0], args[1], &entry, &values[0]);
	case H_REMOVE:
		return remove_entry(calls, args, values);
	case H_READ:
		return read_entries(calls, args, values);
	case H_PROTECT:
		return hv_hpt_protect(calls->hpt, args[0], args[1], args[2]);
	case H_WALK:
		return walk(calls, args, values);
	default:
		return H_FUNCTION;
	}
}

static int64_t serve_tce(struct hv_calls *calls, const struct hv_hcall_ask *ask,
			 uint64_t *values)
{
	const uint64_t *args = ask->args;
	struct hv_tce_range range = hv_tce_range_of(ask);
	int64_t change = 0, code;

	if (calls->tces == NULL)
		return H_PARAMETER;
	if (ask->number == H_GET_TCE)
		return hv_tce_get(calls->tces, args[0], args[1], &values[0]);
	code = hv_tces_stuff(calls->tces, &range, &change);
	values[0] = (uint64_t)change * HV_PAGE_BYTES;
	return code;
}

/* As the processor that makes it translates the address now. */
static int64_t set_dabr(struct hv_calls *calls, uint64_t value, uint64_t *values)
{
	uint64_t address = value & ~HV_DABR_FLAGS;
	unsigned flags = (unsigned)(value & (HV_DABR_READ | HV_DABR_WRITE));
	struct hv_hpte entry = { 0 };
	uint64_t ptex = 0;
	int64_t code;

	if (value == 0)
		return calls->watch->set(calls->watch_arg, 0, 0, values);
	if (flags == 0 || (value & HV_DABR_TRANSLATED) == 0)
		return H_PARAMETER;
	code = hv_hpt_walk(calls->hpt, address, false, &ptex, &entry);
	if (code != H_SUCCESS)
		return code;
	return calls->watch->set(calls->watch_arg,
				 (entry.r & HV_HPTE_R_RPN) |
					 (address & (HV_PAGE_BYTES - 1)),
				 flags, values);
}

static int64_t serve_watch(struct hv_calls *calls, const struct hv_hcall_ask *ask,
			   uint64_t *values)
{
	if (calls->watch == NULL)
		return H_FUNCTION;
	if (ask->number == H_SET_DABR)
		return set_dabr(calls, ask->args[0], values);
	return calls->watch->hits(calls->watch_arg, ask->args[0], values);
}

/* What an honest operating system meets as well. */
static bool is_ordinary(int64_t code)
{
	return code >= H_SUCCESS || code == H_NOT_FOUND || code == H_PTEG_FULL ||
	       code == H_HARDWARE;
}

void hv_calls_serve(struct hv_calls *calls, const struct hv_hcall_ask *ask,
		    struct hv_hcall_answer *ret_answer)
{
	struct hv_hcall_answer answer = { .code = hv_hcall_check(ask) };

	if (answer.code == H_SUCCESS &&
	    (ask->number == H_GET_TCE || ask->number == H_PUT_TCE ||
	     ask->number == H_STUFF_TCE))
		answer.code = serve_tce(calls, ask, answer.values);
	else if (answer.code == H_SUCCESS &&
		 (ask->number == H_SET_DABR || ask->number == H_DABR_HITS))
		answer.code = serve_watch(calls, ask, answer.values);
	else if (answer.code == H_SUCCESS)
		answer.code = serve_hpt(calls, ask, answer.values);
	hv_calls_count(calls, answer.code);
	*ret_answer = answer;
}

struct hv_tces *hv_calls_tces(const struct hv_calls *calls)
{
	return calls->tces;
}

void hv_calls_count(struct hv_calls *calls, int64_t code)
{
	calls->served++;
	calls->refused += !is_ordinary(code);
}

bool hv_calls_left(struct hv_calls *calls, uint32_t page)
{
	return hv_hpt_invalidate(calls->hpt, page) > 0;
}

void hv_calls_stat(const struct hv_calls *calls, struct hv_calls_stat *ret_stat)
{
	*ret_stat = (struct hv_calls_stat){
		.calls = calls->served,
		.refused = calls->refused,
		.hpt_bytes = hv_hpt_memory_bytes(calls->hpt),
	};
	hv_hpt_count(calls->hpt, &ret_stat->hpt);
	if (calls->tces == NULL)
		return;
	hv_tces_stat(calls->tces, &ret_stat->tces);
	ret_stat->tce_bytes = hv_tces_memory_bytes(calls->tces);
}

enum hv_code hv_calls_audit(const struct hv_calls *calls, struct hv_err *err)
{
	enum hv_code code = hv_hpt_audit(calls->hpt, err);

	return code == HV_OK && calls->tces != NULL ? hv_tces_audit(calls->tces, err)
						    : code;
}
