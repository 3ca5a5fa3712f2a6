/* cgroup - see cgroup.h. */
#include "agent/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "hvcore/base/units.h"

#define LINES_BYTES 65536 /* of mounts and membership; arbitrary */
#define FILE_BYTES 1024   /* of a file of a group */
#define WORD_BYTES (HV_FILE_PATH_BYTES / 2)
#define PLACE_FILE "run/cgroup"

/*
 * A turn of 20 ms, so that who has used up its time does not wait long; of at least
 * 2 ms of work, since the kernel's own grain is near that.
 */
#define PERIOD_US 20000
#define QUOTA_US_MIN 2000
#define PERIOD_US_MAX 1000000
#define PROCESSOR_SHARES 1024 /* of a task in no group, on one processor */
#define SHARES_MIN 2
#define SHARES_MAX 262144
#define WEIGHT_MAX 10000

enum { CPU, ACCOUNT, PLACES };

struct agent_cgroups {
	bool is_v2;
	char place[PLACES][HV_FILE_PATH_BYTES]; /* tarn-ID; "" = none, or as CPU */
	char why[AGENT_TEXT_BYTES];
	bool is_made;
};

/* ---- files ---- */

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n = -1;

	if (fd < 0)
		return false;
	while (used < size - 1 && (n = read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	(void)close(fd);
	text[used] = '\0';
	return n >= 0;
}

static enum hv_code write_text(const char *directory, const char *file,
			       struct hv_err *err, const char *format, ...)
	HV_PRINTF(4, 5);

static enum hv_code write_text(const char *directory, const char *file,
			       struct hv_err *err, const char *format, ...)
{
	char path[HV_FILE_PATH_BYTES], text[64];
	enum hv_code code = hv_path_join(path, sizeof(path), directory, file, err);
	va_list args;
	int fd, n, os;

	if (code != HV_OK)
		return code;
	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return hv_fail_os(err, HV_E_OS, errno, "open %s", path);
	os = write(fd, text, (size_t)n) == n ? 0 : errno;
	(void)close(fd);
	return os == 0 ? HV_OK
		       : hv_fail_os(err, os == ESRCH ? HV_E_GONE : HV_E_OS, os,
				    "write %s to %s", text, path);
}

/* The number behind `key`, or at the beginning where key is ""; 0 where it is not. */
static uint64_t number_of(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (; *text != '\0'; text += strcspn(text, "\n"), text += *text == '\n')
		if (strncmp(text, key, length) == 0 &&
		    (length == 0 || text[length] == ' '))
			return strtoull(text + length, NULL, 10);
	return 0;
}

/* Whether `word` is in a list with `between` between. */
static bool has_word(const char *list, const char *word, char between)
{
	const char stops[] = { between, ' ', '\n', '\0' };
	size_t length = strlen(word);

	while (*list != '\0') {
		size_t n = strcspn(list, stops);

		if (n == length && memcmp(list, word, n) == 0)
			return true;
		list += n;
		list += *list != '\0';
	}
	return false;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- where they can be ---- */

struct look {
	char mounts[LINES_BYTES], membership[LINES_BYTES];
	char text[FILE_BYTES];
};

/* Mount point of a controller; NULL for v2's. */
static bool find_mount(const struct look *look, const char *controller,
		       char point[WORD_BYTES])
{
	const char *line = look->mounts;

	for (; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		char type[16], options[WORD_BYTES];

		if (sscanf(line, "%*s %255s %15s %255s", point, type, options) != 3)
			continue;
		if (controller == NULL ? strcmp(type, "cgroup2") == 0
				       : strcmp(type, "cgroup") == 0 &&
						 has_word(options, controller, ','))
			return true;
	}
	return false;
}

/* Our own group, "/" and what follows; "" where it is not said. */
static void find_own(const struct look *look, const char *controller,
		     char own[WORD_BYTES])
{
	const char *line = look->membership;

	own[0] = '\0';
	for (; *line != '\0'; line += strcspn(line, "\n"), line += *line == '\n') {
		const char *list = strchr(line, ':');
		const char *path = list != NULL ? strchr(list + 1, ':') : NULL;
		char word[WORD_BYTES];
		size_t n;

		if (path == NULL)
			return;
		n = (size_t)(path - list - 1);
		if (n >= sizeof(word))
			continue;
		memcpy(word, list + 1, n);
		word[n] = '\0';
		if (controller == NULL ? n != 0 : !has_word(word, controller, ','))
			continue;
		n = strcspn(path + 1, "\n");
		if (n < WORD_BYTES) {
			memcpy(own, path + 1, n);
			own[n] = '\0';
		}
		return;
	}
}

static void put_id(const uint8_t *id, char text[32])
{
	(void)snprintf(text, 32, "tarn-%02x%02x%02x%02x%02x%02x%02x%02x", id[0], id[1],
		       id[2], id[3], id[4], id[5], id[6], id[7]);
}

static enum hv_code look_v1(const struct look *look, const char *controller,
			    const uint8_t *id, char place[HV_FILE_PATH_BYTES])
{
	char point[WORD_BYTES], own[WORD_BYTES], base[2 * WORD_BYTES], name[32];

	if (!find_mount(look, controller, point))
		return HV_E_NOTFOUND;
	find_own(look, controller, own);
	(void)snprintf(base, sizeof(base), "%s%s", point, own);
	put_id(id, name);
	/* a container may name a group that it does not see */
	return hv_path_join(place, HV_FILE_PATH_BYTES,
			    own[0] == '/' && own[1] != '\0' && is_directory(base) ? base
										  : point,
			    name, NULL);
}

static bool hands_out_cpu(struct look *look, const char *directory)
{
	char path[HV_FILE_PATH_BYTES];

	return hv_path_join(path, sizeof(path), directory, "cgroup.subtree_control",
			    NULL) == HV_OK &&
	       read_text(path, look->text, sizeof(look->text)) &&
	       has_word(look->text, "cpu", ' ');
}

/* From our own group up: only a group that hands out cpu can have such children. */
static enum hv_code look_v2(struct look *look, const uint8_t *id,
			    char place[HV_FILE_PATH_BYTES])
{
	char point[WORD_BYTES], own[WORD_BYTES], base[2 * WORD_BYTES], name[32];

	if (!find_mount(look, NULL, point))
		return HV_E_NOTFOUND;
	find_own(look, NULL, own);
	(void)snprintf(base, sizeof(base), "%s%s", point,
		       own[0] == '/' && own[1] != '\0' ? own : "");
	put_id(id, name);
	for (;;) {
		if (hands_out_cpu(look, base))
			return hv_path_join(place, HV_FILE_PATH_BYTES, base, name, NULL);
		if (strlen(base) <= strlen(point))
			return HV_E_STATE;
		*strrchr(base, '/') = '\0';
	}
}

static void look_for(struct agent_cgroups *cgroups, struct look *look, const uint8_t *id)
{
	enum hv_code code;

	if (look_v1(look, "cpu", id, cgroups->place[CPU]) == HV_OK) {
		if (look_v1(look, "cpuacct", id, cgroups->place[ACCOUNT]) != HV_OK ||
		    strcmp(cgroups->place[ACCOUNT], cgroups->place[CPU]) == 0)
			cgroups->place[ACCOUNT][0] = '\0';
		return;
	}
	code = look_v2(look, id, cgroups->place[CPU]);
	cgroups->is_v2 = code == HV_OK;
	if (code == HV_OK)
		return;
	cgroups->place[CPU][0] = '\0';
	(void)snprintf(cgroups->why, sizeof(cgroups->why), "%s",
		       code == HV_E_STATE
			       ? "no control group above the agent hands out the cpu "
				 "controller"
			       : "no control groups with a cpu controller are mounted");
}

/* ---- making and removing ---- */

static enum hv_code make_one(const char *path, struct hv_err *err)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return HV_OK;
	return hv_fail_os(err, HV_E_OS, errno, "make %s", path);
}

/* All partitions weigh what the machine's processors do, as tasks in no group. */
static enum hv_code weigh_all(const struct agent_cgroups *cgroups, struct hv_err *err)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned processors = count > 0 && count < 256 ? (unsigned)count : 1;

	if (!cgroups->is_v2)
		return write_text(cgroups->place[CPU], "cpu.shares", err, "%u",
				  processors * PROCESSOR_SHARES);
	return write_text(cgroups->place[CPU], "cpu.weight", err, "%u",
			  processors * 100 < WEIGHT_MAX ? processors * 100 : WEIGHT_MAX);
}

