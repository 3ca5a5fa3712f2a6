/* attach - see attach.h. */
#include "hvcore/wire/attach.h"

#include "hvcore/base/hist.h"
#include "hvcore/wire/hcall.h"

#include <stdbool.h>
#include <string.h>

static_assert(HV_STALL_BUCKETS == HV_HIST_BUCKETS, "stall buckets");

union packet {
	struct hv_local_head head;
	struct hv_attach_hello hello;
	struct hv_attach_welcome welcome;
	struct hv_attach_region region;
	struct hv_attach_refused refused;
	struct hv_attach_report report;
	struct hv_attach_discard discard;
	struct hv_attach_control control;
	struct hv_attach_calls_open calls_open;
	struct hv_attach_resize resize;
	struct hv_attach_resized resized;
	struct hv_attach_os os;
	struct hv_attach_io io;
	struct hv_attach_guest guest;
	struct hv_attach_loan loan;
};

static_assert(sizeof(union packet) <= HV_LOCAL_BYTES, "largest attach packet");

size_t hv_attach_bytes(unsigned type)
{
	static const size_t bytes[HV_ATTACH_TYPE_COUNT] = {
		[HV_ATTACH_HELLO] = sizeof(struct hv_attach_hello),
		[HV_ATTACH_WELCOME] = sizeof(struct hv_attach_welcome),
		[HV_ATTACH_REGION] = sizeof(struct hv_attach_region),
		[HV_ATTACH_GO] = sizeof(struct hv_attach_go),
		[HV_ATTACH_REFUSED] = sizeof(struct hv_attach_refused),
		[HV_ATTACH_REPORT] = sizeof(struct hv_attach_report),
		[HV_ATTACH_DISCARD] = sizeof(struct hv_attach_discard),
		[HV_ATTACH_DISCARDED] = sizeof(struct hv_attach_discard),
		[HV_ATTACH_CONTROL] = sizeof(struct hv_attach_control),
		[HV_ATTACH_CALLS] = sizeof(struct hv_attach_calls),
		[HV_ATTACH_CALLS_OPEN] = sizeof(struct hv_attach_calls_open),
		[HV_ATTACH_RESIZE] = sizeof(struct hv_attach_resize),
		[HV_ATTACH_RESIZED] = sizeof(struct hv_attach_resized),
		[HV_ATTACH_OS] = sizeof(struct hv_attach_os),
		[HV_ATTACH_IO] = sizeof(struct hv_attach_io),
		[HV_ATTACH_GUEST] = sizeof(struct hv_attach_guest),
		[HV_ATTACH_LOAN] = sizeof(struct hv_attach_loan),
	};

	return type < HV_ATTACH_TYPE_COUNT ? bytes[type] : 0;
}

static bool is_pages(uint64_t bytes)
{
	return bytes % HV_PAGE_BYTES == 0;
}

/* [start, start + bytes) in whole pages, not empty, without overflow. */
static bool is_range(uint64_t start, uint64_t bytes)
{
	return is_pages(start) && is_pages(bytes) && bytes > 0 && start + bytes > start;
}

static bool is_memory(uint64_t bytes)
{
	return is_range(0, bytes);
}

