/* tarn-hypervisor: the memory of a host. No network, no configuration files; the
 * agent starts it, tells it what to do over run/hv.ipc, and may die and come back. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hvcore/base/file.h"
#include "hvcore/base/log.h"
#include "hvcore/base/option.h"
#include "hvcore/base/pidfile.h"
#include "hvcore/hypervisor/hypervisor.h"
#include "hvcore/hypervisor/privilege.h"
#include "hvcore/mem/lmb.h"
#include "hvcore/mem/pool.h"
#include "hvcore/wire/session.h"

struct options {
	const char *state;
	uint64_t memory, lmb, hang_ms, fault_threads, pid_file_fd;
};

/* clang-format off */
static const struct hv_option options[] = {
	{ "state", HV_OPTION_PATH, "DIR", NULL, 1, 64, offsetof(struct options, state), NULL,
	  "state directory of the host" },
	{ "memory", HV_OPTION_SIZE, "SIZE", NULL, 2 * HV_LMB_BYTES_MIN, 0,
	  offsetof(struct options, memory), NULL, "memory the host owns" },
	{ "lmb", HV_OPTION_SIZE, "SIZE", "16M", HV_LMB_BYTES_MIN, HV_LMB_BYTES_MAX,
	  offsetof(struct options, lmb), NULL, "memory block: 16M, 32M, 64M, 128M or 256M" },
	{ "hang-ms", HV_OPTION_U64, "MS", "500", 50, 60000, offsetof(struct options, hang_ms),
	  NULL, "silence of a VIOS that counts as a hang" },
	{ "fault-threads", HV_OPTION_U64, "N", "0", 0, HV_LANES_MAX,
	  offsetof(struct options, fault_threads), NULL, "0: one for each processor" },
	{ "pid-file-fd", HV_OPTION_U64, "FD", hv_option_absent, 3, INT_MAX,
	  offsetof(struct options, pid_file_fd), NULL, "its pid file, inherited, open for writing" },
};
static const struct hv_option_table table = { "tarn-hypervisor",
	"the memory of a Tarn host", NULL, options, HV_COUNT(options) };
/* clang-format on */

static void on_terminate(void *arg, int signal)
{
	log_info("hypervisor.terminate", "signal=%d", signal);
	hv_loop_stop(arg);
}

static enum hv_code serve(const struct options *o, struct hv_err *err)
{
	struct hypervisor_config config = { .state_dir = o->state,
					    .memory_bytes = o->memory,
					    .lmb_bytes = o->lmb,
					    .hang_ms = (unsigned)o->hang_ms,
					    .fault_threads = (unsigned)o->fault_threads };
	struct hypervisor *hypervisor = NULL;
	struct hv_loop *loop = NULL;
	char path[HV_FILE_PATH_BYTES];
	int lock = -1;
	enum hv_code code = hv_path_join(path, sizeof(path), o->state,
					 "run/hypervisor.pid", err);

	if (code == HV_OK)
		code = hv_pidfile_take_either((int)o->pid_file_fd, path, &lock, err);
	if (code == HV_OK)
		code = hv_pool_namespace_enter(err);
	if (code == HV_OK)
		code = privilege_keep_what_is_needed(err);
	if (code == HV_OK)
		code = hv_loop_open(&loop, err);
	if (code == HV_OK)
		code = hv_loop_on_terminate(loop, on_terminate, loop, err);
	if (code == HV_OK)
		code = hypervisor_open(loop, &config, &hypervisor, err);
	if (code == HV_OK) {
		log_info("hypervisor.started", "pid=%d state=%s", getpid(), o->state);
		hv_loop_run(loop);
	}
	hypervisor_close(hypervisor);
	hv_loop_close(loop);
	hv_pidfile_give(lock);
	return code;
}

int main(int argc, char **argv)
{
	struct hv_option_result result;
	struct options o = { 0 };
	struct hv_err err = { 0 };
	int rc = hv_option_main(&table, argc, argv, &o, &result);

	if (rc >= 0 || result.is_check)
		return rc >= 0 ? rc : EXIT_SUCCESS;
	hv_log_open("hypervisor", HV_LOG_INFO);
	rc = serve(&o, &err) == HV_OK ? EXIT_SUCCESS : EXIT_FAILURE;
	if (rc != EXIT_SUCCESS)
		log_error("hypervisor.failed", "error=\"%s\"", err.text);
	return rc;
}
