/* device_file - see device_file.h. */
#include "hvcore/hypervisor/device_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/hypervisor/director.h"
#include "hvcore/wire/pgdev.h"

void device_file_close(struct device_file *file)
{
	if (file->is_used && file->lock_fd >= 0)
		(void)close(file->lock_fd);
	*file = (struct device_file){ .lock_fd = -1 };
}

void device_file_move(struct device_file *from, struct device_file *to)
{
	device_file_close(to);
	*to = *from;
	from->lock_fd = -1;
}

void device_files_close(struct device_files *files)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		device_file_close(&files->at[i]);
}

enum hv_code device_file_is_locked(const struct device_file *file, unsigned path,
				   bool *ret_is, struct hv_err *err)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = HV_PGDEV_LOCK_BASE + path,
		.l_len = 1,
	};

	if (fcntl(file->lock_fd, F_OFD_GETLK, &lock) != 0)
		return hv_fail_os(err, HV_E_OS, errno, "ask for locks on %s", file->path);
	*ret_is = lock.l_type != F_UNLCK;
	return HV_OK;
}

enum hv_code device_file_check_unlocked(const struct device_file *file,
					struct hv_err *err)
{
	for (unsigned path = 0; path < HV_PATHS && file->lock_fd >= 0; path++) {
		bool is = true;
		enum hv_code code = device_file_is_locked(file, path, &is, err);

		if (code != HV_OK)
			return code;
		if (is)
			return hv_fail(err, HV_E_AGAIN,
				       "paging device '%s': a VIOS that served it before "
				       "has not let go of it",
				       file->name);
	}
	return HV_OK;
}

