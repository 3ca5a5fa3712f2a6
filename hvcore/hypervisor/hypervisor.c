/* hypervisor - see hypervisor.h. Opens the parts, and ticks. */
#include "hvcore/hypervisor/director.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/file.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define TICK_MS_MAX 50 /* DESIGN: heartbeats at least every hang_ms / 5, at most this */
#define SECOND_MS 1000
#define WORKERS_STOP_MS 1000 /* arbitrary; with HV_IO_STOP_MS within the agent's grace */

static struct hypervisor *of_timer(struct hv_timer *timer, size_t offset)
{
	return (struct hypervisor *)(void *)((char *)timer - offset);
}

static void look_at_files(struct hypervisor *hv)
{
	held_look(hv);
	change_look(hv);
}

static void steer_all(struct hypervisor *hv)
{
	uint64_t now_ns = hv_clock_ns();

	for (struct partition *p = hv->partitions; p != NULL; p = p->next) {
		struct steer_target target = { p->pid, 0 };

		if (p->phase != PHASE_RUNNING || p->mode != HV_MODE_SHARED ||
		    p->home == NULL || p->home->cpu < 0)
			continue;
		target.home = p->home->cpu;
		steer_look(&p->memory.steer, &target, &steer_linux, &hv->cpus, now_ns);
	}
}

/* All that is done some times a second, in one wake-up. */
static void on_tick(struct hv_timer *timer)
{
	struct hypervisor *hv = of_timer(timer, offsetof(struct hypervisor, tick));

	director_tick(hv);
	if (++hv->ticks % (HELD_LOOK_MS / hv->tick_ms) == 0)
		look_at_files(hv);
	manage_tick(hv);
	if (hv->is_steering)
		steer_all(hv);
}

static void on_second(struct hv_timer *timer)
{
	struct hypervisor *hv = of_timer(timer, offsetof(struct hypervisor, second));

	greet_poll(hv);
	watch_second(hv);
	resize_second(hv);
}

/* What no event tells: locks let go, requests answered, frames given back. */
static void on_fast(struct hv_timer *timer)
{
	struct hypervisor *hv = of_timer(timer, offsetof(struct hypervisor, fast));

	hv->is_fast = false;
	if (hv->is_ending) {
		hv_loop_stop(hv->loop);
		return;
	}
	life_poll(hv);
	resize_poll(hv);
	device_poll(hv);
	director_poll(hv);
	change_poll(hv);
	pool_poll(hv);
	if (life_has_work(hv) || director_has_work(hv) || change_has_work(hv) ||
	    hv->pool.target_bytes != 0)
		hypervisor_poll_soon(hv);
}

void hypervisor_poll_soon(struct hypervisor *hv)
{
	struct hv_err err;

	if (hv->is_fast)
		return;
	hv->is_fast = true;
	if (hv_timer_start(hv->loop, &hv->fast, FAST_MS, 0, &err) == HV_OK)
		return;
	hv->is_fast = false; /* no memory: the next event tries again */
	log_error("hypervisor.no_timer", "error=\"%s\"", err.text);
}

uint64_t hypervisor_overhead_bytes(const struct hypervisor *hv)
{
	uint64_t bytes = sizeof(*hv) + fault_team_bytes(hv->team) + tiers_bytes(hv);

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next) {
		bytes += sizeof(*p);
		if (p->memory.space != NULL)
			bytes += hv_space_table_bytes(p->memory.space);
		bytes += p->calls_stat.hpt_bytes + p->calls_stat.tce_bytes;
		if (p->io != NULL)
			bytes += io_memory_bytes(p->io->disk_count, p->io->lan_count);
	}
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (hv->director.vios[i].window.base != NULL)
			bytes += hv->director.vios[i].window.bytes;
	return bytes;
}

static enum hv_code start_timers(struct hypervisor *hv, struct hv_err *err)
{
	enum hv_code code;

	hv->tick = (struct hv_timer){ .run = on_tick };
	hv->second = (struct hv_timer){ .run = on_second };
	hv->fast = (struct hv_timer){ .run = on_fast };
	code = hv_timer_start(hv->loop, &hv->tick, hv->tick_ms, hv->tick_ms, err);
	if (code != HV_OK)
		return code;
	return hv_timer_start(hv->loop, &hv->second, SECOND_MS, SECOND_MS, err);
}

static enum hv_code make_directories(const struct hypervisor *hv, struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_path_join(path, sizeof(path), hv->state_dir, "run", err);

	if (code != HV_OK)
		return code;
	return hv_directory_make(path, err);
}

static enum hv_code start_workers(struct hypervisor *hv, struct hv_err *err)
{
	enum hv_code code = hv_workers_start(&hv->workers, err);

	hv->has_workers = code == HV_OK;
	if (code != HV_OK)
		return code;
	code = hv_workers_start(&hv->openers, err);
	hv->has_openers = code == HV_OK;
	return code;
}

