/*
 * link - requests to the hypervisor and to the coordinator over nng, each told by its
 * tag when it is over.
 *
 * Both connections come back by themselves; a request that was under way then ends
 * in GONE.
 *
 * Contract
 *   Threads  L.
 *   Memory   on_hypervisor and on_coordinator are given the decoded reply.
 *   Errors   a reply that does not decode is CORRUPT, without one.
 */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include "agent/config.h"
#include "hvcore/loop/rpc.h"

struct agent_link;

struct agent_link_config {
	const struct agent_options *options;
	void (*on_hypervisor)(void *arg, uint32_t tag, enum hv_code code,
			      Tarn__HvReply *take_reply);
	void (*on_coordinator)(void *arg, uint32_t tag, enum hv_code code,
			       Tarn__HostReply *take_reply);
	/* Of agent_link_ask_console(); the reply is lent. */
	void (*on_console)(void *arg, enum hv_code code, const Tarn__HostReply *reply);
	void *arg;
};

HV_MUST_USE
enum hv_code agent_link_open(struct hv_loop *loop, const struct agent_link_config *config,
			     struct agent_link **ret_link, struct hv_err *err);
void agent_link_close(struct agent_link *link); /* what is under way is told CANCELED */

HV_MUST_USE
enum hv_code agent_link_ask_hypervisor(struct agent_link *link, uint32_t tag,
				       const Tarn__HvRequest *request,
				       uint64_t deadline_ms, struct hv_err *err);
HV_MUST_USE
enum hv_code agent_link_ask_coordinator(struct agent_link *link, uint32_t tag,
					const Tarn__HostRequest *request,
					uint64_t deadline_ms, struct hv_err *err);
HV_MUST_USE
enum hv_code agent_link_ask_console(struct agent_link *link,
				    const Tarn__HostRequest *request,
				    uint64_t deadline_ms, struct hv_err *err);

#endif
