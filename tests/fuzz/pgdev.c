/*
 * pgdev - fuzz target for the header of a paging device (hvcore/wire/pgdev.h).
 *
 * The input is laid over two right headers, with their checksums made right again, so
 * that what is behind the checksum is reached too. Claim: what is accepted encodes to
 * a page that is accepted and says the same.
 */
#include <string.h>
#include <xxhash.h>

#include "hvcore/base/invariant.h"
#include "hvcore/wire/pgdev.h"
#include "tests/fuzz/fuzz.h"

#define CHECKED_BYTES (HV_PAGE_BYTES - 8)

static void check_round_trip(const struct hv_pgdev_header *header)
{
	static uint8_t page[HV_PAGE_BYTES];
	struct hv_pgdev_header again;

	memset(&again, 0, sizeof(again));
	hv_pgdev_encode(header, page);
	HV_INVARIANT(hv_pgdev_decode(page, &again, NULL) == HV_OK);
	HV_INVARIANT(again.sequence == header->sequence && again.bytes == header->bytes);
	HV_INVARIANT(hv_pgdev_slots(header->bytes) > 0);
}

/* The first byte says which checksums to mend; the rest is spread over both pages. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t pages[2 * HV_PAGE_BYTES];
	struct hv_pgdev_header header = { .bytes = 1 << 20,
					  .page_bytes = HV_PAGE_BYTES,
					  .sequence = 1 };
	unsigned copy, mend = size > 0 ? data[0] : 0;

	hv_pgdev_encode(&header, pages);
	hv_pgdev_encode(&header, pages + HV_PAGE_BYTES);
	for (size_t i = 1; i < size && i <= 2 * 128; i++)
		pages[(i & 1) * HV_PAGE_BYTES + i / 2] ^= data[i];
	for (unsigned i = 0; i < 2; i++) {
		uint8_t *page = pages + (size_t)i * HV_PAGE_BYTES;
		uint64_t sum = XXH3_64bits(page, CHECKED_BYTES);

		if ((mend & 1u << i) != 0)
			memcpy(page + CHECKED_BYTES, &sum, sizeof(sum));
	}
	if (hv_pgdev_choose(pages, &header, &copy, NULL) == HV_OK) {
		HV_INVARIANT(copy < 2);
		check_round_trip(&header);
	}
	return 0;
}
