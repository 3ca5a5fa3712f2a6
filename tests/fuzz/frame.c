/*
 * frame - fuzz target for the byte stream of a connection (hvcore/loop/rpc_priv.h).
 *
 * The input arrives in pieces, as from a socket: first byte bit 0 ipc or tcp, the
 * rest the stream. Claim: every payload lies in what has arrived, frames are found
 * whatever the pieces, and lengths keep the limit.
 */
#include <stdbool.h>

#include "hvcore/base/invariant.h"
#include "hvcore/loop/rpc_priv.h"
#include "tests/fuzz/fuzz.h"

#define BYTES_MAX 256
#define PROTOCOL_REQ 0x30

/* Payload bytes of all frames, having looked after each `step` bytes. */
static size_t parse_all(const uint8_t *bytes, size_t count, bool is_ipc, size_t step)
{
	size_t at = 0, sum = 0;

	for (size_t arrived = step; at < count; arrived += step) {
		size_t have = arrived < count ? arrived : count, head, length;
		enum hv_parsed parsed = hv_frame_parse(bytes + at, have - at, is_ipc,
						       BYTES_MAX, &head, &length);

		while (parsed == HV_PARSED_ONE) {
			HV_INVARIANT(head + length <= have - at);
			HV_INVARIANT(length <= BYTES_MAX + HV_RPC_ROUTE_BYTES);
			HV_INVARIANT(hv_route_parse(bytes + at + head, length) <= length);
			sum += length + 1;
			at += head + length;
			parsed = hv_frame_parse(bytes + at, have - at, is_ipc, BYTES_MAX,
						&head, &length);
		}
		if (parsed == HV_PARSED_BAD || have == count)
			break;
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_ipc;

	if (size < 1)
		return 0;
	is_ipc = (data[0] & 1) != 0;
	(void)hv_handshake_parse(data + 1, size - 1, PROTOCOL_REQ);
	HV_INVARIANT(parse_all(data + 1, size - 1, is_ipc, size) ==
		     parse_all(data + 1, size - 1, is_ipc, 1));
	return 0;
}
