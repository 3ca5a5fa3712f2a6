/* io_packet - see io_packet.h. */
#include "agent/partition/io_packet.h"

#include <string.h>

#include "hvcore/base/bytes.h"
#include "hvcore/base/invariant.h"

#define TYPE 0x88b5u
#define MAGIC 0x5461726eu /* "Tarn" */

enum {
	TO = 0,
	FROM = 6,
	TYPE_AT = 12,
	MAGIC_AT = 14,
	KIND = 18,
	BYTES = 22,
	KEY = 26,
	NUMBER = 34,
	SPARE = 42
};

/* splitmix64 of who, which, and where. */
static uint64_t word_of(const struct io_packet *packet, uint32_t at)
{
	uint64_t x = packet->key ^ packet->number * UINT64_C(0x9e3779b97f4a7c15) ^
		     (uint64_t)at << 32 ^ (uint64_t)packet->kind;

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* The body's eight bytes at `at`, or as many of them as it has. */
static uint32_t take_word(const struct io_packet *packet, uint32_t at, uint8_t word[8])
{
	uint32_t left = packet->bytes - at;

	hv_be_put(word, 8, word_of(packet, at));
	return left < 8 ? left : 8;
}

void io_packet_put(uint8_t *frame, const struct io_packet *packet)
{
	uint8_t word[8];

	HV_INVARIANT(packet->bytes >= IO_PACKET_HEAD);
	HV_INVARIANT(packet->bytes <= IO_PACKET_BYTES_MAX);
	hv_lan_mac_put(frame + TO, packet->to);
	hv_lan_mac_put(frame + FROM, packet->from);
	frame[TYPE_AT] = TYPE >> 8;
	frame[TYPE_AT + 1] = TYPE & 0xff;
	hv_be_put(frame + MAGIC_AT, 4, MAGIC);
	hv_be_put(frame + KIND, 4, packet->kind);
	hv_be_put(frame + BYTES, 4, packet->bytes);
	hv_be_put(frame + KEY, 8, packet->key);
	hv_be_put(frame + NUMBER, 8, packet->number);
	frame[SPARE] = frame[SPARE + 1] = 0;
	for (uint32_t at = IO_PACKET_HEAD; at < packet->bytes; at += 8)
		memcpy(frame + at, word, take_word(packet, at, word));
}

static bool has_magic(const uint8_t *frame)
{
	return frame[TYPE_AT] == TYPE >> 8 && frame[TYPE_AT + 1] == (TYPE & 0xff) &&
	       hv_be_take(frame + MAGIC_AT, 4) == MAGIC;
}

enum io_packet_verdict io_packet_check(const uint8_t *frame, uint32_t bytes,
				       struct io_packet *ret_packet)
{
	struct io_packet packet;
	uint8_t word[8];

	if (bytes < IO_PACKET_HEAD || !has_magic(frame))
		return IO_PACKET_BAD_HEAD;
	if (bytes > IO_PACKET_BYTES_MAX || hv_be_take(frame + BYTES, 4) != bytes)
		return IO_PACKET_BAD_HEAD;
	packet = (struct io_packet){ .to = hv_lan_mac_take(frame + TO),
				     .from = hv_lan_mac_take(frame + FROM),
				     .kind = (enum io_packet_kind)hv_be_take(frame + KIND,
									     4),
				     .key = hv_be_take(frame + KEY, 8),
				     .number = hv_be_take(frame + NUMBER, 8),
				     .bytes = bytes };
	if ((packet.kind != IO_PACKET_HELLO && packet.kind != IO_PACKET_DATA) ||
	    frame[SPARE] != 0 || frame[SPARE + 1] != 0)
		return IO_PACKET_BAD_HEAD;
	for (uint32_t at = IO_PACKET_HEAD; at < bytes; at += 8) {
		uint32_t count = take_word(&packet, at, word);

		if (memcmp(frame + at, word, count) != 0)
			return IO_PACKET_BAD_BODY;
	}
	*ret_packet = packet;
	return IO_PACKET_GOOD;
}
