/* inject - tarn vios inject: faults in the device I/O of a VIOS, and the end of them. */
#include "cli/commands.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/inject.h"
#include "cli/words.h"
#include "hvcore/wire/injection_message.h"

#define MS_OF_SECOND 1000
#define MS_OF_MINUTE 60000
#define DIGITS_MAX 9 /* more is more than any limit here */

const char *const cli_injection_kinds[] = { "delay", "error", "corrupt", "torn",
					    "hang",  "cut",   NULL };
const char *const cli_injection_directions[] = { "there", "back", "both", NULL };
const char *const cli_injection_ops[] = { "read", "write", "both", NULL };
const char *const cli_injection_errors[] = { "EIO", "ENOSPC", NULL };

/* Digits at the start of `text`; how many. The value is below 10^9. */
static size_t take_digits(const char *text, uint32_t *ret_value)
{
	size_t n = strspn(text, "0123456789");
	uint32_t value = 0;

	if (n > DIGITS_MAX)
		return 0;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (uint32_t)(text[i] - '0');
	*ret_value = value;
	return n;
}

enum hv_code cli_duration_parse(const char *text, uint32_t *ret_ms, struct hv_err *err)
{
	static const struct {
		const char *unit;
		uint32_t ms;
	} units[] = { { "ms", 1 }, { "s", MS_OF_SECOND }, { "m", MS_OF_MINUTE } };
	uint32_t value = 0;
	size_t n = take_digits(text, &value);

	for (size_t i = 0; n > 0 && i < HV_COUNT(units); i++) {
		if (strcmp(text + n, units[i].unit) != 0)
			continue;
		if (value > UINT32_MAX / units[i].ms)
			break;
		*ret_ms = value * units[i].ms;
		return HV_OK;
	}
	return hv_fail(err, HV_E_INVAL, "'%.32s' is not a time; write 5ms, 10s or 2m",
		       text);
}

/* After the point: up to four digits, as millionths of "1%" are whole. */
static size_t take_fraction(const char *text, uint32_t *ret_ppm)
{
	uint32_t value = 0;
	size_t n = take_digits(text, &value);

	if (n == 0 || n > 4)
		return 0;
	for (size_t i = n; i < 4; i++)
		value *= 10;
	*ret_ppm = value;
	return n;
}

enum hv_code cli_rate_parse(const char *text, uint32_t *ret_ppm, struct hv_err *err)
{
	uint32_t whole = 0, fraction = 0;
	size_t n;

	if (strcmp(text, "all") == 0) {
		*ret_ppm = HV_INJECTION_ALL;
		return HV_OK;
	}
	n = take_digits(text, &whole);
	if (n > 0 && text[n] == '\0') { /* parts in a million */
		*ret_ppm = whole;
		return HV_OK;
	}
	if (n > 0 && text[n] == '.') {
		size_t digits = take_fraction(text + n + 1, &fraction);

		n = digits > 0 ? n + 1 + digits : 0;
	}
	if (n == 0 || strcmp(text + n, "%") != 0 || whole > 100)
		return hv_fail(err, HV_E_INVAL,
			       "'%.32s' is not a rate; write 1%%, 0.25%%, all, or how "
			       "many in a million",
			       text);
	*ret_ppm = whole * (HV_INJECTION_ALL / 100) + fraction;
	return HV_OK;
}

/* One of the choices, whose numbers begin with 1; 0: it was not said. */
static uint32_t choice(const struct cli *cli, const char *name)
{
	return cli_flag(&cli->args, name) ? 1 + (uint32_t)cli_number(&cli->args, name, 0)
					  : 0;
}

static enum hv_code take_times(struct cli *cli, struct hv_injection *injection,
			       struct hv_err *err)
{
	const char *delay = cli_text(&cli->args, "delay");
	const char *rate = cli_text(&cli->args, "rate");
	enum hv_code code;

	code = cli_duration_parse(cli_text(&cli->args, "for"), &injection->time_ms, err);
	if (code != HV_OK)
		return cli_usage(cli, err, "--for: %s", err->text);
	code = cli_rate_parse(rate != NULL ? rate : "all", &injection->rate_ppm, err);
	if (code != HV_OK)
		return cli_usage(cli, err, "--rate: %s", err->text);
	if (delay == NULL)
		return HV_OK;
	code = cli_duration_parse(delay, &injection->delay_ms, err);
	if (code != HV_OK)
		return cli_usage(cli, err, "--delay: %s", err->text);
	return HV_OK;
}

