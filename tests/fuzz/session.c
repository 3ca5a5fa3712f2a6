/*
 * session - fuzz target for packets of a VIOS (hvcore/wire/session.h).
 *
 * Claim: an accepted packet has the size of its type, its handle is in bounds and its
 * path ends in it.
 */
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/session.h"
#include "tests/fuzz/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hv_session_device_open open;
	unsigned type = fuzz_packet_type(hv_session_check, data, size);

	HV_INVARIANT(type == 0 || size == hv_session_bytes(type));
	if (type == HV_SESSION_DEVICE_OPEN) {
		memcpy(&open, data, sizeof(open));
		HV_INVARIANT(open.handle < HV_DEVICES_MAX);
		HV_INVARIANT(strlen(open.path) < sizeof(open.path));
	}
	return 0;
}