/* false: one has not come back in time. */
static bool stop_workers(struct hypervisor *hv)
{
	uint64_t until_ms = hv_clock_ms() + WORKERS_STOP_MS;
	uint64_t now_ms;
	bool is_stopped = true;

	if (hv->has_openers)
		is_stopped = hv_workers_stop(&hv->openers, WORKERS_STOP_MS);
	now_ms = hv_clock_ms();
	if (hv->has_workers &&
	    !hv_workers_stop(&hv->workers,
			     now_ms < until_ms ? (unsigned)(until_ms - now_ms) : 0))
		is_stopped = false;
	return is_stopped;
}

static enum hv_code open_parts(struct hypervisor *hv,
			       const struct hypervisor_config *config, struct hv_err *err)
{
	enum hv_code code;

	code = hv_lmb_map_new(config->memory_bytes, config->lmb_bytes, &hv->lmbs, err);
	if (code != HV_OK)
		return code;
	code = make_directories(hv, err);
	if (code != HV_OK)
		return code;
	code = fault_team_open(hv->loop, config->fault_threads, config->read_ahead,
			       config->hedge_us, config->expects_writes, &hv->team, err);
	if (code != HV_OK)
		return code;
	code = start_workers(hv, err);
	if (code != HV_OK)
		return code;
	/* without io_uring (a container may forbid it) all is well but virtual adapters */
	if (hv_io_engine_open(&hv->engine, &hv->engine_err) != HV_OK)
		log_warn("hypervisor.no_adapters", "error=\"%s\"", hv->engine_err.text);
	code = greet_open(hv, err);
	if (code != HV_OK)
		return code;
	code = manage_open(hv, config, err);
	if (code != HV_OK)
		return code;
	code = control_open(hv, err);
	if (code != HV_OK)
		return code;
	return start_timers(hv, err);
}

enum hv_code hypervisor_open(struct hv_loop *loop, const struct hypervisor_config *config,
			     struct hypervisor **ret_hypervisor, struct hv_err *err)
{
	struct hypervisor *hv;
	enum hv_code code;

	if (strlen(config->state_dir) >= sizeof(hv->state_dir))
		return hv_fail(err, HV_E_LIMIT, "state directory of %zu characters",
			       strlen(config->state_dir));
	hv = calloc(1, sizeof(*hv));
	if (hv == NULL)
		return hv_fail(err, HV_E_NOMEM, "the hypervisor's record");
	hv->loop = loop;
	(void)snprintf(hv->state_dir, sizeof(hv->state_dir), "%s", config->state_dir);
	hv->hang_ms = config->hang_ms;
	hv->is_home_near = config->is_home_near;
	hv->is_steering = config->is_steering;
	(void)sched_getaffinity(0, sizeof(hv->cpus), &hv->cpus);
	hv->tier_share = config->tier_share;
	hv->tick_ms = config->hang_ms / 5 < TICK_MS_MAX ? config->hang_ms / 5
							: TICK_MS_MAX;
	if (hv->tick_ms == 0)
		hv->tick_ms = 1;
	hv->incarnation = hv_clock_wall_ms();
	hv->attach_listener = hv->vasi_listener = -1;
	for (unsigned i = 0; i < GREETINGS_MAX; i++)
		hv->greetings[i].fd = -1;
	director_init(hv);
	code = open_parts(hv, config, err);
	if (code != HV_OK) {
		HV_INVARIANT(hypervisor_close(hv)); /* nothing was asked of it yet */
		return code;
	}
	*ret_hypervisor = hv;
	return HV_OK;
}

struct last_job {
	struct hv_job job;
	struct hv_loop *loop;
};

static void on_last(struct hv_job *job)
{
	hv_loop_stop(((struct last_job *)(void *)job)->loop);
}

/* Rounds that were out when the fault threads stopped have posted their ends. */
static void drain(struct hv_loop *loop)
{
	struct last_job last = { .job = { .run = on_last }, .loop = loop };

	hv_loop_post(loop, &last.job);
	hv_loop_run(loop);
}

/*
 * The order matters: nobody new, then the partitions' processes dead (P1), then the
 * fault threads stopped, then the I/O thread that they post to, and only then what they
 * looked at is freed.
 */
bool hypervisor_close(struct hypervisor *hv)
{
	bool is_stopped;

	if (hv == NULL)
		return true;
	greet_close(hv);
	hv_timer_stop(&hv->tick);
	hv_timer_stop(&hv->second);
	life_kill_all(hv);
	manage_stop(hv);
	is_stopped = stop_workers(hv);
	/* who posts to the I/O thread before it; what that tells them still is not read */
	fault_team_stop(hv->team);
	is_stopped &= hv->engine == NULL || hv_io_engine_stop(hv->engine);
	if (!is_stopped) {
		log_warn("hypervisor.left_behind", "what=\"a device does not answer\"");
		return false;
	}
	if (hv->team != NULL)
		drain(hv->loop);
	hv_timer_stop(&hv->fast);
	control_close(hv);
	stat_close(hv);
	director_close(hv);
	life_free_all(hv);
	hv_io_engine_close(hv->engine);
	fault_team_close(hv->team);
	tiers_free_all(hv);
	manage_close(hv);
	pool_close(hv);
	hv_lmb_map_free(hv->lmbs);
	free(hv);
	return true;
}
