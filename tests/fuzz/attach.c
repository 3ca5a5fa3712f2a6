/*
 * attach - fuzz target for packets of partitions (hvcore/wire/attach.h).
 *
 * Claim: an accepted packet has the size of its type, and its texts end in it.
 */
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/attach.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hv_attach_hello hello;
	struct hv_local_head head;
	struct hv_err err;

	if (hv_attach_check(data, size, &err) != HV_OK) {
		HV_INVARIANT(err.text[0] != '\0');
		return 0;
	}
	memcpy(&head, data, sizeof(head));
	HV_INVARIANT(head.bytes == size && size == hv_attach_bytes(head.type));
	if (head.type == HV_ATTACH_HELLO) {
		memcpy(&hello, data, sizeof(hello));
		HV_INVARIANT(hv_name_is_valid(hello.name));
	}
	return 0;
}
