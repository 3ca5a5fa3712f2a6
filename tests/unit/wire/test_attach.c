/* Unit tests of hvcore/wire/attach.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/wire/attach.h"
#include "hvcore/wire/hcall.h"

/* A packet of each type that is right; `bytes` is its size. */
union any {
	struct hv_local_head head;
	struct hv_attach_hello hello;
	struct hv_attach_welcome welcome;
	struct hv_attach_region region;
	struct hv_attach_refused refused;
	struct hv_attach_report report;
	struct hv_attach_discard discard;
	struct hv_attach_control control;
	struct hv_attach_calls_open calls_open;
	struct hv_attach_resize resize;
	struct hv_attach_resized resized;
	struct hv_attach_os os;
	struct hv_attach_io io;
	struct hv_attach_guest guest;
	struct hv_attach_loan loan;
};

static union any right(unsigned type)
{
	union any packet;

	memset(&packet, 0, sizeof(packet));
	switch (type) {
	case HV_ATTACH_HELLO:
		memcpy(packet.hello.name, "db1", 4);
		packet.hello.run_id = 1;
		break;
	case HV_ATTACH_WELCOME:
		packet.welcome.mode = HV_MODE_SHARED;
		packet.welcome.home_cpu = -1;
		packet.welcome.bytes = 1 << 20;
		packet.welcome.usable_bytes = HV_PAGE_BYTES;
		break;
	case HV_ATTACH_REGION:
		packet.region.address = 0x7f0000000000;
		packet.region.bytes = 1 << 20;
		break;
	case HV_ATTACH_REFUSED:
		packet.refused.code = HV_E_DENIED;
		break;
	case HV_ATTACH_DISCARD:
	case HV_ATTACH_DISCARDED:
		packet.discard.bytes = HV_PAGE_BYTES;
		break;
	case HV_ATTACH_CONTROL:
		packet.control.command = HV_CONTROL_VERIFY;
		break;
	case HV_ATTACH_CALLS_OPEN:
		packet.calls_open.hpt_bytes = 1 << 18;
		packet.calls_open.area_bytes = sizeof(struct hv_hcall_area);
		break;
	case HV_ATTACH_RESIZE:
		packet.resize.bytes = 1 << 20;
		packet.resize.has_bytes = HV_PAGE_BYTES;
		packet.resize.step_bytes = 1 << 24;
		break;
	case HV_ATTACH_RESIZED:
		packet.resized.bytes = HV_PAGE_BYTES;
		break;
	case HV_ATTACH_GUEST:
		packet.guest.accel = HV_GUEST_ACCEL_TCG;
		break;
	default:
		break;
	}
	packet.head = hv_local_head(HV_ATTACH_VERSION, type, hv_attach_bytes(type), 0);
	return packet;
}

static enum hv_code check(const union any *packet)
{
	return hv_attach_check(packet, packet->head.bytes, NULL);
}

static void every_type_passes_when_it_is_right(void **state)
{
	(void)state;
	for (unsigned type = 1; type < HV_ATTACH_TYPE_COUNT; type++) {
		union any packet = right(type);

		assert_true(hv_attach_bytes(type) >= sizeof(struct hv_local_head));
		assert_int_equal(check(&packet), HV_OK);
	}
}

static void no_other_size_or_type_passes(void **state)
{
	uint8_t bytes[HV_LOCAL_BYTES] = { 0 };

	(void)state;
	assert_int_equal(hv_attach_bytes(0), 0);
	assert_int_equal(hv_attach_bytes(HV_ATTACH_TYPE_COUNT), 0);
	assert_int_equal(hv_attach_bytes(65535), 0);
	for (unsigned type = 0; type <= HV_ATTACH_TYPE_COUNT + 1; type++) {
		for (size_t n = 0; n <= 2048; n += 8) {
			union any packet = right(type);

			packet.head.bytes = (uint32_t)n;
			memcpy(bytes, &packet, sizeof(packet));
			if (n == hv_attach_bytes(type) && n > 0)
				continue;
			assert_int_equal(hv_attach_check(bytes, n, NULL), HV_E_CORRUPT);
		}
	}
}

static void another_version_is_told_apart(void **state)
{
	union any packet = right(HV_ATTACH_HELLO);

	(void)state;
	packet.head.version++;
	assert_int_equal(check(&packet), HV_E_VERSION);
}

static void a_packet_need_not_be_aligned(void **state)
{
	_Alignas(8) uint8_t bytes[sizeof(union any) + 1];
	union any packet = right(HV_ATTACH_REPORT);

	(void)state;
	memcpy(bytes + 1, &packet, sizeof(packet.report));
	assert_int_equal(hv_attach_check(bytes + 1, sizeof(packet.report), NULL), HV_OK);
}

static void names_end_and_are_names(void **state)
{
	union any packet = right(HV_ATTACH_HELLO);

	(void)state;
	memset(packet.hello.name, 'x', sizeof(packet.hello.name));
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_HELLO);
	packet.hello.name[0] = '/';
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_HELLO);
	packet.hello.run_id = 0;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_REFUSED);
	memset(packet.refused.text, 'x', sizeof(packet.refused.text));
	assert_int_equal(check(&packet), HV_E_CORRUPT);
}

