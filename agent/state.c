/* state - see state.h. */
#include "agent/state.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "hvcore/base/file.h"

#define SMALL_FILE_BYTES 64

static const char *const file_names[AGENT_FILE_COUNT] = {
	[AGENT_FILE_STATE] = "state",
	[AGENT_FILE_DESIRED] = "desired",
};

static enum hv_code make_directory(const char *state, const char *name,
				   struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_path_join(path, sizeof(path), state, name, err);

	return code == HV_OK ? hv_directory_make(path, err) : code;
}

static enum hv_code take_identity(const char *state, uint8_t id[AGENT_ID_BYTES],
				  struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	uint8_t *bytes;
	size_t count;
	enum hv_code code = hv_path_join(path, sizeof(path), state, "identity", err);

	if (code != HV_OK)
		return code;
	code = hv_file_read(path, SMALL_FILE_BYTES, &bytes, &count, err);
	if (code == HV_E_NOTFOUND) {
		if (getrandom(id, AGENT_ID_BYTES, 0) != AGENT_ID_BYTES)
			return hv_fail_os(err, HV_E_OS, errno, "make an identity");
		return hv_file_replace(path, id, AGENT_ID_BYTES, err);
	}
	if (code != HV_OK)
		return code;
	if (count == AGENT_ID_BYTES)
		memcpy(id, bytes, AGENT_ID_BYTES);
	else
		code = hv_fail(err, HV_E_CORRUPT, "%s has %zu bytes, not %d", path, count,
			       AGENT_ID_BYTES);
	free(bytes);
	return code;
}

static enum hv_code count_start(const char *state, uint64_t *ret_incarnation,
				struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	char text[SMALL_FILE_BYTES];
	uint64_t last = 0;
	uint8_t *bytes;
	size_t count;
	enum hv_code code = hv_path_join(path, sizeof(path), state, "incarnation", err);

	if (code != HV_OK)
		return code;
	code = hv_file_read(path, SMALL_FILE_BYTES, &bytes, &count, err);
	if (code == HV_OK) {
		code = hv_u64_parse((const char *)bytes, UINT32_MAX - 1, &last, err);
		free(bytes);
	}
	if (code != HV_OK && code != HV_E_NOTFOUND)
		return hv_fail(err, HV_E_CORRUPT, "%s holds no number of starts", path);
	*ret_incarnation = last + 1;
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)last + 1);
	return hv_file_replace(path, text, strlen(text), err);
}

enum hv_code agent_state_open(const char *state, uint8_t ret_id[AGENT_ID_BYTES],
			      uint64_t *ret_incarnation, struct hv_err *err)
{
	enum hv_code code = hv_state_open(state, "host", AGENT_STATE_VERSION, err);

	if (code == HV_OK)
		code = make_directory(state, "run", err);
	if (code == HV_OK)
		code = make_directory(state, "log", err);
	if (code == HV_OK)
		code = take_identity(state, ret_id, err);
	if (code == HV_OK)
		code = count_start(state, ret_incarnation, err);
	return code;
}

/* *ret_bytes NULL: there is no such file. */
static enum hv_code read_file(const char *state, enum agent_file file,
			      uint8_t **ret_bytes, size_t *ret_count, struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_path_join(path, sizeof(path), state, file_names[file],
					 err);

	*ret_bytes = NULL;
	if (code == HV_OK)
		code = hv_file_read(path, HV_MESSAGE_BYTES_MAX, ret_bytes, ret_count,
				    err);
	return code == HV_E_NOTFOUND ? HV_OK : code;
}

enum hv_code agent_state_load(const char *state, Tarn__AgentState **ret_state,
			      Tarn__HostDesired **ret_desired, struct hv_err *err)
{
	Tarn__AgentState *kept = NULL;
	uint8_t *bytes;
	size_t count;
	enum hv_code code = read_file(state, AGENT_FILE_STATE, &bytes, &count, err);

	if (code == HV_OK && bytes != NULL)
		code = hv_agent_state_decode(bytes, count, &kept, err);
	free(bytes);
	if (code != HV_OK)
		return code;
	*ret_desired = NULL;
	code = read_file(state, AGENT_FILE_DESIRED, &bytes, &count, err);
	if (code == HV_OK && bytes != NULL)
		code = hv_host_desired_decode(bytes, count, ret_desired, err);
	free(bytes);
	if (code != HV_OK) {
		if (kept != NULL)
			tarn__agent_state__free_unpacked(kept, NULL);
		return code;
	}
	*ret_state = kept;
	return HV_OK;
}

enum hv_code agent_state_save(const char *state, enum agent_file file,
			      const uint8_t *bytes, size_t count, struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_path_join(path, sizeof(path), state, file_names[file],
					 err);

	return code == HV_OK ? hv_file_replace(path, bytes, count, err) : code;
}

/* "lpar-NAME.pid" or "NAME.pid" of a VIOS; false: of nobody we adopt. */
static bool parse_name(const char *file, enum agent_kind *ret_kind,
		       char name[HV_NAME_BYTES])
{
	static const char prefix[] = "lpar-";
	const char *from = file;
	size_t n;

	*ret_kind = AGENT_VIOS;
	if (strncmp(file, prefix, sizeof(prefix) - 1) == 0) {
		*ret_kind = AGENT_PARTITION;
		from += sizeof(prefix) - 1;
	}
	n = strlen(from);
	if (n <= 4 || n - 4 >= HV_NAME_BYTES || strcmp(from + n - 4, ".pid") != 0)
		return false;
	memcpy(name, from, n - 4);
	name[n - 4] = '\0';
	return hv_name_is_valid(name) &&
	       (*ret_kind == AGENT_PARTITION ||
		(strcmp(name, "hypervisor") != 0 && strcmp(name, "agent") != 0 &&
		 strcmp(name, AGENT_EXPORTER_NAME) != 0));
}

enum hv_code agent_state_each_pid_file(const char *state,
				       void (*run)(void *arg, enum agent_kind kind,
						   const char *name),
				       void *arg, struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	char name[HV_NAME_BYTES];
	enum agent_kind kind;
	struct dirent *entry;
	enum hv_code code = hv_path_join(path, sizeof(path), state, "run", err);
	DIR *dir;

	if (code != HV_OK)
		return code;
	dir = opendir(path);
	if (dir == NULL)
		return hv_fail_os(err, errno == ENOENT ? HV_E_NOTFOUND : HV_E_IO, errno,
				  "read %s", path);
	while ((entry = readdir(dir)) != NULL)
		if (parse_name(entry->d_name, &kind, name))
			run(arg, kind, name);
	(void)closedir(dir);
	return HV_OK;
}
