/*
 * partition - define and remove. A shared one is defined when its paging device is
 * open on a VIOS, so that what is too small or not ours is said at once.
 *
 *   OPENING --device open--> DEFINED --HELLO--> MAPPING --REGION--> ADDING --> RUNNING
 *      `--refused-----------------.--remove--. .--exit, at any time--------------'
 *                                  `--> DYING --pages back--> CLOSING --clean--> ENDED
 *
 * The right half is life.c. A dedicated partition has no device and no space: its
 * memory is a tmpfs of its own, its LMBs are charged, and it goes from MAPPING to RUNNING.
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/reserve/reserve.h"

#define DEFINE_MS 5000     /* for the VIOS to open a device; arbitrary */
#define HPT_RATIO_USUAL 64 /* where the agent names none: reserve's profiles */

static_assert(HV_TCE_WINDOWS_MAX == HV_LPAR_ADAPTERS_MAX, "what may be asked for");

struct partition *partition_find(struct hypervisor *hv, const char *name)
{
	for (struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

uint64_t partition_entitled_pages(const struct hypervisor *hv)
{
	uint64_t pages = 0;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p->mode == HV_MODE_SHARED && p->phase <= PHASE_DYING)
			pages += p->entitled_pages;
	return pages;
}

/* ---- making one ---- */

static unsigned count_shared(const struct hypervisor *hv)
{
	unsigned n = 0;

	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		n += p->mode == HV_MODE_SHARED && p->phase <= PHASE_DYING;
	return n;
}

uint64_t partition_frames(const struct hypervisor *hv)
{
	int64_t total = hv_frames_total(&hv->team->frames);

	return (uint64_t)(total - hv_frames_reserve(total));
}

static enum hv_code check_pool_room(const struct partition *partition,
				    const struct hypervisor *hv, struct hv_err *err)
{
	uint64_t frames = partition_frames(hv);
	uint64_t others = partition_entitled_pages(hv);

	/* the others' sum includes this one, where it is on the list already */
	for (const struct partition *p = hv->partitions; p != NULL; p = p->next)
		if (p == partition)
			others -= partition->entitled_pages;
	if (partition->entitled_pages <= frames && others <= frames &&
	    partition->entitled_pages + others <= frames)
		return HV_OK;
	return hv_fail(
		err, HV_E_REFUSED,
		"%llu entitled pages do not fit the pool: it can promise %llu frames, "
		"%llu are entitled to others",
		(unsigned long long)partition->entitled_pages, (unsigned long long)frames,
		(unsigned long long)others);
}

static uint64_t slots_needed(const struct partition *partition)
{
	return partition->max_bytes / HV_PAGE_BYTES + 2 * HV_PAGER_WRITES;
}

/*
 * P11: a device that is too small by some pages is made up for by pages that stay
 * resident, charged to the pool as entitled.
 */
uint64_t partition_entitlement(const struct partition *partition, uint64_t bytes)
{
	uint64_t needed = slots_needed(partition);
	uint64_t pages = partition->entitled_asked;

	if (partition->own.has_pages && partition->own.pages < pages)
		pages = partition->own.pages;
	if (partition->slots != 0 && partition->slots < needed &&
	    needed - partition->slots > pages)
		pages = needed - partition->slots;
	return pages < bytes / HV_PAGE_BYTES ? pages : bytes / HV_PAGE_BYTES;
}

uint64_t partition_io_min_bytes(const struct partition *partition)
{
	uint64_t bytes = share_pages(0) * HV_PAGE_BYTES;

	return bytes < partition->mem_bytes ? bytes : partition->mem_bytes;
}

enum hv_code partition_entitle(struct partition *partition, uint64_t bytes,
			       struct hv_err *err)
{
	uint64_t before = partition->entitled_pages;
	enum hv_code code;