static enum hv_code make_places(struct agent_cgroups *cgroups, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	if (cgroups->is_made && is_directory(cgroups->place[CPU]))
		return HV_OK;
	for (unsigned i = 0; i < PLACES && code == HV_OK; i++)
		if (cgroups->place[i][0] != '\0')
			code = make_one(cgroups->place[i], err);
	if (code == HV_OK && cgroups->is_v2)
		code = write_text(cgroups->place[CPU], "cgroup.subtree_control", err,
				  "+cpu");
	if (code == HV_OK)
		code = weigh_all(cgroups, err);
	cgroups->is_made = code == HV_OK;
	return code;
}

static enum hv_code why_left(void)
{
	return errno == EBUSY ? HV_E_BUSY : HV_E_EXISTS;
}

/* Of what is left: what will go is waited for, whatever else stays. */
static enum hv_code worse(enum hv_code one, enum hv_code other)
{
	return one == HV_OK || other == HV_E_BUSY ? other : one;
}

/* The groups of a place, and the place when it is empty; who has a process stays. */
static enum hv_code sweep(const char *place)
{
	DIR *dir = opendir(place);
	struct dirent *entry;
	enum hv_code code = HV_OK;

	if (dir == NULL)
		return errno == ENOENT ? HV_OK : HV_E_EXISTS;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.' &&
		    unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR) != 0)
			code = worse(code, why_left());
	(void)closedir(dir);
	if (code == HV_OK && rmdir(place) != 0)
		code = why_left();
	return code;
}

