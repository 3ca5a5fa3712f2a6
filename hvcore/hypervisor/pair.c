/*
 * pair - which VIOS of the pair each partition asks for its pages.
 *
 *   its primary, where that may serve and has its device open; else the other one,
 *   its secondary. Who has one stays with it until it can serve no more, or until it
 *   is moved back: by order, or when its primary has been healthy for failback_ms.
 *
 * A partition that was given no primary goes where the preferred path is: the best
 * VIOS when there was none, until that can serve no more. That one never moves back.
 *
 * What is decided here is in `memory.asks` of each partition; a round has the fault
 * threads read it. A move loses nothing: what is out on the old path is answered there
 * (hv_pager_current), or cancelled when its epoch ends (M5).
 */
#include "hvcore/hypervisor/director.h"

#include <stdio.h>
#include <string.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"

#define FAILED_SOON_MS 10000 /* after a fail-back; arbitrary */
#define PUT_OFF_MAX 5        /* 2^5 times failback_ms; arbitrary */
#define ASKS(epoch, path) ((epoch) << 1 | (path))

/* Takes part: its device may be asked of, or is about to be. */
static bool is_served(const struct partition *p)
{
	return p->device.is_used && p->phase > PHASE_OPENING && p->phase < PHASE_DYING;
}

/* Moving it means something: its fault thread has it, or is about to. */
static bool is_there(const struct partition *p)
{
	return p->device.is_used && p->phase >= PHASE_ADDING && p->phase < PHASE_DYING;
}

static bool is_usable(const struct partition *p, unsigned path)
{
	return director_may_serve(&p->hv->director.vios[path]) &&
	       p->device.paths[path].state == DEVICE_OPEN &&
	       !p->device.paths[path].is_leaving;
}

/* That it was given; -1 = none, or no VIOS of that name is there. */
static int given_primary(const struct partition *p)
{
	const struct vios *vios = director_find(p->hv, p->device.primary);

	return vios == NULL ? -1 : (int)vios->path;
}

unsigned pair_primary(const struct partition *partition)
{
	const struct director *director = &partition->hv->director;
	int given = given_primary(partition);

	if (given >= 0)
		return (unsigned)given;
	if (director->preferred >= 0)
		return (unsigned)director->preferred;
	return director->vios[0].preference <= director->vios[1].preference ? 0 : 1;
}

static int best_for(const struct partition *p)
{
	const struct vios *pair = p->hv->director.vios;
	unsigned first = pair_primary(p), second = HV_PATHS - 1 - first;
	int now = p->device.current;

	if (now >= 0 && is_there(p) && is_usable(p, (unsigned)now))
		return now;
	if (is_usable(p, first))
		return (int)first;
	if (is_usable(p, second))
		return (int)second;
	/* nobody has its device open: who could be waited for? */
	if (now >= 0 && director_may_serve(&pair[now]))
		return now;
	if (director_may_serve(&pair[first]))
		return (int)first;
	return director_may_serve(&pair[second]) ? (int)second : -1;
}

static void set_path(struct partition *p, int path)
{
	struct director *director = &p->hv->director;
	uint64_t asks = path < 0 ? 0 : ASKS(director->vios[path].epoch, (uint64_t)path);

	p->device.current = path;
	if (atomic_load(&p->memory.asks) == asks)
		return;
	atomic_store(&p->memory.asks, asks);
	director->is_told_due = true;
}

static void choose_for(struct partition *p)
{
	int path = best_for(p);

	set_path(p, path);
	if (p->device.lost == 0 || path < 0 || !is_usable(p, (unsigned)path))
		return;
	director_log_moved(p->hv, p->device.lost, &p->hv->director.vios[path]);
	p->device.lost = 0;
}

/*
 * Of those that may serve the best: all devices open before some, then the agent's
 * order. One whose devices are still being opened is waited for. -1 = none.
 */
static int best_path(const struct hypervisor *hv)
{
	int best = -1;
	bool is_best_full = false;

	for (unsigned i = 0; i < HV_PATHS; i++) {
		const struct vios *vios = &hv->director.vios[i];
		bool is_full = device_all_open(hv, i, NULL);

		if (!director_may_serve(vios) || (!is_full && device_any_pending(hv, i)))
			continue;
		if (best >= 0 &&
		    (is_best_full > is_full ||
		     (is_best_full == is_full &&
		      hv->director.vios[best].preference <= vios->preference)))
			continue;
		best = (int)i;
		is_best_full = is_full;
	}
	return best;
}

static void choose_preferred(struct hypervisor *hv)
{
	struct director *director = &hv->director;

	if (director->preferred >= 0 &&
	    director_may_serve(&director->vios[director->preferred]))
		return;
	director->preferred = best_path(hv);
	if (director->preferred < 0)
		return;
	director_log_preferred(hv);
	log_info("hypervisor.active", "vios=%s epoch=%llu",
		 director->vios[director->preferred].name,
		 (unsigned long long)director->vios[director->preferred].epoch);
}

