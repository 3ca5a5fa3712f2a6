/* fence - see fence.h. */
#include "vios/fence.h"

#include <string.h>

#include "hvcore/base/invariant.h"

void vios_fence_init(struct vios_fence *fence, const struct vios_fence_ops *ops,
		     void *arg, uint64_t base)
{
	*fence = (struct vios_fence){ .ops = ops, .arg = arg, .last = base };
}

/* The one place where somebody begins to be served. */
static void step(struct vios_fence *fence)
{
	void *hello = fence->hello;

	if (fence->is_stopping || hello == NULL || fence->held > 0)
		return;
	HV_INVARIANT(fence->session == 0);
	fence->hello = NULL;
	fence->session = ++fence->last;
	fence->ops->greet(fence->arg, hello, fence->session);
}

static void stop(struct vios_fence *fence)
{
	fence->session = 0; /* first: nothing is taken for it from here on */
	memcpy(fence->over, fence->incarnation, VIOS_INCARNATION_BYTES);
	fence->has_over = true;
	fence->is_stopping = true;
	fence->ops->stop(fence->arg);
	fence->is_stopping = false;
}

/* Nobody may come back: what it sent before is refused, it must not send more. */
static bool is_over(const struct vios_fence *fence, const uint8_t *incarnation)
{
	return (fence->has_over && vios_incarnation_is(fence->over, incarnation)) ||
	       (fence->has_incarnation &&
		vios_incarnation_is_before(incarnation, fence->incarnation));
}

void vios_fence_hello(struct vios_fence *fence,
		      const uint8_t incarnation[VIOS_INCARNATION_BYTES], void *hello)
{
	void *before = fence->hello;
	bool is_again = fence->has_incarnation &&
			vios_incarnation_is(fence->incarnation, incarnation);

	HV_INVARIANT(hello != NULL);
	if (fence->session != 0 && is_again) {
		fence->ops->greet(fence->arg, hello, fence->session);
		return;
	}
	if (is_over(fence, incarnation)) {
		fence->ops->refuse(fence->arg, hello, HV_E_STALE, "its session is over");
		return;
	}
	fence->hello = hello;
	if (before != NULL)
		fence->ops->refuse(fence->arg, before, is_again ? HV_E_AGAIN : HV_E_STALE,
				   is_again ? "asked again"
					    : "another incarnation came later");
	if (fence->session != 0)
		stop(fence);
	memcpy(fence->incarnation, incarnation, VIOS_INCARNATION_BYTES);
	fence->has_incarnation = true;
	step(fence);
}

void vios_fence_end(struct vios_fence *fence)
{
	if (fence->session == 0)
		return;
	stop(fence);
	step(fence);
}

void vios_fence_hold(struct vios_fence *fence)
{
	HV_INVARIANT(fence->session != 0);
	fence->held++;
}

void vios_fence_release(struct vios_fence *fence)
{
	HV_INVARIANT(fence->held > 0);
	fence->held--;
	step(fence);
}
