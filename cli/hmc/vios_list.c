/* vios_list - see vios_list.h. */
#include "cli/hmc/vios_list.h"

#include <inttypes.h>
#include <string.h>

#include "cli/figures.h"

#define PVID_BYTES 8

bool hmc_vios_sees(const struct hmc_vios *vios, const Tarn__DeviceView *device)
{
	const Tarn__HostRecord *host = vios->system->host->record;
	const char *only = device->record->device->vios;

	if (only != NULL)
		return vios->index < host->n_vios &&
		       strcmp(host->vios[vios->index]->name, only) == 0;
	return vios->index == 0 || device->redundant;
}

static const char *vios_name(const struct hmc_vios *vios)
{
	return vios->system->host->record->vios[vios->index]->name;
}

static void put(char text[HMC_VIOS_TEXT_BYTES], const char *value)
{
	(void)snprintf(text, HMC_VIOS_TEXT_BYTES, "%s", value);
}

static const Tarn__DesiredDevice *device_of(const struct hmc_vios_thing *thing)
{
	return thing->device->record->device;
}

static void show_disk(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	put(text, device_of(thing)->name);
}

static void show_paging(const struct hmc_vios_thing *thing,
			char text[HMC_VIOS_TEXT_BYTES])
{
	(void)snprintf(text, HMC_VIOS_TEXT_BYTES, "vrmpage%u", thing->number);
}

static void show_virtual(const struct hmc_vios_thing *thing,
			 char text[HMC_VIOS_TEXT_BYTES])
{
	if (thing->device != NULL)
		show_paging(thing, text);
	else
		put(text, "vasi0");
}

