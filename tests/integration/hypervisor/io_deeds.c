/* io_deeds - see io_deeds.h. All of it runs in the rogue's process. */
#include "tests/integration/hypervisor/io_deeds.h"

#include <string.h>

#include "agent/partition/calls.h"
#include "hvcore/base/rng.h"

#define QUEUE 0u /* pages of the driver's */
#define LAN_QUEUE 2u
#define DATA 16u
#define BLOCKS (HV_PAGE_BYTES / HV_DISK_BLOCK_BYTES) /* of a page */

static struct io_driver disk_driver, lan_driver;

uint64_t io_open_disk(struct rogue_self *self, uint64_t n, uint64_t unused)
{
	(void)unused;
	disk_driver = (struct io_driver){ .self = self,
					  .unit = hv_io_disk_unit((unsigned)n),
					  .queue = QUEUE };
	return (uint64_t)io_driver_open_disk(&disk_driver);
}

uint64_t io_close_disk(struct rogue_self *self, uint64_t a, uint64_t b)
{
	(void)self;
	(void)a;
	(void)b;
	return (uint64_t)io_driver_close_disk(&disk_driver);
}

uint64_t io_content(uint64_t block, unsigned word)
{
	return block * 1000003 + word + 7;
}

static uint64_t *words(struct rogue_self *self, uint64_t page)
{
	return (uint64_t *)(void *)(self->at + page * HV_PAGE_BYTES);
}

/* Blocks of a page each, `count` of them from the first one on. */
uint64_t io_write_blocks(struct rogue_self *self, uint64_t first, uint64_t count)
{
	for (uint64_t n = first; n < first + count; n++) {
		uint32_t page = (uint32_t)(DATA + n);
		int64_t code;

		for (unsigned i = 0; i < HV_PAGE_BYTES / 8; i++)
			words(self, page)[i] = io_content(n, i);
		code = io_driver_page(&disk_driver, HV_SCSI_WRITE, page, n * BLOCKS);
		if (code != 0)
			return (uint64_t)code;
	}
	return (uint64_t)io_driver_page(&disk_driver, HV_SCSI_SYNC, DATA, 0);
}

/* Into other pages; how many are wrong. */
uint64_t io_read_blocks(struct rogue_self *self, uint64_t first, uint64_t count)
{
	uint64_t wrong = 0;

	for (uint64_t n = first; n < first + count; n++) {
		uint32_t page = (uint32_t)(IO_MEM_PAGES - 1 - n % 512);
		int64_t code = io_driver_page(&disk_driver, HV_SCSI_READ, page,
					      n * BLOCKS);
		bool is_right = code == 0;

		for (unsigned i = 0; i < HV_PAGE_BYTES / 8; i++)
			is_right &= words(self, page)[i] == io_content(n, i);
		wrong += !is_right;
	}
	return wrong;
}

uint64_t io_one_page(struct rogue_self *self, uint64_t kind, uint64_t block)
{
	words(self, DATA)[0] = block;
	return (uint64_t)io_driver_page(&disk_driver, (enum hv_scsi_kind)kind, DATA,
					block * BLOCKS);
}

uint64_t io_capacity(struct rogue_self *self, uint64_t a, uint64_t b)
{
	struct hv_scsi scsi = { HV_SCSI_CAPACITY, .is_long = true, .room = 32 };
	struct hv_srp_response response;

	(void)a;
	(void)b;
	if (io_driver_map(&disk_driver, DATA, DATA, HV_TCE_WRITE) != H_SUCCESS ||
	    io_driver_send(&disk_driver, 3, &scsi, DATA * HV_PAGE_BYTES, 32) != H_SUCCESS)
		return ROGUE_FAILED;
	(void)io_driver_wait(&disk_driver, &response);
	(void)io_driver_map(&disk_driver, DATA, 0, 0);
	return hv_scsi_capacity_take((const uint8_t *)words(self, DATA));
}

