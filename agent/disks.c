/*
 * disks - see disks.h.
 *
 * A file that is open while its name goes costs its directory's entry and no more; the
 * last close gives its blocks back, 0.2 s a GiB (ext4, measured). A thread does that: the
 * loop has more to do (A17). What is open is at most one partition's disks a thread; where
 * there is no thread or descriptor to be had, the loop waits.
 */
#include "agent/disks.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "hvcore/base/thread.h"
#include "hvcore/wire/disk_file.h"
#include "hvcore/wire/io.h"

#define MARKER_BYTES 32 /* a number of 64 bits has 20 digits */

/* Files whose names are gone. */
struct removed {
	unsigned count;
	int fds[HV_DISKS_MAX];
};

static enum hv_code path_of(const char *state, const char *file,
			    char path[HV_FILE_PATH_BYTES], struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_disk_directory(state, directory, err);

	return code == HV_OK
		       ? hv_path_join(path, HV_FILE_PATH_BYTES, directory, file, err)
		       : code;
}

static void *close_all(void *arg) /* W: `arg` is its own */
{
	struct removed *removed = arg;

	for (unsigned i = 0; i < removed->count; i++)
		(void)close(removed->fds[i]);
	free(removed);
	return NULL;
}

static void give_back(struct removed *removed)
{
	pthread_t thread;

	if (removed == NULL)
		return;
	if (removed->count > 0 &&
	    hv_thread_start(&thread, close_all, removed, NULL) == HV_OK)
		(void)pthread_detach(thread);
	else
		(void)close_all(removed);
}

/* `removed` NULL: its blocks are waited for. */
static enum hv_code remove_one(int directory, const char *file, struct removed *removed,
			       struct hv_err *err)
{
	int fd = -1;

	if (removed != NULL && removed->count < HV_COUNT(removed->fds))
		fd = openat(directory, file, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (unlinkat(directory, file, 0) != 0 && errno != ENOENT) {
		int os = errno;

		if (fd >= 0)
			(void)close(fd);
		return hv_fail_os(err, HV_E_OS, os, "remove disk '%s'", file);
	}
	if (fd >= 0)
		removed->fds[removed->count++] = fd;
	return HV_OK;
}

enum hv_code agent_disks_remove(const char *state, const char *name, struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES], marker[HV_NAME_BYTES + 8];
	enum hv_code code = hv_disk_directory(state, path, err);
	struct removed *removed;
	const struct dirent *entry;
	DIR *directory;

	if (code != HV_OK)
		return code;
	directory = opendir(path);
	if (directory == NULL && errno == ENOENT)
		return HV_OK;
	if (directory == NULL)
		return hv_fail_os(err, HV_E_OS, errno, "look into '%s'", path);
	removed = calloc(1, sizeof(*removed));
	while (code == HV_OK && (entry = readdir(directory)) != NULL)
		if (hv_disk_file_is_of(entry->d_name, name))
			code = remove_one(dirfd(directory), entry->d_name, removed, err);
	(void)snprintf(marker, sizeof(marker), "%s.made", name);
	if (code == HV_OK) /* last: until then they are still somebody's */
		code = remove_one(dirfd(directory), marker, NULL, err);
	(void)closedir(directory);
	give_back(removed);
	return code;
}

/* What the marker says, "" where there is none. Only then, or where it says what no
 * definition would, is it nobody's: an error tells nothing. */
static enum hv_code read_marker(const char *path, char text[MARKER_BYTES],
				struct hv_err *err)
{
	uint8_t *bytes = NULL;
	size_t count;
	enum hv_code code = hv_file_read(path, MARKER_BYTES - 1, &bytes, &count, err);

	(void)snprintf(text, MARKER_BYTES, "%s",
		       code == HV_OK        ? (const char *)bytes
		       : code == HV_E_LIMIT ? "too long for a number"
					    : "");
	free(bytes);
	return code == HV_E_NOTFOUND || code == HV_E_LIMIT ? HV_OK : code;
}

static enum hv_code write_marker(const char *state, const char *path, const char *text,
				 struct hv_err *err)
{
	char directory[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_disk_directory(state, directory, err);

	if (code == HV_OK)
		code = hv_directory_make(directory, err);
	return code == HV_OK ? hv_file_replace(path, text, strlen(text), err) : code;
}

enum hv_code agent_disks_claim(const char *state, const char *name, uint64_t made,
			       struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES], file[HV_NAME_BYTES + 8];
	char text[MARKER_BYTES], wanted[MARKER_BYTES];
	enum hv_code code;
	bool is_old;

	(void)snprintf(file, sizeof(file), "%s.made", name);
	(void)snprintf(wanted, sizeof(wanted), "%llu", (unsigned long long)made);
	code = path_of(state, file, path, err);
	if (code == HV_OK)
		code = read_marker(path, text, err);
	if (code != HV_OK || strcmp(text, wanted) == 0)
		return code;
	/* its record is older than numbers are: what nobody claims it has made */
	is_old = made == 0 && text[0] == '\0';
	if (!is_old)
		code = agent_disks_remove(state, name, err);
	return code == HV_OK ? write_marker(state, path, wanted, err) : code;
}
