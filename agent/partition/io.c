/* io - see io.h. */
#include "agent/partition/io.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/partition/io_blocks.h"
#include "agent/partition/io_lan.h"
#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

#define GREET_MS 1000   /* says that it is there; arbitrary */
#define WAIT_MS 100     /* how long a stop may take */
#define SYNC_ONE_IN 256 /* operations of a disk */
#define SHARE 8         /* of a small memory, for buffers of ethernets at most */

static_assert(PARTITION_IO_WORKERS_MAX <= IO_DISK_PLACES, "a place for each worker");

struct disk {
	struct io_disk *disk; /* NULL: it does not work */
	struct io_blocks *blocks;
};

struct worker {
	struct hv_rng rng;
	uint32_t version; /* of the buffer, with an operating system */
};

struct partition_io {
	struct partition_io_config config;
	unsigned buffers; /* of each ethernet */
	struct disk disks[HV_DISKS_MAX];
	struct io_lan *lans[HV_ETHERNETS_MAX];
	struct worker workers[PARTITION_IO_WORKERS_MAX];
	pthread_t thread;
	_Atomic bool is_ready, is_stopping;
	_Atomic unsigned disk_count, lan_count; /* that work */
	_Atomic uint64_t reads, writes, not_entitled, failed;
};

/* ---- pages of the drivers: disks, ethernets, one buffer ---- */

static unsigned buffers_of(unsigned ethernets, uint64_t pages)
{
	uint64_t buffers = ethernets == 0 ? 0 : pages / SHARE / ethernets;

	if (buffers < IO_LAN_BUFFERS_MIN)
		return IO_LAN_BUFFERS_MIN;
	return buffers < IO_LAN_BUFFERS_MAX ? (unsigned)buffers : IO_LAN_BUFFERS_MAX;
}

static uint64_t lan_at(unsigned disks, unsigned buffers, unsigned ethernet)
{
	return (uint64_t)disks * IO_DISK_DRIVER_PAGES +
	       (uint64_t)ethernet * IO_LAN_DRIVER_PAGES(buffers);
}

uint64_t partition_io_driver_pages(unsigned disks, unsigned ethernets, uint64_t pages)
{
	if (disks + ethernets == 0)
		return 0;
	return lan_at(disks, buffers_of(ethernets, pages), ethernets) + 1;
}

static uint64_t buffer_at(const struct partition_io *io)
{
	return lan_at(io->config.disks, io->buffers, io->config.ethernets);
}

/* ---- operations ---- */

/* Never 0: that one is zeros. */
static uint32_t next_version(struct worker *worker)
{
	worker->version = worker->version == UINT32_MAX ? 1 : worker->version + 1;
	return worker->version;
}

static bool count(struct partition_io *io, enum io_result result)
{
	if (result == IO_NOT_ENTITLED)
		(void)atomic_fetch_add(&io->not_entitled, 1);
	else if (result != IO_DONE)
		(void)atomic_fetch_add(&io->failed, 1);
	return result == IO_DONE;
}

/* Only the touch may be a stall: a call or a transfer before it is none. */
static void begin(struct partition_io *io, uint64_t page, bool is_store,
		  struct partition_stall *stall)
{
	(void)partition_guest_reach(io->config.guest, page, is_store);
	partition_stall_rest(stall);
	(void)partition_stall_begin(stall);
}

static bool check(struct partition_io *io, uint64_t page, struct partition_stall *stall)
{
	bool is_right;

	begin(io, page, false, stall);
	is_right = partition_guest_check(io->config.guest, page);
	(void)partition_stall_end(stall);
	return is_right;
}

/* A content that it never had. */
static bool renew(struct partition_io *io, uint64_t page, struct partition_stall *stall)
{
	bool is_done;

	begin(io, page, true, stall);
	is_done = partition_guest_write(io->config.guest, page);
	(void)partition_stall_end(stall);
	return is_done;
}

/* Half of them look first; a page that is wrong is so when it is loaded, at last. */
static void save(struct partition_io *io, struct disk *disk, unsigned worker,
		 uint64_t page, struct partition_stall *stall)
{
	struct partition_guest *guest = io->config.guest;
	uint64_t number, logical;
	struct io_block *block = io_blocks_of(disk->blocks, worker, page, &number);

	if ((hv_rng_below(&io->workers[worker].rng, 2) == 0 && !check(io, page, stall)) ||
	    !partition_guest_lend(guest, page, false, &logical))
		return; /* counted */
	block->is_saved = false;
	if (!count(io, io_disk_transfer(disk->disk, worker, true, logical, number)))
		return;
	*block = (struct io_block){ .page = page,
				    .version = partition_guest_version(guest, page),
				    .is_saved = true };
	(void)atomic_fetch_add(&io->writes, 1);
}

