/* plain_pager - see plain_pager.h. */
#include "tests/integration/partition/plain_pager.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/rng.h"
#include "hvcore/mem/uffd.h"

#define WAIT_MS 20000 /* for the partition; the machine may be busy */
#define BATCH 16      /* pages that are being stolen at a time */

enum { ABSENT, RESIDENT, STEALING, STOLEN, POISONED };

static void lock(struct plain_pager *pager)
{
	HV_INVARIANT(pthread_mutex_lock(&pager->lock) == 0);
}

static void unlock(struct plain_pager *pager)
{
	HV_INVARIANT(pthread_mutex_unlock(&pager->lock) == 0);
}

static uint64_t pages_of(const struct plain_pager *pager)
{
	return pager->config.bytes / HV_PAGE_BYTES;
}

static uint8_t *stored(struct plain_pager *pager, uint64_t page)
{
	return pager->store + page * HV_PAGE_BYTES;
}

static uint64_t address_of(const struct plain_pager *pager, uint64_t page)
{
	return pager->address + page * HV_PAGE_BYTES;
}

static void wake(struct plain_pager *pager, uint64_t page, uint64_t pages)
{
	enum hv_code code = hv_uffd_wake(pager->userfaultfd, address_of(pager, page),
					 pages);

	HV_INVARIANT(code == HV_OK || code == HV_E_GONE);
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, HV_PAGE_BYTES - 1) == 0;
}

static void cancel_steal(struct plain_pager *pager, uint64_t page)
{
	if (pager->states[page] != STEALING)
		return;
	pager->states[page] = RESIDENT;
	atomic_fetch_add(&pager->cancels, 1);
}

static void on_write(struct plain_pager *pager, uint64_t page)
{
	atomic_fetch_add(&pager->write_faults, 1);
	cancel_steal(pager, page);
	if (pager->states[page] != RESIDENT ||
	    hv_uffd_unprotect(pager->userfaultfd, address_of(pager, page), 1) != HV_OK)
		wake(pager, page, 1); /* gone meanwhile: it faults again, as missing */
}

static void on_minor(struct plain_pager *pager, uint64_t page)
{
	unsigned done;

	cancel_steal(pager, page);
	if (hv_uffd_continue(pager->userfaultfd, address_of(pager, page), 1,
			     HV_UFFD_PLAIN, &done) != HV_OK)
		wake(pager, page, 1);
}

static void on_missing(struct plain_pager *pager, uint64_t page)
{
	uint64_t at = address_of(pager, page);
	enum hv_code code = HV_E_EXISTS;
	unsigned done;

	while (pager->is_frozen && pager->states[page] == STOLEN)
		HV_INVARIANT(pthread_cond_wait(&pager->thawed, &pager->lock) == 0);
	if (pager->states[page] == ABSENT ||
	    (pager->states[page] == STOLEN && is_zero(stored(pager, page)))) {
		code = hv_uffd_zero(pager->userfaultfd, at, 1, HV_UFFD_PLAIN, &done);
		atomic_fetch_add(&pager->zero_fills, code == HV_OK);
	} else if (pager->states[page] == STOLEN) {
		code = hv_uffd_copy(pager->userfaultfd, at, stored(pager, page), 1,
				    HV_UFFD_PLAIN, &done);
		atomic_fetch_add(&pager->page_ins, code == HV_OK);
	}
	if (code == HV_OK)
		pager->states[page] = RESIDENT;
	else
		wake(pager, page, 1);
}

static void on_event(struct plain_pager *pager, const struct hv_uffd_event *event)
{
	uint64_t page = (event->address - pager->address) / HV_PAGE_BYTES;

	HV_INVARIANT(event->kind <= HV_UFFD_WRITE);
	HV_INVARIANT(page < pages_of(pager));
	lock(pager);
	if (event->kind == HV_UFFD_WRITE)
		on_write(pager, page);
	else if (event->kind == HV_UFFD_MINOR)
		on_minor(pager, page);
	else
		on_missing(pager, page);
	unlock(pager);
}

