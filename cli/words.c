/* words - see words.h. */
#include "cli/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/figures.h"
#include "cli/json.h"
#include "hvcore/wire/injection_message.h"
#include "hvcore/wire/mirror.h"

#define BAR_CELLS 12

static struct cli_word word(enum cli_tone tone, const char *text, const char *reason)
{
	struct cli_word made = { .tone = tone };

	(void)snprintf(made.text, sizeof(made.text), "%s%s%s", text,
		       reason != NULL && reason[0] != '\0' ? ": " : "",
		       reason != NULL ? reason : "");
	return made;
}

struct cli_word cli_host_word(const Tarn__HostView *host)
{
	if (host->record->declared && !host->record->has_agent_id)
		return word(CLI_DIM, "declared", NULL);
	if (!host->record->has_agent_id)
		return word(CLI_WARN, "not joined", NULL);
	if (!host->connected)
		return word(CLI_BAD, "disconnected", NULL);
	if (!host->hypervisor_up)
		return word(CLI_BAD, "no hypervisor", NULL);
	return word(CLI_GOOD, "up", NULL);
}

struct cli_word cli_vios_word(const Tarn__HostView *host, const char *name)
{
	static const enum cli_tone tones[] = {
		[TARN__VIOS_STATE__VIOS_ABSENT] = CLI_DIM,
		[TARN__VIOS_STATE__VIOS_DOWN] = CLI_BAD,
		[TARN__VIOS_STATE__VIOS_STARTING] = CLI_WARN,
		[TARN__VIOS_STATE__VIOS_STANDBY] = CLI_GOOD,
		[TARN__VIOS_STATE__VIOS_ACTIVE] = CLI_GOOD,
		[TARN__VIOS_STATE__VIOS_MAINTENANCE] = CLI_WARN,
		[TARN__VIOS_STATE__VIOS_SUSPECT] = CLI_BAD,
	};
	const Tarn__ViosStat *vios = cli_find_vios(host, name);
	char state[32], faults[32];
	uint32_t active;
	unsigned at;

	if (vios == NULL)
		return word(CLI_DIM, "unknown", NULL);
	at = (unsigned)vios->state;
	active = hv_injections_active(vios);
	if (active > 0 && at < HV_COUNT(tones) && tones[at] == CLI_GOOD) {
		(void)snprintf(faults, sizeof(faults), "injecting %" PRIu32, active);
		return word(CLI_WARN,
			    cli_enum_name(&tarn__vios_state__descriptor, vios->state,
					  state, sizeof(state)),
			    faults);
	}
	return word(at < HV_COUNT(tones) ? tones[at] : CLI_WARN,
		    cli_enum_name(&tarn__vios_state__descriptor, vios->state, state,
				  sizeof(state)),
		    vios->reason);
}

struct cli_word cli_lpar_word(const Tarn__LparView *lpar)
{
	enum cli_tone tone = CLI_WARN;

	if (strcmp(lpar->state, "Running") == 0 && lpar->reason == NULL &&
	    lpar->stat != NULL && hv_mirror_is_degraded(lpar->stat))
		return word(CLI_WARN, lpar->state, "not mirrored in whole");
	if (strcmp(lpar->state, "Running") == 0)
		tone = CLI_GOOD;
	else if (lpar->record->ended_unasked)
		return word(CLI_BAD, "Ended", lpar->record->last_end);
	else if (strcmp(lpar->state, "Not Activated") == 0)
		tone = CLI_DIM;
	else if (strcmp(lpar->state, "Waiting for paging") == 0 ||
		 strcmp(lpar->state, "Unknown") == 0)
		tone = CLI_BAD;
	return word(tone, lpar->state, lpar->reason);
}

struct cli_word cli_device_word(const Tarn__DeviceView *device)
{
	if (strcmp(device->state, "Active") == 0)
		return word(CLI_GOOD, device->state, NULL);
	if (strcmp(device->state, "Inactive") == 0)
		return word(CLI_PLAIN, device->state, NULL);
	return word(CLI_WARN, device->state, NULL);
}

struct cli_word cli_verdict_word(const Tarn__DrillRecord *drill)
{
	if (drill->verdict == NULL)
		return word(CLI_WARN, drill->phase, NULL);
	if (strcmp(drill->verdict, "passed") == 0)
		return word(CLI_GOOD, drill->verdict, NULL);
	return word(CLI_BAD, drill->verdict, NULL);
}

const char *cli_bar(uint64_t full, uint64_t all, char *buffer, size_t size)
{
	double part = all > 0 ? (double)full / (double)all : 0;
	unsigned cells = (unsigned)(part * BAR_CELLS + 0.5);
	char bar[BAR_CELLS + 1];

	for (unsigned i = 0; i < BAR_CELLS; i++)
		bar[i] = i < cells ? '#' : '.';
	bar[BAR_CELLS] = '\0';
	(void)snprintf(buffer, size, "[%s] %3.0f %%", bar, part * 100);
	return buffer;
}
