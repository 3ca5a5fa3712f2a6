/* agent_world_hv - the hypervisor of the world: tables, requests, answers. */
#include "tests/support/agent_world_hv.h"

#include "hvcore/base/invariant.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct world_partition *world_partition(struct agent_world *world, const char *name)
{
	for (size_t i = 0; i < WORLD_LPARS; i++) {
		if (strcmp(world->partitions[i].name, name) == 0)
			return &world->partitions[i];
	}
	return NULL;
}

struct world_vios *world_vios(struct agent_world *world, const char *name)
{
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++) {
		if (strcmp(world->vios[i].name, name) == 0)
			return &world->vios[i];
	}
	return NULL;
}

/* ---- answers ---- */

struct stat_parts {
	Tarn__HostStat stat;
	Tarn__PoolStat pool;
	Tarn__PartitionStat partitions[WORLD_LPARS];
	Tarn__PartitionStat *partition_list[WORLD_LPARS];
	Tarn__ResizeStat resizes[WORLD_LPARS];
	Tarn__Error errors[WORLD_LPARS];
	Tarn__ViosStat vios[HV_HOST_VIOS_MAX];
	Tarn__ViosStat *vios_list[HV_HOST_VIOS_MAX];
	Tarn__Failover *failovers[1];
};

static bool is_served(const struct agent_world *world)
{
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++) {
		if (world->vios[i].state == TARN__VIOS_STATE__VIOS_ACTIVE)
			return true;
	}
	return false;
}

/* A few page-ins between any two looks, through whoever is active. */
static void put_paging(struct agent_world *world, struct world_partition *from,
		       Tarn__PartitionStat *to)
{
	bool pages = from->state == TARN__PARTITION_STATE__PARTITION_RUNNING &&
		     from->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;

	to->has_stolen_pages = to->has_page_ins = true;
	to->stolen_pages = pages ? 50 : 0;
	to->page_ins = from->page_ins;
	if (!pages || !is_served(world))
		return;
	from->page_ins += 3;
	if (world->failover != NULL)
		world->failover->has_first_page_us = true;
}

static void put_memory(struct stat_parts *parts, const struct world_partition *from)
{
	size_t at = parts->stat.n_partitions;
	Tarn__PartitionStat *to = &parts->partitions[at];

	to->has_logical_pages = true;
	to->logical_pages = from->mem_bytes / HV_PAGE_BYTES;
	if (from->primary[0] != '\0')
		to->given_primary = (char *)from->primary;
	if (from->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED) {
		to->has_ordered_weight = to->has_ordered_entitled_bytes = true;
		to->ordered_weight = from->weight;
		to->ordered_entitled_bytes = from->entitled_bytes;
	}
	if (from->resize_generation == 0)
		return;
	tarn__resize_stat__init(&parts->resizes[at]);
	parts->resizes[at].generation = from->resize_generation;
	parts->resizes[at].done = from->resize_is_done;
	to->resize = &parts->resizes[at];
	if (from->resize_code == HV_OK)
		return;
	tarn__error__init(&parts->errors[at]);
	parts->errors[at].code = from->resize_code;
	parts->errors[at].text = (char *)"not given in time";
	parts->resizes[at].error = &parts->errors[at];
}

static void put_mirror(Tarn__PartitionStat *to, struct world_partition *from)
{
	if (from->device_name[0] != '\0')
		to->pgdev = from->device_name;
	to->has_missed = from->missed != 0;
	to->missed = from->missed;
	if (from->mirror[0] == '\0')
		return;
	to->pgdev = from->device_name;
	to->mirror = from->mirror_name;
	to->has_missed = to->has_mirror_missed = to->has_redundant = true;
	to->missed = from->missed;
	to->mirror_missed = from->mirror_missed;
	to->redundant = !from->is_degraded;
}