static enum hv_code keep_places(const struct agent_cgroups *cgroups, const char *state)
{
	char path[HV_FILE_PATH_BYTES], text[PLACES * (HV_FILE_PATH_BYTES + 1)];
	int n = snprintf(text, sizeof(text), "%s\n%s\n", cgroups->place[CPU],
			 cgroups->place[ACCOUNT]);
	enum hv_code code = hv_path_join(path, sizeof(path), state, PLACE_FILE, NULL);

	return code == HV_OK ? hv_file_replace(path, text, (size_t)n, NULL) : code;
}

static bool is_place(const char *line)
{
	const char *name = strrchr(line, '/');

	return line[0] == '/' && name != NULL && strncmp(name, "/tarn-", 6) == 0;
}

enum hv_code agent_cgroups_clear(const char *state)
{
	char path[HV_FILE_PATH_BYTES], text[PLACES * (HV_FILE_PATH_BYTES + 1)];
	char *line = text;
	enum hv_code code = HV_OK;

	if (hv_path_join(path, sizeof(path), state, PLACE_FILE, NULL) != HV_OK ||
	    !read_text(path, text, sizeof(text)))
		return HV_OK;
	for (unsigned i = 0; i < PLACES && *line != '\0'; i++) {
		size_t n = strcspn(line, "\n");
		bool is_last = line[n] == '\0';

		line[n] = '\0';
		if (is_place(line))
			code = worse(code, sweep(line));
		line += is_last ? n : n + 1;
	}
	if (code == HV_OK)
		(void)unlink(path);
	return code;
}

enum hv_code agent_cgroups_open(const struct agent_cgroups_config *config,
				struct agent_cgroups **ret_cgroups, struct hv_err *err)
{
	struct agent_cgroups *cgroups = calloc(1, sizeof(*cgroups));
	struct look *look = calloc(1, sizeof(*look));

