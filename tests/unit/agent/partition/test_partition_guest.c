/* guest: every page is checked against what was written last, and nothing else. */
#include "agent/partition/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/support/oom.h"

#define PAGES 8
#define BYTES (PAGES * HV_PAGE_BYTES)

/* Memory of a file, which the test changes behind the guest's back. */
struct fixture {
	int file;
	uint8_t *base;
	struct partition_guest *guest;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.file = memfd_create("guest", MFD_CLOEXEC);
	if (fixture.file < 0 || ftruncate(fixture.file, BYTES) != 0)
		return -1;
	fixture.base = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fixture.file,
			    0);
	if (fixture.base == MAP_FAILED)
		return -1;
	*state = &fixture;
	return partition_guest_open(
		&(struct partition_guest_config){ .base = fixture.base,
						  .bytes = BYTES,
						  .max_bytes = BYTES,
						  .key = 77 },
		&fixture.guest, NULL);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	partition_guest_close(fixture->guest);
	return munmap(fixture->base, BYTES) == 0 && close(fixture->file) == 0 ? 0 : -1;
}

static void flip_byte(struct fixture *fixture, uint64_t page, unsigned byte)
{
	off_t at = (off_t)(page * HV_PAGE_BYTES + byte);
	uint8_t value;

	assert_int_equal(pread(fixture->file, &value, 1, at), 1);
	value ^= 0x40;
	assert_int_equal(pwrite(fixture->file, &value, 1, at), 1);
}

static void read_page(struct fixture *fixture, uint64_t page, uint8_t *to)
{
	assert_int_equal(
		pread(fixture->file, to, HV_PAGE_BYTES, (off_t)(page * HV_PAGE_BYTES)),
		HV_PAGE_BYTES);
}

static void write_page(struct fixture *fixture, uint64_t page, const uint8_t *from)
{
	assert_int_equal(
		pwrite(fixture->file, from, HV_PAGE_BYTES, (off_t)(page * HV_PAGE_BYTES)),
		HV_PAGE_BYTES);
}

static void pages_are_right_before_and_after_writes(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(partition_guest_pages(fixture->guest), PAGES);
	for (unsigned pass = 0; pass < 3; pass++) {
		for (uint64_t page = 0; page < PAGES; page++) {
			assert_true(partition_guest_check(fixture->guest, page));
			assert_true(partition_guest_peek(fixture->guest, page));
		}
		for (uint64_t page = pass; page < PAGES; page += 2)
			assert_true(partition_guest_write(fixture->guest, page));
	}
	assert_int_equal(partition_guest_mismatches(fixture->guest), 0);
}

static void a_bad_page_is_counted_once_until_it_is_written(void **state)
{
	struct fixture *fixture = *state;

	for (unsigned round = 1; round <= 2; round++) {
		assert_true(partition_guest_write(fixture->guest, 3));
		assert_true(partition_guest_check(fixture->guest, 3));
		flip_byte(fixture, 3, 4095);
		assert_false(partition_guest_check(fixture->guest, 3));
		assert_false(partition_guest_check(fixture->guest, 3));
		assert_int_equal(partition_guest_mismatches(fixture->guest), round);
	}
	assert_true(partition_guest_check(fixture->guest, 2));
	assert_true(partition_guest_check(fixture->guest, 4));
}

static void an_unwritten_page_that_is_not_zero_is_found(void **state)
{
	struct fixture *fixture = *state;

	flip_byte(fixture, 0, 2048);
	assert_false(partition_guest_check(fixture->guest, 0));
	assert_int_equal(partition_guest_mismatches(fixture->guest), 1);
}

static void pages_swapped_or_old_or_zero_are_found(void **state)
{
	struct fixture *fixture = *state;
	static uint8_t one[HV_PAGE_BYTES], two[HV_PAGE_BYTES];

	for (uint64_t page = 0; page < PAGES; page++)
		assert_true(partition_guest_write(fixture->guest, page));
	read_page(fixture, 1, one);
	read_page(fixture, 2, two);
	write_page(fixture, 1, two);
	write_page(fixture, 2, one);
	assert_false(partition_guest_check(fixture->guest, 1));
	assert_false(partition_guest_check(fixture->guest, 2));
	assert_false(partition_guest_peek(fixture->guest, 1));

	read_page(fixture, 5, one);
	assert_true(partition_guest_write(fixture->guest, 5));
	write_page(fixture, 5, one);
	assert_false(partition_guest_check(fixture->guest, 5));

	memset(one, 0, sizeof one);
	write_page(fixture, 6, one);
	assert_false(partition_guest_check(fixture->guest, 6));
	/* Two swapped, seen by a neighbour as well, an old one, a zero one. */
	assert_int_equal(partition_guest_mismatches(fixture->guest), 5);
}

static void a_page_given_back_must_be_zero(void **state)
{
	struct fixture *fixture = *state;
	static const uint8_t zero[HV_PAGE_BYTES];

	for (uint64_t page = 2; page < 5; page++)
		assert_true(partition_guest_write(fixture->guest, page));
	partition_guest_forget(fixture->guest, 2, 3);
	write_page(fixture, 2, zero);
	write_page(fixture, 3, zero);
	assert_true(partition_guest_check(fixture->guest, 2));
	assert_true(partition_guest_check(fixture->guest, 3));
	assert_false(partition_guest_check(fixture->guest, 4));
}

/* The page holds one content more, which it never held before. */
static void assert_new_content(struct fixture *fixture, uint64_t page, unsigned *count)
{
	static uint8_t seen[16][HV_PAGE_BYTES];

	assert_true(*count < HV_COUNT(seen));
	assert_true(partition_guest_write(fixture->guest, page));
	read_page(fixture, page, seen[*count]);
	for (unsigned i = 0; i < *count; i++)
		assert_memory_not_equal(seen[i], seen[*count], HV_PAGE_BYTES);
	(*count)++;
}

