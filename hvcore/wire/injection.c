/* injection - see injection.h. */
#include "hvcore/wire/injection.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const kinds[HV_INJECTION_KIND_COUNT] = {
	[HV_INJECTION_DELAY] = "delay",     [HV_INJECTION_ERROR] = "error",
	[HV_INJECTION_CORRUPT] = "corrupt", [HV_INJECTION_TORN] = "torn",
	[HV_INJECTION_HANG] = "hang",       [HV_INJECTION_CUT] = "cut",
};

static const char *const errors[HV_INJECTION_ERROR_COUNT] = {
	[HV_INJECTION_EIO] = "EIO",
	[HV_INJECTION_ENOSPC] = "ENOSPC",
};

const char *hv_injection_kind_name(uint32_t kind)
{
	return kind < HV_INJECTION_KIND_COUNT ? kinds[kind] : NULL;
}

const char *hv_injection_op_name(uint32_t op)
{
	static const char *const names[] = { NULL, "read", "write", "both" };

	return op < HV_COUNT(names) ? names[op] : NULL;
}

const char *hv_injection_direction_name(uint32_t direction)
{
	static const char *const names[] = { NULL, "there", "back", "both" };

	return direction < HV_COUNT(names) ? names[direction] : NULL;
}

const char *hv_injection_error_name(uint32_t error)
{
	return error < HV_INJECTION_ERROR_COUNT ? errors[error] : NULL;
}

int hv_injection_errno(uint32_t error)
{
	return error == HV_INJECTION_ENOSPC ? ENOSPC : EIO;
}

static enum hv_code check_cut(const struct hv_injection *injection, struct hv_err *err)
{
	if (injection->kind != HV_INJECTION_CUT)
		return injection->direction == 0
			       ? HV_OK
			       : hv_fail(err, HV_E_INVAL,
					 "a direction is of kind cut, not of %s: leave "
					 "one of both out",
					 kinds[injection->kind]);
	if (hv_injection_direction_name(injection->direction) == NULL)
		return hv_fail(err, HV_E_INVAL,
			       "there is no direction %u to cut: say there, back or both",
			       injection->direction);
	if (injection->op != HV_INJECTION_BOTH ||
	    injection->rate_ppm != HV_INJECTION_ALL || injection->device[0] != '\0')
		return hv_fail(err, HV_E_INVAL,
			       "a cut is of everything that passes the link: leave "
			       "operation, rate and device out");
	return HV_OK;
}

/* What is of one kind alone. */
static enum hv_code check_kind(const struct hv_injection *injection, struct hv_err *err)
{
	bool is_delay = injection->kind == HV_INJECTION_DELAY;
	bool is_error = injection->kind == HV_INJECTION_ERROR;

	if (is_delay &&
	    (injection->delay_ms == 0 || injection->delay_ms > HV_INJECTION_DELAY_MAX_MS))
		return hv_fail(err, HV_E_INVAL,
			       "a delay of %u ms: say one of 1 ms to %d s",
			       injection->delay_ms, HV_INJECTION_DELAY_MAX_MS / 1000);
	if (!is_delay && injection->delay_ms != 0)
		return hv_fail(
			err, HV_E_INVAL,
			"a delay is of kind delay, not of %s: leave one of both out",
			kinds[injection->kind]);
	if (is_error && hv_injection_error_name(injection->error) == NULL)
		return hv_fail(err, HV_E_INVAL,
			       "there is no error %u to inject: say EIO or ENOSPC",
			       injection->error);
	if (!is_error && injection->error != 0)
		return hv_fail(err, HV_E_INVAL,
			       "%s is of kind error, not of %s: leave one of both out",
			       hv_injection_error_name(injection->error) != NULL
				       ? errors[injection->error]
				       : "an error",
			       kinds[injection->kind]);
	if (injection->kind == HV_INJECTION_TORN && injection->op != HV_INJECTION_WRITE)
		return hv_fail(err, HV_E_INVAL,
			       "only writes can be torn, not '%s': say op write",
			       hv_injection_op_name(injection->op));
	return check_cut(injection, err);
}

enum hv_code hv_injection_check(const struct hv_injection *injection, struct hv_err *err)
{
	if (hv_injection_kind_name(injection->kind) == NULL)
		return hv_fail(err, HV_E_INVAL,
			       "there is no injection of kind %u: say delay, error, "
			       "corrupt, torn, hang or cut",
			       injection->kind);
	if (hv_injection_op_name(injection->op) == NULL)
		return hv_fail(err, HV_E_INVAL,
			       "there is no operation %u: say read, write or both",
			       injection->op);
	if (injection->rate_ppm == 0 || injection->rate_ppm > HV_INJECTION_ALL)
		return hv_fail(err, HV_E_INVAL,
			       "a rate of %u in a million: say one of 1 to %d, a "
			       "percentage, or all",
			       injection->rate_ppm, HV_INJECTION_ALL);
	if (injection->time_ms == 0 || injection->time_ms > HV_INJECTION_TIME_MAX_MS)
		return hv_fail(err, HV_E_INVAL,
			       "an injection for %u ms: say a time of 1 ms to %d s",
			       injection->time_ms, HV_INJECTION_TIME_MAX_MS / 1000);
	if (memchr(injection->device, '\0', sizeof(injection->device)) == NULL ||
	    (injection->device[0] != '\0' && !hv_name_is_valid(injection->device)))
		return hv_fail(err, HV_E_INVAL,
			       "'%.31s' is not the name of a device: say one that the "
			       "host has, or none for all",
			       injection->device);
	return check_kind(injection, err);
}

