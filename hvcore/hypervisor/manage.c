/*
 * manage - the AMS manager at work: while frames are short, a beat every donation_ms.
 *
 *   beat:  figures of the last round --> hv_manager_beat() --> a round over the fault
 *          threads that tells targets and brings new figures
 *   look:  one partition after the other, a window_ms apart at least and so rarely
 *          that looks take LOOK_SHARE of a processor, and for a million pages; also only
 *          while frames are short
 *
 * With free frames nobody is taken from, so nothing is counted either. The same where
 * nobody wants any: a pool may be full of pages that are all in use, or of none that is.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/log.h"

#define PRESSED_MS 10000 /* goes on so long after it was pressed; arbitrary */
#define LOOK_SHARE 50    /* a fiftieth: 2 % of a processor, and of one a million pages */
#define REST_WINDOWS 3   /* small ones cost more a page, but are not left for longer */
#define STALE_WINDOWS 4  /* a look that began longer ago says nothing */
#define TELLS_SHARE 16   /* a target that moved less is not worth a line */

/* ---- targets ---- */

static void visit(struct fault_thread *thread, struct fault_round *round) /* F */
{
	(void)round;
	for (unsigned i = 0; i < thread->memory_count; i++) {
		struct memory *memory = thread->memories[i];

		hv_pager_target(thread->pager, memory->space, memory->entitled_pages,
				memory->target_pages);
		hv_space_use(memory->space, &memory->use);
		memory->has_use = true;
		memory->mpp = memory->mpp_next;
	}
}

static void on_round(struct fault_round *round)
{
	struct hypervisor *hv = HV_CONTAINER(round, struct hypervisor, manage.round);

	if (hv->manage.is_due)
		manage_targets(hv);
}

static struct hv_manager_input input_of(const struct partition *partition)
{
	struct hv_manager_input input = {
		.logical = partition->mem_bytes / HV_PAGE_BYTES,
		.entitled = partition->entitled_pages,
		.weight = partition_weight(partition),
		.use = partition->managed.member.use,
	};

	if (partition->memory.has_use) {
		input.use = partition->memory.use;
		/* what it lends it pages itself: that is not seen here */
		input.use.refaults[0] += partition->os_missed;
	}
	return input;
}

/* Less high water, so that somebody is always above its target (M6), and less what
 * compressed pages have: that is nobody's. */
static uint64_t frames_to_share(const struct hypervisor *hv)
{
	const struct hv_frames *all = &hv->team->frames;
	int64_t frames = hv_frames_total(all) - hv_frames_high(all) -
			 hv_frames_packed(all);

	return frames > 0 ? (uint64_t)frames : 0;
}

/* Pages for I/O that it gave up, as far as it could have them again. */
static uint64_t spare_pages(const struct partition *partition)
{
	uint64_t given = partition->entitled_asked, has = partition_io_pages(partition);
	uint64_t room;

	if (!partition->own.has_pages || given <= has)
		return 0;
	room = partition_pool_room(partition);
	if (room <= has)
		return 0;
	return (room < given ? room : given) - has;
}

/* All ones is what an operating system takes for "not told". */
static uint64_t pool_bytes(const struct partition *partition)
{
	const struct hv_pool *pool = partition->hv->pool.pool;

	if (!partition->sees_pool)
		return UINT64_MAX;
	return pool != NULL ? hv_pool_bytes(pool) : 0;
}

static struct memory_mpp mpp_of(const struct partition *partition)
{
	uint64_t logical = partition->mem_bytes / HV_PAGE_BYTES;
	uint64_t target = partition->managed.member.target;
	uint32_t weight = partition_weight(partition);

	return (struct memory_mpp){
		.pool_bytes = pool_bytes(partition),
		.donation_pages = logical > target ? (uint32_t)(logical - target) : 0,
		.weight = weight,
		.spare_weight = partition->weight - weight,
		.io_pages = (uint32_t)partition_io_pages(partition),
		.spare_pages = (uint32_t)spare_pages(partition),
		.number = partition->own.number,
	};
}

void manage_prepare(struct partition *partition)
{
	struct memory *memory = &partition->memory;

	memory->mpp_next = mpp_of(partition);
	memory->mpp_next.donation_pages = 0; /* nothing was decided yet */
	memory->mpp = memory->mpp_next;
}

