/* json - see json.h. */
#include "tests/bench/compare/json.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>

#include "hvcore/base/invariant.h"

#define DEPTH 8

static bool has_member[DEPTH];
static unsigned depth;

static void begin(const char *name)
{
	if (has_member[depth])
		(void)fputc(',', stdout);
	if (depth > 0)
		(void)printf("\n%*s", (int)(2 * depth), "");
	has_member[depth] = true;
	if (name != NULL)
		(void)printf("\"%s\": ", name);
}

static void open_with(const char *name, char bracket)
{
	begin(name);
	(void)fputc(bracket, stdout);
	HV_INVARIANT(depth + 1 < DEPTH);
	has_member[++depth] = false;
}

static void close_with(char bracket)
{
	HV_INVARIANT(depth > 0);
	depth--;
	(void)printf("\n%*s%c", (int)(2 * depth), "", bracket);
	if (depth == 0)
		(void)fputc('\n', stdout);
	(void)fflush(stdout);
}

void json_open(const char *name)
{
	open_with(name, '{');
}

void json_close(void)
{
	close_with('}');
}

void json_open_array(const char *name)
{
	open_with(name, '[');
}

void json_close_array(void)
{
	close_with(']');
}

void json_number(const char *name, double value)
{
	begin(name);
	if (isfinite(value))
		(void)printf("%.6g", value);
	else
		(void)fputs("null", stdout);
}

void json_null(const char *name)
{
	begin(name);
	(void)fputs("null", stdout);
}

void json_text(const char *name, const char *text)
{
	begin(name);
	(void)printf("\"%s\"", text);
}

void json_flag(const char *name, int is_true)
{
	begin(name);
	(void)fputs(is_true ? "true" : "false", stdout);
}