static void put_partitions(struct agent_world *world, struct stat_parts *parts)
{
	for (size_t i = 0; i < WORLD_LPARS; i++) {
		struct world_partition *from = &world->partitions[i];
		Tarn__PartitionStat *to = &parts->partitions[parts->stat.n_partitions];

		if (from->name[0] == '\0')
			continue;
		tarn__partition_stat__init(to);
		to->name = from->name;
		to->run_id = from->run_id;
		to->state = from->state;
		to->mode = from->mode;
		to->reason = from->reason;
		to->has_pid = from->pid != 0;
		to->pid = from->pid;
		to->has_verify_passes = true;
		to->verify_passes = from->passes;
		to->has_pages_verified = true;
		to->pages_verified = from->passes > 0 ? from->mem_bytes / HV_PAGE_BYTES
						      : 0;
		to->has_checksum_errors = true;
		to->checksum_errors = from->checksum_errors;
		put_memory(parts, from);
		put_mirror(to, from);
		if (world->has_paging)
			put_paging(world, from, to);
		parts->partition_list[parts->stat.n_partitions++] = to;
	}
	parts->stat.partitions = parts->partition_list;
}

static void put_vios(struct agent_world *world, struct stat_parts *parts)
{
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++) {
		struct world_vios *from = &world->vios[i];
		Tarn__ViosStat *to = &parts->vios[parts->stat.n_vios];

		if (from->name[0] == '\0')
			continue;
		tarn__vios_stat__init(to);
		to->name = from->name;
		to->state = from->state;
		to->has_epoch = world->has_paging;
		to->epoch = from->epoch;
		parts->vios_list[parts->stat.n_vios++] = to;
	}
	parts->stat.vios = parts->vios_list;
}

static void put_stat(struct agent_world *world, struct stat_parts *parts)
{
	tarn__host_stat__init(&parts->stat);
	tarn__pool_stat__init(&parts->pool);
	parts->stat.has_audit_ok = true;
	parts->stat.audit_ok = true;
	parts->stat.has_lmbs_hypervisor = true;
	parts->stat.lmbs_hypervisor = world->reserved > 0 ? world->reserved : 1;
	if (world->pool_is_set) {
		parts->pool.pool_bytes = world->pool_bytes;
		parts->pool.max_bytes = world->pool_max;
		parts->stat.pool = &parts->pool;
	}
	put_partitions(world, parts);
	put_vios(world, parts);
	if (world->failover != NULL) {
		parts->failovers[0] = world->failover;
		parts->stat.failovers = parts->failovers;
		parts->stat.n_failovers = 1;
	}
}

/* ---- requests ---- */

static enum hv_code define(struct agent_world *world, const Tarn__HvPartitionDefine *want,
			   Tarn__HvPartitionDefined *ret, Tarn__Error *error,
			   char text[64])
{
	struct world_partition *partition = world_partition(world, want->name);

	if (world->define_code != HV_OK)
		return world_hv_fail(error, text, world->define_code,
				     "not defined, as told");
	if (want->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
	    (!world->pool_is_set || want->device == NULL))
		world_fail(world, "a shared partition before its pool", want->name);
	if (partition == NULL) {
		partition = world_partition(world, "");
		HV_INVARIANT(partition != NULL);
		*partition = (struct world_partition){
			.run_id = want->run_id,
			.mode = want->mode,
			.mem_bytes = want->mem_bytes,
			.max_bytes = want->max_bytes,
			.weight = want->weight,
			.entitled_bytes = world_hv_entitled(want->entitled_bytes),
			.state = TARN__PARTITION_STATE__PARTITION_DEFINED
		};
		(void)snprintf(partition->name, sizeof(partition->name), "%s",
			       want->name);
		if (want->device != NULL)
			world_hv_take_device(partition, want->device);
		for (size_t i = 0; i < HV_TOKEN_BYTES; i++)
			partition->token[i] = (uint8_t)hv_rng_next(&world->rng);
	}
	if (partition->run_id != want->run_id)
		return world_hv_fail(error, text, HV_E_EXISTS, "another run is defined");
	ret->token.data = partition->token;
	ret->token.len = HV_TOKEN_BYTES;
	return HV_OK;
}

