/* variables - see variables.h. */
#include "cli/hmcsh/variables.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"

#define HARMLESS_VALUE_BYTES 64 /* the longest locale and zone have half */

/* What a user may say to programs, and what the shell says itself. */
static const char *const harmless[] = { "LANG",    "LANGUAGE", "TERM", "TZ",
					"COLUMNS", "LINES",    "LC_*" };
static const char *const own[] = { "TARN_HMC_USER", "TARN_COORDINATOR" };

void hmcsh_variables_init(struct hmcsh_variables *variables)
{
	variables->count = 0;
	variables->bytes = 0;
}

void hmcsh_variables_fini(struct hmcsh_variables *variables)
{
	while (variables->count > 0)
		free(variables->all[--variables->count].value);
	variables->bytes = 0;
}

static struct hmcsh_variable *find(const struct hmcsh_variables *variables,
				   const char *name)
{
	for (unsigned i = 0; i < variables->count; i++)
		if (strcmp(variables->all[i].name, name) == 0)
			return (struct hmcsh_variable *)&variables->all[i];
	return NULL;
}

const char *hmcsh_variables_get(const struct hmcsh_variables *variables, const char *name)
{
	const struct hmcsh_variable *variable = find(variables, name);

	return variable != NULL ? variable->value : NULL;
}

static enum hv_code fixed(const char *name, struct hv_err *err)
{
	return hv_fail(err, HV_E_REFUSED, "%s: readonly variable", name);
}

enum hv_code hmcsh_variables_set(struct hmcsh_variables *variables, const char *name,
				 const char *value, struct hv_err *err)
{
	struct hmcsh_variable *variable = find(variables, name);
	size_t size = strnlen(value, HMCSH_VALUE_BYTES_MAX), old = 0;
	char *copy;

	HV_INVARIANT(hmcsh_name_is_valid(name, strlen(name)));
	if (variable != NULL && variable->is_fixed)
		return fixed(name, err);
	if (variable != NULL)
		old = strlen(variable->value);
	if (size == HMCSH_VALUE_BYTES_MAX ||
	    variables->bytes - old + size > HMCSH_VALUES_BYTES_MAX)
		return hv_fail(err, HV_E_LIMIT, "%s: value too long", name);
	if (variable == NULL && variables->count == HMCSH_VARIABLES_MAX)
		return hv_fail(err, HV_E_LIMIT, "%s: too many variables", name);
	copy = strdup(value);
	if (copy == NULL)
		return hv_fail(err, HV_E_NOMEM, "cannot allocate memory");
	if (variable == NULL) {
		variable = &variables->all[variables->count++];
		*variable = (struct hmcsh_variable){ 0 };
		memcpy(variable->name, name, strlen(name) + 1);
	}
	free(variable->value);
	variable->value = copy;
	variables->bytes = variables->bytes - old + size;
	return HV_OK;
}

enum hv_code hmcsh_variables_export(struct hmcsh_variables *variables, const char *name,
				    struct hv_err *err)
{
	enum hv_code code = HV_OK;

	if (find(variables, name) == NULL)
		code = hmcsh_variables_set(variables, name, "", err);
	if (code == HV_OK)
		find(variables, name)->is_exported = true;
	return code;
}

enum hv_code hmcsh_variables_fix(struct hmcsh_variables *variables, const char *name,
				 const char *value, struct hv_err *err)
{
	enum hv_code code = hmcsh_variables_set(variables, name, value, err);

	if (code == HV_OK) {
		find(variables, name)->is_exported = true;
		find(variables, name)->is_fixed = true;
	}
	return code;
}

enum hv_code hmcsh_variables_unset(struct hmcsh_variables *variables, const char *name,
				   struct hv_err *err)
{
	struct hmcsh_variable *variable = find(variables, name);

	if (variable == NULL)
		return HV_OK;
	if (variable->is_fixed)
		return fixed(name, err);
	variables->bytes -= strlen(variable->value);
	free(variable->value);
	variables->count--;
	if (variable != &variables->all[variables->count])
		*variable = variables->all[variables->count];
	return HV_OK;
}

static bool is_harmless_name(const char *name)
{
	for (size_t i = 0; i < HV_COUNT(harmless); i++) {
		size_t count = strlen(harmless[i]);
		bool is_prefix = harmless[i][count - 1] == '*';

		if (is_prefix ? strncmp(name, harmless[i], count - 1) == 0
			      : strcmp(name, harmless[i]) == 0)
			return true;
	}
	return false;
}

/* No path: "Europe/Berlin" is none, "/etc/x", ":/etc/x" and "a/../x" are. */
bool hmcsh_variable_is_harmless(const char *name, const char *value)
{
	bool may_have_slash = strcmp(name, "TZ") == 0;

	if (!is_harmless_name(name) ||
	    strnlen(value, HARMLESS_VALUE_BYTES) == HARMLESS_VALUE_BYTES ||
	    value[0] == '/' || value[0] == ':' || strstr(value, "..") != NULL)
		return false;
	for (; *value != '\0'; value++)
		if (!isalnum((unsigned char)*value) &&
		    strchr("_.@,:+-", *value) == NULL &&
		    !(may_have_slash && *value == '/'))
			return false;
	return true;
}

static bool is_given(const struct hmcsh_variable *variable)
{
	for (size_t i = 0; i < HV_COUNT(own); i++)
		if (strcmp(variable->name, own[i]) == 0)
			return variable->is_fixed;
	return variable->is_exported &&
	       hmcsh_variable_is_harmless(variable->name, variable->value);
}

char **hmcsh_environment_make(const struct hmcsh_variables *variables)
{
	char **environment = calloc(variables->count + 1, sizeof(*environment));
	unsigned n = 0;

	for (unsigned i = 0; environment != NULL && i < variables->count; i++) {
		const struct hmcsh_variable *variable = &variables->all[i];
		size_t name = strlen(variable->name), value = strlen(variable->value);

		if (!is_given(variable))
			continue;
		environment[n] = malloc(name + value + 2);
		if (environment[n] == NULL) {
			hmcsh_environment_free(environment);
			return NULL;
		}
		memcpy(environment[n], variable->name, name);
		environment[n][name] = '=';
		memcpy(environment[n] + name + 1, variable->value, value + 1);
		n++;
	}
	return environment;
}

void hmcsh_environment_free(char **environment)
{
	for (unsigned i = 0; environment != NULL && environment[i] != NULL; i++)
		free(environment[i]);
	free(environment);
}