	if (cgroups == NULL || look == NULL) {
		free(look);
		free(cgroups);
		return hv_fail(err, HV_E_NOMEM, "the processors' groups");
	}
	(void)read_text(config->mounts, look->mounts, sizeof(look->mounts));
	(void)read_text(config->membership, look->membership, sizeof(look->membership));
	(void)!agent_cgroups_clear(config->state); /* where an agent before us had them */
	look_for(cgroups, look, config->id);
	free(look);
	if (cgroups->why[0] == '\0' && keep_places(cgroups, config->state) != HV_OK) {
		cgroups->place[CPU][0] = '\0';
		(void)snprintf(cgroups->why, sizeof(cgroups->why),
			       "%s cannot be written, so they would not be found again",
			       PLACE_FILE);
	}
	*ret_cgroups = cgroups;
	return HV_OK;
}

void agent_cgroups_close(struct agent_cgroups *cgroups)
{
	free(cgroups);
}

const char *agent_cgroups_where(const struct agent_cgroups *cgroups)
{
	return cgroups->place[CPU];
}

const char *agent_cgroups_why(const struct agent_cgroups *cgroups)
{
	return cgroups->why;
}

/* ---- one partition's ---- */

uint64_t agent_idle_us(const char *stat)
{
	char text[FILE_BYTES];
	unsigned long long idle = 0, waiting = 0;
	long ticks = sysconf(_SC_CLK_TCK);

	if (ticks <= 0 || !read_text(stat, text, sizeof(text)) ||
	    sscanf(text, "cpu %*u %*u %*u %llu %llu", &idle, &waiting) != 2)
		return 0;
	return (idle + waiting) * (1000000 / (unsigned long long)ticks);
}

static enum hv_code need_any(const struct agent_cgroups *cgroups, struct hv_err *err)
{
	return cgroups->place[CPU][0] != '\0'
		       ? HV_OK
		       : hv_fail(err, HV_E_STATE, "%s", cgroups->why);
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static uint64_t file_number(const char *group, const char *file)
{
	char path[HV_FILE_PATH_BYTES], text[64];

	return hv_path_join(path, sizeof(path), group, file, NULL) == HV_OK &&
			       read_text(path, text, sizeof(text))
		       ? strtoull(text, NULL, 10)
		       : 0;
}

static enum hv_code limit_v1(const char *group, uint64_t share, uint64_t quota,
			     uint64_t period, struct hv_err *err)
{
	uint64_t shares = clamp(share * PROCESSOR_SHARES / 100, SHARES_MIN, SHARES_MAX);
	enum hv_code code = write_text(group, "cpu.shares", err, "%llu",
				       (unsigned long long)shares);

	if (code != HV_OK ||
	    (quota != 0 && file_number(group, "cpu.cfs_quota_us") == quota &&
	     file_number(group, "cpu.cfs_period_us") == period))
		return code;
	code = write_text(group, "cpu.cfs_quota_us", err, "-1");
	if (code == HV_OK && quota != 0)
		code = write_text(group, "cpu.cfs_period_us", err, "%llu",
				  (unsigned long long)period);
	if (code == HV_OK && quota != 0)
		code = write_text(group, "cpu.cfs_quota_us", err, "%llu",
				  (unsigned long long)quota);
	return code;
}

static enum hv_code limit_v2(const char *group, uint64_t share, uint64_t quota,
			     uint64_t period, struct hv_err *err)
{
	enum hv_code code = write_text(group, "cpu.weight", err, "%llu",
				       (unsigned long long)clamp(share, 1, WEIGHT_MAX));

	if (code != HV_OK)
		return code;
	if (quota == 0)
		return write_text(group, "cpu.max", err, "max");
	return write_text(group, "cpu.max", err, "%llu %llu", (unsigned long long)quota,
			  (unsigned long long)period);
}

static enum hv_code write_limits(const struct agent_cgroups *cgroups, const char *group,
				 const struct agent_limits *limits, struct hv_err *err)
{
	uint64_t period = PERIOD_US;

	if (limits->quota != 0)
		period = clamp(QUOTA_US_MIN * UINT64_C(100) / limits->quota, PERIOD_US,
			       PERIOD_US_MAX);
	return (cgroups->is_v2 ? limit_v2 : limit_v1)(
		group, limits->share, period * limits->quota / 100, period, err);
}

enum hv_code agent_cgroup_limit(struct agent_cgroups *cgroups, const char *name,
				int64_t pid, const struct agent_limits *limits,
				struct hv_err *err)
{
	char group[PLACES][HV_FILE_PATH_BYTES];
	enum hv_code code = need_any(cgroups, err);