void pair_choose(struct hypervisor *hv)
{
	choose_preferred(hv);
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->device.is_used && p->phase < PHASE_DYING)
			choose_for(p);
	pair_tell(hv);
}

void pair_lost(struct hypervisor *hv, unsigned path, uint64_t failover)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (is_there(p) && p->device.current == (int)path)
			p->device.lost = failover;
	pair_choose(hv);
}

unsigned pair_served(const struct hypervisor *hv, unsigned path)
{
	unsigned count = 0;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		count += is_served(p) && p->device.current == (int)path;
	return count;
}

bool pair_is_asked(const struct hypervisor *hv, unsigned path)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (is_served(p) && p->device.current >= 0)
			return pair_served(hv, path) > 0;
	return hv->director.preferred == (int)path;
}

const char *pair_names(const struct hypervisor *hv, unsigned paths, char *to, size_t room)
{
	const struct vios *pair = hv->director.vios;
	bool is_both = paths == (HV_BIT(0) | HV_BIT(1));

	(void)snprintf(to, room, "%s%s%s", (paths & HV_BIT(0)) != 0 ? pair[0].name : "",
		       is_both ? " and " : "",
		       (paths & HV_BIT(1)) != 0 ? pair[1].name : "");
	return to;
}

void pair_cross_stat(const struct partition *partition, Tarn__PartitionStat *stat,
		     char vios[REASON_BYTES])
{
	const struct hv_space_stat *from = &partition->stat;

	stat->has_cross_checked = stat->has_cross_bad = true;
	stat->cross_checked = from->counts.cross_checked;
	stat->cross_bad = from->counts.cross_bad;
	if (from->bad.paths == 0)
		return;
	stat->has_cross_bad_page = true;
	stat->cross_bad_page = from->bad.page;
	stat->cross_bad_vios = vios;
	(void)pair_names(partition->hv, from->bad.paths, vios, REASON_BYTES);
}

void pair_stat(struct partition *partition, Tarn__PartitionStat *stat)
{
	struct vios *pair = partition->hv->director.vios;
	struct vios *given = director_find(partition->hv, partition->device.primary);
	int current = partition->device.current;

	if (partition->device.primary[0] != '\0')
		stat->given_primary = partition->device.primary;
	if (given != NULL) {
		struct vios *other = &pair[HV_PATHS - 1 - given->path];

		stat->primary = given->name;
		stat->secondary = other->name[0] != '\0' ? other->name : NULL;
	}
	if (current >= 0 && partition->phase < PHASE_DYING)
		stat->current = pair[current].name;
}

/* ---- telling the fault threads ---- */

static void visit_tell(struct fault_thread *thread, struct fault_round *round) /* F */
{
	const struct director *director = HV_CONTAINER(round, struct director, told);

	for (unsigned path = 0; path < HV_PATHS; path++) {
		const struct fault_lane *lane = &thread->lanes[path];

		if (lane->is_open && lane->epoch == director->leaving_epoch[path])
			hv_pager_path_leave(thread->pager, path);
	}
	for (unsigned i = 0; i < thread->memory_count; i++)
		pair_ask(thread, thread->memories[i]);
}

void pair_ask(struct fault_thread *thread, struct memory *memory)
{
	uint64_t asks = atomic_load(&memory->asks);
	unsigned path = asks & 1;

	if (asks == 0)
		hv_pager_current(thread->pager, memory->space, HV_PATHS);
	else if (thread->lanes[path].is_open && thread->lanes[path].epoch == asks >> 1)
		hv_pager_current(thread->pager, memory->space, path);
	/* else it ended meanwhile, and another choice follows */
}

static void on_told(struct fault_round *round)
{
	struct hypervisor *hv = HV_CONTAINER(round, struct hypervisor, director.told);

	director_log_switched(hv);
	pair_tell(hv);
}

void pair_tell(struct hypervisor *hv)
{
	struct director *director = &hv->director;

	if (!director->is_told_due || fault_round_is_out(&director->told))
		return;
	director->is_told_due = false;
	director_first_pages(hv); /* a move forgets those of the last one */
	director_log_telling(hv);
	for (unsigned i = 0; i < HV_PATHS; i++) {
		const struct vios *vios = &director->vios[i];

		director->leaving_epoch[i] = vios->state == SESSION_LEAVING ? vios->epoch
									    : 0;
	}
	director->told.visit = visit_tell;
	director->told.done = on_told;
	fault_round_start(hv->team, &director->told);
}

bool pair_is_told(const struct hypervisor *hv)
{
	return !hv->director.is_told_due && !fault_round_is_out(&hv->director.told);
}

/* ---- back to the primary ---- */

