/* memory - see memory.h. */
#include "deploy/guest/memory.h"

#include <errno.h>
#include <sys/mman.h>

#include "hvcore/base/invariant.h"

#define PIECE_BYTES ((size_t)GUEST_PIECE_PAGES * HV_PAGE_BYTES)
#define SCATTER 0x9e3779b97f4a7c15u
#define WRITES_OF_8 3 /* three of eight operations write */

static void *map(size_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at != MAP_FAILED ? at : NULL;
}

/* Aligned to a piece, so that what is given back is whole blocks; the rest is unmapped. */
static uint8_t *map_aligned(size_t bytes)
{
	uint8_t *at = map(bytes + PIECE_BYTES);
	size_t before;

	if (at == NULL)
		return NULL;
	before = (PIECE_BYTES - (uintptr_t)at % PIECE_BYTES) % PIECE_BYTES;
	if (before > 0)
		(void)munmap(at, before);
	if (before < PIECE_BYTES)
		(void)munmap(at + before + bytes, PIECE_BYTES - before);
	/* without them blocks are pieced together more slowly, no more */
	(void)madvise(at + before, bytes, MADV_HUGEPAGE);
	return at + before;
}

enum hv_code guest_memory_open(uint64_t mib, uint64_t seed,
			       struct guest_memory *ret_memory, struct hv_err *err)
{
	uint64_t pages = mib * (1024 * 1024 / HV_PAGE_BYTES);
	struct guest_memory memory = { .rng = { .state = seed } };

	pages -= pages % GUEST_PIECE_PAGES;
	if (pages == 0)
		return hv_fail(err, HV_E_INVAL, "%llu MiB is too little",
			       (unsigned long long)mib);
	memory.key = hv_rng_next(&memory.rng) | 1; /* zero means a page never written */
	memory.pages = memory.wanted = pages;
	memory.base = map_aligned(pages * HV_PAGE_BYTES);
	if (memory.base == NULL)
		return hv_fail_os(err, HV_E_NOMEM, errno, "map %llu MiB",
				  (unsigned long long)mib);
	memory.versions = map(pages * sizeof(*memory.versions));
	if (memory.versions == NULL) {
		(void)munmap(memory.base, pages * HV_PAGE_BYTES);
		return hv_fail_os(err, HV_E_NOMEM, errno, "map the versions of %llu MiB",
				  (unsigned long long)mib);
	}
	*ret_memory = memory;
	return HV_OK;
}

void guest_memory_close(struct guest_memory *memory)
{
	if (memory == NULL || memory->base == NULL)
		return;
	(void)munmap(memory->base, memory->pages * HV_PAGE_BYTES);
	(void)munmap(memory->versions, memory->pages * sizeof(*memory->versions));
	*memory = (struct guest_memory){ .base = NULL };
}

static void *page_at(const struct guest_memory *memory, uint64_t page)
{
	return memory->base + page * HV_PAGE_BYTES;
}

static struct partition_content content_of(const struct guest_memory *memory,
					   uint64_t page)
{
	return (struct partition_content){
		.key = memory->key,
		.page = page,
		.version = memory->versions[page],
	};
}

static void write_page(struct guest_memory *memory, uint64_t page)
{
	struct partition_content content;

	memory->versions[page]++;
	HV_INVARIANT(memory->versions[page] != 0);
	content = content_of(memory, page);
	partition_content_write(page_at(memory, page), &content);
}

bool guest_memory_check(struct guest_memory *memory, uint64_t page)
{
	struct partition_content content;
	struct guest_bad bad = { .page = page };

	HV_INVARIANT(page < memory->present);
	content = content_of(memory, page);
	if (partition_content_check(page_at(memory, page), &content, &bad.found))
		return true;
	bad.version = content.version;
	memory->bad++;
	if (memory->on_bad != NULL)
		memory->on_bad(memory->owner, &bad);
	write_page(memory, page);
	return false;
}

/* The ranks are spread over other pages whenever their number has changed. */
static void set_present(struct guest_memory *memory, uint64_t present)
{
	HV_INVARIANT(present <= memory->pages);
	memory->present = present;
	if (present > 0)
		partition_zipf_init(&memory->zipf, present);
	if (memory->sweep >= present)
		memory->sweep = 0;
}

bool guest_memory_fill(struct guest_memory *memory, uint64_t count)
{
	uint64_t left = memory->wanted - memory->present;
	uint64_t at = memory->present;

	HV_INVARIANT(memory->present <= memory->wanted);
	if (left == 0)
		return false;
	if (count > left)
		count = left;
	for (uint64_t i = 0; i < count; i++)
		write_page(memory, at + i);
	set_present(memory, at + count);
	return true;
}

static uint64_t next_in_order(struct guest_memory *memory)
{
	uint64_t page = memory->sweep++;

	if (memory->sweep == memory->present) {
		memory->sweep = 0;
		memory->passes++;
	}
	return page;
}

static uint64_t next_page(struct guest_memory *memory, unsigned draw)
{
	uint64_t rank;

	switch (draw % 4) {
	case 0:
		return next_in_order(memory);
	case 1:
		return hv_rng_below(&memory->rng, memory->present);
	default:
		rank = partition_zipf_next(&memory->zipf, &memory->rng);
		return rank * SCATTER % memory->present; /* hot pages lie apart */
	}
}

void guest_memory_step(struct guest_memory *memory)
{
	uint64_t draw = hv_rng_next(&memory->rng) >> 32;
	uint64_t page;

	if (memory->present == 0)
		return;
	page = next_page(memory, (unsigned)draw);
	(void)guest_memory_check(memory, page);
	if (draw / 4 % 8 < WRITES_OF_8)
		write_page(memory, page);
	memory->ops++;
}

uint64_t guest_memory_free(struct guest_memory *memory, unsigned percent)
{
	uint64_t keep = memory->pages - memory->pages * percent / 100;
	uint64_t before = memory->present;

	HV_INVARIANT(percent <= 100);
	keep -= keep % GUEST_PIECE_PAGES;
	if (keep < memory->wanted)
		memory->wanted = keep;
	if (keep >= before)
		return 0;
	/* only its own memory: cannot fail */
	(void)madvise(page_at(memory, keep), (before - keep) * HV_PAGE_BYTES,
		      MADV_DONTNEED);
	set_present(memory, keep);
	return before - keep;
}

void guest_memory_want_all(struct guest_memory *memory)
{
	memory->wanted = memory->pages;
}
