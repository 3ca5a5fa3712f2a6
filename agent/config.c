/* config - see config.h. */
#include "agent/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "hvcore/base/option.h"

#define AT(field) offsetof(struct agent_options, field)
#define LMB_MIN (UINT64_C(16) << 20)
#define LMB_MAX (UINT64_C(256) << 20)
#define AHEAD_MAX 15 /* tarn-hypervisor's, HV_AHEAD_MAX */

/* clang-format off */
static const struct hv_option options[] = {
	{ "state", HV_OPTION_PATH, "DIR", NULL, 1, AGENT_STATE_PATH_MAX, AT(state), NULL,
	  "state directory of the host, made where it is missing" },
	{ "name", HV_OPTION_NAME, "NAME", hv_option_absent, 0, 0, AT(name), NULL,
	  "of the host, as the coordinator knows it" },
	{ "coordinator", HV_OPTION_STRING, "URL", hv_option_absent, 1, 200, AT(coordinator), NULL,
	  "tcp://127.0.0.1:PORT or ipc:///PATH" },
	{ "memory", HV_OPTION_SIZE, "SIZE", hv_option_absent, 2 * LMB_MIN, HV_LPAR_BYTES_MAX,
	  AT(memory), NULL, "memory the host owns" },
	{ "lmb", HV_OPTION_SIZE, "SIZE", "16M", LMB_MIN, LMB_MAX, AT(lmb), NULL,
	  "memory block: 16M, 32M, 64M, 128M or 256M" },
	{ "bin", HV_OPTION_PATH, "DIR", hv_option_absent, 1, HV_FILE_PATH_BYTES / 2, AT(bin), NULL,
	  "where the other programs are; default: where this one is" },
	{ "hang-ms", HV_OPTION_U64, "MS", "500", 50, 60000, AT(hang_ms), NULL,
	  "silence of a VIOS that counts as a hang" },
	{ "home-near", HV_OPTION_BOOL, "yes|no", "yes", 0, 0, AT(home_near), NULL,
	  "serve a partition on the processor that its paging device interrupts" },
	{ "steer", HV_OPTION_BOOL, "yes|no", "yes", 0, 0, AT(steer), NULL,
	  "keep threads that mostly wait for pages to the processor that serves them" },
	{ "read-ahead", HV_OPTION_U64, "PAGES", "15", 0, AHEAD_MAX, AT(read_ahead), NULL,
	  "neighbours brought with a page that is read in order; 0: none" },
	{ "expect-writes", HV_OPTION_BOOL, "yes|no", "yes", 0, 0, AT(expect_writes), NULL,
	  "a page that is written each time it comes back comes writable for a read, too" },
	{ "hedge-us", HV_OPTION_U64, "US", "1000", 0, 1000000, AT(hedge_us), NULL,
	  "a page-in later than that is asked for over both VIOS; 0: never" },
	{ "tier-share", HV_OPTION_U64, "PERCENT", "10", 0, 90, AT(tier_share), NULL,
	  "of the pool for compressed pages, before a device; 0: none" },
	{ "spin-us", HV_OPTION_U64, "US", "100", 0, 1000, AT(spin_us), NULL,
	  "so long a VIOS waits for a page awake, where nobody else wants the processor" },
	{ "allow-drills", HV_OPTION_FLAG, NULL, NULL, 0, 0, AT(allow_drills), NULL,
	  "VIOS may be killed and hung on request" },
	{ "stop", HV_OPTION_FLAG, NULL, NULL, 0, 0, AT(stop), NULL,
	  "end the agent, the partitions, the VIOS and the hypervisor of that state directory" },
};
static const struct hv_option_table table = {
	.program = "tarn-agent",
	.summary = "service processor of a Tarn host",
	.options = options,
	.count = HV_COUNT(options),
};
/* clang-format on */

int agent_options_parse(int argc, char **argv, struct agent_options *given)
{
	struct hv_option_result result;
	int rv = hv_option_main(&table, argc, argv, given, &result);

	if (rv >= 0)
		return rv;
	given->is_check = result.is_check;
	given->arguments = argv;
	given->pid_file = -1;
	if (given->stop ||
	    (given->name != NULL && given->coordinator != NULL && given->memory != 0))
		return -1;
	(void)fprintf(stderr, "tarn-agent: --name, --coordinator and --memory are needed "
			      "(see --help)\n");
	return 2;
}

enum hv_code agent_options_bin(const struct agent_options *given, char bin[],
			       struct hv_err *err)
{
	ssize_t n;

	if (given->bin != NULL) {
		(void)snprintf(bin, HV_FILE_PATH_BYTES, "%s", given->bin);
		return HV_OK;
	}
	n = readlink("/proc/self/exe", bin, HV_FILE_PATH_BYTES / 2);
	if (n <= 0 || n == HV_FILE_PATH_BYTES / 2)
		return hv_fail_os(err, HV_E_OS, n > 0 ? ENAMETOOLONG : errno,
				  "find my own directory");
	bin[n] = '\0';
	*strrchr(bin, '/') = '\0';
	return HV_OK;
}

void agent_export_url(const char *state, char url[AGENT_URL_BYTES])
{
	static_assert(AGENT_STATE_PATH_MAX + 32 < AGENT_URL_BYTES, "a path fits");
	(void)snprintf(url, AGENT_URL_BYTES, "ipc://%s/run/" AGENT_EXPORTER_NAME ".ipc",
		       state);
}

static const char *file_name(enum agent_kind kind, const char *name)
{
	if (kind == AGENT_HYPERVISOR)
		return "hypervisor";
	return kind == AGENT_EXPORTER ? AGENT_EXPORTER_NAME : name;
}

static enum hv_code name_path(const char *state, const char *directory,
			      enum agent_kind kind, const char *name, const char *ending,
			      char path[], struct hv_err *err)
{
	char file[HV_NAME_BYTES + 32];

	(void)snprintf(file, sizeof(file), "%s/%s%s.%s", directory,
		       kind == AGENT_PARTITION ? "lpar-" : "", file_name(kind, name),
		       ending);
	return hv_path_join(path, HV_FILE_PATH_BYTES, state, file, err);
}

enum hv_code agent_pid_path(const char *state, enum agent_kind kind, const char *name,
			    char path[], struct hv_err *err)
{
	return name_path(state, "run", kind, name, "pid", path, err);
}

enum hv_code agent_log_path(const char *state, enum agent_kind kind, const char *name,
			    char path[], struct hv_err *err)
{
	return name_path(state, "log", kind, name, "log", path, err);
}
