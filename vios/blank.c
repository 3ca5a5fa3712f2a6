/* blank - see blank.h. */
#include "vios/blank.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EDGE_BYTES (1u << 20)  /* GPT 33 sectors, btrfs 64 KiB, ZFS 512 KiB */
#define CHUNK_BYTES (1u << 20) /* knee of the size sweep in paging.md 3.6 */

struct mark {
	const char *name;
	size_t at;
	const char *bytes;
	size_t count;
};

/* For the sentence only: what is refused is anything that is not zero. */
// clang-format off
static const struct mark marks[] = {
	{ "an ext2/3/4 file system",  0x438,   "\x53\xef",         2 },
	{ "an XFS file system",       0,       "XFSB",             4 },
	{ "a btrfs file system",      0x10040, "_BHRfS_M",         8 },
	{ "an F2FS file system",      0x400,   "\x10\x20\xf5\xf2", 4 },
	{ "a squashfs file system",   0,       "hsqs",             4 },
	{ "an ISO 9660 file system",  0x8001,  "CD001",            5 },
	{ "an NTFS file system",      3,       "NTFS    ",         8 },
	{ "swap space",               0xff6,   "SWAPSPACE2",      10 },
	{ "a LUKS volume",            0,       "LUKS\xba\xbe",     6 },
	{ "an LVM physical volume",   0x200,   "LABELONE",         8 },
	{ "a member of an md array",  0x1000,  "\xfc\x4e\x2b\xa9", 4 },
	{ "a damaged Tarn device",    0,       HV_PGDEV_MAGIC,     8 },
	{ "a GPT partition table",    0x200,   "EFI PART",         8 },
	{ "a partition table",        0x1fe,   "\x55\xaa",         2 },
};
// clang-format on

const char *vios_blank_name(const uint8_t *start, size_t bytes)
{
	for (unsigned i = 0; i < HV_COUNT(marks); i++)
		if (bytes >= marks[i].at + marks[i].count &&
		    memcmp(start + marks[i].at, marks[i].bytes, marks[i].count) == 0)
			return marks[i].name;
	return NULL;
}

static bool is_zero(const uint8_t *at, size_t bytes)
{
	return at[0] == 0 && memcmp(at, at + 1, bytes - 1) == 0; /* each as the next */
}

struct scan {
	const struct vios_target *target;
	const char *path;
	uint8_t *chunk;
};

/* Marks lie in the first bytes, wherever the scan stopped. NULL: none is known. */
static const char *find_name(const struct scan *scan)
{
	size_t bytes = scan->target->bytes < CHUNK_BYTES
			       ? scan->target->bytes & ~(HV_PAGE_BYTES - 1ull)
			       : CHUNK_BYTES;

	if (vios_target_read(scan->target, scan->chunk, bytes, 0, NULL) != HV_OK)
		return NULL;
	return vios_blank_name(scan->chunk, bytes);
}

static enum hv_code refuse(const struct scan *scan, uint64_t at, size_t bytes,
			   struct hv_err *err)
{
	size_t first = 0;
	const char *name;

	while (first < bytes - 1 && scan->chunk[first] == 0)
		first++;
	name = find_name(scan);
	if (name != NULL)
		return hv_fail(err, HV_E_REFUSED,
			       "'%s' holds %s: erase it first if it is not needed",
			       scan->path, name);
	return hv_fail(err, HV_E_REFUSED,
		       "'%s' holds data at offset %llu: fill it with zeros first if it "
		       "is not needed",
		       scan->path, (unsigned long long)(at + first));
}

static enum hv_code check_range(const struct scan *scan, uint64_t at, uint64_t end,
				struct hv_err *err)
{
	while (at < end) {
		size_t bytes = end - at < CHUNK_BYTES ? (size_t)(end - at) : CHUNK_BYTES;
		enum hv_code code = vios_target_read(scan->target, scan->chunk, bytes, at,
						     err);

		if (code != HV_OK) {
			(void)hv_wrap(err, "'%s'", scan->path);
			return code;
		}
		if (!is_zero(scan->chunk, bytes))
			return refuse(scan, at, bytes, err);
		at += bytes;
	}
	return HV_OK;
}

/* What is left after the last whole page; O_DIRECT reads no less than a page. */
static enum hv_code check_tail(const struct scan *scan, uint64_t at, struct hv_err *err)
{
	ssize_t n = scan->target->disk->read(scan->target->fd, scan->chunk, HV_PAGE_BYTES,
					     (off_t)at);

	if (n < 0)
		return hv_fail_os(err, HV_E_IO, errno, "'%s': read at %llu", scan->path,
				  (unsigned long long)at);
	if (n > 0 && !is_zero(scan->chunk, (size_t)n))
		return refuse(scan, at, (size_t)n, err);
	return HV_OK;
}

/* From data to data; without SEEK_DATA the whole file is data. */
static enum hv_code check_file(const struct scan *scan, uint64_t end, struct hv_err *err)
{
	uint64_t at = 0;

	while (at < end) {
		off_t data = lseek(scan->target->fd, (off_t)at, SEEK_DATA);
		off_t hole = data < 0 ? -1 : lseek(scan->target->fd, data, SEEK_HOLE);
		uint64_t from = data < 0 ? at : (uint64_t)data & ~(HV_PAGE_BYTES - 1ull);
		uint64_t to = hole < 0 ? end : (uint64_t)hole;
		enum hv_code code;

		if (data < 0 && errno == ENXIO)
			return HV_OK; /* nothing but holes from here */
		to = (to + HV_PAGE_BYTES - 1) & ~(HV_PAGE_BYTES - 1ull);
		to = to < end ? to : end;
		code = check_range(scan, from, to, err);
		if (code != HV_OK)
			return code;
		at = to;
	}
	return HV_OK;
}

/* Mounted, in use as swap, or held by md, dm or LVM: the kernel knows. */
static enum hv_code check_claim(const char *path, struct hv_err *err)
{
	int fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);

	if (fd < 0)
		return hv_fail_os(err, errno == EBUSY ? HV_E_BUSY : HV_E_OS, errno,
				  "'%s' is mounted or otherwise claimed by this system",
				  path);
	(void)close(fd);
	return HV_OK;
}

static enum hv_code check_block(const struct scan *scan, uint64_t end, struct hv_err *err)
{
	enum hv_code code = check_claim(scan->path, err);
	uint64_t first = end < EDGE_BYTES ? end : EDGE_BYTES;

	if (code == HV_OK)
		code = check_range(scan, 0, first, err);
	if (code == HV_OK && end > first)
		code = check_range(scan, end - first, end, err);
	return code;
}

enum hv_code vios_blank_check(const struct vios_target *target, const char *path,
			      struct hv_err *err)
{
	struct scan scan = { target, path, vios_aligned(CHUNK_BYTES) };
	uint64_t end = target->bytes & ~(HV_PAGE_BYTES - 1ull);
	enum hv_code code;

	if (scan.chunk == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory to look at '%s'", path);
	code = target->is_block ? check_block(&scan, end, err)
				: check_file(&scan, end, err);
	if (code == HV_OK && end < target->bytes)
		code = check_tail(&scan, end, err);
	free(scan.chunk);
	return code;
}
