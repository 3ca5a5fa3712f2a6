/* mmu - see mmu.h. */
#include "agent/partition/mmu.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hvcore/base/clock.h"
#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"
#include "hvcore/base/rng.h"
#include "hvcore/base/units.h"

#define WATCH_MS 5000 /* for a breakpoint to be set; arbitrary */
#define TRIES 64      /* of one translation: a page may leave again at once. Arbitrary */
#define SEGMENT_PAGES_BITS (HV_SEGMENT_SHIFT - HV_PAGE_SHIFT)

/*
 * A word of the TLB: virtual page + 1, logical page, may a store use it (C is set).
 * One word, so that it is whole for whoever reads it while another writes.
 */
#define WORD(page, logical, is_store) \
	(((page) + 1) << 32 | (uint64_t)(logical) << 1 | (is_store))
#define WORD_PAGE(word) (((word) >> 32) - 1)
#define WORD_LOGICAL(word) (((word)&UINT32_MAX) >> 1)

struct partition_mmu {
	struct partition_calls *calls;
	uint64_t pages;
	pthread_mutex_t lock;  /* one makes entries, or forgets, at a time */
	struct hv_rng rng;     /* which entry makes room; lock */
	bool was_refused;      /* said so; lock */
	_Atomic uint32_t left; /* forgotten up to here; written with the lock */
	_Atomic uint64_t tlb[PARTITION_TLB_ENTRIES];
};

enum hv_code partition_mmu_open(struct partition_calls *calls, uint64_t pages,
				struct partition_mmu **ret_mmu, struct hv_err *err)
{
	struct partition_mmu *mmu = calloc(1, sizeof(*mmu));

