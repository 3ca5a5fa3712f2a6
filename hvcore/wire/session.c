/* session - see session.h. */
#include "hvcore/wire/session.h"

#include "hvcore/base/invariant.h"

#include <stdbool.h>
#include <string.h>

static_assert(HV_RING_SIZE > HV_LANE_BUFFERS, "a ring is never full");
static_assert((HV_RING_SIZE & (HV_RING_SIZE - 1)) == 0, "ring positions are masked");
static_assert(1 + 2 * HV_LANES_MAX <= HV_LOCAL_FDS, "WELCOME's descriptors");
static_assert(sizeof(struct hv_window_head) <= HV_PAGE_BYTES, "window head");

union packet {
	struct hv_local_head head;
	struct hv_session_hello hello;
	struct hv_session_welcome welcome;
	struct hv_session_refused refused;
	struct hv_session_device_open open;
	struct hv_session_device_opened opened;
	struct hv_session_device_close close;
};

static_assert(sizeof(union packet) <= HV_LOCAL_BYTES, "largest session packet");

static size_t lane_stride(void)
{
	return HV_WINDOW_LANE_BYTES + (size_t)HV_LANE_BUFFERS * HV_PAGE_BYTES;
}

size_t hv_window_bytes(unsigned lanes)
{
	return HV_PAGE_BYTES + lanes * lane_stride();
}

size_t hv_window_lane_offset(unsigned lane)
{
	HV_INVARIANT(lane < HV_LANES_MAX);
	return HV_PAGE_BYTES + lane * lane_stride();
}

size_t hv_window_buffer_offset(unsigned lane, unsigned buffer)
{
	HV_INVARIANT(buffer < HV_LANE_BUFFERS);
	return hv_window_lane_offset(lane) + HV_WINDOW_LANE_BYTES +
	       (size_t)buffer * HV_PAGE_BYTES;
}

size_t hv_session_bytes(unsigned type)
{
	static const size_t bytes[HV_SESSION_TYPE_COUNT] = {
		[HV_SESSION_HELLO] = sizeof(struct hv_session_hello),
		[HV_SESSION_WELCOME] = sizeof(struct hv_session_welcome),
		[HV_SESSION_REFUSED] = sizeof(struct hv_session_refused),
		[HV_SESSION_DEVICE_OPEN] = sizeof(struct hv_session_device_open),
		[HV_SESSION_DEVICE_OPENED] = sizeof(struct hv_session_device_opened),
		[HV_SESSION_DEVICE_CLOSE] = sizeof(struct hv_session_device_close),
		[HV_SESSION_DEVICE_CLOSED] = sizeof(struct hv_session_device_close),
	};

	return type < HV_SESSION_TYPE_COUNT ? bytes[type] : 0;
}

static bool is_text(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

static enum hv_code check_welcome(const struct hv_session_welcome *welcome,
				  struct hv_err *err)
{
	if (welcome->epoch == 0)
		return hv_fail(err, HV_E_CORRUPT, "session welcome: epoch 0");
	if (welcome->lanes == 0 || welcome->lanes > HV_LANES_MAX)
		return hv_fail(err, HV_E_CORRUPT, "session welcome: %u lanes",
			       welcome->lanes);
	if (welcome->window_bytes != hv_window_bytes(welcome->lanes))
		return hv_fail(err, HV_E_CORRUPT, "session welcome: size of the window");
	if (welcome->heartbeat_ms == 0)
		return hv_fail(err, HV_E_CORRUPT, "session welcome: no heartbeat");
	return HV_OK;
}

static enum hv_code check_open(const struct hv_session_device_open *open,
			       struct hv_err *err)
{
	if (open->handle >= HV_DEVICES_MAX)
		return hv_fail(err, HV_E_CORRUPT, "device open: handle %u", open->handle);
	if (open->lock_byte > 1)
		return hv_fail(err, HV_E_CORRUPT, "device open: lock byte %u",
			       open->lock_byte);
	if (open->path[0] != '/' || !is_text(open->path, sizeof(open->path)))
		return hv_fail(err, HV_E_CORRUPT, "device open: not an absolute path");
	return HV_OK;
}

static enum hv_code check_opened(const struct hv_session_device_opened *opened,
				 struct hv_err *err)
{
	if (opened->handle >= HV_DEVICES_MAX)
		return hv_fail(err, HV_E_CORRUPT, "device opened: handle %u",
			       opened->handle);
	if (opened->code >= HV_CODE_COUNT)
		return hv_fail(err, HV_E_CORRUPT, "device opened: code %u", opened->code);
	if (opened->code == HV_OK && opened->slots == 0)
		return hv_fail(err, HV_E_CORRUPT, "device opened: no slots");
	if (opened->is_direct > 1)
		return hv_fail(err, HV_E_CORRUPT, "device opened: is_direct %u",
			       opened->is_direct);
	if (opened->processor > HV_PROCESSORS_MAX)
		return hv_fail(err, HV_E_CORRUPT, "device opened: processor %u",
			       opened->processor);
	if (!is_text(opened->text, sizeof(opened->text)))
		return hv_fail(err, HV_E_CORRUPT, "device opened: text has no end");
	return HV_OK;
}

static enum hv_code check_fields(const union packet *packet, struct hv_err *err)
{
	switch (packet->head.type) {
	case HV_SESSION_HELLO:
		if (!is_text(packet->hello.name, sizeof(packet->hello.name)) ||
		    !hv_name_is_valid(packet->hello.name))
			return hv_fail(err, HV_E_CORRUPT, "session hello: not a name");
		return HV_OK;
	case HV_SESSION_WELCOME:
		return check_welcome(&packet->welcome, err);
	case HV_SESSION_REFUSED:
		if (packet->refused.code == HV_OK ||
		    packet->refused.code >= HV_CODE_COUNT ||
		    !is_text(packet->refused.text, sizeof(packet->refused.text)))
			return hv_fail(err, HV_E_CORRUPT,
				       "session refused: code or text");
		return HV_OK;
	case HV_SESSION_DEVICE_OPEN:
		return check_open(&packet->open, err);
	case HV_SESSION_DEVICE_OPENED:
		return check_opened(&packet->opened, err);
	default: /* DEVICE_CLOSE, DEVICE_CLOSED */
		if (packet->close.handle >= HV_DEVICES_MAX)
			return hv_fail(err, HV_E_CORRUPT, "device close: handle %u",
				       packet->close.handle);
		return HV_OK;
	}
}

enum hv_code hv_session_check(const void *packet, size_t bytes, struct hv_err *err)
{
	union packet copy; /* the caller's buffer may be aligned to nothing */
	size_t right;
	enum hv_code code = hv_local_check(packet, bytes, HV_SESSION_VERSION, err);

	if (code != HV_OK)
		return code;
	memcpy(&copy.head, packet, sizeof(copy.head));
	right = hv_session_bytes(copy.head.type);
	if (right == 0 || bytes != right)
		return hv_fail(err, HV_E_CORRUPT, "session packet of type %u, %zu bytes",
			       copy.head.type, bytes);
	memcpy(&copy, packet, bytes);
	return check_fields(&copy, err);
}
