/*
 * console - fuzz target for what is typed at a partition's console: the client's tilde
 * (cli/tilde.h), then the line (agent/partition/line.h), then the numbers in it.
 *
 * Claim: a line is a bounded string of printable characters, whatever is typed; how the
 * bytes were cut into pieces makes no difference; a number that is accepted is read
 * back the same.
 */
#include <stdio.h>
#include <string.h>

#include "agent/partition/debugger.h"
#include "agent/partition/line.h"
#include "cli/tilde.h"
#include "hvcore/base/invariant.h"
#include "tests/fuzz/fuzz.h"

#define BYTES_MAX 4096

static void check_line(const struct partition_line *line)
{
	uint64_t value, again;
	char text[32];

	HV_INVARIANT(strlen(line->text) == line->count);
	HV_INVARIANT(line->count < PARTITION_LINE_BYTES);
	for (unsigned i = 0; i < line->count; i++)
		HV_INVARIANT(line->text[i] >= ' ' && line->text[i] <= '~');
	if (!partition_number_parse(line->text, &value))
		return;
	(void)snprintf(text, sizeof(text), "0x%llx", (unsigned long long)value);
	HV_INVARIANT(partition_number_parse(text, &again) && again == value);
}

static void type(const uint8_t *bytes, size_t count)
{
	static struct partition_ring echo;
	struct partition_line line = { .count = 0 };
	struct partition_line unheard = { .count = 0 };

	for (size_t i = 0; i < count; i++) {
		enum partition_line_event event = partition_line_take(&line, bytes[i],
								      &echo);

		HV_INVARIANT(event == partition_line_take(&unheard, bytes[i], NULL));
		check_line(&line);
		HV_INVARIANT(strcmp(line.text, unheard.text) == 0);
		if (event == PARTITION_LINE_NONE)
			continue;
		HV_INVARIANT(event == PARTITION_LINE_COMPLETE || line.count == 0);
		partition_line_clear(&line);
		partition_line_clear(&unheard);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t whole[BYTES_MAX + 1], pieces[2 * BYTES_MAX];
	struct cli_tilde one = { 0 }, many = { 0 };
	size_t count, total = 0, piece;
	bool leaves, has_left = false;

	if (size > BYTES_MAX)
		return 0;
	leaves = cli_tilde_take(&one, data, size, whole, &count);
	HV_INVARIANT(count <= size + 1);
	for (size_t i = 0; i < size && !has_left; i++) {
		has_left = cli_tilde_take(&many, data + i, 1, pieces + total, &piece);
		total += piece;
	}
	HV_INVARIANT(leaves == has_left && count == total);
	HV_INVARIANT(memcmp(whole, pieces, count) == 0);
	type(whole, count);
	return 0;
}
