/* guest_files - see guest_files.h. */
#include "agent/guest_files.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/lpar_adapters.h"

#define PAGE_KIB (HV_PAGE_BYTES / 1024)

enum file { /* in the order of the paths */
	    LPARCFG,
	    MEMINFO,
	    LOANED_KB,
	    LOANED_TARGET_KB,
	    CMO_ENTITLED,
	    CMO_MIN,
	    CMO_DESIRED,
	    CMO_CURR,
	    CMO_HIGH,
	    CMO_RESERVE_SIZE,
	    CMO_SPARE,
	    CMO_EXCESS_SIZE,
	    CMO_EXCESS_FREE,
	    FILE_COUNT
};
static_assert((int)FILE_COUNT == AGENT_GUEST_FILES, "a path for each");

const char *const agent_guest_paths[AGENT_GUEST_FILES] = {
	[LPARCFG] = "proc/ppc64/lparcfg",
	[MEMINFO] = "proc/meminfo",
	[LOANED_KB] = "sys/devices/system/cmm/cmm0/loaned_kb",
	[LOANED_TARGET_KB] = "sys/devices/system/cmm/cmm0/loaned_target_kb",
	[CMO_ENTITLED] = "sys/bus/vio/cmo_entitled",
	[CMO_MIN] = "sys/bus/vio/cmo_min",
	[CMO_DESIRED] = "sys/bus/vio/cmo_desired",
	[CMO_CURR] = "sys/bus/vio/cmo_curr",
	[CMO_HIGH] = "sys/bus/vio/cmo_high",
	[CMO_RESERVE_SIZE] = "sys/bus/vio/cmo_reserve_size",
	[CMO_SPARE] = "sys/bus/vio/cmo_spare",
	[CMO_EXCESS_SIZE] = "sys/bus/vio/cmo_excess_size",
	[CMO_EXCESS_FREE] = "sys/bus/vio/cmo_excess_free",
};

const char *const agent_guest_directories[] = {
	"proc",
	"proc/ppc64",
	"sys",
	"sys/bus",
	"sys/bus/vio",
	"sys/bus/vio/devices",
	"sys/devices",
	"sys/devices/system",
	"sys/devices/system/cmm",
	"sys/devices/system/cmm/cmm0",
	"sys/module",
	"sys/module/cmm",
	"sys/module/cmm/parameters",
	NULL,
};

struct writer {
	char *text;
	size_t count;
};

HV_PRINTF(2, 3)
static void say(struct writer *to, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to->text + to->count, AGENT_GUEST_TEXT_BYTES - to->count, format,
		      args);
	va_end(args);
	HV_INVARIANT(n >= 0 && to->count + (size_t)n < AGENT_GUEST_TEXT_BYTES);
	to->count += (size_t)n;
}

static bool is_shared(const struct agent_shown *shown)
{
	return shown->stat->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED;
}

/* As H_GET_MPP answers it: bytes that it should loan more, or may take back. */
static int64_t loan_request(const Tarn__PartitionStat *stat)
{
	uint64_t target = stat->manager != NULL ? stat->manager->target_pages
						: stat->logical_pages;
	uint64_t donation = stat->logical_pages > target ? stat->logical_pages - target
							 : 0;

	return (int64_t)((donation - stat->loaned_pages) * HV_PAGE_BYTES);
}

/* ---- proc ---- */

static void say_entitlement(struct writer *to, const struct agent_shown *shown)
{
	const Tarn__PartitionStat *stat = shown->stat;

	if (stat->has_io_entitled_bytes)
		say(to, "entitled_memory=%" PRIu64 "\n", stat->io_entitled_bytes);
	if (stat->has_io_mapped_bytes)
		say(to, "mapped_entitled_memory=%" PRIu64 "\n", stat->io_mapped_bytes);
	say(to, "entitled_memory_group_number=0\nentitled_memory_pool_number=0\n");
	if (stat->manager != NULL)
		say(to, "entitled_memory_weight=%" PRIu32 "\n", stat->manager->weight);
	if (stat->has_unallocated_weight)
		say(to, "unallocated_entitled_memory_weight=%" PRIu32 "\n",
		    stat->unallocated_weight);
	if (stat->has_unallocated_io_bytes)
		say(to, "unallocated_io_mapping_entitlement=%" PRIu64 "\n",
		    stat->unallocated_io_bytes);
	if (shown->pool != NULL && stat->sees_pool)
		say(to, "entitled_memory_pool_size=%" PRIu64 " bytes\n",
		    shown->pool->pool_bytes);
	say(to, "entitled_memory_loan_request=%" PRId64 "\n", loan_request(stat));
	say(to, "backing_memory=%" PRIu64 " bytes\n",
	    stat->resident_pages * HV_PAGE_BYTES);
}

/* What it can ever have in this run: a QEMU guest what it began with. */
static uint64_t max_bytes(const Tarn__LparSpec *spec)
{
	return spec->guest != NULL ? spec->mem_bytes : spec->max_bytes;
}

static void lparcfg(struct writer *to, const struct agent_shown *shown)
{
	const Tarn__PartitionStat *stat = shown->stat;

	say(to, "lparcfg 1.9\n");
	if (is_shared(shown))
		say_entitlement(to, shown);
	say(to, "cmo_enabled=%d\n", is_shared(shown));
	if (is_shared(shown))
		say(to,
		    "cmo_faults=%" PRIu64 "\ncmo_fault_time_usec=%" PRIu64
		    "\ncmo_page_size=%u\n",
		    stat->page_ins, stat->page_in_us, HV_PAGE_BYTES);
	if (shown->spec != NULL)
		say(to, "DesMem=%" PRIu64 "\nMaxMem=%" PRIu64 "\n",
		    shown->spec->mem_bytes >> 20, max_bytes(shown->spec) >> 20);
}

