/*
 * Unit tests of agent/partition/attach_library/program.h: the calls of a program on memory
 * that is a plain mapping here, with a hypervisor that answers discards and makes holes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/partition/attach_library/library_priv.h"
#include "agent/partition/attach_library/program.h"

#define PAGE ((size_t)4096)
#define PAGES ((size_t)4096)
#define LEAST (16 * PAGE)
#define RW (PROT_READ | PROT_WRITE)
#define PLAIN (MAP_PRIVATE | MAP_ANONYMOUS)

/* ---- the rest of the library ---- */

void *library_map(const struct library_mmap *wanted)
{
	return (void *)syscall(SYS_mmap, wanted->at, wanted->bytes, wanted->protection,
			       wanted->flags, wanted->fd, wanted->offset);
}

int library_refuse(const struct attach_verdict *verdict)
{
	errno = verdict->os;
	return -1;
}

/* ---- the hypervisor ---- */

static uint8_t *base;
static struct attach_discards discards;
static atomic_ulong discarded;
static int ends[2];
static pthread_t thread;

static void *answer_all(void *arg)
{
	struct hv_attach_discard packet;

	while (recv(ends[1], &packet, sizeof(packet), 0) == sizeof(packet)) {
		if (packet.bytes == 0 || packet.offset % PAGE != 0 ||
		    madvise(base + packet.offset, packet.bytes, MADV_REMOVE) != 0)
			break; /* whoever waits does so for good: the test runs out */
		discarded += packet.bytes / PAGE;
		if (attach_discard_answered(&discards, packet.head.tag, NULL) != HV_OK)
			break;
	}
	return arg;
}

static void begin_with(bool must_fail, uint64_t uffd)
{
	const struct attach_passport passport = { .bytes = PAGES * PAGE,
						  .uffd = uffd,
						  .large = LEAST,
						  .must_fail = must_fail };

	discarded = 0;
	base = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(base != MAP_FAILED);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	attach_discards_init(&discards, ends[0]);
	assert_int_equal(pthread_create(&thread, NULL, answer_all, NULL), 0);
	assert_int_equal(program_begin(base, &passport, &discards, NULL), HV_OK);
	assert_true(program_is_on());
}

static void begin(bool must_fail)
{
	begin_with(must_fail, 3);
}

