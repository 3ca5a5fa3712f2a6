/* disk - see disk.h. The lower half runs on the I/O thread. */
#include "hvcore/io/disk.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"

static_assert(HV_DISK_REQUESTS == 32, "a bit of a uint32_t each");
static_assert(HV_DISK_REQUESTS <= HV_IO_RING_SLOTS, "all may be finished at once");

static const struct hv_scsi_sense no_page = HV_SENSE_NO_PAGE;

size_t hv_disk_memory_bytes(void)
{
	return sizeof(struct hv_disk) + (size_t)HV_DISK_DEPTH * HV_DISK_TRANSFER_BYTES;
}

enum hv_code hv_disk_open(int fd, uint64_t bytes, struct hv_io_memory *memory,
			  struct hv_io_owner *owner, struct hv_disk **ret_disk,
			  struct hv_err *err)
{
	struct hv_disk *disk = calloc(1, sizeof(*disk));
	uint8_t *buffers = calloc(HV_DISK_DEPTH, HV_DISK_TRANSFER_BYTES);

	if (disk == NULL || buffers == NULL) {
		(void)close(fd);
		free(disk);
		free(buffers);
		return hv_fail(err, HV_E_NOMEM, "a virtual disk");
	}
	disk->fd = fd;
	disk->bytes = bytes;
	disk->memory = memory;
	disk->owner = owner;
	disk->free = UINT32_MAX;
	disk->last = &disk->first;
	disk->buffers = buffers;
	disk->buffers_free = HV_BIT(HV_DISK_DEPTH) - 1;
	for (unsigned i = 0; i < HV_DISK_REQUESTS; i++) {
		disk->requests[i].disk = disk;
		disk->requests[i].index = (uint16_t)i;
	}
	*ret_disk = disk;
	return HV_OK;
}

void hv_disk_close(struct hv_disk *disk)
{
	if (disk == NULL)
		return;
	HV_INVARIANT(hv_disk_is_idle(disk));
	(void)close(disk->fd);
	free(disk->buffers);
	free(disk);
}

/* ---- the fault thread ---- */

struct hv_disk_request *hv_disk_take(struct hv_disk *disk)
{
	struct hv_disk_request *request;

	if (disk->free == 0)
		return NULL;
	request = &disk->requests[__builtin_ctz(disk->free)];
	disk->free &= disk->free - 1;
	request->iu_count = request->data_count = 0;
	request->copied = 0;
	request->is_device_error = false;
	return request;
}

void hv_disk_give(struct hv_disk_request *request)
{
	uint32_t bit = HV_BIT(request->index);

	HV_INVARIANT((request->disk->free & bit) == 0);
	request->disk->free |= bit;
}

void hv_disk_submit(struct hv_io_engine *engine, struct hv_disk_request *request)
{
	request->disk->submitted++;
	request->job.kind = HV_IO_REQUEST;
	hv_io_engine_post(engine, &request->job);
}

struct hv_disk_request *hv_disk_finished(struct hv_disk *disk)
{
	uint16_t index;

	return hv_io_ring_take(&disk->finished, &index) ? &disk->requests[index] : NULL;
}

unsigned hv_disk_under_way(const struct hv_disk *disk)
{
	return (unsigned)__builtin_popcount(~disk->free);
}

bool hv_disk_is_idle(const struct hv_disk *disk)
{
	return atomic_load_explicit(&disk->settled, memory_order_acquire) ==
	       disk->submitted;
}

/* ---- the I/O thread ---- */

static void fail_page(struct hv_disk_plan *plan)
{
	hv_disk_fail(plan, 0);
	plan->response.sense = no_page;
}

static uint8_t *take_buffer(struct hv_disk *disk)
{
	unsigned index = (unsigned)__builtin_ctz(disk->buffers_free);

	disk->buffers_free &= disk->buffers_free - 1;
	return disk->buffers + (size_t)index * HV_DISK_TRANSFER_BYTES;
}

static void give_buffer(struct hv_disk *disk, struct hv_disk_request *request)
{
	if (request->buffer == NULL)
		return;
	disk->buffers_free |=
		HV_BIT((unsigned)((size_t)(request->buffer - disk->buffers) /
				  HV_DISK_TRANSFER_BYTES));
	request->buffer = NULL;
}

