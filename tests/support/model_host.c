/* model_host - see model_host.h. What it does; what it says is model_report.c. */
#include "tests/support/model_vios.h"

#include "hvcore/base/invariant.h"
#include "hvcore/wire/lpar_adapters.h"
#include "hvcore/wire/pgdev.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOBODY 2

static void copy_name(char copy[HV_NAME_BYTES], const char *name)
{
	(void)snprintf(copy, HV_NAME_BYTES, "%s", name);
}

void model_host_init(struct model_host *host, const char *name, uint64_t memory_bytes)
{
	*host = (struct model_host){ .memory_bytes = memory_bytes,
				     .lmb_bytes = MODEL_LMB,
				     .drills_allowed = true,
				     .hang_ms = 500,
				     .hypervisor = 1,
				     .clock_ms = 1000,
				     .stall_ns = 1000000,
				     .incarnation = 1 };
	copy_name(host->name, name);
	(void)snprintf((char *)host->id, sizeof(host->id), "id-%.11s", name);
	host->vios[0].state = host->vios[1].state = TARN__VIOS_STATE__VIOS_ABSENT;
	copy_name(host->vios[0].name, "vios1");
	copy_name(host->vios[1].name, "vios2");
}

void model_host_fini(struct model_host *host)
{
	if (host->desired != NULL)
		tarn__host_desired__free_unpacked(host->desired, NULL);
	host->desired = NULL;
}

void model_host_restart(struct model_host *host)
{
	model_host_fini(host);
	host->incarnation++;
	host->report_number = 0;
	/* orders that were under way: done is remembered, nothing else */
	memset(host->ops, 0, sizeof(host->ops));
}

static bool has(const uint64_t *list, size_t count, uint64_t value)
{
	for (size_t i = 0; i < count; i++) {
		if (list[i] == value)
			return true;
	}
	return false;
}

static void add(uint64_t *list, size_t *count, uint64_t value)
{
	HV_INVARIANT(*count < MODEL_RUNS);
	list[(*count)++] = value;
}

bool model_host_take(struct model_host *host, const Tarn__HostDesired *desired)
{
	size_t count = protobuf_c_message_get_packed_size(&desired->base);
	uint8_t *bytes;

	if (desired->epoch < host->highest_epoch)
		return false;
	bytes = malloc(count + 1);
	HV_INVARIANT(bytes != NULL);
	(void)protobuf_c_message_pack(&desired->base, bytes);
	model_host_fini(host);
	host->desired = tarn__host_desired__unpack(NULL, count, bytes);
	HV_INVARIANT(host->desired != NULL);
	free(bytes);
	host->highest_epoch = desired->epoch;
	return true;
}

static bool step_pool(struct model_host *host)
{
	const Tarn__DesiredPool *pool = host->desired->pool;

	if (pool == NULL || pool->generation == host->pool_generation)
		return false;
	host->pool_generation = pool->generation;
	host->pool_has_error = host->pool_error != HV_OK;
	host->pool_error = HV_OK;
	if (!host->pool_has_error) {
		host->pool_bytes = pool->mem_bytes;
		host->pool_max = pool->max_bytes;
	}
	return true;
}

static struct model_device *find_device(struct model_host *host, const char *name)
{
	struct model_device *empty = NULL;

	for (size_t i = 0; i < MODEL_DEVICES; i++) {
		struct model_device *device = &host->devices[i];

		if (strcmp(device->name, name) == 0)
			return device;
		if (device->name[0] == '\0' && empty == NULL)
			empty = device;
	}
	HV_INVARIANT(empty != NULL);
	return empty;
}

static bool step_device(struct model_host *host, const Tarn__DesiredDevice *desired)
{
	struct model_device *device = find_device(host, desired->name);

	if (device->name[0] != '\0' && device->generation == desired->generation)
		return false;
	copy_name(device->name, desired->name);
	device->generation = desired->generation;
	device->owner_epoch = desired->owner_epoch;
	device->bytes = desired->bytes != 0 ? desired->bytes : 64u << 20;
	device->is_removed = desired->removed;
	device->is_alone = desired->vios != NULL;
	device->vios = NOBODY;
	if (desired->vios != NULL)
		device->vios = model_vios_place(host, desired->vios);
	device->has_error = host->device_error != HV_OK;
	host->device_error = HV_OK;
	device->is_done = true;
	return true;
}

struct model_lpar *model_host_lpar(struct model_host *host, const char *name)
{
	for (size_t i = 0; i < MODEL_LPARS; i++) {
		if (strcmp(host->lpars[i].name, name) == 0)
			return &host->lpars[i];
	}
	return NULL;
}

static struct model_lpar *make_lpar(struct model_host *host, const char *name)
{
	struct model_lpar *lpar = model_host_lpar(host, name);

