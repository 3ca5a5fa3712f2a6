/* agent_world_memory - the model hypervisor's partitions get and give memory. */
#include "tests/support/agent_world_hv.h"

#include <stdio.h>

enum hv_code world_hv_fail(Tarn__Error *error, char text[64], enum hv_code code,
			   const char *why)
{
	(void)snprintf(text, 64, "%s", why);
	error->code = code;
	error->text = text;
	return code;
}

uint64_t world_hv_entitled(uint64_t asked)
{
	return asked != 0 ? asked : UINT64_C(1564672);
}

static void plan_resized(struct agent_world *world, const struct world_partition *it)
{
	struct world_happening *step = world_at(world, world_between(world, 5, 300),
						WORLD_RESIZED);

	step->a = it->resize_generation;
	(void)snprintf(step->name, sizeof(step->name), "%s", it->name);
}

/* As the real one: the same generation is the same order, one at a time. */
enum hv_code world_hv_resize(struct agent_world *world,
			     const Tarn__HvPartitionResize *want, Tarn__Error *error,
			     char text[64])
{
	struct world_partition *it = world_partition(world, want->name);

	if (it == NULL || it->run_id != want->run_id ||
	    it->state != TARN__PARTITION_STATE__PARTITION_RUNNING)
		return world_hv_fail(error, text, HV_E_STATE, "it does not run");
	if (want->generation == it->resize_generation)
		return HV_OK;
	if (want->generation < it->resize_generation)
		return world_hv_fail(error, text, HV_E_STALE, "it has had a later one");
	if (it->resize_generation != 0 && !it->resize_is_done)
		return world_hv_fail(error, text, HV_E_BUSY,
				     "its memory is being changed");
	if (world->resize_code != HV_OK)
		return world_hv_fail(error, text, world->resize_code,
				     "not resized, as told");
	if (want->mem_bytes > it->max_bytes || want->mem_bytes == 0)
		return world_hv_fail(error, text, HV_E_INVAL, "beyond its maximum");
	it->resize_generation = want->generation;
	it->resize_target = want->mem_bytes;
	it->resize_code = HV_OK;
	it->resize_is_done = want->mem_bytes >= it->mem_bytes;
	if (it->resize_is_done)
		it->mem_bytes = want->mem_bytes;
	else
		plan_resized(world, it);
	return HV_OK;
}

enum hv_code world_hv_share(struct agent_world *world, const Tarn__HvPartitionShare *want,
			    Tarn__Error *error, char text[64])
{
	struct world_partition *it = world_partition(world, want->name);

	if (it == NULL || it->run_id != want->run_id)
		return world_hv_fail(error, text, HV_E_NOTFOUND, "no such partition");
	if (it->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		world_fail(world, "a share of dedicated memory", want->name);
	world->shares++;
	if (world->share_code != HV_OK)
		return world_hv_fail(error, text, world->share_code, "no room, as told");
	it->weight = want->weight;
	it->entitled_bytes = world_hv_entitled(want->entitled_bytes);
	return HV_OK;
}

/* A block at a time; or what it gives at most, and then no more. */
void world_hv_resized(struct agent_world *world, const char *name, uint64_t generation)
{
	struct world_partition *it = world_partition(world, name);
	uint64_t left;

	if (it == NULL || it->resize_generation != generation || it->resize_is_done ||
	    it->state != TARN__PARTITION_STATE__PARTITION_RUNNING)
		return;
	left = it->mem_bytes - it->resize_target;
	if (world->gives_at_most != 0) {
		it->mem_bytes -= left < world->gives_at_most ? left
							     : world->gives_at_most;
		it->resize_code = it->mem_bytes == it->resize_target ? HV_OK
								     : HV_E_TIMEOUT;
		it->resize_is_done = true;
		return;
	}
	it->mem_bytes -= left > WORLD_LMB_BYTES ? WORLD_LMB_BYTES : left;
	it->resize_is_done = it->mem_bytes == it->resize_target;
	if (!it->resize_is_done)
		plan_resized(world, it);
}

/* ---- devices, and who is asked for them ---- */

void world_hv_take_device(struct world_partition *partition, const Tarn__HvDevice *device)
{
	(void)snprintf(partition->path, sizeof(partition->path), "%s", device->path);
	(void)snprintf(partition->device_name, sizeof(partition->device_name), "%s",
		       device->name);
	if (device->primary != NULL)
		(void)snprintf(partition->primary, sizeof(partition->primary), "%s",
			       device->primary);
	if (device->vios != NULL)
		(void)snprintf(partition->vios, sizeof(partition->vios), "%s",
			       device->vios);
	if (device->mirror == NULL)
		return;
	(void)snprintf(partition->mirror, sizeof(partition->mirror), "%s",
		       device->mirror->path);
	(void)snprintf(partition->mirror_name, sizeof(partition->mirror_name), "%s",
		       device->mirror->name);
}

/* The copy is done when the test says so: `missed` of the partition is 0. */
enum hv_code world_hv_change(struct agent_world *world,
			     const Tarn__HvPartitionDevice *want, Tarn__Error *error,
			     char text[64])
{
	struct world_partition *partition = world_partition(world, want->name);

	world->changes++;
	if (want->device->primary != NULL)
		world_fail(world, "a primary that comes with another device", want->name);
	if (partition == NULL || partition->run_id != want->run_id)
		return world_hv_fail(error, text, HV_E_NOTFOUND, "no such run");
	if (world->change_code != HV_OK)
		return world_hv_fail(error, text, world->change_code, "as told");
	(void)snprintf(world->change_to, sizeof(world->change_to), "%s",
		       want->device->name);
	if (world->change_waits)
		return HV_OK;
	partition->mirror[0] = partition->mirror_name[0] = '\0';
	world_hv_take_device(partition, want->device);
	partition->missed = world->change_missed;
	return HV_OK;
}

enum hv_code world_hv_primary(struct agent_world *world,
			      const Tarn__HvPartitionPrimary *want, Tarn__Error *error,
			      char text[64])
{
	struct world_partition *partition = world_partition(world, want->name);

	if (partition == NULL || partition->run_id != want->run_id)
		return world_hv_fail(error, text, HV_E_NOTFOUND, "no such run");
	(void)snprintf(partition->primary, sizeof(partition->primary), "%s",
		       want->primary);
	world->primaries++;
	return HV_OK;
}
