/* io_disk - calls and answers of virtual disks; see io.h. All of it is F's. */
#include "hvcore/hypervisor/io.h"

#define CRQ_VALID_BYTES 1 /* of an entry: the byte that says so */

static void release(struct io *io, struct hv_disk_request *request)
{
	hv_tces_release(io->tces, request->iu, request->iu_count);
	hv_tces_release(io->tces, request->data, request->data_count);
	request->iu_count = request->data_count = 0;
}

static int64_t take_command(struct io *io, struct hv_disk_request *request,
			    struct hv_srp_command *ret_command)
{
	uint8_t iu[HV_SRP_IU_BYTES]; /* H7: read once */

	if (!hv_io_copy_in(&io->memory, request->iu, request->iu_count, iu) ||
	    !hv_srp_command_take(iu, ret_command))
		return H_PARAMETER;
	return H_SUCCESS;
}

static int64_t hold_data(struct io *io, uint64_t unit,
			 const struct hv_srp_command *command,
			 struct hv_disk_request *request)
{
	if (command->direction == HV_SRP_NONE)
		return H_SUCCESS;
	return io_hold(io, unit, command->address, command->bytes,
		       command->direction == HV_SRP_OUT ? HV_TCE_READ : HV_TCE_WRITE,
		       request->data, &request->data_count);
}

/* What fails leaves nothing held. */
static int64_t prepare(struct io *io, uint64_t unit, uint64_t address,
		       struct hv_disk_request *request)
{
	struct hv_srp_command command;
	int64_t code = io_hold(io, unit, address, HV_SRP_IU_BYTES,
			       HV_TCE_READ | HV_TCE_WRITE, request->iu,
			       &request->iu_count);

	if (code != H_SUCCESS)
		return code;
	code = take_command(io, request, &command);
	if (code == H_SUCCESS)
		code = hold_data(io, unit, &command, request);
	if (code == H_SUCCESS)
		hv_disk_plan(&command, request->disk->bytes, &request->plan);
	else
		release(io, request);
	return code;
}

static int64_t send(struct io *io, struct io_disk *disk, const uint64_t *args)
{
	struct hv_disk_request *request;
	int64_t code;

	if (!disk->queue.is_registered)
		return H_CLOSED;
	if (args[1] != hv_crq_high())
		return H_PARAMETER;
	request = hv_disk_take(disk->disk);
	if (request == NULL)
		return H_BUSY;
	code = prepare(io, args[0], args[2], request);
	if (code == H_SUCCESS)
		hv_disk_submit(io->engine, request);
	else
		hv_disk_give(request);
	return code;
}

static int64_t free_queue(struct io *io, struct io_disk *disk)
{
	if (!disk->queue.is_registered)
		return H_CLOSED;
	if (hv_disk_under_way(disk->disk) > 0)
		return H_LONG_BUSY_1_MSEC;
	io_queue_close(io, &disk->queue);
	return H_SUCCESS;
}

int64_t io_serve_disk(struct io *io, const struct hv_hcall_ask *ask)
{
	struct io_disk *disk = io_find_disk(io, ask->args[0]);

	if (disk == NULL)
		return H_PARAMETER;
	switch (ask->number) {
	case H_REG_CRQ:
		return io_queue_open(io, &disk->queue, ask->args[0], ask->args[1],
				     ask->args[2]);
	case H_FREE_CRQ:
		return free_queue(io, disk);
	default:
		return send(io, disk, ask->args);
	}
}

bool io_disk_take_finished(struct io *io, struct io_disk *disk)
{
	struct hv_disk_request *request;
	bool has_answer = false;

	while (disk->disk != NULL && (request = hv_disk_finished(disk->disk)) != NULL) {
		uint8_t entry[HV_IO_ENTRY_BYTES];

		if (!io->is_over) {
			struct hv_crq crq = { request->plan.response.tag };

			io->counts.transfers++;
			io->counts.bytes += request->copied;
			io->counts.errors += request->is_device_error;
			release(io, request); /* IO4: before it is told */
			hv_crq_put(entry, &crq);
			io_queue_put(io, &disk->queue, entry, CRQ_VALID_BYTES);
			has_answer = true;
		}
		hv_disk_give(request);
	}
	return has_answer;
}

/* IO3: the gate first; then the I/O thread reads no span any more. */
bool io_disk_cut(struct io *io, struct io_disk *disk)
{
	if (!hv_gate_cut(&disk->disk->gate))
		return false;
	(void)io_disk_take_finished(io, disk);
	if (io->tces == NULL)
		return true;
	for (unsigned i = 0; i < HV_DISK_REQUESTS; i++)
		release(io, &disk->disk->requests[i]);
	io_queue_close(io, &disk->queue);
	return true;
}