static enum hv_code take_injection(struct cli *cli, struct hv_injection *ret_injection,
				   struct hv_err *err)
{
	const char *device = cli_text(&cli->args, "device");
	struct hv_injection injection = {
		.kind = choice(cli, "kind"),
		.op = choice(cli, "op"),
		.error = choice(cli, "error"),
		.direction = choice(cli, "direction"),
		.seed = cli_number(&cli->args, "seed", 0),
	};
	enum hv_code code;

	if (injection.kind == 0)
		return cli_usage(cli, err, "--kind is missing, or --clear");
	if (cli_text(&cli->args, "for") == NULL)
		return cli_usage(cli, err, "--for is missing: how long, as 10s");
	if (injection.op == 0)
		injection.op = injection.kind == HV_INJECTION_TORN ? HV_INJECTION_WRITE
								   : HV_INJECTION_BOTH;
	if (injection.error == 0 && injection.kind == HV_INJECTION_ERROR)
		injection.error = HV_INJECTION_EIO;
	if (injection.direction == 0 && injection.kind == HV_INJECTION_CUT)
		injection.direction = HV_INJECTION_BOTH_WAYS;
	(void)snprintf(injection.device, sizeof(injection.device), "%.31s",
		       device != NULL ? device : "");
	code = take_times(cli, &injection, err);
	if (code == HV_OK && hv_injection_check(&injection, err) != HV_OK)
		code = cli_usage(cli, err, "%s", err->text);
	if (code == HV_OK)
		*ret_injection = injection;
	return code;
}

static enum hv_code check_clear(struct cli *cli, struct hv_err *err)
{
	static const char *const others[] = { "kind",  "op",    "rate",
					      "for",   "delay", "device",
					      "error", "seed",  "direction" };

	for (size_t i = 0; i < HV_COUNT(others); i++)
		if (cli_flag(&cli->args, others[i]))
			return cli_usage(cli, err,
					 "--clear ends all that is injected; leave --%s "
					 "out",
					 others[i]);
	return HV_OK;
}

/* Said with the result, so that the same faults can be had again. */
static enum hv_code take_seed(struct cli *cli, struct hv_injection *injection,
			      struct hv_err *err)
{
	uint32_t seed = 0;
	enum hv_code code = HV_OK;

	if (injection->seed != 0)
		return HV_OK;
	code = cli->world->random(cli->world, (uint8_t *)&seed, sizeof(seed), err);
	injection->seed = seed != 0 ? seed : 1;
	return code;
}

/* For the event; a name that is none of ours is left out. */
static char *who(void)
{
	const struct passwd *entry = getpwuid(getuid());

	return entry != NULL && hv_name_is_valid(entry->pw_name) ? entry->pw_name : NULL;
}

enum hv_code cli_vios_inject(struct cli *cli, struct hv_err *err)
{
	Tarn__ClusterRequest request = TARN__CLUSTER_REQUEST__INIT;
	Tarn__ViosInject inject = TARN__VIOS_INJECT__INIT;
	bool is_clear = cli_flag(&cli->args, "clear");
	char done[CLI_DONE_BYTES], text[HV_INJECTION_TEXT_BYTES] = "no more faults";
	char seed[32] = "";
	struct hv_injection injection = { 0 };
	Tarn__Injection message;
	enum hv_code code;

	code = is_clear ? check_clear(cli, err) : take_injection(cli, &injection, err);
	if (code == HV_OK && !is_clear)
		code = take_seed(cli, &injection, err);
	if (code != HV_OK)
		return code;
	inject.host = (char *)cli_text(&cli->args, "host"); /* only encoded */
	inject.name = (char *)cli_text(&cli->args, "NAME");
	inject.by = who();
	if (!is_clear) {
		hv_injection_write(&injection, &message);
		inject.injection = &message;
		(void)hv_injection_text(&injection, text);
		(void)snprintf(seed, sizeof(seed), ", seed %" PRIu64, injection.seed);
	}
	request.kind_case = TARN__CLUSTER_REQUEST__KIND_VIOS_INJECT;
	request.vios_inject = &inject;
	(void)snprintf(done, sizeof(done), "VIOS '%.31s' of host '%.31s': %.100s%s",
		       inject.name, inject.host, text, seed);
	return cli_change(cli, &request,
			  &(struct cli_change){ .done = done, .waits = true }, err);
}