	partition->entitled_pages = partition_entitlement(partition, bytes);
	code = check_pool_room(partition, partition->hv, err);
	if (code != HV_OK)
		partition->entitled_pages = before;
	return code;
}

static enum hv_code check_ask(const struct hypervisor *hv,
			      const Tarn__HvPartitionDefine *ask, struct hv_err *err)
{
	if (!hv_name_is_valid(ask->name))
		return hv_fail(err, HV_E_INVAL, "'%.64s' is no name", ask->name);
	if (ask->mem_bytes == 0 || ask->mem_bytes > ask->max_bytes ||
	    ask->max_bytes > HV_LPAR_BYTES_MAX || ask->mem_bytes % HV_PAGE_BYTES != 0 ||
	    ask->max_bytes % HV_PAGE_BYTES != 0)
		return hv_fail(
			err, HV_E_INVAL,
			"memory of %llu bytes, at most %llu: whole pages of %u, and "
			"no more than the maximum",
			(unsigned long long)ask->mem_bytes,
			(unsigned long long)ask->max_bytes, HV_PAGE_BYTES);
	if (ask->hpt_ratio != 0 && !hv_hpt_ratio_is_valid(ask->hpt_ratio))
		return hv_fail(err, HV_E_INVAL, "page table ratio 1:%u", ask->hpt_ratio);
	if (io_check(ask, err) != HV_OK)
		return err->code;
	if (ask->mode == TARN__MEMORY_MODE__MEMORY_MODE_DEDICATED)
		return HV_OK;
	if (ask->weight > HV_WEIGHT_MAX)
		return hv_fail(err, HV_E_INVAL, "weight %u is not 0 to %u", ask->weight,
			       HV_WEIGHT_MAX);
	if (ask->device == NULL)
		return hv_fail(err, HV_E_INVAL,
			       "a shared partition needs a paging device");
	if (hv->pool.pool == NULL)
		return hv_fail(err, HV_E_STATE, "there is no shared memory pool");
	if (count_shared(hv) >= SHARED_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "the pool has %u shared partitions, the most it may have; "
			       "end one first",
			       SHARED_MAX);
	return HV_OK;
}

static void store_path(const struct partition *partition, char *path, size_t room)
{
	(void)snprintf(path, room, "%s/run/memory-%s", partition->hv->state_dir,
		       partition->name);
}

/*
 * A tmpfs of its own, so that the kernel holds the partition to its memory, whatever
 * it does to its file: the limit is its blocks and the slack of the kernel's counters.
 */
static enum hv_code make_store(struct partition *partition, struct hv_err *err)
{
	char dir[HV_LOCAL_PATH_BYTES + HV_NAME_BYTES + 16];
	enum hv_code code;

	store_path(partition, dir, sizeof(dir));
	code = hv_pool_mount(dir,
			     partition->mem_bytes + hv_pool_slack_pages() * HV_PAGE_BYTES,
			     &partition->store, err);
	if (code != HV_OK)
		return code;
	return hv_pool_file_make(partition->store, partition->name, partition->mem_bytes,
				 &partition->file, err);
}

void partition_store_close(struct partition *partition)
{
	char dir[HV_LOCAL_PATH_BYTES + HV_NAME_BYTES + 16];

	if (partition->store == NULL)
		return;
	hv_pool_unmount(partition->store);
	partition->store = NULL;
	store_path(partition, dir, sizeof(dir));
	(void)rmdir(dir); /* one that stays is used by the next run */
}

static enum hv_code make_dedicated(struct partition *partition, struct hv_err *err)
{
	struct hypervisor *hv = partition->hv;
	uint64_t count = hv_lmb_for_bytes(hv->lmbs, partition->mem_bytes);
	enum hv_code code = pool_machine_check(hv, partition->mem_bytes, err);

	if (code != HV_OK)
		return code;
	partition->number = ++hv->next_number;
	code = hv_lmb_take(hv->lmbs, HV_LMB_DEDICATED, partition->number, count, err);
	if (code != HV_OK)
		return code;
	partition->lmbs = count;
	return make_store(partition, err);
}

static enum hv_code make_shared(struct partition *partition,
				const Tarn__HvPartitionDefine *ask, struct hv_err *err)
{
	struct hypervisor *hv = partition->hv;
	enum hv_code code;

	partition->home = home_find(hv);
	partition->weight = ask->has_weight ? ask->weight : 128;
	partition->sees_pool = ask->has_sees_pool && ask->sees_pool;
	partition->entitled_asked = share_pages(ask->entitled_bytes);
	code = partition_entitle(partition, partition->mem_bytes, err);
	if (code != HV_OK)
		return code;
	return device_open(partition, ask->device, err);
}

enum hv_code partition_make_hcalls(struct partition *partition, struct hv_err *err)
{
	struct hv_calls_config config = {
		.hpt_bytes = hv_hpt_bytes(partition->max_bytes, partition->hpt_ratio),
		.pages_max = (uint32_t)(partition->max_bytes / HV_PAGE_BYTES),
		.tce_windows = partition->virtual_adapters,
	};
	/* the reverse map is half a table more, and 8 bytes a page */
	uint64_t bytes = config.hpt_bytes + config.hpt_bytes / 2 +
			 UINT64_C(9) * config.pages_max + /* and the hints */
			 UINT64_C(8) * HV_TCE_WINDOW_PAGES * config.tce_windows +
			 /* and how often each page is mapped */
			 (config.tce_windows > 0 ? UINT64_C(2) * config.pages_max : 0);
	enum hv_code code = pool_machine_check(partition->hv, bytes, err);

