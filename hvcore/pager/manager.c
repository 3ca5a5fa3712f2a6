/* manager - see manager.h. */
#include "hvcore/pager/manager.h"

#include <math.h>

#include "hvcore/base/invariant.h"

#define HOT_FADES_MS 4000.0     /* one window: an idle partition is cold after three */
#define CREDIT_FADES_MS 20000.0 /* what comes back once in that time is kept */
#define RATE_FADES_MS 1000.0
#define HEADROOM 1.05       /* what a window misses of a working set; measured */
#define PRESSES_PER_S 32.0  /* fewer arrivals are no need for memory; arbitrary */
#define PRESSES_SHARE 256.0 /* nor is less than so small a part of its want */

/* clang-format off */
static const char *const reason_texts[HV_MANAGER_REASON_COUNT] = {
	[HV_MANAGER_UNKNOWN] = "not observed yet",
	[HV_MANAGER_FITS]    = "its working set",
	[HV_MANAGER_PRESSES] = "its working set, and a share as it pages",
	[HV_MANAGER_WEIGHT]  = "by weight, less than its working set",
	[HV_MANAGER_SPARE]   = "its working set, and a share as nobody pages",
};
/* clang-format on */

const char *hv_manager_reason_text(enum hv_manager_reason reason)
{
	return reason_texts[reason];
}

static double fade(uint64_t ms, double fades_ms)
{
	return exp(-(double)ms / fades_ms);
}

static uint64_t less(uint64_t from, uint64_t pages)
{
	return from > pages ? from - pages : 0;
}

void hv_manager_look(struct hv_manager_member *member, const struct hv_manager_look *look)
{
	uint64_t fresh = look->arrived < look->probation ? look->arrived
							 : look->probation;
	double reused = (double)less(look->referenced, fresh);
	double before = member->hot * fade(look->window_ms, HOT_FADES_MS);

	member->hot = reused > before || !member->has_look ? reused : before;
	member->has_look = true;
}

/* Refaults since the last beat that `reach` more frames would have saved. */
static uint64_t count_curable(const struct hv_space_use *before,
			      const struct hv_space_use *now, uint64_t reach)
{
	uint64_t count = 0;

	for (unsigned i = 0; i < HV_REFAULT_BUCKETS; i++) {
		if ((uint64_t)(i + 1) * now->bucket_pages > reach)
			break;
		count += now->refaults[i] - before->refaults[i];
	}
	return count;
}

static void smooth(double *rate, uint64_t count, uint64_t elapsed_ms)
{
	double kept = fade(elapsed_ms, RATE_FADES_MS);

	*rate = *rate * kept + (double)count * 1000.0 / (double)elapsed_ms * (1 - kept);
}

static void observe(struct hv_manager_member *member,
		    const struct hv_manager_input *input, uint64_t frames,
		    uint64_t elapsed_ms)
{
	uint64_t curable;

	if (member->has_use && elapsed_ms > 0) {
		curable = count_curable(&member->use, &input->use,
					less(frames, input->use.resident));
		smooth(&member->arrivals_per_s,
		       input->use.arrivals - member->use.arrivals, elapsed_ms);
		smooth(&member->curable_per_s, curable, elapsed_ms);
		member->credit = member->credit * fade(elapsed_ms, CREDIT_FADES_MS) +
				 (double)curable;
		if (member->credit > (double)input->logical)
			member->credit = (double)input->logical;
	}
	member->use = input->use;
	member->has_use = true;
}

static uint64_t want_of(const struct hv_manager_member *member,
			const struct hv_manager_input *input)
{
	double want = member->hot * HEADROOM + member->credit;

	if (!member->has_look || want > (double)input->logical)
		return input->logical;
	return (uint64_t)want;
}

static bool presses(const struct hv_manager_member *member)
{
	return member->arrivals_per_s > PRESSES_PER_S &&
	       member->arrivals_per_s > (double)member->want / PRESSES_SHARE;
}

/* Splits what is left above the targets among those of `is_taker`. */
static uint64_t split_rest(uint64_t frames, struct hv_share *shares,
			   const struct hv_manager_input *inputs, const bool *is_taker,
			   unsigned count)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++) {
		shares[i].entitled = shares[i].target;
		shares[i].logical = is_taker[i] ? inputs[i].logical : shares[i].target;
	}
	hv_shares_split(frames, shares, count);
	for (unsigned i = 0; i < count; i++)
		sum += shares[i].target;
	HV_INVARIANT(sum <= frames);
	return frames - sum;
}

static enum hv_manager_reason reason_of(const struct hv_manager_member *member,
					bool takes_rest)
{
	if (!member->has_look)
		return HV_MANAGER_UNKNOWN;
	if (member->target < member->want)
		return HV_MANAGER_WEIGHT;
	if (member->target == member->want)
		return HV_MANAGER_FITS;
	return takes_rest ? HV_MANAGER_PRESSES : HV_MANAGER_SPARE;
}

void hv_manager_beat(struct hv_manager_member *const *members,
		     const struct hv_manager_input *inputs, unsigned count,
		     uint64_t frames, uint64_t elapsed_ms)
{
	struct hv_share shares[HV_MANAGER_MEMBERS_MAX];
	bool is_pressing[HV_MANAGER_MEMBERS_MAX] = { false };
	bool is_anybody[HV_MANAGER_MEMBERS_MAX] = { false };
	uint64_t rest = frames;

	HV_INVARIANT(count <= HV_MANAGER_MEMBERS_MAX);
	for (unsigned i = 0; i < count; i++) {
		observe(members[i], &inputs[i], frames, elapsed_ms);
		members[i]->want = want_of(members[i], &inputs[i]);
		is_pressing[i] = presses(members[i]);
		is_anybody[i] = true;
		shares[i] = (struct hv_share){ .logical = members[i]->want,
					       .entitled = inputs[i].entitled,
					       .weight = inputs[i].weight };
		if (shares[i].logical < shares[i].entitled)
			shares[i].logical = shares[i].entitled < inputs[i].logical
						    ? shares[i].entitled
						    : inputs[i].logical;
	}
	hv_shares_split(frames, shares, count);
	rest = split_rest(frames, shares, inputs, is_pressing, count);
	if (rest > 0)
		(void)split_rest(frames, shares, inputs, is_anybody, count);
	for (unsigned i = 0; i < count; i++) {
		members[i]->target = shares[i].target;
		members[i]->reason = reason_of(members[i], is_pressing[i]);
	}
}
