/*
 * view - the status that people see: durable records beside live reports.
 *
 * Nothing is invented: what has not been reported since the coordinator started, or
 * comes from a host that went silent, is "Unknown" with the reason.
 *
 * Contract
 *   Threads  L.
 *   Memory   the reply points into the cluster: pack it before the next change, and
 *            free it with view_free() alone.
 *   Errors   NOTFOUND for a filter that names nothing, NOMEM.
 */
#ifndef COORDINATOR_CLUSTER_VIEW_H
#define COORDINATOR_CLUSTER_VIEW_H

#include "coordinator/cluster/cluster.h"

/*
 * query.host: that host and what is on it. query.name: that LPAR, and its host. With
 * query.pages the LPARs end after VIEW_PAGE_BYTES and next_lpar says where to go on:
 * query.from_lpar, which gives LPARs alone.
 */
#define VIEW_PAGE_LPARS 4096       /* a page without details is as large then */
#define VIEW_PAGE_BYTES (1u << 20) /* of LPARs; hosts and devices take less than 2 MiB */

HV_MUST_USE
enum hv_code view_make(const struct cluster *cluster, const Tarn__Query *query,
		       Tarn__StatusReply **ret_reply, struct hv_err *err);
void view_free(Tarn__StatusReply *reply);

#endif