	if (code == HV_OK)
		code = hcalls_open(&config, &partition->memory, &partition->hcalls, err);
	if (code != HV_OK)
		return code;
	hv_calls_resize(partition->hcalls->calls,
			(uint32_t)(partition->mem_bytes / HV_PAGE_BYTES));
	partition->memory.hcalls = partition->hcalls;
	partition->hcalls->io = partition->io;
	if (partition->home == NULL) /* dedicated: it has no faults to serve */
		partition->home = home_find(partition->hv);
	return HV_OK;
}

static struct partition *new_partition(struct hypervisor *hv,
				       const Tarn__HvPartitionDefine *ask)
{
	struct partition *partition = calloc(1, sizeof(*partition));

	if (partition == NULL)
		return NULL;
	partition->hv = hv;
	(void)snprintf(partition->name, sizeof(partition->name), "%s", ask->name);
	partition->run_id = ask->run_id;
	partition->mode = ask->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED
				  ? HV_MODE_SHARED
				  : HV_MODE_DEDICATED;
	partition->mem_bytes = ask->mem_bytes;
	partition->max_bytes = ask->max_bytes;
	partition->hpt_ratio = ask->hpt_ratio != 0 ? ask->hpt_ratio : HPT_RATIO_USUAL;
	partition->virtual_adapters = ask->virtual_adapters;
	partition->file = partition->fd = partition->pidfd = -1;
	partition->managed.process = -1;
	partition->memory.uffd = -1;
	return partition;
}

void partition_free(struct partition *partition)
{
	struct hypervisor *hv = partition->hv;
	struct partition **at = &hv->partitions;

	HV_INVARIANT(partition->define_exchange == NULL);
	HV_INVARIANT(partition->memory.thread == NULL);
	while (*at != NULL && *at != partition)
		at = &(*at)->next;
	if (*at == partition)
		*at = partition->next;
	if (partition->lmbs > 0)
		hv_lmb_give(hv->lmbs, HV_LMB_DEDICATED, partition->number,
			    partition->lmbs);
	if (partition->file >= 0) {
		if (partition->mode == HV_MODE_SHARED && hv->pool.pool != NULL)
			hv_pool_file_remove(hv->pool.pool, partition->name,
					    partition->file);
		(void)close(partition->file);
	}
	partition_store_close(partition);
	device_free(partition);
	hv_space_free(partition->memory.space);
	hcalls_close(partition->hcalls);
	io_free(partition->io);
	free(partition);
}

/* ---- the answer ---- */

static void refuse(struct partition *partition, const struct hv_err *err)
{
	struct hv_exchange *exchange = partition->define_exchange;

	partition->define_exchange = NULL;
	log_warn("hypervisor.define_refused", "partition=%s error=\"%s\"",
		 partition->name, err->text);
	control_answer(exchange, err->code, err);
	partition->is_refused = true;
	life_end(partition, err->text);
}

static enum hv_code charge_shortage(struct partition *partition, struct hv_err *err)
{
	uint64_t needed = slots_needed(partition);
	enum hv_code code = partition_entitle(partition, partition->mem_bytes, err);

