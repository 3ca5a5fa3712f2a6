/*
 * tarn-vios - a paging VIOS: serves a hypervisor's pages from paging devices, for one
 * session; or makes, gives up or inspects a paging device. See README.md.
 */
#include "hvcore/base/log.h"
#include "hvcore/base/pidfile.h"
#include "vios/config.h"
#include "vios/oneshot.h"
#include "vios/process.h"
#include "vios/session.h"

static enum hv_code serve_session(const struct vios_config *config, struct hv_err *err)
{
	struct vios_session_config session_config = {
		.socket_path = config->socket_path,
		.control_path = config->control_path,
		.name = config->name,
		.allow_drills = config->allow_drills,
	};
	struct vios_session *session;
	enum hv_code code = vios_session_open(&session_config, &session, err);

	if (code != HV_OK)
		return code;
	log_info("vios.started", "socket=%s drills=%d", config->socket_path,
		 config->allow_drills);
	code = vios_session_run(session, err);
	vios_session_close(session);
	return code;
}

static int serve(const struct vios_config *config)
{
	struct hv_err err;
	enum hv_code code;
	int pidfile;

	hv_log_open(config->name, HV_LOG_INFO);
	code = hv_pidfile_take_either(config->pid_file_fd, config->pid_path, &pidfile,
				      &err);
	if (code != HV_OK) {
		log_error("vios.not_started", "why=\"%s\"", err.text);
		return 1;
	}
	vios_process_harden();
	code = serve_session(config, &err);
	if (code != HV_OK)
		log_error("vios.failed", "why=\"%s\"", err.text);
	hv_pidfile_give(pidfile);
	return code == HV_OK ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct vios_config config;
	int rv = vios_config_parse(argc, argv, &config);

	if (rv >= 0)
		return rv;
	if (config.is_check)
		return 0;
	return config.mode == VIOS_MODE_SERVE ? serve(&config)
					      : vios_oneshot_run(&config);
}
