/*
 * director - which VIOS of the pair is asked for pages, and what happens when it no
 * longer can be.
 *
 *   exit    its pidfd or its socket says so
 *   hang    a heartbeat of its main loop or of a lane stands still for hang_ms, or a
 *           request is older than ten times that; it is killed first (P9: SIGKILL
 *           ends a stopped process, and what ended never serves again)
 *   error   it broke the protocol; killed
 *   planned maintenance: the partner is asked from now on, and when the last answer
 *           is in, the session closes
 *
 * In each case its epoch ends on every fault thread (M5), the partner becomes active
 * in the same breath, and its devices are in doubt until device.c has the proof. A
 * false alarm is harmless: everything that the VIOS may still do goes to slots in
 * quarantine and to a window that nobody looks at.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define NS_PER_US 1000u
#define NS_PER_MS 1000000u
#define REQUEST_AGE_FACTOR 10 /* a request this many hang_ms old is a hang too */
#define FIRST_BEAT_FACTOR 10  /* a process that is still starting */
#define HANG_PAUSE_MS 5000    /* P10: between two, while quarantine is above W */

static struct vios *of_end(struct fault_round *round)
{
	return (struct vios *)(void *)((char *)round - offsetof(struct vios, end));
}

static struct vios *of_leave(struct fault_round *round)
{
	return (struct vios *)(void *)((char *)round - offsetof(struct vios, leave));
}

void director_init(struct hypervisor *hv)
{
	struct director *director = &hv->director;

	director->active = -1;
	director->last_tick_ms = hv_clock_ms();
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct vios *vios = &director->vios[i];

		vios->hv = hv;
		vios->path = i;
		vios->fd = vios->pidfd = -1;
		hv_window_init(&vios->window);
	}
}

void director_close(struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct vios *vios = &hv->director.vios[i];

		session_close(vios);
		hv_watch_stop(&vios->pidfd_watch);
		if (vios->pidfd >= 0)
			(void)close(vios->pidfd);
		vios->pidfd = -1;
		hv_window_close(&vios->window);
	}
}

struct vios *director_find(struct hypervisor *hv, const char *name)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (name[0] != '\0' && strcmp(hv->director.vios[i].name, name) == 0)
			return &hv->director.vios[i];
	return NULL;
}

struct vios *director_active(struct hypervisor *hv)
{
	return hv->director.active < 0 ? NULL : &hv->director.vios[hv->director.active];
}

/* ---- the failover log ---- */

static struct failover *record(struct director *director, uint64_t number)
{
	if (number == 0 || number > director->failovers ||
	    director->failovers - number >= HV_FAILOVERS_MAX)
		return NULL;
	return &director->log[(number - 1) % HV_FAILOVERS_MAX];
}

static uint64_t us_between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? (to_ns - from_ns) / NS_PER_US : 0;
}

static void log_failover(struct hypervisor *hv, struct vios *from, const char *kind)
{
	struct director *director = &hv->director;
	uint64_t now_ns = hv_clock_ns();
	struct failover *failover;

	from->failover = ++director->failovers;
	failover = record(director, from->failover);
	*failover = (struct failover){
		.number = from->failover,
		.kind = kind,
		.wall_ms = hv_clock_wall_ms(),
		.detected_ns = now_ns,
		.detected_us = us_between(from->last_life_ns, now_ns),
	};
	(void)snprintf(failover->from, sizeof(failover->from), "%s", from->name);
}

/* Who takes over goes into the failover that has waited for it. */
static void log_takeover(struct director *director, const struct vios *to)
{
	struct failover *failover = record(director, director->failovers);

	if (failover == NULL || failover->to_epoch != 0)
		return;
	failover->to_epoch = to->epoch;
	(void)snprintf(failover->to, sizeof(failover->to), "%s", to->name);
}

void director_first_pages(struct hypervisor *hv)
{
	struct failover *failover = record(&hv->director, hv->director.failovers);
	struct vios *active = director_active(hv);
	uint64_t first_ns = 0;

	if (failover == NULL || failover->first_page_us != 0 || active == NULL ||
	    failover->to_epoch != active->epoch)
		return;
	for (unsigned i = 0; i < hv->team->count; i++) {
		uint64_t ns = atomic_load(
			&hv->team->threads[i]->lanes[active->path].first_page_ns);

		if (ns > failover->detected_ns && (first_ns == 0 || ns < first_ns))
			first_ns = ns;
	}
	if (first_ns != 0)
		failover->first_page_us = us_between(failover->detected_ns, first_ns);
}

