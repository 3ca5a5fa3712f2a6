/*
 * explain - why a host does not fit, and all hosts in one sentence.
 *
 * In the sentence a host is counted once, under the first limit it does not meet,
 * so that the numbers add up; its own line has them all.
 */
#include "coordinator/placement/placement_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct text {
	char *at;
	size_t left;
};

static void put(struct text *text, const char *format, ...) HV_PRINTF(2, 3);

static void put(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at, text->left, format, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n >= text->left)
		n = (int)text->left - 1;
	text->at += n;
	text->left -= (size_t)n;
}

static uint64_t lmbs(uint64_t bytes, uint64_t lmb_bytes)
{
	return lmb_bytes == 0 ? 0 : (bytes + lmb_bytes - 1) / lmb_bytes;
}

static void put_short(struct text *text, const char *what, uint64_t bytes,
		      uint64_t lmb_bytes)
{
	char size[32];

	if (lmb_bytes != 0)
		put(text, "%s short by %llu LMB", what,
		    (unsigned long long)lmbs(bytes, lmb_bytes));
	else
		put(text, "%s short by %s", what,
		    hv_size_format(bytes, size, sizeof(size)));
}

static const char *device_words(const struct placement_need *need)
{
	if (need->needs_mirror)
		return "pair of paging devices";
	return need->needs_pair ? "redundant paging device" : "paging device";
}

static void put_device(struct text *text, const struct placement_host *host,
		       const struct placement_need *need)
{
	uint64_t largest = placement_device_bytes(host, need);
	char wanted[32], have[32];

	put(text, "no free %s of %s", device_words(need),
	    hv_size_format(need->max_bytes, wanted, sizeof(wanted)));
	if (largest == 0)
		put(text, " (none is free)");
	else
		put(text, " (largest holds %s)",
		    hv_size_format(largest, have, sizeof(have)));
}

static void put_limit(struct text *text, enum placement_limit limit,
		      const struct placement_host *host,
		      const struct placement_need *need,
		      const struct placement_verdict *verdict)
{
	uint64_t bytes = verdict->short_bytes[limit];

	switch (limit) {
	case PLACEMENT_LIMIT_CONNECTED:
		put(text, "no report from its agent");
		return;
	case PLACEMENT_LIMIT_ROOM:
		put(text, "as many partitions as a host may have");
		return;
	case PLACEMENT_LIMIT_POOL:
		put(text, "no shared memory pool");
		return;
	case PLACEMENT_LIMIT_VIOS:
		put(text, need->needs_pair ? "paging VIOS pair not redundant"
					   : "no paging VIOS serves");
		return;
	case PLACEMENT_LIMIT_MEMORY:
		put_short(text, "free memory", bytes, host->lmb_bytes);
		return;
	case PLACEMENT_LIMIT_ENTITLED:
		put_short(text, "entitled memory", bytes, host->lmb_bytes);
		return;
	case PLACEMENT_LIMIT_LOGICAL:
		put_short(text, "logical memory", bytes, host->lmb_bytes);
		return;
	case PLACEMENT_LIMIT_SHARED:
		put(text, "pool has 128 shared partitions, the most it may have");
		return;
	default:
		put_device(text, host, need);
		return;
	}
}

/* What it has room for, of what decides. */
static void put_room(struct text *text, const struct placement_host *host,
		     const struct placement_need *need)
{
	char a[32], b[32];

	if (!need->is_shared) {
		put(text, "fits: %s of memory free",
		    hv_size_format(host->memory_free_bytes, a, sizeof(a)));
		return;
	}
	put(text, "fits: room for %s of working sets, %s of entitled memory",
	    hv_size_format(host->logical_free_bytes, a, sizeof(a)),
	    hv_size_format(host->entitled_free_bytes, b, sizeof(b)));
}

void placement_explain_host(const struct placement *placement, size_t at,
			    const struct placement_need *need,
			    char text[PLACEMENT_TEXT_BYTES])
{
	const struct placement_host *host = placement_host_at(placement, at);
	struct placement_verdict verdict = placement_judge(placement, at, need);
	struct text out = { text, PLACEMENT_TEXT_BYTES };
	const char *separator = "";

	text[0] = '\0';
	if (verdict.unmet == 0)
		put_room(&out, host, need);
	for (unsigned limit = 0; limit < PLACEMENT_LIMIT_COUNT; limit++) {
		if ((verdict.unmet & HV_BIT(limit)) == 0)
			continue;
		put(&out, "%s", separator);
		put_limit(&out, (enum placement_limit)limit, host, need, &verdict);
		separator = "; ";
	}
}

struct tally {
	size_t hosts;
	uint64_t low, high; /* LMBs short */
};

struct survey {
	struct tally tallies[PLACEMENT_LIMIT_COUNT];
	size_t fits;
	size_t nearest; /* PLACEMENT_NONE where all fit or there is no host */
	unsigned nearest_unmet;
	uint64_t nearest_short;
};

static enum placement_limit first_limit(unsigned unmet)
{
	return (enum placement_limit)__builtin_ctz(unmet);
}