/* IO4: data before the response, and both before anybody is told. */
static void answer(struct hv_disk *disk, struct hv_disk_request *request)
{
	struct hv_disk_plan *plan = &request->plan;
	const uint8_t *data = request->buffer;
	uint8_t iu[HV_SRP_IU_BYTES];

	if (!hv_gate_enter(&disk->gate))
		return;
	if (plan->work == HV_DISK_ANSWER)
		data = plan->data;
	if ((plan->work == HV_DISK_ANSWER || plan->work == HV_DISK_READ) &&
	    plan->bytes > 0) {
		if (hv_io_copy_out(disk->memory, request->data, request->data_count, data,
				   plan->bytes))
			request->copied = plan->bytes;
		else
			fail_page(plan);
	}
	hv_srp_response_put(iu, &plan->response);
	/* its own page that it threw away: it is told nothing, and only it */
	(void)!hv_io_copy_out(disk->memory, request->iu, request->iu_count, iu,
			      sizeof(iu));
	hv_gate_leave(&disk->gate);
}

static void finish(struct hv_disk *disk, struct hv_disk_request *request)
{
	answer(disk, request);
	give_buffer(disk, request);
	HV_INVARIANT(hv_io_ring_put(&disk->finished, request->index));
}

static bool copy_data_in(struct hv_disk *disk, struct hv_disk_request *request)
{
	bool is_there;

	if (!hv_gate_enter(&disk->gate))
		return false;
	is_there = hv_io_copy_in(disk->memory, request->data, request->data_count,
				 request->buffer);
	hv_gate_leave(&disk->gate);
	if (is_there)
		request->copied = request->plan.bytes;
	else
		fail_page(&request->plan);
	return is_there;
}

static void queue(struct hv_io_engine *engine, struct hv_disk_request *request)
{
	static const enum hv_aio_kind kinds[] = {
		[HV_DISK_READ] = HV_AIO_READ,
		[HV_DISK_WRITE] = HV_AIO_WRITE,
		[HV_DISK_SYNC] = HV_AIO_SYNC,
	};
	struct hv_aio_op op = {
		.kind = kinds[request->plan.work],
		.may_block = true, /* IO5: nobody else waits for this device */
		.fd = request->disk->fd,
		.at = request->buffer,
		.bytes = request->plan.work == HV_DISK_SYNC ? 0 : request->plan.bytes,
		.offset = request->plan.offset,
	};

	HV_INVARIANT(engine->free_count >
		     0); /* disks are bounded, and each has its depth */
	op.cookie = engine->free[--engine->free_count];
	engine->active[op.cookie] = request;
	engine->aio->ops->queue(engine->aio, &op);
}

/* true: it is finished already. */
static bool begin(struct hv_io_engine *engine, struct hv_disk_request *request)
{
	struct hv_disk *disk = request->disk;

	/* IO3: nobody is there who would be told what the device says */
	if (request->plan.work == HV_DISK_ANSWER || hv_gate_is_cut(&disk->gate)) {
		finish(disk, request);
		return true;
	}
	request->buffer = take_buffer(disk);
	if (request->plan.work == HV_DISK_WRITE && !copy_data_in(disk, request)) {
		finish(disk, request);
		return true;
	}
	queue(engine, request);
	return false;
}

/* `finished` already are. The disk may be gone when the last of them is settled. */
static void go_on(struct hv_io_engine *engine, struct hv_disk *disk, unsigned finished)
{
	while (disk->first != NULL &&
	       (disk->buffers_free != 0 || disk->first->plan.work == HV_DISK_ANSWER)) {
		struct hv_disk_request *request = disk->first;

		disk->first = request->next;
		if (disk->first == NULL)
			disk->last = &disk->first;
		finished += begin(engine, request);
	}
	if (finished == 0)
		return;
	disk->owner->notify(disk->owner);
	(void)atomic_fetch_add_explicit(&disk->settled, finished, memory_order_release);
}

void hv_io_run_request(struct hv_io_engine *engine, struct hv_disk_request *request)
{
	struct hv_disk *disk = request->disk;

	request->next = NULL;
	*disk->last = request;
	disk->last = &request->next;
	go_on(engine, disk, 0);
}

void hv_io_run_done(struct hv_io_engine *engine, struct hv_disk_request *request,
		    int result)
{
	struct hv_disk *disk = request->disk;
	bool is_sync = request->plan.work == HV_DISK_SYNC;

	/* a short one is what a full or failing file system says first */
	if (result < 0 || (!is_sync && (uint32_t)result != request->plan.bytes)) {
		bool is_short_write = result >= 0 && request->plan.work == HV_DISK_WRITE;

		request->is_device_error = true;
		request->copied = 0;
		hv_disk_fail(&request->plan, is_short_write ? ENOSPC : -result);
	}
	finish(disk, request);
	go_on(engine, disk, 1);
}
