/*
 * incarnation - which process of a forwarding VIOS it is: a name that no other one ever
 * has, and an order among those of one boot of its host.
 *
 *   8 bytes: the boot | 8 bytes, big-endian: the monotonic clock, in ns
 *
 * Of one VIOS there is one process at a time, so one that began later is the newer one.
 * Those of two boots are not compared: a process does not outlive its boot.
 *
 * Contract
 *   Threads  any.
 *   Errors   new: OS, no random number where the boot has no name.
 */
#ifndef VIOS_INCARNATION_H
#define VIOS_INCARNATION_H

#include "hvcore/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define VIOS_INCARNATION_BYTES 16

/* Of this process, which has one. */
HV_MUST_USE
enum hv_code vios_incarnation_new(uint8_t ret[VIOS_INCARNATION_BYTES],
				  struct hv_err *err);

bool vios_incarnation_is(const uint8_t a[VIOS_INCARNATION_BYTES],
			 const uint8_t b[VIOS_INCARNATION_BYTES]);
/* `a` is of the same boot as `b`, and began before. */
bool vios_incarnation_is_before(const uint8_t a[VIOS_INCARNATION_BYTES],
				const uint8_t b[VIOS_INCARNATION_BYTES]);

#endif
