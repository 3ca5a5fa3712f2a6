/* ring and line: what was said is kept while it fits, what is typed becomes lines. */
#include "agent/partition/line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct partition_ring ring;
static struct partition_line line;

static int set_up(void **state)
{
	(void)state;
	ring = (struct partition_ring){ 0 };
	line = (struct partition_line){ .count = 0 };
	return 0;
}

static void put(const char *text)
{
	partition_ring_put(&ring, text, strlen(text));
}

static void assert_ring(uint64_t at, const char *text)
{
	char got[256] = "";
	size_t count = partition_ring_get(&ring, &at, got, sizeof(got) - 1);

	assert_int_equal(count, strlen(text));
	assert_string_equal(got, text);
}

static void a_ring_gives_what_was_put(void **state)
{
	uint64_t at = 0;
	char got[4];

	(void)state;
	assert_int_equal(partition_ring_get(&ring, &at, got, sizeof(got)), 0);
	put("hello");
	assert_int_equal(partition_ring_get(&ring, &at, got, 3), 3);
	assert_memory_equal(got, "hel", 3);
	assert_int_equal(partition_ring_get(&ring, &at, got, 4), 2);
	assert_memory_equal(got, "lo", 2);
	assert_int_equal(at, 5);
}

static void what_is_gone_is_skipped(void **state)
{
	static uint8_t much[PARTITION_RING_BYTES];
	uint64_t at = 0;
	uint8_t got[2];

	(void)state;
	memset(much, 'a', sizeof(much));
	put("xyz");
	partition_ring_put(&ring, much, sizeof(much) - 1);
	assert_int_equal(partition_ring_get(&ring, &at, got, 2), 2);
	assert_memory_equal(got, "za", 2);
	assert_int_equal(at, 4);
	partition_ring_put(&ring, much, sizeof(much));
	partition_ring_put(&ring, much, sizeof(much));
	assert_int_equal(partition_ring_get(&ring, &at, got, 1), 1);
	assert_int_equal(at, ring.end - PARTITION_RING_BYTES + 1);
}

static void the_last_lines_begin_at_a_line(void **state)
{
	(void)state;
	assert_int_equal(partition_ring_last(&ring, 10), 0);
	put("one\ntwo\nthree");
	assert_int_equal(partition_ring_last(&ring, 100), 0);
	assert_ring(partition_ring_last(&ring, 10), "two\nthree");
	assert_ring(partition_ring_last(&ring, 9), "two\nthree");
	assert_ring(partition_ring_last(&ring, 6), "three");
	assert_ring(partition_ring_last(&ring, 3), "ree"); /* no line begins there */
	assert_ring(partition_ring_last(&ring, 0), "");
}

/* The event of the last byte. */
static enum partition_line_event type(const char *text)
{
	enum partition_line_event event = PARTITION_LINE_NONE;

	for (; *text != '\0'; text++)
		event = partition_line_take(&line, (uint8_t)*text, &ring);
	return event;
}

static void enter_completes_in_every_form(void **state)
{
	static const char *const forms[] = { "ab\r", "ab\n", "ab\r" };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(forms); i++) {
		assert_int_equal(type(forms[i]), PARTITION_LINE_COMPLETE);
		assert_string_equal(line.text, "ab");
		partition_line_clear(&line);
	}
	assert_int_equal(type("\n"), PARTITION_LINE_NONE); /* of CR LF */
	assert_int_equal(type("\n"), PARTITION_LINE_COMPLETE);
	assert_string_equal(line.text, "");
	assert_ring(0, "ab\r\nab\r\nab\r\n\r\n");
}

static void what_was_typed_can_be_taken_back(void **state)
{
	(void)state;
	assert_int_equal(type("ax\bb\x7f\x7f\x7f\x7f"), PARTITION_LINE_NONE);
	assert_string_equal(line.text, "");
	assert_int_equal(type("wrong\x15right\r"), PARTITION_LINE_COMPLETE);
	assert_string_equal(line.text, "right");
	partition_line_clear(&line);
	assert_int_equal(type("abc\x03"), PARTITION_LINE_CANCELED);
	assert_string_equal(line.text, "");
}

static void cursor_keys_are_swallowed_and_noise_rings(void **state)
{
	(void)state;
	assert_int_equal(type("a\x1b[A\x1b[1;5C\x1bOPb\x1b"), PARTITION_LINE_NONE);
	assert_int_equal(type("xc"), PARTITION_LINE_NONE);
	assert_string_equal(line.text, "abc");
	assert_int_equal(type("\x1b[12\r"), PARTITION_LINE_COMPLETE); /* none after all */
	partition_line_clear(&line);
	assert_int_equal(type("\x01\xff\t"), PARTITION_LINE_NONE);
	assert_string_equal(line.text, "");
	assert_ring(ring.end - 3, "\a\a\a");
}

static void a_line_is_bounded(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 2 * PARTITION_LINE_BYTES; i++)
		assert_int_equal(type("z"), PARTITION_LINE_NONE);
	assert_int_equal(strlen(line.text), PARTITION_LINE_BYTES - 1);
	assert_int_equal(type("\r"), PARTITION_LINE_COMPLETE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_ring_gives_what_was_put, set_up),
		cmocka_unit_test_setup(what_is_gone_is_skipped, set_up),
		cmocka_unit_test_setup(the_last_lines_begin_at_a_line, set_up),
		cmocka_unit_test_setup(enter_completes_in_every_form, set_up),
		cmocka_unit_test_setup(what_was_typed_can_be_taken_back, set_up),
		cmocka_unit_test_setup(cursor_keys_are_swallowed_and_noise_rings, set_up),
		cmocka_unit_test_setup(a_line_is_bounded, set_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
