/*
 * event - what happened on this host, kept until the coordinator has it.
 *
 * Numbers grow over restarts of the agent (its incarnation is their upper half), so
 * the coordinator drops a resend by comparing numbers. When the table is full the
 * oldest info goes, else the oldest.
 */
#include "agent/core/core_priv.h"

#include <stdarg.h>

static void drop(struct core_events *events, size_t at)
{
	HV_INVARIANT(at < events->count);
	memmove(&events->at[at], &events->at[at + 1],
		(events->count - at - 1) * sizeof(events->at[0]));
	events->count--;
}

static void make_room(struct core_events *events)
{
	size_t at = 0;

	if (events->count < CORE_EVENTS_MAX)
		return;
	while (at < events->count &&
	       events->at[at].level != TARN__EVENT_LEVEL__EVENT_INFO)
		at++;
	drop(events, at < events->count ? at : 0);
}

void core_event(struct agent_core *core, Tarn__EventLevel level, const char *kind,
		const char *format, ...)
{
	struct core_events *events = &core->events;
	struct core_event *event;
	va_list args;

	make_room(events);
	event = &events->at[events->count++];
	*event = (struct core_event){ .number = events->next++,
				      .wall_ms = core->ops->wall_ms(core->env),
				      .level = level };
	(void)snprintf(event->kind, sizeof(event->kind), "%s", kind);
	va_start(args, format);
	(void)vsnprintf(event->text, sizeof(event->text), format, args);
	va_end(args);
	core->ops->tell(core->env, level, event->kind, event->text);
	core_state_touch(core, false);
}

void core_event_put(const struct agent_core *core, struct core_event *event,
		    Tarn__Event *ret)
{
	tarn__event__init(ret);
	ret->wall_ms = event->wall_ms;
	ret->level = event->level;
	ret->host = (char *)core->config.name;
	ret->kind = event->kind;
	ret->text = event->text;
	ret->has_source_number = true;
	ret->source_number = event->number;
}

void core_events_acknowledge(struct agent_core *core, uint64_t number)
{
	struct core_events *events = &core->events;
	size_t gone = 0;

	while (gone < events->count && events->at[gone].number <= number)
		gone++;
	if (gone == 0)
		return;
	memmove(&events->at[0], &events->at[gone],
		(events->count - gone) * sizeof(events->at[0]));
	events->count -= gone;
	core_state_touch(core, false);
}
