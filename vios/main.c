/*
 * tarn-vios - a paging VIOS: serves a hypervisor's pages from paging devices, for one
 * session; or exports its devices to VIOS of other hosts; or makes, gives up or inspects a paging device. See README.md.
 */
#include <string.h>

#include "hvcore/base/log.h"
#include "hvcore/base/pidfile.h"
#include "vios/config.h"
#include "vios/export.h"
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
		.spin_us = config->spin_us,
		.remote_url = config->remote_url,
		.patience_ms = config->patience_ms,
		.cut_direction = config->cut_direction,
		.cut_ms = config->cut_ms,
	};
	struct vios_session *session;
	enum hv_code code;

	memcpy(session_config.host, config->host, sizeof(session_config.host));
	code = vios_session_open(&session_config, &session, err);
	if (code != HV_OK)
		return code;
	log_info("vios.started", "socket=%s drills=%d", config->socket_path,
		 config->allow_drills);
	code = vios_session_run(session, err);
	vios_session_close(session);
	return code;
}

static enum hv_code serve_others(const struct vios_config *config, struct hv_err *err)
{
	const struct vios_export_config export_config = {
		.url = config->export_url,
		.control_path = config->control_path,
		.name = config->name,
		.allow_drills = config->allow_drills,
	};
	struct vios_export *export;
	enum hv_code code = vios_export_open(&export_config, &export, err);

	if (code != HV_OK)
		return code;
	log_info("vios.exporting", "url=%s drills=%d", config->export_url,
		 config->allow_drills);
	code = vios_export_run(export, err);
	vios_export_close(export);
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
	code = config->mode == VIOS_MODE_EXPORT ? serve_others(config, &err)
						: serve_session(config, &err);
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
	if (config.mode == VIOS_MODE_SERVE || config.mode == VIOS_MODE_EXPORT)
		return serve(&config);
	return vios_oneshot_run(&config);
}
