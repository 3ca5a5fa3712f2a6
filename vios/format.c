/* format - see format.h. */
#include "vios/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vios/blank.h"
#include "vios/fill.h"

#define LOCK_BYTES 2 /* both VIOS of a pair: exclusive use */
#define BYTES_MIN (HV_PGDEV_HEADER_BYTES + HV_PAGE_BYTES)

/* The error with the path in front; keeps its own code where err is NULL. */
static enum hv_code at_path(struct hv_err *err, enum hv_code code, const char *path)
{
	if (code != HV_OK)
		(void)hv_wrap(err, "'%s'", path);
	return code;
}

static struct hv_pgdev_header fields_of(const struct vios_format *format, uint64_t bytes)
{
	struct hv_pgdev_header fields = {
		.bytes = bytes,
		.page_bytes = HV_PAGE_BYTES,
		.owner_epoch = format->owner_epoch,
	};

	memcpy(fields.id, format->id, sizeof(fields.id));
	memcpy(fields.host, format->host, sizeof(fields.host));
	(void)snprintf(fields.host_name, sizeof(fields.host_name), "%s",
		       format->host_name);
	return fields;
}

static bool is_same_device(const struct vios_format *format,
			   const struct hv_pgdev_header *there)
{
	return memcmp(there->id, format->id, sizeof(there->id)) == 0;
}

static bool is_same_owner(const struct vios_format *format,
			  const struct hv_pgdev_header *there)
{
	return is_same_device(format, there) &&
	       memcmp(there->host, format->host, sizeof(there->host)) == 0;
}

/* Of a device with a header: may this format have it? */
static enum hv_code check_claim(const struct vios_format *format,
				const struct hv_pgdev_header *there, struct hv_err *err)
{
	char id[VIOS_ID_TEXT_BYTES];
	bool is_owned = vios_header_is_owned(there);

	if (is_owned && !is_same_owner(format, there))
		return hv_fail(
			err, HV_E_BUSY,
			"it is paging device %s of host '%s': remove it there first",
			vios_id_format(there->id, id), there->host_name);
	/* A new owner needs a new epoch: a VIOS of the old one must be too late. */
	if (is_same_device(format, there) &&
	    format->owner_epoch < there->owner_epoch + (is_owned ? 0 : 1))
		return hv_fail(err, HV_E_STALE,
			       "owner epoch %" PRIu64 " is over, it is %" PRIu64,
			       format->owner_epoch, there->owner_epoch);
	return HV_OK;
}

static enum hv_code check_size(const struct vios_format *format, uint64_t bytes,
			       struct hv_err *err)
{
	uint64_t least = format->bytes > BYTES_MIN ? format->bytes : BYTES_MIN;

	if (bytes >= least)
		return HV_OK;
	return hv_fail(err, HV_E_NOSPC,
		       "it has %" PRIu64 " bytes, %" PRIu64 " are needed", bytes, least);
}

/* Nothing to do: the device may be in use meanwhile, it is not touched. */
static bool is_done(const struct vios_format *format, const struct vios_target *target,
		    const struct hv_pgdev_header *there)
{
	return is_same_owner(format, there) &&
	       there->owner_epoch == format->owner_epoch &&
	       there->bytes <= target->bytes && there->bytes >= format->bytes;
}

static enum hv_code take_over(const struct vios_format *format,
			      const struct vios_target *target,
			      struct vios_header *header, struct hv_err *err)
{
	uint64_t sequence = header->fields.sequence;
	/* What was added to a file since was never written in full. */
	uint64_t bytes = target->is_block || target->bytes < header->fields.bytes
				 ? target->bytes
				 : header->fields.bytes;
	enum hv_code code = check_claim(format, &header->fields, err);

	if (code == HV_OK)
		code = check_size(format, bytes, err);
	if (code != HV_OK)
		return code;
	header->fields = fields_of(format, bytes);
	header->fields.sequence = sequence;
	return vios_header_renew(target, header, err);
}

