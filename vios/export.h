/*
 * export - a VIOS that exports devices of its host to VIOS on others, over nng: tarn-vios
 * --serve. The other side of link.h; the messages: proto/remote.proto.
 *
 *   connections --> decode --> who of the clients has that session? --> export_client
 *                     |             '-- none: STALE
 *                     '-- nonsense: its code, and nothing is begun
 *
 * Contract
 *   Threads  L; each client has a lane and workers.
 *   Memory   at most EXPORT_CLIENTS_MAX clients, ever, of one process; all a client can
 *            ask for is bounded.
 *   Errors   open: what rpc.h says of URLs; run: OK by a signal, else a lane failed.
 */
#ifndef VIOS_EXPORT_H
#define VIOS_EXPORT_H

#include "hvcore/base/err.h"

#include <stdbool.h>

#define EXPORT_CLIENTS_MAX 8 /* VIOS of other hosts; arbitrary */

struct vios_export_config {
	const char *url;
	const char *name;
	const char *control_path;
	bool allow_drills;
};

struct vios_export;

HV_MUST_USE
enum hv_code vios_export_open(const struct vios_export_config *config,
			      struct vios_export **ret_export, struct hv_err *err);
HV_MUST_USE
enum hv_code vios_export_run(struct vios_export *export, struct hv_err *err);
void vios_export_close(struct vios_export *export); /* NULL is fine */

#endif