/* "1%", "0.25%", "all"; a rate is a whole number of millionths. */
static void rate_text(uint32_t ppm, char *text, size_t room)
{
	char digits[8];
	size_t n;

	if (ppm >= HV_INJECTION_ALL) {
		(void)snprintf(text, room, "all");
		return;
	}
	(void)snprintf(digits, sizeof(digits), "%04u", ppm % 10000);
	for (n = 4; n > 0 && digits[n - 1] == '0'; n--)
		digits[n - 1] = '\0';
	(void)snprintf(text, room, n > 0 ? "%u.%s%% of" : "%u%% of", ppm / 10000, digits);
}

static const char *direction_text(uint32_t direction)
{
	const char *name = hv_injection_direction_name(direction);

	if (direction == HV_INJECTION_BOTH_WAYS)
		return "both ways";
	return name != NULL ? name : "?";
}

const char *hv_injection_text(const struct hv_injection *injection,
			      char text[HV_INJECTION_TEXT_BYTES])
{
	static const char *const what[] = { "", "reads", "writes", "reads and writes" };
	char rate[32], detail[32] = "", device[HV_NAME_BYTES + 16] = "";
	const char *kind = hv_injection_kind_name(injection->kind);

	if (injection->kind == HV_INJECTION_CUT) {
		(void)snprintf(text, HV_INJECTION_TEXT_BYTES,
			       "cut of its link, %s, for %u.%03u s",
			       direction_text(injection->direction),
			       injection->time_ms / 1000, injection->time_ms % 1000);
		return text;
	}
	rate_text(injection->rate_ppm, rate, sizeof(rate));
	if (injection->kind == HV_INJECTION_DELAY)
		(void)snprintf(detail, sizeof(detail), " of %u ms", injection->delay_ms);
	if (injection->kind == HV_INJECTION_ERROR)
		(void)snprintf(detail, sizeof(detail), " %s",
			       hv_injection_error_name(injection->error) != NULL
				       ? hv_injection_error_name(injection->error)
				       : "?");
	if (injection->device[0] != '\0')
		(void)snprintf(device, sizeof(device), " of device '%.31s'",
			       injection->device);
	(void)snprintf(text, HV_INJECTION_TEXT_BYTES, "%s%s, %s %s%s, for %u.%03u s",
		       kind != NULL ? kind : "?", detail, rate,
		       what[injection->op & HV_INJECTION_BOTH], device,
		       injection->time_ms / 1000, injection->time_ms % 1000);
	return text;
}

bool hv_inject_path(char path[HV_LOCAL_PATH_BYTES], const char *state, const char *vios)
{
	int n = snprintf(path, HV_LOCAL_PATH_BYTES, "%s/run/%s.ctl", state, vios);

	return n > 0 && n < HV_LOCAL_PATH_BYTES;
}

/* It ends, and may be told on: in logs, events and messages. */
static bool is_text(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL && hv_text_is_printable(text);
}

static enum hv_code check_answer(const void *packet, struct hv_err *err)
{
	struct hv_inject_answer answer;

	memcpy(&answer, packet, sizeof(answer));
	if (!is_text(answer.text, sizeof(answer.text)))
		return hv_fail(err, HV_E_CORRUPT, "inject answer: its text is none");
	return HV_OK;
}

static enum hv_code check_order(const void *packet, struct hv_err *err)
{
	struct hv_inject_order order;

	memcpy(&order, packet, sizeof(order));
	if (!is_text(order.injection.device, sizeof(order.injection.device)))
		return hv_fail(err, HV_E_CORRUPT, "inject order: its device is no text");
	return hv_injection_check(&order.injection, err);
}

enum hv_code hv_inject_check(const void *packet, size_t bytes, struct hv_err *err)
{
	static const size_t sizes[HV_INJECT_TYPE_COUNT] = {
		[HV_INJECT_START] = sizeof(struct hv_inject_order),
		[HV_INJECT_CLEAR] = sizeof(struct hv_local_head),
		[HV_INJECT_ANSWER] = sizeof(struct hv_inject_answer),
		[HV_INJECT_ASK] = sizeof(struct hv_local_head),
	};
	struct hv_local_head head;
	enum hv_code code = hv_local_check(packet, bytes, HV_INJECT_VERSION, err);

	if (code != HV_OK)
		return code;
	memcpy(&head, packet, sizeof(head));
	if (head.type >= HV_INJECT_TYPE_COUNT || sizes[head.type] == 0)
		return hv_fail(err, HV_E_CORRUPT, "inject packet of type %u", head.type);
	if (bytes != sizes[head.type])
		return hv_fail(err, HV_E_CORRUPT,
			       "inject packet of type %u with %zu bytes, not %zu",
			       head.type, bytes, sizes[head.type]);
	if (head.type == HV_INJECT_ANSWER)
		return check_answer(packet, err);
	return head.type == HV_INJECT_START ? check_order(packet, err) : HV_OK;
}