static enum hv_code remove_partition(struct agent_world *world,
				     const Tarn__HvPartitionRemove *want,
				     Tarn__Error *error, char text[64])
{
	struct world_partition *partition = world_partition(world, want->name);

	if (partition == NULL || partition->run_id != want->run_id)
		return world_hv_fail(error, text, HV_E_NOTFOUND, "no such partition");
	if (partition->state != TARN__PARTITION_STATE__PARTITION_DEFINED &&
	    partition->state != TARN__PARTITION_STATE__PARTITION_ENDED)
		return world_hv_fail(error, text, HV_E_BUSY, "it runs");
	*partition = (struct world_partition){ 0 };
	return HV_OK;
}

static enum hv_code control(struct agent_world *world,
			    const Tarn__HvPartitionControl *want, Tarn__Error *error,
			    char text[64])
{
	struct world_partition *partition = world_partition(world, want->name);
	struct world_process *process = world_find(world, AGENT_PARTITION, want->name);
	struct world_happening *it;

	if (partition == NULL || partition->run_id != want->run_id ||
	    partition->state != TARN__PARTITION_STATE__PARTITION_RUNNING)
		return world_hv_fail(error, text, HV_E_STATE, "it does not run");
	if (want->command_id == partition->last_command)
		return HV_OK;
	partition->last_command = want->command_id;
	switch (want->command) {
	case TARN__PARTITION_COMMAND__PARTITION_COMMAND_SHUTDOWN:
		if (process == NULL || process->is_dying || process->is_stubborn)
			return HV_OK;
		it = world_at(world, world_between(world, 10, 200), WORLD_DIES);
		it->a = (uint64_t)process->instance.pid;
		return HV_OK;
	case TARN__PARTITION_COMMAND__PARTITION_COMMAND_VERIFY:
		it = world_at(world, world_between(world, 50, 500), WORLD_VERIFIED);
		it->a = want->run_id;
		(void)snprintf(it->name, sizeof(it->name), "%s", want->name);
		return HV_OK;
	default:
		return HV_OK;
	}
}

static void elect(struct agent_world *world)
{
	bool has_active = false;

	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++)
		has_active |= world->vios[i].state == TARN__VIOS_STATE__VIOS_ACTIVE;
	for (size_t i = 0; i < HV_HOST_VIOS_MAX && !has_active; i++) {
		if (world->vios[i].state != TARN__VIOS_STATE__VIOS_STANDBY)
			continue;
		world->vios[i].state = TARN__VIOS_STATE__VIOS_ACTIVE;
		has_active = true;
	}
}

static char *copy(const char *text)
{
	char *own = strdup(text);

	HV_INVARIANT(own != NULL);
	return own;
}

/* `from` was active and is not any more. */
static void note_failover(struct agent_world *world, const char *from, const char *kind)
{
	Tarn__Failover *failover = malloc(sizeof(*failover));
	const char *to = "";

	HV_INVARIANT(failover != NULL);
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++) {
		if (world->vios[i].state == TARN__VIOS_STATE__VIOS_ACTIVE)
			to = world->vios[i].name;
	}
	tarn__failover__init(failover);
	failover->number = ++world->failover_number;
	failover->kind = copy(kind);
	failover->from = copy(from);
	failover->to = copy(to);
	failover->wall_ms = world->now_ms;
	if (world->failover != NULL)
		tarn__failover__free_unpacked(world->failover, NULL);
	world->failover = failover;
}

/* A VIOS has a new state: who is active now? */
static void move(struct agent_world *world, struct world_vios *vios,
		 Tarn__ViosState state, const char *kind)
{
	bool was_active = vios->state == TARN__VIOS_STATE__VIOS_ACTIVE;
	char name[HV_NAME_BYTES];

	memcpy(name, vios->name, sizeof(name));
	vios->state = state;
	if (!vios->is_expected)
		*vios = (struct world_vios){ 0 };
	elect(world);
	if (was_active && world->has_paging)
		note_failover(world, name, kind);
}