/* A page that holds already what is on the disk would hide that nothing is moved. */
static bool differs(struct partition_io *io, const struct io_block *block,
		    struct partition_stall *stall)
{
	return partition_guest_version(io->config.guest, block->page) != block->version ||
	       (check(io, block->page, stall) && renew(io, block->page, stall));
}

static void load(struct partition_io *io, struct disk *disk, unsigned worker,
		 uint64_t page, struct partition_stall *stall)
{
	struct partition_guest *guest = io->config.guest;
	uint64_t number, logical;
	const struct io_block *block = io_blocks_of(disk->blocks, worker, page, &number);
	enum io_result result;

	if (!partition_guest_lend(guest, block->page, true, &logical) ||
	    !differs(io, block, stall))
		return; /* counted */
	result = io_disk_transfer(disk->disk, worker, false, logical, number);
	if (!count(io, result)) {
		/* it may be either now; where nothing was sent it is what it was */
		if (result == IO_FAILED)
			(void)renew(io, block->page, stall);
		return;
	}
	partition_guest_restore(guest, block->page, block->version);
	(void)check(io, block->page, stall);
	(void)atomic_fetch_add(&io->reads, 1);
}

/* ---- the same with the drivers' buffer ---- */

static bool fill_buffer(struct partition_io *io, const struct partition_content *content,
			struct partition_stall *stall)
{
	uint64_t page = partition_guest_driver_page(io->config.guest, buffer_at(io));
	bool is_done;

	begin(io, page, true, stall);
	is_done = partition_guest_write_as(io->config.guest, page, content);
	(void)partition_stall_end(stall);
	return is_done;
}

/* What is wrong is counted. */
static void check_buffer(struct partition_io *io, const struct partition_content *content,
			 uint64_t unit, struct partition_stall *stall)
{
	uint64_t page = partition_guest_driver_page(io->config.guest, buffer_at(io));

	begin(io, page, false, stall);
	(void)!partition_guest_check_as(io->config.guest, page, content, unit);
	(void)partition_stall_end(stall);
}

/* Its content is new each time, so a read that moves nothing is found as well. */
static void use_buffer(struct partition_io *io, struct disk *disk, unsigned worker,
		       const struct partition_operation *operation,
		       struct partition_stall *stall)
{
	uint64_t logical = partition_guest_driver_page(io->config.guest, buffer_at(io));
	uint64_t number;
	struct io_block *block = io_blocks_of(disk->blocks, worker, operation->page,
					      &number);
	struct partition_content content = { .key = io->config.key, .page = number };
	bool is_write = operation->action != PARTITION_READ || !block->is_saved;

	content.version = next_version(&io->workers[worker]);
	if (!fill_buffer(io, &content, stall))
		return; /* counted */
	if (is_write)
		block->is_saved = false;
	if (!count(io, io_disk_transfer(disk->disk, worker, is_write, logical, number)))
		return;
	if (is_write) {
		*block = (struct io_block){ number, content.version, true };
		(void)atomic_fetch_add(&io->writes, 1);
		return;
	}
	content.version = block->version;
	check_buffer(io, &content, hv_io_disk_unit((unsigned)(disk - io->disks)), stall);
	(void)atomic_fetch_add(&io->reads, 1);
}

/* ---- of either kind ---- */

/* False: it has fewer blocks than there are workers. */
static bool use_disk(struct partition_io *io, struct disk *disk, unsigned worker,
		     const struct partition_operation *operation,
		     struct partition_stall *stall)
{
	bool is_read = operation->action == PARTITION_READ;
	uint64_t number;
	const struct io_block *block = io_blocks_of(disk->blocks, worker, operation->page,
						    &number);

	if (block == NULL)
		return false;
	if (io->config.has_os)
		use_buffer(io, disk, worker, operation, stall);
	else if (is_read && block->is_saved)
		load(io, disk, worker, operation->page, stall);
	else
		save(io, disk, worker, operation->page, stall);
	if (hv_rng_below(&io->workers[worker].rng, SYNC_ONE_IN) == 0)
		(void)count(io, io_disk_sync(disk->disk, worker));
	return true;
}