/* As its balloon tells QEMU. */
static void guest_meminfo(struct writer *to, const Tarn__GuestStat *stat)
{
	if (!stat->has_total_bytes || !stat->has_free_bytes)
		return;
	say(to, "MemTotal: %14" PRIu64 " kB\nMemFree:  %14" PRIu64 " kB\n",
	    stat->total_bytes / 1024, stat->free_bytes / 1024);
	if (stat->has_available_bytes)
		say(to, "MemAvailable: %10" PRIu64 " kB\n", stat->available_bytes / 1024);
	if (stat->has_cache_bytes)
		say(to, "Cached:   %14" PRIu64 " kB\n", stat->cache_bytes / 1024);
}

/* Of an operating system that says so. What it has lent is not its memory meanwhile. */
static void meminfo(struct writer *to, const Tarn__PartitionStat *stat)
{
	uint64_t pages = stat->os_free_pages + stat->os_working_pages +
			 stat->os_cache_pages;

	if (stat->guest != NULL)
		guest_meminfo(to, stat->guest);
	if (!stat->has_os_free_pages)
		return;
	say(to,
	    "MemTotal: %14" PRIu64 " kB\nMemFree:  %14" PRIu64
	    " kB\nBuffers:  %14u kB\nCached:   %14" PRIu64 " kB\n",
	    pages * PAGE_KIB, stat->os_free_pages * PAGE_KIB, 0u,
	    stat->os_cache_pages * PAGE_KIB);
}

/* ---- sys ---- */

/* What its balloon holds, and is to hold. */
static void balloon(struct writer *to, const Tarn__GuestStat *stat, enum file file)
{
	bool is_loan = file == LOANED_KB;

	if (is_loan ? stat->has_balloon_bytes : stat->has_balloon_target_bytes)
		say(to, "%" PRIu64 "\n",
		    (is_loan ? stat->balloon_bytes : stat->balloon_target_bytes) / 1024);
}

/* Its memory manager takes part only where it lends. */
static void cmm(struct writer *to, const Tarn__PartitionStat *stat, enum file file)
{
	uint64_t lent = stat->os_loaned_pages * HV_PAGE_BYTES;
	int64_t target = (int64_t)((uint64_t)loan_request(stat) + lent);

	if (stat->guest != NULL)
		balloon(to, stat->guest, file);
	if (!stat->has_os_loan_policy || stat->os_loan_policy == 0)
		return;
	if (file == LOANED_KB)
		say(to, "%" PRIu64 "\n", lent / 1024);
	else
		say(to, "%" PRId64 "\n", target > 0 ? target / 1024 : 0);
}

static uint64_t less(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

/* False: nothing measures it. */
static bool account(const struct agent_shown *shown, enum file file, uint64_t *ret_bytes)
{
	const Tarn__PartitionStat *stat = shown->stat;
	uint64_t reserve = stat->io_min_bytes < stat->io_entitled_bytes
				   ? stat->io_min_bytes
				   : stat->io_entitled_bytes;
	uint64_t excess = stat->io_entitled_bytes - reserve;
	bool has_account = stat->has_io_entitled_bytes && stat->has_io_min_bytes &&
			   stat->has_io_mapped_bytes;

	switch (file) {
	case CMO_ENTITLED:
		*ret_bytes = stat->io_entitled_bytes;
		return stat->has_io_entitled_bytes;
	case CMO_MIN:
		*ret_bytes = stat->io_min_bytes;
		return stat->has_io_min_bytes;
	case CMO_DESIRED:
		*ret_bytes = shown->spec != NULL ? hv_lpar_entitled_auto(shown->spec) : 0;
		return shown->spec != NULL;
	case CMO_CURR:
		*ret_bytes = stat->io_mapped_bytes;
		return stat->has_io_mapped_bytes;
	case CMO_HIGH:
		*ret_bytes = stat->io_high_bytes;
		return stat->has_io_high_bytes;
	case CMO_RESERVE_SIZE:
		*ret_bytes = reserve;
		return has_account;
	case CMO_SPARE:
		*ret_bytes = less(reserve, stat->io_mapped_bytes);
		return has_account;
	case CMO_EXCESS_SIZE:
		*ret_bytes = excess;
		return has_account;
	case CMO_EXCESS_FREE:
		*ret_bytes = less(excess, less(stat->io_mapped_bytes, reserve));
		return has_account;
	default:
		HV_UNREACHABLE("a file of the bus");
	}
}

void agent_guest_text(const struct agent_shown *shown, unsigned nth,
		      char text[AGENT_GUEST_TEXT_BYTES])
{
	struct writer to = { .text = text };
	uint64_t bytes;

	text[0] = '\0';
	if (nth == LPARCFG)
		lparcfg(&to, shown);
	else if (nth == MEMINFO)
		meminfo(&to, shown->stat);
	else if (!is_shared(shown))
		return;
	else if (nth == LOANED_KB || nth == LOANED_TARGET_KB)
		cmm(&to, shown->stat, (enum file)nth);
	else if (account(shown, (enum file)nth, &bytes))
		say(&to, "%" PRIu64 "\n", bytes);
}
