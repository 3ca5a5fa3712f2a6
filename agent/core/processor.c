/*
 * processor - processor time of partitions: each in a group of its own from its first
 * moment to its last, with the limits that its settings and the others' use give it.
 *
 * Nothing is kept: a new agent finds the processes, and puts them where they are. What
 * is wanted and what is set are compared every half second, when use is read.
 */
#include "agent/core/core_priv.h"
#include "agent/core/share.h"

#define WEIGHT_UNKNOWN 128 /* of those whose processors nobody counts: all alike */
#define PROCESSORS_MAX 1024
#define NOISE 20 /* shares nearer than one in so many stay as they are */

static bool is_possible(const struct agent_core *core)
{
	return core->config.groups != NULL && core->config.groups[0] != '\0';
}

static uint32_t at_most(uint32_t value, uint32_t limit)
{
	return value < limit ? value : limit;
}

/* One that nobody says anything about any more keeps what it has (A7). */
static bool is_divided(const struct core_lpar *lpar)
{
	return lpar->process.is_alive && lpar->desired != NULL;
}

static struct core_share share_of(const struct core_lpar *lpar)
{
	const Tarn__Processors *wanted = lpar->desired->processors;
	struct core_share share = { .rate = lpar->processors.rate };

	if (wanted == NULL) {
		share.is_uncapped = true;
		share.weight = WEIGHT_UNKNOWN;
		return share;
	}
	share.entitled = at_most(wanted->units, PROCESSORS_MAX * 100);
	share.procs = at_most(wanted->procs, PROCESSORS_MAX);
	share.is_uncapped = wanted->shared && wanted->uncapped;
	share.weight = at_most(wanted->weight, UINT8_MAX);
	return share;
}

static bool is_near(const struct agent_limits *a, const struct agent_limits *b)
{
	uint32_t apart = a->share > b->share ? a->share - b->share : b->share - a->share;

	return a->quota == b->quota && (uint64_t)apart * NOISE <= b->share;
}

static void set(struct agent_core *core, struct core_lpar *lpar,
		const struct agent_limits *limits)
{
	struct core_processors *at = &lpar->processors;
	struct hv_err err = { 0 };
	enum hv_code code;

	if (at->is_grouped && !at->is_refused && is_near(limits, &at->limits))
		return;
	code = core->ops->limit(core->env, lpar->name, lpar->process.instance.pid, limits,
				&err);
	at->is_grouped = true; /* also in part: to be removed */
	if (code == HV_E_GONE)
		return; /* its end is told next */
	if (code == HV_OK) {
		at->is_refused = false;
		at->limits = *limits;
		return;
	}
	if (!at->is_refused)
		core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "lpar.unlimited",
			   "partition '%s': its processors are not limited: %.150s",
			   lpar->name, hv_err_text(&err));
	at->is_refused = true;
	at->limits = (struct agent_limits){ 0 };
}

/* The first one of a new agent is from the last look that was kept. */
static void count_interval(struct core_lpar *lpar, uint64_t used_us, uint64_t ms)
{
	struct core_share share = share_of(lpar);
	uint64_t entitled_us = ms * 10 * share.entitled;

	lpar->processors.rate = at_most((uint32_t)(used_us / (ms * 10)),
					PROCESSORS_MAX * 100);
	/* of a capped one that would be what its quota was off by */
	if (share.is_uncapped && share.entitled != 0 && used_us > entitled_us)
		lpar->processors.uncapped_us += used_us - entitled_us;
}

static void read_usage(struct agent_core *core, struct core_lpar *lpar)
{
	struct core_processors *at = &lpar->processors;
	struct agent_usage usage;
	uint64_t ms = core->now_ms - at->read_ms;

	if (!at->is_grouped ||
	    core->ops->usage(core->env, lpar->name, &usage, NULL) != HV_OK)
		return;
	if (at->read_ms != 0 && ms > 0 && usage.used_us >= at->usage.used_us)
		count_interval(lpar, usage.used_us - at->usage.used_us, ms);
	at->usage = usage;
	at->read_ms = core->now_ms;
}

static void remove_group(struct agent_core *core, struct core_lpar *lpar)
{
	if (core->ops->unlimit(core->env, lpar->name, NULL) == HV_OK)
		lpar->processors = (struct core_processors){ 0 };
	else
		core_wake(core, core->now_ms + CORE_PROCESSORS_MS);
}