static void *serve_faults(void *arg)
{
	struct plain_pager *pager = arg;
	struct pollfd at[] = { { .fd = pager->userfaultfd, .events = POLLIN },
			       { .fd = pager->wake, .events = POLLIN } };
	struct hv_uffd_event events[HV_UFFD_READ_MAX];
	unsigned count;

	while (!atomic_load(&pager->is_stopping)) {
		HV_INVARIANT(poll(at, HV_COUNT(at), -1) > 0);
		if (hv_uffd_read(pager->userfaultfd, events, HV_UFFD_READ_MAX, &count) !=
		    HV_OK)
			continue;
		for (unsigned i = 0; i < count; i++)
			on_event(pager, &events[i]);
	}
	return NULL;
}

static bool begin_steal(struct plain_pager *pager, uint64_t page)
{
	off_t at = (off_t)(page * HV_PAGE_BYTES);
	bool is_begun = false;

	lock(pager);
	if (pager->states[page] == RESIDENT &&
	    hv_uffd_protect(pager->userfaultfd, address_of(pager, page), 1) == HV_OK) {
		HV_INVARIANT(pread(pager->file, stored(pager, page), HV_PAGE_BYTES, at) ==
			     HV_PAGE_BYTES);
		pager->states[page] = STEALING;
		is_begun = true;
	}
	unlock(pager);
	return is_begun;
}

/* A writer that waits on the protection must find the page missing: woken. */
static void punch(struct plain_pager *pager, uint64_t page, uint64_t pages)
{
	HV_INVARIANT(fallocate(pager->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)(page * HV_PAGE_BYTES),
			       (off_t)(pages * HV_PAGE_BYTES)) == 0);
	wake(pager, page, pages);
}

static void end_steal(struct plain_pager *pager, uint64_t page)
{
	lock(pager);
	if (pager->states[page] == STEALING) {
		punch(pager, page, 1);
		pager->states[page] = STOLEN;
		atomic_fetch_add(&pager->steals, 1);
	}
	unlock(pager);
}

/* Steals in batches, so that a steal stays open while the partition runs. */
static void *steal(void *arg)
{
	struct plain_pager *pager = arg;
	struct hv_rng rng = { .state = pager->config.seed };
	uint64_t batch[BATCH];
	unsigned count;

	while (!atomic_load(&pager->is_stopping)) {
		count = 0;
		for (unsigned i = 0; i < BATCH; i++) {
			batch[count] = hv_rng_below(&rng, pages_of(pager));
			count += begin_steal(pager, batch[count]);
		}
		(void)sched_yield();
		for (unsigned i = 0; i < count; i++)
			end_steal(pager, batch[i]);
	}
	return NULL;
}

static void discard(struct plain_pager *pager, struct hv_attach_discard *packet)
{
	uint64_t page = packet->offset / HV_PAGE_BYTES;
	uint64_t pages = packet->bytes / HV_PAGE_BYTES;
	enum hv_code code;

	HV_INVARIANT(page + pages <= pages_of(pager));
	lock(pager);
	for (uint64_t i = 0; i < pages; i++) {
		cancel_steal(pager, page + i);
		pager->states[page + i] = ABSENT;
	}
	punch(pager, page, pages);
	unlock(pager);
	atomic_fetch_add(&pager->discards, 1);
	packet->head.type = HV_ATTACH_DISCARDED;
	code = hv_local_send(pager->socket, packet, sizeof *packet, NULL, 0, NULL);
	HV_INVARIANT(code == HV_OK || code == HV_E_GONE);
}

static void on_packet(struct plain_pager *pager, const void *bytes, size_t count)
{
	struct hv_attach_discard packet;
	struct hv_local_head head;

	HV_INVARIANT(hv_attach_check(bytes, count, NULL) == HV_OK);
	memcpy(&head, bytes, sizeof head);
	if (head.type == HV_ATTACH_DISCARD) {
		memcpy(&packet, bytes, sizeof packet);
		discard(pager, &packet);
		return;
	}
	HV_INVARIANT(head.type == HV_ATTACH_REPORT);
	lock(pager);
	memcpy(&pager->report, bytes, sizeof pager->report);
	unlock(pager);
	atomic_fetch_add(&pager->reports, 1);
}

