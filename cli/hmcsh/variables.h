/*
 * variables - what a session of the shell remembers by name, and the environment of
 * what it starts.
 *
 * Programs are given only variables of a short list (language, time zone, terminal),
 * and those only with values that name no file: everything else that a program may
 * look for (LD_PRELOAD, GCONV_PATH, TMPDIR, ...) would be a way out of the shell. What
 * the shell itself says (TARN_HMC_USER, TARN_COORDINATOR) is fixed.
 *
 * Contract
 *   Threads  one.
 *   Memory   owns names and values; what get gives is valid until the next set.
 *   Errors   REFUSED: read-only, in the words of a shell. LIMIT, NOMEM.
 */
#ifndef CLI_HMCSH_VARIABLES_H
#define CLI_HMCSH_VARIABLES_H

#include "cli/hmcsh/script.h"

#define HMCSH_VARIABLES_MAX 256          /* arbitrary */
#define HMCSH_VALUE_BYTES_MAX (4u << 20) /* of one; a list of 10,000 LPARs is 3 MB */
#define HMCSH_VALUES_BYTES_MAX (16u << 20)

struct hmcsh_variable {
	char name[HMCSH_NAME_BYTES_MAX];
	char *value;
	bool is_exported, is_fixed;
};

struct hmcsh_variables {
	unsigned count;
	size_t bytes; /* of all values */
	struct hmcsh_variable all[HMCSH_VARIABLES_MAX];
};

void hmcsh_variables_init(struct hmcsh_variables *variables);
void hmcsh_variables_fini(struct hmcsh_variables *variables);

/* NULL: not set. */
const char *hmcsh_variables_get(const struct hmcsh_variables *variables,
				const char *name);

/* The name must be valid. */
HV_MUST_USE
enum hv_code hmcsh_variables_set(struct hmcsh_variables *variables, const char *name,
				 const char *value, struct hv_err *err);
/* Exports it, where it is not set with an empty value. */
HV_MUST_USE
enum hv_code hmcsh_variables_export(struct hmcsh_variables *variables, const char *name,
				    struct hv_err *err);
/* Sets it for good, exported. */
HV_MUST_USE
enum hv_code hmcsh_variables_fix(struct hmcsh_variables *variables, const char *name,
				 const char *value, struct hv_err *err);
HV_MUST_USE
enum hv_code hmcsh_variables_unset(struct hmcsh_variables *variables, const char *name,
				   struct hv_err *err);

/* May a program be given this by its user? */
bool hmcsh_variable_is_harmless(const char *name, const char *value);

/*
 * "NAME=value" of everything that a program is given, NULL at the end. The caller
 * frees it with hmcsh_environment_free(). NULL: no memory.
 */
char **hmcsh_environment_make(const struct hmcsh_variables *variables);
void hmcsh_environment_free(char **environment);

#endif