static void no_content_comes_twice(void **state)
{
	struct fixture *fixture = *state;
	static const uint8_t zero[HV_PAGE_BYTES];
	static uint8_t saved[HV_PAGE_BYTES];
	unsigned count = 0;

	assert_new_content(fixture, 3, &count);
	read_page(fixture, 3, saved);
	for (unsigned i = 0; i < 3; i++)
		assert_new_content(fixture, 3, &count);
	/* a disk had the first one */
	write_page(fixture, 3, saved);
	partition_guest_restore(fixture->guest, 3, 1);
	assert_int_equal(partition_guest_version(fixture->guest, 3), 1);
	assert_true(partition_guest_check(fixture->guest, 3));
	assert_new_content(fixture, 3, &count);
	/* it was given back */
	partition_guest_forget(fixture->guest, 3, 1);
	write_page(fixture, 3, zero);
	assert_true(partition_guest_check(fixture->guest, 3));
	assert_new_content(fixture, 3, &count);
	/* it was taken, and came again */
	partition_guest_resize(fixture->guest, 2, 2);
	partition_guest_resize(fixture->guest, PAGES, PAGES);
	write_page(fixture, 3, zero);
	assert_true(partition_guest_check(fixture->guest, 3));
	assert_new_content(fixture, 3, &count);
	assert_int_equal(partition_guest_mismatches(fixture->guest), 0);
}

/* A page beyond the end of the file raises SIGBUS, as a poisoned one does. */
static void a_page_that_cannot_be_read_is_a_mismatch(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(partition_guest_catch_poison(NULL),
			 HV_OK); /* cmocka catches it */
	assert_true(partition_guest_write(fixture->guest, PAGES - 1));
	assert_true(partition_guest_write(fixture->guest, PAGES - 2));
	assert_int_equal(ftruncate(fixture->file, BYTES - HV_PAGE_BYTES), 0);
	for (unsigned i = 0; i < 3; i++) {
		assert_false(partition_guest_check(fixture->guest, PAGES - 1));
		assert_false(partition_guest_write(fixture->guest, PAGES - 1));
		assert_false(partition_guest_peek(fixture->guest, PAGES - 1));
	}
	assert_int_equal(partition_guest_mismatches(fixture->guest), 1);
	assert_true(partition_guest_check(fixture->guest, PAGES - 2));
}

/* What is on stderr between the two calls; the mismatches of a page's first check. */
static void check_and_capture(struct fixture *fixture, uint64_t page, char *text,
			      size_t room)
{
	int kept = dup(STDERR_FILENO);
	int log = memfd_create("log", MFD_CLOEXEC);
	ssize_t got;

	assert_true(kept >= 0 && log >= 0);
	assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
	(void)partition_guest_check(fixture->guest, page);
	assert_int_equal(dup2(kept, STDERR_FILENO), STDERR_FILENO);
	got = pread(log, text, room - 1, 0);
	assert_true(got >= 0);
	text[got] = '\0';
	assert_int_equal(close(kept), 0);
	assert_int_equal(close(log), 0);
}

static void the_log_names_page_and_version_but_no_content(void **state)
{
	struct fixture *fixture = *state;
	static uint8_t foreign[HV_PAGE_BYTES];
	char text[2048], number[32];
	uint64_t word = 0x1122334455667788;

	assert_true(partition_guest_write(fixture->guest, 1));
	assert_true(partition_guest_write(fixture->guest, 1));
	flip_byte(fixture, 1, 100);
	check_and_capture(fixture, 1, text, sizeof text);
	assert_non_null(strstr(text, "page=1 version=2 found=own found_page=1 "
				     "found_version=2 first_bad_byte=96"));
	check_and_capture(fixture, 1, text, sizeof text);
	assert_string_equal(text, "");

	for (unsigned i = 0; i < sizeof foreign; i += sizeof word)
		memcpy(&foreign[i], &word, sizeof word);
	write_page(fixture, 6, foreign);
	check_and_capture(fixture, 6, text, sizeof text);
	assert_non_null(strstr(text, "page=6 version=0 found=foreign"));
	(void)snprintf(number, sizeof number, "%llu", (unsigned long long)word);
	assert_null(strstr(text, number));
}

static void memory_that_is_short_is_an_error(void **state)
{
	struct partition_guest *guest = NULL;
	struct fixture *fixture = *state;
	enum hv_code code;
	unsigned nth;

	for (nth = 1;; nth++) {
		oom_arm(nth);
		code = partition_guest_open(
			&(struct partition_guest_config){ .base = fixture->base,
							  .bytes = BYTES,
							  .max_bytes = BYTES,
							  .key = 1 },
			&guest, NULL);
		if (!oom_disarm())
			break;
		assert_int_equal(code, HV_E_NOMEM);
		assert_null(guest);
	}
	assert_true(nth > 1);
	assert_int_equal(code, HV_OK);
	partition_guest_close(guest);
	partition_guest_close(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages_are_right_before_and_after_writes),
		TEST(a_bad_page_is_counted_once_until_it_is_written),
		TEST(an_unwritten_page_that_is_not_zero_is_found),
		TEST(pages_swapped_or_old_or_zero_are_found),
		TEST(a_page_given_back_must_be_zero),
		TEST(no_content_comes_twice),
		TEST(a_page_that_cannot_be_read_is_a_mismatch),
		TEST(the_log_names_page_and_version_but_no_content),
		TEST(memory_that_is_short_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
