/*
 * director - what happens when a VIOS can no longer be asked for pages.
 *
 *   exit    its pidfd or its socket says so
 *   hang    a heartbeat of its main loop or of a lane stands still for hang_ms, or a
 *           request is older than ten times that; it is killed first (P9: SIGKILL
 *           ends a stopped process, and what ended never serves again)
 *   error   it broke the protocol; killed
 *   planned maintenance: it is not asked any more, and when the last answer is in,
 *           the session closes
 *
 * In each case its epoch ends on every fault thread (M5), those that asked it ask its
 * partner in the same breath (pair.c; nobody else notices), and its devices are in
 * doubt until device.c has the proof. A
 * false alarm is harmless: everything that the VIOS may still do goes to slots in
 * quarantine and to a window that nobody looks at.
 */
#include "hvcore/hypervisor/director.h"

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
	return HV_CONTAINER(round, struct vios, end);
}

static struct vios *of_leave(struct fault_round *round)
{
	return HV_CONTAINER(round, struct vios, leave);
}

void director_init(struct hypervisor *hv)
{
	struct director *director = &hv->director;

	director->preferred = -1;
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

uint64_t director_log(struct hypervisor *hv, const struct vios *from, const char *kind)
{
	struct director *director = &hv->director;
	uint64_t now_ns = hv_clock_ns();
	struct failover *failover;

	director->failovers++;
	failover = record(director, director->failovers);
	*failover = (struct failover){
		.number = director->failovers,
		.kind = kind,
		.wall_ms = hv_clock_wall_ms(),
		.detected_ns = now_ns,
	};
	(void)snprintf(failover->from, sizeof(failover->from), "%s", from->name);
	return failover->number;
}

/* It ends, and there may be somebody to take over from it. */
static void log_failover(struct vios *from, const char *kind)
{
	struct failover *failover;

	from->failover = director_log(from->hv, from, kind);
	failover = record(&from->hv->director, from->failover);
	failover->detected_us = us_between(from->last_life_ns, failover->detected_ns);
}

static void set_to(struct failover *failover, const struct vios *to)
{
	if (failover->to_epoch != 0)
		return;
	failover->to_epoch = to->epoch;
	failover->decided_us = us_between(failover->detected_ns, hv_clock_ns());
	memcpy(failover->to, to->name, sizeof(failover->to));
}

void director_log_moved(struct hypervisor *hv, uint64_t number, const struct vios *to)
{
	struct failover *failover = record(&hv->director, number);

	if (failover == NULL)
		return;
	if (failover->moved == 0 && failover->to_epoch != to->epoch)
		failover->to_epoch = failover->switched_us =
			0; /* it was only preferred */
	set_to(failover, to);
	failover->moved++;
}

void director_log_preferred(struct hypervisor *hv)
{
	struct director *director = &hv->director;
	struct failover *failover = record(director, director->failovers);

	if (failover != NULL)
		set_to(failover, &director->vios[director->preferred]);
}

void director_log_telling(struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_FAILOVERS_MAX; i++) {
		struct failover *failover = &hv->director.log[i];

		failover->is_being_told = failover->to_epoch != 0 &&
					  failover->switched_us == 0;
	}
}

void director_log_switched(struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_FAILOVERS_MAX; i++) {
		struct failover *failover = &hv->director.log[i];

		if (failover->is_being_told && failover->switched_us == 0)
			failover->switched_us = us_between(failover->detected_ns,
							   hv_clock_ns());
		failover->is_being_told = false;
	}
}

/* The first page that one that moved got over that path since then; 0 = none yet. */
static uint64_t first_page_ns(const struct hypervisor *hv, unsigned path,
			      uint64_t since_ns)
{
	uint64_t first_ns = 0;

	for (unsigned i = 0; i < hv->team->count; i++) {
		uint64_t ns = atomic_load(&hv->team->threads[i]->lanes[path].moved_ns);

		if (ns > since_ns && (first_ns == 0 || ns < first_ns))
			first_ns = ns;
	}
	return first_ns;
}

/* The last one that moved somebody there: those before it had their time. */
static struct failover *last_to(struct director *director, uint64_t epoch)
{
	for (uint64_t number = director->failovers; record(director, number) != NULL;
	     number--)
		if (record(director, number)->to_epoch == epoch)
			return record(director, number);
	return NULL;
}

void director_first_pages(struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		uint64_t epoch = hv->director.vios[i].epoch, first_ns;
		struct failover *failover = epoch == 0 ? NULL
						       : last_to(&hv->director, epoch);

		if (failover == NULL || failover->first_page_us != 0)
			continue;
		first_ns = first_page_ns(hv, i, failover->detected_ns);
		if (first_ns != 0)
			failover->first_page_us = us_between(failover->detected_ns,
							     first_ns);
	}
}

void director_log_show(struct failover *from, Tarn__Failover *to)
{
	tarn__failover__init(to);
	to->number = from->number;
	to->kind = (char *)(uintptr_t)from->kind;
	to->from = from->from;
	to->to = from->to;
	to->wall_ms = from->wall_ms;
	to->has_detected_us = true;
	to->detected_us = from->detected_us;
	to->has_decided_us = from->to_epoch != 0;
	to->decided_us = from->decided_us;
	to->has_switched_us = from->switched_us != 0;
	to->switched_us = from->switched_us;
	to->has_first_page_us = from->first_page_us != 0;
	to->first_page_us = from->first_page_us;
	to->has_resent_reads = true;
	to->resent_reads = from->resent_reads;
	to->has_canceled_steals = true;
	to->canceled_steals = from->canceled_steals;
	to->has_quarantined_slots = true;
	to->quarantined_slots = from->quarantined_slots;
	to->has_partitions = true;
	to->partitions = from->moved;
}

