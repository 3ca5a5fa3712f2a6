/* resize: memory in use changes only while nobody touches it, and is said in steps. */
#include "agent/partition/resize.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "hvcore/base/clock.h"

#define PAGES 1024u
#define MAX_PAGES 2048u
#define STEP_PAGES 256u
#define WORKERS 3u
#define WAIT_MS 10000

static uint8_t *base;
static struct partition_guest *guest;
static struct partition_crew *crew;
static struct partition_resize resize;

static int set_up(void **state)
{
	struct partition_guest_config config = { .bytes = PAGES * HV_PAGE_BYTES,
						 .max_bytes = MAX_PAGES * HV_PAGE_BYTES,
						 .key = 7 };
	struct partition_crew_config work = {
		.workload = { .kind = PARTITION_ZIPF,
			      .working_set_percent = 100,
			      .write_percent = 50,
			      .seed = 1 },
		.workers = WORKERS,
		.home_cpu = -1,
	};

	(void)state;
	base = mmap(NULL, config.max_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		return -1;
	config.base = base;
	resize = (struct partition_resize){ 0 };
	if (partition_guest_open(&config, &guest, NULL) != HV_OK)
		return -1;
	return partition_crew_open(&work, guest, &crew, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	partition_crew_close(crew);
	partition_guest_close(guest);
	return munmap(base, MAX_PAGES * HV_PAGE_BYTES);
}

static void order(uint64_t pages, uint64_t has, uint32_t tag)
{
	struct hv_attach_resize packet = {
		.head = hv_local_head(HV_ATTACH_VERSION, HV_ATTACH_RESIZE, sizeof packet,
				      tag),
		.bytes = pages * HV_PAGE_BYTES,
		.has_bytes = has * HV_PAGE_BYTES,
		.step_bytes = STEP_PAGES * HV_PAGE_BYTES,
	};

	partition_resize_begin(&resize, &packet);
}

static struct partition_progress look(uint64_t until_ms)
{
	struct pollfd notice = { .fd = partition_crew_notice(crew), .events = POLLIN };

	assert_true(hv_clock_ms() < until_ms);
	assert_true(poll(&notice, 1, 5) >= 0);
	return partition_crew_progress(crew, NULL);
}

/* As the control thread does, until there is something to say. */
static void wait_applied(void)
{
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;
	struct hv_attach_resized packet;

	while (!partition_resize_say(&resize, &packet))
		partition_resize_step(&resize, guest, crew, look(until_ms).is_paused);
}

/* What is said next, in pages; 0: nothing more. */
static uint64_t next_said(uint32_t tag)
{
	struct hv_attach_resized packet;

	if (!partition_resize_say(&resize, &packet))
		return 0;
	assert_int_equal(packet.head.tag, tag);
	assert_int_equal(hv_attach_check(&packet, sizeof packet, NULL), HV_OK);
	partition_resize_said(&resize);
	return packet.bytes / HV_PAGE_BYTES;
}

static void verify(uint64_t pages)
{
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;
	struct partition_progress progress;

	assert_int_equal(partition_crew_verify(crew, NULL), HV_OK);
	do
		progress = look(until_ms);
	while (progress.is_verifying);
	assert_int_equal(progress.verified, pages);
	assert_int_equal(progress.verified_bad, 0);
	assert_int_equal(partition_guest_mismatches(guest), 0);
}

/* Once every page has been written. */
static void wait_filled(uint64_t pages)
{
	uint64_t before = partition_crew_progress(crew, NULL).operations;
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;

	while (look(until_ms).operations < before + 2 * pages)
		continue;
}

static void what_is_given_is_said_block_by_block_from_the_top(void **state)
{
	(void)state;
	wait_filled(PAGES);
	order(300, PAGES, 5);
	wait_applied();
	assert_int_equal(partition_guest_pages(guest), 300);
	assert_int_equal(next_said(5), 768);
	assert_int_equal(next_said(5), 512);
	assert_int_equal(next_said(5), 300);
	assert_int_equal(next_said(5), 0);
	verify(300);
}

static bool is_last_page_written(void)
{
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;
	bool is_written;

	partition_crew_pause(crew);
	while (!look(until_ms).is_paused)
		continue;
	is_written = *(uint64_t *)(void *)(base + (MAX_PAGES - 1) * HV_PAGE_BYTES) != 0;
	partition_crew_resume(crew);
	return is_written;
}

static void new_memory_is_worked_on_and_verified(void **state)
{
	(void)state;
	wait_filled(PAGES);
	order(MAX_PAGES, PAGES, 6);
	wait_applied();
	assert_int_equal(next_said(6), MAX_PAGES);
	assert_int_equal(next_said(6), 0);
	while (!is_last_page_written())
		wait_filled(PAGES);
	verify(MAX_PAGES);
}

/* It was offered and never taken: it holds what was written before. */
static void what_was_not_taken_is_as_it_was(void **state)
{
	(void)state;
	wait_filled(PAGES);
	order(256, PAGES, 7);
	wait_applied();
	assert_int_equal(next_said(7), 768);
	order(768, 768, 8); /* given up: one block was taken */
	(void)memset(base + 768 * HV_PAGE_BYTES, 0, 256 * HV_PAGE_BYTES);
	wait_applied();
	assert_int_equal(next_said(8), 768);
	assert_int_equal(next_said(8), 0);
	verify(768);
	order(PAGES, 768, 9);
	wait_applied();
	verify(PAGES);
}

/* A second pause begins before every worker has seen the end of the first. */
static void orders_follow_at_once(void **state)
{
	uint64_t pages = PAGES;

	(void)state;
	for (uint32_t i = 1; i < 200; i++) {
		uint64_t next = 1 + i * 977 % MAX_PAGES;

		order(next, pages, i);
		wait_applied();
		pages = partition_guest_pages(guest);
		(void)memset(base + pages * HV_PAGE_BYTES, 0,
			     (MAX_PAGES - pages) * HV_PAGE_BYTES);
	}
	while (next_said(199) != 0)
		continue;
	verify(pages);
}

static void each_worker_keeps_a_page_and_none_is_beyond_the_maximum(void **state)
{
	(void)state;
	order(1, PAGES, 1);
	wait_applied();
	assert_int_equal(partition_guest_pages(guest), WORKERS);
	order(MAX_PAGES + 1, MAX_PAGES, 2);
	order(MAX_PAGES + 2, MAX_PAGES, 3); /* the later one counts */
	wait_applied();
	assert_int_equal(partition_guest_pages(guest), MAX_PAGES);
	assert_int_equal(next_said(3), MAX_PAGES);
}

static void a_crew_that_is_paused_can_be_stopped(void **state)
{
	uint64_t until_ms = hv_clock_ms() + WAIT_MS;

	(void)state;
	partition_crew_pause(crew);
	while (!look(until_ms).is_paused)
		continue;
	partition_crew_stop(crew);
	while (!look(until_ms).is_ended)
		continue;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_given_is_said_block_by_block_from_the_top),
		TEST(new_memory_is_worked_on_and_verified),
		TEST(what_was_not_taken_is_as_it_was),
		TEST(orders_follow_at_once),
		TEST(each_worker_keeps_a_page_and_none_is_beyond_the_maximum),
		TEST(a_crew_that_is_paused_can_be_stopped),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
