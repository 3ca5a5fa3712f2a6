/*
 * tarn-hypervisor: the memory of a host. No network, no configuration files; the
 * agent starts it, tells it what to do over run/hv.ipc, and may die and come back.
 */
#include <stdlib.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "hvcore/base/log.h"
#include "hvcore/base/pidfile.h"
#include "hvcore/hypervisor/config.h"
#include "hvcore/hypervisor/hypervisor.h"
#include "hvcore/hypervisor/privilege.h"
#include "hvcore/mem/pool.h"

static void on_terminate(void *arg, int signal)
{
	log_info("hypervisor.terminate", "signal=%d", signal);
	hv_loop_stop(arg);
}

static enum hv_code serve(const struct hypervisor_options *options, struct hv_err *err)
{
	const char *state = options->config.state_dir;
	struct hypervisor *hypervisor = NULL;
	struct hv_loop *loop = NULL;
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code;
	int lock = -1;

	code = hv_path_join(path, sizeof(path), state, "run/hypervisor.pid", err);
	if (code == HV_OK)
		code = hv_pidfile_take_either(options->pid_file_fd, path, &lock, err);
	if (code == HV_OK)
		code = hv_pool_namespace_enter(err);
	if (code == HV_OK)
		code = privilege_keep_what_is_needed(err);
	if (code == HV_OK)
		code = hv_loop_open(&loop, err);
	if (code == HV_OK)
		code = hv_loop_on_terminate(loop, on_terminate, loop, err);
	if (code == HV_OK)
		code = hypervisor_open(loop, &options->config, &hypervisor, err);
	if (code == HV_OK) {
		log_info("hypervisor.started", "pid=%d state=%s", getpid(), state);
		hv_loop_run(loop);
	}
	if (!hypervisor_close(hypervisor)) {
		hv_pidfile_give(lock);
		_exit(code == HV_OK ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	hv_loop_close(loop);
	hv_pidfile_give(lock);
	return code;
}

int main(int argc, char **argv)
{
	struct hypervisor_options options;
	struct hv_err err = { 0 };
	int rc = hypervisor_options_parse(argc, argv, &options);

	if (rc >= 0)
		return rc;
	hv_log_open("hypervisor", HV_LOG_INFO);
	if (serve(&options, &err) == HV_OK)
		return EXIT_SUCCESS;
	log_error("hypervisor.failed", "error=\"%s\"", err.text);
	return EXIT_FAILURE;
}