	if (lpar == NULL)
		lpar = model_host_lpar(host, "");
	HV_INVARIANT(lpar != NULL);
	if (lpar->name[0] == '\0')
		copy_name(lpar->name, name);
	return lpar;
}

static void end_run(struct model_host *host, struct model_lpar *lpar, bool has_error)
{
	if (lpar->run_id != 0 &&
	    !has(host->runs_ended, host->runs_ended_count, lpar->run_id))
		add(host->runs_ended, &host->runs_ended_count, lpar->run_id);
	lpar->is_running = false;
	lpar->is_over = true;
	lpar->has_error = has_error;
}

void model_host_end_lpar(struct model_host *host, const char *name)
{
	struct model_lpar *lpar = model_host_lpar(host, name);

	if (lpar != NULL && lpar->is_running)
		end_run(host, lpar, true);
}

static void begin_run(struct model_host *host, struct model_lpar *lpar,
		      const Tarn__DesiredLpar *desired)
{
	char name[HV_NAME_BYTES];

	copy_name(name, lpar->name);
	*lpar = (struct model_lpar){ .run_id = desired->run_id };
	copy_name(lpar->name, name);
	lpar->is_shared = desired->spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
	lpar->is_guest = desired->spec->guest != NULL;
	lpar->mem_bytes = desired->spec->mem_bytes;
	lpar->weight = desired->spec->weight;
	lpar->entitled_bytes = hv_lpar_entitled(desired->spec);
	copy_name(lpar->device, desired->device != NULL ? desired->device : "");
	copy_name(lpar->mirror, desired->mirror != NULL ? desired->mirror : "");
	copy_name(lpar->primary, desired->primary != NULL ? desired->primary : "");
	if (has(host->runs_ended, host->runs_ended_count, desired->run_id)) {
		lpar->is_over = true; /* never started again */
		return;
	}
	if (host->lpar_error != HV_OK) {
		host->lpar_error = HV_OK;
		end_run(host, lpar, true);
		return;
	}
	if (has(host->runs_begun, host->runs_begun_count, desired->run_id))
		host->broken = "a run began twice";
	add(host->runs_begun, &host->runs_begun_count, desired->run_id);
	lpar->is_running = true;
}

/* False: it is as desired. */
static bool step_share(const struct model_host *host, struct model_lpar *lpar,
		       const Tarn__LparSpec *want)
{
	uint64_t entitled = hv_lpar_entitled(want);

	if (host->is_slow_to_share ||
	    (lpar->weight == want->weight && lpar->entitled_bytes == entitled))
		return false;
	lpar->weight = want->weight;
	lpar->entitled_bytes = entitled;
	return true;
}

/* False: it is as desired. */
static bool step_backing(struct model_host *host, struct model_lpar *lpar,
			 const Tarn__DesiredLpar *want)
{
	if (!want->has_devices_generation || host->is_slow_to_copy ||
	    lpar->devices_generation == want->devices_generation)
		return false;
	lpar->devices_generation = want->devices_generation;
	lpar->devices_have_error = host->copy_error != HV_OK;
	host->copy_error = HV_OK;
	if (lpar->devices_have_error) {
		host->is_slow_to_copy = host->is_slow_then;
		return true;
	}
	copy_name(lpar->device, want->device);
	copy_name(lpar->mirror, want->mirror != NULL ? want->mirror : "");
	return true;
}

/* False: it is as desired. */
static bool step_primary(const struct model_host *host, struct model_lpar *lpar,
			 const char *want)
{
	if (want == NULL || host->is_slow_to_share || strcmp(lpar->primary, want) == 0)
		return false;
	copy_name(lpar->primary, want);
	return true;
}

/* False: it is as desired. */
static bool step_resize(struct model_host *host, struct model_lpar *lpar,
			const Tarn__DesiredResize *want)
{
	uint64_t left;

	if (want == NULL || lpar->resize_generation == want->generation ||
	    host->is_slow_to_resize)
		return false;
	lpar->resize_generation = want->generation;
	lpar->resize_has_error = false;
	left = want->mem_bytes < lpar->mem_bytes ? lpar->mem_bytes - want->mem_bytes : 0;
	if (host->gives_at_most != 0 && left > host->gives_at_most) {
		lpar->resize_has_error = true;
		lpar->mem_bytes -= host->gives_at_most;
	} else {
		lpar->mem_bytes = want->mem_bytes;
	}
	return true;
}