static enum hv_code fail_back(struct agent_world *world, const Tarn__HvFailback *want,
			      Tarn__Error *error, char text[64])
{
	world->failbacks++;
	if (world->failback_code != HV_OK)
		return world_hv_fail(error, text, world->failback_code,
				     "its primary is not ready");
	(void)snprintf(world->failed_back, sizeof(world->failed_back), "%s",
		       want->partition != NULL ? want->partition : "");
	return HV_OK;
}

/* A place of one that is gone, for a name that has none; false: not yet. */
static bool has_place(struct agent_world *world, const Tarn__HvViosExpect *want,
		      const char *name)
{
	if (world_vios(world, name) != NULL)
		return true;
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++) {
		struct world_vios *vios = &world->vios[i];
		bool is_wanted = false;

		for (size_t k = 0; k < want->n_names; k++)
			is_wanted |= strcmp(want->names[k], vios->name) == 0;
		if (is_wanted || (vios->name[0] != '\0' &&
				  world_find(world, AGENT_VIOS, vios->name) != NULL))
			continue;
		*vios = (struct world_vios){ .state = TARN__VIOS_STATE__VIOS_DOWN };
		(void)snprintf(vios->name, sizeof(vios->name), "%s", name);
		return true;
	}
	return false;
}

static void expect(struct agent_world *world, const Tarn__HvViosExpect *want)
{
	world->failback_ms = want->failback_ms;
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++)
		world->vios[i].is_expected = world->vios[i].is_maintained = false;
	for (size_t i = 0; i < want->n_names; i++) {
		struct world_vios *vios = world_vios(world, want->names[i]);

		if (vios == NULL)
			vios = world_vios(world, "");
		HV_INVARIANT(vios != NULL);
		(void)snprintf(vios->name, sizeof(vios->name), "%s", want->names[i]);
		if (vios->state == 0)
			vios->state = TARN__VIOS_STATE__VIOS_DOWN;
		vios->is_expected = true;
		for (size_t k = 0; k < want->n_maintained; k++)
			vios->is_maintained |= strcmp(want->maintained[k], vios->name) ==
					       0;
	}
	for (size_t i = 0; i < HV_HOST_VIOS_MAX; i++) {
		struct world_vios *vios = &world->vios[i];
		struct world_happening *it;

		if (vios->name[0] == '\0')
			continue;
		if (vios->is_expected && !vios->is_maintained) {
			if (vios->state == TARN__VIOS_STATE__VIOS_MAINTENANCE)
				vios->state = TARN__VIOS_STATE__VIOS_DOWN;
			continue;
		}
		it = world_at(world, world_between(world, 1, 100), WORLD_VIOS_MOVED);
		(void)snprintf(it->name, sizeof(it->name), "%s", vios->name);
	}
	elect(world);
}

void world_hv_vios_moved(struct agent_world *world, const char *name)
{
	struct world_vios *vios = world_vios(world, name);
	struct world_process *process = world_find(world, AGENT_VIOS, name);

	if (vios == NULL || (vios->is_expected && !vios->is_maintained))
		return;
	move(world, vios,
	     vios->is_expected ? TARN__VIOS_STATE__VIOS_MAINTENANCE
			       : TARN__VIOS_STATE__VIOS_ABSENT,
	     "planned");
	if (process != NULL && !process->is_stubborn)
		world_die(world, process, 0); /* its session was closed */
}

