/*
 * profile - fuzz target for profile files.
 *
 * Claim: what is accepted passes the check, and its model gives sums that add up.
 */
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/reserve/reserve.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hv_reserve_partition partition = { .max_bytes = HV_PROFILE_END,
						  .virtual_adapters = 10,
						  .is_active = true };
	struct hv_profile profile;
	struct hv_reserve sum;
	char *text = malloc(size + 1);

	if (text == NULL || size > HV_PROFILE_FILE_BYTES_MAX) {
		free(text);
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	if (hv_profile_parse(text, "fuzz", &profile, NULL) == HV_OK) {
		HV_INVARIANT(hv_profile_check(&profile, NULL) == HV_OK);
		hv_reserve_start(&sum, &profile);
		hv_reserve_add(&sum, &profile, &partition);
		hv_reserve_pool(&sum, &profile, profile.installed_bytes);
		HV_INVARIANT(hv_reserve_firmware_bytes(&sum, profile.lmb_bytes) >=
			     hv_reserve_exact_bytes(&sum));
	}
	free(text);
	return 0;
}