/* From that block on as many requests, and nobody waits for one; the last code. */
uint64_t io_flood(struct rogue_self *self, uint64_t kind, uint64_t range)
{
	uint64_t count = range & UINT32_MAX;
	struct hv_scsi scsi = { (enum hv_scsi_kind)kind, .blocks = BLOCKS };
	int64_t code = io_driver_map(&disk_driver, DATA, DATA,
				     HV_TCE_READ | HV_TCE_WRITE);

	(void)self;
	for (uint64_t n = 0; n < count && code == H_SUCCESS; n++) {
		scsi.block = ((range >> 32) + n) * BLOCKS;
		code = io_driver_send(&disk_driver, (unsigned)(n % 32), &scsi,
				      DATA * HV_PAGE_BYTES, HV_PAGE_BYTES);
	}
	return (uint64_t)code;
}

/* Answers to it. */
uint64_t io_drain(struct rogue_self *self, uint64_t count, uint64_t unused)
{
	struct hv_srp_response response;
	uint64_t bad = 0;

	(void)self;
	(void)unused;
	while (count-- > 0) {
		(void)io_driver_wait(&disk_driver, &response);
		bad += response.status != HV_SCSI_GOOD;
	}
	return bad;
}

/* Writes and reads without end: it is killed in the middle of it. */
uint64_t io_churn(struct rogue_self *self, uint64_t a, uint64_t b)
{
	struct hv_srp_response response;

	(void)self;
	(void)a;
	(void)b;
	(void)io_flood(self, HV_SCSI_WRITE, 16);
	for (uint64_t n = 0; n < UINT64_MAX; n++) {
		struct hv_scsi scsi = { n % 2 == 0 ? HV_SCSI_READ : HV_SCSI_WRITE,
					.block = n % IO_DISK_PAGES * BLOCKS,
					.blocks = BLOCKS };
		unsigned nth = io_driver_wait(&disk_driver, &response);

		(void)io_driver_send(&disk_driver, nth, &scsi, DATA * HV_PAGE_BYTES,
				     HV_PAGE_BYTES);
	}
	return 0;
}

uint64_t io_open_lan(struct rogue_self *self, uint64_t unit, uint64_t buffers)
{
	uint64_t mac = 0;

	lan_driver = (struct io_driver){ .self = self, .unit = unit, .queue = LAN_QUEUE };
	if (io_driver_open_lan(&lan_driver, &mac) != H_SUCCESS)
		return ROGUE_FAILED;
	for (uint32_t page = 0; page < buffers; page++)
		if (io_driver_post(&lan_driver, DATA + page) != H_SUCCESS)
			return ROGUE_FAILED;
	return mac;
}

uint64_t io_close_lan(struct rogue_self *self, uint64_t a, uint64_t b)
{
	(void)self;
	(void)a;
	(void)b;
	return (uint64_t)io_driver_close_lan(&lan_driver);
}

/* `count` frames to that address, each filled by its number. */
uint64_t io_send_frames(struct rogue_self *self, uint64_t to, uint64_t count)
{
	uint64_t mac = hv_lan_mac_take(self->at + 8 * HV_PAGE_BYTES);

	for (uint64_t n = 0; n < count; n++) {
		uint8_t *at = self->at + 9 * HV_PAGE_BYTES;
		int64_t code;

		hv_lan_mac_put(at, to);
		hv_lan_mac_put(at + 6, mac);
		memset(at + 12, (int)n, 1000);
		code = io_driver_transmit(&lan_driver, 9, 1012);
		if (code != H_SUCCESS)
			return (uint64_t)code;
	}
	return 0;
}

uint64_t io_keep_mac(struct rogue_self *self, uint64_t mac, uint64_t unused)
{
	(void)unused;
	hv_lan_mac_put(self->at + 8 * HV_PAGE_BYTES, mac);
	return 0;
}

/* As many as were sent, in order; each buffer is posted again. How many are wrong. */
uint64_t io_receive_frames(struct rogue_self *self, uint64_t from, uint64_t count)
{
	uint64_t wrong = 0;

	for (uint64_t n = 0; n < count; n++) {
		uint32_t bytes = 0;
		uint32_t page = io_driver_receive(&lan_driver, &bytes);
		const uint8_t *at = self->at + (size_t)page * HV_PAGE_BYTES;

		wrong += bytes != 1012 || hv_lan_mac_take(at + 6) != from ||
			 at[12] != (uint8_t)n || at[1011] != (uint8_t)n;
		if (io_driver_post(&lan_driver, page) != H_SUCCESS)
			return ROGUE_FAILED;
	}
	return wrong;
}

