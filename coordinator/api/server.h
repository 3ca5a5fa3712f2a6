/*
 * server - the engine on a loop, a socket and the store.
 *
 * The commit runs on L, on purpose: it is one fsync a wake-up, and what arrives in
 * the meantime is the next batch.
 *
 * Contract
 *   Threads  L.
 *   Memory   the journal and the strings must outlive the server.
 */
#ifndef COORDINATOR_API_SERVER_H
#define COORDINATOR_API_SERVER_H

#include "coordinator/cluster/journal.h"
#include "hvcore/loop/loop.h"

struct server;

struct server_config {
	const char *url;
	const char *profiles;   /* directory of platform profiles, or NULL */
	char *const *arguments; /* of this program, to start it again; NULL: it is not */
	int pid_file;           /* of this program, held; -1: none */
	struct journal *journal;
};

HV_MUST_USE
enum hv_code server_open(struct hv_loop *loop, const struct server_config *config,
			 struct server **ret_server, struct hv_err *err);
void server_close(struct server *server); /* NULL is fine; before hv_loop_close() */

#endif
