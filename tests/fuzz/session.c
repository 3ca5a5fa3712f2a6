/*
 * session - fuzz target for packets of a VIOS (hvcore/wire/session.h).
 *
 * Claim: an accepted packet has the size of its type, its handle is in bounds and its
 * path ends in it.
 */
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/session.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hv_session_device_open open;
	struct hv_local_head head;
	struct hv_err err;

	if (hv_session_check(data, size, &err) != HV_OK) {
		HV_INVARIANT(err.text[0] != '\0');
		return 0;
	}
	memcpy(&head, data, sizeof(head));
	HV_INVARIANT(head.bytes == size && size == hv_session_bytes(head.type));
	if (head.type == HV_SESSION_DEVICE_OPEN) {
		memcpy(&open, data, sizeof(open));
		HV_INVARIANT(open.handle < HV_DEVICES_MAX);
		HV_INVARIANT(strlen(open.path) < sizeof(open.path));
	}
	return 0;
}
