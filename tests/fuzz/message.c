/*
 * message - fuzz target for one message decoder. FUZZ_TYPE, FUZZ_DECODE and FUZZ_FREE
 * say which (CMakeLists.txt).
 *
 * Claim: whatever is accepted can be encoded, and the encoding is accepted again and
 * encodes to the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/remote.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FUZZ_TYPE *first, *second;
	uint8_t *bytes, *again;
	size_t count, again_count;
	struct hv_err err;

	if (FUZZ_DECODE(data, size, &first, &err) != HV_OK) {
		HV_INVARIANT(err.text[0] != '\0');
		return 0;
	}
	HV_INVARIANT(hv_message_encode(&first->base, &bytes, &count, NULL) == HV_OK);
	HV_INVARIANT(FUZZ_DECODE(bytes, count, &second, NULL) == HV_OK);
	HV_INVARIANT(hv_message_encode(&second->base, &again, &again_count, NULL) ==
		     HV_OK);
	HV_INVARIANT(again_count == count && memcmp(bytes, again, count) == 0);
	free(again);
	free(bytes);
	FUZZ_FREE(second, NULL);
	FUZZ_FREE(first, NULL);
	return 0;
}