static enum hv_code receive(struct plain_pager *pager, struct hv_local_packet *ret_packet)
{
	struct pollfd at[] = { { .fd = pager->socket, .events = POLLIN },
			       { .fd = pager->wake, .events = POLLIN } };

	HV_INVARIANT(poll(at, HV_COUNT(at), WAIT_MS) > 0);
	return hv_local_receive_packet(pager->socket, ret_packet, NULL);
}

static void *serve_packets(void *arg)
{
	struct plain_pager *pager = arg;
	struct hv_local_packet packet;
	enum hv_code code;

	while (!atomic_load(&pager->is_stopping)) {
		code = receive(pager, &packet);
		if (code == HV_E_GONE)
			break;
		if (code == HV_OK)
			on_packet(pager, packet.bytes, packet.count);
	}
	atomic_store(&pager->is_hung_up, true);
	return NULL;
}

void plain_pager_open(struct plain_pager *pager, const struct plain_pager_config *config)
{
	*pager = (struct plain_pager){ .config = *config, .userfaultfd = -1 };
	HV_INVARIANT(hv_local_listen(config->path, &pager->listener, NULL) == HV_OK);
	pager->file = memfd_create("plain_pager", MFD_CLOEXEC);
	HV_INVARIANT(pager->file >= 0);
	HV_INVARIANT(ftruncate(pager->file, (off_t)config->bytes) == 0);
	pager->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	HV_INVARIANT(pager->wake >= 0);
	pager->states = calloc(pages_of(pager), 1);
	pager->store = malloc(config->bytes);
	HV_INVARIANT(pager->states != NULL && pager->store != NULL);
	HV_INVARIANT(pthread_mutex_init(&pager->lock, NULL) == 0);
	HV_INVARIANT(pthread_cond_init(&pager->thawed, NULL) == 0);
}

static void start(pthread_t *thread, void *(*run)(void *), struct plain_pager *pager)
{
	HV_INVARIANT(pthread_create(thread, NULL, run, pager) == 0);
}

/* HELLO, WELCOME, REGION. */
static void meet(struct plain_pager *pager)
{
	struct hv_attach_welcome welcome = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_WELCOME,
				      sizeof welcome, 0),
		.mode = pager->config.mode,
		.home_cpu = pager->config.home_cpu,
		.bytes = pager->config.bytes,
		.usable_bytes = pager->config.bytes,
	};
	struct hv_attach_region region;
	struct hv_local_packet packet;

	HV_INVARIANT(receive(pager, &packet) == HV_OK);
	HV_INVARIANT(hv_attach_check(packet.bytes, packet.count, NULL) == HV_OK);
	HV_INVARIANT(hv_local_send(pager->socket, &welcome, sizeof welcome, &pager->file,
				   1, NULL) == HV_OK);
	HV_INVARIANT(receive(pager, &packet) == HV_OK);
	HV_INVARIANT(hv_attach_check(packet.bytes, packet.count, NULL) == HV_OK);
	memcpy(&region, packet.bytes, sizeof region);
	HV_INVARIANT(region.head.type == HV_ATTACH_REGION);
	HV_INVARIANT(region.bytes == pager->config.bytes && region.offset == 0);
	HV_INVARIANT(packet.fd_count == (pager->config.mode == HV_MODE_SHARED));
	pager->address = region.address;
	if (packet.fd_count == 1)
		pager->userfaultfd = packet.fds[0];
}

