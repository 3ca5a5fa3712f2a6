/* config - see config.h. */
#include "vios/config.h"

#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "hvcore/base/option.h"
#include "hvcore/loop/rpc.h"
#include "hvcore/wire/injection.h"
#include "vios/header.h"

#define PROGRAM "tarn-vios"
#define EXIT_USAGE 2
#define URL_MAX 200         /* a socket path has 107 bytes */
#define STATE_PATH_MAX 4000 /* leaves room for the names below it in PATH_MAX */

struct raw {
	const char *state, *name;
	uint64_t pid_file_fd;
	bool allow_drills;
	uint64_t spin_us;
	const char *serve, *remote;
	uint64_t patience_ms;
	uint64_t cut_direction, cut_ms;
	const char *format, *wipe, *inspect;
	uint64_t bytes;
	const char *id, *host_id, *host_name;
	uint64_t owner_epoch;
	bool create;
};

#define AT(member) offsetof(struct raw, member)
#define SPIN_US_MAX 1000
#define FD_MIN 3 /* those below are not inherited on purpose */
#define ID_DIGITS (2 * HV_PGDEV_ID_BYTES)

// clang-format off
static const struct hv_option options[] = {
	{ "state", HV_OPTION_STRING, "DIR", hv_option_absent, 1, STATE_PATH_MAX, AT(state), NULL,
	  "serve: the host's state directory" },
	{ "name", HV_OPTION_NAME, "NAME", hv_option_absent, 0, 0, AT(name), NULL,
	  "serve: which paging VIOS this is" },
	{ "pid-file-fd", HV_OPTION_U64, "FD", hv_option_absent, FD_MIN, INT_MAX, AT(pid_file_fd), NULL,
	  "serve: its pid file, inherited, open for writing; absent: it opens it itself" },
	{ "allow-drills", HV_OPTION_FLAG, NULL, NULL, 0, 0, AT(allow_drills), NULL,
	  "serve: faults may be injected into its device I/O (tarn vios inject)" },
	{ "spin-us", HV_OPTION_U64, "US", "100", 0, SPIN_US_MAX, AT(spin_us), NULL,
	  "serve: so long a page is waited for awake, where nobody else wants the processor" },
	{ "remote", HV_OPTION_STRING, "URL", hv_option_absent, 1, URL_MAX, AT(remote), NULL,
	  "serve: devices are those of the VIOS that exports them there; needs --host-id" },
	{ "patience-ms", HV_OPTION_U64, "MS", "500", 50, 60000, AT(patience_ms), NULL,
	  "remote: silence over there that ends this VIOS" },
	{ "cut", HV_OPTION_U64, "BITS", "0", 0, HV_INJECTION_BOTH_WAYS, AT(cut_direction), NULL,
	  "remote, drills: a cut of the link goes on: 1 there, 2 back, 3 both ways" },
	{ "cut-ms", HV_OPTION_U64, "MS", "0", 0, HV_INJECTION_TIME_MAX_MS, AT(cut_ms), NULL,
	  "remote, drills: for so long" },
	{ "serve", HV_OPTION_STRING, "URL", hv_option_absent, 1, URL_MAX, AT(serve), NULL,
	  "export devices of this host, to VIOS started with --remote URL" },
	{ "format", HV_OPTION_STRING, "PATH", hv_option_absent, 1, PATH_MAX - 1, AT(format), NULL,
	  "make a file or block device a paging device" },
	{ "bytes", HV_OPTION_SIZE, "SIZE", hv_option_absent, 0, 0, AT(bytes), NULL,
	  "format: raw size; absent: as it is" },
	{ "id", HV_OPTION_HEX, "HEX", hv_option_absent, ID_DIGITS, ID_DIGITS, AT(id), NULL,
	  "format, wipe: id of the device" },
	{ "host-id", HV_OPTION_HEX, "HEX", hv_option_absent, ID_DIGITS, ID_DIGITS, AT(host_id), NULL,
	  "format: id of the owning host; remote: of this one" },
	{ "host-name", HV_OPTION_NAME, "NAME", hv_option_absent, 0, 0, AT(host_name), NULL,
	  "format: name of the owning host" },
	{ "owner-epoch", HV_OPTION_U64, "E", hv_option_absent, 0, 0, AT(owner_epoch), NULL,
	  "format: grows with each change of owner" },
	{ "create", HV_OPTION_FLAG, NULL, NULL, 0, 0, AT(create), NULL,
	  "format: make the file where there is none" },
	{ "wipe", HV_OPTION_STRING, "PATH", hv_option_absent, 1, PATH_MAX - 1, AT(wipe), NULL,
	  "give a paging device up" },
	{ "inspect", HV_OPTION_STRING, "PATH", hv_option_absent, 1, PATH_MAX - 1, AT(inspect), NULL,
	  "print what a paging device says of itself" },
};
// clang-format on