bool director_may_serve(const struct vios *vios)
{
	return vios->state == SESSION_OPEN && vios->is_expected && !vios->is_maintained;
}

/* ---- the end of an epoch ---- */

static void visit_end(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct vios *vios = of_end(round);
	struct hv_path_toll toll = { 0 };

	hv_pager_path_end(thread->pager, vios->path, vios->epoch, &toll);
	fault_lane_close(thread, vios->path);
	for (unsigned i = 0; i < thread->memory_count; i++)
		memory_count_quarantine(thread->memories[i]);
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

	if (failover != NULL) {
		failover->resent_reads = atomic_load(&vios->resent_reads);
		failover->canceled_steals = atomic_load(&vios->canceled_steals);
		failover->quarantined_slots = atomic_load(&vios->quarantined_slots);
	}
	log_info("hypervisor.epoch_ended",
		 "vios=%s epoch=%llu reads=%llu steals=%llu slots=%llu", vios->name,
		 (unsigned long long)vios->epoch,
		 (unsigned long long)atomic_load(&vios->resent_reads),
		 (unsigned long long)atomic_load(&vios->canceled_steals),
		 (unsigned long long)atomic_load(&vios->quarantined_slots));
	hv_window_close(&vios->window);
	vios->is_window_in_use = false;
	try_forget(vios);
}

static void end_epoch(struct vios *vios, bool has_doubt)
{
	struct hypervisor *hv = vios->hv;

	vios->state = SESSION_ENDED;
	vios->is_leave_due = false;
	session_close(vios);
	atomic_store(&vios->resent_reads, 0);
	atomic_store(&vios->canceled_steals, 0);
	atomic_store(&vios->quarantined_slots, 0);
	vios->end.visit = visit_end;
	vios->end.done = on_epoch_ended;
	fault_round_start(hv->team, &vios->end);
	pair_lost(hv, vios->path, vios->failover);
	device_path_lost(hv, vios->path, has_doubt);
	pair_choose(hv);
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
	if (vios->state == SESSION_OPEN)
		vios->failover = 0;
	pair_failed(vios);
	if (pair_is_asked(hv, vios->path))
		log_failover(vios, kind);
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

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		slots += atomic_load(&p->memory.quarantined);
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
	pair_tick(hv);
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

/* It may serve no more: those that ask it ask the other one. */
static void move_away(struct vios *vios)
{
	struct hypervisor *hv = vios->hv;

	vios->failover = 0;
	if (pair_is_asked(hv, vios->path)) {
		vios->last_life_ns = hv_clock_ns();
		log_failover(vios, "planned");
	}
	pair_lost(hv, vios->path, vios->failover);
}

static void leave(struct vios *vios)
{
	struct hypervisor *hv = vios->hv;

	vios->is_leave_due = false;
	vios->state = SESSION_LEAVING;
	vios->leave_deadline_ms = hv_clock_ms() + hv->hang_ms;
	hv->director.is_told_due = true; /* that it is leaving */
	pair_choose(hv);
	hypervisor_poll_soon(hv);
}

static bool any_mirrored(const struct hypervisor *hv)
{
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->device.is_used && p->phase < PHASE_DYING && device_is_mirrored(p))
			return true;
	return false;
}

void director_leave(struct vios *vios)
{
	if (vios->is_leave_due)
		return;
	move_away(vios);
	if (any_mirrored(vios->hv))
		vios->is_leave_due = true;
	else
		leave(vios);
	hypervisor_poll_soon(vios->hv);
}

static void visit_look(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct vios *vios = HV_CONTAINER(round, struct vios, look);

	for (unsigned i = 0; i < thread->memory_count; i++)
		atomic_fetch_add(&vios->alone,
				 hv_space_missed(thread->memories[i]->space,
						 HV_PATHS - 1 - vios->path));
}

/*
 * P17: what is behind it alone is brought to the other one first. Where that one goes
 * meanwhile, this one stays until it has come back: nobody else has these pages.
 */
static void on_look(struct fault_round *round)
{
	struct vios *vios = HV_CONTAINER(round, struct vios, look);

	if (!vios->is_leave_due)
		return;
	if (vios->state != SESSION_OPEN || director_may_serve(vios))
		vios->is_leave_due = false;
	else if (atomic_load(&vios->alone) == 0)
		leave(vios);
	else
		hypervisor_poll_soon(vios->hv);
}

static void look_at_mirrors(struct vios *vios)
{
	if (!vios->is_leave_due || fault_round_is_out(&vios->look))
		return;
	atomic_store(&vios->alone, 0);
	vios->look.visit = visit_look;
	vios->look.done = on_look;
	fault_round_start(vios->hv->team, &vios->look);
}

void director_poll(struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_PATHS; i++) {
		struct vios *vios = &hv->director.vios[i];

		look_at_mirrors(vios);
		if (vios->state != SESSION_LEAVING || fault_round_is_out(&vios->leave) ||
		    !pair_is_told(hv))
			continue;
		/* no fault thread sends there any more: what is out only shrinks */
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
		    hv->director.vios[i].is_leave_due || device_any_doubt(hv, i))
			return true;
	return false;
}
