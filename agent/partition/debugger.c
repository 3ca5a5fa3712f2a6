/* debugger - see debugger.h. */
#include "agent/partition/debugger.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 640 /* an error's sentence and some */

static void say(struct partition_ring *out, const char *format, ...) HV_PRINTF(2, 3);

static void say(struct partition_ring *out, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	partition_ring_put(out, text, strlen(text));
}

bool partition_number_parse(const char *text, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (text[0] != '0' || (text[1] | 0x20) != 'x')
		return hv_size_parse(text, ret_value, NULL) == HV_OK;
	if (text[2] == '\0')
		return false;
	for (const char *at = text + 2; *at != '\0'; at++) {
		unsigned digit = (unsigned)*at - '0';

		if (!isxdigit((unsigned char)*at) || value >> 60 != 0)
			return false;
		if (digit > 9)
			digit = ((unsigned)*at | 0x20) - 'a' + 10;
		value = value << 4 | digit;
	}
	*ret_value = value;
	return true;
}

static void watch(struct partition_debugger *debugger, struct partition_guest *guest,
		  const char *number, unsigned flags, struct partition_ring *out)
{
	struct hv_err err = { 0 };
	uint64_t address;

	if (!partition_number_parse(number, &address)) {
		say(out, "error: '%.100s' is not a number\n", number);
		return;
	}
	partition_debugger_end(debugger, guest);
	if (partition_guest_watch(guest, address, flags, &err) != HV_OK) {
		say(out, "error: %s\n", hv_err_text(&err));
		return;
	}
	debugger->is_set = true;
	say(out, "watching 0x%llx\n", (unsigned long long)address);
}

void partition_debugger_run(struct partition_debugger *debugger,
			    struct partition_guest *guest, char *line,
			    struct partition_ring *out)
{
	char *rest = NULL;
	const char *verb = strtok_r(line, " ", &rest);
	const char *number = strtok_r(NULL, " ", &rest);
	const char *kind = strtok_r(NULL, " ", &rest);

	if (verb != NULL && strcmp(verb, "off") == 0 && number == NULL)
		partition_debugger_end(debugger, guest);
	else if (verb == NULL || strcmp(verb, "watch") != 0 || kind == NULL)
		say(out, "error: 'watch ADDR write', 'watch ADDR read-write' or 'off'\n");
	else if (strcmp(kind, "write") == 0)
		watch(debugger, guest, number, HV_DABR_WRITE, out);
	else if (strcmp(kind, "read-write") == 0)
		watch(debugger, guest, number, HV_DABR_READ | HV_DABR_WRITE, out);
	else
		say(out, "error: '%.100s' is neither write nor read-write\n", kind);
}

void partition_debugger_look(struct partition_debugger *debugger,
			     struct partition_guest *guest, struct partition_ring *out)
{
	struct partition_hits hits;

	if (!debugger->is_set)
		return;
	for (unsigned i = 0; i < PARTITION_WATCHED_MAX; i++) {
		if (!partition_guest_hits(guest, i, &hits))
			return;
		if (hits.hits == debugger->told[i])
			continue;
		debugger->told[i] = hits.hits;
		say(out, "hits %llu %llu %s\n", (unsigned long long)hits.hits,
		    (unsigned long long)hits.tid, hits.name);
	}
}

void partition_debugger_end(struct partition_debugger *debugger,
			    struct partition_guest *guest)
{
	if (debugger->is_set)
		(void)!partition_guest_watch(guest, 0, 0, NULL); /* else with us */
	*debugger = (struct partition_debugger){ .is_set = false };
}
