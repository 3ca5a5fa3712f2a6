/*
 * packet - what holds for every packet of a local socket (hvcore/wire/local.h): one that
 * is refused says why, one that is taken has the size that it claims.
 */
#ifndef TESTS_FUZZ_PACKET_H
#define TESTS_FUZZ_PACKET_H

#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/local.h"
#include "tests/fuzz/fuzz.h"

/* Its type; 0: it is refused. */
static inline unsigned fuzz_packet_type(enum hv_code (*check)(const void *packet,
							      size_t bytes,
							      struct hv_err *err),
					const uint8_t *data, size_t size)
{
	struct hv_local_head head;
	struct hv_err err;

	if (check(data, size, &err) != HV_OK) {
		HV_INVARIANT(err.text[0] != '\0');
		return 0;
	}
	memcpy(&head, data, sizeof(head));
	HV_INVARIANT(head.bytes == size && head.type != 0);
	return head.type;
}

#endif
