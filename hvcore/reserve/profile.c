/* profile - what a profile must be, wherever it came from; see profile.h. */
#include "hvcore/reserve/profile.h"

#include "hvcore/reserve/reserve.h"

#include <string.h>

#define PROCESSORS_MAX 4096 /* arbitrary, as are the next two */
#define SLOTS_MAX 4096
#define PARTITIONS_MAX 65536
#define ADAPTER_TCE_MAX (UINT64_C(1) << 32)
#define POOL_FRAME_MAX 4096 /* a pool whose structures are as large as itself */

static enum hv_code wrong(struct hv_err *err, const char *what)
{
	return hv_fail(err, HV_E_INVAL, "%s", what);
}

static bool is_lmb(uint64_t bytes)
{
	return bytes >= (UINT64_C(16) << 20) && bytes <= (UINT64_C(256) << 20) &&
	       (bytes & (bytes - 1)) == 0;
}

static enum hv_code check_sizes(const struct hv_profile *profile, struct hv_err *err)
{
	if (!is_lmb(profile->lmb_bytes))
		return wrong(err, "lmb must be 16M, 32M, 64M, 128M or 256M");
	if (profile->installed_bytes < 2 * profile->lmb_bytes ||
	    profile->installed_bytes > HV_PROFILE_BYTES_MAX)
		return wrong(err, "installed must be two LMBs to 16T");
	if (profile->base_bytes > profile->installed_bytes)
		return wrong(err, "base must be at most what is installed");
	if (profile->slots > SLOTS_MAX || profile->slot_tce_bytes > ADAPTER_TCE_MAX ||
	    profile->adapter_tce_bytes > ADAPTER_TCE_MAX)
		return wrong(err, "slots must be at most 4096, a TCE table at most 4G");
	if (profile->processors < 1 || profile->processors > PROCESSORS_MAX)
		return wrong(err, "processors must be 1 to 4096");
	if (!hv_hpt_ratio_is_valid(profile->hpt_ratio))
		return wrong(err, "hpt_ratio must be 32, 64, 128, 256 or 512");
	if (profile->pool_frame_bytes > POOL_FRAME_MAX)
		return wrong(err, "pool_frame must be at most 4096 bytes");
	return HV_OK;
}

/* From 0 to 1 TiB, in steps that go up, at costs that do not fall. */
static enum hv_code check_creation(const struct hv_profile *profile, struct hv_err *err)
{
	const struct hv_profile_point *points = profile->creation;
	unsigned count = profile->creation_count;

	if (count < 2 || count > HV_PROFILE_POINTS_MAX || points[0].max_bytes != 0 ||
	    points[count - 1].max_bytes != HV_PROFILE_END)
		return wrong(err, "creation must have 2 to 16 points, from 0 to 1T");
	for (unsigned i = 1; i < count; i++) {
		if (points[i].max_bytes <= points[i - 1].max_bytes ||
		    points[i].cost_bytes < points[i - 1].cost_bytes)
			return wrong(err, "creation must rise from point to point, and "
					  "its cost must not fall");
	}
	if (points[count - 1].cost_bytes > HV_PROFILE_END)
		return wrong(err, "creation costs more than 1T");
	return HV_OK;
}

static enum hv_code check_directory(const struct hv_profile *profile, struct hv_err *err)
{
	if (profile->directory_count > HV_PROFILE_STEPS_MAX)
		return wrong(err, "directory must have at most 8 steps");
	for (unsigned i = 0; i < profile->directory_count; i++) {
		const struct hv_profile_step *step = &profile->directory[i];

		if (step->partitions < 1 || step->partitions > PARTITIONS_MAX ||
		    step->cost_bytes > HV_PROFILE_END ||
		    (i > 0 && step->partitions <= step[-1].partitions))
			return wrong(err, "directory must grow at 1 to 65536 partitions, "
					  "later steps at more of them");
	}
	return HV_OK;
}

/* "9117-MMC": what names a machine on an HMC; may be left out. */
static bool is_word(const char *text)
{
	return text[0] == '\0' || hv_name_is_valid(text);
}

enum hv_code hv_profile_check(const struct hv_profile *profile, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	if (!hv_name_is_valid(profile->name))
		code = wrong(err, "its name must be 1 to 31 letters, digits, - _ .");
	if (code == HV_OK && (!is_word(profile->type_model) || !is_word(profile->serial)))
		code = wrong(err, "type_model and serial must be letters, digits, -");
	if (code == HV_OK)
		code = check_sizes(profile, err);
	if (code == HV_OK)
		code = check_creation(profile, err);
	if (code == HV_OK)
		code = check_directory(profile, err);
	if (code != HV_OK)
		(void)hv_wrap(err, "profile '%.31s'", profile->name);
	return code;
}