uint64_t io_has_frame(struct rogue_self *self, uint64_t a, uint64_t b)
{
	(void)self;
	(void)a;
	(void)b;
	return io_driver_has_frame(&lan_driver);
}

/* The code of a call. */
static uint64_t call(struct rogue_self *self, uint32_t number, uint64_t a, uint64_t b,
		     uint64_t c)
{
	uint64_t args[HV_HCALL_ARGS] = { a, b, c };

	return (uint64_t)partition_call(self->calls, number, args).code;
}

/* Everything in the memory of queue and IUs is garbage, and it is sent. */
uint64_t io_send_garbage(struct rogue_self *self, uint64_t seed, uint64_t count)
{
	struct hv_rng rng = { seed };
	uint64_t accepted = 0;

	(void)io_driver_map(&disk_driver, DATA, DATA, HV_TCE_READ | HV_TCE_WRITE);
	for (uint64_t n = 0; n < count; n++) {
		uint64_t at = (QUEUE + 1) * HV_PAGE_BYTES + n % 64 * HV_SRP_IU_BYTES;
		uint8_t *iu = self->at + at;
		struct hv_srp_command command = { .direction = HV_SRP_IN,
						  .address = DATA * HV_PAGE_BYTES,
						  .bytes = 512 };

		for (unsigned i = 0; i < 2 * HV_PAGE_BYTES / 8; i++)
			words(self, QUEUE)[i] = hv_rng_next(&rng);
		if (n % 2 == 0) { /* a command, and what is in it is not */
			memcpy(command.cdb, iu, sizeof(command.cdb));
			hv_srp_command_put(iu, &command);
		}
		accepted += call(self, H_SEND_CRQ, disk_driver.unit,
				 n % 4 == 3 ? hv_rng_next(&rng) : hv_crq_high(),
				 at) == H_SUCCESS;
		(void)call(self, H_REG_CRQ, hv_rng_next(&rng), 0, 4096);
		(void)call(self, H_ADD_LOGICAL_LAN_BUFFER, lan_driver.unit,
			   hv_rng_next(&rng), 0);
		(void)call(self, H_SEND_LOGICAL_LAN, lan_driver.unit, hv_rng_next(&rng),
			   hv_rng_next(&rng));
	}
	return accepted;
}

const struct io_refusal io_refusals[IO_REFUSALS] = {
	/* nothing there */
	{ HV_SCSI_WRITE, 0, DATA *HV_PAGE_BYTES, 4096, H_PERMISSION },
	/* not for that direction */
	{ HV_SCSI_WRITE, HV_TCE_WRITE, DATA *HV_PAGE_BYTES, 4096, H_PERMISSION },
	{ HV_SCSI_READ, HV_TCE_READ, DATA *HV_PAGE_BYTES, 4096, H_PERMISSION },
	/* the page behind it is not */
	{ HV_SCSI_READ, HV_TCE_WRITE, DATA *HV_PAGE_BYTES + 1, 4096, H_PERMISSION },
	/* beyond the window, and round the end of all addresses */
	{ HV_SCSI_READ, HV_TCE_WRITE, UINT64_C(2048) * HV_PAGE_BYTES, 4096, H_PARAMETER },
	{ HV_SCSI_READ, HV_TCE_WRITE, UINT64_MAX - 100, 4096, H_PARAMETER },
};

uint64_t io_try_transfer(struct rogue_self *self, uint64_t unused, uint64_t row)
{
	const struct io_refusal *refusal = &io_refusals[row];
	struct hv_scsi scsi = { refusal->kind, .blocks = 8 };
	int64_t code;

	(void)self;
	(void)unused;
	if (io_driver_map(&disk_driver, DATA, DATA, refusal->tce) != H_SUCCESS)
		return ROGUE_FAILED;
	code = io_driver_send(&disk_driver, 5, &scsi, refusal->address, refusal->bytes);
	return io_driver_map(&disk_driver, DATA, 0, 0) == H_SUCCESS ? (uint64_t)code
								    : ROGUE_FAILED;
}