static void values_are_known_ones(void **state)
{
	union any packet = right(HV_ATTACH_WELCOME);

	(void)state;
	packet.welcome.mode = 3;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_WELCOME);
	packet.welcome.home_cpu = -2;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_REFUSED);
	packet.refused.code = HV_OK;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet.refused.code = HV_CODE_COUNT;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_REPORT);
	packet.report.verify_percent = 101;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_CONTROL);
	packet.control.command = 0;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet.control.command = HV_CONTROL_COUNT;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_CALLS_OPEN);
	packet.calls_open.hpt_bytes++;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet.calls_open.hpt_bytes = 64;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_CALLS_OPEN);
	packet.calls_open.area_bytes = sizeof(struct hv_hcall_area) - 1;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
}

struct range_case {
	uint64_t start, bytes;
	enum hv_code code;
};

static void ranges_are_whole_pages_without_overflow(void **state)
{
	static const struct range_case cases[] = {
		{ 4096, 4096, HV_OK },
		{ 4096, 0, HV_E_CORRUPT },
		{ 4097, 4096, HV_E_CORRUPT },
		{ 4096, 4095, HV_E_CORRUPT },
		{ 0xfffffffffffff000, 0x1000, HV_E_CORRUPT },
		{ 0xffffffffffffe000, 0x1000, HV_OK },
		{ 0x8000000000000000, 0x8000000000000000, HV_E_CORRUPT },
	};

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(cases); i++) {
		union any packet = right(HV_ATTACH_DISCARD);

		packet.discard.offset = cases[i].start;
		packet.discard.bytes = cases[i].bytes;
		assert_int_equal(check(&packet), cases[i].code);
		packet = right(HV_ATTACH_REGION);
		packet.region.address = cases[i].start;
		packet.region.bytes = cases[i].bytes;
		assert_int_equal(check(&packet), cases[i].code);
		packet = right(HV_ATTACH_REGION);
		packet.region.offset = cases[i].start;
		packet.region.bytes = cases[i].bytes;
		/* The address is far from both ends, the offset is what differs. */
		packet.region.address = HV_PAGE_BYTES;
		assert_int_equal(check(&packet), cases[i].code);
		packet = right(HV_ATTACH_WELCOME);
		packet.welcome.offset = cases[i].start;
		packet.welcome.bytes = cases[i].bytes;
		packet.welcome.usable_bytes = HV_PAGE_BYTES;
		assert_int_equal(check(&packet), cases[i].code);
	}
	{
		union any packet = right(HV_ATTACH_REGION);

		packet.region.address = 0;
		assert_int_equal(check(&packet), HV_E_CORRUPT);
	}
}

static void a_loan_policy_is_a_known_one(void **state)
{
	union any packet = right(HV_ATTACH_OS);

	(void)state;
	packet.os.loan_policy = HV_LOAN_POLICY_MAX;
	assert_int_equal(check(&packet), HV_OK);
	packet.os.loan_policy = HV_LOAN_POLICY_MAX + 1;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
}

static void memory_is_some_whole_pages(void **state)
{
	static const uint64_t wrong[] = { 0, 1, HV_PAGE_BYTES + 1 };

	(void)state;
	for (unsigned i = 0; i < HV_COUNT(wrong); i++) {
		union any packet = right(HV_ATTACH_WELCOME);

		packet.welcome.usable_bytes = wrong[i];
		assert_int_equal(check(&packet), HV_E_CORRUPT);
		packet = right(HV_ATTACH_RESIZE);
		packet.resize.bytes = wrong[i];
		assert_int_equal(check(&packet), HV_E_CORRUPT);
		packet = right(HV_ATTACH_RESIZE);
		packet.resize.has_bytes = wrong[i];
		assert_int_equal(check(&packet), HV_E_CORRUPT);
		packet = right(HV_ATTACH_RESIZE);
		packet.resize.step_bytes = wrong[i];
		assert_int_equal(check(&packet), HV_E_CORRUPT);
		packet = right(HV_ATTACH_RESIZED);
		packet.resized.bytes = wrong[i];
		assert_int_equal(check(&packet), HV_E_CORRUPT);
	}
	{
		union any packet = right(HV_ATTACH_WELCOME);

		packet.welcome.usable_bytes = packet.welcome.bytes + HV_PAGE_BYTES;
		assert_int_equal(check(&packet), HV_E_CORRUPT);
	}
}

static void what_is_said_of_a_guest_is_printable(void **state)
{
	union any packet = right(HV_ATTACH_GUEST);

	(void)state;
	memcpy(packet.guest.why, "as asked for", 13);
	assert_int_equal(check(&packet), HV_OK);
	packet.guest.accel = HV_GUEST_ACCEL_COUNT;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet.guest.accel = 0;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet.guest.accel = HV_GUEST_ACCEL_KVM;
	packet.guest.why[2] = '\n';
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	memset(packet.guest.why, 'x', sizeof(packet.guest.why));
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_ATTACH_LOAN);
	packet.loan.bytes = 1;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_of_a_guest_is_printable),
		cmocka_unit_test(every_type_passes_when_it_is_right),
		cmocka_unit_test(no_other_size_or_type_passes),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(a_packet_need_not_be_aligned),
		cmocka_unit_test(names_end_and_are_names),
		cmocka_unit_test(values_are_known_ones),
		cmocka_unit_test(ranges_are_whole_pages_without_overflow),
		cmocka_unit_test(a_loan_policy_is_a_known_one),
		cmocka_unit_test(memory_is_some_whole_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
