/* adapters - see adapters.h. */
#include "cli/hmc/adapters.h"

#include <stdio.h>
#include <string.h>

#include "cli/hmc/errors.h"
#include "cli/hmc/record.h"
#include "hvcore/base/units.h"
#include "hvcore/wire/lpar_adapters.h"

#define SCSI "virtual_scsi_adapters"
#define ETHERNET "virtual_eth_adapters"
#define SERIAL "virtual_serial_adapters"

static bool is_said(const Tarn__LparProfile *profile, const char *name)
{
	for (size_t i = 0; i < profile->n_attributes; i++)
		if (strcmp(profile->attributes[i]->name, name) == 0)
			return true;
	return false;
}

const char *hmc_adapters_value(const Tarn__LparProfile *profile, const char *name,
			       char text[HMC_ADAPTERS_BYTES])
{
	size_t used = 0;

	text[0] = '\0'; /* 16 of at most 24 bytes fit */
	if (!is_said(profile, name) && strcmp(name, SCSI) == 0)
		for (size_t i = 0; i < profile->n_disks; i++)
			used += (size_t)snprintf(text + used, HMC_ADAPTERS_BYTES - used,
						 "%s%u/client/any//any/1",
						 used > 0 ? "," : "",
						 profile->disks[i]->slot);
	if (!is_said(profile, name) && strcmp(name, ETHERNET) == 0)
		for (size_t i = 0; i < profile->n_ethernets; i++)
			used += (size_t)snprintf(text + used, HMC_ADAPTERS_BYTES - used,
						 "%s%u/0/%u//0/1", used > 0 ? "," : "",
						 profile->ethernets[i]->slot,
						 profile->ethernets[i]->vlan);
	return used > 0 ? text : hv_lpar_profile_value(profile, name);
}

static bool is_any_said(const Tarn__LparProfile *profile)
{
	return is_said(profile, SERIAL) || is_said(profile, SCSI) ||
	       is_said(profile, ETHERNET);
}

static bool next_element(const char **list, char element[HMC_ELEMENT_BYTES])
{
	bool is_bad = false;

	if (*list == NULL || strcmp(*list, "none") == 0)
		return false;
	return hmc_list_next(list, element, &is_bad);
}

static uint32_t count_elements(const char *list)
{
	char element[HMC_ELEMENT_BYTES];
	uint32_t count = 0;

	while (next_element(&list, element))
		count++;
	return count;
}

/* The nth field between slashes as a number from min to max. */
static bool take_field(const char *element, unsigned nth, uint32_t min, uint32_t max,
		       uint32_t *ret_number)
{
	char text[8];
	uint64_t number;
	size_t length;

	for (; nth > 0; nth--) {
		element += strcspn(element, "/");
		if (*element++ == '\0')
			return false;
	}
	length = strcspn(element, "/");
	if (length >= sizeof(text))
		return false;
	(void)snprintf(text, sizeof(text), "%.*s", (int)length, element);
	if (hv_u64_parse(text, max, &number, NULL) != HV_OK || number < min)
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

static enum hv_code take_ethernets(struct hmc_adapters *adapters,
				   Tarn__LparProfile *profile, struct hv_err *err)
{
	const char *list = hv_lpar_profile_value(profile, ETHERNET);
	char element[HMC_ELEMENT_BYTES];
	size_t count = 0;

	if (!is_said(profile, ETHERNET))
		return HV_OK;
	while (next_element(&list, element)) {
		Tarn__VirtualEthernet *one = &adapters->ethernets[count];

		if (count >= HV_ETHERNETS_MAX)
			return hmc_fail(err, HMC_INVALID_VALUE, element, ETHERNET,
					"one of 16 at most");
		tarn__virtual_ethernet__init(one);
		if (!take_field(element, 0, HV_LPAR_SLOT_MIN, HV_LPAR_SLOT_MAX,
				&one->slot) ||
		    !take_field(element, 2, 1, HV_VLAN_MAX, &one->vlan))
			return hmc_fail(
				err, HMC_INVALID_VALUE, element, ETHERNET,
				"slot/ieee/vlan/extra-vlans/is_trunk/is_required");
		adapters->ethernet_list[count++] = one;
	}
	profile->n_ethernets = count;
	profile->ethernets = adapters->ethernet_list;
	return HV_OK;
}

static bool has_slot(const char *list, uint32_t slot)
{
	char element[HMC_ELEMENT_BYTES];
	uint32_t other;

	while (next_element(&list, element))
		if (take_field(element, 0, 0, HV_LPAR_SLOT_MAX, &other) && other == slot)
			return true;
	return false;
}

/* Those whose adapter is still there. */
static void keep_disks(struct hmc_adapters *adapters, Tarn__LparProfile *profile)
{
	const char *list = hv_lpar_profile_value(profile, SCSI);
	size_t count = 0;

	if (!is_said(profile, SCSI))
		return;
	for (size_t i = 0; i < profile->n_disks && i < HV_DISKS_MAX; i++)
		if (has_slot(list, profile->disks[i]->slot))
			adapters->disk_list[count++] = profile->disks[i];
	profile->n_disks = count;
	profile->disks = adapters->disk_list;
}

enum hv_code hmc_adapters_take(struct hmc_adapters *adapters, Tarn__LparProfile *profile,
			       struct hv_err *err)
{
	static const char *const lists[] = { SERIAL, SCSI, ETHERNET };
	size_t least = HV_SERIAL_ADAPTERS;
	uint32_t count = 0;
	char text[HMC_ADAPTERS_BYTES];
	enum hv_code code = take_ethernets(adapters, profile, err);

	keep_disks(adapters, profile);
	for (unsigned i = 0; i < HV_COUNT(lists); i++)
		count += count_elements(hmc_adapters_value(profile, lists[i], text));
	least += profile->n_disks + profile->n_ethernets;
	/* not made by an HMC: there are as many as `tarn lpar create` was told */
	if (!is_any_said(profile) && count < profile->virtual_adapters)
		count = profile->virtual_adapters;
	if (profile->n_disks + profile->n_ethernets > 0 && count < least)
		count = (uint32_t)least;
	profile->has_virtual_adapters = true;
	profile->virtual_adapters = count;
	return code;
}
