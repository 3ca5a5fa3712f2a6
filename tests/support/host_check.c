/* host_check - see host.h: whether every figure of a host adds up. */
#include "tests/support/host.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "hvcore/base/units.h"

#define TEXT_BYTES 512

void test_host_end_well(struct test_host *host)
{
	test_host_verify(host);
	test_host_audit(host);
	test_host_end(host);
}

static void must_equal(char *text, const char *who, const char *what, uint64_t a,
		       uint64_t b)
{
	if (a != b && text[0] == '\0')
		(void)snprintf(text, TEXT_BYTES, "%s: %s: %llu is not %llu", who, what,
			       (unsigned long long)a, (unsigned long long)b);
}

static uint64_t frames_held(const Tarn__PartitionStat *p)
{
	return p->resident_pages + p->stealing_pages + p->inflight_pages;
}

static void check_lpar(const Tarn__PartitionStat *p, char *text)
{
	uint64_t out = p->stolen_pages - p->packed_pages;

	if (p->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		must_equal(text, p->name, "states of its pages", p->logical_pages,
			   frames_held(p) + p->stolen_pages + p->zero_pages +
				   p->poisoned_pages);
	must_equal(text, p->name, "kinds of its faults", p->faults,
		   p->zero_fills + p->page_ins + p->minor_faults + p->write_faults +
			   p->stale_faults + p->failed_faults + p->pending_faults);
	must_equal(text, p->name, "faults that wait", p->pending_faults, 0);
	must_equal(text, p->name, "pages being stolen", p->stealing_pages, 0);
	must_equal(text, p->name, "pages on their way in", p->inflight_pages, 0);
	must_equal(text, p->name, "slots being written", p->slots_writing, 0);
	if (p->loaned_pages > p->zero_pages && text[0] == '\0')
		(void)snprintf(text, TEXT_BYTES, "%s: more pages are loaned than zero",
			       p->name);
	/* Each page on a device has a slot; a clean resident one may have kept its own. */
	if (p->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED &&
	    (p->slots_live < out || p->slots_live > out + p->resident_pages) &&
	    text[0] == '\0')
		(void)snprintf(text, TEXT_BYTES,
			       "%s: %llu slots are live for %llu pages on a device",
			       p->name, (unsigned long long)p->slots_live,
			       (unsigned long long)out);
}

static void check_host(const Tarn__HostStat *stat, char *text)
{
	uint64_t held = stat->pool != NULL ? stat->pool->tier_frames : 0;

	for (size_t i = 0; i < stat->n_partitions; i++) {
		check_lpar(stat->partitions[i], text);
		if (stat->partitions[i]->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
			held += frames_held(stat->partitions[i]);
	}
	if (stat->pool != NULL) {
		if (stat->pool->entitled_bytes / HV_PAGE_BYTES > stat->pool->frames &&
		    text[0] == '\0')
			(void)snprintf(text, TEXT_BYTES,
				       "pool: more is entitled than it has frames");
		must_equal(text, "pool", "frames in use",
			   stat->pool->frames - stat->pool->frames_free, held);
		must_equal(text, "pool", "pages that the kernel counts",
			   stat->pool->used_blocks, held);
	}
	must_equal(text, "host", "memory blocks", stat->lmbs_total,
		   stat->lmbs_hypervisor + stat->lmbs_pool + stat->lmbs_dedicated +
			   stat->lmbs_free);
}

static bool adds_up(const Tarn__HvReply *reply, void *arg)
{
	char *text = arg;

	text[0] = '\0';
	check_host(reply->stat, text);
	return text[0] == '\0';
}

static void signal_all(struct test_host *host, int signal)
{
	for (unsigned i = 0; i < host->guest_count; i++)
		test_process_signal(&host->guests[i].process, signal);
}

void test_host_check(struct test_host *host)
{
	char text[TEXT_BYTES] = ""; /* the last difference: what is waited for */

	signal_all(host, SIGSTOP);
	test_host_wait(host, adds_up, text, TEST_HOST_WAIT_MS, text);
	test_host_audit(host);
	signal_all(host, SIGCONT);
}

bool test_guest_saw_only_poison(struct test_guest *guest)
{
	const char *at;

	test_process_read(&guest->process);
	at = guest->process.err;
	while ((at = strstr(at, "partition.mismatch ")) != NULL) {
		at = strstr(at, "found=");
		if (at == NULL || strncmp(at, "found=poison", 12) != 0)
			return false;
	}
	return true;
}