static const struct hv_option_table table = {
	.program = PROGRAM,
	.summary = "serve the pages of a host from its paging devices",
	.options = options,
	.count = HV_COUNT(options),
};

static int usage(const char *sentence)
{
	(void)fprintf(stderr, PROGRAM ": %s\n", sentence);
	return EXIT_USAGE;
}

static int usage_err(const struct hv_err *err)
{
	return usage(err->text);
}

static int take_id(const char *text, uint8_t ret_id[HV_PGDEV_ID_BYTES])
{
	struct hv_err err;

	return vios_id_parse(text, ret_id, &err) == HV_OK ? -1 : usage_err(&err);
}

/* Where pages may go to: the same rule as for all other connections. */
static int take_url(const char *url)
{
	struct hv_err err;

	return url == NULL || hv_rpc_url_check(url, &err) == HV_OK ? -1 : usage_err(&err);
}

static int take_remote(const struct raw *raw, struct vios_config *config)
{
	int rv = take_url(raw->serve);

	if (rv < 0)
		rv = take_url(raw->remote);
	if (rv >= 0)
		return rv;
	if (raw->serve != NULL && raw->remote != NULL)
		return usage("--serve and --remote exclude each other");
	config->mode = raw->serve != NULL ? VIOS_MODE_EXPORT : VIOS_MODE_SERVE;
	config->export_url = raw->serve;
	config->remote_url = raw->remote;
	config->patience_ms = (unsigned)raw->patience_ms;
	config->cut_direction = (uint32_t)raw->cut_direction;
	config->cut_ms = (uint32_t)raw->cut_ms;
	if ((raw->cut_direction != 0 || raw->cut_ms != 0) &&
	    (raw->cut_direction == 0 || raw->cut_ms == 0 || !raw->allow_drills ||
	     raw->remote == NULL))
		return usage("--cut and --cut-ms go together, with --remote and "
			     "--allow-drills");
	if (raw->remote == NULL)
		return -1;
	if (raw->host_id == NULL)
		return usage("--remote needs --host-id");
	return take_id(raw->host_id, config->host);
}

static int take_serve(const struct raw *raw, struct vios_config *config)
{
	int n = take_remote(raw, config);

	if (n >= 0)
		return n;
	if (raw->state == NULL || raw->name == NULL)
		return usage("--state and --name are needed (see --help)");
	config->name = raw->name;
	config->allow_drills = raw->allow_drills;
	config->spin_us = (unsigned)raw->spin_us;
	config->pid_file_fd = (int)raw->pid_file_fd;
	n = snprintf(config->socket_path, sizeof(config->socket_path), "%s/run/vasi.sock",
		     raw->state);
	if (n >= (int)sizeof(config->socket_path) ||
	    !hv_inject_path(config->control_path, raw->state, raw->name))
		return usage("--state is too long for the path of a socket below it");
	(void)snprintf(config->pid_path, sizeof(config->pid_path), "%s/run/%s.pid",
		       raw->state, raw->name);
	return -1;
}

static int take_format(const struct raw *raw, struct vios_config *config)
{
	int rv;

	if (raw->id == NULL || raw->host_id == NULL || raw->host_name == NULL ||
	    raw->owner_epoch == 0)
		return usage("--format needs --id, --host-id, --host-name and "
			     "--owner-epoch");
	config->mode = VIOS_MODE_FORMAT;
	config->path = raw->format;
	config->bytes = raw->bytes;
	config->host_name = raw->host_name;
	config->owner_epoch = raw->owner_epoch;
	config->may_create = raw->create;
	rv = take_id(raw->id, config->id);
	return rv >= 0 ? rv : take_id(raw->host_id, config->host);
}

static int take_wipe(const struct raw *raw, struct vios_config *config)
{
	if (raw->id == NULL)
		return usage("--wipe needs --id");
	config->mode = VIOS_MODE_WIPE;
	config->path = raw->wipe;
	return take_id(raw->id, config->id);
}

int vios_config_parse(int argc, char **argv, struct vios_config *config)
{
	struct hv_option_result result;
	struct raw raw = { 0 };
	unsigned commands;
	int rv = hv_option_main(&table, argc, argv, &raw, &result);

	if (rv >= 0)
		return rv;
	*config = (struct vios_config){ .is_check = result.is_check };
	commands = (raw.format != NULL) + (raw.wipe != NULL) + (raw.inspect != NULL);
	if (commands > 1 || (commands == 1 && raw.state != NULL))
		return usage(
			"--format, --wipe, --inspect and --state exclude each other");
	if (raw.format != NULL)
		return take_format(&raw, config);
	if (raw.wipe != NULL)
		return take_wipe(&raw, config);
	if (raw.inspect == NULL)
		return take_serve(&raw, config);
	config->mode = VIOS_MODE_INSPECT;
	config->path = raw.inspect;
	return -1;
}
