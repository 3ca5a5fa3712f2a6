/* meter - see meter.h. */
#include "cli/meter.h"

#include <math.h>

#include "hvcore/base/units.h"
#include "hvcore/wire/lpar_profile.h"

enum kind { COUNTER, LEVEL };

/* clang-format off */
static const struct {
	enum kind kind;
	const char *field;    /* of PartitionStat */
	const char *less;     /* taken from it */
	double scale;
} meters[CLI_METER_COUNT] = {
	[CLI_PHYSB]   = { COUNTER, "cpu_us",            NULL, 1 },
	[CLI_ENTC]    = { LEVEL,   NULL,                NULL, 1 }, /* processors, of its record */
	[CLI_HPI]     = { COUNTER, "page_ins",          NULL, 1 },
	[CLI_HPIT]    = { COUNTER, "page_in_us",        NULL, 1e-3 },
	[CLI_HPO]     = { COUNTER, "page_outs",         NULL, 1 },
	[CLI_FAULTS]  = { COUNTER, "faults",            NULL, 1 },
	[CLI_OPS]     = { COUNTER, "operations",        NULL, 1 },
	[CLI_IOMAF]   = { COUNTER, "io_map_failures",   NULL, 1 },
	[CLI_AHEAD]   = { COUNTER, "read_ahead",        NULL, 1 },
	[CLI_AHEAD_USED] = { COUNTER, "read_ahead_used", NULL, 1 },
	[CLI_AHEAD_WASTED] = { COUNTER, "read_ahead_wasted", NULL, 1 },
	[CLI_LOGICAL] = { LEVEL,   "logical_pages",     NULL, HV_PAGE_BYTES },
	[CLI_PMEM]    = { LEVEL,   "resident_pages",    NULL, HV_PAGE_BYTES },
	[CLI_LOAN]    = { LEVEL,   "loaned_pages",      NULL, HV_PAGE_BYTES },
	[CLI_PAGED]   = { LEVEL,   "stolen_pages",      NULL, HV_PAGE_BYTES },
	[CLI_IOMIN]   = { LEVEL,   "io_min_bytes",      NULL, 1 },
	[CLI_IOMU]    = { LEVEL,   "io_mapped_bytes",   NULL, 1 },
	[CLI_IOMF]    = { LEVEL,   "io_entitled_bytes", "io_mapped_bytes", 1 },
	[CLI_IOHWM]   = { LEVEL,   "io_high_bytes",     NULL, 1 },
	[CLI_RESYNC]  = { COUNTER, "resynced",          NULL, 1 },
	[CLI_HEALED]  = { COUNTER, "healed",            NULL, 1 },
	[CLI_MISSED]  = { LEVEL,   "missed",            NULL, HV_PAGE_BYTES },
	[CLI_MIRROR_MISSED] = { LEVEL, "mirror_missed", NULL, HV_PAGE_BYTES },
};
/* clang-format on */

/* NAN: absent, or of a host that is older or younger than this program. */
static double number_in(const Tarn__PartitionStat *stat, const char *name)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(stat->base.descriptor,
								name);
	const char *base = (const char *)stat;

	if (field == NULL || field->label != PROTOBUF_C_LABEL_OPTIONAL ||
	    field->type != PROTOBUF_C_TYPE_UINT64 ||
	    !*(const protobuf_c_boolean *)(const void *)(base + field->quantifier_offset))
		return NAN;
	return (double)*(const uint64_t *)(const void *)(base + field->offset);
}

static double read_one(const Tarn__PartitionStat *stat, enum cli_meter meter)
{
	double value;

	if (meters[meter].field == NULL)
		return NAN;
	value = number_in(stat, meters[meter].field);
	if (meters[meter].less != NULL)
		value -= number_in(stat, meters[meter].less);
	return value < 0 ? 0 : value * meters[meter].scale;
}

void cli_meter_read(const Tarn__LparView *lpar, struct cli_reading *ret_reading)
{
	const Tarn__PartitionStat *stat = lpar->stat;
	const Tarn__Processors *has = lpar->record->processors;

	*ret_reading = (struct cli_reading){ .run_ms = NAN };
	/* its host is not heard; while it starts there is nothing yet */
	if (stat == NULL && !lpar->record->running != !lpar->record->has_job)
		ret_reading->run_id = lpar->record->run_id;
	for (unsigned i = 0; i < CLI_METER_COUNT; i++)
		ret_reading->at[i] = stat != NULL ? read_one(stat, i) : NAN;
	if (stat == NULL)
		return;
	ret_reading->run_id = stat->run_id;
	ret_reading->run_ms = number_in(stat, "run_ms");
	if (lpar->record->spec->guest != NULL) /* nobody counts what it does */
		ret_reading->at[CLI_OPS] = NAN;
	if (has != NULL && has->units > 0)
		ret_reading->at[CLI_ENTC] = (double)has->units / HV_PROCESSOR_UNITS;
}

/*
 * One of another run, or from a hypervisor that counted on from less, says nothing. One
 * of this run without figures is before it, too, so that nothing is made up between.
 */
static bool is_before(const struct cli_reading *before, const struct cli_reading *now)
{
	return before != NULL && before->run_id == now->run_id &&
	       !(before->run_ms > now->run_ms);
}

double cli_meter_between(const struct cli_reading *before, const struct cli_reading *now,
			 double ret_figures[CLI_METER_COUNT])
{
	bool has_before = is_before(before, now);
	double ms = now->run_ms - (has_before ? before->run_ms : 0);

	for (unsigned i = 0; i < CLI_METER_COUNT; i++) {
		double value = now->at[i];

		if (meters[i].kind == COUNTER && has_before)
			value -= before->at[i];
		if (meters[i].kind == COUNTER && !(ms > 0 && value >= 0))
			value = NAN;
		ret_figures[i] = value;
	}
	ret_figures[CLI_PHYSB] /= ms * 1e3;
	ret_figures[CLI_ENTC] = ret_figures[CLI_PHYSB] / now->at[CLI_ENTC] * 100;
	return ms / 1e3;
}

uint64_t cli_meter_whole(double value)
{
	if (!(value > 0))
		return 0;
	return value < (double)INT64_MAX ? (uint64_t)(value + 0.5) : INT64_MAX;
}
