/*
 * config - what tarn-hypervisor was started with.
 *
 * Contract
 *   Memory   strings are argv's.
 */
#ifndef HVCORE_HYPERVISOR_CONFIG_H
#define HVCORE_HYPERVISOR_CONFIG_H

#include "hvcore/hypervisor/hypervisor.h"

struct hypervisor_options {
	struct hypervisor_config config;
	int pid_file_fd; /* inherited; 0 = it opens its pid file itself */
};

/* -1: go on; else the exit status, and what there was to say has been said. */
int hypervisor_options_parse(int argc, char **argv,
			     struct hypervisor_options *ret_options);

#endif
