/* io - see io.h: from its files' opening to the cut. */
#include "hvcore/hypervisor/io.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/hypervisor/io_file.h"
#include "hvcore/wire/lpar_adapters.h"

/* ---- what may be asked for ---- */

enum hv_code io_check(const Tarn__HvPartitionDefine *ask, struct hv_err *err)
{
	const struct hv_adapters adapters = {
		.windows = ask->virtual_adapters,
		.disk_count = ask->n_disks,
		.ethernet_count = ask->n_ethernets,
		.disks = ask->disks,
		.ethernets = ask->ethernets,
	};

	return hv_adapters_check(&adapters, err);
}

uint64_t io_memory_bytes(unsigned disks, unsigned ethernets)
{
	if (disks + ethernets == 0)
		return 0;
	return sizeof(struct io) + (uint64_t)disks * hv_disk_memory_bytes() +
	       (uint64_t)ethernets * sizeof(struct hv_lan_port);
}

/* ---- the loop: what workers do ---- */

/* Without a disk there is no file, and no worker is waited for. */
static void start_work(struct io *io, struct hv_workers *workers,
		       void (*run)(struct hv_work *work),
		       void (*done)(struct hv_job *job))
{
	io->work.run = run;
	io->job = (struct hv_job){ .run = done };
	io->is_out = true;
	if (io->disk_count > 0)
		hv_workers_post(workers, &io->work);
	else
		hv_loop_post(io->loop, &io->job);
}

static bool is_any_named(const struct io *io)
{
	for (unsigned i = 0; i < io->disk_count; i++)
		if (io->disks[i].path[0] != '\0')
			return true;
	return false;
}

/* ---- the loop: opening ---- */

static struct io *of_work(struct hv_work *work)
{
	return HV_CONTAINER(work, struct io, work);
}

static void open_in_worker(struct hv_work *work) /* W */
{
	struct io *io = of_work(work);

	for (unsigned i = 0; i < io->disk_count; i++) {
		struct io_disk *disk = &io->disks[i];
		struct io_file_ask ask = { disk->path, disk->bytes, io->state_dir };
		enum hv_code code = HV_OK;

		if (disk->path[0] == '\0')
			code = io_file_own_path(io->state_dir, io->name, disk->slot,
						disk->path, sizeof(disk->path), &io->err);
		if (code == HV_OK)
			code = io_file_open(&ask, &disk->fd, &io->err);
		if (code != HV_OK)
			break;
	}
	hv_loop_post(io->loop, &io->job);
}

static enum hv_code make_disks(struct io *io)
{
	for (unsigned i = 0; i < io->disk_count; i++) {
		struct io_disk *disk = &io->disks[i];
		int fd = disk->fd;
		enum hv_code code;

		disk->fd = -1;
		code = hv_disk_open(fd, disk->bytes, &io->memory, &io->owner, &disk->disk,
				    &io->err);
		if (code != HV_OK)
			return code;
	}
	return HV_OK;
}

static void on_opened(struct hv_job *job)
{
	struct io *io = HV_CONTAINER(job, struct io, job);

	io->is_out = false;
	if (io->state == IO_OPENING && io->err.code == HV_OK && make_disks(io) == HV_OK) {
		for (unsigned i = 0; i < io->lan_count; i++)
			hv_lan_port_add(io->engine, io->lans[i].port);
		io->state = IO_OPEN;
	}
	io->changed(io, io->arg);
}

static void on_notify(struct hv_io_owner *owner);
static void on_mail(struct fault_thread *thread, struct fault_mail *mail);

static enum hv_code fill_in(struct io *io, const Tarn__HvPartitionDefine *ask,
			    struct hv_err *err)
{
	io->disk_count = (unsigned)ask->n_disks;
	for (unsigned i = 0; i < io->disk_count; i++) {
		const Tarn__VirtualDisk *from = ask->disks[i];

		io->disks[i].bytes = from->bytes;
		io->disks[i].slot = from->slot;
		io->disks[i].fd = -1;
		(void)snprintf(io->disks[i].path, sizeof(io->disks[i].path), "%s",
			       from->path != NULL ? from->path : "");
	}
	for (size_t i = 0; i < ask->n_ethernets; i++) {
		enum hv_code code = hv_lan_port_open((uint16_t)ask->ethernets[i]->vlan, 0,
						     &io->memory, &io->owner,
						     &io->lans[i].port, err);

		if (code != HV_OK)
			return code;
		io->lan_count++;
	}
	return HV_OK;
}

enum hv_code io_new(const struct io_config *config, const Tarn__HvPartitionDefine *ask,
		    struct io **ret_io, struct hv_err *err)
{
	struct io *io = calloc(1, sizeof(*io));
	enum hv_code code;