	if (code == HV_OK || err == NULL || partition->slots >= needed)
		return code;
	return hv_wrap(err, "paging device '%s' has %llu pages, %llu are needed",
		       device_name(&partition->device),
		       (unsigned long long)partition->slots, (unsigned long long)needed);
}

static enum hv_code make_space(struct partition *partition, struct hv_err *err)
{
	struct hypervisor *hv = partition->hv;
	struct memory *memory = &partition->memory;
	struct hv_space_config config = {
		.pages = (uint32_t)(partition->mem_bytes / HV_PAGE_BYTES),
		.max_pages = (uint32_t)(partition->max_bytes / HV_PAGE_BYTES),
		.slots = partition->slots > HV_SLOTS_MAX ? HV_SLOTS_MAX
							 : (uint32_t)partition->slots,
		.is_mirrored = device_is_mirrored(partition),
		.entitled_pages = (uint32_t)partition->entitled_pages,
		.target_pages = (uint32_t)partition->entitled_pages,
		.ops = &memory_ops,
		.ctx = memory,
	};
	enum hv_code code;

	code = hv_space_new(&config, &memory->space, err);
	if (code != HV_OK)
		return code;
	memory->pages = config.pages;
	memory->max_pages = config.max_pages;
	memory->entitled_pages = memory->target_pages = config.entitled_pages;
	code = hv_pool_file_make(hv->pool.pool, partition->name, partition->max_bytes,
				 &partition->file, err);
	memory->file = partition->file;
	return code;
}

static void complete(struct partition *partition)
{
	struct hv_exchange *exchange = partition->define_exchange;

	partition->define_exchange = NULL;
	partition->phase = PHASE_DEFINED;
	if (partition->io != NULL) {
		partition->io->memory.file = partition->file;
		partition->io->memory.is_paged = partition->mode == HV_MODE_SHARED;
	}
	log_info("hypervisor.defined", "partition=%s run=%llu bytes=%llu",
		 partition->name, (unsigned long long)partition->run_id,
		 (unsigned long long)partition->mem_bytes);
	control_answer_token(exchange, partition->token);
}

/* Both VIOS have answered, or one has and time is up. */
static void go_on_opening(struct partition *partition)
{
	struct device *device = &partition->device;
	bool is_late = hv_clock_ms() >= partition->define_deadline_ms;
	uint64_t slots = device_slots(device);
	struct hv_err err = { 0 };

	if (!partition_has_io(partition, is_late, &err)) {
		if (err.code != HV_OK)
			refuse(partition, &err);
		return;
	}
	if (partition->mode == HV_MODE_DEDICATED) {
		complete(partition);
		return;
	}
	if (!device_is_settled(device) && !is_late)
		return;
	if (slots == 0) {
		const char *why = device->paths[0].reason[0] != '\0'
					  ? device->paths[0].reason
					  : device->paths[1].reason;

		(void)hv_fail(&err, is_late ? HV_E_TIMEOUT : HV_E_IO,
			      "no VIOS can open paging device '%s': %s",
			      device_name(device),
			      why[0] != '\0' ? why : "it has no pages");
		refuse(partition, &err);
		return;
	}
	/* more than that are of no use: a device that takes its place may have as few */
	partition->slots = slots < slots_needed(partition) ? slots
							   : slots_needed(partition);
	home_settle(partition);
	if (charge_shortage(partition, &err) != HV_OK ||
	    make_space(partition, &err) != HV_OK) {
		refuse(partition, &err);
		return;
	}
	complete(partition);
}

void partition_device_changed(struct partition *partition)
{
	if (partition->phase == PHASE_OPENING)
		go_on_opening(partition);
	else if (partition->phase >= PHASE_DYING)
		hypervisor_poll_soon(partition->hv);
}

/* ---- define ---- */

static bool any_session(const struct hypervisor *hv)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (hv->director.vios[i].state == SESSION_OPEN)
			return true;
	return false;
}

static void start_opening(struct partition *partition, struct hv_exchange *exchange)
{
	partition->phase = PHASE_OPENING;
	partition->define_exchange = exchange;
	partition->define_deadline_ms = hv_clock_ms() + DEFINE_MS;
	for (unsigned path = 0; path < HV_PATHS; path++)
		if (partition->device.is_used)
			device_ask_open(partition, path);
	hypervisor_poll_soon(partition->hv);
}

static void define_new(struct hypervisor *hv, const Tarn__HvPartitionDefine *ask,
		       struct hv_exchange *exchange)
{
	struct partition *partition;
	struct hv_err err = { 0 };
	enum hv_code code = check_ask(hv, ask, &err);