	if (mmu == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a TLB");
	mmu->calls = calls;
	mmu->pages = pages;
	HV_INVARIANT(pages <= INT32_MAX); /* 31 bits of a word */
	HV_INVARIANT(pthread_mutex_init(&mmu->lock, NULL) == 0);
	*ret_mmu = mmu;
	return HV_OK;
}

void partition_mmu_close(struct partition_mmu *mmu)
{
	if (mmu == NULL)
		return;
	HV_INVARIANT(pthread_mutex_destroy(&mmu->lock) == 0);
	free(mmu);
}

static void lock(struct partition_mmu *mmu)
{
	HV_INVARIANT(pthread_mutex_lock(&mmu->lock) == 0);
}

static void unlock(struct partition_mmu *mmu)
{
	HV_INVARIANT(pthread_mutex_unlock(&mmu->lock) == 0);
}

/* ---- TLB ---- */

static _Atomic uint64_t *entry_of(struct partition_mmu *mmu, uint64_t page)
{
	return &mmu->tlb[page % PARTITION_TLB_ENTRIES];
}

/* Virtual pages are at their logical ones, so its place is known. */
static void forget(struct partition_mmu *mmu, uint64_t logical)
{
	_Atomic uint64_t *entry = entry_of(mmu, logical);
	uint64_t word = atomic_load(entry);

	if (WORD_LOGICAL(word) == logical)
		(void)atomic_compare_exchange_strong(entry, &word, 0);
}

static void forget_all(struct partition_mmu *mmu)
{
	for (unsigned i = 0; i < PARTITION_TLB_ENTRIES; i++)
		atomic_store(&mmu->tlb[i], 0);
}

/* What has left since the last time. */
static void forget_left(struct partition_mmu *mmu)
{
	uint32_t now = partition_calls_left(mmu->calls);
	uint32_t from;

	if (atomic_load(&mmu->left) == now)
		return;
	lock(mmu);
	from = atomic_load(&mmu->left);
	now = partition_calls_left(mmu->calls);
	for (uint32_t at = from; at != now && now - from < HV_LEFT_RING; at++)
		forget(mmu, partition_calls_left_page(mmu->calls, at));
	/* written over while we read: too far behind to know what was in it */
	if (partition_calls_left(mmu->calls) - from >= HV_LEFT_RING)
		forget_all(mmu);
	atomic_store(&mmu->left, now);
	unlock(mmu);
}

static bool look_up(struct partition_mmu *mmu, uint64_t page, bool is_store,
		    uint64_t *ret_logical)
{
	uint64_t word = atomic_load(entry_of(mmu, page));

	if (word == 0 || WORD_PAGE(word) != page || (is_store && (word & 1) == 0))
		return false;
	*ret_logical = WORD_LOGICAL(word);
	return true;
}

/* `left`: as it was before the walk. What left since may be this one. */
static void keep(struct partition_mmu *mmu, uint64_t page, uint64_t word, uint32_t left)
{
	_Atomic uint64_t *entry = entry_of(mmu, page);

	atomic_store(entry, word);
	if (partition_calls_left(mmu->calls) != left)
		(void)atomic_compare_exchange_strong(entry, &word, 0);
}

/* ---- operating system ---- */

/* Its segments lie apart, so that their pages do not share groups. */
static uint64_t address_of(uint64_t page)
{
	uint64_t segment = ((page >> SEGMENT_PAGES_BITS) + 1) * UINT64_C(0x9e3779b1);
	uint64_t index = page & ((UINT64_C(1) << SEGMENT_PAGES_BITS) - 1);

	return (segment & UINT64_C(0xfffffffff)) << HV_SEGMENT_SHIFT |
	       index << HV_PAGE_SHIFT;
}

static uint64_t group_of(const struct partition_mmu *mmu, uint64_t hash)
{
	return (hash & (partition_calls_groups(mmu->calls) - 1)) * HV_PTEG_ENTRIES;
}

/* Any entry of that group that is not bolted. */
static void make_room(struct partition_mmu *mmu, uint64_t group)
{
	uint64_t ptex = group + hv_rng_below(&mmu->rng, HV_PTEG_ENTRIES);
	uint64_t args[HV_HCALL_ARGS] = { H_ANDCOND, ptex, HV_HPTE_V_BOLTED };
	struct hv_hcall_answer old = partition_call(mmu->calls, H_REMOVE, args);

	if (old.code == H_SUCCESS)
		forget(mmu, (old.values[1] & HV_HPTE_R_RPN) >> HV_PAGE_SHIFT);
}

/* Anything but PTEG_FULL is final. */
static int64_t enter_once(struct partition_mmu *mmu, uint64_t page)
{
	uint64_t va = address_of(page);
	uint64_t v = hv_va_avpn(va) | HV_HPTE_V_VALID;
	uint64_t r = page << HV_PAGE_SHIFT | HV_HPTE_R_M | HV_HPTE_R_PP_RW;
	uint64_t first[HV_HCALL_ARGS] = { 0, group_of(mmu, hv_va_hash(va)), v, r };
	uint64_t second[HV_HCALL_ARGS] = { 0, group_of(mmu, ~hv_va_hash(va)),
					   v | HV_HPTE_V_SECONDARY, r };
	int64_t code = partition_call(mmu->calls, H_ENTER, first).code;

	if (code == H_PTEG_FULL)
		code = partition_call(mmu->calls, H_ENTER, second).code;
	if (code == H_PTEG_FULL)
		make_room(mmu, first[1]);
	return code;
}

static int64_t enter(struct partition_mmu *mmu, uint64_t page, bool is_store)
{
	int64_t code = H_PTEG_FULL;
	uint64_t logical;

	lock(mmu);
	if (look_up(mmu, page, is_store, &logical))
		code = H_SUCCESS; /* another thread was first */
	for (unsigned i = 0; i < TRIES && code == H_PTEG_FULL; i++)
		code = enter_once(mmu, page);
	unlock(mmu);
	return code;
}

/* ---- both ---- */

static void refused(struct partition_mmu *mmu, uint64_t page, int64_t code)
{
	lock(mmu);
	if (!mmu->was_refused)
		log_error("partition.translation_refused", "page=%llu code=%lld",
			  (unsigned long long)page, (long long)code);
	mmu->was_refused = true;
	unlock(mmu);
}

bool partition_mmu_is_cached(struct partition_mmu *mmu, uint64_t page, bool is_store)
{
	uint64_t logical;

	forget_left(mmu);
	return look_up(mmu, page, is_store, &logical);
}

bool partition_mmu_translate(struct partition_mmu *mmu, uint64_t page, bool is_store,
			     uint64_t *ret_logical)
{
	uint64_t args[HV_HCALL_ARGS] = { address_of(page), is_store };
	int64_t code = H_NOT_FOUND;

	HV_INVARIANT(page < mmu->pages);
	forget_left(mmu);
	if (look_up(mmu, page, is_store, ret_logical))
		return true;
	for (unsigned i = 0; i < TRIES && code == H_NOT_FOUND; i++) {
		uint32_t left = partition_calls_left(mmu->calls);
		struct hv_hcall_answer found = partition_call(mmu->calls, H_WALK, args);
		uint64_t logical = (found.values[2] & HV_HPTE_R_RPN) >> HV_PAGE_SHIFT;

		code = found.code;
		if (code == H_SUCCESS && logical < mmu->pages) {
			keep(mmu, page, WORD(page, logical, is_store), left);
			*ret_logical = logical;
			return true;
		}
		if (code == H_NOT_FOUND) {
			code = enter(mmu, page, is_store);
			code = code == H_SUCCESS ? H_NOT_FOUND : code;
		}
	}
	refused(mmu, page, code);
	return false;
}

/* ---- the data address breakpoint ---- */

/* A call that may say that it is under way: some milliseconds, WATCH_MS at most. */
static struct hv_hcall_answer call_until_done(struct partition_mmu *mmu, uint32_t number,
					      const uint64_t *args)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	uint64_t until_ms = hv_clock_ms() + WATCH_MS;
	struct hv_hcall_answer answer = partition_call(mmu->calls, number, args);

