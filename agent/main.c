/* tarn-agent - service processor of a host. See README.md. */
#include <signal.h>
#include <stdlib.h>

#include "agent/agent.h"
#include "agent/child.h"
#include "agent/stop.h"
#include "hvcore/base/file.h"
#include "hvcore/base/log.h"
#include "hvcore/base/pidfile.h"

static void on_terminate(void *arg, int signal)
{
	log_info("agent.stopping", "signal=%d", signal);
	hv_loop_stop(arg);
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

static enum hv_code serve(struct agent_options *options, struct hv_err *err)
{
	char bin[HV_FILE_PATH_BYTES];
	struct hv_loop *loop = NULL;
	struct agent *agent = NULL;
	enum hv_code code = agent_options_bin(options, bin, err);

	if (code == HV_OK)
		code = lock_host(options, &options->pid_file, err);
	child_set_oom_score(CHILD_OOM_SERVICE);
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
	hv_pidfile_give(options->pid_file);
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
	(void)signal(SIGPIPE, SIG_IGN); /* whoever read our log may end before us */
	code = options.stop ? agent_stop(options.state, &err) : serve(&options, &err);
	if (code == HV_OK)
		return EXIT_SUCCESS;
	log_error("agent.failed", "error=\"%s\"", hv_err_text(&err));
	return EXIT_FAILURE;
}
