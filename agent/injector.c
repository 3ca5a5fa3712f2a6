/* injector - see injector.h. */
#include "agent/injector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

struct ask {
	struct agent_injector *owner;
	struct ask *next;
	struct hv_watch watch;
	struct hv_timer deadline;
	uint32_t tag;
	char vios[HV_NAME_BYTES];
	int fd;
};

struct agent_injector {
	struct agent_injector_config config;
	struct hv_loop *loop;
	struct ask *first;
};

enum hv_code agent_injector_open(struct hv_loop *loop,
				 const struct agent_injector_config *config,
				 struct agent_injector **ret_injector, struct hv_err *err)
{
	struct agent_injector *injector = calloc(1, sizeof(*injector));

	if (injector == NULL)
		return hv_fail(err, HV_E_NOMEM, "the table of orders to VIOS");
	injector->config = *config;
	injector->loop = loop;
	*ret_injector = injector;
	return HV_OK;
}

static void drop(struct ask *ask)
{
	struct ask **at = &ask->owner->first;

	while (*at != ask)
		at = &(*at)->next;
	*at = ask->next;
	hv_watch_stop(&ask->watch);
	hv_timer_stop(&ask->deadline);
	if (ask->fd >= 0)
		(void)close(ask->fd);
	free(ask);
}

void agent_injector_close(struct agent_injector *injector)
{
	if (injector == NULL)
		return;
	while (injector->first != NULL)
		drop(injector->first);
	free(injector);
}

static void finish(struct ask *ask, const struct agent_injected *result)
{
	struct agent_injector *owner = ask->owner;
	uint32_t tag = ask->tag;

	drop(ask);
	owner->config.on_done(owner->config.arg, tag, result);
}

/* What came is whatever that process wrote: checked as anybody's. */
static enum hv_code take_answer(struct ask *ask, struct hv_inject_answer *ret,
				struct hv_err *err)
{
	struct hv_local_packet packet;
	enum hv_code code = hv_local_receive_packet(ask->fd, &packet, err);

	if (code != HV_OK)
		return code;
	hv_local_close_fds(packet.fds, packet.fd_count);
	code = hv_inject_check(packet.bytes, packet.count, err);
	if (code != HV_OK)
		return code;
	if (packet.count != sizeof(*ret))
		return hv_fail(err, HV_E_CORRUPT, "no answer");
	memcpy(ret, packet.bytes, sizeof(*ret));
	if (ret->head.type != HV_INJECT_ANSWER || ret->head.tag != ask->tag ||
	    ret->code >= HV_CODE_COUNT)
		return hv_fail(err, HV_E_CORRUPT, "an answer to something else");
	return HV_OK;
}

/* False: there is none yet. Else it is told, and `ask` is no more. */
static bool look(struct ask *ask)
{
	struct agent_injected result = { 0 };
	struct hv_inject_answer answer = { 0 };
	char text[AGENT_TEXT_BYTES];
	struct hv_err err;

	result.code = take_answer(ask, &answer, &err);
	if (result.code == HV_E_AGAIN)
		return false;
	if (result.code != HV_OK)
		(void)snprintf(text, sizeof(text), "VIOS '%s': %.180s", ask->vios,
			       err.text);
	else
		(void)snprintf(text, sizeof(text), "%.255s", answer.text);
	if (result.code == HV_OK)
		result.code = (enum hv_code)answer.code;
	result.text = text;
	result.number = answer.number;
	result.seed = answer.seed;
	finish(ask, &result);
	return true;
}

static void on_answer(struct hv_watch *watch, unsigned events)
{
	(void)events; /* reading tells what happened */
	(void)look(HV_CONTAINER(watch, struct ask, watch)); /* or the next one tells */
}

static void on_deadline(struct hv_timer *timer)
{
	struct ask *ask = HV_CONTAINER(timer, struct ask, deadline);
	struct agent_injected result = { .code = HV_E_TIMEOUT };
	char text[AGENT_TEXT_BYTES];

	if (look(ask)) /* it was us who stood still */
		return;
	(void)snprintf(text, sizeof(text),
		       "VIOS '%s' has not answered for %u ms; if it injects is not known",
		       ask->vios, ask->owner->config.answer_ms);
	result.text = text;
	finish(ask, &result);
}

static enum hv_code send_order(struct ask *ask, const struct agent_inject *what,
			       struct hv_err *err)
{
	struct hv_inject_order order = {
		.head = hv_local_head(HV_INJECT_VERSION, HV_INJECT_START, sizeof(order),
				      ask->tag),
	};

	if (what->injection == NULL) {
		order.head = hv_local_head(HV_INJECT_VERSION,
					   what->is_question ? HV_INJECT_ASK
							     : HV_INJECT_CLEAR,
					   sizeof(order.head), ask->tag);
		return hv_local_send(ask->fd, &order.head, sizeof(order.head), NULL, 0,
				     err);
	}
	order.injection = *what->injection;
	if (what->id != NULL)
		memcpy(order.id, what->id, sizeof(order.id));
	return hv_local_send(ask->fd, &order, sizeof(order), NULL, 0, err);
}

static enum hv_code start(struct ask *ask, const struct agent_inject *what,
			  struct hv_err *err)
{
	struct agent_injector *owner = ask->owner;
	char path[HV_LOCAL_PATH_BYTES];
	enum hv_code code;

	if (!hv_inject_path(path, owner->config.state, what->vios))
		return hv_fail(err, HV_E_INVAL,
			       "the path of the state directory is too long for a socket "
			       "below it");
	code = hv_local_connect_now(path, &ask->fd, err);
	if (code != HV_OK) {
		ask->fd = -1;
		return code;
	}
	code = send_order(ask, what, err);
	if (code == HV_OK)
		code = hv_watch_start(owner->loop, &ask->watch, ask->fd, HV_WATCH_READ,
				      err);
	if (code == HV_OK)
		code = hv_timer_start(owner->loop, &ask->deadline,
				      owner->config.answer_ms, 0, err);
	return code;
}

enum hv_code agent_injector_order(struct agent_injector *injector, uint32_t tag,
				  const struct agent_inject *what, struct hv_err *err)
{
	struct ask *ask = calloc(1, sizeof(*ask));
	enum hv_code code;

	if (ask == NULL)
		return hv_fail(err, HV_E_NOMEM, "an order to a VIOS");
	*ask = (struct ask){ .owner = injector,
			     .next = injector->first,
			     .watch = { .run = on_answer },
			     .deadline = { .run = on_deadline },
			     .tag = tag,
			     .fd = -1 };
	(void)snprintf(ask->vios, sizeof(ask->vios), "%.31s", what->vios);
	injector->first = ask;
	code = start(ask, what, err);
	if (code != HV_OK)
		drop(ask);
	return code;
}