static void end(void)
{
	program_tell();
	program_leave();
	assert_false(program_is_on());
	assert_int_equal(shutdown(ends[1], SHUT_RDWR), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(close(ends[0]), 0);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(munmap(base, PAGES * PAGE), 0);
}

/* ---- what a program does ---- */

static uint8_t *map_at(void *at, size_t pages, int flags)
{
	return program_mmap(
		&(struct library_mmap){ at, pages * PAGE, RW, PLAIN | flags, -1, 0 });
}

static bool is_ours(const void *at)
{
	return (const uint8_t *)at >= base && (const uint8_t *)at < base + PAGES * PAGE;
}

static bool holds(const uint8_t *at, size_t pages, uint8_t value)
{
	for (size_t i = 0; i < pages * PAGE; i++)
		if (at[i] != value)
			return false;
	return true;
}

static uint64_t used(void)
{
	return program_large()->ranges.used;
}

static void large_mappings_are_of_the_memory_and_zeros(void **state)
{
	uint8_t *a, *b, *small;

	(void)state;
	begin(false);
	small = map_at(NULL, LEAST / PAGE - 1, 0);
	assert_false(is_ours(small));
	a = map_at(NULL, 100, 0);
	b = map_at(NULL, 100, 0);
	assert_ptr_equal(a, base);
	assert_ptr_equal(b, base + 100 * PAGE);
	memset(a, 1, 200 * PAGE);
	assert_int_equal(program_munmap(a, 100 * PAGE), 0);
	assert_int_equal(discarded, 100);
	a = map_at(NULL, 60, 0);
	assert_ptr_equal(a, base);
	assert_true(holds(a, 60, 0) && holds(b, 100, 1));
	/* where it asks for, if there is room */
	assert_ptr_equal(map_at(base + 1000 * PAGE, 20, 0), base + 1000 * PAGE);
	assert_ptr_equal(map_at(base + 1000 * PAGE, 20, 0), base + 60 * PAGE);
	assert_int_equal(used(), 200);
	assert_int_equal(program_munmap(small, LEAST - PAGE), 0);
	end();
}

static void any_part_is_unmapped_also_over_the_edge(void **state)
{
	uint8_t *room, *at;

	(void)state;
	begin(false);
	at = map_at(NULL, PAGES, 0);
	assert_ptr_equal(at, base);
	assert_int_equal(program_munmap(at + 10 * PAGE, 5 * PAGE), 0);
	assert_int_equal(program_munmap(at + 12 * PAGE, 4 * PAGE),
			 0); /* again, and one */
	assert_int_equal(used(), PAGES - 6);
	assert_int_equal(discarded, 6);
	errno = 0;
	assert_int_equal(program_munmap(at + 1, PAGE), -1);
	assert_int_equal(errno, EINVAL);
	/* what follows it is the kernel's */
	room = map_at(at + PAGES * PAGE, 2, MAP_FIXED_NOREPLACE);
	if (room == at + PAGES * PAGE) {
		assert_int_equal(program_munmap(room - PAGE, 3 * PAGE), 0);
		assert_int_equal(msync(room, PAGE, MS_ASYNC), -1);
		assert_int_equal(used(), PAGES - 7);
		assert_int_equal(msync(room - PAGE, PAGE, MS_ASYNC), 0);
	}
	assert_int_equal(program_munmap(at, PAGES * PAGE), 0);
	assert_int_equal(used(), 0);
	assert_int_equal(discarded, PAGES);
	end();
}

static void used_up_it_is_ordinary_memory_or_fails(void **state)
{
	uint8_t *at;

	(void)state;
	begin(false);
	assert_ptr_equal(map_at(NULL, PAGES, 0), base);
	at = map_at(NULL, LEAST / PAGE, 0);
	assert_true(at != MAP_FAILED && !is_ours(at));
	assert_int_equal(program_munmap(at, LEAST), 0);
	end();
	begin(true);
	assert_ptr_equal(map_at(NULL, PAGES - 15, 0), base);
	assert_ptr_equal(map_at(NULL, 16, 0), MAP_FAILED);
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(program_munmap(base, PAGE), 0);
	end();
}

static void memory_said_to_be_unused_is_zeros(void **state)
{
	uint8_t *at;

	(void)state;
	begin(false);
	at = map_at(NULL, 100, 0);
	memset(at, 1, 100 * PAGE);
	assert_int_equal(program_madvise(at + 10 * PAGE, 10 * PAGE, MADV_DONTNEED), 0);
	assert_int_equal(program_madvise(at + 30 * PAGE, PAGE, MADV_FREE), 0);
	assert_int_equal(program_madvise(at, 100 * PAGE, MADV_HUGEPAGE), 0);
	assert_int_equal(program_madvise(at, PAGE, MADV_REMOVE), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(program_madvise(base - 1, 0, MADV_DONTNEED), -1); /* kernel's */
	assert_true(holds(at + 10 * PAGE, 10, 0) && holds(at + 30 * PAGE, 1, 0));
	assert_true(holds(at, 10, 1) && holds(at + 31 * PAGE, 69, 1));
	/* so is what is mapped over a part, and it is mapped then if it was not */
	assert_ptr_equal(map_at(at + 50 * PAGE, 5, MAP_FIXED), at + 50 * PAGE);
	assert_true(holds(at + 50 * PAGE, 5, 0) && holds(at + 55 * PAGE, 45, 1));
	assert_ptr_equal(map_at(base + 200 * PAGE, 5, MAP_FIXED), base + 200 * PAGE);
	assert_int_equal(used(), 105);
	assert_ptr_equal(map_at(at, 1, MAP_FIXED | MAP_LOCKED), MAP_FAILED);
	assert_int_equal(errno, EPERM);
	end();
}

static void nobody_is_asked_for_dedicated_memory(void **state)
{
	uint8_t *at;

	(void)state;
	begin_with(false, 0);
	at = map_at(NULL, 100, 0);
	memset(at, 1, 100 * PAGE);
	assert_int_equal(program_madvise(at, 10 * PAGE, MADV_DONTNEED), 0);
	assert_true(holds(at, 10, 0) && holds(at + 10 * PAGE, 90, 1));
	assert_int_equal(program_munmap(at, 100 * PAGE), 0);
	assert_true(holds(at, 100, 0));
	assert_int_equal(used(), 0);
	assert_int_equal(discarded, 0);
	end();
}

static void protection_and_locks_are_refused(void **state)
{
	uint8_t *at, *other;

	(void)state;
	begin(false);
	at = map_at(NULL, 100, 0);
	other = map_at(NULL, 1, 0);
	assert_int_equal(program_mprotect(at, PAGE, RW), 0);
	assert_int_equal(program_mprotect(at, PAGE, PROT_READ), -1);
	assert_int_equal(errno, EACCES);
	assert_int_equal(program_mprotect(other, PAGE, PROT_READ), 0);
	assert_false(program_may_lock(at + PAGE, 1));
	assert_int_equal(errno, EPERM);
	assert_true(program_may_lock(other, PAGE));
	assert_int_equal(program_munmap(other, PAGE), 0);
	end();
}

static void memory_is_moved_with_what_it_holds(void **state)
{
	uint8_t *a, *b, *to;

	(void)state;
	begin(false);
	a = map_at(NULL, 100, 0);
	memset(a, 1, 100 * PAGE);
	/* grows where it is, and shrinks */
	assert_ptr_equal(program_mremap(a, 100 * PAGE, 150 * PAGE, 0, NULL), a);
	assert_true(holds(a, 100, 1) && holds(a + 100 * PAGE, 50, 0));
	assert_ptr_equal(program_mremap(a, 150 * PAGE, 100 * PAGE - 1, 0, NULL), a);
	assert_int_equal(used(), 100);
	/* no room behind it */
	b = map_at(NULL, 20, 0);
	assert_ptr_equal(b, a + 100 * PAGE);
	assert_ptr_equal(program_mremap(a, 100 * PAGE, 2000 * PAGE, 0, NULL), MAP_FAILED);
	assert_int_equal(errno, ENOMEM);
	to = program_mremap(a, 100 * PAGE, 2000 * PAGE, MREMAP_MAYMOVE, NULL);
	assert_ptr_equal(to, base + 120 * PAGE);
	assert_true(holds(to, 100, 1) && holds(to + 100 * PAGE, 1900, 0));
	assert_int_equal(used(), 2020);
	assert_true(holds(a, 100, 0));
	/* out of the memory, where it is used up, and where it is told to go */
	a = map_at(NULL, 40, 0);
	memset(a, 2, 40 * PAGE);
	a = program_mremap(a, 40 * PAGE, PAGES * PAGE, MREMAP_MAYMOVE, NULL);
	assert_true(a != MAP_FAILED && !is_ours(a) && holds(a, 40, 2));
	b = program_mremap(to, 90 * PAGE, 80 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a);
	assert_ptr_equal(b, a);
	assert_true(holds(a, 80, 1));
	assert_int_equal(used(), 2020 - 90);
	assert_ptr_equal(
		program_mremap(a, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base),
		MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_ptr_equal(program_mremap(a, 2 * PAGE, PAGE, 0, NULL), a);
	assert_int_equal(program_munmap(a, PAGES * PAGE), 0);
	end();
}

static void *churn(void *arg)
{
	const uint8_t mine = *(const uint8_t *)arg;

	for (unsigned i = 0; i < 200; i++) {
		size_t pages = 16 + (i * 7 + mine) % 40;
		uint8_t *at = map_at(NULL, pages, 0);

		if (at == MAP_FAILED || !is_ours(at) || !holds(at, pages, 0))
			return arg;
		memset(at, mine, pages * PAGE);
		if (!holds(at, pages, mine) || program_munmap(at, pages * PAGE) != 0)
			return arg;
	}
	return NULL;
}

static void threads_have_pages_of_their_own(void **state)
{
	uint8_t values[] = { 1, 2, 3 };
	pthread_t threads[3];
	void *failed;

	(void)state;
	begin(false);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, churn, &values[i]), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(used(), 0);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_mappings_are_of_the_memory_and_zeros),
		cmocka_unit_test(any_part_is_unmapped_also_over_the_edge),
		cmocka_unit_test(used_up_it_is_ordinary_memory_or_fails),
		cmocka_unit_test(memory_said_to_be_unused_is_zeros),
		cmocka_unit_test(nobody_is_asked_for_dedicated_memory),
		cmocka_unit_test(protection_and_locks_are_refused),
		cmocka_unit_test(memory_is_moved_with_what_it_holds),
		cmocka_unit_test(threads_have_pages_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
