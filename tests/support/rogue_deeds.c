/* rogue_deeds - see rogue.h: what a rogue does, in its own process. */
#include "tests/support/rogue_priv.h"

#include <linux/io_uring.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/attach.h"

#define FAILED ROGUE_FAILED

static unsigned char *at_page(struct rogue_child *child, uint64_t page)
{
	return child->region.at + page * HV_PAGE_BYTES;
}

static uint64_t content(uint64_t page, unsigned word)
{
	return page * 1000003 + word + 1;
}

static uint64_t fill(struct rogue_child *child, uint64_t page, uint64_t count)
{
	for (uint64_t p = page; p < page + count; p++) {
		volatile uint64_t *at = (void *)at_page(child, p);

		for (unsigned i = 0; i < HV_PAGE_BYTES / 8; i++)
			at[i] = content(p, i);
	}
	return 0;
}

static uint64_t count_wrong(struct rogue_child *child, uint64_t page, uint64_t count,
			    bool is_zero)
{
	uint64_t wrong = 0;

	for (uint64_t p = page; p < page + count; p++) {
		volatile uint64_t *at = (void *)at_page(child, p);
		bool is_right = true;

		for (unsigned i = 0; i < HV_PAGE_BYTES / 8; i++)
			is_right &= at[i] == (is_zero ? 0 : content(p, i));
		wrong += !is_right;
	}
	return wrong;
}

static uint64_t discard(struct rogue_child *child, uint64_t page, uint64_t count)
{
	struct hv_attach_discard ask = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_DISCARD, sizeof(ask),
				      77),
		.offset = page * HV_PAGE_BYTES,
		.bytes = count * HV_PAGE_BYTES,
	};
	struct hv_local_packet packet;
	const struct hv_local_head *head = (const void *)packet.bytes;

	if (hv_local_send(child->attach, &ask, sizeof(ask), NULL, 0, NULL) != HV_OK ||
	    hv_local_receive_packet(child->attach, &packet, NULL) != HV_OK)
		return FAILED;
	return head->type == HV_ATTACH_DISCARDED && head->tag == 77 ? 0 : FAILED;
}

static uint64_t move(struct rogue_child *child)
{
	void *at = mremap(child->region.at, child->region.bytes, child->region.bytes,
			  MREMAP_MAYMOVE | MREMAP_FIXED,
			  child->region.at + 2 * child->region.bytes);

	if (at == MAP_FAILED)
		return FAILED;
	child->region.at = at;
	return *(volatile uint64_t *)at;
}

static uint64_t pin(struct rogue_child *child, uint64_t page, uint64_t count)
{
	struct io_uring_params params = { 0 };
	struct iovec buffer = { at_page(child, page), count * HV_PAGE_BYTES };

	child->ring = (int)syscall(SYS_io_uring_setup, 4, &params);
	if (child->ring < 0)
		return FAILED;
	return syscall(SYS_io_uring_register, child->ring, IORING_REGISTER_BUFFERS,
		       &buffer, 1) == 0
		       ? 0
		       : FAILED;
}

static uint64_t put_in_file(struct rogue_child *child, uint64_t page, uint64_t count)
{
	unsigned char bytes[HV_PAGE_BYTES];

	memset(bytes, 0x5a, sizeof(bytes));
	for (uint64_t p = page; p < page + count; p++)
		if (pwrite(child->file, bytes, sizeof(bytes),
			   (off_t)(p * HV_PAGE_BYTES)) != (ssize_t)sizeof(bytes))
			return p - page;
	return count;
}

static uint64_t give(struct rogue_child *child, uint64_t page, uint64_t count)
{
	struct hv_local_packet packet;
	const struct hv_attach_resize *order = (const void *)packet.bytes;
	struct hv_attach_resized resized = { .bytes = page * HV_PAGE_BYTES };

	if (hv_local_receive_packet(child->attach, &packet, NULL) != HV_OK ||
	    order->head.type != HV_ATTACH_RESIZE)
		return FAILED;
	resized.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_RESIZED,
				     sizeof(resized), order->head.tag + (uint32_t)count);
	if (hv_local_send(child->attach, &resized, sizeof(resized), NULL, 0, NULL) !=
	    HV_OK)
		return FAILED;
	return order->bytes / HV_PAGE_BYTES;
}

static uint64_t say(struct rogue_child *child, uint64_t count)
{
	uint8_t bytes[HV_LOCAL_BYTES];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 31 + count);
	return send(child->attach, bytes, count, MSG_NOSIGNAL) == (ssize_t)count ? 0
										 : FAILED;
}

static uint64_t map_again(struct rogue_child *child)
{
	child->again = mmap(NULL, child->region.bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			    child->file, 0);
	return child->again == MAP_FAILED ? FAILED : 0;
}

static uint64_t errno_to_answer(int rc)
{
	return rc == 0 ? 0 : FAILED;
}

static sigjmp_buf before_read;

static void on_bus(int signal)
{
	(void)signal;
	siglongjmp(before_read, 1);
}

static uint64_t read_page(struct rogue_child *child, uint64_t page)
{
	uint64_t value;

	if (sigsetjmp(before_read, 1) != 0)
		return ROGUE_BUS;
	(void)signal(SIGBUS, on_bus);
	value = *(volatile uint64_t *)(void *)at_page(child, page);
	(void)signal(SIGBUS, SIG_DFL);
	return value;
}

