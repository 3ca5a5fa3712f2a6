/* mirror - see mirror.h. */
#include "hvcore/wire/mirror.h"

#include <stdio.h>
#include <string.h>

bool hv_mirror_is_degraded(const Tarn__PartitionStat *stat)
{
	return stat->mirror != NULL && stat->has_redundant && !stat->redundant;
}

const char *hv_count_text(uint64_t count, char text[HV_COUNT_TEXT_BYTES])
{
	char digits[HV_COUNT_TEXT_BYTES];
	int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
	size_t at = 0;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

const char *hv_mirror_text(const Tarn__PartitionStat *stat, const char *vios,
			   const char *other, char text[HV_MIRROR_TEXT_BYTES])
{
	uint64_t first = stat->missed != 0 ? stat->missed : stat->mirror_missed;
	char a[HV_COUNT_TEXT_BYTES], b[HV_COUNT_TEXT_BYTES];

	if (first == 0)
		(void)snprintf(text, HV_MIRROR_TEXT_BYTES,
			       "what leaves its memory gets behind one VIOS alone");
	else if (stat->missed != 0 && stat->mirror_missed != 0)
		(void)snprintf(text, HV_MIRROR_TEXT_BYTES,
			       "%s page%s behind %.31s alone and %s behind %.31s alone",
			       hv_count_text(stat->missed, a),
			       stat->missed == 1 ? " is" : "s are", other,
			       hv_count_text(stat->mirror_missed, b), vios);
	else
		(void)snprintf(text, HV_MIRROR_TEXT_BYTES, "%s page%s behind %.31s alone",
			       hv_count_text(first, a), first == 1 ? " is" : "s are",
			       stat->missed != 0 ? other : vios);
	return text;
}

const char *hv_mirror_copy_text(const Tarn__PartitionStat *stat, const char *device,
				char text[HV_MIRROR_TEXT_BYTES])
{
	uint64_t left = stat->missed + stat->mirror_missed;
	char count[HV_COUNT_TEXT_BYTES];

	(void)snprintf(text, HV_MIRROR_TEXT_BYTES,
		       "%s page%s to be copied to paging device %.31s before both VIOS "
		       "reach all of them",
		       hv_count_text(left, count), left == 1 ? " is" : "s are", device);
	return text;
}