/* -1 with errno. */
static int open_fd(const struct device_file *file, const struct device_files *own)
{
	for (unsigned i = 0; own != NULL && i < HV_PATHS; i++)
		if (device_file_is(&own->at[i], file) && own->at[i].lock_fd >= 0)
			return fcntl(own->at[i].lock_fd, F_DUPFD_CLOEXEC, 0);
	return open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static enum hv_code open_one(const Tarn__HvMirror *ask, const struct device_files *own,
			     struct device_file *ret_file, struct hv_err *err)
{
	struct device_file file = {
		.is_used = true,
		.owner_epoch = ask->owner_epoch,
		.is_remote = ask->has_remote && ask->remote,
		.lock_fd = -1,
	};

	if (strlen(ask->path) >= sizeof(file.path) || ask->id.len != sizeof(file.id) ||
	    !hv_name_is_valid(ask->name))
		return hv_fail(err, HV_E_INVAL,
			       "name, path or identity of paging device '%.64s'",
			       ask->name);
	(void)snprintf(file.name, sizeof(file.name), "%s", ask->name);
	(void)snprintf(file.path, sizeof(file.path), "%s", ask->path);
	memcpy(file.id, ask->id.data, sizeof(file.id));
	if (!file.is_remote)
		file.lock_fd = open_fd(&file, own);
	if (!file.is_remote && file.lock_fd < 0)
		return hv_fail_os(err, HV_E_IO, errno, "open paging device '%s'",
				  file.name);
	*ret_file = file;
	return HV_OK;
}

/* What is asked for path by path; NULL: that one reaches none. */
static enum hv_code read_ask(const struct director *director, const Tarn__HvDevice *ask,
			     const Tarn__HvMirror *of[HV_PATHS], unsigned *ret_first,
			     const Tarn__HvMirror *first, struct hv_err *err)
{
	*ret_first = 0;
	of[0] = of[1] = first;
	if (ask->vios == NULL && ask->mirror == NULL && !first->remote)
		return HV_OK;
	if (ask->vios == NULL)
		return hv_fail(err, HV_E_INVAL,
			       "paging device '%s' is remote or has a mirror, and is not "
			       "said to be behind one VIOS",
			       ask->name);
	for (unsigned i = 0; i < HV_PATHS; i++) {
		if (strcmp(director->vios[i].name, ask->vios) != 0)
			continue;
		*ret_first = i;
		of[HV_PATHS - 1 - i] = ask->mirror;
		return HV_OK;
	}
	return hv_fail(err, HV_E_NOTFOUND,
		       "paging device '%s' is behind VIOS '%s', which is not expected "
		       "here",
		       ask->name, ask->vios);
}

static enum hv_code check_two(const Tarn__HvDevice *ask, struct hv_err *err)
{
	const Tarn__HvMirror *mirror = ask->mirror;
	bool are_here, is_same_path, is_same_id;

	if (mirror == NULL)
		return HV_OK;
	are_here = !(ask->has_remote && ask->remote) &&
		   !(mirror->has_remote && mirror->remote);
	/* hosts alike have the same paths */
	is_same_path = are_here && strcmp(mirror->path, ask->path) == 0;
	is_same_id = mirror->id.len == ask->id.len &&
		     memcmp(mirror->id.data, ask->id.data, ask->id.len) == 0;
	if (!is_same_path && !is_same_id && strcmp(mirror->name, ask->name) != 0)
		return HV_OK;
	return hv_fail(err, HV_E_INVAL, "paging devices '%s' and '%s' are one device",
		       ask->name, mirror->name);
}

enum hv_code device_files_open(const struct director *director, const Tarn__HvDevice *ask,
			       const struct device_files *own,
			       struct device_files *ret_files, struct hv_err *err)
{
	struct device_files files = { .at = { { .lock_fd = -1 }, { .lock_fd = -1 } } };
	const Tarn__HvMirror *of[HV_PATHS];
	Tarn__HvMirror first = TARN__HV_MIRROR__INIT;
	enum hv_code code;

	first.name = ask->name;
	first.path = ask->path;
	first.id = ask->id;
	first.owner_epoch = ask->owner_epoch;
	first.has_remote = ask->has_remote;
	first.remote = ask->has_remote && ask->remote;
	code = read_ask(director, ask, of, &files.first, &first, err);
	if (code == HV_OK)
		code = check_two(ask, err);
	for (unsigned i = 0; i < HV_PATHS && code == HV_OK; i++)
		if (of[i] != NULL)
			code = open_one(of[i], own, &files.at[i], err);
	if (code != HV_OK) {
		device_files_close(&files);
		return code;
	}
	*ret_files = files;
	return HV_OK;
}

bool device_file_is(const struct device_file *a, const struct device_file *b)
{
	if (!a->is_used || !b->is_used)
		return a->is_used == b->is_used;
	return memcmp(a->id, b->id, sizeof(a->id)) == 0 &&
	       strcmp(a->path, b->path) == 0 && a->is_remote == b->is_remote;
}

bool device_files_are(const struct device_files *a, const struct device_files *b)
{
	for (unsigned i = 0; i < HV_PATHS; i++)
		if (!device_file_is(&a->at[i], &b->at[i]))
			return false;
	return true;
}

bool device_files_mirror(const struct device_files *files)
{
	return files->at[0].is_used && files->at[1].is_used &&
	       !device_file_is(&files->at[0], &files->at[1]);
}

static bool is_one(const struct device_file *a, const struct device_file *b)
{
	if (!a->is_used || !b->is_used)
		return false;
	return memcmp(a->id, b->id, sizeof(a->id)) == 0 ||
	       (!a->is_remote && !b->is_remote && strcmp(a->path, b->path) == 0);
}

bool device_files_have(const struct device_files *files, const struct device_file *file)
{
	return is_one(&files->at[0], file) || is_one(&files->at[1], file);
}

uint64_t device_file_slots(const struct device_file *file)
{
	off_t bytes;

	if (file->lock_fd < 0)
		return UINT64_MAX;
	bytes = lseek(file->lock_fd, 0, SEEK_END);
	return bytes > 0 ? hv_pgdev_slots((uint64_t)bytes) : 0;
}
