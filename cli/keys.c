/*
 * keys - see keys.h.
 *
 *   PLAIN --ESC--> ESCAPE --'[' or 'O'--> SEQUENCE --digits, ';'--> itself
 *     ^               |                       |
 *     '---- ends -----+------ a letter or ~ --'
 */
#include "cli/keys.h"

#define NUMBER_MAX 1000 /* a sequence of nonsense does not overflow */

static int of_letter(uint8_t letter)
{
	switch (letter) {
	case 'A':
		return CLI_KEY_UP;
	case 'B':
		return CLI_KEY_DOWN;
	case 'C':
		return CLI_KEY_RIGHT;
	case 'D':
		return CLI_KEY_LEFT;
	case 'F':
		return CLI_KEY_END;
	case 'H':
		return CLI_KEY_HOME;
	default:
		return CLI_KEY_NONE;
	}
}

static int of_number(unsigned number)
{
	switch (number) {
	case 1:
	case 7:
		return CLI_KEY_HOME;
	case 4:
	case 8:
		return CLI_KEY_END;
	case 5:
		return CLI_KEY_PAGE_UP;
	case 6:
		return CLI_KEY_PAGE_DOWN;
	default:
		return CLI_KEY_NONE;
	}
}

static int of_byte(uint8_t byte)
{
	if (byte == '\n')
		return CLI_KEY_ENTER;
	if (byte == 8)
		return CLI_KEY_BACKSPACE;
	return byte;
}

static int take_sequence(struct cli_keys *keys, uint8_t byte)
{
	if (byte >= '0' && byte <= '9') {
		if (keys->number < NUMBER_MAX)
			keys->number = keys->number * 10 + (byte - '0');
		return CLI_KEY_NONE;
	}
	if (byte < 0x40 || byte > 0x7e)
		return CLI_KEY_NONE; /* ';' and the like: more follows */
	keys->at = CLI_KEYS_PLAIN;
	return byte == '~' ? of_number(keys->number) : of_letter(byte);
}

int cli_keys_take(struct cli_keys *keys, uint8_t byte)
{
	if (byte == CLI_KEY_ESCAPE) { /* also in the middle of another: that was cut */
		keys->at = CLI_KEYS_ESCAPE;
		return CLI_KEY_NONE;
	}
	switch (keys->at) {
	case CLI_KEYS_ESCAPE:
		keys->number = 0;
		keys->at = byte == '[' || byte == 'O' ? CLI_KEYS_SEQUENCE
						      : CLI_KEYS_PLAIN;
		return CLI_KEY_NONE; /* Alt with a key means nothing */
	case CLI_KEYS_SEQUENCE:
		return take_sequence(keys, byte);
	default:
		return of_byte(byte);
	}
}

int cli_keys_end(struct cli_keys *keys)
{
	bool is_escape = keys->at == CLI_KEYS_ESCAPE;

	keys->at = CLI_KEYS_PLAIN;
	return is_escape ? CLI_KEY_ESCAPE : CLI_KEY_NONE;
}
