/* qmp_line - see qmp_line.h. */
#include "agent/partition/attach_library/qmp_line.h"

#include <string.h>

struct cursor {
	const char *at, *end;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Takes one character where it is the next one. */
static bool take(struct cursor *cursor, char wanted)
{
	while (cursor->at < cursor->end && is_space(*cursor->at))
		cursor->at++;
	if (cursor->at >= cursor->end || *cursor->at != wanted)
		return false;
	cursor->at++;
	return true;
}

/* The rest of a string, its first quote taken; gives what is between the quotes. */
static bool take_text(struct cursor *cursor, struct qmp_value *ret_value)
{
	const char *start = cursor->at;

	while (cursor->at < cursor->end && *cursor->at != '"') {
		if (*cursor->at == '\\')
			cursor->at++;
		cursor->at++;
	}
	if (cursor->at >= cursor->end)
		return false;
	*ret_value = (struct qmp_value){ QMP_TEXT, start, (size_t)(cursor->at - start) };
	cursor->at++;
	return true;
}

/* {...} or [...]: up to the bracket that ends it; which kind it is does not matter. */
static bool take_nested(struct cursor *cursor)
{
	struct qmp_value ignored;
	size_t depth = 0;

	do {
		char c;

		if (cursor->at >= cursor->end)
			return false;
		c = *cursor->at++;
		if (c == '"' && !take_text(cursor, &ignored))
			return false;
		if (c == '{' || c == '[')
			depth++;
		if (c == '}' || c == ']')
			depth--;
	} while (depth > 0);
	return true;
}

static bool take_word(struct cursor *cursor)
{
	const char *start = cursor->at;

	while (cursor->at < cursor->end && strchr(",}] \t\r\n", *cursor->at) == NULL)
		cursor->at++;
	return cursor->at > start;
}

static bool take_value(struct cursor *cursor, struct qmp_value *ret_value)
{
	const char *start;
	bool is_whole;

	if (take(cursor, '"'))
		return take_text(cursor, ret_value);
	if (cursor->at >= cursor->end) /* take() left the spaces out */
		return false;
	start = cursor->at;
	ret_value->kind = QMP_OTHER;
	if (*start == '{' || *start == '[') {
		is_whole = take_nested(cursor);
	} else {
		is_whole = take_word(cursor);
		if (*start >= '0' && *start <= '9')
			ret_value->kind = QMP_NUMBER;
	}
	ret_value->text = start;
	ret_value->bytes = (size_t)(cursor->at - start);
	return is_whole;
}

/* A member of the object that begins here. */
static bool find_member(struct cursor *cursor, const char *name, size_t name_bytes,
			struct qmp_value *ret_value)
{
	struct qmp_value key, value;

	if (!take(cursor, '{'))
		return false;
	do {
		if (!take(cursor, '"') || !take_text(cursor, &key) ||
		    !take(cursor, ':') || !take_value(cursor, &value))
			return false;
		if (key.bytes == name_bytes && memcmp(key.text, name, name_bytes) == 0) {
			*ret_value = value;
			return true;
		}
	} while (take(cursor, ','));
	return false;
}

bool qmp_line_find(const char *line, size_t bytes, const char *path,
		   struct qmp_value *ret_value)
{
	struct qmp_value value = { QMP_OTHER, line, bytes };

	for (;;) {
		struct cursor cursor = { value.text, value.text + value.bytes };
		size_t name_bytes = strcspn(path, ".");

		if (value.kind != QMP_OTHER ||
		    !find_member(&cursor, path, name_bytes, &value))
			return false;
		path += name_bytes;
		if (*path == '\0')
			break;
		path++;
	}
	*ret_value = value;
	return true;
}

bool qmp_line_is(const char *line, size_t bytes, const char *path, const char *text)
{
	struct qmp_value value;

	return qmp_line_find(line, bytes, path, &value) && value.kind == QMP_TEXT &&
	       value.bytes == strlen(text) && memcmp(value.text, text, value.bytes) == 0;
}

bool qmp_line_number(const char *line, size_t bytes, const char *path,
		     uint64_t *ret_number)
{
	struct qmp_value value;
	uint64_t number = 0;

	if (!qmp_line_find(line, bytes, path, &value) || value.kind != QMP_NUMBER)
		return false;
	for (size_t i = 0; i < value.bytes; i++) {
		unsigned digit = (unsigned)(value.text[i] - '0');

		if (digit > 9 || number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

bool qmp_line_next(const struct qmp_value *list, size_t *at, struct qmp_value *ret_item)
{
	struct cursor cursor = { list->text + *at, list->text + list->bytes };

	if (!take(&cursor, *at == 0 ? '[' : ',') || !take_value(&cursor, ret_item))
		return false;
	*at = (size_t)(cursor.at - list->text);
	return true;
}
