/* workload - see workload.h. */
#include "agent/partition/workload.h"

#include <math.h>

#include "hvcore/base/invariant.h"

const char *const partition_workload_names[PARTITION_WORKLOAD_KIND_COUNT + 1] = {
	[PARTITION_IDLE] = "idle", [PARTITION_ZIPF] = "zipf",
	[PARTITION_SCAN] = "scan", [PARTITION_PHASES] = "phases",
	[PARTITION_OS] = "os",
};

/* H and its inverse: the integral of x^-theta, zero at 1. */
static double integral(double x)
{
	return (pow(x, 1 - PARTITION_ZIPF_THETA) - 1) / (1 - PARTITION_ZIPF_THETA);
}

static double integral_inverse(double y)
{
	return pow(1 + y * (1 - PARTITION_ZIPF_THETA), 1 / (1 - PARTITION_ZIPF_THETA));
}

static double density(double x)
{
	return pow(x, -PARTITION_ZIPF_THETA);
}

/*
 * Rejection-inversion (Hoermann, Derflinger 1996): draws below the integral of the
 * density, and rejects the little that sticks out over the steps. Exact, no table,
 * no sum over n.
 */
void partition_zipf_init(struct partition_zipf *zipf, uint64_t n)
{
	HV_INVARIANT(n > 0);
	zipf->n = n;
	zipf->h_first = integral(1.5) - 1;
	zipf->h_last = integral((double)n + 0.5);
	zipf->shift = 2 - integral_inverse(integral(2.5) - density(2));
}

uint64_t partition_zipf_next(const struct partition_zipf *zipf, struct hv_rng *rng)
{
	for (;;) {
		double unit = (double)(hv_rng_next(rng) >> 11) * 0x1p-53;
		double u = zipf->h_last + unit * (zipf->h_first - zipf->h_last);
		double x = integral_inverse(u);
		double k = floor(x + 0.5);

		if (k < 1)
			k = 1;
		if (k > (double)zipf->n)
			k = (double)zipf->n;
		if (k - x <= zipf->shift || u >= integral(k + 0.5) - density(k))
			return (uint64_t)k;
	}
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * A stride near n * 0.618 that shares no divisor with n: rank -> rank * stride mod n
 * is a permutation that keeps ranks that are near each other far apart.
 */
static uint64_t scatter_stride(uint64_t n)
{
	uint64_t stride = (uint64_t)((double)n * 0.6180339887498949);

	if (stride == 0)
		return 1;
	while (common_divisor(stride, n) != 1)
		stride++;
	return stride;
}

void partition_workload_init(struct partition_workload *workload,
			     const struct partition_workload_config *config,
			     uint64_t first, uint64_t count, unsigned worker)
{
	HV_INVARIANT(count > 0);
	HV_INVARIANT(config->kind < PARTITION_WORKLOAD_KIND_COUNT);
	*workload = (struct partition_workload){
		.config = *config,
		.first = first,
		.count = count,
		.window = (count * config->working_set_percent + 99) / 100,
		.rng = { .state = config->seed + worker * 0x9e3779b97f4a7c15u },
	};
	HV_INVARIANT(workload->window >= 1 && workload->window <= count);
	if (config->kind == PARTITION_ZIPF || config->kind == PARTITION_OS) {
		partition_zipf_init(&workload->zipf, workload->window);
		workload->stride = scatter_stride(workload->window);
	}
}

void partition_workload_resize(struct partition_workload *workload, uint64_t first,
			       uint64_t count, unsigned worker)
{
	struct partition_workload before = *workload;

	partition_workload_init(workload, &before.config, first, count, worker);
	workload->rng = before.rng;
	workload->fills_anew = true;
	if (first != before.first)
		return;
	/* those that it had and has are filled already */
	workload->filled = before.filled < workload->window ? before.filled
							    : workload->window;
}

bool partition_workload_is_filled(const struct partition_workload *workload)
{
	return workload->filled == workload->window;
}

/* The window moves by its own size, or by what lies outside it where that is less. */
static void move_window(struct partition_workload *workload)
{
	uint64_t outside = workload->count - workload->window;
	uint64_t step = workload->window < outside ? workload->window : outside;

	workload->left_at = workload->at;
	workload->left = workload->config.may_discard ? step : 0;
	workload->at = (workload->at + step) % workload->count;
}

/*
 * The next piece of what was left that shall be given back: every other one, so that
 * pages given back lie beside pages that stay paged out. False: none is left.
 */
static bool next_discard(struct partition_workload *workload,
			 struct partition_operation *ret_operation)
{
	while (workload->left > 0) {
		uint64_t at = workload->left_at;
		uint64_t pages = PARTITION_DISCARD_PAGES - at % PARTITION_DISCARD_PAGES;

		if (pages > workload->left)
			pages = workload->left;
		if (pages > workload->count - at)
			pages = workload->count - at;
		workload->left -= pages;
		workload->left_at = (at + pages) % workload->count;
		if (at / PARTITION_DISCARD_PAGES % 2 == 0) {
			*ret_operation = (struct partition_operation){
				.action = PARTITION_DISCARD,
				.page = workload->first + at,
				.pages = pages,
			};
			return true;
		}
	}
	return false;
}

static uint64_t choose_page(struct partition_workload *workload)
{
	uint64_t page = 0;

	switch (workload->config.kind) {
	case PARTITION_ZIPF:
	case PARTITION_OS:
		page = partition_zipf_next(&workload->zipf, &workload->rng) - 1;
		page = (uint64_t)((unsigned __int128)page * workload->stride %
				  workload->window);
		break;
	case PARTITION_SCAN:
		page = workload->at;
		workload->at = (page + 1) % workload->window;
		break;
	case PARTITION_IDLE:
	case PARTITION_PHASES:
		page = workload->at + hv_rng_below(&workload->rng, workload->window);
		page %= workload->count;
		break;
	default:
		HV_UNREACHABLE("workload kind");
	}
	return workload->first + page;
}

/* Half of the writes look first: so both kinds of first touch occur. */
static enum partition_action choose_action(struct partition_workload *workload)
{
	uint64_t draw = hv_rng_next(&workload->rng);

	if ((draw >> 1) % 100 >= workload->config.write_percent)
		return PARTITION_READ;
	return (draw & 1) != 0 ? PARTITION_UPDATE : PARTITION_WRITE;
}

struct partition_operation partition_workload_next(struct partition_workload *workload,
						   uint64_t now_ms)
{
	struct partition_operation operation = { .pages = 1 };

	if (!partition_workload_is_filled(workload)) {
		operation.action = workload->fills_anew ? PARTITION_UPDATE
							: PARTITION_WRITE;
		operation.page = workload->first + workload->filled++;
		return operation;
	}
	if (workload->config.kind == PARTITION_PHASES) {
		if (workload->next_phase_ms == 0)
			workload->next_phase_ms = now_ms + workload->config.phase_ms;
		if (now_ms >= workload->next_phase_ms) {
			workload->next_phase_ms = now_ms + workload->config.phase_ms;
			move_window(workload);
		}
		if (next_discard(workload, &operation))
			return operation;
	}
	operation.page = choose_page(workload);
	operation.action = choose_action(workload);
	return operation;
}
