/* io_driver - see io_driver.h. */
#include "tests/support/io_driver.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "agent/partition/calls.h"
#include "hvcore/base/invariant.h"

#define WAIT_S 60      /* a loaded machine with sanitizers */
#define BUS_DATA 1000u /* where io_driver_page maps its page */

static uint8_t *at_page(const struct io_driver *driver, uint32_t page)
{
	return driver->self->at + (size_t)page * HV_PAGE_BYTES;
}

int64_t io_driver_map(struct io_driver *driver, uint32_t bus, uint32_t page,
		      uint64_t permission)
{
	uint64_t tce = permission == 0 ? 0 : (uint64_t)page << HV_PAGE_SHIFT | permission;
	uint64_t args[HV_HCALL_ARGS] = { driver->unit, (uint64_t)bus << HV_PAGE_SHIFT,
					 tce };

	return partition_call_again(driver->self->calls, H_PUT_TCE, args).code;
}

static int64_t map_queue(struct io_driver *driver)
{
	int64_t code = H_SUCCESS;

	for (uint32_t page = driver->queue; page < driver->queue + 2; page++) {
		memset(at_page(driver, page), 0, HV_PAGE_BYTES);
		if (code == H_SUCCESS)
			code = io_driver_map(driver, page, page,
					     HV_TCE_READ | HV_TCE_WRITE);
	}
	driver->next = 0;
	driver->toggle = true;
	return code;
}

static int64_t unmap_queue(struct io_driver *driver)
{
	int64_t code = io_driver_map(driver, driver->queue, 0, 0);

	return code == H_SUCCESS ? io_driver_map(driver, driver->queue + 1, 0, 0) : code;
}

static uint8_t *entry_of(const struct io_driver *driver)
{
	return at_page(driver, driver->queue) + driver->next * HV_IO_ENTRY_BYTES;
}

/* Until `is_there` says so: the futex as hvcore/wire/io.h describes it. */
static void wait_for(const struct io_driver *driver,
		     bool (*is_there)(const struct io_driver *driver))
{
	static const struct timespec second = { .tv_sec = 1 };
	struct hv_hcall_area *area = partition_calls_area(driver->self->calls);

	for (unsigned seconds = 0; seconds < WAIT_S;) {
		uint32_t events = atomic_load(&area->io_events);

		if (is_there(driver))
			return;
		if (syscall(SYS_futex, &area->io_events, FUTEX_WAIT, events, &second,
			    NULL, 0) != 0 &&
		    errno == ETIMEDOUT)
			seconds++;
	}
	HV_UNREACHABLE("no answer of an adapter came");
}

static void step(struct io_driver *driver)
{
	driver->next = (driver->next + 1) % HV_IO_QUEUE_ENTRIES;
	if (driver->next == 0)
		driver->toggle = !driver->toggle;
}

/* ---- disks ---- */

int64_t io_driver_open_disk(struct io_driver *driver)
{
	uint64_t args[HV_HCALL_ARGS] = { driver->unit,
					 (uint64_t)driver->queue << HV_PAGE_SHIFT,
					 HV_IO_QUEUE_BYTES };
	int64_t code = map_queue(driver);

	return code == H_SUCCESS
		       ? partition_call_again(driver->self->calls, H_REG_CRQ, args).code
		       : code;
}

int64_t io_driver_close_disk(struct io_driver *driver)
{
	uint64_t args[HV_HCALL_ARGS] = { driver->unit };
	int64_t code = partition_call_again(driver->self->calls, H_FREE_CRQ, args).code;

	return code == H_SUCCESS ? unmap_queue(driver) : code;
}

static uint64_t iu_address(const struct io_driver *driver, unsigned nth)
{
	return ((uint64_t)(driver->queue + 1) << HV_PAGE_SHIFT) +
	       (uint64_t)nth * HV_SRP_IU_BYTES;
}

int64_t io_driver_send(struct io_driver *driver, unsigned nth, const struct hv_scsi *scsi,
		       uint64_t address, uint32_t bytes)
{
	struct hv_srp_command command = { .tag = nth,
					  .address = address,
					  .bytes = bytes };
	uint64_t args[HV_HCALL_ARGS] = { driver->unit, hv_crq_high(),
					 iu_address(driver, nth) };

	if (bytes > 0)
		command.direction = scsi->kind == HV_SCSI_WRITE ? HV_SRP_OUT : HV_SRP_IN;
	hv_scsi_put(command.cdb, scsi);
	hv_srp_command_put(driver->self->at + iu_address(driver, nth), &command);
	return partition_call(driver->self->calls, H_SEND_CRQ, args).code;
}

static bool has_answer(const struct io_driver *driver)
{
	return atomic_load((_Atomic uint8_t *)entry_of(driver)) != 0;
}

