/*
 * injection_message - an injection (injection.h) in the messages of agents, clients and
 * coordinator.
 *
 * Contract
 *   Threads  any.
 *   Memory   a message that is written points into its injection.
 *   Errors   those of hv_injection_check().
 */
#ifndef HVCORE_WIRE_INJECTION_MESSAGE_H
#define HVCORE_WIRE_INJECTION_MESSAGE_H

#include "hvcore/wire/injection.h"
#include "hvcore/wire/messages.h"
#include "hvcore/wire/session.h"

/* What was read holds: it is checked. */
HV_MUST_USE
enum hv_code hv_injection_read(const Tarn__Injection *message,
			       struct hv_injection *ret_injection, struct hv_err *err);
void hv_injection_write(const struct hv_injection *injection, Tarn__Injection *ret);

struct hv_injection_stats {
	Tarn__InjectionStat at[HV_INJECTION_KIND_COUNT];
	Tarn__InjectionStat *list[HV_INJECTION_KIND_COUNT];
};
/* What a VIOS says of itself: for people. `ret` points into `stats`. */
void hv_injection_stats_put(struct hv_window_head *head, struct hv_injection_stats *stats,
			    Tarn__ViosStat *ret);

/* How many are in force on a VIOS. */
uint32_t hv_injections_active(const Tarn__ViosStat *stat);

#endif