/* ---- who is asked ---- */

static void visit_role(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct director *director =
		(struct director *)(void *)((char *)round -
					    offsetof(struct director, role));
	unsigned path = director->told_path;
	struct fault_lane *lane = &thread->lanes[path];

	if (director->told_epoch == 0) {
		if (lane->is_open)
			hv_pager_path_role(thread->pager, path, HV_ROLE_STANDBY);
		return;
	}
	if (!lane->is_open || lane->epoch != director->told_epoch)
		return; /* it ended meanwhile, and another choice follows */
	atomic_store(&lane->first_page_ns, 0);
	lane->awaits_first_page = true;
	hv_pager_path_role(thread->pager, path, HV_ROLE_ACTIVE);
}

static void tell_role(struct hypervisor *hv);

static void on_role_told(struct fault_round *round)
{
	struct hypervisor *hv =
		(struct hypervisor *)(void *)((char *)round -
					      offsetof(struct hypervisor, director.role));
	struct failover *failover = record(&hv->director, hv->director.failovers);

	if (failover != NULL && failover->switched_us == 0 &&
	    failover->to_epoch == hv->director.told_epoch && failover->to_epoch != 0)
		failover->switched_us = us_between(failover->detected_ns, hv_clock_ns());
	tell_role(hv);
}

/* Brings the fault threads in line with director.active. */
static void tell_role(struct hypervisor *hv)
{
	struct director *director = &hv->director;
	struct vios *active = director_active(hv);
	uint64_t epoch = active != NULL ? active->epoch : 0;

	if (director->told_epoch == epoch || fault_round_is_out(&director->role))
		return;
	director->told_epoch = epoch;
	if (active != NULL)
		director->told_path = active->path;
	director->role.visit = visit_role;
	director->role.done = on_role_told;
	fault_round_start(hv->team, &director->role);
}

bool director_may_serve(const struct vios *vios)
{
	return vios->state == SESSION_OPEN && vios->is_expected && !vios->is_maintained;
}

/*
 * Of those that may serve the best: all devices open before some, then the agent's
 * order. One whose devices are still being opened is waited for. -1 = none.
 */
