/*
 * debugger: lines in, lines out, over real tables and a breakpoint that the test hits.
 */
#include "agent/partition/debugger.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "hvcore/wire/hcall.h"
#include "tests/support/call_server.h"

#define PAGES 64u
#define BYTES (PAGES * HV_PAGE_BYTES)

static struct call_server server;
static struct partition_calls *calls;
static struct partition_guest *guest;
static struct partition_debugger debugger;
static struct partition_ring out;
static uint8_t *base;

static void open_guest(bool has_calls)
{
	const struct partition_guest_config config = {
		.base = base, .bytes = BYTES, .max_bytes = BYTES, .key = 7
	};

	assert_int_equal(partition_guest_open(&config, &guest, NULL), HV_OK);
	if (has_calls)
		assert_int_equal(partition_guest_via(guest, calls, NULL), HV_OK);
}

static int set_up(void **state)
{
	(void)state;
	call_server_start(&server, PAGES);
	assert_int_equal(partition_calls_open(dup(server.memory), dup(server.doorbell),
					      server.hpt_bytes, &calls, NULL),
			 HV_OK);
	base = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	assert_ptr_not_equal(base, MAP_FAILED);
	open_guest(true);
	debugger = (struct partition_debugger){ .is_set = false };
	out = (struct partition_ring){ 0 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	partition_guest_close(guest);
	partition_calls_close(calls);
	call_server_end(&server);
	return munmap(base, BYTES);
}

/* What the line is answered with. */
static const char *say(const char *line)
{
	static char text[PARTITION_RING_BYTES + 1];
	char copy[160];
	uint64_t at = out.end;

	(void)snprintf(copy, sizeof(copy), "%s", line);
	partition_debugger_run(&debugger, guest, copy, &out);
	partition_debugger_look(&debugger, guest, &out);
	text[partition_ring_get(&out, &at, text, sizeof(text) - 1)] = '\0';
	return text;
}

static const char *look(void)
{
	static char text[PARTITION_RING_BYTES + 1];
	uint64_t at = out.end;

	partition_debugger_look(&debugger, guest, &out);
	text[partition_ring_get(&out, &at, text, sizeof(text) - 1)] = '\0';
	return text;
}

static void what_is_watched_is_asked_for_by_its_virtual_address(void **state)
{
	(void)state;
	assert_string_equal(say("watch 0x3008 write"), "watching 0x3008\n");
	assert_int_equal(atomic_load(&server.watched.address), 0x3008);
	assert_int_equal(atomic_load(&server.watched.flags), HV_DABR_WRITE);
	assert_string_equal(say("watch 16 read-write"), "watching 0x10\n");
	assert_int_equal(atomic_load(&server.watched.address), 16);
	assert_int_equal(atomic_load(&server.watched.flags),
			 HV_DABR_WRITE | HV_DABR_READ);
	assert_string_equal(say("off"), "");
	assert_int_equal(atomic_load(&server.watched.flags), 0);
	assert_false(debugger.is_set);
}

static void hits_are_said_once_when_they_grow(void **state)
{
	(void)state;
	assert_string_equal(look(), "");
	assert_string_equal(say("watch 0 write"), "watching 0x0\n");
	assert_string_equal(look(), "");
	atomic_store(&server.watched.hits, 3);
	assert_string_equal(look(), "hits 3 42 worker 0\n");
	assert_string_equal(look(), "");
	atomic_store(&server.watched.hits, 4);
	assert_string_equal(look(), "hits 4 42 worker 0\n");
	partition_debugger_end(&debugger, guest);
	assert_int_equal(atomic_load(&server.watched.flags), 0);
	atomic_store(&server.watched.hits, 5);
	assert_string_equal(look(), "");
}

/* The page's entry is gone by the time of the call: it is made again. */
static void a_page_that_left_is_entered_again(void **state)
{
	(void)state;
	assert_string_equal(say("watch 0x5000 write"), "watching 0x5000\n");
	call_server_leave(&server, 5);
	assert_string_equal(say("watch 0x5000 write"), "watching 0x5000\n");
}

static void what_is_wrong_is_an_error(void **state)
{
	static const struct {
		const char *line, *error;
	} lines[] = {
		{ "", "error: 'watch ADDR write'" },
		{ "peek 0", "error: 'watch ADDR write'" },
		{ "watch 8", "error: 'watch ADDR write'" },
		{ "off now", "error: 'watch ADDR write'" },
		{ "watch 8 read", "error: 'read' is neither write nor read-write" },
		{ "watch x write", "error: 'x' is not a number" },
		{ "watch 4 write", "error: address 0x4 is not a multiple of 8" },
		{ "watch 0x40000 write", "error: address 0x40000 is not in its memory" },
		{ "watch 0xfffffffffffffff8 write", "is not in its memory" },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(lines); i++) {
		const char *said = say(lines[i].line);

		if (strstr(said, lines[i].error) == NULL)
			fail_msg("'%s' said '%s'", lines[i].line, said);
	}
	assert_false(debugger.is_set);
	atomic_store(&server.watched.os, EPERM);
	assert_string_equal(say("watch 0 write"),
			    "error: the kernel denies it: Operation not permitted\n");
	assert_false(debugger.is_set);
	partition_guest_close(guest);
	open_guest(false);
	assert_string_equal(say("watch 0 write"),
			    "error: it makes no hypervisor calls: it runs without "
			    "--via-hpt\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(what_is_watched_is_asked_for_by_its_virtual_address),
		TEST(hits_are_said_once_when_they_grow),
		TEST(a_page_that_left_is_entered_again),
		TEST(what_is_wrong_is_an_error),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
