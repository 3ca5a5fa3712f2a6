/* rpc_frame - see rpc_priv.h: bytes on the wire to frames and back. Pure. */
#include "hvcore/loop/rpc_priv.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/bytes.h"

#define LENGTH_BYTES 8
#define IPC_HEAD_BYTES 9 /* a type, a length */
#define TCP_HEAD_BYTES LENGTH_BYTES
#define IPC_MESSAGE 1
#define TOP_BIT 0x80

enum hv_parsed hv_handshake_parse(const uint8_t *bytes, size_t count, uint16_t protocol)
{
	const uint8_t wanted[HV_RPC_HANDSHAKE_BYTES] = {
		0, 'S', 'P', 0, (uint8_t)(protocol >> 8), (uint8_t)protocol, 0, 0
	};

	if (memcmp(bytes, wanted, count < sizeof(wanted) ? count : sizeof(wanted)) != 0)
		return HV_PARSED_BAD; /* as early as it shows */
	return count < sizeof(wanted) ? HV_PARSED_MORE : HV_PARSED_ONE;
}

enum hv_parsed hv_frame_parse(const uint8_t *bytes, size_t count, bool is_ipc,
			      size_t bytes_max, size_t *ret_head, size_t *ret_length)
{
	size_t head = is_ipc ? IPC_HEAD_BYTES : TCP_HEAD_BYTES;
	uint64_t length;

	if (count < head)
		return HV_PARSED_MORE;
	if (is_ipc && bytes[0] != IPC_MESSAGE)
		return HV_PARSED_BAD;
	length = hv_be_take(bytes + head - LENGTH_BYTES, LENGTH_BYTES);
	if (length > bytes_max + HV_RPC_ROUTE_BYTES)
		return HV_PARSED_BAD;
	if (count - head < length)
		return HV_PARSED_MORE;
	*ret_head = head;
	*ret_length = (size_t)length;
	return HV_PARSED_ONE;
}

size_t hv_route_parse(const uint8_t *payload, size_t count)
{
	for (size_t at = 0; at + HV_RPC_ID_BYTES <= count && at < HV_RPC_ROUTE_BYTES;
	     at += HV_RPC_ID_BYTES)
		if ((payload[at] & TOP_BIT) != 0)
			return at + HV_RPC_ID_BYTES;
	return 0;
}

enum hv_code hv_frame_make(bool is_ipc, const uint8_t *route, size_t route_count,
			   const void *bytes, size_t count, struct hv_frame **ret_frame,
			   struct hv_err *err)
{
	size_t head = is_ipc ? IPC_HEAD_BYTES : TCP_HEAD_BYTES;
	struct hv_frame *frame = malloc(sizeof(*frame) + head + route_count + count);
	uint8_t *at;

	if (frame == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a message of %zu bytes",
			       count);
	*frame = (struct hv_frame){ .count = head + route_count + count };
	at = frame->bytes;
	if (is_ipc)
		*at++ = IPC_MESSAGE;
	hv_be_put(at, LENGTH_BYTES, route_count + count);
	at += LENGTH_BYTES;
	memcpy(at, route, route_count);
	if (count > 0)
		memcpy(at + route_count, bytes, count);
	*ret_frame = frame;
	return HV_OK;
}

struct hv_frame *hv_handshake_make(uint16_t protocol)
{
	struct hv_frame *frame = malloc(sizeof(*frame) + HV_RPC_HANDSHAKE_BYTES);

	if (frame == NULL)
		return NULL;
	*frame = (struct hv_frame){ .count = HV_RPC_HANDSHAKE_BYTES };
	memset(frame->bytes, 0, HV_RPC_HANDSHAKE_BYTES);
	frame->bytes[1] = 'S';
	frame->bytes[2] = 'P';
	frame->bytes[4] = (uint8_t)(protocol >> 8);
	frame->bytes[5] = (uint8_t)protocol;
	return frame;
}