/* Kept for people: a target that moved a good deal. */
static void note(struct manage *manage, struct partition *partition)
{
	struct managed *managed = &partition->managed;
	const struct hv_manager_member *member = &managed->member;
	uint64_t moved = member->target > managed->told ? member->target - managed->told
							: managed->told - member->target;
	struct decision *decision = &manage->log[manage->decisions % HV_DECISIONS_MAX];

	if (moved < partition->mem_bytes / HV_PAGE_BYTES / TELLS_SHARE + 1)
		return;
	*decision = (struct decision){ .wall_ms = hv_clock_wall_ms(),
				       .from = managed->told,
				       .to = member->target,
				       .reason = member->reason };
	(void)snprintf(decision->name, sizeof(decision->name), "%s", partition->name);
	manage->decisions++;
	managed->told = member->target;
}

static void decide(struct hypervisor *hv, uint64_t elapsed_ms)
{
	struct hv_manager_input inputs[HV_MANAGER_MEMBERS_MAX];
	struct hv_manager_member *members[HV_MANAGER_MEMBERS_MAX];
	struct partition *whose[HV_MANAGER_MEMBERS_MAX];
	unsigned count = 0;

	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		if (p->mode != HV_MODE_SHARED || p->phase > PHASE_RUNNING ||
		    count == HV_MANAGER_MEMBERS_MAX)
			continue;
		whose[count] = p;
		members[count] = &p->managed.member;
		inputs[count++] = input_of(p);
	}
	hv_manager_beat(members, inputs, count, frames_to_share(hv), elapsed_ms);
	for (unsigned i = 0; i < count; i++) {
		whose[i]->memory.entitled_pages = (uint32_t)inputs[i].entitled;
		whose[i]->memory.target_pages = (uint32_t)members[i]->target;
		whose[i]->memory.mpp_next = mpp_of(whose[i]);
		attach_loan(whose[i], whose[i]->memory.mpp_next.donation_pages);
		note(&hv->manage, whose[i]);
	}
}

static void tell(struct hypervisor *hv, uint64_t elapsed_ms)
{
	struct manage *manage = &hv->manage;

	manage->is_due = false;
	decide(hv, elapsed_ms);
	manage->round.visit = visit;
	manage->round.done = on_round;
	fault_round_start(hv->team, &manage->round);
}

void manage_targets(struct hypervisor *hv)
{
	tiers_limit(hv);
	hv->manage.is_due = fault_round_is_out(&hv->manage.round);
	if (!hv->manage.is_due)
		tell(hv, 0);
}

/* ---- looks ---- */

static struct partition *of_look(struct sampler_look *look)
{
	return HV_CONTAINER(look, struct partition, managed.look);
}

static void stop_looking(struct managed *managed)
{
	if (managed->process >= 0)
		(void)close(managed->process);
	managed->process = -1;
}

/* What arrived since the look before this one began. */
static void take_figures(struct partition *partition, uint64_t now_ms)
{
	struct managed *managed = &partition->managed;
	const struct hv_space_use *use = &managed->member.use;
	uint64_t window_ms = now_ms - managed->began_ms;
	struct hv_manager_look look = {
		.referenced = managed->look.referenced_pages,
		.arrived = use->arrivals - managed->arrivals,
		.probation = use->probation,
		.window_ms = window_ms,
	};

	if (managed->has_begun &&
	    window_ms < (uint64_t)STALE_WINDOWS * partition->hv->manage.window_ms)
		hv_manager_look(&managed->member, &look);
	managed->arrivals = use->arrivals;
	managed->began_ms = now_ms;
	managed->has_begun = true;
}

/* Before it is looked at again. */
static uint64_t rest_ms(const struct partition *partition,
			const struct sampler_look *look)
{
	uint64_t window_ms = partition->hv->manage.window_ms;
	uint64_t pages = partition->mem_bytes / HV_PAGE_BYTES;
	uint64_t whole_ms = look->cpu_ns * LOOK_SHARE / 1000000;
	uint64_t paged_ms = look->cpu_ns * LOOK_SHARE / pages; /* a million pages' */

	if (paged_ms > REST_WINDOWS * window_ms)
		paged_ms = REST_WINDOWS * window_ms;
	if (paged_ms < window_ms)
		paged_ms = window_ms;
	return whole_ms > paged_ms ? whole_ms : paged_ms;
}

static void on_looked(struct sampler_look *look)
{
	struct partition *partition = of_look(look);
	struct managed *managed = &partition->managed;
	struct manage *manage = &partition->hv->manage;
	uint64_t now_ms = hv_clock_ms();

	managed->is_looked_at = false;
	manage->looks++;
	manage->look_cpu_ns += look->cpu_ns;
	managed->due_ms = now_ms + rest_ms(partition, look);
	if (look->code == HV_OK) {
		take_figures(partition, now_ms);
	} else if (look->code != HV_E_GONE) {
		log_warn("hypervisor.no_page_statistics", "partition=%s code=%d",
			 partition->name, (int)look->code);
		stop_looking(managed);
	}
	if (partition->phase >= PHASE_DYING) {
		stop_looking(managed);
		hypervisor_poll_soon(partition->hv);
	}
}