static bool is_text(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

static enum hv_code check_hello(const struct hv_attach_hello *hello, struct hv_err *err)
{
	if (!is_text(hello->name, sizeof(hello->name)) || !hv_name_is_valid(hello->name))
		return hv_fail(err, HV_E_CORRUPT, "attach hello: not a name");
	if (hello->run_id == 0)
		return hv_fail(err, HV_E_CORRUPT, "attach hello: run 0");
	return HV_OK;
}

static enum hv_code check_welcome(const struct hv_attach_welcome *welcome,
				  struct hv_err *err)
{
	if (welcome->mode != HV_MODE_DEDICATED && welcome->mode != HV_MODE_SHARED)
		return hv_fail(err, HV_E_CORRUPT, "attach welcome: mode %u",
			       welcome->mode);
	if (welcome->home_cpu < -1)
		return hv_fail(err, HV_E_CORRUPT, "attach welcome: CPU %d",
			       welcome->home_cpu);
	if (!is_range(welcome->offset, welcome->bytes))
		return hv_fail(err, HV_E_CORRUPT,
			       "attach welcome: range is not whole pages");
	if (!is_memory(welcome->usable_bytes) || welcome->usable_bytes > welcome->bytes)
		return hv_fail(err, HV_E_CORRUPT,
			       "attach welcome: usable memory is not a part of it");
	return HV_OK;
}

static enum hv_code check_region(const struct hv_attach_region *region,
				 struct hv_err *err)
{
	if (region->address == 0 || !is_range(region->address, region->bytes) ||
	    !is_range(region->offset, region->bytes))
		return hv_fail(err, HV_E_CORRUPT,
			       "attach region: range is not whole pages");
	return HV_OK;
}

static enum hv_code check_refused(const struct hv_attach_refused *refused,
				  struct hv_err *err)
{
	if (refused->code == HV_OK || refused->code >= HV_CODE_COUNT)
		return hv_fail(err, HV_E_CORRUPT, "attach refused: code %u",
			       refused->code);
	if (!is_text(refused->text, sizeof(refused->text)))
		return hv_fail(err, HV_E_CORRUPT, "attach refused: text has no end");
	return HV_OK;
}

static enum hv_code check_calls_open(const struct hv_attach_calls_open *calls,
				     struct hv_err *err)
{
	uint64_t bytes = calls->hpt_bytes;

	if (bytes < HV_PTEG_ENTRIES * sizeof(struct hv_hpte) ||
	    (bytes & (bytes - 1)) != 0)
		return hv_fail(err, HV_E_CORRUPT,
			       "attach calls: page table of %llu bytes",
			       (unsigned long long)bytes);
	if (calls->area_bytes < sizeof(struct hv_hcall_area))
		return hv_fail(err, HV_E_CORRUPT, "attach calls: memory of %u bytes",
			       calls->area_bytes);
	return HV_OK;
}

static enum hv_code check_resize(const struct hv_attach_resize *resize,
				 struct hv_err *err)
{
	if (is_memory(resize->bytes) && is_memory(resize->has_bytes) &&
	    is_memory(resize->step_bytes))
		return HV_OK;
	return hv_fail(err, HV_E_CORRUPT, "attach resize: memory is not whole pages");
}

/* Its sentence ends in logs and on terminals. */
static enum hv_code check_guest(const struct hv_attach_guest *guest, struct hv_err *err)
{
	if (guest->accel == 0 || guest->accel >= HV_GUEST_ACCEL_COUNT)
		return hv_fail(err, HV_E_CORRUPT, "attach guest: accelerator %u",
			       guest->accel);
	if (!is_text(guest->why, sizeof(guest->why)))
		return hv_fail(err, HV_E_CORRUPT, "attach guest: text has no end");
	for (const char *at = guest->why; *at != '\0'; at++)
		if (*at < ' ' || *at > '~')
			return hv_fail(err, HV_E_CORRUPT,
				       "attach guest: text is not printable");
	return HV_OK;
}

static enum hv_code check_fields(const union packet *packet, struct hv_err *err)
{
	switch (packet->head.type) {
	case HV_ATTACH_HELLO:
		return check_hello(&packet->hello, err);
	case HV_ATTACH_WELCOME:
		return check_welcome(&packet->welcome, err);
	case HV_ATTACH_REGION:
		return check_region(&packet->region, err);
	case HV_ATTACH_REFUSED:
		return check_refused(&packet->refused, err);
	case HV_ATTACH_REPORT:
		if (packet->report.verify_percent > 100)
			return hv_fail(err, HV_E_CORRUPT, "attach report: over 100 %%");
		return HV_OK;
	case HV_ATTACH_DISCARD:
	case HV_ATTACH_DISCARDED:
		if (!is_range(packet->discard.offset, packet->discard.bytes))
			return hv_fail(err, HV_E_CORRUPT,
				       "attach discard: range is not whole pages");
		return HV_OK;
	case HV_ATTACH_CONTROL:
		if (packet->control.command == 0 ||
		    packet->control.command >= HV_CONTROL_COUNT)
			return hv_fail(err, HV_E_CORRUPT, "attach control: command %u",
				       packet->control.command);
		return HV_OK;
	case HV_ATTACH_CALLS_OPEN:
		return check_calls_open(&packet->calls_open, err);
	case HV_ATTACH_RESIZE:
		return check_resize(&packet->resize, err);
	case HV_ATTACH_RESIZED:
		if (!is_memory(packet->resized.bytes))
			return hv_fail(err, HV_E_CORRUPT,
				       "attach resized: memory is not whole pages");
		return HV_OK;
	case HV_ATTACH_OS:
		if (packet->os.loan_policy > HV_LOAN_POLICY_MAX)
			return hv_fail(err, HV_E_CORRUPT, "attach os: loan policy %u",
				       packet->os.loan_policy);
		return HV_OK;
	case HV_ATTACH_GUEST:
		return check_guest(&packet->guest, err);
	case HV_ATTACH_LOAN:
		if (!is_pages(packet->loan.bytes))
			return hv_fail(err, HV_E_CORRUPT, "attach loan: not whole pages");
		return HV_OK;
	default:
		return HV_OK; /* GO and CALLS have no fields */
	}
}

enum hv_code hv_attach_check(const void *packet, size_t bytes, struct hv_err *err)
{
	union packet copy; /* the caller's buffer may be aligned to nothing */
	enum hv_code code = hv_local_check(packet, bytes, HV_ATTACH_VERSION, err);

	if (code != HV_OK)
		return code;
	memcpy(&copy.head, packet, sizeof(copy.head));
	if (bytes != hv_attach_bytes(copy.head.type))
		return hv_fail(err, HV_E_CORRUPT, "attach packet of type %u, %zu bytes",
			       copy.head.type, bytes);
	memcpy(&copy, packet, bytes);
	return check_fields(&copy, err);
}
