/*
 * config - the command line of tarn-vios: serve, in one of two ways, or one of three
 * one-shot commands.
 *
 * Contract
 *   Threads  one.
 *   Memory   strings are those of argv; paths that are put together are the
 *            config's own.
 */
#ifndef VIOS_CONFIG_H
#define VIOS_CONFIG_H

#include "hvcore/wire/local.h"
#include "hvcore/wire/pgdev.h"

#include <limits.h>
#include <stdbool.h>

enum vios_mode {
	VIOS_MODE_SERVE,  /* a hypervisor of this host */
	VIOS_MODE_EXPORT, /* VIOS of other hosts */
	VIOS_MODE_FORMAT,
	VIOS_MODE_WIPE,
	VIOS_MODE_INSPECT
};

struct vios_config {
	enum vios_mode mode;
	bool is_check;
	const char *path; /* one-shot: the device */

	/* serve */
	const char *name;
	bool allow_drills;
	unsigned spin_us; /* vios/spin.h */
	char socket_path[HV_LOCAL_PATH_BYTES];
	char control_path[HV_LOCAL_PATH_BYTES];
	char pid_path[PATH_MAX];
	int pid_file_fd;        /* 0: pid_path */
	const char *export_url; /* export: where it listens */
	const char *remote_url; /* serve: who has the devices; NULL: this host */
	unsigned patience_ms;   /* with remote_url, as is the next */
	uint32_t cut_direction, cut_ms;

	/* format, wipe */
	uint64_t bytes;
	uint8_t id[HV_PGDEV_ID_BYTES];
	uint8_t host[HV_PGDEV_ID_BYTES]; /* and with remote_url */
	const char *host_name;
	uint64_t owner_epoch;
	bool may_create;
};

/* -1: go on with *config; else the exit code (help, wrong usage). */
HV_MUST_USE
int vios_config_parse(int argc, char **argv, struct vios_config *config);

#endif
