/* order - see order.h. */
#include "deploy/guest/order.h"

#include <stdio.h>
#include <string.h>

#include "hvcore/base/units.h"

#define NUMBER_BYTES 24 /* every uint64_t, and what is too long to be one */

static const char *const names[GUEST_ORDER_KIND_COUNT] = {
	[GUEST_ORDER_STATUS] = "status", [GUEST_ORDER_VERIFY] = "verify",
	[GUEST_ORDER_PAUSE] = "pause",   [GUEST_ORDER_GO] = "go",
	[GUEST_ORDER_FREE] = "free",     [GUEST_ORDER_FILL] = "fill",
	[GUEST_ORDER_PANIC] = "panic",   [GUEST_ORDER_POWEROFF] = "poweroff",
};

const char *guest_order_usage(void)
{
	return "status verify pause go free PERCENT fill panic poweroff";
}

static enum hv_code parse_words(char *text, struct guest_order *ret_order,
				struct hv_err *err)
{
	char *rest = NULL;
	const char *name = strtok_r(text, " ", &rest);
	const char *value = strtok_r(NULL, " ", &rest);
	unsigned kind = 0;
	uint64_t percent = 0;

	while (kind < GUEST_ORDER_KIND_COUNT &&
	       (name == NULL || strcmp(name, names[kind]) != 0))
		kind++;
	if (kind == GUEST_ORDER_KIND_COUNT || strtok_r(NULL, " ", &rest) != NULL)
		return hv_fail(err, HV_E_INVAL, "no such order");
	if ((kind == GUEST_ORDER_FREE) != (value != NULL))
		return hv_fail(err, HV_E_INVAL, "%s",
			       "only free takes a number, and needs it");
	if (value != NULL && hv_u64_parse(value, 100, &percent, NULL) != HV_OK)
		return hv_fail(err, HV_E_INVAL, "free takes a percentage");
	*ret_order = (struct guest_order){ .kind = kind, .percent = (unsigned)percent };
	return HV_OK;
}

enum hv_code guest_order_parse(const char *text, struct guest_order *ret_order,
			       struct hv_err *err)
{
	char words[GUEST_ORDER_BYTES];

	if (snprintf(words, sizeof(words), "%s", text) >= (int)sizeof(words))
		return hv_fail(err, HV_E_INVAL, "a line that is too long");
	return parse_words(words, ret_order, err);
}

/* The number behind `name`, a word of `text` that is `count` characters long. */
static enum hv_code parse_setting(const char *word, size_t count, const char *name,
				  uint64_t max, uint64_t *value)
{
	size_t skipped = strlen(name);
	char number[NUMBER_BYTES];

	if (count < skipped || strncmp(word, name, skipped) != 0)
		return HV_OK;
	if (count - skipped >= sizeof(number))
		return HV_E_INVAL;
	memcpy(number, word + skipped, count - skipped);
	number[count - skipped] = '\0';
	return hv_u64_parse(number, max, value, NULL);
}

enum hv_code guest_settings_parse(const char *command_line,
				  struct guest_settings *ret_settings, struct hv_err *err)
{
	static const char blanks[] = " \t\r\n";
	uint64_t run = 0, panic = 0;
	struct guest_settings settings = { .pace = GUEST_PACE };
	struct {
		const char *name;
		uint64_t max, *value;
	} const table[] = {
		{ "tarn.mem=", GUEST_MEMORY_MIB_MAX, &settings.memory_mib },
		{ "tarn.pace=", GUEST_PACE_MAX, &settings.pace },
		{ "tarn.run=", 1, &run },
		{ "tarn.panic=", 1, &panic },
	};
	const char *wrong = NULL;

	for (const char *at = command_line; *at != '\0';) {
		size_t count = strcspn(at, blanks);

		for (size_t i = 0; i < HV_COUNT(table); i++) {
			if (parse_setting(at, count, table[i].name, table[i].max,
					  table[i].value) != HV_OK &&
			    wrong == NULL)
				wrong = table[i].name;
		}
		at += count;
		at += strspn(at, blanks);
	}
	settings.may_run = run != 0;
	settings.may_panic = panic != 0;
	*ret_settings = settings;
	if (wrong != NULL)
		return hv_fail(err, HV_E_INVAL, "%s has a wrong value", wrong);
	return HV_OK;
}