/* False: nobody to send to. */
static bool use_lan(struct partition_io *io, struct io_lan *lan, unsigned worker)
{
	enum io_result result = io_lan_send(lan, &io->workers[worker].rng, hv_clock_ms());

	if (result == IO_REFUSED)
		(void)atomic_fetch_add(&io->failed, 1);
	return result != IO_FAILED;
}

/* False: it does not work, or there is nothing to do for it. */
static bool use_adapter(struct partition_io *io, unsigned nth, unsigned worker,
			const struct partition_operation *operation,
			struct partition_stall *stall)
{
	struct io_lan *lan;

	if (nth < io->config.disks)
		return io->disks[nth].disk != NULL &&
		       use_disk(io, &io->disks[nth], worker, operation, stall);
	lan = io->lans[nth - io->config.disks];
	return lan != NULL && use_lan(io, lan, worker);
}

bool partition_io_operate(struct partition_io *io, unsigned worker,
			  const struct partition_operation *operation,
			  struct partition_stall *stall)
{
	struct hv_rng *rng = &io->workers[worker].rng;
	unsigned adapters = io->config.disks + io->config.ethernets;
	bool is_done;

	if (operation->action == PARTITION_DISCARD || !partition_io_is_ready(io) ||
	    hv_rng_below(rng, 100) >= io->config.percent ||
	    (!io->config.has_os &&
	     operation->page < partition_guest_kept(io->config.guest)))
		return false;
	is_done = use_adapter(io, (unsigned)hv_rng_below(rng, adapters), worker,
			      operation, stall);
	partition_stall_rest(stall);
	return is_done;
}

void partition_io_forget(struct partition_io *io)
{
	for (unsigned i = 0; i < io->config.disks && partition_io_is_ready(io); i++)
		if (io->disks[i].blocks != NULL)
			io_blocks_forget(io->disks[i].blocks);
}

/* ---- its thread ---- */

static void not_open(const char *what, unsigned nth, const struct hv_err *err)
{
	log_warn("partition.no_io", "%s=%u reason='%s'", what, nth, hv_err_text(err));
}

static void open_disk(struct partition_io *io, unsigned nth)
{
	const struct partition_io_config *config = &io->config;
	uint64_t at = (uint64_t)nth * IO_DISK_DRIVER_PAGES;
	uint64_t most = partition_guest_max_pages(config->guest), blocks;
	struct io_disk_config disk = {
		.calls = config->calls,
		.unit = hv_io_disk_unit(nth),
		.driver = partition_guest_driver(config->guest, at),
		.driver_page = partition_guest_driver_page(config->guest, at),
	};
	struct hv_err err = { 0 };
	struct disk *made = &io->disks[nth];

	if (io_disk_open(&disk, &made->disk, &err) != HV_OK) {
		not_open("disk", nth, &err);
		return;
	}
	blocks = io_disk_pages(made->disk) < most ? io_disk_pages(made->disk) : most;
	if (io_blocks_open(blocks, config->workers, &made->blocks, &err) != HV_OK) {
		not_open("disk", nth, &err);
		io_disk_close(made->disk);
		made->disk = NULL;
		return;
	}
	(void)atomic_fetch_add(&io->disk_count, 1);
}

static void open_lan(struct partition_io *io, unsigned nth)
{
	const struct partition_io_config *config = &io->config;
	uint64_t at = lan_at(config->disks, io->buffers, nth);
	struct io_lan_config lan = {
		.calls = config->calls,
		.unit = hv_io_ethernet_unit(config->disks, nth),
		.key = config->key,
		.driver = partition_guest_driver(config->guest, at),
		.driver_page = partition_guest_driver_page(config->guest, at),
		.buffers = io->buffers,
	};
	struct hv_err err = { 0 };

	if (io_lan_open(&lan, &io->lans[nth], &err) != HV_OK)
		not_open("ethernet", nth, &err);
	else
		(void)atomic_fetch_add(&io->lan_count, 1);
}

