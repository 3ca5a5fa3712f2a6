/*
 * tiers - memory for compressed pages (pager/tier.h): a file of the pool without a name
 * for each fault thread, mapped by us alone. It is no partition's, so that mapping it is
 * no danger (P15); each chunk of it is allocated before it is touched, so that a full
 * pool is an error and never a SIGBUS.
 *
 *   the pool is made --round--> each pager has its tier
 *   the pool goes    --round--> it has none any more, and all is freed on L
 *
 * What all tiers together may have is told with the targets: the share, but never what is
 * guaranteed to partitions (P14).
 */
#include "hvcore/hypervisor/hypervisor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

struct tier_file {
	int fd;
	uint8_t *base;
	uint64_t bytes;
	struct hv_tier *tier;
};

struct tiers {
	struct tiers *next;
	struct hypervisor *hv;
	struct fault_round open, close;
	struct tier_file files[HV_LANES_MAX];
	unsigned count;
};

static bool fill(void *ctx, uint64_t at, uint64_t bytes) /* F */
{
	struct tier_file *file = ctx;

	if (fallocate(file->fd, 0, (off_t)at, (off_t)bytes) != 0) {
		/* a part of it may be there */
		(void)fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)at, (off_t)bytes);
		return false;
	}
	/* one call instead of a fault for each page; older kernels refuse */
	(void)madvise(file->base + at, bytes, MADV_POPULATE_WRITE);
	return true;
}

static void punch(void *ctx, uint64_t at, uint64_t bytes) /* F */
{
	struct tier_file *file = ctx;

	(void)fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)at,
			(off_t)bytes);
}

/*
 * Our memory is locked, and later maps are as well: mapped as it is, all of the file
 * would be allocated at once. So it is mapped without access, unlocked, then opened.
 */
static enum hv_code map_file(struct tier_file *file, struct hv_err *err)
{
	void *at = mmap(NULL, file->bytes, PROT_NONE, MAP_SHARED | MAP_NORESERVE,
			file->fd, 0);

	if (at == MAP_FAILED)
		return hv_fail_os(err, HV_E_NOMEM, errno, "map a compressed tier");
	file->base = at;
	(void)munlock(at, file->bytes);
	(void)madvise(at, file->bytes, MADV_DONTFORK);
	(void)madvise(at, file->bytes, MADV_DONTDUMP); /* contents of pages */
	if (mprotect(at, file->bytes, PROT_READ | PROT_WRITE) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "map a compressed tier");
	return HV_OK;
}

static void close_file(struct tier_file *file)
{
	hv_tier_free(file->tier);
	if (file->base != NULL)
		(void)munmap(file->base, file->bytes);
	if (file->fd >= 0)
		(void)close(file->fd);
}

static enum hv_code open_file(struct hypervisor *hv, struct tier_file *file,
			      struct hv_err *err)
{
	uint64_t chunk = (uint64_t)HV_TIER_CHUNK_PAGES * HV_PAGE_BYTES;
	uint64_t memory = hv_lmb_total(hv->lmbs) * hv_lmb_bytes(hv->lmbs);
	struct hv_tier_memory tier = { .chunk_pages = HV_TIER_CHUNK_PAGES,
				       .fill = fill,
				       .punch = punch,
				       .ctx = file };
	enum hv_code code;

	/* whatever the pool may grow to */
	file->bytes = (memory / 100 * hv->tier_share / chunk + 1) * chunk;
	if (file->bytes > HV_TIER_BYTES_MAX)
		file->bytes = HV_TIER_BYTES_MAX;
	code = hv_pool_memory_make(hv->pool.pool, file->bytes, &file->fd, err);
	if (code == HV_OK)
		code = map_file(file, err);
	if (code != HV_OK)
		return code;
	tier.base = file->base;
	tier.bytes = file->bytes;
	return hv_tier_new(&tier, &hv->team->frames, &file->tier, err);
}

static void free_tiers(struct tiers *tiers)
{
	for (unsigned i = 0; i < tiers->count; i++)
		close_file(&tiers->files[i]);
	free(tiers);
}

static void visit_open(struct fault_thread *thread, struct fault_round *round) /* F */
{
	struct tiers *tiers = HV_CONTAINER(round, struct tiers, open);

	hv_pager_tier(thread->pager, tiers->files[thread->index].tier);
}

static void visit_close(struct fault_thread *thread, struct fault_round *round) /* F */
{
	(void)round;
	hv_pager_tier(thread->pager, NULL);
}

static void on_open(struct fault_round *round)
{
	(void)round;
}

static void on_closed(struct fault_round *round)
{
	struct tiers *tiers = HV_CONTAINER(round, struct tiers, close);
	struct tiers **at = &tiers->hv->closing_tiers;

	while (*at != tiers)
		at = &(*at)->next;
	*at = tiers->next;
	free_tiers(tiers);
}

enum hv_code tiers_open(struct hypervisor *hv, struct hv_err *err)
{
	struct tiers *tiers;
	enum hv_code code = HV_OK;

	if (hv->tier_share == 0)
		return HV_OK;
	tiers = calloc(1, sizeof(*tiers));
	if (tiers == NULL)
		return hv_fail(err, HV_E_NOMEM, "the compressed tiers");
	tiers->hv = hv;
	tiers->open.visit = visit_open;
	tiers->open.done = on_open;
	tiers->close.visit = visit_close;
	tiers->close.done = on_closed;
	for (unsigned i = 0; i < hv->team->count && code == HV_OK; i++) {
		tiers->files[tiers->count].fd = -1;
		code = open_file(hv, &tiers->files[tiers->count++], err);
	}
	if (code != HV_OK) {
		free_tiers(tiers);
		return code;
	}
	hv->tiers = tiers;
	fault_round_start(hv->team, &tiers->open);
	return HV_OK;
}

void tiers_close(struct hypervisor *hv)
{
	struct tiers *tiers = hv->tiers;

	if (tiers == NULL)
		return;
	hv->tiers = NULL;
	tiers->next = hv->closing_tiers;
	hv->closing_tiers = tiers;
	fault_round_start(hv->team, &tiers->close);
}

void tiers_free_all(struct hypervisor *hv)
{
	if (hv->tiers != NULL)
		free_tiers(hv->tiers);
	hv->tiers = NULL;
	while (hv->closing_tiers != NULL) {
		struct tiers *tiers = hv->closing_tiers;

		hv->closing_tiers = tiers->next;
		free_tiers(tiers);
	}
}

void tiers_limit(struct hypervisor *hv)
{
	struct hv_frames *frames = &hv->team->frames;
	int64_t total = hv_frames_total(frames);
	int64_t share = total * (int64_t)hv->tier_share / 100;
	int64_t room = total - hv_frames_reserve(total) -
		       (int64_t)partition_entitled_pages(hv);

	hv_frames_pack_most(frames, share < room ? share : room);
}

uint64_t tiers_bytes(const struct hypervisor *hv)
{
	uint64_t bytes = 0;

	for (unsigned i = 0; hv->tiers != NULL && i < hv->tiers->count; i++)
		bytes += hv_tier_bytes(hv->tiers->files[i].tier);
	return bytes;
}
