/* header - see header.h. */
#include "vios/header.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum hv_code vios_header_read(const struct vios_target *target,
			      struct vios_header *ret_header, struct hv_err *err)
{
	struct vios_header header;
	enum hv_code code;
	uint8_t *pages;

	if (target->bytes < HV_PGDEV_HEADER_BYTES)
		return hv_fail(err, HV_E_CORRUPT, "no Tarn paging device header");
	pages = vios_aligned(HV_PGDEV_HEADER_BYTES);
	if (pages == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to read the header");
	code = vios_target_read(target, pages, HV_PGDEV_HEADER_BYTES, 0, err);
	if (code == HV_OK)
		code = hv_pgdev_choose(pages, &header.fields, &header.copy, err);
	if (code == HV_OK)
		*ret_header = header;
	free(pages);
	return code;
}

static enum hv_code write_copy(const struct vios_target *target,
			       const struct hv_pgdev_header *fields, unsigned copy,
			       struct hv_err *err)
{
	uint8_t *page = vios_aligned(HV_PAGE_BYTES);
	enum hv_code code;

	if (page == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to write the header");
	hv_pgdev_encode(fields, page);
	code = vios_target_write(target, page, HV_PAGE_BYTES,
				 (uint64_t)copy * HV_PAGE_BYTES, err);
	if (code == HV_OK)
		code = vios_target_sync(target, err);
	free(page);
	return code;
}

enum hv_code vios_header_renew(const struct vios_target *target,
			       struct vios_header *header, struct hv_err *err)
{
	struct vios_header next = *header;
	enum hv_code code;

	next.copy = 1 - header->copy;
	next.fields.sequence++;
	code = write_copy(target, &next.fields, next.copy, err);
	if (code == HV_OK)
		*header = next;
	return code;
}

enum hv_code vios_header_make(const struct vios_target *target,
			      const struct hv_pgdev_header *fields, struct hv_err *err)
{
	struct vios_header header = { .fields = *fields, .copy = 1 };
	enum hv_code code = vios_header_renew(target, &header, err);

	return code == HV_OK ? vios_header_renew(target, &header, err) : code;
}

bool vios_header_is_owned(const struct hv_pgdev_header *fields)
{
	static const uint8_t nobody[HV_PGDEV_ID_BYTES];

	return memcmp(fields->host, nobody, sizeof(nobody)) != 0;
}

enum hv_code vios_header_check(const struct hv_pgdev_header *fields,
			       const uint8_t id[HV_PGDEV_ID_BYTES], uint64_t owner_epoch,
			       uint64_t device_bytes, struct hv_err *err)
{
	char there[VIOS_ID_TEXT_BYTES];
	char asked[VIOS_ID_TEXT_BYTES];

	if (memcmp(fields->id, id, HV_PGDEV_ID_BYTES) != 0)
		return hv_fail(err, HV_E_BUSY, "it is device %s of host '%s', not %s",
			       vios_id_format(fields->id, there), fields->host_name,
			       vios_id_format(id, asked));
	if (!vios_header_is_owned(fields))
		return hv_fail(err, HV_E_STATE, "the device belongs to no host");
	if (owner_epoch < fields->owner_epoch)
		return hv_fail(err, HV_E_STALE,
			       "owner epoch %llu is over: host '%s' owns it since %llu",
			       (unsigned long long)owner_epoch, fields->host_name,
			       (unsigned long long)fields->owner_epoch);
	if (owner_epoch > fields->owner_epoch)
		return hv_fail(err, HV_E_STATE,
			       "the header is of owner epoch %llu, %llu was not claimed",
			       (unsigned long long)fields->owner_epoch,
			       (unsigned long long)owner_epoch);
	if (device_bytes < fields->bytes)
		return hv_fail(err, HV_E_NOSPC,
			       "the device has shrunk from %llu to %llu bytes",
			       (unsigned long long)fields->bytes,
			       (unsigned long long)device_bytes);
	return HV_OK;
}

const char *vios_id_format(const uint8_t id[HV_PGDEV_ID_BYTES],
			   char text[VIOS_ID_TEXT_BYTES])
{
	for (unsigned i = 0; i < HV_PGDEV_ID_BYTES; i++)
		(void)snprintf(text + 2 * (size_t)i, 3, "%02x", id[i]);
	return text;
}

static unsigned digit(char c)
{
	return isdigit((unsigned char)c)
		       ? (unsigned)(c - '0')
		       : (unsigned)(tolower((unsigned char)c) - 'a' + 10);
}

enum hv_code vios_id_parse(const char *text, uint8_t ret_id[HV_PGDEV_ID_BYTES],
			   struct hv_err *err)
{
	if (strlen(text) != 2 * HV_PGDEV_ID_BYTES ||
	    strspn(text, "0123456789abcdefABCDEF") != 2 * HV_PGDEV_ID_BYTES)
		return hv_fail(err, HV_E_INVAL, "'%.40s' is not an id of %d hex digits",
			       text, 2 * HV_PGDEV_ID_BYTES);
	for (unsigned i = 0; i < HV_PGDEV_ID_BYTES; i++)
		ret_id[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
	return HV_OK;
}