static void count_host(struct survey *survey, size_t at,
		       const struct placement_host *host,
		       const struct placement_verdict *verdict)
{
	enum placement_limit limit = first_limit(verdict->unmet);
	struct tally *tally = &survey->tallies[limit];
	uint64_t missing = lmbs(verdict->short_bytes[limit], host->lmb_bytes);
	unsigned unmet = (unsigned)__builtin_popcount(verdict->unmet);
	uint64_t sum = 0;

	if (tally->hosts == 0 || missing < tally->low)
		tally->low = missing;
	if (missing > tally->high)
		tally->high = missing;
	tally->hosts++;
	for (unsigned i = 0; i < PLACEMENT_LIMIT_COUNT; i++)
		sum += verdict->short_bytes[i];
	if (survey->nearest == PLACEMENT_NONE || unmet < survey->nearest_unmet ||
	    (unmet == survey->nearest_unmet && sum < survey->nearest_short)) {
		survey->nearest = at;
		survey->nearest_unmet = unmet;
		survey->nearest_short = sum;
	}
}

static struct survey survey_hosts(const struct placement *placement,
				  const struct placement_need *need)
{
	struct survey survey = { .nearest = PLACEMENT_NONE };

	for (size_t i = 0; i < placement->count; i++) {
		struct placement_verdict verdict = placement_judge(placement, i, need);

		if (verdict.unmet == 0)
			survey.fits++;
		else
			count_host(&survey, i, &placement->hosts[i], &verdict);
	}
	return survey;
}

static void put_tally(struct text *text, enum placement_limit limit,
		      const struct tally *tally, const struct placement_need *need)
{
	static const char *const sized[PLACEMENT_LIMIT_COUNT] = {
		[PLACEMENT_LIMIT_MEMORY] = "free memory",
		[PLACEMENT_LIMIT_ENTITLED] = "entitled memory",
		[PLACEMENT_LIMIT_LOGICAL] = "logical memory",
	};
	static const char *const plain[PLACEMENT_LIMIT_COUNT] = {
		[PLACEMENT_LIMIT_CONNECTED] = "not connected",
		[PLACEMENT_LIMIT_ROOM] = "with as many partitions as a host may have",
		[PLACEMENT_LIMIT_POOL] = "without a pool",
		[PLACEMENT_LIMIT_SHARED] = "with 128 shared partitions already",
	};
	char size[32];

	put(text, "%zu ", tally->hosts);
	if (sized[limit] != NULL && tally->low == tally->high)
		put(text, "%s short by %llu LMB", sized[limit],
		    (unsigned long long)tally->low);
	else if (sized[limit] != NULL)
		put(text, "%s short by %llu-%llu LMB", sized[limit],
		    (unsigned long long)tally->low, (unsigned long long)tally->high);
	else if (plain[limit] != NULL)
		put(text, "%s", plain[limit]);
	else if (limit == PLACEMENT_LIMIT_VIOS)
		put(text, "without %s",
		    need->needs_pair ? "a redundant paging VIOS pair" : "a paging VIOS");
	else
		put(text, "without a free %s of %s", device_words(need),
		    hv_size_format(need->max_bytes, size, sizeof(size)));
}

static void put_nearest(struct text *text, const struct placement *placement,
			const struct placement_need *need, size_t at)
{
	const struct placement_host *host = placement_host_at(placement, at);
	struct placement_verdict verdict = placement_judge(placement, at, need);
	const char *separator = "";

	put(text, "; nearest: %s, ", host->name);
	for (unsigned limit = 0; limit < PLACEMENT_LIMIT_COUNT; limit++) {
		if ((verdict.unmet & HV_BIT(limit)) == 0)
			continue;
		put(text, "%s", separator);
		put_limit(text, (enum placement_limit)limit, host, need, &verdict);
		separator = " and ";
	}
}

void placement_explain(const struct placement *placement,
		       const struct placement_need *need, size_t chosen,
		       char text[PLACEMENT_TEXT_BYTES])
{
	struct survey survey = survey_hosts(placement, need);
	struct text out = { text, PLACEMENT_TEXT_BYTES };
	const char *separator = ": ";

	if (placement->count == 0) {
		put(&out, "there is no host; add one with 'tarn host add NAME'");
		return;
	}
	put(&out, "%zu host%s", placement->count, placement->count == 1 ? "" : "s");
	if (survey.fits > 0) {
		put(&out, ": %zu fit%s", survey.fits, survey.fits == 1 ? "s" : "");
		separator = ", ";
	}
	for (unsigned limit = 0; limit < PLACEMENT_LIMIT_COUNT; limit++) {
		if (survey.tallies[limit].hosts == 0)
			continue;
		put(&out, "%s", separator);
		put_tally(&out, (enum placement_limit)limit, &survey.tallies[limit],
			  need);
		separator = ", ";
	}
	if (chosen != PLACEMENT_NONE)
		put(&out, "; chosen: %s", placement_host_at(placement, chosen)->name);
	else if (survey.nearest != PLACEMENT_NONE)
		put_nearest(&out, placement, need, survey.nearest);
}
