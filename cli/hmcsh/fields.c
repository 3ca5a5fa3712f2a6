/* fields - see fields.h. */
#include "cli/hmcsh/fields.h"

#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"

#define FIRST_ROOM 64

void hmcsh_fields_init(struct hmcsh_fields *fields)
{
	*fields = (struct hmcsh_fields){ 0 };
}

void hmcsh_fields_fini(struct hmcsh_fields *fields)
{
	for (unsigned i = 0; i < fields->count; i++)
		free(fields->words[i]);
	free(fields->words);
	free(fields->word);
	*fields = (struct hmcsh_fields){ 0 };
}

static enum hv_code no_memory(struct hv_err *err)
{
	return hv_fail(err, HV_E_NOMEM, "cannot allocate memory");
}

enum hv_code hmcsh_fields_add(struct hmcsh_fields *fields, const char *text, size_t count,
			      struct hv_err *err)
{
	size_t room = fields->word_room > 0 ? fields->word_room : FIRST_ROOM;
	char *grown;

	if (count > HMCSH_FIELDS_BYTES_MAX - fields->bytes)
		return hv_fail(err, HV_E_LIMIT, "argument list too long");
	while (room < fields->word_count + count + 1)
		room *= 2;
	if (room != fields->word_room) {
		grown = realloc(fields->word, room);
		if (grown == NULL)
			return no_memory(err);
		fields->word = grown;
		fields->word_room = room;
	}
	memcpy(fields->word + fields->word_count, text, count);
	fields->word_count += count;
	fields->bytes += count;
	fields->is_open = true;
	fields->is_after_blank = false;
	return HV_OK;
}

static enum hv_code make_room(struct hmcsh_fields *fields, struct hv_err *err)
{
	unsigned room = fields->room > 0 ? 2 * fields->room : FIRST_ROOM;
	char **grown;

	if (fields->count + 1 < fields->room)
		return HV_OK;
	if (room > HMCSH_FIELDS_MAX)
		return hv_fail(err, HV_E_LIMIT, "argument list too long");
	grown = realloc(fields->words, room * sizeof(*grown));
	if (grown == NULL)
		return no_memory(err);
	fields->words = grown;
	fields->room = room;
	return HV_OK;
}

enum hv_code hmcsh_fields_end(struct hmcsh_fields *fields, struct hv_err *err)
{
	enum hv_code code;
	char *word;

	fields->is_after_blank = false;
	if (!fields->is_open)
		return HV_OK;
	code = make_room(fields, err);
	if (code != HV_OK)
		return code;
	word = malloc(fields->word_count + 1);
	if (word == NULL)
		return no_memory(err);
	HV_INVARIANT(fields->word != NULL);
	memcpy(word, fields->word, fields->word_count);
	word[fields->word_count] = '\0';
	fields->words[fields->count++] = word;
	fields->words[fields->count] = NULL;
	fields->word_count = 0;
	fields->is_open = false;
	return HV_OK;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* One separator: whether it ends a word, or only goes on from one that did. */
static enum hv_code separate(struct hmcsh_fields *fields, char c, struct hv_err *err)
{
	bool ends_one = fields->is_open || fields->is_after_blank;
	enum hv_code code = HV_OK;

	if (!is_blank(c) && !ends_one)
		code = hmcsh_fields_add(fields, "", 0, err);
	if (is_blank(c) && !fields->is_open)
		return HV_OK;
	if (code == HV_OK)
		code = hmcsh_fields_end(fields, err);
	fields->is_after_blank = is_blank(c);
	return code;
}

enum hv_code hmcsh_fields_split(struct hmcsh_fields *fields, const char *text,
				const char *separators, struct hv_err *err)
{
	enum hv_code code = HV_OK;

	while (*text != '\0' && code == HV_OK) {
		size_t count = strcspn(text, separators);

		if (count > 0)
			code = hmcsh_fields_add(fields, text, count, err);
		text += count;
		if (code == HV_OK && *text != '\0')
			code = separate(fields, *text++, err);
	}
	return code;
}
