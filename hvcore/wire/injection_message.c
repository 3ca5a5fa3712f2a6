/* injection_message - see injection_message.h. */
#include "hvcore/wire/injection_message.h"

#include <stdio.h>
#include <string.h>

static_assert((int)TARN__INJECTION_KIND__INJECTION_HANG == (int)HV_INJECTION_HANG,
	      "kinds are the same");
static_assert((int)TARN__INJECTION_OP__INJECTION_BOTH == (int)HV_INJECTION_BOTH,
	      "operations are the same");
static_assert((int)TARN__INJECTION_ERROR__INJECTION_ENOSPC == (int)HV_INJECTION_ENOSPC,
	      "errors are the same");

static_assert((int)TARN__INJECTION_KIND__INJECTION_CUT == (int)HV_INJECTION_CUT,
	      "kinds are the same");
static_assert((int)TARN__INJECTION_DIRECTION__INJECTION_BOTH_WAYS ==
		      (int)HV_INJECTION_BOTH_WAYS,
	      "directions are the same");

enum hv_code hv_injection_read(const Tarn__Injection *message,
			       struct hv_injection *ret_injection, struct hv_err *err)
{
	struct hv_injection injection = {
		.kind = (uint32_t)message->kind,
		.op = (uint32_t)message->op,
		.rate_ppm = message->rate_ppm,
		.time_ms = message->time_ms,
		.delay_ms = message->has_delay_ms ? message->delay_ms : 0,
		.error = message->has_error ? (uint32_t)message->error : 0,
		.direction = message->has_direction ? (uint32_t)message->direction : 0,
		.seed = message->has_seed ? message->seed : 0,
	};
	const char *device = message->device != NULL ? message->device : "";
	enum hv_code code;

	if (strlen(device) >= sizeof(injection.device))
		return hv_fail(err, HV_E_INVAL,
			       "'%.31s...' is too long for the name of a device: it has "
			       "at most %zu characters",
			       device, sizeof(injection.device) - 1);
	(void)snprintf(injection.device, sizeof(injection.device), "%.31s", device);
	code = hv_injection_check(&injection, err);
	if (code == HV_OK)
		*ret_injection = injection;
	return code;
}

void hv_injection_write(const struct hv_injection *injection, Tarn__Injection *ret)
{
	tarn__injection__init(ret);
	ret->kind = (Tarn__InjectionKind)injection->kind;
	ret->op = (Tarn__InjectionOp)injection->op;
	ret->rate_ppm = injection->rate_ppm;
	ret->time_ms = injection->time_ms;
	ret->has_delay_ms = injection->delay_ms != 0;
	ret->delay_ms = injection->delay_ms;
	ret->has_error = injection->error != 0;
	ret->error = injection->error != 0 ? (Tarn__InjectionError)injection->error
					   : TARN__INJECTION_ERROR__INJECTION_EIO;
	ret->has_direction = injection->direction != 0;
	ret->direction = injection->direction != 0
				 ? (Tarn__InjectionDirection)injection->direction
				 : TARN__INJECTION_DIRECTION__INJECTION_BOTH_WAYS;
	ret->has_seed = injection->seed != 0;
	ret->seed = injection->seed;
	ret->device = injection->device[0] != '\0' ? (char *)injection->device : NULL;
}

void hv_injection_stats_put(struct hv_window_head *head, struct hv_injection_stats *stats,
			    Tarn__ViosStat *ret)
{
	ret->n_injected = 0;
	ret->injected = stats->list;
	for (unsigned kind = 1; kind < HV_INJECTION_KIND_COUNT; kind++) {
		Tarn__InjectionStat *to = &stats->at[kind];

		tarn__injection_stat__init(to);
		to->kind = (Tarn__InjectionKind)kind;
		to->active = atomic_load(&head->injecting[kind]);
		to->hits = atomic_load(&head->injected[kind]);
		if (to->active != 0 || to->hits != 0)
			stats->list[ret->n_injected++] = to;
	}
}

uint32_t hv_injections_active(const Tarn__ViosStat *stat)
{
	uint32_t active = 0;

	for (size_t i = 0; i < stat->n_injected; i++)
		active += stat->injected[i]->active;
	return active;
}
