/* orders - see orders.h. */
#include "vios/orders.h"

#include <sys/random.h>

#include "hvcore/base/clock.h"
#include "vios/device.h"
#include "vios/link.h"

static enum hv_code start(const struct vios_orders *orders,
			  const struct hv_inject_order *order,
			  struct hv_inject_answer *answer, struct hv_err *err)
{
	const struct hv_injection *injection = &order->injection;
	struct vios_injection started;
	uint64_t key = 0;
	enum hv_code code;

	if (!orders->serves)
		return hv_fail(err, HV_E_AGAIN,
			       "VIOS '%s' has no session with its hypervisor yet: wait "
			       "until it serves",
			       orders->name);
	if (injection->device[0] != '\0') {
		if (!orders->has(orders->arg, order->id))
			return hv_fail(err, HV_E_NOTFOUND,
				       "VIOS '%s' has no device '%s' open: say one that "
				       "it serves, or none for all",
				       orders->name, injection->device);
		key = vios_device_key(order->id);
	}
	if (injection->kind == HV_INJECTION_CUT && orders->link == NULL)
		return hv_fail(err, HV_E_STATE,
			       "VIOS '%s' has its devices on its own host: there is no "
			       "link to cut",
			       orders->name);
	code = vios_inject_add(orders->inject, injection, key, &started, err);
	if (code != HV_OK)
		return hv_wrap(err, "VIOS '%s'", orders->name);
	if (injection->kind == HV_INJECTION_CUT)
		vios_link_cut(orders->link, injection->direction, injection->time_ms);
	answer->number = started.number;
	answer->seed = started.seed;
	return HV_OK;
}

enum hv_code vios_orders_carry_out(const struct vios_orders *orders,
				   const struct hv_inject_order *order,
				   struct hv_inject_answer *answer, struct hv_err *err)
{
	if (!orders->allow_drills)
		return hv_fail(err, HV_E_REFUSED,
			       "VIOS '%s' was started without --allow-drills: start its "
			       "host with it",
			       orders->name);
	if (order->head.type != HV_INJECT_CLEAR)
		return start(orders, order, answer, err);
	answer->number = vios_inject_clear(orders->inject, "told to");
	if (orders->link != NULL)
		vios_link_cut(orders->link, HV_INJECTION_BOTH_WAYS, 0);
	return HV_OK;
}

static uint64_t real_now_ns(void *arg)
{
	(void)arg;
	return hv_clock_ns();
}

static uint64_t real_random(void *arg)
{
	uint64_t seed = 0;

	(void)arg;
	/* 8 bytes are never cut short; before the pool is ready the clock has to do. */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed) ||
	    seed == 0)
		seed = hv_clock_ns();
	return seed;
}

const struct vios_inject_env vios_inject_env_real = { real_now_ns, real_random, NULL };
