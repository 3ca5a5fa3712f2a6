/*
 * vios_list - what a VIOS knows of its paging devices, in columns: as disks, as volumes,
 * and as what is mapped to partitions.
 *
 * Threads: one. Memory: all is lent; the tables are constant.
 */
#ifndef CLI_HMC_VIOS_LIST_H
#define CLI_HMC_VIOS_LIST_H

#include "cli/hmc/system.h"

#define HMC_VIOS_TEXT_BYTES 576 /* a path and more */
#define HMC_VIOS_FIELDS_MAX 32  /* arbitrary */

struct hmc_vios {
	const struct hmc_system *system;
	size_t index; /* in the host's list */
	FILE *out;
};

/* Something that is listed: a paging device, as a disk or as what is behind it. */
struct hmc_vios_thing {
	const struct hmc_vios *vios;
	const Tarn__DeviceView *device; /* NULL: the VASI adapter */
	unsigned number;                /* of the device, from 0 */
};

/* A field of a list; width 0: the last one. */
struct hmc_vios_column {
	const char *name, *title;
	int width;
	void (*show)(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES]);
	bool is_on_request; /* only where -field names it */
};

/* How a list is printed: which fields, and by what they are divided. */
struct hmc_vios_view {
	const struct hmc_vios_column *columns; /* ends with name NULL */
	unsigned count;
	const struct hmc_vios_column *fields[HMC_VIOS_FIELDS_MAX];
	const char *delimiter; /* NULL: a table with a head */
	bool is_block;         /* a line a field, as lsmap prints */
};

/* Each ends with name NULL. */
extern const struct hmc_vios_column hmc_vios_disk_columns[];    /* lsdev */
extern const struct hmc_vios_column hmc_vios_virtual_columns[]; /* lsdev -virtual */
extern const struct hmc_vios_column hmc_vios_volume_columns[];  /* lspv */
extern const struct hmc_vios_column hmc_vios_size_columns[];    /* lspv -size, -free */
extern const struct hmc_vios_column hmc_vios_paging_columns[];  /* lsmap -ams */

/* Does it see the device? The second of a pair sees what both of them reach. */
bool hmc_vios_sees(const struct hmc_vios *vios, const Tarn__DeviceView *device);
/* Is it called so, by its own name or by that of its mapping? */
bool hmc_vios_is_called(const struct hmc_vios_thing *thing, const char *name);
/* Of the whole device, its header included. */
uint64_t hmc_vios_size_mib(const Tarn__DeviceView *device);

void hmc_vios_print_head(const struct hmc_vios_view *view, FILE *out);
void hmc_vios_print(const struct hmc_vios_view *view, const struct hmc_vios_thing *thing,
		    FILE *out);

#endif