unsigned io_driver_wait(struct io_driver *driver, struct hv_srp_response *ret_response)
{
	struct hv_crq crq = { 0 };

	wait_for(driver, has_answer);
	HV_INVARIANT(hv_crq_take(entry_of(driver), &crq));
	memset(entry_of(driver), 0, HV_IO_ENTRY_BYTES);
	step(driver);
	HV_INVARIANT(crq.tag < HV_PAGE_BYTES / HV_SRP_IU_BYTES);
	HV_INVARIANT(hv_srp_response_take(
		driver->self->at + iu_address(driver, (unsigned)crq.tag), ret_response));
	HV_INVARIANT(ret_response->tag == crq.tag);
	return (unsigned)crq.tag;
}

int64_t io_driver_page(struct io_driver *driver, enum hv_scsi_kind kind, uint32_t page,
		       uint64_t block)
{
	struct hv_scsi scsi = { kind, .block = block };
	struct hv_srp_response response = { 0 };
	uint32_t bytes = kind == HV_SCSI_SYNC ? 0 : HV_PAGE_BYTES;
	int64_t code = io_driver_map(driver, BUS_DATA, page,
				     kind == HV_SCSI_WRITE ? HV_TCE_READ : HV_TCE_WRITE);

	if (code != H_SUCCESS)
		return code;
	scsi.blocks = bytes / HV_DISK_BLOCK_BYTES;
	do
		code = io_driver_send(
			driver, 0, &scsi,
			bytes == 0 ? 0 : (uint64_t)BUS_DATA << HV_PAGE_SHIFT, bytes);
	while (code == H_BUSY);
	if (code == H_SUCCESS)
		(void)io_driver_wait(driver, &response);
	HV_INVARIANT(io_driver_map(driver, BUS_DATA, 0, 0) == H_SUCCESS);
	if (code != H_SUCCESS || response.status == HV_SCSI_GOOD)
		return code;
	return (int64_t)response.sense.key << 16 | response.sense.code << 8 |
	       response.sense.qualifier;
}

/* ---- ethernets ---- */

int64_t io_driver_open_lan(struct io_driver *driver, uint64_t *ret_mac)
{
	uint64_t args[HV_HCALL_ARGS] = { driver->unit, 0,
					 hv_lan_descriptor(driver->queue << HV_PAGE_SHIFT,
							   HV_IO_QUEUE_BYTES) };
	struct hv_hcall_answer answer = { .code = map_queue(driver) };

	if (answer.code == H_SUCCESS)
		answer = partition_call_again(driver->self->calls, H_REGISTER_LOGICAL_LAN,
					      args);
	*ret_mac = answer.values[0];
	return answer.code;
}

int64_t io_driver_close_lan(struct io_driver *driver)
{
	uint64_t args[HV_HCALL_ARGS] = { driver->unit };
	int64_t code =
		partition_call_again(driver->self->calls, H_FREE_LOGICAL_LAN, args).code;

	return code == H_SUCCESS ? unmap_queue(driver) : code;
}

int64_t io_driver_post(struct io_driver *driver, uint32_t page)
{
	uint64_t args[HV_HCALL_ARGS] = {
		driver->unit, hv_lan_descriptor(page << HV_PAGE_SHIFT, HV_PAGE_BYTES)
	};
	int64_t code = io_driver_map(driver, page, page, HV_TCE_WRITE);

	return code == H_SUCCESS ? partition_call_again(driver->self->calls,
							H_ADD_LOGICAL_LAN_BUFFER, args)
					   .code
				 : code;
}

int64_t io_driver_transmit(struct io_driver *driver, uint32_t page, uint32_t bytes)
{
	uint64_t args[HV_HCALL_ARGS] = {
		driver->unit, hv_lan_descriptor(page << HV_PAGE_SHIFT, bytes)
	};
	int64_t code = io_driver_map(driver, page, page, HV_TCE_READ);

	if (code != H_SUCCESS)
		return code;
	code = partition_call_again(driver->self->calls, H_SEND_LOGICAL_LAN, args).code;
	HV_INVARIANT(io_driver_map(driver, page, 0, 0) == H_SUCCESS);
	return code;
}

bool io_driver_has_frame(const struct io_driver *driver)
{
	struct hv_lan_arrival arrival;

	atomic_thread_fence(memory_order_acquire);
	return hv_lan_arrival_take(entry_of(driver), driver->toggle, &arrival);
}

uint32_t io_driver_receive(struct io_driver *driver, uint32_t *ret_bytes)
{
	struct hv_lan_arrival arrival = { 0 };
	uint32_t page;

	wait_for(driver, io_driver_has_frame);
	HV_INVARIANT(hv_lan_arrival_take(entry_of(driver), driver->toggle, &arrival));
	step(driver);
	page = (uint32_t)(arrival.address >> HV_PAGE_SHIFT);
	HV_INVARIANT(io_driver_map(driver, page, 0, 0) == H_SUCCESS);
	*ret_bytes = arrival.bytes;
	return page;
}
