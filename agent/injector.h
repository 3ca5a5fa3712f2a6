/*
 * injector - orders to paging VIOS that run: to inject faults, or to end them, or only to
 * answer (hvcore/wire/injection.h).
 *
 * Contract
 *   Threads  L. Nothing here waits: a VIOS that stands still costs a descriptor.
 *   Memory   agent_injector_close() ends what is under way; nothing is told then.
 *   Errors   agent_injector_order: nothing was sent (GONE: nobody listens there).
 *            on_done comes once for each one that was, never from inside order: with the
 *            code and the sentence of the VIOS, TIMEOUT where it says nothing for
 *            answer_ms, GONE where it hangs up, CORRUPT for what is no answer.
 */
#ifndef AGENT_INJECTOR_H
#define AGENT_INJECTOR_H

#include "agent/core/core.h"
#include "hvcore/loop/loop.h"

#define INJECTOR_ANSWER_MS \
	5000 /* of the real one; arbitrary: its main loop waits for no device */

struct agent_injector;

struct agent_injector_config {
	const char *state; /* directory */
	unsigned answer_ms;
	void (*on_done)(void *arg, uint32_t tag, const struct agent_injected *result);
	void *arg;
};

HV_MUST_USE
enum hv_code agent_injector_open(struct hv_loop *loop,
				 const struct agent_injector_config *config,
				 struct agent_injector **ret_injector,
				 struct hv_err *err);
void agent_injector_close(struct agent_injector *injector); /* NULL is fine */

HV_MUST_USE
enum hv_code agent_injector_order(struct agent_injector *injector, uint32_t tag,
				  const struct agent_inject *what, struct hv_err *err);

#endif