/* A file without content, or shorter than wanted: its end is ours to set. */
static uint64_t bytes_to_fill(const struct vios_format *format,
			      const struct vios_target *target)
{
	bool may_grow = target->bytes == 0 || format->may_create;

	if (target->is_block || !may_grow || format->bytes <= target->bytes)
		return target->bytes;
	return format->bytes;
}

static enum hv_code make(const struct vios_format *format, struct vios_target *target,
			 struct hv_err *err)
{
	uint64_t before = target->bytes;
	struct hv_pgdev_header fields;
	enum hv_code code = vios_blank_check(target, format->path, err);

	if (code != HV_OK)
		return code;
	target->bytes = bytes_to_fill(format, target) & ~(HV_PAGE_BYTES - 1ull);
	code = check_size(format, target->bytes, err);
	if (code == HV_OK && !target->is_block)
		code = vios_fill(target, target->bytes, format, err);
	fields = fields_of(format, target->bytes);
	if (code == HV_OK)
		code = vios_header_make(target, &fields, err);
	/* Given back as it was; what it held were zeros. */
	if (code != HV_OK && !target->is_block && target->bytes > before &&
	    ftruncate(target->fd, (off_t)before) != 0)
		return at_path(err, code, "(and its size could not be restored)");
	return at_path(err, code, format->path);
}

static enum hv_code format_open(const struct vios_format *format,
				struct vios_target *target, struct hv_err *err)
{
	struct vios_header header;
	enum hv_code code = vios_header_read(target, &header, err);

	if (code == HV_OK && is_done(format, target, &header.fields))
		return HV_OK;
	if (code != HV_OK && code != HV_E_CORRUPT)
		return at_path(err, code, format->path);
	code = vios_target_lock(target, 0, LOCK_BYTES, err);
	if (code != HV_OK)
		return at_path(err, code, format->path);
	code = vios_header_read(target, &header, err); /* nobody changes it now */
	if (code == HV_E_CORRUPT)
		return make(format, target, err);
	if (code == HV_OK)
		code = take_over(format, target, &header, err);
	return at_path(err, code, format->path);
}

/* The directory entry must survive as well as the content. */
static enum hv_code sync_directory(const char *path, struct hv_err *err)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash == NULL ? strdup(".")
					: strndup(path, (size_t)(slash - path) + 1);
	enum hv_code code = HV_OK;
	int fd;

	if (directory == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for a path");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		code = hv_fail_os(err, HV_E_IO, errno, "sync '%s'", directory);
	if (fd >= 0)
		(void)close(fd);
	free(directory);
	return code;
}

static enum hv_code format_new(const struct vios_format *format, struct hv_err *err)
{
	int fd = open(format->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct vios_target target;
	enum hv_code code;

	if (fd < 0)
		return hv_fail_os(err, errno == ENOSPC ? HV_E_NOSPC : HV_E_OS, errno,
				  "make '%s'", format->path);
	code = vios_target_adopt(fd, format->path, format->disk, &target, err);
	if (code == HV_OK) {
		code = format_open(format, &target, err);
		if (code == HV_OK)
			code = sync_directory(format->path, err);
		if (code != HV_OK)
			(void)unlink(format->path); /* ours, and locked by us until now */
		vios_target_close(&target);
		return code;
	}
	(void)unlink(format->path);
	return code;
}

static enum hv_code check_asked(const struct vios_format *format, struct hv_err *err)
{
	static const uint8_t nobody[HV_PGDEV_ID_BYTES];

	if (!hv_name_is_valid(format->host_name))
		return hv_fail(err, HV_E_INVAL, "'%.40s' is not the name of a host",
			       format->host_name);
	if (memcmp(format->host, nobody, sizeof(nobody)) == 0)
		return hv_fail(err, HV_E_INVAL, "the id of the host is all zero");
	if (format->bytes % HV_PAGE_BYTES != 0)
		return hv_fail(err, HV_E_INVAL,
			       "%" PRIu64 " bytes are not whole pages of %u",
			       format->bytes, HV_PAGE_BYTES);
	if (format->bytes >= (uint64_t)INT64_MAX / 2)
		return hv_fail(err, HV_E_INVAL, "%" PRIu64 " bytes are too many",
			       format->bytes);
	return HV_OK;
}

enum hv_code vios_format(const struct vios_format *format, struct hv_err *err)
{
	struct vios_target target;
	enum hv_code code = check_asked(format, err);

