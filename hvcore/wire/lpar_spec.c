/* lpar_spec - see hv_lpar_spec_check in messages.h. */
#include "hvcore/base/units.h"
#include "hvcore/wire/guest_spec.h"
#include "hvcore/wire/lpar_adapters.h"

#define SIZE_TEXT 32

static enum hv_code check_size(const Tarn__LparSpec *spec, const char *what,
			       uint64_t bytes, struct hv_err *err)
{
	char text[SIZE_TEXT];

	if (bytes == 0 || bytes % HV_PAGE_BYTES != 0)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': %s of %llu bytes is not whole pages of "
			       "%u bytes",
			       spec->name, what, (unsigned long long)bytes,
			       HV_PAGE_BYTES);
	if (bytes > HV_LPAR_BYTES_MAX)
		return hv_fail(err, HV_E_LIMIT,
			       "partition '%s': %s of %s is over the limit of 1 TiB",
			       spec->name, what,
			       hv_size_format(bytes, text, sizeof(text)));
	return HV_OK;
}

static enum hv_code check_order(const Tarn__LparSpec *spec, struct hv_err *err)
{
	char a[SIZE_TEXT], b[SIZE_TEXT];

	if (spec->mem_bytes < spec->min_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': memory %s is less than minimum %s",
			       spec->name, hv_size_format(spec->mem_bytes, a, sizeof(a)),
			       hv_size_format(spec->min_bytes, b, sizeof(b)));
	if (spec->max_bytes < spec->mem_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': maximum %s is less than memory %s",
			       spec->name, hv_size_format(spec->max_bytes, a, sizeof(a)),
			       hv_size_format(spec->mem_bytes, b, sizeof(b)));
	return HV_OK;
}

static enum hv_code check_shared(const Tarn__LparSpec *spec, struct hv_err *err)
{
	if (spec->weight > HV_WEIGHT_MAX)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': weight %u is not 0 to 255", spec->name,
			       spec->weight);
	if (spec->entitled_bytes != 0 &&
	    spec->mode != TARN__MEMORY_MODE__MEMORY_MODE_SHARED)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': only shared partitions have entitled "
			       "memory",
			       spec->name);
	if (spec->entitled_bytes > spec->mem_bytes)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': entitled memory is more than memory",
			       spec->name);
	return HV_OK;
}

bool hv_hpt_ratio_is_valid(uint32_t ratio)
{
	return ratio >= HV_HPT_RATIO_MIN && ratio <= HV_HPT_RATIO_MAX &&
	       (ratio & (ratio - 1)) == 0;
}

static enum hv_code check_platform(const Tarn__LparSpec *spec, struct hv_err *err)
{
	if (spec->hpt_ratio != 0 && !hv_hpt_ratio_is_valid(spec->hpt_ratio))
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': page table ratio 1:%u is not 1:32, 1:64, "
			       "1:128, 1:256 or 1:512",
			       spec->name, spec->hpt_ratio);
	return hv_lpar_adapters_check(spec, err);
}

static enum hv_code check_workload(const Tarn__LparSpec *spec, struct hv_err *err)
{
	const Tarn__Workload *workload = spec->workload;
	bool is_os = workload->kind == TARN__WORKLOAD_KIND__WORKLOAD_OS;
	uint32_t most = is_os ? HV_LPAR_OS_SET_MAX : 100;

	if (workload->working_set_percent < 1 || workload->working_set_percent > most)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': working set of %u %% is not 1 to %u",
			       spec->name, workload->working_set_percent, most);
	if (workload->loan_policy > HV_LPAR_LOAN_POLICY_MAX)
		return hv_fail(
			err, HV_E_INVAL, "partition '%s': loan policy %u is not 0 to %d",
			spec->name, workload->loan_policy, HV_LPAR_LOAN_POLICY_MAX);
	if (workload->write_percent > 100)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': %u %% writes is not 0 to 100", spec->name,
			       workload->write_percent);
	if (workload->io_percent > 100)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': %u %% I/O is not 0 to 100", spec->name,
			       workload->io_percent);
	if (workload->hints && !is_os &&
	    workload->kind != TARN__WORKLOAD_KIND__WORKLOAD_PHASES)
		return hv_fail(err, HV_E_INVAL,
			       "partition '%s': only the workloads phases and os say "
			       "which pages they have left",
			       spec->name);
	return HV_OK;
}

enum hv_code hv_lpar_spec_check(const Tarn__LparSpec *spec, struct hv_err *err)
{
	enum hv_code code;

	if (!hv_name_is_valid(spec->name))
		return hv_fail(err, HV_E_INVAL,
			       "'%.40s' is not a name: 1 to %d letters, digits, -, _ and "
			       "., a letter or digit first",
			       spec->name != NULL ? spec->name : "", HV_NAME_BYTES - 1);
	code = check_size(spec, "minimum", spec->min_bytes, err);
	if (code == HV_OK)
		code = check_size(spec, "memory", spec->mem_bytes, err);
	if (code == HV_OK)
		code = check_size(spec, "maximum", spec->max_bytes, err);
	if (code == HV_OK)
		code = check_order(spec, err);
	if (code == HV_OK)
		code = check_shared(spec, err);
	if (code == HV_OK)
		code = check_platform(spec, err);
	if (code == HV_OK && spec->workload == NULL)
		return hv_fail(err, HV_E_INVAL, "partition '%s': no workload",
			       spec->name);
	if (code == HV_OK)
		code = check_workload(spec, err);
	return code == HV_OK && spec->guest != NULL ? hv_guest_spec_check(spec, err)
						    : code;
}