	while (answer.code == H_LONG_BUSY_1_MSEC && hv_clock_ms() < until_ms) {
		(void)nanosleep(&pause, NULL);
		answer = partition_call(mmu->calls, number, args);
	}
	return answer;
}

int64_t partition_mmu_watch(struct partition_mmu *mmu, uint64_t address, unsigned flags,
			    int *ret_os)
{
	uint64_t page = address >> HV_PAGE_SHIFT, logical;
	uint64_t value = address_of(page) | (address & (HV_PAGE_BYTES - 1));
	uint64_t args[HV_HCALL_ARGS] = { value | flags | HV_DABR_TRANSLATED };
	struct hv_hcall_answer answer = { .code = H_NOT_FOUND };

	*ret_os = 0;
	if (flags == 0)
		args[0] = 0;
	/* not found: its entry was made room of meanwhile */
	for (unsigned i = 0; i < TRIES && answer.code == H_NOT_FOUND; i++) {
		if (flags != 0 && !partition_mmu_translate(mmu, page, false, &logical))
			return H_PARAMETER;
		answer = call_until_done(mmu, H_SET_DABR, args);
		if (answer.code == H_NOT_FOUND)
			forget(mmu, page);
	}
	if (answer.code == H_HARDWARE)
		*ret_os = (int)answer.values[0];
	return answer.code;
}

bool partition_mmu_hits(struct partition_mmu *mmu, unsigned index,
			struct partition_hits *ret_hits)
{
	uint64_t args[HV_HCALL_ARGS] = { index };
	struct hv_hcall_answer answer = call_until_done(mmu, H_DABR_HITS, args);

	if (answer.code != H_SUCCESS)
		return false;
	*ret_hits = (struct partition_hits){
		.hits = answer.values[0],
		.tid = answer.values[1],
		.address = answer.values[2],
		.flags = (unsigned)answer.values[3],
	};
	memcpy(ret_hits->name, &answer.values[4], sizeof(ret_hits->name) - 1);
	return true;
}
