/*
 * pgdev - see pgdev.h.
 *
 *   0  magic           8      40  raw bytes     8      80  host name      32
 *   8  version         4      48  sequence      8     112  zero
 *  12  page bytes      4      56  owner epoch   8    4088  xxh3-64 of all before
 *  16  id             16      64  host id      16
 *  32  zero            8
 */
#include "hvcore/wire/pgdev.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "hvcore/base/bytes.h"

enum {
	AT_VERSION = 8,
	AT_PAGE_BYTES = 12,
	AT_ID = 16,
	AT_BYTES = 40,
	AT_SEQUENCE = 48,
	AT_OWNER_EPOCH = 56,
	AT_HOST = 64,
	AT_HOST_NAME = 80,
	AT_CHECKSUM = HV_PAGE_BYTES - 8,
};

static const char magic[8] = { HV_PGDEV_MAGIC };
static_assert(sizeof(HV_PGDEV_MAGIC) - 1 == sizeof(magic), "pgdev magic");

void hv_pgdev_encode(const struct hv_pgdev_header *header, uint8_t page[HV_PAGE_BYTES])
{
	memset(page, 0, HV_PAGE_BYTES);
	memcpy(page, magic, sizeof(magic));
	hv_le_put(page + AT_VERSION, 4, HV_PGDEV_VERSION);
	hv_le_put(page + AT_PAGE_BYTES, 4, header->page_bytes);
	memcpy(page + AT_ID, header->id, sizeof(header->id));
	hv_le_put(page + AT_BYTES, 8, header->bytes);
	hv_le_put(page + AT_SEQUENCE, 8, header->sequence);
	hv_le_put(page + AT_OWNER_EPOCH, 8, header->owner_epoch);
	memcpy(page + AT_HOST, header->host, sizeof(header->host));
	memcpy(page + AT_HOST_NAME, header->host_name, sizeof(header->host_name));
	hv_le_put(page + AT_CHECKSUM, 8, XXH3_64bits(page, AT_CHECKSUM));
}

static enum hv_code check_fields(const struct hv_pgdev_header *header, struct hv_err *err)
{
	if (header->page_bytes != HV_PAGE_BYTES)
		return hv_fail(err, HV_E_CORRUPT, "device header: pages of %u bytes",
			       header->page_bytes);
	if (hv_pgdev_slots(header->bytes) == 0)
		return hv_fail(err, HV_E_CORRUPT, "device header: size of %llu bytes",
			       (unsigned long long)header->bytes);
	if (memchr(header->host_name, '\0', sizeof(header->host_name)) == NULL ||
	    (header->host_name[0] != '\0' && !hv_name_is_valid(header->host_name)))
		return hv_fail(err, HV_E_CORRUPT, "device header: name of the host");
	return HV_OK;
}

enum hv_code hv_pgdev_decode(const uint8_t page[HV_PAGE_BYTES],
			     struct hv_pgdev_header *ret_header, struct hv_err *err)
{
	struct hv_pgdev_header header;
	enum hv_code code;

	if (memcmp(page, magic, sizeof(magic)) != 0)
		return hv_fail(err, HV_E_CORRUPT, "no Tarn paging device header");
	if ((uint32_t)hv_le_take(page + AT_VERSION, 4) > HV_PGDEV_VERSION)
		return hv_fail(err, HV_E_VERSION,
			       "device header of version %u, this Tarn knows %d",
			       (uint32_t)hv_le_take(page + AT_VERSION, 4),
			       HV_PGDEV_VERSION);
	if (hv_le_take(page + AT_CHECKSUM, 8) != XXH3_64bits(page, AT_CHECKSUM))
		return hv_fail(err, HV_E_CORRUPT, "device header is damaged");
	if ((uint32_t)hv_le_take(page + AT_VERSION, 4) == 0)
		return hv_fail(err, HV_E_CORRUPT, "device header of version 0");
	header = (struct hv_pgdev_header){
		.bytes = hv_le_take(page + AT_BYTES, 8),
		.page_bytes = (uint32_t)hv_le_take(page + AT_PAGE_BYTES, 4),
		.sequence = hv_le_take(page + AT_SEQUENCE, 8),
		.owner_epoch = hv_le_take(page + AT_OWNER_EPOCH, 8),
	};
	memcpy(header.id, page + AT_ID, sizeof(header.id));
	memcpy(header.host, page + AT_HOST, sizeof(header.host));
	memcpy(header.host_name, page + AT_HOST_NAME, sizeof(header.host_name));
	code = check_fields(&header, err);
	if (code == HV_OK)
		*ret_header = header;
	return code;
}

enum hv_code hv_pgdev_choose(const uint8_t pages[2 * HV_PAGE_BYTES],
			     struct hv_pgdev_header *ret_header, unsigned *ret_copy,
			     struct hv_err *err)
{
	struct hv_pgdev_header a, b;
	enum hv_code code_a = hv_pgdev_decode(pages, &a, err);
	enum hv_code code_b = hv_pgdev_decode(pages + HV_PAGE_BYTES, &b,
					      code_a == HV_OK ? NULL : err);

	/* A copy by a later Tarn may be the newer one: an older one must not win. */
	if (code_a == HV_E_VERSION || code_b == HV_E_VERSION)
		return hv_fail(err, HV_E_VERSION, "device header of a later Tarn");
	if (code_a != HV_OK && code_b != HV_OK)
		return code_b;
	if (code_b != HV_OK || (code_a == HV_OK && a.sequence >= b.sequence)) {
		*ret_header = a;
		*ret_copy = 0;
	} else {
		*ret_header = b;
		*ret_copy = 1;
	}
	return HV_OK;
}
