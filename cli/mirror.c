/* mirror - see mirror.h. */
#include "cli/mirror.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/words.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/mirror.h"

/* The VIOS that a device lies behind alone. */
static const char *vios_of(const Tarn__StatusReply *status, const char *host,
			   const char *device)
{
	const Tarn__DeviceView *view = device != NULL
					       ? cli_find_device(status, host, device)
					       : NULL;

	return view != NULL && view->record->device->vios != NULL
		       ? view->record->device->vios
		       : "one VIOS";
}

static bool is_healthy(const Tarn__ViosStat *vios)
{
	return vios != NULL && (vios->state == TARN__VIOS_STATE__VIOS_ACTIVE ||
				vios->state == TARN__VIOS_STATE__VIOS_STANDBY);
}

/* What becomes of the pages that this VIOS lacks. */
static int put_outlook(const Tarn__StatusReply *status, const Tarn__LparView *lpar,
		       const char *lacks, char *text, size_t size)
{
	const Tarn__HostView *host = cli_find_host(status, lpar->record->host);
	const Tarn__ViosStat *vios = host != NULL ? cli_find_vios(host, lacks) : NULL;
	char rate[CLI_SIZE_BYTES], state[32];

	if (vios == NULL)
		return snprintf(text, size, ", waiting for %s", lacks);
	if (!is_healthy(vios))
		return snprintf(text, size, ", waiting for %s (%s)", lacks,
				cli_enum_name(&tarn__vios_state__descriptor, vios->state,
					      state, sizeof(state)));
	if (!lpar->has_resynced_per_s || lpar->resynced_per_s > INT64_MAX / HV_PAGE_BYTES)
		return snprintf(text, size, ", being brought to %s", lacks);
	return snprintf(text, size, ", being brought to %s, %s/s", lacks,
			cli_pages(lpar->resynced_per_s, rate, sizeof(rate)));
}

/* Of one that is not mirrored: it has two devices until all is on the new one. */
static bool put_copied(const Tarn__LparView *lpar, char text[CLI_MIRROR_BYTES])
{
	const Tarn__LparRecord *record = lpar->record;
	char what[HV_MIRROR_TEXT_BYTES];

	if (record->mirror != NULL || record->new_device == NULL ||
	    record->old_device == NULL)
		return false;
	(void)snprintf(text, CLI_MIRROR_BYTES, "%s",
		       hv_mirror_copy_text(lpar->stat,
					   record->device_error != NULL
						   ? record->old_device
						   : record->new_device,
					   what));
	return true;
}

bool cli_mirror_text(const Tarn__StatusReply *status, const Tarn__LparView *lpar,
		     char text[CLI_MIRROR_BYTES])
{
	const Tarn__PartitionStat *stat = lpar->stat;
	const char *vios, *other;
	char what[HV_MIRROR_TEXT_BYTES];
	int used;

	if (stat == NULL || !hv_mirror_is_degraded(stat))
		return false;
	if (put_copied(lpar, text))
		return true;
	vios = vios_of(status, lpar->record->host, stat->pgdev);
	other = vios_of(status, lpar->record->host, stat->mirror);
	used = snprintf(text, CLI_MIRROR_BYTES, "%s",
			hv_mirror_text(stat, vios, other, what));
	if (stat->missed + stat->mirror_missed > 0)
		(void)put_outlook(status, lpar, stat->missed > 0 ? vios : other,
				  text + used, CLI_MIRROR_BYTES - (size_t)used);
	return true;
}

bool cli_cross_text(const Tarn__LparView *lpar, char text[CLI_MIRROR_BYTES])
{
	const Tarn__PartitionStat *stat = lpar->stat;
	char count[HV_COUNT_TEXT_BYTES];

	if (stat == NULL || stat->cross_bad == 0)
		return false;
	(void)snprintf(text, CLI_MIRROR_BYTES,
		       "not verified: %s page%s not as written when read back, the last "
		       "one %" PRIu64 " over %.31s",
		       hv_count_text(stat->cross_bad, count),
		       stat->cross_bad == 1 ? " was" : "s were", stat->cross_bad_page,
		       stat->cross_bad_vios != NULL ? stat->cross_bad_vios : "?");
	return true;
}

bool cli_lost_text(const Tarn__LparView *lpar, char text[CLI_MIRROR_BYTES])
{
	const Tarn__PartitionStat *stat = lpar->stat;
	char count[HV_COUNT_TEXT_BYTES];

	if (stat == NULL || stat->poisoned_pages == 0)
		return false;
	(void)snprintf(text, CLI_MIRROR_BYTES,
		       "%s page%s lost: what touches %s gets a memory error; see "
		       "'tarn events'",
		       hv_count_text(stat->poisoned_pages, count),
		       stat->poisoned_pages == 1 ? " is" : "s are",
		       stat->poisoned_pages == 1 ? "it" : "them");
	return true;
}

static void remark(struct cli *cli, const char *before, const Tarn__LparView *lpar,
		   enum cli_tone tone, const char *text)
{
	cli_tone_print(cli->out, tone, cli->is_colour, "%slpar %s: %s\n", before,
		       lpar->record->spec->name, text);
}

void cli_mirror_remarks(struct cli *cli, const Tarn__StatusReply *status,
			const char *before)
{
	char text[CLI_MIRROR_BYTES];

	for (size_t i = 0; i < status->n_lpars; i++) {
		const Tarn__LparView *lpar = status->lpars[i];

		if (cli_mirror_text(status, lpar, text))
			remark(cli, before, lpar, CLI_WARN, text);
		if (cli_cross_text(lpar, text))
			remark(cli, before, lpar, CLI_BAD, text);
		if (cli_lost_text(lpar, text))
			remark(cli, before, lpar, CLI_BAD, text);
	}
}