	if (code != HV_OK) {
		control_answer(exchange, code, &err);
		return;
	}
	partition = new_partition(hv, ask);
	if (partition == NULL) {
		(void)hv_fail(&err, HV_E_NOMEM, "a partition's record");
		control_answer(exchange, HV_E_NOMEM, &err);
		return;
	}
	if (getrandom(partition->token, sizeof(partition->token), 0) !=
	    (ssize_t)sizeof(partition->token))
		code = hv_fail_os(&err, HV_E_OS, errno, "make a token");
	else if (partition->mode == HV_MODE_DEDICATED)
		code = make_dedicated(partition, &err);
	else if (!any_session(hv))
		code = hv_fail(&err, HV_E_AGAIN, "no paging VIOS is there");
	else
		code = make_shared(partition, ask, &err);
	if (code == HV_OK)
		code = partition_make_io(partition, ask, &err);
	if (code != HV_OK) {
		control_answer(exchange, code, &err);
		partition_free(partition);
		return;
	}
	partition->next = hv->partitions;
	hv->partitions = partition;
	if (partition->mode == HV_MODE_SHARED || partition->io != NULL) {
		start_opening(partition, exchange);
		return;
	}
	partition->define_exchange = exchange;
	complete(partition);
}

/* The agent asks again for what it asked for before: the same answer. */
static void define_again(struct partition *partition, struct hv_exchange *exchange)
{
	struct hv_err err = { 0 };

	if (partition->phase == PHASE_OPENING) {
		(void)hv_fail(&err, HV_E_AGAIN, "asked again meanwhile");
		control_answer(partition->define_exchange, HV_E_AGAIN, &err);
		partition->define_exchange = exchange;
		return;
	}
	if (partition->phase < PHASE_DYING) {
		control_answer_token(exchange, partition->token);
		return;
	}
	(void)hv_fail(&err, HV_E_STATE, "run %llu of partition '%s' has ended: %s",
		      (unsigned long long)partition->run_id, partition->name,
		      partition->reason);
	control_answer(exchange, HV_E_STATE, &err);
}

void partition_define(struct hypervisor *hv, const Tarn__HvPartitionDefine *ask,
		      struct hv_exchange *exchange)
{
	struct partition *old = partition_find(hv, ask->name);
	struct hv_err err = { 0 };

	if (old != NULL && old->run_id == ask->run_id && !old->is_refused) {
		define_again(old, exchange);
		return;
	}
	if (old != NULL && ask->run_id < old->run_id) {
		(void)hv_fail(&err, HV_E_STALE, "partition '%s' has had run %llu",
			      old->name, (unsigned long long)old->run_id);
		control_answer(exchange, HV_E_STALE, &err);
		return;
	}
	if (old != NULL && old->phase == PHASE_ENDED) {
		partition_free(old);
		old = NULL;
	}
	if (old != NULL) {
		(void)hv_fail(&err, HV_E_BUSY, "run %llu of partition '%s' is %s",
			      (unsigned long long)old->run_id, old->name,
			      old->phase < PHASE_DYING ? "not over" : "being cleaned up");
		control_answer(exchange, HV_E_BUSY, &err);
		return;
	}
	define_new(hv, ask, exchange);
}

enum hv_code partition_remove(struct hypervisor *hv, const char *name, uint64_t run_id,
			      struct hv_err *err)
{
	struct partition *partition = partition_find(hv, name);

	if (partition == NULL || partition->run_id != run_id)
		return HV_OK; /* gone already */
	if (life_is_attached(partition))
		return hv_fail(err, HV_E_BUSY, "partition '%s' is running", name);
	if (partition->phase < PHASE_DYING) {
		if (partition->define_exchange != NULL) {
			struct hv_err gone = { 0 };

			(void)hv_fail(&gone, HV_E_CANCELED, "removed meanwhile");
			control_answer(partition->define_exchange, HV_E_CANCELED, &gone);
			partition->define_exchange = NULL;
		}
		life_end(partition, "removed");
	}
	if (partition->phase != PHASE_ENDED)
		return hv_fail(err, HV_E_AGAIN, "partition '%s' is being cleaned up: %s",
			       name, partition->reason);
	partition_free(partition);
	return HV_OK;
}