/* It is served by its secondary. */
static bool is_away(const struct partition *p)
{
	int primary = given_primary(p);

	return is_there(p) && primary >= 0 && p->device.current >= 0 &&
	       p->device.current != primary;
}

/* All of those that are away from it, or the one of that name. */
static unsigned move_back(struct hypervisor *hv, unsigned path, const char *only)
{
	struct vios *from = &hv->director.vios[HV_PATHS - 1 - path];
	struct vios *to = &hv->director.vios[path];
	uint64_t number = 0;
	unsigned moved = 0;

	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		if (!is_away(p) || given_primary(p) != (int)path || !is_usable(p, path) ||
		    (only != NULL && strcmp(p->name, only) != 0))
			continue;
		if (number == 0)
			number = director_log(hv, from, "failback");
		set_path(p, (int)path);
		p->device.lost = 0;
		director_log_moved(hv, number, to);
		moved++;
	}
	if (moved > 0)
		to->went_back_ms = hv_clock_ms();
	if (moved > 0)
		log_info("hypervisor.failback", "vios=%s partitions=%u", to->name, moved);
	pair_tell(hv);
	return moved;
}

/* Since when all that would come back to it have had their devices open; 0: none. */
static uint64_t ready_since_ms(const struct hypervisor *hv, unsigned path)
{
	uint64_t since_ms = 0;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (is_away(p) && given_primary(p) == (int)path && is_usable(p, path) &&
		    p->device.paths[path].opened_ms > since_ms)
			since_ms = p->device.paths[path].opened_ms;
	return since_ms;
}

/*
 * One that dies under its load would be given it again and again, with a failover each
 * time: it has to be ready twice as long after each time that it failed soon after some
 * went back to it, up to 32 times; and as at first when it has served for that long.
 */
uint64_t pair_wait_ms(const struct vios *vios)
{
	return vios->hv->director.failback_ms << vios->put_off;
}

void pair_failed(struct vios *vios)
{
	if (vios->went_back_ms != 0 &&
	    hv_clock_ms() - vios->went_back_ms < FAILED_SOON_MS &&
	    vios->put_off < PUT_OFF_MAX) {
		vios->put_off++;
		log_warn("hypervisor.failback_put_off", "vios=%s wait_ms=%llu",
			 vios->name, (unsigned long long)pair_wait_ms(vios));
	}
	vios->went_back_ms = 0;
}

static void tick_path(struct vios *vios, uint64_t now_ms)
{
	uint64_t since_ms = ready_since_ms(vios->hv, vios->path);

	if (vios->put_off > 0 && vios->went_back_ms != 0 && director_may_serve(vios) &&
	    now_ms - vios->went_back_ms >= pair_wait_ms(vios))
		vios->put_off = 0;
	if (since_ms != 0 && now_ms - since_ms >= pair_wait_ms(vios))
		(void)move_back(vios->hv, vios->path, NULL);
}

void pair_tick(struct hypervisor *hv)
{
	for (unsigned path = 0; path < HV_PATHS && hv->director.fails_back; path++)
		tick_path(&hv->director.vios[path], hv_clock_ms());
}

enum hv_code pair_give(struct hypervisor *hv, const Tarn__HvPartitionPrimary *ask,
		       struct hv_err *err)
{
	struct partition *partition = partition_find(hv, ask->name);

	if (partition == NULL || partition->run_id != ask->run_id)
		return hv_fail(err, HV_E_NOTFOUND, "no partition '%s' with run %llu",
			       ask->name, (unsigned long long)ask->run_id);
	if (!partition->device.is_used)
		return hv_fail(err, HV_E_STATE,
			       "partition '%s' has no paging device, so it asks no VIOS",
			       ask->name);
	(void)snprintf(partition->device.primary, sizeof(partition->device.primary), "%s",
		       ask->primary);
	log_info("hypervisor.primary", "partition=%s vios=%s", partition->name,
		 partition->device.primary);
	pair_choose(hv); /* where it asks nobody yet */
	return HV_OK;
}

/* Who would have to stay: its primary is not ready for it. */
static const struct partition *find_stuck(const struct hypervisor *hv, const char *only)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (is_away(p) && (only == NULL || strcmp(p->name, only) == 0) &&
		    !is_usable(p, (unsigned)given_primary(p)))
			return p;
	return NULL;
}

enum hv_code pair_fail_back(struct hypervisor *hv, const char *only, struct hv_err *err)
{
	const struct partition *stuck;

	if (only != NULL && partition_find(hv, only) == NULL)
		return hv_fail(err, HV_E_NOTFOUND, "no partition '%s'", only);
	for (unsigned path = 0; path < HV_PATHS; path++)
		(void)move_back(hv, path, only);
	stuck = find_stuck(hv, only);
	if (stuck == NULL)
		return HV_OK;
	return hv_fail(err, HV_E_STATE,
		       "partition '%s' stays: its primary VIOS '%s' is not ready for it",
		       stuck->name, stuck->device.primary);
}
