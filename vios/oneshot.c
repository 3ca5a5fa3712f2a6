/* oneshot - see oneshot.h. */
#include "vios/oneshot.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>

#include "hvcore/base/invariant.h"
#include "vios/format.h"

static volatile sig_atomic_t is_told_to_stop;

static void on_signal(int signal)
{
	(void)signal;
	is_told_to_stop = 1;
}

static bool is_canceled(void)
{
	return is_told_to_stop != 0;
}

static void on_progress(uint64_t done, uint64_t all)
{
	(void)fprintf(stderr, "tarn-vios: %" PRIu64 " of %" PRIu64 " MiB written\n",
		      done >> 20, all >> 20);
}

static enum hv_code run_format(const struct vios_config *config, struct hv_err *err)
{
	struct vios_format format = {
		.path = config->path,
		.bytes = config->bytes,
		.host_name = config->host_name,
		.owner_epoch = config->owner_epoch,
		.may_create = config->may_create,
		.on_progress = on_progress,
		.is_canceled = is_canceled,
	};

	for (unsigned i = 0; i < HV_PGDEV_ID_BYTES; i++) {
		format.id[i] = config->id[i];
		format.host[i] = config->host[i];
	}
	(void)signal(SIGINT, on_signal);
	(void)signal(SIGTERM, on_signal);
	return vios_format(&format, err);
}

static enum hv_code run(const struct vios_config *config, struct hv_err *err)
{
	switch (config->mode) {
	case VIOS_MODE_FORMAT:
		return run_format(config, err);
	case VIOS_MODE_WIPE:
		return vios_wipe(config->path, config->id, NULL, err);
	case VIOS_MODE_INSPECT:
		return vios_inspect(config->path, stdout, err);
	case VIOS_MODE_SERVE:
	case VIOS_MODE_EXPORT:
		break;
	}
	HV_UNREACHABLE("serving is no one-shot command");
}

int vios_oneshot_run(const struct vios_config *config)
{
	struct hv_err err;
	enum hv_code code = run(config, &err);

	if (code == HV_OK)
		return 0;
	(void)fprintf(stderr, "tarn-vios: %s\n", err.text);
	return 1;
}
