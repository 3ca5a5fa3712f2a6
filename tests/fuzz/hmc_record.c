/*
 * hmc_record - fuzz target for what comes with -i, -f, -a, -F and --filter.
 *
 * Claim: names are names; what is accepted is printed so that it is read back the
 * same; a filter never reads outside its text.
 */
#include <stdlib.h>
#include <string.h>

#include "cli/hmc/fields.h"
#include "hvcore/base/invariant.h"
#include "tests/fuzz/fuzz.h"

static void check_round_trip(const struct hmc_record *record)
{
	struct hmc_record again;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	HV_INVARIANT(out != NULL);
	for (unsigned i = 0; i < record->count; i++) {
		if (i > 0)
			(void)fputc(',', out);
		hmc_pair_print(out, record->pairs[i].name, record->pairs[i].op,
			       record->pairs[i].value);
	}
	HV_INVARIANT(fclose(out) == 0);
	/* quotes are doubled: a text near the limit may pass it */
	if (size < HMC_RECORD_BYTES_MAX) {
		HV_INVARIANT(hmc_record_parse(text, &again, NULL) == HV_OK);
		HV_INVARIANT(again.count == record->count);
		for (unsigned i = 0; i < again.count; i++)
			HV_INVARIANT(strcmp(again.pairs[i].value,
					    record->pairs[i].value) == 0);
		hmc_record_fini(&again);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct hmc_record record;
	struct hmc_filter filter;
	struct hmc_fields fields;

	HV_INVARIANT(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (hmc_record_parse(text, &record, NULL) == HV_OK)
		check_round_trip(&record);
	for (unsigned i = 0; i < record.count; i++)
		HV_INVARIANT(hmc_name_is_valid(record.pairs[i].name));
	hmc_record_fini(&record);
	if (hmc_filter_parse(text, &filter, NULL) == HV_OK)
		(void)hmc_filter_matches(&filter, filter.record.pairs[0].name, "a", true);
	hmc_filter_fini(&filter);
	if (hmc_fields_parse(text, &fields, NULL) == HV_OK && fields.count > 0)
		HV_INVARIANT(hmc_name_is_valid(fields.names[0]));
	hmc_fields_fini(&fields);
	free(text);
	return 0;
}