static enum hv_code carry_out(struct agent_world *world, const Tarn__HvRequest *request,
			      Tarn__HvReply *reply, Tarn__HvPartitionDefined *token,
			      struct stat_parts *parts, Tarn__Error *error, char text[64])
{
	switch (request->kind_case) {
	case TARN__HV_REQUEST__KIND_STAT:
		world->stats++;
		(void)snprintf(world->trace, sizeof(world->trace), "%s",
			       request->stat->trace != NULL ? request->stat->trace : "");
		put_stat(world, parts);
		reply->stat = &parts->stat;
		return HV_OK;
	case TARN__HV_REQUEST__KIND_POOL_SET:
		if (world->pool_code != HV_OK)
			return world_hv_fail(error, text, world->pool_code,
					     "no pool, as told");
		world->pool_is_set = true;
		world->pool_bytes = request->pool_set->mem_bytes;
		world->pool_max = request->pool_set->max_bytes;
		return HV_OK;
	case TARN__HV_REQUEST__KIND_POOL_REMOVE:
		world->pool_is_set = false;
		return HV_OK;
	case TARN__HV_REQUEST__KIND_RESERVE_SET:
		if (world->reserve_code != HV_OK)
			return world_hv_fail(error, text, world->reserve_code,
					     "no block, as told");
		world->reserved = request->reserve_set->lmbs;
		return HV_OK;
	case TARN__HV_REQUEST__KIND_DEFINE:
		reply->defined = token;
		return define(world, request->define, token, error, text);
	case TARN__HV_REQUEST__KIND_REMOVE:
		return remove_partition(world, request->remove, error, text);
	case TARN__HV_REQUEST__KIND_CONTROL:
		return control(world, request->control, error, text);
	case TARN__HV_REQUEST__KIND_RESIZE:
		return world_hv_resize(world, request->resize, error, text);
	case TARN__HV_REQUEST__KIND_SHARE:
		return world_hv_share(world, request->share, error, text);
	case TARN__HV_REQUEST__KIND_VIOS_EXPECT:
		if (world->leaving_is_refused && request->vios_expect->n_maintained > 0)
			return world_hv_fail(error, text, HV_E_REFUSED,
					     "it is the only one");
		for (size_t i = 0; i < request->vios_expect->n_names; i++)
			if (!has_place(world, request->vios_expect,
				       request->vios_expect->names[i]))
				return world_hv_fail(error, text, HV_E_AGAIN,
						     "one is not gone yet");
		expect(world, request->vios_expect);
		return HV_OK;
	case TARN__HV_REQUEST__KIND_DEVICE:
		return world_hv_change(world, request->device, error, text);
	case TARN__HV_REQUEST__KIND_PRIMARY:
		return world_hv_primary(world, request->primary, error, text);
	case TARN__HV_REQUEST__KIND_FAILBACK:
		return fail_back(world, request->failback, error, text);
	default:
		world_fail(world, "an unknown request", "");
	}
}

void world_hv_ask(struct agent_world *world, uint32_t tag, const Tarn__HvRequest *request,
		  uint64_t deadline_ms)
{
	struct world_process *hv = world_find(world, AGENT_HYPERVISOR, "");
	Tarn__HvReply reply = TARN__HV_REPLY__INIT;
	Tarn__HvPartitionDefined token = TARN__HV_PARTITION_DEFINED__INIT;
	Tarn__Error error = TARN__ERROR__INIT;
	struct stat_parts parts = { 0 };
	struct world_happening *it;
	uint8_t *bytes = NULL;
	size_t count = 0;
	char text[64];

	if (hv == NULL || !hv->is_attached || world->hypervisor_is_stopped) {
		it = world_at(world, hv == NULL ? 1 : deadline_ms, WORLD_ANSWER);
		it->agent = world->config.incarnation;
		it->a = tag;
		it->code = hv == NULL ? HV_E_GONE : HV_E_TIMEOUT;
		return;
	}
	if (carry_out(world, request, &reply, &token, &parts, &error, text) != HV_OK) {
		reply.error = &error;
		reply.defined = NULL;
	}
	if (hv_message_encode(&reply.base, &bytes, &count, NULL) != HV_OK)
		world_fail(world, "a reply does not encode", "");
	it = world_at(world, world_between(world, 0, 8), WORLD_ANSWER);
	it->agent = world->config.incarnation;
	it->a = tag;
	it->message = bytes;
	it->b = (int64_t)count;
}

