/* inject - see inject.h. */
#include "vios/inject.h"

#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define NS_OF_MS UINT64_C(1000000)

void vios_inject_init(struct vios_inject *inject, const struct vios_inject_env *env)
{
	*inject = (struct vios_inject){ .env = env };
	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++) {
		atomic_init(&inject->hits[i], 0);
		for (size_t k = 0; k < VIOS_INJECTION_WORDS; k++)
			atomic_init(&inject->words[i][k], 0);
	}
	atomic_init(&inject->version, 0);
	atomic_init(&inject->clears, 0);
}

uint64_t vios_inject_now(const struct vios_inject *inject)
{
	return inject->env->now_ns(inject->env->arg);
}

/* The window is for people and the hypervisor to see; lanes do not read it. */
static void show_active(struct vios_inject *inject)
{
	uint32_t active[HV_INJECTION_KIND_COUNT] = { 0 };

	if (inject->counts == NULL)
		return;
	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++)
		if (inject->slots[i].end_ns != 0)
			active[inject->slots[i].kind]++;
	for (unsigned kind = 1; kind < HV_INJECTION_KIND_COUNT; kind++)
		atomic_store_explicit(&inject->counts->injecting[kind], active[kind],
				      memory_order_relaxed);
}

void vios_inject_show(struct vios_inject *inject, struct hv_window_head *counts)
{
	inject->counts = counts;
	show_active(inject);
}

/*
 * Odd while it is written; lanes see all of it or none (vios_inject_read). All in one
 * order (seq_cst): a word of this time is never read between two versions of another.
 */
static void publish(struct vios_inject *inject, bool is_clear)
{
	uint64_t words[VIOS_INJECTION_WORDS];

	atomic_fetch_add(&inject->version, 1);
	if (is_clear)
		atomic_fetch_add(&inject->clears, 1);
	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++) {
		memcpy(words, &inject->slots[i], sizeof(words));
		for (size_t k = 0; k < VIOS_INJECTION_WORDS; k++)
			atomic_store(&inject->words[i][k], words[k]);
	}
	atomic_fetch_add(&inject->version, 1);
	show_active(inject);
}

bool vios_inject_read(const struct vios_inject *inject, struct vios_inject_view *view)
{
	struct vios_inject_view read = { .version = atomic_load(&inject->version) };
	uint64_t words[VIOS_INJECTION_WORDS];

	if (read.version % 2 != 0)
		return false;
	read.clears = atomic_load(&inject->clears);
	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++) {
		for (size_t k = 0; k < VIOS_INJECTION_WORDS; k++)
			words[k] = atomic_load(&inject->words[i][k]);
		memcpy(&read.slots[i], words, sizeof(words));
	}
	if (atomic_load(&inject->version) != read.version)
		return false;
	*view = read;
	return true;
}

static unsigned find_free(const struct vios_inject *inject)
{
	unsigned i = 0;

	while (i < HV_INJECTIONS_MAX && inject->slots[i].end_ns != 0)
		i++;
	return i;
}

static enum hv_code fail_full(const struct vios_inject *inject, struct hv_err *err)
{
	uint64_t now = vios_inject_now(inject), first = UINT64_MAX;

	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++)
		if (inject->slots[i].end_ns < first)
			first = inject->slots[i].end_ns;
	return hv_fail(
		err, HV_E_LIMIT,
		"%d faults are injected already, the most at once: clear them, or "
		"wait %llu ms until the next one ends",
		HV_INJECTIONS_MAX,
		(unsigned long long)(first > now ? (first - now) / NS_OF_MS + 1 : 0));
}

enum hv_code vios_inject_add(struct vios_inject *inject,
			     const struct hv_injection *injection, uint64_t key,
			     struct vios_injection *ret_started, struct hv_err *err)
{
	char text[HV_INJECTION_TEXT_BYTES];
	uint64_t seed = injection->seed;
	struct vios_injection *slot;
	unsigned i;

