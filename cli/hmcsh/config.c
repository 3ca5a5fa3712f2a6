/* config - see config.h. */
#include "cli/hmcsh/config.h"

#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hvcore/base/option.h"

#define PROGRAM "tarn-hmcsh"
#define EXIT_USAGE 2
#define IDLE_S_MAX 86400
#define URL_BYTES_MAX 255
#define ARGUMENTS_MAX 16 /* all options, twice */

struct raw {
	const char *name, *user, *coordinator;
	uint64_t idle_s;
};

#define AT(member) offsetof(struct raw, member)

// clang-format off
static const struct hv_option options[] = {
	{ "name", HV_OPTION_NAME, "NAME", hv_option_absent, 0, 0, AT(name), NULL,
	  "name of this HMC (default: of this host, up to the first dot)" },
	{ "user", HV_OPTION_NAME, "USER", hv_option_absent, 0, 0, AT(user), NULL,
	  "HMC user whose session this is (default: who runs it; of root: hscroot)" },
	{ "coordinator", HV_OPTION_STRING, "URL", hv_option_absent, 1, URL_BYTES_MAX, AT(coordinator), NULL,
	  "where the coordinator listens (default: $TARN_COORDINATOR)" },
	{ "idle-timeout", HV_OPTION_U64, "SECONDS", "0", 0, IDLE_S_MAX, AT(idle_s), NULL,
	  "ends a session at whose prompt nothing was typed for so long; 0: never" },
};
// clang-format on

static const struct hv_option_table table = {
	.program = PROGRAM,
	.summary = "the shell of an HMC; -c LINE runs one line of it",
	.options = options,
	.count = HV_COUNT(options),
};

static int wrong(const char *what)
{
	(void)fprintf(stderr, PROGRAM ": %s\n", what);
	return EXIT_USAGE;
}

/* Takes "-c LINE" out, as every shell has it; the rest are options of the table. */
static int take_line(int argc, char **argv, const char **ret_line, char **rest,
		     int *ret_count)
{
	*ret_count = 0;
	for (int i = 0; i < argc; i++) {
		if (i > 0 && strcmp(argv[i], "-c") == 0) {
			if (i + 1 == argc)
				return wrong("-c: option requires an argument");
			*ret_line = argv[++i];
			continue;
		}
		if (*ret_count == ARGUMENTS_MAX)
			return wrong("too many arguments");
		rest[(*ret_count)++] = argv[i];
	}
	rest[*ret_count] = NULL;
	return -1;
}

static int find_name(struct hmcsh_config *config)
{
	if (gethostname(config->own_name, sizeof(config->own_name)) != 0)
		return wrong("this host has no name: give --name");
	config->own_name[HOST_NAME_MAX] = '\0';
	config->own_name[strcspn(config->own_name, ".")] = '\0';
	if (!hv_name_is_valid(config->own_name))
		(void)snprintf(config->own_name, sizeof(config->own_name), "hmc");
	config->name = config->own_name;
	return -1;
}

/* Root may do anything here already, and is hscroot as in the commands themselves. */
static int find_user(struct hmcsh_config *config)
{
	const struct passwd *entry = getpwuid(getuid());

	if (getuid() == 0) {
		config->user = "hscroot";
		return -1;
	}

	if (entry == NULL || !hv_name_is_valid(entry->pw_name))
		return wrong("who runs this has no name: give --user");
	(void)snprintf(config->own_user, sizeof(config->own_user), "%s", entry->pw_name);
	config->user = config->own_user;
	return -1;
}

int hmcsh_config_parse(int argc, char **argv, struct hmcsh_config *config)
{
	char *rest[ARGUMENTS_MAX + 1];
	struct hv_option_result result;
	struct raw raw = { 0 };
	int count, rv;

	*config = (struct hmcsh_config){ 0 };
	rv = take_line(argc, argv, &config->line, rest, &count);
	if (rv < 0)
		rv = hv_option_main(&table, count, rest, &raw, &result);
	if (rv >= 0)
		return rv;
	config->name = raw.name;
	config->user = raw.user;
	config->idle_s = raw.idle_s;
	config->coordinator = raw.coordinator != NULL ? raw.coordinator
						      : getenv("TARN_COORDINATOR");
	if (config->line == NULL)
		config->line = getenv("SSH_ORIGINAL_COMMAND");
	if (config->name == NULL)
		rv = find_name(config);
	if (rv < 0 && config->user == NULL)
		rv = find_user(config);
	return rv < 0 && result.is_check ? 0 : rv;
}