	if (code == HV_OK)
		code = make_places(cgroups, err);
	for (unsigned i = 0; i < PLACES && code == HV_OK; i++) {
		if (cgroups->place[i][0] == '\0')
			continue;
		code = hv_path_join(group[i], sizeof(group[i]), cgroups->place[i], name,
				    err);
		if (code == HV_OK)
			code = make_one(group[i], err);
		if (code == HV_OK)
			code = write_text(group[i], "cgroup.procs", err, "%lld",
					  (long long)pid);
	}
	/* behind: a limit that the machine refuses does not cost the figures */
	return code == HV_OK ? write_limits(cgroups, group[CPU], limits, err) : code;
}

static enum hv_code read_file(const char *place, const char *name, const char *file,
			      char text[FILE_BYTES], struct hv_err *err)
{
	char group[HV_FILE_PATH_BYTES], path[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_path_join(group, sizeof(group), place, name, err);

	if (code == HV_OK)
		code = hv_path_join(path, sizeof(path), group, file, err);
	if (code == HV_OK && !read_text(path, text, FILE_BYTES))
		return hv_fail_os(err, HV_E_NOTFOUND, errno, "read %s", path);
	return code;
}

enum hv_code agent_cgroup_usage(const struct agent_cgroups *cgroups, const char *name,
				struct agent_usage *ret_usage, struct hv_err *err)
{
	const char *account = cgroups->place[ACCOUNT][0] != '\0' ? cgroups->place[ACCOUNT]
								 : cgroups->place[CPU];
	char text[FILE_BYTES];
	enum hv_code code = need_any(cgroups, err);

	*ret_usage = (struct agent_usage){ 0 };
	if (code == HV_OK)
		code = read_file(cgroups->place[CPU], name, "cpu.stat", text, err);
	if (code != HV_OK)
		return code;
	ret_usage->throttled = number_of(text, "nr_throttled");
	if (cgroups->is_v2) {
		ret_usage->throttled_us = number_of(text, "throttled_usec");
		ret_usage->used_us = number_of(text, "usage_usec");
		return HV_OK;
	}
	ret_usage->throttled_us = number_of(text, "throttled_time") / 1000;
	code = read_file(account, name, "cpuacct.usage", text, err);
	if (code == HV_OK)
		ret_usage->used_us = number_of(text, "") / 1000;
	return code;
}

enum hv_code agent_cgroup_remove(struct agent_cgroups *cgroups, const char *name,
				 struct hv_err *err)
{
	char group[HV_FILE_PATH_BYTES];
	enum hv_code code = HV_OK;

	for (unsigned i = 0; i < PLACES && code == HV_OK; i++) {
		if (cgroups->place[i][0] == '\0')
			continue;
		code = hv_path_join(group, sizeof(group), cgroups->place[i], name, err);
		if (code == HV_OK && rmdir(group) != 0 && errno != ENOENT)
			code = hv_fail_os(err, HV_E_OS, errno, "remove %s", group);
		else if (code == HV_OK && rmdir(cgroups->place[i]) == 0)
			cgroups->is_made = false; /* it was the last one */
	}
	return code;
}
