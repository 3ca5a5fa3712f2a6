/*
 * attach - fuzz target for packets of partitions (hvcore/wire/attach.h).
 *
 * Claim: an accepted packet has the size of its type, and its texts end in it.
 */
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/attach.h"
#include "tests/fuzz/packet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hv_attach_hello hello;
	unsigned type = fuzz_packet_type(hv_attach_check, data, size);

	HV_INVARIANT(type == 0 || size == hv_attach_bytes(type));
	if (type == HV_ATTACH_HELLO) {
		memcpy(&hello, data, sizeof(hello));
		HV_INVARIANT(hv_name_is_valid(hello.name));
	}
	return 0;
}