static bool step_lpar(struct model_host *host, const Tarn__DesiredLpar *desired)
{
	struct model_lpar *lpar = make_lpar(host, desired->spec->name);

	if (lpar->is_running && lpar->run_id != desired->run_id) {
		end_run(host, lpar, false);
		return true;
	}
	if (desired->running) {
		if (lpar->run_id == desired->run_id)
			return lpar->is_running &&
			       (step_resize(host, lpar, desired->resize) ||
				step_share(host, lpar, desired->spec) ||
				step_primary(host, lpar, desired->primary) ||
				step_backing(host, lpar, desired));
		begin_run(host, lpar, desired);
		return true;
	}
	if (lpar->run_id == desired->run_id && lpar->is_over)
		return false;
	if (lpar->is_running && lpar->is_guest && host->is_deaf && !desired->immediate)
		return false;
	lpar->run_id = desired->run_id;
	end_run(host, lpar, false);
	return true;
}

/* What the desired state does not name any more goes. */
static bool step_vanished(struct model_host *host)
{
	const Tarn__HostDesired *desired = host->desired;

	for (size_t i = 0; i < MODEL_LPARS; i++) {
		struct model_lpar *lpar = &host->lpars[i];
		bool is_wanted = lpar->name[0] == '\0';

		for (size_t j = 0; j < desired->n_lpars; j++)
			is_wanted |= strcmp(desired->lpars[j]->spec->name, lpar->name) ==
				     0;
		if (is_wanted)
			continue;
		if (lpar->is_running)
			end_run(host, lpar, false);
		*lpar = (struct model_lpar){ 0 };
		return true;
	}
	for (size_t i = 0; i < MODEL_DEVICES; i++) {
		struct model_device *device = &host->devices[i];
		bool is_wanted = device->name[0] == '\0';

		for (size_t j = 0; j < desired->n_devices; j++)
			is_wanted |= strcmp(desired->devices[j]->name, device->name) == 0;
		if (is_wanted)
			continue;
		*device = (struct model_device){ 0 };
		return true;
	}
	return false;
}

/* Its VIOS finds nobody there, until it is over. */
static void cut(struct model_host *host, const Tarn__HostOp *order)
{
	host->cuts[host->cut_count++ % HV_COUNT(host->cuts)] =
		order->injection->direction;
	if (host->no_cut_noticed)
		return;
	host->is_cut = true;
	model_vios_lose(host, model_vios_place(host, order->target), "exit");
}

static void do_order(struct model_host *host, const Tarn__HostOp *order)
{
	switch (order->kind) {
	case TARN__HOST_OP_KIND__HOST_OP_VIOS_KILL:
		if (order->target[0] == '\0' && order->ms != 0) {
			unsigned active = model_host_active(host);

			host->away = order->ms / 500;
			model_host_kill_vios(host, active == 0);
			model_host_kill_vios(host, active != 0);
			return;
		}
		model_host_kill_vios(host, model_vios_place(host, order->target));
		return;
	case TARN__HOST_OP_KIND__HOST_OP_AGENT_KILL:
		host->must_restart = !host->agent_stays;
		return;
	case TARN__HOST_OP_KIND__HOST_OP_VIOS_STOP:
		if (!host->no_hang_seen)
			model_vios_lose(host, model_vios_place(host, order->target),
					"hang");
		return;
	case TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT:
		host->injections++;
		if (order->injection->kind == TARN__INJECTION_KIND__INJECTION_CUT) {
			cut(host, order);
			return;
		}
		host->injecting = order->injection->kind;
		host->injected_ppm = order->injection->rate_ppm;
		return;
	case TARN__HOST_OP_KIND__HOST_OP_VIOS_INJECT_CLEAR:
		host->clears++;
		host->is_cut = false;
		host->injecting = 0;
		return;
	case TARN__HOST_OP_KIND__HOST_OP_VIOS_FAILBACK:
		copy_name(host->failed_back, order->target);
		host->failbacks++;
		return;
	case TARN__HOST_OP_KIND__HOST_OP_LPAR_VERIFY:
		for (size_t i = 0; i < MODEL_LPARS; i++)
			host->lpars[i].verify_passes += host->lpars[i].is_running &&
							!host->lpars[i].is_guest;
		return;
	case TARN__HOST_OP_KIND__HOST_OP_STALL_RESET:
		for (size_t i = 0; i < MODEL_LPARS; i++)
			host->lpars[i].longest_stall_us = 0;
		return;
	default:
		return;
	}
}

static bool step_op(struct model_host *host, const Tarn__HostOp *order)
{
	struct model_op *empty = NULL;

	for (size_t i = 0; i < MODEL_OPS; i++) {
		if (host->ops[i].id == order->id)
			return false;
		if (host->ops[i].id == 0 && empty == NULL)
			empty = &host->ops[i];
	}
	if (host->is_silent_op)
		return false;
	HV_INVARIANT(empty != NULL);
	empty->id = order->id;
	empty->has_error = host->op_error != HV_OK;
	host->op_error = HV_OK;
	if (has(host->ops_done, host->ops_done_count, order->id))
		return true; /* done by the incarnation before */
	add(host->ops_done, &host->ops_done_count, order->id);
	if (!empty->has_error)
		do_order(host, order);
	return true;
}

