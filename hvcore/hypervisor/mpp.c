/* mpp - see mpp.h. */
#include "hvcore/hypervisor/mpp.h"

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/hcall.h"
#include "hvcore/wire/messages.h"

static void on_asked(struct hv_job *job)
{
	struct mpp_order *order = HV_CONTAINER(job, struct mpp_order, job);

	HV_INVARIANT(atomic_load(&order->at) == MPP_ASKED);
	order->decide(order);
	atomic_store(&order->at, MPP_DONE);
}

void mpp_attach(struct mpp_order *order, struct hv_loop *loop,
		void (*decide)(struct mpp_order *order), void *partition)
{
	order->loop = loop;
	order->job.run = on_asked;
	order->decide = decide;
	order->partition = partition;
}

static int64_t outcome(struct mpp_order *order, uint64_t *values)
{
	uint64_t bytes = order->got_pages * HV_PAGE_BYTES;

	atomic_store(&order->at, MPP_IDLE);
	values[0] = bytes;
	values[1] = order->got_weight;
	return bytes == order->entitled_bytes && order->got_weight == order->weight
		       ? H_SUCCESS
		       : H_CONSTRAINED;
}

uint64_t mpp_asked_pages(const struct mpp_order *order)
{
	uint64_t pages = order->entitled_bytes / HV_PAGE_BYTES;

	if (atomic_load(&order->at) == MPP_IDLE)
		return UINT64_MAX;
	return pages > order->mapped_pages ? pages : order->mapped_pages;
}

int64_t mpp_set(struct mpp_order *order, const uint64_t *args, uint64_t mapped_pages,
		uint32_t told, uint64_t *values)
{
	enum mpp_at at = atomic_load(&order->at);

	if (at == MPP_ASKED)
		return H_LONG_BUSY_1_MSEC;
	if (order->loop == NULL || args[1] > HV_WEIGHT_MAX)
		return H_PARAMETER;
	if (at == MPP_DONE && order->entitled_bytes == args[0] &&
	    order->weight == args[1])
		return told == order->number ? outcome(order, values)
					     : H_LONG_BUSY_1_MSEC;
	if (hv_clock_ms() < order->next_ms)
		return H_LONG_BUSY_1_MSEC;
	order->next_ms = hv_clock_ms() + MPP_PAUSE_MS;
	order->entitled_bytes = args[0];
	order->weight = args[1];
	order->mapped_pages = mapped_pages;
	order->number++;
	atomic_store(&order->at, MPP_ASKED);
	hv_loop_post(order->loop, &order->job);
	return H_LONG_BUSY_1_MSEC;
}
