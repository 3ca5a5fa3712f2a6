/*
 * qmp - fuzz target for what QEMU's monitor says, of which the guest writes a part.
 *
 * Claim: a line is read without reading outside it, and what is kept of it is printable
 * and ends.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/partition/attach_library/qmp.h"
#include "agent/partition/attach_library/qmp_line.h"
#include "hvcore/base/invariant.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *line = malloc(size > 0 ? size : 1); /* one byte beyond is seen */
	struct qmp_value value, item;
	struct qmp_event event;
	size_t at = 0;

	HV_INVARIANT(line != NULL);
	memcpy(line, data, size);
	event = qmp_event_of(line, size);
	HV_INVARIANT(event.kind < QMP_EVENT_COUNT);
	HV_INVARIANT(memchr(event.text, '\0', sizeof(event.text)) != NULL);
	for (const char *c = event.text; *c != '\0'; c++)
		HV_INVARIANT(*c >= ' ' && *c <= '~');
	if (qmp_line_find(line, size, "return", &value)) {
		HV_INVARIANT(value.text >= line && value.bytes <= size);
		HV_INVARIANT(value.text + value.bytes <= line + size);
		while (qmp_line_next(&value, &at, &item))
			HV_INVARIANT(item.text + item.bytes <= value.text + value.bytes);
	}
	free(line);
	return 0;
}