static struct partition *next_to_look_at(struct hypervisor *hv, uint64_t now_ms)
{
	struct partition *best = NULL;

	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		if (p->phase != PHASE_RUNNING || p->managed.process < 0 ||
		    p->managed.due_ms > now_ms || !p->managed.member.has_use)
			continue;
		if (best == NULL || p->managed.due_ms < best->managed.due_ms)
			best = p;
	}
	return best;
}

static void look_at_one(struct hypervisor *hv, uint64_t now_ms)
{
	struct partition *partition;

	if (sampler_is_busy(hv->manage.sampler))
		return;
	partition = next_to_look_at(hv, now_ms);
	if (partition == NULL)
		return;
	partition->managed.is_looked_at = true;
	partition->managed.look = (struct sampler_look){
		.process = partition->managed.process,
		.base = partition->memory.base,
		.bytes = partition->max_bytes,
		.done = on_looked,
	};
	sampler_start(hv->manage.sampler, &partition->managed.look);
}

/* ---- beats ---- */

/* Frames taken, faults without one, what operating systems page themselves: while it
 * stays what it is, nobody wants memory. */
static uint64_t demand(const struct hypervisor *hv)
{
	uint64_t sum = hv_frames_waits(&hv->team->frames);

	for (unsigned i = 0; i < hv->team->count; i++)
		sum += hv_pager_taken(hv->team->threads[i]->pager);
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		sum += p->os_missed;
	return sum;
}

/* Frames are short, and somebody wants them. */
static bool is_pressed(struct hypervisor *hv, uint64_t now_ms)
{
	const struct hv_frames *frames = &hv->team->frames;
	struct manage *manage = &hv->manage;
	uint64_t before = manage->demand;
	int64_t free = hv_frames_free(frames);

	if (hv->pool.pool == NULL)
		return false;
	manage->demand = demand(hv);
	if (free <= 0 || (free < 2 * hv_frames_high(frames) && manage->demand != before))
		manage->pressed_until_ms = now_ms + PRESSED_MS;
	return now_ms < manage->pressed_until_ms;
}

static void beat(struct hypervisor *hv, uint64_t now_ms)
{
	struct manage *manage = &hv->manage;

	if (!is_pressed(hv, now_ms) || fault_round_is_out(&manage->round))
		return;
	tell(hv, manage->beat_at_ms == 0 ? 0 : now_ms - manage->beat_at_ms);
	manage->beat_at_ms = now_ms;
	look_at_one(hv, now_ms);
}

/* At the tick that is nearest: it may be early by half of one. */
void manage_tick(struct hypervisor *hv)
{
	struct manage *manage = &hv->manage;
	unsigned early_ms = hv->tick_ms / 2;
	uint64_t now_ms = hv_clock_ms();

	if (manage->beat_ms == 0 || now_ms < manage->due_ms)
		return;
	manage->due_ms = now_ms +
			 (manage->beat_ms > early_ms ? manage->beat_ms - early_ms : 0);
	beat(hv, now_ms);
}

enum hv_code manage_open(struct hypervisor *hv, const struct hypervisor_config *config,
			 struct hv_err *err)
{
	struct manage *manage = &hv->manage;

	manage->beat_ms = config->donation_ms;
	manage->window_ms = config->window_ms;
	if (manage->beat_ms == 0)
		return HV_OK;
	return sampler_open(hv->loop, &manage->sampler, err);
}

void manage_stop(struct hypervisor *hv)
{
	sampler_stop(hv->manage.sampler);
}

void manage_close(struct hypervisor *hv)
{
	sampler_close(hv->manage.sampler);
	hv->manage.sampler = NULL;
}

/* Its pidfd is open, so /proc/PID is this process if it still is alive afterwards. */
static int open_process(const struct partition *partition)
{
	char path[32];
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%d", partition->pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 &&
	    syscall(SYS_pidfd_send_signal, partition->pidfd, 0, NULL, 0) != 0) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

void manage_attached(struct partition *partition)
{
	struct managed *managed = &partition->managed;

	if (partition->mode == HV_MODE_SHARED && partition->hv->manage.sampler != NULL) {
		*managed = (struct managed){ .process = open_process(partition) };
		partition->memory.has_use = false;
	}
	manage_targets(partition->hv);
}

void manage_ended(struct partition *partition)
{
	if (!partition->managed.is_looked_at)
		stop_looking(&partition->managed);
}

bool manage_is_out(const struct partition *partition)
{
	return partition->managed.is_looked_at ||
	       fault_round_is_out(&partition->hv->manage.round);
}
