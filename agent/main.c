/* tarn-agent - service processor of a host. See README.md. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/stop.h"
#include "hvcore/base/file.h"
#include "hvcore/base/log.h"
#include "hvcore/base/pidfile.h"

static void on_terminate(void *arg, int signal)
{
	log_info("agent.stopping", "signal=%d", signal);
	hv_loop_stop(arg);
}

/* The directory of this program, where the others are unless --bin says so. */
static enum hv_code find_bin(const struct agent_options *options,
			     char bin[HV_FILE_PATH_BYTES], struct hv_err *err)
{
	ssize_t n;

	if (options->bin != NULL) {
		(void)snprintf(bin, HV_FILE_PATH_BYTES, "%s", options->bin);
		return HV_OK;
	}
	n = readlink("/proc/self/exe", bin, HV_FILE_PATH_BYTES / 2);
	if (n <= 0)
		return hv_fail_os(err, HV_E_OS, errno, "find my own directory");
	bin[n] = '\0';
	*strrchr(bin, '/') = '\0';
	return HV_OK;
}

/* The state directory and run/ are made before the lock can be taken there. */
static enum hv_code lock_host(const struct agent_options *options, int *ret_lock,
			      struct hv_err *err)
{
	char path[HV_FILE_PATH_BYTES];
	enum hv_code code = hv_state_open(options->state, "host", AGENT_STATE_VERSION,
					  err);

	if (code == HV_OK)
		code = hv_path_join(path, sizeof(path), options->state, "run", err);
	if (code == HV_OK)
		code = hv_directory_make(path, err);
	if (code == HV_OK)
		code = hv_path_join(path, sizeof(path), options->state, "run/agent.pid",
				    err);
	return code == HV_OK ? hv_pidfile_take(path, ret_lock, err) : code;
}

static enum hv_code serve(const struct agent_options *options, struct hv_err *err)
{
	char bin[HV_FILE_PATH_BYTES];
	struct hv_loop *loop = NULL;
	struct agent *agent = NULL;
	int lock = -1;
	enum hv_code code = find_bin(options, bin, err);

	if (code == HV_OK)
		code = lock_host(options, &lock, err);
	if (code == HV_OK)
		code = hv_loop_open(&loop, err);
	if (code == HV_OK)
		code = hv_loop_on_terminate(loop, on_terminate, loop, err);
	if (code == HV_OK)
		code = agent_open(loop, options, bin, &agent, err);
	if (code == HV_OK)
		hv_loop_run(loop);
	agent_close(agent);
	hv_loop_close(loop);
	hv_pidfile_give(lock);
	return code;
}

int main(int argc, char **argv)
{
	struct agent_options options = { 0 };
	struct hv_err err = { 0 };
	int rv = agent_options_parse(argc, argv, &options);
	enum hv_code code;

	if (rv >= 0 || options.is_check)
		return rv >= 0 ? rv : EXIT_SUCCESS;
	hv_log_open("agent", HV_LOG_INFO);
	code = options.stop ? agent_stop(options.state, &err) : serve(&options, &err);
	if (code == HV_OK)
		return EXIT_SUCCESS;
	log_error("agent.failed", "error=\"%s\"", hv_err_text(&err));
	return EXIT_FAILURE;
}
