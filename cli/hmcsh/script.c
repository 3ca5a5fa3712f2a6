/* script - see script.h. Memory comes in chunks that are never moved. */
#include "cli/hmcsh/script.h"

#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hvcore/base/invariant.h"

#define CHUNK_BYTES 4096 /* arbitrary: a usual line needs one */
#define ALIGN sizeof(void *)

struct hmcsh_chunk {
	struct hmcsh_chunk *next;
	size_t used, room;
	char bytes[];
};

void hmcsh_script_init(struct hmcsh_script *script)
{
	*script = (struct hmcsh_script){ 0 };
}

void hmcsh_script_fini(struct hmcsh_script *script)
{
	while (script->chunks != NULL) {
		struct hmcsh_chunk *next = script->chunks->next;

		free(script->chunks);
		script->chunks = next;
	}
	*script = (struct hmcsh_script){ 0 };
}

static struct hmcsh_chunk *new_chunk(struct hmcsh_script *script, size_t bytes,
				     struct hv_err *err)
{
	size_t room = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	struct hmcsh_chunk *chunk = NULL;

	if (script->bytes + room > HMCSH_SCRIPT_BYTES_MAX) {
		(void)hv_fail(err, HV_E_NOMEM, "line too long");
		return NULL;
	}
	chunk = calloc(1, sizeof(*chunk) + room);
	if (chunk == NULL) {
		(void)hv_fail(err, HV_E_NOMEM, "cannot allocate memory");
		return NULL;
	}
	chunk->room = room;
	chunk->next = script->chunks;
	script->chunks = chunk;
	script->bytes += room;
	return chunk;
}

void *hmcsh_script_take(struct hmcsh_script *script, size_t bytes, struct hv_err *err)
{
	struct hmcsh_chunk *chunk = script->chunks;
	void *at;

	HV_INVARIANT(bytes <= HMCSH_SCRIPT_BYTES_MAX);
	bytes = (bytes + ALIGN - 1) / ALIGN * ALIGN;
	if (chunk == NULL || chunk->room - chunk->used < bytes)
		chunk = new_chunk(script, bytes, err);
	if (chunk == NULL)
		return NULL;
	at = chunk->bytes + chunk->used;
	chunk->used += bytes;
	return at;
}

char *hmcsh_script_text(struct hmcsh_script *script, const char *text, size_t count,
			struct hv_err *err)
{
	char *copy = hmcsh_script_take(script, count + 1, err);

	if (copy != NULL)
		memcpy(copy, text, count);
	return copy;
}

struct hmcsh_node *hmcsh_script_node(struct hmcsh_script *script, enum hmcsh_kind kind,
				     struct hv_err *err)
{
	struct hmcsh_node *node;

	if (script->nodes == HMCSH_NODES_MAX) {
		(void)hv_fail(err, HV_E_NOMEM, "line has too many commands");
		return NULL;
	}
	node = hmcsh_script_take(script, sizeof(*node), err);
	if (node == NULL)
		return NULL;
	script->nodes++;
	node->kind = kind;
	return node;
}

bool hmcsh_name_is_valid(const char *name, size_t count)
{
	if (count == 0 || count >= HMCSH_NAME_BYTES_MAX ||
	    isdigit((unsigned char)name[0]))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_')
			return false;
	return true;
}

const char *hmcsh_word_bare(const struct hmcsh_word *word)
{
	const struct hmcsh_part *part = word->parts;

	if (part == NULL || part->next != NULL || part->kind != HMCSH_TEXT ||
	    part->is_quoted)
		return NULL;
	return part->text;
}
