/* figures - see figures.h. */
#include "cli/figures.h"

#include <stdio.h>
#include <string.h>

#include "hvcore/base/units.h"

void cli_hist_load(struct hv_hist *hist, const Tarn__Histogram *from)
{
	uint64_t count = 0;

	hv_hist_clear(hist);
	if (from == NULL)
		return;
	for (size_t i = 0; i < from->n_buckets && i < HV_HIST_BUCKETS; i++) {
		hist->bucket[i] = from->buckets[i];
		count += from->buckets[i];
	}
	hist->count = count;
	hist->sum_ns = from->has_sum_ns ? from->sum_ns : 0;
	hist->max_ns = from->has_max_ns ? from->max_ns : 0;
}

double cli_hist_us(const struct hv_hist *hist, double fraction)
{
	uint64_t ns = hv_hist_quantile_ns(hist, fraction), max = hv_hist_max_ns(hist);

	/* the top of a bucket may be above the greatest value in it */
	return (double)(max > 0 && ns > max ? max : ns) / 1e3;
}

const char *cli_pages(uint64_t pages, char *buffer, size_t size)
{
	return hv_size_format(pages << HV_PAGE_SHIFT, buffer, size);
}

const char *cli_time(double us, char *buffer, size_t size)
{
	static const struct {
		double unit_us;
		const char *name;
	} units[] = { { 1e6, "s" }, { 1e3, "ms" }, { 1, "us" }, { 1e-3, "ns" } };
	unsigned i = 0;
	double value;

	if (us <= 0) {
		(void)snprintf(buffer, size, "-");
		return buffer;
	}
	while (i + 1 < HV_COUNT(units) && us < units[i].unit_us)
		i++;
	value = us / units[i].unit_us;
	(void)snprintf(buffer, size, "%.*f %s",
		       value < 10    ? 2
		       : value < 100 ? 1
				     : 0,
		       value, units[i].name);
	return buffer;
}

static void add_stat(struct cli_sum *sum, const Tarn__PartitionStat *stat)
{
	struct hv_hist latency;

	sum->operations_per_s += stat->operations_per_s;
	if (stat->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		return;
	sum->logical_pages += stat->logical_pages;
	sum->resident_pages += stat->resident_pages;
	sum->stolen_pages += stat->stolen_pages;
	sum->zero_pages += stat->zero_pages;
	sum->page_ins += stat->page_ins;
	sum->page_outs += stat->page_outs;
	sum->faults += stat->faults;
	cli_hist_load(&latency, stat->fault_latency);
	hv_hist_merge(&sum->latency, &latency);
}

static void add_lpar(struct cli_sum *sum, const Tarn__LparView *lpar)
{
	if (lpar->record->spec->mode == TARN__MEMORY_MODE__MEMORY_MODE_SHARED) {
		sum->shared++;
		sum->shared_logical_bytes += lpar->record->spec->mem_bytes;
	} else {
		sum->dedicated++;
	}
	if (lpar->stat == NULL)
		return;
	if (lpar->stat->state != TARN__PARTITION_STATE__PARTITION_ENDED)
		sum->running++;
	add_stat(sum, lpar->stat);
}

void cli_sum_host(struct cli_sum *sum, const Tarn__StatusReply *status, const char *host)
{
	*sum = (struct cli_sum){ 0 };
	for (size_t i = 0; i < status->n_lpars; i++)
		if (strcmp(status->lpars[i]->record->host, host) == 0)
			add_lpar(sum, status->lpars[i]);
}

const Tarn__HostView *cli_find_host(const Tarn__StatusReply *status, const char *name)
{
	for (size_t i = 0; i < status->n_hosts; i++)
		if (strcmp(status->hosts[i]->record->name, name) == 0)
			return status->hosts[i];
	return NULL;
}

const Tarn__LparView *cli_find_lpar(const Tarn__StatusReply *status, const char *name)
{
	for (size_t i = 0; i < status->n_lpars; i++)
		if (strcmp(status->lpars[i]->record->spec->name, name) == 0)
			return status->lpars[i];
	return NULL;
}

const Tarn__DeviceView *cli_find_device(const Tarn__StatusReply *status, const char *host,
					const char *name)
{
	for (size_t i = 0; i < status->n_devices; i++) {
		const Tarn__DeviceRecord *record = status->devices[i]->record;

		if (strcmp(record->host, host) == 0 &&
		    strcmp(record->device->name, name) == 0)
			return status->devices[i];
	}
	return NULL;
}

const Tarn__ViosStat *cli_find_vios(const Tarn__HostView *host, const char *name)
{
	if (host->stat == NULL)
		return NULL;
	for (size_t i = 0; i < host->stat->n_vios; i++)
		if (strcmp(host->stat->vios[i]->name, name) == 0)
			return host->stat->vios[i];
	return NULL;
}

static unsigned count_vios(const Tarn__HostView *host, Tarn__ViosState state)
{
	unsigned n = 0;

	if (host->stat == NULL)
		return 0;
	for (size_t i = 0; i < host->stat->n_vios; i++)
		n += host->stat->vios[i]->state == state;
	return n;
}

static bool is_text(const char *text, const char *what)
{
	return text != NULL && strcmp(text, what) == 0;
}

struct cli_pair_use cli_vios_use(const Tarn__StatusReply *status, const char *host,
				 const char *vios)
{
	struct cli_pair_use use = { 0, 0 };

	for (size_t i = 0; i < status->n_lpars; i++) {
		const Tarn__LparView *lpar = status->lpars[i];

		if (lpar->stat == NULL || strcmp(lpar->record->host, host) != 0)
			continue;
		use.primary_of += is_text(lpar->stat->primary, vios);
		use.serves += is_text(lpar->stat->current, vios);
	}
	return use;
}

/* A shared one that both VIOS do not reach now. */
static bool is_lame(const Tarn__DeviceView *device)
{
	return device->record->device->vios == NULL && device->record->ready &&
	       !device->redundant;
}

bool cli_is_redundant(const Tarn__StatusReply *status, const Tarn__HostView *host)
{
	unsigned active = count_vios(host, TARN__VIOS_STATE__VIOS_ACTIVE);

	if (active == 0 || active + count_vios(host, TARN__VIOS_STATE__VIOS_STANDBY) < 2)
		return false;
	for (size_t i = 0; i < status->n_devices; i++) {
		const Tarn__DeviceView *device = status->devices[i];

		if (strcmp(device->record->host, host->record->name) == 0 &&
		    is_lame(device))
			return false;
	}
	for (size_t i = 0; i < status->n_lpars; i++) {
		const Tarn__LparView *lpar = status->lpars[i];

		if (strcmp(lpar->record->host, host->record->name) == 0 &&
		    lpar->stat != NULL && lpar->stat->has_redundant &&
		    lpar->record->mirror != NULL && !lpar->stat->redundant)
			return false;
	}
	return true;
}
