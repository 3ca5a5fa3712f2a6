/* tarn-coordinator - keeps the cluster's state, places, rehearses. See README.md. */
#include "coordinator/api/server.h"
#include "coordinator/store/store.h"
#include "hvcore/base/log.h"
#include "hvcore/base/option.h"
#include "hvcore/base/pidfile.h"

struct config {
	const char *state;
	const char *listen;
	const char *profiles;
	const char *pid_file;
	char *const *arguments;
};

// clang-format off
static const struct hv_option options[] = {
	{ "state", HV_OPTION_STRING, "DIR", NULL, 1, 400, offsetof(struct config, state), NULL,
	  "state directory, made where it is missing" },
	{ "listen", HV_OPTION_STRING, "URL", NULL, 1, 200, offsetof(struct config, listen), NULL,
	  "tcp://127.0.0.1:PORT or ipc:///PATH, for people and agents" },
	{ "profiles", HV_OPTION_STRING, "DIR", hv_option_absent, 1, 400,
	  offsetof(struct config, profiles), NULL,
	  "platform profiles, NAME.profile each; without it hosts have none" },
	{ "pid-file", HV_OPTION_STRING, "FILE", hv_option_absent, 1, 400,
	  offsetof(struct config, pid_file), NULL, "says who runs, also after a drill" },
};
// clang-format on

static const struct hv_option_table table = {
	.program = "tarn-coordinator",
	.summary = "keep a Tarn cluster's state, place its partitions, rehearse failures",
	.options = options,
	.count = HV_COUNT(options),
};

static void on_terminate(void *arg, int signal)
{
	log_info("coordinator.stopping", "signal=%d", signal);
	hv_loop_stop(arg);
}

static enum hv_code serve(struct hv_loop *loop, const struct config *config, int pid_file,
			  struct store *store, struct hv_err *err)
{
	struct server_config server_config = { config->listen, config->profiles,
					       config->arguments, pid_file,
					       store_journal(store) };
	struct server *server;
	enum hv_code code = hv_loop_on_terminate(loop, on_terminate, loop, err);

	if (code == HV_OK)
		code = server_open(loop, &server_config, &server, err);
	if (code != HV_OK)
		return code;
	hv_loop_run(loop);
	server_close(server);
	return HV_OK;
}

static enum hv_code run(const struct config *config, struct hv_err *err)
{
	struct store_config store_config = { .directory = config->state };
	struct hv_loop *loop;
	struct store *store;
	int lock = -1;
	enum hv_code code = store_open(&store_config, &store, err);

	if (code != HV_OK)
		return code;
	if (config->pid_file != NULL)
		code = hv_pidfile_take(config->pid_file, &lock, err);
	if (code == HV_OK)
		code = hv_loop_open(&loop, err);
	if (code == HV_OK) {
		code = serve(loop, config, lock, store, err);
		hv_loop_close(loop);
	}
	hv_pidfile_give(lock);
	store_close(store);
	return code;
}

int main(int argc, char **argv)
{
	struct hv_option_result result;
	struct config config = { .arguments = argv };
	struct hv_err err = { 0 };
	int rv = hv_option_main(&table, argc, argv, &config, &result);
	enum hv_code code;

	if (rv >= 0)
		return rv;
	hv_log_open("coordinator", HV_LOG_INFO);
	code = result.is_check ? store_check(config.state, &err) : run(&config, &err);
	if (code != HV_OK)
		log_error("coordinator.failed", "reason=\"%s\"", hv_err_text(&err));
	return code == HV_OK ? 0 : 1;
}
