/* arithmetic - see arithmetic.h. Binary operators are climbed by their precedence. */
#include "cli/hmcsh/arithmetic.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64 /* of parentheses, signs and operators; arbitrary */
#define SHOWN_BYTES 80

struct reading {
	const struct hmcsh_variables *variables;
	const char *whole, *at;
	unsigned depth;
	struct hv_err *err;
};

enum operation {
	OR,
	AND,
	BIT_OR,
	BIT_XOR,
	BIT_AND,
	EQ,
	NE,
	LE,
	GE,
	SHIFT_LEFT,
	SHIFT_RIGHT,
	LT,
	GT,
	ADD,
	SUBTRACT,
	MULTIPLY,
	DIVIDE,
	REMAINDER
};

static const struct infix {
	const char *text;
	unsigned precedence; /* a higher one binds closer */
	enum operation operation;
} infixes[] = {
	/* clang-format off: of two that match the longer comes first */
	{ "||", 1, OR },       { "&&", 2, AND },        { "==", 6, EQ },
	{ "!=", 6, NE },       { "<<", 8, SHIFT_LEFT }, { ">>", 8, SHIFT_RIGHT },
	{ "<=", 7, LE },       { ">=", 7, GE },         { "|", 3, BIT_OR },
	{ "^", 4, BIT_XOR },   { "&", 5, BIT_AND },     { "<", 7, LT },
	{ ">", 7, GT },        { "+", 9, ADD },         { "-", 9, SUBTRACT },
	{ "*", 10, MULTIPLY }, { "/", 10, DIVIDE },     { "%", 10, REMAINDER },
	/* clang-format on */
};

static enum hv_code read_ternary(struct reading *r, int64_t *ret_value);

static enum hv_code wrong(struct reading *r, const char *why)
{
	return hv_fail(r->err, HV_E_INVAL, "%.*s: %s", SHOWN_BYTES, r->whole, why);
}

static void skip_blanks(struct reading *r)
{
	r->at += strspn(r->at, " \t\n");
}

static const struct infix *find_operator(struct reading *r)
{
	skip_blanks(r);
	for (size_t i = 0; i < HV_COUNT(infixes); i++)
		if (strncmp(r->at, infixes[i].text, strlen(infixes[i].text)) == 0)
			return &infixes[i];
	return NULL;
}

/* Wraps as the machine does; -2^63 / -1 too. */
static int64_t divide(int64_t a, int64_t b, bool is_remainder)
{
	if (b == -1)
		return is_remainder ? 0 : (int64_t)(0 - (uint64_t)a);
	return is_remainder ? a % b : a / b;
}

static int64_t apply(enum operation operation, int64_t a, int64_t b)
{
	uint64_t x = (uint64_t)a, y = (uint64_t)b;

	switch (operation) {
	case OR:
		return a != 0 || b != 0;
	case AND:
		return a != 0 && b != 0;
	case BIT_OR:
		return a | b;
	case BIT_XOR:
		return a ^ b;
	case BIT_AND:
		return a & b;
	case EQ:
		return a == b;
	case NE:
		return a != b;
	case LE:
		return a <= b;
	case GE:
		return a >= b;
	case LT:
		return a < b;
	case GT:
		return a > b;
	case SHIFT_LEFT:
		return (int64_t)(x << (y & 63));
	case SHIFT_RIGHT:
		return a >> (y & 63);
	case ADD:
		return (int64_t)(x + y);
	case SUBTRACT:
		return (int64_t)(x - y);
	case MULTIPLY:
		return (int64_t)(x * y);
	case DIVIDE:
	case REMAINDER:
		return divide(a, b, operation == REMAINDER);
	}
	return 0;
}

static enum hv_code parse_number(struct reading *r, const char *text,
				 const char **ret_end, int64_t *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtoll(text, &end, 0);
	*ret_end = end;
	if (errno != 0 || isalnum((unsigned char)*end) || *end == '_')
		return wrong(r, "value too great for base");
	return HV_OK;
}

static enum hv_code read_name(struct reading *r, int64_t *ret_value)
{
	char name[HMCSH_NAME_BYTES_MAX];
	const char *value, *end;
	enum hv_code code;
	size_t count = 0;