	HV_INVARIANT(hv_injection_check(injection, NULL) == HV_OK);
	vios_inject_look(inject); /* what is over makes room */
	i = find_free(inject);
	if (i == HV_INJECTIONS_MAX)
		return fail_full(inject, err);
	while (seed == 0)
		seed = inject->env->random(inject->env->arg);
	slot = &inject->slots[i];
	*slot = (struct vios_injection){
		.end_ns = vios_inject_now(inject) + injection->time_ms * NS_OF_MS,
		.key = key,
		.seed = seed,
		.number = ++inject->last,
		.kind = injection->kind,
		/* a lane's I/O is not what is cut */
		.op = injection->kind != HV_INJECTION_CUT ? injection->op : 0,
		.rate_ppm = injection->rate_ppm,
		.delay_ms = injection->delay_ms,
		.error = hv_injection_errno(injection->error),
	};
	inject->orders[i] = *injection;
	inject->is_hit_told[i] = false;
	atomic_store(&inject->hits[i], 0);
	/* Said before it can be felt. */
	log_warn("vios.injection_started", "number=%u what=\"%s\" seed=%llu",
		 slot->number, hv_injection_text(injection, text),
		 (unsigned long long)seed);
	publish(inject, false);
	*ret_started = *slot;
	return HV_OK;
}

static void end(struct vios_inject *inject, unsigned i, const char *why)
{
	char text[HV_INJECTION_TEXT_BYTES];

	log_warn("vios.injection_ended", "number=%u what=\"%s\" hits=%llu why=\"%s\"",
		 inject->slots[i].number, hv_injection_text(&inject->orders[i], text),
		 (unsigned long long)atomic_load(&inject->hits[i]), why);
	inject->slots[i] = (struct vios_injection){ 0 };
}

unsigned vios_inject_clear(struct vios_inject *inject, const char *why)
{
	unsigned count = 0;

	vios_inject_look(inject);
	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++) {
		if (inject->slots[i].end_ns == 0)
			continue;
		end(inject, i, why);
		count++;
	}
	/* Also where none is in force: a lane may still keep requests of one. */
	publish(inject, true);
	return count;
}

static void tell_first_hit(struct vios_inject *inject, unsigned i)
{
	char text[HV_INJECTION_TEXT_BYTES];

	if (inject->is_hit_told[i] || atomic_load(&inject->hits[i]) == 0)
		return;
	inject->is_hit_told[i] = true;
	log_warn("vios.injection_hit", "number=%u what=\"%s\"", inject->slots[i].number,
		 hv_injection_text(&inject->orders[i], text));
}

void vios_inject_look(struct vios_inject *inject)
{
	uint64_t now = 0;
	bool has_ended = false;

	for (unsigned i = 0; i < HV_INJECTIONS_MAX; i++) {
		if (inject->slots[i].end_ns == 0)
			continue;
		if (now == 0)
			now = vios_inject_now(inject);
		tell_first_hit(inject, i);
		if (now < inject->slots[i].end_ns)
			continue;
		end(inject, i, "its time is over");
		has_ended = true;
	}
	if (has_ended)
		publish(inject, false);
}

void vios_inject_count(struct vios_inject *inject, uint32_t kind, uint64_t hits)
{
	unsigned i = 0;

	while (i < HV_INJECTIONS_MAX &&
	       (inject->slots[i].end_ns == 0 || inject->slots[i].kind != kind))
		i++;
	if (i < HV_INJECTIONS_MAX)
		atomic_fetch_add_explicit(&inject->hits[i], hits, memory_order_relaxed);
	if (inject->counts != NULL)
		atomic_fetch_add_explicit(&inject->counts->injected[kind], hits,
					  memory_order_relaxed);
}

void vios_inject_hit(struct vios_inject *inject, unsigned slot, uint32_t kind)
{
	if (slot < HV_INJECTIONS_MAX)
		atomic_fetch_add_explicit(&inject->hits[slot], 1, memory_order_relaxed);
	if (inject->counts != NULL)
		atomic_fetch_add_explicit(&inject->counts->injected[kind], 1,
					  memory_order_relaxed);
}
