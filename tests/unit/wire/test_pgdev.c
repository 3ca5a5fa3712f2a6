/* Unit tests of hvcore/wire/pgdev.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/wire/pgdev.h"

static struct hv_pgdev_header sample(uint64_t sequence)
{
	struct hv_pgdev_header header = { .id = { 1, 2, 3 },
					  .bytes = UINT64_C(1) << 30,
					  .page_bytes = HV_PAGE_BYTES,
					  .sequence = sequence,
					  .owner_epoch = 7,
					  .host = { 9, 8, 7 },
					  .host_name = "h1" };

	return header;
}

static void what_was_encoded_is_decoded(void **state)
{
	struct hv_pgdev_header header = sample(5), got;
	uint8_t page[HV_PAGE_BYTES];

	(void)state;
	memset(&got, 0, sizeof(got));
	hv_pgdev_encode(&header, page);
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_OK);
	assert_memory_equal(got.id, header.id, sizeof(got.id));
	assert_int_equal(got.bytes, header.bytes);
	assert_int_equal(got.page_bytes, header.page_bytes);
	assert_int_equal(got.sequence, header.sequence);
	assert_int_equal(got.owner_epoch, header.owner_epoch);
	assert_memory_equal(got.host, header.host, sizeof(got.host));
	assert_string_equal(got.host_name, "h1");
}

/* The layout is for ever: bytes, not structs. */
static void the_layout_is_little_endian_at_fixed_places(void **state)
{
	struct hv_pgdev_header header = sample(0x0102030405060708);
	uint8_t page[HV_PAGE_BYTES];
	static const uint8_t sequence[] = { 8, 7, 6, 5, 4, 3, 2, 1 };
	static const uint8_t page_bytes[] = { 0, 0x10, 0, 0 };

	(void)state;
	hv_pgdev_encode(&header, page);
	assert_memory_equal(page, "TARNPGD1\1\0\0\0", 12);
	assert_memory_equal(page + 12, page_bytes, 4);
	assert_memory_equal(page + 16, header.id, 16);
	assert_memory_equal(page + 48, sequence, 8);
	assert_memory_equal(page + 80, "h1\0", 3);
}

static void no_flipped_bit_passes(void **state)
{
	struct hv_pgdev_header header = sample(5), got;
	uint8_t page[HV_PAGE_BYTES];

	(void)state;
	hv_pgdev_encode(&header, page);
	for (unsigned bit = 0; bit < 8 * HV_PAGE_BYTES; bit++) {
		page[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_int_not_equal(hv_pgdev_decode(page, &got, NULL), HV_OK);
		page[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_OK);
}

static void what_is_not_ours_and_what_is_later_are_told_apart(void **state)
{
	struct hv_pgdev_header header = sample(5), got;
	uint8_t page[HV_PAGE_BYTES] = { 0 };

	(void)state;
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_E_CORRUPT);
	hv_pgdev_encode(&header, page);
	page[8]++; /* version; its checksum may be another one too */
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_E_VERSION);
	hv_pgdev_encode(&header, page);
	page[100]++;
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_E_CORRUPT);
}

static void fields_are_checked_behind_the_checksum(void **state)
{
	struct hv_pgdev_header header = sample(5), got;
	uint8_t page[HV_PAGE_BYTES];

	(void)state;
	header.page_bytes = 8192;
	hv_pgdev_encode(&header, page);
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_E_CORRUPT);
	header = sample(5);
	header.bytes = HV_PGDEV_HEADER_BYTES;
	hv_pgdev_encode(&header, page);
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_E_CORRUPT);
	header = sample(5);
	memset(header.host_name, 'x', sizeof(header.host_name));
	hv_pgdev_encode(&header, page);
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_E_CORRUPT);
	header = sample(5);
	memcpy(header.host_name, "a/b", 4);
	hv_pgdev_encode(&header, page);
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_E_CORRUPT);
	header = sample(5);
	header.host_name[0] = '\0'; /* nobody's yet */
	hv_pgdev_encode(&header, page);
	assert_int_equal(hv_pgdev_decode(page, &got, NULL), HV_OK);
}

struct choice_case {
	uint64_t a, b; /* sequence; 0 = damaged, UINT64_MAX = of a later version */
	enum hv_code code;
	unsigned copy;
};

static void put(uint8_t *page, uint64_t sequence)
{
	struct hv_pgdev_header header = sample(sequence);

	hv_pgdev_encode(&header, page);
	if (sequence == 0)
		page[200] ^= 1;
	if (sequence == UINT64_MAX)
		page[8]++;
}

static void the_newer_valid_copy_counts(void **state)
{
	static const struct choice_case cases[] = {
		{ 1, 2, HV_OK, 1 },
		{ 3, 2, HV_OK, 0 },
		{ 2, 2, HV_OK, 0 },
		{ 0, 2, HV_OK, 1 },
		{ 3, 0, HV_OK, 0 },
		{ 0, 0, HV_E_CORRUPT, 0 },
		/* A later Tarn owns it: its older copy must not bring it back. */
		{ 3, UINT64_MAX, HV_E_VERSION, 0 },
		{ UINT64_MAX, 3, HV_E_VERSION, 0 },
		{ UINT64_MAX, 0, HV_E_VERSION, 0 },
	};
	static uint8_t pages[2 * HV_PAGE_BYTES];

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		struct hv_pgdev_header got = { .sequence = 77 };
		unsigned copy = 77;

		put(pages, cases[i].a);
		put(pages + HV_PAGE_BYTES, cases[i].b);
		assert_int_equal(hv_pgdev_choose(pages, &got, &copy, NULL),
				 cases[i].code);
		if (cases[i].code != HV_OK) {
			assert_int_equal(copy, 77);
			assert_int_equal(got.sequence, 77);
			continue;
		}
		assert_int_equal(copy, cases[i].copy);
		assert_int_equal(got.sequence, copy == 0 ? cases[i].a : cases[i].b);
	}
}

static void usable_slots_leave_the_header_out(void **state)
{
	(void)state;
	assert_int_equal(hv_pgdev_slots(0), 0);
	assert_int_equal(hv_pgdev_slots(HV_PGDEV_HEADER_BYTES), 0);
	assert_int_equal(hv_pgdev_slots(HV_PGDEV_HEADER_BYTES + HV_PAGE_BYTES - 1), 0);
	assert_int_equal(hv_pgdev_slots(HV_PGDEV_HEADER_BYTES + HV_PAGE_BYTES), 1);
	assert_int_equal(hv_pgdev_slot_offset(0), HV_PGDEV_HEADER_BYTES);
	assert_int_equal(hv_pgdev_slot_offset(UINT32_MAX),
			 HV_PGDEV_HEADER_BYTES + UINT64_C(0xffffffff) * HV_PAGE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_encoded_is_decoded),
		cmocka_unit_test(the_layout_is_little_endian_at_fixed_places),
		cmocka_unit_test(no_flipped_bit_passes),
		cmocka_unit_test(what_is_not_ours_and_what_is_later_are_told_apart),
		cmocka_unit_test(fields_are_checked_behind_the_checksum),
		cmocka_unit_test(the_newer_valid_copy_counts),
		cmocka_unit_test(usable_slots_leave_the_header_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