	while (isalnum((unsigned char)r->at[count]) || r->at[count] == '_')
		count++;
	if (!hmcsh_name_is_valid(r->at, count))
		return wrong(r, "syntax error: operand expected");
	memcpy(name, r->at, count);
	name[count] = '\0';
	r->at += count;
	value = hmcsh_variables_get(r->variables, name);
	if (value != NULL)
		value += strspn(value, " \t\n");
	*ret_value = 0;
	if (value == NULL || *value == '\0')
		return HV_OK;
	if (strchr("+-0123456789", *value) == NULL)
		return wrong(r, "a variable is no number");
	code = parse_number(r, value, &end, ret_value);
	if (code == HV_OK && (end == value || end[strspn(end, " \t\n")] != '\0'))
		return wrong(r, "a variable is no number");
	return code;
}

static enum hv_code read_operand(struct reading *r, int64_t *ret_value)
{
	enum hv_code code;

	skip_blanks(r);
	if (isdigit((unsigned char)*r->at))
		return parse_number(r, r->at, &r->at, ret_value);
	if (*r->at != '(')
		return read_name(r, ret_value);
	r->at++;
	code = read_ternary(r, ret_value);
	skip_blanks(r);
	if (code == HV_OK && *r->at != ')')
		return wrong(r, "missing `)'");
	r->at++;
	return code;
}

static enum hv_code read_unary(struct reading *r, int64_t *ret_value)
{
	char sign;
	enum hv_code code;

	skip_blanks(r);
	sign = *r->at;
	if (sign == '\0' || strchr("+-!~", sign) == NULL)
		return read_operand(r, ret_value);
	if (r->at[1] == sign && (sign == '+' || sign == '-'))
		return wrong(r, "restricted: nothing is assigned in an expression");
	if (++r->depth > DEPTH_MAX)
		return wrong(r, "expression recursion level exceeded");
	r->at++;
	code = read_unary(r, ret_value);
	r->depth--;
	if (code != HV_OK)
		return code;
	if (sign == '-')
		*ret_value = (int64_t)(0 - (uint64_t)*ret_value);
	if (sign == '!')
		*ret_value = *ret_value == 0;
	if (sign == '~')
		*ret_value = ~*ret_value;
	return HV_OK;
}

/* Operators that bind at least as close as `precedence`. */
static enum hv_code read_binary(struct reading *r, unsigned precedence,
				int64_t *ret_value)
{
	const struct infix *sign;
	enum hv_code code;
	int64_t right;

	if (++r->depth > DEPTH_MAX)
		return wrong(r, "expression recursion level exceeded");
	code = read_unary(r, ret_value);
	while (code == HV_OK) {
		sign = find_operator(r);
		if (sign == NULL || sign->precedence < precedence)
			break;
		r->at += strlen(sign->text);
		if (*r->at == '=')
			return wrong(r,
				     "restricted: nothing is assigned in an expression");
		code = read_binary(r, sign->precedence + 1, &right);
		if (code != HV_OK)
			return code;
		if (right == 0 &&
		    (sign->operation == DIVIDE || sign->operation == REMAINDER))
			return wrong(r, "division by 0");
		*ret_value = apply(sign->operation, *ret_value, right);
	}
	r->depth--;
	return code;
}

static enum hv_code read_ternary(struct reading *r, int64_t *ret_value)
{
	int64_t yes = 0, no = 0;
	enum hv_code code;

	if (++r->depth > DEPTH_MAX)
		return wrong(r, "expression recursion level exceeded");
	code = read_binary(r, 1, ret_value);
	skip_blanks(r);
	if (code == HV_OK && *r->at == '?') {
		r->at++;
		code = read_ternary(r, &yes);
		skip_blanks(r);
		if (code == HV_OK && *r->at != ':')
			return wrong(r, "`:' expected for conditional expression");
		r->at++;
		if (code == HV_OK)
			code = read_ternary(r, &no);
		*ret_value = *ret_value != 0 ? yes : no;
	}
	r->depth--;
	return code;
}

enum hv_code hmcsh_arithmetic(const struct hmcsh_variables *variables,
			      const char *expression, int64_t *ret_value,
			      struct hv_err *err)
{
	struct reading r = {
		.variables = variables, .whole = expression, .at = expression, .err = err
	};
	enum hv_code code;

	*ret_value = 0;
	skip_blanks(&r);
	if (*r.at == '\0')
		return HV_OK;
	code = read_ternary(&r, ret_value);
	skip_blanks(&r);
	if (code == HV_OK && *r.at == '=')
		return wrong(&r, "restricted: nothing is assigned in an expression");
	if (code == HV_OK && *r.at != '\0')
		return wrong(&r, "syntax error in expression");
	return code;
}
