/*
 * trace - the dispatch trace of one partition, while somebody wants it: what the
 * hypervisor saw of its page faults, and the context switches that the kernel recorded.
 */
#include "agent/core/core_priv.h"

#include <stdlib.h>

/* As the dispatch trace log of PAPR numbers them. */
#define REASON_WOKEN 0x02
#define REASON_TIME_SLICE 0x07

static_assert(CORE_DISPATCHES_MAX <= HV_DISPATCHES_MAX, "a report must decode");

static void begin(struct agent_core *core, struct core_lpar *lpar)
{
	struct core_trace *trace = &core->trace;
	struct hv_err err = { 0 };

	trace->pid = lpar->process.instance.pid;
	trace->why[0] = '\0';
	if (core->ops->record(core->env, trace->pid, &err) != HV_OK)
		core_text_set(trace->why, "%.200s", hv_err_text(&err));
}

void core_trace_want(struct agent_core *core, const char *name)
{
	struct core_trace *trace = &core->trace;
	struct core_lpar *lpar = name[0] != '\0' ? core_lpar_get(core, name, false)
						 : NULL;
	int64_t pid = lpar != NULL && lpar->process.is_alive ? lpar->process.instance.pid
							     : 0;

	(void)snprintf(trace->name, sizeof(trace->name), "%s", pid != 0 ? name : "");
	if (trace->pid == pid)
		return;
	if (trace->pid != 0)
		(void)core->ops->record(core->env, 0, NULL);
	trace->pid = 0;
	if (pid != 0)
		begin(core, lpar);
}

static int by_start(const void *a, const void *b)
{
	const Tarn__Dispatch *const *x = a, *const *y = b;

	return (*x)->start_ns < (*y)->start_ns ? -1 : (*x)->start_ns > (*y)->start_ns;
}

static void put_switch(struct core_trace_room *room, const struct agent_switch *from)
{
	Tarn__Dispatch *to = &room->switches[room->trace.n_dispatches];

	tarn__dispatch__init(to);
	to->reason = from->is_preempted ? REASON_TIME_SLICE : REASON_WOKEN;
	to->start_ns = from->start_ns;
	to->end_ns = from->end_ns;
	to->has_thread = true;
	to->thread = from->thread;
	room->list[room->trace.n_dispatches++] = to;
}

void core_trace_put(const struct agent_core *core, Tarn__PartitionStat *stat,
		    struct core_trace_room *room)
{
	const Tarn__DispatchTrace *from = stat->dispatch_trace;
	struct agent_switch list[AGENT_SWITCHES_MAX];
	size_t count = 0;

	if (strcmp(stat->name, core->trace.name) != 0)
		return;
	tarn__dispatch_trace__init(&room->trace);
	room->trace.dispatches = room->list;
	if (core->trace.why[0] == '\0')
		count = core->ops->recorded(core->env, list);
	else
		room->trace.no_switches = (char *)core->trace.why;
	for (size_t i = 0; i < count; i++)
		put_switch(room, &list[i]);
	room->trace.faults = from != NULL ? from->faults : 0;
	for (size_t i = 0; from != NULL && i < from->n_dispatches &&
			   room->trace.n_dispatches < CORE_DISPATCHES_MAX;
	     i++)
		room->list[room->trace.n_dispatches++] = from->dispatches[i];
	qsort(room->list, room->trace.n_dispatches, sizeof(room->list[0]), by_start);
	stat->dispatch_trace = &room->trace;
}