/* ---- processes ---- */

void world_hv_attach(struct agent_world *world, struct world_process *process)
{
	struct world_process *hv = world_find(world, AGENT_HYPERVISOR, "");
	struct world_partition *partition = world_partition(world, process->name);
	struct world_vios *vios = world_vios(world, process->name);

	if (process->kind == AGENT_HYPERVISOR) {
		process->is_attached = true;
		return;
	}
	if (hv == NULL || !hv->is_attached) {
		world_die(world, process, 1);
		return;
	}
	if (process->kind == AGENT_VIOS) {
		if (vios == NULL || !vios->is_expected || vios->is_maintained) {
			world_die(world, process, 1);
			return;
		}
		process->is_attached = true;
		vios->epoch = ++world->vios_epoch;
		vios->state = TARN__VIOS_STATE__VIOS_STANDBY;
		elect(world);
		return;
	}
	if (partition == NULL || partition->run_id != process->run_id ||
	    partition->state != TARN__PARTITION_STATE__PARTITION_DEFINED ||
	    memcmp(partition->token, process->token, HV_TOKEN_BYTES) != 0) {
		world_die(world, process, 1);
		return;
	}
	if (world_ran(world, process->name, process->run_id))
		world_fail(world, "a run attaches twice", process->name);
	HV_INVARIANT(world->attached_count < WORLD_RUNS);
	world->attached[world->attached_count].run_id = process->run_id;
	memcpy(world->attached[world->attached_count++].name, process->name,
	       HV_NAME_BYTES);
	process->is_attached = true;
	partition->state = TARN__PARTITION_STATE__PARTITION_RUNNING;
	partition->pid = process->instance.pid;
}

void world_hv_ended(struct agent_world *world, const struct world_process *process)
{
	struct world_partition *partition = world_partition(world, process->name);
	struct world_vios *vios = world_vios(world, process->name);

	if (process->kind == AGENT_PARTITION && partition != NULL &&
	    process->is_attached && partition->run_id == process->run_id) {
		partition->state = TARN__PARTITION_STATE__PARTITION_ENDED;
		(void)snprintf(partition->reason, sizeof(partition->reason),
			       "process ended");
	}
	if (process->kind != AGENT_VIOS || vios == NULL || !process->is_attached)
		return;
	move(world, vios,
	     vios->is_maintained ? TARN__VIOS_STATE__VIOS_MAINTENANCE
				 : TARN__VIOS_STATE__VIOS_DOWN,
	     "exit");
}

void world_hv_gone(struct agent_world *world)
{
	struct world_happening *check;

	world->reserved = 0;
	world->pool_is_set = false;
	memset(world->partitions, 0, sizeof(world->partitions));
	memset(world->vios, 0, sizeof(world->vios));
	if (world->failover != NULL)
		tarn__failover__free_unpacked(world->failover, NULL);
	world->failover = NULL;
	world->failover_number = 0;
	world->hypervisor_lost_ms = world->now_ms;
	check = world_at(world, 2000, WORLD_CHECK_LOST);
	check->agent = world->core != NULL ? world->config.incarnation : UINT64_MAX;
	check->a = world->now_ms;
	for (size_t i = 0; i < WORLD_PROCESSES; i++) {
		struct world_process *it = &world->processes[i];
		bool dies = it->kind == AGENT_VIOS ? !it->is_stubborn
						   : !world->partitions_outlive;

		if (it->instance.pid == 0 || it->kind == AGENT_HYPERVISOR ||
		    it->kind == AGENT_EXPORTER || !dies)
			continue;
		world_die(world, it, it->kind == AGENT_VIOS ? 1 : -SIGKILL);
	}
}
