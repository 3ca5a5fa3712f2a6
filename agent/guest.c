/* guest - see guest.h. */
#include "agent/guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/guest_files.h"
#include "hvcore/base/file.h"
#include "hvcore/base/log.h"

#define NEW_NAME "new" /* beside "proc" and "sys" until it is renamed */

struct guest {
	char name[HV_NAME_BYTES];           /* "": free */
	bool is_shown;                      /* in this round */
	bool is_made;                       /* all of it is there, as the hashes say */
	uint64_t hashes[AGENT_GUEST_FILES]; /* 0: that file is not there */
};

struct agent_guests {
	int root; /* STATE/guest */
	bool is_told;
	struct guest *list;
	size_t count;
};

/* ---- files ---- */

static uint64_t hash_of(const char *text) /* FNV-1a; of "" it is 0: not there */
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (const char *at = text; *at != '\0'; at++)
		hash = (hash ^ (uint8_t)*at) * 0x100000001b3u;
	return text[0] != '\0' ? hash : 0;
}

static enum hv_code replace(int directory, const char *path, const char *text,
			    struct hv_err *err)
{
	size_t count = strlen(text);
	int fd = openat(directory, NEW_NAME,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0400);
	bool is_written;

	if (fd < 0)
		return hv_fail_os(err, HV_E_IO, errno, "make '%s'", path);
	is_written = write(fd, text, count) == (ssize_t)count;
	if (close(fd) != 0 || !is_written ||
	    renameat(directory, NEW_NAME, directory, path) != 0)
		return hv_fail_os(err, HV_E_IO, errno, "write '%s'", path);
	return HV_OK;
}

static enum hv_code make(int root, const char *name, int *ret_directory, bool *ret_is_new,
			 struct hv_err *err)
{
	bool is_new = mkdirat(root, name, 0700) == 0;
	int directory;

	if (!is_new && errno != EEXIST)
		return hv_fail_os(err, HV_E_IO, errno, "make '%s'", name);
	directory = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory < 0)
		return hv_fail_os(err, HV_E_IO, errno, "open '%s'", name);
	*ret_directory = directory;
	*ret_is_new = is_new;
	return HV_OK;
}

static enum hv_code make_directories(int directory, struct hv_err *err)
{
	for (unsigned i = 0; agent_guest_directories[i] != NULL; i++)
		if (mkdirat(directory, agent_guest_directories[i], 0700) != 0 &&
		    errno != EEXIST)
			return hv_fail_os(err, HV_E_IO, errno, "make '%s'",
					  agent_guest_directories[i]);
	return HV_OK;
}

/* What is not ours stays, and its directory with it. */
static void end_files(int root, const char *name)
{
	int directory = openat(root, name,
			       O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	unsigned count = 0;

	if (directory < 0)
		return;
	(void)unlinkat(directory, NEW_NAME, 0);
	for (unsigned i = 0; i < AGENT_GUEST_FILES; i++)
		(void)unlinkat(directory, agent_guest_paths[i], 0);
	while (agent_guest_directories[count] != NULL)
		count++;
	while (count-- > 0)
		(void)unlinkat(directory, agent_guest_directories[count], AT_REMOVEDIR);
	(void)close(directory);
	(void)unlinkat(root, name, AT_REMOVEDIR);
}

/* ---- views ---- */

static struct guest *find(struct agent_guests *guests, const char *name)
{
	for (size_t i = 0; i < guests->count; i++)
		if (strcmp(guests->list[i].name, name) == 0)
			return &guests->list[i];
	return NULL;
}

static struct guest *add(struct agent_guests *guests, const char *name)
{
	struct guest *guest = find(guests, ""), *list;

	if (guest == NULL) {
		list = realloc(guests->list, (guests->count + 1) * sizeof(*list));
		if (list == NULL)
			return NULL;
		guests->list = list;
		guest = &list[guests->count++];
	}
	*guest = (struct guest){ 0 };
	(void)snprintf(guest->name, sizeof(guest->name), "%s", name);
	return guest;
}

/* Not made: whatever is there, all files are replaced, or removed. */
static enum hv_code write_changes(struct guest *guest, int directory,
				  const struct agent_shown *shown, struct hv_err *err)
{
	char text[AGENT_GUEST_TEXT_BYTES];
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < AGENT_GUEST_FILES && code == HV_OK; i++) {
		uint64_t hash;

		agent_guest_text(shown, i, text);
		hash = hash_of(text);
		if (guest->is_made && hash == guest->hashes[i])
			continue;
		if (hash != 0)
			code = replace(directory, agent_guest_paths[i], text, err);
		else if (unlinkat(directory, agent_guest_paths[i], 0) != 0 &&
			 errno != ENOENT)
			code = hv_fail_os(err, HV_E_IO, errno, "remove '%s'",
					  agent_guest_paths[i]);
		guest->hashes[i] = hash;
	}
	return code;
}