static void forget_ops(struct model_host *host)
{
	for (size_t i = 0; i < MODEL_OPS; i++) {
		bool is_wanted = false;

		for (size_t j = 0; j < host->desired->n_ops; j++)
			is_wanted |= host->desired->ops[j]->id == host->ops[i].id;
		if (!is_wanted)
			host->ops[i] = (struct model_op){ 0 };
	}
}

bool model_host_step(struct model_host *host)
{
	const Tarn__HostDesired *desired;

	if (host->must_restart)
		model_host_restart(host);
	host->must_restart = false;
	desired = host->desired;
	if (desired == NULL)
		return false;
	forget_ops(host);
	if (step_vanished(host) || step_pool(host))
		return true;
	if (model_vios_step(host))
		return true;
	for (size_t i = 0; i < desired->n_devices; i++) {
		if (step_device(host, desired->devices[i]))
			return true;
	}
	for (size_t i = 0; i < desired->n_lpars; i++) {
		if (desired->lpars[i]->run_id != 0 && step_lpar(host, desired->lpars[i]))
			return true;
	}
	for (size_t i = 0; i < desired->n_ops; i++) {
		if (step_op(host, desired->ops[i]))
			return true;
	}
	return false;
}

void model_host_converge(struct model_host *host)
{
	while (model_host_step(host))
		continue;
}

static void meet_fault(struct model_host *host, struct model_lpar *lpar)
{
	bool is_corrupt = host->injecting == TARN__INJECTION_KIND__INJECTION_CORRUPT;

	host->hits++;
	lpar->checksum_errors += is_corrupt;
	lpar->io_errors += !is_corrupt;
}

static bool is_open(const struct model_host *host, unsigned vios)
{
	return vios == NOBODY ||
	       host->vios[vios].state == TARN__VIOS_STATE__VIOS_ACTIVE ||
	       host->vios[vios].state == TARN__VIOS_STATE__VIOS_STANDBY;
}

/* What goes out while a side is away is missed there, and brought to it later. */
static void mirror(struct model_host *host, struct model_lpar *lpar)
{
	uint64_t *missed[] = { &lpar->missed, &lpar->mirror_missed };
	bool is_there[] = { is_open(host, find_device(host, lpar->device)->vios),
			    is_open(host, find_device(host, lpar->mirror)->vios) };

	for (unsigned i = 0; i < 2; i++) {
		if (!is_there[i]) {
			*missed[i] += 5;
		} else if (is_there[1 - i] && !host->no_resync) {
			lpar->resynced += *missed[i];
			*missed[i] = 0;
		}
	}
}

/* Pages go out at first and come in ever after, if somebody serves them. */
void model_host_work(struct model_host *host)
{
	bool is_served = model_host_active(host) != NOBODY;

	host->away -= host->away > 0;
	host->clock_ms += host->clock_ms != 0 ? 500 : 0;

	for (size_t i = 0; i < MODEL_LPARS; i++) {
		struct model_lpar *lpar = &host->lpars[i];

		if (!lpar->is_running || !lpar->is_shared)
			continue;
		lpar->is_waiting = !is_served;
		if (!is_served || host->no_paging)
			continue;
		if (lpar->is_idle)
			continue;
		lpar->stolen_pages = 100;
		lpar->page_ins += 10;
		lpar->page_outs += 5;
		if (lpar->mirror[0] != '\0')
			mirror(host, lpar);
		if (host->injecting != 0 && !host->no_hits)
			meet_fault(host, lpar);
		lpar->stalls[hv_hist_bucket_of(host->stall_ns)]++;
		if (lpar->longest_stall_us < 5000 && !lpar->is_guest)
			lpar->longest_stall_us += 1000;
		if (host->failover_count > 0)
			host->failovers[host->failover_count - 1].has_page = true;
	}
}

void model_host_event(struct model_host *host, const char *text)
{
	struct model_event *event;

	if (host->event_count == MODEL_EVENTS)
		return;
	event = &host->events[host->event_count++];
	event->number = ++host->event_number;
	(void)snprintf(event->text, sizeof(event->text), "%s", text);
}

void model_host_acknowledge(struct model_host *host, uint64_t events)
{
	size_t kept = 0;

	for (size_t i = 0; i < host->event_count; i++) {
		if (host->events[i].number > events)
			host->events[kept++] = host->events[i];
	}
	host->event_count = kept;
}
