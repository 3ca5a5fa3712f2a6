/* io_disk - see io_disk.h. */
#include "agent/partition/io_disk.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/wire/io.h"

/* Entries of its window. */
enum { ENTRY_QUEUE, ENTRY_UNITS, ENTRY_DATA /* and on: one of each place */ };

#define BLOCKS (HV_PAGE_BYTES / HV_DISK_BLOCK_BYTES)
#define WAIT_MS 1000 /* then it looks again by itself; arbitrary */
/* Data of commands about the disk, behind the units: of the first place alone. */
#define SMALL_AT (IO_DISK_PLACES * HV_SRP_IU_BYTES)

static_assert(SMALL_AT + HV_CAPACITY_BYTES <= HV_PAGE_BYTES, "units and data of a disk");

enum place_state { PLACE_FREE, PLACE_SENT, PLACE_ANSWERED };

struct io_disk {
	struct io_disk_config config;
	struct io_window window;
	uint64_t pages;
	pthread_mutex_t lock; /* guards next and places */
	uint32_t next;        /* entry of the queue */
	enum place_state places[IO_DISK_PLACES];
};

static uint8_t *unit_of(const struct io_disk *disk, unsigned place)
{
	return disk->config.driver + HV_PAGE_BYTES + place * HV_SRP_IU_BYTES;
}

static uint64_t unit_address(unsigned place)
{
	return io_window_address(ENTRY_UNITS) + place * HV_SRP_IU_BYTES;
}

static void lock(struct io_disk *disk)
{
	HV_INVARIANT(pthread_mutex_lock(&disk->lock) == 0);
}

static void unlock(struct io_disk *disk)
{
	HV_INVARIANT(pthread_mutex_unlock(&disk->lock) == 0);
}

/* Its valid byte first: it is written last. */
static bool take_entry(const struct io_disk *disk, struct hv_crq *ret_crq)
{
	uint8_t *at = disk->config.driver + disk->next * HV_IO_ENTRY_BYTES;
	uint8_t entry[HV_IO_ENTRY_BYTES];

	if (__atomic_load_n(at, __ATOMIC_ACQUIRE) == 0)
		return false;
	memcpy(entry, at, sizeof(entry));
	__atomic_store_n(at, 0, __ATOMIC_RELEASE);
	if (!hv_crq_take(entry, ret_crq))
		*ret_crq = (struct hv_crq){ .tag = UINT64_MAX }; /* nobody's */
	return true;
}

/* All that is in the queue; true: the answer of `place` is there, or was. */
static bool look(struct io_disk *disk, unsigned place)
{
	struct hv_crq crq;
	bool is_answered;

	lock(disk);
	while (take_entry(disk, &crq)) {
		disk->next = (disk->next + 1) % HV_IO_QUEUE_ENTRIES;
		if (crq.tag < IO_DISK_PLACES && disk->places[crq.tag] == PLACE_SENT)
			disk->places[crq.tag] = PLACE_ANSWERED;
		else
			log_warn("partition.io_stray", "unit=%llx",
				 (unsigned long long)disk->window.unit);
	}
	is_answered = disk->places[place] == PLACE_ANSWERED;
	unlock(disk);
	return is_answered;
}

static void set_place(struct io_disk *disk, unsigned place, enum place_state state)
{
	lock(disk);
	disk->places[place] = state;
	unlock(disk);
}

static void await(struct io_disk *disk, unsigned place)
{
	uint32_t seen;

	for (;;) {
		seen = io_events(disk->window.calls);
		if (look(disk, place))
			return;
		io_events_wait(disk->window.calls, seen, WAIT_MS);
	}
}

static enum io_result answer_of(const struct io_disk *disk, unsigned place)
{
	struct hv_srp_response response;
	uint8_t unit[HV_SRP_IU_BYTES];

	memcpy(unit, unit_of(disk, place), sizeof(unit));
	if (!hv_srp_response_take(unit, &response) || response.tag != place ||
	    response.status != HV_SCSI_GOOD || response.residual != 0)
		return IO_FAILED;
	return IO_DONE;
}

/* One command; its data is mapped already. */
static enum io_result perform(struct io_disk *disk, const struct hv_srp_command *command)
{
	unsigned place = (unsigned)command->tag;
	const uint64_t args[HV_HCALL_ARGS] = { disk->window.unit, hv_crq_high(),
					       unit_address(place) };

	set_place(disk, place, PLACE_SENT);
	hv_srp_command_put(unit_of(disk, place), command);
	if (partition_call_again(disk->window.calls, H_SEND_CRQ, args).code !=
	    H_SUCCESS) {
		set_place(disk, place, PLACE_FREE);
		return IO_REFUSED;
	}
	await(disk, place);
	set_place(disk, place, PLACE_FREE);
	return answer_of(disk, place);
}

