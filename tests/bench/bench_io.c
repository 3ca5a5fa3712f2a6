/*
 * bench_io - what I/O through virtual adapters costs a partition: pages of a disk that
 * is a file, one at a time and many at once, with and without mapping them each time,
 * and frames to a neighbour. Prints JSON; see README.md.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "agent/partition/calls.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/hist.h"
#include "tests/support/host.h"
#include "tests/support/io_driver.h"

#define MEM_MIB 16u
#define DISK_MIB 64u
#define DISK_PAGES (DISK_MIB * 256u)
#define RUN_NS UINT64_C(1500000000) /* of each measurement */
#define QUEUE 0u                    /* pages of the driver's */
#define DATA 16u                    /* a page for each request of 32 */
#define DEPTH 32u
#define BLOCKS (HV_PAGE_BYTES / HV_DISK_BLOCK_BYTES)

static struct test_host host;
static struct io_driver driver;

/* ---- in the partition's process ---- */

static uint64_t begin(struct rogue_self *self, uint64_t unit, uint64_t is_lan)
{
	uint64_t mac = 0;

	driver = (struct io_driver){ .self = self, .unit = unit, .queue = QUEUE };
	if (is_lan == 0)
		return (uint64_t)io_driver_open_disk(&driver);
	for (uint32_t i = 0; i < 2 * DEPTH; i++)
		self->at[(size_t)(DATA + i) * HV_PAGE_BYTES] = 0;
	if (io_driver_open_lan(&driver, &mac) != H_SUCCESS)
		return ROGUE_FAILED;
	return mac;
}

/* Pages one after the other, each mapped and unmapped; in a second, or median in ns. */
static uint64_t one_by_one(struct rogue_self *self, uint64_t kind, uint64_t wants_median)
{
	uint64_t start = hv_clock_ns();
	uint64_t done = 0;
	struct hv_hist hist = { 0 };

	(void)self;
	while (hv_clock_ns() - start < RUN_NS) {
		uint64_t before = hv_clock_ns();

		if (io_driver_page(&driver, (enum hv_scsi_kind)kind, DATA,
				   done % DISK_PAGES * BLOCKS) != 0)
			return ROGUE_FAILED;
		hv_hist_add(&hist, hv_clock_ns() - before);
		done++;
	}
	return wants_median != 0 ? hv_hist_quantile_ns(&hist, 0.5)
				 : done * UINT64_C(1000000000) / RUN_NS;
}

/* DEPTH requests out all the time, their pages mapped once; in a second. */
static uint64_t many(struct rogue_self *self, uint64_t kind, uint64_t pages)
{
	uint64_t start = hv_clock_ns();
	uint64_t sent = 0, done = 0;
	struct hv_scsi scsi = { (enum hv_scsi_kind)kind,
				.blocks = (uint32_t)pages * BLOCKS };
	struct hv_srp_response response;

	(void)self;
	for (uint32_t i = 0; i < DEPTH * pages; i++)
		if (io_driver_map(&driver, DATA + i, DATA + i,
				  HV_TCE_READ | HV_TCE_WRITE) != H_SUCCESS)
			return ROGUE_FAILED;
	while (done < sent || sent == 0 || hv_clock_ns() - start < RUN_NS) {
		unsigned nth = (unsigned)sent;

		if (sent >= DEPTH) {
			nth = io_driver_wait(&driver, &response);
			done++;
		}
		if (hv_clock_ns() - start >= RUN_NS)
			continue;
		scsi.block = sent * pages % (DISK_PAGES - pages) * BLOCKS;
		if (io_driver_send(&driver, nth, &scsi,
				   (uint64_t)(DATA + nth * pages) * HV_PAGE_BYTES,
				   (uint32_t)pages * HV_PAGE_BYTES) != H_SUCCESS)
			return ROGUE_FAILED;
		sent++;
	}
	for (uint32_t i = 0; i < DEPTH * pages; i++)
		(void)io_driver_map(&driver, DATA + i, 0, 0);
	return done * UINT64_C(1000000000) / RUN_NS;
}

/* Frames of that many bytes to nobody in particular; in a second, busy ones tried again. */
static uint64_t transmit(struct rogue_self *self, uint64_t mac, uint64_t bytes)
{
	uint8_t *at = self->at + (size_t)DATA * HV_PAGE_BYTES;
	uint64_t args[HV_HCALL_ARGS] = {
		driver.unit, hv_lan_descriptor(DATA * HV_PAGE_BYTES, (uint32_t)bytes)
	};
	uint64_t start = hv_clock_ns();
	uint64_t sent = 0;

	hv_lan_mac_put(at, HV_LAN_BROADCAST);
	hv_lan_mac_put(at + HV_LAN_MAC_BYTES, mac);
	if (io_driver_map(&driver, DATA, DATA, HV_TCE_READ) != H_SUCCESS)
		return ROGUE_FAILED;
	while (hv_clock_ns() - start < RUN_NS) {
		if (partition_call_again(self->calls, H_SEND_LOGICAL_LAN, args).code !=
		    H_SUCCESS)
			return ROGUE_FAILED;
		sent++;
	}
	return sent * UINT64_C(1000000000) / RUN_NS;
}

/* ---- the host ---- */

static void say(const char *key, uint64_t value, const char *end)
{
	(void)printf("  \"%s\": %llu%s\n", key, (unsigned long long)value, end);
}

static void measure_disk(struct rogue *who, const char *kind)
{
	char key[64];
	static const struct {
		const char *name;
		enum hv_scsi_kind kind;
	} ways[] = { { "write", HV_SCSI_WRITE }, { "read", HV_SCSI_READ } };

	assert_int_equal(rogue_run(who, begin, hv_io_disk_unit(0), 0), 0);
	for (unsigned i = 0; i < HV_COUNT(ways); i++) {
		(void)snprintf(key, sizeof(key), "%s.%s_4k.p50_ns", kind, ways[i].name);
		say(key, rogue_run(who, one_by_one, ways[i].kind, 1), ",");
		(void)snprintf(key, sizeof(key), "%s.%s_4k_depth_32.per_s", kind,
			       ways[i].name);
		say(key, rogue_run(who, many, ways[i].kind, 1), ",");
		(void)snprintf(key, sizeof(key), "%s.%s_64k_depth_32.per_s", kind,
			       ways[i].name);
		say(key, rogue_run(who, many, ways[i].kind, 16), ",");
	}
}

static void run(bool is_dedicated)
{
	struct test_partition spec = { .name = "one",
				       .mem_mib = MEM_MIB,
				       .entitled_mib = 8,
				       .is_dedicated = is_dedicated,
				       .disk_mib = { DISK_MIB },
				       .vlan = { 1 } };
	struct rogue one;
	uint64_t mac;

	rogue_start(&one, &host, &spec);
	measure_disk(&one, is_dedicated ? "dedicated" : "shared");
	mac = rogue_run(&one, begin, hv_io_ethernet_unit(1, 0), 1);
	say(is_dedicated ? "dedicated.frames_1514.per_s" : "shared.frames_1514.per_s",
	    rogue_run(&one, transmit, mac, 1514), is_dedicated ? "" : ",");
	rogue_end(&one, &host);
}

int main(void)
{
	test_host_start(&host, &(struct test_host_config){ 0 });
	assert_int_equal(test_host_pool(&host, 32, NULL), HV_OK);
	(void)printf("{\n");
	run(false);
	run(true);
	(void)printf("}\n");
	test_host_end(&host);
	return 0;
}
