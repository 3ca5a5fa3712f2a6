/*
 * keys - bytes of a terminal as keys: what is typed is itself, arrows and the like have
 * numbers of their own. Terminals differ in how they write those; these all understand.
 *
 * Contract
 *   Threads  one.
 *   Memory   embedded; zero-initialise it.
 *   Time     ESC begins the other keys: where nothing follows it in a moment, call
 *            cli_keys_end(), and it was the key itself.
 */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include <stdbool.h>
#include <stdint.h>

enum cli_key {
	CLI_KEY_NONE = 0,
	CLI_KEY_CANCEL = 3, /* Ctrl-C: a raw terminal sends no signal */
	CLI_KEY_TAB = 9,
	CLI_KEY_ENTER = 13,
	CLI_KEY_REDRAW = 12, /* Ctrl-L */
	CLI_KEY_ESCAPE = 27,
	CLI_KEY_BACKSPACE = 127,
	CLI_KEY_UP = 256,
	CLI_KEY_DOWN,
	CLI_KEY_LEFT,
	CLI_KEY_RIGHT,
	CLI_KEY_PAGE_UP,
	CLI_KEY_PAGE_DOWN,
	CLI_KEY_HOME,
	CLI_KEY_END,
};

struct cli_keys {
	enum { CLI_KEYS_PLAIN, CLI_KEYS_ESCAPE, CLI_KEYS_SEQUENCE } at;
	unsigned number; /* of "ESC [ number ~" */
};

/* The key that this byte completes, or CLI_KEY_NONE. */
int cli_keys_take(struct cli_keys *keys, uint8_t byte);

/* Nothing came for a moment. */
int cli_keys_end(struct cli_keys *keys);

#endif