static int best_path(struct hypervisor *hv, int except)
{
	int best = -1;
	bool is_best_full = false;

	for (unsigned i = 0; i < HV_PATHS; i++) {
		const struct vios *vios = &hv->director.vios[i];
		bool is_full = device_all_open(hv, i, NULL);

		if ((int)i == except || !director_may_serve(vios) ||
		    (!is_full && device_any_pending(hv, i)))
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

static void activate(struct hypervisor *hv, int path)
{
	hv->director.active = path;
	if (path >= 0) {
		log_takeover(&hv->director, &hv->director.vios[path]);
		log_info("hypervisor.active", "vios=%s epoch=%llu",
			 hv->director.vios[path].name,
			 (unsigned long long)hv->director.vios[path].epoch);
	}
	tell_role(hv);
}

void director_choose(struct hypervisor *hv)
{
	int path;

	if (hv->director.active >= 0)
		return;
	path = best_path(hv, -1);
	if (path >= 0)
		activate(hv, path);
}

/* ---- the end of an epoch ---- */

static void visit_end(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct vios *vios = of_end(round);
	struct hv_path_toll toll = { 0 };

	hv_pager_path_end(thread->pager, vios->path, vios->epoch, &toll);
	fault_lane_close(thread, vios->path);
	atomic_fetch_add(&vios->resent_reads, toll.resent_reads);
	atomic_fetch_add(&vios->canceled_steals, toll.canceled_steals);
	atomic_fetch_add(&vios->quarantined_slots, toll.quarantined_slots);
}

/* Both its exit seen and its window out of use: another incarnation may come. */
static void try_forget(struct vios *vios)
{
	if (vios->state != SESSION_ENDED || !vios->has_exited || vios->is_window_in_use)
		return;
	vios->state = SESSION_NONE;
	if (vios->pidfd >= 0)
		(void)close(vios->pidfd);
	vios->pidfd = -1;
	vios->pid = 0;
	vios->epoch = 0;
	hypervisor_poll_soon(vios->hv);
}

static void on_epoch_ended(struct fault_round *round)
{
	struct vios *vios = of_end(round);
	struct failover *failover = record(&vios->hv->director, vios->failover);

	vios->undrained_slots = atomic_load(&vios->quarantined_slots);
	if (failover != NULL) {
		failover->resent_reads = atomic_load(&vios->resent_reads);
		failover->canceled_steals = atomic_load(&vios->canceled_steals);
		failover->quarantined_slots = vios->undrained_slots;
	}
	log_info("hypervisor.epoch_ended",
		 "vios=%s epoch=%llu reads=%llu steals=%llu slots=%llu", vios->name,
		 (unsigned long long)vios->epoch,
		 (unsigned long long)atomic_load(&vios->resent_reads),
		 (unsigned long long)atomic_load(&vios->canceled_steals),
		 (unsigned long long)vios->undrained_slots);
	hv_window_close(&vios->window);
	vios->is_window_in_use = false;
	try_forget(vios);
}

static void end_epoch(struct vios *vios, bool has_doubt)
{
	struct hypervisor *hv = vios->hv;

	vios->state = SESSION_ENDED;
	session_close(vios);
	atomic_store(&vios->resent_reads, 0);
	atomic_store(&vios->canceled_steals, 0);
	atomic_store(&vios->quarantined_slots, 0);
	vios->end.visit = visit_end;
	vios->end.done = on_epoch_ended;
	fault_round_start(hv->team, &vios->end);
	if (hv->director.active == (int)vios->path)
		activate(hv, best_path(hv, (int)vios->path));
	device_path_lost(hv, vios->path, has_doubt);
	director_choose(hv);
}

void director_fail(struct vios *vios, const char *kind, const char *reason)
{
	struct hypervisor *hv = vios->hv;

	if (vios->state != SESSION_OPEN && vios->state != SESSION_LEAVING)
		return;
	(void)snprintf(vios->reason, sizeof(vios->reason), "%s: %.200s", kind, reason);
	log_warn("hypervisor.vios_lost", "vios=%s pid=%d kind=%s reason=\"%s\"",
		 vios->name, vios->pid, kind, reason);
	if (!vios->has_exited)
		(void)syscall(SYS_pidfd_send_signal, vios->pidfd, SIGKILL, NULL, 0);
	vios->failover = 0;
	if (hv->director.active == (int)vios->path)
		log_failover(hv, vios, kind);
	end_epoch(vios, true);
}

void director_exited(struct vios *vios)
{
	vios->has_exited = true;
	director_fail(vios, "exit", "its process has ended");
	try_forget(vios);
}

/* ---- hangs ---- */

static void look_at_beat(struct vios *vios, unsigned i, uint64_t beat, uint64_t slept_ms)
{
	if (beat != vios->beats[i]) {
		vios->beats[i] = beat;
		vios->has_beaten[i] = true;
		vios->silence_ms[i] = 0;
		vios->beat_ns[i] = vios->last_life_ns = hv_clock_ns();
		return;
	}
	vios->silence_ms[i] += slept_ms;
}

static uint64_t oldest_request_ms(const struct vios *vios)
{
	uint64_t now_ns = hv_clock_ns();
	uint64_t age_ns = 0;

	for (unsigned i = 0; i < vios->hv->team->count; i++) {
		uint64_t at_ns = atomic_load(
			&vios->hv->team->threads[i]->lanes[vios->path].oldest_ns);

		if (at_ns != 0 && now_ns > at_ns && now_ns - at_ns > age_ns)
			age_ns = now_ns - at_ns;
	}
	return age_ns / NS_PER_MS;
}

static bool is_broken(const struct vios *vios)
{
	for (unsigned i = 0; i < vios->hv->team->count; i++)
		if (atomic_load(&vios->hv->team->threads[i]
					 ->lanes[vios->path]
					 .broken_epoch) == vios->epoch)
			return true;
	return false;
}

/* P10: a hang is a judgement; while much is in quarantine it is passed rarely. */
static bool may_judge(const struct hypervisor *hv)
{
	uint64_t slots = 0;

	for (unsigned i = 0; i < HV_PATHS; i++)
		slots += hv->director.vios[i].undrained_slots;
	return slots <= HV_PAGER_WRITES ||
	       hv_clock_ms() - hv->director.last_hang_ms >= HANG_PAUSE_MS;
}

static void look_at_beats(struct vios *vios, uint64_t slept_ms)
{
	look_at_beat(vios, 0, hv_window_heartbeat(&vios->window), slept_ms);
	for (unsigned i = 0; i < vios->window.lanes; i++)
		look_at_beat(vios, i + 1, hv_window_lane_heartbeat(&vios->window, i),
			     slept_ms);
}

/* True with the reason, and since when there has been no life in what hangs. */
static bool does_hang(const struct vios *vios, char *reason, uint64_t *ret_since_ns)
{
	uint64_t hang_ms = vios->hv->hang_ms;
	uint64_t age_ms = oldest_request_ms(vios);

	if (age_ms >= hang_ms * REQUEST_AGE_FACTOR) {
		(void)snprintf(reason, REASON_BYTES, "a request is %llu ms old",
			       (unsigned long long)age_ms);
		*ret_since_ns = hv_clock_ns() - age_ms * NS_PER_MS;
		return true;
	}
	for (unsigned i = 0; i <= vios->window.lanes; i++) {
		if (vios->silence_ms[i] <
		    hang_ms * (vios->has_beaten[i] ? 1 : FIRST_BEAT_FACTOR))
			continue;
		(void)snprintf(reason, REASON_BYTES, "no heartbeat of %s %u for %llu ms",
			       i == 0 ? "main loop" : "lane", i == 0 ? 0 : i - 1,
			       (unsigned long long)vios->silence_ms[i]);
		*ret_since_ns = vios->beat_ns[i];
		return true;
	}
	return false;
}

static void tick_vios(struct vios *vios, uint64_t slept_ms)
{
	struct hypervisor *hv = vios->hv;
	char reason[REASON_BYTES];
	uint64_t since_ns;

	if (is_broken(vios)) {
		director_fail(vios, "error", "answers nonsense");
		return;
	}
	look_at_beats(vios, slept_ms);
	if (!does_hang(vios, reason, &since_ns) || !may_judge(hv))
		return;
	hv->director.last_hang_ms = hv_clock_ms();
	vios->last_life_ns = since_ns; /* other lanes may be alive all the same */
	director_fail(vios, "hang", reason);
}

void director_tick(struct hypervisor *hv)
{
	uint64_t now_ms = hv_clock_ms();
	uint64_t slept_ms = now_ms - hv->director.last_tick_ms;

	/* what we slept through ourselves is not the VIOS's silence */
	if (slept_ms > 2 * (uint64_t)hv->tick_ms)
		slept_ms = 2 * (uint64_t)hv->tick_ms;
	hv->director.last_tick_ms = now_ms;
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (hv->director.vios[i].state == SESSION_OPEN ||
		    hv->director.vios[i].state == SESSION_LEAVING)
			tick_vios(&hv->director.vios[i], slept_ms);
	director_first_pages(hv);
}

/* ---- planned ---- */

static void visit_leave(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct vios *vios = of_leave(round);

	atomic_fetch_add(&vios->leave_out, hv_pager_path_out(thread->pager, vios->path));
}

static void on_left(struct fault_round *round)
{
	struct vios *vios = of_leave(round);

	if (vios->state != SESSION_LEAVING)
		return;
	if (atomic_load(&vios->leave_out) == 0) {
		(void)snprintf(vios->reason, sizeof(vios->reason), "taken down");
		log_info("hypervisor.vios_left", "vios=%s", vios->name);
		end_epoch(vios, false); /* nothing is out: no doubt */
		return;
	}
	if (hv_clock_ms() >= vios->leave_deadline_ms)
		director_fail(vios, "hang", "does not answer its last requests");
	else
		hypervisor_poll_soon(vios->hv);
}

void director_leave(struct vios *vios)
{
	struct hypervisor *hv = vios->hv;

	vios->state = SESSION_LEAVING;
	vios->failover = 0;
	vios->leave_deadline_ms = hv_clock_ms() + hv->hang_ms;
	if (hv->director.active == (int)vios->path) {
		vios->last_life_ns = hv_clock_ns();
		log_failover(hv, vios, "planned");
		activate(hv, best_path(hv, (int)vios->path));
	}
	hypervisor_poll_soon(hv);
}

void director_poll(struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct vios *vios = &hv->director.vios[i];

		if (vios->state != SESSION_LEAVING || fault_round_is_out(&vios->leave))
			continue;
		/* the role was told before: FIFO, so what is out only shrinks */
		atomic_store(&vios->leave_out, 0);
		vios->leave.visit = visit_leave;
		vios->leave.done = on_left;
		fault_round_start(hv->team, &vios->leave);
	}
}

bool director_has_work(const struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (hv->director.vios[i].state == SESSION_LEAVING ||
		    device_any_doubt(hv, i))
			return true;
	return false;
}