/* The first half of the id that is in its header. */
static void show_pvid(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	const ProtobufCBinaryData *id = &device_of(thing)->id;

	text[0] = '\0';
	for (size_t i = 0; i < PVID_BYTES && i < id->len; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", id->data[i]);
}

static void show_stream(const struct hmc_vios_thing *thing,
			char text[HMC_VIOS_TEXT_BYTES])
{
	char pvid[HMC_VIOS_TEXT_BYTES];

	show_pvid(thing, pvid);
	(void)snprintf(text, HMC_VIOS_TEXT_BYTES, "0x%.*s", 2 * PVID_BYTES, pvid);
}

/* Of the whole device, its header included. */
uint64_t hmc_vios_size_mib(const Tarn__DeviceView *device)
{
	const Tarn__DeviceRecord *record = device->record;

	return (record->device->bytes != 0 ? record->device->bytes
					   : record->usable_bytes) /
	       HMC_MIB;
}

static void show_size(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	(void)snprintf(text, HMC_VIOS_TEXT_BYTES, "%" PRIu64,
		       hmc_vios_size_mib(thing->device));
}

static void show_none(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	(void)thing;
	put(text, "None");
}

static void show_empty(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	(void)thing;
	text[0] = '\0';
}

static bool is_there(const struct hmc_vios_thing *thing)
{
	return thing->device == NULL || strcmp(thing->device->state, "Active") == 0 ||
	       strcmp(thing->device->state, "Inactive") == 0;
}

static void show_available(const struct hmc_vios_thing *thing,
			   char text[HMC_VIOS_TEXT_BYTES])
{
	put(text, is_there(thing) ? "Available" : "Defined");
}

static void show_state(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	bool is_active = strcmp(thing->device->state, "Active") == 0;

	put(text, !is_there(thing) ? "defined" : is_active ? "active" : "inactive");
}

static void show_description(const struct hmc_vios_thing *thing,
			     char text[HMC_VIOS_TEXT_BYTES])
{
	put(text, thing->device == NULL ? "Virtual Asynchronous Services Interface (VASI)"
					: "Paging Device - Disk");
}

static void show_disk_kind(const struct hmc_vios_thing *thing,
			   char text[HMC_VIOS_TEXT_BYTES])
{
	put(text, strncmp(device_of(thing)->path, "/dev/", 5) == 0
			  ? "Block Device"
			  : "File-backed Device");
}

static void show_path(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	put(text, thing->device != NULL ? device_of(thing)->path : "");
}

static void show_redundancy(const struct hmc_vios_thing *thing,
			    char text[HMC_VIOS_TEXT_BYTES])
{
	put(text, thing->device->redundant ? "yes" : "no");
}

/* The partition that uses it, as a VIOS writes its id. */
static void show_client(const struct hmc_vios_thing *thing,
			char text[HMC_VIOS_TEXT_BYTES])
{
	const Tarn__StatusReply *status = thing->vios->system->status;
	const char *owner = thing->device->record->lpar;
	unsigned id = 0;

	for (size_t i = 0; owner != NULL && i < status->n_lpars; i++)
		if (strcmp(status->lpars[i]->record->spec->name, owner) == 0)
			id = status->lpars[i]->record->lpar_id;
	(void)snprintf(text, HMC_VIOS_TEXT_BYTES, "0x%08x", id);
}

static void show_pool(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	(void)thing;
	put(text, "0");
}

static void show_vasi(const struct hmc_vios_thing *thing, char text[HMC_VIOS_TEXT_BYTES])
{
	put(text, strcmp(thing->device->state, "Active") == 0 ? "vasi0" : "");
}

/* Partitions that ask this VIOS; of a device its owner. As many names as there is room. */
static void show_partitions(const struct hmc_vios_thing *thing,
			    char text[HMC_VIOS_TEXT_BYTES])
{
	const Tarn__StatusReply *status = thing->vios->system->status;
	const char *vios = vios_name(thing->vios);
	size_t at = 0;

	if (thing->device != NULL) {
		put(text, thing->device->record->lpar != NULL
				  ? thing->device->record->lpar
				  : "");
		return;
	}
	text[0] = '\0';
	for (size_t i = 0; i < status->n_lpars; i++) {
		const Tarn__LparView *lpar = status->lpars[i];
		const char *name = lpar->record->spec->name;

		if (lpar->stat == NULL || lpar->stat->current == NULL ||
		    strcmp(lpar->record->host, thing->vios->system->name) != 0 ||
		    strcmp(lpar->stat->current, vios) != 0 ||
		    at + strlen(name) + 2 > HMC_VIOS_TEXT_BYTES)
			continue;
		at += (size_t)snprintf(text + at, HMC_VIOS_TEXT_BYTES - at, "%s%s",
				       at > 0 ? "," : "", name);
	}
}

/* Of its present incarnation. */
static void show_requests(const struct hmc_vios_thing *thing,
			  char text[HMC_VIOS_TEXT_BYTES])
{
	const Tarn__ViosStat *stat = cli_find_vios(thing->vios->system->host,
						   vios_name(thing->vios));

	text[0] = '\0';
	if (thing->device == NULL && stat != NULL)
		(void)snprintf(text, HMC_VIOS_TEXT_BYTES, "%" PRIu64,
			       stat->reads + stat->writes);
}

/* clang-format off */
const struct hmc_vios_column hmc_vios_disk_columns[] = { /* lsdev */
	{ "name",        "name",        17, show_disk, false },
	{ "status",      "status",      12, show_available, false },
	{ "description", "description", 0,  show_disk_kind, false },
	{ "physloc",     "physloc",     0,  show_path, true },
	{ 0 },
};
const struct hmc_vios_column hmc_vios_virtual_columns[] = { /* lsdev -virtual */
	{ "name",        "name",        17, show_virtual, false },
	{ "status",      "status",      12, show_available, false },
	{ "description", "description", 0,  show_description, false },
	{ "physloc",     "physloc",     0,  show_path, true },
	{ "partitions",  "partitions",  17, show_partitions, true },
	{ "requests",    "requests",    12, show_requests, true },
	{ 0 },
};
const struct hmc_vios_column hmc_vios_volume_columns[] = { /* lspv */
	{ "pvname", "NAME",   17, show_disk, false },
	{ "pvid",   "PVID",   37, show_pvid, false },
	{ "vgname", "VG",     17, show_none, false },
	{ "pvstate", "STATUS", 0, show_empty, false },
	{ 0 },
};
const struct hmc_vios_column hmc_vios_size_columns[] = { /* lspv -size, -free, -avail */
	{ "name", "NAME",            16, show_disk, false },
	{ "pvid", "PVID",            36, show_pvid, false },
	{ "size", "SIZE(megabytes)", 0,  show_size, false },
	{ 0 },
};
const struct hmc_vios_column hmc_vios_paging_columns[] = { /* lsmap -ams */
	{ "paging",     "Paging",         0, show_paging, false },
	{ "streamid",   "StreamID",       0, show_stream, false },
	{ "clientid",   "Client ID",      0, show_client, false },
	{ "status",     "Status",         0, show_state, false },
	{ "redundancy", "Redundancy",     0, show_redundancy, false },
	{ "backing",    "Backing device", 0, show_disk, false },
	{ "poolid",     "Pool ID",        0, show_pool, false },
	{ "vasi",       "Vasi",           0, show_vasi, false },
	{ "pager",      "Pager",          0, show_empty, false },
	{ "vbsd",       "VBSD",           0, show_empty, false },
	{ 0 },
};
/* clang-format on */

bool hmc_vios_is_called(const struct hmc_vios_thing *thing, const char *name)
{
	char text[HMC_VIOS_TEXT_BYTES];

	show_paging(thing, text);
	return strcmp(text, name) == 0 || strcmp(device_of(thing)->name, name) == 0;
}

void hmc_vios_print_head(const struct hmc_vios_view *view, FILE *out)
{
	for (unsigned i = 0; i < view->count; i++)
		(void)fprintf(out, "%-*s",
			      i + 1 < view->count ? view->fields[i]->width : 0,
			      view->fields[i]->title);
	(void)fputc('\n', out);
}

void hmc_vios_print(const struct hmc_vios_view *view, const struct hmc_vios_thing *thing,
		    FILE *out)
{
	char text[HMC_VIOS_TEXT_BYTES];

	for (unsigned i = 0; i < view->count; i++) {
		const struct hmc_vios_column *column = view->fields[i];
		bool is_last = i + 1 == view->count;

		column->show(thing, text);
		if (view->delimiter != NULL)
			(void)fprintf(out, "%s%s", text, is_last ? "" : view->delimiter);
		else if (view->is_block)
			(void)fprintf(out, "%-22s%s\n", column->title, text);
		else
			(void)fprintf(out, "%-*s", is_last ? 0 : column->width, text);
	}
	(void)fputc('\n', out);
}