/* Hundredths that nobody used. Before it is known: all, as for a machine just found. */
static void read_idle(struct agent_core *core)
{
	uint64_t idle = core->ops->idle_us(core->env),
		 ms = core->now_ms - core->looked_ms;

	core->idle_rate = core->config.processors * 100;
	if (core->idle_us != 0 && idle >= core->idle_us && ms > 0)
		core->idle_rate = at_most((uint32_t)((idle - core->idle_us) / (ms * 10)),
					  core->idle_rate);
	core->idle_us = idle;
	core->looked_ms = core->now_ms;
}

/* What partitions use and what nobody does: the rest is somebody else's. */
static uint32_t capacity(const struct agent_core *core)
{
	uint64_t sum = core->idle_rate;

	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		if (core->lpars[i].process.is_alive)
			sum += core->lpars[i].processors.rate;
	return at_most((uint32_t)sum, core->config.processors * 100);
}

/* All of them, since what one uses is what the others get. */
static void divide(struct agent_core *core)
{
	struct core_share shares[CORE_LPARS_MAX];
	size_t count = 0;

	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		if (is_divided(&core->lpars[i]))
			shares[count++] = share_of(&core->lpars[i]);
	core_share_divide(shares, count, capacity(core));
	count = 0;
	for (size_t i = 0; i < CORE_LPARS_MAX; i++)
		if (is_divided(&core->lpars[i]))
			set(core, &core->lpars[i], &shares[count++].limits);
}

static void tell_unlimited(struct agent_core *core)
{
	if (core->unlimited_is_told)
		return;
	core->unlimited_is_told = true;
	core_event(core, TARN__EVENT_LEVEL__EVENT_WARN, "host.processors_unlimited",
		   "processors of partitions are not limited here: %.180s",
		   core->config.unlimited != NULL ? core->config.unlimited
						  : "no control groups");
}

void core_processor_begin(struct agent_core *core, struct core_lpar *lpar)
{
	struct core_share share = share_of(lpar);

	if (!is_possible(core)) {
		tell_unlimited(core);
		return;
	}
	lpar->processors = (struct core_processors){ 0 };
	core_share_divide(&share, 1, core->config.processors * 100);
	set(core, lpar, &share.limits);
}

/* A change of what is wanted counts at once, not at the next look. */
static bool is_changed(const struct core_lpar *lpar)
{
	struct core_share share = share_of(lpar);

	core_share_divide(&share, 1, 0);
	return !lpar->processors.is_grouped ||
	       share.limits.quota != lpar->processors.limits.quota;
}

void core_processor_step(struct agent_core *core)
{
	bool is_due = false, is_any = false, is_look;

	if (!is_possible(core))
		return;
	for (size_t i = 0; i < CORE_LPARS_MAX; i++) {
		struct core_lpar *lpar = &core->lpars[i];

		if (is_divided(lpar)) {
			is_any = true;
			is_due = is_due ||
				 (is_changed(lpar) && !lpar->processors.is_refused);
		} else if (lpar->process.is_alive) {
			continue;
		} else if (lpar->processors.is_grouped) {
			remove_group(core, lpar);
		}
	}
	is_look = is_any && core_is_due(core, core->processors_ms);
	if (is_look) {
		core->processors_ms = core->now_ms + CORE_PROCESSORS_MS;
		core_wake(core, core->processors_ms);
		read_idle(core);
		for (size_t i = 0; i < CORE_LPARS_MAX; i++)
			if (is_divided(&core->lpars[i]))
				read_usage(core, &core->lpars[i]);
		if (core_is_due(core, core->kept_ms + CORE_PROCESSORS_KEEP_MS)) {
			core->kept_ms = core->now_ms;
			core_state_touch(core, false);
		}
	}
	if (is_due || is_look)
		divide(core);
}

void core_processor_put(const struct core_lpar *lpar, Tarn__PartitionStat *stat)
{
	const struct core_processors *at = &lpar->processors;

	if (!at->is_grouped || at->read_ms == 0)
		return;
	stat->has_processor_used_us = true;
	stat->processor_used_us = at->usage.used_us;
	stat->has_processor_throttled_us = true;
	stat->processor_throttled_us = at->usage.throttled_us;
	stat->has_processor_throttled = true;
	stat->processor_throttled = at->usage.throttled;
	stat->has_processor_quota = true;
	stat->processor_quota = at->limits.quota;
	stat->has_processor_share = true;
	stat->processor_share = at->limits.share;
	stat->has_processor_uncapped_us = true;
	stat->processor_uncapped_us = at->uncapped_us;
	stat->has_processor_rate = true;
	stat->processor_rate = at->rate;
}
