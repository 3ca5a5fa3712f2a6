/* commands - see commands.h. */
#include "cli/hmcsh/commands.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Small letters: no dot, no dash, no slash. */
static bool is_name(const char *name)
{
	size_t count = strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789");

	return count > 0 && count < HMCSH_COMMAND_NAME_BYTES && name[count] == '\0';
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

enum hv_code hmcsh_commands_load(struct hmcsh_commands *commands, const char *directory,
				 struct hv_err *err)
{
	struct dirent *entry;
	DIR *dir;

	commands->count = 0;
	if (strnlen(directory, HV_FILE_PATH_BYTES) == HV_FILE_PATH_BYTES)
		return hv_fail(err, HV_E_LIMIT, "directory of the commands: too long");
	memcpy(commands->directory, directory, strlen(directory) + 1);
	dir = opendir(directory);
	if (dir == NULL)
		return hv_fail_os(err, HV_E_NOTFOUND, errno, "%s", directory);
	while ((entry = readdir(dir)) != NULL && commands->count < HMCSH_COMMANDS_MAX)
		if (is_name(entry->d_name))
			(void)snprintf(commands->names[commands->count++],
				       HMCSH_COMMAND_NAME_BYTES, "%.*s",
				       HMCSH_COMMAND_NAME_BYTES - 1, entry->d_name);
	(void)closedir(dir);
	qsort(commands->names, commands->count, sizeof(commands->names[0]), compare);
	return HV_OK;
}

bool hmcsh_commands_find(const struct hmcsh_commands *commands, const char *name,
			 char path[HV_FILE_PATH_BYTES])
{
	if (!is_name(name))
		return false;
	for (unsigned i = 0; i < commands->count; i++)
		if (strcmp(commands->names[i], name) == 0)
			return hv_path_join(path, HV_FILE_PATH_BYTES, commands->directory,
					    name, NULL) == HV_OK;
	return false;
}

enum hv_code hmcsh_commands_directory(char directory[HV_FILE_PATH_BYTES],
				      struct hv_err *err)
{
	char own[HV_FILE_PATH_BYTES];
	ssize_t count = readlink("/proc/self/exe", own, sizeof(own));
	char *slash;

	if (count < 0)
		return hv_fail_os(err, HV_E_OS, errno, "/proc/self/exe");
	if ((size_t)count == sizeof(own))
		return hv_fail(err, HV_E_LIMIT, "/proc/self/exe: path too long");
	own[count] = '\0';
	slash = strrchr(own, '/');
	if (slash == NULL)
		return hv_fail(err, HV_E_CORRUPT, "/proc/self/exe: no path");
	*slash = '\0';
	return hv_path_join(directory, HV_FILE_PATH_BYTES, own, "hmc", err);
}
