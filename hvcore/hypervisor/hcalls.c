/* hcalls - see hcalls.h. */
#include "hvcore/hypervisor/hcalls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/hypervisor/memory.h"

#define SLOTS_MASK (UINT32_MAX >> (32 - HV_HCALL_SLOTS))

/* ---- open and close ---- */

/* A partition that could shrink the file would turn our next access into SIGBUS. */
static enum hv_code make_area(struct hcalls *hcalls, struct hv_err *err)
{
	size_t bytes = hv_hcall_area_bytes(hcalls->pages_max);
	void *at;

	hcalls->fd = memfd_create("tarn-hcalls", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (hcalls->fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "make memory for calls");
	if (ftruncate(hcalls->fd, (off_t)bytes) != 0)
		return hv_fail_os(err, HV_E_NOMEM, errno, "size memory for calls");
	if (fcntl(hcalls->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) !=
	    0)
		return hv_fail_os(err, HV_E_OS, errno, "seal memory for calls");
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
		  hcalls->fd, 0);
	if (at == MAP_FAILED)
		return hv_fail_os(err, HV_E_NOMEM, errno, "map memory for calls");
	hcalls->area = at;
	return HV_OK;
}

enum hv_code hcalls_open(const struct hv_calls_config *config, struct memory *memory,
			 struct hcalls **ret_hcalls, struct hv_err *err)
{
	struct hcalls *hcalls = calloc(1, sizeof(*hcalls));
	struct hv_calls_config own = *config;
	enum hv_code code;

	if (hcalls == NULL)
		return hv_fail(err, HV_E_NOMEM, "a partition's calls");
	hcalls->source.kind = FAULT_SOURCE_HCALLS;
	hcalls->fd = -1;
	hcalls->pages_max = config->pages_max;
	hcalls->memory = memory;
	hcalls->doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	code = hcalls->doorbell < 0
		       ? hv_fail_os(err, HV_E_OS, errno, "make a doorbell for calls")
		       : make_area(hcalls, err);
	own.watch = &dabr_watch;
	own.watch_arg = &hcalls->dabr;
	if (code == HV_OK)
		code = hv_calls_open(&own, &hcalls->calls, err);
	if (code != HV_OK) {
		hcalls_close(hcalls);
		return code;
	}
	hv_calls_stat(hcalls->calls, &hcalls->stat);
	*ret_hcalls = hcalls;
	return HV_OK;
}

void hcalls_close(struct hcalls *hcalls)
{
	if (hcalls == NULL)
		return;
	HV_INVARIANT(hcalls->thread == NULL);
	HV_INVARIANT(atomic_load(&hcalls->mpp.at) != MPP_ASKED);
	dabr_close(&hcalls->dabr);
	if (hcalls->area != NULL)
		(void)munmap(hcalls->area, hv_hcall_area_bytes(hcalls->pages_max));
	if (hcalls->fd >= 0)
		(void)close(hcalls->fd);
	if (hcalls->doorbell >= 0)
		(void)close(hcalls->doorbell);
	hv_calls_close(hcalls->calls);
	free(hcalls);
}

/* ---- on its fault thread ---- */

enum hv_code hcalls_add(struct fault_thread *thread, struct hcalls *hcalls,
			struct hv_err *err)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = &hcalls->source };

	if (epoll_ctl(thread->epoll, EPOLL_CTL_ADD, hcalls->doorbell, &event) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "watch a doorbell for calls");
	if (hcalls->io != NULL)
		io_add(hcalls->io, thread, hv_calls_tces(hcalls->calls),
		       &hcalls->area->io_events);
	hcalls->thread = thread;
	hcalls->next = thread->hcalls;
	thread->hcalls = hcalls;
	return HV_OK;
}

void hcalls_remove(struct hcalls *hcalls)
{
	struct hcalls **at;

	if (hcalls->thread == NULL)
		return;
	(void)epoll_ctl(hcalls->thread->epoll, EPOLL_CTL_DEL, hcalls->doorbell, NULL);
	at = &hcalls->thread->hcalls;
	while (*at != hcalls)
		at = &(*at)->next;
	*at = hcalls->next;
	hcalls->thread = NULL;
}

typedef int64_t serve_function(struct hcalls *hcalls, const struct hv_hcall_ask *ask,
			       uint64_t *values);

static int64_t serve_io(struct hcalls *hcalls, const struct hv_hcall_ask *ask,
			uint64_t *values)
{
	return io_serve(hcalls->io, ask, values);
}

/* Calls that take more than tables; NULL: hv_calls serves it. */
static serve_function *find_server(const struct hcalls *hcalls, uint32_t number)
{
	switch (number) {
	case H_PAGE_INIT:
	case H_SET_MPP:
	case H_GET_MPP:
		return hcalls_serve_pages;
	case H_PUT_TCE:
	case H_STUFF_TCE: /* dedicated memory never leaves */
		return hcalls->memory->thread != NULL ? hcalls_serve_tce : NULL;
	default:
		return io_is_call(number) ? serve_io : NULL;
	}
}

static void serve(struct hcalls *hcalls, const struct hv_hcall_ask *ask,
		  struct hv_hcall_answer *ret_answer)
{
	struct hv_hcall_answer answer = { .code = hv_hcall_check(ask) };
	serve_function *server = find_server(hcalls, ask->number);

	if (server == NULL) {
		hv_calls_serve(hcalls->calls, ask, ret_answer);
		return;
	}
	if (answer.code == H_SUCCESS)
		answer.code = server(hcalls, ask, answer.values);
	hv_calls_count(hcalls->calls, answer.code);
	*ret_answer = answer;
}

static void serve_slot(struct hcalls *hcalls, struct hv_hcall_slot *slot)
{
	/* H7: read once; the partition may write while we look */
	struct hv_hcall_ask ask = *(volatile struct hv_hcall_ask *)&slot->ask;
	struct hv_hcall_answer answer;

	serve(hcalls, &ask, &answer);
	slot->answer = answer;
	atomic_store_explicit(&slot->answered, ask.serial, memory_order_release);
	(void)syscall(SYS_futex, &slot->answered, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void hcalls_serve(struct hcalls *hcalls)
{
	uint64_t rings;
	uint32_t pending;

	/* The bell before the bits: who asks meanwhile rings again. */
	(void)!read(hcalls->doorbell, &rings, sizeof(rings)); /* EAGAIN is fine */
	pending = atomic_exchange(&hcalls->area->pending, 0) & SLOTS_MASK;
	for (unsigned i = 0; pending != 0; i++, pending >>= 1)
		if ((pending & 1) != 0)
			serve_slot(hcalls, &hcalls->area->slots[i]);
}

void hcalls_left(struct hcalls *hcalls, uint32_t page)
{
	struct hv_hcall_area *area = hcalls->area;

	if (!hv_calls_left(hcalls->calls, page))
		return;
	/* our own count: what is in the area may be anything */
	atomic_store_explicit(&area->left[hcalls->left_serial % HV_LEFT_RING], page,
			      memory_order_relaxed);
	hcalls->left_serial++;
	atomic_store_explicit(&area->left_serial, hcalls->left_serial,
			      memory_order_release);
}
