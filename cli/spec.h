/*
 * spec - the options that describe a partition (tarn lpar create, tarn place).
 *
 * Threads: one. Memory: the spec points into argv and into itself: it is not copied.
 */
#ifndef CLI_SPEC_H
#define CLI_SPEC_H

#include "cli/cli.h"
#include "hvcore/wire/guest_spec.h"
#include "hvcore/wire/io.h"

#define CLI_SPEC_ATTRIBUTES 9
#define CLI_SPEC_VALUE_BYTES 16

struct cli_spec {
	Tarn__LparCreate create;
	Tarn__LparSpec spec;
	Tarn__Workload workload;
	Tarn__VirtualDisk disks[HV_DISKS_MAX], *disk_list[HV_DISKS_MAX];
	Tarn__VirtualEthernet ethernets[HV_ETHERNETS_MAX],
		*ethernet_list[HV_ETHERNETS_MAX];
	Tarn__GuestSpec guest; /* with --guest or --program only, as are its disks */
	Tarn__GuestDisk guest_disks[HV_GUEST_DISKS_MAX],
		*guest_disk_list[HV_GUEST_DISKS_MAX];
	char guest_paths[HV_GUEST_DISKS_MAX][HV_GUEST_FILE_MAX + 1];
	char *guest_words[HV_GUEST_WORDS_MAX]; /* with --program, and their bytes */
	char guest_command[HV_GUEST_WORDS_BYTES];
	Tarn__LparProfile profile; /* with processors only, as are the rest */
	Tarn__LparAttribute attributes[CLI_SPEC_ATTRIBUTES];
	Tarn__LparAttribute *list[CLI_SPEC_ATTRIBUTES];
	char values[CLI_SPEC_ATTRIBUTES][CLI_SPEC_VALUE_BYTES];
};

/* INVAL is wrong usage: what no coordinator would take. */
HV_MUST_USE
enum hv_code cli_spec_take(struct cli *cli, struct cli_spec *spec, struct hv_err *err);

/* Prints where it goes or would go, and what each host says. */
HV_MUST_USE
enum hv_code cli_placement_show(struct cli *cli, const Tarn__PlacementReply *placement,
				struct hv_err *err);

/* Asks with dry_run set and prints; a partition that fits nowhere is a failure. */
HV_MUST_USE
enum hv_code cli_spec_try(struct cli *cli, struct cli_spec *spec, struct hv_err *err);

#endif