static enum hv_code show(struct agent_guests *guests, const struct agent_shown *shown,
			 struct hv_err *err)
{
	struct guest *guest = find(guests, shown->name);
	bool is_new = false;
	int directory = -1;
	enum hv_code code;

	if (guest == NULL)
		guest = add(guests, shown->name);
	if (guest == NULL)
		return hv_fail(err, HV_E_NOMEM, "no memory for it");
	guest->is_shown = true;
	code = make(guests->root, shown->name, &directory, &is_new, err);
	guest->is_made = guest->is_made && code == HV_OK && !is_new;
	if (code != HV_OK)
		return code;
	if (!guest->is_made)
		code = make_directories(directory, err);
	if (code == HV_OK)
		code = write_changes(guest, directory, shown, err);
	guest->is_made = code == HV_OK;
	(void)close(directory);
	return code;
}

void agent_guests_show(struct agent_guests *guests, const struct agent_shown *list,
		       size_t count)
{
	struct hv_err err = { 0 };
	enum hv_code code = HV_OK;

	for (size_t i = 0; i < guests->count; i++)
		guests->list[i].is_shown = false;
	for (size_t i = 0; i < count; i++) {
		code = show(guests, &list[i], &err);
		if (code == HV_OK)
			continue;
		if (!guests->is_told)
			log_warn("agent.guest_view", "name=%s error=\"%s\"", list[i].name,
				 hv_err_text(&err));
		guests->is_told = true;
	}
	for (size_t i = 0; i < guests->count; i++) {
		struct guest *guest = &guests->list[i];

		if (guest->is_shown || guest->name[0] == '\0')
			continue;
		end_files(guests->root, guest->name);
		guest->name[0] = '\0';
	}
}

/* ---- open and close ---- */

/* Names are gathered first: a directory that is read and changed skips some. */
static void end_all(int root)
{
	struct dirent **entries;
	int fd = dup(root), count;
	char path[64];

	if (fd < 0)
		return;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	count = scandir(path, &entries, NULL, NULL);
	(void)close(fd);
	for (int i = 0; i < count; i++) {
		if (hv_name_is_valid(entries[i]->d_name))
			end_files(root, entries[i]->d_name);
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
}

enum hv_code agent_guests_open(const char *state, struct agent_guests **ret_guests,
			       struct hv_err *err)
{
	struct agent_guests *guests;
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_path_join(path, sizeof(path), state, "guest", err);
	int root;

	if (code == HV_OK)
		code = hv_directory_make(path, err);
	if (code != HV_OK)
		return code;
	root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (root < 0)
		return hv_fail_os(err, HV_E_IO, errno, "open '%s'", path);
	guests = calloc(1, sizeof(*guests));
	if (guests == NULL) {
		(void)close(root);
		return hv_fail(err, HV_E_NOMEM, "no memory for the views of partitions");
	}
	guests->root = root;
	end_all(root);
	*ret_guests = guests;
	return HV_OK;
}

void agent_guests_close(struct agent_guests *guests)
{
	if (guests == NULL)
		return;
	(void)close(guests->root);
	free(guests->list);
	free(guests);
}