void plain_pager_attach(struct plain_pager *pager)
{
	struct hv_attach_go go = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_GO, sizeof go, 0),
	};
	struct pollfd at = { .fd = pager->listener, .events = POLLIN };

	HV_INVARIANT(poll(&at, 1, WAIT_MS) == 1);
	HV_INVARIANT(hv_local_accept(pager->listener, &pager->socket, NULL) == HV_OK);
	meet(pager);
	if (pager->userfaultfd >= 0) {
		HV_INVARIANT(hv_uffd_check(pager->userfaultfd, HV_ATTACH_UFFD_FEATURES,
					   NULL) == HV_OK);
		start(&pager->faults, serve_faults, pager);
		if (pager->config.may_steal)
			start(&pager->thief, steal, pager);
	}
	HV_INVARIANT(hv_local_send(pager->socket, &go, sizeof go, NULL, 0, NULL) ==
		     HV_OK);
	start(&pager->packets, serve_packets, pager);
}

void plain_pager_hang_up(struct plain_pager *pager)
{
	HV_INVARIANT(shutdown(pager->socket, SHUT_RDWR) == 0);
}

void plain_pager_close(struct plain_pager *pager)
{
	const uint64_t one = 1;

	atomic_store(&pager->is_stopping, true);
	HV_INVARIANT(write(pager->wake, &one, sizeof one) == sizeof one);
	plain_pager_thaw(pager);
	HV_INVARIANT(pthread_join(pager->packets, NULL) == 0);
	if (pager->userfaultfd >= 0) {
		HV_INVARIANT(pthread_join(pager->faults, NULL) == 0);
		if (pager->config.may_steal)
			HV_INVARIANT(pthread_join(pager->thief, NULL) == 0);
		(void)close(pager->userfaultfd);
	}
	(void)close(pager->socket);
	(void)close(pager->listener);
	(void)close(pager->file);
	(void)close(pager->wake);
	(void)unlink(pager->config.path);
	HV_INVARIANT(pthread_cond_destroy(&pager->thawed) == 0);
	HV_INVARIANT(pthread_mutex_destroy(&pager->lock) == 0);
	free(pager->states);
	free(pager->store);
}

void plain_pager_command(struct plain_pager *pager, enum hv_control command, uint64_t id)
{
	struct hv_attach_control packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_CONTROL, sizeof packet,
				      0),
		.command = command,
		.command_id = id,
	};

	HV_INVARIANT(hv_local_send(pager->socket, &packet, sizeof packet, NULL, 0,
				   NULL) == HV_OK);
}

struct hv_attach_report plain_pager_report(struct plain_pager *pager)
{
	struct hv_attach_report report;

	lock(pager);
	report = pager->report;
	unlock(pager);
	return report;
}

void plain_pager_freeze(struct plain_pager *pager)
{
	lock(pager);
	pager->is_frozen = true;
	unlock(pager);
}

void plain_pager_thaw(struct plain_pager *pager)
{
	lock(pager);
	pager->is_frozen = false;
	HV_INVARIANT(pthread_cond_broadcast(&pager->thawed) == 0);
	unlock(pager);
}

/* Some page with content that is stolen, with the lock held; the thief makes one. */
static uint64_t lock_stolen_page(struct plain_pager *pager)
{
	for (;;) {
		lock(pager);
		for (uint64_t page = 0; page < pages_of(pager); page++) {
			if (pager->states[page] == STOLEN &&
			    !is_zero(stored(pager, page)))
				return page;
		}
		unlock(pager);
		(void)sched_yield();
	}
}

uint64_t plain_pager_corrupt(struct plain_pager *pager, unsigned byte)
{
	uint64_t page = lock_stolen_page(pager);

	HV_INVARIANT(byte < HV_PAGE_BYTES);
	stored(pager, page)[byte] ^= 0x10;
	unlock(pager);
	return page;
}

uint64_t plain_pager_poison(struct plain_pager *pager)
{
	uint64_t page = lock_stolen_page(pager);
	unsigned done;

	HV_INVARIANT(hv_uffd_poison(pager->userfaultfd, address_of(pager, page), 1,
				    &done) == HV_OK);
	pager->states[page] = POISONED;
	unlock(pager);
	return page;
}
