/*
 * tool - one-shot tarn-vios commands on paging devices, as children.
 *
 * Contract
 *   Threads  L.
 *   Memory   agent_tools_close() ends what runs; nothing is told then.
 *   Errors   agent_tool_start: nothing was started; BUSY the last one on that device
 *            has not ended, whatever was done to it. on_done comes once for each one
 *            that was, never from inside start, with the sentence the tool wrote;
 *            TIMEOUT at most a second after its deadline.
 */
#ifndef AGENT_TOOL_H
#define AGENT_TOOL_H

#include "agent/config.h"
#include "hvcore/loop/loop.h"

struct agent_tools;

struct agent_tools_config {
	const struct agent_options *options;
	const char *bin;
	const uint8_t *host_id; /* AGENT_ID_BYTES */
	void (*on_done)(void *arg, uint32_t tag, const struct agent_tool_result *result);
	void *arg;
};

HV_MUST_USE
enum hv_code agent_tools_open(struct hv_loop *loop,
			      const struct agent_tools_config *config,
			      struct agent_tools **ret_tools, struct hv_err *err);
void agent_tools_close(struct agent_tools *tools);

HV_MUST_USE
enum hv_code agent_tool_start(struct agent_tools *tools, uint32_t tag,
			      const struct agent_tool *what, struct hv_err *err);

/* "key=value" lines of --inspect; CORRUPT where one that is needed is not there. */
HV_MUST_USE
enum hv_code agent_header_parse(char *text, struct agent_header *ret_header,
				struct hv_err *err);

#endif
