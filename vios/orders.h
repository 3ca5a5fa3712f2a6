/*
 * orders - what a VIOS that serves does when it is told to inject faults (control.h).
 *
 * Contract
 *   Threads  L.
 *   Errors   REFUSED drills are not allowed here, AGAIN it does not serve yet, NOTFOUND
 *            no such device is open, STATE there is no link to cut, and those of
 *            inject.h. Everything is left as it is then.
 */
#ifndef VIOS_ORDERS_H
#define VIOS_ORDERS_H

#include "hvcore/wire/pgdev.h"
#include "vios/inject.h"

struct vios_link_state;

struct vios_orders {
	const char *name; /* of the VIOS */
	bool allow_drills;
	bool serves; /* it has a session */
	struct vios_inject *inject;
	/* Its link to the host of its devices, NULL: they are here. */
	struct vios_link_state *link;
	/* A device of that id is open. */
	bool (*has)(void *arg, const uint8_t id[HV_PGDEV_ID_BYTES]);
	void *arg;
};

extern const struct vios_inject_env vios_inject_env_real;

HV_MUST_USE
enum hv_code vios_orders_carry_out(const struct vios_orders *orders,
				   const struct hv_inject_order *order,
				   struct hv_inject_answer *answer, struct hv_err *err);

#endif