	if (io == NULL)
		return hv_fail(err, HV_E_NOMEM, "virtual adapters");
	io->owner.notify = on_notify;
	io->mail.run = on_mail;
	io->memory.file = -1;
	io->engine = config->engine;
	io->workers = config->workers;
	io->openers = config->openers;
	io->loop = config->loop;
	io->changed = config->changed;
	io->arg = config->arg;
	io->state_dir = config->state_dir;
	(void)snprintf(io->name, sizeof(io->name), "%s", config->name);
	code = fill_in(io, ask, err);
	if (code != HV_OK) {
		io_free(io);
		return code;
	}
	start_work(io, is_any_named(io) ? io->openers : io->workers, open_in_worker,
		   on_opened);
	*ret_io = io;
	return HV_OK;
}

bool io_has_mac(const struct io *io, uint64_t mac)
{
	for (unsigned i = 0; i < io->lan_count; i++)
		if (io->lans[i].port->mac == mac)
			return true;
	return false;
}

void io_give_macs(struct io *io, const Tarn__HvPartitionDefine *ask,
		  bool (*is_taken)(const void *arg, uint64_t mac), const void *arg)
{
	for (unsigned i = 0; i < io->lan_count; i++) {
		uint64_t mac = hv_lan_mac_of(io->name, ask->ethernets[i]->slot);

		while (io_has_mac(io, mac) || is_taken(arg, mac))
			mac++;
		io->lans[i].port->mac = mac;
	}
}

const struct hv_err *io_error(const struct io *io)
{
	return !io->is_out && io->err.code != HV_OK ? &io->err : NULL;
}

/* ---- the loop: closing ---- */

void io_leave(struct io *io)
{
	for (unsigned i = 0; i < io->lan_count; i++)
		hv_lan_port_remove(io->engine, io->lans[i].port);
}

static void close_files(struct io *io)
{
	for (unsigned i = 0; i < io->disk_count; i++) {
		hv_disk_close(io->disks[i].disk);
		io->disks[i].disk = NULL;
		if (io->disks[i].fd >= 0)
			(void)close(io->disks[i].fd);
		io->disks[i].fd = -1;
	}
}

static void close_in_worker(struct hv_work *work) /* W */
{
	struct io *io = of_work(work);

	close_files(io);
	hv_loop_post(io->loop, &io->job);
}

static void on_closed(struct hv_job *job)
{
	struct io *io = HV_CONTAINER(job, struct io, job);

	io->is_out = false;
	io->state = IO_CLOSED;
	io->changed(io, io->arg);
}

void io_close(struct io *io)
{
	if (io->state >= IO_CLOSING || io->is_out)
		return; /* what is being opened is asked again when it is */
	io->state = IO_CLOSING;
	start_work(io, io->workers, close_in_worker, on_closed);
}

void io_free(struct io *io)
{
	if (io == NULL)
		return;
	io_leave(io);
	close_files(io);
	for (unsigned i = 0; i < io->lan_count; i++)
		hv_lan_port_close(io->lans[i].port);
	free(io);
}

/* ---- the I/O thread ---- */

static void on_notify(struct hv_io_owner *owner)
{
	struct io *io = HV_CONTAINER(owner, struct io, owner);

	if (!atomic_exchange(&io->is_told, true))
		fault_mail_post(io->thread, &io->mail);
}

/* ---- the fault thread ---- */

