/*
 * control - the socket on which a VIOS that runs is told to inject faults, or to end
 * them (hvcore/wire/injection.h).
 *
 * One order a connection; its answer, then it is closed. The socket's file is 0600, so
 * orders are root's; they are checked nevertheless. It is there without --allow-drills,
 * too: an order is refused with what would allow it.
 *
 * Whoever asks for nothing is answered: its loop turns.
 *
 * Contract
 *   Threads  L.
 *   Memory   embedded. At most VIOS_CONTROL_CLIENTS_MAX connections; one more ends the oldest.
 *   Errors   start: the socket cannot be made. What comes in ends, at worst, its
 *            connection.
 */
#ifndef VIOS_CONTROL_H
#define VIOS_CONTROL_H

#include "hvcore/loop/loop.h"
#include "hvcore/wire/injection.h"

#define VIOS_CONTROL_CLIENTS_MAX 4 /* one agent asks one thing at a time; arbitrary */

struct vios_control;

struct vios_control_client {
	struct hv_watch watch;
	int fd; /* -1: free */
	uint64_t number;
	struct vios_control *control;
};

struct vios_control_config {
	const char *path;
	/* An order that holds, and of type START or CLEAR; fills number and seed. */
	enum hv_code (*on_order)(void *arg, const struct hv_inject_order *order,
				 struct hv_inject_answer *answer, struct hv_err *err);
	void *arg;
};

struct vios_control {
	/* private */
	struct vios_control_config config;
	int fd;
	uint64_t accepted;
	struct hv_watch watch;
	struct hv_loop *loop;
	struct vios_control_client clients[VIOS_CONTROL_CLIENTS_MAX];
};

void vios_control_init(struct vios_control *control);
HV_MUST_USE
enum hv_code vios_control_start(struct vios_control *control, struct hv_loop *loop,
				const struct vios_control_config *config,
				struct hv_err *err);
void vios_control_stop(struct vios_control *control); /* also where it never started */

#endif