static void open_all(struct partition_io *io)
{
	for (unsigned i = 0; i < io->config.disks; i++)
		open_disk(io, i);
	for (unsigned i = 0; i < io->config.ethernets; i++)
		open_lan(io, i);
	log_info("partition.io", "disks=%u ethernets=%u", atomic_load(&io->disk_count),
		 atomic_load(&io->lan_count));
	atomic_store(&io->is_ready, true);
}

static void receive(struct partition_io *io, unsigned nth, uint64_t now_ms)
{
	uint64_t unit = hv_io_ethernet_unit(io->config.disks, nth);
	struct io_lan_bad bad;

	while (io_lan_receive(io->lans[nth], now_ms, &bad))
		if (partition_guest_count_bad(io->config.guest))
			log_error("partition.mismatch", "unit=%llx bytes=%u found=%s",
				  (unsigned long long)unit, bad.bytes, bad.found);
}

static void receive_all(struct partition_io *io, uint64_t now_ms)
{
	for (unsigned i = 0; i < io->config.ethernets; i++)
		if (io->lans[i] != NULL)
			receive(io, i, now_ms);
}

static void greet_all(struct partition_io *io)
{
	for (unsigned i = 0; i < io->config.ethernets; i++)
		if (io->lans[i] != NULL)
			io_lan_greet(io->lans[i]);
}

static void *run(void *arg) /* a thread that touches the drivers' pages alone */
{
	struct partition_io *io = arg;
	uint64_t greet_ms = 0;

	open_all(io);
	while (!atomic_load(&io->is_stopping) && atomic_load(&io->lan_count) > 0) {
		uint32_t seen = io_events(io->config.calls);
		uint64_t now_ms = hv_clock_ms();

		receive_all(io, now_ms);
		if (now_ms >= greet_ms) {
			greet_all(io);
			greet_ms = now_ms + GREET_MS;
		}
		io_events_wait(io->config.calls, seen, WAIT_MS);
	}
	return NULL;
}

enum hv_code partition_io_open(const struct partition_io_config *config,
			       struct partition_io **ret_io, struct hv_err *err)
{
	struct partition_io *io = calloc(1, sizeof(*io));
	int os;

	HV_INVARIANT(config->disks <= HV_DISKS_MAX);
	HV_INVARIANT(config->ethernets <= HV_ETHERNETS_MAX);
	HV_INVARIANT(config->workers <= PARTITION_IO_WORKERS_MAX);
	if (io == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for I/O");
	io->config = *config;
	io->buffers = buffers_of(config->ethernets, partition_guest_pages(config->guest));
	for (unsigned i = 0; i < PARTITION_IO_WORKERS_MAX; i++)
		io->workers[i].rng.state = config->seed * 31 + i;
	os = pthread_create(&io->thread, NULL, run, io);
	if (os != 0) {
		free(io);
		return hv_fail_os(err, HV_E_OS, os, "start the thread for I/O");
	}
	(void)pthread_setname_np(io->thread, "io");
	*ret_io = io;
	return HV_OK;
}

void partition_io_close(struct partition_io *io)
{
	if (io == NULL)
		return;
	atomic_store(&io->is_stopping, true);
	io_events_wake(io->config.calls);
	HV_INVARIANT(pthread_join(io->thread, NULL) == 0);
	for (unsigned i = 0; i < HV_DISKS_MAX; i++) {
		io_disk_close(io->disks[i].disk);
		io_blocks_close(io->disks[i].blocks);
	}
	for (unsigned i = 0; i < HV_ETHERNETS_MAX; i++)
		io_lan_close(io->lans[i]);
	free(io);
}

bool partition_io_is_ready(const struct partition_io *io)
{
	return atomic_load(&io->is_ready);
}

struct partition_io_figures partition_io_figures(const struct partition_io *io)
{
	struct partition_io_figures figures = {
		.disk_reads = atomic_load(&io->reads),
		.disk_writes = atomic_load(&io->writes),
		.not_entitled = atomic_load(&io->not_entitled),
		.failed = atomic_load(&io->failed),
		.disks = atomic_load(&io->disk_count),
		.ethernets = atomic_load(&io->lan_count),
	};

	for (unsigned i = 0; i < io->config.ethernets && partition_io_is_ready(io); i++) {
		struct io_lan_figures lan = { 0 };

		if (io->lans[i] != NULL)
			lan = io_lan_figures(io->lans[i]);
		figures.sent += lan.sent;
		figures.received += lan.received;
		figures.bad += lan.bad;
	}
	return figures;
}