static void raise_events(struct io *io)
{
	(void)atomic_fetch_add(io->events, 1);
	(void)syscall(SYS_futex, io->events, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static bool take_all(struct io *io)
{
	bool has_answer = false;

	for (unsigned i = 0; i < io->disk_count; i++)
		has_answer |= io_disk_take_finished(io, &io->disks[i]);
	for (unsigned i = 0; i < io->lan_count; i++)
		has_answer |= io_lan_take_arrived(io, &io->lans[i]);
	return has_answer;
}

static void on_mail(struct fault_thread *thread, struct fault_mail *mail)
{
	struct io *io = HV_CONTAINER(mail, struct io, mail);

	(void)thread;
	/* before the rings: who finishes something now tells again */
	atomic_store(&io->is_told, false);
	if (take_all(io))
		raise_events(io);
}

void io_add(struct io *io, struct fault_thread *thread, struct hv_tces *tces,
	    _Atomic uint32_t *events)
{
	io->thread = thread;
	io->tces = tces;
	io->events = events;
}

bool io_cut(struct io *io)
{
	bool is_cut = true;

	io->is_over = true;
	for (unsigned i = 0; i < io->disk_count; i++)
		is_cut &= io->disks[i].disk == NULL || io_disk_cut(io, &io->disks[i]);
	for (unsigned i = 0; i < io->lan_count; i++)
		is_cut &= io_lan_cut(io, &io->lans[i]);
	if (is_cut)
		io->tces = NULL;
	return is_cut;
}

bool io_is_settled(const struct io *io)
{
	for (unsigned i = 0; i < io->disk_count; i++)
		if (io->disks[i].disk != NULL &&
		    (!hv_disk_is_idle(io->disks[i].disk) ||
		     hv_disk_under_way(io->disks[i].disk) > 0))
			return false;
	for (unsigned i = 0; i < io->lan_count; i++)
		if (!hv_lan_port_is_idle(io->lans[i].port))
			return false;
	return !atomic_load(&io->is_told);
}

void io_look(struct io *io)
{
	io->stat = io->counts;
	io->stat.waits = atomic_load(&io->memory.waits);
	for (unsigned i = 0; i < io->lan_count; i++)
		io->stat.dropped += atomic_load(&io->lans[i].port->dropped);
}

struct io_disk *io_find_disk(struct io *io, uint64_t unit)
{
	for (unsigned i = 0; i < io->disk_count; i++)
		if (hv_io_disk_unit(i) == unit)
			return &io->disks[i];
	return NULL;
}

struct io_lan *io_find_lan(struct io *io, uint64_t unit)
{
	for (unsigned i = 0; i < io->lan_count; i++)
		if (hv_io_ethernet_unit(io->disk_count, i) == unit)
			return &io->lans[i];
	return NULL;
}

int64_t io_hold(struct io *io, uint64_t unit, uint64_t address, uint32_t bytes,
		uint64_t permission, struct hv_tce_span *spans, unsigned *ret_count)
{
	int64_t code = hv_tces_hold(io->tces, unit, address, bytes, permission, spans,
				    ret_count);

	if (code == H_PARAMETER || code == H_PERMISSION)
		io->counts.refused++;
	return code;
}

int64_t io_queue_open(struct io *io, struct io_queue *queue, uint64_t unit,
		      uint64_t address, uint64_t bytes)
{
	unsigned count;
	int64_t code;

	if (queue->is_registered)
		return H_RESOURCE;
	if (bytes != HV_IO_QUEUE_BYTES || address % HV_PAGE_BYTES != 0)
		return H_PARAMETER;
	code = io_hold(io, unit, address, HV_IO_QUEUE_BYTES, HV_TCE_READ | HV_TCE_WRITE,
		       &queue->span, &count);
	if (code != H_SUCCESS)
		return code;
	queue->is_registered = true;
	queue->toggle = true;
	queue->next = 0;
	return H_SUCCESS;
}

void io_queue_close(struct io *io, struct io_queue *queue)
{
	if (!queue->is_registered)
		return;
	hv_tces_release(io->tces, &queue->span, 1);
	queue->is_registered = false;
}

void io_queue_put(struct io *io, struct io_queue *queue,
		  const uint8_t entry[HV_IO_ENTRY_BYTES], uint16_t valid)
{
	struct hv_tce_span head = queue->span;
	struct hv_tce_span rest = queue->span;

	head.offset = (uint16_t)(queue->next * HV_IO_ENTRY_BYTES);
	head.bytes = valid;
	rest.offset = (uint16_t)(head.offset + valid);
	rest.bytes = (uint16_t)(HV_IO_ENTRY_BYTES - valid);
	/* a partition that threw its queue away hears nothing: its own loss */
	if (hv_io_copy_out(&io->memory, &rest, 1, entry + valid, rest.bytes))
		(void)!hv_io_copy_out(&io->memory, &head, 1, entry, valid);
	queue->next++;
	if (queue->next == HV_IO_QUEUE_ENTRIES) {
		queue->next = 0;
		queue->toggle = !queue->toggle;
	}
}

bool io_is_call(uint32_t number)
{
	switch (number) {
	case H_REG_CRQ:
	case H_FREE_CRQ:
	case H_SEND_CRQ:
	case H_REGISTER_LOGICAL_LAN:
	case H_FREE_LOGICAL_LAN:
	case H_ADD_LOGICAL_LAN_BUFFER:
	case H_SEND_LOGICAL_LAN:
		return true;
	default:
		return false;
	}
}

int64_t io_serve(struct io *io, const struct hv_hcall_ask *ask, uint64_t *values)
{
	if (io == NULL || io->tces == NULL || io->is_over)
		return H_PARAMETER; /* it has no such unit */
	switch (ask->number) {
	case H_REG_CRQ:
	case H_FREE_CRQ:
	case H_SEND_CRQ:
		return io_serve_disk(io, ask);
	default:
		return io_serve_lan(io, ask, values);
	}
}