	if (code != HV_OK)
		return code;
	if (format->may_create && access(format->path, F_OK) != 0 && errno == ENOENT) {
		if (format->bytes < BYTES_MIN)
			return hv_fail(err, HV_E_NOSPC,
				       "'%s': a paging device has at least %u bytes",
				       format->path, BYTES_MIN);
		return format_new(format, err);
	}
	code = vios_target_open(format->path, format->disk, &target, err);
	if (code != HV_OK)
		return code;
	code = format_open(format, &target, err);
	vios_target_close(&target);
	return code;
}

static enum hv_code wipe_open(const struct vios_target *target,
			      const uint8_t id[HV_PGDEV_ID_BYTES], struct hv_err *err)
{
	struct vios_header header;
	char there[VIOS_ID_TEXT_BYTES];
	enum hv_code code = vios_target_lock(target, 0, LOCK_BYTES, err);

	if (code == HV_OK)
		code = vios_header_read(target, &header, err);
	if (code != HV_OK)
		return code;
	if (memcmp(header.fields.id, id, sizeof(header.fields.id)) != 0)
		return hv_fail(err, HV_E_BUSY, "it is paging device %s of host '%s'",
			       vios_id_format(header.fields.id, there),
			       header.fields.host_name);
	if (!vios_header_is_owned(&header.fields))
		return HV_OK; /* wiped before */
	memset(header.fields.host, 0, sizeof(header.fields.host));
	return vios_header_renew(target, &header, err);
}

enum hv_code vios_wipe(const char *path, const uint8_t id[HV_PGDEV_ID_BYTES],
		       const struct vios_disk *disk, struct hv_err *err)
{
	struct vios_target target;
	enum hv_code code = vios_target_open(path, disk, &target, err);

	if (code != HV_OK)
		return code;
	code = at_path(err, wipe_open(&target, id, err), path);
	vios_target_close(&target);
	return code;
}

static enum hv_code print(const struct vios_target *target, const char *path, FILE *out,
			  struct hv_err *err)
{
	struct vios_header header;
	char text[VIOS_ID_TEXT_BYTES];
	bool is_locked[LOCK_BYTES];
	enum hv_code code = vios_header_read(target, &header, err);

	for (unsigned i = 0; i < LOCK_BYTES && code == HV_OK; i++)
		code = vios_target_is_locked(target, i, &is_locked[i], err);
	if (code != HV_OK)
		return at_path(err, code, path);
	(void)fprintf(out, "path=%s\nkind=%s\ndirect=%d\n", path,
		      target->is_block ? "block" : "file", target->is_direct);
	(void)fprintf(out, "bytes=%" PRIu64 "\nslots=%" PRIu64 "\npage_bytes=%u\n",
		      header.fields.bytes, hv_pgdev_slots(header.fields.bytes),
		      header.fields.page_bytes);
	(void)fprintf(out, "id=%s\n", vios_id_format(header.fields.id, text));
	(void)fprintf(out, "owned=%d\nhost=%s\nhost_name=%s\n",
		      vios_header_is_owned(&header.fields),
		      vios_id_format(header.fields.host, text), header.fields.host_name);
	(void)fprintf(out, "owner_epoch=%" PRIu64 "\nsequence=%" PRIu64 "\ncopy=%u\n",
		      header.fields.owner_epoch, header.fields.sequence, header.copy);
	(void)fprintf(out, "lock0=%d\nlock1=%d\n", is_locked[0], is_locked[1]);
	return HV_OK;
}

enum hv_code vios_inspect(const char *path, FILE *out, struct hv_err *err)
{
	struct vios_target target;
	enum hv_code code = vios_target_open(path, NULL, &target, err);

	if (code != HV_OK)
		return code;
	code = print(&target, path, out, err);
	vios_target_close(&target);
	return code;
}
