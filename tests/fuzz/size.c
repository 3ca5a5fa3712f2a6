/*
 * size - fuzz target for what people type: sizes, numbers, names, addresses, options.
 *
 * Claim: an accepted size is below 2^63 and its digits survive; an accepted option
 * is in its bounds.
 */
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"
#include "hvcore/base/option.h"
#include "hvcore/base/units.h"
#include "tests/fuzz/fuzz.h"

#define WORDS_MAX 16

struct config {
	const char *path;
	const char *name;
	const char *token;
	uint64_t memory;
	unsigned kind;
	bool is_fast, drills;
};

static const char *const kinds[] = { "idle", "zipf", NULL };

/* clang-format off */
static const struct hv_option options[] = {
	{ "path",   HV_OPTION_PATH,   "PATH", hv_option_absent, 1, 16,
	  offsetof(struct config, path), NULL, "path" },
	{ "name",   HV_OPTION_NAME,   "NAME", "h1", 0, 0,
	  offsetof(struct config, name), NULL, "name" },
	{ "token",  HV_OPTION_HEX,    "HEX", hv_option_absent, 4, 0,
	  offsetof(struct config, token), NULL, "token" },
	{ "memory", HV_OPTION_SIZE,   "SIZE", "1M", 4096, 1 << 30,
	  offsetof(struct config, memory), NULL, "memory" },
	{ "kind",   HV_OPTION_CHOICE, "KIND", "zipf", 0, 0,
	  offsetof(struct config, kind), kinds, "kind" },
	{ "fast",   HV_OPTION_BOOL,   "yes|no", "no", 0, 0,
	  offsetof(struct config, is_fast), NULL, "fast" },
	{ "drills", HV_OPTION_FLAG,   NULL, NULL, 0, 0,
	  offsetof(struct config, drills), NULL, "drills" },
};
/* clang-format on */

static const struct hv_option_table table = { .program = "fuzz",
					      .summary = "fuzz",
					      .options = options,
					      .count = HV_COUNT(options) };

static void check_options(char *text)
{
	char *argv[WORDS_MAX + 2] = { text };
	struct config config;
	struct hv_option_result result;
	int argc = 1;

	for (char *at = text; *at != '\0' && argc <= WORDS_MAX;) {
		argv[argc++] = at;
		at += strcspn(at, "\n");
		if (*at != '\0')
			*at++ = '\0';
	}
	if (hv_option_parse(&table, argc, argv, &config, &result, NULL) != HV_OK ||
	    result.wants_help)
		return;
	HV_INVARIANT(config.memory >= 4096 && config.memory <= 1 << 30);
	HV_INVARIANT(hv_name_is_valid(config.name) && config.kind < 2);
	HV_INVARIANT(config.path == NULL || config.path[0] == '/');
	HV_INVARIANT(config.token == NULL || strlen(config.token) == 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), shown[32];
	uint64_t value;

	HV_INVARIANT(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	if (hv_size_parse(text, &value, NULL) == HV_OK) {
		HV_INVARIANT(value <= UINT64_MAX >> 1);
		HV_INVARIANT(strlen(hv_size_format(value, shown, sizeof(shown))) < 16);
	}
	if (hv_u64_parse(text, 1000, &value, NULL) == HV_OK)
		HV_INVARIANT(value <= 1000);
	if (hv_name_is_valid(text))
		HV_INVARIANT(strlen(text) < HV_NAME_BYTES);
	check_options(text);
	free(text);
	return 0;
}