static uint64_t find_hole(struct rogue_child *child)
{
	off_t at = lseek(child->file, 0, SEEK_HOLE);

	return at < 0 ? FAILED : (uint64_t)at / HV_PAGE_BYTES;
}

static uint64_t ask_again(struct rogue_child *child)
{
	struct hv_attach_calls ask = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_CALLS, sizeof(ask), 0),
	};

	return hv_local_send(child->attach, &ask, sizeof(ask), NULL, 0, NULL) == HV_OK
		       ? 0
		       : FAILED;
}

/* Whatever becomes of its own pages is its own doing. */
static uint64_t lie(struct rogue_child *child, uint64_t count)
{
	_Atomic uint8_t *hints = partition_calls_hints(child->calls);
	uint64_t pages = partition_calls_hint_count(child->calls);
	uint8_t sum = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t page = hv_rng_below(&child->rng, pages);
		volatile unsigned char *at = at_page(child, page);

		atomic_store(&hints[hv_rng_below(&child->rng, pages)],
			     (uint8_t)hv_rng_next(&child->rng));
		sum = (uint8_t)(sum + at[0]);
		at[8] = (unsigned char)i;
	}
	for (uint64_t page = 0; page < pages; page++)
		atomic_store(&hints[page], HV_HINT_ACTIVE);
	return sum == 0 && count == 0 ? FAILED : 0;
}

/* ---- poison ---- */

static bool poison_discard(void *ctx, uint64_t page, uint64_t count)
{
	return discard(ctx, page, count) == 0;
}

static void poison_remove(void *ctx, uint64_t page, uint64_t count)
{
	HV_INVARIANT(madvise(at_page(ctx, page), count * HV_PAGE_BYTES, MADV_REMOVE) ==
		     0);
}

static void poison_activate(void *ctx, uint64_t page)
{
	const struct rogue_child *child = ctx;
	uint64_t args[HV_HCALL_ARGS] = { H_PAGE_STATE_CHANGE, page * HV_PAGE_BYTES };

	HV_INVARIANT(partition_call(child->calls, H_PAGE_INIT, args).code == H_SUCCESS);
}

static const struct poison_ops poison_ops = {
	.discard = poison_discard,
	.remove = poison_remove,
	.activate = poison_activate,
};

/* Dedicated memory has nobody who takes it. */
static struct poison *poison_of(struct rogue_child *child, uint64_t seed)
{
	struct poison *poison = &child->poison;

	if (poison->notes != NULL)
		return poison;
	*poison = (struct poison){ .at = child->region.at,
				   .pages = child->region.bytes / HV_PAGE_BYTES,
				   .key = child->run_id,
				   .ops = &poison_ops,
				   .ctx = child };
	if (child->region.uffd >= 0)
		poison->hints = partition_calls_hints(child->calls);
	poison_init(poison, seed);
	return poison;
}

uint64_t rogue_deed_do(struct rogue_child *child, const struct rogue_task *order)
{
	unsigned char *at = at_page(child, order->page);
	size_t bytes = order->count * HV_PAGE_BYTES;

	switch (order->deed) {
	case ROGUE_FILL:
		return fill(child, order->page, order->count);
	case ROGUE_CHECK:
		return count_wrong(child, order->page, order->count, false);
	case ROGUE_ZERO:
		return count_wrong(child, order->page, order->count, true);
	case ROGUE_READ:
		return read_page(child, order->page);
	case ROGUE_HOLE:
		return find_hole(child);
	case ROGUE_REMOVE:
		return errno_to_answer(madvise(at, bytes, MADV_REMOVE));
	case ROGUE_DONTNEED:
		return errno_to_answer(madvise(at, bytes, MADV_DONTNEED));
	case ROGUE_DISCARD:
		return discard(child, order->page, order->count);
	case ROGUE_UNMAP:
		return errno_to_answer(munmap(at, bytes));
	case ROGUE_MOVE:
		return move(child);
	case ROGUE_MAP_TWICE:
		return map_again(child);
	case ROGUE_UNMAP_AGAIN:
		return errno_to_answer(munmap(child->again, child->region.bytes));
	case ROGUE_HOLD:
	case ROGUE_HOLD_BY_CALLS:
		return rogue_hold_do(child, order);
	case ROGUE_PWRITE:
		return put_in_file(child, order->page, order->count);
	case ROGUE_PIN:
		return pin(child, order->page, order->count);
	case ROGUE_UNPIN:
		return errno_to_answer(close(child->ring));
	case ROGUE_TRUNCATE:
		return errno_to_answer(ftruncate(child->file, (off_t)bytes));
	case ROGUE_GIVE:
		return give(child, order->page, order->count);
	case ROGUE_SAY:
		return say(child, order->count);
	case ROGUE_CALLS_AGAIN:
		return ask_again(child);
	case ROGUE_LIE:
		return lie(child, order->count);
	case ROGUE_POISON:
		return poison_work(poison_of(child, order->page), order->count);
	case ROGUE_SEARCH:
		return poison_search(poison_of(child, order->page));
	case ROGUE_RUN:
		return order->run(&child->self, order->page, order->count);
	default:
		return rogue_call_do(child, order);
	}
}
