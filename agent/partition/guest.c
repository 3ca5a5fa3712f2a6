/* guest - see guest.h. */
#include "agent/partition/guest_priv.h"

#include <endian.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/log.h"

/*
 * Where a thread goes on when the page it touches turns out to be poisoned; NULL
 * while it touches none. A signal handler finds its thread by nothing else.
 */
static _Thread_local sigjmp_buf *volatile poison_exit;

/* The fence keeps the compiler from moving touches of the page out of the guard. */
static void guard(sigjmp_buf *way_out)
{
	atomic_signal_fence(memory_order_seq_cst);
	poison_exit = way_out;
	atomic_signal_fence(memory_order_seq_cst);
}

static void on_bus_error(int signal)
{
	if (poison_exit != NULL)
		siglongjmp(*poison_exit, 1);
	/* Not in a page of the guest: a plain bug, which must end us. */
	(void)sigaction(signal, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
}

/*
 * Where siglongjmp() has landed: the handler was left with its signal blocked. Saving
 * the mask in sigsetjmp() would cost each touch a system call instead.
 */
static void recover(void)
{
	sigset_t set;

	guard(NULL);
	HV_INVARIANT(sigemptyset(&set) == 0);
	HV_INVARIANT(sigaddset(&set, SIGBUS) == 0);
	HV_INVARIANT(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
}

enum hv_code partition_guest_catch_poison(struct hv_err *err)
{
	struct sigaction action = { .sa_handler = on_bus_error };

	if (sigaction(SIGBUS, &action, NULL) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "catch SIGBUS");
	return HV_OK;
}

static size_t versions_bytes(const struct partition_guest *guest)
{
	return guest->max_pages * sizeof *guest->versions;
}

/* Both kinds of versions and the shadow, in one piece that is locked. */
static size_t private_bytes(const struct partition_guest *guest)
{
	return 2 * versions_bytes(guest) + guest->reserved * HV_PAGE_BYTES;
}

enum hv_code partition_guest_open(const struct partition_guest_config *config,
				  struct partition_guest **ret_guest, struct hv_err *err)
{
	struct partition_guest *guest = calloc(1, sizeof *guest);
	void *versions;

	HV_INVARIANT(config->bytes > 0 && config->bytes % HV_PAGE_BYTES == 0);
	HV_INVARIANT(config->bytes <= config->max_bytes);
	HV_INVARIANT(config->reserved <= PARTITION_RESERVED_MAX);
	HV_INVARIANT(config->reserved <= config->bytes / HV_PAGE_BYTES);
	HV_INVARIANT(config->driver <= config->bytes / HV_PAGE_BYTES - config->reserved);
	if (guest == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for the guest");
	guest->base = config->base;
	guest->pages = config->bytes / HV_PAGE_BYTES;
	guest->max_pages = config->max_bytes / HV_PAGE_BYTES;
	guest->key = config->key;
	guest->reserved = config->reserved;
	guest->driver = config->driver;
	versions = mmap(NULL, private_bytes(guest), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (versions == MAP_FAILED) {
		free(guest);
		return hv_fail_os(err, HV_E_NOMEM, errno, "map the versions of pages");
	}
	guest->versions = versions;
	guest->newest = guest->versions + guest->max_pages;
	guest->shadow = (uint8_t *)versions + 2 * versions_bytes(guest);
	if (mlock(versions, private_bytes(guest)) != 0)
		log_debug("partition.versions_not_locked", "bytes=%zu errno=%d",
			  private_bytes(guest), errno);
	*ret_guest = guest;
	return HV_OK;
}

void partition_guest_close(struct partition_guest *guest)
{
	if (guest == NULL)
		return;
	partition_mmu_close(guest->mmu);
	(void)munmap(guest->versions, private_bytes(guest));
	free(guest);
}

enum hv_code partition_guest_via(struct partition_guest *guest,
				 struct partition_calls *calls, struct hv_err *err)
{
	HV_INVARIANT(guest->mmu == NULL);
	return partition_mmu_open(calls, guest->max_pages, &guest->mmu, err);
}

bool partition_guest_reach(struct partition_guest *guest, uint64_t page, bool is_store)
{
	uint64_t logical;

	if (guest->mmu == NULL || partition_mmu_is_cached(guest->mmu, page, is_store))
		return false;
	/* where it is refused the access says so */
	(void)!partition_mmu_translate(guest->mmu, page, is_store, &logical);
	return true;
}

uint64_t partition_guest_pages(const struct partition_guest *guest)
{
	return guest->pages;
}

uint64_t partition_guest_max_pages(const struct partition_guest *guest)
{
	return guest->max_pages;
}

enum hv_code partition_guest_hint_by(struct partition_guest *guest,
				     struct partition_calls *calls, struct hv_err *err)
{
	if (partition_calls_hint_count(calls) < guest->max_pages)
		return hv_fail(err, HV_E_NOMEM, "hints for %llu of %llu pages",
			       (unsigned long long)partition_calls_hint_count(calls),
			       (unsigned long long)guest->max_pages);
	guest->hinting = calls;
	return HV_OK;
}

bool partition_guest_has_hints(const struct partition_guest *guest)
{
	return guest->hinting != NULL;
}

bool partition_guest_is_free(const struct partition_guest *guest, uint64_t page)
{
	return (guest->versions[page] & GUEST_FREE_BIT) != 0;
}

void partition_guest_free(struct partition_guest *guest, uint64_t page, uint64_t pages,
			  enum hv_hint hint)
{
	HV_INVARIANT(page < guest->pages && pages <= guest->pages - page);
	for (uint64_t i = page; i < page + pages; i++) {
		if (i < guest->reserved + guest->driver)
			continue;
		guest->versions[i] |= GUEST_FREE_BIT;
		if (!partition_hint(guest->hinting, i, hint))
			guest->versions[i] = GUEST_FREE_BIT; /* zeros */
	}
}

void guest_use(struct partition_guest *guest, uint64_t page)
{
	if (!partition_guest_is_free(guest, page))
		return;
	guest->versions[page] &= ~GUEST_FREE_BIT;
	if (!partition_hint(guest->hinting, page, HV_HINT_ACTIVE))
		guest->versions[page] = 0;
}

void partition_guest_resize(struct partition_guest *guest, uint64_t pages,
			    uint64_t intact)
{
	HV_INVARIANT(pages > 0 && pages <= guest->max_pages);
	HV_INVARIANT(guest->reserved + guest->driver <= pages);
	for (uint64_t page = intact; page < guest->max_pages; page++) {
		if (partition_guest_is_free(guest, page))
			guest_use(guest, page); /* what comes into use is active */
		guest->versions[page] = 0;
	}
	for (uint64_t page = intact; page < guest->reserved; page++)
		memset(guest->shadow + page * HV_PAGE_BYTES, 0, HV_PAGE_BYTES);
	guest->pages = pages;
}

uint64_t partition_guest_mismatches(const struct partition_guest *guest)
{
	return atomic_load_explicit(&guest->mismatches, memory_order_relaxed);
}

/* NULL: its translation is refused. */
static uint8_t *address_of(const struct partition_guest *guest, uint64_t page,
			   bool is_store)
{
	uint64_t logical = page;

	HV_INVARIANT(page < guest->pages);
	if (guest->mmu != NULL &&
	    !partition_mmu_translate(guest->mmu, page, is_store, &logical))
		return NULL;
	return guest->base + logical * HV_PAGE_BYTES;
}

static struct partition_content content_of(const struct partition_guest *guest,
					   uint64_t page)
{
	return (struct partition_content){
		.key = guest->key,
		.page = page,
		.version = guest->versions[page] & GUEST_VERSION_BITS,
	};
}

bool guest_count_mismatch(struct partition_guest *guest)
{
	uint64_t before = atomic_fetch_add_explicit(&guest->mismatches, 1,
						    memory_order_relaxed);

	if (before == PARTITION_MISMATCHES_LOGGED)
		log_error("partition.mismatches_not_logged", "after=%d",
			  PARTITION_MISMATCHES_LOGGED);
	return before < PARTITION_MISMATCHES_LOGGED;
}

/*
 * Words of a page that is not ours may be another partition's content, which no log
 * may show.
 */
static void log_mismatch(const struct partition_guest *guest, uint64_t page,
			 const struct partition_finding *found)
{
	unsigned long long number = page;
	unsigned version = guest->versions[page] & GUEST_VERSION_BITS;

	if (found == NULL)
		log_error("partition.mismatch", "page=%llu version=%u found=poison",
			  number, version);
	else if (found->key != guest->key)
		log_error("partition.mismatch",
			  "page=%llu version=%u found=%s first_bad_byte=%u", number,
			  version, found->key == 0 ? "zero" : "foreign",
			  found->first_bad_byte);
	else
		log_error("partition.mismatch",
			  "page=%llu version=%u found=own found_page=%llu "
			  "found_version=%llu first_bad_byte=%u",
			  number, version, (unsigned long long)found->page,
			  (unsigned long long)found->version, found->first_bad_byte);
}

/* Once for each page until it is written again. `found` NULL: it cannot be read. */
static void report(struct partition_guest *guest, uint64_t page,
		   const struct partition_finding *found)
{
	if ((guest->versions[page] & GUEST_BAD_BIT) != 0)
		return;
	guest->versions[page] |= GUEST_BAD_BIT;
	if (guest_count_mismatch(guest))
		log_mismatch(guest, page, found);
}

/* mmu.c has logged it. */
static bool not_translated(struct partition_guest *guest, uint64_t page)
{
	if ((guest->versions[page] & GUEST_BAD_BIT) == 0)
		(void)guest_count_mismatch(guest);
	guest->versions[page] |= GUEST_BAD_BIT;
	return false;
}

/* Whether the page holds what it must, in every byte; *ret_finding where not. */
static bool is_as_written(const struct partition_guest *guest, uint64_t page,
			  const uint8_t *at, struct partition_finding *ret_finding)
{
	const uint8_t *shadow = guest->shadow + page * HV_PAGE_BYTES;
	struct partition_content expected = content_of(guest, page);
	unsigned i = 0;

	if (page >= guest->reserved)
		return partition_content_check(at, &expected, ret_finding);
	if (memcmp(at, shadow, HV_PAGE_BYTES) == 0)
		return true;
	while (i < HV_PAGE_BYTES && at[i] == shadow[i])
		i++;
	*ret_finding = (struct partition_finding){ .first_bad_byte = i };
	return false;
}

bool partition_guest_check(struct partition_guest *guest, uint64_t page)
{
	const uint8_t *address = address_of(guest, page, false);
	struct partition_finding found;
	sigjmp_buf way_out;
	bool is_right;

	if (guest_is_driver(guest, page))
		return true;
	guest_use(guest, page);
	if (address == NULL)
		return not_translated(guest, page);
	if (sigsetjmp(way_out, 0) != 0) {
		recover();
		report(guest, page, NULL);
		return false;
	}
	guard(&way_out);
	is_right = is_as_written(guest, page, address, &found);
	guard(NULL);
	if (!is_right)
		report(guest, page, &found);
	return is_right;
}

bool partition_guest_peek(struct partition_guest *guest, uint64_t page)
{
	const uint8_t *address = address_of(guest, page, false);
	sigjmp_buf way_out;
	bool is_right;

	if (guest_is_driver(guest, page))
		return true;
	if (address == NULL)
		return false; /* the same */
	if (sigsetjmp(way_out, 0) != 0) {
		recover();
		return false; /* its owner finds it, and counts it */
	}
	guard(&way_out);
	is_right = partition_content_peek(address, guest->key, page) ||
		   page < guest->reserved; /* looked at all the same */
	guard(NULL);
	if (!is_right && guest_count_mismatch(guest))
		log_error("partition.mismatch", "page=%llu seen_by=neighbour",
			  (unsigned long long)page);
	return is_right;
}

/* The content, or the bytes `from`; false: it cannot be written. */
static bool put(struct partition_guest *guest, uint64_t page,
		const struct partition_content *content, const uint8_t *from)
{
	uint8_t *address = address_of(guest, page, true);
	sigjmp_buf way_out;

	HV_INVARIANT((content != NULL) != (from != NULL));
	if (address == NULL)
		return not_translated(guest, page);
	if (sigsetjmp(way_out, 0) != 0) {
		recover();
		report(guest, page, NULL);
		return false;
	}
	guard(&way_out);
	if (content != NULL)
		partition_content_write(address, content);
	else
		memcpy(address, from, HV_PAGE_BYTES);
	guard(NULL);
	guest->versions[page] &= ~GUEST_BAD_BIT;
	return true;
}

static bool write_version(struct partition_guest *guest, uint64_t page)
{
	struct partition_content content;
	uint32_t version = guest->newest[page] + 1;

	guest_use(guest, page);
	content = content_of(guest, page);
	content.version = version < GUEST_FREE_BIT ? version : 1;
	guest->newest[page] = content.version; /* also where it is written in part */
	if (!put(guest, page, &content, NULL))
		return false;
	guest->versions[page] = content.version;
	return true;
}

bool partition_guest_write(struct partition_guest *guest, uint64_t page)
{
	if (page < guest->reserved + guest->driver)
		return partition_guest_check(guest, page);
	return write_version(guest, page);
}

/* ---- pages of another reckoning ---- */

static void log_other(const struct partition_guest *guest, uint64_t page,
		      const struct partition_content *expected,
		      const struct partition_finding *found, uint64_t unit)
{
	log_error("partition.mismatch",
		  "page=%llu unit=%llx holds=%llu version=%u found=%s found_page=%llu "
		  "first_bad_byte=%u",
		  (unsigned long long)page, (unsigned long long)unit,
		  (unsigned long long)expected->page, expected->version,
		  found->key == guest->key ? "own"
		  : found->key == 0        ? "zero"
					   : "foreign",
		  found->key == guest->key ? (unsigned long long)found->page : 0,
		  found->first_bad_byte);
}

bool partition_guest_check_as(struct partition_guest *guest, uint64_t page,
			      const struct partition_content *content, uint64_t unit)
{
	const uint8_t *address = address_of(guest, page, false);
	struct partition_finding found;
	sigjmp_buf way_out;
	bool is_right;

	if (address == NULL)
		return not_translated(guest, page);
	if (sigsetjmp(way_out, 0) != 0) {
		recover();
		report(guest, page, NULL);
		return false;
	}
	guard(&way_out);
	is_right = partition_content_check(address, content, &found);
	guard(NULL);
	if (!is_right && guest_count_mismatch(guest))
		log_other(guest, page, content, &found, unit);
	return is_right;
}

bool partition_guest_write_as(struct partition_guest *guest, uint64_t page,
			      const struct partition_content *content)
{
	return put(guest, page, content, NULL);
}

bool partition_guest_fill(struct partition_guest *guest, uint64_t page,
			  const uint8_t *from)
{
	return put(guest, page, NULL, from);
}

uint64_t partition_guest_key(const struct partition_guest *guest)
{
	return guest->key;
}

void partition_guest_forget(struct partition_guest *guest, uint64_t page, uint64_t pages)
{
	HV_INVARIANT(page < guest->pages && pages <= guest->pages - page);
	for (uint64_t i = 0; i < pages; i++)
		guest->versions[page + i] = 0;
	for (uint64_t i = page; i < guest->reserved && i < page + pages; i++)
		memset(guest->shadow + i * HV_PAGE_BYTES, 0, HV_PAGE_BYTES);
}

bool partition_guest_load(struct partition_guest *guest, uint64_t address, uint8_t *into,
			  unsigned bytes)
{
	unsigned offset = (unsigned)(address % HV_PAGE_BYTES);
	const uint8_t *at = address_of(guest, address / HV_PAGE_BYTES, false);
	sigjmp_buf way_out;

	HV_INVARIANT(bytes <= HV_PAGE_BYTES - offset);
	if (at == NULL)
		return false;
	if (sigsetjmp(way_out, 0) != 0) {
		recover();
		return false;
	}
	guard(&way_out);
	for (unsigned i = 0; i < bytes; i++) /* its owner may be writing it */
		into[i] = __atomic_load_n(&at[offset + i], __ATOMIC_RELAXED);
	guard(NULL);
	return true;
}

bool partition_guest_store(struct partition_guest *guest, uint64_t address,
			   uint64_t value)
{
	uint64_t word = htobe64(value);
	uint8_t *at = address_of(guest, address / HV_PAGE_BYTES, true);
	sigjmp_buf way_out;

	HV_INVARIANT(address / HV_PAGE_BYTES < guest->reserved);
	HV_INVARIANT(address % sizeof(word) == 0);
	if (at == NULL)
		return false;
	if (sigsetjmp(way_out, 0) != 0) {
		recover();
		return false;
	}
	guard(&way_out);
	memcpy(at + address % HV_PAGE_BYTES, &word, sizeof(word));
	guard(NULL);
	memcpy(guest->shadow + address, &word, sizeof(word));
	return true;
}

uint64_t partition_guest_reserved(const struct partition_guest *guest)
{
	return guest->reserved;
}
