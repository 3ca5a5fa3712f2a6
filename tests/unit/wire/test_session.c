/* Unit tests of hvcore/wire/session.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "hvcore/wire/session.h"

union any {
	struct hv_local_head head;
	struct hv_session_hello hello;
	struct hv_session_welcome welcome;
	struct hv_session_refused refused;
	struct hv_session_device_open open;
	struct hv_session_device_opened opened;
	struct hv_session_device_close close;
};

static union any right(unsigned type)
{
	union any packet;

	memset(&packet, 0, sizeof(packet));
	switch (type) {
	case HV_SESSION_HELLO:
		memcpy(packet.hello.name, "vios1", 6);
		break;
	case HV_SESSION_WELCOME:
		packet.welcome.epoch = 1;
		packet.welcome.lanes = 2;
		packet.welcome.window_bytes = hv_window_bytes(2);
		packet.welcome.heartbeat_ms = 50;
		break;
	case HV_SESSION_REFUSED:
		packet.refused.code = HV_E_BUSY;
		break;
	case HV_SESSION_DEVICE_OPEN:
		memcpy(packet.open.path, "/dev/x", 7);
		break;
	case HV_SESSION_DEVICE_OPENED:
		packet.opened.slots = 100;
		break;
	default:
		break;
	}
	packet.head = hv_local_head(HV_SESSION_VERSION, type, hv_session_bytes(type), 0);
	return packet;
}

static enum hv_code check(const union any *packet)
{
	return hv_session_check(packet, packet->head.bytes, NULL);
}

static void every_type_passes_when_it_is_right(void **state)
{
	(void)state;
	for (unsigned type = 1; type < HV_SESSION_TYPE_COUNT; type++) {
		union any packet = right(type);

		assert_true(hv_session_bytes(type) > 0);
		assert_int_equal(check(&packet), HV_OK);
	}
}

static void no_other_size_or_type_passes(void **state)
{
	uint8_t bytes[HV_LOCAL_BYTES] = { 0 };

	(void)state;
	assert_int_equal(hv_session_bytes(0), 0);
	assert_int_equal(hv_session_bytes(HV_SESSION_TYPE_COUNT), 0);
	for (unsigned type = 0; type <= HV_SESSION_TYPE_COUNT + 1; type++) {
		for (size_t n = 0; n <= 1024; n += 4) {
			union any packet = right(type);

			packet.head.bytes = (uint32_t)n;
			memcpy(bytes, &packet, sizeof(packet));
			if (n == hv_session_bytes(type) && n > 0)
				continue;
			assert_int_equal(hv_session_check(bytes, n, NULL), HV_E_CORRUPT);
		}
	}
}

static void welcome_is_what_the_window_is(void **state)
{
	union any packet = right(HV_SESSION_WELCOME);

	(void)state;
	packet.welcome.epoch = 0;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_WELCOME);
	packet.welcome.lanes = 0;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet.welcome.lanes = HV_LANES_MAX + 1;
	packet.welcome.window_bytes = hv_window_bytes(HV_LANES_MAX + 1);
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_WELCOME);
	packet.welcome.window_bytes--;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_WELCOME);
	packet.welcome.heartbeat_ms = 0;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
}

static void devices_are_bounded(void **state)
{
	union any packet = right(HV_SESSION_DEVICE_OPEN);

	(void)state;
	packet.open.handle = HV_DEVICES_MAX;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_DEVICE_OPEN);
	packet.open.lock_byte = 2;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_DEVICE_OPEN);
	packet.open.path[0] = 'x';
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	memset(packet.open.path, '/', sizeof(packet.open.path));
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_DEVICE_OPENED);
	packet.opened.handle = HV_DEVICES_MAX;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_DEVICE_OPENED);
	packet.opened.code = HV_CODE_COUNT;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_DEVICE_OPENED);
	packet.opened.slots = 0;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet.opened.code = HV_E_IO; /* a failure has no slots */
	assert_int_equal(check(&packet), HV_OK);
	packet.opened.is_direct = 2;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_DEVICE_OPENED);
	packet.opened.processor = HV_PROCESSORS_MAX;
	assert_int_equal(check(&packet), HV_OK);
	packet.opened.processor = HV_PROCESSORS_MAX + 1;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_DEVICE_OPENED);
	memset(packet.opened.text, 'x', sizeof(packet.opened.text));
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_DEVICE_CLOSED);
	packet.close.handle = HV_DEVICES_MAX;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
}

static void names_and_sentences_end(void **state)
{
	union any packet = right(HV_SESSION_HELLO);

	(void)state;
	packet.hello.name[0] = '\0';
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	memset(packet.hello.name, 'x', sizeof(packet.hello.name));
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_REFUSED);
	packet.refused.code = 0;
	assert_int_equal(check(&packet), HV_E_CORRUPT);
	packet = right(HV_SESSION_REFUSED);
	memset(packet.refused.text, 'x', sizeof(packet.refused.text));
	assert_int_equal(check(&packet), HV_E_CORRUPT);
}

static void another_version_is_told_apart(void **state)
{
	union any packet = right(HV_SESSION_HELLO);

	(void)state;
	packet.head.version++;
	assert_int_equal(check(&packet), HV_E_VERSION);
}

/* Nothing overlaps, every buffer is a page, all of it is inside the window. */
static void the_window_is_laid_out_without_overlap(void **state)
{
	(void)state;
	for (unsigned lane = 0; lane < HV_LANES_MAX; lane++) {
		size_t at = hv_window_lane_offset(lane);

		assert_int_equal(at, hv_window_bytes(lane));
		assert_int_equal(at % HV_PAGE_BYTES, 0);
		assert_true(hv_window_buffer_offset(lane, 0) >=
			    at + sizeof(struct hv_lane));
		for (unsigned i = 1; i < HV_LANE_BUFFERS; i++)
			assert_int_equal(hv_window_buffer_offset(lane, i) -
						 hv_window_buffer_offset(lane, i - 1),
					 HV_PAGE_BYTES);
		assert_int_equal(hv_window_buffer_offset(lane, HV_LANE_BUFFERS - 1) +
					 HV_PAGE_BYTES,
				 hv_window_bytes(lane + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_type_passes_when_it_is_right),
		cmocka_unit_test(no_other_size_or_type_passes),
		cmocka_unit_test(welcome_is_what_the_window_is),
		cmocka_unit_test(devices_are_bounded),
		cmocka_unit_test(names_and_sentences_end),
		cmocka_unit_test(another_version_is_told_apart),
		cmocka_unit_test(the_window_is_laid_out_without_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