enum io_result io_disk_transfer(struct io_disk *disk, unsigned place, bool is_write,
				uint64_t logical, uint64_t at)
{
	const struct hv_scsi scsi = { .kind = is_write ? HV_SCSI_WRITE : HV_SCSI_READ,
				      .is_long = true,
				      .block = at * BLOCKS,
				      .blocks = BLOCKS };
	struct hv_srp_command command = { .tag = place,
					  .direction = is_write ? HV_SRP_OUT : HV_SRP_IN,
					  .address =
						  io_window_address(ENTRY_DATA + place),
					  .bytes = HV_PAGE_BYTES };
	enum io_result result;
	int64_t code;

	HV_INVARIANT(place < IO_DISK_PLACES);
	code = io_window_map(&disk->window, ENTRY_DATA + place, logical,
			     is_write ? HV_TCE_READ : HV_TCE_WRITE);
	if (code != H_SUCCESS)
		return code == H_NOT_ENOUGH_RESOURCES ? IO_NOT_ENTITLED : IO_REFUSED;
	hv_scsi_put(command.cdb, &scsi);
	result = perform(disk, &command);
	if (io_window_unmap(&disk->window, ENTRY_DATA + place) != H_SUCCESS &&
	    result == IO_DONE)
		result = IO_FAILED;
	return result;
}

enum io_result io_disk_sync(struct io_disk *disk, unsigned place)
{
	const struct hv_scsi scsi = { .kind = HV_SCSI_SYNC };
	struct hv_srp_command command = { .tag = place, .direction = HV_SRP_NONE };

	hv_scsi_put(command.cdb, &scsi);
	return perform(disk, &command);
}

static enum io_result ask_capacity(struct io_disk *disk)
{
	const struct hv_scsi scsi = { .kind = HV_SCSI_CAPACITY,
				      .is_long = true,
				      .room = HV_CAPACITY_BYTES };
	struct hv_srp_command command = { .direction = HV_SRP_IN,
					  .address = io_window_address(ENTRY_UNITS) +
						     SMALL_AT,
					  .bytes = HV_CAPACITY_BYTES };
	uint8_t data[HV_CAPACITY_BYTES];
	enum io_result result;

	hv_scsi_put(command.cdb, &scsi);
	result = perform(disk, &command);
	memcpy(data, disk->config.driver + HV_PAGE_BYTES + SMALL_AT, sizeof(data));
	disk->pages = hv_scsi_capacity_take(data) / BLOCKS;
	return result;
}

static enum hv_code refused(const struct io_disk *disk, const char *what, int64_t code,
			    struct hv_err *err)
{
	return hv_fail(err, HV_E_REFUSED, "disk of unit %llx: %s: code %lld",
		       (unsigned long long)disk->window.unit, what, (long long)code);
}

static enum hv_code begin(struct io_disk *disk, struct hv_err *err)
{
	const uint64_t args[HV_HCALL_ARGS] = { disk->window.unit,
					       io_window_address(ENTRY_QUEUE),
					       HV_IO_QUEUE_BYTES };
	const uint64_t both = HV_TCE_READ | HV_TCE_WRITE;
	int64_t code;

	memset(disk->config.driver, 0, (size_t)IO_DISK_DRIVER_PAGES * HV_PAGE_BYTES);
	for (unsigned i = 0; i < IO_DISK_DRIVER_PAGES; i++) {
		code = io_window_map(&disk->window, i, disk->config.driver_page + i,
				     both);
		if (code != H_SUCCESS)
			return refused(disk, "mapping its queue", code, err);
	}
	code = partition_call_again(disk->window.calls, H_REG_CRQ, args).code;
	if (code != H_SUCCESS)
		return refused(disk, "H_REG_CRQ", code, err);
	if (ask_capacity(disk) != IO_DONE || disk->pages == 0)
		return hv_fail(err, HV_E_IO, "disk of unit %llx has no capacity",
			       (unsigned long long)disk->window.unit);
	return HV_OK;
}

enum hv_code io_disk_open(const struct io_disk_config *config, struct io_disk **ret_disk,
			  struct hv_err *err)
{
	struct io_disk *disk = calloc(1, sizeof(*disk));
	enum hv_code code;

	if (disk == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a disk");
	disk->config = *config;
	disk->window = (struct io_window){ config->calls, config->unit };
	HV_INVARIANT(pthread_mutex_init(&disk->lock, NULL) == 0);
	code = begin(disk, err);
	if (code != HV_OK) {
		io_disk_close(disk);
		return code;
	}
	*ret_disk = disk;
	return HV_OK;
}

void io_disk_close(struct io_disk *disk)
{
	if (disk == NULL)
		return;
	/* H_CLOSED: it never was; a window that is not ours has nothing mapped */
	(void)!partition_call_again(disk->window.calls, H_FREE_CRQ,
				    (uint64_t[HV_HCALL_ARGS]){ disk->window.unit })
		.code;
	for (unsigned i = 0; i < IO_DISK_DRIVER_PAGES; i++)
		(void)!io_window_unmap(&disk->window, i);
	HV_INVARIANT(pthread_mutex_destroy(&disk->lock) == 0);
	free(disk);
}

uint64_t io_disk_pages(const struct io_disk *disk)
{
	return disk->pages;
}
